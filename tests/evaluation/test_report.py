import copy
import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from communique.codebook import bundled_codebook
from communique.evaluation.agreement import Coded, measure_agreement
from communique.evaluation.bootstrap import Bootstrap
from communique.evaluation.curve import Curve, Halved, Plan, Point
from communique.evaluation.designs import Exam, leave_out
from communique.evaluation.document import Mark
from communique.evaluation.findings import Estimate, judge
from communique.evaluation.markdown import markdown
from communique.evaluation.metrics import Judged
from communique.evaluation.mistakes import find_label_errors, find_mistakes
from communique.evaluation.report import cut, report
from communique.evaluation.risk import judge_risk
from communique.evaluation.sections import compose
from communique.evaluation.slices import Partition, judge_slices
from communique.evaluation.swap import swap_names

LABELS = ("escalatory", "conciliatory", "dismissive", "none")
HOSTILE = (
    "</script></style><img src=x onerror=alert(1)> & \"quotes\" 'too' `code` | ](http://evil.example) "
    "تصعيد \u202e{{7*7}}"
)
VOID = {"meta", "link", "br", "img", "hr", "input"}


def test_headline_numbers_are_those_of_the_facts(facts):
    text = _read(report(facts)).text
    for key in ("macro_f1", "macro_f1_stances", "accuracy", "log_loss", "brier", "ece"):
        low, high = facts["intervals"][key]
        assert f"{facts[key]:.3f}" in text
        assert f"{low:.3f} to {high:.3f}" in text


def test_numbers_of_every_table_are_those_of_the_facts(facts):
    cells = set(_read(report(facts)).cells)
    for label in facts["labels"].values():
        assert {f"{label[name]:.3f}" for name in ("precision", "recall", "f1")} <= cells
    assert {f"{count:,}" for row in facts["confusion"]["matrix"] for count in row} <= cells
    assert {f"{one['accuracy']:.3f}" for one in facts["slices"]["slices"]} <= cells
    swap = facts["name_swap"]["every"]
    assert {f"{swap['swaps']:,}", f"{swap['flips']:,}", f"{100 * swap['rate']['value']:.2f}\u00a0%"} <= cells
    for design in facts["designs"]:
        assert {f"{design['random']['macro_f1']:.3f}", f"{design['apart']['macro_f1']:.3f}"} <= cells
    assert {f"{facts['agreement'][key]:.3f}" for key in ("alpha", "humans", "model")} <= cells
    assert {"0.125", "0.250", "0.500", "+0.012", "−0.038 to +0.062", "+0.046"} <= cells  # the learning curve
    assert {f"{100 * point['error']:.1f}\u00a0%" for point in facts["risk"]["points"] if point["error"] > 0.01} <= cells


def test_markdown_has_the_numbers_of_the_page(facts):
    page, text = _read(report(facts)), markdown(facts)
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    cells = {cell.strip() for row in rows for cell in row}
    numbers = {cell for cell in page.cells if re.fullmatch(r"[\d.,]+", cell)}
    assert numbers
    assert numbers <= cells
    assert f"| macro-F1 | {facts['macro_f1']:.3f} |" in text


def test_the_page_needs_no_network_and_no_script(facts):
    page = report(facts)
    assert "://" not in page
    assert "@import" not in page
    assert "url(" not in page
    parsed = _read(page)
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(parsed.tags)
    assert not [name for name, _ in parsed.attributes if name in ("style", "src") or name.startswith("on")]
    assert all(value.startswith("#") for name, value in parsed.attributes if name == "href")
    assert "default-src 'none'" in page


