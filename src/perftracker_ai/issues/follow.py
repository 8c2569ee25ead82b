"""What became of each issue with a job: found, still there, worse, back, or gone.

In: a comparison, the issues that earlier ones left, and a second comparison with an older job where nobody compared
what lies between. Out: every issue that this job tells of, worst first, each with what it is measured against.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import replace

from perftracker_ai.issues.levels import job_values, level_of, plain, points_of, references
from perftracker_ai.model import Attribution, Confidence, Direction, FindingKind, Severity
from perftracker_ai.model.checks import AnotherMachine, LowerVersion, OneVersion, OtherContext
from perftracker_ai.model.history import JobRef
from perftracker_ai.model.issues import IssueStatus, OpenIssue, Tracked
from perftracker_ai.model.versions import order
from perftracker_ai.stats import median, ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from perftracker_ai.issues.levels import Level
    from perftracker_ai.model import Cluster, Curve, CurveSet, Detection, JobInfo, Timeline
    from perftracker_ai.model.checks import Check
    from perftracker_ai.model.history import ChangePoint, Chronicle, Onset
    from perftracker_ai.model.issues import Reference
    from perftracker_ai.settings import ProductSettings

    Name = Callable[[str, str, Sequence[Curve]], str]

GONE = 0.25
"""Share of an issue's size up to which a job is back on the level of before; with as much of it back, it has returned.
Between the two nothing changes, so that noise does not open and close an issue by turns."""
TRUE_SIZE = 0.5
"""Share of the moderate threshold from which a finding is an issue: below, by what earlier jobs say, the baseline was a
lucky night."""
EVIDENCE = 30
"""Jobs before a lasting step that say what the level of before was, as in the search for the first bad job."""
SHARED = 0.5
"""Share of its curves by which a finding is an open issue that has become worse, whatever its key."""

_UNFIT = (AnotherMachine, LowerVersion, OneVersion, OtherContext)
"""Checks that keep a comparison from opening issues: it does not show what a version brought."""
_REAL = frozenset({Attribution.CODE, Attribution.UNDECIDED})
_WORTH = frozenset({Severity.CRITICAL, Severity.SEVERE, Severity.MODERATE})


class Compared(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A comparison as far as it is made before it is decided."""

    baseline: JobInfo
    candidate: JobInfo
    curves: CurveSet
    detection: Detection
    clusters: tuple[Cluster, ...]
    checks: tuple[Check, ...]
    timeline: Timeline | None
    past: Chronicle | None


class _Began(NamedTuple):
    """With which job something came in, as in `OpenIssue`."""

    first: JobRef
    last_good: JobRef
    earliest: JobRef
    latest: JobRef


def follow(
    compared: Compared,
    known: Sequence[Tracked],
    further: Compared | None,
    settings: ProductSettings,
    name: Name,
) -> tuple[Tracked, ...]:
    """Say what became of every issue with the candidate of a comparison.

    Parameters
    ----------
    known : sequence of Tracked
        As the newest job before the candidate left them, closed ones too.
    further : Compared or None
        The candidate against an older job that is taken for good, where nobody compared what lies between.
    name : function of (str, str, sequence of Curve)
        Gives the key of what became slower in a product at an endpoint in these curves.

    Returns
    -------
    tuple of Tracked
        New ones, those that are open, and those that are closed with this job; worst first.
    """
    found = list(opened(compared, settings))
    mine = [one for one in known if concerns(one.issue, compared.candidate, settings)]
    carried: list[Tracked] = []
    for one in mine:
        again = next((new for new in found if _is_same(one, new)), None)
        found = [new for new in found if new is not again]
        carried += _carried(one, again, compared, settings)
    told = [*carried, *found]
    for late in (*_late(further, compared, settings.detect.moderate), *_lasting(compared, settings, name)):
        if not any(_overlaps(late, one) for one in (*told, *mine)):
            told.append(late)
    return tuple(sorted(told, key=lambda one: (-one.issue.slowdown, one.issue.key)))


def concerns(issue: OpenIssue, candidate: JobInfo, settings: ProductSettings) -> bool:
    """Tell whether a job is of a version that an issue can be in: not below the one that it came in with."""
    if settings.discovery.version_order == "date":
        return True
    own, first = order(candidate.version), order(issue.first.version)
    return own is None or first is None or own >= first


