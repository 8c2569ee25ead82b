"""Changes that are no window of three loads: the edges, single loads with proof, and scattered or periodic loads.

In: the results of the scan. Out: the same, with what single points show. A point is compared with its neighbours along
the load, in units of its curve's own noise; how often a point stands out by chance is learned from the other direction
(what sticks out of the baseline's run) and from runs of the baseline's version against each other. One lone point is
never believed for its size alone: hiccups of a machine last a test. It takes a second load, scores that agree, or other
endpoints at the same load. What is not proven is mentioned, and never called unchanged.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec.structs import replace

from perftracker_ai.detect.agreed import agreed_loads
from perftracker_ai.detect.direction import outcome_of
from perftracker_ai.detect.need import Need, need_text
from perftracker_ai.detect.series import LARGEST, orientation
from perftracker_ai.detect.windows import severity
from perftracker_ai.model import (
    CANDIDATE,
    Attribution,
    Cause,
    Confidence,
    Direction,
    FindingKind,
    Outcome,
    Window,
)
from perftracker_ai.stats import MAD_TO_SIGMA, distinct, median, ratio
from perftracker_ai.words.numbers import format_change, plural
from perftracker_ai.words.wording import NOT_PROVEN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from numpy.typing import NDArray

    from perftracker_ai.model import CurveResult, CurveSet
    from perftracker_ai.settings import DetectSettings

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]
    Mask = NDArray[np.bool_]

LEAST_POINTS = 5
"""Points from which a curve has neighbours to compare a point with."""

BESIDE = 3
"""Neighbours on either side; at the ends the nearest six."""

TYPICAL = 10.0
"""Points that the job's typical noise weighs as much as."""

LEAST_NOISE = 0.01
STANDS_OUT = 5.0
"""Standard deviations from which a point stands out of its neighbours: 3 in ten million where noise is normal; where it
is not, the other direction shows how many there are."""

HINTS = 3.0
"""The same for one of several scattered points: how many of a curve's points are that far off tells, not how far."""

DOUBT = 0.05
"""Chance of so many such points in one curve from which it is not called unchanged."""

PROOF = 8.0
"""The same for a point that has to speak for itself, in errors of its scores as well."""

SCORES = 3
"""Scores from which their agreement says anything."""

CHANCE = 0.01
"""Number of scattered, double or shared points that chance alone may make in a job."""

SCATTERED, MANY, SIXTH = 3, 5, 6
"""Points that make a scattered change: three, in longer curves every sixth, five at the most."""

MOST_RIVALS = 2.0
"""Times as many scattered points as the worst curve of the other direction has."""

RIVALS = 4.0
"""Times as many points as in the other direction, or in a run of the baseline's version, that are more than chance."""

CONTROLS, LEAST_CONTROLS = 0.2, 3
"""Share and number of endpoints that, measured in the same stretch of time, stayed: then it is not the machine.

An endpoint that moved is one too by its other loads: where each broke at a time of its own the others were calm then.
"""

_OPEN = frozenset({Outcome.REGRESSED, Outcome.MINOR, Outcome.IMPROVED, Outcome.UNCHANGED, Outcome.INCONCLUSIVE})


