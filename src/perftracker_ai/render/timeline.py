"""The strip of an issue's past: its cost job by job, with the job it came in with, as inline SVG.

In: levels and which jobs to mark. Out: `Html`, drawn as `perftracker_ai.render.svg` draws: whole units, classes for
colours, no script. Jobs stand evenly, whatever the time between them, for it is a job that brings a change.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.render import svg
from perftracker_ai.render.page.markup import Html, el
from perftracker_ai.words.numbers import format_change, format_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

WIDTH, HEIGHT = 600, 150
LEAST = 0.15
"""The axis reaches at least from minus to plus this slowdown, so that noise does not look like mountains."""
_LEFT, _RIGHT, _TOP, _FLOOR = 92, 14, 30, 112
_RING = 7
_LINE = 24  # height of a line of text: labels closer than that would lie over each other
_TENFOLD, _MOST = 9.0, 9999.0  # slowdowns from which a factor reads better, and from which it is only large


class Strip(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What to draw; places are counted from the first job.

    Attributes
    ----------
    name : str
        Unique on the page, for what describes the drawing to those who cannot see it.
    title, description : str
    levels : ndarray of float, shape (N,)
        Slowdowns against the level before the change; NaN where a job has no value.
    first : int or None
        The first job at the new level.
    label : str
        What to write above it.
    doubt : tuple of int or None
        First and last of the jobs that may be the first.
    creeping : bool
        Whether it creeps from job to job: then a slope is drawn, and no first job.
    baseline, candidate : int or None
    ends : tuple of str
        What to write at the two ends of the axis.
    """

    name: str
    title: str
    description: str
    levels: Floats
    first: int | None
    label: str
    doubt: tuple[int, int] | None
    creeping: bool
    baseline: int | None
    candidate: int | None
    ends: tuple[str, str]


def strip(drawn: Strip) -> Html:
    """Return the drawing: doubt, axes, the line of the levels, then the marks of the jobs that matter."""
    x, y, zero = _placed(drawn.levels)
    return svg.figure(
        (WIDTH, HEIGHT),
        (drawn.name, drawn.title, drawn.description),
        *(() if drawn.creeping else _doubt(drawn, x)),
        *_axes(drawn, y, zero),
        svg.path(svg.line(x, y), "cand"),
        *(_trend(x, y) if drawn.creeping else _onset(drawn, x)),
        _mark(drawn.baseline, x, y, "was"),
        _mark(drawn.candidate, x, y, "now"),
    )


class Slope(msgspec.Struct, frozen=True, kw_only=True):
    """What creeps, as a line between two jobs: slowdown and its interval at the last one, none at the first."""

    name: str
    title: str
    description: str
    slowdown: float
    low: float
    high: float
    ends: tuple[str, str]


def slope(drawn: Slope) -> Html:
    """Return a creep as a slope: its interval as a wedge, the line, and both ends named."""
    left, right = _LEFT, WIDTH - _RIGHT
    levels = np.log1p(np.maximum(np.array([0.0, drawn.slowdown, drawn.low, drawn.high]), -0.99))
    reach = math.log1p(LEAST)
    ends = min(-reach / 2, float(levels.min())), max(reach, float(levels.max()))
    zero, end, low, high = svg.units(svg.scaled(levels, ends, log=False, pixels=(_FLOOR, _TOP)))
    return svg.figure(
        (WIDTH, HEIGHT),
        (drawn.name, drawn.title, drawn.description),
        svg.path(f"M{left} {zero}L{right} {low}V{high}z", "doubt"),
        svg.path(f"M{left} {zero}H{right}", "axis"),
        svg.path(f"M{left} {zero}L{right} {end}", "trend"),
        el("text", "0 %", x=left - 10, y=zero + 7, class_="end"),
        el("text", level_text(drawn.slowdown), x=right, y=max(end - 12, 18), class_="end"),
        el("text", drawn.ends[0], x=left, y=HEIGHT - 10),
        el("text", drawn.ends[1], x=right, y=HEIGHT - 10, class_="end"),
    )


