"""What earlier jobs teach detection: how much curves scatter from run to run."""

import evaluate
import numpy as np
import pytest
from builders import info
from detect_cases import LATENCY, SETTINGS, found, noisy_job, window
from msgspec.structs import replace
from simulate import REGIMES, simulate, with_reruns

from perftracker_ai.detect import detect
from perftracker_ai.detect.series import orientation, ratios
from perftracker_ai.model import Outcome, Timeline

EARLIER = 20


def timeline_of(mean):
    return Timeline(jobs=tuple(info(1000 + k) for k in range(len(mean))), mean=mean)


def apart(curves, reruns=0):
    """Take the runs beyond the reruns for earlier jobs."""
    return with_reruns(curves, reruns), timeline_of(curves.mean[2 + reruns :])


def with_flaky(curves, number, scatter, rng):
    """Let the level of one endpoint's latency jump about in every run but the baseline."""
    mean = curves.mean.copy()
    for curve in curves.curves:
        if (curve.endpoint, curve.metric_kind) == (f"GET /{number:02}", LATENCY):
            mean[2:, curve.start : curve.stop] *= np.exp(scatter * rng.standard_normal((len(mean) - 2, 1)))
    return replace(curves, mean=mean)


@pytest.mark.parametrize("points", [54, 8])
def test_a_curve_that_always_jumps_about_is_no_regression_and_a_calm_one_is(points):
    """A rise by a third counts where the curve never did that before, and not where it does so all the time."""
    change = {(n, LATENCY, t): window(points, 0, points - 1, 1.35) for n in (2, 5) for t in (1, 4)}
    job = noisy_job(points=points, reruns=EARLIER, change=change)
    pair, timeline = apart(with_flaky(job, 5, 0.3, np.random.default_rng(3)))
    alone, taught = detect(pair, SETTINGS, 0), detect(pair, SETTINGS, 0, timeline)
    assert found(alone, pair, 5)[0].outcome is Outcome.REGRESSED
    assert found(taught, pair, 5)[0].outcome is Outcome.INCONCLUSIVE
    assert found(taught, pair, 2)[0].outcome is Outcome.REGRESSED


def test_earlier_jobs_find_more_in_short_curves_and_stay_honest():
    """For curves of eight loads earlier jobs find more of the due regressions, nine in ten of all being real."""
    alone, taught = [], []
    for regime in REGIMES:
        runs, truth = simulate(
            regime, curves=152, points=8, reruns=EARLIER, changed=0.1, rng=np.random.default_rng([5, len(regime.name)])
        )
        pair, timeline = apart(runs)
        for rows, detection in ((alone, detect(pair, SETTINGS, 0)), (taught, detect(pair, SETTINGS, 0, timeline))):
            rows.append(evaluate.rows_of(truth, evaluate.calls_of(detection)))
    assert evaluate.recall(np.concatenate(taught)) >= evaluate.recall(np.concatenate(alone)) + 0.02
    assert evaluate.precision(np.concatenate(taught)) >= 0.9


def test_calm_jobs_raise_few_alarms_with_earlier_jobs():
    """Over all kinds of noise five curves in a thousand at most are flagged between two runs of one version."""
    flagged = 0
    for regime in REGIMES:
        runs, _ = simulate(
            regime, curves=152, points=24, reruns=EARLIER, changed=0.0, rng=np.random.default_rng([6, EARLIER])
        )
        pair, timeline = apart(runs)
        flagged += sum(result.outcome is Outcome.REGRESSED for result in detect(pair, SETTINGS, 0, timeline).results)
    assert flagged <= 0.005 * 152 * len(REGIMES)


@pytest.mark.parametrize("points", [8, 24])
def test_levels_that_wander_raise_few_alarms_however_old_the_baseline_is(points):
    """Neighbours in time are more alike than a candidate and a baseline of two weeks before; that is not forgotten."""
    flagged, curves = 0, 0
    for seed in range(12):
        rng = np.random.default_rng([8, seed])
        job = noisy_job(seed=seed, endpoints=24, points=points, threads=(1,), reruns=40)
        walk = np.cumsum(0.04 * rng.standard_normal((42, len(job.curves))), axis=0)
        when = [26, 41, *range(26), *range(27, 41)]  # of baseline, candidate and the others
        pair, timeline = apart(replace(job, mean=job.mean * np.exp(np.repeat(walk[when], points, axis=1))))
        flagged += sum(result.outcome is Outcome.REGRESSED for result in detect(pair, SETTINGS, 0, timeline).results)
        curves += len(job.curves)
    assert flagged <= 0.01 * curves


@pytest.mark.parametrize("count", [0, 1])
def test_a_single_earlier_job_teaches_nothing(count):
    """With fewer than two earlier jobs the result is that of the two jobs alone."""
    pair, timeline = apart(noisy_job(reruns=count))
    assert detect(pair, SETTINGS, 0, timeline) == detect(pair, SETTINGS, 0)


def test_earlier_jobs_without_values_change_nothing_but_the_noises_source():
    """Jobs that measured none of the curves, or nonsense, leave the results as they were."""
    pair = noisy_job()
    for value in (np.nan, 0.0, -1.0, np.inf):
        timeline = timeline_of(np.full((6, pair.mean.shape[1]), value))
        assert detect(pair, SETTINGS, 0, timeline).results == detect(pair, SETTINGS, 0).results


def test_the_result_says_from_how_many_jobs_the_noise_is_known():
    """Reruns and earlier jobs are counted apart, the latter as far as they make pairs."""
    pair, timeline = apart(noisy_job(reruns=9), reruns=2)
    said = detect(pair, SETTINGS, 0, timeline).noise_source
    assert said == "curve roughness, the scatter of curve levels, 2 reruns and 6 earlier jobs"


def test_runs_of_one_version_are_compared_as_cost():
    """A run that is slower throughout has more latency and a lower rate, and both count as the same step."""
    job = noisy_job(sigma=0.0, reruns=2)
    cost = np.array([0.0, 0.0, 0.3, 0.0])[:, None]
    values = ratios(replace(job, mean=job.mean * np.exp(orientation(job) * cost)))
    assert np.ptp(values.contrast, axis=1) == pytest.approx(0)
    assert values.contrast[0, 0] > 0.2
