"""A product's past judged again: which pairs, by whom, kept on the way, and what follows from all of it.

Composes store, workers and the room `backtest`. Each answer is kept as soon as it is there, under a name made of all it
depends on, so that a run that was interrupted goes on where it was, and its files are those of an unbroken one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from contextlib import closing, contextmanager
from functools import lru_cache, partial
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from perftracker_ai import TOOL_VERSION
from perftracker_ai.backtest.fates import Opened, follow
from perftracker_ai.backtest.pairs import between, pairings
from perftracker_ai.backtest.summary import summaries
from perftracker_ai.backtest.values import LOST, Backtest, Night, PairKind, Variant
from perftracker_ai.commands.fetch import connect
from perftracker_ai.commands.lookup import LOOKED_AT, is_missing, store_url
from perftracker_ai.commands.replay import Answer, PairKey, Task, judge_task
from perftracker_ai.commands.report_files import safe_name
from perftracker_ai.commands.workers import Asked, hired
from perftracker_ai.decoding import decoded
from perftracker_ai.detect import METHOD
from perftracker_ai.errors import NotFound, NothingComparable, OutputError, PerfTrackerAIError, StoreError, WorkerLost
from perftracker_ai.events import Judging
from perftracker_ai.executors import cores, in_order
from perftracker_ai.files import reason, require_writable, write_file
from perftracker_ai.files.sets import write_set
from perftracker_ai.issues import concerns, job_values, level_after
from perftracker_ai.model.history import JobRef
from perftracker_ai.store import Scope, open_store, origin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from perftracker_ai.backtest.values import Followed, Pairing
    from perftracker_ai.events import Watch
    from perftracker_ai.executors import Pool
    from perftracker_ai.issues import Level
    from perftracker_ai.model import JobInfo
    from perftracker_ai.model.issues import Tracked
    from perftracker_ai.settings import ProductSettings, Settings
    from perftracker_ai.store import History, Store

FOLDER, KEPT = "backtest", "judged"
"""Names of the folder of a product's backtest among its reports, and of the one in it that answers are kept in."""
JOBS = "jobs.sqlite3"
"""Name of the store in the former, where there is no other."""
PAGE, MARKDOWN, RESULT = "backtest.html", "backtest.md", "backtest.json"
"""Names of its files."""
_NIGHTS = 8
"""Neighbouring nights in a task: they have jobs in common, and a worker that is lost costs no more."""
_FEWEST = 2
"""As many in a task at least, for what it reads first takes as long as judging a quarter of a night."""
_PUT_INTO = 100
"""Pairs of one version that changes are put into, at most: every kind of change then comes up dozens of times."""
_LATER = 10
"""Later jobs that are asked what became of an issue: in two weeks of nights a team knows."""
_ANSWERS = 1
"""Goes up when what is said of a pair comes to be something else under the same settings."""


_LOST = Answer(judged=(), issues=(), problem=LOST)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be judged again.

    Attributes
    ----------
    kinds : frozenset of PairKind
    first, last : str
        As `between` takes them.
    variants : tuple of Variant
        The settings as they are first.
    said : Asked
        What was said on the command line, for workers that make their own settings.
    """

    product: str
    kinds: frozenset[PairKind]
    first: str
    last: str
    variants: tuple[Variant, ...]
    said: Asked


class _Past(NamedTuple):
    """A product's jobs on one hardware and suite."""

    scope: Scope
    jobs: tuple[JobInfo, ...]
    others: tuple[tuple[str, str, int], ...]
    content: dict[str, str]  # of each job by uuid: what tells whether it is another one


