"""The page in Chromium: nothing runs or leaves that should not, and everybody can read and use it."""

import threading
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from analyses import VARIANTS, hostile
from browser import AXE, COLOURS
from pages import EVIL, examples
from pages import page as html

WIDTHS = (360, 900, 1400)
EXAMPLES = "/examples"


@cache
def rendered(name, *, scripts=True):
    """Render a page once for all tests of it: by the name of a variant, or of the bundled jobs."""
    make = {EXAMPLES: examples} | {f"/{name}": make for name, make in VARIANTS.items()}
    make |= {f"/evil{at}": lambda text=text: hostile(text) for at, text in enumerate(EVIL)}
    return html(make[name](), scripts=scripts).encode()


class Pages(BaseHTTPRequestHandler):
    """Serves pages as a server does that says nothing of the character set; keeps what was asked for."""

    asked: list[str] = []  # noqa: RUF012 - shared by all requests on purpose

    def do_GET(self):
        self.asked.append(self.path)
        name, _, copy = self.path.partition("?")
        content = rendered(name, scripts=not copy)
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Keep the terminal to the tests."""


@pytest.fixture(scope="module")
def site():
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def visit(chromium, site):
    """Open a page of the site; the requests the server saw are counted from here."""
    Pages.asked.clear()
    return lambda name, **options: chromium.open(site + name, **options)


# ── nothing runs, nothing leaves ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("copy", ["", "?copy"], ids=["local", "uploaded"])
@pytest.mark.parametrize("name", [f"/evil{at}" for at in range(len(EVIL))])
def test_hostile_page_runs_nothing_and_asks_for_nothing(visit, name, copy):
    """Of a job full of markup nothing runs, nothing is asked for but the page, and the console stays empty."""
    page = visit(name + copy)
    assert page.evaluate("document.querySelectorAll('img, iframe, object, embed, form[action]').length") == 0
    assert page.evaluate("document.scripts.length") == (0 if copy else 1)
    assert page.complaints == []
    assert len(page.requests) == 1
    assert Pages.asked == [name + copy]


def test_example_page_is_quiet(visit):
    """A page with findings of every kind, opened from a server, asks for nothing more and complains of nothing."""
    page = visit(EXAMPLES)
    assert (page.complaints, Pages.asked) == ([], [EXAMPLES])


def test_policy_stops_what_escaping_would_have_missed(visit):
    """Should markup get through all the same, the browser refuses to run it and to fetch for it."""
    page = visit("/typical")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=/stolen onerror=\"window.ran = 1\">')")
    page.evaluate("{const s = document.createElement('script'); s.text = 'window.ran = 1'; document.body.append(s)}")
    assert page.evaluate("fetch('/stolen').then(() => 'sent', () => 'refused')") == "refused"
    assert page.evaluate("window.ran") is None
    assert Pages.asked == ["/typical"]


def test_characters_are_read_right_without_a_charset(visit):
    """A server that names no character set does not garble the page."""
    assert "→" in visit("/typical").evaluate("document.querySelector('h1').textContent")


# ── everybody can read it ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", [EXAMPLES, "/hostile", "/insufficient", "/remembered"])
def test_page_is_as_wide_as_its_window(visit, name, width):
    """On a telephone, a tablet and a desk nothing has to be scrolled sideways."""
    assert visit(name, width=width).evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize(("width", "height"), [(360, 780), (900, 900), (1400, 900)])
def test_verdict_and_deciding_rules_are_above_the_fold(visit, width, height):
    """Verdict and the rules that led to it are seen without scrolling."""
    page = visit(EXAMPLES, width=width, height=height)
    told = "[...document.querySelectorAll('h1 .verdict, .lead .plain > li')]"
    assert 0 < page.evaluate(f"Math.max(...{told}.map(one => one.getBoundingClientRect().bottom))") <= height


@pytest.mark.parametrize("width", [360, 1400])
@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed")
def test_accessibility_check_finds_nothing_serious(visit, width):
    """axe-core finds no serious or critical violation, neither contrast by day and by night nor names nor order."""
    page = visit("/remembered", width=width)
    assert page.flaws() == []
    page.emulate_media(color_scheme="dark")
    assert page.flaws(COLOURS) == []


CONTRAST = """(() => {
  const light = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map(part => part / 255)
    .map(part => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [.2126, .7152, .0722][at], 0) + .05;
  const behind = light(getComputedStyle(document.querySelector('.card')).backgroundColor);
  return ['.facts .onset', '.facts .was', '.facts .cand', '.facts .now'].map((name) => {
    const style = getComputedStyle(document.querySelector(name));
    const drawn = light(name.endsWith('now') ? style.fill : style.stroke);
    return Math.max(drawn, behind) / Math.min(drawn, behind);
  });
})()"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_marks_of_the_past_stand_out(visit, dark):
    """Lines and marks of an issue's past are told from what is behind them by three to one and more."""
    assert min(visit("/remembered", dark=dark).evaluate(CONTRAST)) >= 3


