"""Curves that belong together: siblings of one endpoint and scenario, and twins measured by the same requests.

In: a panel's rows, members of a family standing together. Out: rows to put beside each curve: the average of its
siblings without itself, its twin, and either joined with it by precision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perftracker_ai.detect.scan import Track
    from perftracker_ai.detect.series import Net


def of_siblings(net: Net, track: Track) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Average every row's siblings, values and contrasts, the row itself left out; NaN where there is none."""
    weight = 1 / (track.variance + track.level_variance[:, None])

    def others(values: NDArray[np.float64]) -> NDArray[np.float64]:
        known = np.isfinite(values)
        mass, total = _rest(net, np.where(known, weight, 0.0)), _rest(net, np.where(known, values, 0.0) * weight)
        mean: NDArray[np.float64] = np.divide(
            total, mass, out=np.full(values.shape, np.nan), where=mass > 1e-9 * weight
        )
        return mean

    contrasts = [others(contrast) for contrast in net.contrast]
    return others(track.value), np.array(contrasts).reshape(net.contrast.shape)


def _rest(net: Net, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum over every row's family, the row itself left out."""
    sizes = np.diff([*net.panel.starts, len(values)])
    rest: NDArray[np.float64] = np.repeat(np.add.reduceat(values, net.panel.starts, axis=0), sizes, axis=0) - values
    return rest


def of_families(net: Net, marks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark in every row what is marked in any row of its family."""
    sizes = np.diff([*net.panel.starts, len(marks)])
    shared: NDArray[np.bool_] = np.repeat(np.logical_or.reduceat(marks, net.panel.starts, axis=0), sizes, axis=0)
    return shared


def joined(track: Track, sibling: Track) -> Track:
    """Average every row with its siblings' average, each by its precision."""
    own = np.where(np.isfinite(track.value), 1 / track.variance, 0.0)
    rest = np.where(np.isfinite(sibling.value), 1 / sibling.variance, 0.0)
    total = np.where(own > 0, track.value, 0.0) * own + np.where(rest > 0, sibling.value, 0.0) * rest
    mass = own + rest
    theirs, drift = (
        np.where(np.isfinite(part), part, np.inf) for part in (sibling.level_variance, sibling.drift_variance)
    )
    return replace(
        track,
        value=np.divide(total, mass, out=np.full(total.shape, np.nan), where=own > 0),
        variance=1 / np.maximum(mass, 1e-300),
        level_variance=np.minimum(track.level_variance, theirs),
        drift_variance=np.minimum(track.drift_variance, drift),
    )


def of_twins(net: Net, track: Track) -> Track:
    """Put every row's twin in its place; rows without one are empty."""
    twin = net.panel.twin
    return replace(
        track,
        value=np.where(twin[:, None] >= 0, track.value[twin], np.nan),
        variance=track.variance[twin],
        level_variance=track.level_variance[twin],
        drift_variance=track.drift_variance[twin],
    )
