"""The page of an endpoint: its curves over the jobs, what changed there, and the load curves of any two jobs.

In: an `Endpoint`. Out: the page, or its values as CSV. Charts over the jobs all span the same ratio, so that steps of
one height are slowdowns of one size; load curves of one metric have one axis.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from perftracker_ai.dashboard import parts
from perftracker_ai.dashboard.frame import footer, page
from perftracker_ai.dashboard.links import link, site
from perftracker_ai.dashboard.spreadsheet import csv
from perftracker_ai.dashboard.views import State, endpoint_path
from perftracker_ai.render import svg
from perftracker_ai.render.page.markup import Html, el, join, path, tag
from perftracker_ai.render.page.panels import PREFIXED, tamed, unspiked, y_ticks
from perftracker_ai.report import history
from perftracker_ai.words.numbers import format_change, format_column, format_load, format_slowdown, plural, unit_of
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from perftracker_ai.dashboard.endpoint import Course, Endpoint, Named, Pair
    from perftracker_ai.dashboard.records import Records
    from perftracker_ai.dashboard.views import Issue
    from perftracker_ai.model.history import ChangePoint, JobRef

    Floats = NDArray[np.float64]

_LEAST, _MOST = 1.15, 100.0
"""Ratios that a chart over the jobs spans at least and at most, up and down from its middle."""
_ROOM = 1.12
"""How much farther than its values such a chart reaches, as an exponent."""
_FEWEST = 3
"""Loads of which there is a chart."""
_LABEL, _TICK = 60, 16
_VALUES = "values"
"""Id of the table that the charts over the jobs share."""


LOADS = "loads"
"""The part of a CSV file that holds the load curves."""


class Look(NamedTuple):
    """What the address of an endpoint's page holds besides its path: how many jobs, from which day, which curves."""

    jobs: int
    since: str
    page: int


def endpoint_page_html(shown: Endpoint, records: Records, look: Look) -> str:
    """Return the page."""
    place, product = shown.place, el("a", shown.place.product, href=parts.address(shown.place))
    title = el("h1", el("span", path(shown.endpoint), class_="endpoint"))
    told = history.span(shown.jobs) or "no job of it is kept"
    where = el("p", product, f", {parts.where(place)}; {told}.")
    main = (
        _issues(shown),
        *((_over_jobs(shown, look), _two_jobs(shown, look)) if shown.jobs else (_nothing(records),)),
    )
    api = link(f"/api/v1{endpoint_path(place, shown.endpoint)}", **_query(shown, look), **_jobs_of(shown))
    foot = footer(records, shown.now, api)
    return page(f"{shown.endpoint} · {place.product}", _tone(shown), (title, where), main, foot)


def _tone(shown: Endpoint) -> str:
    """Return the class of the page's colour, as a verdict of this endpoint alone would be."""
    if any(one.state not in _CALM for one in shown.issues):
        return "investigate"
    if shown.patterns and any(one.slowdown > 0 for one in shown.patterns.creeps):
        return "monitor"
    return "approve" if shown.jobs else "open"


_CALM = {State.CLOSED.value, State.ACCEPTED.value, State.DISMISSED.value, State.FIXED.value}


def _query(shown: Endpoint, look: Look) -> dict[str, str | int]:
    return {"hw": shown.place.hardware, "suite": shown.place.suite, **_own(look)}


def _nothing(records: Records) -> Html:
    return el("section", el("p", f"What it cost over the jobs is not kept. {records.note}", class_="calm"))


def _issues(shown: Endpoint) -> Html:
    if not shown.issues:
        return Html("")
    return el("section", el("h2", "Issues", id="issues"), parts.issue_rows(shown.issues), aria_labelledby="issues")


# ── over the jobs ───────────────────────────────────────────────────────────────────────────────────────────────────


