"""Any two jobs of the store compared from the dashboard: by a process of its own, bounded, changing nothing else."""

import json
import os
import re
import signal
import sqlite3
import time
from contextlib import closing, contextmanager
from multiprocessing import active_children
from threading import Event, Thread
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import postgres
import pytest
from browser import AXE
from builders import NOON
from dashboards import HOST, NOW, ask, fill, record, send, serving
from msgspec.structs import replace
from test_dashboard_access import LISTS, NOBODY
from test_store_comparisons import ORIGIN, comparison

from perftracker_ai.commands.access import access_of
from perftracker_ai.commands.analyze import judge_read, read_stored
from perftracker_ai.commands.compare import comparing, in_a_process
from perftracker_ai.commands.lookup import known_before
from perftracker_ai.commands.records import FolderRecords, StoreRecords
from perftracker_ai.dashboard.answers import Refused
from perftracker_ai.dashboard.app import application
from perftracker_ai.dashboard.compare import Comparing
from perftracker_ai.dashboard.desk import MOST_WAITING, Desk, Pair
from perftracker_ai.errors import PerfTrackerAIError, StoreError, WorkerLost
from perftracker_ai.settings import Settings
from perftracker_ai.store import Scope, open_store

PATIENCE_S = 60
WRITES = access_of(replace(NOBODY, write_as="ann"), LISTS)


def pair(first=0, second=1, asked_by="ann"):
    return Pair(
        origin=ORIGIN,
        product="Shop",
        runs=(f"uuid-{first}", f"uuid-{second}"),
        candidate_reruns=0,
        asked_by=asked_by,
    )


