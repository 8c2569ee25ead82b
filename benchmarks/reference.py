"""The earlier script's criteria, as a yardstick: written from their description, for comparison only.

A window of three to seven neighbouring load points is a regression when the median change in it is at least 15 % and
at least 70 % of its points changed by 15 % or more. The change is that of the metric's own value (a rate cannot lose
more than 100 %), one baseline is compared with one candidate, and nothing the whole run shares is removed. Of windows
that overlap only the steepest stays.

It is given what the earlier script lacked: the direction of every metric and one curve per tag.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from perftracker_ai.model import BASELINE, CANDIDATE, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from perftracker_ai.model import CurveSet

LENGTHS = range(3, 8)
THRESHOLD = 0.15
CONSISTENCY = 0.70
SEVERITIES = ((1.00, Severity.CRITICAL), (0.50, Severity.SEVERE), (THRESHOLD, Severity.MODERATE))


class ReferenceWindow(msgspec.Struct, frozen=True, kw_only=True):
    """One window the criteria report; first and last are inclusive indices into the arrays of the `CurveSet`."""

    curve: int
    first: int
    last: int
    median: float
    consistency: float
    severity: Severity


def find(curves: CurveSet, threshold: float = THRESHOLD) -> tuple[ReferenceWindow, ...]:
    """Return the reported windows of the candidate against the baseline, by curve, steepest first.

    Another threshold than the criteria's own shows what they find when they raise as few alarms, or as many, as
    another detector.
    """
    change, point = _compacted(curves)
    windows = np.concatenate(
        [_windows(change, length, threshold) for length in LENGTHS if length <= change.shape[1]] or [_NONE]
    )
    windows = windows[np.lexsort((windows["first"], windows["length"], -windows["median"], windows["curve"]))]
    return tuple(_reported(window, point) for window in _without_overlap(windows))


def severity(median: float) -> Severity:
    """Return the severity of a window; below the criteria's own threshold they know none, and it is minor."""
    return next((name for least, name in SEVERITIES if median >= least), Severity.MINOR)


_NONE = np.zeros(0, dtype=[("curve", int), ("first", int), ("length", int), ("median", float), ("consistency", float)])


def _compacted(curves: CurveSet) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return each curve's changes with absent points dropped, padded with NaN, and where each point came from."""
    baseline, candidate = curves.mean[BASELINE], curves.mean[CANDIDATE]
    with np.errstate(divide="ignore", invalid="ignore"):
        growth = candidate / baseline - 1
    usable = np.isfinite(growth)
    present = [np.flatnonzero(usable[curve.start : curve.stop]) + curve.start for curve in curves.curves]
    width = max((indices.size for indices in present), default=0)
    change = np.full((len(present), width), np.nan)
    point = np.zeros((len(present), width), dtype=int)
    for row, (curve, indices) in enumerate(zip(curves.curves, present, strict=True)):
        change[row, : indices.size] = growth[indices] if curve.less_better else -growth[indices]
        point[row, : indices.size] = indices
    return change, point


def _windows(change: NDArray[np.float64], length: int, threshold: float) -> NDArray[np.void]:
    """Return every window of this length that meets the criteria."""
    view = sliding_window_view(change, length, axis=1)
    consistency = (view >= threshold).mean(axis=2)  # padding is never over the threshold ...
    curve, first = np.nonzero((consistency >= CONSISTENCY) & np.isfinite(view[..., -1]))  # ... and is at the end
    median = np.median(view[curve, first], axis=1)
    windows = np.zeros(curve.size, dtype=_NONE.dtype)
    windows["curve"], windows["first"], windows["length"] = curve, first, length
    windows["median"], windows["consistency"] = median, consistency[curve, first]
    return windows[median >= threshold]


def _without_overlap(windows: NDArray[np.void]) -> Iterator[NDArray[np.void]]:
    """Yield the windows, steepest first within a curve, that overlap none yielded before."""
    taken: set[tuple[int, int]] = set()
    for window in windows:
        covered = {(window["curve"], window["first"] + step) for step in range(window["length"])}
        if taken.isdisjoint(covered):
            taken |= covered
            yield window


def _reported(window: NDArray[np.void], point: NDArray[np.int64]) -> ReferenceWindow:
    curve, first = int(window["curve"]), int(window["first"])
    return ReferenceWindow(
        curve=curve,
        first=int(point[curve, first]),
        last=int(point[curve, first + int(window["length"]) - 1]),
        median=float(window["median"]),
        consistency=float(window["consistency"]),
        severity=severity(float(window["median"])),
    )
