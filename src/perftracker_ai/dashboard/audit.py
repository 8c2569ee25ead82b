"""The record of who said what: everything ever said of issues, or of one, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.dashboard import parts
from perftracker_ai.dashboard.frame import footer, page
from perftracker_ai.dashboard.links import link
from perftracker_ai.dashboard.views import issue_path
from perftracker_ai.render.page.markup import Html, el
from perftracker_ai.words.numbers import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perftracker_ai.dashboard.records import Records
    from perftracker_ai.dashboard.views import Audit, Entry

_COLUMNS = ("When", "Who", "State", "Owner", "Note", "Ticket", "Until")


def audit_page(shown: Audit, records: Records) -> str:
    """Return the page."""
    of = f" of {shown.product}" if shown.product else ""
    told = f"The newest {plural(len(shown.entries), 'entry', 'entries')}{of}; nothing in it is ever changed."
    head = (el("h1", "Audit log"), el("p", told))
    calm = el("p", "Nobody has said anything yet.", class_="calm")
    table = log(shown.entries, issues=True) if shown.entries else calm
    foot = footer(records, shown.now, link("/api/v1/audit", product=shown.product))
    return page(f"Audit log{of}", "open", head, (el("section", table, aria_label="Audit log"),), foot, at="/audit")


def log(entries: Sequence[Entry], *, issues: bool) -> Html:
    """Return entries as a table; with the issue of each where it is of several."""
    names = ("Issue", *_COLUMNS) if issues else _COLUMNS
    head = el("thead", el("tr", *(el("th", name, scope="col") for name in names)))
    rows = [el("tr", *([_issue(one)] if issues else []), *_cells(one)) for one in entries]
    return parts.table(head, rows, "Audit log")


def _issue(one: Entry) -> Html:
    where = el("span", f"{one.place.product} {parts.where(one.place)}", class_="sub")
    return el("td", el("a", one.key, href=issue_path(one.place, one.key)), where)


def _cells(one: Entry) -> tuple[Html, ...]:
    word = one.word
    return (
        el("td", parts.minute(word.made), class_="num"),
        el("td", word.author),
        el("td", word.state),
        el("td", word.owner),
        el("td", word.note, class_="note"),
        el("td", parts.ticket(word.ticket)),
        el("td", word.until, class_="num"),
    )
