"""What is said of a cluster or a finding wherever it appears: size, place, confidence, impact on users.

In: clusters and findings of a `View`. Out: Markdown text with everything foreign escaped; numbers with their units.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, assert_never

from perftracker_ai.model import CoverageKind, Measure, MetricKind
from perftracker_ai.report.view import labels, leading, worst_point
from perftracker_ai.words import wording
from perftracker_ai.words.numbers import (
    format_change,
    format_interval,
    format_load,
    format_number,
    format_pair,
    format_percent,
    format_probability,
    format_range,
    format_value,
    plural,
)
from perftracker_ai.words.text import clean, listing, md, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.model import Analysis, Cluster, CoverageFinding, Curve, JobInfo, RunShift, ShapeEvidence, Window
    from perftracker_ai.report.view import Finding, Point, View

RESULT_FILE = "result_v2.json"
LABEL_LIMIT = 60
NO_CHANGE = format_change(0.0)
EVIDENCE = 3  # numbers told of a shape; the others are in the results file

_Q = re.compile(r"\bq [=<]")
_WHO = {
    "p50": "half of the requests take more than",
    "p75": "one request in 4 takes more than",
    "p90": "one request in 10 takes more than",
    "p95": "one request in 20 takes more than",
    "p99": "one request in 100 takes more than",
}


def name(cluster: Cluster) -> str:
    """Return what a cluster is about: its endpoint, or its title when it is about something else."""
    return md(cluster.endpoint or cluster.title)


def threads(counts: tuple[int, ...]) -> str:
    """Return ``1 thread`` or ``4 and 16 threads``; empty for none."""
    if not counts:
        return ""
    return f"{listing([str(count) for count in counts])} {'thread' if counts == (1,) else 'threads'}"


def cluster_threads(cluster: Cluster) -> str:
    """Return the thread counts of a cluster, and whether these are all there are."""
    if cluster.all_threads and len(cluster.threads) > 1:
        return f"all thread counts ({listing([str(count) for count in cluster.threads])})"
    return threads(cluster.threads)


def load_range(cluster: Cluster) -> str:
    """Return the range of load of a cluster; empty for scalars."""
    return format_range(md(cluster.load_first, LABEL_LIMIT), md(cluster.load_last, LABEL_LIMIT))


def where(cluster: Cluster) -> str:
    """Return thread counts and loads of a cluster, as far as it has them."""
    return ", ".join(filter(None, (cluster_threads(cluster), load_range(cluster))))


def values(shown: View, finding: Finding) -> str:
    """Return ``12.3 ms → 31.0 ms`` at the worst point of a finding; empty without a comparable point."""
    worst = _worst(shown, finding)
    return _pair(finding.curve, worst) if worst else ""


def change(shown: View, finding: Finding) -> str:
    """Return a finding's change in full: values and place of the worst point, median, interval, largest."""
    window = finding.window
    if window is None:
        return "no window"
    worst = _worst(shown, finding)
    over = _over(shown, finding.curve, window) if window.points > 1 else ""
    measured = f"{metric(finding.curve)} {_pair(finding.curve, worst)}{_at(finding.curve, worst)}; " if worst else ""
    level = format_percent(shown.analysis.detection.level)
    interval = f"{level} interval {format_interval(window.low, window.high)}"
    largest = f", {format_change(window.max_slowdown)} at most" if window.points > 1 else ""
    return (
        f"{measured}median {format_change(window.median_slowdown)} ({interval}){over}{largest}{_also(shown, finding)}."
    )


def _also(shown: View, finding: Finding) -> str:
    """Name the other windows of a curve, better ones included: a mixed curve is both."""
    others = [window for window in finding.result.windows if window is not finding.window]
    told = [f"{format_change(window.median_slowdown)}{_over(shown, finding.curve, window)}" for window in others]
    return f"; also {capped(told, 3)}" if told else ""


def _over(shown: View, curve: Curve, window: Window) -> str:
    first, last = (md(label, LABEL_LIMIT) for label in labels(shown, curve, window))
    return f" over {format_range(first, last)}" if first else ""


def metric(curve: Curve) -> str:
    """Return what a curve measures, escaped."""
    return md(wording.metric_name(curve), LABEL_LIMIT)


