"""How often chance alone raises an alarm, and how often a real change is found: simulated, with fixed seeds."""

import evaluate
import numpy as np
import pytest
from detect_cases import LATENCY, RATE, SETTINGS, found, judged, noisy_job, window
from simulate import REGIMES, simulate, with_reruns

from perftracker_ai.detect import detect, noise, null
from perftracker_ai.detect.scan import FINE, Track, scan
from perftracker_ai.detect.steps import levelled
from perftracker_ai.model import Outcome


def correlated_rows(rng, rows, points, rho):
    rough = rng.standard_normal((rows, points))
    for k in range(1, points):
        rough[:, k] = rho * rough[:, k - 1] + np.sqrt(1 - rho**2) * rough[:, k]
    return rough


@pytest.mark.parametrize(("level", "drift"), [(0.0, 0.0), (0.5, 0.0), (2.0, 2.0)])
@pytest.mark.parametrize("rho", [0.0, 0.5])
@pytest.mark.parametrize("points", [12, 24, 54, 120])
def test_null_holds_its_level_on_normal_noise(points, rho, level, drift):
    """With known noise, the share of calm rows below p is at most p, within the binomial error and the fit's 50 %."""
    rows = 4000
    rng = np.random.default_rng([points, int(10 * rho)])
    value = correlated_rows(rng, rows, points, rho) + level * rng.standard_normal((rows, 1))
    value += drift * rng.standard_normal((rows, 1)) * np.linspace(-0.5, 0.5, points)
    track = Track(
        value=value,
        variance=np.ones(value.shape),
        rho=np.full(rows, rho),
        level_variance=np.full(rows, level**2),
        drift_variance=np.full(rows, drift**2),
        dof=np.full(rows, 1e9),
    )
    worse, _ = scan(track, FINE)
    p = null.tail(worse.deviate - worse.penalty, np.full(rows, float(points)), np.full(rows, rho))
    for nominal in (0.05, 0.01):
        assert np.mean(p <= nominal) <= 1.5 * nominal + 3 * np.sqrt(nominal * (1 - nominal) / rows)
    assert np.mean(p <= 0.05) >= 0.01


@pytest.mark.parametrize("points", [54, 24, 8])
@pytest.mark.parametrize("regime", REGIMES, ids=lambda regime: regime.name)
def test_calm_jobs_raise_few_alarms(regime, points):
    """Between two runs of one version at most five curves in a thousand are flagged, whatever the noise."""
    jobs, curves = 5, 152
    flagged = sum(
        result.outcome is Outcome.REGRESSED
        for job in range(jobs)
        for result in _calm(regime, points, curves, job).results
    )
    allowed, total = 0.005, jobs * curves
    assert flagged / total <= allowed + 3 * np.sqrt(allowed * (1 - allowed) / total)


def _calm(regime, points, curves, job):
    rng = np.random.default_rng([20261123, job, points])
    pair, _ = simulate(regime, curves=curves, points=points, reruns=0, changed=0.0, rng=rng)
    return detect(pair, SETTINGS, 0)


def test_all_calm_regimes_together_stay_at_five_in_a_thousand():
    """Over all kinds of noise and lengths together the rate of false alarms is at most five in a thousand."""
    jobs = [(regime, points) for regime in REGIMES for points in (54, 24, 8)]
    results = [result for regime, points in jobs for result in _calm(regime, points, 152, 99).results]
    assert np.mean([result.outcome is Outcome.REGRESSED for result in results]) <= 0.005


@pytest.mark.parametrize("name", ["quiet", "lab", "spikes", "trend"])
def test_regressions_are_found_and_few_are_false(name):
    """With a tenth of the curves changed, most due regressions are found and nine in ten of those reported are real."""
    regime = next(regime for regime in REGIMES if regime.name == name)
    rows = []
    for job in range(4):
        rng = np.random.default_rng([7, job])
        pair, truth = simulate(regime, curves=152, points=54, reruns=0, changed=0.1, rng=rng)
        rows.append(evaluate.rows_of(truth, evaluate.calls_of(detect(pair, SETTINGS, 0))))
    joined = np.concatenate(rows)
    assert evaluate.recall(joined) >= 0.75
    assert evaluate.precision(joined) >= 0.9
    assert evaluate.median_iou(joined) >= 0.8


