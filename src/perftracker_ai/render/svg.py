"""Charts as inline SVG: small, sharp at any size, coloured by the page's style sheet, readable without a script.

In: arrays and labels ready to draw. Out: `Html`. Coordinates are whole units of the view box; colours, dashes and dark
mode are classes, so that a chart carries no style of its own. Nothing here knows what a regression is.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.render.page.markup import Html, el, escaped, join, tag

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

LOG_SPAN = 20.0
"""Largest over smallest from which an axis is logarithmic: on a linear one the smaller values lie on the floor."""

WIDTH, HEIGHT = 600, 310
_LEFT, _RIGHT, _TOP, _BOTTOM = 92, 12, 14, 60
_LETTER = 11.5  # width of a letter of the size that the style sheet gives
_STEPS_WRITTEN = np.array([*map(str, range(WIDTH + 1)), *map(str, range(-WIDTH, 0))], dtype=object)
"""Every step from point to point, those to the left and upwards counted from the end: a page has tens of thousands."""
_MARKS_ABOVE = 9  # absent points are marked this far above the axis, each run in its own row

SPARK_WIDTH, SPARK_HEIGHT = 240, 48
_SPARK_EDGE = 4
_SPARK = tag(
    "svg",
    class_="spark",
    viewBox=f"0 0 {SPARK_WIDTH} {SPARK_HEIGHT}",
    preserveAspectRatio="none",
    aria_hidden="true",
)

_STEPS = (1.0, 2.0, 5.0, 10.0)
_GAPS = 4.5  # at most so many steps on a linear axis, at least two fifths of it
_LOG_STEPS = ((1.0,), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0))
"""Coarse to fine: the first that gives two ticks is taken; where none does, the axis is short, and steps are even."""
_MOST_TICKS = 4


class Shade(msgspec.Struct, frozen=True, kw_only=True):
    """A range of the x axis to shade; `kind` is its class: ``worse`` or ``better``."""

    first: float
    last: float
    kind: str


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """A range of the x axis that was measured while something was the matter, and what to write there."""

    first: float
    last: float
    text: str


class Onset(msgspec.Struct, frozen=True, kw_only=True):
    """A place of the x axis from which something is another, and what to write there; `kind` is as in `Shade`."""

    at: float
    text: str
    kind: str


class Panel(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One of the small multiples: two curves over the same loads, or one over jobs.

    Attributes
    ----------
    name : str
        Unique on the page, for what describes the drawing to those who cannot see it.
    title, description : str
    x : ndarray of float, shape (N,)
        Ascending.
    x_range : tuple of float
        Ends of the axis; the same for panels to be compared.
    x_log : bool
    x_ticks : tuple of (float, str)
        Places of the x axis with their labels, the most wanted first: those that would lie over another are left out.
    x_unit : str
    baseline, candidate : ndarray of float, shape (N,)
        NaN where absent; without a baseline there is one curve.
    band : tuple of two ndarray or None
        Lower and upper edge of what noise alone does, shape (N,) each.
    shades : tuple of Shade
    episodes : tuple of Episode
    onsets : tuple of Onset
    tick_text : tuple of (float, str)
        Values of the y axis with their labels, lowest first; inside the range of the axis.
    y_range : tuple of float
    y_log : bool
    """

    name: str
    title: str
    description: str
    x: Floats
    x_range: tuple[float, float]
    x_log: bool
    x_ticks: tuple[tuple[float, str], ...]
    x_unit: str
    baseline: Floats | None
    candidate: Floats
    band: tuple[Floats, Floats] | None
    shades: tuple[Shade, ...]
    episodes: tuple[Episode, ...]
    onsets: tuple[Onset, ...]
    tick_text: tuple[tuple[float, str], ...]
    y_range: tuple[float, float]
    y_log: bool


# ── axes ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def log_fits(values: Floats) -> bool:
    """Tell whether values want a logarithmic axis: all positive, and spread over more than `LOG_SPAN`."""
    return bool(len(values) and values.min() > 0 and values.max() > LOG_SPAN * values.min())


def geometric(loads: Floats) -> bool:
    """Tell whether loads are spaced rather by ratio than by difference, as 1, 10, 100, 1000 are."""
    few = 3
    if len(loads) < few or not log_fits(loads):
        return False
    return _unevenness(np.log(loads)) < _unevenness(loads)


def value_range(values: Floats, *, log: bool) -> tuple[float, float]:
    """Return the ends of a value axis: from zero where it is linear, for a length is read as an amount."""
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    if log:
        return low / 1.25, high * 1.25
    low, high = min(low, 0.0), max(high, 0.0)
    return low * 1.06, high * 1.06 if high > low else low + 1.0


