"""Statements of articles as rows to be labelled: the same for the command line and for whoever serves them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from communique.corpus.batch import Batch
from communique.corpus.columns import Columns

if TYPE_CHECKING:
    from communique.extraction.article import Article
    from communique.extraction.extraction import Statement

_AROUND = 240  # characters of the article kept on either side
_ROWS = 4096

_TEXT, _PLACE, _SURE = pa.string(), pa.int64(), pa.float64()

EXTRACTED = pa.schema(
    [
        ("id", _TEXT),
        ("text", _TEXT),
        ("start", _PLACE),
        ("end", _PLACE),
        ("spans", pa.list_(pa.list_(_PLACE))),
        ("kind", _TEXT),
        ("speaker", _TEXT),
        ("office", _TEXT),
        ("actor", _TEXT),
        ("cue", _TEXT),
        ("confidence", _SURE),
        ("date", _TEXT),
        ("source", _TEXT),
        ("clause", pa.list_(_PLACE)),
    ]
)
"""A statement as `Statement.to_dict` gives it."""

TO_CLASSIFY = pa.schema(
    [field.with_name("speaker_confidence") if field.name == "confidence" else field for field in EXTRACTED]
    + [pa.field("judged", _TEXT), pa.field("before", _TEXT), pa.field("after", _TEXT)]
)
"""The same, ``confidence`` being the classifier's word here. ``judged`` is what the classifier read: a quotation alone,
indirect speech with its speaker and cue, since "denied" and "offered" carry the stance of what follows. ``before`` and
``after`` are what stands beside it in the article, for whoever looks the answer over."""


def batch_of(found: Sequence[tuple[Article, tuple[Statement, ...]]]) -> Batch:
    """Make one batch of the statements of some articles."""
    rows = [_row(article, statement) for article, statements in found for statement in statements]
    table = pa.RecordBatch.from_pylist(rows, TO_CLASSIFY)
    source = found[0][0].source if len(found) == 1 else "the articles"
    return Batch(table, table.column("id"), table.column("judged"), Columns(id="id", text="judged"), source)


def batches(found: Iterable[tuple[Article, tuple[Statement, ...]]], rows: int = _ROWS) -> Iterator[Batch]:
    """Gather the statements of many articles into batches of about this many rows."""
    held: list[tuple[Article, tuple[Statement, ...]]] = []
    waiting = 0
    for article, statements in found:
        held.append((article, statements))
        waiting += len(statements)
        if waiting >= rows:
            yield batch_of(held)
            held, waiting = [], 0
    if waiting:
        yield batch_of(held)


def _row(article: Article, statement: Statement) -> dict[str, Any]:
    row = statement.to_dict()
    row["speaker_confidence"] = row.pop("confidence")
    quoted = statement.kind in ("direct", "turn")
    row["judged"] = row["text"] if quoted else _tidy(article.text[slice(*statement.clause)])
    row["before"] = _tidy(article.text[max(0, statement.start - _AROUND) : statement.start])
    row["after"] = _tidy(article.text[statement.end : statement.end + _AROUND])
    return row


def _tidy(text: str) -> str:
    return " ".join(text.split())
