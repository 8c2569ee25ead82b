"""What is said of one issue, value by value: size, place, values a reader can check, impact, confidence, priority.

In: a `View` and a cluster of it. Out: values and sentences. Every other part of the report takes them from here, so
that an issue has one size, one place and one name wherever it appears.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, assert_never

import msgspec

from perftracker_ai.metrics import read_metric
from perftracker_ai.model import Attribution, Confidence, Direction, MetricKind, Outcome, Severity, Verdict
from perftracker_ai.report import history
from perftracker_ai.report.curve import change as curve_change
from perftracker_ai.report.value import Kind, Value, join, say
from perftracker_ai.report.view import labels, leading, typical_point
from perftracker_ai.words import wording
from perftracker_ai.words.numbers import (
    format_change,
    format_factor,
    format_interval,
    format_pair,
    format_percent,
    format_range,
    format_slowdown,
    format_value,
    plural,
)
from perftracker_ai.words.text import clean, listing

if TYPE_CHECKING:
    from perftracker_ai.model import Cluster, Curve, Window
    from perftracker_ai.report.value import Sentence
    from perftracker_ai.report.view import Finding, Point, View

NAME_LIMIT, LOAD_LIMIT, UNIT_LIMIT, VERSION_LIMIT = 160, 60, 16, 60
SCENARIOS, REASONS, WINDOWS = 3, 2, 3
FELT_S = 0.1
"""Waiting a person notices, in seconds: below, an answer seems instantaneous (Nielsen 1993, ch. 5)."""


class Issue(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A cluster with what is said of it at hand.

    Attributes
    ----------
    at : int
        Its place among all clusters, for pointers.
    finding : Finding
        The curve that stands for it, led by the window of the cluster's direction.
    point : Point or None
        The load at which that curve changed by about its median.
    """

    shown: View
    cluster: Cluster
    at: int
    finding: Finding
    point: Point | None

    @property
    def window(self) -> Window | None:
        """The window that stands for it."""
        return self.finding.window

    def value(  # noqa: PLR0913 - a value has that many fields, all named at the call
        self,
        kind: Kind,
        label: str,
        text: str,
        *,
        raw: str | float | None = None,
        unit: str = "",
        field: str = "",
        at: str = "",
    ) -> Value:
        """Return a value about this issue; it points at a field of its cluster, or elsewhere where that is given."""
        return Value(
            kind=kind,
            subject=self.cluster.id,
            label=label,
            raw=raw,
            unit=unit,
            text=text,
            direction=self.cluster.direction,
            at=at or f"/clusters/{self.at}" + (f"/{field}" if field else ""),
        )


def issues(shown: View, clusters: tuple[Cluster, ...]) -> tuple[Issue, ...]:
    """Return clusters with what is said of them at hand, in the order given."""
    place = {cluster.id: at for at, cluster in enumerate(shown.analysis.clusters)}
    return tuple(_issue(shown, cluster, place[cluster.id]) for cluster in clusters)


def _issue(shown: View, cluster: Cluster, at: int) -> Issue:
    finding = leading(shown, cluster)
    point = None if finding.window is None else typical_point(shown, finding, finding.window)
    return Issue(shown=shown, cluster=cluster, at=at, finding=finding, point=point)


# ── name and place ──────────────────────────────────────────────────────────────────────────────────────────────────


def identity(one: Issue) -> Value:
    """Return its rank: ``C1``."""
    return one.value(Kind.NAME, "id", one.cluster.id, raw=one.cluster.id, field="id")


def name(one: Issue) -> Value:
    """Return what it is about: its endpoint, or its title where it is about something else."""
    field = "endpoint" if one.cluster.endpoint else "title"
    text = clean(one.cluster.endpoint or one.cluster.title, NAME_LIMIT)
    return one.value(Kind.NAME, "endpoint", text, raw=text, field=field)