def test_dark_mode_is_dark(visit):
    """Who prefers dark gets a dark page, charts included."""
    colours = "['body', '.cand'].map(one => getComputedStyle(document.querySelector(one)))"
    look = f"{colours}.map(style => style.backgroundColor + style.stroke).join()"
    assert visit("/typical", dark=True).evaluate(look) != visit("/typical").evaluate(look)


def test_print_shows_what_is_folded_and_leaves_out_what_is_clicked(visit):
    """On paper the navigation is gone, what is folded on the screen is open, and the charts stand in three columns."""
    page = visit(EXAMPLES, width=700)
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert page.evaluate("document.querySelector('#method ul').getBoundingClientRect().height") > 0
    columns = "getComputedStyle(document.querySelector('.panels')).gridTemplateColumns.split(' ').length"
    assert page.evaluate(columns) == 3


def test_without_scripts_everything_is_there(visit):
    """With scripts off every curve is in a table, folded at most, and no control is offered that would not work."""
    page = visit(EXAMPLES, scripts=False)
    page.evaluate("document.querySelectorAll('#curves details').forEach(fold => { fold.open = true; })")
    assert page.evaluate("[...document.querySelectorAll('#curves tbody tr')].filter(r => r.offsetHeight).length") == 84
    assert page.evaluate("document.getElementById('filter').offsetHeight") == 0
    assert page.evaluate("document.querySelectorAll('.sort').length") == 0


def test_keyboard_reaches_the_issues_first(visit):
    """The first thing the keyboard reaches leads past the navigation to the issues."""
    page = visit("/typical")
    page.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the issues"
    page.press("Enter")
    assert page.evaluate("location.hash") == "#issues"


# ── charts ──────────────────────────────────────────────────────────────────────────────────────────────────────────

READ = "document.querySelector('.panel .read').textContent"


def first_rows(page):
    """The values behind the first chart, row by row, as they print."""
    rows = "[...document.querySelector('.panel').querySelectorAll('tbody tr')]"
    return page.evaluate(f"{rows}.map(row => [...row.cells].map(cell => cell.textContent))")


def test_values_are_read_under_the_pointer(visit):
    """The load nearest to the pointer is read off a chart with both values and the change, and gone when it leaves."""
    page = visit("/typical")
    rows = first_rows(page)
    page.evaluate("document.querySelector('.panel').scrollIntoView({block: 'center', behavior: 'instant'})")
    place = "(box => [box.left, box.top, box.width, box.height])(svg.getBoundingClientRect())"
    left, top, width, height = page.evaluate(f"(svg => {place})(document.querySelector('.panel svg'))")
    for share, row in ((0.99, rows[-1]), (0.16, rows[0])):
        page.point(left + share * width, top + height / 2)
        told = page.evaluate(READ)
        assert told.startswith(f"{row[0]}: {row[1]} → {row[2]} ")
        assert told.endswith(f"({row[3]})")
    page.point(1, 1)
    assert page.evaluate(READ) == ""


