"""Curves of one to four points: single numbers, named cases, suites of a few loads. All evidence counts.

In: the evidence of all panels. Out: `Thin`, for every such row its level with its error, and how likely chance is in
either direction. There is no noise to be learned along a handful of loads. What a row has is the spread of its scores,
the scatter of its points about their own level, its reruns and earlier jobs; what it lacks it draws from the others of
its suite, which are judged together.

References
----------
Smyth, Stat. Appl. Genet. Mol. Biol. 3 (2004) 3, doi:10.2202/1544-6115.1027 (variances moderated over many tests).
Satterthwaite, Biometrics Bulletin 2 (1946) 110-114, doi:10.2307/3002019 (degrees of freedom of a sum of variances).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.detect import noise
from perftracker_ai.detect.chance import believed
from perftracker_ai.detect.evidence import RULE_POINTS, SIDES
from perftracker_ai.detect.null import SMALLEST_P
from perftracker_ai.detect.windows import LEVEL
from perftracker_ai.model import CANDIDATE
from perftracker_ai.stats import benjamini_hochberg, median, normal_tail, t_quantiles, t_to_normal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perftracker_ai.detect.evidence import Evidence
    from perftracker_ai.model import CurveSet

SUITE_DOF = 4.0
"""Degrees of freedom of what a suite says of one of its tests: between runs some tests jump about by far more than
their scores show (one in twenty by more, on a dedicated machine with 101 Go benchmarks), and two runs do not say
which. With four, a test has to stand out by seven typical scatters to be as sure as one in a thousand."""

SINGLE_DOF = 3.0
"""The same for single scores in two runs: nothing but the suite, and its own few loads, says how far such a test
scatters. With four, an import among other curves was called slower by 17 % between two runs of one version."""

HALF = 10
"""Tests in either half of a suite from which the noisier half says how points scatter."""

SUSPECT = 3.0
"""Rows beyond so many standard errors are left out when the scatter is learned a second time."""


class Thin(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The thin rows of one panel, T of them.

    Attributes
    ----------
    place : dict of int to int
        Position in the arrays below of a row of the panel.
    level, reach, error : ndarray, shape (T,)
        Mean log-ratio over the row's points, half the width of its interval, and its standard error.
    p, q : ndarray, shape (2, T)
        Chance of such a level without a change, worse and better, by itself and controlled over all thin rows.
    shown : ndarray of bool, shape (2, T)
        Whether chance does not explain it.
    """

    place: dict[int, int]
    level: NDArray[np.float64]
    reach: NDArray[np.float64]
    error: NDArray[np.float64]
    p: NDArray[np.float64]
    q: NDArray[np.float64]
    shown: NDArray[np.bool_]


