"""What kind of change a cluster is: in go its curves, out come `Traits`, a shape with the numbers it was read from.

The load decides first (a step, a band, growth), for that is what the injected and real cases differ in most; where
the change is the same at all loads, the thread counts decide. Two things are asked before: does only the tail of the
distribution suffer, and does the throughput run against a ceiling.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.diagnose.fits import FLOOR, MIN_POINTS, Fit, Form, effective_size, fit
from perftracker_ai.diagnose.profiles import curve_change, median, pool
from perftracker_ai.model import Direction, Measure, MetricKind, Shape, ShapeEvidence

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from perftracker_ai.diagnose.profiles import Comparison, Profile
    from perftracker_ai.model import Curve, Window

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

TAIL_STATISTICS = frozenset({"p90", "p95", "p99", "p99.9", "p999", "max"})
CENTRAL_STATISTICS = frozenset({"p50", "avg"})
CONCURRENCY_UNITS = frozenset(
    {"thread", "threads", "th", "user", "users", "client", "clients", "connection", "connections", "vu", "vus"}
)

RELATED = 0.5
"""A related curve with at most this share of the change (on the log scale) does not show it."""

MOST = 0.75
"""Share of the loads that must show a change for it to be everywhere."""

FLAT, RISING = 0.1, 0.2
"""Log gain of throughput from one step of concurrency to a later one: below is a ceiling, above still scales."""

_LOAD_SHAPES = {
    Form.STEP_UP: Shape.STEP,
    Form.OVERFLOW: Shape.STEP,  # nothing below the capacity and levelling off above it: a threshold, not a growth
    Form.STEP_DOWN: Shape.LOW_LOAD,
    Form.BAND: Shape.BAND,
    Form.GROWTH: Shape.GROWS,
    Form.EXPONENT: Shape.GROWS,
}


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a cluster's change; ratios are slowdowns (speed-ups are negative), loads in the curves' unit.

    Attributes
    ----------
    slowdown : float
        Over the affected range, pooled over the cluster.
    outside : float or None
        What is left outside the affected range; None when nothing is outside.
    onset, end : float or None
        First and last affected load where these lie inside the measured range.
    exponent_before, exponent_after : float or None
        Slope of log cost on log load over the affected range.
    exponent_z : float or None
        Change of the exponent in standard errors.
    by_threads : tuple of (int, float)
        Slowdown over the affected loads at every thread count the endpoint was measured at.
    threads, spared_threads : tuple of int
        Thread counts of the findings, and those measured without a comparable change.
    added_low, added_high : float or None
        Seconds added to a request over the lower and the upper third of the affected loads; None without latencies.
    cost_growth : float or None
        Baseline cost of the upper third over that of the lower third.
    """

    shape: Shape
    slowdown: float
    outside: float | None
    onset: float | None
    end: float | None
    exponent_before: float | None
    exponent_after: float | None
    exponent_z: float | None
    by_threads: tuple[tuple[int, float], ...]
    threads: tuple[int, ...]
    spared_threads: tuple[int, ...]
    added_low: float | None
    added_high: float | None
    cost_growth: float | None