def _over_jobs(shown: Endpoint, look: Look) -> Html:
    """Return the small multiples, what changed in words, and the table of their values."""
    reach = _reach(shown.courses)
    drawn = [_course(shown, at, one, reach) for at, one in enumerate(shown.courses)]
    csv_link = el("a", "CSV", href=parts.endpoint_address(shown.place, shown.endpoint, **_own(look), format="csv"))
    tools = el(
        "p", csv_link, " · ", el("a", "All endpoints", href=parts.address(shown.place, jobs=look.jobs)), class_="sorts"
    )
    told = (
        "Each chart: the geometric mean of a curve in each job. All span the same ratio: steps of one height are "
        "slowdowns of one size."
    )
    return el(
        "section",
        el("h2", "Over the jobs", id="jobs"),
        el("p", told, class_="because"),
        el(
            "div",
            parts.ranges(look.jobs, lambda jobs: parts.endpoint_address(shown.place, shown.endpoint, jobs=jobs)),
            tools,
            class_="narrowing",
        ),
        _legend(_OVER_JOBS),
        el("div", *drawn, class_="panels", id="over-jobs"),
        _pages(shown, look),
        _values(shown),
        _changes(shown),
        aria_labelledby="jobs",
    )


def _pages(shown: Endpoint, look: Look) -> Html:
    """Return the links to further curves; nothing where all are shown."""
    own = {**_own(look), **_jobs_of(shown)}

    def address(page: int) -> str:
        return parts.endpoint_address(shown.place, shown.endpoint, **(own | {"page": page}))

    return parts.pages(f"{shown.curves:,} curves", shown.page, shown.pages, address)


def _jobs_of(shown: Endpoint) -> dict[str, int]:
    """Return the two jobs that are set against each other, as an address names them."""
    return {"a": shown.baseline.job, "b": shown.candidate.job} if shown.baseline and shown.candidate else {}


def _own(look: Look) -> dict[str, str | int]:
    return {"jobs": look.jobs, "from": look.since, "page": look.page if look.page > 1 else ""}


def _reach(courses: Sequence[Course]) -> float:
    """Return the ratio that all charts span, up and down from their middles."""
    logs = [np.log(_array(one.levels)) for one in courses if _positive(one.levels)]
    away = [float(np.abs(np.log(tamed(np.exp(one))) - np.nanmedian(one)).max(initial=0.0)) for one in logs]
    return min(max(math.exp(max(away, default=0.0) * _ROOM), _LEAST), _MOST)


def _array(values: Sequence[float | None]) -> Floats:
    return np.array([math.nan if one is None else one for one in values], dtype=np.float64)


def _positive(values: Sequence[float | None]) -> bool:
    known = [one for one in values if one is not None]
    return bool(known) and min(known) > 0


def _course(shown: Endpoint, at: int, one: Course, reach: float) -> Html:
    """Return the chart of a curve over the jobs."""
    values, shifts = _array(one.levels), _shifts(shown, at)
    log = _positive(one.levels)
    middle = float(np.nanmedian(values)) if log else 0.0
    ends = (middle / reach, middle * reach) if log else svg.value_range(values[np.isfinite(values)], log=False)
    place = {(job.job, job.end): float(number) for number, job in enumerate(shown.jobs)}
    drawn = svg.panel(
        svg.Panel(
            name=f"over-jobs-{at}",
            title=f"{_name(shown, one.curve)}: {plural(len(shown.jobs), 'job')}",
            description=_description(one, shifts),
            x=np.arange(len(values), dtype=np.float64),
            x_range=(0.0, max(len(values) - 1.0, 1.0)),
            x_log=False,
            x_ticks=tuple(_version_ticks(shown.jobs, [place[_key(shift.first)] for shift in shifts])),
            x_unit="",
            baseline=None,
            candidate=values,
            band=None,
            shades=tuple(_doubt(shift, place) for shift in shifts),
            episodes=(),
            onsets=(*(_onset(shift, place) for shift in shifts), *_came_in(shown, one.curve, shifts, place)),
            tick_text=y_ticks(one.curve.base_unit, svg.ticks(*ends, log=log)),
            y_range=ends,
            y_log=log,
        )
    )
    change = _newest(shown, at, shifts)
    caption = el("figcaption", _what(shown, one.curve), change)
    return el(
        "figure",
        caption,
        drawn,
        _tools(f"over-jobs-{at}", "over-jobs"),
        class_="panel",
        id=f"over-jobs-{at}",
        data_values=_VALUES,
        data_column=at + 1,
    )


def _key(job: JobRef) -> tuple[int, datetime]:
    return job.job, job.end


def _shifts(shown: Endpoint, at: int) -> list[ChangePoint]:
    """Return the changes of a course, the newest first."""
    return [one for one in shown.patterns.shifts if str(at) in one.curves] if shown.patterns else []


