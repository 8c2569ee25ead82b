"""Where a change came in: against brute force, on made series, and by chance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from perftracker_ai.trends import onset
from perftracker_ai.trends.onset import EVIDENCE, PRIOR_JOBS, locate

SIGMA = 0.03


def placed(level, baseline=0, share=None, sigma=SIGMA):
    level = np.array(level, dtype=float)
    return locate(level, np.ones(len(level)) if share is None else np.array(share), baseline, sigma**2)


def test_a_clear_step_has_one_place():
    """Far beyond the noise, the first job at the new level is known for certain."""
    found = placed([0.0, 0.01, -0.01, 0.0, 0.5, 0.51, 0.49, 0.5])
    assert (found.first, found.earliest, found.latest) == (4, 4, 4)
    assert found.before == pytest.approx(0.0, abs=0.005)


def test_nothing_in_between_leaves_no_question():
    """Of two jobs the second one is the first bad one, whatever they measured."""
    for candidate in (0.3, 0.0, -0.3):
        found = placed([0.0, candidate])
        assert (found.first, found.earliest, found.latest, found.before) == (1, 1, 1, 0.0)


def test_a_step_within_the_noise_leaves_the_place_open():
    """A change as large as the noise may have come with any of a few jobs, and all of them are named."""
    found = placed([0.0, 0.02, -0.02, 0.03, 0.0, 0.03])
    assert (found.earliest, found.latest) == (1, 5)


def test_a_change_of_the_last_job_is_placed():
    """One job at the new level is enough: that the change is real is known from elsewhere."""
    assert placed([0.0, 0.01, 0.0, -0.01, 0.0, 0.3]).first == 5


def test_one_wild_night_is_no_change():
    """A single slow job long before the change neither hides it nor becomes it."""
    assert placed([0.0, 0.01, 0.9, 0.0, -0.01, 0.0, 0.3, 0.31, 0.29]).first == 6


def test_a_job_that_measured_little_counts_little():
    """Whether the place is before or after a job at a tenth of the points hardly depends on what it says."""
    between = [0.0, 0.01, 0.2, 0.3, 0.3]
    whole, part = placed(between), placed(between, share=[1, 1, 0.05, 1, 1])
    assert (whole.first, whole.earliest, whole.latest) == (2, 2, 2)
    assert (part.earliest, part.latest) == (2, 3)


def test_jobs_before_the_baseline_speak_for_the_old_level():
    """With a history before it, a change of the very next job is told from a baseline that was fast by chance."""
    earlier = [0.0, 0.03, -0.03, 0.0, 0.02, -0.02, 0.01, 0.0, -0.01, 0.02]
    later = [-0.06, 0.0, 0.01, 0.0, 0.12]
    assert placed([*earlier, *later], baseline=len(earlier)).first == len(earlier) + 4
    assert placed([*earlier, *later], baseline=len(earlier)).latest == len(earlier) + 4
    assert placed(later).earliest == 1


@pytest.mark.parametrize("earlier", [0.4, -0.4, 0.15])
def test_an_earlier_change_is_not_the_one(earlier):
    """What changed before the baseline takes no part: its level is not the old one."""
    level = np.resize([0.02, -0.03, 0.01, 0.03, -0.02], 20)
    level[:10] += earlier
    level[17:] += 0.3
    found = placed(level, baseline=13)
    assert (found.first, found.earliest, found.latest) == (17, 17, 17)
    assert found.before == pytest.approx(level[10:17].mean(), abs=1e-3)


def test_only_the_latest_jobs_before_the_baseline_count():
    """What was measured long ago moves nothing."""
    recent = [*np.resize([0.0, 0.01, -0.01], EVIDENCE + 1), 0.0, 0.3]
    assert placed([0.05] * 50 + recent, baseline=50 + EVIDENCE).before == placed(recent, baseline=EVIDENCE).before


def brute_force(level, sigma):
    """Return the probability of each place by adding up a Gaussian likelihood over a grid of levels and noises."""
    mu = np.linspace(level.min() - 8 * sigma, level.max() + 8 * sigma, 161)
    scale = sigma * np.geomspace(0.05, 40, 300)[:, None]
    prior = scale ** -(PRIOR_JOBS + 1) * np.exp(-PRIOR_JOBS * (sigma / scale) ** 2 / 2)
    chance = []
    for first in range(1, len(level)):
        total = prior * scale  # the grid of noises is geometric
        for part in (level[:first], level[first:]):
            squares = ((part[:, None] - mu) ** 2).sum(axis=0)
            total = total * (np.exp(-squares / (2 * scale**2)) * scale ** -len(part)).sum(axis=1, keepdims=True)
        chance.append(total.sum())
    return np.array(chance) / sum(chance)


@pytest.mark.parametrize("seed", range(8))
def test_chances_are_those_of_brute_force(monkeypatch, seed):
    """Without accidents the integrals done on paper are those done by adding up."""
    monkeypatch.setattr(onset, "ACCIDENT", 30.0)
    level = np.cumsum(
        np.abs(np.random.default_rng(seed).normal(0.0, SIGMA, 7))
    )  # always rising: every place is allowed
    found = onset._chances(onset._tried(level, np.ones(7), 1, SIGMA**2), np.ones(7), SIGMA**2, SIGMA**2)
    np.testing.assert_allclose(found, brute_force(level, SIGMA), rtol=2e-3, atol=1e-6)


def simulated(jobs, step, count=300, rho=0.0, seed=5):
    """Place steps that may have come in anywhere between the baseline and the last job; give truth and places."""
    before, between = jobs
    rng = np.random.default_rng(seed)
    for _ in range(count):
        noise = rng.standard_normal(before + between + 2)
        for at in range(1, len(noise)):
            noise[at] = rho * noise[at - 1] + np.sqrt(1 - rho**2) * noise[at]
        first = before + 1 + int(rng.integers(between + 1))
        yield first, placed(SIGMA * (noise + step * (np.arange(len(noise)) >= first)), before)


@pytest.mark.parametrize("rho", [0.0, 0.4])
@pytest.mark.parametrize("jobs", [(0, 3), (20, 3), (20, 10)])
def test_intervals_hold_the_first_bad_job(jobs, rho):
    """Even of steps as small as two sigmas, an interval of 95 % holds the true job in nine of ten cases at least."""
    held = [found.earliest <= first <= found.latest for first, found in simulated(jobs, 2.0, rho=rho)]
    assert np.mean(held) >= 0.9


@pytest.mark.parametrize("jobs", [(0, 3), (0, 10), (20, 10)])
def test_a_regression_of_five_sigmas_is_placed_exactly(jobs):
    """A step of 15 % in 3 % noise is placed at its very job in nine of ten cases, most often without doubt."""
    found = list(simulated(jobs, 5.0))
    assert np.mean([one.first == first for first, one in found]) >= 0.93
    assert np.mean([one.latest - one.earliest for _, one in found]) <= 1.0


@settings(max_examples=60, deadline=None)
@given(
    arrays(float, st.integers(2, 40), elements=st.floats(-60, 60)),
    st.data(),
)
def test_any_series_has_a_place(level, data):
    """Whatever the jobs measured, the place lies after the baseline and within its own interval."""
    baseline = data.draw(st.integers(0, len(level) - 2))
    share = data.draw(arrays(float, len(level), elements=st.floats(1e-6, 1)))
    found = locate(level, share, baseline, data.draw(st.sampled_from([0.0, 1e-4, 1.0])))
    assert baseline < found.earliest <= found.first <= found.latest < len(level)
    assert np.isfinite(found.before)
