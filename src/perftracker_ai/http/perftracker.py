"""Requests to a PerfTracker server: what goes wrong on the way comes out as one of our errors, in one sentence.

Everything is bounded, see `http`: connecting, waiting for bytes, one whole answer, its size, and here the number of
tries and of redirects. Redirects are followed within the server only. Requests under way can be ended from another
thread.

Reading is tried again by itself, for as long as a server takes to start anew. What is sent is sent once: whether
sending it again is harmless only the caller knows, so it learns whether the answer was lost (`Unreachable`) or what it
was (`Reply`).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from perftracker_ai.errors import BadAnswer, NotFound, SourceError, Unreachable
from perftracker_ai.http import OK, Bounds, Client, Kind, gist
from perftracker_ai.http.access import certificates, login_of, read_address
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping

    import httpx2

    from perftracker_ai.http import Answer, Login, Trouble
    from perftracker_ai.settings import Settings

T = TypeVar("T")

_MAX_ANSWER_BYTES = 64 * 1024 * 1024
_MAX_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)
_REPEATING_REDIRECTS = (307, 308)
"""Those after which the same is sent again; after the others it would become a GET without its body."""
_PASSING = (502, 503, 504)
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 15.0
_QUICK_S = 60.0
_LOGINS = "gateway_user and gateway_password, gateway_token, gateway_headers, gateway_cookie or client_cert"


def pauses(total_s: float) -> tuple[float, ...]:
    """Return growing pauses before further tries, of so many seconds together."""
    found: list[float] = []
    while (left := total_s - sum(found)) > 0:
        found.append(min(_FIRST_PAUSE_S * 2 ** len(found), _LONGEST_PAUSE_S, left))
    return tuple(found)


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait, and how often to try again.

    Attributes
    ----------
    connect_s, read_s : float
        Bounds on connecting, and on the silence before an answer and between two pieces of it.
    document_s : float
        The same bound for a job: the server builds all of its tests before it sends the first byte.
    answer_s, download_s : float
        Bounds on one whole answer, for a server that drips; a job is the larger one.
    pauses_s : tuple of float
        Pauses before each further try: together they outlast a server that starts anew.
    """

    connect_s: float = 10.0
    read_s: float = _QUICK_S
    document_s: float = 600.0
    answer_s: float = 300.0
    download_s: float = 1500.0
    pauses_s: tuple[float, ...] = pauses(60.0)


def patience_of(settings: Settings) -> Patience:
    """Return the patience that the settings ask for.

    An address that takes no connection at all is known sooner, however slow the server's answers may be; and what is
    no job is known sooner as well.
    """
    silence_s = settings.timeout_s
    read_s = min(silence_s, max(_QUICK_S, silence_s / 10))
    return Patience(
        connect_s=min(10.0, silence_s),
        read_s=read_s,
        document_s=silence_s,
        answer_s=5 * read_s,
        download_s=silence_s + 900.0,
        pauses_s=pauses(settings.retry_s),
    )


class PassingTrouble(Unreachable):
    """What may be over at the next try; `Connection.trying` is the only one to tell it from its base."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer, whatever its status; the body of one other than 200 is only its beginning."""

    where: str
    status: int
    html: bool
    body: bytes
    given: tuple[str, ...]

    @property
    def stored(self) -> bool:
        """Whether the server says that it did what was asked."""
        return self.status == OK

    @property
    def gist(self) -> str:
        """The status with what is worth showing of the body: ``413 (Request Entity Too Large)``."""
        return _said(self.status, self.body)

    def refusal(self) -> SourceError:
        """Return the error that this answer is where another was needed."""
        if self.stored:
            return web_page(self.where, self.body)
        return _refusal(self.where, self.status, self.body, self.given)


