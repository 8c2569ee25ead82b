"""The sentences about a history: since when something is slower, and what else happened over the jobs.

In: values of `perftracker_ai.model.history`. Out: plain text, each wording in one place, so that `history trends` and
every form of a report say the same. What comes from a job, versions that is, is passed through `show`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from perftracker_ai.model import Direction
from perftracker_ai.model.history import Bimodal, ChangePoint, Drift, NoiseChange
from perftracker_ai.words.numbers import UNKNOWN, format_change, format_interval, format_percent, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from perftracker_ai.model import Analysis, Cluster, JobInfo
    from perftracker_ai.model.history import Chronicle, JobRef, Onset, Patterns

    Show = Callable[[str], str]

Trend = ChangePoint | Drift | NoiseChange | Bimodal

NO_TREND = "No change, drift or unrest beyond chance."
NEW = "new with this job"

_TAKEN_BACK = 0.75
"""Share of a change that is gone when it is called taken back, as in `chronicle.ChangePoint.recovered`."""
_LEAST = -0.999
"""Smallest slowdown that there is a logarithm of."""

_DAYS, _WEEKS = 14, 9
"""Below that many a time is told in days, and in weeks."""
_WEEK, _MONTH = 7, 30.44


class Section(NamedTuple):
    """Things of one kind that a history tells."""

    title: str
    trends: Sequence[Trend]


# ── what happened over the jobs ─────────────────────────────────────────────────────────────────────────────────────


def sections(patterns: Patterns, oldest: str) -> dict[str, Section]:
    """Return everything a history tells by its kind, what is wrong now first.

    Parameters
    ----------
    patterns : Patterns
    oldest : str
        Version of the oldest job; empty when it is not known.
    """
    back = {(one.endpoint, one.recovered.job) for one in patterns.shifts if one.recovered and one.slowdown > 0}
    worse = [one for one in patterns.shifts if one.slowdown > 0]
    faster = [one for one in patterns.shifts if one.slowdown < 0 and (one.endpoint, one.first.job) not in back]
    return {
        "slower": Section("Slower, and still so", [one for one in worse if not one.recovered]),
        "creeping": Section(f"Creeping since {oldest or 'the oldest job'}", patterns.creeps),
        "recovered": Section("Slower for a time", [one for one in worse if one.recovered]),
        "faster": Section("Faster", faster),
        "noisier": Section("Noisier", patterns.unrests),
        "switching": Section("Switching between two levels", patterns.switchings),
    }


def in_short(patterns: Patterns) -> str:
    """Return what is wrong now in a line: ``Now: 1 endpoint slower, 1 creeping; 2 slower for a time``."""
    found = sections(patterns, "")
    slower, creeping, back = (
        len({one.endpoint for one in found[kind].trends}) for kind in ("slower", "creeping", "recovered")
    )
    wrong = (f"{plural(slower, 'endpoint')} slower" if slower else "", f"{creeping} creeping" if creeping else "")
    now = ", ".join(filter(None, wrong)) or "nothing slower"
    past = f"; {back} slower for a time" if back else ""
    return f"Now: {now}{past}." if slower or creeping or back else ""


def size(trend: Trend) -> str:
    """Return how much it is: ``+30.5 % (+29.5 % to +31.6 %)``, ``2.1 times``, ``40 % apart``."""
    match trend:
        case ChangePoint() | Drift():
            return f"{format_change(trend.slowdown)} ({format_interval(trend.low, trend.high)})"
        case NoiseChange():
            return f"{trend.ratio:.1f} times"
        case Bimodal():
            return f"{format_percent(trend.slowdown)} apart"


def when(trend: Trend, show: Show = str) -> str:
    """Return since when, and until when or what was before; empty for what has no beginning."""
    match trend:
        case ChangePoint():
            until = f"until {place(trend.recovered, show)}" if trend.recovered else _before(trend, show)
            parts = (f"since {place(trend.first, show)}", until, between(trend), _one_version(trend))
            return "; ".join(filter(None, parts))
        case NoiseChange():
            return f"since {place(trend.first, show)}"
        case Drift() | Bimodal():
            return ""


def span(jobs: Sequence[JobRef]) -> str:
    """Return what a history is from: ``40 jobs of 14 versions, 2026-07-01 to 2026-08-09``; empty without a job."""
    if not jobs:
        return ""
    versions = plural(len({job.version for job in jobs}), "version")
    return f"{plural(len(jobs), 'job')} of {versions}, {jobs[0].end:%Y-%m-%d} to {jobs[-1].end:%Y-%m-%d}"


def too_short(curves: int) -> str:
    """Say of how many curves there are too few values."""
    return f"{plural(curves, 'curve')} with fewer than ten values: too short to say anything"


def place(one: JobRef, show: Show = str) -> str:
    """Return ``2.8 (job 125, 2026-07-25)``."""
    return f"{show(one.version) or UNKNOWN} (job {one.job}, {one.end:%Y-%m-%d})"


def between(began: ChangePoint | Onset) -> str:
    """Return the jobs a change may have begun between; empty where there is no doubt."""
    if began.earliest.job == began.latest.job:
        return ""
    return f"began between jobs {began.earliest.job} and {began.latest.job}"


def _before(shift: ChangePoint, show: Show) -> str:
    return f"before it {place(shift.last_good, show)}"


def _one_version(shift: ChangePoint) -> str:
    same = f"job {shift.last_good.job} is the same version: suspect the environment"
    return same if shift.same_version else ""


# ── since when a finding is there ───────────────────────────────────────────────────────────────────────────────────


class Beginning(NamedTuple):
    """What is known of when an issue began; `creep` is the slowdown since the oldest job of an endpoint that creeps."""

    onset: Onset
    creep: float | None
    baseline: JobInfo
    candidate: JobInfo

    @property
    def new(self) -> bool:
        """Whether it came in with the candidate."""
        return self.onset.first.job == self.candidate.id


def beginning(analysis: Analysis, cluster: str) -> Beginning | None:
    """Return what is known of when the issue of an id began; None when no history is kept, or it does not say."""
    past = analysis.chronicle
    onset = next((one for one in past.onsets if one.cluster == cluster), None) if past else None
    if past is None or onset is None:
        return None
    endpoint = next((one.endpoint for one in analysis.clusters if one.id == cluster), "")
    return Beginning(onset, _creep(past.patterns, endpoint, analysis.baseline), analysis.baseline, analysis.candidate)


def _creep(patterns: Patterns, endpoint: str, baseline: JobInfo) -> float | None:
    """Return what an endpoint crept by; None where its level changed at one job behind the baseline."""
    if any(came_in(one, baseline) for one in patterns.shifts if one.endpoint == endpoint):
        return None
    return next((one.slowdown for one in patterns.creeps if one.endpoint == endpoint and one.slowdown > 0), None)


def came_in(shift: ChangePoint, baseline: JobInfo) -> bool:
    """Tell whether a change for the worse came in behind the baseline, and is still there."""
    # Without their zone, which is UTC everywhere: in a damaged file one of the two may lack it.
    first, before = (end.replace(tzinfo=None) for end in (shift.first.end, baseline.end))
    return shift.slowdown > 0 and shift.recovered is None and first > before


def since(began: Beginning, show: Show = str) -> str:
    """Return since when an issue is there, how long that is, which job was good last, and what is in doubt.

    ``since 1.65-5050 (job 86011, 2026-11-02), 3 weeks before the candidate; last good 1.65-5049 (job 86003, …)``
    """
    onset = began.onset
    good = f"last good {place(onset.last_good, show)}" + _is_baseline(began)
    parts = (_first(began, show), good, between(onset), _suspicion(onset, show), _creeping(began))
    return "; ".join(filter(None, parts))


def since_short(began: Beginning, show: Show = str) -> str:
    """Return since when an issue is there, in few words: ``since 1.65-5050, job 86011``."""
    if began.new:
        return NEW
    first = began.onset.first
    return f"since {show(first.version) or UNKNOWN}, job {first.job}" + (", or creeping" if began.creep else "")


def _first(began: Beginning, show: Show) -> str:
    if began.new:
        return NEW
    first = began.onset.first
    ago = elapsed(first.end, began.candidate.end)
    return f"since {place(first, show)}" + (f", {ago} the candidate" if ago else "")


def _is_baseline(began: Beginning) -> str:
    return ", the baseline" if began.onset.last_good.job == began.baseline.id else ""


def _creeping(began: Beginning) -> str:
    if not began.creep:
        return ""
    return f"it creeps ({format_change(began.creep)} since the oldest job), so there may be no first job"


def _suspicion(onset: Onset, show: Show) -> str:
    """Say that it was not the code, where both jobs measured one version, and so did all that may be the first."""
    version = onset.first.version
    others = {onset.last_good.version, onset.earliest.version, onset.latest.version}
    return f"both are version {show(version)}: suspect the environment" if version and others == {version} else ""


def elapsed(first: datetime, last: datetime) -> str:
    """Return the time between two days: ``5 days before``, ``3 weeks before``, ``4 months before``.

    Days are compared, not moments, for a moment of a damaged file may lack its time zone. Empty when it is negative.
    """
    days = (last.date() - first.date()).days
    if days <= 0:
        return "" if days else "on the same day as"
    if days < _DAYS:
        return f"{plural(days, 'day')} before"
    weeks = round(days / _WEEK)
    if weeks < _WEEKS:
        return f"{plural(weeks, 'week')} before"
    return f"{plural(round(days / _MONTH), 'month')} before"


# ── what matters of it ──────────────────────────────────────────────────────────────────────────────────────────────


def notable(analysis: Analysis) -> list[Drift | ChangePoint]:
    """Return what an endpoint crept by or became slower by that is worth telling first, worst first.

    That is what would be listed of a comparison where it creeps, and what would be a regression where it is slower and
    still so; what is an issue of this comparison, or an open one, is told as such.
    """
    past = analysis.chronicle
    if past is None:
        return []
    told = {one.endpoint for one in analysis.open_issues.issues} if analysis.open_issues else set()
    lasting = (one for one in past.patterns.shifts if one.recovered is None and one.endpoint not in told)
    slower = (one for one in lasting if not is_issue(analysis, one))
    steps = [one for one in slower if one.slowdown >= analysis.criteria.moderate]
    drifts = (one for one in past.patterns.creeps if not is_repaired(one, analysis.clusters))
    creeps = [one for one in drifts if one.slowdown >= analysis.criteria.minor]
    return sorted([*creeps, *steps], key=lambda one: -one.slowdown)


def is_repaired(creep: Drift, clusters: Sequence[Cluster]) -> bool:
    """Tell whether this comparison takes a creep back: the levels of so few jobs do not tell that yet."""
    own = (one for one in clusters if one.endpoint == creep.endpoint and one.direction is Direction.BETTER)
    return any(_log(one.median_slowdown) <= -_TAKEN_BACK * _log(creep.slowdown) for one in own)


def _log(slowdown: float) -> float:
    return math.log1p(max(slowdown, _LEAST))


def is_issue(analysis: Analysis, trend: Trend) -> bool:
    """Tell whether a trend is an issue of this comparison: a shift of its endpoint that began behind the baseline."""
    past = analysis.chronicle
    if past is None or not isinstance(trend, ChangePoint):
        return False
    dated = {one.cluster for one in past.onsets}
    endpoints = {cluster.endpoint for cluster in analysis.clusters if cluster.id in dated}
    return trend.endpoint in endpoints and came_in(trend, analysis.baseline)


def news(trend: Drift | ChangePoint, past: Chronicle, show: Show = str) -> str:
    """Return what is said of an endpoint behind its name.

    ``creeps: +36.5 % since 2026-07-01``, ``is 30.5 % slower since 2.8 (job 125)``
    """
    if isinstance(trend, Drift):
        return f"creeps: {format_change(trend.slowdown)} {_since_oldest(past)}"
    version = show(trend.first.version) or UNKNOWN
    return f"is {format_percent(trend.slowdown)} slower since {version} (job {trend.first.job})"


def crept(creep: Drift, past: Chronicle) -> str:
    """Return how much an endpoint crept by and since when: ``+36.5 % (+34.6 % to +38.4 %) since 2026-07-01``."""
    return f"{size(creep)} {_since_oldest(past)}"


def _since_oldest(past: Chronicle) -> str:
    return f"since {past.oldest.end:%Y-%m-%d}" if past.oldest else "since the oldest job"
