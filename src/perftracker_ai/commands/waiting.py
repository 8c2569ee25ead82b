"""Waiting for a newer job whose upload is not finished: how long, and when it is not worth while any more.

In: what discovery chose, look after look. Out: whether to look again. An upload counts as moving as long as anything
changes in what the source says of the job; one that stands still is left to whoever looks after it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from perftracker_ai.events import Step
from perftracker_ai.model import Exclusion
from perftracker_ai.words.numbers import plural
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from perftracker_ai.events import Watch
    from perftracker_ai.model import JobInfo, Selection

STILL_S = 180.0
"""An upload of which nothing is heard so long has ended, one way or the other."""

PAUSE_S, LOOKS = 15.0, 10
"""Seconds between two looks, and how many there are at least where little time is given."""


class Patience:
    """How long a run waits, for all of the jobs that it may wait for one after the other.

    Parameters
    ----------
    wait_s : float
        Seconds in all; 0 does not wait.
    clock : callable, optional
        Seconds of a clock that is never set.
    """

    def __init__(self, wait_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = clock() + wait_s
        self._moved = clock()
        self._seen: JobInfo | None = None
        self.pause_s = min(PAUSE_S, wait_s / LOOKS)

    def lasts(self, job: JobInfo, watch: Watch) -> bool:
        """Tell whether to look again, and say what is waited for."""
        now = self._clock()
        if job != self._seen:
            self._seen, self._moved = job, now
        left = self._until - now
        if left <= 0 or now - self._moved >= STILL_S:
            return False
        done = f"{job.tests_completed} of {plural(job.tests_total, 'test')} completed"
        still = f"{left / 60:.0f} min" if left >= 60 else f"{left:.0f} s"  # noqa: PLR2004 - seconds of a minute
        watch(Step(f"Waiting for job {job.id} ({clean(job.version) or 'no version'}): {done}, {still} at most"))
        return True


def awaited(selection: Selection) -> JobInfo | None:
    """Return the newest job whose upload is not finished, where it is newer than the candidate; None without one."""
    for one in selection.considered:
        if one.role == "candidate":
            return None
        if one.exclusion is Exclusion.UNFINISHED:
            return one.job
    return None


def still_broken(broken: dict[int, str], before: Selection, listing: Iterable[JobInfo]) -> dict[int, str]:
    """Return the broken downloads that a new list says nothing new of: they need not be tried again."""
    old = {one.job.id: one.job for one in before.considered if one.job.id in broken}
    kept: dict[int, str] = {}
    for job in listing if old else ():
        if job.end < min(one.end for one in old.values()):
            break
        if old.get(job.id) == job:
            kept[job.id] = broken[job.id]
    return kept
