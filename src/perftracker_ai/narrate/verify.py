"""The verifier: in goes a model's answer, out comes what of it may be printed, and what is wrong with the rest.

Pure, and sentence by sentence. Every section stands alone: a bad one spoils none of the others. An answer that is no
complete JSON object of the form asked for is refused as a whole.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from perftracker_ai.model import Part
from perftracker_ai.narrate.agreement import disagreements
from perftracker_ai.narrate.prose import SLOT, Kind, Violation, normalised, sentences
from perftracker_ai.narrate.rules import broken_rules
from perftracker_ai.narrate.sections import (
    ACTIONS,
    DIVES,
    HEADLINE,
    ISSUES,
    PATTERNS,
    PROPERTIES,
    RISK,
    SUMMARY,
    Section,
    sections,
)
from perftracker_ai.narrate.values import RUN, Label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.narrate.values import FactSheet

ANSWER_LIMIT = 24_000
"""Characters of a whole answer; three times what all sections hold at their longest."""
SLACK = 1.25
"""A text may be that much longer than asked for: some servers do not enforce lengths, and a sentence more is no lie."""
PRINTED = 4
"""A text may print at most that many times as long as it may be written: slots can be repeated."""
EXCERPT = 80

_FENCE = re.compile(r"\A```[a-z]*\s*\n(?P<body>.*)\n?```\Z", re.DOTALL | re.IGNORECASE)


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What of an answer may be used.

    Attributes
    ----------
    texts : dict of str to str
        Accepted prose by section key, with its slots.
    order : tuple of str
        Topics of the action items, in the model's order.
    violations : tuple of Violation
        Everything that was refused and why, in reading order.
    repaired : frozenset of str
        Sections that were accepted only at the second attempt.
    """

    texts: dict[str, str]
    order: tuple[str, ...]
    violations: tuple[Violation, ...]
    repaired: frozenset[str]

    @property
    def refused(self) -> frozenset[str]:
        """Keys of the sections that were refused; the empty key stands for the whole answer."""
        return frozenset(violation.section for violation in self.violations)


def verify(answer: str, sheet: FactSheet, only: frozenset[str] | None = None) -> Verified:
    """Judge a model's answer.

    Parameters
    ----------
    answer : str
        As the model gave it.
    sheet : FactSheet
        What it was given.
    only : frozenset of str or None
        Keys of the sections asked for; None for all.
    """
    document = _document(answer)
    if isinstance(document, Violation):
        return Verified(texts={}, order=(), violations=(document,), repaired=frozenset())
    given, order = _given(document)
    wanted = [section for section in sections(sheet) if only is None or section.key in only]
    texts: dict[str, str] = {}
    found: list[Violation] = [_strange_action(name) for name in order if name not in sheet.actions]
    for section in wanted:
        text, wrong = _judged_text(given.get(section.key), section, sheet)
        texts |= {section.key: text} if not wrong else {}
        found += wrong
    kept = tuple(name for name in order if name in sheet.actions)
    return Verified(texts=texts, order=kept, violations=tuple(found), repaired=frozenset())


def merge(first: Verified, second: Verified) -> Verified:
    """Put a repair into an answer: what was accepted at first stays, what was refused is taken from the repair."""
    repaired = frozenset(second.texts) - frozenset(first.texts)
    return replace(
        second,
        texts=second.texts | first.texts,
        order=first.order or second.order,
        violations=tuple(found for found in first.violations if found.section not in repaired),
        repaired=repaired,
    )


# ── the document ────────────────────────────────────────────────────────────────────────────────────────────────────


