"""The page of a job, the feed of a product, and pages within other pages."""

import re
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta

import msgspec
import pytest
from builders import NOON, curve_tests, job
from dashboards import HOST, NOW, ask, board, data, fill, place, put, record, regressed, tracked
from pages import EVIL
from test_store_comparisons import ORIGIN, comparison

from perftracker_ai.commands.records import NO_STORE, FolderRecords, StoreRecords
from perftracker_ai.curves import build_curves
from perftracker_ai.dashboard.app import application
from perftracker_ai.dashboard.creeps import creeps
from perftracker_ai.results.write import result_json
from perftracker_ai.settings import CurveSettings
from perftracker_ai.store import open_store

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with board(tmp_path_factory.mktemp("board"), fill, failing) as made:
        yield made


def failing(store):
    """Keep a job some of whose tests failed or had errors."""
    tests = curve_tests("latency, avg (1 th): GET /orders", {1: [0.2], 2: [0.4], 3: [0.5]})
    tests = [tests[0], tests[1] | {"status": "FAILED"}, tests[2] | {"errors": 3}]
    made = job(*tests, id=9, uuid="uuid-9", product_ver="1.9", hosts=("bg-f1",), suite_name="API", end=NOON.isoformat())
    store.put(ORIGIN, made.info, build_curves([made], CurveSettings())[0], "reading")


# ── a job ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_job_says_what_it_is_and_what_it_was_compared_with(app):
    """Product, version, hosts, both kinds of comparisons, and the jobs beside it are those of the store."""
    shown = data(app, "/j/3")
    assert (shown["place"]["product"], shown["job"]["version"], shown["hosts"]) == ("Shop", "1.3", ["bg-f1"])
    assert [(one["baseline_job"], one["job"]["job"]) for one in shown["compared"]] == [(2, 3)]
    assert [(one["baseline_job"], one["job"]["job"]) for one in shown["baseline_of"]] == [(3, 4)]
    assert (shown["before"]["job"], shown["after"]["job"]) == (2, 4)
    assert data(app, "/j/4")["after"] is None
    page = ask(app, "/j/3").text
    assert 'href="/c/2..3"' in page
    assert 'href="/j/4"' in page


def test_a_job_lists_what_failed(app):
    """Points without a value and points with errors are listed with their loads and why."""
    shown = data(app, "/j/9")
    assert [(one["why"], one["loads"], one["errors"]) for one in shown["failed"]] == [
        ("failed", ["2 items"], 0),
        ("errors", ["3 items"], 3),
    ]
    assert "3 errors" in ask(app, "/j/9").text
    assert data(app, "/j/3")["failed"] == []


@pytest.mark.parametrize("path", ["/j/77", "/j/0x1", "/j/-1", f"/j/{'9' * 40}", "/j/<b>", "/j/\u0663"])
def test_a_job_that_is_not_kept_is_a_sentence(app, path):
    """A number of no job, and what is no number, is not found, as JSON too."""
    path = path.encode("ascii", "backslashreplace").decode()
    assert ask(app, path).status == 404
    assert data(app, path)["error"]


def test_jobs_of_two_servers_with_one_number_are_told_apart(tmp_path):
    """The newest is shown, the other one is named, and its address leads to it."""

    def two(store):
        record(store, 1)
        made = job(id=1, uuid="other", product_ver="9", hosts=("x",), end=(NOON + timedelta(days=40)).isoformat())
        store.put("elsewhere", made.info, build_curves([made], CurveSettings())[0], "reading")

    with board(tmp_path, two) as app:
        assert (data(app, "/j/1")["uuid"], data(app, "/j/1")["namesakes"]) == ("other", ["uuid-1"])
        assert data(app, "/j/1?uuid=uuid-1")["job"]["version"] == "1.1"
        assert ask(app, "/j/1?uuid=none").status == 404


