"""``llm_report.md``: the report a person reads, complete without a language model.

In: an `Analysis`, and what a language model wrote of it, if any. Out: Markdown in a
fixed order of sections, the same text for the same input. Everything that comes from a job is escaped; nothing is
decided here.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from perftracker_ai import wording
from perftracker_ai.formats import UNKNOWN, format_change, plural
from perftracker_ai.model import Outcome, Part, Severity, Verdict
from perftracker_ai.render import appendix, assessment, phrases, recall, sections
from perftracker_ai.render.told import said
from perftracker_ai.report.view import clusters, coverage_counts, view, worsened
from perftracker_ai.text import listing, md, table

if TYPE_CHECKING:
    from datetime import datetime

    from perftracker_ai.model import Analysis, JobInfo, Narration, Rule
    from perftracker_ai.report.view import View

NOTICES = 8


def markdown_report(analysis: Analysis, narration: Narration | None = None) -> str:
    """Return the whole report, in a language model's words where it has any and in the program's elsewhere."""
    shown = view(analysis, narration)
    lines = [
        *_title(shown),
        *_summary(shown),
        *(line for severity in Severity for line in sections.severity_section(shown, severity)),
        *sections.accepted_regressions(shown),
        *sections.improvements(shown),
        *assessment.hypotheses(shown),
        *assessment.risk(shown),
        *assessment.actions(shown),
        *appendix.deep_dive(shown),
        *assessment.patterns(shown),
        *appendix.coverage(shown),
        *appendix.limits(shown),
        *appendix.method(shown),
        *appendix.provenance(shown),
    ]
    return "\n".join(lines).rstrip() + "\n"


# ── title and summary ───────────────────────────────────────────────────────────────────────────────────────────────


def _title(shown: View) -> list[str]:
    analysis = shown.analysis
    versions = " → ".join(md(job.product_ver) or UNKNOWN for job in (analysis.baseline, analysis.candidate))
    verdict = analysis.decision.verdict
    creeping = phrases.creeping(shown)
    line = (
        wording.verdict_text(verdict),
        said(shown, Part.HEADLINE),
        _found(shown),
        creeping and f"Creeping: {md(creeping)}.",
    )
    return [
        f"# {md(analysis.candidate.product_name) or UNKNOWN} {versions}: {verdict.value}",
        "",
        f"**Bottom line:** {' '.join(filter(None, line))}",
        "",
    ]


def _found(shown: View) -> str:
    """Return what was found, worst first, in two sentences."""
    told = [*_issues(shown), *_gaps(shown)]
    if not told and shown.analysis.decision.verdict is Verdict.INSUFFICIENT_EVIDENCE:
        return "No regression was found, but too little could be compared for that to mean anything."
    if not told:
        return f"No regression was found{phrases.beyond(shown)}."
    return f"Found: {'; '.join(told)}.{'' if said(shown, Part.HEADLINE) else _first(shown)}"


def _first(shown: View) -> str:
    """Name the worst that was found; a model's headline does it itself."""
    return "".join(
        f" First in rank: {phrases.name(one)}, {format_change(one.median_slowdown)} in the median."
        for one in worsened(shown)[:1]
    )


def _issues(shown: View) -> list[str]:
    counts = [(severity, len(clusters(shown, severity))) for severity in Severity]
    told = [f"{count:,} {severity.value}" for severity, count in counts if count]
    several = sum(count for _, count in counts) > 1
    return [f"{listing(told)} {'issues' if several else 'issue'}"] if told else []


def _gaps(shown: View) -> list[str]:
    # Isolated failures, as every job has some, are minor: they are listed under Coverage and make no headline.
    heavy = (found for found in shown.analysis.coverage if found.severity not in {None, Severity.MINOR})
    failing, lost = coverage_counts(heavy)
    counted = ((failing, "newly failing load point", ""), (lost, "loss of coverage", "losses of coverage"))
    return [plural(count, noun, nouns) for count, noun, nouns in counted if count]


