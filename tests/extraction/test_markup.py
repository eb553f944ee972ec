"""HTML: the article of a page, what the page says of itself, and pages that have none or mean harm."""

from __future__ import annotations

import json
from contextlib import suppress
from time import process_time

import pytest

from communique.errors import DataError
from communique.extraction.markup import decode_html, read_html

PROSE = [
    "The ships left the harbour of Sunmar on Friday, the ministry said in a statement.",
    "“We will not wait,” the president told reporters on the quay, and left without another word.",
    "Nobody in the town could say where they had gone, or when they would be back.",
]


def page_of(body: str, head: str = "") -> str:
    return f"<!DOCTYPE html><html><head><title>Ships sail - Courier</title>{head}</head><body>{body}</body></html>"


ARTICLE = "<h1>Ships sail from Sunmar</h1>" + "".join(f"<p>{prose}</p>" for prose in PROSE)
FRAME = (
    "<nav><ul><li><a href='/'>Home</a></li><li><a href='/w'>World</a></li></ul></nav>"
    "<main><article>{0}</article></main>"
    "<aside><h2>Most read</h2><ul><li><a href='/x'>Storm closes the passage</a></li></ul></aside>"
    "<section id='comments'><h2>Comments</h2><p>Ivo: They should all be sent home at once, if you ask me.</p></section>"
    "<footer><p>© 2031 The Courier. All rights reserved.</p></footer>"
)


def body_of(page: str) -> list[str]:
    article = read_html(page)
    return [article.text[each.start : each.end] for each in article.body]


def test_the_article_of_a_page_is_found_and_the_rest_left_out() -> None:
    article = read_html(page_of(FRAME.format(ARTICLE)), "page.html")
    assert [article.text[each.start : each.end] for each in article.body] == PROSE
    assert article.title == "Ships sail from Sunmar"
    assert article.source == "page.html"
    assert article.text.startswith("Ships sail from Sunmar\n\n" + PROSE[0])


def test_the_page_says_what_it_is() -> None:
    head = (
        '<meta property="og:site_name" content="The Meridian Courier"><meta name="author" content="Liv Adrell">'
        '<meta property="article:published_time" content="2031-05-14T18:42:00+02:00">'
    )
    article = read_html(page_of(FRAME.format(ARTICLE), head))
    assert (article.byline, article.outlet, article.date) == ("Liv Adrell", "The Meridian Courier", "2031-05-14T18:42")


def test_linked_data_says_it_too() -> None:
    data = {
        "@graph": [
            {"@type": "WebSite"},
            {
                "@type": "NewsArticle",
                "headline": "Ships sail from Sunmar",
                "datePublished": "2031-05-14T18:42:00Z",
                "author": [{"name": "Liv Adrell"}, {"name": "Tomas Idrewe"}],
                "publisher": {"name": "The Meridian Courier"},
            },
        ]
    }
    article = read_html(
        page_of(FRAME.format(ARTICLE), f'<script type="application/ld+json">{json.dumps(data)}</script>')
    )
    assert (article.byline, article.outlet, article.date) == (
        "Liv Adrell, Tomas Idrewe",
        "The Meridian Courier",
        "2031-05-14T18:42",
    )


def test_what_only_the_article_says_is_found_in_it() -> None:
    told = "<p>By Liv Adrell</p><p>14 May 2031, 18:42</p>"
    article = read_html(page_of(FRAME.format(ARTICLE.replace("</h1>", "</h1>" + told))))
    assert (article.byline, article.date) == ("Liv Adrell", "2031-05-14T18:42")
    assert [article.text[each.start : each.end] for each in article.body] == PROSE


def test_inline_marks_breaks_lists_and_quotations_are_read() -> None:
    extra = (
        f"<blockquote><p>{PROSE[1]}</p></blockquote><h2>What next?</h2>"
        "<ul><li>A <b>ship</b> <a href='x'>sails</a></li></ul>"
        "<p>MS. LEE: Yes.<br>QUESTION: Are you sure?<br/>MS. LEE: Quite sure of it.</p>"
    )
    found = body_of(page_of(FRAME.format(ARTICLE + extra + f"<p>{PROSE[2]} So it is said.</p>")))
    assert found[3:7] == [PROSE[1], "A ship sails", "MS. LEE: Yes.", "MS. LEE: Quite sure of it."]


