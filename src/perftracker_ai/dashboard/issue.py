"""The page of an issue: what it is, how it went from job to job, what people say of it, and how it is accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.dashboard import forms, parts
from perftracker_ai.dashboard.audit import log
from perftracker_ai.dashboard.frame import footer, page
from perftracker_ai.dashboard.links import link, site
from perftracker_ai.render.page.markup import Html, el, escaped, path, tag
from perftracker_ai.words.numbers import format_slowdown

if TYPE_CHECKING:
    from perftracker_ai.dashboard.answers import Visitor
    from perftracker_ai.dashboard.records import Records
    from perftracker_ai.dashboard.views import Accepting, IssuePage
    from perftracker_ai.model.history import JobRef

_COURSE = 30
"""Jobs of its past that are shown."""
_ACCEPTED = "Only the settings accept a regression, so that it is under version control; triage changes no verdict."


def issue_page(shown: IssuePage, records: Records, visitor: Visitor, accepting: Accepting) -> str:
    """Return the page."""
    one = shown.issue
    size = el("span", parts.size(one), class_=f"num {parts.severity_class(one.severity)}")
    told = (
        f"{parts.came(one.first, one.last_good)}; {parts.extent(one)}; {one.attribution}, {one.confidence} confidence"
    )
    head = (
        el("p", el("a", one.place.product, href=parts.address(one.place)), f" · {parts.where(one.place)}"),
        el("h1", path(one.endpoint), " ", size),
        el("p", told[:1].upper(), told[1:]),
        el("p", el("a", "The report that tells of it", href=one.path), class_="sub"),
    )
    accept = Html("") if site().bare else _accept(shown, visitor, accepting)
    main = (_triage(shown, visitor), _course(shown), accept, _log(shown))
    foot = footer(records, shown.now, f"{link('/api/v1')}{one.page.removeprefix(link(''))}")
    return page(f"{one.endpoint} of {one.place.product}", one.severity, head, main, foot)


def _triage(shown: IssuePage, visitor: Visitor) -> Html:
    one = shown.issue
    told = el("ul", parts.issue_row(one, since=False), class_="rows")
    form = forms.single(one.page, visitor.token, one) if visitor.may_write else Html("")
    return el("section", el("h2", "Triage", id="triaged"), told, form, aria_labelledby="triaged")


def _course(shown: IssuePage) -> Html:
    """Return what became of it job by job, the newest first."""
    head = el(
        "thead", el("tr", *(el("th", name, scope="col") for name in ("Job", "Version", "Ended", "Was", "Slowdown")))
    )
    rows = [_job(*one, costs_time=shown.issue.costs_time) for one in shown.course[: -_COURSE - 1 : -1]]
    table = parts.table(head, rows, "Job by job")
    return el("section", el("h2", "Job by job", id="course"), table, aria_labelledby="course")


def _job(job: JobRef, status: str, slowdown: float, *, costs_time: bool) -> Html:
    size = format_slowdown(slowdown, costs_time=costs_time)
    cells = (f"{job.job}", job.version, parts.day(job.end), status)
    return el("tr", *(el("td", text) for text in cells), el("td", size, class_="num"))


def _log(shown: IssuePage) -> Html:
    if not shown.log:
        return Html("")
    return el("section", el("h2", "Who said what", id="log"), log(shown.log, issues=False), aria_labelledby="log")


# ── accepting ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _accept(shown: IssuePage, visitor: Visitor, accepting: Accepting) -> Html:
    """Return how the settings come to accept it: the entry, the command, and the button where the server writes."""
    one = shown.issue
    place = [(name, value) for name, value in (("hw", one.place.hardware), ("suite", one.place.suite)) if value]
    asked = {"value": accepting.reason, "required": "required", "maxlength": "500", "autocomplete": "off"}
    reason = tag("input", type="text", name="reason", id="reason", **asked)
    asks = el(
        "form",
        *(tag("input", type="hidden", name=name, value=value) for name, value in place),
        el("label", el("span", "Reason"), reason, class_="long"),
        el("label", el("span", "Accepted until"), _day(accepting.day)),
        el("button", "Show the entry", type="submit", id="show-entry"),
        method="get",
        action=f"{one.page.partition('?')[0]}#accept",
        class_="triage fields",
        aria_label="Accept",
    )
    told = el("p", _ACCEPTED, class_="because")
    entry = _entry(shown, visitor, accepting)
    return el("section", el("h2", "Accept…", id="accept"), told, asks, *entry, aria_labelledby="accept")


def _day(value: str) -> Html:
    return tag("input", type="date", name="day", id="day", value=value, required="required")


def _entry(shown: IssuePage, visitor: Visitor, accepting: Accepting) -> tuple[Html, ...]:
    if accepting.problem:
        return (el("p", accepting.problem, class_="problem", role="alert"),)
    if not accepting.entry:
        return ()
    told = (
        el("p", "This stands in the settings file then:"),
        el("pre", *_lines(accepting.entry), id="entry", tabindex="0"),
        el("p", "or, with the results of that comparison:"),
        el("pre", accepting.command, id="command", tabindex="0"),
    )
    if not (visitor.may_write and accepting.file):
        return told
    form = el(
        "form",
        tag("input", type="hidden", name="token", value=visitor.token),
        tag("input", type="hidden", name="accept", value="1"),
        tag("input", type="hidden", name="reason", value=accepting.reason),
        tag("input", type="hidden", name="day", value=accepting.day),
        el("button", f"Write it into {accepting.file}", type="submit", id="write-entry"),
        method="post",
        action=shown.issue.page,
        class_="triage",
        aria_label="Write the entry",
    )
    return (*told, form)


def _lines(text: str) -> list[Html]:
    """Return text line by line, for what breaks a line is cleaned away with all else that cannot be seen."""
    return [Html(f"{escaped(line)}\n") for line in text.splitlines()]
