"""The history of a product as its commands show it: the store filled, and what the trends of its curves say.

Composes source, store and trends, and puts curves of one endpoint that changed together in one item. One hardware and
suite at a time: levels of different machines are no change of the product.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec
import numpy as np
from msgspec.structs import replace

from perftracker_ai.app import connect
from perftracker_ai.chronicle import Creep, Place, Shift, Switching, Unrest
from perftracker_ai.errors import NotFound
from perftracker_ai.history import Scope, Wanted, open_store, origin_of, synchronise
from perftracker_ai.trends import Change, Series, Trend, TrendState, find_trends

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from perftracker_ai.history import History, Synchronised
    from perftracker_ai.history.sync import Watcher
    from perftracker_ai.model import Curve, JobInfo
    from perftracker_ai.settings import DiscoverySettings, Settings
    from perftracker_ai.sources import Source

STORE_FILE, DOWNLOADS = "history.sqlite3", "history-downloads"
"""Names in the folder of downloads: the store where none is set, and where jobs lie until they are recorded."""

T = TypeVar("T")


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """What the history of a product on one hardware and suite says.

    Attributes
    ----------
    others : tuple of (str, str, int)
        Hardware, suite and number of jobs of what is in the store besides.
    curves, too_short : int
        Curves looked at, and those of them with too few values to say anything.
    shifts : tuple of Shift
        Most recent first, then worst.
    creeps, unrests, switchings : tuple
        Worst first.
    """

    product: str
    hardware: str
    suite: str
    others: tuple[tuple[str, str, int], ...]
    jobs: tuple[Place, ...]
    curves: int
    too_short: int
    shifts: tuple[Shift, ...]
    creeps: tuple[Creep, ...]
    unrests: tuple[Unrest, ...]
    switchings: tuple[Switching, ...]


class _Told(NamedTuple):
    """A curve and something that its trend says."""

    curve: Curve
    size: float
    trend: Trend


class _Moved(NamedTuple):
    curve: Curve
    change: Change


# ── the commands ────────────────────────────────────────────────────────────────────────────────────────────────────


def store_url(settings: Settings) -> str:
    """Give the store's address: the one that is set, or a file beside the downloaded jobs."""
    return settings.store or str(Path(settings.output_dir) / STORE_FILE)


def downloading_apart(settings: Settings) -> Settings:
    """Give the settings of a source whose downloads are dropped once they are recorded.

    They go to a folder of their own: a year of jobs is thousands of times the size of its history, and the jobs that
    were downloaded to be compared stay.
    """
    return replace(settings, output_dir=str(Path(settings.output_dir) / DOWNLOADS))


def synchronise_product(
    source: Source, product: str, since: datetime | None, settings: Settings, watcher: Watcher
) -> tuple[str, Synchronised]:
    """Bring the store to what the source has of a product, and give the store's name and what was done.

    Parameters
    ----------
    source : Source
        Opened with the settings of `downloading_apart`.

    Raises
    ------
    PerfTrackerAIError
    """
    wanted = Wanted(
        product=product,
        project=settings.project,
        since=since,
        settings=settings.of_product(product),
        # Of a folder nothing is downloaded: its files are the user's.
        scratch=Path(downloading_apart(settings).output_dir) if "://" in source.location else None,
    )
    with closing(open_store(store_url(settings))) as store:
        return store.location, synchronise(source, store, wanted, watcher)


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
    _require_file(store_url(settings), product)
    with closing(open_store(store_url(settings))) as store:
        groups = _groups(store.jobs(scope), settings.of_product(product).discovery)
        if not groups:
            raise NotFound(_nothing(store.location, scope, settings))
        (hardware, suite), *others = groups
        history = store.series(replace(scope, hardware=hardware, suite=suite))
    kept = [one for one in history.curves.curves if curve.casefold() in one.tag.casefold()]
    if not kept:
        said = f"has {curve!r} in its tag; give another --curve" if curve else "is stored; see `perftracker-ai jobs`"
        raise NotFound(f"No curve of {product} {said}.")
    rest = tuple((*key, len(groups[key])) for key in others)
    return _past(product, (hardware, suite), rest, history, kept)


