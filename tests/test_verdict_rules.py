"""What the verdict promises, tried on whole made-up jobs that every stage judges."""

import math
import re

import pytest
from builders import curve_tests, job
from loads import judged, load_test

from perftracker_ai.commands.analyze import is_gated
from perftracker_ai.commands.issues import key_of_step
from perftracker_ai.issues import Compared, follow
from perftracker_ai.model import Attribution, Direction, FindingKind, Outcome, Severity, Verdict
from perftracker_ai.render.issues_csv import issues_csv
from perftracker_ai.render.junit import junit_xml
from perftracker_ai.render.markdown import markdown
from perftracker_ai.report import build
from perftracker_ai.report.view import view
from perftracker_ai.settings import CurveSettings, ProductSettings

GATES = ("moderate", "severe", "critical", "investigate", "block")


def gates(analysis):
    return {gate for gate in GATES if is_gated(analysis, gate)}


def outcomes(analysis):
    return [result.outcome for result in analysis.detection.results]


# ── what the whole run shares ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("by", "severity"), [(1.2, Severity.MODERATE), (1.7, Severity.SEVERE), (2.5, Severity.CRITICAL)]
)
def test_a_run_that_is_slower_as_a_whole_is_one_issue(by, severity):
    """With its size as measured, undecided, of all curves, with both explanations; gates count it, nothing blocks."""
    analysis = judged(load_test(1, "1.0"), load_test(2, "1.1", lambda *_: by))
    (issue,) = analysis.clusters
    assert (issue.kind, issue.direction) == (FindingKind.WHOLE, Direction.WORSE)
    assert (issue.attribution, issue.severity) == (Attribution.UNDECIDED, severity)
    assert math.log1p(issue.median_slowdown) == pytest.approx(math.log(by), abs=0.02)
    assert set(issue.curves) == set(range(20))
    assert issue.endpoint == "the whole run"
    assert set(outcomes(analysis)) == {Outcome.MOVED}
    assert analysis.decision.verdict is Verdict.INVESTIGATE
    order = ("moderate", "severe", "critical")
    assert gates(analysis) == {"investigate", *order[: order.index(severity.value) + 1]}
    said = markdown(build(view(analysis)))
    assert "if both runs show it, it is code that all endpoints share; if one does, it is the machine" in said
    assert "taken off." not in said
    assert b"the whole run" in issues_csv([analysis])
    assert junit_xml([analysis]).count(f'type="{severity.value}"'.encode()) == 20


def test_an_issue_of_the_whole_run_has_one_key_whatever_its_size():
    """It is the same issue on another night, of another size, and at other endpoints beside it."""
    keys = {
        issue.key
        for seed, by in enumerate((1.3, 2.0, 4.0))
        for issue in judged(load_test(1, "1.0"), load_test(2, "1.1", lambda *_, by=by: by, seed=seed)).clusters
    }
    assert len(keys) == 1


def test_a_run_that_is_faster_as_a_whole_is_no_release_to_approve():
    """It is one issue of the better direction, and no gate of severity is reached."""
    analysis = judged(load_test(1, "1.0"), load_test(2, "1.1", lambda *_: 0.7))
    assert [one.direction for one in analysis.clusters] == [Direction.BETTER]
    assert gates(analysis) == {"investigate"}


def test_what_both_runs_of_the_candidate_show_is_the_code():
    """The whole run twice as slow in two runs of the new version blocks it; in one of two it blocks nothing."""
    twice = load_test(2, "1.1", lambda *_: 2.2)
    both = judged(load_test(1, "1.0"), twice, load_test(3, "1.1", lambda *_: 2.2), candidate_reruns=1)
    assert (both.decision.verdict, both.clusters[0].attribution) == (Verdict.BLOCK, Attribution.CODE)
    one = judged(load_test(1, "1.0"), twice, load_test(3, "1.1"), candidate_reruns=1)
    assert one.decision.verdict is not Verdict.BLOCK
    assert Outcome.REGRESSED not in outcomes(one)


