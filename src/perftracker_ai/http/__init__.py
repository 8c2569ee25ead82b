"""HTTP for every server we speak to: one request and its answer, with every wait and every read bounded.

In: a request and its `Bounds`. Out: an `Answer` whose body comes in pieces. What goes wrong is told as a `Trouble`,
which the caller words: a dead PerfTracker server costs the run, a dead model server only the words.

Timeouts of sockets bound the silence between two reads only. A server that drips its head, sends 1xx answers for ever,
or frames and packs nothing at all is never silent by that measure, so a watch shuts the connection when nothing useful
came for too long, or when the whole takes too long. Bodies are unpacked here, for a small one may unpack to anything.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
import zlib
from contextlib import contextmanager, suppress
from enum import Enum
from ipaddress import ip_address
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from perftracker_ai.errors import PerfTrackerAIError, UsageError
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import httpx2

    Voice = Callable[["Trouble"], PerfTrackerAIError]
    """Words a trouble as one of our errors."""

E = TypeVar("E", bound=BaseException)

OK = 200
_PIECE = 1 << 20
_READ_OF_ERRORS = 8192
_BEGINNING = b"HTTP/"
_BROKE_OFF = ("Server disconnected", "peer closed connection", "peer unexpectedly closed")
"""How the library words an end that came too early; its other complaints of the protocol are of what was said."""


class Kind(Enum):
    """What went wrong on the way."""

    UNKNOWN_HOST = "the name is not known"
    NO_CONNECTION = "no connection was made"
    NOT_ACCEPTED = "no connection was made in time"
    PROXY = "the proxy is not there, or refuses"
    UNTRUSTED = "the certificate is not trusted"
    CERTIFICATE_WANTED = "a certificate of ours is wanted"
    TLS = "TLS is not spoken as expected"
    SILENT = "nothing useful came for too long"
    LATE = "the whole took too long"
    GARBAGE = "what was answered is no HTTP"
    BROKEN = "the connection broke"
    UNDECODABLE = "the body cannot be unpacked"
    TOO_LARGE = "the body is larger than it ever should be"


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong, for whoever words it.

    Attributes
    ----------
    kind : Kind
    problem : str
        The particulars, fit to be shown; may be empty.
    waited_s : float
        The bound that was reached, for what came too late.
    received : int
        Bytes of the body that had come.
    most : int
        The bound on the body's size, for what is too large.
    """

    kind: Kind
    problem: str = ""
    waited_s: float = 0.0
    received: int = 0
    most: int = 0


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How long one request may take.

    Attributes
    ----------
    connect_s : float
        Until a connection is made, its TLS included.
    silence_s : float
        Until the head of the answer is there, and then between two pieces of its content.
    whole_s : float
        Until the end of the answer.
    """

    connect_s: float
    silence_s: float
    whole_s: float


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent with every request to get past a gateway; none of it is ever shown.

    Attributes
    ----------
    headers : tuple of (str, str)
    secrets : tuple of str
        What no message may repeat, the server's own words included.
    given : tuple of str
        The names of the settings it comes from.
    """

    headers: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()
    given: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Show where it comes from only."""
        return f"Login(given={self.given!r})"


class Client:
    """Requests to one server.

    Redirects are never followed, and no connection is used twice. A proxy that the environment names is used for other
    machines than this one.

    Parameters
    ----------
    url : httpx2.URL
        Where the server is; credentials in it are left out.
    context : ssl.SSLContext
    login : Login
    accept : str
        Types of answers to ask for.

    Raises
    ------
    UsageError
        When the proxy that the environment names cannot be used.
    """

    def __init__(self, url: httpx2.URL, *, context: ssl.SSLContext, login: Login, accept: str) -> None:
        import httpx2

        self.url = url.copy_with(userinfo=b"")
        self.address = str(self.url).rstrip("/")
        self.login = login
        self.proxy, proxy = "", _proxy_for(self.url)
        self._alarms: set[_Alarm] = set()
        self._aborted = threading.Event()
        try:
            if proxy:
                self.proxy = str(httpx2.URL(proxy).copy_with(userinfo=b"", path="/")).rstrip("/")
            self._client = httpx2.Client(
                headers={"Accept": accept, "Accept-Encoding": "gzip", **dict(login.headers)},
                limits=httpx2.Limits(max_keepalive_connections=0),
                proxy=proxy or None,
                trust_env=False,
                verify=context,
            )
        except (ValueError, ImportError, httpx2.InvalidURL) as error:
            cure = "correct or unset HTTP_PROXY, HTTPS_PROXY and ALL_PROXY"
            raise UsageError("The proxy that the environment names cannot be used", cure) from error

    def shown(self, text: str) -> str:
        """Return foreign text fit for a message: one line, printable, not too long, without what must stay secret."""
        return clean(" ".join(self.masked(text).split()))

    def masked(self, text: str) -> str:
        """Return text without what must stay secret."""
        for secret in self.login.secrets:
            text = text.replace(secret, "***")
        return text

    @contextmanager
    def open(
        self, method: str, url: httpx2.URL, bounds: Bounds, voice: Voice, sent: Mapping[str, Any]
    ) -> Iterator[Answer]:
        """Send one request and open its answer, whatever its status.

        Parameters
        ----------
        method : str
        url : httpx2.URL
            At this server.
        bounds : Bounds
        voice : callable
            Words what goes wrong.
        sent : mapping
            Arguments of the library for what is sent: ``content``, ``json``, ``data`` and ``files``, ``headers``.
        """
        import httpx2

        alarm = _Alarm(bounds, self._aborted)
        timeout = httpx2.Timeout(bounds.silence_s, connect=bounds.connect_s)
        self._alarms.add(alarm)
        try:
            with alarm:
                request = self._client.build_request(
                    method, url, timeout=timeout, extensions={"trace": alarm.note}, **sent
                )
                response = self._client.send(request, stream=True)
                try:
                    alarm.heard()
                    yield Answer(self, response, alarm, voice)
                finally:
                    response.close()
        except httpx2.HTTPError as error:
            raise voice(alarm.trouble() or self._trouble(error, bounds)) from error
        finally:
            self._alarms.discard(alarm)

    def _trouble(self, error: httpx2.HTTPError, bounds: Bounds) -> Trouble:
        """Tell what a failure is."""
        import httpx2

        problem = re.sub(r"\[Errno -?\d+\] ", "", self.shown(str(error))) or type(error).__name__
        if isinstance(error, httpx2.ConnectTimeout | httpx2.PoolTimeout):
            return Trouble(
                kind=Kind.PROXY if self.proxy else Kind.NOT_ACCEPTED,
                problem=f"no connection within {bounds.connect_s:g} s",
                waited_s=bounds.connect_s,
            )
        if isinstance(error, httpx2.TimeoutException):
            return Trouble(kind=Kind.SILENT, waited_s=bounds.silence_s)
        if (cause := _cause(error, ssl.SSLError)) is not None:
            return _of_tls(cause, problem)
        return Trouble(kind=self._kind(error), problem=problem)

    def _kind(self, error: httpx2.HTTPError) -> Kind:
        import httpx2

        if isinstance(error, httpx2.ProxyError) or (isinstance(error, httpx2.ConnectError) and self.proxy):
            return Kind.PROXY
        if isinstance(error, httpx2.ConnectError):
            unknown = _cause(error, socket.gaierror)
            never = unknown is not None and unknown.errno == socket.EAI_NONAME
            return Kind.UNKNOWN_HOST if never else Kind.NO_CONNECTION
        if isinstance(error, httpx2.ProtocolError) and not str(error).startswith(_BROKE_OFF):
            return Kind.GARBAGE
        return Kind.BROKEN

    def abort(self) -> None:
        """End every request under way, from another thread: whoever waits for bytes gets an error at once."""
        self._aborted.set()
        for alarm in tuple(self._alarms):
            alarm.shut()

    def resume(self) -> None:
        """Let requests be made again, once those under way have ended."""
        self._aborted.clear()

    @property
    def aborted(self) -> threading.Event:
        """Set from `abort` to `resume`."""
        return self._aborted

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class Answer:
    """One answer on its way in: its head is here, its body comes in pieces."""

    def __init__(self, client: Client, response: httpx2.Response, alarm: _Alarm, voice: Voice) -> None:
        self._client, self._response, self._alarm, self._voice = client, response, alarm, voice
        self._packing = response.headers.get("Content-Encoding", "").strip().lower()
        length = response.headers.get("Content-Length", "")
        self.size = int(length) if re.fullmatch(r"[0-9]{1,18}", length) and not self._packing else None

    @property
    def status(self) -> int:
        """HTTP's status."""
        return self._response.status_code

    @property
    def content_type(self) -> str:
        """What the server says the body is, in lower case."""
        return str(self._response.headers.get("Content-Type", "")).lower()

    @property
    def html(self) -> bool:
        """Whether the answer says that it is a web page."""
        return "html" in self.content_type

    @property
    def location(self) -> str:
        """Where a redirect leads to."""
        return str(self._response.headers.get("Location", ""))

    def pieces(self, most: int) -> Iterator[bytes]:
        """Yield the unpacked body piece by piece, up to ``most`` bytes, and as long as its bounds allow."""
        if (self.size or 0) > most:
            raise self._voice(Trouble(kind=Kind.TOO_LARGE, most=most))
        packed = received = 0
        unpack = self._unpacker()
        for raw in self._response.iter_raw():
            packed += len(raw)
            for piece in unpack(raw):
                received += len(piece)
                self._alarm.heard(received)
                self._require_time()
                if received > most:
                    break
                yield piece
            if max(packed, received) > most:
                raise self._voice(Trouble(kind=Kind.TOO_LARGE, most=most))
            self._require_time()
        self._require_time()  # a connection that was shut may look like the end of the body

    def beginning(self) -> bytes:
        """Return the start of a body that is only shown, without secrets; how it ends does not matter."""
        import httpx2

        content = bytearray()
        with suppress(httpx2.HTTPError, PerfTrackerAIError):
            for piece in self.pieces(64 * _PIECE):
                content += piece
                if len(content) >= _READ_OF_ERRORS:
                    break
        return self._client.masked(bytes(content[:_READ_OF_ERRORS]).decode("utf-8", "replace")).encode()

    def _require_time(self) -> None:
        if trouble := self._alarm.trouble():
            raise self._voice(trouble)

    def _unpacker(self) -> Callable[[bytes], Iterator[bytes]]:
        """Return what unpacks the body, never more than a little at once."""
        if self._packing in ("", "identity"):
            return lambda raw: iter((raw,))
        if self._packing not in ("gzip", "x-gzip", "deflate"):
            raise self._voice(Trouble(kind=Kind.UNDECODABLE, problem=f"packed as {self._client.shown(self._packing)}"))
        unpacked = zlib.decompressobj(zlib.MAX_WBITS | 32)

        def unpack(raw: bytes) -> Iterator[bytes]:
            piece = b"any"
            while raw or len(piece) == _PIECE:
                try:
                    piece = unpacked.decompress(raw, _PIECE)
                except zlib.error as error:
                    raise self._voice(Trouble(kind=Kind.UNDECODABLE, problem=self._client.shown(str(error)))) from error
                raw = unpacked.unconsumed_tail
                if piece:
                    yield piece

        return unpack


