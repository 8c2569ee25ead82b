"""Diagnosis: what belongs together is one cluster, its kind of change is read right, and nothing is overstated."""

from __future__ import annotations

import gzip
import json
import random
import re
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from comparisons import (
    LOADS,
    SHORT_LOADS,
    curve_set,
    family,
    judged,
    make_set,
    marked,
    measured,
    overflow,
    power,
    ramp,
    times,
    with_errors,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from perftracker_ai.curves import build_curves
from perftracker_ai.detect import detect
from perftracker_ai.diagnose import diagnose
from perftracker_ai.diagnose.fits import Form, fit
from perftracker_ai.diagnose.hypotheses import CATALOGUE
from perftracker_ai.diagnose.profiles import Profile, median
from perftracker_ai.diagnose.shapes import slope
from perftracker_ai.model import (
    BASELINE,
    CANDIDATE,
    Absence,
    Confidence,
    Direction,
    MetricKind,
    Severity,
    Shape,
    Strength,
)
from perftracker_ai.settings import CurveSettings, DetectSettings
from perftracker_ai.sources.document import parse_job

PRODUCT = "Shop"
GRPM = Path(__file__).parents[2] / "shared" / "perftracker" / "grpm"
EVERYWHERE = (0.0, 1e9)
LATE = ((30000.0, 54000.0),)


def found(curves, ranges=None, **given_):
    """Diagnose with a perfect detector that flags the named curves, or all of them over all loads."""
    ranges = ranges or {curve.index: (EVERYWHERE,) for curve in curves.curves}
    return diagnose(curves, judged(curves, ranges, **given_), PRODUCT)


def only(clusters):
    (cluster,) = clusters
    return cluster


def evidence(cluster):
    return {item.name: item.value for item in cluster.shape_evidence}


def hypotheses(cluster):
    return {hypothesis.key: hypothesis for hypothesis in cluster.hypotheses}


# ── clusters ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_changed_gives_no_cluster():
    """Without findings there is nothing to put together, nor without curves."""
    curves = curve_set(*family())
    assert diagnose(curves, judged(curves, {}), PRODUCT) == ()
    empty = make_set([], [], [], np.empty((2, 0)))
    assert diagnose(empty, judged(empty, {}), PRODUCT) == ()


def test_one_endpoint_is_one_item():
    """All curves of an endpoint that changed alike are one cluster, named with its threads and loads."""
    curves = curve_set(*family("PUT /api/x", factor=times(1.6, 30000)), *family("GET /api/y"))
    cluster = only(found(curves, dict.fromkeys(range(6), LATE)))
    assert cluster.title == "PUT /api/x: 6 curves, all thread counts, from 30000 items"
    assert (cluster.id, cluster.factor, cluster.severity) == ("C1", "endpoint", Severity.SEVERE)
    assert (cluster.threads, cluster.all_threads) == ((1, 4, 16), True)
    assert (cluster.load_first, cluster.load_last) == ("30000 items", "54000 items")
    assert cluster.metric_kinds == (MetricKind.LATENCY, MetricKind.RATE)


@pytest.mark.parametrize(
    ("ranges", "words"),
    [
        ((EVERYWHERE,), "all loads"),
        (((1000, 12000),), "up to 12000 items"),
        (((20000, 30000),), "20000 to 30000 items"),
        (((40000, 54000),), "from 40000 items"),
    ],
)
def test_title_words_the_loads_as_the_job_does(ranges, words):
    """The range is told by the labels of the job."""
    curves = curve_set(measured("GET /a", factor=times(1.6, *ranges[0])), measured("GET /a", threads=16))
    assert only(found(curves, {0: ranges})).title == f"GET /a: 1 curve, 4 threads only, {words}"


def test_scenarios_that_changed_alike_stay_together():
    """Two scenarios of an endpoint with the same change are one item."""
    curves = curve_set(
        *family("GET /a", scenario="one", factor=times(1.5)), *family("GET /a", scenario="two", factor=times(1.6))
    )
    cluster = only(found(curves))
    assert cluster.scenarios == ("one", "two")
    assert cluster.title.startswith("GET /a: 12 curves")


@pytest.mark.parametrize("other", [times(1.12), times(2.0, 40000)], ids=["size", "range"])
def test_scenarios_that_changed_differently_are_told_apart(other):
    """An endpoint is split by scenario where size or load range differ clearly, and the title names the scenario."""
    curves = curve_set(
        *family("GET /a", scenario="one", factor=times(2.0)), *family("GET /a", scenario="two", factor=other)
    )
    last = (EVERYWHERE,) if other(np.array([1000.0]))[0] > 1 else ((40000, 54000),)
    ranges = {i: (EVERYWHERE,) if i < 6 else last for i in range(12)}
    first, second = found(curves, ranges)
    assert {first.scenarios, second.scenarios} == {("one",), ("two",)}
    assert "GET /a (" in first.title


def test_minor_and_regressed_curves_of_the_same_change_are_one_item():
    """The same change seen smaller at another thread count does not make a second item."""
    curves = curve_set(
        measured("GET /a", threads=4, factor=times(1.16)), measured("GET /a", threads=1, factor=times(1.11))
    )
    cluster = only(found(curves))
    assert (cluster.severity, cluster.curves, cluster.worst_curve) == (Severity.MODERATE, (0, 1), 0)


def test_curve_that_got_slower_and_faster_is_in_two_items():
    """A mixed curve is in a cluster of each direction, each with its own loads and shape."""
    mixed = measured("POST /move", factor=lambda load: np.where(load < 35000, 0.7, 1.8))
    curves = curve_set(mixed, measured("POST /move", threads=16))
    slower, faster = found(curves, {0: ((1000, 34000), (35000, 54000))})
    assert (slower.direction, slower.shape, slower.load_first) == (Direction.WORSE, Shape.STEP, "35000 items")
    assert (faster.direction, faster.shape, faster.load_last) == (Direction.BETTER, Shape.LOW_LOAD, "34000 items")
    assert (faster.severity, faster.hypotheses) == (None, ())


def test_rank_is_severity_then_confidence_then_size_and_improvements_last():
    """The order is what a reader needs first, and ids follow it."""
    sizes = [1.3, 3.0, 1.7, 2.4, 0.5]
    curves = curve_set(*(measured(f"GET /{i}", factor=times(size)) for i, size in enumerate(sizes)))
    clusters = found(curves)
    assert [cluster.endpoint for cluster in clusters] == ["GET /1", "GET /3", "GET /2", "GET /0", "GET /4"]
    assert [cluster.id for cluster in clusters] == ["C1", "C2", "C3", "C4", "C5"]
    detection = judged(curves, dict.fromkeys(range(5), (EVERYWHERE,)))
    doubted = replace(detection.results[1], confidence=Confidence.LOW)
    clusters = diagnose(
        curves, replace(detection, results=(detection.results[0], doubted, *detection.results[2:])), PRODUCT
    )
    assert [cluster.endpoint for cluster in clusters][:2] == ["GET /3", "GET /1"]


def test_size_of_a_cluster_belongs_to_its_severity():
    """The median is that of the curves of the cluster's severity, so that both say the same."""
    factors = [2.2, 2.1, 1.7, 1.7, 1.7]
    curves = curve_set(*(measured("GET /a", threads=t, factor=times(f)) for t, f in enumerate(factors, 1)))
    cluster = only(found(curves))
    assert cluster.severity is Severity.CRITICAL
    assert cluster.median_slowdown >= 1.0
    assert cluster.max_slowdown >= cluster.median_slowdown


def test_agreeing_curves_lift_low_confidence_to_medium():
    """A doubtful critical curve with two well-founded siblings makes a cluster of medium confidence, no more."""
    curves = curve_set(*(measured("GET /a", threads=t, factor=times(f)) for t, f in ((1, 1.7), (4, 1.7), (16, 2.2))))
    detection = judged(curves, dict.fromkeys(range(3), (EVERYWHERE,)))
    doubted = replace(detection.results[2], confidence=Confidence.LOW)
    detection = replace(detection, results=(*detection.results[:2], doubted))
    assert only(diagnose(curves, detection, PRODUCT)).confidence is Confidence.MEDIUM
    alone = replace(detection, results=(judged(curves, {}).results[0], *detection.results[1:]))
    assert only(diagnose(curves, alone, PRODUCT)).confidence is Confidence.LOW


def test_factor_shared_by_most_items_is_named():
    """Four regressed PUT endpoints of ten methods share more than chance explains; a lone POST does not."""
    changed = [measured(f"PUT /api/{i}", factor=times(1.6)) for i in range(4)]
    other = measured("POST /other/x", factor=times(1.6))
    calm = [measured(f"GET /api/{i}") for i in range(20)]
    clusters = found(curve_set(*changed, other, *calm), dict.fromkeys(range(5), (EVERYWHERE,)))
    factors = {cluster.endpoint: cluster.factor for cluster in clusters}
    assert "; method PUT with 4 of 5 clusters" in factors["PUT /api/0"]
    assert factors["POST /other/x"] == "endpoint"


def test_thread_count_shared_by_most_items_is_named():
    """Items that all concern 16 threads only say so."""
    several = [
        one for i in range(4) for one in (measured(f"GET /{i}/a", threads=1), measured(f"GET /{i}/a", threads=16))
    ]
    several = [replace(one, factor=times(1.6)) if one.threads == 16 else one for one in several]
    clusters = found(curve_set(*several), dict.fromkeys((1, 3, 5, 7), (EVERYWHERE,)))
    assert {cluster.factor for cluster in clusters} == {"endpoint; thread count 16 with 4 of 4 clusters"}


# ── shapes ──────────────────────────────────────────────────────────────────────────────────────────────────────────

KINDS = {
    "constant": (times(1.35), EVERYWHERE, Shape.CONSTANT),
    "step": (times(1.5, 30000), (30000, 54000), Shape.STEP),
    "tail": (times(1.7, 40000), (40000, 54000), Shape.STEP),
    "cache": (overflow(2.2, 24000), (28000, 54000), Shape.STEP),
    "band": (times(1.55, 20000, 30000), (20000, 30000), Shape.BAND),
    "narrow": (times(4.9, 43000, 46000), (43000, 46000), Shape.BAND),
    "low": (times(1.4, 0, 12000), (1000, 12000), Shape.LOW_LOAD),
    "ramp": (ramp(2.6, 25000), (28000, 54000), Shape.GROWS),
    "index": (ramp(1.9, 1000), (9000, 54000), Shape.GROWS),
    "exponent": (power(0.25), (2000, 54000), Shape.GROWS),
}
"""What was done to the cost, the loads a good detector would report, and the shape it is."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("members", ["family", "single"])
def test_injected_kind_is_recognised(kind, members):
    """At 5 % correlated noise the shape is right in at least four of five cases, for six curves and for one."""
    factor, window, shape = KINDS[kind]
    described = family(factor=factor, noise=0.05) if members == "family" else [measured(factor=factor, noise=0.05)]
    right = 0
    for seed in range(10):
        curves = curve_set(*described, seed=seed, correlation=0.3)
        ranges = {curve.index: (window,) for curve in curves.curves}
        right += only(found(curves, ranges)).shape is shape
    assert right >= 8


@pytest.mark.parametrize("kind", ["constant", "step", "band", "low", "ramp"])
def test_shape_does_not_depend_on_which_job_is_the_baseline(kind):
    """Swapping the jobs turns the regression into an improvement of the same shape."""
    factor, window, _ = KINDS[kind]
    curves = curve_set(*family(factor=factor))
    swapped = replace(curves, mean=curves.mean[::-1])
    one, other = (only(found(jobs, dict.fromkeys(range(6), (window,)))) for jobs in (curves, swapped))
    assert (one.direction, other.direction) == (Direction.WORSE, Direction.BETTER)
    assert one.shape is other.shape


def test_shape_survives_a_warm_up_that_bends_every_curve():
    """What all unchanged curves share at the low loads is the run's doing and not part of the shape."""
    changed, calm = family("GET /a", factor=times(1.4)), [measured(f"GET /{i}") for i in range(15)]
    curves = curve_set(*changed, *calm)
    bend = np.tile(np.where(np.array(LOADS) < 12000, 0.72, 1.0), len(curves.curves))
    sign = np.repeat([1 if curve.less_better else -1 for curve in curves.curves], 54)
    bent = replace(curves, mean=curves.mean * np.stack([np.ones_like(bend), bend**sign]))
    assert only(found(bent, dict.fromkeys(range(6), (EVERYWHERE,)))).shape is Shape.CONSTANT


def test_evidence_of_a_step_names_its_onset_and_levels():
    """The onset is the first affected load, with the slowdown on either side."""
    numbers = evidence(only(found(curve_set(*family(factor=times(1.5, 30000), noise=0.01)))))
    assert numbers["first affected load"] == 30000
    assert numbers["slowdown in the affected range"] == pytest.approx(0.5, abs=0.03)
    assert numbers["slowdown outside the affected range"] == pytest.approx(0.0, abs=0.03)


def test_evidence_of_a_growth_names_the_exponents():
    """An extra exponent of 0.4 on a cost of exponent 0.2 is found, many standard errors sure."""
    base = family(cost=lambda load: 0.001 * load**0.2, factor=power(0.4), noise=0.02)
    numbers = evidence(only(found(curve_set(*base))))
    assert numbers["cost exponent before"] == pytest.approx(0.2, abs=0.05)
    assert numbers["cost exponent after"] == pytest.approx(0.6, abs=0.05)
    assert numbers["change of the exponent in standard errors"] > 5


def test_exponent_is_not_named_where_the_worst_curve_has_too_few_points():
    """A worst curve measured at four loads yields no exponent, though its siblings' shape is read."""
    curves = curve_set(measured(threads=1, factor=power(0.5)), measured(threads=4, factor=power(0.3)))
    gaps = marked(curves, CANDIDATE, Absence.MISSING, {0: LOADS[:-4]})
    cluster = only(found(gaps))
    assert (cluster.worst_curve, cluster.shape) == (0, Shape.GROWS)
    assert "cost exponent before" not in evidence(cluster)


def test_only_at_high_threads():
    """The same slowdown at all loads, at 16 threads and not at 1 and 4, is a matter of threads."""
    curves = curve_set(
        *(measured(threads=t, factor=times(1.5 if t == 16 else 1.0), load=SHORT_LOADS) for t in (1, 4, 16))
    )
    cluster = only(found(curves, {2: (EVERYWHERE,)}))
    assert cluster.shape is Shape.HIGH_THREADS
    assert evidence(cluster)["slowdown at 1 thread"] == pytest.approx(0.0, abs=0.05)


def test_one_thread_count_only():
    """At 4 threads and neither at 1 nor at 16 is one thread count."""
    curves = curve_set(*(measured(threads=t, factor=times(1.5 if t == 4 else 1.0)) for t in (1, 4, 16)))
    assert only(found(curves, {1: (EVERYWHERE,)})).shape is Shape.THREAD_SPECIFIC


def test_thread_count_not_flagged_but_as_slow_is_not_spared():
    """A sibling that shows the change without being flagged does not make it a matter of threads."""
    curves = curve_set(*family(factor=times(1.4)))
    assert only(found(curves, {2: (EVERYWHERE,)})).shape is Shape.CONSTANT


def test_throughput_ceiling_over_thread_counts():
    """Rates that no longer rise from 4 to 16 threads while the baseline's did are a ceiling."""
    rates = [
        measured("GET /a", kind=MetricKind.RATE, statistic="", threads=t, cost=lambda x: 0.01 + 0 * x, factor=times(f))
        for t, f in ((1, 1.0), (4, 2.0), (16, 8.0))
    ]
    cluster = only(found(curve_set(*rates), {1: (EVERYWHERE,), 2: (EVERYWHERE,)}))
    assert cluster.shape is Shape.CEILING
    assert hypotheses(cluster)["contention"].strength is Strength.MODERATE


def test_throughput_ceiling_along_a_load_of_threads():
    """Where the load is the number of users, a rate that levels off below the baseline's is a ceiling."""
    users = tuple(float(n) for n in range(2, 42, 2))
    rate = measured(
        "GET /a",
        kind=MetricKind.RATE,
        statistic="",
        threads=None,
        load=users,
        load_unit="users",
        cost=lambda x: 1 / x,
        factor=lambda x: np.maximum(x / 12, 1.0),
    )
    assert only(found(curve_set(rate), {0: ((14, 40),)})).shape is Shape.CEILING


def test_proportional_loss_of_throughput_is_no_ceiling():
    """Half the rate at every thread count still scales."""
    curves = curve_set(*family("GET /a", factor=times(2.0)))
    assert only(found(curves)).shape is Shape.CONSTANT


def test_tail_only():
    """A slower p95 with an unchanged median of the same test is a matter of the tail."""
    curves = curve_set(measured("GET /a", factor=times(1.6)), measured("GET /a", statistic="p50"))
    cluster = only(found(curves, {0: (EVERYWHERE,)}))
    assert cluster.shape is Shape.TAIL_ONLY
    assert "retry_timeout" in hypotheses(cluster)


def test_tail_without_a_measured_median_is_not_called_tail_only():
    """Nothing is said of a median nobody measured, and nothing of one that follows."""
    alone = curve_set(measured("GET /a", factor=times(1.6)))
    assert only(found(alone)).shape is Shape.CONSTANT
    both = curve_set(measured("GET /a", factor=times(1.6)), measured("GET /a", statistic="p50", factor=times(1.5)))
    assert only(found(both, {0: (EVERYWHERE,)})).shape is Shape.CONSTANT


@pytest.mark.parametrize("load", [(1000.0, 10000.0, 30000.0, 54000.0), (5.0,), ()], ids=["four", "one", "scalar"])
def test_few_points_are_constant_or_nothing(load):
    """A curve of four points, of one and a scalar get no shape of the load."""
    curves = curve_set(measured("import", load=load, threads=None, factor=times(2.0)))
    cluster = only(found(curves))
    assert cluster.shape is Shape.CONSTANT
    assert cluster.title.startswith("import: 1 curve")


def test_contradicting_points_have_no_clear_shape():
    """A change at half of the loads, all mixed up, is called unclear."""
    jumps = np.resize([1.9, 1.8, 1.9, 0.8, 0.8, 0.9], 54)
    curves = curve_set(measured(factor=lambda load: jumps, noise=0.02))
    assert only(found(curves)).shape is Shape.UNCLEAR


def test_unnumbered_categories_have_no_shape_of_the_load():
    """Where loads are names, a change of one of them is no step."""
    curves = curve_set(measured(factor=times(1.6, 30000)))
    named = replace(curves, curves=(replace(curves.curves[0], numbered=False, load_unit=""),))
    assert only(found(named, {0: LATE})).shape is Shape.UNCLEAR


def test_load_that_starts_at_zero_is_diagnosed():
    """A load of zero has no logarithm, and the shape is found without it."""
    loads = tuple(float(n) for n in range(30))
    cluster = only(found(curve_set(measured(load=loads, factor=ramp(2.0, 0))), {0: ((5, 29),)}))
    assert cluster.shape is Shape.GROWS


def test_short_curve_without_room_for_a_band_is_diagnosed():
    """A step in six points is found, though a band of three would not fit between two clean parts."""
    loads = tuple(float(n) for n in range(1, 7))
    cluster = only(found(curve_set(measured(load=loads, factor=times(2.0, 4), noise=0.01)), {0: ((4, 6),)}))
    assert cluster.shape is Shape.STEP


def test_scalars_of_an_endpoint_that_changed_alike_stay_together():
    """Tests without load are put together by size alone."""
    curves = curve_set(
        *(measured("GET /a", scenario=s, load=(), factor=times(2.0)) for s in ("x", "y")),
        measured("GET /a", scenario="z", load=(), factor=times(1.1)),
    )
    assert [cluster.scenarios for cluster in found(curves)] == [("x", "y"), ("z",)]


# ── hypotheses ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_takes_no_time_has_no_cause_that_waits():
    """That more memory is taken is not explained by locks, retries or work per request."""
    curves = curve_set(*family(factor=times(1.6)))
    assert set(hypotheses(only(found(curves)))) - {"environment"}
    sizes = replace(curves, curves=tuple(replace(one, metric_kind=MetricKind.OTHER) for one in curves.curves))
    assert set(hypotheses(only(found(sizes)))) <= {"environment"}


@pytest.mark.parametrize(
    ("factor", "key"),
    [(power(0.3), "data_size"), (times(1.5), "fixed_work"), (overflow(2.2, 24000), "memory_limit")],
    ids=["grows", "constant", "cache"],
)
def test_best_supported_hypothesis_fits_the_shape(factor, key):
    """The first hypothesis is the one whose work has that shape, with numbers in its evidence."""
    first = only(found(curve_set(*family(factor=factor)))).hypotheses[0]
    assert (first.key, first.strength) == (key, Strength.MODERATE)
    assert any(character.isdigit() for sentence in first.evidence_for for character in sentence)
    assert first.confirm
    assert first.refute


def test_lock_at_high_threads_speaks_for_contention():
    """A slowdown at 16 threads only, in latency and rate, is moderate evidence of contention."""
    described = [replace(one, factor=times(1.5 if one.threads == 16 else 1.0)) for one in family()]
    curves = curve_set(*described)
    cluster = only(found(curves, {2: (EVERYWHERE,), 5: (EVERYWHERE,)}))
    assert cluster.hypotheses[0].key == "contention"
    assert re.match(r"\+(4|5)\d % at 16 threads, [+-]\d % at 4 threads", cluster.hypotheses[0].evidence_for[0])


def test_same_slowdown_at_every_thread_count_speaks_against_contention():
    """What does not depend on threads is evidence against waiting for each other."""
    proposed = hypotheses(only(found(curve_set(*family(factor=times(1.5, 30000))))))
    assert "contention" not in proposed or proposed["contention"].evidence_against


def test_fixed_addition_is_told_from_a_proportional_one():
    """A fifth of a millisecond on top of any request speaks for fixed work, twice the cost speaks against it."""

    def cost(load):
        return 1e-7 * load

    def fixed_work(factor):
        cluster = only(found(curve_set(measured(cost=cost, factor=factor, noise=0.002))))
        return hypotheses(cluster)["fixed_work"]

    fixed, proportional = fixed_work(lambda load: 1 + 0.0002 / cost(load)), fixed_work(times(2.0))
    assert any("µs" in text and text.endswith("the addition is fixed.") for text in fixed.evidence_for)
    assert any("the addition is not fixed" in text for text in proportional.evidence_against)
    assert proportional.strength is Strength.WEAK


def test_more_errors_speak_for_retries():
    """A slower tail together with a risen error counter makes the entry moderate."""
    curves = curve_set(measured("GET /a", factor=times(1.6)), measured("GET /a", statistic="p50"))
    curves = with_errors(curves, CANDIDATE, {0: dict.fromkeys(LOADS, 3)})
    entry = hypotheses(only(found(curves, {0: (EVERYWHERE,)})))["retry_timeout"]
    assert entry.strength is Strength.MODERATE
    assert "Errors on these tests rose from 0 to 162." in entry.evidence_for


def test_more_threads_that_do_not_hurt_speak_against_contention():
    """A slowdown at one thread that 16 threads do not have is no sign of waiting for each other."""
    described = [measured(threads=t, factor=times(1.5 if t == 1 else 1.0, 30000)) for t in (1, 4, 16)]
    proposed = hypotheses(only(found(curve_set(*described), {0: LATE})))
    assert "contention" not in proposed


def test_large_run_wide_shift_speaks_for_the_environment():
    """Where the whole run moved, the environment is always among the hypotheses."""
    curves = curve_set(*family(factor=times(1.5)))
    entry = hypotheses(only(found(curves, shift=0.2, large=True)))["environment"]
    assert any("+20 %" in sentence for sentence in entry.evidence_for)
    assert entry.strength is Strength.WEAK


def test_reruns_steady_a_baseline_that_one_run_got_wrong():
    """With three baseline runs, a baseline that was slow at low loads by itself does not bend the shape."""
    curves = curve_set(*family(factor=times(1.4)))
    slow = np.tile(np.where(np.array(LOADS) < 20000, 1.5, 1.0), 6) ** np.repeat([1, -1], 3 * 54)
    spoilt = replace(curves, mean=curves.mean * np.stack([slow, np.ones_like(slow)]))
    assert only(found(spoilt)).shape is not Shape.CONSTANT
    calm = curves.mean[:1]
    steadied = replace(spoilt, mean=np.concatenate([spoilt.mean, calm * 1.01, calm * 0.99]))
    steadied = replace(steadied, errors=np.zeros_like(steadied.mean, dtype=np.int64))
    assert only(found(steadied)).shape is Shape.CONSTANT


def test_reruns_speak_against_the_environment():
    """A finding that holds against several baseline runs is less likely the machine's doing."""
    curves = curve_set(*family(factor=times(1.5)))
    three = replace(
        curves,
        mean=np.concatenate([curves.mean, curves.mean[:1]]),
        errors=np.concatenate([curves.errors, curves.errors[:1]]),
    )
    entry = hypotheses(only(found(three, shift=0.2, large=True)))["environment"]
    assert "The candidate was compared with 2 runs of the baseline's version." in entry.evidence_against


def test_catalogue_never_claims_a_cause():
    """No entry speaks of a cause, and each says how to confirm and how to refute it."""
    for entry in CATALOGUE:
        words = " ".join((entry.title, *entry.confirm, *entry.refute)).lower()
        assert "root cause" not in words
        assert entry.confirm
        assert entry.refute
        assert not entry.shapes & entry.also or entry.key == "environment"


@given(st.sampled_from(sorted(KINDS)), st.integers(0, 10_000), st.sampled_from([(1, 4, 16), (2,), (None,)]))
@settings(max_examples=60)
def test_every_hypothesis_has_evidence_and_moderate_ones_nothing_against(kind, seed, threads):
    """Whatever the change, entries without evidence are left out and contradicted ones stay weak."""
    curves = curve_set(*family(threads=threads, factor=KINDS[kind][0], noise=0.1), seed=seed)
    for cluster in found(curves):
        for hypothesis in cluster.hypotheses:
            assert hypothesis.evidence_for
            assert hypothesis.strength is Strength.WEAK or not hypothesis.evidence_against


# ── properties ──────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.data())
@settings(max_examples=40)
def test_any_windows_of_any_curves_are_diagnosed(data):
    """No combination of curves, gaps and windows raises, and every flagged curve is in a cluster of its direction."""
    shapes = st.sampled_from([LOADS, SHORT_LOADS, (1.0, 2.0, 3.0), (7.0,), ()])
    described = data.draw(
        st.lists(
            st.builds(
                measured,
                st.sampled_from(["GET /a", "GET /b/c", "plain tag"]),
                scenario=st.sampled_from(["", "x", "y"]),
                threads=st.sampled_from([None, 1, 4, 16]),
                kind=st.sampled_from([MetricKind.LATENCY, MetricKind.RATE, MetricKind.OTHER]),
                statistic=st.sampled_from(["", "p50", "p95"]),
                load=shapes,
                factor=st.sampled_from([times(1.5), times(0.6), ramp_or_one, times(2.0, 2000, 3000)]),
            ),
            min_size=1,
            max_size=8,
        )
    )
    curves = curve_set(*described, seed=data.draw(st.integers(0, 99)))
    flagged = data.draw(st.sets(st.sampled_from(range(len(described)))))
    detection = judged(curves, dict.fromkeys(flagged, (EVERYWHERE,)))
    clusters = diagnose(curves, detection, PRODUCT)
    assert sorted(i for cluster in clusters for i in cluster.curves) == sorted(flagged)
    assert [cluster.id for cluster in clusters] == [f"C{i}" for i in range(1, len(clusters) + 1)]


def ramp_or_one(load):
    return ramp(2.0, 1000)(load) if len(load) > 1 else times(2.0)(load)


def test_same_input_gives_the_same_clusters_and_is_left_alone():
    """Diagnosis is deterministic and writes nothing into its input."""
    curves = curve_set(*family(factor=times(1.5, 30000)))
    for array in (curves.mean, curves.load, curves.errors):
        array.setflags(write=False)
    assert found(curves) == found(curves)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30))
