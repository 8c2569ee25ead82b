"""Units of measurement: what a metric's unit converts to, and which numbers a category of load holds.

Goes in: texts written by people (``ms``, ``us/op``, ``kreq/s``, ``43000 policies``, ``1.5M``). Comes out: base units
(seconds, bytes, operations per second) with factors, and load numbers. Two units are of one kind when they have the
same base unit. A unit that is not known is kept as it is written.
"""

from __future__ import annotations

import re

import msgspec

SECOND, BYTE, PER_SECOND, BYTE_RATE = "s", "B", "/s", "B/s"
"""The base units that everything known converts to, next to those that `read_unit` names."""

SECOND_PER_OPERATION = "s/op"
"""Base unit of every time per operation, whatever the operation is called."""

_TIME = {
    **dict.fromkeys(("ns", "nsec", "nsecs", "nanos", "nanosecond", "nanoseconds"), 1e-9),
    **dict.fromkeys(("us", "µs", "μs", "usec", "usecs", "micros", "microsecond", "microseconds"), 1e-6),
    **dict.fromkeys(("ms", "msec", "msecs", "millis", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
}
_BYTES = {
    **dict.fromkeys(("b", "byte", "bytes"), 1.0),
    **{prefix + "b": 1000.0**power for power, prefix in enumerate("kmgt", 1)},
    **{prefix + "ib": 1024.0**power for power, prefix in enumerate("kmgt", 1)},
}
_MAGNITUDE = {"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_BITS = {
    **dict.fromkeys(("bit", "bits"), 0.125),
    **{prefix + bit: 125.0 * 1000.0**power for power, prefix in enumerate("kmgt") for bit in ("bit", "bits")},
    **{prefix + bit: 128.0 * 1024.0**power for power, prefix in enumerate("kmgt") for bit in ("ibit", "ibits")},
}
_SIZES = _BYTES | _BITS
_PREFIX = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}

_QUOTIENT = re.compile(r"(?P<what>[^/]*?)\s*(?:/|\bper\b)\s*(?P<each>[^/]+)", re.IGNORECASE)
_OPERATION = (
    r"loops?|iter(?:ation)?s?|ops?|operations?|req(?:uest)?s?|calls?|quer(?:y|ies)|q|t(?:rans)?x(?:n|ns)?|trans(?:actions?)?"
    r"|m(?:es)?sa?ge?s?|rows?|records?|events?|pkts?|packets?|items?|docs?|documents?|jobs?|tasks?|ios?|hits?|pages?|users?"
    r"|sessions?|conn(?:ection)?s?|lines?|elements?|samples?|points?|inserts?|reads?|writes?|lookups?|keys?"
)
_COUNTED = re.compile(rf"(?P<prefix>[kmgt]?)(?P<gap>\s*)(?P<word>{_OPERATION})?")
_SHORT = re.compile(
    r"(?P<prefix>[kmgt]?)(?P<word>rp|tp|qp|op|iop|pp|ep|fp)(?P<each>s|m)|(?P<other>[kmg]?)(?P<hertz>hz)"
)
"""Rates without a stroke: ``rps``, ``kIOPS``, ``FPS``, ``tpm``; the last letter is a second or a minute."""
_BIT_RATE = re.compile(r"(?P<prefix>[kKmMgGtT]?)(?P<size>[bB])ps")
"""``Mbps`` is bits, ``MBps`` bytes: the one place where a letter's case tells units apart."""
_MINUTE = 60.0
_ADVERSE = re.compile(
    r"err(?:or)?s?|fail(?:ed|ure)?s?|time-?outs?|retr(?:y|ies)|retransmi(?:t|ssion)s?|drop(?:ped)?s?|reject(?:ed|ion)?s?"
    r"|exceptions?|crash(?:es)?|faults?|miss(?:es)?|alloc(?:ation)?s?|gcs?|pauses?|stalls?|evictions?|aborts?"
    r"|restarts?|deadlocks?|cycles?|instructions?"
)
_ONE_NAME = (
    *(("err", "errors"), ("fail", "failures"), ("time", "timeouts"), ("retr", "retries"), ("drop", "drops")),
    *(("reject", "rejections"), ("exc", "exceptions"), ("crash", "crashes"), ("fault", "faults"), ("miss", "misses")),
    *(("alloc", "allocations"), ("gc", "gcs"), ("pause", "pauses"), ("stall", "stalls"), ("evict", "evictions")),
    *(
        ("abort", "aborts"),
        ("restart", "restarts"),
        ("dead", "deadlocks"),
        ("cycle", "cycles"),
        ("inst", "instructions"),
    ),
)

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
        As the job says it, in any case: ``ms``, ``Sec``, ``us/op``, ``kreq/s``, ``Mbit/s``, ``ops/min``, ``MB``.

    Returns
    -------
    Unit
        Base unit ``s``, ``B``, ``/s``, ``B/s`` or ``s/op`` with its factor. What is counted and is no good keeps its
        name: ``errors/min`` becomes ``errors/s``. Any other unit is its own base with factor 1.
    """
    word = written.strip()
    if len(word) > MAX_UNIT:
        return Unit(written=written, base=word, factor=1.0)
    base, factor = _simple(word) or _quotient(word) or (word, 1.0)
    return Unit(written=written, base=base, factor=factor)


def counts_what_is_bad(unit: Unit) -> bool:
    """Tell whether what the unit counts is better had less of, whatever it is counted per: errors, allocations."""
    return _adverse(unit.base.split("/")[0].strip()) != ""


def _simple(word: str) -> tuple[str, float] | None:
    """Read a unit that is one word: a time, a size, or a rate by its abbreviation."""
    key = word.lower()
    if key in _TIME:
        return SECOND, _TIME[key]
    if key in _SIZES:
        return BYTE, _SIZES[key]
    bits = _BIT_RATE.fullmatch(word)
    if bits:
        return BYTE_RATE, _PREFIX[bits["prefix"].lower()] * (1.0 if bits["size"] == "B" else 0.125)
    short = _SHORT.fullmatch(key)
    if short:
        return PER_SECOND, _PREFIX[short["prefix"] or short["other"] or ""] / (_MINUTE if short["each"] == "m" else 1.0)
    return None


def _quotient(word: str) -> tuple[str, float] | None:
    """Read one thing per another; None when neither of the two says what the unit is."""
    parts = _QUOTIENT.fullmatch(word)
    if parts is None:
        return None
    what, each = parts["what"].lower(), parts["each"].strip().lower()
    if what in _TIME:
        base, factor = _per(each)
        return f"{SECOND}/{base}", _TIME[what] / factor
    if each in _TIME:
        base, factor = _counted(what)
        return base, factor / _TIME[each]
    base, factor = _per(each)
    if what in _SIZES:
        return f"{BYTE}/{base}", _SIZES[what] / factor
    return (f"{_adverse(what)}/{base}", 1.0 / factor) if _adverse(what) else None


def _per(each: str) -> tuple[str, float]:
    """Read what something is counted per: a size, a time, or an operation of any name."""
    if each in _SIZES:
        return BYTE, _SIZES[each]
    return (SECOND, _TIME[each]) if each in _TIME else ("op", 1.0)


def _counted(what: str) -> tuple[str, float]:
    """Read what there is so much of in a second: bytes keep their size, what is bad its name, the rest counts."""
    if what in _SIZES:
        return BYTE_RATE, _SIZES[what]
    if _adverse(what):
        return f"{_adverse(what)}/s", 1.0
    counted = _COUNTED.fullmatch(what) or _COUNTED.match(what)
    known = counted is not None and (counted["word"] or counted["gap"]) and counted["prefix"]
    return PER_SECOND, _PREFIX[counted["prefix"]] if counted is not None and known else 1.0


def _adverse(what: str) -> str:
    """Name what is counted in one spelling if it is better had less of; empty otherwise."""
    word = next((word for word in what.lower().split() if _ADVERSE.fullmatch(word)), "")
    return next((name for start, name in _ONE_NAME if word.startswith(start)), word)


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
