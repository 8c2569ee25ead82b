"""`render.markdown`: the report says what was found, in order, safely, and in a length people read."""

import re

import numpy as np
import pytest
from analyses import (
    VARIANTS,
    Plan,
    account,
    analysis,
    cluster,
    crept,
    decision,
    drifted,
    hostile,
    insufficient,
    many,
    nothing_found,
    only_improvements,
    patterns,
    quiet,
    regressed,
    remembered,
    typical,
)
from analyses import report as told
from markdown_it import MarkdownIt
from msgspec import structs

from perftracker_ai.model import (
    Absence,
    Confidence,
    CoverageKind,
    Direction,
    MetricKind,
    Outcome,
    Severity,
    Verdict,
)
from perftracker_ai.model.history import Chronicle
from perftracker_ai.render.markdown import markdown
from perftracker_ai.settings import DetectSettings, PolicySettings
from perftracker_ai.words.wording import NO_TRACES

SECTIONS = [
    "Executive Summary",
    "Critical Issues",
    "Severe Issues",
    "Moderate Issues",
    "Minor Changes",
    "Improvements",
    "Root-Cause Hypotheses",
    "Risk Assessment",
    "Prioritized Action Items",
    "Technical Deep-Dive",
    "Patterns",
    "Coverage",
    "What This Analysis Cannot Know",
    "Method",
    "Provenance",
]


def report(made, **settings):
    return markdown(told(structs.replace(made, **settings)))


def section(text, title):
    """The body of one section."""
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0].strip()


@pytest.mark.parametrize("name", VARIANTS)
def test_every_report_has_every_section_in_order(name):
    """Readers find each section in its place, whether it has something to say or not; unusual ones if they have."""
    text = report(VARIANTS[name]())
    known = ["Accepted Regressions"] if name == "accepted" else []
    commits = ["Changes To Look At First"] if name in {"explained", "hostile"} else []
    past = "Patterns and Trends" if name in {"remembered", "crept", "hostile"} else "Patterns"
    named = [past if title == "Patterns" else title for title in SECTIONS]
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [*named[:5], *known, *named[5:7], *commits, *named[7:]]
    assert all(section(text, title) for title in named)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_report_is_the_same_each_time(name):
    """The same analysis gives the same text, and it ends with one newline."""
    text = report(VARIANTS[name]())
    assert text == report(VARIANTS[name]())
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "\n\n\n" not in text


@pytest.mark.parametrize("name", VARIANTS)
def test_every_table_is_a_table(name):
    """A viewer sees as many tables as the report means to have, and no stray bar."""
    text = report(VARIANTS[name]())
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    assert sum(token.type == "table_open" for token in tokens) == text.count("\n| --- |")


def test_typical_report(golden):
    """A release to block: the text as a whole, and the verdict in its first line."""
    text = report(typical())
    assert text.splitlines()[0].endswith(": BLOCK")
    golden("typical.md", text)


def test_report_of_nothing_found(golden):
    """A clean release reads clean: nothing is listed, and nothing is to be done but a second baseline run."""
    text = report(nothing_found())
    assert "No regression was found." in text.split("##")[0]
    assert [section(text, title) for title in SECTIONS[1:6]] == ["None."] * 5
    golden("nothing_found.md", text)


def test_report_of_insufficient_evidence(golden):
    """Two jobs that cannot be judged are not called fine."""
    text = report(insufficient())
    assert "too little could be compared" in text.split("##")[0]
    assert "do not read the absence of findings as approval" in section(text, "Risk Assessment")
    assert "Repeat the measurement" in section(text, "Prioritized Action Items").splitlines()[0]
    golden("insufficient.md", text)


def test_report_of_hostile_text(golden):
    """Whatever a job calls itself, a viewer makes no link, no picture, no HTML and no further heading of it."""
    text = report(hostile())
    tokens = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable("table").parse(text)
    kinds = {inner.type for token in tokens for inner in (token, *(token.children or []))}
    assert not kinds & {"link_open", "image", "html_block", "html_inline", "code_inline", "fence", "code_block"}
    assert not set("<>\x1b\u202e\u200b") & set(text)
    assert "://" not in text
    golden("hostile.md", text)


def test_critical_issue_says_what_changed_for_whom():
    """An item names size, interval and extreme, values with units at a load, extent, confidence and impact."""
    text = section(report(typical()), "Critical Issues")
    assert "150 % slower in the median (95 % interval +120 % to +180 %), at most 188 % slower" in text
    assert "at 6000 policies with 16 threads p95 latency 12.6 ms → 32.1 ms (155 % slower as measured)" in text
    assert "3 curves of latency and rate" in text
    assert "**Confidence:** high: every load of the window is slower." in text
    assert "one request in 20 takes 19.5 ms longer." in text


