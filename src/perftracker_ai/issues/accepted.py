"""Accepted regressions: which of the regressions found the settings declare to be known, and until when.

In: the product's ``[[accept]]`` entries, curves, detection, and the day by which their dates are read. Out: an
`Acceptance` for every entry, with the curves whose regressions count for nothing, and the notices that keep such an
entry from being forgotten. Nothing found is taken away: what is accepted stays in detection and in the clusters.

A curve is accepted as a whole or not at all: each of its worsened windows must be covered by an entry that is in force.
An entry covers a window when

* the patterns, the metric and the loads fit, at most a quarter of the window's loads being beyond the entry's: ends of
  windows wander by a load or two from run to run;
* and the window is not a regression on top of the accepted size: its cost over the accepted cost stays below
  ``detect.moderate``.

The other way round, a finding can be made into entries that cover it.
"""

from __future__ import annotations

import math
import re
from fnmatch import translate
from typing import TYPE_CHECKING, NamedTuple, assert_never

import numpy as np

from perftracker_ai.model import (
    Acceptance,
    AcceptEnded,
    AcceptEnds,
    AcceptGone,
    AcceptOutgrown,
    AcceptUnmatched,
    Direction,
    Notice,
    Outcome,
    Standing,
)
from perftracker_ai.settings import Accept
from perftracker_ai.words import wording
from perftracker_ai.words.numbers import format_change

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from datetime import date

    from perftracker_ai.model import Analysis, Cluster, Curve, CurveSet, Detection, Window
    from perftracker_ai.model.issues import OpenIssue, Reference

SOON_DAYS = 14
"""Days before its end from which an entry is spoken of."""
SPILL = 0.25
"""Share of a window's loads that may be beyond the accepted ones."""


class _Named(NamedTuple):
    """What an entry names in a comparison.

    Attributes
    ----------
    curves : tuple of int
        All curves its patterns fit.
    slower, covered : dict of int to tuple of int
        By curve the positions of worsened windows at its loads, and those of them that it accepts.
    """

    entry: Accept
    curves: tuple[int, ...]
    slower: dict[int, tuple[int, ...]]
    covered: dict[int, tuple[int, ...]]


def accepted(
    entries: Sequence[Accept], curves: CurveSet, detection: Detection, moderate: float, today: date | None
) -> tuple[Acceptance, ...]:
    """Say what each entry does in a comparison.

    Parameters
    ----------
    entries : sequence of Accept
        Of the product, in the order of the settings file.
    moderate : float
        Slowdown over the accepted size from which a regression is more than was accepted.
    today : date or None
        The day by which dates are read; None when they are not to be.

    Returns
    -------
    tuple of Acceptance
        One for every entry, in the same order.
    """
    named = [_named(entry, curves, detection, moderate) for entry in entries]
    whole = _whole([one for one in named if _in_force(one.entry, today)], detection)
    return tuple(_acceptance(one, detection, whole, today) for one in named)


def _in_force(entry: Accept, today: date | None) -> bool:
    return today is None or today <= entry.until


def _whole(named: Sequence[_Named], detection: Detection) -> set[int]:
    """Find the curves of which every worsened window is covered, by one entry or by several."""
    covered: dict[int, set[int]] = {}
    for one in named:
        for curve, windows in one.covered.items():
            covered.setdefault(curve, set()).update(windows)
    return {curve for curve, windows in covered.items() if windows.issuperset(_worse(detection, curve))}


def _worse(detection: Detection, curve: int) -> list[int]:
    windows = enumerate(detection.results[curve].windows)
    return [at for at, window in windows if window.direction is Direction.WORSE]


def counting(clusters: Sequence[Cluster], entries: Sequence[Acceptance]) -> tuple[Cluster, ...]:
    """Give the clusters that count: all but the worsened ones of which every curve is accepted."""
    known = {curve for entry in entries for curve in entry.curves}
    return tuple(
        cluster for cluster in clusters if cluster.direction is Direction.BETTER or not known.issuperset(cluster.curves)
    )


