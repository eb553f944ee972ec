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
broken-encoding            warning   UTF-8 was read as another encoding (``Ã©`` for an accented e), or with loss (U+FFFD)
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

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from communique.codebook import Codebook
from communique.corpus import duplicates
from communique.corpus.duplicates import Ints, Mask
from communique.statement import GROUP, ID, LABEL, LABELLED, TEXT

if TYPE_CHECKING:
    from communique.corpus.batch import Batch

ERROR: Literal["error"] = "error"
WARNING: Literal["warning"] = "warning"

LONG = 2000
"""A text of more words is an article rather than a statement."""
CONFLICTS = 0.01
"""The share of rows with contradicted labels above which they are an error."""
RARE = 10
"""A label on fewer rows is rare."""
DOMINANT = 0.8
"""A label on a larger share of the rows is dominant."""

_SHOWN = 3  # rows, sets or labels named in a sentence; all are in the report
_MANY = 200  # labels beyond which no typos are looked for: this is hardly a column of labels

# What the bytes 80 to BF of UTF-8 become when read as Windows-1252, and as Windows-1251.
_LATIN = r"[€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ\x{80}-\x{bf}]"
_CYRILLIC = r"[ЂЃѓЉЊЌЋЏђљњќћџЎўЈҐЁЄЇІіґёєјЅѕї№€‚„…†‡‰‹›‘’“”•–—™\x{a0}-\x{bf}]"
_BROKEN = "|".join(
    [
        r"\x{fffd}",
        rf"â€{_LATIN}|ðŸ|вЂ[™њќљћўў“”–—¦]",
        rf"(?:^|[^\p{{Lu}}])[ÂÃ]{_LATIN}",  # after a capital it may be Portuguese: "AMANHÃ…"
        rf"(?:[ÐÑ]{_LATIN}){{2}}|(?:[Ø-Û]{_LATIN}){{2}}|(?:[à-ï]{_LATIN}{{2}}){{2}}",
        rf"(?:[РС]{_CYRILLIC}){{3}}",
    ]
)
_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x{80}-\x{9f}]"
_INVISIBLE = r"[\x{feff}\x{200b}\x{2060}\x{ad}]"
_MARKUP = (
    r"&(?:[A-Za-z]{2,8}|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});"
    r"|</?(?:p|br|div|span|a|b|i|u|em|strong|h[1-6]|ul|ol|li|td|tr|table|script|style|img|blockquote)(?:\s[^<>]*)?/?>"
)
# Letters of the Cyrillic and Greek alphabets that look like Latin ones, folded to lower case.
_LOOKALIKES = str.maketrans("асԁеһіјорԛѕԝхуѵοανρτυικχ", "acdehijopqswxyvoavptuikx")


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

    def name_row(self, index: int) -> str:
        """Name a row as ``file:row``."""
        return f"{self.sources[self.source[index]]}:{self.number[index]}"


@dataclass(frozen=True)
class Finding:
    """One thing that was found, in one sentence, and where.

    `rows` names every row as ``file:row``. Where rows belong together (copies, a statement and its copy in the
    holdout), `sets` has them set by set, and `rows` all of them.
    """

    kind: str
    severity: Literal["error", "warning"]
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
    """All that was found, errors first."""

    statements: int
    """Rows of the data, the unreadable ones left out."""
    holdout: int | None
    """Rows of the holdout; None if there is none."""
    labels: Mapping[str, int]
    """How many rows of the data each label has, the most frequent first."""
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that make training unsound."""
        return tuple(finding for finding in self.findings if finding.severity == ERROR)

    @property
    def sound(self) -> bool:
        """Whether nothing that was found makes training unsound."""
        return not self.errors

    @property
    def sentences(self) -> tuple[str, ...]:
        """The report for a reader: what was looked at, what was found, and whether one may train on it."""
        labels = _list([f"{label} {count:,}" for label, count in self.labels.items()], shown=12)
        held = f", and {_count(self.holdout, 'statement')} held out" if self.holdout is not None else ""
        looked = f"{_count(self.statements, 'statement')}{f' ({labels})' if labels else ''}{held}."
        errors, warnings = len(self.errors), len(self.findings) - len(self.errors)
        worth = f"{_count(warnings, 'warning')} {'is' if warnings == 1 else 'are'} worth a look"
        if errors:
            verdict = f"Training on this would be unsound: {_count(errors, 'error')} to mend first"
            verdict += f"; {worth}." if warnings else "."
        else:
            verdict = f"Nothing here makes training unsound; {worth}." if warnings else "Nothing to mend."
        return (looked, *(f"{finding.severity}: {finding.sentence}" for finding in self.findings), verdict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values only, as `communique lint --json` prints them."""
        return {
            "statements": self.statements,
            "holdout": self.holdout,
            "labels": dict(self.labels),
            "sound": self.sound,
            "findings": [finding.to_dict() for finding in self.findings],
        }


