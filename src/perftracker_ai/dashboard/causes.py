"""Why a curve scatters, as far as its kept points show it, and what to repair in the test.

In: scatter, levels and points of curves. Out: for each the causes that are seen, in a sentence each with its numbers.
What is not seen is not named; most of what makes a test noisy leaves no trace in what it writes.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.stats import distinct, median, ratio, robust_scale
from perftracker_ai.trends import Series, find_trends
from perftracker_ai.words.numbers import format_percent, format_value, plural

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from perftracker_ai.dashboard.heat import Key
    from perftracker_ai.model import Curve
    from perftracker_ai.store import History

    Floats = NDArray[np.float64]

FEW_SCORES, EXPLAINED = 3.0, 0.5
"""Scores a point up to which more of them are an answer, and the share of a curve's variance that its points must make
up by themselves."""
WARM_SHARE, WARM_RATIO, MIN_WARM, MIN_LATER = 8, 2.5, 15, 60
"""The first eighth of a curve's points warms up where it scatters so many times as the rest; values from which that is
asked, in the first part and in the rest."""
MIN_DAYS, DAY_SHARE, DAY_P, AT_ONE_HOUR = 20, 0.25, 1e-4, 0.9
"""Jobs from which the time of day is asked about, the share of variance it must explain, the chance that it does so by
chance, and how much jobs may agree in their hour (length of the mean of their directions on the clock's face)."""
COARSE, COARSE_SHARE = 0.02, 0.1
"""Step of the scores over their size, and the share of the points' variance that steps make up, to be a cause."""
FAR, SPIKES, MIN_SPIKES, MIN_JOBS = 5.0, 0.005, 4, 3
"""Sigmas off, share of the points, how many, and in how many jobs, from which there are spikes."""
_DIGITS = 8
_FEW = 3
_MIN_JOBS, _MIN_POINTS = 5, 3


class CauseKind(StrEnum):
    """What makes a curve scatter."""

    FEW_SCORES = "few scores"
    WARM_UP = "warm-up"
    TIME_OF_DAY = "time of day"
    BIMODAL = "bimodal"
    COARSE_CLOCK = "coarse values"
    SPIKES = "spikes"


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """A cause, and what to do about it; `numbers` by name, sizes as ratios."""

    kind: CauseKind
    said: str
    numbers: dict[str, float]


def causes_of(
    keys: Sequence[Key], sigma: Floats, costs: Floats, points: History | None
) -> tuple[tuple[Cause, ...], ...]:
    """Return the causes that are seen for each curve.

    Parameters
    ----------
    keys : sequence of Key
        By what C curves are known.
    sigma : ndarray of float, shape (C,)
        Scatter of each from job to job, in logarithms.
    costs : ndarray of float, shape (C, J)
        Its levels, in logarithms.
    points : History or None
        The newest jobs with their points.
    """
    known = {} if points is None else {(one.group, one.tag, one.scalar): one for one in points.curves.curves}
    modes = _modes(keys, costs)
    return tuple(
        (*_of_points(known.get(key[:3]), float(scatter), points), *two)
        for key, scatter, two in zip(keys, sigma, modes, strict=True)
    )


# ── points ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _of_points(curve: Curve | None, sigma: float, points: History | None) -> tuple[Cause, ...]:
    if curve is None or points is None:
        return ()
    own = slice(curve.start, curve.stop)
    curves = points.curves
    mean, count, begin = curves.mean[:, own], curves.count[:, own], curves.begin[:, own]
    there = (mean > 0) & np.isfinite(mean)
    if there.sum() < MIN_LATER or there.any(axis=1).sum() < _MIN_JOBS or there.any(axis=0).sum() < _MIN_POINTS:
        return ()
    cost = np.where(there, np.log(np.where(there, mean, 1.0)), np.nan) * (1 if curve.less_better else -1)
    rest = _rest(cost)
    # What is left of J jobs at P points after a level of each job and of each point: (J-1)(P-1) of JP are free.
    jobs, places = there.any(axis=1).sum(), there.any(axis=0).sum()
    scale = float(robust_scale(rest.ravel()[None])[0]) * math.sqrt(jobs * places / ((jobs - 1) * (places - 1)))
    found = (
        _few_scores(scale, sigma, float(there.sum(axis=1)[there.any(axis=1)].mean()), count[there]),
        _warm_up(rest, begin),
        _coarse(mean[there], count[there], scale, curve),
        _spikes(rest, scale),
    )
    return tuple(one for one in found if one is not None)


def _rest(cost: Floats) -> Floats:
    """Return what is left after taking off each job's level and each point's, by medians (Tukey's median polish)."""
    rest = cost
    for _ in range(2):
        rest = rest - median(rest)[:, None]
        rest = rest - median(rest.T)[None]
    return rest


def _few_scores(scale: float, sigma: float, places: float, count: NDArray[np.int64]) -> Cause | None:
    scores = float(np.median(count))
    if not (scale > 0 and sigma > 0 and 1 <= scores <= FEW_SCORES):
        return None
    explained = min(scale**2 / places / sigma**2, 1.0)
    if explained < EXPLAINED:
        return None
    told = plural(round(scores), "score")
    return Cause(
        kind=CauseKind.FEW_SCORES,
        said=f"Each of its points rests on {told} and scatters by {format_percent(ratio(scale))} by itself, which "
        f"makes up {format_percent(explained)} of the variance of the curve: measure more or longer scores a point.",
        numbers={"scores": scores, "scatter_of_a_point": ratio(scale), "explained": explained},
    )


def _warm_up(rest: Floats, begin: Floats) -> Cause | None:
    """Compare what was measured first in each job with what came later, where it is known when that was."""
    known = np.isfinite(rest) & np.isfinite(begin)
    order = np.argsort(np.argsort(np.where(known, begin, np.inf), axis=1, kind="stable"), axis=1, kind="stable")
    first = known & (order < np.maximum(known.sum(axis=1) // WARM_SHARE, 1)[:, None])
    later = known & ~first
    if first.sum() < MIN_WARM or later.sum() < MIN_LATER:
        return None
    sizes = [float(robust_scale(rest[part][None])[0]) for part in (first, later)]
    if not sizes[0] >= WARM_RATIO * sizes[1] > 0:
        return None
    cold, warm = map(ratio, sizes)
    return Cause(
        kind=CauseKind.WARM_UP,
        said=f"What is measured first scatters by {format_percent(cold)}, what comes later by {format_percent(warm)}: "
        "warm it up before it is measured, or leave the first points out.",
        numbers={"scatter_first": cold, "scatter_later": warm},
    )


def _coarse(mean: Floats, count: NDArray[np.int64], scale: float, curve: Curve) -> Cause | None:
    """Find the step that all sums of scores are a multiple of: scores are, and their means are not."""
    scores = np.maximum(count, 1)
    step = step_of(mean * scores)
    size = step / float(np.median(mean))
    if not (size >= COARSE and size**2 / 12 / float(np.median(scores)) >= COARSE_SHARE * scale**2):
        return None
    return Cause(
        kind=CauseKind.COARSE_CLOCK,
        said=f"Its scores come in steps of {format_value(step, curve.base_unit)}, {format_percent(size)} of their "
        "size: measure many operations at once, or with a finer clock, and write more digits.",
        numbers={"step": step, "step_ratio": size},
    )


def step_of(values: Floats) -> float:
    """Return the largest step of which all values are multiples, as far as eight digits tell.

    0 where they are too few different ones to tell, or too far apart.

    Parameters
    ----------
    values : ndarray of float
        Above zero.
    """
    unit = 10.0 ** (math.floor(math.log10(float(np.median(values)))) - _DIGITS)
    whole = values / unit
    if float(whole.max()) > 2**53:
        return 0.0
    different = distinct(np.rint(whole).astype(np.int64)).tolist()
    return math.gcd(*different) * unit if len(different) >= _FEW else 0.0


def _spikes(rest: Floats, scale: float) -> Cause | None:
    limit = FAR * scale
    high, low = rest > limit, rest < -limit
    share = float(high.sum() / np.isfinite(rest).sum())
    jobs = int(high.any(axis=1).sum())
    if share < SPIKES or high.sum() < MIN_SPIKES or jobs < MIN_JOBS or 2 * low.sum() > high.sum():
        return None
    size = math.exp(min(float(np.median(rest[high])), 50.0))
    return Cause(
        kind=CauseKind.SPIKES,
        said=f"One point in {round(1 / share)} costs {size:.2g} times as much as usual, in {jobs} of the newest "
        f"{plural(len(rest), 'job')}: look for what strikes now and then, such as a collection of garbage, a backup or "
        "a cold cache, and repeat such a point.",
        numbers={"share": share, "times": size, "jobs": float(jobs)},
    )


# ── levels ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _modes(keys: Sequence[Key], costs: Floats) -> list[tuple[Cause, ...]]:
    """Say of each curve whether it switches between two levels."""
    jobs = costs.shape[1]
    versions = ("",) * jobs
    series = [
        Series(
            times=np.arange(jobs, dtype=np.float64),
            values=np.exp(own if key.less_better else -own),
            versions=versions,
            less_better=key.less_better,
        )
        for key, own in zip(keys, costs, strict=True)
    ]
    return [
        (_bimodal(trend.modes.low, trend.modes.high, trend.modes.share_high, key.unit),) if trend.modes else ()
        for key, trend in zip(keys, find_trends(series), strict=True)
    ]


def _bimodal(low: float, high: float, share: float, unit: str) -> Cause:
    return Cause(
        kind=CauseKind.BIMODAL,
        said=f"It switches between two levels, {format_value(low, unit)} and {format_value(high, unit)}, and is at the "
        f"upper one in {format_percent(share)} of the jobs: see in what those differ, such as the node, the placement "
        "of memory, or the plan of a query.",
        numbers={"low": low, "high": high, "share_high": share},
    )


def clock(ends: Sequence[datetime]) -> Floats:
    """Return the hours of the day, UTC, at which jobs ended."""
    return np.array([end.hour + end.minute / 60 for end in ends])


def waves(hours: Floats) -> Floats:
    """Return a wave of one day's length and one a quarter behind it, shape (2, J)."""
    angle = 2 * math.pi * hours / 24
    return np.stack([np.cos(angle), np.sin(angle)])


def time_of_day(hours: Floats, wave: Floats, off: Floats) -> tuple[Cause, ...]:
    """Say whether what jobs are off their level follows the clock.

    Parameters
    ----------
    hours : ndarray of float, shape (J,)
        When the jobs ended.
    wave : ndarray of float, shape (2, J)
        Their `waves`, taken off their level as `off` was.
    off : ndarray of float, shape (J,)
        How far each is off its level, in logarithms; NaN where that is not known.

    With two parameters the chance of a share of variance R2 is exactly ``(1 - R2) ** ((n - 3) / 2)``.
    """
    known = np.isfinite(off)
    if known.sum() < MIN_DAYS or np.hypot(*waves(hours[known]).mean(axis=1)) > AT_ONE_HOUR:
        return ()
    value = _pulled_in(off[known])
    if np.ptp(value) == 0:
        return ()
    columns = np.column_stack([np.ones(len(value)), *wave[:, known]])
    fit, *_ = np.linalg.lstsq(columns, value, rcond=None)
    explained = 1 - float(((value - columns @ fit) ** 2).sum() / ((value - value.mean()) ** 2).sum())
    if explained < DAY_SHARE or (1 - explained) ** ((len(value) - 3) / 2) > DAY_P:
        return ()
    worst = round(math.atan2(fit[2], fit[1]) / (2 * math.pi) * 24) % 24
    size = ratio(2 * math.hypot(fit[1], fit[2]))
    return (
        Cause(
            kind=CauseKind.TIME_OF_DAY,
            said=f"It follows the time of day: jobs that end at about {worst:02}:00 UTC cost {format_percent(size)} "
            "more than those twelve hours later. Measure at one hour, or find out what else runs then.",
            numbers={"worst_hour": float(worst), "size": size, "explained": explained},
        ),
    )


def _pulled_in(values: Floats) -> Floats:
    """Return values of which none is wild: one bad night is no time of day."""
    middle = float(median(values[None])[0])
    limit = 4 * float(robust_scale((values - middle)[None])[0])
    return np.clip(values, middle - limit, middle + limit)
