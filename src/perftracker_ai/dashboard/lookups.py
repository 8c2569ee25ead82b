"""What a page of one thing needs of the records: where it is measured, over which jobs, and what is known of it.

In: a query, and the records. Out: values; what is not there is refused in one sentence.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from perftracker_ai.dashboard import endpoint as endpoints
from perftracker_ai.dashboard import views
from perftracker_ai.dashboard.answers import Refused
from perftracker_ai.dashboard.endpoint_page import Look
from perftracker_ai.dashboard.job import MOST_FAILED, Job, Tests, failures
from perftracker_ai.dashboard.parts import JOBS
from perftracker_ai.dashboard.slugs import find
from perftracker_ai.dashboard.views import Place, State
from perftracker_ai.model.history import JobRef
from perftracker_ai.store import Scope, hardware_of
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perftracker_ai.dashboard.answers import Query
    from perftracker_ai.dashboard.endpoint import Course, Endpoint, Pair
    from perftracker_ai.dashboard.records import Records
    from perftracker_ai.dashboard.views import Issue, Night
    from perftracker_ai.model import JobInfo
    from perftracker_ai.store import Comparison, Levels

_LABEL, _MOST_PAGES = 40, 10_000
DIGITS = 18
"""Digits of the largest number that every database holds."""
NIGHTS = 400
"""Comparisons of a product on one hardware that lists look at, more than a year of nights."""


# ── what a query says ───────────────────────────────────────────────────────────────────────────────────────────────


def place(places: Sequence[Place], query: Query) -> Place:
    """Return the place that a query names, or that of the newest job."""
    wanted = {name: query.values[key] for key, name in (("hw", "hardware"), ("suite", "suite")) if key in query.values}
    fit = [one for one in places if all(getattr(one, name) == value for name, value in wanted.items())]
    if not fit:
        raise Refused(404, "No job of such a product is kept.")
    return fit[0]


def jobs(query: Query) -> int:
    """Return of how many jobs a page is to be: as many as there may be, where it is told from which day on."""
    return query.number("jobs", JOBS[-1] if query.values.get("from") else JOBS[1], JOBS[-1])


def page(query: Query) -> int:
    """Return which page of a long list is asked for, from 1."""
    return query.number("page", 1, _MOST_PAGES)


def look(query: Query) -> Look:
    """Return which jobs a page shows, to be said again in its links."""
    return Look(jobs=jobs(query), since=query.values.get("from", ""), page=page(query))


def scope(at: Place, query: Query) -> Scope:
    """Return which jobs a query means."""
    return Scope(origin=at.origin, product=at.product, hardware=at.hardware, suite=at.suite, since=_since(query))


def _since(query: Query) -> datetime | None:
    given = query.values.get("from", "")
    try:
        return datetime.fromisoformat(given).replace(tzinfo=UTC) if given else None
    except ValueError as error:
        raise Refused(400, "from is a day such as 2026-01-31.") from error


# ── an endpoint ─────────────────────────────────────────────────────────────────────────────────────────────────────


def endpoint(records: Records, query: Query, now: datetime) -> Endpoint:
    """Return the values of an endpoint's page."""
    product, text = query.segments
    comparisons, ran = records.comparisons(product, NIGHTS), records.ran(product, 1)
    at = place(views.places_of(comparisons, ran), query)
    wanted = scope(at, query)
    levels, made = records.levels(wanted, jobs(query)), views.Made(comparisons, records.said(product), now, ran)
    rows = [row for row in records.issues(product) if views.place_of(row) == at]
    name = find(text, endpoints.endpoints(levels) | {row.issue.endpoint for row in rows})
    if name is None:
        raise Refused(404, "These jobs of the product have no such endpoint.")
    every = endpoints.courses(levels, name)
    courses, shown, pages = endpoints.on_page(every, page(query))
    issues = [views.issue(row, made) for row in rows if row.issue.endpoint == name]
    chosen = _chosen(levels, _before(issues, made.places[at]), query)
    return endpoints.Endpoint(
        now=now,
        place=at,
        endpoint=name,
        jobs=endpoints.jobs_of(levels),
        curves=len(every),
        page=shown,
        pages=pages,
        courses=courses,
        patterns=endpoints.what_happened(levels, courses, name) if courses else None,
        issues=tuple(issues),
        baseline=endpoints.job_of(chosen[0]) if chosen else None,
        candidate=endpoints.job_of(chosen[1]) if chosen else None,
        pairs=_pairs(records, wanted, chosen, courses) if chosen else (),
    )


