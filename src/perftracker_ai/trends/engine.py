"""Series in, a `Trend` each out: the method's parts put together, in batches of series of similar length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.trends.batch import batches, pack
from perftracker_ai.trends.describe import described, too_short
from perftracker_ai.trends.drift import fit
from perftracker_ai.trends.modes import split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perftracker_ai.trends.vocabulary import Series, Trend

LEAST_CHANGE = 0.02
"""Practical threshold of a change in a history; many values on either side tell far less than two jobs can."""


def find_trends(series: Sequence[Series], least_change: float = LEAST_CHANGE) -> tuple[Trend, ...]:
    """Describe each series.

    Parameters
    ----------
    least_change : float
        Ratio below which nothing is a change or a drift.

    Returns
    -------
    tuple of Trend
        One for each series, in order.
    """
    packed = pack(series)
    found: dict[int, Trend] = {}
    for which, batch in batches(series, packed):
        members = [series[row] for row in which.tolist()]
        trends = described(members, batch, fit(batch, least_change), split(batch, least_change), least_change)
        found.update(zip(which.tolist(), trends, strict=True))
    return tuple(found.get(row) or too_short(points, least_change) for row, points in enumerate(packed.length.tolist()))
