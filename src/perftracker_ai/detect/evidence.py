"""What speaks for a change in each curve: its own scan, and that of the curves related to it.

In: panels of curves and their shifts. Out: `Evidence` for every curve and direction, before any threshold. A curve's
siblings (same endpoint and scenario, other thread counts and metrics) are averaged into one row, which says *where*
to look; whether the curve itself shows the change there is then a single test instead of a search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from perftracker_ai.detect import noise, null
from perftracker_ai.detect.scan import Track, deviate_in, scan
from perftracker_ai.stats import median, normal_tail, t_to_normal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perftracker_ai.detect.scan import Best
    from perftracker_ai.detect.series import Panel

SCANNED_POINTS = 12
"""Points from which a row can be scanned: with fewer there are too few differences to learn its noise from."""

SIDES = (1.0, -1.0)
"""Worse and better, in this order wherever there is an array per direction."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Net:
    """One panel with the shift of every run taken off, C curves on N loads.

    Attributes
    ----------
    ratio : ndarray, shape (C, N)
    versus : ndarray, shape (B, C, N)
    contrast : ndarray, shape (B - 1, C, N)
        As in `Panel`, net.
    """

    panel: Panel
    ratio: NDArray[np.float64]
    versus: NDArray[np.float64]
    contrast: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """Evidence in one direction, one entry per row.

    Attributes
    ----------
    p : ndarray
        Of the best window of the row's own scan; NaN for rows too short to scan.
    family_p : ndarray
        Of the best window of its siblings; NaN without siblings that can be scanned.
    member_p : ndarray
        Of the row itself in its siblings' best window: a single test.
    """

    p: NDArray[np.float64]
    family_p: NDArray[np.float64]
    member_p: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """Rows of one panel, ready to be judged.

    Attributes
    ----------
    track, joint : Track
        Rows to scan: each curve, and each curve averaged with its siblings.
    points : ndarray, shape (C,)
        Points present.
    sides : (Side, Side)
        Worse and better.
    """

    net: Net
    track: Track
    joint: Track
    points: NDArray[np.float64]
    sides: tuple[Side, Side]


def weigh(nets: list[Net]) -> list[Evidence]:
    """Collect the evidence for every curve of some panels; what all curves share is learned from all of them."""
    floors = [_score_floor(net.panel.sampling) for net in nets]
    tracks = _tracks([net.ratio for net in nets], [net.contrast for net in nets], floors)
    related = [_siblings(net, track) for net, track in zip(nets, tracks, strict=True)]
    none = [np.zeros(len(floor)) for floor in floors]
    siblings = _tracks([value for value, _ in related], [contrast for _, contrast in related], none)
    joint = [_joint(track, sibling) for track, sibling in zip(tracks, siblings, strict=True)]
    points = [_points(track) for track in tracks]
    sides = _sides(tracks, siblings, points)
    return [
        Evidence(net=net, track=own, joint=both, points=count, sides=side)
        for net, own, both, count, side in zip(nets, tracks, joint, points, sides, strict=True)
    ]


def _points(track: Track) -> NDArray[np.float64]:
    points: NDArray[np.float64] = np.isfinite(track.value).sum(axis=1).astype(np.float64)
    return points