def test_twice_the_margin_is_found_nine_times_in_ten():
    """A slow-down of twice the moderate threshold over a dozen loads is found in nine jobs of ten."""
    change = {(3, LATENCY, 1): window(54, 20, 31, 1.30)}
    jobs = [noisy_job(seed=seed, sigma=0.05, endpoints=6, change=change) for seed in range(30)]
    hits = [found(judged(job), job, 3)[0].outcome is Outcome.REGRESSED for job in jobs]
    assert np.mean(hits) >= 0.9


def test_reruns_find_more_and_stay_honest():
    """Two reruns of the baseline find more of the due regressions of the same jobs, nine in ten reported being real."""
    regime = next(regime for regime in REGIMES if regime.name == "mixed")
    alone, known = [], []
    for job in range(4):
        rng = np.random.default_rng([11, job])
        pair, truth = simulate(regime, curves=152, points=54, reruns=2, changed=0.1, rng=rng)
        alone.append(evaluate.rows_of(truth, evaluate.calls_of(detect(with_reruns(pair, 0), SETTINGS, 0))))
        known.append(evaluate.rows_of(truth, evaluate.calls_of(detect(pair, SETTINGS, 0))))
    assert evaluate.recall(np.concatenate(known)) > evaluate.recall(np.concatenate(alone))
    assert evaluate.precision(np.concatenate(known)) >= 0.9


def test_many_changed_curves_do_not_pass_for_scatter_of_levels():
    """Where a third of a calm job is 20 % slower throughout, nearly all of it is found, and nothing else."""
    slow = (0, 3, 6, 9)
    change = {(e, kind, t): np.log(1.2) for e in slow for kind in (LATENCY, RATE) for t in (1, 4)}
    jobs = [noisy_job(seed=seed, sigma=0.03, points=24, change=change) for seed in range(8)]
    judgements = [(job, judged(job)) for job in jobs]
    hits = [found(result, job, e)[0].outcome is Outcome.REGRESSED for job, result in judgements for e in slow]
    false = [found(result, job, e)[0].outcome is Outcome.REGRESSED for job, result in judgements for e in (1, 2, 4, 5)]
    assert np.mean(hits) >= 0.95
    assert not any(false)


def test_intervals_cover_the_true_slowdown():
    """The interval of a found window holds the true slow-down in at least nine cases of ten."""
    change = {(2, RATE, 4): window(54, 10, 39, 1.5)}
    held = []
    for seed in range(24):
        job = noisy_job(seed=seed, endpoints=6, change=change)
        (result, _) = found(judged(job), job, 2, RATE, 4)
        held += [w.low <= 0.5 <= w.high for w in result.windows]
    assert len(held) >= 22
    assert np.mean(held) >= 0.9


@pytest.mark.parametrize("points", [6, 8, 11])
@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_a_band_of_a_short_row_does_not_pass_for_its_noise(points, rho):
    """Noise told from a short row is at most two thirds too much, with a band of eight sigmas in it and without."""
    rng = np.random.default_rng([points, int(10 * rho)])
    calm = correlated_rows(rng, 3000, points, rho)
    for value in (calm, calm + 8.0 * (np.arange(points) // 3 == 1)):
        track = Track(
            value=value,
            variance=np.ones(value.shape),
            rho=np.full(3000, rho),
            level_variance=np.zeros(3000),
            drift_variance=np.zeros(3000),
            dof=np.full(3000, 1e9),
        )
        rough = levelled(noise.roughness(value[None]), value, track)
        variance, _ = noise.point_variance(rough, track.rho)
        assert 0.75 <= np.sqrt(np.mean(variance)) <= 1.7
