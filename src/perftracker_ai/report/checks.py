"""What a failed check of the comparison found, and what to do about it: one sentence each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, assert_never

from perftracker_ai.model import Absence
from perftracker_ai.model.checks import (
    CALENDAR,
    AnotherMachine,
    ClippedValues,
    DisturbedRerun,
    DriftingRun,
    EndpointsInTurn,
    Episode,
    IdenticalResults,
    LateStretch,
    LowerVersion,
    MovedRun,
    NewerUntaken,
    NothingShared,
    NoTimes,
    OneVersion,
    OtherContext,
    RerunApart,
    TooGood,
    WarmUp,
)
from perftracker_ai.words.numbers import format_percent, format_range, format_speed, plural
from perftracker_ai.words.wording import absence_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from perftracker_ai.model.checks import Check, DisturbedStretch, Moved


def found(check: Check, show: Callable[[str], str] = str) -> str:
    """Return what a failed check found, in one sentence, texts of the jobs passed through `show`."""
    return _sentences(check, show)[0]


def cure(check: Check) -> str:
    """Return what to do about a failed check, in one sentence."""
    return _sentences(check, str)[1]


def _sentences(check: Check, show: Callable[[str], str]) -> tuple[str, str]:  # noqa: C901, PLR0911, PLR0912 - one each
    match check:
        case NothingShared():
            why, what = _nothing_shared(check, show)
            return f"No test has a value in both jobs, so nothing can be compared: {why}.", what
        case OneVersion(version=version):
            return (
                f"Both jobs are of version {show(version)}: every difference between them is noise or environment.",
                "Choose a baseline of another version, or say with discovery.version_from where the version stands.",
            )
        case LowerVersion(baseline=baseline, candidate=candidate):
            return (
                f"The candidate's version {show(candidate)} is lower than the baseline's {show(baseline)}.",
                "Swap the two jobs if that is not meant.",
            )
        case NewerUntaken(version=version, problem=problem):
            why = f"is newer and could not be taken ({show(problem)}), so this is not the verdict on it"
            return f"Job {_job(check)} ({show(version)}) {why}.", "Compare again when it can be."
        case OtherContext(differing=names):
            told = show(" and ".join(names))
            return (
                f"The jobs differ in more than the version ({told}), so a change may not be the version's.",
                "Compare jobs of one product and one suite on one machine.",
            )
        case AnotherMachine(machine=machine, differing=differing):
            told = show("; ".join(f"{one.name} {one.before} → {one.after}" for one in differing))
            return (
                f"{show(machine)} is not the machine it was ({told}), so a change may be the machine's.",
                "Rerun the baseline on the machine as it is now.",
            )
        case IdenticalResults(jobs=jobs):
            told = f"Jobs {' and '.join(map(str, jobs))} hold identical results to the last digit"
            return (
                f"{told}: uploaded twice, or a counter that repeats exactly.",
                "Check that both are runs of their own.",
            )
        case Episode():
            return (
                f"Disturbed episode in job {_stretch(check)}, {_left_out(check)}.",
                "Rerun that job on a quiet machine to judge these loads.",
            )
        case WarmUp():
            return (
                f"Warm-up of job {_stretch(check)} than later, {_left_out(check)}.",
                "Let the service warm up before the first measurement.",
            )
        case LateStretch():
            return (
                f"End of job {_stretch(check)}: the machine, or all of them giving way.",
                "Rerun the candidate, which decides between the two.",
            )
        case EndpointsInTurn():
            return (
                f"One after the other in job {_stretch(check)}, the others not: those minutes, or their code.",
                "Rerun the candidate, in another order of endpoints if it can: that decides between the two.",
            )
        case DisturbedRerun(scatter=scatter, others=others):
            why = f"its points scatter by {format_percent(scatter)}, those of the others by {format_percent(others)}"
            return (
                f"Rerun {_job(check)} was disturbed ({why}), so it is left out.",
                "Nothing has to be done; another rerun would sharpen the result.",
            )
        case RerunApart(size=size):
            return (
                f"Rerun {_job(check)} is {format_speed(size)} as a whole than the baseline, so it is left out.",
                "Find out what differed between these two runs of one version; another rerun would sharpen the result.",
            )
        case MovedRun(moved=moved):
            return (
                f"The run as a whole moved: {', '.join(_moved(one, show) for one in moved)}.",
                "Rerun the candidate: what both of its runs show is the code's.",
            )
        case DriftingRun(size=size):
            return (
                f"Jobs {_job(check)} drift apart at all endpoints: {format_speed(size)} from first test to last.",
                "Look for what slows the machine down with time, and rerun the candidate.",
            )
        case ClippedValues(first=first, ceiling=ceiling, points_before=before, points_now=now):
            where = (
                f"curves: {len(check.curves)}; first: {show(first)}, at {ceiling:.4g} s; points: {before}, now {now}"
            )
            return (
                f"Values are clipped at a ceiling, a time-out perhaps ({where}).",
                "Raise the client's limit.",
            )
        case TooGood(endpoints=count, endpoint=endpoint, times=times):
            first = f"{show(endpoint)}, {times:.3g} times as fast"
            return (
                f"Too good to be true (endpoints: {count}; first: {first}): does it still do its work?",
                "Check that the answers are complete.",
            )
        case NoTimes():
            return (
                "The tests tell no times, so disturbed minutes cannot be told from changes.",
                "Have the client send begin and end of every test.",
            )
        case _:
            assert_never(check)


def _nothing_shared(check: NothingShared, show: Callable[[str], str]) -> tuple[str, str]:
    """Return why nothing can be compared, and what to do about it."""
    reasons = ", ".join(f"{one.tests} {show(one.reason)}" for one in check.absent)
    look = "Look at that run before comparing it."
    match check:
        case NothingShared(run=run, absent=()) if run:
            return f"the {show(run)} holds no test", look
        case NothingShared(run=run, absent=(only,)) if run and only.reason == absence_text(Absence.UNIT_CONFLICT):
            return (
                f"all tests of the {show(run)} are in units of another kind",
                "Correct the unit in one of the suites.",
            )
        case NothingShared(run=run) if run:
            return f"no test of the {show(run)} has a value ({reasons})", look
        case NothingShared(absent=(_, *_)):
            tests = plural(sum(one.tests for one in check.absent), "test")
            return f"{tests} in both jobs, none with a value in both ({reasons})", "Look at the two runs."
        case NothingShared(alike=(name,)):
            return f"tests such as {show(name)} are in both, at other loads", "Compare runs of the same loads."
    verb = "is" if len(check.alike) == 1 else "are"
    nearest = f" (the nearest {verb} {' and '.join(map(show, check.alike))})" if check.alike else ""
    return f"none of their names is in both{nearest}", "Compare two jobs of one suite, or undo the renaming."


def _job(check: Check | DisturbedStretch) -> str:
    return ", ".join(map(str, check.jobs))


def _stretch(check: DisturbedStretch) -> str:
    time = format_range(_moment(check.begin), _moment(check.end))
    size = format_percent(check.size)
    slow = f"{check.slow} of {plural(check.measured, 'endpoint')} measured then"
    return f"{_job(check)} ({time}): {slow} were {size} slower"


def _left_out(check: DisturbedStretch) -> str:
    return f"{format_percent(check.share)} of its points left out"


def _moment(time: float) -> str:
    return f"test {time:.0f}" if time < CALENDAR else f"{datetime.fromtimestamp(time, UTC):%H:%M:%S} UTC"


def _moved(moved: Moved, show: Callable[[str], str]) -> str:
    threads = "" if moved.threads is None else f" at {plural(moved.threads, 'thread')}"
    return f"{show(moved.metric or 'everything')}{threads} {format_speed(moved.slowdown)}"
