"""What changed: windows, results of curves, shifts of the run, and what is measured no more.

Values only. *slowdown*, *gross* and *net* are as in `model`; points of a window are inclusive on both ends and count
within the whole `CurveSet`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from perftracker_ai.model.curves import MetricKind  # noqa: TC001 - msgspec reads it when it reads results back
from perftracker_ai.model.ranges import Count, CurveId, Number, Share, Slowdown  # noqa: TC001 - the same

ErrorCount = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
"""What the server's error counter can hold."""


class Severity(StrEnum):
    """Size of a regression, by the median slowdown of its window."""

    CRITICAL = "critical"
    SEVERE = "severe"
    MODERATE = "moderate"
    MINOR = "minor"

    @staticmethod
    def rank(severity: Severity | None) -> int:
        """Return how grave it is: 4 for critical, 1 for minor, 0 for what has no severity."""
        return 0 if severity is None else _SEVERITY_RANKS[severity]


_SEVERITY_RANKS = {severity: rank for rank, severity in enumerate(reversed(Severity), 1)}


class Confidence(StrEnum):
    """How well the evidence carries a finding."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Outcome(StrEnum):
    """How a curve ends; a mixed curve is REGRESSED and has windows of both directions."""

    REGRESSED = "regressed"
    MINOR = "minor"  # significant, at least the minor and below the moderate threshold
    IMPROVED = "improved"
    UNCHANGED = "unchanged"
    INCONCLUSIVE = "inconclusive"
    MOVED = "moved with the run"  # changed beyond the threshold as measured, and so did nearly everything
    CHANGED = "changed"  # which way is better is not known


class Attribution(StrEnum):
    """Whose doing a change is, as far as controls tell."""

    CODE = "code"
    ENVIRONMENT = "environment"
    UNDECIDED = "undecided"


class FindingKind(StrEnum):
    """What a finding looks like."""

    WINDOW = "window"
    EDGE = "edge"  # the highest one or two loads, or the lowest
    POINT = "point"  # one load with proof
    SPORADIC = "sporadic"  # scattered loads
    WHOLE = "whole"  # shared by the run, or by all endpoints at one thread count
    COUNT = "count"


class Direction(StrEnum):
    """Which way a window changed."""

    WORSE = "worse"
    BETTER = "better"
    UNKNOWN = "unknown"  # nothing says whether more of it is better


class Cause(StrEnum):
    """Why a curve could not be told about."""

    NOTHING_SHARED = "nothing shared"  # no load has a value in both runs
    FEW_RUNS = "few runs"  # some more runs of each version would decide
    TOO_NOISY = "too noisy"  # no sensible number of runs would
    SMALL_TIME = "small time"  # it changed, by less than the smallest time that counts


class Method(StrEnum):
    """How a curve was judged."""

    SCAN = "scan"  # long curves: multiscale window scan
    FAMILY_SCAN = "family scan"  # the same, by the evidence of related curves as well
    RULE = "rule"  # short curves: size and standard error
    TWO_SAMPLE = "two-sample"  # one to four points with several scores
    SIZE_ONLY = "size only"  # one to four points of one score each: size against the suite's own scatter
    COUNT = "counts"  # what is counted: a test for counts, for there may be none
    NONE = "none"  # nothing to compare


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """One affected range of load of one curve.

    Attributes
    ----------
    first, last : int
        First and last point, inclusive, as indices into the arrays of the `CurveSet`.
    points : int
        Compared points inside (absent ones do not count).
    median_slowdown, mean_slowdown, max_slowdown : float
        Ratios net of the run-wide shift, positive is worse; ``max`` is the largest in the window's own direction.
    low, high : float
        Interval of the window's slowdown at `Detection.level`, net of the run-wide shift.
    p_value, q_value : float or None
        None where the method yields none; never 0.
    consistency : float
        Share of the window's points beyond the moderate threshold in the window's direction, in [0, 1].
    gross_slowdown : float
        Median over the window as measured.
    """

    kind: FindingKind
    direction: Direction
    first: Count
    last: Count
    points: Count
    median_slowdown: Slowdown
    mean_slowdown: Slowdown
    max_slowdown: Slowdown
    low: Slowdown
    high: Slowdown
    p_value: Share | None
    q_value: Share | None
    consistency: Share
    gross_slowdown: Slowdown
    severity: Severity | None  # None for improvements


class CurveResult(msgspec.Struct, frozen=True, kw_only=True):
    """What detection says of one curve.

    Attributes
    ----------
    id : str
        ``R1`` … for regressions, ``M`` minor, ``I`` improvements, ``N`` unchanged, ``U`` inconclusive, ``S`` moved with
        the run, ``D`` changed in an unknown direction; by rank.
    curve : int
        Index into `CurveSet.curves`.
    windows : tuple of Window
        In load order; the worst regression window decides severity and `worst`.
    worst : int or None
        Position in `windows` of the one that stands for the curve.
    severity : Severity or None
        Of the worst regression window; None for other outcomes.
    confidence : Confidence or None
        None unless the outcome is REGRESSED, MINOR or IMPROVED.
    reasons : tuple of str
        Why this confidence, in words.
    points : int
        Load points present in baseline and candidate.
    samples : int
        Scores behind those points, both sides together.
    attribution : Attribution or None
        Whose doing the change is; None where nothing changed.
    left_out : tuple of int
        Points that were not compared because a run was disturbed there, as indices into the arrays of the `CurveSet`.
    median_slowdown : float or None
        Over the whole curve, net of the run-wide shift; None without common points.
    gross_slowdown : float or None
        The same as measured, what was left out included.
    shift : float
        The run-wide shift removed from this curve, as a slowdown ratio.
    noise : float or None
        Estimated noise of one point's log-ratio (standard deviation); None where not estimable.
    cause : Cause or None
        For INCONCLUSIVE: why; None otherwise.
    runs_needed : int or None
        For `Cause.FEW_RUNS`: runs of each version, beside those there are, that would decide it, 10 at most.
    needed : str
        For INCONCLUSIVE and CHANGED: what would decide it, in words; empty otherwise.
    """

    id: CurveId
    curve: Count
    outcome: Outcome
    method: Method
    windows: tuple[Window, ...]
    worst: Count | None
    severity: Severity | None
    confidence: Confidence | None
    reasons: tuple[str, ...]
    points: Count
    samples: Count
    attribution: Attribution | None
    left_out: tuple[Count, ...]
    median_slowdown: Slowdown | None
    gross_slowdown: Slowdown | None
    shift: Slowdown
    noise: Number | None
    cause: Cause | None
    runs_needed: Count | None
    needed: str


class RunShift(msgspec.Struct, frozen=True, kw_only=True):
    """What nearly all curves of one kind share: the environment's doing until shown otherwise.

    Attributes
    ----------
    metric_kind : MetricKind or None
        None when one shift stands for all kinds.
    threads : int or None
        None when one shift stands for all thread counts.
    slowdown, low, high : float
        Ratio removed from the curves and its interval at `Detection.level`.
    curves : int
        Curves it was estimated from.
    significant : bool
        Whether the interval excludes zero.
    large : bool
        Whether it is beyond the policy's threshold: rerun before you judge.
    attribution : Attribution
        Whose doing it is. Only what is not the code's is taken off.
    """

    metric_kind: MetricKind | None
    threads: Count | None
    slowdown: Slowdown
    low: Slowdown
    high: Slowdown
    curves: Count
    significant: bool
    large: bool
    attribution: Attribution


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """Everything detection established, one `CurveResult` for every curve in curve order.

    Attributes
    ----------
    method : str
        Name and version of the method, for the record.
    level : float
        Level of all intervals, 0.95.
    fdr : float
        False-discovery rate over all curves.
    noise_source : str
        Where the noise estimate came from, in words ("curve roughness and 2 reruns").
    mirrored : int
        Curves the same criteria flag on the improvement side: the reader's gauge of chance.
    """

    results: tuple[CurveResult, ...]
    shifts: tuple[RunShift, ...]
    method: str
    level: float
    fdr: float
    seed: int
    noise_source: str
    mirrored: int


class CoverageKind(StrEnum):
    """How the candidate's set of tests differs from the baseline's."""

    NEW_FAILURE = "new failure"  # had a value, is FAILED now
    LOST_POINTS = "lost points"  # some load points have no value any more
    LOST_CURVE = "lost curve"
    LOST_GROUP = "lost group"
    MORE_ERRORS = "more errors"  # measured on both sides, error counter rose
    FIXED = "fixed"  # was FAILED, has a value now
    NEW_POINTS = "new points"
    NEW_CURVE = "new curve"
    NEW_GROUP = "new group"


class CoverageFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A difference in what was measured, for one curve or a whole group.

    Attributes
    ----------
    curves : tuple of int
        The curves concerned.
    load_first, load_last : str
        Labels of the first and last point concerned; empty for scalars and whole curves.
    points : int
        Points concerned.
    baseline_errors, candidate_errors : int
        Error counters over those points.
    severity : Severity or None
        None for what is good or neutral news.
    """

    kind: CoverageKind
    group: str
    curves: tuple[Count, ...]
    load_first: str
    load_last: str
    points: Count
    reason: str
    baseline_errors: Count
    candidate_errors: Count
    severity: Severity | None
