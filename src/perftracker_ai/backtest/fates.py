"""What became of the issues that a past opened: they stayed, or went away by themselves.

In: the issues of every night, and what each later job says of them. Out: every issue once, with its fate.

An issue is closed by the ratchet of `issues`: by a job that is back on the level of before, as measured and net of what
the run shares, up to a quarter of its size. It *went away by itself* where a job of the version it came in with closes
it: nothing was changed, and it is gone, so it was most likely never there. It *stayed* where a later job showed it
before anything closed it. Where the next job to tell of it is of another version and does not show it, nobody knows
whether it was repaired.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from perftracker_ai.backtest.values import Fate, Followed
from perftracker_ai.issues import GONE, SHARED
from perftracker_ai.model.versions import trimmed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perftracker_ai.issues import Level
    from perftracker_ai.model.history import JobRef
    from perftracker_ai.model.issues import Tracked

    Ask = Callable[[Tracked, int], Sequence[tuple[JobRef, Level | None]]]
    """An issue and the place of the night that opened it; what each later job says of it, in order."""


class Opened(NamedTuple):
    """The issues of a night: its candidate, and where in the list of all nights it is."""

    place: int
    candidate: JobRef
    issues: tuple[Tracked, ...]


class _Known(NamedTuple):
    issue: Tracked
    opened: int
    closed: JobRef | None


def follow(nights: Sequence[Opened], ask: Ask) -> tuple[tuple[Followed, ...], dict[int, int]]:
    """Return every issue once with its fate, and by place how many earlier ones were open that night.

    An issue that a night finds again while it is open, by its key or by most of its curves, is the same one.
    """
    followed: list[Followed] = []
    known: list[_Known] = []
    still_open: dict[int, int] = {}
    for night in nights:
        known = [one for one in known if one.closed is None or _at(one.closed) > _at(night.candidate)]
        still_open[night.place] = len(known)
        new = [one for one in night.issues if not any(_is_same(one, other.issue) for other in known)]
        for one in new:
            fate, closed = _fate(one, night.candidate, ask(one, night.place))
            followed.append(_followed(one, night.candidate, fate, closed))
            known.append(_Known(one, night.place, closed))
    return tuple(followed), still_open


def _fate(
    issue: Tracked, candidate: JobRef, later: Sequence[tuple[JobRef, Level | None]]
) -> tuple[Fate, JobRef | None]:
    """Say what became of an issue."""
    size, whole = math.log1p(issue.issue.opened), issue.issue.whole
    shown = False
    for job, level in later:
        if level is None:
            continue
        levels = (level.gross,) if whole else (level.gross, level.net)
        if max(levels) <= GONE * size:
            same = trimmed(job.version) == trimmed(candidate.version)
            fate = Fate.VANISHED if same else Fate.STAYED if shown else Fate.UNCONFIRMED
            return fate, job
        shown = True
    return (Fate.STAYED if shown else Fate.UNTOLD), None


def _is_same(one: Tracked, other: Tracked) -> bool:
    if one.issue.key == other.issue.key:
        return True
    curves, others = _curves(one), _curves(other)
    return one.issue.endpoint == other.issue.endpoint and len(curves & others) >= SHARED * len(curves)


def _curves(one: Tracked) -> set[tuple[str, str, bool]]:
    return {(each.group, each.tag, each.scalar) for each in one.reference}


def _followed(one: Tracked, night: JobRef, fate: Fate, closed: JobRef | None) -> Followed:
    issue = one.issue
    return Followed(
        key=issue.key,
        title=issue.title,
        night=night,
        severity=issue.severity,
        attribution=issue.attribution,
        confidence=issue.confidence,
        slowdown=issue.opened,
        curves=issue.curves,
        fate=fate,
        closed=closed,
    )


def _at(job: JobRef) -> tuple[float, int]:
    return job.end.timestamp(), job.job
