"""The page of a product: its verdicts and what its endpoints cost job by job, what is open, what came and went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.dashboard import feed, parts
from perftracker_ai.dashboard.frame import footer, page
from perftracker_ai.dashboard.heatmap import heat_map, legend, shared_path, values_table
from perftracker_ai.dashboard.links import link
from perftracker_ai.dashboard.spreadsheet import csv
from perftracker_ai.dashboard.views import product_path
from perftracker_ai.render.page.markup import Html, el, join, path
from perftracker_ai.words.numbers import format_interval, format_slowdown, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perftracker_ai.dashboard.heat import Heat
    from perftracker_ai.dashboard.records import Records
    from perftracker_ai.dashboard.views import Issue, Line, Night, Product
    from perftracker_ai.model.history import Drift, JobRef

_MOST_ISSUES = 100
"""Issues of a list on the page of a product: the first of them, the rest are in the inbox."""
VALUES = "values"
"""The view of the page that has text in place of the map."""


def product_page_html(shown: Product, records: Records, jobs: int, *, values: bool) -> str:
    """Return the page; ``values`` asks for text in place of the map."""
    line, judged = shown.line, shown.line.judged
    version = judged.job.version if judged else line.jobs[-1].version
    title = el("h1", line.place.product, " ", version, " ", parts.says(judged))
    said = f"{parts.stands(line)}; {parts.where(line.place)}; "
    head = (
        title,
        el("p", said[:1].upper(), said[1:], parts.age(line.age_days), "."),
        _others(shown),
        el("div", parts.counts(line), class_="counts"),
    )
    main = (_open(shown), _creeping(shown), _course(shown, jobs, values=values), _closed(shown), _further(shown))
    foot = footer(records, shown.now, parts.api(line.place, jobs=jobs))
    feeds = ((feed.title(line.place), feed.address(line.place)),) if judged else ()
    return page(line.place.product, parts.tone(line.verdict), head, main, foot, feeds=feeds)


def product_csv(shown: Product) -> bytes:
    """Return the endpoints of the page job by job as CSV, a row a job; slowdowns are ratios."""
    jobs, rows = (shown.heat.jobs, shown.heat.rows) if shown.heat else ((), ())
    columns = zip(*(row.slowdowns for row in rows), strict=True) if rows else ((),) * len(jobs)
    told = (
        (str(job.job), job.version, job.end.isoformat(), *values) for job, values in zip(jobs, columns, strict=True)
    )
    return csv(("job", "version", "ended", *(row.endpoint for row in rows)), told)


def _others(shown: Product) -> Html:
    """Return links to where else the product is measured."""
    links = [el("a", parts.where(one), href=parts.address(one)) for one in shown.others]
    return el("p", "Measured as well on ", join(links, ", "), ".", class_="sub") if links else Html("")


def _open(shown: Product) -> Html:
    if shown.issues:
        rows = _bounded(shown, shown.issues, "all")
    elif shown.line.judged:
        rows = el("p", "None.", class_="calm")
    else:
        rows = el("p", "Nobody knows: no job was judged. ", *parts.judging(shown.line.place.product), class_="calm")
    return el("section", el("h2", "Open issues", id="open"), rows, aria_labelledby="open")


def _bounded(shown: Product, issues: Sequence[Issue], state: str) -> Html:
    """Return so many issues as a page of other things has room for, and the way to the rest."""
    rows, more = parts.issue_rows(issues[:_MOST_ISSUES]), len(issues) - _MOST_ISSUES
    if more <= 0:
        return rows
    address = link("/issues", state=state, product=shown.line.place.product)
    return join([rows, el("p", el("a", f"{plural(more, 'further issue')} in the list", href=address), class_="sorts")])


def _creeping(shown: Product) -> Html:
    """Return what grows from job to job; nothing where nothing does."""
    creeps = shown.line.creeps
    if creeps is None or not creeps.found:
        return Html("")
    since = f" since {creeps.since.version}" if creeps.since else ""
    rows = [_creep(shown, one) for one in creeps.found]
    told = f"Slower bit by bit{since}, too little in any night to be seen there; 95 % intervals."
    heading = el("h2", "What creeps", id="creeps")
    return el(
        "section", heading, el("p", told, class_="because"), el("ul", *rows, class_="rows"), aria_labelledby="creeps"
    )


def _creep(shown: Product, one: Drift) -> Html:
    size = format_slowdown(one.slowdown)
    return el(
        "li",
        el("div", el("span", "creeps", class_="chip moderate"), class_="chips"),
        el("a", path(one.endpoint), href=parts.endpoint_address(shown.line.place, one.endpoint), class_="endpoint"),
        el("span", size, class_="num moderate"),
        el("span", f"{format_interval(one.low, one.high)}, {plural(len(one.curves), 'curve')}", class_="sub"),
        class_="moderate",
    )


def _closed(shown: Product) -> Html:
    """Return what came and went."""
    if not shown.closed:
        return Html("")
    rows = _bounded(shown, shown.closed, "closed")
    return el("section", el("h2", "Came and went", id="closed"), rows, aria_labelledby="closed")


def _further(shown: Product) -> Html:
    """Return how else the product can be kept an eye on."""
    place = shown.line.place
    badge = link(f"/badge{product_path(place).removeprefix('/p')}.svg", hw=place.hardware, suite=place.suite)
    links = [el("a", "a badge", href=badge)]
    if shown.line.judged:
        links.insert(0, el("a", "a feed of its verdicts", href=feed.address(place)))
    return el(
        "section",
        el("p", "To be told elsewhere: ", join(links, " and "), ".", class_="because"),
        aria_label="Elsewhere",
    )


# ── job by job ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _course(shown: Product, jobs: int, *, values: bool) -> Html:
    """Return verdicts and endpoints job by job, drawn or, where that is asked for, as text."""
    columns = shown.heat.jobs if shown.heat else shown.line.jobs[-jobs:]
    drawn = values_table(shown.heat, columns) if values and shown.heat else heat_map(shown.line, shown.heat, columns)
    return el(
        "section",
        el("h2", "Job by job", id="course"),
        *_told(shown, jobs, values=values),
        drawn,
        *_below(shown, jobs),
        _unjudged(shown, columns),
        _jobs(shown.line, columns),
        aria_labelledby="course",
    )


def _told(shown: Product, jobs: int, *, values: bool) -> tuple[Html, ...]:
    range_ = parts.ranges(jobs, lambda count: parts.address(shown.line.place, jobs=count))
    if shown.heat is None:
        return (range_,)
    place, page = shown.line.place, shown.heat.page
    text = el("a", "The map", href=parts.address(place, jobs=jobs, page=page)) if values else _as_text(shown, jobs)
    tools = el(
        "p",
        text,
        " · ",
        el("a", "Noise", href=parts.noise_address(place)),
        " · ",
        el("a", "Compare jobs", href=link("/compare", product=place.product)),
        " · ",
        el("a", "CSV", href=parts.address(place, jobs=jobs, page=page, format="csv")),
        class_="sorts",
    )
    told = el("p", _reference(shown.heat), class_="because")
    return (told, el("div", range_, tools, class_="narrowing"), *(() if values else (legend(),)))


def _as_text(shown: Product, jobs: int) -> Html:
    page = shown.heat.page if shown.heat else 1
    return el("a", "Values as a table", href=parts.address(shown.line.place, jobs=jobs, page=page, view=VALUES))


def _reference(heat: Heat) -> str:
    """Return in a sentence what the cells say."""
    first, last = heat.jobs[0], heat.jobs[heat.reference - 1]
    versions = first.version if first.version == last.version else f"{first.version} to {last.version}"
    shared = shared_path(heat)
    left_out = f" The … of an endpoint is {shared}." if shared else ""
    of = f"the median of jobs {first.job} to {last.job}" if heat.reference > 1 else f"job {first.job}"
    return (
        f"Each cell: how much slower the endpoint was in that job, all its curves together, than in {of} ({versions}). "
        f"The number beside it is that of its newest job; a verdict leads to its report.{left_out}"
    )


def _unjudged(shown: Product, columns: Sequence[JobRef]) -> Html:
    """Say how many of the jobs nobody looked at, and what judges them; nothing where there is none, or none else."""
    count = len(shown.line.left(columns))
    if not count or not shown.line.judged:
        return Html("")
    told = f"{count} of these {plural(len(columns), 'job')} {'were' if count > 1 else 'was'} not judged. "
    return el("p", told, *parts.judging(shown.line.place.product), class_="because")


def _jobs(line: Line, columns: Sequence[JobRef]) -> Html:
    """Return every job in a row, the newest first: for those who read rather than look."""
    nights = line.by_job
    rows = [_job(line, job, nights.get(job.job)) for job in reversed(columns)]
    head = el("tr", *(el("th", text, scope="col") for text in ("Job", "Version", "Ended", "Verdict", "Against")))
    table = el("table", el("thead", head), el("tbody", *rows))
    summary = f"These {plural(len(columns), 'job')} as a table"
    return el("details", el("summary", summary), parts.scrolled(table, summary))


def _job(line: Line, job: JobRef, night: Night | None) -> Html:
    said = parts.job_verdict(line, job, night)
    verdict = el("a", said, href=night.path) if night else Html(said)
    against = night.baseline_version if night else ""
    cells = (el("td", job.version), el("td", parts.day(job.end)), el("td", verdict), el("td", against))
    return el("tr", el("th", el("a", f"{job.job}", href=parts.job_address(job.job)), scope="row"), *cells)


def _below(shown: Product, jobs: int) -> tuple[Html, ...]:
    """Return the links to further endpoints."""
    heat = shown.heat
    if heat is None:
        return ()

    def address(page: int) -> str:
        return parts.address(shown.line.place, jobs=jobs, page=page)

    return (parts.pages(f"{heat.endpoints:,} endpoints", heat.page, heat.pages, address),)
