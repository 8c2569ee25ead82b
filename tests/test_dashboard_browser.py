"""The dashboard in Chromium: nothing runs or leaves, and everybody can read it."""

import re
from urllib.parse import quote

import pytest
from browser import AXE, COLOURS
from dashboards import board, demo_board, fill, put, serving, tracked
from pages import EVIL
from test_dashboard_access import BY_TOKEN, LISTS, TOKEN

from perftracker_ai.commands.access import access_of

PRODUCT = EVIL[1]
SHOP = "/p/Shop?hw=perf-a&suite=nightly"
REPORT = "/c/1053..1054"
PAGES = (
    "/",
    "/issues?state=all",
    SHOP,
    "/p/Shop/e/GET/v2/basket",
    "/p/Shop/noise",
    "/j/1054",
    "/compare?base=1053&cand=1060",
    "/audit",
    "/p/Billing?jobs=30&embed=1",
    "/p/No",
)
HOSTILE = ("/", "/issues?state=all", f"/p/{quote(PRODUCT, safe='')}", f"/p/{quote(PRODUCT, safe='')}/noise", "/nowhere")
MAIN = "document.querySelector('main').innerText"
WIDTH = "document.documentElement.scrollWidth"


def evil(store):
    """Put a product into a store whose every name is markup."""
    names = {"product": PRODUCT, "candidate_version": EVIL[2], "hardware": EVIL[3], "suite": EVIL[0] * 3}
    put(store, 21, tracked("a", endpoint=EVIL[2], title=EVIL[1], load_first=EVIL[1]), verdict=EVIL[1], **names)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with board(tmp_path_factory.mktemp("board"), fill, evil) as app, serving(app) as address:
        yield address


@pytest.fixture(scope="module")
def shown(demo):
    """Serve the demo's nights, and give the address."""
    with demo_board(demo) as app, serving(app) as address:
        yield address


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    """Serve a board that asks for a login, and give the address."""
    access = access_of(BY_TOKEN, LISTS)
    with board(tmp_path_factory.mktemp("locked"), fill, access=access) as app, serving(app) as address:
        yield address


SHORT = ((1400, False), (360, True))
SIZES = (*SHORT, (1400, True), (900, False), (360, False))
"""Width, and whether it is night."""


def look(page, site, path, sizes=SHORT):
    """See that a page can be read by everybody, on a telephone and a desk, by day and by night."""
    for width, dark in sizes:
        page.resize(width)
        page.emulate_media(color_scheme="dark" if dark else "light")
        assert page.evaluate(WIDTH) == width
        if AXE.exists() and width != 900:
            rules = () if (width, dark) in SHORT else (COLOURS,)
            assert page.flaws(*rules) == [], (width, dark)
    assert [one for one in page.requests if not one.startswith(f"{site}/")] == []
    assert page.requests[0] == site + path
    assert [one for one in page.complaints if "404" not in one] == []


@pytest.mark.parametrize("path", [*PAGES, REPORT])
def test_every_page_can_be_read_by_everybody(chromium, shown, path):
    """No page is scrolled sideways, asks for anything elsewhere, complains, or has a serious flaw for axe-core."""
    look(chromium.open(shown + path), shown, path, SIZES)


