"""Print tables, for a terminal or as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def show(title: str, header: Sequence[str], rows: Sequence[Sequence[object]], *, markdown: bool) -> None:
    """Print one table; None prints as ``?``."""
    cells = [list(header), *([_text(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in cells]
    rule = ["-" * width for width in widths]
    lines.insert(1, rule)
    joined = ["| " + " | ".join(line) + " |" if markdown else "  ".join(line).rstrip() for line in lines]
    print(f"\n{'### ' if markdown else ''}{title}\n", *joined, sep="\n", flush=True)


def _text(value: object) -> str:
    if value is None:
        return "?"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def rate(value: float) -> str:
    """Return a rate per thousand with one digit behind the point."""
    return f"{value:.1f}"


def share(hits: int, of: int, bounds: tuple[float, float]) -> str:
    """Return a share with its interval; ``?`` of none."""
    return f"{hits / of:.2f} ({bounds[0]:.2f}-{bounds[1]:.2f})" if of else "?"


def thousandths(hits: int, of: int, bounds: tuple[float, float]) -> str:
    """Return a rate per thousand with its interval; ``?`` of none."""
    return f"{1000 * hits / of:.1f} ({1000 * bounds[0]:.1f}-{1000 * bounds[1]:.1f})" if of else "?"
