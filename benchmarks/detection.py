"""How often detection is right, beside the earlier script's criteria.

    python benchmarks/detection.py [--quick] [--points N ...] [--markdown] [--seed N] [--shared DIR]
        [--only SECTION ...]

Sections: ``time``, ``aa`` (nothing changed), ``injected`` (every tenth curve changed), ``roc`` (both detectors over the
whole range of their settings), ``reruns`` (what further runs of the baseline's version are worth), ``earlier`` (what a
history is worth), ``calm`` (half of a calm job changed), ``textbook`` (whole curves beside textbook tests), ``thin``
(suites of single numbers and of a few loads), ``grpm`` and ``lab`` (recorded jobs with known truth) and ``slowed`` (a
recorded run made slower as a whole). Same seed, same figures; a detector that was developed on one seed is to be
believed on another.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

import evaluate
import numpy as np
import recorded
from calm import calm_section
from detectors import CHANGED, CURVES, SEED, Plan, both, detection_of, earlier, ours, pooled, simulated
from more_runs import lab_reruns_section, reruns_section
from operating import roc_section
from simulate import REGIMES, SHAPES, SIZES, simulate, undone, with_reruns
from tables import rate, show
from taught import taught_section
from textbook import textbook_section
from thin import thin_section

from perftracker_ai.model import Confidence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from detectors import Seen
    from evaluate import Call
    from numpy.typing import NDArray
    from simulate import Regime

    from perftracker_ai.model import CurveSet, Job

RERUNS = (0, 2, 5)
RATES = (evaluate.recall, evaluate.small_recall, evaluate.precision, evaluate.median_iou, evaluate.mean_iou)
RATE_NAMES = ("recall", "small listed", "precision", "IoU", "mean IoU")


EARLIER = "earlier criteria"
CHANCE = "earlier criteria, nothing injected"
STRICT_THRESHOLD = 0.50
STRICT = "earlier criteria at 50 %"


# ── time ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def time_section(plan: Plan) -> None:
    """Print how long detection takes, the first call in a process apart."""
    rows = []
    for curves in (CURVES, 10_000):
        pair, _ = simulate(
            REGIMES[1], curves=curves, points=54, reruns=2, changed=CHANGED, rng=np.random.default_rng(plan.seed)
        )
        for reruns in (0, 2):
            known = with_reruns(pair, reruns)
            times = [_seconds(lambda known=known: ours(known)) for _ in range(5 if curves == CURVES else 1)]
            rows.append((f"{curves} x 54", reruns, *(f"{1000 * value:.0f} ms" for value in (times[0], min(times)))))
    show("Time of detection", ("curves x points", "reruns", "first call", "best"), rows, markdown=plan.markdown)


def _seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


# ── simulated jobs ──────────────────────────────────────────────────────────────────────────────────────────────────


def aa_section(plan: Plan) -> None:
    """Print false alarms where nothing changed, by regime, points and reruns."""
    header = ("regime", "points", *(f"{reruns} reruns" for reruns in RERUNS), "listed, 0 reruns", "earlier criteria")
    rows = []
    for points in plan.points:
        seen = pooled({regime.name: _aa_seen(regime, points, plan) for regime in REGIMES})
        rows += [(name, points, *_aa_rates(by)) for name, by in seen.items()]
    curves = plan.jobs * CURVES
    show(f"Nothing changed: false alarms per 1000 curves ({curves} a cell)", header, rows, markdown=plan.markdown)


def _aa_seen(regime: Regime, points: int, plan: Plan) -> Seen:
    """Return the rows of all jobs of one regime, with each number of reruns and by the earlier criteria."""
    seen: dict[str, list[NDArray[np.void]]] = {}
    for job in range(plan.jobs):
        runs, truth = simulated(regime, points, (plan.seed, 0, job), reruns=max(RERUNS), changed=0.0)
        for reruns in RERUNS:
            calls = ours(with_reruns(runs, reruns))
            seen.setdefault(f"{reruns} reruns", []).append(evaluate.rows_of(truth, calls))
        seen.setdefault(EARLIER, []).append(evaluate.rows_of(truth, earlier(runs)))
    return {name: np.concatenate(parts) for name, parts in seen.items()}


def _aa_rates(seen: Seen) -> Iterable[str]:
    ours = [rate(evaluate.false_alarms(seen[f"{reruns} reruns"])) for reruns in RERUNS]
    listed, earlier = evaluate.false_listed(seen["0 reruns"]), evaluate.false_alarms(seen[EARLIER])
    return *ours, rate(listed), rate(earlier)


def injected_section(plan: Plan) -> None:
    """Print what is found of injected changes, by regime, by points, by shape and size, and by confidence."""
    for points in plan.points:
        seen = pooled({regime.name: _injected(regime, points, plan) for regime in REGIMES})
        _show_by_regime(seen, points, plan)
        _show_by_shape(seen["together"], points, plan)
        _show_by_confidence(seen["together"], points, plan)


def _injected(regime: Regime, points: int, plan: Plan) -> Seen:
    """Return the rows of all jobs of one regime for each detector."""
    seen: dict[str, list[NDArray[np.void]]] = {}
    for job in range(plan.jobs):
        runs, truth = simulated(regime, points, (plan.seed, 1, job), reruns=2, changed=CHANGED)
        detectors = {
            "pair": ours(with_reruns(runs, 0)),
            "2 reruns": ours(runs),
            EARLIER: earlier(runs),
            STRICT: earlier(runs, STRICT_THRESHOLD),
            CHANCE: earlier(undone(runs, truth)),
        }
        for name, calls in detectors.items():
            seen.setdefault(name, []).append(evaluate.rows_of(truth, calls))
    return {name: np.concatenate(parts) for name, parts in seen.items()}


def _show_by_regime(seen: dict[str, Seen], points: int, plan: Plan) -> None:
    rows = [
        (regime, detector, *(figure(by[detector]) for figure in RATES), *_by_chance(by, detector))
        for regime, by in seen.items()
        for detector in by
        if detector != CHANCE
    ]
    title = f"Every tenth curve changed, {points} points ({plan.jobs} jobs a regime)"
    show(title, ("regime", "detector", *RATE_NAMES, "false/1000", "by chance"), rows, markdown=plan.markdown)


def _by_chance(seen: Seen, detector: str) -> tuple[str, object]:
    """Return the false alarms per 1000, and of the earlier criteria the recall noise alone would have earned them."""
    false = rate(evaluate.false_alarms(seen[detector]))
    return false, evaluate.recall(seen[CHANCE]) if detector == EARLIER else ""


def _show_by_shape(pooled: Seen, points: int, plan: Plan) -> None:
    """Print the share of the slower curves that is listed, by shape and size, over all regimes."""
    rows = [
        (shape, "ramp" if ramp else "step", name, *(_listed_share(rows, shape, size, ramp=ramp) for size in SIZES))
        for shape in SHAPES
        for ramp in (False, True)
        for name, rows in pooled.items()
        if name not in (CHANCE, STRICT)
    ]
    header = ("shape", "onset", "detector", *(f"+{size:.0%}" for size in SIZES))
    show(f"Share of slower curves listed, all regimes, {points} points", header, rows, markdown=plan.markdown)


def _show_by_confidence(pooled: Seen, points: int, plan: Plan) -> None:
    """Print the share of reported regressions that are true, by the confidence they were given."""
    rows = []
    for name in ("pair", "2 reruns"):
        flagged = pooled[name][pooled[name]["regressed"]]
        for confidence in Confidence:
            cell = flagged[flagged["confidence"] == confidence.value]
            rows.append((name, confidence.value, len(cell), evaluate.precision(cell)))
    header = ("detector", "confidence", "regressed", "of these true")
    show(f"What the confidence is worth, all regimes, {points} points", header, rows, markdown=plan.markdown)


def _listed_share(rows: NDArray[np.void], shape: str, size: float, *, ramp: bool) -> float | None:
    cell = rows[(rows["shape"] == shape) & np.isclose(rows["size"], size) & (rows["ramp"] == ramp)]
    return float((cell["listed"] & cell["overlap"]).mean()) if cell.size else None


# ── recorded jobs ───────────────────────────────────────────────────────────────────────────────────────────────────


def grpm_section(plan: Plan, jobs: dict[int, Job]) -> None:
    """Print what is found in the GRPM jobs, item by item."""
    _show_aa(((25, 26), (26, 25)), jobs, "GRPM", plan)
    runs = {
        "25 → 27": (25, 27),
        "26 → 27": (26, 27),
        "25 → 27, rerun 26": (25, 27, 26),
        "26 → 27, rerun 25": (26, 27, 25),
    }
    curves = {name: recorded.curves_of(jobs, ids) for name, ids in runs.items()}
    calls = {name: ours(known) for name, known in curves.items()}
    curves["earlier, 25 → 27"] = curves["25 → 27"]
    calls["earlier, 25 → 27"] = earlier(curves["25 → 27"])
    items = recorded.grpm_items(plan.shared)
    rows = [
        (item.id, item.kind, f"x{item.factor}", *(_item(item, curves[n], calls[n]) for n in calls)) for item in items
    ]
    rows.append(("", "median IoU of R", "", *(_grpm_iou(items, curves[n], calls[n]) for n in calls)))
    rows.append(("", "false alarms", "", *(_grpm_false(items, curves[n], calls[n]) for n in calls)))
    show(
        "GRPM: curves found of each item, severity, IoU", ("item", "kind", "cost", *calls), rows, markdown=plan.markdown
    )


def _item(item: recorded.Item, curves: CurveSet, calls: Sequence[Call]) -> str:
    """Return found/all, the severities and the median localisation of one item's curves."""
    better = item.kind == "improvement"
    own = [
        (call, _share(item, curves, curve, call.better if better else call.worse))
        for curve, call in _own(item, curves, calls)
    ]
    found = [call for call, share in own if share > 0 and (better or call.listed)]
    if not found:
        return f"0/{len(own)}"
    names = "better" if better else "+".join(sorted({call.severity.value for call in found if call.severity}))
    return f"{len(found)}/{len(own)} {names} {np.median([share for _, share in own]):.2f}"


