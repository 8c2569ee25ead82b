"""Checks of a comparison that failed: typed variants, each with the data that its sentence needs.

Values only. `report.checks` has one sentence and one cure for each; the tag is its name in the results and before
readers.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.model.ranges import Count, Number, Seconds, Share, Slowdown  # noqa: TC001 - msgspec reads it

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CALENDAR = 1e8
"""Seconds since 1970 from which a time is one; what is smaller are places in a run's order."""


class FailedCheck(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What makes a comparison less fit to decide on.

    Attributes
    ----------
    jobs : tuple of int
        Ids of the runs concerned.
    curves : tuple of int
        The curves concerned; empty when all are.
    blocks, approves : bool
        Whether BLOCK, and APPROVE, are possible in spite of it.
    """

    jobs: tuple[int, ...]
    curves: tuple[Count, ...]
    blocks: bool
    approves: bool

    @property
    def kind(self) -> str:
        """Its name, ``too good to be true``."""
        return str(self.__struct_config__.tag)


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """Why tests have no value, in words, and how many of them."""

    reason: str
    tests: Count


class NothingShared(FailedCheck, frozen=True, kw_only=True, tag="nothing to compare"):
    """No test has a value in both jobs.

    Attributes
    ----------
    run : str
        The run without any value, ``candidate`` or ``baseline``; empty when both have some.
    absent : tuple of Counted
        Of that run's tests, or of those that are in both jobs; empty when there are none.
    alike : tuple of str
        A tag that is in both jobs, at other loads; or the nearest two, of the baseline and of the candidate.
    """

    run: str
    absent: tuple[Counted, ...]
    alike: tuple[str, ...]


class OneVersion(FailedCheck, frozen=True, kw_only=True, tag="same version"):
    """Both jobs are of one version."""

    version: str


class LowerVersion(FailedCheck, frozen=True, kw_only=True, tag="lower version"):
    """The candidate's version is lower than the baseline's."""

    baseline: str
    candidate: str


class NewerUntaken(FailedCheck, frozen=True, kw_only=True, tag="newer job not judged"):
    """A job that is newer than the candidate, or of a newer version, could not be taken; `problem` says why."""

    version: str
    problem: str


class OtherContext(FailedCheck, frozen=True, kw_only=True, tag="other product or suite"):
    """The jobs differ in more than the version; `differing` names in what."""

    differing: tuple[str, ...]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What is not as it was, with both values as the jobs tell them."""

    name: str
    before: str
    after: str


class AnotherMachine(FailedCheck, frozen=True, kw_only=True, tag="another machine"):
    """A machine bears the name of another one."""

    machine: str
    differing: tuple[Difference, ...]


class IdenticalResults(FailedCheck, frozen=True, kw_only=True, tag="identical results"):
    """Every value of one job is the other's to the last digit; `points` values were compared."""

    points: Count


class DisturbedStretch(FailedCheck, frozen=True, kw_only=True):
    """A stretch of time in which most endpoints of a run were slower together.

    Attributes
    ----------
    begin, end : float
        In seconds since 1970, or in places of the run's order, counted from 1, where it tells no times.
    slow, measured : int
        Endpoints that were slower, of those measured then.
    size : float
        By how much.
    share : float
        Of the run's points, those in stretches of this kind.
    """

    begin: Seconds
    end: Seconds
    slow: Count
    measured: Count
    size: Slowdown
    share: Share


class Episode(DisturbedStretch, frozen=True, kw_only=True, tag="episode"):
    """A disturbed stretch with calm before and after it."""


class WarmUp(DisturbedStretch, frozen=True, kw_only=True, tag="warm-up"):
    """A disturbed stretch at the beginning of a run."""


class LateStretch(DisturbedStretch, frozen=True, kw_only=True, tag="end of the run"):
    """A stretch at the end of a run, where nothing tells disturbance from all endpoints giving way."""


class EndpointsInTurn(DisturbedStretch, frozen=True, kw_only=True, tag="endpoints in turn"):
    """Endpoints that were measured one after the other and were slower together, and hardly any others."""


class DisturbedRerun(FailedCheck, frozen=True, kw_only=True, tag="disturbed rerun"):
    """A rerun whose neighbouring points scatter far more than those of the other runs; both as ratios."""

    scatter: Number
    others: Number


class RerunApart(FailedCheck, frozen=True, kw_only=True, tag="rerun apart"):
    """A rerun of the baseline that is slower or faster as a whole than the version's other runs, by `size`."""

    size: Slowdown


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What moved as a whole, and by how much; `threads` None for all thread counts."""

    metric: str
    threads: Count | None
    slowdown: Slowdown


class MovedRun(FailedCheck, frozen=True, kw_only=True, tag="shift of the run"):
    """The run moved as a whole, and nothing shows that the code did it."""

    moved: tuple[Moved, ...]


class DriftingRun(FailedCheck, frozen=True, kw_only=True, tag="drift of the run"):
    """The candidate drifts away from the baseline at all endpoints by `size` from its first test to its last."""

    size: Slowdown


class ClippedValues(FailedCheck, frozen=True, kw_only=True, tag="clipped values"):
    """Times of many points that are equal at the top, of one ceiling.

    Attributes
    ----------
    first : str
        Tag of one of the curves.
    ceiling : float
        In seconds.
    points_before, points_now : int
        How many points of the baseline, and of the candidate, are there.
    """

    first: str
    ceiling: Number
    points_before: Count
    points_now: Count


class TooGood(FailedCheck, frozen=True, kw_only=True, tag="too good to be true"):
    """Endpoints that are so fast now that they may do their work no more; `endpoint` is the fastest of them."""

    endpoints: Count
    endpoint: str
    times: Number


class NoTimes(FailedCheck, frozen=True, kw_only=True, tag="no times"):
    """The tests tell neither a time nor an order."""


Check = (
    NothingShared
    | OneVersion
    | LowerVersion
    | NewerUntaken
    | OtherContext
    | AnotherMachine
    | IdenticalResults
    | Episode
    | WarmUp
    | LateStretch
    | EndpointsInTurn
    | DisturbedRerun
    | RerunApart
    | MovedRun
    | DriftingRun
    | ClippedValues
    | TooGood
    | NoTimes
)
"""Every kind of failed check."""


class StretchKind(StrEnum):
    """What nobody can tell from an episode.

    Loads that most endpoints share, whole endpoints that took turns, and where a run that drifts is slowest: what it
    shares is taken off there.
    """

    LOADS = "loads"
    TURNS = "turns"
    DRIFT = "drift"


class Stretch(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A part of one run in which endpoints moved together, and nobody can tell whether it is an episode.

    Attributes
    ----------
    kind : StretchKind
    size : float
        Logarithm of how much slower it is.
    inside : ndarray of bool, shape (P,)
    begin, end : float
        In seconds since 1970, or in places of the run's order where it tells no times.
    """

    kind: StretchKind
    size: float
    inside: NDArray[np.bool_]
    begin: float
    end: float


class Soundness(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What of the runs can be trusted, and what each shares at the time of each measurement.

    Attributes
    ----------
    checks : tuple of Check
        Those that failed.
    shared : ndarray of float, shape (R, P)
        Logarithm of the cost that the run shares when the point was measured: to be taken off.
    left_out : ndarray of bool, shape (R, P)
        Measured in an episode.
    trusted : tuple of bool, length R
        False for a rerun that is better left out.
    late : tuple of Stretch
        Of the comparison: what nobody can tell from an episode.
    """

    checks: tuple[Check, ...]
    shared: NDArray[np.float64]
    left_out: NDArray[np.bool_]
    trusted: tuple[bool, ...]
    late: tuple[Stretch, ...]
