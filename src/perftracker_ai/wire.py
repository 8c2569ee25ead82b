"""Requests to one server: what goes wrong on the way comes out as one of our errors, in one sentence.

Everything is bounded: connecting, waiting for bytes, one whole answer, its size, the number of tries and of redirects.
Redirects are followed within the server only. Requests under way can be ended from another thread.

Reading is tried again by itself. What is sent is sent once: whether sending it again is harmless only the caller knows,
so it learns whether the answer was lost (`Unreachable`) or what it was (`Reply`).
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from perftracker_ai.errors import BadAnswer, NotFound, PerfTrackerAIError, SourceError, Unreachable, UsageError
from perftracker_ai.files import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import httpx2

T = TypeVar("T")

_MAX_ANSWER_BYTES = 64 * 1024 * 1024
_MAX_REDIRECTS = 3
_SHOWN_CHARACTERS = 200
"""As much of an error body as is shown: Django's debug page has 200 kB and the server's settings in it."""
READ_OF_ERRORS = 4096
_REDIRECTS = (301, 302, 303, 307, 308)
_REPEATING_REDIRECTS = (307, 308)
"""Those after which the same is sent again; after the others it would become a GET without its body."""
_PASSING = (502, 503, 504)


class Patience(msgspec.Struct, frozen=True, kw_only=True):
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


class PassingTrouble(Unreachable):
    """What may be over at the next try; `Connection.trying` is the only one to tell it from its base."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer, whatever its status; the body of one other than 200 is only its beginning."""

    where: str
    status: int
    html: bool
    body: bytes

    @property
    def stored(self) -> bool:
        """Whether the server says that it did what was asked."""
        return self.status == 200  # noqa: PLR2004 -- HTTP's OK

    @property
    def gist(self) -> str:
        """The status with what is worth showing of the body: ``413 (Request Entity Too Large)``."""
        return _said(self.status, self.body)

    def refusal(self) -> SourceError:
        """Give the error that this answer is where another was needed."""
        if self.stored:
            return web_page(self.where, self.body)
        return _refusal(self.where, self.status, self.body)


