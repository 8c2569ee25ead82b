"""Parts that several pages have: verdicts, strips of them, issues, ages.

In: values of `views`. Out: `Html`.
"""

from __future__ import annotations

from collections import Counter
from shlex import quote
from typing import TYPE_CHECKING

from perftracker_ai.dashboard.links import link
from perftracker_ai.dashboard.triage import link_of
from perftracker_ai.dashboard.views import APPROVED, NOT_JUDGED, QUIET_DAYS, State, endpoint_path, product_path
from perftracker_ai.model import Severity, Verdict
from perftracker_ai.render import svg
from perftracker_ai.render.html import TONE
from perftracker_ai.render.page.markup import Html, el, escaped, join, path
from perftracker_ai.words.numbers import format_range, format_slowdown, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from perftracker_ai.dashboard.views import Issue, Line, Night, Place
    from perftracker_ai.model.history import Drift, JobRef

JOBS = (30, 60, 120, 360)
"""How many jobs a page may show; the second unless something else is asked for."""
STRIP = 30
"""Verdicts in a strip."""
_BAR, _HEIGHT = 10, 40
_HEIGHTS = {
    Verdict.BLOCK: 40,
    Verdict.INVESTIGATE: 30,
    Verdict.APPROVE_WITH_MONITORING: 20,
    Verdict.APPROVE: 12,
    Verdict.INSUFFICIENT_EVIDENCE: 24,
    Verdict.SAME_VERSION: 8,
}
"""Height of each verdict's bar: what is grave is tall, for colours alone tell nothing."""
CREEPS = "monitor_creep"
"""The rule of what grows from job to job."""
_WHY = {
    "block_critical": "critical regressions",
    "block_severe": "severe regressions",
    "block_failures": "new failures",
    "same_version": "both jobs of one version",
    "validity": "comparison in doubt",
    "min_compared": "too little compared",
    "nothing_told": "the noise hides everything",
    "serious_regressions": "severe regressions",
    "undecided_regressions": "regressions of undecided origin",
    "open_issues": "issues still open",
    "serious_coverage": "tests lost or failing",
    "large_shift": "the whole run moved",
    "too_good": "too fast to be true",
    "unknown_direction": "not known which way is better",
    "moderate_regressions": "moderate regressions",
    "moderate_coverage": "tests lost or failing",
    CREEPS: "something creeps",
    "monitor_minor": "many minor changes",
    "max_inconclusive": "much is inconclusive",
}
"""Rules of the policy in a few words; what has none is told by its report."""
HELPED = "baseline or rerun of others"
"""What is said of a job without a verdict of its own that helped to judge others."""
_STUB = 5
"""Height of the bar of a job that was not judged."""
_HOURS, _DAYS = 24, 2.0
_NEWS, _OPEN = ("worse", "reopened"), ("new", "acknowledged")


def tone(verdict: str) -> str:
    """Return the class of a verdict; that of an open question for one that is not known here."""
    return bar_of(verdict)[0]


def bar_of(verdict: str) -> tuple[str, int]:
    """Return the class of a verdict's bar, and its height of 40."""
    known = Verdict(verdict) if verdict in set(Verdict) else Verdict.INSUFFICIENT_EVIDENCE
    return TONE[known], _HEIGHTS[known]


def says(night: Night | None) -> Html:
    """Return a verdict as the link to its report."""
    if night is None:
        return el("span", NOT_JUDGED, class_=f"says {tone(NOT_JUDGED)}")
    return el("a", night.verdict, href=night.path, class_=f"says {tone(night.verdict)}")


def strip(line: Line, name: str, *, told: bool = True) -> Html:
    """Return the verdicts of the last jobs as bars, the newest at the right; for those who listen they are counted.

    Each bar says under the pointer what it is of, unless there are so many strips that this would be most of the page.
    """
    nights = line.by_job
    shown = [(one, nights.get(one.job)) for one in line.jobs[-STRIP:]]
    verdicts = Counter(night.verdict if night else job_verdict(line, job, None) for job, night in shown)
    counted = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
    title = f"The last {plural(len(shown), 'job')}"
    first = STRIP - len(shown)
    bars = (
        [_bar(line, job, night, at) for at, (job, night) in enumerate(shown, first)]
        if told
        else _bars([night for _, night in shown], first)
    )
    ground = svg.path(f"M0 {_HEIGHT + 1}H{STRIP * _BAR}", "axis")
    return svg.figure((STRIP * _BAR, _HEIGHT + 2), (name, title, f"{counted}; the newest last"), ground, *bars)


