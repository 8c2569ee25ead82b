"""What detection says of jobs made for the purpose: shifts, windows, short curves, thresholds, words."""

import numpy as np
import pytest
from detect_cases import LATENCY, RATE, SETTINGS, curve_set, found, judged, noisy_job, window
from msgspec.structs import replace

from perftracker_ai.detect import detect
from perftracker_ai.model import Cause, Confidence, Direction, Method, Outcome, Severity

CALM = (Outcome.UNCHANGED, Outcome.INCONCLUSIVE)


def flagged(detection):
    return [result for result in detection.results if result.outcome not in CALM]


# ── runs as a whole ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_run_twice_shows_nothing():
    """A run compared with itself has no finding, no shift and no mirrored curve."""
    job = noisy_job()
    same = replace(job, mean=np.array([job.mean[0], job.mean[0]]))
    detection = judged(same)
    assert flagged(detection) == []
    assert detection.mirrored == 0
    assert [shift.slowdown for shift in detection.shifts] == [0.0] * 4


def test_a_run_slowed_as_a_whole_is_one_shift_and_no_findings():
    """A run 12 % slower everywhere is reported as shifts of 12 %, large ones, and not curve by curve."""
    detection = judged(noisy_job(slower=np.log(1.12)))
    assert flagged(detection) == []
    assert [shift.slowdown for shift in detection.shifts] == pytest.approx([0.12] * 4, abs=0.02)
    assert all(
        shift.large and shift.significant and shift.low < shift.slowdown < shift.high for shift in detection.shifts
    )


def test_one_endpoint_twice_as_slow_stands_out_of_a_slowed_run():
    """In a run 12 % slower everywhere, an endpoint twice as slow besides is found on every curve, as critical."""
    change = {(5, kind, threads): np.log(2.1) for kind in (LATENCY, RATE) for threads in (1, 4)}
    job = noisy_job(slower=np.log(1.12), change=change)
    hits = flagged(judged(job))
    assert {job.curves[hit.curve].endpoint for hit in hits} == {"GET /05"}
    assert [hit.severity for hit in hits] == [Severity.CRITICAL] * 4


def test_a_third_of_the_curves_regressing_is_not_taken_for_the_environment():
    """When a third of the endpoints regress by 40 % they are all found, and the shift stays near zero."""
    change = {(n, kind, threads): np.log(1.4) for n in range(4) for kind in (LATENCY, RATE) for threads in (1, 4)}
    job = noisy_job(change=change)
    detection = judged(job)
    assert {job.curves[hit.curve].endpoint for hit in flagged(detection)} == {f"GET /0{n}" for n in range(4)}
    assert max(abs(shift.slowdown) for shift in detection.shifts) < 0.03


def test_latency_and_rate_may_shift_differently():
    """When only latencies shift by 12 %, only theirs is taken off, and nothing is flagged."""
    change = {(n, LATENCY, threads): np.log(1.12) for n in range(12) for threads in (1, 4)}
    detection = judged(noisy_job(change=change))
    by_kind = {(shift.metric_kind, shift.threads): shift.slowdown for shift in detection.shifts}
    assert flagged(detection) == []
    assert by_kind[LATENCY, 1] == pytest.approx(0.12, abs=0.03)
    assert by_kind[RATE, 4] == pytest.approx(0.0, abs=0.03)


def test_with_few_endpoints_nothing_is_taken_for_the_environment():
    """Three endpoints that all regress regressed: so few cannot tell a shift, and none is taken off."""
    change = {(n, kind, threads): np.log(1.5) for n in range(3) for kind in (LATENCY, RATE) for threads in (1, 4)}
    detection = judged(noisy_job(endpoints=3, change=change))
    assert detection.shifts == ()
    assert all(result.outcome is Outcome.REGRESSED for result in detection.results)


# ── windows ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("first", "last"), [(0, 53), (36, 53), (0, 11), (20, 30), (42, 45)])
def test_the_whole_affected_range_is_reported(first, last):
    """A regression of 60 % is reported from its first to its last load, give or take one."""
    job = noisy_job(change={(4, LATENCY, 1): window(54, first, last, 1.6)})
    result, start = found(judged(job), job, 4)
    (reported,) = result.windows
    assert (reported.first - start, reported.last - start) == pytest.approx((first, last), abs=1)
    assert reported.median_slowdown == pytest.approx(0.6, abs=0.1)
    assert reported.points == reported.last - reported.first + 1
    assert result.severity is reported.severity is Severity.SEVERE


