"""Hand-made analyses to render: what a stage would have handed over, without running one.

`typical` is a release with everything in it; the others are the corners: nothing found, only improvements, too
little evidence, hostile text, thousands of findings. Values follow the windows exactly, so a test can foretell them.
"""

from __future__ import annotations

import functools
from datetime import UTC, date, datetime, timedelta
from typing import get_args

import msgspec
import numpy as np
from msgspec import structs

from perftracker_ai.detect.ids import with_ids
from perftracker_ai.diagnose.keys import issue_keys
from perftracker_ai.model import (
    NOTICES,
    Absence,
    Acceptance,
    Analysis,
    Attribution,
    BadRecord,
    BadRecords,
    CandidateOlder,
    Cause,
    Cluster,
    Confidence,
    CoverageFinding,
    CoverageKind,
    Curve,
    CurveResult,
    CurveSet,
    Decision,
    Detection,
    Direction,
    FindingKind,
    Hypothesis,
    JobInfo,
    Measure,
    Method,
    MetricKind,
    Outcome,
    Rule,
    RunAccount,
    RunShift,
    Severity,
    Shape,
    ShapeEvidence,
    Standing,
    Strength,
    Verdict,
    Window,
)
from perftracker_ai.model.changes import Changes, Suspect
from perftracker_ai.model.checks import Check, Counted, Difference, Moved
from perftracker_ai.model.history import Bimodal, ChangePoint, Chronicle, Drift, JobRef, NoiseChange, Onset, Patterns
from perftracker_ai.model.issues import IssueStatus, LastGood, OpenIssue, OpenIssues
from perftracker_ai.model.ranges import Count
from perftracker_ai.report import build
from perftracker_ai.report.view import view
from perftracker_ai.settings import DetectSettings, PolicySettings

LOADS = tuple(range(1000, 11000, 1000))
SETTINGS, DRAFTS = "PUT /api/policies/{id}/settings", "POST /api/drafts"
SEARCH, TOGGLE = "GET /api/policies", "PUT /api/policies/{id}"


def job(job_id, version, day=1, **changes):
    """A finished job of 60 tests."""
    fields = {
        "id": job_id,
        "uuid": f"1f176480-e723-11f1-993e-0000000{job_id:05d}",
        "title": "GRPM API",
        "product_name": "GRPM",
        "product_ver": version,
        "suite_name": "GRPM",
        "suite_ver": "3.11",
        "project_id": 1,
        "project_name": "Default project",
        "hosts": ("perf-host-1",),
        "begin": datetime(2026, 6, day, 1, 10, tzinfo=UTC),
        "end": datetime(2026, 6, day, 10, 51, tzinfo=UTC),
        "upload": f"2026-06-{day:02d}T11:00:00Z",
        "tests_total": 60,
        "tests_completed": 60,
        "tests_failed": 0,
        "tests_errors": 0,
        "deleted": False,
    }
    return JobInfo(**fields | changes)


