"""The builder of comparisons says what it promises."""

from __future__ import annotations

import numpy as np
from comparisons import LOADS, curve_set, family, judged, measured, overflow, ramp, times

from perftracker_ai.model import BASELINE, CANDIDATE, Outcome, Severity


def test_factor_reaches_the_candidate_in_the_direction_of_the_metric():
    """A factor of two doubles a latency and halves a rate, over the given loads only."""
    curves = curve_set(*family(threads=(4,), factor=times(2.0, 30000, 40000), noise=0.0))
    ratio = curves.mean[CANDIDATE] / curves.mean[BASELINE]
    inside = (np.array(LOADS) >= 30000) & (np.array(LOADS) <= 40000)
    assert ratio[:54].tolist() == np.where(inside, 2.0, 1.0).tolist()
    assert ratio[54:].tolist() == np.where(inside, 0.5, 1.0).tolist()


def test_ramp_and_overflow_start_where_they_are_told():
    """Both leave the loads up to their onset alone and reach their size beyond it."""
    load = np.array(LOADS)
    assert ramp(2.6, 25000)(load)[load <= 25000].max() == 1.0
    assert ramp(2.6, 25000)(load)[-1] == 2.6
    assert overflow(3.0, 27000)(load)[load <= 27000].max() == 1.0
    assert overflow(3.0, 27000)(load)[-1] == 2.0


def test_judged_finds_exactly_the_given_ranges():
    """The window spans the named loads with the true median, and unnamed curves are unchanged."""
    curves = curve_set(measured(factor=times(1.6, 20000, 30000), noise=0.0), measured("GET /other", noise=0.0))
    first, second = judged(curves, {0: [(20000, 30000)]}).results
    (window,) = first.windows
    assert (curves.load[window.first], curves.load[window.last]) == (20000, 30000)
    assert abs(window.median_slowdown - 0.6) < 1e-12
    assert (first.outcome, first.severity) == (Outcome.REGRESSED, Severity.SEVERE)
    assert (second.outcome, second.windows) == (Outcome.UNCHANGED, ())