def _bars(nights: Sequence[Night | None], first: int) -> list[Html]:
    """Return bars that say nothing, one drawing a kind."""
    drawn: dict[str, list[str]] = {}
    for at, night in enumerate(nights, first):
        kind, height = bar_of(night.verdict) if night else ("none", _STUB)
        drawn.setdefault(kind, []).append(f"M{at * _BAR + 1} {_HEIGHT}v-{height}h{_BAR - 2}v{height}z")
    return [svg.path("".join(commands), f"night {kind}") for kind, commands in drawn.items()]


def _bar(line: Line, job: JobRef, night: Night | None, at: int) -> Html:
    kind, height = bar_of(night.verdict) if night else ("none", _STUB)
    told = el("title", f"{job_text(job)}: {job_verdict(line, job, night)}")
    return el("rect", told, x=at * _BAR + 1, y=_HEIGHT - height, width=_BAR - 2, height=height, class_=f"night {kind}")


def job_verdict(line: Line, job: JobRef, night: Night | None) -> str:
    """Return what was said of a job, or what it was used for."""
    if night is None:
        return HELPED if job.job in line.helped else NOT_JUDGED.lower()
    return verdict_text(night)


def verdict_text(night: Night) -> str:
    """Return a verdict with what makes the comparison doubtful."""
    return f"{night.verdict} ({', '.join(night.doubts)})" if night.doubts else night.verdict


def minute(moment: datetime) -> str:
    """Return a moment as it is written everywhere."""
    return f"{moment:%Y-%m-%d %H:%M}"


def ticket(address: str) -> Html:
    """Return a link to a ticket, by its last words and its host; text where it is none that may be followed."""
    parts = link_of(address)
    if parts is None:
        return escaped(address)
    last = parts.path.rstrip("/").rpartition("/")[2]
    host = parts.hostname or ""
    return el("a", f"{last} on {host}" if last else host, href=address, rel="noopener noreferrer", class_="ticket")


def day(moment: datetime) -> str:
    """Return a day as it is written everywhere."""
    return f"{moment:%Y-%m-%d}"


def job_text(job: JobRef) -> str:
    """Return a job in a few words."""
    return f"{job.version} (job {job.job}, {day(job.end)})"


def ranges(jobs: int, address_of: Callable[[int], str]) -> Html:
    """Return links to a page with other numbers of jobs."""
    links = [
        el("a", f"{count} jobs", href=address_of(count), aria_current="true" if count == jobs else None)
        for count in JOBS
    ]
    return el("p", "Newest ", join(links, " · "), class_="sorts")


def pages(what: str, page: int, every: int, address_of: Callable[[int], str]) -> Html:
    """Return links to the pages of a long list; nothing where it is on one."""
    if every == 1:
        return Html("")
    links = [
        el("a", f"{number}", href=address_of(number), aria_current="true" if number == page else None)
        for number in range(1, every + 1)
    ]
    return el("p", f"{what}, page ", join(links, " · "), class_="sorts")


def spread(count: int) -> Iterator[int]:
    """Yield places to name, the most wanted first: both ends, then halves of what lies between."""
    yield from dict.fromkeys((count - 1, 0)) if count else ()
    pieces = 2
    while pieces <= count:
        yield from (round(at * (count - 1) / pieces) for at in range(1, pieces))
        pieces *= 2


def age(days: float) -> Html:
    """Return how long ago a job ended; one that is missed is said so."""
    if days >= QUIET_DAYS:
        return el("span", f"no job for {plural(int(days), 'day')}", class_="quiet")
    hours = max(int(days * _HOURS), 0)
    return Html(f"{plural(int(days), 'day')} ago" if days >= _DAYS else f"{plural(hours, 'hour')} ago")


