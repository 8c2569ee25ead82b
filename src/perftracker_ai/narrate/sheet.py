"""The sheet of facts as the model sees it: one line a fact, never longer than its budget, whatever the run.

In: a `FactSheet` and a number of characters. Out: text. Every topic that is asked about comes with its facts as they
read in a sentence, and with all the evidence of its hypotheses; where that is too much, the least severe topics lose
their evidence first, then facts. What does not fit is counted. Everything a job can set stands in quotes, without
anything that could be taken for a slot, and is never cut within a word.
"""

from __future__ import annotations

import re
from collections import Counter
from enum import IntEnum
from typing import TYPE_CHECKING

from perftracker_ai.model import Direction, Severity
from perftracker_ai.narrate.places import reading
from perftracker_ai.narrate.values import CATALOGUE, RUN, Label
from perftracker_ai.words.text import ELLIPSIS, clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from perftracker_ai.narrate.values import Cause, Fact, FactSheet, Topic

TEXT_LIMIT = 240
"""Characters of one text that the model sees; a fact prints in full."""
WORD_LIMIT = 40
"""Characters up to which something without a blank is a word, and not cut."""

_RUN_LIMITS = {
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
    "unchanged curves": 1,
    "inconclusive curves": 1,
    "gap": 3,
    "pattern": 6,
    "history": 2,
    "creeping": 1,
    "shift of the whole run": 3,
}
"""Of each label, or labels that begin so, the values of the run that a model sees."""
_COUNTING_ROOM = 240
"""Characters kept free for the line that counts what was left out."""


class _Detail(IntEnum):
    ROW = 0
    BRIEF = 1
    EVIDENCE = 2
    FULL = 3


_ROW = (Label.NAME, Label.SLOWDOWN)
_BRIEF = (*_ROW, Label.LOADS, Label.THREADS, Label.SHAPE, Label.LOAD, Label.THREAD_COUNT, Label.VALUES, Label.ADDED)
_NEVER = (Label.ID, Label.SEVERITY, "curve", "load of a row", "baseline", "candidate", "slowdown at a load")
"""What is in a topic's title, and the cells of a table, which say nothing without their row."""
_CAUSES = ("title ", "for ", "against ", "evidence ", "objection ")
"""How labels begin of what is told with its hypothesis."""


def sheet_text(sheet: FactSheet, budget: int) -> str:
    """Return the facts as lines of at most `budget` characters in all."""
    head = _head(sheet)
    topics = [sheet.topic[key] for key in sheet.narrated]
    rest = [topic for topic in sheet.topics if topic.id not in sheet.narrated]
    best = [topic for topic in rest if topic.direction is Direction.BETTER][:1]
    gains = [_told(sheet, topic, _Detail.ROW) for topic in best]
    room = budget - len(head) - _COUNTING_ROOM - sum(len(text) + 1 for text in gains)
    details = _fitted(sheet, topics, room)
    told = [_told(sheet, topic, detail) for topic, detail in zip(topics, details, strict=True)]
    room -= sum(len(text) + 1 for text in told)
    others, left = _others(sheet, [topic for topic in rest if topic not in best], room)
    bare = [topic.id for topic, detail in zip(topics, details, strict=True) if detail < _Detail.EVIDENCE]
    return "\n".join([head, *told, *gains, *others, *_left_out(bare, left)])[:budget]


def quoted(text: str, limit: int = TEXT_LIMIT) -> str:
    """Return a text as data: on one line, in quotes it cannot leave, without slots, cut between two words."""
    plain = clean(text, 10 * limit).replace('"', "'")
    while "{{" in plain or "}}" in plain:
        plain = plain.replace("{{", "{ {").replace("}}", "} }")
    return f'"{_cut(plain, limit)}"'


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    head = text[: limit - 2]
    whole = re.match(r".*(?=\s\S*$)", head)
    kept = whole[0] if whole and len(head) - len(whole[0]) <= WORD_LIMIT else head
    return f"{kept.rstrip()} {ELLIPSIS}"


def _head(sheet: FactSheet) -> str:
    """Say what the report's first lines say, and what is known of the run."""
    lines = ["THE REPORT SAYS ALREADY", *(quoted(text) for text in sheet.said), "RUN"]
    seen: Counter[str] = Counter()
    for fact in sheet.by_subject.get(RUN, []):
        label = next((label for label in _RUN_LIMITS if fact.label.startswith(label)), "")
        seen[label] += 1
        if label and seen[label] <= _RUN_LIMITS[label]:
            lines.append(_line(fact, sheet))
    return "\n".join([*lines, *_checks(sheet)])


