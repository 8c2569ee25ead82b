"""The sheet of facts as the model sees it: one line a fact, never longer than its budget, whatever the run.

In: a `FactSheet` and a number of characters. Out: text. The worst topics get all their facts, others fewer, the rest
a line each; what does not fit is counted. Everything a job can set stands in quotes, cut and without anything that
could be taken for a slot.
"""

from __future__ import annotations

from collections import Counter
from enum import IntEnum
from typing import TYPE_CHECKING

from perftracker_ai.model import Direction, Severity
from perftracker_ai.narrate.values import CATALOGUE, RUN, FactKind, Label
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perftracker_ai.narrate.values import Fact, FactSheet, Topic

TEXT_LIMIT = 90
"""Characters of one fact's text that the model sees; it prints in full."""

_RUN_LIMITS = {
    "verdict": 1,
    "meaning of the verdict": 1,
    "recommendation": 1,
    "urgency": 1,
    "rule that fired": 2,
    "validity": 3,
    "product": 1,
    "baseline version": 1,
    "candidate version": 1,
    "hardware": 1,
    "reruns": 1,
    "issues": 3,
    "newly failing": 1,
    "lost coverage": 1,
    "curves": 1,
    "regressed curves": 1,
    "improved curves": 1,
    "inconclusive curves": 1,
    "gap": 3,
    "pattern": 6,
    "history": 2,
    "creeping": 1,
    "shift of the whole run": 3,
}
"""Of each label, or labels that begin so, the values of the run that a model sees."""
_COUNTING_ROOM = 160
"""Characters kept free for the line that counts what was left out."""


class _Detail(IntEnum):
    ROW = 0
    BRIEF = 1
    FULL = 2


_BRIEF = (
    Label.NAME,
    Label.SLOWDOWN,
    Label.LOADS,
    Label.THREADS,
    Label.SHAPE,
    Label.CONFIDENCE,
    Label.LOAD,
    Label.THREAD_COUNT,
    Label.METRIC,
    Label.VALUES,
    Label.ADDED,
)
_ROW = (Label.NAME, Label.SLOWDOWN, Label.LOADS)
_NEVER = (
    Label.ID,
    Label.SEVERITY,
    Label.REASON,
    "curve",
    "load of a row",
    "baseline",
    "candidate",
    "slowdown at a load",
)
"""What is in a topic's title, and the cells of a table, which say nothing without their row."""


def sheet_text(sheet: FactSheet, budget: int) -> str:
    """Return the facts as lines of at most `budget` characters in all."""
    head = _head(sheet)
    keys = list(dict.fromkeys((*sheet.narrated, *sheet.dives, *sheet.actions)))
    room = budget - len(head) - _COUNTING_ROOM
    told = _fitted(sheet, [sheet.topic[key] for key in keys], room)
    room -= sum(len(text) + 1 for text in told)
    others, left = _others(sheet, [topic for topic in sheet.topics if topic.id not in keys], room)
    return "\n".join([head, *told, *others, *_left_out(left)])[:budget]


def quoted(text: str, limit: int = TEXT_LIMIT) -> str:
    """Return a text as data: on one line, cut, in quotes it cannot leave, without slots."""
    plain = clean(text, limit).replace('"', "'")
    while "{{" in plain or "}}" in plain:
        plain = plain.replace("{{", "{ {").replace("}}", "} }")
    return f'"{plain}"'


def _head(sheet: FactSheet) -> str:
    """Say what is known of the run, and the catalogue's entries that are proposed for a topic told in words."""
    seen: Counter[str] = Counter()
    lines = ["RUN"]
    for fact in sheet.facts:
        label = next((label for label in _RUN_LIMITS if fact.label.startswith(label)), "")
        seen[label] += fact.subject == RUN
        if fact.subject == RUN and label and seen[label] <= _RUN_LIMITS[label]:
            lines.append(_line(fact))
    offered = {key for topic in sheet.narrated for key in sheet.topic[topic].hypotheses}
    entries = [fact for fact in sheet.facts if fact.subject == CATALOGUE and fact.raw in offered]
    lines += ["HYPOTHESES"] * bool(entries)
    lines += [_line(fact) for fact in entries if fact.kind is not FactKind.REFUTE and _is_first(sheet, fact)]
    return "\n".join(lines)


def _is_first(sheet: FactSheet, fact: Fact) -> bool:
    return sheet.find(fact.subject, fact.label) is fact


def _line(fact: Fact) -> str:
    return f"{fact.id} {clean(fact.label, TEXT_LIMIT)} = {quoted(fact.text)}"


# ── topics ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _fitted(sheet: FactSheet, topics: list[Topic], room: int) -> list[str]:
    """Tell topics in as much detail as fits, the worst first: all briefly before any in full."""
    told = [_told(sheet, topic, _Detail.ROW) for topic in topics]
    for detail in (_Detail.BRIEF, _Detail.FULL):
        for place, topic in enumerate(topics):
            richer = _told(sheet, topic, detail)
            if sum(len(text) + 1 for text in told) - len(told[place]) + len(richer) <= room:
                told[place] = richer
    return told


def _told(sheet: FactSheet, topic: Topic, detail: _Detail) -> str:
    facts = _facts(sheet, topic)
    if detail is _Detail.ROW:
        row = [fact for fact in facts if fact.label in _ROW]
        return f"{_title(topic)}: " + ", ".join(f"{fact.id} {quoted(fact.text)}" for fact in row)
    if detail is _Detail.BRIEF:
        facts = [fact for fact in facts if fact.label in _BRIEF]
    hypotheses = f"; hypotheses offered: {', '.join(topic.hypotheses)}" if topic.hypotheses else ""
    return "\n".join([_title(topic) + hypotheses, *(f" {_line(fact)}" for fact in facts)])


def _facts(sheet: FactSheet, topic: Topic) -> list[Fact]:
    """List a topic's facts for the model, repeated texts and what is in its title left out."""
    found: dict[str, Fact] = {}
    for fact in sheet.by_subject.get(topic.id, []):
        if fact.label not in _NEVER:
            found.setdefault(fact.text, fact)
    return list(found.values())


def _title(topic: Topic) -> str:
    severity = f"{topic.severity.value}, " if topic.severity else ""
    return f"{topic.id} became {topic.direction.value}, {severity}{topic.confidence.value} confidence"


# ── the rest ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _others(sheet: FactSheet, topics: list[Topic], room: int) -> tuple[list[str], list[Topic]]:
    """Give the other topics a line each while there is room: the best improvement, then by rank."""
    best = [topic for topic in topics if topic.direction is Direction.BETTER][:1]
    ordered = [*best, *(topic for topic in topics if topic not in best)]
    lines: list[str] = []
    for place, topic in enumerate(ordered):
        line = _told(sheet, topic, _Detail.ROW)
        room -= len(line) + 1
        if room < 0:
            return lines, ordered[place:]
        lines.append(line)
    return lines, []


def _left_out(topics: Iterable[Topic]) -> list[str]:
    counts = Counter(topic.severity.value if topic.severity else "improved" for topic in topics)
    names = (*(severity.value for severity in Severity), "improved")
    told = ", ".join(f"{counts[name]} {name}" for name in names if counts[name])
    return [f"LEFT OUT for lack of room: {told}"] if told else []
