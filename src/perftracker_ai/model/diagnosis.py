"""Diagnosis: findings that are one item to a reader, what may be behind them, and those that somebody accepted.

Values only.
"""

from __future__ import annotations

from datetime import date  # noqa: TC003 - msgspec reads it when it reads results back
from enum import StrEnum

import msgspec

from perftracker_ai.model.curves import MetricKind  # noqa: TC001 - the same
from perftracker_ai.model.detection import Attribution, Confidence, Direction, FindingKind, Severity  # noqa: TC001 - the same
from perftracker_ai.model.ranges import Count, Key, Number, Slowdown  # noqa: TC001 - the same


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
