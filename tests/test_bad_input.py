"""Bad input through the command line: one clear sentence, exit code 2, no traceback, nothing lost or half-written."""

import gzip
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from fake_perftracker import (
    FakePerfTracker,
    answer,
    debug_page,
    die_after,
    drop,
    false_gzip,
    hang,
    login_page,
    proxy_page,
    redirect,
    refused_url,
    truncated,
)
from hang_guard import HANG_S
from shop import put, shop_job, shop_jobs

PROGRAM = [sys.executable, "-m", "perftracker_ai"]
LISTING, DOWNLOAD = r"/api/v1\.0/\d+/job/\?", r"/job/3\?as_json"


@pytest.fixture
def server():
    with FakePerfTracker(shop_jobs()) as running:
        yield running


def refusal(ran):
    """Check that a run ended as bad input must, and give its sentence."""
    assert ran.code == 2
    assert ran.out == ""
    assert_no_trace(ran.err)
    errors = [line for line in ran.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert len(errors[0]) <= 820
    assert errors[0][-1] in ".?"
    return errors[0].removeprefix("error: ")


def assert_no_trace(text):
    assert "Traceback" not in text
    assert not any(character in text for character in "\x1b\x07\x08\x9b")


def left_over(folder="."):
    return sorted(path.name for path in Path(folder).rglob("*.part"))


def nothing_written():
    return not Path("reports").exists() and not left_over()


# ── products and jobs that are not there ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("asked", "named"),
    [("shop", "'Shop'"), ("Shopp", "'Shop'"), ("Mart", "'Shop'"), ("Sho", "'Shop'"), ("API", "'Shop'")],
)
def test_an_unknown_product_is_answered_with_those_there_are(run, server, asked, named):
    """A product that does not exist, if only by its case, is refused with the nearest names or those seen."""
    sentence = refusal(run("analyze", "--product", asked, "--url", server.url))
    assert f"No job has the product name '{asked}'" in sentence
    assert named in sentence
    assert nothing_written()


@pytest.mark.parametrize(
    ("jobs", "said"),
    [
        ([shop_job(1, "1.0")], "only one usable job, 1 (1.0)"),
        ([shop_job(1, "1.0"), shop_job(2, "1.0")], "are of one version, 1.0"),
        ([shop_job(1, "1.0"), shop_job(2, "1.1", hosts=("other.example",))], "on the same hardware"),
        ([shop_job(1, "1.0"), shop_job(2, "1.1", suite_name="UI")], "with the same suite"),
        ([shop_job(1, "1.0", hosts=("pc.local",)), shop_job(2, "1.1", hosts=())], "local run, no hosts"),
        ([shop_job(1, "1.0"), shop_job(2, "1.1", tests_completed=0)], "only one usable job, 1 (1.0)"),
        ([shop_job(1, "1.0"), shop_job(2, "")], "only one usable job, 1 (1.0)"),
    ],
)
@pytest.mark.parametrize("by", ["server", "folder"])
def test_too_little_to_compare_is_explained(run, server, jobs, said, by):
    """One job, one version, one host each and the like end in the reason, by server and by folder alike."""
    server.jobs = {job["id"]: job for job in jobs}
    url = server.url if by == "server" else put(Path("jobs"), *jobs)
    assert said in refusal(run("analyze", "--product", "Shop", "--url", url))
    assert nothing_written()


def test_a_project_without_jobs_is_named(run, server):
    """A wrong project is not mistaken for a wrong product."""
    assert "Project 7 of" in refusal(run("analyze", "--product", "Shop", "--project", "7", "--url", server.url))


def test_a_missing_id_is_named(run, server):
    """An id that the server does not know ends with the id, though the server says only `[]`."""
    assert "There is no job 99 on" in refusal(run("analyze", "2", "99", "--url", server.url))
    assert nothing_written()


def test_a_missing_id_answered_by_a_page_is_named(run, server):
    """A job whose document is a 404 page, when its header was still there, ends with the id."""
    server.script(DOWNLOAD, answer(404, "<html><title>Page not found</title></html>"))
    assert "Job 3 is not on" in refusal(run("analyze", "2", "3", "--url", server.url))
    assert nothing_written()


@pytest.mark.parametrize("number", ["9" * 18, "9" * 30, "9" * 5000, "0"])
def test_an_absurd_id_is_refused(run, server, number):
    """A number that is no job's, however long, is refused like any other."""
    sentence = refusal(run("analyze", number, "3", "--url", server.url))
    assert "There is no job" in sentence or "neither a job id nor a file" in sentence


