"""What a metric measures and which way is better is read as people mean it, and nothing is made up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perftracker_ai.metrics import read_metric
from perftracker_ai.model import MetricKind

LATENCY, RATE, OTHER = MetricKind


@pytest.mark.parametrize(
    ("label", "unit", "kind"),
    [
        ("latency, p(95)", "ms", LATENCY),
        ("latency", "loops/sec", LATENCY),  # the default unit says nothing
        ("Response time", "", LATENCY),
        ("Upgrade", "s", LATENCY),
        ("encode", "us/op", LATENCY),
        ("rate", "", RATE),
        ("Throughput", "", RATE),
        ("items", "/s", RATE),
        ("copy", "MB/s", RATE),
        ("Upgrade", "loops/sec", RATE),
        ("memory", "MB", OTHER),
        ("prorated", "", OTHER),
        ("error rate", "%", OTHER),
        ("hit rate", "%", OTHER),
        ("errors", "loops/sec", OTHER),
        ("failed requests per second", "/s", OTHER),
        ("restarts", "restarts/h", OTHER),
    ],
)
def test_a_metric_is_classified_by_what_is_counted_then_label_then_unit(label, unit, kind):
    """Times and speeds are told from counts, sizes and proportions, which share nothing with them."""
    assert read_metric(label, unit).kind is kind


@pytest.mark.parametrize("label", ["latency", "Latencies", "response time", "response-times", "Response_Time"])
def test_a_label_plainly_means_time(label):
    """The usual names of latency are recognised in any case."""
    assert read_metric(label, "").kind is LATENCY


@pytest.mark.parametrize("label", ["time to live", "respond", "translatency", ""])
def test_a_label_does_not_plainly_mean_time(label):
    """Words that only resemble latency are not taken for it."""
    assert read_metric(label, "").kind is not LATENCY


@pytest.mark.parametrize(
    ("label", "unit"),
    [
        ("Upgrade", "ms"),
        ("encode", "ns/op"),
        ("encode", "ms per request"),
        ("CPU", "ms/s"),
        ("latency", "loops/sec"),
        ("http_req_duration, p(95)", "loops/sec"),
        ("memory usage", "loops/sec"),  # nobody gave a unit: more of it is no better
        ("transfer size", "bytes"),
        ("CLS", ""),
        ("resident memory", "MB"),
        ("heap used", "bytes"),
        ("BenchmarkSort", "B/op"),
        ("BenchmarkSort", "allocs/op"),
        ("CPU usage", "%"),
        ("load average", ""),
        ("errors", "errors/min"),
        ("allocation rate", "MB/s"),
        ("failed logins per minute", "logins/min"),
        ("error_rate", "%"),
        ("packet loss", "%"),
        ("GC pauses", "count"),
        ("consumer lag", "messages"),
        ("queue length", "requests"),
        ("service", "MB RSS"),
        ("service", "% CPU"),
    ],
)
def test_less_is_better_of_times_resources_and_what_goes_wrong(label, unit):
    """Times, memory, processor, errors, allocations, pauses and queues need no flag, in whatever form they come."""
    assert read_metric(label, unit).less_better is True


@pytest.mark.parametrize(
    ("label", "unit"),
    [
        ("rate", "req/s"),
        ("Upgrade", "loops/sec"),
        ("memory bandwidth", "GB/s"),
        ("memory copy", "loops/sec"),
        ("forest, 1% low", "FPS"),
        ("copy", "Mbit/s"),
        ("orders", "ops/min"),
        ("Exception handling", "ops/s"),
        ("org.example.ErrorCodec.errors.decode", "ops/s"),
        ("POST /errors/retry", "req/s"),
        ("free memory", "MB"),
        ("CPU idle", "%"),
        ("cache hit rate", "%"),
        ("latency", "req/s"),
    ],
)
def test_more_is_better_of_speeds_and_what_is_left(label, unit):
    """A rate is better high, also where the name of what was called holds a word of trouble."""
    assert read_metric(label, unit).less_better is False


@pytest.mark.parametrize(
    ("label", "unit"),
    [("frobs of the widget", "frobs"), ("Upgrade", "points"), ("uptime", "s"), ("share", "%"), ("", "")],
)
def test_nothing_is_assumed_where_nothing_tells(label, unit):
    """An unknown unit with an unknown name has no direction."""
    assert read_metric(label, unit).less_better is None


@pytest.mark.parametrize(
    ("label", "unit", "counts"),
    [
        ("failed requests", "requests", True),
        ("error rate", "%", True),
        ("errors", "errors/min", True),
        ("queries", "queries", True),
        ("memory", "bytes", True),
        ("latency", "ms", False),
        ("encode", "us/op", False),
        ("rate", "req/s", False),
        ("Upgrade", "loops/sec", False),
    ],
)
def test_zero_is_a_value_of_what_is_counted(label, unit, counts):
    """A time or a speed of zero measured nothing; none of something is a number of it."""
    assert read_metric(label, unit).zero_counts is counts


@given(st.text(), st.text())
def test_any_metric_can_be_read(label, unit):
    """No label and no unit is refused."""
    assert read_metric(label, unit).kind in MetricKind
