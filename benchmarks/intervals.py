"""How often an interval holds what is true, and a confidence is right: ``python benchmarks/intervals.py [N] [DIR]``.

Per data set, real pairs apart from simulated ones: changes of 8 to 100 % are injected into two runs of one version, so
that what is true of every point is known; N draws each (3 unless told otherwise). Counted are the windows that stand
for their curves: *holds* is the share whose 95 % interval holds the median of what was injected at their points;
*right* is the share of windows of a confidence at whose points something was injected in their direction. Real are the
four runs and the three runs of one version of a service, and the two of the large suite; they lie in DIR, by default
``../shared`` beside the checkout, and are left out where it is missing.
"""

from __future__ import annotations

import gzip
import sys
from itertools import permutations
from pathlib import Path

import numpy as np
from disturbed import episode, header, timed
from msgspec.structs import replace
from simulate import REGIMES, Changes, Regime, injected, simulate
from tables import show
from textbook import CALM

from perftracker_ai.curves import build_curves
from perftracker_ai.detect import detect
from perftracker_ai.model import BY_RUN, CANDIDATE, Confidence, Direction, Outcome
from perftracker_ai.settings import CurveSettings, DetectSettings
from perftracker_ai.sources.document import parse_job
from perftracker_ai.validity import assess

SHARED = Path(__file__).parents[2] / "shared"
SERIES = {
    "service, 4 runs": [f"lab/job-{number}.json.gz" for number in (91001, 91002, 91003, 91004)],
    "service, 3 runs": [f"lab/job-{number}.json.gz" for number in (90001, 90002, 90003)],
    "large suite": [f"perftracker/grpm/{name}.json.gz" for name in ("baseline", "rerun")],
}
SIMULATED = (*CALM, *(regime for regime in REGIMES if regime.name in {"quiet", "rough", "lab", "level", "mixed"}))
CHANGES = Changes(share=0.15)
CURVES, RERUNS, SEED = 76, (0, 2), 20261128
FLAGGED = frozenset({Outcome.REGRESSED, Outcome.MINOR, Outcome.IMPROVED})
LEVELS = (Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW)


def main() -> None:
    """Print one table for real pairs and one for simulated ones."""
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    shared = Path(sys.argv[2]) if len(sys.argv) > 2 else SHARED
    words = ("holds", "holds, right ones", *(f"{level}: right" for level in LEVELS))
    header_row = ("data set", "reruns", "loads", "windows", *words)
    rows = [(*row, *_figures(runs)) for row, runs in _real(draws, shared)]
    show("Real pairs", header_row, rows, markdown=True) if rows else print("no recorded jobs here")
    rows = [(*row, *_figures(runs)) for row, runs in _simulated(draws)]
    show("Simulated pairs", header_row, rows, markdown=True)


# ── data sets ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _real(draws, shared):
    """Go through the series: name, reruns and loads, and for each draw runs of one version with their headers."""
    for name, paths in SERIES.items():
        if not all((shared / path).exists() for path in paths):
            continue
        jobs = [parse_job(gzip.decompress((shared / path).read_bytes()), path) for path in paths]
        for reruns in RERUNS:
            chosen = list(permutations(jobs, 2 + reruns))
            if chosen:
                step = max(len(chosen) // (4 * draws), 1)
                yield (name, reruns, _loads(chosen[0])), [_of_jobs(runs) for runs in chosen[::step]]


def _of_jobs(jobs):
    curves, _, _ = build_curves(list(jobs), CurveSettings())
    return _longest(curves), [replace(job, info=replace(job.info, product_ver=str(k))) for k, job in enumerate(jobs)]


def _loads(jobs):
    return _of_jobs(jobs)[0].curves[0].stop


def _longest(curves):
    """Keep the curves of the most frequent length, for changes are injected into curves of one length."""
    lengths = [curve.stop - curve.start for curve in curves.curves]
    length = max(set(lengths), key=lengths.count)
    kept = [curve for curve, own in zip(curves.curves, lengths, strict=True) if own == length]
    points = np.concatenate([np.arange(curve.start, curve.stop) for curve in kept])
    renumbered = tuple(replace(curve, index=k, start=k * length, stop=(k + 1) * length) for k, curve in enumerate(kept))
    rows = {name: getattr(curves, name)[:, points] for name in BY_RUN}
    label = tuple(curves.label[point] for point in points)
    return replace(curves, curves=renumbered, load=curves.load[points], label=label, **rows)


def _simulated(draws):
    """Go through the regimes in the same way; the last are disturbed in time."""
    for regime in SIMULATED:
        for reruns in RERUNS:
            for points in (24, 8):
                yield (regime.name, reruns, points), [_made(regime, reruns, points, k) for k in range(draws)]
    for reruns in RERUNS:
        yield (
            ("quiet, an episode", reruns, 24),
            [_made(SIMULATED[2], reruns, 24, k, disturb=True) for k in range(draws)],
        )


def _made(regime: Regime, reruns, points, draw, *, disturb=False):
    rng = np.random.default_rng([SEED, draw, points, reruns])
    curves, _ = simulate(regime, curves=CURVES, points=points, reruns=reruns, changed=0.0, rng=rng)
    runs = [header(k + 1, "1.1" if k == CANDIDATE else "1.0") for k in range(2 + reruns)]
    return (episode(timed(curves, "load"), CANDIDATE, rng) if disturb else curves), runs


# ── what is counted ─────────────────────────────────────────────────────────────────────────────────────────────────


def _figures(pairs):
    """Inject into every pair, judge it, and count."""
    seen = [found for draw, (curves, runs) in enumerate(pairs) for found in _windows(curves, runs, draw)]
    holds = [inside for _, _, inside in seen]
    shares = [_share([right for level, right, _ in seen if level is wanted]) for wanted in LEVELS]
    return len(seen), _share(holds), _share([inside for _, right, inside in seen if right]), *shares


def _share(flags):
    return f"{sum(flags)}/{len(flags)} = {np.mean(flags):.2f}" if flags else "-"


def _windows(curves, runs, draw):
    """Return confidence, whether it is right and whether the interval holds, of every curve that is called changed."""
    changed, truth = injected(curves, CHANGES, np.random.default_rng([SEED, draw]))
    less = np.concatenate([np.full(c.stop - c.start, c.less_better) for c in curves.curves])
    cost = np.log(np.where(less, truth.factor, 1 / truth.factor))
    for result in detect(changed, DetectSettings(), 1, None, assess(runs, changed)).results:
        if result.outcome not in FLAGGED:
            continue
        window = result.windows[result.worst]
        inside = cost[window.first : window.last + 1][
            np.isfinite(changed.mean[CANDIDATE, window.first : window.last + 1])
        ]
        true, sign = float(np.expm1(np.median(inside))), 1 if window.direction is Direction.WORSE else -1
        yield result.confidence, bool(np.any(sign * inside > 0)), bool(window.low <= true <= window.high)


if __name__ == "__main__":
    main()
