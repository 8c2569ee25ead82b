"""Accepted regressions: what an entry covers and what it does not, when it ends, and that nobody can forget it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from analyses import analysis, decision, regressed, typical
from comparisons import curve_set, family, judged, measured, times
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from perftracker_ai.diagnose import diagnose
from perftracker_ai.issues.accepted import SOON_DAYS, acceptance_notices, accepted, counting, entries_for
from perftracker_ai.model import (
    AcceptEnded,
    AcceptEnds,
    AcceptGone,
    AcceptOutgrown,
    AcceptUnmatched,
    Direction,
    MetricKind,
    Outcome,
    Standing,
    Verdict,
)
from perftracker_ai.settings import Accept, DetectSettings, PolicySettings
from perftracker_ai.verdict import decide

TODAY = date(2026, 11, 23)
LATER = date(2027, 6, 30)
EVERYWHERE = (0.0, 1e9)
HIGH = (40000.0, 54000.0)
MODERATE = DetectSettings().moderate


def entry(**fields):
    """An entry for one endpoint that is in force for a long time."""
    usual = {"product": "GRPM", "endpoint": "POST /orders", "reason": "known", "until": LATER}
    return Accept(**usual | fields)


CURVES = curve_set(
    measured("POST /orders", factor=times(1.6), noise=0.001),
    measured("POST /orders", threads=16, factor=times(1.6), noise=0.001),
    measured("POST /orders", kind=MetricKind.RATE, statistic="", factor=times(1.6), noise=0.001),
    measured("GET /items", factor=times(2.5, *HIGH), noise=0.001),
    measured("GET /calm", noise=0.001),
)
DETECTION = judged(CURVES, {0: [EVERYWHERE], 1: [EVERYWHERE], 2: [EVERYWHERE], 3: [HIGH]})


def apply(*entries, curves=CURVES, detection=DETECTION, today=TODAY):
    return accepted(entries, curves, detection, MODERATE, today)


def one(given_entry, **fields):
    (found,) = apply(given_entry, **fields)
    return found


# ── what is covered ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fields", "covered"),
    [
        ({}, (0, 1, 2)),
        ({"endpoint": "* /orders"}, (0, 1, 2)),
        ({"endpoint": "POST /order?"}, (0, 1, 2)),
        ({"endpoint": "post /orders"}, ()),
        ({"endpoint": "/orders"}, ()),
        ({"endpoint": "", "tag": "latency, p95 (4 th): *"}, (0, 3)),
        ({"tag": "*(16 th)*"}, (1,)),
        ({"metric": "latency"}, (0, 1)),
        ({"metric": "p95"}, (0, 1)),
        ({"metric": "p95 latency"}, (0, 1)),
        ({"metric": "rate"}, (2,)),
        ({"metric": "p50"}, ()),
    ],
)
def test_an_entry_covers_what_all_its_patterns_fit(fields, covered):
    """Endpoint, tag and metric each narrow an entry, and patterns are those of a shell, compared with their case."""
    assert one(entry(**fields)).curves == covered


@pytest.mark.parametrize(
    ("loads", "covered"),
    [
        (HIGH, (3,)),
        ((0.0, 1e9), (3,)),
        ((43000.0, 54000.0), (3,)),
        ((44000.0, 54000.0), ()),
        ((1000.0, 39000.0), ()),
        ((54000.0, 54000.0), ()),
    ],
    ids=["the same", "all", "three of fifteen beyond", "four beyond", "others", "the last only"],
)
def test_a_window_may_spill_over_the_accepted_loads_by_a_quarter(loads, covered):
    """Ends that wander from run to run do no harm; a window mostly at other loads is not accepted."""
    assert one(entry(endpoint="GET /items", loads=loads)).curves == covered


def test_loads_say_nothing_of_a_test_without_load():
    """An entry that names loads covers no scalar, one that names none does."""
    curves = curve_set(measured("GET /status", load=(), factor=times(2.0)))
    detection = judged(curves, {0: [EVERYWHERE]})
    assert one(entry(endpoint="*", loads=(0.0, 1e9)), curves=curves, detection=detection).curves == ()
    assert one(entry(endpoint="*"), curves=curves, detection=detection).curves == (0,)


@pytest.mark.parametrize(
    ("size", "standing"),
    [
        (None, Standing.IN_FORCE),
        (0.6, Standing.IN_FORCE),
        (0.4, Standing.IN_FORCE),
        (0.38, Standing.OUTGROWN),
        (0.0, Standing.OUTGROWN),
    ],
)
def test_a_regression_on_top_of_the_accepted_size_counts(size, standing):
    """A slowdown of 60 % is covered from an accepted 40 % on, over which it is 14 % slower, and not from 38 %."""
    found = one(entry(slowdown=size))
    assert found.standing is standing
    assert bool(found.curves) is (standing is Standing.IN_FORCE)
    assert found.found == pytest.approx(0.6, abs=0.01)


def test_a_curve_is_accepted_as_a_whole():
    """A second window that no entry covers makes the curve count, and the entry outgrown; a second entry covers it."""
    curves = curve_set(measured("POST /orders", factor=times(1.6), noise=0.001))
    detection = judged(curves, {0: [(1000.0, 10000.0), (40000.0, 54000.0)]})
    low, high = entry(loads=(1000.0, 10000.0)), entry(loads=(40000.0, 54000.0))
    (alone,) = apply(low, curves=curves, detection=detection)
    assert (alone.standing, alone.curves) == (Standing.OUTGROWN, ())
    both = apply(low, high, curves=curves, detection=detection)
    assert [(one.standing, one.curves) for one in both] == [(Standing.IN_FORCE, (0,))] * 2


def test_an_improvement_beside_does_not_keep_a_curve_from_being_accepted():
    """Only what became worse has to be covered."""
    curves = curve_set(
        measured("POST /orders", factor=lambda load: times(1.6, *HIGH)(load) * times(0.5, 0, 9000)(load), noise=0.001)
    )
    detection = judged(curves, {0: [(1000.0, 9000.0), HIGH]})
    assert one(entry(loads=HIGH), curves=curves, detection=detection).curves == (0,)


# ── standing and dates ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("today", "left", "covers"),
    [
        (LATER, 0, True),
        (LATER + timedelta(days=1), -1, False),
        (LATER - timedelta(days=9), 9, True),
        (None, None, True),
    ],
    ids=["last day", "day after", "before", "no date"],
)
def test_the_date_is_the_last_day_of_acceptance(today, left, covers):
    """On its date an entry is in force, the day after it is not; without a date it does not end."""
    found = one(entry(), today=today)
    assert (found.days_left, bool(found.curves)) == (left, covers)
    assert found.standing is (Standing.IN_FORCE if covers else Standing.ENDED)


@pytest.mark.parametrize(("endpoint", "standing"), [("GET /calm", Standing.GONE), ("GET /nowhere", Standing.UNMATCHED)])
def test_an_entry_without_effect_says_why(endpoint, standing):
    """A test that is not slower any more is told from a test that is not there."""
    assert one(entry(endpoint=endpoint)).standing is standing


def test_what_could_not_be_told_is_not_called_gone():
    """An inconclusive curve leaves it open whether the accepted regression is still there."""
    results = [replace(one, outcome=Outcome.INCONCLUSIVE) if one.curve == 4 else one for one in DETECTION.results]
    found = one(entry(endpoint="GET /calm"), detection=replace(DETECTION, results=tuple(results)))
    assert found.standing is Standing.OPEN
    assert list(acceptance_notices([found])) == []


@pytest.mark.parametrize(
    ("fields", "kinds"),
    [
        ({}, []),
        ({"until": TODAY + timedelta(days=SOON_DAYS)}, [AcceptEnds]),
        ({"until": TODAY + timedelta(days=SOON_DAYS + 1)}, []),
        ({"until": TODAY}, [AcceptEnds]),
        ({"until": TODAY - timedelta(days=1)}, [AcceptEnded]),
        ({"slowdown": 0.1}, [AcceptOutgrown]),
        ({"slowdown": 0.1, "until": TODAY}, [AcceptEnds, AcceptOutgrown]),
        ({"endpoint": "GET /calm"}, [AcceptGone]),
        ({"endpoint": "GET /nowhere"}, [AcceptUnmatched]),
    ],
)
def test_an_entry_that_needs_somebody_is_named(fields, kinds):
    """An end within two weeks or past, a regression outgrown or gone, and patterns that fit nothing are each told."""
    assert [type(notice) for notice in acceptance_notices(apply(entry(**fields)))] == kinds


# ── what it changes ─────────────────────────────────────────────────────────────────────────────────────────────────


def decided(*entries, today=TODAY):
    clusters = counting(diagnose(CURVES, DETECTION, "Shop"), apply(*entries, today=today))
    return decide(CURVES, DETECTION, (), clusters, PolicySettings(), DetectSettings())


def test_accepted_regressions_do_not_decide():
    """With both endpoints accepted the release is approved, with one the other decides, and without entries both."""
    orders, items = entry(), entry(endpoint="GET /items")
    assert decided().verdict is Verdict.BLOCK
    assert decided(items).verdict is Verdict.INVESTIGATE
    assert decided(orders).verdict is Verdict.BLOCK
    assert decided(orders, items).verdict is Verdict.APPROVE
    assert decided(orders, items, today=LATER + timedelta(days=1)).verdict is Verdict.BLOCK


def test_a_cluster_counts_until_all_its_curves_are_accepted():
    """Acceptance of an endpoint's latency does not take away its rate."""
    assert decided(entry(metric="latency"), entry(endpoint="GET /items")).verdict is Verdict.INVESTIGATE