def _doubt(shift: ChangePoint, place: dict[tuple[int, datetime], float]) -> svg.Shade:
    # Sorted, for changes along versions are drawn in the order of dates.
    first, last = sorted((place[_key(shift.earliest)], place[_key(shift.latest)]))
    return svg.Shade(first=first, last=last, kind="doubt")


def _onset(shift: ChangePoint, place: dict[tuple[int, datetime], float]) -> svg.Onset:
    kind = "worse" if shift.slowdown > 0 else "better"
    return svg.Onset(at=place[_key(shift.first)], text=clean(shift.first.version, _TICK), kind=kind)


def _came_in(
    shown: Endpoint, curve: Named, shifts: Sequence[ChangePoint], place: dict[tuple[int, datetime], float]
) -> Iterator[svg.Onset]:
    """Yield where open issues of a curve's threads came in by a comparison, as far as no step of the curve is there."""
    stepped = [sorted((place[_key(one.earliest)], place[_key(one.latest)])) for one in shifts]
    own = [one for one in shown.issues if one.costs_time == curve.costs_time and _is_of(one, curve)]
    for job in _new_ones(own):
        at = place.get(_key(job))
        if at is not None and not any(first <= at <= last for first, last in stepped):
            yield svg.Onset(at=at, text=clean(job.version, _TICK), kind="issue")


def _is_of(issue: Issue, curve: Named) -> bool:
    return not issue.threads or curve.threads is None or curve.threads in issue.threads


def _new_ones(issues: Sequence[Issue]) -> list[JobRef]:
    """Return the jobs that open issues came in with, each once."""
    return list({_key(one.first): one.first for one in issues if one.state not in _CALM}.values())


def _version_ticks(jobs: Sequence[JobRef], first: Sequence[float]) -> Iterator[tuple[float, str]]:
    for at in dict.fromkeys((*map(int, first), *parts.spread(len(jobs)))):
        yield float(at), clean(jobs[at].version, _TICK)


def _newest(shown: Endpoint, at: int, shifts: Sequence[ChangePoint]) -> Html:
    """Return for a caption the newest change of a curve, or what creeps."""
    costs_time = shown.courses[at].curve.costs_time
    creep = next((one for one in shown.patterns.creeps if str(at) in one.curves), None) if shown.patterns else None
    trend = shifts[0] if shifts else creep
    if trend is None:
        return el("span", "no step", class_="none")
    size = el("b", format_slowdown(trend.slowdown, costs_time=costs_time), class_=f"num {_kind(trend.slowdown)}")
    since = f" since {clean(shifts[0].first.version, _TICK)}" if shifts else " bit by bit"
    return el("span", size, since, class_="none")


def _kind(slowdown: float) -> str:
    return "severe" if slowdown > 0 else "improved"


def _description(one: Course, shifts: Sequence[ChangePoint]) -> str:
    """Say what a chart shows to somebody who cannot see it."""
    better = "Lower" if one.curve.less_better else "Higher"
    gone = sum(value is None for value in one.levels)
    changes = [f"{history.size(shift)} {history.when(shift, clean)}." for shift in shifts]
    told = (
        f"{better} is better.",
        *(changes or ("No step beyond chance.",)),
        f"No value in {plural(gone, 'job')}." if gone else "",
    )
    return " ".join(filter(None, told))


def _changes(shown: Endpoint) -> Html:
    """Return what the curves did, in words, and what only comparisons know of yet."""
    if shown.patterns is None:
        return Html("")
    told = [
        el("li", el("b", section.title), ": ", _sentence(one), f"; {_members(shown, one.curves)}")
        for section in history.sections(shown.patterns, shown.jobs[0].version).values()
        for one in section.trends
    ]
    told += [el("li", _unseen(shown, job)) for job in _new_ones(shown.issues) if not _is_seen(shown, job)]
    listed = el("ul", *told, class_="plain") if told else el("p", history.NO_TREND, class_="calm")
    return el("div", el("h3", "What changed"), listed)


def _sentence(one: history.Trend) -> str:
    return f"{history.size(one)} {history.when(one, clean)}".strip()


def _is_seen(shown: Endpoint, job: JobRef) -> bool:
    """Tell whether a step is known that may have begun with a job."""
    shifts = shown.patterns.shifts if shown.patterns else ()
    return any(one.earliest.end <= job.end <= one.latest.end for one in shifts)