def gather(batches: Iterable[Batch]) -> Sheet:
    """Gather batches, read so that unreadable rows keep their place, into a sheet."""
    parts, source, number = [], [], []
    sources: dict[str, int] = {}
    unreadable: list[str] = []
    for batch in batches:
        broken = [fault.row - batch.first_row for fault in batch.faults]
        unreadable += [batch.name_row(index) for index in broken]
        kept = np.delete(np.arange(batch.rows.num_rows), broken)
        parts.append(batch.labelled.take(pa.array(kept)))
        source.append(np.full(len(kept), sources.setdefault(batch.source, len(sources))))
        number.append(kept + batch.first_row)
    nothing = [np.zeros(0, dtype=np.int64)]
    rows = pa.Table.from_batches(parts, LABELLED)
    return Sheet(
        rows, np.concatenate(source or nothing), np.concatenate(number or nothing), tuple(sources), tuple(unreadable)
    )


def sheet_of(
    texts: Sequence[str | None],
    labels: Sequence[str | None] | None = None,
    groups: Sequence[str | None] | None = None,
    ids: Sequence[str] | None = None,
    *,
    source: str = "row",
) -> Sheet:
    """Make a sheet of plain sequences; rows are named ``row:1``, ``row:2``, ..., ids are running numbers if not given."""
    n = len(texts)
    columns = {ID: ids or list(map(str, range(1, n + 1))), TEXT: texts, LABEL: labels, GROUP: groups}
    arrays = [
        pa.nulls(n, pa.string()) if columns[name] is None else pa.array(columns[name], pa.string())
        for name in LABELLED.names
    ]
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
        The labels that are right; None: they are what most rows say.
    folds
        How many parts training will cut the data into.
    """
    sheet = data if holdout is None else _join(data, holdout)
    view = _view(sheet, np.arange(len(sheet)) >= len(data))
    findings = [
        *_check_rows(view, folds),
        *_check_texts(view),
        *_check_copies(view),
        *_check_labels(view, codebook),
        *_check_balance(view),
        *_check_groups(view),
        *_check_holdout(view),
    ]
    counts = sorted(zip(view.label_names, view.counts.tolist(), strict=True), key=lambda entry: (-entry[1], entry[0]))
    return Report(
        statements=len(data),
        holdout=None if holdout is None else len(holdout),
        labels={name: count for name, count in counts if count},
        findings=tuple(sorted(findings, key=lambda finding: finding.severity != ERROR)),
    )


@dataclass(frozen=True, eq=False)
class _View:
    """Data and holdout one below the other, n rows, as the checks need them."""

    sheet: Sheet
    held: Mask
    """(n,) whether the row is of the holdout."""
    texts: pa.ChunkedArray
    """(n,) null where blank."""
    words: Ints
    """(n,) words in the text."""
    wording: Ints
    """(n,) equal numbers, equal words."""
    near: Ints
    """(rows of the data,) equal numbers, near-copies."""
    labels: Ints
    """(n,) -1 where there is none."""
    label_names: tuple[str, ...]
    counts: Ints
    """(labels,) rows of the data."""
    groups: Ints
    """(n,) -1 where there is none."""
    group_names: tuple[str, ...]

    @property
    def data(self) -> int:
        """How many rows are not held out; they come first."""
        return int((~self.held).sum())

    def find(
        self, kind: str, severity: Literal["error", "warning"], what: str, rows: Ints | Mask, advice: str
    ) -> Finding:
        """Make a finding about single rows."""
        indices = np.flatnonzero(rows) if rows.dtype == bool else rows
        names = tuple(map(self.sheet.name_row, indices.tolist()))
        return Finding(kind, severity, f"{what} ({_list(names)}): {advice}.", names)

    def find_sets(
        self, kind: str, severity: Literal["error", "warning"], what: str, sets: Iterable[Ints], sign: str, advice: str
    ) -> Finding:
        """Make a finding about rows that belong together."""
        named = tuple(tuple(map(self.sheet.name_row, members.tolist())) for members in sets)
        shown = [
            f" {sign} ".join(members[:_SHOWN]) + (f" {sign} ..." if len(members) > _SHOWN else "") for members in named
        ]
        rows = tuple(dict.fromkeys(name for members in named for name in members))
        return Finding(kind, severity, f"{what} ({_list(shown, '; ')}): {advice}.", rows, named)


def _view(sheet: Sheet, held: Mask) -> _View:
    texts = sheet.rows.column(TEXT)
    texts = pc.if_else(pc.equal(pc.utf8_trim_whitespace(texts), ""), None, texts)
    labels, label_names = _encode(sheet.rows.column(LABEL))
    groups, group_names = _encode(sheet.rows.column(GROUP))
    data = int((~held).sum())
    return _View(
        sheet=sheet,
        held=held,
        texts=texts,
        words=np.diff(duplicates.words(texts)[1]),
        wording=duplicates.exact(texts),
        near=duplicates.groups(texts[:data]),
        labels=labels,
        label_names=label_names,
        counts=np.bincount(labels[:data][labels[:data] >= 0], minlength=len(label_names)),
        groups=groups,
        group_names=group_names,
    )


def _check_rows(view: _View, folds: int) -> Iterator[Finding]:
    """Rows as such: can they be read, are there any, are there enough."""
    if unreadable := view.sheet.unreadable:
        what = f"{_count(len(unreadable), 'row')} cannot be read ({_list(unreadable)})"
        yield Finding("unreadable-rows", ERROR, f"{what}: mend them or take them out.", unreadable)
    empty = _mask(view.texts.is_null())
    if empty[: view.data].all():
        yield Finding("no-statements", ERROR, "The data has no statement: no row has a text.")
        return
    if empty.any():
        what = f"{_count(empty.sum(), 'row')} {_has(empty.sum())} no text"
        yield view.find("empty-texts", WARNING, what, empty, "training leaves them out; fill them in or delete them")
    ids = view.sheet.rows.column(ID)
    for part, held in ((ids[: view.data], ""), (ids[view.data :], " of the holdout")):
        codes, _ = _encode(part)
        again = np.bincount(codes[codes >= 0])[codes] > 1 if (codes >= 0).any() else np.zeros(0, dtype=bool)
        rows = np.flatnonzero(again & (codes >= 0)) + (view.data if held else 0)
        if len(rows):
            sets = _sets(codes[rows - (view.data if held else 0)], rows)
            what = f"{_count(len(sets), 'id')}{held} {'names' if len(sets) == 1 else 'name'} more than one row"
            yield view.find_sets(
                "repeated-ids", WARNING, what, sets, "and", "answers could not be told apart by their ids"
            )
    usable = np.flatnonzero(~empty[: view.data] & ((view.labels[: view.data] >= 0) | (view.counts.sum() == 0)))
    grouped = view.groups[usable] >= 0
    apart = len(np.unique(view.groups[usable][grouped])) + len(np.unique(view.near[usable][~grouped]))
    if apart < folds:
        what = _count(apart, "group") if grouped.all() else _count(apart, "independent statement")
        advice = f"training cuts the data into {folds} parts and keeps near-copies and groups whole; label more"
        yield Finding("too-few-groups", ERROR, f"The data has only {what}: {advice}.")


def _check_texts(view: _View) -> Iterator[Finding]:
    """Check the texts one by one: their length and their characters."""
    long, short = view.words > LONG, view.words == 1
    if long.any():
        most = int(view.words.max())
        what = f"{_count(long.sum(), 'text')} {_has(long.sum())} more than {LONG:,} words, the longest {most:,}"
        advice = "an article rather than a statement? A model learns from what one speaker says in a few sentences"
        yield view.find("long-texts", WARNING, what, long, advice)
    if short.any():
        what = f"{_count(short.sum(), 'text')} {_has(short.sum())} one word only"
        yield view.find(
            "short-texts", WARNING, what, short, "that is little to take a stance with; is the text cut off?"
        )

    faults = (
        (
            "broken-encoding",
            _BROKEN,
            "characters broken by a wrong encoding",
            "“cafÃ©” was “café” once; export the data again, as UTF-8",
        ),
        ("control-characters", _CONTROL, "control characters", "the model would take them for words; delete them"),
        (
            "invisible-characters",
            _INVISIBLE,
            "invisible characters (byte order marks, zero-width spaces, soft hyphens)",
            "they make one word look like two; delete them",
        ),
        (
            "markup",
            _MARKUP,
            "HTML in them",
            "the model would learn that “&amp;” and “<br>” are words; take the markup out",
        ),
    )
    for kind, pattern, what, advice in faults:
        faulty = _mask(pc.match_substring_regex(view.texts, pattern))
        if faulty.any():
            yield view.find(
                kind, WARNING, f"{_count(faulty.sum(), 'text')} {_has(faulty.sum())} {what}", faulty, advice
            )
    decomposed = _mask(pc.not_equal(pc.utf8_normalize(view.texts, "NFC"), view.texts))
    if decomposed.any():
        what = f"{_count(decomposed.sum(), 'text')} {'is' if decomposed.sum() == 1 else 'are'} not in Unicode's normal form C"
        advice = "to the model an “é” made of a letter and an accent is not the usual “é”; normalise to NFC"
        yield view.find("decomposed-letters", WARNING, what, decomposed, advice)


def _check_copies(view: _View) -> Iterator[Finding]:
    """Compare the texts of the data with each other."""
    wording, labels = view.wording[: view.data], view.labels[: view.data]
    sets = [members for members in _sets(wording, np.arange(view.data)) if len(members) > 1]
    agreed = [members for members in sets if not _disagree(labels[members])]
    torn = [members for members in sets if _disagree(labels[members])]
    if agreed:
        extra = sum(map(len, agreed)) - len(agreed)
        what = f"{_count(extra, 'statement')} {'repeats' if extra == 1 else 'repeat'} another word for word"
        advice = "training keeps them together, but a text that stands twice counts twice; keep one of each"
        yield view.find_sets("copies", WARNING, what, agreed, "=", advice)
    if torn:
        share = sum(map(len, torn)) / max(int((labels >= 0).sum()), 1)
        pairs = {tuple(sorted({view.label_names[code] for code in labels[members] if code >= 0})) for members in torn}
        what = f"{_count(len(torn), 'statement')} {'stands' if len(torn) == 1 else 'stand'} more than once with different labels"
        what += f", as {_list([' and '.join(names) for names in sorted(pairs)])}"
        advice = f"the same words cannot be both (this concerns {share:.1%} of the rows); decide, and keep one"
        yield view.find_sets("conflicting-labels", ERROR if share > CONFLICTS else WARNING, what, torn, "=", advice)

    # Copies have been reported: one row stands for all that have its words.
    first = np.unique(wording, return_index=True)[1]
    similar = [members for members in _sets(view.near[first], first) if len(members) > 1]
    if similar:
        number = sum(map(len, similar))
        what = f"{_count(number, 'statement')} {'is' if number == 1 else 'are'} nearly the same as another"
        differ = sum(_disagree(labels[members]) for members in similar)
        note = f" In {_count(differ, 'set')} the labels differ: a fine line, or a slip of the coder?" if differ else ""
        advice = "training keeps them together, so that no fold is tested on what it has seen" + (
            f".{note[:-1]}" if note else ""
        )
        yield view.find_sets("near-copies", WARNING, what, similar, "~", advice)


def _check_labels(view: _View, codebook: Codebook | None) -> Iterator[Finding]:
    """Check that every row has a label, and that every label is one."""
    if (view.labels < 0).all():
        yield Finding(
            "no-labels", ERROR, "No row has a label: name the column that holds them, or label some statements."
        )
        return
    bare = (view.labels < 0) & ~_mask(view.texts.is_null())
    if bare.any():
        what = f"{_count(bare.sum(), 'statement')} {_has(bare.sum())} no label"
        yield view.find("missing-labels", ERROR, what, bare, "label them, or take them out")
    if (view.counts > 0).sum() == 1:
        only = view.label_names[int(view.counts.argmax())]
        yield Finding("one-label", ERROR, f"Every statement has the label {only!r}: there is nothing to tell apart.")

    names = dict(zip(view.label_names, np.bincount(view.labels[view.labels >= 0]).tolist(), strict=True))
    wrong: dict[str, str] = {}
    for kind, label, right, why in _misspelled(names, codebook.names if codebook else ()):
        wrong[label] = right
        rows = view.labels == view.label_names.index(label)
        what = f"The label {label!r} on {_count(rows.sum(), 'row')}"
        yield view.find(
            kind, ERROR, what, rows, f"did you mean {right!r}, as on {_count(names.get(right, 0), 'row')}? {why}"
        )
    known = set(codebook.names) if codebook else {name for name, count in zip(names, view.counts, strict=True) if count}
    strange = [name for name in names if name not in known and name not in wrong]
    if strange:
        rows = np.isin(view.labels, [view.label_names.index(name) for name in strange])
        place = "in the codebook" if codebook else "in the data, only in the holdout"
        shown = _list([repr(name) + _guess(name, sorted(known)) for name in strange])
        what = f"{_count(len(strange), 'label')} {'is' if len(strange) == 1 else 'are'} not {place}, {shown},"
        what += f" on {_count(rows.sum(), 'row')}"
        yield view.find("unknown-labels", ERROR, what, rows, f"expected {_list(sorted(known), shown=12)}")

    counts = dict.fromkeys(codebook.names if codebook else (), 0)
    counts |= {name: int(count) for name, count in zip(names, view.counts, strict=True) if count}
    rare = {name: count for name, count in counts.items() if count < RARE and name not in wrong and name not in strange}
    if rare and len(counts) > 1:
        fewest = min(rare.values())
        named = _list(
            [f"{name} ({count})" for name, count in sorted(rare.items(), key=lambda entry: (entry[1], entry[0]))]
        )
        what = f"{_count(len(rare), 'label')} {_has(len(rare))} fewer than {RARE} statements, {named}"
        advice = "too few to learn from or to be judged by; label more of it, merge it with another, or leave it out"
        if fewest < 2:
            advice = (
                "training refuses a label with fewer than 2; label more of it, merge it with another, or leave it out"
            )
        if len(counts) > _MANY:
            advice = f"with {len(counts):,} different labels, is this the column of labels?"
        rows = np.isin(view.labels, [view.label_names.index(name) for name in rare if name in names]) & ~view.held
        what_rows = view.find("rare-labels", ERROR if fewest < 2 else WARNING, what, rows, advice)
        yield what_rows if rows.any() else Finding("rare-labels", ERROR, f"{what}: {advice}.")


def _check_balance(view: _View) -> Iterator[Finding]:
    """Check what a model could score without reading."""
    labelled = np.flatnonzero(view.labels[: view.data] >= 0)
    total, several = len(labelled), (view.counts > 0).sum() > 1
    if not several or total < 20:
        return
    top = int(view.counts.argmax())
    share = view.counts[top] / total
    if share > DOMINANT:
        what = f"{share:.0%} of the statements have the label {view.label_names[top]!r}"
        advice = (
            "who always says so is right that often; judge by macro-F1, not by accuracy, and label more of the others"
        )
        yield Finding("dominant-label", WARNING, f"{what}: {advice}.")
    if total >= 200:
        cuts = np.quantile(view.words[labelled], np.linspace(0, 1, 11)[1:-1])
        size = np.searchsorted(cuts, view.words[labelled])
        table = np.bincount(size * len(view.counts) + view.labels[labelled], minlength=10 * len(view.counts))
        right = table.reshape(10, -1).max(axis=1).sum() / total
        if right - share > (1 - share) / 2:  # half of what always naming the most frequent label gets wrong
            what = f"The number of words alone tells the label of {right:.0%} of the statements"
            advice = (
                f"always naming {view.label_names[top]!r} tells {share:.0%}; the model may learn where a text came from"
            )
            yield Finding("label-by-length", WARNING, f"{what} ({advice}, not what it says).")


def _check_groups(view: _View) -> Iterator[Finding]:
    """Check whether groups let a model be judged."""
    groups, labels = view.groups[: view.data], view.labels[: view.data]
    grouped = groups >= 0
    if not grouped.any():
        return
    if not grouped.all():
        lone = np.flatnonzero(~grouped)
        what = f"{_count(len(lone), 'statement')} {_has(len(lone))} no group, the others have one"
        yield view.find("missing-groups", WARNING, what, lone, "each counts as a group of its own")
    both = grouped & (labels >= 0)
    if len(np.unique(groups[both])) < 2:
        return
    cells = np.unique(labels[both] * len(view.group_names) + groups[both])
    spread = np.bincount(cells // len(view.group_names), minlength=len(view.label_names))
    for code in np.flatnonzero((spread == 1) & (view.counts > 1)):
        rows = np.flatnonzero(both & (labels == code))
        if len(rows) < view.counts[code]:
            continue
        group = view.group_names[groups[rows[0]]]
        what = f"All {len(rows):,} statements with the label {view.label_names[code]!r} are in the group {group!r}"
        yield view.find(
            "label-in-one-group", WARNING, what, rows, "no fold can both learn the label and be tested on it"
        )


def _check_holdout(view: _View) -> Iterator[Finding]:
    """Check that nothing of the data is in the holdout."""
    if not view.held.any():
        return
    start = view.data
    j, similarity = duplicates.nearest(view.texts[:start], view.texts[start:])
    leaked = np.flatnonzero(j >= 0)
    partner = j[leaked] + start
    same = view.wording[leaked] == view.wording[partner]
    advice = "the score would tell what the model remembers, not what it has learnt; take them out of the data"
    for kind, wanted, what, sign in (
        ("leaked-copies", same, "in the holdout too, word for word", "="),
        ("leaked-near-copies", ~same, "nearly the same as one of the holdout", "~"),
    ):
        if wanted.any():
            pairs = np.stack([leaked[wanted], partner[wanted]], axis=1)
            what = f"{_count(len(pairs), 'statement')} {'is' if len(pairs) == 1 else 'are'} {what}"
            yield view.find_sets(kind, ERROR, what, pairs, sign, advice)
    crossing = np.intersect1d(view.groups[:start], view.groups[start:])
    crossing = crossing[crossing >= 0]
    if len(crossing):
        rows = np.flatnonzero(np.isin(view.groups, crossing))
        names = _list([repr(view.group_names[code]) for code in crossing])
        what = f"{_count(len(crossing), 'group')} {'is' if len(crossing) == 1 else 'are'} both in the data and in the holdout, {names}"
        advice = "what is alike inside a group would be tested after being learnt; keep each group on one side"
        yield view.find_sets("leaked-groups", ERROR, what, _sets(view.groups[rows], rows), "and", advice)


def _misspelled(counts: Mapping[str, int], right: Sequence[str]) -> Iterator[tuple[str, str, str, str]]:
    """Find labels that look like slips for others: (kind, label, the one meant, why).

    Parameters
    ----------
    counts
        How many rows each label has.
    right
        The labels of the codebook, which are right; none: the more frequent of two is.
    """
    if len(counts) > _MANY:
        return
    # The right ones first, then the most frequent: a label can be a slip only for one before it.
    ranked = [*right, *sorted(set(counts) - set(right), key=lambda label: (-counts[label], label))]
    done: list[str] = list(right)
    for label in ranked[len(right) :]:
        for other in done:
            if _fold(label) == _fold(other):
                yield "label-variants", label, other, _difference(label, other)
                break
        else:
            many = max((counts.get(other, 0) for other in done), default=0)
            rarely = counts[label] <= max(3, many // 20)
            near = [other for other in done if (right or counts[other] > counts[label]) and _is_slip(label, other)]
            if near and (rarely or right):
                best = max(near, key=lambda other: difflib.SequenceMatcher(None, label, other).ratio())
                yield "label-typos", label, best, "They differ by a letter or two"
            else:
                done.append(label)


def _is_slip(label: str, other: str) -> bool:
    """Tell whether two labels differ as a slip of the finger does, and not as two labels do.

    "escalatroy" is a slip for "escalatory"; "de-escalatory", "level 2" for "level 1" and "B-side" for "A-side" are not.
    """
    ours, theirs = re.findall(r"[^\W\d_]+", label.casefold()), re.findall(r"[^\W\d_]+", other.casefold())
    if len(ours) != len(theirs) or re.findall(r"\d", label) != re.findall(r"\d", other):
        return False
    differing = [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b]
    return bool(differing) and all(
        min(len(a), len(b)) >= 4
        and not a.endswith(b)
        and not b.endswith(a)
        and difflib.SequenceMatcher(None, a, b).ratio() >= 0.8
        for a, b in differing
    )


def _fold(label: str) -> str:
    """Bring labels that are meant to be one to one form."""
    plain = unicodedata.normalize("NFKC", label).casefold().translate(_LOOKALIKES)
    plain = "".join(letter for letter in plain if unicodedata.category(letter) != "Cf")
    plain = re.sub(r"(?<=[^\W\d_])[\s_./-]+(?=[^\W\d_])", "", plain)
    return plain.strip().strip("\"'“”‘’.,;:").strip()


def _difference(label: str, other: str) -> str:
    """Say how two labels of one form differ."""
    for letter in label:
        if letter not in other and letter.casefold().translate(_LOOKALIKES) != letter.casefold():
            return f"Its {letter!r} is a {unicodedata.name(letter).title()}"
    for letter in other:
        if letter not in label and letter.casefold().translate(_LOOKALIKES) != letter.casefold():
            return f"There the {letter!r} is a {unicodedata.name(letter).title()}"
    if label.casefold() == other.casefold():
        return "They differ in capitals only"
    if label.split() == other.split() or label.strip() == other.strip():
        return "They differ in white space only"
    return "They differ in capitals, spaces or punctuation only"


def _guess(label: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(label.casefold(), known, 1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _join(data: Sheet, holdout: Sheet) -> Sheet:
    """Put the holdout below the data."""
    return Sheet(
        pa.concat_tables([data.rows, holdout.rows]),
        np.concatenate([data.source, holdout.source + len(data.sources)]),
        np.concatenate([data.number, holdout.number]),
        data.sources + holdout.sources,
        data.unreadable + holdout.unreadable,
    )


def _encode(column: pa.ChunkedArray) -> tuple[Ints, tuple[str, ...]]:
    """Number the names in a column, -1 for null and blank ones, and give the names."""
    named = pc.if_else(pc.equal(pc.utf8_trim_whitespace(column), ""), None, column).combine_chunks().dictionary_encode()
    return named.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64), tuple(
        named.dictionary.to_pylist()
    )


def _sets(numbers: Ints, rows: Ints) -> list[Ints]:
    """Divide rows by their numbers; sets in the order of their first row."""
    order = np.argsort(numbers, kind="stable")
    sets = np.split(rows[order], np.flatnonzero(np.diff(numbers[order])) + 1) if len(rows) else []
    return sorted(sets, key=lambda members: int(members[0]))


def _disagree(labels: Ints) -> bool:
    return len(np.unique(labels[labels >= 0])) > 1


def _mask(column: pa.ChunkedArray) -> Mask:
    return np.asarray(column.fill_null(False).to_numpy())


def _list(names: Sequence[str], comma: str = ", ", *, shown: int = _SHOWN) -> str:
    """Write the first few names as a list, and how many more there are."""
    if len(names) > shown:
        return f"{comma.join(names[:shown])} and {len(names) - shown:,} more"
    return f"{comma.join(names[:-1])} and {names[-1]}" if len(names) > 1 and comma == ", " else comma.join(names)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _has(number: int) -> str:
    return "has" if number == 1 else "have"