def test_improvements_are_never_accepted_away():
    """A cluster that became better stays, whatever entries fit it."""
    curves = curve_set(*family("POST /orders", factor=times(0.5)))
    detection = judged(curves, dict.fromkeys(range(6), (EVERYWHERE,)))
    clusters = diagnose(curves, detection, "Shop")
    assert {cluster.direction for cluster in clusters} == {Direction.BETTER}
    assert counting(clusters, apply(entry(), curves=curves, detection=detection)) == clusters


@given(
    st.sampled_from(["POST /orders", "GET /items", "*", "GET /calm"]),
    st.one_of(st.none(), st.floats(0, 3)),
    st.one_of(st.none(), st.tuples(st.integers(0, 54), st.integers(0, 54)).map(lambda ends: tuple(sorted(ends)))),
)
def test_one_more_entry_never_makes_more_count(endpoint, slowdown, ends):
    """Whatever an entry says, what is accepted without it stays accepted, and only slower curves ever are."""
    loads = None if ends is None else (1000.0 * ends[0], 1000.0 * ends[1])
    more = entry(endpoint=endpoint, slowdown=slowdown, loads=loads)
    before, after = apply(entry(metric="rate")), apply(entry(metric="rate"), more)
    assert {2} == set(before[0].curves) <= {curve for found in after for curve in found.curves} <= {0, 1, 2, 3}