def _unseen(shown: Endpoint, job: JobRef) -> str:
    later = sum(one.end >= job.end for one in shown.jobs)
    return (
        f"A comparison found an issue that came in with {history.place(job, clean)}; "
        f"over the jobs there is no step yet that chance would not make ({plural(later, 'job')} since)."
    )


def _members(shown: Endpoint, numbers: Sequence[str]) -> str:
    """Return the curves that something is told of."""
    if len(numbers) == len(shown.courses) > 1:
        return f"all {len(numbers)} curves"
    return ", ".join(_name(shown, shown.courses[int(one)].curve) for one in sorted(numbers, key=int))


def _values(shown: Endpoint) -> Html:
    """Return the values of all charts as one table, a row a job: the charts' script reads it as well."""
    heads, columns = [], []
    for one in shown.courses:
        unit, (texts,) = format_column((_array(one.levels),), one.curve.base_unit, one.curve.unit)
        heads.append(
            el(
                "th",
                _name(shown, one.curve),
                f", {clean(unit, _TICK)}" if unit else "",
                scope="col",
                data_unit=clean(unit, _TICK),
            )
        )
        columns.append(texts)
    body = [
        el("tr", el("th", parts.job_text(job), scope="row"), Html("".join([f"<td>{text}</td>" for text in row])))
        for job, row in zip(shown.jobs, zip(*columns, strict=True), strict=True)
    ]
    table = el(
        "table",
        el("thead", el("tr", el("th", "Job", scope="col"), *heads)),
        el("tbody", *body),
        class_="plain-values",
        id=_VALUES,
    )
    scroll = el("div", table, class_="wide", tabindex="0", role="region", aria_label="Values of the charts")
    return el("details", el("summary", "Values of these charts"), scroll)


# ── two jobs ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _two_jobs(shown: Endpoint, look: Look) -> Html:
    """Return the load curves of two jobs, and the form to choose them."""
    heading = el("h2", "Along the load: two jobs", id="loads")
    if shown.baseline is None or shown.candidate is None:
        return el("section", heading, el("p", "There are no two jobs to be set against each other.", class_="calm"))
    axes = _axes(shown.pairs)
    drawn = [_pair(shown, at, one, axes[_scale(one)]) for at, one in enumerate(shown.pairs) if _is_drawn(one)]
    single = [one for one in shown.pairs if not _is_drawn(one)]
    chosen = {"a": shown.baseline.job, "b": shown.candidate.job}
    file = parts.endpoint_address(shown.place, shown.endpoint, **_own(look), **chosen, format="csv", part=LOADS)
    none = el("p", "These two jobs have no curve of it.", class_="calm")
    return el(
        "section",
        heading,
        *(() if site().bare else (_form(shown, look),)),
        el("div", _jobs_legend(shown), el("p", el("a", "CSV", href=file), class_="sorts"), class_="narrowing"),
        el("div", *drawn, class_="panels", id="loads-charts") if drawn else Html(""),
        _single(shown, single) if single else Html(""),
        *(() if shown.pairs else (none,)),
        aria_labelledby="loads",
    )


def _jobs_legend(shown: Endpoint) -> Html:
    jobs = (("base", shown.baseline), ("cand", shown.candidate))
    return _legend([(kind, "M2 10H38", parts.job_text(job)) for kind, job in jobs if job])


def _form(shown: Endpoint, look: Look) -> Html:
    """Return the form that chooses the two jobs; it works without a script."""
    hidden = [
        tag("input", type="hidden", name=name, value=str(value))
        for name, value in _query(shown, look).items()
        if value != ""
    ]
    fields = [_select(shown, "a", "Baseline", shown.baseline), _select(shown, "b", "Against", shown.candidate)]
    action = link(endpoint_path(shown.place, shown.endpoint))
    button = el("button", "Compare", type="submit", class_="button")
    return el("form", *hidden, *fields, button, method="get", action=f"{action}#loads", class_="choose")


def _select(shown: Endpoint, name: str, label: str, chosen: JobRef | None) -> Html:
    options = [
        el("option", parts.job_text(job), value=job.job, selected="" if job == chosen else None)
        for job in reversed(shown.jobs)
    ]
    return el("label", f"{label} ", el("select", *options, name=name))


def _is_drawn(one: Pair) -> bool:
    return len(one.loads) >= _FEWEST


def _scale(one: Pair) -> tuple[str, str]:
    """Return what charts that share an axis have in common."""
    return one.curve.metric, one.curve.base_unit