# ── servers in trouble ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (debug_page(), "answered 500 (OperationalError at /somewhere)"),
        (login_page(), "a web page (Sign in) instead of JSON"),
        (proxy_page(413), "answered 413 (413 Request Entity Too Large)"),
        (hang(), "gave nothing useful within 0.5 s"),
        (
            answer(401, "<html><title>Who are you</title></html>"),
            "the gateway in front of it does: give it gateway_user",
        ),
        (redirect("https://login.example/sso"), "give that address as --url"),
        (false_gzip(), "cannot be decoded"),
    ],
    ids=["500", "login", "413", "hang", "401", "redirect", "gzip"],
)
@pytest.mark.parametrize("hit", [LISTING, DOWNLOAD], ids=["list", "download"])
def test_what_comes_in_place_of_an_answer_is_named(run, server, monkeypatch, fault, said, hit):
    """A page, a refusal or silence in place of the list or of a job ends the run, and is never stored as either."""
    if "0.5 s" in said:  # only where silence is meant: elsewhere a busy machine must not look like a hanging server
        monkeypatch.setenv("PERFTRACKER_AI_TIMEOUT_S", "0.5")
    server.script(hit, fault)
    sentence = refusal(run("analyze", "--product", "Shop", "--url", server.url))
    assert said in sentence
    assert "hunter2" not in sentence
    assert not Path("data/job-3.json").exists()
    assert nothing_written()


@pytest.mark.parametrize("body", ["{}", "[1, 2", '{"recordsFiltered": 1, "data": "no"}', '{"message": "hello"}', ""])
def test_a_list_of_something_else_is_refused(run, server, body):
    """JSON that is no job list asks whether this is a PerfTracker server."""
    server.script(LISTING, answer(200, body, "application/json"))
    sentence = refusal(run("analyze", "--product", "Shop", "--url", server.url))
    assert "no job list" in sentence
    assert "is it a PerfTracker server?" in sentence


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (answer(404, "<html><title>Page not found</title></html>"), "Job 3 is not on"),
        (answer(200, '{"fruit": 1}', "application/json"), "is not a PerfTracker job"),
        (answer(200, "", "application/json"), "is empty"),
        (truncated(3000), "is not complete JSON"),
    ],
    ids=["404", "fruit", "empty", "truncated"],
)
def test_a_document_that_is_no_job_is_left_out_with_its_reason(run, server, fault, said):
    """When the only candidate's document is unusable, the warning says why there is nothing left to compare."""
    server.script(DOWNLOAD, fault)
    ran = run("analyze", "--product", "Shop", "--url", server.url)
    assert "are of one version, 1.0" in refusal(ran)
    (warning,) = [line for line in ran.err.splitlines() if line.startswith("warning: ")]
    assert warning.startswith("warning: Job 3 was left out (")
    assert said in warning
    assert not Path("data/job-3.json").exists()
    assert nothing_written()


@pytest.fixture(scope="module")
def passing_troubles(tmp_path_factory):
    """Run against servers whose trouble might pass, all at once, for each waits 3.5 s for it to do so."""
    faults = {"502": (LISTING, proxy_page(502)), "dying": (DOWNLOAD, die_after(900)), "silent": (LISTING, drop())}
    folders, processes, servers = {}, {}, []
    for name, script in faults.items():
        servers.append(FakePerfTracker(shop_jobs()).__enter__())
        servers[-1].script(*script)
        folders[name] = tmp_path_factory.mktemp(name)
        processes[name] = started("analyze", "--product", "Shop", "--url", servers[-1].url, cwd=folders[name])
    folders["refused"] = tmp_path_factory.mktemp("refused")
    processes["refused"] = started("analyze", "--product", "Shop", "--url", refused_url(), cwd=folders["refused"])
    said = {name: (*process.communicate(timeout=HANG_S), process.returncode) for name, process in processes.items()}
    for server in servers:
        server.stop()
    return said, folders


