"""A folder of job files as a source: ``*.json`` and ``*.json.gz`` directly in it, read and never written.

Of many files only headers are read to list them; few are read whole at once, for a comparison wants most of them. A
file that is no job, or a broken one, is skipped and remembered with its reason.
"""

from __future__ import annotations

from functools import partial
from threading import Event
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.errors import JobError, NotFound, Unreachable, UsageError
from perftracker_ai.files import read_document, reason
from perftracker_ai.sources import read_file
from perftracker_ai.sources.document import parse_info
from perftracker_ai.words.text import without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from perftracker_ai.model import Job, JobInfo
    from perftracker_ai.sources import Report

_ENDINGS = (".json", ".json.gz")
_FEW = 7
"""Files up to which a folder is read whole: a pair and the reruns of its baseline."""


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    info: JobInfo
    path: Path
    job: Job | None  # None where only the header was read


class _Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What one look into the folder found: jobs newest first, broken jobs by id, and everything left aside."""

    entries: tuple[_Entry, ...]
    broken: tuple[tuple[int, str], ...]
    skipped: tuple[tuple[str, str], ...]


class FolderSource:
    """Jobs from files.

    Parameters
    ----------
    path : Path
        The folder; looked into at the first question, once.

    Raises
    ------
    NotFound
        When it does not exist.
    UsageError
        When it is not a folder.
    Unreachable
        When the system does not let it be looked at.
    """

    def __init__(self, path: Path) -> None:
        _check(path)
        self._path = path
        self._listing: _Listing | None = None
        self._total: int | None = None
        self._aborted = Event()

    @property
    def location(self) -> str:
        """The folder."""
        return str(self._path)

    @property
    def skipped(self) -> tuple[tuple[str, str], ...]:
        """Files that are no usable job, or a job found twice, as (file name, reason)."""
        return self._listing.skipped if self._listing else ()

    @property
    def total_jobs(self) -> int | None:
        """Number of jobs in the list asked for last."""
        return self._total

    def projects(self) -> tuple[tuple[int, str], ...]:
        """Give id and name of every project that has a job here, by id."""
        return tuple(sorted({(entry.info.project_id, entry.info.project_name) for entry in self._look().entries}))

    def list_jobs(self, project: int) -> Iterator[JobInfo]:
        """Give a project's jobs (0: of all projects), newest end first, ties by id.

        Raises
        ------
        NotFound
            When the folder holds no job at all.
        Unreachable
            When the folder cannot be read.
        """
        infos = [entry.info for entry in self._look().entries if project in (0, entry.info.project_id)]
        self._total = len(infos)
        yield from infos

    def describe(self, job_id: int) -> JobInfo:
        """Give one job's header.

        Raises
        ------
        NotFound
            When no file holds the job.
        JobError
            When the only file that holds it is broken.
        """
        return self._entry(job_id).info

    def fetch(self, info: JobInfo, report: Report) -> Path:
        """Give the job's own file; nothing is copied.

        Raises
        ------
        NotFound, JobError
            As `describe` does.
        """
        path = self._entry(info.id).path
        try:
            size = path.stat().st_size
        except OSError as error:
            raise NotFound(f"{path} has gone since the folder was listed ({reason(error)})", "put it back") from error
        report(size, size)
        return path

    def fetch_all(
        self, infos: Sequence[JobInfo], report: Callable[[int, int, int | None], None]
    ) -> list[Path | JobError | NotFound]:
        """Give each job's file, or why that one cannot be used."""
        return [self._fetched(info, report) for info in infos]

    def _fetched(self, info: JobInfo, report: Callable[[int, int, int | None], None]) -> Path | JobError | NotFound:
        try:
            return self.fetch(info, partial(report, info.id))
        except (JobError, NotFound) as error:
            return error

    def read(self, path: Path) -> Job:
        """Give the job in a fetched file, as it was when the folder was listed if it was read whole then.

        Raises
        ------
        JobError
            When it cannot be read, or is no job.
        """
        listed = next((entry.job for entry in self._look().entries if entry.path == path), None)
        return listed or read_file(path, str(path))

    def pause(self, seconds: float) -> None:
        """Wait, until `abort` at most, and look into the folder again at the next question.

        Raises
        ------
        Unreachable
            When it was aborted: nobody waits for what would be read next.
        """
        if self._aborted.wait(seconds):
            raise Unreachable(f"Waiting for {self._path} was ended", "begin again")
        self._listing = None

    def abort(self) -> None:
        """End a pause; reading files takes no time worth ending."""
        self._aborted.set()

    def close(self) -> None:
        """Do nothing: no file is kept open."""

    def _entry(self, job_id: int) -> _Entry:
        listing = self._look()
        for entry in listing.entries:
            if entry.info.id == job_id:
                return entry
        for broken_id, problem in listing.broken:
            if broken_id == job_id:
                raise JobError(problem, f"put a whole copy of job {job_id} into {self._path}")
        count = len(listing.entries)
        raise NotFound(
            f"There is no job {job_id} among the {count} jobs of the folder {self._path}", "check the number"
        )

    def _look(self) -> _Listing:
        if self._listing is None:
            self._listing = _look_into(self._path)
        if not self._listing.entries and not self._listing.broken:
            raise self._no_jobs(self._listing.skipped)
        return self._listing

    def _no_jobs(self, skipped: tuple[tuple[str, str], ...]) -> NotFound:
        if not skipped:
            return NotFound(f"The folder {self._path} holds no *.json or *.json.gz file", "put job files there")
        problem = skipped[0][1].rstrip(".")
        return NotFound(
            f"None of the {len(skipped)} job files in {self._path} can be used, the first because: {problem}."
        )