def test_a_mixed_curve_shows_both_windows():
    """A curve faster at low and slower at high load has a window of each direction, and counts as regressed."""
    change = window(54, 0, 30, 0.6) + window(54, 31, 53, 1.8)
    job = noisy_job(change={(4, RATE, 4): change})
    result, _ = found(judged(job), job, 4, RATE, 4)
    assert [w.direction for w in result.windows] == [Direction.BETTER, Direction.WORSE]
    assert result.outcome is Outcome.REGRESSED
    assert result.worst == 1
    assert result.windows[0].severity is None


def test_two_separate_ranges_are_two_windows():
    """Two bumps apart from each other are reported apart."""
    change = window(54, 5, 14, 1.7) + window(54, 35, 44, 1.7)
    job = noisy_job(change={(4, LATENCY, 1): change})
    result, start = found(judged(job), job, 4)
    assert [(w.first - start, w.last - start) for w in result.windows] == [(5, 14), (35, 44)]


def test_a_spike_raises_no_alarm():
    """A single load ten times as slow is noise, not a sustained change."""
    job = noisy_job(change={(4, LATENCY, 1): window(54, 26, 26, 10.0), (7, RATE, 1): window(54, 0, 0, 10.0)})
    assert flagged(judged(job)) == []


def test_a_spike_hides_no_change():
    """A spike the other way inside a regression does not hide it or cut it in two."""
    change = window(54, 20, 40, 1.5) + window(54, 30, 30, 0.05)
    job = noisy_job(change={(4, LATENCY, 1): change})
    result, start = found(judged(job), job, 4)
    assert [(w.first - start, w.last - start) for w in result.windows] == [(20, 40)]


def test_missing_loads_neither_hide_nor_widen_a_change():
    """With a tenth of the loads absent the change is found over the loads that are there."""
    job = noisy_job(change={(4, LATENCY, 1): window(54, 20, 40, 1.6)})
    mean = job.mean.copy()
    mean[:, ::10] = np.nan
    result, start = found(judged(replace(job, mean=mean)), job, 4)
    (reported,) = result.windows
    assert (reported.first - start, reported.last - start) == pytest.approx((20, 40), abs=2)
    assert reported.points < reported.last - reported.first + 1
    assert result.points < 54


def test_a_small_change_is_listed_as_minor():
    """A whole endpoint 10 % slower is listed as minor, not called a regression."""
    change = {(4, kind, threads): np.log(1.1) for kind in (LATENCY, RATE) for threads in (1, 4)}
    job = noisy_job(sigma=0.02, change=change)
    result, _ = found(judged(job), job, 4)
    assert result.outcome is Outcome.MINOR
    assert result.severity is Severity.MINOR


def test_an_improvement_is_no_regression():
    """A curve 40 % faster has improved, without a severity."""
    job = noisy_job(change={(4, RATE, 1): np.log(0.6)})
    result, _ = found(judged(job), job, 4, RATE)
    assert result.outcome is Outcome.IMPROVED
    assert result.severity is None
    assert result.median_slowdown == pytest.approx(-0.4, abs=0.05)


# ── thresholds ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_change_of_a_few_microseconds_does_not_count():
    """Twice as long by 10 microseconds among milliseconds is silenced, and said to be; in milliseconds it is found."""
    change = {(4, LATENCY, 1): np.log(2.0)}
    job = noisy_job(change=change)
    mean, start = job.mean.copy(), found(judged(job), job, 4)[1]
    mean[:, start : start + 54] *= 1e-4
    assert found(judged(job), job, 4)[0].outcome is Outcome.REGRESSED
    result = found(judged(replace(job, mean=mean)), job, 4)[0]
    assert (result.outcome, result.cause) == (Outcome.INCONCLUSIVE, Cause.SMALL_TIME)
    assert "50.0 µs" in result.needed


