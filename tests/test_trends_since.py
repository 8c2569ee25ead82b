"""Since when a regression is there: whole chronicles of hand-made comparisons."""

import math

import numpy as np
import pytest
from analyses import LOADS, SETTINGS, Plan, analysis, decision, improved, regressed
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from timelines import nights

from perftracker_ai.model import MetricKind, Outcome, Timeline, Verdict
from perftracker_ai.trends import chronicle
from perftracker_ai.trends.since import LONGEST, MIN_CALM

JOBS = 12
BASELINE, ONSET = 6, 9
"""Positions of the baseline, and of the first bad job, in the history of most tests."""


def compared(*plans, baseline=BASELINE, jobs=JOBS):
    """A comparison of two jobs of a history, the candidate its last one."""
    made = analysis(plans, decision(Verdict.BLOCK))
    history = nights(jobs)
    return replace(made, baseline=history[baseline], candidate=history[-1])


def history(made, onset=ONSET, jobs=JOBS, wobble=0.01):
    """What the jobs of a comparison's history measured: as its candidate from a job on, as its baseline before."""
    noise = np.exp(wobble * np.resize([1, -1, 0.5, -0.5, 0], jobs))[:, None]
    late = np.arange(jobs)[:, None] >= onset
    mean = np.where(late, made.curves.mean[1], made.curves.mean[0]) * noise
    return Timeline(jobs=tuple(nights(jobs)), mean=mean)


def told(made, timeline):
    return chronicle(made.curves, made.detection, made.clusters, timeline, made.baseline, made.candidate)


def places(onset):
    return tuple(place.job - 100 for place in (onset.last_good, onset.first, onset.earliest, onset.latest))


# ── where it came in ────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_cluster_has_its_own_first_bad_job():
    """Clusters of slowdowns are placed one by one, in their order, and improvements not at all."""
    made = compared(regressed(), regressed("GET /other", 0.6), improved())
    timeline = history(made)
    other = made.curves.curves[1]
    timeline.mean[7:, other.start : other.stop] = made.curves.mean[1, other.start : other.stop]
    first, second = told(made, timeline).onsets
    assert (first.cluster, places(first)) == ("C1", (8, 9, 9, 9))
    assert (second.cluster, places(second)) == ("C2", (6, 7, 7, 7))


def test_levels_are_slowdowns_against_the_level_before():
    """Every job shown has its level in the windows, about nothing before the change and its size from then on."""
    made = compared(regressed(slowdown=1.5, first=5))
    seen = told(made, history(made))
    (onset,) = seen.onsets
    assert len(onset.levels) == len(seen.jobs) == JOBS
    assert onset.levels[:ONSET] == pytest.approx([0.0] * ONSET, abs=0.03)
    assert onset.levels[ONSET:] == pytest.approx([1.5 * 1.02 + 0.02] * 3, abs=0.1)


def test_a_rate_that_fell_is_placed_as_well():
    """Costs count, not values: half the throughput is a level twice as high."""
    made = compared(regressed(slowdown=1.0, kind=MetricKind.RATE))
    (onset,) = told(made, history(made)).onsets
    assert places(onset) == (8, 9, 9, 9)
    assert onset.levels[-1] == pytest.approx(1.04, abs=0.1)


def test_only_the_windows_count():
    """What the curve does at other loads, and what other curves do, neither moves nor places anything."""
    made = compared(regressed(first=5), Plan(endpoint="GET /else"))
    timeline = history(made)
    timeline.mean[3:, :5] *= 3.0
    timeline.mean[4:, len(LOADS) :] *= 5.0
    assert told(made, timeline).onsets == told(made, history(made)).onsets


def test_scalars_are_placed():
    """A single value a job is a level like any other."""
    made = compared(regressed(scalar=True, threads=None))
    (onset,) = told(made, history(made)).onsets
    assert places(onset) == (8, 9, 9, 9)


def test_jobs_of_one_version_are_jobs_of_their_own():
    """A change between two runs of one version is told as it is: the later of them is the first bad one."""
    made = compared(regressed())
    timeline = history(made)
    same = tuple(replace(one, product_ver="1.0-107") if 7 <= at <= 10 else one for at, one in enumerate(timeline.jobs))
    (onset,) = told(made, replace(timeline, jobs=same)).onsets
    assert places(onset) == (8, 9, 9, 9)
    assert onset.first.version == onset.last_good.version == "1.0-107"