def started(*arguments, **options):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*PROGRAM, *map(str, arguments)], **pipes | options)


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        ("502", "answered 502 (502 Bad Gateway): the server behind the proxy is down or too slow."),
        ("dying", "cannot be reached (peer closed connection"),
        ("silent", "cannot be reached (Server disconnected without sending a response"),
        ("refused", "cannot be reached (Connection refused); check the address, the VPN and the server."),
    ],
)
def test_trouble_that_does_not_pass_ends_in_a_sentence(passing_troubles, trouble, sentence):
    """A server that is down, dies in mid-download or hides behind its proxy is given up after a few tries."""
    said, folders = passing_troubles
    out, err, code = said[trouble]
    assert code == 2
    assert out == ""
    assert_no_trace(err)
    assert sentence in err.splitlines()[-1]
    assert [path.name for path in folders[trouble].rglob("*.part")] == []
    assert not (folders[trouble] / "data" / "job-3.json").exists()


def test_a_self_signed_certificate_names_both_ways_out(run):
    """A certificate nobody trusts ends in a sentence with --ca-bundle and --insecure."""
    with FakePerfTracker(shop_jobs(), tls=True) as server:
        sentence = refusal(run("analyze", "--product", "Shop", "--url", server.url))
    assert "--ca-bundle FILE" in sentence
    assert "--insecure" in sentence


@pytest.mark.parametrize("command", ["analyze", "jobs", "doctor"])
def test_insecure_and_a_bundle_exclude_each_other(run, command):
    """To check and not to check the certificate is refused before anything is asked."""
    ran = run(command, "--product", "Shop", "--insecure", "--ca-bundle", "ca.pem", "--url", "https://127.0.0.1:1")
    assert ran.code == 2
    assert "insecure and ca_bundle (ca.pem) exclude each other" in ran.out + ran.err


def test_a_bundle_that_is_none_is_named(run):
    """A file of certificates that is missing or holds none is named."""
    Path("ca.pem").write_text("no certificate")
    for name in ("ca.pem", "missing.pem"):
        ran = run("analyze", "--product", "Shop", "--ca-bundle", name, "--url", "https://127.0.0.1:1")
        assert f"--ca-bundle {name} cannot be used" in refusal(ran)


@pytest.mark.parametrize("url", ["http://", "http://[", "https://x:99999999", "ftp://x", "nowhere", "", "\0"])
def test_an_address_that_is_none_is_refused(run, url):
    """What is neither a server's address nor a folder is refused in a sentence."""
    refusal(run("analyze", "--product", "Shop", "--url", url))


# ── files that are no jobs ──────────────────────────────────────────────────────────────────────────────────────────

GOOD = json.dumps(shop_job(9, "2.0")).encode()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("job.json", GOOD[:5000], "is not complete JSON"),
        ("job.json", b"", "is empty"),
        ("job.json", b"{'id': 1}", "is not complete JSON"),
        ("job.json", b'{"fruit": ["apple"]}', "is not a PerfTracker job"),
        ("job.json", b"[]", "is not a PerfTracker job"),
        ("job.json", b"\xff\xfe\x00", "is not complete JSON"),
        ("job.json", b'{"links":' + b"[" * 200_000, "is not complete JSON"),
        ("job.json.gz", GOOD, "is not a whole gzip file"),
        ("job.json.gz", gzip.compress(GOOD)[:900], "is not a whole gzip file"),
        ("job.json.gz", b"", "is empty"),
    ],
)
def test_a_file_that_is_no_job_is_refused_by_hand_and_skipped_in_a_folder(run, name, content, said):
    """Named by hand a broken file ends the run; in a folder it is left out with a warning, and the rest is compared."""
    folder = put(Path("jobs"), *shop_jobs())
    (folder / name).write_bytes(content)
    assert said in refusal(run("analyze", folder / name, folder / "job-3.json"))
    ran = run("analyze", "--product", "Shop", "--url", folder)
    assert ran.code == 0
    assert f"warning: File {name} was left out" in ran.err
    assert said in ran.err


def test_a_missing_file_is_named(run):
    """A job that is neither a number nor a file is named as such, however long its name."""
    for name in ("no-such.json", "x" * 5000, "jobs\0.json"):
        sentence = refusal(run("analyze", name, "2"))
        assert "neither a job id nor a file" in sentence


def test_a_folder_in_the_place_of_a_job_file_is_named(run):
    """A folder given as a job says that it is a folder."""
    put(Path("jobs"), *shop_jobs())
    assert "is a directory" in refusal(run("analyze", "jobs", "jobs/job-3.json"))


@pytest.mark.parametrize("number", [1, 3])
def test_the_wrong_number_of_jobs_is_counted(run, number):
    """A comparison takes two jobs, and what was given is counted."""
    assert f"{number} given" in refusal(run("analyze", *["1"] * number))


