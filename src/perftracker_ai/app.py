"""The stages in order: discover, fetch, parse, curves, detect, diagnose, decide, render, write. Only composing.

This module owns the connections and the folders written to. It decides nothing about performance and prints nothing:
what a user should see on the way goes through a `Watcher`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec
from msgspec.structs import replace

from perftracker_ai.errors import JobError, NotFound, NothingComparable, UsageError
from perftracker_ai.files import read_document, reason, remove_file, require_writable, write_file
from perftracker_ai.model import (
    BASELINE,
    CANDIDATE,
    Analysis,
    CoverageKind,
    Notice,
    NoticeKind,
    Severity,
    Verdict,
)
from perftracker_ai.parse import parse_job
from perftracker_ai.report_files import PAGE, REPORT, RESULT, report_folder
from perftracker_ai.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from perftracker_ai.model import Job, JobInfo, Narration, Pair, Selection
    from perftracker_ai.settings import ProductSettings, Settings
    from perftracker_ai.sources import Source
    from perftracker_ai.storyteller import Story

_RANK = {Severity.MODERATE: 1, Severity.SEVERE: 2, Severity.CRITICAL: 3}
_GATE = {"moderate": 1, "severe": 2, "critical": 3}
_LONGEST_ANSWERS = 8 << 20
"""Bytes of two answers of a language model, of which none is longer than 1 MiB, as they are kept."""
_LONGEST_ID = 18
"""Digits of a number that every database takes; a longer one is no job's."""


class Watcher(Protocol):
    """Who is told of progress and warnings."""

    def step(self, text: str) -> None:
        """Take note of what happens next."""

    def chosen(self, selection: Selection) -> None:
        """Take note of what discovery chose."""

    def received(self, job_id: int, received: int, total: int | None) -> None:
        """Take note of a download's progress, in bytes."""

    def writing(self, section: str, tokens: int, seconds: float) -> None:
        """Take note of how far a language model's answer is."""

    def pulling(self, status: str, received: int, total: int) -> None:
        """Take note of a language model's download, in bytes."""

    def warn(self, notice: Notice) -> None:
        """Take note of something the reader must know, told as often as it comes up."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What one comparison left behind.

    Attributes
    ----------
    narration : Narration or None
        What a language model wrote of it.
    written : tuple of Path
        The files, the report for people first; none when only the prompt was wanted.
    gated : bool
        Whether the gate of ``fail_on`` was reached.
    prompt : str
        What a language model would be asked, when that was wanted in place of a report.
    """

    product: str
    analysis: Analysis
    narration: Narration | None
    written: tuple[Path, ...]
    gated: bool
    prompt: str


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed to judge a product: baseline, candidate and reruns, and what was noticed on the way to them."""

    product: str
    jobs: tuple[Job, ...]
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


def connect(settings: Settings) -> Source:
    """Open the server or the folder that the settings name.

    Raises
    ------
    PerfTrackerAIError
        When there is no such folder, or the address or the certificates cannot be used.
    """
    from perftracker_ai.sources import open_source

    if settings.insecure and settings.ca_bundle:
        raise UsageError(
            f"The settings insecure and ca_bundle ({settings.ca_bundle}) exclude each other; drop insecure to have the "
            "certificate checked."
        )
    return open_source(
        settings.url,
        output_dir=Path(settings.output_dir),
        ca_bundle=Path(settings.ca_bundle) if settings.ca_bundle else None,
        insecure=settings.insecure,
        timeout_s=settings.timeout_s,
    )


def select(source: Source, product: str, settings: Settings) -> Selection:
    """Ask a source for the pair it would compare, without downloading anything.

    Raises
    ------
    SourceError
        When the source cannot be asked, or knows no such product.
    """
    return _choose(source, source.list_jobs(settings.project), product, settings, {})


def _choose(
    source: Source, jobs: Iterable[JobInfo], product: str, settings: Settings, broken: dict[int, str]
) -> Selection:
    """Choose the pair; where the project has no job at all, that is the trouble, not the product's name."""
    from perftracker_ai.discovery import choose

    try:
        return choose(jobs, product, settings.of_product(product).discovery, broken)
    except NotFound as error:
        if source.total_jobs != 0 or settings.project == 0:
            raise
        raise NotFound(
            f"Project {settings.project} of {source.location} has no job; give another --project, or 0 for all of them."
        ) from error


