"""What a metric measures: its kind, which way is better, and whether zero is a value.

In: a metric's label and its unit, as people write them. Out: a `Metric`. What is counted beats the form it is counted
in: errors per minute are a rate, and better fewer. Where neither label nor unit tells, nothing is assumed.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from perftracker_ai.model import MetricKind
from perftracker_ai.units import (
    BYTE,
    BYTE_RATE,
    MAX_UNIT,
    PER_SECOND,
    SECOND,
    SECOND_PER_OPERATION,
    counts_what_is_bad,
    read_unit,
)

DEFAULT_UNIT = "loops/sec"
"""What the server writes when the client gave no unit: says nothing."""

PERCENT = "%"

_RATES = frozenset({PER_SECOND, BYTE_RATE})
_TIMES = frozenset({SECOND, SECOND_PER_OPERATION, "s/B", "s/s"})
_COSTS = frozenset({"B/op"})

_TIME = re.compile(r"\b(?:latency|latencies|response times?|durations?|elapsed)\b")
_RATE = re.compile(r"\b(?:rate|throughput|goodput|bandwidth|rps|tps|qps)\b")
_MORE = re.compile(
    r"\b(?:throughput|goodput|bandwidth|idle|free|available|availability|uptime|hits?|success(?:es|ful)?|efficiency)\b"
)
_FAILS = re.compile(r"\b(?:errors?|err|fail\w*|time ?outs?|timed out|reject\w*|drop\w*|abort\w*|5xx|4xx)\b")
_SUCCEEDS = re.compile(r"\b(?:availability|success(?:es|ful)?|passed|uptime)\b")
_LONGER = re.compile(r"\b(?:uptime|between failures|mtbf)\b")
_BAD = (
    r"(?:errors?|err|fail(?:ures?|ed|s)?|time ?outs?|timed out|retry|retries|retransmi(?:ts?|ssions?)|drops?|dropped"
    r"|reject(?:s|ed|ions?)?|exceptions?|crash(?:es)?|faults?|miss(?:es|ed)?|alloc(?:s|ations?)?|gcs?|garbage"
    r"|pauses?|stalls?|evictions?|abort(?:s|ed)?|lost|loss(?:es)?|leak(?:s|ed)?|restarts?|ooms?|throttled|deadlocks?|5xx|4xx)"
)
_ADVERSE = re.compile(rf"\b{_BAD}\b")
_COUNTED = re.compile(
    rf"(?:\S+ )?(?:{_BAD}|(?:failed|dropped|rejected|aborted|lost|missed|throttled) \S+)"
    rf"(?: (?:rate|ratio|share|percentage|count|per \S+))?"
)
"""A label that says how many there were, not the name of a benchmark that has the word in it."""
_RESOURCE = re.compile(
    r"\b(?:memory|mem|rss|pss|heap|working set|footprint|cpus?|processors?|load average|swap(?:ped)?|queues?|queued"
    r"|backlog|pending|in flight|lag|usage|used|utili[sz]ation|consum(?:ed|ption)|overhead|context switches"
    r"|delays?|waits?|waiting|jitter|layout shifts?|cls)\b"
)
_USED = re.compile(r"\b(?:usage|used|utili[sz]ation|consum(?:ed|ption)|rss|pss|working set|footprint|load average)\b")
"""What is surely no speed, though nobody gave its unit and the server wrote its default one."""
_SIZE = re.compile(r"\b(?:sizes?|weights?)\b")
"""Of bytes: what is downloaded, stored or shipped."""
_NAMES = re.compile(r"\S*(?:[/\\.]|::)\S*")
"""Paths and dotted names: words within them name what was called, and not what was measured."""
_GAPS = re.compile(r"[\W_]+")


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """How to read a metric.

    Attributes
    ----------
    less_better : bool or None
        None when neither label nor unit tells.
    zero_counts : bool
        Whether zero is a value: of what is counted it is, of a time and of a speed it means that nothing was measured.
    adverse : bool
        Whether errors, failures or the like are counted.
    succeeds : bool
        Whether it is the share of what did not fail.
    fails : bool
        Whether it tells how much of what users ask for fails, by its number or by the share that does not.
    """

    kind: MetricKind
    less_better: bool | None
    zero_counts: bool
    adverse: bool
    succeeds: bool
    fails: bool


@lru_cache(maxsize=4096)
def read_metric(label: str, written: str) -> Metric:
    """Read a metric from its label and its unit as written; remembered, for a job has few of them."""
    words = _words(label)
    written = "" if written.strip() == DEFAULT_UNIT and _USED.search(words) else written
    kind = _kind(words, written)
    adverse = _is_adverse(words, written)
    succeeds = written.strip() == PERCENT and _SUCCEEDS.search(words) is not None
    return Metric(
        kind=kind,
        less_better=_less_better(words, written),
        zero_counts=not kind.timed,
        adverse=adverse,
        succeeds=succeeds,
        fails=succeeds or (adverse and _FAILS.search(f"{words} {_words(written)}") is not None),
    )


def _words(label: str) -> str:
    """Leave the plain words of a label, in one case."""
    return _GAPS.sub(" ", _NAMES.sub(" ", label[: 4 * MAX_UNIT]).casefold()).strip()


def _kind(words: str, written: str) -> MetricKind:
    """Classify a metric by its label first and its unit second; what is counted is neither time nor speed."""
    base = read_unit(written).base
    if base in _TIMES or (_TIME.search(words) and base != PERCENT):
        return MetricKind.LATENCY
    if base == PERCENT or _is_adverse(words, written):
        return MetricKind.OTHER
    return MetricKind.RATE if base in _RATES or _RATE.search(words) else MetricKind.OTHER


def _is_adverse(words: str, written: str) -> bool:
    """Tell whether errors, failures or the like are counted."""
    unit = read_unit(written)
    if unit.base in _TIMES:
        return False
    if counts_what_is_bad(unit):
        return True
    return (_COUNTED.fullmatch if unit.base in _RATES else _ADVERSE.search)(words) is not None and not _says_more(words)


def _says_more(words: str) -> bool:
    return _MORE.search(words) is not None


def _less_better(words: str, written: str) -> bool | None:
    """Tell which way is better as far as label and unit say."""
    unit = read_unit(written)
    if unit.base in _TIMES:
        return None if _LONGER.search(words) else True
    if _is_adverse(words, written):
        return True
    if unit.base in _RATES:
        return written.strip() == DEFAULT_UNIT and _TIME.search(words) is not None
    if _says_more(words):
        return None if _ADVERSE.search(words) else False
    if (
        _RESOURCE.search(words)
        or _RESOURCE.search(_words(written))
        or unit.base in _COSTS
        or (unit.base == BYTE and _SIZE.search(words))
        or (_TIME.search(words) and unit.base != PERCENT)
    ):
        return True
    return False if unit.base != PERCENT and _RATE.search(words) else None
