"""The program's own words for every section, made of slots: what stands in the report where no model wrote.

In: a `FactSheet`. Out: text with slots, held to the verifier's own rules. Sentences whose facts are not there are
left out, so that a section says only what is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.model import Confidence, Direction, Severity, Verdict
from perftracker_ai.narrate.sections import Part
from perftracker_ai.narrate.values import CATALOGUE, RUN, FactKind, Label
from perftracker_ai.text import listing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perftracker_ai.narrate.sections import Section
    from perftracker_ai.narrate.values import Fact, FactSheet, Topic
    from perftracker_ai.narrate.verify import Choice

PATTERNS, GAPS, USERS = 4, 2, 2
_NAMED = frozenset(Label)


def template(section: Section, sheet: FactSheet) -> str:
    """Return the program's text for a section, with its slots."""
    if section.topic:
        return _OF_TOPIC[section.part](sheet, section.topic)
    return _OF_RUN[section.part](sheet)


def hypotheses(sheet: FactSheet, topic: str, choices: Sequence[Choice]) -> str:
    """Return the hypotheses of a topic with what speaks for and against each; without choices, all that are offered."""
    cited = {choice.hypothesis: choice.evidence for choice in choices}
    keys = tuple(cited) or sheet.topic[topic].hypotheses
    if not keys:
        return "The shape of the change fits no known pattern; a profile would say more."
    return _text(*(_hypothesis(sheet, topic, key, cited.get(key, ())) for key in keys))


# ── building blocks ─────────────────────────────────────────────────────────────────────────────────────────────────


def _slot(sheet: FactSheet, subject: str, label: str) -> str:
    fact = sheet.find(subject, label)
    return _slot_of(fact) if fact else ""


def _slot_of(fact: Fact) -> str:
    return f"{{{{{fact.id}}}}}"


def _slots(sheet: FactSheet, subject: str, label: str, limit: int) -> list[str]:
    return [_slot_of(fact) for fact in sheet.by_label.get((subject, label), ())[:limit]]


def _say(pattern: str, *slots: str) -> str:
    """Put slots into a sentence; nothing when one of them is not there."""
    return pattern.format(*slots) if all(slots) else ""


def _text(*parts: str) -> str:
    return " ".join(filter(None, parts))


def _worse(sheet: FactSheet) -> list[Topic]:
    return [topic for topic in sheet.topics if topic.direction is Direction.WORSE]


def _grave(sheet: FactSheet) -> list[Topic]:
    return [topic for topic in _worse(sheet) if topic.severity is not Severity.MINOR]


def _gaps(sheet: FactSheet) -> str:
    return listing([slot for label in (Label.FAILING, Label.LOST) if (slot := _slot(sheet, RUN, label))])


# ── the whole run ───────────────────────────────────────────────────────────────────────────────────────────────────


def _headline(sheet: FactSheet) -> str:
    verdict = _slot(sheet, RUN, Label.VERDICT)
    for topic in _worse(sheet)[:1]:
        name, change, loads = (_slot(sheet, topic.id, label) for label in (Label.NAME, Label.SLOWDOWN, Label.LOADS))
        return f"{verdict}: {name} is {change}" + (f" over {loads}." if loads else ".")
    gaps = _gaps(sheet)
    if gaps:
        return f"{verdict}: {gaps}."
    if sheet.verdict is Verdict.INSUFFICIENT_EVIDENCE:
        return f"{verdict}: {_slot(sheet, RUN, Label.COMPARABLE)}."
    shift = _slot(sheet, RUN, Label.SHIFT)
    return f"{verdict}: {shift}." if shift else f"{verdict}: no regression was found."


def _summary(sheet: FactSheet) -> str:
    meaning, compared = (_slot(sheet, RUN, label) for label in (Label.MEANING, Label.COMPARED))
    found = _say("Found: {} in {}.", _slot(sheet, RUN, Label.ISSUES), compared)
    return _text(
        _say("{}.", meaning),
        found or _nothing_found(sheet, compared),
        *_worst_two(sheet),
        _say("Missing from the picture: {}.", _gaps(sheet)),
        _say(
            "The run moved as a whole: {}. Repeat it before judging single endpoints.", _slot(sheet, RUN, Label.SHIFT)
        ),
        _improvements(sheet),
    )


def _nothing_found(sheet: FactSheet, compared: str) -> str:
    if sheet.verdict is Verdict.INSUFFICIENT_EVIDENCE:
        comparable = _say("{}.", _slot(sheet, RUN, Label.COMPARABLE))
        return _text(comparable, _say("What would decide it: {}.", _slot(sheet, RUN, "open questions")))
    # With gaps it cannot be said that nothing became worse, only how much was compared.
    return (
        _say("{}.", _slot(sheet, RUN, Label.COMPARABLE)) if _gaps(sheet) else f"No regression was found in {compared}."
    )


