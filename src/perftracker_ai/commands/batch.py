"""Several products in one run: the next one's jobs are fetched while the present one is judged.

One thread fetches, never more than one product ahead and never beside the caller, so that a source is asked by one
thread at a time. What it would say on the way waits until its product's turn has come. One product's trouble is handed
out in its place and touches no other.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from perftracker_ai.commands.fetch import Target, fetch_product, listed
from perftracker_ai.discovery import choose, groups_of
from perftracker_ai.errors import NothingComparable, PerfTrackerAIError, guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future, ThreadPoolExecutor

    from perftracker_ai.commands.fetch import Fetched
    from perftracker_ai.events import Event, Watch
    from perftracker_ai.model import JobInfo
    from perftracker_ai.settings import Settings
    from perftracker_ai.sources import Source


class Products(NamedTuple):
    """All products of a project.

    Attributes
    ----------
    usable : tuple of str
        Those with two jobs to compare, by name.
    others : tuple of str
        Those without.
    listing : tuple of JobInfo
        The project's jobs, newest first, so that nobody has to ask for them again.
    """

    usable: tuple[str, ...]
    others: tuple[str, ...]
    listing: tuple[JobInfo, ...]


def all_products(source: Source, settings: Settings) -> Products:
    """Look which products of the project have two jobs to compare.

    Raises
    ------
    NothingComparable
        When none has.
    SourceError
        When the source cannot be asked.
    """
    listing = tuple(listed(source, settings))
    names = sorted({job.product_name for job in listing if job.product_name.strip()})
    usable = {name for name in names if choose(listing, name, settings.of_product(name).discovery).pair}
    if not usable:
        raise NothingComparable(
            f"None of the {len(names)} products in {source.location} has two jobs to compare",
            "see `perftracker-ai jobs --product NAME` for why, or give another --project",
        )
    others = tuple(name for name in names if name not in usable)
    return Products(usable=tuple(sorted(usable)), others=others, listing=listing)


class Groups(NamedTuple):
    """All groups of hardware and suite of some products.

    Attributes
    ----------
    usable : tuple of Target
        Those with two jobs to compare.
    others : tuple of (Target, JobInfo)
        Those without, with the newest job of each.
    listing : tuple of JobInfo
        As for `Products`.
    """

    usable: tuple[Target, ...]
    others: tuple[tuple[Target, JobInfo], ...]
    listing: tuple[JobInfo, ...]


def all_groups(
    source: Source, products: Sequence[str], settings: Settings, listing: tuple[JobInfo, ...] | None = None
) -> Groups:
    """Look on which hardware and with which suites products have two jobs to compare.

    A product without any is one target all the same: why there is nothing to compare is said when its turn comes.
    """
    jobs = tuple(listed(source, settings)) if listing is None else listing
    usable: list[Target] = []
    others: list[tuple[Target, JobInfo]] = []
    for product in products:
        found, alone = groups_of(jobs, product, settings.of_product(product).discovery)
        usable += [Target(product, group) for group in found] or [Target(product)]
        others += [(Target(product, group), newest) for group, newest in alone if found]
    return Groups(usable=tuple(usable), others=tuple(others), listing=jobs)


@contextmanager
def fetching(
    source: Source,
    targets: Sequence[Target],
    settings: Settings,
    watch: Watch,
    listing: Sequence[JobInfo] | None = None,
) -> Iterator[Iterator[Fetched | PerfTrackerAIError]]:
    """Give each target's jobs in turn, or why there are none.

    Leaving the block, for whatever reason, ends what is still being fetched.

    Parameters
    ----------
    listing : sequence of JobInfo, optional
        The project's jobs, newest first; asked for when omitted.
    """
    pool = _one_thread() if len(targets) > 1 else None  # for one alone, loading it would cost 5 ms
    try:
        yield _in_turn(pool, targets, partial(_fetched, source, settings, listing), watch)
    except BaseException:
        source.abort()
        raise
    finally:
        if pool is not None:
            pool.shutdown(cancel_futures=True)


def _one_thread() -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(1)


def _in_turn(
    pool: ThreadPoolExecutor | None,
    targets: Sequence[Target],
    fetch: Callable[[Target, Watch], Fetched | PerfTrackerAIError],
    watch: Watch,
) -> Iterator[Fetched | PerfTrackerAIError]:
    ahead: Future[Fetched | PerfTrackerAIError] | None = None
    relay = _Relay(watch)
    for target, following in zip(targets, [*targets[1:], None], strict=True):
        if ahead is None:  # the first one: nothing can be done meanwhile, so no thread is needed
            present = fetch(target, watch)
        else:
            relay.release()
            present = ahead.result()
        if following is not None:
            assert pool is not None  # there is one as soon as there are two products
            relay = _Relay(watch)
            ahead = pool.submit(fetch, following, relay)
        yield present


def _fetched(
    source: Source, settings: Settings, listing: Sequence[JobInfo] | None, target: Target, watch: Watch
) -> Fetched | PerfTrackerAIError:
    try:
        with guarded(f"Getting the jobs of {target.name}"):
            return fetch_product(source, target, settings, watch, listing)
    except PerfTrackerAIError as error:
        return error


class _Relay:
    """A watch that keeps what it is told until it is released, and passes on all the rest as it comes."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._kept: list[Event] | None = []
        self._turn = Lock()

    def __call__(self, event: Event) -> None:
        with self._turn:
            if self._kept is None:
                self._watch(event)
            else:
                self._kept.append(event)

    def release(self) -> None:
        """Tell what was kept."""
        with self._turn:
            for event in self._kept or ():
                self._watch(event)
            self._kept = None