@pytest.mark.parametrize(
    ("server", "address"),
    [
        (f"https://user:secret@{ORIGIN}/", f"https://{ORIGIN}/1/job/3"),
        ("https://another.example", ""),
        ("/a/folder", ""),
        (f"javascript://{ORIGIN}", ""),
    ],
)
def test_a_job_leads_to_its_page_on_perftracker(tmp_path, server, address):
    """Where the server that is set is the job's own, its page there is linked, without what gets past a gateway."""
    store = open_store(str(tmp_path / "history.sqlite3"))
    fill(store)
    app = application(StoreRecords(store, FolderRecords(tmp_path), server=server), {HOST}, lambda: NOW)
    shown = data(app, "/j/3")
    assert shown["server"] == address
    assert ('href="https://' in ask(app, "/j/3").text) is bool(address)
    assert "secret" not in ask(app, "/j/3").text
    store.close()


def test_of_a_folder_of_reports_a_job_tells_what_they_do(tmp_path):
    """Without a store a job has its comparison, and says what a store would add."""
    analysis = regressed()
    folder = tmp_path / "reports" / "Shop" / "1 vs 2"
    folder.mkdir(parents=True)
    (folder / "result_v2.json").write_bytes(result_json(analysis))
    app = application(FolderRecords(tmp_path / "reports"), {HOST}, lambda: NOW)
    shown = data(app, f"/j/{analysis.candidate.id}")
    assert [one["verdict"] for one in shown["compared"]] == [analysis.decision.verdict]
    assert NO_STORE.partition(":")[0] in ask(app, f"/j/{analysis.candidate.id}").text


# ── the feed ────────────────────────────────────────────────────────────────────────────────────────────────────────


def entries(app, path="/feed/Shop.atom"):
    answer = ask(app, path)
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    return ET.fromstring(answer.body)


def texts(feed, name):
    return [one.text for one in feed.iter(f"{ATOM}{name}")]


def test_a_feed_is_what_rfc_4287_asks_for(app):
    """Feed and entries have title, id, author and moments with a zone; ids are absolute, one each, and stay."""
    feed = entries(app)
    assert feed.tag == f"{ATOM}feed"
    for one in (feed, *feed.findall(f"{ATOM}entry")):
        assert [len(one.findall(f"{ATOM}{name}")) for name in ("title", "id", "updated")] == [1, 1, 1]
        assert datetime.fromisoformat(one.find(f"{ATOM}updated").text).tzinfo is not None
    assert texts(feed, "name") == ["PerfTracker AI"]
    ids = texts(feed, "id")
    assert len(set(ids)) == len(ids) == 5
    assert all(one.startswith("urn:uuid:") for one in ids)
    assert texts(entries(app), "id") == ids
    assert {one.get("rel") for one in feed.findall(f"{ATOM}link")} == {"self", "alternate"}


def test_a_feed_tells_the_newest_verdict_and_its_worst_issue_first(app):
    """The newest comparison stands first, with its verdict, and its worst issue with its size and since when."""
    feed = entries(app)
    assert texts(feed, "title")[1:] == ["Shop 1.4: BLOCK", "Shop 1.3: BLOCK", "Shop 1.2: APPROVE", "Shop 1.1: APPROVE"]
    first, *_, last = texts(feed, "summary")
    assert first.endswith("Worst: GET /orders 100 % slower, since 1.3.")
    assert "Worst" not in last
    link = feed.find(f"{ATOM}entry/{ATOM}link").get("href")
    assert link == "/c/3..4"


def test_a_comparison_made_anew_is_the_same_entry(tmp_path):
    """Its id stays and it is updated; what is accepted or closed is nobody's worst issue."""
    found = [tracked("a", accepted=True, severity="critical"), tracked("b", endpoint="GET /b", first=place(1))]
    with board(tmp_path, lambda store: put(store, 1, *found)) as app:
        before = entries(app)
        assert "Worst: GET /b" in texts(before, "summary")[0]
    with board(tmp_path, lambda store: put(store, 1, made=NOW)) as app:
        after = entries(app)
    assert texts(after, "id") == texts(before, "id")
    assert texts(after, "updated") > texts(before, "updated")


