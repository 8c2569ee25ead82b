"""What `history` prints: what a synchronisation did, and the trends of a product on one screen or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.cli.streams import show
from perftracker_ai.model.history import ChangePoint
from perftracker_ai.report import history
from perftracker_ai.words.numbers import plural
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perftracker_ai.commands.history import Past
    from perftracker_ai.report.history import Section, Trend
    from perftracker_ai.store import Holding, Synchronised

_LONGEST = 200
_MOST = (("slower", 5), ("creeping", 4), ("recovered", 2), ("faster", 2), ("noisier", 2), ("switching", 2))
"""What is told of each kind, in order: about one screen, the rest is in the JSON."""


def show_synchronised(product: str, store: str, done: Synchronised) -> None:
    """Print in a line what a synchronisation did."""
    counts = (
        (done.recorded, "recorded"),
        (done.unchanged, "unchanged"),
        (done.unusable, "unusable"),
        (done.left_out, "left out"),
        (done.gone, "gone from the source"),
        (done.dropped, "dropped as too old"),
    )
    said = ", ".join(f"{count} {word}" for count, word in counts if count)
    show(f"{clean(product)}: {said or 'no job'}, in {clean(store, _LONGEST)}")


def show_stored(store: str, found: Sequence[Holding]) -> None:
    """Print what a store has of each product and hardware, a line each."""
    lines = [
        f"{clean(one.product)} on {clean(one.hardware) or 'no host'}: {plural(one.jobs, 'job')}, "
        f"{one.first:%Y-%m-%d} to {one.last:%Y-%m-%d}"
        for one in found
    ]
    show("\n".join([*lines, f"in {clean(store, _LONGEST)}"]))


def show_past(past: Past) -> None:
    """Print the trends of a product, what is wrong now first, on about one screen."""
    found = history.sections(past, past.jobs[0].version)
    lines = [line for kind, most in _MOST for line in _section(found[kind], most)]
    show("\n".join([*_head(past), *(lines or ["", history.NO_TREND])]))


def past_json(pasts: Sequence[Past]) -> str:
    """Return the trends as JSON, unrounded; what is not a number becomes null."""
    import msgspec

    return msgspec.json.encode({"schema_version": 1, "products": pasts}).decode()


def _head(past: Past) -> list[str]:
    where = " ".join(filter(None, (f"on {past.hardware or 'no host'},", past.suite and f"suite {past.suite}:")))
    lines = [
        clean(f"{past.product} {where}", _LONGEST),
        f"{history.span(past.jobs)}; {plural(past.curves, 'curve')}",
    ]
    if past.too_short:
        lines.append(history.too_short(past.too_short))
    if past.others:
        named = "; ".join(f"{hardware}, suite {suite} ({plural(jobs, 'job')})" for hardware, suite, jobs in past.others)
        lines.append(clean(f"Not shown (see --hardware): {named}", _LONGEST))
    return lines


def _section(section: Section, most: int) -> list[str]:
    if not section.trends:
        return []
    shown = [f"  {line}" for trend in section.trends[:most] for line in _trend(trend)]
    left = len(section.trends) - most
    return ["", f"{clean(section.title)}:", *shown, *([f"  … and {left} more; --json has all"] if left > 0 else [])]


def _trend(trend: Trend) -> list[str]:
    named = f"{clean(trend.endpoint, 80)}, {plural(len(trend.curves), 'curve')}"
    line, when = f"{history.size(trend)}  {named}", clean(history.when(trend), _LONGEST)
    if isinstance(trend, ChangePoint):
        return [line, f"    {when}"]
    return [f"{line}, {when}" if when else line]