def _is_same(known: Tracked, found: Tracked) -> bool:
    """Tell whether a finding is an issue that is known: by its key, or while that is open by most of its curves."""
    if known.issue.key == found.issue.key:
        return True
    return known.issue.status is not IssueStatus.CLOSED and _overlaps(found, known)


def _overlaps(one: Tracked, other: Tracked) -> bool:
    curves, others = _curves(one), _curves(other)
    fewer = min(len(curves), len(others))
    same = one.issue.endpoint == other.issue.endpoint and len(curves & others) >= SHARED * fewer
    return same or one.issue.key == other.issue.key


def _curves(one: Tracked) -> set[tuple[str, str, bool]]:
    return {(each.group, each.tag, each.scalar) for each in one.reference}


# ── found by this comparison ────────────────────────────────────────────────────────────────────────────────────────


def opened(compared: Compared, settings: ProductSettings) -> Iterator[Tracked]:
    """Yield the issues that a comparison opens: from moderate on, by code or undecided, where it is fit to find any."""
    if any(isinstance(check, _UNFIT) for check in compared.checks):
        return
    for cluster in compared.clusters:
        if cluster.direction is Direction.WORSE and cluster.severity in _WORTH and cluster.attribution in _REAL:
            made = _tracked(compared, cluster, settings.detect.moderate)
            if made is not None:
                yield made


def _tracked(compared: Compared, cluster: Cluster, moderate: float) -> Tracked | None:
    """Return a cluster as an issue, with what its curves cost before; None where it is none, or nobody can tell."""
    onset = _onset(compared, cluster)
    rows, candidate = compared.curves.rows
    before = job_values(compared.curves, rows)
    whole = cluster.kind is FindingKind.WHOLE
    lucky = _lucky(compared, onset)
    reference = _before(compared, cluster, before, lucky, whole=whole)
    level = level_of(reference, compared.curves, compared.detection, job_values(compared.curves, candidate))
    if level is None:
        return None
    true = ratio(level.gross if whole else level.net)
    if math.log1p(true) < TRUE_SIZE * math.log1p(moderate):
        return None
    # What the report says, so that one issue has one size; against a lucky baseline its level is the truer one.
    size = true if lucky else cluster.gross_slowdown if whole else cluster.median_slowdown
    return Tracked(issue=_issue(cluster, _began(compared, onset), size), reference=reference)


def _onset(compared: Compared, cluster: Cluster) -> Onset | None:
    onsets = compared.past.onsets if compared.past else ()
    return next((one for one in onsets if one.cluster == cluster.id), None)


def _lucky(compared: Compared, onset: Onset | None) -> float:
    """Return the logarithm of what the baseline cost against the level before; 0 where no earlier jobs tell."""
    if compared.past is None or onset is None:
        return 0.0
    levels = zip(compared.past.jobs, onset.levels, strict=True)
    found = next((level for job, level in levels if job.job == compared.baseline.id and level is not None), 0.0)
    return math.log1p(max(found, -0.999))


def _before(
    compared: Compared, cluster: Cluster, before: NDArray[np.float64], lucky: float, *, whole: bool
) -> tuple[Reference, ...]:
    """Return what a cluster's curves cost before, where they got worse."""
    curves = [compared.curves.curves[index] for index in _gravest(compared.detection, cluster, whole=whole)]
    worse = np.ones(len(before))
    for curve in curves:
        worse[curve.start : curve.stop] = math.exp(-lucky if curve.less_better else lucky)
    points = [(curve, points_of(compared.detection.results[curve.index], curve, whole=whole)) for curve in curves]
    return references(compared.curves, before * worse, points)


def _gravest(detection: Detection, cluster: Cluster, *, whole: bool) -> tuple[int, ...]:
    """Return the curves that give an issue its size: those of its severity, or all where it is of the whole run."""
    alike = tuple(index for index in cluster.curves if detection.results[index].severity == cluster.severity)
    return cluster.curves if whole or not alike else alike


def _began(compared: Compared, onset: Onset | None) -> _Began:
    """Return when an issue began: with the candidate where nothing says that it was earlier."""
    if onset is not None:
        return _Began(onset.first, onset.last_good, onset.earliest, onset.latest)
    first, good = _place(compared.candidate), _place(compared.baseline)
    return _Began(first, good, first, first)