class Connection:
    """Requests to one server, with every failure as one of our errors.

    Parameters
    ----------
    base : httpx2.URL
        As `read_address` gives it.
    context : ssl.SSLContext
    patience : Patience
    login : Login
    sleep : callable or None
        Waits the given number of seconds between two tries; by default until then or until `abort`.
    told : callable or None
        Told in words that a request is about to be made again.
    """

    def __init__(
        self,
        base: httpx2.URL,
        context: ssl.SSLContext,
        patience: Patience,
        login: Login,
        sleep: Callable[[float], None] | None = None,
        told: Callable[[str], None] | None = None,
    ) -> None:
        self._client = Client(base, context=context, login=login, accept="application/json")
        self.address = self._client.address
        self._patience = patience
        self._sleep = sleep or self._client.aborted.wait
        self._told = told or _nobody

    def get(self, path: str, *, query: Mapping[str, str] | None = None, missing: NotFound | None = None) -> bytes:
        """Return the body of a JSON answer; ``missing`` is raised for 404."""
        return self.trying(lambda: self._get_once(path, query or {}, missing))

    def _get_once(self, path: str, query: Mapping[str, str], missing: NotFound | None) -> bytes:
        with self._opened(path, query, self._quick(), "GET", {}) as answer:
            self._require_json(path, answer, missing)
            body = b"".join(answer.pieces(_MAX_ANSWER_BYTES))
        if body.lstrip()[:1] == b"<":
            raise web_page(self._where(path), body)
        return body

    def read(self, path: str) -> Reply:
        """Return the answer to a GET, whatever it is, once one comes."""
        return self.trying(lambda: self._reply("GET", path, self._quick(), {}))

    def post_file(self, path: str, fields: Mapping[str, str], content: bytes) -> Reply:
        """Send a form with one part named ``file``, once."""
        return self._reply("POST", path, self._sending(), {"data": fields, "files": {"file": ("file", content)}})

    def send_json(self, method: str, path: str, value: object) -> Reply:
        """Send a value as JSON, once; None sends no body."""
        return self._reply(method, path, self._sending(), {} if value is None else {"json": value})

    def _reply(self, method: str, path: str, bounds: Bounds, sent: Mapping[str, Any]) -> Reply:
        with self._opened(path, {}, bounds, method, sent) as answer:
            status, html = answer.status, answer.html
            if status in _PASSING:
                raise self._refused(path, answer)
            body = b"".join(answer.pieces(_MAX_ANSWER_BYTES)) if status == OK else answer.beginning()
        return Reply(where=self._where(path), status=status, html=html, body=body, given=self._client.login.given)

    def trying(self, attempt: Callable[[], T]) -> T:
        """Make an attempt, and again after a pause while what hinders it may be over."""
        for pause_s in self._patience.pauses_s:
            try:
                return attempt()
            except PassingTrouble as error:
                if self._client.aborted.is_set():
                    raise
                if pause_s > 1:
                    self._told(f"{str(error).partition('; ')[0].rstrip('.')}; trying again in {pause_s:.0f} s")
                self._sleep(pause_s)
        return attempt()

    @contextmanager
    def document(self, path: str, *, query: Mapping[str, str], missing: NotFound | None) -> Iterator[Answer]:
        """Open the answer with a job, which may take its time to begin."""
        patience = self._patience
        bounds = Bounds(connect_s=patience.connect_s, silence_s=patience.document_s, whole_s=patience.download_s)
        with self._opened(path, query, bounds, "GET", {}) as answer:
            self._require_json(path, answer, missing)
            yield answer

    def _quick(self) -> Bounds:
        patience = self._patience
        return Bounds(connect_s=patience.connect_s, silence_s=patience.read_s, whole_s=patience.answer_s)

    def _sending(self) -> Bounds:
        """Return bounds for what is sent: its way there counts as silence."""
        patience = self._patience
        return Bounds(connect_s=patience.connect_s, silence_s=patience.answer_s, whole_s=patience.answer_s)

    @contextmanager
    def _opened(
        self, path: str, query: Mapping[str, str], bounds: Bounds, method: str, sent: Mapping[str, Any]
    ) -> Iterator[Answer]:
        """Open one answer of any status but a redirect."""
        base = self._client.url
        url = base.copy_with(path=base.path.rstrip("/") + path, params=query)
        for _ in range(_MAX_REDIRECTS):
            with self._client.open(method, url, bounds, lambda trouble: self._worded(trouble, path), sent) as answer:
                if answer.status not in _REDIRECTS:
                    yield answer
                    return
                url = self._next(url, method, answer)
        raise BadAnswer(f"{self._where(path)} redirects again and again", "check the address")

    def _next(self, url: httpx2.URL, method: str, answer: Answer) -> httpx2.URL:
        import httpx2

        try:
            target = url.join(answer.location).copy_with(fragment=None)
        except httpx2.InvalidURL as error:
            raise BadAnswer(f"{self.address} redirects to what is no address", "check the proxy before it") from error
        bodiless = method != "GET" and answer.status not in _REPEATING_REDIRECTS
        if bodiless or _origin(target) != _origin(url):
            shown = self._client.shown(str(target.copy_with(userinfo=b"", query=None)))
            raise BadAnswer(
                f"{self.address} sends every request on to {shown}",
                f"give that address as --url if it is right, or pass the login in front of the server with {_LOGINS}",
            )
        return target

    def _require_json(self, path: str, answer: Answer, missing: NotFound | None) -> None:
        """Refuse every status but 200, and a web page, before anything of it is stored."""
        if answer.status == 404 and missing:  # noqa: PLR2004 -- HTTP's not found
            raise missing
        if answer.status != OK:
            raise self._refused(path, answer)
        if answer.html:
            raise web_page(self._where(path), answer.beginning())

    def _refused(self, path: str, answer: Answer) -> SourceError:
        return _refusal(self._where(path), answer.status, answer.beginning(), self._client.login.given)

    def _where(self, path: str) -> str:
        return f"{self.address} ({path})"

    def _worded(self, trouble: Trouble, path: str) -> SourceError:
        """Word what went wrong on the way; trouble with certificates will not pass, a broken connection may."""
        problem, cure = _sentence(trouble, self.address, self._where(path), self._client.proxy)
        if trouble.kind in _MAY_PASS:
            return PassingTrouble(problem, cure)
        return (BadAnswer if trouble.kind in _OF_THE_ANSWER else Unreachable)(problem, cure)

    def abort(self) -> None:
        """End every request under way, from another thread: whoever waits for bytes gets an error at once."""
        self._client.abort()

    def pause(self, seconds: float) -> None:
        """Wait, until `abort` at most.

        Raises
        ------
        Unreachable
            When it was aborted: nobody waits for what would be asked next.
        """
        if self._client.aborted.wait(seconds):
            raise Unreachable(f"Waiting for {self.address} was ended", "begin again")

    def resume(self) -> None:
        """Let requests be made again, once those under way have ended."""
        self._client.resume()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _nobody(_text: str) -> None:
    """Take note of nothing."""


