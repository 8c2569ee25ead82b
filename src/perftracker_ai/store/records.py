"""What is asked of a store and what it answers: values only."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads it when it reads rows back
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.model import JobInfo  # noqa: TC001 - msgspec reads it when it reads rows back
from perftracker_ai.model.history import JobRef  # noqa: TC001 - the same
from perftracker_ai.model.issues import OpenIssue, Tracked  # noqa: TC001 - the same

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from perftracker_ai.model import CurveSet
    from perftracker_ai.store.encoding import StoredCurve


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs are meant; None stands for any.

    Attributes
    ----------
    origin : str
        The server, as `origin_of` writes it: job numbers and uuids are those of one server.
    hardware : str or None
        The job's top-level hosts, sorted and joined by ``+``; empty for jobs without hosts.
    since : datetime or None
        Jobs that ended then or later.
    until : (datetime, int) or None
        Jobs that ended before this moment, or at it with this number or a lower one: as jobs are ordered, those up to
        one of them.
    """

    origin: str
    product: str
    hardware: str | None = None
    suite: str | None = None
    since: datetime | None = None
    until: tuple[datetime, int] | None = None


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """What a store has of a product on one hardware: how many jobs, and when the first and the last of them ended."""

    product: str
    hardware: str
    jobs: int
    first: datetime
    last: datetime


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What a store knows of one job without reading its values.

    Attributes
    ----------
    upload : str
        As in `JobInfo`.
    reading : str
        How its tests were read into curves, as `put` was told.
    gone : bool
        Whether the server was found not to have it any more.
    """

    id: int
    uuid: str
    end: datetime
    upload: str
    reading: str
    gone: bool


class History(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The values of every curve over the jobs of a scope.

    Attributes
    ----------
    jobs : tuple of JobInfo
        Oldest end first, ties by id.
    curves : CurveSet
        Row r holds what ``jobs[r]`` measured; no row is a baseline here. Curves and points are those of any of the
        jobs, named and directed as the newest job has them. A point is one category as written, so that loads ascend
        within a curve but two spellings of one load are two points. `Absence.MISSING` where the job has no such test,
        `Absence.UNIT_CONFLICT` where it has it in a unit that cannot be converted to the newest one.
    """

    jobs: tuple[JobInfo, ...]
    curves: CurveSet


class Archive(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What jobs of a scope measured, each on its own curves, to be put on those of a comparison.

    Attributes
    ----------
    jobs : tuple of JobInfo
        J jobs, oldest end first, ties by id.
    curves : tuple of StoredCurve
        Every curve that any of the jobs has.
    layouts : tuple of tuple of int
        Which of the curves, and in what order, a job's values are of; most jobs share one.
    layout_of : tuple of int
        For each job its layout.
    means : tuple of ndarray of float
        For each job the mean of every point of its layout, in `StoredCurve.base_unit`; NaN where it has none.
    """

    jobs: tuple[JobInfo, ...]
    curves: tuple[StoredCurve, ...]
    layouts: tuple[tuple[int, ...], ...]
    layout_of: tuple[int, ...]
    means: tuple[NDArray[np.float64], ...]


class Located(msgspec.Struct, frozen=True, kw_only=True):
    """A kept job, and the server it is of."""

    origin: str
    job: JobInfo


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """That a kept job ran, and where: what lists need of it."""

    origin: str
    product: str
    hardware: str
    suite: str
    job: JobRef


class Levels(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What each curve of a job cost as a whole.

    Attributes
    ----------
    curves : tuple of StoredCurve
    level : ndarray of float
        Of each curve the geometric mean of its points, in `StoredCurve.base_unit`; NaN where it has no value.
    """

    job: JobInfo
    curves: tuple[StoredCurve, ...]
    level: NDArray[np.float64]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a comparison, without its results.

    Attributes
    ----------
    origin, product, hardware, suite : str
        As in `Scope`, those of the candidate.
    baseline, candidate : str
        Uuids of the jobs.
    baseline_id, candidate_id, project : int
    baseline_version, candidate_version : str
    reruns, candidate_reruns : tuple of int
        Numbers of further jobs of either version.
    end : datetime
        When the candidate ended.
    made : datetime
        When the comparison was made or, where that is not known, recorded.
    tool : str
        Version of this program.
    settings : str
        Digest of criteria and policy.
    verdict : str
    rules : tuple of str
        Keys of those that fired, in order of precedence.
    counts : dict of str to int
        Issues by severity, curves by outcome, newly failing points, lost tests.
    validity : tuple of str
        Kinds of the checks that failed.
    asked_by : str
        Who asked for it in the dashboard; empty for those that `analyze` made. One that was asked for is an answer to
        somebody, and changes neither what is said of a product nor what becomes of its issues.
    """

    origin: str
    product: str
    hardware: str
    suite: str
    project: int
    baseline: str
    candidate: str
    baseline_id: int
    candidate_id: int
    baseline_version: str
    candidate_version: str
    reruns: tuple[int, ...]
    candidate_reruns: tuple[int, ...]
    end: datetime
    made: datetime
    tool: str
    settings: str
    verdict: str
    rules: tuple[str, ...]
    counts: dict[str, int]
    validity: tuple[str, ...]
    asked_by: str


class IssueRow(msgspec.Struct, frozen=True, kw_only=True):
    """An issue as it is with a job, and where.

    Attributes
    ----------
    origin, product, hardware, suite : str
        As in `Scope`.
    job : JobRef
        The candidate it was last looked for in.
    baseline : str
        Uuid of the job that was compared with.
    candidate : str
        That of the candidate.
    """

    origin: str
    product: str
    hardware: str
    suite: str
    job: JobRef
    baseline: str
    candidate: str
    issue: OpenIssue


class Triage(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said of an issue.

    Attributes
    ----------
    origin, product, hardware, suite : str
        As in `Scope`.
    key : str
        The issue's.
    state : str
        What is to be done about it, in the words of whoever keeps the list.
    until : str
        A day; empty for none.
    author : str
        Who said it.
    made : datetime
    seen : datetime
        When the newest job ended that was seen of the issue.
    """

    origin: str
    product: str
    hardware: str
    suite: str
    key: str
    state: str
    owner: str
    note: str
    ticket: str
    until: str
    author: str
    made: datetime
    seen: datetime


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of what somebody said.

    Attributes
    ----------
    number : int
        Its place among all that was ever said, from 1 on; what an edit was made upon is known by it.
    news : bool
        Whether a job that was not seen then made the issue news: worse, or back. Looked up of the newest only.
    """

    number: int
    triage: Triage
    news: bool


class Earlier(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a store knows of a product before a candidate, on its hardware and suite.

    Attributes
    ----------
    history : Archive
        What earlier jobs measured.
    issues : tuple of Tracked
        As the newest job before the candidate left them.
    approved : tuple of JobRef
        Earlier jobs of other versions that comparisons approved, oldest first.
    older : History or None
        The candidate and an older job that is taken for good, where nobody compared what lies between.
    """

    history: Archive
    issues: tuple[Tracked, ...]
    approved: tuple[JobRef, ...]
    older: History | None


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """A store as a whole.

    Attributes
    ----------
    schema, current : int
        Its schema, 0 for none yet, and the one that is known here, to which opening it brings it.
    jobs, products : int
        Without the jobs that are gone.
    newest : datetime or None
        When the last of them ended.
    size : int
        Bytes on its disk.
    """

    location: str
    schema: int
    current: int
    jobs: int
    products: int
    newest: datetime | None
    size: int
