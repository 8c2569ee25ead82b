"""The words for the model's values: one sentence per notice and verdict, one label per enum member.

In: values of the model. Out: plain text, each wording in one place, so that terminal, report and results say the same.
A notice's sentence says what, why it matters and what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from perftracker_ai import model
from perftracker_ai.model import (
    Absence,
    CoverageKind,
    Method,
    MetricKind,
    Notice,
    Part,
    Severity,
    Standing,
    Verdict,
)
from perftracker_ai.words.numbers import format_change, format_load, format_range

if TYPE_CHECKING:
    from collections.abc import Callable

    from perftracker_ai.model import Acceptance, Curve

NOT_PROVEN = "not proven"
"""How what is said begins of loads that stand out of a curve without being a finding."""
NO_TRACES = "No logs, traces, profiles or commits were available: causes are read from the shape of the measurements."
"""The line under every list of hypotheses."""

UNDECIDED = "what both runs of it show is the code's, what one of them shows is the machine's"
"""The measurement that decides between code and environment."""

_NOTICES: dict[type[Notice], str] = {
    model.OtherProduct: "The jobs are of different products, {baseline} and {candidate}, so their tests may not mean "
    "the same: compare jobs of one product.",
    model.OtherHardware: "The jobs ran on different hardware, {baseline} and {candidate}, so a change may be the "
    "machine's: rerun both versions on one of them.",
    model.OtherSuite: "The jobs ran different test suites, {baseline} and {candidate}, so a change may be the test's: "
    "rerun the baseline with the candidate's suite.",
    model.SameVersion: "Both jobs are of version {version}, so every change is noise or environment: choose a baseline"
    " of another version to judge a release, or say with discovery.version_from where the version stands.",
    model.SameJob: "Baseline and candidate are both job {job}, so nothing can differ: name two jobs.",
    model.OtherProject: "Job {job} is in project {project}, not in project {asked} as asked for, so it may have been "
    "set up differently: check that it is meant.",
    model.DeletedJob: "Job {job} is marked as deleted, so somebody did not trust it: check why before relying on it.",
    model.CandidateOlder: "Candidate {candidate} ({candidate_end}) is older than baseline {baseline} ({baseline_end}),"
    " so worse and better may be the wrong way round: swap the two if that is not meant.",
    model.CountersMoved: "Job {job} counts {counted} tests and holds {present}, so its upload may be incomplete: "
    "compare again when it is finished.",
    model.DirectionAssumed: "Tests that measure times, memory, errors or the like are not marked as lower-is-better "
    "(curves: {curves}; first: {first}), so it was assumed: set curves.less_better in the settings if that is wrong.",
    model.DirectionUnknown: "Nothing tells whether more or less is better (direction unknown; curves: {curves}; first: "
    "{first}), so a change is called neither: set curves.less_better in the settings.",
    model.DirectionConflict: "Tests disagree on whether lower is better (curves: {curves}; first: {first}), so "
    "lower-is-better was taken: correct the tests or set the direction in the settings.",
    model.UnitConflict: "The jobs measure tests in units that cannot be converted (curves: {curves}; first: {first}), "
    "so those points were not compared: correct the unit in the tests.",
    model.LoadsDiffer: "The jobs measured tests at different loads (curves: {curves}; first: {first}), so only the "
    "common loads were compared: rerun with one set of loads.",
    model.BadRecords: "Job {job} holds unreadable test records (count: {records}; first: record {position}, "
    "{problem}), so they were left out: correct the client that uploads them.",
    model.Insecure: "The certificate of {server} was not verified, so the data may have been altered on its way: use a"
    " CA bundle instead.",
    model.NoReruns: "No other run of the baseline's version {version} was available, so the noise comes from this pair"
    " alone: rerun the baseline to sharpen the result most.",
    model.AcceptEnds: "The accepted regression {accepted} counts again after {until} (days left: {days_left}), so the "
    "verdict may turn: repair it or accept it anew.",
    model.AcceptEnded: "The acceptance of {accepted} ended on {until}, so what it names counts again: repair it, or "
    "accept it anew with another date.",
    model.AcceptGone: "The accepted regression {accepted} is not there any more, so its entry would hide the next one:"
    " remove it from the settings file.",
    model.AcceptUnmatched: "The accepted regression {accepted} names no test of these jobs, so its entry does nothing:"
    " correct its patterns or remove it.",
    model.AcceptOutgrown: "The accepted regression {accepted} is more than was accepted ({size}; found: {found}), so "
    "it counts: look at it as at a new one.",
    model.SkippedFiles: "Files were left out (count: {files}; first: {name}, {problem}), so jobs in them were not "
    "considered: correct them, or move what is no job elsewhere.",
    model.SkippedFile: "File {name} was left out ({problem}), so its job was not considered: correct or remove it.",
    model.NewerJob: "Job {job} ({version}) is newer than the candidate and could not be taken ({problem}), so this is "
    "not the verdict on it: compare again when it is finished.",
    model.NewerVersion: "Job {job} measured {version}, which is newer than the candidate's version {taken}, and was "
    "not compared ({problem}): measure it where the others were, or name two jobs.",
    model.SkippedJob: "Job {job} was left out ({problem}), so another job may have been chosen in its place: correct "
    "it where it comes from, or name two jobs.",
    model.NoHistory: "No earlier jobs were looked at ({problem}), so nothing tells since when something is slower: "
    "{cure}.",
    model.NotRecorded: "These jobs were not recorded for later comparisons ({problem}): {cure}.",
    model.FromStore: "These jobs were taken from the store of past jobs, which keeps what each point measured, when,"
    " and why one is missing, but neither machines nor links nor single test records: to compare those too, give both"
    " job numbers to `perftracker-ai analyze`.",
    model.NoChanges: "The changes to look at first are left out ({problem}): {cure}.",
    model.NoModel: "The report was written without a language model ({problem}): {cure}.",
    model.NoRepair: "The language model's second answer did not come ({problem}), so what was refused of the first is"
    " left out: {cure}.",
    model.NotTold: "{problem}: {cure}.",
    model.AnswerCut: "The answer of the language model {model} was cut at {tokens} tokens ({thoughts} of them thoughts"
    "), so only what is finished of it is used: take another model with --model if that happens often.",
    model.TextsRefused: "Not all that the language model {model} answered passed the check: {refused} of its"
    " sentences and {dropped} of its choices are left out; take a larger model with --model if that happens often.",
}

_ABSENCES: dict[Absence, str] = {
    Absence.MISSING: "no such test",
    Absence.FAILED: "FAILED",
    Absence.SKIPPED: "SKIPPED",
    Absence.INPROGRESS: "INPROGRESS",
    Absence.NOTTESTED: "NOTTESTED",
    Absence.NO_SCORES: "no scores",
    Absence.ZERO: "zero with nothing measured",
    Absence.NOT_A_NUMBER: "not a number",
    Absence.INFINITE: "infinite or larger than any measurement",
    Absence.NEGATIVE: "negative",
    Absence.UNREADABLE: "unreadable scores",
    Absence.UNIT_CONFLICT: "measured in another unit",
}

_COVERAGE: dict[CoverageKind, str] = {
    CoverageKind.NEW_FAILURE: "newly failing",
    CoverageKind.LOST_POINTS: "loads no longer measured",
    CoverageKind.LOST_CURVE: "test no longer measured",
    CoverageKind.LOST_GROUP: "group no longer measured",
    CoverageKind.MORE_ERRORS: "more errors",
    CoverageKind.FIXED: "no longer failing",
    CoverageKind.NEW_POINTS: "new loads",
    CoverageKind.NEW_CURVE: "new test",
    CoverageKind.NEW_GROUP: "new group",
}

_PARTS: dict[Part, str] = {Part.COMMENTARY: "On the whole", Part.REMARK: "On"}


def notice_text(notice: Notice, show: Callable[[str], str] = str) -> str:
    """Return the sentence of a notice, its values passed through `show`."""
    return _NOTICES[type(notice)].format(**{name: show(value) for name, value in notice_values(notice).items()})


def notice_values(notice: Notice) -> dict[str, str]:
    """Return what a notice's sentence is about, as text, by name."""
    return {name: str(getattr(notice, name)) for name in notice.__struct_fields__}