class _Scene(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A cluster with its profile, the fit and the affected loads."""

    comparison: Comparison
    members: Sequence[int]
    direction: Direction
    profile: Profile
    fit: Fit | None
    low: float
    high: float

    @property
    def curves(self) -> tuple[Curve, ...]:
        return self.comparison.curves.curves

    @property
    def sign(self) -> float:
        return 1.0 if self.direction is Direction.WORSE else -1.0


def read_traits(comparison: Comparison, members: Sequence[int], direction: Direction, window: Window) -> Traits:
    """Read a cluster's shape from its curves.

    Parameters
    ----------
    members : sequence of int
        Its curves, the one that stands for it first.
    direction : Direction
        Which way it is read: better or worse, also where nobody knows which of them it is.
    window : Window
        Of the first member; the affected loads where too few are measured to fit any.
    """
    scene = _scene(comparison, members, direction, window)
    by_threads = _by_threads(scene)
    threads = _threads(scene.curves[index] for index in members)
    spared = _spared(scene, by_threads, threads)
    outside, onset, end = _boundaries(scene)
    before, after, z = _exponents(scene)
    added_low, added_high, growth = _added_cost(scene)
    return Traits(
        shape=_shape(scene, threads, spared),
        slowdown=_ratio(scene, _inside(scene)),
        outside=outside,
        onset=onset,
        end=end,
        exponent_before=before,
        exponent_after=after,
        exponent_z=z,
        by_threads=by_threads,
        threads=threads,
        spared_threads=spared,
        added_low=added_low,
        added_high=added_high,
        cost_growth=growth,
    )


def evidence(traits: Traits) -> tuple[ShapeEvidence, ...]:
    """Name the numbers behind a shape; what does not apply is left out."""
    named = (
        ("slowdown in the affected range", traits.slowdown, Measure.SLOWDOWN),
        ("slowdown outside the affected range", traits.outside, Measure.SLOWDOWN),
        ("first affected load", traits.onset, Measure.LOAD),
        ("last affected load", traits.end, Measure.LOAD),
        ("cost exponent before", traits.exponent_before, Measure.NUMBER),
        ("cost exponent after", traits.exponent_after, Measure.NUMBER),
        ("change of the exponent in standard errors", traits.exponent_z, Measure.NUMBER),
        *(
            (f"slowdown at {threads} thread{'' if threads == 1 else 's'}", slowdown, Measure.SLOWDOWN)
            for threads, slowdown in traits.by_threads
        ),
    )
    found = ((name, value, measure) for name, value, measure in named if value is not None)
    return tuple(ShapeEvidence(name=name, value=value, measure=measure) for name, value, measure in found)


# ── the scene ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _scene(comparison: Comparison, members: Sequence[int], direction: Direction, window: Window) -> _Scene:
    profile = pool(comparison, members, direction)
    described = fit(profile) if profile.numbered and len(profile.load) >= MIN_POINTS else None
    if described is not None:
        low, high = profile.load[described.first], profile.load[described.last]
    else:
        low, high = comparison.curves.load[[window.first, window.last]]
    return _Scene(
        comparison=comparison,
        members=members,
        direction=direction,
        profile=profile,
        fit=described,
        low=float(low),
        high=float(high),
    )


def _ratio(scene: _Scene, change: float) -> float:
    """Turn an oriented log change into a slowdown."""
    return float(np.expm1(scene.sign * change))


def _inside(scene: _Scene) -> float:
    """Give the median change over the affected loads."""
    if len(scene.profile.load):
        affected = (scene.profile.load >= scene.low) & (scene.profile.load <= scene.high)
        return median(scene.profile.change[affected] if affected.any() else scene.profile.change)
    return scene.sign * (_median_change(scene, scene.members) or 0.0)


def _boundaries(scene: _Scene) -> tuple[float | None, float | None, float | None]:
    """Give the slowdown outside the affected range, and its first and last load where they lie inside the axis."""
    if scene.fit is None or scene.fit.form is Form.EVERYWHERE:
        return None, None, None
    onset = scene.low if scene.fit.first > 0 else None
    end = scene.high if scene.fit.last < len(scene.profile.load) - 1 else None
    return _ratio(scene, scene.fit.outside), onset, end


# ── threads ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _threads(curves: Iterable[Curve]) -> tuple[int, ...]:
    return tuple(sorted({curve.threads for curve in curves if curve.threads is not None}))


def _by_threads(scene: _Scene) -> tuple[tuple[int, float], ...]:
    """Measure the slowdown over the affected loads at every thread count of the same scenarios and metrics."""
    alike = _alike(scene)
    medians = [
        (threads, _median_change(scene, [i for i in alike if scene.curves[i].threads == threads]))
        for threads in _threads(scene.curves[index] for index in alike)
    ]
    return tuple((threads, float(np.expm1(change))) for threads, change in medians if change is not None)


def _alike(scene: _Scene) -> list[int]:
    """Find the endpoint's curves of the members' scenarios, metrics and load unit, flagged or not."""
    mine = {_thread_free(scene.curves[index]) for index in scene.members}
    family = scene.comparison.families[scene.curves[scene.members[0]].endpoint]
    return [index for index in family if _thread_free(scene.curves[index]) in mine]


def _thread_free(curve: Curve) -> tuple[str, MetricKind, str, str, bool]:
    """Give what makes two curves the same but for their thread count."""
    return curve.scenario, curve.metric_kind, curve.statistic, curve.load_unit, curve.scalar


def _median_change(scene: _Scene, indices: Sequence[int]) -> float | None:
    """Take the median log cost ratio of some curves over the affected loads."""
    points = [point for index in indices for point in _points(scene, index)]
    return median(scene.comparison.change[points]) if points else None


def _points(scene: _Scene, index: int) -> Ints:
    """Give a curve's points compared on both sides over the affected loads (a scalar's own)."""
    curve = scene.curves[index]
    load = scene.comparison.curves.load[curve.start : curve.stop]
    inside = curve.scalar | ((load >= scene.low) & (load <= scene.high))
    return np.flatnonzero(inside & np.isfinite(curve_change(scene.comparison, index))) + curve.start


def _spared(scene: _Scene, by_threads: tuple[tuple[int, float], ...], threads: tuple[int, ...]) -> tuple[int, ...]:
    """Name the thread counts that were measured, not flagged, and do not show the change."""
    limit = RELATED * _inside(scene)
    return tuple(t for t, slowdown in by_threads if t not in threads and scene.sign * np.log1p(slowdown) <= limit)


# ── the decision ────────────────────────────────────────────────────────────────────────────────────────────────────


def _shape(scene: _Scene, threads: tuple[int, ...], spared: tuple[int, ...]) -> Shape:
    """Decide, the most specific first."""
    if _is_tail_only(scene):
        return Shape.TAIL_ONLY
    if scene.direction is Direction.WORSE and (_is_thread_ceiling(scene) or _is_load_ceiling(scene)):
        return Shape.CEILING
    if scene.fit is not None and scene.fit.form in _LOAD_SHAPES:
        return _LOAD_SHAPES[scene.fit.form]
    return _thread_shape(threads, spared) if _is_everywhere(scene) else Shape.UNCLEAR


def _thread_shape(threads: tuple[int, ...], spared: tuple[int, ...]) -> Shape:
    """Decide by thread count what is the same at all loads."""
    if not threads:
        return Shape.CONSTANT
    if spared and max(spared) < min(threads):
        return Shape.HIGH_THREADS
    if spared and len(threads) == 1:
        return Shape.THREAD_SPECIFIC
    return Shape.CONSTANT


def _is_everywhere(scene: _Scene) -> bool:
    """Tell whether three points in four show at least half of the cluster's change."""
    if not len(scene.profile.load):
        return True  # a scalar has no load to depend on
    level = median(scene.profile.change)
    return level > 0 and float((scene.profile.change >= RELATED * level).mean()) >= MOST


