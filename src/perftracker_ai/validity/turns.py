"""Episodes of runs in which endpoints take turns: few are measured near a time, so a curve's own level tells nothing.

In: how far a run lies above the others at each point, when it was measured, and in which request. Out: the stretches of
tests, one after the other, that are slow while those before and after them are not. Witnesses are the tests just before
and just after, and an endpoint's other tests at other times. A change that begins and ends with one endpoint's own
tests is that endpoint's. One that goes on across the border into the next endpoint's tests is an episode where it
begins or ends amid a request's loads, for code knows of no clock; where it holds whole endpoints nobody can tell.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.stats import distinct, median, robust_location, robust_scale

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]
    Marks = NDArray[np.bool_]

MOST_PARTS, LEAST_PARTS, MEMBERS = 240, 6, 12
"""Parts of equally many tests that a run is cut into, so many tests in each unless the parts would be few."""

SCATTERS = 4.0
"""An episode stands out of what parts scatter by so many times that."""

CALM, SLOW = 0.35, 0.5
"""An endpoint is calm at other times where it moved by less than the first part of the episode; a test is slow from the
second on."""

MOST_SLOW = 0.8
"""Share of a stretch's tests that must be slow."""

LEAST_CALM = 3
"""One of so many of its endpoints may be slow at other times too: what it changed by may be the code's."""

WHOLE = 0.8
"""A stretch that holds this share of a thread count's tests is that thread count's."""

LEAST_ENDS, END = 2, 16.0
"""Tests by which a stretch begins or ends amid a request's loads: the place of a step is known to a multiple of the
square of noise over size (Hinkley 1970)."""

WITNESSES, BORDER = 3, 2
"""Endpoints of an episode; where it ends amid a request's loads, the endpoints on both sides of a border do."""

ALIKE = 0.5
"""Endpoints moved alike where the least of them did so by this part of the most."""

MOST, MOST_BLOCK = 0.5, 0.8
"""Share of a run's tests that an episode, and that whole endpoints one after the other, hold at most."""

EPISODE, WARM_UP, LATE, BLOCK = 0, -1, 1, 2
"""Where a stretch lies: with calm before and after it, at the run's beginning, at its end; or it is whole endpoints."""


