"""Whole runs through the command line, from a server and from folders: what is compared, written, kept and returned."""

import json
import re
from pathlib import Path

import pytest
from fake_perftracker import FakePerfTracker, answer, make_job
from shop import put, shop_job, shop_jobs

from perftracker_ai.commands.report_files import safe_name

REPORT = Path("reports/Shop/2 vs 3/llm_report.md")
PAGE = Path("reports/Shop/2 vs 3/report.html")
RESULT = Path("reports/Shop/2 vs 3/result_v2.json")


@pytest.fixture
def server():
    with FakePerfTracker(shop_jobs()) as running:
        yield running


def compared(result=RESULT):
    """Give the job ids of a result: baseline, candidate."""
    metadata = json.loads(result.read_bytes())["metadata"]
    return metadata["run1"]["id"], metadata["run2"]["id"]


def files(folder="."):
    return sorted(str(path) for path in Path(folder).rglob("*") if path.is_file())


def fetched(server):
    return [int(request.path.rpartition("/")[2]) for request in server.asked(r"/\d+/job/\d+$") if request.query]


# ── the main job ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_product_on_a_server_is_compared_and_reported(run, server):
    """From a product's name alone come the right pair, the verdict, the slow endpoint and the paths of both files."""
    ran = run("analyze", "--product", "Shop", "--url", server.url)
    assert ran.code == 0
    assert compared() == (2, 3)
    assert "BLOCK" in ran.out
    assert "POST /orders" in ran.out
    assert str(REPORT) in ran.out
    assert str(RESULT) in ran.out
    written = [REPORT.with_name("facts.json"), REPORT, PAGE, RESULT]
    assert files() == [f"data/job-{n}.json" for n in (1, 2, 3)] + list(map(str, written))


def test_progress_says_what_the_earlier_script_said(run, server):
    """The run prints jobs found, jobs without local runs, jobs per hardware, and the pair with version and date."""
    server.add(shop_job(4, "1.2", hosts=("laptop.local",)))
    lines = run("analyze", "--product", "Shop", "--url", server.url).err.splitlines()
    assert lines[:6] == [
        f"Looking for jobs of Shop in {server.url} …",
        "  4 jobs of Shop read, 3 without local runs",
        "    bg-f1.example: 3 comparable jobs",
        "  baseline 2: version 1.0, 2026-09-03 10:00 UTC",
        "  candidate 3: version 1.1, 2026-09-04 10:00 UTC",
        "  rerun 1: version 1.0, 2026-09-02 10:00 UTC",
    ]


def test_server_and_folder_give_the_same_files(run, server):
    """The same jobs by server, by folder and by downloaded folder give byte for byte the same report and result."""
    run("analyze", "--product", "Shop", "--url", server.url)
    by_server = REPORT.read_bytes(), RESULT.read_bytes()
    for folder in (put(Path("jobs"), *shop_jobs()), Path("data")):
        REPORT.unlink()
        RESULT.unlink()
        assert run("analyze", "--product", "Shop", "--url", folder).code == 0
        assert (REPORT.read_bytes(), RESULT.read_bytes()) == by_server


def test_a_second_run_writes_the_same_bytes_and_downloads_nothing(run, server):
    """Running again asks the server for its list only, and changes no byte of what is on disk."""
    run("analyze", "--product", "Shop", "--url", server.url)
    before = {name: Path(name).read_bytes() for name in files()}
    assert sorted(fetched(server)) == [1, 2, 3]
    assert run("analyze", "--product", "Shop", "--url", server.url).code == 0
    assert sorted(fetched(server)) == [1, 2, 3]
    assert {name: Path(name).read_bytes() for name in files()} == before


def test_a_job_uploaded_anew_is_fetched_again(run, server):
    """A download is used again only as long as the server has not stored the job anew."""
    run("analyze", "--product", "Shop", "--url", server.url)
    server.add(shop_job(3, "1.1", slow=1.0, upload="2026-12-01T00:00:00.000001Z"))
    ran = run("analyze", "--product", "Shop", "--url", server.url)
    assert sorted(fetched(server)) == [1, 2, 3, 3]
    assert "APPROVE" in ran.out


