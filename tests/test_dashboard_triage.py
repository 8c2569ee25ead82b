"""Triage: what people say of issues is shown, loses nothing, changes no verdict, and runs and leaves nowhere."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import postgres
import pytest
from dashboards import NOW, ask, board, data, fill, put, regressed, send, serving, tracked
from msgspec.structs import replace
from pages import EVIL
from test_dashboard import TAGS, Elements
from test_dashboard_access import LISTS, NOBODY
from test_store_comparisons import ORIGIN, ended, place

import perftracker_ai
from perftracker_ai.commands.accept import SettingsFile
from perftracker_ai.commands.access import access_of
from perftracker_ai.commands.issues import comparison_of
from perftracker_ai.commands.records import FolderRecords, StoreRecords
from perftracker_ai.config.file import read_accepts
from perftracker_ai.dashboard.app import application
from perftracker_ai.dashboard.triage import read_target
from perftracker_ai.model.issues import IssueStatus
from perftracker_ai.results.write import result_json
from perftracker_ai.store import Scope, open_store

ANN = replace(NOBODY, write_as="ann")
SCOPE = Scope(origin=ORIGIN, product="Shop")
ISSUE = "/p/Shop/i/orders?hw=bg-f1&suite=API"


@pytest.fixture
def app(tmp_path):
    with board(tmp_path, fill, access=access_of(ANN, LISTS)) as made:
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def anywhere(request, tmp_path):
    """Give the application over a store of either kind."""
    url = postgres.fresh_database() if request.param == "postgresql" else str(tmp_path / "history.sqlite3")
    with closing(open_store(url)) as store:
        fill(store)
        records = StoreRecords(store, FolderRecords(tmp_path))
        yield application(records, {"127.0.0.1"}, lambda: NOW, access=access_of(ANN, LISTS))


def fields_of(app, path=ISSUE):
    """Return the fields of a page's triage form, as a browser would send them."""
    (form,) = re.findall('<form id="triage".*?</form>|<form[^>]* id="triage".*?</form>', ask(app, path).text, re.DOTALL)
    inputs = re.findall('<input[^>]*name="([^"]*)"[^>]*value="([^"]*)"', form)
    chosen = re.search('<option value="([^"]*)" selected', form)
    return dict(inputs) | {"state": chosen[1] if chosen else ""}


def issues(app, query=""):
    """Return the issues of a list by their keys."""
    groups = data(app, f"/issues?{query}")["groups"]
    return {one["key"]: one for group in groups for one in (*group["issues"], *group["faint"])}


def say(app, path=ISSUE, **fields):
    return send(app, path, fields_of(app, path) | fields)


# ── what is said ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_said_is_shown(anywhere):
    """State, owner, note, ticket and day stand in the list, on the issue's page and in the log, with who and when."""
    ticket = "https://jira.example/browse/SHOP-12?focus=1"
    given = {"owner": "vic", "note": "index lost", "ticket": ticket, "until": "2026-12-31"}
    answer = say(anywhere, state="acknowledged", **given)
    assert (answer.status, answer.headers["location"]) == (303, ISSUE)
    word = issues(anywhere, "state=acknowledged")["orders"]["word"]
    assert {name: word[name] for name in (*given, "state", "author")} == given | {
        "state": "acknowledged",
        "author": "ann",
    }
    for path in ("/issues", ISSUE, "/audit", "/p/Shop"):
        page = ask(anywhere, path).text
        assert "index lost" in page, path
        assert 'href="https://jira.example/browse/SHOP-12?focus=1" rel="noopener noreferrer"' in page
        assert "SHOP-12 on jira.example" in page
    assert issues(anywhere, "owner=vic").keys() == {"orders"}
    assert issues(anywhere, "owner=nobody") == {}