def test_severities_stay_apart():
    """Each cluster appears under its own severity and nowhere above."""
    text = report(typical())
    for title, ident in zip(SECTIONS[1:6], ("C1", "C2", "C3", "C4", "C5"), strict=True):
        assert set(re.findall(r"\bC\d+\b", section(text, title))) == {ident}


def test_mixed_curve_says_both():
    """A regressed curve that is faster elsewhere says so in its item."""
    assert "also 25 % less cost over 9000–10000 policies" in section(report(typical()), "Severe Issues")


def test_rate_impact_is_capacity():
    """A throughput loss is told in served requests and in capacity, half the rate being twice the capacity."""
    text = report(analysis([regressed(slowdown=1.0, kind=MetricKind.RATE, threads=4)], decision(Verdict.BLOCK)))
    (line,) = (line for line in text.splitlines() if line.startswith("- **Users:**"))
    before, after = (float(number) for number in re.search(r"rate (\d+) req/s → (\d+) req/s", line).groups())
    assert float(re.search(r"needs ([\d.]+) times the capacity", line)[1]) == pytest.approx(before / after, rel=0.01)
    assert float(re.search(r"\(([\d.]+) % slower as measured", line)[1]) / 100 == pytest.approx(
        before / after - 1, abs=0.01
    )


def test_other_metric_and_scalar_have_no_load():
    """A single test without load is told without load and without threads, and its cost is more, not slower."""
    plan = regressed(kind=MetricKind.OTHER, threads=None, scalar=True)
    text = section(report(analysis([plan], decision(Verdict.BLOCK))), "Critical Issues")
    assert " at " not in text
    assert "150 % worse in the median" in text
    assert "other 480 req/s → 188 req/s" in text


def test_finding_without_cluster_is_still_shown():
    """No regression disappears because diagnosis put it nowhere."""
    made = structs.replace(typical(), clusters=())
    assert "**R1:** latency, p(95) (16 th)" in section(report(made), "Critical Issues")
    assert "**M1:** latency" in section(report(made), "Minor Changes")


def test_hypotheses_show_both_sides_and_the_limits():
    """A hypothesis comes with evidence for and against, a test of it, and the line on what was not seen."""
    text = section(report(typical()), "Root-Cause Hypotheses")
    assert NO_TRACES in text
    assert text.index("evidence). ") < text.index("Against: ") < text.index("How to tell") < text.index("Refuted if: ")
    bare = section(report(structs.replace(typical(), clusters=typical().clusters[1:])), "Root-Cause Hypotheses")
    assert NO_TRACES in bare
    assert "a profile of POST /api/drafts at 5000 policies with 1 thread would say more" in bare


def test_actions_come_in_order():
    """First trust in the run, then failures, then issues by rank, then open questions; each issue names its action."""
    text = report(typical())
    steps = [line for line in section(text, "Prioritized Action Items").splitlines() if re.match(r"\d+\. ", line)]
    assert [step.split("**")[1] for step in steps] == [
        "Immediate, owner of the test:",
        "Immediate:",
        "This release:",
        "Next:",
        "Next, performance engineer:",
    ]
    assert "first for: Work that grows with the number of objects" in steps[1]
    for number, ident in ((2, "C1"), (3, "C2")):
        assert f"C{ident[1:]}: " in steps[number - 1]
        (heading,) = (line for line in text.splitlines() if line.startswith(f"### {ident}. "))
        assert heading.endswith(f"(action {number})")


def test_large_shift_is_the_first_action():
    """When the whole run moved, the first thing to do is to run it again."""
    text = report(drifted())
    assert section(text, "Prioritized Action Items").startswith("1. **Find out first, performance engineer:** Run the")
    assert "latency 12 % slower (+11.6 % to +12.4 %); large, so rerun" in text
    assert "; rate at 16 threads 3 % faster" in text


def test_low_confidence_is_measured_again_before_work():
    """Nobody is sent to profile what may be chance, and it is less urgent."""
    text = report(analysis([regressed(confidence=Confidence.LOW)], decision(Verdict.INVESTIGATE)))
    (step,) = (line for line in text.splitlines() if line.startswith("1. "))
    assert step.startswith("1. **This release:** C1: measure it again before working on it")


