"""The doctor: every check when all is well, and for each problem its sentence and its cure."""

import re
from contextlib import closing
from pathlib import Path

import postgres
import pytest
from checkouts import OTHERS, imported
from fake_perftracker import FakePerfTracker, debug_page, hang, login_page
from shop import put, shop_job, shop_jobs

from perftracker_ai.commands.doctor import Check, examine
from perftracker_ai.settings import Settings
from perftracker_ai.store import open_store
from perftracker_ai.store.database import Database
from perftracker_ai.store.schema import STEPS, VERSION


@pytest.fixture
def server():
    with FakePerfTracker(shop_jobs()) as running:
        yield running


def problems(ran):
    """Give the problems shown, each with the cure on the line below."""
    lines = ran.out.splitlines()
    return {
        line.removeprefix("PROBLEM  ").partition(":")[0]: (line, lines[number + 1])
        for number, line in enumerate(lines)
        if line.startswith("PROBLEM")
    }


def test_all_well_on_a_server(run, server):
    """With everything in order each check says what it found, the exit code is 0, and nothing is made or downloaded."""
    ran = run("doctor", "--product", "Shop", "--url", server.url)
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "ok       folder for downloads: data can be written to",
        "ok       folder for reports: reports can be written to",
        f"ok       source: {server.url} answers; its projects are 1 Default project, 2 Storage",
        "ok       TLS: not encrypted",
        "ok       project: 3 jobs in project 1, the newest 3 of 2026-09-04",
        "ok       upload: the server keeps artifacts, so --upload can work",
        "ok       product Shop: would compare 2 with 3",
        "ok       store of past jobs: none in use; `perftracker-ai history sync --product NAME` begins one",
        "ok       language model: not asked: --llm off",
    ]
    assert ran.err == ""
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("asked", "code", "word"), [("true", 2, "PROBLEM"), ("false", 0, "hint   "), ("", 0, "hint   ")]
)
def test_a_server_that_keeps_no_reports(run, monkeypatch, asked, code, word):
    """Without a place for artifacts on the server an upload cannot work: a problem where one is asked for."""
    monkeypatch.setenv("PERFTRACKER_AI_UPLOAD", asked)
    with FakePerfTracker(shop_jobs(), artifacts_configured=False) as server:
        ran, address = run("doctor", "--url", server.url), server.url
    assert ran.code == code
    assert f"{word}  upload: {address} keeps no artifacts" in ran.out
    assert "ask its administrator to set ARTIFACTS_STORAGE_DIR" in ran.out
    assert all(request.method == "GET" for request in server.requests)


def test_a_folder_takes_no_reports(run, monkeypatch):
    """Asked to upload to a folder, the doctor says that it cannot."""
    monkeypatch.setenv("PERFTRACKER_AI_UPLOAD", "true")
    ran = run("doctor", "--url", put(Path("jobs"), *shop_jobs()))
    assert ran.code == 2
    assert "takes no report" in problems(ran)["upload"][0]


def test_all_well_in_a_folder(run):
    """A folder is looked at like a server, and needs no encryption."""
    ran = run("doctor", "--product", "Shop", "--url", put(Path("jobs"), *shop_jobs()))
    assert ran.code == 0
    assert "ok       TLS: not needed for a folder" in ran.out
    assert "source: jobs answers; its projects are 1 Project 1" in ran.out


def test_every_project_is_counted_with_zero(run, server):
    """With --project 0 the jobs of all projects are counted."""
    server.add(shop_job(4, "1.2", project=2))
    assert "4 jobs in all projects" in run("doctor", "--project", "0", "--url", server.url).out


def test_a_checkout_is_read_as_a_comparison_would(run, server, tmp_path):
    """The commits between the two versions are counted; a tag that is not there is a hint: the report does without."""
    settings = Path("perftracker-ai.toml")
    repo = tmp_path / "code"
    imported(repo, OTHERS[:1], OTHERS[1:4])
    settings.write_text(f"[source]\nrepo = {str(repo)!r}\n")
    said = run("doctor", "--product", "Shop", "--url", server.url)
    assert "ok       checkout of Shop: 3 commits from v1.0 to v1.1 can be read" in said.out
    settings.write_text(f"[source]\nrepo = {str(repo)!r}\ntag = 'release-{{version}}'\n")
    said = run("doctor", "--product", "Shop", "--url", server.url)
    assert re.search(r"hint     checkout of Shop: The checkout .*/code has no tag release-1.0", said.out)
    assert said.code == 0


