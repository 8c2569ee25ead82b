"""The policy: each rule fires on what it names and on nothing less, and the strongest verdict wins."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from analyses import failed_check
from comparisons import LOADS, curve_set, family, judged, make_set, marked, measured, times
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from perftracker_ai.coverage import compare_coverage
from perftracker_ai.diagnose import diagnose
from perftracker_ai.model import (
    CANDIDATE,
    Absence,
    Attribution,
    Confidence,
    CoverageFinding,
    CoverageKind,
    Insecure,
    MetricKind,
    OtherHardware,
    OtherProduct,
    OtherSuite,
    Outcome,
    RunShift,
    Severity,
    Verdict,
)
from perftracker_ai.model.checks import AnotherMachine, IdenticalResults, LowerVersion, OneVersion, TooGood
from perftracker_ai.model.history import Chronicle, Drift, JobRef, Patterns
from perftracker_ai.settings import DetectSettings, PolicySettings
from perftracker_ai.verdict import decide

EVERYWHERE = (0.0, 1e9)
STRENGTH = [
    Verdict.APPROVE,
    Verdict.APPROVE_WITH_MONITORING,
    Verdict.INVESTIGATE,
    Verdict.INSUFFICIENT_EVIDENCE,
    Verdict.BLOCK,
    Verdict.SAME_VERSION,
]


def decided(
    *factors,
    confidence=Confidence.HIGH,
    coverage=(),
    policy=None,
    notices=(),
    past=None,
    edit=None,
    validity=(),
    **given_,
):
    """Decide on one endpoint for each cost factor, and five unchanged ones."""
    curves = curve_set(
        *(measured(f"GET /{i}", factor=times(factor), noise=0.01) for i, factor in enumerate(factors)),
        *(measured(f"GET /calm/{i}", noise=0.01) for i in range(5)),
    )
    ranges = {i: (EVERYWHERE,) for i, factor in enumerate(factors) if factor != 1.0}
    detection = judged(curves, ranges, confidence=confidence, **given_)
    detection = edit(detection) if edit else detection
    clusters = diagnose(curves, detection, "Shop")
    chosen = policy or PolicySettings()
    return decide(
        curves, detection, coverage, clusters, chosen, DetectSettings(), notices=notices, past=past, validity=validity
    )


def fired(decision):
    return [rule.key for rule in decision.rules if rule.fired]


def rule(decision, key):
    (found,) = [rule for rule in decision.rules if rule.key == key]
    return found


def finding(kind, severity, points=5):
    return CoverageFinding(
        kind=kind,
        group="items",
        curves=(0,),
        load_first="50000 items",
        load_last="54000 items",
        points=points,
        reason="FAILED",
        baseline_errors=0,
        candidate_errors=0,
        severity=severity,
    )


@pytest.mark.parametrize(
    ("factors", "confidence", "verdict"),
    [
        ((), Confidence.HIGH, Verdict.APPROVE),
        ((0.5,), Confidence.HIGH, Verdict.APPROVE),
        ((1.1,), Confidence.HIGH, Verdict.APPROVE),
        ((1.1,) * 5, Confidence.HIGH, Verdict.APPROVE_WITH_MONITORING),
        ((1.3,), Confidence.HIGH, Verdict.APPROVE_WITH_MONITORING),
        ((1.3,), Confidence.LOW, Verdict.APPROVE_WITH_MONITORING),
        ((1.7,), Confidence.HIGH, Verdict.INVESTIGATE),
        ((1.7,) * 3, Confidence.MEDIUM, Verdict.BLOCK),
        ((1.7,) * 3, Confidence.LOW, Verdict.INVESTIGATE),
        ((2.5,), Confidence.MEDIUM, Verdict.BLOCK),
        ((2.5,), Confidence.LOW, Verdict.INVESTIGATE),
    ],
    ids=[
        "nothing",
        "improvement",
        "one minor",
        "five minor",
        "moderate",
        "doubtful moderate",
        "one severe",
        "three severe",
        "three doubtful severe",
        "critical",
        "doubtful critical",
    ],
)
def test_regressions_decide_by_size_number_and_confidence(factors, confidence, verdict):
    """The verdict of regressions is the one the default policy declares."""
    assert decided(*factors, confidence=confidence).verdict is verdict


def test_endpoint_with_many_curves_counts_once():
    """Six severe curves of one endpoint are one item, which does not reach the three that block."""
    curves = curve_set(*family(factor=times(1.7)), *family("GET /calm"))
    detection = judged(curves, dict.fromkeys(range(6), (EVERYWHERE,)))
    decision = decide(curves, detection, (), diagnose(curves, detection, "Shop"), PolicySettings(), DetectSettings())
    assert decision.verdict is Verdict.INVESTIGATE


@pytest.mark.parametrize(
    ("kind", "severity", "verdict"),
    [
        (CoverageKind.NEW_FAILURE, Severity.CRITICAL, Verdict.INVESTIGATE),
        (CoverageKind.LOST_POINTS, Severity.SEVERE, Verdict.INVESTIGATE),
        (CoverageKind.MORE_ERRORS, Severity.MODERATE, Verdict.APPROVE_WITH_MONITORING),
        (CoverageKind.NEW_FAILURE, Severity.MINOR, Verdict.APPROVE),
        (CoverageKind.NEW_GROUP, None, Verdict.APPROVE),
    ],
)
def test_coverage_decides_by_severity(kind, severity, verdict):
    """Crashes and lost tests ask for investigation, random failures and news for nothing."""
    assert decided(coverage=(finding(kind, severity),)).verdict is verdict


def test_new_failures_block_only_where_the_policy_says_so():
    """Five newly failing points block from a threshold of five on, not of six, and not when switched off."""
    crash = (finding(CoverageKind.NEW_FAILURE, Severity.CRITICAL),)
    blocked = decided(coverage=crash, policy=PolicySettings(block_failures=5))
    assert (blocked.verdict, "block_failures" in fired(blocked)) == (Verdict.BLOCK, True)
    assert decided(coverage=crash, policy=PolicySettings(block_failures=6)).verdict is Verdict.INVESTIGATE
    assert "switched off" in rule(decided(coverage=crash), "block_failures").text


def test_random_failures_do_not_count_towards_blocking():
    """Failures the background explains are left out of the count."""
    scattered = tuple(finding(CoverageKind.NEW_FAILURE, Severity.MINOR, 1) for _ in range(9))
    assert decided(coverage=scattered, policy=PolicySettings(block_failures=1)).verdict is Verdict.APPROVE


def test_crash_found_by_coverage_asks_for_investigation():
    """A service that fails at its five highest loads is not approved, though no curve is slow."""
    curves = marked(curve_set(*family(), *family("GET /b")), CANDIDATE, Absence.FAILED, {0: LOADS[-5:]})
    detection = judged(curves, {})
    decision = decide(curves, detection, compare_coverage(curves), (), PolicySettings(), DetectSettings())
    assert decision.verdict is Verdict.INVESTIGATE
    assert rule(decision, "serious_coverage").because == "new failure (5 load points)"


def test_large_shift_asks_for_a_rerun():
    """A run that is as a whole much slower is not judged by its curves."""
    decision = decided(shift=0.12, large=True)
    assert decision.verdict is Verdict.INVESTIGATE
    assert "rerun before you judge" in rule(decision, "large_shift").text
    assert rule(decision, "large_shift").because == "the whole run 12 % slower"


def test_large_shift_does_not_hide_a_critical_regression():
    """What is critical net of the shift blocks all the same."""
    decision = decided(2.6, shift=0.12, large=True)
    assert decision.verdict is Verdict.BLOCK
    assert "large_shift" in fired(decision)


def test_shifts_of_one_size_are_told_together():
    """The reason names metric and threads of every large shift, equal ones together."""
    shift = RunShift(
        metric_kind=MetricKind.LATENCY,
        threads=1,
        slowdown=0.15,
        low=0.1,
        high=0.2,
        curves=9,
        significant=True,
        large=True,
        attribution=Attribution.UNDECIDED,
    )
    shifts = (shift, replace(shift, threads=16), replace(shift, metric_kind=None, threads=None, large=False))
    decision = decided(edit=lambda detection: replace(detection, shifts=shifts))
    assert rule(decision, "large_shift").because == "latency at 1 thread, latency at 16 threads 15 % slower"


@pytest.mark.parametrize(("slowdown", "verdict"), [(0.12, Verdict.APPROVE_WITH_MONITORING), (-0.12, Verdict.APPROVE)])
def test_a_run_that_is_slower_by_code_in_all_its_curves_is_watched(slowdown, verdict):
    """What further runs of the candidate show again is the code's: too little for a regression, and no approval."""
    shift = RunShift(
        metric_kind=MetricKind.LATENCY,
        threads=None,
        slowdown=slowdown,
        low=slowdown - 0.01,
        high=slowdown + 0.01,
        curves=20,
        significant=True,
        large=True,
        attribution=Attribution.CODE,
    )
    decision = decided(edit=lambda detection: replace(detection, shifts=(shift,)))
    assert decision.verdict is verdict
    assert rule(decision, "monitor_minor").because == ("latency 12 % slower" if slowdown > 0 else "none")


