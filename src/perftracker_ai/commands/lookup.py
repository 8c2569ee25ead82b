"""The store of past jobs in a comparison: the compared jobs are recorded, and the earlier ones looked up.

In: the jobs of a comparison, and where they come from. Out: what earlier jobs of the candidate's product, hardware and
suite measured, or why that cannot be said: a store that fails costs the history and never the comparison. Without a
store nothing is loaded and nothing is made.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from perftracker_ai.errors import PerfTrackerAIError, StoreReadOnly, guarded
from perftracker_ai.events import Step
from perftracker_ai.files import exists
from perftracker_ai.model import CANDIDATE, NoHistory, Notice, NotRecorded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perftracker_ai.events import Watch
    from perftracker_ai.model import Job, JobInfo
    from perftracker_ai.settings import Settings
    from perftracker_ai.store import Archive, Scope, Store

STORE_FILE = "history.sqlite3"
"""Name of the store in the folder of downloads, where none is set."""
_MOST = 200
"""Earlier jobs looked at, the newest ones: every pattern shows in 40 nights, and each costs half a millisecond."""
_PATIENCE_S = 10
"""How long a server that does not answer, or another writer, is waited for: a write takes milliseconds."""


def store_url(settings: Settings) -> str:
    """Give the store's address: the one that is set, or a file beside the downloaded jobs."""
    return settings.store or str(Path(settings.output_dir) / STORE_FILE)


def in_use(settings: Settings) -> bool:
    """Tell whether comparisons have a store: one that is set, or the usual file once it was made."""
    return bool(settings.store) or exists(Path(store_url(settings)))


def is_missing(url: str) -> bool:
    """Tell whether a store is a file that is not there."""
    path = url.removeprefix("sqlite:///")
    return "://" not in path and not exists(Path(path))


def look_up(
    jobs: Sequence[Job], location: str, settings: Settings, watch: Watch
) -> tuple[Archive | None, tuple[Notice, ...]]:
    """Record the jobs of a comparison and give what earlier ones measured.

    Parameters
    ----------
    jobs : sequence of Job
        Baseline, candidate, then reruns.
    location : str
        Where all of them come from, as `Source.location` tells it; empty for files that somebody named.

    Returns
    -------
    (Archive or None, tuple of Notice)
        None without a store, or when it failed, which the notice says; a store that can only be read is read.
    """
    if not (location and settings.history and in_use(settings)):
        return None, ()
    try:
        with guarded("Reading the history"):
            return _looked_up(jobs, location, settings, watch)
    except PerfTrackerAIError as error:
        cure = error.cure or "see `perftracker-ai doctor` for what is wrong with it"
        return None, (NoHistory(problem=error.problem, cure=cure),)


def _looked_up(
    jobs: Sequence[Job], location: str, settings: Settings, watch: Watch
) -> tuple[Archive, tuple[Notice, ...]]:
    from perftracker_ai.store import open_store, origin_of

    origin = origin_of(location)
    with closing(open_store(store_url(settings), _PATIENCE_S)) as store:
        notices: tuple[Notice, ...] = ()
        try:
            _record(store, origin, jobs, settings, watch)
        except StoreReadOnly as error:
            notices = (NotRecorded(problem=error.problem, cure=error.cure),)
        watch(Step(f"Reading earlier jobs from {store.location}"))
        return store.archive(_before(origin, jobs[CANDIDATE].info, settings), _MOST), notices


def _record(store: Store, origin: str, jobs: Sequence[Job], settings: Settings, watch: Watch) -> None:
    """Keep the jobs that are not there yet and belong there, each as soon as it is read into curves."""
    from perftracker_ai.store import is_recorded, record, worth_keeping

    own = {job.info.id: settings.of_product(job.info.product_name) for job in jobs}
    new = [
        job
        for job in {job.info.id: job for job in jobs}.values()
        if worth_keeping(job.info, own[job.info.id])
        and not is_recorded(store, origin, job.info, own[job.info.id].curves)
    ]
    if new:
        watch(Step(f"Recording {_named(new)} in {store.location}"))
    for job in new:
        record(store, origin, job, own[job.info.id].curves)


def _named(jobs: Sequence[Job]) -> str:
    numbers = ", ".join(str(job.info.id) for job in jobs)
    return f"jobs {numbers}" if len(jobs) > 1 else f"job {numbers}"


def _before(origin: str, candidate: JobInfo, settings: Settings) -> Scope:
    """Name the candidate and what ran before it on the same hardware with the same suite."""
    from perftracker_ai.store import Scope, hardware_of, kept_since

    return Scope(
        origin=origin,
        product=candidate.product_name,
        hardware=hardware_of(candidate),
        suite=candidate.suite_name,
        since=kept_since(candidate.end, settings.keep_days),
        until=(candidate.end, candidate.id),
    )