def test_headings_are_in_order_and_ids_and_links_meet(facts):
    parsed = _read(report(facts))
    levels = [int(tag[1]) for tag in parsed.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [value for name, value in parsed.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    links = [value.removeprefix("#") for name, value in parsed.attributes if name == "href"]
    referred = [one for name, value in parsed.attributes if name == "aria-labelledby" for one in value.split()]
    assert set(links + referred) <= set(ids)


def test_tables_have_captions_and_scopes(facts):
    page = report(facts)
    tables = re.findall(r"<table>.*?</table>", page, re.DOTALL)
    assert len(tables) > 8
    for table in tables:
        root = parse(table)
        assert root.find("caption").text
        assert all(head.get("scope") in ("col", "row") for head in root.iter("th"))
        assert len({len(list(row)) for row in root.iter("tr")}) == 1


def test_figures_are_well_formed_and_named(facts):
    figures = re.findall(r"<svg.*?</svg>", report(facts), re.DOTALL)
    assert len(figures) == 10
    for figure in figures:
        root = parse(figure)
        assert root.find("title").text
        assert root.find("desc").text


def test_every_section_is_there_with_all_facts(facts):
    assert [section.key for section in compose(facts).sections] == [
        *("scores", "people", "confusion", "labels", "reliability", "abstention", "slices", "names", "designs"),
        *("learning", "mistakes", "errors", "codebook", "provenance", "citation", "limits"),
    ]


@pytest.mark.parametrize(
    "key",
    [
        *("agreement", "risk", "slices", "name_swap", "named_phrases", "designs", "learning_curve", "mistakes"),
        *("label_errors", "codebook", "model", "data", "note", "version", "bootstrap", "reliability", "labels"),
        "confusion",
    ],
)
def test_missing_or_empty_facts_leave_no_empty_section(facts, key):
    for nothing in ({}, None):
        fewer = {name: value for name, value in facts.items() if name != key} | (
            {} if nothing is None else {key: nothing}
        )
        for section in compose(fewer).sections:
            assert section.blocks
        assert not re.search(r"</h2>\s*</section>", report(fewer))
        assert not re.search(r"^## .*\n+(## |\Z)", markdown(fewer), re.MULTILINE)


def test_findings_alone_make_a_report(facts):
    judged = judge(_judged()).to_dict()
    assert [section.key for section in compose(judged).sections] == [
        "scores",
        "confusion",
        "labels",
        "reliability",
        "limits",
    ]
    assert report(judged).count("<svg") == 3


def test_undefined_scores_are_said_to_be_undefined():
    judged = _judged()
    one_group = Judged(judged.truth, judged.predicted, judged.probability, np.zeros_like(judged.groups), LABELS, "none")
    facts = judge(one_group).to_dict()
    page = report(facts)
    assert "nan" not in _read(page).text.lower()
    assert "too few" in page
    facts["labels"]["none"].update(precision=None, intervals={})
    assert "undefined" in report(facts)


def test_hostile_facts_stay_text(facts):
    hostile = _poison(facts)
    page = report(hostile)
    assert set(_read(page).tags) <= {*_read(report(facts)).tags, "title"}
    assert not [name for name, _ in _read(page).attributes if name.startswith("on")]
    assert "<script" not in page
    assert "{{7*7}}" in _read(page).text
    for figure in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        parse(figure)
    page.encode("utf-8")


def test_text_that_turns_the_writing_direction_is_fenced_off(facts):
    facts["model"]["name"] = "\u202eelbissop"
    for written in (report(facts), markdown(facts)):
        assert "\u2068\u202eelbissop\u2069 on holdout.csv" in written
    facts["mistakes"]["mistakes"][0]["text"] = "ترفض الحكومة الاتهام"
    assert re.search(r'<blockquote dir="auto">[^\n]*</blockquote>', report(facts))


def test_control_characters_and_half_pairs_are_replaced(facts):
    facts["note"] = "one\x00two\ud800three"
    assert "one\ufffdtwo\ufffdthree" in report(facts)
    assert "one\ufffdtwo\ufffdthree" in markdown(facts)


def test_hostile_facts_make_no_markup_in_markdown(facts):
    text = markdown(_poison(facts))
    outside = re.sub(r"^(`{3,})\n.*?\n\1$", "", text, flags=re.DOTALL | re.MULTILINE)
    assert not re.search(r"(?<!\\)<", outside)
    assert not re.search(r"(?<!\\)\]\(", outside)
    assert "http://" not in outside
    tables = re.findall(r"(?:^\|.*\n)+", outside, re.MULTILINE)
    widths = [{len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()} for table in tables]
    assert widths
    assert all(len(width) == 1 for width in widths)


def test_evidence_is_highlighted_where_it_stands(facts):
    page = report(facts)
    assert '<mark class="for shade4">attack</mark>' in page
    assert '<mark class="against shade2">talks</mark>' in page
    assert "“attack” +0.900" in page
    assert "“talks” −0.400" in page
    assert "“attack” +0.900" in markdown(facts)


def test_cutting_loses_no_character_whatever_the_marks():
    text = "We will 🚀 answer."
    marks = [Mark(3, 7, 1.0), Mark(5, 9, 0.5), Mark(-1, 2, 1), Mark(10, 99, 1), Mark(4, 4, 1), Mark(10, 16, -0.6)]
    pieces = list(cut(text, marks))
    assert "".join(piece.text for piece in pieces) == text
    assert [piece.text for piece in pieces if piece.side] == ["will", "answer"]
    assert list(cut("", [])) == []


def test_the_same_facts_give_the_same_bytes(facts):
    again = json.loads(json.dumps(facts))
    assert report(facts) == report(again)
    assert markdown(facts) == markdown(again)


def test_facts_are_left_as_they_were(facts):
    before = copy.deepcopy(facts)
    report(facts)
    markdown(facts)
    assert facts == before


def test_many_labels_are_told_without_a_matrix_too_small_to_read():
    judged = _judged()
    names = tuple(f"label {number}" for number in range(40))
    wide = np.full((len(judged.truth), 40), 1 / 40)
    facts = judge(Judged(judged.truth, judged.predicted, wide, judged.groups, names, None)).to_dict()
    page = report(facts)
    assert 'id="confusion-title"' not in page
    assert "The most frequent mistakes" in page
    assert len(page) < 150_000


def test_a_page_with_everything_is_small(facts):
    assert len(report(facts).encode()) < 150_000


@pytest.fixture
def facts():
    return copy.deepcopy(_FACTS())


def _FACTS():  # noqa: N802
    if not hasattr(_FACTS, "made"):
        _FACTS.made = json.loads(json.dumps(_make_facts()))
    return _FACTS.made


def _make_facts():
    judged = _judged()
    codes = np.arange(len(judged.truth)) % 3
    text = "We will attack and then hold talks."
    evidence = [
        {"start": 8, "end": 14, "text": "attack", "weight": 0.9},
        {"start": 29, "end": 34, "text": "talks", "weight": -0.4},
    ]
    rows = pa.table({"id": [f"r{row}" for row in range(len(judged.truth))], "text": [text] * len(judged.truth)})
    mistakes = find_mistakes(rows, judged).to_dict()
    for mistake in mistakes["mistakes"]:
        mistake["evidence"] = evidence
    exam = Exam(judged.truth, LABELS, "none", [], lambda train, test: judged.probability[test], folds=2)
    coded = Coded(
        np.column_stack([judged.truth, judged.predicted, judged.truth]), LABELS, ("ann", "bo", "cy"), judged.groups
    )
    speakers = [f"speaker {group % 12}" for group in judged.groups]
    codebook = bundled_codebook()
    return {
        "model": {
            "name": "stance",
            "version": "0123456789ab",
            "sha256": "0123456789ab" + "0" * 52,
            "created": "2026-01-02T03:04:05Z",
            "seed": 0,
            "terms": 12345,
            "temperature": 0.5,
            "recipe": {"name": "balanced", "folds": 5},
            "data": {"rows": 500, "groups": 50, "sha256": "a" * 64},
            "search": {
                "metric": "macro_f1",
                "folds": 5,
                "chosen": "The simplest within one standard error.",
                "candidates": [{"features": "words", "classifiers": ["svm"], "mean": 0.8, "standard_error": None}],
            },
            "versions": {"python": "3.11", "communique": "0.1.0"},
        },
        "data": {"sha256": "b" * 64, "rows": len(judged.truth), "files": ["holdout.csv"]},
        "version": "0.1.0",
        "codebook": {**codebook.to_dict(), "sha256": codebook.fingerprint},
        "note": "Easier than life.",
        **judge(judged).to_dict(),
        "agreement": measure_agreement(coded, judged).to_dict(),
        "risk": judge_risk(judged).to_dict(),
        "slices": judge_slices(judged, [Partition("genre", ("speech", "briefing", "tweet"), codes)]).to_dict(),
        "name_swap": swap_names(
            lambda texts: np.array([np.roll([0.1, 0.1, 0.1, 0.7], "France" in text) for text in texts]),
            [f"The talks between Chile and Norway go on, say {number} envoys." for number in range(12)],
            np.arange(12),
            LABELS,
            sample=30,
        ).to_dict(),
        "named_phrases": [{"phrase": "united states", "state": "United States", "label": "none", "rank": 3}],
        "designs": [leave_out(exam, "speaker", speakers).to_dict()],
        "learning_curve": _curve().to_dict(),
        "mistakes": mistakes,
        "label_errors": find_label_errors(rows, judged.truth, judged.probability, LABELS).to_dict(),
    }  # fmt: skip


def _curve():
    def score(value):
        return Estimate(value, value - 0.05, value + 0.05)

    points = tuple(
        Point(
            share,
            int(800 * share),
            3,
            *map(score, (share / 2, share / 3, share / 4)),
            dict.fromkeys(LABELS, score(0.6)),
        )
        for share in (0.25, 0.5, 1.0)
    )
    halved = tuple(Halved(label, 200, 100, score(0.0123), score(0.0456)) for label in LABELS)
    return Curve(points, 240, 30, None, None, None, {}, halved, 0, Plan(), Bootstrap())


def _judged():
    chance = np.random.default_rng(1)
    truth = chance.integers(4, size=240)
    probability = chance.dirichlet(np.ones(4), size=240)
    probability[np.arange(240), truth] += 0.6
    probability /= probability.sum(axis=1, keepdims=True)
    return Judged(truth, probability.argmax(axis=1), probability, np.arange(240) // 8, LABELS, "none")


_KEPT = {"kind", "metric", "sha256"}  # words of the programs own, or hashes


def _poison(facts):
    """Add something hostile to every text of the facts, whether name or value."""

    def poison(value, key=""):
        if isinstance(value, dict):
            free = key in ("labels", "change", "toward", "probability_before", "probability_after", "versions")
            return {f"{name}{HOSTILE}" if free else name: poison(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [poison(inner) for inner in value]
        return f"{value}{HOSTILE}" if isinstance(value, str) and key not in _KEPT else value

    return poison(facts)


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.cells, self._open, self._said = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self._open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        if "style" not in self._open:
            self._said.append(data)
        if self._open and self._open[-1] in ("td", "th"):
            self.cells[-1] += data

    @property
    def text(self):
        return "".join(self._said)


def _read(page):
    parsed = _Page()
    parsed.feed(page)
    parsed.close()
    assert not parsed._open
    return parsed


def parse(xml):
    return ET.fromstring(xml)  # noqa: S314 -- our own figure, and that it can be parsed is what is tested
