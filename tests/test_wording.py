"""`wording`: everything that can be said has words, and a notice says what, why and what to do."""

import re

import pytest
from analyses import Plan, curve_set, notice

from perftracker_ai.model import NOTICES, CoverageKind, Method, MetricKind, SameVersion, Severity, Verdict
from perftracker_ai.words import wording


@pytest.mark.parametrize("kind", NOTICES.values())
def test_every_notice_is_one_sentence_with_all_its_values(kind):
    """A notice is one sentence that shows every value it carries and says why it matters and what to do."""
    shown = [f"a{at}" for at in range(len(kind.__struct_fields__))]
    left = iter(shown)
    text = wording.notice_text(notice(kind), lambda _: next(left))
    assert all(value in text for value in shown)
    assert text.endswith(".")
    assert text.count(". ") == 0
    assert re.search(r": [a-z ]+", text)


def test_values_pass_through_the_caller():
    """The caller decides how foreign text is shown, for only it knows where."""
    made = SameVersion(version="{0}")
    assert "V7" in wording.notice_text(made, lambda _: "V7")
    assert "version {0}, so" in wording.notice_text(made)


@pytest.mark.parametrize(
    ("say", "members"),
    [
        (wording.verdict_text, Verdict),
        (wording.recommendation, Verdict),
        (wording.urgency, Verdict),
        (wording.coverage_label, CoverageKind),
        (wording.method_text, Method),
        (wording.severity_headline, Severity),
    ],
)
def test_every_member_has_words_of_its_own(say, members):
    """No member of an enum is without words, and no two can be told apart by nothing."""
    said = [say(member) for member in members]
    assert all(said)
    assert len(said) == len(set(said)) or say is wording.urgency


@pytest.mark.parametrize(
    ("kind", "name"), [(MetricKind.LATENCY, "p95 latency"), (MetricKind.RATE, "rate"), (MetricKind.OTHER, "other")]
)
def test_metric_is_named_as_a_tester_would(kind, name):
    """A latency is named with its statistic, another metric by its own label."""
    assert wording.metric_name(curve_set([Plan(kind=kind)]).curves[0]) == name
