"""Validity: what is told of a comparison before anything that it shows."""

import math

import numpy as np
import pytest
from builders import info
from detect_cases import LATENCY, RATE, curve_set
from msgspec.structs import replace

from perftracker_ai.detect import detect
from perftracker_ai.diagnose import diagnose
from perftracker_ai.model import (
    BY_RUN,
    Attribution,
    Direction,
    Job,
    Machine,
    MetricKind,
    NewerJob,
    NewerVersion,
    NoReruns,
    Outcome,
    RunShift,
)
from perftracker_ai.model.checks import (
    AnotherMachine,
    ClippedValues,
    DisturbedRerun,
    DriftingRun,
    EndpointsInTurn,
    Episode,
    IdenticalResults,
    LateStretch,
    LowerVersion,
    MovedRun,
    NoTimes,
    OneVersion,
    RerunApart,
    StretchKind,
    TooGood,
    WarmUp,
)
from perftracker_ai.report import checks
from perftracker_ai.settings import DetectSettings
from perftracker_ai.validity import assess, of_notices, of_run, same_job, turns

LOADS, ENDPOINTS, SECONDS = 24, 12, 30


def service(*factors, seed=1, sigma=0.03, endpoints=ENDPOINTS, timed=True, load_major=True, candidate_reruns=0):
    """Runs of a service, one for each factor of (endpoint, load) that its cost is multiplied by."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(endpoints):
        for kind in (LATENCY, RATE):
            hit = np.array([[factor(number, load) for load in range(LOADS)] for factor in factors])
            cost = (5 + number) * hit * np.exp(sigma * rng.standard_normal(hit.shape))
            rows.append(({"endpoint": f"GET /{number:02}", "kind": kind}, cost / 1000 if kind is LATENCY else 1 / cost))
    curves = curve_set(rows)
    place = np.arange(2 * endpoints * LOADS).reshape(endpoints, 2, LOADS)[:, :1].repeat(2, axis=1)
    if load_major:
        place = (
            np.broadcast_to(np.arange(LOADS) * 2 * endpoints, (endpoints, 2, LOADS))
            + 2 * np.arange(endpoints)[:, None, None]
        )
    begin = np.broadcast_to(1.8e9 + SECONDS * place.reshape(-1), curves.mean.shape).astype(float)
    times = {"begin": begin, "end": begin + SECONDS} if timed else {}
    return replace(curves, candidate_reruns=candidate_reruns, **times)


def jobs(count=2, **fields):
    """As many jobs of their own."""
    versions = ["1.0", "1.1", *["1.0"] * (count - 2)]
    made = [replace(info(10 + k, version), **fields.get("info", {})) for k, version in enumerate(versions)]
    machines = fields.get("machines", [()] * count)
    return [
        Job(info=one, command="", links=(), machines=machines[k], tests=(), bad_records=())
        for k, one in enumerate(made)
    ]


def calm(_, __):
    return 1.0


def slow(first, last, by):
    return lambda _, load: by if first <= load <= last else 1.0


def kinds(sound):
    return [type(check) for check in sound.checks]


@pytest.mark.parametrize("by", [1.3, 2.0, 3.0])
def test_minutes_in_which_everything_was_slow_are_an_episode(by):
    """They are told with clock time and size, and their points are left out of that run alone."""
    sound = assess(jobs(), service(calm, slow(9, 13, by)))
    (episode,) = [check for check in sound.checks if isinstance(check, Episode)]
    assert episode.jobs == (11,)
    assert not episode.approves
    assert math.log1p(episode.size) == pytest.approx(math.log(by), abs=0.05)
    inside = sound.left_out.reshape(2, -1, LOADS)
    assert not inside[0].any()
    assert inside[1, :, 9:14].all()
    assert not inside[1, :, [*range(8), *range(15, LOADS)]].any()


def test_an_episode_begins_and_ends_in_the_midst_of_a_load():
    """Where some endpoints of a load were measured before it and the others in it, these alone are left out."""

    def disturbed(number, load):
        return 2.0 if 10 <= load <= 13 or (load == 9 and number >= 8) or (load == 14 and number < 3) else 1.0

    sound = assess(jobs(), service(calm, disturbed))
    inside = sound.left_out[1].reshape(ENDPOINTS, 2, LOADS)
    assert inside[8:, :, 9].all()
    assert inside[:3, :, 14].all()
    assert not inside[:8, :, 9].any()
    assert not inside[3:, :, 14].any()


def test_the_run_that_was_disturbed_is_named():
    """An episode of the baseline is the baseline's: the candidate was not faster."""
    sound = assess(jobs(), service(slow(14, 18, 1.5), calm))
    assert [check.jobs for check in sound.checks] == [(10,)]
    assert not sound.left_out[1].any()


