"""What may be said of the whole comparison: in go an `Analysis` and its settings, out come facts in a `Ledger`.

Verdict, counts, gaps, run-wide shifts and patterns; every count says of what, every share of how many.
"""

from __future__ import annotations

from collections import Counter
from itertools import takewhile
from typing import TYPE_CHECKING

from perftracker_ai import retrospect
from perftracker_ai.model import CoverageKind, Direction, Outcome, Severity
from perftracker_ai.narrate.clusters import LOAD_LIMIT, NAME_LIMIT, metric, slower, standing_window, statement
from perftracker_ai.narrate.values import CATALOGUE, RUN, FactKind, Label
from perftracker_ai.words import wording
from perftracker_ai.words.numbers import format_percent, format_range, plural
from perftracker_ai.words.text import clean, listing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from perftracker_ai.model import Analysis, Cluster, CoverageFinding, Curve, Hypothesis, RunShift
    from perftracker_ai.narrate.values import Ledger

GAPS, PATTERN_ROWS, NEWS = 20, 3, 2
LOST = frozenset({CoverageKind.LOST_POINTS, CoverageKind.LOST_CURVE, CoverageKind.LOST_GROUP})


def state_run(ledger: Ledger, analysis: Analysis) -> None:
    """Write down everything that is said of the whole comparison."""
    _decision(ledger, analysis)
    _jobs(ledger, analysis)
    _counts(ledger, analysis)
    _issues(ledger, analysis.clusters)
    _reaching(ledger, analysis)
    _coverage(ledger, analysis)
    _shifts(ledger, analysis.detection.shifts)
    _patterns(ledger, analysis)
    _history(ledger, analysis)
    _method(ledger, analysis)


def state_catalogue(ledger: Ledger, clusters: Iterable[Cluster]) -> None:
    """Write down the title and the checks of every hypothesis once, whichever clusters it is proposed for."""
    proposed = {found.key: found for cluster in clusters for found in cluster.hypotheses}
    for key, hypothesis in proposed.items():
        _hypothesis(ledger, key, hypothesis)


def coverage_counts(findings: Iterable[CoverageFinding]) -> tuple[int, int]:
    """Return how many load points newly fail, and how many tests, loads or groups are lost."""
    found = tuple(findings)
    failing = sum(item.points for item in found if item.kind is CoverageKind.NEW_FAILURE)
    return failing, sum(item.kind in LOST for item in found)


def _hypothesis(ledger: Ledger, key: str, hypothesis: Hypothesis) -> None:
    title = statement(hypothesis.title)
    # Within a sentence: "may be explained by work that ..."; an abbreviation keeps its capitals.
    title = title if title[1:2].isupper() else title[:1].lower() + title[1:]
    ledger.add(FactKind.HYPOTHESIS, CATALOGUE, f"title {key}", title, value=key)
    for kind, texts in ((FactKind.CONFIRM, hypothesis.confirm), (FactKind.REFUTE, hypothesis.refute)):
        for text in texts:
            ledger.add(kind, CATALOGUE, f"{kind.value} {key}", statement(text), value=key)


# ── decision and jobs ───────────────────────────────────────────────────────────────────────────────────────────────


def _decision(ledger: Ledger, analysis: Analysis) -> None:
    verdict = analysis.decision.verdict
    ledger.add(FactKind.VERDICT, RUN, Label.VERDICT, verdict.value, value=verdict.value)
    ledger.add(FactKind.VERDICT, RUN, Label.MEANING, statement(wording.verdict_text(verdict)), value=verdict.value)
    ledger.add(
        FactKind.VERDICT, RUN, Label.RECOMMENDATION, statement(wording.recommendation(verdict)), value=verdict.value
    )
    ledger.add(FactKind.VERDICT, RUN, Label.URGENCY, statement(wording.urgency(verdict)), value=verdict.value)
    for rule in analysis.decision.rules:
        if rule.fired:
            because = f" ({statement(rule.because)})" if rule.because else ""
            ledger.add(FactKind.RULE, RUN, Label.RULE, f"{statement(rule.text)}{because}", value=rule.key)


def _jobs(ledger: Ledger, analysis: Analysis) -> None:
    baseline, candidate = analysis.baseline, analysis.candidate
    hosts = clean(", ".join(candidate.hosts), NAME_LIMIT)
    named = (
        (Label.PRODUCT, candidate.product_name),
        (Label.BASELINE, baseline.product_ver),
        (Label.CANDIDATE, candidate.product_ver),
        (Label.HARDWARE, hosts),
    )
    for label, text in named:
        ledger.add(FactKind.NAME, RUN, label, clean(text, NAME_LIMIT), value=clean(text, NAME_LIMIT))
    ledger.add(FactKind.NAME, RUN, "baseline job", f"job {baseline.id}", value=baseline.id)
    ledger.add(FactKind.NAME, RUN, "candidate job", f"job {candidate.id}", value=candidate.id)
    count = len(analysis.reruns)
    reruns = f"{plural(count, 'rerun')} of the baseline's version" if count else "no rerun of the baseline's version"
    ledger.add(FactKind.COUNT, RUN, "reruns", reruns, value=count)


