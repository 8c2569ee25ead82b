"""Readable comparisons for tests: curves with a known change, and what a perfect detector would say of them.

``curve_set(measured(...), ...)`` makes a `CurveSet` of a baseline and a candidate; ``judged(curves, {0: [(30000,
54000)]})`` makes the `Detection` whose windows are exactly those load ranges. Both are themselves tested.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec.structs import replace

from perftracker_ai.model import (
    Absence,
    Attribution,
    Confidence,
    Curve,
    CurveResult,
    CurveSet,
    Detection,
    Direction,
    FindingKind,
    Method,
    MetricKind,
    Outcome,
    RunShift,
    Severity,
    Window,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LOADS = tuple(float(load) for load in range(1000, 55000, 1000))
SHORT_LOADS = tuple(float(load) for load in range(1000, 31000, 1000))
THRESHOLDS = ((1.0, Severity.CRITICAL), (0.5, Severity.SEVERE), (0.15, Severity.MODERATE), (0.05, Severity.MINOR))


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One curve: what it is called, its cost per operation in the baseline and the factor of the change."""

    endpoint: str
    scenario: str
    threads: int | None
    kind: MetricKind
    statistic: str
    group: str
    load: tuple[float, ...]
    load_unit: str
    cost: Callable[[np.ndarray], np.ndarray]
    factor: Callable[[np.ndarray], np.ndarray]
    noise: float


def measured(endpoint: str = "GET /api/items", **given) -> Measured:
    """Describe a p95 latency curve at 4 threads over 54 loads, changed by nothing unless told."""
    usual = {
        "scenario": "",
        "threads": 4,
        "kind": MetricKind.LATENCY,
        "statistic": "p95",
        "group": "items",
        "load": LOADS,
        "load_unit": "items",
        "cost": lambda load: 0.020 + 0.0 * load,
        "factor": unchanged,
        "noise": 0.03,
    }
    return Measured(endpoint=endpoint, **(usual | given))


def family(endpoint: str = "GET /api/items", *, threads: Sequence[int] = (1, 4, 16), **given) -> list[Measured]:
    """Describe latency and rate of one endpoint at several thread counts, all changed alike."""
    kinds = ((MetricKind.LATENCY, "p95"), (MetricKind.RATE, ""))
    return [measured(endpoint, threads=t, kind=k, statistic=s, **given) for k, s in kinds for t in threads]


def unchanged(load: np.ndarray) -> np.ndarray:
    return np.ones_like(load)


def times(factor: float, first: float = 0.0, last: float = np.inf) -> Callable[[np.ndarray], np.ndarray]:
    """Multiply the cost from one load to another, both included."""
    return lambda load: np.where((load >= first) & (load <= last), factor, 1.0)


def ramp(factor: float, first: float) -> Callable[[np.ndarray], np.ndarray]:
    """Let the cost grow in proportion to the load beyond ``first``, up to ``factor`` at the highest."""
    return lambda load: 1.0 + (factor - 1.0) * np.clip((load - first) / (load[-1] - first), 0.0, None)


def overflow(factor: float, capacity: float) -> Callable[[np.ndarray], np.ndarray]:
    """Charge ``factor`` for the share of the objects that no longer fit: what a full cache does."""
    return lambda load: 1.0 + (factor - 1.0) * np.clip(1.0 - capacity / load, 0.0, None)


def power(exponent: float) -> Callable[[np.ndarray], np.ndarray]:
    """Raise the cost exponent: nothing at the lowest load."""
    return lambda load: (load / load[0]) ** exponent


def curve_set(*curves: Measured, seed: int = 7, correlation: float = 0.0) -> CurveSet:
    """Measure the curves once a side."""
    rng = np.random.default_rng(seed)
    values = [_values(one, rng, correlation) for one in curves]
    lengths = [len(one.load) or 1 for one in curves]
    stops = np.cumsum(lengths)
    described = [_describe(one, i, int(stops[i] - lengths[i])) for i, one in enumerate(curves)]
    mean = np.concatenate(values, axis=1) if values else np.empty((2, 0))
    label = [text for one in curves for text in _labels(one)]
    return make_set(described, [load for one in curves for load in one.load or (0.0,)], label, mean)