@pytest.mark.parametrize("path", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_stay_text(chromium, site, path):
    """Of names that are markup nothing runs, nothing is fetched, and a page of them can be read as any other."""
    page = chromium.open(site + path)
    assert page.evaluate("document.querySelectorAll('img, iframe, object, embed').length") == 0
    assert page.evaluate("[...document.links].filter(one => /^(javascript|data):/.test(one.href)).length") == 0
    assert page.requests == [site + path]
    look(page, site, path)


@pytest.mark.parametrize("path", PAGES)
def test_without_scripts_everything_is_there(chromium, shown, path):
    """With scripts off a page says what it says with them, and offers nothing that would not work."""
    # What a script only shows on being asked, such as the value under the pointer, is in an element of its own.
    told = "document.querySelectorAll('[aria-live]').forEach(one => one.remove());" + MAIN
    plain = chromium.open(shown + path, scripts=False)
    assert plain.evaluate(told) == chromium.open(shown + path).evaluate(told)
    idle = "[...document.querySelectorAll('button')].filter(one => !one.form && one.checkVisibility()).length"
    assert plain.evaluate(idle) == 0


CONTROLS = ".tabs a[href], .sorts a[href]:not([href*=csv])"


@pytest.mark.parametrize("path", ["/issues?state=all", SHOP])
def test_every_control_leads_to_an_address_that_opens_the_same_view(chromium, shown, path):
    """What is chosen by a click is in the address: opened anew by somebody else, it shows the same."""
    page, other = chromium.open(shown + path), chromium.open("about:blank")
    for at in (0, 2, -1):
        page.goto(shown + path)
        page.click(f"{CONTROLS} >> nth={at}")
        other.goto(page.url)
        assert other.evaluate(MAIN) == page.evaluate(MAIN)


def test_back_and_forward_show_what_was_there(chromium, shown):
    """The way back and forth through first page, product, issues and report shows each as it was."""
    page = chromium.open(f"{shown}/")
    been = [(page.url, page.title())]
    for link in (".board th a", "nav a[href$='/issues']", ".rows a.endpoint"):
        page.click(f"{link} >> nth=0")
        been.append((page.url, page.title()))
    assert len(set(been)) == 4
    for there in reversed(been[:-1]):
        page.go_back()
        assert (page.url, page.title()) == there
    for there in been[1:]:
        page.go_forward()
        assert (page.url, page.title()) == there


def test_links_lead_from_the_worst_product_to_its_issue_without_scripts(chromium, site):
    """With scripts off the way from the first page over the product to the list of its issues is there."""
    page = chromium.open(f"{site}/", scripts=False)
    product = page.evaluate("document.querySelector('.board th a[href*=Shop]').href")
    page.goto(product)
    assert page.evaluate("document.querySelector('h1').textContent").startswith("Shop 1.4")
    assert page.evaluate("document.querySelector('.rows .endpoint').textContent") == "GET /orders"
    assert page.evaluate("document.querySelectorAll('.heat [data-v]').length") == 2


def test_values_of_the_heat_map_are_read_by_pointer_and_by_keyboard(chromium, site):
    """The value of the cell under the pointer, and of the one that the arrow keys go to, is said with its job."""
    page = chromium.open(f"{site}/p/Shop")
    say = "document.querySelector('.readout').textContent"
    assert page.evaluate(say).startswith("Point at a cell")
    page.evaluate("document.querySelector('.heat [data-v]').focus()")
    page.press("ArrowLeft")
    page.press("ArrowLeft")
    assert page.evaluate(say) == "GET /orders in 1.3 (job 3, 2026-09-09): +100 %; the job: BLOCK (episode)"
    page.press("ArrowDown")
    assert page.evaluate(say) == "GET /health in 1.3 (job 3, 2026-09-09): 0 %; the job: BLOCK (episode)"
    place = "(([box]) => [box.left + box.width / 10, box.top + 3])(document.querySelector('[data-v]').getClientRects())"
    x, y = page.evaluate(place)
    page.point(x, y)
    assert page.evaluate(say) == "GET /orders in 1.0 (job 0, 2026-09-06): 0 %; the job: baseline or rerun of others"


def test_values_of_an_endpoint_are_read_off_its_charts(chromium, site):
    """Arrow keys say the value of each job, and of each load of two jobs, from the tables behind the charts."""
    page = chromium.open(f"{site}/p/Shop/e/GET/orders")
    page.evaluate("document.querySelector('#over-jobs-0 svg').focus()")
    page.press("ArrowLeft")
    assert (
        page.evaluate("document.querySelector('#over-jobs-0 .read').textContent") == "1.4 (job 4, 2026-09-10): 566 ms"
    )


def test_values_of_two_jobs_are_read_off_their_load_curves(chromium, shown):
    """Pointer and arrow keys say at each load what both jobs measured, in one unit, and how much slower it is."""
    page = chromium.open(f"{shown}/p/Shop/e/GET/v2/basket")
    page.evaluate("document.querySelector('#loads-0 svg').focus()")
    page.press("End")
    told = page.text_content("#loads-0 .read")
    assert re.fullmatch(r"32: [\d.]+ → [\d.]+ m?s \(\+3\d(\.\d)? %\)", told), told
    left, top, width = page.evaluate(
        "(box => [box.left, box.top + 9, box.width])(document.querySelector('#loads-0 svg').getBoundingClientRect())"
    )
    page.point(left + width / 5, top)
    assert page.text_content("#loads-0 .read").startswith("1: ")


def test_two_jobs_are_chosen_without_scripts(chromium, site):
    """The form is sent as browsers send forms, and its page says which jobs are drawn."""
    page = chromium.open(f"{site}/p/Shop/e/GET/orders", scripts=False)
    page.select_option("select[name=a]", "0")
    page.click(".choose button")
    assert page.url.endswith("a=0&b=4#loads")
    assert page.input_value("select[name=a]") == "0"


@pytest.mark.parametrize("scripts", [True, False], ids=["", "no scripts"])
def test_a_login_leads_to_what_was_asked_for_and_out_again(chromium, locked, scripts):
    """By keyboard alone: a wrong token is told and forgotten, the right one leads on, and logging out ends it."""
    page = chromium.open(f"{locked}/p/Shop?jobs=30", scripts=scripts)
    if scripts:
        look(page, locked, "/p/Shop?jobs=30")
    for token, heading in (("a token that is wrong", "Login"), (TOKEN, "Shop 1.4")):
        page.focus("#token")
        page.write(token)
        page.press("Tab")
        page.fill("#name", "vic")
        page.enter()
        assert page.text_content("h1").startswith(heading)
        assert token not in page.content()
    assert page.url == f"{locked}/p/Shop?jobs=30"
    page.goto(f"{locked}/login")
    page.click("#logout button")
    page.goto(f"{locked}/p/Shop")
    assert "Shop 1.4" not in page.content()


@pytest.mark.parametrize("width", [360, 900, 1400])
def test_verdicts_stand_over_the_cells_of_their_jobs(chromium, shown, width):
    """The rows of the heat map and that of the verdicts have one beginning and one end at every width."""
    page = chromium.open(shown + SHOP, width=width)
    ends = "[...document.querySelectorAll('.heat .cells')].map(one => one.getBoundingClientRect())"
    found = page.evaluate(f"{ends}.map(box => [Math.round(box.left), Math.round(box.right)].join(' '))")
    assert len(found) > 3
    assert len(set(found)) == 1
