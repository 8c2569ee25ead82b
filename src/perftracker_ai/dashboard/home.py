"""The first page: which product to look at, why, and since when."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from perftracker_ai.dashboard import feed, parts
from perftracker_ai.dashboard.frame import footer, page
from perftracker_ai.dashboard.links import link
from perftracker_ai.dashboard.views import NOT_JUDGED
from perftracker_ai.model import Verdict
from perftracker_ai.render.page.markup import Html, el, path
from perftracker_ai.words.numbers import plural

if TYPE_CHECKING:
    from perftracker_ai.dashboard.records import Records
    from perftracker_ai.dashboard.views import Home, Line

_COLUMNS = ("Product", "Verdict", "Newest job", f"Last {parts.STRIP} jobs", "Open issues", "Worst open issue")
_MANY = 50
"""Products up to which every bar of their strips says what it is of."""
_SAID = {
    Verdict.BLOCK.value: "blocked",
    Verdict.INVESTIGATE.value: "to investigate",
    Verdict.APPROVE_WITH_MONITORING.value: "approved with monitoring",
    Verdict.APPROVE.value: "approved",
    Verdict.INSUFFICIENT_EVIDENCE.value: "without enough evidence",
    Verdict.SAME_VERSION.value: "measured twice in one version",
    NOT_JUDGED: "not judged",
}


def home_page(shown: Home, records: Records) -> str:
    """Return the page."""
    foot = footer(records, shown.now, link("/api/v1/"))
    if not shown.lines:
        brings = el("code", "perftracker-ai history sync --product NAME")
        said = el("p", "No job is kept yet. ", brings, " brings those of the past.")
        return page("Products", "open", (el("h1", "Nothing to show yet"), said), (), foot, at="/")
    rows = [_row(one, at, told=len(shown.lines) <= _MANY) for at, one in enumerate(shown.lines)]
    head = el("thead", el("tr", *(el("th", text, scope="col") for text in _COLUMNS)))
    table = el("table", head, el("tbody", *rows), class_="board")
    main = el("section", el("h2", "Products", class_="unseen", id="products"), table, aria_labelledby="products")
    worst = shown.lines[0]
    top = (el("h1", _headline(shown)), el("p", *_worst(worst)))
    feeds = [(feed.title(one.place), feed.address(one.place)) for one in shown.lines]
    return page("Products", parts.tone(worst.verdict), top, (main,), foot, at="/", feeds=feeds)


def _headline(shown: Home) -> str:
    counted = Counter(one.verdict for one in shown.lines)
    told = ", ".join(f"{count} {_SAID.get(verdict, verdict)}" for verdict, count in counted.items())
    return f"{plural(len(shown.lines), 'product')}: {told}"


def _worst(one: Line) -> tuple[str, ...]:
    """Return in a sentence what to look at first."""
    name, judged = el("b", one.place.product), one.judged
    if one.worst is not None:
        endpoint, told = one.worst.endpoint, f"{parts.size(one.worst)}, since {one.worst.first.version}."
    elif (creep := parts.creep(one)) is not None:
        endpoint, told = creep[0].endpoint, f"{creep[1]}."
    elif judged is None:
        return name, " was never judged: ", *parts.judging(one.place.product)
    else:
        return (name, f" {judged.job.version} is {_SAID.get(one.verdict, one.verdict)}; no issue is open.")
    return "Look first at ", name, ": ", el("span", path(endpoint), class_="endpoint"), f" {told}"


def _row(one: Line, at: int, *, told: bool) -> Html:
    newest = one.jobs[-1]
    place = el("span", parts.where(one.place), class_="sub")
    judged = one.judged is not None and one.judged.job.job == newest.job
    against = f"against {one.nights[-1].baseline_version}" if judged else parts.job_verdict(one, newest, None)
    job = f"job {newest.job}, {against}"
    return el(
        "tr",
        el("th", el("a", one.place.product, href=parts.address(one.place)), place, scope="row"),
        el("td", parts.says(one.judged), el("span", parts.stands(one), class_="sub")),
        el(
            "td",
            el("b", newest.version),
            " ",
            parts.age(one.age_days),
            el("span", job, class_="sub"),
            class_="newest",
        ),
        el("td", parts.strip(one, f"strip-{at}", told=told), class_="strip"),
        el("td", parts.counts(one), class_="counts", data_head="open"),
        el("td", *_issue(one), class_="worst"),
        class_=parts.tone(one.verdict),
    )


def _issue(one: Line) -> tuple[Html, ...]:
    worst = one.worst
    if worst is None:
        return _creep(one) if one.judged else (el("span", *parts.judging(one.place.product), class_="sub"),)
    return (
        el("a", path(worst.endpoint), href=worst.path, class_="endpoint"),
        el(
            "span",
            el("b", parts.size(worst), class_=f"num {parts.severity_class(worst.severity)}"),
            f", since {worst.first.version}",
            *parts.over_time(worst),
            class_="sub",
        ),
    )


def _creep(one: Line) -> tuple[Html, ...]:
    """Return what creeps most, where no issue is open."""
    creep = parts.creep(one)
    if creep is None:
        return ()
    address = parts.endpoint_address(one.place, creep[0].endpoint)
    return el("a", path(creep[0].endpoint), href=address, class_="endpoint"), el("span", creep[1], class_="sub")
