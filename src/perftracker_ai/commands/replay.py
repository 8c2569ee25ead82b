"""Pairs of a past judged from the store: what a worker does.

In: a worker's own settings, and a task of a few neighbouring nights, all names and numbers. Out: what was said of each
pair. What earlier jobs measured is read once a task. Of what ended after a pair's candidate nothing reaches its
judgement, whatever other pairs are in the task.
"""

from __future__ import annotations

from contextlib import closing
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from perftracker_ai.backtest.pairs import relabelled
from perftracker_ai.backtest.values import Judged, PairKind, Variant
from perftracker_ai.commands.analyze import compare, conclude, read_stored
from perftracker_ai.commands.lookup import LOOKED_AT, store_url
from perftracker_ai.errors import NothingComparable, StoreError
from perftracker_ai.model import CANDIDATE, Attribution, Outcome
from perftracker_ai.model.issues import Tracked  # noqa: TC001 - msgspec reads it when it reads answers back
from perftracker_ai.settings import ProductSettings
from perftracker_ai.store import Archive, Scope, align, kept_since, open_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from perftracker_ai.backtest.values import Found
    from perftracker_ai.commands.analyze import Read
    from perftracker_ai.issues import Compared
    from perftracker_ai.model import Analysis, CurveSet, JobInfo, Timeline
    from perftracker_ai.settings import DetectSettings, Settings
    from perftracker_ai.store import Store

_CURVES_FOLLOWED = 12
"""Curves of an issue by which it is followed, the worst ones: they say as well as a hundred whether it is there."""


