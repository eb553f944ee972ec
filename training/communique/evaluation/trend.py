"""The share of each label over time, for each actor: dates into windows, rows into shares with intervals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from communique.codebook import codebook_of
from communique.corpus.cells import format_cells
from communique.errors import DataError, ModelError, UsageError
from communique.evaluation.bootstrap import Bootstrap
from communique.evaluation.findings import plain
from communique.evaluation.prevalence import HeldOutRows, Method, WindowRows, estimate
from communique.inference.prediction import softmax

if TYPE_CHECKING:
    from collections.abc import Iterable

    from communique.corpus.batch import Batch
    from communique.inference.prediction import Classifier
    from communique.model.model import Model

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_UNITS = {"d": "days", "w": "weeks", "m": "months", "y": "years"}
_YEAR, _MONTH, _DAY = 1, 2, 3  # how much of a date is known


@dataclass(frozen=True)
class Window:
    """How long a window is: ``number`` of the ``unit`` d, w, m or y.

    Windows of months and years begin with the calendar (3m are quarters, 10y are decades), those of weeks on a Monday,
    those of days on the first date there is.
    """

    number: int
    unit: str

    def __str__(self) -> str:
        return f"{self.number}{self.unit}"

    @property
    def precision(self) -> int:
        """How much of a date must be known to tell its window."""
        return {"y": _YEAR, "m": _MONTH}.get(self.unit, _DAY)

    def number_of(self, day: date, first: date) -> int:
        """Number the window that holds a day, if the first day of all is ``first``."""
        match self.unit:
            case "y":
                return day.year // self.number
            case "m":
                return (day.year * 12 + day.month - 1) // self.number
            case "w":
                return (day - self._monday(first)).days // (7 * self.number)
        return (day - first).days // self.number

    def begin(self, number: int, first: date) -> date:
        """Give the first day of window ``number``; `date.max` beyond the calendar."""
        try:
            match self.unit:
                case "y":
                    return date(max(number * self.number, 1), 1, 1)
                case "m":
                    year, month = divmod(number * self.number, 12)
                    return date(year, month + 1, 1) if year else date.min
                case "w":
                    return self._monday(first) + timedelta(7 * self.number * number)
            return first + timedelta(self.number * number)
        except (ValueError, OverflowError):
            return date.max

    def end(self, number: int, first: date) -> date:
        """Give the last day of window ``number``."""
        following = self.begin(number + 1, first)
        return following if following == date.max else following - timedelta(1)

    @staticmethod
    def _monday(day: date) -> date:
        return date.fromordinal(max(day.toordinal() - day.weekday(), 1))


def window_of(text: str) -> Window:
    """Read a length such as 30d, 2w, 1m or 1y.

    Raises
    ------
    UsageError
        If it is none, or of nothing or of more than 9,999.
    """
    found = re.fullmatch(r"\s*(\d{1,4})\s*([dwmyDWMY])\s*", text, re.ASCII)
    if not found or not int(found[1]):
        raise UsageError(f"a window of {text!r}", expected="days, weeks, months or years, such as 30d, 2w, 3m or 1y")
    return Window(int(found[1]), found[2].lower())


@dataclass(frozen=True, eq=False)
class Dates:
    """``days`` ``(n,)``: ordinals; ``known`` ``(n,)``: 0 unreadable, 1 only the year, 2 the month too, 3 the day."""

    days: IntArray
    known: IntArray


def read_dates(cells: pa.StringArray) -> Dates:
    """Read dates as ISO 8601 writes them, alone or with a time (whose date is taken as it stands), months and years."""
    encoded = cells.fill_null("").dictionary_encode()
    parsed = [_read_date(cell) for cell in encoded.dictionary.to_pylist()]
    table = np.array([(day.toordinal(), known) for day, known in parsed] or [(1, 0)], np.int64)
    days, known = table[np.asarray(encoded.indices, np.int64)].reshape(-1, 2).T
    return Dates(days, known)


def _read_date(cell: str) -> tuple[date, int]:
    cell = cell.strip()
    try:
        if found := re.fullmatch(r"(\d{4})(?:\.0|-(\d{2}))?", cell, re.ASCII):
            return date(int(found[1]), int(found[2] or 1), 1), _MONTH if found[2] else _YEAR
        return datetime.fromisoformat(cell).date(), _DAY
    except ValueError:
        return date.min, 0


@dataclass(frozen=True, eq=False)
class DatedRows:
    """Rows to be counted over time.

    Parameters
    ----------
    probability
        ``(n, k)``; rows sum to one.
    dates
        Of the n rows, each known well enough for the window.
    by
        ``(n,)``: positions in ``names``.
    groups
        ``(n,)`` integers; rows of one group are drawn together.
    labels, names
        The k labels; whom the rows are of, None where that is not known or not asked.
    """

    probability: FloatArray
    dates: Dates
    by: IntArray
    groups: IntArray
    labels: tuple[str, ...]
    names: tuple[str | None, ...] = (None,)


def check_labels(wanted: Sequence[str], labels: Sequence[str]) -> None:
    """Refuse labels that are not there.

    Raises
    ------
    UsageError
        If one of those wanted is not among the labels.
    """
    for label in wanted:
        if label not in labels:
            raise UsageError(f"the label {label!r}", expected=f"one of {', '.join(labels)}")


@dataclass(frozen=True)
class Share:
    """The share of one label among the rows of one actor in one window.

    ``start`` and ``end`` are its first and last day. ``raw`` is the share that the model gives; ``share`` the corrected
    one, in ``low`` to ``high``, all None where refused. ``note`` says why, or what to mind.
    """

    by: str | None
    start: date
    end: date
    n: int
    label: str
    share: float | None
    low: float | None
    high: float | None
    raw: float
    method: Method
    note: str | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"start": self.start.isoformat(), "end": self.end.isoformat()}


@dataclass(frozen=True)
class Trend:
    """Shares over time, sorted by actor (as first met), window and label."""

    shares: tuple[Share, ...]
    labels: tuple[str, ...]
    window: Window
    method: Method
    bootstrap: Bootstrap

    @property
    def names(self) -> tuple[str | None, ...]:
        """Whom the shares are of."""
        return tuple(dict.fromkeys(share.by for share in self.shares))

    def of(self, labels: Sequence[str]) -> Trend:
        """Keep some labels only.

        Raises
        ------
        UsageError
            If one is not there.
        """
        check_labels(labels, self.labels)
        kept = tuple(label for label in self.labels if label in labels)
        return Trend(
            tuple(share for share in self.shares if share.label in kept), kept, self.window, self.method, self.bootstrap
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "window": str(self.window),
            "method": self.method,
            "labels": list(self.labels),
            "bootstrap": asdict(self.bootstrap),
            "shares": [share.to_dict() for share in self.shares],
        }


def follow(
    rows: DatedRows,
    window: Window,
    known: HeldOutRows | None = None,
    method: Method = "count",
    bootstrap: Bootstrap | None = None,
) -> Trend:
    """Count labels by actor and window; a window without rows of an actor is left out.

    Raises
    ------
    DataError
        If there are no rows.
    UsageError
        If the method corrects and no held-out rows are given.
    """
    if not len(rows.probability):
        raise DataError("no row with a date", expected="at least one")
    bootstrap = bootstrap or Bootstrap()
    first = date.fromordinal(int(rows.dates.days.min()))
    days, day = np.unique(rows.dates.days, return_inverse=True)
    numbers = np.array([window.number_of(date.fromordinal(int(each)), first) for each in days])
    pairs, code = np.unique(np.column_stack([rows.by, numbers[day]]), axis=0, return_inverse=True)
    counted = estimate(
        WindowRows(rows.probability, np.asarray(code).reshape(-1), rows.groups),
        known,
        method,
        bootstrap,
        rows.labels,
    )
    shares = [
        Share(
            by=rows.names[by],
            start=window.begin(number, first),
            end=window.end(number, first),
            n=int(counted.n[place]),
            label=label,
            share=plain(float(counted.share[place, column])),
            low=plain(float(counted.low[place, column])),
            high=plain(float(counted.high[place, column])),
            raw=float(counted.raw[place, column]),
            method=method,
            note=counted.notes[place] or None,
        )
        for place, (by, number) in enumerate(pairs.tolist())
        for column, label in enumerate(rows.labels)
    ]
    return Trend(tuple(shares), rows.labels, window, method, bootstrap)


def held_out_rows(model: Model) -> HeldOutRows:
    """Give what a model said of its training rows when it had not seen them.

    Raises
    ------
    ModelError
        If the model kept no such scores.
    """
    if model.held_out is None:
        raise ModelError(
            f"the model {model.name!r} keeps no held-out scores, so its confusions are not known",
            remedy="train it again, or count its answers as they are with --correct none",
        )
    scores = model.held_out.scores.astype(np.float64)
    return HeldOutRows(softmax(scores / model.temperature), model.held_out.truth.astype(np.int64))


@dataclass(frozen=True, eq=False)
class Gathered:
    """Rows to be counted, and those that cannot be: ``undated`` and ``unanswered`` name them, with the reason."""

    rows: DatedRows
    undated: tuple[str, ...]
    unanswered: tuple[str, ...]


def gather(
    answered: Iterable[tuple[Batch, FloatArray | pa.StringArray]],
    labels: Sequence[str],
    window: Window,
    *,
    date: str,
    by: str | None = None,
) -> Gathered:
    """Lay the answers of batches of rows beside their dates and actors.

    Parameters
    ----------
    answered
        Batches with either probabilities ``(n, k)``, NaN where there is no answer, or the labels of their rows.
    labels
        The k labels; if empty, those of the rows.
    date, by
        Names of columns.

    Raises
    ------
    DataError
        If a column is not there, or no row has both a date fit for the window and an answer.
    """
    answers: list[FloatArray | pa.StringArray] = []
    days, actors, groups = [], [], []
    undated: list[str] = []
    unanswered: list[str] = []
    rows = 0
    for batch, answer in answered:
        rows += batch.rows.num_rows
        cells = format_cells(_column(batch, date))
        read = read_dates(cells)
        is_answered = np.asarray(pc.is_valid(answer) if isinstance(answer, pa.Array) else ~np.isnan(answer[:, 0]), bool)
        is_dated = read.known >= window.precision
        unanswered += [
            f"{batch.name_row(index)} ({fault})" if fault else batch.name_row(index)
            for index, fault in zip(
                np.flatnonzero(~is_answered).tolist(),
                batch.error.filter(pa.array(~is_answered)).to_pylist(),
                strict=True,
            )
        ]
        undated += [
            f"{batch.name_row(index)} ({_doubt(cells[index].as_py(), int(read.known[index]))})"
            for index in np.flatnonzero(is_answered & ~is_dated).tolist()
        ]
        kept = is_answered & is_dated
        answers.append(answer.filter(pa.array(kept)) if isinstance(answer, pa.Array) else answer[kept])
        days.append(Dates(read.days[kept], read.known[kept]))
        actors.append((format_cells(_column(batch, by)) if by else pa.array([""] * len(kept))).filter(pa.array(kept)))
        groups.append(batch.group.filter(pa.array(kept)))
    if not any(map(len, answers)):
        named = "; ".join([*undated[:3], *unanswered[:3]])
        raise DataError(
            f"none of {rows:,} rows can be counted" + (f": {named}" if named else ""),
            expected=f"a statement and {_EXPECTED[window.precision]} in the column {date!r}",
            remedy="mend the dates, or choose another --date column or a longer --window",
        )
    probability, names = _as_probability(answers, tuple(labels))
    actor = pa.chunked_array(actors).combine_chunks().dictionary_encode()
    group = pa.chunked_array(groups).combine_chunks().dictionary_encode()
    codes = np.asarray(group.indices.fill_null(-1), np.int64)
    own = len(group.dictionary) + np.arange(len(codes))
    return Gathered(
        DatedRows(
            probability,
            Dates(np.concatenate([each.days for each in days]), np.concatenate([each.known for each in days])),
            np.asarray(actor.indices, np.int64),
            np.where(codes < 0, own, codes),
            names,
            tuple(name or None for name in actor.dictionary.to_pylist()),
        ),
        tuple(undated),
        tuple(unanswered),
    )


_EXPECTED = {_YEAR: "a date or year", _MONTH: "a date or month", _DAY: "a date"}


def _column(batch: Batch, name: str) -> pa.Array:
    names = batch.rows.schema.names
    if name not in names:
        raise DataError(
            f"{batch.source} has no column {name!r}",
            expected=f"one of {', '.join(map(repr, names))}",
            remedy="name the columns with --date and --by",
        )
    return batch.rows.column(name)


def _doubt(cell: str, known: int) -> str:
    if not cell.strip():
        return "no date"
    return f"{cell!r:.40}" + (", only a year" if known == _YEAR else ", only a month" if known == _MONTH else "")


def _as_probability(
    answers: list[FloatArray | pa.StringArray], labels: tuple[str, ...]
) -> tuple[FloatArray, tuple[str, ...]]:
    """Put answers together; labels as they stand are probabilities of one."""
    if not isinstance(answers[0], pa.Array):
        return np.concatenate(answers), labels
    given = pa.chunked_array(answers).combine_chunks()
    labels = labels or codebook_of(pc.unique(given).to_pylist()).names
    return np.eye(len(labels))[np.asarray(pc.index_in(given, pa.array(labels, pa.string())), np.int64)], labels


def answer_rows(batch: Batch, classifier: Classifier) -> FloatArray:
    """Give the probabilities of a batch's rows: those that stand in it already, else the model's; NaN without a text.

    Raises
    ------
    DataError
        If there is neither a text column nor scores, or the scores are not the model's.
    """
    earlier = read_scores(batch.rows, classifier.labels)
    if earlier is not None:
        return earlier
    if batch.columns.text is None:
        raise DataError(
            f"{batch.source} has neither a text column nor scores",
            expected="statements, or what classify wrote",
            remedy="say which column holds the text with --text-column",
        )
    probability = classifier.predict_proba(batch.text.fill_null(""))
    blank = pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(batch.text.fill_null(""))), 0)
    probability[np.asarray(blank, bool)] = np.nan
    return probability


def read_scores(rows: pa.RecordBatch, labels: Sequence[str]) -> FloatArray | None:
    """Find the scores that an earlier classification put beside the rows: ``(n, k)``, NaN where there are none.

    They stand in a column ``scores`` (JSON Lines, Parquet) or in columns ``scores.<label>`` (CSV); None if in neither.

    Raises
    ------
    DataError
        If they are of other labels, or not probabilities that sum to 1.
    """
    names = rows.schema.names
    if "scores" in names:
        column = rows.column("scores")
        cells = [None] * len(column) if pa.types.is_null(column.type) else _load(column)
        found = next((set(cell) for cell in cells if isinstance(cell, dict)), None)
        _check_scored(found, labels)
        table = [
            [cell.get(label) for label in labels] if isinstance(cell, dict) else [None] * len(labels) for cell in cells
        ]
    elif found := {name.removeprefix("scores.") for name in names if name.startswith("scores.")}:
        _check_scored(found, labels)
        columns = [rows.column(f"scores.{label}").to_pylist() for label in labels]
        table = [[cell if cell != "" else None for cell in row] for row in zip(*columns, strict=True)]
    else:
        return None
    try:
        probability = np.array(table, np.float64).reshape(-1, len(labels))
    except (TypeError, ValueError) as problem:
        raise DataError(
            "a score that is no number", remedy="classify the rows anew, without a scores column"
        ) from problem
    sums = probability.sum(axis=1)
    if (np.abs(sums - 1) > 1e-3).any() or (probability < 0).any():
        raise DataError(
            "scores that do not sum to 1", expected="probabilities", remedy="classify the rows anew, without the scores"
        )
    return probability


def _check_scored(found: set[str] | None, labels: Sequence[str]) -> None:
    if found is not None and found != set(labels):
        raise DataError(
            f"scores for {', '.join(sorted(found))}",
            expected=f"{', '.join(labels)}, as the model has them",
            remedy="name the model that gave them with --model",
        )


def _load(column: pa.Array) -> list[Any]:
    if pa.types.is_struct(column.type):
        return list(column.to_pylist())
    import orjson

    cells = (column.storage if isinstance(column.type, pa.BaseExtensionType) else column).to_pylist()
    try:
        return [None if not cell else orjson.loads(cell) for cell in cells]
    except (TypeError, ValueError) as problem:
        raise DataError("a scores column that is no JSON", expected="what classify writes") from problem
