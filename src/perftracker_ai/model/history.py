"""The words for what earlier jobs say: since when a regression is there, and what else happened on the way.

Values only. *Slowdown* is meant as everywhere: cost after over cost before, minus one; positive is worse.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads it when it reads results back

import msgspec

from perftracker_ai.model.ranges import Count, Slowdown  # noqa: TC001 - the same


class JobRef(msgspec.Struct, frozen=True, kw_only=True):
    """A job of a history."""

    job: int
    version: str
    end: datetime


class ChangePoint(msgspec.Struct, frozen=True, kw_only=True):
    """Curves of one endpoint whose level changed at the same job, in the same direction.

    Attributes
    ----------
    curves : tuple of str
        Their tags.
    slowdown, low, high : float
        Those of the middle curve by size; positive is worse.
    first, last_good : JobRef
        First job at the new level and last one at the old, of the clearest curve.
    earliest, latest : JobRef
        95 % interval of `first`.
    same_version : bool
        Whether both jobs measured one version: then it is not the code that changed.
    recovered : JobRef or None
        The job with which three quarters or more of it were taken back.
    """

    endpoint: str
    curves: tuple[str, ...]
    slowdown: Slowdown
    low: Slowdown
    high: Slowdown
    first: JobRef
    last_good: JobRef
    earliest: JobRef
    latest: JobRef
    same_version: bool
    recovered: JobRef | None


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """Curves of one endpoint that drift; the slowdown since the oldest job is that of the middle curve."""

    endpoint: str
    curves: tuple[str, ...]
    slowdown: Slowdown
    low: Slowdown
    high: Slowdown


class NoiseChange(msgspec.Struct, frozen=True, kw_only=True):
    """Curves of one endpoint whose noise rose; ratio and first job are those of the middle curve."""

    endpoint: str
    curves: tuple[str, ...]
    ratio: Slowdown
    first: JobRef


class Bimodal(msgspec.Struct, frozen=True, kw_only=True):
    """Curves of one endpoint that switch between two levels; `slowdown` is from the better to the worse one."""

    endpoint: str
    curves: tuple[str, ...]
    slowdown: Slowdown


class Patterns(msgspec.Struct, frozen=True, kw_only=True):
    """What the levels of curves did over the jobs of one hardware and suite.

    Attributes
    ----------
    curves, too_short : int
        Curves looked at, and those of them with too few values to say anything.
    shifts : tuple of ChangePoint
        Most recent first, then worst.
    creeps, unrests, switchings : tuple
        Worst first.
    """

    curves: Count
    too_short: Count
    shifts: tuple[ChangePoint, ...]
    creeps: tuple[Drift, ...]
    unrests: tuple[NoiseChange, ...]
    switchings: tuple[Bimodal, ...]


class Onset(msgspec.Struct, frozen=True, kw_only=True):
    """With which job the change of a cluster came in, between the baseline and the candidate of a comparison.

    Attributes
    ----------
    cluster : str
        Id of the cluster.
    first, last_good : JobRef
        First job at the new level, and last one before it. With nothing stored in between they are candidate and
        baseline.
    earliest, latest : JobRef
        Jobs that `first` may be as well, by the noise: its 95 % interval.
    levels : tuple of (float or None)
        The cost of the cluster's curves in its windows, one for each of `Chronicle.jobs`: a slowdown against the
        level before the change; None where a job has no value.
    """

    cluster: str
    first: JobRef
    last_good: JobRef
    earliest: JobRef
    latest: JobRef
    levels: tuple[float | None, ...]


class Chronicle(msgspec.Struct, frozen=True, kw_only=True):
    """What the jobs of a product's history say of a comparison.

    Attributes
    ----------
    jobs : tuple of JobRef
        Of the candidate's hardware and suite, oldest first, ending with the candidate.
    onsets : tuple of Onset
        One for each cluster of slowdowns, in the order of the clusters; none for one whose baseline ran after the
        candidate, or is not known at its loads.
    patterns : Patterns
    oldest : JobRef or None
        The job that they begin with, which may be older than the first of `jobs`; None when it is not known.
    """

    jobs: tuple[JobRef, ...]
    onsets: tuple[Onset, ...]
    patterns: Patterns
    oldest: JobRef | None
