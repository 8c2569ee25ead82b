"""The dashboard in Chromium: nothing runs or leaves, and everybody can read it."""

from urllib.parse import quote

import pytest
from browser import AXE
from dashboards import board, fill, put, serving, tracked
from pages import EVIL

PRODUCT = EVIL[1]
PAGES = ("/", "/issues?state=all", "/p/Shop", f"/p/{quote(PRODUCT, safe='')}", "/nowhere")


def evil(store):
    """Put a product into a store whose every name is markup."""
    names = {"product": PRODUCT, "candidate_version": EVIL[2], "hardware": EVIL[3], "suite": EVIL[0] * 3}
    put(store, 1, tracked("a", endpoint=EVIL[2], title=EVIL[1], load_first=EVIL[1]), verdict=EVIL[1], **names)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with board(tmp_path_factory.mktemp("board"), fill, evil) as app, serving(app) as address:
        yield address


@pytest.mark.parametrize(("width", "dark"), [(360, True), (900, False), (1400, False)])
@pytest.mark.parametrize("path", PAGES, ids=range(len(PAGES)))
def test_every_page_can_be_read_by_everybody(chromium, site, path, width, dark):
    """No page is scrolled sideways, runs or asks for anything, complains, or has a serious flaw for axe-core."""
    page = chromium.open(site + path, width=width, dark=dark)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("document.querySelectorAll('img, iframe, form').length") == 0
    assert page.requests == [site + path]
    assert [one for one in page.complaints if "404" not in one] == []
    if AXE.exists():
        assert page.flaws() == []


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
    assert page.evaluate(say) == "GET /orders in 1.0 (job 0, 2026-09-06): 0 %; the job: not compared"