def absence_text(absence: Absence) -> str:
    """Return why a test has no value, as a piece of a sentence."""
    return _ABSENCES[absence]


def verdict_text(verdict: Verdict) -> str:
    """Return what a verdict means for the release, in one sentence."""
    match verdict:
        case Verdict.BLOCK:
            return "Do not ship this version as it is."
        case Verdict.INVESTIGATE:
            return "Do not decide on the release before the points below are cleared up."
        case Verdict.APPROVE_WITH_MONITORING:
            return "This version may ship if the points below are watched in production."
        case Verdict.APPROVE:
            return "Nothing in these measurements speaks against shipping this version."
        case Verdict.INSUFFICIENT_EVIDENCE:
            return "These two jobs do not carry a decision on the release."
        case Verdict.SAME_VERSION:
            return "Both jobs are of one version: what differs between them is noise or environment, not a release."
        case _:
            assert_never(verdict)


def recommendation(verdict: Verdict) -> str:
    """Return what to do with the release under a verdict, in one sentence."""
    match verdict:
        case Verdict.BLOCK:
            return "Hold the release, fix the critical and severe items, and compare again with a new job."
        case Verdict.INVESTIGATE:
            return "Hold the release until the action items are done; they say what would decide each point."
        case Verdict.APPROVE_WITH_MONITORING:
            return "Ship in steps, watch the endpoints listed here, and plan their repair."
        case Verdict.APPROVE:
            return "Ship."
        case Verdict.INSUFFICIENT_EVIDENCE:
            return "Repeat the measurement before deciding; do not read the absence of findings as approval."
        case Verdict.SAME_VERSION:
            return "Compare with a job of another version to judge a release."
        case _:
            assert_never(verdict)