def test_deep_dive_is_thinned_and_keeps_the_ends():
    """A long window shows a few loads, among them its first and its last."""
    text = section(report(many(9, 9)), "Technical Deep-Dive")
    tables = text.split("### ")[1:]
    assert tables
    for table in tables:
        rows = [line for line in table.splitlines() if line.startswith("| ") and "policies" in line]
        assert 2 <= len(rows) <= 12
        assert rows[0].startswith("| 1000 policies")
        assert rows[-1].startswith("| 10000 policies")


def test_an_issue_says_since_when_it_is_there():
    """An item names first and last good job with versions and days, how long ago, and what is in doubt."""
    text = report(remembered())
    assert (
        "- **Since:** since 1.65-5003 (job 85809, 2026-06-03), 3 weeks before the candidate; last good 1.65-5002 "
        "(job 85808, 2026-06-02).\n"
    ) in section(text, "Critical Issues")
    assert "both are version 1.65-5004: suspect the environment.\n" in section(text, "Severe Issues")
    (head,) = (line for line in text.splitlines() if line.startswith("| issue | what | slowdown"))
    assert head.endswith("| since | confidence | priority |")
    assert "| new with this job | low |" in section(text, "Executive Summary")


def test_trends_are_told_behind_the_patterns():
    """What the history is from, and each kind of trend, stand under their heading; an issue is not told again."""
    text = section(report(remembered()), "Patterns and Trends")
    assert "PUT 4 of 4" in text
    assert (
        "**What earlier jobs say:** The last 30 jobs of 10 versions, 2026-05-25 to 2026-06-23; 41 curves. 3 curves"
        in text
    )
    assert re.findall(r"^\*\*(.+):\*\*$", text, re.MULTILINE) == [
        "Slower, and still so",
        "Creeping since the oldest job",
        "Slower for a time",
        "Noisier",
        "Switching between two levels",
    ]
    assert "- GET /api/reports, 2 curves: 2.1 times, since 1.65-5002 (job 85807, 2026-06-01)." in text
    assert "PUT /api/policies/{id}/settings" not in text


def with_patterns(found):
    made = remembered()
    return structs.replace(made, chronicle=structs.replace(made.chronicle, patterns=found))


def test_a_shift_that_is_no_issue_is_told():
    """A slowdown of this comparison's time at an endpoint without an issue is told, for it stands nowhere else."""
    (shift, *_) = remembered().chronicle.patterns.shifts
    made = with_patterns(quiet(shifts=(structs.replace(shift, endpoint="GET /elsewhere"),)))
    assert "- GET /elsewhere, 2 curves: +30.5 %" in section(report(made), "Patterns and Trends")


def test_a_quiet_history_is_one_sentence():
    """Where nothing happened this is said with what was looked at; where too little is known, nothing is claimed."""
    told = section(report(with_patterns(quiet())), "Patterns and Trends").splitlines()[-1]
    assert told.endswith("; 41 curves. Besides the issues: No change, drift or unrest beyond chance.")
    assert "beyond chance" not in report(with_patterns(quiet(too_short=41)))


def test_a_history_of_no_job_says_so():
    """A chronicle without a job is told as such."""
    made = structs.replace(remembered(), chronicle=Chronicle(jobs=(), onsets=(), patterns=quiet(curves=0), oldest=None))
    assert section(report(made), "Patterns and Trends").endswith("**What earlier jobs say:** No earlier job is kept.")
    alone = structs.replace(made.chronicle, jobs=remembered().chronicle.jobs[:1])
    assert "say:** 1 job of 1 version, 2026-05-25" in report(structs.replace(made, chronicle=alone))


def test_the_summary_says_what_matters_most_of_the_history():
    """Under the verdict stand the two worst of the history and how many more there are, if any are large enough."""
    told = section(report(crept()), "Executive Summary")
    (line,) = (line for line in told.splitlines() if line.startswith("**History:**"))
    assert line.removeprefix("**History:** ").split("; ") == [
        "PUT /api/policies/{id}/settings creeps: +36.5 % since 2026-05-25",
        "POST /api/drafts creeps: +36.5 % since 2026-05-25",
        "1 more under Patterns and Trends.",
    ]
    assert "**History:**" not in report(with_patterns(quiet()))
    assert "**History:**" not in report(crept(), criteria=DetectSettings(minor=0.5, moderate=0.6))