def finite(levels: tuple[float | None, ...]) -> Floats:
    """Return levels as an array, what is missing or no number as NaN."""
    values = np.array([math.nan if level is None else level for level in levels], dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _placed(levels: Floats) -> tuple[Floats, Floats, int]:
    """Return places along and up for every job, and the height of no change; by ratio, so that directions mirror."""
    height = np.log1p(np.maximum(levels, -0.99))
    known, reach = height[np.isfinite(height)], math.log1p(LEAST)
    ends = min(-reach, known.min(initial=0.0)), max(reach, known.max(initial=0.0))
    y = svg.scaled(np.append(height, 0.0), ends, log=False, pixels=(_FLOOR, _TOP))
    count = len(levels)
    along = np.arange(count, dtype=np.float64)
    x = svg.scaled(along, (0.0, max(count - 1.0, 1.0)), log=False, pixels=(_LEFT, WIDTH - _RIGHT))
    return x, y[:-1], int(y[-1])


def _axes(drawn: Strip, y: Floats, zero: int) -> Iterator[Html]:
    """Draw the line of no change, and name it and the highest level where there is room for both."""
    yield svg.path(f"M{_LEFT} {zero}H{WIDTH - _RIGHT}", "axis")
    yield el("text", "0 %", x=_LEFT - 10, y=zero + 7, class_="end")
    if np.isfinite(y).any() and zero - np.nanmin(y) >= _LINE:
        top = int(np.nanmin(y))
        yield el("text", level_text(float(np.nanmax(drawn.levels))), x=_LEFT - 10, y=top + 7, class_="end")
    first, last = drawn.ends
    yield el("text", first, x=_LEFT, y=HEIGHT - 10)
    yield el("text", last, x=WIDTH - _RIGHT, y=HEIGHT - 10, class_="end")


def level_text(level: float) -> str:
    """Return a level in few characters: ``+150 %``, ``12.3×``."""
    if level < _TENFOLD:
        return format_change(level)
    return f"{format_number(1 + level)}×" if level < _MOST else f"> {_MOST:,.0f}×"


def _doubt(drawn: Strip, x: Floats) -> Iterator[Html]:
    if drawn.doubt is not None:
        left, right = svg.units(x[list(drawn.doubt)])
        yield el("rect", x=left, y=_TOP, width=right - left, height=_FLOOR - _TOP, class_="doubt")


def _trend(x: Floats, y: Floats) -> Iterator[Html]:
    """Draw the straight line that fits the levels best."""
    known = np.isfinite(y)
    rise, start = np.polyfit(x[known], y[known], 1)
    ends = np.array([_LEFT, WIDTH - _RIGHT], dtype=np.float64)
    heights = np.clip(start + rise * ends, _TOP, _FLOOR).round()
    yield svg.path(svg.line(ends, heights), "trend")


def _onset(drawn: Strip, x: Floats) -> Iterator[Html]:
    """Draw a line at the first job at the new level, its version above it, inwards where it is near an end."""
    if drawn.first is None:
        return
    (at,) = svg.units(x[[drawn.first]])
    yield svg.path(f"M{at} {_TOP - 6}V{_FLOOR}", "onset")
    yield el("text", drawn.label, x=at, y=_TOP - 11, class_=_anchor(at))


def _anchor(at: int) -> str | None:
    third = WIDTH // 3
    return None if at < third else "end" if at > 2 * third else "middle"


def _mark(job: int | None, x: Floats, y: Floats, kind: str) -> Html:
    """Draw a job as a ring; nothing where it has no value."""
    if job is None or not np.isfinite(y[job]):
        return Html("")
    (across,), (down,) = svg.units(x[[job]]), svg.units(y[[job]])
    return svg.path(ring(across, down), kind)


def ring(across: int, down: int) -> str:
    """Return the commands of a circle."""
    return f"M{across - _RING} {down}a{_RING} {_RING} 0 1 0 {2 * _RING} 0a{_RING} {_RING} 0 1 0 {-2 * _RING} 0z"
