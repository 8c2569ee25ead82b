"""`history` as a user meets it: a store filled and looked at, from a folder and from a server."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import nights
import numpy as np
import postgres
import pytest
from fake_perftracker import FakePerfTracker, make_job

from perftracker_ai.trends.course import medians

COUNT = 25
SYNC, TRENDS = ("history", "sync", "--product", "Shop"), ("history", "trends", "--product", "Shop")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """25 nights: POST /orders slower from the 16th on, GET /search creeping, PUT /cart slower for a time."""
    return nights.write(tmp_path_factory.mktemp("nights"), COUNT)


@pytest.fixture
def filled(run, folder):
    """Synchronise the folder, and give the runner of further commands on it."""
    assert run(*SYNC, "--url", folder, "--quiet").code == 0
    return lambda *options: run(*TRENDS, "--url", folder, *options)


@pytest.fixture
def server():
    with FakePerfTracker([as_server(night) for night in range(COUNT)]) as running:
        yield running


def as_server(night):
    document = nights.job(night, COUNT)
    fields = {name: value for name, value in document.items() if name not in {"id", "env_nodes", "project"}}
    return make_job(document["id"], **fields)


def section(text, title):
    """Give the lines under a heading."""
    return text.partition(f"{title}:\n")[2].partition("\n\n")[0].splitlines()


def told(filled, *options):
    (product,) = json.loads(filled("--json", *options).out)["products"]
    return product


# ── judge ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_past_is_judged_once_and_night_by_night(run, filled, folder):
    """Nights of the store get the verdicts and open issues that `analyze` would have given them, and no second time."""
    judge = ("history", "judge", "--product", "Shop", "--url", folder, "--since", "2026-07-22")
    first, second = run(*judge), run(*judge)
    assert (first.code, first.out) == (0, "Shop: nights: 4 judged, in data/history.sqlite3\n")
    assert "3 of 4 pairs judged" in first.err
    assert second.out == "Shop: nights: 4 judged before, in data/history.sqlite3\n"
    told = run("issues", "--product", "Shop", "--url", folder).out
    assert re.search(r"POST /orders: [\d.]+ % slower, since \S+ \(job 116, 2026-07-16\)", told), told
    assert not Path("reports").exists()


# ── sync ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_second_synchronisation_has_nothing_to_do(run, folder):
    """The first one records every job, telling its progress; the second says that all are there."""
    first, second = run(*SYNC, "--url", folder), run(*SYNC, "--url", folder)
    assert (first.code, first.out) == (0, "Shop: 25 recorded, in data/history.sqlite3\n")
    assert "Recording job 125 and 124 (2 of 25) …" in first.err
    assert second.out == "Shop: 25 unchanged, in data/history.sqlite3\n"


def test_a_folder_keeps_its_jobs_and_a_server_s_downloads_are_dropped(run, folder, server):
    """What was downloaded for the store is gone once recorded; the user's own files stay."""
    assert run(*SYNC, "--url", folder).code == 0
    assert run(*SYNC, "--url", server.url).code == 0
    assert len(list(folder.glob("job-*.json"))) == COUNT
    assert not list(Path("data").rglob("job-*.json"))


def test_several_synchronisations_at_once_lose_no_job(run, server, tmp_path):
    """Runs that overlap, as of cron and by hand, neither call a job broken nor mark one as gone, and leave nothing."""
    command = [sys.executable, "-m", "perftracker_ai", *SYNC, "--url", server.url, "--quiet"]
    for number in sorted(server.jobs)[10:]:
        del server.jobs[number]
    for day in ("2027-01-01", "2027-01-02"):
        for document in server.jobs.values():
            document["upload"] = f"{day}T00:00:00Z"
        runs = [subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) for _ in range(3)]
        said = [each.communicate()[1] for each in runs]
        assert [each.returncode for each in runs] == [0, 0, 0]
        assert said == ["", "", ""]
        assert "10 jobs" in run(*TRENDS, "--url", server.url).out
    assert not list(Path("data").glob("history-downloads*"))


def test_what_a_killed_synchronisation_left_goes_with_a_later_one(run, server):
    """Downloads left a day ago are taken away; those of a run that may be under way are not."""
    old, young = (Path("data/history-downloads") / name for name in ("old", "young"))
    for left in (old, young):
        left.mkdir(parents=True)
        (left / "job-1.json").touch()
    stray = Path("data/history-downloads/job-2.json")
    stray.touch()
    for left in (old, stray):
        os.utime(left, (time.time() - 100_000,) * 2)
    assert run(*SYNC, "--url", server.url).code == 0
    assert list(Path("data/history-downloads").rglob("*")) == [young, young / "job-1.json"]