def test_median_is_numpys(values):
    """The fast median is the median."""
    assert median(np.array(values)) == pytest.approx(float(np.median(values)))


@given(st.floats(-2, 2), st.floats(-2, 2), st.integers(0, 99))
def test_slope_of_a_line_is_its_slope_despite_a_spike(a, b, seed):
    """Theil-Sen finds the slope of a line with one wild point."""
    x = np.log(np.array(LOADS))
    y = a + b * x
    y[random.Random(seed).randrange(len(y))] += 10.0
    assert slope(x, y) == pytest.approx(b, abs=1e-6)


def test_long_profile_is_thinned_and_keeps_its_shape():
    """A step in a curve of a thousand loads is found, at the right place."""
    loads = tuple(float(n) for n in range(1, 1001))
    cluster = only(found(curve_set(measured(load=loads, factor=times(1.5, 700)))))
    assert cluster.shape is Shape.STEP
    assert evidence(cluster)["first affected load"] == pytest.approx(700, abs=20)


@pytest.mark.parametrize("level", [0.1, 0.4, 1.0])
def test_flat_profile_without_noise_is_the_same_everywhere(level):
    """Exact data are not over-fitted."""
    profile = Profile(load=np.array(LOADS), change=np.full(54, level), numbered=True)
    described = fit(profile)
    assert (described.form, described.first, described.last) == (Form.EVERYWHERE, 0, 53)
    assert described.inside == pytest.approx(level)