def _place(job: JobInfo) -> JobRef:
    return JobRef(job=job.id, version=plain(job.product_ver), end=job.end)


def _issue(cluster: Cluster, began: _Began, size: float) -> OpenIssue:
    return OpenIssue(
        key=cluster.key,
        status=IssueStatus.NEW,
        cluster=cluster.id,
        endpoint=plain(cluster.endpoint),
        title=plain(cluster.title),
        scenarios=tuple(map(plain, cluster.scenarios)),
        metric_kinds=tuple(kind.value for kind in cluster.metric_kinds),
        severity=(cluster.severity or Severity.MINOR).value,
        attribution=cluster.attribution.value,
        confidence=cluster.confidence.value,
        slowdown=size,
        opened=size,
        news=size,
        load_first=plain(cluster.load_first),
        load_last=plain(cluster.load_last),
        threads=cluster.threads,
        curves=len(cluster.curves),
        **began._asdict(),
        measured=True,
        whole=cluster.kind is FindingKind.WHOLE,
        accepted=False,
        accepted_until=None,
        offset=0.0,
    )


# ── known from before ───────────────────────────────────────────────────────────────────────────────────────────────


def _carried(one: Tracked, again: Tracked | None, compared: Compared, settings: ProductSettings) -> list[Tracked]:
    """Return a known issue as it is with this job; nothing where it is closed and stays so."""
    values = job_values(compared.curves, compared.curves.rows[1])
    level = level_of(one.reference, compared.curves, compared.detection, values)
    issue, log = one.issue, math.log1p(one.issue.slowdown)
    was_open = issue.status is not IssueStatus.CLOSED
    if level is None:
        kept = replace(issue, status=IssueStatus.OPEN, cluster="", measured=False)
        return [replace(one, issue=kept)] if was_open else []
    if any(isinstance(check, AnotherMachine) for check in compared.checks) and was_open:
        issue = replace(issue, offset=level.gross - log)  # levels begin anew: it is taken to be as large as it was
        level = level._replace(net=level.gross)  # what the run shares is the machine's
    level = level._replace(gross=level.gross - issue.offset, net=level.net - issue.offset)
    size = ratio(level.gross if issue.whole else level.net)
    if again is not None:
        return [replace(one, issue=_found_again(issue, again.issue, size, on_top=_is_on_top(one, compared)))]
    status = _status(issue, level, settings.detect.moderate)
    if status is None:
        return []
    news = issue.news if status in {IssueStatus.OPEN, IssueStatus.CLOSED} else size
    return [replace(one, issue=replace(issue, status=status, cluster="", slowdown=size, news=news, measured=True))]


def _is_on_top(one: Tracked, compared: Compared) -> bool:
    """Tell whether the baseline has an issue already, so that what is found came on top of it."""
    before = job_values(compared.curves, compared.curves.rows[0])
    level = level_of(one.reference, compared.curves, compared.detection, before)
    return level is not None and level.gross - one.issue.offset > math.log1p(one.issue.opened) / 2


def _found_again(issue: OpenIssue, found: OpenIssue, size: float, *, on_top: bool) -> OpenIssue:
    """Return a known issue that the comparison found: back where it was closed, worse where it came on top."""
    status = IssueStatus.WORSE if on_top else IssueStatus.OPEN
    status = IssueStatus.REOPENED if issue.status is IssueStatus.CLOSED else status
    large = max(size, found.slowdown)
    same = {"key": issue.key, "opened": issue.opened, "offset": issue.offset, "whole": issue.whole}
    began = {"first": issue.first, "last_good": issue.last_good, "earliest": issue.earliest, "latest": issue.latest}
    if status is IssueStatus.REOPENED:
        began = {name: getattr(found, name) for name in began}
    return replace(found, status=status, slowdown=large, news=large, **same, **began)


def _status(issue: OpenIssue, level: Level, moderate: float) -> IssueStatus | None:
    """Say what a job's level makes of an issue; both as measured and net of what the run shares must say so.

    A run that is slow or fast as a whole, or whose baseline was, changes nothing: the next one will tell.
    """
    size, levels = math.log1p(issue.opened), ((level.gross,) if issue.whole else (level.gross, level.net))
    back, slow = max(levels) <= GONE * size, min(levels) >= (1 - GONE) * size
    if issue.status is IssueStatus.CLOSED:
        return IssueStatus.REOPENED if slow else None
    if back:
        return IssueStatus.CLOSED
    grown = min(levels) >= math.log1p(issue.news) + math.log1p(moderate)
    return IssueStatus.WORSE if grown else IssueStatus.OPEN


