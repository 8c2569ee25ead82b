"""The regressions that the settings accept: what they are, how long they are, and what became of every entry.

In: a `View`. Out: `Html`, nothing where the product has no such entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.render import phrases
from perftracker_ai.render.page import facts
from perftracker_ai.render.page.markup import Html, el, join
from perftracker_ai.render.sections import ACCEPTED_HEADER, COVERED
from perftracker_ai.report.view import accepted
from perftracker_ai.words import wording
from perftracker_ai.words.numbers import format_change
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.model import Acceptance, Cluster
    from perftracker_ai.report.view import View

ROWS = 60


def accepted_regressions(shown: View) -> Iterator[Html]:
    """Return the issues that are accepted, and every entry with what it does."""
    entries = shown.analysis.accepted
    if not entries:
        return
    head = el("thead", el("tr", *(el("th", text.capitalize(), scope="col") for text in ACCEPTED_HEADER)))
    rows = [_row(shown, at, entry) for at, entry in enumerate(entries[:ROWS])]
    caption = el("caption", "Entries of the settings that accept regressions", class_="unseen")
    parts = [el("h2", "Accepted regressions", id="accepted-h"), *_issues(shown)]
    parts.append(el("table", caption, head, el("tbody", *rows), class_="coverage"))
    if len(entries) > ROWS:
        parts.append(el("p", f"… and {len(entries) - ROWS:,} more, in the results file.", data_fact="/accepted"))
    yield el("section", *parts, id="accepted", aria_labelledby="accepted-h")


def _issues(shown: View) -> Iterator[Html]:
    known = [_issue(shown, cluster) for cluster in shown.analysis.clusters if accepted(shown, cluster)]
    if known:
        yield el("p", "Known, and not counted for the verdict:")
        yield el("ul", *known[:ROWS], class_="plain")


def _issue(shown: View, cluster: Cluster) -> Html:
    size = el(
        "b",
        format_change(cluster.median_slowdown),
        data_fact=facts.of_cluster(shown.analysis, cluster, "median_slowdown"),
    )
    return el("li", f"{cluster.id} {clean(cluster.title)}: ", size, data_fact=facts.of_cluster(shown.analysis, cluster))


def _row(shown: View, at: int, entry: Acceptance) -> Html:
    found = "nothing" if entry.found is None else format_change(entry.found)
    return el(
        "tr",
        el("th", clean(wording.accepted_name(entry)), scope="row"),
        el("td", wording.accepted_size(entry)),
        el("td", found, class_="num", data_fact=facts.of("accepted", at, "found")),
        el("td", *_covered(shown, entry)),
        el("td", wording.standing_text(entry.standing)),
        el("td", str(entry.until)),
        el("td", clean(entry.reason, phrases.LABEL_LIMIT)),
        data_fact=facts.of("accepted", at),
    )


def _covered(shown: View, entry: Acceptance) -> Iterator[Html | str]:
    """Return the curves that an entry covers, each leading to its row in the table of all."""
    links = [el("a", shown.by_curve[index].id, href=f"#curve-{index}") for index in entry.curves[:COVERED]]
    yield join(links, ", ")
    if len(entry.curves) > COVERED:
        yield f" and {len(entry.curves) - COVERED:,} more"
