"""What a person is told about a comparison, as a value: every form of a report is written from it.

In: an `Analysis` sorted for showing. Out: a `Report`. Nothing is judged here and nothing is laid out: words stand
beside values, each value with its one printed form and its place in the results.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.model import Severity

if TYPE_CHECKING:
    from perftracker_ai.report.value import Report
    from perftracker_ai.report.view import View


def build(shown: View) -> Report:
    """Return everything a reader is told, in reading order."""
    from perftracker_ai.report import actions, back, causes, changes, choices, commentary, coverage, findings, summary
    from perftracker_ai.report.counts import counts
    from perftracker_ai.report.value import Report

    sections = (
        summary.summary(shown),
        *commentary.commentary(shown.narration),
        *(findings.severity_section(shown, severity) for severity in Severity),
        *findings.accepted_regressions(shown),
        findings.improvements(shown),
        causes.causes(shown),
        *changes.changes(shown),
        back.risk(shown),
        actions.actions(shown),
        back.deep_dive(shown),
        back.patterns(shown),
        coverage.coverage(shown),
        back.limits(shown),
        back.method(shown),
        back.provenance(shown),
    )
    return Report(
        title=summary.title(shown),
        bottom_line=summary.bottom_line(shown),
        sections=tuple(choices.chosen(sections, shown.narration)),
        counts=counts(shown),
    )