def test_without_any_estimated_shift_the_rule_says_so():
    """No estimate is not a shift of zero."""
    decision = decided(edit=lambda detection: replace(detection, shifts=()))
    assert rule(decision, "large_shift").because == "no run-wide shift was estimated"


def test_too_few_compared_curves_are_no_basis():
    """With half of the baseline's curves gone nothing is decided, unless what is left blocks."""
    curves = curve_set(*(measured(f"GET /{i}", factor=times(2.5)) for i in range(10)))
    curves = marked(curves, CANDIDATE, Absence.MISSING, dict.fromkeys(range(6), ()))
    detection = judged(curves, {9: (EVERYWHERE,)})
    decision = decide(curves, detection, (), diagnose(curves, detection, "Shop"), PolicySettings(), DetectSettings())
    assert decision.verdict is Verdict.BLOCK
    assert rule(decision, "min_compared").because == "4 of 10 curves compared"
    calm = judged(curves, {})
    decision = decide(curves, calm, (), diagnose(curves, calm, "Shop"), PolicySettings(), DetectSettings())
    assert decision.verdict is Verdict.INSUFFICIENT_EVIDENCE


def test_nothing_compared_is_no_basis_whatever_the_policy():
    """An empty comparison is never approved, not even with a share of zero."""
    empty = make_set([], [], [], np.empty((2, 0)))
    decision = decide(empty, judged(empty, {}), (), (), PolicySettings(min_compared=0.0), DetectSettings())
    assert decision.verdict is Verdict.INSUFFICIENT_EVIDENCE