def _own(item: recorded.Item, curves: CurveSet, calls: Sequence[Call]) -> list[tuple[int, Call]]:
    return [(curve.index, calls[curve.index]) for curve in curves.curves if curve.tag in item.tags]


def _share(item: recorded.Item, curves: CurveSet, curve: int, ranges: Sequence[evaluate.Range]) -> float:
    injected = recorded.points_between(curves, curve, item.load_first, item.load_last)
    return evaluate.overlap_share(injected, ranges)


def _grpm_iou(items: Sequence[recorded.Item], curves: CurveSet, calls: Sequence[Call]) -> float:
    """Return the median localisation over the curves of all regressions found."""
    worse = [item for item in items if item.kind in ("regression", "mixed")]
    pairs = [(item, curve, call) for item in worse for curve, call in _own(item, curves, calls) if call.listed]
    return float(np.median([_share(item, curves, curve, call.worse) for item, curve, call in pairs]))


def _grpm_false(items: Sequence[recorded.Item], curves: CurveSet, calls: Sequence[Call]) -> str:
    """Return regressions reported on curves that no regression was built into."""
    worse = {tag for item in items if item.kind in ("regression", "mixed") for tag in item.tags}
    return str(sum(call.regressed for curve, call in zip(curves.curves, calls, strict=True) if curve.tag not in worse))