def make_set(curves: Sequence[Curve], load: Sequence[float], label: Sequence[str], mean: np.ndarray) -> CurveSet:
    """Fill the arrays of a `CurveSet` around its means; NaN is a missing test."""
    return CurveSet(
        curves=tuple(curves),
        load=np.array(load, dtype=float),
        label=tuple(label),
        mean=mean,
        sd=np.full_like(mean, np.nan),
        count=(~np.isnan(mean)).astype(np.int64),
        absence=np.where(np.isnan(mean), Absence.MISSING, Absence.PRESENT).astype(np.uint8),
        errors=np.zeros(mean.shape, dtype=np.int64),
        begin=np.full(mean.shape, np.nan),
        end=np.full(mean.shape, np.nan),
        candidate_reruns=0,
    )


def marked(curves: CurveSet, row: int, absence: Absence, where: dict[int, Sequence[float]]) -> CurveSet:
    """Take values away: curve index to the loads that end with this absence (every load when empty)."""
    mean, reason = curves.mean.copy(), curves.absence.copy()
    for index, loads in where.items():
        points = points_at(curves, index, loads or curves.load)
        mean[row, points] = np.nan
        reason[row, points] = absence
    return replace(curves, mean=mean, absence=reason)


def with_errors(curves: CurveSet, row: int, where: dict[int, dict[float, int]]) -> CurveSet:
    """Set error counters: curve index to load to count."""
    errors = curves.errors.copy()
    for index, counts in where.items():
        for load, count in counts.items():
            errors[row, points_at(curves, index, [load])] = count
    return replace(curves, errors=errors)


def points_at(curves: CurveSet, index: int, loads: Sequence[float]) -> np.ndarray:
    curve = curves.curves[index]
    return np.flatnonzero(np.isin(curves.load[curve.start : curve.stop], list(loads))) + curve.start


def _values(one: Measured, rng: np.random.Generator, correlation: float) -> np.ndarray:
    load = np.array(one.load or (1.0,))
    cost = one.cost(load) * np.stack([np.ones_like(load), one.factor(load)])
    cost = cost * np.exp(one.noise * _correlated(rng.normal(size=cost.shape), correlation))
    return (one.threads or 1) / cost if one.kind is MetricKind.RATE else cost


def _correlated(noise: np.ndarray, correlation: float) -> np.ndarray:
    """Make each point remember its neighbour (AR(1)), keeping the variance."""
    for i in range(1, noise.shape[1]):
        noise[:, i] = correlation * noise[:, i - 1] + np.sqrt(1.0 - correlation**2) * noise[:, i]
    return noise


def _labels(one: Measured) -> tuple[str, ...]:
    return tuple(f"{load:.0f} {one.load_unit}" for load in one.load) or ("",)


def _describe(one: Measured, index: int, start: int) -> Curve:
    rate = one.kind is MetricKind.RATE
    label = ("rate" if rate else f"latency, {one.statistic}") + (f" ({one.threads} th)" if one.threads else "")
    method, _, path = one.endpoint.partition(" ")
    return Curve(
        index=index,
        group=one.group,
        tag=f"{label}: {one.endpoint}" + (f" ({one.scenario})" if one.scenario else ""),
        metric_label=label,
        metric_kind=one.kind,
        statistic=one.statistic,
        threads=one.threads,
        method=method,
        path=path,
        endpoint=one.endpoint,
        scenario=one.scenario,
        unit="req/s" if rate else "ms",
        base_unit="/s" if rate else "s",
        less_better=not rate,
        direction_known=True,
        load_unit=one.load_unit if one.load else "",
        numbered=bool(one.load),
        scalar=not one.load,
        start=start,
        stop=start + (len(one.load) or 1),
    )


# ── what a perfect detector would say ───────────────────────────────────────────────────────────────────────────────


