"""The page on a test's own noise, on simulated pasts of which the truth is known."""

import csv
import io
import json
from contextlib import closing
from datetime import timedelta

import numpy as np
import pytest
from builders import NOON, curve_tests, info, job
from dashboards import HOST, NOW, ask
from msgspec.structs import replace
from scipy.stats import beta, norm
from test_store_comparisons import ORIGIN, comparison

from perftracker_ai.commands.records import FolderRecords, StoreRecords
from perftracker_ai.curves import build_curves
from perftracker_ai.dashboard.app import application
from perftracker_ai.dashboard.causes import step_of
from perftracker_ai.dashboard.noise import same_versions
from perftracker_ai.detect.chance import RULE_P
from perftracker_ai.settings import CurveSettings
from perftracker_ai.store import open_store

JOBS, LOADS = 64, 16
WHOLE = 0.02
KINDS = ("few", "warm", "coarse", "spikes", "bimodal", "daily", "loud", "calm", "still", "even")
"""What is wrong with each endpoint: scores, first points, clock, spikes, levels, hour, all of it, or nothing."""
EXPECTED = {
    "few": {"few scores"},
    "warm": {"warm-up"},
    "coarse": {"coarse values"},
    "spikes": {"spikes"},
    "bimodal": {"bimodal"},
    "daily": {"time of day"},
}


def layout():
    """Give the curves of the simulated product."""
    tests = [
        one
        for kind in KINDS
        for one in curve_tests(f"latency (1 th): GET /{kind}", {load: [1.0] for load in range(1, LOADS + 1)})
    ]
    return build_curves([job(*tests)], CurveSettings())[0]


def measured(base, at, end, rng):
    """Draw a job: what each endpoint costs, with what is wrong with it."""
    cost = np.full((len(KINDS), LOADS), WHOLE) * rng.normal()
    cost += rng.normal(0, 0.01, cost.shape)
    row = {
        kind: base.curves.index(next(one for one in base.curves if one.endpoint == f"GET /{kind}")) for kind in KINDS
    }
    cost[row["few"]] += rng.normal(0, 0.4, LOADS)
    cost[row["warm"], :2] += rng.normal(0, 0.5, 2)
    cost[row["spikes"]] += np.where(rng.random(LOADS) < 0.04, np.log(3), 0)
    cost[row["bimodal"]] += np.log(1.6) * (rng.random() < 0.4)
    cost[row["daily"]] += 0.1 * np.cos(2 * np.pi * end.hour / 24)
    cost[row["loud"]] += rng.normal(0, 0.08)
    for quiet in ("calm", "still", "even", "bimodal", "daily", "coarse"):
        cost[row[quiet]] += rng.normal(0, 0.005)
    mean = 0.05 * np.exp(cost)
    mean[row["coarse"]] = np.round(5 * mean[row["coarse"]] / 0.01) * 0.01 / 5  # of five scores
    count = np.full(cost.shape, 5)
    count[row["few"]] = 1
    start = end.timestamp() - 3600
    begin = start + np.tile(np.arange(LOADS) * 60.0, (len(KINDS), 1))
    shape = (1, mean.size)
    return replace(
        base,
        mean=mean.reshape(shape),
        count=count.reshape(shape),
        begin=begin.reshape(shape),
        end=begin.reshape(shape) + 50,
    )


def fill(store, *, runs_a_version=1, jobs=JOBS):
    """Record a past, a job every five hours."""
    base, rng = layout(), np.random.default_rng(5)
    for at in range(jobs):
        end = NOON + timedelta(hours=5 * at)
        head = info(
            at, uuid=f"uuid-{at}", product_ver=f"1.{at // runs_a_version}", end=end, hosts=("bg-f1",), suite_name="API"
        )
        store.put(ORIGIN, head, measured(base, at, end, rng), "r")
    store.comparisons.put(comparison(jobs - 1), b"{}", ())


