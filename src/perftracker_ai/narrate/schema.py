"""The form of a model's answer: in go the sheet and the sections asked for, out comes a JSON schema.

Ids are enums, so that a server with a grammar cannot produce one that is not there. Everything is inlined, there are
no patterns, and no text is longer than 1000 characters: servers differ in what else they understand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perftracker_ai.model import Part
from perftracker_ai.narrate import choices
from perftracker_ai.narrate.sections import COMMENTARY, LIMITS, REMARKS, sections

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perftracker_ai.narrate.values import FactSheet

    Schema = dict[str, object]

CHARACTERS_PER_TOKEN = 2.6
"""Of English mixed with ids and numbers, on the safe side."""


def answer_schema(sheet: FactSheet, only: frozenset[str] | None = None) -> Schema:
    """Return the JSON schema of an answer.

    Parameters
    ----------
    sheet : FactSheet
    only : frozenset of str or None
        Keys of the sections asked for; None for all.
    """
    wanted = [section for section in sections(sheet) if only is None or section.key in only]
    whole = only is None or only >= {section.key for section in sections(sheet)}
    remarks: dict[str, Schema] = {one.topic: _prose(one.part) for one in wanted if one.part is Part.REMARK}
    properties: dict[str, Schema] = dict(choices.forms(sheet)) if whole else {}
    if remarks:
        properties[REMARKS] = _object(remarks)
    if any(section.part is Part.COMMENTARY for section in wanted):
        properties[COMMENTARY] = _prose(Part.COMMENTARY)
    return _object(properties)


def answer_tokens(schema: Mapping[str, object]) -> int:
    """Return how many tokens the longest answer of a schema takes."""
    return int(_longest(schema) / CHARACTERS_PER_TOKEN) + 1


def _object(properties: Mapping[str, object]) -> Schema:
    ordered = dict(sorted(properties.items()))
    return {"type": "object", "properties": ordered, "required": list(ordered), "additionalProperties": False}


def _prose(part: Part) -> Schema:
    """Return the form of a text; a remark may be empty, for not every issue needs one."""
    return {"type": "string", "minLength": int(part is Part.COMMENTARY), "maxLength": LIMITS[part]}


def _longest(form: Mapping[str, Any]) -> int:
    """Count the characters of the longest value of a form, with quotes, keys and commas."""
    if form["type"] == "object":
        return sum(len(name) + 6 + _longest(inner) for name, inner in form["properties"].items())
    if form["type"] == "array":
        return int(form["maxItems"]) * (_longest(form["items"]) + 4)
    return int(form.get("maxLength") or max(map(len, form["enum"]))) + 3
