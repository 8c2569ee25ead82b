"""The words every stage speaks: jobs, curves, findings, clusters, decisions.

Values only: nothing here computes, reads or prints. Stages take these values and return these values; they never
import each other. Conventions that could be read two ways:

* *slowdown* is cost per operation, candidate over baseline, minus one, as a ratio: 0.25 is 25 % slower. For a
  lower-is-better metric that is ``candidate / baseline - 1``, for a higher-is-better one ``baseline / candidate - 1``.
  Positive is always worse.
* Run axis: row 0 is the baseline, row 1 the candidate, rows 2 and up are reruns: first those of the baseline's
  version, then those of the candidate's.
* *gross* is a change as measured, *net* is what is left of it without what the run shares at the time.
* Point indices of a window are inclusive on both ends and count within the whole `CurveSet`.

They are frozen msgspec structs, not dataclasses: making a dataclass takes half a millisecond, fifty times as long, and
every run pays for all of them when it starts.
"""

from __future__ import annotations

from datetime import date  # noqa: TC003 - msgspec reads it when it reads results back
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Annotated

import msgspec

from perftracker_ai.model.changes import Changes  # noqa: TC001 - msgspec reads it when it reads results back
from perftracker_ai.model.checks import Check  # noqa: TC001 - the same
from perftracker_ai.model.history import Chronicle  # noqa: TC001 - the same
from perftracker_ai.model.ranges import Count, CurveId, Key, Number, Share, Slowdown  # noqa: TC001 - the same
from perftracker_ai.model.versions import trimmed
from perftracker_ai.settings import DetectSettings, PolicySettings  # noqa: TC001 - the same

if TYPE_CHECKING:
    from datetime import datetime

    import numpy as np
    from numpy.typing import NDArray

ErrorCount = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
"""What the server's error counter can hold."""

BASELINE, CANDIDATE, FIRST_RERUN = 0, 1, 2
"""Rows of the run axis of a `CurveSet`."""


# ── jobs ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class JobInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a job says of itself, without its tests.

    Attributes
    ----------
    uuid : str
        Empty when the source's list does not tell it.
    hosts : tuple of str
        Display names of the top-level hosts, in stored order; empty when the job has none.
    begin : datetime or None
        Aware, UTC. None when the source's list does not tell it.
    upload : str
        When the server last stored the job, as text: another text means another content.
    """

    id: int
    uuid: str
    title: str
    product_name: str
    product_ver: str
    suite_name: str
    suite_ver: str
    project_id: int
    project_name: str
    hosts: tuple[str, ...]
    begin: datetime | None
    end: datetime
    upload: str
    tests_total: int
    tests_completed: int
    tests_failed: int
    tests_errors: int
    deleted: bool

    @property
    def version(self) -> str:
        """The product's version; blanks around it, or a v before it, were typed."""
        return trimmed(self.product_ver)


