"""Facts: everything a report may say, derived values included, with stable ids and texts that cannot be misread."""

from __future__ import annotations

import json

import analyses
import narration
import numpy as np
import pytest
from msgspec import structs

from perftracker_ai.errors import JobError
from perftracker_ai.model import Direction, Measure, MetricKind, Shape, ShapeEvidence
from perftracker_ai.narrate.facts import build_facts, facts_json, read_facts
from perftracker_ai.narrate.values import FactKind, Label
from perftracker_ai.settings import DetectSettings, PolicySettings

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


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (Label.NAME, "PUT /api/policies/{id}/settings"),
        (Label.SLOWDOWN, "150 % slower"),
        (Label.LARGEST, "up to 188 % slower"),
        (Label.FACTOR, "2.5 times as long"),
        (Label.LOADS, "6000–10000 policies"),
        (Label.THREADS, "all thread counts (4 and 16)"),
        (Label.CURVES, "3 curves"),
        (Label.METRICS, "p95 latency and rate"),
        (Label.WORST_LOAD, "6000 policies"),
        (Label.VALUES, "32.1 ms instead of 12.6 ms"),
        (Label.IMPACT, "one request in 20 takes more than 32.1 ms instead of 12.6 ms"),
        (Label.ADDED, "19.5 ms longer"),
        (Label.INTERVAL, "a 95 % interval of +120 % to +180 % cost per request for its worst curve"),
        (
            Label.CONSISTENCY,
            "100 % of the 5 affected loads of its worst curve are beyond the threshold of a regression",
        ),
        (Label.REACH, "up to the highest load measured"),
        (Label.SHAPE, "step at a load"),
    ],
)
def test_a_cluster_says_its_derived_values(busy, label, expected):
    """Factors, differences, shares and ranges of a cluster are facts, worked out from its curves."""
    assert text(busy, "C1", label) == expected


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (Label.VERDICT, "BLOCK"),
        (Label.COMPARED, "10 compared curves"),
        (Label.COMPARABLE, "10 of 11 curves could be compared"),
        (Label.ISSUES, "1 critical, 1 severe, 1 moderate and 1 minor issues"),
        (Label.RELEVANT, "3 issues of moderate severity or worse"),
        (Label.REACHING, "2 reach the highest load measured"),
        (Label.REGRESSED, "5 of 11 curves regressed"),
        (Label.IMPROVED, "2 of 11 curves improved"),
        (Label.FAILING, "3 newly failing load points"),
        (Label.LOST, None),
        (Label.PATTERN, "2 of 2 curves with 16 threads regressed"),
    ],
)
def test_the_run_says_its_counts_with_their_nouns(busy, label, expected):
    """Counts and shares of the run say of what and of how many; a count of nothing is no fact."""
    assert text(busy, "run", label) == expected


def test_values_are_raw(busy):
    """A fact's value is the unrounded number in base units behind its text."""
    assert busy.find("C1", Label.SLOWDOWN).value == 1.5
    assert busy.find("C1", Label.ADDED).value == pytest.approx(0.01953)
    assert (busy.find("C1", Label.VALUES).value, busy.find("C1", Label.VALUES).unit) == (pytest.approx(0.03213), "s")


def test_directions_travel_with_the_facts(busy):
    """Every fact of a cluster says which way the cluster changed, and an improvement reads as one."""
    assert {fact.direction for fact in busy.facts if fact.subject == "C1"} == {Direction.WORSE}
    assert {fact.direction for fact in busy.facts if fact.subject == "C5"} == {Direction.BETTER}
    assert text(busy, "C5", Label.SLOWDOWN) == "30 % less cost per request"
    assert text(busy, "C5", Label.ADDED) == "3.43 ms shorter"


@pytest.mark.parametrize(
    ("plan", "label", "expected"),
    [
        ({"kind": MetricKind.RATE}, Label.IMPACT, "the server handles 188 req/s instead of 480 req/s"),
        ({"kind": MetricKind.RATE}, Label.FACTOR, "2.5 times the capacity for the same traffic"),
        ({"kind": MetricKind.RATE}, Label.ADDED, None),
        ({"scalar": True, "threads": None}, Label.WORST_LOAD, None),
        ({"scalar": True, "threads": None}, Label.LOADS, None),
        ({"scalar": True, "threads": None}, Label.IMPACT, "one request in 20 takes more than 30.6 ms instead of 12 ms"),
        ({"threads": None}, Label.THREADS, None),
    ],
)
def test_kinds_of_curves_say_what_fits_them(plan, label, expected):
    """A rate speaks of capacity, a scalar of no load, a test without threads of none."""
    made = analyses.analysis([analyses.regressed(**plan)], analyses.decision(analyses.Verdict.BLOCK))
    found = text(narration.facts_of(made), "C1", label)
    assert (found or "").replace(".0 ", " ") == (expected or "")