def test_the_beginning_of_a_run_is_a_warm_up():
    """Without calm before it, slowness is told as warm-up."""
    assert kinds(assess(jobs(), service(calm, slow(0, 2, 3.0)))) == [WarmUp]


def test_the_end_of_a_run_is_not_decided():
    """The highest loads of all endpoints may have given way: nothing is left out, nothing taken off."""
    sound = assess(jobs(), service(calm, slow(20, 23, 3.0)))
    assert kinds(sound) == [LateStretch]
    assert not sound.left_out.any()
    assert sound.late[0].inside.reshape(-1, LOADS)[:, 20:].all()
    assert np.abs(sound.shared.reshape(2, -1, LOADS)[1, :, 20:]).max() == 0


def test_endpoints_that_stayed_refute_the_machine():
    """Where a third of the endpoints stayed where they were then, it is no episode but the code's."""
    sound = assess(jobs(), service(calm, lambda endpoint, load: 2.0 if endpoint < 8 and 9 <= load <= 13 else 1.0))
    assert kinds(sound) == []
    assert np.abs(sound.shared.reshape(2, -1, LOADS)[1, :, 9:14]).max() < 0.05


@pytest.mark.parametrize("seed", range(5))
def test_a_calm_run_has_no_episode(seed):
    """Noise alone is told as nothing, and next to nothing is taken off."""
    sound = assess(jobs(), service(calm, calm, seed=seed))
    assert kinds(sound) == []
    assert np.abs(sound.shared).max() < 0.05


def test_endpoints_that_take_turns_tell_nothing_of_a_time():
    """Where one endpoint is measured after the other, its slowness is not the run's: nothing is taken off."""
    sound = assess(jobs(), service(calm, lambda endpoint, _: 2.0 if endpoint == 3 else 1.0, load_major=False))
    assert kinds(sound) == []
    assert not sound.shared.any()


def test_without_times_the_order_of_the_tests_stands():
    """Without any order there is no check in time, and that is said."""
    assert kinds(assess(jobs(), service(calm, slow(9, 13, 1.5), timed=False))) == [NoTimes]
    ordered = service(calm, slow(9, 13, 1.5))
    places = ordered.begin - 1.8e9 + 1
    assert kinds(assess(jobs(), replace(ordered, begin=places, end=places))) == [Episode]


@pytest.mark.parametrize("loads", [(0, 2), (9, 11), (20, 23)])
def test_loads_that_all_share_may_be_minutes_where_no_times_are_told(loads):
    """Without times nothing is left out or taken off, and what most endpoints show at a load is not decided."""
    sound = assess(jobs(), service(calm, slow(*loads, 1.6), timed=False))
    assert kinds(sound) == [NoTimes]
    assert not sound.left_out.any()
    assert not sound.shared.any()
    (late,) = sound.late
    assert late.kind is StretchKind.LOADS
    assert late.inside.reshape(-1, LOADS).all(axis=0).nonzero()[0].tolist() == list(range(loads[0], loads[1] + 1))


