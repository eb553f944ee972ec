import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from communique.evaluation.plots import (
    Axis,
    Caption,
    Dot,
    Row,
    Series,
    draw_confusion,
    draw_intervals,
    draw_lines,
    draw_reliability,
    ticks,
)

CAPTION = Caption("one", "A figure", "What it shows")
HOSTILE = ["</script><b>", "&amp; \"quoted\" 'too'", "تصعيد\u202e", "\x00\x0b\ud800", "很长的标签" * 20, ""]


def test_every_figure_is_well_formed_has_a_name_and_a_description_and_says_nothing_of_colours():
    for svg in _every_figure(["a", "b"]):
        root = parse(svg)
        assert root.get("role") == "img"
        title, description = root.find("title"), root.find("desc")
        assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
        assert title.text == "A figure"
        assert description.text == "What it shows"
        assert not re.search(r"#[0-9a-f]{3,6}\b|rgb|style=|http|xmlns", svg)


def test_hostile_labels_stay_text():
    for svg in _every_figure(HOSTILE):
        root = parse(svg)
        assert {element.tag for element in root.iter()} <= {
            "svg",
            "title",
            "desc",
            "text",
            "rect",
            "line",
            "circle",
            "path",
        }
        assert all(not name.startswith("on") for element in root.iter() for name in element.attrib)


def test_confusion_writes_every_count_and_marks_the_diagonal_by_more_than_colour():
    root = parse(draw_confusion(CAPTION, ["yes", "no"], [[31, 7], [5, 57]]))
    written = _texts(root)
    assert {"31", "7", "5", "57", "38", "62", "36", "64"} <= set(written)
    assert [rect.get("class") for rect in root.iter("rect")].count("frame") == 2


def test_confusion_of_a_label_without_rows_can_be_drawn():
    parse(draw_confusion(CAPTION, ["yes", "no"], [[0, 0], [5, 57]]))


def test_a_cut_label_is_whole_in_its_tooltip():
    label = "an unusually long label that cannot stand beside a figure"
    root = parse(draw_confusion(CAPTION, [label, "no"], [[1, 0], [0, 1]]))
    cut = [text for text in root.iter("text") if "…" in "".join(text.itertext())]
    assert cut
    assert all(text.find("title").text == label for text in cut)


def test_intervals_write_each_value_beside_its_name_and_stay_within_the_axis():
    rows = [Row("by genre", heading=True), Row("speech", 0.5, 0.25, 1.7), Row("tiny", 0.75, weak=True), Row("none")]
    root = parse(draw_intervals(CAPTION, rows, Axis("accuracy", 0, 1), reference=0.6))
    written = _texts(root)
    assert [written.index(text) for text in ("by genre", "speech", "0.500", "tiny", "0.750", "none", "undefined")] == (
        sorted(written.index(text) for text in ("by genre", "speech", "0.500", "tiny", "0.750", "none", "undefined"))
    )
    assert {circle.get("class") for circle in root.iter("circle")} == {"dot", "dot hollow"}
    low, high = sorted(float(line.get("x1")) for line in root.iter("line") if line.get("class") == "grid")[::4]
    dot = next(float(circle.get("cx")) for circle in root.iter("circle"))
    assert dot == pytest.approx((low + high) / 2, abs=0.1)
    assert max(float(line.get("x2")) for line in root.iter("line") if line.get("class") == "whisker") <= high


def test_reliability_puts_a_dot_where_confidence_and_share_meet():
    root = parse(draw_reliability(CAPTION, [None, 0.5, 1.0], [None, 0.5, 1.0], [0, 4, 16], [0, 0.3, 0.6, 1]))
    dots = [circle for circle in root.iter("circle") if circle.get("class") == "dot"]
    half, full = ((float(dot.get("cx")), float(dot.get("cy")), float(dot.get("r"))) for dot in dots)
    diagonal = next(line for line in root.iter("line") if line.get("class") == "reference")
    x1, y1, x2, y2 = (float(diagonal.get(name)) for name in ("x1", "y1", "x2", "y2"))
    assert half[:2] == pytest.approx(((x1 + x2) / 2, (y1 + y2) / 2), abs=0.1)
    assert full[:2] == pytest.approx((x2, y2), abs=0.1)
    assert half[2] < full[2]


def test_lines_are_told_apart_by_dash_and_marker_too_and_named_without_overlap():
    names = [f"label {number}" for number in range(6)]
    series = [Series(name, [1, 2], [0.5, 0.6]) for name in names]
    root = parse(draw_lines(CAPTION, series, Axis("n", 0, 2), Axis("F1", 0, 1)))
    curves = [path for path in root.iter("path") if path.get("class").startswith("curve")]
    assert len({(path.get("class"), path.get("stroke-dasharray")) for path in curves}) == 6
    assert len({path.get("stroke-dasharray") for path in curves}) == 6
    heights = sorted(float(text.get("y")) for text in root.iter("text") if text.text in names)
    assert len(heights) == 6
    assert all(below - above >= 14 for above, below in pairwise(heights))


def test_the_same_numbers_give_the_same_figure():
    assert _every_figure(["a", "b"]) == _every_figure(["a", "b"])


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
@settings(max_examples=200)
def test_ticks_are_few_and_within_their_ends(low, width):
    found = ticks(low, low + width)
    slack = width * 1e-6 + abs(low) * 1e-9
    assert len(found) <= 11
    assert all(low - slack <= tick <= low + width + slack for tick in found)
    assert found == sorted(found)


def _every_figure(names):
    matrix = [[row + column for column in range(len(names))] for row in range(len(names))]
    points = [1.0, 2.0, 3.0]
    return [
        draw_confusion(CAPTION, names, matrix),
        draw_intervals(CAPTION, [Row(name, 0.5, 0.4, 0.6) for name in names], Axis(names[0], 0, 1), bars=True),
        draw_intervals(CAPTION, [], Axis(names[0], 0, 0)),
        draw_reliability(CAPTION, [0.2, None], [0.3, None], [3, 0], [0, 0.5, 1]),
        draw_lines(
            CAPTION,
            [Series(name, points, [0.1, None, 0.3], [0.0, None, 0.2], [0.2, None, 0.4]) for name in names],
            Axis(names[0], 1, 3),
            Axis(names[-1], 0, 1),
            [Dot(names[0], 2, 0.5)],
        ),
    ]


def _texts(root):
    return ["".join(text.itertext()) for text in root.iter("text")]


def parse(xml):
    return ET.fromstring(xml)  # noqa: S314 -- our own figure, and that it can be parsed is what is tested