def report(made, narration=None):
    """The report of an analysis."""
    return build(view(made, narration))


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What one curve of the analysis shall be; `first` and `last` count its loads from 0."""

    endpoint: str = SETTINGS
    kind: MetricKind = MetricKind.LATENCY
    threads: int | None = 1
    slowdown: float = 0.0
    first: int = 0
    last: int = len(LOADS) - 1
    outcome: Outcome = Outcome.UNCHANGED
    confidence: Confidence | None = None
    scenario: str = "random"
    scalar: bool = False
    also: tuple[float, int, int] | None = None  # another window: slowdown, first, last
    needed: str = ""


def regressed(endpoint=SETTINGS, slowdown=1.5, confidence=Confidence.HIGH, **fields):
    outcome = Outcome.REGRESSED if slowdown >= 0.15 else Outcome.MINOR
    return Plan(endpoint=endpoint, slowdown=slowdown, confidence=confidence, outcome=outcome, **fields)


def improved(endpoint=SEARCH, slowdown=-0.3, **fields):
    return Plan(endpoint=endpoint, slowdown=slowdown, confidence=Confidence.HIGH, outcome=Outcome.IMPROVED, **fields)


def severity_of(slowdown):
    steps = ((1.0, Severity.CRITICAL), (0.5, Severity.SEVERE), (0.15, Severity.MODERATE), (0.0, Severity.MINOR))
    return next((severity for size, severity in steps if slowdown >= size), None)


def window(start, slowdown, first, last, **changes):
    fields = {
        "direction": Direction.WORSE if slowdown > 0 else Direction.BETTER,
        "first": start + first,
        "last": start + last,
        "points": last - first + 1,
        "median_slowdown": slowdown,
        "mean_slowdown": slowdown * 1.02,
        "max_slowdown": slowdown * 1.25,
        "low": slowdown - abs(slowdown) * 0.2,
        "high": slowdown + abs(slowdown) * 0.2,
        "p_value": 0.00012,
        "q_value": 0.0031,
        "kind": FindingKind.WINDOW,
        "gross_slowdown": (1 + slowdown) * 1.02 - 1,
        "consistency": 1.0 if abs(slowdown) >= 0.15 else 0.0,
        "severity": severity_of(slowdown) if slowdown > 0 else None,
    }
    return Window(**fields | changes)


def _curve(index, plan, start, size):
    latency = plan.kind is MetricKind.LATENCY
    method, _, path = plan.endpoint.partition(" ")
    label = "latency, p(95)" if latency else plan.kind.value
    threads = f" ({plan.threads} th)" if plan.threads else ""
    return Curve(
        index=index,
        group="policies",
        tag=f"{label}{threads}: {plan.endpoint} ({plan.scenario})",
        metric_label=label,
        metric_kind=plan.kind,
        statistic="p95" if latency else "",
        threads=plan.threads,
        method=method,
        path=path,
        endpoint=plan.endpoint,
        scenario=plan.scenario,
        unit="ms" if latency else "req/s",
        base_unit="s" if latency else "/s",
        less_better=latency,
        direction_known=True,
        load_unit="" if plan.scalar else "policies",
        numbered=not plan.scalar,
        scalar=plan.scalar,
        start=start,
        stop=start + size,
    )


def _result(index, plan, start, size):
    last = min(plan.last, size - 1)
    windows = [window(start, plan.slowdown, min(plan.first, last), last)] if plan.confidence else []
    if plan.also:
        windows.append(window(start, *plan.also))
    windows.sort(key=lambda found: found.first)
    worst = max(range(len(windows)), key=lambda at: abs(windows[at].median_slowdown), default=None)
    worse = plan.outcome in {Outcome.REGRESSED, Outcome.MINOR}
    return CurveResult(
        id="",
        curve=index,
        outcome=plan.outcome,
        method=Method.NONE if plan.needed else Method.RULE,
        windows=tuple(windows),
        worst=worst,
        severity=severity_of(plan.slowdown) if worse else None,
        confidence=plan.confidence,
        reasons=("every load of the window is slower", "q = 0.0031") if plan.confidence else (),
        points=0 if plan.needed else size,
        samples=0 if plan.needed else size * 2,
        median_slowdown=None if plan.needed else plan.slowdown,
        attribution=Attribution.CODE if plan.confidence else None,
        left_out=(),
        gross_slowdown=None if plan.needed else (1 + plan.slowdown) * 1.02 - 1,
        shift=0.02,
        noise=None if plan.needed else 0.03,
        cause=Cause.FEW_RUNS if plan.needed else None,
        runs_needed=1 if plan.needed else None,
        needed=plan.needed,
    )


def curve_set(plans):
    """Curves of ten loads whose candidate is slower by exactly what the plan says, times the run's 2 %."""
    sizes = [1 if plan.scalar else len(LOADS) for plan in plans]
    starts = np.cumsum([0, *sizes])
    load = np.concatenate([np.array([0.0] if plan.scalar else LOADS, dtype=float) for plan in plans])
    label = [text for plan in plans for text in ([""] if plan.scalar else [f"{size} policies" for size in LOADS])]
    mean = np.empty((2, len(load)))
    for plan, start, size in zip(plans, starts, sizes, strict=False):
        factor = np.full(size, 1.02)
        spans = [(plan.slowdown, plan.first, plan.last)] + ([plan.also] if plan.also else [])
        for slowdown, first, last in spans:
            factor[first : last + 1] *= 1 + slowdown
        latency = plan.kind is MetricKind.LATENCY
        base = (0.012 if latency else 480.0) * (1 + np.arange(size) / 100)
        mean[:, start : start + size] = base, base * factor if latency else base / factor
        if plan.needed:
            mean[1, start : start + size] = np.nan
    gone = np.isnan(mean)
    return CurveSet(
        curves=tuple(_curve(at, plan, int(starts[at]), sizes[at]) for at, plan in enumerate(plans)),
        load=load,
        label=tuple(label),
        mean=mean,
        sd=np.full(mean.shape, np.nan),
        count=np.where(gone, 0, 1),
        absence=np.where(gone, Absence.FAILED, Absence.PRESENT).astype(np.uint8),
        errors=np.zeros(mean.shape, dtype=np.int64),
        begin=np.full(mean.shape, np.nan),
        end=np.full(mean.shape, np.nan),
        candidate_reruns=0,
    )


