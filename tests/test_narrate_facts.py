"""Facts: everything a report may say, derived values included, with stable ids and texts that cannot be misread."""

from __future__ import annotations

import json

import analyses
import narration
import pytest
from msgspec import structs

from perftracker_ai.errors import JobError
from perftracker_ai.model import Direction
from perftracker_ai.narrate.facts import facts_json, read_facts
from perftracker_ai.narrate.values import Label
from perftracker_ai.report.value import values

EVERY = {**analyses.VARIANTS, "busy": narration.busy_analysis, "crowded": narration.crowded, "many": analyses.many}


@pytest.fixture(scope="module")
def busy():
    return narration.busy_sheet()


def text(sheet, subject, label):
    fact = sheet.find(subject, label)
    return fact.text if fact else None


@pytest.mark.parametrize("name", EVERY)
def test_same_analysis_same_facts(name):
    """Two sheets of the same analysis are the same bytes."""
    assert facts_json(narration.facts_of(EVERY[name]())) == facts_json(narration.facts_of(EVERY[name]()))


@pytest.mark.parametrize("name", EVERY)
def test_a_sheet_survives_its_file(name):
    """What was written to facts.json is read back as the same sheet."""
    sheet = narration.facts_of(EVERY[name]())
    assert read_facts(facts_json(sheet), "facts.json") == sheet


@pytest.mark.parametrize("document", [b"", b"[]", b'{"facts": 1}', b"[" * 100_000])
def test_a_file_that_holds_no_facts_is_refused_in_one_sentence(document):
    """A broken facts file ends in a sentence that names it."""
    with pytest.raises(JobError, match=r"^facts\.json holds no facts"):
        read_facts(document, "facts.json")


@pytest.mark.parametrize("name", EVERY)
def test_every_fact_prints_on_one_short_line(name):
    """Every fact's text is printable, on one line and bounded, whatever the job says."""
    for fact in narration.facts_of(EVERY[name]()).facts:
        assert fact.text.isprintable()
        assert 0 < len(fact.text) <= 700


@pytest.mark.parametrize("name", EVERY)
def test_ids_are_unique(name):
    """No two facts share an id, and every cluster's id is a fact itself."""
    sheet = narration.facts_of(EVERY[name]())
    assert len(sheet.by_id) == len(sheet.facts)
    assert all(sheet.by_id[topic.id].text == topic.id for topic in sheet.topics)


def test_numbers_that_do_not_exist_are_no_json(busy):
    """No raw value is NaN or infinite, so that any JSON reader takes the file."""

    def refuse(constant):
        raise AssertionError(constant)

    assert json.loads(facts_json(busy), parse_constant=refuse)["verdict"] == "BLOCK"


def test_every_fact_is_a_value_of_the_report(busy):
    """The file holds the report's values, each once and in reading order, under names; there is no second source."""
    told = values(analyses.report(narration.busy_analysis()))
    assert [structs.asdict(fact) for fact in busy.facts] == [
        {**structs.asdict(value), "id": fact.id} for value, fact in zip(told, busy.facts, strict=True)
    ]


def test_the_report_of_a_run_with_a_model_states_the_same(busy):
    """What a model wrote adds no fact: its section quotes, and is not quoted."""
    assert not any(fact.label == "quoted" for fact in busy.facts)


@pytest.mark.parametrize(
    ("subject", "label", "expected"),
    [
        ("C1", Label.NAME, "PUT /api/policies/{id}/settings"),
        ("C1", Label.SLOWDOWN, "150 % slower"),
        ("C1", Label.LOADS, "6000–10000 policies"),
        ("C1", Label.LOAD, "6000 policies"),
        ("C1", Label.VALUES, "12.6 ms → 32.1 ms"),
        ("C1", Label.AS_MEASURED, "155 % slower"),
        ("C1", Label.ADDED, "19.5 ms"),
        ("C1", Label.SHAPE, "step at a load"),
        ("run", "verdict", "BLOCK"),
        ("run", "issues", "1 critical, 1 severe, 1 moderate and 1 minor issues"),
        ("run", "regressed curves", "5 regressed"),
        ("run", "newly failing", "3 load points newly failing"),
        ("run", "lost coverage", None),
    ],
)
def test_what_narration_asks_for_by_name_is_there(busy, subject, label, expected):
    """The labels by which prompt and checks find values are those of the report."""
    assert text(busy, subject, label) == expected


def test_every_label_asked_for_is_one_of_the_report(busy):
    """A label that the report does not have any more is found here, not by a model that misses a fact."""
    known = {fact.label for sheet in (busy, narration.facts_of(analyses.crept())) for fact in sheet.facts}
    assert set(Label) - {Label.CAPACITY} <= known


def test_directions_travel_with_the_facts(busy):
    """Every fact of an issue says which way it changed, and an improvement reads as one."""
    assert {fact.direction for fact in busy.facts if fact.subject == "C1"} == {Direction.WORSE}
    assert {fact.direction for fact in busy.facts if fact.subject == "C5"} == {Direction.BETTER}
    assert text(busy, "C5", Label.SLOWDOWN) == "30 % less cost"


def test_an_issue_that_is_accepted_is_no_topic():
    """What counts for nothing is told in its section, and no model is asked about it."""
    sheet = narration.facts_of(analyses.accepted())
    assert "C1" in sheet.by_id
    assert "C1" not in sheet.topic


def test_a_change_without_a_size_is_no_number():
    """An infinite or undefined slowdown is null in the file, and no reader meets NaN."""
    made = narration.busy_analysis()
    first = structs.replace(made.clusters[0], median_slowdown=float("nan"), max_slowdown=float("inf"))
    sheet = narration.facts_of(structs.replace(made, clusters=(first, *made.clusters[1:])))
    assert sheet.find("C1", Label.SLOWDOWN).raw is None
    assert b"NaN" not in facts_json(sheet)


def test_values_are_raw(busy):
    """A fact's raw value is the unrounded number in base units behind its text."""
    assert busy.find("C1", Label.SLOWDOWN).raw == 1.5
    assert busy.find("C1", Label.ADDED).raw == pytest.approx(0.01953, abs=1e-4)
    assert (busy.find("C1", Label.VALUES).raw, busy.find("C1", Label.VALUES).unit) == (pytest.approx(0.03213), "s")


def test_what_matters_most_of_the_history_is_a_fact_of_the_run():
    """The two worst of the earlier jobs' news may be said, as changes for the worse, and so may the rule that fired."""
    sheet = narration.facts_of(analyses.crept())
    told = sheet.by_label["run", Label.HISTORY]
    assert [fact.text for fact in told] == [
        "PUT /api/policies/{id}/settings creeps: +36.5 % since 2026-05-25",
        "POST /api/drafts creeps: +36.5 % since 2026-05-25",
    ]
    assert {fact.direction for fact in told} == {Direction.WORSE}
    assert "PUT /api/policies/{id}/settings +36.5 %" in text(sheet, "run", "rule that fired")
