"""The dashboard: what its pages show, that they change nothing, and that nothing in a job runs in them."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from functools import partial
from html.parser import HTMLParser

import msgspec
import pytest
from dashboards import HOST, NOW, ask, board, data, fill, put, record, regressed, tracked
from msgspec.structs import replace
from pages import EVIL
from pages import page as report_page
from test_dashboard_access import NOBODY
from test_store_comparisons import comparison

from perftracker_ai.cli import main
from perftracker_ai.commands.access import access_of
from perftracker_ai.commands.demo import _child, fill_demo
from perftracker_ai.commands.records import NO_STORE, FolderRecords, StoreRecords
from perftracker_ai.commands.serve import listening, require_installed
from perftracker_ai.commands.serve import shown as served
from perftracker_ai.dashboard import views
from perftracker_ai.dashboard.app import application
from perftracker_ai.dashboard.gate import READING
from perftracker_ai.dashboard.heat import Heat, Row
from perftracker_ai.dashboard.heatmap import heat_map, shared_path
from perftracker_ai.dashboard.nights import PRODUCTS, nights
from perftracker_ai.errors import StoreError, UsageError
from perftracker_ai.model.history import JobRef
from perftracker_ai.results.write import result_json
from perftracker_ai.settings import DashboardSettings, Settings
from perftracker_ai.store import Ran, open_store

PAGES = ("/", "/issues", "/issues?state=all&sort=newest", "/p/Shop", "/p/Blog?jobs=30", "/p/Shop/e/GET/orders")
TAGS = frozenset(
    [
        "html",
        "head",
        "meta",
        "title",
        "link",
        "style",
        "body",
        "a",
        "nav",
        "ul",
        "li",
        "header",
        "div",
        "h1",
        "h2",
        "p",
        "b",
        "main",
        "section",
        "article",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "span",
        "footer",
        "svg",
        "rect",
        "path",
        "desc",
        "details",
        "summary",
        "wbr",
        "code",
        "form",
        "label",
        "input",
        "button",
        "select",
        "option",
        "textarea",
        "output",
        "kbd",
        "pre",
        "script",
        "text",
    ]
)


class Elements(HTMLParser):
    """Every element of a page and every attribute of it."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes = set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes.update(attributes)


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with board(tmp_path_factory.mktemp("board"), fill) as made:
        yield made


# ── what is shown ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_product_to_look_at_first_is_on_top(app):
    """The gravest verdict is the first line, with its version, why, what was approved last, and the worst issue."""
    lines = data(app, "/")["lines"]
    assert [(one["place"]["product"], one["verdict"]) for one in lines] == [("Shop", "BLOCK"), ("Blog", "APPROVE")]
    assert (lines[0]["since"]["version"], lines[0]["approved"]["version"], lines[0]["age_days"]) == ("1.3", "1.2", 1.0)
    assert (lines[0]["open"], lines[0]["worst"]["endpoint"]) == ({"severe": 1}, "GET /orders")
    assert (lines[1]["open"], lines[1]["worst"]) == ({}, None)
    page = ask(app, "/").text
    assert page.index(">Shop<") < page.index(">Blog<")
    assert "severe regressions; noticed: episode; last approved 1.2" in page
    assert "100 % slower" in page


