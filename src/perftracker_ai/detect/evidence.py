"""What speaks for a change in each curve: its own scan, and that of the curves related to it.

In: panels of curves and their shifts. Out: `Evidence` for every curve and direction, before any threshold. A curve's
siblings (same endpoint and scenario, other thread counts and metrics) are averaged into one row, which says *where*
to look; whether the curve itself shows the change there is then a single test instead of a search.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec.structs import replace

from perftracker_ai.detect import noise, null
from perftracker_ai.detect.related import joined, of_families, of_siblings, of_twins
from perftracker_ai.detect.scan import FINE, Track, deviate_in, points_of, raised_in, scan
from perftracker_ai.detect.steps import levelled, loudest, step_of
from perftracker_ai.stats import median, normal_tail, t_to_normal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perftracker_ai.detect.scan import Best
    from perftracker_ai.detect.series import Net

SCANNED_POINTS = 12
"""Points from which a row can be scanned: with fewer there are too few differences to learn its noise from."""

RULE_POINTS = 5
"""Points from which the best range of a row means anything; below, the points are single values rather than a curve."""

CALM_SHARE = 0.25
"""Share of a curve's points that must not seem to have changed for its level to be known from them."""

SIDES = (1.0, -1.0)
"""Worse and better, in this order wherever there is an array per direction."""


