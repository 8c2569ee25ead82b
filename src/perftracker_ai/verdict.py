"""The decision: in go a comparison and what earlier jobs say, out comes a `Decision` by the rules of a declared policy.

Every rule is evaluated and listed with what it saw, fired or not, in order of precedence; the first that fired gives
the verdict. Only what controls show to be the code's blocks, and only where the comparison is fit to block at all; what
is undecided asks for the measurement that decides, and what is the environment's counts for nothing. An item of many
endpoints counts as that many. What creeps is in no comparison of two releases large enough to be
found, so it is asked of the history; without one there is no such rule.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.model import (
    BASELINE,
    Absence,
    Attribution,
    Confidence,
    CoverageKind,
    Decision,
    Direction,
    Notice,
    OtherHardware,
    OtherProduct,
    OtherSuite,
    Outcome,
    Rule,
    Severity,
    Verdict,
)
from perftracker_ai.model.checks import OneVersion, TooGood
from perftracker_ai.model.issues import IssueStatus
from perftracker_ai.words.numbers import format_speed
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from perftracker_ai.model import Cluster, CoverageFinding, CurveSet, Detection, RunShift
    from perftracker_ai.model.checks import Check
    from perftracker_ai.model.history import Chronicle, Drift
    from perftracker_ai.model.issues import OpenIssue, OpenIssues
    from perftracker_ai.settings import DetectSettings, PolicySettings

SHOWN = 8
"""Clusters named in a reason; the others are counted."""
NOTHING_TOLD = 0.8
"""Share of inconclusive curves from which finding nothing means nothing."""
_ENDPOINT = 80
"""Characters of an endpoint in a reason that ends in a number."""

_SERIOUS = frozenset({Severity.CRITICAL, Severity.SEVERE})
_NOT_THE_SAME: dict[type[Notice], str] = {
    OtherProduct: "another product",
    OtherHardware: "other hardware",
    OtherSuite: "another test suite",
}


class _Case(msgspec.Struct, frozen=True):
    """Everything the rules look at."""

    curves: CurveSet
    detection: Detection
    coverage: Sequence[CoverageFinding]
    clusters: Sequence[Cluster]
    worse: Sequence[Cluster]
    notices: Sequence[Notice]
    policy: PolicySettings
    settings: DetectSettings
    past: Chronicle | None
    validity: Sequence[Check]
    still_open: OpenIssues | None


def decide(  # noqa: PLR0913 - each is the result of one stage, and a policy is asked of all of them
    curves: CurveSet,
    detection: Detection,
    coverage: Sequence[CoverageFinding],
    clusters: Sequence[Cluster],
    policy: PolicySettings,
    settings: DetectSettings,
    *,
    notices: Sequence[Notice] = (),
    past: Chronicle | None = None,
    validity: Sequence[Check] = (),
    still_open: OpenIssues | None = None,
) -> Decision:
    """Apply the policy.

    Parameters
    ----------
    coverage : sequence of CoverageFinding
    clusters : sequence of Cluster
        Improvements among them count for nothing but that they may end a creep.
    notices : sequence of Notice
        Another product, hardware or suite make the comparison itself a question.
    past : Chronicle, optional
        What earlier jobs say; without it the rule on what creeps is left out.
    validity : sequence of Check
        Checks of the comparison that failed.
    still_open : OpenIssues, optional
        What came in with earlier versions and is open; without a store there is no rule on it.

    Returns
    -------
    Decision
        With every rule, in order of precedence.
    """
    counted = [cluster for cluster in clusters if cluster.attribution is not Attribution.ENVIRONMENT]
    worse = [cluster for cluster in counted if cluster.direction is Direction.WORSE]
    case = _Case(curves, detection, coverage, clusters, worse, notices, policy, settings, past, validity, still_open)
    rules = [rule(case) for rule in _rules(still_open, policy)]
    rules += [] if past is None else [_creeping(case, past)]
    clean = not any(rule.fired for rule in rules)
    because = "" if clean else "another rule fired"
    rules.append(_rule("approve", Verdict.APPROVE, "No other rule of the policy fires.", fired=clean, because=because))
    return Decision(verdict=next(rule.verdict for rule in rules if rule.fired), rules=tuple(rules))


def _rule(key: str, verdict: Verdict, text: str, *, fired: bool, because: str) -> Rule:
    return Rule(key=key, verdict=verdict, text=text, fired=fired, because=because)


# ── fit to judge ────────────────────────────────────────────────────────────────────────────────────────────────────


def _same_version(case: _Case) -> Rule:
    found = [check for check in case.validity if isinstance(check, OneVersion)]
    return _rule(
        "same_version",
        Verdict.SAME_VERSION,
        "Both jobs are of one version.",
        fired=bool(found),
        because=f"both are of version {found[0].version}" if found else "the versions differ",
    )


def _validity(case: _Case) -> Rule:
    found = [check for check in case.validity if not check.approves]
    kinds = Counter(check.kind for check in found)
    return _rule(
        "validity",
        Verdict.INVESTIGATE,
        "A check of the comparison failed that leaves no room for an approval.",
        fired=bool(found),
        because=", ".join(f"{kind} ({count})" if count > 1 else str(kind) for kind, count in kinds.items())
        or f"{len(case.validity)} failed, none of that weight",
    )


# ── enough to judge ─────────────────────────────────────────────────────────────────────────────────────────────────


def _min_compared(case: _Case) -> Rule:
    measured, compared = _compared(case)
    least = case.policy.min_compared
    return _rule(
        "min_compared",
        Verdict.INSUFFICIENT_EVIDENCE,
        f"Fewer than {_percent(least)} of the baseline's curves can be compared, or none.",
        fired=compared == 0 or compared < least * measured,
        because=f"{compared} of {_count(measured, 'curve')} compared",
    )


def _nothing_told(case: _Case) -> Rule:
    compared = [result for result in case.detection.results if result.points > 0]
    unclear = sum(result.outcome is Outcome.INCONCLUSIVE for result in compared)
    changed = sum(result.worst is not None for result in compared)
    return _rule(
        "nothing_told",
        Verdict.INSUFFICIENT_EVIDENCE,
        f"More than {_percent(NOTHING_TOLD)} of the compared curves are inconclusive, and nothing was found.",
        fired=unclear > NOTHING_TOLD * len(compared) and not changed and not case.coverage,
        because=f"{unclear} of {_count(len(compared), 'compared curve')} inconclusive, {changed} changed",
    )


def _compared(case: _Case) -> tuple[int, int]:
    """Count the baseline's curves with a value, and those compared on at least one point."""
    present = case.curves.absence[BASELINE] == Absence.PRESENT
    measured = [bool(present[curve.start : curve.stop].any()) for curve in case.curves.curves]
    return sum(measured), sum(result.points > 0 for result in case.detection.results)