class _Points(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What every point of a `CurveSet` shows, arrays of shape (P,).

    Attributes
    ----------
    change : ndarray
        Log-ratio net of the run; NaN where not compared.
    jump : ndarray
        The same against its neighbours; NaN in curves too short to have any.
    errors : ndarray
        The jump in standard deviations of the curve's noise.
    proven : ndarray of bool
        Whether several scores on both sides agree that it is no scatter of theirs, and no run of the baseline's version
        comes near it.
    place, last : ndarray of int
        Position among the curve's compared points, and that of the last.
    owner : ndarray of int
        Curve of each point.
    calm : float
        Points that stand out in one run of the baseline's version against others of it, on average.
    """

    change: Floats
    jump: Floats
    errors: Floats
    proven: Mask
    place: Ints
    last: Ints
    owner: Ints
    calm: float


class _Hits(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Points that stand out in one direction, and the rate at which chance makes such.

    Attributes
    ----------
    out, other : ndarray of bool, shape (P,)
        Those in this direction, and those in the other.
    rate : float
        Share of the points that chance makes stand out so.
    ends : float
        Of those at the ends of curves the share that chance makes stand out by themselves.
    hints : ndarray of bool, shape (P,)
        Those that may be one of several, from `HINTS` on.
    against : ndarray of bool, shape (P,)
        The same in the other direction.
    hinted : float
        Share of the points that chance makes such.
    most : int
        Points of one curve that chance makes such, at most: some curves have more accidents than others.
    lone : ndarray of bool, shape (P,)
        Those whose scores prove them, where the other direction has next to none.
    unusual : bool
        Whether twice the cost at a lone load is more than this job shows in the other direction too.
    """

    sign: float
    out: Mask
    other: Mask
    rate: float
    ends: float
    hints: Mask
    against: Mask
    hinted: float
    most: int
    lone: Mask
    unusual: bool


class _Found(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One change of a curve that points show."""

    kind: FindingKind
    sign: float
    points: Ints
    attribution: Attribution
    confidence: Confidence
    reason: str


def with_points(results: list[CurveResult], curves: CurveSet, settings: DetectSettings) -> list[CurveResult]:
    """Add what single points show; ``results`` in curve order."""
    seen = _points(results, curves, settings)
    known = _inside(results, len(seen.change), settings)
    hits = [_hits(seen, known, sign, settings) for sign in (1.0, -1.0)]
    alone = np.where(np.isfinite(seen.jump) & ~known, seen.change, np.nan)
    found: dict[int, list[_Found]] = {}
    for side in hits:
        together = agreed_loads(alone, seen.owner, curves, side.sign, math.log1p(settings.moderate))
        for curve, one in _findings(seen, side, curves, together):
            found.setdefault(curve, []).append(one)
    told = np.zeros(len(seen.change), dtype=bool)
    for one in (one for many in found.values() for one in many):
        told[one.points] = True
    rest = {int(curve) for side in hits for curve in distinct(seen.owner[side.out & ~told])}
    doubts = {curve for side in hits for curve, points in _by_curve(side.hints, seen) if _doubtful(seen, side, points)}
    done = []
    for result in results:
        if result.outcome in _OPEN and result.curve in found:
            result = _with_windows(result, found[result.curve], seen, settings)  # noqa: PLW2901 - two steps of one
        if result.outcome in _OPEN and result.curve in rest | doubts:
            result = _mentioned(result, seen, hits, told, curves, settings, doubts)  # noqa: PLW2901 - two steps of one
        done.append(result)
    return done


# ── points and their noise ──────────────────────────────────────────────────────────────────────────────────────────


def _points(results: list[CurveResult], curves: CurveSet, settings: DetectSettings) -> _Points:
    """Compare every point of times and rates with its neighbours along the load."""
    lengths = [curve.stop - curve.start for curve in curves.curves]
    owner = np.repeat(np.arange(len(lengths)), lengths)
    timed = np.array([curve.metric_kind.timed for curve in curves.curves], dtype=bool)
    shift = np.log1p(np.array([result.shift for result in results]))[owner]
    log = np.log(np.where(np.isfinite(curves.mean) & (curves.mean > 0), curves.mean, np.nan)) * orientation(curves)
    base, candidate = (log[rows] for rows in curves.rows)
    change = np.where(timed[owner], median(candidate, axis=0) - median(base, axis=0) - shift, np.nan)
    change = np.clip(change, -LARGEST, LARGEST)
    place, last = _places(change, owner)
    jump, noise = _jumps(change, owner)
    calm = [np.abs(_jumps(np.where(np.isfinite(change), run - base[0], np.nan), owner)[0]) for run in base[1:]]
    large = math.log1p(settings.moderate)
    with np.errstate(invalid="ignore"):
        return _Points(
            change=change,
            jump=jump,
            errors=jump / noise,
            proven=_proven(jump, noise, curves, base, candidate),
            place=place,
            last=last,
            owner=owner,
            calm=float(np.mean([((one >= large) & (one >= STANDS_OUT * noise)).sum() for one in calm])) / 2
            if calm
            else 0.0,
        )


def _places(change: Floats, owner: Ints) -> tuple[Ints, Ints]:
    """Count a curve's compared points up to each point, from 0, and all of them less one."""
    there = np.isfinite(change)
    count = np.bincount(owner[there], minlength=int(owner[-1]) + 1 if len(owner) else 0)
    before = np.concatenate([[0], np.cumsum(count)[:-1]]) if len(count) else count
    place = np.where(there, np.cumsum(there) - 1 - before[owner], -1)
    return place, count[owner] - 1


def _jumps(change: Floats, owner: Ints) -> tuple[Floats, Floats]:
    """Return each point against the median of its neighbours, and the noise of its curve; NaN without neighbours."""
    jump, noise = np.full(change.shape, np.nan), np.full(change.shape, np.nan)
    index = np.flatnonzero(np.isfinite(change))
    count = np.bincount(owner[index], minlength=int(owner[-1]) + 1 if len(owner) else 0)
    start = np.concatenate([[0], np.cumsum(count)[:-1]]) if len(count) else count
    own: list[tuple[Ints, Floats]] = []
    for size in distinct(count[count >= LEAST_POINTS]).tolist():
        point = index[start[count == size][:, None] + np.arange(size)]
        beside = _beside(size)
        away = change[point] - median(change[point][:, beside], axis=2)
        jump[point] = away
        own.append((point, _quiet(away)))
    if own:
        typical = float(median(np.concatenate([scale for _, scale in own])))
        for point, scale in own:
            weight = point.shape[1]
            mixed = np.sqrt((weight * scale**2 + TYPICAL * typical**2) / (weight + TYPICAL))
            noise[point] = np.maximum(mixed, LEAST_NOISE)[:, None]
    return jump, noise


def _beside(size: int) -> Ints:
    """Indices of the neighbours of each of so many points: three on either side, at the ends the nearest."""
    width = min(2 * BESIDE + 1, size)
    first = np.clip(np.arange(size) - BESIDE, 0, size - width)
    around = first[:, None] + np.arange(width)
    others: Ints = around[around != np.arange(size)[:, None]].reshape(size, width - 1)
    return others


def _quiet(away: Floats) -> Floats:
    """Scale of each row from its quieter side: what stands out is mostly on one."""
    sides = [median(np.where(sign * away >= 0, np.abs(away), np.nan)) for sign in (1.0, -1.0)]
    return MAD_TO_SIGMA * np.where(np.isfinite(sides[0]) & np.isfinite(sides[1]), np.fmin(*sides), np.fmax(*sides))


def _proven(jump: Floats, noise: Floats, curves: CurveSet, base: Floats, candidate: Floats) -> Mask:
    """Tell where scores on both sides agree that a point stands out, in each run of either version."""
    with np.errstate(all="ignore"):  # what has no spread, or overflows, proves nothing
        relative = (curves.sd / curves.mean) ** 2 / curves.count
    error = np.sqrt(relative[curves.rows[0]].mean(axis=0) + relative[curves.rows[1]].mean(axis=0))
    scored = (curves.count[: CANDIDATE + 1] >= SCORES).all(axis=0)
    with np.errstate(invalid="ignore"):
        sure = (np.abs(jump) >= PROOF * error) & (np.abs(jump) >= PROOF * noise)
        sign = np.sign(jump)
        apart = (sign * candidate).min(axis=0) - (sign * base).max(axis=0) >= np.abs(jump) / 2
    return np.asarray(scored & sure & apart)


def _inside(results: list[CurveResult], points: int, settings: DetectSettings) -> Mask:
    """Mark the points that a window holds already; one that is minor does not tell of a point far out of it."""
    known, large = np.zeros(points, dtype=bool), math.log1p(settings.moderate)
    for result in results:
        for window in result.windows:
            if abs(math.log1p(window.median_slowdown)) >= large:
                known[window.first : window.last + 1] = True
    return known


# ── what stands out ─────────────────────────────────────────────────────────────────────────────────────────────────


def _hits(seen: _Points, known: Mask, sign: float, settings: DetectSettings) -> _Hits:
    with np.errstate(invalid="ignore"):
        far = (np.abs(seen.jump) >= math.log1p(settings.moderate)) & ~known
        large = far & (sign * seen.change >= math.log1p(settings.moderate))
        out, other = large & (sign * seen.errors >= STANDS_OUT), far & (-sign * seen.errors >= STANDS_OUT)
        hints, others = large & (sign * seen.errors >= HINTS), far & (-sign * seen.errors >= HINTS)
        double = np.abs(seen.change) >= math.log1p(settings.critical)
    compared, ends = np.isfinite(seen.jump), _at_ends(seen)
    rivals = _unshadowed(others, hints, seen.owner)
    lone, proofs = out & seen.proven, int((other & seen.proven).sum()) + seen.calm
    return _Hits(
        sign=sign,
        out=out,
        other=other,
        rate=_rate(other, compared, seen.calm),
        ends=_rate(other & ends, compared & ends, seen.calm),
        hints=hints,
        against=others,
        hinted=_rate(rivals, compared, seen.calm),
        most=int(np.bincount(seen.owner[rivals], minlength=1).max()),
        lone=lone if int(lone.sum()) > RIVALS * proofs else np.zeros_like(lone),
        unusual=int((out & double).sum()) > RIVALS * (int((other & double).sum()) + seen.calm),
    )


def _rate(others: Mask, compared: Mask, calm: float) -> float:
    return (int(others.sum()) + calm + 0.5) / max(int(compared.sum()), 1)


def _unshadowed(others: Mask, hints: Mask, owner: Ints) -> Mask:
    """Leave out of the other direction the curves where more stands out in this one: it makes neighbours look low."""
    here, there = (np.bincount(owner[part], minlength=1 + int(owner.max(initial=0))) for part in (hints, others))
    return np.asarray(others & (there >= here)[owner])


def _at_ends(seen: _Points) -> Mask:
    """Mark the lowest two and the highest two points of every curve."""
    return (seen.place >= 0) & ((seen.place <= 1) | (seen.place >= seen.last - 1))


def _findings(seen: _Points, hits: _Hits, curves: CurveSet, together: Sequence[Ints]) -> Iterator[tuple[int, _Found]]:
    """Find what is no chance: scattered points and shared loads first, then what each curve shows by itself."""
    shared = _shared(seen, hits, curves, together)
    scattered = {curve: points for curve, points in _by_curve(hits.hints, seen) if _is_scattered(seen, hits, points)}
    for curve, points in scattered.items():
        yield curve, _scattered(seen, hits, points, curves, _others(curve, scattered, curves))
    chosen = hits.out.copy()
    chosen[list(shared)] = True
    for curve, points in _by_curve(chosen, seen):
        for one in () if curve in scattered else _of_curve(seen, hits, points, shared, curves):
            yield curve, one


def _doubtful(seen: _Points, hits: _Hits, points: Ints) -> bool:
    """Say whether a curve has so many points that may be off that chance hardly makes as many, proven or not."""
    return len(points) >= SCATTERED and _binomial_tail(len(points), int(seen.last[points[0]]) + 1, hits.hinted) <= DOUBT


def _by_curve(chosen: Mask, seen: _Points) -> Iterator[tuple[int, Ints]]:
    """Yield the chosen points of each curve that has any."""
    points = np.flatnonzero(chosen)
    for part in np.split(points, np.flatnonzero(np.diff(seen.owner[points])) + 1) if len(points) else ():
        yield int(seen.owner[part[0]]), part


def _others(curve: int, scattered: Collection[int], curves: CurveSet) -> bool:
    """Say whether other requests of the endpoint show scattered points too: the metrics of one request are one."""
    own = curves.curves[curve]
    rest = (curves.curves[other] for other in scattered if other != curve)
    return any(c.endpoint == own.endpoint and (c.threads, c.scenario) != (own.threads, own.scenario) for c in rest)


def _of_curve(
    seen: _Points, hits: _Hits, points: Ints, shared: dict[int, Attribution], curves: CurveSet
) -> Iterator[_Found]:
    """Say what the standing-out points of one curve are; nothing where nothing proves them."""
    for edge in (points[seen.place[points] >= seen.last[points] - 1], points[seen.place[points] <= 1]):
        found = _edge(seen, hits, edge, shared, curves)
        if found is not None:
            yield found
            return
    with_others = np.array([point for point in points.tolist() if point in shared], dtype=np.intp)
    if len(with_others):
        steps = np.flatnonzero(np.diff(seen.place[with_others]) > 1) + 1
        yield from (_with_others(hits.sign, part, shared) for part in np.split(with_others, steps))
        return
    lone = [point for point in points.tolist() if hits.lone[point] and _repeated(curves)]
    if lone:
        yield _Found(
            kind=FindingKind.POINT,
            sign=hits.sign,
            points=np.array([max(lone, key=lambda point: hits.sign * float(seen.jump[point]))]),
            attribution=_by_runs(curves),
            confidence=Confidence.MEDIUM,
            reason="one load: its scores agree, and no run of the baseline's version shows it",
        )


def _with_others(sign: float, points: Ints, shared: dict[int, Attribution]) -> _Found:
    """Describe neighbouring loads that other endpoints show as well."""
    return _Found(
        kind=FindingKind.WINDOW if len(points) >= SCATTERED else FindingKind.POINT,
        sign=sign,
        points=points,
        attribution=shared[int(points[0])],
        confidence=Confidence.MEDIUM,
        reason="other endpoints show it at the same load",
    )


def _is_scattered(seen: _Points, hits: _Hits, points: Ints) -> bool:
    """Say whether a curve has more points that stand out than chance makes, and not only at one end."""
    size, own = int(seen.last[points[0]]) + 1, seen.owner[points[0]]
    first, after = np.searchsorted(seen.owner, (own, own + 1)).tolist()
    against = max(hits.most, int(hits.against[first:after].sum()))
    ends = [int((seen.place[points] >= size - 2).sum()), int((seen.place[points] <= 1).sum())]
    chance = (int(seen.owner[-1]) + 1) * _binomial_tail(len(points), size, hits.hinted)
    return (
        len(points) >= max(SCATTERED, min(size / SIXTH, MANY), MOST_RIVALS * against)
        and len(points) > max(ends)
        and chance <= CHANCE
    )


def _scattered(seen: _Points, hits: _Hits, points: Ints, curves: CurveSet, others: bool) -> _Found:  # noqa: FBT001
    """Describe scattered points; sure of them only as far as more than one request, or a rhythm, shows them."""
    steps = {int(b - a) for a, b in pairwise(seen.place[points].tolist())}
    rhythm = len(steps) == 1 and min(steps) > 1
    reasons = (
        f"{plural(len(points), 'load')} stand out, scattered over the curve",
        f"one every {min(steps)} loads" if rhythm else "",
        "" if rhythm or others or _repeated(curves) else "of one request in one run: accidents of a machine do so too",
    )
    return _Found(
        kind=FindingKind.SPORADIC,
        sign=hits.sign,
        points=points,
        attribution=_by_controls(seen, points, hits, curves),
        confidence=Confidence.LOW if reasons[-1] else Confidence.MEDIUM,
        reason=", ".join(filter(None, reasons)),
    )


def _edge(seen: _Points, hits: _Hits, edge: Ints, shared: dict[int, Attribution], curves: CurveSet) -> _Found | None:
    """Judge the one or two points at an end of a curve."""
    if not len(edge):
        return None
    by_others = [shared[point] for point in edge.tolist() if point in shared]
    both = len(edge) > 1 and len(curves.curves) * hits.ends**2 <= CHANCE
    if not (both or by_others or bool(hits.lone[edge].any())):
        return None
    attribution = by_others[0] if by_others else _by_controls(seen, edge, hits, curves) if both else _by_runs(curves)
    reasons = ("other endpoints show it at the same load" if by_others else "", "both loads show it" if both else "")
    lone = "one load: its scores agree" + (", and no run of the baseline's version shows it" * _repeated(curves))
    return _Found(
        kind=FindingKind.EDGE,
        sign=hits.sign,
        points=edge,
        attribution=attribution,
        confidence=Confidence.MEDIUM if both or by_others or _repeated(curves) else Confidence.LOW,
        reason=next((reason for reason in reasons if reason), lone),
    )


def _repeated(curves: CurveSet) -> bool:
    return len(curves.mean) > CANDIDATE + 1


def _binomial_tail(hits: int, points: int, rate: float) -> float:
    """Bound the chance of so many hits or more among the points."""
    if hits > points:
        return 0.0
    ways = math.lgamma(points + 1) - math.lgamma(hits + 1) - math.lgamma(points - hits + 1)
    return math.exp(min(ways + hits * math.log(rate), 0.0))


# ── shared loads, and whose doing ───────────────────────────────────────────────────────────────────────────────────


def _shared(seen: _Points, hits: _Hits, curves: CurveSet, together: Sequence[Ints]) -> dict[int, Attribution]:
    """Find the points at loads that endpoints show together, with whose doing that is."""
    found: dict[int, Attribution] = {}
    agreed = [(points, True) for points in together]
    standing = [(points, False) for points in _standing_out(seen, hits, curves)]
    for points, proven in (*agreed, *standing):
        attribution = _by_controls(seen, points, hits, curves)
        low = bool((seen.place[points] <= 1).all())
        top = bool((seen.place[points] >= seen.last[points] - 1).all())
        timed = bool(np.isfinite(curves.begin[CANDIDATE][points]).any())
        # Within the run, what all that was measured at a time shows is an episode of the run and no load's doing; what
        # many endpoints show at their lowest loads is a run that warms up. Without times nobody can tell, and only the
        # middle of them all is proof enough.
        if not low and (top or attribution is Attribution.CODE or (proven and not timed)):
            found |= dict.fromkeys(points.tolist(), attribution)
    return found


def _standing_out(seen: _Points, hits: _Hits, curves: CurveSet) -> Iterator[Ints]:
    """Yield the points of each load at which more endpoints stand out than chance makes."""
    measured = max(len({curve.endpoint for curve in curves.curves}), 1)
    places = _by_load(seen, hits.out, curves)
    # What disturbs a run for a moment shows in the other direction when it was the baseline's.
    against = max((_endpoints(points, seen, curves) for points in _by_load(seen, hits.other, curves)), default=0)
    for points in places:
        endpoints = _endpoints(points, seen, curves)
        chance = len(places) * _binomial_tail(endpoints, measured, min(hits.rate * len(points) / endpoints, 1.0))
        if endpoints >= LEAST_CONTROLS and endpoints > 2 * against and chance <= CHANCE:
            yield np.array(points)


def _by_load(seen: _Points, out: Mask, curves: CurveSet) -> list[list[int]]:
    """Put points together by their load."""
    places: dict[tuple[str, str, float], list[int]] = {}
    for point in np.flatnonzero(out).tolist():
        curve = curves.curves[seen.owner[point]]
        places.setdefault((curve.group, curve.load_unit, float(curves.load[point])), []).append(point)
    return list(places.values())


def _endpoints(points: Sequence[int], seen: _Points, curves: CurveSet) -> int:
    return len({curves.curves[seen.owner[point]].endpoint for point in points})


def _by_runs(curves: CurveSet) -> Attribution:
    """Attribute what one test shows: further runs of the candidate, which all show it, make it the code's."""
    return Attribution.CODE if len(curves.rows[1]) > 1 else Attribution.UNDECIDED


def _by_controls(seen: _Points, points: Ints, hits: _Hits, curves: CurveSet) -> Attribution:
    """Attribute by what other endpoints did in the same stretch of time: where enough stayed it is the code's."""
    if _by_runs(curves) is Attribution.CODE:
        return Attribution.CODE
    begin, end = curves.begin[CANDIDATE], curves.end[CANDIDATE]
    first, last = begin[points].min(), end[points].max()
    if not (np.isfinite(first) and np.isfinite(last)):
        return Attribution.UNDECIDED
    with np.errstate(invalid="ignore"):
        there = np.isfinite(seen.change) & (end >= first) & (begin <= last)
        size = np.abs(seen.jump[points])
        least = size.min() if hits.out[points].all() else np.median(size)  # what others prove may be small in one
        stayed = there & ~hits.out & (hits.sign * seen.jump < least / 2)
    moved, calm = (
        {curves.curves[curve].endpoint for curve in distinct(seen.owner[part]).tolist()} for part in (points, stayed)
    )
    enough = len(calm) >= max(LEAST_CONTROLS, CONTROLS * len(calm | moved))
    return Attribution.CODE if enough else Attribution.UNDECIDED


# ── results ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _with_windows(result: CurveResult, found: Sequence[_Found], seen: _Points, settings: DetectSettings) -> CurveResult:
    """Add windows to a curve; the worst one of them all stands for it."""
    added = [(_window(one, seen, settings), one) for one in found]
    windows = tuple(sorted([*result.windows, *(window for window, _ in added)], key=lambda one: (one.first, one.last)))
    outcome = outcome_of(windows) or result.outcome
    sign = -1.0 if outcome is Outcome.IMPROVED else 1.0
    worst = max(range(len(windows)), key=lambda place: sign * windows[place].median_slowdown)
    standing = next((one for window, one in added if window is windows[worst]), None)
    return replace(
        result,
        outcome=outcome,
        windows=windows,
        worst=worst,
        severity=windows[worst].severity,
        confidence=result.confidence if standing is None else standing.confidence,
        reasons=result.reasons if standing is None else (standing.reason,),
        attribution=result.attribution if standing is None else standing.attribution,
        cause=None,
        runs_needed=None,
        needed="",
    )


def _window(one: _Found, seen: _Points, settings: DetectSettings) -> Window:
    change, first, last = seen.change[one.points], int(one.points[0]), int(one.points[-1])
    middle = float(median(change))
    noise = np.abs(seen.jump[one.points] / seen.errors[one.points])
    reach = 2.0 * float(noise.mean()) * math.sqrt(1 / len(change) + 1 / (2 * BESIDE))
    slowdown = ratio(middle)
    return Window(
        kind=one.kind,
        direction=Direction.WORSE if one.sign > 0 else Direction.BETTER,
        first=first,
        last=last,
        points=len(change),
        median_slowdown=slowdown,
        mean_slowdown=ratio(float(change.mean())),
        max_slowdown=ratio(float(one.sign * np.max(one.sign * change))),
        low=ratio(middle - reach),
        high=ratio(middle + reach),
        p_value=None,
        q_value=None,
        consistency=len(change) / max(int(seen.place[last] - seen.place[first]) + 1, 1),
        gross_slowdown=slowdown,
        severity=severity(slowdown, settings) if one.sign > 0 else None,
    )


def _mentioned(  # noqa: PLR0913, PLR0917 - what stands out, and what is known of it
    result: CurveResult,
    seen: _Points,
    hits: list[_Hits],
    told: Mask,
    curves: CurveSet,
    settings: DetectSettings,
    doubts: Collection[int],
) -> CurveResult:
    """Mention points that stand out and are not proven; with one unusually slow, or many, no curve is unchanged."""
    curve = curves.curves[result.curve]
    part = np.arange(curve.start, curve.stop)
    which = [side.hints if result.curve in doubts else side.out for side in hits]
    points = part[np.logical_or.reduce([side[part] & ~told[part] for side in which])]
    if not len(points):
        return result
    names = ", ".join(
        f"{curves.label[point]} ({format_change(ratio(float(seen.change[point])))})" for point in points[:3]
    )
    more = f" and {len(points) - 3} more" if len(points) > 3 else ""  # noqa: PLR2004 - as many as are named
    loads = plural(len(points), "load")
    reason = f"{NOT_PROVEN}: {loads} {'stands' if len(points) == 1 else 'stand'} out, {names}{more}"
    twice = np.abs(seen.change[points]) >= math.log1p(settings.critical)
    unusual = any(bool(side.out[points[twice]].any()) and side.unusual for side in hits)
    if result.outcome is not Outcome.UNCHANGED or not (unusual or result.curve in doubts):
        return replace(result, reasons=(*result.reasons, reason))
    need = Need(cause=Cause.FEW_RUNS, runs=1)
    return replace(
        result,
        outcome=Outcome.INCONCLUSIVE,
        reasons=(*result.reasons, reason),
        cause=need.cause,
        runs_needed=need.runs,
        needed=f"{need_text(need, 0.0)}: {reason}",
    )
