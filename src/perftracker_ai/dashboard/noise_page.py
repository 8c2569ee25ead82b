"""The page on a test's own noise: how much it scatters, what it can show, and what to repair in it.

In: the values of `noise`. Out: page, JSON and CSV.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.dashboard import lookups, parts
from perftracker_ai.dashboard.answers import csv_file, page, values
from perftracker_ai.dashboard.frame import footer
from perftracker_ai.dashboard.frame import page as framed
from perftracker_ai.dashboard.links import link
from perftracker_ai.dashboard.noise import LOOKED_AT, POINTS, SIZES, measured, noise
from perftracker_ai.dashboard.spreadsheet import csv
from perftracker_ai.dashboard.views import place_of, places_of
from perftracker_ai.render.page.markup import Html, el, join, path
from perftracker_ai.store import Scope
from perftracker_ai.words.numbers import format_percent, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from starlette.responses import Response

    from perftracker_ai.dashboard.answers import Handler, Query
    from perftracker_ai.dashboard.causes import Cause
    from perftracker_ai.dashboard.noise import Noise, NoisyCurve, SameVersion, Scatter
    from perftracker_ai.dashboard.records import Records
    from perftracker_ai.dashboard.views import Place
    from perftracker_ai.store import Comparison

_QUIET = 2
"""Runs of each version that anybody makes to see the smallest change of those told: nothing is to be repaired then."""
_MANY = 100
"""Runs of each version from which it does not matter how many."""


def noise_handler(records: Records, clock: Callable[[], datetime]) -> Handler:
    """Return what answers with the noise page of a product."""

    def answer(query: Query) -> Response:
        (product,) = query.segments
        comparisons = records.comparisons(product, lookups.NIGHTS)
        every = places_of(comparisons, records.ran(product, 1))
        place = lookups.place(every, query)
        scope = Scope(origin=place.origin, product=place.product, hardware=place.hardware, suite=place.suite)
        levels = records.levels(scope, LOOKED_AT)
        if levels:  # then those are known as well that somebody asked for, and one version against itself is asked for
            comparisons = records.of_jobs({one.job.id for one in levels})
        shown = noise(
            measured(levels),
            records.measured(scope, [one.job.uuid for one in levels[-POINTS:]]) if levels else None,
            [(one, _path(one)) for one in comparisons if place_of(one) == place],
            places=(place, tuple(sorted(one for one in every if one != place))),
            page=lookups.page(query),
            now=clock(),
        )
        if query.json:
            return values(shown)
        if query.values.get("format") == "csv":
            return csv_file(noise_csv(shown))
        return page(noise_html(shown, records))

    return answer


def _path(one: Comparison) -> str:
    return link(f"/c/{one.baseline_id}..{one.candidate_id}", candidate=one.candidate)


def noise_csv(shown: Noise) -> bytes:
    """Return the curves of the page as CSV; scatters are ratios."""
    heads = ("endpoint", "group", "tag", "scatter", "differences", *(f"runs_for_{size:g}" for size in SIZES), "causes")
    rows: list[tuple[str | float | None, ...]] = [
        (
            one.endpoint,
            one.group,
            one.tag,
            one.scatter.size,
            one.scatter.differences,
            *one.scatter.runs,
            "; ".join(cause.kind.value for cause in one.causes),
        )
        for one in shown.curves
    ]
    return csv(heads, rows)


# ── page ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def noise_html(shown: Noise, records: Records) -> str:
    """Return the page."""
    place = shown.place
    back = el("a", place.product, href=parts.address(place))
    said = f"{parts.where(place)}; {_basis(shown)}" if shown.count else f"{parts.where(place)}."
    head = (el("h1", "Noise of ", back), el("p", said), _others(shown.others))
    main = (_whole(shown), _same(shown.same), _curves(shown))
    api = parts.noise_address(place, root="/api/v1", page=shown.page)
    foot = footer(records, shown.now, api)
    return framed(f"Noise of {place.product}", "open", head, tuple(one for one in main if one), foot)


def _basis(shown: Noise) -> str:
    """Return from what the scatter is taken."""
    first, last = shown.jobs
    jobs = f"{plural(shown.count, 'job')} from {parts.day(first.end)} to {parts.day(last.end)}"
    if shown.same_version:
        return f"{jobs}; jobs of one version are set against each other."
    return f"{jobs}; hardly a version ran twice, so each job is set against the one before."


def _others(others: Sequence[Place]) -> Html:
    links = [el("a", parts.where(one), href=parts.noise_address(one)) for one in others]
    return el("p", "Measured as well on ", join(links, ", "), ".", class_="sub") if links else Html("")


def _section(name: str, title: str, *content: Html) -> Html:
    return el("section", el("h2", title, id=name), *content, aria_labelledby=name)


def _whole(shown: Noise) -> Html:
    if shown.whole is None:
        told = "Too few jobs or curves are kept to tell what a whole run does."
        return _section("whole", "The run as a whole", el("p", told, class_="calm"))
    size = format_percent(shown.whole.size)
    told = (
        f"What all curves share moves by {size} (one standard deviation) from job to job: that is the machine and not "
        "the code. It is taken off every curve below."
    )
    if shown.whole.runs[0] > _QUIET:
        told += " A machine of its own, at a fixed frequency and without neighbours, would make it less."
    return _section("whole", "The run as a whole", el("p", told), *map(_cause, shown.whole_causes))


def _same(same: SameVersion) -> Html:
    title = "One version against itself"
    if same.pairs:
        links = join([el("a", f"report {at}", href=one) for at, one in enumerate(same.paths, 1)], ", ")
        return _section("same", title, el("p", _rate(same), " The newest of them: ", links, "."))
    if same.to_compare:
        one, other = same.to_compare
        pair = el("a", f"jobs {one.job} and {other.job}", href=link("/compare", base=one.job, cand=other.job))
        told = f"Version {other.version} was measured twice: comparing "
        return _section("same", title, el("p", told, pair, " says how much is flagged where nothing changed."))
    told = "No version was measured twice. Run one again, and compare the two: what is flagged then is noise."
    return _section("same", title, el("p", told))


def _rate(same: SameVersion) -> str:
    """Return in a sentence how much was flagged where nothing changed."""
    pairs = f"In {plural(same.pairs, 'comparison')} of a version with itself"
    if not same.judged or same.low is None or same.high is None:
        return f"{pairs} nothing could be said of any curve."
    alone = " Curves of one pair are not independent; a second pair would tell more." if same.pairs == 1 else ""
    return (
        f"{pairs}, {same.flagged:,} of {plural(same.judged, 'curve')} were said to have changed: "
        f"{format_percent(same.flagged / same.judged)}, 95 % interval {format_percent(same.low)} to "
        f"{format_percent(same.high)}.{alone}"
    )


def _curves(shown: Noise) -> Html:
    if not shown.curves:
        told = "Nothing is kept of what the curves of past jobs cost." if not shown.count else "Too few jobs are kept."
        return _section("curves", "Noisiest curves", el("p", told, class_="calm"))
    sizes = [f"Runs to see {format_percent(size)}" for size in SIZES]
    heads = [el("th", text, scope="col") for text in ("Curve", "Scatter", *sizes, "What to repair in the test")]
    table = el(
        "table",
        el("thead", el("tr", *heads)),
        el("tbody", *(_row(one, sizes, shown.place) for one in shown.curves)),
        class_="noise",
    )
    tools = el(
        "p", el("a", "CSV", href=parts.noise_address(shown.place, page=shown.page, format="csv")), class_="sorts"
    )
    because = (
        "Scatter is one standard deviation of a curve from job to job, what the whole run does taken off. Runs are "
        "those of each version after which a change of so much is out of the reach of chance, by the same arithmetic "
        "as what a report says that an inconclusive curve needs."
    )
    untold = f" {plural(shown.untold, 'curve')} more with too few jobs." if shown.untold else ""
    return _section(
        "curves", "Noisiest curves", el("p", because + untold, class_="because"), tools, table, _further(shown)
    )


def _row(one: NoisyCurve, sizes: Sequence[str], place: Place) -> Html:
    runs = [
        el("td", _runs(count), class_="num", data_head=size)
        for count, size in zip(one.scatter.runs, sizes, strict=True)
    ]
    why = "Quiet enough." if one.scatter.runs[0] <= _QUIET else "Nothing that is kept tells why."
    causes = [_cause(cause) for cause in one.causes] or [el("span", why, class_="dim")]
    return el(
        "tr",
        el(
            "th",
            el("a", path(one.endpoint), href=parts.endpoint_address(place, one.endpoint), class_="endpoint"),
            el("span", _tag(one), class_="sub"),
            scope="row",
        ),
        el(
            "td",
            el("b", format_percent(one.scatter.size)),
            _differences(one.scatter),
            class_="num",
            data_head="Scatter",
        ),
        *runs,
        el("td", *causes, class_="why"),
    )


def _tag(one: NoisyCurve) -> str:
    return f"{one.group}: {one.tag}" if one.group else one.tag


def _differences(scatter: Scatter) -> Html:
    return el("span", f"from {plural(scatter.differences, 'pair')} of jobs", class_="sub")


def _runs(count: int) -> str:
    return f"{count}" if count < _MANY else f"{_MANY} or more"


def _cause(cause: Cause) -> Html:
    return el("p", el("b", cause.kind.value), ": ", cause.said, class_="cause")


def _further(shown: Noise) -> Html:
    """Return the links to further curves."""

    def address(page: int) -> str:
        return parts.noise_address(shown.place, page=page)

    return parts.pages(plural(shown.told, "curve"), shown.page, shown.pages, address)