@pytest.mark.parametrize("kind", [OtherHardware, OtherSuite, OtherProduct])
def test_jobs_that_are_not_alike_ask_for_investigation(kind):
    """A difference in hardware, suite or product is named as the reason; other notices are none."""
    decision = decided(notices=(kind(baseline="a", candidate="b"), Insecure(server="a")))
    assert decision.verdict is Verdict.INVESTIGATE
    assert rule(decision, "comparability").because.startswith(("other hardware", "another"))
    assert decided(notices=(Insecure(server="a"),)).verdict is Verdict.APPROVE


def test_mostly_inconclusive_comparison_is_monitored():
    """Where most curves could not be told, approval is not unconditional."""

    def doubt(detection):
        results = [replace(r, outcome=Outcome.INCONCLUSIVE) if r.curve < 3 else r for r in detection.results]
        return replace(detection, results=tuple(results))

    decision = decided(edit=doubt)
    assert decision.verdict is Verdict.APPROVE_WITH_MONITORING
    assert rule(decision, "max_inconclusive").because == "3 of 5 compared curves inconclusive"


def test_every_rule_is_listed_with_its_threshold_and_what_it_saw():
    """Fired or not, each rule states its threshold and its observation, and keys are unique."""
    decision = decided(1.7, policy=PolicySettings(block_severe=4, monitor_minor=0))
    assert len({rule.key for rule in decision.rules}) == len(decision.rules) == 19
    assert all(rule.text and rule.because for rule in decision.rules)
    assert rule(decision, "block_severe").text.startswith("4 or more severe regressions (50 % slower or more)")
    assert rule(decision, "block_severe").because == "C1"
    assert "switched off" in rule(decision, "monitor_minor").text
    assert fired(decision) == ["serious_regressions"]