# ── the line of versions ────────────────────────────────────────────────────────────────────────────────────────────

RELEASES = ["25.9.1", "25.9.2", "25.10.1", "25.11.1", "25.10.6", "25.12.1", "25.10.7", "25.12.2", "25.11.5", "25.12.3"]
"""Releases of several branches by turns, in the order of their dates."""


def released(versions, slow, wobble=0.01):
    """A comparison of the third release with the last one, and the history of all; those that are slow are as slow."""
    made = compared(regressed(), baseline=2, jobs=len(versions))
    jobs = tuple(replace(job, product_ver=one) for job, one in zip(nights(len(versions)), versions, strict=True))
    made = replace(made, baseline=jobs[2], candidate=jobs[-1])
    noise = np.exp(wobble * np.resize([1, -1, 0.5, -0.5, 0], len(jobs)))[:, None]
    mean = np.where(np.array(slow)[:, None], made.curves.mean[1], made.curves.mean[0]) * noise
    return made, Timeline(jobs=jobs, mean=mean)


def test_a_patch_of_an_old_branch_is_not_the_first_bad_version():
    """Of branches by turns the first bad version is the first one along the line, and its predecessor was good last."""
    (onset,) = told(*released(RELEASES, [one.startswith("25.12") for one in RELEASES])).onsets
    assert (onset.first.version, onset.last_good.version) == ("25.12.1", "25.11.5")
    assert onset.earliest == onset.latest == onset.first


def test_a_higher_version_says_nothing_of_a_hotfix():
    """A hotfix that is slow is new, whatever the newer branch that ran before it was like."""
    versions = ["1.9.0", "1.9.1", "1.9.2", "1.10.0", "1.10.1", "1.10.2", "1.9.3"]
    (onset,) = told(*released(versions, [False, False, False, True, True, True, True])).onsets
    assert (onset.first.version, onset.last_good.version) == ("1.9.3", "1.9.2")


def test_what_begins_on_a_day_is_not_put_on_a_version():
    """Where all branches are slow from a day on, the day tells it and not the order of versions."""
    versions = [
        "2.0.0",
        "1.5.0",
        "1.5.1",
        "2.0.1",
        "1.5.2",
        "2.0.2",
        "1.5.3",
        "2.0.3",
        "1.5.4",
        "2.0.4",
        "1.5.5",
        "2.1.0",
    ]
    (onset,) = told(*released(versions, [at >= 6 for at in range(len(versions))])).onsets
    assert (onset.last_good.job, onset.first.job) == (105, 106)


@settings(max_examples=30)
@given(st.permutations(RELEASES[3:-1]), st.lists(st.booleans(), min_size=6, max_size=6))
def test_no_good_version_is_ever_called_the_first_bad_one(between, slow):
    """Whichever releases are slow, in whatever order they ran: the first bad one is slow, the last good one is not."""
    versions = [*RELEASES[:3], *between, RELEASES[-1]]
    bad = dict(zip(versions, [False, False, False, *slow, True], strict=True))
    (onset,) = told(*released(versions, list(bad.values()))).onsets
    assert bad[onset.first.version]
    assert not bad[onset.last_good.version]


# ── what is left out ────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_all_curves_of_a_job_share_is_taken_off():
    """A night on which everything was slow is not the first bad job of anything."""
    calm = [Plan(endpoint=f"GET /{at}") for at in range(MIN_CALM)]
    made = compared(regressed(slowdown=0.2, confidence=None), *calm, regressed("GET /slow", 0.2))
    timeline = history(made)
    timeline.mean[7] *= 1.2
    (onset,) = told(made, timeline).onsets
    assert places(onset) == (8, 9, 9, 9)
    assert onset.levels[7] == pytest.approx(0.0, abs=0.04)


@pytest.mark.parametrize("ends", [(-1.0, 0.5), (0.4, 0.4), (0.3, math.inf)])
def test_windows_without_an_interval_are_placed_all_the_same(ends):
    """Where a window has no interval to learn the noise from, what curves usually do between jobs stands in."""
    made = compared(regressed())
    (result,) = made.detection.results
    bare = replace(result, windows=(replace(result.windows[0], low=ends[0], high=ends[1]),))
    made = replace(made, detection=replace(made.detection, results=(bare,)))
    assert places(told(made, history(made)).onsets[0]) == (8, 9, 9, 9)