def test_one_form_says_it_of_all_that_are_checked(tmp_path):
    """A form over a list changes what it gives of every checked issue, leaves the rest, and empties by a dash."""
    with board(tmp_path, lambda store: put(store, 1, *map(tracked, "abc")), access=access_of(ANN, LISTS)) as app:
        every = issues(app)
        form = fields_of(app, "/issues")
        pick = [("issue", every[key]["form"]) for key in "ab"]
        answer = send(app, "/issues?state=open", [*(form | {"owner": "vic"}).items(), *pick])
        assert answer.headers["location"] == "/issues?state=open"
        now = issues(app)
        assert {key: one["word"] and (one["word"]["owner"], one["state"]) for key, one in now.items()} == {
            "a": ("vic", "new"),
            "b": ("vic", "new"),
            "c": None,
        }
        both = [("token", form["token"]), ("issue", now["a"]["form"]), ("owner", "-"), ("state", "fixed")]
        assert send(app, "/issues", both).status == 303
        assert issues(app, "state=fixed")["a"]["word"]["owner"] == ""
        assert issues(app)["b"]["word"]["owner"] == "vic"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"state": "accepted"}, "A state is one of"),
        ({"state": "closed"}, "A state is one of"),
        ({"ticket": "javascript:alert(1)"}, "A ticket is an address"),
        ({"ticket": "data:text/html,x"}, "A ticket is an address"),
        ({"ticket": "//evil.example"}, "A ticket is an address"),
        ({"ticket": "https://"}, "A ticket is an address"),
        ({"ticket": "https://[::1"}, "A ticket is an address"),
        ({"ticket": "https://ann:secret@jira.example/1"}, "holds a login"),
        ({"until": "2020-01-01"}, "is past"),
        ({"until": "soon"}, "A day is written"),
        ({"until": "20991231"}, "is past"),
        ({"note": "x" * 2001}, "more than 2000 characters"),
        ({"owner": "x" * 101}, "more than 100 characters"),
    ],
)
def test_what_cannot_be_said_is_asked_once_more(app, fields, said):
    """A field that cannot be taken is named in a sentence, nothing is written, and what was typed is in the form."""
    fields = {"note": "kept", "owner": "vic", **fields}
    answer = say(app, **fields)
    assert answer.status == 400
    assert said in answer.text
    assert issues(app)["orders"]["word"] is None
    for text in (value for value in fields.values() if value not in {"accepted", "closed"}):
        assert text in answer.text or len(text) > 2000


def test_nothing_checked_is_a_sentence(app):
    """A form over a list without a checked issue, or with one that is not known, writes nothing."""
    form = fields_of(app, "/issues")
    assert "Check at least one issue." in send(app, "/issues", form | {"state": "fixed"}).text
    for issue in ("x", "0" * 16 + ".0.0", "a.b.c.d", "0.-1.0", "0." + "9" * 99 + ".0"):
        assert send(app, "/issues", form | {"issue": issue}).status in {400, 404}
    assert read_target("0." + "9" * 99 + ".0") is None
    assert ask(app, "/p/Shop/i/none").status == 404


def test_a_form_leads_back_to_its_list_and_nowhere_else(app):
    """After a form one is on the list it was on, whatever else its address held."""
    form = fields_of(app, "/issues") | {"issue": issues(app)["orders"]["form"], "state": "acknowledged"}
    answer = send(app, "/issues?sort=newest&path=x&owner=nobody&next=//evil.example", form)
    assert (answer.status, answer.headers["location"]) == (303, "/issues?owner=nobody&sort=newest")


def test_each_place_of_an_issue_has_its_page(tmp_path):
    """An issue on three machines, one without a name, has three pages, and what is said of one is of no other."""

    def twice(store):
        for hardware in ("", "bg-f1", "bg-f2"):
            names = {"hardware": hardware, "candidate": f"uuid{hardware}", "baseline": f"base{hardware}"}
            put(store, 1, tracked("orders"), **names)

    with board(tmp_path, twice, access=access_of(ANN, LISTS)) as app:
        pages = [one["page"] for one in data(app, "/issues")["groups"] for one in one["issues"]]
        for number, path in enumerate(pages):
            assert say(app, path, note=f"word {number}").status == 303
        assert [data(app, path)["issue"]["word"]["note"] for path in pages] == ["word 0", "word 1", "word 2"]
        assert [len(data(app, path)["log"]) for path in pages] == [1, 1, 1]
        assert data(app, "/p/Shop/i/orders")["issue"]["place"]["hardware"] == ""


# ── nobody overwrites what they have not seen ───────────────────────────────────────────────────────────────────────


