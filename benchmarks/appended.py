"""What becomes of found changes as nights are added: how many are taken back that were sure.

In: values of labelled series. Out: `Kept`. A change counts as sure from five of its own standard errors on, once it is
older than the newest nights; after the last true change of a series, all that is added is quiet.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
from histories import as_series

from perftracker_ai.trends import find_trends

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from perftracker_ai.trends import Change, Series, Trend

SURE = 5.0
NORMAL_975 = 1.959964
NEAR = 5
"""Jobs a change may move by and still be the same."""

SETTLED, EVERY = 10, 3
"""Nights after the last true change from which on is looked, and how many are added each time."""


class Kept(NamedTuple):
    """Sure changes looked for again some nights later, those not found, and the series that lost one."""

    asked: int
    lost: int
    series: int


def kept(values: NDArray[np.float64], truth: Sequence[tuple[int, ...]]) -> Kept:
    """Add nights to each series, and count what is lost from one look to the next."""
    looks = [
        [_first(row, count) for count in range((places or (0,))[-1] + SETTLED, len(row.values) + 1, EVERY)]
        for row, places in zip(as_series(values), truth, strict=True)
    ]
    trends = iter(find_trends([one for each in looks for one in each]))
    counts = [_lost([(len(one.values), next(trends)) for one in each]) for each in looks]
    return Kept(sum(a for a, _ in counts), sum(b for _, b in counts), sum(b > 0 for _, b in counts))


def _lost(looks: Sequence[tuple[int, Trend]]) -> tuple[int, int]:
    asked = [(one, later) for (count, now), (_, later) in pairwise(looks) for one in _sure(now, count)]
    return len(asked), sum(not any(_same(one, other) for other in later.changes) for one, later in asked)


def _first(whole: Series, count: int) -> Series:
    parts = {name: getattr(whole, name)[:count] for name in ("times", "values", "versions")}
    return msgspec.structs.replace(whole, **parts)


def _sure(trend: Trend, count: int) -> list[Change]:
    return [one for one in trend.changes if _errors(one) > SURE and one.index < count - NEAR]


def _errors(change: Change) -> float:
    wide = np.log1p(change.high) - np.log1p(change.low)
    return float(abs(np.log1p(change.slowdown)) / (wide / 2 / NORMAL_975))


def _same(one: Change, other: Change) -> bool:
    near = abs(one.index - other.index) <= NEAR
    return near or one.earliest <= other.index <= one.latest or other.earliest <= one.index <= other.latest