def where(place: Place) -> str:
    """Return hardware and suite in a few words."""
    return " · ".join(filter(None, (place.hardware or "no host", place.suite and f"suite {place.suite}")))


def address(place: Place, **query: str | int) -> str:
    """Return the address of a product's page, at one place."""
    return link(product_path(place), **{"hw": place.hardware, "suite": place.suite, **query})


def noise_address(place: Place, root: str = "", **query: str | int) -> str:
    """Return the address of a product's noise page, or of its values."""
    return link(f"{root}{product_path(place)}/noise", **{"hw": place.hardware, "suite": place.suite, **query})


def api(place: Place, **query: str | int) -> str:
    """Return the address of the values of a product's page."""
    return link(f"/api/v1{product_path(place)}", **{"hw": place.hardware, "suite": place.suite, **query})


def scrolled(table: Html, label: str) -> Html:
    """Return a table that is moved sideways by itself where it is too wide."""
    return el("div", table, class_="scrolled", tabindex="0", role="region", aria_label=label)


def job_address(number: int) -> str:
    """Return the address of a job's page."""
    return link(f"/j/{number}")


def why(night: Night) -> str:
    """Return in a few words by which rule a comparison has its verdict."""
    return _WHY.get(night.why, "")


def endpoint_address(place: Place, endpoint: str, **query: str | int) -> str:
    """Return the address of an endpoint's page, at one place."""
    return link(endpoint_path(place, endpoint), **{"hw": place.hardware, "suite": place.suite, **query})


def counts(line: Line) -> Html:
    """Return how many issues of a product are open, by severity; the worst first."""
    told = [el("span", f"{count} {name}", class_=f"chip {name}") for name, count in line.open.items()]
    if line.accepted:
        told.append(el("span", f"{line.accepted} accepted", class_="chip neutral"))
    if line.aside:
        told.append(el("span", f"{line.aside} set aside", class_="chip neutral", title="not a regression, or fixed"))
    return join(told) if told else el("span", "none open" if line.judged else "not known", class_="dim")


def severity_class(severity: str) -> str:
    """Return the class of a severity; a plain one for what is not known here."""
    return severity if severity in set(Severity) else "neutral"


def size(issue: Issue) -> str:
    """Return how much slower the newest job is; of what is closed, how much it was."""
    closed = issue.state == State.CLOSED.value
    told = format_slowdown(issue.opened if closed else issue.slowdown, costs_time=issue.costs_time)
    return f"was {told}" if closed else told


def extent(issue: Issue) -> str:
    """Return at which loads, threads and curves an issue shows."""
    loads = format_range(issue.load_first, issue.load_last)
    threads = "/".join(map(str, issue.threads))
    many = f"{threads} {'thread' if threads == '1' else 'threads'}" if threads else ""
    return ", ".join(filter(None, (loads, many, plural(issue.curves, "curve"))))


def came(first: JobRef, good: JobRef) -> str:
    """Return with which version something came in, and after which."""
    after = f", after {good.version}" if good.version and good.version != first.version else ""
    return f"came with {first.version} (job {first.job}, {day(first.end)}){after}"


def issue_rows(issues: Sequence[Issue], *, since: bool = True, box: Callable[[Issue], Html] | None = None) -> Html:
    """Return issues as rows; ``since`` says of each with which job it came in, ``box`` is what checks it."""
    return el("ul", *(issue_row(one, since=since, box=box) for one in issues), class_="rows")


def issue_row(one: Issue, *, since: bool, box: Callable[[Issue], Html] | None = None) -> Html:
    """Return an issue as a row of a list."""
    chips = (
        box(one) if box else Html(""),
        el("span", one.severity, class_=f"chip {severity_class(one.severity)}"),
        el("span", _state(one), class_="state"),
    )
    told = ", ".join(filter(None, (extent(one), "" if one.attribution == "code" else one.attribution)))
    doubt = f", {one.confidence} confidence"
    unmeasured = "" if one.measured else f"; job {one.job.job} does not tell of it"
    gone = f", gone with {one.job.version}" if one.state == State.CLOSED.value else ""
    return el(
        "li",
        el("div", *chips, class_="chips"),
        el("a", path(one.endpoint), href=one.path, class_="endpoint"),
        el("span", size(one), class_=f"num {severity_class(one.severity)}"),
        el("span", f"{told}{doubt}{unmeasured}", *over_time(one), *(() if one.word else _more(one)), class_="sub"),
        el("span", came(one.first, one.last_good) + gone, class_="sub") if since or gone else Html(""),
        _word(one),
        class_=severity_class(one.severity),
    )