def _worst_two(sheet: FactSheet) -> list[str]:
    told = []
    for topic, opening in zip(_worse(sheet), ("The worst is", "Next comes"), strict=False):
        slots = [_slot(sheet, topic.id, label) for label in (Label.NAME, Label.SLOWDOWN, Label.LOADS)]
        told.append(_say(opening + " {}, {} in the median over {}.", *slots) or _say(opening + " {}, {}.", *slots[:2]))
    return told


def _improvements(sheet: FactSheet) -> str:
    better = next((topic for topic in sheet.topics if topic.direction is Direction.BETTER), None)
    if better is None:
        return ""
    name, change = (_slot(sheet, better.id, label) for label in (Label.NAME, Label.SLOWDOWN))
    return f"In return, {name} improved: {change}." if _worse(sheet) else f"{name} improved: {change}."


def _patterns(sheet: FactSheet) -> str:
    shares = _slots(sheet, RUN, Label.PATTERN, PATTERNS)
    if not _worse(sheet):
        return "Nothing became slower, so there is no pattern to see." if not _gaps(sheet) else _gaps(sheet) + "."
    told = (
        f"Of the curves measured, {listing(shares)}." if shares else "The regressions share no factor that stands out."
    )
    shared = [(_slot(sheet, topic.id, Label.ID), _slot(sheet, topic.id, Label.SHARED)) for topic in _worse(sheet)]
    return _text(told, *[_say("{} shares {}.", *pair) for pair in shared if all(pair)][:GAPS])


def _production(sheet: FactSheet) -> str:
    grave, gaps = _grave(sheet), _gaps(sheet)
    if not grave:
        return f"The load points that are missing count most: {gaps}." if gaps else _calm(sheet)
    worst = max(grave, key=lambda topic: abs(_value(sheet, topic.id)))
    name, change = (_slot(sheet, worst.id, label) for label in (Label.NAME, Label.SLOWDOWN))
    return _text(
        _say("There are {}.", _slot(sheet, RUN, Label.RELEVANT)),
        _say("The largest is {}, {}.", name, change),
        _say("Of these, {}.", _slot(sheet, RUN, Label.REACHING)),
        _say("Besides, there are gaps: {}.", gaps),
    )


def _value(sheet: FactSheet, topic: str) -> float:
    fact = sheet.find(topic, Label.SLOWDOWN)
    return float(fact.value) if fact and isinstance(fact.value, int | float) else 0.0


def _calm(sheet: FactSheet) -> str:
    if sheet.verdict is Verdict.INSUFFICIENT_EVIDENCE:
        return "Unknown: too little could be compared."
    shift = _slot(sheet, RUN, Label.SHIFT)
    if shift:
        return f"Unknown until the run is repeated: {shift}."
    if _worse(sheet):
        return "Small: what became slower stays below the threshold of a regression."
    return "None is to be expected from these measurements."


def _users(sheet: FactSheet) -> str:
    told = []
    for topic in _grave(sheet)[:USERS]:
        name, load, impact = (_slot(sheet, topic.id, label) for label in (Label.NAME, Label.WORST_LOAD, Label.IMPACT))
        told.append(_say("{}: at {}, {}.", name, load, impact) or _say("{}: {}.", name, impact))
    return _text(*told) or _calm_users(sheet)


def _calm_users(sheet: FactSheet) -> str:
    if sheet.verdict is Verdict.INSUFFICIENT_EVIDENCE or _gaps(sheet) or _slot(sheet, RUN, Label.SHIFT):
        return "These measurements do not tell what users will notice."
    return "Users should not notice a difference in what was measured."


def _advice(sheet: FactSheet) -> str:
    return _text(
        _say("{}.", _slot(sheet, RUN, Label.RECOMMENDATION)),
        _say("Urgency – {}.", _slot(sheet, RUN, Label.URGENCY)),
    )


# ── one topic ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _impact(sheet: FactSheet, topic: str) -> str:
    load, threads, impact, added = (
        _slot(sheet, topic, label)
        for label in (Label.WORST_LOAD, Label.WORST_THREADS, Label.IMPACT, Label.ADDED)
    )  # fmt: skip
    at = _say("At {}", load) + (_say(" with {}", threads) if load else "")
    lead = _say("At {}, {}", load, impact) if load else _say("{}", impact)
    lead = f"{at}, {impact}" if at and impact else lead
    told = f"{lead}, {added}." if lead and added else _say("{}.", lead)
    return _text(told or "The values at single loads cannot be compared.", _spread(sheet, topic))


def _spread(sheet: FactSheet, topic: str) -> str:
    loads, reach = _slot(sheet, topic, Label.LOADS), _slot(sheet, topic, Label.REACH)
    if loads and reach:
        return f"The change covers {loads}, {reach}."
    return _say("The change is confined to {}.", loads)


