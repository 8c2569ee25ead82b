"""Draw histories of jobs with known changes: noise as real ones show it, steps where the truth says, and nothing else.

Everything is drawn from one generator; the same seed gives the same series. Values are times: larger is worse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.trends import Series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DAY_S = 86_400.0
FIRST_S = 1.75e9

STEPS = (1, 2, 3)
STEP_SHARES = (0.50, 0.34, 0.16)
"""How many changes a changed series has, and how often: 1.66 on average."""

APART = 10
"""Values at least between two changes, and between a change and an end."""

SMALLEST, LARGEST = 0.03, 0.40
"""Sizes of changes; small ones are as likely as large ones by their logarithm."""

UNCHANGED = 0.35
SLOW_SPIKES = 0.8


class Noise(msgspec.Struct, frozen=True, kw_only=True):
    """How one value differs from its level, in logarithms.

    Attributes
    ----------
    sigma : tuple of float
        Range of the standard deviation; each series has its own.
    rho : tuple of float
        Range of the correlation of neighbours.
    tails : tuple of float
        Degrees of freedom of the innovations' Student t, one drawn for each series; infinite is normal.
    spikes : float
        Share of values thrown off by 10 to 150 %, mostly upwards.
    waves : float
        Share of the variance in slow waves (correlation 0.9 from job to job) under unrelated noise.
    digits : int
        Significant digits values are rounded to, 0 for all.
    """

    name: str
    sigma: tuple[float, float] = (0.01, 0.08)
    rho: tuple[float, float] = (0.0, 0.0)
    tails: tuple[float, ...] = (np.inf,)
    spikes: float = 0.0
    waves: float = 0.0
    digits: int = 0


MIXED = Noise(name="mixed", rho=(0.0, 0.6), tails=(4.0, 5.0, 8.0, np.inf), spikes=0.015)

NOISES = (
    MIXED,
    Noise(name="independent, normal"),
    Noise(name="correlation 0.4", rho=(0.4, 0.4)),
    Noise(name="correlation 0.8", rho=(0.8, 0.8)),
    Noise(name="alternating", rho=(-0.3, -0.3)),
    Noise(name="heavy tails", tails=(3.0,)),
    Noise(name="rounded to 2 digits", rho=(0.0, 0.6), digits=2),
    Noise(name="5 % spikes", rho=(0.0, 0.6), tails=(4.0, 5.0, 8.0, np.inf), spikes=0.05),
    Noise(name="slow waves", waves=0.3),
)


def levels(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return log levels of series, from a millisecond to minutes."""
    return rng.uniform(np.log(1e-3), np.log(100.0), (count, 1))


def noise(kind: Noise, count: int, points: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return noise of log values, shape (count, points)."""
    sigma, rho = rng.uniform(*kind.sigma, (count, 1)), rng.uniform(*kind.rho, count)
    unit = _correlated(_innovations(kind, (count, points), rng), rho)
    if kind.waves:
        slow = _correlated(rng.standard_normal((count, points)), np.full(count, 0.9))
        unit = np.sqrt(1 - kind.waves) * unit + np.sqrt(kind.waves) * slow
    size = np.log1p(rng.uniform(0.1, 1.5, unit.shape)) * np.where(rng.random(unit.shape) < SLOW_SPIKES, 1.0, -1.0)
    return sigma * unit + np.where(rng.random(unit.shape) < kind.spikes, size, 0.0)


def _innovations(kind: Noise, shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    rows = []
    for freedom in rng.choice(kind.tails, shape[0]):
        if np.isinf(freedom):
            rows.append(rng.standard_normal(shape[1]))
        else:
            rows.append(rng.standard_t(freedom, shape[1]) * np.sqrt((freedom - 2) / freedom))
    return np.array(rows)


def _correlated(unit: NDArray[np.float64], rho: NDArray[np.float64]) -> NDArray[np.float64]:
    found = unit.copy()
    for place in range(1, unit.shape[1]):
        found[:, place] = rho * found[:, place - 1] + np.sqrt(1 - rho**2) * unit[:, place]
    return found


def quiet(kind: Noise, count: int, points: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return values of series in which nothing ever changed."""
    return rounded(np.exp(levels(count, rng) + noise(kind, count, points, rng)), kind.digits)


def rounded(values: NDArray[np.float64], digits: int) -> NDArray[np.float64]:
    """Return values with so many significant digits, all of them for 0."""
    if not digits:
        return values
    scale = 10.0 ** (digits - 1 - np.floor(np.log10(values)))
    return np.round(values * scale) / scale


def labelled(
    kind: Noise, count: int, points: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], list[tuple[int, ...]]]:
    """Return values, and for each series the first position of every new level; about a third has none."""
    logs = levels(count, rng) + noise(kind, count, points, rng)
    truth: list[tuple[int, ...]] = []
    for row in logs:
        places = () if rng.random() < UNCHANGED else _places(points, rng)
        for place in places:
            size = np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST)))
            row[place:] += rng.choice([1.0, -1.0]) * np.log1p(size)
        truth.append(places)
    return rounded(np.exp(logs), kind.digits), truth


def _places(points: int, rng: np.random.Generator) -> tuple[int, ...]:
    count = int(rng.choice(STEPS, p=STEP_SHARES))
    while True:
        places = np.sort(rng.integers(APART, points - APART, count))
        if (np.diff(places) >= APART).all():
            return tuple(places.tolist())


def as_series(values: NDArray[np.float64]) -> list[Series]:
    """Return rows as series of nightly jobs, every job another version."""
    times = FIRST_S + DAY_S * np.arange(values.shape[1])
    versions = tuple(f"1.{number}" for number in range(values.shape[1]))
    return [Series(times=times, values=row, versions=versions, less_better=True) for row in values]


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How found changes agree with the truth; rates are per thousand series in which nothing changed."""

    precision: float
    recall: float
    f1: float
    alerted: float
    false_changes: float


def score(found: Sequence[Sequence[int]], truth: Sequence[Sequence[int]], margin: int = 3) -> Score:
    """Compare found with true positions; each may count for one of the other, no further away than the margin."""
    hits = sum(_hits(ours, theirs, margin) for ours, theirs in zip(found, truth, strict=True))
    precision = hits / max(sum(map(len, found)), 1)
    recall = hits / max(sum(map(len, truth)), 1)
    calm = [len(ours) for ours, theirs in zip(found, truth, strict=True) if not theirs]
    return Score(
        precision=precision,
        recall=recall,
        f1=2 * precision * recall / max(precision + recall, 1e-9),
        alerted=1000 * sum(map(bool, calm)) / max(len(calm), 1),
        false_changes=1000 * sum(calm) / max(len(calm), 1),
    )


def _hits(found: Sequence[int], truth: Sequence[int], margin: int) -> int:
    left, hits = sorted(found), 0
    for place in sorted(truth):
        near = [one for one in left if abs(one - place) <= margin]
        if near:
            left.remove(near[0])
            hits += 1
    return hits