def over_time(one: Issue) -> tuple[Html, ...]:
    """Return the link to what the endpoint cost over the jobs; none for an issue of the whole run."""
    if not one.endpoint:
        return ()
    return Html(" · "), el("a", "over the jobs", href=endpoint_address(one.place, one.endpoint))


def _state(one: Issue) -> str:
    if one.state == State.ACCEPTED.value and one.until:
        return f"accepted until {one.until}"
    return f"{one.state}, {one.status}" if one.status in _NEWS and one.state in _OPEN else one.state


def _more(one: Issue) -> tuple[Html, Html]:
    """Return the way to an issue's page."""
    return Html(" · "), el("a", "triage and history", href=one.page, class_="more")


def _word(one: Issue) -> Html:
    """Return who cares for an issue and what they say of it, and the way to its page."""
    said = one.word
    if said is None:
        return Html("")
    pieces = (
        join([Html("owner "), el("b", said.owner)]) if said.owner else Html(""),
        escaped(f"was “{said.state}”: {one.again}") if one.again else Html(""),
        escaped(f"until {said.until}") if said.until and not one.again else Html(""),
        el("span", said.note, class_="note") if said.note else Html(""),
        ticket(said.ticket) if said.ticket else Html(""),
        escaped(f"said {said.author}, {day(said.made)}"),
        _more(one)[1],
    )
    return el("span", join([one for one in pieces if one], " · "), class_="word")


def table(head: Html, rows: Sequence[Html], name: str) -> Html:
    """Return a table that is scrolled sideways where it must be, by the keyboard too."""
    inner = el("table", head, el("tbody", *rows), class_="log")
    return scrolled(inner, name)


def tabs(links: Sequence[tuple[str, str, int, bool]], label: str) -> Html:
    """Return links to variants of a list: text, address, how many there are, and whether it is this one."""
    shown = [
        el("li", el("a", text, el("b", f"{count:,}"), href=href, aria_current="true" if here else None))
        for text, href, count, here in links
    ]
    return el("ul", *shown, class_="tabs", aria_label=label)


def creep(line: Line) -> tuple[Drift, str] | None:
    """Return what creeps most, and in a few words by how much; None where nothing is known to."""
    if line.creeps is None or not line.creeps.found:
        return None
    worst, since = line.creeps.found[0], line.creeps.since
    return worst, f"creeps: {format_slowdown(worst.slowdown)}{f' since {since.version}' if since else ''}"


def stands(line: Line) -> str:
    """Return why a product has its verdict and since when, in a few words."""
    judged = line.judged
    if judged is None:
        return f"{plural(len(line.jobs), 'job')}, none judged yet"
    noticed = f"noticed: {', '.join(judged.doubts)}" if judged.doubts else ""
    of = f"of {judged.job.version}" if judged.job.job != line.jobs[-1].job else ""
    newer = f"{plural(line.waiting, 'newer job')} not judged" if line.waiting else ""
    return "; ".join(filter(None, (of, newer, why(judged), noticed, _since(line))))


def judging(product: str) -> tuple[Html, Html]:
    """Return what has the jobs of a product judged that are kept and were not."""
    return el("code", f"perftracker-ai history judge --product {quote(product)}"), Html(" judges its past.")


def _since(line: Line) -> str:
    """Return since when a product is approved, or which version was approved last."""
    if line.verdict in APPROVED:
        nights = sum(one.job.end >= line.since.end for one in line.nights)
        return f"since {line.since.version}, {plural(nights, 'job')}"
    if line.approved is None:
        return f"none of {len(line.nights)} jobs approved" if len(line.nights) > 1 else "none approved yet"
    return f"last approved {line.approved.version}"
