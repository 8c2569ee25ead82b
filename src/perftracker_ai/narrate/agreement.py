"""What a sentence must agree with: direction, severity and confidence of its topic, and whose numbers it gives.

In: a `Sentence`. Out: violations. Direction is judged clause by clause, for one sentence may tell of both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.model import Direction, MetricKind, Severity, Verdict
from perftracker_ai.narrate import lexicon
from perftracker_ai.narrate.prose import MARK, Kind
from perftracker_ai.narrate.values import RUN, FactKind, Label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.narrate.prose import Sentence
    from perftracker_ai.narrate.rules import Found
    from perftracker_ai.narrate.values import Fact, Topic

_HEAVY = frozenset({Severity.CRITICAL, Severity.SEVERE})
_STOPPED = frozenset({Verdict.BLOCK, Verdict.INVESTIGATE})
_VERSIONS = {Label.BASELINE.value: "baseline", Label.CANDIDATE.value: "candidate"}
_PLACES = frozenset({Label.LOADS, Label.LOAD, Label.THREAD_COUNT})


def disagreements(sentence: Sentence) -> Iterator[Found]:
    """Yield everything a sentence says against the facts it is about."""
    for rule in (_swapped, _directions, _sides, _denied, _no_change, _severities, _confidences, _played, _metrics):
        yield from rule(sentence)


# ── whose numbers ───────────────────────────────────────────────────────────────────────────────────────────────────


def _swapped(sentence: Sentence) -> Iterator[Found]:
    """Find facts of another topic in a topic's section, and numbers that do not belong to the endpoint named last."""
    facts = [fact for fact in sentence.facts if fact.subject in sentence.sheet.topic]
    if sentence.section.topic:
        yield from ((Kind.SWAPPED, fact.id) for fact in facts if fact.subject != sentence.section.topic)
        return
    named = ""
    following = next((fact.subject for fact in facts if fact.kind is FactKind.NAME), "")
    for fact in facts:
        if fact.kind is FactKind.NAME:
            named = fact.subject
        elif fact.subject != (named or following or sentence.context) and not _is_place(fact, named):
            yield Kind.SWAPPED, fact.id


def _is_place(fact: Fact, named: str) -> bool:
    """Tell whether a fact only says at which load, before anything is named."""
    return fact.label in _PLACES and not named


# ── directions ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _directions(sentence: Sentence) -> Iterator[Found]:
    known: set[Direction] = set()
    facts = iter(sentence.facts)
    for clause in lexicon.CLAUSES.split(sentence.bare):
        # The range first: zip takes from its first argument before it sees that the second has ended.
        here = {fact.direction for _, fact in zip(range(clause.count(MARK)), facts, strict=False)}
        known = {direction for direction in here if direction} or known
        for claimed, met in _claims(clause):
            if not _is_true(sentence, claimed, known):
                yield Kind.DIRECTION, met


def _claims(clause: str) -> Iterator[tuple[Direction, str]]:
    """Find what a clause says of the direction of a change; a denial of a gain is no claim of one."""
    asserted = clause
    for pattern in (lexicon.NO_CHANGE, lexicon.NOT_BETTER, lexicon.BETTER_KNOWLEDGE, lexicon.LOST_GAIN):
        asserted = pattern.sub(" ", asserted)
    for direction, patterns in (
        (Direction.BETTER, (lexicon.BETTER, lexicon.COST_DOWN)),
        (Direction.WORSE, (lexicon.WORSE, lexicon.COST_UP)),
    ):
        met = next(filter(None, (pattern.search(asserted) for pattern in patterns)), None)
        if met:
            yield direction, met[0]


def _is_true(sentence: Sentence, claimed: Direction, known: set[Direction]) -> bool:
    """Tell whether a claim fits: the section's topic, the clause's facts, or what the run holds at all."""
    topic = sentence.sheet.topic.get(sentence.section.topic)
    if topic:
        return claimed is topic.direction
    if known:
        return known == {claimed}
    run = {topic.direction for topic in sentence.sheet.topics}
    if claimed is Direction.WORSE:
        return claimed in run
    # An improvement said of nothing in particular would be read as one of the whole run.
    return run == {claimed} or any(fact.direction is claimed for fact in sentence.facts)


def _sides(sentence: Sentence) -> Iterator[Found]:
    """Find a change said of the baseline: every change is the candidate's."""
    words = iter([_VERSIONS.get(fact.label, MARK) for fact in sentence.facts])
    told = "".join(next(words, MARK) if char == MARK else char for char in sentence.bare)
    met = lexicon.WRONG_SIDE.search(told)
    if met:
        yield Kind.DIRECTION, met[0]


def _denied(sentence: Sentence) -> Iterator[Found]:
    met = lexicon.DENIED.search(sentence.bare)
    if met:
        yield Kind.DENIED, met[0]


def _no_change(sentence: Sentence) -> Iterator[Found]:
    """Find a denial of regressions where there are some, or of one in the section about it."""
    met = lexicon.NO_CHANGE.search(sentence.bare)
    worse = any(topic.direction is Direction.WORSE for topic in sentence.sheet.topics) or _became_worse(sentence)
    if met and (worse or sentence.sheet.failing or sentence.sheet.lost):
        yield Kind.DIRECTION, met[0]


# ── severity and confidence ─────────────────────────────────────────────────────────────────────────────────────────


def _about(sentence: Sentence) -> list[Topic]:
    names = (sentence.section.topic,) if sentence.section.topic else sentence.topics
    return [sentence.sheet.topic[name] for name in names]


def _became_worse(sentence: Sentence) -> bool:
    """Tell whether earlier jobs say that something is slower now, whatever the comparison found."""
    return sentence.sheet.find(RUN, Label.HISTORY) is not None


def _severities(sentence: Sentence) -> Iterator[Found]:
    topics = _about(sentence) or sentence.sheet.topics
    for met in lexicon.SEVERITIES.finditer(sentence.bare):
        if not any(topic.severity == met[1] for topic in topics):
            yield Kind.SEVERITY, met[0]


def _confidences(sentence: Sentence) -> Iterator[Found]:
    for met in lexicon.CONFIDENCES.finditer(sentence.bare):
        stated = met[1] or met[2]
        if not any(topic.confidence == stated for topic in _about(sentence)):
            yield Kind.SEVERITY, met[0]


def _played(sentence: Sentence) -> Iterator[Found]:
    """Find what plays a change up or down; where no topic is named, the verdict says how grave the run is."""
    topics = _about(sentence)
    heavy = any(topic.severity in _HEAVY for topic in topics) if topics else sentence.sheet.verdict in _STOPPED
    worse = any(topic.direction is Direction.WORSE for topic in topics or sentence.sheet.topics)
    worse = worse or (not topics and _became_worse(sentence))
    patterns = [lexicon.DISMISSALS] if worse or heavy else []
    patterns.append(lexicon.UNDERSTATED if heavy else lexicon.OVERSTATED)
    for pattern in patterns:
        met = pattern.search(sentence.bare)
        if met:
            yield Kind.SEVERITY, met[0]


def _metrics(sentence: Sentence) -> Iterator[Found]:
    """Find talk of latency or throughput where the topic has no curve of it."""
    topic = sentence.sheet.topic.get(sentence.section.topic)
    kinds = ((MetricKind.LATENCY, lexicon.LATENCY_WORDS), (MetricKind.RATE, lexicon.RATE_WORDS))
    for kind, pattern in kinds:
        met = pattern.search(sentence.bare)
        if topic and met and kind not in topic.metric_kinds:
            yield Kind.UNMEASURED, met[0]
