"""The words of a history: a series of values over jobs, and what is said of it.

Values only. Positions always count in the series as it was handed in, absent values included. *Slowdown* is meant as
everywhere: cost after over cost before, minus one; positive is worse, whatever the metric's own direction.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.errors import JobError
from perftracker_ai.model import Direction  # noqa: TC001 - msgspec reads it when it reads trends back

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class TrendState(StrEnum):
    """What stands for a series, the first that holds in this order."""

    TOO_SHORT = "too short"
    BIMODAL = "bimodal"  # switches between two levels; nothing else is said of it
    CHANGED = "changed"
    DRIFTING = "drifting"
    FLAKY = "flaky"
    STEADY = "steady"


class Series(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One measured quantity over the jobs of one product on one hardware, oldest first.

    Attributes
    ----------
    times : ndarray of float, shape (n,)
        Seconds since the epoch, strictly increasing.
    values : ndarray of float, shape (n,)
        NaN where the job has no value; what is not from 1e-30 to 1e30 counts as absent too, zero and below included.
    versions : tuple of str, length n
        Version each job measured; jobs of one version are reruns of each other.
    less_better : bool
        True when a larger value is worse.
    reference : int
        Position of the job that drift is counted from.
    noise : float
        Standard deviation of one value's logarithm as known from reruns elsewhere, 0 when unknown; it is a lower
        bound of the noise found here.
    """

    times: NDArray[np.float64]
    values: NDArray[np.float64]
    versions: tuple[str, ...]
    less_better: bool
    reference: int = 0
    noise: float = 0.0

    def __post_init__(self) -> None:
        """Check the invariants once.

        Raises
        ------
        JobError
            When lengths differ, times do not increase, or the reference is not in the series.
        """
        count = len(self.values)
        if not len(self.times) == len(self.versions) == count:
            raise JobError(
                f"A series has {count} values, {len(self.times)} times and {len(self.versions)} versions: "
                "give one of each for every job."
            )
        if bool((self.times[1:] <= self.times[:-1]).any()):
            raise JobError("The times of a series do not increase: sort its jobs by time, and keep one of each time.")
        if count and not 0 <= self.reference < count:
            raise JobError(
                f"The reference {self.reference} is not in the series: take a position from 0 to {count - 1}."
            )


class Segment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A stretch of one level.

    Attributes
    ----------
    first, last : int
        First and last present value, inclusive.
    points : int
        Present values.
    level, low, high : float
        Geometric mean and its 95 % interval in the unit of the values; of a drifting series, at the stretch's middle.
    """

    first: int
    last: int
    points: int
    level: float
    low: float
    high: float


class Change(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A level that gave way to another.

    Attributes
    ----------
    index : int
        First job at the new level: the first bad one of a regression.
    previous : int
        Last job with a value at the old level: the last good one.
    earliest, latest : int
        95 % interval of `index`.
    slowdown, low, high : float
        Size and its 95 % interval.
    p_value : float
        Chance of such a difference anywhere in a quiet series of this length and correlation; never 0.
    same_version : bool
        Whether the jobs on both sides measured one version: then it is not the code that changed.
    recovered : int or None
        Index of the later change with which three quarters or more of this one were taken back.
    """

    index: int
    previous: int
    earliest: int
    latest: int
    slowdown: float
    low: float
    high: float
    p_value: float
    direction: Direction
    same_version: bool
    recovered: int | None


class DriftEstimate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What crept in evenly from job to job since the reference, flagged changes not counted.

    Attributes
    ----------
    slowdown, low, high : float
        Sum since the reference and its 95 % interval.
    significant : bool
        Whether a slope is needed to tell the series; False does not mean that there is none.
    """

    slowdown: float
    low: float
    high: float
    significant: bool


class Modes(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The two levels a bimodal series switches between.

    Attributes
    ----------
    low, high : float
        Medians of the lower and the upper mode, in the unit of the values.
    share_high : float
        Share of values in the upper mode.
    switches : int
        How often neighbouring values lie in different modes.
    """

    low: float
    high: float
    share_high: float
    switches: int


class Flaky(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Noise that rose.

    Attributes
    ----------
    index : int
        First job of the noisier stretch, which lasts to the end.
    ratio : float
        Mean deviation from the level since then over that before.
    p_value : float
        As for a `Change`.
    """

    index: int
    ratio: float
    p_value: float


class Trend(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is said of one series.

    Attributes
    ----------
    points : int
        Values present.
    segments : tuple of Segment
        In order; one more than `changes`, none for a series too short or bimodal.
    total : float or None
        Slowdown of the level at the end against that at the reference, changes and significant drift together; None
        for a series too short or bimodal.
    drift : DriftEstimate or None
        None for a series too short or bimodal.
    modes : Modes or None
        None unless bimodal.
    flaky : Flaky or None
        None unless the noise rose.
    noise : float or None
        Standard deviation of one value's logarithm; None where `total` is.
    correlation : float or None
        Of neighbouring values' noise; None where `total` is.
    floor : float
        Smallest change (ratio) the method would report: the practical threshold, or what the values' resolution allows.
    outliers : tuple of int
        Values far off their neighbours; they are labelled, and pulled in for the estimates only.
    """

    state: TrendState
    points: int
    segments: tuple[Segment, ...]
    changes: tuple[Change, ...]
    total: float | None
    drift: DriftEstimate | None
    modes: Modes | None
    flaky: Flaky | None
    noise: float | None
    correlation: float | None
    floor: float
    outliers: tuple[int, ...]
