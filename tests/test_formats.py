"""`render.numbers`: three digits, a fitting unit, a sign where it is a change."""

import math

import pytest

from perftracker_ai.words.numbers import (
    format_change,
    format_interval,
    format_load,
    format_number,
    format_pair,
    format_percent,
    format_probability,
    format_range,
    format_value,
    plural,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0123456, "0.0123"),
        (1.5, "1.50"),
        (12.34, "12.3"),
        (999.6, "1,000"),
        (12345.0, "12,300"),
        (-0.5, "-0.500"),
        (0.0, "0"),
        (1e-12, "1e-12"),
        (math.nan, "?"),
        (math.inf, "?"),
        (None, "?"),
    ],
)
def test_number_has_three_digits(value, text):
    """A number prints with three significant digits, an undefined one as a question mark."""
    assert format_number(value) == text


@pytest.mark.parametrize(
    ("value", "base", "written", "text"),
    [
        (0.0123, "s", "ms", "12.3 ms"),
        (0.0009999, "s", "ms", "1.00 ms"),
        (5e-6, "s", "ms", "5.00 µs"),
        (3e-9, "s", "s", "3.00 ns"),
        (1e-12, "s", "s", "0.00100 ns"),
        (90.0, "s", "min", "90.0 s"),
        (0.0, "s", "ms", "0 s"),
        (1536.0, "B", "KB", "1.50 KiB"),
        (3.0 * 2**30, "B", "GB", "3.00 GiB"),
        (3.0 * 2**20, "B/s", "MB/s", "3.00 MiB/s"),
        (480.0, "/s", "req/s", "480 req/s"),
        (480.0, "/s", "policies/sec", "480 policies/sec"),
        (480000.0, "/s", "k req/s", "480,000 /s"),
        (7.0, "widgets", "widgets", "7.00 widgets"),
        (7.0, "", "", "7.00"),
        (None, "s", "ms", "?"),
    ],
)
def test_value_takes_the_unit_that_suits_its_size(value, base, written, text):
    """A value in base units prints in a unit of its size; a rate keeps its words where they still fit the number."""
    assert format_value(value, base, written) == text


def test_pair_shares_one_unit():
    """Baseline and candidate print in the same unit, so that they compare at sight."""
    assert format_pair(0.0009, 0.031, "s", "ms") == "0.900 ms → 31.0 ms"
    assert format_pair(None, 0.031, "s", "ms") == "? → 31.0 ms"
    assert format_pair(None, None, "s", "ms") == "? → ?"


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (0.153, "+15.3 %"),
        (1.534, "+153 %"),
        (12.3, "+1,230 %"),
        (-0.3, "-30 %"),
        (0.00001, "0 %"),
        (-0.00001, "0 %"),
        (math.nan, "?"),
        (None, "?"),
    ],
)
def test_change_is_a_signed_percentage(ratio, text):
    """A change says its direction, nothing more than three digits, and no sign before nothing."""
    assert format_change(ratio) == text


def test_share_has_no_sign():
    """A share or a level prints without sign."""
    assert [format_percent(value) for value in (0.95, 0.153, 1.0, None)] == ["95 %", "15.3 %", "100 %", "?"]


def test_interval_names_both_ends():
    """An interval prints from its low to its high end."""
    assert format_interval(-0.02, 0.3) == "-2 % to +30 %"


@pytest.mark.parametrize(("value", "text"), [(0.0312, "0.031"), (1e-9, "< 0.0001"), (None, "?"), (math.nan, "?")])
def test_probability_is_never_printed_as_zero(value, text):
    """A tiny p- or q-value prints as a bound, an absent one as a question mark."""
    assert format_probability(value) == text


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        ("36000 policies", "38000 policies", "36000–38000 policies"),
        ("36000 policies", "36000 policies", "36000 policies"),
        ("4 KB", "1 MB", "4 KB – 1 MB"),
        ("small", "large", "small – large"),
        ("", "", ""),
    ],
)
def test_range_says_a_shared_unit_once(first, last, text):
    """A load range reads like a person writes it."""
    assert format_range(first, last) == text


def test_load_has_a_fraction_only_where_it_needs_one():
    """A load number keeps every digit it has and gains none."""
    assert [format_load(load) for load in (36000.0, 0.5, 1234567.0)] == ["36000", "0.5", "1234567"]


@pytest.mark.parametrize(("count", "text"), [(0, "0 curves"), (1, "1 curve"), (2, "2 curves"), (1234, "1,234 curves")])
def test_plural_follows_the_count(count, text):
    """One is singular, everything else plural."""
    assert plural(count, "curve") == text
    assert plural(2, "loss", "losses") == "2 losses"
