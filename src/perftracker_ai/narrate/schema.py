"""The form of a model's answer: in go the sheet and the sections asked for, out comes a JSON schema.

Ids are enums, so that a server with a grammar cannot produce one that is not there. Everything is inlined, there are
no patterns, and no text is longer than 1000 characters: servers differ in what else they understand.
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
    sections,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perftracker_ai.narrate.sections import Section
    from perftracker_ai.narrate.values import FactSheet

    Schema = dict[str, object]

CHARACTERS_PER_TOKEN = 2.6
"""Of English mixed with ids and numbers, on the safe side."""

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
    wanted = [section for section in sections(sheet) if only is None or section.key in only]
    properties: dict[str, Schema | None] = {
        ISSUES: _issues(wanted),
        DIVES: _dives(wanted),
        ACTIONS: _actions(wanted),
        RISK: _object({one.part.value: _prose(one.part) for one in wanted if one.part in _RISKS}),
        **{_RUN[one.part]: _prose(one.part) for one in wanted if one.part in _RUN},
    }
    return _object({name: found for name in PROPERTIES if (found := properties.get(name))}) or {"type": "object"}


def answer_tokens(schema: Mapping[str, object]) -> int:
    """Return how many tokens the longest answer of a schema takes."""
    return int(_longest(schema) / CHARACTERS_PER_TOKEN) + 1


def _issues(wanted: list[Section]) -> Schema | None:
    parts = (Part.IMPACT, Part.REMARK)
    topics: dict[str, Schema] = {}
    for section in wanted:
        if section.part in parts:
            topics.setdefault(section.topic, {})[section.part.value] = _prose(section.part)
    return _object({topic: _object(found) for topic, found in topics.items()})


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
