"""Figures: numbers in, one SVG element out, as text.

A figure knows no page and no statistic. It is drawn to be read by everyone: it has a title and a description for screen
readers, every value is written beside its mark, and what a colour says a shape, a dash or a word says too. It names
classes (``ink``, ``soft``, ``one`` ... ``six``, ``right``, ``wrong``), never colours, so that the page's style sheet
decides on light, dark and print. Drawn 480 units wide, text keeps a readable size on a telephone.

Elements are built as a tree and written by `xml.etree`: whatever a label contains, the result is well-formed.
"""

from __future__ import annotations

import math
import re
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH = 480
SERIES = ("one", "two", "three", "four", "five", "six")
DASHES = ("", "7 3", "2 3", "9 3 2 3", "5 2 1 2 1 2", "12 4")

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ROW, _TEXT, _SMALL = 22, 12.5, 11.0  # height of a row and of letters


@dataclass(frozen=True)
class Caption:
    """What a figure is called: ``key`` begins its ids and must be unique on a page."""

    key: str
    title: str
    description: str


@dataclass(frozen=True)
class Row:
    """A named value and its interval; None where undefined. ``weak`` values are drawn hollow, on a dashed line.

    A row that is a ``heading`` has a name only.
    """

    name: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    weak: bool = False
    heading: bool = False


@dataclass(frozen=True)
class Axis:
    """The ends of an axis, what it says, how a tick of it is written, and how a value."""

    title: str
    low: float
    high: float
    tick: Callable[[float], str] = "{:g}".format
    value: Callable[[float], str] = "{:.3f}".format


@dataclass(frozen=True)
class Series:
    """A line: x and y (n,), and the ends of the intervals of y, None where there is none."""

    name: str
    x: Sequence[float]
    y: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()


@dataclass(frozen=True)
class Dot:
    """A point that stands for itself, with its name beside it."""

    name: str
    x: float
    y: float


def clean(text: str) -> str:
    """Put U+FFFD in the place of every character that XML forbids, one for one."""
    return _ILLEGAL.sub("\ufffd", text)


def draw_confusion(caption: Caption, labels: Sequence[str], matrix: Sequence[Sequence[int]]) -> str:
    """Draw counts (k, k), a row for the true label: the stronger a cell's colour, the larger its share.

    Shades go with the square root of the share, for else the mistakes of a good model could not be seen.
    """
    k = len(labels)
    left, top = _margin(labels, 72, 132), 44
    side = max(34.0, (WIDTH - left - 50) / k)
    height = min(side, 58.0)
    narrow = side < 60
    canvas = _Canvas(caption, max(WIDTH, left + side * k + 50), top + height * k + 34)
    canvas.text(left + side * k / 2, 14, "label given", "soft", anchor="middle")
    canvas.text(0, top - 10, "true label", "soft")
    canvas.text(left + side * k + 10, top - 10, "rows", "soft")
    for column, label in enumerate(labels):
        shown = _fit(label, side - 3, _SMALL)
        canvas.text(left + side * (column + 0.5), top - 10, shown, anchor="middle", small=True, whole=label)
    for number, (label, counts) in enumerate(zip(labels, matrix, strict=True)):
        y, total = top + height * number, sum(counts)
        canvas.text(left - 10, y + height / 2 + 4, _fit(label, left - 14), anchor="end", whole=label)
        for column, count in enumerate(counts):
            x, share = left + side * column, count / total if total else 0.0
            right = column == number
            canvas.rect(
                x + 1, y + 1, side - 2, height - 2, "right" if right else "wrong", opacity=math.sqrt(share), corner=3
            )
            if right:
                canvas.rect(x + 1, y + 1, side - 2, height - 2, "frame", corner=3)
            ink = "paper" if math.sqrt(share) > 0.72 else "ink" if count else "soft"
            middle = x + side / 2
            if narrow:
                canvas.text(middle, y + height / 2 + 4, f"{count:,}", ink, anchor="middle", small=True)
            else:
                canvas.text(middle, y + height / 2 - 1, f"{count:,}", f"{ink} bold", anchor="middle")
                canvas.text(middle, y + height / 2 + 15, _percent(share), ink, anchor="middle", small=True)
        canvas.text(left + side * k + 10, y + height / 2 + 4, f"{total:,}", "soft")
    bottom = top + height * k + 20
    canvas.text(left - 10, bottom, "given in all", "soft", anchor="end")
    for column in range(k):
        given = sum(counts[column] for counts in matrix)
        canvas.text(left + side * (column + 0.5), bottom, f"{given:,}", "soft", anchor="middle")
    return canvas.write()


