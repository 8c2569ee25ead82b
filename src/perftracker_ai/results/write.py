"""``result_v2.json``: everything an analysis established, for programs and for showing it again without the jobs.

In: an `Analysis`. Out: JSON with a fixed order of keys and stable bytes. The keys
of the earlier script keep name, place and meaning; ``docs/result.schema.json`` describes every one. Numbers are
unrounded: ``_pct`` keys hold percent, everything else ratios and base units; what is not known is null.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from perftracker_ai import TOOL_VERSION
from perftracker_ai.model import Absence, Confidence, Outcome, Severity
from perftracker_ai.report import checks
from perftracker_ai.report.view import accepted, flagged, labels, view, worst_point, would_flag
from perftracker_ai.words import wording
from perftracker_ai.words.numbers import format_load

if TYPE_CHECKING:
    from perftracker_ai.model import (
        Acceptance,
        Analysis,
        Cluster,
        Curve,
        CurveResult,
        JobInfo,
        Notice,
        RunAccount,
        Window,
    )
    from perftracker_ai.model.checks import Check
    from perftracker_ai.report.view import Finding, Point, View

SCHEMA_VERSION = 4

_COMPLETE, _USABLE = 0.9, 0.5
"""Share of a curve's load points compared from which its data are called good, and fair."""


def result_document(analysis: Analysis) -> dict[str, Any]:
    """Return the content of ``result_v2.json`` as plain dicts, lists, strings and numbers."""
    document: dict[str, Any] = msgspec.json.decode(result_json(analysis))
    return document


def result_json(analysis: Analysis) -> bytes:
    """Return the bytes of ``result_v2.json``; the same analysis gives the same bytes.

    The curves come last, one line each: indented like the rest they would be tens of thousands of lines.
    """
    head = msgspec.json.format(_encode(_head(analysis)), indent=2)
    curves = b",\n    ".join(_encode(_curve(analysis, result)) for result in analysis.detection.results)
    return head[: head.rindex(b"\n}")] + b',\n  "curves": [' + (curves and b"\n    " + curves + b"\n  ") + b"]\n}\n"


def _head(analysis: Analysis) -> dict[str, Any]:
    shown, detection = view(analysis), analysis.detection
    unchanged = shown.findings[Outcome.UNCHANGED]
    return {
        "schema_version": SCHEMA_VERSION,
        "tool_version": TOOL_VERSION,
        "detection_method": detection.method,
        "seed": detection.seed,
        "level": detection.level,
        "fdr": detection.fdr,
        "noise_source": detection.noise_source,
        "mirrored": detection.mirrored,
        "config": {"detect": analysis.criteria, "policy": _policy(analysis)},
        "metadata": _metadata(analysis),
        "verdict": _verdict(analysis),
        "summary": _summary(shown),
        "run_shift": detection.shifts,
        "clusters": [_cluster(shown, cluster) for cluster in analysis.clusters],
        "accepted": [_acceptance(shown, entry) for entry in analysis.accepted],
        "validity": [_check(check) for check in analysis.validity],
        "would_flag": [_finding(shown, finding) for finding in would_flag(shown)],
        "regressions": [_finding(shown, finding) for finding in flagged(shown)],
        "minor": [_finding(shown, finding) for finding in shown.findings[Outcome.MINOR]],
        "improvements": [_finding(shown, finding) for finding in shown.findings[Outcome.IMPROVED]],
        "inconclusive": [_finding(shown, finding) for finding in shown.findings[Outcome.INCONCLUSIVE]],
        "moved": [_finding(shown, finding) for finding in shown.findings[Outcome.MOVED]],
        "unchanged": {"count": len(unchanged), "tags": [finding.curve.tag for finding in unchanged]},
        "coverage": analysis.coverage,
        "accounting": [_account(account) for account in analysis.accounts],
        "notices": [_notice(notice) for notice in analysis.notices],
        "chronicle": analysis.chronicle,
        "changes": analysis.changes,
    }


def _policy(analysis: Analysis) -> dict[str, Any]:
    """Leave out the thresholds of rules that there are only with a history, or with a store."""
    values: dict[str, Any] = msgspec.structs.asdict(analysis.policy)
    if analysis.chronicle is None:
        del values["monitor_creep"]
    if analysis.open_issues is None:
        del values["open_issues"]
    return values


