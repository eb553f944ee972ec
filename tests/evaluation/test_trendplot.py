from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import date, timedelta

import pytest

from communique.evaluation.bootstrap import Bootstrap
from communique.evaluation.trend import Share, Trend, Window
from communique.evaluation.trendplot import MOST_NAMES, draw

SVG = "{http://www.w3.org/2000/svg}"
STANCES = ("threat", "offer")


def trend(names: tuple[str | None, ...] = ("Aldoria",), labels: tuple[str, ...] = STANCES, windows: int = 6):
    shares = []
    for place, name in enumerate(names):
        for number in range(windows):
            start = date(2031, 1, 1) + timedelta(30 * number)
            refused = number == 2
            shares += [
                Share(
                    name, start, start + timedelta(29), 100 + place, label, None if refused else 0.4,
                    None if refused else 0.3, None if refused else 0.5, 0.4, "em", "why" if refused else None,
                )
                for label in labels
            ]  # fmt: skip
    return Trend(tuple(shares), labels, Window(30, "d"), "em", Bootstrap())


def parse(figure: str) -> ET.Element:
    return ET.fromstring(figure.encode())  # noqa: S314 - our own


def test_a_figure_has_a_title_and_a_description_that_tells_the_numbers():
    root = parse(draw(trend(), "Share of each label", "95 % intervals.", STANCES))
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"].split() == [title.attrib["id"], description.attrib["id"]]
    assert title.text == "Share of each label"
    assert "Aldoria: threat, 2031-01-01 to 2031-01-30, 100 rows: 40 % (30 to 50)" in description.text


def test_every_actor_and_label_has_a_panel_with_its_name_and_mark():
    figure = draw(trend(("Aldoria", "Bresk"), ("threat", "offer", "none")), "t", "n", STANCES)
    panels = parse(figure).findall(f"{SVG}g")
    assert len(panels) == 6
    assert [panel.find(f"{SVG}text").text for panel in panels] == ["threat", "offer", "none"] * 2
    marks = {panel.find(f"{SVG}path").attrib["d"] for panel in panels}
    assert len(marks) == 3


def test_a_label_keeps_its_colour_and_mark_whichever_are_shown():
    (_, whole, _) = parse(draw(trend(labels=("threat", "offer", "none")), "t", "n", STANCES)).findall(f"{SVG}g")
    (alone, rest) = parse(draw(trend(labels=("offer", "none")), "t", "n", STANCES)).findall(f"{SVG}g")
    assert alone.attrib["class"] == whole.attrib["class"] == "label-2"
    assert alone.find(f"{SVG}path").attrib == whole.find(f"{SVG}path").attrib
    assert rest.attrib["class"] == "background"


def test_lines_and_bands_break_where_a_window_is_refused():
    (panel, _) = parse(draw(trend(), "t", "n", STANCES)).findall(f"{SVG}g")
    kinds = [element.attrib.get("class", "").split()[0] for element in panel if element.attrib.get("class")]
    assert kinds.count("band") == kinds.count("line") == 2
    assert kinds.count("refused") == 1
    assert "no estimate (why)" in "".join(panel.itertext())


def test_light_dark_and_no_network():
    figure = draw(trend(), "t", "n", STANCES)
    assert "prefers-color-scheme: dark" in figure
    assert not re.search(r"(href|src|url\(|@import|<script)", figure)
    assert re.findall(r"https?://[^\"' ]+", figure) == ["http://www.w3.org/2000/svg"]


@pytest.mark.parametrize("name", ['<b>&"x"', "a\x00\x1b[2Jb", "أحمد", "x" * 300, None])
def test_any_name_gives_well_formed_svg(name):
    root = parse(draw(trend((name,), (name or "none", "offer")), "t <&>", "n", STANCES))
    assert root.tag == f"{SVG}svg"


def test_nothing_lies_outside_the_figure():
    figure = parse(draw(trend(("A", "B", "C"), tuple("abcdefg"), windows=30), "t", "n " * 90, STANCES))
    _, _, width, height = map(float, figure.attrib["viewBox"].split())
    for element in figure.iter(f"{SVG}g"):
        x, y = map(float, re.findall(r"[\d.]+", element.attrib["transform"]))
        assert 0 <= x < width
        assert 0 <= y < height - 84
    for text in figure.findall(f"{SVG}text"):
        assert 0 <= float(text.attrib["y"]) <= height


def test_of_many_actors_those_with_most_rows_are_drawn_and_the_rest_is_said():
    names = tuple(f"state {number}" for number in range(MOST_NAMES + 3))
    figure = draw(trend(names), "t", "n", STANCES)
    assert "3 more in the table" in figure
    assert "state 0<" not in figure
    assert f"state {MOST_NAMES + 2}<" in figure


def test_one_window_alone_is_a_mark_with_a_whisker():
    figure = draw(trend(windows=1), "t", "n", STANCES)
    assert 'class="whisker"' in figure
    parse(figure)
