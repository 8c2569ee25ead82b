"""Units of measurement: what a metric's unit converts to, and which numbers a category of load holds.

Goes in: texts written by people (``ms``, ``req/s``, ``43000 policies``, ``1.5M``). Comes out: base units (seconds,
bytes, operations per second) with factors, and load numbers. A unit that is not known is kept as it is written.
"""

from __future__ import annotations

import re

import msgspec

SECOND, BYTE, PER_SECOND = "s", "B", "/s"
"""The base units; everything else stays in the unit it was written in."""

_TIME = {
    **dict.fromkeys(("ns", "nsec", "nanosecond", "nanoseconds"), 1e-9),
    **dict.fromkeys(("us", "µs", "μs", "usec", "microsecond", "microseconds"), 1e-6),
    **dict.fromkeys(("ms", "msec", "msecs", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
}
_BYTES = {
    **dict.fromkeys(("b", "byte", "bytes"), 1.0),
    **{prefix + "b": 1000.0**power for power, prefix in enumerate("kmgt", 1)},
    **{prefix + "ib": 1024.0**power for power, prefix in enumerate("kmgt", 1)},
}
_MAGNITUDE = {"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_PER_SECOND = re.compile(r"(?P<what>.+?)\s*(?:/|per\s)\s*(?:s|sec|second)", re.IGNORECASE)
_RATES = frozenset({"rps", "tps", "qps", "ops", "iops"})

_NUMBER = re.compile(
    r"(?<![\w.])(?P<number>(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"(?P<gap>\s*)(?P<word>[A-Za-zµμ%]*)"
)
_NEXT_WORD = re.compile(r"\s*([A-Za-z]+)")
_PLURAL = re.compile(r"(?:y|ies|es|e|s)$")
"""Taken off, it leaves one stem of ``policy`` and ``policies``, ``node`` and ``nodes``, ``box`` and ``boxes``."""

MAX_UNIT = 64
"""Longer units are taken as they are: the server holds no longer ones, and matching must stay cheap."""


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """A written unit, the base unit it converts to, and the factor that does it."""

    written: str
    base: str
    factor: float


class LoadText(msgspec.Struct, frozen=True, kw_only=True):
    """A category of load taken apart.

    Attributes
    ----------
    numbers : tuple of float
        Every number in the text, with its magnitude or unit multiplied in.
    units : tuple of str
        The word behind each number, as written (``policies``, ``B``); empty when there is none.
    skeleton : str
        The text with its numbers taken out, in one case and number: two categories with the same skeleton lie on
        one axis.
    """

    numbers: tuple[float, ...]
    units: tuple[str, ...]
    skeleton: str


def read_unit(written: str) -> Unit:
    """Find the base unit of a metric's unit.

    Parameters
    ----------
    written : str
        As the job says it, in any case: ``ms``, ``Sec``, ``req/s``, ``MB``.

    Returns
    -------
    Unit
        Base unit ``s``, ``B`` or ``/s`` with its factor; any other unit is its own base with factor 1.
    """
    word = written.strip()
    key = word.lower()
    if key in _TIME:
        return Unit(written=written, base=SECOND, factor=_TIME[key])
    if key in _BYTES:
        return Unit(written=written, base=BYTE, factor=_BYTES[key])
    per_second = _PER_SECOND.fullmatch(word) if len(word) <= MAX_UNIT else None
    if key in _RATES or per_second:
        return _rate(written, per_second["what"].strip().lower() if per_second else "")
    return Unit(written=written, base=word, factor=1.0)


def _rate(written: str, what: str) -> Unit:
    """Read a rate: bytes per second keep their size, everything else counts operations."""
    if what in _BYTES:
        return Unit(written=written, base="B/s", factor=_BYTES[what])
    factor = next((size for sign, size in _MAGNITUDE.items() if what.startswith(sign.lower() + " ")), 1.0)
    return Unit(written=written, base=PER_SECOND, factor=factor)


def read_load(category: str) -> LoadText:
    """Take the numbers out of a category of load.

    Parameters
    ----------
    category : str
        ``43000 policies``, ``1.5M``, ``4 KB``, ``16 threads``, ``1,000 users, 4 nodes``.

    Returns
    -------
    LoadText
        Without numbers for a text that has none.
    """
    numbers: list[float] = []
    units: list[str] = []

    def take(match: re.Match[str]) -> str:
        value, unit, rest = _measured(float(match["number"].replace(",", "")), match["word"], match["gap"])
        numbers.append(value)
        units.append(unit or _next_word(category, match.end()))
        return "#" + rest

    text = _NUMBER.sub(take, category)
    skeleton = " ".join(_stem(word) for word in text.casefold().replace("#", " # ").split())
    return LoadText(numbers=tuple(numbers), units=tuple(units), skeleton=skeleton)


def _measured(number: float, word: str, gap: str) -> tuple[float, str, str]:
    """Multiply magnitude or unit into a number: its value, its unit's word, and the text to leave behind."""
    if word in _MAGNITUDE:
        return number * _MAGNITUDE[word], "", ""
    for table, base in ((_BYTES, BYTE), (_TIME, SECOND)):
        factor = table.get(word.lower())
        if factor is not None:
            return number * factor, base, " " + base
    return number, word, gap + word


def _next_word(category: str, position: int) -> str:
    """Find the word at this position, where a magnitude stood between it and its number."""
    rest = _NEXT_WORD.match(category, position)
    return rest[1] if rest else ""


def _stem(word: str) -> str:
    """Take a word's plural away, and what else differs with it."""
    return _PLURAL.sub("", word).rstrip("s") or word