def test_in_a_suite_of_microseconds_microseconds_count():
    """Where every time of the job is some ten microseconds, twice as long is found."""
    job = noisy_job(change={(4, LATENCY, 1): np.log(2.0)})
    latency = np.concatenate([np.full(c.stop - c.start, c.metric_kind is LATENCY) for c in job.curves])
    tiny = replace(job, mean=np.where(latency, job.mean * 1e-4, job.mean))
    assert found(judged(tiny), job, 4)[0].outcome is Outcome.REGRESSED


def test_thresholds_are_the_settings():
    """The moderate threshold decides what is a regression, the severe one what is severe."""
    job = noisy_job(change={(4, LATENCY, 1): np.log(1.6)})
    assert found(judged(job, moderate=0.8), job, 4)[0].outcome is Outcome.MINOR
    assert found(judged(job, severe=0.8), job, 4)[0].severity is Severity.MODERATE


def test_with_reruns_the_candidate_must_be_worse_than_each():
    """A candidate slower than two baseline runs but not than the third is no regression."""
    job = noisy_job(reruns=2, sigma=0.02, change={(4, LATENCY, 1): np.log(1.5)})
    mean, place = job.mean.copy(), found(judged(job), job, 4)[0].curve
    assert judged(job).results[place].outcome is Outcome.REGRESSED
    part = slice(job.curves[place].start, job.curves[place].stop)
    mean[3, part] = mean[1, part] * 1.02
    assert judged(replace(job, mean=mean)).results[place].outcome not in (Outcome.REGRESSED, Outcome.MINOR)


# ── short curves ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_short_curve_is_judged_by_rule():
    """Eight loads, all 40 % slower, are a regression by the rule, at medium confidence at most."""
    job = noisy_job(points=8, change={(4, LATENCY, 1): np.log(1.4)})
    result, _ = found(judged(job), job, 4)
    assert (result.outcome, result.method) == (Outcome.REGRESSED, Method.RULE)
    assert result.confidence is not Confidence.HIGH
    assert result.windows[0].q_value is None


def with_extra(fields, values, **kwargs):
    """A calm job of long curves and one curve besides, the last."""
    job = noisy_job()
    rows = [
        ({"endpoint": c.endpoint, "kind": c.metric_kind, "threads": c.threads}, job.mean[:, c.start : c.stop])
        for c in job.curves
    ]
    return curve_set([*rows, (fields, np.array(values))], **kwargs)


def test_four_single_scores_twice_as_slow_are_found_with_low_confidence():
    """Single scores at four loads, all doubled, are a regression, with low confidence where there is no rerun."""
    job = with_extra({"endpoint": "POST /reindex"}, [[1.0, 1.1, 1.3, 1.2], [2.0, 2.3, 2.5, 2.4]])
    result = judged(job).results[-1]
    assert (result.outcome, result.method, result.confidence) == (
        Outcome.REGRESSED,
        Method.SIZE_ONLY,
        Confidence.LOW,
    )


@pytest.mark.parametrize("candidate", [[1.1, 0.9, 1.2], [1.5, 1.0, 1.6], [0.8, 0.9, 1.1]])
def test_three_single_scores_of_natural_noise_are_not(candidate):
    """Single scores that scatter as imports do are not a finding, and it says why."""
    result = judged(with_extra({"endpoint": "import"}, [[1.0, 1.0, 1.0], candidate])).results[-1]
    assert result.outcome is Outcome.INCONCLUSIVE
    assert result.cause in {Cause.FEW_RUNS, Cause.TOO_NOISY}


@pytest.mark.parametrize(("factor", "outcome"), [(1.5, Outcome.REGRESSED), (1.02, Outcome.UNCHANGED)])
def test_a_scalar_with_several_scores_is_tested(factor, outcome):
    """One value with ten scores a side is tested by their spread: 50 % is found, and 2 % is no change."""
    job = with_extra({"endpoint": "start-up"}, [[1.0], [factor]], scores=10, relative_sd=0.05)
    result = judged(job).results[-1]
    assert (result.outcome, result.method) == (outcome, Method.TWO_SAMPLE)