# ── real jobs ───────────────────────────────────────────────────────────────────────────────────────────────────────


def example(number):
    document = resources.files("perftracker_ai") / "examples" / f"job-{number}.json.gz"
    return parse_job(gzip.decompress(document.read_bytes()), str(number))


def diagnosed(*jobs):
    curves, _, _ = build_curves(jobs, CurveSettings())
    return diagnose(curves, detect(curves, DetectSettings(), 1), PRODUCT)


@pytest.fixture(scope="module")
def lab():
    """The real service with known slow paths, its baseline measured twice."""
    clusters = diagnosed(example(91001), example(91012), example(91002))
    return {(c.endpoint.rpartition("v2/")[2], c.direction): c for c in reversed(clusters)}


@pytest.mark.parametrize(
    ("endpoint", "shapes"),
    [
        ("tenants/{id}/policies", {Shape.CONSTANT, Shape.GROWS}),
        ("assignments", {Shape.BAND}),
        ("drafts/{id}/settings", {Shape.HIGH_THREADS}),
        ("policies/{id}", {Shape.STEP, Shape.GROWS}),
    ],
    ids=["query per row", "slow band", "lock at 16 threads", "cache overflow"],
)
def test_built_in_slowdown_of_a_real_service_is_recognised(lab, endpoint, shapes):
    """The shape of a slow path built into a real service is the one that path has."""
    assert lab[endpoint, Direction.WORSE].shape in shapes