@pytest.fixture(scope="module")
def pasts(tmp_path_factory):
    """Two pasts, of a run a version and of two: their dashboards."""
    folder = tmp_path_factory.mktemp("pasts")
    stores = [open_store(str(folder / f"{runs}.sqlite3")) for runs in (1, 2)]
    for runs, store in enumerate(stores, 1):
        fill(store, runs_a_version=runs)
    yield [application(StoreRecords(store, FolderRecords(folder / "none")), {HOST}, lambda: NOW) for store in stores]
    for store in stores:
        store.close()


def shown(app, path="/p/Shop/noise"):
    answer = ask(app, f"/api/v1{path}")
    assert answer.status == 200, answer.text
    return json.loads(answer.body)


def by_kind(page):
    return {one["endpoint"].removeprefix("GET /"): one for one in page["curves"]}


@pytest.mark.parametrize("past", [0, 1])
def test_what_makes_a_curve_scatter_is_named_and_nothing_else(pasts, past):
    """On a past of which the truth is known each cause is named where it is, and none where nothing is wrong."""
    told = {kind: {cause["kind"] for cause in one["causes"]} for kind, one in by_kind(shown(pasts[past])).items()}
    assert told == {kind: EXPECTED.get(kind, set()) for kind in KINDS}


@pytest.mark.parametrize("past", [0, 1])
def test_scatter_is_what_was_put_in(pasts, past):
    """What the run shares and what a curve has for itself come out as they were drawn; the noisiest curve is on top."""
    page = shown(pasts[past])
    told = by_kind(page)
    assert page["same_version"] is bool(past)
    assert page["whole"]["size"] == pytest.approx(WHOLE, rel=0.5)
    assert told["loud"]["scatter"]["size"] == pytest.approx(0.083, rel=0.35)
    assert told["calm"]["scatter"]["size"] < 0.012
    sizes = [one["scatter"]["size"] for one in page["curves"]]
    assert sizes == sorted(sizes, reverse=True)
    assert (page["told"], page["untold"], page["count"]) == (len(KINDS), 0, JOBS)


def test_so_many_runs_would_show_a_change(pasts):
    """Runs are those after which a change is as many standard errors as the rule asks for; one fewer is not enough."""
    scatter = by_kind(shown(pasts[0]))["loud"]["scatter"]
    sigma = np.log1p(scatter["size"])
    for change, runs in zip((0.05, 0.1, 0.2), scatter["runs"], strict=True):
        reached = [np.log1p(change) / (sigma * np.sqrt(2 / count)) for count in (runs, runs - 1) if count]
        needed = norm.isf(RULE_P)
        assert reached[0] >= needed * 0.999
        assert all(one < needed for one in reached[1:])


def test_a_cause_is_told_with_its_numbers(pasts):
    """Numbers of a cause are near those that were put in, and its sentence holds them."""
    told = {kind: one["causes"][0] for kind, one in by_kind(shown(pasts[0])).items() if one["causes"]}
    assert told["coarse"]["numbers"]["step"] == pytest.approx(0.01)
    assert "steps of 10.0 ms" in told["coarse"]["said"]
    assert told["bimodal"]["numbers"]["high"] / told["bimodal"]["numbers"]["low"] == pytest.approx(1.6, rel=0.05)
    assert told["daily"]["numbers"]["size"] == pytest.approx(0.22, rel=0.3)
    assert min(told["daily"]["numbers"]["worst_hour"], 24 - told["daily"]["numbers"]["worst_hour"]) <= 1
    assert told["few"]["numbers"]["scores"] == 1
    assert told["spikes"]["numbers"]["times"] == pytest.approx(3, rel=0.1)


def test_page_json_and_csv_hold_the_same(pasts):
    """Every curve of the values is in the page and in the CSV, whose scatters are unrounded."""
    values = shown(pasts[0])
    html, table = ask(pasts[0], "/p/Shop/noise").text, ask(pasts[0], "/p/Shop/noise?format=csv").text
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [float(row["scatter"]) for row in rows] == [one["scatter"]["size"] for one in values["curves"]]
    assert [row["tag"] for row in rows] == [one["tag"] for one in values["curves"]]
    for one in values["curves"]:
        assert all(cause["said"] in html for cause in one["causes"])
    assert ask(pasts[0], "/p/Shop").text.count("/p/Shop/noise") == 1