def until(true):
    """Wait for something that other threads or processes do."""
    end = time.monotonic() + PATIENCE_S
    while not (found := true()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
    return found


def got(asked_for):
    with urlopen(asked_for) as answer:
        return answer.read().decode()


@contextmanager
def dashboard(url, tmp_path, work=None, access=WRITES):
    """Give a dashboard of a filled store, whose comparisons are made by ``work``, or as they are elsewhere."""
    settings = Settings(store=url, output_dir=str(tmp_path), reports_dir=str(tmp_path / "reports"))
    with closing(open_store(url)) as store, closing(Desk(work or in_a_process(settings))) as desk:
        fill(store)
        record(store, 20, cost=2.0, product_name="Other")
        records = StoreRecords(store, FolderRecords(tmp_path / "reports"))
        yield application(records, {HOST}, lambda: NOW, access=access, comparing=Comparing(store, desk)), store


@pytest.fixture
def app(tmp_path):
    """A dashboard whose comparisons are never made."""
    with dashboard(str(tmp_path / "s.sqlite3"), tmp_path, lambda _, ended: ended.wait(PATIENCE_S) and None) as (
        made,
        _,
    ):
        yield made


def token_of(html):
    return re.search(r'name="token" value="([0-9a-f]+)"', html)[1]


def asked(app, query="base=0&cand=2", **fields):
    """Send the form of a page."""
    html = ask(app, f"/compare?{query}").text
    told = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', html)) | fields
    return send(app, "/compare", told)


def state(app, query="base=0&cand=2"):
    return json.loads(ask(app, f"/api/v1/compare?{query}").body)


# ── the whole way ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_jobs_are_compared_by_a_process_and_their_report_opens(kind, tmp_path):
    """Asked for over HTTP, a comparison is made elsewhere as `analyze` makes it, kept, and opens as a report."""
    url = postgres.fresh_database() if kind == "postgresql" else str(tmp_path / "s.sqlite3")
    with dashboard(url, tmp_path) as (app, store), serving(app) as address:
        before = store.comparisons.every_issue(), got(f"{address}/api/v1/")
        page = got(f"{address}/compare?base=0&cand=4")
        form = urlencode({"base": 0, "cand": 4, "token": token_of(page)}).encode()
        sent = got(Request(f"{address}/compare", form, {"Origin": address}))  # which leads on to the page
        assert "It is being made" in sent or "open its report" in sent

        def told():
            found = json.loads(got(f"{address}/api/v1/compare?base=0&cand=4"))
            assert found["state"] in {"waiting", "running", "kept"}, found
            return found if found["state"] == "kept" else None

        kept = until(told)
        report = got(f"{address}{kept['path']}")
        assert "taken from the store of past jobs" in report
        assert "GET /orders" in report
        made = next(one for one in store.comparisons.of_jobs({4}) if one.baseline == "uuid-0")
        assert (made.asked_by, made.verdict, kept["asked_by"]) == ("ann", kept["verdict"], "ann")
        assert made.verdict == expected(store)
        after = json.loads(got(f"{address}/api/v1/?other=1"))
        assert store.comparisons.every_issue() == before[0]
        assert [line["verdict"] for line in after["lines"]] == [
            one["verdict"] for one in json.loads(before[1])["lines"]
        ]
    assert active_children() == []


def expected(store):
    """Return the verdict that judging here comes to."""
    runs = ("uuid-0", "uuid-4")
    read = read_stored(store.series(Scope(origin=ORIGIN, product="Shop"), only=set(runs)), runs)
    settings = Settings()
    earlier = known_before(store, ORIGIN, read.jobs, settings)
    found = judge_read(read, settings.of_product("Shop"), seed=settings.seed, earlier=earlier, today=NOON.date())
    return found.analysis.decision.verdict.value


def test_a_comparison_that_analyze_made_is_not_made_again(app):
    """What the nights compared stays as it was: the page leads to its report, and a form changes nothing."""
    told = state(app, "base=3&cand=4")
    assert (told["state"], told["asked_by"], told["path"]) == ("kept", "", "/c/3..4?candidate=uuid-4")
    html = ask(app, "/compare?base=3&cand=4").text
    assert 'method="post"' not in html
    other = token_of(ask(app, "/compare?base=0&cand=2").text)
    assert send(app, "/compare", {"base": "3", "cand": "4", "token": other}).status == 303
    assert state(app, "base=3&cand=4")["state"] == "kept"


def test_without_scripts_a_browser_sees_how_far_it_is_and_opens_the_report(chromium, tmp_path):
    """The button, the page that asks again by itself, and the way to the report need no script and fit a telephone."""
    store_of, done = [], Event()

    def work(_, ended):
        while not (done.wait(0.01) or ended.is_set()):
            pass
        fields = {"baseline": "uuid-0", "baseline_id": 0, "asked_by": "ann", "verdict": "BLOCK"}
        store_of[0].comparisons.put(comparison(2, **fields), b"{}", ())

    with dashboard(str(tmp_path / "s.sqlite3"), tmp_path, work) as (app, store), serving(app) as address:
        store_of.append(store)
        page = chromium.open(f"{address}/compare?base=0&cand=2&product=Shop", scripts=False)
        page.click("form[method=post] button")
        page.wait_for_selector("[role=status]")
        done.set()
        page.wait_for_selector("a[href^='/c/0..2']")
        other = chromium.open(f"{address}/compare?base=0&cand=2&product=Shop")
        for width in (360, 1400):
            other.resize(width)
            assert other.evaluate("document.documentElement.scrollWidth") == width
            assert not AXE.exists() or other.flaws() == []
        assert page.complaints + other.complaints == []


# ── what may be asked ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("base=x&cand=2", 400, "number of a job"),
        ("base=99999999999999999999&cand=2", 400, "number of a job"),
        ("base=0&cand=77", 404, "has not got"),
        ("base=0&cand=2&rerun=77", 404, "has not got job 77"),
        ("base=2&cand=2", 400, "named twice"),
        ("base=0&cand=2&rerun=0", 400, "named twice"),
        ("base=0&cand=20", 400, "different products"),
        ("base=0&cand=2&rerun=1", 400, "which neither of the two is"),
        ("base=0&cand=2&origin=elsewhere", 404, "of one server"),
        ("base=0&cand=2&rerun=" + ",".join(map(str, range(30))), 400, "number of a job"),
    ],
)
def test_jobs_that_cannot_be_compared_are_one_sentence(app, query, status, said):
    """Numbers that are none, jobs that are not kept or do not belong together are refused by page and form alike."""
    answer = ask(app, f"/compare?{query}")
    assert (answer.status, said in answer.text) == (status, True), answer.text
    token = token_of(ask(app, "/compare?base=0&cand=2").text)
    fields = dict(part.split("=") for part in query.split("&")) | {"token": token}
    assert send(app, "/compare", fields).status == status


