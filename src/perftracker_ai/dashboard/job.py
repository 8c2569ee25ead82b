"""One job: what it measured and what not, what it was compared with, and which jobs ran before and after it.

In: what a store keeps of the job. Out: values.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime  # noqa: TC003 - msgspec reads it
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.dashboard.endpoint import Named, named
from perftracker_ai.dashboard.views import Night, Place  # noqa: TC001 - the same
from perftracker_ai.model import Absence
from perftracker_ai.model.history import JobRef  # noqa: TC001 - the same

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.model import Curve, CurveSet
    from perftracker_ai.store import History

MOST_FAILED = 200
"""Curves with points that failed that are listed."""


class Tests(msgspec.Struct, frozen=True, kw_only=True):
    """How many tests a job had, by what its server says became of them."""

    total: int
    completed: int
    failed: int
    errors: int


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """A curve of which some points have no value, or had errors.

    Attributes
    ----------
    why : str
        ``failed``, ``skipped``, ``no scores`` …, or ``errors`` for points that have a value all the same.
    loads : tuple of str
        As written; empty for a test without loads.
    errors : int
        Of all these points.
    """

    endpoint: str
    curve: Named
    why: str
    loads: tuple[str, ...]
    errors: int


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """The page of a job.

    Attributes
    ----------
    uuid, title, project, suite_version : str
        Empty where only reports are kept.
    hosts : tuple of str
    begin : datetime or None
    tests : Tests or None
    server : str
        Address of the job's page on its PerfTracker; empty where that is not known.
    failed : tuple of Failed
        The first of them.
    all_failed : int
    compared, baseline_of : tuple of Night
        Comparisons in which it is the candidate, and those in which it is the baseline, oldest first.
    before, after : JobRef or None
        The jobs beside it on its hardware and suite.
    namesakes : tuple of str
        Uuids of other servers' jobs with the same number.
    """

    now: datetime
    place: Place
    job: JobRef
    uuid: str
    title: str
    project: str
    suite_version: str
    hosts: tuple[str, ...]
    begin: datetime | None
    tests: Tests | None
    server: str
    failed: tuple[Failed, ...]
    all_failed: int
    compared: tuple[Night, ...]
    baseline_of: tuple[Night, ...]
    before: JobRef | None
    after: JobRef | None
    namesakes: tuple[str, ...]


def failures(measured: History) -> list[Failed]:
    """Return the curves of the only job that have points without a value or with errors."""
    curves = measured.curves
    return [one for curve in curves.curves for one in _failures(curves, curve)] if len(measured.jobs) == 1 else []


def _failures(curves: CurveSet, curve: Curve) -> Iterator[Failed]:
    part = slice(curve.start, curve.stop)
    found: dict[str, list[tuple[str, int]]] = defaultdict(list)
    points = zip(curves.label[part], curves.absence[0, part].tolist(), curves.errors[0, part].tolist(), strict=True)
    for label, absence, errors in points:
        if absence not in (Absence.PRESENT, Absence.MISSING) or errors:
            found[_why(absence)].append((label, errors))
    for why, those in found.items():
        loads = () if curve.scalar else tuple(label for label, _ in those)
        errors = sum(number for _, number in those)
        yield Failed(endpoint=curve.endpoint, curve=named(curve), why=why, loads=loads, errors=errors)


def _why(absence: int) -> str:
    present = absence in (Absence.PRESENT, Absence.MISSING)
    return "errors" if present else Absence(absence).name.lower().replace("_", " ")