class Connection:
    """Requests to one server, with every failure as one of our errors."""

    def __init__(
        self, base: httpx2.URL, context: ssl.SSLContext, patience: Patience, sleep: Callable[[float], None]
    ) -> None:
        self.address = str(base.copy_with(userinfo=b"")).rstrip("/")
        self._patience = patience
        self._sleep = sleep
        self._base = base
        self._client = _client(base, context, patience)
        self._sockets: list[socket.socket] = []
        self._aborted = False

    def get(self, path: str, *, query: Mapping[str, str] | None = None, missing: str = "") -> bytes:
        """Give the body of a JSON answer; ``missing`` is the sentence for 404."""
        return self.trying(lambda: self._get_once(path, query or {}, missing))

    def _get_once(self, path: str, query: Mapping[str, str], missing: str) -> bytes:
        with self.stream(path, query=query, missing=missing, bound_s=self._patience.answer_s) as answer:
            answer.expect_json()
            body = b"".join(answer.pieces(_MAX_ANSWER_BYTES))
        if body.lstrip()[:1] == b"<":
            raise web_page(answer.where, body)
        return body

    def read(self, path: str) -> Reply:
        """Give the answer to a GET, whatever it is, once one comes."""
        return self.trying(lambda: self._reply("GET", path, {}))

    def post_file(self, path: str, fields: Mapping[str, str], content: bytes) -> Reply:
        """Send a form with one part named ``file``, once."""
        return self._reply("POST", path, {"data": fields, "files": {"file": ("file", content)}})

    def send_json(self, method: str, path: str, value: object) -> Reply:
        """Send a value as JSON, once; None sends no body."""
        return self._reply(method, path, {} if value is None else {"json": value})

    def _reply(self, method: str, path: str, sent: Mapping[str, Any]) -> Reply:
        with self._opened(path, {}, self._patience.answer_s, method, sent) as answer:
            status, html = answer.status, answer.html
            if status in _PASSING:
                raise answer.refusal()
            whole = status == 200  # noqa: PLR2004 -- HTTP's OK
            body = b"".join(answer.pieces(_MAX_ANSWER_BYTES)) if whole else answer.beginning()
        return Reply(where=f"{self.address} ({path})", status=status, html=html, body=body)

    def trying(self, attempt: Callable[[], T]) -> T:
        """Make an attempt, and again after a pause while what hinders it may be over."""
        for pause_s in self._patience.pauses_s:
            try:
                return attempt()
            except PassingTrouble:
                if self._aborted:
                    raise
                self._sleep(pause_s)
        return attempt()

    @contextmanager
    def stream(
        self, path: str, *, query: Mapping[str, str], missing: str, bound_s: float | None = None
    ) -> Iterator[Answer]:
        """Open one answer of status 200, following redirects within the server."""
        with self._opened(path, query, bound_s or self._patience.download_s, "GET", {}) as answer:
            answer.check_status(missing)
            yield answer

    @contextmanager
    def _opened(
        self, path: str, query: Mapping[str, str], bound_s: float, method: str, sent: Mapping[str, Any]
    ) -> Iterator[Answer]:
        """Open one answer of any status but a redirect."""
        deadline = time.monotonic() + bound_s
        url = self._base.copy_with(path=self._base.path.rstrip("/") + path, params=query, userinfo=b"")
        with self._translated():
            for _ in range(_MAX_REDIRECTS):
                with self._client.stream(method, url, extensions={"trace": self._note_socket}, **sent) as response:
                    if response.status_code not in _REDIRECTS:
                        yield Answer(response, f"{self.address} ({path})", deadline)
                        return
                    url = self._next(url, response)
        raise BadAnswer(f"{self.address} ({path}) redirects again and again; check the address.")

    def _next(self, url: httpx2.URL, response: httpx2.Response) -> httpx2.URL:
        target = url.join(response.headers.get("Location", "")).copy_with(fragment=None)
        bodiless = response.request.method != "GET" and response.status_code not in _REPEATING_REDIRECTS
        if bodiless or _origin(target) != _origin(url):
            shown = str(target.copy_with(userinfo=b"", query=None))
            raise BadAnswer(
                f"{self.address} sends every request on to {shown_text(shown)}; give that address as --url if it is"
                " right, or pass the login in front of the server."
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
            problem = shown_text(str(error))
            raise BadAnswer(f"{self.address} answered what cannot be decoded ({problem}); check the proxy.") from error
        except httpx2.HTTPError as error:
            raise self._failed(error) from error

    def _silent(self, what: str, waited_s: float) -> Unreachable:
        return Unreachable(
            f"{self.address} did not {what} within {waited_s:g} s; check the address, the VPN and the server, or set a"
            " longer timeout_s."
        )

    def _failed(self, error: httpx2.HTTPError) -> Unreachable:
        """Word a broken or refused connection; trouble with certificates will not pass, the rest may."""
        problem = re.sub(r"\[Errno -?\d+\] ", "", shown_text(str(error))) or type(error).__name__
        cause = _tls_cause(error)
        if isinstance(cause, ssl.SSLCertVerificationError):
            cure = "give its authority with --ca-bundle FILE, or skip the check with --insecure"
            return Unreachable(f"The certificate of {self.address} is not trusted ({cause.verify_message}); {cure}.")
        if cause is not None:
            return Unreachable(f"{self.address} does not speak TLS as expected ({problem}); is it an http:// address?")
        return PassingTrouble(
            f"{self.address} cannot be reached ({problem}); check the address, the VPN and the server."
        )

    def _note_socket(self, event: str, told: Mapping[str, Any]) -> None:
        """Keep every socket from its first moment: who waits for the head of an answer has nothing else to end."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self._sockets.append(told["return_value"].get_extra_info("socket"))
            if self._aborted:
                self.abort()

    def abort(self) -> None:
        """End every request under way, from another thread: whoever waits for bytes gets an error at once."""
        self._aborted = True
        for connected in tuple(self._sockets):
            with suppress(OSError):  # it may have ended by itself meanwhile
                connected.shutdown(socket.SHUT_RDWR)

    def resume(self) -> None:
        """Let requests be made again, once those under way have ended."""
        self._sockets.clear()
        self._aborted = False

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class Answer:
    """One answer on its way in: its head is here, its body comes in pieces."""

    def __init__(self, response: httpx2.Response, where: str, deadline: float) -> None:
        self.where = where
        self._response = response
        self._deadline = deadline
        packed = "Content-Encoding" in response.headers
        length = response.headers.get("Content-Length", "")
        self.size = int(length) if length.isdecimal() and not packed else None

    @property
    def status(self) -> int:
        """HTTP's status."""
        return self._response.status_code

    @property
    def html(self) -> bool:
        """Whether the answer says that it is a web page."""
        return "html" in self._response.headers.get("Content-Type", "").lower()

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
        if self.html:
            raise web_page(self.where, self.beginning())

    def check_status(self, missing: str) -> None:
        """Raise for everything but 200."""
        if self.status == 200:  # noqa: PLR2004 -- HTTP's OK
            return
        if self.status == 404 and missing:  # noqa: PLR2004 -- HTTP's not found
            raise NotFound(missing)
        raise self.refusal()

    def refusal(self) -> SourceError:
        """Give the error that the answer's status is."""
        return _refusal(self.where, self.status, self.beginning())

    def beginning(self) -> bytes:
        """Read the start of a body that is only shown; how it ends does not matter."""
        import httpx2

        content = bytearray()
        try:
            for piece in self.pieces(_MAX_ANSWER_BYTES):
                content += piece
                if len(content) >= READ_OF_ERRORS:
                    break
        except (httpx2.HTTPError, PerfTrackerAIError):
            pass  # the status is what is reported
        return bytes(content[:READ_OF_ERRORS])

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


def open_connection(url: str, *, ca_bundle: Path | None, insecure: bool, patience: Patience) -> Connection:
    """Make ready to ask the server at ``url``; nothing is sent yet.

    Raises
    ------
    UsageError
        When the address or the bundle cannot be used.
    """
    base = read_address(url)
    return Connection(base, certificates(base, ca_bundle, insecure=insecure), patience, time.sleep)


def read_address(url: str) -> httpx2.URL:
    """Read the server's address."""
    import httpx2

    shown = shown_text(re.sub(r"^(\w+://)?.*@", r"\1", url))
    try:
        parts, base = urlsplit(url), httpx2.URL(url)
        host, _ = parts.hostname, parts.port
    except (ValueError, httpx2.InvalidURL) as error:
        raise UsageError(f"{shown!r} is no server address; write it like https://perftracker.example:9000.") from error
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise UsageError(f"{shown!r} is no server address; write it like https://perftracker.example:9000.")
    return base.copy_with(path=base.path.rstrip("/") or "/")


def certificates(base: httpx2.URL, ca_bundle: Path | None, *, insecure: bool) -> ssl.SSLContext:
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
        raise UsageError(f"The trusted certificates cannot be read ({shown_text(str(error))}); {cure}.") from error


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _tls_cause(error: BaseException | None) -> ssl.SSLError | None:
    """Find the TLS error below a chain of wrappers."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error


def web_page(where: str, body: bytes) -> BadAnswer:
    """Word that a web page came where JSON was asked for."""
    title = _gist(body)
    said = f" ({title})" if title else ""
    return BadAnswer(
        f"{where} answered a web page{said} instead of JSON; check the address, and for a proxy or login in the way."
    )


def _gist(body: bytes) -> str:
    """Give what is worth showing of an error body: a page's title, the message of a JSON object, or its first words."""
    text = body.decode("utf-8", "replace")
    if title := re.search(r"<title[^>]*>(.*?)</title", text, re.IGNORECASE | re.DOTALL):
        return shown_text(title[1])
    return "" if text.lstrip().startswith("<") else shown_text(text)


def shown_text(text: str) -> str:
    """Make foreign text fit for a terminal: one line, no control characters, not too long."""
    plain = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(plain.split())
    return line if len(line) <= _SHOWN_CHARACTERS else line[: _SHOWN_CHARACTERS - 1] + "…"


def _refusal(where: str, status: int, body: bytes) -> SourceError:
    """Word a status other than 200."""
    said = _said(status, body)
    if status in _PASSING:
        return PassingTrouble(f"{where} answered {said}: the server behind the proxy is down or too slow.")
    return BadAnswer(f"{where} answered {said}; {_cure(status)}.")


def _said(status: int, body: bytes) -> str:
    text = _gist(body)
    return f"{status} ({text})" if text else str(status)


def _cure(status: int) -> str:
    """Say what to do about a status."""
    if status in (401, 403, 407):
        return "PerfTracker asks for no login, so look at the proxy in front of it"
    if status >= 500:  # noqa: PLR2004 -- HTTP's server errors
        return "the fault is the server's: see its log, or try again later"
    return "check the address and the proxy in front of the server"
