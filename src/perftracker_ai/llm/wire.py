"""HTTP to one model server: JSON out, JSON or a stream of lines in, every failure one of our errors.

Everything is bounded: connecting, the whole of an answer in time and in size, and each line. What a server says of a
failure is shown on one line, cut, and without the key or password it may repeat.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import msgspec

from perftracker_ai.errors import BadReply, LanguageModelError, ModelUnreachable, UsageError
from perftracker_ai.llm.complaint import OK, Complaint, complaint_of, cure_of, gist, json_object
from perftracker_ai.wire import shown_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx2

    from perftracker_ai.llm import Terms

_MAX_BODY_BYTES = 64 << 20
"""A stream of one-token events is some 150 times the answer; a list of models is far shorter."""
_MAX_LINE_BYTES = 4 << 20
_READ_OF_ERRORS = 8192


class Refusal(BadReply):
    """A status other than 200, or an error in place of an answer; 200 when it came in mid-stream."""

    def __init__(self, sentence: str, status: int, complaint: Complaint) -> None:
        super().__init__(sentence)
        self.status = status
        self.complaint = complaint


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """When an answer must be complete.

    Attributes
    ----------
    at : float or None
        On the monotonic clock; None for no bound on the whole.
    seconds : float
        The time given, for messages; without a bound on the whole, that between two pieces.
    """

    at: float | None
    seconds: float


class Wire:
    """Requests to one server, one after the other.

    Parameters
    ----------
    base : str
        As `address_of` gives it.
    kind : str
        What answers there, for messages: ``Ollama``.
    terms : Terms

    Raises
    ------
    UsageError
        When the address, or a proxy that the environment names, cannot be used.
    """

    def __init__(self, base: str, kind: str, terms: Terms) -> None:
        import httpx2

        try:
            url = httpx2.URL(base)
        except httpx2.InvalidURL as error:
            raise UsageError("The language model's address cannot be used; check its host and port.") from error
        self.kind = kind
        self.address = str(url.copy_with(userinfo=b"")).rstrip("/")
        self._base, self._patience, self._clock = url.copy_with(userinfo=b""), terms.patience, terms.clock
        self._secrets = _secrets(base, terms.api_key)
        self._client = _client(url, terms)
        self._stream: Any = None

    def within(self, seconds: float) -> Deadline:
        """Start a deadline now."""
        return Deadline(at=self._clock() + seconds, seconds=seconds)

    def soon(self, whole: Deadline | None = None) -> Deadline:
        """Start the deadline of a quick question, which never outlasts that of the whole."""
        quick = self.within(self._patience.quick_s)
        return quick if whole is None or whole.at is None or whole.at > (quick.at or 0) else whole

    def fetch(self, path: str, deadline: Deadline, body: object = None) -> object:
        """Give one JSON value; a body makes it a POST.

        Raises
        ------
        Refusal, BadReply, ModelUnreachable
        """
        with self.open(path, deadline, body) as reply:
            return reply.decoded(b"".join(reply.pieces()))

    @contextmanager
    def open(self, path: str, deadline: Deadline, body: object = None) -> Iterator[Reply]:
        """Open one answer; leaving early closes the connection, which makes the server stop writing."""
        cut = _Cut(self._left(deadline) if deadline.at is not None else None, lambda: self._stream)
        self._require_time(deadline, cut)
        request = self._request(path, deadline, body)
        with self._translated(deadline, cut), cut:
            response = self._client.send(request, stream=True)
            try:
                reply = Reply(self, response, path, lambda: self._require_time(deadline, cut))
                reply.require_ok()
                yield reply
            finally:
                response.close()

    def _request(self, path: str, deadline: Deadline, body: object) -> httpx2.Request:
        import httpx2

        url = self._base.copy_with(path=self._base.path.rstrip("/") + path)
        left = self._left(deadline)
        timeout = httpx2.Timeout(left, connect=min(left, self._patience.connect_s))
        content = None if body is None else msgspec.json.encode(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        extensions = {"timeout": timeout.as_dict(), "trace": self._remember}
        method = "GET" if body is None else "POST"
        return self._client.build_request(method, url, content=content, headers=headers, extensions=extensions)

    def _remember(self, _event: str, values: dict[str, Any]) -> None:
        """Keep hold of the connection made last: at the deadline it is shut from outside."""
        made = values.get("return_value")
        if hasattr(made, "get_extra_info"):
            self._stream = made

    def _left(self, deadline: Deadline) -> float:
        """Give the seconds left, at least a little: a timeout of nothing would mean something else."""
        return deadline.seconds if deadline.at is None else max(deadline.at - self._clock(), 0.001)

    def _is_over(self, deadline: Deadline, cut: _Cut) -> bool:
        return cut.made or (deadline.at is not None and self._clock() >= deadline.at)

    def _require_time(self, deadline: Deadline, cut: _Cut) -> None:
        if self._is_over(deadline, cut):
            raise self.late(deadline)

    def late(self, deadline: Deadline) -> ModelUnreachable:
        """Word an answer that did not come in time."""
        return ModelUnreachable(
            f"{self.kind} at {self.address} did not finish its answer within {deadline.seconds:g} s;"
            " give it more time, a smaller model, or go without with --llm off."
        )

    @contextmanager
    def _translated(self, deadline: Deadline, cut: _Cut) -> Iterator[None]:
        """Raise what goes wrong on the way as one of our errors."""
        import httpx2

        try:
            yield
        except httpx2.HTTPError as error:
            if self._is_over(deadline, cut) or isinstance(error, httpx2.ReadTimeout | httpx2.WriteTimeout):
                raise self.late(deadline) from error
            raise self._broken(error) from error

    def _broken(self, error: httpx2.HTTPError) -> LanguageModelError:
        """Word a connection that was not made or broke, or an answer that cannot be read."""
        import httpx2

        problem = re.sub(r"\[Errno -?\d+\] ", "", self.shown(str(error))) or type(error).__name__
        if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
            return self._untrusted(error) or self._gone(problem)
        if isinstance(error, httpx2.DecodingError):
            return BadReply(f"{self.where()} answered what cannot be decoded ({problem}); check the proxy before it.")
        return BadReply(f"{self.where()} broke off in the middle of its answer ({problem}); see the server's log.")

    def _untrusted(self, error: BaseException | None) -> ModelUnreachable | None:
        """Find trouble with certificates below a chain of wrappers."""
        while error is not None and not isinstance(error, ssl.SSLError):
            error = error.__cause__ or error.__context__
        if error is None:
            return None
        if isinstance(error, ssl.SSLCertVerificationError):
            cure = "name the file of its authority in SSL_CERT_FILE"
            return ModelUnreachable(
                f"The certificate of {self.address} is not trusted ({error.verify_message}); {cure}."
            )
        return ModelUnreachable(
            f"{self.address} does not speak TLS as expected; write http:// if it is a server without."
        )

    def _gone(self, problem: str) -> ModelUnreachable:
        start = "start it with `ollama serve`" if self.kind == "Ollama" else "start it"
        return ModelUnreachable(
            f"No {self.kind} answers at {self.address} ({problem}); {start}, give its address with --llm-url,"
            " or go without with --llm off."
        )

    def where(self) -> str:
        """Name server and address, for messages."""
        return f"{self.kind} at {self.address}"

    def shown(self, text: str) -> str:
        """Make foreign text fit for a message: one line, no control characters, no secret, not too long."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return shown_text(text)

    def refusal(self, status: int, value: object) -> Refusal:
        """Word an error that came as JSON."""
        complaint = complaint_of(value, self.shown)
        said = f" ({complaint.text})" if complaint.text else ""
        what = "reports an error" if status == OK else f"answered {status}"
        return Refusal(f"{self.where()} {what}{said}; {cure_of(status)}.", status, complaint)

    def refused(self, status: int, body: bytes) -> Refusal:
        """Word a status with whatever came with it: JSON, a proxy's page, nothing."""
        value = json_object(body)
        if value is not None:
            return self.refusal(status, value)
        return self.refusal(status, {"message": gist(body)})

    def web_page(self, body: bytes) -> BadReply:
        """Word a page for people in place of an answer."""
        title = self.shown(gist(body))
        said = f" ({title})" if title else ""
        return BadReply(f"{self.where()} answered a web page{said} instead of JSON; check the address and the proxy.")

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()


