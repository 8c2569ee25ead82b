"""Findings put together: in go curves and detection, out come `Cluster` items in the order a reader wants them.

A cluster is one endpoint in one direction. An endpoint is split by scenario only where the scenarios' changes differ
clearly, in size or in load range. Regressions and minor slowdowns of one endpoint stay together when they are the
same change seen at other threads or in another metric.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec.structs import replace

from perftracker_ai.diagnose.factors import shared_factors
from perftracker_ai.diagnose.hypotheses import propose
from perftracker_ai.diagnose.keys import issue_keys
from perftracker_ai.diagnose.profiles import compare, median, standing_window
from perftracker_ai.diagnose.shapes import evidence, read_traits
from perftracker_ai.model import Attribution, Cluster, Confidence, Direction, FindingKind, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perftracker_ai.diagnose.profiles import Comparison
    from perftracker_ai.model import Curve, CurveSet, Detection, MetricKind, Window

SAME_SIZE = 0.5
"""Two changes are of one size when the smaller is at least this share of the larger, on the log scale."""

SAME_RANGE = 0.4
"""Two load ranges are the same when they share at least this part of their union: detection cuts ends unevenly."""

SUPPORT = 2
"""Other curves of medium or high confidence that lift a cluster's low confidence."""

_AT_LOAD = frozenset({FindingKind.EDGE, FindingKind.POINT})
"""Changes at a load or two: what several endpoints show at one load is one issue."""

_ATTRIBUTIONS = (Attribution.CODE, Attribution.UNDECIDED, Attribution.ENVIRONMENT)
_CONFIDENCES = {confidence: place for place, confidence in enumerate(Confidence)}


class _Member(msgspec.Struct, frozen=True, kw_only=True):
    """A changed curve with the window that stands for it, and those of single loads."""

    curve: Curve
    window: Window
    at_load: tuple[Window, ...]
    confidence: Confidence
    attribution: Attribution

    @property
    def change(self) -> float:
        """Size of the change on the log scale, in its own direction."""
        return abs(float(np.log1p(self.window.median_slowdown)))


def diagnose(curves: CurveSet, detection: Detection, product: str) -> tuple[Cluster, ...]:
    """Put the changed curves together and say what kind of change each cluster is.

    Parameters
    ----------
    curves : CurveSet
    detection : Detection
        Of the same curves.
    product : str
        Its name, which is in the keys of its issues.

    Returns
    -------
    tuple of Cluster
        Regressions first, by severity, confidence and size; then improvements by confidence and size. Empty when
        nothing changed.
    """
    comparison = compare(curves, detection)
    groups = [group for direction in Direction for group in _groups(comparison, direction)]
    clusters = sorted((_cluster(comparison, group) for group in groups), key=_rank)
    factors, keys = shared_factors(curves, clusters), issue_keys(curves, clusters, product)
    return tuple(
        replace(cluster, id=f"C{place}", key=key, factor=factor)
        for place, (cluster, factor, key) in enumerate(zip(clusters, factors, keys, strict=True), 1)
    )


def _rank(cluster: Cluster) -> tuple[bool, int, int, float, str]:
    size = -abs(float(np.log1p(cluster.median_slowdown)))
    better = cluster.direction is Direction.BETTER
    return better, -Severity.rank(cluster.severity), _CONFIDENCES[cluster.confidence], size, cluster.title


# ── grouping ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _groups(comparison: Comparison, direction: Direction) -> list[list[_Member]]:
    """Group the curves that changed in one direction by endpoint, and by scenario where these differ."""
    endpoints: dict[str, list[_Member]] = defaultdict(list)
    shared: dict[tuple[Attribution, bool], list[_Member]] = defaultdict(list)
    at_load: dict[Attribution, list[_Member]] = defaultdict(list)
    for member in _members(comparison, direction):
        if member.window.kind is FindingKind.WHOLE:
            shared[member.attribution, _all_loads(member)].append(member)
        elif member.window.kind in _AT_LOAD:
            at_load[member.attribution].append(member)
        else:
            endpoints[member.curve.endpoint].append(member)
    many: list[list[_Member]] = []
    for members in at_load.values():
        together, rest = _by_load(comparison, members)
        many += together
        for member in rest:
            endpoints[member.curve.endpoint].append(member)
    alone = [group for members in endpoints.values() for group in _by_scenario(comparison, members)]
    whole = [group for members in shared.values() for group in _by_threads(members)]
    return [*whole, *many, *alone]


