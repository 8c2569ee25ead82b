"""The jobs of a comparison, from wherever they are: a product's newest pair, or the jobs that were named.

In: a server, a folder or files, and what is wanted. Out: the jobs, read, and what was noticed on the way to them. A job
that turns out broken when it is downloaded is left out, and the choice made again; one that was named is an error.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from perftracker_ai.commands.waiting import Patience, awaited, still_broken
from perftracker_ai.errors import JobError, NotFound, NothingComparable, UsageError
from perftracker_ai.events import Chosen, Received, Step
from perftracker_ai.files import exists
from perftracker_ai.model import BASELINE, CANDIDATE, Job, NoReruns, Notice, OtherProject, SkippedFile, SkippedJob
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from perftracker_ai.discovery import Group
    from perftracker_ai.events import Watch
    from perftracker_ai.model import JobInfo, Pair, Selection
    from perftracker_ai.settings import Settings
    from perftracker_ai.sources import Source

_LONGEST_ID = 18
"""Digits of a number that every database takes; a longer one is no job's."""


class Target(NamedTuple):
    """What is to be compared: a product, on the machines and with the suite of its newest candidate or of one group."""

    product: str
    group: Group | None = None

    @property
    def hardware(self) -> str:
        """The group's hosts and suite, for people; empty when no group is asked for."""
        hosts, suite = self.group or ((), "")
        return " ".join(filter(None, ["+".join(hosts), suite and f"({suite})"]))

    @property
    def name(self) -> str:
        """The product, with the hardware where it is not any."""
        return f"{self.product} on {self.hardware}" if self.group else self.product


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed to judge a product.

    Attributes
    ----------
    jobs : tuple of Job
        Baseline, candidate, reruns of the baseline's version, reruns of the candidate's.
    candidate_reruns : int
        How many of the last jobs are reruns of the candidate's version.
    location : str
        The source of all of them; empty when somebody named files.
    notices : tuple of Notice
        What was noticed on the way to them.
    """

    product: str
    jobs: tuple[Job, ...]
    candidate_reruns: int
    location: str
    notices: tuple[Notice, ...]


class _Replayed:
    """A lazy list of jobs that can be gone through again without asking the source twice."""

    def __init__(self, jobs: Iterator[JobInfo]) -> None:
        self._jobs = jobs
        self._read: list[JobInfo] = []

    def __iter__(self) -> Iterator[JobInfo]:
        yield from self._read
        for job in self._jobs:
            self._read.append(job)
            yield job


def connect(settings: Settings, told: Callable[[str], None] | None = None) -> Source:
    """Open the server or the folder that the settings name.

    Parameters
    ----------
    told : callable, optional
        Told in words that the server is waited for.

    Raises
    ------
    PerfTrackerAIError
        When there is no such folder, or the address or the certificates cannot be used.
    """
    from perftracker_ai.sources import open_source

    if settings.insecure and settings.ca_bundle:
        raise UsageError(
            f"The settings insecure and ca_bundle ({settings.ca_bundle}) exclude each other",
            "drop insecure to have the certificate checked",
        )
    return open_source(settings, told)


def select(source: Source, product: str, settings: Settings) -> Selection:
    """Ask a source for the pair it would compare, without downloading anything.

    Raises
    ------
    SourceError
        When the source cannot be asked, or knows no such product.
    """
    return _choose(source, listed(source, settings), Target(product), settings, {})


def products_of(source: Source, settings: Settings) -> list[str]:
    """Name every product that the project has a job of.

    Raises
    ------
    NotFound
        When it has none.
    SourceError
        When the source cannot be asked.
    """
    names = sorted({job.product_name for job in source.list_jobs(settings.project) if job.product_name.strip()})
    if not names:
        raise NotFound(f"Project {settings.project} of {source.location} has no job", "give another --project")
    return names


def listed(source: Source, settings: Settings) -> Iterator[JobInfo]:
    """Give the jobs of the project, newest first, with hosts and versions named as the settings want it.

    Raises
    ------
    UsageError
        When a product's version stands where the list does not tell it.
    """
    from perftracker_ai.discovery import classified, versioned

    places: dict[str, str] = {}
    for job in source.list_jobs(settings.project):
        if job.product_name not in places:
            places[job.product_name] = _listed_place(job.product_name, settings)
        yield versioned(classified(job, settings.hardware), places[job.product_name])


def _listed_place(product: str, settings: Settings) -> str:
    """Return where a product's version stands in a list of jobs, which has titles, and neither commands nor links."""
    place = settings.of_product(product).discovery.version_from
    if place and not place.startswith("title:"):
        where = place.partition(":")[0]
        raise UsageError(
            f"The versions of {product!r} stand in its jobs' {where} (discovery.version_from), which the list of jobs "
            "does not tell",
            "name two jobs, or put the version into their title",
        )
    return place