# ── counts ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _counts(ledger: Ledger, analysis: Analysis) -> None:
    results = analysis.detection.results
    known = analysis.accepted_curves
    outcomes = Counter(result.outcome for result in results if result.curve not in known)
    beyond = " beyond what is accepted" if known else ""
    compared = sum(bool(result.points) for result in results)
    ledger.add(FactKind.COUNT, RUN, Label.COMPARED, plural(compared, "compared curve"), value=compared)
    comparable = f"{compared:,} of {plural(len(results), 'curve')} could be compared"
    ledger.add(FactKind.SHARE, RUN, Label.COMPARABLE, comparable, value=compared)
    told = (
        (Label.REGRESSED, Outcome.REGRESSED, f"regressed{beyond}", Direction.WORSE),
        ("minor slowdowns", Outcome.MINOR, f"became slightly slower{beyond}", Direction.WORSE),
        (Label.IMPROVED, Outcome.IMPROVED, "improved", Direction.BETTER),
        (Label.UNCHANGED, Outcome.UNCHANGED, "did not change", None),
        (Label.INCONCLUSIVE, Outcome.INCONCLUSIVE, "could not be judged", None),
    )
    for label, outcome, verb, direction in told:
        text = f"{outcomes[outcome]:,} of {plural(len(results), 'curve')} {verb}" if outcomes[outcome] else ""
        ledger.add(FactKind.SHARE, RUN, label, text, value=outcomes[outcome], direction=direction)
    ledger.add(FactKind.NOTE, RUN, "open questions", _needed(analysis))


def _needed(analysis: Analysis) -> str:
    """Say what would settle the curves that could not be judged, the most frequent need first."""
    needs = Counter(result.needed for result in analysis.detection.results if result.needed)
    return "; ".join(f"{statement(text)} ({plural(count, 'curve')})" for text, count in needs.most_common(2))


def _issues(ledger: Ledger, clusters: tuple[Cluster, ...]) -> None:
    worse = Counter(cluster.severity for cluster in clusters if cluster.direction is Direction.WORSE)
    total, better = sum(worse.values()), sum(cluster.direction is Direction.BETTER for cluster in clusters)
    listed = listing([f"{worse[severity]:,} {severity.value}" for severity in Severity if worse[severity]])
    _count(ledger, Label.ISSUES, f"{listed} {'issue' if total == 1 else 'issues'}", total)
    for severity in Severity:
        _count(ledger, f"{severity.value} issues", plural(worse[severity], f"{severity.value} issue"), worse[severity])
    relevant = total - worse[Severity.MINOR]
    _count(ledger, Label.RELEVANT, f"{plural(relevant, 'issue')} of moderate severity or worse", relevant)
    _count(ledger, "improved endpoints", plural(better, "endpoint that improved", "endpoints that improved"), better)


def _reaching(ledger: Ledger, analysis: Analysis) -> None:
    reaching = sum(_reaches_top(analysis, cluster) for cluster in analysis.clusters)
    text = f"{reaching:,} {'reaches' if reaching == 1 else 'reach'} the highest load measured"
    _count(ledger, Label.REACHING, text, reaching)


def _reaches_top(analysis: Analysis, cluster: Cluster) -> bool:
    curve, window = analysis.curves.curves[cluster.worst_curve], standing_window(analysis, cluster)
    relevant = cluster.direction is Direction.WORSE and cluster.severity is not Severity.MINOR
    return relevant and not curve.scalar and window is not None and window.last == curve.stop - 1


def _count(ledger: Ledger, label: str, text: str, count: int) -> None:
    ledger.add(FactKind.COUNT, RUN, label, text if count else "", value=count)


# ── coverage and shifts ─────────────────────────────────────────────────────────────────────────────────────────────


def _coverage(ledger: Ledger, analysis: Analysis) -> None:
    failing, lost = coverage_counts(analysis.coverage)
    _count(ledger, Label.FAILING, plural(failing, "newly failing load point"), failing)
    _count(ledger, Label.LOST, plural(lost, "loss of coverage", "losses of coverage"), lost)
    grave = [item for item in analysis.coverage if item.severity is not None]
    grave.sort(key=lambda item: (-Severity.rank(item.severity), -item.points, item.kind))
    for item in grave[:GAPS]:
        ledger.add(FactKind.NOTE, RUN, Label.GAP, _gap(analysis, item), value=item.points)
    _count(
        ledger, "gaps left out", f"{plural(len(grave) - GAPS, 'further gap')} in coverage", max(0, len(grave) - GAPS)
    )


