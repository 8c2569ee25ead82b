"""The back of the report: risk, the worst curves in numbers, patterns, limits, method, where it comes from."""

from __future__ import annotations

from collections import Counter
from itertools import takewhile
from typing import TYPE_CHECKING

import numpy as np

from perftracker_ai import TOOL_VERSION
from perftracker_ai.model import Direction, Method, Outcome, Severity
from perftracker_ai.report import issue, past
from perftracker_ai.report.commentary import authorship
from perftracker_ai.report.run import RESULT_FILE, value
from perftracker_ai.report.summary import rule_text
from perftracker_ai.report.value import Entry, Items, Kind, Line, Paragraph, Section, Table, join, say
from perftracker_ai.report.view import labels, worsened
from perftracker_ai.words import wording
from perftracker_ai.words.numbers import format_change, format_percent, format_range, format_value, plural
from perftracker_ai.words.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from perftracker_ai.model import Curve
    from perftracker_ai.report.issue import Issue
    from perftracker_ai.report.value import Block, Sentence, Value
    from perftracker_ai.report.view import Finding, View
    from perftracker_ai.settings import PolicySettings

DIVES, DIVE_ROWS, PATTERN_ROWS = 1, 4, 3
LABEL_LIMIT, TAG_LIMIT, AUTHORSHIP = 60, 200, 1000
_AROUND = 2
"""Loads shown on either side of a window, so that its ends can be seen."""


# ── risk ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def risk(shown: View) -> Section:
    """Return what shipping would mean, and what is advised."""
    decided = shown.analysis.decision.verdict
    advice = value(
        Kind.VERDICT, "recommendation", wording.recommendation(decided), raw=decided.value, at="/verdict/verdict"
    )
    soon = value(Kind.VERDICT, "urgency", wording.urgency(decided), raw=decided.value, at="/verdict/verdict")
    items = (
        Line(label="Production impact", said=_production(shown)),
        Line(label="User experience", said=_experience(shown)),
        Line(label="Recommendation", said=say(advice)),
        Line(label="Urgency", said=say(soon)),
    )
    return Section(key="risk", title="Risk Assessment", blocks=(Items(items=items, ordered=False),))


def _grave(shown: View) -> tuple[Issue, ...]:
    return issue.issues(shown, tuple(one for one in worsened(shown) if one.severity is not Severity.MINOR))


def _production(shown: View) -> Sentence:
    found = _grave(shown)
    if not found:
        return say(f"no regression was found{past.beyond(shown)} in what was measured.")
    reaching = sum(_reaches_top(one.finding) for one in found)
    count = value(
        Kind.COUNT, "issues of moderate severity or worse", plural(len(found), "issue"), raw=len(found), at="/clusters"
    )
    top = value(Kind.COUNT, "issues that reach the highest load", f"{reaching:,} of them", raw=reaching, at="/clusters")
    tail = say("; ", top, " at the highest load measured") if reaching else ()
    return say(count, " of moderate severity or worse", tail, ".")


def _reaches_top(finding: Finding) -> bool:
    return not finding.curve.scalar and any(window.last == finding.curve.stop - 1 for window in finding.result.windows)


def _experience(shown: View) -> Sentence:
    """Say where a person waits noticeably longer, or that nobody does."""
    found = [one for one in _grave(shown) if issue.is_felt(one)]
    if not _grave(shown):
        return say(f"no slower request was found{past.beyond(shown)} in what was measured.")
    if not found:
        return say(
            "no request that became slower takes 100 ms where it was measured: not felt by a person; costs capacity."
        )
    return say(
        "felt at ", join([say(issue.identity(one), " ", issue.name(one)) for one in found[:PATTERN_ROWS]], "; "), "."
    )


# ── the worst curves in numbers ─────────────────────────────────────────────────────────────────────────────────────


def deep_dive(shown: View) -> Section:
    """Return the worst issues load by load, thinned."""
    entries: list[Block] = [_dive(one) for one in _grave(shown)[:DIVES] if one.window is not None]
    blocks = entries or [Paragraph(label="", said=say("No regression to look into."))]
    return Section(key="dive", title="Technical Deep-Dive", blocks=tuple(blocks))


def _dive(one: Issue) -> Entry:
    curve, result = one.finding.curve, one.finding.result
    at = f"/curves/{curve.index}"
    tag = one.value(Kind.NAME, "curve", clean(curve.tag, TAG_LIMIT), at=f"{at}/curve/tag")
    points = one.value(
        Kind.COUNT, "loads compared", plural(result.points, "load"), raw=result.points, at=f"{at}/result/points"
    )
    scores = one.value(
        Kind.COUNT, "scores", plural(result.samples, "score"), raw=result.samples, at=f"{at}/result/samples"
    )
    place = _range(one)
    intro = say(
        place and say("Affected: ", place, "; "),
        f"{wording.better_way(curve)}, the baseline's runs pooled; ",
        "" if result.method is Method.SCAN else f"judged by: {wording.method_text(result.method)}; ",
        points,
        ", ",
        scores,
        ".",
    )
    rows = tuple(_dive_row(one, index) for index in _thinned(one))
    heads = ("load", "baseline", "candidate", "slowdown")
    table = Table(caption=f"{one.cluster.id} load by load", heads=heads, rows=rows, keys=("",) * len(rows))
    return Entry(
        key=f"dive-{one.cluster.id}",
        title=say(issue.identity(one), ": ", tag),
        lines=(Line(label="", said=intro),),
        tables=(table,),
    )


