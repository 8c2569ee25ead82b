"""The top of the page: verdict, the rules that led to it, both jobs, what was found, and how sure that is.

In: a `View`. Out: `Html`. The verdict and its rules are the analysis's own.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from perftracker_ai.model import Outcome, Severity, Verdict
from perftracker_ai.render import phrases, svg
from perftracker_ai.render.page import facts, past
from perftracker_ai.render.page.markup import Html, el, from_markdown, join
from perftracker_ai.report.view import clusters, coverage_counts
from perftracker_ai.words import wording
from perftracker_ai.words.numbers import UNKNOWN, format_change, format_interval, plural
from perftracker_ai.words.text import clean, listing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from perftracker_ai.model import JobInfo, Notice, Rule, RunShift
    from perftracker_ai.report.view import View

NOTICES = 20
SHORT = 60

TONE = {
    Verdict.BLOCK: "block",
    Verdict.INVESTIGATE: "investigate",
    Verdict.APPROVE_WITH_MONITORING: "monitor",
    Verdict.APPROVE: "approve",
    Verdict.INSUFFICIENT_EVIDENCE: "open",
    Verdict.SAME_VERSION: "open",
}
"""Class of each verdict: its colour."""


def header(shown: View) -> Html:
    """Return what a meeting has to see first: verdict, why, which jobs, how much was found."""
    verdict = shown.analysis.decision.verdict
    told = el("div", _title(shown), _because(shown), *past.news(shown), class_="told")
    return el("header", el("div", told, _jobs(shown), class_="lead"), _tally(shown), class_=f"top {TONE[verdict]}")


def title(shown: View) -> str:
    """Return the page's title, as plain text: product, versions, verdict."""
    analysis = shown.analysis
    versions = " → ".join(clean(job.product_ver, SHORT) or UNKNOWN for job in (analysis.baseline, analysis.candidate))
    product = clean(analysis.candidate.product_name, SHORT) or UNKNOWN
    return f"{product} {versions}: {analysis.decision.verdict.value}"


def _title(shown: View) -> Html:
    analysis = shown.analysis
    verdict = analysis.decision.verdict
    product = clean(analysis.candidate.product_name, SHORT) or UNKNOWN
    before, after = (clean(job.product_ver, SHORT) or UNKNOWN for job in (analysis.baseline, analysis.candidate))
    heading = el(
        "h1",
        el("span", f"{product} ", class_="product", data_fact=facts.of("metadata", "run2", "product")),
        el("span", before, class_="version", data_fact=facts.of("metadata", "run1", "version")),
        el("span", " → ", class_="arrow"),
        el("span", after, class_="version", data_fact=facts.of("metadata", "run2", "version")),
    )
    pill = el("p", verdict.value, class_="verdict", data_fact=facts.of("verdict", "verdict"))
    return join(
        [
            pill,
            heading,
            el("p", wording.verdict_text(verdict), " ", _found(shown), _creeping(shown), class_="bottom-line"),
        ]
    )


def _found(shown: View) -> Html:
    """Return what was found, worst first, in a sentence."""
    counts = [(severity, len(clusters(shown, severity))) for severity in Severity]
    told = [f"{count:,} {severity.value}" for severity, count in counts if count]
    several = sum(count for _, count in counts) > 1
    issues = f"{listing(told)} {'issues' if several else 'issue'}" if told else ""
    return el(
        "span",
        f"Found: {issues}." if told else f"No regression was found{phrases.beyond(shown)}.",
        data_fact=facts.of("clusters"),
    )


def _creeping(shown: View) -> Html:
    """Return what creeps by as much as the policy names."""
    creeping = phrases.creeping(shown)
    rules = shown.analysis.decision.rules
    at = next((at for at, rule in enumerate(rules) if rule.key == "monitor_creep"), 0)
    return el("span", f" Creeping: {creeping}.", data_fact=facts.of("verdict", "rules", at)) if creeping else Html("")


# ── why ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _because(shown: View) -> Html:
    """Return the rules that fired: those behind the verdict in full, weaker ones folded away."""
    decision = shown.analysis.decision
    fired = [(at, rule) for at, rule in enumerate(decision.rules) if rule.fired]
    deciding = [_rule(at, rule) for at, rule in fired if rule.verdict is decision.verdict]
    weaker = [_rule(at, rule) for at, rule in fired if rule.verdict is not decision.verdict]
    parts = [el("h2", "Why")]
    parts += [el("ul", *deciding, class_="rules")] if deciding else [el("p", "No rule fired.")]
    if weaker:
        summary = el(
            "summary", f"{plural(len(weaker), 'weaker rule')} fired as well", data_fact=facts.of("verdict", "rules")
        )
        parts.append(el("details", summary, el("ul", *weaker, class_="rules weaker")))
    return el("section", *parts, class_="why", aria_label="Why")


