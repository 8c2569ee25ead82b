"""Tables of the dashboard as CSV: what a spreadsheet takes for a formula is text there, and numbers are unrounded.

In: heads and rows of anybody's texts and of numbers. Out: bytes, as RFC 4180 has them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from perftracker_ai.words.text import clean, csv_cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LONGEST = 300
"""Characters of a text in a cell."""


def csv(heads: Sequence[str], rows: Iterable[Sequence[str | float | None]]) -> bytes:
    """Return a table as CSV; None, and what is no number, is an empty cell."""
    return "".join([f"{','.join(map(_cell, row))}\r\n" for row in (heads, *rows)]).encode(errors="replace")


def _cell(value: str | float | None) -> str:
    match value:
        case str():
            return csv_cell(clean(value, LONGEST))
        case None:
            return ""
        case _:
            return f"{value!r}" if math.isfinite(value) else ""
