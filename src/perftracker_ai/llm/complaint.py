"""What servers say when something went wrong: read from every shape they give it, and worded with a cure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.http import OK

if TYPE_CHECKING:
    from collections.abc import Callable

NOT_FOUND, BUSY = 404, 503
"""Statuses of HTTP."""


class Complaint(msgspec.Struct, frozen=True, kw_only=True):
    """What a server says went wrong.

    Attributes
    ----------
    text : str
        Fit to be shown; empty when it said nothing that can be read.
    as_text : bool
        Whether it came as Ollama words it, ``{"error": "text"}``.
    overflow : bool
        Whether it is that the prompt does not fit the window.
    prompt_tokens, window : int or None
        Of such a prompt, where told.
    """

    text: str
    as_text: bool
    overflow: bool
    prompt_tokens: int | None
    window: int | None


_OVERFLOW = ("longer", "exceed", "too large", "too long", "maximum context length", "greater than the context")


def complaint_of(value: object, shown: Callable[[str], str]) -> Complaint:
    """Read an error in any of the shapes servers give it, also as JSON within a string.

    Parameters
    ----------
    value : object
        Decoded JSON.
    shown : callable
        Makes foreign text fit to be shown.
    """
    error = value.get("error", value) if isinstance(value, dict) else value
    if isinstance(error, str) and (inner := json_object(error)):
        return complaint_of(inner, shown)
    fields = error if isinstance(error, dict) else {"message": error}
    said = next((text for key in ("message", "detail") if isinstance(text := fields.get(key), str)), "")
    tokens, window = (_count(fields.get(key)) for key in ("n_prompt_tokens", "n_ctx"))
    return Complaint(
        text=shown(said),
        as_text=isinstance(error, str),
        overflow=_is_overflow(said.lower()),
        prompt_tokens=tokens,
        window=window,
    )


def _is_overflow(said: str) -> bool:
    return "context" in said and any(word in said for word in _OVERFLOW)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) else None


def json_object(raw: str | bytes) -> dict[str, object] | None:
    """Read a JSON object; None when it is none."""
    try:
        value = msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def cure_of(status: int) -> str:
    """Say what to do about a status."""
    if status in (401, 407):
        return "check the API key"
    if status == 403:  # noqa: PLR2004 - HTTP's forbidden
        return "Ollama refuses foreign host names, so use its own address, and look at the proxy and the key"
    if 300 <= status < 400:  # noqa: PLR2004 - HTTP's redirects
        return "it sends requests elsewhere, so give the right address with --llm-url"
    if status in (404, 405):
        return "check the address, which ends in /v1 for all servers but Ollama"
    if status >= 500 or status == OK:  # noqa: PLR2004 - HTTP's server errors
        return "see the server's log, or try again later"
    return "check the model's name and the server's version"