def draw_intervals(
    caption: Caption, rows: Sequence[Row], axis: Axis, *, reference: float | None = None, bars: bool = False
) -> str:
    """Draw a row for each value: its name, a dot (or a bar from the axis' lower end) with its interval, the number."""
    left, right = _margin([row.name for row in rows if not row.heading], 90, 200), WIDTH - 66
    top, bottom = 8, 8 + _ROW * len(rows)
    canvas = _Canvas(caption, WIDTH, bottom + 42)

    def at(value: float) -> float:
        share = (min(max(value, axis.low), axis.high) - axis.low) / ((axis.high - axis.low) or 1)
        return left + share * (right - left)

    _draw_scale(canvas, axis, at, top, bottom)
    if reference is not None:
        canvas.line(at(reference), top, at(reference), bottom, "reference")
    for number, row in enumerate(rows):
        y = top + _ROW * (number + 0.5)
        if row.heading:
            canvas.text(0, y + 5, _fit(row.name, WIDTH - 80), "ink heading", whole=row.name)
            continue
        canvas.text(left - 10, y + 4, _fit(row.name, left - 12), "soft" if row.weak else "ink", "end", whole=row.name)
        if row.value is None:
            canvas.text(WIDTH, y + 4, "undefined", "soft", anchor="end", small=True)
            continue
        if bars:
            canvas.rect(left, y - 6, at(row.value) - left, 12, "bar weak" if row.weak else "bar", corner=2)
        if row.low is not None and row.high is not None:
            low, high = at(row.low), at(row.high)
            canvas.line(low, y, high, y, "whisker weak" if row.weak else "whisker")
            for end in (low, high):
                canvas.line(end, y - 4, end, y + 4, "whisker")
        if not bars:
            canvas.circle(at(row.value), y, 4.5, "dot hollow" if row.weak else "dot")
        canvas.text(WIDTH, y + 4, axis.value(row.value), "soft" if row.weak else "ink", anchor="end")
    return canvas.write()


def draw_reliability(
    caption: Caption,
    confidence: Sequence[float | None],
    accuracy: Sequence[float | None],
    count: Sequence[int],
    edges: Sequence[float],
) -> str:
    """Draw the share that is right against the confidence, bins (b,), with the number of rows of each bin beneath.

    ``edges`` (b + 1,). Bins without rows are None. A dot's area goes with the rows in its bin.
    """
    left, right, top, bottom = 52, WIDTH - 18, 10, 330
    canvas = _Canvas(caption, WIDTH, bottom + 132)
    across, up = (Axis(title, 0, 1, _percent) for title in ("confidence", "share that is right"))

    def at(value: float) -> float:
        return left + value * (right - left)

    def height(value: float) -> float:
        return bottom - value * (bottom - top)

    _draw_grid(canvas, across, up, at, height, (left, right, top, bottom), title=False)
    canvas.line(at(0), height(0), at(1), height(1), "reference")
    canvas.text(at(0.3), height(0.3) - 10, "as sure as right", "soft", "middle", small=True, turn=(-34.5))
    most = max(count, default=0) or 1
    for sure, right_share, rows in zip(confidence, accuracy, count, strict=True):
        if sure is None or right_share is None:
            continue
        x, y = at(sure), height(right_share)
        canvas.line(x, y, x, height(sure), "gap")
        canvas.circle(x, y, 3 + 9 * math.sqrt(rows / most), "dot", whole=f"{rows:,} rows")
    base = bottom + 94
    for low, high, rows in zip(edges[:-1], edges[1:], count, strict=True):
        if rows:
            tall = max(1.0, 48 * rows / most)
            canvas.rect(at(low) + 1, base - tall, at(high) - at(low) - 2, tall, "bar", corner=1)
            canvas.text((at(low) + at(high)) / 2, base - tall - 4, _short(rows), "soft", "middle", small=True)
    canvas.line(left, base, right, base, "axis")
    canvas.text(left - 6, base - 2, "rows", "soft", "end", small=True)
    canvas.text((left + right) / 2, base + 22, "confidence of the answer", "soft", "middle")
    return canvas.write()