def test_thread_counts_that_moved_by_far_more_are_an_issue_of_their_own():
    """A run a fifth slower, at 16 threads twice as slow: the latter is told by its own size."""
    sizes = {"threads": (1, 4, 16), "loads": 12}
    slower = load_test(2, "1.1", lambda _, threads, __: 2.1 if threads == 16 else 1.2, **sizes)
    found = {one.threads: one.severity for one in judged(load_test(1, "1.0", **sizes), slower).clusters}
    assert found == {(16,): Severity.CRITICAL, (1, 4): Severity.MODERATE}


def test_a_curve_too_noisy_to_tell_net_of_the_run_is_moved_where_it_surely_is():
    """Twice as slow in 25 % of noise: what cannot be told from its run is beyond the threshold all the same."""
    noisy = {"noise": 0.25, "level": 0.15, "loads": 8}
    analysis = judged(load_test(1, "1.0", **noisy), load_test(2, "1.1", lambda *_: 2.5, **noisy))
    assert outcomes(analysis).count(Outcome.MOVED) >= 15
    assert all(not one.needed for one in analysis.detection.results if one.outcome is Outcome.MOVED)


def test_an_endpoint_far_worse_than_its_run_is_an_issue_besides():
    """The run a third slower and one endpoint four times: both are told, the endpoint as the code's."""
    slower = load_test(2, "1.1", lambda endpoint, *_: 4.0 if endpoint == 3 else 1.33)
    found = judged(load_test(1, "1.0"), slower)
    assert [one.attribution for one in found.clusters] == [Attribution.CODE, Attribution.UNDECIDED]
    assert [len(one.curves) for one in found.clusters] == [1, 19]
    assert found.decision.verdict is Verdict.BLOCK


@pytest.mark.parametrize(("stayed", "count"), [(1, 10), (2, 10), (2, 12)])
@pytest.mark.parametrize("by", [1.3, 1.6, 3.0])
def test_what_stayed_in_a_run_that_got_slower_is_not_called_improved(stayed, count, by):
    """Nobody knows whether the machine or the code slowed the others; what would tell is said."""
    slower = load_test(2, "1.1", lambda endpoint, *_: 1.0 if endpoint < stayed else by, count=count)
    analysis = judged(load_test(1, "1.0", count=count), slower)
    assert outcomes(analysis)[stayed:] == [Outcome.MOVED] * (count - stayed)
    assert Outcome.IMPROVED not in outcomes(analysis)
    assert "one more run of the candidate" in analysis.detection.results[0].needed


def test_what_stayed_while_the_code_slowed_the_others_is_unchanged():
    """Two runs of the candidate show it: the others are the code's, and nothing became of the rest."""
    slower = [load_test(job, "1.1", lambda endpoint, *_: 1.0 if endpoint < 2 else 1.6, count=10) for job in (2, 3)]
    analysis = judged(load_test(1, "1.0", count=10), *slower, candidate_reruns=1)
    assert outcomes(analysis) == [Outcome.UNCHANGED] * 2 + [Outcome.REGRESSED] * 8


def test_a_run_a_little_slower_makes_no_curve_moved():
    """12 % are said of the run, and no curve is called what is not surely 15 % slower."""
    analysis = judged(load_test(1, "1.0"), load_test(2, "1.1", lambda *_: 1.12))
    assert set(outcomes(analysis)) == {Outcome.UNCHANGED}
    assert gates(analysis) == {"investigate"}


# ── changes of which nobody knows whether they are good ─────────────────────────────────────────────────────────────

PLAN = {"tag": "plan size: GET /orders", "metrics": "objects", "less_better": False}


@pytest.mark.parametrize("loads", [24, 4, 1])
@pytest.mark.parametrize(
    ("by", "severity"), [(1.2, Severity.MODERATE), (1.8, Severity.SEVERE), (0.4, Severity.CRITICAL)]
)
def test_a_change_of_unknown_direction_is_an_undecided_issue(by, severity, loads):
    """As grave as if it were for the worse, the same for more and for less; its cure is the setting that decides."""
    sizes = {"count": 1, "loads": loads} | PLAN
    analysis = judged(load_test(1, "1.0", **sizes), load_test(2, "1.1", lambda *_: by, **sizes))
    (issue,) = analysis.clusters
    assert (issue.direction, issue.attribution) == (Direction.UNKNOWN, Attribution.UNDECIDED)
    assert issue.severity is severity
    assert outcomes(analysis) == [Outcome.CHANGED]
    assert analysis.decision.verdict is Verdict.INVESTIGATE
    assert "block" not in gates(analysis)
    assert {"investigate", severity.value} <= gates(analysis)
    said = markdown(build(view(analysis)))
    assert "set curves.less_better in the settings" in said
    about = [line for line in said.splitlines() if "GET /" in line or "Size" in line or "Affected" in line]
    assert not re.search("slower|worse|cost|(lower|higher) is better", " ".join(about))
    assert b",unknown," in issues_csv([analysis])