def test_a_verdict_because_of_a_creep_says_so():
    """The bottom line, the risk and the actions tell of the creep, where the comparison alone found nothing."""
    text = report(crept())
    (line,) = (line for line in text.splitlines() if line.startswith("**Bottom line:**"))
    creep = "PUT /api/policies/{id}/settings +36.5 % (+34.6 % to +38.4 %) since 2026-05-25; 1 more."
    assert line.endswith(f"No regression was found against the baseline. Creeping: {creep}")
    assert "no regression was found against the baseline in" in section(text, "Risk Assessment")
    (action,) = (line for line in text.splitlines() if "Profile what creeps" in line)
    assert action.startswith("1. ")
    assert action.removesuffix(" Done when it is back at its level.").endswith(
        f" on 1.65-5000 (job 85800, 2026-05-25) and the candidate, for no single job brought it: {creep}"
    )
    unknown = structs.replace(crept().chronicle, oldest=None)
    assert " on the oldest version at hand and" in report(structs.replace(crept(), chronicle=unknown))
    assert "creep" not in report(nothing_found()).lower()


def test_many_trends_are_counted():
    """Of each kind five are told, and how many more there are."""
    made = remembered()
    many = patterns(made.chronicle.jobs, [f"GET /{at}" for at in range(12)])
    text = section(report(with_patterns(many)), "Patterns and Trends")
    assert text.count("… and 7 more, in result_v2.json.") == 5
    assert text.count("- GET /") == 25


def test_patterns_are_shares_of_what_was_measured():
    """A shared factor is told with how often it was measured."""
    text = section(report(typical()), "Patterns")
    assert "16 threads 2 of 2" in text
    assert "PUT 4 of 4" in text
    assert "/api/policies 4 of 7" in text


def test_accounting_drops_nothing_silently():
    """Where a job's tests went is told with reasons and with the position of an unreadable record."""
    text = section(report(typical()), "Coverage")
    assert "2 tests pooled" in text
    assert "1 unreadable record (record 17: scores is no list)" in text
    assert "without a value: 10 failed" in text
    made = structs.replace(typical(), accounts=(account(1, absent=((Absence.NO_SCORES, 2), (Absence.ZERO, 1))),))
    assert "without a value: 2 no scores and 1 zero" in report(made)


def test_settings_show_in_method():
    """Thresholds and policy in the report are those of the run."""
    criteria, policy = DetectSettings(moderate=0.2), PolicySettings(block_critical=0, block_severe=0)
    text = section(report(typical(), criteria=criteria, policy=policy), "Method")
    assert "moderate 20 %" in text
    assert "nothing blocks the release" in text
    assert "seed 20261123" in text


def test_improvements_alone_are_no_issue():
    """A faster release lists its gains and no issue."""
    text = report(only_improvements())
    assert "| C1 | GET /api/policies | 30 % less cost |" in section(text, "Improvements")
    assert section(text, "Critical Issues") == "None."
    assert section(text, "Technical Deep-Dive") == "No regression to look into."


def test_one_and_many_read_right():
    """Counts and their nouns agree."""
    text = report(typical())
    assert not re.search(r"\b1 (curves|threads|points|tests|runs|issues?, the)\b", text.replace("1 minor issues", ""))
    assert not re.search(r"\b[2-9] (curve|thread|point|test|run)\b", text)


@pytest.mark.parametrize(("count", "endpoints"), [(130, 19), (5000, 400)])
def test_many_findings_stay_readable(count, endpoints):
    """However many findings there are, the report stays short, counts them all, and says where the rest is."""
    text = report(many(count, endpoints))
    assert len(text.split()) < 4500
    assert f"**Curves:** {count:,} curves: " in text
    assert len(text.encode()) < 40_000
    if endpoints > 100:
        assert "more, in result_v2.json." in section(text, "Critical Issues")


def test_every_curve_is_counted_once():
    """The tally counts curves, and its numbers add up to all of them."""
    made = typical()
    (line,) = (line for line in report(made).splitlines() if line.startswith("**Curves:**"))
    total, *counts = (int(number) for number in re.findall(r"\d+", line))
    assert sum(counts) == total == len(made.curves.curves)


def test_inconclusive_curves_say_what_they_need():
    """A curve that could not be decided is named with what would decide it."""
    plans = [Plan(outcome=Outcome.INCONCLUSIVE, needed=f"{count} more runs") for count in (1, 2, 2, 3)]
    text = section(report(analysis(plans, decision(Verdict.APPROVE_WITH_MONITORING))), "Coverage")
    assert "**Inconclusive:** 4 inconclusive curves" in text
    assert "2 more runs (2 curves); 1 more runs (1 curve); something else (1 curve)" in text


