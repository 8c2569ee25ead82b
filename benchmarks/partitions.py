"""The textbook way to cut a series: an exact partition with a penalty of 10 log n, which is what PELT finds.

References
----------
Killick, Fearnhead & Eckley, JASA 107 (2012) 1590-1598, doi:10.1080/01621459.2012.737745.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from perftracker_ai.stats import MAD_TO_SIGMA

if TYPE_CHECKING:
    from numpy.typing import NDArray

PENALTY = 10.0
"""In logarithms of the length; the standard deviation is taken from neighbouring differences."""


def textbook_changes(values: NDArray[np.float64]) -> list[int]:
    """Return where one series of positive values is cut."""
    logs = np.log(values)
    step = np.diff(logs)
    sigma = max(MAD_TO_SIGMA * float(np.median(np.abs(step - np.median(step)))) / np.sqrt(2), 1e-9)
    total = np.concatenate([[0.0], np.cumsum((logs - logs.mean()) / sigma)])
    cost, start = np.zeros(len(total)), np.zeros(len(total), dtype=int)
    penalty = PENALTY * np.log(len(logs))
    for end in range(1, len(total)):
        every = cost[:end] - (total[end] - total[:end]) ** 2 / np.arange(end, 0, -1) + penalty
        start[end] = int(every.argmin())
        cost[end] = every[start[end]]
    return _traced(start)


def _traced(start: NDArray[np.int64]) -> list[int]:
    cuts, end = [], len(start) - 1
    while end := int(start[end]):
        cuts.append(end)
    return cuts[::-1]