def _checks(sheet: FactSheet) -> Iterator[str]:
    """Yield how each of the causes is found out, once for all topics it is proposed for."""
    causes = {cause.key: cause for key in sheet.narrated for cause in sheet.topic[key].causes if cause.confirm}
    yield from ["HOW TO FIND OUT"] * bool(causes)
    for key, cause in causes.items():
        fact = sheet.find(CATALOGUE, f"confirm {key}")
        yield f"{fact.id if fact else 'no slot,'} check of {key} = {quoted(cause.confirm[0])}"


def _line(fact: Fact, sheet: FactSheet) -> str:
    return f"{fact.id} {_cut(clean(fact.label), TEXT_LIMIT)} = {quoted(reading(fact, sheet))}"


# ── topics ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _fitted(sheet: FactSheet, topics: list[Topic], room: int) -> list[_Detail]:
    """Return how much is told of each topic: everything, then less and less of the least severe, until it fits."""
    details = [_Detail.FULL] * len(topics)
    sizes = [len(_told(sheet, topic, _Detail.FULL)) + 1 for topic in topics]
    for less in (_Detail.EVIDENCE, _Detail.BRIEF, _Detail.ROW):
        for place in reversed(range(len(topics))):
            if sum(sizes) <= room:
                return details
            details[place] = less
            sizes[place] = len(_told(sheet, topics[place], less)) + 1
    return details


def _told(sheet: FactSheet, topic: Topic, detail: _Detail) -> str:
    facts = _facts(sheet, topic)
    if detail is _Detail.ROW:
        row = [fact for fact in facts if fact.label in _ROW]
        return f"{_title(topic)}: " + ", ".join(f"{fact.id} {quoted(reading(fact, sheet))}" for fact in row)
    kept = [fact for fact in facts if detail is _Detail.FULL or fact.label in _BRIEF]
    lines = list(_lines(kept, sheet))
    advice = [f" the report advises: {quoted(topic.said)}"] if topic.said and detail is _Detail.FULL else []
    causes = [line for cause in topic.causes for line in _cause(sheet, topic, cause, evidence=detail > _Detail.BRIEF)]
    return "\n".join([_title(topic), *lines, *advice, *causes])


def _lines(facts: list[Fact], sheet: FactSheet) -> Iterator[str]:
    """Yield facts as they read; a place that was told before is not told again."""
    told: set[str] = set()
    for fact in facts:
        place = reading(fact, sheet).removeprefix(fact.text)
        text = f"{fact.text} (…)" if place in told else f"{fact.text}{place}"
        told |= {place} if place else set()
        yield f" {fact.id} {_cut(clean(fact.label), TEXT_LIMIT)} = {quoted(text)}"


def _cause(sheet: FactSheet, topic: Topic, cause: Cause, *, evidence: bool) -> Iterator[str]:
    """Yield a hypothesis with its strength, its slot where the report names it, and what speaks for and against it."""
    fact = sheet.find(topic.id, f"title {cause.key}")
    name = f"{fact.id} cause {cause.key}" if fact else f"cause {cause.key}, no slot"
    yield f" {name} ({cause.strength.value}) = {quoted(fact.text if fact else cause.title)}"
    if evidence:
        yield from (f"  for: {quoted(text)}" for text in cause.evidence_for)
        yield from (f"  against: {quoted(text)}" for text in cause.evidence_against)


def _facts(sheet: FactSheet, topic: Topic) -> list[Fact]:
    """List a topic's facts for the model, repeated texts, causes and what is in its title left out."""
    found: dict[str, Fact] = {}
    for fact in sheet.by_subject.get(topic.id, []):
        if fact.label not in _NEVER and not fact.label.startswith(_CAUSES):
            found.setdefault(fact.text, fact)
    return list(found.values())


def _title(topic: Topic) -> str:
    severity = f"{topic.severity.value}, " if topic.severity else ""
    became = "changed" if topic.direction is Direction.UNKNOWN else f"became {topic.direction.value}"
    return f"{topic.id} {became}, {severity}{topic.confidence.value} confidence"


# ── the rest ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _others(sheet: FactSheet, topics: list[Topic], room: int) -> tuple[list[str], list[Topic]]:
    """Give the other topics a line each by rank while there is room."""
    lines: list[str] = []
    for place, topic in enumerate(topics):
        line = _told(sheet, topic, _Detail.ROW)
        room -= len(line) + 1
        if room < 0:
            return lines, topics[place:]
        lines.append(line)
    return lines, []


def _left_out(bare: list[str], topics: Iterable[Topic]) -> list[str]:
    counts = Counter(topic.severity.value if topic.severity else "improved" for topic in topics)
    names = (*(severity.value for severity in Severity), "improved")
    told = [f"{counts[name]} {name}" for name in names if counts[name]]
    lines = [f"EVIDENCE LEFT OUT for lack of room, of {len(bare)}: {', '.join(bare)}"] if bare else []
    return lines + ([f"LEFT OUT for lack of room: {', '.join(told)}"] if told else [])
