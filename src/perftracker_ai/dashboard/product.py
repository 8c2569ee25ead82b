"""The page of a product: its verdicts and what its endpoints cost job by job, what is open, what came and went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.dashboard import parts
from perftracker_ai.dashboard.frame import footer, page
from perftracker_ai.model.history import JobRef  # noqa: TC001 - read by people and mypy alike
from perftracker_ai.render.page.markup import Html, el, join, path
from perftracker_ai.words.numbers import format_change, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perftracker_ai.dashboard.heat import Heat, Row
    from perftracker_ai.dashboard.records import Records
    from perftracker_ai.dashboard.views import Night, Product

JOBS = (30, 60, 120, 360)
"""How many jobs a page may show; the second unless something else is asked for."""
_STEPS = ((1.0, "w4"), (0.5, "w3"), (0.15, "w2"), (0.05, "w1"), (-0.048, "z"), (-0.13, "b1"))
"""Slowdowns from which a cell has its class: those of critical, severe, moderate and minor, and their mirrors."""
_WRITTEN, _FASTER = 0.15, -0.13
"""Slowdowns from which, and down to which, a cell holds its number: colours alone tell nothing."""
_LEGEND = (
    ("b2", "13 % or more faster"),
    ("b1", "5 %"),
    ("z", "no change"),
    ("w1", "5 % slower"),
    ("w2", "15 %"),
    ("w3", "50 %"),
    ("w4", "100 % or more"),
)


def product_page_html(shown: Product, records: Records, jobs: int) -> str:
    """Return the page."""
    line, newest = shown.line, shown.line.newest
    title = el("h1", line.place.product, " ", newest.job.version, " ", parts.says(newest))
    said = f"{parts.stands(line)}; {parts.where(line.place)}; "
    head = (
        title,
        el("p", said[:1].upper(), said[1:], parts.age(line.age_days), "."),
        _others(shown),
        el("div", parts.counts(line.open, line.accepted), class_="counts"),
    )
    main = (_open(shown), _course(shown, jobs), _closed(shown))
    foot = footer(records, shown.now, parts.api(line.place, jobs=jobs))
    return page(line.place.product, parts.tone(line.verdict), head, main, foot)


def _others(shown: Product) -> Html:
    """Return links to where else the product is measured."""
    links = [el("a", parts.where(one), href=parts.address(one)) for one in shown.others]
    return el("p", "Measured as well on ", join(links, ", "), ".", class_="sub") if links else Html("")


def _open(shown: Product) -> Html:
    rows = parts.issue_rows(shown.issues) if shown.issues else el("p", "None.", class_="calm")
    return el("section", el("h2", "Open issues", id="open"), rows, aria_labelledby="open")


def _closed(shown: Product) -> Html:
    """Return what came and went."""
    if not shown.closed:
        return Html("")
    rows = parts.issue_rows(shown.closed)
    return el("section", el("h2", "Came and went", id="closed"), rows, aria_labelledby="closed")


# ── job by job ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _course(shown: Product, jobs: int) -> Html:
    """Return verdicts and endpoints job by job, as a table whose cells are coloured."""
    nights = {one.job.job: one for one in shown.line.nights}
    columns = shown.heat.jobs if shown.heat else tuple(one.job for one in shown.line.nights[-jobs:])
    body = [_endpoint(row, columns) for row in shown.heat.rows] if shown.heat else []
    table = el("table", _head(columns, nights), el("tbody", *body), class_="heat")
    scroll = el("div", table, class_="wide", tabindex="0", role="region", aria_labelledby="course")
    return el(
        "section",
        el("h2", "Job by job", id="course"),
        *_told(shown, jobs),
        scroll,
        *_below(shown),
        aria_labelledby="course",
    )


def _told(shown: Product, jobs: int) -> tuple[Html, ...]:
    links = [
        el(
            "a",
            f"{count} jobs",
            href=parts.address(shown.line.place, jobs=count),
            aria_current="true" if count == jobs else None,
        )
        for count in JOBS
    ]
    range_ = el("p", "Newest ", join(links, " · "), class_="sorts")
    if shown.heat is None:
        return (range_,)
    legend = el("ul", *(el("li", el("span", class_=f"cell {kind}"), text) for kind, text in _LEGEND), class_="legend")
    return el("p", _reference(shown.heat), class_="because"), range_, legend


def _reference(heat: Heat) -> str:
    """Return in a sentence what the cells say."""
    first, last = heat.jobs[0], heat.jobs[heat.reference - 1]
    versions = first.version if first.version == last.version else f"{first.version} to {last.version}"
    of = f"the median of jobs {first.job} to {last.job}" if heat.reference > 1 else f"job {first.job}"
    return (
        f"Each cell: how much slower the endpoint was in that job, all its curves together, than in {of} ({versions}). "
        "A version leads to the report of its job."
    )


def _head(columns: Sequence[JobRef], nights: dict[int, Night]) -> Html:
    versions = [el("th", _tick(one, nights.get(one.job)), scope="col") for one in columns]
    bars = [el("td", _verdict(nights.get(one.job))) for one in columns]
    corner = el("th", "Version", scope="col", class_="corner")
    return el(
        "thead", el("tr", corner, *versions), el("tr", el("th", "Verdict", scope="row"), *bars, class_="verdicts")
    )


def _tick(job: JobRef, night: Night | None) -> Html:
    told = f"job {job.job}, {parts.day(job.end)}"
    if night is None:
        return el("span", job.version, title=told)
    return el("a", job.version, href=night.path, title=told)


def _verdict(night: Night | None) -> Html:
    if night is None:
        return Html("")
    return el(
        "span",
        el("span", night.verdict, class_="unseen"),
        class_=f"mark {parts.tone(night.verdict)}",
        title=parts.verdict_text(night),
    )


def _endpoint(row: Row, columns: Sequence[JobRef]) -> Html:
    name = el("th", el("span", path(row.endpoint), class_="endpoint"), scope="row", title=plural(row.curves, "curve"))
    return el("tr", name, *(_cell(*pair) for pair in zip(row.slowdowns, columns, strict=True)))


def _cell(slowdown: float | None, job: JobRef) -> Html:
    """Return a cell; what is large is written in it, everything stands in its title."""
    if slowdown is None:
        return el("td", title=f"{job.version}: not measured", class_="no")
    kind = next((name for least, name in _STEPS if slowdown >= least), "b2")
    return el("td", _short(slowdown), title=f"{job.version}: {format_change(slowdown)}", class_=kind)


def _short(slowdown: float) -> str:
    if _FASTER < slowdown < _WRITTEN:
        return ""
    percent = round(slowdown * 100)
    return f"{percent}" if percent < 1000 else f"{min(round(slowdown + 1), 999)}×"  # noqa: PLR2004 - three digits fit


def _below(shown: Product) -> tuple[Html, ...]:
    """Return the links to further endpoints."""
    heat = shown.heat
    if heat is None or heat.pages == 1:
        return ()
    links = [
        el(
            "a",
            f"{number}",
            href=parts.address(shown.line.place, page=number),
            aria_current="true" if number == heat.page else None,
        )
        for number in range(1, heat.pages + 1)
    ]
    return (el("p", f"{heat.endpoints:,} endpoints, page ", join(links, " · "), class_="sorts"),)