def test_one_version_is_no_release_whatever_was_found():
    """Between two runs of one version nothing is blocked or approved."""
    check = failed_check(OneVersion, blocks=False, approves=False)
    assert decided(*(2.5,) * 4, validity=(check,)).verdict is Verdict.SAME_VERSION
    assert decided(validity=(check,)).verdict is Verdict.SAME_VERSION


def test_a_comparison_unfit_to_block_asks_for_investigation():
    """What would block leaves no more than a question where the comparison is not fit to decide on."""
    check = failed_check(LowerVersion, blocks=False, approves=False)
    assert decided(*(2.5,) * 4).verdict is Verdict.BLOCK
    assert decided(*(2.5,) * 4, validity=(check,)).verdict is Verdict.INVESTIGATE


def test_a_doubt_that_leaves_no_room_for_approval_asks_for_investigation():
    """Another machine or a disturbed run is never approved unseen; what is only told changes nothing."""
    assert decided(validity=(failed_check(AnotherMachine, approves=False),)).verdict is Verdict.INVESTIGATE
    assert decided(validity=(failed_check(IdenticalResults),)).verdict is Verdict.APPROVE
    assert decided(validity=(failed_check(TooGood),)).verdict is Verdict.APPROVE_WITH_MONITORING


@pytest.mark.parametrize(
    ("attribution", "size", "verdict"),
    [
        (Attribution.UNDECIDED, 2.5, Verdict.INVESTIGATE),
        (Attribution.UNDECIDED, 1.3, Verdict.INVESTIGATE),
        (Attribution.ENVIRONMENT, 2.5, Verdict.APPROVE),
        (Attribution.CODE, 2.5, Verdict.BLOCK),
    ],
)
def test_only_the_code_blocks(attribution, size, verdict):
    """What may be the machine's asks for the deciding measurement, and what is the machine's counts for nothing."""

    def whose(detection):
        results = [replace(one, attribution=attribution if one.windows else None) for one in detection.results]
        return replace(detection, results=tuple(results))

    assert decided(size, size, size, edit=whose).verdict is verdict


def test_reason_names_eight_issues_and_counts_the_rest():
    """A long list of issues stays one line."""
    because = rule(decided(*(1.7,) * 11), "block_severe").because
    assert because.startswith("C1, C2, C3, ")
    assert because.endswith(", C8 and 3 more")


def test_switched_off_rules_do_not_block():
    """A threshold of zero leaves severe and critical regressions to investigation."""
    policy = PolicySettings(block_critical=0, block_severe=0)
    assert decided(*(2.5,) * 4, policy=policy).verdict is Verdict.INVESTIGATE


factors = st.lists(st.sampled_from([0.6, 1.0, 1.1, 1.3, 1.7, 2.5]), max_size=6)


@given(factors, st.sampled_from(list(Confidence)), st.sampled_from([1.3, 1.7, 2.5]))
@settings(deadline=None, max_examples=30)
def test_one_more_regression_never_softens_the_verdict(sizes, confidence, more):
    """Adding a regression leaves the verdict as it is or makes it stricter."""
    before, after = decided(*sizes, confidence=confidence), decided(*sizes, more, confidence=confidence)
    assert STRENGTH.index(after.verdict) >= STRENGTH.index(before.verdict)


@given(factors, st.sampled_from(list(Confidence)))
@settings(deadline=None, max_examples=30)
def test_verdict_is_that_of_the_first_rule_fired(sizes, confidence):
    """The decision follows from its own list, whose verdicts only get weaker."""
    decision = decided(*sizes, confidence=confidence)
    assert decision.verdict is next(rule.verdict for rule in decision.rules if rule.fired)
    strengths = [STRENGTH.index(rule.verdict) for rule in decision.rules]
    assert strengths == sorted(strengths, reverse=True)


# ── what creeps ─────────────────────────────────────────────────────────────────────────────────────────────────────


def crept(*sizes, oldest=True):
    """A history in which one endpoint for each (slowdown, low, high) crept."""
    creeps = tuple(
        Drift(endpoint=f"GET /{at}", curves=("p95",), slowdown=size, low=low, high=high)
        for at, (size, low, high) in enumerate(sizes)
    )
    first = JobRef(job=101, version="2.0", end=datetime(2026, 7, 1, 5, tzinfo=UTC))
    told = Patterns(curves=9, too_short=0, shifts=(), creeps=creeps, unrests=(), switchings=())
    return Chronicle(jobs=(first,), onsets=(), patterns=told, oldest=first if oldest else None)