def test_the_bundled_jobs_name_the_injected_regression(run):
    """The demo blocks the release, and its worst item is the endpoint that was made slower on purpose."""
    ran = run("demo", "--quiet")
    assert ran.code == 0
    assert ran.err == ""
    result = json.loads(Path("reports/LAB/91002 vs 91012/result_v2.json").read_bytes())
    worst = max(result["regressions"], key=lambda item: item["median_pct_change_overall"])
    assert "tenants/{id}/policies" in worst["endpoint"]


def test_the_readme_shows_what_the_demo_says(run, request):
    """What README shows of the demo is what the demo prints."""
    readme = Path(__file__).parent.parent / "README.md"
    text = readme.read_text(encoding="utf-8")
    shown = re.search(r"(?<=`make demo` ends with this)[^`]*```\n(.*?)```", text, re.DOTALL)
    said = run("demo", "--quiet").out
    if request.config.getoption("--update-golden"):
        readme.write_text(text[: shown.start(1)] + said + text[shown.end(1) :], encoding="utf-8")
        return
    assert shown[1] == said


# ── jobs named by hand ──────────────────────────────────────────────────────────────────────────────────────────────


def test_two_ids_are_compared(run, server):
    """Two ids are compared as they stand, whatever discovery would have taken."""
    assert run("analyze", "1", "3", "--url", server.url).code == 0
    assert compared(Path("reports/Shop/1 vs 3/result_v2.json")) == (1, 3)


def test_two_files_are_compared_without_a_server(run):
    """Two files need no server: the default address, where nobody answers, is not asked."""
    put(Path("jobs"), *shop_jobs())
    ran = run("analyze", "jobs/job-2.json", "jobs/job-3.json")
    assert ran.code == 0
    assert compared() == (2, 3)
    assert not Path("data").exists()


def test_an_id_and_a_file_can_be_mixed(run, server):
    """A file as the baseline and an id as the candidate are one pair."""
    put(Path("jobs"), *shop_jobs())
    assert run("analyze", "jobs/job-2.json", "3", "--url", server.url).code == 0
    assert fetched(server) == [3]


def test_a_named_rerun_teaches_the_noise(run, server):
    """With --rerun the result says that a rerun was used, as it does when discovery finds one."""
    run("analyze", "2", "3", "--rerun", "1", "--url", server.url)
    named = REPORT.read_bytes()
    run("analyze", "2", "3", "--url", server.url)
    assert REPORT.read_bytes() != named
    run("analyze", "--product", "Shop", "--url", server.url)
    assert REPORT.read_bytes() == named


def test_no_reruns_compares_the_pair_alone(run, server):
    """With --no-reruns no third job is fetched, and a warning says what that costs."""
    ran = run("analyze", "--product", "Shop", "--no-reruns", "--url", server.url)
    assert sorted(fetched(server)) == [2, 3]
    assert "warning: No other run of the baseline's version 1.0 was available" in ran.err


@pytest.mark.parametrize(
    ("fields", "warning"),
    [
        ({"product_name": "Mart"}, "different products, Mart and Shop"),
        ({"hosts": ("other.example",)}, "different hardware, other.example and bg-f1.example"),
        ({"suite_name": "UI"}, "different test suites, UI 1.0 and API 1.0"),
        ({"product_ver": "1.1"}, "Both jobs are of version 1.1"),
        (
            {"end": "2026-10-01T00:00:00Z", "product_ver": "trunk"},
            "Candidate 3 (2026-09-04) is older than baseline 2 (2026-10-01)",
        ),
        ({"project": {"id": 2, "name": "Storage"}}, "Job 2 is in project Storage, not in project 1"),
        ({"deleted": True}, "Job 2 is marked as deleted"),
    ],
)
def test_jobs_that_differ_are_compared_with_a_warning(run, server, fields, warning):
    """What makes two named jobs hard to compare is named in a warning, in the terminal and in the report."""
    server.jobs[2] |= fields if "hosts" not in fields else {"env_nodes": make_job(2, **fields)["env_nodes"]}
    ran = run("analyze", "2", "3", "--url", server.url)
    assert ran.code == 0
    assert warning in ran.err
    report = next(Path("reports").rglob("llm_report.md")).read_text()
    assert warning.partition(",")[0] in report.replace("\\", "")


