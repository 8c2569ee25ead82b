"""The store kept in step with a source: what is new or changed comes in, what has gone is marked.

Nothing but the store remembers how far a synchronisation came, and which uploads turned out broken: it asks the source
for its list, looks at what is there, and fetches the rest. So an interrupted one goes on where it was, and one with
nothing to do costs a list and no more.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from perftracker_ai.curves import build_curves
from perftracker_ai.discovery import classified, local_host, versioned
from perftracker_ai.errors import JobError, JobFileError, NotFound
from perftracker_ai.events import Received, Recording, Step
from perftracker_ai.model import Exclusion, SkippedFile, SkippedFiles, SkippedJob
from perftracker_ai.sources import read_fetched

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from perftracker_ai.events import Watch
    from perftracker_ai.model import Job, JobInfo, Notice
    from perftracker_ai.settings import CurveSettings, ProductSettings
    from perftracker_ai.sources import Source
    from perftracker_ai.store.records import Known
    from perftracker_ai.store.store import Store

_READER = 1
"""Goes up when tests come to be read into other curves, so that stored jobs are read again."""
_BATCH = 2
"""Jobs fetched before they are recorded: as many as a source downloads at a time, so that a kill costs only those."""
_PORTS = {"http": 80, "https": 443}
_FIRST_MOMENT = datetime.min.replace(tzinfo=UTC)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be synchronised.

    Attributes
    ----------
    project : int
        0 for all of them.
    since : datetime or None
        Only jobs that ended then or later are looked at; None for all.
    keep_days : int
        How long before the product's newest job one may have ended to be kept; 0 keeps all.
    settings : ProductSettings
        How tests are read into curves, and which hosts are local.
    scratch : Path or None
        The folder of the source's downloads, when they are only wanted here: files directly in it are removed once
        recorded, so that no other run may download to it. A year of jobs is thousands of times the size of its history.
    machines : tuple of (str, str), optional
        Patterns of host names, and the class of machine that such hosts are.
    """

    product: str
    project: int
    since: datetime | None
    keep_days: int
    settings: ProductSettings
    scratch: Path | None
    machines: tuple[tuple[str, str], ...] = ()


class Synchronised(msgspec.Struct, frozen=True, kw_only=True):
    """What a synchronisation found and did; every listed job is counted once.

    Attributes
    ----------
    recorded : int
        New or changed jobs that the store now has.
    unchanged : int
        Jobs it had already, those found again included.
    unusable : int
        Jobs whose upload is broken, found so before or now, or that went while they were fetched.
    left_out : tuple of (Exclusion, int)
        Jobs that do not belong into a history, and how many for each reason.
    gone : int
        Jobs of the store that the source has no more.
    dropped : int
        Jobs of the store that are too old to be kept.
    """

    recorded: int
    unchanged: int
    unusable: int
    left_out: tuple[tuple[Exclusion, int], ...]
    gone: int
    dropped: int


class _Listing(msgspec.Struct, frozen=True, kw_only=True):
    """The jobs of a product that a source lists.

    Attributes
    ----------
    usable : tuple of JobInfo
        Newest first.
    since : datetime or None
        How far back was looked; None to the beginning.
    doubtful : bool
        Whether some rows could not be read.
    """

    usable: tuple[JobInfo, ...]
    left_out: tuple[tuple[Exclusion, int], ...]
    since: datetime | None
    doubtful: bool


class _Task(msgspec.Struct, frozen=True, kw_only=True):
    """One synchronisation, once it is known what is to be done."""

    source: Source
    store: Store
    origin: str
    wanted: Wanted
    known: tuple[Known, ...]