def _gap(analysis: Analysis, item: CoverageFinding) -> str:
    curves = analysis.curves.curves
    group = f"group {clean(item.group, LOAD_LIMIT) or '(unnamed)'}"
    name = clean(curves[item.curves[0]].tag, NAME_LIMIT) if len(item.curves) == 1 else group
    loads = format_range(clean(item.load_first, LOAD_LIMIT), clean(item.load_last, LOAD_LIMIT))
    errors = f"errors {item.baseline_errors:,} → {item.candidate_errors:,}"
    parts = (
        plural(item.points, "load point") if item.points else "",
        loads,
        errors if item.baseline_errors != item.candidate_errors else "",
    )
    return f"{wording.coverage_label(item.kind)}: {name} ({', '.join(filter(None, parts))})".replace(" ()", "")


def _shifts(ledger: Ledger, shifts: tuple[RunShift, ...]) -> None:
    for shift in shifts:
        if not shift.significant:
            continue
        what = shift.metric_kind.value if shift.metric_kind else "everything"
        threads = f" at {plural(shift.threads, 'thread')}" if shift.threads else ""
        text = f"{what}{threads} {slower(shift.slowdown)} in the whole run"
        label = Label.SHIFT if shift.large else "small shift of the whole run"
        direction = Direction.WORSE if shift.slowdown > 0 else Direction.BETTER
        ledger.add(FactKind.CHANGE, RUN, label, text, value=shift.slowdown, direction=direction)


# ── patterns ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _patterns(ledger: Ledger, analysis: Analysis) -> None:
    """Count what the regressed curves share, wherever that tells them from the others."""
    curves = analysis.curves.curves
    depth = _shared_depth([curve.path for curve in curves if curve.path])
    factors: tuple[tuple[str, Callable[[Curve], str]], ...] = (
        ("with", lambda curve: plural(curve.threads, "thread") if curve.threads else ""),
        ("of", lambda curve: f"{clean(curve.method, LOAD_LIMIT)} requests" if curve.method else ""),
        ("under", lambda curve: clean("/".join(curve.path.split("/")[: depth + 1]), LOAD_LIMIT)),
        ("of", metric),
    )
    for preposition, factor in factors:
        _pattern(ledger, analysis, preposition, factor)


def _pattern(ledger: Ledger, analysis: Analysis, preposition: str, factor: Callable[[Curve], str]) -> None:
    curves = analysis.curves.curves
    everywhere = Counter(map(factor, curves))
    regressed = (result.curve for result in analysis.detection.results if result.outcome is Outcome.REGRESSED)
    known = analysis.accepted_curves
    worse = (index for index in regressed if index not in known)
    counts = Counter(factor(curves[index]) for index in worse)
    named = [(value, count) for value, count in counts.most_common() if value and everywhere[value] > 1]
    if len(everywhere) == 1:  # what all curves share tells none apart
        return
    for value, count in named[:PATTERN_ROWS]:
        text = f"{count:,} of {plural(everywhere[value], 'curve')} {preposition} {value} regressed"
        share = count / everywhere[value]
        ledger.add(FactKind.SHARE, RUN, Label.PATTERN, text, value=share, direction=Direction.WORSE)


def _shared_depth(paths: list[str]) -> int:
    """Count the leading parts all paths share: the first part that tells endpoints apart comes behind them."""
    parts = zip(*(path.split("/") for path in paths), strict=False)
    return sum(1 for _ in takewhile(lambda part: len(set(part)) == 1, parts))


def _history(ledger: Ledger, analysis: Analysis) -> None:
    """Write down what of the earlier jobs is told at once; all of it is for the worse."""
    past = analysis.chronicle
    if past is None:
        return
    for trend in retrospect.notable(analysis)[:NEWS]:
        news = retrospect.news(trend, past, lambda version: clean(version, LOAD_LIMIT))
        text = f"{clean(trend.endpoint, NAME_LIMIT)} {news}"
        ledger.add(FactKind.NOTE, RUN, Label.HISTORY, text, value=trend.slowdown, direction=Direction.WORSE)


# ── method ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _method(ledger: Ledger, analysis: Analysis) -> None:
    criteria, least = analysis.criteria, analysis.policy.min_compared
    steps = zip(Severity, (criteria.critical, criteria.severe, criteria.moderate, criteria.minor), strict=True)
    for severity, step in steps:
        text = f"{severity.value} from {format_percent(step)} slowdown"
        ledger.add(FactKind.NOTE, RUN, f"threshold {severity.value}", text, value=step)
    detection = analysis.detection
    ledger.add(FactKind.NOTE, RUN, "noise", f"noise estimated from {clean(detection.noise_source, NAME_LIMIT)}")
    chance = f"{plural(detection.mirrored, 'curve')} flagged by the same criteria on the improvement side"
    _count(ledger, "gauge of chance", chance, detection.mirrored)
    comparable = f"{format_percent(least)} of the baseline's curves must be comparable"
    ledger.add(FactKind.RULE, RUN, "policy", comparable, value=least)