class Reply:
    """One answer on its way in: its head is here, its body comes in pieces."""

    def __init__(self, wire: Wire, response: httpx2.Response, path: str, require_time: Callable[[], None]) -> None:
        self._wire, self._response, self._path, self._require_time = wire, response, path, require_time

    @property
    def content_type(self) -> str:
        """What the server says the body is, in lower case."""
        return str(self._response.headers.get("Content-Type", "")).lower()

    def pieces(self) -> Iterator[bytes]:
        """Give the decoded body as it comes.

        Raises
        ------
        BadReply, ModelUnreachable
            When it is too much, or too late.
        """
        received = 0
        for piece in self._response.iter_bytes():
            received += len(piece)
            if received > _MAX_BODY_BYTES:
                raise self._too_much(_MAX_BODY_BYTES)
            self._require_time()
            yield piece
        self._require_time()  # a connection shut at the deadline may look like the end of the body

    def lines(self) -> Iterator[bytes]:
        """Give the body line by line, without line ends and empty lines."""
        rest = b""
        for piece in self.pieces():
            *whole, rest = (rest + piece).split(b"\n")
            if len(rest) > _MAX_LINE_BYTES:
                raise self._too_much(_MAX_LINE_BYTES)
            yield from filter(None, map(bytes.strip, whole))
        if rest.strip():
            yield rest.strip()

    def decoded(self, raw: bytes) -> object:
        """Read JSON.

        Raises
        ------
        BadReply
            When it is none.
        """
        try:
            return msgspec.json.decode(raw)
        except (ValueError, RecursionError) as error:
            if raw.lstrip()[:1] == b"<":
                raise self._wire.web_page(raw) from error
            beginning = self._wire.shown(raw[:80].decode("utf-8", "replace"))
            raise BadReply(
                f"{self._wire.where()} ({self._path}) answered what is no JSON ({beginning!r}); check the address."
            ) from error

    def require_ok(self) -> None:
        """Raise for everything but 200 with something that is no web page."""
        status = self._response.status_code
        if status == OK and "html" not in self.content_type:
            return
        body = self._beginning()
        raise self._wire.web_page(body) if status == OK else self._wire.refused(status, body)

    def _beginning(self) -> bytes:
        """Read the start of a body that is only shown; how it ends does not matter."""
        import httpx2

        content = bytearray()
        with suppress(httpx2.HTTPError, LanguageModelError):
            for piece in self.pieces():
                content += piece
                if len(content) >= _READ_OF_ERRORS:
                    break
        return bytes(content[:_READ_OF_ERRORS])

    def _too_much(self, most: int) -> BadReply:
        return BadReply(f"{self._wire.where()} answered more than {most >> 20} MiB at once; check the server.")


