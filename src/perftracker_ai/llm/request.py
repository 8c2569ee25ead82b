"""What is asked of a model and what that takes: a schema servers understand, an estimate of tokens, a window.

Also the other way round: whether the number of tokens a server counted shows that it cut the prompt.
"""

from __future__ import annotations

import math
from itertools import chain
from typing import TYPE_CHECKING

from perftracker_ai.errors import BadReply, PromptTooLong
from perftracker_ai.llm import Doing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from perftracker_ai.llm import Progress, Prompt

CHARACTERS_PER_TOKEN = 2.6
"""Fewer than in any prompt of ours (paths and numbers are dense), so that the estimate errs to the safe side."""
_LOOSE = 4.0
"""More characters a token than paths and numbers have; only used beside a second sign of a cut."""
_MARGIN = 512
"""Tokens for the chat template, and for a repair's list of violations."""
_SMALLEST = 4096
COMFORTABLE = 8192
"""Tokens of a window in which the longest question has room with its answer."""
MAX_ANSWER_BYTES = 1 << 20
_MAX_LENGTH = 1000
"""Longest string some grammar engines can still be told to bound."""
_NAMES = ("properties", "$defs", "definitions")
"""Keywords under which keys are names, not keywords."""
_VALUES = ("enum", "const", "default", "examples", "required")


def characters_of(prompt: Prompt) -> int:
    """Count what is sent."""
    return len(prompt.system) + len(prompt.user)


def messages_of(prompt: Prompt) -> list[dict[str, str]]:
    """Give the prompt as servers take it; halves of characters, which no encoding can carry, become question marks."""
    texts = {"system": prompt.system, "user": prompt.user}
    return [{"role": role, "content": text.encode(errors="replace").decode()} for role, text in texts.items()]


def tokens_needed(prompt: Prompt, answer_tokens: int) -> int:
    """Estimate the window a question needs, in tokens."""
    return math.ceil(characters_of(prompt) / CHARACTERS_PER_TOKEN) + answer_tokens + _MARGIN


def choose_window(needed: int, limit: int) -> int:
    """Round up to a step of 4096, 6144, 8192, 12288 …, so that a slightly longer question needs no other window.

    Parameters
    ----------
    needed : int
    limit : int
        At most; the caller knows that ``needed`` does not exceed it.
    """
    powers = (_SMALLEST << exponent for exponent in range(32))
    steps = chain.from_iterable((power, power * 3 // 2) for power in powers)
    return min(limit, next(step for step in steps if step >= needed))


def require_room(needed: int, limit: int | None, model: str, why: str, cure: str = "") -> None:
    """Refuse a question that is too long before it is put.

    Raises
    ------
    PromptTooLong
    """
    if limit is not None and needed > limit:
        raise PromptTooLong(
            f"The prompt and its answer need about {needed} tokens, and {model} has {limit} ({why})",
            cure or "take a model with a longer window with --model",
        )


def looks_cut(prompt: Prompt, counted: int, window: int | None) -> bool:
    """Tell whether a server counted fewer tokens than the whole prompt has.

    A prompt that is cut keeps half the window it did not fit, so half its tokens at most: it shows at least twice
    the characters per token. Between the two, a count that is exactly the half, or the whole, of the window tells.
    """
    characters = characters_of(prompt)
    if counted * 2 * CHARACTERS_PER_TOKEN < characters:
        return True
    if window is None:
        return False
    half = window - (window - 4) // 2
    return counted >= window - 1 or (abs(counted - half) <= 1 and counted * _LOOSE < characters)


def plain_schema(schema: Mapping[str, object]) -> dict[str, object]:
    """Give the schema in the words grammar engines get right.

    References are inlined, patterns left out (several engines fail on them or emit broken strings), and lengths of
    strings bounded.
    """
    definitions = {
        f"#/{home}/{name}": inner
        for home in ("$defs", "definitions")
        for name, inner in _table(schema.get(home)).items()
    }
    cleaned = _plain(schema, definitions, ())
    assert isinstance(cleaned, dict)  # a mapping stays one
    return cleaned


def _table(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _plain(node: object, definitions: Mapping[str, object], inside: tuple[str, ...]) -> object:
    if isinstance(node, list | tuple):
        return [_plain(item, definitions, inside) for item in node]
    if not isinstance(node, dict):
        return node
    target = node.get("$ref")
    if isinstance(target, str):
        assert target in definitions, f"the schema does not define {target}"
        assert target not in inside, f"{target} contains itself, which no grammar can inline"
        return _plain(definitions[target], definitions, (*inside, target))
    kept = {key: value for key, value in node.items() if key not in ("$defs", "definitions", "pattern")}
    return {key: _keyword(key, value, definitions, inside) for key, value in kept.items()}


def _keyword(key: str, value: object, definitions: Mapping[str, object], inside: tuple[str, ...]) -> object:
    """Clean what stands under one keyword."""
    if key in _VALUES:
        return value
    if key == "maxLength" and isinstance(value, int):
        return min(value, _MAX_LENGTH)
    if key in _NAMES:
        return {name: _plain(inner, definitions, inside) for name, inner in _table(value).items()}
    return _plain(value, definitions, inside)


class Draft:
    """An answer while it arrives: its text so far, bounded, and who is told of it.

    Parameters
    ----------
    where : str
        For messages.
    progress : callable
    clock : callable
    """

    def __init__(self, where: str, progress: Progress, clock: Callable[[], float]) -> None:
        self._where, self._progress, self._clock = where, progress, clock
        self._begun = clock()
        self._pieces: list[str] = []
        self._bytes = 0
        self.thoughts = 0
        progress(0, 0.0, "", Doing.READING)

    @property
    def text(self) -> str:
        """All that arrived."""
        return "".join(self._pieces)

    @property
    def seconds(self) -> float:
        """Time since the question was put."""
        return self._clock() - self._begun

    def add(self, piece: str) -> None:
        """Take a piece; servers send one token at a time.

        Raises
        ------
        BadReply
            When the whole gets longer than any answer.
        """
        if not piece:
            return
        self._pieces.append(piece)
        self._weigh(piece)
        self._progress(len(self._pieces), self.seconds, piece, Doing.WRITING)

    def think(self, piece: str) -> None:
        """Count a piece of thinking, which is no part of the answer.

        Raises
        ------
        BadReply
            When thoughts and answer get longer than any answer.
        """
        if not piece:
            return
        self.thoughts += 1
        self._weigh(piece)
        self._progress(self.thoughts, self.seconds, "", Doing.THINKING)

    def read(self, tokens: int) -> None:
        """Tell how much of the prompt the server has read."""
        self._progress(tokens, self.seconds, "", Doing.READING)

    def _weigh(self, piece: str) -> None:
        self._bytes += len(piece.encode(errors="surrogatepass"))
        if self._bytes > MAX_ANSWER_BYTES:
            raise BadReply(f"{self._where} wrote more than {MAX_ANSWER_BYTES >> 20} MiB", "take another model")
