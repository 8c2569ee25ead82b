"""Make up pairs of load-test jobs whose truth is known.

In goes a noise regime and the size of the job, out come the curves of all its runs and what was injected. Every run
is ``base * exp(cost noise)``: all noise is made as *cost* (positive is worse), added to a latency's logarithm and
taken from a rate's, so that the two metrics of one request are disturbed together, as they are in a real run.

The regimes bracket what repeated runs of real services show; none is fitted to a particular job.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec.structs import replace

from perftracker_ai.model import BY_RUN, CANDIDATE, FIRST_RERUN, Absence, Curve, CurveSet, MetricKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

FAMILIES = ((1, 4, 16), (1, 2, 4, 8))
SHAPES = ("tail", "bump", "whole", "thread", "lone")
"""Tail beyond a load, bump, whole range (each on all curves of an endpoint), one thread count only, one curve only."""
SIZES = (0.08, 0.12, 0.20, 0.30, 0.50, 1.00)
LOAD_STEP = 1000.0
SHARED_NOISE = 0.6  # correlation of the noise of latency and rate of one request
IMPROVED_SHARE = 0.2
RAMP_SHARE = 0.3
SLOW_SPIKES = 0.85  # share of the spikes that are slow-downs


class Regime(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of noise; ratios are standard deviations of the logarithm of one point of one run.

    Attributes
    ----------
    low, high : float
        Noise of a point, drawn per curve from this range.
    tail_df : float
        Degrees of freedom of the innovations; infinite is normal.
    spikes : float
        Share of points disturbed by 20 to 300 %.
    bursts : float
        Share of moments (an endpoint at a load) in which all curves measured then are disturbed as by a spike.
    widening : float
        How much wider the noise is at one end of the load range, at most.
    uneven : float
        How much noisier one run is than another, at most.
    level : float
        Scatter of a curve's level between runs, as a multiple of its point noise.
    restless : float
        How much curves differ in that, as the standard deviation of its logarithm.
    trend_run, trend_curve : float
        Drift from the first load to the last, shared by a run and of each curve.
    slower : float
        The candidate's overall slowdown.
    endpoint : float
        Scatter of the level all curves of an endpoint share in a run.
    digits : int
        Significant digits kept; 0 keeps all.
    samples : int
        Scores per point.
    """

    name: str
    low: float = 0.03
    high: float = 0.08
    tail_df: float = math.inf
    spikes: float = 0.0
    bursts: float = 0.0
    widening: float = 1.0
    uneven: float = 1.0
    level: float = 0.3
    restless: float = 0.0
    trend_run: float = 0.0
    trend_curve: float = 0.0
    slower: float = 0.0
    endpoint: float = 0.0
    digits: int = 0
    samples: int = 3
    missing: float = 0.01


REGIMES = (
    Regime(name="quiet", low=0.01, high=0.03),
    Regime(name="lab"),
    Regime(name="rough", low=0.06, high=0.15),
    Regime(name="tails", tail_df=3.0, samples=1),
    Regime(name="spikes", spikes=0.03),
    Regime(name="bursts", bursts=0.03),
    Regime(name="wide", widening=2.5),
    Regime(name="uneven", uneven=3.0),
    Regime(name="level", low=0.01, high=0.04, level=2.0),
    Regime(name="trend", trend_run=0.04, trend_curve=0.02),
    Regime(name="slower", slower=0.10),
    Regime(name="endpoint", endpoint=0.03),
    Regime(name="digits", low=0.005, high=0.03, digits=3, samples=1),
    Regime(name="mixed", low=0.02, tail_df=5.0, spikes=0.01, widening=1.8, level=0.8, endpoint=0.015, digits=3),
)


