"""Composition: in go the sheet and what was accepted of an answer, out come its passages, their slots filled.

What no model wrote acceptably is not here: the report has words of its own for everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.model import Narration, Passage, Piece
from perftracker_ai.narrate.places import printed
from perftracker_ai.narrate.prose import sentences
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
    written = [section for section in sections(sheet) if section.key in verified.texts]
    return Narration(
        passages=tuple(_passage(section, verified.texts[section.key], sheet) for section in written),
        choices=verified.choices.choices,
        refused=verified.left_out,
        dropped=verified.choices.dropped,
        repaired=len(verified.repaired),
        author=author,
    )


def pieces(slotted: str, section: Section, sheet: FactSheet) -> Iterator[Piece]:
    """Take a text apart into words and facts, with a blank between its sentences."""
    for at, sentence in enumerate(sentences(slotted, section, sheet)):
        yield from [Piece(text=" ", fact="")] * bool(at)
        yield from printed(sentence)


def _passage(section: Section, slotted: str, sheet: FactSheet) -> Passage:
    return Passage(part=section.part, cluster=section.topic, pieces=tuple(pieces(slotted, section, sheet)))
