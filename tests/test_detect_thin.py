"""Suites of single numbers, named cases and a few loads: all evidence counts, and what it says is earned."""

import numpy as np
import pytest
from thin import TESTS, curves_of, ours, suite

from perftracker_ai.detect import detect
from perftracker_ai.model import Confidence, Outcome
from perftracker_ai.settings import DetectSettings

SETTINGS = DetectSettings()


def scalars(rng, *, tests, scores, noise, level=0.005, runs=2, loads=1, slow=()):
    """Make the logarithms of a suite's scores; ``slow`` names the tests that are 30 % slower in the candidate."""
    logs = noise * rng.standard_normal((runs, tests, loads, scores))
    logs += level * rng.standard_normal((runs, tests, 1, 1))
    logs[1, list(slow)] += np.log(1.3)
    return logs


def outcomes(logs):
    return [result.outcome for result in detect(curves_of(logs), SETTINGS, 0).results]


@pytest.mark.parametrize("tests", [1, 3, 8, 40])
def test_a_third_more_is_a_regression_however_few_tests_there_are(tests):
    """30 % at 2 % noise with five scores a side is found in a suite of any size, and nothing else is."""
    for seed in range(6):
        found = outcomes(scalars(np.random.default_rng(seed), tests=tests, scores=5, noise=0.02, slow=[0]))
        assert found[0] is Outcome.REGRESSED
        assert Outcome.REGRESSED not in found[1:]


@pytest.mark.parametrize(("loads", "scores"), [(1, 3), (1, 10), (3, 1), (4, 3)])
def test_few_calm_tests_are_called_slower(loads, scores):
    """With very different noise in every test, at most one calm test in a hundred is called slower from two jobs."""
    calm = np.zeros(TESTS)
    rngs = [np.random.default_rng([seed, loads, scores]) for seed in range(20)]
    flags = [ours(suite(loads, scores, calm, rng), 2)[0] for rng in rngs]
    assert np.mean(flags) <= 0.01


def test_quiet_tests_are_unchanged():
    """Tests that repeat to a few per cent are said to be unchanged, not left inconclusive."""
    found = outcomes(scalars(np.random.default_rng(2), tests=40, scores=5, noise=0.02))
    assert np.mean([one is Outcome.UNCHANGED for one in found]) >= 0.95


def test_a_test_that_jumps_between_runs_of_one_version_is_not_believed():
    """A test that lies 30 % apart in the reruns already is no regression for doing it again; its neighbours are."""
    rng = np.random.default_rng(3)
    logs = scalars(rng, tests=12, scores=5, noise=0.02, runs=6, slow=[0, 1])
    logs[:, 1] += np.array([0.0, 0.0, 0.3, -0.2, 0.25, -0.3])[:, None, None]
    found = outcomes(logs)
    assert found[0] is Outcome.REGRESSED
    assert found[1] is Outcome.INCONCLUSIVE


def test_swapped_runs_swap_the_outcomes():
    """The mirror image of a thin suite gives the mirror image of its outcomes."""
    logs = scalars(np.random.default_rng(4), tests=20, scores=5, noise=0.02, slow=[0, 7])
    there, back = outcomes(logs), outcomes(logs[::-1])
    assert [one is Outcome.REGRESSED for one in there] == [one is Outcome.IMPROVED for one in back]


def test_two_jobs_alone_are_never_sure():
    """Without a rerun no finding of a thin suite has high confidence."""
    logs = scalars(np.random.default_rng(5), tests=12, scores=25, noise=0.01, slow=[0, 1, 2])
    results = detect(curves_of(logs), SETTINGS, 0).results
    assert {result.confidence for result in results[:3]} <= {Confidence.MEDIUM, Confidence.LOW}
