"""Where the dashboard has a run: addresses for messages, and a page of them for the job's page on the server.

In: the dashboard's own address and a `View`. Out: addresses and a page. Nothing of a job names a host: all that is
foreign in an address is quoted, behind the address that the settings give.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from perftracker_ai.render.html import head
from perftracker_ai.render.page.markup import Html, el
from perftracker_ai.report.summary import ISSUES, KEY
from perftracker_ai.report.value import Table, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perftracker_ai.report.value import Report
    from perftracker_ai.report.view import View

_LONGEST = 300
"""Characters of an address: one that is longer is left out, for it would take the room of what was found."""


MARK = "~"
"""Stands before a product's name in an address that browsers would take for a way up or leave out."""


class Board(NamedTuple):
    """Addresses on the dashboard: of the report, of the product, and by its id in the report of every issue."""

    product_name: str
    report: str
    product: str
    issues: Mapping[str, str]


def board(url: str, shown: View) -> Board:
    """Return where a dashboard has a run.

    Parameters
    ----------
    url : str
        The dashboard's own address.
    """
    root, before, after = url.rstrip("/"), shown.analysis.baseline, shown.analysis.candidate
    report = f"{root}/c/{before.id}..{after.id}"
    product = f"{root}{product_path(after.product_name)}"
    issues = {one.id: f"{report}#issue-{quote(one.key, safe='')}" for one in shown.analysis.clusters}
    return Board(
        product_name=after.product_name,
        report=report,
        product=product if len(product) <= _LONGEST else "",
        issues={name: address for name, address in issues.items() if len(address) <= _LONGEST},
    )


def product_path(name: str) -> str:
    """Return the path of a product's page: its name quoted, behind a mark where it would be no piece of a path."""
    plain = f"{MARK}{name}" if name in {"", ".", ".."} or name.startswith(MARK) else name
    return f"/p/{quote(plain, safe='', errors='replace')}"


def board_page(there: Board, report: Report) -> str:
    """Return a page that leads to the dashboard: to the report, to its issues, and to the product."""
    links = [el("a", "The report", href=there.report)]
    links += [el("a", "All of ", there.product_name, href=there.product)] if there.product else []
    body = el(
        "main",
        el("section", el("h1", plain(report.title)), el("p", "On the dashboard, with what became of it since:")),
        el("section", el("ul", *(el("li", link) for link in links)), *_issues(there, report)),
    )
    return "\n".join(
        ['<!DOCTYPE html>\n<html lang="en">', head(plain(report.title), ""), el("body", body), "</html>\n"]
    )


def _issues(there: Board, report: Report) -> list[Html]:
    tables = (one for one in report.section(KEY).blocks if isinstance(one, Table) and one.caption == ISSUES)
    rows = [(key, row) for table in tables for key, row in zip(table.keys, table.rows, strict=True)]
    told = [
        el("li", el("a", plain(row[0]), href=there.issues[key]), " ", plain(row[1]))
        for key, row in rows
        if key in there.issues
    ]
    return [el("h2", "Issues"), el("ul", *told)] if told else []