_MAY_PASS = frozenset({Kind.NO_CONNECTION, Kind.BROKEN})
_OF_THE_ANSWER = frozenset({Kind.GARBAGE, Kind.UNDECODABLE, Kind.TOO_LARGE})


_REACH = "check the address, the VPN and the server"
_SENTENCES = {
    Kind.UNKNOWN_HOST: (
        "{address} cannot be reached ({problem})",
        "check the spelling of the host, the VPN and the DNS",
    ),
    Kind.NO_CONNECTION: ("{address} cannot be reached ({problem})", _REACH),
    Kind.BROKEN: ("{address} cannot be reached{via} ({problem})", _REACH),
    Kind.NOT_ACCEPTED: (
        "{address} did not accept a connection within {waited_s:g} s",
        _REACH + ", or set a longer --timeout",
    ),
    Kind.PROXY: (
        "The proxy {proxy} that the environment names does not let through to {address} ({problem})",
        "correct or unset HTTP_PROXY, HTTPS_PROXY and ALL_PROXY, or name the server's host in NO_PROXY",
    ),
    Kind.UNTRUSTED: (
        "The certificate of {address} is not trusted ({problem})",
        "give its authority with --ca-bundle FILE, or skip the check with --insecure",
    ),
    Kind.CERTIFICATE_WANTED: (
        "{address} wants a certificate of its client ({problem})",
        "give one with the settings client_cert and client_key",
    ),
    Kind.TLS: ("{address} does not speak TLS as expected ({problem})", "is it an http:// address?"),
    Kind.SILENT: (
        "{where} gave nothing useful{via} within {waited_s:g} s",
        "see what the server does, or set a longer --timeout",
    ),
    Kind.LATE: ("{where} is too slow{via} ({received:,} bytes in {waited_s:g} s)", "check the network and the server"),
    Kind.GARBAGE: (
        "{address} answered{via} what is no HTTP ({problem})",
        "something else listens there, so check the port, and whether the address begins with http:// or https://",
    ),
    Kind.UNDECODABLE: ("{where} answered{via} what cannot be decoded ({problem})", "check the proxy before the server"),
    Kind.TOO_LARGE: ("{where} answered more than {mib} MiB, more than it ever should", "check the server"),
}
"""What is wrong and what to do about it, by the kind of trouble."""


