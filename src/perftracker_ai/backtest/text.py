"""A backtest on one screen of a terminal, as Markdown and as JSON.

In: a `Backtest`. Out: plain lines, foreign texts cleaned and cut; bytes, unrounded and the same for the same values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from perftracker_ai.backtest.report import alarms, figures, night, told
from perftracker_ai.backtest.values import PairKind
from perftracker_ai.render.markdown import document
from perftracker_ai.report.value import plain
from perftracker_ai.words.text import columns, fit

if TYPE_CHECKING:
    from perftracker_ai.backtest.values import Backtest

SCHEMA_VERSION = 1
"""Of the JSON; raised when a key changes its meaning or goes away."""
_WIDEST, _LONGEST = 48, 100
"""Columns of a cell, and of a line."""


_MOST = 8
"""Nights of which a line is shown."""


def screen(past: Backtest) -> str:
    """Return title, bottom line, figures, and the newest nights that would have been told to stop or to look."""
    found = told(past)
    said = [f"  {plain(one)}" for one in found.bottom_line]
    return "\n".join([plain(found.title), *said, "", *_table(past), *_alarming(past)])


def _alarming(past: Backtest) -> list[str]:
    rows = [one for one in reversed(past.nights) if one.kind is PairKind.CONSECUTIVE and alarms(one)]
    if not rows:
        return []
    more = f", the newest {_MOST}" if len(rows) > _MOST else ""
    lines = [
        f"  {fit(' with '.join(map(plain, night(one))), _LONGEST).rstrip()}: {alarms(one)}" for one in rows[:_MOST]
    ]
    return ["", f"Told to stop or to look{more}:", *lines]


def _table(past: Backtest) -> list[str]:
    made = figures(past)
    cells = [made.heads, *(tuple(map(plain, row)) for row in made.rows)]
    widths = [min(_WIDEST, max(columns(row[at]) for row in cells)) for at in range(len(made.heads))]
    return ["  ".join(fit(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def markdown(past: Backtest) -> str:
    """Return all of it as Markdown."""
    found = told(past)
    return document(found.title, found.bottom_line, found.sections)


def json_bytes(past: Backtest) -> bytes:
    """Return everything as JSON."""
    return msgspec.json.encode({"schema_version": SCHEMA_VERSION, **msgspec.structs.asdict(past)})


def json_schema() -> dict[str, Any]:
    """Return what describes the JSON, as ``docs/backtest.schema.json`` holds it: JSON Schema of 2020-12."""
    from perftracker_ai.backtest.values import Backtest

    made = msgspec.json.schema(Backtest)
    values = made["$defs"]["Backtest"]
    values["properties"] = {"schema_version": {"const": SCHEMA_VERSION}, **values["properties"]}
    values["required"] = ["schema_version", *values["required"]]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "perftracker-ai backtest.json", **made}