@pytest.mark.parametrize(
    ("statistic", "start"),
    [
        ("p50", "half of the requests take"),
        ("p99", "one request in 100 takes"),
        ("p99.9", "one request in 1000 takes"),
        ("max", "the max request takes"),
        ("", "a request takes"),
    ],
)
def test_a_statistic_says_who_waits(statistic, start):
    """The impact puts a percentile into words about requests."""
    made = analyses.analysis([analyses.regressed()], analyses.decision(analyses.Verdict.BLOCK))
    curve = structs.replace(made.curves.curves[0], statistic=statistic)
    made = structs.replace(made, curves=structs.replace(made.curves, curves=(curve,)))
    assert text(narration.facts_of(made), "C1", Label.IMPACT).startswith(start)


def test_other_metrics_are_named(busy):
    """A metric that is neither latency nor rate is called by its label, and its change is no speed."""
    made = analyses.analysis([analyses.regressed(kind=MetricKind.OTHER)], analyses.decision(analyses.Verdict.BLOCK))
    sheet = narration.facts_of(made)
    assert text(sheet, "C1", Label.SLOWDOWN) == "150 % worse"
    assert text(sheet, "C1", Label.IMPACT).startswith("other is ")


def test_shape_evidence_keeps_its_name_and_reads_as_what_it_is():
    """A slowdown among the numbers of a shape prints as a change, a load in its unit, an exponent as a number."""
    made = narration.busy_analysis()
    named = (
        ("slowdown at 16 threads", 1.5, Measure.SLOWDOWN),
        ("first affected load", 6000.0, Measure.LOAD),
        ("cost exponent before", 0.123, Measure.NUMBER),
    )
    shown = tuple(ShapeEvidence(name=name, value=value, measure=measure) for name, value, measure in named)
    first = structs.replace(made.clusters[0], shape_evidence=shown, shape=Shape.GROWS)
    sheet = narration.facts_of(structs.replace(made, clusters=(first, *made.clusters[1:])))
    assert text(sheet, "C1", "slowdown at 16 threads") == "slowdown at 16 threads +150 %"
    assert text(sheet, "C1", "cost exponent before") == "cost exponent before 0.123"
    assert [fact.text for fact in sheet.by_label["C1", "first affected load"]] == [
        "6000 policies",
        "first affected load 6000 policies",
    ]


def test_a_cluster_without_a_comparable_point_says_nothing_of_values():
    """Where no point has both values, there is no worst load, and nothing fails."""
    made = narration.busy_analysis()
    mean = made.curves.mean.copy()
    mean[1] = np.nan
    sheet = narration.facts_of(structs.replace(made, curves=structs.replace(made.curves, mean=mean)))
    assert text(sheet, "C1", Label.WORST_LOAD) is None
    assert text(sheet, "C1", Label.SLOWDOWN) == "150 % slower"


def test_a_cluster_without_a_window_keeps_its_row():
    """A cluster whose curve has no window of its direction still says what is in its row."""
    made = narration.busy_analysis()
    turned = structs.replace(made.clusters[0], direction=Direction.BETTER, hypotheses=())
    sheet = narration.facts_of(structs.replace(made, clusters=(turned,)))
    assert text(sheet, "C1", Label.LOADS) == "6000–10000 policies"
    assert text(sheet, "C1", Label.IMPACT) is None


def test_hypotheses_are_stated_once_and_their_evidence_by_cluster(busy):
    """Title and checks of a hypothesis are the catalogue's; what speaks for and against it is the cluster's."""
    kinds = {fact.kind for fact in busy.by_subject["catalogue"]}
    assert kinds == {FactKind.HYPOTHESIS, FactKind.CONFIRM, FactKind.REFUTE}
    assert text(busy, "C1", "evidence data_size").startswith("Below 6000 policies")
    assert busy.topic["C1"].hypotheses == ("data_size", "contention")
    assert busy.topic["C3"].hypotheses == ()


def test_the_worst_are_chosen_for_words(busy):
    """Critical and severe topics get words, the worst three a deep-dive, and minor ones no action."""
    assert (busy.narrated, busy.dives, busy.actions) == (("C1", "C2"), ("C1", "C2", "C3"), ("C1", "C2", "C3"))
    crowded = narration.facts_of(narration.crowded())
    assert (len(crowded.narrated), len(crowded.dives), len(crowded.actions)) == (6, 3, 6)


def test_thresholds_are_facts_of_the_settings():
    """Thresholds are those the run was judged by."""
    made = analyses.nothing_found()
    sheet = build_facts(
        structs.replace(made, criteria=DetectSettings(critical=2.0), policy=PolicySettings(min_compared=0.8))
    )
    assert text(sheet, "run", "threshold critical") == "critical from 200 % slowdown"
    assert text(sheet, "run", "policy").startswith("80 %")