def test_mixed_curve_leads_an_improvement_by_its_better_part():
    """The improvement cluster of a mixed curve shows the loads that became faster, not the ones that became slower."""
    made = typical()
    better = cluster(9, made.curves, made.detection.results, [3], direction=Direction.BETTER, severity=None)
    text = section(report(structs.replace(made, clusters=(*made.clusters, better))), "Improvements")
    row = next(line for line in text.splitlines() if line.startswith("| C9 "))
    before, after = re.search(r"latency ([\d.]+) ms → ([\d.]+) ms", row).groups()
    assert float(after) < float(before)


def test_isolated_failures_make_no_headline():
    """Minor failures, as every job has some, are listed under Coverage and not in the bottom line."""
    minor = structs.replace(typical().coverage[0], severity=Severity.MINOR)
    text = report(structs.replace(nothing_found(), coverage=(structs.replace(minor, curves=(0,)),)))
    assert "No regression was found." in text.split("##")[0]
    assert "**Minor, newly failing:**" in section(text, "Coverage")


def test_statistic_decides_who_is_slower():
    """A percentile is told as a share of the requests, another statistic by its name, none as a plain request."""
    made = analysis([regressed()], decision(Verdict.BLOCK))
    said = {}
    for statistic in ("p50", "max", ""):
        curve = structs.replace(made.curves.curves[0], statistic=statistic)
        text = report(structs.replace(made, curves=structs.replace(made.curves, curves=(curve,))))
        said[statistic] = section(text, "Critical Issues").split("**Users:** ")[1]
    assert "; half of the requests take" in said["p50"]
    assert "; the max request takes" in said["max"]
    assert "; a request takes" in said[""]


def test_coverage_of_a_group_and_of_errors():
    """A lost group is one line with the number of its tests, and risen errors say from what to what."""
    failing = typical().coverage[0]
    lost = structs.replace(
        failing, kind=CoverageKind.LOST_GROUP, curves=(0, 1, 2), points=0, load_first="", load_last=""
    )
    errors = structs.replace(failing, kind=CoverageKind.MORE_ERRORS, reason="", baseline_errors=1)
    text = report(structs.replace(typical(), coverage=(lost, errors, failing, failing, failing)))
    assert "group no longer measured:** group policies, 3 tests" in section(text, "Coverage")
    assert "8000–10000 policies, errors 1 → 12." in section(text, "Coverage")
    assert "1 loss of coverage" in text.split("##")[0]
    assert "Likewise 2 more under Coverage." in section(text, "Prioritized Action Items")


def test_factor_other_than_endpoint_is_named():
    """A cluster that shares something else than an endpoint is named by its title, and its factor is a pattern."""
    made = typical()
    shared = structs.replace(made.clusters[0], endpoint="", title="all PUT requests", factor="method")
    text = report(structs.replace(made, clusters=(shared,)))
    assert "Worst: C1 all PUT requests, 150 % slower." in text.split("##")[0]
    assert "- C1 shares: method." in section(text, "Patterns")


def test_window_without_a_comparable_point_is_not_measurable():
    """A window whose values are gone prints no invented number."""
    made = analysis([regressed()], decision(Verdict.BLOCK))
    gone = structs.replace(made.curves, mean=np.full_like(made.curves.mean, np.nan))
    text = section(report(structs.replace(made, curves=gone)), "Critical Issues")
    assert "**Users:** not measurable at a single load." in text
    assert "**Size:** 150 % slower" in text


def test_run_without_shift_says_so():
    """When no run-wide shift was removed, the report does not list noughts."""
    made = nothing_found()
    none = tuple(structs.replace(found, slowdown=0.0, significant=False) for found in made.detection.shifts)
    text = report(structs.replace(made, detection=structs.replace(made.detection, shifts=none)))
    assert "no shift that can be told from chance." in text


def test_long_window_is_thinned_to_its_ends():
    """A window of many loads is shown by a few rows, first and last load among them."""
    made = analysis([regressed()], decision(Verdict.BLOCK))
    size = 60
    mean = np.array([np.full(size, 0.01), np.full(size, 0.025)])
    mean[1, 23] = 0.07
    curve = structs.replace(made.curves.curves[0], stop=size)
    curves = structs.replace(
        made.curves, curves=(curve,), mean=mean, label=tuple(f"{load} users" for load in range(size))
    )
    (result,) = made.detection.results
    wide = structs.replace(result.windows[0], first=7, last=51, points=45)
    detection = structs.replace(made.detection, results=(structs.replace(result, windows=(wide,)),))
    text = section(report(structs.replace(made, curves=curves, detection=detection)), "Technical Deep-Dive")
    shown = [int(line.split()[1]) for line in text.splitlines() if "users |" in line]
    assert len(shown) <= 12
    assert shown == sorted(shown)
    assert {7, 51} <= set(shown)