@pytest.mark.parametrize("evil", EVIL, ids=range(len(EVIL)))
def test_hostile_names_are_text_in_a_feed_and_on_a_job(tmp_path, evil):
    """Whatever names hold, a feed stays well-formed XML of the same elements, and a job's page runs nothing."""
    evil = evil.encode(errors="replace").decode()  # half a surrogate pair comes in no JSON

    def hostile(store):
        record(store, 1, version=evil, title=evil, product_name=evil)
        names = {"product": evil, "candidate_version": evil, "baseline_version": evil}
        store.comparisons.put(comparison(1, **names), b"", [tracked("a", endpoint=evil, title=evil)])

    with board(tmp_path, hostile) as app:
        address = data(app, "/")["lines"][0]["nights"][0]
        assert address["job"]["job"] == 1
        page = ask(app, "/j/1").text
        assert page.count("<script>") == 1
        assert "<b>" not in page
        links = [line for line in ask(app, "/j/1").text.split('"') if line.startswith("/p/")]
        product = links[0].partition("?")[0].removeprefix("/p/")
        feed = entries(app, f"/feed/{product}.atom")
        assert len(list(feed.iter())) == 15


# ── within another page ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["/", "/issues", "/p/Shop", "/p/Shop/e/GET/orders", "/j/3", "/nowhere"])
def test_a_page_within_another_has_its_content_alone(app, path):
    """With embed=1 a page has no navigation, foot or form, its links leave the frame, and its values are the same."""
    whole, bare = ask(app, path).text, ask(app, f"{path}?embed=1").text
    for part in ("<nav", "<footer", 'class="skip"'):
        assert part in whole
        assert part not in bare
    assert "<form" not in bare
    whole = re.sub("<form.*</form>", "", whole)
    assert '<base target="_top">' in bare
    assert "<base" not in whole
    assert whole.partition("<main")[2].partition("</main>")[0] == bare.partition("<main")[2].partition("</main>")[0]


# ── what creeps ─────────────────────────────────────────────────────────────────────────────────────────────────────


def past(*found):
    """Return results that tell what drifts, as they are written."""
    drifts = [{"endpoint": name, "curves": ["a"], "slowdown": size, "low": 0.1, "high": 0.3} for name, size in found]
    first = {"job": 0, "version": "1.0", "end": NOON.isoformat()}
    return msgspec.json.encode({"chronicle": {"jobs": [first], "patterns": {"creeps": drifts}, "oldest": None}})


def test_what_creeps_is_what_the_newest_comparison_found(tmp_path):
    """The worst creep stands first with its interval and the oldest job; what becomes faster is none."""

    def crept(store):
        fill(store)
        result = past(("GET /a", 0.12), ("GET /b", 0.2), ("GET /c", -0.3))
        store.comparisons.put(comparison(4, verdict="BLOCK"), result, ())

    with board(tmp_path, crept) as app:
        shown = data(app, "/p/Shop")["line"]["creeps"]
        assert ([one["endpoint"] for one in shown["found"]], shown["since"]["version"]) == (["GET /b", "GET /a"], "1.0")
        page = ask(app, "/p/Shop").text
        assert "Slower bit by bit since 1.0" in page
        assert "+10 % to +30 %, 1 curve" in page


def test_the_first_page_names_what_creeps(tmp_path):
    """Where no issue is open and something creeps, the first page says which endpoint, by how much and since when."""

    def crept(store):
        made = comparison(4, verdict="APPROVE WITH MONITORING", rules=("moderate_regressions", "monitor_creep"))
        store.comparisons.put(made, past(("GET /a", 0.12), ("GET /b", 0.2)), ())

    with board(tmp_path, crept) as app:
        page = ask(app, "/").text
        assert "Look first at" in page
        assert page.count("creeps: 20 % slower since 1.0") == 2
        assert 'href="/p/Shop/e/GET/b' in page


@pytest.mark.parametrize("path", ["/", "/p/Shop"])
def test_a_feed_is_found_by_its_page(app, path):
    """Readers find the feed of a product by the first page and by its own; the address answers as a feed."""
    found = re.findall(
        r'<link rel="alternate" type="application/atom\+xml" title="([^"]+)" href="([^"]+)"', ask(app, path).text
    )
    shop = next(href for title, href in found if title.startswith("Shop"))
    assert ask(app, shop.replace("&amp;", "&")).headers["content-type"].startswith("application/atom+xml")


@pytest.mark.parametrize(
    "result", [None, b"", b"{}", b"[]", b"\xff", b'{"chronicle": 3}', b'{"chronicle": {"patterns": []}}']
)
def test_of_results_without_a_history_nothing_creeps(result):
    """Results of no history, damaged ones and ones that are gone tell of no creep, and are no error."""
    assert creeps(result) is None
