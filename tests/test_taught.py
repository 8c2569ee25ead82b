"""The made-up history of the benchmarks: versions that differ, and curves that jump about by different amounts."""

import numpy as np
import pytest
from msgspec.structs import replace
from simulate import REGIMES, Regime, simulate
from taught import CHANGED_AT, EARLIER, RERUNS, history

QUIET = replace(REGIMES[0], low=1e-6, high=2e-6, missing=0.0)


@pytest.fixture
def runs():
    return simulate(QUIET, curves=152, points=10, reruns=RERUNS + EARLIER, changed=0.0, rng=np.random.default_rng(1))[0]


def test_versions_change_some_curves_for_good(runs):
    """About a tenth of the curves changes at each place, nothing in between, and nothing after the last."""
    mean = history(runs, np.random.default_rng(2)).mean
    steps = np.abs(np.diff(np.log(mean), axis=0)).reshape(EARLIER - 1, 152, 10).max(axis=2) > 0.01
    changed = steps.mean(axis=1)
    assert np.flatnonzero(changed).tolist() == [place - 1 for place in CHANGED_AT]
    assert changed[changed > 0] == pytest.approx(0.1, abs=0.06)


def test_the_runs_themselves_stay_as_they_are(runs):
    """The comparison's own runs are not touched, nor shared with the history."""
    before = runs.mean.copy()
    history(runs, np.random.default_rng(2))
    assert np.array_equal(runs.mean, before)


def test_curves_of_a_restless_job_scatter_by_different_amounts():
    """With the setting the scatter of levels differs between curves several times over, without it hardly."""
    spread = []
    for restless in (0.0, 0.9):
        regime = Regime(name="some", low=0.02, high=0.021, level=1.0, restless=restless, missing=0.0)
        made, _ = simulate(regime, curves=152, points=10, reruns=38, changed=0.0, rng=np.random.default_rng(3))
        level = np.log(made.mean).reshape(40, 152, 10).mean(axis=2)
        spread.append(np.std(np.log(level.std(axis=0))))
    assert spread[0] < 0.2
    assert spread[1] == pytest.approx(0.8, abs=0.25)