@pytest.mark.parametrize(
    ("option", "rerun", "named"),
    [
        ("--rerun", "4", "--rerun names job 4, which is Shop 0.9, and job 2 is Shop 1.0;"),
        ("--rerun", "5", "--rerun names job 5, which is Mart 1.0, and job 2 is Shop 1.0;"),
        ("--candidate-rerun", "1", "--candidate-rerun names job 1, which is Shop 1.0, and job 3 is Shop 1.1;"),
    ],
)
def test_a_rerun_of_something_else_is_refused(run, server, option, rerun, named):
    """What lies between two versions or products must not pass for the noise of one."""
    server.add(shop_job(4, "0.9"), shop_job(5, "1.0", product_name="Mart"))
    ran = run("analyze", "2", "3", option, rerun, "--url", server.url)
    assert ran.code == 2
    assert named in ran.err
    assert not Path("reports").exists()


def test_a_job_against_itself_is_refused(run, server):
    """The same job twice has no difference: it is no comparison, and never approved."""
    ran = run("analyze", "3", "3", "--url", server.url)
    assert ran.code == 2
    assert "Job 3 is given twice" in ran.err


# ── discovery by server ─────────────────────────────────────────────────────────────────────────────────────────────


def test_project_zero_finds_jobs_of_every_project(run, server):
    """A pair in another project is found with --project 0, and not without."""
    for job in server.jobs.values():
        job["project"] = {"id": 2, "name": "Storage"}
    assert run("analyze", "--product", "Shop", "--url", server.url).code == 2
    assert run("analyze", "--product", "Shop", "--project", "0", "--url", server.url).code == 0
    assert compared() == (2, 3)


def test_hosts_are_named_as_the_server_shows_them(run, server):
    """Display names stand in progress, result and report, and narrow the discovery."""
    server.display_name_re = r"\.example$"
    ran = run("analyze", "--product", "Shop", "--hardware", "bg-f1", "--url", server.url)
    assert "    bg-f1: 3 comparable jobs" in ran.err.splitlines()
    assert "bg-f1.example" not in RESULT.read_text()


@pytest.mark.parametrize(
    ("options", "pair"),
    [
        (["--candidate-version", "1.0"], (5, 2)),
        (["--baseline-version", "0.9"], (5, 3)),
        (["--hardware", "second.example"], (6, 7)),
    ],
)
def test_narrowing_options_change_the_pair(run, server, options, pair):
    """Version and hardware asked for decide which jobs are compared."""
    server.add(shop_job(5, "0.9", end="2026-08-01T00:00:00Z"))
    server.add(*(shop_job(n, f"1.{n}", hosts=("second.example",), end=f"2026-07-0{n}T00:00:00Z") for n in (6, 7)))
    ran = run("analyze", "--product", "Shop", *options, "--url", server.url)
    assert ran.code == 0
    assert compared(Path(f"reports/Shop/{pair[0]} vs {pair[1]}/result_v2.json")) == pair


def test_a_job_deleted_after_it_was_listed_gives_way_to_the_next(run, server):
    """A candidate that is gone when it is fetched is left out with a warning, and the next pair is taken."""
    server.add(shop_job(4, "1.2"))
    server.before = lambda request: server.jobs.pop(4, None) if request.path.endswith("/job/4") else None
    ran = run("analyze", "--product", "Shop", "--url", server.url)
    assert ran.code == 0
    assert compared() == (2, 3)
    assert "warning: Job 4 was left out (Job 4 is not on" in ran.err


def test_a_job_marked_deleted_after_it_was_listed_gives_way_to_the_next(run, server):
    """A candidate whose document says that it was deleted meanwhile is not compared."""
    server.add(shop_job(4, "1.2"))
    server.before = lambda request: server.jobs[4].update(deleted=True) if request.query.get("as_json") else None
    ran = run("analyze", "--product", "Shop", "--url", server.url)
    assert compared() == (2, 3)
    assert "warning: Job 4 was left out (Job 4 was deleted since it was listed)" in ran.err


