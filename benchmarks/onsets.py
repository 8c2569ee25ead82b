"""Draw regressions that came in with a known job, and ask where.

Two ways: the levels of what changed alone, thousands of them, and whole comparisons with their histories: nights that
are slower as a whole, curves that wander from night to night, points that scatter, loads that are missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from histories import noise
from store import header

from perftracker_ai.detect import detect
from perftracker_ai.diagnose import diagnose
from perftracker_ai.model import Absence, Curve, CurveSet, Direction, MetricKind, Timeline
from perftracker_ai.settings import DetectSettings
from perftracker_ai.trends import chronicle
from perftracker_ai.trends.onset import locate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from histories import Noise
    from numpy.typing import NDArray

MISTAKEN = 0.35
"""Standard deviation of the logarithm of the noise a comparison was judged by over the true one."""

CURVES, LOADS = 48, 24
NIGHT, WANDER, SCATTER, GONE = 0.03, 0.03, 0.04, 0.05


class Answer(NamedTuple):
    """Where a regression came in, and where it was said to have."""

    truth: int
    first: int
    earliest: int
    latest: int


def of_levels(
    kind: Noise, before: int, between: int, step: float, count: int, rng: np.random.Generator
) -> Iterator[Answer]:
    """Ask for steps (ratios) in levels of jobs before the baseline, itself, jobs between, and the candidate."""
    jobs = before + between + 2
    logs = noise(kind, count, jobs, rng)
    truth = before + 1 + rng.integers(0, between + 1, count)
    logs += np.log1p(step) * (np.arange(jobs) >= truth[:, None])
    sigma = np.mean(kind.sigma) * np.exp(MISTAKEN * rng.standard_normal(count))
    for row, place, spread in zip(logs, truth.tolist(), sigma.tolist(), strict=True):
        found = locate(row, np.ones(jobs), before, spread**2)
        yield Answer(place, found.first, found.earliest, found.latest)


def of_comparisons(before: int, between: int, step: float, count: int, rng: np.random.Generator) -> Iterator[Answer]:
    """Ask for regressions of one endpoint's three curves over their upper loads, as far as they are found."""
    jobs = before + between + 2
    for _ in range(count):
        truth = before + 1 + int(rng.integers(0, between + 1))
        mean = _nights(jobs, truth, step, rng)
        curves = _curves(mean[[before, -1]])
        detection = detect(curves, DetectSettings(), 1)
        clusters = diagnose(curves, detection, "")
        timeline = Timeline(jobs=tuple(header("Shop", number) for number in range(jobs)), mean=mean)
        told = chronicle(curves, detection, clusters, timeline, timeline.jobs[before], timeline.jobs[-1])
        worse = [cluster for cluster in clusters if cluster.direction is Direction.WORSE]
        for cluster, onset in zip(worse, told.onsets, strict=True):
            if cluster.endpoint == _endpoint(0):
                yield Answer(truth, onset.first.job, onset.earliest.job, onset.latest.job)


def _nights(jobs: int, truth: int, step: float, rng: np.random.Generator) -> NDArray[np.float64]:
    shape = (jobs, CURVES, LOADS)
    logs = NIGHT * rng.standard_normal((jobs, 1, 1)) + WANDER * rng.standard_normal((jobs, CURVES, 1))
    logs = logs + SCATTER * rng.standard_normal(shape) + np.linspace(0, 2, LOADS)
    logs[truth:, :3, LOADS // 2 :] += np.log1p(step)
    gone = (rng.random((jobs, CURVES, 1)) < GONE) & (np.arange(LOADS) >= rng.integers(0, LOADS, (jobs, CURVES, 1)))
    return np.where(gone, np.nan, 0.01 * np.exp(logs)).reshape(jobs, -1)


def _endpoint(index: int) -> str:
    return f"GET /api/{index // 3}"


def _curves(mean: NDArray[np.float64]) -> CurveSet:
    present = np.isfinite(mean)
    return CurveSet(
        curves=tuple(map(_curve, range(CURVES))),
        load=np.tile(1000.0 * np.arange(1, LOADS + 1), CURVES),
        label=tuple(f"{1000 * load} items" for load in range(1, LOADS + 1)) * CURVES,
        mean=mean,
        sd=np.full(mean.shape, np.nan),
        count=present.astype(np.int64),
        absence=np.where(present, Absence.PRESENT, Absence.MISSING).astype(np.uint8),
        errors=np.zeros(mean.shape, dtype=np.int64),
        begin=np.full(mean.shape, np.nan),
        end=np.full(mean.shape, np.nan),
        candidate_reruns=0,
    )


def _curve(index: int) -> Curve:
    threads = 2 ** (index % 3)
    return Curve(
        index=index,
        group="api",
        tag=f"latency, p(95) ({threads} th): {_endpoint(index)}",
        metric_label="latency, p(95)",
        metric_kind=MetricKind.LATENCY,
        statistic="p95",
        threads=threads,
        method="GET",
        path=_endpoint(index).removeprefix("GET "),
        endpoint=_endpoint(index),
        scenario="",
        unit="s",
        base_unit="s",
        less_better=True,
        direction_known=True,
        load_unit="items",
        numbered=True,
        scalar=False,
        start=index * LOADS,
        stop=(index + 1) * LOADS,
    )
