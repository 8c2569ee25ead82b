"""Typed values from JSON and from plain values, by any number of threads at the same time.

msgspec learns the fields of a type when the type is first decoded, and a second thread that decodes it meanwhile reads
what is half learned, which ends the process (seen with 0.22). Here only one thread at a time learns a type.
"""

from __future__ import annotations

from threading import Lock
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_learning = Lock()
_learned: dict[Any, msgspec.json.Decoder[Any]] = {}


def decoded(content: bytes | str | msgspec.Raw, kind: type[T]) -> T:
    """Read JSON as a value of a type.

    Raises
    ------
    msgspec.DecodeError
        When it is no JSON, or (``msgspec.ValidationError``) not of that type.
    """
    value: T = _decoder(kind).decode(content)
    return value


def converted(value: object, kind: type[T], *, strict: bool = True) -> T:
    """Read plain values as a value of a type; unless it is strict, texts are read as the numbers they hold.

    Raises
    ------
    msgspec.ValidationError
        When it is not of that type.
    """
    _decoder(kind)
    return msgspec.convert(value, kind, strict=strict)


def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    if kind not in _learned:
        with _learning:
            _learned[kind] = msgspec.json.Decoder(kind)
    return _learned[kind]
