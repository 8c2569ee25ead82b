"""Numbers that hide others: what one value, one half of the curves or one run lacks may cost it, and nothing else."""

import math

import numpy as np
import pytest
from detect_cases import LATENCY, RATE, SETTINGS, curve_set, found, judged, noisy_job, window
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from perftracker_ai.detect import _evidence
from perftracker_ai.detect.noise import PRIOR_NOISE, level_scatter
from perftracker_ai.detect.series import panels, ratios
from perftracker_ai.model import Outcome

seeds = st.integers(0, 10_000)


def one_sided(seed, *, reruns=0, points=24, up=1.09):
    """A job whose noisier half is slower throughout, and in whose calm half one curve is 60 % slower."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(28):
        noisy = number >= 14
        cost = (0.12 if noisy else 0.03) * rng.standard_normal((2 + reruns, points))
        cost[1] += math.log(up) * noisy + math.log(1.6) * (number == 2)
        rows.append(({"endpoint": f"GET /{number:02}"}, 0.1 * np.exp(cost)))
    return curve_set(rows)


def tracks(curves):
    """Everything the scans weigh by, of a whole job."""
    laid = list(panels(curves, ratios(curves), curves.curves))
    _, evidences = _evidence(curves, laid, SETTINGS)
    return [track for evidence in evidences for track in (evidence.track, evidence.joint, evidence.paired)]


def numbers_of(result):
    """Every number of a result, with those of its windows."""
    windows = [
        (w.median_slowdown, w.mean_slowdown, w.max_slowdown, w.low, w.high, w.p_value, w.q_value, w.consistency)
        for w in result.windows
    ]
    own = (result.median_slowdown, result.shift, result.noise)
    return [number for number in (*own, *(each for one in windows for each in one)) if number is not None]


@pytest.mark.parametrize("reruns", [0, 1, 2])
@pytest.mark.parametrize("seed", range(6))
def test_half_of_the_curves_on_one_side_hides_no_other(seed, reruns):
    """A half whose levels all lie on one side has no scale; it takes no finding from the other, with reruns or not."""
    job = one_sided(seed, reruns=reruns)
    result, _ = found(judged(job), job, 2)
    assert result.outcome is Outcome.REGRESSED


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("half", ["quiet", "noisy"])
def test_scatter_of_levels_is_a_number_whichever_half_is_one_sided(half, side):
    """The variance of levels is finite and positive when either half of the curves lies on one side throughout."""
    rng = np.random.default_rng(3)
    sigma = np.repeat([0.02, 0.1], 12)
    level = 0.03 * rng.standard_normal(24)
    part = slice(0, 12) if half == "quiet" else slice(12, 24)
    level[part] = side * np.abs(level[part])
    scatter = level_scatter(level, sigma, sigma**2 / 24, np.zeros(24, dtype=np.intp))
    assert np.isfinite(scatter).all()
    assert (scatter > 0).all()


@settings(max_examples=30, deadline=None)
@given(
    seed=seeds,
    runs=st.integers(2, 5),
    lengths=st.lists(st.sampled_from([1, 2, 3, 5, 8, 13, 24]), min_size=1, max_size=8),
    absent=st.sampled_from([0.0, 0.2, 0.8]),
    spread=st.sampled_from([0.0, 1e-12, 0.05, 3.0, 300.0]),
    scores=st.sampled_from([1, 3]),
)
@example(seed=1, runs=4, lengths=[1] * 8, absent=0.0, spread=0.05, scores=1)  # scalars with reruns
@example(seed=1, runs=2, lengths=[1], absent=0.0, spread=0.0, scores=3)
def test_what_the_scan_weighs_by_is_always_a_number(seed, runs, lengths, absent, spread, scores):
    """Noise, correlation, scatter of levels and drift are finite for every curve of every job, and so is every result.

    A NaN among them would not raise: it would make every comparison false, and so lose what there is to find.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for number, points in enumerate(lengths):
        values = np.exp(np.clip(rng.normal(0, spread, (runs, points)), -700, 700))
        values[rng.random(values.shape) < absent] = np.nan
        rows.append(({"endpoint": f"GET /{number // 2}", "kind": RATE if number % 2 else LATENCY}, values))
    job = curve_set(rows, scores=scores, relative_sd=0.02)
    for track in tracks(job):
        for numbers in (track.variance, track.rho, track.level_variance, track.drift_variance, track.dof):
            assert np.isfinite(numbers).all()
    assert all(math.isfinite(number) for result in judged(job).results for number in numbers_of(result))


def test_loads_that_no_two_curves_share_are_no_error():
    """Curves without neighbours on their family's grid teach no noise: the job is judged by the prior."""
    rng = np.random.default_rng(5)
    rows = [({"endpoint": "GET /a", "threads": k}, 0.1 * np.exp(0.01 * rng.standard_normal((3, 12)))) for k in range(3)]
    job = curve_set(rows)
    load = np.concatenate([np.arange(12) * 3.0 + k for k in range(3)])
    results = judged(replace(job, load=load)).results
    assert not any(result.windows for result in results)
    assert all(result.noise == pytest.approx(PRIOR_NOISE) for result in results)


def test_reruns_of_scalars_teach_how_far_scalars_scatter():
    """A step no larger than those between runs of one version is no finding in a job of single numbers."""

    def values(seed, count):
        return [np.random.default_rng(seed * 100 + k).normal(0, 0.25, (4, 1)) for k in range(count)]

    loud = [np.exp(value) for value in values(1, 30)]
    calm = [np.exp(0.02 * value) for value in values(1, 30)]
    for rows, expected in ((loud, 0), (calm, 1)):
        rows[4][1] = rows[4][0] * 1.3
        job = curve_set([({"endpoint": f"GET /{k}"}, row) for k, row in enumerate(rows)], scores=5, relative_sd=0.01)
        regressed = [result.curve for result in judged(job).results if result.outcome is Outcome.REGRESSED]
        assert regressed == [4] * expected


CHANGES = {(1, LATENCY, 1): window(24, 8, 23, 2.0), (3, RATE, 4): window(24, 0, 23, 1.8)}


@settings(max_examples=25, deadline=None)
@given(
    seed=seeds,
    reruns=st.integers(0, 2),
    places=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10_000)), min_size=1, max_size=6),
    value=st.sampled_from([np.nan, np.inf, 0.0, -1.0, 5e-324, 1.7976931348623157e308, 1e-308]),
)
def test_a_value_that_is_none_costs_no_other_curve_its_finding(seed, reruns, places, value):
    """Odd values put into single points of curves without a change lose none of the clear findings elsewhere."""
    job = noisy_job(seed=seed, points=24, endpoints=8, sigma=0.03, reruns=reruns, change=CHANGES)
    changed = [curve for curve in job.curves if curve.endpoint in {"GET /01", "GET /03"}]
    free = np.setdiff1d(np.arange(len(job.load)), [p for c in changed for p in range(c.start, c.stop)])
    mean = job.mean.copy()
    for run, place in places:
        mean[run % len(mean), free[place % len(free)]] = value
    detection = judged(replace(job, mean=mean))
    for number, kind, threads in CHANGES:
        assert found(detection, job, number, kind, threads)[0].outcome is Outcome.REGRESSED
