"""What is found on calm machines where half of the endpoints changed, by kind of change.

A job of fourteen to nineteen endpoints, as a small service has, of which nine changed in different ways. What became
20 % slower is measured at less than 15 % in some runs, for levels scatter: nothing that keeps to that threshold finds
much more than the share that reaches it, which is told beside what is found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from detectors import detection_of
from evaluate import DUE
from simulate import REGIMES, family_numbers, multiplied, simulate, with_reruns
from tables import rate, show
from textbook import CALM

from perftracker_ai.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from detectors import Plan
    from numpy.typing import NDArray
    from simulate import Regime

    from perftracker_ai.model import CurveResult, CurveSet

CURVES, LOADS, RERUNS = 112, 24, (0, 1)
KINDS: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "whole +20 %": lambda x: np.full(x.shape, 0.20),
    "low loads +30 %": lambda x: np.where(x < 1 / 3, 0.30, 0.0),
    "rate alone +20 %": lambda x: np.full(x.shape, 0.20),
    "growth to +150 %": lambda x: 1.5 * x,
    "band +35 %": lambda x: np.where((x >= 1 / 3) & (x < 2 / 3), 0.35, 0.0),
    "step +40 %": lambda x: np.where(x >= 1 / 2, 0.40, 0.0),
    "tail to +40 %": lambda x: np.where(x >= 2 / 3, 0.1 + 0.9 * (x - 2 / 3), 0.0),
    "whole -25 %": lambda x: np.full(x.shape, -0.25),
    "whole +8 %": lambda x: np.full(x.shape, 0.08),
}
"""Slowdown along the load, from its lowest (0) to its highest (1)."""

WHOLE, RATE_ALONE, BETTER, SMALL = "whole +20 %", "rate alone +20 %", "whole -25 %", "whole +8 %"
NEAR = (WHOLE, RATE_ALONE)
"""Kinds whose size is near the threshold."""


def calm_section(plan: Plan) -> None:
    """Print what is found by kind of change, without and with one rerun."""
    regimes = (*CALM, next(regime for regime in REGIMES if regime.name == "lab"))
    rows = [(regime.name, reruns, *cells) for regime in regimes for reruns, cells in _cells(regime, plan).items()]
    header = (
        "regime",
        "reruns",
        "false/1000, nothing changed",
        "false/1000 beside changes",
        *KINDS,
        *(f"{kind}: measured at 15 %" for kind in NEAR),
        "wrong words/1000",
    )
    show("Half of the endpoints changed: share found", header, rows, markdown=plan.markdown)


def _cells(regime: Regime, plan: Plan) -> dict[int, list[object]]:
    seen: dict[int, list[tuple[str, CurveResult]]] = {reruns: [] for reruns in RERUNS}
    calm: dict[int, list[Outcome]] = {reruns: [] for reruns in RERUNS}
    for job in range(plan.jobs):
        rng = np.random.default_rng((plan.seed, 7, job, sum(map(ord, regime.name))))
        runs, _ = simulate(regime, curves=CURVES, points=LOADS, reruns=max(RERUNS), changed=0.0, rng=rng)
        changed, kinds = _changed(runs, rng)
        for reruns in RERUNS:
            results = detection_of(with_reruns(changed, reruns)).results
            seen[reruns] += zip(kinds, results, strict=True)
            calm[reruns] += [result.outcome for result in detection_of(with_reruns(runs, reruns)).results]
    return {reruns: _figures(seen[reruns], calm[reruns]) for reruns in RERUNS}


def _changed(runs: CurveSet, rng: np.random.Generator) -> tuple[CurveSet, list[str]]:
    """Return the same runs with one kind of change at each of nine endpoints, and the kind of every curve."""
    family, slow, kinds = family_numbers(runs), np.zeros((len(runs.curves), LOADS)), [""] * len(runs.curves)
    along = np.linspace(0.0, 1.0, LOADS)
    for endpoint, (kind, profile) in zip(rng.permutation(family.max() + 1), KINDS.items(), strict=False):
        for curve in np.flatnonzero(family == endpoint).tolist():
            if kind != RATE_ALONE or not runs.curves[curve].less_better:
                slow[curve], kinds[curve] = profile(along), kind
    less = np.array([[curve.less_better] for curve in runs.curves])
    return multiplied(runs, np.where(less, 1 + slow, 1 / (1 + slow)).ravel()), kinds


def _figures(seen: list[tuple[str, CurveResult]], calm: list[Outcome]) -> list[object]:
    due = [result for kind, result in seen if kind not in ("", BETTER, SMALL)]
    wrong = [result.outcome in (Outcome.UNCHANGED, Outcome.IMPROVED) for result in due]
    return [
        rate(1000 * float(np.mean([outcome is Outcome.REGRESSED for outcome in calm]))),
        rate(1000 * float(np.mean([result.outcome is Outcome.REGRESSED for kind, result in seen if not kind]))),
        *(_share(seen, kind) for kind in KINDS),
        *(_measured(seen, kind) for kind in NEAR),
        rate(1000 * float(np.mean(wrong))),
    ]


def _share(seen: list[tuple[str, CurveResult]], kind: str) -> float:
    """Return the share found: regressed, or improved where that is due."""
    wanted = Outcome.IMPROVED if kind == BETTER else Outcome.REGRESSED
    return float(np.mean([result.outcome is wanted for each, result in seen if each == kind]))


def _measured(seen: list[tuple[str, CurveResult]], kind: str) -> float:
    """Return the share whose median as measured reaches the threshold."""
    sizes = [result.gross_slowdown or 0.0 for each, result in seen if each == kind]
    return float(np.mean(np.array(sizes) >= DUE))