def lab_section(plan: Plan, jobs: dict[int, Job]) -> None:
    """Print what is found in the LAB jobs."""
    _show_aa(((91001, 91002), (91002, 91001)), jobs, "LAB", plan)
    first, second, candidate = recorded.LAB_JOBS
    rows = []
    for ids in ((first, candidate), (second, candidate), (first, candidate, second), (second, candidate, first)):
        curves = recorded.curves_of(jobs, ids)
        truth = recorded.lab_truth(plan.shared, curves)
        name = f"{ids[0]} → {ids[1]}" + (f", rerun {ids[2]}" if len(ids) > 2 else "")
        rows += [(name, who, *_lab_figures(truth, calls)) for who, calls in both(curves)]
    header = ("pair", "detector", "recall visible", "precision", "regressed", "cpu_8 flagged", "improved found")
    show("LAB: what was built in, and what is found", header, rows, markdown=plan.markdown)


def _lab_figures(truth: Sequence[recorded.LabCurve], calls: Sequence[Call]) -> tuple[object, ...]:
    pairs = list(zip(truth, calls, strict=True))
    visible = [_hit(curve, call) for curve, call in pairs if curve.visible and curve.direction == "worse"]
    true = [curve.changed and curve.direction == "worse" for curve, call in pairs if call.regressed]
    small = [call.regressed for curve, call in pairs if curve.kind == "cpu_8"]
    improved = [call.improved for curve, call in pairs if curve.visible and curve.direction == "better"]
    return (
        f"{sum(visible)}/{len(visible)}",
        sum(true) / len(true) if true else None,
        len(true),
        f"{sum(small)}/{len(small)}",
        f"{sum(improved)}/{len(improved)}",
    )


