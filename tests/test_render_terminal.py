"""`render.terminal`: one screen, the same words with and without a terminal."""

import io

import pytest
from analyses import (
    VARIANTS,
    analysis,
    crept,
    decision,
    drifted,
    hostile,
    many,
    nights,
    onset,
    quiet,
    regressed,
    remembered,
    shift,
    typical,
)
from msgspec import structs
from rich.console import Console

from perftracker_ai.model import Decision, MetricKind, Verdict
from perftracker_ai.model.history import Chronicle
from perftracker_ai.render.terminal import HEIGHT, WIDTH, plain_summary, summary
from perftracker_ai.settings import DetectSettings
from perftracker_ai.words.text import columns

PATHS = ("reports/GRPM/a vs b/llm_report.md", "reports/GRPM/a vs b/result_v2.json")
ALL = VARIANTS | {"many": many}


def on_screen(made, width=WIDTH):
    """What a terminal without colours shows."""
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(summary(made, PATHS))
    return console.file.getvalue()


@pytest.mark.parametrize("name", ALL)
def test_every_summary_fits_one_screen(name):
    """Nothing scrolls away and no line wraps, however much was found."""
    lines = plain_summary(ALL[name](), PATHS * 5).splitlines()
    assert len(lines) <= HEIGHT
    assert max(map(columns, lines)) <= WIDTH


@pytest.mark.parametrize("name", ALL)
def test_terminal_and_pipe_say_the_same(name):
    """With and without a terminal the same lines appear."""
    made = ALL[name]()
    assert [line.rstrip() for line in on_screen(made).splitlines()] == plain_summary(made, PATHS).splitlines()


def test_typical_summary(golden):
    """A release to block: the screen as a whole, and the worst cluster with its numbers on one line."""
    text = plain_summary(typical(), PATHS)
    worst = next(line for line in text.splitlines() if line.startswith("critical"))
    assert worst.split() == [
        "critical",
        "PUT",
        "/api/policies/{id}/settings",
        "all",
        "6000-10000",
        "policies",
        "+150",
        "%",
        "high",
    ]
    golden("typical.txt", text + "\n")


def test_hostile_text_neither_controls_nor_marks_up():
    """A job's text can neither move the cursor nor use Rich's markup."""
    made = hostile("[bold red]x[/] \x1b]0;title\x07 \u202eabc\nnew line")
    for text in (plain_summary(made, PATHS), on_screen(made)):
        assert all(line.isprintable() for line in text.splitlines())
        assert "[bold red]x[/]" in text


def test_verdict_and_its_reason_are_on_top():
    """The reader sees the verdict with the rule that fired before anything else."""
    lines = plain_summary(typical(), PATHS).splitlines()
    assert lines[0].startswith("GRPM  1.64-4996 (job 85817, 2026-06-01) -> 1.65-5010 (job 86303, 2026-06-02)")
    assert lines[1].split() == ["Verdict", "BLOCK"]
    assert "1 critical cluster" in lines[2]


def test_large_shift_is_said():
    """A run that moved as a whole says so on the screen."""
    assert "latency +12 %, rate at 16 threads -3 % (large: rerun first)" in plain_summary(drifted(), PATHS)


def test_more_clusters_than_fit_are_counted():
    """What is left out of the list is counted."""
    assert "and 392 more issues" in plain_summary(many(), PATHS)


def test_paths_are_never_cut():
    """A path can be copied from the screen, however long it is."""
    path = "reports/" + "long/" * 40 + "llm_report.md"
    assert path in plain_summary(typical(), (path,))


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_a_colour(verdict):
    """A verdict stands out on the screen, whichever it is."""
    made = structs.replace(typical(), decision=Decision(verdict=verdict, rules=()))
    styles = [span.style for span in summary(made, ()).spans]
    assert any(style.startswith("bold ") for style in styles)
    assert verdict.value in plain_summary(made, ())


def test_old_issues_say_since_when():
    """Under an issue that is older than this job stand the version and the job it came in with."""
    lines = plain_summary(remembered(), PATHS).splitlines()
    rows = [lines.index(line) for line in lines if line.startswith(("critical", "severe", "moderate", "minor"))]
    assert [lines[row + 1].strip() for row in rows[:2]] == ["since 1.65-5003, job 85809", "since 1.65-5004, job 85813"]
    assert not any("since" in lines[row + 1] for row in rows[2:])


def test_many_old_issues_still_fit_one_screen():
    """With a line for each issue's beginning fewer issues are shown, and the others are counted."""
    made = many(400, 30)
    jobs = nights(30)
    onsets = tuple(onset(number, jobs, 9) for number in range(1, 31))
    lines = plain_summary(
        structs.replace(made, chronicle=Chronicle(jobs=jobs, onsets=onsets, patterns=quiet(), oldest=jobs[0])),
        PATHS,
    )
    assert lines.count("since 1.65-5003, job 85809") == 4
    assert "and 26 more issues" in lines
    assert len(lines.splitlines()) <= HEIGHT


def test_what_matters_most_of_the_history_is_on_the_screen():
    """An endpoint in each line, the worst first, and how many more there are."""
    lines = plain_summary(crept(), PATHS).splitlines()
    (row,) = (at for at, line in enumerate(lines) if line.startswith("History"))
    assert lines[row] == "History    PUT …pi/policies/{id}/settings creeps: +36.5 % since 2026-05-25"
    assert lines[row + 1] == f"{'':11}POST /api/drafts creeps: +36.5 % since 2026-05-25; 1 more"
    assert "Any endpoint that creeps: PUT /api/policies/{id}/settings +36.5 % (+34.6 % to +38.4 %)" in lines[2]
    assert "History" not in plain_summary(
        structs.replace(crept(), criteria=DetectSettings(minor=0.5, moderate=0.6)), PATHS
    )


def test_with_a_history_a_full_screen_stays_one():
    """Lines of the history take the room of issues, which are counted."""
    made, past = many(400, 30), crept().chronicle
    text = plain_summary(structs.replace(made, chronicle=past), PATHS * 5)
    assert "and 24 more issues" in text
    assert len(text.splitlines()) == len(plain_summary(made, PATHS * 5).splitlines()) <= HEIGHT


def test_more_shifts_than_fit_are_counted():
    """A run with many shifts names the largest ones and counts the rest."""
    made = typical()
    shifts = tuple(shift(MetricKind.LATENCY, count / 20, threads=count) for count in range(1, 17))
    made = structs.replace(made, detection=structs.replace(made.detection, shifts=shifts))
    row = next(line for line in plain_summary(made, ()).splitlines() if line.startswith("Whole run"))
    assert row.endswith("latency at 16 threads +80 %, latency at 15 threads +75 % and 14 more (large: rerun first)")
    assert len(row) <= WIDTH


def test_long_endpoint_keeps_its_end():
    """Paths of one service begin alike, so the end is what a row keeps, behind the method."""
    endpoint = "PUT /api/policy_management/v2/drafts/{id}/settings"
    text = plain_summary(analysis([regressed(endpoint)], decision(Verdict.BLOCK)), ())
    assert "PUT …anagement/v2/drafts/{id}/settings 1 " in text


def test_wide_endpoint_keeps_the_columns():
    """An endpoint of wide characters is cut at the column as well."""
    text = plain_summary(analysis([regressed("GET /" + "日本" * 30)], decision(Verdict.BLOCK)), ())
    assert max(map(columns, text.splitlines())) <= WIDTH
    assert "GET /日本" in text
