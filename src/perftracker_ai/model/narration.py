"""What a language model wrote, checked and filled in.

Values only.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Part(StrEnum):
    """What a passage is for: words on the whole comparison, or on one issue."""

    COMMENTARY = "commentary"
    REMARK = "remark"


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a passage: the words between facts, or one fact as it is printed.

    Attributes
    ----------
    fact : str
        Id in ``facts.json`` of what the text is; empty for words.
    """

    text: str
    fact: str


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """Something a language model wrote, checked and with its slots filled.

    Attributes
    ----------
    cluster : str
        Id of the cluster it is about; empty when it is about the whole run.
    """

    part: Part
    cluster: str
    pieces: tuple[Piece, ...]


class Chosen(StrEnum):
    """What a model may choose of what the program has computed."""

    TAKE_AWAY = "take away"
    TOGETHER = "together"
    EXPERIMENT = "experiment"
    FIRST = "check first"
    ORDER = "order"


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What a language model chose, verified and worded by the program."""

    kind: Chosen
    pieces: tuple[Piece, ...]


class Author(msgspec.Struct, frozen=True, kw_only=True):
    """The language model that was asked.

    Attributes
    ----------
    digest : str
        Hash of the model's files; empty when the server does not tell.
    window, prompt_tokens, answer_tokens : int or None
        As the server told them, tokens of all answers together; None when it did not.
    """

    model: str
    digest: str
    window: int | None
    prompt_tokens: int | None
    answer_tokens: int | None
    seed: int


class Narration(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of a language model's answer that may be printed; what is not here, the program says itself.

    Attributes
    ----------
    passages : tuple of Passage
        In reading order.
    choices : tuple of Choice
        Those that the facts bear out.
    refused, dropped : int
        Sentences, and texts without any, that did not pass the check; choices that the facts do not bear out.
    repaired : int
        Passages of which something was right at the second attempt only.
    """

    passages: tuple[Passage, ...]
    choices: tuple[Choice, ...]
    refused: int
    dropped: int
    repaired: int
    author: Author

    @property
    def stands(self) -> bool:
        """Whether anything of it does."""
        return bool(self.passages or self.choices)
