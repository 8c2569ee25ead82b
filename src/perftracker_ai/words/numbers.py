"""Numbers as people read them: three significant digits, a fitting unit, a sign where it is a change.

In: values in the base units of the model (s, B, /s or a unit as written), ratios, counts. Out: text. An undefined
value prints as ``?``, no number is invented.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from perftracker_ai.units import Unit, read_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

UNKNOWN = "?"
RANGE = "–"

_SCALES: dict[str, tuple[tuple[float, str], ...]] = {
    "s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")),
    "B": ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B")),
}
_SCALES |= {base: tuple((size, unit + base[1:]) for size, unit in _SCALES[base[0]]) for base in ("B/s", "B/op", "s/op")}


def format_number(value: float | None) -> str:
    """Return `value` with three significant digits: ``0.0123``, ``12.3``, ``12,300``."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    text = f"{value:#.3g}"
    if value and "e" not in text:  # nearly always, at a third of the cost
        return text.removesuffix(".")
    rounded = _three(value)
    if rounded == 0:
        return "0"
    digits = 2 - math.floor(math.log10(abs(rounded)))
    small = 8  # more decimals than this are noughts nobody counts
    return f"{rounded:.3g}" if digits > small else f"{rounded:,.{max(digits, 0)}f}"


def format_value(value: float | None, base_unit: str, written: str = "") -> str:
    """Return a measured value in the unit that suits its size: 0.0123 s is ``12.3 ms``."""
    return _scaled(value, *_scale(value, base_unit, written))


def format_pair(baseline: float | None, candidate: float | None, base_unit: str, written: str = "") -> str:
    """Return ``baseline → candidate``, both in the unit that suits the larger one, so that they compare at sight."""
    present = [value for value in (baseline, candidate) if value is not None and math.isfinite(value)]
    scale = _scale(max(present, key=abs, default=None), base_unit, written)
    return f"{_scaled(baseline, *scale)} → {_scaled(candidate, *scale)}"


def format_column(
    columns: Sequence[NDArray[np.float64]], base_unit: str, written: str = ""
) -> tuple[str, list[list[str]]]:
    """Return the unit that suits the largest of many values, and all of them in it without saying it again."""
    lists = [column.tolist() for column in columns]
    present = [abs(value) for values in lists for value in values if math.isfinite(value)]
    factor, unit = _scale(max(present, default=None), base_unit, written)
    return unit, [[format_number(value / factor) for value in values] for values in lists]


def format_change(ratio: float | None) -> str:
    """Return a change as a signed percentage: 0.153 is ``+15.3 %``, 1.534 is ``+153 %``."""
    if ratio is None or not math.isfinite(ratio):
        return UNKNOWN
    text = format_percent(abs(ratio))
    sign = "-" if ratio < 0 else "+"
    return text if text == "0 %" else sign + text


def format_slowdown(ratio: float | None, *, costs_time: bool = True) -> str:
    """Return a slowdown that says its direction: ``15.3 % slower``, ``41 % less cost``; of no time: ``% worse``.

    A rate that fell by half costs twice as much per request: it is 100 % slower.
    """
    if ratio is None or not math.isfinite(ratio):
        return UNKNOWN
    worse = "slower" if costs_time else "worse"
    return f"{format_percent(abs(ratio))} {'less cost' if ratio < 0 else worse}"


def format_speed(ratio: float) -> str:
    """Return by how much a run is slower or faster: ``12 % slower``, of whatever it is, for a rate has its own sign."""
    return f"{format_percent(abs(ratio))} {'slower' if ratio >= 0 else 'faster'}"


def format_factor(factor: float) -> str:
    """Return a ratio of costs as ``2.06``, from ten on without a fraction."""
    ten = 10.0
    return f"{factor:.2f}" if factor < ten else format_number(factor)


def format_percent(ratio: float | None) -> str:
    """Return a share without sign: 0.05 is ``5 %``, 0.153 is ``15.3 %``."""
    if ratio is None or not math.isfinite(ratio):
        return UNKNOWN
    percent = _three(ratio * 100)
    return f"{percent:,.0f} %" if abs(percent) >= 100 else f"{percent:.1f} %".replace(".0 %", " %")  # noqa: PLR2004 three digits


def format_interval(low: float, high: float) -> str:
    """Return an interval of a change: ``+12.1 % to +30.2 %``."""
    return f"{format_change(low)} to {format_change(high)}"


def format_probability(value: float | None) -> str:
    """Return a p- or q-value; below 0.0001 only that it is so small."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    smallest = 1e-4
    return "< 0.0001" if value < smallest else f"{value:.2g}"


def format_range(first: str, last: str, dash: str = RANGE) -> str:
    """Return a range of load labels, their shared unit said once: ``43000–54000 policies``."""
    if first == last or not last:
        return first
    head, _, unit = first.partition(" ")
    tail, _, other = last.partition(" ")
    return f"{head}{dash}{tail} {unit}" if unit and unit == other else f"{first} {dash} {last}"


@lru_cache(maxsize=4096)
def format_load(load: float) -> str:
    """Return a load number in full, without a fraction where it has none; remembered, for curves share their loads."""
    return f"{load:.0f}" if load == round(load) else repr(float(load))


def plural(count: int, noun: str, nouns: str = "") -> str:
    """Return ``1 curve``, ``2 curves``; `nouns` where an s does not do."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def unit_of(base_unit: str, written: str) -> str:
    """Return the unit of a value in base units: as written where that has the size of the base unit.

    ``k req/s`` was multiplied by a thousand when it was read: its words no longer fit the number.
    """
    return written if written and read_unit(written) == Unit(written=written, base=base_unit, factor=1.0) else base_unit


def _three(value: float) -> float:
    return float(f"{value:.3g}")


def _scale(value: float | None, base_unit: str, written: str) -> tuple[float, str]:
    scales = _SCALES.get(base_unit, ((1.0, unit_of(base_unit, written)),))
    size = abs(value) if value is not None and math.isfinite(value) else 0.0
    # Rounded before it is compared: 999.9 µs prints as 1.00 ms, not as 1,000 µs.
    fitting = (scale for scale in scales if size and _three(size / scale[0]) >= 1)
    return next(fitting, scales[-1] if size else next(scale for scale in scales if scale[0] == 1.0))


def _scaled(value: float | None, factor: float, unit: str) -> str:
    number = format_number(None if value is None else value / factor)
    return number if number == UNKNOWN or not unit else f"{number} {unit}"
