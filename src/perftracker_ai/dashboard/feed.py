"""The feed of a product: its newest comparisons, each an entry with its verdict and the worst issue (RFC 4287).

In: comparisons and their issues. Out: the feed as XML. An entry has its id by its jobs, so that one that was made anew
is the same entry, updated; addresses are relative to the feed's own, for only the reader knows how it got here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from perftracker_ai.dashboard import frame, parts, views
from perftracker_ai.dashboard.links import link
from perftracker_ai.render.page.markup import Html, el, tag
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from perftracker_ai.dashboard.views import Place
    from perftracker_ai.store import Comparison, IssueRow

ATOM = f"{frame.ATOM}; charset=utf-8"
ENTRIES = 30
"""Comparisons in a feed."""
_LABEL = 200
_FOREIGN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML document may hold."""


def atom(place: Place, made: Sequence[Comparison], rows: Sequence[IssueRow]) -> bytes:
    """Return the feed, the newest comparison first; `made` is not empty."""
    known = views.Made(made, (), max(one.made for one in made))  # what people say later changes no entry
    worst = {(row.baseline, row.candidate): views.issue(row, known) for row in reversed(rows) if not row.issue.accepted}
    newest_first = sorted(made, key=lambda one: (one.end, one.candidate_id, one.made), reverse=True)
    own = address(place)
    head = (
        _text("title", title(place)),
        _text("id", _id("feed", place.origin, place.product, place.hardware, place.suite)),
        _text("updated", _moment(max(one.made for one in made))),
        el("author", _text("name", "PerfTracker AI")),
        _link("self", own),
        _link("alternate", parts.address(place)),
    )
    nights = zip(newest_first, views.nights(newest_first), strict=True)
    entries = [_entry(one, night, worst.get((one.baseline, one.candidate))) for one, night in nights]
    feed = el("feed", *head, *entries, xmlns="http://www.w3.org/2005/Atom")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{feed}\n'.encode(errors="replace")


def title(place: Place) -> str:
    """Return the name of a product's feed, at one place."""
    return f"{place.product}: verdicts of its nights ({parts.where(place)})"


def address(place: Place) -> str:
    """Return the address of a product's feed, at one place."""
    return link(f"/feed{views.product_path(place).removeprefix('/p')}.atom", hw=place.hardware, suite=place.suite)


def _entry(one: Comparison, night: views.Night, worst: views.Issue | None) -> Html:
    said = (
        f"Against {one.baseline_version} (jobs {one.baseline_id} and {one.candidate_id}): {parts.verdict_text(night)}"
    )
    why = parts.why(night)
    issue = (
        f" Worst: {worst.endpoint or worst.title} {parts.size(worst)}, since {worst.first.version}." if worst else ""
    )
    return el(
        "entry",
        _text("title", f"{one.product} {one.candidate_version}: {one.verdict}"),
        _text("id", _id("comparison", one.origin, one.baseline, one.candidate)),
        _text("updated", _moment(one.made)),
        _text("published", _moment(one.end)),
        _link("alternate", night.path),
        _text("summary", f"{said}{f', {why}' if why else ''}.{issue}"),
    )


def _text(name: str, text: str) -> Html:
    return el(name, _FOREIGN.sub("\N{REPLACEMENT CHARACTER}", clean(text, _LABEL * 3)))


def _link(rel: str, href: str) -> Html:
    start = tag("link", rel=rel, href=href)
    return Html(f"{start[:-1]}/>")


def _id(*names: str) -> str:
    """Return the same id for the same names, wherever and whenever it is asked for."""
    told = "\n".join(("perftracker-ai", *names)).encode(errors="replace").decode()
    return f"urn:uuid:{uuid5(NAMESPACE_URL, told)}"


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
