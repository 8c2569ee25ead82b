"""Measure what disturbances in time do to the judgement: ``python benchmarks/disturbed.py [JOBS]``.

Simulated jobs whose tests tell when they ran, load by load or endpoint by endpoint, with an episode (5 to 20 % of the
run's time, 1.1 to 3 times as slow) in the candidate or the baseline, a warm-up, two wild reruns among four, a change of
the code that 10 to 100 % of the endpoints share, an edge that collapses (the last 1 to 3 loads 2 to 10 times as slow),
or changes at scattered loads or at every third one. Per thousand curves: false alarms by code among curves that nobody
changed, and wrong words (15 % slower as measured, and called unchanged or improved); recall of changes of 15 % and more
as regressed or moved with the run. Beside it the earlier criteria, a paired t-test and Mann-Whitney, both with false
discoveries controlled, in the same jobs: false alarms and recall.
"""

from __future__ import annotations

import sys

import numpy as np
from detectors import earlier
from msgspec.structs import replace
from simulate import REGIMES, Changes, Regime, injected, simulate
from textbook import ALPHA, paired, ranks

from perftracker_ai.detect import detect
from perftracker_ai.model import CANDIDATE, Attribution, Job, Outcome
from perftracker_ai.settings import DetectSettings
from perftracker_ai.sources.document import parse_job
from perftracker_ai.validity import assess

CURVES, START, SECONDS = 76, 1.8e9, 30.0
LAB, QUIET = next(r for r in REGIMES if r.name == "lab"), next(r for r in REGIMES if r.name == "quiet")
DUE = 0.15
OTHERS = {
    "earlier criteria": lambda curves: np.array([call.regressed for call in earlier(curves)]),
    "paired t": lambda curves: paired(curves) <= ALPHA,
    "Mann-Whitney": lambda curves: ranks(curves) <= ALPHA,
}
"""Which curves the others flag."""
SEEN = frozenset({Outcome.REGRESSED, Outcome.MINOR, Outcome.MOVED})


def header(number: int, version: str) -> Job:
    """Return a job of which only the header is looked at."""
    return parse_job(
        f'{{"id": {number}, "end": "2026-09-06T12:00:00Z", "product_ver": "{version}", "tests": []}}'.encode(), ""
    )


def timed(curves, order):
    """Say when every point was measured, latency and rate of a request together, one order or the other."""
    keys = {}
    request = [
        keys.setdefault((c.endpoint, c.threads), len(keys)) for c in curves.curves for _ in range(c.start, c.stop)
    ]
    load = np.concatenate([np.arange(c.stop - c.start) for c in curves.curves])
    request = np.array(request)
    place = load * len(keys) + request if order == "load" else request * (load.max() + 1) + load
    begin = np.broadcast_to(START + SECONDS * place, curves.mean.shape).astype(float)
    return replace(curves, begin=begin, end=begin + SECONDS)


def slowed(curves, row, inside, by):
    """Make some points of one run slower."""
    worse_up = np.concatenate([np.full(c.stop - c.start, 1.0 if c.less_better else -1.0) for c in curves.curves])
    mean = curves.mean.copy()
    mean[row, inside] *= by ** worse_up[inside]
    return replace(curves, mean=mean)


def episode(curves, row, rng, *, first=None):
    """Disturb 5 to 20 % of the run's time; from its beginning where ``first`` is 0."""
    begin, share = curves.begin[row], rng.uniform(0.05, 0.20)
    span = begin.max() + SECONDS - begin.min()
    start = begin.min() + span * (rng.uniform(0.1, 0.9 - share) if first is None else first)
    inside = (begin >= start) & (begin < start + share * span)
    return slowed(curves, row, inside, rng.uniform(1.1, 3.0))


def wild(curves, row, rng):
    """Make a run uneven, and slow for a third of its time."""
    noise = np.exp(
        rng.normal(0, 0.15, curves.mean.shape[1])
        + np.repeat(rng.normal(0, 0.25, len(curves.curves)), curves.curves[0].stop)
    )
    mean = curves.mean.copy()
    mean[row] *= noise
    return replace(curves, mean=mean)


def shared_change(curves, share, rng):
    """Make the candidate half as slow again at some of the endpoints; return which curves that are."""
    names = sorted({c.endpoint for c in curves.curves})
    hit = set(rng.permutation(names)[: max(1, round(share * len(names)))].tolist())
    inside = np.concatenate([np.full(c.stop - c.start, c.endpoint in hit) for c in curves.curves])
    return slowed(curves, CANDIDATE, inside, 1.5), np.array([c.endpoint in hit for c in curves.curves])


def at_loads(curves, endpoints, loads, by):
    """Make the candidate slower at some loads of some endpoints; return which curves that are."""
    hit = np.array([c.endpoint in endpoints for c in curves.curves])
    inside = np.concatenate(
        [np.isin(np.arange(c.stop - c.start), loads) & own for c, own in zip(curves.curves, hit, strict=True)]
    )
    seen = inside & np.isfinite(curves.mean[: CANDIDATE + 1]).all(axis=0)  # a load that failed shows nothing
    shown = np.array([seen[c.start : c.stop].any() for c in curves.curves])
    return slowed(curves, CANDIDATE, inside, by), np.where(shown, by - 1, 0.0)


