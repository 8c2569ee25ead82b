"""What a run says to a team and to programs: messages, JSON, a build's page, the browser."""

import json
import os
import subprocess
import sys
from socket import gethostname

import pytest
from fake_perftracker import FakePerfTracker
from receivers import MailServer, WebHook
from shop import put, shop_job, shop_jobs

from perftracker_ai.config import load
from perftracker_ai.errors import UsageError
from perftracker_ai.settings import Channel

SHOP = ("analyze", "--product", "Shop", "--llm", "off", "--url")


@pytest.fixture
def server():
    with FakePerfTracker(shop_jobs()) as running:
        yield running


@pytest.fixture
def folder(tmp_path):
    return put(tmp_path / "jobs", *shop_jobs())


@pytest.fixture
def channels(tmp_path):
    """Write ``[[notify]]`` entries, each a mapping, to the settings file."""

    def write(*entries):
        lines = [
            line for entry in entries for line in ("[[notify]]", *(f"{k} = {json.dumps(v)}" for k, v in entry.items()))
        ]
        (tmp_path / "perftracker-ai.toml").write_text("\n".join(lines))

    return write


# ── messages ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_hook_and_a_mailbox_get_one_message_each(run, server, channels):
    """--notify tells every channel once, with the verdict, the slow endpoint and the candidate's page."""
    with WebHook() as hook, MailServer() as mail:
        channels(
            {"name": "hook", "url": f"json://127.0.0.1:{hook.port}"},
            {"name": "mail", "url": f"mailto://127.0.0.1:{mail.port}?from=a@b.example&to=c@d.example"},
        )
        done = run(*SHOP, server.url, "--notify")
    assert done.code == 0, done.err
    assert "Notified   hook, mail" in done.out.splitlines()
    ((_, got),) = hook.received
    (letter,) = mail.received
    assert got["title"] == letter["Subject"] == "Shop 1.0 → 1.1: BLOCK"
    assert "POST /orders" in got["message"]
    assert got["message"].endswith(f"Candidate's job: {server.url}/1/job/3")
    assert f'href="{server.url}/1/job/3"' in letter.get_body(("html",)).get_content()


def test_the_link_is_that_of_the_published_report(run, server, channels):
    """With --upload the message leads to the report itself."""
    with WebHook() as hook:
        channels({"name": "hook", "url": f"json://127.0.0.1:{hook.port}"})
        assert run(*SHOP, server.url, "--notify", "--upload").code == 0
    ((_, got),) = hook.received
    assert f"Report: {server.url}/0/artifact_content/" in got["message"]


def test_without_a_server_the_message_names_the_file(run, folder, channels, tmp_path):
    """From a folder of job files the report is where the run put it."""
    with WebHook() as hook:
        channels({"name": "hook", "url": f"json://127.0.0.1:{hook.port}"})
        run(*SHOP, folder, "--notify")
    ((_, got),) = hook.received
    assert got["message"].endswith(f"Report, on {gethostname()}: {tmp_path}/reports/Shop/2 vs 3/report.html")


def test_each_product_has_a_message_of_its_own(run, folder, channels):
    """Two products make two messages, and one that cannot be judged none."""
    put(folder, *(shop_job(n, v, product_name="Bazaar") for n, v in ((11, "1.0"), (12, "1.1"))))
    with WebHook() as hook:
        channels({"name": "hook", "url": f"json://127.0.0.1:{hook.port}", "threshold": "always"})
        done = run(*SHOP, folder, "--product", "Bazaar", "--product", "Nothing", "--notify")
    assert done.code == 2
    assert [got["title"].split()[0] for _, got in hook.received] == ["Shop", "Bazaar"]


def test_a_failing_channel_is_a_warning_without_secrets(run, folder, channels):
    """A channel that fails costs neither the exit code nor the other channel, and its address stays unsaid."""
    with WebHook() as hook, WebHook(403) as broken:
        channels(
            {"name": "broken", "url": f"json://user:s3cret@127.0.0.1:{broken.port}/t0ken"},
            {"name": "unset", "url_env": "NOT_SET_ANYWHERE"},
            {"name": "fine", "url": f"json://127.0.0.1:{hook.port}"},
        )
        done = run(*SHOP, folder, "--notify", "--verbose")
    assert done.code == 0
    warnings = [line for line in done.err.splitlines() if line.startswith("warning: The channel")]
    assert "answered 403" in warnings[0]
    assert "NOT_SET_ANYWHERE" in warnings[1]
    assert "Notified   fine" in done.out.splitlines()
    assert "s3cret" not in done.out + done.err
    assert "t0ken" not in done.out + done.err


def test_an_unchanged_verdict_is_no_news(run, folder, channels):
    """A channel for changes hears of the first run and not of the second, which says so."""
    with WebHook() as hook:
        channels({"name": "hook", "url": f"json://127.0.0.1:{hook.port}", "only_changes": True})
        run(*SHOP, folder, "--notify")
        done = run(*SHOP, folder, "--notify")
    assert len(hook.received) == 1
    assert "Notified   nothing new for hook" in done.out.splitlines()


