"""The gate of the dashboard: what no page is asked for in is refused before anything is looked up.

In: requests of anybody who reaches the port. Out: those under a host name and a prefix it was told (a name that
somebody else's page points here is refused), short, of somebody who may; each with who asks and the form that was sent.
What goes wrong behind it is a page of one sentence.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import msgspec
from starlette.concurrency import run_in_threadpool

from perftracker_ai.dashboard.access import Asking, Unknown, is_same_origin, name_of
from perftracker_ai.dashboard.answers import READER, Refused, login_first, query_of, sentence
from perftracker_ai.dashboard.links import Site, at, link
from perftracker_ai.errors import PerfTrackerAIError, guarded

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Send
    from starlette.types import Scope as Asked

    from perftracker_ai.dashboard.answers import Handler, Visitor
    from perftracker_ai.dashboard.login import Login

LONGEST_QUERY, LONGEST_PATH, LARGEST_FORM = 2000, 2000, 1 << 18
"""Bytes of a query string, of a path and of a form that are read."""
_MOST_FIELDS, _FORM_S = 1100, 10.0
"""Fields of a form, of which each issue of a list is one, and how long it may take to arrive."""
_FORM = "application/x-www-form-urlencoded"
_OPEN = ("/login", "/healthz")
"""Paths that are answered without a login: of it, and whether anything is."""


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Where the dashboard is, whom it answers, and what they may.

    Attributes
    ----------
    prefix : str
        Path that a proxy has it under, such as ``/perf``; empty for none.
    who : callable
        Tells who asks, or raises `Refused` or `Unknown`.
    login : Login or None
        Where people log in, if they do.
    writes : bool
        Whether somebody may write.
    framers : tuple of str
        Origins whose pages may show those of the dashboard in a frame, where they are asked with ``embed=1``.
    """

    prefix: str
    who: Callable[[Asking], Visitor]
    login: Login | None
    writes: bool
    framers: tuple[str, ...]

    @property
    def site(self) -> Site:
        """Return what all pages have in common."""
        return Site(prefix=self.prefix, login=self.login is not None)


READING = Access(prefix="", who=lambda _: READER, login=None, writes=False, framers=())
"""Everybody may read, and nobody write."""


