"""Prose taken apart: in go a model's text and the sheet, out come sentences with the facts their slots stand for.

A slot is ``{{F12}}``. Single braces, blanks inside them and a bare topic id mean the same thing and are read as slots;
everything else that is in braces is markup.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.narrate.sections import Section
    from perftracker_ai.narrate.values import Fact, FactSheet

SLOT = re.compile(r"\{\{([A-Z]\d{1,6})\}\}")
MARK = "§"
"""Stands for a slot where only the words around it matter; prose itself may not hold it."""

_LOOSE_SLOT = re.compile(r"\{{1,2}\s*([FC]\d{1,6})\s*\}{1,2}", re.ASCII)
_BARE_TOPIC = re.compile(r"(?<![\w{])(C\d{1,6})(?![\w}])", re.ASCII)
_BREAKS = re.compile(r"(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bvs\.)(?:(?<=[.!?…])|(?<=[.!?…][\"'”’)]))\s+")


class Kind(StrEnum):
    """What is wrong with a piece of an answer; the value says it to the model that is to repair it."""

    NUMERAL = "a number or an amount stands in the text; put the slot of a fact in its place or leave it out"
    UNKNOWN_SLOT = "there is no fact of this id"
    FOREIGN_NAME = "a name stands in the text; put the slot of its fact in its place or leave it out"
    NO_TOPIC = "the sentence holds no slot of what it is about; put one in"
    SWAPPED = "a fact of one item is used for another; name the endpoint by its slot before its numbers"
    BASELINE = "a change is told of the baseline; every change is the candidate's"
    CAUSE = "this cause is not among the hypotheses offered here"
    VERDICT = "the decision is the policy's; do not speak of it"
    EMPTY = "the sentence says too little; say more or leave it out"
    LANGUAGE = "the sentence is no English; write it in English"
    MARKUP = "only plain sentences are allowed: no markup, no lists, no special characters"
    TOO_LONG = "the text is too long"
    MISSING = "the text is missing"
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
        What the slots stand for, in order; those of unknown ids stand for none.
    """

    section: Section
    sheet: FactSheet
    text: str
    bare: str
    facts: tuple[Fact, ...]


def normalised(text: str, sheet: FactSheet) -> str:
    """Return prose on one line with every slot in its proper form."""
    text = " ".join(text.replace("\n", " ").replace("\t", " ").replace("\r", " ").split(" "))
    text = re.sub(" {2,}", " ", text).strip()
    text = _LOOSE_SLOT.sub(r"{{\1}}", text)
    return _BARE_TOPIC.sub(lambda match: f"{{{{{match[1]}}}}}" if match[1] in sheet.topic else match[0], text)


def sentences(text: str, section: Section, sheet: FactSheet) -> Iterator[Sentence]:
    """Split normalised prose into sentences, whatever a new one begins with."""
    for piece in filter(None, _BREAKS.split(text)):
        facts = tuple(sheet.by_id[name] for name in SLOT.findall(piece) if name in sheet.by_id)
        yield Sentence(section=section, sheet=sheet, text=piece, bare=SLOT.sub(MARK, piece).lower(), facts=facts)