class Tests(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The N tests of one run in the order of time; the metrics of a test are one witness.

    Attributes
    ----------
    of_point : ndarray of int, shape (M,)
        Number of the test of each known point.
    point : ndarray of int, shape (M,)
        The points.
    above, gross : ndarray, shape (N,)
        How far the run lies above the others (log), without what its thread counts share, and with it.
    endpoint, request : ndarray of int, shape (N,)
        Tests of one request, one after the other, have one number.
    threads : ndarray of int, shape (N,)
    """

    of_point: Ints
    point: Ints
    above: Floats
    gross: Floats
    endpoint: Ints
    request: Ints
    threads: Ints


def tests_of(gross: Floats, begin: Floats, request: Ints, endpoint: Ints, threads: Ints, least: float) -> Tests:
    """Put the points of a run together that one test measured, in the order of time.

    Parameters
    ----------
    gross : ndarray, shape (P,)
        How far the run lies above the others at each point (log); NaN where that is not known.
    least : float
        The smallest size (log) that counts.
    """
    points = np.flatnonzero(np.isfinite(gross) & np.isfinite(begin))
    order = points[np.lexsort((points, request[points], begin[points]))]
    new = np.diff(begin[order], prepend=-np.inf) > 0
    new |= np.diff(request[order], prepend=-1) != 0
    first = np.flatnonzero(new)
    own = gross[order]
    own = own - _centres(own, threads[order], least)
    return Tests(
        of_point=np.cumsum(new) - 1,
        point=order,
        above=_averaged(own, first),
        gross=_averaged(gross[order], first),
        endpoint=endpoint[order[first]],
        request=request[order[first]],
        threads=threads[order[first]],
    )


def _averaged(values: Floats, first: Ints) -> Floats:
    if not len(values):
        return values
    mean: Floats = np.add.reduceat(values, first) / np.diff(np.r_[first, len(values)])
    return mean


def _centres(values: Floats, group: Ints, least: float) -> Floats:
    """Locate what the calm points of each group share: where the main body itself is slow, it is the faster body."""
    found = np.zeros(len(values))
    for name in distinct(group):
        members = group == name
        centre, faster = robust_location(values[members]), _faster(values[members])
        apart = centre - faster
        found[members] = faster if apart >= least and centre >= SLOW * apart else centre
    return found


def _faster(values: Floats) -> float:
    return float(median(values[values <= float(median(values))]))


def stretches(tests: Tests, least: float) -> Iterator[tuple[int, int, float, int]]:
    """Find the stretches: first and last test, size (log) and where each lies."""
    count = len(tests.above)
    parts = min(MOST_PARTS, count // max(min(MEMBERS, count // (2 * MEMBERS)), 1))
    if parts < LEAST_PARTS:
        return
    ends = np.linspace(0, count, parts + 1).round().astype(np.intp).tolist()
    size = np.array([float(median(tests.above[first:stop])) for first, stop in pairwise(ends)])
    marked = (size >= least) & (size >= SCATTERS * _noise(np.diff(size)))
    runs = {
        run: typical
        for first, last in ranges(marked)
        for typical in [float(median(tests.above[ends[first] : ends[last + 1]]))]
        for run in _slow_runs(tests, ends[first], ends[last + 1], typical)
    }
    for ends_of, typical in runs.items():
        run = _cut(tests, ends_of, typical)
        kind = None if run.first > run.last else _kind(tests, run, least)
        if kind is not None:
            yield run.first, run.last, run.size, kind


def _noise(steps: Floats) -> float:
    """Estimate what neighbours scatter: steps from one level to another are few."""
    return float(robust_scale(steps)) / math.sqrt(2)


def ranges(marked: Marks) -> list[tuple[int, int]]:
    """List the ranges of marked places, first and last."""
    edges = np.flatnonzero(np.diff(np.r_[False, marked, False].astype(np.int8)))
    return [(int(first), int(after) - 1) for first, after in zip(edges[::2], edges[1::2], strict=True)]


def _slow_runs(tests: Tests, begin: int, stop: int, size: float) -> list[tuple[int, int]]:
    """List the runs of slow tests that reach into a part of the run, a lone calm one between them overlooked."""
    slow = _smoothed(tests.above, tests.request) >= SLOW * size
    slow[1:-1] |= slow[:-2] & slow[2:]
    return [(first, last) for first, last in ranges(slow) if first < stop and last >= begin]


def _smoothed(values: Floats, request: Ints) -> Floats:
    """Take the median of each three neighbouring tests of one request."""
    before, after = np.r_[values[:1], values[:-1]], np.r_[values[1:], values[-1:]]
    same = np.r_[False, request[1:] == request[:-1], False]
    around = (np.where(same[:-1], before, values), values, np.where(same[1:], after, values))
    return np.asarray(np.median(np.array(around), axis=0))


class _Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run of slow tests, first to last; empty where the first is behind the last.

    Attributes
    ----------
    begins_amid, ends_amid : bool
        Whether it surely begins, and ends, amid a request's tests.
    by_turns : bool
        Whether its requests have so few tests at a time that it begins and ends at a border wherever it does.
    """

    first: int
    last: int
    size: float
    begins_amid: bool
    ends_amid: bool
    by_turns: bool


def _cut(tests: Tests, run: tuple[int, int], size: float) -> _Run:
    """Cut a run of slow tests to where it begins and ends as far as noise lets it be known."""
    count, steps, borders = len(tests.above), np.diff(tests.above), np.diff(tests.request, prepend=-1, append=-1) != 0
    own = steps[~borders[1:-1]]
    sure = max(LEAST_ENDS, math.ceil(END * (_noise(own if len(own) else steps) / size) ** 2))
    visits = np.flatnonzero(borders)
    first, begins_amid = _begin(run[0], visits, sure)
    behind, ends_amid = _begin(count - 1 - run[1], (count - visits)[::-1], sure)
    last = count - 1 - behind
    visited = np.diff(visits)[(visits[1:] > first) & (visits[:-1] <= last)]
    return _Run(
        first=first,
        last=last,
        size=size,
        begins_amid=begins_amid,
        ends_amid=ends_amid,
        by_turns=bool(len(visited)) and float(visited.mean()) < sure,
    )


def _begin(first: int, visits: Ints, sure: int) -> tuple[int, bool]:
    """Return where a run of slow tests begins, and whether that is amid a request's tests.

    Parameters
    ----------
    visits : ndarray of int
        Where the tests of each request begin, ascending, and the end of the last.
    sure : int
        Tests that are no chance: by fewer it begins at a border.
    """
    own = int(np.searchsorted(visits, first, side="right")) - 1
    begin, stop = int(visits[own]), int(visits[own + 1])
    if first - begin < sure:
        return first, False
    return (stop, False) if stop - first < sure else (first, True)


def _kind(tests: Tests, run: _Run, least: float) -> int | None:
    """Say what a run of slow tests is; None where it is the endpoints' own."""
    inside = np.zeros(len(tests.above), dtype=bool)
    inside[run.first : run.last + 1] = True
    names, share = distinct(tests.endpoint[inside]), float(inside.mean())
    slow = float(np.mean(tests.above[inside] > CALM * run.size)) >= MOST_SLOW
    if not slow or share > MOST_BLOCK or _of_a_thread_count(tests, inside):
        return None
    elsewhere = _levels(tests.above[~inside], tests.endpoint[~inside])
    others = [elsewhere[name] for name in names.tolist() if name in elsewhere]
    calm = sum(level < CALM * run.size for level in others)
    if (len(others) - calm) * LEAST_CALM > len(names):
        return None
    amid = run.begins_amid or run.ends_amid
    crosses = amid and calm and len(names) >= BORDER
    if share <= MOST and (crosses or (run.by_turns and calm >= WITNESSES)):
        at_end = run.by_turns and inside[-1] and _highest(tests, inside)
        return WARM_UP if inside[0] else LATE if at_end else EPISODE
    return BLOCK if _undecided(tests, run, inside, least) else None


def _of_a_thread_count(tests: Tests, inside: Marks) -> bool:
    """Say whether a stretch holds most tests of one thread count of several."""
    counts = distinct(tests.threads)
    if len(counts) == 1:
        return False
    return any(float(inside[tests.threads == threads].mean()) >= WHOLE for threads in counts)


def _levels(values: Floats, names: Ints) -> dict[int, float]:
    """Give the median of each name's values."""
    order = np.argsort(names, kind="stable")
    starts = np.flatnonzero(np.diff(names[order], prepend=-1) != 0)
    groups = np.split(values[order], starts[1:]) if len(starts) else []
    return {int(name): float(median(group)) for name, group in zip(names[order[starts]], groups, strict=True)}


def _highest(tests: Tests, inside: Marks) -> bool:
    """Say whether a run of slow tests holds the highest loads of its requests: points of a curve ascend in load."""
    point = tests.point[np.flatnonzero(np.diff(tests.of_point, prepend=-1))]
    highest = np.full(int(tests.request.max()) + 1, -1)
    np.maximum.at(highest, tests.request[~inside], point[~inside])
    return float(np.mean(point[inside] > highest[tests.request[inside]])) >= MOST_SLOW


def _undecided(tests: Tests, run: _Run, inside: Marks, least: float) -> bool:
    """Say whether nobody can tell the endpoints of a run of slow tests from its minutes.

    Whole endpoints one after the other that moved alike, and hardly any others did; or tests of one endpoint, from
    amid one request to amid another, or of the run's first or last minutes, where what is left of these requests is
    calm: a request that is slow before and after as well is slow by itself.
    """
    levels = _levels(tests.above[inside], tests.endpoint[inside])
    if float(median(tests.gross[inside])) < SLOW * least:
        return False
    if len(levels) == 1:
        left = _levels(tests.above[~inside], tests.request[~inside])
        if any(left.get(request, 0.0) >= CALM * run.size for request in tests.request[[run.first, run.last]].tolist()):
            return False
        several = run.begins_amid and run.ends_amid and len(distinct(tests.request[inside])) > 1
        return several or (run.first == 0 and run.ends_amid) or (run.last == len(inside) - 1 and run.begins_amid)
    alike = min(levels.values()) >= ALIKE * max(levels.values())
    return alike and 2 * len(levels) >= sum(v >= SLOW * run.size for v in _levels(tests.above, tests.endpoint).values())
