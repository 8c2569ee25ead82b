"""Several runs at a glance: a table for people, and for programs what a run came to.

In: analyses. Out: values for JSON, raw and unrounded, and plain lines of at most `WIDTH` columns. Nothing is decided
here, and what is accepted is counted apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from perftracker_ai.report.counts import counts
from perftracker_ai.report.still_open import still_open
from perftracker_ai.report.view import view
from perftracker_ai.words.numbers import plural
from perftracker_ai.words.text import fit, without_secrets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perftracker_ai.model import Analysis, JobInfo

WIDTH = 100
_PRODUCT, _LONG_PRODUCT, _JOBS, _VERDICT = 20, 36, 17, 24


class Row(NamedTuple):
    """One product of an overview, in words."""

    product: str
    jobs: str
    verdict: str
    issues: str


def row(product: str, analysis: Analysis | None, problem: str) -> Row:
    """Return what an overview shows of a product; without an analysis `problem` says why."""
    if analysis is None:
        return Row(product, "", "not judged", without_secrets(problem))
    jobs = f"{analysis.baseline.id} -> {analysis.candidate.id}"
    return Row(product, jobs, analysis.decision.verdict.value, _issues(analysis))


def overview(rows: Sequence[Row]) -> str:
    """Return a table with a line for every product, in the order given; no newline behind the last."""
    names = max((len(row.product) for row in rows), default=0)
    name = min(max(names, _PRODUCT), _LONG_PRODUCT)
    return "\n".join([_line(name, "product", "jobs", "verdict", "issues"), *(_line(name, *row) for row in rows)])


def summary_values(analysis: Analysis) -> dict[str, object]:
    """Return what a run came to: verdict, jobs, counts of issues, curves and gaps, and of what is open besides."""
    shown = view(analysis)
    found = counts(shown)
    return {
        "verdict": analysis.decision.verdict.value,
        "baseline": _job(analysis.baseline),
        "candidate": _job(analysis.candidate),
        "reruns": [job.id for job in analysis.reruns],
        "issues": {severity.value: count for severity, count in found.issues.items()},
        "curves": {outcome.value: count for outcome, count in found.curves.items()},
        "accepted_curves": found.accepted,
        "open_issues": None if analysis.open_issues is None else len(still_open(shown)),
        "newly_failing_points": found.failing,
        "lost": found.lost,
        "notices": found.notices,
    }


def _job(job: JobInfo) -> dict[str, object]:
    return {"id": job.id, "uuid": job.uuid, "version": job.product_ver, "end": job.end.isoformat()}


def _issues(analysis: Analysis) -> str:
    """Count issues by severity, then newly failing points; what there is none of is not named."""
    found = counts(view(analysis))
    told = [f"{count:,} {severity.value}" for severity, count in found.issues.items() if count]
    told += [plural(found.failing, "failing point")] if found.failing else []
    return ", ".join(told) or "none"


def _line(name: int, product: str, jobs: str, verdict: str, issues: str) -> str:
    columns = (fit(without_secrets(product), name), fit(jobs, _JOBS), fit(verdict, _VERDICT))
    room = WIDTH - name - _JOBS - _VERDICT - len(columns)
    return " ".join((*columns, fit(issues, room))).rstrip()