def _require_file(url: str, product: str) -> None:
    """Refuse a store that is not there: opening would make an empty one."""
    if "://" not in url and not Path(url).exists():
        raise NotFound(
            f"There is no store {url}; fill one with `perftracker-ai history sync --product {product}` first."
        )


def _nothing(location: str, scope: Scope, settings: Settings) -> str:
    product, hardware = scope.product, settings.of_product(scope.product).discovery.hardware
    on = f" on {hardware}" if hardware else ""
    return (
        f"The store {location} has no job of {product}{on} from {scope.origin}; check --url, --since and "
        f"--hardware, or run `perftracker-ai history sync --product {product}`."
    )


def _groups(jobs: Iterable[JobInfo], settings: DiscoverySettings) -> dict[tuple[str, str], list[JobInfo]]:
    """Put jobs of one hardware and suite together, those with the newest job first."""
    groups: dict[tuple[str, str], list[JobInfo]] = defaultdict(list)
    for job in jobs:
        wanted = settings.hardware in {"", *job.hosts} or set(settings.hardware.split("+")) == set(job.hosts)
        if wanted and set(settings.ignored_hardware).isdisjoint(job.hosts):
            groups["+".join(sorted(set(job.hosts))), job.suite_name].append(job)
    return dict(sorted(groups.items(), key=lambda item: (item[1][-1].end, item[1][-1].id), reverse=True))


# ── from values to words ────────────────────────────────────────────────────────────────────────────────────────────


def _past(
    product: str,
    where: tuple[str, str],
    others: tuple[tuple[str, str, int], ...],
    history: History,
    kept: Sequence[Curve],
) -> Past:
    trends = find_trends(_series(history, kept))
    told = list(zip(kept, trends, strict=True))
    places = tuple(Place(job=job.id, version=job.product_ver, end=job.end) for job in history.jobs)
    return Past(
        product=product,
        hardware=where[0],
        suite=where[1],
        others=others,
        jobs=places,
        curves=len(kept),
        too_short=sum(trend.state is TrendState.TOO_SHORT for trend in trends),
        shifts=_shifts(told, places),
        creeps=_creeps(told),
        unrests=_unrests(told, places),
        switchings=_switchings(told),
    )


def _series(history: History, kept: Sequence[Curve]) -> list[Series]:
    level = levels(history)
    # Jobs that ended together are told apart by a millisecond: a series knows their order only.
    times = np.array([job.end.timestamp() for job in history.jobs]) + 1e-3 * np.arange(len(history.jobs))
    versions = tuple(job.product_ver for job in history.jobs)
    return [
        Series(times=times, values=level[:, one.index], versions=versions, less_better=one.less_better) for one in kept
    ]


def levels(history: History) -> NDArray[np.float64]:
    """Give the level of every curve in every job: the geometric mean over its loads.

    Each load counts by how far it is from its own median over the jobs, so that a level does not move when loads are
    added or left out.

    Returns
    -------
    ndarray, shape (jobs, curves)
        NaN where a job has no value of the curve.
    """
    curves = history.curves
    present = np.isfinite(curves.mean) & (curves.mean > 0)
    logs = np.log(np.where(present, curves.mean, 1.0))
    typical = _medians(np.where(present, logs, np.nan))
    starts = [one.start for one in curves.curves]
    count = np.add.reduceat(present, starts, axis=1, dtype=np.float64)
    off = np.add.reduceat(np.where(present, logs - typical, 0.0), starts, axis=1)
    ever = np.isfinite(typical)
    height = np.add.reduceat(np.where(ever, typical, 0.0), starts)
    height /= np.maximum(np.add.reduceat(ever, starts, dtype=np.float64), 1)
    level = np.exp(off / np.maximum(count, 1) + height)
    return np.where(count > 0, level, np.nan)


