"""What is said of one curve by itself: how much slower it is, over which loads, how sure, which points newly fail.

In: a `View` and a `Finding`. Out: sentences, for places where every curve stands for itself.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from perftracker_ai.report import history
from perftracker_ai.report.value import Kind, Value, join, say
from perftracker_ai.report.view import labels, typical_point
from perftracker_ai.words.numbers import (
    format_change,
    format_interval,
    format_pair,
    format_percent,
    format_range,
    format_slowdown,
    plural,
)
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.model import CoverageFinding, Curve, Window
    from perftracker_ai.report.value import Sentence
    from perftracker_ai.report.view import Finding, View

LABEL_LIMIT, REASON_LIMIT, REASONS = 60, 200, 8


def regression(shown: View, one: Finding) -> Sentence:
    """Return severity, slowdown and range of a regression, and how sure it is."""
    severity = _value(one, Kind.LABEL, "severity", one.result.severity.value) if one.result.severity else None
    sure = one.result.confidence
    sureness = say(", ", _value(one, Kind.LABEL, "confidence", sure.value), " confidence") if sure else ()
    size = say("slower") if one.window is None else say(_size(one, one.window), _over(shown, one, one.window))
    return say(severity, severity and ": ", size, sureness)


def evidence(shown: View, one: Finding) -> Iterator[Sentence]:
    """Yield what is behind a regression: the versions, since when, every window, every reason."""
    pair = (shown.analysis.baseline, shown.analysis.candidate)
    jobs = [f"{clean(job.product_ver, LABEL_LIMIT)} (job {job.id})" for job in pair]
    yield say(" → ".join(jobs))
    began = history.beginning(shown.analysis, one.cluster)
    if began:
        yield say(history.since(began, lambda version: clean(version, LABEL_LIMIT)))
    for at, window in enumerate(one.result.windows):
        yield _window(shown, one, at, window)
    for reason in one.result.reasons[:REASONS]:
        yield say(_value(one, Kind.NOTE, "reason of the confidence", clean(reason, REASON_LIMIT)))


def new_failure(at: int, found: CoverageFinding) -> Sentence:
    """Return how many load points newly fail, which, and why; `at` is its place in the results."""
    where = format_range(clean(found.load_first, LABEL_LIMIT), clean(found.load_last, LABEL_LIMIT))
    count = _gap(at, "newly failing points", f"{plural(found.points, 'load point')} newly failing", found.points)
    loads = _gap(at, "loads of a gap", where) if where else None
    why = _gap(at, "reason of a gap", clean(found.reason, REASON_LIMIT)) if found.reason else None
    return say(count, loads and ": ", loads, why and "; ", why)


def _gap(at: int, label: str, text: str, raw: str | float | None = None) -> Value:
    return Value(
        kind=Kind.NOTE, subject="run", label=label, raw=raw, unit="", text=text, direction=None, at=f"/coverage/{at}"
    )


def _window(shown: View, one: Finding, at: int, window: Window) -> Sentence:
    """Return one affected range with its interval, and the values at which its median shows."""
    interval: Sentence = ()
    if math.isfinite(window.low) and math.isfinite(window.high):
        level = format_percent(shown.analysis.detection.level)
        interval = say(f" ({level} interval ", _value(one, Kind.NOTE, "interval", _interval(window), window.low), ")")
    point, curve = typical_point(shown, one, window), one.curve
    values: Sentence = ()
    if point is not None:
        pair = clean(format_pair(point.baseline, point.candidate, curve.base_unit, curve.unit))
        values = say(_value(one, Kind.VALUE, "values", pair), point.label and f" at {clean(point.label, LABEL_LIMIT)}")
    head = say(_size(one, window, at), _over(shown, one, window), interval)
    return join([head, values], "; ")


def _interval(window: Window) -> str:
    return format_interval(window.low, window.high)


def change(curve: Curve, ratio: float) -> str:
    """Return a change of a curve in words: slower or worse where it is known which way is, else more or less."""
    if not curve.direction_known:
        return format_change(ratio)
    return format_slowdown(ratio, costs_time=curve.metric_kind.timed)


def _size(one: Finding, window: Window, at: int | None = None) -> Value:
    text = change(one.curve, window.median_slowdown)
    place = one.result.worst if at is None else at
    return _value(one, Kind.CHANGE, "slowdown", text, window.median_slowdown, f"/result/windows/{place}")


def _over(shown: View, one: Finding, window: Window) -> Sentence:
    first, last = (clean(label, LABEL_LIMIT) for label in labels(shown, one.curve, window))
    return say(" over ", _value(one, Kind.RANGE, "affected loads", format_range(first, last))) if first else ()


def _value(one: Finding, kind: Kind, label: str, text: str, raw: float | None = None, field: str = "") -> Value:
    window = one.window
    return Value(
        kind=kind,
        subject=one.id,
        label=label,
        raw=text if raw is None else raw,
        unit="",
        text=text,
        direction=window.direction if window else None,
        at=f"/curves/{one.curve.index}{field}",
    )