def test_the_worst_issue_is_one_that_can_be_trusted(tmp_path):
    """A larger issue of low confidence is counted, and not named before all others; alone it is."""
    doubtful = tracked("doubtful", slowdown=9.0, confidence="low")
    for name, found, worst in (("both", [tracked("orders"), doubtful], "orders"), ("one", [doubtful], "doubtful")):
        (tmp_path / name).mkdir()
        with board(tmp_path / name, lambda store, found=found: put(store, 1, *found)) as app:
            (line,) = data(app, "/")["lines"]
            assert (sum(line["open"].values()), line["worst"]["key"]) == (len(found), worst)


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("", ["orders"]),
        ("state=new", ["orders"]),
        ("state=acknowledged", []),
        ("find=ORDER", ["orders"]),
        ("find=nothing", []),
        ("owner=nobody", ["orders"]),
        ("owner=ann", []),
        ("state=closed", ["posts"]),
        ("state=all", ["orders", "posts"]),
        ("state=all&product=Blog", ["posts"]),
        ("state=all&sort=newest", ["posts", "orders"]),
        ("state=all&sort=product", ["posts", "orders"]),
    ],
)
def test_the_inbox_is_narrowed_and_ordered_by_its_address(app, query, keys):
    """State, product and order are in the address; counts say what the other lists hold."""
    shown = data(app, f"/issues?{query}")
    assert [one["key"] for group in shown["groups"] for one in group["issues"]] == keys
    open_ = 0 if "Blog" in query else 1
    counted = {"open": open_, "new": open_, "closed": 1, "all": open_ + 1}
    nothing = "=nothing" in query or "=ann" in query
    assert shown["states"] == dict.fromkeys(views.State, 0) | ({} if nothing else counted)


def test_issues_stand_under_the_job_they_came_in_with(tmp_path):
    """Issues of one job are one group; those of low confidence, and what is no issue, are folded and counted."""

    def several(store):
        counts = {"minor": 3, "inconclusive": 1, "unchanged": 40}
        issues = [tracked("a"), tracked("b", severity="critical"), tracked("c", confidence="low")]
        put(store, 1, *issues, counts=counts)

    with board(tmp_path, several) as app:
        (group,) = data(app, "/issues")["groups"]
        page = ask(app, "/issues").text
    assert [one["key"] for one in group["issues"]] == ["b", "a"]
    assert [one["key"] for one in group["faint"]] == ["c"]
    assert (group["aside"], group["path"]) == ({"minor": 3, "inconclusive": 1}, "/c/0..1")
    assert "1 issue of low confidence; in that comparison 3 curves changed by little and 1 curve of which" in page


def test_an_accepted_issue_is_not_open(tmp_path):
    """What the settings accept is counted apart, is in no list of open issues, and startles nobody."""
    with board(tmp_path, lambda store: put(store, 1, tracked("a", accepted=True))) as app:
        (line,) = data(app, "/")["lines"]
        assert (line["open"], line["accepted"], line["worst"]) == ({}, 1, None)
        assert data(app, "/issues")["groups"] == []
        assert data(app, "/issues?state=accepted")["states"]["accepted"] == 1


def test_a_list_of_many_issues_stays_small(tmp_path):
    """A page shows the first issues in order, stays under 500 kB whoever looks, and counts the rest."""
    every = [tracked(f"k{number}", slowdown=1 + number / 1000, load_first="x" * 60) for number in range(900)]
    access = access_of(replace(NOBODY, write_as="ann"), DashboardSettings())
    with board(tmp_path, lambda store: put(store, 1, *every), access=access) as app:
        shown, page = data(app, "/issues"), ask(app, "/issues")
    keys = [one["key"] for one in shown["groups"][0]["issues"]]
    assert keys == [f"k{number}" for number in range(899, 599, -1)]
    assert shown["states"]["open"] == 900
    assert "600 further issues" in page.text
    assert len(page.body) < 500_000


@pytest.mark.parametrize(("until", "state"), [(NOW.date(), "accepted"), (NOW.date() - timedelta(days=1), "new")])
def test_what_is_accepted_is_until_a_day(tmp_path, until, state):
    """The last day on which the settings accept an issue stands beside it; after it, it is new again."""
    issue = tracked("a", accepted=True, accepted_until=until)
    with board(tmp_path, lambda store: put(store, 1, issue)) as app:
        (group,) = data(app, "/issues?state=all")["groups"]
        assert (group["issues"][0]["state"], group["issues"][0]["until"]) == (state, str(until))
        assert (f"accepted until {until}" in ask(app, "/issues?state=all").text) == (state == "accepted")


