"""Languages other than English: direct quotations in their conventions, cue and speaker, and simple reported speech."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from communique.extraction.article import Article, Paragraph
from communique.extraction.lexicon import load_lexicon
from communique.extraction.reported import report
from communique.extraction.sources import resolve_sources
from communique.extraction.titles import titles_of

CODES = ("ru", "uk", "es", "fr", "ar", "zh")

# language, article, statements: content (its parts joined by " | "), kind, cue, speaker, office, actor
Said = tuple[str, str, str, str, str, str]
ARTICLES: list[tuple[str, str, list[Said]]] = [
    # -- objects, media and cases
    (
        "es",
        "La presidenta Ana Orda negó las acusaciones. «Es humo», escribió en X.",
        [
            ("las acusaciones", "indirect", "negó", "Ana Orda", "presidenta", ""),
            ("Es humo", "direct", "escribió", "Ana Orda", "presidenta", ""),
        ],
    ),
    (
        "es",
        "La ministra Ana Orda anunció este jueves la expulsión del embajador.",
        [("la expulsión del embajador", "indirect", "anunció", "Ana Orda", "ministra", "")],
    ),
    ("es", "«Es mentira», dijo en Facebook Ana Orda.", [("Es mentira", "direct", "dijo", "Ana Orda", "", "")]),
    (
        "es",
        "Según Orda, el diplomático tiene tres días para irse.",
        [("el diplomático tiene tres días para irse", "indirect", "Según", "Orda", "", "")],
    ),
    (
        "fr",
        "La ministre Ada Orlon a rejeté lundi l'ultimatum. Elle a démenti avoir donné l'ordre.",
        [
            ("l'ultimatum", "indirect", "a rejeté", "Ada Orlon", "ministre", ""),
            ("avoir donné l'ordre", "indirect", "a démenti", "Ada Orlon", "ministre", ""),
        ],
    ),
    (
        "zh",
        "外交部发言人王林否认有关指责，并称港口开放。",
        [
            ("有关指责", "indirect", "否认", "王林", "外交部发言人", ""),
            ("港口开放", "indirect", "称", "王林", "外交部发言人", ""),
        ],
    ),
    (
        "ru",
        "По словам министра Анны Орловой, порт закрыт.",
        [("порт закрыт", "indirect", "По словам", "Анна Орлова", "министр", "")],
    ),
    (
        "ru",
        "По словам министра Андрея Ильича Зимина, порт закрыт.",
        [("порт закрыт", "indirect", "По словам", "Андрей Ильич Зимин", "министр", "")],
    ),
    (
        "ru",
        "По словам Игоря Орлова, порт закрыт.",
        [("порт закрыт", "indirect", "По словам", "Игорь Орлов", "", "")],
    ),
    (
        "ru",
        "По словам Ореста Вальда, порт закрыт. Орест Вальд вышел в море.",
        [("порт закрыт", "indirect", "По словам", "Орест Вальд", "", "")],
    ),
    (
        "ru",  # no other form stands there, and "Вальда" may be one
        "По словам Ореста Вальда, порт закрыт.",
        [("порт закрыт", "indirect", "По словам", "Ореста Вальда", "", "")],
    ),
    (
        "ru",
        "По мнению Марии Ярской, порт закрыт.",
        [("порт закрыт", "indirect", "По мнению", "Мария Ярская", "", "")],
    ),
    (
        "ru",
        "По данным министерства обороны, порт закрыт.",
        [("порт закрыт", "indirect", "По данным", "министерство обороны", "", "министерство обороны")],
    ),
    # -- Russian
    (
        "ru",
        "«Мы не отвечаем на ультиматумы», — заявил министр иностранных дел Корсуме Давит Кольмари. «Нам нечего обсуждать».",  # noqa: E501
        [
            (
                "Мы не отвечаем на ультиматумы | Нам нечего обсуждать",
                "direct",
                "заявил",
                "Давит Кольмари",
                "министр иностранных дел",
                "Корсуме",
            )
        ],
    ),
    (
        "ru",
        "«Если экипаж не освободят к пятнице, — сказала президент Велдании Рузане Имбали, — наши фрегаты выйдут в море».",  # noqa: E501
        [
            (
                "Если экипаж не освободят к пятнице | наши фрегаты выйдут в море",
                "direct",
                "сказала",
                "Рузане Имбали",
                "президент",
                "Велдании",
            )
        ],
    ),
    (
        "ru",
        "Министр обороны Велдании Олан Терр заявил во вторник, что корабли останутся в проливе до конца учений.\n\nОн добавил: «Это наше море».",  # noqa: E501
        [
            (
                "корабли останутся в проливе до конца учений",
                "indirect",
                "заявил",
                "Олан Терр",
                "министр обороны",
                "Велдании",
            ),
            ("Это наше море", "direct", "добавил", "Олан Терр", "министр обороны", "Велдании"),
        ],
    ),
    (
        "ru",
        "— Мы готовы к переговорам, — сказал Терр журналистам. — Но терпение не бесконечно.",
        [("Мы готовы к переговорам | Но терпение не бесконечно.", "direct", "сказал", "Терр", "", "")],
    ),
    (
        "ru",
        "По словам представителя министерства, судно «Альциона» вело съёмку дна.",
        [
            (
                "судно «Альциона» вело съёмку дна",
                "indirect",
                "По словам",
                "представитель министерства",
                "представитель министерства",
                "",
            )
        ],
    ),
    (
        "ru",
        "Посол назвал обвинения «фантазией» и подчеркнул, что документы будут опубликованы.",
        [
            ("обвинения «фантазией»", "partial", "назвал", "посол", "посол", ""),
            ("документы будут опубликованы", "indirect", "подчеркнул", "посол", "посол", ""),
        ],
    ),
    (
        "ru",
        "Как сообщил премьер-министр Давит Кольмари, мост откроют в мае. Кольмари поблагодарил инженеров.",
        [
            ("мост откроют в мае", "indirect", "сообщил", "Давит Кольмари", "премьер-министр", ""),
            ("инженеров", "indirect", "поблагодарил", "Давит Кольмари", "премьер-министр", ""),
        ],
    ),
    (
        "ru",
        "Фрегат «Отважный» вернулся в порт. Газета «Вестник» сообщила, что ремонт займёт месяц.",
        [("ремонт займёт месяц", "indirect", "сообщила", "Газета «Вестник»", "", "Вестник")],
    ),
    (
        "ru",
        "«Мы закроем порт», — говорится в заявлении министерства обороны Велдании.",
        [
            ("Мы закроем порт", "direct", "говорится", "министерство обороны", "", "Велдании"),
        ],
    ),
    (
        "ru",
        "Корабли вышли в море в субботу. Об этом заявил командующий флотом адмирал Петер Хальд.",
        [
            ("Корабли вышли в море в субботу.", "indirect", "заявил", "Петер Хальд", "командующий флотом адмирал", ""),
        ],
    ),
    (
        "ru",
        "В министерстве заявили, что не исключают ответных мер. «Ответ будет жёстким», — добавил собеседник агентства.",
        [
            ("не исключают ответных мер", "indirect", "заявили", "министерство", "", "министерство"),
            ("Ответ будет жёстким", "direct", "добавил", "собеседник агентства", "собеседник агентства", ""),
        ],
    ),
    (
        "ru",
        "Депутат Мария Стен, выступая в парламенте, предупредила: «Санкции ударят по нам самим», — и призвала к переговорам.",  # noqa: E501
        [
            ("Санкции ударят по нам самим", "direct", "предупредила", "Мария Стен", "депутат", ""),
            ("к переговорам", "indirect", "призвала", "Мария Стен", "депутат", ""),
        ],
    ),
    # -- Ukrainian
    (
        "uk",
        "«Ми не відповідаємо на ультиматуми», — заявив міністр закордонних справ Корсуме Давіт Кольмарі.",
        [
            (
                "Ми не відповідаємо на ультиматуми",
                "direct",
                "заявив",
                "Давіт Кольмарі",
                "міністр закордонних справ",
                "Корсуме",
            )
        ],
    ),
    (
        "uk",
        "«Якщо екіпаж не звільнять, — наголосила президентка Велданії Рузане Імбалі, — фрегати вийдуть у море».",
        [
            (
                "Якщо екіпаж не звільнять | фрегати вийдуть у море",
                "direct",
                "наголосила",
                "Рузане Імбалі",
                "президентка",
                "Велданії",
            )
        ],
    ),
    (
        "uk",
        "Прем'єр-міністр Олан Терр повідомив у середу, що угоду підпишуть навесні.\n\nВін додав: „Ми чекали на це десять років“.",  # noqa: E501
        [
            ("угоду підпишуть навесні", "indirect", "повідомив", "Олан Терр", "прем'єр-міністр", ""),
            ("Ми чекали на це десять років", "direct", "додав", "Олан Терр", "прем'єр-міністр", ""),
        ],
    ),
    (
        "uk",
        "— Дорогу відкриють завтра, — пояснила Імбалі.",
        [("Дорогу відкриють завтра", "direct", "пояснила", "Імбалі", "", "")],
    ),
    (
        "uk",
        "За словами посла, вантаж затримали в порту.",
        [("вантаж затримали в порту", "indirect", "За словами", "посол", "посол", "")],
    ),
    (
        "uk",
        "Речниця звинуватила сусідів у підготовці нападу. «Це брехня», — відповів посол Велданії Мірко Дан.",
        [
            ("сусідів у підготовці нападу", "indirect", "звинуватила", "речниця", "речниця", ""),
            ("Це брехня", "direct", "відповів", "Мірко Дан", "посол", "Велданії"),
        ],
    ),
    (
        "uk",
        "«Ми не здамося», — сказав у середу міністр оборони Велданії Олан Терр в інтерв'ю телеканалу «Обрій».",
        [
            ("Ми не здамося", "direct", "сказав", "Олан Терр", "міністр оборони", "Велданії"),
        ],
    ),
    # -- Spanish
    (
        "es",
        "«No respondemos a ultimátums», dijo el ministro de Exteriores de Korsume, Davit Kolmari. «No hay nada que discutir».",  # noqa: E501
        [
            (
                "No respondemos a ultimátums | No hay nada que discutir",
                "direct",
                "dijo",
                "Davit Kolmari",
                "ministro de exteriores",
                "Korsume",
            )
        ],
    ),
    (
        "es",
        "“Si la tripulación no es liberada”, afirmó la presidenta Ruzane Imbali, “nuestras fragatas zarparán”.",
        [
            (
                "Si la tripulación no es liberada | nuestras fragatas zarparán",
                "direct",
                "afirmó",
                "Ruzane Imbali",
                "presidenta",
                "",
            )
        ],
    ),
    (
        "es",
        "Olan Terr, ministro de Defensa de Veldania, declaró el martes que los buques seguirán en el estrecho.\n\nY añadió: «Es nuestro mar».",  # noqa: E501
        [
            (
                "los buques seguirán en el estrecho",
                "indirect",
                "declaró",
                "Olan Terr",
                "ministro de defensa",
                "Veldania",
            ),
            ("Es nuestro mar", "direct", "añadió", "Olan Terr", "ministro de defensa", "Veldania"),
        ],
    ),
    (
        "es",
        "—Estamos dispuestos a negociar —dijo Terr a los periodistas—, pero la paciencia tiene un límite.",
        [("Estamos dispuestos a negociar | pero la paciencia tiene un límite.", "direct", "dijo", "Terr", "", "")],
    ),
    (
        "es",
        "Según el portavoz del Gobierno, el acuerdo se firmará en mayo.",
        [("el acuerdo se firmará en mayo", "indirect", "Según", "portavoz", "portavoz", "Gobierno")],
    ),
    (
        "es",
        "La embajadora calificó la nota de «fantasía» y exigió una disculpa.",
        [
            ("la nota de «fantasía»", "partial", "calificó", "embajadora", "embajadora", ""),
            ("una disculpa", "indirect", "exigió", "embajadora", "embajadora", ""),
        ],
    ),
    (
        "es",
        "El puerto seguirá cerrado, ha dicho el alcalde, Piet Halloway. El alcalde no dijo que fuera para siempre.",
        [("El puerto seguirá cerrado", "indirect", "ha dicho", "Piet Halloway", "alcalde", "")],
    ),
    (
        "es",
        "La canciller de Veldania, Mara Ostrowe, aseguró este miércoles en rueda de prensa que “no habrá guerra” en el estrecho.",  # noqa: E501
        [
            ("“no habrá guerra” en el estrecho", "partial", "aseguró", "Mara Ostrowe", "canciller", "Veldania"),
        ],
    ),
    (
        "es",
        "«La situación es grave», ha declarado a la agencia EFX el portavoz del Ministerio de Defensa, Iván Roble, quien añadió que la flota está en alerta.",  # noqa: E501
        [
            ("La situación es grave", "direct", "ha declarado", "Iván Roble", "portavoz", "Ministerio de Defensa"),
            ("la flota está en alerta", "indirect", "añadió", "Iván Roble", "portavoz", "Ministerio de Defensa"),
        ],
    ),
    (
        "es",
        "De acuerdo con la ley, el plazo vence en mayo. De acuerdo con el ministerio, habrá prórroga.",
        [
            ("habrá prórroga", "indirect", "De acuerdo con", "ministerio", "", "ministerio"),
        ],
    ),
    # -- French
    (
        "fr",
        "« Nous ne répondons pas aux ultimatums », a déclaré le ministre des Affaires étrangères de Korsume, Davit Kolmari.",  # noqa: E501
        [
            (
                "Nous ne répondons pas aux ultimatums",
                "direct",
                "a déclaré",
                "Davit Kolmari",
                "ministre des affaires étrangères",
                "Korsume",
            )
        ],
    ),
    (
        "fr",
        "« Si l’équipage n’est pas libéré, a prévenu la présidente Ruzane Imbali, nos frégates appareilleront. »",
        [
            (
                "Si l’équipage n’est pas libéré | nos frégates appareilleront.",
                "direct",
                "a prévenu",
                "Ruzane Imbali",
                "présidente",
                "",
            )
        ],
    ),
    (
        "fr",
        (
            "Olan Terr, ministre de la Défense de Veldania, a affirmé mardi que les navires resteraient dans le détroit. "  # noqa: E501
            "« C’est notre mer », a-t-il ajouté."
        ),
        [
            (
                "les navires resteraient dans le détroit",
                "indirect",
                "a affirmé",
                "Olan Terr",
                "ministre de la défense",
                "Veldania",
            ),
            ("C’est notre mer", "direct", "a-t-il ajouté", "Olan Terr", "ministre de la défense", "Veldania"),
        ],
    ),
    (
        "fr",
        "Selon la porte-parole du gouvernement, l’accord sera signé en mai.",
        [("l’accord sera signé en mai", "indirect", "Selon", "porte-parole", "porte-parole", "gouvernement")],
    ),
    (
        "fr",
        "— Nous sommes prêts à négocier, a répondu Terr, mais notre patience a des limites.",
        [("Nous sommes prêts à négocier | mais notre patience a des limites.", "direct", "a répondu", "Terr", "", "")],
    ),
    (
        "fr",
        "L’ambassadrice a accusé Korsume de menacer des civils et a qualifié la note de « fantaisie ».",
        [
            ("Korsume de menacer des civils", "indirect", "a accusé", "ambassadrice", "ambassadrice", ""),
            ("la note de « fantaisie »", "partial", "a qualifié", "ambassadrice", "ambassadrice", ""),
        ],
    ),
    (
        "fr",
        "Le maire, Piet Halloway, précise : « Le port restera fermé. »",
        [("Le port restera fermé.", "direct", "précise", "Piet Halloway", "maire", "")],
    ),
    (
        "fr",
        "« La situation est grave », a estimé mercredi le porte-parole de l’armée, Jean Rivel, cité par l’agence.",
        [
            ("La situation est grave", "direct", "a estimé", "Jean Rivel", "porte-parole", "armée"),
        ],
    ),
    (
        "fr",
        "Le gouvernement veldanien a annoncé que l’ambassade fermerait. « C’est une décision provisoire », explique-t-on au ministère.",  # noqa: E501
        [
            ("l’ambassade fermerait", "indirect", "a annoncé", "gouvernement", "", "gouvernement"),
            ("C’est une décision provisoire", "direct", "explique-t-on", "gouvernement", "", "gouvernement"),
        ],
    ),
    (
        "fr",
        "Comme l’a rappelé le premier ministre, le traité reste en vigueur.",
        [
            ("le traité reste en vigueur", "indirect", "l’a rappelé", "premier ministre", "premier ministre", ""),
        ],
    ),
    # -- Arabic
    (
        "ar",
        "قال وزير خارجية كورسومي دافيت كولماري: «نحن لا نرد على الإنذارات».",
        [("نحن لا نرد على الإنذارات", "direct", "قال", "دافيت كولماري", "وزير خارجية", "كورسومي")],
    ),
    (
        "ar",
        'وقالت الرئيسة روزان إمبالي إن الفرقاطات ستبحر يوم الجمعة. وأضافت: "هذا ليس طلبًا".',
        [
            ("الفرقاطات ستبحر يوم الجمعة", "indirect", "قالت", "روزان إمبالي", "الرئيسة", ""),
            ("هذا ليس طلبًا", "direct", "أضافت", "روزان إمبالي", "الرئيسة", ""),
        ],
    ),
    (
        "ar",
        "“لن نترك المضيق”، قال المتحدث باسم الحكومة.",
        [("لن نترك المضيق", "direct", "قال", "المتحدث", "المتحدث", "الحكومة")],
    ),
    (
        "ar",
        "وفقًا لوزارة الدفاع، فإن السفن ستبقى في المضيق.",
        [("فإن السفن ستبقى في المضيق", "indirect", "وفقًا", "وزارة الدفاع", "", "وزارة الدفاع")],
    ),
    (
        "ar",
        "أكد الوزير أن المفاوضات ستستمر، مضيفًا أن الاتفاق قريب.",
        [
            ("المفاوضات ستستمر", "indirect", "أكد", "الوزير", "الوزير", ""),
            ("الاتفاق قريب", "indirect", "مضيفًا", "الوزير", "الوزير", ""),
        ],
    ),
    (
        "ar",
        "اتهم السفير جيرانه بتهديد المدنيين.",
        [("جيرانه بتهديد المدنيين", "indirect", "اتهم", "السفير", "السفير", "")],
    ),
    (
        "ar",
        'وأشار المتحدث باسم وزارة الخارجية مارتن فيل، في مؤتمر صحفي، إلى أن المحادثات "بناءة".',
        [
            ('المحادثات "بناءة"', "partial", "أشار", "مارتن فيل", "المتحدث", "وزارة الخارجية"),
        ],
    ),
    (
        "ar",
        'وقال الرئيس الفيلداني يوهان لوند: "لن نقبل الإملاءات"، مضيفا أن بلاده مستعدة للحوار.',
        [
            ("لن نقبل الإملاءات", "direct", "قال", "يوهان لوند", "الرئيس", ""),
            ("بلاده مستعدة للحوار", "indirect", "مضيفا", "يوهان لوند", "الرئيس", ""),
        ],
    ),
    (
        "ar",
        '"هذا تصعيد خطير"، كما قال وزير الخارجية للصحفيين.',
        [
            ("هذا تصعيد خطير", "direct", "قال", "وزير الخارجية", "وزير الخارجية", ""),
        ],
    ),
    # -- Chinese
    (
        "zh",
        "科尔苏梅外交部长戴维特·科尔马里说：“我们不回应最后通牒。”",
        [("我们不回应最后通牒。", "direct", "说", "戴维特·科尔马里", "外交部长", "科尔苏梅")],
    ),
    (
        "zh",
        "“如果船员周五前没有获释，”维尔达尼亚总统鲁赞·因巴利表示，“我们的护卫舰将起航。”",
        [("如果船员周五前没有获释， | 我们的护卫舰将起航。", "direct", "表示", "鲁赞·因巴利", "总统", "维尔达尼亚")],
    ),
    (
        "zh",
        "国防部发言人林丽周二在记者会上表示，军舰将继续留在海峡。她强调：「这是我们的海域。」",
        [
            ("军舰将继续留在海峡", "indirect", "表示", "林丽", "国防部发言人", ""),
            ("这是我们的海域。", "direct", "强调", "林丽", "国防部发言人", ""),
        ],
    ),
    (
        "zh",
        "据维尔达尼亚外交部称，协议将于五月签署。",
        [("协议将于五月签署", "indirect", "据", "外交部", "", "维尔达尼亚")],
    ),
    (
        "zh",
        "市长陈波指出，《海峡公约》仍然有效，并称对方的说法是“毫无根据的幻想”。",
        [
            ("《海峡公约》仍然有效", "indirect", "指出", "陈波", "市长", ""),
            ("对方的说法是“毫无根据的幻想”", "partial", "称", "陈波", "市长", ""),
        ],
    ),
    (
        "zh",
        "大使指责邻国威胁平民。",
        [("邻国威胁平民", "indirect", "指责", "大使", "大使", "")],
    ),
    (
        "zh",
        "外交部发言人在例行记者会上回答记者提问时表示：“我们对此表示强烈不满。”",
        [
            ("我们对此表示强烈不满。", "direct", "表示", "外交部发言人", "外交部发言人", ""),
        ],
    ),
    (
        "zh",
        "“这是最后的警告。”科尔马里说，“我们不会退让。”",
        [
            ("这是最后的警告。 | 我们不会退让。", "direct", "说", "科尔马里", "", ""),
        ],
    ),
    (
        "zh",
        "根据协议，双方将于五月撤军。根据国防部的说法，撤军已经开始。",
        [
            ("撤军已经开始", "indirect", "根据", "国防部", "", "国防部"),
        ],
    ),
    (
        "zh",
        "总统鲁赞·因巴利警告说，如果船员不获释，护卫舰将起航。因巴利还说：“这不是请求。”",
        [
            ("如果船员不获释，护卫舰将起航", "indirect", "警告说", "鲁赞·因巴利", "总统", ""),
            ("这不是请求。", "direct", "还说", "鲁赞·因巴利", "总统", ""),
        ],
    ),
]


def _article(text: str, language: str) -> Article:
    paragraphs, at = [], 0
    for part in text.split("\n\n"):
        if part.strip():
            start = at + len(part) - len(part.lstrip())
            paragraphs.append(Paragraph(start, at + len(part.rstrip())))
        at += len(part) + 2
    return Article(text, tuple(paragraphs), language=language)


@pytest.mark.parametrize(
    ("language", "text", "expected"), ARTICLES, ids=[f"{a[0]}-{i}" for i, a in enumerate(ARTICLES)]
)
def test_each_language_gives_what_was_said_with_cue_and_speaker(language: str, text: str, expected: list[Said]) -> None:
    article, lexicon = _article(text, language), load_lexicon(language)
    attributions = report(article, lexicon)
    speakers = resolve_sources(article, attributions, lexicon)
    assert [
        (
            " | ".join(text[slice(*span)] for span in attribution.spans),
            attribution.kind,
            text[slice(*attribution.cue)] if attribution.cue else "",
            speaker.name,
            speaker.office,
            speaker.actor,
        )
        for attribution, speaker in zip(attributions, speakers, strict=True)
    ] == expected


@pytest.mark.parametrize(("language", "text"), [
    ("ru", "Мост построили в прошлом году. Ледокол «Полярный» стоит в порту."),
    ("uk", "Книгу «Довга дорога» видали в столиці."),
    ("es", "La novela «El largo camino» se publicó en mayo. El barco se llama “Esperanza”."),
    ("fr", "Le navire « Espoir » a quitté le port. Le film « La longue route » sort en mai."),
    ("ar", "غادرت السفينة «الأمل» الميناء."),
    ("zh", "他在读小说《漫长的路》。数据显示“一带”项目的名称没有变。"),
])  # fmt: skip
def test_names_in_quotation_marks_are_nobodys_words(language: str, text: str) -> None:
    assert report(_article(text, language), load_lexicon(language)) == ()


@pytest.mark.parametrize("language", CODES)
def test_every_lexicon_loads_and_no_cue_stands_twice(language: str) -> None:
    lexicon = load_lexicon(language)
    assert lexicon.verbs
    assert lexicon.sources
    forms = [
        form
        for table in ("verbs", "gerunds")
        for entries in lexicon.table(table).values()
        for entry in entries
        for form in entry.split("/")
    ]
    assert sorted(form for form in set(forms) if forms.count(form) > 1) == []
    for listed in lexicon.table("words").values():
        assert all(word == word.lower() for word in listed)


@pytest.mark.parametrize("language", CODES)
def test_the_words_for_speakers_have_the_tables_that_english_has(language: str) -> None:
    known, table = load_lexicon("en").table("speakers"), load_lexicon(language).table("speakers")
    assert titles_of(load_lexicon(language)).offices
    assert set(table) <= set(known)
    assert set(table["words"]) <= set(known["words"])


_BITS = st.sampled_from([
    "«", "»", "“", "”", "„", "「", "」", "\"", "—", " — ", ", ", ": ", ". ", "。", "，", "：", "\n\n", " ", "- ", "'", "’", "ـ", "ً",  # noqa: E501
    "заявил", "что", "министр", "Кольмари", "За словами", "dijo", "que", "el ministro", "según", "a-t-il déclaré", "l’a dit", "selon",  # noqa: E501
    "وقال", "إن", "وفقا ل", "الوزير", "说", "表示", "据", "外交部", "他", "Imbali", "said", "123", "\u202b", "😀", "и", "y", "et", "و", "并",  # noqa: E501
])  # fmt: skip


_WORDS = st.sampled_from(
    sorted(
        {f"{word} " for code in CODES for words in load_lexicon(code).words.values() for word in words}
        | {f"{form} " for code in CODES for form in load_lexicon(code).verbs}
    )
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(CODES), st.lists(_BITS | _WORDS | st.text(max_size=5), max_size=40))
def test_mixed_scripts_never_crash_and_offsets_are_true(language: str, bits: list[str]) -> None:
    text = "".join(bits)
    article, lexicon = _article(text, language), load_lexicon(language)
    attributions = report(article, lexicon)
    assert len(resolve_sources(article, attributions, lexicon)) == len(attributions)
    for attribution in attributions:
        for start, end in (*attribution.spans, *(span for span in (attribution.cue, attribution.source) if span)):
            assert 0 <= start < end <= len(text)
            assert text[start:end].strip()
        assert list(attribution.spans) == sorted(attribution.spans)
        assert all(one[1] <= other[0] for one, other in zip(attribution.spans, attribution.spans[1:], strict=False))


@pytest.mark.parametrize("language", CODES)
@pytest.mark.usefixtures("uncollected")
def test_time_is_linear_in_one_hostile_line(language: str) -> None:
    lexicon = load_lexicon(language)
    for unit in (
        "«— заявил, ",
        "“说：",
        ", a dit ",
        " — dijo ",
        "«",
        "وقال و",
        "— ",
        "сказал «аа бб вв гг» ",
        "X сказал, что ",
        ",",
        "的",
    ):
        spent = []
        for times in (400, 3200):
            article = _article(unit * times, language)
            begun = process_time()
            resolve_sources(article, report(article, lexicon), lexicon)
            spent.append(process_time() - begun)
        assert spent[1] < 24 * spent[0] + 0.15, unit
