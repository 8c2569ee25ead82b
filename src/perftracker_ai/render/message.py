"""The message a team gets of a run: verdict, what was found, the worst three, a link.

In: a `Report` and where it can be read. Out: a `Message` in Markdown and as plain text, short enough for every place
it may go to: a Slack section takes 3,000 characters, a Teams card 28 kB, a GitHub comment 64 kB. Values are cut and
made inert: places differ in what they format, link and mention, so nothing they could act upon is left.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

from perftracker_ai.report import still_open, summary
from perftracker_ai.report.value import Items, Paragraph, Table, Value, rules, say, values
from perftracker_ai.words.numbers import plural
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from perftracker_ai.render.board import Board
    from perftracker_ai.report.value import Block, Report, Sentence

TITLE_LIMIT, LIMIT = 150, 3000
"""Characters of a title, as a Slack header takes them, and of a text, as a Slack section does."""
SHOWN = 3
"""Issues told; the others are counted."""
_NAME, _VALUE, _LINK = 40, 160, 1000
_TEXT, _MARKS = LIMIT - _LINK - 200, 10
"""Characters of what comes before the link and the marks around it, and of the marks around another one."""
_TOLD = {"slowdown": "", "where": "", "confidence": " confidence", "since": ""}
"""Columns of the table of issues that a message has, and what is said behind each."""
_LONGEST = 160
"""Characters of a line that a telephone still shows in two or three."""

_INERT = str.maketrans(
    {"`": "'", "<": "‹", ">": "›", "[": "(", "]": ")", "*": "∗", "|": "¦", "~": "∼", "\\": "∖", "@": "＠", "&": "＆"}
)
_SAFE_IN_LINKS = str.maketrans({char: f"%{ord(char):02X}" for char in " ()<>[]\"'`\\|*"})


class Link(NamedTuple):
    """Where a reader finds more: what is there, and its address or the path of a file."""

    what: str
    address: str


class Message(NamedTuple):
    """A message in both forms; the title is plain in either."""

    title: str
    markdown: str
    plain: str


class _Line(NamedTuple):
    """One line: what it begins with, in bold, a name, set like code, and the rest."""

    bold: str = ""
    code: str = ""
    rest: str = ""
    item: bool = False
    address: str = ""


def message(report: Report, link: Link, there: Board | None = None) -> Message:
    """Word a run for people who did not watch it.

    Parameters
    ----------
    report : Report
    link : Link
        Where the report is.
    there : Board, optional
        Where the dashboard has the run, if there is one.

    Returns
    -------
    Message
        Of at most `TITLE_LIMIT` and `LIMIT` characters.
    """
    links = [link._replace(address=clean(link.address, _LINK)), *_board(there)]
    room = _TEXT - sum(len(one.what) + len(one.address) + _MARKS for one in links[1:])
    lines = _fitting(list(_lines(report, there.issues if there else {})), room)
    plain = [*map(_plain, lines), "", *(f"{one.what}: {one.address}" for one in links)]
    markdown = [*map(_markdown, lines), "", " · ".join(map(_linked, links))]
    return Message(
        title=_inert(report.title, _NAME)[:TITLE_LIMIT], markdown="\n".join(markdown), plain="\n".join(plain)
    )


def inert(text: str, limit: int) -> str:
    """Return `text` on one line, cut, and with no character left that a messenger formats, links or mentions by."""
    return clean(text, limit).translate(_INERT).replace("://", ":∕∕")


# ── words ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _inert(said: Sentence, limit: int = _VALUE) -> str:
    """Return a sentence with its values made inert; words are ours."""
    return "".join(piece if isinstance(piece, str) else inert(piece.text, limit) for piece in said)


def _board(there: Board | None) -> list[Link]:
    """Return links to the dashboard."""
    if there is None:
        return []
    product = Link(f"All of {inert(there.product_name, _NAME)}", there.product)
    return [Link("Dashboard", there.report), *([product] if there.product else [])]


def _lines(report: Report, addresses: Mapping[str, str]) -> Iterator[_Line]:
    known = {value.label: value for value in values(report)}
    meaning, *told = report.bottom_line
    sides = (say(f"{role} ", known[f"{run} version"], " (job ", known[f"{run} job"], ")") for role, run in _SIDES)
    blocks = report.section(summary.KEY).blocks
    yield _Line(bold=inert(known["verdict"].text, _NAME), rest=f": {_inert(meaning)}")
    yield _Line(rest=f"{', '.join(_inert(side, _NAME) for side in sides)}. {_inert(told[0])}")
    yield from _doubts(blocks)
    issues = [
        _issue(table, at)._replace(address=addresses.get(key, ""))
        for table in _tables(blocks)
        for at, key in enumerate(table.keys)
    ]
    yield from issues[:SHOWN]
    left = len(issues) - SHOWN + summary.left_out(blocks)
    if left > 0:
        yield _Line(item=True, rest=f"and {plural(left, 'more issue')}")
    lines = list(_open(blocks))
    yield from lines
    if not issues and not lines:
        yield from (_Line(item=True, rest=_inert(said)) for said in list(rules(report))[:1])


def _open(blocks: tuple[Block, ...]) -> Iterator[_Line]:
    """Yield what is open besides, the largest first; how many more there are stands in the report."""
    for head, block in itertools.pairwise((None, *blocks)):
        if isinstance(block, Items) and isinstance(head, Paragraph) and head.label == still_open.LABEL:
            for line in block.items[:SHOWN]:
                yield _Line(
                    item=True, bold=line.label, rest=f" {_inert(line.said)}" if line.label else _inert(line.said)
                )


_SIDES = (("Baseline", "run1"), ("candidate", "run2"))


def _tables(blocks: tuple[Block, ...]) -> Iterator[Table]:
    return (block for block in blocks if isinstance(block, Table) and block.caption == summary.ISSUES)


def _doubts(blocks: tuple[Block, ...]) -> Iterator[_Line]:
    """Yield what makes the comparison less fit to decide on, or that the whole run moved, before any finding."""
    listed = itertools.pairwise((None, *blocks))
    checks = [line for head, one in listed if isinstance(one, Items) and _heads(head) for line in one.items]
    every = (line for one in blocks if isinstance(one, Items) for line in one.items)
    moved = [line for line in every if any(_is_large(piece) for piece in line.said)]
    yield from (_Line(rest=f"{line.label}: {_inert(line.said)}") for line in (checks or moved)[:SHOWN])


def _heads(block: Block | None) -> bool:
    return isinstance(block, Paragraph) and block.label == summary.VALIDITY


def _is_large(piece: str | Value) -> bool:
    return isinstance(piece, Value) and piece.label == summary.LARGE_SHIFT


def _issue(table: Table, at: int) -> _Line:
    """Return a row of the table of issues as a line; the last column it has only while it still is one line."""
    row = dict(zip(table.heads, table.rows[at], strict=True))
    parts = [f"{_inert(row[head])}{_TOLD[head]}" for head in _TOLD if row.get(head)]
    severity = _inert(row["issue"], _NAME)
    line = _Line(item=True, bold=severity, code=_inert(row["what"]), rest=f": {', '.join(parts)}")
    short = line._replace(rest=f": {', '.join(parts[:-1])}")
    return line if len(_plain(line)) <= _LONGEST or not row.get("since") else short


def _fitting(lines: list[_Line], room: int) -> list[_Line]:
    """Return the lines that a message has room for; they lose their addresses before one is left out."""
    if sum(max(len(_markdown(line)), len(_plain(line))) + 1 for line in lines) > room:
        lines = [line._replace(address="") for line in lines]
    ends = itertools.accumulate(len(_markdown(line)) + 1 for line in lines)
    return [line for line, end in zip(lines, ends, strict=True) if end <= room]


# ── forms ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _plain(line: _Line) -> str:
    words = " ".join(filter(None, (line.bold, line.code)))
    behind = f"\n  {line.address}" if line.address else ""
    return f"{'- ' if line.item else ''}{words}{line.rest}{behind}"


def _markdown(line: _Line) -> str:
    bold = f"**{line.bold}**" if line.bold else ""
    bold = f"[{bold}]({line.address.translate(_SAFE_IN_LINKS)})" if bold and line.address else bold
    words = " ".join(filter(None, (bold, f"`{line.code}`" if line.code else "")))
    # An empty line between them keeps two lines from becoming one paragraph in every dialect.
    return f"- {words}{line.rest}" if line.item else f"{words}{line.rest}\n"


def _linked(link: Link) -> str:
    """Return a link to an address, or the path of a file as it is."""
    if link.address.startswith(("http://", "https://")):
        return f"[{link.what}]({link.address.translate(_SAFE_IN_LINKS)})"
    return f"{link.what}: `{inert(link.address, _LINK)}`"
