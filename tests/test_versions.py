"""`versions`: versions are ordered as people number them, and what cannot be ordered says so."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perftracker_ai.model.versions import is_release, order, release_of, trimmed

ASCENDING = (
    ("1.9", "1.9.1", "1.10", "1.11.0"),
    ("3.3", "3.10", "3.11"),
    ("1.66-5100", "1.66-5101", "1.67-4000"),
    ("25.8.3.1-lts", "25.8.10.2-lts", "25.10.7-stable", "25.12.1"),
    ("2.0.0-dev3", "2.0.0-alpha", "2.0.0-beta2", "2.0.0-rc1", "2.0.0-rc2", "2.0.0-rc10", "2.0.0", "2.0.1-rc1", "2.0.1"),
    ("2.0.0b1", "2.0.0rc1", "2.0"),
    ("v1.2", "V1.3", " 1.4 "),
    ("20261123", "20261201"),
    ("1.0", "1.0-hotfix", "1.0.1"),
    ("9007199254740992", "9007199254740993"),
)


@pytest.mark.parametrize("versions", ASCENDING)
def test_versions_ascend_as_people_number_them(versions):
    """Each goes before the next, whatever the number of digits and whatever stands behind the number."""
    keys = [order(version) for version in versions]
    assert all(before < after for before, after in itertools.pairwise(keys))


@pytest.mark.parametrize(("one", "other"), [("2.0", "2.0.0"), ("v1.4", "1.4"), ("1.4", "1.4-lts"), ("1.04", "1.4")])
def test_spellings_of_one_number_are_of_one_order(one, other):
    """Noughts at the end, a leading v and words that say nothing of the order make no difference to it."""
    assert order(one) == order(other)


@pytest.mark.parametrize(
    "version", ["", " ", "trunk", "SNAPSHOT", "master-3", "3f2a9c1", "abcdef0123456789abcdef0123", "x" * 101, "—"]
)
def test_what_holds_no_number_is_not_ordered(version):
    """A branch or a hash has no place in an order of numbers."""
    assert order(version) is None
    assert release_of(version) is None


def test_blanks_and_a_v_do_not_make_another_version():
    """Versions typed by hand are one when they differ in blanks or a leading v only."""
    assert trimmed(" v3.1 ") == trimmed("3.1") == "3.1"
    assert trimmed("vanilla") == "vanilla"


def test_a_pre_release_is_none_yet():
    """A pre-release belongs to its release; a build number or a word of support makes none."""
    assert [
        is_release(one) for one in ("2.0.0", "1.66-5101", "25.8.3.1-lts", "2.0.0-rc1", "2.1b2", "3.0-SNAPSHOT")
    ] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    assert release_of("2.0.0-rc1") == release_of("2.0.0") == release_of("2.0") != release_of("2.1.0-rc1")


@given(st.text(max_size=120), st.text(max_size=120))
def test_any_two_texts_are_ordered_or_not_and_never_fail(one, other):
    """Whatever a version is, asking for its order ends with an answer, and the order is total where there is one."""
    first, second = order(one), order(other)
    if first is not None and second is not None:
        assert (first < second) + (second < first) + (first == second) == 1
