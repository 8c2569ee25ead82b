"""What the dashboard says at the top of a report: whose it is, and what people say of its issues.

In: the report's page as it was written, and what is known of its issues. Out: the same page with a section at the top
of its header; nothing else of it changes. The report's own style is all there is, as its policy says.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from perftracker_ai.dashboard import parts
from perftracker_ai.dashboard.links import link
from perftracker_ai.render.page.markup import Html, el, escaped, join, path

if TYPE_CHECKING:
    from perftracker_ai.dashboard.views import Issue, Reported

_MOST = 12
_SLOT = re.compile('<header class="top [a-z]+">')
"""Behind what the section stands: the first one is the report's own, for all text in it is escaped."""


def bar_of(shown: Reported, report: str) -> Html:
    """Return the section: the way back, and each issue that the report tells of with its state, owner and ticket."""
    told = [one for one in shown.issues if f'id="issue-{one.key}"' in report]
    way = (
        el("a", "Dashboard", href=link("/")),
        el("a", shown.place.product, href=parts.address(shown.place)),
        el("a", "Issues", href=link("/issues", product=shown.place.product)),
    )
    rows = [el("li", *_issue(one)) for one in told[:_MOST]]
    more = el("li", f"and {len(told) - _MOST} more") if len(told) > _MOST else Html("")
    issues = el("ul", *rows, more) if rows else Html("")
    return el("aside", el("p", join(way, " › "), class_="sub"), issues, id="triage", aria_label="Triage")


def _issue(one: Issue) -> tuple[Html, ...]:
    word = one.word
    pieces = (
        el("a", path(one.endpoint), href=f"#issue-{one.key}", class_="endpoint"),
        el("a", one.state, href=one.page),
        el("b", word.owner) if word and word.owner else Html(""),
        escaped(one.again),
        parts.ticket(word.ticket) if word and word.ticket else Html(""),
    )
    return (join([piece for piece in pieces if piece], " · "),)


def with_bar(report: str, bar: Html) -> str:
    """Return a report with the section at the top of its header."""
    slot = _SLOT.search(report)
    return f"{report[: slot.end()]}{bar}{report[slot.end() :]}" if slot else report