def test_of_two_edits_neither_is_lost(anywhere):
    """The second of two people who opened the same page is shown both words, writes nothing, and may apply its own."""
    mine, theirs = fields_of(anywhere), fields_of(anywhere)
    assert send(anywhere, ISSUE, theirs | {"state": "fixed", "note": "theirs"}).status == 303
    answer = send(anywhere, ISSUE, mine | {"state": "acknowledged", "note": "mine"})
    assert answer.status == 409
    assert "theirs" in answer.text
    assert "mine" in answer.text
    assert data(anywhere, ISSUE)["issue"]["word"]["note"] == "theirs"
    again = dict(re.findall('<input[^>]*name="([^"]*)"[^>]*value="([^"]*)"', answer.text))
    assert send(anywhere, ISSUE, again | {"state": "acknowledged", "note": "mine"}).status == 303
    log = data(anywhere, ISSUE)["log"]
    assert [one["word"]["note"] for one in log] == ["mine", "theirs"]


def test_of_many_at_once_one_wins_and_all_are_told(tmp_path):
    """However many send the same form at the same moment over the network, one is written and the others are told."""
    from urllib.error import HTTPError
    from urllib.parse import urlencode
    from urllib.request import Request, urlopen

    with board(tmp_path, fill, access=access_of(ANN, LISTS)) as app, serving(app) as address:
        form = fields_of(app)

        def post(number):
            body = urlencode(form | {"note": f"word {number}"}).encode()
            try:
                with urlopen(Request(address + ISSUE, body, {"Origin": address}), timeout=20) as answer:
                    return answer.status
            except HTTPError as error:
                return error.code if f"word {number}" in error.read().decode() else "lost"

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(post, range(8))) == [200] + [409] * 7
        assert len(data(app, "/audit")["entries"]) == 1


def test_of_several_issues_one_stale_keeps_all_as_they_were(tmp_path):
    """A form over a list of which one issue was changed meanwhile writes nothing at all, and can be sent again."""
    with board(tmp_path, lambda store: put(store, 1, *map(tracked, "ab")), access=access_of(ANN, LISTS)) as app:
        form, every = fields_of(app, "/issues"), issues(app)
        say(app, every["a"]["page"], state="fixed")
        said = [("token", form["token"]), ("state", "acknowledged")]
        answer = send(app, "/issues", [*said, *(("issue", one["form"]) for one in every.values())])
        assert answer.status == 409
        assert issues(app, "state=all")["b"]["word"] is None
        shown = re.findall('name="issue" value="([^"]*)"', answer.text)
        assert send(app, "/issues", [*said, *(("issue", one) for one in shown)]).status == 303
        assert {one["state"] for one in issues(app, "state=all").values()} == {"acknowledged"}


# ── how long a word holds ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("state", "until", "status", "days", "expected", "again"),
    [
        ("acknowledged", "", IssueStatus.OPEN, 0, "acknowledged", ""),
        ("acknowledged", "", IssueStatus.WORSE, 0, "new", "worse since ann said so"),
        ("not a regression", "", IssueStatus.OPEN, 0, "not a regression", ""),
        ("not a regression", "", IssueStatus.REOPENED, 0, "new", "back since ann said so"),
        ("fixed", "", IssueStatus.OPEN, 0, "new", "still there in 1.5"),
        ("fixed", "2026-12-31", IssueStatus.OPEN, 0, "fixed", ""),
        ("fixed", "", IssueStatus.CLOSED, 0, "closed", ""),
        ("acknowledged", "2026-12-31", IssueStatus.OPEN, 400, "new", "until 2026-12-31, which is past"),
        ("new", "", IssueStatus.WORSE, 0, "new", ""),
    ],
)
def test_a_word_holds_until_a_job_or_its_day_says_otherwise(  # noqa: PLR0917 - a table
    tmp_path, state, until, status, days, expected, again
):
    """An issue is news again once it is worse or back, its day is past, or what was said to be fixed is still there."""
    now = [NOW]
    with closing(open_store(str(tmp_path / "history.sqlite3"))) as store:
        fill(store)
        records = StoreRecords(store, FolderRecords(tmp_path))
        app = application(records, {"127.0.0.1"}, lambda: now[0], access=access_of(ANN, LISTS))
        assert say(app, state=state, until=until).status == 303
        put(store, 5, tracked("orders", status=status, first=place(3), last_good=place(2)))
        now[0] += timedelta(days=days, seconds=10)
        app = application(records, {"127.0.0.1"}, lambda: now[0], access=access_of(ANN, LISTS))
        one = issues(app, "state=all")["orders"]
    assert (one["state"], one["again"]) == (expected, again)


