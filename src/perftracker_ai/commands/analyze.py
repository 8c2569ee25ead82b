"""The stages in order: gather, curves, detect, diagnose, decide, render, write. Only composing.

This module owns the connections and the folders written to. It decides nothing about performance and prints nothing:
what a user should see on the way goes to a `Watch`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from perftracker_ai.commands.changes import with_changes
from perftracker_ai.commands.issues import keep_comparison, key_of_step
from perftracker_ai.commands.lookup import look_up
from perftracker_ai.commands.report_files import PAGE, REPORT, RESULT, read_results, report_folder
from perftracker_ai.errors import Defect, NothingComparable, UsageError, guarded
from perftracker_ai.events import Step
from perftracker_ai.files import require_writable
from perftracker_ai.files.sets import write_set
from perftracker_ai.model import (
    BASELINE,
    BY_RUN,
    CANDIDATE,
    FIRST_RERUN,
    Analysis,
    Attribution,
    BadRecords,
    CountersMoved,
    CoverageKind,
    Job,
    NoHistory,
    Notice,
    Severity,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import date

    from perftracker_ai.commands.fetch import Fetched
    from perftracker_ai.commands.narrate import Story
    from perftracker_ai.events import Watch
    from perftracker_ai.issues import Compared
    from perftracker_ai.model import Cluster, CurveSet, Detection, JobInfo, RunAccount, Timeline
    from perftracker_ai.model.history import Chronicle
    from perftracker_ai.model.issues import OpenIssues, Tracked
    from perftracker_ai.report.value import Report
    from perftracker_ai.report.view import View
    from perftracker_ai.settings import ProductSettings, Settings
    from perftracker_ai.store import Archive, Earlier, History

_LONGEST_ANSWERS = 8 << 20
"""Bytes of two answers of a language model, of which none is longer than 1 MiB, as they are kept."""


_LOOKED_BACK = 40
"""Jobs that say since when something is slower that nobody found: five versions of them, and what was before."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What one comparison left behind.

    Attributes
    ----------
    shown : View
        The comparison sorted for showing, with what a language model wrote of it.
    report : Report
        What it says; made once, every form of it is written from this.
    written : tuple of Path
        The files, the report for people first; none when only the prompt was wanted.
    unjudged : bool
        Whether a gate was asked for and the evidence does not carry an answer.
    gated : bool
        Whether the gate of ``fail_on`` was reached.
    prompt : str
        What a language model would be asked, when that was wanted in place of a report.
    """

    product: str
    shown: View
    report: Report
    written: tuple[Path, ...]
    gated: bool
    unjudged: bool
    prompt: str

    @property
    def analysis(self) -> Analysis:
        """What was established."""
        return self.shown.analysis


def judge_product(fetched: Fetched, settings: Settings, watch: Watch) -> Run:
    """Compare the jobs of a product and write the report.

    Raises
    ------
    PerfTrackerAIError
        Whatever keeps the comparison from being made, in one sentence.
    """
    jobs, own = fetched.jobs, settings.of_product(fetched.product)
    earlier, problems = look_up(jobs, fetched.location, settings, watch)
    watch(Step(f"Comparing job {jobs[BASELINE].info.id} with job {jobs[CANDIDATE].info.id}"))
    notices, today = (*fetched.notices, *problems), datetime.now(UTC).date()
    compare = partial(judge, jobs, own, seed=settings.seed, today=today, candidate_reruns=fetched.candidate_reruns)
    found = _with_earlier(compare, notices, earlier) if earlier else compare(notices=notices)
    analysis = with_changes(found.analysis, own.source)
    for notice in analysis.notices:
        watch(notice)
    folder = report_folder(Path(settings.reports_dir), fetched.product, analysis)
    run = replace(_told(analysis, settings, folder, watch), product=fetched.product)
    if analysis.open_issues is not None and run.written:
        keep_comparison(analysis, found.issues, (folder / RESULT).read_bytes(), fetched.location, settings, watch)
    return run


def _with_earlier(compare: Callable[..., Found], notices: tuple[Notice, ...], earlier: Earlier) -> Found:
    """Compare in the light of earlier jobs, and without them where they are what it fails by."""
    try:
        with guarded("Looking at earlier jobs"):
            return compare(notices=notices, earlier=earlier)
    except Defect as error:
        return compare(notices=(*notices, NoHistory(problem=error.problem, cure=error.cure)))


def require_outputs(settings: Settings, watch: Watch) -> None:
    """Find out before the work whether its results can be kept, and told as they have to be.

    Raises
    ------
    OutputError, UsageError, LanguageModelError
        When they cannot.
    """
    from perftracker_ai.commands import narrate, notify

    require_writable(Path(settings.reports_dir))
    notify.prepare(settings)
    narrate.prepare(settings, watch, lambda: any(Path(settings.reports_dir).glob(f"*/*/{narrate.ANSWER}")))


def report_again(result: Path, settings: Settings, watch: Watch) -> Run:
    """Write the report of saved results again, beside them.

    Raises
    ------
    UsageError
        When the file holds no results of this version.
    OutputError, LanguageModelError
        As for a comparison.
    """
    from perftracker_ai.commands.narrate import ANSWER, prepare
    from perftracker_ai.results.read import read_result

    content = read_results(result)
    prepare(settings, watch, (result.parent / ANSWER).exists)
    return _told(read_result(content, str(result)), settings, result.parent, watch)


def _told(analysis: Analysis, settings: Settings, folder: Path, watch: Watch) -> Run:
    """Have a language model tell what was found, as the settings want it, and write everything.

    Where a model is required and failed, the report is complete all the same; the failure is raised afterwards.
    """
    from perftracker_ai.commands.narrate import ANSWER, prompt_text, tell
    from perftracker_ai.report import build
    from perftracker_ai.report.view import view

    shown = view(analysis)
    run = Run(
        product=analysis.candidate.product_name,
        shown=shown,
        report=build(shown),
        written=(),
        gated=is_gated(analysis, settings.fail_on),
        unjudged=settings.fail_on != "never" and analysis.decision.verdict is Verdict.INSUFFICIENT_EVIDENCE,
        prompt="",
    )
    if settings.emit_prompt:
        return replace(run, prompt=prompt_text(shown, run.report))
    story = tell(shown, run.report, settings, _saved(folder / ANSWER), watch)
    if story.narration is not None:
        shown = replace(shown, narration=story.narration)
        run = replace(run, shown=shown, report=build(shown))
    watch(Step("Writing the report"))
    written = _write(run, folder, story)
    if settings.llm == "required" and story.problem is not None:
        raise story.problem
    return replace(run, written=written)


def _saved(path: Path) -> bytes | None:
    """Read what an earlier run kept of a model's answers; None when there is nothing of a sensible size."""
    try:
        return path.read_bytes() if path.stat().st_size <= _LONGEST_ANSWERS else None
    except OSError:
        return None


