"""HTML built so that forgetting to escape is not possible: text is escaped unless it is `Html` already.

In: element names and attribute names of ours, text and attribute values of anybody. Out: `Html`. A template engine
would escape as well; its import alone costs as much time as the whole page takes to make.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST = 4000
"""Characters of one piece of text; foreign text is cut much shorter where it is put in."""


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def el(name: str, /, *content: str, **attributes: str | int | None) -> Html:
    """Return an element; plain text in `content` and in `attributes` is escaped.

    Parameters
    ----------
    name : str
        Of the element, ours.
    *content : str
        `Html` is taken as it is, any other text is cleaned and escaped.
    **attributes : str, int or None
        ``class_`` stands for ``class``, ``data_fact`` for ``data-fact``; None leaves an attribute out.
    """
    inner = "".join([part if type(part) is Html else escaped(part) for part in content])
    return Html(f"{_start(name, attributes)}{inner}</{name}>")


def spread(name: str, /, *content: str, **attributes: str | int | None) -> list[Html]:
    """Return an element as `el` does, in pieces: what is long is copied once, when all of it is put together."""
    inner = [part if type(part) is Html else escaped(part) for part in content]
    return [tag(name, **attributes), *inner, Html(f"</{name}>")]


def tag(name: str, /, **attributes: str | int | None) -> Html:
    """Return a start tag, which is all there is of an element without content."""
    return Html(_start(name, attributes))


def _start(name: str, attributes: dict[str, str | int | None]) -> str:
    if not attributes:
        return f"<{name}>"
    told = [_attribute(key, value) for key, value in attributes.items() if value is not None]
    return f"<{name}{''.join(told)}>"


@lru_cache(maxsize=4096)
def _attribute(name: str, value: str | int) -> str:
    return f' {name.rstrip("_").replace("_", "-")}="{_safe(str(value))}"'


@lru_cache(maxsize=4096)
def escaped(text: str) -> Html:
    """Return any text as HTML that reads the same, without control and direction characters.

    Remembered, for most of the pieces of a page are the same few class names and words.
    """
    return Html(_safe(text))


def _safe(text: str) -> str:
    return _escape(clean(text, LONGEST))


def _escape(text: str) -> str:
    """Escape text as ``html.escape``, whose module is slow to start, for it knows all entities by name."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&quot;").replace("'", "&#x27;")


def join(parts: Iterable[Html], between: str = "") -> Html:
    """Return HTML joined to one piece; `between` is ours."""
    return Html(between.join(parts))


def path(text: str, shared: str = "") -> Html:
    """Return an endpoint that may break behind its slashes, the part all endpoints share put back visually."""
    method, blank, rest = clean(text).partition(" ")
    if not blank or not rest.startswith("/"):
        return _breakable(clean(text))
    verb = el("b", method, class_="verb")
    if shared and rest.startswith(shared) and rest != shared:
        return Html(f"{verb} <span class=dim>{_breakable(shared)}</span>{_breakable(rest[len(shared) :])}")
    return Html(f"{verb} {_breakable(rest)}")


def _breakable(text: str) -> Html:
    return Html(_escape(text).replace("/", "/<wbr>"))
