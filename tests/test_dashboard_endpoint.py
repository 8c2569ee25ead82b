"""The page of an endpoint: its address leads back to it whatever it is called; its numbers are those of the jobs."""

import csv
import io
import re
from contextlib import closing
from datetime import timedelta
from urllib.parse import quote, unquote, urlsplit

import pytest
from builders import NOON, curve_tests, job
from dashboards import HOST, NOW, ask, board, data, fill, place, put, record, regressed, tracked
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import EVIL
from test_store_comparisons import ORIGIN, comparison

from perftracker_ai.commands.records import NO_STORE, FolderRecords
from perftracker_ai.curves import build_curves
from perftracker_ai.dashboard import views
from perftracker_ai.dashboard.app import application
from perftracker_ai.dashboard.endpoint import MOST, Course, Endpoint, Named, Pair
from perftracker_ai.dashboard.endpoint_page import Look, endpoint_page_html
from perftracker_ai.dashboard.slugs import find, slug
from perftracker_ai.model.history import JobRef
from perftracker_ai.results.write import result_json
from perftracker_ai.settings import CurveSettings
from perftracker_ai.store import open_store

ORDERS = "/p/Shop/e/GET/orders"
NAMES = (
    "PUT /drafts/{id}/settings",
    "GET /",
    "GET //twice",
    "GET /a/../b",
    "GET /a/./b/",
    "GET /a%2Fb?x=1&y=2#z",
    "GET/orders",
    "/v1/orders",
    "~GET /orders",
    "~#abc",
    "#abc",
    "..",
    ".",
    "",
    "login page",
    "' onmouseover=alert(1) x='",
    "/" * 400,
    "GET /" + "x" * 2000,
    "\u202egnp.exe/\u0634\u0631\u0627\u0621",
    "GET /caf\u00e9/\u5546\u54c1",
    *(evil.encode(errors="replace").decode() for evil in EVIL),  # half a surrogate pair comes in no JSON
)


def year(store, jobs=16, since=10):
    """Keep jobs of Shop of which the later ones are slower, the newest of them compared."""
    for number in range(jobs):
        record(store, number, cost=1 + 0.01 * (number % 3) + (number >= since))
    store.comparisons.put(comparison(jobs - 1), b"", ())


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with board(tmp_path_factory.mktemp("board"), year) as made:
        yield made


# ── its address ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_address_is_read_and_edited_by_people():
    """Method and path stand in an address as they are called."""
    assert slug("PUT /drafts/{id}/settings") == "PUT/drafts/{id}/settings"
    assert find("PUT/drafts/{id}/settings", ["PUT /drafts/{id}/settings"]) == "PUT /drafts/{id}/settings"
    assert find("PUT /drafts", ["PUT /drafts"]) == "PUT /drafts"


def leads_back(name, others):
    """Tell whether the address of an endpoint leads to it and is one that no browser and no proxy changes."""
    written = slug(name)
    assert len(written) < 700
    assert not {".", ".."} & set(written.replace("%2E", ".").replace("%2F", "/").split("/"))
    assert "//" not in written
    assert urlsplit(f"/e/{written}").path == f"/e/{written}"
    return find(unquote(written), {name, *others}) == name


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_every_name_has_an_address_that_leads_back_to_it(name):
    """Slashes, dots, quotes, markup, other scripts and 2,000 characters come back, among others that look alike."""
    assert leads_back(name, NAMES)