def _before(issues: Sequence[Issue], nights: Sequence[Night]) -> tuple[str, ...]:
    """Return what the newest job is best set against: the last good one of what is open, or its own baseline."""
    good = [str(one.last_good.job) for one in issues if one.state != State.CLOSED.value]
    return (*good, *(str(one.baseline_job) for one in reversed(nights)))


def _chosen(levels: Sequence[Levels], before: Sequence[str], query: Query) -> tuple[JobInfo, JobInfo] | None:
    """Return the two jobs that a query names; unless it does, the newest one and what it is best set against."""
    known = {str(one.job.id): one.job for one in levels}
    if not known:
        return None
    candidate = query.values.get("b", next(reversed(known)))
    baseline = query.values.get("a", next((one for one in before if one in known), next(iter(known))))
    for given in (baseline, candidate):
        if given not in known:
            raise Refused(
                404, f"Job {clean(given, _LABEL)} is not among those shown; ask for more with jobs=360 or from=."
            )
    return known[baseline], known[candidate]


def _pairs(
    records: Records, wanted: Scope, chosen: tuple[JobInfo, JobInfo], courses: Sequence[Course]
) -> tuple[Pair, ...]:
    uuids = [job.uuid for job in chosen]
    measured = records.measured(wanted, set(uuids))
    return endpoints.pairs(measured, uuids[0], uuids[1], courses) if measured else ()


# ── a job ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def job(records: Records, query: Query, now: datetime) -> Job:
    """Return the values of a job's page; of several servers' jobs of a number the newest, or the one that is named."""
    number = number_of(query.segments[0])
    found, wanted = records.numbered(number), query.values.get("uuid")
    chosen = next(((origin, info) for origin, info in found if wanted in (None, info.uuid)), None)
    made = records.of_jobs({number})
    if chosen is None:
        return _reported(made, now)
    origin, info = chosen
    at = Place(product=info.product_name, hardware=hardware_of(info.hosts), suite=info.suite_name, origin=origin)
    own = Scope(origin=origin, product=at.product, hardware=at.hardware, suite=at.suite)
    failed = failures(measured) if (measured := records.measured(own, {info.uuid})) else []
    every = records.comparisons(at.product, NIGHTS)
    before, after = _beside(records.jobs(own), info.uuid)
    return Job(
        now=now,
        place=at,
        job=endpoints.job_of(info),
        uuid=info.uuid,
        title=info.title,
        project=info.project_name,
        suite_version=info.suite_ver,
        hosts=info.hosts,
        begin=info.begin,
        tests=Tests(
            total=info.tests_total,
            completed=info.tests_completed,
            failed=info.tests_failed,
            errors=info.tests_errors,
        ),
        server=records.page_of(origin, info),
        failed=tuple(failed[:MOST_FAILED]),
        all_failed=len(failed),
        compared=views.nights([one for one in made if (one.origin, one.candidate) == (origin, info.uuid)]),
        baseline_of=views.nights([one for one in every if (one.origin, one.baseline) == (origin, info.uuid)]),
        before=before,
        after=after,
        namesakes=tuple(other.uuid for _, other in found if other.uuid != info.uuid),
    )


def number_of(text: str) -> int:
    """Return the number of a job as an address holds it."""
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS):
        raise Refused(404, "A job is named by its number, such as /j/27.")
    return int(text)


def _beside(jobs: Sequence[JobInfo], uuid: str) -> tuple[JobRef | None, JobRef | None]:
    """Return the jobs before and after one of them."""
    at = next((place for place, one in enumerate(jobs) if one.uuid == uuid), None)
    if at is None:
        return None, None
    before, after = jobs[max(at - 1, 0) : at], jobs[at + 1 : at + 2]
    return next(map(endpoints.job_of, before), None), next(map(endpoints.job_of, after), None)


def _reported(made: Sequence[Comparison], now: datetime) -> Job:
    """Return what reports alone tell of a job."""
    if not made:
        raise Refused(404, "No job of this number is kept.")
    newest = made[-1]
    return Job(
        now=now,
        place=views.place_of(newest),
        job=JobRef(job=newest.candidate_id, version=newest.candidate_version, end=newest.end),
        uuid=newest.candidate,
        title="",
        project="",
        suite_version="",
        hosts=tuple(filter(None, newest.hardware.split("+"))),
        begin=None,
        tests=None,
        server="",
        failed=(),
        all_failed=0,
        compared=views.nights([one for one in made if one.candidate == newest.candidate]),
        baseline_of=(),
        before=None,
        after=None,
        namesakes=(),
    )
