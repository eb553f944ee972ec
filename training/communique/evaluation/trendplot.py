"""The figure of a trend: a small panel for each actor and label, all on one scale, in one SVG file.

A panel holds one line, so that no interval hides another. It carries the label's name and marker beside its colour, and
the exact numbers on pointing at a window. The file has its own style, for light and dark, and is drawn 440 units wide
so that its letters can be read on a telephone.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from communique.bundled import PALETTE
from communique.evaluation.plots import clean
from communique.evaluation.trend import Share, Trend

MOST_NAMES = 12
"""Actors drawn: those with the most rows; the table has them all."""

_STYLE = """
svg { --paper: light-dark(#fcfbf8, #16171a); --ink: light-dark(#1d1c1a, #eceae5); --soft: light-dark(#5c5850, #aaa69d);
  --grid: light-dark(#e6e2d9, #33353c); background: var(--paper); color-scheme: light; }
@media screen and (prefers-color-scheme: dark) { svg { color-scheme: dark; } }
text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif;
  fill: var(--ink); }
.title { font-size: 15px; font-weight: 650; } .name { font-size: 13px; font-weight: 650; }
.small { font-size: 11px; font-weight: 400; } .soft { fill: var(--soft); }
.end { text-anchor: end; }
line { stroke: var(--grid); stroke-width: 1; } .axis { stroke: var(--soft); }
g { color: var(--label); }
.whisker { stroke: currentColor; stroke-width: 4; stroke-opacity: .35; }
.line { fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linejoin: round; }
.band { fill: currentColor; fill-opacity: .2; } .mark { fill: currentColor; stroke: var(--paper); stroke-width: .6; }
.refused { fill: var(--paper); stroke: var(--soft); } .catch { fill: transparent; }
"""
_COLOURS = 8
_MARKS = (
    "M-3 -3H3V3H-3Z",
    "M-3.4 0A3.4 3.4 0 1 0 3.4 0A3.4 3.4 0 1 0 -3.4 0Z",
    "M0 -4L4 3H-4Z",
    "M0 -4.2L4.2 0L0 4.2L-4.2 0Z",
    "M0 4L4 -3H-4Z",
    "M-4 -1.3H-1.3V-4H1.3V-1.3H4V1.3H1.3V4H-1.3V1.3H-4Z",
)
_WIDTH, _LEFT, _GAP, _HEIGHT = 440.0, 44.0, 16.0, 84.0
_MARKED = 12  # windows up to which each has its marker, and four panels stand side by side, else two


def draw(trend: Trend, title: str, note: str, stances: Sequence[str]) -> str:
    """Draw a trend as an SVG document.

    ``note`` stands beneath the title. ``stances`` are the labels that have a colour and a marker of their own, by their
    place, as the page that is served has them; others are taken for the background.
    """
    names = _choose(trend)
    windows = len({share.start for share in trend.shares})
    columns = min(len(trend.labels), 4 if windows <= _MARKED else 2)
    lines = -(-len(trend.labels) // columns)
    svg = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img", "aria-labelledby": "title desc"})
    ET.SubElement(svg, "title", {"id": "title"}).text = clean(title)
    ET.SubElement(svg, "desc", {"id": "desc"}).text = clean(_describe(trend, names, note))
    ET.SubElement(svg, "style").text = _STYLE + PALETTE.read_text("utf-8")
    scale = _Scale(trend, (_WIDTH - _LEFT - _GAP * (columns - 1) - 4) / columns)
    y = 20.0
    for style, text in [("title", title), *(("soft", line) for line in _wrap(note, 70))]:
        _text(svg, 4, y, text, style)
        y += 18
    for name in names:
        shares = [share for share in trend.shares if share.by == name]
        rows = sum(share.n for share in shares) // len(trend.labels)
        y += 20
        heading = _text(svg, 4, y, "", "name")
        ET.SubElement(heading, "tspan").text = clean(_cut(_call(name), _WIDTH - 130))
        ET.SubElement(heading, "tspan", {"class": "small soft", "dx": "8"}).text = f"{rows:,} rows"
        for line in range(lines):
            y += 22
            for column, label in enumerate(trend.labels[line * columns : (line + 1) * columns]):
                x = _LEFT + column * (scale.width + _GAP)
                number = stances.index(label) if label in stances else len(stances)
                look = f"label-{number % _COLOURS + 1}" if label in stances else "background"
                panel = ET.SubElement(svg, "g", {"class": look, "transform": f"translate({x:.1f} {y:.1f})"})
                _draw_panel(panel, [share for share in shares if share.label == label], number, scale, first=not column)
            y += _HEIGHT + 20
    hidden = len(trend.names) - len(names)
    notes = ["○ on the base line: too few rows, or another reason in the table"] * any(
        share.share is None for share in trend.shares
    )
    notes += [f"{hidden} more in the table"] * bool(hidden)
    for text in notes:
        y += 18
        _text(svg, 4, y, text, "small soft")
    y += 14
    svg.set("viewBox", f"0 0 {_WIDTH:g} {y:.0f}")
    svg.set("width", f"{_WIDTH * 1.45:.0f}")
    svg.set("style", "max-width: 100%; height: auto; display: block; margin: 0 auto")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(svg, encoding="unicode") + "\n"


class _Scale:
    """Where days and shares lie in a panel."""

    def __init__(self, trend: Trend, width: float) -> None:
        self.width = width
        self.first = min(share.start for share in trend.shares)
        self.last = max(share.end for share in trend.shares)
        most = max((share.high or share.share or 0 for share in trend.shares), default=1)
        self.top = next(top for top in (0.25, 0.5, 1.0) if top >= min(most, 1.0))

    def x(self, share: Share) -> float:
        """Give the middle of a window."""
        middle = share.start.toordinal() + ((share.end - share.start) / 2) / timedelta(1)
        span = self.last.toordinal() - self.first.toordinal() or 1
        return 3 + (middle - self.first.toordinal()) / span * (self.width - 6)

    def y(self, value: float | None) -> float:
        """Give the height of a share."""
        return _HEIGHT * (1 - (value or 0.0) / self.top)


def _draw_panel(panel: Any, shares: Sequence[Share], number: int, scale: _Scale, *, first: bool) -> None:
    mark = {"d": _MARKS[number % len(_MARKS)], "class": "mark"}
    ET.SubElement(panel, "path", mark | {"transform": "translate(5 -9)"})
    _text(panel, 13, -5, _cut(shares[0].label, scale.width - 14), "small")
    for step in (0, 0.5, 1):
        height = _HEIGHT * (1 - step)
        ends = {"x1": "0", "x2": f"{scale.width:.1f}", "y1": f"{height:.1f}", "y2": f"{height:.1f}"}
        ET.SubElement(panel, "line", ends | ({"class": "axis"} if not step else {}))
        if first:
            _text(panel, -5, height + 4, f"{100 * scale.top * step:g} %", "small soft end")
    wide = scale.width > 92
    _text(panel, 0, _HEIGHT + 14, f"{scale.first:%Y-%m}" if wide else f"{scale.first:%Y}", "small soft")
    last = f"{scale.last:%Y-%m}" if wide else f"{scale.last:%Y}"
    _text(panel, scale.width, _HEIGHT + 14, last, "small soft end")
    for run in _runs(shares):
        if run[0].share is None:
            for share in run:
                ET.SubElement(
                    panel,
                    "circle",
                    {"cx": f"{scale.x(share):.1f}", "cy": f"{_HEIGHT:.1f}", "r": "2.5", "class": "refused"},
                )
            continue
        sure = [share for share in run if share.low is not None and share.high is not None]
        if len(sure) > 1:
            corners = [(scale.x(share), scale.y(share.high)) for share in sure]
            corners += [(scale.x(share), scale.y(share.low)) for share in reversed(sure)]
            ET.SubElement(panel, "path", {"d": _path(corners) + "Z", "class": "band"})
        for share in sure if len(sure) == 1 else ():
            ends = {"x1": f"{scale.x(share):.1f}", "x2": f"{scale.x(share):.1f}"}
            ends |= {"y1": f"{scale.y(share.low):.1f}", "y2": f"{scale.y(share.high):.1f}"}
            ET.SubElement(panel, "line", ends | {"class": "whisker"})
        points = [(scale.x(share), scale.y(share.share)) for share in run]
        ET.SubElement(panel, "path", {"d": _path(points), "class": "line"})
        for x, y in points if len(shares) <= _MARKED else points[-1:]:
            ET.SubElement(panel, "path", mark | {"transform": f"translate({x:.1f} {y:.1f}) scale(.8)"})
    breadth = scale.width / max(len(shares), 1)
    for share in shares:
        box = {
            "x": f"{scale.x(share) - breadth / 2:.1f}",
            "y": "0",
            "width": f"{breadth:.1f}",
            "height": f"{_HEIGHT:.1f}",
        }
        ET.SubElement(ET.SubElement(panel, "rect", box | {"class": "catch"}), "title").text = clean(_tell(share))


def _runs(shares: Sequence[Share]) -> list[list[Share]]:
    """Part windows where one is missing, and where shares and refusals meet."""
    runs: list[list[Share]] = []
    for share in shares:
        last = runs[-1][-1] if runs else None
        joins = last and share.start - last.end == timedelta(1) and (last.share is None) == (share.share is None)
        if joins:
            runs[-1].append(share)
        else:
            runs.append([share])
    return runs


def _choose(trend: Trend) -> list[str | None]:
    rows = {name: sum(share.n for share in trend.shares if share.by == name) for name in trend.names}
    kept = sorted(rows, key=lambda name: -rows[name])[:MOST_NAMES]
    return [name for name in trend.names if name in kept]


def _call(name: str | None) -> str:
    return "All rows" if name is None else name


def _tell(share: Share) -> str:
    when = f"{share.label}, {share.start} to {share.end}, {share.n:,} rows: "
    if share.share is None:
        return f"{when}no estimate ({share.note})"
    spread = "" if share.low is None or share.high is None else f" ({100 * share.low:.0f} to {100 * share.high:.0f})"
    return f"{when}{100 * share.share:.0f} %{spread}"


def _describe(trend: Trend, names: Sequence[str | None], note: str) -> str:
    parts = []
    for name in names:
        for label in trend.labels:
            mine = [share for share in trend.shares if (share.by, share.label) == (name, label)]
            told = [share for share in mine if share.share is not None]
            if told:
                parts.append(
                    f"{_call(name)}: {_tell(told[0])}; {_tell(told[-1])}."
                    if told[1:]
                    else f"{_call(name)}: {_tell(told[0])}."
                )
    return " ".join([f"A panel for each of {len(names)} and each of {', '.join(trend.labels)}. {note}", *parts])


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _text(parent: Any, x: float, y: float, text: str, style: str) -> Any:
    element = ET.SubElement(parent, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "class": style})
    element.text = clean(text)
    return element


def _cut(text: str, room: float) -> str:
    most = max(3, int(room / 6))
    return text if len(text) <= most else text[: most - 1] + "…"


def _wrap(text: str, most: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, most)