@pytest.mark.parametrize(
    ("tag", "name"), [("heap used by mailer", "heap used by mailer"), ("heap: GET /x", "GET /x, heap")]
)
def test_an_issue_names_what_it_is_of_once(tag, name):
    """A tag outside the grammar is endpoint and metric, and is not told twice; within it the metric stands behind."""
    plan = {"count": 1, "loads": 4, "tag": tag, "metrics": "MB"}
    said = markdown(build(view(judged(load_test(1, "1.0", **plan), load_test(2, "1.1", lambda *_: 1.6, **plan)))))
    assert f"Worst: C1 {name}, " in said


def test_failures_from_none_are_told_with_their_values_and_as_felt():
    """Where the baseline has none there is no ratio, but there are two values; and who asked in vain felt it."""
    old, new = ({load: [rate] for load in range(1, 13)} for rate in (0.0, 9.0))
    runs = (
        job(*curve_tests("error rate: GET /a", points, metrics="%"), id=number, product_ver=str(number))
        for number, points in enumerate((old, new), 1)
    )
    said = markdown(build(view(judged(*runs))))
    assert "error rate 0 % → 9.00 %" in said
    assert "felt as failures" in said
    assert "not felt" not in said


def test_the_setting_decides_which_way_is_better():
    """What was undecided is a regression one way and an improvement the other."""
    jobs = load_test(1, "1.0", count=5, **PLAN), load_test(2, "1.1", lambda *_: 1.8, count=5, **PLAN)
    found = {
        less: judged(*jobs, settings=ProductSettings(curves=CurveSettings(less_better=(("plan size", less),))))
        for less in (True, False)
    }
    assert set(outcomes(found[True])) == {Outcome.REGRESSED}
    assert set(outcomes(found[False])) == {Outcome.IMPROVED}


def test_a_small_change_of_unknown_direction_is_no_issue():
    """Below the threshold it is called changed, and no gate is reached."""
    analysis = judged(load_test(1, "1.0", count=6, **PLAN), load_test(2, "1.1", lambda *_: 1.1, count=6, **PLAN))
    assert not analysis.clusters
    assert not gates(analysis)


# ── single loads ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("loads", [(30,), (20, 21, 22, 23), (6, 17, 30, 44)])
@pytest.mark.parametrize("noise", [0.005, 0.06])
def test_loads_that_all_endpoints_show_are_found_though_none_proves_them(loads, noise):
    """A quarter slower at a few of 54 loads, endpoint by endpoint: the middle of them all tells what no curve does."""
    sizes = {"loads": 54, "noise": noise, "level": noise / 2, "scores": 1, "by_load": False}
    slower = load_test(2, "1.1", lambda _, __, load: 1.25 if load in loads else 1.0, **sizes)
    analysis = judged(load_test(1, "1.0", **sizes), slower)
    worse = [outcome in {Outcome.REGRESSED, Outcome.MINOR} for outcome in outcomes(analysis)]
    assert sum(worse) >= 14
    assert analysis.decision.verdict is not Verdict.APPROVE
    assert "moderate" in gates(analysis)
    if len(loads) == 1 or loads[1] > loads[0] + 1:
        issue = next(one for one in analysis.clusters if one.direction is Direction.WORSE)
        assert issue.endpoints == sum(worse)
        assert issue.endpoint.endswith("of several endpoints")