class _Alarm:
    """Shut the connection of one request when nothing useful came for too long, or the whole takes too long."""

    def __init__(self, bounds: Bounds, aborted: threading.Event) -> None:
        self._bounds, self._aborted = bounds, aborted
        self._heard = self._begun = monotonic()
        self._received = 0
        self._sockets: list[Any] = []
        self._over = threading.Event()
        self._rung: Kind | None = None
        self._said = b""
        self._watch = threading.Thread(target=self._wait, name="watch over a request", daemon=True)

    def __enter__(self) -> None:
        self._watch.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watch.join()

    def heard(self, received: int = 0) -> None:
        """Take note that something useful came."""
        self._heard, self._received = monotonic(), received

    def note(self, event: str, told: Mapping[str, Any]) -> None:
        """Keep every socket from its first moment: who waits for the head of an answer has nothing else to end."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            stream = told["return_value"]
            self._sockets.append(stream.get_extra_info("socket"))
            stream.read = self._looked_at(stream.read)
            if self._rung or self._aborted.is_set():
                self.shut()

    def _looked_at(self, read: Callable[..., bytes]) -> Callable[..., bytes]:
        """Look at the first bytes that come: of another protocol the library would wait for more, or blame the end."""
        looked = False

        def look(*arguments: Any, **named: Any) -> bytes:  # noqa: ANN401 - the library's own
            nonlocal looked
            content = read(*arguments, **named)
            if not looked and content and not content.startswith(_BEGINNING[: len(content)]):
                self._rung, self._said = Kind.GARBAGE, content[:40]
                return b""
            looked = True
            return content

        return look

    def trouble(self) -> Trouble | None:
        """Say what bound was reached, or what came that is no HTTP."""
        if self._rung is None:
            return None
        if self._rung is Kind.GARBAGE:
            return Trouble(kind=self._rung, problem=clean(repr(self._said.decode("latin-1"))))
        waited_s = self._bounds.silence_s if self._rung is Kind.SILENT else self._bounds.whole_s
        return Trouble(kind=self._rung, waited_s=waited_s, received=self._received)

    def shut(self) -> None:
        """Shut every connection: below TLS, which would say goodbye first and wait for an answer."""
        for connected in tuple(self._sockets):
            with suppress(OSError, TypeError):  # it may have ended by itself meanwhile
                socket.socket.shutdown(connected, socket.SHUT_RDWR)

    def _wait(self) -> None:
        while (left := self._due() - monotonic()) > 0:
            if self._over.wait(min(left, threading.TIMEOUT_MAX)):
                return
        self._rung = Kind.SILENT if monotonic() >= self._heard + self._bounds.silence_s else Kind.LATE
        self.shut()

    def _due(self) -> float:
        return min(self._begun + self._bounds.whole_s, self._heard + self._bounds.silence_s)


def basic(user: str, password: str) -> str:
    """Return the header's value of basic authentication."""
    import base64

    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def is_here(host: str) -> bool:
    """Tell whether a host name or address is this machine by its own account."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def gist(body: bytes) -> str:
    """Return what is worth showing of a body: a page's title, or its first words."""
    text = body.decode("utf-8", "replace")
    if title := re.search(r"<title[^>]*>(.*?)</title", text, re.IGNORECASE | re.DOTALL):
        return title[1]
    return "" if text.lstrip().startswith("<") else text


def trusts_nobody() -> ssl.SSLContext:
    """Return a context for addresses without TLS: reading the system's authorities takes longer than all else."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _proxy_for(url: httpx2.URL) -> str:
    """Return the proxy that the environment names for an address; none lies between this machine and itself."""
    from urllib.request import getproxies, proxy_bypass

    if is_here(url.host) or proxy_bypass(url.host):
        return ""
    known = getproxies()
    proxy = known.get(url.scheme) or known.get("all") or ""
    return proxy if "://" in proxy or not proxy else f"http://{proxy}"


def _of_tls(error: ssl.SSLError, problem: str) -> Trouble:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Trouble(kind=Kind.UNTRUSTED, problem=error.verify_message)
    wanted = "CERTIFICATE_REQUIRED" in (error.reason or "") or "CERTIFICATE_REQUIRED" in str(error)
    return Trouble(kind=Kind.CERTIFICATE_WANTED if wanted else Kind.TLS, problem=problem)


def _cause(error: BaseException | None, kind: type[E]) -> E | None:
    """Find an error of this kind below a chain of wrappers."""
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error
