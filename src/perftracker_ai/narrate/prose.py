"""Prose taken apart: in go a model's text and the sheet, out come sentences with the facts their slots stand for.

A slot is ``{{F12}}``. Single braces, blanks inside them and a bare topic id mean the same thing and are read as slots;
everything else that is in braces is markup.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.narrate.values import RUN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.narrate.sections import Section
    from perftracker_ai.narrate.values import Fact, FactSheet

SLOT = re.compile(r"\{\{([A-Z]\d{1,6})\}\}")
MARK = "§"
"""Stands for a slot where only the words around it matter; prose itself may not hold it."""

_LOOSE_SLOT = re.compile(r"\{{1,2}\s*([FC]\d{1,6})\s*\}{1,2}", re.ASCII)
_BARE_TOPIC = re.compile(r"(?<![\w{])(C\d{1,6})(?![\w}])", re.ASCII)
_BREAKS = re.compile(r"(?<=[.!?…])[\"'”’)]*\s+(?=[A-Z{\"'“‘(])")


class Kind(StrEnum):
    """What is wrong with a piece of an answer; the value says it to the model that is to repair it."""

    NUMERAL = "a number stands in the text; put the slot of a fact in its place"
    NUMBER_WORD = "an amount is put in words; put the slot of a fact in its place or leave it out"
    UNKNOWN_SLOT = "there is no fact of this id"
    FOREIGN_NAME = "a name stands in the text; put the slot of its fact in its place or leave it out"
    VERDICT = "the decision is the policy's; say it only through the slots of verdict, meaning and recommendation"
    CAUSE = "this cause is not among the hypotheses offered here"
    CERTAINTY = "a cause is stated as if it were known; say that it may be so"
    UNMEASURED = "nothing like this was measured"
    DIRECTION = "better and worse are mixed up, or an improvement is stated without the slot of what improved"
    DENIED = "a fact is taken back; facts stand as they are"
    SWAPPED = "a fact of one item is used for another; name the endpoint by its slot before its numbers"
    SEVERITY = "severity or confidence is not what the facts say, or is played up or down"
    MARKUP = "only plain sentences are allowed: no markup, no lists, no special characters"
    TOO_LONG = "the text is too long"
    EMPTY = "the text is missing"
    SCHEMA = "the value has not the form asked for"
    NOT_JSON = "the answer is no complete JSON object"


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with an answer.

    Attributes
    ----------
    section : str
        Its key; empty when the whole answer is unusable.
    excerpt : str
        The words in question.
    """

    section: str
    kind: Kind
    excerpt: str


class Sentence(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence of a section.

    Attributes
    ----------
    text : str
        With its slots.
    bare : str
        In lower case, `MARK` for every slot.
    facts : tuple of Fact
        What the slots stand for, in order.
    context : str
        Topic that was named last before this sentence; the section's own or the worst one at first.
    """

    section: Section
    sheet: FactSheet
    text: str
    bare: str
    facts: tuple[Fact, ...]
    context: str

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics its slots belong to, in order of appearance."""
        return tuple(dict.fromkeys(fact.subject for fact in self.facts if fact.subject in self.sheet.topic))


def normalised(text: str, sheet: FactSheet) -> str:
    """Return prose on one line with every slot in its proper form."""
    text = " ".join(text.replace("\n", " ").replace("\t", " ").replace("\r", " ").split(" "))
    text = re.sub(" {2,}", " ", text).strip()
    text = _LOOSE_SLOT.sub(r"{{\1}}", text)
    return _BARE_TOPIC.sub(lambda match: f"{{{{{match[1]}}}}}" if match[1] in sheet.topic else match[0], text)


def sentences(text: str, section: Section, sheet: FactSheet) -> Iterator[Sentence]:
    """Split normalised prose into sentences; slots of unknown ids stand for no fact."""
    context = section.topic or (sheet.topics[0].id if sheet.topics else RUN)
    for piece in _BREAKS.split(text):
        facts = tuple(sheet.by_id[name] for name in SLOT.findall(piece) if name in sheet.by_id)
        sentence = Sentence(
            section=section, sheet=sheet, text=piece, bare=SLOT.sub(MARK, piece).lower(), facts=facts, context=context
        )
        yield sentence
        context = next(reversed(sentence.topics), context)