def issues(*factors, **more):
    """What a comparison of such runs tells, its issues and the outcomes of its curves."""
    curves = service(*factors, **more)
    found = detect(curves, DetectSettings(), 1, None, assess(jobs(len(factors)), curves))
    return diagnose(curves, found, "Shop"), [result.outcome for result in found.results]


@pytest.mark.parametrize(
    ("loads", "name"),
    [((0, 2), "The lowest loads"), ((9, 11), "10000 to 12000 objects"), ((20, 23), "The highest loads")],
)
def test_loads_that_all_share_are_one_issue_named_by_them(loads, name):
    """Where no times are told they are one undecided issue, which cannot block, and not one for each endpoint."""
    ((issue,), outcomes) = issues(calm, slow(*loads, 1.8), timed=False)
    assert issue.title.startswith(f"{name} of all endpoints: ")
    assert issue.attribution is Attribution.UNDECIDED
    assert set(outcomes) == {Outcome.REGRESSED}


def test_what_drifts_is_one_issue_where_it_is_slowest():
    """A drift whose middle stays below what counts is an undecided issue, and its curves moved with the run."""
    ((issue,), outcomes) = issues(calm, lambda _, load: 1 + 0.27 * load / LOADS)
    assert issue.title.startswith("The highest loads of all endpoints: ")
    assert issue.attribution is Attribution.UNDECIDED
    assert issue.gross_slowdown == pytest.approx(0.24, abs=0.03)
    assert set(outcomes) == {Outcome.MOVED}


def test_what_stayed_while_others_got_faster_is_not_slower():
    """Nobody knows whether the machine made the others fast, and as measured two endpoints stayed: nothing is worse."""
    found, outcomes = issues(calm, lambda one, _: 0.7 if one >= 2 else 1.0)
    assert not [issue for issue in found if issue.direction is Direction.WORSE]
    assert outcomes.count(Outcome.INCONCLUSIVE) == 4


def test_a_candidate_that_drifts_is_undecided_where_it_is_slowest():
    """A drift is no episode and no warm-up of the other run; a further run of the candidate says whose it is."""

    def drift(_, load):
        return 1 + 0.3 * load / LOADS

    sound = assess(jobs(), service(calm, drift))
    assert kinds(sound) == [DriftingRun]
    (late,) = sound.late
    assert late.kind is StretchKind.DRIFT
    assert late.inside.reshape(-1, LOADS).all(axis=0).nonzero()[0].min() >= 0.7 * LOADS
    assert not assess(jobs(3), service(calm, drift, drift, candidate_reruns=1)).late


def test_counts_are_left_alone():
    """Nothing shared is taken off what is neither a time nor a rate."""
    curves = service(calm, slow(9, 13, 1.5))
    other = [replace(one, metric_kind=MetricKind.OTHER) if one.index % 2 else one for one in curves.curves]
    shared = assess(jobs(), replace(curves, curves=tuple(other))).shared.reshape(2, -1, LOADS)
    assert not shared[:, 1::2].any()


def test_a_wild_rerun_is_left_out():
    """A rerun that scatters far more than the others teaches nothing, and is named."""
    curves = service(calm, calm, calm, calm)
    mean = curves.mean.copy()
    mean[2] *= np.exp(0.2 * np.random.default_rng(9).standard_normal(mean.shape[1]))
    sound = assess(jobs(4), replace(curves, mean=mean))
    assert sound.trusted == (True, True, False, True)
    assert kinds(sound) == [DisturbedRerun]


@pytest.mark.parametrize("by", [0.7, 1.5])
def test_a_rerun_that_lies_apart_as_a_whole_is_left_out(by):
    """It must not make the result worse than leaving it out would: the baseline stays where it was measured."""
    sound = assess(jobs(3), service(calm, calm, lambda *_: by))
    assert kinds(sound) == [RerunApart]
    assert sound.checks[0].size == pytest.approx(by - 1, abs=0.02)
    assert sound.trusted == (True, True, False)
    assert np.abs(sound.shared).max() < 0.05


