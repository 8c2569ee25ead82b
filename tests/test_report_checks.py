"""`report.checks`: a failed check is told in a sentence that shows what it carries, with a cure."""

from typing import get_args

import pytest
from analyses import failed_check
from msgspec import structs

from perftracker_ai.model.checks import Check, Episode, IdenticalResults
from perftracker_ai.report import checks


@pytest.mark.parametrize("kind", get_args(Check))
def test_every_check_has_a_sentence_and_a_cure(kind):
    """Both are whole sentences; nothing of a job is in them but what passed through the caller."""
    made = failed_check(kind, "{0} <b>")
    found, cure = checks.found(made, lambda _: "shown"), checks.cure(made)
    assert all(said[0].isupper() or said.startswith("shown") for said in (found, cure))
    assert found.endswith((".", "?"))
    assert cure.endswith(".")
    assert "<b>" not in found


def test_no_two_checks_read_the_same():
    """Whoever reads a sentence knows which check it is of."""
    found = [checks.found(failed_check(kind)) for kind in get_args(Check)]
    assert len(set(found)) == len(found)


def test_a_stretch_is_told_by_the_clock_or_by_its_place():
    """Where a run tells its times they are shown, else the numbers of its tests."""
    timed = failed_check(Episode, begin=1_780_000_000.0, end=1_780_000_060.0, size=0.5, share=0.02, slow=9, measured=12)
    assert "(20:26:40–20:27:40 UTC): 9 of 12 endpoints measured then were 50 % slower" in checks.found(timed)
    assert "(test 3 – test 9)" in checks.found(structs.replace(timed, begin=3.0, end=9.0))
    assert "2 % of its points left out" in checks.found(timed)


def test_identical_jobs_are_named():
    """Which runs are one is told by their numbers."""
    assert checks.found(failed_check(IdenticalResults, jobs=(7, 9))).startswith("Jobs 7 and 9 hold identical results")
