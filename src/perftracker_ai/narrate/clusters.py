"""What may be said of one cluster: in go an `Analysis` and a cluster of it, out come its facts in a `Ledger`.

Every ratio, difference and factor a writer could want is worked out here, so that nobody has to derive one.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple, assert_never

import numpy as np

from perftracker_ai import retrospect
from perftracker_ai.model import BASELINE, CANDIDATE, Direction, Measure, MetricKind
from perftracker_ai.narrate.values import FactKind, Label
from perftracker_ai.words import wording
from perftracker_ai.words.numbers import (
    format_change,
    format_interval,
    format_load,
    format_number,
    format_percent,
    format_probability,
    format_range,
    format_value,
    plural,
)
from perftracker_ai.words.text import clean, listing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.model import Analysis, Cluster, Curve, ShapeEvidence, Window
    from perftracker_ai.narrate.values import Ledger


class Said(NamedTuple):
    """A fact of a cluster, before it gets its number."""

    kind: FactKind
    label: str
    text: str
    value: str | float | None
    unit: str


NAME_LIMIT, LOAD_LIMIT, UNIT_LIMIT, SENTENCE_LIMIT = 160, 40, 16, 300
SCENARIOS = 3
NOTABLE_FACTOR, TEN = 1.5, 10.0
"""Cost ratio from which "2.5 times as long" says more than a percentage, and that from which it needs no fraction."""


def state_cluster(ledger: Ledger, analysis: Analysis, cluster: Cluster, *, full: bool) -> None:
    """Write down a cluster's facts: the ones of a table row, and all of them when it is told in full."""
    ledger.add(
        FactKind.NAME, cluster.id, Label.ID, cluster.id, value=cluster.id, direction=cluster.direction, name=cluster.id
    )
    told = [_row(cluster)]
    if full:
        told += [
            _extent(cluster),
            _began(analysis, cluster),
            _measured(analysis, cluster),
            _shape(analysis, cluster),
            _hypotheses(cluster),
        ]
    for kind, label, text, value, unit in (said for part in told for said in part):
        ledger.add(kind, cluster.id, label, text, value=value, unit=unit, direction=cluster.direction)


def name_of(cluster: Cluster) -> str:
    """Return what a cluster is about, cleaned."""
    return clean(cluster.endpoint or cluster.title, NAME_LIMIT)


def slower(ratio: float, kinds: tuple[MetricKind, ...] = ()) -> str:
    """Return a slowdown that says its direction: ``150 % slower``, ``30 % less cost per request``."""
    if not math.isfinite(ratio):
        return ""
    if ratio < 0:
        return f"{format_percent(-ratio)} less cost per request"
    return f"{format_percent(ratio)} {'worse' if kinds == (MetricKind.OTHER,) else 'slower'}"


# ── parts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _row(cluster: Cluster) -> Iterator[Said]:
    median, kinds = cluster.median_slowdown, cluster.metric_kinds
    yield _said(FactKind.NAME, Label.NAME, name_of(cluster))
    if cluster.severity:
        yield _said(FactKind.LABEL, Label.SEVERITY, cluster.severity.value, cluster.severity.value)
    yield _said(FactKind.LABEL, Label.CONFIDENCE, f"{cluster.confidence.value} confidence", cluster.confidence.value)
    yield _said(FactKind.CHANGE, Label.SLOWDOWN, slower(median, kinds), median)
    first, last = (clean(label, LOAD_LIMIT) for label in (cluster.load_first, cluster.load_last))
    yield _said(FactKind.RANGE, Label.LOADS, format_range(first, last))
    yield _said(FactKind.LABEL, Label.SHAPE, cluster.shape.value, cluster.shape.value)


def _extent(cluster: Cluster) -> Iterator[Said]:
    scenarios = [clean(scenario, LOAD_LIMIT) for scenario in cluster.scenarios if scenario]
    extra = f" and {len(scenarios) - SCENARIOS:,} more" if len(scenarios) > SCENARIOS else ""
    shown = ", ".join(scenarios[:SCENARIOS]) + extra if extra else listing(scenarios)
    largest = slower(cluster.max_slowdown, cluster.metric_kinds)
    yield _said(FactKind.COUNT, Label.CURVES, plural(len(cluster.curves), "curve"), len(cluster.curves))
    yield _said(FactKind.RANGE, Label.THREADS, threads_of(cluster))
    yield _said(FactKind.NAME, Label.SCENARIOS, shown)
    yield _said(FactKind.CHANGE, Label.LARGEST, f"up to {largest}" if largest else "", cluster.max_slowdown)
    if ";" in cluster.factor:
        yield _said(FactKind.NOTE, Label.SHARED, clean(cluster.factor.partition(";")[2].strip(), NAME_LIMIT))


def _began(analysis: Analysis, cluster: Cluster) -> Iterator[Said]:
    began = retrospect.beginning(analysis, cluster.id)
    if began:
        text = retrospect.since_fact(began, lambda version: clean(version, LOAD_LIMIT))
        yield _said(FactKind.NOTE, Label.BEGAN, text, began.onset.first.job)


