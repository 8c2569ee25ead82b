"""From evidence to results: which curves changed, over which loads, how much, and how surely.

In: the evidence of all panels. Out: one `CurveResult` per curve. False discoveries are controlled once, here, over
all curves and per direction, so that a job and its mirror image (the two runs swapped) give mirrored results.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec.structs import replace

from perftracker_ai.detect import null, short, whose
from perftracker_ai.detect.chance import RULE_P, weigh_chances
from perftracker_ai.detect.confidence import certainty
from perftracker_ai.detect.evidence import RULE_POINTS, SCANNED_POINTS, SIDES
from perftracker_ai.detect.need import need_text, needed
from perftracker_ai.detect.noise import mean_variance
from perftracker_ai.detect.thin import weigh_thin
from perftracker_ai.detect.windows import (
    LEVEL,
    Extent,
    describe,
    extents,
    long_enough,
    merged,
    practical,
    reach_of,
    size,
)
from perftracker_ai.model import FIRST_RERUN, CurveResult, Direction, Method, Outcome
from perftracker_ai.stats import median, ratio, t_quantiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perftracker_ai.detect.chance import Chances
    from perftracker_ai.detect.context import Context
    from perftracker_ai.detect.evidence import Evidence, Side
    from perftracker_ai.detect.scan import Track
    from perftracker_ai.detect.thin import Thin
    from perftracker_ai.model import Window
    from perftracker_ai.settings import DetectSettings


DOUBT = 0.05
"""Chance of a window of moderate size below which its curve is not called unchanged: the word is of every part."""


class Found(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What one row shows in one direction.

    Attributes
    ----------
    windows : tuple of Window
    method : Method
        How they were found.
    silenced : bool
        Whether a change of moderate size is left out because it is below the smallest time that counts.
    """

    windows: tuple[Window, ...]
    method: Method
    silenced: bool


