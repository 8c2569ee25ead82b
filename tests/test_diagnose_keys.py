"""Keys of issues: the same in every comparison, readable, and different where the issue is."""

import re

import pytest
from analyses import SETTINGS, analysis, decision, improved, many, regressed, typical
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from perftracker_ai.diagnose.keys import issue_keys
from perftracker_ai.model import MetricKind, Verdict


def keys(*plans):
    """The keys of an analysis of these curves, by rank."""
    return keys_of(analysis(plans, decision(Verdict.BLOCK)))


def keys_of(made, product="Shop"):
    return list(issue_keys(made.curves, made.clusters, product))


def test_a_key_does_not_depend_on_size_rank_or_neighbours():
    """An issue has the same key when it is larger or smaller, and when others stand before it."""
    (alone,) = keys(regressed(slowdown=0.6))
    assert alone in keys(regressed("GET /b", slowdown=4.0), regressed(slowdown=0.2, threads=16))
    assert alone in keys(regressed(slowdown=0.6, first=4, last=6))


def test_a_key_is_read():
    """A key names method and last words of the endpoint, what is measured and which way it went."""
    (key,) = keys(regressed(SETTINGS))
    assert re.fullmatch(r"put-api-policies-settings-time-slower-[0-9a-f]{8}", key)


@pytest.mark.parametrize(
    "other",
    [regressed("GET /b"), regressed(scenario="merge"), improved(SETTINGS), regressed(kind=MetricKind.RATE)],
    ids=["endpoint", "scenario", "direction", "metric family"],
)
def test_different_issues_have_different_keys(other):
    """Endpoint, scenario, direction and metric family each make another issue."""
    assert keys(regressed()) != keys(other)


def test_latency_and_rate_of_one_test_are_one_issue():
    """Whether the rate is seen beside the latency or not, the issue keeps its key."""
    assert keys(regressed()) == keys(regressed(), regressed(kind=MetricKind.RATE))


def test_products_are_told_apart():
    """The same endpoint of another product is another issue."""
    made = typical()
    assert not set(keys_of(made)) & set(keys_of(made, "another"))


def test_no_two_issues_of_a_comparison_share_a_key():
    """Among many issues, and between two about the same thing, every key is another one."""
    found = keys_of(many(200, 50))
    assert len(set(found)) == len(found) > 1
    made = analysis([regressed()], decision(Verdict.BLOCK))
    twice = structs.replace(made, clusters=(made.clusters[0], structs.replace(made.clusters[0], id="C2")))
    first, second = keys_of(twice)
    assert second == f"{first}-2"


@given(st.text(max_size=80))
def test_a_key_fits_into_an_address(endpoint):
    """Whatever the endpoint is called, its key is short and made of letters, digits and dashes."""
    made = analysis([regressed()], decision(Verdict.BLOCK))
    renamed = structs.replace(made, clusters=(structs.replace(made.clusters[0], endpoint=endpoint),))
    (key,) = keys_of(renamed)
    assert re.fullmatch(r"[a-z0-9-]{1,70}", key)