class Test(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One test.

    Attributes
    ----------
    scores : tuple of float or None
        In the unit of `metrics`, NaN and infinity among them where they were measured; None when they could not be
        read.
    begin, end : float or None
        Seconds since 1970, UTC; None when nobody tells. Never ``end < begin``.
    """

    __test__ = False  # keep pytest from taking the class for a test case

    tag: str
    scores: tuple[float, ...] | None
    seq_num: int
    group: str
    category: str
    metrics: str
    less_better: bool
    errors: int
    status: str
    begin: float | None
    end: float | None


class BadRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A test record that could not be read: skipped, and reported with its position."""

    position: Count  # counted from 1 in the job's list of tests
    problem: str


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """A machine that a job ran on, real or virtual, as its uploader told of it.

    Attributes
    ----------
    name, kernel, model : str
        Empty when nobody tells; ``kernel`` is the version of its system, ``model`` its processor or its parameters.
    processors, memory_mb : int or None
    """

    name: str
    processors: int | None
    memory_mb: int | None
    kernel: str
    model: str


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A whole job.

    Attributes
    ----------
    command : str
        The command line that ran it; empty when nobody tells.
    links : tuple of (str, str)
        Name and address of what the uploader linked to it.
    machines : tuple of Machine
        In stored order, those that carry the product left out.
    tests : tuple of Test
        The readable ones, in upload order.
    bad_records : tuple of BadRecord
        Those that were not.
    """

    info: JobInfo
    command: str
    links: tuple[tuple[str, str], ...]
    machines: tuple[Machine, ...]
    tests: tuple[Test, ...]
    bad_records: tuple[BadRecord, ...]


# ── discovery ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Exclusion(StrEnum):
    """Why discovery does not take a job."""

    LOCAL_RUN = "local run"
    NO_HOSTS = "no hosts"
    DELETED = "deleted"
    UNFINISHED = "unfinished or broken upload"
    NO_VERSION = "no product version"
    OTHER_HARDWARE = "other hardware"
    OTHER_SUITE = "other suite"
    OTHER_VERSION = "not the version asked for"
    SAME_VERSION = "the candidate's version"
    NOT_NEEDED = "older than what is needed"


class Considered(msgspec.Struct, frozen=True, kw_only=True):
    """A job discovery looked at: its role (``candidate``, ``baseline``, ``rerun`` or empty) or why it was left."""

    job: JobInfo
    role: str
    exclusion: Exclusion | None
    detail: str


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """The jobs of one comparison; reruns are further jobs of the baseline's and of the candidate's version."""

    baseline: JobInfo
    candidate: JobInfo
    reruns: tuple[JobInfo, ...]
    candidate_reruns: tuple[JobInfo, ...]


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What discovery chose and what it saw on the way.

    Attributes
    ----------
    pair : Pair or None
        None when there are no two jobs to compare; then `problem` says why, and `cure` what to do.
    considered : tuple of Considered
        Every job of the product that was read, newest first.
    notices : tuple of Notice
        What is newer than the candidate and could not be taken.
    found, without_local : int
        Jobs of the product read, and those left when local runs are taken out.
    per_hardware : tuple of (str, int)
        Usable jobs of each hardware group, group with the newest job first.
    """

    product: str
    pair: Pair | None
    problem: str
    cure: str
    considered: tuple[Considered, ...]
    found: int
    without_local: int
    per_hardware: tuple[tuple[str, int], ...]
    notices: tuple[Notice, ...]


# ── curves ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class MetricKind(StrEnum):
    """What a curve measures, as far as detection and diagnosis care."""

    LATENCY = "latency"
    RATE = "rate"
    OTHER = "other"


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


# ── validity ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Stretch(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A part of the loads at which most endpoints of one run moved together, too late in it to be called an episode.

    Attributes
    ----------
    inside : ndarray of bool, shape (P,)
    begin, end : float
        In seconds since 1970, or in places of the run's order where it tells no times.
    """

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


# ── detection ───────────────────────────────────────────────────────────────────────────────────────────────────────


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


# ── coverage ────────────────────────────────────────────────────────────────────────────────────────────────────────


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


# ── diagnosis ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Shape(StrEnum):
    """What kind of change a cluster is, read from its two curves."""

    CONSTANT = "constant factor"
    GROWS = "grows with load"
    STEP = "step at a load"
    BAND = "band of loads"
    HIGH_THREADS = "only at high thread counts"
    THREAD_SPECIFIC = "one thread count only"
    CEILING = "throughput ceiling"
    TAIL_ONLY = "tail only"
    LOW_LOAD = "low loads only"
    UNCLEAR = "no clear shape"


class Strength(StrEnum):
    """How far the evidence supports a hypothesis; nothing is ever called the cause."""

    WEAK = "weak"
    MODERATE = "moderate"


class Hypothesis(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the catalogue that fits a cluster."""

    key: str
    title: str
    strength: Strength
    evidence_for: tuple[str, ...]
    evidence_against: tuple[str, ...]
    confirm: tuple[str, ...]
    refute: tuple[str, ...]


class Measure(StrEnum):
    """What a number behind a shape is, and so how it is written."""

    SLOWDOWN = "slowdown"  # a ratio
    LOAD = "load"
    NUMBER = "number"


class ShapeEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """One number behind a shape, with its name: ``cost exponent before``, 0.12."""

    name: str
    value: Number
    measure: Measure


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """Findings that are one item to a reader: an endpoint, or another shared factor.

    Attributes
    ----------
    id : str
        ``C1``, ``C2`` … by rank: severity first, then size.
    key : str
        Its name in every comparison, made of what it is about, never of how large it is: letters, digits and dashes.
    curves : tuple of int
        Curve indices of its findings, worst first.
    factor : str
        What the members share ("endpoint", "path prefix", "thread count" …).
    threads : tuple of int
        Thread counts concerned, ascending.
    all_threads : bool
        Whether that is every thread count the endpoint was measured at.
    load_first, load_last : str
        Labels of the widest range concerned; empty for scalars.
    worst_curve : int
        The member that stands for the cluster.
    endpoints : int
        How many endpoints it is an item of: for the policy it counts as that many.
    gross_slowdown : float
        Median over its curves as measured.
    """

    id: str
    key: Key
    kind: FindingKind
    direction: Direction
    attribution: Attribution
    title: str
    endpoint: str
    scenarios: tuple[str, ...]
    factor: str
    curves: tuple[Count, ...]
    threads: tuple[Count, ...]
    all_threads: bool
    metric_kinds: tuple[MetricKind, ...]
    load_first: str
    load_last: str
    severity: Severity | None
    confidence: Confidence
    median_slowdown: Slowdown
    gross_slowdown: Slowdown
    max_slowdown: Slowdown
    worst_curve: Count
    endpoints: Count
    shape: Shape
    shape_evidence: tuple[ShapeEvidence, ...]
    hypotheses: tuple[Hypothesis, ...]


# ── accepted regressions ────────────────────────────────────────────────────────────────────────────────────────────


class Standing(StrEnum):
    """What an entry of the settings that accepts a regression does in this comparison."""

    IN_FORCE = "in force"  # everything it names is within what it accepts
    OUTGROWN = "outgrown"  # some of what it names is larger, or at other loads, than it accepts, and counts
    GONE = "gone"  # the tests it names are not slower any more
    OPEN = "open"  # nothing it names is known to be slower, but some of it could not be told
    UNMATCHED = "unmatched"  # there is no such test
    ENDED = "ended"  # its date is past


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the settings that accepts a regression, and what of this comparison it covers.

    Attributes
    ----------
    endpoint, tag, metric : str
        As written in the entry; empty for what it leaves open.
    loads : tuple of float or None
    slowdown : float or None
        The accepted size; None for any.
    until : date
        The last day on which it is accepted.
    days_left : int or None
        Until then, negative when it is past; None when the comparison was made without a date.
    curves : tuple of int
        Curves whose regressions do not count because of it, perhaps together with other entries.
    found : float or None
        The largest median slowdown among what it names; None when nothing of it is slower.
    """

    endpoint: str
    tag: str
    metric: str
    loads: tuple[Number, Number] | None
    slowdown: Slowdown | None
    reason: str
    until: date
    days_left: int | None
    standing: Standing
    curves: tuple[Count, ...]
    found: Slowdown | None


# ── decision ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Verdict(StrEnum):
    """What the declared policy says of the release."""

    BLOCK = "BLOCK"
    INVESTIGATE = "INVESTIGATE"
    APPROVE_WITH_MONITORING = "APPROVE WITH MONITORING"
    APPROVE = "APPROVE"
    INSUFFICIENT_EVIDENCE = "INSUFFICIENT EVIDENCE"
    SAME_VERSION = "SAME VERSION"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of the policy, whether it fired, and on what.

    Attributes
    ----------
    key : str
        Stable name, also the name of its setting where it has one.
    verdict : Verdict
        What it asks for when it fires.
    text : str
        The rule in words, thresholds included.
    because : str
        What made it fire, or what was seen instead.
    """

    key: str
    verdict: Verdict
    text: str
    fired: bool
    because: str


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict with every rule of the policy, fired or not, in order of precedence."""

    verdict: Verdict
    rules: tuple[Rule, ...]


# ── narration ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Part(StrEnum):
    """What a passage is for: words on the whole comparison, or on one issue."""

    COMMENTARY = "commentary"
    REMARK = "remark"


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a passage: the words between facts, or one fact as it is printed.

    Attributes
    ----------
    fact : str
        Id in ``facts.json`` of what the text is; empty for words.
    """

    text: str
    fact: str


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """Something a language model wrote, checked and with its slots filled.

    Attributes
    ----------
    cluster : str
        Id of the cluster it is about; empty when it is about the whole run.
    """

    part: Part
    cluster: str
    pieces: tuple[Piece, ...]


class Author(msgspec.Struct, frozen=True, kw_only=True):
    """The language model that was asked.

    Attributes
    ----------
    digest : str
        Hash of the model's files; empty when the server does not tell.
    window, prompt_tokens, answer_tokens : int or None
        As the server told them, tokens of all answers together; None when it did not.
    """

    model: str
    digest: str
    window: int | None
    prompt_tokens: int | None
    answer_tokens: int | None
    seed: int


class Narration(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of a language model's answer that may be printed; what is not here, the program says itself.

    Attributes
    ----------
    passages : tuple of Passage
        In reading order.
    refused : int
        Sentences, and texts without any, that did not pass the check.
    repaired : int
        Passages of which something was right at the second attempt only.
    """

    passages: tuple[Passage, ...]
    refused: int
    repaired: int
    author: Author

    @property
    def stands(self) -> bool:
        """Whether anything of it does."""
        return bool(self.passages)


# ── notices ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _kind_of(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


class Notice(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=_kind_of):
    """Something a reader must know before trusting a comparison; `wording` has one sentence for each kind."""

    @property
    def kind(self) -> str:
        """Its stable name in the results, ``other_product``."""
        return str(self.__struct_config__.tag)


class OtherProduct(Notice, frozen=True, kw_only=True):
    """The jobs are of different products."""

    baseline: str
    candidate: str


class OtherHardware(Notice, frozen=True, kw_only=True):
    """The jobs ran on different hosts."""

    baseline: str
    candidate: str


class OtherSuite(Notice, frozen=True, kw_only=True):
    """The jobs ran different test suites, or versions of one."""

    baseline: str
    candidate: str


class SameVersion(Notice, frozen=True, kw_only=True):
    """Both jobs are of one version."""

    version: str


class SameJob(Notice, frozen=True, kw_only=True):
    """Baseline and candidate are one job."""

    job: int


class OtherProject(Notice, frozen=True, kw_only=True):
    """A job that was named is in another project than the one asked for."""

    job: int
    project: str
    asked: int


class DeletedJob(Notice, frozen=True, kw_only=True):
    """A job is marked as deleted."""

    job: int


class CandidateOlder(Notice, frozen=True, kw_only=True):
    """The candidate ended before the baseline."""

    baseline: int
    baseline_end: date
    candidate: int
    candidate_end: date


class CountersMoved(Notice, frozen=True, kw_only=True):
    """A job counts other tests than it holds."""

    job: int
    counted: int
    present: int


class DirectionAssumed(Notice, frozen=True, kw_only=True):
    """Curves that measure times, memory, errors or the like, not marked as lower-is-better."""

    curves: int
    first: str


class DirectionUnknown(Notice, frozen=True, kw_only=True):
    """Curves of which nothing tells whether more or less is better."""

    curves: int
    first: str


class DirectionConflict(Notice, frozen=True, kw_only=True):
    """Curves whose tests disagree on whether lower is better."""

    curves: int
    first: str


class UnitConflict(Notice, frozen=True, kw_only=True):
    """Curves measured in units that cannot be converted."""

    curves: int
    first: str


class LoadsDiffer(Notice, frozen=True, kw_only=True):
    """Curves measured at different loads."""

    curves: int
    first: str


class BadRecords(Notice, frozen=True, kw_only=True):
    """Test records of a job that could not be read."""

    job: int
    records: int
    position: int
    problem: str


class Insecure(Notice, frozen=True, kw_only=True):
    """A server whose certificate was not verified."""

    server: str


class NoReruns(Notice, frozen=True, kw_only=True):
    """There is no other run of the baseline's version."""

    version: str


class AcceptEnds(Notice, frozen=True, kw_only=True):
    """An accepted regression counts again soon."""

    accepted: str
    until: date
    days_left: int


class AcceptEnded(Notice, frozen=True, kw_only=True):
    """An accepted regression counts again."""

    accepted: str
    until: date


class AcceptGone(Notice, frozen=True, kw_only=True):
    """An accepted regression is not there any more."""

    accepted: str


class AcceptUnmatched(Notice, frozen=True, kw_only=True):
    """An accepted regression names no test."""

    accepted: str


class AcceptOutgrown(Notice, frozen=True, kw_only=True):
    """An accepted regression is more than was accepted."""

    accepted: str
    size: str
    found: str


class SkippedFile(Notice, frozen=True, kw_only=True):
    """A file that is no usable job."""

    name: str
    problem: str


class SkippedJob(Notice, frozen=True, kw_only=True):
    """A job that could not be used."""

    job: int
    problem: str


class NewerJob(Notice, frozen=True, kw_only=True):
    """A job that is newer than the candidate and is not there yet, or is broken."""

    job: int
    version: str
    problem: str


class NewerVersion(Notice, frozen=True, kw_only=True):
    """A version newer than the candidate's that was measured where it cannot be compared."""

    job: int
    version: str
    problem: str
    taken: str


class NoHistory(Notice, frozen=True, kw_only=True):
    """The store of past jobs failed."""

    problem: str
    cure: str


class NotRecorded(Notice, frozen=True, kw_only=True):
    """The store of past jobs can only be read."""

    problem: str
    cure: str


class NoChanges(Notice, frozen=True, kw_only=True):
    """The changes between the versions could not be read."""

    problem: str
    cure: str


class NoModel(Notice, frozen=True, kw_only=True):
    """The language model failed."""

    problem: str
    cure: str


class NoRepair(Notice, frozen=True, kw_only=True):
    """The language model failed when it was asked a second time."""

    problem: str
    cure: str


class NotTold(Notice, frozen=True, kw_only=True):
    """A channel takes no message."""

    problem: str
    cure: str


class TextsRefused(Notice, frozen=True, kw_only=True):
    """Sentences of a language model that did not pass the check against the facts."""

    refused: int
    model: str


NOTICES: dict[str, type[Notice]] = {str(one.__struct_config__.tag): one for one in Notice.__subclasses__()}
"""Every kind of notice by its name in the results."""


# ── the whole ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Analysis(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Everything one comparison established, and by what; renderers show it and decide nothing.

    Attributes
    ----------
    criteria : DetectSettings
        What counted as a change.
    policy : PolicySettings
        By which the verdict was decided.
    accepted : tuple of Acceptance
        The product's entries of accepted regressions, in the order of the settings file.
    chronicle : Chronicle or None
        What earlier jobs say; None when none are kept.
    changes : Changes or None
        What changed in the code between the versions; None without a checkout.
    reruns, candidate_reruns : tuple of JobInfo
        Further jobs of the baseline's version, and of the candidate's.
    validity : tuple of Check
        Checks of the comparison that failed.
    """

    baseline: JobInfo
    candidate: JobInfo
    reruns: tuple[JobInfo, ...]
    candidate_reruns: tuple[JobInfo, ...]
    validity: tuple[Check, ...]
    accounts: tuple[RunAccount, ...]
    curves: CurveSet
    detection: Detection
    coverage: tuple[CoverageFinding, ...]
    clusters: tuple[Cluster, ...]
    accepted: tuple[Acceptance, ...]
    decision: Decision
    notices: tuple[Notice, ...]
    chronicle: Chronicle | None
    changes: Changes | None
    criteria: DetectSettings
    policy: PolicySettings

    @property
    def accepted_curves(self) -> frozenset[int]:
        """Curves whose regressions are accepted, and count for nothing."""
        return frozenset(curve for entry in self.accepted for curve in entry.curves)
