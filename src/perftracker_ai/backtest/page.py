"""A backtest as a page: one file that loads nothing and runs nothing, in the style of the reports.

In: a `Backtest`. Out: HTML, the same text for the same values. Everything that somebody else wrote is escaped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.backtest.report import told
from perftracker_ai.render.html import head
from perftracker_ai.render.page import blocks
from perftracker_ai.render.page.markup import Html, el, join
from perftracker_ai.report.value import plain

if TYPE_CHECKING:
    from perftracker_ai.backtest.values import Backtest

_CONTEXT = blocks.Context(shared="", links={}, drawings={})


def page(past: Backtest) -> str:
    """Return the whole page."""
    found = told(past)
    said = (el("p", blocks.inline(one, _CONTEXT)) for one in found.bottom_line)
    lead = el("div", el("h1", blocks.inline(found.title, _CONTEXT)), *said)
    main = (blocks.section(one, _CONTEXT) for one in found.sections)
    foot = f"perftracker-ai {past.tool_version}, seed {past.seed}. The same values stand unrounded in backtest.json."
    body = el(
        "body",
        el("a", "Skip to the figures", href="#figures", class_="skip"),
        el(
            "nav",
            el("ul", *(el("li", el("a", one.title, href=f"#{one.key}")) for one in found.sections)),
            aria_label="Sections",
        ),
        el("header", lead, class_="top open"),
        el("main", *main),
        el("footer", el("p", foot)),
    )
    return join(
        [
            Html('<!DOCTYPE html>\n<html lang="en">\n'),
            head(plain(found.title), ""),
            Html("\n"),
            body,
            Html("\n</html>\n"),
        ]
    )
