"""Composition: in go the sheet and what was accepted of an answer, out come its passages, their slots filled.

What no model wrote acceptably is not here: the report has words of its own for everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.model import Narration, Part, Passage, Piece, Severity
from perftracker_ai.narrate.prose import SLOT
from perftracker_ai.narrate.sections import sections

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.model import Author
    from perftracker_ai.narrate.sections import Section
    from perftracker_ai.narrate.values import FactSheet
    from perftracker_ai.narrate.verify import Verified


def compose(sheet: FactSheet, verified: Verified, author: Author) -> Narration:
    """Fill the slots of everything that was accepted.

    Parameters
    ----------
    sheet : FactSheet
    verified : Verified
    author : Author
        Who wrote it.
    """
    written = [section for section in _ordered(sheet, verified.order) if section.key in verified.texts]
    return Narration(
        passages=tuple(_passage(section, verified.texts[section.key], sheet) for section in written),
        asked=len(sections(sheet)),
        repaired=len(verified.repaired),
        author=author,
    )


def pieces(slotted: str, sheet: FactSheet) -> Iterator[Piece]:
    """Take a text apart into words and facts, in one pass: what a fact's text holds is never taken for a slot."""
    for place, piece in enumerate(SLOT.split(slotted)):
        if place % 2:
            yield Piece(text=sheet.by_id[piece].text, fact=piece)
        elif piece:
            yield Piece(text=piece, fact="")


def _passage(section: Section, slotted: str, sheet: FactSheet) -> Passage:
    return Passage(part=section.part, cluster=section.topic, pieces=tuple(pieces(slotted, sheet)))


def _ordered(sheet: FactSheet, wanted: tuple[str, ...]) -> list[Section]:
    """Put the action items into the model's order within their severity: what is worse always comes first."""
    place = {topic: position for position, topic in enumerate(wanted)}
    found = list(sections(sheet))
    actions = [section for section in found if section.part is Part.ACTION]
    ranked = iter(sorted(actions, key=lambda action: (_milder(action, sheet), place.get(action.topic, len(place)))))
    return [next(ranked) if section.part is Part.ACTION else section for section in found]


def _milder(section: Section, sheet: FactSheet) -> int:
    return -Severity.rank(sheet.topic[section.topic].severity)
