"""The report as a value: sections of blocks, blocks of sentences, sentences of words and values.

Values only. Every form of a report (Markdown, page, terminal, message, JUnit, ``facts.json``) is written from it, so
that a statement is made once and a number has one printed form. Words are the program's own; whatever comes from a
job, a server or a model is a `Value`, cleaned and cut when it is made, and escaped by whoever writes it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.model import Direction  # noqa: TC001 - msgspec reads it when it reads values back
from perftracker_ai.report.counts import Counts  # noqa: TC001 - the same

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

RUN, CATALOGUE = "run", "catalogue"
"""Subjects that are no issue: the whole comparison, and the catalogue of hypotheses."""


class Kind(StrEnum):
    """What kind of thing a value is."""

    NAME = "name"
    COUNT = "count"
    SHARE = "share"
    CHANGE = "change"
    RATIO = "ratio"
    VALUE = "value"
    RANGE = "range"
    LABEL = "label"
    NOTE = "note"
    VERDICT = "verdict"
    RULE = "rule"
    HYPOTHESIS = "hypothesis"
    EVIDENCE = "evidence"
    OBJECTION = "objection"
    CONFIRM = "confirm"
    REFUTE = "refute"


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a report says that is not mere words.

    Attributes
    ----------
    kind : Kind
    subject : str
        Id of the issue it is about, `RUN` or `CATALOGUE`.
    label : str
        What it says of its subject: ``slowdown``, ``loads``.
    raw : str, int, float or None
        Unrounded: ratios as ratios, values in base units; None where there is no single one.
    unit : str
        Base unit of `raw`; empty for ratios, counts and texts.
    text : str
        Its only printed form, plain and on one line.
    direction : Direction or None
        Of the change it is about; None where it is about none.
    at : str
        JSON pointer (RFC 6901) into ``result_v2.json``: the number itself, or the smallest object that holds it.
    """

    kind: Kind
    subject: str
    label: str
    raw: str | int | float | None
    unit: str
    text: str
    direction: Direction | None
    at: str


Sentence = tuple[str | Value, ...]
"""Words and values in reading order."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence under a label: ``Confidence: high, …``."""

    label: str
    said: Sentence


class Paragraph(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence or several that stand by themselves; `label`, in bold before them, may be empty."""

    label: str
    said: Sentence


class Items(msgspec.Struct, frozen=True, kw_only=True):
    """A list; `ordered` when the order is what it says."""

    items: tuple[Line, ...]
    ordered: bool


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table.

    Attributes
    ----------
    caption : str
        What it shows, for who cannot see it.
    heads : tuple of str
    rows : tuple of tuple of Sentence
        As long as `heads`.
    keys : tuple of str
        Of each row: the id of the issue it is about; empty for none.
    """

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Sentence, ...], ...]
    keys: tuple[str, ...]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Something told in several lines under a heading of its own.

    Attributes
    ----------
    key : str
        Id of the issue it is about.
    title : Sentence
    lines : tuple of Line
    tables : tuple of Table
    """

    key: str
    title: Sentence
    lines: tuple[Line, ...]
    tables: tuple[Table, ...]


Block = Paragraph | Items | Table | Entry


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the report under its heading; `key` is its name for writers and links."""

    key: str
    title: str
    blocks: tuple[Block, ...]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a reader is told about a comparison.

    Attributes
    ----------
    title : Sentence
        Product, versions, verdict.
    bottom_line : tuple of Sentence
        What it comes to, in a few sentences; the first says what to do with the release.
    sections : tuple of Section
        In reading order.
    counts : Counts
        How much was found, for programs; its sentences say the same.
    """

    title: Sentence
    bottom_line: tuple[Sentence, ...]
    sections: tuple[Section, ...]
    counts: Counts

    def section(self, key: str) -> Section:
        """Return a section by its key.

        Raises
        ------
        KeyError
            When there is none.
        """
        found = {section.key: section for section in self.sections}
        return found[key]


# ── building ────────────────────────────────────────────────────────────────────────────────────────────────────────


def say(*pieces: str | Value | Sentence | None) -> Sentence:
    """Return pieces as one sentence: sentences are taken apart, None and empty words left out."""
    flat: list[str | Value] = []
    for piece in pieces:
        flat += piece if isinstance(piece, tuple) else (piece,) if piece else ()
    return tuple(flat)


def join(parts: Iterable[Sentence | Value | str], between: str = ", ", last: str = "") -> Sentence:
    """Return parts as one sentence with words between them, other ones before the last where they are given."""
    found = [part if isinstance(part, tuple) else (part,) for part in parts if part]
    joined: list[str | Value] = []
    for place, part in enumerate(found):
        final = place == len(found) - 1
        joined += ((last if final and last else between),) if place else ()
        joined += part
    return tuple(joined)


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def plain(said: Sentence) -> str:
    """Return a sentence as plain text."""
    return "".join(piece if isinstance(piece, str) else piece.text for piece in said)


def sentences(report: Report) -> Iterator[Sentence]:
    """Yield every sentence of a report, in reading order."""
    yield report.title
    yield from report.bottom_line
    for section in report.sections:
        yield from _of_blocks(section.blocks)


def rules(report: Report) -> Iterator[Sentence]:
    """Yield the rules that fired, those that decided first."""
    for section in report.sections:
        for said in _of_blocks(section.blocks):
            if any(isinstance(piece, Value) and piece.kind is Kind.RULE for piece in said):
                yield said


def values(report: Report) -> tuple[Value, ...]:
    """Return every value of a report once, in reading order."""
    found = (piece for said in sentences(report) for piece in said if isinstance(piece, Value))
    return tuple(dict.fromkeys(found))


def _of_blocks(blocks: Iterable[Block]) -> Iterator[Sentence]:
    for block in blocks:
        yield from _of_block(block)


def _of_block(block: Block) -> Iterator[Sentence]:
    match block:
        case Paragraph():
            yield block.said
        case Items():
            yield from (line.said for line in block.items)
        case Table():
            yield from (cell for row in block.rows for cell in row)
        case Entry():
            yield block.title
            yield from (line.said for line in block.lines)
            yield from (said for table in block.tables for said in _of_block(table))
