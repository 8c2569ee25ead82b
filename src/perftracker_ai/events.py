"""What happens while a command runs: one union of values, handed to one `Watch`.

A stage that takes long is given a `Watch` and calls it with each event; what people see of it is decided in `cli`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.model import Notice

if TYPE_CHECKING:
    from perftracker_ai.model import Selection


class Step(msgspec.Struct, frozen=True):
    """Something begins; the text says what."""

    text: str


class Chosen(msgspec.Struct, frozen=True):
    """Discovery chose."""

    selection: Selection


class Received(msgspec.Struct, frozen=True):
    """Bytes of a job arrived; the whole is None when nobody knows it."""

    job: int
    received: int
    total: int | None


class Recording(msgspec.Struct, frozen=True):
    """Jobs are fetched into the store: their numbers, and how many of all are then looked at."""

    jobs: tuple[int, ...]
    done: int
    total: int


class Judging(msgspec.Struct, frozen=True):
    """So many of all pairs of a past are judged."""

    done: int
    total: int


class Writing(msgspec.Struct, frozen=True):
    """A language model writes its answer; the section is empty before the first."""

    section: str
    tokens: int
    seconds: float


class Pulling(msgspec.Struct, frozen=True):
    """A language model is downloaded, in bytes."""

    status: str
    received: int
    total: int


Event = Step | Chosen | Received | Recording | Judging | Writing | Pulling | Notice
"""A notice may be told more than once; whoever shows it shows it once."""

Watch = Callable[[Event], None]