def _medians(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median of each column's numbers, NaN for a column without any."""
    ordered, count = np.sort(values, axis=0), np.isfinite(values).sum(axis=0)
    column = np.arange(values.shape[1])
    middle: NDArray[np.float64] = (ordered[(count - 1) // 2, column] + ordered[count // 2 - (count == 0), column]) / 2
    return middle


def _shifts(told: Sequence[tuple[Curve, Trend]], places: Sequence[Place]) -> tuple[Shift, ...]:
    moved = [_Moved(curve, change) for curve, trend in told for change in trend.changes]
    by = _by(moved, lambda one: (one.curve.endpoint, one.change.direction))
    found = [(lead, _shift(members, lead, places)) for group in by for lead, members in _together(group)]
    found.sort(key=lambda item: (-item[0].change.index, -item[1].slowdown, item[1].endpoint))
    return tuple(shift for _, shift in found)


def _together(moved: Sequence[_Moved]) -> Iterator[tuple[_Moved, list[_Moved]]]:
    """Put changes at one job together: the clearest leads, and takes those whose own place it may be."""
    left = sorted(moved, key=lambda one: (one.change.p_value, -abs(one.change.slowdown), one.curve.index))
    while left:
        at = left[0].change.index
        members = [one for one in left if one.change.earliest <= at <= one.change.latest]
        members = members if left[0] in members else [left[0], *members]
        yield left[0], members
        left = [one for one in left if one not in members]


def _shift(members: Sequence[_Moved], lead: _Moved, places: Sequence[Place]) -> Shift:
    middle, change = _middle(members, lambda one: one.change.slowdown).change, lead.change
    return Shift(
        endpoint=lead.curve.endpoint,
        curves=_tags(members),
        slowdown=middle.slowdown,
        low=middle.low,
        high=middle.high,
        first=places[change.index],
        last_good=places[change.previous],
        earliest=places[change.earliest],
        latest=places[change.latest],
        same_version=change.same_version,
        recovered=None if change.recovered is None else places[change.recovered],
    )


def _creeps(told: Sequence[tuple[Curve, Trend]]) -> tuple[Creep, ...]:
    drifting = [_Told(c, t.drift.slowdown, t) for c, t in told if t.drift is not None and t.drift.significant]
    creeps = []
    for members in _by(drifting, lambda one: (one.curve.endpoint, one.size > 0)):
        drift = _middle(members, lambda one: one.size).trend.drift
        assert drift is not None  # as asked for above
        endpoint, sizes = members[0].curve.endpoint, {"low": drift.low, "high": drift.high}
        creeps.append(Creep(endpoint=endpoint, curves=_tags(members), slowdown=drift.slowdown, **sizes))
    return tuple(sorted(creeps, key=lambda one: -one.slowdown))


def _unrests(told: Sequence[tuple[Curve, Trend]], places: Sequence[Place]) -> tuple[Unrest, ...]:
    noisier = [_Told(curve, trend.flaky.ratio, trend) for curve, trend in told if trend.flaky is not None]
    unrests = []
    for members in _by(noisier, lambda one: one.curve.endpoint):
        flaky = _middle(members, lambda one: one.size).trend.flaky
        assert flaky is not None  # as asked for above
        endpoint, first = members[0].curve.endpoint, places[flaky.index]
        unrests.append(Unrest(endpoint=endpoint, curves=_tags(members), ratio=flaky.ratio, first=first))
    return tuple(sorted(unrests, key=lambda one: -one.ratio))


def _switchings(told: Sequence[tuple[Curve, Trend]]) -> tuple[Switching, ...]:
    two = [_Told(c, t.modes.high / t.modes.low - 1, t) for c, t in told if t.modes is not None]
    found = [
        Switching(
            endpoint=members[0].curve.endpoint,
            curves=_tags(members),
            slowdown=_middle(members, lambda one: one.size).size,
        )
        for members in _by(two, lambda one: one.curve.endpoint)
    ]
    return tuple(sorted(found, key=lambda one: -one.slowdown))


def still_slower(shift: Shift) -> bool:
    """Tell whether a change for the worse is still there."""
    return shift.slowdown > 0 and shift.recovered is None


def _by(things: Iterable[T], key: Callable[[T], object]) -> list[list[T]]:
    groups: dict[object, list[T]] = defaultdict(list)
    for thing in things:
        groups[key(thing)].append(thing)
    return list(groups.values())


def _middle(things: Sequence[T], size: Callable[[T], float]) -> T:
    return sorted(things, key=size)[len(things) // 2]


def _tags(members: Iterable[_Told | _Moved]) -> tuple[str, ...]:
    return tuple(sorted({one.curve.tag for one in members}))