def _check(path: Path) -> None:
    try:
        there, folder = path.exists(), path.is_dir()
    except OSError as error:
        raise _unreadable(path, error) from error
    if not there:
        shown = without_secrets(str(path))
        raise NotFound(f"There is no folder {shown}", "a server's address begins with http:// or https://")
    if not folder:
        raise UsageError(f"{path} is a file, not a folder", "give the folder, or name two job files to compare")


def _look_into(folder: Path) -> _Listing:
    """Read every candidate, its header at least."""
    found: list[_Entry] = []
    broken: list[tuple[int, str]] = []
    skipped: list[tuple[str, str]] = []
    paths = _candidates(folder)
    for path in paths:
        try:
            info, present, job = _read(path, whole=len(paths) <= _FEW)
        except JobError as error:
            skipped.append((path.name, str(error)))
            continue
        if info.tests_total == present:
            found.append(_Entry(info=info, path=path, job=job))
        else:
            problem = _unfinished(path, info, present)
            broken.append((info.id, problem))
            skipped.append((path.name, f"{problem}."))
    entries, doubles = _one_each(found)
    return _Listing(entries=entries, broken=tuple(broken), skipped=(*skipped, *doubles))


def _candidates(folder: Path) -> list[Path]:
    """Give the files by name, in an order that does not depend on the file system."""
    try:
        return sorted(path for path in folder.iterdir() if path.name.endswith(_ENDINGS))
    except OSError as error:
        raise _unreadable(folder, error) from error


def _unreadable(folder: Path, error: OSError) -> Unreachable:
    return Unreachable(f"The folder {folder} cannot be read: {reason(error)}", "check the name and its permissions")


def _read(path: Path, *, whole: bool) -> tuple[JobInfo, int, Job | None]:
    """Read a file's header, the number of its tests, and if asked for the whole job.

    A pipe or a device named like a job would be waited for, so only files are opened.
    """
    if not path.is_file():
        raise JobError(f"{path} is not a file.")
    if not whole:
        return *parse_info(read_document(path), str(path)), None
    job = read_file(path, str(path))
    return job.info, len(job.tests) + len(job.bad_records), job


def _unfinished(path: Path, info: JobInfo, present: int) -> str:
    counted = f"job {info.id} counts {info.tests_total} tests and holds {present}"
    return f"{path} is an unfinished or broken upload ({counted})"


def _one_each(found: Iterable[_Entry]) -> tuple[tuple[_Entry, ...], list[tuple[str, str]]]:
    """Keep one file per job, the one the server stored last; of equal ones the first by name, which is the unpacked."""
    kept: dict[int, _Entry] = {}
    doubles: list[tuple[str, str]] = []
    for entry in sorted(found, key=lambda entry: entry.info.upload, reverse=True):
        taken = kept.setdefault(entry.info.id, entry)
        if taken is not entry:
            doubles.append((entry.path.name, f"{entry.path} holds job {entry.info.id} as {taken.path.name} does."))
    newest_first = sorted(kept.values(), key=lambda entry: (entry.info.end, entry.info.id), reverse=True)
    return tuple(newest_first), doubles