def draw_lines(caption: Caption, series: Sequence[Series], across: Axis, up: Axis, dots: Sequence[Dot] = ()) -> str:
    """Draw lines with the bands of their intervals, each named at its end and told apart by dash and marker too."""
    named = len(series) > 1
    left, right, top, bottom = 52, WIDTH - (116 if named else 18), 24, 290
    canvas = _Canvas(caption, WIDTH, bottom + 44)

    def at(value: float) -> float:
        return left + (value - across.low) / ((across.high - across.low) or 1) * (right - left)

    def height(value: float) -> float:
        share = (min(max(value, up.low), up.high) - up.low) / ((up.high - up.low) or 1)
        return bottom - share * (bottom - top)

    _draw_grid(canvas, across, up, at, height, (left, right, top, bottom))
    ends: list[tuple[float, int, str]] = []
    for number, line in enumerate(series):
        colour, dash = SERIES[number % len(SERIES)], DASHES[number % len(DASHES)]
        band = [
            (at(x), height(low), height(high))
            for x, low, high in zip(line.x, line.low, line.high, strict=False)
            if low is not None and high is not None
        ]
        if len(band) > 1 and number == 0:  # more than one would hide each other
            corners = [(x, low) for x, low, _ in band] + [(x, high) for x, _, high in reversed(band)]
            canvas.path(corners, f"band {colour}", closed=True)
        points = [(at(x), height(y)) for x, y in zip(line.x, line.y, strict=True) if y is not None]
        canvas.path(points, f"curve {colour}", dash=dash)
        for point in points if len(points) <= 24 else points[-1:]:
            canvas.mark(number, *point, f"mark {colour}")
        if points and named:
            ends.append((points[-1][1], number, line.name))
    for y, number, name in _spread(ends):
        canvas.mark(number, right + 14, y, f"mark {SERIES[number % len(SERIES)]}")
        canvas.text(right + 24, y + 4, _fit(name, WIDTH - right - 24), whole=name)
    for dot in dots:
        x, y = at(dot.x), height(dot.y)
        canvas.mark(3, x, y, "mark wrong")
        after = x < (left + right) / 2
        canvas.text(x + (9 if after else -9), y - 6, dot.name, "ink", "start" if after else "end", small=True)
    return canvas.write()


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Give round numbers between two others, their distance 1, 2, 2.5 or 5 times a power of ten."""
    if not high > low:
        return [low]
    rough = (high - low) / about
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(step * number, 12) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _draw_scale(canvas: _Canvas, axis: Axis, at: Callable[[float], float], top: float, bottom: float) -> None:
    for tick in ticks(axis.low, axis.high, 4):
        canvas.line(at(tick), top, at(tick), bottom, "grid")
        canvas.text(at(tick), bottom + 16, axis.tick(tick), "soft", "middle", small=True)
    canvas.text((at(axis.low) + at(axis.high)) / 2, bottom + 34, axis.title, "soft", "middle")


def _draw_grid(
    canvas: _Canvas,
    across: Axis,
    up: Axis,
    at: Callable[[float], float],
    height: Callable[[float], float],
    frame: tuple[float, float, float, float],
    *,
    title: bool = True,
) -> None:
    left, right, top, bottom = frame
    for tick in ticks(up.low, up.high):
        canvas.line(left, height(tick), right, height(tick), "grid")
        canvas.text(left - 8, height(tick) + 4, up.tick(tick), "soft", "end", small=True)
    for tick in ticks(across.low, across.high):
        canvas.line(at(tick), bottom, at(tick), bottom + 4, "axis")
        canvas.text(at(tick), bottom + 17, across.tick(tick), "soft", "middle", small=True)
    canvas.line(left, bottom, right, bottom, "axis")
    if title:
        canvas.text(0, 10, up.title, "soft")
        canvas.text((left + right) / 2, bottom + 36, across.title, "soft", "middle")
    else:
        canvas.text(12, (top + bottom) / 2, up.title, "soft", "middle", turn=-90)


def _spread(ends: list[tuple[float, int, str]], apart: float = 16) -> list[tuple[float, int, str]]:
    """Move names at the ends of lines apart, downwards, in the order of their lines."""
    placed: list[tuple[float, int, str]] = []
    for y, number, name in sorted(ends):
        placed.append((max(y, placed[-1][0] + apart) if placed else y, number, name))
    return placed


def _margin(names: Sequence[str], least: float, most: float) -> float:
    """Find the room that names before a figure need."""
    return min(max([least, *(sum(map(_breadth, name)) * _TEXT + 16 for name in names)]), most)


def _fit(text: str, room: float, size: float = _TEXT) -> str:
    """Cut a text to about so many units."""
    text = " ".join(text.split())
    taken = 0.0
    for place, letter in enumerate(text):
        taken += _breadth(letter) * size
        if taken > room:
            return text[: max(1, place - 1)].rstrip() + "…"
    return text


def _breadth(letter: str) -> float:
    """Guess the breadth of a letter in a sans serif, as a share of its size: no font is at hand to be measured."""
    if unicodedata.combining(letter) or unicodedata.category(letter) == "Cf":
        return 0.0
    return 1.0 if unicodedata.east_asian_width(letter) in "WF" else 0.4 if letter in "fijlrt.,:;'’|()I " else 0.66


def _percent(share: float) -> str:
    return f"{100 * share:.0f}\u00a0%"


def _short(number: int) -> str:
    return f"{number:,}" if number < 10_000 else f"{number / 1000:.0f}k"


class _Canvas:
    """An SVG element that grows, with the few shapes that the figures are made of."""

    def __init__(self, caption: Caption, width: float, height: float) -> None:
        title, description = f"{caption.key}-title", f"{caption.key}-description"
        self._svg = ET.Element(
            "svg",
            {
                "class": "figure",
                "viewBox": f"0 0 {_place(width)} {_place(height)}",
                "role": "img",
                "aria-labelledby": f"{title} {description}",
            },
        )
        ET.SubElement(self._svg, "title", {"id": title}).text = clean(caption.title)
        ET.SubElement(self._svg, "desc", {"id": description}).text = clean(caption.description)

    def write(self) -> str:
        return ET.tostring(self._svg, encoding="unicode")

    def text(
        self,
        x: float,
        y: float,
        text: str,
        style: str = "ink",
        anchor: str = "start",
        *,
        small: bool = False,
        whole: str = "",
        turn: float = 0,
    ) -> None:
        """Write a text; ``whole`` is shown on pointing at it if the text was cut."""
        attributes = {"x": _place(x), "y": _place(y), "class": f"{style} small" if small else style}
        if anchor != "start":
            attributes["text-anchor"] = anchor
        if turn:
            attributes["transform"] = f"rotate({turn:g} {_place(x)} {_place(y)})"
        element = self._add("text", attributes)
        element.text = clean(text)
        if whole and whole != text:
            title = ET.SubElement(element, "title")
            title.text, title.tail, element.text = clean(whole), clean(text), None

    def rect(
        self, x: float, y: float, width: float, height: float, style: str, *, opacity: float = 1, corner: float = 0
    ) -> None:
        attributes = {"x": x, "y": y, "width": max(width, 0), "height": max(height, 0)}
        plain = {name: _place(value) for name, value in attributes.items()} | {"class": style}
        if corner:
            plain["rx"] = _place(corner)
        if opacity < 1:
            plain["fill-opacity"] = f"{opacity:.3f}"
        self._add("rect", plain)

    def line(self, x1: float, y1: float, x2: float, y2: float, style: str) -> None:
        self._add("line", {"x1": _place(x1), "y1": _place(y1), "x2": _place(x2), "y2": _place(y2), "class": style})

    def circle(self, x: float, y: float, radius: float, style: str, *, whole: str = "") -> None:
        element = self._add("circle", {"cx": _place(x), "cy": _place(y), "r": _place(radius), "class": style})
        if whole:
            ET.SubElement(element, "title").text = whole

    def path(self, points: Sequence[tuple[float, float]], style: str, *, closed: bool = False, dash: str = "") -> None:
        drawn = "L".join(f"{_place(x)} {_place(y)}" for x, y in points)
        if drawn:
            attributes = {"d": f"M{drawn}{'Z' if closed else ''}", "class": style}
            self._add("path", attributes | ({"stroke-dasharray": dash} if dash else {}))

    def mark(self, number: int, x: float, y: float, style: str) -> None:
        """Draw the marker of a series: a disc, a square, a triangle, a diamond, then the same again."""
        if number % 4 == 0:
            self.circle(x, y, 3.5, style)
            return
        corners = {
            1: ((-3.2, -3.2), (3.2, -3.2), (3.2, 3.2), (-3.2, 3.2)),
            2: ((0, -4.6), (4.3, 3.3), (-4.3, 3.3)),
            3: ((0, -4.8), (4.8, 0), (0, 4.8), (-4.8, 0)),
        }[number % 4]
        self.path([(x + across, y + down) for across, down in corners], style, closed=True)

    def _add(self, tag: str, attributes: dict[str, str]) -> ET.Element:
        return ET.SubElement(self._svg, tag, attributes)


def _place(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
