"""Both detectors over the whole range of their settings, so that they can be compared at like numbers of false alarms.

The earlier criteria's threshold goes from 5 to 100 %, their other rules kept. Ours takes false-discovery rates from the
default to nearly all, with the practical threshold of a regression as it is and at 8 %. What either would have found by
noise alone is known as well: the same jobs are judged as if nothing had been injected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import evaluate
import numpy as np
import reference
from detectors import CHANGED, SETTINGS, earlier, ours, pooled, simulated
from msgspec.structs import replace
from simulate import REGIMES, undone, with_reruns
from tables import rate, show

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from detectors import Plan, Seen
    from evaluate import Call
    from numpy.typing import NDArray
    from simulate import Regime

    from perftracker_ai.model import CurveSet

THRESHOLDS = (0.05, 0.08, 0.10, 0.12, 0.15, 0.20, 0.25, 0.30, 0.40, 0.50, 0.70, 1.00)
FDRS = (SETTINGS.fdr, 0.20, 0.50, 0.99)
MODERATES = (SETTINGS.moderate, 0.08)
RUNS = {"pair": 0, "2 reruns": 2}
EARLIER = "earlier criteria"

ALARMS = 1 / 3
"""Share of the earlier criteria's false alarms that is to be enough."""

BY_CHANCE = "by chance"

HEADER = ("detector", "setting", "false/1000", "all", "all, net", "15 %", "15 %, net", "15 %, IoU 0.5")


class Point(NamedTuple):
    """One detector at one setting.

    Attributes
    ----------
    false : float
        False alarms per 1000 curves.
    every, due, exact : float or None
        Share reported of all curves that became slower, of those slower by 15 % or more, and of the latter with at
        least half of the range right.
    every_net, due_net : float or None
        The first two, net of what chance earns.
    """

    detector: str
    setting: str
    false: float
    every: float | None
    every_net: float | None
    due: float | None
    due_net: float | None
    exact: float | None

    def cells(self) -> tuple[object, ...]:
        """Return what a table shows."""
        return self.detector, self.setting, rate(self.false), *self[3:]


def roc_section(plan: Plan) -> None:
    """Print both detectors at like numbers of false alarms, and their whole range; regimes apart for the longest."""
    for points in plan.points:
        seen = pooled({regime.name: _seen(regime, points, plan) for regime in REGIMES})
        chosen = seen if points == plan.points[0] else {"together": seen["together"]}
        rows = [(name, *point.cells()) for name, by in chosen.items() for point in compared(points_of(by))]
        title = f"At a third of the earlier criteria's false alarms, {points} points ({plan.jobs} jobs a regime)"
        show(title, ("regime", *HEADER), rows, markdown=plan.markdown)
        range_ = [point.cells() for point in points_of(seen["together"])]
        show(f"The whole range, all regimes together, {points} points", HEADER, range_, markdown=plan.markdown)


def compared(points: Sequence[Point]) -> Iterator[Point]:
    """Yield every detector at its default and where its false alarms are just within a third of the earlier ones'."""
    defaults = {EARLIER: _threshold(reference.THRESHOLD)} | dict.fromkeys(RUNS, _ours_at(*_DEFAULT))
    alarms = next(point.false for point in points if point[:2] == (EARLIER, defaults[EARLIER]))
    for detector, setting in defaults.items():
        own = [point for point in points if point.detector == detector]
        yield next(point for point in own if point.setting == setting)
        fits = [point for point in own if point.false <= ALARMS * alarms]
        if fits:
            best = max(fits, key=lambda point: (point.false, point.every or 0.0))
            yield best._replace(detector=f"{detector}, a third")


def points_of(seen: Seen) -> list[Point]:
    """Return every detector at every setting."""
    return [
        _point(detector, setting, rows, seen[detector, setting, BY_CHANCE])
        for (detector, setting, what), rows in seen.items()
        if not what
    ]


def _point(detector: str, setting: str, rows: NDArray[np.void], chance: NDArray[np.void]) -> Point:
    return Point(
        detector=detector,
        setting=setting,
        false=evaluate.false_alarms(rows),
        every=evaluate.reported(rows, 0.0),
        every_net=_net(rows, chance, 0.0),
        due=evaluate.reported(rows, evaluate.DUE),
        due_net=_net(rows, chance, evaluate.DUE),
        exact=evaluate.reported(rows, evaluate.DUE, evaluate.EXACT),
    )


def _net(rows: NDArray[np.void], chance: NDArray[np.void], least: float) -> float | None:
    return evaluate.net_of_chance(evaluate.reported(rows, least), evaluate.reported(chance, least))


def _seen(regime: Regime, points: int, plan: Plan) -> Seen:
    """Return the rows of all jobs of one regime by detector, setting, and whether anything was injected."""
    parts: dict[tuple[str, str, str], list[NDArray[np.void]]] = {}
    for job in range(plan.jobs):
        runs, truth = simulated(regime, points, (plan.seed, 1, job), reruns=max(RUNS.values()), changed=CHANGED)
        for what, curves in (("", runs), (BY_CHANCE, undone(runs, truth))):
            for detector, setting, calls in _calls(curves):
                parts.setdefault((detector, setting, what), []).append(evaluate.rows_of(truth, calls))
    return {name: np.concatenate(rows) for name, rows in parts.items()}


def _calls(curves: CurveSet) -> Iterable[tuple[str, str, Sequence[Call]]]:
    """Yield every detector's calls at every setting."""
    for threshold in THRESHOLDS:
        yield EARLIER, _threshold(threshold), earlier(curves, threshold)
    for name, reruns in RUNS.items():
        known = with_reruns(curves, reruns)
        for moderate in MODERATES:
            for fdr in FDRS:
                yield name, _ours_at(fdr, moderate), ours(known, replace(SETTINGS, fdr=fdr, moderate=moderate))


def _threshold(value: float) -> str:
    return f"{value:.0%}"


def _ours_at(fdr: float, moderate: float) -> str:
    return f"fdr {fdr:.0%}, from {moderate:.0%}"


_DEFAULT = SETTINGS.fdr, SETTINGS.moderate
