"""A PerfTracker server as a source: its job list, one job's header, and verified downloads.

In goes an address; out come `JobInfo` values and files. Whatever the server or something in front of it answers
instead (a login page, a proxy's error, half a document) ends in one sentence, and never in a file.

Everything is bounded: connecting, waiting for bytes, one whole answer, its size, the number of tries, of redirects and
of pages. Only reading happens here, so that trying again is always harmless.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec.structs import replace

from perftracker_ai.decoding import decoded
from perftracker_ai.errors import BadAnswer, JobError, NotFound
from perftracker_ai.files import MAX_DOCUMENT_BYTES, is_sealed, read_document, sealed, write_file
from perftracker_ai.http.perftracker import web_page
from perftracker_ai.sources.document import parse_info, parse_job, row_to_info
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from perftracker_ai.http import Answer
    from perftracker_ai.http.perftracker import Connection
    from perftracker_ai.model import Job, JobInfo
    from perftracker_ai.sources import Report

T = TypeVar("T")

_PAGE_ROWS = 500
"""Rows asked for at once: 1 to 3 s on the real server, which makes three queries per row."""
_FEW_ROWS = 50
"""Rows of a page in which one job is looked for: the server makes three queries for each."""
_BY_ID = {"order[0][column]": "1", "order[0][dir]": "asc"}
_READ_OF_PAGES = 8192
_MAX_PAGES = 4000
"""Pages after which a list that does not end is given up: two million jobs."""
_PASSES = 3
"""How often the list is read when rows moved while it was read."""
_STEPS_BACK = 5
"""How often one pass goes back by a page because rows before it vanished."""
AT_ONCE = 2
"""Downloads at the same time: the real server is one process, and a third would only wait."""
_NEWEST_FIRST = {
    "order[0][column]": "2",  # end
    "order[0][dir]": "desc",
    "order[1][column]": "1",  # id, for rows that tie have no order among themselves
    "order[1][dir]": "desc",
}


class _Page(msgspec.Struct):
    """One page of the job list; rows are read one by one, so that an odd one does not spoil the rest."""

    recordsFiltered: int  # noqa: N815 -- the server's name
    data: list[msgspec.Raw]


class _Project(msgspec.Struct):
    id: int
    name: str


class _Id(msgspec.Struct):
    id: int


class _Ids(msgspec.Struct):
    data: list[_Id]
    recordsFiltered: int  # noqa: N815 - the server's name


class _Reading(msgspec.Struct):
    """How far one list has been read; it grows while the list is read."""

    seen: set[int | bytes] = set()
    pages: int = 0
    total: int = 0


class ServerSource:
    """Jobs of a PerfTracker server.

    Parameters
    ----------
    connection : Connection
        To the server; closed with the source.
    output_dir : Path
        Where `fetch` puts ``job-<id>.json``; made when needed.
    at_once : int
        Downloads at the same time.
    """

    def __init__(self, connection: Connection, *, output_dir: Path, at_once: int = AT_ONCE) -> None:
        self._connection = connection
        self._output_dir, self._at_once = output_dir, at_once
        self._total: int | None = None
        self._skipped: list[tuple[str, str]] = []

    @property
    def location(self) -> str:
        """The server's address without credentials."""
        return self._connection.address

    @property
    def skipped(self) -> tuple[tuple[str, str], ...]:
        """Rows of the job list that could not be read, as (where, reason)."""
        return tuple(self._skipped)

    @property
    def total_jobs(self) -> int | None:
        """Number of jobs the list has by the page read last."""
        return self._total

    def list_jobs(self, project: int) -> Iterator[JobInfo]:
        """Give a project's jobs (0: of all projects), newest first, page by page as far as the caller goes.

        Every job comes once. A job that appears while the list is read comes last, out of order.

        Raises
        ------
        Unreachable, BadAnswer
            When the server does not give the list.
        """
        reading = _Reading()
        for _ in range(_PASSES):
            yield from self._pass(project, reading)
            if len(reading.seen) >= reading.total:
                return

    def pause(self, seconds: float) -> None:
        """Wait, until `abort` at most; every list is asked for anew."""
        self._connection.pause(seconds)

    def describe(self, job_id: int) -> JobInfo:
        """Give one job's header; whether it was deleted only where the copy that will be read cannot tell.

        Raises
        ------
        NotFound
            When there is no such job.
        Unreachable, BadAnswer
            When the server does not say.
        """
        missing = NotFound(
            f"There is no job {job_id} on {self.location}", "check the number with `perftracker-ai jobs`"
        )
        raw = self._connection.get(f"/api/v1.0/0/job/{job_id}", missing=missing)
        info = row_to_info(raw, f"{self.location} (job {job_id})")
        if info.id != job_id:
            raise self._another_job(job_id, info.id)
        # A downloaded job tells itself; a copy from before cannot, nor does the header: only the list leaves it out.
        if _is_current(self._output_dir / f"job-{job_id}.json", info) and not self._is_listed(job_id):
            return replace(info, deleted=True)
        return info

    def _is_listed(self, job_id: int) -> bool:
        """Tell whether the list has a job, by halving it: a few small pages of a list of thousands."""
        low, high = 0, self._ids(0)[1]
        while low < high:
            start = max(low, (low + high - _FEW_ROWS) // 2)
            ids, _ = self._ids(start)
            if not ids or job_id < ids[0]:
                high = start
            elif job_id > ids[-1]:
                low = start + len(ids)
            else:
                return job_id in ids
        return False

    def _ids(self, start: int) -> tuple[list[int], int]:
        """Give the ids of a page of all projects' jobs, the oldest first, and the number of all jobs."""
        query = {"start": str(start), "length": str(_FEW_ROWS), **_BY_ID}
        page = self._decoded(self._connection.get("/api/v1.0/0/job/", query=query), _Ids, "job list")
        return [row.id for row in page.data], page.recordsFiltered

    def projects(self) -> tuple[tuple[int, str], ...]:
        """Give id and name of every project.

        Raises
        ------
        Unreachable, BadAnswer
            When the server does not say.
        """
        raw = self._connection.get("/api/v1.0/0/project/")
        return tuple((project.id, project.name) for project in self._decoded(raw, list[_Project], "project list"))

    def fetch(self, info: JobInfo, report: Report) -> Path:
        """Give a verified file with the whole job, downloading it unless the same content is there already.

        Parameters
        ----------
        info : JobInfo
            The job as `list_jobs` or `describe` gave it just now.
        report : callable
            Told the bytes received so far and those expected, None when the server does not say. Not called when
            nothing is downloaded; begins with no bytes while the server builds the document, and anew when the
            download does.

        Returns
        -------
        Path
            ``<output_dir>/job-<id>.json``. Nothing but a complete, verified document is ever under that name; it
            holds its checksum, and a copy without one, or that was altered since, is downloaded again.

        Raises
        ------
        NotFound
            When the job has gone.
        JobError
            When the document is incomplete, or its upload unfinished or broken.
        Unreachable, BadAnswer, OutputError
        """
        path = self._output_dir / f"job-{info.id}.json"
        if not _is_current(path, info):
            self._connection.trying(lambda: self._download(info, path, report))
        return path

    def fetch_all(
        self, infos: Sequence[JobInfo], report: Callable[[int, int, int | None], None]
    ) -> list[Path | JobError | NotFound]:
        """Fetch several jobs, a few at a time.

        Parameters
        ----------
        infos : sequence of JobInfo
        report : callable
            As for `fetch`, with the job's id before the bytes.

        Returns
        -------
        list of Path, JobError or NotFound
            In the order asked: the file, or why this job cannot be used.

        Raises
        ------
        Unreachable, BadAnswer, OutputError
            What would keep any job from being fetched. Then, and on an interruption, downloads under way are ended;
            the next product's may succeed.
        """
        pool = ThreadPoolExecutor(self._at_once)
        try:
            fetched = [pool.submit(self._fetched, info, report) for info in infos]
            return [each.result() for each in fetched]
        except BaseException:
            self._connection.abort()
            pool.shutdown(cancel_futures=True)
            self._connection.resume()
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _fetched(self, info: JobInfo, report: Callable[[int, int, int | None], None]) -> Path | JobError | NotFound:
        try:
            return self.fetch(info, partial(report, info.id))
        except (JobError, NotFound) as error:
            return error

    def read(self, path: Path) -> Job:
        """Give the job in a fetched file.

        Raises
        ------
        JobError
            When it cannot be read, or is no job.
        """
        return parse_job(read_document(path), str(path))

    def abort(self) -> None:
        """End what another thread is asking just now: it gets an error at once."""
        self._connection.abort()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    # the list

    def _pass(self, project: int, reading: _Reading) -> Iterator[JobInfo]:
        """Read the list once from the top, giving what was not seen before.

        Each page begins with the last row of the one before. When that row is not one seen before, rows above it have
        vanished in between and others slipped past, so the pass goes back. A page without anything new beyond what
        was known when the pass began ends it: so does every server that repeats itself.
        """
        start, steps_back, known = 0, 0, len(reading.seen)
        while True:
            rows = self._page(project, start, reading)
            if start and rows and rows[0][0] not in reading.seen and steps_back < _STEPS_BACK:
                start, steps_back = max(0, start - _PAGE_ROWS), steps_back + 1
                continue
            fresh = _unseen(rows, reading.seen)
            yield from fresh
            start += len(rows) - 1
            exhausted = not fresh and start >= known
            if len(rows) <= 1 or exhausted or start + 1 >= reading.total:
                return

    def _page(self, project: int, start: int, reading: _Reading) -> list[tuple[int | bytes, JobInfo | None]]:
        """Read one page as (key, job) pairs; an unreadable row has no job and is its own key."""
        reading.pages += 1
        if reading.pages > _MAX_PAGES:
            raise BadAnswer(f"The job list of {self.location} does not end ({_MAX_PAGES} pages)", "choose a --project")
        query = {"start": str(start), "length": str(_PAGE_ROWS), **_NEWEST_FIRST}
        raw = self._connection.get(f"/api/v1.0/{project}/job/", query=query)
        page = self._decoded(raw, _Page, "job list")
        self._total = reading.total = page.recordsFiltered
        return [self._row(bytes(row), position) for position, row in enumerate(page.data, start + 1)]

    def _row(self, raw: bytes, position: int) -> tuple[int | bytes, JobInfo | None]:
        try:
            info = row_to_info(raw, self.location)
        except BadAnswer as error:
            problem = (f"row {position} of the job list", str(error))
            self._skipped += [problem] if problem not in self._skipped else []
            return raw, None
        return info.id, info

    def _decoded(self, raw: bytes, kind: type[T], what: str) -> T:
        """Decode JSON of the expected shape; absurd nesting ends in RecursionError."""
        try:
            return decoded(raw, kind)
        except (ValueError, RecursionError) as error:
            problem = clean(str(error))
            sentence = f"{self.location} answered something that is no {what} ({problem})"
            raise BadAnswer(sentence, "is it a PerfTracker server?") from error

    # downloads

    def _download(self, info: JobInfo, path: Path, report: Report) -> None:
        """Download, verify, and let it take its name."""
        missing = NotFound(f"Job {info.id} is not on {self.location} any more", "look again with `perftracker-ai jobs`")
        target = f"/{info.project_id}/job/{info.id}"
        report(0, None)
        with self._connection.document(target, query={"as_json": "1"}, missing=missing) as answer:
            raw = _received(answer, report)
        self._verify(raw, info)
        write_file(path, sealed(raw))

    def _verify(self, raw: bytes, info: JobInfo) -> None:
        """Refuse what is not the whole job that was asked for."""
        origin = f"Job {info.id} from {self.location}"
        if raw[:64].lstrip().startswith(b"<"):
            raise web_page(self.location, raw[:_READ_OF_PAGES])
        got, present = parse_info(raw, origin)
        if got.id != info.id or (info.uuid and got.uuid != info.uuid):
            raise self._another_job(info.id, got.id)
        if got.tests_total != present:
            counts = f"it counts {got.tests_total} tests and holds {present}"
            raise JobError(f"{origin} is an unfinished or broken upload ({counts})", "upload it again or take another")

    def _another_job(self, asked: int, got: int) -> BadAnswer:
        which = f"job {got}" if asked != got else "one with another uuid"
        return BadAnswer(
            f"{self.location} was asked for job {asked} and answered {which}", "try again, or check the server"
        )


def _unseen(rows: list[tuple[int | bytes, JobInfo | None]], seen: set[int | bytes]) -> list[JobInfo]:
    """Mark rows as seen and give the jobs among them that were not."""
    fresh = []
    for key, info in rows:
        if key not in seen and info is not None:
            fresh.append(info)
        seen.add(key)
    return fresh


def _is_current(path: Path, info: JobInfo) -> bool:
    """Tell whether the file is the job as the server lists it now, whole and with a checksum that shows it."""
    if not info.upload:
        return False
    try:
        if not path.is_file():
            return False
        document = read_document(path)
        have, present = parse_info(document, str(path))
    except (JobError, OSError):  # why a path cannot even be looked at is told when it is written to
        return False
    same_job = have.id == info.id and info.uuid in ("", have.uuid)
    return is_sealed(document) and same_job and have.upload == info.upload and have.tests_total == present


def _received(answer: Answer, report: Report) -> bytes:
    """Tell about what arrives, and give the whole."""
    content = bytearray()
    for piece in answer.pieces(MAX_DOCUMENT_BYTES):
        content += piece
        report(len(content), answer.size)
    return bytes(content)
