"""False discoveries, controlled over all curves at once; and which points seem to have changed.

In: the evidence of all panels. Out: q-values per direction, for a curve's own scan and for what its siblings say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.detect.evidence import SCANNED_POINTS, SIDES
from perftracker_ai.stats import adaptive_cuts, benjamini_hochberg

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perftracker_ai.detect.evidence import Evidence, Side
    from perftracker_ai.detect.scan import Best

MEMBER_RATE, MOST_MEMBER_P, MEMBER_P = 0.05, 0.2, 0.05
"""A curve counts on its siblings' evidence only when it shows the change itself, in a single test: at this rate of
false ones among all that are related, and no more than this chance of its own. On its twin's alone, at the last."""

RULE_P = 0.0015
"""Level of the rule for curves too short to be judged against all others: three standard errors, one-sided, and the
rule asks for size as well. Nearly three times the level found a twelfth more of the simulated regressions and raised
more than twice as many false alarms; this one leaves simulated noise of nearly every kind under five in a thousand calm
curves. On repeated public database benchmarks of eight loads a rule of that kind finds more than control over all
curves does."""

MOST_P, MOST_SCAN_P = 0.01, 0.02
"""No discovery is believed beyond this chance of its own: where most of a job changed, control over all of its curves
alone would let one in twenty pass. The last is of the scan of a long row; the first of its siblings, for what disturbs
them may disturb the row as well, and of rows of few points."""

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


class _Tests(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """p-values of one direction over the rows of all panels, and what tells rows apart: the same in both directions.

    Attributes
    ----------
    own, family, member : ndarray, shape (C,)
        See `Side`.
    enough : ndarray of bool, shape (C,)
        Rows with enough points to be judged against all others.
    owner : ndarray of int, shape (C,)
        Number of the row's family.
    """

    own: NDArray[np.float64]
    family: NDArray[np.float64]
    member: NDArray[np.float64]
    enough: NDArray[np.bool_]
    owner: NDArray[np.intp]


def weigh_chances(evidences: list[Evidence], fdr: float) -> list[Chances]:
    """Turn p-values into q-values, over all panels; one for each direction.

    In two stages (Benjamini, Krieger & Yekutieli 2006): how many rows changed is told first, at a little less than the
    rate, and as the others alone can be false, the rate is theirs. Where most of a job changed that finds the rest of
    it, and where nothing did it asks for slightly more.
    """
    tests = [_tests(evidences, k) for k in range(len(SIDES))]
    enough, first = tests[0].enough, fdr / (1 + fdr)
    changed = np.any([(q <= first) & enough for one in tests for q in _q_values(one, first, 1.0)], axis=0)
    calm = (1 + fdr) * max(float(enough.sum() - changed.sum()), 1.0) / max(float(enough.sum()), 1.0)
    return [_chances(evidences, k, one, fdr, calm) for k, one in enumerate(tests)]


def _tests(evidences: list[Evidence], side: int) -> _Tests:
    sides = [evidence.sides[side] for evidence in evidences]
    own, family, member = (
        np.concatenate([getattr(part, name) for part in sides]) for name in ("p", "family_p", "member_p")
    )
    starts = [np.isin(np.arange(len(evidence.points)), evidence.net.panel.starts) for evidence in evidences]
    return _Tests(
        own=own,
        family=family,
        member=member,
        enough=np.concatenate([evidence.points for evidence in evidences]) >= SCANNED_POINTS,
        owner=np.cumsum(np.concatenate(starts)) - 1,
    )


def _q_values(tests: _Tests, fdr: float, calm: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """q-values of the rows' own scans, and of what their siblings say."""
    family = _q(tests, tests.family, fdr, calm, MOST_P)
    return _q(tests, tests.own, fdr, calm, MOST_SCAN_P), np.maximum(family, _member_q(tests, min(fdr, MEMBER_RATE)))


def _chances(evidences: list[Evidence], side: int, tests: _Tests, fdr: float, calm: float) -> Chances:
    own_q, family_q = _q_values(tests, fdr, calm)
    enough = tests.enough
    discovered, among = max(int(np.sum(own_q[enough] <= fdr)), 1), max(int(np.isfinite(tests.own[enough]).sum()), 1)
    lengths = np.cumsum([len(evidence.points) for evidence in evidences])[:-1]
    own = np.split(own_q, lengths)
    return Chances(
        own=own,
        twin=[_twin_q(evidence, evidence.sides[side], q) for evidence, q in zip(evidences, own, strict=True)],
        family=np.split(family_q, lengths),
        cut=min(fdr * discovered / (calm * among), MOST_SCAN_P),
    )


def _q(tests: _Tests, p: NDArray[np.float64], fdr: float, calm: float, most: float) -> NDArray[np.float64]:
    """Control false discoveries over the rows with enough points; shorter ones have their rule, all or nothing."""
    controlled = benjamini_hochberg(np.where(tests.enough, np.minimum(p, 1.0), np.nan))
    controlled = np.where(p > most, 1.0, np.minimum(calm * controlled, 1.0))
    few = np.where(tests.enough, np.nan, p)
    return np.where(tests.enough, controlled, np.where(believed(few, fdr), p, np.nan))


def _member_q(tests: _Tests, rate: float) -> NDArray[np.float64]:
    """What a curve shows of its siblings' change, as a q-value among all that are related: 1 beyond the rate.

    In two stages as well, for each family: beside five that surely show the change the sixth needs less, and beside
    five that do not show it the sixth needs more.
    """
    cut = np.minimum(adaptive_cuts(tests.member, tests.owner, rate), MOST_MEMBER_P)[tests.owner]
    return np.where(tests.member <= cut, tests.member * rate / cut, 1.0)


def believed(p: NDArray[np.float64], fdr: float) -> NDArray[np.bool_]:
    """Say which rows of few points chance does not explain: by themselves, or among what all such rows show."""
    return (p <= RULE_P) | ((benjamini_hochberg(p) <= fdr) & (p <= MOST_P))


def _twin_q(evidence: Evidence, side: Side, own_q: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a curve has by its twin's discovery: the twin's q-value, where the curve shows the change itself."""
    twin = evidence.net.panel.twin
    there = np.where((twin >= 0) & np.isfinite(own_q[twin]), own_q[twin], 1.0)
    return np.where(side.twin_p <= MEMBER_P, np.maximum(there, side.twin_p), 1.0)


def suspects(evidences: list[Evidence]) -> list[NDArray[np.bool_]]:
    """Mark the points of every panel that seem to have changed in either direction."""
    marks = [np.zeros(evidence.net.ratio.shape, dtype=bool) for evidence in evidences]
    for side, chances in enumerate(weigh_chances(evidences, SUSPECT_Q)):
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
