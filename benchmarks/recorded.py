"""The recorded jobs and their truth: what was built into them, curve by curve.

In goes the folder that holds ``perftracker/grpm`` and ``lab``, out come curves and truth in curve order. `find` says
None where the folder is not there, so that a benchmark can say so and go on.
"""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from simulate import multiplied

from perftracker_ai.curves import build_curves
from perftracker_ai.settings import CurveSettings
from perftracker_ai.sources.document import parse_job

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from perftracker_ai.model import CurveSet, Job

GRPM_FILES = {25: "baseline", 26: "rerun", 27: "candidate"}
LAB_JOBS = (91001, 91002, 91012)


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One thing built into the GRPM candidate; first and last load are inclusive, the tags name its curves."""

    id: str
    kind: str
    factor: float
    load_first: float
    load_last: float
    tags: tuple[str, ...]


class LabCurve(msgspec.Struct, frozen=True, kw_only=True):
    """What is true of one curve of the LAB candidate.

    Attributes
    ----------
    direction : str
        ``worse``, ``better``, ``none``.
    visible : bool
        Whether the median over repeated jobs exceeds 15 %.
    first, last : int
        The range in which the code can show it, inclusive, as indices into the arrays of the `CurveSet`.
    """

    kind: str
    changed: bool
    direction: str
    visible: bool
    first: int
    last: int


def find(shared: Path) -> Path | None:
    """Return the folder when it holds the recorded jobs."""
    wanted = [_grpm_path(shared, job) for job in GRPM_FILES] + [_lab_path(shared, job) for job in LAB_JOBS]
    return shared if all(path.exists() for path in wanted) else None


def load_jobs(shared: Path) -> dict[int, Job]:
    """Return the recorded jobs by id."""
    paths = {job: _grpm_path(shared, job) for job in GRPM_FILES} | {job: _lab_path(shared, job) for job in LAB_JOBS}
    return {job: parse_job(gzip.decompress(path.read_bytes()), path.name) for job, path in paths.items()}


def curves_of(jobs: dict[int, Job], ids: Sequence[int]) -> CurveSet:
    """Return the curves of a baseline, a candidate and reruns."""
    curves, _, _ = build_curves([jobs[job] for job in ids], CurveSettings())
    return curves


def grpm_items(shared: Path) -> tuple[Item, ...]:
    """Return what was built into the GRPM candidate, failures and lost tests left out."""
    injected = json.loads((shared / "perftracker/grpm/truth.json").read_text())["injected"]
    return tuple(
        Item(
            id=item["id"],
            kind=item["kind"],
            factor=item["factor"],
            load_first=item["load_from"],
            load_last=item["load_to"],
            tags=tuple(item["tags"]),
        )
        for item in injected
        if item["factor"] is not None
    )


def lab_truth(shared: Path, curves: CurveSet) -> tuple[LabCurve, ...]:
    """Return what is true of every curve of the LAB candidate, in curve order."""
    listed = json.loads((shared / "lab/truth-91012.json").read_text())["curves"]
    by_name = {(row["endpoint"], row["scenario"], row["metric_type"], row["threads"]): row for row in listed}
    return tuple(
        _lab_curve(curves, curve.index, by_name[curve.endpoint, curve.scenario, curve.metric_kind.value, curve.threads])
        for curve in curves.curves
    )


def _lab_curve(curves: CurveSet, curve: int, row: dict[str, Any]) -> LabCurve:
    first, last = points_between(curves, curve, row["load_from"], row["load_to"])
    return LabCurve(
        kind=row["kind"],
        changed=row["changed"],
        direction=row["direction"],
        visible=row["visible"],
        first=first,
        last=last,
    )


def points_between(curves: CurveSet, curve: int, load_first: float, load_last: float) -> tuple[int, int]:
    """Return first and last point of a curve within a range of loads, inclusive."""
    whole = curves.curves[curve]
    load = curves.load[whole.start : whole.stop]
    inside = np.flatnonzero((load >= load_first) & (load <= load_last)) + whole.start
    return int(inside[0]), int(inside[-1])


def slowed(curves: CurveSet, factor: float, endpoint: str = "") -> CurveSet:
    """Return the same runs with the candidate's cost multiplied, of one endpoint only when one is named."""
    cost = np.ones(curves.mean.shape[1])
    for curve in curves.curves:
        if endpoint in ("", curve.endpoint):
            cost[curve.start : curve.stop] = factor if curve.less_better else 1 / factor
    return multiplied(curves, cost)


def _grpm_path(shared: Path, job: int) -> Path:
    return shared / "perftracker" / "grpm" / f"{GRPM_FILES[job]}.json.gz"


def _lab_path(shared: Path, job: int) -> Path:
    return shared / "lab" / f"job-{job}.json.gz"