def _by_threads(members: list[_Member]) -> list[list[_Member]]:
    """Split what the run shares where it moved thread counts by clearly different sizes; the largest comes first."""
    counts: dict[int | None, list[_Member]] = defaultdict(list)
    for member in members:
        counts[member.curve.threads].append(member)
    groups: list[list[_Member]] = []
    for part in sorted(counts.values(), key=_size, reverse=True):
        if groups and _size(part) >= SAME_SIZE * _size(groups[-1]):
            groups[-1].extend(part)
        else:
            groups.append(list(part))
    return groups


def _size(members: Sequence[_Member]) -> float:
    return median(np.array([member.change for member in members]))


def _by_load(comparison: Comparison, members: Sequence[_Member]) -> tuple[list[list[_Member]], list[_Member]]:
    """Put together what several endpoints show at one load, the load of the most endpoints first; the rest is left.

    A curve that shows it at several loads goes with the first of them, whichever is its own largest.
    """
    groups: list[list[_Member]] = []
    rest = list(members)
    while rest:
        by: dict[str, list[_Member]] = defaultdict(list)
        for member in rest:
            for window in member.at_load:
                by[comparison.curves.label[window.last]].append(replace(member, window=window))
        most = max(by.values(), key=lambda group: (_endpoints(group), _size(group)))
        if _endpoints(most) <= SUPPORT:
            break
        groups.append(most)
        taken = {member.curve.index for member in most}
        rest = [member for member in rest if member.curve.index not in taken]
    return groups, _left(comparison, rest, groups)


def _left(comparison: Comparison, rest: Sequence[_Member], groups: Sequence[list[_Member]]) -> list[_Member]:
    """Put curves to those that show one of their loads too, and return the others."""
    home: dict[str, list[_Member]] = {}
    for group in groups:
        for label in {label for member in group for label in _labels(comparison, member)}:
            home.setdefault(label, group)
    left: list[_Member] = []
    for member in rest:
        found = next((home[label] for label in sorted(_labels(comparison, member)) if label in home), left)
        found.append(member)
    return left


def _labels(comparison: Comparison, member: _Member) -> set[str]:
    return {comparison.curves.label[window.last] for window in member.at_load}


def _endpoints(members: Sequence[_Member]) -> int:
    return len({member.curve.endpoint for member in members})


def _all_loads(member: _Member) -> bool:
    """Say whether a change is of the whole curve, not of its highest loads only."""
    return member.window.last - member.window.first + 1 > (member.curve.stop - member.curve.start) / 2


def _members(comparison: Comparison, direction: Direction) -> list[_Member]:
    """List the curves with a window in this direction."""
    found = []
    for result in comparison.detection.results:
        window = standing_window(result, direction)
        if window is not None:
            curve = comparison.curves.curves[result.curve]
            found.append(
                _Member(
                    curve=curve,
                    window=window,
                    at_load=tuple(w for w in result.windows if w.kind in _AT_LOAD and w.direction is direction),
                    confidence=result.confidence or Confidence.LOW,
                    attribution=result.attribution or Attribution.UNDECIDED,
                )
            )
    return found


def _by_scenario(comparison: Comparison, members: list[_Member]) -> list[list[_Member]]:
    """Split an endpoint's curves where its scenarios changed differently; the largest group comes first."""
    scenarios: dict[tuple[str, str, bool], list[_Member]] = defaultdict(list)
    for member in members:
        scenarios[member.curve.scenario, member.curve.load_unit, member.curve.scalar].append(member)
    groups: list[list[_Member]] = []
    for part in sorted(scenarios.values(), key=len, reverse=True):
        home = next((group for group in groups if _same_change(comparison, group, part)), None)
        if home is None:
            groups.append(list(part))
        else:
            home += part
    return groups


def _same_change(comparison: Comparison, one: list[_Member], other: list[_Member]) -> bool:
    """Tell whether two sets of curves changed by about as much over about the same loads."""
    small, large = sorted(map(_size, (one, other)))
    axes = {(member.curve.load_unit, member.curve.scalar) for member in (*one, *other)}
    if len(axes) > 1 or small < SAME_SIZE * large:
        return False
    if one[0].curve.scalar:
        return True
    (first, last), (begin, end) = _load_range(comparison, one), _load_range(comparison, other)
    return min(last, end) - max(first, begin) >= SAME_RANGE * (max(last, end) - min(first, begin))