def extent(shown: View, cluster: Cluster) -> str:
    """Return which curves a cluster holds: how many, of what, where, and their ids."""
    ids = [shown.by_curve[curve].id for curve in cluster.curves]
    scenarios = [md(scenario, LABEL_LIMIT) for scenario in cluster.scenarios if scenario]
    parts = (
        f"{plural(len(cluster.curves), 'curve')} of {listing([kind.value for kind in cluster.metric_kinds])}",
        where(cluster),
        f"{'scenario' if len(scenarios) == 1 else 'scenarios'} {capped(scenarios, 3)}" if scenarios else "",
        capped(ids, 6),
    )
    return "; ".join(filter(None, parts)) + "."


def shape(cluster: Cluster) -> str:
    """Return the shape of a cluster with the numbers it was read from."""
    evidence = [_evidence(item) for item in cluster.shape_evidence[:EVIDENCE]]
    return cluster.shape.value + (f" ({', '.join(evidence)})" if evidence else "") + "."


def _evidence(item: ShapeEvidence) -> str:
    """Return one number behind a shape, a slowdown as a percentage and a load in full."""
    name = md(item.name, LABEL_LIMIT)
    if item.measure is Measure.SLOWDOWN:
        return f"{name} {format_change(item.value)}"
    if item.measure is Measure.LOAD and math.isfinite(item.value):
        return f"{name} {format_load(item.value)}"
    return f"{name} {format_number(item.value)}"


def confidence(shown: View, cluster: Cluster) -> str:
    """Return a cluster's confidence with the reasons of the curve that leads it."""
    finding = leading(shown, cluster)
    window = finding.window
    reasons = [md(reason) for reason in finding.result.reasons]
    if window is not None and window.q_value is not None and not any(_Q.search(text) for text in reasons):
        q = format_probability(window.q_value)
        reasons.append(f"q {q}" if q.startswith("<") else f"q = {q}")
    return cluster.confidence.value + (f": {'; '.join(reasons)}" if reasons else "") + "."


def impact(shown: View, cluster: Cluster) -> str:
    """Return what a user notices of a cluster, derived from the values at its worst point."""
    finding = leading(shown, cluster)
    worst = _worst(shown, finding)
    if worst is None or worst.baseline is None or worst.candidate is None:
        return "not measurable at a single load."
    return sentence(f"{_at(finding.curve, worst)} {_impact(finding.curve, worst.baseline, worst.candidate)}")


def shifts(found: tuple[RunShift, ...]) -> list[str]:
    """Return the run-wide shifts: those that are there with their intervals, those that may be none by name."""
    there = [_shift(one) for one in found if one.significant]
    unclear = [f"{shift_of(one)} {format_change(one.slowdown)}" for one in found if _unclear(one)]
    lines = [f"Run-wide shift: {'; '.join(there)}."] if there else []
    lines += [f"Not distinguishable from no run-wide shift: {listing(unclear)}."] if unclear else []
    return lines or ["No run-wide shift."]


def _unclear(run_shift: RunShift) -> bool:
    return not run_shift.significant and format_change(run_shift.slowdown) != NO_CHANGE


def _shift(run_shift: RunShift) -> str:
    interval = format_interval(run_shift.low, run_shift.high)
    basis = f"{interval}, from {plural(run_shift.curves, 'curve')}"
    doubt = "; large, so rerun before you judge" if run_shift.large else ""
    return f"{shift_of(run_shift)} {format_change(run_shift.slowdown)} ({basis}){doubt}"


def shift_of(run_shift: RunShift) -> str:
    """Return what a run-wide shift is a shift of."""
    kind = "all metrics" if run_shift.metric_kind is None else run_shift.metric_kind.value
    return kind if run_shift.threads is None else f"{kind} at {threads((run_shift.threads,))}"


