"""What earlier jobs say, drawn: the strip of an issue's past, and what creeps as a slope.

In: a `View`. Out: `Html` by the place in the results that the words beside it point to; nothing where no history is
kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from perftracker_ai.render.page.markup import Html
from perftracker_ai.render.timeline import Slope, Strip, finite, level_text, ring, slope, strip
from perftracker_ai.report import history
from perftracker_ai.words.numbers import plural
from perftracker_ai.words.text import clean, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.model import Cluster
    from perftracker_ai.model.history import Chronicle, Drift, JobRef, Onset
    from perftracker_ai.render.timeline import Floats
    from perftracker_ai.report.history import Beginning
    from perftracker_ai.report.view import View

FEWEST_JOBS = 3
"""With two there is nothing to see but the comparison itself."""
SLOPES = 5
_LABEL = 24


def drawings(shown: View) -> dict[str, Html]:
    """Return what is drawn of the history, by the pointer of the value that says it."""
    past = shown.analysis.chronicle
    return dict((*_strips(shown, past), *_slopes(past))) if past else {}


def _strips(shown: View, past: Chronicle) -> Iterator[tuple[str, Html]]:
    by_id = {cluster.id: cluster for cluster in shown.analysis.clusters}
    for at, onset in enumerate(past.onsets):
        known = history.beginning(shown.analysis, onset.cluster)
        if known is not None and onset.cluster in by_id:
            yield f"/chronicle/onsets/{at}", _strip(by_id[onset.cluster], past, known)


def _slopes(past: Chronicle) -> Iterator[tuple[str, Html]]:
    for at, creep in enumerate(past.patterns.creeps[:SLOPES]):
        yield f"/chronicle/patterns/creeps/{at}", _slope(creep, past, f"creep{at}")


def _slope(creep: Drift, past: Chronicle, name: str) -> Html:
    """Draw a creep as what it is: no step, but a line from the oldest job to the candidate, and how sure it is."""
    first = past.oldest or (past.jobs[0] if past.jobs else None)
    if first is None or not past.jobs:
        return Html("")
    ends = f"{first.end:%Y-%m-%d}", f"{past.jobs[-1].end:%Y-%m-%d}"
    size = history.size(creep)
    return slope(
        Slope(
            name=name,
            title=f"{clean(creep.endpoint)}: creeping cost",
            description=f"A straight line from none on {ends[0]} to {size} on {ends[1]}, with its interval.",
            slowdown=creep.slowdown,
            low=creep.low,
            high=creep.high,
            ends=ends,
        )
    )


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
            creeping=bool(known.creep),
            baseline=at.get(known.baseline.id),
            candidate=at.get(known.candidate.id),
            ends=(f"{jobs[0].end:%Y-%m-%d}", f"{jobs[-1].end:%Y-%m-%d}"),
        )
    )


def _doubt(onset: Onset, at: dict[int, int]) -> tuple[int, int] | None:
    """Return the places between which a change may have begun, from the first job on if one of them is older."""
    # Sorted, as jobs are placed in the order of their versions and drawn in that of their dates.
    earliest, latest = sorted((at.get(onset.earliest.job, 0), at.get(onset.latest.job, 0)))
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
        sentence(history.since_short(known, _version)),
        f"No value in {plural(missing, 'job')}." if missing else "",
    )
    return " ".join(filter(None, parts))


def legend(shown: View) -> tuple[tuple[str, str, str], ...]:
    """Return what the marks of a strip mean, class, commands and words; nothing where no history is kept."""
    if shown.analysis.chronicle is None:
        return ()
    return (
        ("onset", "M20 1V19", "first job at the new level"),
        ("doubt", "M2 1H38V19H2z", "may be the first as well, by the noise"),
        ("trend", "M2 17L38 3", "creeps from job to job"),
        ("was", ring(20, 10), "the baseline among earlier jobs"),
        ("now", ring(20, 10), "the candidate"),
    )