def _hit(curve: recorded.LabCurve, call: Call) -> bool:
    return call.regressed and evaluate.overlap_share((curve.first, curve.last), call.worse) > 0


def _show_aa(pairs: Sequence[tuple[int, int]], jobs: dict[int, Job], name: str, plan: Plan) -> None:
    rows = []
    for pair in pairs:
        curves = recorded.curves_of(jobs, pair)
        for who, calls in both(curves):
            counts = [sum(getattr(call, what) for call in calls) for what in ("regressed", "listed", "improved")]
            rows.append((f"{pair[0]} → {pair[1]}", who, len(calls), *counts))
    header = ("pair", "detector", "curves", "regressed", "listed", "improved")
    show(f"{name}: the same version twice", header, rows, markdown=plan.markdown)


def slowed_section(plan: Plan, jobs: dict[int, Job]) -> None:
    """Print what is said of a run slowed as a whole, without and with one endpoint twice as slow besides."""
    rows = []
    for ids in ((26, 26), (25, 26), (91001, 91001), (91002, 91001)):
        all_slower = recorded.slowed(recorded.curves_of(jobs, ids), 1.12)
        endpoint = all_slower.curves[len(all_slower.curves) // 2].endpoint
        name = f"{ids[0]} → {ids[1]} slowed"
        rows.append((f"{name} 12 %", *_slowed_figures(all_slower, "")))
        rows.append(
            (f"{name}, one endpoint x2", *_slowed_figures(recorded.slowed(all_slower, 2.0, endpoint), endpoint))
        )
    header = ("pair", "run-wide shifts", "endpoint found", "others flagged", "earlier criteria")
    show("A run slowed by 12 % everywhere", header, rows, markdown=plan.markdown)


def _slowed_figures(curves: CurveSet, endpoint: str) -> tuple[object, ...]:
    detection = detection_of(curves)
    calls = evaluate.calls_of(detection)
    own = [call.regressed for curve, call in zip(curves.curves, calls, strict=True) if curve.endpoint == endpoint]
    shifts = sorted({f"{shift.slowdown:+.0%}" for shift in detection.shifts})
    found = f"{sum(own)}/{len(own)}" if own else "-"
    others = sum(call.regressed for call in calls) - sum(own)
    return ", ".join(shifts), found, others, sum(call.regressed for call in earlier(curves))


SIMULATED = {
    "time": time_section,
    "aa": aa_section,
    "injected": injected_section,
    "roc": roc_section,
    "reruns": reruns_section,
    "earlier": taught_section,
    "calm": calm_section,
    "textbook": textbook_section,
    "thin": thin_section,
}
RECORDED = {"grpm": grpm_section, "lab": lab_section, "slowed": slowed_section, "reruns": lab_reruns_section}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sections asked for."""
    options = _options(argv)
    shared = recorded.find(options.shared)
    points = tuple(options.points) or ((54,) if options.quick else (54, 24, 8))
    plan = Plan(options.jobs or (2 if options.quick else 10), points, options.seed, options.markdown, shared)
    wanted = options.only or list(dict.fromkeys([*SIMULATED, *RECORDED]))
    for name in wanted:
        if name in SIMULATED:
            SIMULATED[name](plan)
    if shared is None:
        print(f"\nNo recorded jobs in {options.shared}: their tables are left out; name their folder with --shared.")
        return 0
    jobs = recorded.load_jobs(shared)
    for name in wanted:
        if name in RECORDED:
            RECORDED[name](plan, jobs)
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two jobs of 54 points a regime, under a minute")
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")
    parser.add_argument(
        "--points", type=int, nargs="+", default=(), help="loads of a curve (default 54 24 8, quick 54)"
    )
    parser.add_argument("--jobs", type=int, default=0, help="simulated jobs a cell (default 10, quick 2)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"seed of the simulated jobs (default {SEED})")
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder of the recorded jobs")
    parser.add_argument(
        "--only", nargs="+", choices=list(dict.fromkeys([*SIMULATED, *RECORDED])), help="these sections only"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(main())