def test_of_the_candidates_runs_none_is_left_out():
    """That they differ as a whole says that what one of them shows is the machine's."""
    sound = assess(jobs(3), service(calm, calm, lambda *_: 1.5, candidate_reruns=1))
    assert all(sound.trusted)


def test_what_one_of_two_candidate_runs_shows_is_taken_off_it():
    """A run of the candidate that is slow as a whole is brought to the other; what both show stays."""

    def half_again(_, __):
        return 1.6

    one = assess(jobs(3), service(calm, half_again, calm, candidate_reruns=1)).shared
    assert np.median(one[1]) == pytest.approx(math.log(1.6), abs=0.03)
    both = assess(jobs(3), service(calm, half_again, half_again, candidate_reruns=1)).shared
    assert np.abs(np.median(both, axis=1)).max() < 0.03


def test_another_machine_under_the_same_name_is_told_with_both_values():
    """Processors, system and model that differ are named with what they were; a machine that tells nothing is not."""
    old = Machine(name="bg-f1", processors=32, memory_mb=131072, kernel="RHEL 9.4", model="Xeon")
    new = replace(old, processors=16, kernel="", model="EPYC")
    sound = assess(jobs(machines=[(old,), (new,)]), service(calm, calm))
    (check,) = sound.checks
    assert isinstance(check, AnotherMachine)
    assert checks.found(check).startswith("bg-f1 is not the machine it was (processors 32 → 16; model Xeon → EPYC)")
    assert not assess(jobs(machines=[(old,), (old,)]), service(calm, calm)).checks


def test_identical_results_are_told():
    """A run whose every value is another's to the last digit is no run of its own."""
    curves = service(calm, calm)
    same = {name: getattr(curves, name)[[0, 0]] for name in BY_RUN}
    assert kinds(assess(jobs(), replace(curves, **same))) == [IdenticalResults]


def test_versions_are_compared_by_their_numbers():
    """One version with a blank is one version, and 3.3 is lower than 3.11."""
    curves = service(calm, calm)

    def told(old, new):
        pair = jobs()
        named = [replace(job, info=replace(job.info, product_ver=v)) for job, v in zip(pair, (old, new), strict=True)]
        return kinds(assess(named, curves))

    assert told("3.1", "3.1 ") == [OneVersion]
    assert told("3.11", "3.3") == [LowerVersion]
    assert told("3.3", "3.11") == []
    assert told("trunk", "stable") == []


def test_a_ceiling_and_too_much_speed_are_told():
    """Many equal values at the top of a time are a ceiling; ten times as fast is too good to be true."""
    curves = service(calm, lambda endpoint, _: 0.05 if endpoint == 4 else 1.0)
    mean = curves.mean.copy()
    mean[:, :LOADS][:, 16:] = 30.0
    sound = assess(jobs(), replace(curves, mean=mean))
    assert set(kinds(sound)) == {ClippedValues, TooGood}


@pytest.mark.parametrize("step", [0.5, 1.0])
def test_a_coarse_clock_is_no_ceiling(step):
    """Where times are told in few steps, many are equal, at the top too; nothing was clipped."""
    curves = service(calm, calm)
    steps = np.random.default_rng(7).integers(1, 5, curves.mean.shape)
    assert ClippedValues not in kinds(assess(jobs(), replace(curves, mean=steps * step)))


def test_a_job_is_known_by_its_uuid():
    """A copy of a job is the job; without a uuid its id says so."""
    one = info(1)
    assert same_job(one, replace(one, id=2))
    assert not same_job(one, replace(one, uuid="another"))
    assert same_job(replace(one, uuid=""), replace(one, uuid="another"))


