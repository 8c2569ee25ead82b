"""The page of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.dashboard import parts
from perftracker_ai.dashboard.frame import footer, page
from perftracker_ai.dashboard.links import link
from perftracker_ai.render.page.markup import Html, el, join, path
from perftracker_ai.words.numbers import plural
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from perftracker_ai.dashboard.job import Failed, Job
    from perftracker_ai.dashboard.records import Records
    from perftracker_ai.dashboard.views import Night
    from perftracker_ai.model.history import JobRef

_LOADS, _LABEL, _SEEN = 8, 60, 12
"""Loads of a curve that are named, characters of a text, and curves with failures that are not folded away."""


def job_page(shown: Job, records: Records) -> str:
    """Return the page."""
    product = el("a", shown.place.product, href=parts.address(shown.place))
    newest = shown.compared[-1] if shown.compared else None
    verdict = (" ", parts.says(newest)) if newest else ()
    title = el("h1", f"Job {shown.job.job} ", el("span", shown.job.version, class_="dim"), *verdict)
    where = el("p", product, f", {parts.where(shown.place)}; ended {parts.day(shown.job.end)}.")
    main = (_facts(shown, records), _comparisons(shown), _failed(shown))
    foot = footer(records, shown.now, link(f"/api/v1/j/{shown.job.job}", uuid=shown.uuid))
    tone = parts.tone(newest.verdict) if newest else "open"
    return page(f"Job {shown.job.job} · {shown.place.product}", tone, (title, where, _beside(shown)), main, foot)


def _beside(shown: Job) -> Html:
    """Return the way to the jobs before and after it."""
    links = [el("a", f"{arrow} {job.version}", href=parts.job_address(job.job)) for arrow, job in _neighbours(shown)]
    return el("p", join(links, " · "), class_="sorts") if links else Html("")


def _neighbours(shown: Job) -> Iterator[tuple[str, JobRef]]:
    if shown.before:
        yield "before it", shown.before
    if shown.after:
        yield "after it", shown.after


def _facts(shown: Job, records: Records) -> Html:
    """Return what the job says of itself."""
    rows = [(name, value) for name, value in _told(shown) if value]
    terms = [el("div", el("dt", name), el("dd", value)) for name, value in rows]
    note = el("p", records.note, class_="calm") if shown.tests is None and records.note else Html("")
    return el(
        "section",
        el("h2", "What it is", id="facts"),
        el("dl", *terms, class_="facts said-of-it"),
        note,
        aria_labelledby="facts",
    )


def _told(shown: Job) -> Iterator[tuple[str, str]]:
    yield "Title", clean(shown.title)
    yield "Version", clean(shown.job.version)
    yield "Hosts", clean(", ".join(shown.hosts))
    yield "Suite", clean(f"{shown.place.suite} {shown.suite_version}".strip())
    yield "Project", clean(shown.project)
    begin = f"{shown.begin:%Y-%m-%d %H:%M} to " if shown.begin else ""
    yield "When", f"{begin}{shown.job.end:%Y-%m-%d %H:%M} UTC{_lasted(shown)}"
    if shown.tests:
        one = shown.tests
        yield "Tests", f"{one.total:,}: {one.completed:,} completed, {one.failed:,} failed, {one.errors:,} with errors"
    if shown.server:
        yield "PerfTracker", el("a", "the job's page there", href=shown.server, rel="noreferrer")
    if shown.namesakes:
        others = (el("a", uuid, href=link(f"/j/{shown.job.job}", uuid=uuid)) for uuid in shown.namesakes)
        yield "Other servers' jobs of this number", join(others, ", ")


def _lasted(shown: Job) -> str:
    if shown.begin is None:
        return ""
    minutes = round((shown.job.end - shown.begin).total_seconds() / 60)
    return f", {plural(minutes, 'minute')}" if minutes >= 0 else ""


def _comparisons(shown: Job) -> Html:
    """Return what it was compared with, and what was compared with it."""
    rows = [_comparison(one, role) for role, nights in _roles(shown) for one in reversed(nights)]
    head = el(
        "tr", *(el("th", text, scope="col") for text in ("Verdict", "Baseline", "Candidate", "This job is", "Why"))
    )
    table = parts.scrolled(el("table", el("thead", head), el("tbody", *rows)), "Its comparisons")
    shown_rows = table if rows else el("p", "None is kept.", class_="calm")
    return el("section", el("h2", "Its comparisons", id="compared"), shown_rows, aria_labelledby="compared")


def _roles(shown: Job) -> tuple[tuple[str, Sequence[Night]], ...]:
    return ("the candidate", shown.compared), ("the baseline", shown.baseline_of)


def _comparison(one: Night, role: str) -> Html:
    baseline = el("a", f"{one.baseline_version} (job {one.baseline_job})", href=parts.job_address(one.baseline_job))
    candidate = el("a", parts.job_text(one.job), href=parts.job_address(one.job.job))
    why = "; ".join(filter(None, (parts.why(one), ", ".join(one.doubts))))
    return el(
        "tr", el("th", parts.says(one), scope="row"), *(el("td", cell) for cell in (baseline, candidate, role, why))
    )


def _failed(shown: Job) -> Html:
    """Return which of its tests have no value, or had errors."""
    heading = el("h2", "Tests without a value, or with errors", id="failed")
    if not shown.failed:
        text = "None." if shown.tests else "Not kept."
        return el("section", heading, el("p", text, class_="calm"), aria_labelledby="failed")
    rows = [_failure(shown, one) for one in shown.failed]
    left = shown.all_failed - len(shown.failed)
    more = el("p", f"… and {plural(left, 'curve')} more.", class_="more") if left else Html("")
    pieces = (_table(rows[:_SEEN]), *((_folded(rows[_SEEN:]),) if rows[_SEEN:] else ()), more)
    return el("section", heading, *pieces, aria_labelledby="failed")


def _table(rows: Sequence[Html]) -> Html:
    head = el("tr", *(el("th", text, scope="col") for text in ("Endpoint", "Curve", "What", "Loads")))
    table = el("table", el("thead", head), el("tbody", *rows), class_="told")
    return parts.scrolled(table, "Tests without a value, or with errors")


def _folded(rows: Sequence[Html]) -> Html:
    return el("details", el("summary", plural(len(rows), "more curve")), _table(rows))


def _failure(shown: Job, one: Failed) -> Html:
    name = el("a", path(one.endpoint), href=parts.endpoint_address(shown.place, one.endpoint), class_="endpoint")
    threads = plural(one.curve.threads, "thread") if one.curve.threads else ""
    curve = ", ".join(filter(None, (clean(one.curve.metric, _LABEL), threads, clean(one.curve.scenario, _LABEL))))
    what = plural(one.errors, "error") if one.why == "errors" else one.why
    loads = ", ".join(clean(load, _LABEL) for load in one.loads[:_LOADS])
    more = f" … {len(one.loads)} in all" if len(one.loads) > _LOADS else ""
    return el("tr", el("th", name, scope="row"), *(el("td", cell) for cell in (curve, what, loads + more)))
