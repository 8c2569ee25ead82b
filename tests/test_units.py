"""Units and categories of load are read as people write them."""

import math

import pytest
from hang_guard import must_end
from hypothesis import given
from hypothesis import strategies as st

from perftracker_ai.units import read_load, read_unit


@pytest.mark.parametrize(
    ("written", "base", "factor"),
    [
        ("ns", "s", 1e-9),
        ("usec", "s", 1e-6),
        ("µs", "s", 1e-6),  # the micro sign
        ("μs", "s", 1e-6),  # the Greek letter
        ("ms", "s", 1e-3),
        ("Sec", "s", 1.0),
        (" seconds ", "s", 1.0),
        ("min", "s", 60.0),
        ("hours", "s", 3600.0),
        ("bytes", "B", 1.0),
        ("KB", "B", 1e3),
        ("MB", "B", 1e6),
        ("MiB", "B", 1048576.0),
        ("GiB", "B", 1073741824.0),
        ("loops/sec", "/s", 1.0),
        ("req/s", "/s", 1.0),
        ("requests per second", "/s", 1.0),
        ("ops / s", "/s", 1.0),
        ("RPS", "/s", 1.0),
        ("iops", "/s", 1.0),
        ("/s", "/s", 1.0),
        ("K req/s", "/s", 1e3),
        ("m ops/s", "/s", 1e6),
        ("MB/s", "B/s", 1e6),
        ("KiB/sec", "B/s", 1024.0),
        ("", "", 1.0),
        ("%", "%", 1.0),
        (" points ", "points", 1.0),
        ("req/min", "/s", 1 / 60),
        ("tx/h", "/s", 1 / 3600),
        ("ops/ms", "/s", 1e3),
        ("kreq/s", "/s", 1e3),
        ("Mops/s", "/s", 1e6),
        ("krps", "/s", 1e3),
        ("kIOPS", "/s", 1e3),
        ("tpm", "/s", 1 / 60),
        ("Mbit/s", "B/s", 125e3),
        ("Gbit per second", "B/s", 125e6),
        ("Mbps", "B/s", 125e3),
        ("MBps", "B/s", 1e6),
        ("us/op", "s/op", 1e-6),
        ("ns/op", "s/op", 1e-9),
        ("ms per request", "s/op", 1e-3),
        ("µs/KB", "s/B", 1e-9),
        ("ms/s", "s/s", 1e-3),
        ("KB/op", "B/op", 1e3),
        ("allocs/op", "allocations/op", 1.0),
        ("errors/min", "errors/s", 1 / 60),
        ("err/s", "errors/s", 1.0),
        ("page faults/s", "faults/s", 1.0),
        ("keys/s", "/s", 1.0),
        ("tasks/s", "/s", 1.0),
        ("items/request", "items/request", 1.0),
        ("files/sector", "files/sector", 1.0),
    ],
)
def test_a_unit_converts_to_its_base(written, base, factor):
    """Every usual spelling of a unit finds its base and factor; any other is its own base."""
    unit = read_unit(written)
    assert (unit.written, unit.base) == (written, base)
    assert unit.factor == pytest.approx(factor, rel=1e-12)


def test_a_unit_longer_than_any_is_its_own():
    """A text made to keep the matching busy for minutes is taken as it is."""
    written = "a" + " " * 200_000 + "b"
    with must_end():
        assert read_unit(written).base == written


@pytest.mark.parametrize(
    ("category", "numbers", "units"),
    [
        ("43000 policies", (43000.0,), ("policies",)),
        ("1 policy", (1.0,), ("policy",)),
        ("1.5M", (1.5e6,), ("",)),
        ("1.5M users", (1.5e6,), ("users",)),
        ("1.5 M users", (1.5e6,), ("users",)),
        ("10k", (1e4,), ("",)),
        ("4 KB", (4000.0,), ("B",)),
        ("4KiB", (4096.0,), ("B",)),
        ("500 ms", (0.5,), ("s",)),
        ("2 min", (120.0,), ("s",)),
        ("16 threads", (16.0,), ("threads",)),
        ("16threads", (16.0,), ("threads",)),
        ("1,000 users", (1000.0,), ("users",)),
        ("12,345,678.5 rows", (12345678.5,), ("rows",)),
        ("1000,2000", (1000.0, 2000.0), ("", "")),
        ("100,2000", (100.0, 2000.0), ("", "")),
        ("1,2,3", (1.0, 2.0, 3.0), ("", "", "")),
        ("1e3", (1000.0,), ("",)),
        ("1e-5", (1e-5,), ("",)),
        ("75 %", (75.0,), ("%",)),
        ("8 nodes, 1000 users", (8.0, 1000.0), ("nodes", "users")),
        ("load: 5", (5.0,), ("",)),
        ("p95 of v1.2.3", (), ()),
        ("none", (), ()),
        ("", (), ()),
        ("日", (), ()),
        ("٤٣ users", (43.0,), ("users",)),  # Arabic digits
    ],
)
def test_a_category_gives_its_numbers_and_their_units(category, numbers, units):
    """Every number of a category is found with magnitude and unit in it, and the word behind it."""
    load = read_load(category)
    assert load.numbers == pytest.approx(numbers, rel=1e-12)
    assert load.units == units


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1 thread", "16 threads"),
        ("1 policy", "43000 policies"),
        ("1 box", "2 boxes"),
        ("1 process", "2 processes"),
        ("1 node", "2 nodes"),
        ("512 KB", "1 MB"),
        ("500 ms", "2 s"),
        ("900 users", "1K users"),
        ("900 users", "1.5M Users"),
        ("900users", "1,000  users"),
        ("8 nodes, 100 users", "16 nodes, 1 user"),
        ("y 1", "y 2"),
    ],
)
def test_categories_of_one_axis_have_one_skeleton(one, other):
    """Singular and plural, magnitudes, units of one kind, blanks and case do not split an axis."""
    assert read_load(one).skeleton == read_load(other).skeleton


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("16 threads", "16 users"),
        ("16 threads", "big 16 threads"),
        ("16", "16 threads"),
        ("4 KB", "4 s"),
        ("4 KB", "4"),
        ("10 users", "10 users, 2 nodes"),
        ("small", "large"),
    ],
)
def test_categories_of_different_axes_have_different_skeletons(one, other):
    """What differs in more than its numbers does not lie on one axis."""
    assert read_load(one).skeleton != read_load(other).skeleton


def test_a_number_too_large_for_any_machine_is_infinite_and_not_an_error():
    """A load nobody can have is still read, as infinite."""
    assert read_load("1e999 users").numbers == (math.inf,)
    assert read_load("9" * 5000).numbers == (math.inf,)


def test_a_category_of_hundreds_of_thousands_of_numbers_is_read():
    """Reading a category costs its length: with the square of it this one would take minutes."""
    with must_end():
        assert len(read_load("1 " * 200_000).numbers) == 200_000


@given(st.text())
def test_any_category_can_be_read(category):
    """No text is refused, and each number has a unit's place."""
    load = read_load(category)
    assert len(load.numbers) == len(load.units)


@given(st.text())
def test_any_unit_can_be_read(written):
    """No text is refused, and factors are positive."""
    unit = read_unit(written)
    assert unit.factor > 0
    assert unit.written == written


@given(st.integers(min_value=0, max_value=10**9))
def test_a_number_reads_the_same_with_and_without_separators(number):
    """Thousands separators change nothing."""
    assert read_load(f"{number:,} users") == read_load(f"{number} users")