def undecided(ran):
    """Check that a run ended with a report that decides nothing, and give what the report says."""
    assert (ran.code, json.loads(ran.out)["products"][0]["result"]["verdict"]) == (2, "INSUFFICIENT EVIDENCE")
    assert_no_trace(ran.err)
    return next(Path("reports").rglob("llm_report.md")).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": "FAILED"}, "no test of the candidate has a value (56 FAILED). Look at that run"),
        ({"metrics": "packets"}, "all tests of the candidate are in units of another kind"),
        ({"category": "9 x"}, "at other loads"),
    ],
)
def test_what_hinders_a_comparison_is_named(run, change, said):
    """A candidate that failed, or measured otherwise, has a report that says what is the matter and decides nothing."""
    new = shop_job(3, "1.1")
    new["tests"] = [test | change for test in new["tests"]]
    if "category" in change:
        new["tests"] = [test | {"category": f"{9000000 + at} x"} for at, test in enumerate(new["tests"])]
    put(Path("jobs"), shop_job(2, "1.0"), new)
    report = undecided(run("analyze", "jobs/job-2.json", "jobs/job-3.json", "--fail-on", "severe", "--json"))
    assert said in report
    assert "one suite" not in report


def test_a_candidate_whose_tests_all_failed_is_reported_with_its_failures(run):
    """Its failures are an issue of the report, and a policy that blocks by failures blocks."""
    new = shop_job(3, "1.1")
    new["tests"] = [test | {"status": "FAILED"} for test in new["tests"]]
    put(Path("jobs"), shop_job(2, "1.0"), new)
    report = undecided(run("analyze", "jobs/job-2.json", "jobs/job-3.json", "--fail-on", "severe", "--json"))
    assert "56 load points newly failing" in report
    Path("settings.toml").write_text("[policy]\nblock_failures = 1\n", encoding="utf-8")
    blocked = run(
        "analyze", "jobs/job-2.json", "jobs/job-3.json", "--fail-on", "block", "--json", "--config", "settings.toml"
    )
    assert blocked.code == 1


def test_renamed_tests_are_shown_with_the_nearest_names(run):
    """Where every test has another name, a pair of names that are nearly the same shows what was renamed."""
    old, new = shop_job(2, "1.0"), shop_job(3, "1.1")
    new["tests"] = [test | {"tag": test["tag"].replace("/", "/v2/", 1)} for test in new["tests"]]
    put(Path("jobs"), old, new)
    report = undecided(run("analyze", "jobs/job-2.json", "jobs/job-3.json", "--fail-on", "severe", "--json"))
    assert "none of their names is in both (the nearest are" in report
    assert "/v2/" in report


@pytest.mark.parametrize("empty", [2, 3])
def test_a_job_without_tests_leaves_nothing_to_compare(run, empty):
    """Two jobs of which one holds no test have a report that says which."""
    jobs = [shop_job(number, f"1.{number}", **({"tests": []} if number == empty else {})) for number in (2, 3)]
    folder = put(Path("jobs"), *jobs)
    report = undecided(run("analyze", folder / "job-2.json", folder / "job-3.json", "--fail-on", "severe", "--json"))
    assert f"the {'baseline' if empty == 2 else 'candidate'} holds no test" in report


def test_two_jobs_without_tests_are_refused(run):
    """Where neither holds a test there is nothing to report."""
    folder = put(Path("jobs"), shop_job(2, "1.0", tests=[]), shop_job(3, "1.1", tests=[]))
    assert "Neither job 2 nor job 3 holds a test" in refusal(
        run("analyze", folder / "job-2.json", folder / "job-3.json")
    )
    assert nothing_written()


def test_an_empty_folder_says_what_belongs_there(run):
    """A folder without job files is told what it should hold."""
    Path("jobs").mkdir()
    assert "holds no *.json or *.json.gz file" in refusal(run("analyze", "--product", "Shop", "--url", "jobs"))


def test_nothing_that_went_wrong_touches_an_earlier_report(run, server):
    """A run that fails leaves the report and the downloads of the one before as they were."""
    run("analyze", "--product", "Shop", "--url", server.url)
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    server.jobs[3]["upload"] = "2027-01-01T00:00:00Z"
    server.script(DOWNLOAD, truncated(3000))
    refused = run("analyze", "2", "3", "--url", server.url)
    assert "is not complete JSON" in refusal(refused)
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