class _Cut:
    """Shut the connection at the deadline, whatever is being waited for.

    Timeouts bound the silence between two pieces only: a server that drips its head, or the framing of its body, byte
    by byte would never be noticed by whoever waits for the next piece.
    """

    def __init__(self, seconds: float | None, stream: Callable[[], Any]) -> None:
        self.made = False
        self._seconds, self._stream = seconds, stream
        self._timer: threading.Timer | None = None

    def __enter__(self) -> None:
        if self._seconds is not None:
            self._timer = threading.Timer(min(self._seconds, threading.TIMEOUT_MAX), self._make)
            self._timer.daemon = True
            self._timer.start()

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _make(self) -> None:
        self.made = True
        stream = self._stream()
        connection = stream.get_extra_info("socket") if stream is not None else None
        if connection is not None:
            with suppress(OSError):  # it may be closed already
                socket.socket.shutdown(connection, socket.SHUT_RDWR)  # of the plain socket: TLS would say goodbye first


def _client(url: httpx2.URL, terms: Terms) -> httpx2.Client:
    """Make the client: no redirects, no reuse of connections, no proxy between this machine and itself.

    Reading the system's authorities takes longer than all else, so the usual server, which needs none, trusts nobody.
    """
    import httpx2

    here = _is_here(url.host)
    plain = here and url.scheme == "http"
    headers = {"Accept": "application/json, application/x-ndjson, text/event-stream", "Accept-Encoding": "identity"}
    if terms.api_key:
        headers["Authorization"] = f"Bearer {terms.api_key}"
    auth = (url.username, url.password) if url.userinfo and not terms.api_key else None
    try:
        return httpx2.Client(
            auth=auth,
            headers=headers,
            limits=httpx2.Limits(max_keepalive_connections=0),
            trust_env=not here,
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else httpx2.create_ssl_context(),
        )
    except (ValueError, ImportError, OSError, httpx2.InvalidURL) as error:
        cure = "correct or unset HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE"
        raise UsageError(f"The proxy or certificates that the environment names cannot be used; {cure}.") from error


def _secrets(base: str, key: str) -> tuple[str, ...]:
    """Give what no message may repeat: the key, and the password as written and as meant."""
    password = urlsplit(base).password or ""
    return tuple(secret for secret in (key, password, unquote(password)) if secret)


def _is_here(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")