# ── a finding into entries ──────────────────────────────────────────────────────────────────────────────────────────


def compared(curves=CURVES, detection=DETECTION):
    """The analysis of a comparison made by hand."""
    made = analysis([regressed()], decision(Verdict.BLOCK))
    return replace(made, curves=curves, detection=detection, clusters=diagnose(curves, detection, "Shop"))


@pytest.mark.parametrize("make", [compared, typical], ids=["measured", "typical"])
def test_entries_made_of_a_cluster_cover_it_and_nothing_else(make):
    """Each worsened cluster is accepted by the entries made of it, as it is now, and no other curve is."""
    made = make()
    worse = [cluster for cluster in made.clusters if cluster.direction is Direction.WORSE]
    assert len(worse) > 1
    for cluster in worse:
        entries = entries_for(made, cluster.curves, "known", LATER)
        found = apply(*entries, curves=made.curves, detection=made.detection)
        assert {curve for one in found for curve in one.curves} == set(cluster.curves)


def test_a_whole_endpoint_becomes_one_entry_by_its_endpoint():
    """All slower curves of an endpoint are one entry at the largest size, rounded up, without loads where all are."""
    (made,) = entries_for(compared(), (0, 1, 2), "known", LATER)
    assert (made.endpoint, made.tag, made.loads, made.product) == ("POST /orders", "", None, "GRPM")
    assert made.slowdown in (0.6, 0.61)


def test_a_part_of_an_endpoint_becomes_entries_by_tag():
    """Some of the slower curves of an endpoint are accepted one by one, so that the others go on counting."""
    made = entries_for(compared(), (0, 2), "known", LATER)
    assert [(one.endpoint, one.tag) for one in made] == [
        ("", "latency, p95 (4 th): POST /orders"),
        ("", "rate (4 th): POST /orders"),
    ]


def test_a_range_of_loads_is_accepted_as_that_range():
    """What is slower at high loads only is accepted there only."""
    (made,) = entries_for(compared(), (3,), "known", LATER)
    assert made.loads == HIGH


def test_a_test_without_load_is_accepted_without_loads():
    """Where there is no load to be slower at, the entry names none."""
    curves = curve_set(measured("GET /status", load=(), factor=times(2.0)))
    detection = judged(curves, {0: [EVERYWHERE]})
    (made,) = entries_for(compared(curves, detection), (0,), "known", LATER)
    assert made.loads is None
    assert one(made, curves=curves, detection=detection).curves == (0,)


def test_a_name_with_signs_of_patterns_fits_itself_only():
    """Brackets, stars and question marks in a tag are meant as they are."""
    odd = "GET /[a-z]*?"
    curves = curve_set(*(measured(name, factor=times(2.0), noise=0.001) for name in (odd, "GET /abc")))
    detection = judged(curves, {0: [EVERYWHERE], 1: [EVERYWHERE]})
    entries = entries_for(compared(curves, detection), (0,), "known", LATER)
    assert [one.curves for one in apply(*entries, curves=curves, detection=detection)] == [(0,)]
