"""Pages as they were copied: what is the article in them, who wrote it, where and when."""

from __future__ import annotations

import tomllib
from itertools import pairwise
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from communique.bundled import DATA
from communique.extraction.article import Article
from communique.extraction.language import detect
from communique.extraction.pasted import Block, read_blocks, read_pasted

PAGES = tomllib.loads(Path(__file__).with_name("pages.toml").read_text("utf-8"))
PROSE = [
    f"The minister of ship number {number} said that it would sail on Friday, whatever else happened."
    for number in range(6)
]
TOLD = ("title", "byline", "outlet", "date")
MARKS = [
    "The minister said that the ship would sail on Friday, whatever else happened in the harbour.",
    "“No.”",
    "Share",
    "World | Politics",
    "By Liv Adrell",
    "14 May 2031",
    "PORT ASEL, 14 May — It rained.",
    "Comments",
    "Reply",
    "© 2031",
    "\0",
    "We use cookies to improve your experience.",
    "SUNMAR: It rained.",
    "第一句话。",
    "قال الوزير.",
    "   ",
    "",
]


def lines_of(page: str) -> tuple[str, list[str]]:
    """Return the text of a marked page and the words of each of its body paragraphs."""
    text, body, above = [], [], ""
    for line in page.split("\n"):
        mark, rest = line[:1], line[2:]
        text.append(rest.replace("¦", ""))
        above = above if mark == "." else mark
        if mark == "." and above in "+~":
            body[-1] += " " + rest
        elif mark in ("+", "~"):
            body.append(rest.partition("¦")[2] if mark == "~" else rest)
    return "\n".join(text), [" ".join(paragraph.split()) for paragraph in body]


def body_of(article: Article) -> list[str]:
    return [" ".join(article.text[each.start : each.end].split()) for each in article.body]


def kinds_of(text: str) -> dict[str, str]:
    article = read_pasted(text)
    return {article.text[each.start : each.end]: each.kind for each in article.paragraphs}


@pytest.mark.parametrize("name", PAGES)
def test_the_body_of_a_page_is_found(name: str) -> None:
    text, body = lines_of(PAGES[name]["page"])
    assert body_of(read_pasted(text)) == body


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_what_it_is(name: str) -> None:
    article = read_pasted(lines_of(PAGES[name]["page"])[0])
    assert {field: getattr(article, field) for field in TOLD} == {field: PAGES[name].get(field, "") for field in TOLD}
    assert article.language == PAGES[name].get("language", "en")


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("end", ["\r\n", "\r", "\u2028"])
def test_the_line_ends_of_a_page_do_not_matter(name: str, end: str) -> None:
    text, body = lines_of(PAGES[name]["page"])
    article = read_pasted(text.replace("\n", end))
    assert article.text == text.replace("\n", end)
    assert body_of(article) == body


def test_the_example_is_read_to_the_last_line() -> None:
    article = read_pasted((DATA / "examples" / "article.txt").read_text("utf-8"))
    assert article.title == "Veldania gives Korsume until Friday to free seized cable ship"
    assert article.byline == "Norine Quillfeather in Port Asel and Tomas Idrewe in Sunmar"
    assert article.outlet == "The Meridian Courier"
    assert article.date == "2031-05-14T18:42"
    assert len(article.body) == 22
    assert body_of(article)[0].startswith("Veldania gave its neighbour")
    assert body_of(article)[-1].endswith("Mr Kolmari said.")


@given(
    st.lists(st.sampled_from(MARKS) | st.text(max_size=30), max_size=14), st.sampled_from(["\n", "\n\n", "\r\n", " "])
)
def test_whatever_is_pasted_the_paragraphs_are_in_order_and_the_text_is_as_it_was(lines: list[str], end: str) -> None:
    text = end.join(lines)
    article = read_pasted(text, "here")
    assert article.text == text
    assert article.source == "here"
    for paragraph in article.paragraphs:
        assert text[paragraph.start : paragraph.end].strip()
    for above, below in pairwise(article.paragraphs):
        assert above.start < above.end <= below.start < below.end


@given(st.lists(st.sampled_from(PROSE), min_size=1, max_size=8))
def test_plain_prose_is_all_body(lines: list[str]) -> None:
    assert body_of(read_pasted("\n\n".join(lines))) == lines


def test_a_statement_alone_is_body() -> None:
    for text in ("We are ready for talks.", "No", "Ultimatum rejected by Korsume", "“Never.”", "我们准备好谈判。"):
        assert body_of(read_pasted(text)) == [text]