def test_jobs_downloaded_for_a_comparison_stay(run, server):
    """A synchronisation drops its own downloads only."""
    assert run("analyze", "--product", "Shop", "--url", server.url).code == 0
    before = sorted(Path("data").glob("job-*.json"))
    assert run(*SYNC, "--url", server.url).code == 0
    assert before
    assert sorted(Path("data").glob("job-*.json")) == before


def test_server_and_folder_tell_the_same(run, folder, server):
    """Where the jobs come from makes no difference to what is said of them."""
    said = []
    for url in (folder, server.url):
        run(*SYNC, "--url", url)
        said.append(run(*TRENDS, "--url", url).out)
    assert said[0] == said[1]


def test_both_kinds_of_store_tell_the_same(run, filled, folder):
    """What is said from PostgreSQL is what is said from the file."""
    store = ("--store", postgres.fresh_database())
    assert run(*SYNC, "--url", folder, *store).out.startswith("Shop: 25 recorded, in postgresql://")
    assert filled(*store).out == filled().out


def test_since_limits_what_is_synchronised_and_what_is_looked_at(run, folder):
    """Jobs that ended before the day are neither recorded nor counted."""
    assert run(*SYNC, "--url", folder, "--since", "2026-07-06").out.startswith("Shop: 20 recorded")
    assert "12 jobs of 5 versions, 2026-07-14" in run(*TRENDS, "--url", folder, "--since", "2026-07-14").out


def test_jobs_are_kept_for_as_many_days_as_are_set(run, folder):
    """Older jobs are not recorded, those that are there are dropped and counted, and --since reaches no further."""
    run(*SYNC, "--url", folder)
    Path("perftracker-ai.toml").write_text("keep_days = 9\n", encoding="utf-8")
    assert run(*SYNC, "--url", folder).out == "Shop: 10 unchanged, 15 dropped as too old, in data/history.sqlite3\n"
    assert run(*SYNC, "--url", folder, "--since", "2026-07-01").out.startswith("Shop: 10 unchanged, in")
    assert run(*SYNC, "--url", folder, "--store", "anew.sqlite3").out.startswith("Shop: 10 recorded, in")


def test_a_number_of_days_that_is_none_is_refused(run, folder, monkeypatch):
    """Fewer than no days is a mistake in the settings."""
    monkeypatch.setenv("PERFTRACKER_AI_KEEP_DAYS", "-1")
    ran = run(*SYNC, "--url", folder)
    assert ran.code == 2
    assert "The setting keep_days is '-1' in the environment" in ran.err


def test_one_product_s_trouble_does_not_keep_the_next_from_being_synchronised(run, folder):
    """An unknown product is named and sets the exit code; the other one is recorded."""
    ran = run("history", "sync", "--product", "Nothing", "--product", "Shop", "--url", folder)
    assert ran.code == 2
    assert "has the product name 'Nothing'" in ran.err
    assert ran.out.startswith("Shop: 25 recorded")


# ── trends ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_step_is_dated_and_its_version_named(filled):
    """The endpoint's two curves are one line, with first slow job, last good one and an interval around 30 %."""
    change, where = section(filled().out, "Slower, and still so")
    slowdown, low, high = map(float, re.findall(r"\+([\d.]+) %", change))
    assert low < slowdown < high
    assert slowdown == pytest.approx(30, abs=2.5)
    assert change.endswith("POST /orders, 2 curves")
    assert where.strip() == "since 2.5 (job 116, 2026-07-16); before it 2.4 (job 115, 2026-07-15)"


def test_a_creep_is_told_as_its_sum_since_the_oldest_job(filled):
    """0.8 % a night is told as what it came to over all nights."""
    (creep,) = section(filled().out, "Creeping since 2.0")
    assert creep.endswith("GET /search, 2 curves")
    assert float(re.search(r"\+([\d.]+) %", creep)[1]) == pytest.approx(100 * (1.008**24 - 1), abs=4)


def test_a_recovered_regression_has_its_end_and_is_no_improvement(filled):
    """It is told once, with the job that took it back; that recovery is not listed as something faster."""
    out = filled().out
    change, where = section(out, "Slower for a time")
    assert "PUT /cart" in change
    assert "since 2.1 (job 106, 2026-07-06); until 2.3 (job 111, 2026-07-11)" in where
    assert "Faster" not in out


def test_a_change_within_a_version_points_at_the_environment(filled):
    """Where the last good job is of the same version, this is said."""
    assert "job 105 is the same version: suspect the environment" in section(filled().out, "Slower for a time")[1]
    assert "environment" not in section(filled().out, "Slower, and still so")[1]