# ── what is missing ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_missing_loads_move_nothing():
    """Jobs that lack some of the loads, low or high ones, lie where they lie with all of them."""
    made = compared(regressed(slowdown=0.4))
    timeline = history(made)
    timeline.mean[:, : len(LOADS)] *= np.geomspace(1, 50, len(LOADS))
    curves = replace(made.curves, mean=made.curves.mean * np.geomspace(1, 50, len(LOADS)))
    (whole,) = told(replace(made, curves=curves), timeline).onsets
    timeline.mean[[2, 7], 5:] = timeline.mean[[3, 10], :4] = np.nan
    (part,) = told(replace(made, curves=curves), timeline).onsets
    assert places(part) == places(whole)
    assert part.levels == pytest.approx(whole.levels, abs=0.01)


def test_a_job_without_values_has_no_level():
    """A job that has none of the tests is shown without a level, and is neither the last good nor the first bad one."""
    made = compared(regressed())
    timeline = history(made)
    timeline.mean[[8, 9]] = [[np.nan], [0.0]]
    (onset,) = told(made, timeline).onsets
    assert places(onset) == (7, 10, 10, 10)
    assert [at for at, level in enumerate(onset.levels) if level is None] == [8, 9]


def test_with_nothing_in_between_the_candidate_is_the_first():
    """Without jobs between the two, and without any history, the change came with the candidate."""
    made = compared(regressed(), baseline=JOBS - 2)
    timeline = history(made)
    for rows in (range(JOBS), [JOBS - 1], []):
        some = Timeline(jobs=tuple(timeline.jobs[row] for row in rows), mean=timeline.mean[list(rows)])
        seen = told(made, some)
        assert places(seen.onsets[0]) == (10, 11, 11, 11)
        assert seen.jobs[-1].job == made.candidate.id
        assert len(seen.onsets[0].levels) == len(seen.jobs)


def test_a_candidate_that_is_not_stored_is_the_last_job():
    """The candidate is shown, and may be the first bad job, by what the comparison has of it."""
    made = compared(regressed())
    timeline = history(made, onset=JOBS - 1)
    seen = told(made, Timeline(jobs=timeline.jobs[:-1], mean=timeline.mean[:-1]))
    assert [place.job for place in seen.jobs] == [100 + at for at in range(JOBS)]
    assert places(seen.onsets[0]) == (10, 11, 11, 11)


@pytest.mark.parametrize("onset", [BASELINE + 1, ONSET])
def test_a_baseline_that_is_not_stored_is_the_last_good_job(onset):
    """A baseline of other hardware is not shown, and stands before the jobs that came after it all the same."""
    made = compared(regressed())
    timeline = history(made, onset=onset)
    kept = [row for row in range(JOBS) if row != BASELINE]
    seen = told(made, Timeline(jobs=tuple(timeline.jobs[row] for row in kept), mean=timeline.mean[kept]))
    assert [place.job - 100 for place in seen.jobs] == kept
    assert places(seen.onsets[0])[:2] == (onset - 1, onset)
    assert len(seen.onsets[0].levels) == len(kept)


@pytest.mark.parametrize("onset", [0, 3])
def test_a_baseline_later_than_the_candidate_leaves_no_question(onset):
    """Compared against the order of time nothing came in between, and earlier jobs may have been as slow already."""
    made = compared(regressed())
    made = replace(made, baseline=made.candidate, candidate=nights(JOBS)[BASELINE])
    seen = told(made, history(made, onset=onset))
    assert seen.onsets == ()
    assert [place.job - 100 for place in seen.jobs] == list(range(BASELINE + 1))


def test_a_baseline_without_the_tests_leaves_no_question():
    """Where the windows have no point of the baseline any more, nothing is invented."""
    made = compared(regressed())
    curves = replace(made.curves, mean=np.where([[True], [False]], np.nan, made.curves.mean))
    assert told(replace(made, curves=curves), history(made)).onsets == ()


