"""An analysis sorted for showing: findings by outcome, clusters by severity, slowdown of every point.

In: an `Analysis`. Out: a `View` all renderers read from, so that they name, order and count alike. Nothing is judged
here: outcome, severity and verdict are the analysis's own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec.structs import replace

from perftracker_ai.model import (
    BASELINE,
    CANDIDATE,
    FIRST_RERUN,
    Attribution,
    CoverageKind,
    Direction,
    Outcome,
    Severity,
    Verdict,
)
from perftracker_ai.stats import median

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from perftracker_ai.model import Analysis, Cluster, CoverageFinding, Curve, CurveResult, Narration, Window

    Floats = NDArray[np.float64]

LOST = frozenset({CoverageKind.LOST_POINTS, CoverageKind.LOST_CURVE, CoverageKind.LOST_GROUP})


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One load point on both sides, as measured: the run-wide shift is still in it.

    Attributes
    ----------
    label : str
        The load as written; empty for scalars.
    baseline, candidate : float or None
        In the curve's base unit.
    slowdown : float or None
        Cost per operation, candidate over baseline, minus one.
    """

    label: str
    baseline: float | None
    candidate: float | None
    slowdown: float | None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A curve with its result and its place.

    Attributes
    ----------
    cluster : str
        Id of its cluster; empty when it has none.
    """

    cluster: str
    curve: Curve
    result: CurveResult

    @property
    def id(self) -> str:
        """What a reader calls it."""
        return self.result.id

    @property
    def window(self) -> Window | None:
        """The window that stands for the curve."""
        return None if self.result.worst is None else self.result.windows[self.result.worst]


class View(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """An analysis in reading order.

    Attributes
    ----------
    narration : Narration or None
        What a language model wrote of it; None when none was asked.
    before, after : ndarray of float, shape (P,)
        Every point of the baseline's version, its runs pooled by the median as in detection, and of the candidate; in
        base units, NaN where absent.
    slowdown : ndarray of float, shape (P,)
        Of the two jobs alone, as measured.
    risen : ndarray of float, shape (P,)
        Natural logarithm of the cost of the candidate over that of the baseline's version, both pooled; NaN where one
        is not positive.
    accepted : frozenset of int
        Curves whose regressions are accepted.
    """

    analysis: Analysis
    narration: Narration | None
    before: Floats
    after: Floats
    slowdown: Floats
    risen: Floats
    findings: dict[Outcome, tuple[Finding, ...]]
    by_curve: dict[int, Finding]
    accepted: frozenset[int]


def view(analysis: Analysis, narration: Narration | None = None) -> View:
    """Sort an analysis for showing, with what a language model wrote of it."""
    findings = {outcome: _ranked(analysis, outcome) for outcome in Outcome}
    by_curve = {finding.curve.index: finding for group in findings.values() for finding in group}
    before, after = _pooled(analysis.curves.mean)
    less_better = _less_better(analysis.curves.curves, len(before))
    return View(
        analysis=analysis,
        narration=narration,
        before=before,
        after=after,
        slowdown=_slowdown(analysis.curves.mean[BASELINE], after, less_better),
        risen=_risen(before, after, less_better),
        findings=findings,
        by_curve=by_curve,
        accepted=analysis.accepted_curves,
    )


def clusters(shown: View, severity: Severity) -> tuple[Cluster, ...]:
    """Return the worsened clusters of one severity, worst first."""
    return tuple(cluster for cluster in worsened(shown) if cluster.severity is severity)


def worsened(shown: View) -> tuple[Cluster, ...]:
    """Return every cluster that became worse, or may have, and counts, worst first; what is accepted is told apart."""
    worse = (cluster for cluster in shown.analysis.clusters if cluster.direction is not Direction.BETTER)
    return tuple(cluster for cluster in worse if not accepted(shown, cluster))


def accepted(shown: View, cluster: Cluster) -> bool:
    """Tell whether a cluster counts for nothing, for all that became worse in it is accepted."""
    return cluster.direction is Direction.WORSE and shown.accepted.issuperset(cluster.curves)


def counted(shown: View, outcome: Outcome) -> tuple[Finding, ...]:
    """Return the findings of an outcome that are not accepted."""
    return tuple(finding for finding in shown.findings[outcome] if finding.curve.index not in shown.accepted)


def improved(shown: View) -> tuple[Cluster, ...]:
    """Return every cluster that became better, best first."""
    return tuple(cluster for cluster in shown.analysis.clusters if cluster.direction is Direction.BETTER)


def flagged(shown: View) -> tuple[Finding, ...]:
    """Return the regressions, the environment's left out; none between two runs of one version."""
    return () if _one_version(shown) else _found(shown)


def would_flag(shown: View) -> tuple[Finding, ...]:
    """Return what the criteria would have flagged between two runs of one version."""
    return _found(shown) if _one_version(shown) else ()


def _one_version(shown: View) -> bool:
    return shown.analysis.decision.verdict is Verdict.SAME_VERSION


def _found(shown: View) -> tuple[Finding, ...]:
    found = shown.findings[Outcome.REGRESSED]
    return tuple(one for one in found if one.result.attribution is not Attribution.ENVIRONMENT)


def loose(shown: View, severity: Severity) -> tuple[Finding, ...]:
    """Return the findings of one severity that no cluster holds, so that none goes unshown."""
    found = counted(shown, Outcome.MINOR if severity is Severity.MINOR else Outcome.REGRESSED)
    return tuple(finding for finding in found if finding.result.severity is severity and not finding.cluster)


