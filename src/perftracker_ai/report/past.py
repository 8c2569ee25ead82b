"""What earlier jobs say: since when, what creeps, what came and went; nothing where no history is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.model import Direction
from perftracker_ai.model.history import Bimodal, ChangePoint, Drift, NoiseChange
from perftracker_ai.report import history, still_open
from perftracker_ai.report.coverage import more
from perftracker_ai.report.run import value
from perftracker_ai.report.value import Items, Kind, Line, Paragraph, join, say
from perftracker_ai.words.numbers import plural
from perftracker_ai.words.text import clean, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.model.history import Chronicle
    from perftracker_ai.report.history import Trend
    from perftracker_ai.report.value import Block, Sentence, Value
    from perftracker_ai.report.view import View

TRENDS, NEWS = 5, 2
"""Trends of one kind that are told, and those told at once, where a reader looks first."""
NEWS_LABEL = "History"
VERSION_LIMIT, NAME_LIMIT = 60, 160
_KINDS = ("slower", "creeping", "recovered", "noisier", "switching")
"""What is told, in order: what became faster asks nobody to act."""
LISTS = {ChangePoint: "shifts", Drift: "creeps", NoiseChange: "unrests", Bimodal: "switchings"}


def version(text: str) -> str:
    """Return a version cleaned and cut."""
    return clean(text, VERSION_LIMIT)


def beyond(shown: View) -> str:
    """Return what to add where nothing is said to be slower, while something creeps, is open or is accepted."""
    creeps = " against the baseline" if creeping(shown) or still_open.still_open(shown) else ""
    return creeps + (" beyond what is accepted" if shown.accepted else "")


def creeping(shown: View) -> Value | None:
    """Return what creeps by as much as the policy names, and how much; None where nothing does, or nobody knows."""
    for at, rule in enumerate(shown.analysis.decision.rules):
        if rule.fired and rule.key == "monitor_creep":
            return value(Kind.NOTE, "creeping", clean(rule.because), at=f"/verdict/rules/{at}/because")
    return None


def news(shown: View) -> Iterator[Block]:
    """Yield what matters most of the history."""
    past = shown.analysis.chronicle
    if past is None:
        return
    found = history.notable(shown.analysis)
    told = [
        _value(past, "history", trend, f"{clean(trend.endpoint, NAME_LIMIT)} {history.news(trend, past, version)}")
        for trend in found[:NEWS]
    ]
    left = len(found) - NEWS
    rest = (
        say(
            "; ",
            value(Kind.COUNT, "more history", f"{left:,} more", raw=left, at="/chronicle/patterns"),
            " under Patterns and Trends",
        )
        if left > 0
        else ()
    )
    if told:
        yield Paragraph(label=NEWS_LABEL, said=say(join(told, "; "), rest, "."))


def trends(shown: View) -> Iterator[Block]:
    """Yield what the history tells besides the issues, by kind."""
    past = shown.analysis.chronicle
    if past is None:
        return
    every = history.sections(past.patterns, "")
    kept = [
        (every[kind].title, [one for one in every[kind].trends if not history.is_issue(shown.analysis, one)])
        for kind in _KINDS
    ]
    found = [(title, trends) for title, trends in kept if trends]
    yield Paragraph(label="What earlier jobs say", said=say(_basis(past), "" if found else _nothing(past)))
    for title, some in found:
        lines = [Line(label="", said=_told(past, trend)) for trend in some[:TRENDS]]
        left = len(some) - TRENDS
        lines += [Line(label="", said=more(left, f"/chronicle/patterns/{LISTS[type(some[0])]}"))] if left > 0 else []
        yield Paragraph(label=clean(title), said=())
        yield Items(items=tuple(lines), ordered=False)


def _basis(past: Chronicle) -> Value | str:
    if not past.jobs:
        return "No earlier job is kept."
    last = "the last " if len(past.jobs) > 1 else ""
    words = sentence(f"{last}{history.span(past.jobs)}; {plural(past.patterns.curves, 'curve')}")
    few = past.patterns.too_short
    text = f"{words} {sentence(history.too_short(few))}" if few else words
    return value(Kind.NOTE, "what the history is from", text, at="/chronicle")


def _nothing(past: Chronicle) -> str:
    """Return the sentence for a history without a trend; empty where there were too few jobs to see one."""
    if past.patterns.too_short >= past.patterns.curves:
        return ""
    return f" Besides the issues: {history.NO_TREND}" if past.onsets else f" {history.NO_TREND}"


def _told(past: Chronicle, trend: Trend) -> Sentence:
    when = history.when(trend, version)
    text = f"{clean(trend.endpoint, NAME_LIMIT)}, {plural(len(trend.curves), 'curve')}: {history.size(trend)}"
    return say(_value(past, "trend", trend, f"{text}, {when}" if when else text), ".")


def _value(past: Chronicle, label: str, trend: Trend, text: str) -> Value:
    name = LISTS[type(trend)]
    place = next(at for at, other in enumerate(getattr(past.patterns, name)) if other is trend)
    raw = trend.ratio if isinstance(trend, NoiseChange) else trend.slowdown
    direction = None
    if isinstance(trend, (ChangePoint, Drift)):
        direction = Direction.WORSE if trend.slowdown > 0 else Direction.BETTER
    return value(Kind.NOTE, label, text, raw=raw, at=f"/chronicle/patterns/{name}/{place}", direction=direction)
