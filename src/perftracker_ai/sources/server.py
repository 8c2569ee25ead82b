"""A PerfTracker server as a source: its job list, one job's header, and verified downloads.

In goes an address; out come `JobInfo` values and files. Whatever the server or something in front of it answers
instead (a login page, a proxy's error, half a document) ends in one sentence, and never in a file.

Everything is bounded: connecting, waiting for bytes, one whole answer, its size, the number of tries, of redirects and
of pages. Only reading happens here, so that trying again is always harmless.
"""

from __future__ import annotations

import re
import ssl
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import msgspec

from perftracker_ai.errors import BadAnswer, JobError, NotFound, PerfTrackerAIError, Unreachable, UsageError
from perftracker_ai.files import MAX_DOCUMENT_BYTES, read_document, reason, replacing
from perftracker_ai.parse import parse_info, row_to_info

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import httpx2

    from perftracker_ai.model import JobInfo
    from perftracker_ai.sources import Report

T = TypeVar("T")

_PAGE_ROWS = 500
"""Rows asked for at once: 1 to 3 s on the real server, which makes three queries per row."""
_MAX_PAGES = 4000
"""Pages after which a list that does not end is given up: two million jobs."""
_PASSES = 3
"""How often the list is read when rows moved while it was read."""
_STEPS_BACK = 5
"""How often one pass goes back by a page because rows before it vanished."""
_MAX_PAGE_BYTES = 64 * 1024 * 1024
_MAX_REDIRECTS = 3
_SHOWN_CHARACTERS = 200
"""As much of an error body as is shown: Django's debug page has 200 kB and the server's settings in it."""
_READ_OF_ERRORS = 4096
_NEWEST_FIRST = {
    "order[0][column]": "2",  # end
    "order[0][dir]": "desc",
    "order[1][column]": "1",  # id, for rows that tie have no order among themselves
    "order[1][dir]": "desc",
}
_REDIRECTS = (301, 302, 303, 307, 308)
_PASSING = (502, 503, 504)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait, and how often to try again.

    Attributes
    ----------
    connect_s, read_s : float
        Bounds on connecting, and on the silence between two pieces of an answer.
    answer_s, download_s : float
        Bounds on one whole answer, for a server that drips; a job is the larger one.
    pauses_s : tuple of float
        Pauses before each further try.
    """

    connect_s: float = 10.0
    read_s: float = 60.0
    answer_s: float = 300.0
    download_s: float = 900.0
    pauses_s: tuple[float, ...] = (0.5, 1.0, 2.0)


class _Passing(Unreachable):
    """What may be over at the next try; `_Connection.trying` is the only one to tell it from its base."""


class _Page(msgspec.Struct):
    """One page of the job list; rows are read one by one, so that an odd one does not spoil the rest."""

    recordsFiltered: int  # noqa: N815 -- the server's name
    data: list[msgspec.Raw]


class _Project(msgspec.Struct):
    id: int
    name: str


@dataclass(slots=True)
class _Reading:
    """How far one list has been read; it grows while the list is read."""

    seen: set[int | bytes] = field(default_factory=set)
    pages: int = 0
    total: int = 0


class ServerSource:
    """Jobs of a PerfTracker server.

    Parameters
    ----------
    url : str
        ``http://`` or ``https://``, host, and the path a proxy mounts the server at, if any. A user and password in
        it are sent as basic authentication and never shown.
    output_dir : Path
        Where `fetch` puts ``job-<id>.json``; made when needed.
    ca_bundle : Path or None
        PEM file of the authorities to trust instead of the system's.
    insecure : bool
        Leave the server's certificate unchecked.
    patience : Patience
    sleep : callable
        Waits the given number of seconds between two tries.

    Raises
    ------
    UsageError
        When the address or the bundle cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        output_dir: Path,
        ca_bundle: Path | None = None,
        insecure: bool = False,
        patience: Patience | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        base = _base(url)
        context = _certificates(base, ca_bundle, insecure=insecure)
        self._connection = _Connection(base, context, patience or Patience(), sleep)
        self._output_dir = output_dir
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

    def describe(self, job_id: int) -> JobInfo:
        """Give one job's header.

        Raises
        ------
        NotFound
            When there is no such job.
        Unreachable, BadAnswer
            When the server does not say.
        """
        missing = f"There is no job {job_id} on {self.location}; check the number with `perftracker-ai jobs`."
        raw = self._connection.get(f"/api/v1.0/0/job/{job_id}", missing=missing)
        info = row_to_info(raw, f"{self.location} (job {job_id})")
        if info.id != job_id:
            raise self._another_job(job_id, info.id)
        return info

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
            nothing is downloaded; begins anew when the download does.

        Returns
        -------
        Path
            ``<output_dir>/job-<id>.json``. Nothing but a complete, verified document is ever under that name.

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
            raise BadAnswer(f"The job list of {self.location} does not end ({_MAX_PAGES} pages); choose a --project.")
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
            return msgspec.json.decode(raw, type=kind)
        except (ValueError, RecursionError) as error:
            problem = _shown(str(error))
            sentence = f"{self.location} answered something that is no {what} ({problem}); is it a PerfTracker server?"
            raise BadAnswer(sentence) from error

    # downloads

    def _download(self, info: JobInfo, path: Path, report: Report) -> None:
        """Download into a temporary file, verify, and let it take its name."""
        missing = f"Job {info.id} is not on {self.location} any more; look again with `perftracker-ai jobs`."
        target = f"/{info.project_id}/job/{info.id}"
        with self._connection.stream(target, query={"as_json": "1"}, missing=missing) as answer:
            answer.expect_json()
            with replacing(path) as stream:
                self._verify(_received(answer, stream, report), info)

    def _verify(self, raw: bytes, info: JobInfo) -> None:
        """Refuse what is not the whole job that was asked for."""
        origin = f"Job {info.id} from {self.location}"
        if raw[:64].lstrip().startswith(b"<"):
            raise _web_page(self.location, raw[:_READ_OF_ERRORS])
        got, present = parse_info(raw, origin)
        if got.id != info.id or (info.uuid and got.uuid != info.uuid):
            raise self._another_job(info.id, got.id)
        if got.tests_total != present:
            counts = f"it counts {got.tests_total} tests and holds {present}"
            raise JobError(f"{origin} is an unfinished or broken upload ({counts}); upload it again or take another.")

    def _another_job(self, asked: int, got: int) -> BadAnswer:
        which = f"job {got}" if asked != got else "one with another uuid"
        return BadAnswer(
            f"{self.location} was asked for job {asked} and answered {which}; try again, or check the server."
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
    """Tell whether the file is the job as the server lists it now; a file that cannot be read is not."""
    if not info.upload or not path.is_file():
        return False
    try:
        have, present = parse_info(read_document(path), str(path))
    except JobError:
        return False
    same_job = have.id == info.id and info.uuid in ("", have.uuid)
    return same_job and have.upload == info.upload and have.tests_total == present


def _received(answer: _Answer, stream: IO[bytes], report: Report) -> bytes:
    """Write what arrives, tell about it, and give the whole."""
    content = bytearray()
    for piece in answer.pieces(MAX_DOCUMENT_BYTES):
        stream.write(piece)
        content += piece
        report(len(content), answer.size)
    return bytes(content)


# ── the wire ────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Connection:
    """GET requests to one server, with every failure as one of our errors."""

    def __init__(
        self, base: httpx2.URL, context: ssl.SSLContext, patience: Patience, sleep: Callable[[float], None]
    ) -> None:
        self.address = str(base.copy_with(userinfo=b"")).rstrip("/")
        self._patience = patience
        self._sleep = sleep
        self._base = base
        self._client = _client(base, context, patience)

    def get(self, path: str, *, query: Mapping[str, str] | None = None, missing: str = "") -> bytes:
        """Give the body of a JSON answer; ``missing`` is the sentence for 404."""
        return self.trying(lambda: self._get_once(path, query or {}, missing))

    def _get_once(self, path: str, query: Mapping[str, str], missing: str) -> bytes:
        with self.stream(path, query=query, missing=missing, bound_s=self._patience.answer_s) as answer:
            answer.expect_json()
            body = b"".join(answer.pieces(_MAX_PAGE_BYTES))
        if body.lstrip()[:1] == b"<":
            raise _web_page(answer.where, body)
        return body

    def trying(self, attempt: Callable[[], T]) -> T:
        """Make an attempt, and again after a pause while what hinders it may be over."""
        for pause_s in self._patience.pauses_s:
            try:
                return attempt()
            except _Passing:
                self._sleep(pause_s)
        return attempt()

    @contextmanager
    def stream(
        self, path: str, *, query: Mapping[str, str], missing: str, bound_s: float | None = None
    ) -> Iterator[_Answer]:
        """Open one answer, following redirects within the server."""
        deadline = time.monotonic() + (bound_s or self._patience.download_s)
        url = self._base.copy_with(path=self._base.path.rstrip("/") + path, params=query, userinfo=b"")
        with self._translated():
            for _ in range(_MAX_REDIRECTS):
                with self._client.stream("GET", url) as response:
                    if response.status_code not in _REDIRECTS:
                        answer = _Answer(response, f"{self.address} ({path})", deadline)
                        answer.check_status(missing)
                        yield answer
                        return
                    url = self._next(url, response.headers.get("Location", ""))
        raise BadAnswer(f"{self.address} ({path}) redirects again and again; check the address.")

    def _next(self, url: httpx2.URL, location: str) -> httpx2.URL:
        target = url.join(location).copy_with(fragment=None)
        if _origin(target) != _origin(url):
            shown = str(target.copy_with(userinfo=b"", query=None))
            raise BadAnswer(
                f"{self.address} sends every request on to {_shown(shown)}; give that address as --url if it is right,"
                " or pass the login in front of the server."
            )
        return target

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise what goes wrong on the way as `Unreachable` or `BadAnswer`."""
        import httpx2

        try:
            yield
        except (httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise self._silent("accept a connection", self._patience.connect_s) from error
        except httpx2.TimeoutException as error:
            raise self._silent("go on with its answer", self._patience.read_s) from error
        except (httpx2.DecodingError, httpx2.InvalidURL) as error:
            problem = _shown(str(error))
            raise BadAnswer(f"{self.address} answered what cannot be decoded ({problem}); check the proxy.") from error
        except httpx2.HTTPError as error:
            raise self._failed(error) from error

    def _silent(self, what: str, waited_s: float) -> Unreachable:
        return Unreachable(
            f"{self.address} did not {what} within {waited_s:g} s; check the address, the VPN and the server."
        )

    def _failed(self, error: httpx2.HTTPError) -> Unreachable:
        """Word a broken or refused connection; trouble with certificates will not pass, the rest may."""
        problem = _shown(str(error)) or type(error).__name__
        cause = _tls_cause(error)
        if isinstance(cause, ssl.SSLCertVerificationError):
            cure = "give its authority with --ca-bundle FILE, or skip the check with --insecure"
            return Unreachable(f"The certificate of {self.address} is not trusted ({cause.verify_message}); {cure}.")
        if cause is not None:
            return Unreachable(f"{self.address} does not speak TLS as expected ({problem}); is it an http:// address?")
        return _Passing(f"{self.address} cannot be reached ({problem}); check the address, the VPN and the server.")

    def close(self) -> None:
        self._client.close()


class _Answer:
    """One answer on its way in: its head is here, its body comes in pieces."""

    def __init__(self, response: httpx2.Response, where: str, deadline: float) -> None:
        self.where = where
        self._response = response
        self._deadline = deadline
        packed = "Content-Encoding" in response.headers
        length = response.headers.get("Content-Length", "")
        self.size = int(length) if length.isdecimal() and not packed else None

    def pieces(self, most: int) -> Iterator[bytes]:
        """Give the decoded body piece by piece, up to ``most`` bytes and to the deadline."""
        received = 0
        if (self.size or 0) > most:
            raise self._too_large(most)
        for piece in self._response.iter_bytes():
            received += len(piece)
            if received > most:
                raise self._too_large(most)
            if time.monotonic() > self._deadline:
                raise Unreachable(
                    f"{self.where} is too slow ({received} bytes so far); check the network and the server."
                )
            yield piece

    def expect_json(self) -> None:
        """Refuse a web page before anything of it is stored."""
        if "html" in self._response.headers.get("Content-Type", "").lower():
            raise _web_page(self.where, self._beginning())

    def check_status(self, missing: str) -> None:
        """Raise for everything but 200."""
        status = self._response.status_code
        if status == 200:  # noqa: PLR2004 -- HTTP's OK
            return
        text = _gist(self._beginning())
        said = f" ({text})" if text else ""
        if status == 404 and missing:  # noqa: PLR2004 -- HTTP's not found
            raise NotFound(missing)
        if status in _PASSING:
            raise _Passing(f"{self.where} answered {status}{said}: the server behind the proxy is down or too slow.")
        raise BadAnswer(f"{self.where} answered {status}{said}; {_cure(status)}.")

    def _beginning(self) -> bytes:
        """Read the start of a body that is only shown; how it ends does not matter."""
        import httpx2

        content = bytearray()
        try:
            for piece in self.pieces(_MAX_PAGE_BYTES):
                content += piece
                if len(content) >= _READ_OF_ERRORS:
                    break
        except (httpx2.HTTPError, PerfTrackerAIError):
            pass  # the status is what is reported
        return bytes(content[:_READ_OF_ERRORS])

    def _too_large(self, most: int) -> BadAnswer:
        return BadAnswer(
            f"{self.where} answered more than {most >> 20} MiB, more than it ever should; check the server."
        )


def _client(base: httpx2.URL, context: ssl.SSLContext, patience: Patience) -> httpx2.Client:
    """Make the client; proxies come from the environment, redirects are followed by hand."""
    import httpx2

    timeout = httpx2.Timeout(patience.read_s, connect=patience.connect_s)
    auth = (base.username, base.password) if base.userinfo else None
    try:
        return httpx2.Client(verify=context, timeout=timeout, auth=auth, headers={"Accept": "application/json"})
    except (ValueError, ImportError, httpx2.InvalidURL) as error:
        cure = "correct or unset HTTP_PROXY, HTTPS_PROXY and ALL_PROXY"
        raise UsageError(f"The proxy that the environment names cannot be used; {cure}.") from error


def _base(url: str) -> httpx2.URL:
    """Read the server's address."""
    import httpx2

    shown = _shown(re.sub(r"^(\w+://)?.*@", r"\1", url))
    try:
        parts, base = urlsplit(url), httpx2.URL(url)
        host, _ = parts.hostname, parts.port
    except (ValueError, httpx2.InvalidURL) as error:
        raise UsageError(f"{shown!r} is no server address; write it like https://perftracker.example:9000.") from error
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise UsageError(f"{shown!r} is no server address; write it like https://perftracker.example:9000.")
    return base.copy_with(path=base.path.rstrip("/") or "/")


def _certificates(base: httpx2.URL, ca_bundle: Path | None, *, insecure: bool) -> ssl.SSLContext:
    """Give what verifies the server: nothing, a bundle, or the system's authorities."""
    if insecure:
        return _unverified()
    if ca_bundle is None:
        return _of_the_system() if base.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=ca_bundle)
    except OSError as error:  # ssl.SSLError is one
        problem = "it holds no certificate" if isinstance(error, ssl.SSLError) else reason(error)
        raise UsageError(f"--ca-bundle {ca_bundle} cannot be used: {problem}; give a PEM file.") from error
    return context


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _of_the_system() -> ssl.SSLContext:
    """Load the system's authorities: 45 ms, so only where they are needed."""
    import httpx2

    try:
        return httpx2.create_ssl_context()
    except OSError as error:
        cure = "correct or unset SSL_CERT_FILE and SSL_CERT_DIR, or use --ca-bundle"
        raise UsageError(f"The trusted certificates cannot be read ({_shown(str(error))}); {cure}.") from error


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _tls_cause(error: BaseException | None) -> ssl.SSLError | None:
    """Find the TLS error below a chain of wrappers."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error


def _web_page(where: str, body: bytes) -> BadAnswer:
    title = _gist(body)
    said = f" ({title})" if title else ""
    return BadAnswer(
        f"{where} answered a web page{said} instead of JSON; check the address, and for a proxy or login in the way."
    )


def _gist(body: bytes) -> str:
    """Give what is worth showing of an error body: a page's title, the message of a JSON object, or its first words."""
    text = body.decode("utf-8", "replace")
    if title := re.search(r"<title[^>]*>(.*?)</title", text, re.IGNORECASE | re.DOTALL):
        return _shown(title[1])
    return "" if text.lstrip().startswith("<") else _shown(text)


def _shown(text: str) -> str:
    """Make foreign text fit for a terminal: one line, no control characters, not too long."""
    plain = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(plain.split())
    return line if len(line) <= _SHOWN_CHARACTERS else line[: _SHOWN_CHARACTERS - 1] + "…"


def _cure(status: int) -> str:
    """Say what to do about a status."""
    if status in (401, 403, 407):
        return "PerfTracker asks for no login, so look at the proxy in front of it"
    if status >= 500:  # noqa: PLR2004 -- HTTP's server errors
        return "the fault is the server's: see its log, or try again later"
    return "check the address and the proxy in front of the server"