def test_many_projects_are_named_in_part(run, server):
    """A server of many projects does not flood the line."""
    server.projects = [{"id": number, "name": "P"} for number in range(1, 101)]
    assert "8 P and 92 more" in run("doctor", "--url", server.url).out


def test_encryption_that_is_checked_and_that_is_not(run, tmp_path):
    """A verified certificate is ok and says by what; an unchecked one is a problem with its cure."""
    with FakePerfTracker(shop_jobs(), tls=True) as server:
        bundle = server.write_ca(tmp_path / "ca.pem")
        checked = run("doctor", "--url", server.url, "--ca-bundle", bundle)
        unchecked = run("doctor", "--url", server.url, "--insecure")
        untrusted = run("doctor", "--url", server.url)
    assert checked.code == 0
    assert f"ok       TLS: certificate verified against {bundle}" in checked.out
    assert unchecked.code == untrusted.code == 2
    assert "--ca-bundle FILE" in problems(unchecked)["TLS"][1]
    assert "--ca-bundle FILE" in problems(untrusted)["source"][1]
    assert "is not trusted" in problems(untrusted)["source"][0]


@pytest.mark.parametrize(
    ("fault", "said", "cure"),
    [
        (login_page(), "a web page (Sign in) instead of JSON", "check the address, and for a proxy or login"),
        (debug_page(), "answered 500", "the fault is the server's"),
    ],
)
def test_a_server_that_answers_something_else(run, server, fault, said, cure):
    """What stands in the way of the server is named with its cure, and what depends on it is not tried."""
    server.script(".", fault)
    ran = run("doctor", "--product", "Shop", "--url", server.url)
    assert ran.code == 2
    assert list(problems(ran)) == ["source"]
    assert said in problems(ran)["source"][0]
    assert cure in problems(ran)["source"][1]
    assert "product Shop" not in ran.out


def test_a_server_that_hangs(run, server, monkeypatch):
    """A server that never answers is given up after the time set, and the cure names the setting."""
    monkeypatch.setenv("PERFTRACKER_AI_TIMEOUT_S", "0.3")
    server.script(".", hang())
    ran = run("doctor", "--url", server.url)
    assert ran.code == 2
    assert "within 0.3 s" in problems(ran)["source"][0]
    assert "--timeout" in problems(ran)["source"][1]


def test_a_folder_that_is_not_there(run):
    """A missing folder is a problem of the source."""
    assert "There is no folder nowhere" in problems(run("doctor", "--url", "nowhere"))["source"][0]


def test_a_project_without_jobs(run, server):
    """An unknown project is a problem of its own, and the projects there are stand in the line above."""
    ran = run("doctor", "--project", "7", "--product", "Shop", "--url", server.url)
    assert ran.code == 2
    assert list(problems(ran)) == ["project"]
    assert "--project" in problems(ran)["project"][1]
    assert "product Shop" not in ran.out


def test_products_that_cannot_be_compared(run, server):
    """Each product is checked by itself: one is fine, one is unknown, one has one job only."""
    server.add(shop_job(4, "1.0", product_name="Single"))
    ran = run(
        "doctor", *(word for name in ("Shop", "shop", "Single") for word in ("--product", name)), "--url", server.url
    )
    assert ran.code == 2
    assert "ok       product Shop: would compare 2 with 3" in ran.out
    assert set(problems(ran)) == {"product shop", "product Single"}
    assert "'Shop'" in problems(ran)["product shop"][1]
    assert "only one usable job" in problems(ran)["product Single"][0]


