"""Earlier jobs teach what scatters about the level of its version, never the steps between versions."""

import numpy as np
import pytest
from builders import info
from detect_cases import LATENCY, SETTINGS, curve_set, found, noisy_job, window
from msgspec.structs import replace
from simulate import with_reruns

from perftracker_ai.detect import detect
from perftracker_ai.detect.earlier import levelled
from perftracker_ai.model import Outcome, Timeline

JOBS = 16
ORDERS = {
    "by turns": [k % 2 for k in range(JOBS)],
    "for a time": [5 <= k < 9 for k in range(JOBS)],
    "since the middle": [k >= JOBS // 2 for k in range(JOBS)],
    "branches": [0, 0, 1, 0, 1, 1, 0, 0, 1, 1, 0, 1, 0, 0, 1, 0],
}


def timeline(mean, versions=None):
    names = versions or [f"2.{k}" for k in range(len(mean))]
    jobs = tuple(replace(info(1000 + k), product_ver=name) for k, name in enumerate(names))
    return Timeline(jobs=jobs, mean=mean)


def with_slow_versions(job, order, number, change):
    """Let one endpoint's latency be slower by ``change`` (log, by point) in some of the jobs beyond the pair."""
    mean = job.mean.copy()
    for curve in job.curves:
        if (curve.endpoint, curve.metric_kind) == (f"GET /{number:02}", LATENCY):
            mean[2:, curve.start : curve.stop] *= np.exp(np.outer(np.asarray(order, dtype=float), change))
    return replace(job, mean=mean)


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
@pytest.mark.parametrize(("points", "first", "last"), [(54, 0, 53), (54, 30, 53), (8, 0, 7), (1, 0, 0)])
def test_slow_versions_do_not_hide_the_next_one(order, points, first, last):
    """A curve that is twice as slow in some versions is found twice as slow again, with a store as without it."""
    slow = window(points, first, last, 2.0)
    change = {(3, LATENCY, t): slow for t in (1, 4)}
    job = with_slow_versions(noisy_job(points=points, reruns=JOBS, change=change, sigma=0.03), order, 3, slow)
    result = found(detect(with_reruns(job, 0), SETTINGS, 0, timeline(job.mean[2:])), job, 3)[0]
    assert result.outcome is Outcome.REGRESSED


def test_a_version_on_both_levels_jumps_about():
    """What one and the same version does by turns is its noise: it stays."""
    job = curve_set([({"endpoint": "x"}, np.ones((2, 1)))])
    log = np.array([[0.0], [0.7]] * 8) + 0.01 * np.random.default_rng(1).standard_normal((16, 1))
    assert np.array_equal(levelled(log, job.curves, ["1.0"] * 16), log)
    assert np.ptp(levelled(log, job.curves, [str(k) for k in range(16)])) < 0.1


@pytest.mark.parametrize("jobs", [6, 8, 14, 40])
def test_natural_scatter_stays(jobs):
    """Of curves that scatter without levels at most one in fifty loses any of it."""
    rng = np.random.default_rng(jobs)
    job = curve_set([({"endpoint": f"e{k}"}, np.ones((2, 1))) for k in range(400)])
    log = 0.3 * rng.standard_normal((jobs, 400))
    kept = np.isclose(levelled(log, job.curves, [str(k) for k in range(jobs)]), log).all(axis=0)
    assert kept.mean() >= 0.98


def test_absent_values_stay_absent():
    """Jobs without a value, and curves without any, come out as they went in."""
    job = curve_set([({"endpoint": "x"}, np.ones((2, 1))), ({"endpoint": "y"}, np.ones((2, 1)))])
    log = np.array([[0.0, np.nan], [np.nan, np.nan], [0.1, np.nan], [0.2, np.nan]])
    assert np.array_equal(levelled(log, job.curves, list("abcd")), log, equal_nan=True)