def _verdict(analysis: Analysis) -> dict[str, Any]:
    """Return the verdict and, where there is a store, what is open besides what this comparison finds."""
    values: dict[str, Any] = msgspec.structs.asdict(analysis.decision)
    past = analysis.open_issues
    return values if past is None else values | {"open_issues": past.issues, "last_good": past.last_good}


def _metadata(analysis: Analysis) -> dict[str, Any]:
    return {
        "run1": _job(analysis.baseline),
        "run2": _job(analysis.candidate),
        "reruns": [_job(job) for job in analysis.reruns],
        "candidate_reruns": [_job(job) for job in analysis.candidate_reruns],
    }


def _job(job: JobInfo) -> dict[str, Any]:
    return {
        "id": job.id,
        "title": job.title,
        "product": job.product_name,
        "version": job.product_ver,
        "suite": job.suite_name,
        "suite_version": job.suite_ver,
        "begin": job.begin,
        "end": job.end,
        "hosts": job.hosts,
        "uuid": job.uuid,
        "project_id": job.project_id,
        "project": job.project_name,
        "upload": job.upload,
        "tests_total": job.tests_total,
        "tests_completed": job.tests_completed,
        "tests_failed": job.tests_failed,
        "tests_errors": job.tests_errors,
        "deleted": job.deleted,
    }


def _summary(shown: View) -> dict[str, Any]:
    regressed = [finding.result for finding in shown.findings[Outcome.REGRESSED]]
    by_severity = Counter(result.severity for result in regressed)
    by_confidence = Counter(result.confidence for result in regressed)
    results = shown.analysis.detection.results
    return {
        "curves_analyzed": sum(result.points > 0 for result in results),
        "curves_total": len(results),
        "regressions_detected": len(regressed),
        "accepted": len(shown.accepted),
        "by_severity": {severity: by_severity[severity] for severity in Severity if severity is not Severity.MINOR},
        "by_confidence": {confidence: by_confidence[confidence] for confidence in Confidence},
        "by_outcome": {outcome: len(shown.findings[outcome]) for outcome in Outcome},
    }


def _cluster(shown: View, cluster: Cluster) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(cluster)
    return document | {
        "findings": [shown.by_curve[index].id for index in cluster.curves],
        "accepted": accepted(shown, cluster),
        "gross_pct": cluster.gross_slowdown * 100,
    }


def _acceptance(shown: View, entry: Acceptance) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(entry)
    return document | {"findings": [shown.by_curve[index].id for index in entry.curves]}


def _finding(shown: View, finding: Finding) -> dict[str, Any]:
    curve, result, window = finding.curve, finding.result, finding.window
    return {
        "id": finding.id,
        "cluster": finding.cluster or None,
        "curve": curve.index,
        "group": curve.group,
        "tag": curve.tag,
        "endpoint": curve.endpoint,
        "metric_type": _metric_type(curve),
        "statistic": curve.statistic,
        "threads": curve.threads,
        "scenario": curve.scenario,
        "unit": curve.base_unit,
        "written_unit": curve.unit,
        "less_better": curve.less_better,
        "outcome": result.outcome,
        "severity": result.severity,
        "attribution": result.attribution,
        "kind": None if window is None else window.kind,
        "confidence": result.confidence,
        "accepted": curve.index in shown.accepted,
        "reasons": result.reasons,
        "method": result.method,
        "data_quality": _data_quality(curve, result),
        "points_analyzed": result.points,
        "samples": result.samples,
        "noise": result.noise,
        "cause": result.cause,
        "runs_needed": result.runs_needed,
        "needed": result.needed,
        "shift_removed_pct": result.shift * 100,
        "median_pct_change_overall": _percent(result.median_slowdown),
        "gross_pct": _percent(result.gross_slowdown),
        "worst_window": None if window is None else _window(shown, curve, window),
        "all_windows": [_window(shown, curve, window) for window in result.windows],
    }


