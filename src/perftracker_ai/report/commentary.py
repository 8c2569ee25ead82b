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
    return say(*map(piece, one.pieces), f" {MARK}")


def piece(one: Piece) -> Value | str:
    """Return words as words, and what the program put into a slot as the value it is."""
    return value(Kind.NOTE, "quoted", clean(one.text, _TEXT), at=f"#{one.fact}") if one.fact else one.text


def authorship(narration: Narration) -> str:
    """Say which model was asked, under which conditions, and what became of its answer; plain text."""
    author = narration.author
    model = f"the language model {clean(author.model)} ({', '.join(_conditions(author))})"
    if not narration.stands:
        return f"Nothing of what {model} answered passed the check against the facts: every word is the program's."
    return f"{_written(narration, model)}{_choices(narration)} All else is the program's."


def _written(narration: Narration, model: str) -> str:
    """Say what was written, and what of it was refused."""
    count, refused = len(narration.passages), plural(narration.refused, "sentence was", "sentences were")
    told = f" {refused} refused." if narration.refused else ""
    if not count:
        return f"Nothing here was written by {model}.{told}"
    repaired = f" ({narration.repaired:,} of them at the second attempt)" if narration.repaired else ""
    return (
        f"What bears the mark {MARK}, {plural(count, 'text')}{repaired}, was written by {model} and checked sentence "
        f"by sentence: the program put in every number, name and place, and did not verify the meaning.{told}"
    )


def _choices(narration: Narration) -> str:
    """Say how many choices stand, and how many were dropped."""
    chosen, dropped = len(narration.choices), narration.dropped
    if not chosen and not dropped:
        return ""
    author = "It chose" if narration.passages else f"The model {clean(narration.author.model)} chose"
    left = f"; {plural(dropped, 'choice')} that the facts do not bear out were dropped" if dropped else ""
    return f" {author} {plural(chosen, 'thing')} that the program verified and worded{left}."


def _conditions(author: Author) -> Iterator[str]:
    if author.digest:
        yield f"digest {clean(author.digest)[:_DIGEST]}"
    if author.window is not None:
        yield f"window {author.window:,}"
    if author.prompt_tokens is not None and author.answer_tokens is not None:
        yield f"{author.prompt_tokens:,} tokens read and {author.answer_tokens:,} written"
    yield f"seed {author.seed}"
