"""How the work grows with the size of a job, counted in calls: no clock, so nothing else on the machine matters."""

import sys

import pytest
from builders import job, test_record

from perftracker_ai.commands.analyze import judge
from perftracker_ai.detect.series import PANEL_CELLS, _batches
from perftracker_ai.render.html import html_report
from perftracker_ai.render.markdown import markdown
from perftracker_ai.report import build
from perftracker_ai.report.view import view
from perftracker_ai.results.write import result_json
from perftracker_ai.settings import ProductSettings

OWN = ProductSettings()
LOADS = (1, 8, 64, 256, 1024)


def calls(work):
    """Count the calls, of Python and of C, that some work makes."""
    made = 0

    def count(_frame, event, _argument):
        nonlocal made
        made += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return made


def score(curve, load, number, slower):
    """A value with a little noise, three times as large where it is slower."""
    return 0.5 * (3 if number == 2 and curve % 100 < slower else 1) * (1 + 0.01 * ((curve * 7 + load * number) % 11))


def pair(curves, *, units=False, slower=0):
    """Two jobs of so many short curves; ``slower`` of a hundred are three times as slow in the second."""
    return [
        job(
            *(
                test_record(
                    f"latency: GET /e{k}",
                    [
                        0.5
                        * (3 if number == 2 and k % 100 < slower else 1)
                        * (1 + 0.01 * ((k * 7 + load * number) % 11))
                    ],
                    f"{load} items",
                    metrics=f"unit{k}" if units else "s",
                )
                for k in range(curves)
                for load in LOADS
            ),
            id=number,
            product_ver=str(number),
        )
        for number in (1, 2)
    ]


def stages(jobs):
    """Everything from tests to reports."""
    analysis = judge(jobs, OWN, seed=0).analysis
    content = result_json(analysis)
    shown = view(analysis)
    made = build(shown)
    markdown(made)
    html_report(shown, made, result=content, scripts=True)


@pytest.mark.parametrize("many", [{}, {"units": True}, {"slower": 33}], ids=["curves", "units", "issues"])
def test_four_times_the_job_is_four_times_the_work(many):
    """Four times as many curves, units or issues take at most five times as many calls, from tests to reports."""
    small, large = pair(120, **many), pair(480, **many)
    stages(small)  # what is read once for all is not counted
    assert calls(lambda: stages(large)) <= 5 * calls(lambda: stages(small))


def test_batches_hold_every_family_once_and_no_more_than_a_panel_may():
    """Thousands of families are cut into batches in one pass: each once, in order, none larger than a panel."""
    rows, lengths = [3] * 8000, [5] * 4000 + [50] * 4000
    batches = list(_batches(rows, lengths, list(range(8000))))
    assert [k for batch in batches for k in batch] == list(range(8000))
    assert all(sum(rows[k] for k in batch) * lengths[batch[-1]] <= PANEL_CELLS for batch in batches)
    assert len(batches) < 20