def test_quiet_endpoints_are_not_mentioned(filled):
    """What only has noise is in the count of curves and nowhere else."""
    out = filled().out
    assert "25 jobs of 9 versions, 2026-07-01 to 2026-07-25; 12 curves" in out
    assert not any(endpoint in out for endpoint in ("GET /items", "GET /orders", "POST /login"))


def test_curve_narrows_by_a_piece_of_the_tag_in_any_case(filled):
    """Only curves with the text are looked at, and one that fits none is refused."""
    product = told(filled, "--curve", "P(95) (4 th): post /orders")
    assert product["curves"] == 1
    assert product["shifts"][0]["curves"] == ["latency, p(95) (4 th): POST /orders"]
    ran = filled("--curve", "DELETE")
    assert (ran.code, ran.out) == (2, "")
    assert "No curve of Shop has 'DELETE' in its tag; give another --curve." in ran.err


def test_json_has_raw_numbers_and_every_job(filled):
    """The one object says what the screen says, unrounded."""
    product = told(filled)
    recent, early = product["shifts"][0], product["shifts"][-1]
    assert len(product["jobs"]) == COUNT
    assert (recent["endpoint"], recent["first"]["job"], recent["last_good"]["version"]) == ("POST /orders", 116, "2.4")
    assert recent["low"] < recent["slowdown"] < recent["high"]
    assert (early["endpoint"], early["recovered"]["job"], early["same_version"]) == ("PUT /cart", 111, True)
    assert [creep["endpoint"] for creep in product["creeps"]] == ["GET /search"]


def test_other_hardware_is_named_and_not_mixed_in(run, tmp_path):
    """The newest job's hardware is shown; another one is named with its jobs, and shown when asked for."""
    folder = nights.write(tmp_path / "jobs", 12)
    other = nights.job(50, 12, end="2026-01-01T00:00:00Z", env_nodes=[{"name": "old.example", "parent": None}])
    (folder / "job-151.json").write_text(json.dumps(other), encoding="utf-8")
    run(*SYNC, "--url", folder)
    shown = run(*TRENDS, "--url", folder).out
    assert shown.startswith("Shop on bg-f1.example, suite API:\n12 jobs")
    assert "Not shown (see --hardware): on old.example, suite API (1 job)" in shown
    old = run(*TRENDS, "--url", folder, "--hardware", "old.example").out
    assert old.startswith("Shop on old.example, suite API:\n1 job of 1 version")
    assert "12 curves with fewer than ten values" in old
    assert "No change, drift or unrest beyond chance." in old