def test_what_was_not_seen_is_news_though_it_was_said_later(tmp_path):
    """A word that is sent after a job made the issue worse, from a page opened before, does not hide that."""
    with closing(open_store(str(tmp_path / "history.sqlite3"))) as store:
        fill(store)
        records = StoreRecords(store, FolderRecords(tmp_path))
        app = application(records, {"127.0.0.1"}, lambda: NOW, access=access_of(ANN, LISTS))
        form = fields_of(app)
        put(store, 5, tracked("orders", status=IssueStatus.WORSE, first=place(3)))
        assert send(app, ISSUE, form | {"state": "not a regression"}).status == 303
        assert issues(app, "state=worse").keys() == {"orders"}


def test_triage_changes_no_verdict(tmp_path):
    """Whatever is said, comparisons, their rules and the policy's open issues, lines and badges are as they were."""
    with (
        board(tmp_path, fill, access=access_of(ANN, LISTS)) as app,
        closing(open_store(str(tmp_path / "history.sqlite3"))) as store,
    ):

        def judged():
            line = data(app, "/")["lines"][0]
            told = store.comparisons.tracked(SCOPE, (ended(9), 9))
            return line["verdict"], line["nights"], ask(app, "/badge/Shop.svg").body, told

        before = judged()
        for state in ("not a regression", "fixed", "acknowledged"):
            assert say(app, state=state).status == 303
            assert judged() == before
        accepted = issues(app, "state=accepted")
    assert accepted == {}


def test_what_is_set_aside_is_counted(app):
    """What people say is no regression leaves the lists of open issues, and is counted beside them."""
    say(app, state="not a regression")
    (line, _) = data(app, "/")["lines"]
    assert (line["open"], line["aside"], line["worst"], line["verdict"]) == ({}, 1, None, "BLOCK")
    assert "1 set aside" in ask(app, "/").text


# ── who may ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_whoever_only_looks_has_no_form_and_is_refused(tmp_path):
    """A viewer sees everything that was said, no box and no form, and a form that is sent all the same is refused."""
    access = access_of(replace(NOBODY, user_header="X-User"), LISTS)
    with board(tmp_path, fill, access=access) as app:
        vic, ann = [(b"x-user", b"vic")], [(b"x-user", b"ann")]
        assert 'type="checkbox"' not in ask(app, "/issues", headers=vic).text
        assert 'type="checkbox"' in ask(app, "/issues", headers=ann).text
        form = json.loads(ask(app, f"/api/v1{ISSUE}", headers=vic).body)["issue"]["form"]
        fields = {"issue": form, "state": "fixed", "whole": "1", "token": ""}
        for path in ("/issues", ISSUE):
            assert send(app, path, fields, headers={"x-user": "vic"}).status == 403
            assert send(app, path, fields, headers={"x-user": "ann"}).status == 403
        assert json.loads(ask(app, "/api/v1/audit", headers=vic).body)["entries"] == []


@pytest.mark.parametrize("token", ["", "x", "0" * 64, "é"])
def test_a_form_without_its_token_is_asked_once_more(app, token):
    """A form that no page of this visitor's made writes nothing; one of before a restart is shown again, whole."""
    answer = say(app, state="fixed", note="typed", token=token)
    assert answer.status == 403
    assert "typed" in answer.text
    assert issues(app)["orders"]["word"] is None


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "http://127.0.0.1:3000"}],
)
def test_a_form_of_another_site_writes_nothing(app, headers):
    """A form of somebody else's page, with every field right, is refused."""
    host = "127.0.0.1:8765"
    assert send(app, ISSUE, fields_of(app) | {"state": "fixed"}, host=host, headers=headers).status == 403
    assert issues(app)["orders"]["word"] is None


def test_pages_with_forms_are_not_framed(tmp_path):
    """Where others may frame pages, those that are framed hold no form and those with forms are not framed."""
    lists = replace(LISTS, frame_ancestors=("https://grafana.example",))
    with board(tmp_path, fill, access=access_of(ANN, lists)) as app:
        framed, plain = ask(app, "/issues?embed=1"), ask(app, "/issues")
    assert ('type="checkbox"' in framed.text, 'type="checkbox"' in plain.text) == (False, True)
    assert plain.headers["x-frame-options"] == "DENY"


