"""The command line as a user meets it: help, streams, terminal, pipes and interruptions."""

import argparse
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from fake_perftracker import FakePerfTracker, drip, hang
from hang_guard import HANG_S, ended, soon
from shop import put, shop_job, shop_jobs

from perftracker_ai.cli import main
from perftracker_ai.cli.options import parser

PROGRAM = [sys.executable, "-m", "perftracker_ai"]
COMMANDS = ("analyze", "jobs", "doctor", "demo")


@pytest.fixture
def server():
    with FakePerfTracker(shop_jobs()) as running:
        yield running


@pytest.fixture
def folder(tmp_path):
    return put(tmp_path / "jobs", *shop_jobs())


def analyze(url, *options):
    return [*PROGRAM, "analyze", "--product", "Shop", "--url", str(url), *options]


# ── help ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def options_of(command):
    (commands,) = [action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)]
    return [action for action in commands.choices[command]._actions if action.dest != "help"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_teaches(command):
    """Every option has help, and every one that takes a single value names its default."""
    for option in options_of(command):
        assert option.help, option.dest
        takes_one = option.option_strings and option.nargs != 0 and option.dest != "product"
        assert not takes_one or "(default: " in option.help, option.dest


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_is_printed_and_exits_well(command, capsys):
    """--help goes to standard output with exit code 0, and the first one names every command and exit code."""
    with pytest.raises(SystemExit) as left:
        main([*command, "--help"])
    said = capsys.readouterr()
    assert left.value.code == 0
    assert said.err == ""
    assert command or all(re.search(rf"^ +{word} ", said.out, re.MULTILINE) for word in (*COMMANDS, 0, 1, 2, 130))


def test_defaults_in_the_help_are_those_of_the_settings(capsys):
    """The defaults that the help names are the ones that hold."""
    from perftracker_ai.settings import Settings

    with pytest.raises(SystemExit):
        main(["analyze", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    settings = Settings()
    reruns = settings.defaults.discovery.reruns
    for value in (
        settings.url,
        settings.project,
        settings.output_dir,
        settings.reports_dir,
        settings.fail_on,
        settings.seed,
    ):
        assert f"(default: {value})" in text
    assert f"(default: up to {reruns} are used)" in text


def test_gates_offered_are_those_of_the_settings():
    """--fail-on takes exactly what the setting takes."""
    from typing import get_args

    from perftracker_ai.settings import Gate

    (gate,) = [option for option in options_of("analyze") if option.dest == "fail_on"]
    assert gate.choices == get_args(Gate)


def test_no_command_shows_the_help_and_is_an_error(run):
    """Without a command the help is shown, and nothing was judged."""
    ran = run()
    assert ran.code == 2
    assert ran.out.startswith("usage: perftracker-ai")


def test_version_is_that_of_the_package(run):
    """--version prints name and version, also by `python -m`."""
    from importlib.metadata import version

    expected = f"perftracker-ai {version('perftracker-ai')}\n"
    assert run("--version").out == expected
    assert subprocess.run([*PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout == expected


# ── what is said where ──────────────────────────────────────────────────────────────────────────────────────────────


def test_results_and_progress_are_apart(run, folder):
    """Standard output holds the summary alone, standard error everything else, and neither a control character."""
    ran = run("analyze", "--product", "Shop", "--url", folder)
    assert ran.out.splitlines()[0] == "Shop 1.0 → 1.1: BLOCK"
    assert "Looking for jobs" not in ran.out
    assert ran.err.splitlines()[-1] == "Writing the report …"
    assert "Verdict" not in ran.err
    assert all(line.isprintable() for line in (ran.out + ran.err).splitlines())
    assert max(map(len, ran.out.splitlines())) <= 100


def test_quiet_leaves_warnings_and_results(run, folder):
    """--quiet drops progress and keeps warnings and the summary."""
    (folder / "odd.json").write_text("{}")
    loud = run("analyze", "--product", "Shop", "--url", folder)
    ran = run("analyze", "--product", "Shop", "--url", folder, "--quiet")
    assert ran.out == loud.out
    assert [line.partition(":")[0] for line in ran.err.splitlines()] == ["warning"]


def test_verbose_lists_the_jobs_looked_at(run, folder):
    """--verbose adds a line for every job with its role."""
    ran = run("analyze", "--product", "Shop", "--url", folder, "--verbose")
    roles = [line.split()[-1] for line in ran.err.splitlines() if re.match(r"  [123]  ", line)]
    assert roles == ["candidate", "baseline", "rerun"]


def test_jobs_explains_the_choice(run, server):
    """The table names for every job its role or why it was left, and the last line the pair."""
    server.add(shop_job(4, "1.2", hosts=("pc.local",)), shop_job(5, "1.2", tests_completed=0))
    server.add(shop_job(6, "1.1", hosts=("other.example",), end="2026-08-01T00:00:00Z"))
    ran = run("jobs", "--product", "Shop", "--url", server.url)
    assert ran.code == 0
    assert ran.err == ""
    lines = ran.out.splitlines()
    why = {int(line.split()[0]): re.split(r"  +", line)[-1] for line in lines if re.match(r"\d+ +2026", line)}
    assert why == {
        5: "unfinished or broken upload (0 of 56 tests completed)",
        4: "local run (pc.local)",
        3: "candidate",
        2: "baseline",
        1: "rerun",
        6: "other hardware",
    }
    assert lines[-1] == "Compares baseline 2 with candidate 3; reruns of the baseline: 1."
    assert not Path("data").exists()


def test_jobs_of_several_products_goes_on_after_an_unknown_one(run, server):
    """One unknown product does not keep the next one from being shown, and sets the exit code."""
    ran = run("jobs", "--product", "Nothing", "--product", "Shop", "--url", server.url)
    assert ran.code == 2
    assert "error: No job has the product name 'Nothing'" in ran.err
    assert "Compares baseline 2 with candidate 3" in ran.out


def test_jobs_without_a_pair_says_why_and_fails(run, server):
    """With nothing to compare the last line gives the reason, and the exit code is 2."""
    server.jobs = {1: shop_job(1, "1.0")}
    ran = run("jobs", "--product", "Shop", "--url", server.url)
    assert ran.code == 2
    assert ran.out.splitlines()[0] == "1 job of Shop read, 1 without local runs"
    assert ran.out.splitlines()[-1].startswith("Nothing to compare: 'Shop' has only one usable job")


def test_many_jobs_are_shown_in_part(run, server):
    """A long table ends with how many older jobs there are; jobs with a role are always in it."""
    server.jobs = {n: shop_job(n, "1.1", end=f"2026-09-0{n % 9 + 1}T{n % 24:02}:00:00Z") for n in range(10, 70)}
    server.add(shop_job(2, "1.0", end="2026-08-01T00:00:00Z"))
    out = run("jobs", "--product", "Shop", "--url", server.url).out
    assert "… and 35 older jobs" in out
    assert re.search(r"^2 .* baseline$", out, re.MULTILINE)


# ── terminal, pipes, closed streams ─────────────────────────────────────────────────────────────────────────────────


def in_terminal(command, cwd):
    """Run a command in a terminal of its own and give what it showed."""
    master, slave = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(command, cwd=cwd, stdin=slave, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    shown = bytearray()
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # how a terminal says that everyone has left it
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    return process.wait(), shown.decode()


def test_a_terminal_shows_colours_a_bar_and_the_same_words(server, tmp_path):
    """In a terminal the summary is coloured, downloads have a bar, and the words are those of the plain output."""
    server.script(r"as_json", drip(4000, 0.05))
    code, shown = in_terminal(analyze(server.url), tmp_path)
    assert code == 0
    assert "\x1b[1;" in shown or "\x1b[1m" in shown
    assert "━" in shown
    words = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    plain = subprocess.run(analyze(server.url), cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert all(line in words for line in plain.splitlines())


def test_a_terminal_shows_no_foreign_control_characters(tmp_path):
    """Control sequences and Rich markup in names reach the terminal as words at most."""
    jobs = shop_jobs()
    for job in jobs:
        job["env_nodes"][0]["name"] = "host\x1b]0;owned\x07\x1b[2J[red]x[/red]"
        job["product_ver"] += "\x9b2J[red]x"
        for record in job["tests"]:
            record["tag"] += "\x1b]0;owned\x07[link=http://evil]y[/link]\x9b2J"
    code, shown = in_terminal(analyze(put(tmp_path / "jobs", *jobs)), tmp_path)
    assert code == 0
    assert "\x1b]" not in shown
    assert "\x07" not in shown
    assert "\x9b" not in shown
    assert "\x1b[2J" not in shown
    assert "[red]" in shown


def test_a_reader_that_leaves_early_changes_nothing(folder, tmp_path):
    """With `| head -1` the files are written, the exit code is that of the run, and nobody complains."""
    for redirection in ("", "2>&1"):
        command = " ".join(f"'{word}'" for word in analyze(folder, "--fail-on", "block"))
        script = f"{command} {redirection} | head -1; exit ${{PIPESTATUS[0]}}"
        ran = subprocess.run(["bash", "-c", script], check=False, cwd=tmp_path, capture_output=True, text=True)
        assert ran.returncode == 1
        assert len(ran.stdout.splitlines()) == 1
        assert "Error" not in ran.stderr
        assert (tmp_path / "reports/Shop/2 vs 3/result_v2.json").exists()
        (tmp_path / "reports/Shop/2 vs 3/result_v2.json").unlink()


def test_a_reader_that_is_gone_before_the_help_is_not_complained_about(tmp_path):
    """Help into a closed pipe ends without a trace."""
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run(
        [*PROGRAM, "analyze", "--help"], check=False, stdout=writing, stderr=subprocess.PIPE, text=True
    )
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_do_not_stop_a_run(folder, tmp_path, closed):
    """A run started without standard output or error does its work, and what it would say there goes nowhere else."""
    command = " ".join(f"'{word}'" for word in analyze(folder, "--fail-on", "block"))
    ran = subprocess.run(
        ["bash", "-c", f"{command} {closed}"], check=False, cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.returncode == 1
    assert ("Verdict" in ran.stdout) == (closed == "2>&-")
    assert ("Looking for" in ran.stderr) == (closed == ">&-")
    assert "Looking for" not in ran.stdout
    assert "Traceback" not in ran.stderr
    assert (tmp_path / "reports/Shop/2 vs 3/llm_report.md").exists()


def test_a_full_device_behind_the_output_is_named(folder, tmp_path):
    """When the summary cannot be written the exit code says so, and the files are there."""
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(analyze(folder), check=False, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True)
    assert ran.returncode == 2
    assert ran.stderr.splitlines()[-1].startswith("error: The standard output cannot be written: no space left")
    assert "Traceback" not in ran.stderr
    assert (tmp_path / "reports/Shop/2 vs 3/llm_report.md").exists()


def test_an_output_of_few_characters_gets_a_question_mark(tmp_path):
    """Where the output cannot hold a character of a name, the rest is shown all the same."""
    jobs = put(tmp_path / "jobs", *(job | {"product_ver": f"{job['product_ver']}-ä商"} for job in shop_jobs()))
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    ran = subprocess.run(analyze(jobs), check=False, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert ran.returncode == 0
    assert "1.0-??" in ran.stdout


# ── interruptions ───────────────────────────────────────────────────────────────────────────────────────────────────


def interrupted(command, cwd, ready):
    """Start a command, interrupt it when `ready` says so, and give exit code, output and errors."""
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    heard = []
    ear = threading.Thread(target=lambda: heard.extend(iter(process.stderr.readline, "")))
    ear.start()
    with ended(process):
        assert soon(lambda: ready(heard)), heard
        process.send_signal(signal.SIGINT)
        code = process.wait(timeout=HANG_S)
    out = process.stdout.read()
    ear.join()
    process.stdout.close()
    process.stderr.close()
    return code, out, heard


def big_jobs():
    """Make a pair whose analysis takes seconds, so that it can be interrupted in it on a busy machine too."""
    jobs = shop_jobs()[1:]
    for job in jobs:
        copies = [r | {"group": f"group {n}"} for n in range(600) for r in job["tests"]]
        job |= {"tests": copies, "tests_total": len(copies), "tests_completed": len(copies)}
    return jobs


@pytest.mark.parametrize("stage", ["list", "download", "drip", "analysis"])
def test_an_interruption_ends_at_once_and_leaves_nothing(tmp_path, stage):
    """Ctrl-C while the list hangs, a download hangs or drips, or jobs are compared ends in one line and no piece."""
    with FakePerfTracker(big_jobs() if stage == "analysis" else shop_jobs()) as server:
        server.script(
            *{"list": (r"/job/\?", hang()), "download": ("as_json", hang())}.get(stage, ("as_json", drip(1, 0.02)))
        )
        asked = {"list": r"/job/$", "download": r"/job/3$", "drip": r"/job/3$"}
        url = put(tmp_path / "jobs", *server.jobs.values()) if stage == "analysis" else server.url

        def ready(heard):
            if stage == "analysis":
                return any("Comparing" in line for line in heard)
            dripping = stage != "drip" or any("waiting for the server" in line for line in heard)
            return server.asked(asked[stage]) and dripping

        code, out, heard = interrupted(analyze(url), tmp_path, ready)
    assert code == 130
    assert out == ""
    assert heard[-1] == "interrupted; nothing half-written was left\n"
    assert "Traceback" not in "".join(heard)
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.parent.name != "jobs"] == []


def test_a_named_job_deleted_since_its_download_is_warned_of(run):
    """Two jobs named by number of which one was deleted meanwhile are compared with a warning, as at first."""
    with FakePerfTracker(shop_jobs()) as server:
        named = ("analyze", "2", "3", "--url", server.url)
        assert "marked as deleted" not in run(*named).err
        server.jobs[2]["deleted"] = True
        assert "Job 2 is marked as deleted" in run(*named).err