def backtest(wanted: Wanted, settings: Settings, watch: Watch) -> Backtest:
    """Judge a product's past again.

    Raises
    ------
    NothingComparable
        When there is no pair of jobs to judge.
    PerfTrackerAIError
        Whatever keeps it from being made; answers that were there are kept.
    """
    own = settings.of_product(wanted.product)
    with _stored(wanted.product, settings, watch) as (store, origin, at_work):
        past = _past(store, origin, wanted.product, own)
        pairs = between(pairings(past.jobs, own.discovery, wanted.kinds), past.jobs, wanted.first, wanted.last)
        if not pairs:
            raise _no_pair(wanted, past)
        answers = _answers(pairs, past, wanted, at_work, watch)
        followed = [_followed(store, past, pairs, answers, place, own) for place in range(len(wanted.variants))]
    nights = tuple(
        _night(pair, answer, tuple(still_open[at] for _, still_open in followed))
        for at, (pair, answer) in enumerate(zip(pairs, answers, strict=True))
    )
    issues = tuple(found for found, _ in followed)
    return Backtest(
        tool_version=TOOL_VERSION,
        product=wanted.product,
        hardware=past.scope.hardware or "",
        suite=past.scope.suite or "",
        others=past.others,
        seed=settings.seed,
        jobs=len(past.jobs),
        nights=nights,
        issues=issues,
        summaries=summaries(nights, wanted.variants, issues),
    )


class Done(NamedTuple):
    """A backtest, its JSON, and where it was written to, the page first."""

    past: Backtest
    json: bytes
    written: tuple[Path, ...]


def run_backtest(wanted: Wanted, settings: Settings, watch: Watch) -> Done:
    """Judge a product's past again and write what follows from it.

    Raises
    ------
    PerfTrackerAIError
        As `backtest`; `OutputError` where nothing can be written.
    """
    from perftracker_ai.backtest.page import page
    from perftracker_ai.backtest.text import json_bytes, markdown

    folder = folder_of(wanted.product, settings)
    require_writable(folder)
    past = backtest(wanted, settings, watch)
    told = json_bytes(past)
    contents = {PAGE: page(past).encode(), MARKDOWN: markdown(past).encode(), RESULT: told}
    write_set(folder, contents, ())
    return Done(past, told, tuple(folder / name for name in contents))


def kinds_of(pairs: str) -> frozenset[PairKind]:
    """Return which pairs are meant by ``consecutive``, ``same-version`` or ``both``."""
    return frozenset(kind for kind in PairKind if pairs in {"both", kind.value.replace(" ", "-")})


def folder_of(product: str, settings: Settings) -> Path:
    """Name the folder of a product's backtest."""
    return Path(settings.reports_dir) / safe_name(product) / FOLDER


# ── the past ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _stored(product: str, settings: Settings, watch: Watch) -> Iterator[tuple[Store, str, Settings]]:
    """Open the store of past jobs; give it, the origin of its jobs, and the settings by which workers find it.

    Where no store is set, and the usual file has no job of the product, its jobs are read from where they come from
    into a store of the backtest's own, beside its files, which another run brings up to date.
    """
    with closing(connect(settings)) as source:
        origin = origin_of(source.location)
    if not settings.store and not _has(store_url(settings), origin, product):
        settings = replace(settings, store=str(folder_of(product, settings) / JOBS))
        _synchronise(product, settings, watch)
    elif is_missing(store_url(settings)):
        raise NotFound(
            f"There is no store {store_url(settings)}",
            f"fill it with `perftracker-ai history sync --product {product}`, or leave --store out",
        )
    with closing(open_store(store_url(settings))) as store:
        yield store, origin, settings


def _has(url: str, origin: str, product: str) -> bool:
    """Tell whether there is a store with jobs of a product."""
    if is_missing(url):
        return False
    with closing(open_store(url)) as store:
        return any(one.product == product for one in store.holdings(origin))


def _synchronise(product: str, settings: Settings, watch: Watch) -> None:
    """Read the jobs of a product from where they come from."""
    from perftracker_ai.commands.history import downloading_apart, synchronise_product

    with downloading_apart(settings) as apart, closing(connect(apart)) as source:
        synchronise_product(source, product, None, apart, Path(apart.output_dir), watch)