# ── stages ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Found(NamedTuple):
    """A comparison, and what became of every issue with its candidate."""

    analysis: Analysis
    issues: tuple[Tracked, ...]


def judge(  # noqa: PLR0913 - what is known of the jobs from outside them
    jobs: Sequence[Job],
    settings: ProductSettings,
    *,
    seed: int,
    candidate_reruns: int = 0,
    notices: Iterable[Notice] = (),
    today: date | None = None,
    earlier: Earlier | None = None,
) -> Found:
    """Take jobs through every stage from curves to verdict; pure.

    Parameters
    ----------
    jobs : sequence of Job
        Baseline, candidate, reruns of the baseline's version, reruns of the candidate's.
    settings : ProductSettings
    seed : int
    candidate_reruns : int
        How many of the last jobs are reruns of the candidate's version.
    notices : iterable of Notice
        What was noticed on the way here.
    today : date, optional
        The day by which accepted regressions end; without it none does.
    earlier : Earlier, optional
        What is known of earlier jobs of the candidate's product, hardware and suite.

    Raises
    ------
    NothingComparable
        When neither job holds a test.
    UsageError
        When one job is given twice.
    """
    from perftracker_ai.curves import build_curves

    curves, accounts, told = build_curves(jobs, settings.curves, candidate_reruns)
    read = Read(jobs, curves, accounts, (*_job_notices(jobs), *told))
    return judge_read(read, settings, seed=seed, notices=notices, today=today, earlier=earlier)