def test_a_short_line_is_no_loss_between_body_paragraphs() -> None:
    said = ["Kolmari continued:", "“No.”", "he said.", "- a ship", "(Laughter.)", "It did not."]
    text = "\n\n".join([PROSE[0], *said, PROSE[1]])
    assert body_of(read_pasted(text)) == [PROSE[0], *said, PROSE[1]]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("Share this article", "boilerplate"),
        ("Read more: What lies under the bank?", "boilerplate"),
        ("Sign up for our newsletter and never miss a story.", "boilerplate"),
        ("World | Politics | Business", "boilerplate"),
        ("World   Politics   Business", "boilerplate"),
        ("3 min read", "boilerplate"),
        ("Advertisement", "boilerplate"),
        ("© 2031 The Meridian Courier. All rights reserved.", "boilerplate"),
        ("The ship in harbour. Photograph: Addie Brindle/Meridian", "caption"),
        ("The ship in harbour (Addie Brindle/Meridian)", "caption"),
        ("Image source, Meridian Pictures", "caption"),
        ("By Liv Adrell and Tomas Idrewe in Sunmar", "byline"),
        ("Reporting by Liv Adrell; editing by Tomas Idrewe", "byline"),
        ("Last updated on 14 May 2031 at 18:42", "date"),
        ("A second ship", "heading"),
        ("Our Standards: The Straits Wire Rules of Trust.", "boilerplate"),
        ("Note: this article was amended on Friday to correct a name.", "boilerplate"),
        ("This article was amended on Friday to correct the name of the ship and that of its captain.", "boilerplate"),
        ("Source: The Ledger.", "boilerplate"),
        ("Updates: follow us on X.", "boilerplate"),
        ("The views expressed are the author's own.", "boilerplate"),
        ("Editing by Bea Lunt.", "byline"),
        ("Reporting by Sef Orrindel in Sunmar.", "byline"),
    ],
)
def test_lines_of_the_page_are_told_from_the_article(line: str, kind: str) -> None:
    assert kinds_of("\n\n".join([PROSE[0], PROSE[1], line, PROSE[2]]))[line] == kind


@pytest.mark.parametrize(
    "line",
    [
        "Share your bread with them, the minister told the crews.",
        "By Friday the ships must have left the harbour of Sunmar.",
        "Follow the money, he said.",
        "“Read the newsletter of the ministry,” she said.",
        "Support for the prime minister has fallen by half since the ship was seized.",
        "The photograph showed what the ministry said it would: a ship.",
        "Comments by the minister were met with silence.",
        "We will publish the list on our website.",
        "Copyright is not the issue, said the minister.",
        "The protegÃ©s of the minister, whom nobody had seen since the winter, were on the quay again, it said.",
        "According to the report (page 12), the ship was empty.",
        "Paris - the ship, that is - had left by then.",
        "Related to that is the question of the cable, he said.",
        "Note: the ships stay where they are, said the minister.",
        "The source: a ministry that nobody would name.",
        "Source: a senior official said that the ships would stay.",
        "The views expressed by the minister were met with silence.",
        "This article of the treaty is the one that Korsume signed.",
        "Follow: that is what he told us.",
    ],
)
def test_sentences_that_begin_as_buttons_do_stay_in_the_article(line: str) -> None:
    for text in ([PROSE[0], line, PROSE[1]], [PROSE[0], PROSE[1], line]):
        assert line in body_of(read_pasted("\n\n".join(text)))


@pytest.mark.parametrize(
    "dateline",
    [
        "PORT ASEL, 14 May — ",
        "PORT ASEL, Veldania (SW) — ",
        "SUNMAR (Straits Wire) - ",
        "(Straits Wire) - ",
        "NEW SUNMAR, Va. -- ",
        "Sunmar, May 14, 2031 (Straits Wire) – ",
        "Port Asel, 14 mai (AFD) - ",
        "СУНМАР, 14 мая — ",
        "SUNMAR: ",
    ],
)
def test_a_dateline_is_cut_off(dateline: str) -> None:
    article = read_pasted("\n\n".join(["Ships sail at last from Sunmar", dateline + PROSE[0], PROSE[1], PROSE[2]]))
    assert body_of(article) == PROSE[:3]
    [cut] = [each for each in article.paragraphs if each.kind == "dateline"]
    assert article.text[cut.start : cut.end] == dateline.strip()


@pytest.mark.parametrize(
    "opening", ["IMBALI: ", "THE PRESIDENT — ", "Nobody — not even he — ", "Q (Sunmar Radio): ", "He paused - "]
)
def test_other_openings_are_not(opening: str) -> None:
    lines = [opening + PROSE[0], "ANSWER: " + PROSE[1], opening + PROSE[2]]
    kinds = kinds_of("\n\n".join(lines))
    assert list(kinds) == lines
    assert set(kinds.values()) <= {"body", "question"}


@pytest.mark.parametrize("alert", ["BREAKING:", "UPDATE 2:", "JUST IN:", "URGENT:", "Flash:"])
def test_what_hurries_is_cut_off(alert: str) -> None:
    lines = [f"{alert} {PROSE[0]}", f"{alert} {PROSE[1]}", f"Sunmar: {PROSE[2]}"]
    article = read_pasted("\n\n".join(lines))
    assert body_of(article) == [PROSE[0], PROSE[1], lines[2]]
    assert [article.text[each.start : each.end] for each in article.paragraphs if each.kind == "dateline"] == [
        alert
    ] * 2


