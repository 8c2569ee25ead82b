"""The verifier: in goes a model's answer, out comes what of it may be printed, and what is wrong with the rest.

Pure, and sentence by sentence: every one has to stand alone, so a bad one spoils none of the others. An answer that is
no complete JSON object of the form asked for is refused as a whole.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from perftracker_ai.model import Part
from perftracker_ai.narrate import choices
from perftracker_ai.narrate.choices import Judged
from perftracker_ai.narrate.prose import Kind, Violation, normalised, sentences
from perftracker_ai.narrate.rules import broken_rules
from perftracker_ai.narrate.sections import COMMENTARY, PROSE, REMARKS, Section, sections

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
_LEAVES_A_LINE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of what is no text: control, formatting and direction characters, separators of lines (U+2028, U+2029)."""

_FENCE = re.compile(r"\A```[a-z]*\s*\n(?P<body>.*)\n?```\Z", re.DOTALL | re.IGNORECASE)


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What of an answer may be used.

    Attributes
    ----------
    texts : dict of str to str
        Accepted sentences by section key, with their slots.
    choices : Judged
        What the model chose, as far as the facts bear it out.
    violations : tuple of Violation
        Everything that was refused and why, in reading order.
    left_out : int
        Sentences and texts that were refused.
    repaired : frozenset of str
        Sections of which something was accepted only at the second attempt.
    """

    texts: dict[str, str]
    choices: Judged
    violations: tuple[Violation, ...]
    left_out: int
    repaired: frozenset[str]

    @property
    def refused(self) -> frozenset[str]:
        """Keys of the sections of which something was refused; the empty key stands for the whole answer."""
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
        return Verified(texts={}, choices=Judged((), 0), violations=(document,), left_out=1, repaired=frozenset())
    given = _given(document)
    wanted = [section for section in sections(sheet) if only is None or section.key in only]
    judged = [(section, *_judged(given.get(section.key), section, sheet)) for section in wanted]
    return Verified(
        texts={section.key: " ".join(kept) for section, kept, _ in judged if kept},
        choices=choices.judged(document, sheet),
        violations=tuple(found for _, _, wrong in judged for each in wrong for found in each),
        left_out=sum(len(wrong) for _, _, wrong in judged),
        repaired=frozenset(),
    )


def merge(first: Verified, second: Verified) -> Verified:
    """Put a repair into an answer: a text of which something was refused is taken from the repair if that holds any."""
    again = frozenset(second.texts) & first.refused if "" not in first.refused else frozenset(second.texts)
    return replace(
        second,
        choices=first.choices if any(first.choices) else second.choices,
        texts=first.texts | {key: second.texts[key] for key in again},
        violations=(*(one for one in first.violations if one.section not in again), *second.violations),
        left_out=second.left_out + len(first.refused - again - second.refused - {""}),
        repaired=again,
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
    if not isinstance(document, dict) or not {*choices.PROPERTIES, *PROSE} & set(document):
        return Violation(section="", kind=Kind.SCHEMA, excerpt=_excerpt(answer))
    return document


def _given(document: dict[str, object]) -> dict[str, object]:
    """Find what an answer holds for every section; forms are judged later."""
    remarks = {f"{topic}.remark": text for topic, text in members(document.get(REMARKS)).items()}
    return {"commentary": document.get(COMMENTARY), **remarks}


def members(value: object) -> dict[str, object]:
    """Return the members of what should be an object; none of anything else."""
    return value if isinstance(value, dict) else {}


# ── one section ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _judged(value: object, section: Section, sheet: FactSheet) -> tuple[list[str], list[list[Violation]]]:
    """Return the sentences of a section that may stand, and what is wrong with each of the others."""
    malformed = list(_malformed(value, section))
    if malformed or not isinstance(value, str):
        return [], [malformed] * bool(malformed)
    kept: list[str] = []
    wrong: list[list[Violation]] = []
    for sentence in sentences(normalised(value, sheet), section, sheet):
        found = [_violation(section, kind, excerpt) for kind, excerpt in broken_rules(sentence)]
        printed = sum(len(fact.text) for fact in sentence.facts)
        if printed > section.limit * PRINTED:
            found.append(_violation(section, Kind.TOO_LONG, "too many slots"))
        if found:
            wrong.append(found)
        elif sentence.text not in kept:
            kept.append(sentence.text)
    return kept, wrong


def _malformed(value: object, section: Section) -> Iterator[Violation]:
    """Find what no sentence can be looked for in; a remark need not be made, a commentary should."""
    if value is None or (isinstance(value, str) and not value.strip()):
        if section.part is Part.COMMENTARY:
            yield _violation(section, Kind.MISSING, section.key)
    elif not isinstance(value, str):
        yield _violation(section, Kind.SCHEMA, str(value))
    elif len(value) > section.limit * SLACK:
        yield _violation(section, Kind.TOO_LONG, f"{len(value)} characters, {section.limit} allowed")
    elif any(unicodedata.category(char) in _LEAVES_A_LINE and char not in "\n\r\t" for char in value):
        yield _violation(section, Kind.MARKUP, "control characters or line separators")


def _violation(section: Section, kind: Kind, excerpt: str) -> Violation:
    return Violation(section=section.key, kind=kind, excerpt=_excerpt(excerpt))


def _excerpt(text: str) -> str:
    """Cut a piece of an answer to where it can be shown: printable, short, and no slot of anything."""
    shown = "".join(char for char in text if char.isprintable())[:EXCERPT]
    return shown.replace("{{", "{ {").replace("}}", "} }")