def accepts(
    entries: Sequence[Accept],
    curves: CurveSet,
    issue: OpenIssue,
    reference: Sequence[Reference],
    moderate: float,
    today: date | None,
) -> date | None:
    """Return until when entries accept an issue of an earlier version: every curve of it, by its size now.

    Returns
    -------
    date or None
        The last day on which all of its curves are; None where one of them is not.
    """
    tags = {(one.group, one.tag, one.scalar) for one in reference}
    members = [curve for curve in curves.curves if (curve.group, curve.tag, curve.scalar) in tags]
    held = [entry for entry in entries if _in_force(entry, today) and not _is_more(entry, issue.slowdown, moderate)]
    fits = [(_pattern(entry), entry) for entry in held]
    lasts = [
        [one.until for named, one in fits if named(curve) and _has_loads(curves, curve, one.loads)] for curve in members
    ]
    return min(map(max, lasts)) if lasts and all(lasts) else None


def _is_more(entry: Accept, slowdown: float, moderate: float) -> bool:
    return entry.slowdown is not None and (1.0 + slowdown) / (1.0 + entry.slowdown) - 1.0 >= moderate


def _has_loads(curves: CurveSet, curve: Curve, loads: tuple[float, float] | None) -> bool:
    """Tell whether an entry is of loads that a curve has."""
    if loads is None:
        return True
    load = curves.load[curve.start : curve.stop]
    return curve.numbered and bool(((load >= loads[0]) & (load <= loads[1])).any())


# ── one entry ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _named(entry: Accept, curves: CurveSet, detection: Detection, moderate: float) -> _Named:
    fits = _pattern(entry)
    found = [curve for curve in curves.curves if fits(curve)]
    slower: dict[int, tuple[int, ...]] = {}
    covered: dict[int, tuple[int, ...]] = {}
    for curve in found:
        windows = detection.results[curve.index].windows
        shares = {at: _share_beyond(entry, curve, curves, windows[at]) for at in _worse(detection, curve.index)}
        there = tuple(at for at, beyond in shares.items() if beyond < 1.0)
        if there:
            slower[curve.index] = there
            covered[curve.index] = tuple(
                at for at in there if shares[at] <= SPILL and not _is_larger(entry, windows[at], moderate)
            )
    return _Named(entry, tuple(curve.index for curve in found), slower, covered)


def _pattern(entry: Accept) -> Callable[[Curve], bool]:
    """Compile what an entry asks of a curve's names."""
    endpoint, tag = (re.compile(translate(text or "*")) for text in (entry.endpoint, entry.tag))

    def fits(curve: Curve) -> bool:
        metrics = ("", curve.metric_kind.value, curve.statistic, wording.metric_name(curve))
        return bool(entry.metric in metrics and endpoint.match(curve.endpoint) and tag.match(curve.tag))

    return fits


def _share_beyond(entry: Accept, curve: Curve, curves: CurveSet, window: Window) -> float:
    """Give the share of a window's loads that are not the entry's: all where there is no load to compare."""
    if entry.loads is None:
        return 0.0
    if curve.scalar or not curve.numbered:
        return 1.0
    load = curves.load[window.first : window.last + 1]
    first, last = entry.loads
    return float(np.mean((load < first) | (load > last)))


def _is_larger(entry: Accept, window: Window, moderate: float) -> bool:
    return _is_more(entry, window.median_slowdown, moderate)


def _acceptance(one: _Named, detection: Detection, whole: Collection[int], today: date | None) -> Acceptance:
    entry = one.entry
    sizes = [
        detection.results[curve].windows[at].median_slowdown for curve, windows in one.slower.items() for at in windows
    ]
    in_force = _in_force(entry, today)
    return Acceptance(
        endpoint=entry.endpoint,
        tag=entry.tag,
        metric=entry.metric,
        loads=entry.loads,
        slowdown=entry.slowdown,
        reason=entry.reason,
        until=entry.until,
        days_left=None if today is None else (entry.until - today).days,
        standing=_standing(one, detection, whole) if in_force else Standing.ENDED,
        curves=tuple(curve for curve, windows in one.covered.items() if in_force and windows and curve in whole),
        found=max(sizes, default=None),
    )