def fetch_product(
    source: Source, product: str, settings: Settings, watcher: Watcher, listing: Iterable[JobInfo] | None = None
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
    watcher.step(f"Looking for jobs of {product} in {source.location}")
    found = _Replayed(source.list_jobs(settings.project) if listing is None else iter(listing))
    broken: dict[int, str] = {}
    while True:
        try:
            selection = _choose(source, found, product, settings, broken)
        finally:  # what was left out may be why there is nothing to compare
            notices = _left_out(source, broken, watcher)
        watcher.chosen(selection)
        if selection.pair is None:
            raise NothingComparable(selection.problem)
        jobs = _load_pair(source, selection.pair, watcher, broken)
        if jobs is not None:
            break
    if not selection.pair.reruns:
        notices.append(Notice(kind=NoticeKind.NO_RERUNS, values=(selection.pair.baseline.product_ver,)))
    return Fetched(product=product, jobs=tuple(jobs), notices=tuple(notices))


def judge_product(fetched: Fetched, settings: Settings, watcher: Watcher) -> Run:
    """Compare the jobs of a product and write the report.

    Raises
    ------
    PerfTrackerAIError
        Whatever keeps the comparison from being made, in one sentence.
    """
    return _finish(fetched.product, fetched.jobs, settings, fetched.notices, watcher)


def _left_out(source: Source, broken: dict[int, str], watcher: Watcher) -> list[Notice]:
    """Name the files and jobs left out so far, to the watcher at once."""
    jobs = [Notice(kind=NoticeKind.SKIPPED_JOB, values=(str(job), why.rstrip("."))) for job, why in broken.items()]
    notices = [*skipped_notices(source), *jobs]
    for notice in notices:
        watcher.warn(notice)
    return notices


def skipped_notices(source: Source) -> list[Notice]:
    """Name what a source holds that is no usable job, as far as it was read."""
    return [Notice(kind=NoticeKind.SKIPPED_FILE, values=(name, reason.rstrip("."))) for name, reason in source.skipped]


def analyze_pair(
    references: Sequence[str], reruns: Sequence[str], settings: Settings, watcher: Watcher, source: Source | None
) -> Run:
    """Compare two jobs named by id or by file.

    Parameters
    ----------
    references : sequence of str
        Baseline and candidate.
    reruns : sequence of str
        Further runs of the baseline's version.
    source : Source or None
        Where ids are looked up; None when every reference is a file.

    Raises
    ------
    PerfTrackerAIError
        Whatever keeps the comparison from being made, in one sentence.
    """
    require_outputs(settings, watcher)
    jobs = [_load_reference(text, source, watcher) for text in (*references, *reruns)]
    product = jobs[CANDIDATE].info.product_name or jobs[BASELINE].info.product_name
    notices = [
        Notice(kind=NoticeKind.OTHER_PROJECT, values=(str(job.info.id), job.info.project_name, str(settings.project)))
        for job in jobs[:2]
        if source is not None and settings.project not in (0, job.info.project_id)
    ]
    return _finish(product, jobs, settings, notices, watcher)


def is_file(reference: str) -> bool:
    """Tell whether a job is named by its file, not by its id."""
    return not (reference.isdecimal() and len(reference) <= _LONGEST_ID)


# ── jobs ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def require_outputs(settings: Settings, watcher: Watcher) -> None:
    """Find out before the work whether its results can be kept, and told as they have to be.

    Raises
    ------
    OutputError, UsageError, LanguageModelError
        When they cannot.
    """
    from perftracker_ai import messenger, storyteller

    require_writable(Path(settings.reports_dir))
    messenger.prepare(settings)
    storyteller.prepare(settings, watcher)


def _load_pair(source: Source, pair: Pair, watcher: Watcher, broken: dict[int, str]) -> list[Job] | None:
    """Download and read a pair with its reruns; None when one turned out broken, which is then noted."""
    infos = (pair.baseline, pair.candidate, *pair.reruns)
    jobs = []
    for info, fetched in zip(infos, source.fetch_all(infos, watcher.received), strict=True):
        try:
            job = _read(source, fetched, info)
        except (JobError, NotFound) as error:
            broken[info.id] = str(error)
            continue
        if job.info.deleted:
            broken[info.id] = f"Job {info.id} was deleted since it was listed."
        jobs.append(job)
    return None if any(info.id in broken for info in infos) else jobs


def _read(source: Source, fetched: Path | JobError | NotFound, info: JobInfo) -> Job:
    """Read a fetched job, keeping the display names that only the source's list tells."""
    if not isinstance(fetched, Path):
        raise fetched
    job = source.read(fetched)
    return replace(job, info=replace(job.info, hosts=info.hosts))


def _load_reference(reference: str, source: Source | None, watcher: Watcher) -> Job:
    """Read a job named by its file or its id."""
    if is_file(reference):
        path = Path(reference)
        if not _exists(path):
            raise UsageError(f"{clean(reference)} is neither a job id nor a file; give two job ids or two job files.")
        return parse_job(read_document(path), reference)
    assert source is not None  # the command line opens one as soon as any reference is an id
    info = source.describe(int(reference))
    (fetched,) = source.fetch_all((info,), watcher.received)
    return _read(source, fetched, info)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name longer than the system allows, a folder that must not be looked into
        return False


# ── stages ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _finish(product: str, jobs: Sequence[Job], settings: Settings, notices: Iterable[Notice], watcher: Watcher) -> Run:
    """Judge the jobs and write what was found."""
    own = settings.of_product(product)
    watcher.step(f"Comparing job {jobs[BASELINE].info.id} with job {jobs[CANDIDATE].info.id}")
    analysis = judge(jobs, own, seed=settings.seed, notices=notices, today=datetime.now(UTC).date())
    for notice in analysis.notices:
        watcher.warn(notice)
    folder = report_folder(Path(settings.reports_dir), product, analysis)
    return replace(_told(analysis, own, settings, folder, watcher), product=product)


def report_again(result: Path, settings: Settings, watcher: Watcher) -> Run:
    """Write the report of saved results again, beside them.

    Raises
    ------
    UsageError
        When the file holds no results of this version.
    OutputError, LanguageModelError
        As for a comparison.
    """
    from perftracker_ai.render.saved import read_result
    from perftracker_ai.settings import ProductSettings
    from perftracker_ai.storyteller import prepare

    content = _results(result)
    prepare(settings, watcher)
    analysis, detect, policy = read_result(content, str(result))
    return _told(analysis, ProductSettings(detect=detect, policy=policy), settings, result.parent, watcher)


def _results(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else str(error)
        raise UsageError(f"{clean(str(path))} cannot be read: {why}; give the {RESULT} of an earlier run.") from error


def _told(analysis: Analysis, own: ProductSettings, settings: Settings, folder: Path, watcher: Watcher) -> Run:
    """Have a language model tell what was found, as the settings want it, and write everything.

    Where a model is required and failed, the report is complete all the same; the failure is raised afterwards.
    """
    from perftracker_ai.accept import counting
    from perftracker_ai.storyteller import ANSWER, prompt_text, tell

    narrated = replace(analysis, clusters=counting(analysis.clusters, analysis.accepted))
    run = Run(
        product=analysis.candidate.product_name,
        analysis=analysis,
        narration=None,
        written=(),
        gated=_gated(analysis, settings.fail_on),
        prompt="",
    )
    if settings.emit_prompt:
        return replace(run, prompt=prompt_text(narrated, own))
    story = tell(narrated, own, settings, _saved(folder / ANSWER), watcher)
    watcher.step("Writing the report")
    written = _write(analysis, own, folder, story)
    if settings.llm == "required" and story.problem is not None:
        raise story.problem
    return replace(run, narration=story.narration, written=written)


def _saved(path: Path) -> bytes | None:
    """Read what an earlier run kept of a model's answers; None when there is nothing of a sensible size."""
    try:
        return path.read_bytes() if path.stat().st_size <= _LONGEST_ANSWERS else None
    except OSError:
        return None


def judge(
    jobs: Sequence[Job],
    settings: ProductSettings,
    *,
    seed: int,
    notices: Iterable[Notice] = (),
    today: date | None = None,
) -> Analysis:
    """Take jobs through every stage from curves to verdict; pure.

    Parameters
    ----------
    jobs : sequence of Job
        Baseline, candidate, then reruns of the baseline's version.
    settings : ProductSettings
    seed : int
    notices : iterable of Notice
        What was noticed on the way here.
    today : date, optional
        The day by which accepted regressions end; without it none does.

    Raises
    ------
    NothingComparable
        When no load point has a value in both jobs.
    """
    from perftracker_ai.accept import acceptance_notices, accepted, counting
    from perftracker_ai.coverage import compare_coverage
    from perftracker_ai.curves import build_curves
    from perftracker_ai.detect import detect
    from perftracker_ai.diagnose import diagnose
    from perftracker_ai.discovery import pair_notices
    from perftracker_ai.verdict import decide

    baseline, candidate, *reruns = (job.info for job in jobs)
    curves, accounts, read_notices = build_curves(jobs, settings.curves)
    if not (curves.absence[[BASELINE, CANDIDATE]] == 0).all(axis=0).any():
        raise NothingComparable(
            f"Jobs {baseline.id} ({len(jobs[0].tests)} tests) and {candidate.id} ({len(jobs[1].tests)} tests) have no "
            "measured test in common; compare two jobs of one suite."
        )
    detection = detect(curves, settings.detect, seed)
    coverage = compare_coverage(curves)
    clusters = diagnose(curves, detection)
    known = accepted(settings.accept, curves, detection, settings.detect.moderate, today)
    told = (*pair_notices(baseline, candidate), *_job_notices(jobs), *read_notices, *acceptance_notices(known))
    every, counted = (*notices, *told), counting(clusters, known)
    return Analysis(
        baseline=baseline,
        candidate=candidate,
        reruns=tuple(reruns),
        accounts=accounts,
        curves=curves,
        detection=detection,
        coverage=coverage,
        clusters=clusters,
        accepted=known,
        decision=decide(curves, detection, coverage, counted, settings.policy, settings.detect, notices=every),
        notices=every,
        chronicle=None,
    )


def _job_notices(jobs: Sequence[Job]) -> Iterator[Notice]:
    """Name what is wrong with a job as a document."""
    for job in jobs:
        present = len(job.tests) + len(job.bad_records)
        if job.info.tests_total != present:
            counts = (str(job.info.id), str(job.info.tests_total), str(present))
            yield Notice(kind=NoticeKind.COUNTERS_MOVED, values=counts)
        if job.bad_records:
            first = job.bad_records[0]
            values = (str(job.info.id), str(len(job.bad_records)), str(first.position), first.problem)
            yield Notice(kind=NoticeKind.BAD_RECORDS, values=values)


def _gated(analysis: Analysis, fail_on: str) -> bool:
    """Tell whether the run reached its gate."""
    if fail_on == "never":
        return False
    if fail_on == "block":
        return analysis.decision.verdict is Verdict.BLOCK
    known = analysis.accepted_curves
    severities = [result.severity for result in analysis.detection.results if result.curve not in known]
    severities += [finding.severity for finding in analysis.coverage if finding.kind is not CoverageKind.FIXED]
    return any(_RANK.get(severity, 0) >= _GATE[fail_on] for severity in severities if severity)


# ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _write(analysis: Analysis, settings: ProductSettings, folder: Path, story: Story) -> tuple[Path, ...]:
    """Write report and results, rendering all before any is written, and take away what is not of this run."""
    from perftracker_ai.render.html import html_report
    from perftracker_ai.render.markdown import markdown_report
    from perftracker_ai.render.result import result_json
    from perftracker_ai.storyteller import ANSWER, FACTS, PROMPT

    detect, policy = settings.detect, settings.policy
    result = result_json(analysis, detect, policy)
    told, kept = story.narration, dict(story.files)
    contents = {
        folder / REPORT: markdown_report(analysis, detect, policy, told).encode(),
        folder / PAGE: html_report(analysis, detect, policy, result=result, scripts=True, narration=told).encode(),
        folder / RESULT: result,
        **{folder / name: content for name, content in kept.items()},
    }
    for name in {FACTS, PROMPT, ANSWER} - set(kept):
        remove_file(folder / name)
    for path, content in contents.items():
        write_file(path, content)
    return tuple(contents)