def _measured(analysis: Analysis, cluster: Cluster) -> Iterator[Said]:
    curve = analysis.curves.curves[cluster.worst_curve]
    metrics = sorted({metric(analysis.curves.curves[index]) for index in cluster.curves})
    shown = listing(metrics) if len(metrics) <= SCENARIOS else f"{listing(metrics[:SCENARIOS])} among others"
    yield _said(FactKind.LABEL, Label.METRICS, shown)
    window = standing_window(analysis, cluster)
    if window is None:
        return
    yield from _window(analysis, cluster, curve, window)
    worst = _worst_point(analysis, curve, window)
    if worst is not None:
        yield from _worst(analysis, curve, worst)
    if not curve.scalar:
        yield from _ends(analysis, curve, window)


def _window(analysis: Analysis, cluster: Cluster, curve: Curve, window: Window) -> Iterator[Said]:
    # Of one curve: with the cluster's median, which is taken over several, it must not be confused.
    whose = " for its worst curve" if len(cluster.curves) > 1 else ""
    interval = f"{format_interval(window.low, window.high)} cost per request{whose}"
    level = format_percent(analysis.detection.level)
    yield _said(FactKind.NOTE, Label.INTERVAL, f"a {level} interval of {interval}", window.low)
    if window.points > 1 and window.consistency:
        loads = plural(window.points, "affected load") + whose.replace("for", "of")
        text = f"{format_percent(window.consistency)} of the {loads} are beyond the threshold of a regression"
        yield _said(FactKind.SHARE, Label.CONSISTENCY, text, window.consistency)
    yield _said(FactKind.NOTE, Label.REASONS, _reasons(analysis, curve, window))
    if window.last == curve.stop - 1 and not curve.scalar and window.direction is Direction.WORSE:
        yield _said(FactKind.LABEL, Label.REACH, "up to the highest load measured")
    yield from _factor(cluster, curve)


def _reasons(analysis: Analysis, curve: Curve, window: Window) -> str:
    reasons = [clean(reason, NAME_LIMIT) for reason in analysis.detection.results[curve.index].reasons]
    if window.q_value is not None and not any(re.search(r"\bq [=<]", reason) for reason in reasons):
        q = format_probability(window.q_value)
        reasons.append(f"q {q}" if q.startswith("<") else f"q = {q}")
    return "; ".join(reasons)[:SENTENCE_LIMIT]


def _factor(cluster: Cluster, curve: Curve) -> Iterator[Said]:
    factor = 1 + cluster.median_slowdown
    if factor < NOTABLE_FACTOR or curve.metric_kind is MetricKind.OTHER:
        return
    what = "as long" if curve.metric_kind is MetricKind.LATENCY else "the capacity for the same traffic"
    shown = f"{factor:.1f}" if factor < TEN else format_number(factor)
    yield _said(FactKind.RATIO, Label.FACTOR, f"{shown} times {what}", factor)


def _worst(analysis: Analysis, curve: Curve, index: int) -> Iterator[Said]:
    baseline, candidate = (float(analysis.curves.mean[row, index]) for row in (BASELINE, CANDIDATE))
    values, unit = instead(curve, baseline, candidate), clean(curve.base_unit, UNIT_LIMIT)
    if not curve.scalar:
        yield _said(FactKind.VALUE, Label.WORST_LOAD, _load(analysis, index), float(analysis.curves.load[index]))
    if curve.threads:
        yield _said(FactKind.VALUE, Label.WORST_THREADS, plural(curve.threads, "thread"), curve.threads)
    yield _said(FactKind.VALUE, Label.VALUES, values, candidate, unit)
    yield _said(FactKind.NOTE, Label.IMPACT, _impact(curve, values), candidate, unit)
    if curve.metric_kind is MetricKind.LATENCY:
        added = _value(curve, abs(candidate - baseline))
        word = "longer" if candidate > baseline else "shorter"
        yield _said(FactKind.VALUE, Label.ADDED, f"{added} {word}", candidate - baseline, unit)


def _ends(analysis: Analysis, curve: Curve, window: Window) -> Iterator[Said]:
    mean, unit = analysis.curves.mean, clean(curve.base_unit, UNIT_LIMIT)
    ends = ((window.first, Label.FIRST_LOAD, Label.FIRST_VALUES), (window.last, Label.LAST_LOAD, Label.LAST_VALUES))
    for index, load, values in ends:
        yield _said(FactKind.VALUE, load, _load(analysis, index), float(analysis.curves.load[index]))
        baseline, candidate = float(mean[BASELINE, index]), float(mean[CANDIDATE, index])
        if math.isfinite(baseline) and math.isfinite(candidate):
            yield _said(FactKind.VALUE, values, instead(curve, baseline, candidate), candidate, unit)