def some_endpoints(curves, share, rng):
    """Draw a share of the endpoints, one at the least."""
    names = sorted({c.endpoint for c in curves.curves})
    return rng.permutation(names)[: max(1, round(share * len(names)))].tolist()


def collapse(share):
    """Let the last 1 to 3 loads of a share of the endpoints give way."""

    def make(curves, rng):
        points = curves.curves[0].stop
        last = np.arange(points - rng.integers(1, 4), points)
        return at_loads(curves, some_endpoints(curves, share, rng), last, rng.uniform(2, 10))

    return make


def scattered(curves, rng):
    """Make a sixth of the loads, and three at the least, slower at a tenth of the endpoints."""
    points = curves.curves[0].stop
    loads = rng.permutation(points)[: max(3, points // 6)]
    return at_loads(curves, some_endpoints(curves, 0.1, rng), loads, rng.uniform(2, 5))


def periodic(curves, rng):
    """Make every third load slower at a tenth of the endpoints."""
    loads = np.arange(rng.integers(3), curves.curves[0].stop, 3)
    return at_loads(curves, some_endpoints(curves, 0.1, rng), loads, rng.uniform(1.5, 3))


def scenarios():
    """Yield name, order of the tests, reruns, and what is done to the runs and gives the changes of the curves."""
    plain = Changes(share=0.1)

    def with_changes(disturb):
        def make(curves, rng):
            changed, truth = injected(curves, plain, rng)
            return disturb(changed, rng), truth.median

        return make

    def share_of(share):
        def make(curves, rng):
            changed, hit = shared_change(curves, share, rng)
            return changed, np.where(hit, 0.5, 0.0)

        return make

    yield "calm, load by load", "load", 0, with_changes(lambda c, _: c)
    for order in ("load", "endpoint"):
        yield f"episode in the candidate, {order}", order, 0, with_changes(lambda c, r: episode(c, 1, r))
        yield f"episode in the baseline, {order}", order, 0, with_changes(lambda c, r: episode(c, 0, r))
    yield "warm-up", "load", 0, with_changes(lambda c, r: episode(c, 1, r, first=0.0))
    yield "four reruns", "load", 4, with_changes(lambda c, _: c)
    yield "four reruns, two wild", "load", 4, with_changes(lambda c, r: wild(wild(c, 3, r), 5, r))
    for share in (0.1, 0.3, 0.5, 0.7, 1.0):
        yield f"{share:.0%} of the endpoints x1.5", "load", 0, share_of(share)
    for order in ("load", "endpoint"):
        yield f"edge of a tenth collapses, {order}", order, 0, collapse(0.1)
        yield f"edge of all collapses, {order}", order, 0, collapse(1.0)
    yield "scattered loads", "load", 1, scattered
    yield "every third load", "load", 1, periodic


def measure(regime: Regime, points: int, order: str, reruns: int, make, jobs: int):
    """Return our false alarms, wrong words and recall over some jobs, and false alarms and recall of the others."""
    alarms = words = clean = curves_seen = due = found = 0
    beside = {name: [0, 0] for name in OTHERS}
    for seed in range(jobs):
        rng = np.random.default_rng([seed, points, reruns])
        curves, _ = simulate(regime, curves=CURVES, points=points, reruns=reruns, changed=0.0, rng=rng)
        curves, median = make(timed(curves, order), rng)
        runs = [header(k + 1, "1.1" if k == CANDIDATE else "1.0") for k in range(len(curves.mean))]
        detection = detect(curves, DetectSettings(), 1, None, assess(runs, curves))
        for name, flags in OTHERS.items():
            flagged = flags(curves)
            beside[name][0] += int((flagged & (median == 0)).sum())
            beside[name][1] += int((flagged & (median >= DUE)).sum())
        for result, size in zip(detection.results, median, strict=True):
            code = result.outcome is Outcome.REGRESSED and result.attribution is Attribution.CODE
            clean += size == 0
            alarms += code and size == 0
            curves_seen += 1
            words += size >= DUE and result.outcome in {Outcome.UNCHANGED, Outcome.IMPROVED}
            due += size >= DUE
            found += size >= DUE and result.outcome in SEEN
    rates = [(1000 * false / max(clean, 1), hits / max(due, 1)) for false, hits in beside.values()]
    return (1000 * alarms / max(clean, 1), 1000 * words / curves_seen, found / max(due, 1)), rates


def main():
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    print(f"{'':38} noise loads   false/k   wrong words/k   recall  {'   '.join(OTHERS)}: false/k recall")
    for name, order, reruns, make in scenarios():
        for regime in (QUIET, LAB):
            for points in (54, 24, 8):
                (alarms, words, recall), beside = measure(regime, points, order, reruns, make, jobs)
                others = "   ".join(f"{false:6.1f} {share:.2f}" for false, share in beside)
                own = f"{alarms:9.1f} {words:15.1f} {recall:8.2f}"
                print(f"{name:38} {regime.name:5} {points:5} {own}  {others}", flush=True)


if __name__ == "__main__":
    main()
