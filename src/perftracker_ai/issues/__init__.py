"""Issues that outlive a comparison: a regression stays open until a job is back on the level of before.

Those that the settings accept are in `accepted`.

In: a comparison, and the issues that earlier ones left. Out: every issue as it is with this comparison's candidate.
Only the job's own level closes or reopens one, never that a comparison found nothing: measured against a job that is as
slow, nothing is new and nothing is repaired.
"""

from perftracker_ai.issues.follow import GONE, SHARED, Compared, concerns, follow, opened
from perftracker_ai.issues.known import open_issues
from perftracker_ai.issues.levels import Level, job_values, level_after, may_differ

__all__ = [
    "GONE",
    "SHARED",
    "Compared",
    "Level",
    "concerns",
    "follow",
    "job_values",
    "level_after",
    "may_differ",
    "open_issues",
    "opened",
]
