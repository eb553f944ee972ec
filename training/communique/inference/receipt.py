"""Receipts: what was classified, with what, and what came out; enough to do it again and see whether it is the same.

A receipt is written while rows stream by, in constant memory but for one line in 10,000 rows. It holds no statement
(texts given on the command line excepted, which nothing else holds); statements are hashed.

What must agree when `verify` runs again: every label of every row, exactly; every count, exactly; the sums of the
scores to a millionth a row, since another processor may round the last digits of a score otherwise. Versions of
libraries, the time and the command line are told, not compared.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import time
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from communique.corpus.cells import join_rows
from communique.corpus.columns import Columns
from communique.corpus.source import read, read_texts
from communique.errors import CommuniqueError, DataError, ModelError, ModelMissingError
from communique.inference.bulk import Answered, answer
from communique.inference.prediction import Classifier, Options
from communique.model import registry
from communique.statement import TEXT

FORMAT, FORMAT_VERSION = "communique-receipt", 1
BLOCK_ROWS = 10_000
"""Rows that share a hash of their answers: so fine it can be said where answers differ."""
TOLERANCE = 1e-6
"""By how much the sum of a label's scores may differ, for each row."""

_TEXTS, _STDIN = "the command line", "standard input"  # what the corpus calls them
_PACKAGES = ("communique", "numpy", "scipy", "pyarrow")
_MOST_NAMED = 3


@dataclass(frozen=True)
class ModelFacts:
    """Which model: as it was asked for, its name and version, and the SHA-256 of its file, codebook and recipe."""

    given: str
    name: str
    version: str
    sha256: str
    codebook: str
    codebook_sha256: str
    recipe: str
    recipe_sha256: str


@dataclass(frozen=True)
class Source:
    """An input: the SHA-256 of the ids and texts of its rows and, of a file, its size in bytes and SHA-256."""

    name: str
    rows: int
    rows_sha256: str
    bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Written:
    """The file of answers: its size in bytes and its SHA-256, both None if it is no regular file."""

    name: str
    bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Counts:
    """How many rows, how many of each label, and how many with no answer to rely on, no text, or no sense."""

    rows: int
    labels: dict[str, int]
    abstained: int
    empty: int
    unreadable: int


@dataclass(frozen=True)
class Answers:
    """SHA-256 over ids and labels of every `BLOCK_ROWS` rows, and the sum of each label's scores."""

    blocks: tuple[str, ...]
    score_sums: dict[str, float]


