"""Where in ``result_v2.json`` a number on the page comes from, so that a program can check the page against it.

In: findings, clusters, curves of a `View`. Out: JSON pointers (RFC 6901) into the results file, which the page carries
as ``data-fact``: a number that stands alone points at itself, a sentence at the smallest object that holds its numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.model import Outcome

if TYPE_CHECKING:
    from perftracker_ai.model import Analysis, Cluster, RunShift
    from perftracker_ai.report.view import Finding

_LISTS = {
    Outcome.REGRESSED: "regressions",
    Outcome.MINOR: "minor",
    Outcome.IMPROVED: "improvements",
    Outcome.INCONCLUSIVE: "inconclusive",
    Outcome.MOVED: "moved",
}


def of_cluster(analysis: Analysis, cluster: Cluster, *fields: str) -> str:
    """Return the place of a cluster, or of a field of it."""
    return _pointer("clusters", position(analysis, cluster), *fields)


def position(analysis: Analysis, cluster: Cluster) -> int:
    """Return where a cluster stands among all clusters, counted from 0."""
    return next(at for at, other in enumerate(analysis.clusters) if other is cluster)


def of_result(finding: Finding, *fields: str | int) -> str:
    """Return the place of a curve's result, or of a field of it."""
    return _pointer("curves", finding.curve.index, "result", *fields)


def of_window(finding: Finding, *fields: str) -> str:
    """Return the place of the window that stands for a finding, or of a field of it."""
    return of_result(finding, "windows", finding.result.worst or 0, *fields)


def of_worst_point(finding: Finding) -> str:
    """Return the place of the values at the worst point of a finding that has a window."""
    listed = _LISTS.get(finding.result.outcome)
    if listed is None:  # unchanged curves are not listed there one by one
        return of_window(finding)
    number = int(finding.id[1:]) - 1
    return _pointer(listed, number, "all_windows", finding.result.worst or 0, "worst_point")


def of_curve(index: int, *fields: str | int) -> str:
    """Return the place of a curve with all its values, or of a field of it."""
    return _pointer("curves", index, *fields)


def of_shift(analysis: Analysis, shift: RunShift, *fields: str) -> str:
    """Return the place of a run-wide shift, or of a field of it."""
    return _pointer("run_shift", analysis.detection.shifts.index(shift), *fields)


def of(*fields: str | int) -> str:
    """Return the place of anything else by its keys."""
    return _pointer(*fields)


def _pointer(*fields: str | int) -> str:
    return "/" + "/".join(map(str, fields))