def _rule(at: int, rule: Rule) -> Html:
    because = el("span", clean(rule.because), class_="because") if rule.because else Html("")
    badge = el("b", rule.verdict.value, class_=f"tone {TONE[rule.verdict]}")
    return el("li", badge, " ", el("span", clean(rule.text)), because, data_fact=facts.of("verdict", "rules", at))


# ── jobs ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _jobs(shown: View) -> Html:
    analysis = shown.analysis
    pairs = (("run1", _job(analysis.baseline)), ("run2", _job(analysis.candidate)))
    head = el(
        "thead",
        el(
            "tr",
            el("td"),
            el("th", "Baseline", scope="col", class_="base"),
            el("th", "Candidate", scope="col", class_="cand"),
        ),
    )
    rows = [
        el(
            "tr",
            el("th", label, scope="row"),
            *(
                el("td", values[label][1], data_fact=facts.of("metadata", run, *filter(None, values[label][:1])))
                for run, values in pairs
            ),
        )
        for label in _job(analysis.baseline)
    ]
    caption = el("caption", "The two jobs", class_="unseen")
    table = el("table", caption, head, el("tbody", *rows))
    return el("div", el("div", table, class_="jobs"), _glimpse(shown))


def _glimpse(shown: View) -> Html:
    """Return in three lines how far to trust the verdict, leading to the section that says more."""
    shifts, notices = shown.analysis.detection.shifts, shown.analysis.notices
    told = [
        el("li", phrases.reruns(shown.analysis), data_fact="/metadata/reruns"),
        el("li", "Shift of the whole run: ", _largest(shown), data_fact="/run_shift") if shifts else Html(""),
    ]
    told += [
        el("li", clean(wording.check_text(check)), data_fact=facts.of("validity", at))
        for at, check in enumerate(shown.analysis.validity)
    ]
    if notices:
        told.append(el("li", f"{plural(len(notices), 'notice')} to read before you trust it.", data_fact="/notices"))
    told.append(el("li", el("a", "How sure is this?", href="#certainty")))
    return el("ul", *told, class_="glimpse", aria_label="How sure")


def _largest(shown: View) -> Html:
    """Return the run-wide shift furthest from none among those that are there, or that none is."""
    there = [shift for shift in shown.analysis.detection.shifts if shift.significant]
    if not there:
        return Html("none that can be told from chance.")
    largest = max(there, key=lambda shift: abs(shift.slowdown))
    fact = facts.of_shift(shown.analysis, largest, "slowdown")
    of = from_markdown(phrases.shift_of(largest))
    return join(
        [of, Html(" "), el("b", format_change(largest.slowdown), data_fact=fact), Html(", taken out of every change.")]
    )


def _job(job: JobInfo) -> dict[str, tuple[str, str]]:
    """Return what identifies a job: by label its key in the results file, empty for several together, and its text."""
    failed = f", {job.tests_failed:,} failed" if job.tests_failed else ""
    return {
        "Job": ("id", str(job.id)),
        "Title": ("title", clean(job.title, SHORT)),
        "Version": ("version", clean(job.product_ver, SHORT)),
        "Suite": ("", clean(f"{job.suite_name} {job.suite_ver}".strip(), SHORT)),
        "Hardware": ("hosts", clean(", ".join(job.hosts), SHORT) or "none named"),
        "Begin (UTC)": ("begin", _time(job.begin)),
        "End (UTC)": ("end", _time(job.end)),
        "Tests": ("", f"{job.tests_completed:,} of {job.tests_total:,}{failed}"),
    }


def _time(moment: datetime | None) -> str:
    return UNKNOWN if moment is None else f"{moment:%Y-%m-%d %H:%M}"


# ── tally ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _tally(shown: View) -> Html:
    """Return every curve counted once, as a bar and as numbers, and the gaps in what was measured."""
    curves = list(_curve_counts(shown))
    failing, lost = coverage_counts(shown.analysis.coverage)
    gaps = [("newly failing points", failing, "gap", "/coverage"), ("lost tests or loads", lost, "gap", "/coverage")]
    if shown.accepted:
        gaps.insert(0, ("of them accepted", len(shown.accepted), "neutral", "/summary/accepted"))
    bar = svg.bar([(count, kind) for _, count, kind, _ in curves])
    total = el("p", plural(len(shown.by_curve), "curve"), ", each counted once", data_fact="/summary/curves_total")
    cells = [_count(*one) for one in (*curves, *gaps)]
    return el("section", total, bar, el("dl", *cells, class_="tally"), class_="counts", aria_label="Tally")


