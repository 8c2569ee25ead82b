"""The inbox: every issue, grouped by the job it came in with, the worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.dashboard import forms, parts
from perftracker_ai.dashboard.frame import footer, page
from perftracker_ai.dashboard.links import link, site
from perftracker_ai.dashboard.views import Sort, State
from perftracker_ai.render.page.markup import Html, el, escaped, join, tag
from perftracker_ai.words.numbers import plural
from perftracker_ai.words.text import listing

if TYPE_CHECKING:
    from collections.abc import Callable

    from perftracker_ai.dashboard.answers import Visitor
    from perftracker_ai.dashboard.records import Records
    from perftracker_ai.dashboard.views import Group, Inbox, Issue

_SORTS = {Sort.WORST: "worst first", Sort.NEWEST: "newest first", Sort.PRODUCT: "by product"}
_ASIDE = {
    "minor": "{} changed by little",
    "moved with the run": "{} moved with the whole run",
    "inconclusive": "{} of which nothing can be said",
    "improved": "{} became faster",
}
"""What is told of curves that are no issue, by their outcome."""


def inbox_page(shown: Inbox, records: Records, visitor: Visitor) -> str:
    """Return the page; with boxes and a form for those who may write."""
    count, tone = shown.states[shown.state.value], "investigate" if shown.states[State.OPEN.value] else "approve"
    of = f" of {shown.product}" if shown.product else ""
    title = plural(count, _named(shown.state), f"{_named(shown.state)}s") + of
    head = (el("h1", title), _states(shown), _narrowing(shown))
    box = forms.box if visitor.may_write else None
    groups = [_group(one, box) for one in shown.groups] or [el("p", "Nothing here.", class_="calm")]
    if visitor.may_write and shown.groups:
        groups.append(forms.bulk(address_of(shown), visitor.token))
    groups += [*_left_out(shown), _keys(visitor)]
    foot = footer(records, shown.now, address_of(shown, "/api/v1/issues"))
    return page(f"Issues{of}", tone, head, (el("section", *groups, aria_label="Issues"),), foot, at="/issues")


def _named(state: State) -> str:
    return "issue" if state is State.ALL else f"{state.value} issue"


def address_of(shown: Inbox, path: str = "/issues", **other: str) -> str:
    """Return the address of this list, or of one that differs in something."""
    return link(path, **_chosen(shown) | other)


def _chosen(shown: Inbox) -> dict[str, str | int]:
    return {
        "state": shown.state.value,
        "product": shown.product,
        "owner": shown.owner,
        "find": shown.find,
        "sort": shown.sort.value,
    }


def _states(shown: Inbox) -> Html:
    return parts.tabs(
        [
            (
                state.value,
                address_of(shown, state=state.value),
                shown.states[state.value],
                state is shown.state,
            )
            for state in State
        ],
        "State",
    )


def _narrowing(shown: Inbox) -> Html:
    """Return the links to one product, and to other orders."""
    every = ("all products", address_of(shown, product=""), sum(shown.products.values()), not shown.product)
    products = [
        (name, address_of(shown, product=name), count, name == shown.product) for name, count in shown.products.items()
    ]
    anyone = ("any owner", address_of(shown, owner=""), sum(shown.owners.values()), not shown.owner)
    owners = [(name, address_of(shown, owner=name), count, name == shown.owner) for name, count in shown.owners.items()]
    sorts = [
        el(
            "a",
            text,
            href=address_of(shown, sort=sort.value),
            aria_current="true" if sort is shown.sort else None,
        )
        for sort, text in _SORTS.items()
    ]
    return el(
        "div",
        parts.tabs([every, *products], "Product"),
        parts.tabs([anyone, *owners], "Owner"),
        Html("") if site().bare else _find(shown),
        el("p", "Order: ", join(sorts, " · "), class_="sorts"),
        class_="narrowing",
    )


def _find(shown: Inbox) -> Html:
    """Return the form that narrows the list to what holds some text."""
    kept = [
        tag("input", type="hidden", name=name, value=value)
        for name, value in _chosen(shown).items()
        if value and name != "find"
    ]
    text = tag("input", type="search", name="find", id="find", value=shown.find, maxlength=200, placeholder="endpoint")
    fields = (*kept, el("label", el("span", "Find"), text), el("button", "Find", type="submit"))
    return el("form", *fields, method="get", action=link("/issues"), class_="find", role="search")


def _left_out(shown: Inbox) -> tuple[Html, ...]:
    """Return how many issues are not shown; nothing where all are."""
    told = sum(len(one.issues) + len(one.faint) for one in shown.groups)
    count = shown.states[shown.state.value] - told
    if not count:
        return ()
    return (
        el("p", f"{plural(count, 'further issue')}: narrow the list by product, owner or endpoint.", class_="calm"),
    )


def _keys(visitor: Visitor) -> Html:
    """Return what keys do; shown once the script is there that takes them."""
    writes = (("x", "check"), ("a", "acknowledge")) if visitor.may_write else ()
    keys = (("j k", "next, previous"), ("Enter", "open its report"), *writes, ("/", "find"))
    told = [join([el("kbd", key), Html(" "), escaped(text)]) for key, text in keys]
    return el("p", "Keys: ", join(told, " · "), class_="keys sub", hidden="hidden", id="keys")


def _group(one: Group, box: Callable[[Issue], Html] | None) -> Html:
    came = el("a", one.first.version, href=one.path) if one.path else one.first.version
    after = f", after {one.last_good.version}" if one.last_good.version != one.first.version else ""
    heading = el("h2", el("a", one.place.product, href=parts.address(one.place)), " ", came)
    told = f"came in with job {one.first.job} of {parts.day(one.first.end)}{after}; {parts.where(one.place)}"
    return el(
        "article",
        heading,
        el("p", told, class_="sub"),
        parts.issue_rows(one.issues, since=False, box=box) if one.issues else Html(""),
        _faint(one, box),
        class_="group",
    )


def _faint(one: Group, box: Callable[[Issue], Html] | None) -> Html:
    """Return what is folded away: issues that are not sure, and curves that are no issue, both counted."""
    unsure = plural(len(one.faint), "issue") + " of low confidence" if one.faint else ""
    aside = [_ASIDE[name].format(plural(count, "curve")) for name, count in one.aside.items()]
    told = "; ".join(filter(None, (unsure, f"in that comparison {listing(aside)}" if aside else "")))
    if not told:
        return Html("")
    more = (
        el("p", "Curve by curve in ", el("a", "its report", href=f"{one.path}#curves"), ".") if one.path else Html("")
    )
    return el(
        "details",
        el("summary", told),
        parts.issue_rows(one.faint, since=False, box=box) if one.faint else Html(""),
        more,
    )
