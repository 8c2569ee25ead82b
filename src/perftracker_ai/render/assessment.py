"""What follows from the findings: hypotheses, risk, what to do next, and what the findings have in common.

In: a `View`. Out: lines of Markdown. Hypotheses, verdict and severities are the analysis's own; here they are worded
and put in order.
"""

from __future__ import annotations

from collections import Counter
from itertools import takewhile
from typing import TYPE_CHECKING

from perftracker_ai import retrospect
from perftracker_ai.model import Attribution, Confidence, Outcome, Part, Severity, Verdict
from perftracker_ai.render import phrases, recall
from perftracker_ai.render.told import chosen, passages, said
from perftracker_ai.report.commentary import MARK
from perftracker_ai.report.view import clusters, coverage_order, leading, worsened, worst_point
from perftracker_ai.words import wording
from perftracker_ai.words.numbers import format_change, format_percent, plural
from perftracker_ai.words.text import listing, md, sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from perftracker_ai.model import Cluster, Curve, Hypothesis
    from perftracker_ai.report.view import Finding, View

HYPOTHESES, PER_CLUSTER, ACTIONS_PER_KIND, PATTERN_ROWS = 5, 2, 3, 4
_HEAVY = (Severity.CRITICAL, Severity.SEVERE)


# ── hypotheses ──────────────────────────────────────────────────────────────────────────────────────────────────────


def hypotheses(shown: View) -> list[str]:
    """Return what may be behind the worst clusters, with the evidence either way and how to find out."""
    lines = ["## Root-Cause Hypotheses", "", f"*{wording.NO_TRACES}*", ""]
    found = [cluster for cluster in worsened(shown) if cluster.hypotheses]
    for cluster in found[:HYPOTHESES]:
        lines += [f"**{cluster.id}. {phrases.name(cluster)}** ({cluster.shape.value})", ""]
        preferred, rest = preference(shown, cluster)
        mark = f" {MARK}" if chosen(shown, cluster.id) else ""
        lines += [line for hypothesis in preferred for line in _hypothesis(hypothesis, mark)]
        others = [md(hypothesis.title) for hypothesis in rest]
        lines += [f"- Also possible, in {phrases.RESULT_FILE}: {'; '.join(others)}.", ""] if others else [""]
    if len(found) > HYPOTHESES:
        lines += [f"… and {len(found) - HYPOTHESES:,} more clusters with hypotheses, in {phrases.RESULT_FILE}.", ""]
    return lines if found else lines + _no_hypotheses(shown)


def preference(shown: View, cluster: Cluster) -> tuple[list[Hypothesis], list[Hypothesis]]:
    """Return the hypotheses to tell in full and the others: as a model chose, or else the better supported first."""
    wanted = chosen(shown, cluster.id)
    if not wanted:
        return list(cluster.hypotheses[:PER_CLUSTER]), list(cluster.hypotheses[PER_CLUSTER:])
    found = {hypothesis.key: hypothesis for hypothesis in cluster.hypotheses}
    preferred = [found.pop(key) for key in wanted if key in found]
    return preferred, list(found.values())


def _no_hypotheses(shown: View) -> list[str]:
    worst = worsened(shown)
    if not worst:
        return [
            f"Nothing became slower{phrases.beyond(shown)}, so there is nothing to explain.",
            "",
        ]
    return [
        f"The shapes of the changes fit no known pattern; a profile of {_spot(shown, worst[0])} would say more.",
        "",
    ]


def _hypothesis(hypothesis: Hypothesis, mark: str) -> list[str]:
    parts = (
        ("for", hypothesis.evidence_for),
        ("against", hypothesis.evidence_against),
        ("to confirm", hypothesis.confirm),
        ("would refute", hypothesis.refute),
    )
    told = " ".join(f"*{label}:* {' '.join(sentence(md(text)) for text in texts)}" for label, texts in parts if texts)
    return [f"- **{md(hypothesis.title)}**{mark} ({hypothesis.strength.value} evidence). {told}".rstrip()]


# ── risk ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def risk(shown: View) -> list[str]:
    """Return what shipping would mean, for the service and for its users, and what is advised."""
    verdict = shown.analysis.decision.verdict
    return [
        "## Risk Assessment",
        "",
        f"- **Production impact:** {said(shown, Part.PRODUCTION) or _production(shown)}",
        f"- **User experience:** {said(shown, Part.USERS) or _experience(shown)}",
        f"- **Recommendation:** {said(shown, Part.ADVICE) or wording.recommendation(verdict)}",
        f"- **Urgency:** {wording.urgency(verdict)}",
        "",
    ]


def _production(shown: View) -> str:
    found = [cluster for cluster in worsened(shown) if cluster.severity is not Severity.MINOR]
    if not found:
        return f"no regression was found{phrases.beyond(shown)} in what was measured."
    reaching = sum(_reaches_top(leading(shown, cluster)) for cluster in found)
    tail = f"; {plural(reaching, 'reaches', 'reach')} the highest load measured" if reaching else ""
    worst = max(found, key=lambda cluster: cluster.median_slowdown)
    largest = f"the largest slowdown {format_change(worst.median_slowdown)} ({worst.id})"
    return f"{plural(len(found), 'issue')} of moderate severity or worse, {largest}{tail}."


