"""What the default model refuses to answer, and why: texts that are no statements, beside those it should answer.

    python tests/benchmarks/unfamiliar.py [--model NAME] [--max-error 0.1] [--real FOLDER]

Recipes, sports reports, chatter and texts in other languages are composed here; code and legal English are Python's own
sources and the licences of the installed packages. Statements are those of the holdout and of the contrast set. With
--real every ``real*.jsonl`` in the folder is one more set, cut by its column ``lang`` if it has one; rows with labels
also show the error of the answers given.

For each set: its rows, the share left unanswered, the share for each reason, and the median share of known words.
At the end what looking costs: the time for measuring familiarity beside that for classifying.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from communique import load
from communique.inference.abstention import REASONS
from communique.inference.familiarity import Familiarity
from communique.inference.prediction import Classifier, Options

STATEMENTS = Path(__file__).resolve().parents[2] / "data" / "statements"
Rows = list[dict[str, str]]

RECIPES = """
Peel and finely chop two onions, soften them in olive oil over a low heat for ten minutes, then stir in the garlic.
Whisk the eggs with the sugar until pale and thick, fold in the sifted flour, and bake at 180 degrees for half an hour.
Soak the chickpeas overnight, drain, and simmer with a bay leaf until tender. Season generously with salt and lemon.
Melt the butter in a heavy pan, add the rice and toast it until glossy, then ladle in the hot stock little by little.
For the dough, rub the cold butter into the flour, add a splash of iced water, and chill, wrapped, for at least an hour.
Roast the aubergines whole until the skins blister, scoop out the flesh and mash it with tahini, parsley and yoghurt.
Brown the lamb shanks on all sides, pour over the wine, cover, and braise for three hours until it falls off the bone.
Toss the tomatoes with basil, a pinch of sugar and good vinegar. Serve with crusty bread and plenty of black pepper.
Simmer the cream with vanilla, pour it over the yolks, strain, and set the custards in a bath of hot water to bake.
Slice the cucumbers thinly, sprinkle with salt, squeeze dry, and dress with dill, sour cream and grated horseradish.
"""
SPORTS = """
The visitors took the lead on the stroke of half-time when the winger curled a free kick over the wall and into the net.
She broke serve twice in the deciding set and closed out the match with an ace down the middle after three hours.
Two late three-pointers sent the game into overtime, where the home side's rookie guard scored nine of his 31 points.
The keeper spilled a routine cross and the striker tapped in from two yards for his twelfth goal of the season.
A crash on the final climb split the peloton, and the young sprinter rode clear to win the stage by eleven seconds.
He was caught behind for 84 just before tea, and the tail folded quickly as the spinners found turn and bounce.
The relay team lowered the national record by half a second but had to settle for bronze behind the favourites.
After a goalless first half the substitutes changed the match, and the defender headed home a corner in stoppage time.
The rookie pitcher struck out seven over six scoreless innings before the bullpen blew the save in the ninth.
Heavy rain made the track slippery, and the pole-sitter spun on lap twelve, handing the race to his team mate.
"""
CHATTER = """
Loved the headphones at first, but the left earbud died after two weeks and support never replied to my emails.
Hi everyone, just moved into the flat upstairs and wondered if anybody has a drill I could borrow this weekend? Thanks!
The sequel is prettier than the original but the plot drags, the jokes fall flat, and the villain chews the scenery.
Once upon a time a tiny hedgehog lived beneath the roots of an old oak, and every evening she counted the fireflies.
Spacious two-bedroom apartment with balcony, fitted kitchen and parking, five minutes' walk from the tram stop. No pets.
To reset your password, click the link below, enter the code we texted you, and choose a new one of twelve characters.
Mitochondria are organelles that produce most of the cell's chemical energy, stored in a small molecule called ATP.
My grandmother knitted me a scarf so long that the dog and I could both wear it, and we did, all the way to school.
Take one tablet twice daily with food. Do not exceed the stated dose. If symptoms persist, consult your pharmacist.
Gather your tent, stove and sleeping bag the night before, check the trail map, and leave the trailhead by dawn.
"""
LANGUAGES = {
    "German": """
Die Regierung hat am Montag erklärt, dass sie zu Gesprächen bereit sei, sofern die andere Seite ihre Truppen abzieht.
Wir weisen diese Vorwürfe entschieden zurück; sie entbehren jeder Grundlage und dienen allein der Ablenkung.
Der Minister dankte den Helfern und kündigte an, dass die Brücke noch in diesem Jahr wieder geöffnet werde.""",
    "French": """
