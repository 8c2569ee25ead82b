"""`render.issues_csv`: every issue is a line that a spreadsheet reads, and numbers are the results' own."""

import csv

import pytest
from analyses import VARIANTS, Plan, accepted, analysis, decision, hostile, remembered, typical

from perftracker_ai.model import Verdict
from perftracker_ai.render.issues_csv import HEADS, NOT_JUDGED, issues_csv


def read(*made, failed=()):
    """The lines as dicts."""
    return list(csv.DictReader(issues_csv(made, failed).decode().splitlines()))


@pytest.mark.parametrize("name", VARIANTS)
def test_every_issue_is_a_line_with_the_results_own_numbers(name):
    """No issue is lost or made up, and its size is unrounded."""
    made = VARIANTS[name]()
    lines = [line for line in read(made) if line["key"]]
    assert [line["key"] for line in lines] == [cluster.key for cluster in made.clusters]
    assert [float(line["slowdown"]) for line in lines] == [cluster.median_slowdown for cluster in made.clusters]
    assert all(line["verdict"] == made.decision.verdict.value for line in lines)


def test_a_comparison_without_issues_is_a_line():
    """Who counts products finds each of them, judged or not."""
    calm = analysis([Plan()], decision(Verdict.APPROVE))
    lines = read(calm, failed=[("Bazaar", "no two jobs")])
    assert [(line["product"], line["verdict"], line["key"]) for line in lines] == [
        ("GRPM", "APPROVE", ""),
        ("Bazaar", NOT_JUDGED, ""),
    ]


def test_what_to_do_is_said_of_what_counts():
    """What is accepted or faster has nobody to look at it."""
    assert {line["when"] for line in read(accepted()) if line["accepted"]} == {""}
    assert {bool(line["when"]) for line in read(typical()) if line["direction"] == "worse"} == {True}
    assert {line["severity"] + line["when"] for line in read(typical()) if line["direction"] == "better"} == {""}


def test_since_when_is_the_first_job_that_has_it():
    """Where earlier jobs are kept the job is named by its number."""
    assert read(remembered())[0]["since_job"] == "85809"


def test_foreign_text_breaks_no_line_and_is_no_formula():
    """Whatever a job is called, a line stays a line, and a spreadsheet computes nothing."""
    for text in ('=cmd|"/C calc"!A0', 'a"b,c\nd', "@SUM(1)"):
        lines = read(hostile(text))
        assert len(lines) == len(hostile(text).clusters)
        assert set(lines[0]) == set(HEADS)
        assert not any(cell.startswith(("=", "@", "+")) for line in lines for cell in line.values())