def cluster(number, curves, results, members, **changes):
    """A cluster led by its first member."""
    lead, result = curves.curves[members[0]], results[members[0]]
    found = result.windows[result.worst]
    threads = tuple(sorted({curves.curves[member].threads for member in members} - {None}))
    scalar = lead.scalar
    fields = {
        "id": f"C{number}",
        "key": f"key-{number}",
        "direction": found.direction,
        "title": f"{lead.endpoint}: {len(members)} curve" + "s" * (len(members) > 1),
        "endpoint": lead.endpoint,
        "scenarios": (lead.scenario,),
        "factor": "endpoint",
        "curves": tuple(members),
        "threads": threads,
        "all_threads": len(threads) > 1,
        "metric_kinds": tuple(sorted({curves.curves[member].metric_kind for member in members})),
        "load_first": "" if scalar else curves.label[found.first],
        "load_last": "" if scalar else curves.label[found.last],
        "severity": result.severity,
        "confidence": result.confidence,
        "median_slowdown": found.median_slowdown,
        "max_slowdown": found.max_slowdown,
        "worst_curve": members[0],
        "kind": found.kind,
        "attribution": Attribution.CODE,
        "gross_slowdown": found.gross_slowdown,
        "endpoints": 1,
        "shape": Shape.STEP if found.first > lead.start else Shape.CONSTANT,
        "shape_evidence": (ShapeEvidence(name="level before the step", value=0.01, measure=Measure.NUMBER),),
        "hypotheses": (),
    }
    return Cluster(**fields | changes)


def clusters_of(curves, results, **changes):
    """One cluster per endpoint and direction, in order of severity and size, as diagnosis would make them."""
    members = {}
    for result in results:
        if result.confidence:
            better = result.outcome is Outcome.IMPROVED
            members.setdefault((better, curves.curves[result.curve].endpoint), []).append(result.curve)

    def size(curve):
        return abs(results[curve].windows[results[curve].worst].median_slowdown)

    ranked = sorted(
        ((better, sorted(found, key=size, reverse=True)) for (better, _), found in members.items()),
        key=lambda item: (item[0], -size(item[1][0])),
    )
    found = [cluster(number, curves, results, members, **changes) for number, (_, members) in enumerate(ranked, 1)]
    keys = issue_keys(curves, found, "GRPM")
    return tuple(structs.replace(one, key=key) for one, key in zip(found, keys, strict=True))


INDEX = Hypothesis(
    key="data_size",
    title="Work that grows with the number of objects",
    strength=Strength.MODERATE,
    evidence_for=("the slowdown starts at 6000 policies and stays to the highest load",),
    evidence_against=("reads of the same objects did not change",),
    confirm=("compare the query plans of both versions at 10000 policies",),
    refute=("equal plans and equal query counts",),
)

RULES = (
    Rule(
        key="block_critical",
        verdict=Verdict.BLOCK,
        text="at least 1 critical cluster of medium or high confidence",
        fired=True,
        because="1 critical cluster: PUT /api/policies/{id}/settings",
    ),
    Rule(
        key="block_severe",
        verdict=Verdict.BLOCK,
        text="at least 3 severe clusters of medium or high confidence",
        fired=False,
        because="1 severe cluster",
    ),
)


def decision(verdict, because=""):
    fired = Rule(key=verdict.name.lower(), verdict=verdict, text="the rule in words", fired=True, because=because)
    return Decision(verdict=verdict, rules=(fired,))


def shift(kind, slowdown, **changes):
    fields = {
        "metric_kind": kind,
        "threads": None,
        "slowdown": slowdown,
        "low": slowdown - 0.004,
        "high": slowdown + 0.004,
        "curves": 6,
        "significant": abs(slowdown) > 0.004,
        "large": abs(slowdown) >= 0.1,
        "attribution": Attribution.UNDECIDED,
    }
    return RunShift(**fields | changes)


