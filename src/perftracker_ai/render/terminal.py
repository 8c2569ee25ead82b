"""The terminal's summary: the first screen of the report, and where the files are.

In: a `Report`, the paths written, and how wide the screen is. Out: the same lines as a Rich text with colours or as
plain text without control characters. Nothing is cut: what is wider than the screen goes on in the next line, but for
paths, which are no use in pieces. Nothing is worded or counted here but what is left out.
"""

from __future__ import annotations

import re
from itertools import chain, pairwise, zip_longest
from typing import TYPE_CHECKING, NamedTuple

from perftracker_ai.model import Severity, Verdict
from perftracker_ai.report import choices, commentary, findings, past, still_open, summary
from perftracker_ai.report.value import Items, Paragraph, Table, Value, plain, rules, say, values
from perftracker_ai.words.numbers import plural
from perftracker_ai.words.text import ELLIPSIS, clean, columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.text import Text

    from perftracker_ai.report.value import Block, Report, Section, Sentence

NARROWEST, WIDEST, USUAL = 60, 200, 100
"""Columns; narrower screens wrap by themselves, and wider lines nobody reads. `USUAL` is that of a pipe."""
ROWS, PATHS = 10, 4
_PATH = 1000
_KEY = 11
_GAP = "  "

_STYLES = {
    Verdict.BLOCK.value: "bold red",
    Verdict.INVESTIGATE.value: "bold yellow",
    Verdict.INSUFFICIENT_EVIDENCE.value: "bold yellow",
    Verdict.APPROVE_WITH_MONITORING.value: "bold green",
    Verdict.APPROVE.value: "bold green",
    Verdict.SAME_VERSION.value: "bold green",
    Severity.CRITICAL.value: "bold red",
    Severity.SEVERE.value: "red",
    Severity.MODERATE.value: "yellow",
}


class Span(NamedTuple):
    """A piece of a line with its Rich style."""

    text: str
    style: str = ""


Spans = tuple[Span, ...]


def screen(report: Report, paths: Iterable[str], width: int) -> Text:
    """Return the summary for a terminal of so many columns, as a Rich text."""
    from rich.text import Text

    return Text("\n").join(Text.assemble(*line) for line in _lines(report, tuple(paths), width))


def plain_screen(report: Report, paths: Iterable[str], width: int = USUAL) -> str:
    """Return the summary as plain lines, for a pipe or a log; no newline behind the last."""
    lines = _lines(report, tuple(paths), width)
    return "\n".join("".join(span.text for span in line).rstrip() for line in lines)


def _lines(report: Report, paths: tuple[str, ...], width: int) -> list[Spans]:
    width = min(max(width, NARROWEST), WIDEST)
    first = report.section(summary.KEY).blocks
    return [
        *_wrapped(report.title, width),
        *_jobs(report, width),
        *_labelled(first, summary.VALIDITY, width),
        *_wrapped(_joined(report.bottom_line), width),
        *_verdict(report, width),
        *_issues(first, width),
        *_open(first, width),
        *_labelled(first, past.NEWS_LABEL, width),
        *_accepted(report.sections, width),
        *_labelled(first, summary.CURVES, width),
        *_labelled(first, summary.WHOLE_RUN, width),
        *_labelled(first, summary.SINGLE_LOADS, width),
        *_notices(report, width),
        *_taken(first, width),
        *_commentary(report.sections, width),
        *_written(paths, width),
    ]


# ── parts of the report ─────────────────────────────────────────────────────────────────────────────────────────────


def _verdict(report: Report, width: int) -> Iterator[Spans]:
    """Yield the verdict and every rule that fired, those that decided first."""
    verdict = next(value.text for value in values(report) if value.label == "verdict")
    yield (Span(f"{'Verdict':{_KEY}}", "dim"), Span(verdict, _STYLES[verdict]))
    yield from chain.from_iterable(_row("", said, width) for said in rules(report))


def _jobs(report: Report, width: int) -> list[Spans]:
    """Name the two jobs and when they were measured, side by side."""
    known = {value.label: value for value in values(report)}
    sides = [say("job ", known[f"{run} job"], ", ", known[f"{run} measured (UTC)"]) for run in ("run1", "run2")]
    return _row("Jobs", say(sides[0], " → ", sides[1], " UTC"), width)