class Read(NamedTuple):
    """Jobs that are curves already, read just now or kept in a store.

    Attributes
    ----------
    jobs : sequence of Job
        As for `judge`; of a job from a store nothing is known but its header.
    accounts : tuple of RunAccount
        Where the tests of each run went; empty where nobody knows.
    notices : tuple of Notice
        What was noticed while they were read.
    """

    jobs: Sequence[Job]
    curves: CurveSet
    accounts: tuple[RunAccount, ...] = ()
    notices: tuple[Notice, ...] = ()


def read_stored(stored: History, uuids: Sequence[str], candidate_reruns: int = 0) -> Read:
    """Return stored jobs as they are compared.

    Parameters
    ----------
    stored : History
        The jobs, in any order and perhaps among others.
    uuids : sequence of str
        In the order of the run axis: baseline, candidate, reruns of the baseline's version, reruns of the candidate's.
    candidate_reruns : int
        How many of the last are reruns of the candidate's version.
    """
    row_of = {job.uuid: row for row, job in enumerate(stored.jobs)}
    rows = [row_of[uuid] for uuid in uuids]
    jobs = [Job(info=stored.jobs[row], command="", links=(), machines=(), tests=(), bad_records=()) for row in rows]
    values = {name: getattr(stored.curves, name)[rows] for name in BY_RUN}
    return Read(jobs, replace(stored.curves, **values, candidate_reruns=candidate_reruns))


def judge_read(
    read: Read,
    settings: ProductSettings,
    *,
    seed: int,
    notices: Iterable[Notice] = (),
    today: date | None = None,
    earlier: Earlier | None = None,
) -> Found:
    """Take jobs that are curves already through every stage from detection to verdict; pure.

    Parameters
    ----------
    seed, notices, today, earlier : as for `judge`

    Raises
    ------
    NothingComparable, UsageError
        As `judge`.
    """
    _require_different([job.info for job in read.jobs])
    found = compare(read, settings, seed, _timeline(earlier.history if earlier else None, read.curves))
    issues = _issues(found, earlier, settings, seed, today) if earlier else ()
    still_open = _still_open(issues, earlier)
    return Found(conclude(read, found, settings, notices=notices, today=today, still_open=still_open), issues)


def compare(
    read: Read, settings: ProductSettings, seed: int, timeline: Timeline | None, *, looks_back: bool = True
) -> Compared:
    """Find what changed between two jobs, and what earlier ones say of it.

    Parameters
    ----------
    timeline : Timeline or None
        What earlier jobs measured; the compared ones may be among them.
    looks_back : bool
        Whether it is asked when a change came in, and not only how much of it is chance.

    Raises
    ------
    NothingComparable
        When neither job holds a test.
    """
    from perftracker_ai.detect import detect
    from perftracker_ai.diagnose import diagnose
    from perftracker_ai.issues import Compared
    from perftracker_ai.validity import assess, of_run

    jobs, curves = read.jobs, read.curves
    baseline, candidate = jobs[BASELINE].info, jobs[CANDIDATE].info
    if not curves.curves:
        raise NothingComparable(
            f"Neither job {baseline.id} nor job {candidate.id} holds a test that could be compared."
        )
    soundness = assess(jobs, curves)
    detection = detect(curves, settings.detect, seed, _others(timeline, jobs), soundness)
    clusters = diagnose(curves, detection, candidate.product_name)
    known = timeline if looks_back else None
    return Compared(
        baseline=baseline,
        candidate=candidate,
        curves=curves,
        detection=detection,
        clusters=clusters,
        checks=(*soundness.checks, *of_run(jobs, detection.shifts)),
        timeline=timeline,
        past=_chronicle(known, curves, detection, clusters, (baseline, candidate)),
    )