# ── hostile content ─────────────────────────────────────────────────────────────────────────────────────────────────

EVIL = "\x1b[31mred\x1b]0;owned\x07\x9b2J\b\u202e[bold]x[/bold]"


def hostile_jobs(name):
    """Make the usual jobs with a bad name for the product and bad text wherever text goes."""
    jobs = shop_jobs()
    for job in jobs:
        job |= {"product_name": name, "suite_name": EVIL, "title": EVIL}
        job["env_nodes"][0]["name"] = EVIL
        job["project"]["name"] = EVIL
        job["product_ver"] += EVIL
        for record in job["tests"]:
            record["tag"] += EVIL
            record["group"] = EVIL
    return jobs


@pytest.mark.parametrize(
    "name",
    ["../../etc", "/etc/passwd", "CON", "a/b\\c", "Магазин 商店", "x" * 300, EVIL, "two\nlines", "..", "\u202eevil"],
)
@pytest.mark.parametrize("by", ["server", "folder"])
def test_hostile_names_stay_words(run, name, by, tmp_path):
    """Whatever a product, host, version or tag is called, reports stay in their folder, the terminal in order."""
    with FakePerfTracker(hostile_jobs(name)) as server:
        url = server.url if by == "server" else put(Path("jobs"), *hostile_jobs(name))
        ran = run("analyze", "--product", name, "--verbose", "--url", url)
        listed = run("jobs", "--product", name, "--url", url)
    assert ran.code == listed.code == 0
    for text in (ran.out, ran.err, listed.out, listed.err):
        assert_no_trace(text)
        assert "\u202e" not in text
    written = {path.parent.parent.parent for path in tmp_path.rglob("llm_report.md")}
    assert written == {tmp_path / "reports"}
    assert_no_trace(next(tmp_path.rglob("llm_report.md")).read_text())


def test_a_tag_of_a_hundred_thousand_characters_is_shown_in_part(run):
    """A tag of absurd length is judged like any other and floods neither terminal nor report."""
    jobs = shop_jobs()
    for job in jobs:
        for record in job["tests"]:
            record["tag"] += "y" * 100_000 if "POST /orders" in record["tag"] else ""
    ran = run("analyze", "--product", "Shop", "--url", put(Path("jobs"), *jobs))
    assert ran.code == 0
    assert "BLOCK" in ran.out
    assert max(map(len, (ran.out + ran.err).splitlines())) < 700
    assert len(Path("reports/Shop/2 vs 3/llm_report.md").read_text()) < 60_000


def test_a_page_of_errors_with_control_characters_is_shown_as_words(run, server):
    """What a server says in an error reaches the terminal without its control characters."""
    server.script(LISTING, answer(500, f"<html><title>{EVIL}</title></html>"))
    sentence = refusal(run("analyze", "--product", "Shop", "--url", server.url))
    assert "red" in sentence


# ── places that cannot be written ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/reports", "x" * 300, "/dev/null"])
@pytest.mark.parametrize("option", ["--reports-dir", "--output-dir"])
def test_a_folder_that_cannot_be_written_is_named(run, server, place, option):
    """A folder that cannot be made or written to ends in its name, before jobs are compared."""
    Path("file").write_text("mine")
    sentence = refusal(run("analyze", "--product", "Shop", option, place, "--url", server.url))
    assert "cannot be written" in sentence
    assert place[:40] in sentence
    assert Path("file").read_text() == "mine"
    assert not list(Path().rglob("llm_report.md"))


@pytest.mark.parametrize(("bound", "stage"), [(30_000, "download"), (12_000, "report")])
def test_a_full_disk_loses_nothing(run, tmp_path, bound, stage):
    """When the disk is full in mid-download or mid-report, the earlier files stay whole and no piece is left."""
    folder = put(tmp_path / "jobs", *shop_jobs())
    with FakePerfTracker(shop_jobs()) as server:
        url = server.url if stage == "download" else folder
        run("analyze", "--product", "Shop", "--url", folder)
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        full = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bound // 10, bound // 10))  # noqa: E731 - used once
        process = started("analyze", "--product", "Shop", "--url", url, cwd=tmp_path, preexec_fn=full)
        out, err = process.communicate(timeout=HANG_S)
    assert process.returncode == 2
    assert out == ""
    assert_no_trace(err)
    assert "cannot be written: file too large; choose another folder or make room" in err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_two_runs_at_once_on_one_pair_both_end_well(server, tmp_path):
    """Two runs that write the same files at the same time both succeed, and every file is whole."""
    command = ("analyze", "--product", "Shop", "--url", server.url)
    together = [started(*command, cwd=tmp_path) for _ in range(2)]
    ends = [(*process.communicate(timeout=HANG_S), process.returncode) for process in together]
    assert [code for _, _, code in ends] == [0, 0], ends
    assert json.loads((tmp_path / "reports/Shop/2 vs 3/result_v2.json").read_bytes())["summary"]
    assert [json.loads((tmp_path / f"data/job-{n}.json").read_bytes())["id"] for n in (1, 2, 3)] == [1, 2, 3]
    assert left_over(tmp_path) == []


