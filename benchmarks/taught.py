"""What a history of earlier jobs is worth to detection: false alarms without and with it, and the changes found.

The same baseline and candidate are judged by themselves, with twenty earlier jobs to learn the noise from, and with
three reruns of the baseline. The earlier jobs are of other versions: twice on the way a tenth of the curves changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import evaluate
import numpy as np
from detectors import CHANGED, CURVES, ours, pooled
from simulate import REGIMES, Changes, Regime, injected, simulate, undone, with_reruns
from store import header
from tables import rate, show

from perftracker_ai.model import FIRST_RERUN, Timeline

if TYPE_CHECKING:
    from detectors import Plan, Seen

    from perftracker_ai.model import CurveSet

EARLIER, RERUNS = 20, 3
CHANGED_AT = (7, 14)
"""Places among the earlier jobs at which a tenth of the curves changed for good."""

WAYS = ("pair", f"{EARLIER} earlier jobs", f"{RERUNS} reruns")
RESTLESS = Regime(name="restless", low=0.01, high=0.04, level=1.0, restless=0.9)
"""A kind of noise that two jobs cannot know: some curves jump about from run to run, several times as far as others."""


def taught_section(plan: Plan) -> None:
    """Print false alarms, recall and small changes found, two jobs alone, with earlier ones, and with reruns."""
    for points in plan.points:
        seen = pooled({regime.name: _seen(regime, points, plan) for regime in (*REGIMES, RESTLESS)})
        header = [f"{what}, {way}" for what in ("false/1000", "recall", "small listed") for way in WAYS]
        rows = [(name, *_cells(by)) for name, by in seen.items()]
        title = f"What earlier jobs are worth, {points} points ({plan.jobs} jobs a regime)"
        show(title, ("regime", *header), rows, markdown=plan.markdown)


def _cells(by: Seen) -> list[object]:
    return [
        *(rate(evaluate.false_alarms(by["calm", way])) for way in WAYS),
        *(evaluate.recall(by[way]) for way in WAYS),
        *(evaluate.small_recall(by[way]) for way in WAYS),
    ]


def _seen(regime: Regime, points: int, plan: Plan) -> Seen:
    seen: dict[object, list[object]] = {}
    for job in range(plan.jobs):
        rng = np.random.default_rng((plan.seed, 4, job, points, sum(map(ord, regime.name))))
        runs, truth = simulate(regime, curves=CURVES, points=points, reruns=RERUNS + EARLIER, changed=CHANGED, rng=rng)
        timeline = history(runs, rng)
        _, nothing = injected(runs, Changes(share=0.0), rng)
        for way, count, known in zip(WAYS, (0, 0, RERUNS), (None, timeline, None), strict=True):
            for key, curves, what in ((way, runs, truth), (("calm", way), undone(runs, truth), nothing)):
                calls = ours(with_reruns(curves, count), timeline=known)
                seen.setdefault(key, []).append(evaluate.rows_of(what, calls))
    return {key: np.concatenate(rows) for key, rows in seen.items()}


def history(runs: CurveSet, rng: np.random.Generator) -> Timeline:
    """Take the last runs for earlier jobs, and let versions change some of their curves on the way."""
    mean = runs.mean[FIRST_RERUN + RERUNS :].copy()
    for place in CHANGED_AT:
        _, truth = injected(runs, Changes(share=CHANGED), rng)
        mean[:place] /= truth.factor
    return Timeline(jobs=tuple(header("Shop", number) for number in range(len(mean))), mean=mean)