@given(st.text(alphabet="GET/ .~#%a\u0634<\"'", max_size=12), st.text(alphabet="GET/ .~#%a", max_size=12))
@settings(max_examples=50, deadline=None)
def test_no_two_names_share_an_address(one, other):
    """Whatever two endpoints are called, the address of each leads to it."""
    assert leads_back(one, [other])
    assert (slug(one) == slug(other)) is (one == other)


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_the_product_page_leads_to_every_endpoint(tmp_path, name):
    """The link beside an endpoint's cells opens its page, with its name as text, whatever it holds."""
    tag = f"latency, avg (1 th): {name}"
    made = [
        job(
            *curve_tests(tag, {1: [0.2], 2: [0.4], 3: [0.5]}),
            id=number,
            uuid=f"uuid-{number}",
            product_ver=f"1.{number}",
            hosts=("bg-f1",),
            suite_name="API",
            end=(NOON + timedelta(days=number)).isoformat(),
        )
        for number in (0, 1)
    ]

    def two(store):
        for one in made:
            store.put(ORIGIN, one.info, build_curves([one], CurveSettings())[0], "reading")
        put(store, 1)

    with board(tmp_path, two) as app:
        (row,) = data(app, "/p/Shop")["heat"]["rows"]
        answer = ask(app, f"/p/Shop/e/{slug(row['endpoint'])}?hw=bg-f1&suite=API")
        assert answer.status == 200
        assert answer.text.count("<script>") == 1
        assert data(app, f"/p/Shop/e/{slug(row['endpoint'])}")["endpoint"] == row["endpoint"]


# ── its values ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_curve_is_there_job_by_job_with_what_changed(app):
    """Levels are geometric means in base units; the step is found at its job, with its interval, for all curves."""
    shown = data(app, ORDERS)
    assert [(one["curve"]["metric"], one["curve"]["threads"]) for one in shown["courses"]] == [
        ("avg latency", 1),
        ("rate", 1),
    ]
    latency, rate = (one["levels"] for one in shown["courses"])
    assert latency[0] == pytest.approx((0.2 * 0.4) ** 0.5)
    assert rate[-1] == pytest.approx((5 * 2.5) ** 0.5 / 2)
    (shift,) = shown["patterns"]["shifts"]
    assert (shift["first"]["version"], shift["last_good"]["version"], shift["curves"]) == ("1.10", "1.9", ["0", "1"])
    assert shift["low"] <= 1.0 <= shift["high"]
    page = ask(app, ORDERS).text
    assert "Slower, and still so" in page
    assert page.count('class="onset worse"') == 3  # one a chart, and the legend


def test_two_jobs_are_set_against_each_other(app):
    """Any two jobs are drawn along the load; rates and times are slower alike, and the form says which they are."""
    shown = data(app, f"{ORDERS}?a=3&b=12")
    assert (shown["baseline"]["version"], shown["candidate"]["version"]) == ("1.3", "1.12")
    for pair in shown["pairs"]:
        assert pair["slowdowns"] == pytest.approx([1.0, 1.0], abs=0.03)
    page = ask(app, f"{ORDERS}?a=3&b=12").text
    assert '<option value="3" selected="">1.3 (job 3,' in page
    assert '<option value="12" selected="">1.12 (job 12,' in page


def test_unless_it_is_told_the_newest_job_stands_against_its_own_baseline(app):
    """Without a choice the newest job is drawn with the one that it was compared with."""
    shown = data(app, ORDERS)
    assert (shown["baseline"]["job"], shown["candidate"]["job"]) == (14, 15)


def test_an_open_issue_is_shown_against_the_last_good_job(tmp_path):
    """Where an issue is open, the load curves are those before it and now."""
    with board(tmp_path, fill) as app:
        shown = data(app, ORDERS)
        assert [one["key"] for one in shown["issues"]] == ["orders"]
        assert (shown["baseline"]["job"], shown["candidate"]["job"]) == (2, 4)


