"""What was measured on one side only, what newly fails, and where every test went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.model import Absence, Confidence, CoverageKind, Outcome, Severity
from perftracker_ai.report.counts import counts
from perftracker_ai.report.run import RESULT_FILE, value
from perftracker_ai.report.value import Items, Kind, Line, Paragraph, Section, join, say
from perftracker_ai.report.view import coverage_order
from perftracker_ai.words import wording
from perftracker_ai.words.numbers import format_range, plural
from perftracker_ai.words.text import clean, listing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from perftracker_ai.model import CoverageFinding, RunAccount
    from perftracker_ai.report.value import Sentence, Value
    from perftracker_ai.report.view import View

ROWS, BAD_ROWS, SERIOUS, OPEN_ROWS = 8, 3, 4, 2
LABEL_LIMIT, TAG_LIMIT, REASON_LIMIT = 60, 200, 200
_HEAVY = frozenset({Severity.CRITICAL, Severity.SEVERE, Severity.MODERATE})


def gaps(shown: View) -> Iterator[Value]:
    """Yield how much newly fails and is lost; isolated failures, as every job has some, are minor and left out."""
    found = counts(shown)
    if found.failing:
        text = f"{plural(found.failing, 'load point')} newly failing"
        yield value(Kind.COUNT, "newly failing", text, raw=found.failing, at="/coverage")
    if found.lost:
        text = plural(found.lost, "loss of coverage", "losses of coverage")
        yield value(Kind.COUNT, "lost coverage", text, raw=found.lost, at="/coverage")


def serious(shown: View) -> list[tuple[Sentence, ...]]:
    """Return a row for each new failure and loss of moderate severity or worse, the worst first, as issues have one."""
    found = [(at, one) for at, one in _ordered(shown) if one.severity in _HEAVY]
    return [_serious_row(shown, at, one) for at, one in found[:SERIOUS]]


def _serious_row(shown: View, at: int, one: CoverageFinding) -> tuple[Sentence, ...]:
    assert one.severity is not None  # only those of a severity get a row
    priority = {
        Severity.CRITICAL: "immediate, HIGH",
        Severity.SEVERE: "this release, HIGH",
        Severity.MODERATE: "this release, MEDIUM",
        Severity.MINOR: "next, LOW",
    }[one.severity]
    severity = value(
        Kind.LABEL, "severity of a gap", one.severity.value, raw=one.severity.value, at=f"/coverage/{at}/severity"
    )
    return (
        say(severity),
        say(gap_name(shown, at, one)),
        say(wording.coverage_label(one.kind)),
        say(_loads(at, one)),
        (),
        say(Confidence.HIGH.value),
        say(priority),
    )


def _ordered(shown: View) -> list[tuple[int, CoverageFinding]]:
    """Return coverage findings by severity and size, each with its place in the results."""
    place = {id(one): at for at, one in enumerate(shown.analysis.coverage)}
    return [(place[id(one)], one) for one in coverage_order(shown.analysis.coverage)]


def gap_name(shown: View, at: int, one: CoverageFinding) -> Value:
    """Return the test a difference is about, or the group when it is about several."""
    curves = shown.analysis.curves.curves
    if len(one.curves) == 1:
        text = clean(curves[one.curves[0]].tag, TAG_LIMIT)
    else:
        text = f"group {clean(one.group) or '(unnamed)'}, {plural(len(one.curves), 'test')}"
    return value(Kind.NAME, "gap", text, raw=text, at=f"/coverage/{at}")


def _loads(at: int, one: CoverageFinding) -> Value | None:
    text = format_range(clean(one.load_first, LABEL_LIMIT), clean(one.load_last, LABEL_LIMIT))
    return value(Kind.RANGE, "loads of a gap", text, raw=text, at=f"/coverage/{at}/load_first") if text else None


def gap(shown: View, at: int, one: CoverageFinding) -> Sentence:
    """Return a difference in what was measured: which test, which loads, how many errors, why."""
    place = f"/coverage/{at}"
    text = plural(one.points, "point")
    points = value(Kind.COUNT, "points of a gap", text, raw=one.points, at=f"{place}/points") if one.points else None
    errors = f"errors {one.baseline_errors:,} → {one.candidate_errors:,}"
    rose = one.kind is CoverageKind.MORE_ERRORS or one.baseline_errors != one.candidate_errors
    counted = value(Kind.COUNT, "errors", errors, raw=one.candidate_errors, at=place) if rose else None
    details = join(filter(None, (points, _loads(at, one), counted)))
    why = (
        value(Kind.NOTE, "reason of a gap", clean(one.reason, REASON_LIMIT), at=f"/coverage/{at}/reason")
        if one.reason
        else None
    )
    return say(gap_name(shown, at, one), details and ": ", details, why and "; ", why, ".")


def heavy_gaps(shown: View) -> Iterator[tuple[CoverageFinding, Sentence]]:
    """Yield new failures and losses that somebody has to look into, the worst first."""
    for at, one in _ordered(shown):
        if one.severity in {Severity.CRITICAL, Severity.SEVERE}:
            loads = _loads(at, one)
            yield one, say(gap_name(shown, at, one), loads and ", ", loads, ".")


# ── the section ─────────────────────────────────────────────────────────────────────────────────────────────────────


def coverage(shown: View) -> Section:
    """Return the section of what was measured at all."""
    found = _ordered(shown)
    lines = [_line(shown, at, one) for at, one in found[:ROWS]]
    lines += [Line(label="", said=more(len(found) - ROWS))] if len(found) > ROWS else []
    calm = [] if found else [Paragraph(label="", said=say("Both jobs measured the same, and nothing newly fails."))]
    accounts = _accounts(shown.analysis.accounts)
    kept = Items(items=(*lines, *inconclusive(shown), *accounts), ordered=False)
    return Section(key="coverage", title="Coverage", blocks=(*calm, kept))


def more(count: int, at: str = "/coverage") -> Sentence:
    """Say how many items a list leaves out."""
    return say("… and ", value(Kind.COUNT, "left out", f"{count:,} more", raw=count, at=at), f", in {RESULT_FILE}.")


def _line(shown: View, at: int, one: CoverageFinding) -> Line:
    severity = f"{one.severity.value}, " if one.severity else ""
    return Line(label=f"{severity}{wording.coverage_label(one.kind)}".capitalize(), said=gap(shown, at, one))


def inconclusive(shown: View) -> Iterator[Line]:
    """Yield how many curves stayed open, and what would decide them."""
    count = inconclusive_count(shown)
    if count:
        yield Line(label="Inconclusive", said=say(count, "; would decide: ", needed(shown), "."))


def inconclusive_count(shown: View) -> Value | None:
    """Return how many curves stayed open; None for none."""
    count = len(shown.findings[Outcome.INCONCLUSIVE])
    text = plural(count, "inconclusive curve")
    return value(Kind.COUNT, "inconclusive curves", text, raw=count, at="/inconclusive") if count else None


def needed(shown: View) -> Value:
    """Return what would decide inconclusive curves, the most frequent needs first."""
    from collections import Counter

    needs = Counter(finding.result.needed for finding in shown.findings[Outcome.INCONCLUSIVE] if finding.result.needed)
    told = [f"{clean(text).rstrip('.')} ({plural(count, 'curve')})" for text, count in needs.most_common(OPEN_ROWS)]
    rest = sum(needs.values()) - sum(count for _, count in needs.most_common(OPEN_ROWS))
    told += [f"something else ({plural(rest, 'curve')})"] if rest else []
    return value(Kind.NOTE, "what would decide", "; ".join(told) or "another run of both versions", at="/inconclusive")


def _accounts(accounts: Sequence[RunAccount]) -> Iterator[Line]:
    """Yield where the tests of each job went, once for jobs of which the same is to be said."""
    jobs: dict[str, list[int]] = {}
    for at, account in enumerate(accounts):
        jobs.setdefault(_account(account), []).append(at)
    for text, places in jobs.items():
        names = listing([str(accounts[at].job_id) for at in places])
        first, each = places[0], " each." if len(places) > 1 else "."
        said = value(Kind.COUNT, "accounting", text, raw=accounts[first].points, at=f"/accounting/{first}")
        yield Line(
            label=f"{'Job' if len(places) == 1 else 'Jobs'} {names}",
            said=say(said, each),
        )


def _account(account: RunAccount) -> str:
    parts = [f"{plural(account.tests, 'test')} gave {plural(account.points, 'load point')}"]
    if account.pooled:
        parts.append(f"{plural(account.pooled, 'test')} pooled into the point of another")
    if account.absent:
        reasons = [f"{count:,} {Absence(reason).name.lower().replace('_', ' ')}" for reason, count in account.absent]
        parts.append(f"without a value: {listing(reasons)}")
    bad = [f"record {record.position}: {clean(record.problem)}" for record in account.bad_records]
    if bad:
        shown = ", ".join(bad[:BAD_ROWS]) + (f" and {len(bad) - BAD_ROWS:,} more" if len(bad) > BAD_ROWS else "")
        parts.append(f"{plural(len(bad), 'unreadable record')} ({shown})")
    return "; ".join(parts)
