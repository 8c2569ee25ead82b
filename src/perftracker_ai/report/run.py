"""Values about the whole comparison rather than one issue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.report.value import RUN, Kind, Value

if TYPE_CHECKING:
    from perftracker_ai.model import Direction

RESULT_FILE = "result_v2.json"


def value(  # noqa: PLR0913 - a value has that many fields, all named at the call
    kind: Kind,
    label: str,
    text: str,
    *,
    raw: str | float | None = None,
    unit: str = "",
    at: str = "",
    subject: str = RUN,
    direction: Direction | None = None,
) -> Value:
    """Return a value about the whole comparison; `at` points into the results."""
    return Value(kind=kind, subject=subject, label=label, raw=raw, unit=unit, text=text, direction=direction, at=at)
