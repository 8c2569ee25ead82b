"""The dashboard over HTTP: an ASGI application that reads and never writes.

In: requests of anybody who reaches the port. Out: pages, their values as JSON, badges. Only GET and HEAD, only for the
host names it was told (a name that somebody else's page points here is refused), with bounded queries, nothing that may
be framed, loaded or run. What goes wrong is a page of one sentence.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from threading import BoundedSemaphore, Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, unquote

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from perftracker_ai.dashboard import views
from perftracker_ai.dashboard.badge import badge
from perftracker_ai.dashboard.frame import error_page, page_policy, report_policy
from perftracker_ai.dashboard.heat import heat
from perftracker_ai.dashboard.home import home_page
from perftracker_ai.dashboard.inbox import inbox_page
from perftracker_ai.dashboard.parts import STRIP
from perftracker_ai.dashboard.product import JOBS, product_page_html
from perftracker_ai.dashboard.views import Place, Sort, State
from perftracker_ai.errors import PerfTrackerAIError, guarded
from perftracker_ai.render.html import html_report
from perftracker_ai.report import build
from perftracker_ai.report.view import view
from perftracker_ai.results.read import read_result
from perftracker_ai.store import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Send
    from starlette.types import Scope as Asked

    from perftracker_ai.dashboard.records import Records
    from perftracker_ai.store import Comparison

    Handler = Callable[["Query"], Response]

E = TypeVar("E", bound=StrEnum)

LONGEST_QUERY, LONGEST_PATH = 2000, 2000
"""Bytes of a query string and of a path that are read."""
_NIGHTS = 400
"""Comparisons of a product on one hardware that lists look at, more than a year of nights."""
_MOST_PAGES = 10_000
_REPORTS = 8
"""Pages of reports that are kept once they are made."""
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_HTML, _JSON, _SVG = "text/html; charset=utf-8", "application/json", "image/svg+xml"
_NOTHING = "default-src 'none'; frame-ancestors 'none'"
_KEPT_S, _MOST_KEPT, _LOCKS = 2.0, 64, 16
"""Seconds that an answer is kept, and how many are."""
_RENDERING = BoundedSemaphore(2)
"""Reports are made two at a time: each takes memory as its results do."""


class Refused(Exception):
    """A request that gets a sentence in place of an answer."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status, self.said = status, said


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A request as far as pages look at it."""

    segments: tuple[str, ...]
    values: dict[str, str]
    json: bool

    def choice(self, name: str, kind: type[E], usual: E) -> E:
        """Return one of a few words."""
        given = self.values.get(name, usual.value)
        if given not in set(kind):
            raise Refused(400, f"{name} is one of {', '.join(kind)}.")
        return kind(given)

    def number(self, name: str, usual: int, most: int) -> int:
        """Return a whole number from 1 on."""
        given = self.values.get(name, str(usual))
        if not (given.isascii() and given.isdigit() and len(given) < 8 and 1 <= int(given) <= most):  # noqa: PLR2004 - digits that every number of ours has
            raise Refused(400, f"{name} is a whole number from 1 to {most}.")
        return int(given)


def application(records: Records, hosts: Collection[str], clock: Callable[[], datetime] | None = None) -> ASGIApp:
    """Return the application.

    Parameters
    ----------
    records : Records
        What is shown.
    hosts : collection of str
        Host names, without ports, under which it may be asked.
    clock : callable, optional
        Gives the time; the system's unless given.
    """
    board, answers = _Board(records, clock or (lambda: datetime.now(UTC))), _Answers()
    pages: tuple[tuple[str, Handler], ...] = (
        ("/", answers.of(board.home)),
        ("/issues", answers.of(board.inbox)),
        ("/p/{product}", answers.of(board.product)),
        ("/c/{pair}", board.report),  # of which the board keeps a few by itself, for they are large
    )
    plain = [Route(path, _endpoint(handler, json=False)) for path, handler in pages]
    data = [Route(f"/api/v1{path}", _endpoint(handler, json=True)) for path, handler in pages]
    further = [
        Route("/healthz", _endpoint(board.health, json=True)),
        Route("/badge/{product}", _endpoint(answers.of(board.badge), json=False)),
    ]
    routes = [*plain, *data, *further]
    return _Guard(Starlette(routes=routes, exception_handlers={404: _no_page}), frozenset(hosts))


async def _no_page(_request: Request, _error: Exception) -> Response:
    return _said(404, "There is no such page.")


# ── the gate ────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Guard:
    """Refuse what no page is asked for in, before anything is looked up; answer what nothing else has caught."""

    def __init__(self, inner: ASGIApp, hosts: frozenset[str]) -> None:
        self._inner, self._hosts = inner, hosts

    async def __call__(self, asked: Asked, receive: Receive, send: Send) -> None:
        if asked["type"] != "http":
            if asked["type"] == "lifespan":
                await self._inner(asked, receive, send)
            return
        refused = self._refusal(asked)
        if refused is not None:
            await refused(asked, receive, send)
            return
        # One path segment stays one, whatever a product is called: only raw slashes part them.
        await self._inner({**asked, "path": _raw_path(asked)}, receive, send)

    def _refusal(self, asked: Asked) -> Response | None:
        headers = dict(asked["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        if _name_of(host) not in self._hosts:
            return _said(421, "This dashboard does not answer under that host name; ask for it as it was started.")
        if asked["method"] not in {"GET", "HEAD"}:
            return _said(405, "This dashboard only shows; nothing can be changed here.", Allow="GET, HEAD")
        if len(asked["query_string"]) > LONGEST_QUERY or len(_raw_path(asked)) > LONGEST_PATH:
            return _said(414, "The address is too long.")
        return None


def _raw_path(asked: Asked) -> str:
    raw: bytes = asked.get("raw_path") or asked["path"].encode()
    return raw.decode("latin-1")


def _name_of(host: str) -> str:
    """Return a host without its port, in small letters."""
    name, _, port = host.rpartition(":")
    return (name if name and port.isdigit() else host).lower()


def _endpoint(handler: Handler, *, json: bool) -> Callable[[Request], Any]:
    """Return a handler of pages as one of requests, run in a thread, as it waits for a database."""

    async def answer(request: Request) -> Response:
        return await run_in_threadpool(_answered, handler, request, json=json)

    return answer


def _answered(handler: Handler, request: Request, *, json: bool) -> Response:
    """Return the answer, or in one sentence why there is none."""
    try:
        with guarded("Making the page"):
            try:
                return handler(_query(request, json=json))
            except Refused as refused:
                return _said(refused.status, refused.said, json=json)
    except PerfTrackerAIError as error:
        return _said(503, str(error), json=json)


def _query(request: Request, *, json: bool) -> Query:
    raw = request.scope["query_string"].decode("latin-1")
    with suppress(ValueError):
        values = dict(parse_qsl(raw, errors="replace", max_num_fields=20))
        segments = tuple(unquote(value, errors="replace") for value in request.path_params.values())
        return Query(segments=segments, values=values, json=json)
    raise Refused(400, "The query has more parts than any page knows.")


class _Answers:
    """Answers kept for a moment: what many ask for at once is looked up once, and the others wait for it."""

    def __init__(self) -> None:
        self._kept: dict[tuple[object, ...], tuple[float, Response]] = {}
        self._locks = [Lock() for _ in range(_LOCKS)]

    def of(self, handler: Handler) -> Handler:
        """Return a handler whose answers are kept."""

        def answer(query: Query) -> Response:
            key = (handler, query.segments, tuple(sorted(query.values.items())), query.json)
            with self._locks[hash(key) % _LOCKS]:
                made, kept = self._kept.get(key, (-_KEPT_S, None))
                if kept is not None and monotonic() - made < _KEPT_S:
                    return kept
                told = handler(query)
                if len(self._kept) >= _MOST_KEPT:
                    self._kept.clear()
                self._kept[key] = monotonic(), told
                return told

        return answer


# ── pages ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Board:
    """The pages of one dashboard."""

    def __init__(self, records: Records, clock: Callable[[], datetime]) -> None:
        self._records, self._clock = records, clock
        self._report = lru_cache(maxsize=_REPORTS)(self._rendered)

    def home(self, query: Query) -> Response:
        """Answer with every product in a line."""
        comparisons = self._records.comparisons(None, STRIP)
        shown = views.home(comparisons, self._records.issues(None), self._clock())
        return _json(shown) if query.json else _page(home_page(shown, self._records))

    def inbox(self, query: Query) -> Response:
        """Answer with the list of issues."""
        shown = views.inbox(
            self._records.comparisons(None, _NIGHTS),
            self._records.issues(None),
            self._clock(),
            state=query.choice("state", State, State.OPEN),
            product=query.values.get("product", ""),
            sort=query.choice("sort", Sort, Sort.WORST),
        )
        return _json(shown) if query.json else _page(inbox_page(shown, self._records))

    def product(self, query: Query) -> Response:
        """Answer with a product's page."""
        (product,), jobs = query.segments, query.number("jobs", JOBS[1], JOBS[-1])
        comparisons = self._records.comparisons(product, _NIGHTS)
        place = _place(views.places_of(comparisons), query)
        scope = Scope(origin=place.origin, product=product, hardware=place.hardware, suite=place.suite)
        course = heat(self._records.levels(scope, jobs), query.number("page", 1, _MOST_PAGES))
        shown = views.product_page(comparisons, self._records.issues(product), place, course, self._clock())
        return _json(shown) if query.json else _page(product_page_html(shown, self._records, jobs))

    def report(self, query: Query) -> Response:
        """Answer with a report, as it was written or, as JSON, with the results it is made from."""
        made = self._comparison(query)
        if query.json:
            return Response(
                self._result(made.origin, made.baseline, made.candidate),
                media_type=_JSON,
                headers=_HEADERS | {"Content-Security-Policy": _NOTHING},
            )
        with _RENDERING:
            page = self._report(made.origin, made.baseline, made.candidate, made.made)
        return Response(page, media_type=_HTML, headers=_HEADERS | {"Content-Security-Policy": report_policy()})

    def health(self, _: Query) -> Response:
        """Answer whether what is shown can be read."""
        self._records.comparisons(None, 1)
        return _json(Health(status="ok"))

    def badge(self, query: Query) -> Response:
        """Answer with the picture of a product's verdict."""
        product = query.segments[0].removesuffix(".svg")
        comparisons = self._records.comparisons(product, STRIP)
        place = _place(views.places_of(comparisons), query)
        line = views.line(place, views.Made(comparisons), (), self._clock())
        return Response(badge(line), media_type=_SVG, headers=_HEADERS | {"Content-Security-Policy": _NOTHING})

    def _comparison(self, query: Query) -> Comparison:
        """Return the comparison that a path names by the numbers of its jobs, the last one made."""
        first, _, last = query.segments[0].partition("..")
        wanted = query.values.get("candidate")
        found = [
            one
            for one in self._records.comparisons(None, _NIGHTS)
            if (str(one.baseline_id), str(one.candidate_id)) == (first, last) and wanted in (None, one.candidate)
        ]
        if not found:
            raise Refused(404, "No comparison of these two jobs is kept.")
        return max(found, key=lambda one: one.made)

    def _result(self, origin: str, baseline: str, candidate: str) -> bytes:
        found = self._records.result(origin, baseline, candidate)
        if found is None:
            raise Refused(404, "The results of this comparison are not kept; its line is all there is.")
        return found

    def _rendered(self, origin: str, baseline: str, candidate: str, _made: datetime) -> bytes:
        """Return a report's page; one that was made again is another."""
        result = self._result(origin, baseline, candidate)
        told = view(read_result(result, "The results"))
        return html_report(told, build(told), result=result, scripts=True).encode()


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """That the dashboard can read what it shows."""

    status: str


