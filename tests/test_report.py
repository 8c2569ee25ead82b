"""`report`: one statement in one place, one printed form of a value, and numbers a reader can check."""

import re

import msgspec
import pytest
from analyses import SETTINGS, VARIANTS, analysis, decision, regressed, typical

from perftracker_ai.model import MetricKind, Verdict
from perftracker_ai.report import build
from perftracker_ai.report.issue import issues, measured, subject, values
from perftracker_ai.report.value import Kind, plain
from perftracker_ai.report.value import values as values_of
from perftracker_ai.report.view import view, worsened
from perftracker_ai.results.write import result_document

VARIANT = pytest.mark.parametrize("name", VARIANTS)


@VARIANT
def test_every_pointer_leads_into_the_results(name):
    """A program finds what a value was read from."""
    made = VARIANTS[name]()
    document = result_document(made)
    for one in values_of(build(view(made))):
        at = document
        for key in filter(None, one.at.split("/")):
            if not one.at.startswith("/"):
                break
            at = at[int(key)] if isinstance(at, list) else at[key]


def test_a_percentage_beside_values_follows_from_them():
    """With a calculator a reader gets the printed percentage from the printed values, but for their rounding."""
    shown = view(typical())
    for one in issues(shown, worsened(shown)):
        pair, change = values(one), measured(one)
        before, after = (float(number.replace(",", "")) for number in re.findall(r"[\d.,]*\d", pair.text)[:2])
        ratio = after / before if one.finding.curve.less_better else before / after
        assert change.raw == pytest.approx(ratio - 1, abs=0.02 * ratio)
        assert float(change.text.split(" %")[0]) == pytest.approx(100 * change.raw, rel=0.01)


def test_a_report_is_a_value():
    """Two reports of one analysis are equal, and a report survives being written down and read."""
    made = build(view(typical()))
    assert made == build(view(typical()))
    assert msgspec.json.decode(msgspec.json.encode(made.sections[0].blocks[0].said[0])) is not None
    assert any(one.kind is Kind.CHANGE for one in values_of(made))


def test_what_is_neither_time_nor_rate_is_named_with_its_issue():
    """Who reads of an issue in the first screen knows that it is one of memory, and not of waiting."""
    sizes = analysis([regressed(kind=MetricKind.OTHER), regressed("GET /b")], decision(Verdict.BLOCK))
    shown = view(sizes)
    assert [plain(subject(one)) for one in issues(shown, worsened(shown))] == [f"{SETTINGS}, other", "GET /b"]
    assert f"Worst: C1 {SETTINGS}, other," in plain(build(shown).bottom_line[-1])