def _labelled(blocks: tuple[Block, ...], label: str, width: int) -> Iterator[Spans]:
    """Yield what stands under a label: a paragraph, the list it heads, or lines of a list."""
    heads = False
    for block in blocks:
        if isinstance(block, Items):
            lines = [line for line in block.items if heads or line.label == label]
            yield from chain.from_iterable(_row(line.label, line.said, width) for line in lines)
        heads = isinstance(block, Paragraph) and block.label == label and not block.said
        if isinstance(block, Paragraph) and block.label == label:
            yield from _row(label, block.said, width)


def _open(blocks: tuple[Block, ...], width: int) -> Iterator[Spans]:
    """Yield what is open besides, and every such issue behind what became of it."""
    for head, block in pairwise((None, *blocks)):
        if isinstance(block, Paragraph) and block.label == still_open.LABEL:
            yield from _row(still_open.LABEL, block.said, width)
        if isinstance(block, Items) and isinstance(head, Paragraph) and head.label == still_open.LABEL:
            yield from chain.from_iterable(_row(line.label, line.said, width) for line in block.items)


def _taken(blocks: tuple[Block, ...], width: int) -> Iterator[Spans]:
    """Yield what a model chose for a reader to take from the run."""
    for head, block in pairwise((None, *blocks)):
        if isinstance(block, Items) and isinstance(head, Paragraph) and head.label == choices.TAKE_AWAY:
            yield from _row("To take", head.said, width)
            yield from chain.from_iterable(_row("", line.said, width) for line in block.items)


def _accepted(sections: tuple[Section, ...], width: int) -> Iterator[Spans]:
    blocks = (block for section in sections if section.key == findings.ACCEPTED for block in section.blocks)
    yield from chain.from_iterable(_row("Accepted", one.said, width) for one in blocks if isinstance(one, Paragraph))


def _notices(report: Report, width: int) -> list[Spans]:
    """Count the notices, which were told as they came up."""
    count = report.counts.notices
    return _row("Notices", say(f"{plural(count, 'notice')}, in the report"), width) if count else []


def _commentary(sections: tuple[Section, ...], width: int) -> Iterator[Spans]:
    """Say that a model wrote something, which stands in the report."""
    found = (section.title for section in sections if section.key == commentary.KEY)
    yield from chain.from_iterable(_row("Model", say(f"{title}, in the report"), width) for title in found)


def _written(paths: tuple[str, ...], width: int) -> Iterator[Spans]:
    for at, path in enumerate(paths[:PATHS]):
        yield (Span(f"{'Written' if at == 0 else '':{_KEY}}", "dim"), Span(clean(path, _PATH)))
    left = len(paths) - PATHS
    yield from _row("", say(f"and {plural(left, 'more file')}"), width) if left > 0 else ()


# ── issues ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _issues(blocks: tuple[Block, ...], width: int) -> Iterator[Spans]:
    """Yield the issues in rows, the beginning that their paths share said once, and how many are left out."""
    table = next((one for one in blocks if isinstance(one, Table) and one.caption == summary.ISSUES), None)
    if table is None:
        return
    shared = _shared([plain((one,)) for row in table.rows for said in row for one in said if _is_endpoint(one)])
    if shared:
        yield from _row("Issues", say(f"{ELLIPSIS} stands for {shared}"), width)
    rows = [tuple(_short(said, shared) for said in row) for row in table.rows[:ROWS]]
    yield from _laid(table.heads, rows, width)
    left = len(table.rows) - ROWS + summary.left_out(blocks)
    yield from _row("", say(f"and {plural(left, 'more issue')}, in the report"), width) if left > 0 else ()


def _is_endpoint(piece: str | Value) -> bool:
    return isinstance(piece, Value) and piece.label == "endpoint"


def _shared(endpoints: list[str]) -> str:
    """Return the whole parts that all paths begin with; empty where that saves nothing."""
    parts = [text.partition(" ")[2].split("/")[:-1] for text in endpoints if " /" in text]
    same = 0
    while len(parts) > 1 and all(len(one) > same and one[same] == parts[0][same] for one in parts):
        same += 1
    shared = "/".join(parts[0][:same]) if parts else ""
    return shared if len(shared) > len(ELLIPSIS) else ""


def _short(said: Sentence, shared: str) -> str:
    """Return a cell as text, with the beginning that is said once taken off its path."""
    if not shared:
        return plain(said)
    texts = ((one, one if isinstance(one, str) else one.text) for one in said)
    return "".join(
        text.replace(f" {shared}/", f" {ELLIPSIS}/", 1) if _is_endpoint(one) else text for one, text in texts
    )