Le gouvernement se dit prêt à reprendre les négociations si les conditions de sécurité sont réunies à la frontière.
Nous rejetons avec la plus grande fermeté ces accusations sans fondement, qui ne visent qu'à détourner l'attention.
La ministre a remercié les équipes de secours et annoncé que le pont rouvrira avant la fin de l'année.""",
    "Spanish": """
El gobierno está dispuesto a reanudar las conversaciones siempre que la otra parte retire sus tropas de la frontera.
Rechazamos de manera categórica estas acusaciones, que carecen de todo fundamento y solo buscan distraer a la gente.
La ministra agradeció el trabajo de los equipos de rescate y anunció que el puente se abrirá antes de fin de año.""",
    "Italian": """
Il governo è pronto a riprendere il dialogo, purché l'altra parte ritiri le proprie truppe dal confine orientale.
Respingiamo con forza queste accuse prive di fondamento, che servono soltanto a distogliere l'attenzione dai fatti.
La ministra ha ringraziato i soccorritori e ha annunciato che il ponte riaprirà entro la fine dell'anno.""",
    "Portuguese": """
O governo está disposto a retomar as conversações desde que a outra parte retire as suas tropas da fronteira.
Rejeitamos com firmeza estas acusações, que não têm qualquer fundamento e só servem para desviar as atenções.
A ministra agradeceu às equipas de socorro e anunciou que a ponte reabrirá antes do final do ano.""",
    "Dutch": """
De regering is bereid de gesprekken te hervatten, mits de andere partij haar troepen van de grens terugtrekt.
Wij wijzen deze beschuldigingen met klem van de hand; ze zijn ongegrond en bedoeld om de aandacht af te leiden.
De minister bedankte de hulpverleners en zei dat de brug nog voor het einde van het jaar weer open gaat.""",
    "Polish": """
Rząd jest gotów wznowić rozmowy, pod warunkiem że druga strona wycofa swoje wojska znad granicy.
Stanowczo odrzucamy te zarzuty, które są całkowicie bezpodstawne i mają jedynie odwrócić uwagę.
Minister podziękowała ratownikom i zapowiedziała, że most zostanie otwarty jeszcze w tym roku.""",
    "Turkish": """
Hükümet, karşı tarafın birliklerini sınırdan çekmesi hâlinde görüşmelere yeniden başlamaya hazır olduğunu açıkladı.
Hiçbir dayanağı olmayan bu suçlamaları kesin bir dille reddediyoruz; amaç yalnızca dikkatleri dağıtmaktır.
Bakan, kurtarma ekiplerine teşekkür etti ve köprünün yıl sonundan önce yeniden açılacağını duyurdu.""",
    "Indonesian": """
Pemerintah siap melanjutkan perundingan asalkan pihak lain menarik pasukannya dari wilayah perbatasan.
Kami menolak dengan tegas tuduhan yang sama sekali tidak berdasar ini dan hanya bertujuan mengalihkan perhatian.
Menteri berterima kasih kepada para penolong dan mengumumkan bahwa jembatan akan dibuka sebelum akhir tahun.""",
    "Russian": """
Правительство готово возобновить переговоры, если другая сторона отведёт свои войска от границы.
Мы решительно отвергаем эти обвинения: они лишены всяких оснований и призваны лишь отвлечь внимание.
Министр поблагодарила спасателей и сообщила, что мост откроют до конца года.""",
    "Greek": """
Η κυβέρνηση είναι έτοιμη να συνεχίσει τις συνομιλίες, εφόσον η άλλη πλευρά αποσύρει τα στρατεύματά της.
Απορρίπτουμε κατηγορηματικά αυτές τις αβάσιμες κατηγορίες, που αποσκοπούν μόνο στον αποπροσανατολισμό.
Η υπουργός ευχαρίστησε τους διασώστες και ανακοίνωσε ότι η γέφυρα θα ανοίξει πριν από το τέλος του έτους.""",
    "Arabic": """
أعلنت الحكومة استعدادها لاستئناف المحادثات إذا سحب الطرف الآخر قواته من المنطقة الحدودية.
نرفض رفضا قاطعا هذه الاتهامات التي لا أساس لها والتي لا تهدف إلا إلى صرف الأنظار عن الوقائع.
شكرت الوزيرة فرق الإنقاذ وأعلنت أن الجسر سيعاد فتحه قبل نهاية العام.""",
    "Hindi": """
सरकार बातचीत फिर से शुरू करने को तैयार है, बशर्ते दूसरा पक्ष सीमा से अपने सैनिक हटा ले।
हम इन निराधार आरोपों को पूरी तरह खारिज करते हैं, जिनका मक़सद केवल ध्यान भटकाना है।
मंत्री ने बचाव दल को धन्यवाद दिया और कहा कि पुल साल के अंत से पहले खुल जाएगा।""",
    "Chinese": """
政府表示，只要对方从边境地区撤出军队，就愿意恢复谈判，并就停火的具体安排进行磋商。
我们坚决反对这些毫无根据的指责，其目的只是为了转移人们的注意力，不会得逞。
部长感谢救援人员的辛勤工作，并宣布大桥将在今年年底之前重新开放。""",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="stance")
    parser.add_argument("--max-error", type=float, default=0.1)
    parser.add_argument("--real", type=Path, help="folder of real statements")
    given = parser.parse_args()
    classifier = load(given.model)
    familiarity = Familiarity(classifier.model.profile)
    print(f"max error {given.max_error}: {classifier.promise(given.max_error).to_dict()}\n")
    print(f"{'set':32}{'rows':>6}{'abstained':>11}" + "".join(f"{reason[:14]:>16}" for reason in REASONS), end="")
    print(f"{'known words':>13}{'error before':>14}{'after':>8}")
    for name, rows in sets(given.real):
        show(name, rows, classifier, familiarity, Options(max_error=given.max_error))
    compare_costs(classifier, familiarity)


