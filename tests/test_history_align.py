"""Earlier jobs on the points of a comparison: what is the same point, and what is not comparable."""

from contextlib import closing

import numpy as np
import pytest
from builders import curve_tests, info, job, test_record
from msgspec import structs

from perftracker_ai.curves import build_curves
from perftracker_ai.settings import CurveSettings
from perftracker_ai.store import Scope, align, open_store

SHOP = Scope(origin="perf.example", product="Shop")
NAN = np.nan


@pytest.fixture
def laid(tmp_path):
    """Store jobs, given as lists of tests, and put them on the points of a comparison."""

    def lay(comparison, *jobs, most=100):
        with closing(open_store(str(tmp_path / "h.sqlite3"))) as store:
            for number, tests in enumerate(jobs, 1):
                store.put("perf.example", info(number, days_ago=-number), curves(tests), "r")
            return align(store.archive(SHOP, most), curves(*comparison))

    return lay


def curves(*jobs):
    return build_curves([job(*tests) for tests in jobs], CurveSettings())[0]


def items(points, tag="latency", **fields):
    return curve_tests(tag, {load: [value] for load, value in points.items()}, **fields)


def assert_means(timeline, expected):
    np.testing.assert_allclose(timeline.mean, expected, rtol=1e-15)


def test_stored_jobs_are_what_they_would_be_if_read_with_the_comparison(laid):
    """Jobs with other curves and loads, laid on a comparison, are the rows they would be as its reruns."""
    rng = np.random.default_rng(3)

    def some():
        return [
            record
            for tag in ("latency", "rate", "size")
            if rng.random() < 0.8
            for load in range(1, 9)
            if rng.random() < 0.8
            for record in items({load: float(rng.random())}, tag)
        ] + [test_record("alone", (float(rng.random()),))]

    jobs = [some() for _ in range(12)]
    timeline = laid(jobs[-2:], *jobs)
    together = curves(*jobs[-2:], *jobs[:-2])
    assert timeline.mean.shape == (12, len(curves(*jobs[-2:]).load))
    assert [one.id for one in timeline.jobs] == list(range(1, 13))
    compared = np.isfinite(together.mean[:2]).any(axis=0)
    assert 20 < compared.sum() <= timeline.mean.shape[1]
    ordered = np.vstack([together.mean[2:], together.mean[:2]])
    assert_means(timeline, ordered[:, compared])


def test_values_cannot_be_changed(laid):
    """A timeline is read-only, like every array that stages hand on."""
    timeline = laid([items({1: 1.0})], items({1: 1.0}))
    assert not timeline.mean.flags.writeable


def test_values_are_in_the_unit_of_the_comparison(laid):
    """What was written in milliseconds is compared in seconds; what is no time at all is left out."""
    timeline = laid([items({1: 2.0})], items({1: 3000.0}, metrics="ms"), items({1: 5.0}, metrics="kg"))
    assert_means(timeline, [[3.0], [NAN]])


def test_a_curve_of_the_other_direction_is_left_out(laid):
    """Where a job says that more is better and the comparison that less is, nothing is compared."""
    less, more = (items({1: 2.0}, "hits", metrics="req", less_better=less) for less in (True, False))
    assert_means(laid([less], more, less), [[NAN], [2.0]])


def test_a_point_is_known_by_its_category_or_else_by_its_load(laid):
    """Categories written alike are one point; one written otherwise is that of its load."""
    compared = [*items({1000: 1.0}), *items({2000: 1.0})]
    other = [test_record(scores=(8.0,), category="1k items"), test_record(scores=(9.0,), category="3k items")]
    assert_means(laid([compared], other, items({1000: 7.0, 2000: 6.0})), [[8.0, NAN], [7.0, 6.0]])


def test_loads_of_another_kind_are_other_points(laid):
    """The same number of something else is not the same load."""
    threads = curve_tests("latency", {1: [3.0], 2: [4.0]}, unit="threads")
    assert_means(laid([items({1: 1.0, 2: 2.0})], threads), [[NAN, NAN]])


def test_categories_without_number_are_known_by_name(laid):
    """Categories that are no loads are the same where they are written alike, in whatever order."""
    compared = [test_record(category=name) for name in ("cold", "warm")]
    earlier = [test_record(scores=(value,), category=name) for name, value in (("warm", 2.0), ("hot", 3.0))]
    timeline = laid([compared], earlier)
    assert_means(timeline, [[NAN, 2.0]])


def test_a_scalar_is_no_load_point_of_its_name(laid):
    """A test without category is not compared with the load points of its tag."""
    assert_means(laid([[test_record(scores=(1.0,))]], items({1: 2.0})), [[NAN]])


def test_a_group_is_part_of_the_name(laid):
    """The same tag in another group is another curve."""
    assert_means(laid([items({1: 1.0}, group="a")], items({1: 2.0}, group="b")), [[NAN]])


def test_only_the_newest_are_read(laid):
    """With more jobs than wanted, the newest come, oldest of them first."""
    timeline = laid([items({1: 1.0})], *(items({1: float(number)}) for number in range(1, 6)), most=2)
    assert [one.id for one in timeline.jobs] == [4, 5]
    assert_means(timeline, [[4.0], [5.0]])


def test_nothing_stored_is_no_row(laid):
    """Without jobs, and with jobs that hold no test, there is nothing to compare and no error."""
    assert laid([items({1: 1.0})]).mean.shape == (0, 1)
    assert_means(laid([items({1: 1.0})], []), [[NAN]])


@pytest.mark.parametrize("value", [1.7976931348623157e308, 1e300, -1.0, 0.0])
def test_a_stored_value_that_no_measurement_can_have_is_none(tmp_path, value):
    """What an earlier release kept of a job's sentinels, and what damage made of a value, teaches nothing."""
    with closing(open_store(str(tmp_path / "h.sqlite3"))) as store:
        store.put("perf.example", info(1), curves(items({1: 5.0, 2: 6.0})), "r")
        archive = store.archive(SHOP, 1)
    (means,) = archive.means
    altered = structs.replace(archive, means=(np.array([value, means[1]]),))
    assert_means(align(altered, curves(items({1: 5.0, 2: 6.0}))), [[NAN, 6.0]])
