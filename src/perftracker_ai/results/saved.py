"""``result_v2.json`` as it is decoded: the types and ranges of what is read back, each stated once.

Most of it are the model's own values. What the file names or arranges otherwise has a struct here; keys that only other
programs read (``summary``, ``regressions`` …) are left out, for everything in them is made anew.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 -- msgspec reads it, as all below
from typing import Annotated, Any

import msgspec

from perftracker_ai.model import (
    Absence,
    Acceptance,
    BadRecord,
    Cluster,
    CoverageFinding,
    Curve,
    CurveResult,
    Decision,
    RunShift,
)
from perftracker_ai.model.changes import Changes  # noqa: TC001
from perftracker_ai.model.checks import Check  # noqa: TC001
from perftracker_ai.model.history import Chronicle  # noqa: TC001
from perftracker_ai.model.issues import LastGood  # noqa: TC001
from perftracker_ai.model.ranges import LARGEST, Count, Seconds, Share
from perftracker_ai.results.issues import SavedIssue  # noqa: TC001
from perftracker_ai.results.write import SCHEMA_VERSION
from perftracker_ai.settings import DetectSettings, PolicySettings  # noqa: TC001

Version = Annotated[int, msgspec.Meta(ge=SCHEMA_VERSION, le=SCHEMA_VERSION)]
Id = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Value = Annotated[float, msgspec.Meta(ge=0, le=LARGEST)]
Load = Annotated[float, msgspec.Meta(ge=-LARGEST, le=LARGEST)]
Reason = Annotated[int, msgspec.Meta(ge=0, le=int(max(Absence)))]


class SavedJob(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={
        "product_name": "product",
        "product_ver": "version",
        "suite_name": "suite",
        "suite_ver": "suite_version",
        "project_name": "project",
    },
):
    """A `JobInfo` under the keys that it has in the file."""

    id: Id
    uuid: str
    title: str
    product_name: str
    product_ver: str
    suite_name: str
    suite_ver: str
    project_id: Id
    project_name: str
    hosts: tuple[str, ...]
    begin: datetime | None
    end: datetime
    upload: str
    tests_total: Id
    tests_completed: Id
    tests_failed: Id
    tests_errors: Id
    deleted: bool


class SavedJobs(msgspec.Struct, frozen=True, kw_only=True, rename={"baseline": "run1", "candidate": "run2"}):
    """The jobs of a comparison."""

    baseline: SavedJob
    candidate: SavedJob
    reruns: tuple[SavedJob, ...]
    candidate_reruns: tuple[SavedJob, ...]


class SavedConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The settings it was made under."""

    detect: DetectSettings
    policy: PolicySettings


class SavedDecision(Decision, frozen=True, kw_only=True):
    """A `Decision`, and what was open besides where there was a store."""

    open_issues: tuple[SavedIssue, ...] | None = None
    last_good: LastGood | None = None


class SavedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A `RunAccount` with its reasons by their names."""

    job_id: Id
    tests: Count
    points: Count
    pooled: Count
    absent: dict[str, Count]
    bad_records: tuple[BadRecord, ...]


class SavedNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A `Notice` by its kind, with its values in order."""

    kind: str
    values: tuple[Any, ...]


class SavedCurve(msgspec.Struct, frozen=True, kw_only=True):
    """A curve with what was found in it; lists of lists are run by run."""

    curve: Curve
    labels: tuple[str, ...]
    loads: tuple[Load, ...]
    baseline: tuple[Value | None, ...]
    candidate: tuple[Value | None, ...]
    reruns: tuple[tuple[Value | None, ...], ...]
    sd: tuple[tuple[Value | None, ...], ...]
    count: tuple[tuple[Count, ...], ...]
    absence: tuple[tuple[Reason, ...], ...]
    errors: tuple[tuple[Count, ...], ...]
    begin: tuple[tuple[Seconds | None, ...], ...]
    end: tuple[tuple[Seconds | None, ...], ...]
    result: CurveResult

    @property
    def mean(self) -> tuple[tuple[float | None, ...], ...]:
        """The means of all runs."""
        return (self.baseline, self.candidate, *self.reruns)


class SavedResult(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    rename={
        "method": "detection_method",
        "jobs": "metadata",
        "decision": "verdict",
        "shifts": "run_shift",
        "accounts": "accounting",
    },
):
    """The whole file; one without a history has no ``chronicle``, nor had one from before there were any."""

    schema_version: Version
    method: str
    seed: Id
    level: Share
    fdr: Share
    noise_source: str
    mirrored: Count
    config: SavedConfig
    jobs: SavedJobs
    decision: SavedDecision
    shifts: tuple[RunShift, ...]
    clusters: tuple[Cluster, ...]
    accepted: tuple[Acceptance, ...]
    validity: tuple[Check, ...]
    coverage: tuple[CoverageFinding, ...]
    accounts: tuple[SavedAccount, ...]
    notices: tuple[SavedNotice, ...]
    chronicle: Chronicle | None = None
    changes: Changes | None = None
    curves: tuple[SavedCurve, ...]