def test_folders_that_cannot_be_written_to(run, server):
    """Each folder is named with the option that chooses another, and the rest is checked all the same."""
    Path("file").touch()
    ran = run("doctor", "--output-dir", "file", "--reports-dir", "file/below", "--url", server.url)
    assert set(problems(ran)) == {"folder for downloads", "folder for reports"}
    assert "ok       project" in ran.out


# ── the store of past jobs ──────────────────────────────────────────────────────────────────────────────────────────


def of_store(run, *options):
    """Give the line on the store, and the one below it."""
    lines = run("doctor", "--url", put(Path("jobs"), *shop_jobs()), *options).out.splitlines()
    (at,) = (number for number, line in enumerate(lines) if "store of past jobs" in line)
    return lines[at], lines[at + 1]


@pytest.mark.parametrize("kind", ["file", "postgresql"])
def test_a_store_is_told_with_what_is_in_it(run, kind):
    """Where there is a store, its jobs, its newest day, its size and its schema are told."""
    store = postgres.fresh_database() if kind == "postgresql" else "data/history.sqlite3"
    put(Path("jobs"), *shop_jobs())
    run("history", "sync", "--product", "Shop", "--url", "jobs", "--store", store)
    line, _ = of_store(run, *(["--store", store] if kind == "postgresql" else []))
    assert re.fullmatch(
        r"ok       store of past jobs: (data/history\.sqlite3|postgresql://\S+) holds 3 jobs of 1 product, "
        rf"the newest of 2026-09-04; \d+ kB, schema {len(STEPS)}",
        line,
    )


def test_a_store_of_an_older_schema_is_told_and_left_as_it_is(run):
    """What the next run will do to it is said and not done."""
    Path("old.sqlite3").write_bytes((Path(__file__).parent / "data" / "history-schema-1.sqlite3").read_bytes())
    for _ in range(2):
        line, _ = of_store(run, "--store", "old.sqlite3")
        assert line.endswith(f"schema 1, which the next run brings to {len(STEPS)}")


def test_a_store_that_is_still_to_be_made_is_no_problem(run):
    """A file that is set and not there yet is told as such, and not made."""
    line, _ = of_store(run, "--store", "team/h.sqlite3")
    assert line == "ok       store of past jobs: team/h.sqlite3 is not there yet; the next comparison makes it"
    assert not Path("team").exists()


def test_a_store_that_is_switched_off_is_not_looked_at(run, monkeypatch):
    """With the setting history off it does not matter what is wrong with the store."""
    monkeypatch.setenv("PERFTRACKER_AI_HISTORY", "false")
    line, _ = of_store(run, "--store", "mysql://host/db")
    assert line == "ok       store of past jobs: not used: the setting history is off"


def test_a_store_that_cannot_be_used_has_its_cure(run):
    """A newer schema, a file that is none, a server that is down and an unknown address are problems with a way out."""
    open_store("newer.sqlite3").close()
    with closing(Database("newer.sqlite3")) as database, database.writing() as connection:
        connection.execute(VERSION.insert().values(version=len(STEPS) + 1, step="to come"))
    Path("damaged.sqlite3").write_bytes(b"no database at all " * 99)
    cures = {
        "newer.sqlite3": "upgrade perftracker-ai or give another --store",
        "damaged.sqlite3": "move it away and fill a new one with `perftracker-ai history sync`",
        "postgresql://user:sesame@127.0.0.1:1/db": "check its address and that it can be reached",
        "mysql://user:sesame@host/db": "give a file's path or postgresql://user@host/database",
    }
    for store, cure in cures.items():
        line, below = of_store(run, "--store", store)
        assert line.startswith("PROBLEM  store of past jobs: ")
        assert below.strip() == f"→ {cure}"
        assert "sesame" not in line + below


def test_a_problem_without_a_next_step_gets_the_checks_own(tmp_path):
    """Every problem comes with a cure, also one whose sentence ends without it."""
    folder = put(tmp_path / "jobs", *shop_jobs())
    checks = examine(Settings(url=str(folder), project=9, llm="off"), [])
    assert checks[-3] == Check(
        name="project",
        passed=False,
        detail="There is no job in project 9.",
        cure="give another --project, or 0 for all of them",
    )
