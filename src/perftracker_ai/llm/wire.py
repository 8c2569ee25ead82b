"""Requests to one model server: JSON out, JSON or a stream of lines in, every failure one of our errors.

Everything is bounded, see `http`: connecting, the whole of an answer in time and in size; and here each line. What a
server says of a failure is shown on one line, cut, and without the key or password it may repeat.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

import msgspec

from perftracker_ai.errors import BadReply, LanguageModelError, ModelUnreachable, UsageError
from perftracker_ai.http import OK, Bounds, Client, Kind, Login, basic, gist, is_here, trusts_nobody
from perftracker_ai.llm.complaint import Complaint, complaint_of, cure_of, json_object

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    import httpx2

    from perftracker_ai.http import Answer, Trouble
    from perftracker_ai.llm import Terms

_MAX_BODY_BYTES = 64 << 20
"""A stream of one-token events is some 150 times the answer; a list of models is far shorter."""
_MAX_LINE_BYTES = 4 << 20
_ACCEPT = "application/json, application/x-ndjson, text/event-stream"


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
    at : float
        On the monotonic clock.
    seconds : float
        The time given, for messages.
    silence_s : float or None
        The time between two pieces, where that is bounded as well.
    """

    at: float
    seconds: float
    silence_s: float | None = None


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
            raise UsageError("The language model's address cannot be used", "check its host and port") from error
        self.kind = kind
        self._patience, self._clock = terms.patience, terms.clock
        self._client = Client(url, context=_context(url), login=_login(base, terms.api_key), accept=_ACCEPT)
        self.address, self.shown = self._client.address, self._client.shown

    def within(self, seconds: float) -> Deadline:
        """Start a deadline now."""
        return Deadline(at=self._clock() + seconds, seconds=seconds)

    def soon(self, whole: Deadline | None = None) -> Deadline:
        """Start the deadline of a quick question, which never outlasts that of the whole."""
        quick = self.within(self._patience.quick_s)
        return quick if whole is None or whole.at > quick.at else whole

    def patiently(self) -> Deadline:
        """Start the deadline of a pull, which may be silent only for so long."""
        seconds = self._patience.pull_s
        return Deadline(at=self._clock() + seconds, seconds=seconds, silence_s=self._patience.silence_s)

    def fetch(self, path: str, deadline: Deadline, body: object = None) -> object:
        """Return one JSON value; a body makes it a POST.

        Raises
        ------
        Refusal, BadReply, ModelUnreachable
        """
        with self.open(path, deadline, body) as reply:
            return reply.decoded(b"".join(reply.pieces()))

    @contextmanager
    def open(self, path: str, deadline: Deadline, body: object = None) -> Iterator[Reply]:
        """Open one answer; leaving early closes the connection, and the server stops generating."""
        left = deadline.at - self._clock()
        if left <= 0:
            raise self.late(deadline.seconds)
        silence_s = min(left, deadline.silence_s or left)
        bounds = Bounds(connect_s=min(left, self._patience.connect_s), silence_s=silence_s, whole_s=left)
        base = self._client.url
        url = base.copy_with(path=base.path.rstrip("/") + path)
        sent = {} if body is None else {"content": msgspec.json.encode(body), "headers": _JSON}
        method = "GET" if body is None else "POST"
        with self._client.open(method, url, bounds, lambda trouble: self._worded(trouble, deadline), sent) as answer:
            reply = Reply(self, answer, path)
            reply.require_ok()
            yield reply

    def late(self, seconds: float) -> ModelUnreachable:
        """Word an answer that did not come in time."""
        return ModelUnreachable(
            f"{self.where()} did not finish its answer within {seconds:g} s",
            "give it more time, a smaller model, or go without with --llm off",
        )

    def _worded(self, trouble: Trouble, deadline: Deadline) -> LanguageModelError:
        """Word a connection that was not made or broke, or an answer that cannot be read."""
        problem, proxy = trouble.problem, self._client.proxy
        match trouble.kind:
            case Kind.SILENT | Kind.LATE:
                silent = trouble.kind is Kind.SILENT and deadline.silence_s
                return self.late(deadline.silence_s if silent and deadline.silence_s else deadline.seconds)
            case Kind.PROXY:
                cure = "correct or unset HTTP_PROXY, HTTPS_PROXY and ALL_PROXY, or name the model's host in NO_PROXY"
                return ModelUnreachable(
                    f"The proxy {proxy} that the environment names does not let through to {self.address} ({problem})",
                    f"{cure}",
                )
            case Kind.UNTRUSTED:
                cure = "name the file of its authority in SSL_CERT_FILE"
                return ModelUnreachable(f"The certificate of {self.address} is not trusted ({problem})", cure)
            case Kind.TLS | Kind.CERTIFICATE_WANTED:
                return ModelUnreachable(
                    f"{self.address} does not speak TLS as expected", "write http:// if it is a server without"
                )
            case Kind.UNKNOWN_HOST | Kind.NO_CONNECTION | Kind.NOT_ACCEPTED:
                return self._gone(problem)
            case _:
                return self._unreadable(trouble)

    def _unreadable(self, trouble: Trouble) -> BadReply:
        """Word an answer that broke off or is none."""
        match trouble.kind:
            case Kind.TOO_LARGE:
                return self.too_much(trouble.most)
            case Kind.UNDECODABLE:
                problem, cure = f"answered what cannot be decoded ({trouble.problem})", "check the proxy before it"
            case Kind.GARBAGE:
                problem, cure = (
                    f"answered what is no HTTP ({trouble.problem})",
                    "check the port and http:// or https://",
                )
            case _:
                problem, cure = f"broke off in the middle of its answer ({trouble.problem})", "see the server's log"
        return BadReply(f"{self.where()} {problem}", cure)

    def _gone(self, problem: str) -> ModelUnreachable:
        start = "start it with `ollama serve`" if self.kind == "Ollama" else "start it"
        return ModelUnreachable(
            f"No {self.kind} answers at {self.address} ({problem})",
            f"{start}, give its address with --llm-url, or go without with --llm off",
        )

    def too_much(self, most: int) -> BadReply:
        """Word an answer that is larger than it ever should be."""
        return BadReply(f"{self.where()} answered more than {most >> 20} MiB at once", "check the server")

    def where(self) -> str:
        """Name server and address, for messages."""
        return f"{self.kind} at {self.address}"

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
        return BadReply(f"{self.where()} answered a web page{said} instead of JSON", "check the address and the proxy")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class Reply:
    """One answer on its way in: its head is here, its body comes in pieces."""

    def __init__(self, wire: Wire, answer: Answer, path: str) -> None:
        self._wire, self._answer, self._path = wire, answer, path

    @property
    def content_type(self) -> str:
        """What the server says the body is, in lower case."""
        return self._answer.content_type

    def pieces(self) -> Iterator[bytes]:
        """Yield the decoded body as it comes.

        Raises
        ------
        BadReply, ModelUnreachable
            When it is too much, or too late.
        """
        return self._answer.pieces(_MAX_BODY_BYTES)

    def lines(self) -> Iterator[bytes]:
        """Yield the body line by line, without line ends and empty lines."""
        rest = bytearray()
        for piece in self.pieces():
            rest += piece
            if b"\n" in piece:
                *whole, last = bytes(rest).split(b"\n")
                rest = bytearray(last)
                yield from filter(None, map(bytes.strip, whole))
            if len(rest) > _MAX_LINE_BYTES:
                raise self._wire.too_much(_MAX_LINE_BYTES)
        if rest.strip():
            yield bytes(rest.strip())

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
                f"{self._wire.where()} ({self._path}) answered what is no JSON ({beginning!r})", "check the address"
            ) from error

    def require_ok(self) -> None:
        """Raise for everything but 200 with something that is no web page."""
        status = self._answer.status
        if status == OK and not self._answer.html:
            return
        body = self._answer.beginning()
        raise self._wire.web_page(body) if status == OK else self._wire.refused(status, body)


_JSON = {"Content-Type": "application/json"}


def _context(url: httpx2.URL) -> ssl.SSLContext:
    """Return what verifies the server; the usual one, on this machine and without TLS, needs nothing."""
    import httpx2

    if is_here(url.host) and url.scheme == "http":
        return trusts_nobody()
    try:
        return httpx2.create_ssl_context()
    except OSError as error:
        cure = "correct or unset SSL_CERT_FILE and SSL_CERT_DIR"
        raise UsageError("The certificates that the environment names cannot be used", cure) from error


def _login(base: str, key: str) -> Login:
    """Return what is sent to be let in: the key, else user and password of the address."""
    parts = urlsplit(base)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    sent = f"Bearer {key}" if key else basic(user, password)
    headers = (("Authorization", sent),)
    secrets = (key, parts.password or "", password, quote(password, safe=""), password and sent.partition(" ")[2])
    return Login(headers=headers if key or user or password else (), secrets=tuple(filter(None, secrets)), given=())
