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


def open_source(
    url: str, *, output_dir: Path, ca_bundle: Path | None, insecure: bool, timeout_s: float = 60.0
) -> Source:
    """Open the server or the folder that ``url`` means.

    Parameters
    ----------
    url : str
        A server when it begins with ``http://`` or ``https://``, otherwise a folder.
    output_dir : Path
        Where a server's jobs are downloaded to; a folder's files stay where they are.
    ca_bundle : Path or None
        Certificates to trust instead of the system's.
    insecure : bool
        Whether the server's certificate goes unchecked.
    timeout_s : float
        How long a server may be silent before it is given up.

    Raises
    ------
    UsageError
        When ``url`` is neither, or the certificates cannot be read.
    NotFound
        When there is no such folder.
    """
    if url.lower().startswith(_SCHEMES):
        from perftracker_ai.sources.server import ServerSource
        from perftracker_ai.wire import Patience

        # An address that takes no connection at all is known sooner, however slow the server's answers may be.
        patience = Patience(connect_s=min(10.0, timeout_s), read_s=timeout_s)
        return ServerSource(url, output_dir=output_dir, ca_bundle=ca_bundle, insecure=insecure, patience=patience)
    from perftracker_ai.sources.folder import FolderSource

    return FolderSource(Path(url))


def read_file(path: Path, origin: str) -> Job:
    """Return the job in a file that somebody named ``origin``.

    Raises
    ------
    JobError
        When it cannot be read, or is no job.
    """
    from perftracker_ai.files import read_document
    from perftracker_ai.parse import parse_job

    return parse_job(read_document(path), origin)


def read_fetched(source: Source, info: JobInfo, fetched: Path | JobError | NotFound, report: JobReport) -> Job:
    """Return a fetched job, with the host names that only the source's list tells.

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
    return replace(job, info=replace(job.info, hosts=info.hosts))


def _file(fetched: Path | JobError | NotFound) -> Path:
    if not isinstance(fetched, Path):
        raise fetched
    return fetched