# ── blocking ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _block_critical(case: _Case) -> Rule:
    return _block(case, Severity.CRITICAL, case.settings.critical, case.policy.block_critical)


def _block_severe(case: _Case) -> Rule:
    return _block(case, Severity.SEVERE, case.settings.severe, case.policy.block_severe)


def _block(case: _Case, severity: Severity, threshold: float, least: int) -> Rule:
    found = [
        cluster
        for cluster in case.worse
        if cluster.severity is severity
        and cluster.confidence is not Confidence.LOW
        and cluster.attribution is Attribution.CODE
    ]
    size = f"{severity} regressions ({_percent(threshold)} slower or more) by code, of medium or high confidence"
    fit = all(check.blocks for check in case.validity)
    return _rule(
        f"block_{severity}",
        Verdict.BLOCK,
        f"{least} or more {size}." if least else f"Any number of {size}: switched off.",
        fired=fit and 0 < least <= _endpoints(found),
        because=_named(found) + ("" if fit or not found else "; the comparison is not fit to block"),
    )


def _endpoints(clusters: Sequence[Cluster]) -> int:
    """Count clusters, one of many endpoints as that many."""
    return sum(cluster.endpoints for cluster in clusters)


def _block_failures(case: _Case) -> Rule:
    least, points = case.policy.block_failures, _new_failures(case)
    rule = (
        f"{_count(least, 'load point')} or more newly failing" if least else "Newly failing load points: switched off"
    )
    return _rule(
        "block_failures",
        Verdict.BLOCK,
        f"{rule}; isolated failures that the baseline has as well do not count.",
        fired=0 < least <= points,
        because=f"{_count(points, 'load point')} newly failing",
    )


def _new_failures(case: _Case) -> int:
    """Count newly failing load points, the random ones left out."""
    failures = (finding for finding in case.coverage if finding.kind is CoverageKind.NEW_FAILURE)
    return sum(finding.points for finding in failures if finding.severity is not Severity.MINOR)


# ── investigating ───────────────────────────────────────────────────────────────────────────────────────────────────


def _comparability(case: _Case) -> Rule:
    found = [_NOT_THE_SAME[type(notice)] for notice in case.notices if type(notice) in _NOT_THE_SAME]
    return _rule(
        "comparability",
        Verdict.INVESTIGATE,
        "The jobs are of different products, hardware or test suites.",
        fired=bool(found),
        because=", ".join(found) or "the jobs differ in their version only",
    )