def _experience(shown: View) -> str:
    found = [cluster for cluster in worsened(shown) if cluster.severity is not Severity.MINOR]
    if not found:
        return f"no slower request was found{phrases.beyond(shown)} in what was measured."
    return f"felt most at {phrases.name(found[0])} ({found[0].id}). {phrases.impact(shown, found[0])}"


def _reaches_top(finding: Finding) -> bool:
    return not finding.curve.scalar and any(window.last == finding.curve.stop - 1 for window in finding.result.windows)


# ── actions ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def actions(shown: View) -> list[str]:
    """Return what to do, in order: trust the run, then failures, then the worst endpoints, then the open questions."""
    if shown.analysis.decision.verdict is Verdict.SAME_VERSION:
        return ["## Prioritized Action Items", "", f"1. {wording.recommendation(Verdict.SAME_VERSION)}", ""]
    steps = [
        *_unsound(shown),
        *_repeat_run(shown),
        *_failures(shown),
        *_clusters(shown),
        *_moderate(shown),
        *_creeping(shown),
        *_inconclusive(shown),
        *_baseline_runs(shown),
    ]
    lines = [f"{number}. {step}" for number, step in enumerate(steps, 1)] or ["Nothing to do."]
    return ["## Prioritized Action Items", "", *lines, ""]


def _unsound(shown: View) -> Iterator[str]:
    """Say what makes the comparison fit to decide on."""
    for check in shown.analysis.validity:
        if not check.approves:
            yield f"**{md(wording.check_cure(check)).rstrip('.')}** ({check.kind})."


def _repeat_run(shown: View) -> Iterator[str]:
    analysis = shown.analysis
    hosts = md(", ".join(analysis.candidate.hosts)) or "the same hardware"
    large = [
        f"{phrases.shift_of(shift)} {format_change(shift.slowdown)}"
        for shift in analysis.detection.shifts
        if shift.large and shift.attribution is not Attribution.CODE
    ]
    if large:
        yield (
            f"**Rerun the candidate** (job {analysis.candidate.id}) on {hosts}, idle, before judging single endpoints: "
            f"the whole run moved ({listing(large)})."
        )
    if analysis.decision.verdict is Verdict.INSUFFICIENT_EVIDENCE:
        yield f"**Repeat the measurement** of both versions on {hosts} with the same suite and the same loads."


def _failures(shown: View) -> Iterator[str]:
    heavy = [found for found in coverage_order(shown.analysis.coverage) if found.severity in _HEAVY]
    for found in heavy[:ACTIONS_PER_KIND]:
        yield f"**Find out why ({wording.coverage_label(found.kind)}):** {phrases.coverage(shown, found)}"
    if len(heavy) > ACTIONS_PER_KIND:
        yield f"**The same** for {len(heavy) - ACTIONS_PER_KIND:,} more entries under Coverage."


def _clusters(shown: View) -> Iterator[str]:
    heavy = [cluster for severity in _HEAVY for cluster in clusters(shown, severity)]
    yield from _worded(shown, heavy)
    rest = [cluster for cluster in heavy if not said(shown, Part.ACTION, cluster.id)]
    for cluster in rest[:ACTIONS_PER_KIND]:
        yield _investigate(shown, cluster)
    if len(rest) > ACTIONS_PER_KIND:
        ids = [cluster.id for cluster in rest[ACTIONS_PER_KIND:]]
        yield f"**The same** for {phrases.capped(ids, 8)}{', in this order' if len(ids) > 1 else ''}."


def _worded(shown: View, found: Sequence[Cluster]) -> Iterator[str]:
    """Yield what a model says is to be done about these clusters, in its order."""
    ids = {cluster.id for cluster in found}
    for one in passages(shown, Part.ACTION):
        if one.cluster in ids:
            yield f"**{one.cluster}:** {said(shown, Part.ACTION, one.cluster)}"


def _investigate(shown: View, cluster: Cluster) -> str:
    if cluster.confidence is Confidence.LOW:
        spot = _spot(shown, cluster)
        return f"**Measure {cluster.id} again** before working on it: {spot}, both versions, three runs each."
    if cluster.attribution is Attribution.UNDECIDED:
        return f"**Rerun the candidate to settle {cluster.id}:** {wording.UNDECIDED}: {phrases.name(cluster)}."
    confirm = next((text for hypothesis in cluster.hypotheses for text in hypothesis.confirm), "")
    then = f" Then: {sentence(md(confirm))}" if confirm else ""
    return f"**Profile {cluster.id} on both versions:** {_spot(shown, cluster)}.{then}"


def _spot(shown: View, cluster: Cluster) -> str:
    """Name the one measurement that shows a cluster best: endpoint, load, threads."""
    finding = leading(shown, cluster)
    worst = None if finding.window is None else worst_point(shown, finding.curve, finding.window)
    load = f" at {md(worst.label, phrases.LABEL_LIMIT)}" if worst and worst.label else ""
    threads = f" with {phrases.threads((finding.curve.threads,))}" if finding.curve.threads else ""
    return f"{phrases.name(cluster)}{load}{threads}"