def subject(one: Issue) -> Sentence:
    """Return its name, and what was measured where that is neither a time nor a rate: ``POST /orders, memory``."""
    curve, timed = one.finding.curve, any(kind.timed for kind in one.cluster.metric_kinds)
    told = not timed and wording.metric_name(curve) != curve.endpoint
    return say(name(one), *((", ", metric(one)) if told else ()))


def severity(one: Issue) -> Value:
    """Return its severity; an improvement has none."""
    text = one.cluster.severity.value if one.cluster.severity else Outcome.IMPROVED.value
    return one.value(Kind.LABEL, "severity", text, raw=text, field="severity")


def loads(one: Issue) -> Value | None:
    """Return the range of load concerned; None for scalars."""
    cluster = one.cluster
    text = format_range(clean(cluster.load_first, LOAD_LIMIT), clean(cluster.load_last, LOAD_LIMIT))
    return one.value(Kind.RANGE, "affected loads", text, raw=text, field="load_first") if text else None


def threads(one: Issue) -> Value | None:
    """Return the thread counts concerned, and whether these are all there are; None where tags name none."""
    counts = one.cluster.threads
    if not counts:
        return None
    listed = "/".join(map(str, counts))
    every = one.cluster.all_threads and len(counts) > 1
    text = plural(counts[0], "thread") if len(counts) == 1 else f"{listed} threads" + (" (all)" if every else "")
    return one.value(Kind.RANGE, "threads", text, raw=listed, field="threads")


def where(one: Issue) -> Sentence:
    """Return loads and thread counts, as far as it has them."""
    return join(filter(None, (loads(one), threads(one))))


def curves(one: Issue) -> Value:
    """Return how many curves it holds, and of what."""
    kinds = listing([kind.value for kind in one.cluster.metric_kinds if kind.timed])
    count = len(one.cluster.curves)
    text = plural(count, "curve") + (f" of {kinds}" if kinds else "")
    return one.value(Kind.COUNT, "curves", text, raw=count, field="curves")


def scenario(one: Issue) -> Value | None:
    """Return the scenarios concerned; None where tags name none."""
    named = [clean(text, LOAD_LIMIT) for text in one.cluster.scenarios if text]
    if not named:
        return None
    more = f" and {len(named) - SCENARIOS:,} more" if len(named) > SCENARIOS else ""
    listed = f"{', '.join(named[:SCENARIOS])}{more}" if more else listing(named)
    return one.value(Kind.NAME, "scenarios", listed, raw=listed, field="scenarios")


# ── size ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def slowdown(one: Issue) -> Value:
    """Return the one percentage an issue is known by: the median over its curves of its severity."""
    ratio = one.cluster.median_slowdown
    text = _amount(one, ratio)
    return one.value(Kind.CHANGE, "slowdown", text, raw=ratio, field="median_slowdown")


def size(one: Issue) -> Sentence:
    """Return the size in full: median, interval, what was taken off, and the extreme by name."""
    window, result = one.window, one.finding.result
    if window is None:
        return say(slowdown(one))
    at = f"/curves/{one.finding.curve.index}/result/windows/{result.worst or 0}"
    return say(
        _median_of(one, window, at),
        _interval(one, window, at),
        _extreme(one, window, at),
        _also(one),
        _shift(one),
    )


def _interval(one: Issue, window: Window, at: str) -> Sentence:
    """Return the interval of the median; nothing where it has none."""
    if not math.isfinite(window.low) or not math.isfinite(window.high):
        return ()
    level = format_percent(one.shown.analysis.detection.level)
    text = format_interval(window.low, window.high)
    return say(f" ({level} interval ", one.value(Kind.NOTE, "interval", text, raw=window.low, at=at), ")")


def _median_of(one: Issue, window: Window, at: str) -> Sentence:
    """Name the issue's own median, and beside it that of its worst curve where the interval belongs to another."""
    median = slowdown(one)
    text = _amount(one, window.median_slowdown)
    if text == median.text:
        return say(median, " in the median")
    worst = one.value(
        Kind.CHANGE, "slowdown of its curve", text, raw=window.median_slowdown, at=f"{at}/median_slowdown"
    )
    return say(median, " in the median of its curves; ", _curve_name(one), " ", worst)


