"""The dashboard over HTTP: an ASGI application of pages that read, and of forms for those who may write.

In: requests that the gate lets in. Out: pages, their values as JSON, badges, feeds, from bounded queries.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

import msgspec
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from perftracker_ai.dashboard import lookups, views
from perftracker_ai.dashboard.answers import (
    HEADERS,
    HTML,
    JSON,
    SVG,
    Answers,
    Refused,
    csv_file,
    no_page,
    page,
    sentence,
    values,
)
from perftracker_ai.dashboard.badge import badge
from perftracker_ai.dashboard.bar import bar_of, with_bar
from perftracker_ai.dashboard.compare import ComparePage
from perftracker_ai.dashboard.creeps import creeps
from perftracker_ai.dashboard.endpoint_page import LOADS, courses_csv, endpoint_page_html, pairs_csv
from perftracker_ai.dashboard.feed import ATOM, ENTRIES, atom
from perftracker_ai.dashboard.frame import report_policy
from perftracker_ai.dashboard.gate import READING, Gate, endpoint
from perftracker_ai.dashboard.heat import heat
from perftracker_ai.dashboard.home import home_page
from perftracker_ai.dashboard.inbox import inbox_page
from perftracker_ai.dashboard.job_page import job_page
from perftracker_ai.dashboard.lookups import DIGITS, NIGHTS
from perftracker_ai.dashboard.noise_page import noise_handler
from perftracker_ai.dashboard.parts import CREEPS, STRIP
from perftracker_ai.dashboard.product import VALUES, product_csv, product_page_html
from perftracker_ai.dashboard.triaging import Triaging
from perftracker_ai.dashboard.views import Chosen, Sort, State
from perftracker_ai.render.html import html_report
from perftracker_ai.report import build
from perftracker_ai.report.view import view
from perftracker_ai.results.read import read_result

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from perftracker_ai.dashboard.answers import Handler, Query
    from perftracker_ai.dashboard.compare import Comparing
    from perftracker_ai.dashboard.creeps import Creeps
    from perftracker_ai.dashboard.gate import Access
    from perftracker_ai.dashboard.records import Acceptor, Records
    from perftracker_ai.store import Comparison

_REPORTS = 8
"""Pages of reports that are kept once they are made."""
_CREEPS = 1000
"""Comparisons of which it is kept what creeps."""
_RENDERING = BoundedSemaphore(2)
"""Reports are made two at a time: each takes memory as its results do."""


def application(
    records: Records,
    hosts: Collection[str],
    clock: Callable[[], datetime] | None = None,
    *,
    access: Access = READING,
    acceptor: Acceptor | None = None,
    comparing: Comparing | None = None,
) -> ASGIApp:
    """Return the application.

    Parameters
    ----------
    records : Records
        What is shown.
    hosts : collection of str
        Host names, without ports, under which it may be asked.
    clock : callable, optional
        Gives the time; the system's unless given.
    access : Access
        Whom it answers; everybody, and it changes nothing, unless given.
    acceptor : Acceptor, optional
        What words and writes entries of the settings; they are not offered without.
    comparing : Comparing, optional
        Where jobs are found and compared that somebody asks for; nowhere unless given.
    """
    now, answers = clock or (lambda: datetime.now(UTC)), Answers()
    board, triaging = _Board(records, now), Triaging(records, now, answers.forget, acceptor)
    pages: tuple[tuple[str, Handler], ...] = (
        ("/", answers.of(board.home)),
        ("/issues", answers.of(board.inbox)),
        ("/p/{product}", answers.of(board.product)),
        ("/p/{product}/e/{endpoint:path}", answers.of(board.endpoint)),
        ("/p/{product}/noise", answers.of(noise_handler(records, board.clock))),
        ("/j/{number}", answers.of(board.job)),
        ("/p/{product}/i/{key}", answers.of(triaging.issue)),
        ("/audit", answers.of(triaging.audit)),
        ("/c/{pair}", board.report),  # of which the board keeps a few by itself, for they are large
    )
    plain = [Route(path, endpoint(handler, json=False)) for path, handler in pages]
    data = [Route(f"/api/v1{path}", endpoint(handler, json=True)) for path, handler in pages]
    further = [
        Route("/healthz", endpoint(board.health, json=True)),
        Route("/feed/{product}", endpoint(answers.of(board.feed), json=False)),
        Route("/badge/{product}", endpoint(answers.of(board.badge), json=False)),
    ]
    writing = [
        Route("/issues", endpoint(triaging.say_of_several, json=False), methods=["POST"]),
        Route("/p/{product}/i/{key}", endpoint(triaging.say_of_one, json=False), methods=["POST"]),
    ]
    routes = [*plain, *data, *further, *(writing if access.writes else ()), *_login(access)]
    routes += _compare(ComparePage(records, comparing, now))
    inner = Starlette(routes=routes, exception_handlers={404: _no_page, 405: _no_form})
    inner.router.redirect_slashes = False  # it would lead away from the prefix
    return Gate(inner, frozenset(hosts), access)


def _compare(asked: ComparePage) -> list[Route]:
    return [
        Route("/compare", endpoint(asked.show, json=False)),
        Route("/compare", endpoint(asked.ask, json=False), methods=["POST"]),
        Route("/api/v1/compare", endpoint(asked.show, json=True)),
    ]


def _login(access: Access) -> list[Route]:
    login = access.login
    if login is None:
        return []
    return [
        Route("/login", endpoint(login.show, json=False)),
        Route("/login", endpoint(login.log_in, json=False), methods=["POST"]),
        Route("/logout", endpoint(login.log_out, json=False), methods=["POST"]),
    ]


async def _no_page(_request: Request, _error: Exception) -> Response:
    return sentence(404, "There is no such page.")


async def _no_form(_request: Request, _error: Exception) -> Response:
    return sentence(405, "Nothing is sent to this address.", Allow="GET, HEAD")


# ── pages ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Board:
    """The pages of one dashboard."""

    def __init__(self, records: Records, clock: Callable[[], datetime]) -> None:
        self._records, self.clock = records, clock
        self._report = lru_cache(maxsize=_REPORTS)(self._rendered)
        self._known_creeps = lru_cache(maxsize=_CREEPS)(self._read_creeps)

    def home(self, query: Query) -> Response:
        """Answer with every product in a line."""
        comparisons, known = self._records.comparisons(None, STRIP), self._records
        newest = {views.place_of(one): one for one in comparisons}
        growing = {place: self._creeps(one) for place, one in newest.items() if CREEPS in one.rules}
        made = views.Made(comparisons, known.said(None), self.clock(), known.ran(None, STRIP))
        shown = views.home(made, known.issues(None), growing)
        return values(shown) if query.json else page(home_page(shown, self._records))

    def inbox(self, query: Query) -> Response:
        """Answer with the list of issues."""
        rows = self._records.issues(None)
        shown = views.inbox(
            self._records.of_jobs({job for row in rows for job in (row.job.job, row.issue.first.job)}),
            rows,
            self._records.said(None),
            self.clock(),
            Chosen(
                state=query.choice("state", State, State.OPEN),
                product=query.values.get("product", ""),
                owner=query.values.get("owner", ""),
                find=query.values.get("find", ""),
                sort=query.choice("sort", Sort, Sort.WORST),
            ),
        )
        return values(shown) if query.json else page(inbox_page(shown, self._records, query.visitor), forms=True)

    def product(self, query: Query) -> Response:
        """Answer with a product's page."""
        (product,), jobs = query.segments, lookups.jobs(query)
        comparisons, ran = self._records.comparisons(product, NIGHTS), self._records.ran(product, STRIP)
        place = lookups.place(views.places_of(comparisons, ran), query)
        course = heat(self._records.levels(lookups.scope(place, query), jobs), lookups.page(query))
        made = [one for one in comparisons if views.place_of(one) == place]
        courses = course, self._creeps(made[-1]) if made else None
        known = views.Made(comparisons, self._records.said(product), self.clock(), ran)
        shown = views.product_page(known, self._records.issues(product), place, courses)
        if query.json:
            return values(shown)
        if query.values.get("format") == "csv":
            return csv_file(product_csv(shown))
        return page(product_page_html(shown, self._records, jobs, values=query.values.get("view") == VALUES))

    def endpoint(self, query: Query) -> Response:
        """Answer with the page of an endpoint, or its values as JSON or CSV."""
        shown = lookups.endpoint(self._records, query, self.clock())
        if query.json:
            return values(shown)
        if query.values.get("format") == "csv":
            return csv_file(pairs_csv(shown) if query.values.get("part") == LOADS else courses_csv(shown))
        return page(endpoint_page_html(shown, self._records, lookups.look(query)), forms=True)

    def job(self, query: Query) -> Response:
        """Answer with the page of a job."""
        shown = lookups.job(self._records, query, self.clock())
        return values(shown) if query.json else page(job_page(shown, self._records))

    def feed(self, query: Query) -> Response:
        """Answer with the newest comparisons of a product as a feed."""
        product = query.segments[0].removesuffix(".atom")
        comparisons = self._records.comparisons(product, ENTRIES)
        place = lookups.place(views.places_of(comparisons), query)
        made = [one for one in comparisons if views.place_of(one) == place][-ENTRIES:]
        written = atom(place, made, self._records.largest_issues({one.candidate for one in made}))
        return no_page(written, ATOM)

    def report(self, query: Query) -> Response:
        """Answer with a report, as it was written or, as JSON, with the results it is made from."""
        made = self._comparison(query)
        if query.json:
            return no_page(self._result(made.origin, made.baseline, made.candidate), JSON)
        with _RENDERING:
            html = self._report(made.origin, made.baseline, made.candidate, made.made)
        issues, said = self._records.issues(made.product), self._records.said(made.product)
        bar = bar_of(views.of_report(made, issues, said, self.clock()), html)
        head = HEADERS | {"Content-Security-Policy": report_policy()}
        return Response(with_bar(html, bar).encode(), media_type=HTML, headers=head)

    def health(self, _: Query) -> Response:
        """Answer whether what is shown can be read."""
        self._records.comparisons(None, 1)
        return values(Health(status="ok"))

    def badge(self, query: Query) -> Response:
        """Answer with the picture of a product's verdict."""
        product = query.segments[0].removesuffix(".svg")
        comparisons, ran = self._records.comparisons(product, STRIP), self._records.ran(product, 1)
        place = lookups.place(views.places_of(comparisons, ran), query)
        line = views.line(place, views.Made(comparisons, (), self.clock(), ran), (), None)
        return no_page(badge(line), SVG)

    def _creeps(self, one: Comparison) -> Creeps | None:
        """Return what creeps, as a comparison found it."""
        return self._known_creeps(one.origin, one.baseline, one.candidate, one.made)

    def _read_creeps(self, origin: str, baseline: str, candidate: str, _made: datetime) -> Creeps | None:
        return creeps(self._records.result(origin, baseline, candidate))

    def _comparison(self, query: Query) -> Comparison:
        """Return the comparison that a path names by the numbers of its jobs, the last one made."""
        first, _, last = query.segments[0].partition("..")
        wanted, is_number = query.values.get("candidate"), last.isascii() and last.isdigit() and len(last) <= DIGITS
        found = [
            one
            for one in (self._records.of_jobs({int(last)}) if is_number else ())
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

    def _rendered(self, origin: str, baseline: str, candidate: str, _made: datetime) -> str:
        """Return a report's page; one that was made again is another."""
        result = self._result(origin, baseline, candidate)
        told = view(read_result(result, "The results"))
        return html_report(told, build(told), result=result, scripts=True)


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """That the dashboard can read what it shows."""

    status: str
