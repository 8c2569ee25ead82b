"""Any number a job can hold, through every stage to every report and back."""

import json
import math
import warnings
from datetime import date

import numpy as np
import pytest
from analyses import report
from builders import curve_tests, job, test_record
from hypothesis import example, given, settings
from hypothesis import strategies as st

from perftracker_ai.commands.analyze import judge
from perftracker_ai.diagnose.factors import _tail
from perftracker_ai.render.html import html_report
from perftracker_ai.render.junit import junit_xml
from perftracker_ai.render.markdown import markdown
from perftracker_ai.render.message import Link, message
from perftracker_ai.render.terminal import plain_screen
from perftracker_ai.report.view import view
from perftracker_ai.results.read import read_result
from perftracker_ai.results.write import result_json
from perftracker_ai.settings import ProductSettings

OWN = ProductSettings()
LARGEST, SMALLEST = np.finfo(np.float64).max, np.finfo(np.float64).smallest_subnormal
ODD = (LARGEST, -LARGEST, 3.4028234663852886e38, 9.2e18, 1e24, 1e23, 1e-23, 1e-24, 2.3e-308, SMALLEST, 0.0)
LOADS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
OLD_LOADS = (*LOADS[:-3], 1e300, 1e23, 1e-23)


def reported(jobs):
    """Judge jobs, write everything there is to write, and read it back: the results and the analysis read from them."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        analysis = judge(jobs, OWN, seed=0, today=date(2026, 9, 7)).analysis
        content = result_json(analysis)
        again = read_result(content, "result_v2.json")
        for each in (analysis, again):
            made = report(each)
            markdown(made)
            html_report(view(each), made, result=content, scripts=True)
            junit_xml([each])
            plain_screen(made, ["llm_report.md"])
            message(made, Link("Report", ""))
    return content, result_json(again)


def refuse(word):
    raise AssertionError(f"{word} is no JSON")


def constant(endpoint, loads, value):
    return curve_tests(f"latency: GET {endpoint}", {f"{load:g}": [value] for load in loads})


scores = st.one_of(
    st.sampled_from(ODD),
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(1e-3, 1e3),
    st.floats(1e-24, 1e24),
)
tests_of_a_job = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(("", *(f"{load:g} items" for load in OLD_LOADS))),
        st.lists(scores, min_size=1, max_size=3),
        st.sampled_from(("ms", "s", "hours", "req/s", "KB", "widgets")),
        st.integers(0, 2**31 - 1),
    ),
    min_size=1,
    max_size=50,
)


def job_of(number, tests):
    """Make a job of a few drawn tests beside calm curves, so that there is something to compare."""
    rng = np.random.default_rng(number)
    calm = [
        record
        for k in range(3)
        for record in curve_tests(f"latency: GET /calm{k}", {load: [float(rng.uniform(1, 1.1))] for load in LOADS})
    ]
    odd = [
        test_record(f"latency: GET /odd{k}", values, category, metrics=unit, errors=errors)
        for k, category, values, unit, errors in tests
    ]
    return job(*calm, *odd, id=number, product_ver=str(number))


@settings(max_examples=40, deadline=None)
@given(jobs=st.lists(tests_of_a_job, min_size=2, max_size=4))
@example(jobs=[[(0, "", [1e-24], "s", 0)], [(0, "", [1e24], "s", 2**31 - 1)]])
def test_every_number_goes_through_every_stage_and_back(jobs):
    """Whatever numbers jobs hold, there is a verdict and every report without a warning, and results read back."""
    content, again = reported([job_of(number, tests) for number, tests in enumerate(jobs, 1)])
    json.loads(content, parse_constant=refuse)
    assert again == content


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("where", ["baseline", "candidate", "both"])
def test_a_curve_of_one_odd_number_is_no_error(value, where):
    """A curve that holds one number throughout, however odd, on either side or both, goes through every stage."""
    values = {"baseline": (value, 5.0), "candidate": (5.0, value), "both": (value, value)}[where]
    jobs = [
        job(*constant("/odd", LOADS, odd), *constant("/calm", LOADS, 5.0), id=number, product_ver=str(number))
        for number, odd in enumerate(values, 1)
    ]
    content, again = reported(jobs)
    json.loads(content, parse_constant=refuse)
    assert again == content


def test_the_largest_ratio_there_can_be_is_drawn():
    """A curve that goes from the smallest value a measurement can be to the largest is reported with a number."""
    jobs = [job(*constant("/a", LOADS, value), id=n, product_ver=str(n)) for n, value in ((1, 1e-24), (2, 1e24))]
    content, _ = reported(jobs)
    assert b"regressed" in content.lower()


def test_a_job_of_nothing_but_sentinels_is_told_as_not_comparable():
    """Where no value is a measurement there is a report, and it says that nothing can be decided."""
    content, again = reported([job(*constant("/a", LOADS, LARGEST), id=n, product_ver=str(n)) for n in (1, 2)])
    assert json.loads(content)["verdict"]["verdict"] == "INSUFFICIENT EVIDENCE"
    assert again == content


@given(total=st.integers(1, 60), share=st.floats(0, 1), data=st.data())
@settings(deadline=None)
def test_the_binomial_tail_is_that_of_whole_numbers(total, share, data):
    """The chance of so many of so many agrees with the sum of its exact terms."""
    count = data.draw(st.integers(1, total))
    exact = math.fsum(math.comb(total, k) * share**k * (1 - share) ** (total - k) for k in range(count, total + 1))
    assert _tail(count, total, share) == pytest.approx(exact, rel=1e-9, abs=1e-290)


@pytest.mark.parametrize(("count", "share", "expected"), [(3000, 0.6, 0.5), (5000, 0.99, 0.0), (3, 0.5, 1.0)])
def test_thousands_of_clusters_have_a_chance(count, share, expected):
    """The tail of 5,000 is a probability, where the number of ways alone is too large for a float."""
    assert _tail(count, 5000, share) == pytest.approx(expected, abs=0.02)
