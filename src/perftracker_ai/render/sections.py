"""The findings in the report: one item per critical or severe cluster, a table row for everything smaller.

In: a `View`. Out: lines of Markdown. Long lists end in "and N more": everything is in the results file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.model import Part, Severity
from perftracker_ai.render import phrases, recall
from perftracker_ai.render.phrases import RESULT_FILE
from perftracker_ai.render.told import said
from perftracker_ai.report.view import accepted, clusters, improved, leading, loose
from perftracker_ai.words import wording
from perftracker_ai.words.numbers import format_change, plural
from perftracker_ai.words.text import md, table

if TYPE_CHECKING:
    from perftracker_ai.model import Acceptance, Cluster
    from perftracker_ai.report.view import Finding, View

ITEMS = {Severity.CRITICAL: 6, Severity.SEVERE: 4}
"""Clusters told in full; a reader has two minutes, and the worst come first."""
ROWS = 10

ACCEPTED_HEADER = ("entry", "accepts", "found", "curves", "standing", "until", "reason")
COVERED = 5
_HEADER = ("", "endpoint", "change (median)", "worst point", "where", "shape", "confidence")


def severity_section(shown: View, severity: Severity) -> list[str]:
    """Return the section of one severity: items, then rows, then how many more there are."""
    found = clusters(shown, severity)
    alone = loose(shown, severity)
    lines = [f"## {wording.severity_headline(severity)}", ""]
    if not found and not alone:
        return [*lines, "None.", ""]
    told = ITEMS.get(severity, 0)
    for cluster in found[:told]:
        lines += _item(shown, cluster)
    lines += cluster_table(shown, found[told:])
    return lines + _alone(shown, alone)


def improvements(shown: View) -> list[str]:
    """Return the section of what became faster."""
    found = improved(shown)
    rows = cluster_table(shown, found) if found else ["None.", ""]
    return ["## Improvements", "", *rows]


def accepted_regressions(shown: View) -> list[str]:
    """Return the section of accepted regressions, an entry of the settings a row; nothing where there are none."""
    entries = shown.analysis.accepted
    if not entries:
        return []
    known = [f"{one.id} {phrases.name(one)}" for one in shown.analysis.clusters if accepted(shown, one)]
    told = [f"Known, and not counted for the verdict: {phrases.capped(known, ROWS)}.", ""] if known else []
    rows = [_entry(shown, entry) for entry in entries[:ROWS]]
    return ["## Accepted Regressions", "", *told, *table(ACCEPTED_HEADER, rows), "", *more(len(entries) - ROWS)]


def _entry(shown: View, entry: Acceptance) -> tuple[str, ...]:
    covered = [shown.by_curve[curve].id for curve in entry.curves]
    return (
        md(wording.accepted_name(entry), phrases.LABEL_LIMIT),
        wording.accepted_size(entry),
        "nothing" if entry.found is None else format_change(entry.found),
        phrases.capped(covered, COVERED) or "none",
        wording.standing_text(entry.standing),
        str(entry.until),
        md(entry.reason),
    )


def cluster_table(shown: View, found: tuple[Cluster, ...]) -> list[str]:
    """Return clusters as rows of a table, and how many were left out; nothing for none."""
    if not found:
        return []
    rows = [_row(shown, cluster) for cluster in found[:ROWS]]
    began = [recall.since_short(shown, cluster, recall.version) for cluster in found[:ROWS]]
    lines = table(_HEADER, rows)
    if any(began):
        lines = table((*_HEADER, "began"), [(*row, told) for row, told in zip(rows, began, strict=True)])
    return [*lines, "", *more(len(found) - ROWS)]


def more(count: int) -> list[str]:
    """Return the line that says how many items a list leaves out; nothing for none."""
    return [f"… and {count:,} more, in {RESULT_FILE}.", ""] if count > 0 else []


def _item(shown: View, cluster: Cluster) -> list[str]:
    return [
        f"### {cluster.id}. {md(cluster.title)}",
        "",
        f"- **Change:** {phrases.change(shown, leading(shown, cluster))}",
        f"- **Extent:** {phrases.extent(shown, cluster)}",
        *(f"- **Began:** {text}." for text in (recall.since(shown, cluster),) if text),
        f"- **Shape:** {phrases.shape(cluster)}",
        f"- **Confidence:** {phrases.confidence(shown, cluster)}",
        f"- **User impact:** {said(shown, Part.IMPACT, cluster.id) or phrases.impact(shown, cluster)}",
        *(f"- **Remark:** {text}" for text in (said(shown, Part.REMARK, cluster.id),) if text),
        "",
    ]


def _row(shown: View, cluster: Cluster) -> tuple[str, ...]:
    finding = leading(shown, cluster)
    return (
        cluster.id,
        f"{phrases.name(cluster)} ({plural(len(cluster.curves), 'curve')})",
        format_change(cluster.median_slowdown),
        f"{phrases.metric(finding.curve)} {phrases.values(shown, finding)}".strip(),
        phrases.where(cluster),
        cluster.shape.value,
        cluster.confidence.value,
    )


def _alone(shown: View, found: tuple[Finding, ...]) -> list[str]:
    """List findings that belong to no cluster, one line each."""
    lines = [f"- {finding.id}. {md(finding.curve.tag)}: {phrases.change(shown, finding)}" for finding in found[:ROWS]]
    return [*lines, "", *more(len(found) - ROWS)] if lines else []
