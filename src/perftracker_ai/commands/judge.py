"""Jobs that are in the store judged from it: one pair, or the past of a product, night by night. Only composing.

In: jobs of the store. Out: comparisons in it, as `analyze` would have made them in those nights, but for what a store
does not keep of a job: its machines, links and single test records.
"""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from perftracker_ai.backtest.pairs import pairings
from perftracker_ai.backtest.values import PairKind
from perftracker_ai.commands.analyze import judge_read, read_stored
from perftracker_ai.commands.fetch import connect
from perftracker_ai.commands.history import groups_of_jobs, no_job, require_store
from perftracker_ai.commands.issues import comparison_of
from perftracker_ai.commands.lookup import known_before, store_url
from perftracker_ai.errors import NotFound, NothingComparable
from perftracker_ai.events import Judging
from perftracker_ai.model import FromStore
from perftracker_ai.store import Scope, open_store, origin_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from perftracker_ai.backtest.values import Pairing
    from perftracker_ai.events import Watch
    from perftracker_ai.model import JobInfo
    from perftracker_ai.settings import DiscoverySettings, Settings
    from perftracker_ai.store import Store

NIGHTS = 30
"""Nights of a product on one hardware that are judged unless more are asked for: those that its line shows."""


class JudgedPast(NamedTuple):
    """What came of a product's past.

    Attributes
    ----------
    store : str
    judged, known, unlike : int
        Nights that were judged now, that had been before, and whose jobs have nothing to be compared.
    """

    store: str
    judged: int
    known: int
    unlike: int


def judge_past(product: str, since: datetime | None, settings: Settings, watch: Watch) -> JudgedPast:
    """Judge the nights of a product that nobody judged, the oldest first, each with what was known by then.

    Parameters
    ----------
    since : datetime or None
        From when on; without it the newest `NIGHTS` of each hardware and suite.

    Raises
    ------
    NotFound
        When the store is not there, or has no job of the product.
    StoreError
    """
    with closing(connect(settings)) as source:
        scope = Scope(origin=origin_of(source.location), product=product)
    require_store(store_url(settings), product)
    discovery = settings.of_product(product).discovery
    with closing(open_store(store_url(settings))) as store:
        groups = groups_of_jobs(store.jobs(scope), discovery)
        if not groups:
            raise no_job(store, scope, discovery.hardware)
        pairs = [one for jobs in groups.values() for one in _pairs(jobs, since, discovery)]
        made = {(one.baseline, one.candidate) for one in store.comparisons.list(scope) if not one.asked_by}
        wanted = [one for one in pairs if (one.baseline.uuid, one.candidate.uuid) not in made]
        done = list(_judged(store, scope, wanted, settings, watch))
        return JudgedPast(store.location, sum(done), len(pairs) - len(wanted), len(done) - sum(done))


def _pairs(jobs: Sequence[JobInfo], since: datetime | None, discovery: DiscoverySettings) -> list[Pairing]:
    wanted = jobs[-NIGHTS:] if since is None else [job for job in jobs if job.end >= since]
    nights = {job.uuid for job in wanted}
    return [one for one in pairings(jobs, discovery, {PairKind.CONSECUTIVE}) if one.night.uuid in nights]


def _judged(store: Store, scope: Scope, wanted: Sequence[Pairing], settings: Settings, watch: Watch) -> Iterator[bool]:
    """Judge pairs, and yield of each whether there was something to be compared."""
    for at, one in enumerate(sorted(wanted, key=lambda one: (one.night.end, one.night.id))):
        watch(Judging(at, len(wanted)))
        runs = [job.uuid for job in (one.baseline, one.candidate, *one.reruns, *one.candidate_reruns)]
        try:
            keep_judged(store, scope, runs, len(one.candidate_reruns), settings)
        except NothingComparable:
            yield False
        else:
            yield True


def keep_judged(
    store: Store, scope: Scope, runs: Sequence[str], candidate_reruns: int, own: Settings, asked_by: str = ""
) -> None:
    """Compare jobs of a store by their uuids, in the order of the run axis, and keep what was found.

    What becomes of issues is kept unless somebody asked for it in the dashboard.

    Raises
    ------
    PerfTrackerAIError
    """
    from perftracker_ai.results.write import result_json

    stored = store.series(scope, only=set(runs))
    if not set(runs) <= {job.uuid for job in stored.jobs}:
        raise NotFound("One of these jobs is not in the store any more", "`perftracker-ai history sync` brings it")
    read = read_stored(stored, runs, candidate_reruns)
    found = judge_read(
        read,
        own.of_product(scope.product),
        seed=own.seed,
        notices=(FromStore(),),
        today=datetime.now(UTC).date(),
        earlier=known_before(store, scope.origin, read.jobs, own),
    )
    made = comparison_of(found.analysis, scope.origin, datetime.now(UTC), asked_by)
    store.comparisons.put(made, result_json(found.analysis), () if asked_by else found.issues)
