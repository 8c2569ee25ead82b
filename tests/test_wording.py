"""`wording`: everything that can be said has words, and a notice says what, why and what to do."""

import re
from pathlib import Path

import pytest
from analyses import Plan, curve_set

from perftracker_ai import model, wording
from perftracker_ai.model import CoverageKind, Method, MetricKind, Notice, NoticeKind, Severity, Verdict

SOURCE = Path(model.__file__).read_text(encoding="utf-8")


def documented_values(kind):
    """How many values the model's comment says a notice has: parts between commas outside brackets."""
    comment = re.search(rf'{kind.name} = "\w+"  # (.+)', SOURCE)[1]
    return len(re.sub(r"\(.*?\)", "", comment).split(","))


@pytest.mark.parametrize("kind", NoticeKind)
def test_every_notice_is_one_sentence_with_all_its_values(kind):
    """A notice is one sentence that shows every value it carries and says why it matters and what to do."""
    values = tuple(f"value{at}" for at in range(documented_values(kind)))
    text = wording.notice_text(Notice(kind=kind, values=values))
    assert all(value in text for value in values)
    assert "value" not in re.sub(r"value\d", "", text).replace("values", "")
    assert text.endswith(".")
    assert text.count(". ") == 0
    assert re.search(r": [a-z ]+", text)


def test_missing_value_does_not_cost_the_sentence():
    """A notice that lacks a value still says the rest."""
    assert "Job ? is marked" in wording.notice_text(Notice(kind=NoticeKind.DELETED_JOB, values=()))


def test_values_pass_through_the_caller():
    """The caller decides how foreign text is shown, for only it knows where."""
    notice = Notice(kind=NoticeKind.DELETED_JOB, values=("{0}",))
    assert "JOB7" in wording.notice_text(notice, lambda _: "JOB7")
    assert "Job {0} is" in wording.notice_text(notice)


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