@pytest.mark.parametrize("above", ["Press Release No. 114/2031", "Your weekly letter from the coast", "№ 114"])
def test_the_number_of_a_release_and_a_strapline_are_no_headlines(above: str) -> None:
    text = "\n\n".join([above, "Ships sail at last from Sunmar harbour", "14 May 2031", *PROSE])
    assert read_pasted(text).title == "Ships sail at last from Sunmar harbour"


@pytest.mark.parametrize(
    ("line", "byline", "date"),
    [
        ("By Liv Adrell in Sunmar. Published on 14 May 2031 at 18:42", "Liv Adrell in Sunmar", "2031-05-14T18:42"),
        ("Liv Adrell | Sunmar | 14 May 2031", "Liv Adrell", "2031-05-14"),
        ("Liv Adrell (now) and Tomas Idrewe (earlier)\n14 May 2031", "Liv Adrell and Tomas Idrewe", "2031-05-14"),
    ],
)
def test_bylines_are_told_from_what_stands_beside_them(line: str, byline: str, date: str) -> None:
    article = read_pasted("\n\n".join(["Ships sail at last from Sunmar harbour", line, *PROSE]))
    assert (article.byline, article.date) == (byline, date)


def test_a_french_byline_ends_before_the_date() -> None:
    text = (
        "Les navires quittent enfin le port de Sunmar\n\n"
        "Par Inès Quintal, à Port-Asel. Publié le 14 mai 2031 à 18h42\n\n"
        "Les navires ont quitté le port vendredi, a dit la ministre, et les équipages sont avec eux.\n"
    )
    article = read_pasted(text)
    assert (article.byline, article.date) == ("Inès Quintal, à Port-Asel", "2031-05-14T18:42")


def test_a_day_takes_the_year_of_another_date_of_the_page_or_none() -> None:
    lines = ["Ships sail at last from Sunmar harbour", f"SUNMAR, June 4 (Straits Wire) - {PROSE[0]}", *PROSE[1:]]
    assert read_pasted("\n\n".join(lines)).date == ""
    assert read_pasted("\n\n".join([*lines, "Last updated on 5 June 2031"])).date in ("2031-06-04", "2031-06-05")
    assert read_pasted("\n\n".join([*lines, "Read more: the talks of 5 June 2031"])).date == "2031-06-04"


def test_a_page_of_comments_has_no_article() -> None:
    comments = [f"Ivo {name}\n{name} hours ago\n{prose}\nReply" for name, prose in enumerate(PROSE, 2)]
    assert body_of(read_pasted("All comments\n\n214 comments\n\n" + "\n\n".join(comments))) == []


def test_a_number_of_comments_in_the_share_bar_begins_none() -> None:
    text = "\n\n".join(["Ships sail at last from Sunmar", "214 comments", "Share", *PROSE[:3], "Comments", *PROSE[3:]])
    assert body_of(read_pasted(text)) == PROSE


def test_a_cookie_banner_is_not_where_the_article_begins() -> None:
    banner = "We and our partners use cookies to give you the best experience on this site and to measure it."
    article = read_pasted("\n\n".join([banner, "Accept all", "Ships sail at last from Sunmar", *PROSE]))
    assert article.title == "Ships sail at last from Sunmar"
    assert body_of(article) == PROSE


def test_nothing_has_no_paragraphs() -> None:
    assert read_pasted("").paragraphs == read_pasted(" \n\u200b\n").paragraphs == ()


def test_right_to_left_and_mixed_scripts_are_body_as_they_stand() -> None:
    lines = [
        "وقال الوزير: «لن نقبل الإنذار» كما ورد في البيان الصادر عن الوزارة.",
        "The word «إنذار» stands in the note, and 最后通牒 in its translation, said the ministry.",
        "قال: لا.",
    ]
    assert body_of(read_pasted("\n\n".join(f"\u202b{line}\u202c" for line in lines))) == lines


def test_blocks_of_a_file_keep_their_bounds_and_marks() -> None:
    article = read_blocks(
        [Block("Will they sail?", "heading"), Block(PROSE[0]), Block("a ship", "item"), Block(PROSE[1])]
    )
    assert article.title == "Will they sail?"
    assert body_of(article) == [PROSE[0], "a ship", PROSE[1]]


@pytest.mark.parametrize(
    "unit",
    [
        "We will close the harbours. ",
        "“",
        "a | ",
        "A ",
        "14 May 2031, ",
        "(",
        ":",
        "\0",
        "我们将关闭港口。",
        "a\n",
        "MS. LEE: Yes.\n",
        "Will you?\n\nI will.\n\n",
        "\r",
    ],
)
@pytest.mark.usefixtures("uncollected")
def test_time_is_linear_in_the_text(unit: str) -> None:
    small, large = unit * (10_000 // len(unit)), unit * (100_000 // len(unit))
    read_pasted(small)
    began = process_time()
    read_pasted(small)
    once = process_time() - began
    began = process_time()
    read_pasted(large)
    assert process_time() - began < 10 * 4 * max(once, 0.002)


def test_a_large_line_is_read_at_once() -> None:
    text = "We will close the harbours. " * 400_000
    began = process_time()
    assert len(read_pasted(text).body) == 1
    assert detect(text) == "en"
    assert process_time() - began < 5