# ── the whole ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_jobs_that_ended_together_are_in_order_of_their_ids():
    """Order is by end and then by id, so that a chronicle is the same however the jobs came."""
    made = compared(regressed())
    timeline = history(made)
    ends = tuple(replace(one, end=made.candidate.end) for one in timeline.jobs)
    made = replace(made, baseline=ends[BASELINE], candidate=ends[-1])
    mixed = np.random.default_rng(1).permutation(JOBS)
    seen = told(made, Timeline(jobs=tuple(ends[row] for row in mixed), mean=timeline.mean[mixed]))
    assert [place.job for place in seen.jobs] == [one.id for one in ends]
    assert places(seen.onsets[0]) == (8, 9, 9, 9)


def test_jobs_after_the_candidate_are_left_out():
    """What came later says nothing of since when the candidate is slower."""
    made = compared(regressed())
    longer = history(made, jobs=JOBS + 5)
    seen = told(made, longer)
    assert seen.jobs[-1].job == made.candidate.id
    assert seen == told(made, Timeline(jobs=longer.jobs[:JOBS], mean=longer.mean[:JOBS]))


def test_a_long_history_is_shown_by_its_last_jobs():
    """The last four months of nights are shown; the first bad job is found further back as well."""
    jobs = LONGEST + 30
    made = compared(regressed(), baseline=5, jobs=jobs)
    seen = told(made, history(made, onset=10, jobs=jobs))
    assert len(seen.jobs) == len(seen.onsets[0].levels) == LONGEST
    assert seen.jobs[-1].job == made.candidate.id
    assert places(seen.onsets[0]) == (9, 10, 10, 10)
    assert min(seen.onsets[0].levels) > 1.0


def test_each_job_that_is_shown_has_its_level_though_the_baseline_is_not():
    """A baseline of other hardware takes no room among the jobs that are shown."""
    jobs = LONGEST + 30
    made = compared(regressed(), baseline=jobs - 20, jobs=jobs)
    timeline = history(made, onset=jobs - 10, jobs=jobs)
    kept = [row for row in range(jobs) if row != jobs - 20]
    seen = told(made, Timeline(jobs=tuple(timeline.jobs[row] for row in kept), mean=timeline.mean[kept]))
    assert len(seen.jobs) == LONGEST
    assert None not in seen.onsets[0].levels


def test_patterns_are_those_of_all_jobs():
    """The patterns are told over all jobs up to the candidate, of all curves."""
    made = compared(regressed(), Plan(endpoint="GET /else"), baseline=20, jobs=40)
    seen = told(made, history(made, onset=30, jobs=40))
    shift = next(one for one in seen.patterns.shifts if one.endpoint == SETTINGS)
    assert (shift.first.job - 100, seen.patterns.curves, seen.patterns.too_short) == (30, 2, 0)
    assert shift.slowdown == pytest.approx(1.55, abs=0.1)


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, JOBS - 1), st.integers(0, JOBS))
def test_no_history_is_too_broken(random, baseline, stored):
    """Whatever is missing, zero, infinite or out of order, there is an onset for each cluster of slowdowns."""
    scalar = regressed("GET /scalar", scalar=True, threads=None)
    made = compared(regressed(), regressed("GET /rate", kind=MetricKind.RATE), scalar, baseline=baseline)
    whole = history(made)
    odd = [math.nan, 0.0, -1.0, math.inf, 1e-300, 1e300]
    mean = np.array([[random.choice([value, value, *odd]) for value in row] for row in whole.mean.tolist()])
    rows = random.sample(range(JOBS), stored)
    seen = told(made, Timeline(jobs=tuple(whole.jobs[row] for row in rows), mean=mean[rows]))
    assert [onset.cluster for onset in seen.onsets] == ["C1", "C2", "C3"]
    assert all(len(onset.levels) == len(seen.jobs) for onset in seen.onsets)
    assert all(level is None or math.isfinite(level) for onset in seen.onsets for level in onset.levels)


def test_no_regression_has_no_onset():
    """Without a cluster of slowdowns there are the jobs and the patterns."""
    made = compared(improved(), Plan(outcome=Outcome.INCONCLUSIVE))
    seen = told(made, history(made))
    assert seen.onsets == ()
    assert len(seen.jobs) == JOBS