def _range(one: Issue) -> Value | None:
    """Return the loads of the range that stands for the curve; None for scalars."""
    curve, window = one.finding.curve, one.window
    assert window is not None  # as above
    text = format_range(*(clean(label, LABEL_LIMIT) for label in labels(one.shown, curve, window)))
    at = f"/curves/{curve.index}/result/windows/{one.finding.result.worst or 0}"
    return one.value(Kind.RANGE, "affected loads of the curve", text, raw=text, at=at) if text else None


def _dive_row(one: Issue, index: int) -> tuple[Sentence, ...]:
    shown, curve = one.shown, one.finding.curve
    before, after = float(shown.before[index]), float(shown.after[index])
    old, new = (before, after) if curve.less_better else (after, before)
    ratio = new / old - 1 if old > 0 else None
    at, place = f"/curves/{curve.index}", index - curve.start
    label = clean(shown.analysis.curves.label[index], LABEL_LIMIT) or "all"
    texts = (
        ("load of a row", label, label, f"{at}/labels/{place}"),
        ("baseline", clean(format_value(before, curve.base_unit, curve.unit)), before, at),
        ("candidate", clean(format_value(after, curve.base_unit, curve.unit)), after, f"{at}/candidate/{place}"),
        ("slowdown at a load", format_change(ratio), ratio, at),
    )
    return tuple(say(one.value(Kind.VALUE, name, text, raw=raw, at=where)) for name, text, raw, where in texts)


def _thinned(one: Issue) -> list[int]:
    """Choose the loads to show: evenly over the window and a little around it, its ends always."""
    curve, window = one.finding.curve, one.window
    assert window is not None  # an issue without one has no dive
    first = max(curve.start, window.first - _AROUND)
    last = min(curve.stop - 1, window.last + _AROUND)
    measured = [
        index
        for index in range(first, last + 1)
        if np.isfinite([one.shown.before[index], one.shown.after[index]]).all()
    ]
    if len(measured) <= DIVE_ROWS:
        return measured
    places = np.linspace(0, len(measured) - 1, DIVE_ROWS).round().astype(int)
    return sorted({measured[place] for place in places.tolist()} | {window.first, window.last} & set(measured))


# ── patterns ────────────────────────────────────────────────────────────────────────────────────────────────────────


def patterns(shown: View) -> Section:
    """Return what the regressed curves share, as shares of what was measured, and what earlier jobs say."""
    title = "Patterns and Trends" if shown.analysis.chronicle else "Patterns"
    return Section(key="patterns", title=title, blocks=(*_common(shown), *past.trends(shown)))


def _common(shown: View) -> Iterator[Block]:
    found = shown.findings[Outcome.REGRESSED]
    if not found:
        yield Paragraph(label="", said=say("No regressed curves, so no pattern."))
        return
    depth = shared_depth([finding.curve.path for finding in shown.by_curve.values() if finding.curve.path])
    factors: dict[str, Callable[[Curve], str]] = {
        "Threads": lambda curve: plural(curve.threads, "thread") if curve.threads else "",
        "Methods": lambda curve: curve.method,
        "Paths": lambda curve: "/".join(curve.path.split("/")[: depth + 1]),
        "Metrics": wording.metric_name,
    }
    lines = [line for title, factor in factors.items() for line in _shared(shown, found, title, factor)]
    lines += [_factor(one) for one in _grave(shown) if one.cluster.factor != "endpoint"][:PATTERN_ROWS]
    if lines:
        yield Paragraph(label="", said=say("Regressed curves of those measured:"))
        yield Items(items=tuple(lines), ordered=False)
    else:
        yield Paragraph(label="", said=say("The regressed curves share nothing the others lack."))


def _factor(one: Issue) -> Line:
    factor = one.value(Kind.NOTE, "factor", clean(one.cluster.factor), field="factor")
    return Line(label="", said=say(issue.identity(one), " shares: ", factor, "."))


def _shared(shown: View, found: tuple[Finding, ...], title: str, factor: Callable[[Curve], str]) -> Iterator[Line]:
    """Count one factor over the regressed and over all curves; nothing where it tells nothing apart."""
    everywhere = Counter(factor(finding.curve) for finding in shown.by_curve.values())
    regressed = Counter(factor(finding.curve) for finding in found)
    rows = [(name, count) for name, count in regressed.most_common() if name]
    if rows and len(everywhere) > 1:
        told = [
            value(
                Kind.SHARE,
                f"pattern of {title.lower()} {number}",
                f"{clean(name, LABEL_LIMIT)} {count:,} of {everywhere[name]:,}",
                raw=count / everywhere[name],
                at="/regressions",
                direction=Direction.WORSE,
            )
            for number, (name, count) in enumerate(rows[:PATTERN_ROWS], 1)
        ]
        left = len(rows) - PATTERN_ROWS
        rest = f"; {left:,} more" if left > 0 else ""
        yield Line(label=title, said=say(join(told, "; "), f"{rest}."))