def test_a_failed_upload_is_told_of_all_the_same(run, channels):
    """When the report cannot be published the team hears of the verdict, with the candidate's page."""
    with FakePerfTracker(shop_jobs(), artifacts_configured=False) as server, WebHook() as hook:
        channels({"name": "hook", "url": f"json://127.0.0.1:{hook.port}"})
        done = run(*SHOP, server.url, "--notify", "--upload")
        page = f"{server.url}/1/job/3"
    assert done.code == 2
    assert hook.received[0][1]["message"].endswith(f"Candidate's job: {page}")


def test_notifying_nobody_ends_before_the_work(run, folder, tmp_path):
    """--notify without a channel is a mistake that is said before anything is compared."""
    done = run(*SHOP, folder, "--notify")
    assert (done.code, done.out) == (2, "")
    assert "There is nobody to notify" in done.err
    assert not (tmp_path / "reports").exists()


def test_without_notify_channels_are_left_alone(run, folder, channels):
    """Entries in the settings file send nothing by themselves."""
    with WebHook() as hook:
        channels({"name": "hook", "url": f"json://127.0.0.1:{hook.port}", "threshold": "always"})
        run(*SHOP, folder)
    assert hook.received == []


def test_apprise_is_imported_only_to_send(folder, tmp_path):
    """A run that notifies nobody does without Apprise."""
    run = f"from perftracker_ai.cli import main; main({[*SHOP, str(folder)]!r})"
    program = f"import sys; {run}; print('apprise' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert ran.stdout.splitlines()[-1] == "False"


def test_doctor_looks_at_channels_and_sends_nothing(run, folder, channels):
    """Doctor names a channel's service, and an address that is none with its cure."""
    with WebHook() as hook:
        channels({"name": "hook", "url": f"json://127.0.0.1:{hook.port}"}, {"name": "odd", "url": "odd://t0ken"})
        done = run("doctor", "--url", folder, "--llm", "off")
    lines = done.out.splitlines()
    assert "ok       channel hook: JSON, told from moderate on; nothing was sent" in lines
    assert any(line.startswith("PROBLEM  channel odd: ") for line in lines)
    assert "t0ken" not in done.out
    assert hook.received == []


# ── entries of the settings file ────────────────────────────────────────────────────────────────────────────────────


def read(tmp_path, text, environ=()):
    (tmp_path / "perftracker-ai.toml").write_text(text)
    return load({}, dict(environ), directory=tmp_path)


def test_entries_become_channels(tmp_path):
    """An entry's address is its own or a variable's; what it leaves out has its default."""
    text = '[[notify]]\nname = "a"\nurl = "json://a"\n[[notify]]\nname = "b"\nurl_env = "B"\nthreshold = "block"\n'
    settings = read(tmp_path, text, {"B": "json://b"})
    assert settings.channels == (
        Channel(name="a", url="json://a", threshold="moderate", only_changes=False),
        Channel(name="b", url="json://b", url_env="B", threshold="block"),
    )
    assert settings.notify is False


def test_notify_can_be_switched_on_in_the_file(tmp_path):
    """Without entries ``notify`` in the file is the option's setting, and the variable is as well."""
    assert read(tmp_path, "notify = true").notify is True
    assert read(tmp_path, "", {"PERFTRACKER_AI_NOTIFY": "1"}).notify is True


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ('url = "json://t0ken"', "missing required field `name`"),
        ('name = "a"', "needs either url or url_env"),
        ('name = "a"\nurl = "json://t0ken"\nurl_env = "B"', "needs either url or url_env"),
        ('name = "a"\nurl = "json://t0ken"\nthreshold = "often"', "$.threshold"),
        ('name = "a"\nurl = "json://t0ken"\nonly_changes = "yes"', "Expected `bool`"),
        ('name = "a"\nurl = "json://t0ken"\nchannel = "b"', "There is no key channel"),
        ('name = "a"\nurl = "json://t0ken"\n[[notify]]\nname = "a"\nurl = "json://t0ken"', "have the name 'a'"),
        ('name = "a"\nurl = ["t0ken"]', "Expected `str`"),
    ],
)
def test_a_wrong_entry_is_named_and_its_address_is_not(tmp_path, entry, said):
    """What is wrong with an entry is said with its place, never with its address."""
    with pytest.raises(UsageError) as caught:
        read(tmp_path, f"[[notify]]\n{entry}\n")
    assert said in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert "t0ken" not in str(caught.value)


def test_entries_that_are_no_tables_are_refused(tmp_path):
    """A list of texts is no list of entries."""
    with pytest.raises(UsageError, match=r"\[\[notify\]\] entry 1"):
        read(tmp_path, 'notify = ["json://a"]')


def test_settings_never_show_an_address(tmp_path):
    """Neither the settings as text nor what config show prints holds a channel's address."""
    settings = read(tmp_path, '[[notify]]\nname = "a"\nurl = "json://t0ken"\n')
    assert "t0ken" not in repr(settings)


def test_every_key_of_an_entry_is_in_the_reference():
    """What a channel can be given is described."""
    from test_docs import REFERENCE

    assert all(f"`{key}`" in REFERENCE for key in Channel.__struct_fields__)