def _split(values: NDArray[np.float64], like: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Cut an array over all rows into one per panel."""
    return np.split(values, np.cumsum([len(part) for part in like])[:-1])


def _score_floor(sampling: NDArray[np.float64]) -> NDArray[np.float64]:
    """Noise variance that the spread of the scores alone shows, per row; 0 without repeated scores.

    The median of a chi-square of two degrees of freedom (three scores) over its mean is log 2.
    """
    middle = median(sampling) / np.log(2)
    return np.where(np.isfinite(middle), middle, 0.0)


def _tracks(
    values: list[NDArray[np.float64]], contrasts: list[NDArray[np.float64]], floors: list[NDArray[np.float64]]
) -> list[Track]:
    """Turn rows into tracks: point noise, correlation and level scatter from the rows themselves."""
    rough = [
        noise.roughness(np.concatenate([value[None], contrast]))
        for value, contrast in zip(values, contrasts, strict=True)
    ]
    rho = noise.correlation(
        noise.Roughness(
            variance=np.concatenate([part.variance.reshape(-1, len(noise.LAGS)) for part in rough]),
            points=np.concatenate([part.points.ravel() for part in rough]),
        )
    )
    own = [noise.pooled_variance(part, rho) for part in rough]
    variance, dof = noise.moderate(np.concatenate([v for v, _ in own]), np.concatenate([d for _, d in own]))
    variance = np.maximum(variance, np.maximum(np.concatenate(floors), noise.SIGMA_FLOOR**2))
    sigmas = _split(np.sqrt(variance), values)
    clipped = [noise.clip_spikes(value, sigma) for value, sigma in zip(values, sigmas, strict=True)]
    levels = [
        np.concatenate([median(value)[None], median(contrast)])
        for value, contrast in zip(clipped, contrasts, strict=True)
    ]
    points = np.concatenate([np.isfinite(value).sum(axis=1) for value in values]).astype(np.float64)
    sampling = noise.mean_variance(variance, points, rho)
    scatter = [noise.level_scatter(row, np.sqrt(variance), sampling) for row in np.concatenate(levels, axis=1)]
    level_variance = _split(np.mean(scatter, axis=0), values)
    return [
        Track(
            value=value,
            variance=np.broadcast_to(sigma[:, None] ** 2, value.shape),
            level_variance=level,
            dof=freedom,
            rho=rho,
        )
        for value, sigma, level, freedom in zip(clipped, sigmas, level_variance, _split(dof, values), strict=True)
    ]


def _siblings(net: Net, track: Track) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Average every row's siblings, the row itself left out; NaN where there is none."""
    weight = 1 / (track.variance + track.level_variance[:, None])
    sizes = np.diff([*net.panel.starts, len(track.value)])

    def others(values: NDArray[np.float64]) -> NDArray[np.float64]:
        mass = np.where(np.isfinite(values), weight, 0.0)
        total = np.where(np.isfinite(values), values, 0.0) * mass
        rest = [
            np.repeat(np.add.reduceat(part, net.panel.starts, axis=0), sizes, axis=0) - part for part in (mass, total)
        ]
        known = rest[0] > 1e-9 * weight
        mean: NDArray[np.float64] = np.divide(rest[1], rest[0], out=np.full(values.shape, np.nan), where=known)
        return mean

    contrasts = [others(contrast) for contrast in net.contrast]
    return others(track.value), np.array(contrasts).reshape(net.contrast.shape)


def _joint(track: Track, sibling: Track) -> Track:
    """Average every row with its siblings' average, each by its precision."""
    own, rest = 1 / track.variance, np.where(np.isfinite(sibling.value), 1 / sibling.variance, 0.0)
    own = np.where(np.isfinite(track.value), own, 0.0)
    total = np.where(own > 0, track.value, 0.0) * own + np.where(rest > 0, sibling.value, 0.0) * rest
    mass = own + rest
    value = np.divide(total, mass, out=np.full(total.shape, np.nan), where=own > 0)
    return Track(
        value=value,
        variance=1 / np.maximum(mass, 1e-300),
        level_variance=np.minimum(
            track.level_variance, np.where(np.isfinite(sibling.level_variance), sibling.level_variance, np.inf)
        ),
        dof=track.dof,
        rho=track.rho,
    )


def _sides(tracks: list[Track], siblings: list[Track], points: list[NDArray[np.float64]]) -> list[tuple[Side, Side]]:
    """Scan rows and siblings and turn what is found into p-values, deflated by what the job says of its own noise."""
    own, related = [scan(track) for track in tracks], [scan(track) for track in siblings]
    own_factor, factor = _inflation(tracks, own, points), _inflation(siblings, related, [_points(s) for s in siblings])
    found: list[tuple[Side, Side]] = []
    for track, sibling, mine, theirs in zip(tracks, siblings, own, related, strict=True):
        pair = [
            Side(
                p=_scan_p(track, mine[k], own_factor),
                family_p=_scan_p(sibling, theirs[k], factor),
                member_p=_member_p(track, theirs[k], sign, own_factor),
            )
            for k, sign in enumerate(SIDES)
        ]
        found.append((pair[0], pair[1]))
    return found


def _normal(track: Track, best: Best) -> NDArray[np.float64]:
    finite = np.where(np.isfinite(best.deviate), best.deviate, 0.0)
    return t_to_normal(finite, np.maximum(track.dof, 1.0))


def _inflation(tracks: list[Track], scans: list[tuple[Best, Best]], points: list[NDArray[np.float64]]) -> float:
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
    return null.job_inflation(sides, join(points), tracks[0].rho)


def _scan_p(track: Track, best: Best, factor: float) -> NDArray[np.float64]:
    points = _points(track)
    p = null.tail(_normal(track, best) / factor - best.penalty, points, track.rho)
    return np.where(points >= SCANNED_POINTS, p, np.nan)


def _member_p(track: Track, window: Best, sign: float, factor: float) -> NDArray[np.float64]:
    deviate = sign * deviate_in(track, window.first, window.last)
    return np.maximum(normal_tail(t_to_normal(deviate, np.maximum(track.dof, 1.0)) / factor), null.SMALLEST_P)