def test_a_shift_of_the_run_is_a_fact_with_its_direction():
    """A large run-wide shift is told, a shift that is none is not."""
    sheet = narration.facts_of(analyses.drifted())
    assert text(sheet, "run", Label.SHIFT) == "latency 12 % slower in the whole run"
    small = sheet.find("run", "small shift of the whole run")
    assert (small.text, small.direction) == (
        "rate at 16 threads 3 % less cost per request in the whole run",
        Direction.BETTER,
    )


@pytest.mark.parametrize(
    ("reason", "q_value", "expected"),
    [
        ("far beyond the noise (q = 4e-11)", 4e-11, "far beyond the noise (q = 4e-11)"),
        ("every load is slower", 4e-11, "every load is slower; q < 0.0001"),
        ("every load is slower", 0.0031, "every load is slower; q = 0.0031"),
        ("every load is slower", None, "every load is slower"),
    ],
)
def test_the_reasons_name_the_q_value_once(reason, q_value, expected):
    """The evidence behind a confidence is complete, and says nothing twice."""
    made = narration.busy_analysis()
    curve = made.clusters[0].worst_curve
    results = list(made.detection.results)
    windows = tuple(structs.replace(window, q_value=q_value) for window in results[curve].windows)
    results[curve] = structs.replace(results[curve], reasons=(reason,), windows=windows)
    detection = structs.replace(made.detection, results=tuple(results))
    sheet = narration.facts_of(structs.replace(made, detection=detection))
    assert text(sheet, "C1", Label.REASONS) == expected


def test_what_clusters_share_is_told():
    """A factor shared beyond the endpoint is a fact of its own."""
    made = narration.busy_analysis()
    first = structs.replace(made.clusters[0], factor="endpoint; method PUT with 3 of 4 clusters")
    sheet = narration.facts_of(structs.replace(made, clusters=(first, *made.clusters[1:])))
    assert text(sheet, "C1", Label.SHARED) == "method PUT with 3 of 4 clusters"


def test_a_change_without_a_size_is_no_fact():
    """An infinite or undefined slowdown is left out, not printed."""
    made = narration.busy_analysis()
    first = structs.replace(made.clusters[0], median_slowdown=float("nan"), max_slowdown=float("inf"))
    sheet = narration.facts_of(structs.replace(made, clusters=(first, *made.clusters[1:])))
    assert (text(sheet, "C1", Label.SLOWDOWN), text(sheet, "C1", Label.LARGEST)) == (None, None)
    assert b"NaN" not in facts_json(sheet)


@pytest.mark.parametrize(
    ("cluster", "expected"),
    [
        ("C1", "since version 1.65-5003 (job 85809), last good with version 1.65-5002 (job 85808)"),
        ("C3", "since a job between 85820 and 85829"),
        ("C4", "new with the candidate, last good with version 1.65-5002 (job 85806)"),
        ("C5", None),
    ],
    ids=["dated", "in doubt", "new", "improvement"],
)
def test_since_when_is_one_fact_that_cannot_be_taken_apart(cluster, expected):
    """First and last good job are in one text, so that no sentence can confuse them, and none is named in doubt."""
    assert text(narration.facts_of(analyses.remembered()), cluster, Label.BEGAN) == expected


def test_without_a_history_no_fact_says_since_when(busy):
    """Without earlier jobs the facts are what they were."""
    assert not any(fact.label == Label.BEGAN for fact in busy.facts)


def test_what_matters_most_of_the_history_is_a_fact_of_the_run():
    """The two worst of the earlier jobs' news may be said, as changes for the worse, and so may the rule that fired."""
    sheet = narration.facts_of(analyses.crept())
    told = sheet.by_label["run", Label.HISTORY]
    assert [fact.text for fact in told] == [
        "PUT /api/policies/{id}/settings creeps: +36.5 % since 2026-05-25",
        "POST /api/drafts creeps: +36.5 % since 2026-05-25",
    ]
    assert {fact.direction for fact in told} == {Direction.WORSE}
    assert "PUT /api/policies/{id}/settings +36.5 %" in text(sheet, "run", Label.RULE)


def test_without_a_history_no_fact_tells_of_one(busy):
    """Without earlier jobs, or with quiet ones, nothing may be said of them."""
    assert text(busy, "run", Label.HISTORY) is None
    made = analyses.remembered()
    quiet = structs.replace(made, chronicle=structs.replace(made.chronicle, patterns=analyses.quiet()))
    assert text(narration.facts_of(quiet), "run", Label.HISTORY) is None
