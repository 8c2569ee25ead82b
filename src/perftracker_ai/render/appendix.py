"""The back of the report: the worst curves in numbers, coverage, what cannot be known, method and provenance.

In: a `View`. Out: lines of Markdown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from perftracker_ai import TOOL_VERSION
from perftracker_ai.model import Absence, Outcome, Part, Severity
from perftracker_ai.render import phrases
from perftracker_ai.render.assessment import needed
from perftracker_ai.render.sections import more
from perftracker_ai.render.told import said
from perftracker_ai.report.commentary import authorship
from perftracker_ai.report.view import coverage_order, leading, point, worsened
from perftracker_ai.words import wording
from perftracker_ai.words.numbers import format_change, format_percent, format_value, plural
from perftracker_ai.words.text import listing, md, table

if TYPE_CHECKING:
    from perftracker_ai.model import Cluster, RunAccount, Window
    from perftracker_ai.report.view import Finding, View
    from perftracker_ai.settings import PolicySettings

DIVES, DIVE_ROWS, COVERAGE_ROWS, BAD_ROWS, OPEN_ROWS = 3, 12, 8, 3, 2
AUTHORSHIP = 1000
_AROUND = 2  # loads shown on either side of a window, so that its ends can be seen


# ── the worst curves in numbers ─────────────────────────────────────────────────────────────────────────────────────


def deep_dive(shown: View) -> list[str]:
    """Return the worst clusters load by load, thinned to a dozen rows each."""
    found = [cluster for cluster in worsened(shown) if cluster.severity is not Severity.MINOR][:DIVES]
    lines = ["## Technical Deep-Dive", ""]
    for cluster in found:
        lines += _dive(shown, cluster)
    return lines if found else [*lines, "No regression to look into.", ""]


def _dive(shown: View, cluster: Cluster) -> list[str]:
    finding = leading(shown, cluster)
    window, curve = finding.window, finding.curve
    if window is None:
        return []
    header = ("load", "baseline", "candidate", "slowdown", "in the range")
    rows = [_dive_row(shown, finding, window, index) for index in _thinned(shown, finding, window)]
    return [
        f"### {cluster.id}. {md(curve.tag)}",
        "",
        _dive_intro(finding),
        "",
        *(line for text in (said(shown, Part.DIVE, cluster.id),) if text for line in (text, "")),
        *table(header, rows),
        "",
    ]


def _dive_intro(finding: Finding) -> str:
    curve, result = finding.curve, finding.result
    better = "lower" if curve.less_better else "higher"
    shift = format_change(result.shift)
    net = "" if shift == phrases.NO_CHANGE else f", net of the run-wide shift of {shift}"
    return (
        f"Measured: {phrases.metric(curve)}, {better} is better. Slowdown is cost per operation{net}. "
        f"Judged by: {wording.method_text(result.method)}; "
        f"{plural(result.points, 'load')}, {plural(result.samples, 'score')}."
    )


def _dive_row(shown: View, finding: Finding, window: Window, index: int) -> tuple[str, ...]:
    curve, at = finding.curve, point(shown, finding.curve, index)
    # Shifts multiply: what is left of a slowdown is the quotient, as in detection.
    net = None if at.slowdown is None else (1 + at.slowdown) / (1 + finding.result.shift) - 1
    return (
        md(at.label, phrases.LABEL_LIMIT) or "all",
        md(format_value(at.baseline, curve.base_unit, curve.unit)),
        md(format_value(at.candidate, curve.base_unit, curve.unit)),
        format_change(net),
        "yes" if window.first <= index <= window.last else "",
    )


def _thinned(shown: View, finding: Finding, window: Window) -> list[int]:
    """Choose the loads to show: evenly over the window and a little around it, its ends and its worst point always."""
    first = max(finding.curve.start, window.first - _AROUND)
    last = min(finding.curve.stop - 1, window.last + _AROUND)
    if last - first < DIVE_ROWS:
        return list(range(first, last + 1))
    oriented = shown.slowdown[window.first : window.last + 1]
    always = {window.first, window.last}
    if not np.isnan(oriented).all():
        always.add(window.first + int(np.nanargmax(oriented)))
    evenly = np.linspace(first, last, DIVE_ROWS - len(always)).round().astype(int).tolist()
    return sorted(always.union(evenly))


# ── coverage ────────────────────────────────────────────────────────────────────────────────────────────────────────


def coverage(shown: View) -> list[str]:
    """Return what was measured on one side only, what failed, what stayed open, and where every test went."""
    found = coverage_order(shown.analysis.coverage)
    told = [
        f"- {'**' + item.severity.value + '**, ' if item.severity else ''}{wording.coverage_label(item.kind)}: "
        f"{phrases.coverage(shown, item)}"
        for item in found[:COVERAGE_ROWS]
    ]
    lines = told or ["Both jobs measured the same, and nothing newly fails."]
    lines = ["## Coverage", "", *lines, "", *more(len(found) - COVERAGE_ROWS)]
    return [*lines, *_open(shown), *map(_account, shown.analysis.accounts), ""]


def _open(shown: View) -> list[str]:
    found = shown.findings[Outcome.INCONCLUSIVE]
    if not found:
        return []
    tags = "; ".join(md(finding.curve.tag) for finding in found[:OPEN_ROWS])
    rest = f"; {len(found) - OPEN_ROWS:,} more" if len(found) > OPEN_ROWS else ""
    return [f"- Inconclusive: {plural(len(found), 'curve')} ({tags}{rest}). Would decide: {needed(found)}."]


def _account(account: RunAccount) -> str:
    parts = [f"{plural(account.tests, 'test')} gave {plural(account.points, 'load point')}"]
    if account.pooled:
        parts.append(f"{plural(account.pooled, 'test')} pooled into the point of another")
    if account.absent:
        reasons = [f"{count:,} {Absence(reason).name.lower().replace('_', ' ')}" for reason, count in account.absent]
        parts.append(f"without a value: {listing(reasons)}")
    if account.bad_records:
        bad = [f"record {record.position}: {md(record.problem)}" for record in account.bad_records]
        parts.append(f"{plural(len(bad), 'unreadable record')} ({phrases.capped(bad, BAD_ROWS)})")
    return f"- Job {account.job_id}: {'; '.join(parts)}."


# ── limits, method, provenance ──────────────────────────────────────────────────────────────────────────────────────


def limits(shown: View) -> list[str]:
    """Return what no comparison of two jobs can tell."""
    runs = 2 + len(shown.analysis.reruns) + len(shown.analysis.candidate_reruns)
    points = (
        wording.NO_TRACES,
        f"{runs} runs were compared; what differs between runs by chance is known only as far as they show it.",
        "Only the tested endpoints and loads on this hardware are known; other traffic may behave differently.",
        "An unchanged curve changed by less than the margin, which does not mean not at all.",
    )
    return ["## What This Analysis Cannot Know", "", *(f"- {text}" for text in points), ""]


def method(shown: View) -> list[str]:
    """Return how it was judged: method, thresholds, error rates, policy, in few words."""
    detection = shown.analysis.detection
    criteria = shown.analysis.criteria
    steps = (criteria.minor, criteria.moderate, criteria.severe, criteria.critical)
    names = (severity.value for severity in reversed(Severity))
    thresholds = ", ".join(f"{name} {format_percent(step)}" for name, step in zip(names, steps, strict=True))
    shortest, large = format_value(criteria.min_time_change_s, "s"), format_percent(criteria.large_shift)
    share = format_percent(criteria.min_time_change_share)
    level, fdr = format_percent(detection.level), format_percent(detection.fdr)
    points = (
        f"Detection: {md(detection.method)}; seed {detection.seed}",
        "Slowdown is cost per operation, candidate over baseline, minus one: half the throughput is +100 %",
        f"Severity by the median slowdown of the affected range: {thresholds}",
        f"Changes of a time by less than {shortest}, or {share} of the job's typical time, are never findings",
        f"Intervals at {level}; no more than {fdr} of the findings are expected to be false",
        f"A run-wide shift from {large} puts the run in doubt",
        f"Policy: {_policy(shown.analysis.policy)}",
    )
    return ["## Method", "", *(f"- {text}." for text in points), ""]


def _policy(policy: PolicySettings) -> str:
    rules = (
        (policy.block_critical, "critical item"),
        (policy.block_severe, "severe item"),
        (policy.block_failures, "newly failing load point"),
    )
    blocks = [plural(count, noun) for count, noun in rules if count]
    blocked = f"{', '.join(blocks)} or more block the release" if blocks else "nothing blocks the release"
    return f"{blocked}; {format_percent(policy.min_compared)} of the baseline's curves must be comparable"


def provenance(shown: View) -> list[str]:
    """Return what this report was made from and by."""
    pair = (shown.analysis.baseline, shown.analysis.candidate)
    jobs = " and ".join(f"job {job.id}" + (f" ({md(job.uuid)})" if job.uuid else "") for job in pair)
    lines = [f"Made by perftracker-ai {TOOL_VERSION} from {jobs}. {_author(shown)}"]
    return ["## Provenance", "", *lines, ""]


def _author(shown: View) -> str:
    if shown.narration:
        return f"{md(authorship(shown.narration), AUTHORSHIP)} All numbers are in {phrases.RESULT_FILE}."
    return (
        "No language model was used: every sentence is derived from the measurements, and the numbers behind them are "
        f"in {phrases.RESULT_FILE}."
    )