def test_two_jobs_of_one_version_are_named_to_be_compared(pasts):
    """Where a version ran twice and was never compared with itself, the page says which jobs to compare."""
    assert [one["job"] for one in shown(pasts[1])["same"]["to_compare"]] == [JOBS - 2, JOBS - 1]
    assert f"/compare?base={JOBS - 2}&amp;cand={JOBS - 1}" in ask(pasts[1], "/p/Shop/noise").text
    assert shown(pasts[0])["same"]["to_compare"] == []


def twice(number, flagged, judged):
    """Give a comparison of a version with itself."""
    counts = {"regressed": flagged, "unchanged": judged - flagged, "inconclusive": 50, "critical": 3}
    return comparison(number, baseline_version="1.0", candidate_version=" v1.0", verdict="SAME VERSION", counts=counts)


def test_the_rate_of_false_alarms_is_that_of_versions_compared_with_themselves(tmp_path):
    """Curves that were flagged where nothing changed are counted with an interval, other comparisons are not in it."""
    with closing(open_store(str(tmp_path / "s.sqlite3"))) as store:
        for made in (twice(1, 2, 100), twice(2, 0, 100), comparison(3, counts={"regressed": 90, "unchanged": 10})):
            store.comparisons.put(made, b"{}", ())
        app = application(StoreRecords(store, FolderRecords(tmp_path)), {HOST}, lambda: NOW)
        same = shown(app)["same"]
        assert (same["pairs"], same["judged"], same["flagged"]) == (2, 200, 2)
        assert same["low"] < 0.01 < same["high"] < 0.2
        assert "2 of 200 curves were said to have changed: 1 %" in ask(app, "/p/Shop/noise").text


def test_a_folder_of_reports_says_what_a_store_would_add(tmp_path):
    """Without a store nothing is known of the curves: the page says so, and what would bring it."""

    class Reports(FolderRecords):
        def comparisons(self, product, most):
            return (twice(1, 3, 100),)[:most]

    html = ask(application(Reports(tmp_path), {HOST}, lambda: NOW), "/p/Shop/noise").text
    assert "Nothing is kept of what the curves of past jobs cost" in html
    assert "3 of 100 curves were said to have changed" in html
    assert "A store adds" in html


def test_a_few_jobs_say_what_is_missing(tmp_path):
    """Two jobs tell no scatter and are not an error; a product that nobody knows is one."""
    with closing(open_store(str(tmp_path / "s.sqlite3"))) as store:
        fill(store, jobs=2)
        app = application(StoreRecords(store, FolderRecords(tmp_path)), {HOST}, lambda: NOW)
        assert (shown(app)["curves"], shown(app)["untold"]) == ([], len(KINDS))
        assert "Too few jobs are kept" in ask(app, "/p/Shop/noise").text
        assert ask(app, "/p/Nobody/noise").status == 404


def test_several_pairs_that_differ_make_the_interval_wider():
    """One pair that flags much and one that flags nothing tell less than their curves added up."""
    alike, apart = ([(twice(1, a, 100), ""), (twice(2, b, 100), "")] for a, b in ((5, 5), (10, 0)))
    first, second = same_versions(alike, ()), same_versions(apart, ())
    assert second.high - second.low > 1.3 * (first.high - first.low)
    assert first.low == pytest.approx(beta.ppf(0.025, 10, 191), rel=1e-6)


@pytest.mark.parametrize("step", [0.001, 0.25, 3.0])
def test_a_step_is_found_where_all_values_are_multiples_of_it(step):
    """The largest common step is found by the values alone; values without one have none that matters."""
    rng = np.random.default_rng(1)
    assert step_of(rng.integers(20, 40, 200) * step) == pytest.approx(step)
    assert step_of(step * np.exp(rng.normal(0, 0.1, 200))) < step / 1000
