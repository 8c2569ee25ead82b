"""Comparisons that people asked for: one after the other, each elsewhere, and what became of them.

In: pairs of jobs, with who asks. Out: how far each is. Bounded: one at a time for everybody, one at a time and person,
few that wait, and a time for each. What is done leaves nothing here; what failed leaves a sentence for a while.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Event, Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from perftracker_ai.dashboard.answers import Refused
from perftracker_ai.errors import PerfTrackerAIError, guarded

if TYPE_CHECKING:
    from collections.abc import Callable

    Work = Callable[["Pair", Event], None]

MOST_WAITING, MOST_FAILED = 8, 64
"""Comparisons that wait at most, and failures that are remembered."""
_GOODBYE_S = 10.0


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs are to be compared: names and numbers only, so that it travels.

    Attributes
    ----------
    origin, product : str
        As in `Scope`, those of the candidate.
    runs : tuple of str
        Uuids: baseline, candidate, reruns of the baseline's version, reruns of the candidate's.
    candidate_reruns : int
        How many of the last are reruns of the candidate's version.
    asked_by : str
        By whom it was asked for.
    """

    origin: str
    product: str
    runs: tuple[str, ...]
    candidate_reruns: int
    asked_by: str


class Progress(NamedTuple):
    """How far a comparison is.

    Attributes
    ----------
    ahead : int
        How many come before it; 0 while it is made.
    seconds : float
        Since it began, or since it was asked for where it waits.
    problem : str
        Why there is none; empty while there may be one.
    """

    ahead: int
    seconds: float
    problem: str


class Desk:
    """Where comparisons are asked for.

    Parameters
    ----------
    work : callable
        Makes a comparison and keeps it, until it is done or the event is set. Raises a `PerfTrackerAIError` with what
        keeps it from being made.
    """

    def __init__(self, work: Work) -> None:
        self._work, self._lock, self._ended = work, Lock(), Event()
        self._waiting: OrderedDict[Pair, float] = OrderedDict()
        self._made: tuple[Pair, float] | None = None
        self._failed: OrderedDict[tuple[str, tuple[str, ...]], str] = OrderedDict()
        self._thread: Thread | None = None

    def ask(self, pair: Pair) -> None:
        """Have two jobs compared; whoever asks for what is under way gets that.

        Raises
        ------
        Refused
            When too many wait, or whoever asks has one under way.
        """
        with self._lock:
            under_way = self._under_way()
            if any(_name(one) == _name(pair) for one in under_way):
                return
            if any(one.asked_by == pair.asked_by for one in under_way):
                raise Refused(409, "A comparison that you asked for is still under way; ask again when it is done.")
            if len(self._waiting) >= MOST_WAITING or self._ended.is_set():
                raise Refused(503, f"{MOST_WAITING} comparisons wait already; ask again when some are done.")
            self._failed.pop(_name(pair), None)
            self._waiting[pair] = monotonic()
            if self._thread is None:
                self._thread = Thread(target=self._work_off, name="comparisons", daemon=True)
                self._thread.start()

    def progress(self, origin: str, runs: tuple[str, ...]) -> Progress | None:
        """Return how far a comparison is; None for one that nobody asked for, or that is done."""
        with self._lock:
            if self._made and _name(self._made[0]) == (origin, runs):
                return Progress(0, monotonic() - self._made[1], "")
            for at, (pair, since) in enumerate(self._waiting.items(), 1):
                if _name(pair) == (origin, runs):
                    return Progress(at, monotonic() - since, "")
            problem = self._failed.get((origin, runs))
            return Progress(0, 0.0, problem) if problem else None

    def close(self) -> None:
        """End what is under way, and take nothing on any more."""
        self._ended.set()
        with self._lock:
            self._waiting.clear()
            thread = self._thread
        if thread is not None:
            thread.join(_GOODBYE_S)

    def _under_way(self) -> list[Pair]:
        return [*([self._made[0]] if self._made else ()), *self._waiting]

    def _work_off(self) -> None:
        """Make what waits, and end where nothing does."""
        while (pair := self._next()) is not None:
            try:
                with guarded("The comparison"):
                    self._work(pair, self._ended)
            except PerfTrackerAIError as error:
                with self._lock:
                    self._failed[_name(pair)] = str(error)
                    while len(self._failed) > MOST_FAILED:
                        self._failed.popitem(last=False)

    def _next(self) -> Pair | None:
        with self._lock:
            self._made = None
            if not self._waiting or self._ended.is_set():
                self._thread = None
                return None
            pair, _ = self._waiting.popitem(last=False)
            self._made = pair, monotonic()
            return pair


def _name(pair: Pair) -> tuple[str, tuple[str, ...]]:
    """Return by what a comparison is the same, whoever asks for it."""
    return pair.origin, pair.runs