class _Rows(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What thin rows show, T rows with K calm comparisons.

    Attributes
    ----------
    level : ndarray, shape (1 + K, T)
        Mean log-ratios of the comparison and of the calm ones.
    kind : ndarray of int, shape (T,)
    points : ndarray, shape (T,)
    score, score_dof : ndarray, shape (T,)
        Relative variance of a single score within its test and its degrees of freedom, over all runs.
    share : ndarray, shape (T,)
        Variance of a point of the comparison, in units of that of a single score.
    scatter, scatter_dof : ndarray, shape (T,)
        Variance of the points about their rows' own levels.
    """

    level: NDArray[np.float64]
    kind: NDArray[np.intp]
    points: NDArray[np.float64]
    score: NDArray[np.float64]
    score_dof: NDArray[np.float64]
    share: NDArray[np.float64]
    scatter: NDArray[np.float64]
    scatter_dof: NDArray[np.float64]


def weigh_thin(curves: CurveSet, evidences: list[Evidence], fdr: float) -> list[Thin]:
    """Weigh the rows of up to four points of all panels, each with what the others of the suite teach."""
    chosen = [np.flatnonzero((each.points >= 1) & (each.points < RULE_POINTS)) for each in evidences]
    parts = [_rows(curves, each, rows) for each, rows in zip(evidences, chosen, strict=True)]
    rows = _Rows(**{k: np.concatenate([getattr(part, k) for part in parts], axis=-1) for k in _Rows.__struct_fields__})
    error, dof = _errors(rows)
    deviate = t_to_normal(rows.level[0] / error, dof)
    p = np.maximum(np.array([normal_tail(sign * deviate) for sign in SIDES]), SMALLEST_P)
    q = np.array([benjamini_hochberg(side) for side in p])
    shown = np.array([believed(side, fdr) for side in p])
    reach = error * t_quantiles((1 - LEVEL) / 2, dof)
    ends = np.cumsum([len(part) for part in chosen])
    return [
        Thin(
            place={row: k for k, row in enumerate(part.tolist())},
            level=rows.level[0, end - len(part) : end],
            reach=reach[end - len(part) : end],
            error=error[end - len(part) : end],
            p=p[:, end - len(part) : end],
            q=q[:, end - len(part) : end],
            shown=shown[:, end - len(part) : end],
        )
        for part, end in zip(chosen, ends.tolist(), strict=True)
    ]


# ── what rows show ──────────────────────────────────────────────────────────────────────────────────────────────────


def _rows(curves: CurveSet, evidence: Evidence, rows: NDArray[np.intp]) -> _Rows:
    """Collect what some rows of a panel show."""
    panel = evidence.net.panel
    ratio, point = evidence.net.ratio[rows], panel.point[rows]
    present = np.isfinite(ratio)
    values = np.concatenate([ratio[None], np.where(present, evidence.net.contrast[:, rows], np.nan)])
    known = np.isfinite(values).sum(axis=-1)
    level = _mean(values, known)
    about = np.nansum((values - level[..., None]) ** 2, axis=-1).sum(axis=0)
    freedom = np.maximum(known - 1, 0).sum(axis=0)
    score, score_dof, share = _scores(curves, np.where(present, point, -1))
    return _Rows(
        level=level,
        kind=panel.kind[rows],
        points=known[0].astype(np.float64),
        score=score,
        score_dof=score_dof,
        share=share,
        scatter=_over(about, freedom),
        scatter_dof=freedom.astype(np.float64),
    )


def _scores(
    curves: CurveSet, point: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Pool the spread of a row's scores over its points and all runs: variance of one, its freedom, and their share."""
    count = np.where(point >= 0, curves.count[:, point], 0)
    relative = curves.sd[:, point] / curves.mean[:, point]
    freedom = np.where(np.isfinite(relative), np.maximum(count - 1, 0), 0)
    squares = np.where(freedom > 0, np.where(np.isfinite(relative), relative, 0.0) ** 2 * freedom, 0.0)
    total = freedom.sum(axis=(0, -1))
    single = np.divide(1.0, count, out=np.zeros(count.shape), where=count > 0)
    base, runs = np.delete(single, CANDIDATE, axis=0), np.delete(count > 0, CANDIDATE, axis=0).sum(axis=0)
    of_point = single[CANDIDATE] + base.sum(axis=0) / np.maximum(runs, 1) ** 2
    points = np.maximum((point >= 0).sum(axis=-1), 1)
    return _over(squares.sum(axis=(0, -1)), total), total.astype(np.float64), of_point.sum(axis=-1) / points


def _mean(values: NDArray[np.float64], known: NDArray[np.intp]) -> NDArray[np.float64]:
    return _over(np.nansum(values, axis=-1), known)


def _over(total: NDArray[np.float64], count: NDArray[np.intp]) -> NDArray[np.float64]:
    """Divide where there is something to divide by; NaN elsewhere."""
    quotient: NDArray[np.float64] = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return quotient


# ── what chance does to them ────────────────────────────────────────────────────────────────────────────────────────


def _errors(rows: _Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Standard errors of the levels and their degrees of freedom; learned again without what stands out."""
    point, point_dof, sigma = _of_points(rows)
    sampling = point / rows.points
    freedom = SUITE_DOF + noise.OWN_DOF * np.isfinite(rows.level[1:]).sum(axis=0)
    alone = (rows.score_dof == 0) & ~np.isfinite(rows.level[1:]).any(axis=0)
    calm = np.ones(len(point), dtype=bool)
    for _ in range(2):
        excess = _excess(rows, calm, sigma, sampling)
        error = np.sqrt(np.maximum(sampling + excess, noise.SIGMA_FLOOR**2))
        parts = np.where(point_dof > 0, sampling**2 / np.maximum(point_dof, 1.0), 0.0) + excess**2 / freedom
        dof = np.maximum(error**4 / np.maximum(parts, 1e-300), SUITE_DOF)
        dof = np.where(alone, SINGLE_DOF, dof)
        calm = np.abs(t_to_normal(rows.level[0] / error, dof)) <= SUSPECT
    return error, dof


def _of_points(rows: _Rows) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Variance of a point of the comparison and its freedom: by its scores, or by its scatter where that is more.

    The third is the noise by which rows are told apart: where there are scores, the tests whose scores scatter more
    are those whose points and levels do so as well, as far as the suite shows it. The first is 0 where none is known.
    """
    score, score_dof = _moderated(rows.score, rows.score_dof, rows.kind)
    sigma = np.sqrt(np.where(score > 0, score, 1.0))
    relative = sigma ** (2 * _slope(rows.scatter, sigma))
    scatter, scatter_dof = _moderated(rows.scatter / relative, rows.scatter_dof, rows.kind)
    score, scatter = score * rows.share, scatter * relative
    more = scatter > score
    point = np.where(more, scatter, score)
    told = sigma if np.any(score > 0) else np.sqrt(np.where(point > 0, point, 1.0))
    return point, np.where(more, scatter_dof, score_dof), told


def _slope(scatter: NDArray[np.float64], sigma: NDArray[np.float64]) -> float:
    """Exponent in [0, 1] with which points scatter more where scores do; one half where it cannot be told."""
    known = scatter > 0
    if known.sum() < 2 * HALF:
        return 0.5
    noisy = known & (sigma > median(sigma[known]))
    quiet = known & ~noisy
    distance = float(np.log(median(sigma[noisy]) / median(sigma[quiet]))) if noisy.any() else 0.0
    rise = 0.5 * float(np.log(median(scatter[noisy]) / median(scatter[quiet]))) if noisy.any() else 0.0
    return min(max(rise / max(distance, 0.1), 0.0), 1.0)


def _moderated(
    variance: NDArray[np.float64], dof: NDArray[np.float64], kind: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw variances towards what is typical; their logarithms, which lie low with few degrees of freedom, raised."""
    if not np.any(np.isfinite(variance) & (dof > 0)):
        return np.zeros(len(variance)), np.zeros(len(variance))
    safe = np.maximum(dof, 1.0)
    return noise.moderate(variance * np.exp(1 / safe + 1 / (3 * safe**2)), dof, kind, np.zeros(len(variance)))


def _excess(
    rows: _Rows, calm: NDArray[np.bool_], sigma: NDArray[np.float64], sampling: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Variance of the levels between runs that their points do not explain, per row.

    Typical of the suite, and the row's own as far as its calm comparisons tell: from four on robustly, with fewer by
    their squares, each as one degree of freedom beside those of the suite.
    """
    levels = np.concatenate([np.where(calm, rows.level[:1], np.nan), rows.level[1:]])
    scatters = np.array([noise.level_scatter(level, sigma, sampling, rows.kind, len(levels)) for level in levels])
    typical, factor = noise.evened_scatter(scatters, sampling)
    looks = np.isfinite(levels[1:]).sum(axis=0)
    squares = factor * np.nansum(levels[1:] ** 2, axis=0)
    own = (SUITE_DOF * (typical + sampling) + squares) / (SUITE_DOF + looks) - sampling
    if len(levels) - 1 >= noise.MIN_OWN:
        own = noise.own_scatter(np.sqrt(factor) * levels[1:], typical, sampling)
    excess: NDArray[np.float64] = np.maximum(own, 0.0)
    return excess