def test_values_are_a_table_and_a_file(app):
    """What is drawn stands in tables and in CSV, in base units and unrounded there."""
    page = ask(app, ORDERS).text
    assert 'data-unit="ms">avg latency, 1 thread, ms</th>' in page
    head, *rows = csv.reader(io.StringIO(ask(app, f"{ORDERS}?format=csv").text))
    assert head == ["job", "version", "ended", "avg latency, 1 thread, s", "rate, 1 thread, /s"]
    assert [float(row[3]) for row in rows] == data(app, ORDERS)["courses"][0]["levels"]
    head, *rows = csv.reader(io.StringIO(ask(app, f"{ORDERS}?format=csv&part=loads&a=0&b=12").text))
    assert (head[:3], len(rows)) == (["curve", "load", "unit"], 4)
    assert [row[3] for row in rows[:2]] == ["0.2", "0.4"]


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ("", 200, "16 jobs"),
        ("from=2026-09-20", 200, "2 jobs"),
        ("from=soon", 400, "from is a day such as 2026-01-31."),
        ("jobs=9999", 400, "jobs is a whole number from 1 to 360."),
        ("a=77", 404, "Job 77 is not among those shown"),
        ("b=<b>", 404, "Job &lt;b&gt; is not among"),
        ("hw=other", 404, "No job of such a product is kept."),
    ],
)
def test_queries_are_bounded_and_refused_in_a_sentence(app, query, status, told):
    """What is asked for and not there is a sentence that says what may be asked for."""
    answer = ask(app, f"{ORDERS}?{query}")
    assert (answer.status, told in answer.text) == (status, True), answer.text[-900:]


@pytest.mark.parametrize(
    "path", ["/p/Shop/e/GET/nothing", "/p/Shop/e/", "/p/Shop/e/~%23abc", "/p/Nothing/e/GET/orders"]
)
def test_an_endpoint_that_nobody_measured_is_not_found(app, path):
    """Of an unknown endpoint there is a sentence and no page, as JSON too."""
    assert ask(app, path).status == 404
    assert ask(app, f"/api/v1{path}").status == 404


def test_the_form_goes_to_the_page_itself(app):
    """The form is allowed by the page's policy, asks this dashboard alone, and keeps what the address says."""
    answer = ask(app, f"{ORDERS}?jobs=30&hw=bg-f1")
    assert "form-action 'self'" in answer.headers["content-security-policy"]
    assert '<form method="get" action="/p/Shop/e/GET/orders#loads"' in answer.text
    assert '<input type="hidden" name="jobs" value="30">' in answer.text


def test_a_folder_of_reports_says_what_a_store_would_add(tmp_path):
    """Without a store the page of an endpoint has its issues, and says what would be there with one."""
    analysis = regressed()
    folder = tmp_path / "reports" / "Shop" / "1 vs 2"
    folder.mkdir(parents=True)
    (folder / "result_v2.json").write_bytes(result_json(analysis))
    app = application(FolderRecords(tmp_path / "reports"), {HOST}, lambda: NOW)
    name = data(app, "/issues")["groups"][0]["issues"][0]["endpoint"]
    answer = ask(app, f"/p/Shop/e/{quote(slug(name))}")
    assert answer.status == 200
    assert NO_STORE.partition(":")[0] in answer.text


def test_jobs_whose_values_went_away_leave_the_courses(tmp_path):
    """A job that was taken off the server is in no chart, and asking for it is a sentence."""
    with closing(open_store(str(tmp_path / "history.sqlite3"))) as store:
        year(store)
        store.mark(ORIGIN, ["uuid-3"], gone=True)
    with board(tmp_path) as app:
        assert [one["job"] for one in data(app, ORDERS)["jobs"]][:5] == [0, 1, 2, 4, 5]
        assert ask(app, f"{ORDERS}?a=3").status == 404


def test_an_issue_that_is_no_step_yet_is_shown_all_the_same(tmp_path):
    """A job that comparisons know to be worse is marked on the charts before there are jobs enough for a step."""

    def young(store):
        for number in range(16):
            record(store, number, cost=1.5 if number > 14 else 1)
        put(store, 15, tracked("orders", endpoint="GET /orders", first=place(15), last_good=place(14)))

    with board(tmp_path, young) as app:
        page = ask(app, ORDERS).text
    assert page.count('class="onset issue"') == 3  # one a chart, and the legend
    assert "A comparison found an issue that came in with 1.15 (job 15, 2026-09-21)" in page
    assert "(1 job since)" in page