def origin_of(location: str) -> str:
    """Name a server or a folder as a job's origin: however its address is written, and without credentials.

    A server that is moved from http to https is the same, so its scheme does not count.

    Parameters
    ----------
    location : str
        As `Source.location` tells it.
    """
    if "://" not in location:
        # A name of bytes that are no UTF-8 comes as half surrogate pairs, which no database takes.
        return str(Path(location).resolve()).encode(errors="replace").decode()
    parts = urlsplit(location)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    port = "" if parts.port in (None, _PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{host}{port}{parts.path.rstrip('/')}"


def reading_of(settings: CurveSettings) -> str:
    """Name the way tests are read into curves under these settings."""
    return sha256(msgspec.json.encode([_READER, settings])).hexdigest()[:16]


def kept_since(newest: datetime, keep_days: int) -> datetime | None:
    """Give the moment before which jobs are too old to be kept; None when none are.

    It counts from a product's newest job, not from today: what is known of a product that rests stays.
    """
    if not keep_days or newest - _FIRST_MOMENT < timedelta(days=keep_days):
        return None
    return newest - timedelta(days=keep_days)


def worth_keeping(info: JobInfo, settings: ProductSettings) -> bool:
    """Tell whether a job belongs into the history: no local run, nothing deleted, nothing without a completed test."""
    return _unwanted(info, settings) is None


def _unwanted(info: JobInfo, settings: ProductSettings) -> Exclusion | None:
    """Say why a job does not belong into the history; None when it does."""
    if info.deleted:
        return Exclusion.DELETED
    if local_host(info, settings.discovery.local_labels):
        return Exclusion.LOCAL_RUN
    return Exclusion.UNFINISHED if info.tests_completed <= 0 else None


def record(store: Store, origin: str, job: Job, settings: CurveSettings) -> None:
    """Keep one job, unless it is there already.

    Raises
    ------
    StoreError
        When the store does not take it.
    JobError
        When the job cannot be told from others.
    """
    if not is_recorded(store, origin, job.info, settings):
        curves, _, _ = build_curves([job], settings)
        store.put(origin, job.info, curves, reading_of(settings))


def is_recorded(store: Store, origin: str, info: JobInfo, settings: CurveSettings) -> bool:
    """Tell whether a job is there as it is now, read as the settings want it."""
    return store.has(origin, info, reading_of(settings))


def synchronise(
    source: Source, store: Store, wanted: Wanted, watch: Watch, listing: Iterable[JobInfo] | None = None
) -> Synchronised:
    """Bring a store to what a source has of a product.

    Every job is kept as soon as it was fetched, newest first. It may be interrupted at any moment and begun again.

    Parameters
    ----------
    listing : iterable of JobInfo, optional
        The product's jobs, newest first, of a list that was read whole; asked for when omitted.

    Raises
    ------
    NotFound
        When neither source nor store has a job of the product.
    SourceError
        When the source fails; what was recorded until then stays.
    StoreError, OutputError
        When nothing can be kept.
    """
    origin = origin_of(source.location)
    watch(Step(f"Looking for jobs of {wanted.product} in {source.location}"))
    listed = _listed(source, wanted, watch, listing)
    known = store.known(origin, wanted.product, wanted.project)
    if not listed.usable and not listed.left_out and not known and wanted.since is None:
        raise NotFound(
            f"No job in {source.location} has the product name {wanted.product!r}", "see `perftracker-ai doctor`"
        )
    task = _Task(source=source, store=store, origin=origin, wanted=wanted, known=known)
    dropped = _drop_old(task, listed.usable)
    gone = _vanished(listed, known)
    _mark(store, origin, gone, gone=True)
    reading = reading_of(wanted.settings.curves)
    current = _current(listed.usable, known, reading)
    _mark(store, origin, {job.uuid for job in current.values() if job.gone}, gone=False)
    broken = store.broken(origin, wanted.product, wanted.project, reading)
    wanting = [job for job in listed.usable if job.id not in current]
    missing = [job for job in wanting if (job.id, job.upload) not in broken]
    recorded = sum(_record_batch(task, batch, watch) for batch in _batches(missing, watch))
    return Synchronised(
        recorded=recorded,
        unchanged=len(current),
        unusable=len(wanting) - recorded,
        left_out=listed.left_out,
        gone=len(gone),
        dropped=dropped,
    )


# ── what is to be done ──────────────────────────────────────────────────────────────────────────────────────────────


def _listed(source: Source, wanted: Wanted, watch: Watch, listing: Iterable[JobInfo] | None) -> _Listing:
    """Read the source's list as far back as wanted, and as jobs are kept."""
    usable: list[JobInfo] = []
    left_out: Counter[Exclusion] = Counter()
    since = wanted.since
    place = wanted.settings.discovery.version_from
    place = place if place.startswith("title:") else ""
    for job in source.list_jobs(wanted.project) if listing is None else listing:
        if since is not None and job.end < since:
            break
        if job.product_name != wanted.product:
            continue
        job = versioned(job, place)  # noqa: PLW2901 - the same job by its right version
        if (reason := _unwanted(job, wanted.settings)) is not None:
            left_out[reason] += 1
            continue
        if not usable:
            since = max(filter(None, (since, kept_since(job.end, wanted.keep_days))), default=None)
        usable.append(classified(job, wanted.machines))
    for notice in _skipped(source.skipped):
        watch(notice)
    reasons = tuple(sorted(left_out.items()))
    return _Listing(usable=tuple(usable), left_out=reasons, since=since, doubtful=bool(source.skipped))


def _skipped(skipped: Sequence[tuple[str, str]]) -> Iterator[Notice]:
    """Tell in one line what is no job: of files that lie among jobs on purpose it is said at every synchronisation."""
    if not skipped:
        return
    name, problem = skipped[0][0], skipped[0][1].rstrip(".")
    if len(skipped) == 1:
        yield SkippedFile(name=name, problem=problem)
    else:
        yield SkippedFiles(files=len(skipped), name=name, problem=problem)


def _drop_old(task: _Task, usable: Sequence[JobInfo]) -> int:
    """Drop the jobs that are too old beside the newest one, without asking to write when there are none."""
    oldest = kept_since(usable[0].end, task.wanted.keep_days) if usable else None
    if oldest is None or not any(job.end < oldest for job in task.known):
        return 0
    return task.store.prune(task.origin, task.wanted.product, task.wanted.project, oldest)


def _vanished(listing: _Listing, known: Sequence[Known]) -> set[str]:
    """Choose the known jobs that the list should hold and does not; none when a row of it could not be read."""
    if listing.doubtful:
        return set()
    listed = {job.id for job in listing.usable}
    looked_at = (job for job in known if not job.gone and (listing.since is None or job.end >= listing.since))
    return {job.uuid for job in looked_at if job.id not in listed}


def _current(listed: Sequence[JobInfo], known: Sequence[Known], reading: str) -> dict[int, Known]:
    """Find the listed jobs that the store has as they are now, by number; one without upload time may always differ."""
    have = {(job.id, job.upload): job for job in known if job.upload and job.reading == reading}
    return {job.id: have[job.id, job.upload] for job in listed if (job.id, job.upload) in have}


def _mark(store: Store, origin: str, uuids: set[str], *, gone: bool) -> None:
    """Mark jobs, without asking to write when there are none."""
    if uuids:
        store.mark(origin, uuids, gone=gone)


# ── doing it ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _batches(jobs: Sequence[JobInfo], watch: Watch) -> Iterator[Sequence[JobInfo]]:
    """Cut the work, telling of each piece as it is begun."""
    for first in range(0, len(jobs), _BATCH):
        batch = jobs[first : first + _BATCH]
        watch(Recording(tuple(job.id for job in batch), first + len(batch), len(jobs)))
        yield batch


def _record_batch(task: _Task, batch: Sequence[JobInfo], watch: Watch) -> int:
    """Fetch and keep a few jobs, and give the number of those that could be."""
    unusable, unread = set(), 0
    for info, fetched in zip(batch, task.source.fetch_all(batch, lambda *got: watch(Received(*got))), strict=True):
        try:
            _keep(task, info, fetched, watch)
        except (JobError, NotFound) as error:
            if isinstance(error, JobFileError):  # which says nothing of the job: the next time it may be read
                unread += 1
            else:
                unusable.add(info.id)
                _remember(task, info, error)
            watch(SkippedJob(job=info.id, problem=str(error).rstrip(".")))
    # What was known of them is not what the server has now.
    _mark(task.store, task.origin, {job.uuid for job in task.known if job.id in unusable and not job.gone}, gone=True)
    return len(batch) - len(unusable) - unread


def _remember(task: _Task, info: JobInfo, error: JobError | NotFound) -> None:
    """Remember a broken upload, which stays so until it is another; what merely went may come back as it was."""
    if isinstance(error, JobError) and info.upload:
        task.store.put_broken(task.origin, info, reading_of(task.wanted.settings.curves))


def _keep(task: _Task, info: JobInfo, fetched: Path | JobError | NotFound, watch: Watch) -> None:
    """Read a fetched job and record it."""
    job = read_fetched(task.source, info, fetched, lambda *got: watch(Received(*got)))
    if job.info.deleted:
        raise NotFound(f"Job {info.id} was deleted since it was listed.")
    record(task.store, task.origin, job, task.wanted.settings.curves)
    scratch = task.wanted.scratch
    if scratch is not None and isinstance(fetched, Path) and fetched.parent.resolve() == scratch.resolve():
        with suppress(OSError):  # a file that stays costs room and nothing else
            fetched.unlink()
