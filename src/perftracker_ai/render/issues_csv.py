"""The issues of one run or of several as CSV, one a line, for spreadsheets and small programs.

In: analyses. Out: UTF-8 bytes with a head line, the same for the same analyses. Numbers are unrounded, a slowdown is a
ratio (0.25 is 25 % slower, and negative for an improvement); what is not known is empty. Columns are only ever added at
the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.report import history, issue
from perftracker_ai.report.view import accepted, view
from perftracker_ai.words.text import clean, csv_cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from perftracker_ai.model import Analysis
    from perftracker_ai.report.issue import Issue

HEADS = (
    *("product", "baseline_job", "baseline_version", "candidate_job", "candidate_version", "verdict"),
    *("key", "id", "about", "scenarios", "metric", "direction", "severity", "confidence", "attribution", "accepted"),
    *("slowdown", "first_load", "last_load", "threads", "since_job", "when", "risk", "who"),
)
NOT_JUDGED = "NOT JUDGED"
_LONGEST = 512
"""Characters of a cell: tags have no more."""


def issues_csv(analyses: Iterable[Analysis], failed: Sequence[tuple[str, str]] = ()) -> bytes:
    """Return issues as CSV.

    Parameters
    ----------
    analyses : iterable of Analysis
        One for each product; gone through more than once.
    failed : sequence of (str, str)
        Products that could not be judged, and why: a line each, without an issue.
    """
    rows: list[tuple[str | float, ...]] = [HEADS, *(row for analysis in analyses for row in _rows(analysis))]
    rows += [(product, "", "", "", "", NOT_JUDGED) for product, _ in failed]
    lines = (",".join(map(_cell, (*row, *[""] * (len(HEADS) - len(row))))) for row in rows)
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


def _cell(value: str | float) -> str:
    return csv_cell(clean(value, _LONGEST)) if isinstance(value, str) else repr(value)


def _rows(analysis: Analysis) -> Iterator[tuple[str | float, ...]]:
    """Yield a line for every issue; for a comparison without any one that says so."""
    before, after = analysis.baseline, analysis.candidate
    head = (after.product_name, before.id, before.product_ver, after.id, after.product_ver)
    run = (*head, analysis.decision.verdict.value)
    shown = view(analysis)
    for one in issue.issues(shown, analysis.clusters):
        counts = not accepted(shown, one.cluster)
        yield (*run, *_about(one), "" if counts else "yes", *_numbers(one), *_wanted(one, counts=counts))
    if not analysis.clusters:
        yield run


def _about(one: Issue) -> tuple[str, ...]:
    cluster = one.cluster
    return (
        cluster.key,
        cluster.id,
        cluster.endpoint or cluster.title,
        " ".join(filter(None, cluster.scenarios)),
        issue.metric(one).text,
        cluster.direction.value,
        cluster.severity.value if cluster.severity else "",
        cluster.confidence.value,
        cluster.attribution.value,
    )


def _numbers(one: Issue) -> tuple[str | float, ...]:
    cluster, began = one.cluster, history.beginning(one.shown.analysis, one.cluster.id)
    return (
        cluster.median_slowdown,
        cluster.load_first,
        cluster.load_last,
        " ".join(map(str, cluster.threads)),
        began.onset.first.job if began else "",
    )


def _wanted(one: Issue, *, counts: bool) -> tuple[str, ...]:
    """Return when, at what risk and by whom it is to be looked at; nothing of what got better or is accepted."""
    if one.cluster.severity is None or not counts:
        return "", "", ""
    wanted = issue.priority(one)
    return wanted.when, wanted.risk, wanted.who