def test_the_heat_map_says_how_much_slower_each_endpoint_is(app):
    """Latency and rate of an endpoint count alike, against the oldest jobs shown; the slowest endpoint is on top."""
    heat = data(app, "/p/Shop")["heat"]
    assert [one["endpoint"] for one in heat["rows"]] == ["GET /orders", "GET /health"]
    assert heat["rows"][0]["slowdowns"] == pytest.approx([0, 0, 0, 1, 1])
    assert heat["rows"][1]["slowdowns"] == pytest.approx([0, 0, 0, 0, 0])
    assert (heat["reference"], [one["version"] for one in heat["jobs"]]) == (1, ["1.0", "1.1", "1.2", "1.3", "1.4"])
    page = ask(app, "/p/Shop").text
    assert 'data-v="0,0,0,1000,1000"' in page
    assert 'aria-label="+100 % in 1.4; at most +100 %, in 1.3 (job 3, 2026-09-09)"' in page


def test_the_heat_map_is_there_as_text(app):
    """Every value of the map stands in a table and in a CSV file, unrounded there, a row a job."""
    text = ask(app, "/p/Shop?view=values").text
    assert '<tr><th scope="row">1.3 (job 3, 2026-09-09)</th><td>+100 %</td><td>0 %</td></tr>' in text
    answer = ask(app, "/p/Shop?format=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    head, *rows = list(csv.reader(answer.text.splitlines()))
    assert head == ["job", "version", "ended", "GET /orders", "GET /health"]
    assert [row[0] for row in rows] == ["0", "1", "2", "3", "4"]
    assert [float(row[3]) for row in rows] == pytest.approx([0, 0, 0, 1, 1])


def line_of(jobs):
    """Return how a product stands of which no job was judged."""
    place = views.Place(product="Shop", hardware="", suite="", origin="")
    ran = [Ran(**{name: getattr(place, name) for name in place.__struct_fields__}, job=job) for job in jobs]
    return views.line(place, views.Made((), (), NOW, ran), (), None)


def test_a_path_that_all_endpoints_share_is_said_once():
    """Where every path begins alike the map has an ellipsis for it, and says what that is; links stay whole."""
    jobs = tuple(JobRef(job=at, version=f"1.{at}", end=NOW) for at in range(3))
    names = ("GET /api/v2/orders", "PUT /api/v2/orders/{id}", "Start time")
    rows = tuple(Row(endpoint=name, curves=1, slowdowns=(0.0, 0.0, None)) for name in names)
    shown = Heat(jobs=jobs, reference=1, endpoints=3, page=1, pages=1, rows=rows)
    drawn = heat_map(line_of(jobs), shown, jobs)
    assert shared_path(shown) == "/api/v2"
    assert re.findall(r"(?<=</b> )[^ ]*(?=</a>)", drawn.replace("<wbr>", "")) == ["/…/orders", "/…/orders/{id}"]
    assert 'href="/p/Shop/e/PUT/api/v2/orders/{id}?jobs=3"' in drawn
    assert ">Start time</a>" in drawn


@pytest.mark.parametrize("name", ["", ".", "..", "~", "~..", "a/b", "a%2Fb", "noise", "Shop.atom", "x" * 300])
def test_every_name_of_a_product_has_an_address(tmp_path, name):
    """The pages of a product are found whatever its name is, also where a browser would take it for a way up."""
    with board(
        tmp_path, lambda store: [put(store, 1, tracked("a"), product=name), put(store, 2, product="Shop")]
    ) as app:
        line = next(one for one in data(app, "/")["lines"] if one["place"]["product"] == name)
        path = views.product_path(msgspec.convert(line["place"], views.Place))
        assert not {"", ".", ".."} & set(path.split("/")[1:])
        for each in (
            path,
            f"{path}/i/a",
            path.replace("/p/", "/feed/") + ".atom",
            path.replace("/p/", "/badge/") + ".svg",
        ):
            assert ask(app, each).status == 200, each
        assert data(app, path)["line"]["place"]["product"] == name


def test_no_cell_of_a_spreadsheet_is_a_formula(tmp_path):
    """A version or an endpoint that begins as formulas do is text in a CSV file."""
    with board(tmp_path, lambda store: [put(store, 1), record(store, 0), record(store, 1, version="=1+1")]) as app:
        body = ask(app, "/p/Shop?format=csv").text
    assert ",'=1+1," in body


def test_a_year_of_endpoints_is_a_small_page():
    """Forty endpoints in 360 jobs whose cells are all different are under 400 kB, and no value of them is lost."""
    jobs = tuple(JobRef(job=at, version=f"1.0-{at}", end=NOW) for at in range(360))
    values = tuple(0.3 * (-1) ** at + at / 1000 for at in range(360))
    rows = tuple(Row(endpoint=f"GET /items/{at}", curves=4, slowdowns=values) for at in range(40))
    drawn = heat_map(line_of(jobs), Heat(jobs=jobs, reference=7, endpoints=40, page=1, pages=1, rows=rows), jobs)
    assert len(drawn) < 400_000
    told = re.findall(r'data-v="([^"]*)"', drawn)
    assert [[int(one) / 1000 for one in row.split(",")] for row in told] == [pytest.approx(values, abs=6e-4)] * 40


def test_pages_of_many_products_and_issues_are_small(tmp_path):
    """Sixty products are a first page under 150 kB, a hundred and fifty issues a page under 150 kB; none is lost."""

    def many(store):
        for at in range(60):
            store.comparisons.put(comparison(at, product=f"P{at}", candidate=f"u{at}"), b"{}", ())
        found = [tracked(f"k{at}", endpoint=f"GET /items/{at}", slowdown=1 + at) for at in range(150)]
        store.comparisons.put(comparison(200, product="Large"), b"{}", found)

    with board(tmp_path, many) as app:
        assert len(ask(app, "/").body) < 150_000
        page = ask(app, "/p/Large")
        assert len(page.body) < 150_000
        assert "50 further issues" in page.text
        assert data(app, "/issues?product=Large&state=all")["states"]["all"] == 150


def test_a_job_compared_again_counts_once(tmp_path):
    """Of several comparisons of one job the last one made gives its verdict; the strip has it once."""

    def twice(store):
        put(store, 2, verdict="BLOCK", baseline="uuid-0", baseline_id=0)
        put(store, 2, made=NOW)

    with board(tmp_path, twice) as app:
        (line,) = data(app, "/")["lines"]
    assert [one["verdict"] for one in line["nights"]] == ["APPROVE"]


def test_what_makes_a_comparison_doubtful_is_said_beside_its_verdict(tmp_path):
    """A disturbed run is named where its verdict stands, in the line of the product and on its page."""
    with board(tmp_path, lambda store: put(store, 1, rules=("validity",), verdict="INVESTIGATE")) as app:
        for path in ("/", "/p/Shop"):
            assert "omparison in doubt; noticed: episode; none approved yet" in ask(app, path).text


def test_a_product_that_rests_is_said_to(tmp_path):
    """From three days on without a job, the age is a complaint."""
    with board(tmp_path, lambda store: put(store, 1)) as app:
        assert "no job for 4 days" in ask(app, "/").text


def test_what_many_ask_for_at_once_is_looked_up_once(tmp_path):
    """Readers of one page within a moment share an answer; another page, and its JSON, are answers of their own."""
    asked = []

    class Counted(FolderRecords):
        def issues(self, product):
            asked.append(product)
            return super().issues(product)

    app = application(Counted(tmp_path), {HOST}, lambda: NOW)
    with ThreadPoolExecutor(8) as pool:
        assert len({answer.body for answer in pool.map(lambda _: ask(app, "/"), range(8))}) == 1
    assert len(asked) == 1
    assert (ask(app, "/issues").status, ask(app, "/api/v1/").status, len(asked)) == (200, 200, 3)


@pytest.mark.parametrize("path", PAGES)
def test_values_as_json_are_those_of_the_page(app, path):
    """Every verdict, endpoint and link in a page's JSON stands in the page; the first one does not link each night."""
    shown, page = data(app, path), ask(app, path).text
    wanted = {"verdict", "endpoint"} | ({"path"} if path != "/" else set())

    def values(value):
        if isinstance(value, dict):
            yield from (one for name, one in value.items() if name in wanted)
            yield from (found for one in value.values() for found in values(one))
        if isinstance(value, list):
            yield from (found for one in value for found in values(one))

    found = {one.replace("GET /", "").replace("&", "&amp;") for one in values(shown) if isinstance(one, str)}
    assert found
    assert [one for one in found if one and one not in page] == []


def test_json_is_read_back_to_the_same_value(app):
    """The JSON of a page is the whole of what it shows, by the types that the program documents."""
    shown = msgspec.json.decode(ask(app, "/api/v1/").body, type=views.Home)
    assert msgspec.json.encode({"schema_version": 1, **msgspec.structs.asdict(shown)}) == ask(app, "/api/v1/").body


def test_the_badge_is_a_picture_of_the_verdict(app):
    """A badge is an SVG by itself that says product, version and verdict; of an unknown product there is none."""
    answer = ask(app, "/badge/Shop.svg")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert "<title>Shop 1.4: BLOCK</title>" in answer.text
    assert ask(app, "/badge/Nothing.svg").status == 404


def test_health_is_that_the_store_can_be_read(app, tmp_path):
    """It answers ok, and 503 with one sentence when the store cannot be read any more."""
    assert json.loads(ask(app, "/healthz").body) == {"schema_version": 1, "status": "ok"}

    class Broken(FolderRecords):
        def comparisons(self, *_):
            raise StoreError("The store x is damaged or no store", "move it away")

    answer = ask(application(Broken(tmp_path), {HOST}), "/healthz")
    assert answer.status == 503
    assert json.loads(answer.body)["error"] == "The store x is damaged or no store; move it away."


def test_a_product_that_nobody_judged_is_shown(tmp_path):
    """Jobs without any comparison have a line, pages and a badge that say so, with the command that judges them."""
    with board(tmp_path, lambda store: [record(store, number, cost=number + 1) for number in range(3)]) as app:
        (line,) = data(app, "/")["lines"]
        assert (line["verdict"], line["nights"], len(line["jobs"]), line["age_days"]) == ("NOT JUDGED", [], 3, 3.0)
        for path in ("/", "/p/Shop", "/badge/Shop.svg"):
            assert "NOT JUDGED" in ask(app, path).text
        page = ask(app, "/p/Shop").text
        assert "history judge --product Shop" in page
        assert "+200 %" in page
        assert "/feed/" not in page
        for path in ("/p/Shop/e/GET/orders", "/p/Shop/noise", "/j/2"):
            assert ask(app, path).status == 200, path


def test_what_was_not_judged_is_told_from_what_helped(tmp_path):
    """Age is that of the newest job, judged or not; jobs without a verdict are counted unless they helped others."""

    def some(store):
        for number in range(5):
            record(store, number)
        store.comparisons.put(comparison(2, reruns=(0,)), b"{}", ())

    with board(tmp_path, some) as app:
        (line,) = data(app, "/")["lines"]
        assert ([one["job"] for one in line["jobs"]], line["helped"], line["age_days"]) == (
            [0, 1, 2, 3, 4],
            [0, 1],
            1.0,
        )
        assert "of 1.2; 2 newer jobs not judged" in ask(app, "/").text
        page = ask(app, "/p/Shop").text
        assert "2 of these 5 jobs were not judged" in page
        assert "job 0, 2026-09-06): baseline or rerun of others" in page
        assert "job 4, 2026-09-10): not judged" in page


def test_a_new_store_shows_its_first_comparison_without_a_restart(tmp_path):
    """Served right after `history sync`, a store says how to make a comparison, and shows the one made then."""
    settings = Settings(store=str(tmp_path / "history.sqlite3"), reports_dir=str(tmp_path / "reports"))
    with closing(open_store(settings.store)) as store:
        record(store, 0)
    with closing(served(settings)) as shown:
        app = partial(application, next(shown), {HOST}, lambda: NOW)  # made twice, as an answer is kept for a moment
        assert "perftracker-ai history judge --product Shop" in ask(app(), "/").text
        with closing(open_store(settings.store)) as store:
            put(store, 1)
        assert 'href="/p/Shop' in ask(app(), "/").text


# ── reports ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_report_is_the_one_that_was_written(tmp_path):
    """A report is made of the kept results, as `analyze` wrote it, under its own policy; its JSON are the results."""
    analysis = regressed()
    result = result_json(analysis)
    with board(tmp_path, lambda store: store.comparisons.put(comparison(1), result, ())) as app:
        answer = ask(app, "/c/0..1")
        before, bar, after = re.split("(<aside.*?</aside>)", answer.text, flags=re.DOTALL)
        assert before + after == report_page(analysis)
        assert 'href="/p/Shop' in bar
        assert "script-src 'sha256-" in answer.headers["content-security-policy"]
        assert ask(app, "/api/v1/c/0..1").body == result
        assert ask(app, "/c/0..2").status == 404


def test_damaged_results_are_one_sentence(app):
    """Results that nobody of ours wrote make a page of one sentence, and other pages are as they were."""
    answer = ask(app, "/c/0..1")
    assert answer.status == 503
    assert "The results" in answer.text
    assert ask(app, "/").status == 200


def test_a_folder_of_reports_is_enough(tmp_path):
    """Without a store the newest comparison of each product is shown with its issues, and what a store would add."""
    analysis = regressed()
    folder = tmp_path / "reports" / "Shop" / "1 vs 2"
    folder.mkdir(parents=True)
    (folder / "result_v2.json").write_bytes(result_json(analysis))
    (folder.parent / "result_v2.json").write_bytes(b"{")
    app = application(FolderRecords(tmp_path / "reports"), {HOST}, lambda: NOW)
    (line,) = data(app, "/")["lines"]
    assert (line["verdict"], line["nights"][0]["job"]["job"]) == (analysis.decision.verdict, analysis.candidate.id)
    assert NO_STORE.partition(":")[0] in ask(app, "/").text
    report = ask(app, line["nights"][0]["path"]).text
    assert re.sub("<aside.*?</aside>", "", report, flags=re.DOTALL) == report_page(analysis)
    assert report.count('href="#issue-') > 1
    assert data(app, f"/p/{line['place']['product']}")["heat"] is None
    assert {one["endpoint"] for group in data(app, "/issues")["groups"] for one in group["issues"]}


# ── nothing gets in ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("evil", EVIL, ids=range(len(EVIL)))
def test_hostile_names_are_text(tmp_path, evil):
    """Whatever product, version, endpoint, host or verdict are called, a page has the same elements and no script."""
    evil = evil.encode(errors="replace").decode()  # half a surrogate pair comes in no JSON

    def hostile(store):
        names = {"product": evil, "candidate_version": evil, "baseline_version": evil, "hardware": evil, "suite": evil}
        put(
            store,
            1,
            tracked("a", endpoint=evil, title=evil, load_first=evil),
            verdict=evil,
            rules=(evil,),
            **names,
        )

    with board(tmp_path, hostile) as app:
        (line,) = data(app, "/")["lines"]
        target = views.product_path(msgspec.convert(line["place"], views.Place))
        for path in ("/", "/issues", target):
            answer = ask(app, path)
            assert answer.status == 200, path
            found = Elements(answer.text)
            assert found.tags <= TAGS
            assert not [name for name, _ in found.attributes if name.startswith("on") or name == "src"]
            links = [value for name, value in found.attributes if name == "href"]
            assert [one for one in links if one[:1] not in {"/", "#"} and one != "data:,"] == []
        assert ask(app, target.replace("/p/", "/badge/") + ".svg").text.count("<") == 12


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["/", "/api/v1/issues", "/nowhere"])
def test_nothing_can_be_changed(app, method, path):
    """Every method but GET and HEAD is refused, on every page."""
    answer = ask(app, path, method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[::1"])
def test_another_host_name_is_refused(app, host):
    """A page of somebody else's that points its own name at this machine reads nothing."""
    answer = ask(app, "/api/v1/", host=host)
    assert answer.status == 421
    assert "Shop" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8765"])
def test_the_port_of_a_host_does_not_matter(app, host):
    """Behind a tunnel the port is another."""
    assert ask(app, "/", host=host).status == 200


@pytest.mark.parametrize("path", [*PAGES, "/api/v1/", "/healthz", "/badge/Shop.svg", "/nowhere", "/c/0..1"])
def test_every_answer_is_guarded(app, path):
    """Whatever is answered may be framed, sniffed and loaded by nobody, and runs nothing of others."""
    headers = ask(app, path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/issues?state=lost", 400),
        ("/issues?sort=", 200),
        ("/p/Shop?jobs=0", 400),
        ("/p/Shop?jobs=361", 400),
        ("/p/Shop?jobs=%E0%A4%A", 400),
        ("/p/Shop?page=99", 200),
        ("/p/Shop?hw=none", 404),
        ("/p/No", 404),
        ("/c/..", 404),
        ("/c/0..1?candidate=x", 404),
        ("/" + "x" * 3000, 414),
        ("/issues?product=" + "x" * 3000, 414),
        ("/?" + "a=1&" * 100, 400),
        ("/..%2f..%2fetc/passwd", 404),
    ],
)
def test_queries_are_bounded_and_wrong_ones_are_a_sentence(app, path, status):
    """What no page knows is refused in a sentence on a page of its own, never with a trace."""
    answer = ask(app, path)
    assert answer.status == status
    assert "Traceback" not in answer.text
    assert answer.text.count("<h1>") == 1


def test_a_fault_is_a_sentence(app, monkeypatch):
    """A fault of the program's own is told in a sentence without its trace."""
    monkeypatch.setattr(views, "home", lambda *_: 1 / 0)
    answer = ask(app, "/?fault=1")
    assert answer.status == 503
    assert "by a fault of perftracker-ai itself" in answer.text


# ── behind a proxy ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", [*PAGES, "/nowhere"])
def test_under_a_prefix_every_address_has_it(tmp_path, path):
    """Behind a proxy that has it under a path every link is under that path, on pages, in values and of errors."""
    with board(tmp_path, fill, access=replace(READING, prefix="/perf")) as app:
        page = ask(app, f"/perf{path}")
        assert page.status == (404 if path == "/nowhere" else 200)
        links = [value for name, value in Elements(page.text).attributes if name in {"href", "action"}]
        assert [one for one in links if not one.startswith(("/perf/", "#", "data:,"))] == []
        found = ask(app, f"/perf/api/v1{path}").text
        assert '"path":"/' not in found.replace('"path":"/perf/', "")


@pytest.mark.parametrize("path", ["/", "/issues", "/perf", "/perfect/", "/perf/perf/", "/perf/issues/"])
def test_beside_its_prefix_there_is_nothing(tmp_path, path):
    """What is asked for elsewhere is no page; of what lacks the prefix it is said where the dashboard is."""
    with board(tmp_path, fill, access=replace(READING, prefix="/perf")) as app:
        answer = ask(app, path)
    assert answer.status == 404
    assert ("This dashboard is at /perf/." in answer.text) == (not path.startswith("/perf/"))


# ── the demo ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_demo_fills_a_store_of_its_own(tmp_path):
    """Nights of three products are recorded and compared by the pipeline, each product by a process of its own."""
    told = []
    settings = fill_demo(tmp_path, NOW, kept=3, compared=1, watch=told.append)
    assert {one.total for one in told} == {3}
    assert len({one.done for one in told}) == len(told)
    with closing(open_store(settings.store)) as store:
        app = application(StoreRecords(store, FolderRecords(tmp_path / "reports")), {HOST}, lambda: NOW)
        lines = {one["place"]["product"]: one for one in data(app, "/")["lines"]}
        assert {name: one["verdict"] for name, one in lines.items()} == dict.fromkeys(
            ("Billing", "Search", "Shop"), "APPROVE"
        )
        assert len(data(app, "/p/Shop")["heat"]["jobs"]) == 3
        assert ask(app, lines["Shop"]["nights"][0]["path"]).status == 200


def test_a_process_of_the_demo_that_fails_says_so_by_its_exit_code(tmp_path, capfd):
    """It ends with 1 and prints nothing: the process that waits for it says it in a sentence."""
    with pytest.raises(SystemExit) as ended:
        _child(0, tmp_path / "missing" / "\0", NOW, 1, 1, None)
    assert (ended.value.code, capfd.readouterr()) == (1, ("", ""))


def test_made_up_nights_are_what_they_say():
    """What is built into the nights is in them: a creep, a step at high loads, a disturbed stretch of one night."""
    shop, search, billing = ([_costs(one) for one in nights(product, NOW)] for product in PRODUCTS)
    assert search[59]["GET /search", 1] / search[0]["GET /search", 1] == pytest.approx(1.5, rel=0.1)
    assert shop[54]["PUT /v2/orders/{id}", 32] / shop[52]["PUT /v2/orders/{id}", 32] == pytest.approx(2.3, rel=0.1)
    assert shop[54]["PUT /v2/orders/{id}", 1] / shop[52]["PUT /v2/orders/{id}", 1] == pytest.approx(1, rel=0.1)
    ratios = [billing[50][key] / billing[49][key] for key in billing[50]]
    assert 0 < sum(one > 1.5 for one in ratios) < len(ratios) / 2


def _costs(document):
    """Return the latency of every request and load at one thread."""
    found = {}
    for test in document["tests"]:
        metric, _, endpoint = test["tag"].partition(" (1 th): ")
        if metric == "latency, avg" and endpoint:
            found[endpoint, int(test["category"].split()[0])] = sum(json.loads(test["scores"])) / 3
    return found


# ── the command ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "listen", ["0.0.0.0:8765", "192.0.2.1:80", "[::]:80", "example.com:80", "8765", "127.0.0.1:x", "127.0.0.1:70000"]
)
def test_it_listens_on_this_machine_only(listen):
    """An address that others reach, or none, is refused with what to do."""
    with pytest.raises(UsageError, match="--listen"):
        listening(listen).close()


