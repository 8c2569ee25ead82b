"""Tags are taken apart by their grammar, and any other tag is its own endpoint."""

import pytest
from hang_guard import must_end
from hypothesis import given
from hypothesis import strategies as st

from perftracker_ai.curves.tags import TagParts, read_tag


def test_a_whole_tag_gives_all_its_parts():
    """Metric, statistic, threads, method, path and scenario are found, inner parentheses included."""
    assert read_tag("latency, p(95) (4 th): PUT /api/x/{id} (scenario (with inner (parentheses)))") == TagParts(
        metric_label="latency, p(95)",
        statistic="p95",
        threads=4,
        method="PUT",
        path="/api/x/{id}",
        endpoint="PUT /api/x/{id}",
        scenario="scenario (with inner (parentheses))",
    )


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("rate (16 threads): GET /api/items", ("rate", "", 16, "GET /api/items", "")),
        ("rate(1 thread): GET /api/items", ("rate", "", 1, "GET /api/items", "")),
        ("latency, avg: DELETE /x", ("latency, avg", "avg", None, "DELETE /x", "")),
        ("latency: GET /a:batch?x=1 (a: b, (c))", ("latency", "", None, "GET /a:batch?x=1", "a: b, (c)")),
        ("latency: GET /a (two\nlines)", ("latency", "", None, "GET /a", "two\nlines")),
        ("latency:\tGET /a ()", ("latency", "", None, "GET /a", "")),
        (
            "Задержка, max (2 thr): POST /путь/日本 (сценарий)",
            ("Задержка, max", "max", 2, "POST /путь/日本", "сценарий"),
        ),
        (": GET /a", ("", "", None, "GET /a", "")),
        ("latency (x 4 th): GET /a", ("latency (x 4 th)", "", None, "GET /a", "")),
        ("latency: GET /a (open", None),
        ("latency: GET /a and more", None),
        ("latency: get /a", None),
        ("latency:GET /a", None),
        ("a: b: GET /a", None),
        ("Login time", None),
        ("GET /api/items", None),
        ("", None),
        ('日本 — <b>tag</b> & "q"', None),
    ],
)
def test_tags_inside_and_outside_the_grammar(tag, expected):
    """A tag within the grammar is taken apart; one outside is its own label and endpoint, unchanged."""
    parts = read_tag(tag)
    found = (parts.metric_label, parts.statistic, parts.threads, parts.endpoint, parts.scenario)
    assert found == (expected or (tag, "", None, tag, ""))
    if expected is None:
        assert (parts.method, parts.path) == ("", "")


@pytest.mark.parametrize(
    ("label", "statistic"),
    [
        ("latency, p(95)", "p95"),
        ("latency p50", "p50"),
        ("latency, p 99.9", "p99.9"),
        ("Latency P(95)", "p95"),
        ("latency, 95th percentile", "p95"),
        ("latency, 99% pct", "p99"),
        ("Average latency", "avg"),
        ("mean latency", "avg"),
        ("latency, Median", "p50"),
        ("latency, MAX", "max"),
        ("latency, min", "min"),
        ("latency", ""),
        ("http 200 rate", ""),
        ("maximal", ""),
        ("api/v1", ""),
    ],
)
def test_a_label_names_its_statistic(label, statistic):
    """Percentiles and averages are found in the usual spellings, and not in words that only resemble them."""
    assert read_tag(f"{label}: GET /a").statistic == statistic
    assert read_tag(label).statistic == statistic


@pytest.mark.parametrize(
    "tag",
    [
        "x" * 100_000,
        "latency: GET /" + "x" * 100_000,
        "a" + " " * 4000,
        "a" + " (1" * 1300,
        "latency: GET /a" + " " * 4000 + "y",
        "latency: GET /a (" + ")" * 4000 + "y",
        " " * 4000 + ": GET /a b",
    ],
    ids=["100 kB", "100 kB by the grammar", "blanks", "threads", "blanks at the end", "parentheses", "blanks first"],
)
def test_a_huge_or_malicious_tag_is_its_own_endpoint(tag):
    """Texts that nobody writes, or that are made to keep the matching busy, are taken as they are."""
    with must_end():
        assert read_tag(tag).endpoint == tag


@given(st.text())
def test_any_tag_can_be_read(tag):
    """No tag is refused: each has an endpoint, which is the tag itself outside the grammar."""
    parts = read_tag(tag)
    assert parts.endpoint == (f"{parts.method} {parts.path}" if parts.method else tag)