@dataclass(frozen=True)
class Receipt:
    """What was classified, with what, and what came out.

    ``given`` are the inputs as the user named them, and ``columns`` and ``options`` likewise. ``output`` is the file
    written, if one was.
    """

    model: ModelFacts
    given: tuple[str, ...]
    sources: tuple[Source, ...]
    columns: dict[str, str | None]
    options: dict[str, bool | int | float | None]
    counts: Counts
    answers: Answers
    output: Written | None
    versions: dict[str, str]
    created: str
    seconds: float
    command: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"format": FORMAT, "format_version": FORMAT_VERSION, **asdict(self)}

    def to_json(self) -> bytes:
        """Write the receipt out; bytes of a file name that are no UTF-8 come as escapes."""
        return (json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def receipt_of(plain: object, name: str = "the receipt") -> Receipt:
    """Read what `Receipt.to_dict` gives.

    Raises
    ------
    DataError
        If it is no receipt, is of a newer format, or a part is missing or of another type.
    """
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        raise DataError(f"{name} is not a receipt", expected="a file that classify --receipt wrote")
    if plain.get("format_version") != FORMAT_VERSION:
        raise DataError(
            f"{name} has receipt format {plain.get('format_version')!r}",
            expected=f"format {FORMAT_VERSION}",
            remedy="use the version of communique that wrote it",
        )
    parts = {key: value for key, value in plain.items() if key not in ("format", "format_version")}
    try:
        receipt: Receipt = _build(Receipt, parts)
    except (TypeError, ValueError) as problem:
        raise DataError(f"{name} is damaged ({problem})", remedy="classify the rows again") from problem
    return receipt


def read_receipt(path: Path) -> Receipt:
    """Read a receipt from a JSON file.

    Raises
    ------
    DataError
        If it cannot be read or is no receipt.
    """
    try:
        plain = json.loads(path.read_text("utf-8"))
    except OSError as problem:
        raise DataError(f"{path} cannot be read ({problem.strerror})") from problem
    except (ValueError, RecursionError) as problem:
        raise DataError(f"{path} is not JSON", expected="a file that classify --receipt wrote") from problem
    return receipt_of(plain, str(path))


def _build(kind: Any, value: Any, where: str = "") -> Any:
    """Make a value of a type out of plain ones; what does not fit is refused with its place."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if is_dataclass(kind):
        _demand(isinstance(value, dict), where)
        hints = typing.get_type_hints(kind)
        names = [each.name for each in fields(kind)]
        _demand(set(value) == set(names), where)
        return kind(**{name: _build(hints[name], value[name], f"{where}.{name}".strip(".")) for name in names})  # type: ignore[operator]
    if origin is tuple:
        _demand(isinstance(value, (list, tuple)), where)
        return tuple(_build(inner[0], each, where) for each in value)
    if origin is dict:
        _demand(isinstance(value, dict), where)
        return {key: _build(inner[1], each, f"{where}.{key}") for key, each in value.items()}
    if origin is types.UnionType:
        fitting = next((each for each in inner if is_dataclass(each)), None)
        if fitting is not None and value is not None:
            return _build(fitting, value, where)
        _demand(type(value) in inner, where)
        return value
    _demand(type(value) is kind or (kind is float and type(value) is int), where)
    return value


def _demand(fits: bool, where: str) -> None:
    if not fits:
        raise TypeError(f"{where or 'its parts'} missing or of another type")


# Writing


class Ledger:
    """Takes note of a classification while it runs.

    Parameters
    ----------
    saved, classifier
        The model; ``given`` is how it was asked for.
    options, columns, inputs
        As they were given.
    command
        The command line; that of this process if None.
    """

    def __init__(
        self,
        saved: registry.Saved,
        classifier: Classifier,
        options: Options,
        columns: Columns,
        inputs: Sequence[str],
        *,
        given: str,
        command: Sequence[str] | None = None,
    ) -> None:
        model = classifier.model
        recipe = json.dumps(model.recipe, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        self._model = ModelFacts(
            given=given,
            name=model.name,
            version=saved.version,
            sha256=_hash_of(saved),
            codebook=model.codebook.name,
            codebook_sha256=model.codebook.fingerprint,
            recipe=str(model.recipe.get("name", "")),
            recipe_sha256=hashlib.sha256(recipe.encode()).hexdigest(),
        )
        self._options, self._columns, self._inputs = options, columns, tuple(inputs or ("-",))
        self._command = tuple(["communique", *sys.argv[1:]] if command is None else command)
        self._began = time.monotonic()
        self._rows = self._abstained = self._empty = self._unreadable = 0
        self._labels = dict.fromkeys(classifier.labels, 0)
        self._sums = dict.fromkeys(classifier.labels, 0.0)
        self._answers = _Digest(BLOCK_ROWS)
        self._sources: dict[str, _Digest] = {}

    def watch(self, answers: Iterable[Answered]) -> Iterator[Answered]:
        """Pass answers on, and take note of them."""
        for answered in answers:
            self._note(answered)
            yield answered

    def _note(self, answered: Answered) -> None:
        batch, rows = answered.batch, answered.rows
        label = rows.column("label")
        self._sources.setdefault(batch.source, _Digest()).add(batch.id, batch.text)
        self._answers.add(batch.id, label)
        self._rows += rows.num_rows
        self._empty += len(answered.empty)
        self._unreadable += len(batch.faults)
        if "abstained" in rows.schema.names:
            self._abstained += pc.sum(rows.column("abstained")).as_py() or 0
        for entry in pc.value_counts(label.drop_null()).to_pylist():
            self._labels[entry["values"]] += entry["counts"]
        scores = rows.column("scores")
        for each, column in zip(scores.type, scores.flatten(), strict=True):
            self._sums[each.name] += pc.sum(column).as_py() or 0.0

    def close(self, output: Path | None = None) -> Receipt:
        """Make the receipt; ``output`` is the finished file, if one was written.

        Raises
        ------
        DataError
            If a file cannot be read any more.
        """
        return Receipt(
            model=self._model,
            given=self._inputs,
            sources=tuple(
                Source(name, digest.rows, digest.sha256, *_measure(name)) for name, digest in self._sources.items()
            ),
            columns=asdict(self._columns),
            options=asdict(self._options),
            counts=Counts(self._rows, self._labels, self._abstained, self._empty, self._unreadable),
            answers=Answers(self._answers.blocks, {name: round(total, 6) for name, total in self._sums.items()}),
            output=None if output is None else Written(str(output), *_measure(str(output))),
            versions={"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}},
            created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            seconds=round(time.monotonic() - self._began, 3),
            command=self._command,
        )


class _Digest:
    """SHA-256 over pairs of strings, whatever batches they come in; anew after every ``block`` rows, if that is set.

    Each string is written as its length in bytes, a colon and itself, a null as a minus and a colon: no two rows of
    pairs are written alike.
    """

    def __init__(self, block: int | None = None) -> None:
        self.rows = 0
        self._block, self._hash, self._done = block, hashlib.sha256(), list[str]()

    @property
    def sha256(self) -> str:
        """The hash so far."""
        return self._hash.hexdigest()

    @property
    def blocks(self) -> tuple[str, ...]:
        """The hashes of the blocks, the last one maybe shorter."""
        open_rows = self.rows % self._block if self._block else self.rows
        return (*self._done, self.sha256) if open_rows else tuple(self._done)

    def add(self, first: pa.Array, second: pa.Array) -> None:
        """Hash some more rows."""
        pieces: list[str | pa.StringArray] = []
        for column in (first, second):
            length = pc.fill_null(pc.binary_length(column).cast(pa.string()), "-")
            pieces += [length, ":", pc.fill_null(column, "")]
        start = 0
        while start < len(first):
            room = self._block - self.rows % self._block if self._block else len(first)
            part = [piece if isinstance(piece, str) else piece.slice(start, room) for piece in pieces]
            self._hash.update(join_rows(part))
            taken = min(room, len(first) - start)
            start += taken
            self.rows += taken
            if self._block and self.rows % self._block == 0:
                self._done.append(self.sha256)
                self._hash = hashlib.sha256()


def _measure(name: str) -> tuple[int | None, str | None]:
    """Give the size and hash of a regular file; None of anything else."""
    path = Path(name)
    try:
        if not path.is_file():
            return None, None
        with path.open("rb") as stream:
            return path.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as problem:
        raise DataError(f"{name} cannot be read ({problem.strerror})") from problem


def _hash_of(saved: registry.Saved) -> str:
    return saved.sha256 or _measure(str(saved.file))[1] or ""


# Verifying


@dataclass(frozen=True)
class Verification:
    """Whether a second run gave the same: ``differences`` say where it did not, ``notes`` what to know beside."""

    receipt: Receipt
    differences: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "same": self.same,
            "differences": list(self.differences),
            "notes": list(self.notes),
            "rows": self.receipt.counts.rows,
            "model": asdict(self.receipt.model),
            "created": self.receipt.created,
        }


def verify(receipt: Receipt, *, model: str | None = None, jobs: int = 0) -> Verification:
    """Classify again and compare.

    Parameters
    ----------
    model
        Where the model is now; else it is looked for where it was, and among all saved ones.

    Raises
    ------
    ModelMissingError
        If the model is not there, or only another one of its name.
    DataError
        If inputs, or the file written, are gone or changed; or the options are unknown to this version.
    """
    saved = _find_model(receipt.model, model)
    notes = _check_files(receipt)
    classifier = Classifier(registry.open_saved(saved))
    try:
        options, columns = Options(**receipt.options), Columns(**receipt.columns)  # type: ignore[arg-type]
        options = replace(options, evidence=False)  # slow, and not compared
    except (TypeError, CommuniqueError) as problem:
        raise DataError(
            f"a receipt with options that this version does not know ({problem})",
            remedy=f"use communique {receipt.versions.get('communique', '')}",
        ) from problem
    ledger = Ledger(saved, classifier, options, columns, receipt.given, given=receipt.model.given, command=())
    for _ in ledger.watch(answer(classifier, _read_again(receipt, columns), options, jobs=jobs)):
        pass
    again = ledger.close()
    _check_rows(receipt, again)
    notes += [
        f"{package} was {then} and is {again.versions.get(package)}"
        for package, then in receipt.versions.items()
        if again.versions.get(package) != then
    ]
    return Verification(receipt, tuple(_compare(receipt, again)), tuple(notes))


def _read_again(receipt: Receipt, columns: Columns) -> Iterable[Any]:
    if any(source.name == _TEXTS for source in receipt.sources):
        return [read_texts(receipt.given)]
    return read(receipt.given, columns, need=frozenset({TEXT}), keep_unreadable=True)


def _find_model(wanted: ModelFacts, named: str | None) -> registry.Saved:
    places = [named] if named is not None else [wanted.given, f"{wanted.name}@{wanted.version}"]
    others = []
    for place in places:
        try:
            saved = registry.find(place)
            if _hash_of(saved) == wanted.sha256:
                return saved
            others.append(f"{place} is another one ({saved.version})")
        except (ModelError, OSError):
            continue
    if named is None:
        for saved in registry.every():
            if saved.sha256 == wanted.sha256:
                return saved
    raise ModelMissingError(
        f"the model {wanted.name} {wanted.version} (SHA-256 {wanted.sha256[:12]}...) is not there"
        + (f": {others[0]}" if others else ""),
        remedy="fetch it, and name its place with --model",
    )


def _check_files(receipt: Receipt) -> list[str]:
    """Compare every file with its hash; return what to know of the output.

    Raises
    ------
    DataError
        If one is gone or changed.
    """
    changed = [
        f"{source.name} {'has changed' if now else 'is gone'}"
        for source in receipt.sources
        if source.sha256 is not None and (now := _measure(source.name)[1]) != source.sha256
    ]
    output, notes = receipt.output, []
    if output is not None and output.sha256 is not None:
        now = _measure(output.name)[1]
        if now is None:
            notes.append(f"the file written, {output.name}, is gone")
        elif now != output.sha256:
            changed.append(f"{output.name}, the file written, has changed")
    _refuse(changed)
    return notes


def _check_rows(receipt: Receipt, again: Receipt) -> None:
    """Refuse inputs that are no files if their rows have changed, and files that were not there."""
    before, now = ({source.name: source for source in each.sources} for each in (receipt, again))
    changed = [f"{name} was not there" for name in now if name not in before]
    changed += [f"{name} holds no rows any more" for name in before if name not in now]
    changed += [
        f"{name} holds other rows"
        for name, source in before.items()
        if name in now and source.sha256 is None and source.rows_sha256 != now[name].rows_sha256
    ]
    _refuse(changed)


def _refuse(changed: Sequence[str]) -> None:
    if changed:
        more = f" and {len(changed) - _MOST_NAMED} more" if len(changed) > _MOST_NAMED else ""
        raise DataError(
            f"since the receipt was written, {', '.join(changed[:_MOST_NAMED])}{more}",
            expected="the files as they were, seen from the same folder",
            remedy="bring them back, or classify again",
        )


def _compare(receipt: Receipt, again: Receipt) -> Iterator[str]:
    """Say where two runs differ."""
    before = {source.name: source for source in receipt.sources}
    for source in again.sources:
        if source.rows_sha256 != before[source.name].rows_sha256:
            yield f"the rows of {source.name} are read otherwise"
    for name, then, now in (
        ("codebook", receipt.model.codebook_sha256, again.model.codebook_sha256),
        ("recipe", receipt.model.recipe_sha256, again.model.recipe_sha256),
    ):
        if then != now:
            yield f"the {name} of the model is another"
    yield from _compare_numbers("", _flat(receipt.counts), _flat(again.counts), 0)
    places = [
        f"{number * BLOCK_ROWS + 1:,} to {min((number + 1) * BLOCK_ROWS, receipt.counts.rows):,}"
        for number, (then, now) in enumerate(zip(receipt.answers.blocks, again.answers.blocks, strict=False))
        if then != now
    ]
    if places:
        more = f" and {len(places) - _MOST_NAMED} more stretches" if len(places) > _MOST_NAMED else ""
        yield f"labels or ids differ in rows {', '.join(places[:_MOST_NAMED])}{more}"
    elif len(receipt.answers.blocks) != len(again.answers.blocks):
        yield "there are more or fewer answers"
    allowed = TOLERANCE * max(receipt.counts.rows, 1)
    yield from _compare_numbers("scores of ", receipt.answers.score_sums, again.answers.score_sums, allowed)


def _flat(counts: Counts) -> dict[str, int]:
    labels = {f"rows labelled {label!r}": count for label, count in counts.labels.items()}
    return {
        "rows": counts.rows,
        **labels,
        "rows abstained": counts.abstained,
        "rows without a text": counts.empty,
        "rows unreadable": counts.unreadable,
    }


def _compare_numbers(what: str, then: Mapping[str, float], now: Mapping[str, float], allowed: float) -> Iterator[str]:
    for name in dict.fromkeys([*then, *now]):
        before, after = then.get(name, 0), now.get(name, 0)
        if not abs(before - after) <= allowed:
            yield f"{what}{name}: {before:,} then, {after:,} now"
