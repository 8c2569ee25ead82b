"""Tasks handed to an executor a few at a time, and their answers in the order they were asked for."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, CancelledError, wait
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from perftracker_ai.errors import ClusterError, PerfTrackerAIError, WorkerLost, defect, guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

Key = TypeVar("Key")
Answer = TypeVar("Answer")

_LOOK_S = 2.0
"""How often it is looked whether anybody is still at work where nothing comes."""
PATIENCE_S = 3600.0
"""How long nothing may come from any worker before they are given up: a server may take ten minutes for one job."""


class Pool(Protocol):
    """Who does the work.

    Attributes
    ----------
    width : int
        Tasks that are under way at most: enough that nobody waits for the next one.
    lost : tuple of type
        What a task raises whose process died.
    tries : int
        How often such a task is done alone: it may have been another one that its process died of.
    """

    @property
    def width(self) -> int:
        """Return it as it is now."""

    @property
    def lost(self) -> tuple[type[Exception], ...]:
        """Return them."""

    @property
    def tries(self) -> int:
        """Return it."""

    def submit(self, function: Callable[[Any, Any], Any], key: object) -> Future[Any]:
        """Have a task done.

        Raises
        ------
        ClusterError
            When nobody takes it.
        """

    def renew(self) -> bool:
        """Put others in the place of processes of which one died; True when all that was under way went with it."""

    def require_alive(self) -> None:
        """See that somebody is there who can answer.

        Raises
        ------
        ClusterError
            When nobody is, and nobody came for a while.
        """


def in_order(
    pool: Pool,
    function: Callable[[Any, Key], Answer],
    keys: Iterable[Key],
    *,
    most: int | None = None,
    finished: Callable[[int], None] | None = None,
    patience_s: float = PATIENCE_S,
) -> Iterator[Answer | PerfTrackerAIError]:
    """Yield each key's answer, or why there is none, in the order of the keys.

    Parameters
    ----------
    function : callable
        Of a module, so that it is known elsewhere by its name; called with the worker's own and a key.
    keys : iterable
        Small values; taken as they are needed.
    most : int, optional
        Tasks under way at most, where something else than the workers bounds them: a server that all of them ask.
    finished : callable, optional
        Told after each task how many are done, in whatever order they came.
    patience_s : float
        How long nothing may come from anybody.

    Raises
    ------
    ClusterError
        When nobody can answer any more.
    """
    asked = enumerate(keys)
    under_way: dict[Future[Answer | PerfTrackerAIError], tuple[int, Key]] = {}
    done: dict[int, Answer | PerfTrackerAIError] = {}
    turn = answered = 0
    while True:
        while len(under_way) < min(pool.width, most or pool.width) and (one := next(asked, None)) is not None:
            under_way[pool.submit(function, one[1])] = one
        if not under_way and not done:
            return
        if turn not in done:
            lost = _gather(pool, under_way, done, patience_s)
            done.update((place, _alone(pool, function, key, patience_s)) for place, key in lost)
            if finished is not None and len(done) + turn > answered:
                answered = len(done) + turn
                finished(answered)
        while turn in done:
            yield done.pop(turn)
            turn += 1


def _gather(
    pool: Pool,
    under_way: dict[Future[Answer | PerfTrackerAIError], tuple[int, Key]],
    done: dict[int, Answer | PerfTrackerAIError],
    patience_s: float,
) -> list[tuple[int, Key]]:
    """Take in what has come, and give what was lost with a process: all that was under way, for who knows what it did.

    The lost tasks are no longer under way.
    """
    lost = []
    for future in _waited(pool, under_way, patience_s):
        try:
            done[under_way[future][0]] = _answer(pool, future)
        except pool.lost:
            lost.append(under_way[future])
        del under_way[future]
    if lost and pool.renew():
        lost += under_way.values()
        under_way.clear()
    return lost


def _waited(pool: Pool, under_way: Iterable[Future[Any]], patience_s: float) -> set[Future[Any]]:
    """Wait until something is done, as long as somebody is there to do it."""
    begun = monotonic()
    while not (found := wait(under_way, min(_LOOK_S, patience_s), FIRST_COMPLETED).done):
        pool.require_alive()
        if monotonic() - begun >= patience_s:
            raise ClusterError(
                f"No worker answered for {patience_s:g} s", "see what they are doing; nothing of this was kept"
            )
    return found


def _alone(
    pool: Pool, function: Callable[[Any, Key], Answer], key: Key, patience_s: float
) -> Answer | PerfTrackerAIError:
    """Do a lost task once more with nothing new beside it, so that who dies has died of it."""
    for _ in range(pool.tries):
        future = pool.submit(function, key)
        try:
            _waited(pool, [future], patience_s)
            return _answer(pool, future)
        except pool.lost:
            pool.renew()
    return WorkerLost(
        "Who was at it ended again and again without an answer", "see whether there is memory enough where it was done"
    )


def _answer(pool: Pool, future: Future[Answer | PerfTrackerAIError]) -> Answer | PerfTrackerAIError:
    """Return what a task came to.

    Raises
    ------
    Exception
        One of ``pool.lost`` when its process died.
    ClusterError
        When it was dropped, or done by somebody who must not.
    """
    try:
        found = future.result()
    except pool.lost:
        raise
    except CancelledError as error:
        raise ClusterError(
            "The scheduler has gone, and what it was to have done with it", "start it again, and run this again"
        ) from error
    except Exception as error:  # noqa: BLE001 - what does not pickle, or cannot be read where it comes from
        return defect("Handing on a task", error)
    if isinstance(found, ClusterError):
        raise found
    return found


def answered(function: Callable[[Any, Key], Answer], own: object, key: Key) -> Answer | PerfTrackerAIError:
    """Do a task where it is to be done, and give its answer or its error as a value that travels."""
    try:
        with guarded("A task"):
            return function(own, key)
    except PerfTrackerAIError as error:
        return error