def test_a_year_of_many_curves_stays_a_small_page(tmp_path):
    """All curves that are shown, over a year of jobs and along 54 loads, are under 500 kB, with every value in them."""
    jobs = tuple(JobRef(job=at, version=f"12.5.{at}", end=NOW + timedelta(days=at)) for at in range(360))
    loads = tuple(1000.0 * at for at in range(1, 55))
    curves = [
        Named(
            metric="p95 latency",
            threads=at + 1,
            scenario="",
            group="group",
            tag=f"tag {at}",
            unit="ms",
            base_unit="s",
            less_better=True,
            costs_time=True,
        )
        for at in range(MOST)
    ]
    levels = tuple(0.1 + 0.05 * ((at * 7919) % 13) for at in range(360))
    values = tuple(1.0 + 0.1 * ((at * 7919) % 11) for at in range(54))
    shown = Endpoint(
        now=NOW,
        place=views.Place(product="Shop", hardware="bg-f1", suite="API", origin=""),
        endpoint="GET /orders",
        jobs=jobs,
        curves=MOST + 5,
        page=1,
        pages=2,
        courses=tuple(Course(curve=curve, levels=levels) for curve in curves),
        patterns=None,
        issues=(),
        baseline=jobs[-2],
        candidate=jobs[-1],
        pairs=tuple(
            Pair(
                curve=curve,
                load_unit="policies",
                numbered=True,
                labels=tuple(f"{load:.0f} policies" for load in loads),
                loads=loads,
                baseline=values,
                candidate=values[::-1],
                slowdowns=values,
            )
            for curve in curves
        ),
    )
    text = endpoint_page_html(shown, FolderRecords(tmp_path), Look(jobs=360, since="", page=1))
    assert len(text.encode()) < 500_000
    assert text.count("<td>") >= MOST * (360 + 3 * 54)
    assert f"{MOST + 5} curves, page" in text


def test_every_curve_of_an_endpoint_is_on_a_page(tmp_path):
    """Curves beyond those of a page are on the next one, over the jobs and along the load, with the same two jobs."""

    def fill(store):
        for number in (1, 2):
            many = [
                (f"latency, avg ({at} th): GET /orders", {1: [0.2], 2: [0.4], 3: [0.5]}) for at in range(1, MOST + 4)
            ]
            tests = [test for tag, points in many for test in curve_tests(tag, points)]
            made = job(*tests, id=number, uuid=f"uuid-{number}", hosts=("bg-f1",), suite_name="API")
            curves, _, _ = build_curves([made], CurveSettings())
            store.put(ORIGIN, made.info, curves, "reading")

    with board(tmp_path, fill) as app:
        product = data(app, "/")["lines"][0]["place"]["product"]
        shown = [data(app, f"/p/{product}/e/GET/orders?a=1&b=2&page={page}") for page in (1, 2, 3)]
        assert [(one["page"], one["pages"], len(one["courses"]), len(one["pairs"])) for one in shown] == [
            (1, 2, MOST, MOST),
            (2, 2, 3, 3),
            (2, 2, 3, 3),
        ]
        assert len({one["curve"]["tag"] for page in shown[:2] for one in page["courses"]}) == MOST + 3
        assert re.search(r"page=2[^\"]*", ask(app, f"/p/{product}/e/GET/orders?a=1&b=2").text)


def test_an_issue_is_marked_on_its_own_curves(tmp_path):
    """A chart says where an issue of its threads came in, and nothing of an issue of others."""

    def fill(store):
        for number in range(3):
            record(store, number)
        store.comparisons.put(comparison(2), b"", [tracked("a", endpoint="GET /orders", first=place(2), threads=(8,))])

    with board(tmp_path, fill) as app:
        assert ask(app, ORDERS).text.count('class="onset issue"') == 1  # the legend