def _past(store: Store, origin: str, product: str, own: ProductSettings) -> _Past:
    """Read what there is of a product, on the hardware and with the suite of its newest job."""
    from perftracker_ai.commands.history import groups_of_jobs, no_job

    scope = Scope(origin=origin, product=product)
    groups = groups_of_jobs(store.jobs(scope), own.discovery)
    if not groups:
        raise no_job(store, scope, own.discovery.hardware)
    (hardware, suite), *others = groups
    return _Past(
        scope=replace(scope, hardware=hardware, suite=suite),
        jobs=tuple(groups[hardware, suite]),
        others=tuple((*key, len(groups[key])) for key in others),
        content={one.uuid: f"{one.upload} {one.reading}" for one in store.known(origin, product, 0)},
    )


def _no_pair(wanted: Wanted, past: _Past) -> NothingComparable:
    asked = " and ".join(sorted(wanted.kinds))
    bounds = " between --from and --to" if wanted.first or wanted.last else ""
    where = f" on {past.scope.hardware}" if past.scope.hardware else ""
    return NothingComparable(
        f"Among the {len(past.jobs)} stored jobs of {wanted.product!r}{where} there is no {asked} pair{bounds}",
        "see `perftracker-ai jobs`, and give --hardware or other --pairs",
    )


# ── judging ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Work(NamedTuple):
    """All that is to be judged."""

    pairs: Sequence[Pairing]
    keys: Sequence[PairKey]
    past: _Past
    wanted: Wanted
    settings: Settings


class _Piece(NamedTuple):
    """Neighbouring pairs of which the same sets of criteria are still to be judged, by their places."""

    pairs: Sequence[int]
    variants: Sequence[int]


def _answers(pairs: Sequence[Pairing], past: _Past, wanted: Wanted, settings: Settings, watch: Watch) -> list[Answer]:
    """Return what is said of each pair, judging what is not kept from before: a new set of criteria, and that alone."""
    work = _Work(pairs, _keys(pairs), past, wanted, settings)
    kept, every = folder_of(wanted.product, settings) / KEPT, range(len(wanted.variants))
    names = [_names(work, variant) for variant in wanted.variants]
    cells = ((place, at) for place in range(len(pairs)) for at in every)
    known = {(place, at): one for place, at in cells if (one := _kept(kept / names[at][place])) is not None}
    lacking = [tuple(at for at in every if (place, at) not in known) for place in range(len(pairs))]
    missing = sum(map(bool, lacking))
    begun = len(pairs) - missing
    with hired(_said(wanted, settings), settings, tasks=math.ceil(missing / _NIGHTS), usual=cores()) as pool:
        watch(Judging(begun, len(pairs)))
        pieces = list(_pieces(lacking, pool.width))
        for piece, answers in _asked(pool, work, pieces, lambda tasks: watch(_so_far(begun, tasks, pieces))):
            for (place, at), one in _apart(piece, answers):
                known[place, at] = one
                _keep(kept / names[at][place], one)
        alone = [_Piece([place], piece.variants) for piece in pieces for place in piece.pairs]
        lost = [one for one in alone if (one.pairs[0], one.variants[0]) not in known]
        for piece, answers in _asked(pool, work, lost, lambda _: None):
            known.update(_apart(piece, answers))
    return [_together([known.get((place, at), _LOST) for at in every]) for place in range(len(pairs))]


