"""The history of a product as its commands show it: the store filled, and what the trends of its curves say.

Composes source, store and trends. One hardware and suite at a time: levels of different machines are no change of the
product.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing, contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from msgspec.structs import asdict, replace

from perftracker_ai.commands.fetch import connect
from perftracker_ai.commands.lookup import is_missing, store_url
from perftracker_ai.errors import NotFound
from perftracker_ai.executors import in_order, packed, unpacked
from perftracker_ai.files import scratch_folder
from perftracker_ai.model import JobInfo, Notice
from perftracker_ai.model.history import JobRef, Patterns
from perftracker_ai.store import Scope, Wanted, open_store, origin_of, reading_of, synchronise
from perftracker_ai.trends import patterns, places

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from datetime import datetime

    from perftracker_ai.commands.workers import Asked
    from perftracker_ai.errors import PerfTrackerAIError
    from perftracker_ai.events import Event, Watch
    from perftracker_ai.settings import DiscoverySettings, Settings
    from perftracker_ai.sources import Source
    from perftracker_ai.store import Holding, Store, Synchronised

_NONE = packed(())
_NAMED = 3
"""Products that are named where another one was asked for."""
DOWNLOADS = "history-downloads"
"""Name in the folder of downloads of the one below which jobs lie until they are recorded."""


class Past(Patterns, frozen=True, kw_only=True):
    """What the history of a product on one hardware and suite says: the patterns, and of what.

    Attributes
    ----------
    others : tuple of (str, str, int)
        Hardware, suite and number of jobs of what is in the store besides; the hardware of jobs without hosts is empty.
    unused : tuple of (str, int)
        Why jobs of the product tell nothing, and how many.
    """

    product: str
    hardware: str
    suite: str
    others: tuple[tuple[str, str, int], ...]
    unused: tuple[tuple[str, int], ...]
    jobs: tuple[JobRef, ...]


# ── the commands ────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def downloading_apart(settings: Settings) -> Iterator[Settings]:
    """Give the settings of a source whose downloads are dropped once they are recorded.

    They go to a folder of this run alone: a year of jobs is thousands of times the size of its history, the jobs that
    were downloaded to be compared stay, and another run does not take away what this one is about to read.
    """
    with scratch_folder(Path(settings.output_dir) / DOWNLOADS) as folder:
        yield replace(settings, output_dir=str(folder))


def synchronise_product(  # noqa: PLR0913, PLR0917 - a run's surroundings
    source: Source,
    product: str,
    since: datetime | None,
    settings: Settings,
    scratch: Path,
    watch: Watch,
    listing: Iterable[JobInfo] | None = None,
) -> tuple[str, Synchronised]:
    """Bring the store to what the source has of a product, and give the store's name and what was done.

    Parameters
    ----------
    source : Source
        Opened with the settings of `downloading_apart`.
    scratch : Path
        Where they make it download to.
    listing : iterable of JobInfo, optional
        The product's jobs, newest first; asked for when omitted.

    Raises
    ------
    PerfTrackerAIError
    """
    wanted = Wanted(
        product=product,
        project=settings.project,
        since=since,
        keep_days=settings.keep_days,
        settings=settings.of_product(product),
        # Of a folder nothing is downloaded: its files are the user's.
        scratch=scratch if "://" in source.location else None,
        machines=settings.hardware,
    )
    with closing(open_store(store_url(settings))) as store:
        return store.location, synchronise(source, store, wanted, watch, listing)


class Synchronisation(NamedTuple):
    """What came of one product of several."""

    store: str
    done: Synchronised
    notices: tuple[Notice, ...]


def synchronise_products(
    products: Sequence[str], since: datetime | None, settings: Settings, said: Asked, watch: Callable[[str], None]
) -> Generator[tuple[str, Synchronisation | PerfTrackerAIError]]:
    """Bring the store to what the source has of several products, some at the same time, and yield what came of each.

    Parameters
    ----------
    said : Asked
        What was said on the command line.
    watch : callable
        Told how far it has come.

    Raises
    ------
    PerfTrackerAIError
        When it cannot be begun, or nobody is left to do it.
    """
    from perftracker_ai.commands.workers import hired

    with closing(open_store(store_url(settings))):  # one that workers find as it is here
        pass
    with hired(said, settings, tasks=len(products), usual=settings.connections, stores=True) as pool:
        run = uuid4().hex
        keys = [_Key(product, since, run) for product in products]
        finished = partial(_told, watch, len(products))
        answers = in_order(pool, _synchronised, keys, most=settings.connections, finished=finished)
        yield from zip(products, answers, strict=True)


def _told(watch: Callable[[str], None], products: int, done: int) -> None:
    watch(f"Synchronised {done} of {products} products")


class _Key(NamedTuple):
    """One product to synchronise, in one of the runs that a worker may live through."""

    product: str
    since: datetime | None
    run: str


def _synchronised(settings: Settings, key: _Key) -> Synchronisation:
    """Synchronise one product with a source of its own."""
    notices: list[Notice] = []

    def watch(event: Event) -> None:
        if isinstance(event, Notice):
            notices.append(event)

    lists = _lists(settings, key.since, key.run)
    own = None if lists is None else unpacked(lists.get(key.product, _NONE))
    with downloading_apart(settings) as apart, closing(connect(replace(apart, connections=1))) as source:
        scratch = Path(apart.output_dir)
        store, done = synchronise_product(source, key.product, key.since, settings, scratch, watch, own)
    return Synchronisation(store, done, tuple(dict.fromkeys(notices)))


@lru_cache(maxsize=1)
def _lists(settings: Settings, since: datetime | None, _run: str) -> dict[str, bytes] | None:
    """Return the jobs of every product, packed, read once in a run; None where some row of the list could not be.

    The list of a server with a hundred products has a hundred times what one of them needs.
    """
    own: dict[str, list[JobInfo]] = defaultdict(list)
    with closing(connect(replace(settings, connections=1))) as source:
        for job in source.list_jobs(settings.project):
            if since is not None and job.end < since:
                break
            own[job.product_name].append(job)
        if source.skipped:
            return None
    return {product: packed(jobs) for product, jobs in own.items()}


def stored(settings: Settings) -> tuple[str, tuple[Holding, ...]]:
    """Give the store's name, and what it has of each product; no server is asked.

    Raises
    ------
    NotFound
        When there is no store, or nothing of this server in it.
    """
    with closing(connect(settings)) as source:
        origin = origin_of(source.location)
    require_store(store_url(settings), "NAME")
    with closing(open_store(store_url(settings))) as store:
        found = store.holdings(origin)
        if not found:
            cure = "check --url, or run `perftracker-ai history sync --product NAME`"
            raise NotFound(f"The store {store.location} has no job from {origin}", cure)
        return store.location, found


def look_back(product: str, since: datetime | None, curve: str, settings: Settings) -> Past:
    """Say what the stored jobs of a product tell, on the hardware and suite of its newest job; no server is asked.

    Parameters
    ----------
    curve : str
        Only curves that have this in their tag, upper and lower case alike.

    Raises
    ------
    NotFound
        When nothing like this is stored.
    """
    with closing(connect(settings)) as source:
        origin = origin_of(source.location)
    scope = Scope(origin=origin, product=product, since=since)
    require_store(store_url(settings), product)
    with closing(open_store(store_url(settings))) as store:
        groups = groups_of_jobs(store.jobs(scope), settings.of_product(product).discovery)
        if not groups:
            raise no_job(store, scope, settings.of_product(product).discovery.hardware)
        (hardware, suite), *others = groups
        curves, timeline = store.means(replace(scope, hardware=hardware, suite=suite))
        unused = _unused(store, scope, settings)
    kept = [one for one in curves if curve.casefold() in one.tag.casefold()]
    if not kept:
        if not curve:
            raise NotFound(f"No curve of {product} is stored", "see `perftracker-ai jobs`")
        raise NotFound(f"No curve of {product} has {curve!r} in its tag", "give another --curve")
    rest = tuple((*key, len(groups[key])) for key in others)
    return Past(
        product=product,
        hardware=hardware,
        suite=suite,
        others=rest,
        unused=unused,
        jobs=places(timeline.jobs),
        **asdict(patterns(kept, timeline)),
    )


def _unused(store: Store, scope: Scope, settings: Settings) -> tuple[tuple[str, int], ...]:
    """Count the jobs of a product that are known of and tell nothing."""
    of = (scope.origin, scope.product, settings.project)
    gone = sum(job.gone and (scope.since is None or job.end >= scope.since) for job in store.known(*of))
    broken = len(store.broken(*of, reading_of(settings.of_product(scope.product).curves)))
    counts = ((f"with a broken upload{' at any time' if scope.since else ''}", broken), ("gone from the source", gone))
    return tuple((why, jobs) for why, jobs in counts if jobs)


def require_store(url: str, product: str) -> None:
    """Refuse a store that is not there: opening would make an empty one."""
    if is_missing(url):
        raise NotFound(
            f"There is no store {url}", f"fill one with `perftracker-ai history sync --product {product}` first"
        )


def no_job(store: Store, scope: Scope, hardware: str) -> NotFound:
    """Word that a store has nothing of a product, and of which it has where that is none of them."""
    on = f" on {hardware}" if hardware else ""
    missing = f"The store {store.location} has no job of {scope.product!r}{on} from {scope.origin}"
    known = list(dict.fromkeys(one.product for one in store.holdings(scope.origin)))
    if known and scope.product not in known:
        from difflib import get_close_matches

        near = get_close_matches(scope.product, known, n=_NAMED, cutoff=0.0)
        return NotFound(missing, f"the nearest it has are {', '.join(map(repr, near))}")
    return NotFound(
        missing, f"check --url, --since and --hardware, or run `perftracker-ai history sync --product {scope.product}`"
    )


def groups_of_jobs(jobs: Iterable[JobInfo], settings: DiscoverySettings) -> dict[tuple[str, str], list[JobInfo]]:
    """Put jobs of one hardware and suite together, those with the newest job first, and those without a host last."""
    groups: dict[tuple[str, str], list[JobInfo]] = defaultdict(list)
    for job in jobs:
        wanted = settings.hardware in {"", *job.hosts} or set(settings.hardware.split("+")) == set(job.hosts)
        if wanted and set(settings.ignored_hardware).isdisjoint(job.hosts):
            groups["+".join(sorted(set(job.hosts))), job.suite_name].append(job)
    newest = sorted(groups.items(), key=lambda item: (item[1][-1].end, item[1][-1].id), reverse=True)
    return dict(sorted(newest, key=lambda item: not item[0][0]))