def _moderate(shown: View) -> Iterator[str]:
    every = clusters(shown, Severity.MODERATE)
    yield from _worded(shown, every)
    found = [cluster for cluster in every if not said(shown, Part.ACTION, cluster.id)]
    if found:
        ids = phrases.capped([cluster.id for cluster in found], 8)
        limit = f"{'each ' if len(found) > 1 else ''}{format_percent(shown.analysis.criteria.moderate)}"
        issues = "issues" if len(found) > 1 else "issue"
        yield f"**Plan the moderate {issues}** ({ids}), {limit} slower or more, and measure the next build."


def _creeping(shown: View) -> Iterator[str]:
    """Say what to do about a creep: no job brought it, so the two ends of it are to be compared."""
    creeping, past = phrases.creeping(shown), shown.analysis.chronicle
    if creeping:
        oldest = past.oldest if past else None
        start = retrospect.place(oldest, recall.version) if oldest else "the oldest version at hand"
        yield f"**Profile what creeps** on {start} and the candidate, for no single job brought it: {md(creeping)}."


def _inconclusive(shown: View) -> Iterator[str]:
    found = shown.findings[Outcome.INCONCLUSIVE]
    if found:
        curves = plural(len(found), "inconclusive curve")
        yield f"**Settle {curves}:** {needed(found)}."


def needed(found: tuple[Finding, ...]) -> str:
    """Return what would decide inconclusive curves, the most frequent needs first."""
    needs = Counter(finding.result.needed for finding in found if finding.result.needed)
    told = [f"{md(text).rstrip('.')} ({plural(count, 'curve')})" for text, count in needs.most_common(2)]
    if len(needs) > len(told):
        told.append(f"other needs in {phrases.RESULT_FILE}")
    return "; ".join(told) or "run both versions again"


def _baseline_runs(shown: View) -> Iterator[str]:
    if not shown.analysis.reruns:
        version = md(shown.analysis.baseline.product_ver)
        yield f"**Run the baseline's version {version} once more** on this hardware: two runs show the noise."


# ── patterns ────────────────────────────────────────────────────────────────────────────────────────────────────────


def patterns(shown: View) -> list[str]:
    """Return what the regressed curves share, as shares of what was measured, and what earlier jobs say."""
    title = "## Patterns and Trends" if shown.analysis.chronicle else "## Patterns"
    words = [line for text in (said(shown, Part.PATTERNS),) if text for line in (text, "")]
    return [title, "", *words, *_common(shown, worded=bool(words)), *recall.trend_lines(shown, phrases.RESULT_FILE)]


def _common(shown: View, *, worded: bool) -> list[str]:
    found = shown.findings[Outcome.REGRESSED]
    if not found:
        return [] if worded else ["No regressed curves, so no pattern.", ""]
    depth = _shared_depth([finding.curve.path for finding in shown.by_curve.values() if finding.curve.path])
    factors: dict[str, Callable[[Curve], str]] = {
        "Threads": lambda curve: phrases.threads((curve.threads,)) if curve.threads else "",
        "Methods": lambda curve: curve.method,
        "Paths": lambda curve: "/".join(curve.path.split("/")[: depth + 1]),
        "Metrics": wording.metric_name,
    }
    lines = [_shared(shown, found, title, factor) for title, factor in factors.items()]
    lines += [f"- {cluster.id} shares: {md(cluster.factor)}." for cluster in _other_factors(shown)]
    told = list(filter(None, lines))
    head = "Regressed curves of those measured:" if told else "The regressed curves share nothing the others lack."
    return [head, "", *told, *([""] if told else [])]


def _shared(shown: View, found: tuple[Finding, ...], title: str, factor: Callable[[Curve], str]) -> str:
    """Count one factor over the regressed and over all curves; empty where it tells nothing apart."""
    everywhere = Counter(factor(finding.curve) for finding in shown.by_curve.values())
    regressed = Counter(factor(finding.curve) for finding in found)
    rows = [(value, count) for value, count in regressed.most_common() if value]
    told = [f"{md(value)} {count:,} of {everywhere[value]:,}" for value, count in rows[:PATTERN_ROWS]]
    rest = f"; {len(rows) - PATTERN_ROWS:,} more" if len(rows) > PATTERN_ROWS else ""
    return f"- **{title}:** {'; '.join(told)}{rest}." if told and len(everywhere) > 1 else ""


def _shared_depth(paths: list[str]) -> int:
    """Count the leading parts all paths share: the first part that tells endpoints apart comes behind them."""
    parts = zip(*(path.split("/") for path in paths), strict=False)
    return sum(1 for _ in takewhile(lambda part: len(set(part)) == 1, parts))


def _other_factors(shown: View) -> list[Cluster]:
    return [cluster for cluster in worsened(shown) if cluster.factor != "endpoint"][:PATTERN_ROWS]