def _standing(one: _Named, detection: Detection, whole: Collection[int]) -> Standing:
    """Say what an entry does whose date is not past."""
    if not one.curves:
        return Standing.UNMATCHED
    if one.slower:
        return Standing.IN_FORCE if all(curve in whole for curve in one.slower) else Standing.OUTGROWN
    unclear = any(detection.results[curve].outcome is Outcome.INCONCLUSIVE for curve in one.curves)
    return Standing.OPEN if unclear else Standing.GONE


# ── what to say of it ───────────────────────────────────────────────────────────────────────────────────────────────


def acceptance_notices(entries: Sequence[Acceptance]) -> Iterator[Notice]:
    """Name the entries that somebody has to look at: ended or about to, outgrown, or without effect."""
    for entry in entries:
        what, until = wording.accepted_name(entry), entry.until
        if entry.days_left is not None and 0 <= entry.days_left <= SOON_DAYS:
            yield AcceptEnds(accepted=what, until=until, days_left=entry.days_left)
        match entry.standing:
            case Standing.ENDED:
                yield AcceptEnded(accepted=what, until=until)
            case Standing.OUTGROWN:
                size, found = wording.accepted_size(entry), format_change(entry.found)
                yield AcceptOutgrown(accepted=what, size=size, found=found)
            case Standing.GONE:
                yield AcceptGone(accepted=what)
            case Standing.UNMATCHED:
                yield AcceptUnmatched(accepted=what)
            case Standing.IN_FORCE | Standing.OPEN:
                pass
            case _:
                assert_never(entry.standing)


# ── a finding into entries ──────────────────────────────────────────────────────────────────────────────────────────


def entries_for(analysis: Analysis, curves: Sequence[int], reason: str, until: date) -> tuple[Accept, ...]:
    """Word the entries that accept the regressions of some curves, at the size and the loads at which they are now.

    Parameters
    ----------
    curves : sequence of int
        A finding's curve, or those of a cluster.

    Returns
    -------
    tuple of Accept
        One for the endpoint where the curves are all of it that is slower, else one for each curve by its tag.
    """
    members = [analysis.curves.curves[curve] for curve in curves]
    endpoint = members[0].endpoint
    slower = {curve.index for curve in analysis.curves.curves if curve.endpoint == endpoint}
    slower = {index for index in slower if _worse(analysis.detection, index)}
    if len(members) > 1 and slower == set(curves):
        return (_entry(analysis, curves, reason, until, endpoint=_literal(endpoint), tag=""),)
    return tuple(
        _entry(analysis, (curve.index,), reason, until, endpoint="", tag=_literal(curve.tag)) for curve in members
    )


def _entry(analysis: Analysis, curves: Sequence[int], reason: str, until: date, *, endpoint: str, tag: str) -> Accept:
    windows = [
        analysis.detection.results[curve].windows[at] for curve in curves for at in _worse(analysis.detection, curve)
    ]
    largest = max(window.median_slowdown for window in windows)
    return Accept(
        product=analysis.candidate.product_name,
        endpoint=endpoint,
        tag=tag,
        loads=_loads(analysis.curves, curves, windows),
        slowdown=math.ceil(100.0 * largest) / 100.0,  # upwards, so that what is there is covered by its own entry
        reason=reason,
        until=until,
    )


def _literal(text: str) -> str:
    """Write a name as a pattern that fits nothing else."""
    return re.sub(r"[*?[]", r"[\g<0>]", text)


def _loads(curves: CurveSet, members: Sequence[int], windows: Sequence[Window]) -> tuple[float, float] | None:
    """Give the range of load of all windows; None where it is all there is, or where loads are no numbers."""
    every = [curves.curves[index] for index in members]
    if any(curve.scalar or not curve.numbered for curve in every):
        return None
    first = min(float(curves.load[window.first]) for window in windows)
    last = max(float(curves.load[window.last]) for window in windows)
    lowest = min(float(curves.load[curve.start]) for curve in every)
    highest = max(float(curves.load[curve.stop - 1]) for curve in every)
    return None if (first, last) == (lowest, highest) else (first, last)