def account(job_id, **changes):
    fields = {"job_id": job_id, "tests": 60, "points": 60, "pooled": 0, "absent": (), "bad_records": ()}
    return RunAccount(**fields | changes)


def analysis(plans, verdict, **changes):
    """An analysis of these plans, with nothing else worth telling."""
    curves = curve_set(plans)
    judged = tuple(
        _result(curve.index, plan, curve.start, curve.stop - curve.start)
        for plan, curve in zip(plans, curves.curves, strict=True)
    )
    results = with_ids(judged, curves.curves)
    fields = {
        "baseline": job(85817, "1.64-4996", 1),
        "candidate": job(86303, "1.65-5010", 2),
        "reruns": (),
        "candidate_reruns": (),
        "validity": (),
        "accounts": (account(85817), account(86303)),
        "curves": curves,
        "detection": Detection(
            results=results,
            shifts=(shift(MetricKind.LATENCY, 0.02), shift(MetricKind.RATE, 0.0)),
            method="multiscale scan 1",
            level=0.95,
            fdr=0.05,
            seed=20261123,
            noise_source="curve roughness of this pair",
            mirrored=0,
        ),
        "coverage": (),
        "clusters": clusters_of(curves, results),
        "accepted": (),
        "decision": verdict,
        "notices": (),
        "chronicle": None,
        "open_issues": None,
        "changes": None,
        "criteria": DetectSettings(),
        "policy": PolicySettings(),
    }
    return Analysis(**fields | changes)


def typical():
    """A release to block: findings of every outcome and severity, lost and failing tests, notices, a rerun."""
    plans = [
        regressed(threads=16, slowdown=1.5, first=5),
        regressed(threads=4, slowdown=1.2, first=5),
        regressed(threads=16, slowdown=1.1, first=5, kind=MetricKind.RATE),
        regressed(DRAFTS, 0.62, first=3, last=6, also=(-0.25, 8, 9)),
        regressed(TOGGLE, 0.22, confidence=Confidence.LOW, threads=4),
        regressed("DELETE /api/policies/{id}", 0.08, confidence=Confidence.MEDIUM),
        improved(threads=1),
        improved(threads=4, slowdown=-0.28),
        Plan(endpoint="GET /api/drafts", outcome=Outcome.INCONCLUSIVE, needed="2 more runs of the baseline"),
        Plan(endpoint="GET /api/health", kind=MetricKind.RATE),
        Plan(endpoint="GET /api/health", scalar=True, threads=None),
    ]
    made = analysis(plans, Decision(verdict=Verdict.BLOCK, rules=RULES))
    detection = structs.replace(made.detection, mirrored=2, noise_source="curve roughness and 1 rerun")
    first = structs.replace(made.clusters[0], hypotheses=(INDEX,))
    return structs.replace(
        made,
        clusters=(first, *made.clusters[1:]),
        detection=detection,
        reruns=(job(85700, "1.64-4996", 1),),
        coverage=COVERAGE,
        accounts=(
            account(85817, points=57, pooled=2, bad_records=(BadRecord(position=17, problem="scores is no list"),)),
            account(86303, points=50, absent=((Absence.FAILED, 10),)),
        ),
        notices=(
            BadRecords(job=85817, records=1, position=17, problem="scores is no list"),
            CandidateOlder(
                baseline=85817, baseline_end=date(2026, 6, 3), candidate=86303, candidate_end=date(2026, 6, 2)
            ),
        ),
    )


COVERAGE = (
    CoverageFinding(
        kind=CoverageKind.NEW_FAILURE,
        group="policies",
        curves=(8,),
        load_first="8000 policies",
        load_last="10000 policies",
        points=3,
        reason="the tests have status FAILED up to the highest load",
        baseline_errors=0,
        candidate_errors=12,
        severity=Severity.SEVERE,
    ),
    CoverageFinding(
        kind=CoverageKind.NEW_CURVE,
        group="policies",
        curves=(9,),
        load_first="",
        load_last="",
        points=10,
        reason="the baseline has no such test",
        baseline_errors=0,
        candidate_errors=0,
        severity=None,
    ),
)


