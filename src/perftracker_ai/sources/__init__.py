"""Where jobs come from: a PerfTracker server or a folder of job files, told apart by the address."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from perftracker_ai.errors import JobFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from perftracker_ai.errors import JobError, NotFound
    from perftracker_ai.model import Job, JobInfo
    from perftracker_ai.settings import Settings

    Report = Callable[[int, int | None], None]
    """Takes the bytes received so far and those expected, None when nobody knows."""

    JobReport = Callable[[int, int, int | None], None]
    """The same with the job's id before the bytes."""

_SCHEMES = ("http://", "https://")


class Source(Protocol):
    """What discovery and the application need of a place that holds jobs."""

    @property
    def location(self) -> str:
        """Address or folder, for messages; never with credentials."""

    @property
    def skipped(self) -> tuple[tuple[str, str], ...]:
        """What was found but is no job, as (name, reason), so far."""

    @property
    def total_jobs(self) -> int | None:
        """Number of jobs in the list read last; None before its beginning was read."""

    def projects(self) -> tuple[tuple[int, str], ...]:
        """Give id and name of every project."""

    def list_jobs(self, project: int) -> Iterator[JobInfo]:
        """Give a project's jobs (0: of all projects), newest first, read as far as the caller goes."""

    def pause(self, seconds: float) -> None:
        """Wait, until `abort` at most, and forget what was listed: the next list is a new one."""

    def describe(self, job_id: int) -> JobInfo:
        """Give one job's header."""

    def fetch(self, info: JobInfo, report: Report) -> Path:
        """Give a verified file with the whole job."""

    def fetch_all(self, infos: Sequence[JobInfo], report: JobReport) -> list[Path | JobError | NotFound]:
        """Give each job's file, or why that one cannot be used."""

    def read(self, path: Path) -> Job:
        """Give the job in a fetched file."""

    def abort(self) -> None:
        """End what another thread is asking just now: it gets an error at once."""

    def close(self) -> None:
        """Let go of connections."""


def open_source(settings: Settings, told: Callable[[str], None] | None = None) -> Source:
    """Open the server or the folder that the setting ``url`` means.

    Parameters
    ----------
    settings : Settings
        A server when its ``url`` begins with ``http://`` or ``https://``, otherwise a folder. A server's jobs are
        downloaded to ``output_dir``; a folder's files stay where they are.
    told : callable, optional
        Told in words that the server is waited for.

    Raises
    ------
    UsageError
        When ``url`` is neither, or certificates or login cannot be used.
    NotFound
        When there is no such folder.
    """
    if settings.url.lower().startswith(_SCHEMES):
        from perftracker_ai.http.perftracker import open_connection
        from perftracker_ai.sources.server import AT_ONCE, ServerSource

        connection, at_once = open_connection(settings, told), min(AT_ONCE, settings.connections)
        return ServerSource(connection, output_dir=Path(settings.output_dir), at_once=at_once)
    from perftracker_ai.sources.folder import FolderSource

    return FolderSource(Path(settings.url))


def read_file(path: Path, origin: str) -> Job:
    """Return the job in a file that somebody named ``origin``.

    Raises
    ------
    JobError
        When it cannot be read, or is no job.
    """
    from perftracker_ai.files import read_document
    from perftracker_ai.sources.document import parse_job

    return parse_job(read_document(path), origin)


def read_fetched(source: Source, info: JobInfo, fetched: Path | JobError | NotFound, report: JobReport) -> Job:
    """Return a fetched job, with the host names that only the source's list tells, and the version read from there.

    A file that vanished or was altered after it was fetched is fetched once more: that is no fault of the job's.

    Parameters
    ----------
    fetched : Path, JobError or NotFound
        As `Source.fetch_all` gave it for this job; an error is raised.

    Raises
    ------
    JobError, NotFound
        When the job cannot be used.
    """
    try:
        job = source.read(_file(fetched))
    except JobFileError:
        (again,) = source.fetch_all((info,), report)
        job = source.read(_file(again))
    return replace(job, info=replace(job.info, hosts=info.hosts, product_ver=info.product_ver))


def _file(fetched: Path | JobError | NotFound) -> Path:
    if not isinstance(fetched, Path):
        raise fetched
    return fetched