# ── came in where nobody looked ─────────────────────────────────────────────────────────────────────────────────────


def _late(further: Compared | None, compared: Compared, moderate: float) -> Iterator[Tracked]:
    """Yield what an older job shows to be slower, and what did not come in with the candidate."""
    if further is None or any(isinstance(check, _UNFIT) for check in further.checks):
        return
    for cluster in further.clusters:
        onset = _onset(further, cluster)
        worse = cluster.direction is Direction.WORSE and cluster.severity in _WORTH and cluster.attribution in _REAL
        made = _tracked(further, cluster, moderate) if worse and onset else None
        if made is not None and onset is not None and onset.first.job != compared.candidate.id:
            yield replace(made, issue=replace(made.issue, status=IssueStatus.OPEN, cluster=""))


def _lasting(compared: Compared, settings: ProductSettings, name: Name) -> Iterator[Tracked]:
    """Yield the steps of the history that have lasted and are still there."""
    if compared.past is None or compared.timeline is None:
        return
    for step in compared.past.patterns.shifts:
        if step.slowdown >= settings.detect.moderate and step.recovered is None and not step.same_version:
            made = _of_step(compared, compared.timeline, step, settings, name)
            if made is not None:
                yield made


def _of_step(
    compared: Compared, timeline: Timeline, step: ChangePoint, settings: ProductSettings, name: Name
) -> Tracked | None:
    """Return a lasting step as an issue; None where the candidate is not on its level."""
    tags = set(step.curves)
    members = [one for one in compared.curves.curves if one.tag in tags and one.endpoint == step.endpoint]
    earlier = [
        row for row, job in enumerate(timeline.jobs) if _at(job.end, job.id) < _at(step.first.end, step.first.job)
    ]
    if not members or not earlier or step.first.job == compared.candidate.id:
        return None
    before = median(timeline.mean[earlier[-EVIDENCE:]], axis=0)
    reference = references(compared.curves, before, [(one, np.arange(one.start, one.stop)) for one in members])
    values = job_values(compared.curves, compared.curves.rows[1])
    level = level_of(reference, compared.curves, compared.detection, values)
    if level is None or min(level) < math.log1p(settings.detect.moderate):
        return None
    product = compared.candidate.product_name
    issue = _step_issue(step, members, ratio(level.net), settings, name(product, step.endpoint, members))
    return Tracked(issue=issue, reference=reference) if concerns(issue, compared.candidate, settings) else None


def _at(end: object, job: int) -> tuple[float, int]:
    return end.timestamp(), job  # type: ignore[attr-defined] # a moment


def _step_issue(
    step: ChangePoint, members: Sequence[Curve], size: float, settings: ProductSettings, key: str
) -> OpenIssue:
    """Word a lasting step; nothing controls it, so nobody knows whose doing it is."""
    threads = {one.threads for one in members if one.threads is not None}
    return OpenIssue(
        key=key,
        status=IssueStatus.OPEN,
        cluster="",
        endpoint=plain(step.endpoint),
        title=plain(step.endpoint),
        scenarios=tuple(sorted({plain(one.scenario) for one in members})),
        metric_kinds=tuple(sorted({one.metric_kind.value for one in members})),
        severity=_severity(size, settings).value,
        attribution=Attribution.UNDECIDED.value,
        confidence=Confidence.MEDIUM.value,
        slowdown=size,
        opened=size,
        news=size,
        load_first="",
        load_last="",
        threads=tuple(sorted(threads)),
        curves=len(members),
        first=step.first,
        last_good=step.last_good,
        earliest=step.earliest,
        latest=step.latest,
        measured=True,
        whole=False,
        accepted=False,
        accepted_until=None,
        offset=0.0,
    )


def _severity(size: float, settings: ProductSettings) -> Severity:
    steps = ((settings.detect.critical, Severity.CRITICAL), (settings.detect.severe, Severity.SEVERE))
    return next((severity for least, severity in steps if size >= least), Severity.MODERATE)
