"""What a reader is told of issues besides those that a comparison finds.

In: every issue as it is with the candidate, and the earlier jobs that were approved. Out: `OpenIssues`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.model.issues import IssueStatus, LastGood, OpenIssues
from perftracker_ai.model.versions import order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perftracker_ai.model.history import JobRef
    from perftracker_ai.model.issues import OpenIssue


def open_issues(issues: Sequence[OpenIssue], approved: Sequence[JobRef]) -> OpenIssues:
    """Leave out what is new with this comparison, and name the job that was good last.

    Parameters
    ----------
    approved : sequence of JobRef
        Jobs before the candidate that comparisons approved, oldest first. One that has an issue which is open now was
        not good, whatever was said of it.
    """
    before = tuple(one for one in issues if one.status is not IssueStatus.NEW)
    still = [one for one in before if one.status is not IssueStatus.CLOSED and not one.accepted]
    good = [job for job in approved if all(_is_before(job, one.first) for one in still)]
    if good:
        return OpenIssues(issues=before, last_good=LastGood(job=good[-1], approved=True))
    last = min((one.last_good for one in still), key=_at, default=None)
    return OpenIssues(issues=before, last_good=None if last is None else LastGood(job=last, approved=False))


def _is_before(job: JobRef, first: JobRef) -> bool:
    """Tell whether a job is of a version before another's; by date where versions have no order, or are the same."""
    own, limit = order(job.version), order(first.version)
    if own is None or limit is None or own == limit:
        return _at(job) < _at(first)
    return own < limit


def _at(job: JobRef) -> tuple[float, int]:
    return job.end.timestamp(), job.job