def urgency(verdict: Verdict) -> str:
    """Return how soon somebody has to act under a verdict."""
    match verdict:
        case Verdict.BLOCK:
            return "now: the release waits for it."
        case Verdict.INVESTIGATE:
            return "high: the decision on the release waits for it."
        case Verdict.APPROVE_WITH_MONITORING:
            return "normal: within the next release."
        case Verdict.APPROVE:
            return "none."
        case Verdict.INSUFFICIENT_EVIDENCE:
            return "high: there is no decision without a new measurement."
        case Verdict.SAME_VERSION:
            return "none: there is no release to decide on."
        case _:
            assert_never(verdict)


def better_way(curve: Curve) -> str:
    """Return which way a curve is better, in words."""
    if not curve.direction_known:
        return "which way is better is not known"
    return "lower is better" if curve.less_better else "higher is better"


def coverage_label(kind: CoverageKind) -> str:
    """Return the words for a difference in what was measured, as a headline of its row."""
    return _COVERAGE[kind]


_METHODS = {
    Method.SCAN: "scan over all load ranges of the curve",
    Method.FAMILY_SCAN: "scan together with the related curves of the endpoint",
    Method.RULE: "rule on size and standard error, for short curves",
    Method.TWO_SAMPLE: "two-sample test on the scores, moderated over the suite",
    Method.SIZE_ONLY: "size against the scatter of the suite: there is one score a side",
    Method.COUNT: "test for counts",
    Method.NONE: "not compared",
}


def method_text(method: Method) -> str:
    """Return how a curve was judged, in words a tester can follow."""
    return _METHODS[method]


def severity_headline(severity: Severity) -> str:
    """Return the title of the report's section for a severity."""
    match severity:
        case Severity.CRITICAL:
            return "Critical Issues"
        case Severity.SEVERE:
            return "Severe Issues"
        case Severity.MODERATE:
            return "Moderate Issues"
        case Severity.MINOR:
            return "Minor Changes"
        case _:
            assert_never(severity)


def part_title(part: Part) -> str:
    """Return what a passage of the report is called."""
    return _PARTS[part]


def metric_name(curve: Curve) -> str:
    """Return what a curve measures: ``p95 latency``, ``rate``; the metric's own label where it is neither."""
    return metric_words(curve.metric_kind, curve.statistic, curve.metric_label)


def metric_words(kind: MetricKind, statistic: str, label: str) -> str:
    """Return the name of a metric, as `metric_name` does."""
    match kind:
        case MetricKind.LATENCY | MetricKind.RATE:
            return f"{statistic} {kind.value}".strip()
        case MetricKind.OTHER:
            return label or "value"
        case _:
            assert_never(kind)


def accepted_name(entry: Acceptance) -> str:
    """Return what an entry accepts, as it is written there: ``POST /orders, p95 latency``."""
    return ", ".join(filter(None, (entry.endpoint, entry.tag, entry.metric)))


def accepted_size(entry: Acceptance) -> str:
    """Return how much an entry accepts: ``up to +62 % at loads 9000 – 16000``."""
    size = "any size" if entry.slowdown is None else f"up to {format_change(entry.slowdown)}"
    loads = "" if entry.loads is None else f" at loads {format_range(*map(format_load, entry.loads))}"
    return size + loads


def standing_text(standing: Standing) -> str:
    """Return what an entry that accepts a regression does in a comparison."""
    match standing:
        case Standing.IN_FORCE:
            return "accepted"
        case Standing.OUTGROWN:
            return "more than was accepted: counts"
        case Standing.GONE:
            return "not slower any more: remove the entry"
        case Standing.OPEN:
            return "not found this time, some of it could not be told"
        case Standing.UNMATCHED:
            return "names no test of these jobs"
        case Standing.ENDED:
            return "ended: counts"
        case _:
            assert_never(standing)