def test_values_are_read_by_keyboard(visit):
    """A chart that has the focus tells one load after the other as the arrow keys are pressed."""
    page = visit("/typical")
    rows = first_rows(page)
    page.evaluate("document.querySelector('.panel svg').focus()")
    for key, row in (("ArrowRight", rows[0]), ("ArrowRight", rows[1]), ("End", rows[-1]), ("ArrowLeft", rows[-2])):
        page.press(key)
        assert page.evaluate(READ).startswith(f"{row[0]}: {row[1]} → {row[2]} ")


@pytest.mark.parametrize("copy", ["", "?copy"], ids=["local", "uploaded"])
def test_a_chart_opens_large_without_a_script(visit, copy):
    """A link enlarges a chart to the whole window and another one closes it, in the copy without scripts as well."""
    page = visit(f"/typical{copy}")
    size = "document.querySelector('.panel').getBoundingClientRect().width"
    small = page.evaluate(size)
    page.evaluate("document.querySelector('.panel .open').click()")
    assert page.evaluate(size) > 3 * small
    assert page.evaluate("document.querySelector('.panel .close').checkVisibility()") is True
    page.evaluate("document.querySelector('.panel .close').click()")
    assert page.evaluate(size) == small


def test_a_lasting_link_opens_what_it_leads_to(visit):
    """Opening the address of an issue that is folded shows it unfolded."""
    page = visit(EXAMPLES)
    name = page.evaluate("document.querySelector('.folded').id")
    assert page.evaluate("document.querySelector('.folded details').open") is False
    again = visit(f"{EXAMPLES}#{name}")
    assert again.evaluate("document.querySelector('.folded details').open") is True


def test_the_page_of_a_release_is_no_scroll(visit):
    """The page of the bundled jobs, seven issues and 84 curves, is less than seven screens of a desk high."""
    assert visit(EXAMPLES).evaluate("document.documentElement.scrollHeight") < 6200


# ── the table of all curves ─────────────────────────────────────────────────────────────────────────────────────────

ROWS = "[...document.querySelectorAll('#all tbody tr')].filter(row => !row.hidden)"
FIRST = f"{ROWS}[0].querySelector('.id').textContent"
FOLDED = ("unchanged", "inconclusive")
STATUS = "document.getElementById('shown').textContent"


def choose(page, name, value):
    """Set a field of the filter as a person would."""
    page.evaluate(
        f"{{const field = document.getElementById('filter')['{name}']; field.value = '{value}';"
        "field.dispatchEvent(new Event('input', {bubbles: true}))}"
    )


@pytest.mark.parametrize("width", WIDTHS)
def test_table_shows_first_what_changed(visit, width):
    """At first the table leaves out what is unchanged or open, however a row is laid out, and counts both."""
    page = visit(EXAMPLES, width=width)
    assert page.evaluate("[...document.querySelectorAll('#all tr[hidden]')].every(row => !row.offsetHeight)") is True
    assert page.evaluate(f"{ROWS}.some(row => ['unchanged', 'inconclusive'].includes(row.dataset.o))") is False
    count = {name: page.evaluate(f"document.querySelectorAll('[data-o={name}]').length") for name in FOLDED}
    assert page.evaluate(f"{ROWS}.length") == 84 - sum(count.values())
    away = ", ".join(f"{number} {name}" for name, number in count.items())
    assert page.evaluate(STATUS) == f"{84 - sum(count.values())} of 84 curves shown (not: {away})"


def test_search_looks_at_every_curve(visit):
    """A search finds unchanged curves as well, needs all its words, and is kept in the address."""
    page = visit(EXAMPLES)
    choose(page, "q", "GET rate 16")
    assert page.evaluate(f"{ROWS}.some(row => row.dataset.o === 'unchanged')") is True
    assert page.evaluate(f"{ROWS}.every(row => row.dataset.k === 'rate' && row.textContent.includes('16'))") is True
    assert page.evaluate("location.hash") == "#curves?q=GET+rate+16"


def test_filters_are_applied_together(visit):
    """Outcome, metric and threads narrow the table together."""
    page = visit(EXAMPLES)
    for name, value in (("outcome", "unchanged"), ("kind", "latency"), ("threads", "4")):
        choose(page, name, value)
    found = page.evaluate(f"{ROWS}.map(row => [row.dataset.o, row.dataset.k, row.dataset.t].join())")
    assert set(found) == {"unchanged,latency,4"}


