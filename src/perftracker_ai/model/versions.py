"""Versions in the order in which people number them: 1.9 < 1.10, 2.0.0-rc1 < 2.0.0, 1.66-5100 < 1.66-5101.

In: a version as somebody wrote it. Out: a key to order it by, or None where it holds no number to order it by
(``trunk``, a hash). Nothing is refused; two versions of one key are of one order, and are still two versions.
"""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST = 100
"""Longer versions are no numbers people count by; the server holds no longer ones."""

_PARTS = re.compile(r"\d+|[^\W\d_]+")
_HASH = re.compile(r"(?=.*[a-f])(?=.*\d)[0-9a-f]{7,40}", re.IGNORECASE)
_BEFORE = {
    word: rank
    for rank, words in enumerate(
        (
            ("dev", "nightly", "snapshot", "canary"),
            ("a", "alpha"),
            ("b", "beta"),
            ("m", "milestone", "preview", "pre", "ea"),
            ("c", "rc", "cr"),
        )
    )
    for word in words
}
"""Words of a pre-release in the order of their maturity."""
_NEUTRAL = frozenset({"v", "ver", "version", "release", "rel", "r", "lts", "ga", "final", "stable", "build"})
"""Words that say nothing of the order."""
_PRE, _END, _WORD, _NUMBER = range(4)

Key = tuple[tuple[int, int, str], ...]
"""One item a part: what kind it is, its number or rank, its word."""


@lru_cache(maxsize=4096)
def order(version: str) -> Key | None:
    """Return the key that orders a version among others; None when it has no number to order it by.

    Numbers are compared as numbers from left to right. What ends earlier comes before a further number and behind the
    words of a pre-release; noughts at the end of the release number do not count, so that 2.0 and 2.0.0 are one.
    """
    text = trimmed(version)
    if not text or len(text) > LONGEST or _HASH.fullmatch(text):
        return None
    parts = [part.lower() for part in _PARTS.findall(text)]
    while parts and parts[0] in _NEUTRAL:
        parts.pop(0)
    if not parts or not parts[0].isdecimal():
        return None
    items = [_item(part) for part in parts if part not in _NEUTRAL]
    return (*_without_noughts(items), (_END, 0, ""))


@lru_cache(maxsize=4096)
def trimmed(version: str) -> str:
    """Return a version without blanks around it and without a ``v`` before its number: typed two ways, it is one."""
    text = version.strip()
    return text[1:] if re.match(r"[vV]\d", text) else text


def is_release(version: str) -> bool:
    """Tell whether a version is a release: it is no pre-release, as far as its words say."""
    key = order(version)
    return key is None or not any(kind == _PRE for kind, _, _ in key)


def release_of(version: str) -> Key | None:
    """Return the order of the release that a version is, or that it goes before."""
    key = order(version)
    if key is None:
        return None
    place = next((at for at, (kind, _, _) in enumerate(key) if kind == _PRE), len(key) - 1)
    return (*_without_noughts(list(key[:place])), (_END, 0, ""))


def _item(part: str) -> tuple[int, int, str]:
    if part.isdecimal():
        return _NUMBER, int(part), ""
    return (_PRE, _BEFORE[part], "") if part in _BEFORE else (_WORD, 0, part)


def _without_noughts(items: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Leave out the noughts at the end of the release number, which is all numbers before the first word."""
    end = next((at for at, (kind, _, _) in enumerate(items) if kind != _NUMBER), len(items))
    start = end
    while start > 1 and items[start - 1] == (_NUMBER, 0, ""):
        start -= 1
    return items[:start] + items[end:]
