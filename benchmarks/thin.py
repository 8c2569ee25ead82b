"""What is found in suites of single numbers and of a few loads, beside textbook tests on the same scores.

Every suite has sixty tests. A score scatters about its test's level in a run by 1 to 10 %, and that level about the
version's by about half as much, in some tests by several times as much. In one suite nothing changed; in the other a
tenth of the tests did.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from detectors import detection_of
from tables import rate, show

from perftracker_ai.model import Absence, Curve, CurveSet, MetricKind, Outcome
from perftracker_ai.stats import benjamini_hochberg, normal_tail, t_tail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors import Plan
    from numpy.typing import NDArray

TESTS, CHANGED, SUITES = 60, 6, 10
SIZES = (0.20, 0.30, 0.50, 1.00)
LOADS, SCORES = (1, 2, 3, 4), (1, 3, 10, 25)
RERUNS = 2
ALPHA, DUE = 0.05, math.log(1.15)


def suite(loads: int, scores: int, slow: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the logarithms of all scores, shape (runs, tests, loads, scores); ``slow`` is what was done to tests."""
    noise = np.exp(rng.uniform(math.log(0.01), math.log(0.10), TESTS))
    level = 0.5 * noise * np.exp(0.5 * rng.standard_normal(TESTS))
    shape = (2 + RERUNS, TESTS, loads, scores)
    logs = noise[:, None, None] * rng.standard_normal(shape)
    logs += 0.5 * noise[:, None, None] * rng.standard_normal((2 + RERUNS, TESTS, loads, 1))
    logs += (level * rng.standard_normal((2 + RERUNS, TESTS)))[:, :, None, None]
    logs[1] += slow[:, None, None]
    return logs


def curves_of(logs: NDArray[np.float64]) -> CurveSet:
    """Return the scores as curves."""
    runs, tests, loads, scores = logs.shape
    values = 0.02 * np.exp(logs).reshape(runs, tests * loads, scores)
    spread = values.std(axis=-1, ddof=1) if scores > 1 else np.full(values.shape[:2], np.nan)
    return CurveSet(
        curves=tuple(_curve(test, loads) for test in range(tests)),
        load=np.tile(np.arange(1.0, loads + 1), tests),
        label=tuple(str(load + 1) for _ in range(tests) for load in range(loads)),
        mean=values.mean(axis=-1),
        sd=spread,
        count=np.full(values.shape[:2], scores),
        absence=np.full(values.shape[:2], Absence.PRESENT, dtype=np.uint8),
        errors=np.zeros(values.shape[:2], dtype=np.int64),
        begin=np.full(values.shape[:2], np.nan),
        end=np.full(values.shape[:2], np.nan),
        candidate_reruns=0,
    )


def _curve(test: int, loads: int) -> Curve:
    return Curve(
        index=test,
        group="simulated",
        tag=f"latency: GET /test{test:02d}",
        metric_label="latency",
        metric_kind=MetricKind.LATENCY,
        statistic="",
        threads=None,
        method="GET",
        path=f"/test{test:02d}",
        endpoint=f"GET /test{test:02d}",
        scenario="",
        unit="ms",
        base_unit="s",
        less_better=True,
        direction_known=True,
        load_unit="" if loads == 1 else "items",
        numbered=loads > 1,
        scalar=loads == 1,
        start=test * loads,
        stop=(test + 1) * loads,
    )


# ── the detectors ───────────────────────────────────────────────────────────────────────────────────────────────────