def test_what_tells_nothing_is_said_in_words(run, tmp_path):
    """Jobs without a host never take the screen; they, local runs and those unfinished or gone are counted."""
    folder = nights.write(tmp_path / "jobs", 14)
    others = {
        "nowhere": nights.job(21, 25, env_nodes=[]),
        "local": nights.job(20, 25, env_nodes=[{"name": "pc.local", "parent": None}]),
        "empty": nights.job(22, 25, tests_completed=0),
    }
    for name, document in others.items():
        (folder / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    said = run(*SYNC, "--url", folder).out
    assert said.startswith("Shop: 15 recorded, 1 left out (local run), 1 left out (unfinished")
    (folder / "job-110.json").unlink()
    assert "1 gone from the source" in run(*SYNC, "--url", folder).out
    shown = run(*TRENDS, "--url", folder).out
    assert shown.startswith("Shop on bg-f1.example, suite API:\n13 jobs")
    assert "Not shown (see --hardware): on a machine nobody named, suite API (1 job)" in shown
    assert "Not used: 1 job gone from the source" in shown


def test_broken_uploads_are_counted_in_words(run, server):
    """An upload that counts other tests than it holds is called broken by both commands."""
    next(iter(server.jobs.values()))["tests_total"] = 99
    assert "1 with a broken upload" in run(*SYNC, "--url", server.url).out
    assert "Not used: 1 job with a broken upload" in run(*TRENDS, "--url", server.url).out


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_stored_is_listed(run, folder):
    """Each product is named with its machine, how many jobs there are, and from when to when."""
    assert run(*SYNC, "--url", folder, "--quiet").code == 0
    done = run("history", "products", "--url", folder)
    assert done.code == 0, done.err
    assert re.match(r"Shop on \S+: 25 jobs, 2026-07-01 to 2026-07-25\nin .*history\.sqlite3$", done.out.strip())


@pytest.mark.parametrize("action", ["products", "trends"])
def test_without_a_store_or_a_product_the_next_step_is_named(run, folder, action):
    """No store is made by looking for one, and an action that needs a product says where products are listed."""
    done = run("history", action, "--url", folder)
    assert done.code == 2
    assert {"products": "history sync", "trends": "history products"}[action] in done.err
    assert not Path("data/history.sqlite3").exists()


def test_trends_without_a_store_say_how_to_fill_one_and_make_none(run, folder):
    """A store that is not there is an error with the command that fills it, and no empty one is left behind."""
    ran = run(*TRENDS, "--url", folder)
    assert ran.code == 2
    assert (
        "There is no store data/history.sqlite3; fill one with `perftracker-ai history sync --product Shop`" in ran.err
    )
    assert not Path("data").exists()


def test_names_of_broken_characters_are_only_unknown(run, filled, folder):
    """A product whose name came as bytes that are no UTF-8 is not found, like any other that is not there."""
    odd = "Shop\udcff"
    for action in ("sync", "trends"):
        ran = run("history", action, "--product", odd, "--url", folder)
        assert ran.code == 2
        assert ran.err.splitlines()[-1].startswith("error: ")


def test_a_folder_of_any_name_is_an_origin(run, tmp_path):
    """Jobs in a folder whose name is no UTF-8 are recorded and found again."""
    folder = nights.write(tmp_path / "jobs\udcff", 2)
    assert run(*SYNC, "--url", folder).out.startswith("Shop: 2 recorded")
    assert run(*TRENDS, "--url", folder).out.splitlines()[1].startswith("2 jobs of 1 version")


def test_jobs_without_a_curve_are_an_error(run, tmp_path):
    """Where no stored job has a test that is read, this is said instead of an empty screen."""
    folder = tmp_path / "jobs"
    folder.mkdir()
    empty = nights.job(0, tests=[], tests_total=1, tests_completed=1)
    (folder / "job-101.json").write_text(json.dumps(empty), encoding="utf-8")
    run(*SYNC, "--url", folder)
    ran = run(*TRENDS, "--url", folder)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: ")


@pytest.mark.parametrize("options", [["--since", "2026-09-01"], ["--hardware", "other.example"]])
def test_nothing_stored_like_this_is_an_error(filled, options):
    """A day or a host that no stored job fits is said, with what to check."""
    ran = filled(*options)
    assert (ran.code, ran.out) == (2, "")
    assert "check --url, --since and --hardware" in ran.err


def test_a_day_that_is_none_is_refused(run):
    """--since takes a date, and says what one looks like."""
    ran = run(*SYNC, "--since", "yesterday")
    assert ran.code == 2
    assert "'yesterday' is no day such as 2026-12-31" in ran.err


@pytest.mark.parametrize("option", [["--curve", "x"], ["--hardware", "x"], ["--json"]])
def test_sync_refuses_what_only_trends_can_do(run, folder, option):
    """An option without effect is refused, not ignored."""
    ran = run(*SYNC, "--url", folder, *option)
    assert ran.code == 2
    assert "go with `history trends`" in ran.err


def test_the_example_of_the_documents_is_what_is_printed(run, tmp_path):
    """The output shown in docs/history.md is that of the commands shown there."""
    nights.main([str(tmp_path / "nights")])
    run(*SYNC, "--url", "nights")
    page = Path(__file__).resolve().parent.parent / "docs" / "history.md"
    assert f"```\n{run(*TRENDS, '--url', 'nights').out}```" in page.read_text(encoding="utf-8")


def test_the_store_comes_from_option_or_setting(run, folder):
    """--store stands over the setting, the setting over the default."""
    Path("perftracker-ai.toml").write_text('store = "mine.sqlite3"\n', encoding="utf-8")
    assert run(*SYNC, "--url", folder).out.endswith("in mine.sqlite3\n")
    assert run(*SYNC, "--url", folder, "--store", "other.sqlite3").out.endswith("in other.sqlite3\n")


def test_the_store_s_password_is_never_shown(run, folder):
    """Neither an error nor `config show` holds the address's password."""
    address = "postgresql://user:sesame/x@127.0.0.1:1/history"
    Path("perftracker-ai.toml").write_text(f'store = "{address}"\n', encoding="utf-8")
    said = [run(*SYNC, "--url", folder), run(*TRENDS, "--url", folder), run("config", "show")]
    assert [one.code for one in said] == [2, 2, 0]
    assert not any("sesame" in one.out + one.err for one in said)


# ── a piece of it ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_medians_are_those_of_numpy():
    """Column by column the median of the numbers there are, and none where there is none."""
    values = np.array([[1.0, 5.0, np.nan, 2.0], [4.0, np.nan, np.nan, 3.0], [2.0, 7.0, np.nan, np.nan]])
    np.testing.assert_array_equal(medians(values), [2.0, 6.0, np.nan, 2.5])
