"""The name-swap test: whether the verdict on a statement changes with the name of a state in it.

In every statement each state that is named gives way to every other state of the gazetteer, in all its roles at once
(country, adjective, people, capital, leader), and the statement is classified again. What it does to the dispute is the
same, so a label that changes is a mistake, of the statement as swapped or as written. Composed statements name invented
states; those are found as well (`unlisted_states`) and give way to real ones.

Which state flips the most is a question asked of two hundred states at once, and somebody always comes first. So each
has a p-value: how likely are as many flips if, in every statement, the states that flip it were drawn by lot? Given how
many flip each statement, one state's flips are then a sum of independent coins of known odds (the Poisson binomial
distribution, computed exactly); the p-values are adjusted by Holm (1979).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from communique.errors import UsageError
from communique.evaluation.bootstrap import FEW_GROUPS, Bootstrap
from communique.evaluation.findings import Estimate, plain, plain_interval
from communique.evaluation.slices import holm
from communique.text.names import CLOSED, Names, Span, State, at_sentence_start, put, read_gazetteer

Predict = Callable[[list[str]], NDArray[np.floating]]
"""Texts in, probabilities ``(n, k)`` out, as a classifier's ``predict_proba``."""

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SURE = 0.05
"""A state whose adjusted p-value lies below this is named in the remark."""

_BATCH = 4096


@dataclass(frozen=True)
class Part:
    """The flips of some of the statements.

    ``statements`` name a state; ``places`` are pairs of a statement and a state named in it; ``swaps`` count the other
    states put there, and ``flips`` those that changed the label; ``rate`` is their share.
    """

    statements: int
    places: int
    swaps: int
    flips: int
    rate: Estimate


@dataclass(frozen=True)
class NameFlips:
    """What the names of one state did where they were put.

    ``toward`` counts its flips by the label they led to. ``p`` is how likely as many are by chance, for this state
    alone, and ``p_adjusted`` the same for having asked of all states.
    """

    code: str
    name: str
    swaps: int
    flips: int
    toward: Mapping[str, int]
    p: float
    p_adjusted: float


@dataclass(frozen=True)
class Flip:
    """One flip: the statement of a row (from 0) as written and with another state, and what was said of either."""

    row: int
    state: str
    before: str
    after: str
    label_before: str
    label_after: str
    probability_before: Mapping[str, float]
    probability_after: Mapping[str, float]


