"""False discoveries, controlled over all curves at once; and which points seem to have changed.

In: the evidence of all panels. Out: q-values per direction, for a curve's own scan and for what its siblings say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.detect.evidence import SCANNED_POINTS, SIDES
from perftracker_ai.stats import benjamini_hochberg

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perftracker_ai.detect.evidence import Evidence, Side
    from perftracker_ai.detect.scan import Best

MEMBER_P = 0.05
"""A curve counts on its siblings' evidence only when it shows the change itself at this level, in a single test."""

FAMILY_SHARE = 0.4
"""The rate of false discoveries is that of a curve's own scan; what its siblings say may add so much of it: where the
curve alone is too noisy they are many, and so are they where the machine disturbs one endpoint."""

RULE_P = 0.0015
"""Level of the rule for curves too short to be judged against all others: three standard errors, one-sided, and the
rule asks for size as well. Nearly three times the level found a twelfth more of the simulated regressions and raised
more than twice as many false alarms; this one leaves simulated noise of nearly every kind under five in a thousand calm
curves. On repeated public database benchmarks of eight loads a rule of that kind finds more than control over all
curves does."""

MOST_P = 0.01
"""No discovery among rows of few points is believed beyond this chance of its own: where half of a job changed, control
over all of them alone would let one in forty pass."""

SUSPECT_Q = 0.2
"""Discoveries up to this rate are left out when shifts and level scatter are estimated a second time: leaving out a
calm curve costs little, leaving in a changed one biases them."""


class Chances(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """q-values of one direction over all panels, one array per panel; NaN where a route does not apply.

    Attributes
    ----------
    cut : float
        Largest p-value of a single scan that would still be a discovery.
    """

    own: list[NDArray[np.float64]]
    family: list[NDArray[np.float64]]
    twin: list[NDArray[np.float64]]
    cut: float


def weigh_chances(evidences: list[Evidence], side: int, fdr: float) -> Chances:
    """Turn the p-values of one direction into q-values, over all panels."""
    sides = [evidence.sides[side] for evidence in evidences]
    enough = np.concatenate([evidence.points for evidence in evidences]) >= SCANNED_POINTS
    p, family, member = (_all(sides, name) for name in ("p", "family_p", "member_p"))
    own_q, family_q = _q(p, enough, 1.0, fdr), _q(family, enough, FAMILY_SHARE, fdr)
    shown = np.where(member <= MEMBER_P, np.maximum(family_q, member), 1.0)
    discovered, tests = max(int(np.sum(own_q[enough] <= fdr)), 1), max(int(np.isfinite(p[enough]).sum()), 1)
    lengths = np.cumsum([len(part.p) for part in sides])[:-1]
    own = np.split(own_q, lengths)
    return Chances(
        own=own,
        twin=[_twin_q(evidence, part, q) for evidence, part, q in zip(evidences, sides, own, strict=True)],
        family=np.split(shown, lengths),
        cut=fdr * discovered / tests,
    )


def _q(p: NDArray[np.float64], enough: NDArray[np.bool_], share: float, fdr: float) -> NDArray[np.float64]:
    """Control false discoveries over the rows with enough points; shorter ones have their rule, all or nothing."""
    controlled = benjamini_hochberg(np.where(enough, np.minimum(p / share, 1.0), np.nan))
    return np.where(enough, controlled, np.where(believed(np.where(enough, np.nan, p), fdr), p, np.nan))


def believed(p: NDArray[np.float64], fdr: float) -> NDArray[np.bool_]:
    """Say which rows of few points chance does not explain: by themselves, or among what all such rows show."""
    return (p <= RULE_P) | ((benjamini_hochberg(p) <= fdr) & (p <= MOST_P))


def _twin_q(evidence: Evidence, side: Side, own_q: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a curve has by its twin's discovery: the twin's q-value, where the curve shows the change itself."""
    twin = evidence.net.panel.twin
    there = np.where((twin >= 0) & np.isfinite(own_q[twin]), own_q[twin], 1.0)
    return np.where(side.twin_p <= MEMBER_P, np.maximum(there, side.twin_p), 1.0)


def _all(sides: list[Side], name: str) -> NDArray[np.float64]:
    return np.concatenate([getattr(side, name) for side in sides])


def suspects(evidences: list[Evidence]) -> list[NDArray[np.bool_]]:
    """Mark the points of every panel that seem to have changed in either direction."""
    marks = [np.zeros(evidence.net.ratio.shape, dtype=bool) for evidence in evidences]
    for side in range(len(SIDES)):
        chances = weigh_chances(evidences, side, SUSPECT_Q)
        for k, (mark, evidence) in enumerate(zip(marks, evidences, strict=True)):
            found, own, family = evidence.sides[side], chances.own[k], chances.family[k]
            columns = evidence.net.ratio.shape[1]
            np.logical_or(mark, _inside(found.best, own <= SUSPECT_Q, columns), out=mark)
            np.logical_or(mark, _inside(found.family, family <= SUSPECT_Q, columns), out=mark)
    return marks


def _inside(window: Best, rows: NDArray[np.bool_], columns: int) -> NDArray[np.bool_]:
    places = np.arange(columns)
    inside: NDArray[np.bool_] = rows[:, None] & (places >= window.first[:, None]) & (places <= window.last[:, None])
    return inside
