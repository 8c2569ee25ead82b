"""What `history` prints: what a synchronisation did, and the trends of a product on one screen or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.cli.streams import show
from perftracker_ai.formats import format_change, format_interval, format_percent, plural
from perftracker_ai.past import still_slower
from perftracker_ai.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perftracker_ai.chronicle import Creep, Place, Shift, Switching, Unrest
    from perftracker_ai.history import Synchronised
    from perftracker_ai.past import Past

_LONGEST = 200


def show_synchronised(product: str, store: str, done: Synchronised) -> None:
    """Print in a line what a synchronisation did."""
    counts = (
        (done.recorded, "recorded"),
        (done.unchanged, "unchanged"),
        (done.unusable, "unusable"),
        (done.left_out, "left out"),
        (done.gone, "gone from the source"),
    )
    said = ", ".join(f"{count} {word}" for count, word in counts if count)
    show(f"{clean(product)}: {said or 'no job'}, in {clean(store, _LONGEST)}")


def show_past(past: Past) -> None:
    """Print the trends of a product, what is wrong now first, on about one screen."""
    back = {(shift.endpoint, shift.recovered.job) for shift in past.shifts if shift.recovered and shift.slowdown > 0}
    faster = [shift for shift in past.shifts if shift.slowdown < 0 and (shift.endpoint, shift.first.job) not in back]
    oldest = past.jobs[0].version
    sections = (
        ("Slower, and still so", [_shift(one) for one in past.shifts if still_slower(one)], 5),
        (f"Creeping since {oldest}", [_creep(one) for one in past.creeps], 4),
        ("Slower for a time", [_shift(one) for one in past.shifts if one.slowdown > 0 and one.recovered], 2),
        ("Faster", [_shift(one) for one in faster], 2),
        ("Noisier", [_unrest(one) for one in past.unrests], 2),
        ("Switching between two levels", [_switching(one) for one in past.switchings], 2),
    )
    lines = [line for title, entries, most in sections for line in _section(title, entries, most)]
    show("\n".join([*_head(past), *(lines or ["", "No change, drift or unrest beyond chance."])]))


def past_json(pasts: Sequence[Past]) -> str:
    """Return the trends as JSON, unrounded; what is not a number becomes null."""
    import msgspec

    return msgspec.json.encode({"schema_version": 1, "products": pasts}).decode()


def _head(past: Past) -> list[str]:
    first, last = past.jobs[0], past.jobs[-1]
    versions = len({job.version for job in past.jobs})
    jobs = f"{plural(len(past.jobs), 'job')} of {plural(versions, 'version')}"
    where = " ".join(filter(None, (f"on {past.hardware or 'no host'},", past.suite and f"suite {past.suite}:")))
    lines = [
        clean(f"{past.product} {where}", _LONGEST),
        f"{jobs}, {first.end:%Y-%m-%d} to {last.end:%Y-%m-%d}; {plural(past.curves, 'curve')}",
    ]
    if past.too_short:
        lines.append(f"{plural(past.too_short, 'curve')} with fewer than ten values: too short to say anything")
    if past.others:
        named = "; ".join(f"{hardware}, suite {suite} ({plural(jobs, 'job')})" for hardware, suite, jobs in past.others)
        lines.append(clean(f"Not shown (see --hardware): {named}", _LONGEST))
    return lines


def _section(title: str, entries: Sequence[Sequence[str]], most: int) -> list[str]:
    if not entries:
        return []
    shown = [f"  {line}" for entry in entries[:most] for line in entry]
    left = len(entries) - most
    return ["", f"{clean(title)}:", *shown, *([f"  … and {left} more; --json has all"] if left > 0 else [])]


def _shift(shift: Shift) -> list[str]:
    change = f"{format_change(shift.slowdown)} ({format_interval(shift.low, shift.high)})"
    until = f"until {_at(shift.recovered)}" if shift.recovered else f"before it {_at(shift.last_good)}"
    where = f"since {_at(shift.first)}; {until}"
    if shift.earliest.job != shift.latest.job:
        where += f"; began between jobs {shift.earliest.job} and {shift.latest.job}"
    if shift.same_version:
        where += f"; job {shift.last_good.job} is the same version: suspect the environment"
    return [f"{change}  {_named(shift)}", f"    {clean(where, _LONGEST)}"]


def _creep(creep: Creep) -> list[str]:
    return [f"{format_change(creep.slowdown)} ({format_interval(creep.low, creep.high)})  {_named(creep)}"]


def _unrest(unrest: Unrest) -> list[str]:
    return [f"{unrest.ratio:.1f} times  {_named(unrest)}, since {clean(_at(unrest.first), _LONGEST)}"]


def _switching(switching: Switching) -> list[str]:
    return [f"{format_percent(switching.slowdown)} apart  {_named(switching)}"]


def _named(item: Shift | Creep | Unrest | Switching) -> str:
    return f"{clean(item.endpoint, 80)}, {plural(len(item.curves), 'curve')}"


def _at(place: Place) -> str:
    return f"{place.version} (job {place.job}, {place.end:%Y-%m-%d})"