class _Axis(NamedTuple):
    ends: tuple[float, float]
    log: bool


def _axes(pairs: Sequence[Pair]) -> dict[tuple[str, str], _Axis]:
    """Return the value axis of each metric, which its charts have in common."""
    together: dict[tuple[str, str], list[Floats]] = defaultdict(list)
    for one in pairs:
        together[_scale(one)] += [_array(one.baseline), _array(one.candidate)]
    return {scale: _axis(lines) for scale, lines in together.items()}


def _axis(lines: Sequence[Floats]) -> _Axis:
    every = np.concatenate(lines)
    known = every[np.isfinite(every)]
    log = bool(len(known)) and bool(known.min() > 0) and svg.log_fits(unspiked(known))
    kept = np.concatenate([tamed(line) for line in lines])
    return _Axis(svg.value_range(kept, log=log), log)


def _pair(shown: Endpoint, at: int, one: Pair, axis: _Axis) -> Html:
    """Return a chart of two load curves, with its values behind it."""
    loads = np.array(one.loads, dtype=np.float64)
    drawn = svg.panel(
        svg.Panel(
            name=f"loads-{at}",
            title=_name(shown, one.curve),
            description=_compared(one),
            x=loads,
            x_range=(float(loads[0]), float(loads[-1])),
            x_log=one.numbered and svg.geometric(loads),
            x_ticks=tuple(_load_ticks(one, loads)),
            x_unit=clean(one.load_unit, _TICK),
            baseline=_array(one.baseline),
            candidate=_array(one.candidate),
            band=None,
            shades=(),
            episodes=(),
            onsets=(),
            tick_text=y_ticks(one.curve.base_unit, svg.ticks(*axis.ends, log=axis.log)),
            y_range=axis.ends,
            y_log=axis.log,
        )
    )
    median = el("span", f"slowdown {format_change(_median(one.slowdowns))} in the median", class_="none")
    caption = el("figcaption", _what(shown, one.curve), median)
    return el(
        "figure",
        caption,
        drawn,
        _tools(f"loads-{at}", "loads-charts"),
        _loads(shown, one),
        class_="panel",
        id=f"loads-{at}",
    )


def _median(values: Sequence[float | None]) -> float | None:
    known = [one for one in values if one is not None]
    return float(np.median(known)) if known else None


def _compared(one: Pair) -> str:
    better = "Lower" if one.curve.less_better else "Higher"
    gone = sum(None in values for values in zip(one.baseline, one.candidate, strict=True))
    slowdown = format_change(_median(one.slowdowns))
    told = f"{better} is better. In the median of {plural(len(one.loads), 'load')}: {slowdown}."
    return f"{told} {plural(gone, 'load')} without a value of one of the jobs." if gone else told


def _load_ticks(one: Pair, loads: Floats) -> Iterator[tuple[float, str]]:
    """Yield loads to name, the most wanted first: the ends, then round ones or those between."""
    low, high = float(loads[0]), float(loads[-1])
    if one.numbered:
        between = svg.ticks(low, high, log=svg.geometric(loads)) if low < high else ()
        yield from ((load, format_load(load)) for load in dict.fromkeys((low, high, *between)))
        return
    yield from ((one.loads[at], clean(one.labels[at], _TICK)) for at in dict.fromkeys(parts.spread(len(loads))))


def _loads(shown: Endpoint, one: Pair) -> Html:
    """Return the values of a chart as a table: load, both jobs, slowdown."""
    assert shown.baseline is not None  # there is a pair of them
    assert shown.candidate is not None
    unit, before, after = _both(one)
    jobs = [
        el("th", f"{clean(job.version, _TICK)}, {unit}", scope="col", data_unit=unit)
        for job in (shown.baseline, shown.candidate)
    ]
    head = el("tr", el("th", "Load", scope="col"), *jobs, el("th", "Slowdown", scope="col"))
    loads = map(format_load, one.loads) if one.numbered else (clean(label, _LABEL) for label in one.labels)
    slower = map(format_change, one.slowdowns)
    rows = [
        el("tr", el("th", load, scope="row"), Html(f"<td>{a}</td><td>{b}</td><td>{c}</td>"))
        for load, a, b, c in zip(loads, before, after, slower, strict=True)
    ]
    return el(
        "details", el("summary", "Values"), el("table", el("thead", head), el("tbody", *rows)), class_="values-of"
    )


