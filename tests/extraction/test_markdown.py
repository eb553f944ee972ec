"""Markdown: plain prose where its marks stood, and every offset as in the text that was given."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from communique.extraction.markdown import read_markdown

PROSE = "The ships left the harbour of Sunmar on Friday, the ministry said."


def paragraphs_of(text: str) -> list[tuple[str, str]]:
    article = read_markdown(text)
    return [(each.kind, " ".join(article.text[each.start : each.end].split())) for each in article.paragraphs]


def body_of(text: str) -> list[str]:
    return [words for kind, words in paragraphs_of(text) if kind == "body"]


@given(st.text(st.sampled_from("#>*_-`[]()!<a1. \n\r\\~=“é"), max_size=80))
def test_offsets_count_in_the_text_as_given(text: str) -> None:
    article = read_markdown(text)
    assert len(article.text) == len(text)
    assert all(new in (old, " ") for new, old in zip(article.text, text, strict=True))
    for paragraph in article.paragraphs:
        assert article.text[paragraph.start : paragraph.end].strip()


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("The **ships** left, _he_ said.", "The ships left, he said."),
        ("The [ships](https://x.example/a_b) left.", "The ships left."),
        ('The [ships](x "of ours") left.', "The ships left."),
        ("The [ships][1] left.[^2]", "The ships left."),
        ("![A picture](a.png)", ""),
        ("“[W]e left,” he said (again).", "“[W]e left,” he said (again)."),
        ("The `ships` left at 5 * 6 and a_b_c.", "The ships left at 5 * 6 and a_b_c."),
        ("The <em>ships</em> left. <!-- why? -->", "The ships left."),
        ("The \\*ships\\* left.", "The *ships * left."),
        ("See <https://x.example/a> for it.", "See for it."),
        ("***Ships***", "Ships"),
    ],
)
def test_marks_are_blanked(marked: str, plain: str) -> None:
    [*rest] = body_of(f"{PROSE}\n\n{marked}\n\n{PROSE}")[1:-1] or [
        words for _, words in paragraphs_of(f"{PROSE}\n\n{marked}\n\n{PROSE}")[1:-1]
    ]
    squeezed = " ".join(" ".join(rest).replace(" ,", ",").replace(" .", ".").split())
    assert squeezed == plain


def test_blocks_are_told_apart() -> None:
    text = f"""# Ships sail #

By Liv Adrell

> {PROSE}
> It was **late**.

## What next?

- a ship
  with a cable
- another ship

1. {PROSE}

Setext
------

```
print("no prose.")
```

[1]: https://x.example
***
{PROSE}
"""
    assert paragraphs_of(text) == [
        ("title", "Ships sail"),
        ("byline", "By Liv Adrell"),
        ("body", f"{PROSE} It was late ."),
        ("heading", "What next?"),
        ("body", "a ship with a cable"),
        ("body", "another ship"),
        ("body", PROSE),
        ("heading", "Setext"),
        ("body", PROSE),
    ]


def test_a_hard_break_parts_paragraphs() -> None:
    assert body_of(f"{PROSE}  \n{PROSE}\\\n{PROSE}\n{PROSE}") == [
        PROSE,
        PROSE.replace(" said.", " said."),
        f"{PROSE} {PROSE}",
    ]


def test_front_matter_says_what_the_article_is() -> None:
    article = read_markdown(
        f'---\ntitle: "Ships: they sail"\nauthor: Liv Adrell\ndate: 2031-05-14\npublisher: X\n---\n{PROSE}\n'
    )
    assert (article.title, article.byline, article.date, article.outlet) == (
        "Ships: they sail",
        "Liv Adrell",
        "2031-05-14",
        "X",
    )
    assert len(article.paragraphs) == 1


@pytest.mark.parametrize("unit", ["*_", "[a](b", "[", "](", "<", "`", "> ", "# ", "![", "\\", "- ", "<!--"])
@pytest.mark.usefixtures("uncollected")
def test_time_is_linear_in_the_text(unit: str) -> None:
    small, large = unit * 20_000, unit * 200_000
    began = process_time()
    read_markdown(small)
    once = process_time() - began
    began = process_time()
    read_markdown(large)
    assert process_time() - began < 10 * 4 * max(once, 0.005)
