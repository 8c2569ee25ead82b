"""What every table of a store has in common: texts, moments, and rows that nobody of ours wrote."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from perftracker_ai.errors import StoreError
from perftracker_ai.store.database import DAMAGE
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@contextmanager
def readable(location: str) -> Iterator[None]:
    """Say in one sentence that a store holds what nobody wrote."""
    try:
        yield
    except DAMAGE as error:
        raise StoreError(
            f"The store {location} holds values that cannot be read ({clean(str(error))})",
            "move it away and fill a new one with `perftracker-ai history sync`",
        ) from error


def safe_text(text: str) -> str:
    """Replace what a database cannot hold, in every store alike: PostgreSQL no null, none half a surrogate pair."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def microseconds(moment: datetime) -> int:
    """Return a moment as it is stored."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(stored: int) -> datetime:
    """Return the moment that is stored as so many microseconds."""
    return _EPOCH + timedelta(microseconds=stored)