def ticks(low: float, high: float, *, log: bool) -> tuple[float, ...]:
    """Return two to five round values within an axis, lowest first."""
    return tuple(_log_ticks(low, high) if log else _linear_ticks(low, high))


def _linear_ticks(low: float, high: float) -> list[float]:
    step = _round_step((high - low) / _GAPS)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [at * step for at in range(first, last + 1)]


def _round_step(rough: float) -> float:
    """Return the smallest 1, 2 or 5 times a power of ten that is not below `rough`."""
    power: float = 10.0 ** math.floor(math.log10(rough))
    return min(step * power for step in _STEPS if step * power >= rough * (1 - 1e-9))


def _log_ticks(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in _LOG_STEPS:
        found = [value for decade in decades for step in steps if low <= (value := step * 10.0**decade) <= high]
        if len(found) > 1:
            return found[:: math.ceil(len(found) / _MOST_TICKS)]
    return _linear_ticks(low, high)


def _unevenness(values: Floats) -> float:
    gaps = np.diff(values)
    mean = float(gaps.mean())
    return float(gaps.std()) / mean if mean > 0 else math.inf


def scaled(values: Floats, ends: tuple[float, float], *, log: bool, pixels: tuple[int, int]) -> Floats:
    """Put values on an axis; NaN stays NaN. `pixels` may run downwards."""
    low, high = ends
    if log:
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.log(values)
        low, high = math.log(low), math.log(high)
    return _pixels((values - low) / ((high - low) or 1.0), *pixels)


def _pixels(share: Floats, first: int, last: int) -> Floats:
    placed: Floats = (first + np.minimum(np.maximum(share, 0.0), 1.0) * (last - first)).round()
    return placed


# ── panels ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def panel(drawn: Panel) -> Html:
    """Return one panel: shades, noise band, grid, baseline, candidate, marks where a run has no value or is beyond."""
    floor = HEIGHT - _BOTTOM
    x = _on_x(drawn, drawn.x)
    lines = [line for line in (drawn.candidate, drawn.baseline, *(drawn.band or ())) if line is not None]
    cand, *others = _on_y(drawn, np.array(lines))
    base, band = (others[0], others[1:]) if drawn.baseline is not None else (None, others)
    return figure(
        (WIDTH, HEIGHT),
        (drawn.name, drawn.title, drawn.description),
        *(_shade(drawn, shade, floor) for shade in drawn.shades),
        path(area(x, *band) if band else "", "band"),
        *_grid(drawn),
        *(piece for episode in drawn.episodes for piece in _episode(drawn, episode, floor)),
        path(line(x, base), "base") if base is not None else Html(""),
        path(line(x, cand), "cand"),
        *(piece for onset in drawn.onsets for piece in _onset(drawn, onset, floor)),
        path(_crosses(x, base, floor - 2 * _MARKS_ABOVE - 4), "gone-base") if base is not None else Html(""),
        path(_crosses(x, cand, floor - _MARKS_ABOVE), "gone-cand"),
        path(_cut(drawn, x), "cut"),
        *_x_axis(drawn, floor),
        data_x=" ".join(map(str, units(x))),
    )


def _cut(drawn: Panel, x: Floats) -> str:
    """Return a small arrow at every point beyond the axis, where its line is clipped."""
    low, high = drawn.y_range
    lines = np.array([line for line in (drawn.baseline, drawn.candidate) if line is not None])
    with np.errstate(invalid="ignore"):
        above, below = (lines > high).any(axis=0), (lines < low).any(axis=0)
    ups = (f"M{at} {_TOP - 12}l6 10h-12z" for at in units(x[above]))
    downs = (f"M{at} {HEIGHT - _BOTTOM + 10}l6 -10h-12z" for at in units(x[below]))
    return "".join((*ups, *downs))


def _episode(drawn: Panel, one: Episode, floor: int) -> Iterator[Html]:
    """Draw a disturbed stretch as a band over everything behind the lines, named with its time."""
    first, last = units(_on_x(drawn, np.array([one.first, one.last])))
    edge = 7
    yield el("rect", x=first - edge, y=_TOP, width=last - first + 2 * edge, height=floor - _TOP, class_="episode")
    width = len(one.text) * _LETTER * 0.85
    at = min(max(first - edge, _LEFT + 4), max(_LEFT + 4, WIDTH - _RIGHT - round(width)))
    yield el("text", one.text, x=at, y=_TOP + 18, class_="small")


def _onset(drawn: Panel, one: Onset, floor: int) -> Iterator[Html]:
    """Draw where something began as an upright line, its text beside it where there is more room."""
    (at,) = units(_on_x(drawn, np.array([one.at])))
    yield path(f"M{at} {_TOP}V{floor}", f"onset {one.kind}")
    left = at > WIDTH // 2
    yield el("text", one.text, x=at - 8 if left else at + 8, y=_TOP + 18, class_="small end" if left else "small")


def _on_x(drawn: Panel, values: Floats) -> Floats:
    return scaled(values, drawn.x_range, log=drawn.x_log, pixels=(_LEFT, WIDTH - _RIGHT))


def _on_y(drawn: Panel, values: Floats) -> Floats:
    return scaled(values, drawn.y_range, log=drawn.y_log, pixels=(HEIGHT - _BOTTOM, _TOP))


def _shade(drawn: Panel, shade: Shade, floor: int) -> Html:
    first, last = units(_on_x(drawn, np.array([shade.first, shade.last])))
    edge = 5  # a window of a single load is still to be seen
    return el(
        "rect", x=first - edge, y=_TOP, width=last - first + 2 * edge, height=floor - _TOP, class_=f"shade {shade.kind}"
    )


def _grid(drawn: Panel) -> Iterator[Html]:
    """Draw one line and its label per tick; the lines are one path, for they are many."""
    heights = units(_on_y(drawn, np.array([value for value, _ in drawn.tick_text])))
    yield path("".join(f"M{_LEFT} {y}H{WIDTH - _RIGHT}" for y in heights), "grid")
    for y, (_, label) in zip(heights, drawn.tick_text, strict=True):
        yield _end_text(label, _LEFT - 10, y + 7)


def _x_axis(drawn: Panel, floor: int) -> Iterator[Html]:
    """Draw the axis, its ticks with their labels as far as there is room, and what kind of axes they are."""
    yield path(f"M{_LEFT} {floor}H{WIDTH - _RIGHT}", "axis")
    places = units(_on_x(drawn, np.array([load for load, _ in drawn.x_ticks])))
    taken: list[tuple[float, float]] = []
    marks = []
    for at, (_, text) in zip(places, drawn.x_ticks, strict=True):
        width = len(text) * _LETTER
        left = min(max(at - width / 2, _LEFT - 40), WIDTH - width)
        if all(left > last or left + width < first for first, last in taken):
            taken.append((left - _LETTER, left + width + _LETTER))
            marks.append(f"M{at} {floor}v6")
            yield Html(f'<text x="{round(left)}" y="{floor + 26}">{escaped(text)}</text>')
    yield path("".join(marks), "axis")
    yield from _kinds(drawn)


def _kinds(drawn: Panel) -> Iterator[Html]:
    """Write the unit of the loads, and which axes are logarithmic."""
    if drawn.y_log:
        yield el("text", "log scale", x=_LEFT, y=HEIGHT - 6, class_="small")
    unit = " ".join(filter(None, (drawn.x_unit, "(log scale)" if drawn.x_log else "")))
    if unit:
        yield el("text", unit, x=WIDTH - _RIGHT, y=HEIGHT - 6, class_="small end")


def _end_text(text: str, x: int, y: int) -> Html:
    return Html(f'<text x="{x}" y="{y}" class="end">{escaped(text)}</text>')


# ── sparklines, bars ────────────────────────────────────────────────────────────────────────────────────────────────


class Sparks(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Where the points of many sparklines lie; found for all at once, for one by one it takes ten times as long.

    Attributes
    ----------
    start : list of int
        Of each line its first point, and at the end the number of all.
    x, y : ndarray of float, shape (P,)
        y is NaN where there is no value.
    zero : int
        The height of no change.
    reach : float
        Logarithm of the cost ratio at the upper end; the lower end is as far from none.
    """

    start: list[int]
    x: Floats
    y: Floats
    zero: int
    reach: float


def sparks(slowdown: Floats, start: Ints, reach: float) -> Sparks:
    """Place the points of sparklines: slowdown along the loads, upwards is worse, around a line for no change.

    Parameters
    ----------
    slowdown : ndarray of float, shape (P,)
        Ratios of one line after another; NaN where absent.
    start : ndarray of int, shape (C + 1,)
        Of each line its first point, and at the end the number of all.
    reach : float
        Logarithm of the cost ratio at the ends of the one scale; what is beyond is drawn at its end.
    """
    height = np.log1p(np.maximum(slowdown, -0.99))
    heights = _spark_y(np.append(height, 0.0), reach)
    return Sparks(
        start=start.tolist(), x=_spark_x(start, np.diff(start)), y=heights[:-1], zero=int(heights[-1]), reach=reach
    )


def _spark_x(start: Ints, count: Ints) -> Floats:
    place = np.arange(start[-1]) - np.repeat(start[:-1], count)
    share = place / np.repeat(np.maximum(count - 1, 1), count)
    return _pixels(share, _SPARK_EDGE, SPARK_WIDTH - _SPARK_EDGE)


def _spark_y(height: Floats, reach: float) -> Floats:
    return _pixels((height + reach) / (2 * reach), SPARK_HEIGHT - _SPARK_EDGE, _SPARK_EDGE)


def sparkline(placed: Sparks, index: int, shades: Sequence[tuple[int, int, str]]) -> Html:
    """Return one of the sparklines; for eyes only.

    Parameters
    ----------
    placed : Sparks
    index : int
        Which of them.
    shades : sequence of (int, int, str)
        First and last position to shade, inclusive, and the class.
    """
    part = slice(placed.start[index], placed.start[index + 1])
    x, y = placed.x[part], placed.y[part]
    parts = (
        *(_spark_shade(x, shade) for shade in shades),
        path(f"M0 {placed.zero}H{SPARK_WIDTH}", "axis"),
        path(line(x, y), "cand"),
    )
    return Html(f"{_SPARK}{join(parts)}</svg>")


def _spark_shade(x: Floats, shade: tuple[int, int, str]) -> Html:
    first, last, kind = shade
    left, right = int(x[first]) - 2, int(x[last]) + 2
    return el("rect", x=left, y=0, width=right - left, height=SPARK_HEIGHT, class_=f"shade {kind}")


def bar(parts: Sequence[tuple[int, str]]) -> Html:
    """Return counts as parts of one bar, each of its class; for eyes only, the counts are told beside it."""
    total = sum(count for count, _ in parts) or 1
    whole, gap, at = 1000, 3, 0.0
    drawn = []
    for count, kind in parts:
        width = whole * count / total
        if count:
            drawn.append(
                el("rect", x=round(at), y=0, width=max(round(width) - gap, 2), height=14, class_=f"fill {kind}")
            )
        at += width
    start = tag("svg", class_="bar", viewBox=f"0 0 {whole} 14", preserveAspectRatio="none", aria_hidden="true")
    return Html(f"{start}{join(drawn)}</svg>")


# ── paths ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def path(commands: str, kind: str) -> Html:
    """Return a path of a class; nothing for no commands."""
    return Html(f'<path class="{kind}" d="{commands}"/>') if commands else Html("")


def line(x: Floats, y: Floats) -> str:
    """Return the commands of a line through the points that have a value; it is broken where one has none."""
    drawn = []
    for part in _runs(y):
        drawn.append(_steps(x[part], y[part]))
        if part.stop - part.start == 1:
            drawn.append("h0")  # a lone point: its round end is a dot
    return "".join(drawn)


def area(x: Floats, low: Floats, high: Floats) -> str:
    """Return the commands of the area between two lines, broken as they are."""
    runs = [(x[part], low[part], high[part]) for part in _runs(low + high)]
    around = ((np.concatenate((x, x[::-1])), np.concatenate((low, high[::-1]))) for x, low, high in runs)
    return "".join([f"{_steps(*outline)}z" for outline in around])


def _crosses(x: Floats, y: Floats, height: int) -> str:
    """Return a small cross at every point without a value."""
    missing = np.isnan(y)
    if not np.count_nonzero(missing):
        return ""
    return "".join(f"M{at - 5} {height - 5}l10 10m0-10l-10 10" for at in units(x[missing]))


def _runs(y: Floats) -> list[slice]:
    """Return the stretches of neighbouring points that have values."""
    known = np.isfinite(y)
    if np.count_nonzero(known) == len(y):
        return [slice(0, len(y))] if len(y) else []
    edges = np.flatnonzero(np.diff(np.concatenate(([False], known, [False])).astype(np.int8))).tolist()
    return [slice(first, last) for first, last in zip(edges[::2], edges[1::2], strict=True)]


def _steps(x: Floats, y: Floats) -> str:
    """Return where a line begins and the steps along it, which are half as long as places."""
    pairs = np.empty((len(x), 2), dtype=np.intp)
    pairs[:, 0], pairs[:, 1] = x, y
    begin = f"M{pairs[0, 0]} {pairs[0, 1]}"
    return f"{begin}l{' '.join(_STEPS_WRITTEN[(pairs[1:] - pairs[:-1]).ravel()].tolist())}" if len(x) > 1 else begin


def units(pixels: Floats) -> list[int]:
    """Return pixels as the whole numbers that are written; none may be missing."""
    whole: list[int] = pixels.astype(int).tolist()
    return whole


def figure(size: tuple[int, int], words: tuple[str, str, str], *parts: Html, data_x: str | None = None) -> Html:
    """Return a drawing with a title and a description for those who listen to the page.

    `data_x` are the places of its points along the x axis, for who reads values under the pointer.
    """
    name, title, description = words
    told = join([el("title", title, id=f"{name}-t"), el("desc", description, id=f"{name}-d")])
    start = tag(
        "svg", viewBox=f"0 0 {size[0]} {size[1]}", role="img", aria_labelledby=f"{name}-t {name}-d", data_x=data_x
    )
    return Html(f"{start}{told}{join(parts)}</svg>")