def _is_tail_only(scene: _Scene) -> bool:
    """Tell whether every member is a tail statistic whose own median or mean is measured and does not follow."""
    flagged = set(scene.members)
    for index in scene.members:
        curve = scene.curves[index]
        central = [i for i in scene.comparison.families[curve.endpoint] if _is_centre_of(scene.curves[i], curve)]
        changes = [_median_change(scene, [i]) for i in central]
        limit = RELATED * scene.sign * (_median_change(scene, [index]) or 0.0)
        spared = [c is not None and scene.sign * c <= limit for c in changes]
        if not central or flagged.intersection(central) or not all(spared):
            return False
    return True


def _is_centre_of(one: Curve, tail: Curve) -> bool:
    """Tell whether a curve is the median or mean of another's distribution."""
    same = (one.scenario, one.threads, one.metric_kind) == (tail.scenario, tail.threads, tail.metric_kind)
    return same and tail.statistic in TAIL_STATISTICS and one.statistic in CENTRAL_STATISTICS


def _is_thread_ceiling(scene: _Scene) -> bool:
    """Tell whether throughput stays put over two affected thread counts where the baseline's still rose."""
    rates = {c.threads: c.index for c in _rates(scene) if c.scenario == scene.curves[scene.members[0]].scenario}
    counts = sorted(threads for threads in rates if threads is not None)
    if len(counts) < 2:  # noqa: PLR2004 - a ceiling is seen between two thread counts
        return False
    gain = [_scaling(scene, run, rates[counts[0]], rates[counts[-1]]) for run in _runs(scene)]
    return _is_capped(gain[0], gain[1])