@dataclass(frozen=True)
class SwapFindings:
    """What the name-swap test found.

    Attributes
    ----------
    statements
        How many were looked at, with a name in them or without.
    groups
        How many groups the statements with a name are of.
    every, listed, unlisted
        The flips at all places, at states of the gazetteer, and at names that the gazetteer has not: invented states.
    change
        For each label, the mean change of its probability: what a real state's name as such speaks for.
    shift
        The mean share of probability that a swap moves from some labels to others (total variation), 0 to 1.
    disagreement
        How often two states, put in the same place, lead to two labels.
    names
        Every state that was put somewhere, the most flips first.
    examples
        Flips, one a statement; those first whose label most other states flip too.
    """

    statements: int
    groups: int
    every: Part
    listed: Part
    unlisted: Part
    change: Mapping[str, Estimate]
    shift: Estimate
    disagreement: Estimate
    names: tuple[NameFlips, ...]
    examples: tuple[Flip, ...]
    bootstrap: Bootstrap

    @property
    def trusted(self) -> bool:
        """Whether the intervals rest on enough groups."""
        return self.groups >= FEW_GROUPS

    @property
    def remark(self) -> str:
        """What the list of states says and does not say, in a sentence."""
        if not self.every.swaps:
            return "No statement names a state: nothing was tested."
        if not self.every.flips:
            return f"Not one of {self.every.swaps:,} swaps changed the label."
        marked = [name.name for name in self.names if name.p_adjusted < SURE]
        beyond = f"the label more often than chance explains, corrected for {len(self.names)} states"
        if not marked:
            return f"No state's names change {beyond}."
        listed = ", ".join(marked[:5]) + (f" and {len(marked) - 5} more" if len(marked) > 5 else "")
        return f"The names of {listed} change {beyond}."

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; null where undefined."""
        return {
            "statements": self.statements,
            "groups": self.groups,
            **{name: _part_dict(getattr(self, name)) for name in ("every", "listed", "unlisted")},
            "change": {label: _estimate_dict(change) for label, change in self.change.items()},
            "shift": _estimate_dict(self.shift),
            "disagreement": _estimate_dict(self.disagreement),
            "names": [asdict(name) for name in self.names],
            "examples": [asdict(example) for example in self.examples],
            "remark": self.remark,
            "bootstrap": {**asdict(self.bootstrap), "trusted": self.trusted},
        }


@dataclass(frozen=True)
class NamedPhrase:
    """A phrase among the strongest of a label that names a state; ``rank`` from 1."""

    label: str
    rank: int
    phrase: str
    state: str


def swap_names(
    predict_proba: Predict,
    texts: Sequence[str],
    groups: IntArray,
    labels: Sequence[str],
    *,
    states: Sequence[State] | None = None,
    sample: int | None = None,
    seed: int = 0,
    examples: int = 10,
    bootstrap: Bootstrap | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> SwapFindings:
    """Put other states' names into statements and see how often the label changes.

    Parameters
    ----------
    predict_proba
        The classifier.
    texts, groups
        ``(n,)`` statements, and the numbers of their groups, which are resampled together.
    labels
        The k label names, in the order of the probabilities.
    states
        Whose names are found and put in; the bundled gazetteer's if none are given.
    sample
        Put only so many states, drawn by lot for each place.
    examples
        How many flips to show.

    Raises
    ------
    UsageError
        If there is not one group a text, or the sample is less than 1.
    """
    if len(groups) != len(texts):
        raise UsageError(f"{len(groups):,} groups", expected=f"{len(texts):,}, one a text")
    if sample is not None and sample < 1:
        raise UsageError(f"a sample of {sample} states", expected="1 or more")
    bootstrap = bootstrap or Bootstrap()
    real = tuple(read_gazetteer() if states is None else states)
    places = _find_places(texts, Names([*real, *unlisted_states(texts, real)]), frozenset(state.code for state in real))
    answers = _ask(predict_proba, texts, places, real, len(labels), sample, np.random.default_rng(seed), progress)

    made = answers.label >= 0
    flipped = made & (answers.label != answers.first[:, np.newaxis])
    swaps, flips = made.sum(axis=1), flipped.sum(axis=1)
    listed = np.array([place.listed for place in places], bool)
    clusters = np.array([groups[place.row] for place in places], np.int64)

    def share(above: NDArray[np.number], below: NDArray[np.number]) -> Estimate:
        return _estimate_ratio(above, below, clusters, bootstrap)

    def part(chosen: NDArray[np.bool_]) -> Part:
        rows = {places[place].row for place in np.flatnonzero(chosen)}
        within, changed = swaps * chosen, flips * chosen
        return Part(len(rows), int(chosen.sum()), int(within.sum()), int(changed.sum()), share(changed, within))

    return SwapFindings(
        statements=len(texts),
        groups=len(np.unique(clusters)),
        every=part(np.ones(len(places), bool)),
        listed=part(listed),
        unlisted=part(~listed),
        change={label: share(answers.moved[:, code], swaps) for code, label in enumerate(labels)},
        shift=share(answers.shifted, swaps),
        disagreement=share(*_pairs(answers.label, len(labels))),
        names=_judge_names(real, labels, answers.label, made, flipped),
        examples=_show_flips(texts, places, real, labels, answers, flips / np.maximum(swaps, 1), examples),
        bootstrap=bootstrap,
    )


@dataclass(frozen=True)
class _Place:
    """A state named in the statement of a row, and the states, it and others, that are named there already."""

    row: int
    listed: bool
    spans: tuple[Span, ...]
    named: frozenset[str]


def _find_places(texts: Sequence[str], names: Names, listed: frozenset[str]) -> list[_Place]:
    places = []
    for row, text in enumerate(texts):
        spans = names.find(text)
        named = dict.fromkeys(span.state for span in spans)
        for state in named:
            of_state = tuple(span for span in spans if span.state == state)
            places.append(_Place(row, state in listed, of_state, frozenset(named)))
    return places


@dataclass(frozen=True, eq=False)
class _Answers:
    """What the classifier said.

    ``written`` (n, k): the probabilities of the statements as they were written, where they name a state. For each
    place: ``first``, the label as written; ``label`` (places, states) the label with each state put there, -1 if it was
    not; ``moved`` (places, k) and ``shifted`` the changes of probability, summed over states; ``best`` the state put
    there that flipped the label most clearly, -1 if none did, and ``best_probability`` (places, k) what it led to.
    """

    written: FloatArray
    first: IntArray
    label: IntArray
    moved: FloatArray
    shifted: FloatArray
    best: IntArray
    best_probability: FloatArray


def _ask(
    predict_proba: Predict,
    texts: Sequence[str],
    places: list[_Place],
    real: tuple[State, ...],
    k: int,
    sample: int | None,
    chance: np.random.Generator,
    progress: Callable[[int, int], None],
) -> _Answers:
    written = np.zeros((len(texts), k))
    if rows := sorted({place.row for place in places}):
        written[rows] = predict_proba([texts[row] for row in rows])
    answers = _Answers(
        written=written,
        first=np.array([written[place.row].argmax() for place in places], np.int64),
        label=np.full((len(places), len(real)), -1),
        moved=np.zeros((len(places), k)),
        shifted=np.zeros(len(places)),
        best=np.full(len(places), -1),
        best_probability=np.zeros((len(places), k)),
    )
    batch: list[tuple[int, int, str]] = []
    for swapped in _swap_all(texts, places, real, sample, chance):
        batch.append(swapped)
        if len(batch) == _BATCH:
            _note(answers, predict_proba, places, batch)
            progress(batch[-1][0], len(places))
            batch.clear()
    if batch:
        _note(answers, predict_proba, places, batch)
    progress(len(places), len(places))
    return answers


def _swap_all(
    texts: Sequence[str],
    places: list[_Place],
    real: tuple[State, ...],
    sample: int | None,
    chance: np.random.Generator,
) -> Iterator[tuple[int, int, str]]:
    """Give, for each place and each state put there, their numbers and the text; states named there already are not."""
    for number, place in enumerate(places):
        others = [code for code, state in enumerate(real) if state.code not in place.named]
        if sample is not None and sample < len(others):
            others = sorted(chance.choice(others, sample, replace=False).tolist())
        for code in others:
            rewritten = put(texts[place.row], place.spans, real[code])
            if rewritten.edits:
                yield number, code, rewritten.text


def _note(answers: _Answers, predict_proba: Predict, places: list[_Place], batch: list[tuple[int, int, str]]) -> None:
    where, put_there = (np.array([entry[i] for entry in batch]) for i in (0, 1))
    after = np.asarray(predict_proba([text for _, _, text in batch]), np.float64)
    moved = after - answers.written[[places[place].row for place in where]]
    label = after.argmax(axis=1)
    answers.label[where, put_there] = label
    np.add.at(answers.moved, where, moved)
    np.add.at(answers.shifted, where, np.abs(moved).sum(axis=1) / 2)
    for i in np.flatnonzero(label != answers.first[where]):
        if after[i].max() > answers.best_probability[where[i]].max():
            answers.best[where[i]] = put_there[i]
            answers.best_probability[where[i]] = after[i]


def _estimate_ratio(
    above: NDArray[np.number], below: NDArray[np.number], clusters: IntArray, bootstrap: Bootstrap
) -> Estimate:
    """Estimate the ratio of two sums over places, with its bootstrap interval over the groups that have any."""
    if not below.sum():
        return Estimate(math.nan, math.nan, math.nan)
    names, codes = np.unique(clusters[below > 0], return_inverse=True)
    sums = np.column_stack([np.bincount(codes, column[below > 0], len(names)) for column in (above, below)]).astype(
        np.float64
    )
    drawn = bootstrap.resample(sums)
    value = sums.sum(axis=0)
    low, high = bootstrap.interval(value[:1] / value[1:], drawn[:, :1] / drawn[:, 1:], len(names))
    return Estimate(float(value[0] / value[1]), float(low[0]), float(high[0]))


def _pairs(label: IntArray, k: int) -> tuple[IntArray, IntArray]:
    """Count at each place the pairs of states that lead to two labels, and all pairs."""
    counts = (label[:, :, np.newaxis] == np.arange(k)).sum(axis=1)
    total = counts.sum(axis=1)
    every = total * (total - 1) // 2
    return every - (counts * (counts - 1) // 2).sum(axis=1), every


def _judge_names(
    real: tuple[State, ...],
    labels: Sequence[str],
    label: IntArray,
    made: NDArray[np.bool_],
    flipped: NDArray[np.bool_],
) -> tuple[NameFlips, ...]:
    odds = flipped.sum(axis=1) / np.maximum(made.sum(axis=1), 1)
    tried = np.flatnonzero(made.any(axis=0))
    p = np.array([tail_probability(odds[made[:, state]], int(flipped[:, state].sum())) for state in tried])
    adjusted = holm(p)
    found = []
    for state, alone, among in zip(tried.tolist(), p.tolist(), adjusted.tolist(), strict=True):
        toward = Counter(label[flipped[:, state], state].tolist())
        found.append(
            NameFlips(
                code=real[state].code,
                name=real[state].name,
                swaps=int(made[:, state].sum()),
                flips=int(flipped[:, state].sum()),
                toward={name: toward[code] for code, name in enumerate(labels) if toward[code]},
                p=alone,
                p_adjusted=among,
            )
        )
    return tuple(sorted(found, key=lambda name: (-name.flips, name.p, name.name)))


def tail_probability(odds: FloatArray, successes: int) -> float:
    """Give the probability of at least so many successes in independent trials of the given odds, ``(n,)``."""
    fixed = int((odds >= 1).sum())
    distribution = np.ones(1)
    for chance in odds[(odds > 0) & (odds < 1)]:
        distribution = np.convolve(distribution, [1 - chance, chance])
    return float(min(1.0, distribution[max(successes - fixed, 0) :].sum()))


def _show_flips(
    texts: Sequence[str],
    places: list[_Place],
    real: tuple[State, ...],
    labels: Sequence[str],
    answers: _Answers,
    flipped: FloatArray,
    wanted: int,
) -> tuple[Flip, ...]:
    shown: dict[int, Flip] = {}
    for number in np.argsort(-flipped, kind="stable").tolist():
        place, state = places[number], int(answers.best[number])
        if len(shown) == wanted or state < 0:
            break
        before, after = answers.written[place.row], answers.best_probability[number]
        flip = Flip(
            row=place.row,
            state=real[state].name,
            before=texts[place.row],
            after=put(texts[place.row], place.spans, real[state]).text,
            label_before=labels[int(before.argmax())],
            label_after=labels[int(after.argmax())],
            probability_before=dict(zip(labels, before.tolist(), strict=True)),
            probability_after=dict(zip(labels, after.tolist(), strict=True)),
        )
        shown.setdefault(place.row, flip)
    return tuple(shown.values())


def find_named_phrases(
    phrases: Mapping[str, Sequence[str]], states: Sequence[State] | None = None
) -> tuple[NamedPhrase, ...]:
    """Find the names of states among the strongest phrases of each label, the strongest first.

    Phrases are taken as a model has them, in lower case; "us", "turkey" and "polish" are words there and no names.
    """
    states = read_gazetteer() if states is None else states
    known: dict[str, str] = {}
    for state in states:
        for _, form, _ in state.forms():
            known.setdefault(form.removeprefix("the ").casefold(), state.name)
    for word in _WORDS_IN_LOWER_CASE:
        known.pop(word, None)
    found = []
    for label, strongest in phrases.items():
        for rank, phrase in enumerate(strongest, 1):
            words = phrase.casefold().split()
            runs = (" ".join(words[i:j]) for i in range(len(words)) for j in range(len(words), i, -1))
            named = next((known[run.removesuffix("'s")] for run in runs if run.removesuffix("'s") in known), None)
            if named is not None:
                found.append(NamedPhrase(label, rank, phrase, named))
    return tuple(found)


_WORDS_IN_LOWER_CASE = ("us", "turkey", "polish")

_NAME = r"[A-Z\u00c0-\u00de][^\W_]*"
_RUN = re.compile(rf"(?<!\w){_NAME}(?:[ -]{_NAME})*")
_SMALL = re.compile(r"(?<!\w)[^\W\dA-Z_]\w+")
_PLACED = re.compile(r"\b(?:against|and|between|for|from|in|inside|into|of|on|than|to|towards?|with) (?:the )?$")
_POSSESSED = re.compile(r"['’]s\b")
_DEMONYM = re.compile(r"(?:[ai]n|ese|ish|[^aeiou]i)$")
_NEXT = re.compile(r" ([^\W\dA-Z_]\w*)")
_NO_STATES_WORDS = (
    "January February March April May June July August September October November December Monday Tuesday Wednesday "
    "Thursday Friday Saturday Sunday Ramadan Easter Christmas God Africa African America Asia Asian Atlantic "
    "Caribbean Europe European Mediterranean Pacific Commonwealth Crown Emirate Kingdom Majesty Prince Princess "
    "Republic Sultanate"
)
_NO_STATES = frozenset(_NO_STATES_WORDS.split())


def unlisted_states(texts: Sequence[str], known: Sequence[State]) -> tuple[State, ...]:
    """Find names that stand where states do although no gazetteer has them, as in composed statements.

    A candidate is a run of words with capitals that no text has in lower case. It is taken for a country (or place) if
    it stands at least twice after a preposition or before a possessive, and not more often beside another word with a
    capital, as persons do beside their titles. Where a text begins with it, it is found all the same. A word that
    begins alike, ends as demonyms do and stands before a noun is its adjective.
    """
    names = Names(known)
    texts = [_blank(text, names.find(text)) for text in texts]
    small = {word for text in texts for word in _SMALL.findall(text)}

    def is_common(word: str) -> bool:
        return word.isupper() or word in _NO_STATES or word.lower() in small or word.lower() in CLOSED

    countries: Counter[str] = Counter()
    adjectives: Counter[str] = Counter()
    for text in texts:
        for run in _RUN.finditer(text):
            for start, end in _uncommon(run, is_common):
                name = text[start:end]
                beside = start > run.start() and not (
                    at_sentence_start(text, run.start()) and text[run.start() : start - 1].lower() in CLOSED
                )
                following = _NEXT.match(text, end)
                noun = end < run.end() or (following is not None and following[1] not in CLOSED)
                if not beside and noun and _DEMONYM.search(name):
                    adjectives[name] += 1
                elif beside or end < run.end():
                    countries[name] -= 1
                elif _PLACED.search(text, max(start - 16, 0), start) or _POSSESSED.match(text, end):
                    countries[name] += 1
    states = []
    for name in sorted(name for name, votes in countries.items() if votes >= 2 and len(name) > 3):
        stem = name[: max(4, len(name) - 2)]
        own = tuple(sorted(word for word in adjectives if word != name and word.startswith(stem)))
        states.append(State(f"unlisted:{name}", (name,), own, tuple(f"{word}s" for word in own if word.endswith("n"))))
    return tuple(states)


def _blank(text: str, spans: Sequence[Span]) -> str:
    """Put small letters in place of the spans."""
    for span in spans:
        text = text[: span.start] + "x" * (span.end - span.start) + text[span.end :]
    return text


def _uncommon(run: re.Match[str], is_common: Callable[[str], bool]) -> Iterator[tuple[int, int]]:
    """Give the stretches of a run of words that are not common, as places in the text."""
    start = end = -1
    for word in re.finditer(r"[^\s-]+", run[0]):
        if is_common(word[0]):
            if start >= 0:
                yield run.start() + start, run.start() + end
            start = -1
        else:
            start, end = (word.start() if start < 0 else start), word.end()
    if start >= 0:
        yield run.start() + start, run.start() + end


def _part_dict(part: Part) -> dict[str, Any]:
    return {**asdict(part), "rate": _estimate_dict(part.rate)}


def _estimate_dict(estimate: Estimate) -> dict[str, Any]:
    return {"value": plain(estimate.value), "interval": plain_interval(estimate)}