def shared_depth(paths: list[str]) -> int:
    """Count the leading parts all paths share: the first part that tells endpoints apart comes behind them."""
    parts = zip(*(path.split("/") for path in paths), strict=False)
    return sum(1 for _ in takewhile(lambda part: len(set(part)) == 1, parts))


# ── limits, method, provenance ──────────────────────────────────────────────────────────────────────────────────────


def limits(shown: View) -> Section:
    """Return what no comparison of two jobs can tell."""
    runs = 2 + len(shown.analysis.reruns)
    count = value(Kind.COUNT, "runs compared", plural(runs, "run"), raw=runs, at="/metadata")
    points = (
        say(count, " were compared: chance is known only as far as they show it."),
        say("Only the tested endpoints and loads on this hardware are known."),
        say("An unchanged curve may have changed by less than the margin."),
    )
    return _listed("limits", "What This Analysis Cannot Know", points)


def _listed(key: str, title: str, points: tuple[Sentence, ...]) -> Section:
    items = tuple(Line(label="", said=said) for said in points)
    return Section(key=key, title=title, blocks=(Items(items=items, ordered=False),))


def method(shown: View) -> Section:
    """Return how it was judged: method, thresholds, error rates, and the rules that fired without deciding."""
    settings, detection = shown.analysis.criteria, shown.analysis.detection
    steps = (settings.minor, settings.moderate, settings.severe, settings.critical)
    names = (severity.value for severity in reversed(Severity))
    thresholds = ", ".join(f"{name} {format_percent(step)}" for name, step in zip(names, steps, strict=True))
    shortest, large = format_value(settings.min_time_change_s, "s"), format_percent(settings.large_shift)
    level, fdr = format_percent(detection.level), format_percent(detection.fdr)
    texts = (
        ("method", f"Detection: {clean(detection.method)}; seed {detection.seed}", "/detection_method"),
        (
            "slowdown",
            "Slowdown is cost per operation, candidate over baseline, minus one: half the rate is 100 % slower",
            "",
        ),
        ("thresholds", f"Severity by the median slowdown of the affected range: {thresholds}", "/config/detect"),
        ("floor", f"Changes of a time by less than {shortest} are never findings", "/config/detect/min_time_change_s"),
        ("error rate", f"Intervals at {level}; at most {fdr} of the findings false", "/fdr"),
        ("large shift", f"A shift of the whole run from {large} puts the run in doubt", "/config/detect/large_shift"),
        ("policy", f"Policy: {_policy(shown.analysis.policy)}", "/config/policy"),
    )
    points = [say(value(Kind.NOTE, label, text, at=at), ".") for label, text, at in texts]
    decision = shown.analysis.decision
    weaker = [
        (at, rule) for at, rule in enumerate(decision.rules) if rule.fired and rule.verdict is not decision.verdict
    ]
    points += [say(f"Also fired, for {rule.verdict.value}: ", rule_text(at, rule)) for at, rule in weaker]
    return _listed("method", "Method", tuple(points))


def _policy(policy: PolicySettings) -> str:
    rules = (
        (policy.block_critical, "critical issue", "critical issues"),
        (policy.block_severe, "severe issue", "severe issues"),
        (policy.block_failures, "newly failing load point", "newly failing load points"),
    )
    blocks = [plural(count, noun, nouns) for count, noun, nouns in rules if count]
    blocked = f"{' or '.join(blocks)} block the release" if blocks else "nothing blocks the release"
    return f"{blocked}; {format_percent(policy.min_compared)} of the baseline's curves must be comparable"


def provenance(shown: View) -> Section:
    """Return what this report was made from and by."""
    pair = (("run1", shown.analysis.baseline), ("run2", shown.analysis.candidate))
    jobs = [
        value(
            Kind.NAME,
            f"{run} provenance",
            f"job {job.id}" + (f" ({clean(job.uuid)})" if job.uuid else ""),
            raw=job.id,
            at=f"/metadata/{run}",
        )
        for run, job in pair
    ]
    made = say(f"Made by perftracker-ai {TOOL_VERSION} from ", join(jobs, " and "), ".")
    return Section(
        key="provenance",
        title="Provenance",
        blocks=(
            Paragraph(label="", said=say(made, " ", _author(shown), f" Every number is in {RESULT_FILE}, unrounded.")),
        ),
    )


def _author(shown: View) -> Value | str:
    if shown.narration is None:
        return "No language model was used."
    return value(Kind.NOTE, "language model", clean(authorship(shown.narration), AUTHORSHIP))
