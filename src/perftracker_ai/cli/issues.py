"""What `issues` and `index` print: the known issues of a product, and what became of a folder of results."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from perftracker_ai.cli.streams import show
from perftracker_ai.report import history, still_open
from perftracker_ai.report.value import plain
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perftracker_ai.commands.issues import Indexed
    from perftracker_ai.store import IssueRow

SCHEMA_VERSION = 1
"""Of the JSON; raised when a key changes its meaning or goes away."""
_LONGEST = 200


def show_issues(product: str, rows: Sequence[IssueRow]) -> None:
    """Print the issues of a product by hardware and suite, the open ones first, each with its key."""
    if not rows:
        show(f"{clean(product)}: no issue is known.")
    for (hardware, suite), found in groupby(rows, lambda row: (row.hardware, row.suite)):
        where = " ".join(filter(None, (f"on {hardware or 'no host'},", suite and f"suite {suite}")))
        show(clean(f"{product} {where}", _LONGEST).rstrip(",") + ":")
        for row in found:
            job = history.place(row.job, still_open.version)
            show(f"  {still_open.word(row.issue)}: {plain(still_open.told(row.issue, 0))}")
            show(f"    {row.issue.key}; {row.issue.severity}, {row.issue.attribution}; with {job}")


def issues_json(products: Sequence[tuple[str, Sequence[IssueRow]]]) -> str:
    """Return the issues of products as JSON, unrounded."""
    import msgspec

    told = [{"product": product, "issues": rows} for product, rows in products]
    return msgspec.json.encode({"schema_version": SCHEMA_VERSION, "products": told}).decode()


def show_indexed(done: Indexed) -> None:
    """Print in a line what became of a folder of results."""
    counts = ((done.recorded, "recorded"), (done.known, "known"), (done.unusable, "unusable"))
    said = ", ".join(f"{count} {word}" for count, word in counts if count)
    show(f"Comparisons: {said}, in {clean(done.store, _LONGEST)}")
