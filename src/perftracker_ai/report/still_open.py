"""What came in with earlier versions and is there still, or is gone with this job; nothing where no store is kept.

In: a `View`. Out: sentences and values. A comparison with a baseline that is as slow finds nothing new, which is no
innocence: so the last good job is named beside the baseline, with what is open since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.model import Direction, MetricKind
from perftracker_ai.model.issues import IssueStatus
from perftracker_ai.report import history
from perftracker_ai.report.run import value
from perftracker_ai.report.value import Items, Kind, Line, Paragraph, say
from perftracker_ai.report.view import worsened
from perftracker_ai.words.numbers import UNKNOWN, format_slowdown, plural
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from perftracker_ai.model.history import JobRef
    from perftracker_ai.model.issues import OpenIssue
    from perftracker_ai.report.value import Block, Sentence, Value
    from perftracker_ai.report.view import View

LABEL = "Open issues"
SHOWN = 5
"""Issues told one by one; the others are counted."""
NAME_LIMIT, VERSION_LIMIT = 160, 60
_WORDS = {
    IssueStatus.NEW: "New",
    IssueStatus.OPEN: "Open",
    IssueStatus.WORSE: "Worse",
    IssueStatus.REOPENED: "Back",
    IssueStatus.CLOSED: "Closed",
}


def still_open(shown: View) -> tuple[OpenIssue, ...]:
    """Return what came in with an earlier version, is open and counts, largest first."""
    return tuple(one for one in _all(shown) if one.status is not IssueStatus.CLOSED and not one.accepted)


def bottom_line(shown: View) -> Sentence:
    """Return the largest open issue with the version it came in with, and how many more there are; nothing for none."""
    found = still_open(shown)
    if not found:
        return ()
    at, left = _all(shown).index(found[0]), len(found) - 1
    more = value(Kind.COUNT, "more open issues", f"{left:,} more", raw=left, at="/verdict/open_issues")
    rest = say("; ", more) if left else ()
    return say("Still open: ", name(found[0], at), ", ", size(found[0], at), " ", _since_short(found[0], at), rest, ".")


def blocks(shown: View) -> Iterator[Block]:
    """Yield what is open against the last good job, and every such issue in a line."""
    every = _all(shown)
    against = _against(shown)
    if not every and not against:
        return
    yield Paragraph(label=LABEL, said=against)
    lines = [Line(label=word(one), said=told(one, at)) for at, one in enumerate(every[:SHOWN])]
    left = len(every) - SHOWN
    if left > 0:
        more = value(Kind.COUNT, "more open issues", f"{left:,} more", raw=left, at="/verdict/open_issues")
        lines.append(Line(label="", said=say("… and ", more, ", in result_v2.json.")))
    if lines:
        yield Items(items=tuple(lines), ordered=False)


def word(one: OpenIssue) -> str:
    """Return what became of an issue with this job."""
    return _WORDS[one.status]


def told(one: OpenIssue, at: int) -> Sentence:
    """Return an issue in a sentence; `at` is its place in the results."""
    if one.status is IssueStatus.CLOSED:
        return say(name(one, at), ": back on the level of before it came in with ", _first(one, at), ".")
    marks = ["accepted"] if one.accepted else []
    marks += [] if one.measured else ["not measured with this job"]
    marks += [f"found here as {one.cluster}"] if one.cluster else []
    rest = "".join(f"; {mark}" for mark in marks)
    return say(name(one, at), ": ", size(one, at), _grown(one, at), " ", _since(one, at), rest, ".")


def name(one: OpenIssue, at: int) -> Value:
    """Return what an issue is about."""
    text = clean(one.endpoint or one.title, NAME_LIMIT)
    return value(Kind.NAME, "open issue", text, raw=text, at=f"/verdict/open_issues/{at}/endpoint")


def size(one: OpenIssue, at: int) -> Value:
    """Return what it costs now against before it came in."""
    text = format_slowdown(one.slowdown, costs_time=_costs_time(one))
    place = f"/verdict/open_issues/{at}/slowdown"
    return value(Kind.CHANGE, "size of an open issue", text, raw=one.slowdown, at=place, direction=Direction.WORSE)


def version(text: str) -> str:
    """Return a version cleaned and cut."""
    return clean(text, VERSION_LIMIT) or UNKNOWN


# ── pieces ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _all(shown: View) -> Sequence[OpenIssue]:
    past = shown.analysis.open_issues
    return past.issues if past else ()


def _costs_time(one: OpenIssue) -> bool:
    return any(kind != MetricKind.OTHER.value for kind in one.metric_kinds)


def _against(shown: View) -> Sentence:
    """Say what is new against the baseline, and what is open since the last good job; nothing where both are one."""
    analysis = shown.analysis
    past = analysis.open_issues
    good = past.last_good if past else None
    if good is None or good.job.job in {analysis.baseline.id, analysis.candidate.id}:
        return ()
    fresh = len(worsened(shown))
    new = value(Kind.COUNT, "new issues", plural(fresh, "issue"), raw=fresh, at="/clusters") if fresh else "nothing new"
    baseline = value(
        Kind.NAME,
        "baseline",
        f"{version(analysis.baseline.product_ver)} (job {analysis.baseline.id})",
        raw=analysis.baseline.id,
        at="/metadata/run1",
    )
    last = value(
        Kind.NAME,
        "last good job",
        f"{version(good.job.version)} (job {good.job.job})",
        raw=good.job.job,
        at="/verdict/last_good/job",
    )
    which = "last approved" if good.approved else "last good"
    against = say("against ", baseline, ", the baseline: ", new, "; against ", last, f", {which}: ", _open(shown))
    return say(*against, ".")


def _open(shown: View) -> Sentence:
    """Count what is open, with the version it came in with."""
    found = still_open(shown)
    if not found:
        return say("nothing open")
    count = value(Kind.COUNT, "open issues", plural(len(found), "issue"), raw=len(found), at="/verdict/open_issues")
    oldest = min(found, key=lambda one: (one.first.end.timestamp(), one.first.job))
    at = _all(shown).index(oldest)
    first = "open " if len({one.first.job for one in found}) == 1 else "open, the oldest "
    return say(count, f" {first}", _since_short(oldest, at))


def _grown(one: OpenIssue, at: int) -> Sentence:
    """Say what it was before where it is worse, or that it was gone."""
    if one.status is IssueStatus.REOPENED:
        return say(" again, closed before,")
    if one.status is IssueStatus.WORSE:
        text = format_slowdown(one.opened, costs_time=_costs_time(one))
        place = f"/verdict/open_issues/{at}/opened"
        before = value(Kind.CHANGE, "size when it came in", text, raw=one.opened, at=place, direction=Direction.WORSE)
        return say(" (", before, " when it came in),")
    return say(",")


def _since(one: OpenIssue, at: int) -> Sentence:
    good = value(Kind.NOTE, "last good", _place(one.last_good), raw=one.last_good.job, at=_at(at, "last_good"))
    return say("since ", _first(one, at), ", last good ", good)


def _first(one: OpenIssue, at: int) -> Value:
    return value(Kind.NOTE, "open since", _place(one.first), raw=one.first.job, at=_at(at, "first"))


def _since_short(one: OpenIssue, at: int) -> Value:
    text = f"since {version(one.first.version)}"
    return value(Kind.NOTE, "open since, in short", text, raw=one.first.job, at=_at(at, "first"))


def _at(at: int, field: str) -> str:
    return f"/verdict/open_issues/{at}/{field}"


def _place(job: JobRef) -> str:
    return history.place(job, version)