def _shape(analysis: Analysis, cluster: Cluster) -> Iterator[Said]:
    curve = analysis.curves.curves[cluster.worst_curve]
    for item in cluster.shape_evidence:
        text = f"{clean(item.name, LOAD_LIMIT + SENTENCE_LIMIT)} {_evidence(curve, item)}"
        yield _said(FactKind.VALUE, clean(item.name, NAME_LIMIT), text, item.value)


def _evidence(curve: Curve, item: ShapeEvidence) -> str:
    if item.measure is Measure.SLOWDOWN:
        return format_change(item.value)
    if item.measure is Measure.LOAD:
        return f"{format_load(item.value)} {clean(curve.load_unit, UNIT_LIMIT)}".strip()
    return format_number(item.value)


def _hypotheses(cluster: Cluster) -> Iterator[Said]:
    for hypothesis in cluster.hypotheses:
        strength = f"{hypothesis.strength.value} evidence"
        yield _said(FactKind.LABEL, f"{Label.STRENGTH} {hypothesis.key}", strength, hypothesis.key)
        sides = ((FactKind.EVIDENCE, hypothesis.evidence_for), (FactKind.OBJECTION, hypothesis.evidence_against))
        for kind, text in ((kind, text) for kind, texts in sides for text in texts):
            yield _said(kind, f"{kind.value} {hypothesis.key}", statement(text), hypothesis.key)


# ── words and numbers ───────────────────────────────────────────────────────────────────────────────────────────────


def statement(text: str) -> str:
    """Return a sentence of the catalogue or the policy without its full stop, so that it fits into another."""
    return clean(text, SENTENCE_LIMIT).rstrip(". ")


def metric(curve: Curve) -> str:
    """Return what a curve measures, cleaned."""
    return clean(wording.metric_name(curve), LOAD_LIMIT)


def threads_of(cluster: Cluster) -> str:
    """Return ``all thread counts (1 and 4)`` or ``4 threads``; empty where tags name none."""
    counts = listing([str(count) for count in cluster.threads])
    if cluster.all_threads and len(cluster.threads) > 1:
        return f"all thread counts ({counts})"
    return f"{counts} {'thread' if cluster.threads == (1,) else 'threads'}" if counts else ""


def instead(curve: Curve, baseline: float, candidate: float) -> str:
    """Return ``31.0 ms instead of 12.3 ms``: two values whose order cannot be mistaken."""
    return f"{_value(curve, candidate)} instead of {_value(curve, baseline)}"


def standing_window(analysis: Analysis, cluster: Cluster) -> Window | None:
    """Return the window of the worst curve that stands for a cluster: the largest in its direction."""
    result = analysis.detection.results[cluster.worst_curve]
    alike = [window for window in result.windows if window.direction is cluster.direction]
    return max(alike, key=lambda window: abs(window.median_slowdown), default=None)


def _said(kind: FactKind, label: str, text: str, value: str | float | None = None, unit: str = "") -> Said:
    raw = None if isinstance(value, float) and not math.isfinite(value) else value
    return Said(kind, str(label), text, raw, unit)


def _value(curve: Curve, value: float) -> str:
    return format_value(value, clean(curve.base_unit, UNIT_LIMIT), clean(curve.unit, UNIT_LIMIT))


def _load(analysis: Analysis, index: int) -> str:
    return clean(analysis.curves.label[index], LOAD_LIMIT)


def _impact(curve: Curve, values: str) -> str:
    match curve.metric_kind:
        case MetricKind.LATENCY:
            return f"{_who(curve.statistic)} {values}"
        case MetricKind.RATE:
            return f"the server handles {values}"
        case MetricKind.OTHER:
            return f"{metric(curve)} is {values}"
        case _:
            assert_never(curve.metric_kind)


def _who(statistic: str) -> str:
    """Say who waits that long: of the 95th percentile it is one request in 20."""
    percentile = re.fullmatch(r"p(\d\d(?:\.\d+)?)", statistic)
    above = 100.0 - float(percentile[1]) if percentile else 0.0
    if above <= 0:
        return f"the {clean(statistic, UNIT_LIMIT)} request takes" if statistic else "a request takes"
    half = 50.0
    return (
        "half of the requests take more than" if above == half else f"one request in {100 / above:.0f} takes more than"
    )


def _worst_point(analysis: Analysis, curve: Curve, window: Window) -> int | None:
    """Find the point of a window that changed most in its direction; None when none can be compared."""
    mean = analysis.curves.mean[:, window.first : window.last + 1]
    rows = (BASELINE, CANDIDATE) if curve.less_better else (CANDIDATE, BASELINE)
    before, after = mean[rows[0]], mean[rows[1]]
    measured = np.isfinite(before) & np.isfinite(after) & (before > 0)
    if not measured.any():
        return None
    cost = np.divide(after, before, out=np.full_like(before, np.nan), where=measured)
    oriented = cost if window.direction is Direction.WORSE else -cost
    return window.first + int(np.nanargmax(oriented))
