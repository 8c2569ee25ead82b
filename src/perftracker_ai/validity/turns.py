"""Episodes of runs in which endpoints take turns: few are measured near a time, so a curve's own level tells nothing.

In: how far a run lies above the others at each point, and when it was measured. Out: the stretches in which it is slow
while the endpoints measured in them are not slow at other times. A change that begins and ends with one endpoint's own
tests is that endpoint's; one that goes on across the border into the next endpoint's tests is an episode.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from perftracker_ai.stats import distinct, median, robust_location, robust_scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.intp]

MOST_BINS, MEMBERS = 240, 12
"""Stretches that a run is cut into, each of so many measurements at the least."""

SCATTERS = 4.0
"""An episode stands out of what stretches scatter by so many times that."""

CALM = 0.35
"""An endpoint is calm at other times where it moved by less than this part of the episode."""

MOST_SLOW = 0.8
"""Share of a stretch's measurements that must be slow."""

WHOLE = 0.8
"""A stretch that holds this share of a thread count's measurements is that thread count's."""

ENDPOINTS = 2
"""Endpoints that an episode hits at the least: it goes on across a border."""


def cut(begin: Floats, known: NDArray[np.bool_]) -> list[Ints]:
    """Cut the known points of a run into stretches of equally many measurements."""
    points = np.flatnonzero(known & np.isfinite(begin))
    order = points[np.argsort(begin[points], kind="stable")]
    return list(np.array_split(order, max(min(MOST_BINS, len(order) // MEMBERS), 1))) if len(order) else []


def slow_bins(above: Floats, parts: list[Ints], least: float) -> tuple[NDArray[np.bool_], Floats]:
    """Mark the stretches that stand out of all of them, and give their sizes."""
    longer = [part for part in parts if len(part) == len(parts[0])]  # the others are shorter by one
    size = np.concatenate([median(above[np.array(same)]) for same in (longer, parts[len(longer) :]) if same])
    size -= robust_location(size)
    scatter = float(robust_scale(size))
    return (size >= least) & (size >= SCATTERS * scatter), size


def is_episode(points: Ints, size: float, above: Floats, endpoint: Ints, group: Ints) -> bool:
    """Say whether what is slow in a stretch is the time's and not that of the endpoints measured in it."""
    inside = np.zeros(len(above), dtype=bool)
    inside[points] = True
    known = np.isfinite(above)
    names = distinct(endpoint[points])
    if len(names) < ENDPOINTS or float(np.mean(above[points] > CALM * size)) < MOST_SLOW:
        return False
    for threads in distinct(group[points]):
        own = known & (group == threads)
        if float(inside[own].mean()) >= WHOLE:
            return False
    elsewhere = [above[known & ~inside & (endpoint == name)] for name in names]
    calm = [bool(len(values)) and float(median(values)) < CALM * size for values in elsewhere]
    return sum(calm) >= max(ENDPOINTS, MOST_SLOW * len(names))
