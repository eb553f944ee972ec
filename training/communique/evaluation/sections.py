"""What a report says: facts to sections of words, tables and figures. A section is there if its facts are.

The facts are what ``communique evaluate --json`` prints, a dictionary of plain values::

    model        name, version, sha256, and of the manifest created, seed, terms, temperature, recipe, data, search,
                 versions
    data         sha256, rows, files
    codebook     Codebook.to_dict(), and sha256
    note         a caveat, shown first
    version      of communique
    and all of Findings.to_dict()

    agreement, risk, slices, name_swap, learning_curve, mistakes, label_errors
                 the to_dict() of Agreement, Risk, Slices, SwapFindings, Curve, Mistakes, LabelErrors; a mistake may
                 have ``evidence`` beside it, a list of {start, end, text, weight}
    named_phrases, designs
                 lists of NamedPhrase as dictionaries, and of DesignFindings.to_dict()

Any of them may be missing. Nothing is estimated here: a number of the report is one of the facts, rounded, or a share
of two of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from communique.evaluation import plots
from communique.evaluation.document import (
    Block,
    Bullets,
    Document,
    Figure,
    Folded,
    Heading,
    Listing,
    Mark,
    Paragraph,
    Quote,
    Quotes,
    Score,
    Section,
    Table,
    Terms,
    Tile,
    Tiles,
    count,
    decimals,
    listed,
    minus,
    one_line,
    percent,
    score_in,
    span,
)

Facts = Mapping[str, Any]

HEADLINES = (
    ("macro_f1", "macro-F1", "The F1 of every label, averaged: rare labels count as much as frequent ones."),
    ("macro_f1_stances", "macro-F1 over the stances", "The same without the background label."),
    ("accuracy", "accuracy", "The share of statements that got the right label."),
    ("log_loss", "log loss", "Surprise at the right label; 0 is best, and sure mistakes cost most."),
    ("brier", "Brier score", "Squared error of the probabilities; 0 is best."),
    ("ece", "calibration error", "How far, on average, confidence lies from the share that is right."),
)
MOST_LABELS = 12
"""With more labels the confusion matrix is told in words only: cells too small to read help nobody."""

_LIMITS = (
    (
        "The model reads words, not the world: whether a statement is true or sincere, who speaks and what was said "
        "before it does not know, and it misses irony."
    ),
    (
        "The scores hold for statements like those it was judged on. On other speakers, times, genres and languages "
        "expect less."
    ),
    "An interval says how much chance there is in a score, not whether the labels were right.",
    (
        "A share of labels counted over many statements carries the model’s mistakes along: correct it for them before "
        "drawing a trend."
    ),
    "Do not take a label for a speaker’s intent: it tells what the words do, on the face of it.",
    "Do not use it to decide about a person, nor act on a single statement without reading it.",
)

_MOST_ROWS, _MOST_PARTS, _MOST_QUOTES, _OPEN_QUOTES = 40, 12, 12, 4


def compose(facts: Facts) -> Document:
    """Make the report of an evaluation."""
    model, data = facts.get("model") or {}, facts.get("data") or {}
    on = listed(data.get("files") or ["labelled statements"])
    question = (facts.get("codebook") or {}).get("question")
    labels = listed(list(facts.get("labels") or ()), "or")
    lead = f"{count(facts.get('n'))} statements in {count(facts.get('groups'))} groups"
    lead += f", each labelled {labels}, and judged by the model without seeing that label." if labels else "."
    sections = (Section(key, title, tuple(build(facts))) for key, title, build in _SECTIONS)
    return Document(
        f"{one_line(model.get('name', 'A model'))} on {on}",
        f"{lead} The question: {one_line(question[: question.find('?') + 1] or question)}" if question else lead,
        tuple(section for section in sections if section.blocks),
    )


def _headlines(facts: Facts) -> Iterator[Block]:
    if note := facts.get("note"):
        yield Paragraph(str(note), loud=True)
    if facts.get("bootstrap") and not facts["bootstrap"].get("trusted", True):
        yield Paragraph(
            f"The statements are of {count(facts.get('groups'))} groups only: too few for intervals that mean what "
            "they say.",
            loud=True,
        )
    tiles = []
    for key, name, meaning in HEADLINES:
        if facts.get(key) is not None and not (key == "macro_f1_stances" and facts.get("background") is None):
            score = score_in(facts, key)
            tiles.append(Tile(name, decimals(score.value), span(score), meaning))
    if not tiles:
        return
    people = facts.get("agreement") or {}
    if people.get("humans") is not None:
        score = score_in(people, "humans")
        tiles.insert(
            1, Tile("human ceiling", decimals(score.value), span(score), "A coder’s macro-F1 against the other coders.")
        )
    yield Tiles(tuple(tiles))
    drawn = facts.get("bootstrap") or {}
    if drawn:
        yield Paragraph(
            f"Beneath each score stands its {_short_percent(drawn.get('level', 0.95))} interval, from "
            f"{count(drawn.get('resamples'))} bootstrap resamples of whole groups of statements, because "
            "statements of one group resemble each other. An interval speaks for statements like these, not for others."
        )


def _agreement(facts: Facts) -> Iterator[Block]:
    found = facts.get("agreement")
    if not found:
        return
    yield Paragraph(
        "People who code the same statements do not always agree. How well they do is the ceiling: no model can be "
        "shown to be better than the labels it is marked with."
    )
    yield from _remarks(found)
    names = {
        "alpha": "alpha among people",
        "unanimous": "rows all agree on",
        "humans": "a coder’s macro-F1",
        "model": "the model’s macro-F1",
    }
    scores = {name: score_in(found, key) for key, name in names.items() if found.get(key) is not None}
    lowest = min((score.low for score in scores.values() if score.low is not None), default=0.0)
    yield _interval_figure(
        "agreement",
        "Agreement among people, and of the model with them",
        f"On the {count(found.get('rows'))} statements that several people coded. Krippendorff’s alpha is 1 if they "
        "always agree and 0 if no more than by chance; macro-F1 is against the majority of the other coders.",
        [_row(name, score) for name, score in scores.items()],
        plots.Axis("agreement", min(0.0, lowest), 1),
        [(name, decimals(score.value), span(score)) for name, score in scores.items()],
    )
    if by_label := found.get("label_alpha"):
        yield Table(
            "Alpha by label, against all others",
            ("label", "alpha", "interval"),
            tuple(
                (one_line(label), decimals(score.value), span(score))
                for label, score in ((label, score_in(by_label, label)) for label in by_label if label != "intervals")
            ),
        )
    if pairs := [*(found.get("pairs") or ()), *(found.get("model_pairs") or ())]:
        table = Table(
            "Coder by coder",
            ("one", "other", "statements", "equal labels", "interval", "kappa", "interval"),
            tuple(
                (
                    one_line(pair["first"]),
                    one_line(pair["second"]),
                    count(pair["n"]),
                    decimals(pair["agreement"]),
                    span(score_in(pair, "agreement")),
                    decimals(pair["kappa"]),
                    span(score_in(pair, "kappa")),
                )
                for pair in pairs
            ),
            words=2,
        )
        yield Folded(table.caption, (table,))


def _confusion(facts: Facts) -> Iterator[Block]:
    found = facts.get("confusion")
    if not found:
        return
    labels, matrix = [one_line(label) for label in found["labels"]], found["matrix"]
    totals = [sum(row) for row in matrix]
    mistakes = sorted(
        ((matrix[t][p], t, p) for t in range(len(labels)) for p in range(len(labels)) if t != p and matrix[t][p]),
        key=lambda mistake: (-mistake[0], mistake[1:]),
    )
    if mistakes:
        number, true, given = mistakes[0]
        worst = f"Most often, {number:,} of {totals[true]:,} times, “{labels[true]}” was taken for “{labels[given]}”."
    else:
        worst = "Not one statement got a wrong label."
    everything = Table(
        "Statements by true label (rows) and label given by the model (columns)",
        ("true label", *labels, "in all"),
        tuple(
            (label, *map(count, row), count(total)) for label, row, total in zip(labels, matrix, totals, strict=True)
        ),
    )
    if len(labels) <= MOST_LABELS:
        svg = plots.draw_confusion(
            plots.Caption(
                "confusion", "Confusion matrix", f"A row for the true label, a column for the one given. {worst}"
            ),
            labels,
            matrix,
        )
        yield Figure(
            svg,
            f"{worst} Outlined cells are right answers; the stronger a colour, the larger the share of the row.",
            everything,
        )
    else:
        yield Paragraph(worst)
    if len(labels) > 3 and mistakes:
        top = Table(
            "The most frequent mistakes",
            ("true label", "label given", "statements", "of the true label’s"),
            tuple((labels[t], labels[p], count(n), percent(n / totals[t])) for n, t, p in mistakes[:8]),
            words=2,
        )
        yield Folded(top.caption, (top,)) if len(labels) <= MOST_LABELS else top
    if len(labels) > MOST_LABELS:
        yield Folded("All counts", (everything,))


def _labels(facts: Facts) -> Iterator[Block]:
    found: Mapping[str, Facts] = facts.get("labels") or {}
    if not found:
        return
    measures = ("precision", "recall", "f1") if len(found) <= MOST_LABELS else ("f1",)
    written = {"precision": "precision", "recall": "recall", "f1": "F1"}
    rows, table = [], []
    for name, label in found.items():
        shown = one_line(name)
        background = " (background)" if name == facts.get("background") else ""
        scores = {measure: score_in(label, measure) for measure in ("precision", "recall", "f1")}
        if len(measures) > 1:
            rows.append(plots.Row(f"{shown}{background}, {count(label.get('support'))} rows", heading=True))
            rows += [_row(written[measure], scores[measure]) for measure in measures]
        else:
            rows.append(_row(shown, scores["f1"]))
        cells = [cell for score in scores.values() for cell in (decimals(score.value), span(score))]
        table.append((shown + background, *cells, count(label.get("support")), count(label.get("predicted"))))
    columns = ("label", "precision", "interval", "recall", "interval", "F1", "interval", "rows", "given")
    yield Paragraph(
        "Precision: of the statements given this label, the share that has it. Recall: of the statements that have it, "
        "the share that was given it. F1 is the harmonic mean of the two."
    )
    yield Figure(
        plots.draw_intervals(
            plots.Caption(
                "labels",
                "Scores by label",
                "; ".join(f"{row[0]}: precision {row[1]}, recall {row[3]}, F1 {row[5]}" for row in table[:MOST_LABELS]),
            ),
            rows,
            plots.Axis("score", 0, 1),
            bars=True,
        ),
        "The scores of each label, with their intervals.",
        Table("Scores by label", columns, tuple(table)),
    )


def _reliability(facts: Facts) -> Iterator[Block]:
    found = facts.get("reliability")
    if not found or not any(found["count"]):
        return
    ece = score_in(facts, "ece")
    yield Paragraph(
        "A model that says 80 % should be right eight times in ten. Dots on the line are honest; below it the model is "
        "surer than it should be, above it more modest. "
        f"The distance from the line is {decimals(ece.value)} on average ({span(ece)})."
    )
    bins = [
        (low, high, rows, sure, right)
        for low, high, rows, sure, right in zip(
            *(found[name] for name in ("low", "high", "count", "confidence", "accuracy")), strict=True
        )
        if rows
    ]
    yield Figure(
        plots.draw_reliability(
            plots.Caption(
                "reliability",
                "Reliability diagram",
                "; ".join(f"{percent(sure)} sure, {percent(right)} right" for _, _, _, sure, right in bins),
            ),
            found["confidence"],
            found["accuracy"],
            found["count"],
            [*found["low"], found["high"][-1]],
        ),
        "The share that is right against the model’s confidence. A dot’s area and the bars beneath tell how many "
        "statements there are.",
        Table(
            "Confidence and the share that is right",
            ("confidence", "statements", "mean confidence", "right"),
            tuple(
                (f"{percent(low)} to {percent(high)}", count(rows), percent(sure), percent(right))
                for low, high, rows, sure, right in bins
            ),
        ),
    )


def _risk(facts: Facts) -> Iterator[Block]:
    found = facts.get("risk")
    if not found or not found.get("points"):
        return
    points = found["points"]
    scores = [score_in(point, "error") for point in points]
    area = score_in(found, "aurc")
    yield Paragraph(
        "A model need not answer where it is not sure. The curve tells which share of its answers is wrong if it "
        f"answers only the statements it is surest of. Over all shares the error is {decimals(area.value)} on average "
        f"({span(area)}); lower is better."
    )
    ordered = sorted(zip(points, scores, strict=True), key=lambda pair: float(pair[0]["coverage"]))
    top = max(s.high if s.high is not None else s.value or 0.0 for s in scores) or 0.1
    told = [f"{_short_percent(point['coverage'])} answered, {percent(score.value)} wrong" for point, score in ordered]
    yield Figure(
        plots.draw_lines(
            plots.Caption("risk", "Risk-coverage curve", "; ".join(told[1::4] or told)),
            [_series("error", [(point["coverage"], score) for point, score in ordered])],
            plots.Axis("share of statements answered, the surest first", 0, 1, _short_percent),
            plots.Axis("share of answers that is wrong", 0, top * 1.08, _short_percent),
            [
                plots.Dot(
                    f"promised {percent(promise['max_error'])}",
                    promise["realised"]["answered"],
                    promise["realised"]["error"],
                )
                for promise in found.get("promises") or ()
                if promise["realised"].get("error") is not None
            ],
        ),
        "The share of answers that is wrong, with its interval"
        + (", and what became of promised errors (diamonds)." if found.get("promises") else "."),
        Table(
            "Error by share answered",
            ("answered", "statements", "confidence from", "wrong", "interval"),
            tuple(
                (
                    _short_percent(p["coverage"]),
                    count(p["rows"]),
                    decimals(p["threshold"]),
                    percent(s.value),
                    span(s, percent),
                )
                for p, s in zip(points, scores, strict=True)
            ),
        ),
    )
    if promises := found.get("promises"):
        yield Table(
            "Promised errors (--max-error) on these statements",
            ("at most wrong", "confidence from", "answered", "wrong", "interval", "verdict"),
            tuple(
                (
                    percent(promise["max_error"]),
                    decimals(promise.get("threshold")),
                    percent(promise["realised"].get("answered")),
                    percent(promise["realised"].get("error")),
                    span(score_in(promise["realised"], "error"), percent),
                    _verdict(promise),
                )
                for promise in promises
            ),
        )
    if sets := found.get("sets"):
        yield Table(
            "Sets of labels (--coverage) on these statements",
            ("asked coverage", "true label in the set", "interval", "labels in a set", "sets of one", "empty sets"),
            tuple(
                (
                    percent(one.get("coverage")),
                    percent(one["realised"]["coverage"]),
                    span(score_in(one["realised"], "coverage"), percent),
                    f"{one['size']:.2f}",
                    percent(one["single"]),
                    percent(one["empty"]),
                )
                for one in sets
            ),
        )


def _slices(facts: Facts) -> Iterator[Block]:
    found = facts.get("slices")
    if not found or not found.get("slices"):
        return
    slices: Sequence[Facts] = found["slices"]
    yield Paragraph(
        "The accuracy of each part of the statements. The vertical line is the accuracy of all; hollow dots are parts "
        "too small to say much."
    )
    yield from _remarks(found)
    rows: list[plots.Row] = []
    shown: list[Facts] = []
    for column in dict.fromkeys(one["column"] for one in slices):
        own = [one for one in slices if one["column"] == column]
        room = _MOST_ROWS - len(rows)
        if room > 1:
            rows.append(plots.Row(f"by {one_line(column)}", heading=True))
            largest = sorted(own, key=lambda one: -one["n"])[: min(_MOST_PARTS, room - 1)]
            shown += [one for one in own if one in largest]
            rows += [
                _row(one_line(one["value"]), score_in(one, "accuracy"), weak=one["small"])
                for one in own
                if one in largest
            ]
    lowest = min([s.low for one in shown if (s := score_in(one, "accuracy")).low is not None], default=0.0)
    left_out = f" The table has the other {len(slices) - len(shown)} parts." if len(shown) < len(slices) else ""
    accuracy = score_in(facts, "accuracy")
    yield Figure(
        plots.draw_intervals(
            plots.Caption(
                "slices",
                "Accuracy by part",
                "; ".join(f"{one['column']} {one['value']}: {decimals(one['accuracy'])}" for one in shown[:20]),
            ),
            rows,
            plots.Axis("accuracy", _floor(lowest), 1),
            reference=accuracy.value,
        ),
        f"Accuracy with its interval.{left_out}",
        Table(
            "Scores by part",
            ("part", "by", "rows", "groups", "accuracy", "interval", "less rest", "macro-F1", "interval", "p"),
            tuple(
                (
                    one_line(one["value"]) + (" (small)" if one["small"] else ""),
                    one_line(one["column"]),
                    count(one["n"]),
                    count(one["groups"]),
                    decimals(one["accuracy"]),
                    span(score_in(one, "accuracy")),
                    decimals(one.get("accuracy_less_rest"), sign=True),
                    decimals(one["macro_f1"]),
                    span(score_in(one, "macro_f1")),
                    decimals(one.get("p")),
                )
                for one in slices
            ),
            words=2,
        ),
    )


def _name_swap(facts: Facts) -> Iterator[Block]:
    found = facts.get("name_swap")
    if found:
        yield Paragraph(
            "Every state named in a statement gave way to other states, in all its roles: country, adjective, people, "
            "capital, leader. What the statement does is the same, so a label that changes is a mistake."
        )
        yield from _remarks(found)
        parts = {"every": "all states", "listed": "known states", "unlisted": "invented states"}
        parts = {name: title for name, title in parts.items() if (found.get(name) or {}).get("swaps")}
        rates = {title: score_in(found[name], "rate") for name, title in parts.items()}
        if rates:
            top = max(s.high or s.value or 0 for s in rates.values())
            yield _interval_figure(
                "swap",
                "Share of name swaps that change the label",
                "A swap puts one other state in the place of one state in one statement.",
                [_row(title, score) for title, score in rates.items()],
                plots.Axis("share of swaps that change the label", 0, max(top * 1.1, 0.02), _short_percent, percent),
                [(title, percent(score.value), span(score, percent)) for title, score in rates.items()],
                more={
                    "statements": [count(found[name]["statements"]) for name in parts],
                    "swaps": [count(found[name]["swaps"]) for name in parts],
                    "changed": [count(found[name]["flips"]) for name in parts],
                },
            )
        if change := found.get("change"):
            scores = {one_line(label): score_in(change, label) for label in change}
            ends = [end for score in scores.values() for end in (score.low, score.high, score.value)]
            reach = 1.1 * max([0.001, *(abs(end) for end in ends if end is not None)])
            yield _interval_figure(
                "change",
                "What a real state’s name as such speaks for",
                "The mean change of each label’s probability when a real state’s name is put in.",
                [_row(label, score) for label, score in scores.items()],
                plots.Axis("change of probability", -reach, reach, lambda share: minus(f"{share:+.2g}"), _signed),
                [(label, decimals(s.value, sign=True), span(s, _signed)) for label, s in scores.items()],
                reference=0,
            )
        names = [name for name in found.get("names") or () if name["flips"]][:10]
        if names:
            table = Table(
                "The states that change the most labels",
                ("state", "towards", "swaps", "changed", "p", "p, corrected"),
                tuple(
                    (
                        one_line(name["name"]),
                        ", ".join(f"{one_line(label)} {number}" for label, number in name["toward"].items()),
                        count(name["swaps"]),
                        count(name["flips"]),
                        decimals(name["p"]),
                        decimals(name["p_adjusted"]),
                    )
                    for name in names
                ),
                words=2,
            )
            yield Folded(table.caption, (table,))
        if examples := found.get("examples"):
            quotes = [
                Quote(
                    one["after"],
                    f"With {one_line(one['state'])}: {_answer(one, 'after')}. As written: {_answer(one, 'before')}.",
                    reasons=f"As written: {one['before']}",
                )
                for one in examples[:_MOST_QUOTES]
            ]
            yield Folded(f"Examples ({len(quotes)})", (Quotes(tuple(quotes)),))
    if phrases := facts.get("named_phrases"):
        yield Table(
            "Names of states among the strongest phrases",
            ("phrase", "state", "label", "rank"),
            tuple(
                (one_line(p["phrase"]), one_line(p["state"]), one_line(p["label"]), count(p["rank"])) for p in phrases
            ),
            words=3,
        )


def _designs(facts: Facts) -> Iterator[Block]:
    designs: Sequence[Facts] = facts.get("designs") or ()
    if not designs:
        return
    yield Paragraph(
        "Random folds let a model meet a speaker’s other statements, or next year’s words, before it is asked. "
        "The same recipe is fitted both ways here, and asked about the same statements."
    )
    rows, table = [], []
    for one in designs:
        column = one_line(one["column"])
        strict = f"each {column} unseen" if one["kind"] == "grouped" else f"forward by {column}"
        rows.append(plots.Row(f"{column}, {count(one['apart'].get('n'))} rows", heading=True))
        for name, side in (("random folds", one["random"]), (strict, one["apart"])):
            score = score_in(side, "macro_f1")
            rows.append(_row(name, score))
            table.append((column, name, decimals(score.value), span(score)))
        gap = score_in(one["gap"], "macro_f1")
        table.append((column, "gap", decimals(gap.value, sign=True), span(gap, _signed)))
    lowest = min([row.low for row in rows if row.low is not None], default=0.0)
    yield Bullets(tuple(one["meaning"] for one in designs if one.get("meaning")))
    yield Figure(
        plots.draw_intervals(
            plots.Caption("designs", "macro-F1 by design", "; ".join(f"{row[1]}: {row[2]}" for row in table)),
            rows,
            plots.Axis("macro-F1", _floor(lowest), 1),
        ),
        "macro-F1 with random folds and with stricter ones.",
        Table("macro-F1 by design", ("column", "design", "macro-F1", "interval"), tuple(table), words=2),
    )


def _learning_curve(facts: Facts) -> Iterator[Block]:
    found = facts.get("learning_curve")
    if not found or not found.get("points"):
        return
    metric = _metric(str(found.get("metric", "macro_f1")))
    yield Paragraph("The same recipe, fitted to more and more of the labelled statements.")
    yield from _remarks(found)
    lines = [
        (one_line(name), [(int(point["rows"]), score_in(point, "value")) for point in points])
        for name, points in [(metric, found["points"]), *(found.get("labels") or {}).items()]
    ]
    scores = [(rows, score) for _, points in lines for rows, score in points]
    lowest = min((end for _, s in scores for end in (s.low, s.value) if end is not None), default=0.0)
    yield Figure(
        plots.draw_lines(
            plots.Caption(
                "learning",
                "Learning curve",
                "; ".join(f"{rows:,} statements, {metric} {decimals(score.value)}" for rows, score in lines[0][1]),
            ),
            [_series(name, points) for name, points in lines[: len(plots.SERIES)]],
            plots.Axis("statements trained on", 0, max(rows for rows, _ in scores), "{:,.0f}".format),
            plots.Axis(metric if len(lines) == 1 else f"{metric}, and F1 by label", _floor(lowest), 1),
        ),
        "Where a line still climbs at its end, more labels should help.",
        Table(
            "Scores by number of statements",
            ("score", "statements", "value", "interval"),
            tuple(
                (name, count(rows), decimals(score.value), span(score))
                for name, points in lines
                for rows, score in points
            ),
        ),
    )
    if halved := found.get("halved"):
        yield Table(
            "What is lost without half of a label’s statements",
            ("label", "statements", "taken away", f"{metric} lost", "interval", "its F1 lost", "interval"),
            tuple(
                (
                    one_line(one["label"]),
                    count(one["rows"]),
                    count(one["removed"]),
                    decimals(score_in(one, "loss").value, sign=True),
                    span(score_in(one, "loss"), _signed),
                    decimals(score_in(one, "own_loss").value, sign=True),
                    span(score_in(one, "own_loss"), _signed),
                )
                for one in halved
            ),
        )


def _mistakes(facts: Facts) -> Iterator[Block]:
    found = facts.get("mistakes")
    if not found:
        return
    yield from _remarks(found)
    if mistakes := found.get("mistakes"):
        if any(one.get("evidence") for one in mistakes):
            yield Paragraph(
                "Underlined words spoke for the model’s answer, the stronger the shade the more; words underlined with "
                "dashes spoke against it."
            )
        yield from _quotes([_mistake(one) for one in mistakes[:_MOST_QUOTES]], "more mistakes")


def _label_errors(facts: Facts) -> Iterator[Block]:
    found = facts.get("label_errors")
    if not found:
        return
    yield from _remarks(found)
    if suspects := found.get("suspects"):
        yield Paragraph(
            "Statements whose given label the model, fitted without them, found hard to believe. Some are the model’s "
            "mistakes and some the label’s: read them again."
        )
        yield from _quotes([_mistake(one) for one in suspects[:_MOST_QUOTES]], "more labels to read again")


def _codebook(facts: Facts) -> Iterator[Block]:
    found = facts.get("codebook")
    if not found:
        return
    if question := found.get("question"):
        yield Paragraph(str(question))
    labels = found.get("labels") or ()
    yield Terms(
        tuple(
            (
                one_line(label["name"]) + (" (background)" if label["name"] == found.get("background") else ""),
                label.get("definition") or "As in the training data: the codebook has no definition.",
            )
            for label in labels
        )
    )
    if rules := found.get("rules"):
        yield Folded(f"Rules ({len(rules)})", (Bullets(tuple(rules), numbered=True),))
    more: list[Block] = []
    for label in labels:
        parts = [
            (title, tuple(label.get(key) or ())) for key, title in (("acts", "Acts"), ("examples", "Boundary examples"))
        ]
        if any(items for _, items in parts):
            more.append(Heading(one_line(label["name"])))
        for title, items in parts:
            if items:
                more += [Paragraph(f"{title}:"), Bullets(items)]
    if more:
        yield Folded("Acts and examples of each label", tuple(more))


def _provenance(facts: Facts) -> Iterator[Block]:
    model, data, codebook = (facts.get(name) or {} for name in ("model", "data", "codebook"))
    training, recipe, search = (model.get(name) or {} for name in ("data", "recipe", "search"))
    heat = model.get("temperature")
    pairs: list[tuple[str, object]] = [
        ("model", model.get("name")),
        ("version", model.get("version")),
        ("made", model.get("created")),
        ("recipe", recipe.get("name")),
        ("terms", count(model["terms"]) if model.get("terms") is not None else None),
        ("temperature", decimals(heat) if heat is not None else None),
        ("seed", model.get("seed")),
        ("trained on", _rows_of(training)),
        ("judged on", ", ".join(map(str, data.get("files") or ())) or None),
        ("statements judged", _rows_of({"groups": facts.get("groups"), **data})),
        ("communique", facts.get("version") or (model.get("versions") or {}).get("communique")),
    ]
    known = tuple((name, one_line(value)) for name, value in pairs if value not in (None, ""))
    if known:
        yield Terms(known)
    hashes = (
        ("model file", model.get("sha256")),
        ("training data", training.get("sha256")),
        ("data judged on", data.get("sha256")),
        ("codebook", codebook.get("sha256")),
    )
    given = tuple((name, one_line(value)) for name, value in hashes if value)
    if given:
        yield Paragraph("SHA-256 fingerprints: whoever has the same files gets the same.")
        yield Terms(given, codes=True)
    if candidates := search.get("candidates"):
        metric = _metric(str(search.get("metric", "score")))
        table = Table(
            f"Tried in cross-validation: {metric} over {search.get('folds')} folds",
            ("features", "classifier", "mean", "standard error"),
            tuple(
                (
                    one_line(one.get("features")),
                    _joined(one.get("classifiers")),
                    decimals(one.get("mean")),
                    decimals(one.get("standard_error")),
                )
                for one in candidates
            ),
            words=2,
        )
        chosen = (Paragraph(str(search["chosen"])),) if search.get("chosen") else ()
        yield Folded(f"What was tried ({len(candidates)})", (*chosen, table))
    if recipe:
        yield Folded("The recipe", (Listing(json.dumps(recipe, indent=2, ensure_ascii=False)),))
    if versions := model.get("versions"):
        table = Table(
            "Versions the model was made with",
            ("library", "version"),
            tuple((one_line(name), one_line(number)) for name, number in versions.items()),
        )
        yield Folded(table.caption, (table,))


def _citation(facts: Facts) -> Iterator[Block]:
    model, data = facts.get("model") or {}, facts.get("data") or {}
    if not model:
        return
    version = facts.get("version") or (model.get("versions") or {}).get("communique")
    software = f"communique: stance classifiers for official statements{f' (version {version})' if version else ''}"
    yield Paragraph("Name the software, the model and the data, so that others can do the same again:")
    lines = [f"The communique developers. {software}. Computer software, MIT licence."]
    made = f", made {str(model['created'])[:10]}" if model.get("created") else ""
    hashed = f", SHA-256 {model['sha256']}" if model.get("sha256") else ""
    lines.append(f"Model {one_line(model.get('name'))}, version {one_line(model.get('version'))}{made}{hashed}.")
    if data.get("sha256"):
        score = score_in(facts, "macro_f1")
        lines.append(
            f"Judged on {count(data.get('rows'))} statements (SHA-256 {data['sha256']}): "
            f"macro-F1 {decimals(score.value)} ({span(score)})."
        )
    yield Listing("\n".join(lines))


def _limits(facts: Facts) -> Iterator[Block]:
    if not facts.get("n"):
        return
    yield Bullets(_LIMITS)


_SECTIONS: tuple[tuple[str, str, Callable[[Facts], Iterator[Block]]], ...] = (
    ("scores", "How good it is", _headlines),
    ("people", "How well people agree", _agreement),
    ("confusion", "What it takes for what", _confusion),
    ("labels", "Label by label", _labels),
    ("reliability", "Does its confidence mean what it says?", _reliability),
    ("abstention", "What it gains by not answering", _risk),
    ("slices", "Where it does better and worse", _slices),
    ("names", "Is it fooled by names?", _name_swap),
    ("designs", "New speakers, later times", _designs),
    ("learning", "Would more labels help?", _learning_curve),
    ("mistakes", "Its surest mistakes", _mistakes),
    ("errors", "Labels to read again", _label_errors),
    ("codebook", "What the labels mean", _codebook),
    ("provenance", "Model and data", _provenance),
    ("citation", "How to cite", _citation),
    ("limits", "Limits and misuse", _limits),
)


def _interval_figure(
    key: str,
    title: str,
    caption: str,
    rows: Sequence[plots.Row],
    axis: plots.Axis,
    table: Sequence[tuple[str, str, str]],
    *,
    reference: float | None = None,
    more: Mapping[str, Sequence[str]] | None = None,
) -> Figure:
    described = "; ".join(f"{name}: {value} ({interval})" for name, value, interval in table)
    more = more or {}
    cells = [(*row, *(column[number] for column in more.values())) for number, row in enumerate(table)]
    return Figure(
        plots.draw_intervals(plots.Caption(key, title, described), rows, axis, reference=reference),
        f"{title}. {caption}",
        Table(title, ("", "value", "interval", *more), tuple(cells)),
    )


def _row(name: str, score: Score, *, weak: bool = False) -> plots.Row:
    return plots.Row(name, score.value, score.low, score.high, weak=weak)


def _series(name: str, points: Sequence[tuple[float, Score]]) -> plots.Series:
    return plots.Series(
        name,
        [x for x, _ in points],
        [score.value for _, score in points],
        [score.low for _, score in points],
        [score.high for _, score in points],
    )


def _mistake(one: Facts) -> Quote:
    """Lay out a statement, the label it has and the one the model gave it, with the words that spoke for the latter."""
    text, evidence = str(one["text"]), one.get("evidence") or ()
    strongest = max((abs(word["weight"]) for word in evidence), default=0.0) or 1.0
    marks = tuple(Mark(word["start"], word["end"], word["weight"] / strongest) for word in evidence)
    ranked = sorted(evidence, key=lambda word: -abs(word["weight"]))[:6]
    sides = {
        "for": [f"“{one_line(w['text'])}” {_signed(w['weight'])}" for w in ranked if w["weight"] > 0],
        "against": [f"“{one_line(w['text'])}” {_signed(w['weight'])}" for w in ranked if w["weight"] < 0],
    }
    reasons = "; ".join(f"{side}: {', '.join(words)}" for side, words in sides.items() if words)
    source = f" Row {one_line(one['id'])}." if one.get("id") is not None else ""
    sure = f", {percent(one['confidence'])} sure" if one.get("confidence") is not None else ""
    said = f"The model says {one_line(one['label'])}{sure}; the label is {one_line(one['truth'])}.{source}"
    return Quote(text, said, marks, f"Words {reasons}." if reasons else "")


def _quotes(quotes: Sequence[Quote], more: str) -> Iterator[Block]:
    yield Quotes(tuple(quotes[:_OPEN_QUOTES]))
    if rest := quotes[_OPEN_QUOTES:]:
        yield Folded(f"{len(rest)} {more}", (Quotes(tuple(rest)),))


def _remarks(found: Facts) -> Iterator[Block]:
    """Pass on what the facts say in sentences of their own."""
    said = [found.get("remark"), found.get("meaning"), *(found.get("remarks") or ())]
    if said := [str(sentence) for sentence in said if sentence]:
        yield Bullets(tuple(said)) if len(said) > 1 else Paragraph(said[0])


def _answer(example: Facts, side: str) -> str:
    label = example[f"label_{side}"]
    return f"{one_line(label)} ({percent((example.get(f'probability_{side}') or {}).get(label))})"


def _verdict(promise: Facts) -> str:
    if promise.get("threshold") is None:
        return "nothing answered"
    kept = "not contradicted" if promise.get("held") else "broken"
    return kept if promise.get("kept", True) else f"{kept} (too few rows to promise)"


def _rows_of(data: Facts) -> str | None:
    if data.get("rows") is None:
        return None
    groups = f" in {count(data['groups'])} groups" if data.get("groups") is not None else ""
    return f"{count(data['rows'])}{groups}"


def _joined(value: object) -> str:
    return ", ".join(map(one_line, value)) if isinstance(value, list) else one_line(value)


def _metric(key: str) -> str:
    return next((name for known, name, _ in HEADLINES if known == key), one_line(key))


def _floor(low: float) -> float:
    """Find where an axis of scores may begin: a tenth at or below all of them."""
    return max(0.0, int(low * 10) / 10)


def _signed(number: float | None) -> str:
    return decimals(number, sign=True)


def _short_percent(share: float) -> str:
    return f"{100 * share:.3g}\u00a0%"