@pytest.mark.parametrize("tag", ["strong", "b", "em", "i"])
def test_paragraphs_in_bold_or_italics_ask_in_an_interview(tag: str) -> None:
    asked = ["Do you know where the ships are?", "The minister says that they are lost.", "And will you go there?"]
    talk = "".join(
        f"<p><{tag}>{ask}</{tag}></p><p>I do not know, but we shall see them again soon.</p>" for ask in asked
    )
    article = read_html(page_of(FRAME.format(ARTICLE + talk)))
    assert [article.text[each.start : each.end] for each in article.paragraphs if each.kind == "question"] == asked


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<nav><a href='/'>Home</a> <a href='/w'>World</a></nav>",
        "<p>Sign in</p>",
        "<script>let prose = 'We will go.';</script>",
        "<div><div></div></div>",
    ],
)
def test_a_page_without_an_article_is_named(body: str) -> None:
    with pytest.raises(DataError, match=r"x\.html is an HTML page without an article"):
        read_html(page_of(body), "x.html")


def test_a_page_of_comments_has_none_of_them() -> None:
    comments = "".join(
        f"<div><p>Ivo {n}</p><p>{n} hours ago</p><p>They should be sent home, if you ask me.</p><p>Reply</p></div>"
        for n in range(9)
    )
    with suppress(DataError):
        assert body_of(page_of(f"<section id='comments'><h2>9 comments</h2>{comments}</section>")) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "cp1251", "gb18030"])
def test_the_encoding_of_a_page_is_told_by_its_mark_or_its_head(encoding: str) -> None:
    text = {"cp1251": "Мы не ждём", "gb18030": "我们不等"}.get(encoding, "“We will not wait”")
    page = page_of(f"<p>{text}</p>", f'<meta charset="{encoding}">')
    assert text in decode_html(page.encode(encoding), "x")


def test_an_encoding_that_does_not_exist_is_not_believed() -> None:
    assert "café" in decode_html(page_of("<p>café</p>", '<meta charset="x-none">').encode(), "x")


P = "".join(f"<p>{prose}</p>" for prose in PROSE)


@pytest.mark.parametrize(
    "body",
    [
        "<div>" * 20_000 + P,
        "<div>" * 150 + P,
        "<b>" * 20_000 + P,
        "<b>x</b>" * 20_000 + P,
        "a<br>" * 5_000 + P,
        "<p" * 20_000 + P,
        "<" * 20_000 + P,
        "<table><tr><td>x</td></tr></table>" * 2_000 + P,
        "<p><a href='x'>more of it</a></p>" * 3_000 + P,
        "<ul><li>" * 80 + P + "<li>x y z.</li>" * 5_000,
        "<!--" + "-" * 1_000_000 + "-->" + P,
        "&amp;" * 500_000 + P,
        "<p class='" + "a " * 100_000 + "'>x</p>" + P,
        "<script>" + "<x>" * 20_000 + "</script>" + P,
        "<script type='application/ld+json'>" + "[" * 50_000 + "</script>" + P,
        "<p>" + PROSE[0] * 5_000 + "</p>",
        "\0<p>\0" + P,
        "<svg><![CDATA[" + P,
        "</html></body>" * 1000 + P,
    ],
    ids=range(19),
)
def test_a_hostile_page_neither_hangs_nor_breaks(body: str) -> None:
    began = process_time()
    with suppress(DataError):
        article = read_html(page_of(body))
        assert all(article.text[each.start : each.end].strip() for each in article.paragraphs)
    assert process_time() - began < 10


def test_a_page_too_large_is_refused() -> None:
    with pytest.raises(DataError, match="the page is larger than 20 MB"):
        read_html("<p>" + "a" * (21 * 2**20))
    with pytest.raises(DataError, match="more than 1,000,000 tags"):
        read_html("<p>" * 1_000_001)