def test_a_page_of_one_is_not_shown_to_another(tmp_path):
    """The token of somebody's forms is in no page that is kept for others."""
    lists = replace(LISTS, triagers=("ann", "vic"))
    with board(tmp_path, fill, access=access_of(replace(NOBODY, user_header="X-User"), lists)) as app:
        tokens = {
            re.search('name="token" value="([^"]*)"', ask(app, "/issues", headers=[(b"x-user", who)]).text)[1]
            for who in (b"ann", b"vic")
        }
    assert len(tokens) == 2


def test_reading_alone_takes_no_form(tmp_path):
    """Without a way to know who writes, no page has a form to write with, and none is taken."""
    with board(tmp_path, fill) as app:
        for path in ("/issues", ISSUE):
            page = ask(app, path).text
            assert 'method="post"' not in page
            assert send(app, path, {"state": "fixed"}).status == 405


@pytest.mark.parametrize("evil", EVIL, ids=range(len(EVIL)))
def test_what_people_say_is_text(tmp_path, evil):
    """Whatever owner, note and author hold, pages have the same elements, and run and load nothing."""
    evil = evil.encode(errors="replace").decode()
    said = {"owner": evil[:100], "note": evil[:2000], "state": "acknowledged"}
    with board(tmp_path, fill, access=access_of(ANN, LISTS)) as app:
        assert say(app, **said).status == 303
        for path in ("/issues", ISSUE, "/audit", "/", "/p/Shop"):
            found = Elements(ask(app, path).text)
            assert found.tags <= TAGS
            assert not [name for name, _ in found.attributes if name.startswith("on") or name == "src"]


def test_a_ticket_that_is_no_link_is_none(tmp_path):
    """A ticket that something else put into the store is text unless it may be followed."""
    from test_store_triage import said

    with board(
        tmp_path, fill, lambda store: store.triage.add([(said("orders", ticket="javascript:alert(1)"), 0)])
    ) as app:
        for path in ("/issues", ISSUE, "/audit"):
            page = ask(app, path).text
            assert "javascript:alert(1)" in page
            assert 'href="javascript' not in page


# ── accepting ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def accepting(tmp_path):
    """Give the application over a comparison of the pipeline's, with a settings file to write, and an issue of it."""
    analysis = regressed()
    settings = tmp_path / "perftracker-ai.toml"
    settings.write_text("# ours\n", encoding="utf-8")
    with closing(open_store(str(tmp_path / "history.sqlite3"))) as store:
        store.comparisons.put(comparison_of(analysis, ORIGIN, NOW), result_json(analysis), _issues_of(analysis))
        records = StoreRecords(store, FolderRecords(tmp_path))
        app = application(
            records, {"127.0.0.1"}, lambda: NOW, access=access_of(ANN, LISTS), acceptor=SettingsFile(settings)
        )
        (one, *_) = issues(app).values()
        yield app, one["page"], settings


def _issues_of(analysis):
    worst = next(one for one in analysis.clusters if one.direction.value == "worse")
    return [tracked(worst.key, cluster=worst.id, endpoint=worst.endpoint)]


def test_the_entry_is_the_one_that_accept_writes(accepting):
    """The page prints entry and command; the entry is what `accept` would write, and it is usable."""
    import tomllib

    app, page, settings = accepting
    text = ask(app, f"{page}&reason=known&day=2099-01-01").text
    entry = re.search('<pre id="entry"[^>]*>(.*?)</pre>', text, re.DOTALL)[1].replace("&quot;", '"')
    (accept,) = read_accepts(tomllib.loads(entry)["accept"], "it")
    assert (accept.reason, str(accept.until), accept.product) == ("known", "2099-01-01", "Shop")
    assert "perftracker-ai accept result_v2.json C1 --reason known --until 2099-01-01" in text
    assert settings.read_text(encoding="utf-8") == "# ours\n"