@pytest.mark.parametrize(
    ("size", "threshold", "fires"),
    [
        ((0.365, 0.346, 0.384), 0.15, True),
        ((0.15, 0.06, 0.25), 0.15, True),
        ((0.149, 0.14, 0.16), 0.15, False),
        ((0.3, 0.05, 0.6), 0.15, False),
        ((-0.3, -0.35, -0.25), 0.15, False),
        ((0.149, 0.14, 0.16), 0.1, True),
        ((0.365, 0.346, 0.384), 0.0, False),
    ],
    ids=["large", "just", "small", "doubtful", "faster", "stricter policy", "switched off"],
)
def test_a_creep_asks_for_monitoring_when_it_is_large_and_sure(size, threshold, fires):
    """The sum counts from the policy's threshold on, and only when its whole interval would be listed."""
    decision = decided(past=crept(size), policy=PolicySettings(monitor_creep=threshold))
    assert fired(decision) == ["monitor_creep" if fires else "approve"]
    assert decision.verdict is (Verdict.APPROVE_WITH_MONITORING if fires else Verdict.APPROVE)


def test_the_reason_names_the_worst_creep_with_its_interval_and_counts_the_others():
    """Whoever reads the rule knows which endpoint, by how much, how sure, since when, and how many more there are."""
    past = crept((0.365, 0.346, 0.384), (0.2, 0.18, 0.22), (0.4, -0.1, 0.9))
    assert rule(decided(past=past), "monitor_creep").because == (
        "GET /0 +36.5 % (+34.6 % to +38.4 %) since 2026-07-01; 1 more"
    )


def test_a_creep_too_small_to_fire_is_named_as_what_was_seen():
    """A rule that did not fire says what it saw; what became faster is nothing to see."""
    past = crept((0.08, 0.06, 0.1), oldest=False)
    assert rule(decided(past=past), "monitor_creep").because == "GET /0 +8 % (+6 % to +10 %) since the oldest job"
    assert rule(decided(past=crept((-0.3, -0.35, -0.25))), "monitor_creep").because == "none"


def test_a_long_endpoint_leaves_room_for_how_much_it_crept():
    """An endpoint of any length does not push the size out of what is shown."""
    past = crept((0.365, 0.346, 0.384))
    (creep,) = past.patterns.creeps
    long = replace(past, patterns=replace(past.patterns, creeps=(replace(creep, endpoint="GET /" + "long/" * 99),)))
    because = rule(decided(past=long), "monitor_creep").because
    assert because.endswith(" +36.5 % (+34.6 % to +38.4 %) since 2026-07-01")
    assert len(because) < 140


def test_the_threshold_is_in_the_words_of_the_rule():
    """The rule says from what on it fires, or that it is switched off."""
    assert rule(decided(past=crept()), "monitor_creep").text == (
        "Any endpoint that creeps (15 % slower or more since the oldest job, and more than 5 % for sure)."
    )
    off = decided(past=crept((0.5, 0.4, 0.6)), policy=PolicySettings(monitor_creep=0.0))
    assert rule(off, "monitor_creep").text == "Any endpoint that creeps: switched off."


def test_the_release_that_repairs_a_creep_is_not_held_to_it():
    """Where this comparison takes the creep back, nothing of it is left to be monitored."""
    past = crept((0.3, 0.28, 0.32))
    assert decided(0.5, past=past).verdict is Verdict.APPROVE
    assert decided(0.95, past=past).verdict is Verdict.APPROVE_WITH_MONITORING


def test_without_a_history_there_is_no_rule_on_creeping():
    """Where no history is kept nobody can know, and the list of rules is as it was."""
    assert "monitor_creep" not in {rule.key for rule in decided().rules}


def test_a_creep_weakens_no_stronger_verdict():
    """A release that is blocked stays so, with the creep told beside."""
    decision = decided(2.5, past=crept((0.365, 0.346, 0.384)))
    assert decision.verdict is Verdict.BLOCK
    assert "monitor_creep" in fired(decision)
