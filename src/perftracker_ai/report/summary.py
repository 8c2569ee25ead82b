"""The first screen: what to do with the release and why, every issue in a line, the jobs, and how sure all that is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from perftracker_ai.model import Attribution, Direction, NewerJob, NewerVersion, Outcome, Verdict
from perftracker_ai.report import checks, issue, past, still_open
from perftracker_ai.report.counts import counts
from perftracker_ai.report.coverage import gaps, serious
from perftracker_ai.report.run import value
from perftracker_ai.report.value import Items, Kind, Line, Paragraph, Section, Table, Value, join, say
from perftracker_ai.report.view import worsened
from perftracker_ai.words import wording
from perftracker_ai.words.numbers import UNKNOWN, format_interval, format_speed, plural
from perftracker_ai.words.text import clean, listing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from perftracker_ai.model import JobInfo, Rule, RunShift
    from perftracker_ai.model.checks import Check
    from perftracker_ai.report.issue import Issue
    from perftracker_ai.report.value import Block, Sentence
    from perftracker_ai.report.view import Finding, View

GLANCE, NOTICES, RERUNS = 15, 8, 5
KEY = "summary"
VALIDITY, CURVES, WHOLE_RUN, NOTE = "Before you trust it", "Curves", "Whole run", "Note"
SINGLE_LOADS = "Loads"
ISSUES, JOBS, LEFT_OUT = "Issues at a glance", "The two jobs", "issues left out"
LARGE_SHIFT = "shift of the whole run"
"""Labels and captions by which writers that show less than all of the section choose."""
NAME_LIMIT, RULE_LIMIT = 60, 400


def title(shown: View) -> Sentence:
    """Return product, versions and verdict."""
    analysis = shown.analysis
    product = _name("product", analysis.candidate.product_name, "/metadata/run2/product")
    before = _name("baseline version", analysis.baseline.product_ver, "/metadata/run1/version")
    after = _name("candidate version", analysis.candidate.product_ver, "/metadata/run2/version")
    return say(product, " ", before, " → ", after, ": ", verdict(shown))


def verdict(shown: View) -> Value:
    """Return the verdict."""
    text = shown.analysis.decision.verdict.value
    return value(Kind.VERDICT, "verdict", text, raw=text, at="/verdict/verdict")


def bottom_line(shown: View) -> tuple[Sentence, ...]:
    """Return what it comes to: what to do, what was found, the worst of it."""
    decided = shown.analysis.decision.verdict
    meaning = value(
        Kind.VERDICT, "meaning of the verdict", wording.verdict_text(decided), raw=decided.value, at="/verdict/verdict"
    )
    return tuple(
        filter(None, (say(meaning), found(shown), _worst(shown), still_open.bottom_line(shown), _creeping(shown)))
    )


def found(shown: View) -> Sentence:
    """Return what was found, worst first, in a sentence: issues as issues, gaps as gaps."""
    told = [*issue_count(shown), *gaps(shown)]
    if told and shown.analysis.decision.verdict is Verdict.SAME_VERSION:
        return say("Between two versions it would have been: ", join(told, "; "), ".")
    if told:
        return say("Found: ", join(told, "; "), ".")
    if shown.analysis.decision.verdict is Verdict.INSUFFICIENT_EVIDENCE:
        return say("No regression was found, but too little could be compared for that to mean anything.")
    return say(f"No regression was found{past.beyond(shown)}.")


def issue_count(shown: View) -> Iterator[Value]:
    """Yield how many issues there are by severity; nothing for none."""
    every = counts(shown).issues
    told = [f"{count:,} {severity.value}" for severity, count in every.items() if count]
    total = sum(every.values())
    if told:
        text = f"{listing(told)} {'issues' if total > 1 else 'issue'}"
        yield value(Kind.COUNT, "issues", text, raw=total, at="/clusters")


def _worst(shown: View) -> Sentence:
    one_version = shown.analysis.decision.verdict is Verdict.SAME_VERSION
    first = () if one_version else issue.issues(shown, worsened(shown)[:1])
    return (
        say("Worst: ", issue.identity(first[0]), " ", issue.subject(first[0]), ", ", issue.slowdown(first[0]), ".")
        if first
        else ()
    )


def _creeping(shown: View) -> Sentence:
    creeps = past.creeping(shown)
    return say("Creeping: ", creeps, ".") if creeps else ()


# ── the section ─────────────────────────────────────────────────────────────────────────────────────────────────────


def summary(shown: View) -> Section:
    """Return the section of the verdict."""
    blocks: list[Block] = [
        *_validity(shown),
        Paragraph(label="Verdict", said=say(verdict(shown), ", because:")),
        Items(items=tuple(_because(shown)), ordered=False),
        *_glance(shown),
        *still_open.blocks(shown),
        *past.news(shown),
        _jobs(shown),
        Paragraph(label=CURVES, said=tally(shown)),
        Items(items=tuple(certainty(shown)), ordered=False),
    ]
    return Section(key=KEY, title="Executive Summary", blocks=tuple(blocks))


def _validity(shown: View) -> Iterator[Block]:
    """Yield what makes the comparison less fit to decide on, each with its cure, before any finding."""
    failed = shown.analysis.validity
    lines = [_check(at, check) for at, check in enumerate(failed)]
    if lines:
        yield Paragraph(label=VALIDITY, said=())
        yield Items(items=tuple(lines), ordered=False)


def _check(at: int, check: Check) -> Line:
    """Return what a check found, and its cure; labelled by its kind where the sentence does not begin with it."""
    text, kind = checks.found(check, _foreign), check.kind.capitalize()
    said = say(value(Kind.NOTE, "validity", text, at=f"/validity/{at}"), " ", checks.cure(check))
    return Line(label="" if text.startswith(kind) else kind, said=said)


def _foreign(text: str) -> str:
    return clean(text, NAME_LIMIT)


def _because(shown: View) -> Iterator[Line]:
    """Yield the rules that made the verdict; the weaker ones that fired as well are counted."""
    decision = shown.analysis.decision
    fired = [(at, rule) for at, rule in enumerate(decision.rules) if rule.fired]
    deciding = [(at, rule) for at, rule in fired if rule.verdict is decision.verdict]
    yield from (Line(label="", said=rule_text(at, rule)) for at, rule in deciding)
    weaker = len(fired) - len(deciding)
    if weaker:
        count = value(Kind.COUNT, "weaker rules", plural(weaker, "weaker rule"), raw=weaker, at="/verdict/rules")
        yield Line(label="", said=say(count, " fired as well, under Method."))
    if not fired:
        yield Line(label="", said=say("no rule fired."))


def rule_text(at: int, rule: Rule) -> Sentence:
    """Return a rule with what made it fire."""
    text = value(Kind.RULE, "rule", clean(rule.text, RULE_LIMIT).rstrip("."), raw=rule.key, at=f"/verdict/rules/{at}")
    because = clean(rule.because, RULE_LIMIT).rstrip(".")
    why = value(Kind.RULE, "rule that fired", because, raw=rule.key, at=f"/verdict/rules/{at}/because")
    return say(text, ": ", why, ".") if because else say(text, ".")


HEADS: tuple[str, ...] = ("issue", "what", "slowdown", "where", "since", "confidence", "priority")


def _glance(shown: View) -> Iterator[Block]:
    """Yield every issue in a row: what is slower, by how much, where, since when, how sure, how soon."""
    every = worsened(shown)
    rows = [_row(one) for one in issue.issues(shown, every[:GLANCE])]
    gaps = serious(shown)
    heads = HEADS
    rows = [*(row for row in gaps if row), *rows]
    if not rows:
        return
    if not any(row[HEADS.index("since")] for row in rows):
        heads = tuple(head for head in HEADS if head != "since")
        rows = [row[: HEADS.index("since")] + row[HEADS.index("since") + 1 :] for row in rows]
    keys = ("",) * (len(rows) - len(every[:GLANCE])) + tuple(cluster.id for cluster in every[:GLANCE])
    yield Table(caption=ISSUES, heads=heads, rows=tuple(rows), keys=keys)
    if len(every) > GLANCE:
        left = len(every) - GLANCE
        more = value(Kind.COUNT, LEFT_OUT, f"{left:,} more", raw=left, at="/clusters")
        yield Paragraph(label="", said=say("… and ", more, ", below and in result_v2.json."))


def left_out(blocks: tuple[Block, ...]) -> int:
    """Return how many issues the table at the head of the report leaves out."""
    said = (piece for block in blocks if isinstance(block, Paragraph) for piece in block.said)
    return sum(int(one.raw or 0) for one in said if isinstance(one, Value) and one.label == LEFT_OUT)


def _row(one: Issue) -> tuple[Sentence, ...]:
    wanted, by_code = issue.priority(one), one.cluster.attribution is Attribution.CODE
    return (
        say(issue.identity(one), " ", issue.severity(one)),
        issue.subject(one),
        say(issue.slowdown(one)),
        issue.where(one),
        say(issue.began_short(one)),
        say(issue.confidence(one), *(() if by_code else (", ", issue.attribution(one)))),
        say(f"{wanted.when}, {wanted.risk}"),
    )


# ── jobs ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _jobs(shown: View) -> Table:
    """Return the two jobs side by side, titles and suites only where they differ."""
    analysis = shown.analysis
    sides = _job(analysis.baseline, "run1"), _job(analysis.candidate, "run2")
    told = [label for label in sides[0] if label not in _MAY_BE_ALIKE or _texts(sides, label)]
    rows = tuple((say(label), *(say(side[label]) for side in sides)) for label in told)
    return Table(caption=JOBS, heads=("", "baseline", "candidate"), rows=rows, keys=("",) * len(rows))


_MAY_BE_ALIKE = frozenset({"title", "suite"})


def _texts(sides: tuple[dict[str, Value], ...], label: str) -> bool:
    return len({side[label].text for side in sides}) > 1


def _job(job: JobInfo, run: str) -> dict[str, Value]:
    failed = f", {job.tests_failed:,} failed" if job.tests_failed else ""
    whole = "" if job.tests_completed == job.tests_total else f" of {job.tests_total:,}"
    completed = f"{job.tests_completed:,}{whole}"
    texts = (
        ("job", "id", str(job.id)),
        ("title", "title", clean(job.title, NAME_LIMIT)),
        ("version", "version", clean(job.product_ver, NAME_LIMIT)),
        ("suite", "suite", clean(f"{job.suite_name} {job.suite_ver}".strip(), NAME_LIMIT)),
        ("hardware", "hosts", clean(", ".join(job.hosts), NAME_LIMIT)),
        ("measured (UTC)", "end", _measured(job)),
        ("tests", "tests_total", f"{completed}{failed}"),
    )
    return {
        label: value(Kind.NAME, f"{run} {label}", text or UNKNOWN, raw=text, at=f"/metadata/{run}/{key}")
        for label, key, text in texts
    }


def _measured(job: JobInfo) -> str:
    """Return when a job was measured, a day that is the same said once."""
    begin, end = _time(job.begin), _time(job.end)
    same = job.begin is not None and job.begin.date() == job.end.date()
    return f"{begin} to {end.split()[-1] if same else end}"


def _time(moment: datetime | None) -> str:
    return UNKNOWN if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def _name(label: str, text: str, at: str) -> Value:
    shown = clean(text, NAME_LIMIT) or UNKNOWN
    return value(Kind.NAME, label, shown, raw=shown, at=at)


# ── counts and certainty ────────────────────────────────────────────────────────────────────────────────────────────


_DIRECTIONS = {
    Outcome.REGRESSED: Direction.WORSE,
    Outcome.MINOR: Direction.WORSE,
    Outcome.IMPROVED: Direction.BETTER,
}


def tally(shown: View) -> Sentence:
    """Return every curve counted once, by outcome."""
    every, known = counts(shown).curves, counts(shown).accepted
    told = [
        value(Kind.COUNT, f"{outcome.value} curves", f"{count:,} {outcome.value}", raw=count,
              at=f"/summary/by_outcome/{outcome.value}", direction=_DIRECTIONS.get(outcome))
        for outcome, count in every.items()
        if count
    ]  # fmt: skip
    curves = sum(every.values())
    total = value(Kind.COUNT, "curves", plural(curves, "curve"), raw=curves, at="/summary/curves_total")
    if known:
        told.append(value(Kind.COUNT, "accepted", f"{known:,} of them accepted", raw=known, at="/summary/accepted"))
    return say(total, ": ", join(told), ".")


def certainty(shown: View) -> Iterator[Line]:
    """Yield how far to trust the numbers: noise, runs, the shift of the whole run, what chance flags, notices."""
    analysis = shown.analysis
    source = value(Kind.NOTE, "noise", clean(analysis.detection.noise_source), at="/noise_source")
    yield Line(label="Noise", said=say("estimated from ", source, "."))
    yield Line(label="Runs", said=say(_runs(shown), "."))
    yield Line(label=WHOLE_RUN, said=_shifts(analysis.detection.shifts))
    yield from (Line(label=SINGLE_LOADS, said=said) for said in _not_proven(shown))
    yield from (Line(label="Chance", said=said) for said in _mirrored(shown))
    for place, notice in enumerate(analysis.notices[:NOTICES]):
        if isinstance(notice, NewerJob | NewerVersion):
            continue  # a check of the comparison, and told as such
        text = wording.notice_text(notice, _foreign)
        yield Line(label=NOTE, said=say(value(Kind.NOTE, "notice", text, at=f"/notices/{place}")))
    left = len(analysis.notices) - NOTICES
    if left > 0:
        more = value(Kind.COUNT, "notices left out", f"{left:,} more", raw=left, at="/notices")
        yield Line(label=NOTE, said=say("… and ", more, ", in result_v2.json."))


def _runs(shown: View) -> Sentence:
    reruns = shown.analysis.reruns
    if not reruns:
        return say("one run of each version, so a second run of either would sharpen it most")
    ids = ", ".join(str(job.id) for job in reruns[:RERUNS])
    more = f" and {len(reruns) - RERUNS:,} more" if len(reruns) > RERUNS else ""
    text = f"{plural(len(reruns), 'rerun')} (job {ids}{more})"
    return say(value(Kind.COUNT, "reruns", text, raw=len(reruns), at="/metadata/reruns"))


def _shifts(shifts: tuple[RunShift, ...]) -> Sentence:
    there = [_one_shift(at, one) for at, one in enumerate(shifts) if one.significant]
    if not there:
        return say("no shift that can be told from chance.")
    return say(join(there, "; "), "." if all(map(_by_code, shifts)) else "; taken off every change.")


def _by_code(one: RunShift) -> bool:
    return one.large and one.attribution is Attribution.CODE


def _one_shift(at: int, one: RunShift) -> Sentence:
    place = f"/run_shift/{at}"
    size = value(
        Kind.CHANGE,
        LARGE_SHIFT if one.large else f"small {LARGE_SHIFT}",
        _shift_text(one),
        raw=one.slowdown,
        at=f"{place}/slowdown",
        direction=Direction.WORSE if one.slowdown > 0 else Direction.BETTER,
    )
    interval = value(Kind.NOTE, "interval of a shift", format_interval(one.low, one.high), raw=one.low, at=place)
    within = say(" (", interval, ")") if one.large and math.isfinite(one.low) and math.isfinite(one.high) else ()
    large = "; large, and the code's" if _by_code(one) else "; large, so rerun before you judge"
    return say(size, within, large if one.large else "")


def _shift_text(one: RunShift) -> str:
    return f"{shift_of(one)} {format_speed(one.slowdown)}"


def shift_of(one: RunShift) -> str:
    """Return what a shift of the whole run is a shift of."""
    kind = "all metrics" if one.metric_kind is None else one.metric_kind.value
    return kind if one.threads is None else f"{kind} at {plural(one.threads, 'thread')}"


def _not_proven(shown: View) -> Iterator[Sentence]:
    """Say which curve has the largest load that stands out without proof, and how many curves have any."""
    told = [one for one in shown.by_curve.values() if _doubt(one)]
    if not told:
        return
    first = max(told, key=lambda one: _farthest(shown, one))
    count = value(Kind.COUNT, "curves with a doubtful load", plural(len(told), "curve"), raw=len(told), at="/curves")
    at = f"/curves/{first.curve.index}"
    tag = value(Kind.NAME, "curve", clean(first.curve.tag, NAME_LIMIT), at=f"{at}/curve/tag")
    doubt = value(Kind.NOTE, "doubtful load", clean(_doubt(first), RULE_LIMIT), at=f"{at}/result/reasons")
    unproven = " has single ones that stand out and that no score, rerun or second endpoint proves; the largest in "
    yield say(count, unproven if len(told) == 1 else unproven.replace(" has", " have", 1), tag, ", ", doubt, ".")


def _doubt(one: Finding) -> str:
    return next((reason for reason in one.result.reasons if reason.startswith(wording.NOT_PROVEN)), "")


def _farthest(shown: View, one: Finding) -> float:
    """Return by how much the load changed most that stands out of a curve, as a logarithm."""
    change = shown.risen[one.curve.start : one.curve.stop]
    return float(np.nanmax(np.abs(change - np.nanmedian(change))))


def _mirrored(shown: View) -> Iterator[Sentence]:
    detection = shown.analysis.detection
    if not any(result.points for result in detection.results):
        return
    count = detection.mirrored
    text = plural(count, "curve") if count else "no curve"
    flagged = value(Kind.COUNT, "gauge of chance", text, raw=count, at="/mirrored")
    yield say("on the improvement side, mostly chance, the same criteria flag ", flagged, ".")