def leading(shown: View, cluster: Cluster) -> Finding:
    """Return the finding that stands for a cluster, led by its largest window of the cluster's direction.

    A mixed curve is in two clusters, one for each direction, and leads each by another window.
    """
    finding = shown.by_curve[cluster.worst_curve]
    if finding.window is None or finding.window.direction is cluster.direction:
        return finding
    windows = enumerate(finding.result.windows)
    sizes = [(abs(one.median_slowdown), at) for at, one in windows if one.direction is cluster.direction]
    worst = max(sizes, default=(0.0, finding.result.worst))[1]
    return replace(finding, result=replace(finding.result, worst=worst))


def worst_point(shown: View, curve: Curve, window: Window) -> Point | None:
    """Return the point of a window that changed most in the window's direction; None when none is comparable."""
    oriented = shown.slowdown[window.first : window.last + 1]
    if window.direction is Direction.BETTER:
        oriented = -oriented
    if np.isnan(oriented).all():
        return None
    return point(shown, curve, window.first + int(np.nanargmax(oriented)))


def point(shown: View, curve: Curve, index: int) -> Point:
    """Return one load point as measured."""
    mean = shown.analysis.curves.mean
    return Point(
        label="" if curve.scalar else shown.analysis.curves.label[index],
        baseline=_number(mean[BASELINE, index]),
        candidate=_number(mean[CANDIDATE, index]),
        slowdown=_number(shown.slowdown[index]),
    )


def typical_point(shown: View, finding: Finding, window: Window) -> Point | None:
    """Return the pooled point of a window whose change net of the run's shift is nearest to the window's median.

    It is the one a reader can check the median by, where the extreme of a window is often an outlier. Where one side
    counted none there is no ratio, and it is the point that differs most. None when no point is comparable.
    """
    risen = shown.risen[window.first : window.last + 1].tolist()
    wanted = math.log1p(window.median_slowdown) + math.log1p(finding.result.shift)
    apart = [(abs(one - wanted), place) for place, one in enumerate(risen, window.first) if math.isfinite(one)]
    if not apart:
        more = np.abs(shown.after - shown.before)[window.first : window.last + 1].tolist()
        apart = [(-one, place) for place, one in enumerate(more, window.first) if math.isfinite(one)]
    if not apart:
        return None
    _, place = min(apart)
    change = float(np.expm1(shown.risen[place]))
    return Point(
        label="" if finding.curve.scalar else shown.analysis.curves.label[place],
        baseline=float(shown.before[place]),
        candidate=float(shown.after[place]),
        slowdown=change if math.isfinite(change) else None,
    )


def labels(shown: View, curve: Curve, window: Window) -> tuple[str, str]:
    """Return the labels of a window's first and last load; empty for scalars."""
    label = shown.analysis.curves.label
    return ("", "") if curve.scalar else (label[window.first], label[window.last])


def coverage_counts(findings: Iterable[CoverageFinding]) -> tuple[int, int]:
    """Return how many load points newly fail and how many tests, loads or groups were lost."""
    found = tuple(findings)
    failing = sum(finding.points for finding in found if finding.kind is CoverageKind.NEW_FAILURE)
    return failing, sum(finding.kind in LOST for finding in found)


def coverage_order(findings: Iterable[CoverageFinding]) -> list[CoverageFinding]:
    """Return coverage findings by severity, then size, then kind and name."""
    return sorted(findings, key=lambda found: (-Severity.rank(found.severity), -found.points, found.kind, found.group))


def _ranked(analysis: Analysis, outcome: Outcome) -> tuple[Finding, ...]:
    """Return the curves of one outcome by rank."""
    cluster_of = {index: cluster.id for cluster in reversed(analysis.clusters) for index in cluster.curves}
    found = (result for result in analysis.detection.results if result.outcome is outcome)
    return tuple(
        Finding(cluster=cluster_of.get(result.curve, ""), curve=analysis.curves.curves[result.curve], result=result)
        for result in sorted(found, key=lambda result: (len(result.id), result.id))
    )


def _less_better(curves: tuple[Curve, ...], points: int) -> NDArray[np.bool_]:
    """Say of every point whether less is better there."""
    less_better = np.ones(points, dtype=bool)
    for curve in curves:
        less_better[curve.start : curve.stop] = curve.less_better
    return less_better


def _risen(before: Floats, after: Floats, less_better: NDArray[np.bool_]) -> Floats:
    """Compute how much the cost rose at every point, as a logarithm."""
    measured = np.isfinite(before) & np.isfinite(after) & (before > 0) & (after > 0)
    old, new = (np.log(np.where(measured, side, np.nan)) for side in (before, after))
    return np.where(less_better, new - old, old - new)


def _slowdown(baseline: Floats, candidate: Floats, less_better: NDArray[np.bool_]) -> Floats:
    """Compute the slowdown of every point as measured; NaN where one side has no value or none to divide by."""
    before, after = np.where(less_better, baseline, candidate), np.where(less_better, candidate, baseline)
    measured = np.isfinite(before) & np.isfinite(after) & (before > 0)
    slowdown: Floats = np.divide(after, before, out=np.full_like(before, np.nan), where=measured) - 1.0
    return slowdown


def _pooled(mean: Floats) -> tuple[Floats, Floats]:
    """Return the pooled values of the baseline's runs and the candidate's values, at every point."""
    if len(mean) == FIRST_RERUN:
        return mean[BASELINE], mean[CANDIDATE]
    positive = np.where(mean > 0, mean, np.nan)
    base = np.delete(np.log(positive), CANDIDATE, axis=0)
    pooled = np.exp(median(base, axis=0))
    return np.where(np.isnan(pooled), mean[BASELINE], pooled), mean[CANDIDATE]


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
