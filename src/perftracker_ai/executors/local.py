"""One process, this one, or several of this machine.

Processes are spawned, not forked: what runs here has threads and connections, of which a fork gets halves, and locks
that nobody in it will open. A server that forks would spare each of them a third of a second, and be one more thing to
end. Each begins with the memory of nothing, so what was taken for one product goes with it.

They do not hear Ctrl-C, which is for who started them, and hold the end of a pipe whose other end is here: when that
closes, by a word from here or because this process was killed, they end at once, whatever they are at.
"""

from __future__ import annotations

import os
import signal
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from threading import Thread
from typing import TYPE_CHECKING, Any

from perftracker_ai.executors.order import answered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    from perftracker_ai.executors.order import Pool

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What NumPy's library looks at when it is loaded: many threads in each of many processes get in each other's way."""
_EACH = 2
"""Tasks for each process: one at work, and the next one there when it is done."""


def cores() -> int:
    """Return how many processes can run at the same time."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def local(own: object, workers: int, *, here: bool = True) -> Iterator[Pool]:
    """Give who does tasks on this machine.

    Parameters
    ----------
    own : object
        What every task is given besides its key; may hold secrets, and goes through a pipe.
    workers : int
        Processes; 1 is this one, where a task is done when its answer is asked for.
    here : bool
        Whether one may be this one. Another one can be ended in the middle of a task, and takes its memory with it.
    """
    if workers == 1 and here:
        yield _Here(own)
        return
    pool = _Processes(own, workers)
    try:
        yield pool
    finally:
        pool.end()


class _Here:
    """The process that asks."""

    width, tries = 1, 0
    lost: tuple[type[Exception], ...] = ()

    def __init__(self, own: object) -> None:
        self._own = own

    def submit(self, function: Callable[[Any, Any], Any], key: object) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(answered(function, self._own, key))
        return future

    def renew(self) -> bool:
        """Tell that nothing is lost here that leaves anybody to ask."""
        return False

    def require_alive(self) -> None:
        """Whoever asks is."""


class _Processes:
    """Processes of this machine."""

    lost: tuple[type[Exception], ...] = (BrokenExecutor,)
    tries = 2  # that it was lost among others may have been before it was begun

    def __init__(self, own: object, workers: int) -> None:
        self._own, self._workers = own, workers
        self.width = _EACH * workers
        self._begin()

    def submit(self, function: Callable[[Any, Any], Any], key: object) -> Future[Any]:
        try:
            with _unheard():
                return self._pool.submit(_done, function, key)
        except BrokenExecutor as error:  # by one that is under way, and not looked at yet
            broken: Future[Any] = Future()
            broken.set_exception(error)
            return broken

    def renew(self) -> bool:
        self.end()
        self._begin()
        return True

    def require_alive(self) -> None:
        """A process that dies breaks its pool, which says so by itself."""

    def end(self) -> None:
        """End the processes, whatever they are at."""
        self._held.close()
        self._pool.shutdown(cancel_futures=True)
        self._theirs.close()

    def _begin(self) -> None:
        context = get_context("spawn")
        self._theirs, self._held = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(
            self._workers, mp_context=context, initializer=_at_work, initargs=(self._own, self._theirs)
        )


@contextmanager
def _unheard() -> Iterator[None]:
    """Have processes that begin meanwhile not hear the keyboard from their first moment; what is said comes later."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_OWN: list[object] = []
"""What this process was given when it began, where it is one of another's."""


def _at_work(own: object, theirs: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in _THREADS:
        os.putenv(name, "1")
    _OWN[:] = [own]
    Thread(target=_end_with, args=(theirs,), daemon=True).start()


def _end_with(theirs: Connection) -> None:
    """End this process when the other end of the pipe closes; nothing is ever sent through it."""
    theirs.poll(None)
    os._exit(1)


def _done(function: Callable[[Any, Any], Any], key: object) -> object:
    return answered(function, _OWN[0], key)
