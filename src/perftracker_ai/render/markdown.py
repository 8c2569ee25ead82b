"""``llm_report.md``: the report as Markdown, for people and for places that show it.

In: a `Report`. Out: text, the same for the same report. Everything is escaped here, once: words, and values that came
from a job, a server or a model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.report import build
from perftracker_ai.report.value import Entry, Items, Paragraph, Table
from perftracker_ai.report.view import view
from perftracker_ai.words.text import md
from perftracker_ai.words.text import table as markdown_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.model import Analysis, Narration
    from perftracker_ai.report.value import Block, Line, Report, Section, Sentence

WHOLE = 10_000
"""Characters of a piece: values are cut when they are made, and words are ours."""


def markdown_report(analysis: Analysis, narration: Narration | None = None) -> str:
    """Return the report of an analysis as Markdown, with what a language model wrote in a section of its own."""
    return markdown(build(view(analysis, narration)))


def markdown(report: Report) -> str:
    """Return a whole report."""
    head = [f"# {inline(report.title)}", "", f"**Bottom line:** {' '.join(map(inline, report.bottom_line))}", ""]
    lines = [*head, *(line for section in report.sections for line in _section(section))]
    return "\n".join(lines).rstrip() + "\n"


def inline(said: Sentence) -> str:
    """Return a sentence with everything in it escaped."""
    return "".join(md(piece if isinstance(piece, str) else piece.text, WHOLE) for piece in said)


def _section(section: Section) -> Iterator[str]:
    yield from (f"## {md(section.title)}", "")
    for block in section.blocks:
        yield from _block(block)


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
