"""The gate of the dashboard: what no page is asked for in is refused before anything is looked up.

In: requests of anybody who reaches the port. Out: those under a host name and a prefix it was told (a name that
somebody else's page points here is refused), short, and to be read; each with who asks. What goes wrong behind it is a
page of one sentence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from starlette.concurrency import run_in_threadpool

from perftracker_ai.dashboard.answers import READER, Refused, query_of, sentence
from perftracker_ai.dashboard.links import link, under
from perftracker_ai.errors import PerfTrackerAIError, guarded

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Send
    from starlette.types import Scope as Asked

    from perftracker_ai.dashboard.answers import Handler

LONGEST_QUERY, LONGEST_PATH = 2000, 2000
"""Bytes of a query string and of a path that are read."""


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Under which names the dashboard answers, and whom.

    Attributes
    ----------
    hosts : frozenset of str
        Host names, without ports, under which it may be asked.
    prefix : str
        Path that a proxy has it under, such as ``/perf``; empty for none.
    """

    hosts: frozenset[str]
    prefix: str


class Gate:
    """Let in what may be asked."""

    def __init__(self, inner: ASGIApp, access: Access) -> None:
        self._inner, self._access = inner, access

    async def __call__(self, asked: Asked, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on with its path from the prefix on."""
        if asked["type"] != "http":
            if asked["type"] == "lifespan":
                await self._inner(asked, receive, send)
            return
        with under(self._access.prefix):
            refused = self._refusal(asked)
            if refused is not None:
                await refused(asked, receive, send)
                return
            # One path segment stays one, whatever a product is called: only raw slashes part them.
            path = _raw_path(asked).removeprefix(self._access.prefix)
            await self._inner({**asked, "path": path, "visitor": READER}, receive, send)

    def _refusal(self, asked: Asked) -> Response | None:
        headers = dict(asked["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        if _name_of(host) not in self._access.hosts:
            return sentence(421, "This dashboard does not answer under that host name; ask for it as it was started.")
        if asked["method"] not in {"GET", "HEAD"}:
            return sentence(405, "This dashboard only shows; nothing can be changed here.", Allow="GET, HEAD")
        if len(asked["query_string"]) > LONGEST_QUERY or len(_raw_path(asked)) > LONGEST_PATH:
            return sentence(414, "The address is too long.")
        if not _raw_path(asked).startswith(f"{self._access.prefix}/"):
            return sentence(404, f"This dashboard is at {link('/')}.")
        return None


def _raw_path(asked: Asked) -> str:
    raw: bytes = asked.get("raw_path") or asked["path"].encode()
    return raw.decode("latin-1")


def _name_of(host: str) -> str:
    """Return a host without its port, in small letters."""
    name, _, port = host.rpartition(":")
    return (name if name and port.isdigit() else host).lower()


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
                return sentence(refused.status, refused.said, json=json)
    except PerfTrackerAIError as error:
        return sentence(503, str(error), json=json)
