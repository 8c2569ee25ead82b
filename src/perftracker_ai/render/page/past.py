"""What earlier jobs say, on the page: the strip of an issue's past, and the section of trends.

In: a `View`. Out: `Html`; nothing where no history is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from perftracker_ai import retrospect
from perftracker_ai.model.history import Bimodal, ChangePoint, Drift, NoiseChange
from perftracker_ai.render import phrases, recall
from perftracker_ai.render.page import facts
from perftracker_ai.render.page.markup import Html, el, from_markdown
from perftracker_ai.render.page.markup import path as broken
from perftracker_ai.render.timeline import Strip, finite, level_text, ring, strip
from perftracker_ai.words.numbers import plural
from perftracker_ai.words.text import clean, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.model import Cluster
    from perftracker_ai.model.history import Chronicle, JobRef, Onset
    from perftracker_ai.render.timeline import Floats
    from perftracker_ai.report.view import View
    from perftracker_ai.retrospect import Beginning, Section, Trend

FEWEST_JOBS = 3
"""With two there is nothing to see but the comparison itself."""
_LABEL = 24
_LISTS = {ChangePoint: "shifts", Drift: "creeps", NoiseChange: "unrests", Bimodal: "switchings"}


# ── at once ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def news(shown: View) -> Iterator[Html]:
    """Return what matters most of the history; nothing where nothing does."""
    past, found = shown.analysis.chronicle, recall.news(shown)
    if past is None or not found:
        return
    told = [el("li", from_markdown(words), data_fact=_place(past, trend)) for trend, words in found[: recall.NEWS]]
    if len(found) > recall.NEWS:
        told.append(el("li", el("a", f"{len(found) - recall.NEWS:,} more", href="#trends")))
    yield el("section", el("h2", "History"), el("ul", *told, class_="plain"), class_="why", aria_label="History")


# ── an issue ────────────────────────────────────────────────────────────────────────────────────────────────────────


def began(shown: View, cluster: Cluster) -> Iterator[Html]:
    """Return since when an issue is there, in words and as a strip; nothing where that is not known."""
    past, known = shown.analysis.chronicle, retrospect.beginning(shown.analysis, cluster.id)
    if past is not None and known is not None:
        words = from_markdown(sentence(recall.since(shown, cluster)))
        told = el("dd", words, _strip(cluster, past, known))
        yield el("div", el("dt", "Began"), told, data_fact=_fact(past, known))


def began_short(shown: View, cluster: Cluster) -> Iterator[Html]:
    """Return since when an issue is there, in few words."""
    past, known = shown.analysis.chronicle, retrospect.beginning(shown.analysis, cluster.id)
    if past is not None and known is not None:
        words = sentence(retrospect.since_short(known, _version)).rstrip(".")
        yield el("span", words, class_="sub", data_fact=_fact(past, known))


def _fact(past: Chronicle, known: Beginning) -> str:
    return facts.of("chronicle", "onsets", next(at for at, one in enumerate(past.onsets) if one is known.onset))


def _version(text: str) -> str:
    return clean(text, _LABEL)


def _strip(cluster: Cluster, past: Chronicle, known: Beginning) -> Html:
    """Draw the levels of an issue over the jobs; nothing where there are too few."""
    onset = known.onset
    jobs = past.jobs[: len(onset.levels)]
    levels = finite(onset.levels[: len(jobs)])
    if np.isfinite(levels).sum() < FEWEST_JOBS:
        return Html("")
    at = {job.job: place for place, job in enumerate(jobs)}
    return strip(
        Strip(
            name=f"past{past.onsets.index(onset)}",
            title=f"{clean(cluster.endpoint or cluster.title)}: cost over {plural(len(jobs), 'job')}",
            description=_description(known, jobs, levels),
            levels=levels,
            first=at.get(onset.first.job),
            label=_version(onset.first.version),
            doubt=_doubt(onset, at),
            baseline=at.get(known.baseline.id),
            candidate=at.get(known.candidate.id),
            ends=(f"{jobs[0].end:%Y-%m-%d}", f"{jobs[-1].end:%Y-%m-%d}"),
        )
    )


def _doubt(onset: Onset, at: dict[int, int]) -> tuple[int, int] | None:
    """Return the places between which a change may have begun, from the first job on if one of them is older."""
    earliest, latest = at.get(onset.earliest.job, 0), at.get(onset.latest.job, 0)
    return (earliest, latest) if earliest < latest else None


def _description(known: Beginning, jobs: tuple[JobRef, ...], levels: Floats) -> str:
    """Say what the strip shows to somebody who cannot see it."""
    low, high = (level_text(float(edge(levels))) for edge in (np.nanmin, np.nanmax))
    missing = len(jobs) - int(np.isfinite(levels).sum())
    parts = (
        (
            f"Slowdown against the level before the change, job by job from {jobs[0].end:%Y-%m-%d} to "
            f"{jobs[-1].end:%Y-%m-%d}: between {low} and {high}."
        ),
        sentence(retrospect.since_short(known, _version)),
        f"No value in {plural(missing, 'job')}." if missing else "",
    )
    return " ".join(filter(None, parts))


# ── trends ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def trends(shown: View, shared: str) -> Iterator[Html]:
    """Return the section of what the history tells besides the issues."""
    past = shown.analysis.chronicle
    if past is None:
        return
    found = recall.trends(shown, past)
    parts = [el("h2", "Trends", id="trends-h"), el("p", recall.basis(past), data_fact="/chronicle")]
    if found:
        parts.append(_table(past, found, shared))
    elif quiet := recall.nothing(past):
        parts.append(el("p", quiet, class_="calm"))
    yield el("section", *parts, id="trends", aria_labelledby="trends-h")


def _table(past: Chronicle, found: list[Section], shared: str) -> Html:
    heads = ("What", "Endpoint", "Change", "When")
    head = el("thead", el("tr", *(el("th", text, scope="col") for text in heads)))
    rows = [row for section in found for row in _rows(past, section, shared)]
    caption = el("caption", "What earlier jobs say besides the issues", class_="unseen")
    return el("table", caption, head, el("tbody", *rows), class_="policy trends")


def _rows(past: Chronicle, section: Section, shared: str) -> Iterator[Html]:
    title = clean(section.title, phrases.LABEL_LIMIT)
    yield from (_row(past, title, trend, shared) for trend in section.trends[: recall.TRENDS])
    left = len(section.trends) - recall.TRENDS
    if left > 0:
        words = f"… and {left:,} more, in the results file."
        fact = facts.of("chronicle", "patterns", _LISTS[type(section.trends[0])])
        yield el("tr", el("th", title, scope="row"), el("td", words, colspan=3, class_="more"), data_fact=fact)


def _row(past: Chronicle, title: str, trend: Trend, shared: str) -> Html:
    curves = el("span", plural(len(trend.curves), "curve"), class_="sub")
    return el(
        "tr",
        el("th", title, scope="row"),
        el("td", el("span", broken(trend.endpoint, shared), class_="endpoint"), curves),
        el("td", from_markdown(retrospect.size(trend))),
        el("td", sentence(retrospect.when(trend, _version))),
        data_fact=_place(past, trend),
    )


def _place(past: Chronicle, trend: Trend) -> str:
    name = _LISTS[type(trend)]
    number = next(at for at, other in enumerate(getattr(past.patterns, name)) if other is trend)
    return facts.of("chronicle", "patterns", name, number)


def legend(shown: View) -> tuple[tuple[str, str, str], ...]:
    """Return what the marks of a strip mean, class, commands and words; nothing where no history is kept."""
    if shown.analysis.chronicle is None:
        return ()
    return (
        ("onset", "M20 1V19", "first job at the new level"),
        ("doubt", "M2 1H38V19H2z", "may be the first as well, by the noise"),
        ("was", ring(20, 10), "the baseline among earlier jobs"),
        ("now", ring(20, 10), "the candidate"),
    )