def test_the_entry_is_written_whole_and_into_the_log(accepting):
    """With a settings file, the button appends the entry behind what stands there, and the log says who did."""
    import tomllib

    app, page, settings = accepting
    fields = {"accept": "1", "reason": "known", "day": "2099-01-01", "token": fields_of(app, page)["token"]}
    assert send(app, page, fields).status == 303
    written = settings.read_text(encoding="utf-8")
    assert written.startswith("# ours\n")
    assert len(tomllib.loads(written)["accept"]) == 1
    (entry,) = data(app, page)["log"]
    assert (entry["word"]["author"], entry["word"]["note"]) == ("ann", "accepted until 2099-01-01: known")
    assert data(app, page)["issue"]["state"] == "new"


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"day": "2020-01-01"}, 400, "which is past"),
        ({"day": "x"}, 400, "which is no date"),
        ({"reason": " "}, 400, "The reason is empty"),
        ({"token": "x"}, 403, "started anew"),
        ({"reason": "see https://ann:secret@jira.example"}, 400, "password"),
    ],
)
def test_an_entry_that_cannot_be_is_not_written(accepting, fields, status, said):
    """What `accept` would refuse is refused here in the same words, and the file is as it was."""
    app, page, settings = accepting
    given = {"accept": "1", "reason": "known", "day": "2099-01-01", "token": fields_of(app, page)["token"]}
    answer = send(app, page, given | fields)
    assert (answer.status, said in answer.text) == (status, True), answer.text[-500:]
    assert settings.read_text(encoding="utf-8") == "# ours\n"


def test_a_settings_file_that_cannot_be_written_stays_whole(accepting, monkeypatch):
    """On a full disk nothing is written, it is one sentence, and the file and the log are as they were."""
    import errno

    app, page, settings = accepting
    fields = {"accept": "1", "reason": "known", "day": "2099-01-01", "token": fields_of(app, page)["token"]}

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        patched.setattr("os.replace", full)
        patched.setattr("pathlib.Path.replace", full)
        answer = send(app, page, fields)
    assert answer.status == 503
    assert "cannot be written" in answer.text
    assert settings.read_text(encoding="utf-8") == "# ours\n"
    assert data(app, page)["log"] == []


def test_without_a_file_nothing_is_written(tmp_path):
    """Where no settings file is named there is no button, and a form for it is refused."""
    with board(tmp_path, fill, access=access_of(ANN, LISTS), acceptor=SettingsFile(None)) as app:
        fields = {"accept": "1", "reason": "known", "day": "2099-01-01", "token": fields_of(app)["token"]}
        assert send(app, ISSUE, fields).status == 403
        assert "Write it into" not in ask(app, f"{ISSUE}&reason=known&day=2099-01-01").text


def test_a_report_says_what_people_say_of_its_issues(accepting):
    """Above a report stand its issues with state, owner and ticket, each leading to where it is told of."""
    app, page, _ = accepting
    say(app, page, state="acknowledged", owner="vic", ticket="https://jira.example/SHOP-1")
    (one,) = issues(app).values()
    bar = re.search("<aside.*?</aside>", ask(app, one["path"].partition("#")[0]).text, re.DOTALL)[0]
    assert f'href="#issue-{one["key"]}"' in bar
    assert "acknowledged" in bar
    assert "<b>vic</b>" in bar
    assert "SHOP-1 on jira.example" in bar


def test_nothing_that_judges_reads_what_people_say():
    """Outside store and dashboard only what lies between the two names triage: no stage, policy or gate does."""
    root = Path(perftracker_ai.__file__).parent
    named = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if re.search(r"\bTriageLog\b|\.triage\b|\bTriage\b|history_triage", path.read_text(encoding="utf-8"))
    }
    outside = {path for path in named if not path.startswith(("store/", "dashboard/"))}
    assert outside == {"commands/records.py"}


def test_a_folder_keeps_nothing_and_says_so(tmp_path):
    """Without a store what is said is refused in a sentence that says how to get one; issues are shown as before."""
    folder = tmp_path / "reports" / "1 vs 2"
    folder.mkdir(parents=True)
    (folder / "result_v2.json").write_bytes(result_json(regressed()))
    app = application(FolderRecords(folder.parent), {"127.0.0.1"}, lambda: NOW, access=access_of(ANN, LISTS))
    (one, *_) = issues(app).values()
    assert len(data(app, one["page"])["course"]) == 1
    answer = say(app, one["page"], state="fixed")
    assert answer.status == 503
    assert "history sync" in answer.text
    assert data(app, "/audit")["entries"] == []
