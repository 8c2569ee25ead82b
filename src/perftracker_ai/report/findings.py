"""The issues in full: an entry for each of the worst, a row for the others; improvements and accepted regressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.model import Severity
from perftracker_ai.report import actions, causes, issue
from perftracker_ai.report.coverage import more
from perftracker_ai.report.run import value
from perftracker_ai.report.value import Entry, Items, Kind, Line, Paragraph, Section, Table, join, say
from perftracker_ai.report.view import accepted, clusters, improved, loose
from perftracker_ai.words import wording
from perftracker_ai.words.numbers import format_slowdown, plural
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perftracker_ai.model import Acceptance
    from perftracker_ai.report.issue import Issue
    from perftracker_ai.report.value import Block, Sentence
    from perftracker_ai.report.view import Finding, View

ENTRIES = {Severity.CRITICAL: 6, Severity.SEVERE: 4, Severity.MODERATE: 0, Severity.MINOR: 0}
"""Issues told in full; a reader has two minutes, and the worst come first."""
ROWS, COVERED = 10, 5
LABEL_LIMIT, TAG_LIMIT, REASON_LIMIT = 60, 200, 200


def severity_section(shown: View, severity: Severity) -> Section:
    """Return the section of one severity: entries, then rows, then how many more there are."""
    found = issue.issues(shown, clusters(shown, severity))
    told = ENTRIES[severity]
    blocks: list[Block] = [_entry(one) for one in found[:told]]
    blocks += list(_rows(found[told:], severity))
    blocks += list(_alone(loose(shown, severity)))
    nothing: list[Block] = [] if blocks else [Paragraph(label="", said=say("None."))]
    return Section(key=severity.value, title=wording.severity_headline(severity), blocks=(*nothing, *blocks))


def improvements(shown: View) -> Section:
    """Return the section of what became faster."""
    found = issue.issues(shown, improved(shown))
    blocks = tuple(_improvements(found)) or (Paragraph(label="", said=say("None.")),)
    return Section(key="improvements", title="Improvements", blocks=blocks)


def _entry(one: Issue) -> Entry:
    since, likely = issue.began(one), causes.likely(one)
    lines = (
        Line(label="Size", said=say(issue.size(one), ". ", issue.extent(one), ".")),
        Line(label="Users", said=say(issue.impact(one), ".")),
        Line(label="Since", said=say(since, ".") if since else ()),
        Line(label="Confidence", said=say(issue.sureness(one), ".")),
        Line(label="Likely causes", said=say(likely, ".") if likely else ()),
    )
    title = say(issue.identity(one), ". ", issue.name(one), actions.reference(one))
    kept = tuple(line for line in lines if line.said)
    return Entry(key=one.cluster.id, title=title, lines=kept, tables=())


def _rows(found: tuple[Issue, ...], severity: Severity) -> Iterator[Block]:
    """Yield issues as rows: what users notice unless it is minor, since when, and what may be behind it.

    Size and place are in the summary.
    """
    if not found:
        return
    kept = found[:ROWS]
    began = [issue.began(one) for one in kept]
    noticed, dated = severity is not Severity.MINOR, any(began)
    heads = ("issue", "what", *(("users",) if noticed else ()), *(("since when",) if dated else ()), "likely causes")
    rows = tuple(
        (
            say(issue.identity(one)),
            issue.subject(one),
            *((issue.impact(one),) if noticed else ()),
            *((say(since),) if dated else ()),
            causes.likely(one),
        )
        for one, since in zip(kept, began, strict=True)
    )
    keys = tuple(one.cluster.id for one in kept)
    yield Table(caption=wording.severity_headline(severity), heads=heads, rows=rows, keys=keys)
    if len(found) > ROWS:
        yield Paragraph(label="", said=more(len(found) - ROWS, "/clusters"))


def _improvements(found: tuple[Issue, ...]) -> Iterator[Block]:
    rows = tuple(
        (
            say(issue.identity(one)),
            issue.subject(one),
            say(issue.slowdown(one)),
            say(issue.metric(one), " ", issue.values(one), " ", issue.spot(one)),
            issue.where(one),
            say(issue.confidence(one)),
        )
        for one in found[:ROWS]
    )
    heads = ("issue", "what", "median change", "values", "where", "confidence")
    keys = tuple(one.cluster.id for one in found[:ROWS])
    if rows:
        yield Table(caption="Improvements", heads=heads, rows=rows, keys=keys)
    if len(found) > ROWS:
        yield Paragraph(label="", said=more(len(found) - ROWS, "/clusters"))


def _alone(found: tuple[Finding, ...]) -> Iterator[Block]:
    """Yield findings that belong to no issue, one line each."""
    lines = [Line(label=finding.id, said=_finding(finding)) for finding in found[:ROWS]]
    if lines:
        yield Items(items=tuple(lines), ordered=False)
    if len(found) > ROWS:
        yield Paragraph(label="", said=more(len(found) - ROWS, "/regressions"))


def _finding(finding: Finding) -> Sentence:
    at = f"/curves/{finding.curve.index}"
    tag = value(Kind.NAME, "curve", clean(finding.curve.tag, TAG_LIMIT), at=f"{at}/curve/tag")
    window = finding.window
    if window is None:
        return say(tag, ".")
    size = value(
        Kind.CHANGE,
        "change of a curve",
        format_slowdown(window.median_slowdown),
        raw=window.median_slowdown,
        at=f"{at}/result",
    )
    return say(tag, ": ", size, " in the median.")


# ── accepted regressions ────────────────────────────────────────────────────────────────────────────────────────────

ACCEPTED = "accepted"
"""Key of the section."""
ACCEPTED_HEADS = ("entry", "accepts", "found", "curves", "standing", "until", "reason")


def accepted_regressions(shown: View) -> Iterator[Section]:
    """Yield the section of accepted regressions, an entry of the settings a row; nothing where there are none."""
    entries = shown.analysis.accepted
    if not entries:
        return
    blocks: list[Block] = []
    known = issue.issues(shown, tuple(one for one in shown.analysis.clusters if accepted(shown, one)))
    blocks += list(_known(shown, known))
    rows = tuple(_acceptance(shown, at, one) for at, one in enumerate(entries[:ROWS]))
    blocks.append(Table(caption="Accepted regressions", heads=ACCEPTED_HEADS, rows=rows, keys=("",) * len(rows)))
    if len(entries) > ROWS:
        blocks.append(Paragraph(label="", said=more(len(entries) - ROWS, "/accepted")))
    yield Section(key=ACCEPTED, title="Accepted Regressions", blocks=tuple(blocks))


def _known(shown: View, known: tuple[Issue, ...]) -> Iterator[Paragraph]:
    """Yield what counts for nothing, and when the first of it counts again; nothing where no entry covers a curve."""
    entries = [entry for entry in shown.analysis.accepted if entry.curves]
    if not entries:
        return
    names = [say(issue.identity(one), " ", issue.name(one)) for one in known[:ROWS]]
    count = len(shown.accepted)
    curves = value(Kind.COUNT, "accepted curves", plural(count, "curve"), raw=count, at="/summary/accepted")
    until = min(entry.until for entry in entries)
    day = value(Kind.NOTE, "accepted until", str(until), raw=str(until), at="/accepted")
    told = join(names, "; ") or say(curves)
    yield Paragraph(label="", said=say("Known, and not counted for the verdict until ", day, ": ", told, "."))


def _acceptance(shown: View, at: int, entry: Acceptance) -> tuple[Sentence, ...]:
    covered = [shown.by_curve[curve].id for curve in entry.curves]
    more_of = f" and {len(covered) - COVERED:,} more" if len(covered) > COVERED else ""
    texts = (
        ("what is accepted", clean(wording.accepted_name(entry), LABEL_LIMIT)),
        ("accepted size", wording.accepted_size(entry)),
        ("found", "nothing" if entry.found is None else format_slowdown(entry.found)),
        ("covered curves", ", ".join(covered[:COVERED]) + more_of or "none"),
        ("standing", wording.standing_text(entry.standing)),
        ("until", str(entry.until)),
        ("reason", clean(entry.reason, REASON_LIMIT)),
    )
    return tuple(say(value(Kind.NOTE, label, text, at=f"/accepted/{at}")) for label, text in texts)