@pytest.mark.parametrize("changed", [1.0, 1.4], ids=["no other change", "one of them is slow at all times"])
def test_an_episode_goes_on_across_the_border_of_endpoints(changed):
    """Where endpoints take turns, minutes in which one after the other is slow are an episode of the run."""
    rng = np.random.default_rng(3)
    curves = service(*[calm] * 2, endpoints=12, load_major=False)
    rounds = replace(curves, curves=tuple(replace(one, threads=1 + one.index % 2) for one in curves.curves))
    begin = rounds.begin.reshape(2, 12, 2, LOADS).copy()
    begin[:, :, 1] += 12 * 2 * LOADS * SECONDS  # the second thread count after all of the first
    slow_then = (begin[1] >= begin[1, 3, 0, 12]) & (begin[1] < begin[1, 6, 0, 12])
    mean = rounds.mean.reshape(2, 12, 2, LOADS).copy()
    mean[1] *= np.where(slow_then, [[[1.8], [1 / 1.8]]], 1.0) * np.exp(0.01 * rng.standard_normal(slow_then.shape))
    mean[1, 4] *= np.array([[changed], [1 / changed]])
    times = {"begin": begin.reshape(2, -1), "end": begin.reshape(2, -1) + SECONDS}
    sound = assess(jobs(), replace(rounds, mean=mean.reshape(2, -1), **times))
    assert kinds(sound) == [Episode]
    found = sound.left_out[1].reshape(12, 2, LOADS)
    assert found[slow_then].mean() > 0.9
    assert found[~slow_then].mean() < 0.05


def in_turns(endpoints=ENDPOINTS, *, first, last, by, seed=5):
    """A baseline, and a candidate that is slow from one test to another, endpoint after endpoint in that order."""
    count = endpoints * LOADS

    def disturbed(endpoint, load):
        return by if first * count <= endpoint * LOADS + load < last * count else 1.0

    return service(calm, disturbed, endpoints=endpoints, load_major=False, seed=seed)


@pytest.mark.parametrize(
    ("first", "last", "by", "kind"), [(0.37, 0.55, 1.3, Episode), (0.37, 0.55, 3.0, Episode), (0.0, 0.12, 1.7, WarmUp)]
)
def test_an_episode_that_swallows_an_endpoint_is_one(first, last, by, kind):
    """What begins or ends amid an endpoint's loads and goes on over the next endpoint's tests is left out."""
    sound = assess(jobs(), in_turns(first=first, last=last, by=by))
    assert kinds(sound) == [kind]
    assert sound.checks[0].share == pytest.approx(last - first, abs=0.01)
    assert sound.left_out[1].mean() == pytest.approx(last - first, abs=0.01)


@pytest.mark.parametrize("endpoints", [(3, 4), (3, 4, 5), tuple(range(8))])
def test_whole_endpoints_one_after_the_other_are_not_decided(endpoints):
    """Minutes of a machine and the code of neighbours look alike: nothing is left out, and it may not block."""
    sound = assess(jobs(), service(calm, lambda one, _: 1.6 if one in endpoints else 1.0, load_major=False))
    assert kinds(sound) == [EndpointsInTurn]
    assert not sound.left_out.any()
    (late,) = sound.late
    assert late.kind is StretchKind.TURNS
    assert late.inside.mean() == pytest.approx(len(endpoints) / ENDPOINTS)


@pytest.mark.parametrize(
    "changed",
    [
        lambda one, _: 1.6 if one in {1, 4, 5, 8, 10} else 1.0,
        lambda one, _: {4: 1.2, 5: 3.0}.get(one, 1.0),
        lambda _, load: 1.6 if load >= 16 else 1.0,
        lambda one, load: 1.0 + load / 16 if one in {4, 5} else 1.0,
        lambda one, load: 1.6 if one == 4 and load >= 16 else 1.0,
    ],
    ids=["here and there", "by different sizes", "each at its highest loads", "growing with the load", "one endpoint"],
)
def test_what_follows_endpoints_and_loads_is_the_codes(changed):
    """A change that knows endpoints and loads, and not the clock, is no matter of a run's minutes."""
    sound = assess(jobs(), service(calm, changed, load_major=False))
    assert kinds(sound) == []
    assert not sound.late


