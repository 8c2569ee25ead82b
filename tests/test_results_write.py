"""`render.result`: the results file keeps the old keys, follows its schema, and holds everything."""

import json
import math
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from analyses import VARIANTS, analysis, decision, failed_check, hostile, many, regressed, typical
from jsonschema import Draft202012Validator
from msgspec import structs

from perftracker_ai import TOOL_VERSION
from perftracker_ai.model import NOTICES, Outcome, Verdict
from perftracker_ai.model.checks import Check
from perftracker_ai.results.write import result_document, result_json

SCHEMA = json.loads(Path(__file__).parent.parent.joinpath("docs/result.schema.json").read_text(encoding="utf-8"))


def document(analysis):
    return result_document(analysis)


def objects(schema):
    """Every object type with named properties inside a schema."""
    if isinstance(schema, dict):
        if "properties" in schema and schema.get("type") == "object":
            yield schema
        for inner in schema.values():
            yield from objects(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from objects(inner)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_follows_the_schema(name):
    """Whatever an analysis holds, the published schema accepts its results."""
    Draft202012Validator(SCHEMA).validate(json.loads(result_json(VARIANTS[name]())))


def test_schema_describes_every_property_and_allows_no_other():
    """No key of the results is undescribed, and an unknown key is refused."""
    found = list(objects(SCHEMA))
    assert len(found) > 15
    for schema in found:
        assert schema["additionalProperties"] is False
        # There are rules on what creeps and on open issues, and thresholds of them, only where a history is kept.
        needed = set(schema["properties"]) - {"monitor_creep", "open_issues"}
        assert set(schema["required"]) == needed - ({"last_good"} if "rules" in needed else set())
        assert all(inner.get("description") for inner in schema["properties"].values())
    assert not Draft202012Validator(SCHEMA).is_valid(document(typical()) | {"surprise": 1})


def test_old_keys_keep_name_place_and_meaning():
    """A consumer of the earlier script's file finds its numbers where they were."""
    made = document(typical())
    assert (made["metadata"]["run1"]["id"], made["metadata"]["run2"]["id"]) == (85817, 86303)
    assert made["summary"]["curves_analyzed"] == 10  # of 11: one has no candidate values
    assert made["summary"]["regressions_detected"] == len(made["regressions"]) == 5
    assert made["summary"]["by_severity"] == {"critical": 3, "severe": 1, "moderate": 1}
    assert made["summary"]["by_confidence"] == {"high": 4, "medium": 0, "low": 1}
    worst = made["regressions"][0]
    assert (worst["endpoint"], worst["metric_type"]) == ("PUT /api/policies/{id}/settings", "latency")
    assert (worst["threads"], worst["severity"], worst["confidence"]) == (16, "critical", "high")
    assert worst["worst_window"]["location"] == "6000-10000"
    assert worst["worst_window"]["size"] == 5
    assert worst["worst_window"]["median_degradation_pct"] == pytest.approx(150)
    assert worst["worst_window"]["consistency_score"] == 1.0
    assert worst["all_windows"] == [worst["worst_window"]]


def test_numbers_are_unrounded_and_in_the_unit_beside_them():
    """The worst point holds the measured values themselves, in base units, and the metric's own change."""
    analysis = typical()
    found = document(analysis)["regressions"]
    rate = next(finding for finding in found if finding["metric_type"] == "rate")
    point = rate["worst_window"]["worst_point"]
    index = analysis.curves.label.index(point["load"])
    curve = analysis.curves.curves[rate["curve"]]
    at = curve.start + index
    assert rate["unit"] == "/s"
    assert point["baseline"] == analysis.curves.mean[0, at]
    assert point["candidate"] == analysis.curves.mean[1, at]
    assert point["slowdown_pct"] == pytest.approx(100 * (2.1 * 1.02 - 1))
    assert point["change_pct"] == pytest.approx(100 * (1 / (2.1 * 1.02) - 1))


def test_mixed_curve_shows_windows_of_both_directions():
    """A curve that is slower here and faster there lists both windows, the worse one as worst."""
    mixed = next(found for found in document(typical())["regressions"] if len(found["all_windows"]) == 2)
    assert [window["direction"] for window in mixed["all_windows"]] == ["worse", "better"]
    assert mixed["worst_window"] == mixed["all_windows"][0]
    assert mixed["all_windows"][1]["median_degradation_pct"] == pytest.approx(-25)


def test_curves_hold_what_the_analysis_holds():
    """Every curve can be drawn again from the file: values of all runs, null exactly where absent."""
    analysis = typical()
    made = document(analysis)
    assert [curve["curve"]["tag"] for curve in made["curves"]] == [curve.tag for curve in analysis.curves.curves]
    for curve, kept in zip(analysis.curves.curves, made["curves"], strict=True):
        for row, key in enumerate(("baseline", "candidate")):
            mean = analysis.curves.mean[row, curve.start : curve.stop].tolist()
            assert kept[key] == [None if math.isnan(value) else value for value in mean]
    absent = made["curves"][8]
    assert absent["candidate"] == [None] * 10
    assert absent["absence"][1] == [2] * 10


def test_every_curve_is_listed_once_by_outcome():
    """No curve is lost between the lists: they hold as many curves as were analysed."""
    made = document(typical())
    listed = sum(len(made[key]) for key in ("regressions", "minor", "improvements", "inconclusive"))
    assert listed + made["unchanged"]["count"] == made["summary"]["curves_total"]
    assert made["summary"]["by_outcome"] == {
        outcome.value: sum(result.outcome is outcome for result in typical().detection.results) for outcome in Outcome
    }


def test_bytes_are_stable_and_readable():
    """The same analysis gives the same bytes, and each curve is one line."""
    first, second = (result_json(typical()) for _ in range(2))
    assert first == second
    lines = first.decode().splitlines()
    assert sum(line.startswith('    {"curve"') for line in lines) == 11
    assert lines[1] == '  "schema_version": 4,'
    assert b"NaN" not in first


def test_half_a_surrogate_pair_does_not_stop_the_file():
    """Text that cannot be encoded is replaced, and the rest is written."""
    made = document(hostile("broken \ud800 text"))
    assert made["metadata"]["run1"]["title"] == "broken ? text"


def test_foreign_text_is_kept_as_it_is():
    """The file is for programs: tags are not escaped, cut or cleaned in it."""
    analysis = hostile()
    assert document(analysis)["regressions"][0]["tag"] == analysis.curves.curves[0].tag


def test_thousands_of_findings_are_all_in_the_file():
    """Only the report is capped; the file holds every finding."""
    assert len(document(many(5000))["regressions"]) == 3750


def test_tool_version_is_the_package_version():
    """The version in the results is the one of the installed package."""
    assert version("perftracker-ai") == TOOL_VERSION


def test_window_location_follows_the_kind_of_load():
    """Numbers give 36000-38000, ordered categories their names, a test without load nothing."""
    made = analysis([regressed(), regressed(scalar=True)], decision(Verdict.BLOCK))
    numbered, scalar = made.curves.curves
    named = structs.replace(made.curves, curves=(structs.replace(numbered, numbered=False), scalar))
    assert locations(made) == {"1000-10000", ""}
    assert locations(structs.replace(made, curves=named)) == {"1000 policies-10000 policies", ""}


def locations(made):
    return {found["worst_window"]["location"] for found in document(made)["regressions"]}


@pytest.mark.parametrize(("points", "quality"), [(10, "good"), (9, "good"), (8, "fair"), (5, "fair"), (4, "poor")])
def test_data_quality_is_the_share_compared(points, quality):
    """The earlier script's key says how much of the curve could be compared."""
    made = analysis([regressed()], decision(Verdict.BLOCK))
    results = (structs.replace(made.detection.results[0], points=points),)
    made = structs.replace(made, detection=structs.replace(made.detection, results=results))
    assert document(made)["regressions"][0]["data_quality"] == quality


def test_missing_candidate_gives_null_not_a_number():
    """A change that cannot be computed is null."""
    made = analysis([regressed()], decision(Verdict.BLOCK))
    gone = structs.replace(made.curves, mean=np.full_like(made.curves.mean, np.nan))
    found = document(structs.replace(made, curves=gone))["regressions"][0]
    assert found["worst_window"]["worst_point"] is None


def test_every_check_is_in_the_schema():
    """A check that can fail is one that the schema describes, each with fields of its own."""
    described = [one["properties"]["kind"]["const"] for one in SCHEMA["$defs"]["check"]["oneOf"]]
    assert described == [failed_check(kind).kind for kind in get_args(Check)]
    assert len(set(described)) == len(described)


def test_every_notice_is_in_the_schema():
    """A kind of notice that can be met is one that the schema names."""
    assert set(SCHEMA["$defs"]["notice"]["properties"]["kind"]["enum"]) == set(NOTICES)
