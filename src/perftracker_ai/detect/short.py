"""Curves too short to scan against all others: a rule of their own, a two-sample test, or size alone.

In: the evidence of a panel. Out: the method for each row, and for rows of up to four points the range that passes
its test, with its p-value. There is no noise to be learned from a handful of loads, so the typical noise of the job
stands in.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from perftracker_ai.detect.evidence import RULE_POINTS, SCANNED_POINTS
from perftracker_ai.detect.noise import LEVEL_PRIOR
from perftracker_ai.detect.null import SMALLEST_P
from perftracker_ai.detect.windows import Extent
from perftracker_ai.model import Method
from perftracker_ai.stats import median, normal_tail, t_tail

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perftracker_ai.detect.evidence import Evidence
    from perftracker_ai.model import CurveSet

RULE_SIZE = math.log(1.10)
"""A range of a short curve counts from 10 %."""

LARGE, LARGE_ERRORS = math.log(1.5), 4.0
"""One score a side counts from 50 % and four standard errors of the job's noise."""

TEST_P = 0.001
"""Level of the two-sample test: stands in for the correction over a job's few such curves."""


class Found(msgspec.Struct, frozen=True, kw_only=True, eq=False):
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
    """Apply the method that fits a row of up to four points; None when its test is not passed."""
    points = evidence.net.panel.point[row][np.isfinite(evidence.net.ratio[row])]
    match method_of(float(evidence.points[row]), scored(curves, points)):
        case Method.TWO_SAMPLE:
            return by_scores(evidence, row, sign)
        case _:
            return by_size(evidence, row, sign, noise)
