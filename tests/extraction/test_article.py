"""An article is its text and offsets into it."""

from __future__ import annotations

import json

from communique.extraction.article import Article, Paragraph

ARTICLE = Article("Ships sail\n\nNobody knows why.", (Paragraph(0, 10, "title"), Paragraph(12, 29)), title="Ships sail")


def test_the_body_is_what_statements_are_sought_in() -> None:
    assert [ARTICLE.text[each.start : each.end] for each in ARTICLE.body] == ["Nobody knows why."]


def test_an_article_becomes_plain_json() -> None:
    plain = json.loads(json.dumps(ARTICLE.to_dict()))
    assert plain["paragraphs"][0] == {"start": 0, "end": 10, "kind": "title"}
    assert plain["title"] == "Ships sail"
    assert plain["language"] == "en"
