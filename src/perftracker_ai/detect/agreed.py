"""Loads at which endpoints agree: what none of them proves by itself, the middle of them all may.

In: the change of every point. Out: for each load at which the middle of the endpoints stands out of the other loads,
the points that go with it. Each curve is taken about its own level, so that a change of whole curves is none of a load.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from perftracker_ai.detect.shift import LOCATION_COST, MIN_FAMILIES
from perftracker_ai.stats import MAD_TO_SIGMA, distinct, group_medians, numbered, robust_scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perftracker_ai.model import CurveSet

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

ERRORS = 5.0
"""Standard errors from which the middle of the endpoints stands out, by what they scatter and by what loads do."""

LEAST_LOADS = 5
"""Loads from which those that stand out can be told from the others."""

MOST = 0.5
"""Share of the loads that stand out from which these are no loads, but the level."""

WITH_IT = 0.5
"""A point with this part of the middle's size goes with it."""


def agreed_loads(change: Floats, owner: Ints, curves: CurveSet, sign: float, least: float) -> list[Ints]:
    """Find the loads at which the middle of the endpoints is worse, or better, by ``least`` (log) and beyond chance.

    Parameters
    ----------
    change : ndarray, shape (P,)
        Log-ratio of each point; NaN where not compared, or where a window holds it already.
    owner : ndarray of int, shape (P,)
        Curve of each point.
    sign : float
        1 for worse, -1 for better.

    Returns
    -------
    list of ndarray of int
        The points that go with each such load.
    """
    used = np.flatnonzero(np.isfinite(change))
    if not len(used):
        return []
    load, axis = _loads(curves, owner, used)
    away = sign * (change - _levels(change, owner, len(curves.curves)))[used]
    middle = group_medians(away, load)
    spread = MAD_TO_SIGMA * group_medians(np.abs(away - middle[load]), load)
    endpoint = numbered(curve.endpoint for curve in curves.curves)
    names = int(endpoint.max()) + 1
    pairs = distinct(load * names + endpoint[owner[used]])
    there = np.bincount(pairs // names, minlength=len(middle))
    enough = there >= MIN_FAMILIES
    error = LOCATION_COST * spread / np.sqrt(np.maximum(there, 1))
    found: list[Ints] = []
    for one in distinct(axis[enough]):
        mine = np.flatnonzero(enough & (axis == one))
        scatter = float(robust_scale(middle[mine])) if len(mine) >= LEAST_LOADS else np.inf
        far = mine[middle[mine] >= np.maximum(least, ERRORS * np.maximum(error[mine], scatter))]
        if len(far) <= MOST * len(mine):
            found += [used[(load == place) & (away >= WITH_IT * middle[place])] for place in far.tolist()]
    return found


def _loads(curves: CurveSet, owner: Ints, used: Ints) -> tuple[Ints, Ints]:
    """Number the loads of the used points within their group and unit, and give the group of each load."""
    axes = {key: k for k, key in enumerate(dict.fromkeys((c.group, c.load_unit) for c in curves.curves))}
    axis = np.array([axes[curve.group, curve.load_unit] for curve in curves.curves])[owner[used]]
    steps = distinct(curves.load[used])
    place = axis * len(steps) + np.searchsorted(steps, curves.load[used])
    there = distinct(place)
    return np.searchsorted(there, place), there // len(steps)


def _levels(change: Floats, owner: Ints, curves: int) -> Floats:
    """Give every point the median of its curve."""
    known = np.flatnonzero(np.isfinite(change))
    level = np.zeros(curves)
    there = distinct(owner[known])
    level[there] = group_medians(change[known], np.searchsorted(there, owner[known]))
    return level[owner]
