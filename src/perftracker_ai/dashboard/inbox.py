"""The inbox: every issue, grouped by the job it came in with, the worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.dashboard import parts
from perftracker_ai.dashboard.frame import footer, page
from perftracker_ai.dashboard.links import link
from perftracker_ai.dashboard.views import Sort, State
from perftracker_ai.render.page.markup import Html, el, join
from perftracker_ai.words.numbers import plural
from perftracker_ai.words.text import listing

if TYPE_CHECKING:
    from perftracker_ai.dashboard.records import Records
    from perftracker_ai.dashboard.views import Group, Inbox

_SORTS = {Sort.WORST: "worst first", Sort.NEWEST: "newest first", Sort.PRODUCT: "by product"}
_ASIDE = {
    "minor": "{} changed by little",
    "moved with the run": "{} moved with the whole run",
    "inconclusive": "{} of which nothing can be said",
    "improved": "{} became faster",
}
"""What is told of curves that are no issue, by their outcome."""


def inbox_page(shown: Inbox, records: Records) -> str:
    """Return the page."""
    count, tone = shown.states[shown.state.value], "investigate" if shown.states[State.OPEN.value] else "approve"
    of = f" of {shown.product}" if shown.product else ""
    title = plural(count, _named(shown.state), f"{_named(shown.state)}s") + of
    head = (el("h1", title), _states(shown), _narrowing(shown))
    groups = [_group(one) for one in shown.groups] or [el("p", "Nothing here.", class_="calm")]
    foot = footer(records, shown.now, _list(shown, "/api/v1/issues"))
    return page(f"Issues{of}", tone, head, (el("section", *groups, aria_label="Issues"),), foot, at="/issues")


def _named(state: State) -> str:
    return "issue" if state is State.ALL else f"{state.value} issue"


def _list(shown: Inbox, path: str = "/issues", **other: str) -> str:
    """Return the address of this list, or of one that differs in something."""
    return link(path, **{"state": shown.state.value, "product": shown.product, "sort": shown.sort.value, **other})


def _states(shown: Inbox) -> Html:
    return parts.tabs(
        [
            (
                state.value,
                _list(shown, state=state.value),
                shown.states[state.value],
                state is shown.state,
            )
            for state in State
        ],
        "State",
    )


def _narrowing(shown: Inbox) -> Html:
    """Return the links to one product, and to other orders."""
    every = ("all products", _list(shown, product=""), sum(shown.products.values()), not shown.product)
    products = [
        (name, _list(shown, product=name), count, name == shown.product) for name, count in shown.products.items()
    ]
    sorts = [
        el(
            "a",
            text,
            href=_list(shown, sort=sort.value),
            aria_current="true" if sort is shown.sort else None,
        )
        for sort, text in _SORTS.items()
    ]
    return el(
        "div",
        parts.tabs([every, *products], "Product"),
        el("p", "Order: ", join(sorts, " · "), class_="sorts"),
        class_="narrowing",
    )


def _group(one: Group) -> Html:
    came = el("a", one.first.version, href=one.path) if one.path else one.first.version
    after = f", after {one.last_good.version}" if one.last_good.version != one.first.version else ""
    heading = el("h2", el("a", one.place.product, href=parts.address(one.place)), " ", came)
    told = f"came in with job {one.first.job} of {parts.day(one.first.end)}{after}; {parts.where(one.place)}"
    return el(
        "article",
        heading,
        el("p", told, class_="sub"),
        parts.issue_rows(one.issues, since=False) if one.issues else Html(""),
        _faint(one),
        class_="group",
    )


def _faint(one: Group) -> Html:
    """Return what is folded away: issues that are not sure, and curves that are no issue, both counted."""
    unsure = plural(len(one.faint), "issue") + " of low confidence" if one.faint else ""
    aside = [_ASIDE[name].format(plural(count, "curve")) for name, count in one.aside.items()]
    told = "; ".join(filter(None, (unsure, f"in that comparison {listing(aside)}" if aside else "")))
    if not told:
        return Html("")
    more = (
        el("p", "Curve by curve in ", el("a", "its report", href=f"{one.path}#curves"), ".") if one.path else Html("")
    )
    return el("details", el("summary", told), parts.issue_rows(one.faint, since=False) if one.faint else Html(""), more)