def _curve_name(one: Issue) -> Sentence:
    """Name the curve that stands for an issue among its curves."""
    count = one.finding.curve.threads
    return say(metric(one), f" at {plural(count, 'thread')}" if count else "")


def _extreme(one: Issue, window: Window, at: str) -> Sentence:
    """Name the largest change of the window, where it says more than the median."""
    ratio = window.max_slowdown
    text = _amount(one, ratio)
    if window.points <= 1 or text == _amount(one, window.median_slowdown):
        return ()
    return say(", at most ", one.value(Kind.CHANGE, "largest change", text, raw=ratio, at=f"{at}/max_slowdown"))


def _also(one: Issue) -> Sentence:
    """Name the other windows of the curve, better ones included: a mixed curve is both."""
    found = one.finding
    windows = [(at, window) for at, window in enumerate(found.result.windows) if window is not found.window]
    told = [_window(one, at, window) for at, window in windows[:WINDOWS]]
    return say("; also ", join(told)) if told else ()


def _window(one: Issue, at: int, window: Window) -> Sentence:
    place = f"/curves/{one.finding.curve.index}/result/windows/{at}"
    ratio = window.median_slowdown
    size = one.value(Kind.CHANGE, "another range", _amount(one, ratio), raw=ratio, at=f"{place}/median_slowdown")
    first, last = (clean(label, LOAD_LIMIT) for label in labels(one.shown, one.finding.curve, window))
    over = one.value(Kind.RANGE, "loads of another range", format_range(first, last), at=place)
    return say(size, " over ", over) if first else say(size)


def _shift(one: Issue) -> Sentence:
    """Say what was taken off where it is no trifle, so that values as measured and the median can be told apart."""
    shift, window = one.finding.result.shift, one.window
    as_measured = window is not None and window.gross_slowdown == window.median_slowdown
    if as_measured or abs(shift) < one.shown.analysis.criteria.minor:
        return ()
    text = _amount(one, shift)
    at = f"/curves/{one.finding.curve.index}/result/shift"
    return say("; the whole run's ", one.value(Kind.CHANGE, "shift taken off", text, raw=shift, at=at), " taken off")


def extent(one: Issue) -> Sentence:
    """Return how many curves of what it holds, in which scenario, and its shape."""
    named = scenario(one)
    return say(curves(one), named and ", scenario ", named, ", ", shape(one))


def _amount(one: Issue, ratio: float) -> str:
    """Return a change in the words of what it is a change of."""
    if one.cluster.direction is Direction.UNKNOWN:
        return format_change(ratio)
    return format_slowdown(ratio, costs_time=all(kind.timed for kind in one.cluster.metric_kinds))


# ── what a user notices ─────────────────────────────────────────────────────────────────────────────────────────────


def metric(one: Issue) -> Value:
    """Return what the curve measures that stands for it."""
    text = clean(wording.metric_name(one.finding.curve), LOAD_LIMIT)
    return one.value(Kind.LABEL, "metric", text, raw=text, at=f"/curves/{one.finding.curve.index}/curve/metric_kind")


def spot(one: Issue) -> Sentence:
    """Return the one measurement that shows it best: load and thread count."""
    curve, point = one.finding.curve, one.point
    at = f"/curves/{curve.index}"
    label = clean(point.label, LOAD_LIMIT) if point else ""
    load = one.value(Kind.VALUE, "load", label, raw=label, at=f"{at}/labels") if label else None
    count = curve.threads
    text = plural(count or 0, "thread")
    with_threads = one.value(Kind.VALUE, "thread count", text, raw=count, at=f"{at}/curve") if count else None
    return join([say("at ", load) if load else (), say("with ", with_threads) if with_threads else ()], " ")


