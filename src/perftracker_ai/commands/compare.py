"""Two jobs of the store compared because somebody asked for it in the dashboard. Only composing.

In: names of jobs. Out: a comparison in the store, made by the same path as `analyze` makes its own, in a process of its
own, which ends with it. What is asked for answers a question: it changes nothing of what is said of the product.
"""

from __future__ import annotations

from concurrent.futures import BrokenExecutor, wait
from contextlib import closing, contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from perftracker_ai.commands.judge import keep_judged
from perftracker_ai.commands.lookup import in_use, is_missing, store_url
from perftracker_ai.dashboard.compare import Comparing
from perftracker_ai.dashboard.desk import Desk
from perftracker_ai.errors import PerfTrackerAIError, StoreError, WorkerLost
from perftracker_ai.executors import local
from perftracker_ai.store import Scope, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from threading import Event

    from perftracker_ai.dashboard.desk import Pair, Work
    from perftracker_ai.settings import Settings

LONGEST_S = 300.0
"""How long a comparison may take: one of two thousand curves with a year behind it takes ten seconds."""
_LOOK_S = 0.2


@contextmanager
def comparing(settings: Settings) -> Iterator[Comparing | None]:
    """Give where jobs of the store are found and compared; None without a store. Leaving ends what is under way.

    Raises
    ------
    StoreError
    """
    if not in_use(settings):
        yield None
        return
    with closing(open_store(store_url(settings))) as store, closing(Desk(in_a_process(settings))) as desk:
        yield Comparing(store, desk)


def in_a_process(settings: Settings, longest_s: float = LONGEST_S) -> Work:
    """Return what makes comparisons, each in a process of its own."""

    def work(pair: Pair, ended: Event) -> None:
        with local(settings, 1, here=False) as pool:
            found = _awaited(pool.submit(compare_stored, pair), ended, longest_s)
        if isinstance(found, PerfTrackerAIError):
            raise found

    return work


def _awaited(future: Future[PerfTrackerAIError | None], ended: Event, longest_s: float) -> PerfTrackerAIError | None:
    """Wait for a comparison as long as it may take; leaving ends its process."""
    begun = monotonic()
    while not wait([future], _LOOK_S).done:
        if ended.is_set():
            return None
        if monotonic() - begun >= longest_s:
            raise WorkerLost(
                f"The comparison was ended after {longest_s:g} s", "compare these jobs with `perftracker-ai analyze`"
            )
    try:
        return future.result()
    except BrokenExecutor as error:
        raise WorkerLost(
            "The process that compared these jobs ended without an answer",
            "see whether this machine has memory enough, and ask again",
        ) from error


def compare_stored(own: Settings, pair: Pair) -> None:
    """Compare jobs of the store and keep what was found.

    Raises
    ------
    PerfTrackerAIError
        Whatever keeps the comparison from being made or kept, in one sentence.
    """
    url = store_url(own)
    if is_missing(url):
        raise StoreError(f"The store {url} is not there any more", "start the dashboard anew")
    with closing(open_store(url)) as store:
        scope = Scope(origin=pair.origin, product=pair.product)
        keep_judged(store, scope, pair.runs, pair.candidate_reruns, own, pair.asked_by)
