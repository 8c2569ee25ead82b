"""The parts of a report as HTML: words escaped, and every value a span that says where in the results it stands.

In: sections, blocks and sentences of a `Report`. Out: `Html`. Every word on the page comes through here but those of
charts, of the table of all curves, and of what is clicked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, assert_never

import msgspec

from perftracker_ai.render.page.markup import Html, el, escaped, join, path
from perftracker_ai.report.value import Entry, Items, Kind, Paragraph, Table, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from perftracker_ai.report.value import Block, Line, Section, Sentence

_NUMBERS = frozenset({Kind.CHANGE, Kind.RATIO})
_NAMED = frozenset({"slowdown", "endpoint", "id", "verdict"})
"""Labels of values that the style sheet knows."""
_DIGIT = re.compile(r"\d")
_RANKS = frozenset({"severity", "severity of a gap"})


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What writing a value needs beside it.

    Attributes
    ----------
    shared : str
        The leading parts that all paths share, to be shown paler.
    links : dict of str to str
        By what is linked, an issue's id or the key of an entry: the anchor it leads to.
    drawings : dict of str to Html
        By the pointer of a value: what is drawn beneath the line it stands in.
    """

    shared: str
    links: dict[str, str]
    drawings: dict[str, Html]


# ── sentences ───────────────────────────────────────────────────────────────────────────────────────────────────────


def inline(said: Sentence, context: Context) -> Html:
    """Return a sentence."""
    return join(escaped(piece) if isinstance(piece, str) else value(piece, context) for piece in said)


def value(one: Value, context: Context) -> Html:
    """Return a value with its place in the results; an issue and what may be behind it lead to where more is said."""
    words = path(one.text, context.shared) if one.label == "endpoint" else escaped(one.text)
    anchor = context.links.get(_target(one), "")
    if anchor:
        words = el("a", words, href=f"#{anchor}")
    return el("span", words, class_=_class(one) or None, data_fact=one.at or None)


def _target(one: Value) -> str:
    """Return what a value leads to by its key in the links; empty for nothing."""
    if one.label == "id":
        return one.text
    return f"causes-{one.subject}" if one.kind is Kind.HYPOTHESIS else ""


def _class(one: Value) -> str:
    if one.label in _RANKS:
        return f"chip {one.raw}"
    if one.label in _NAMED:
        return f"{one.label} num" if one.kind in _NUMBERS else one.label
    return "num" if one.kind in _NUMBERS else ""


def _drawn(said: Sentence, context: Context) -> Html:
    """Return what is drawn beneath a line, once for each value that has a drawing."""
    pointers = dict.fromkeys(piece.at for piece in said if isinstance(piece, Value))
    drawn = (el("div", context.drawings[at], data_fact=at) for at in pointers if context.drawings.get(at))
    return join(drawn)


# ── blocks ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def section(told: Section, context: Context, *more: Html) -> Html:
    """Return a section under its heading, with what is added to its end."""
    heading = el("h2", told.title, id=f"{told.key}-h")
    return el("section", heading, body(told.blocks, context), *more, id=told.key, aria_labelledby=f"{told.key}-h")


def folded(told: Section, context: Context) -> Html:
    """Return a section of which only the title is seen until it is opened."""
    summary = el("summary", el("h2", told.title))
    return el("section", el("details", summary, body(told.blocks, context)), id=told.key)


def body(blocks: Iterable[Block], context: Context) -> Html:
    """Return blocks one after the other."""
    return join(block(one, context) for one in blocks)


def block(one: Block, context: Context) -> Html:
    """Return a block by its kind."""
    match one:
        case Paragraph():
            return _paragraph(one, context)
        case Items():
            return items(one, context)
        case Table():
            return table(one, context)
        case Entry():
            return _entry(one, context)
        case _:
            assert_never(one)


def _paragraph(one: Paragraph, context: Context) -> Html:
    """Return a paragraph; a label that nothing follows is a heading."""
    if not one.said:
        return el("h3", one.label)
    return el("p", *_labelled(one.label, one.said, context), _drawn(one.said, context))


def items(one: Items, context: Context, kind: str = "plain") -> Html:
    """Return a list."""
    lines = [el("li", *_labelled(line.label, line.said, context), _drawn(line.said, context)) for line in one.items]
    return el("ol", *lines, class_="steps") if one.ordered else el("ul", *lines, class_=kind)


def _labelled(label: str, said: Sentence, context: Context) -> tuple[Html, ...]:
    told = inline(said, context)
    if not label:
        return (told,)
    place = next((piece.at for piece in said if isinstance(piece, Value) and piece.at), None)
    return el("b", f"{label}:", data_fact=place if _DIGIT.search(label) else None), Html(" "), told


def table(one: Table, context: Context, extra: tuple[str, dict[str, Html]] | None = None, kind: str = "told") -> Html:
    """Return a table, its rows of the class of their severity; `extra` is a last column, by the keys of the rows."""
    heads = [el("th", head.capitalize(), scope="col") if head else el("td") for head in one.heads]
    heads += [el("th", extra[0], scope="col")] if extra else []
    rows = []
    for key, cells in zip(one.keys, one.rows, strict=True):
        last = [el("td", extra[1].get(key, Html("")), class_="line")] if extra else []
        rows.append(el("tr", *_cells(one.heads, cells, context), *last, class_=severity(cells) or None))
    caption = el("caption", one.caption, class_="unseen")
    return el("table", caption, el("thead", el("tr", *heads)), el("tbody", *rows), class_=kind)


def _cells(heads: tuple[str, ...], cells: tuple[Sentence, ...], context: Context) -> Iterator[Html]:
    """Yield the cells of a row, each with its heading for where there is no room for one above it."""
    yield el("th", inline(cells[0], context), scope="row")
    for head, cell in zip(heads[1:], cells[1:], strict=True):
        yield el("td", inline(cell, context), data_head=head)


def severity(cells: Sequence[Sentence]) -> str:
    """Return the severity that is told in sentences; empty for none."""
    told = (piece for cell in cells for piece in cell if isinstance(piece, Value))
    return next((str(piece.raw) for piece in told if piece.label in _RANKS), "")


def _entry(one: Entry, context: Context) -> Html:
    heading = el("h3", inline(one.title, context))
    return el("article", heading, facts(one.lines, context), body(one.tables, context), id=one.key, class_="entry")


def facts(lines: Sequence[Line], context: Context) -> Html:
    """Return lines with their labels as terms; as paragraphs where a line has none."""
    if not all(line.label for line in lines):
        return join(el("p", *_labelled(line.label, line.said, context)) for line in lines)
    return el("dl", *(_fact(line, context) for line in lines), class_="facts")


def _fact(line: Line, context: Context) -> Html:
    told = el("dd", inline(line.said, context), _drawn(line.said, context))
    return el("div", el("dt", line.label.capitalize()), told)
