"""What to do, by whom, and when it is done: the run first, then failures, the issues by rank, what is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.model import Attribution, Confidence, Direction, FindingKind, Severity, Verdict
from perftracker_ai.report import causes, history, issue, past, still_open
from perftracker_ai.report.coverage import heavy_gaps, inconclusive_count
from perftracker_ai.report.run import value
from perftracker_ai.report.value import Items, Kind, Line, Paragraph, Section, join, say
from perftracker_ai.report.view import worsened
from perftracker_ai.words import wording
from perftracker_ai.words.numbers import format_percent
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.model import Cluster
    from perftracker_ai.report.issue import Issue
    from perftracker_ai.report.value import Sentence, Value
    from perftracker_ai.report.view import View

TOLD, GAPS, LISTED = 10, 3, 8
HOST_LIMIT = 60


def step(one: Issue) -> Sentence:
    """Return what to do about an issue: measure it again, or profile it where it shows best."""
    place = issue.spot(one)
    if one.cluster.direction is Direction.UNKNOWN:
        return say("set curves.less_better in the settings: nothing says whether less of it is better.")
    if one.shown.analysis.decision.verdict is Verdict.SAME_VERSION:
        return say("look at what else the machine did at the time.")
    if one.cluster.attribution is Attribution.UNDECIDED:
        return _again(one)
    if one.cluster.attribution is Attribution.ENVIRONMENT:
        return say("look at what else the machine did at the time.")
    if one.cluster.confidence is Confidence.LOW:
        return say("measure it again before working on it", place and " ", place, ": both versions, three runs each.")
    likely = causes.first(one)
    return say("profile both versions", place and " ", place, likely and ", first for: ", likely, ".")


def _again(one: Issue) -> Sentence:
    """Return the measurement that decides, with what either answer would mean."""
    if one.cluster.kind is not FindingKind.WHOLE:
        return say(f"run the candidate once more: {wording.UNDECIDED}.")
    shared = "if both runs show it, it is code that all endpoints share; if one does, it is the machine."
    return say("run the candidate once more on ", _hardware(one.shown), f", idle: {shared}")


def reference(one: Issue) -> Sentence:
    """Return which action it is; nothing when it is not among those told."""
    listed = [each.cluster.id for each in _told(one.shown)]
    if one.cluster.id not in listed:
        return ()
    number = len(_before(one.shown)) + listed.index(one.cluster.id) + 1
    return say(f" (action {number})")


# ── the section ─────────────────────────────────────────────────────────────────────────────────────────────────────


def actions(shown: View) -> Section:
    """Return the section of what to do, the most urgent first."""
    lines = [*_before(shown), *(_about(one) for one in _told(shown)), *_after(shown)]
    nothing = () if lines else (Paragraph(label="", said=say("Nothing to do.")),)
    return Section(
        key="actions",
        title="Prioritized Action Items",
        blocks=(*nothing, *_whose(shown), *((Items(items=tuple(lines), ordered=True),) if lines else ())),
    )


def _whose(shown: View) -> Iterator[Paragraph]:
    """Say once whose the issues are and when one is done."""
    if _told(shown):
        threshold = shown.analysis.criteria.moderate
        limit = value(Kind.CHANGE, "threshold", format_percent(threshold), raw=threshold, at="/config/detect/moderate")
        done = say(
            "Issues are for the owner of the endpoint; one is done when a new job is less than ",
            limit,
            " slower there.",
        )
        yield Paragraph(label="", said=done)


def _told(shown: View) -> tuple[Issue, ...]:
    """Return the issues that get an action of their own, the most urgent first."""
    return issue.issues(shown, _grave(shown)[0][:TOLD])


def _grave(shown: View) -> tuple[tuple[Cluster, ...], tuple[Cluster, ...]]:
    """Return the issues to act on, and those that come behind them: the code's moderate ones, if there are heavier."""
    found = [one for one in worsened(shown) if one.severity is not Severity.MINOR]
    first = tuple(one for one in found if not _light(one))
    return (first, tuple(filter(_light, found))) if first else (tuple(found), ())


def _light(one: Cluster) -> bool:
    by_code = one.attribution is Attribution.CODE and one.confidence is not Confidence.LOW
    return one.severity is Severity.MODERATE and by_code


def _about(one: Issue) -> Line:
    label = issue.priority(one).when.capitalize()
    return Line(label=label, said=say(issue.identity(one), ": ", step(one)))


def _before(shown: View) -> list[Line]:
    """Return what comes before all issues: whether the run can be trusted, and what does not work at all."""
    return [*_repeat(shown), *_failures(shown)]


