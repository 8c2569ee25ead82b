"""What earlier jobs say, for every form of a report: since when an issue is there, and what else they tell.

In: a `View`. Out: Markdown with everything foreign escaped, or values for who words them otherwise; nothing where no
history is kept. What is told of the issues themselves is not told again among the trends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai import retrospect
from perftracker_ai.words.numbers import plural
from perftracker_ai.words.text import md, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.model import Cluster
    from perftracker_ai.model.history import Chronicle
    from perftracker_ai.report.view import View
    from perftracker_ai.retrospect import Section, Show, Trend

TRENDS = 5
"""Trends of one kind that are told; the others are in the results file."""
NEWS = 2
"""Trends that are told at once, where a reader looks first."""
VERSION = 60
_KINDS = ("slower", "creeping", "recovered", "noisier", "switching")
"""What is told, in order: what became faster asks nobody to act."""


def since(shown: View, cluster: Cluster) -> str:
    """Return since when an issue is there, with every doubt; empty when that is not known."""
    began = retrospect.beginning(shown.analysis, cluster.id)
    return retrospect.since(began, version) if began else ""


def since_short(shown: View, cluster: Cluster, show: Show) -> str:
    """Return since when an issue is there, in few words; empty when that is not known."""
    began = retrospect.beginning(shown.analysis, cluster.id)
    return retrospect.since_short(began, show) if began else ""


def version(text: str) -> str:
    """Return a version escaped for Markdown."""
    return md(text, VERSION)


# ── at once ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def news(shown: View) -> list[tuple[Trend, str]]:
    """Return what of the history is to be told at once, worst first, each with its Markdown."""
    past = shown.analysis.chronicle
    if past is None:
        return []
    found = retrospect.notable(shown.analysis)
    return [(trend, f"{md(trend.endpoint)} {retrospect.news(trend, past, version)}") for trend in found]


# ── trends ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def trends(shown: View, past: Chronicle) -> list[Section]:
    """Return what the history tells besides the issues, by kind; kinds without anything are left out."""
    every = retrospect.sections(past.patterns, "")  # trends are of all jobs, and a chronicle names the last ones only
    found = (every[kind] for kind in _KINDS)
    told = shown.analysis
    kept = (one._replace(trends=[it for it in one.trends if not retrospect.is_issue(told, it)]) for one in found)
    return [one for one in kept if one.trends]


def basis(past: Chronicle) -> str:
    """Return what the history is from, as a sentence or two."""
    if not past.jobs:
        return "No earlier job is kept."
    last = "the last " if len(past.jobs) > 1 else ""
    words = sentence(f"{last}{retrospect.span(past.jobs)}; {plural(past.patterns.curves, 'curve')}")
    few = past.patterns.too_short
    return f"{words} {sentence(retrospect.too_short(few))}" if few else words


def nothing(past: Chronicle) -> str:
    """Return the sentence for a history without a trend; empty where there were too few jobs to see one."""
    if past.patterns.too_short >= past.patterns.curves:
        return ""
    return f"Besides the issues: {retrospect.NO_TREND}" if past.onsets else retrospect.NO_TREND


def trend_lines(shown: View, more: str) -> Iterator[str]:
    """Yield the Markdown of what the history tells; `more` says where the rest of a long list is."""
    past = shown.analysis.chronicle
    if past is None:
        return
    found = trends(shown, past)
    yield from (f"**What earlier jobs say:** {basis(past)}{'' if found else ' ' + nothing(past)}".rstrip(), "")
    for title, every in found:
        left = len(every) - TRENDS
        yield from (f"**{md(title)}:**", "", *(f"- {_told(trend)}" for trend in every[:TRENDS]))
        yield from (["", f"… and {left:,} more, in {more}.", ""] if left > 0 else [""])


def _told(trend: Trend) -> str:
    when = retrospect.when(trend, version)
    what = f"{md(trend.endpoint)}, {plural(len(trend.curves), 'curve')}: {retrospect.size(trend)}"
    return f"{what}, {when}." if when else f"{what}."
