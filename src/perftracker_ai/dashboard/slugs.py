"""Endpoints as addresses that people can read and edit: ``PUT /drafts/{id}`` is ``PUT/drafts/{id}``.

In: any text. Out: a piece of an address that leads back to it and to nothing else, whether a proxy unquotes it or not,
and that no browser takes for a way up. What cannot be written so, or would be too long, is named by its digest.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

_READABLE = re.compile(r"([A-Z]{2,10})/(.*)", re.DOTALL)
"""What is read as a method and a path."""
_OTHER, _DIGEST = "~", "~#"
"""What stands before a text that would be read as another one, and before a digest."""
_LONGEST, _DIGITS = 600, 32
"""Characters of an address that an endpoint may take."""


def slug(endpoint: str) -> str:
    """Return an endpoint as a piece of an address."""
    method, _, rest = endpoint.partition(" ")
    readable = f"{method}{rest}" if rest.startswith("/") and _READABLE.fullmatch(f"{method}{rest}") else endpoint
    plain = readable if _read(readable) == endpoint else _OTHER + endpoint
    written = quote(plain, safe="" if "//" in plain or plain.startswith("/") else "/{},:@", errors="surrogatepass")
    dotted = {".", ".."} & set(plain.split("/"))
    return quote(_DIGEST + _digest(endpoint), safe="~") if dotted or len(written) > _LONGEST else written


def find(text: str, endpoints: Iterable[str]) -> str | None:
    """Return the endpoint that a piece of an address means, unquoted; None when it is none of them."""
    known = set(endpoints)
    if text.startswith(_DIGEST):
        return next((one for one in known if _digest(one) == text.removeprefix(_DIGEST)), None)
    return next((one for one in (_read(text), text) if one in known), None)


def _read(text: str) -> str:
    if text.startswith(_OTHER):
        return text.removeprefix(_OTHER)
    readable = _READABLE.fullmatch(text)
    return f"{readable[1]} /{readable[2]}" if readable else text


def _digest(endpoint: str) -> str:
    return sha256(endpoint.encode(errors="surrogatepass")).hexdigest()[:_DIGITS]