def test_looking_changes_nothing_and_writing_takes_the_form_of_the_page(app, tmp_path):
    """A form without the token of the page, or of somebody who only reads, has nothing compared."""
    for token in ("", "0" * 64, "é"):
        assert asked(app, token=token).status == 403
    assert state(app)["state"] == "ready"
    with dashboard(str(tmp_path / "r.sqlite3"), tmp_path, access=access_of(NOBODY, LISTS)) as (reading, _):
        assert "for those who may write" in ask(reading, "/compare?base=0&cand=2").text
        assert send(reading, "/compare", {"base": "0", "cand": "2"}).status == 405


def test_what_is_under_way_is_seen_by_everybody_and_asks_again_by_itself(app):
    """The page of a comparison that is being made says so, at an address that anybody can open, and asks anew."""
    assert asked(app).headers["location"] == "/compare?base=0&cand=2"
    page = until(lambda: (found := ask(app, "/compare?base=0&cand=2")) and "being made" in found.text and found)
    assert page.headers["refresh"] == "2"
    assert asked(app, "base=1&cand=4").status == 409  # one at a time and person
    again = {"base": "0", "cand": "2", "token": token_of(ask(app, "/compare?base=1&cand=3").text)}
    assert send(app, "/compare", again).status == 303  # the same again is the same
    assert "refresh" not in ask(app, "/compare?base=1&cand=3").headers


def test_jobs_of_a_product_are_listed_to_choose_from(app):
    """Every newest job of a product can be made baseline or candidate by a link; without a name none is listed."""
    assert 'href="/compare?base=0&amp;cand=2&amp;product=Shop"' in ask(app, "/compare?base=0&cand=2").text
    html = ask(app, "/compare?product=Shop&base=0&cand=2").text
    assert [one["ref"]["job"] for one in state(app, "product=Shop")["jobs"]] == [4, 3, 2, 1, 0]
    assert 'href="/compare?base=3&amp;cand=2&amp;product=Shop"' in html
    assert 'href="/compare?base=0&amp;cand=3&amp;product=Shop"' in html
    assert "has no job of such a product" in ask(app, "/compare?product=Nothing").text
    assert state(app, "")["state"] == "choose"


def test_without_a_store_the_page_says_what_makes_one(tmp_path):
    """Over a folder of reports nothing can be compared, and the page says why."""
    app = application(FolderRecords(tmp_path), {HOST}, lambda: NOW)
    assert "history sync" in ask(app, "/compare?base=1&cand=2").text
    with comparing(Settings(output_dir=str(tmp_path))) as none:
        assert none is None


def test_in_what_jobs_differ_besides_their_version_is_said(app, tmp_path):
    """Other hardware, another order and one version twice are said before anything is compared."""
    with closing(open_store(str(tmp_path / "s.sqlite3"))) as store:
        record(store, 5)
    assert state(app, "base=4&cand=0")["differences"] == ["The baseline is the later one of the two."]


# ── the desk ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Held:
    """Work that lasts until it is let go, and tells what it was at."""

    def __init__(self):
        self.go, self.made = Event(), []

    def __call__(self, one, ended):
        while not (self.go.wait(0.01) or ended.is_set()):
            pass
        self.made.append(one)