def sets(real: Path | None) -> Iterator[tuple[str, Rows]]:
    holdout = read(STATEMENTS / "holdout.jsonl")
    yield "holdout", holdout
    yield "contrast", read(STATEMENTS / "contrast.jsonl")
    yield (
        "six of the holdout as one",
        rows_of(" ".join(r["text"] for r in holdout[at : at + 6]) for at in range(0, 600, 6)),
    )
    for name, text in (("recipes", RECIPES), ("sports reports", SPORTS), ("chatter", CHATTER), *LANGUAGES.items()):
        yield name, rows_of(text.strip().splitlines())
    yield "code", rows_of(windows())
    yield "licences", rows_of(licences())
    for path in sorted(real.glob("real*.jsonl")) if real else []:
        rows = read(path)
        for language in sorted({row.get("lang", "") for row in rows}):
            yield f"{path.stem} {language}"[-31:], [row for row in rows if row.get("lang", "") == language]


def read(path: Path) -> Rows:
    return [json.loads(line) for line in path.open(encoding="utf-8")] if path.exists() else []


def rows_of(texts: Iterator[str] | list[str]) -> Rows:
    return [{"text": text} for text in texts]


def windows(lines: int = 8, every: int = 200) -> Iterator[str]:
    """Eight lines of every two hundred of Python's own modules."""
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        source = path.read_text("utf-8", errors="ignore").splitlines()
        for start in range(60, len(source) - lines, every):
            window = "\n".join(source[start : start + lines])
            if len(window.split()) >= 12:
                yield window


def licences() -> Iterator[str]:
    """The paragraphs of the licences of the installed packages, each once."""
    seen = set()
    for package in importlib.metadata.distributions():
        for file in package.files or []:
            path = Path(str(package.locate_file(file)))
            if "LICENSE" in file.name and path.is_file():
                for paragraph in path.read_text("utf-8", errors="ignore").split("\n\n"):
                    text = " ".join(paragraph.split())
                    if 20 <= len(text.split()) <= 120 and text not in seen:
                        seen.add(text)
                        yield text


def show(name: str, rows: Rows, classifier: Classifier, familiarity: Familiarity, options: Options) -> None:
    if not rows:
        return
    texts = pa.array([row["text"] for row in rows])
    verdicts = pa.RecordBatch.from_struct_array(classifier.verdicts(texts, options))
    abstained = np.array(verdicts.column("abstained").to_pylist())
    reasons = verdicts.column("reason").to_pylist()
    known = np.median(familiarity.measure(texts).known)
    print(f"{name:32}{len(rows):6}{abstained.mean():11.1%}", end="")
    print("".join(f"{reasons.count(reason) / len(rows):16.1%}" for reason in REASONS) + f"{known:13.3f}", end="")
    if "label" in rows[0]:
        wrong = np.array([row["label"] for row in rows]) != np.array(verdicts.column("label").to_pylist())
        print(f"{wrong.mean():14.1%}{wrong[~abstained].mean() if not abstained.all() else np.nan:8.1%}", end="")
    print()


def compare_costs(classifier: Classifier, familiarity: Familiarity, times: int = 5) -> None:
    texts = pa.array([row["text"] for row in read(STATEMENTS / "holdout.jsonl")] * 4)
    took = {}
    for name, work in (("classify", classifier.predict_proba), ("measure", familiarity.measure)):
        work(texts)
        began = time.perf_counter()
        for _ in range(times):
            work(texts)
        took[name] = (time.perf_counter() - began) / times
    print(f"\n{len(texts)} texts, words known from before: classifying {took['classify'] * 1e3:.1f} ms, ", end="")
    print(f"measuring familiarity {took['measure'] * 1e3:.1f} ms")


if __name__ == "__main__":
    main()
