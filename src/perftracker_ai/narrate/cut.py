"""An answer that was cut at its longest: in goes JSON without its end, out comes JSON of what is finished of it."""

from __future__ import annotations

import re

_SENTENCES = re.compile(r".*[.!?](?=\s)", re.DOTALL)
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*(?P<end>"?)|[]{}[,:]', re.DOTALL)
_CLOSES = {"{": "}", "[": "]"}


def finished(text: str) -> str:
    """Return what is finished of a cut document: whole members, and whole sentences of the text that was cut.

    Nothing is made up: what is returned is a beginning of `text` with its brackets closed. It need be no JSON where
    `text` was none.
    """
    safe, still_open, begun = _scanned(text)
    if begun is not None:
        told = _SENTENCES.match(text, begun)
        if told:
            return f'{text[: told.end()]}"{_closed(still_open[1])}'
    return f"{text[:safe]}{_closed(still_open[0])}"


def _closed(brackets: str) -> str:
    return "".join(_CLOSES[one] for one in reversed(brackets))


def _scanned(text: str) -> tuple[int, tuple[str, str], int | None]:
    """Find the end of what is finished, the brackets open there and at the very end, and where a cut value begins."""
    brackets, safe, at_safe, is_value = "", 0, "", False
    for token in _TOKENS.finditer(text):
        mark = token[0][0]
        if mark == '"':
            if is_value and not token["end"]:
                return safe, (at_safe, brackets), token.start() + 1
        elif mark in _CLOSES:
            brackets, is_value = brackets + mark, mark == "["
        elif mark in "}]":
            brackets = brackets[:-1]
            safe, at_safe = token.end(), brackets
        elif mark == ",":
            safe, at_safe, is_value = token.start(), brackets, brackets.endswith("[")
        else:
            is_value = True
    return safe, (at_safe, brackets), None
