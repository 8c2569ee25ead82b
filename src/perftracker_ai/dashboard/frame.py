"""The frame of every page: head, policy, navigation, footer.

In: what a page shows. Out: the whole page. It loads nothing, its one script reads values off charts, and the
browser is told that nothing else may run.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from typing import TYPE_CHECKING

from perftracker_ai.dashboard.links import link, site
from perftracker_ai.render.html import asset, page_script, policy
from perftracker_ai.render.page.markup import Html, el, join, tag

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from perftracker_ai.dashboard.records import Records

_PAGES = (("/", "Products"), ("/issues", "Issues"), ("/compare", "Compare"), ("/audit", "Audit log"))
ATOM = "application/atom+xml"
_LOGIN = ("/login", "Login")
_NO_FORMS, _OWN_FORMS = "form-action 'none'", "form-action 'self'"


def page(  # noqa: PLR0913 - the parts of a page
    title: str,
    tone: str,
    head: tuple[Html, ...],
    main: tuple[Html, ...],
    foot: Html,
    *,
    at: str = "",
    feeds: Sequence[tuple[str, str]] = (),
) -> str:
    """Return a page.

    Parameters
    ----------
    title : str
        Of the window.
    tone : str
        Class of the page's colour, that of a verdict.
    head, main : tuple of Html
        What stands in the header and below it.
    foot : Html
    at : str
        Path of the page, where the navigation names it.
    feeds : sequence of (str, str)
        Name and address of the feeds that readers find by this page.
    """
    bare = site().bare
    body = el(
        "body",
        *(() if bare else (el("a", "Skip to the content", href="#content", class_="skip"), _navigation(at))),
        el("header", el("div", *head), class_=f"top {tone}"),
        el("main", *main, id="content"),
        *(() if bare else (el("footer", foot),)),
        el("script", Html(script())),
    )
    start = Html('<!DOCTYPE html>\n<html lang="en">\n')
    return join([start, _head(f"{title} · PerfTracker AI", feeds), Html("\n"), body, Html("\n</html>\n")])


def footer(records: Records, now: datetime, api: str) -> Html:
    """Return what is shown, where it is kept, and where the same is as JSON."""
    told = f"Read from {records.place} at {now:%Y-%m-%d %H:%M} UTC. "
    note = el("p", records.note, class_="because") if records.note else Html("")
    return join([el("p", told, el("a", "The same values as JSON", href=api), "."), note])


def error_page(status: int, said: str) -> str:
    """Return the page of an error: one sentence, and the way back."""
    back = el("p", el("a", "Back to the products", href=link("/")))
    return page(f"Error {status}", "open", (el("h1", f"Error {status}"), el("p", said)), (back,), Html(""))


def page_policy(*, forms: bool) -> str:
    """Return the Content-Security-Policy of every page: nothing loads or runs, and nobody may frame it."""
    told = policy(style(), script())
    return f"{told.replace(_NO_FORMS, _OWN_FORMS) if forms else told}; frame-ancestors 'none'"


def report_policy() -> str:
    """Return the policy of a report's page, whose one script runs by its hash."""
    return f"{policy(asset('page.css'), page_script())}; frame-ancestors 'none'"


@cache
def style() -> str:
    """Return the style: the report's, and what only the dashboard has."""
    return asset("page.css") + _own("dashboard.css")


@cache
def script() -> str:
    """Return the script: the report's charts', and what reads values off the heat map."""
    return asset("chart.js") + _own("dashboard.js") + _own("inbox.js")


def _own(name: str) -> str:
    content = pkgutil.get_data("perftracker_ai.dashboard", f"assets/{name}")
    assert content is not None  # part of the package
    return content.decode()


def _head(title: str, feeds: Sequence[tuple[str, str]]) -> Html:
    return el(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="same-origin"),
        el("title", title),
        tag("link", rel="icon", href="data:,"),
        *(tag("link", rel="alternate", type=ATOM, title=name, href=href) for name, href in feeds),
        *((tag("base", target="_top"),) if site().bare else ()),  # links leave the frame
        el("style", Html(style())),
    )


def _navigation(at: str) -> Html:
    pages = (*_PAGES, _LOGIN) if site().login else _PAGES
    links = [
        el("li", el("a", text, href=link(path), aria_current="page" if path == at else None)) for path, text in pages
    ]
    return el("nav", el("ul", el("li", "PerfTracker AI", class_="brand"), *links), aria_label="Pages")