def nothing_found():
    plans = [Plan(endpoint=endpoint, threads=threads) for endpoint in (SETTINGS, SEARCH) for threads in (1, 4)]
    return analysis(plans, decision(Verdict.APPROVE, "no rule of a stronger verdict fired"))


def only_improvements():
    return analysis([improved(), improved(threads=4)], decision(Verdict.APPROVE, "nothing became slower"))


def accepted():
    """The same release with its worst items accepted, and entries of every other standing."""
    made = typical()

    def entry(endpoint, standing, curves=(), **changes):
        fields = {
            "endpoint": endpoint,
            "tag": "",
            "metric": "",
            "loads": None,
            "slowdown": 1.5,
            "reason": "known since 1.63, <b>ticket</b> | 4711",
            "until": date(2026, 12, 31),
            "days_left": 38,
            "standing": standing,
            "curves": curves,
            "found": 1.5 if curves else None,
        }
        return Acceptance(**fields | changes)

    entries = (
        entry(SETTINGS, Standing.IN_FORCE, (0, 1, 2), loads=(6000.0, 10000.0)),
        entry(DRAFTS, Standing.OUTGROWN, found=0.62, slowdown=0.2),
        entry(TOGGLE, Standing.ENDED, until=date(2026, 11, 1), days_left=-22, found=0.22),
        entry("GET /api/health", Standing.GONE),
        entry("GET /api/drafts", Standing.OPEN),
        entry("GET /nowhere/*", Standing.UNMATCHED, metric="p95", slowdown=None),
    )
    return structs.replace(made, accepted=entries)


# ── what earlier jobs say ───────────────────────────────────────────────────────────────────────────────────────────


def nights(count, first=85800, start=datetime(2026, 5, 25, 22, tzinfo=UTC)):
    """Nightly jobs, a version for every three of them."""
    return tuple(
        JobRef(job=first + at, version=f"1.65-{5000 + at // 3}", end=start + timedelta(days=at)) for at in range(count)
    )


def onset(number, jobs, first, *, good=None, doubt=0, size=0.6, levels=None):
    """Issue number so much is there since the job at `first`, give or take `doubt` jobs."""
    wave = [0.02 * ((at * 7) % 5 - 2) for at in range(len(jobs))]
    made = tuple(noise + (size if at >= first else 0.0) for at, noise in enumerate(wave))
    return Onset(
        cluster=f"C{number}",
        first=jobs[first],
        last_good=jobs[first - 1 if good is None else good],
        earliest=jobs[max(first - doubt, 0)],
        latest=jobs[min(first + doubt, len(jobs) - 1)],
        levels=made if levels is None else levels,
    )


def patterns(jobs, endpoints=("GET /api/reports",), **changes):
    """Of each kind of trend one for every endpoint."""
    spot = {"first": jobs[4], "last_good": jobs[3], "earliest": jobs[4], "latest": jobs[5], "same_version": False}
    size = {"slowdown": 0.305, "low": 0.295, "high": 0.316}
    tags = ("latency, p(95)", "rate")
    fields = {
        "curves": 41,
        "too_short": 3,
        "shifts": tuple(
            ChangePoint(endpoint=one, curves=tags, **size, **spot, recovered=back)
            for one in endpoints
            for back in (None, jobs[9])
        ),
        "creeps": tuple(Drift(endpoint=one, curves=tags, **size) for one in endpoints),
        "unrests": tuple(NoiseChange(endpoint=one, curves=tags, ratio=2.14, first=jobs[7]) for one in endpoints),
        "switchings": tuple(Bimodal(endpoint=one, curves=tags[:1], slowdown=0.4) for one in endpoints),
    }
    return Patterns(**fields | changes)


def quiet(**changes):
    """Patterns of a history in which nothing happened."""
    fields = {"curves": 41, "too_short": 0, "shifts": (), "creeps": (), "unrests": (), "switchings": ()}
    return Patterns(**fields | changes)


