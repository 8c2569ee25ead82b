"""What a sentence may not be: the closed rules, which need no meaning, and the two short lists for the commentary.

In: a `Sentence`. Out: what is wrong, with the words. Numbers and names come in through slots alone; every sentence
holds a slot of what it is about; a value of one issue is told of no other, and none is given to the baseline alone.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from perftracker_ai.narrate import lexicon
from perftracker_ai.narrate.places import is_change
from perftracker_ai.narrate.prose import MARK, SLOT, Kind
from perftracker_ai.narrate.values import RUN, FactKind, Label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.narrate.prose import Sentence
    from perftracker_ai.narrate.values import Fact

Found = tuple[Kind, str]
"""What is wrong, and the words."""

WORDS, PIECES = 2, 4
"""A sentence of fewer words, or of fewer words and slots together, says nothing."""

_PLAIN_CHARACTERS = re.compile(r"[A-Za-z0-9 .,;:'\"()?!“”‘’…–—%+/§-]")
_ABBREVIATIONS = re.compile(r"\b(?:e\.g|i\.e)\.?|\bvs\.|\bI/O\b|\band/or\b", re.IGNORECASE)
_PATH = re.compile(r"\S*[/\\]\S*|\S*\w\.\w\S*|\S*[a-z][A-Z]\S*|\S*[+%]\S*|\bwww\b\S*")
_CAPITAL = re.compile(r"(?<![\w§])([A-Z][A-Za-z]*)")
_WORD = re.compile(r"[A-Za-z]{2,}|\b[aI]\b")
_OPENS = re.compile(r"(?:^|[.!?…:(\"“‘]|\s[-–—])\s*[\"'“‘(]*$")
_GLUED = re.compile(rf"[A-Za-z]{MARK}|{MARK}(?!(?:s|'s|’s)\b)[A-Za-z]|{MARK}{MARK}")
_CELLS = frozenset({"curve", "load of a row", "baseline", "candidate", "slowdown at a load", "change of a curve"})
"""Labels of a table's cells, which say nothing without their row."""
_DECIDED = frozenset({FactKind.VERDICT, FactKind.RULE, FactKind.NAME})
"""Kinds of the run's facts that make no sentence a sentence about the run: what it is called, what was decided."""
_SENTENCES = frozenset({FactKind.EVIDENCE, FactKind.OBJECTION, FactKind.CONFIRM, FactKind.REFUTE})
"""Kinds of facts that are sentences by themselves."""
_CATALOGUE = frozenset({FactKind.HYPOTHESIS, FactKind.CONFIRM, FactKind.REFUTE})


def broken_rules(sentence: Sentence) -> Iterator[Found]:
    """Yield everything that keeps a sentence out."""
    for rule in (_markup, _slots, _numerals, _names, _topic, _swapped, _sides, _causes, _shipping, _empty):
        yield from rule(sentence)


# ── form, numbers, names ────────────────────────────────────────────────────────────────────────────────────────────


def _markup(sentence: Sentence) -> Iterator[Found]:
    """Refuse every character that plain English does not need: other scripts look alike, and markup is not prose."""
    bare = SLOT.sub(MARK, sentence.text.replace(MARK, "\ufffd"))
    strange = [char for char in bare if not _PLAIN_CHARACTERS.match(char) and not _is_number(char)]
    if strange:
        yield Kind.MARKUP, " ".join(f"U+{ord(char):04X}" for char in strange[:3])
    glued = _GLUED.search(bare)
    if glued:
        yield Kind.MARKUP, glued[0]


def _slots(sentence: Sentence) -> Iterator[Found]:
    for name in SLOT.findall(sentence.text):
        if name not in sentence.sheet.by_id or sentence.sheet.by_id[name].label in _CELLS:
            yield Kind.UNKNOWN_SLOT, name


def _numerals(sentence: Sentence) -> Iterator[Found]:
    for token in SLOT.sub(" ", sentence.text).split():
        if any(map(_is_number, token)):
            yield Kind.NUMERAL, token
    met = lexicon.NUMBER_WORDS.search(sentence.bare)
    if met:
        yield Kind.NUMERAL, met[0]


def _is_number(char: str) -> bool:
    return unicodedata.category(char).startswith("N")


