"""From significant rows to windows: where a change begins and ends, and what it amounts to.

In: the evidence of a panel and which of its rows are significant in a direction. Out: the windows of those rows, in
load order, with size, interval and consistency, those of no practical size left out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec.structs import replace

from perftracker_ai.detect.chance import RULE_P
from perftracker_ai.detect.scan import MIN_POINTS, inflation, localise, penalty, span_of
from perftracker_ai.detect.selection import PLAIN, lower_reach
from perftracker_ai.model import Direction, FindingKind, Severity, Window
from perftracker_ai.stats import median, ratio, t_quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perftracker_ai.detect.context import Context
    from perftracker_ai.detect.evidence import Evidence
    from perftracker_ai.detect.scan import Track
    from perftracker_ai.model import CurveSet
    from perftracker_ai.settings import DetectSettings

ROUNDS = 4
"""Searches for further windows beside the ones found: a curve in more pieces than that is noise, not a finding."""

TINY = 1e-12
"""Half of the narrowest interval, so that nothing is divided by zero."""

LEVEL = 0.95
"""Level of all intervals."""


class Extent(msgspec.Struct, frozen=True, kw_only=True):
    """An affected range of one row of a panel, columns inclusive."""

    row: int
    first: int
    last: int


def extents(
    track: Track,
    rows: NDArray[np.intp],
    sign: float,
    cut: NDArray[np.float64],
    best: tuple[NDArray[np.intp], NDArray[np.intp]],
) -> list[Extent]:
    """Find all separate ranges of some rows in one direction: the best first, then what lies left and right of it.

    Parameters
    ----------
    cut : ndarray, shape (C,)
        Statistic from which a window of a row is significant.
    best : (ndarray, ndarray)
        First and last column of the windows that made the rows significant: they stand where the search finds none.
    """
    columns, span = track.value.shape[1], span_of(track)
    found: list[Extent] = []
    waiting = [Extent(row=int(row), first=0, last=columns - 1) for row in rows]
    for turn in range(ROUNDS):
        if not waiting:
            break
        new = _search(track, waiting, sign, cut, span)
        if turn == 0:
            new = [hit or _at(whole.row, *best) for whole, hit in zip(waiting, new, strict=True)]
        found += [part for extent in new if extent is not None for part in _split(track, extent, sign, span)]
        waiting = [part for whole, hit in zip(waiting, new, strict=True) if hit for part in _beside(whole, hit)]
    return sorted(found, key=lambda extent: (extent.row, extent.first))


def _split(track: Track, extent: Extent, sign: float, span: NDArray[np.float64]) -> list[Extent]:
    """Cut a range in two, and again, where a stretch of three loads or more in it did not change.

    Two changes and the calm between them explain as much as one mean over all three, so the search cannot tell; here
    the gain in log-likelihood of leaving the stretch out has to pay for two more ends.
    """
    part = slice(extent.first, extent.last + 1)
    known = np.isfinite(track.value[extent.row, part])
    weight = np.where(known, 1 / track.variance[extent.row, part], 0.0)
    total = sign * np.where(known, track.value[extent.row, part], 0.0) * weight
    hole = _hole(np.cumsum(total), np.cumsum(weight))
    price = 2 * float(penalty(span[extent.row : extent.row + 1], MIN_POINTS)[0]) ** 2
    if hole is None or hole[0] < price * float(inflation(track.rho[extent.row], len(known))):
        return [extent]
    left = replace(extent, last=extent.first + hole[1] - 1)
    right = replace(extent, first=extent.first + hole[2])
    return [piece for half in (left, right) for piece in _split(track, half, sign, span)]


def _hole(total: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, int, int] | None:
    """Find the stretch whose leaving out gains most: the gain, its first place, and the place after its last."""
    length = len(total)
    step = max(1, length // 200)  # ends of a hole in hundreds of loads need not be exact
    first, after = np.meshgrid(np.arange(MIN_POINTS, length, step), np.arange(MIN_POINTS, length, step), indexing="ij")
    fits = (after - first >= MIN_POINTS) & (length - after >= MIN_POINTS)
    if not fits.any():
        return None
    before, rest = total[first - 1], total[-1] - total[after - 1]
    gain = _explained(before, weight[first - 1]) + _explained(rest, weight[-1] - weight[after - 1])
    gain = np.where(fits & (before > 0) & (rest > 0), gain - _explained(total[-1], weight[-1]), -np.inf)
    best = np.unravel_index(int(np.argmax(gain)), gain.shape)
    return float(gain[best]), int(first[best]), int(after[best])


def _explained(total: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(total**2, weight, out=np.zeros_like(total), where=weight > 0)


def _at(row: int, first: NDArray[np.intp], last: NDArray[np.intp]) -> Extent:
    return Extent(row=row, first=int(first[row]), last=int(last[row]))


def _search(
    track: Track, waiting: list[Extent], sign: float, cut: NDArray[np.float64], span: NDArray[np.float64]
) -> list[Extent | None]:
    rows = np.array([extent.row for extent in waiting])
    first, last = (np.array([getattr(extent, end) for extent in waiting]) for end in ("first", "last"))
    columns = np.arange(track.value.shape[1])
    inside = (columns >= first[:, None]) & (columns <= last[:, None])
    part = replace(
        track,
        value=np.where(inside, track.value[rows], np.nan),
        variance=track.variance[rows],
        rho=track.rho[rows],
        level_variance=track.level_variance[rows],
        drift_variance=track.drift_variance[rows],
        dof=track.dof[rows],
    )
    best = localise(part, sign, cut[rows], span[rows])
    return [
        Extent(row=extent.row, first=int(best.first[k]), last=int(best.last[k])) if found else None
        for k, (extent, found) in enumerate(zip(waiting, np.isfinite(best.deviate), strict=True))
    ]


def _beside(whole: Extent, hit: Extent) -> list[Extent]:
    parts = [replace(whole, last=hit.first - 1), replace(whole, first=hit.last + 1)]
    return [part for part in parts if part.last - part.first + 1 >= MIN_POINTS]


def merged(extents_of_row: list[Extent], net: NDArray[np.float64], sign: float, least: float) -> list[Extent]:
    """Join ranges that touch and are each of at least ``least`` (log): one change that grows with load, not two."""
    joined: list[Extent] = []
    for extent in extents_of_row:
        before = joined[-1] if joined else None
        touching = before is not None and not np.isfinite(net[before.last + 1 : extent.first]).sum() > 1
        if before is not None and touching and all(_middle(net, part, sign) >= least for part in (before, extent)):
            joined[-1] = replace(before, last=extent.last)
        else:
            joined.append(extent)
    return joined


def size(evidence: Evidence, extent: Extent, sign: float) -> float:
    """Return the median of a range on the log scale, positive in the direction of ``sign``."""
    return _middle(evidence.net.ratio[extent.row], extent, sign)


def _middle(net: NDArray[np.float64], extent: Extent, sign: float) -> float:
    return float(sign * median(net[extent.first : extent.last + 1]))


def practical(evidence: Evidence, extent: Extent, sign: float, context: Context) -> bool:
    """Say whether a range matters: large enough, at three points at least, and worse than every single baseline run."""
    panel, row, span = evidence.net.panel, extent.row, slice(extent.first, extent.last + 1)
    height, net = size(evidence, extent, sign), sign * evidence.net.ratio[row, span]
    fewest = min(MIN_POINTS, int(np.isfinite(net).sum()))
    if height < math.log1p(context.settings.minor) or int((net >= height / 2).sum()) < fewest:
        return False
    against_each = sign * (median(panel.versus[:, row, span]) - context.against[:, panel.rows[row]])
    return bool(np.all(against_each[np.isfinite(against_each)] > 0))


def shortest_change(curves: CurveSet, settings: DetectSettings) -> float:
    """Return the smallest change of a time that counts, in seconds.

    What a scheduler and a load driver's clock do to a request is nothing beside a suite of milliseconds. In a suite
    whose every number is some microseconds it is what is measured: there the limit is a share of the typical time.
    """
    before = curves.mean[curves.rows[0]]
    times = [before[:, c.start : c.stop].ravel() for c in curves.curves if c.base_unit == "s"]
    values = np.concatenate(times) if times else np.zeros(0)
    known = values[np.isfinite(values)]
    typical = float(median(known)) if len(known) else math.inf
    return min(settings.min_time_change_s, settings.min_time_change_share * typical)


def long_enough(curves: CurveSet, evidence: Evidence, extent: Extent, shortest: float) -> bool:
    """Say whether the change of a time reaches the smallest that counts; any change of another unit does."""
    panel = evidence.net.panel
    if curves.curves[int(panel.rows[extent.row])].base_unit != "s":
        return True
    points = panel.point[extent.row, extent.first : extent.last + 1]
    values = curves.mean[:, points[points >= 0]]
    before, after = (median(values[rows], axis=0) for rows in curves.rows)
    with np.errstate(invalid="ignore"):  # infinite on both sides is no change that could be measured
        change = abs(float(median(after - before)))
    return change >= shortest


def describe(
    evidence: Evidence,
    extent: Extent,
    sign: float,
    settings: DetectSettings,
    chance: tuple[float | None, float | None],
    reach: float,
) -> Window:
    """Put a range into numbers; ``chance`` is its p- and q-value, ``reach`` half the width of its interval."""
    row, span = extent.row, slice(extent.first, extent.last + 1)
    net = evidence.net.ratio[row, span]
    known = net[np.isfinite(net)]
    middle = float(median(known))
    deviate = sign * middle / max(reach / PLAIN, TINY)
    near = reach / PLAIN * lower_reach(deviate, chance[0], _criterion(chance, settings))
    below, above = (near, reach) if sign > 0 else (reach, near)
    points = evidence.net.panel.point[row]
    slowdown = ratio(middle)
    measured = evidence.net.panel.gross[row, span]
    return Window(
        kind=FindingKind.WINDOW,
        direction=Direction.WORSE if sign > 0 else Direction.BETTER,
        first=int(points[extent.first]),
        last=int(points[extent.last]),
        points=len(known),
        median_slowdown=slowdown,
        mean_slowdown=ratio(float(known.mean())),
        max_slowdown=ratio(float(sign * np.max(sign * known))),
        low=ratio(middle - below),
        high=ratio(middle + above),
        p_value=chance[0],
        q_value=chance[1],
        consistency=float(np.mean(sign * known >= math.log1p(settings.moderate))),
        gross_slowdown=ratio(float(median(measured[np.isfinite(net)]))),
        severity=severity(slowdown, settings) if sign > 0 else None,
    )


def _criterion(chance: tuple[float | None, float | None], settings: DetectSettings) -> float:
    """Return the largest chance that would have been a finding: that of the rule, or by the false discoveries."""
    p, q = chance
    return RULE_P if p is None or q is None or q <= 0 else min(p * settings.fdr / q, settings.fdr)


def reach_of(evidence: Evidence, extent: Extent, taken: float) -> float:
    """Half the width of the interval of a range's median on the log scale.

    Its points, the curve's level and drift, and what is taken off for the run, of standard error ``taken``.
    """
    track, row = evidence.track, extent.row
    variance = float(np.mean(track.variance[row, extent.first : extent.last + 1]))
    points = int(np.isfinite(evidence.net.ratio[row, extent.first : extent.last + 1]).sum())
    there = np.flatnonzero(np.isfinite(track.value[row]))
    off = (extent.first + extent.last - there[0] - there[-1]) / (2 * max(int(there[-1] - there[0]), 1))
    whole = float(track.level_variance[row] + track.drift_variance[row] * off**2)
    error = math.sqrt(variance * float(inflation(track.rho[row], points)) / points + whole + taken**2)
    return t_quantile((1 - LEVEL) / 2, max(float(track.dof[row]), 1.0)) * error


def severity(slowdown: float, settings: DetectSettings) -> Severity:
    """Name the size of a slowdown."""
    steps = (
        (settings.critical, Severity.CRITICAL),
        (settings.severe, Severity.SEVERE),
        (settings.moderate, Severity.MODERATE),
    )
    return next((name for least, name in steps if slowdown >= least), Severity.MINOR)