def _summary(shown: View) -> list[str]:
    verdict = shown.analysis.decision.verdict
    fired = [rule for rule in shown.analysis.decision.rules if rule.fired]
    rules = [_rule(rule) for rule in fired] or ["- No rule fired."]
    head = [
        "## Executive Summary",
        "",
        f"**Verdict: {verdict.value}**, because:",
        "",
        *rules,
        "",
        *_news(shown),
    ]
    summary = said(shown, Part.SUMMARY)
    return [*head, *([summary, ""] if summary else []), *_jobs(shown.analysis), *_tally(shown), *_certainty(shown)]


def _news(shown: View) -> list[str]:
    """Return what matters most of what earlier jobs say."""
    news = recall.news(shown)
    told = [words for _, words in news[: recall.NEWS]]
    if len(news) > recall.NEWS:
        told.append(f"{len(news) - recall.NEWS:,} more under Patterns & Trends")
    return [f"**History:** {'; '.join(told)}.", ""] if told else []


def _rule(rule: Rule) -> str:
    because = f": {md(rule.because)}" if rule.because else ""
    return f"- {rule.verdict.value}: {md(rule.text).rstrip('.')}{because.rstrip('.')}."


def _jobs(analysis: Analysis) -> list[str]:
    baseline, candidate = analysis.baseline, analysis.candidate
    rows = list(zip(_LABELS, _job(baseline), _job(candidate), strict=True))
    return [*table(("", "baseline", "candidate"), rows), ""]


_LABELS = ("job", "title", "version", "suite", "hardware", "measured (UTC)", "tests")


def _job(job: JobInfo) -> tuple[str, ...]:
    failed = f", {job.tests_failed:,} failed" if job.tests_failed else ""
    return (
        str(job.id),
        md(job.title),
        md(job.product_ver),
        md(f"{job.suite_name} {job.suite_ver}".strip()),
        md(", ".join(job.hosts)) or "none named",
        f"{_time(job.begin)} to {_time(job.end)}",
        f"{job.tests_completed:,} of {job.tests_total:,}{failed}",
    )


def _time(moment: datetime | None) -> str:
    return "?" if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def _tally(shown: View) -> list[str]:
    regressed = Counter(finding.result.severity for finding in shown.findings[Outcome.REGRESSED])
    failing, lost = coverage_counts(shown.analysis.coverage)
    curves: dict[str, int] = {severity.value: regressed[severity] for severity in Severity}
    curves["minor"] = len(shown.findings[Outcome.MINOR])
    for outcome in (Outcome.IMPROVED, Outcome.MOVED, Outcome.CHANGED, Outcome.UNCHANGED, Outcome.INCONCLUSIVE):
        if shown.findings[outcome] or outcome not in {Outcome.MOVED, Outcome.CHANGED}:
            curves[outcome.value] = len(shown.findings[outcome])
    if shown.accepted:
        curves["of them accepted"] = len(shown.accepted)
    header = (*curves, "newly failing points", "lost")
    row = tuple(f"{count:,}" for count in (*curves.values(), failing, lost))
    total = plural(len(shown.by_curve), "curve")
    return [f"{total} by outcome, and coverage:", "", *table(header, [row]), ""]


def _certainty(shown: View) -> list[str]:
    """Return how far to trust the numbers: noise, reruns, shift of the whole run, notices."""
    analysis, detection = shown.analysis, shown.analysis.detection
    lines = [
        f"- Noise estimated from {md(detection.noise_source)}.",
        f"- {phrases.reruns(analysis)}",
        *(f"- {text}" for text in phrases.shifts(detection.shifts)),
        *(f"- {text}" for text in phrases.mirrored(analysis)),
        *(f"- {wording.notice_text(notice, _value)}" for notice in analysis.notices[:NOTICES]),
    ]
    return ["**How sure:**", "", *lines, "", *sections.more(len(analysis.notices) - NOTICES)]


def _value(text: str) -> str:
    return md(text, phrases.LABEL_LIMIT)
