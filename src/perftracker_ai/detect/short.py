"""How a curve is judged by its number of points, and the size that a short one needs to count."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from perftracker_ai.detect.evidence import RULE_POINTS, SCANNED_POINTS
from perftracker_ai.model import Method

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perftracker_ai.model import CurveSet

RULE_SIZE = math.log(1.10)
"""A range of a short curve counts from 10 %."""


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