def _window(shown: View, curve: Curve, window: Window) -> dict[str, Any]:
    first, last = labels(shown, curve, window)
    worst = worst_point(shown, curve, window)
    return {
        "location": _location(shown, curve, window),
        "size": window.points,
        "median_degradation_pct": window.median_slowdown * 100,
        "mean_degradation_pct": window.mean_slowdown * 100,
        "max_degradation_pct": window.max_slowdown * 100,
        "gross_pct": window.gross_slowdown * 100,
        "kind": window.kind,
        "consistency_score": window.consistency,
        "direction": window.direction,
        "severity": window.severity,
        "first_load": first,
        "last_load": last,
        "interval_low_pct": window.low * 100,
        "interval_high_pct": window.high * 100,
        "p_value": window.p_value,
        "q_value": window.q_value,
        "worst_point": None if worst is None else _point(worst),
    }


def _location(shown: View, curve: Curve, window: Window) -> str:
    """Return ``36000-38000``; the categories themselves where they hold no number, nothing for a scalar."""
    if curve.scalar:
        return ""
    if not curve.numbered:
        return "-".join(labels(shown, curve, window))
    load = shown.analysis.curves.load
    return f"{format_load(load[window.first])}-{format_load(load[window.last])}"


def _point(worst: Point) -> dict[str, Any]:
    """Show one point as measured, and its change in the metric's own direction beside the slowdown."""
    document: dict[str, Any] = {
        "load": worst.label,
        "baseline": worst.baseline,
        "candidate": worst.candidate,
        "slowdown_pct": _percent(worst.slowdown),
        "change": None,
        "change_pct": None,
    }
    if worst.baseline and worst.candidate is not None:
        change = worst.candidate - worst.baseline
        document |= {"change": change, "change_pct": change / worst.baseline * 100}
    return document


def _curve(analysis: Analysis, result: CurveResult) -> dict[str, Any]:
    """Keep a curve whole: with these lines everything can be shown again without the jobs."""
    curves = analysis.curves
    curve = curves.curves[result.curve]
    part = slice(curve.start, curve.stop)
    baseline, candidate, *reruns = curves.mean[:, part].tolist()
    return {
        "curve": curve,
        "labels": curves.label[part],
        "loads": curves.load[part].tolist(),
        "baseline": baseline,
        "candidate": candidate,
        "reruns": reruns,
        "sd": curves.sd[:, part].tolist(),
        "count": curves.count[:, part].tolist(),
        "absence": curves.absence[:, part].tolist(),
        "errors": curves.errors[:, part].tolist(),
        "begin": curves.begin[:, part].tolist(),
        "end": curves.end[:, part].tolist(),
        "result": result,
    }


def _account(account: RunAccount) -> dict[str, Any]:
    return {
        "job_id": account.job_id,
        "tests": account.tests,
        "points": account.points,
        "pooled": account.pooled,
        "absent": {Absence(reason).name.lower(): count for reason, count in account.absent},
        "bad_records": account.bad_records,
    }


def _check(check: Check) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(check)
    return document | {"text": checks.found(check), "cure": checks.cure(check)}


def _notice(notice: Notice) -> dict[str, Any]:
    values = list(wording.notice_values(notice).values())
    return {"kind": notice.kind, "values": values, "text": wording.notice_text(notice)}


def _metric_type(curve: Curve) -> str:
    other = not curve.metric_kind.timed
    return (curve.metric_label if other else "") or curve.metric_kind.value


def _data_quality(curve: Curve, result: CurveResult) -> str:
    """Say how much of the curve was compared, in the earlier script's key: good, fair or poor."""
    share = result.points / max(curve.stop - curve.start, 1)
    if share >= _COMPLETE:
        return "good"
    return "fair" if share >= _USABLE else "poor"


def _percent(ratio: float | None) -> float | None:
    return None if ratio is None else ratio * 100


def _encode(value: object) -> bytes:
    """Encode as JSON; NaN and infinity become null, half a surrogate pair a question mark."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_encodable(msgspec.to_builtins(value)))


def _encodable(value: Any) -> Any:  # noqa: ANN401 any JSON value
    match value:
        case str():
            return value.encode("utf-8", "replace").decode()
        case dict():
            return {_encodable(key): _encodable(item) for key, item in value.items()}
        case list() | tuple():
            return [_encodable(item) for item in value]
        case _:
            return value