def test_an_unfinished_upload_gives_way_to_the_next(run, server):
    """A candidate that counts other tests than it holds is left out with a warning, not compared half."""
    server.add(shop_job(4, "1.2", tests_total=57))
    ran = run("analyze", "--product", "Shop", "--url", server.url)
    assert ran.code == 0
    assert compared() == (2, 3)
    assert "warning: Job 4 was left out" in ran.err
    assert "it counts 57 tests and holds 56" in ran.err
    assert not Path("data/job-4.json").exists()


def test_a_broken_rerun_costs_only_itself(run, server):
    """A rerun that cannot be used is left out with a warning; the pair stays."""
    server.jobs[1]["tests_total"] = 57
    ran = run("analyze", "--product", "Shop", "--url", server.url)
    assert ran.code == 0
    assert compared() == (2, 3)
    assert ran.err.count("warning: Job 1 was left out") == 1
    assert "warning: No other run of the baseline's version" in ran.err


def test_unreadable_records_and_moved_counters_are_named(run):
    """A record that cannot be read is left out by its position, and a file that counts other tests says so."""
    jobs = shop_jobs()
    jobs[1]["tests"][4] |= {"errors": "many"}
    jobs[2]["tests_total"] = 57
    folder = put(Path("jobs"), *jobs)
    ran = run("analyze", folder / "job-2.json", folder / "job-3.json")
    assert ran.code == 0
    assert "warning: Job 2 holds unreadable test records (count: 1; first: record 5," in ran.err
    assert "warning: Job 3 counts 57 tests and holds 56" in ran.err


# ── several products, gates ─────────────────────────────────────────────────────────────────────────────────────────


def test_one_product_in_trouble_does_not_keep_the_others(run, server):
    """Every product that can be judged is, and the exit code is the worst of all."""
    options = ["--product", "Nothing", "--product", "Shop", "--product", "Shop", "--fail-on", "block"]
    ran = run("analyze", *options, "--url", server.url)
    assert ran.code == 2
    assert "error: No job has the product name 'Nothing'" in ran.err
    assert ran.out.count("Verdict") == 1
    assert compared() == (2, 3)


@pytest.mark.parametrize(
    ("slow", "reached"),
    [
        (1.0, set()),
        (1.3, {"moderate"}),
        (1.7, {"moderate", "severe"}),
        (3.0, {"moderate", "severe", "critical", "block"}),
    ],
)
@pytest.mark.parametrize("gate", ["never", "moderate", "severe", "critical", "block"])
def test_the_gate_sets_the_exit_code(run, slow, reached, gate):
    """The exit code is 1 exactly when something as bad as the gate was found, and files are written all the same."""
    folder = put(Path("jobs"), *shop_jobs(slow))
    ran = run("analyze", "--product", "Shop", "--url", folder, "--fail-on", gate)
    assert ran.code == (1 if gate in reached else 0)
    assert RESULT.exists()


def test_newly_failing_tests_reach_the_gate(run, server):
    """A test that fails now has no time to compare, and still reaches the gate of its severity."""
    for record in server.jobs[3]["tests"]:
        if record["tag"].endswith("GET /search"):
            record |= {"status": "FAILED", "scores": "[]"}
    server.jobs[3] |= {"tests_failed": 8, "tests_errors": 8, "tests_completed": 56}
    assert run("analyze", "--product", "Shop", "--fail-on", "severe", "--url", server.url).code == 1


# ── settings ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_settings_come_from_the_file_found_upwards(run, server, tmp_path, monkeypatch):
    """A run below the folder of perftracker-ai.toml takes address, folders, gate and thresholds from it."""
    Path("perftracker-ai.toml").write_text(
        f'url = "{server.url}"\nfail_on = "moderate"\nreports_dir = "out"\n'
        "[product.Shop.detect]\nmoderate = 2.5\nsevere = 3.0\ncritical = 4.0\n"
    )
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert run("analyze", "--product", "Shop").code == 0
    assert run("analyze", "--product", "Shop", "--config", "/dev/null", "--url", server.url).code == 0
    assert Path("out/Shop/2 vs 3/result_v2.json").exists()
    assert REPORT.exists()


