"""The issues: a card for each with its charts, those of lower severity folded to a line.

In: the sections of a `Report` about issues, and the `View` whose curves are drawn. Out: `Html`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.model import Severity
from perftracker_ai.render.page import blocks, panels, past
from perftracker_ai.render.page.markup import Html, el, join
from perftracker_ai.report.past import beyond
from perftracker_ai.report.value import Entry, Line, Paragraph, Table, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.model import Cluster
    from perftracker_ai.render.page.blocks import Context
    from perftracker_ai.report.value import Block, Report, Section, Sentence
    from perftracker_ai.report.view import View

ROOM = 420_000
"""Characters of all charts together: the page has to stay small, and the worst issues come first."""

_TITLE = 2
"""Cells of a row that name the issue."""


class Charts:
    """Hands out the charts of issues, the worst first, while there is room for them."""

    def __init__(self, shown: View) -> None:
        self._shown, self._left = shown, ROOM
        self._clusters = {cluster.id: cluster for cluster in shown.analysis.clusters}

    def of(self, key: str) -> Html:
        """Return the charts of an issue; a sentence where they would make the page too large."""
        cluster = self._clusters.get(key)
        if cluster is None:
            return Html("")
        drawn = self._drawn(cluster)
        self._left -= len(drawn)
        return drawn if self._left >= 0 else el("p", "Its charts are left out: the page would be too large.")

    def _drawn(self, cluster: Cluster) -> Html:
        return panels.panels(self._shown, cluster) if self._left > 0 else Html("")


def details(shown: View, report: Report, charts: Charts, context: Context) -> Html:
    """Return the issues of every severity, worst first."""
    told = [card for severity in Severity for card in _cards(report.section(severity.value), charts, context)]
    calm = el("p", f"Nothing became slower{beyond(shown)} in what was measured.", class_="calm")
    parts = [el("h2", "Issues", id="issues-h"), panels.legend(past.legend(shown)) if told else calm, *told]
    return el("section", *parts, id="issues", aria_labelledby="issues-h")


def improvements(report: Report, charts: Charts, context: Context) -> Html:
    """Return what became faster."""
    found = report.section("improvements")
    cards = list(_cards(found, charts, context))
    if not cards:
        return blocks.section(found, context)
    heading = el("h2", found.title, id="improvements-h")
    return el("section", heading, *cards, id="improvements", aria_labelledby="improvements-h")


def _cards(told: Section, charts: Charts, context: Context) -> Iterator[Html]:
    """Yield an entry as a card, a row of a table as a folded one, and what else there is as it is."""
    kind = {"improvements": "improved"}.get(told.key, told.key)
    for block in told.blocks:
        match block:
            case Entry():
                yield _card(block, kind, charts, context)
            case Table():
                yield from _folded(block, kind, charts, context)
            case Paragraph() if _nothing(block):
                pass
            case _:
                yield blocks.block(block, context)


def _nothing(block: Block) -> bool:
    return isinstance(block, Paragraph) and plain(block.said) == "None."


def _card(entry: Entry, kind: str, charts: Charts, context: Context) -> Html:
    anchor = context.links[entry.key]
    parts = (blocks.facts(entry.lines, context), charts.of(entry.key), blocks.body(entry.tables, context))
    title = el("h3", _chip(kind), _title(entry.title, context), _lasting(anchor), id=f"{anchor}-h")
    return el("article", title, *parts, id=anchor, class_=f"card {kind}", aria_labelledby=f"{anchor}-h")


def _title(said: Sentence, context: Context) -> Html:
    """Return a title without links: it is what they lead to."""
    return blocks.inline(said, blocks.Context(shared=context.shared, links={}, drawings={}))


def _chip(kind: str) -> Html:
    return el("span", kind, class_=f"chip {kind}")


def _lasting(anchor: str) -> Html:
    """Return the link that leads here from anywhere, in this report and in the next."""
    return el("a", "#", href=f"#{anchor}", class_="lasting", aria_label="Lasting link to this issue")


def _folded(table: Table, kind: str, charts: Charts, context: Context) -> Iterator[Html]:
    """Yield a card for every row: name and first statement are seen, the rest when it is opened."""
    for key, row in zip(table.keys, table.rows, strict=True):
        anchor = context.links[key]
        name = join([_title(cell, context) for cell in row[:_TITLE]], " ")
        title = el("h3", _chip(kind), name, id=f"{anchor}-h")
        first = el("p", _title(row[_TITLE], context), class_="sub")
        told = zip(table.heads[_TITLE + 1 :], row[_TITLE + 1 :], strict=True)
        lines = [Line(label=head, said=said) for head, said in told if said]
        inside = (blocks.facts(lines, context), charts.of(key), el("p", _lasting(anchor)))
        opened = el("details", el("summary", title, first), *inside)
        yield el("article", opened, id=anchor, class_=f"card folded {kind}", aria_labelledby=f"{anchor}-h")