def conclude(
    read: Read,
    found: Compared,
    settings: ProductSettings,
    *,
    notices: Iterable[Notice] = (),
    today: date | None = None,
    still_open: OpenIssues | None = None,
) -> Analysis:
    """Decide what follows from a comparison.

    Parameters
    ----------
    notices, today : as for `judge_read`
    still_open : OpenIssues, optional
        What is open besides what this comparison finds.
    """
    from perftracker_ai.coverage import compare_coverage
    from perftracker_ai.discovery import pair_notices
    from perftracker_ai.issues.accepted import acceptance_notices, accepted, counting
    from perftracker_ai.validity import of_notices
    from perftracker_ai.verdict import decide

    infos, curves = tuple(job.info for job in read.jobs), found.curves
    first = len(infos) - curves.candidate_reruns
    coverage = compare_coverage(curves)
    known = accepted(settings.accept, curves, found.detection, settings.detect.moderate, today)
    told = (*pair_notices(found.baseline, found.candidate), *read.notices, *acceptance_notices(known))
    every = (*notices, *told)
    checks = (*found.checks, *of_notices(every))
    return Analysis(
        baseline=found.baseline,
        candidate=found.candidate,
        reruns=infos[FIRST_RERUN:first],
        candidate_reruns=infos[first:],
        validity=checks,
        accounts=read.accounts,
        curves=curves,
        detection=found.detection,
        coverage=coverage,
        clusters=found.clusters,
        accepted=known,
        decision=decide(
            curves,
            found.detection,
            coverage,
            counting(found.clusters, known),
            settings.policy,
            settings.detect,
            notices=every,
            past=found.past,
            validity=checks,
            still_open=still_open,
        ),
        notices=every,
        chronicle=found.past,
        open_issues=still_open,
        changes=None,
        criteria=settings.detect,
        policy=settings.policy,
    )


# ── issues ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _issues(
    found: Compared, earlier: Earlier, settings: ProductSettings, seed: int, today: date | None
) -> tuple[Tracked, ...]:
    """Say what became of every issue with the candidate."""
    from perftracker_ai.issues import follow

    older = earlier.older if _is_worth_it(found, earlier.older, settings) else None
    further = _further(older, earlier.history, settings, seed, found.candidate)
    followed = follow(found, earlier.issues, further, settings, key_of_step)
    accepted = [_accepted_until(found, one, settings, today) for one in followed]
    return tuple(
        replace(one, issue=replace(one.issue, accepted=until is not None, accepted_until=until))
        for one, until in zip(followed, accepted, strict=True)
    )


def _accepted_until(found: Compared, one: Tracked, settings: ProductSettings, today: date | None) -> date | None:
    from perftracker_ai.issues.accepted import accepts

    return accepts(settings.accept, found.curves, one.issue, one.reference, settings.detect.moderate, today)


def _is_worth_it(found: Compared, older: History | None, settings: ProductSettings) -> bool:
    """Tell whether the candidate may be slower than an older job where this comparison found nothing."""
    from perftracker_ai.issues import may_differ

    if older is None or found.timeline is None:
        return False
    ids = {job.id for job in older.jobs} - {found.candidate.id}
    rows = [row for row, job in enumerate(found.timeline.jobs) if job.id in ids]
    return any(
        may_differ(found.timeline.mean[row], found.curves, found.detection, settings.detect.moderate) for row in rows
    )


def _further(
    older: History | None, history: Archive, settings: ProductSettings, seed: int, candidate: JobInfo
) -> Compared | None:
    """Compare the candidate with an older job, both as the store has them; None where it has not both."""
    if older is None or len(older.jobs) <= CANDIDATE:
        return None
    ordered = sorted(older.jobs, key=lambda job: job.id == candidate.id)
    read = read_stored(older, [job.uuid for job in ordered])
    return compare(read, settings, seed, _timeline(_newest(history, _LOOKED_BACK), read.curves))


def _newest(history: Archive, most: int) -> Archive:
    """Leave all but the newest jobs out."""
    return replace(history, jobs=history.jobs[-most:], layout_of=history.layout_of[-most:], means=history.means[-most:])


def _still_open(issues: Sequence[Tracked], earlier: Earlier | None) -> OpenIssues | None:
    """Return what is open besides what this comparison finds; None without a store."""
    if earlier is None:
        return None
    from perftracker_ai.issues import open_issues

    return open_issues([one.issue for one in issues], earlier.approved)


