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
    return f"{wording.part_title(one.part)} {one.cluster}".rstrip()


def _said(one: Passage) -> Sentence:
    return say(*map(_piece, one.pieces), f" {MARK}")


def _piece(piece: Piece) -> Value | str:
    """Return words as words, and what the program put into a slot as the value it is."""
    return value(Kind.NOTE, "quoted", clean(piece.text, _TEXT), at=f"#{piece.fact}") if piece.fact else piece.text


def authorship(narration: Narration) -> str:
    """Say which model was asked, under which conditions, and what became of its answer; plain text."""
    author = narration.author
    model = f"the language model {clean(author.model)} ({', '.join(_conditions(author))})"
    if not narration.stands:
        return f"Nothing of what {model} answered passed the check against the facts: every word is the program's."
    return (
        f"What bears the mark {MARK} was written by {model} from facts.json and checked sentence by sentence: every "
        "number, name and place in it was put in by the program, its meaning was not verified. All else is the "
        f"program's. {_shares(narration)}"
    )


def _shares(narration: Narration) -> str:
    count = len(narration.passages)
    repaired = f", {narration.repaired:,} of them at the second attempt" if narration.repaired else ""
    refused = plural(narration.refused, "sentence was", "sentences were") if narration.refused else "nothing was"
    return f"{plural(count, 'text stands', 'texts stand')} here{repaired}; {refused} refused."


def _conditions(author: Author) -> Iterator[str]:
    if author.digest:
        yield f"digest {clean(author.digest)[:_DIGEST]}"
    if author.window is not None:
        yield f"window {author.window:,}"
    if author.prompt_tokens is not None and author.answer_tokens is not None:
        yield f"{author.prompt_tokens:,} tokens read and {author.answer_tokens:,} written"
    yield f"seed {author.seed}"
