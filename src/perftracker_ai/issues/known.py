"""What a reader is told of issues besides those that a comparison finds.

In: every issue as it is with the candidate, and the newest earlier job that was approved. Out: `OpenIssues`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.model.issues import IssueStatus, LastGood, OpenIssues

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perftracker_ai.model.history import JobRef
    from perftracker_ai.model.issues import OpenIssue


def open_issues(issues: Sequence[OpenIssue], approved: JobRef | None) -> OpenIssues:
    """Leave out what is new with this comparison, and name the job that was good last.

    Parameters
    ----------
    approved : JobRef or None
        The newest job before the candidate that a comparison approved; None when there is none.
    """
    before = tuple(one for one in issues if one.status is not IssueStatus.NEW)
    still = [one.last_good for one in before if one.status is not IssueStatus.CLOSED]
    oldest = min(still, key=lambda job: (job.end.timestamp(), job.job), default=None)
    good = LastGood(job=approved, approved=True) if approved else None
    if good is None and oldest is not None:
        good = LastGood(job=oldest, approved=False)
    return OpenIssues(issues=before, last_good=good)