def _place(places: tuple[Place, ...], query: Query) -> Place:
    """Return the place that a query names, or that of the newest job."""
    wanted = {name: query.values[key] for key, name in (("hw", "hardware"), ("suite", "suite")) if key in query.values}
    fit = [one for one in places if all(getattr(one, name) == value for name, value in wanted.items())]
    if not fit:
        raise Refused(404, "No comparison of such a product is kept.")
    return fit[0]


# ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _page(html: str) -> Response:
    headers = _HEADERS | {"Content-Security-Policy": page_policy()}
    return Response(html.encode(errors="replace"), media_type=_HTML, headers=headers)


def _json(value: msgspec.Struct) -> Response:
    content = msgspec.json.encode({"schema_version": 1, **msgspec.structs.asdict(value)})
    return Response(content, media_type=_JSON, headers=_HEADERS | {"Content-Security-Policy": _NOTHING})


def _said(status: int, sentence: str, *, json: bool = False, **headers: str) -> Response:
    """Return one sentence as a page, or as JSON where that was asked for."""
    if json:
        content = msgspec.json.encode({"schema_version": 1, "error": sentence})
        return Response(content, status, media_type=_JSON, headers=_HEADERS | headers)
    told = _page(error_page(status, sentence))
    told.status_code = status
    told.headers.update(headers)
    return told