def _load_range(comparison: Comparison, members: Sequence[_Member]) -> tuple[float, float]:
    """Give the median first and last affected load."""
    load = comparison.curves.load
    first = median(load[[member.window.first for member in members]])
    return first, median(load[[member.window.last for member in members]])


# ── one cluster ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _cluster(comparison: Comparison, group: list[_Member]) -> Cluster:
    """Describe one group; its id, key and factor follow once all are known."""
    members = sorted(group, key=_worst_first)
    indices = tuple(member.curve.index for member in members)
    whole = members[0].window.kind is FindingKind.WHOLE or _endpoints(members) > 1
    worst, direction = (_middle(members) if whole else members[0]), members[0].window.direction
    traits = read_traits(comparison, indices, _way(worst.window), members[0].window)
    first, last = _widest(comparison, members)
    alike = [member for member in members if whole or member.window.severity == worst.window.severity]
    return Cluster(
        id="",
        key="",
        kind=worst.window.kind,
        attribution=_attribution(members),
        direction=direction,
        title=_shared_title(comparison, members) if whole else _title(comparison, members, first, last),
        endpoint=_shared_name(comparison, members) if whole else worst.curve.endpoint,
        scenarios=tuple(sorted({member.curve.scenario for member in members})),
        factor="",
        curves=indices,
        threads=_threads(members),
        all_threads=_threads(members) == _measured_threads(comparison, worst.curve.endpoint),
        metric_kinds=_kinds(members),
        load_first=first,
        load_last=last,
        severity=worst.window.severity,
        confidence=_confidence(members),
        median_slowdown=median(np.array([member.window.median_slowdown for member in alike])),
        gross_slowdown=median(np.array([member.window.gross_slowdown for member in alike])),
        max_slowdown=max((member.window.max_slowdown for member in members), key=abs),
        worst_curve=worst.curve.index,
        endpoints=_endpoints(members) if whole else 1,
        shape=traits.shape,
        shape_evidence=evidence(traits),
        hypotheses=propose(comparison, indices, traits) if direction is Direction.WORSE else (),
    )


def _way(window: Window) -> Direction:
    """Return which way a change went, for its shape: more of it is as a change for the worse."""
    if window.direction is not Direction.UNKNOWN:
        return window.direction
    return Direction.WORSE if window.median_slowdown > 0 else Direction.BETTER


