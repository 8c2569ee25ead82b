"""The store of past jobs in a comparison: the compared jobs are recorded, and the earlier ones looked up.

In: the jobs of a comparison, and where they come from. Out: what earlier jobs of the candidate's product, hardware and
suite measured and which issues they left, or why that cannot be said: a store that fails costs the history and never
the comparison. Without a store nothing is loaded and nothing is made.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from perftracker_ai.errors import PerfTrackerAIError, StoreReadOnly, guarded
from perftracker_ai.events import Step
from perftracker_ai.files import exists
from perftracker_ai.model import BASELINE, CANDIDATE, NoHistory, Notice, NotRecorded, Verdict
from perftracker_ai.model.history import JobRef
from perftracker_ai.model.versions import is_release, order, release_of, trimmed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perftracker_ai.events import Watch
    from perftracker_ai.model import Job, JobInfo
    from perftracker_ai.settings import Settings
    from perftracker_ai.store import Comparison, Earlier, Scope, Store

STORE_FILE = "history.sqlite3"
"""Name of the store in the folder of downloads, where none is set."""
LOOKED_AT = 200
"""Earlier jobs looked at, the newest ones: every pattern shows in 40 nights, and each costs half a millisecond."""
_UNSEEN = 5
"""Versions back to which a candidate is compared a second time where nobody compared them: a step that has lasted for
as many jobs the history finds by itself."""
_APPROVED = frozenset({Verdict.APPROVE.value, Verdict.APPROVE_WITH_MONITORING.value})
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
) -> tuple[Earlier | None, tuple[Notice, ...]]:
    """Record the jobs of a comparison and give what is known of earlier ones.

    Parameters
    ----------
    jobs : sequence of Job
        Baseline, candidate, then reruns.
    location : str
        Where all of them come from, as `Source.location` tells it; empty for files that somebody named.

    Returns
    -------
    (Earlier or None, tuple of Notice)
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
) -> tuple[Earlier, tuple[Notice, ...]]:
    from perftracker_ai.store import open_store, origin_of

    origin = origin_of(location)
    with closing(open_store(store_url(settings), _PATIENCE_S)) as store:
        notices: tuple[Notice, ...] = ()
        try:
            _record(store, origin, jobs, settings, watch)
        except StoreReadOnly as error:
            notices = (NotRecorded(problem=error.problem, cure=error.cure),)
        watch(Step(f"Reading earlier jobs from {store.location}"))
        return known_before(store, origin, jobs, settings), notices


def known_before(store: Store, origin: str, jobs: Sequence[Job], settings: Settings) -> Earlier:
    """Read everything that is known of jobs before the candidate.

    Raises
    ------
    StoreError
    """
    from perftracker_ai.store import Earlier

    scope = _before(origin, jobs[CANDIDATE].info, settings)
    candidate, archive = jobs[CANDIDATE].info, store.archive(scope, LOOKED_AT)
    by_date = settings.of_product(candidate.product_name).discovery.version_order == "date"
    every = [one for one in store.comparisons.list(scope) if not one.asked_by]
    made = [one for one in every if _is_earlier(one, candidate, by_date=by_date)]
    older = _older(
        archive.jobs, jobs[BASELINE].info, candidate, {one.candidate_version for one in made}, by_date=by_date
    )
    wanted = {candidate.uuid, older.uuid} if older else set()
    pair = store.series(scope, only=wanted) if older else None
    return Earlier(
        history=archive,
        issues=store.comparisons.tracked(scope, (candidate.end, candidate.id)),
        approved=tuple(_candidate_of(one) for one in made if one.verdict in _APPROVED),
        older=pair if pair and len(pair.jobs) == len(wanted) else None,
    )


def _candidate_of(one: Comparison) -> JobRef:
    return JobRef(job=one.candidate_id, version=one.candidate_version, end=one.end)


def _is_earlier(one: Comparison, candidate: JobInfo, *, by_date: bool) -> bool:
    """Tell whether a comparison judged a version that comes before the candidate's, against another one."""
    judged = trimmed(one.candidate_version)
    return trimmed(one.baseline_version) != judged != candidate.version and not _is_above(
        judged, candidate.version, by_date=by_date
    )


def _is_above(version: str, other: str, *, by_date: bool) -> bool:
    """Tell whether a version is numbered above another one; where versions have no order, none is."""
    own, limit = order(version), order(other)
    return not by_date and own is not None and limit is not None and own > limit


def _older(
    jobs: Sequence[JobInfo], baseline: JobInfo, candidate: JobInfo, judged: set[str], *, by_date: bool
) -> JobInfo | None:
    """Choose the job that the candidate is compared with besides, where the baseline itself was never judged.

    It is the newest version below that was judged, or the last one of so many that were not; None where there is none.
    """
    seen = {trimmed(version) for version in judged}
    if baseline.version in seen or baseline.id not in {job.id for job in jobs}:
        return None
    below = _line_below(jobs, baseline, candidate, by_date=by_date)[:_UNSEEN]
    stop = next((at for at, job in enumerate(below) if job.version in seen), len(below) - 1)
    return below[stop] if below else None


def _line_below(jobs: Sequence[JobInfo], baseline: JobInfo, candidate: JobInfo, *, by_date: bool) -> list[JobInfo]:
    """Return the newest job of every version below the baseline's, the highest first; by date without an order."""
    newest = {job.version: job for job in jobs if job.version not in {baseline.version, candidate.version}}
    own = order(baseline.version)
    if by_date or own is None:
        earlier = [job for job in newest.values() if (job.end, job.id) < (baseline.end, baseline.id)]
        return sorted(earlier, key=lambda job: (job.end, job.id), reverse=True)
    release = release_of(baseline.version)
    fit = [job for job in newest.values() if is_release(job.version) or release_of(job.version) == release]
    keyed = [(key, job) for job in fit if (key := order(job.version)) is not None and key < own]
    return [job for _, job in sorted(keyed, key=lambda one: (one[0], one[1].end, one[1].id), reverse=True)]


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
        hardware=hardware_of(candidate.hosts),
        suite=candidate.suite_name,
        since=kept_since(candidate.end, settings.keep_days),
        until=(candidate.end, candidate.id),
    )
