"""What a language model wrote, in a section of its own: nothing of it stands in the report's own voice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.report.run import value
from perftracker_ai.report.value import Items, Kind, Line, Paragraph, Section, say
from perftracker_ai.words import wording
from perftracker_ai.words.numbers import plural
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.model import Author, Narration, Passage, Piece
    from perftracker_ai.report.value import Sentence, Value

KEY = "commentary"
MARK = "†"
"""At everything that a language model wrote; its own words cannot hold the character."""
_TEXT, _DIGEST = 1000, 12


def commentary(narration: Narration | None) -> Iterator[Section]:
    """Yield the section of a model's words; nothing where no model wrote anything."""
    if narration is None or not narration.passages:
        return
    model = clean(narration.author.model)
    told = tuple(Line(label=_label(one), said=_said(one)) for one in narration.passages)
    guaranteed = (
        "Numbers, names and places in it are the report's; the judgement is the model's and is not verified. "
        "Nothing above or below depends on it."
    )
    blocks = (Paragraph(label="", said=say(guaranteed)), Items(items=told, ordered=False))
    yield Section(key=KEY, title=f"Commentary by {model}", blocks=blocks)


def _label(one: Passage) -> str:
    part = wording.part_title(one.part)
    return f"{part}, {one.cluster}" if one.cluster else part


def _said(one: Passage) -> Sentence:
    return say(*map(_piece, one.pieces), f" {MARK}")


def _piece(piece: Piece) -> Value | str:
    """Return words as words, and what the program put into a slot as the value it is."""
    return value(Kind.NOTE, "quoted", clean(piece.text, _TEXT), at=f"#{piece.fact}") if piece.fact else piece.text


def authorship(narration: Narration) -> str:
    """Say which model was asked, under which conditions, and what became of its texts; plain text."""
    author = narration.author
    model = f"the language model {clean(author.model)} ({', '.join(_conditions(author))})"
    if not narration.written:
        asked = plural(narration.asked, "text")
        return f"None of the {asked} asked of {model} passed the check against the facts: every word is the program's."
    return (
        f"What bears the mark {MARK} was written by {model} from facts.json and checked sentence by sentence; every "
        "number, name and verdict in it was put in by the program, like all the rest. "
        f"{_shares(narration)}"
    )


def _shares(narration: Narration) -> str:
    repaired = f" ({narration.repaired:,} at the second attempt)" if narration.repaired else ""
    refused = narration.asked - narration.written
    if not refused:
        return f"All {narration.asked:,} texts asked for stand here{repaired}."
    left = f"{plural(refused, 'was', 'were')} refused and left out"
    return f"Of {narration.asked:,} texts asked for {narration.written:,} stand here{repaired}, {left}."


def _conditions(author: Author) -> Iterator[str]:
    if author.digest:
        yield f"digest {clean(author.digest)[:_DIGEST]}"
    if author.window is not None:
        yield f"window {author.window:,}"
    if author.prompt_tokens is not None and author.answer_tokens is not None:
        yield f"{author.prompt_tokens:,} tokens read and {author.answer_tokens:,} written"
    yield f"seed {author.seed}"
