"""What holds for every job: order, units, swapping, and input that should not raise."""

import numpy as np
import pytest
from detect_cases import LATENCY, RATE, curve_set, judged, noisy_job, window
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from perftracker_ai.model import Direction, Outcome

CHANGES = {
    (1, LATENCY, 1): window(30, 12, 29, 1.7),
    (3, RATE, 4): window(30, 5, 14, 1.5),
    (4, LATENCY, 4): np.log(0.6),
    (6, RATE, 1): np.log(1.4),
}


def plain(detection):
    """A result in a form that compares within rounding."""
    return [
        (result.outcome, result.severity, [(w.direction, w.first, w.last) for w in result.windows])
        for result in detection.results
    ]


seeds = st.integers(0, 10_000)


@settings(max_examples=8)
@given(seed=seeds)
def test_same_curves_same_result(seed):
    """Two detections of the same curves are equal to the last digit."""
    job = noisy_job(seed=seed, points=30, endpoints=8, change=CHANGES)
    assert judged(job) == judged(job)


@settings(max_examples=8)
@given(seed=seeds)
def test_input_is_not_changed(seed):
    """Detection leaves its curves as they were."""
    job = noisy_job(seed=seed, points=30, endpoints=8, change=CHANGES)
    before = job.mean.copy()
    judged(job)
    assert np.array_equal(job.mean, before)


@settings(max_examples=8)
@given(seed=seeds, scale=st.floats(1.0, 1e6))
def test_units_do_not_matter(seed, scale):
    """Multiplying all values of a job changes no verdict."""
    job = noisy_job(seed=seed, points=30, endpoints=8, change=CHANGES)
    assert plain(judged(replace(job, mean=job.mean * scale))) == plain(judged(job))


@settings(max_examples=8)
@given(seed=seeds)
def test_the_order_of_curves_does_not_matter(seed):
    """Curves in another order have the same results."""
    job = noisy_job(seed=seed, points=30, endpoints=8, change=CHANGES)
    order = np.random.default_rng(seed).permutation(len(job.curves))
    fields = [{"endpoint": c.endpoint, "kind": c.metric_kind, "threads": c.threads} for c in job.curves]
    values = [job.mean[:, c.start : c.stop] for c in job.curves]
    shuffled = judged(curve_set([(fields[k], values[k]) for k in order]))
    expected = judged(job)
    for place, k in enumerate(order):
        assert shuffled.results[place].outcome is expected.results[k].outcome


@settings(max_examples=8)
@given(seed=seeds)
def test_swapping_the_jobs_swaps_worse_and_better(seed):
    """Every window found one way is found the other way round, in the same place with the opposite direction."""
    job = noisy_job(seed=seed, points=30, endpoints=8, change=CHANGES)
    there, back = judged(job), judged(replace(job, mean=job.mean[::-1].copy()))
    mirror = {Direction.WORSE: Direction.BETTER, Direction.BETTER: Direction.WORSE}
    for one, other in zip(there.results, back.results, strict=True):
        forward = [(w.direction, w.first, w.last) for w in one.windows]
        assert [(mirror[w.direction], w.first, w.last) for w in other.windows] == forward
        for w, m in zip(one.windows, other.windows, strict=True):
            assert np.log1p(w.median_slowdown) == pytest.approx(-np.log1p(m.median_slowdown))


AWKWARD = (0.0, np.nan, np.inf, -1.0, 1e-300, 1e300, 1.0)


@settings(max_examples=40)
@given(seed=seeds, runs=st.integers(2, 4), lengths=st.lists(st.integers(1, 30), min_size=1, max_size=6))
@example(seed=530, runs=2, lengths=[29, 25])  # infinite in baseline and candidate
def test_no_input_raises(seed, runs, lengths):
    """Zeros, gaps, infinities, negative values and curves of any length end in an outcome, never in an error."""
    rng = np.random.default_rng(seed)
    rows = []
    for number, points in enumerate(lengths):
        values = np.exp(rng.normal(0, rng.choice([0.0, 0.1, 15.0]), (runs, points)))
        awkward = rng.random((runs, points)) < rng.choice([0.0, 0.3, 1.0])
        kind = LATENCY if number % 2 else RATE
        fields = {"endpoint": f"GET /{number // 2}", "kind": kind}
        rows.append((fields, np.where(awkward, rng.choice(AWKWARD, (runs, points)), values)))
    detection = judged(curve_set(rows))
    assert len(detection.results) == len(lengths)
    assert all(result.outcome in Outcome for result in detection.results)


@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_a_candidate_without_values_yields_no_finding(value):
    """A candidate that measured nothing is no regression: every curve is inconclusive."""
    job = noisy_job(points=20, endpoints=6)
    mean = job.mean.copy()
    mean[1] = value
    assert {result.outcome for result in judged(replace(job, mean=mean)).results} == {Outcome.INCONCLUSIVE}