# ── settings and arguments ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("url = ", "is not valid TOML"),
        ('urll = "x"', "did you mean url?"),
        ("[detect]\nmoderate = 'much'", "detect.moderate is 'much'"),
        ("timeout_s = 0", "timeout_s is 0"),
        ('reports_dir = "a\\u0000b"', "without null characters"),
        ("[detect]\nmoderate = 2.0", "must not fall"),
    ],
)
def test_a_bad_settings_file_is_refused_with_its_place(run, content, said):
    """A settings file with a mistake ends every command with the key and the file."""
    Path("perftracker-ai.toml").write_text(content)
    for command in (["analyze", "--product", "Shop"], ["jobs", "--product", "Shop"], ["doctor"], ["demo"]):
        assert said in refusal(run(*command))


def test_a_working_directory_that_is_gone_is_named(run, tmp_path, monkeypatch):
    """A run from a folder that was deleted meanwhile says so."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert "working directory" in refusal(run("demo"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["bogus"],
        ["analyze"],
        ["analyze", "1", "2", "--product", "Shop"],
        ["analyze", "--product", ""],
        ["analyze", "--product", "Shop", "--rerun", "1"],
        ["analyze", "--product", "Shop", "--fail-on", "sometimes"],
        ["analyze", "--product", "Shop", "--project", "one"],
        ["analyze", "--product", "Shop", "--project", "-1"],
        ["analyze", "--product", "Shop", "--quiet", "--verbose"],
        ["analyze", "--prod", "Shop"],
        ["jobs"],
        ["demo", "--url", "x"],
        ["analyze", "--product", "Shop", "--config", "missing.toml"],
    ],
    ids=" ".join,
)
def test_a_command_line_that_means_nothing_is_refused(run, arguments):
    """What the grammar does not know or cannot mean ends in a sentence, with nothing touched."""
    refusal(run(*arguments))
    assert list(Path().iterdir()) == []


def trunk(number, build, slow=1.0):
    """A job of a product whose version never changes."""
    made = shop_job(number, "trunk")
    for test in made["tests"]:
        test["scores"] = str([slow * score for score in json.loads(test["scores"])])
    return made | {"title": f"nightly {build}", "cmdline": f"run --build {build}"}


@pytest.mark.parametrize("named", [True, False])
def test_versions_that_stand_in_the_title_are_compared(run, named):
    """Where the product's version never changes a setting says where to read it, for named jobs and for discovery."""
    put(Path("jobs"), trunk(2, "8.1"), trunk(3, "8.2"))
    given = ["jobs/job-2.json", "jobs/job-3.json"] if named else ["--product", "Shop", "--url", "jobs"]
    assert ("SAME VERSION" in run("analyze", *given, "--json").out) is named
    Path("settings.toml").write_text("[discovery]\nversion_from = 'title: nightly (\\S+)'\n", encoding="utf-8")
    ran = run("analyze", *given, "--json", "--config", "settings.toml")
    result = json.loads(ran.out)["products"][0]["result"]
    assert (result["baseline"]["version"], result["candidate"]["version"]) == ("8.1", "8.2")


def test_discovery_refuses_versions_that_no_list_tells(run):
    """Command lines and links stand in whole jobs only, and it is said."""
    put(Path("jobs"), trunk(2, "8.1"), trunk(3, "8.2"))
    Path("settings.toml").write_text("[discovery]\nversion_from = 'command: build (\\S+)'\n", encoding="utf-8")
    sentence = refusal(run("analyze", "--product", "Shop", "--url", "jobs", "--config", "settings.toml"))
    assert "which the list of jobs does not tell" in sentence