def test_comparisons_are_made_one_after_the_other_and_few_wait():
    """They come in the order they were asked for; who comes when many wait is refused, and nobody has two."""
    work = Held()
    with closing(Desk(work)) as desk:
        first, *others = [pair(0, at, asked_by=f"person {at}") for at in range(1, MOST_WAITING + 2)]
        desk.ask(first)
        until(lambda: (found := desk.progress(ORIGIN, first.runs)) and not found.ahead)
        for one in others:
            desk.ask(one)
        assert [desk.progress(ORIGIN, one.runs).ahead for one in others] == list(range(1, MOST_WAITING + 1))
        with pytest.raises(Refused, match="wait already"):
            desk.ask(pair(5, 6, asked_by="late"))
        with pytest.raises(Refused, match="you asked for"):
            desk.ask(pair(5, 6, asked_by="person 3"))
        work.go.set()
        until(lambda: len(work.made) == MOST_WAITING + 1)
        assert work.made == [first, *others]
        until(lambda: desk.progress(ORIGIN, others[-1].runs) is None)


def test_what_failed_says_why_until_it_is_asked_for_again():
    """A sentence is all that a failure leaves, of a fault of the program too; the next comparison is made."""
    problems = [StoreError("The store is full", "make room"), ZeroDivisionError("secret"), None]

    def work(_, __):
        if (problem := problems.pop(0)) is not None:
            raise problem

    with closing(Desk(work)) as desk:
        for said in ("The store is full; make room", "by a fault of perftracker-ai itself"):
            desk.ask(pair())
            found = until(lambda: (one := desk.progress(ORIGIN, pair().runs)) and one.problem and one)
            assert said in found.problem
        desk.ask(pair())
        until(lambda: desk.progress(ORIGIN, pair().runs) is None)


def test_closing_ends_what_is_under_way():
    """After it was closed a desk has no thread and takes nothing on."""
    work, desk = Held(), None
    desk = Desk(work)
    desk.ask(pair())
    desk.ask(pair(1, 2, asked_by="bob"))
    desk.close()
    assert desk._thread is None or not desk._thread.is_alive()
    assert work.made in ([pair()], [])
    with pytest.raises(Refused):
        desk.ask(pair())


# ── its process ─────────────────────────────────────────────────────────────────────────────────────────────────────


def made_in_a_process(settings, ended, found, longest_s=PATIENCE_S):
    try:
        in_a_process(settings, longest_s)(pair(), ended)
    except PerfTrackerAIError as error:
        found.append(error)


@pytest.mark.parametrize("end", ["killed", "closed", "too slow"])
def test_a_process_that_ends_or_must_is_gone(tmp_path, end):
    """Killed, told to end or too slow, a comparison is a sentence or nothing, and no process of it is left."""
    url = str(tmp_path / "s.sqlite3")
    with closing(open_store(url)) as store:
        fill(store)
    ended, found = Event(), []
    asked_for = (Settings(store=url), ended, found, 0 if end == "too slow" else PATIENCE_S)
    thread = Thread(target=made_in_a_process, args=asked_for)
    with closing(sqlite3.connect(url, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # without its turn to write no comparison ends by itself, however fast
        thread.start()
        if end != "too slow":
            (child,) = until(active_children)
            if end == "killed":
                os.kill(child.pid, signal.SIGKILL)
            else:
                ended.set()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
        until(lambda: not active_children())
    said = {"killed": ["ended without an answer"], "too slow": ["was ended after 0 s"], "closed": []}[end]
    assert len(found) == len(said)
    for error, text in zip(found, said, strict=True):
        assert isinstance(error, WorkerLost)
        assert text in str(error)


def test_errors_of_its_process_come_back_as_one_sentence(tmp_path):
    """A job that is gone when its turn comes is said in the sentence of the process that found out."""
    url = str(tmp_path / "s.sqlite3")
    with closing(open_store(url)) as store:
        fill(store)
    with pytest.raises(PerfTrackerAIError, match="not in the store any more"):
        in_a_process(Settings(store=url))(pair(0, 99), Event())