def _large_shift(case: _Case) -> Rule:
    large = [shift for shift in case.detection.shifts if shift.large and shift.attribution is not Attribution.CODE]
    worst = max(case.detection.shifts, key=lambda shift: abs(shift.slowdown), default=None)
    seen = (
        f"the run as a whole is {format_speed(worst.slowdown)} at most" if worst else "no run-wide shift was estimated"
    )
    return _rule(
        "large_shift",
        Verdict.INVESTIGATE,
        f"The whole run is {_percent(case.settings.large_shift)} or more slower or faster: rerun before you judge.",
        fired=bool(large),
        because=_shifts(large) or seen,
    )


def _shifts(shifts: Sequence[RunShift]) -> str:
    """Name shifts by what they concern, those of one size together."""
    sizes: dict[str, list[str]] = {}
    for shift in shifts:
        threads = f"at {_count(shift.threads, 'thread')}" if shift.threads else ""
        what = " ".join(part for part in (shift.metric_kind or "", threads) if part)
        sizes.setdefault(format_speed(shift.slowdown), []).append(what or "the whole run")
    return "; ".join(f"{', '.join(what)} {size}" for size, what in sizes.items())


def _serious_clusters(case: _Case) -> Rule:
    found = [cluster for cluster in case.worse if cluster.severity in _SERIOUS]
    return _rule(
        "serious_regressions",
        Verdict.INVESTIGATE,
        f"Any severe or critical regression ({_percent(case.settings.severe)} slower or more), of any confidence.",
        fired=bool(found),
        because=_named(found),
    )


def _undecided(case: _Case) -> Rule:
    found = [
        cluster
        for cluster in case.worse
        if cluster.attribution is Attribution.UNDECIDED and cluster.severity is Severity.MODERATE
    ]
    return _rule(
        "undecided_regressions",
        Verdict.INVESTIGATE,
        f"Any regression ({_percent(case.settings.moderate)} slower or more) that may be the code's or the machine's.",
        fired=bool(found),
        because=_named(found),
    )


def _serious_coverage(case: _Case) -> Rule:
    found = [finding for finding in case.coverage if finding.severity in _SERIOUS]
    return _rule(
        "serious_coverage",
        Verdict.INVESTIGATE,
        "Severe or critical new failures, lost tests or risen errors.",
        fired=bool(found),
        because=_kinds(found),
    )


def _unknown_direction(case: _Case) -> Rule:
    found = [cluster for cluster in case.clusters if cluster.direction is Direction.UNKNOWN]
    return _rule(
        "unknown_direction",
        Verdict.INVESTIGATE,
        f"Any change by {_percent(case.settings.moderate)} or more that nothing tells to be better or worse.",
        fired=bool(found),
        because=f"{_named(found)}; curves.less_better in the settings decides it" if found else "none",
    )


def _open_issues(case: _Case) -> Rule:
    """Count what came in with earlier versions and is there still; what is accepted does not count."""
    every = case.still_open.issues if case.still_open else ()
    found = [one for one in every if one.status is not IssueStatus.CLOSED and not one.accepted]
    blocks = case.policy.open_issues == "block"
    counted = [one for one in found if not blocks or one.attribution == Attribution.CODE.value]
    text = "Any issue that came in with an earlier version and is open" + (", by code" if blocks else "")
    off = case.policy.open_issues == "ignore"
    return _rule(
        "open_issues",
        Verdict.BLOCK if blocks else Verdict.INVESTIGATE,
        f"{text}: switched off." if off else f"{text}.",
        fired=bool(counted) and not off,
        because=_opened(found),
    )


def _opened(issues: Sequence[OpenIssue]) -> str:
    """Name the largest open issue with the version it came in with, and count the others."""
    if not issues:
        return "none"
    first = issues[0]
    more = f"; {len(issues) - 1} more" if len(issues) > 1 else ""
    # Cut here, for whoever shows the reason cuts its end.
    since = clean(first.first.version, _ENDPOINT) or "an unknown version"
    return f"{clean(first.endpoint or first.title, _ENDPOINT)} since {since}{more}"


# ── monitoring ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _moderate_clusters(case: _Case) -> Rule:
    found = [cluster for cluster in case.worse if cluster.severity is Severity.MODERATE]
    return _rule(
        "moderate_regressions",
        Verdict.APPROVE_WITH_MONITORING,
        f"Any moderate regression ({_percent(case.settings.moderate)} slower or more).",
        fired=bool(found),
        because=_named(found),
    )


def _many_minor(case: _Case) -> Rule:
    found = [cluster for cluster in case.worse if cluster.severity is Severity.MINOR]
    least, run = case.policy.monitor_minor, _minor_shifts(case)
    size = f"minor slowdowns ({_percent(case.settings.minor)} slower or more)"
    return _rule(
        "monitor_minor",
        Verdict.APPROVE_WITH_MONITORING,
        f"{least} or more {size}." if least else f"Any number of {size}: switched off.",
        fired=0 < least <= _endpoints(found) + sum(shift.curves for shift in run),
        because=", ".join(filter(None, (_named(found) if found or not run else "", _shifts(run)))),
    )


