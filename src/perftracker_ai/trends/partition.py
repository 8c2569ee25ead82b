"""Exact optimal partitioning of many series at once.

In: standardised series. Out: where each is cut so that the squared deviations from the pieces' means plus a penalty a
piece are least, over all ways to cut it. Long series are cut at every second place only, which takes a quarter of the
time; whoever needs the exact place settles it afterwards, which takes next to none.

References
----------
Jackson et al., IEEE Signal Processing Letters 12 (2005) 105-108, doi:10.1109/LSP.2001.838216.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CELLS = 100_000
"""Values worked on at once: what the tables need then stays in a processor's second-level cache."""

EVERY_PLACE = 128
"""Length up to which series may be cut anywhere; a change of five values is told as well one place beside it."""

Single = np.float32
"""Half the memory is nearly half the time."""


def partition(
    values: NDArray[np.float64], length: NDArray[np.int64], penalty: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Cut every row at least cost.

    Parameters
    ----------
    values : ndarray, shape (N, n)
        Centred, in units of the standard deviation that counts; zero beyond the length.
    length : ndarray of int, shape (N,)
    penalty : ndarray, shape (N,)
        Cost of one more piece.

    Returns
    -------
    ndarray of bool, shape (N, n)
        True where a piece begins, the first one of a row left out.
    """
    cuts = np.zeros(values.shape, dtype=bool)
    short = length <= EVERY_PLACE
    for rows in (*_blocks(np.flatnonzero(short), length), *_blocks(np.flatnonzero(~short), length)):
        longest = int(length[rows].max())
        cuts[rows, :longest] = _cuts(values[rows, :longest], length[rows], penalty[rows].astype(Single))
    return cuts


def _blocks(rows: NDArray[np.int64], length: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Divide rows into as many as are worked on at once."""
    count = max(1, CELLS // int(length[rows].max(initial=1)))
    return [rows[start : start + count] for start in range(0, len(rows), count)]


def _cuts(values: NDArray[np.float64], length: NDArray[np.int64], penalty: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Cut a few rows; inside, time runs along the first axis, so that each step is one sweep over memory.

    A row of odd length on the coarse grid ends half a step further: the sum to there is that of the whole row, and the
    last piece counts as longer by one value.
    """
    step = 1 if length.max() <= EVERY_PLACE else 2
    nodes = -(-int(length.max()) // step)
    total = np.zeros((nodes + 1, len(values)), dtype=Single)
    running = np.cumsum(values, axis=1)
    total[1:-1] = running[:, step - 1 : step * (nodes - 1) : step].T
    total[-1] = running[:, -1]
    cuts = np.zeros(values.shape, dtype=bool)
    cuts[:, : step * nodes : step] = _traced(total, _least_costs(total, penalty, step), -(-length // step), step).T
    return cuts


def _least_costs(total: NDArray[np.float32], penalty: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    """Return the least cost of every beginning of every column, the sum of squares left out: it is the same for all.

    A piece of m values with sum s then costs ``penalty - s**2 / m``.

    Parameters
    ----------
    total : ndarray, shape (n + 1, N)
        Running sums at every node, a zero in front.
    """
    count = len(total) - 1
    weight = (1 / (step * np.arange(count, 0, -1))).astype(Single)[:, None]
    cost = np.zeros_like(total)
    table = np.empty_like(total[1:])
    for end in range(1, count + 1):
        piece = table[:end]
        np.subtract(total[end], total[:end], out=piece)
        np.multiply(piece, piece, out=piece)
        np.multiply(piece, weight[count - end :], out=piece)
        np.subtract(cost[:end], piece, out=piece)
        np.minimum.reduce(piece, axis=0, out=cost[end])
        cost[end] += penalty
    return cost


def _traced(
    total: NDArray[np.float32], cost: NDArray[np.float32], nodes: NDArray[np.int64], step: int
) -> NDArray[np.bool_]:
    """Follow the least costs back from each column's end; to work starts out again is cheaper than to keep them."""
    cuts = np.zeros((len(total) - 1, total.shape[1]), dtype=bool)
    column, end = np.arange(total.shape[1]), nodes.copy()
    while len(column):
        size = end - np.arange(int(end.max()))[:, None]
        piece = total[end, column] - total[: len(size), column]
        choice = np.where(size > 0, cost[: len(size), column] - piece * piece / np.maximum(step * size, 1), np.inf)
        end = choice.argmin(axis=0)
        column, end = column[end > 0], end[end > 0]
        cuts[end, column] = True
    return cuts