class Whole(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A row as a whole.

    Attributes
    ----------
    level, reach, error : float
        Its level, half the width of the interval of that, and its standard error; NaN for a row without points.
    gross : float
        Its level as measured; NaN where nothing was.
    points, samples : int
        Points compared, and scores behind them.
    scored : bool
        Whether baseline and candidate have several scores at every one of them.
    doubtful : bool
        Whether a part of it may well have changed by what counts, though nothing proves it.
    """

    level: float
    reach: float
    error: float
    gross: float
    points: int
    samples: int
    scored: bool
    doubtful: bool


def judge(evidences: list[Evidence], context: Context) -> list[CurveResult]:
    """Judge every row of every panel; in panel order."""
    if not evidences:
        return []
    chances = weigh_chances(evidences, context.settings.fdr)
    thins = weigh_thin(context.curves, evidences, context.settings.fdr)
    results: list[CurveResult] = []
    for place, (evidence, thin) in enumerate(zip(evidences, thins, strict=True)):
        sides = [
            _side(evidence, place, sign, chance, context) | _thin_side(evidence, thin, sign, context)
            for sign, chance in zip(SIDES, chances, strict=True)
        ]
        results += [
            _result(evidence, row, [side.get(row) for side in sides], whole, context)
            for row, whole in enumerate(_whole(evidence, thin, context))
        ]
    return results


def _whole(evidence: Evidence, thin: Thin, context: Context) -> list[Whole]:
    """Return every row's level and how well it is known."""
    track, panel = evidence.track, evidence.net.panel
    level = median(evidence.net.ratio)
    error = np.sqrt(mean_variance(track.variance[:, 0], evidence.points, track.rho) + track.level_variance)
    reach = error * t_quantiles((1 - LEVEL) / 2, np.maximum(track.dof, 1.0))
    thins = list(thin.place)
    level[thins], error[thins], reach[thins] = (
        values[list(thin.place.values())] for values in (thin.level, thin.error, thin.reach)
    )
    counts = np.where(np.isfinite(evidence.net.ratio), context.curves.count[:FIRST_RERUN, panel.point], 0)
    samples, several = counts.sum(axis=(0, -1)), (counts > 1).all(axis=0).sum(axis=-1)
    columns = {
        "level": level,
        "reach": reach,
        "error": error,
        "gross": median(panel.gross),
        "points": evidence.points.astype(int),
        "samples": samples,
        "scored": (several == evidence.points) & (several > 0),
        "doubtful": _doubtful(evidence, math.log1p(context.settings.moderate)),
    }
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [Whole(**dict(zip(columns, row, strict=True))) for row in rows]


def _doubtful(evidence: Evidence, least: float) -> NDArray[np.bool_]:
    """Say which rows have a window of ``least`` (log) and more that chance makes in one row of twenty only."""
    found = np.zeros(len(evidence.points), dtype=bool)
    ratio, columns = evidence.net.ratio, np.arange(evidence.net.ratio.shape[1])
    for sign, side in zip(SIDES, evidence.sides, strict=True):
        for best, p in ((side.best, side.p), (side.family, np.maximum(side.family_p, side.member_p))):
            inside = (columns >= best.first[:, None]) & (columns <= best.last[:, None])
            with np.errstate(invalid="ignore"):  # rows too short to be scanned have no chance
                found |= (p <= DOUBT) & (sign * median(np.where(inside, ratio, np.nan)) >= least)
    return found


def _side(evidence: Evidence, place: int, sign: float, chances: Chances, context: Context) -> dict[int, Found]:
    """Windows of one direction for every row that shows any."""
    side, fdr = evidence.sides[0 if sign > 0 else 1], context.settings.fdr
    rule = evidence.points < SCANNED_POINTS
    cut = null.threshold(np.where(rule, RULE_P, chances.cut), evidence.points, evidence.track.rho)
    route, p, q = _routes(side, (chances.own[place], chances.twin[place], chances.family[place]), fdr)
    track = _by_route(route, (evidence.track, evidence.paired, evidence.joint))
    first, last = (
        np.choose(route, [getattr(best, end) for best in (side.best, side.twin, side.family)])
        for end in ("first", "last")
    )
    found: dict[int, Found] = {}
    for row, ranges in _by_row(extents(track, np.flatnonzero(q <= fdr), sign, cut, (first, last))).items():
        method = Method.RULE if rule[row] else Method.FAMILY_SCAN if route[row] else Method.SCAN
        chance = (float(p[row]), None if rule[row] else float(q[row]))
        large = [extent for extent in ranges if not rule[row] or size(evidence, extent, sign) >= short.RULE_SIZE]
        if large:
            found[row] = _found(evidence, large, sign, (method, chance), context)
    return found


def _routes(
    side: Side, q: tuple[NDArray[np.float64], ...], fdr: float
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """Choose for every row the first of own scan, twin and siblings that makes it a discovery; with its p and q."""
    known = np.array([np.where(np.isfinite(values), values, 1.0) for values in q])
    route = np.argmax(known <= fdr, axis=0)
    return route, np.choose(route, [side.p, side.twin_p, side.member_p]), np.choose(route, known)


def _by_route(route: NDArray[np.intp], tracks: tuple[Track, ...]) -> Track:
    """Take every row from the track of its route."""
    return replace(
        tracks[0],
        value=np.choose(route[:, None], [track.value for track in tracks]),
        variance=np.choose(route[:, None], [track.variance for track in tracks]),
        level_variance=np.choose(route, [track.level_variance for track in tracks]),
        drift_variance=np.choose(route, [track.drift_variance for track in tracks]),
    )


def _by_row(found: list[Extent]) -> dict[int, list[Extent]]:
    rows: dict[int, list[Extent]] = {}
    for extent in found:
        rows.setdefault(extent.row, []).append(extent)
    return rows


def _found(
    evidence: Evidence,
    ranges: list[Extent],
    sign: float,
    how: tuple[Method, tuple[float, float | None]],
    context: Context,
    reach: float | None = None,
) -> Found:
    """Keep what matters of the significant ranges of one row; ``how`` is the method, and p and q."""
    settings, curves = context.settings, context.curves
    taken = float(context.shift.error[evidence.net.panel.rows[ranges[0].row]])
    joined = merged(ranges, evidence.net.ratio[ranges[0].row], sign, math.log1p(settings.moderate))
    kept = [part for part in joined if practical(evidence, part, sign, context)]
    long = [long_enough(curves, evidence, part, context.shortest) for part in kept]
    return Found(
        windows=tuple(
            describe(evidence, part, sign, settings, how[1], reach or reach_of(evidence, part, taken))
            for part, enough in zip(kept, long, strict=True)
            if enough
        ),
        method=how[0],
        silenced=any(
            not enough and size(evidence, part, sign) >= math.log1p(settings.moderate)
            for part, enough in zip(kept, long, strict=True)
        ),
    )


def _thin_side(evidence: Evidence, thin: Thin, sign: float, context: Context) -> dict[int, Found]:
    """Windows of one direction for every thin row that shows any: such a row is one range."""
    side = 0 if sign > 0 else 1
    found: dict[int, Found] = {}
    for row, at in thin.place.items():
        if thin.shown[side, at]:
            columns = np.flatnonzero(np.isfinite(evidence.net.ratio[row]))
            extent = Extent(row=row, first=int(columns[0]), last=int(columns[-1]))
            method = short.method_of(len(columns), short.scored(context.curves, evidence.net.panel.point[row, columns]))
            chance = (float(thin.p[side, at]), float(thin.q[side, at]))
            found[row] = _found(evidence, [extent], sign, (method, chance), context, float(thin.reach[at]))
    return found


def _result(evidence: Evidence, row: int, found: list[Found | None], whole: Whole, context: Context) -> CurveResult:
    """Put one curve together."""
    panel = evidence.net.panel
    index = int(panel.rows[row])
    windows = tuple(sorted((w for side in found if side for w in side.windows), key=lambda w: (w.first, w.last)))
    windows = whose.shared(windows, context)
    silenced = any(side.silenced for side in found if side)
    outcome = _outcome(windows, context.settings) or _calm(whole, context, silenced=silenced)
    left = context.left_out.get(index, ())
    if outcome is Outcome.UNCHANGED and len(left) > whole.points:
        outcome = Outcome.INCONCLUSIVE  # most of it was measured in an episode, and nobody knows what was there
    method = _method([side.method for side in found if side and side.windows], whole)
    worst = _worst(windows, outcome)
    confidence, reasons = certainty(windows[worst], method, context.reruns) if worst is not None else (None, ())
    attribution = None if worst is None else whose.attribution(windows[worst], index, context)
    unsure = outcome is Outcome.INCONCLUSIVE
    need = needed(whole.level, whole.error, context.settings, silenced=silenced) if unsure else None
    result = CurveResult(
        id="",  # given when all are judged
        curve=index,
        outcome=outcome,
        method=method,
        windows=windows,
        worst=worst,
        severity=windows[worst].severity if worst is not None else None,
        confidence=confidence,
        reasons=reasons,
        points=whole.points,
        samples=whole.samples,
        attribution=attribution,
        left_out=left,
        median_slowdown=math.expm1(whole.level) if whole.points else None,
        gross_slowdown=ratio(whole.gross) if math.isfinite(whole.gross) else None,
        shift=math.expm1(float(context.shift.per_curve[index])),
        noise=_noise(evidence, row),
        cause=need.cause if need else None,
        runs_needed=need.runs if need else None,
        needed=need_text(need, context.shortest) if need else "",
    )
    known = np.isfinite(evidence.net.ratio[row])
    gross, points = panel.gross[row][known], panel.point[row][known]
    return whose.with_run(result, gross, points, (whole.gross, whole.reach), context)


def _noise(evidence: Evidence, row: int) -> float | None:
    variance = float(evidence.track.variance[row, 0])
    return math.sqrt(variance) if evidence.points[row] >= RULE_POINTS and math.isfinite(variance) else None


def _method(methods: list[Method], whole: Whole) -> Method:
    """Name how the curve was judged: the way its windows were found, or the way it was searched in vain."""
    return methods[0] if methods else short.method_of(whole.points, whole.scored)


def _outcome(windows: tuple[Window, ...], settings: DetectSettings) -> Outcome | None:
    worse = [w for w in windows if w.direction is Direction.WORSE]
    if any(w.median_slowdown >= settings.moderate for w in worse):
        return Outcome.REGRESSED
    if worse:
        return Outcome.MINOR
    return Outcome.IMPROVED if windows else None


def _worst(windows: tuple[Window, ...], outcome: Outcome) -> int | None:
    """Place of the window that stands for the curve: the largest in the direction of the outcome."""
    if not windows:
        return None
    sign = -1.0 if outcome is Outcome.IMPROVED else 1.0
    return max(range(len(windows)), key=lambda k: sign * windows[k].median_slowdown)


def _calm(whole: Whole, context: Context, *, silenced: bool) -> Outcome:
    """Tell a curve that did not change, its whole interval being inside the margin, from one that cannot be told."""
    within = abs(whole.level) + whole.reach < math.log1p(context.settings.moderate)
    return Outcome.UNCHANGED if within and not (silenced or whole.doubtful) else Outcome.INCONCLUSIVE
