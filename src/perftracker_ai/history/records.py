"""What is asked of a store and what it answers: values only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from datetime import datetime

    from perftracker_ai.model import CurveSet, JobInfo


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
    """

    origin: str
    product: str
    hardware: str | None = None
    suite: str | None = None
    since: datetime | None = None


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