def _pieces(lacking: Sequence[Sequence[int]], width: int) -> Iterator[_Piece]:
    """Cut what is to be judged of each pair into tasks; the last ones are shorter, so that all workers end together."""
    missing = [place for place, variants in enumerate(lacking) if variants]
    left = len(missing)
    for which, places in groupby(missing, lambda place: lacking[place]):
        found = list(places)
        while found:
            size = min(_NIGHTS, max(_FEWEST, left // width))
            piece, found = found[:size], found[size:]
            left -= len(piece)
            yield _Piece(piece, which)


def _so_far(begun: int, tasks: int, pieces: Sequence[_Piece]) -> Judging:
    """Say how many pairs are judged when so many tasks are done, in whatever order."""
    sizes = [len(piece.pairs) for piece in pieces]
    return Judging(begun + sum(sizes[:tasks]), begun + sum(sizes))


def _apart(piece: _Piece, answers: Sequence[Answer]) -> Iterator[tuple[tuple[int, int], Answer]]:
    """Yield the answer for each pair and set of criteria."""
    for place, answer in zip(piece.pairs, answers, strict=True):
        for which, at in enumerate(piece.variants):
            part = slice(which, which + 1)
            yield (place, at), Answer(judged=answer.judged[part], issues=answer.issues[part], problem=answer.problem)


def _together(answers: Sequence[Answer]) -> Answer:
    """Put the answers of all sets of criteria together; where one lacks, there is none."""
    problem = next((one.problem for one in answers if one.problem), "")
    if problem:
        return Answer(judged=(), issues=(), problem=problem)
    judged = tuple(each for one in answers for each in one.judged)
    return Answer(judged=judged, issues=tuple(each for one in answers for each in one.issues), problem="")


def _said(wanted: Wanted, settings: Settings) -> Asked:
    """Return what is said to workers elsewhere: where the store is, too, when it is the backtest's own."""
    own = str(folder_of(wanted.product, settings) / JOBS)
    return wanted.said._replace(flags=(*wanted.said.flags, ("store", own))) if settings.store == own else wanted.said


def _asked(
    pool: Pool, work: _Work, pieces: Sequence[_Piece], finished: Callable[[int], None]
) -> Iterator[tuple[_Piece, tuple[Answer, ...]]]:
    """Yield what is said of each piece of the work; one whose worker was lost, again and again, is left out.

    Raises
    ------
    PerfTrackerAIError
        When something else keeps a piece from being judged; what was judged before is kept.
    """
    answers = in_order(pool, judge_task, map(partial(_task, work), pieces), finished=finished)
    for piece, answer in zip(pieces, answers, strict=True):
        if isinstance(answer, PerfTrackerAIError):
            if not isinstance(answer, WorkerLost):
                raise answer
            continue
        yield piece, answer


def _keys(pairs: Sequence[Pairing]) -> list[PairKey]:
    """Name the jobs of each pair; changes are put into pairs of one version that are spread evenly over the past."""
    again = [place for place, one in enumerate(pairs) if one.kind is PairKind.SAME_VERSION]
    step = max(1.0, len(again) / _PUT_INTO)
    changed = {again[int(at * step)] for at in range(min(len(again), _PUT_INTO))}
    return [
        PairKey(
            kind=one.kind,
            runs=tuple(job.uuid for job in one.runs),
            candidate_reruns=len(one.candidate_reruns),
            changed=place in changed,
        )
        for place, one in enumerate(pairs)
    ]


def _task(work: _Work, piece: _Piece) -> Task:
    """Write down what a worker has to know to judge neighbouring pairs."""
    ends = sorted((work.pairs[place].candidate.end, work.pairs[place].candidate.id) for place in piece.pairs)
    spanned = sum(ends[0] <= (job.end, job.id) <= ends[-1] for job in work.past.jobs)
    return Task(
        scope=replace(work.past.scope, until=ends[-1]),
        pairs=tuple(work.keys[place] for place in piece.pairs),
        spanned=spanned,
        variants=tuple(work.wanted.variants[at] for at in piece.variants),
        seed=work.settings.seed,
        keep_days=work.settings.keep_days,
    )


def _names(work: _Work, variant: Variant) -> list[str]:
    """Name the file of each answer by all that it depends on, so that what has changed is judged anew."""
    past, settings = work.past, work.settings
    tool = (TOOL_VERSION, METHOD, _ANSWERS)
    common = msgspec.json.encode([tool, past.scope, settings.seed, settings.keep_days, variant.detect, variant.policy])
    order = {job.uuid: place for place, job in enumerate(past.jobs)}
    lines = [f"{job.uuid} {job.product_ver} {past.content.get(job.uuid)}\n".encode() for job in past.jobs]
    made = zip(work.pairs, work.keys, strict=True)
    return [f"{_digest(common + msgspec.json.encode(key), one, order, lines)}.json" for one, key in made]


def _digest(common: bytes, pair: Pairing, order: dict[str, int], lines: Sequence[bytes]) -> str:
    """Return the digest of a pair: of the criteria, of its jobs and of the earlier ones it is seen in the light of."""
    made, place = sha256(common), order[pair.candidate.uuid] + 1
    for line in (*(lines[order[job.uuid]] for job in pair.runs), b"\n", *lines[max(0, place - LOOKED_AT) : place]):
        made.update(line)
    return made.hexdigest()[:32]


def _kept(path: Path) -> Answer | None:
    """Read an answer of an earlier run; None where there is none, or none that can be read."""
    try:
        found = decoded(path.read_bytes(), Answer)
    except (OSError, ValueError, RecursionError):
        return None
    return found if found.problem or len(found.judged) == len(found.issues) == 1 else None


def _keep(path: Path, answer: Answer) -> None:
    """Keep an answer, whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"The folder {path.parent} cannot be made: {reason(error)}", "give another --reports-dir"
        ) from error
    write_file(path, msgspec.json.encode(answer))


# ── what became of issues ─────────────────────────────────────────────────────────────────────────────────────────────


def _followed(
    store: Store, past: _Past, pairs: Sequence[Pairing], answers: Sequence[Answer], place: int, own: ProductSettings
) -> tuple[tuple[Followed, ...], dict[int, int]]:
    """Follow the issues of one set of criteria through the jobs that came after them."""
    opened = [
        Opened(at, _ref(pair.candidate), answer.issues[place] if answer.issues else ())
        for at, (pair, answer) in enumerate(zip(pairs, answers, strict=True))
        if pair.kind is PairKind.CONSECUTIVE
    ]
    read = lru_cache(maxsize=1)(lambda uuids: store.series(past.scope, only=uuids))
    found, still_open = follow(opened, lambda issue, at: _later(read, past, pairs[at], issue, own))
    return found, defaultdict(int, still_open)


def _later(
    read: Callable[[frozenset[str]], History], past: _Past, pair: Pairing, issue: Tracked, own: ProductSettings
) -> list[tuple[JobRef, Level | None]]:
    """Ask the jobs after a candidate for an issue's level."""
    at = next(place for place, job in enumerate(past.jobs) if job.uuid == pair.candidate.uuid)
    later = [job for job in past.jobs[at + 1 :] if concerns(issue.issue, job, own)][:_LATER]
    if not later:
        return []
    stored = read(frozenset({pair.baseline.uuid, *(job.uuid for job in later)}))
    row_of = {job.uuid: row for row, job in enumerate(stored.jobs)}
    if len(row_of) <= len(later):
        raise StoreError("The store has lost a job since it was looked for", "start the backtest again")
    before = job_values(stored.curves, [row_of[pair.baseline.uuid]])
    return [
        (_ref(job), level_after(issue.reference, stored.curves, before, job_values(stored.curves, [row_of[job.uuid]])))
        for job in later
    ]


# ── what is told ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _night(pair: Pairing, answer: Answer, still_open: tuple[int, ...]) -> Night:
    return Night(
        kind=pair.kind,
        night=_ref(pair.night),
        baseline=_ref(pair.baseline),
        candidate=_ref(pair.candidate),
        reruns=tuple(job.id for job in pair.reruns),
        candidate_reruns=tuple(job.id for job in pair.candidate_reruns),
        judged=answer.judged,
        still_open=still_open,
        problem=answer.problem,
    )


def _ref(job: JobInfo) -> JobRef:
    return JobRef(job=job.id, version=job.product_ver, end=job.end)