def test_environment_stands_over_the_file_and_options_over_both(run, server, monkeypatch):
    """The order of precedence is command line, environment, file."""
    Path("perftracker-ai.toml").write_text(f'url = "{server.url}"\nreports_dir = "by-file"\noutput_dir = "by-file"\n')
    monkeypatch.setenv("PERFTRACKER_AI_REPORTS_DIR", "by-environment")
    monkeypatch.setenv("PERFTRACKER_AI_OUTPUT_DIR", "by-environment")
    run("analyze", "--product", "Shop", "--output-dir", "by-option")
    assert sorted(path.name for path in Path().iterdir()) == ["by-environment", "by-option", "perftracker-ai.toml"]


def test_the_seed_is_in_the_result(run, server):
    """A seed given on the command line stands in the result, so that a run can be made again."""
    run("analyze", "--product", "Shop", "--seed", "77", "--url", server.url)
    assert json.loads(RESULT.read_bytes())["seed"] == 77


# ── encryption ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def encrypted():
    with FakePerfTracker(shop_jobs(), tls=True) as running:
        yield running


def test_a_certificate_is_trusted_by_bundle(run, encrypted, tmp_path):
    """With the authority's certificate the run goes through without a warning of it."""
    bundle = encrypted.write_ca(tmp_path / "ca.pem")
    ran = run("analyze", "--product", "Shop", "--url", encrypted.url, "--ca-bundle", bundle)
    assert ran.code == 0
    assert "certificate" not in ran.err


def test_insecure_warns_on_every_run(run, encrypted):
    """Without the check the run goes through, and says each time that it was not made, quiet or not."""
    for loudness in ([], ["--quiet"], ["--quiet"]):
        ran = run("analyze", "--product", "Shop", "--url", encrypted.url, "--insecure", *loudness)
        assert ran.code == 0
        assert ran.err.count(f"warning: The certificate of {encrypted.url} was not verified") == 1


# ── where reports go ────────────────────────────────────────────────────────────────────────────────────────────────


def test_other_jobs_with_the_same_numbers_get_a_folder_of_their_own(run):
    """Jobs of another server with the same ids do not replace the first one's report."""
    first = put(Path("first"), *shop_jobs())
    second = put(
        Path("second"), *(job | {"uuid": f"aaaaaaaa-0000-0000-0000-00000000000{job['id']}"} for job in shop_jobs(1.0))
    )
    run("analyze", "--product", "Shop", "--url", first)
    kept = RESULT.read_bytes()
    run("analyze", "--product", "Shop", "--url", second)
    assert RESULT.read_bytes() == kept
    assert len(list(Path("reports/Shop").iterdir())) == 2


@pytest.mark.parametrize(
    "name",
    [
        "../../etc",
        "..",
        ".",
        "CON",
        "nul.txt",
        "a/b",
        "a\\b",
        "ä ö 日本",
        "x" * 300,
        "\x1b[31mred",
        "end.",
        " ",
        "a\nb",
        "e\u0301",
    ],
)
def test_any_product_name_becomes_one_folder_name(name):
    """A folder's name has no separator, no control character, no special meaning and bounded length."""
    folder = safe_name(name)
    assert Path(folder).name == folder
    assert folder not in {".", ".."}
    assert folder.isprintable()
    assert len(folder.encode()) <= 255
    assert folder.partition(".")[0].upper() not in {"CON", "NUL"}
    assert not folder.endswith((".", " "))


def test_plain_names_stay_and_different_names_never_share_a_folder():
    """An ordinary name is its own folder; two names that look alike when cleaned are told apart."""
    assert safe_name("Shop Server 1.2_x-y") == "Shop Server 1.2_x-y"
    names = ["a/b", "a\\b", "a_b", "a:b", "x" * 61, "x" * 62, "con", "CON", ".a", "a."]
    assert len({safe_name(name) for name in names}) == len(names)


def test_a_proxy_page_in_place_of_one_job_stops_the_run_but_keeps_what_came(run, server):
    """What one download answered wrongly ends the run in a sentence, and no page is ever stored as a job."""
    server.script(r"/job/3\?as_json", answer(200, "<html><title>Sign in</title></html>"))
    ran = run("analyze", "--product", "Shop", "--url", server.url)
    assert ran.code == 2
    assert "web page (Sign in)" in ran.err
    assert not Path("data/job-3.json").exists()
    assert not Path("reports").exists()
