"""What a comparison came to, counted once: issues as issues, curves as curves, gaps as gaps.

In: a `View`. Out: `Counts`, from which sentences, tables and what programs read take their numbers. What is accepted
counts as no issue; failures and losses that chance explains count as no gap.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.model import Outcome, Severity
from perftracker_ai.report.view import coverage_counts, worsened

if TYPE_CHECKING:
    from perftracker_ai.report.view import View

_HEAVY = frozenset({Severity.CRITICAL, Severity.SEVERE, Severity.MODERATE})


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How much was found.

    Attributes
    ----------
    issues : dict of Severity to int
        That became worse and are not accepted.
    curves : dict of Outcome to int
        Every curve once.
    accepted : int
        Curves whose regressions are accepted.
    failing : int
        Load points that newly fail.
    lost : int
        Tests, loads or groups that only the baseline has.
    notices : int
    """

    issues: dict[Severity, int]
    curves: dict[Outcome, int]
    accepted: int
    failing: int
    lost: int
    notices: int


def counts(shown: View) -> Counts:
    """Return how much was found."""
    issues = Counter(cluster.severity for cluster in worsened(shown))
    failing, lost = coverage_counts(found for found in shown.analysis.coverage if found.severity in _HEAVY)
    return Counts(
        issues={severity: issues[severity] for severity in Severity},
        curves={outcome: len(shown.findings[outcome]) for outcome in Outcome},
        accepted=len(shown.accepted),
        failing=failing,
        lost=lost,
        notices=len(shown.analysis.notices),
    )
