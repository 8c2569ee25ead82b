"""`render.terminal`: the first screen of the report, in the width there is, nothing cut and nothing counted twice."""

import io

import pytest
from analyses import (
    VARIANTS,
    accepted,
    analysis,
    crept,
    decision,
    drifted,
    failed_check,
    hostile,
    many,
    regressed,
    remembered,
    report,
    typical,
)
from msgspec import structs
from rich.console import Console

from perftracker_ai.model import Rule, Verdict
from perftracker_ai.model.checks import LowerVersion
from perftracker_ai.render.terminal import NARROWEST, USUAL, WIDEST, plain_screen, screen, wrap
from perftracker_ai.report.value import Table, plain, rules, values
from perftracker_ai.words.text import columns

PATHS = ("reports/GRPM/a vs b/llm_report.md", "reports/GRPM/a vs b/result_v2.json")
ALL = VARIANTS | {"many": many, "accepted": accepted}
WIDTHS = (NARROWEST, 80, USUAL, 133, WIDEST)


def shown(made, width=USUAL, paths=PATHS):
    return plain_screen(report(made), paths, width)


def flat(text):
    """A text as one line: where it wraps is another matter."""
    return " ".join(text.split())


def on_screen(made, width=USUAL):
    """What a terminal without colours shows."""
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(screen(report(made), PATHS, width), soft_wrap=True)
    return console.file.getvalue()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ALL)
def test_the_screen_uses_the_width_there_is(name, width):
    """No line is wider than the screen, from 60 to 200 columns; a wide one takes no more lines for it."""
    lines = shown(ALL[name](), width, ()).splitlines()
    assert max(map(columns, lines)) <= width
    assert len(lines) <= 1.5 * len(shown(ALL[name](), NARROWEST, ()).splitlines())


@pytest.mark.parametrize("width", [0, 20, 1000])
def test_a_screen_of_no_use_is_written_for_the_nearest_that_is(width):
    """A width that no reader has is taken as the narrowest or widest."""
    nearest = min(max(width, NARROWEST), WIDEST)
    assert shown(typical(), width) == shown(typical(), nearest)


@pytest.mark.parametrize("name", ["typical", "nothing_found", "crept", "drifted"])
def test_terminal_and_pipe_say_the_same(name):
    """With and without a terminal the same lines appear."""
    made = {**ALL, "crept": crept}[name]()
    assert [line.rstrip() for line in on_screen(made).splitlines()] == shown(made).splitlines()


def test_typical_screen(golden):
    """A release to block: the screen as a whole, and the worst issue with its numbers on one line of a wide one."""
    golden("typical.txt", shown(typical()) + "\n")
    worst = next(line for line in shown(typical(), WIDEST).splitlines() if line.startswith("C1 critical"))
    told = ("PUT …/policies/{id}/settings", "150 % slower", "6000–10000 policies", "4/16 threads (all)", "high")
    assert all(text in worst for text in told)


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut(width):
    """Every word of the table of issues and of every rule is on the screen, at any width."""
    made = report(typical())
    text = "".join(plain_screen(made, (), width).split())
    (table,) = (one for one in made.section("summary").blocks if isinstance(one, Table) and "Issues" in one.caption)
    for row in table.rows:
        assert all("".join(plain(said).split()) in text.replace("…", "/api") for said in row[2:3])
    for said in rules(made):
        assert "".join(plain(said).split()) in text


def test_every_rule_that_fired_is_told():
    """The reader sees all that speaks for the verdict, not the first two of it."""
    fired = tuple(
        Rule(key=f"rule_{at}", text=f"Rule number {at}.", fired=True, because=f"reason {at}", verdict=Verdict.BLOCK)
        for at in range(5)
    )
    made = structs.replace(typical(), decision=structs.replace(typical().decision, rules=fired))
    text = shown(made)
    assert all(f"Rule number {at}: reason {at}." in text for at in range(5))


def test_what_puts_the_comparison_in_doubt_comes_first():
    """A check that failed stands with its cure before verdict and issues."""
    text = shown(structs.replace(typical(), validity=(failed_check(LowerVersion),)))
    assert 0 < text.index("Lower version") < text.index("Verdict") < text.index("C1 critical")


def test_the_beginning_that_all_paths_share_is_said_once():
    """What tells endpoints apart is seen at once, and the whole path can be put together."""
    endpoints = [f"GET /api/policy_management/v2/things/{name}" for name in ("one", "two/{id}")]
    text = shown(analysis([regressed(one) for one in endpoints], decision(Verdict.BLOCK)), 133)
    assert text.count("… stands for /api/policy_management/v2/things") == 1
    assert "GET …/one " in text
    assert "GET …/two/{id} " in text


def test_hostile_text_neither_controls_nor_marks_up():
    """A job's text can neither move the cursor nor use Rich's markup."""
    made = hostile("[bold red]x[/] \x1b]0;title\x07 \u202eabc\nnew line")
    for text in (shown(made), on_screen(made)):
        assert all(line.isprintable() for line in text.splitlines())
        assert "[bold red]x[/]" in flat(text)


def test_a_run_that_moved_as_a_whole_says_so_in_words():
    """A slower rate reads slower, with its interval, and a large shift asks for a rerun."""
    text = flat(shown(drifted()))
    assert "Whole run latency 12 % slower (+11.6 % to +12.4 %); large, so rerun before you judge; rate at 16" in text


def test_issues_that_are_left_out_are_counted():
    """Told and left out are all issues."""
    assert "and 390 more issues, in the report" in shown(many())


def test_paths_are_never_cut():
    """A path can be copied from the screen, however long it is, and how many more there are is said."""
    path = "reports/" + "long/" * 40 + "llm_report.md"
    assert path in shown(typical(), USUAL, (path,))
    assert "and 6 more files" in shown(typical(), USUAL, PATHS * 5)


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_a_colour(verdict):
    """A verdict stands out on the screen, whichever it is."""
    made = structs.replace(typical(), decision=structs.replace(typical().decision, verdict=verdict, rules=()))
    styles = [span.style for span in screen(report(made), (), USUAL).spans]
    assert any(style.startswith("bold ") for style in styles)
    assert f"Verdict    {verdict.value}\n" in shown(made)


def test_old_issues_say_since_when():
    """An issue that is older than this job has the version and the job it came in with."""
    text = flat(shown(remembered(), NARROWEST))
    assert "since 1.65-5003, job 85809" in text
    assert "since 1.65-5004, job 85813" in text


def test_what_matters_most_of_the_history_is_on_the_screen():
    """The worst of what earlier jobs say, and how much more there is."""
    text = flat(shown(crept()))
    assert "History PUT /api/policies/{id}/settings creeps: +36.5 % since 2026-05-25; POST /api/drafts creeps" in text


def test_wide_characters_are_counted_as_wide():
    """An endpoint of wide characters wraps at the column as well."""
    made = analysis([regressed("GET /" + "日本" * 90)], decision(Verdict.BLOCK))
    assert max(map(columns, shown(made).splitlines())) <= USUAL
    assert wrap("日本 日本", 5) == ["日本", "日本"]


@pytest.mark.parametrize("name", ALL)
def test_every_number_on_the_screen_is_the_reports(name):
    """What the screen says besides the report's sentences holds no number but counts of what it leaves out."""
    made = report(ALL[name]())
    counted = next((one.text for one in values(made) if one.label == "issues"), "No regression")
    assert flat(counted) in flat(plain_screen(made, ()))
