"""The words every stage speaks: jobs, curves, findings, clusters, decisions.

Values only: nothing here computes, reads or prints. Stages take these values and return these values; they never
import each other. Every module holds one theme; the names that many rooms use are given on from here. Conventions that
could be read two ways:

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

from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.model.checks import (
    Soundness,
    Stretch,
)
from perftracker_ai.model.curves import (
    BASELINE,
    BY_RUN,
    CANDIDATE,
    FIRST_RERUN,
    Absence,
    Curve,
    CurveSet,
    MetricKind,
    RunAccount,
    Timeline,
)
from perftracker_ai.model.decision import (
    Decision,
    Rule,
    Verdict,
)
from perftracker_ai.model.detection import (
    Attribution,
    Cause,
    Confidence,
    CoverageFinding,
    CoverageKind,
    CurveResult,
    Detection,
    Direction,
    ErrorCount,
    FindingKind,
    Method,
    Outcome,
    RunShift,
    Severity,
    Window,
)
from perftracker_ai.model.diagnosis import (
    Acceptance,
    Cluster,
    Hypothesis,
    Measure,
    Shape,
    ShapeEvidence,
    Standing,
    Strength,
)
from perftracker_ai.model.jobs import (
    BadRecord,
    Considered,
    Exclusion,
    Job,
    JobInfo,
    Machine,
    Pair,
    Selection,
    Test,
)
from perftracker_ai.model.narration import (
    Author,
    Narration,
    Part,
    Passage,
    Piece,
)
from perftracker_ai.model.notices import (
    NOTICES,
    AcceptEnded,
    AcceptEnds,
    AcceptGone,
    AcceptOutgrown,
    AcceptUnmatched,
    AnswerCut,
    BadRecords,
    CandidateOlder,
    CountersMoved,
    DeletedJob,
    DirectionAssumed,
    DirectionConflict,
    DirectionUnknown,
    FromStore,
    Insecure,
    LoadsDiffer,
    NewerJob,
    NewerVersion,
    NoChanges,
    NoHistory,
    NoModel,
    NoRepair,
    NoReruns,
    Notice,
    NotRecorded,
    NotTold,
    OtherHardware,
    OtherProduct,
    OtherProject,
    OtherSuite,
    SameJob,
    SameVersion,
    SkippedFile,
    SkippedFiles,
    SkippedJob,
    TextsRefused,
    UnitConflict,
)

if TYPE_CHECKING:
    from perftracker_ai.model.changes import Changes
    from perftracker_ai.model.checks import Check
    from perftracker_ai.model.history import Chronicle
    from perftracker_ai.model.issues import OpenIssues
    from perftracker_ai.settings import DetectSettings, PolicySettings

__all__ = [
    "BASELINE",
    "BY_RUN",
    "CANDIDATE",
    "FIRST_RERUN",
    "NOTICES",
    "Absence",
    "AcceptEnded",
    "AcceptEnds",
    "AcceptGone",
    "AcceptOutgrown",
    "AcceptUnmatched",
    "Acceptance",
    "Analysis",
    "AnswerCut",
    "Attribution",
    "Author",
    "BadRecord",
    "BadRecords",
    "CandidateOlder",
    "Cause",
    "Cluster",
    "Confidence",
    "Considered",
    "CountersMoved",
    "CoverageFinding",
    "CoverageKind",
    "Curve",
    "CurveResult",
    "CurveSet",
    "Decision",
    "DeletedJob",
    "Detection",
    "Direction",
    "DirectionAssumed",
    "DirectionConflict",
    "DirectionUnknown",
    "ErrorCount",
    "Exclusion",
    "FindingKind",
    "FromStore",
    "Hypothesis",
    "Insecure",
    "Job",
    "JobInfo",
    "LoadsDiffer",
    "Machine",
    "Measure",
    "Method",
    "MetricKind",
    "Narration",
    "NewerJob",
    "NewerVersion",
    "NoChanges",
    "NoHistory",
    "NoModel",
    "NoRepair",
    "NoReruns",
    "NotRecorded",
    "NotTold",
    "Notice",
    "OtherHardware",
    "OtherProduct",
    "OtherProject",
    "OtherSuite",
    "Outcome",
    "Pair",
    "Part",
    "Passage",
    "Piece",
    "Rule",
    "RunAccount",
    "RunShift",
    "SameJob",
    "SameVersion",
    "Selection",
    "Severity",
    "Shape",
    "ShapeEvidence",
    "SkippedFile",
    "SkippedFiles",
    "SkippedJob",
    "Soundness",
    "Standing",
    "Strength",
    "Stretch",
    "Test",
    "TextsRefused",
    "Timeline",
    "UnitConflict",
    "Verdict",
    "Window",
]


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
    open_issues : OpenIssues or None
        What is open besides; None without a store.
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
    open_issues: OpenIssues | None
    changes: Changes | None
    criteria: DetectSettings
    policy: PolicySettings

    @property
    def accepted_curves(self) -> frozenset[int]:
        """Curves whose regressions are accepted, and count for nothing."""
        return frozenset(curve for entry in self.accepted for curve in entry.curves)
