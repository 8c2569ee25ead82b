"""The words for issues that outlive a comparison: what came in once, and whether it is still there.

Values only. An issue is known by its key, the same in every comparison; its levels are slowdowns against what its
curves cost before it came in, positive is worse.
"""

from __future__ import annotations

from datetime import date  # noqa: TC003 - msgspec reads it when it reads issues back
from enum import StrEnum

import msgspec

from perftracker_ai.model.history import JobRef  # noqa: TC001 - msgspec reads it when it reads issues back
from perftracker_ai.model.ranges import Count, Number, Slowdown  # noqa: TC001 - the same


class IssueStatus(StrEnum):
    """What became of an issue with a job."""

    NEW = "new"  # found by the comparison of this job with its baseline
    OPEN = "open"  # came in before, and the job is still on the slower level
    WORSE = "worse"  # open, and worse by the moderate threshold than when it was last news
    REOPENED = "reopened"  # it was closed, and the job is on the slower level again
    CLOSED = "closed"  # the job is back on the level of before


class OpenIssue(msgspec.Struct, frozen=True, kw_only=True):
    """An issue as it is with one job.

    Attributes
    ----------
    key : str
        Its stable name.
    cluster : str
        Its id in the comparison of this job, where that found it; empty otherwise.
    scenarios, metric_kinds : tuple of str
        The words of `MetricKind` for the latter.
    severity, attribution, confidence : str
        As they were when it came in or was last found; the words of `Severity`, `Attribution` and `Confidence`.
    slowdown : float
        Of this job against the level of before.
    opened, news : float
        Slowdown when it came in, and when it was last news: found, found worse, or back.
    load_first, load_last : str
        Labels; empty for scalars.
    curves : int
        How many of them show it.
    first, last_good, earliest, latest : JobRef
        With which job it came in, the last one before, and the 95 % interval of the first.
    measured : bool
        Whether this job tells of it; where it does not, all else is as it was.
    whole : bool
        Whether it is of the run as a whole, so that what the run shares is not taken off its level.
    accepted : bool
        Whether the settings accept it, so that it counts for nothing.
    accepted_until : date or None
        The last day on which they do; None where they do not, or that was not kept.
    offset : float
        Logarithm of what its levels are moved by since the machine was changed; 0 where it was not.
    """

    key: str
    status: IssueStatus
    cluster: str
    endpoint: str
    title: str
    scenarios: tuple[str, ...]
    metric_kinds: tuple[str, ...]
    severity: str
    attribution: str
    confidence: str
    slowdown: Slowdown
    opened: Slowdown
    news: Slowdown
    load_first: str
    load_last: str
    threads: tuple[Count, ...]
    curves: Count
    first: JobRef
    last_good: JobRef
    earliest: JobRef
    latest: JobRef
    measured: bool
    whole: bool
    accepted: bool
    offset: Number
    accepted_until: date | None
    """Not there in issues that were kept before it was."""


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """What one curve of an issue cost before it came in.

    Attributes
    ----------
    labels : tuple of str
        The loads as written; one empty one for a scalar.
    values : tuple of float
        In `unit`, a base unit.
    """

    group: str
    tag: str
    scalar: bool
    unit: str
    less_better: bool
    labels: tuple[str, ...]
    values: tuple[Number, ...]


class Tracked(msgspec.Struct, frozen=True, kw_only=True):
    """An issue as it was with a job, and what it is measured against."""

    issue: OpenIssue
    reference: tuple[Reference, ...]


class LastGood(msgspec.Struct, frozen=True, kw_only=True):
    """The newest earlier job that is known to be good.

    Attributes
    ----------
    approved : bool
        Whether a comparison approved it; otherwise it is the last one before the oldest open issue.
    """

    job: JobRef
    approved: bool


class OpenIssues(msgspec.Struct, frozen=True, kw_only=True):
    """What the store knows of a candidate's product besides this comparison.

    Attributes
    ----------
    issues : tuple of OpenIssue
        Open ones that came in before this candidate, and those that are closed with it; worst first.
    last_good : LastGood or None
    """

    issues: tuple[OpenIssue, ...]
    last_good: LastGood | None