def test_a_curve_without_a_common_load_cannot_be_told():
    """Where the two runs share no load there is nothing to compare, and it says so."""
    result = judged(with_extra({"endpoint": "x"}, [[1.0, np.nan], [np.nan, 1.0]])).results[-1]
    assert (result.outcome, result.method, result.points) == (Outcome.INCONCLUSIVE, Method.NONE, 0)
    assert result.cause is Cause.NOTHING_SHARED
    assert result.needed
    assert result.median_slowdown is None


# ── words and evidence ──────────────────────────────────────────────────────────────────────────────────────────────


def test_one_run_of_each_version_is_medium_at_most():
    """An episode of either run looks like a change: confidence is medium with one run of each, high with reruns."""
    change = {(4, LATENCY, 1): np.log(2.0)}
    pair, rerun = (noisy_job(reruns=reruns, change=change) for reruns in (0, 2))
    alone, known = found(judged(pair), pair, 4)[0], found(judged(rerun), rerun, 4)[0]
    assert alone.confidence is Confidence.MEDIUM
    assert any("one run of each version" in reason for reason in alone.reasons)
    assert known.confidence is Confidence.HIGH
    assert any("3 baseline runs" in reason for reason in known.reasons)


def test_every_finding_carries_its_evidence():
    """A found window has an interval around its median, p and q above 0, and a consistency of its points."""
    job = noisy_job(change={(4, LATENCY, 1): window(54, 20, 40, 1.6)})
    result, _ = found(judged(job), job, 4)
    (reported,) = result.windows
    assert reported.low < reported.median_slowdown < reported.high
    assert 0 < reported.p_value <= reported.q_value <= SETTINGS.fdr
    assert reported.consistency > 0.9
    assert reported.max_slowdown >= reported.mean_slowdown
    assert result.samples == 108
    assert result.noise == pytest.approx(0.04 * np.sqrt(2), rel=0.5)


def test_a_calm_curve_is_unchanged_and_a_noisy_one_inconclusive():
    """Unchanged needs an interval inside the margin; a curve too noisy for it says how many runs would do."""
    calm, noisy = judged(noisy_job(sigma=0.02)), judged(noisy_job(sigma=0.6))
    assert {result.outcome for result in calm.results} == {Outcome.UNCHANGED}
    unsure = [result for result in noisy.results if result.outcome is Outcome.INCONCLUSIVE]
    assert len(unsure) > len(noisy.results) / 2
    causes = {result.cause: result for result in unsure}
    assert set(causes) <= {Cause.FEW_RUNS, Cause.TOO_NOISY}
    for result in unsure:
        assert (result.runs_needed is None) == (result.cause is Cause.TOO_NOISY)
        assert result.runs_needed is None or 1 <= result.runs_needed <= 10
        assert ("more run" in result.needed) == (result.cause is Cause.FEW_RUNS)
        assert ("not decidable" in result.needed) == (result.cause is Cause.TOO_NOISY)


def test_the_record_names_source_and_seed():
    """The result says where the noise estimate came from, and repeats the seed."""
    assert "2 reruns" in judged(noisy_job(reruns=2)).noise_source
    assert "rerun" not in judged(noisy_job()).noise_source
    assert detect(noisy_job(), SETTINGS, 17).seed == 17


def test_a_job_without_curves_has_no_results():
    """No curves, no results, no complaint."""
    detection = judged(curve_set([]))
    assert (detection.results, detection.shifts) == ((), ())


@pytest.mark.parametrize(("width", "factor", "sigma"), [(6, 1.6, 0.005), (9, 1.25, 0.01)])
def test_what_every_endpoint_has_at_its_highest_loads_is_no_chance(width, factor, sigma):
    """However calm the runs, a change of all endpoints at their highest loads is taken for neither drift nor noise."""
    level = 0.01 * np.random.default_rng(2).standard_normal(120)
    everywhere = {
        (number, kind, 1): level[2 * number + (kind is RATE)] + window(54, 54 - width, 53, factor)
        for number in range(60)
        for kind in (LATENCY, RATE)
    }
    detection = judged(noisy_job(endpoints=60, threads=(1,), sigma=sigma, change=everywhere))
    assert {result.outcome for result in detection.results} == {Outcome.REGRESSED}
