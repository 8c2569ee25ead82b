"""Curves: what jobs measured, on common load points.

Values only. Run axis: row 0 is the baseline, row 1 the candidate, rows 2 and up are reruns: first those of the
baseline's version, then those of the candidate's.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.model.ranges import Count  # noqa: TC001 - msgspec reads it when it reads results back

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from perftracker_ai.model.jobs import BadRecord, JobInfo

BASELINE, CANDIDATE, FIRST_RERUN = 0, 1, 2
"""Rows of the run axis of a `CurveSet`."""


class MetricKind(StrEnum):
    """What a curve measures, as far as detection and diagnosis care."""

    LATENCY = "latency"
    RATE = "rate"
    OTHER = "other"

    @property
    def timed(self) -> bool:
        """Whether it is a time or a speed: what somebody waits for, and what a slow machine shares with all it runs."""
        return self is not MetricKind.OTHER


class Absence(IntEnum):
    """Why a load point of one run has no value; 0 when it has one."""

    PRESENT = 0
    MISSING = 1  # the run has no such test
    FAILED = 2
    SKIPPED = 3
    INPROGRESS = 4
    NOTTESTED = 5
    NO_SCORES = 6
    ZERO = 7  # zero with nothing measured
    NOT_A_NUMBER = 8
    INFINITE = 9
    NEGATIVE = 10
    UNREADABLE = 11  # scores that are no list of numbers, or an unknown status
    UNIT_CONFLICT = 12  # the runs measure it in units that cannot be converted


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """One (group, tag) over its load points: what it is called and how to read it.

    Attributes
    ----------
    statistic : str
        ``p95``, ``p50``, ``avg``, ``max``; empty when the tag names none.
    threads : int or None
    endpoint : str
        Method and path; the whole tag when it does not follow the grammar.
    unit : str
        As written in the baseline (``ms``); values inside are in `base_unit`.
    base_unit : str
        ``s``, ``B``, ``/s``; the written unit when it is not a known one.
    less_better : bool
        True when a larger value is worse.
    direction_known : bool
        False when nothing tells which way is better: `less_better` is then true, and a larger value is more, not worse.
    load_unit : str
        ``policies``, ``threads``; empty for scalars and unnumbered categories.
    numbered : bool
        Whether loads are real numbers, not mere positions of ordered categories.
    scalar : bool
        One test without category: no load axis at all.
    start, stop : int
        The curve's points in the arrays of its `CurveSet`, half open.
    """

    index: Count
    group: str
    tag: str
    metric_label: str
    metric_kind: MetricKind
    statistic: str
    threads: Count | None
    method: str
    path: str
    endpoint: str
    scenario: str
    unit: str
    base_unit: str
    less_better: bool
    direction_known: bool
    load_unit: str
    numbered: bool
    scalar: bool
    start: Count
    stop: Count


class CurveSet(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """All curves of all runs on common load points.

    Attributes
    ----------
    curves : tuple of Curve
        C curves in order of (group, tag): the order of tests in the files does not matter.
    load : ndarray of float, shape (P,)
        Ascending within a curve: load numbers, or positions for unnumbered categories.
    label : tuple of str, length P
        The category as written.
    mean : ndarray of float, shape (R, P)
        Mean of the point's scores in `Curve.base_unit`; NaN exactly where `absence` is not 0.
    sd : ndarray of float, shape (R, P)
        Sample standard deviation of the scores (ddof 1); NaN with fewer than two scores.
    count : ndarray of int, shape (R, P)
        Number of scores behind the mean; 0 where absent.
    absence : ndarray of uint8, shape (R, P)
        An `Absence` value.
    errors : ndarray of int, shape (R, P)
        Error counters of the point's tests.
    begin, end : ndarray of float, shape (R, P)
        When the point was measured, first test to last, in seconds since 1970; in places of the run's order, counted
        from 1, where none of its tests tells a time; NaN where nothing is known.
    candidate_reruns : int
        How many of the last rows are reruns of the candidate's version.
    """

    curves: tuple[Curve, ...]
    load: NDArray[np.float64]
    label: tuple[str, ...]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    count: NDArray[np.int64]
    absence: NDArray[np.uint8]
    errors: NDArray[np.int64]
    begin: NDArray[np.float64]
    end: NDArray[np.float64]
    candidate_reruns: int

    @property
    def rows(self) -> tuple[list[int], list[int]]:
        """Rows of the run axis that are of the baseline's version, and of the candidate's."""
        first = len(self.mean) - self.candidate_reruns
        return [BASELINE, *range(FIRST_RERUN, first)], [CANDIDATE, *range(first, len(self.mean))]


BY_RUN = ("mean", "sd", "count", "absence", "errors", "begin", "end")
"""Arrays of a `CurveSet` that have a row for each run."""


class Timeline(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What earlier jobs of the product measured on the candidate's hardware and suite, at the points of a `CurveSet`.

    Attributes
    ----------
    jobs : tuple of JobInfo
        J jobs, oldest end first, none later than the candidate; the compared ones are among them where they are
        known.
    mean : ndarray of float, shape (J, P)
        In `Curve.base_unit`; NaN where a job has no value.
    """

    jobs: tuple[JobInfo, ...]
    mean: NDArray[np.float64]

    def of(self, rows: Sequence[int]) -> Timeline:
        """Return some of the jobs, in this order; neighbours share the values with all of them."""
        first, last = (rows[0], rows[-1] + 1) if rows else (0, 0)
        neighbours = list(rows) == list(range(first, last))
        mean = self.mean[first:last] if neighbours else self.mean[list(rows)]
        return Timeline(jobs=tuple(self.jobs[row] for row in rows), mean=mean)


class RunAccount(msgspec.Struct, frozen=True, kw_only=True):
    """Where the tests of one run went: nothing is dropped silently.

    Attributes
    ----------
    tests : int
        Test records in the job, unreadable ones included.
    points : int
        Load points (and scalars) with a value.
    pooled : int
        Tests that share a point with an earlier test, so that points are fewer than tests.
    absent : tuple of (Absence, int)
        Points without a value by reason, `Absence.MISSING` left out (no test, so nothing was dropped).
    bad_records : tuple of BadRecord
    """

    job_id: int
    tests: int
    points: int
    pooled: int
    absent: tuple[tuple[Absence, int], ...]
    bad_records: tuple[BadRecord, ...]
