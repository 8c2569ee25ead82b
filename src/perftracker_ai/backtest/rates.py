"""Shares with intervals where what is counted comes in clusters: curves of one night, nights of one version.

A night in which the machine was disturbed has many alarms at once, and neighbouring pairs have a job in common. So
curves are no independent trials: the interval is Wilson's, for so many trials as the scatter between nights says there
were (Kish's design effect; Korn and Graubard 1998, https://doi.org/10.2307/3315947, for the interval).
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from perftracker_ai.backtest.values import Rate

if TYPE_CHECKING:
    from collections.abc import Sequence

Z = 1.959964
"""Two-sided 95 % of the normal distribution."""


def rate(counts: Sequence[int], sizes: Sequence[int], least_effect: float = 1.0) -> Rate:
    """Return a share over nights in order of time.

    Parameters
    ----------
    counts, sizes : sequence of int
        What was counted in each night, and of how many.
    least_effect : float
        What clusters of equal size would make of the variance at least. Where nothing was counted, nothing tells how it
        clusters, and this stands for it.

    Returns
    -------
    Rate
        With None for share and interval where there is nothing of which to be a share.
    """
    count, of = sum(counts), sum(sizes)
    if not of:
        return Rate(count=count, of=of, share=None, low=None, high=None)
    share = count / of
    effect = max(least_effect, _effect(counts, sizes, share))
    low, high = wilson(share, of / effect)
    return Rate(count=count, of=of, share=share, low=low, high=high)


def _effect(counts: Sequence[int], sizes: Sequence[int], share: float) -> float:
    """Return how many times the variance is that of independent trials; neighbours have a job in common."""
    if not 0 < share < 1:
        return 0.0
    residuals = [count - share * size for count, size in zip(counts, sizes, strict=True)]
    shared = sum(one * other for one, other in itertools.pairwise(residuals))
    variance = sum(one * one for one in residuals) + max(0.0, 2 * shared)
    return variance / (sum(sizes) * share * (1 - share))


def wilson(share: float, trials: float) -> tuple[float, float]:
    """Return Wilson's interval of a share; ``trials`` need not be whole, and is above 0.

    References
    ----------
    E. B. Wilson (1927), https://doi.org/10.2307/2276774
    """
    square = Z * Z / trials
    middle = (share + square / 2) / (1 + square)
    half = Z / (1 + square) * math.sqrt(share * (1 - share) / trials + square / (4 * trials))
    return max(0.0, middle - half), min(1.0, middle + half)