def remembered():
    """The same release with a month of earlier jobs: issues of every age, and trends of every kind."""
    made = typical()
    jobs = nights(30)
    baseline = structs.replace(made.baseline, id=jobs[6].job, product_ver=jobs[6].version, end=jobs[6].end)
    candidate = structs.replace(made.candidate, id=jobs[-1].job, product_ver=jobs[-1].version, end=jobs[-1].end)
    gaps = (None, None, *(0.0 if at < 15 else 0.22 for at in range(27)), None)
    onsets = (
        onset(1, jobs, 9, size=1.5),
        onset(2, jobs, 13, good=12, size=0.62),
        onset(3, jobs, 29, doubt=9, levels=gaps),
        onset(4, jobs, 29, good=6, levels=(None,) * 30),
    )
    told = patterns(jobs)
    # What is an issue of this comparison is not to be told a second time.
    again = structs.replace(told.shifts[0], endpoint=SETTINGS, first=jobs[9], last_good=jobs[8])
    told = structs.replace(told, shifts=(again, *told.shifts))
    past = Chronicle(jobs=jobs, onsets=onsets, patterns=told, oldest=jobs[0])
    return structs.replace(made, baseline=baseline, candidate=candidate, chronicle=past)


def crept():
    """Nothing is slower than in the baseline, while two endpoints crept and one is slower since an earlier job."""
    made, jobs = nothing_found(), nights(30)
    (slower, _), size = patterns(jobs, (SEARCH,)).shifts, {"low": 0.346, "high": 0.384}
    creeps = tuple(Drift(endpoint=one, curves=("rate",), slowdown=0.365, **size) for one in (SETTINGS, DRAFTS))
    rule = Rule(
        key="monitor_creep",
        verdict=Verdict.APPROVE_WITH_MONITORING,
        text="Any endpoint that creeps (15 % slower or more since the oldest job, and more than 5 % for sure).",
        fired=True,
        because=f"{SETTINGS} +36.5 % (+34.6 % to +38.4 %) since 2026-05-25; 1 more",
    )
    past = Chronicle(jobs=jobs, onsets=(), patterns=quiet(shifts=(slower,), creeps=creeps), oldest=jobs[0])
    return structs.replace(made, decision=Decision(verdict=rule.verdict, rules=(rule,)), chronicle=past)


# ── corners ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def insufficient():
    plans = [Plan(outcome=Outcome.INCONCLUSIVE, needed="candidate values at 3 loads", threads=n) for n in (1, 4)]
    because = "0 of 2 curves could be compared"
    made = analysis(plans, decision(Verdict.INSUFFICIENT_EVIDENCE, because))
    return structs.replace(made, detection=structs.replace(made.detection, shifts=()))


def drifted():
    """A candidate that is 12 % slower everywhere, and nothing else."""
    made = analysis([Plan(), Plan(threads=4)], decision(Verdict.INVESTIGATE, "latency is 12 % slower in the whole run"))
    shifts = (shift(MetricKind.LATENCY, 0.12), shift(MetricKind.RATE, -0.03, threads=16))
    return structs.replace(made, detection=structs.replace(made.detection, shifts=shifts))


def changed(cluster="C1", text="Check the quota of each policy"):
    """What a checkout told of an issue."""
    suspect = Suspect(
        cluster=cluster,
        commit="ec56233c61c2" + "0" * 28,
        authored=datetime(2026, 5, 20, 9, tzinfo=UTC),
        subject=text,
        words=("policies",),
        kinds=("queries and data", "dependencies"),
    )
    return Changes(older="v1", newer="v2", commits=60, complete=True, suspects=(suspect,))


def explained():
    """A checkout was at hand."""
    return structs.replace(typical(), changes=changed())


HOSTILE = (
    "x`|<script>alert(1)</script>\n"
    "# [a](http://evil.example) www.evil.example ![i](j)\x1b[31m\u202egnp\u200b @all *b* _u_"
)