def _curve_counts(shown: View) -> Iterator[tuple[str, int, str, str]]:
    """Return label, count, class and fact of each outcome, worst first."""
    regressed = Counter(finding.result.severity for finding in shown.findings[Outcome.REGRESSED])
    for severity in (Severity.CRITICAL, Severity.SEVERE, Severity.MODERATE):
        fact = facts.of("summary", "by_severity", severity.value)
        yield severity.value, regressed[severity], severity.value, fact
    usual = (Outcome.MINOR, Outcome.IMPROVED, Outcome.UNCHANGED, Outcome.INCONCLUSIVE)
    for outcome in (*usual, *(one for one in (Outcome.MOVED, Outcome.CHANGED) if shown.findings[one])):
        fact = facts.of("summary", "by_outcome", outcome.value)
        yield outcome.value, len(shown.findings[outcome]), outcome.value, fact


def _count(label: str, count: int, kind: str, fact: str) -> Html:
    number = el("dd", f"{count:,}", data_fact=fact)
    return el("div", el("dt", label), number, class_=f"count {kind}" + ("" if count else " zero"))


# ── how sure ────────────────────────────────────────────────────────────────────────────────────────────────────────


def certainty(shown: View) -> Html:
    """Return how far to trust the numbers: noise, reruns, what chance flags, the shift of the whole run, notices."""
    detection = shown.analysis.detection
    basis = el(
        "ul",
        el("li", f"Noise estimated from {clean(detection.noise_source)}.", data_fact="/noise_source"),
        el("li", phrases.reruns(shown.analysis), data_fact="/metadata/reruns"),
        *(el("li", text, data_fact="/mirrored") for text in phrases.mirrored(shown.analysis)),
        class_="plain",
    )
    columns = el("div", el("div", el("h3", "Where the noise comes from"), basis), _shift(shown), class_="columns")
    return el(
        "section",
        el("h2", "How sure", id="certainty-h"),
        columns,
        *_notices(shown),
        id="certainty",
        aria_labelledby="certainty-h",
    )


def _shift(shown: View) -> Html:
    """Return what nearly all curves share, each part with its interval drawn to one scale."""
    shifts = shown.analysis.detection.shifts
    words = [el("p", from_markdown(line), data_fact="/run_shift") for line in phrases.shifts(shifts)]
    told = [words[0], *words[1:]] if not shifts else [el("p", _shift_says(shifts), data_fact="/run_shift")]
    return el("div", el("h3", "Shift of the whole run"), *told, *_shift_table(shown))


def _shift_says(shifts: tuple[RunShift, ...]) -> str:
    if any(shift.large for shift in shifts):
        return "The whole run moved by much: rerun before you judge single endpoints."
    if any(shift.significant for shift in shifts):
        return "What nearly all curves share was taken out of every change on this page."
    return "No interval leaves out zero: there is no shift that can be told from chance."


def _shift_table(shown: View) -> Iterator[Html]:
    shifts = shown.analysis.detection.shifts
    if not shifts:
        return
    reach = max(0.05, *(max(abs(shift.low), abs(shift.high)) for shift in shifts))
    heads = ("Curves of", "Slowdown", "Interval", "")
    head = el("thead", el("tr", *(el("th", text, scope="col") if text else el("td") for text in heads)))
    rows = [_shift_row(shown, shift, reach) for shift in shifts]
    caption = el("caption", "Run-wide shift by kind of curve", class_="unseen")
    yield el("table", caption, head, el("tbody", *rows), class_="shifts")


def _shift_row(shown: View, shift: RunShift, reach: float) -> Html:
    kind = "large" if shift.large else "there" if shift.significant else "none"
    fact = facts.of_shift(shown.analysis, shift)
    return el(
        "tr",
        el("th", from_markdown(phrases.shift_of(shift)), scope="row", data_fact=fact),
        el("td", format_change(shift.slowdown), class_="num", data_fact=f"{fact}/slowdown"),
        el("td", format_interval(shift.low, shift.high), class_="num", data_fact=fact),
        el("td", svg.interval(shift.low, shift.slowdown, shift.high, reach)),
        class_=f"shift {kind}",
    )


def _notices(shown: View) -> Iterator[Html]:
    notices = shown.analysis.notices
    if notices:
        items = [_notice(at, notice) for at, notice in enumerate(notices[:NOTICES])]
        yield el("h3", "Before you trust the comparison")
        yield el("ul", *items, class_="notices")
    if len(notices) > NOTICES:
        yield el("p", f"… and {len(notices) - NOTICES:,} more notices in the results file.", data_fact="/notices")


def _notice(at: int, notice: Notice) -> Html:
    text = wording.notice_text(notice, lambda value: clean(value, phrases.LABEL_LIMIT))
    return el("li", text, data_fact=facts.of("notices", at))