class Gate:
    """Let in what may be asked."""

    def __init__(self, inner: ASGIApp, hosts: frozenset[str], access: Access) -> None:
        self._inner, self._hosts, self._access = inner, hosts, access

    async def __call__(self, asked: Asked, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on with its path from the prefix on."""
        if asked["type"] != "http":
            if asked["type"] == "lifespan":
                await self._inner(asked, receive, send)
            return
        with at(self._access.site._replace(bare=_is_framed(asked))):
            # One path segment stays one, whatever a product is called: only raw slashes part them.
            path = _raw_path(asked).removeprefix(self._access.prefix)
            try:
                known = await self._let_in(asked, path, receive)
            except Unknown:
                await login_first(asked["method"], path, asked["query_string"].decode("latin-1"))(asked, receive, send)
            except Refused as refused:
                answer = sentence(refused.status, refused.said, json=path.startswith("/api/"), **refused.headers)
                await answer(asked, receive, send)
            else:
                await self._inner({**asked, "path": path, **known}, receive, self._framed(asked, send))

    async def _let_in(self, asked: Asked, path: str, receive: Receive) -> dict[str, object]:
        """Return who asks, and the form that was sent; refuse what is not to be answered."""
        asking = _asking(asked)
        self._require_address(asked, asking)
        if asked["method"] not in {"GET", "HEAD"}:
            self._require_own_form(asked["method"], asking)
        visitor = READER if path in _OPEN else self._access.who(asking)
        if _is_framed(asked):
            visitor = READER  # a page in somebody else's holds no form that a click could be led to
        form = await _form(asking, receive) if asked["method"] == "POST" else ()
        return {"visitor": visitor, "form": form, "asking": asking}

    def _require_address(self, asked: Asked, asking: Asking) -> None:
        if name_of(asking.one("host")) not in self._hosts:
            raise Refused(421, "This dashboard does not answer under that host name; ask for it as it was started.")
        if len(asked["query_string"]) > LONGEST_QUERY or len(_raw_path(asked)) > LONGEST_PATH:
            raise Refused(414, "The address is too long.")
        if not _raw_path(asked).startswith(f"{self._access.prefix}/"):
            raise Refused(404, f"This dashboard is at {link('/')}.")

    def _require_own_form(self, method: str, asking: Asking) -> None:
        if method != "POST" or not (self._access.writes or self._access.login):
            raise Refused(405, "This dashboard only shows; nothing can be changed here.", Allow="GET, HEAD")
        if not is_same_origin(asking):
            raise Refused(403, "That form was not on a page of this dashboard; nothing was changed.")
        if asking.one("content-type").partition(";")[0].strip().lower() != _FORM:
            raise Refused(415, "Only forms of the pages here are taken.")

    def _framed(self, asked: Asked, send: Send) -> Send:
        """Let a page be framed by those whom the settings name, where it is asked to be."""
        if not (self._access.framers and asked["method"] == "GET" and _is_framed(asked)):
            return send
        framers = f"frame-ancestors {' '.join(self._access.framers)}".encode()

        async def framed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [(name, value) for name, value in message["headers"] if name != b"x-frame-options"]
                message = {
                    **message,
                    "headers": [(name, value.replace(b"frame-ancestors 'none'", framers)) for name, value in headers],
                }
            await send(message)

        return framed


def _asking(asked: Asked) -> Asking:
    headers = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in asked["headers"])
    return Asking(headers=headers, peer=asked["client"][0] if asked.get("client") else "")


def _is_framed(asked: Asked) -> bool:
    """Tell whether a page is asked for to be shown within another."""
    return b"embed=1" in asked["query_string"].split(b"&")


async def _form(asking: Asking, receive: Receive) -> tuple[tuple[str, str], ...]:
    """Read a form that is neither large nor slow.

    Raises
    ------
    Refused
    """
    length = asking.one("content-length")
    if length.isdigit() and int(length) > LARGEST_FORM:
        raise Refused(413, "The form is too large.", Connection="close")
    try:
        async with asyncio.timeout(_FORM_S):
            body = await _body(receive)
    except TimeoutError as error:
        raise Refused(408, "The form took too long to arrive.", Connection="close") from error
    try:
        return tuple(
            parse_qsl(body.decode("latin-1"), keep_blank_values=True, errors="replace", max_num_fields=_MOST_FIELDS)
        )
    except ValueError as error:
        raise Refused(413, "The form has more fields than any page has.") from error


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "The form did not arrive as a whole; nothing was changed.", Connection="close")
        parts.append(message.get("body", b""))
        if sum(map(len, parts)) > LARGEST_FORM:
            raise Refused(413, "The form is too large.", Connection="close")
        if not message.get("more_body", False):
            return b"".join(parts)


def _raw_path(asked: Asked) -> str:
    raw: bytes = asked.get("raw_path") or asked["path"].encode()
    return raw.decode("latin-1")


def endpoint(handler: Handler, *, json: bool) -> Callable[[Request], Any]:
    """Return a handler of queries as one of requests, run in a thread, as it waits for a database."""

    async def answer(request: Request) -> Response:
        return await run_in_threadpool(_answered, handler, request, json=json)

    return answer


def _answered(handler: Handler, request: Request, *, json: bool) -> Response:
    """Return the answer, or in one sentence why there is none."""
    try:
        with guarded("Making the page"):
            try:
                return handler(query_of(request, json=json))
            except Refused as refused:
                return sentence(refused.status, refused.said, json=json, **refused.headers)
    except PerfTrackerAIError as error:
        return sentence(503, str(error), json=json)