# ── what is known of the jobs ───────────────────────────────────────────────────────────────────────────────────────


def _require_different(jobs: Sequence[JobInfo]) -> None:
    """Refuse a job that is given twice: a copy of a run is no further run, and nothing can differ."""
    from perftracker_ai.validity import same_job

    for place, job in enumerate(jobs):
        if any(same_job(job, other) for other in jobs[:place]):
            raise UsageError(
                f"Job {job.id} is given twice, so nothing can be learnt from comparing it; name another job."
            )


def _timeline(history: Archive | None, curves: CurveSet) -> Timeline | None:
    """Put earlier jobs on the points of the comparison; None when there are none."""
    if history is None or not history.jobs:
        return None
    from perftracker_ai.store import align

    return align(history, curves)


def _others(timeline: Timeline | None, jobs: Sequence[Job]) -> Timeline | None:
    """Leave the compared jobs out of a timeline: what is judged must not teach how much is chance."""
    if timeline is None:
        return None
    compared = {job.info.id for job in jobs}
    rows = [row for row, job in enumerate(timeline.jobs) if job.id not in compared]
    return timeline.of(rows)


def _chronicle(
    timeline: Timeline | None,
    curves: CurveSet,
    detection: Detection,
    clusters: tuple[Cluster, ...],
    pair: tuple[JobInfo, JobInfo],
) -> Chronicle | None:
    """Say what earlier jobs tell of the comparison; None when there are none."""
    if timeline is None:
        return None
    from perftracker_ai.trends import chronicle

    return chronicle(curves, detection, clusters, timeline, *pair)


def _job_notices(jobs: Sequence[Job]) -> Iterator[Notice]:
    """Name what is wrong with a job as a document."""
    for job in jobs:
        present = len(job.tests) + len(job.bad_records)
        if job.info.tests_total != present:
            yield CountersMoved(job=job.info.id, counted=job.info.tests_total, present=present)
        if job.bad_records:
            first, records = job.bad_records[0], len(job.bad_records)
            yield BadRecords(job=job.info.id, records=records, position=first.position, problem=first.problem)


_REACHED = {"never": frozenset(), "investigate": {Verdict.INVESTIGATE, Verdict.BLOCK}, "block": {Verdict.BLOCK}}
"""Verdicts that reach a gate; the other gates are severities."""


def is_gated(analysis: Analysis, fail_on: str) -> bool:
    """Tell whether the run reached its gate; two runs of one version reach none."""
    if analysis.decision.verdict is Verdict.SAME_VERSION:
        return False
    if fail_on in _REACHED:
        return analysis.decision.verdict in _REACHED[fail_on]
    issues = [_rank(one, analysis) for one in analysis.clusters if one.attribution is not Attribution.ENVIRONMENT]
    gaps = [Severity.rank(one.severity) for one in analysis.coverage if one.kind is not CoverageKind.FIXED]
    return max([*issues, *gaps], default=0) >= Severity.rank(Severity(fail_on))


def _rank(issue: Cluster, analysis: Analysis) -> int:
    """Return how grave an issue is by those of its curves that nobody accepted, and never graver than the issue is."""
    left = set(issue.curves) - analysis.accepted_curves
    worst = max((Severity.rank(analysis.detection.results[curve].severity) for curve in left), default=0)
    return min(worst, Severity.rank(issue.severity))


# ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _write(run: Run, folder: Path, story: Story) -> tuple[Path, ...]:
    """Write report and results, rendering all before any is written, all in the place of those of before or none."""
    from perftracker_ai.commands.narrate import ANSWER, FACTS, PROMPT
    from perftracker_ai.render.html import html_report
    from perftracker_ai.render.markdown import markdown
    from perftracker_ai.results.write import result_json

    result, kept = result_json(run.analysis), dict(story.files)
    contents = {
        REPORT: markdown(run.report).encode(),
        PAGE: html_report(run.shown, run.report, result=result, scripts=True).encode(),
        RESULT: result,
        **kept,
    }
    write_set(folder, contents, {FACTS, PROMPT, ANSWER} - set(kept))
    return tuple(folder / name for name in contents)