def coverage(shown: View, found: CoverageFinding) -> str:
    """Return a difference in what was measured: what, which test, which loads, why."""
    first, last = md(found.load_first, LABEL_LIMIT), md(found.load_last, LABEL_LIMIT)
    parts = [plural(found.points, "point") if found.points else "", format_range(first, last)]
    if found.kind is CoverageKind.MORE_ERRORS or found.baseline_errors != found.candidate_errors:
        parts.append(f"errors {found.baseline_errors:,} → {found.candidate_errors:,}")
    details = ", ".join(filter(None, parts))
    reason = f"; {md(found.reason)}" if found.reason else ""
    return f"{coverage_name(shown, found)}: {details}{reason}."


def coverage_name(shown: View, found: CoverageFinding) -> str:
    """Return the test a coverage finding is about, or the group when it is about several."""
    curves = shown.analysis.curves.curves
    if len(found.curves) == 1:
        return md(curves[found.curves[0]].tag)
    return f"group {md(found.group) or '(unnamed)'}, {plural(len(found.curves), 'test')}"


def beyond(shown: View) -> str:
    """Return what to add where nothing is said to be slower, while something creeps or is accepted as it is."""
    creeps = " against the baseline" if creeping(shown) else ""
    return creeps + (" beyond what is accepted" if shown.accepted else "")


def creeping(shown: View) -> str:
    """Return what creeps by as much as the policy names, and how much; empty where it does not, or nobody knows."""
    rules = (rule for rule in shown.analysis.decision.rules if rule.fired and rule.key == "monitor_creep")
    return next((clean(rule.because) for rule in rules), "")


def capped(items: list[str], limit: int) -> str:
    """Return the items as a list of words, ``and N more`` behind the first `limit`."""
    if len(items) <= limit:
        return listing(items)
    return f"{', '.join(items[:limit])} and {len(items) - limit:,} more"


def _impact(curve: Curve, baseline: float, candidate: float) -> str:
    before, after = (md(format_value(value, curve.base_unit, curve.unit)) for value in (baseline, candidate))
    match curve.metric_kind:
        case MetricKind.LATENCY:
            more = md(format_value(candidate - baseline, curve.base_unit, curve.unit))
            return f"{_who(curve)} {after} instead of {before}, {more} longer"
        case MetricKind.RATE:
            needed = (
                f"; the same traffic needs {format_number(baseline / candidate)} times the capacity"
                if candidate
                else ""
            )
            return f"{after} are served instead of {before}{needed}"
        case MetricKind.OTHER:
            return f"{metric(curve)} is {after} instead of {before}"
        case _:
            assert_never(curve.metric_kind)


def _who(curve: Curve) -> str:
    if not curve.statistic:
        return "a request takes"
    return _WHO.get(curve.statistic, f"the {md(curve.statistic, LABEL_LIMIT)} request takes")


def _worst(shown: View, finding: Finding) -> Point | None:
    return None if finding.window is None else worst_point(shown, finding.curve, finding.window)


def _pair(curve: Curve, worst: Point) -> str:
    return md(format_pair(worst.baseline, worst.candidate, curve.base_unit, curve.unit))


def _at(curve: Curve, worst: Point) -> str:
    load = f" at {md(worst.label, LABEL_LIMIT)}" if worst.label else ""
    return load + (f" with {threads((curve.threads,))}" if curve.threads else "")


def reruns(analysis: Analysis) -> str:
    """Say how many further runs of the baseline's version were used."""
    if not analysis.reruns and not analysis.candidate_reruns:
        return "One run of each version: a rerun of the baseline would sharpen the result most."
    told = [_runs(analysis.reruns, "baseline"), _runs(analysis.candidate_reruns, "candidate")]
    return "; ".join(filter(None, told)) + "."


def _runs(jobs: tuple[JobInfo, ...], role: str) -> str:
    ids = capped([str(job.id) for job in jobs], 5)
    return f"{plural(len(jobs), 'rerun')} of the {role}'s version used (job {ids})" if jobs else ""


def mirrored(analysis: Analysis) -> Iterator[str]:
    """Say what the same criteria flag on the improvement side, the reader's gauge of chance."""
    count = analysis.detection.mirrored
    if count:
        yield f"On the improvement side the same criteria flag {plural(count, 'curve')}: chance, or real gain."
    elif any(result.points for result in analysis.detection.results):
        yield "On the improvement side, where only chance should act, the same criteria flag nothing."
