import math

import numpy as np
import pytest
from dealt import deals, noise_between, pseudo_runs
from msgspec.structs import replace
from simulate import Regime, family_numbers, simulate, with_reruns

from perftracker_ai.model import BASELINE

PLAIN = Regime(name="plain", low=0.05, high=0.05, level=0.0, missing=0.0)


def recorded_pair(regime=PLAIN, *, curves=120, points=24, seed=1):
    """Two runs of one version, all endpoints with the same metrics and thread counts."""
    rng = np.random.default_rng(seed)
    return simulate(regime, curves=curves, points=points, reruns=0, changed=0.0, rng=rng)[0]


def log_ratios(curves, runs):
    return np.log(curves.mean[runs[1]] / curves.mean[runs[0]]).reshape(len(curves.curves), -1)


def test_every_run_deals_every_block_once_and_none_twice_to_an_endpoint():
    """In each run every endpoint gets one block, and over the runs of a job never the same again."""
    dealt = deals(14, 5, np.random.default_rng(3))
    assert dealt.shape == (5, 14)
    assert all(sorted(row) == list(range(14)) for row in dealt.tolist())
    assert all(len(set(column)) == 5 for column in dealt.T.tolist())


def test_runs_differ_by_as_much_as_the_real_ones():
    """Two made-up runs scatter about each other as the two real ones do, and so does each further pair."""
    pair = recorded_pair()
    runs = pseudo_runs(pair, 4, np.random.default_rng(2))
    real = log_ratios(pair, (0, 1)).std()
    for other in (1, 2, 3):
        assert log_ratios(runs, (0, other)).std() == pytest.approx(real, rel=0.1)


def test_a_block_stays_whole():
    """What an endpoint gets is another's noise with all its curves and loads, in one sign, only scaled by curve."""
    pair = recorded_pair(curves=48)
    noise = noise_between(pair)
    runs = pseudo_runs(pair, 2, np.random.default_rng(4))
    sign = np.array([1.0 if curve.less_better else -1.0 for curve in pair.curves])[:, None]
    cost = sign * np.log(runs.mean[1] / pair.mean[0]).reshape(48, -1) * math.sqrt(2)
    laid = (cost - np.median(cost, axis=1, keepdims=True))[noise.members] / noise.scale
    blocks = noise.block - np.median(noise.block, axis=2, keepdims=True)
    for family in laid:
        assert any(np.allclose(family, s * block) for block in blocks for s in (1, -1))


def test_runs_without_noise_are_the_first_run():
    """Where the two real runs are the same, so are all made-up ones."""
    pair = recorded_pair(replace(PLAIN, low=0.0, high=0.0), curves=48)
    runs = pseudo_runs(pair, 3, np.random.default_rng(5))
    assert runs.mean == pytest.approx(np.repeat(pair.mean[:1], 3, axis=0))


def test_what_the_whole_run_shares_stays_shared():
    """A second run that is slower throughout makes runs that are slower or faster throughout, not by endpoint."""
    pair = recorded_pair(replace(PLAIN, low=1e-4, high=1e-4, slower=0.2))
    runs = pseudo_runs(pair, 4, np.random.default_rng(6))
    cost = np.abs(np.log(runs.mean / pair.mean[0]))
    assert cost == pytest.approx(math.log(1.2) / math.sqrt(2), rel=0.05)


def test_the_rest_is_that_of_the_first_run():
    """Counts, absences and the relative spread of scores are the first run's; fewer runs can be taken."""
    pair = recorded_pair(curves=48)
    runs = with_reruns(pseudo_runs(pair, 5, np.random.default_rng(7)), 1)
    assert runs.mean.shape[0] == 3
    np.testing.assert_array_equal(runs.count, np.repeat(pair.count[:1], 3, axis=0))
    assert runs.sd / runs.mean == pytest.approx(np.repeat((pair.sd / pair.mean)[:1], 3, axis=0))
    assert not runs.mean.flags.writeable


def test_the_seed_alone_decides():
    """The same seed deals the same runs, another one others."""
    pair = recorded_pair(curves=48)
    one, same, other = (pseudo_runs(pair, 2, np.random.default_rng(seed)).mean for seed in (8, 8, 9))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one[BASELINE], other[BASELINE])


def test_endpoints_are_told_apart():
    """Curves of one endpoint have one number, and every endpoint has its own."""
    pair = recorded_pair(curves=48)
    numbers = family_numbers(pair)
    names = {(curve.endpoint, number) for curve, number in zip(pair.curves, numbers.tolist(), strict=True)}
    assert len(names) == len({curve.endpoint for curve in pair.curves}) == numbers.max() + 1
