"""What further runs of the baseline's version are worth: false alarms, and the small changes that are found.

The same baseline and candidate are judged without and with reruns, so that every curve is its own control. Simulated
jobs come in all kinds of noise; for real noise the lab's two runs of one version are dealt anew, see `dealt`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import evaluate
import numpy as np
from dealt import pseudo_runs
from detectors import CHANGED, CURVES, ours, simulated
from recorded import LAB_JOBS, curves_of
from simulate import REGIMES, SHAPES, Changes, injected, with_reruns
from tables import share, show, thousandths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors import Plan
    from numpy.typing import NDArray
    from simulate import Regime

    from perftracker_ai.model import CurveSet, Job

    Rows = list[NDArray[np.void]]

RERUNS = (0, 1, 3, 5)
LAB_RERUNS = (0, 3)
COMPARED = (0, 3)
"""Numbers of reruns that are compared curve by curve."""

SIZES = (0.08, 0.10, 0.12, 0.15)
LAB_SHAPES = ("whole", "tail", "bump")
LAB_DEALS = 8
"""Lab jobs dealt for each simulated one of a regime: the lab has one kind of noise, the simulation fourteen."""


class Judged:
    """Rows of jobs in which nothing changed, and of the same jobs with small changes, by number of reruns."""

    def __init__(self) -> None:
        self.calm: dict[int, Rows] = {}
        self.changed: dict[int, Rows] = {}

    def add(self, runs: CurveSet, changes: Changes, reruns: Sequence[int], rng: np.random.Generator) -> None:
        """Judge one job both ways with each number of reruns."""
        changed, truth = injected(runs, changes, rng)
        _, nothing = injected(runs, Changes(share=0.0), rng)
        for count in reruns:
            for known, curves, what in ((self.calm, runs, nothing), (self.changed, changed, truth)):
                known.setdefault(count, []).append(evaluate.rows_of(what, ours(with_reruns(curves, count))))


def together(parts: Sequence[Judged]) -> Judged:
    """Put the jobs of several together."""
    whole = Judged()
    for part in parts:
        for known, more in ((whole.calm, part.calm), (whole.changed, part.changed)):
            for count, rows in more.items():
                known.setdefault(count, []).extend(rows)
    return whole


def reruns_section(plan: Plan) -> None:
    """Print false alarms and small changes found with none, one, three and five reruns, by regime."""
    for points in plan.points:
        judged = {regime.name: _judged(regime, points, plan) for regime in REGIMES}
        judged["together"] = together(list(judged.values()))
        _show(judged, RERUNS, f"{points} points, {plan.jobs} jobs of {CURVES} curves a regime", plan)


def lab_reruns_section(plan: Plan, jobs: dict[int, Job]) -> None:
    """Print the same with the lab's noise, by shape of the change."""
    curves = curves_of(jobs, LAB_JOBS[:2])
    judged = {shape: dealt_judged(curves, shape, plan) for shape in LAB_SHAPES}
    judged["together"] = together(list(judged.values()))
    _show(judged, LAB_RERUNS, f"the lab's noise dealt anew, {LAB_DEALS * plan.jobs} jobs a shape", plan)


def dealt_judged(curves: CurveSet, shape: str, plan: Plan) -> Judged:
    """Return what is found of changes of one shape in jobs made from two real runs."""
    judged = Judged()
    for job in range(LAB_DEALS * plan.jobs):
        rng = np.random.default_rng((plan.seed, 3, job, SHAPES.index(shape)))
        runs = pseudo_runs(curves, 2 + max(LAB_RERUNS), rng)
        judged.add(runs, Changes(share=CHANGED, shapes=(shape,), sizes=SIZES), LAB_RERUNS, rng)
    return judged


def _judged(regime: Regime, points: int, plan: Plan) -> Judged:
    judged = Judged()
    for job in range(plan.jobs):
        runs, _ = simulated(regime, points, (plan.seed, 2, job), reruns=max(RERUNS), changed=0.0)
        rng = np.random.default_rng((plan.seed, 2, job, points, REGIMES.index(regime), 1))
        judged.add(runs, Changes(share=CHANGED, sizes=SIZES), RERUNS, rng)
    return judged


# ── tables ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _show(judged: dict[str, Judged], reruns: Sequence[int], title: str, plan: Plan) -> None:
    names = [f"{count} rerun{'' if count == 1 else 's'}" for count in reruns]
    few, many = COMPARED
    listed = [f"listed, {count} reruns" for count in COMPARED]
    header = ("", "curves", *names, *listed, f"jobs with any, {few} and {many} reruns")
    rows = [(name, sum(map(len, part.calm[0])), *false_cells(part, reruns)) for name, part in judged.items()]
    show(f"False alarms per 1000 curves, {title}", header, rows, markdown=plan.markdown)
    header = ("", "changes", *names, f"only with {many}", f"only with {few}", "gain")
    rows = [(name, *small_cells(part, reruns)) for name, part in judged.items()]
    show(f"Share of changes of 8 to 15 % listed, {title}", header, rows, markdown=plan.markdown)


def false_cells(judged: Judged, reruns: Sequence[int]) -> list[str]:
    """Return the false alarms with each number of reruns, those that are merely listed, and the jobs that have any.

    The intervals take curves for independent; that few jobs hold most of the false alarms shows how far they are not.
    """
    flags = [("regressed", count) for count in reruns] + [("listed", count) for count in COMPARED]
    cells = []
    for flag, count in flags:
        rows = np.concatenate(judged.calm[count])
        hits = int(rows[flag].sum())
        cells.append(thousandths(hits, len(rows), evaluate.interval(hits, len(rows))))
    any_ = [str(sum(bool(rows["regressed"].any()) for rows in judged.calm[count])) for count in COMPARED]
    return [*cells, f"{', '.join(any_)} of {len(judged.calm[COMPARED[0]])}"]


def small_cells(judged: Judged, reruns: Sequence[int]) -> list[object]:
    """Return the small changes, the share found with each number of reruns, and the paired comparison of two."""
    hits = {count: [evaluate.small_hits(rows) for rows in judged.changed[count]] for count in reruns}
    found = {count: np.concatenate(parts) for count, parts in hits.items()}
    few, many = COMPARED
    of = len(found[few])
    shares = [share(int(part.sum()), of, evaluate.interval(int(part.sum()), of)) for part in found.values()]
    apart = [int((found[one] & ~found[other]).sum()) for one, other in ((many, few), (few, many))]
    return [of, *shares, *apart, _signed(evaluate.gain(hits[few], hits[many]))]


def _signed(gain: tuple[float, float, float] | None) -> str | None:
    return None if gain is None else f"{gain[0]:+.2f} ({gain[1]:+.2f} to {gain[2]:+.2f})"