def _remark(sheet: FactSheet, topic: str) -> str:
    curves, metrics, threads, shape = (
        _slot(sheet, topic, label) for label in (Label.CURVES, Label.METRICS, Label.THREADS, Label.SHAPE)
    )
    seen = _say("Seen in {} of {}", curves, metrics) + (_say(" at {}", threads) if metrics else "")
    return _text(
        f"{seen}." if seen else "",
        _say("Shape: {}.", shape),
        _exponents(sheet, topic),
        _say("The finding has {}: {}.", _slot(sheet, topic, Label.CONFIDENCE), _slot(sheet, topic, Label.REASONS)),
    )


def _exponents(sheet: FactSheet, topic: str) -> str:
    return _say(
        "Along the load: {}, {}.",
        _slot(sheet, topic, "cost exponent before"),
        _slot(sheet, topic, "cost exponent after"),
    )


def _hypothesis(sheet: FactSheet, topic: str, key: str, cited: Sequence[str]) -> str:
    title, strength = _slot(sheet, CATALOGUE, f"title {key}"), _slot(sheet, topic, f"{Label.STRENGTH} {key}")
    own = _slots(sheet, topic, f"{FactKind.EVIDENCE.value} {key}", 3)
    evidence = [f"{{{{{name}}}}}" for name in cited] or own
    against = _slots(sheet, topic, f"{FactKind.OBJECTION.value} {key}", 2)
    return _text(
        _say("Possibly {} ({}).", title, strength),
        _say("For it: {}.", "; ".join(evidence)),
        _say("Against it: {}.", "; ".join(against)),
        _say("To confirm: {}.", _slot(sheet, CATALOGUE, f"{FactKind.CONFIRM.value} {key}")),
        _say("It would be refuted by this: {}.", _slot(sheet, CATALOGUE, f"{FactKind.REFUTE.value} {key}")),
    )


def _dive(sheet: FactSheet, topic: str) -> str:
    labels = (Label.SLOWDOWN, Label.INTERVAL, Label.LARGEST, Label.CONSISTENCY)
    median, interval, largest, consistency = (_slot(sheet, topic, label) for label in labels)
    first = [_slot(sheet, topic, label) for label in (Label.FIRST_LOAD, Label.FIRST_VALUES)]
    last = [_slot(sheet, topic, label) for label in (Label.LAST_LOAD, Label.LAST_VALUES)]
    spread = _say("The ends of the range: at {} it is {}, at {} {}.", *first, *last)
    return _text(
        _say("In the median it is {}", median) + (_say("; the evidence gives {}.", interval) if interval else "."),
        _say("Single loads are {}.", largest),
        _say("{}.", consistency),
        spread if first != last else "",
        *_evidence(sheet, topic),
    )


def _evidence(sheet: FactSheet, topic: str) -> list[str]:
    """Give the numbers behind the shape that nothing else has told."""
    facts = [fact for fact in sheet.by_subject.get(topic, []) if fact.kind is FactKind.VALUE]
    own = [_slot_of(fact) for fact in facts if fact.label not in _NAMED]
    return [f"Behind the shape: {listing(own)}."] if own else []


def _action(sheet: FactSheet, topic: str) -> str:
    name, load, threads = (_slot(sheet, topic, label) for label in (Label.NAME, Label.WORST_LOAD, Label.WORST_THREADS))
    spot = name + _say(" at {}", load) + _say(" with {}", threads)
    if sheet.topic[topic].confidence is Confidence.LOW:
        return f"Measure {spot} again on both versions, with repeated runs, before anybody works on it."
    if sheet.topic[topic].severity is Severity.MODERATE:
        return f"Plan {spot} for the next build, and measure it again with that."
    key = next(iter(sheet.topic[topic].hypotheses), "")
    confirm = _slot(sheet, CATALOGUE, f"{FactKind.CONFIRM.value} {key}") if key else ""
    return _text(f"Profile {spot} on both versions.", _say("Then: {}.", confirm))


def _hypotheses(sheet: FactSheet, topic: str) -> str:
    return hypotheses(sheet, topic, ())


_OF_RUN: dict[Part, Callable[[FactSheet], str]] = {
    Part.HEADLINE: _headline,
    Part.SUMMARY: _summary,
    Part.PATTERNS: _patterns,
    Part.PRODUCTION: _production,
    Part.USERS: _users,
    Part.ADVICE: _advice,
}
_OF_TOPIC: dict[Part, Callable[[FactSheet, str], str]] = {
    Part.IMPACT: _impact,
    Part.REMARK: _remark,
    Part.HYPOTHESES: _hypotheses,
    Part.DIVE: _dive,
    Part.ACTION: _action,
}
