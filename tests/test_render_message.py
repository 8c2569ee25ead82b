"""`render.message`: short enough for every place, the worst first, and nothing in it that a messenger acts upon."""

import re
from functools import partial

import pytest
from analyses import (
    SETTINGS,
    VARIANTS,
    drifted,
    hostile,
    insufficient,
    many,
    nothing_found,
    remembered,
    report,
    typical,
)
from msgspec import structs

from perftracker_ai.render.markdown import markdown, opening
from perftracker_ai.render.message import LIMIT, TITLE_LIMIT, Link, message

LINK = "https://pt.example/1/job/86303"
ALL = VARIANTS | {"many": partial(many, 300)}


def told(made, address=LINK):
    return message(report(made), Link("Report", address))


def test_a_message_says_verdict_jobs_worst_three_and_where_the_report_is():
    """Title and text of a usual run hold what a team has to know, in reading order."""
    said = told(typical())
    lines = said.plain.splitlines()
    assert said.title == "GRPM 1.64-4996 → 1.65-5010: BLOCK"
    assert lines[0] == "BLOCK: Do not ship this version as it is."
    assert lines[1].startswith("Baseline 1.64-4996 (job 85817), candidate 1.65-5010 (job 86303). Found: 1 critical, 1")
    assert lines[1].endswith("; 3 load points newly failing.")
    assert [line.split()[1] for line in lines if line.startswith("- ")] == ["severe", "C1", "C2", "and"]
    assert lines[-1] == f"Report: {LINK}"


def test_markdown_says_the_same_with_marks():
    """The Markdown form has the verdict in bold, endpoints as code and the report as a link."""
    said = told(typical())
    assert said.markdown.startswith("**BLOCK**: Do not ship")
    assert f"- **C1 critical** `{SETTINGS}`: 150 % slower, 6000–10000 policies" in said.markdown
    assert said.markdown.endswith(f"[Report]({LINK})")
    bare = said.markdown.replace("**", "").replace("`", "").replace("\n\n", "\n")
    assert bare.splitlines()[:-1] == [line for line in said.plain.splitlines() if line][:-1]


@pytest.mark.parametrize("made", ALL.values(), ids=ALL)
def test_no_message_is_too_long_for_its_place(made):
    """Whatever was found and however it is called, title and text fit Slack, which takes least."""
    said = told(made(), "https://pt.example/" + "x" * 100_000)
    assert len(said.title) <= TITLE_LIMIT
    assert max(len(said.markdown), len(said.plain)) <= LIMIT


def test_names_of_any_length_are_cut():
    """Names of 50,000 characters leave a message within its limits, the report's address whole."""
    said = told(hostile("https://evil.example/" + "[x](y)" * 10_000))
    assert len(said.title) <= TITLE_LIMIT
    assert len(said.markdown) <= LIMIT
    assert LINK in said.plain


def test_what_a_job_says_formats_links_and_mentions_nothing():
    """Of a hostile name no mark is left that Markdown, HTML, Slack, Teams or Discord would act upon."""
    said = told(hostile())
    ours = said.markdown.replace(f"[Report]({LINK})", "").replace("**BLOCK**", "").replace("**C1 critical**", "")
    for word in ("severe", "Open", "Worse", "Back", "Closed"):
        ours = ours.replace(f"**{word}**", "")
    assert not set("<>[]*|~@&\\") & set(ours)
    assert ours.count("`") == 4
    assert "://" not in ours
    assert all(line.isprintable() for text in said for line in text.splitlines())


def test_only_our_own_lines_begin_a_heading_or_a_list():
    """A name that begins with a mark of headings or lists stands in the middle of a line."""
    said = told(hostile("# heading"))
    assert not re.search(r"^(#|\d+\.)", said.markdown, re.MULTILINE)


def test_a_link_cannot_be_left_before_its_end():
    """An address with brackets in it is still one link."""
    assert told(typical(), "https://pt.example/a) [x](b c").markdown.endswith(
        "[Report](https://pt.example/a%29%20%5Bx%5D%28b%20c)"
    )


def test_a_file_is_named_and_not_linked():
    """Without a server the report's path is given as it is."""
    said = told(typical(), "reports/GRPM/85817 vs 86303/report.html")
    assert said.markdown.endswith("Report: `reports/GRPM/85817 vs 86303/report.html`")
    assert said.plain.endswith("Report: reports/GRPM/85817 vs 86303/report.html")


def test_a_run_that_moved_as_a_whole_is_doubted_first():
    """A large shift of the whole run is told before anything else is."""
    assert (
        "Whole run: latency 12 % slower (+11.6 % to +12.4 %); large, so rerun before you judge" in told(drifted()).plain
    )


def test_the_first_issue_says_since_when_it_is_there():
    """Of an issue the version and the job it came in with are told."""
    lines = told(remembered()).plain.splitlines()
    first = next(line for line in lines if line.startswith("- C1"))
    assert first.endswith(", high confidence, since 1.65-5003, job 85809")


def test_since_when_is_left_out_of_a_long_line():
    """Where name and loads take the line already, it does not grow."""
    made = remembered()
    worst = structs.replace(made.clusters[0], endpoint="GET /" + "x" * 120)
    lines = told(structs.replace(made, clusters=(worst, *made.clusters[1:]))).plain.splitlines()
    assert not any("since" in line for line in lines if line.startswith("- C1"))


@pytest.mark.parametrize("made", [nothing_found, insufficient])
def test_without_issues_the_rule_that_decided_is_told(made):
    """A verdict without an issue says why it is what it is."""
    lines = told(made()).plain.splitlines()
    assert "No regression was found" in lines[1]
    assert [line for line in lines if line.startswith("- the rule in words: ")]


# ── the beginning of a report ───────────────────────────────────────────────────────────────────────────────────────


def test_the_beginning_ends_before_the_hypotheses():
    """A build's page gets verdict and issues; what comes behind them stays in the report."""
    whole = markdown(report(typical()))
    start = opening(report(typical()), 1_000_000)
    assert whole.startswith(start.rstrip())
    assert whole.removeprefix(start.rstrip()).lstrip().startswith("## Root-Cause Hypotheses")


@pytest.mark.parametrize("limit", [0, 100, 2000, 5000, 20_000])
def test_the_beginning_keeps_to_its_limit_in_whole_sections(limit):
    """However little room there is, no section is cut and the bytes suffice."""
    made = report(many(300))
    whole, start = markdown(made), opening(made, limit)
    assert len(start.encode()) <= limit
    assert start == "" or whole.removeprefix(start.rstrip()).startswith("\n\n## ")
