"""Untrusted text made safe to show: what a job, a host or a tag says comes out as plain words, never as layout.

In: any string. Out: printable text of bounded length, for Markdown with every character escaped that Markdown, HTML
or an automatic link would act upon. Nothing is refused.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMIT = 200
"""Characters of one piece of foreign text before it is cut."""

ELLIPSIS = "…"

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "|", "%")

# HTML is written as entities, not as backslashes, for a viewer that shows the file as HTML sees no backslash; "@" too,
# so that no viewer makes an address or a mention of it.
_MARKDOWN = str.maketrans(
    {char: "\\" + char for char in "\\`*|[]~"} | {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;"}
)
_LINK = re.compile(r":(?=//)|(?<=www)\.", re.IGNORECASE)
_OUTER_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
# Only what starts a heading, a list or a rule; "1.64-4996" and "-5 %" stay as they are.
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/+(\S*)")
_LOGIN = re.compile(r"[^\s/:@]+:[^\s/]\S*@\S*")
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]*\]|[^:]*)(:\d*)?\W*")
_PLAIN_PATHS = frozenset({"http", "https", "postgresql", "postgres", "sqlite", "file", "tcp", "tls"})
"""Schemes whose path is a place; in the path of others, as a chat's, the password itself may stand."""
_LIST_START = re.compile(r"^([#=]|[-+](?!\S)|-(?=-)|\d+[.)](?!\S))")


def clean(text: str, limit: int = LIMIT) -> str:
    """Return `text` on one line without control, formatting and direction characters, cut at `limit` characters."""
    if not text.isprintable():
        text = " ".join("".join(map(_printable, text)).split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + ELLIPSIS


def csv_cell(text: str) -> str:
    """Return a cleaned text as a cell of CSV, which no spreadsheet takes for a formula."""
    if text.startswith(_FORMULA):
        text = f"'{text}"
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if any(char in text for char in ',"') else text


def is_address(text: str) -> bool:
    """Tell whether `text` is, or holds, an address, which may hold a password."""
    return bool(_ADDRESS.search(text) or _LOGIN.search(text))


def without_secrets(text: str) -> str:
    """Return `text` with what its addresses may hide taken out; host and path stay where they are plainly no secret.

    User, password, query and fragment go. Where it cannot be told what is what (``@`` behind a path, a port that is no
    number), or the path may be the secret, all goes but the scheme.
    """
    if "@" not in text and ":/" not in text:
        return text
    shown = _ADDRESS.sub(lambda found: f"{found[1]}://{_place(found[1], found[2])}", text)
    return _LOGIN.sub(lambda found: _place("http", found[0]), shown)


def _place(scheme: str, rest: str) -> str:
    """Return what may be shown of an address behind its scheme."""
    plain, *query = re.split(r"[?#]", rest, maxsplit=1)
    login, at, place = plain.rpartition("@")
    ambiguous = "/" in login or any("@" in part for part in query)
    if ambiguous or scheme.lower() not in _PLAIN_PATHS or not _AUTHORITY.fullmatch(place.partition("/")[0]):
        return ELLIPSIS
    shown = login + at if login == "user" else "***@" if at else ""  # our own examples say "user"
    return f"{shown}{place}{ELLIPSIS if query else ''}"


def md(text: str, limit: int = LIMIT) -> str:
    """Return `text` cleaned and escaped: it reads the same in a Markdown viewer and can neither format nor link."""
    escaped = clean(text, limit).translate(_MARKDOWN)
    escaped = _LINK.sub(lambda match: f"&#{ord(match[0])};", escaped)
    # Underscores inside a word are harmless, and a path full of backslashes is hard to read.
    escaped = _OUTER_UNDERSCORE.sub(r"\\_", escaped)
    return _LIST_START.sub(lambda match: f"{match[0][:-1]}\\{match[0][-1]}", escaped)


def fit(text: str, width: int) -> str:
    """Return `text` cleaned and padded or cut to exactly `width` terminal columns."""
    text = clean(text)
    if columns(text) > width:
        while columns(text) > width - 1:
            text = text[:-1]
        text += ELLIPSIS
    return text + " " * (width - columns(text))


def columns(text: str) -> int:
    """Return the terminal columns `text` takes: two for wide characters, none for combining ones."""
    return len(text) if text.isascii() else sum(map(_width, text))


def table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the lines of a Markdown table; cells are taken as they are, already escaped."""
    lines = [header, ("---",) * len(header), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def listing(words: list[str]) -> str:
    """Return ``a``, ``a and b`` or ``a, b and c``; empty for no words."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def sentence(text: str) -> str:
    """Return `text` with a capital and a full stop, whatever the stage that worded it left out."""
    text = text.strip()
    return text and text[0].upper() + text[1:] + ("" if text.endswith((".", "?", "!", ELLIPSIS)) else ".")


def _printable(char: str) -> str:
    if char.isprintable():
        return char
    return " " if char.isspace() else ""


def _width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
