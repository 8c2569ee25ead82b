"""Composition: in go the sheet and what was accepted of an answer, out comes every section's text, its slots filled.

What no model wrote acceptably is the template's, section by section. Who wrote what is kept, for the report says so.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from perftracker_ai.model import Severity
from perftracker_ai.narrate.prose import SLOT
from perftracker_ai.narrate.sections import Part, sections
from perftracker_ai.narrate.template import hypotheses, template
from perftracker_ai.text import md

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.narrate.sections import Section
    from perftracker_ai.narrate.values import Fact, FactSheet
    from perftracker_ai.narrate.verify import Verified

_WHOLE = 100_000
"""Characters a section's Markdown may have: it is bounded already, and must not be cut in the middle of a fact."""
_RANK = {severity: rank for rank, severity in enumerate(Severity)}


class Source(StrEnum):
    """Who wrote a section."""

    MODEL = "model"
    REPAIRED = "model, at the second attempt"
    TEMPLATE = "template"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One section as it is printed.

    Attributes
    ----------
    slotted : str
        With its slots; `pieces` takes it apart for a renderer that marks every fact.
    text : str
        Plain, slots filled; whoever shows it escapes it.
    markdown : str
        The same, escaped.
    """

    section: Section
    source: Source
    slotted: str
    text: str
    markdown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Narration:
    """Every section in reading order, the action items in the order they are to be done."""

    told: tuple[Told, ...]

    def get(self, part: Part, topic: str = "") -> Told | None:
        """Return one section; None when the narration has none."""
        return next((one for one in self.told if (one.section.part, one.section.topic) == (part, topic)), None)

    def all_of(self, part: Part) -> tuple[Told, ...]:
        """Return every section of one part, in order."""
        return tuple(one for one in self.told if one.section.part is part)

    def sources(self) -> dict[Source, int]:
        """Count the sections by who wrote them."""
        counts = Counter(one.source for one in self.told)
        return {source: counts[source] for source in Source}


def compose(sheet: FactSheet, verified: Verified | None = None) -> Narration:
    """Write every section: the model's words where they were accepted, the template's elsewhere.

    Parameters
    ----------
    sheet : FactSheet
    verified : Verified or None
        What was accepted of a model's answer; None when no model was asked.
    """
    ordered = _ordered(sheet, verified.order if verified else ())
    return Narration(told=tuple(_told(section, sheet, verified) for section in ordered))


def fill(slotted: str, sheet: FactSheet) -> str:
    """Put the facts' texts into their slots, in one pass: what a fact's text holds is never taken for a slot."""
    return "".join(piece if isinstance(piece, str) else piece.text for piece in pieces(slotted, sheet))


def pieces(slotted: str, sheet: FactSheet) -> Iterator[str | Fact]:
    """Take a section's text apart into words and facts."""
    for place, piece in enumerate(SLOT.split(slotted)):
        if place % 2:
            yield sheet.by_id[piece]
        elif piece:
            yield piece


def _ordered(sheet: FactSheet, wanted: tuple[str, ...]) -> list[Section]:
    """Put the action items into the model's order within their severity: what is worse always comes first."""
    place = {topic: position for position, topic in enumerate(wanted)}
    found = list(sections(sheet))
    actions = [section for section in found if section.part is Part.ACTION]
    ranked = iter(sorted(actions, key=lambda section: (_rank(section, sheet), place.get(section.topic, len(place)))))
    return [next(ranked) if section.part is Part.ACTION else section for section in found]


def _rank(section: Section, sheet: FactSheet) -> int:
    severity = sheet.topic[section.topic].severity
    return len(_RANK) if severity is None else _RANK[severity]


def _told(section: Section, sheet: FactSheet, verified: Verified | None) -> Told:
    slotted, source = _written(section, sheet, verified)
    text = fill(slotted, sheet)
    return Told(section=section, source=source, slotted=slotted, text=text, markdown=md(text, _WHOLE))


def _written(section: Section, sheet: FactSheet, verified: Verified | None) -> tuple[str, Source]:
    if verified is None:
        return template(section, sheet), Source.TEMPLATE
    source = Source.REPAIRED if section.key in verified.repaired else Source.MODEL
    if section.key in verified.choices:
        return hypotheses(sheet, section.topic, verified.choices[section.key]), source
    if section.key in verified.texts:
        return verified.texts[section.key], source
    return template(section, sheet), Source.TEMPLATE