class Side(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Evidence in one direction, one entry per row.

    Attributes
    ----------
    best, family, twin : Best
        Best window of the row's own scan, of its siblings, and of its twin.
    p : ndarray
        Of the best window of the row's own scan; NaN for rows of fewer than five points.
    family_p : ndarray
        Of the best window of its siblings; NaN without siblings that can be scanned.
    member_p : ndarray
        Of the row itself in its siblings' best window: a single test.
    twin_p : ndarray
        Of the row itself in its twin's best window: a single test; 1 without a twin.
    """

    best: Best
    family: Best
    twin: Best
    p: NDArray[np.float64]
    family_p: NDArray[np.float64]
    member_p: NDArray[np.float64]
    twin_p: NDArray[np.float64]


class Evidence(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Rows of one panel, ready to be judged.

    Attributes
    ----------
    track, joint, paired : Track
        Rows to scan: each curve, and each curve averaged with its siblings, and with its twin.
    points : ndarray, shape (C,)
        Points present.
    sides : tuple of Side
        Worse and better.
    """

    net: Net
    track: Track
    joint: Track
    paired: Track
    points: NDArray[np.float64]
    sides: tuple[Side, ...]


class Scatter(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """How far rows lie off in K comparisons: their levels, and the variances of levels and of drifts, shape (K, C)."""

    level: NDArray[np.float64]
    of_level: NDArray[np.float64]
    of_drift: NDArray[np.float64]


class Learned(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Noise of a panel's rows and of their siblings.

    Attributes
    ----------
    track, sibling : Track
    spikes : tuple of ndarray
        What was clipped off the rows, and off their siblings.
    rates : tuple of list of float
        Share of points that are spikes per direction, among all rows and among all siblings.
    excess : tuple of ndarray
        Variance that one run's unusual noise may have added to the level of each row, per direction.
    calm : Scatter
        Of the rows' contrasts.
    """

    track: Track
    sibling: Track
    spikes: tuple[NDArray[np.float64], NDArray[np.float64]]
    rates: tuple[list[float], list[float]]
    excess: tuple[NDArray[np.float64], NDArray[np.float64]]
    calm: Scatter


class Ready(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Rows of one panel that can be scanned.

    Attributes
    ----------
    track, sibling : Track
    raw : tuple of ndarray, shape (C, N)
        Values before spikes were clipped, of the rows and of their siblings.
    marks : tuple of ndarray of bool, shape (C, N)
        Points that seem to have changed, in the rows and in any row of their family.
    """

    net: Net
    learned: Learned
    track: Track
    sibling: Track
    raw: tuple[NDArray[np.float64], NDArray[np.float64]]
    marks: tuple[NDArray[np.bool_], NDArray[np.bool_]]


class Rows(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a track is made of, one panel's worth.

    Attributes
    ----------
    value : ndarray, shape (C, N)
    contrast : ndarray, shape (K, C, N)
    kind : ndarray of int, shape (C,)
        Rows of one kind share what is typical.
    floor : ndarray, shape (C,)
        Smallest noise variance of a point.
    """

    value: NDArray[np.float64]
    contrast: NDArray[np.float64]
    kind: NDArray[np.intp]
    floor: NDArray[np.float64]


def learn(nets: list[Net]) -> list[Learned]:
    """Learn what does not depend on the shift: the noise and the correlation of rows and of their siblings."""
    rows = [_rows(net) for net in nets]
    tracks, typical = _tracks(rows)
    related = [_related(net, track) for net, track in zip(nets, tracks, strict=True)]
    siblings, _ = _tracks(related, (typical, sum(len(net.panel.starts) for net in nets)))
    rates = (_spike_rates(rows, tracks), _spike_rates(related, siblings))
    excess = [noise.excess_noise(_levelled_cost(net, track)) for net, track in zip(nets, tracks, strict=True)]
    calm = _scatters([part.contrast for part in rows], tracks, rows)
    parts = zip(rows, tracks, related, siblings, excess, calm, strict=True)
    return [
        Learned(
            track=track,
            sibling=sibling,
            spikes=(row.value - track.value, others.value - sibling.value),
            rates=rates,
            excess=(worse**2, better**2),
            calm=scatter,
        )
        for row, track, others, sibling, (worse, better), scatter in parts
    ]


def prepare(nets: list[Net], learned: list[Learned], marks: list[NDArray[np.bool_]]) -> list[Ready]:
    """Learn how far whole levels scatter by chance; what all curves share is learned from all panels.

    Parameters
    ----------
    marks : list of ndarray of bool, each of shape (C, N)
        Points that seem to have changed: it is learned from the others.
    """
    rows = [_rows(net) for net in nets]
    again = [_again(part.track, new.value - part.spikes[0]) for part, new in zip(learned, rows, strict=True)]
    tracks = _with_levels(again, rows, marks, [part.calm for part in learned])
    related = [_related(net, track) for net, track in zip(nets, tracks, strict=True)]
    again = [_again(part.sibling, new.value - part.spikes[1]) for part, new in zip(learned, related, strict=True)]
    of_all = [of_families(net, mark) for net, mark in zip(nets, marks, strict=True)]
    siblings = _with_levels(again, related, of_all, _scatters([part.contrast for part in related], again, related))
    parts = zip(nets, learned, tracks, siblings, rows, related, marks, of_all, strict=True)
    return [
        Ready(
            net=net,
            learned=part,
            track=track,
            sibling=sibling,
            raw=(row.value, others.value),
            marks=(mark, family),
        )
        for net, part, track, sibling, row, others, mark, family in parts
    ]


def weigh(ready: list[Ready], step: float = FINE) -> list[Evidence]:
    """Collect the evidence for every curve of some panels.

    Parameters
    ----------
    step : float
        How densely to scan: `FINE` to judge, `COARSE` for a look in between.
    """
    return [
        Evidence(
            net=part.net,
            track=part.track,
            joint=joined(part.track, part.sibling),
            paired=joined(part.track, of_twins(part.net, part.track)),
            points=points_of(part.track),
            sides=side,
        )
        for part, side in zip(ready, _sides(ready, step), strict=True)
    ]


def _rows(net: Net) -> Rows:
    return Rows(value=net.ratio, contrast=net.contrast, kind=net.panel.kind, floor=_score_floor(net.panel.sampling))


def _again(track: Track, value: NDArray[np.float64]) -> Track:
    """Put other values into a track whose noise is known."""
    return replace(track, value=value)


def _split(values: NDArray[np.float64], like: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Cut an array over all rows into one per panel."""
    return np.split(values, np.cumsum([len(part) for part in like])[:-1])


def _score_floor(sampling: NDArray[np.float64]) -> NDArray[np.float64]:
    """Noise variance that the spread of the scores alone shows, per row; 0 without repeated scores.

    The median of a chi-square of two degrees of freedom (three scores) over its mean is log 2.
    """
    middle = median(sampling) / np.log(2)
    return np.where(np.isfinite(middle), middle, 0.0)


def _tracks(rows: list[Rows], like: tuple[float, int] | None = None) -> tuple[list[Track], float]:
    """Turn rows into tracks, in rounds: what a scan of the first shows makes the noise of the next.

    Short rows have the change that they seem to have taken off before their noise is told, long ones have a correlation
    of their own.

    Parameters
    ----------
    like : (float, int), optional
        Of averages: the typical correlation of what they are averages of, and how many of them are independent.

    Returns
    -------
    (list of Track, float)
        The second is the typical correlation.
    """
    rough = [noise.roughness(np.concatenate([part.value[None], part.contrast])) for part in rows]
    joined = _joined(rough)
    typical = noise.typical_correlation(joined)
    if like is not None:
        typical = noise.drawn_correlation(typical, like[0], like[1] * float(np.mean(joined.points[0])))
    same = noise.Correlation(rho=np.full(joined.points.shape[1], typical), variance=np.zeros(joined.points.shape[1]))
    first = _with_noise(rows, joined, same)
    joined = _joined([levelled(old, part.value, track) for old, part, track in zip(rough, rows, first, strict=True)])
    estimates = [_correlation(track, part.contrast) for track, part in zip(first, rows, strict=True)]
    known = [
        noise.Correlation(
            rho=np.concatenate([part[k].rho for part in estimates]),
            variance=np.concatenate([part[k].variance for part in estimates]),
        )
        for k in range(len(estimates[0]))
    ]
    return _with_noise(rows, joined, noise.shared_correlation(known, typical)), typical


def _joined(rough: list[noise.Roughness]) -> noise.Roughness:
    """Put the rows of all panels together."""
    return noise.Roughness(
        variance=np.concatenate([part.variance for part in rough], axis=1),
        points=np.concatenate([part.points for part in rough], axis=1),
    )


def _levelled_cost(net: Net, track: Track) -> NDArray[np.float64]:
    """Cost of every run, the candidate's without the change that short rows seem to have."""
    cost = net.panel.cost.copy()
    cost[-1] -= step_of(track)
    return cost


def _with_noise(rows: list[Rows], rough: noise.Roughness, correlation: noise.Correlation) -> list[Track]:
    """Give rows the noise that goes with their correlations; how far levels scatter comes later."""
    kind, floor = np.concatenate([part.kind for part in rows]), np.concatenate([part.floor for part in rows])
    variance, dof = noise.moderate(*noise.point_variance(rough, correlation.rho), kind, floor)
    variance = np.maximum(variance, np.maximum(floor, noise.SIGMA_FLOOR**2))
    dof = noise.effective_dof(dof, correlation)
    values = [part.value for part in rows]
    parts = zip(values, _split(variance, values), _split(correlation.rho, values), _split(dof, values), strict=True)
    return [
        Track(
            value=noise.clip_spikes(value, np.sqrt(own)),
            variance=np.broadcast_to(own[:, None], value.shape),
            rho=rho,
            level_variance=np.zeros(len(value)),
            drift_variance=np.zeros(len(value)),
            dof=freedom,
        )
        for value, own, rho, freedom in parts
    ]


def _correlation(track: Track, contrasts: NDArray[np.float64]) -> list[noise.Correlation]:
    """Estimate each row's correlation from its own remainder and from the contrasts of its baseline runs."""
    first, last = loudest(track)
    sigma = np.sqrt(track.variance[:, 0])
    plain = [noise.plain_correlation(noise.clip_spikes(contrast, sigma)) for contrast in contrasts]
    return [noise.fitted_correlation(track.value, first, last), *plain]


def _with_levels(
    tracks: list[Track], rows: list[Rows], marks: list[NDArray[np.bool_]], calm: list[Scatter]
) -> list[Track]:
    """Add how far whole levels scatter between runs, and drift along the load, as comparison and contrasts show it."""
    values = [_calm(track.value, mark)[None] for track, mark in zip(tracks, marks, strict=True)]
    seen, known = (_over_all(part) for part in (_scatters(values, tracks, rows), calm))
    level, drift = _sampling(tracks)
    typical, factor = noise.evened_scatter(np.concatenate([seen.of_level, known.of_level]), level)
    scatter = noise.own_scatter(np.sqrt(factor) * known.level, typical, level)
    rise, _ = noise.evened_scatter(np.concatenate([seen.of_drift, known.of_drift]), drift)
    like = [track.value for track in tracks]
    return [
        replace(track, level_variance=level, drift_variance=own)
        for track, level, own in zip(tracks, _split(scatter, like), _split(rise, like), strict=True)
    ]


def _scatters(values: list[NDArray[np.float64]], tracks: list[Track], rows: list[Rows]) -> list[Scatter]:
    """Tell from each of K comparisons how far levels and drifts scatter, all panels together.

    Parameters
    ----------
    values : list of ndarray, each of shape (K, C, N)
    """
    sigma, kind = np.sqrt(np.concatenate([t.variance[:, 0] for t in tracks])), np.concatenate([r.kind for r in rows])
    sampling, looks = _sampling(tracks), 1 + len(rows[0].contrast)
    levels = np.concatenate([median(part) for part in values], axis=1)
    of_level = [noise.level_scatter(level, sigma, sampling[0], kind, looks) for level in levels]
    drifts, steady = (
        np.concatenate([measure(part, track.value) for part, track in zip(values, tracks, strict=True)], axis=1)
        for measure in (noise.drift, noise.steady_drift)
    )
    of_drift = [
        noise.drift_scatter(rise, own, sigma, sampling[1], kind, looks)
        for rise, own in zip(drifts, steady, strict=True)
    ]
    place = np.cumsum([len(track.value) for track in tracks])[:-1]
    parts = (np.split(np.reshape(part, levels.shape), place, axis=1) for part in (levels, of_level, of_drift))
    return [Scatter(level=level, of_level=own, of_drift=drift) for level, own, drift in zip(*parts, strict=True)]


def _over_all(parts: list[Scatter]) -> Scatter:
    """Put the rows of all panels together."""
    return Scatter(
        level=np.concatenate([part.level for part in parts], axis=1),
        of_level=np.concatenate([part.of_level for part in parts], axis=1),
        of_drift=np.concatenate([part.of_drift for part in parts], axis=1),
    )


def _sampling(tracks: list[Track]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Variances of the rows' levels, and of their drifts, that the noise of their points explains."""
    variance, rho = (np.concatenate(part) for part in zip(*((t.variance[:, 0], t.rho) for t in tracks), strict=True))
    points = np.concatenate([points_of(track) for track in tracks])
    return noise.mean_variance(variance, points, rho), noise.drift_sampling(variance, points, rho)


def _calm(value: NDArray[np.float64], suspect: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Leave out rows that seem to have changed anywhere: what is left of one tells level and drift badly."""
    return np.where(suspect.any(axis=1, keepdims=True), np.nan, value)


def calm_level(value: NDArray[np.float64], suspect: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Median of each row's points that do not seem to have changed; NaN where too few are left to tell."""
    calm = np.where(suspect, np.nan, value)
    left, whole = np.isfinite(calm).sum(axis=1), np.isfinite(value).sum(axis=1)
    return np.where(left >= np.maximum(CALM_SHARE * whole, 1), median(calm), np.nan)


def _related(net: Net, track: Track) -> Rows:
    """Make rows of every row's siblings; they are of one kind, for each is an average of both."""
    value, contrast = of_siblings(net, track)
    return Rows(value=value, contrast=contrast, kind=np.zeros(len(value), dtype=np.intp), floor=np.zeros(len(value)))


def _spike_rates(rows: list[Rows], tracks: list[Track]) -> list[float]:
    """Share of points that stick out of their neighbours by three sigmas, per direction."""
    above, points = [0, 0], 0
    for part, track in zip(rows, tracks, strict=True):
        beyond = part.value - track.value
        points += int(np.isfinite(part.value).sum())
        above = [above[k] + int((sign * beyond > 0).sum()) for k, sign in enumerate(SIDES)]
    return [(count + 0.5) / (points + 1) for count in above]


def _sides(ready: list[Ready], step: float) -> list[tuple[Side, ...]]:
    """Scan rows and siblings and turn what is found into p-values, deflated by what the job says of its own noise."""
    own, related = [scan(part.track, step) for part in ready], [scan(part.sibling, step) for part in ready]
    families = sum(len(part.net.panel.starts) for part in ready)
    own_factor = _inflation([p.track for p in ready], own, [p.marks[0] for p in ready], families)
    factor = _inflation([p.sibling for p in ready], related, [p.marks[1] for p in ready], families)
    found: list[tuple[Side, ...]] = []
    for part, mine, theirs in zip(ready, own, related, strict=True):
        track, learned, twin = part.track, part.learned, part.net.panel.twin
        pair = []
        for k, sign in enumerate(SIDES):
            loose = replace(track, level_variance=track.level_variance + learned.excess[k])
            there = _of_twin(twin, mine[k])
            pair.append(
                Side(
                    twin=there,
                    best=mine[k],
                    family=theirs[k],
                    p=_scan_p(loose, part.raw[0], mine[k], sign, (own_factor, learned.rates[0][k])),
                    family_p=_scan_p(part.sibling, part.raw[1], theirs[k], sign, (factor, learned.rates[1][k])),
                    member_p=_member_p(loose, theirs[k], sign, own_factor),
                    twin_p=np.where(twin >= 0, _member_p(loose, there, sign, own_factor), 1.0),
                )
            )
        found.append(tuple(pair))
    return found


def _normal(track: Track, best: Best) -> NDArray[np.float64]:
    finite = np.where(np.isfinite(best.deviate), best.deviate, 0.0)
    return t_to_normal(finite, np.maximum(track.dof, 1.0))


def _inflation(
    tracks: list[Track], scans: list[tuple[Best, Best]], marks: list[NDArray[np.bool_]], families: int
) -> float:
    points = [points_of(track) for track in tracks]
    usable = [count >= SCANNED_POINTS for count in points]

    def join(parts: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        return np.concatenate([part[use] for part, use in zip(parts, usable, strict=True)])

    sides = [
        (
            join([_normal(track, pair[k]) for track, pair in zip(tracks, scans, strict=True)]),
            join([pair[k].penalty for pair in scans]),
        )
        for k in range(len(SIDES))
    ]
    changed = join([_changed(track, mark) for track, mark in zip(tracks, marks, strict=True)])
    told = [sign * changed >= 0 for sign in SIDES]
    return null.job_inflation(sides, join(points), join([track.rho for track in tracks]), families, told)


def _changed(track: Track, mark: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Say of every row which way the points went that seem to have changed: worse 1, better -1, none 0."""
    return np.asarray(np.sign(np.where(mark & np.isfinite(track.value), track.value, 0.0).sum(axis=1)))


def _scan_p(
    track: Track, raw: NDArray[np.float64], best: Best, sign: float, chance: tuple[float, float]
) -> NDArray[np.float64]:
    """Turn the best windows of a scan into p-values; ``chance`` is the job's inflation and its rate of spikes."""
    factor, spikes = chance
    points = points_of(track)
    deviate = t_to_normal(deviate_in(track, best.first, best.last, sign), np.maximum(track.dof, 1.0))
    p = null.tail(deviate / factor - best.penalty, points, track.rho)
    inside, raised = raised_in(track, raw, best.first, best.last, sign)
    p = np.maximum(p, null.spike_tail(inside, raised, points, spikes))
    return np.where(points >= RULE_POINTS, p, np.nan)


def _member_p(track: Track, window: Best, sign: float, factor: float) -> NDArray[np.float64]:
    deviate = deviate_in(track, window.first, window.last, sign)
    return np.maximum(normal_tail(t_to_normal(deviate, np.maximum(track.dof, 1.0)) / factor), null.SMALLEST_P)


def _of_twin(twin: NDArray[np.intp], best: Best) -> Best:
    return replace(best, first=best.first[twin], last=best.last[twin])
