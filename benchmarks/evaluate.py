"""Judge what a detector says against what is known to be true.

In goes what was injected and what was reported, out come one row per curve and rates over any selection of rows. Both
detectors, ours and the earlier criteria, are brought to the same `Calls` first, so that they are judged by the same
code.

A curve is *hit* when it is reported as slower and a reported window overlaps the injected range. How well a range is
localised is the share of points in the injected range and the reported windows together that lie in both.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.model import Direction, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray
    from reference import ReferenceWindow
    from simulate import Truth

    from perftracker_ai.model import CurveResult, CurveSet, Detection, Severity

Range = tuple[int, int]
"""First and last point, inclusive, as indices into the arrays of a `CurveSet`."""

DUE = 0.15
"""Median slowdown from which a change has to be reported as a regression, not merely listed."""

SMALL = (0.08 - 1e-9, 0.15 + 1e-9)
"""Median slowdowns, 8 to 15 per cent, that are small but worth knowing."""

EXACT = 0.5
"""Localisation from which a window names the range, rather than merely touching it."""

Z = 1.959964
"""Two-sided 95 % of the normal distribution."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector says of one curve.

    Attributes
    ----------
    regressed : bool
    listed : bool
        Reported as slower at all: a regression or a minor change.
    improved : bool
    worse, better : tuple of Range
        Reported windows by direction.
    severity : Severity or None
    confidence : str
        Empty when the detector knows none.
    """

    regressed: bool
    listed: bool
    improved: bool
    worse: tuple[Range, ...]
    better: tuple[Range, ...]
    severity: Severity | None
    confidence: str


ROW = np.dtype(
    [
        ("shape", "U6"),
        ("ramp", bool),
        ("size", float),
        ("median", float),
        ("regressed", bool),
        ("listed", bool),
        ("confidence", "U6"),
        ("overlap", bool),
        ("iou", float),
    ]
)
"""One curve of one job: what was done to it, and what was said of it."""


# ── the same form for both ──────────────────────────────────────────────────────────────────────────────────────────


def calls_of(detection: Detection) -> tuple[Call, ...]:
    """Return what our detector says, in curve order."""
    return tuple(_call(result) for result in detection.results)


def _call(result: CurveResult) -> Call:
    ranges = {
        direction: tuple((window.first, window.last) for window in result.windows if window.direction is direction)
        for direction in Direction
    }
    regressed = result.outcome is Outcome.REGRESSED
    return Call(
        regressed=regressed,
        listed=regressed or result.outcome is Outcome.MINOR,
        improved=result.outcome is Outcome.IMPROVED,
        worse=ranges[Direction.WORSE],
        better=ranges[Direction.BETTER],
        severity=result.severity,
        confidence=result.confidence.value if result.confidence else "",
    )


def reference_calls(curves: CurveSet, windows: Sequence[ReferenceWindow]) -> tuple[Call, ...]:
    """Return what the earlier criteria say, in curve order; they know neither minor changes nor improvements."""
    by_curve: dict[int, list[ReferenceWindow]] = {}
    for window in windows:
        by_curve.setdefault(window.curve, []).append(window)
    return tuple(_reference_call(by_curve.get(curve.index, [])) for curve in curves.curves)


def _reference_call(windows: Sequence[ReferenceWindow]) -> Call:
    return Call(
        regressed=bool(windows),
        listed=bool(windows),
        improved=False,
        worse=tuple((window.first, window.last) for window in windows),
        better=(),
        severity=windows[0].severity if windows else None,
        confidence="",
    )


# ── one row per curve ───────────────────────────────────────────────────────────────────────────────────────────────


def rows_of(truth: Truth, calls: Sequence[Call]) -> NDArray[np.void]:
    """Return one row of dtype `ROW` per curve."""
    rows = np.zeros(len(calls), dtype=ROW)
    rows["shape"], rows["ramp"] = truth.shape, truth.ramp
    rows["size"], rows["median"] = truth.size, truth.median
    for name in ("regressed", "listed", "confidence"):
        rows[name] = [getattr(call, name) for call in calls]
    for row, call, first, last in zip(rows, calls, truth.first, truth.last, strict=True):
        row["iou"] = overlap_share((int(first), int(last)), call.worse) if first >= 0 else 0.0
        row["overlap"] = row["iou"] > 0
    return rows


def overlap_share(injected: Range, reported: Iterable[Range]) -> float:
    """Return the points in both the injected range and the reported windows over the points in either."""
    true = set(range(injected[0], injected[1] + 1))
    said = {point for first, last in reported for point in range(first, last + 1)}
    return len(true & said) / len(true | said)


# ── rates over rows ─────────────────────────────────────────────────────────────────────────────────────────────────


def false_alarms(rows: NDArray[np.void]) -> float:
    """Return regressions reported where nothing became slower, per 1000 curves."""
    return per_thousand(rows["regressed"] & ~_really(rows))


def false_listed(rows: NDArray[np.void]) -> float:
    """Return the same for everything reported as slower, minor changes included, per 1000 curves."""
    return per_thousand(rows["listed"] & ~_really(rows))


def recall(rows: NDArray[np.void]) -> float | None:
    """Return the share of the regressions due that are reported as such; None without any."""
    return _share(rows[rows["median"] >= DUE], lambda due: due["regressed"] & due["overlap"])


def small_recall(rows: NDArray[np.void]) -> float | None:
    """Return the share of the slow-downs below the threshold that are at least listed; None without any."""
    small = (rows["median"] > 0) & (rows["median"] < DUE)
    return _share(rows[small], lambda due: due["listed"] & due["overlap"])


def precision(rows: NDArray[np.void]) -> float | None:
    """Return the share of the reported regressions where something became slower, by however little."""
    return _share(rows[rows["regressed"]], _really)


def median_iou(rows: NDArray[np.void]) -> float | None:
    """Return the median localisation of the regressions that were due and hit."""
    hit = rows[(rows["median"] >= DUE) & rows["regressed"] & rows["overlap"]]
    return float(np.median(hit["iou"])) if hit.size else None


def mean_iou(rows: NDArray[np.void]) -> float | None:
    """Return the mean of the same, which shows the bad ones as well."""
    hit = rows[(rows["median"] >= DUE) & rows["regressed"] & rows["overlap"]]
    return float(hit["iou"].mean()) if hit.size else None


def small_hits(rows: NDArray[np.void]) -> NDArray[np.bool_]:
    """Return of each change of 8 to 15 % whether it is listed in a window that touches it."""
    small = rows[(rows["median"] >= SMALL[0]) & (rows["median"] <= SMALL[1])]
    return small["listed"] & small["overlap"]


def reported(rows: NDArray[np.void], least: float, iou: float = 0.0) -> float | None:
    """Return the share of the curves slower by ``least`` or more that are regressions, localised better than ``iou``.

    Every slow-down counts with a least of 0; None without any.
    """
    slower = rows[(rows["median"] >= least) & (rows["median"] > 0)]
    return _share(slower, lambda due: due["regressed"] & (due["iou"] > 0) & (due["iou"] >= iou))


def net_of_chance(share: float | None, chance: float | None) -> float | None:
    """Return what is left of a recall when that which noise alone would have earned is taken out."""
    return None if share is None or chance is None or chance == 1 else (share - chance) / (1 - chance)


# ── how far a rate can be trusted ───────────────────────────────────────────────────────────────────────────────────


def interval(hits: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, taking every trial for independent (Wilson 1927); all of [0, 1] for none."""
    if of == 0:
        return 0.0, 1.0
    share, spread = hits / of, Z**2 / of
    middle = (share + spread / 2) / (1 + spread)
    reach = math.sqrt(share * (1 - share) * spread + spread**2 / 4) / (1 + spread)
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def gain(before: Sequence[NDArray[np.bool_]], after: Sequence[NDArray[np.bool_]]) -> tuple[float, float, float] | None:
    """Return how much the share of hits rose, and its 95 % interval, over jobs judged twice.

    Curves of a job share their noise and are hit or missed together, so the jobs are what counts as independent: a
    linearised ratio of sums over jobs. None without any curve, or from a single job.
    """
    rise = np.array([int(b.sum()) - int(a.sum()) for a, b in zip(before, after, strict=True)], dtype=float)
    size = np.array([a.size for a in before], dtype=float)
    if size.size < 2 or size.sum() == 0:
        return None
    mean = rise.sum() / size.sum()
    left = rise - mean * size
    reach = Z * math.sqrt(size.size / (size.size - 1) * float(left @ left)) / size.sum()
    return mean, mean - reach, mean + reach


def per_thousand(flags: NDArray[np.bool_]) -> float:
    """Return how many of a thousand are set."""
    return 1000 * float(flags.mean())


def _really(rows: NDArray[np.void]) -> NDArray[np.bool_]:
    return (rows["size"] > 0) & rows["overlap"]


def _share(rows: NDArray[np.void], holds: Callable[[NDArray[np.void]], NDArray[np.bool_]]) -> float | None:
    return float(holds(rows).mean()) if rows.size else None