def _middle(members: Sequence[_Member]) -> _Member:
    """Take the member of median size: an item of many endpoints is as large as most of them say."""
    return sorted(members, key=lambda member: member.change)[len(members) // 2]


def _worst_first(member: _Member) -> tuple[int, int, float, str, str]:
    severity, confidence = -Severity.rank(member.window.severity), _CONFIDENCES[member.confidence]
    return severity, confidence, -member.change, member.curve.group, member.curve.tag


def _confidence(members: Sequence[_Member]) -> Confidence:
    """Take the best confidence among the curves of the cluster's severity.

    Where that is low, but at least two other curves of the cluster are better founded, it is medium: curves are
    measured one by one, so that they agree is evidence.
    """
    alike = [m.confidence for m in members if m.window.severity == members[0].window.severity]
    best = min(alike, key=_CONFIDENCES.__getitem__)
    support = sum(member.confidence is not Confidence.LOW for member in members)
    return Confidence.MEDIUM if best is Confidence.LOW and support >= SUPPORT else best


def _attribution(members: Sequence[_Member]) -> Attribution:
    """Take the firmest attribution among the curves of the cluster's severity."""
    alike = [m.attribution for m in members if m.window.severity == members[0].window.severity]
    return min(alike, key=_ATTRIBUTIONS.index)


def _threads(members: Sequence[_Member]) -> tuple[int, ...]:
    return tuple(sorted({m.curve.threads for m in members if m.curve.threads is not None}))


def _measured_threads(comparison: Comparison, endpoint: str) -> tuple[int, ...]:
    """Give every thread count the endpoint was compared at."""
    family = [index for index in comparison.families[endpoint] if comparison.detection.results[index].points]
    threads = (comparison.curves.curves[index].threads for index in family)
    return tuple(sorted({count for count in threads if count is not None}))


def _kinds(members: Sequence[_Member]) -> tuple[MetricKind, ...]:
    return tuple(sorted({member.curve.metric_kind for member in members}))


# ── words ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _widest(comparison: Comparison, members: Sequence[_Member]) -> tuple[str, str]:
    """Give the labels of the widest range of load concerned; empty for scalars."""
    if members[0].curve.scalar:
        return "", ""
    load, label = comparison.curves.load, comparison.curves.label
    first = min((member.window.first for member in members), key=lambda point: float(load[point]))
    last = max((member.window.last for member in members), key=lambda point: float(load[point]))
    return label[first], label[last]


def _title(comparison: Comparison, members: Sequence[_Member], first: str, last: str) -> str:
    """Word a cluster: ``PUT /api/x/{id}/settings (12 settings): 11 curves, all thread counts, from 43000 policies``."""
    scenarios = {member.curve.scenario for member in members}
    measured = {comparison.curves.curves[i].scenario for i in comparison.families[members[0].curve.endpoint]}
    scenario = min(scenarios) if len(scenarios) == 1 and len(measured) > 1 else ""
    name = members[0].curve.endpoint + (f" ({scenario})" if scenario else "")
    count = f"{len(members)} curve" + ("s" if len(members) > 1 else "")
    parts = [count, _threads_text(comparison, members), _range_text(comparison, members, first, last)]
    return f"{name}: " + ", ".join(part for part in parts if part)


def _shared_name(comparison: Comparison, members: Sequence[_Member]) -> str:
    """Name what an item of many endpoints is of."""
    threads = _threads(members)
    if members[0].window.kind in _AT_LOAD:
        loads = Counter(comparison.curves.label[member.window.last] for member in members)
        return f"{loads.most_common(1)[0][0]} of several endpoints"
    endpoints = "all endpoints" if _endpoints(members) > SUPPORT else "the endpoints"
    if not _all_loads(members[0]):
        return f"{_loads_name(comparison, members)} of {endpoints}"
    measured = {curve.threads for curve in comparison.curves.curves if curve.threads is not None}
    return f"{endpoints} at {_threads_word(threads)}" if threads and set(threads) != measured else "the whole run"


def _loads_name(comparison: Comparison, members: Sequence[_Member]) -> str:
    """Name a part of the loads."""
    first, last = _widest(comparison, members)
    curve, label = members[0].curve, comparison.curves.label
    if last == label[curve.stop - 1]:
        return "the highest loads"
    return "the lowest loads" if first == label[curve.start] else _range(curve, first, last)


def _shared_title(comparison: Comparison, members: Sequence[_Member]) -> str:
    name = _shared_name(comparison, members)
    count = len({member.curve.endpoint for member in members})
    curves = f"{len(members)} curve" + ("s" if len(members) > 1 else "")
    return f"{name[:1].upper()}{name[1:]}: {curves} of {count} endpoint" + ("s" if count > 1 else "")


def _threads_text(comparison: Comparison, members: Sequence[_Member]) -> str:
    """Say which thread counts are concerned; nothing when the tags name none."""
    threads, measured = _threads(members), _measured_threads(comparison, members[0].curve.endpoint)
    if not threads:
        return ""
    if threads == measured:
        return "all thread counts" if len(threads) > 1 else _threads_word(threads)
    return _threads_word(threads) + " only"


def _threads_word(threads: tuple[int, ...]) -> str:
    text = " and ".join(
        [", ".join(map(str, threads[:-1])), str(threads[-1])] if len(threads) > 1 else [str(threads[0])]
    )
    return f"{text} thread" + ("s" if threads != (1,) else "")


def _range_text(comparison: Comparison, members: Sequence[_Member], first: str, last: str) -> str:
    """Say which loads are concerned, in the words of the job."""
    if not first:
        return ""
    curve = members[0].curve
    lowest, highest = comparison.curves.label[curve.start], comparison.curves.label[curve.stop - 1]
    if (first, last) == (lowest, highest):
        return "all loads"
    if last == highest:
        return f"from {first}"
    if first == lowest:
        return f"up to {last}"
    return _range(curve, first, last)


def _range(curve: Curve, first: str, last: str) -> str:
    """Word a range of loads; their unit is said once."""
    unit = curve.load_unit
    return f"{first.removesuffix(unit).strip() if unit and last.endswith(unit) else first} to {last}"