@pytest.mark.parametrize("loads", [(30,), (6, 17, 30, 44)])
def test_without_times_a_load_of_all_endpoints_is_undecided(loads):
    """Nothing tells it from an episode, so it is an issue that a second run decides, and no curve is unchanged."""
    sizes = {"loads": 54, "scores": 1, "begin": None, "end": None, "seq_num": 0}
    slower = load_test(2, "1.1", lambda _, __, load: 1.3 if load in loads else 1.0, **sizes)
    analysis = judged(load_test(1, "1.0", **sizes), slower)
    assert Outcome.UNCHANGED not in outcomes(analysis)
    assert {one.attribution for one in analysis.clusters} == {Attribution.UNDECIDED}
    assert analysis.decision.verdict is Verdict.INVESTIGATE


@pytest.mark.parametrize("seed", range(4))
def test_endpoints_that_did_not_change_agree_on_no_load(seed):
    """Noise of 6 %, and a curve at six: nothing is found, whichever way the tests were run."""
    sizes = {"loads": 30, "noise": 0.06, "scores": 1, "seed": seed, "by_load": seed % 2 == 0}
    analysis = judged(load_test(1, "1.0", **sizes), load_test(2, "1.1", **sizes))
    assert not [one for one in analysis.clusters if one.endpoints > 1]


@pytest.mark.parametrize("by", [3.0, 10.0])
@pytest.mark.parametrize("load", [0, 12, 23])
def test_a_single_load_that_nothing_proves_is_mentioned_where_all_is_well(load, by):
    """One score, no rerun, one endpoint: no finding, but the first screen names load and size."""
    slower = load_test(2, "1.1", lambda endpoint, _, at: by if (endpoint, at) == (3, load) else 1.0, scores=1)
    analysis = judged(load_test(1, "1.0", scores=1), slower)
    said = markdown(build(view(analysis)))
    line = next(line for line in said.splitlines() if line.startswith("- **Loads:**"))
    assert "GET /part03/list" in line
    assert f"{(load + 1) * 1000} items" in line
    assert outcomes(analysis)[3] is not Outcome.UNCHANGED


# ── one issue, one size ─────────────────────────────────────────────────────────────────────────────────────────────


def test_an_issue_that_is_remembered_has_the_size_that_the_report_says():
    """Thread counts hit unevenly, over other loads: the size is that of the gravest curves, where they were worst."""
    sizes = {"threads": (1, 4, 16), "count": 6, "rates": True}

    def slower(endpoint, threads, load):
        if endpoint != 2:
            return 1.0
        return {1: 1.2, 4: 1.45 if load > 8 else 1.0, 16: 3.0 if load > 15 else 1.3}[threads]

    jobs = load_test(1, "1.0", **sizes), load_test(2, "1.1", slower, **sizes)
    analysis = judged(*jobs)
    (issue,) = [one for one in analysis.clusters if one.direction is Direction.WORSE]
    compared = Compared(
        baseline=analysis.baseline,
        candidate=analysis.candidate,
        curves=analysis.curves,
        detection=analysis.detection,
        clusters=analysis.clusters,
        checks=(),
        timeline=None,
        past=None,
    )
    (kept,) = follow(compared, (), None, ProductSettings(), key_of_step)
    assert kept.issue.slowdown == kept.issue.opened == issue.median_slowdown
    (again,) = follow(compared, (kept,), None, ProductSettings(), key_of_step)
    assert math.log1p(again.issue.slowdown) == pytest.approx(math.log1p(issue.median_slowdown), abs=0.05)


# ── one version twice ───────────────────────────────────────────────────────────────────────────────────────────────


def test_between_two_runs_of_one_version_nothing_is_told_as_a_finding():
    """However large: the first sentences, priority and action speak of the machine, and no gate is reached."""
    slower = load_test(2, "1.0", lambda endpoint, *_: 2.5 if endpoint == 3 else 1.0, count=12)
    analysis = judged(load_test(1, "1.0", count=12), slower)
    assert analysis.decision.verdict is Verdict.SAME_VERSION
    assert not gates(analysis)
    said = markdown(build(view(analysis)))
    first = said[: said.index("## Executive Summary")]
    assert "noise or environment" in first
    assert "Worst" not in first
    assert "Found" not in first
    assert not {"immediate,", "profile"} & set(said.split())
