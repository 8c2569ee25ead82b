"""Curves too short to scan: an explicit rule on size and standard error, a two-sample test, or size alone.

In: the evidence of a panel. Out: for each short row and direction the range that satisfies its rule, with the method
and its p-value. There is no noise to be learned from a handful of loads, so the typical noise of the job stands in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from perftracker_ai.detect.evidence import SCANNED_POINTS
from perftracker_ai.detect.noise import LEVEL_PRIOR
from perftracker_ai.detect.null import SMALLEST_P
from perftracker_ai.detect.scan import MIN_POINTS, inflation
from perftracker_ai.detect.windows import Extent
from perftracker_ai.model import Method
from perftracker_ai.stats import median, normal_tail, t_tail, t_to_normal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perftracker_ai.detect.evidence import Evidence
    from perftracker_ai.model import CurveSet

RULE_POINTS = 5
"""Points from which the rule applies; below, the points are single values rather than a curve."""

RULE_SIZE, RULE_ERRORS = math.log(1.10), 3.0
"""A range of a short curve counts from 10 % and three standard errors: on repeated public database benchmarks of eight
loads this finds more than a scan at a third of its false alarms."""

LARGE, LARGE_ERRORS = math.log(1.5), 4.0
"""One score a side counts from 50 % and four standard errors of the job's noise."""

TEST_P = 0.001
"""Level of the two-sample test: stands in for the correction over a job's few such curves."""

PRIOR_NOISE = 0.15
"""Noise of one log-ratio of single scores where the job has no curve to learn from: the upper end of ordinary load
tests (10 % a run, two runs)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A range that satisfies the rule of its method."""

    extent: Extent
    method: Method
    p: float


def method_of(points: float, scored: bool) -> Method:  # noqa: FBT001 - read at one place, with its name
    """Name the method for a row with this many points, ``scored`` when both sides have several scores."""
    if points < 1:
        return Method.NONE
    if points >= SCANNED_POINTS:
        return Method.SCAN
    if points >= RULE_POINTS:
        return Method.RULE
    return Method.TWO_SAMPLE if scored else Method.SIZE_ONLY


def scored(curves: CurveSet, points: NDArray[np.intp]) -> bool:
    """Say whether baseline and candidate have several scores at every compared point."""
    return bool(len(points)) and bool(np.all(curves.count[:2, points] > 1))


def by_rule(evidence: Evidence, row: int, sign: float) -> Found | None:
    """Find the range of a short curve that is 10 % and three standard errors off; the best by standard errors."""
    value = evidence.track.value[row]
    columns = np.flatnonzero(np.isfinite(value))
    best: tuple[float, Extent, float] | None = None
    for width in range(MIN_POINTS, len(columns) + 1):
        for start in range(len(columns) - width + 1):
            part = columns[start : start + width]
            errors, extent_errors = _errors(evidence, row, part, sign)
            large = sign * float(np.median(evidence.net.ratio[row, part])) >= RULE_SIZE
            if errors >= RULE_ERRORS and large and (best is None or extent_errors > best[0]):
                best = (extent_errors, Extent(row=row, first=int(part[0]), last=int(part[-1])), errors)
    if best is None:
        return None
    return Found(extent=best[1], method=Method.RULE, p=_p(best[2]))


def _errors(evidence: Evidence, row: int, part: NDArray[np.intp], sign: float) -> tuple[float, float]:
    """Return size in standard errors, with and without the scatter of levels between runs."""
    track = evidence.track
    variance = float(track.variance[row, part[0]]) * float(inflation(track.rho[row], len(part))) / len(part)
    mean = sign * float(np.mean(track.value[row, part]))
    full = mean / math.sqrt(variance + float(track.level_variance[row]))
    return float(t_to_normal(np.array(full), max(float(track.dof[row]), 1.0))), mean / math.sqrt(variance)


def by_scores(evidence: Evidence, row: int, sign: float) -> Found | None:
    """Test up to four points by their scores (Welch), the level scatter between runs counted as noise."""
    columns = np.flatnonzero(np.isfinite(evidence.net.ratio[row]))
    spread = evidence.net.panel.sampling[row, columns]
    error = float(np.sum(spread)) / len(columns) ** 2
    scatter = _level_variance(evidence, row)
    if not math.isfinite(error):
        return None
    t = sign * float(np.mean(evidence.net.ratio[row, columns])) / math.sqrt(error + scatter)
    dof = 4.0 * len(columns)
    p = max(t_tail(t, dof), SMALLEST_P)
    if p > TEST_P:
        return None
    extent = Extent(row=row, first=int(columns[0]), last=int(columns[-1]))
    return Found(extent=extent, method=Method.TWO_SAMPLE, p=p)


def by_size(evidence: Evidence, row: int, sign: float, noise: float) -> Found | None:
    """Accept a change seen in single scores only when it is large, at every point, against the job's noise."""
    columns = np.flatnonzero(np.isfinite(evidence.net.ratio[row]))
    values = sign * evidence.net.ratio[row, columns]
    error = math.sqrt(noise**2 / len(columns) + _level_variance(evidence, row))
    errors = float(np.mean(values)) / error
    if float(median(values)) < LARGE or float(values.min()) < RULE_SIZE or errors < LARGE_ERRORS:
        return None
    extent = Extent(row=row, first=int(columns[0]), last=int(columns[-1]))
    return Found(extent=extent, method=Method.SIZE_ONLY, p=_p(errors))


def _p(errors: float) -> float:
    return max(float(normal_tail(errors)), SMALLEST_P)


def _level_variance(evidence: Evidence, row: int) -> float:
    own = float(evidence.track.level_variance[row])
    return own if math.isfinite(own) else LEVEL_PRIOR**2


def find(curves: CurveSet, evidence: Evidence, row: int, sign: float, noise: float) -> Found | None:
    """Apply the method that fits the row; None when its rule is not satisfied."""
    points = evidence.net.panel.point[row][np.isfinite(evidence.net.ratio[row])]
    match method_of(float(evidence.points[row]), scored(curves, points)):
        case Method.RULE:
            return by_rule(evidence, row, sign)
        case Method.TWO_SAMPLE:
            return by_scores(evidence, row, sign)
        case _:
            return by_size(evidence, row, sign, noise)