def test_the_first_minutes_of_a_run_may_be_its_warm_up():
    """The first loads of the endpoint that is measured first are slow: nobody can tell."""
    assert kinds(assess(jobs(), in_turns(first=0, last=0.05, by=1.6))) == [EndpointsInTurn]


def test_improvements_of_many_make_no_others_slow():
    """Where a third of the endpoints became faster the others are not told as slow minutes."""
    assert kinds(assess(jobs(), service(calm, lambda one, _: 0.6 if one < 4 else 1.0, load_major=False))) == []


def test_the_baselines_slow_endpoints_doubt_an_improvement_only():
    """Whole endpoints that were slow in the baseline are no check, for the candidate is not in doubt."""
    sound = assess(jobs(), service(lambda one, _: 1.6 if one in {3, 4} else 1.0, calm, load_major=False))
    assert kinds(sound) == []
    assert len(sound.late) == 1


@pytest.mark.parametrize("slow_throughout", [True, False])
def test_a_request_that_is_slow_before_and_after_is_slow_by_itself(slow_throughout):
    """Calm loads in requests that are slow throughout bound no minutes of the run; calm rests of requests do."""
    request = np.repeat(np.arange(30), 24)
    above = np.where(request // 3 == 4, 0.47, 0.0)
    first, last = request == 12, request == 14
    above[np.flatnonzero(first)[6:12]] = above[np.flatnonzero(last)[14:20]] = 0.0
    if not slow_throughout:
        above[np.flatnonzero(first)[:6]] = above[np.flatnonzero(last)[20:]] = 0.0
    above += np.random.default_rng(1).normal(0, 0.01, len(above))
    tests = turns.tests_of(above, np.arange(len(above)) * 10.0, request, request // 3, np.zeros_like(request), 0.1)
    assert [kind for *_, kind in turns.stretches(tests, 0.1)] == ([] if slow_throughout else [turns.BLOCK])


def test_three_endpoints_are_witnesses():
    """An episode of a run with three endpoints is one; with two it is not decided."""
    assert kinds(assess(jobs(), service(calm, slow(9, 13, 1.7), endpoints=3))) == [Episode]
    assert kinds(assess(jobs(), service(calm, slow(9, 13, 1.7), endpoints=2))) == [EndpointsInTurn]
    assert kinds(assess(jobs(), service(calm, slow(20, 24, 1.7), endpoints=3))) == [LateStretch]


def test_what_both_runs_of_the_candidate_show_is_no_episode():
    """Whole endpoints one after the other that are slow in each run of the candidate's version are reproduced."""

    def changed(one, _):
        return 1.6 if one in {3, 4} else 1.0

    sound = assess(jobs(3), service(calm, changed, changed, load_major=False, candidate_reruns=1))
    assert kinds(sound) == []


def test_a_run_that_moved_as_a_whole_is_told():
    """It leaves no room for approval; what further runs of the candidate reproduced is no doubt."""
    shift = RunShift(
        metric_kind=MetricKind.LATENCY,
        threads=4,
        slowdown=0.31,
        low=0.25,
        high=0.37,
        curves=12,
        significant=True,
        large=True,
        attribution=Attribution.UNDECIDED,
    )
    (check,) = of_run(jobs(), [shift])
    assert isinstance(check, MovedRun)
    assert not check.approves
    assert "latency at 4 threads 31 % slower" in checks.found(check)
    assert not of_run(jobs(), [replace(shift, attribution=Attribution.CODE), replace(shift, large=False)])


def test_a_newer_job_that_could_not_be_taken_is_a_check():
    """What was judged may not be the newest: it is told at the top, and leaves every verdict possible."""
    notices = (
        NewerJob(job=12, version="1.2", problem="3 of 9 tests completed"),
        NewerVersion(job=13, version="1.3", problem="other hardware", taken="1.1"),
        NoReruns(version="1.0"),
    )
    found = of_notices(notices)
    assert [(one.jobs, one.version, one.blocks, one.approves) for one in found] == [
        ((12,), "1.2", True, True),
        ((13,), "1.3", True, True),
    ]