class Truth(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What was injected, one entry per curve of the `CurveSet`.

    Attributes
    ----------
    shape : tuple of str
        One of `SHAPES`; empty for an untouched curve.
    size : ndarray of float
        Largest slowdown as a ratio; negative for improvements, 0 for untouched curves.
    median : ndarray of float
        Median slowdown over the injected range.
    ramp : ndarray of bool
    first, last : ndarray of int
        Injected range, inclusive, as indices into the arrays of the `CurveSet`; -1 where there is none.
    factor : ndarray of float, shape (P,)
        What every value of the candidate was multiplied by.
    """

    shape: tuple[str, ...]
    size: NDArray[np.float64]
    median: NDArray[np.float64]
    ramp: NDArray[np.bool_]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    factor: NDArray[np.float64]


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be injected.

    Attributes
    ----------
    share : float
        Share of curves hit, in [0, 1]; whole endpoints are hit, so it may be exceeded a little.
    shapes : tuple of str
        Shapes to draw from, of `SHAPES`.
    sizes : tuple of float
        Largest slowdowns to draw from, as ratios.
    """

    share: float
    shapes: tuple[str, ...] = SHAPES
    sizes: tuple[float, ...] = SIZES


def simulate(
    regime: Regime, *, curves: int, points: int, reruns: int, changed: float, rng: np.random.Generator
) -> tuple[CurveSet, Truth]:
    """Return a baseline, a candidate and reruns of the baseline, and what was done to the candidate.

    Parameters
    ----------
    changed : float
        Share of curves hit by a change, in [0, 1]; whole endpoints are hit, so it may be exceeded a little.
    """
    described, endpoint = _describe(curves, points, rng)
    cost = _noise(regime, described, endpoint, points, 2 + reruns, rng)
    truth = _inject(described, endpoint, points, Changes(share=changed), rng)
    worse_up = np.where([[curve.less_better] for curve in described], 1.0, -1.0)
    mean = np.exp(_base(described, endpoint, points, rng) + worse_up * cost).reshape(2 + reruns, -1)
    mean[CANDIDATE] *= truth.factor
    return _curve_set(regime, described, points, mean, rng), truth


def with_reruns(curves: CurveSet, count: int) -> CurveSet:
    """Return the same pair as if only the first so many reruns were known."""
    runs = {name: getattr(curves, name)[: FIRST_RERUN + count] for name in BY_RUN}
    return replace(curves, **runs)


def injected(curves: CurveSet, changes: Changes, rng: np.random.Generator) -> tuple[CurveSet, Truth]:
    """Return the same runs with changes in the candidate, and what they are; all curves must be of one length."""
    truth = _inject(curves.curves, family_numbers(curves), curves.curves[0].stop, changes, rng)
    return multiplied(curves, truth.factor), truth


def undone(curves: CurveSet, truth: Truth) -> CurveSet:
    """Return the same runs, noise and all, as if nothing had been injected."""
    return multiplied(curves, 1 / truth.factor)


def multiplied(curves: CurveSet, factor: NDArray[np.float64]) -> CurveSet:
    """Return the same runs with every value of the candidate multiplied, the spread of its scores along."""
    runs = {"mean": curves.mean.copy(), "sd": curves.sd.copy()}
    for values in runs.values():
        values[CANDIDATE] *= factor
        values.setflags(write=False)
    return replace(curves, **runs)


def family_numbers(curves: CurveSet) -> NDArray[np.int64]:
    """Return a number per curve that the curves of one endpoint and scenario share."""
    keys: dict[tuple[str, str], int] = {}
    return np.array([keys.setdefault((curve.endpoint, curve.scenario), len(keys)) for curve in curves.curves])


# ── what is measured ────────────────────────────────────────────────────────────────────────────────────────────────


def _describe(curves: int, points: int, rng: np.random.Generator) -> tuple[tuple[Curve, ...], NDArray[np.int64]]:
    """Return endpoints x metrics x thread counts in (group, tag) order, and each curve's endpoint number."""
    family = FAMILIES[rng.integers(len(FAMILIES))]
    cells = [
        (number, kind, threads)
        for number in range(math.ceil(curves / (2 * len(family))))
        for kind in (MetricKind.LATENCY, MetricKind.RATE)
        for threads in family
    ][:curves]
    cells.sort(key=lambda cell: _tag(*cell))
    described = tuple(_curve(index, points, *cell) for index, cell in enumerate(cells))
    return described, np.array([number for number, _, _ in cells])


def _tag(number: int, kind: MetricKind, threads: int) -> str:
    label = "latency, p(95)" if kind is MetricKind.LATENCY else "rate"
    return f"{label} ({threads} th): GET /api/v1/resource{number:04d} (plain)"


def _curve(index: int, points: int, number: int, kind: MetricKind, threads: int) -> Curve:
    latency = kind is MetricKind.LATENCY
    return Curve(
        index=index,
        group="simulated",
        tag=_tag(number, kind, threads),
        metric_label="latency, p(95)" if latency else "rate",
        metric_kind=kind,
        statistic="p95" if latency else "",
        threads=threads,
        method="GET",
        path=f"/api/v1/resource{number:04d}",
        endpoint=f"GET /api/v1/resource{number:04d}",
        scenario="plain",
        unit="ms" if latency else "req/s",
        base_unit="s" if latency else "/s",
        less_better=latency,
        direction_known=True,
        load_unit="objects",
        numbered=True,
        scalar=False,
        start=index * points,
        stop=(index + 1) * points,
    )


def _base(
    described: tuple[Curve, ...], endpoint: NDArray[np.int64], points: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return log values without noise: each endpoint its own cost, growth with load and growth with threads."""
    endpoints = endpoint.max() + 1
    cost_s = np.log(10 ** rng.uniform(-3, -0.5, endpoints))  # 1 ms to 0.3 s
    growth = rng.choice([0.0, 0.0, 0.1, 0.4, 1.0], endpoints)  # exponent far above the knee
    knee = 10 ** rng.uniform(0, 2, endpoints)
    contention = rng.uniform(0.1, 0.9, endpoints)
    threads = np.array([curve.threads for curve in described])
    along = growth[:, None] * np.log1p(np.arange(1, points + 1) / knee[:, None])
    latency = (cost_s[:, None] + along)[endpoint] + (contention[endpoint] * np.log(threads))[:, None]
    rate = np.log(threads)[:, None] - latency
    return np.where([[curve.less_better] for curve in described], latency, rate)


# ── noise ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _noise(
    regime: Regime,
    described: tuple[Curve, ...],
    endpoint: NDArray[np.int64],
    points: int,
    runs: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return log cost noise, shape (runs, curves, points)."""
    curves = len(described)
    request = _request_numbers(described)
    sigma = rng.uniform(regime.low, regime.high, curves)[:, None]
    rho = rng.uniform(0.2, 0.8, request.max() + 1)[request]
    along = np.linspace(0.0, 1.0, points)
    noise = sigma * _width(regime, curves, along, rng) * _correlated(regime, request, rho, (runs, points), rng)
    noise *= rng.uniform(1.0, regime.uneven, (runs, 1, 1))
    noise += _levels(regime, sigma, endpoint, runs, rng)
    noise += along * rng.normal(0.0, regime.trend_run, (runs, 1, 1))
    noise += along * rng.normal(0.0, regime.trend_curve, (runs, curves, 1))
    noise += _spikes(regime.spikes, noise.shape, rng)
    noise += _spikes(regime.bursts, (runs, endpoint.max() + 1, points), rng)[:, endpoint]
    noise[CANDIDATE] += math.log1p(regime.slower)
    return noise


def _request_numbers(described: tuple[Curve, ...]) -> NDArray[np.int64]:
    """Return a number shared by latency and rate of one endpoint and thread count."""
    keys: dict[tuple[str, int | None], int] = {}
    return np.array([keys.setdefault((curve.endpoint, curve.threads), len(keys)) for curve in described])


def _correlated(
    regime: Regime,
    request: NDArray[np.int64],
    rho: NDArray[np.float64],
    runs_points: tuple[int, int],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return AR(1) noise of unit variance along the load, partly shared by the metrics of one request."""
    runs, points = runs_points
    shared = _innovations(regime, (runs, request.max() + 1, points), rng)[:, request]
    own = _innovations(regime, (runs, request.size, points), rng)
    noise = math.sqrt(SHARED_NOISE) * shared + math.sqrt(1 - SHARED_NOISE) * own
    for point in range(1, points):
        noise[..., point] = rho * noise[..., point - 1] + np.sqrt(1 - rho**2) * noise[..., point]
    return noise


def _innovations(regime: Regime, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return independent noise of unit variance."""
    if math.isinf(regime.tail_df):
        return rng.standard_normal(shape)
    return rng.standard_t(regime.tail_df, shape) * math.sqrt((regime.tail_df - 2) / regime.tail_df)


def _width(regime: Regime, curves: int, along: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return how much wider the noise is at each load, shape (curves, points): 1 at one end, more at the other."""
    ratio = rng.uniform(1.0, regime.widening, (curves, 1))
    high_end = rng.random((curves, 1)) < 0.7  # saturation is more common than a cold start
    return ratio ** np.where(high_end, along, 1 - along)


def _levels(
    regime: Regime, sigma: NDArray[np.float64], endpoint: NDArray[np.int64], runs: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return how far whole curves, and whole endpoints, lie off in each run, shape (runs, curves, 1)."""
    scatter = regime.level * sigma
    if regime.restless:
        scatter = scatter * np.exp(regime.restless * rng.standard_normal((endpoint.size, 1)))
    own = scatter * rng.standard_normal((runs, endpoint.size, 1))
    return own + rng.normal(0.0, regime.endpoint, (runs, endpoint.max() + 1, 1))[:, endpoint]


def _spikes(share: float, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return rare large disturbances of single points, mostly slow-downs."""
    if not share:
        return np.zeros(shape)
    size = np.log1p(rng.uniform(0.2, 3.0, shape))
    sign = np.where(rng.random(shape) < SLOW_SPIKES, 1.0, -1.0)
    return np.where(rng.random(shape) < share, sign * size, 0.0)


# ── injected changes ────────────────────────────────────────────────────────────────────────────────────────────────


def _inject(
    described: tuple[Curve, ...],
    endpoint: NDArray[np.int64],
    points: int,
    changes: Changes,
    rng: np.random.Generator,
) -> Truth:
    """Return what is done to the candidate."""
    slowdown = np.zeros((len(described), points))
    shape = [""] * len(described)
    ramp = np.zeros(len(described), dtype=bool)
    wanted = round(changes.share * len(described))
    for number in rng.permutation(endpoint.max() + 1):
        if sum(map(bool, shape)) >= wanted:
            break
        kind = changes.shapes[rng.integers(len(changes.shapes))]
        first, last = _range(kind, points, rng)
        profile, is_ramp = _profile(last - first + 1, changes.sizes, rng)
        for curve in _members(kind, np.flatnonzero(endpoint == number), described, rng):
            slowdown[curve, first : last + 1] = profile
            shape[curve], ramp[curve] = kind, is_ramp
    return _truth(described, slowdown, tuple(shape), ramp)


def _range(kind: str, points: int, rng: np.random.Generator) -> tuple[int, int]:
    """Return first and last affected point of a change within its curve."""
    if kind in ("thread", "lone"):
        kind = SHAPES[rng.integers(3)]
    if kind == "whole":
        return 0, points - 1
    if kind == "tail":
        return points - int(rng.integers(3, max(4, 2 * points // 3 + 1))), points - 1
    length = int(rng.integers(3, min(20, points // 2) + 1))
    first = int(rng.integers(0, points - length + 1))
    return first, first + length - 1


def _profile(length: int, sizes: tuple[float, ...], rng: np.random.Generator) -> tuple[NDArray[np.float64], bool]:
    """Return the slowdown of each affected point: a step, or a ramp up to the full size."""
    size = sizes[rng.integers(len(sizes))]
    is_ramp = bool(rng.random() < RAMP_SHARE)
    profile = size * np.arange(1, length + 1) / length if is_ramp else np.full(length, size)
    if rng.random() < IMPROVED_SHARE:
        profile = 1 / (1 + profile) - 1
    return profile, is_ramp


def _members(
    kind: str, family: NDArray[np.int64], described: tuple[Curve, ...], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return the curves of an endpoint that a change of this kind hits."""
    picked = family[rng.integers(family.size)]
    if kind == "lone":
        return family[family == picked]
    if kind == "thread":
        return np.array([curve for curve in family if described[curve].threads == described[picked].threads])
    return family


def _truth(
    described: tuple[Curve, ...], slowdown: NDArray[np.float64], shape: tuple[str, ...], ramp: NDArray[np.bool_]
) -> Truth:
    hit = slowdown != 0
    curves, points = slowdown.shape
    start = np.arange(curves) * points
    any_hit = hit.any(axis=1)
    largest = np.abs(slowdown).argmax(axis=1)
    median = np.array([np.median(row[mask]) if mask.any() else 0.0 for row, mask in zip(slowdown, hit, strict=True)])
    return Truth(
        shape=shape,
        size=slowdown[np.arange(curves), largest],
        median=median,
        ramp=ramp,
        first=np.where(any_hit, start + hit.argmax(axis=1), -1),
        last=np.where(any_hit, start + points - 1 - hit[:, ::-1].argmax(axis=1), -1),
        factor=np.where([[curve.less_better] for curve in described], 1 + slowdown, 1 / (1 + slowdown)).ravel(),
    )


# ── as a job would hold it ──────────────────────────────────────────────────────────────────────────────────────────


def _curve_set(
    regime: Regime, described: tuple[Curve, ...], points: int, mean: NDArray[np.float64], rng: np.random.Generator
) -> CurveSet:
    """Return the curves with their scores' scatter, quantisation and missing points."""
    runs, size = mean.shape
    absent = rng.random(mean.shape) < regime.missing
    mean = np.where(absent, np.nan, _quantised(mean, regime.digits))
    load = LOAD_STEP * np.tile(np.arange(1, points + 1), len(described))
    arrays = {
        "load": load,
        "mean": mean,
        "sd": _score_scatter(regime, mean, rng),
        "count": np.where(absent, 0, regime.samples),
        "absence": np.where(absent, Absence.MISSING, Absence.PRESENT).astype(np.uint8),
        "errors": np.zeros((runs, size), dtype=np.int64),
        "begin": np.full((runs, size), np.nan),
        "end": np.full((runs, size), np.nan),
    }
    for array in arrays.values():
        array.setflags(write=False)
    label = tuple(f"{value:.0f} objects" for value in load)
    return CurveSet(curves=described, label=label, candidate_reruns=0, **arrays)


def _quantised(values: NDArray[np.float64], digits: int) -> NDArray[np.float64]:
    """Return values rounded to so many significant digits."""
    if not digits:
        return values
    scale = 10.0 ** (digits - 1 - np.floor(np.log10(values)))
    return np.round(values * scale) / scale


def _score_scatter(regime: Regime, mean: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a standard deviation of the scores that says too little of the noise between runs, as real ones do."""
    if regime.samples < 2:
        return np.full(mean.shape, np.nan)
    freedom = regime.samples - 1
    return mean * regime.low * np.sqrt(rng.chisquare(freedom, mean.shape) / freedom)