def judged(
    curves: CurveSet,
    ranges: dict[int, Sequence[tuple[float, float]]],
    *,
    confidence: Confidence = Confidence.HIGH,
    shift: float = 0.0,
    large: bool = False,
) -> Detection:
    """Judge every curve: those named are changed over the given load ranges, the others are not."""
    results = [_result(curves, i, ranges.get(i, ()), confidence) for i in range(len(curves.curves))]
    run_shift = RunShift(
        metric_kind=None,
        threads=None,
        slowdown=shift,
        low=shift - 0.01,
        high=shift + 0.01,
        curves=len(curves.curves),
        significant=large,
        large=large,
        attribution=Attribution.UNDECIDED,
    )
    return Detection(
        results=tuple(results),
        shifts=(run_shift,),
        method="by hand",
        level=0.95,
        fdr=0.05,
        seed=0,
        noise_source="by hand",
        mirrored=0,
    )


def _result(curves: CurveSet, index: int, ranges: Sequence[tuple[float, float]], confidence: Confidence) -> CurveResult:
    slowdown = _slowdowns(curves, index)
    windows = tuple(_window(curves, index, first, last, slowdown) for first, last in ranges)
    outcome, worst = _outcome(windows)
    compared = int(np.isfinite(slowdown).sum())
    return CurveResult(
        id=f"X{index}",
        curve=index,
        outcome=outcome if compared else Outcome.INCONCLUSIVE,
        method=Method.SCAN if compared else Method.NONE,
        windows=windows,
        worst=worst,
        severity=windows[worst].severity if worst is not None else None,
        confidence=confidence if windows else None,
        reasons=(),
        points=compared,
        samples=2 * compared,
        median_slowdown=float(np.nanmedian(slowdown)) if compared else None,
        attribution=Attribution.CODE if windows else None,
        left_out=(),
        gross_slowdown=float(np.nanmedian(slowdown)) if compared else None,
        shift=0.0,
        noise=0.03,
        cause=None,
        runs_needed=None,
        needed="",
    )


def _slowdowns(curves: CurveSet, index: int) -> np.ndarray:
    curve = curves.curves[index]
    before, after = curves.mean[:2, curve.start : curve.stop]
    return (after / before if curve.less_better else before / after) - 1.0


def _window(curves: CurveSet, index: int, first: float, last: float, slowdown: np.ndarray) -> Window:
    curve = curves.curves[index]
    inside = np.flatnonzero((curves.load[curve.start : curve.stop] >= first) & _until(curves, curve, last))
    values = slowdown[inside][np.isfinite(slowdown[inside])]
    median = float(np.median(values))
    worse = median > 0
    return Window(
        kind=FindingKind.WINDOW,
        gross_slowdown=median,
        direction=Direction.WORSE if worse else Direction.BETTER,
        first=int(inside[0]) + curve.start,
        last=int(inside[-1]) + curve.start,
        points=len(values),
        median_slowdown=median,
        mean_slowdown=float(values.mean()),
        max_slowdown=float(values.max() if worse else values.min()),
        low=median - 0.02,
        high=median + 0.02,
        p_value=1e-6,
        q_value=1e-5,
        consistency=float((np.abs(values) > 0.15).mean()),
        severity=next((s for least, s in THRESHOLDS if median >= least), Severity.MINOR) if worse else None,
    )


def _until(curves: CurveSet, curve: Curve, last: float) -> np.ndarray:
    return curves.load[curve.start : curve.stop] <= last


def _outcome(windows: Sequence[Window]) -> tuple[Outcome, int | None]:
    if not windows:
        return Outcome.UNCHANGED, None
    worse = [i for i, window in enumerate(windows) if window.direction is Direction.WORSE]
    if not worse:
        return Outcome.IMPROVED, 0
    worst = max(worse, key=lambda i: windows[i].median_slowdown)
    minor = windows[worst].severity is Severity.MINOR
    return Outcome.MINOR if minor else Outcome.REGRESSED, worst
