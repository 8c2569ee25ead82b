"""A backtest as a page: one file that loads nothing and runs nothing, in the style of the reports.

In: a `Backtest`. Out: HTML, the same text for the same values. Everything that somebody else wrote is escaped.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from typing import TYPE_CHECKING

from perftracker_ai.backtest.report import called, told
from perftracker_ai.backtest.values import PairKind
from perftracker_ai.model import Verdict
from perftracker_ai.render.html import TONE, head
from perftracker_ai.render.page import blocks
from perftracker_ai.render.page.markup import Html, el, join
from perftracker_ai.report.value import plain
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from perftracker_ai.backtest.values import Backtest, Night

_CONTEXT = blocks.Context(shared="", links={}, drawings={})
_JUDGED = tuple(one for one in TONE if one is not Verdict.SAME_VERSION)
"""What is said of a pair: two jobs of one version are judged as two versions here."""
_STRIPS = {PairKind.CONSECUTIVE: "Nights", PairKind.SAME_VERSION: "Pairs of one version, where nothing changed"}


def page(past: Backtest) -> str:
    """Return the whole page."""
    found = told(past)
    said = (el("p", blocks.inline(one, _CONTEXT)) for one in found.bottom_line)
    lead = el("div", el("h1", blocks.inline(found.title, _CONTEXT)), *said)
    drawn = {"figures": _strips(past)}
    main = (blocks.section(one, _CONTEXT, drawn.get(one.key, Html(""))) for one in found.sections)
    links = (el("li", el("a", one.title, href=f"#{one.key}")) for one in found.sections)
    foot = f"perftracker-ai {past.tool_version}, seed {past.seed}. The same values stand unrounded in backtest.json."
    body = el(
        "body",
        el("a", "Skip to the figures", href="#figures", class_="skip"),
        el("nav", el("ul", *links), aria_label="Sections"),
        el("header", lead, class_="top open"),
        el("main", *main),
        el("footer", el("p", foot)),
    )
    top = head(plain(found.title), "", _style())
    return f'<!DOCTYPE html>\n<html lang="en">\n{top}\n{body}\n</html>\n'


@cache
def _style() -> str:
    content = pkgutil.get_data("perftracker_ai.backtest", "assets/backtest.css")
    assert content is not None  # part of the package
    return content.decode()


def _strips(past: Backtest) -> Html:
    """Draw every night as a cell of its verdict's colour, oldest first, a strip for each set of criteria."""
    parts: list[Html] = []
    for kind, title in _STRIPS.items():
        nights = [one for one in past.nights if one.kind is kind]
        for place, summary in enumerate(past.summaries if nights else ()):
            counts = summary.verdicts if kind is PairKind.CONSECUTIVE else summary.same_version
            words = ", ".join(f"{verdict} {count}" for verdict, count in counts.items()) or "nothing to compare"
            cells = (_cell(one, place) for one in nights)
            parts += [
                el("h3", f"{title}, {called(summary)}" if len(past.summaries) > 1 else title),
                el(
                    "div", *cells, class_="strip", role="img", aria_label=f"{words}; each of them is in the table below"
                ),
            ]
    keys = (el("li", el("i", class_=TONE[verdict]), verdict.value) for verdict in _JUDGED)
    return join([*parts, el("ul", *keys, class_="legend")])


def _cell(one: Night, place: int) -> Html:
    verdict = one.judged[place].verdict if one.judged else ""
    words = f"{one.night.end:%Y-%m-%d}, job {one.night.job}, {clean(one.night.version, 40)}: {verdict or one.problem}"
    return el("i", class_=TONE[Verdict(verdict)] if verdict else "unchanged", title=words)
