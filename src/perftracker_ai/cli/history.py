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
    from perftracker_ai.commands.judge import JudgedPast
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
        (done.unusable, "with a broken upload"),
        *((count, f"left out ({why})") for why, count in done.left_out),
        (done.gone, "gone from the source"),
        (done.dropped, "dropped as too old"),
    )
    said = ", ".join(f"{count} {word}" for count, word in counts if count)
    show(f"{clean(product)}: {said or 'no job'}, in {clean(store, _LONGEST)}")


def show_judged(product: str, done: JudgedPast) -> None:
    """Print in a line what came of a product's past."""
    counts = ((done.judged, "judged"), (done.known, "judged before"), (done.unlike, "with nothing to compare"))
    said = ", ".join(f"{count} {word}" for count, word in counts if count)
    show(
        f"{clean(product)}: {f'nights: {said}' if said else 'no two jobs to compare'}, in {clean(done.store, _LONGEST)}"
    )


def show_stored(store: str, found: Sequence[Holding]) -> None:
    """Print what a store has of each product and hardware, a line each."""
    lines = [
        f"{clean(one.product)} {_where(clean(one.hardware), '')}: {plural(one.jobs, 'job')}, "
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
    lines = [
        clean(f"{past.product} {_where(past.hardware, past.suite)}:", _LONGEST),
        f"{history.span(past.jobs)}; {plural(past.curves, 'curve')}",
        *filter(None, [history.in_short(past)]),
    ]
    if past.too_short:
        lines.append(history.too_short(past.too_short))
    if past.others:
        named = "; ".join(f"{_where(*where)} ({plural(jobs, 'job')})" for *where, jobs in past.others)
        lines.append(clean(f"Not shown (see --hardware): {named}", _LONGEST))
    if past.unused:
        counts = ", ".join(f"{plural(jobs, 'job')} {why}" for why, jobs in past.unused)
        lines.append(f"Not used: {counts}")
    return lines


def _where(hardware: str, suite: str) -> str:
    machine = f"on {hardware}" if hardware else "on a machine nobody named"
    return f"{machine}, suite {suite}" if suite else machine


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