def _document(answer: str) -> dict[str, object] | Violation:
    """Read an answer's JSON; a fence around it is taken off, for many models cannot do without."""
    if len(answer) > ANSWER_LIMIT:
        return Violation(section="", kind=Kind.TOO_LONG, excerpt=f"{len(answer)} characters")
    fenced = _FENCE.match(answer.strip())
    try:
        document = msgspec.json.decode(fenced["body"] if fenced else answer)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return Violation(section="", kind=Kind.NOT_JSON, excerpt=_excerpt(answer[-EXCERPT:]))
    if not isinstance(document, dict) or not set(PROPERTIES) & set(document):
        return Violation(section="", kind=Kind.SCHEMA, excerpt=_excerpt(answer))
    return document


def _given(document: dict[str, object]) -> tuple[dict[str, object], tuple[str, ...]]:
    """Find what an answer holds for every section, and the order of its actions; forms are judged later."""
    given: dict[str, object] = {
        Part.HEADLINE.value: document.get(HEADLINE),
        Part.SUMMARY.value: document.get(SUMMARY),
        Part.PATTERNS.value: document.get(PATTERNS),
        **_members(document.get(RISK)),
    }
    for topic, issue in _members(document.get(ISSUES)).items():
        given |= {f"{topic}.{part}": text for part, text in _members(issue).items()}
    given |= {f"{topic}.{Part.DIVE.value}": text for topic, text in _members(document.get(DIVES)).items()}
    actions = _actions(document.get(ACTIONS))
    given |= {f"{topic}.{Part.ACTION.value}": text for topic, text in actions.items()}
    return given, tuple(actions)


def _members(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _actions(value: object) -> dict[str, object]:
    """Read the list of actions; of two for one topic the first counts."""
    actions: dict[str, object] = {}
    for item in value if isinstance(value, list) else []:
        members = _members(item)
        actions.setdefault(str(members.get("cluster", "")), members.get("text"))
    return actions


def _strange_action(name: str) -> Violation:
    return Violation(section=f"{_excerpt(name)}.{Part.ACTION.value}", kind=Kind.SWAPPED, excerpt=_excerpt(name))


# ── one section ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _judged_text(value: object, section: Section, sheet: FactSheet) -> tuple[str, list[Violation]]:
    wrong = list(_malformed(value, section))
    if wrong or not isinstance(value, str):
        return "", wrong
    text = normalised(value, sheet)
    wrong += [_violation(section, kind, excerpt) for kind, excerpt in _wrong_words(text, section, sheet)]
    return text, wrong


def _malformed(value: object, section: Section) -> Iterator[Violation]:
    if value is None or value == "":
        yield _violation(section, Kind.EMPTY, section.key)
    elif not isinstance(value, str):
        yield _violation(section, Kind.SCHEMA, str(value))
    elif len(value) > section.limit * SLACK:
        yield _violation(section, Kind.TOO_LONG, f"{len(value)} characters, {section.limit} allowed")
    elif not value.strip():
        yield _violation(section, Kind.EMPTY, section.key)
    elif any(unicodedata.category(char)[0] == "C" and char not in "\n\r\t" for char in value):
        yield _violation(section, Kind.MARKUP, "control characters")


def _wrong_words(text: str, section: Section, sheet: FactSheet) -> Iterator[tuple[Kind, str]]:
    for sentence in sentences(text, section, sheet):
        yield from broken_rules(sentence)
        yield from disagreements(sentence)
    used = [sheet.by_id[name] for name in SLOT.findall(text) if name in sheet.by_id]
    if sum(len(fact.text) for fact in used) > section.limit * PRINTED:
        yield Kind.TOO_LONG, "too many slots"
    if section.part is Part.ADVICE and sheet.find(RUN, Label.RECOMMENDATION) not in used:
        yield Kind.VERDICT, "the slot of the recommendation is missing"


def _violation(section: Section, kind: Kind, excerpt: str) -> Violation:
    return Violation(section=section.key, kind=kind, excerpt=_excerpt(excerpt))


def _excerpt(text: str) -> str:
    """Cut a piece of an answer to where it can be shown: printable, short, and no slot of anything."""
    shown = "".join(char for char in text if char.isprintable())[:EXCERPT]
    return shown.replace("{{", "{ {").replace("}}", "} }")