def _choose(
    source: Source,
    jobs: Iterable[JobInfo],
    target: Target,
    settings: Settings,
    broken: dict[int, str],
) -> Selection:
    """Choose the pair; where the project has no job at all, that is the trouble, not the product's name."""
    from perftracker_ai.discovery import choose

    try:
        return choose(jobs, target.product, settings.of_product(target.product).discovery, broken, target.group)
    except NotFound as error:
        if source.total_jobs != 0 or settings.project == 0:
            raise
        raise NotFound(
            f"Project {settings.project} of {source.location} has no job",
            "give another --project, or 0 for all of them",
        ) from error


def fetch_product(
    source: Source, target: Target, settings: Settings, watch: Watch, listing: Iterable[JobInfo] | None = None
) -> Fetched:
    """Find the newest two versions of a product that can be compared, and get their jobs.

    A job that turns out broken when it is downloaded is left out, and the choice made again.

    Parameters
    ----------
    listing : iterable of JobInfo, optional
        The project's jobs, newest first, for who has them already.

    Raises
    ------
    PerfTrackerAIError
        Whatever keeps the comparison from being made, in one sentence.
    """
    watch(Step(f"Looking for jobs of {target.name} in {source.location}"))
    broken: dict[int, str] = {}
    try:
        selection, jobs = _chosen(source, target, settings, watch, listing, broken)
    finally:  # what was left out may be why there is nothing to compare
        notices = _left_out(source, broken, watch)
    return _fetched(source, target, selection, jobs, notices, watch)


def fetch_chosen(source: Source, target: Target, selection: Selection, settings: Settings, watch: Watch) -> Fetched:
    """Get the jobs of a pair that was chosen; where one turns out broken, choose anew.

    Raises
    ------
    PerfTrackerAIError
        Whatever keeps the comparison from being made, in one sentence.
    """
    jobs = _load_pair(source, selection.pair, watch, {}) if selection.pair else []
    if jobs is None:
        return fetch_product(source, target, settings, watch)
    return _fetched(source, target, selection, jobs, _left_out(source, {}, watch), watch)


def _fetched(
    source: Source, target: Target, selection: Selection, jobs: Sequence[Job], notices: list[Notice], watch: Watch
) -> Fetched:
    if selection.pair is None:
        raise NothingComparable(selection.problem, selection.cure)
    for notice in selection.notices:
        watch(notice)
    notices += selection.notices
    if not selection.pair.reruns:
        notices.append(NoReruns(version=selection.pair.baseline.product_ver))
    return Fetched(
        product=target.product,
        jobs=tuple(jobs),
        candidate_reruns=len(selection.pair.candidate_reruns),
        location=source.location,
        notices=tuple(notices),
    )


def _chosen(
    source: Source,
    target: Target,
    settings: Settings,
    watch: Watch,
    listing: Iterable[JobInfo] | None,
    broken: dict[int, str],
) -> tuple[Selection, list[Job]]:
    """Choose a pair and get its jobs, again without what turned out broken, or once a newer upload is finished.

    Parameters
    ----------
    broken : dict of int to str
        Filled with the jobs left out, and why.
    """
    patience = Patience(settings.wait_min * 60)
    found = _Replayed(listed(source, settings) if listing is None else iter(listing))
    while True:
        selection = _choose(source, found, target, settings, broken)
        moving = awaited(selection)
        if moving is not None and patience.lasts(moving, watch):
            source.pause(patience.pause_s)
            found = _Replayed(listed(source, settings))
            kept = still_broken(broken, selection, found)
            broken.clear()
            broken.update(kept)
            continue
        watch(Chosen(selection))
        if selection.pair is None:
            return selection, []
        jobs = _load_pair(source, selection.pair, watch, broken)
        if jobs is not None:
            return selection, jobs


def _left_out(source: Source, broken: dict[int, str], watch: Watch) -> list[Notice]:
    """Name the files and jobs left out so far, to the watch at once."""
    jobs = [SkippedJob(job=job, problem=why.rstrip(".")) for job, why in broken.items()]
    notices = [*skipped_notices(source), *jobs]
    for notice in notices:
        watch(notice)
    return notices