class PairKey(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs are compared.

    Attributes
    ----------
    runs : tuple of str
        Their uuids, in the order of the run axis.
    changed : bool
        Whether the pair, of one version, is judged once more with changes put into it.
    """

    kind: PairKind
    runs: tuple[str, ...]
    candidate_reruns: int
    changed: bool


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A few neighbouring nights.

    Attributes
    ----------
    scope : Scope
        Product, hardware and suite, up to the last candidate of the task.
    pairs : tuple of PairKey
    spanned : int
        Jobs from the first candidate of the task to the last one.
    keep_days : int
        How long before a candidate a job may have ended to be looked at; 0 for any time.
    """

    scope: Scope
    pairs: tuple[PairKey, ...]
    spanned: int
    variants: tuple[Variant, ...]
    seed: int
    keep_days: int


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of a pair under each set of criteria, or why nothing could be.

    Attributes
    ----------
    judged : tuple of Judged
    issues : tuple of tuple of Tracked
        For each set of criteria the issues that were opened, with what they are measured against.
    """

    judged: tuple[Judged, ...]
    issues: tuple[tuple[Tracked, ...], ...]
    problem: str


def judge_task(own: Settings, task: Task) -> tuple[Answer, ...]:
    """Judge the pairs of a task.

    Raises
    ------
    StoreError
        When the store cannot be read, or has a job no more.
    """
    with closing(open_store(store_url(own))) as store:
        earlier = _Earlier(store.archive(task.scope, LOOKED_AT + task.spanned), task.keep_days)
        return tuple(_answer(store, earlier, pair, task) for pair in task.pairs)


def _answer(store: Store, earlier: _Earlier, pair: PairKey, task: Task) -> Answer:
    stored = store.series(task.scope, only=set(pair.runs))
    if len(stored.jobs) < len(pair.runs):
        raise StoreError(
            f"The store {store.location} has lost a job since it was looked for", "start the backtest again"
        )
    read = read_stored(stored, pair.runs, pair.candidate_reruns)
    timeline = earlier.of(read.jobs[CANDIDATE].info, read.curves)
    try:
        if pair.kind is PairKind.SAME_VERSION:
            return _as_two_versions(read, timeline, pair, task)
        return _as_on_its_night(read, timeline, task)
    except NothingComparable as error:
        return Answer(judged=(), issues=(), problem=error.problem)


class _Earlier:
    """What the earlier jobs of a task measured, laid once on points that several of its pairs have in common."""

    def __init__(self, archive: Archive, keep_days: int) -> None:
        self._archive, self._keep_days = archive, keep_days
        self._laid: tuple[CurveSet, Timeline] | None = None

    def of(self, candidate: JobInfo, curves: CurveSet) -> Timeline:
        """Leave out what ended after a candidate, what is too old beside it, and all but the newest of the rest."""
        since = kept_since(candidate.end, self._keep_days)
        rows = [
            row
            for row, job in enumerate(self._archive.jobs)
            if (job.end, job.id) <= (candidate.end, candidate.id) and (since is None or job.end >= since)
        ]
        return self._on(curves).of(rows[-LOOKED_AT:])

    def _on(self, curves: CurveSet) -> Timeline:
        if self._laid is None or not _have_same_points(self._laid[0], curves):
            self._laid = curves, align(self._archive, curves)
        return self._laid[1]


def _have_same_points(one: CurveSet, other: CurveSet) -> bool:
    return one.curves == other.curves and one.label == other.label and one.load.tobytes() == other.load.tobytes()


# ── one pair ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _as_on_its_night(read: Read, timeline: Timeline, task: Task) -> Answer:
    """Judge a pair under each set of criteria; those with one set for detection share what is detected."""
    from perftracker_ai.issues import opened

    compared: dict[DetectSettings, Compared] = {}
    judged, issues = [], []
    for variant in task.variants:
        own = ProductSettings(detect=variant.detect, policy=variant.policy)
        if variant.detect not in compared:
            compared[variant.detect] = compare(read, own, task.seed, timeline)
        found = compared[variant.detect]
        issues.append(tuple(_followable(one) for one in opened(found, own)))
        judged.append(_judged(conclude(read, found, own), issues=issues[-1]))
    return Answer(judged=tuple(judged), issues=tuple(issues), problem="")


def _followable(one: Tracked) -> Tracked:
    return replace(one, reference=one.reference[:_CURVES_FOLLOWED])


def _as_two_versions(read: Read, timeline: Timeline, pair: PairKey, task: Task) -> Answer:
    """Judge two jobs of one version as if the candidate's were another, and once more with changes put into it."""
    jobs = list(read.jobs)
    jobs[CANDIDATE] = replace(jobs[CANDIDATE], info=relabelled(jobs[CANDIDATE].info))
    plain = read._replace(jobs=jobs)
    put_in = _put_into(plain, pair, task.seed) if pair.changed else None
    known: dict[DetectSettings, tuple[Compared, tuple[Found, ...]]] = {}
    judged = []
    for variant in task.variants:
        own = ProductSettings(detect=variant.detect, policy=variant.policy)
        if variant.detect not in known:
            told = compare(plain, own, task.seed, timeline, looks_back=False)
            known[variant.detect] = told, put_in(own, timeline) if put_in else ()
        told, what = known[variant.detect]
        judged.append(_judged(conclude(plain, told, own), found=what))
    return Answer(judged=tuple(judged), issues=((),) * len(judged), problem="")


def _put_into(read: Read, pair: PairKey, seed: int) -> Callable[[ProductSettings, Timeline], tuple[Found, ...]]:
    """Put changes into a pair, the same ones for the same jobs, and return what tells how many of them are found."""
    import numpy as np

    from perftracker_ai.backtest.inject import found, injected

    own = int.from_bytes(sha256("\n".join(pair.runs[:2]).encode()).digest()[:8], "big")
    curves, changes = injected(read.curves, np.random.default_rng([seed, own]))
    changed = read._replace(curves=curves)

    def count(settings: ProductSettings, timeline: Timeline) -> tuple[Found, ...]:
        return found(changes, compare(changed, settings, seed, timeline, looks_back=False).detection)

    return count


def _judged(analysis: Analysis, issues: tuple[Tracked, ...] = (), found: tuple[Found, ...] = ()) -> Judged:
    results = analysis.detection.results
    outcomes = [one.outcome.value for one in results]
    whose = [one.attribution for one in results if one.outcome is Outcome.REGRESSED]
    return Judged(
        verdict=analysis.decision.verdict.value,
        rules=tuple(rule.key for rule in analysis.decision.rules if rule.fired),
        validity=tuple(dict.fromkeys(check.kind for check in analysis.validity)),
        curves=sum(one.points > 0 for one in results),
        outcomes={outcome.value: count for outcome in Outcome if (count := outcomes.count(outcome.value))},
        code=whose.count(Attribution.CODE),
        undecided=whose.count(Attribution.UNDECIDED),
        failing=sum(one.severity is not None for one in analysis.coverage),
        issues=tuple(one.issue.key for one in issues),
        found=found,
    )