def test_sorting_by_change_goes_both_ways_and_unknown_stays_last(visit):
    """A click sorts with the largest first, a second one with the smallest, and what has no value stays at the end."""
    page = visit("/typical")
    choose(page, "outcome", "all")
    values = f"{ROWS}.map(row => row.cells[3].dataset.v)"
    for way in ("descending", "ascending"):
        page.evaluate("document.querySelector('[data-sort=change] .sort').click()")
        assert page.evaluate("document.querySelector('[data-sort=change]').getAttribute('aria-sort')") == way
        *known, last = page.evaluate(values)
        assert [float(value) for value in known] == sorted(map(float, known), reverse=way == "descending")
        assert last == ""


@pytest.mark.parametrize(("key", "column", "way"), [("points", 6, "descending"), ("sure", 7, "descending")])
def test_numbers_sort_with_the_largest_first(visit, key, column, way):
    """A column of numbers sorts at the press of a key, the largest first."""
    page = visit("/typical")
    choose(page, "outcome", "all")
    page.evaluate(f"document.querySelector('[data-sort={key}] .sort').focus()")
    page.press("Enter")
    assert page.evaluate(f"document.querySelector('[data-sort={key}]').getAttribute('aria-sort')") == way
    values = [float(value) for value in page.evaluate(f"{ROWS}.map(row => row.cells[{column}].dataset.v)")]
    assert values == sorted(values, reverse=True)
    assert values[0] > values[-1]


def test_names_sort_from_the_first_letter(visit):
    """The column of names sorts by the text of the endpoint."""
    page = visit(EXAMPLES)
    page.evaluate("document.querySelector('[data-sort=name] .sort').click()")
    names = page.evaluate(f"{ROWS}.map(row => row.cells[1].textContent)")
    assert names == sorted(names)


def test_without_headings_a_field_sorts(visit):
    """On a telephone, where the table has no headings, a field of the form sorts it."""
    page = visit("/typical", width=360)
    assert page.evaluate("document.querySelector('.sort').checkVisibility({visibilityProperty: true})") is False
    choose(page, "sort", "points")
    values = [float(value) for value in page.evaluate(f"{ROWS}.map(row => row.cells[6].dataset.v)")]
    assert values == sorted(values, reverse=True)
    assert page.evaluate("location.hash") == "#curves?sort=points&down=1"


def test_address_brings_the_same_table_back(visit):
    """Opening an address that was sent on shows the same rows in the same order."""
    page = visit(EXAMPLES)
    choose(page, "outcome", "regressed")
    choose(page, "q", "policies")
    page.evaluate("document.querySelector('[data-sort=points] .sort').click()")
    page.evaluate("document.querySelector('[data-sort=change] .sort').click()")
    address = page.evaluate("location.hash")
    rows = page.evaluate(f"{ROWS}.map(row => row.id).join()")
    again = visit(f"{EXAMPLES}{address}")
    assert again.evaluate(f"{ROWS}.map(row => row.id).join()") == rows
    assert again.evaluate("document.getElementById('filter').q.value") == "policies"


@pytest.mark.parametrize(
    "address",
    [
        "#curves?sort=<img>&outcome=x&kind=__proto__&threads=9",
        "#curves?q=%00%3Cscript%3E",
        "#%E0%A4%A",
        "#curves?sort=toString",
    ],
)
def test_nonsense_in_the_address_does_no_harm(visit, address):
    """An address that names what is not there leaves the table usable and the console empty."""
    page = visit(f"/typical{address}")
    assert "of 11 curves shown" in page.evaluate(STATUS)
    assert page.complaints == []


def test_link_to_a_hidden_curve_shows_it(visit):
    """Following a link to a curve that is filtered away brings the curve back."""
    page = visit(EXAMPLES)
    choose(page, "outcome", "improved")
    page.evaluate("location.hash = document.querySelector('#all tr[hidden]').id")
    target = "document.getElementById(location.hash.slice(1))"
    assert page.evaluate(f"new Promise(done => setTimeout(() => done({target}.hidden), 50))") is False