def _is_load_ceiling(scene: _Scene) -> bool:
    """Tell whether throughput stays put over the affected loads where load means concurrency."""
    rates = [c for c in _rates(scene) if c.load_unit.lower() in CONCURRENCY_UNITS]
    gains = [[_gain_along(scene, run, curve) for run in _runs(scene)] for curve in rates]
    return bool(gains) and all(_is_capped(before, after) for before, after in gains)


def _is_capped(before: float | None, after: float | None) -> bool:
    return before is not None and after is not None and before >= RISING and abs(after) <= FLAT


def _rates(scene: _Scene) -> list[Curve]:
    return [scene.curves[i] for i in scene.members if scene.curves[i].metric_kind is MetricKind.RATE]


def _runs(scene: _Scene) -> tuple[Floats, Floats]:
    """Give the logarithms of what was measured before and after."""
    return scene.comparison.before, scene.comparison.after


def _scaling(scene: _Scene, run: Floats, few: int, many: int) -> float | None:
    """Measure how much more is done at many threads than at few, over the affected loads, on the log scale."""
    values = [run[_points(scene, index)] for index in (few, many)]
    return median(values[1]) - median(values[0]) if all(len(one) for one in values) else None


def _gain_along(scene: _Scene, run: Floats, curve: Curve) -> float | None:
    """Measure how much more is done at the upper third of the affected loads than at the lower."""
    values = run[_points(scene, curve.index)]
    third = len(values) // 3
    return median(values[-third:]) - median(values[:third]) if third else None


# ── cost along the load ─────────────────────────────────────────────────────────────────────────────────────────────


def _exponents(scene: _Scene) -> tuple[float | None, float | None, float | None]:
    """Compare the slopes of log cost on log load over the affected range, before and after.

    Before is the baseline of the curve that stands for the cluster. The slope of the pooled log ratio *is* the change
    of the exponent; its standard error counts correlated neighbours once (Bartlett).
    """
    profile = scene.profile
    kept = (profile.load >= scene.low) & (profile.load <= scene.high) & (profile.load > 0)
    if not profile.numbered or kept.sum() < MIN_POINTS:
        return None, None, None
    load, change = np.log(profile.load[kept]), scene.sign * profile.change[kept]
    rise = slope(load, change)
    residuals = change - change.mean() - rise * (load - load.mean())
    error = float(np.sqrt(((residuals**2).mean() + FLOOR**2) / effective_size(residuals)) / load.std())
    before = _cost_slope(scene, scene.members[0])
    return before, None if before is None else before + rise, rise / error


def _cost_slope(scene: _Scene, index: int) -> float | None:
    """Give the slope of a curve's log cost on log load in the baseline; None with too few points."""
    points = _points(scene, index)
    load, cost = scene.comparison.curves.load[points], scene.comparison.before[points]
    if (load > 0).sum() < MIN_POINTS:
        return None
    return slope(np.log(load[load > 0]), cost[load > 0] * (1.0 if scene.curves[index].less_better else -1.0))


def slope(x: Floats, y: Floats) -> float:
    """Fit a line robustly: the median of the slopes between all pairs of points.

    References
    ----------
    Sen, P. K. (1968). Estimates of the regression coefficient based on Kendall's tau. JASA 63, 1379-1389.
    https://doi.org/10.1080/01621459.1968.10480934
    """
    first, second = np.triu_indices(len(x), 1)
    return median((y[second] - y[first]) / (x[second] - x[first]))


def _added_cost(scene: _Scene) -> tuple[float | None, float | None, float | None]:
    """Give the seconds added per request at the low and the high end of the affected loads, and the cost's growth.

    A fixed piece of work adds the same time everywhere; a slower piece adds in proportion to the cost.
    """
    timed = [i for i in scene.members if scene.curves[i].base_unit == "s" and scene.curves[i].less_better]
    if not timed:
        return None, None, None
    points = _points(scene, timed[0])
    cost = np.exp(scene.comparison.before[points])
    added, third = cost * np.expm1(scene.comparison.change[points]), len(points) // 3
    if not third:
        return None, None, None
    growth = median(cost[-third:]) / median(cost[:third])
    return median(added[:third]), median(added[-third:]), growth
