"""Triage in Chromium: by keyboard alone, by two people at once, and by those who may only look."""

import pytest
from browser import AXE, COLOURS
from dashboards import board, fill, serving
from test_dashboard_access import BY_HEADER

from perftracker_ai.commands.access import access_of
from perftracker_ai.settings import DashboardSettings

LISTS = DashboardSettings(triagers=("ann", "bob"), viewers=("vic",))
ISSUE = "/p/Shop/i/orders?hw=bg-f1&suite=API"
FOCUS = "document.activeElement"
STATES = "[...document.querySelectorAll('.rows .state')].map(one => one.textContent)"


@pytest.fixture
def visit(chromium, tmp_path):
    """Open a page as somebody whom the proxy in front names."""
    with board(tmp_path, fill, access=access_of(BY_HEADER, LISTS)) as app, serving(app) as address:

        def opened(path, name, **options):
            page = chromium.open("about:blank", **options)
            page.set_extra_http_headers({"X-Remote-User": name})
            page.goto(address + path)
            return page

        yield opened


def tab_to(page, name):
    """Go on by the tabulator until something of that id or name has the focus, as somebody without a mouse does."""
    for _ in range(80):
        page.press("Tab")
        if page.evaluate(f"[{FOCUS}.id, {FOCUS}.name].includes('{name}')"):
            return
    raise AssertionError(f"nothing called {name} is reached")


def test_an_issue_is_triaged_by_single_keys(visit):
    """Key j goes to an issue, x checks it, a chooses acknowledged and leads to the button, Enter says it."""
    page = visit("/issues", "ann")
    page.press("j")
    assert page.evaluate(f"{FOCUS}.textContent") == "GET /orders"
    page.press("x")
    assert page.evaluate("document.getElementById('checked').textContent") == "1 checked"
    page.press("a")
    assert page.evaluate(f"{FOCUS}.id") == "apply"
    page.enter()
    assert page.evaluate(STATES) == ["acknowledged"]
    assert page.complaints == []


def test_keys_typed_into_a_field_are_text(visit):
    """What is typed into the search is searched for, though each letter is a key of the list; / leads there."""
    page = visit("/issues?state=all", "vic")
    page.press("/")
    page.write("jakx orders")
    assert page.input_value("#find") == "jakx orders"
    page.fill("#find", "posts")
    page.enter()
    assert "find=posts" in page.url
    assert page.evaluate("document.querySelectorAll('.rows > li').length") == 1


def test_without_scripts_the_tabulator_is_enough(visit):
    """With scripts off box, state, owner, note and button are reached and used by the tabulator, space and Enter."""
    page = visit("/issues", "ann", scripts=False)
    tab_to(page, "issue")
    page.press("Space")
    tab_to(page, "state")
    page.write("ack")
    tab_to(page, "owner")
    page.write("vic")
    tab_to(page, "note")
    page.write("index lost")
    tab_to(page, "apply")
    page.enter()
    assert page.text_content(".rows .state") == "acknowledged"
    assert "index lost" in page.text_content("main")


def test_of_two_who_race_neither_is_lost(visit):
    """The second to send sees both words and writes nothing; sent once more it holds, and the log has both."""
    first, second = visit(ISSUE, "ann"), visit(ISSUE, "bob")
    for page, note in ((first, "it is the index"), (second, "it is the disk")):
        page.fill("#note", note)
        page.focus("#save")
    first.enter()
    second.enter()
    told = second.text_content("main")
    assert "it is the index" in told
    assert "it is the disk" in told
    assert "it is the disk" not in visit(ISSUE, "vic").content()
    second.focus("main button[type=submit]")
    second.enter()
    log = visit(ISSUE, "vic").text_content("main")
    assert log.index("it is the disk") < log.rindex("it is the index")


@pytest.mark.parametrize("path", ["/issues", ISSUE])
def test_whoever_only_looks_is_offered_nothing_to_write(visit, path):
    """A viewer has no box, no form that writes, and no key that would need one; a triager has them."""
    writes = "document.querySelectorAll('form[method=post], input[type=checkbox]').length"
    page = visit(path, "vic")
    assert page.evaluate(writes) == 0
    page.press("j", "x", "a")
    assert page.complaints == []
    assert visit(path, "ann").evaluate(writes) > 0


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed")
@pytest.mark.parametrize("path", ["/issues", ISSUE, "/audit", "/p/Shop"])
def test_pages_with_forms_can_be_used_by_everybody(visit, path):
    """Forms have labels, contrast and room on a telephone and a desk, by day and by night."""
    page = visit(path, "ann")
    for width, dark, rules in ((1400, True, ()), (360, True, (COLOURS,)), (360, False, ())):
        page.resize(width)
        page.emulate_media(color_scheme="dark" if dark else "light")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.flaws(*rules) == []
    assert page.complaints == []
