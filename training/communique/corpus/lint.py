"""What is wrong with labelled statements, said before a model learns it.

Findings are of two kinds. An **error** makes training unsound, or impossible: the scores it would print, or the model
itself, could not be trusted. `communique lint` then ends with exit code 3. A **warning** is worth a look.

=========================  ========  ================================================================================
kind                       severity  found when
=========================  ========  ================================================================================
unreadable-rows            error     a row cannot be read
no-statements              error     no row has a text
too-few-groups             error     there are fewer independent groups (given ones, else near-copies) than folds
empty-texts                warning   a text is missing or blank
short-texts                warning   a text has a single word
long-texts                 warning   a text has more than 2,000 words
broken-encoding            warning   UTF-8 was read as something else (``Ã©`` for an accented e), or with loss (U+FFFD)
control-characters         warning   a text has control characters other than tab and line ends
invisible-characters       warning   a text has a byte order mark, zero-width space, word joiner or soft hyphen
decomposed-letters         warning   a text is not in Unicode's normal form C
markup                     warning   a text has HTML entities or tags
repeated-ids               warning   an id stands twice in the data, or twice in the holdout
copies                     warning   texts have the same words, and the same label
near-copies                warning   texts share 70 % of their three-word shingles (see `duplicates`)
no-labels                  error     no row has a label
missing-labels             error     some rows have no label
one-label                  error     all rows have the same label
unknown-labels             error     a label is not in the codebook, or stands in the holdout only
label-variants             error     labels differ in capitals, spaces, punctuation or look-alike letters only
label-typos                error     a rare label is spelled almost like a frequent one
conflicting-labels         either    texts with the same words have different labels; error above 1 % of the rows
rare-labels                either    a label has fewer than 10 rows; error below 2, which no fold can test
dominant-label             warning   one label has more than 80 % of the rows
label-by-length            warning   the number of words alone tells the label too well
missing-groups             warning   some rows have a group, others none
label-in-one-group         warning   all rows of a label are in one group
leaked-copies              error     a text of the data has the same words as one of the holdout
leaked-near-copies         error     a text of the data is a near-copy of one of the holdout
leaked-groups              error     a group is in both the data and the holdout
=========================  ========  ================================================================================

Why these severities. A row without a label is left out by training, but a gap in the one column that matters most is
more often an accident than a plan, so it stops. A misspelled label makes a class of its own. A few contradictory
labels are what human coders do; beyond one row in a hundred they are a fault of the file. Whatever reaches from the
data into the holdout makes its score a memory test, however little it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from communique.corpus import duplicates, spelling
from communique.statement import GROUP, ID, LABEL, LABELLED, TEXT

if TYPE_CHECKING:
    from communique.codebook import Codebook
    from communique.corpus.batch import Batch
    from communique.corpus.duplicates import Ints, Mask

Severity: TypeAlias = Literal["error", "warning"]
ERROR: Severity = "error"
WARNING: Severity = "warning"

LONG = 2000
"""A text of more words is an article rather than a statement."""
CONFLICTS = 0.01
"""The share of rows with contradicted labels above which they are an error."""
RARE = 10
"""A label on fewer rows is rare."""
DOMINANT = 0.8
"""A label on a larger share of the rows is dominant."""

_SHOWN = 3  # rows, sets or labels named in a sentence; all are in the report
_LENGTHS = 10  # classes of length, by quantiles, that shall not tell the label
_ENOUGH = 200  # rows from which that is looked at


def _continuation(encoding: str) -> str:
    """Write a class of what the bytes 80 to BF look like when read in an encoding: all but the first byte of UTF-8."""
    seen = bytes(range(0x80, 0xC0)).decode(encoding, "ignore")
    return "[" + "".join(rf"\x{{{ord(letter):x}}}" for letter in seen) + r"\x{80}-\x{9f}]"


_LATIN, _CYRILLIC = _continuation("cp1252"), _continuation("cp1251")
_BROKEN = "|".join(
    [
        r"\x{fffd}",  # what a decoder puts for what it cannot read
        rf"(?:^|[^\p{{Lu}}])[\x{{c2}}\x{{c3}}]{_LATIN}",  # accents; after a capital it may be Portuguese: "IRMÃ…"
        rf"\x{{e2}}\x{{20ac}}{_LATIN}|\x{{f0}}\x{{178}}",  # quotes and dashes; emoji
        rf"(?:[\x{{d0}}\x{{d1}}\x{{d7}}-\x{{db}}]{_LATIN}){{2}}",  # Cyrillic, Hebrew, Arabic
        rf"(?:[\x{{e0}}-\x{{ef}}]{_LATIN}{{2}}){{2}}",  # Han, Devanagari
        rf"(?:[\x{{420}}\x{{421}}]{_CYRILLIC}){{3}}|\x{{432}}\x{{402}}{_CYRILLIC}",  # the same, read as Windows-1251
    ]
)
_MARKUP = (
    r"&(?:[A-Za-z]{2,8}|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});"
    r"|</?(?:p|br|div|span|a|b|i|u|em|strong|h[1-6]|ul|ol|li|td|tr|table|script|style|img|blockquote)(?:\s[^<>]*)?/?>"
)
_FAULTS = (
    (
        "broken-encoding",
        _BROKEN,
        "characters broken by a wrong encoding",
        "a “cafÃ©” was a “café” once; export the data again, as UTF-8",
    ),
    (
        "control-characters",
        r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x{80}-\x{9f}]",
        "control characters",
        "they are no part of what was said; delete them",
    ),
    (
        "invisible-characters",
        r"[\x{feff}\x{200b}\x{2060}\x{ad}]",
        "invisible characters (byte order marks, zero-width spaces, soft hyphens)",
        "a word that has one is another word to the model; delete them",
    ),
    (
        "markup",
        _MARKUP,
        "HTML in them",
        "the model would take “&amp;” and “<br>” for words; take the markup out",
    ),
)


@dataclass(frozen=True, eq=False)
class Sheet:
    """Statements with the place each came from.

    Parameters
    ----------
    rows
        (n,) in the schema `LABELLED`; null where a cell is empty, a whole column of nulls where there is none.
    source, number
        (n,) which of `sources` each row came from, and its number there, from 1.
    sources
        Files as the user named them.
    unreadable
        Rows that could not be read, as ``file:row``; they are not among `rows`.
    """

    rows: pa.Table
    source: Ints
    number: Ints
    sources: tuple[str, ...]
    unreadable: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def name_rows(self, indices: Ints) -> tuple[str, ...]:
        """Name rows as ``file:row``."""
        places = zip(self.source[indices].tolist(), self.number[indices].tolist(), strict=True)
        return tuple(f"{self.sources[source]}:{number}" for source, number in places)


@dataclass(frozen=True)
class Finding:
    """One thing that was found, in a sentence, and where.

    `rows` names every row as ``file:row``. Where rows belong together (copies, a statement and its copy in the
    holdout), `sets` has them set by set.
    """

    kind: str
    severity: Severity
    sentence: str
    rows: tuple[str, ...] = ()
    sets: tuple[tuple[str, ...], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values only."""
        return {
            "kind": self.kind,
            "severity": self.severity,
            "sentence": self.sentence,
            "rows": list(self.rows),
            "sets": [list(members) for members in self.sets],
        }