def test_a_port_in_use_is_one_sentence():
    """Of a port that is taken it is said so, and that another one may be given."""
    with closing(listening("127.0.0.1:0")) as door, pytest.raises(UsageError, match="give another --listen"):
        listening(f"127.0.0.1:{door.getsockname()[1]}").close()


def test_without_its_packages_it_says_how_to_get_them(monkeypatch):
    """Where starlette is not installed the command is one sentence with the cure."""
    monkeypatch.setitem(sys.modules, "starlette", None)
    with pytest.raises(UsageError, match=r"pip install 'perftracker-ai\[web\]'"):
        require_installed()


def test_a_store_that_is_named_must_be_there(tmp_path, capsys):
    """A store that was misspelt is not made."""
    missing = tmp_path / "no.sqlite3"
    assert main(["serve", "--store", str(missing), "--listen", "127.0.0.1:0"]) == 2
    assert "There is no store" in capsys.readouterr().err
    assert not missing.exists()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_ended(tmp_path, end):
    """Started as people start it, it prints its address, answers, changes nothing, and ends well by Ctrl-C or kill."""
    from urllib.request import urlopen

    with closing(open_store(str(tmp_path / "history.sqlite3"))) as store:
        fill(store)
    before = (tmp_path / "history.sqlite3").read_bytes()
    command = [sys.executable, "-m", "perftracker_ai", "serve", "--output-dir", ".", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, env=os.environ.copy()) as ran:
        address = ran.stdout.readline().partition(" ")[0]
        with urlopen(f"{address}p/Shop", timeout=20) as answer:
            assert answer.status == 200
        ran.send_signal(end)
        assert ran.wait(20) == 0
    assert (tmp_path / "history.sqlite3").read_bytes() == before