def _laid(heads: tuple[str, ...], rows: list[tuple[str, ...]], width: int) -> list[Spans]:
    """Lay rows out in columns that wrap; where that takes too many lines, each row in lines of its own."""
    stacked = [line for row in rows for line in _stacked(heads, row, width)]
    widths = _widths([heads, *rows], width)
    columned = list(_columned(heads, rows, widths)) if widths else []
    return columned if 0 < len(columned) <= _TALL * len(stacked) else stacked


_TALL = 1.5
"""Columns are easier to compare, which is worth half as many lines again."""


def _columned(heads: tuple[str, ...], rows: list[tuple[str, ...]], widths: list[int]) -> Iterator[Spans]:
    yield (Span(_GAP.join(_padded(head, room) for head, room in zip(heads, widths, strict=True)), "dim"),)
    for row in rows:
        cells = [wrap(cell, room) or [""] for cell, room in zip(row, widths, strict=True)]
        for parts in zip_longest(*cells, fillvalue=""):
            texts = [_padded(part, room) for part, room in zip(parts, widths, strict=True)]
            yield (Span(texts[0], _style(row[0])), Span(_GAP + _GAP.join(texts[1:])))


def _widths(table: list[tuple[str, ...]], width: int) -> list[int] | None:
    """Return columns that fill a screen at most, the widest narrowed first; None where a word would not fit."""
    wanted = [max(map(columns, cells)) for cells in zip(*table, strict=True)]
    least = [
        max((columns(word) for cell in cells for word in cell.split()), default=0) for cells in zip(*table, strict=True)
    ]
    room = width - len(_GAP) * (len(wanted) - 1)
    while sum(wanted) > room:
        free = [at for at, each in enumerate(wanted) if each > min(least[at], _LEAST)]
        if not free:
            return None
        wanted[max(free, key=lambda at: wanted[at])] -= 1
    return wanted


_LEAST = 14
"""Columns below which none is narrowed, whatever its longest word: of paths in narrower pieces nobody makes sense."""


def _stacked(heads: tuple[str, ...], row: tuple[str, ...], width: int) -> Iterator[Spans]:
    """Yield a row as lines: what it is and its name, then the rest, a bare word by the name of its column too."""
    named = zip(heads[2:], row[2:], strict=True)
    rest = ", ".join(f"{head} {cell}" if head in _BARE else cell for head, cell in named if cell)
    lines = wrap(f"{row[0]}{_GAP}{row[1]}: {rest}", width - len(_GAP))
    yield from ((Span(f"{_GAP if at else ''}{line}", "" if at else _style(row[0])),) for at, line in enumerate(lines))


_BARE = ("confidence", "priority")


def _style(text: str) -> str:
    return next((style for word in text.split() if (style := _STYLES.get(word))), "")


# ── lines ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _row(key: str, said: Sentence, width: int) -> list[Spans]:
    """Return a sentence behind its key, its further lines under the first; a long key has a line of its own."""
    lines = wrap(plain(said), width - _KEY)
    if not lines:
        return []
    head = [] if len(key) < _KEY else [(Span(key, "dim"),)]
    keys = ["" if head else key, *[""] * (len(lines) - 1)]
    return [*head, *((Span(f"{one:{_KEY}}", "dim"), Span(line)) for one, line in zip(keys, lines, strict=True))]


def _wrapped(said: Sentence, width: int) -> list[Spans]:
    """Return a sentence over the whole width."""
    return [(Span(line),) for line in wrap(plain(said), width)]


def _joined(told: tuple[Sentence, ...]) -> Sentence:
    return say(*(piece for said in told for piece in (say(said), " ")))


def wrap(text: str, width: int) -> list[str]:
    """Return `text` in lines of at most `width` terminal columns, broken at blanks, in a long path behind a slash."""
    lines, line = [], ""
    for piece in (piece for word in re.findall(r"\S+\s*", text) for piece in _pieces(word, width)):
        if line and columns(line) + columns(piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece
    return [*lines, line.rstrip()] if line else lines


def _pieces(word: str, width: int) -> Iterator[str]:
    """Part a word that is wider than a line, behind slashes as far as that does."""
    if columns(word.rstrip()) <= width:
        yield word
        return
    for piece in re.split(r"(?<=/)(?=[^/]{2})", word):
        rest = piece
        while columns(rest.rstrip()) > width:
            end = next(at for at in range(1, len(rest) + 1) if columns(rest[:at]) > width) - 1
            yield rest[: max(end, 1)]
            rest = rest[max(end, 1) :]
        yield rest


def _padded(text: str, width: int) -> str:
    return text + " " * (width - columns(text))
