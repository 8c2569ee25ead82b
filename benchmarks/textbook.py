"""Whole-curve changes found beside a paired t-test and Wilcoxon-Mann-Whitney, at the same false alarms.

A textbook test of the points of two curves takes them for independent and their levels for fixed. Both have false
discoveries controlled over the job (Benjamini-Hochberg) and ask for 15 %; each is shown at 5 % and at the level at
which it raises no more false alarms than we do.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from detectors import CHANGED, CURVES, detection_of
from simulate import REGIMES, Changes, Regime, injected, simulate
from tables import rate, show

from perftracker_ai.model import CANDIDATE, Outcome
from perftracker_ai.stats import benjamini_hochberg, median, normal_tail, t_tail

if TYPE_CHECKING:
    from detectors import Plan
    from numpy.typing import NDArray

    from perftracker_ai.model import CurveSet

CALM = (
    Regime(name="calm, 2 to 3 %", low=0.02, high=0.03, level=0.5),
    Regime(name="calm, 3 to 6 %", low=0.03, high=0.06, level=0.35),
)
"""Machines on which levels repeat to 1 or 2 %."""

ALPHA, DUE = 0.05, math.log(1.15)
SIZES = (0.20, 0.30, 0.50, 1.00)
POINTS = (5, 8, 11, 24)


def textbook_section(plan: Plan) -> None:
    """Print false alarms and whole-curve changes found, by regime and points."""
    rows = [
        (regime.name, points, *cells)
        for points in POINTS
        for regime in (*CALM, *REGIMES[:3], *(r for r in REGIMES if r.name in ("level", "endpoint", "mixed")))
        for cells in _cells(regime, points, plan)
    ]
    header = ("regime", "points", "detector", "false/1000", "found", "found at our false alarms")
    show("Whole curves slower, beside textbook tests", header, rows, markdown=plan.markdown)


def _cells(regime: Regime, points: int, plan: Plan) -> list[tuple[object, ...]]:
    calm: dict[str, list[NDArray[np.float64]]] = {}
    slow: dict[str, list[NDArray[np.float64]]] = {}
    for job in range(plan.jobs):
        rng = np.random.default_rng((plan.seed, 6, job, points, sum(map(ord, regime.name))))
        runs, _ = simulate(regime, curves=CURVES, points=points, reruns=0, changed=0.0, rng=rng)
        changes = Changes(share=CHANGED, shapes=("whole",), sizes=SIZES)
        changed, truth = injected(runs, changes, rng)
        due = (truth.median >= math.expm1(DUE)) & (truth.size > 0)
        for name, of in (("ours", whole_changes), ("paired t", paired), ("Mann-Whitney", ranks)):
            calm.setdefault(name, []).append(of(runs))
            slow.setdefault(name, []).append(of(changed)[due])
    joined = {name: (np.concatenate(calm[name]), np.concatenate(slow[name])) for name in calm}
    allowed = float((joined["ours"][0] <= ALPHA).mean())
    return [
        (
            name,
            rate(1000 * float((still <= ALPHA).mean())),
            float((found <= ALPHA).mean()),
            float((found <= _level(still, allowed)).mean()),
        )
        for name, (still, found) in joined.items()
    ]


def _level(still: NDArray[np.float64], allowed: float) -> float:
    """Return the level at which no more calm curves than allowed are flagged, the usual one at most."""
    ordered = np.sort(still)
    place = math.floor(allowed * len(ordered))
    return min(ALPHA, math.nextafter(float(ordered[place]), 0.0))


def whole_changes(curves: CurveSet) -> NDArray[np.float64]:
    """Return 0 for the curves we call regressed, 1 for all others."""
    return np.array([0.0 if r.outcome is Outcome.REGRESSED else 1.0 for r in detection_of(curves).results])


def paired(curves: CurveSet) -> NDArray[np.float64]:
    """Return q-values of a paired t-test on the logarithms; 1 where the change is below the threshold."""
    p, level = [], []
    for pairs in _pairs(curves):
        error = float(pairs.std(ddof=1)) / math.sqrt(len(pairs))
        p.append(2 * t_tail(abs(float(pairs.mean())) / max(error, 1e-12), len(pairs) - 1))
        level.append(float(pairs.mean()))
    return np.where(np.array(level) >= DUE, benjamini_hochberg(np.array(p)), 1.0)


def ranks(curves: CurveSet) -> NDArray[np.float64]:
    """Return q-values of a test of ranks on the points of both curves; 1 where the change is below the threshold."""
    p, level = [], []
    logs = np.log(curves.mean[: CANDIDATE + 1])
    for curve, pairs in zip(curves.curves, _pairs(curves), strict=True):
        old, new = (row[np.isfinite(row)] for row in logs[:, curve.start : curve.stop])
        above = float((new[:, None] > old[None, :]).sum())
        middle, spread = len(old) * len(new) / 2, math.sqrt(len(old) * len(new) * (len(old) + len(new) + 1) / 12)
        p.append(2 * float(normal_tail((abs(above - middle) - 0.5) / spread)))
        level.append(float(median(pairs)))
    return np.where(np.array(level) >= DUE, benjamini_hochberg(np.minimum(np.array(p), 1.0)), 1.0)


def _pairs(curves: CurveSet) -> list[NDArray[np.float64]]:
    """Return the log-ratios of every curve, positive for worse."""
    ratio = np.log(curves.mean[CANDIDATE] / curves.mean[0])
    rows = [ratio[c.start : c.stop] * (1.0 if c.less_better else -1.0) for c in curves.curves]
    return [row[np.isfinite(row)] for row in rows]