def _repeat(shown: View) -> Iterator[Line]:
    analysis = shown.analysis
    where = _hardware(shown)
    told = any(one.cluster.kind is FindingKind.WHOLE for one in _told(shown))
    if not told and any(shift.large for shift in analysis.detection.shifts):
        job = value(
            Kind.NAME,
            "candidate job",
            f"job {analysis.candidate.id}",
            raw=analysis.candidate.id,
            at="/metadata/run2/id",
        )
        yield Line(
            label="Find out first, performance engineer",
            said=say(
                "Run the candidate (",
                job,
                ") once more on ",
                where,
                ", idle: the whole run moved. Done when both runs agree.",
            ),
        )
    if analysis.decision.verdict is Verdict.INSUFFICIENT_EVIDENCE:
        yield Line(
            label="Find out first, performance engineer",
            said=say(
                "Repeat the measurement of both versions on ",
                where,
                " with the same suite and loads. Done when most curves can be compared.",
            ),
        )


def _hardware(shown: View) -> Value:
    hosts = clean(", ".join(shown.analysis.candidate.hosts), HOST_LIMIT) or "the same hardware"
    return value(Kind.NAME, "hardware", hosts, raw=hosts, at="/metadata/run2/hosts")


def _failures(shown: View) -> Iterator[Line]:
    heavy = list(heavy_gaps(shown))
    for found, said in heavy[:GAPS]:
        what = wording.coverage_label(found.kind)
        yield Line(
            label="Immediate, owner of the test",
            said=say(f"Find out why ({what}): ", said, " Done when it is measured again."),
        )
    left = len(heavy) - GAPS
    if left > 0:
        more = value(Kind.COUNT, "gaps left out", f"{left:,} more", raw=left, at="/coverage")
        yield Line(label="Immediate, owner of the test", said=say("Likewise ", more, " under Coverage."))


def _after(shown: View) -> Iterator[Line]:
    yield from _others(shown)
    yield from _still_open(shown)
    yield from _creeping(shown)
    yield from _open(shown)
    if not shown.analysis.reruns:
        text = clean(shown.analysis.baseline.product_ver, HOST_LIMIT)
        version = value(Kind.NAME, "baseline version", text, raw=text, at="/metadata/run1/version")
        yield Line(
            label="Next, performance engineer",
            said=say(
                "Run version ",
                version,
                " once more on this hardware: two runs show the noise. Done when the report names a rerun.",
            ),
        )


def _others(shown: View) -> Iterator[Line]:
    first, rest = _grave(shown)
    found = (*first[TOLD:], *rest)
    if found:
        named = [issue.identity(one) for one in issue.issues(shown, found[:LISTED])]
        left = len(found) - LISTED
        more = (
            say(" and ", value(Kind.COUNT, "issues left out", f"{left:,} more", raw=left, at="/clusters"))
            if left > 0
            else ()
        )
        yield Line(label="This release", said=say("Then by rank: ", join(named), more, "."))


def _still_open(shown: View) -> Iterator[Line]:
    """Say what to do about what came in with earlier versions: repair it, or accept it on purpose."""
    found = still_open.still_open(shown)
    if found:
        past = shown.analysis.open_issues
        places = {one.key: at for at, one in enumerate(past.issues if past else ())}
        named = [still_open.name(one, places[one.key]) for one in found[:LISTED]]
        left = len(found) - LISTED
        more = value(Kind.COUNT, "more open issues", f"{left:,} more", raw=left, at="/verdict/open_issues")
        rest = say(" and ", more) if left > 0 else ()
        yield Line(
            label="This release, owners of the endpoints",
            said=say(
                "Repair what is open, or accept it until a date by [[accept]] in the settings: ",
                join(named),
                rest,
                ". Done when a job is back on the level of before.",
            ),
        )


def _creeping(shown: View) -> Iterator[Line]:
    """Say what to do about a creep: no job brought it, so the two ends of it are to be compared."""
    creeps, chronicle = past.creeping(shown), shown.analysis.chronicle
    if creeps:
        oldest = chronicle.oldest if chronicle else None
        start = history.place(oldest, past.version) if oldest else "the oldest version at hand"
        first = value(Kind.NAME, "oldest job", start, at="/chronicle/oldest")
        yield Line(
            label="Next, performance engineer",
            said=say(
                "Profile what creeps on ",
                first,
                " and the candidate, for no single job brought it: ",
                creeps,
                ". Done when it is back at its level.",
            ),
        )


def _open(shown: View) -> Iterator[Line]:
    count = inconclusive_count(shown)
    if count:
        said = say("Settle ", count, ", as said under Coverage.")
        yield Line(label="Next, performance engineer", said=said)
