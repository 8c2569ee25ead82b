"""What curves did over a history, from means to words."""

import math

import numpy as np
import pytest
from analyses import LOADS, Plan, curve_set
from msgspec.structs import replace
from timelines import nights

from perftracker_ai.model import Timeline
from perftracker_ai.trends import course, patterns
from perftracker_ai.trends.course import levels

JOBS = 60


def history(*plans, jobs=JOBS, seed=1):
    """Curves of ten loads, and their values over quiet nights."""
    curves = curve_set(plans)
    rng = np.random.default_rng(seed)
    mean = curves.mean[0] * np.exp(0.01 * rng.standard_normal((jobs, len(curves.load))))
    return curves.curves, Timeline(jobs=tuple(nights(jobs)), mean=mean)


def level_of(curve, mean):
    """A curve's level in every job, number by number."""
    points = range(curve.start, curve.stop)
    known = {p: [math.log(v) for v in mean[:, p] if 1e-30 <= v <= 1e30] for p in points}
    typical = {p: float(np.median(logs)) for p, logs in known.items() if logs}
    for row in mean:
        off = [math.log(row[p]) - typical[p] for p in points if 1e-30 <= row[p] <= 1e30]
        height = sum(typical.values()) / max(len(typical), 1)
        yield math.exp(sum(off) / len(off) + height) if off else math.nan


@pytest.mark.parametrize("cells", [1, 1000, 10**6])
def test_levels_are_those_of_the_slow_way(monkeypatch, cells):
    """However many curves are worked on at once, a level is the mean of what loads are off their own medians."""
    monkeypatch.setattr(course, "CELLS", cells)
    curves, timeline = history(Plan(), Plan(endpoint="GET /b", scalar=True), Plan(endpoint="GET /c"), jobs=7)
    odd = np.random.default_rng(2).choice([np.nan, 0.0, -1.0, np.inf, 1e300, 1.0], timeline.mean.shape)
    mean = np.where(np.random.default_rng(3).random(odd.shape) < 0.3, odd, timeline.mean)
    mean[:, 3] = np.nan  # a load that no job has
    mean[2, curves[2].start :] = np.nan  # a job without the curve
    slow = np.array([list(level_of(curve, mean)) for curve in curves]).T
    found = levels(curves, Timeline(jobs=timeline.jobs, mean=mean))
    np.testing.assert_allclose(found, slow, rtol=1e-12)


def test_levels_of_some_curves_are_their_own():
    """Asked for some of the curves, in any order, those are given."""
    curves, timeline = history(Plan(), Plan(endpoint="GET /b", scalar=True), Plan(endpoint="GET /c"))
    every = levels(curves, timeline)
    np.testing.assert_array_equal(levels([curves[2], curves[1]], timeline), every[:, [2, 1]])
    assert levels([], timeline).shape == (JOBS, 0)


def test_curves_that_switch_are_one_item():
    """Curves of an endpoint that take turns between two levels are told together, and as nothing else."""
    curves, timeline = history(Plan(threads=1), Plan(threads=4), Plan(endpoint="GET /calm"))
    slow = np.random.default_rng(4).random(JOBS) < 0.5
    timeline.mean[slow, : 2 * len(LOADS)] *= 1.4
    told = patterns(curves, timeline)
    (switching,) = told.switchings
    assert switching.curves == tuple(sorted(curve.tag for curve in curves[:2]))
    assert switching.slowdown == pytest.approx(0.4, abs=0.03)
    assert (told.curves, told.too_short, told.shifts, told.creeps) == (3, 0, (), ())


def test_curves_that_became_noisy_are_one_item():
    """Curves of an endpoint whose noise rose are told together, with the job from which they are noisier."""
    curves, timeline = history(Plan(threads=1), Plan(threads=4), Plan(endpoint="GET /calm"), jobs=100)
    nightly = np.exp(0.02 * np.random.default_rng(5).standard_normal((50, 1)))
    timeline.mean[50:, : 2 * len(LOADS)] *= nightly
    told = patterns(curves, timeline)
    (unrest,) = told.unrests
    assert unrest.curves == tuple(sorted(curve.tag for curve in curves[:2]))
    assert unrest.ratio > 3
    assert abs(unrest.first.job - 150) <= 10


# ── the order of jobs ───────────────────────────────────────────────────────────────────────────────────────────────


def by_turns(jobs):
    """The versions of nights on which an old branch and the main line are measured by turns."""
    return [f"1.{night // 2}" if night % 2 else f"2.{night // 2}" for night in range(jobs)]


def renamed(timeline, versions):
    jobs = tuple(replace(job, product_ver=one) for job, one in zip(timeline.jobs, versions, strict=True))
    return Timeline(jobs=jobs, mean=timeline.mean)


def test_a_change_on_one_branch_is_dated_along_its_versions():
    """Of two branches by turns one became slower: it is told with its version and predecessor, and the other is not."""
    curves, timeline = history(Plan(), Plan(endpoint="GET /calm"))
    timeline = renamed(timeline, by_turns(JOBS))
    timeline.mean[30::2, : len(LOADS)] *= 1.3
    (shift,) = patterns(curves, timeline).shifts
    assert (shift.first.version, shift.last_good.version) == ("2.15", "2.14")
    assert shift.slowdown == pytest.approx(0.3, abs=0.03)


def test_a_change_of_all_branches_is_told_once_by_its_day():
    """From a day on everything is slower on both branches: that is one change, with its day."""
    curves, timeline = history(Plan(), Plan(endpoint="GET /calm"))
    timeline = renamed(timeline, by_turns(JOBS))
    timeline.mean[31:, : len(LOADS)] *= 1.3
    (shift,) = patterns(curves, timeline).shifts
    assert (shift.first.job, shift.last_good.job) == (131, 130)


def test_versions_that_cannot_be_ordered_leave_jobs_in_the_order_of_their_dates():
    """A history with a version nobody can order goes by its dates."""
    curves, timeline = history(Plan())
    timeline.mean[31:] *= 1.3
    (shift,) = patterns(curves, renamed(timeline, ["trunk", *by_turns(JOBS)[1:]])).shifts
    assert shift.first.job == 131