@pytest.mark.skipif(not GRPM.exists(), reason="the larger pair of jobs is not here")
def test_injected_regressions_of_a_large_job_have_the_injected_shapes():
    """At least eight of the nine injected regressions get the shape they were made with."""
    jobs = [
        parse_job(gzip.decompress((GRPM / f"{name}.json.gz").read_bytes()), name) for name in ("baseline", "candidate")
    ]
    shapes = {
        "R1": {Shape.BAND},
        "R2": {Shape.CONSTANT},
        "R3": {Shape.GROWS},
        "R4": {Shape.STEP},
        "R5": {Shape.BAND},
        "R6": {Shape.CONSTANT},
        "R7": {Shape.STEP},
        "R8": {Shape.LOW_LOAD},
        "R9": {Shape.CONSTANT, Shape.UNCLEAR},
    }
    truth = {item["id"]: item for item in json.loads((GRPM / "truth.json").read_text())["injected"]}
    clusters = diagnosed(*jobs)
    right = sum(
        any(
            cluster.endpoint == truth[key]["endpoint"]
            and truth[key]["scenario"] in cluster.scenarios
            and cluster.shape in wanted
            for cluster in clusters
        )
        for key, wanted in shapes.items()
    )
    assert right >= 8


def test_baseline_row_is_the_first():
    """The builder's rows are those of the model."""
    curves = curve_set(measured(factor=times(2.0), noise=0.0))
    assert np.allclose(curves.mean[CANDIDATE], 2.0 * curves.mean[BASELINE])