def ours(logs: NDArray[np.float64], runs: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which tests we call regressed, and which we call unchanged or improved, with so many runs known."""
    outcomes = [result.outcome for result in detection_of(curves_of(logs[:runs])).results]
    quiet = (Outcome.UNCHANGED, Outcome.IMPROVED)
    return np.array([one is Outcome.REGRESSED for one in outcomes]), np.array([one in quiet for one in outcomes])


def t_test(logs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Flag by a t-test, paired over the loads or else Welch's on the scores, with control of false discoveries."""
    loads, scores = logs.shape[2:]
    if loads > 1:
        pairs = logs[1].mean(axis=-1) - logs[0].mean(axis=-1)
        error, dof = pairs.std(axis=-1, ddof=1) / math.sqrt(loads), np.full(TESTS, loads - 1.0)
        return _flagged(pairs.mean(axis=-1), error, dof)
    if scores == 1:
        return np.zeros(TESTS, dtype=bool)
    parts = logs[:2, :, 0].var(axis=-1, ddof=1) / scores
    dof = parts.sum(axis=0) ** 2 / (parts**2).sum(axis=0) * (scores - 1)
    return _flagged(logs[1].mean(axis=(-1, -2)) - logs[0].mean(axis=(-1, -2)), np.sqrt(parts.sum(axis=0)), dof)


def _flagged(level: NDArray[np.float64], error: NDArray[np.float64], dof: NDArray[np.float64]) -> NDArray[np.bool_]:
    p = np.array([2 * t_tail(abs(t), freedom) for t, freedom in zip(level / error, dof, strict=True)])
    return (benjamini_hochberg(p) <= ALPHA) & (level >= DUE)


def ranks(logs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Flag by Mann and Whitney's test on the scores of all loads, with control of false discoveries."""
    old, new = logs[:2].reshape(2, TESTS, -1)
    size = old.shape[-1]
    above = (new[:, :, None] > old[:, None, :]).sum(axis=(1, 2))
    deviate = (np.abs(above - size**2 / 2) - 0.5) / math.sqrt(size**2 * (2 * size + 1) / 12)
    return (benjamini_hochberg(2 * normal_tail(deviate)) <= ALPHA) & (np.median(new - old, axis=-1) >= DUE)


# ── the section ─────────────────────────────────────────────────────────────────────────────────────────────────────


def thin_section(plan: Plan) -> None:
    """Print false alarms, recall and wrong words in thin suites, by loads and scores."""
    rows = [
        (loads, scores, name, *cells)
        for loads in LOADS
        for scores in SCORES
        for name, cells in _cells(loads, scores, plan).items()
    ]
    sizes = [f"+{size:.0%}" for size in SIZES]
    header = ("loads", "scores", "detector", "false/1000", *sizes, "unchanged", "wrong words/1000")
    title = f"Thin suites of {TESTS} tests ({SUITES * plan.jobs} of each kind)"
    show(title, header, rows, markdown=plan.markdown)


def _cells(loads: int, scores: int, plan: Plan) -> dict[str, list[object]]:
    calm: dict[str, list[NDArray[np.bool_]]] = {}
    hits: dict[tuple[str, float], list[NDArray[np.bool_]]] = {}
    quiet: dict[str, list[NDArray[np.bool_]]] = {}
    for number in range(SUITES * plan.jobs):
        rng = np.random.default_rng((plan.seed, 5, number, loads, scores))
        size = SIZES[number % len(SIZES)]
        slow = np.where(np.arange(TESTS) % (TESTS // CHANGED) == 0, math.log1p(size), 0.0)
        for changed in (False, True):
            logs = suite(loads, scores, slow if changed else 0 * slow, rng)
            for name, (flags, still) in _all(logs).items():
                if changed:
                    hits.setdefault((name, size), []).append(flags[slow > 0])
                    quiet.setdefault(name, []).append(still[slow > 0])
                else:
                    calm.setdefault(name, []).append(np.array([flags, still]))
    return {name: _figures(name, calm[name], hits, quiet[name]) for name in calm}


def _all(logs: NDArray[np.float64]) -> dict[str, tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    nothing = np.zeros(TESTS, dtype=bool)
    return {
        "pair": ours(logs, 2),
        f"{RERUNS} reruns": ours(logs, 2 + RERUNS),
        "t-test, BH": (t_test(logs), nothing),
        "Mann-Whitney, BH": (ranks(logs), nothing),
    }


def _figures(
    name: str,
    calm: Sequence[NDArray[np.bool_]],
    hits: dict[tuple[str, float], list[NDArray[np.bool_]]],
    quiet: Sequence[NDArray[np.bool_]],
) -> list[object]:
    flags, still = np.concatenate(calm, axis=1)
    found = [float(np.concatenate(hits[name, size]).mean()) for size in SIZES]
    words = [float(still.mean()), rate(1000 * float(np.concatenate(quiet).mean()))]
    return [rate(1000 * float(flags.mean())), *found, *(words if name in ("pair", f"{RERUNS} reruns") else ["", ""])]
