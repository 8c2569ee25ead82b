"""What a sentence may not say by itself: numbers, names, verdicts, causes, markup; each rule names the words it met.

In: a `Sentence`. Out: violations. The rules for what must agree with the facts are in `agreement`.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from perftracker_ai.model import Part
from perftracker_ai.narrate import lexicon
from perftracker_ai.narrate.prose import MARK, SLOT, Kind
from perftracker_ai.narrate.sections import EXECUTIVE
from perftracker_ai.narrate.values import FactKind, Topic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.narrate.prose import Sentence

Found = tuple[Kind, str]
"""What is wrong, and the words."""

_PLAIN_CHARACTERS = re.compile(r"[A-Za-z0-9 .,;:'\"()?!“”‘’…–—%+/§-]")
_ABBREVIATIONS = re.compile(r"\b(?:e\.g|i\.e)\.?|\bvs\.", re.IGNORECASE)
_PATH = re.compile(r"\S*[/\\]\S*|\S*\w\.\w\S*|\S*[a-z][A-Z]\S*|\S*[+%]\S*|\bwww\b\S*")
_CAPITAL = re.compile(r"(?<![\w§])([A-Z][A-Za-z]*)")
_OPENS = re.compile(r"(?:^|[.!?…:(\"“‘]|\s[-–—])\s*[\"'“‘(]*$")
_GLUED = re.compile(rf"[A-Za-z]{MARK}|{MARK}(?!(?:s|'s|’s)\b)[A-Za-z]|{MARK}{MARK}")


def broken_rules(sentence: Sentence) -> Iterator[Found]:
    """Yield everything a sentence may not say, whatever the facts."""
    for rule in (
        _markup,
        _slots,
        _numerals,
        _number_words,
        _names,
        _things,
        _verdicts,
        _unmeasured,
        _causes,
        _certainty,
    ):
        yield from rule(sentence)


# ── form and numbers ────────────────────────────────────────────────────────────────────────────────────────────────


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
        if name not in sentence.sheet.by_id:
            yield Kind.UNKNOWN_SLOT, name


def _numerals(sentence: Sentence) -> Iterator[Found]:
    for token in SLOT.sub(" ", sentence.text).split():
        if any(map(_is_number, token)):
            yield Kind.NUMERAL, token


def _number_words(sentence: Sentence) -> Iterator[Found]:
    patterns = (lexicon.NUMBER_WORDS, lexicon.COUNTED, lexicon.SUPERLATIVE, lexicon.ONE)
    for pattern in patterns:
        met = pattern.search(sentence.bare)
        if met:
            yield Kind.NUMBER_WORD, met[0]


def _is_number(char: str) -> bool:
    return unicodedata.category(char).startswith("N")


# ── names ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _names(sentence: Sentence) -> Iterator[Found]:
    """Find what looks like a path, an identifier, a version or a proper noun."""
    text = _ABBREVIATIONS.sub(" ", SLOT.sub(MARK, sentence.text))
    path = _PATH.search(text)
    if path:
        yield Kind.FOREIGN_NAME, path[0]
    for match in _CAPITAL.finditer(text):
        word = match[1]
        shouted = len(word) > 1 and word.isupper()
        opening = _OPENS.search(text[: match.start()]) and not shouted
        if not opening and word not in lexicon.CAPITALS:
            yield Kind.FOREIGN_NAME, word


def _things(sentence: Sentence) -> Iterator[Found]:
    """Find an endpoint put in words that no endpoint's name holds."""
    for match in lexicon.NAMED_THING.finditer(sentence.bare):
        if match["name"] not in lexicon.PLAIN and match["name"] not in sentence.sheet.endpoint_words:
            yield Kind.FOREIGN_NAME, match[0]
    spelled = lexicon.SPELLED.search(sentence.bare)
    if spelled:
        yield Kind.FOREIGN_NAME, spelled[0]


# ── decisions ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _verdicts(sentence: Sentence) -> Iterator[Found]:
    patterns = [lexicon.VERDICTS, lexicon.RELEASE_IS, lexicon.DISPUTE]
    if sentence.section.part in EXECUTIVE:
        patterns.append(lexicon.EXECUTIVE_VERDICTS)
    for pattern in patterns:
        met = pattern.search(sentence.bare)
        if met:
            yield Kind.VERDICT, met[0]


def _unmeasured(sentence: Sentence) -> Iterator[Found]:
    met = lexicon.UNMEASURED.search(sentence.bare)
    if met:
        yield Kind.UNMEASURED, met[0]
    failed = lexicon.FAILURES.search(sentence.bare)
    known = sentence.sheet.failing or sentence.sheet.lost
    if failed and (sentence.section.topic or not known):
        yield Kind.UNMEASURED, failed[0]


# ── causes ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _causes(sentence: Sentence) -> Iterator[Found]:
    """Find words of causes that no hypothesis offered here uses, and hypotheses that are not offered here."""
    offered = _offered(sentence)
    # Most sentences name no cause: one search saves forty.
    for pattern in lexicon.CAUSES if lexicon.ANY_CAUSE.search(sentence.bare) else ():
        met = pattern.search(sentence.bare)
        if met and not any(pattern.search(topic.cause_words) for topic in offered):
            yield Kind.CAUSE, met[0]
    place = lexicon.PLACE.search(sentence.bare)
    if place and not any(lexicon.PLACE.search(topic.cause_words) for topic in offered):
        yield Kind.CAUSE, place[0]
    for fact in sentence.facts:
        if fact.kind in _CATALOGUE and not any(fact.raw in topic.hypotheses for topic in offered):
            yield Kind.CAUSE, fact.id


_CATALOGUE = frozenset({FactKind.HYPOTHESIS, FactKind.CONFIRM, FactKind.REFUTE})


def _offered(sentence: Sentence) -> list[Topic]:
    """Return the topics whose hypotheses a sentence may use: its section's, or those it names."""
    own = (sentence.section.topic,) if sentence.section.topic else (sentence.topics or (sentence.context,))
    return [sentence.sheet.topic[name] for name in own if name in sentence.sheet.topic]


def _certainty(sentence: Sentence) -> Iterator[Found]:
    """Find causes stated without a hedge, and claims to know."""
    bare = sentence.bare
    certain = lexicon.CERTAIN.search(bare)
    if certain and not lexicon.UNKNOWN.search(bare):
        yield Kind.CERTAINTY, certain[0]
    stated = lexicon.CAUSAL.search(bare) or _bare_because(sentence) or _cause_word(sentence)
    hedged = lexicon.HEDGES.search(bare) or (sentence.section.part is Part.ACTION and lexicon.CHECKS.search(bare))
    if stated and not hedged:
        yield Kind.CERTAINTY, stated[0]


def _bare_because(sentence: Sentence) -> re.Match[str] | None:
    """Find a reason that no fact gives."""
    met = lexicon.BECAUSE.search(sentence.bare)
    return met if met and MARK not in met["rest"] else None


def _cause_word(sentence: Sentence) -> tuple[str, ...] | re.Match[str] | None:
    """Find a word of a cause, or a hypothesis put into a slot, unless the sentence only asks for a check."""
    titles = tuple(fact.id for fact in sentence.facts if fact.kind is FactKind.HYPOTHESIS)
    if lexicon.CHECKS.search(sentence.bare):
        return titles or None
    return titles or lexicon.ANY_CAUSE.search(sentence.bare)
