"""The form of a model's answer: in go the sheet and the sections asked for, out comes a JSON schema.

Ids are enums, so that a server with a grammar cannot produce one that is not there; a topic's object offers its own
facts and hypotheses only. Everything is inlined, there are no patterns, and no text is longer than 1000 characters:
servers differ in what else they understand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perftracker_ai.model import Part
from perftracker_ai.narrate.sections import (
    ACTIONS,
    DIVES,
    HEADLINE,
    ISSUES,
    LIMITS,
    PATTERNS,
    PROPERTIES,
    RISK,
    SUMMARY,
    asked,
)
from perftracker_ai.narrate.values import FactKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perftracker_ai.narrate.sections import Section
    from perftracker_ai.narrate.values import FactSheet

    Schema = dict[str, object]

EVIDENCE, CHOICES = 4, 3
"""Facts cited for a hypothesis and hypotheses chosen for a topic, at most."""
CHARACTERS_PER_TOKEN = 2.6
"""Of English mixed with ids and numbers, on the safe side."""

_CITED = frozenset(
    {FactKind.EVIDENCE, FactKind.CHANGE, FactKind.VALUE, FactKind.RANGE, FactKind.SHARE, FactKind.RATIO, FactKind.COUNT}
)
_RUN = {Part.PATTERNS: PATTERNS, Part.SUMMARY: SUMMARY, Part.HEADLINE: HEADLINE}
_RISKS = frozenset({Part.PRODUCTION, Part.USERS, Part.ADVICE})


def answer_schema(sheet: FactSheet, only: frozenset[str] | None = None) -> Schema:
    """Return the JSON schema of an answer.

    Parameters
    ----------
    sheet : FactSheet
    only : frozenset of str or None
        Keys of the sections asked for; None for all.
    """
    wanted = [section for section in asked(sheet) if only is None or section.key in only]
    properties: dict[str, Schema | None] = {
        ISSUES: _issues(sheet, wanted),
        DIVES: _dives(wanted),
        ACTIONS: _actions(wanted),
        RISK: _object({one.part.value: _prose(one.part) for one in wanted if one.part in _RISKS}),
        **{_RUN[one.part]: _prose(one.part) for one in wanted if one.part in _RUN},
    }
    return _object({name: found for name in PROPERTIES if (found := properties.get(name))}) or {"type": "object"}


def answer_tokens(schema: Mapping[str, object]) -> int:
    """Return how many tokens the longest answer of a schema takes."""
    return int(_longest(schema) / CHARACTERS_PER_TOKEN) + 1


def _issues(sheet: FactSheet, wanted: list[Section]) -> Schema | None:
    parts = (Part.IMPACT, Part.REMARK, Part.HYPOTHESES)
    topics: dict[str, Schema] = {}
    for section in wanted:
        if section.part in parts:
            form = _hypotheses(sheet, section.topic) if section.part is Part.HYPOTHESES else _prose(section.part)
            topics.setdefault(section.topic, {})[section.part.value] = form
    return _object({topic: _object(found) for topic, found in topics.items()})


def _hypotheses(sheet: FactSheet, topic: str) -> Schema:
    cited = [fact.id for fact in sheet.by_subject[topic] if fact.kind in _CITED]
    evidence = {"type": "array", "items": _enum(cited), "minItems": 1, "maxItems": EVIDENCE}
    choice = _object({"evidence": evidence, "hypothesis": _enum(list(sheet.topic[topic].hypotheses))})
    return {"type": "array", "items": choice, "minItems": 1, "maxItems": CHOICES}


def _dives(wanted: list[Section]) -> Schema | None:
    return _object({section.topic: _prose(section.part) for section in wanted if section.part is Part.DIVE})


def _actions(wanted: list[Section]) -> Schema | None:
    topics = [section.topic for section in wanted if section.part is Part.ACTION]
    if not topics:
        return None
    item = _object({"cluster": _enum(topics), "text": _prose(Part.ACTION)})
    return {"type": "array", "items": item, "minItems": len(topics), "maxItems": len(topics)}


def _object(properties: Mapping[str, object]) -> Schema | None:
    if not properties:
        return None
    ordered = dict(sorted(properties.items()))
    return {"type": "object", "properties": ordered, "required": list(ordered), "additionalProperties": False}


def _prose(part: Part) -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": LIMITS[part]}


def _enum(values: list[str]) -> Schema:
    return {"type": "string", "enum": values}


def _longest(form: Mapping[str, Any]) -> int:
    """Count the characters of the longest value of a form, with quotes, keys and commas."""
    if form["type"] == "object":
        return sum(len(name) + 6 + _longest(inner) for name, inner in form.get("properties", {}).items())
    if form["type"] == "array":
        return int(form["maxItems"]) * (_longest(form["items"]) + 4)
    return int(form.get("maxLength") or max(map(len, form["enum"]))) + 3