def _both(one: Pair) -> tuple[str, Sequence[str], Sequence[str]]:
    """Return the unit of a curve's values, and those of the two jobs as text."""
    unit, (before, after) = format_column(
        (_array(one.baseline), _array(one.candidate)), one.curve.base_unit, one.curve.unit
    )
    return clean(unit, _TICK), before, after


def _single(shown: Endpoint, pairs: Sequence[Pair]) -> Html:
    """Return curves of too few loads for a line, as a table."""
    assert shown.baseline is not None  # there is a pair of them
    assert shown.candidate is not None
    rows = []
    for one in pairs:
        unit, before, after = _both(one)
        for label, a, b, slowdown in zip(one.labels, before, after, one.slowdowns, strict=True):
            cells = (f"{a} {unit}", f"{b} {unit}", format_change(slowdown))
            rows.append(
                el(
                    "tr",
                    el("th", _name(shown, one.curve), scope="row"),
                    el("td", clean(label, _LABEL)),
                    *(el("td", cell) for cell in cells),
                )
            )
    heads = ("Curve", "Load", shown.baseline.version, shown.candidate.version, "Slowdown")
    head = el("tr", *(el("th", text, scope="col") for text in heads))
    return parts.scrolled(el("table", el("thead", head), el("tbody", *rows)), "Curves of few loads")


# ── of both ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _name(shown: Endpoint, curve: Named) -> str:
    """Return what tells a curve from the others of its endpoint."""
    every = [one.curve for one in shown.courses]
    scenario = curve.scenario if len({one.scenario for one in every}) > 1 else ""
    group = curve.group if len({one.group for one in every}) > 1 else ""
    threads = plural(curve.threads, "thread") if curve.threads else ""
    return ", ".join(
        filter(None, (clean(curve.metric, _LABEL), threads, clean(scenario, _LABEL), clean(group, _LABEL)))
    )


def _what(shown: Endpoint, curve: Named) -> Html:
    metric, _, rest = _name(shown, curve).partition(", ")
    unit = "" if curve.base_unit in PREFIXED else f", {clean(unit_of(curve.base_unit, curve.unit), _TICK)}"
    return el("span", el("b", metric), unit, f" · {rest}" if rest else "", class_="what")


def _tools(name: str, back: str) -> Html:
    """Return the link that shows a chart large, which needs no script."""
    large, close = el("a", "Enlarge", href=f"#{name}", class_="open"), el("a", "Close", href=f"#{back}", class_="close")
    return el("p", large, close, class_="tools")


_OVER_JOBS = (
    ("cand", "M2 10H38", "geometric mean of the curve"),
    ("onset worse", "M20 1V19", "first job at a new level"),
    ("onset issue", "M20 1V19", "an open issue came in, by a comparison"),
    ("doubt", "M2 1H38V19H2z", "may be the first as well, by the noise (95 %)"),
    ("gone-cand", "M15 5l10 10m0-10l-10 10", "no value"),
)


def _legend(marks: Sequence[tuple[str, str, str]]) -> Html:
    items = [
        el("li", Html(f'<svg viewBox="0 0 40 20" aria-hidden="true">{svg.path(drawn, kind)}</svg>'), text)
        for kind, drawn, text in marks
    ]
    return el("ul", join(items), class_="legend", aria_label="Legend of the charts")


# ── as CSV ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def courses_csv(shown: Endpoint) -> bytes:
    """Return the courses, a row a job, in base units."""
    heads = [f"{_name(shown, one.curve)}, {one.curve.base_unit}" for one in shown.courses]
    columns = zip(*(one.levels for one in shown.courses), strict=True)
    rows = (
        (str(job.job), job.version, job.end.isoformat(), *values)
        for job, values in zip(shown.jobs, columns, strict=False)
    )
    return csv(("job", "version", "ended", *heads), rows)


def pairs_csv(shown: Endpoint) -> bytes:
    """Return the load curves of the two jobs, a row a load, in base units."""
    jobs = [f"{parts.job_text(job)}" if job else "" for job in (shown.baseline, shown.candidate)]
    rows = (
        (_name(shown, one.curve), label, one.curve.base_unit, *values)
        for one in shown.pairs
        for label, *values in zip(one.labels, one.baseline, one.candidate, one.slowdowns, strict=True)
    )
    return csv(("curve", "load", "unit", *jobs, "slowdown"), rows)