def hostile(text=HOSTILE):
    """Every text that a job can set says something evil, and at length."""
    endpoint = "GET " + text + "/" + "long" * 100
    made = analysis([regressed(endpoint, scenario=text), improved(endpoint)], decision(Verdict.BLOCK, text))
    info = {"title": text, "product_name": text, "product_ver": text, "suite_name": text, "hosts": (text, text)}
    curves = structs.replace(
        made.curves,
        curves=tuple(structs.replace(curve, group=text, unit=text, base_unit=text) for curve in made.curves.curves),
        label=tuple(f"{at} {text}" for at in range(len(made.curves.label))),
    )
    results = tuple(structs.replace(result, reasons=(text,), needed=text) for result in made.detection.results)
    evil = structs.replace(INDEX, title=text, evidence_for=(text,), confirm=(text,))
    found = {"title": text, "load_first": text, "load_last": text + "9", "scenarios": (text,), "hypotheses": (evil,)}
    return structs.replace(
        made,
        baseline=job(1, "1", **info),
        candidate=job(2, "2", **info),
        curves=curves,
        detection=structs.replace(made.detection, results=results, noise_source=text, method=text),
        clusters=tuple(structs.replace(cluster, **found) for cluster in made.clusters),
        coverage=tuple(structs.replace(item, group=text, reason=text, curves=(0,)) for item in COVERAGE),
        accounts=(account(1, bad_records=(BadRecord(position=1, problem=text),)), account(2)),
        validity=tuple(failed_check(kind, text) for kind in get_args(Check)),
        notices=tuple(notice(kind, text) for kind in NOTICES.values()),
        chronicle=hostile_past(text),
        open_issues=still_open(text),
        changes=structs.replace(changed(text=text), older=text, newer=text),
    )


def still_open(text="GET /open"):
    """Issues of every status, of which all texts that a job can set are this one."""
    place = JobRef(job=7, version=text, end=datetime(2026, 6, 1, tzinfo=UTC))
    names = {"endpoint": text, "title": text, "load_first": text, "load_last": text, "scenarios": (text,)}
    places = dict.fromkeys(("first", "last_good", "earliest", "latest"), place)
    found = tuple(
        OpenIssue(
            key=f"open-{at}",
            status=status,
            cluster="",
            metric_kinds=("latency",),
            severity="severe",
            attribution="code",
            confidence="high",
            slowdown=0.6 - at / 100,
            opened=0.5,
            news=0.5,
            threads=(1,),
            curves=2,
            measured=at != 1,
            whole=False,
            accepted=at == 1,
            accepted_until=None,
            offset=0.0,
            **names,
            **places,
        )
        for at, status in enumerate(IssueStatus)
        if status is not IssueStatus.NEW
    )
    return OpenIssues(issues=found, last_good=LastGood(job=place, approved=True))


def notice(kind, text="value", number=4):
    """A notice of a kind whose texts are all this one, and whose numbers this."""
    samples = {str: text, int: number, date: date(2026, 12, 31)}
    return kind(**{field.name: samples[field.type] for field in structs.fields(kind)})


def failed_check(kind, text="value", **changes):
    """A failed check of a kind whose texts are all this one, and whose curves and numbers are none or small."""
    samples = {
        str: text,
        bool: True,
        Count: 1,
        tuple[int, ...]: (1, 2),
        tuple[Count, ...]: (),
        tuple[str, ...]: (text,) * 2,
        tuple[Difference, ...]: (Difference(name="model", before=text, after=text),),
        tuple[Counted, ...]: (Counted(reason=text, tests=3),),
        tuple[Moved, ...]: (Moved(metric="latency", threads=None, slowdown=0.3),),
    }
    made = {field.name: samples.get(field.type, 1.0) for field in structs.fields(kind)}
    return kind(**made | changes)


def hostile_past(text):
    """A history whose versions, endpoints and tags are evil, and whose levels are huge, missing and below nothing."""
    jobs = tuple(structs.replace(one, version=text) for one in nights(12))
    levels = (None, 1e6, -5.0, 1e308, 0.0, 1e-300, *[None] * 5, 0.5)
    return Chronicle(
        jobs=jobs,
        onsets=(onset(1, jobs, 6, doubt=3, levels=levels),),
        patterns=patterns(jobs, [f"{text}{at}" for at in range(2)]),
        oldest=jobs[0],
    )


@functools.cache
def many(count=5000, endpoints=400):
    """So many findings that a report which listed them all would be of no use."""
    sizes = (1.4, 0.7, 0.3, 0.09)
    plans = [
        regressed(
            f"GET /api/part{at % endpoints % 7}/e{at % endpoints}",
            sizes[at % endpoints % 4] + at / 1e6,
            threads=at % 3 + 1,
        )
        for at in range(count)
    ]
    return analysis(plans, Decision(verdict=Verdict.BLOCK, rules=RULES))


VARIANTS = {
    "typical": typical,
    "nothing_found": nothing_found,
    "only_improvements": only_improvements,
    "insufficient": insufficient,
    "drifted": drifted,
    "accepted": accepted,
    "remembered": remembered,
    "crept": crept,
    "explained": explained,
    "hostile": hostile,
}