def skipped_notices(source: Source) -> list[Notice]:
    """Name what a source holds that is no usable job, as far as it was read."""
    return [SkippedFile(name=name, problem=reason.rstrip(".")) for name, reason in source.skipped]


def fetch_named(
    references: Sequence[str],
    reruns: Sequence[str],
    settings: Settings,
    watch: Watch,
    source: Source | None,
    candidate_reruns: Sequence[str] = (),
) -> Fetched:
    """Get jobs that are named by id or by file.

    Parameters
    ----------
    references : sequence of str
        Baseline and candidate.
    reruns : sequence of str
        Further runs of the baseline's version.
    candidate_reruns : sequence of str, optional
        Further runs of the candidate's version.
    source : Source or None
        Where ids are looked up; None when every reference is a file.

    Raises
    ------
    PerfTrackerAIError
        When one of them cannot be had, or not be read, or when a rerun is of another product or version: what two
        versions lie apart would pass for noise.
    """
    read = [_load_reference(text, source, watch) for text in (*references, *reruns, *candidate_reruns)]
    jobs = [_as_settings_want(job, settings) for job in read]
    first = len(jobs) - len(candidate_reruns)
    _require_reruns("--rerun", jobs[BASELINE].info, jobs[CANDIDATE + 1 : first])
    _require_reruns("--candidate-rerun", jobs[CANDIDATE].info, jobs[first:])
    notices = [
        OtherProject(job=job.info.id, project=job.info.project_name, asked=settings.project)
        for job in jobs[:2]
        if source is not None and settings.project not in (0, job.info.project_id)
    ]
    product = jobs[CANDIDATE].info.product_name or jobs[BASELINE].info.product_name
    location = "" if source is None or any(map(is_file, (*references, *reruns, *candidate_reruns))) else source.location
    return Fetched(
        product=product,
        jobs=tuple(jobs),
        candidate_reruns=len(candidate_reruns),
        location=location,
        notices=tuple(notices),
    )


def _require_reruns(option: str, run: JobInfo, reruns: Sequence[Job]) -> None:
    """Refuse a rerun that is none of this run."""
    for info in (job.info for job in reruns):
        if (info.product_name, info.version) != (run.product_name, run.version):
            named = [clean(f"{one.product_name} {one.version or 'without a version'}") for one in (info, run)]
            raise UsageError(
                f"{option} names job {info.id}, which is {named[0]}, and job {run.id} is {named[1]}; give a further run"
                " of the same product and version."
            )


def _as_settings_want(job: Job, settings: Settings) -> Job:
    """Name a whole job's hosts by class of machine, and read its version where the settings say."""
    from perftracker_ai.discovery import classified, versioned

    place = settings.of_product(job.info.product_name).discovery.version_from
    return replace(job, info=versioned(classified(job.info, settings.hardware), place, job.command, job.links))


def is_file(reference: str) -> bool:
    """Tell whether a job is named by its file, not by its id."""
    return not (reference.isdecimal() and len(reference) <= _LONGEST_ID)


# ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _load_pair(source: Source, pair: Pair, watch: Watch, broken: dict[int, str]) -> list[Job] | None:
    """Download and read a pair with its reruns; None when one turned out broken, which is then noted."""
    from perftracker_ai.sources import read_fetched

    infos = (pair.baseline, pair.candidate, *pair.reruns, *pair.candidate_reruns)
    jobs = []
    for info, fetched in zip(infos, source.fetch_all(infos, lambda *got: watch(Received(*got))), strict=True):
        try:
            job = read_fetched(source, info, fetched, lambda *got: watch(Received(*got)))
        except (JobError, NotFound) as error:
            broken[info.id] = str(error)
            continue
        if job.info.deleted:
            broken[info.id] = f"Job {info.id} was deleted since it was listed."
        jobs.append(job)
    return None if any(info.id in broken for info in infos) else jobs


def _load_reference(reference: str, source: Source | None, watch: Watch) -> Job:
    """Read a job named by its file or its id."""
    if is_file(reference):
        path = Path(reference)
        if not exists(path):
            raise UsageError(f"{clean(reference)} is neither a job id nor a file", "give two job ids or two job files")
        from perftracker_ai.sources import read_file

        return read_file(path, reference)
    from perftracker_ai.sources import read_fetched

    assert source is not None  # the command line opens one as soon as any reference is an id
    info = source.describe(int(reference))
    (fetched,) = source.fetch_all((info,), lambda *got: watch(Received(*got)))
    job = read_fetched(source, info, fetched, lambda *got: watch(Received(*got)))
    return replace(job, info=replace(job.info, deleted=job.info.deleted or info.deleted))