@dataclass(frozen=True)
class Report:
    """All that was found, errors first.

    Parameters
    ----------
    statements, holdout
        Rows of the data and of the holdout (None if there is none), the unreadable ones left out.
    labels
        How many rows of the data each label has, the most frequent first.
    """

    statements: int
    holdout: int | None
    labels: Mapping[str, int]
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that make training unsound."""
        return tuple(finding for finding in self.findings if finding.severity == ERROR)

    @property
    def sound(self) -> bool:
        """Whether nothing was found that makes training unsound."""
        return not self.errors

    @property
    def sentences(self) -> tuple[str, ...]:
        """The report for a reader: what was looked at, what was found, and whether one may train on it."""
        labels = _list([f"{label}: {count:,}" for label, count in self.labels.items()], shown=12)
        looked = _count(self.statements, "statement") + (f" ({labels})" if labels else "")
        looked += f", and {self.holdout:,} held out." if self.holdout is not None else "."
        errors, warnings = len(self.errors), len(self.findings) - len(self.errors)
        verdict = (
            f"Training on this would be unsound: {_count(errors, 'error')} to mend" if errors else "Sound to train on"
        )
        if warnings:
            verdict += f"{';' if errors else ', but'} {_count(warnings, 'warning', 'is')} worth a look"
        return (looked, *(f"{finding.severity}: {finding.sentence}" for finding in self.findings), f"{verdict}.")

    def to_dict(self) -> dict[str, Any]:
        """Plain values only, as ``communique lint --json`` prints them."""
        return {
            "statements": self.statements,
            "holdout": self.holdout,
            "labels": dict(self.labels),
            "sound": self.sound,
            "findings": [finding.to_dict() for finding in self.findings],
        }


def gather(batches: Iterable[Batch]) -> Sheet:
    """Gather batches; have them read with ``keep_unreadable``, and rows that cannot be read are a finding."""
    parts, source, number = [], [], []
    sources: dict[str, int] = {}
    unreadable: list[str] = []
    for batch in batches:
        broken = [fault.row - batch.first_row for fault in batch.faults]
        unreadable += map(batch.name_row, broken)
        kept = np.delete(np.arange(batch.rows.num_rows), broken)
        parts.append(batch.labelled.take(pa.array(kept)))
        source.append(np.full(len(kept), sources.setdefault(batch.source, len(sources))))
        number.append(kept + batch.first_row)
    none = np.zeros(0, dtype=np.int64)
    rows = pa.Table.from_batches(parts, LABELLED)
    return Sheet(
        rows, np.concatenate([none, *source]), np.concatenate([none, *number]), tuple(sources), tuple(unreadable)
    )


def sheet_of(
    texts: Sequence[str | None],
    labels: Sequence[str | None] | None = None,
    groups: Sequence[str | None] | None = None,
    ids: Sequence[str] | None = None,
    *,
    source: str = "row",
) -> Sheet:
    """Make a sheet of plain sequences; without ids they are running numbers. Rows are named ``source:1`` and so on."""
    n = len(texts)
    columns = {ID: ids or list(map(str, range(1, n + 1))), TEXT: texts, LABEL: labels, GROUP: groups}
    arrays = [pa.array([None] * n if cells is None else cells, pa.string()) for cells in columns.values()]
    return Sheet(pa.table(arrays, schema=LABELLED), np.zeros(n, dtype=np.int64), np.arange(1, n + 1), (source,))


def inspect(data: Sheet, holdout: Sheet | None = None, codebook: Codebook | None = None, *, folds: int = 5) -> Report:
    """Look for everything in the table above.

    Parameters
    ----------
    data
        What shall be trained on.
    holdout
        What the model will be judged by. Its texts and labels are looked at as those of the data are, and nothing of
        it may be in the data.
    codebook
        The labels that are right; None: those that most rows have.
    folds
        How many parts training will cut the data into.
    """
    view = _look(data, holdout)
    findings = [
        *_check_rows(view, folds),
        *_check_texts(view),
        *_check_copies(view),
        *_check_labels(view, codebook),
        *_check_balance(view),
        *_check_groups(view),
        *_check_holdout(view),
    ]
    order = np.lexsort((np.arange(len(view.counts)), -view.counts))
    return Report(
        statements=len(data),
        holdout=None if holdout is None else len(holdout),
        labels={view.label_names[code]: int(view.counts[code]) for code in order if view.counts[code]},
        findings=tuple(sorted(findings, key=lambda finding: finding.severity != ERROR)),
    )


@dataclass(frozen=True, eq=False)
class _View:
    """The d rows of the data and, below them, those of the holdout: n rows, as the checks need them."""

    sheet: Sheet
    data: int
    texts: pa.ChunkedArray
    """(n,) null where blank."""
    words: Ints
    """(n,) words in the text."""
    wording: Ints
    """(n,) equal numbers, equal words."""
    near: Ints
    """(d,) equal numbers, near-copies."""
    labels: Ints
    """(n,) place in `label_names`, -1 where there is none."""
    label_names: tuple[str, ...]
    """Sorted."""
    counts: Ints
    """(labels,) rows of the data."""
    groups: Ints
    """(n,) place in `group_names`, -1 where there is none."""
    group_names: tuple[str, ...]

    def find(self, kind: str, severity: Severity, what: str, advice: str, rows: Ints | Mask | None = None) -> Finding:
        """Make a finding about the whole, or about single rows."""
        if rows is None:
            return Finding(kind, severity, f"{what}: {advice}.")
        names = self.sheet.name_rows(np.arange(len(self.sheet))[rows])
        return Finding(kind, severity, f"{what} ({_list(names)}): {advice}.", names)

    def find_sets(
        self, kind: str, severity: Severity, what: str, advice: str, sets: Iterable[Ints], sign: str
    ) -> Finding:
        """Make a finding about rows that belong together; the sign stands between those of a set."""
        named = tuple(self.sheet.name_rows(members) for members in sets)
        ends = [members if len(members) <= _SHOWN else (members[0], "...", members[-1]) for members in named]
        shown = [f" {sign} ".join(members) for members in ends]
        rows = tuple(dict.fromkeys(name for members in named for name in members))
        return Finding(kind, severity, f"{what} ({_list(shown, '; ', '; ')}): {advice}.", rows, named)

    def has_label(self, names: Iterable[str]) -> Mask:
        """Tell for every row whether its label is one of these."""
        return np.isin(self.labels, [self.label_names.index(name) for name in names if name in self.label_names])


def _look(data: Sheet, holdout: Sheet | None) -> _View:
    sheet = data
    if holdout is not None:
        sheet = Sheet(
            pa.concat_tables([data.rows, holdout.rows]),
            np.concatenate([data.source, holdout.source + len(data.sources)]),
            np.concatenate([data.number, holdout.number]),
            data.sources + holdout.sources,
            data.unreadable + holdout.unreadable,
        )
    texts = sheet.rows.column(TEXT)
    texts = pc.if_else(pc.equal(pc.utf8_trim_whitespace(texts), ""), None, texts)
    labels, label_names = _encode(sheet.rows.column(LABEL))
    groups, group_names = _encode(sheet.rows.column(GROUP))
    known = labels[: len(data)]
    return _View(
        sheet=sheet,
        data=len(data),
        texts=texts,
        words=np.diff(duplicates.words(texts)[1]),
        wording=duplicates.exact(texts),
        near=duplicates.groups(texts[: len(data)]),
        labels=labels,
        label_names=label_names,
        counts=np.bincount(known[known >= 0], minlength=len(label_names)),
        groups=groups,
        group_names=group_names,
    )


def _check_rows(view: _View, folds: int) -> Iterator[Finding]:
    """Check the rows as such: can they be read, have they a text, an id of their own, and are they enough."""
    if names := view.sheet.unreadable:
        what = f"{_count(len(names), 'row')} cannot be read ({_list(names)})"
        yield Finding("unreadable-rows", ERROR, f"{what}: mend them, or take them out.", names)
    empty = _mask(view.texts.is_null())
    if empty[: view.data].all():
        yield view.find(
            "no-statements", ERROR, "No row of the data has a text", "name the column that holds the statements"
        )
        return
    if empty.any():
        what = _count(empty.sum(), "row", "has") + " no text"
        yield view.find("empty-texts", WARNING, what, "training leaves them out; fill them in, or delete them", empty)
    ids, _ = _encode(view.sheet.rows.column(ID))
    for start, stop, where in ((0, view.data, "data"), (view.data, len(ids), "holdout")):
        if sets := _sets(ids[start:stop], np.arange(start, stop)):
            what = f"{_count(len(sets), 'id', 'stands')} more than once in the {where}"
            yield view.find_sets("repeated-ids", WARNING, what, "an id shall tell which row is meant", sets, "and")
    usable = ~empty[: view.data] & ((view.labels[: view.data] >= 0) | (view.counts.sum() == 0))
    grouped = view.groups[: view.data] >= 0
    apart = len(np.unique(view.groups[: view.data][usable & grouped])) + len(np.unique(view.near[usable & ~grouped]))
    if apart < folds:
        what = "The data has only " + _count(apart, "group of statements", plural="groups of statements")
        advice = f"training cuts it into {folds} parts, and keeps groups and near-copies whole; add other statements"
        yield view.find("too-few-groups", ERROR, what, advice)


def _check_texts(view: _View) -> Iterator[Finding]:
    """Check the texts one by one: their length and their characters."""
    short, long = view.words == 1, view.words > LONG
    if short.any():
        what = _count(short.sum(), "text", "has") + " a single word"
        yield view.find("short-texts", WARNING, what, "too little to take a stance with, or cut off", short)
    if long.any():
        what = f"{_count(long.sum(), 'text', 'has')} more than {LONG:,} words, the longest {view.words.max():,}"
        advice = "articles rather than statements; a statement is what one speaker says in a few sentences"
        yield view.find("long-texts", WARNING, what, advice, long)
    for kind, pattern, what, advice in _FAULTS:
        faulty = _mask(pc.match_substring_regex(view.texts, pattern))
        if faulty.any():
            yield view.find(kind, WARNING, f"{_count(faulty.sum(), 'text', 'has')} {what}", advice, faulty)
    decomposed = _mask(pc.not_equal(pc.utf8_normalize(view.texts, "NFC"), view.texts))
    if decomposed.any():
        what = _count(decomposed.sum(), "text", "is") + " not in Unicode's normal form C"
        advice = "an “é” made of a letter and an accent is not the usual “é” to the model; normalise them"
        yield view.find("decomposed-letters", WARNING, what, advice, decomposed)


def _check_copies(view: _View) -> Iterator[Finding]:
    """Compare the texts of the data with each other."""
    labels = view.labels[: view.data]
    copies = _sets(view.wording[: view.data], np.arange(view.data))
    if agreed := [members for members in copies if not _disagree(labels[members])]:
        what = _count(sum(map(len, agreed)) - len(agreed), "statement", "repeats") + " another word for word"
        advice = "what stands twice counts twice; keep one of each"
        yield view.find_sets("copies", WARNING, what, advice, agreed, "=")
    if torn := [members for members in copies if _disagree(labels[members])]:
        share = sum(map(len, torn)) / (labels >= 0).sum()
        what = _count(len(torn), "statement", "stands") + " more than once, with different labels"
        advice = f"the same words cannot be both ({share:.1%} of the labelled rows are concerned); decide, and keep one"
        yield view.find_sets("conflicting-labels", ERROR if share > CONFLICTS else WARNING, what, advice, torn, "=")
    # One row stands for all that have its words.
    first = np.unique(view.wording[: view.data], return_index=True)[1]
    if similar := _sets(view.near[first], first):
        what = f"{_count(sum(map(len, similar)), 'statement', 'is')} nearly the same as another"
        if differ := sum(_disagree(labels[members]) for members in similar):
            what += f", with different labels in {differ:,} of {len(similar):,} sets"
        advice = "training keeps them together, so that no fold is tested on what it has seen"
        yield view.find_sets("near-copies", WARNING, what, advice, similar, "~")


def _check_labels(view: _View, codebook: Codebook | None) -> Iterator[Finding]:
    """Check that every row has a label, that it is one, and that there is enough of it."""
    if not view.counts.any():
        yield view.find(
            "no-labels", ERROR, "No row of the data has a label", "name the column that holds them, or label some"
        )
        return
    bare = (view.labels < 0) & ~_mask(view.texts.is_null())
    if bare.any():
        what = _count(bare.sum(), "statement", "has") + " no label"
        yield view.find("missing-labels", ERROR, what, "label them, or take them out", bare)
    if (view.counts > 0).sum() == 1:
        what = f"Every statement has the label {view.label_names[view.counts.argmax()]!r}"
        yield view.find("one-label", ERROR, what, "there is nothing to tell apart")

    right = codebook.names if codebook else ()
    rows = dict(zip(view.label_names, np.bincount(view.labels[view.labels >= 0]).tolist(), strict=True))
    slips = spelling.find_slips(rows, right)
    for slip in slips:
        what = f"The label {slip.label!r} is on {_count(rows[slip.label], 'row')}"
        advice = f"did you mean {slip.meant!r}, as on {rows.get(slip.meant, 0):,}? As it is, {slip.difference}"
        kind = "label-variants" if slip.variant else "label-typos"
        yield view.find(kind, ERROR, what, advice, view.has_label([slip.label]))
    said = {slip.label for slip in slips}
    counts = {name: int(count) for name, count in zip(view.label_names, view.counts, strict=True)}
    known = right or [name for name in counts if counts[name]]
    strange = [name for name in counts if name not in known and name not in said]
    if strange:
        guesses = [(name, spelling.guess(name, known)) for name in strange]
        named = _list([f"{name!r} (did you mean {near!r}?)" if near else repr(name) for name, near in guesses])
        place = "in the codebook" if codebook else "in the data, but in the holdout"
        what = f"{_count(len(strange), 'label', 'is')} not {place}, {named}"
        yield view.find("unknown-labels", ERROR, what, f"expected {_list(known, shown=12)}", view.has_label(strange))

    rare = {name: counts.get(name, 0) for name in known if counts.get(name, 0) < RARE and name not in said}
    if rare and len(known) > 1:
        refused = min(rare.values()) < 2
        named = _list([f"{name} ({count})" for name, count in sorted(rare.items(), key=lambda entry: entry[1])])
        what = f"{_count(len(rare), 'label', 'is')} on fewer than {RARE} statements, {named}"
        advice = (
            "too few to learn from, or to be judged by" if not refused else "training refuses a label on fewer than 2"
        )
        advice += "; label more, merge it with another, or leave it out"
        if len(known) > spelling.MANY:
            advice = f"{len(known):,} different labels are many; give the column that holds the labels"
        where = np.flatnonzero(view.has_label(rare)[: view.data])
        yield view.find("rare-labels", ERROR if refused else WARNING, what, advice, where if len(where) else None)


def _check_balance(view: _View) -> Iterator[Finding]:
    """Check what could be scored without reading."""
    labelled = np.flatnonzero(view.labels[: view.data] >= 0)
    if len(labelled) < _ENOUGH or (view.counts > 0).sum() < 2:
        return
    top = view.label_names[view.counts.argmax()]
    share = view.counts.max() / len(labelled)
    if share > DOMINANT:
        advice = (
            "who always says so is right as often; judge by macro-F1, not by accuracy, and label more of the others"
        )
        yield view.find("dominant-label", WARNING, f"{share:.0%} of the statements have the label {top!r}", advice)
    cuts = np.quantile(view.words[labelled], np.arange(1, _LENGTHS) / _LENGTHS)
    cells = np.searchsorted(cuts, view.words[labelled]) * len(view.counts) + view.labels[labelled]
    table = np.bincount(cells, minlength=_LENGTHS * len(view.counts)).reshape(_LENGTHS, -1)
    told = table.max(axis=1).sum() / len(labelled)
    if told - share > (1 - share) / 2:
        what = f"The number of words alone tells the label of {told:.0%} of the statements"
        advice = (
            f"always naming {top!r} tells {share:.0%}; the model may learn where a text comes from, not what it says"
        )
        yield view.find("label-by-length", WARNING, what, advice)


def _check_groups(view: _View) -> Iterator[Finding]:
    """Check that groups let a model be judged."""
    groups, labels = view.groups[: view.data], view.labels[: view.data]
    lone = np.flatnonzero(groups < 0)
    if len(lone) == view.data:
        return
    if len(lone):
        what = _count(len(lone), "statement", "has") + " no group, while others have one"
        yield view.find("missing-groups", WARNING, what, "each is taken for a group of its own", lone)
    # Without a group a row is a group of its own.
    own = np.where(groups < 0, len(view.group_names) + np.arange(view.data), groups)
    if len(np.unique(own)) < 2:
        return
    for code, name in enumerate(view.label_names):
        rows = np.flatnonzero(labels == code)
        if len(rows) > 1 and (own[rows] == own[rows[0]]).all():
            group = view.group_names[own[rows[0]]]
            what = f"All {len(rows):,} statements with the label {name!r} are in the group {group!r}"
            yield view.find("label-in-one-group", WARNING, what, "no fold can both learn it and be tested on it", rows)


def _check_holdout(view: _View) -> Iterator[Finding]:
    """Check that nothing of the holdout is in the data."""
    d = view.data
    near, _ = duplicates.nearest(view.texts[:d], view.texts[d:])
    leaked = np.flatnonzero(near >= 0)
    pairs = np.stack([leaked, near[leaked] + d], axis=1)
    same = view.wording[pairs[:, 0]] == view.wording[pairs[:, 1]]
    advice = "the score would tell what the model remembers, not what it has learnt; take them out of the data"
    if same.any():
        what = _count(same.sum(), "statement", "is") + " in the holdout too, word for word"
        yield view.find_sets("leaked-copies", ERROR, what, advice, pairs[same], "=")
    if not same.all():
        what = _count((~same).sum(), "statement", "is") + " nearly the same as one of the holdout"
        yield view.find_sets("leaked-near-copies", ERROR, what, advice, pairs[~same], "~")
    crossing = np.setdiff1d(np.intersect1d(view.groups[:d], view.groups[d:]), [-1])
    if len(crossing):
        rows = np.flatnonzero(np.isin(view.groups, crossing))
        named = _list([repr(view.group_names[code]) for code in crossing])
        what = f"{_count(len(crossing), 'group', 'is')} both in the data and in the holdout, {named}"
        advice = "what is alike within a group would be tested after it was learnt; keep each on one side"
        yield view.find_sets("leaked-groups", ERROR, what, advice, _sets(view.groups[rows], rows), "and")


def _encode(column: pa.ChunkedArray) -> tuple[Ints, tuple[str, ...]]:
    """Give each name in a column its place among all, sorted; -1 for null and blank ones."""
    names = pc.if_else(pc.equal(pc.utf8_trim_whitespace(column), ""), None, column)
    known = sorted(names.unique().drop_null().to_pylist())
    codes = pc.index_in(names, pa.array(known, pa.string())).fill_null(-1)
    return codes.to_numpy().astype(np.int64), tuple(known)


def _sets(numbers: Ints, rows: Ints) -> list[Ints]:
    """Give the sets of two or more rows with one number (-1 is none), in the order of their first rows."""
    many = numbers >= 0
    many[many] = np.bincount(numbers[many])[numbers[many]] > 1
    if not many.any():
        return []
    numbers, rows = numbers[many], rows[many]
    order = np.argsort(numbers, kind="stable")
    sets = np.split(rows[order], np.flatnonzero(np.diff(numbers[order])) + 1)
    return sorted(sets, key=lambda members: int(members[0]))


def _disagree(labels: Ints) -> bool:
    return len(set(labels[labels >= 0].tolist())) > 1


def _mask(column: pa.ChunkedArray) -> Mask:
    return np.asarray(column.fill_null(False).to_numpy(), dtype=bool)


def _list(names: Sequence[str], comma: str = ", ", last: str = " and ", *, shown: int = _SHOWN) -> str:
    """Write the first few names as a list, and how many more there are."""
    if len(names) > shown:
        return f"{comma.join(names[:shown])} and {len(names) - shown:,} more"
    return last.join([*([comma.join(names[:-1])] if names[1:] else []), *names[-1:]])


def _count(number: int, noun: str, verb: str = "", *, plural: str = "") -> str:
    """Write a number with its noun and verb, as "1 row has" or "2 rows have"."""
    if number != 1:
        noun, verb = plural or f"{noun}s", {"has": "have", "is": "are"}.get(verb, verb.removesuffix("s"))
    return f"{number:,} {noun} {verb}".rstrip()