def values(one: Issue) -> Value | None:
    """Return ``11.7 ms → 24.0 ms``, baseline's runs pooled, at `spot`; None without a comparable point."""
    curve, point = one.finding.curve, one.point
    if point is None:
        return None
    text = clean(format_pair(point.baseline, point.candidate, curve.base_unit, curve.unit))
    unit = clean(curve.base_unit, UNIT_LIMIT)
    return one.value(Kind.VALUE, "values", text, raw=point.candidate, unit=unit, at=f"/curves/{curve.index}")


def measured(one: Issue) -> Value | None:
    """Return the slowdown that the values at `spot` amount to, nothing taken off."""
    point = one.point
    if point is None or point.slowdown is None:
        return None
    text = curve_change(one.finding.curve, point.slowdown)
    return one.value(
        Kind.CHANGE, "change as measured", text, raw=point.slowdown, at=f"/curves/{one.finding.curve.index}"
    )


def impact(one: Issue) -> Sentence:
    """Return what a user notices at `spot`, with the values it follows from."""
    curve, point, known = one.finding.curve, one.point, one.finding.curve.direction_known
    pair, change = values(one), measured(one)
    if point is None or pair is None or point.baseline is None or point.candidate is None:
        return say("not measurable at a single load")
    place = spot(one)
    head = say(place, place and " ", metric(one), " ", pair, change and say(" (", change, " as measured)"))
    felt = _felt(one, curve, point.baseline, point.candidate) if known else say("whether that is better is not known")
    return say(head, "; ", felt)


def _felt(one: Issue, curve: Curve, baseline: float, candidate: float) -> Sentence:
    match curve.metric_kind:
        case MetricKind.LATENCY:
            return _waiting(one, curve, baseline, candidate)
        case MetricKind.RATE:
            factor = baseline / candidate
            text = format_factor(factor)
            needed = one.value(Kind.RATIO, "capacity", text, raw=factor, at=f"/curves/{curve.index}")
            return say("the same traffic needs ", needed, " times the capacity")
        case MetricKind.OTHER:
            return say("felt as failures" if _fails(curve) else "not felt as waiting; judge it by what it costs")
        case _:
            assert_never(curve.metric_kind)


def _waiting(one: Issue, curve: Curve, baseline: float, candidate: float) -> Sentence:
    """Say who waits how much longer; whether a person can feel it is said once, under Risk Assessment."""
    more = candidate - baseline
    text = clean(format_value(abs(more), curve.base_unit, curve.unit))
    added = one.value(Kind.VALUE, "added time", text, raw=more, unit=curve.base_unit, at=f"/curves/{curve.index}")
    word = " longer" if more > 0 else " less long"
    return say(_who(curve), " ", added, word)


def _fails(curve: Curve) -> bool:
    return read_metric(curve.metric_label, curve.unit).fails


def is_felt(one: Issue) -> bool:
    """Tell whether a person can feel it: how long it takes at `spot`, or that it fails."""
    curve, point = one.finding.curve, one.point
    if _fails(curve):
        return True
    values_ = (point.baseline, point.candidate) if point else ()
    longest = max((each for each in values_ if each is not None), default=0.0)
    return curve.metric_kind is MetricKind.LATENCY and curve.base_unit == "s" and longest >= FELT_S


_WHO = re.compile(r"p(\d\d(?:\.\d+)?)")
_HALF = 50.0


def _who(curve: Curve) -> str:
    """Say who waits that long: of the 95th percentile it is one request in 20."""
    found = _WHO.fullmatch(curve.statistic)
    above = 100.0 - float(found[1]) if found else 0.0
    if above <= 0:
        return f"the {clean(curve.statistic, UNIT_LIMIT)} request takes" if curve.statistic else "a request takes"
    return "half of the requests take" if above == _HALF else f"one request in {100 / above:.0f} takes"


# ── how sure, since when ────────────────────────────────────────────────────────────────────────────────────────────


def confidence(one: Issue) -> Value:
    """Return how well the evidence carries it, in a word."""
    text = one.cluster.confidence.value
    return one.value(Kind.LABEL, "confidence", text, raw=text, field="confidence")


