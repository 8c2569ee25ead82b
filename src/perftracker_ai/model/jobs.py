"""Jobs, their tests, and which of them are compared.

Values only.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.model.ranges import Count  # noqa: TC001 - msgspec reads it when it reads results back
from perftracker_ai.model.versions import trimmed

if TYPE_CHECKING:
    from datetime import datetime

    from perftracker_ai.model.notices import Notice


class JobInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a job says of itself, without its tests.

    Attributes
    ----------
    uuid : str
        Empty when the source's list does not tell it.
    hosts : tuple of str
        Display names of the top-level hosts, in stored order; empty when the job has none.
    begin : datetime or None
        Aware, UTC. None when the source's list does not tell it.
    upload : str
        When the server last stored the job, as text: another text means another content.
    """

    id: int
    uuid: str
    title: str
    product_name: str
    product_ver: str
    suite_name: str
    suite_ver: str
    project_id: int
    project_name: str
    hosts: tuple[str, ...]
    begin: datetime | None
    end: datetime
    upload: str
    tests_total: int
    tests_completed: int
    tests_failed: int
    tests_errors: int
    deleted: bool

    @property
    def version(self) -> str:
        """The product's version; blanks around it, or a v before it, were typed."""
        return trimmed(self.product_ver)


class Test(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One test.

    Attributes
    ----------
    scores : tuple of float or None
        In the unit of `metrics`, NaN and infinity among them where they were measured; None when they could not be
        read.
    begin, end : float or None
        Seconds since 1970, UTC; None when nobody tells. Never ``end < begin``.
    """

    __test__ = False  # keep pytest from taking the class for a test case

    tag: str
    scores: tuple[float, ...] | None
    seq_num: int
    group: str
    category: str
    metrics: str
    less_better: bool
    errors: int
    status: str
    begin: float | None
    end: float | None


class BadRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A test record that could not be read: skipped, and reported with its position."""

    position: Count  # counted from 1 in the job's list of tests
    problem: str


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """A machine that a job ran on, real or virtual, as its uploader told of it.

    Attributes
    ----------
    name, kernel, model : str
        Empty when nobody tells; ``kernel`` is the version of its system, ``model`` its processor or its parameters.
    processors, memory_mb : int or None
    """

    name: str
    processors: int | None
    memory_mb: int | None
    kernel: str
    model: str


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A whole job.

    Attributes
    ----------
    command : str
        The command line that ran it; empty when nobody tells.
    links : tuple of (str, str)
        Name and address of what the uploader linked to it.
    machines : tuple of Machine
        In stored order, those that carry the product left out.
    tests : tuple of Test
        The readable ones, in upload order.
    bad_records : tuple of BadRecord
        Those that were not.
    """

    info: JobInfo
    command: str
    links: tuple[tuple[str, str], ...]
    machines: tuple[Machine, ...]
    tests: tuple[Test, ...]
    bad_records: tuple[BadRecord, ...]


class Exclusion(StrEnum):
    """Why discovery does not take a job."""

    LOCAL_RUN = "local run"
    NO_HOSTS = "no hosts"
    DELETED = "deleted"
    UNFINISHED = "unfinished or broken upload"
    NO_VERSION = "no product version"
    OTHER_HARDWARE = "other hardware"
    OTHER_SUITE = "other suite"
    OTHER_VERSION = "not the version asked for"
    SAME_VERSION = "the candidate's version"
    NOT_NEEDED = "older than what is needed"


class Considered(msgspec.Struct, frozen=True, kw_only=True):
    """A job discovery looked at: its role (``candidate``, ``baseline``, ``rerun`` or empty) or why it was left."""

    job: JobInfo
    role: str
    exclusion: Exclusion | None
    detail: str


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """The jobs of one comparison; reruns are further jobs of the baseline's and of the candidate's version."""

    baseline: JobInfo
    candidate: JobInfo
    reruns: tuple[JobInfo, ...]
    candidate_reruns: tuple[JobInfo, ...]


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What discovery chose and what it saw on the way.

    Attributes
    ----------
    pair : Pair or None
        None when there are no two jobs to compare; then `problem` says why, and `cure` what to do.
    considered : tuple of Considered
        Every job of the product that was read, newest first.
    notices : tuple of Notice
        What is newer than the candidate and could not be taken.
    found, without_local : int
        Jobs of the product read, and those left when local runs are taken out.
    per_hardware : tuple of (str, int)
        Usable jobs of each hardware group, group with the newest job first.
    """

    product: str
    pair: Pair | None
    problem: str
    cure: str
    considered: tuple[Considered, ...]
    found: int
    without_local: int
    per_hardware: tuple[tuple[str, int], ...]
    notices: tuple[Notice, ...]