# ── JSON ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_json_is_all_that_is_on_standard_output(run, server):
    """--json gives one object with what the run came to and where it is, and no summary."""
    done = run(*SHOP, server.url, "--json", "--upload", "--fail-on", "critical")
    got = json.loads(done.out)
    assert (done.code, got["exit_code"], got["without_pair"]) == (1, 1, [])
    (product,) = got["products"]
    assert (product["product"], product["exit_code"], product["errors"]) == ("Shop", 1, [])
    result = product["result"]
    assert (result["verdict"], result["gated"]) == ("BLOCK", True)
    assert (result["baseline"]["id"], result["candidate"]["id"], result["reruns"]) == (2, 3, [1])
    assert (result["candidate"]["version"], result["candidate"]["end"]) == ("1.1", "2026-09-04T10:00:00+00:00")
    assert result["issues"] == {"critical": 1, "severe": 0, "moderate": 0, "minor": 0}
    assert sum(result["curves"].values()) == 7
    assert product["files"]["report.html"] == "reports/Shop/2 vs 3/report.html"
    assert product["published"]["job"] == f"{server.url}/1/job/3"
    assert set(product["published"]["documents"]) == {"report.html", "report.md"}
    assert product["notified"] is None


def test_json_says_what_went_wrong_with_a_product(run, folder):
    """A product that could not be judged has its sentence, the others their results."""
    done = run(*SHOP, folder, "--product", "Nothing", "--json")
    shop, nothing = json.loads(done.out)["products"]
    assert shop["result"]["verdict"] == "BLOCK"
    assert (nothing["result"], nothing["files"], nothing["exit_code"]) == (None, {}, 2)
    assert nothing["errors"][0].startswith("No job has the product name 'Nothing'")


def test_json_of_all_products_names_those_without_a_pair(run, folder):
    """What --all-products left out is in the JSON as well."""
    put(folder, shop_job(21, "1.0", product_name="Kiosk"))
    got = json.loads(run("analyze", "--all-products", "--url", folder, "--llm", "off", "--json").out)
    assert [product["product"] for product in got["products"]] == ["Shop"]
    assert got["without_pair"] == ["Kiosk"]


def test_json_of_two_files_and_of_a_report_made_again(run, folder, tmp_path):
    """The other ways to a report have the same object."""
    first = json.loads(run("analyze", folder / "job-2.json", folder / "job-3.json", "--llm", "off", "--json").out)
    result = tmp_path / first["products"][0]["files"]["result_v2.json"]
    again = json.loads(run("report", result, "--llm", "off", "--json").out)
    assert again["products"][0]["result"] == first["products"][0]["result"]


def test_json_names_a_file_of_another_encoding(tmp_path, folder):
    """A folder whose name is no UTF-8 does not keep the JSON from being whole."""
    command = [sys.executable, "-m", "perftracker_ai", *SHOP, str(folder), "--json", "--reports-dir", b"r\xff"]
    ran = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert "report.html" in json.loads(ran.stdout)["products"][0]["files"]


# ── a build's page and the browser ──────────────────────────────────────────────────────────────────────────────────


def test_a_build_s_page_gets_every_product_once(run, folder, tmp_path, monkeypatch):
    """The beginnings of all reports are appended to what the step wrote before."""
    put(folder, *(shop_job(n, v, product_name="Bazaar") for n, v in ((11, "1.0"), (12, "1.1"))))
    page = tmp_path / "summary.md"
    page.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    assert run(*SHOP, folder, "--product", "Bazaar").code == 0
    text = page.read_text()
    assert text.startswith("before\n# Shop ")
    assert text.count("## Executive Summary") == 2
    assert "## Method" not in text


def test_a_build_s_page_that_cannot_be_written_is_one_sentence(run, folder, tmp_path, monkeypatch):
    """What hinders the page is told, costs the exit code, and nothing else."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "nowhere" / "page.md"))
    done = run(*SHOP, folder, "--junit", tmp_path / "j.xml")
    assert done.code == 2
    assert "page.md cannot be written" in done.err
    assert (tmp_path / "j.xml").is_file()


def opened(tmp_path, folder, browser):
    environment = {
        name: value for name, value in os.environ.items() if name not in {"DISPLAY", "WAYLAND_DISPLAY", "TERM"}
    }
    command = [sys.executable, "-m", "perftracker_ai", *SHOP, str(folder), "--open"]
    environment |= {"BROWSER": str(browser), "PATH": str(tmp_path)}
    return subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)


def test_open_shows_the_page_in_the_browser(tmp_path, folder):
    """--open hands the page's address to the browser."""
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/shown\n')
    browser.chmod(0o755)
    opened(tmp_path, folder, browser)
    assert (tmp_path / "shown").read_text() == f"file://{tmp_path}/reports/Shop/2%20vs%203/report.html\n"


def test_open_without_a_browser_is_a_warning(tmp_path, folder):
    """Where nothing can show a page, the run says so and ends as it would have."""
    ran = opened(tmp_path, folder, tmp_path / "missing")
    assert "warning: no browser was found to open" in ran.stderr