def sureness(one: Issue) -> Sentence:
    """Return confidence and its reasons: the first where there is nothing against it."""
    at, sure = f"/curves/{one.finding.curve.index}/result/reasons", one.cluster.confidence is Confidence.HIGH
    reasons = [
        one.value(Kind.NOTE, "reason of the confidence", clean(reason, NAME_LIMIT), at=f"{at}/{place}")
        for place, reason in enumerate(one.finding.result.reasons[: 1 if sure else REASONS])
    ]
    told = join(reasons, "; ")
    return say(confidence(one), told and ": ", told)


def began(one: Issue) -> Value | None:
    """Return since when it is there, with every doubt; None when that is not known."""
    found = history.beginning(one.shown.analysis, one.cluster.id)
    if found is None:
        return None
    return _onset(one, "since when", history.since(found, version), found.onset.first.job)


def began_short(one: Issue) -> Value | None:
    """Return since when it is there, in few words; None when that is not known."""
    found = history.beginning(one.shown.analysis, one.cluster.id)
    if found is None:
        return None
    return _onset(one, "began", history.since_short(found, version), found.onset.first.job)


def version(text: str) -> str:
    """Return a version cleaned and cut."""
    return clean(text, VERSION_LIMIT)


def _onset(one: Issue, label: str, text: str, job: int) -> Value:
    past = one.shown.analysis.chronicle
    onsets = past.onsets if past else ()
    place = next(at for at, onset in enumerate(onsets) if onset.cluster == one.cluster.id)
    return one.value(Kind.NOTE, label, text, raw=job, at=f"/chronicle/onsets/{place}")


def shape(one: Issue) -> Value:
    """Return what kind of change it is along the load."""
    return one.value(Kind.LABEL, "shape", one.cluster.shape.value, raw=one.cluster.shape.value, field="shape")


# ── what follows ────────────────────────────────────────────────────────────────────────────────────────────────────


class Priority(msgspec.Struct, frozen=True, kw_only=True):
    """How soon, how bad, and whose: words of a table, not of prose."""

    when: str
    risk: str
    who: str


_OWNER, _ENGINEER, _OPERATIONS = "owner of the endpoint", "performance engineer", "operations"
_STEPS = (
    Priority(when="immediate", risk="HIGH", who=_OWNER),
    Priority(when="this release", risk="HIGH", who=_OWNER),
    Priority(when="this release", risk="MEDIUM", who=_OWNER),
    Priority(when="next", risk="LOW", who=_OWNER),
)
"""By code, from critical to minor; low confidence is one step down."""
_UNDECIDED = tuple(
    Priority(when="find out first", risk=risk, who=_ENGINEER) for risk in ("HIGH", "HIGH", "MEDIUM", "LOW")
)


_NOISE = Priority(when="next", risk="LOW", who=_OPERATIONS)
"""What differs between two runs of one version is no release's, however large it is, nor what hits the machine."""


def priority(one: Issue) -> Priority:
    """Return priority, risk and role by severity, attribution and confidence."""
    if one.shown.analysis.decision.verdict is Verdict.SAME_VERSION:
        return _NOISE
    step = Severity.rank(Severity.CRITICAL) - Severity.rank(one.cluster.severity)
    match one.cluster.attribution:
        case Attribution.UNDECIDED:
            return _UNDECIDED[min(step, len(_UNDECIDED) - 1)]
        case Attribution.ENVIRONMENT:
            return _NOISE
        case Attribution.CODE:
            low = one.cluster.confidence is Confidence.LOW
            return _STEPS[min(step + low, len(_STEPS) - 1)]
        case _:
            assert_never(one.cluster.attribution)


def attribution(one: Issue) -> Value:
    """Return whose doing it is, as far as controls tell."""
    text = one.cluster.attribution.value
    return one.value(Kind.LABEL, "attribution", text, raw=text, field="attribution")