def _sentence(trouble: Trouble, address: str, where: str, proxy: str) -> tuple[str, str]:
    """Word a trouble: what it is of and the value, and the next step."""
    problem, cure = _SENTENCES[trouble.kind]
    told = problem.format(
        address=address,
        where=where,
        proxy=proxy,
        via=f" through the proxy {proxy}" if proxy else "",
        problem=trouble.problem,
        waited_s=trouble.waited_s,
        received=trouble.received,
        mib=trouble.most >> 20,
    )
    return told, cure


def open_connection(
    settings: Settings,
    told: Callable[[str], None] | None = None,
    *,
    patience: Patience | None = None,
    sleep: Callable[[float], None] | None = None,
) -> Connection:
    """Make ready to ask the server that the settings name; nothing is sent yet.

    Parameters
    ----------
    settings : Settings
    told : callable, optional
        Told in words that a request is about to be made again.
    patience : Patience, optional
        In place of what the settings ask for.
    sleep : callable, optional
        See `Connection`.

    Raises
    ------
    UsageError
        When the address, the certificates or the login cannot be used.
    """
    from pathlib import Path

    base, bundle = read_address(settings.url), Path(settings.ca_bundle) if settings.ca_bundle else None
    context = certificates(base, bundle, settings)
    return Connection(
        base, context, patience or patience_of(settings), login_of(settings.url, settings.gateway), sleep, told
    )


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def web_page(where: str, body: bytes) -> BadAnswer:
    """Word that a web page came where JSON was asked for."""
    title = clean(" ".join(gist(body).split()))
    said = f" ({title})" if title else ""
    return BadAnswer(
        f"{where} answered a web page{said} instead of JSON", "check the address, and for a proxy or login in the way"
    )


def _refusal(where: str, status: int, body: bytes, given: tuple[str, ...]) -> SourceError:
    """Word a status other than 200."""
    said = _said(status, body)
    if status in _PASSING:
        return PassingTrouble(f"{where} answered {said}: the server behind the proxy is down or too slow.")
    return BadAnswer(f"{where} answered {said}", _cure(status, given))


def _said(status: int, body: bytes) -> str:
    text = clean(" ".join(gist(body).split()))
    return f"{status} ({text})" if text else str(status)


def _cure(status: int, given: tuple[str, ...]) -> str:
    """Say what to do about a status."""
    if status == 407:  # noqa: PLR2004 -- HTTP's proxy authentication
        return "the proxy wants a login, so write user and password into HTTP_PROXY or HTTPS_PROXY"
    if status in (401, 403):
        if given:
            return f"the gateway in front of PerfTracker does not take what it was given, so correct {', '.join(given)}"
        return f"PerfTracker asks for no login, so the gateway in front of it does: give it {_LOGINS}"
    if status >= 500:  # noqa: PLR2004 -- HTTP's server errors
        return "the fault is the server's: see its log, or try again later"
    return "check the address and the proxy in front of the server"
