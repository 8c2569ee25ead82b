"""`dashboard_url`: what is said elsewhere of a run leads to the dashboard, to pages that it has."""

import re
from html import unescape

import pytest
from analyses import VARIANTS, hostile, report, typical
from dashboards import HOST, ask
from fake_perftracker import FakePerfTracker
from receivers import WebHook
from shop import put, shop_jobs

from perftracker_ai.commands.records import FolderRecords
from perftracker_ai.config import load
from perftracker_ai.dashboard.app import application
from perftracker_ai.errors import UsageError
from perftracker_ai.render.board import board, board_page
from perftracker_ai.render.message import LIMIT, Link, message
from perftracker_ai.report.view import view

URL = "https://perf.example/board"
LINK = Link("Report", "https://pt.example/1/job/3")
ADDRESS = re.compile(r"https://perf\.example[^\s)\"]*")


def told(made, url=URL):
    return message(report(made), LINK, board(url, view(made)))


@pytest.fixture
def team(tmp_path):
    """Settings of a team that has a dashboard, and a channel that tells what it was told."""
    with WebHook() as hook:
        entry = f'[[notify]]\nname = "team"\nurl = "json://127.0.0.1:{hook.port}"\nthreshold = "always"\n'
        (tmp_path / "perftracker-ai.toml").write_text(f'dashboard_url = "{URL}/"\n{entry}')
        yield hook


@pytest.fixture
def has(tmp_path):
    """Tell whether the dashboard over the reports of a run has what an address names."""

    def asked(address):
        app = application(FolderRecords(tmp_path / "reports"), {HOST})
        page, _, place = unescape(address).removeprefix(URL).partition("#")
        answer = ask(app, page)
        return answer.status == 200 and (not place or f' id="{place}"' in answer.text)

    return asked


def test_a_message_leads_to_the_report_its_issues_and_the_product(run, tmp_path, team, has):
    """Every link of a message is a page that the dashboard has over the same reports, and a place on it."""
    folder = put(tmp_path / "jobs", *shop_jobs())
    ran = run("analyze", "--product", "Shop", "--url", folder, "--notify")
    assert ran.code == 0, ran.err
    ((_, got),) = team.received
    found = ADDRESS.findall(got["message"])
    assert f"{URL}/c/2..3" in found
    assert f"{URL}/p/Shop" in found
    assert any(one.startswith(f"{URL}/c/2..3#issue-") for one in found)
    assert [one for one in found if not has(one)] == []


def test_the_page_of_the_job_leads_to_the_dashboard(run, tmp_path, team, has):
    """Publishing leaves a page of links at the candidate, beside the report: named as what it is, without a script."""
    with FakePerfTracker(shop_jobs()) as server:
        ran = run("analyze", "--product", "Shop", "--url", server.url, "--upload")
        assert ran.code == 0, ran.err
        run("analyze", "--product", "Shop", "--url", server.url, "--upload")
        kept = {artifact["filename"].rpartition("_")[2]: artifact for artifact in server.artifacts.values()}
        assert set(kept) == {"report.html", "report.md", "dashboard.html"}
        assert len(server.artifacts) == 3
        sent = [request.body.decode() for request in server.requests if b"On the dashboard" in request.body]
    assert len(sent) == 2
    assert "<script" not in sent[0]
    found = re.findall(r'href="(https?:[^"]*)"', sent[0])
    assert len(found) >= 3
    assert [one for one in found if not has(one)] == []


def test_without_the_setting_nothing_is_said_of_it(run, tmp_path):
    """Who has no dashboard reads of none: neither message nor job's page differ from what they were."""
    with WebHook() as hook, FakePerfTracker(shop_jobs()) as server:
        entry = f'[[notify]]\nname = "team"\nurl = "json://127.0.0.1:{hook.port}"\nthreshold = "always"\n'
        (tmp_path / "perftracker-ai.toml").write_text(entry)
        run("analyze", "--product", "Shop", "--url", server.url, "--upload", "--notify")
        assert len(server.artifacts) == 2
    ((_, got),) = hook.received
    assert "ashboard" not in got["message"]


@pytest.mark.parametrize("form", ["markdown", "plain"])
def test_both_forms_hold_the_same_addresses(form):
    """In Markdown the name of an issue is the link, in plain text its address is below it; nothing else changes."""
    made = typical()
    said, before = getattr(told(made), form), getattr(message(report(made), LINK), form)
    keys = {one.id: one.key for one in made.clusters}
    for name in ("C1", "C2"):
        assert f"{URL}/c/85817..86303#issue-{keys[name]}" in said
    unlinked = re.sub(rf"\[(\*\*[^]]*)\]\({URL}[^)]*\)", r"\1", said)
    unlinked = re.sub(rf"\n  {URL}\S*|\nDashboard: \S*|\nAll of .*: \S*| · \[.*\)$", "", unlinked)
    assert unlinked == before


@pytest.mark.parametrize("made", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("url", [URL, f"https://perf.example/{'x' * 179}"], ids=["short", "long"])
def test_links_leave_room_for_what_was_found(made, url):
    """However long addresses are, the message fits, and every issue of this run that it told of is still told of."""
    said, before = told(made(), url), message(report(made()), LINK)
    assert max(len(said.markdown), len(said.plain)) <= LIMIT
    issues = {line for line in before.plain.splitlines() if re.match(r"- (C\d|severe|critical)", line)}
    assert issues <= set(said.plain.splitlines())


def test_names_of_jobs_choose_no_address():
    """A product and an endpoint that are markup and addresses stay behind the dashboard's own address, quoted."""
    made = hostile('"><a href=https://evil.example/>/../..//x?y#z')
    there = board(URL, view(made))
    for address in (there.report, there.product, *there.issues.values()):
        assert re.fullmatch(rf"{URL}/[cp]/[\w.%~-]*(#issue-[\w.%~-]*)?", address), address
    assert 'href="https://evil' not in board_page(there, report(made))


@pytest.mark.parametrize(
    "address",
    [
        "ftp://perf.example",
        "perf.example",
        "https://maria:geheim@perf.example/",
        "https://perf.example/?token=geheim",
        "https://perf.example/#geheim",
        "javascript:alert(1)",
        "https://",
        "https://perf.example/a b",
        "https://perf.example/\n",
        "https://perf.example/" + "x" * 180,
    ],
)
def test_what_is_no_address_of_a_dashboard_is_refused(tmp_path, address):
    """Another scheme, a login or a query is refused in a sentence that says what is taken and repeats nothing."""
    with pytest.raises(UsageError) as caught:
        load({}, {"PERFTRACKER_AI_DASHBOARD_URL": address}, directory=tmp_path)
    assert "https://perf.example/dashboard" in str(caught.value)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("address", ["http://127.0.0.1:8765", "https://Perf.example:8443/team/board/", "HTTPS://x"])
def test_addresses_of_dashboards_are_taken_and_shown(run, tmp_path, address):
    """With a port, a path or in capitals it is taken, and `config show` tells it with its origin."""
    (tmp_path / "perftracker-ai.toml").write_text(f'dashboard_url = "{address}"\n')
    shown = run("config", "show")
    assert shown.code == 0
    assert f'dashboard_url = "{address}"' in shown.out
