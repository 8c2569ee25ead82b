"""``llm_report.md``: the report as Markdown, for people and for places that show it.

In: a `Report`. Out: text, the same for the same report. Everything is escaped here, once: words, and values that came
from a job, a server or a model.
"""

from __future__ import annotations

from itertools import accumulate, takewhile
from typing import TYPE_CHECKING

from perftracker_ai.report.causes import KEY
from perftracker_ai.report.value import Entry, Items, Paragraph, Table
from perftracker_ai.words.text import md
from perftracker_ai.words.text import table as markdown_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from perftracker_ai.report.value import Block, Line, Report, Section, Sentence

WHOLE = 10_000
"""Characters of a piece: values are cut when they are made, and words are ours."""


def markdown(report: Report) -> str:
    """Return a whole report as Markdown."""
    return document(report.title, report.bottom_line, report.sections)


def document(title: Sentence, bottom_line: Sequence[Sentence], sections: Sequence[Section]) -> str:
    """Return sections under a title as Markdown."""
    return "\n".join([_head(title, bottom_line), *map(_section, sections)]).rstrip() + "\n"


def opening(report: Report, limit: int) -> str:
    """Return the beginning of a report, whole sections of it, in at most `limit` bytes of UTF-8; empty for no room.

    The sections behind the issues are left out: they are for who opens the report itself.
    """
    before = takewhile(lambda section: section.key != KEY, report.sections)
    parts = [_head(report.title, report.bottom_line), *map(_section, before)]
    ends = accumulate(len(part.encode()) + 1 for part in parts)
    kept = [part for part, end in zip(parts, ends, strict=True) if end <= limit]
    return "\n".join(kept).rstrip() + "\n" if kept else ""


def _head(title: Sentence, bottom_line: Sequence[Sentence]) -> str:
    return f"# {inline(title)}\n\n**Bottom line:** {' '.join(map(inline, bottom_line))}\n"


def inline(said: Sentence) -> str:
    """Return a sentence with everything in it escaped."""
    return "".join(md(piece if isinstance(piece, str) else piece.text, WHOLE) for piece in said)


def _section(section: Section) -> str:
    blocks = (line for block in section.blocks for line in _block(block))
    return "\n".join((f"## {md(section.title)}", "", *blocks))


def _block(block: Block) -> Iterator[str]:
    match block:
        case Paragraph():
            yield from (_labelled(block.label, block.said), "")
        case Items():
            marks = (f"{number}." if block.ordered else "-" for number, _ in enumerate(block.items, 1))
            yield from (f"{mark} {_line(line)}" for mark, line in zip(marks, block.items, strict=True))
            yield ""
        case Table():
            yield from markdown_table(block.heads, [tuple(map(inline, row)) for row in block.rows])
            yield ""
        case Entry():
            yield from (f"### {inline(block.title)}", "")
            alone = len(block.lines) == 1
            yield from (_line(line) if alone else f"- {_line(line)}" for line in block.lines)
            yield ""
            for table in block.tables:
                yield from _block(table)


def _line(line: Line) -> str:
    return _labelled(line.label, line.said)


def _labelled(label: str, said: Sentence) -> str:
    return " ".join(filter(None, (f"**{md(label)}:**" if label else "", inline(said))))