def _minor_shifts(case: _Case) -> list[RunShift]:
    """Return by how much the run as a whole is slower by code, too little for its curves to be regressions."""
    code = [shift for shift in case.detection.shifts if shift.large and shift.attribution is Attribution.CODE]
    return [shift for shift in code if 0 < shift.slowdown < case.settings.moderate]


def _too_good(case: _Case) -> Rule:
    found = [check for check in case.validity if isinstance(check, TooGood)]
    return _rule(
        "too_good",
        Verdict.APPROVE_WITH_MONITORING,
        "An endpoint is so much faster that it may do its work no more.",
        fired=bool(found),
        because=f"{found[0].endpoint} is {found[0].times:.3g} times as fast" if found else "none",
    )


def _moderate_coverage(case: _Case) -> Rule:
    found = [finding for finding in case.coverage if finding.severity is Severity.MODERATE]
    return _rule(
        "moderate_coverage",
        Verdict.APPROVE_WITH_MONITORING,
        "Moderate new failures, lost tests or risen errors.",
        fired=bool(found),
        because=_kinds(found),
    )


def _inconclusive(case: _Case) -> Rule:
    compared = [result for result in case.detection.results if result.points > 0]
    unclear = sum(result.outcome is Outcome.INCONCLUSIVE for result in compared)
    most = case.policy.max_inconclusive
    return _rule(
        "max_inconclusive",
        Verdict.APPROVE_WITH_MONITORING,
        f"More than {_percent(most)} of the compared curves are inconclusive.",
        fired=unclear > most * len(compared),
        because=f"{unclear} of {_count(len(compared), 'compared curve')} inconclusive",
    )


def _creeping(case: _Case, past: Chronicle) -> Rule:
    from perftracker_ai.report import history

    least, surely = case.policy.monitor_creep, case.settings.minor
    slower = [one for one in past.patterns.creeps if one.slowdown > 0 and not history.is_repaired(one, case.clusters)]
    # A slope in noise may be steep by chance: it counts when its whole interval is a slowdown that would be listed.
    found = [creep for creep in slower if creep.slowdown >= least and creep.low > surely]
    size = f"{_percent(least)} slower or more since the oldest job, and more than {_percent(surely)} for sure"
    return _rule(
        "monitor_creep",
        Verdict.APPROVE_WITH_MONITORING,
        f"Any endpoint that creeps ({size})." if least else "Any endpoint that creeps: switched off.",
        fired=least > 0 and bool(found),
        because=_crept(found or slower[:1], past),
    )


def _crept(creeps: Sequence[Drift], past: Chronicle) -> str:
    """Name the worst of what creeps with its size, and count the others."""
    if not creeps:
        return "none"
    from perftracker_ai.report import history

    more = f"; {len(creeps) - 1} more" if len(creeps) > 1 else ""
    # Cut here, for whoever shows the reason cuts its end, and that is the size.
    return f"{clean(creeps[0].endpoint, _ENDPOINT)} {history.crept(creeps[0], past)}{more}"


# ── words ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _percent(ratio: float) -> str:
    return f"{100.0 * ratio:.3g} %"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _named(clusters: Sequence[Cluster]) -> str:
    """Name clusters by their ids, which every form of the report tells with their endpoints."""
    if not clusters:
        return "none"
    more = f" and {len(clusters) - SHOWN} more" if len(clusters) > SHOWN else ""
    return ", ".join(cluster.id for cluster in clusters[:SHOWN]) + more


def _kinds(findings: Iterable[CoverageFinding]) -> str:
    """Count findings by kind."""
    counts = Counter[CoverageKind]()
    for finding in findings:
        counts[finding.kind] += finding.points
    return ", ".join(f"{kind} ({_count(points, 'load point')})" for kind, points in counts.items()) or "none"


def _rules(still_open: OpenIssues | None, policy: PolicySettings) -> list[Callable[[_Case], Rule]]:
    """Return the rules in order of precedence; that on open issues stands where its verdict does."""
    rules = list(_RULES)
    if still_open is not None:
        behind = _block_failures if policy.open_issues == "block" else _undecided
        rules.insert(rules.index(behind) + 1, _open_issues)
    return rules


_RULES: tuple[Callable[[_Case], Rule], ...] = (
    _same_version,
    _block_critical,
    _block_severe,
    _block_failures,
    _min_compared,
    _nothing_told,
    _validity,
    _comparability,
    _large_shift,
    _serious_clusters,
    _undecided,
    _serious_coverage,
    _unknown_direction,
    _moderate_clusters,
    _many_minor,
    _moderate_coverage,
    _inconclusive,
    _too_good,
)
"""In order of precedence: strongest verdict first."""