def _names(sentence: Sentence) -> Iterator[Found]:
    """Find what looks like a path, an identifier, a version or a proper noun, and stands in no fact's name."""
    text = _ABBREVIATIONS.sub(" ", SLOT.sub(MARK, sentence.text))
    path = _PATH.search(text)
    if path and path[0].strip(".,;:()'\"") not in lexicon.CAPITALS:
        yield Kind.FOREIGN_NAME, path[0]
    for match in _CAPITAL.finditer(text):
        word = match[1]
        shouted = len(word) > 1 and word.isupper()
        opening = _OPENS.search(text[: match.start()]) and not shouted
        if not opening and word not in lexicon.CAPITALS and word not in sentence.sheet.methods:
            yield Kind.FOREIGN_NAME, word


# ── what it is about ────────────────────────────────────────────────────────────────────────────────────────────────


def _topic(sentence: Sentence) -> Iterator[Found]:
    """Find a sentence that holds nothing of what it is about."""
    if not any(_is_own(fact, sentence) for fact in sentence.facts):
        yield Kind.NO_TOPIC, sentence.section.topic or "the comparison"


def _is_own(fact: Fact, sentence: Sentence) -> bool:
    if sentence.section.topic:
        return fact.subject == sentence.section.topic
    return fact.subject in sentence.sheet.topic or (fact.subject == RUN and fact.kind not in _DECIDED)


def _swapped(sentence: Sentence) -> Iterator[Found]:
    """Find values of another issue than a remark is about, or than the one named last."""
    topic = sentence.section.topic
    named = topic or next((fact.subject for fact in sentence.facts if _is_name(fact, sentence)), "")
    for fact in sentence.facts:
        if fact.subject not in sentence.sheet.topic:
            continue
        if _is_name(fact, sentence):
            named = topic or fact.subject
        elif fact.subject != (named or fact.subject):
            yield Kind.SWAPPED, fact.id


def _is_name(fact: Fact, sentence: Sentence) -> bool:
    return fact.subject in sentence.sheet.topic and fact.label in (Label.ID, Label.NAME)


def _sides(sentence: Sentence) -> Iterator[Found]:
    """Find a change or a value of the comparison in a clause about the baseline alone."""
    marks = iter([_side(fact) for fact in sentence.facts])
    told = "".join(next(marks, MARK) if char == MARK else char for char in sentence.bare)
    for clause in lexicon.CONTRASTS.split(told):
        left = lexicon.COMPARED.sub(" ", clause)
        met = lexicon.OLD.search(left)
        if met and lexicon.CHANGE_SLOT in left and not lexicon.NEW.search(left):
            yield Kind.BASELINE, "".join(char for char in met[0] if char.isprintable()) or "the baseline"


def _side(fact: Fact) -> str:
    if fact.label in (Label.BASELINE, Label.CANDIDATE):
        return lexicon.OLD_SLOT if fact.label == Label.BASELINE else lexicon.NEW_SLOT
    return lexicon.CHANGE_SLOT if is_change(fact) else MARK


def _causes(sentence: Sentence) -> Iterator[Found]:
    """Find a check of the catalogue that is proposed for nothing the sentence is about."""
    own = {sentence.section.topic} if sentence.section.topic else {fact.subject for fact in sentence.facts}
    offered = {cause.key for name in own & set(sentence.sheet.topic) for cause in sentence.sheet.topic[name].causes}
    for fact in sentence.facts:
        if fact.kind in _CATALOGUE and fact.subject not in own and fact.raw not in offered:
            yield Kind.CAUSE, fact.id


# ── the two short lists, and empty talk ─────────────────────────────────────────────────────────────────────────────


def _shipping(sentence: Sentence) -> Iterator[Found]:
    met = lexicon.SHIPPING.search(sentence.bare)
    if met:
        yield Kind.VERDICT, met[0]


def _empty(sentence: Sentence) -> Iterator[Found]:
    """Find a sentence that says too little, or says it in another language."""
    whole = [fact for fact in sentence.facts if fact.kind in _SENTENCES]
    spoken = len(_WORD.findall(sentence.bare)) + PIECES * len(whole)
    slots = sentence.bare.count(MARK)
    if spoken < max(WORDS, slots - 1) or spoken + slots < PIECES:
        yield Kind.EMPTY, f"{spoken} words"
    elif not whole and not lexicon.ENGLISH.search(sentence.bare):
        yield Kind.LANGUAGE, sentence.bare[:40]
