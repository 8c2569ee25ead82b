"""What creeps in a product, as its newest comparison found it: read out of the results that are kept of that.

In: the bytes of results. Out: the creeps, the worst first, and since when; nothing of results without a history, or of
bytes that nobody of ours wrote. Nothing is analysed here: it was when the night was compared.
"""

from __future__ import annotations

from contextlib import suppress

import msgspec

from perftracker_ai.decoding import decoded
from perftracker_ai.model.history import Drift, JobRef  # noqa: TC001 - msgspec reads them


class Creeps(msgspec.Struct, frozen=True, kw_only=True):
    """Endpoints whose cost grows from job to job.

    Attributes
    ----------
    since : JobRef or None
        The oldest job that the comparison knew of; None when it knew of none.
    found : tuple of Drift
        Those that became slower, the worst first.
    """

    since: JobRef | None
    found: tuple[Drift, ...]


class _Patterns(msgspec.Struct):
    creeps: tuple[Drift, ...] = ()


class _Chronicle(msgspec.Struct):
    patterns: _Patterns = msgspec.field(default_factory=_Patterns)
    jobs: tuple[JobRef, ...] = ()
    oldest: JobRef | None = None


class _Result(msgspec.Struct):
    chronicle: _Chronicle | None = None


def creeps(result: bytes | None) -> Creeps | None:
    """Return what creeps; None where the results tell of no history."""
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        past = decoded(result or b"{}", _Result).chronicle
        if past is not None:
            slower = sorted((one for one in past.patterns.creeps if one.slowdown > 0), key=lambda one: -one.slowdown)
            return Creeps(since=past.oldest or next(iter(past.jobs), None), found=tuple(slower))
    return None
