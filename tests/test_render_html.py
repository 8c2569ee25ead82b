"""The page as text: what it holds, that it is safe and small, and that its numbers are those of the results file."""

import base64
import gzip
import html
import json
import re
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest
from analyses import (
    COVERAGE,
    VARIANTS,
    analysis,
    decision,
    hostile,
    many,
    nights,
    onset,
    patterns,
    regressed,
    remembered,
    typical,
)
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from pages import EVIL, examples, judged, page

from perftracker_ai.model import Author, Narration, Part, Passage, Piece, Severity, Verdict
from perftracker_ai.model.history import Chronicle, Drift
from perftracker_ai.render.html import asset, page_script
from perftracker_ai.render.markdown import markdown
from perftracker_ai.render.page.markup import Html, el, path, tag
from perftracker_ai.report import build
from perftracker_ai.report.findings import ENTRIES
from perftracker_ai.report.value import Value, sentences
from perftracker_ai.report.view import clusters, view
from perftracker_ai.results.read import read_result
from perftracker_ai.results.write import result_document, result_json
from perftracker_ai.words import numbers, wording
from perftracker_ai.words.text import clean

SHARED = Path(__file__).resolve().parents[2] / "shared" / "perftracker" / "grpm"
MEGABYTE = 1_000_000
VOID = {"meta", "link", "input", "wbr"}


class Reader(HTMLParser):
    """Elements with their attributes, texts with the facts they belong to; complains of tags that do not match."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.texts, self.scalars = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, name, attributes):
        found = dict(attributes)
        self.elements.append((name, found))
        if name not in VOID:
            self.open.append((name, found.get("data-fact"), len(self.texts)))

    def handle_startendtag(self, name, attributes):
        self.elements.append((name, dict(attributes)))

    def handle_endtag(self, name):
        opened, fact, first = self.open.pop()
        assert opened == name
        if fact:
            self.scalars.append((fact, "".join(text for text, *_ in self.texts[first:])))

    def handle_data(self, text):
        inside = [name for name, _, _ in self.open]
        self.texts.append((text, inside, any(fact for _, fact, _ in self.open)))

    def named(self, name):
        return [attributes for element, attributes in self.elements if element == name]


def read_text(part):
    """What is read of a part of a page, whose tags need not match."""
    return html.unescape(re.sub(r"<[^>]*>", "", part))


def at(document, pointer):
    for part in pointer.strip("/").split("/"):
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


# ── a page that is whole ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_gives_matching_tags_and_unique_ids(name, scripts):
    """Whatever was found, the page's tags match, no id occurs twice and every link within it leads somewhere."""
    read = Reader(page(VARIANTS[name](), scripts=scripts))
    ids = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    inner = {attributes["href"][1:] for attributes in read.named("a") if attributes["href"].startswith("#")}
    assert inner - set(ids) == set()


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_shows_its_verdict_and_the_rules_that_fired(name):
    """The verdict and the rules behind it are told before the first section, weaker ones that fired under Method."""
    analysis = VARIANTS[name]()
    top, rest = (read_text(part) for part in page(analysis).split("<main>"))
    assert analysis.decision.verdict.value in top
    for rule in (rule for rule in analysis.decision.rules if rule.fired):
        assert clean(rule.because).rstrip(".") in (top if rule.verdict is analysis.decision.verdict else rest)


def test_same_analysis_same_page():
    """The same analysis, made anew, gives the same page to the byte."""
    assert page(typical()) == page(typical())


def lasting(made):
    """Keys of issues by their rank."""
    return {cluster.id: cluster.key for cluster in made.clusters}


def test_issues_are_in_order_and_each_has_charts():
    """Every issue of a release has a card under its lasting key, worst first, with a chart for each of its curves."""
    analysis = typical()
    read, keys = Reader(page(analysis)), lasting(analysis)
    cards = [(found["id"], found["class"].split()[-1]) for found in read.named("article") if "card" in found["class"]]
    worse = [cluster for severity in Severity for cluster in clusters(view(analysis), severity)]
    assert cards[: len(worse)] == [(f"issue-{keys[cluster.id]}", cluster.severity.value) for cluster in worse]
    drawn = {attributes["data-fact"] for attributes in read.named("figure") if attributes["class"] == "panel"}
    assert drawn == {f"/curves/{index}" for cluster in analysis.clusters for index in cluster.curves}


def test_all_curves_are_rows_of_the_table():
    """Every curve of the comparison is one row of the table, whether it changed or not."""
    analysis = typical()
    rows = {attributes.get("id") for attributes in Reader(page(analysis)).named("tr")}
    assert {f"curve-{curve.index}" for curve in analysis.curves.curves} <= rows


@pytest.mark.parametrize("make", [examples, *VARIANTS.values()])
def test_every_class_is_a_word_of_the_style(make):
    """No class on the page is one that the style sheet does not know: nothing is black for want of a colour."""
    classes = {word for _, found in Reader(page(make())).elements for word in (found.get("class") or "").split()}
    known = set(re.findall(r"\.([a-z][\w-]*)", asset("page.css")))
    assert classes - known <= {"arrow", "high", "medium"}  # named for readers of the source


def test_hypotheses_are_marked_as_such():
    """What is said for a cause stands in a section that begins with what it is read from, and cards call it likely."""
    text = page(typical())
    told = text[text.index('id="causes"') :]
    assert told.index(html.escape(wording.NO_TRACES)) < told.index("Work that grows with the number of objects")
    assert text.index("<dt>Likely causes</dt>") < text.index("Work that grows with the number of objects")


def test_the_page_calls_a_product_as_its_people_do():
    """The heading and the title of a page keep a product's letters, whatever script they are of."""
    made = typical()
    named = structs.replace(made, candidate=structs.replace(made.candidate, product_name="Магазин 店"))
    text = page(named)
    assert re.search(r"<h1><span[^>]*>Магазин 店</span>", text)
    assert "<title>Магазин 店 " in text


def test_thousands_of_findings_are_counted_not_listed():
    """A page of 5,000 findings stays under 1 MB and says how much it leaves out."""
    text = page(many())
    assert len(text.encode()) < MEGABYTE
    left_out = int(re.search(r"… and ([\d,]+) curves more, in", text)[1].replace(",", ""))
    assert left_out + text.count('<tr id="curve-') == 5000
    assert "too large to be put into this page" in text


def test_findings_of_no_cluster_are_listed():
    """A finding that belongs to no cluster is still told, and of many how many are left out."""
    plans = [regressed(f"GET /api/{number}") for number in range(12)]
    made = structs.replace(analysis(plans, decision(Verdict.BLOCK)), clusters=())
    text = page(made)
    assert "latency, p(95)" in text[text.index(">R10:</b>") :]
    assert "2 more</span>, in result_v2.json." in text


def test_many_gaps_and_notices_are_counted():
    """Of hundreds of differences in coverage and dozens of notices the first are shown, the others counted."""
    made = structs.replace(typical(), coverage=COVERAGE[:1] * 200, notices=typical().notices * 20)
    text = page(made)
    assert "192 more</span>, in result_v2.json." in text
    assert "32 more</span>, in result_v2.json." in text


def test_unnumbered_loads_are_shown_as_written():
    """Categories without numbers stand under their charts as the job wrote them."""
    made = analysis([regressed()], decision(Verdict.BLOCK))
    curve = structs.replace(made.curves.curves[0], numbered=False)
    curves = structs.replace(made.curves, curves=(curve,), label=tuple("abcdefghij"))
    text = page(structs.replace(made, curves=curves))
    assert ">a</text>" in text
    assert ">j</text>" in text


# ── safe ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", VARIANTS)
def test_nothing_is_loaded_from_outside(name):
    """No element or style asks for anything outside the page, and only our own anchors and the data are links."""
    read = Reader(page(VARIANTS[name]()))
    for element, attributes in read.elements:
        assert not {"src", "srcset", "action", "style", "xlink:href", "background", "ping"} & set(attributes)
        assert not [key for key in attributes if key.startswith("on")]
        assert attributes.get("href", "#").startswith("#") or element == "link" or "download" in attributes
    assert [attributes["href"] for attributes in read.named("link")] == ["data:,"]
    assert not re.search(r"url\(|@import|https?:|fetch\(|XMLHttp|innerHTML|eval", asset("page.css") + page_script())


@pytest.mark.parametrize("text", EVIL, ids=["markup", "attribute", "end tags", "scheme", "control"])
def test_hostile_text_adds_no_element(text):
    """Text from a job changes what is read, never which elements and attributes there are."""
    read, plain = Reader(page(hostile(text))), Reader(page(hostile("plain")))
    assert {name for name, _ in read.elements} == {name for name, _ in plain.elements}
    assert {key for _, found in read.elements for key in found} == {key for _, found in plain.elements for key in found}
    assert len(read.named("script")) == 1
    assert not any(char in page(hostile(text)) for char in "\x00\x1b\u202e\u200b")


def test_policy_allows_the_pages_own_style_and_script_only():
    """The policy names the hashes of exactly the style and the script in the page, after the character set."""
    text = page(typical())
    heads = Reader(text).named("meta")
    assert heads[0] == {"charset": "utf-8"}
    assert heads[1]["http-equiv"] == "Content-Security-Policy"
    policy = dict(part.split(" ", 1) for part in heads[1]["content"].split("; "))
    for name in ("script", "style"):
        inner = text.split(f"<{name}>")[1].split(f"</{name}>")[0]
        digest = base64.b64encode(sha256(inner.encode()).digest()).decode()
        assert policy.pop(f"{name}-src") == f"'sha256-{digest}'"
    assert policy == {"default-src": "'none'", "img-src": "data:", "base-uri": "'none'", "form-action": "'none'"}


def test_copy_for_another_origin_holds_no_script():
    """The copy without scripts has no script, no form that would need one, and a policy that allows none."""
    read = Reader(page(typical(), scripts=False))
    assert not read.named("script")
    assert not read.named("form")
    assert "script-src" not in read.named("meta")[1]["content"]


@given(st.text(max_size=60))
def test_any_text_and_attribute_comes_back_as_it_was(text):
    """Text put into an element or an attribute is read back whole, whatever characters it has."""
    read = Reader(el("p", text, title=text) + tag("input", value=text))
    assert "".join(part for part, *_ in read.texts) == clean(text)
    assert [attributes for _, attributes in read.elements] == [{"title": clean(text)}, {"value": clean(text)}]


def test_html_is_not_escaped_twice():
    """What is HTML already is taken as it is, next to text that is not."""
    assert el("p", Html("<b>x</b>"), " & y", class_="n", hidden=None) == '<p class="n"><b>x</b> &amp; y</p>'


def test_endpoints_break_behind_slashes_and_dim_what_they_share():
    """An endpoint may break behind each slash, and what all share is set apart from what tells them apart."""
    shown = path("GET /api/v2/jobs", "/api/v2/")
    assert shown == '<b class="verb">GET</b> <span class=dim>/<wbr>api/<wbr>v2/<wbr></span>jobs'
    assert path("GET /jobs", "/api/") == '<b class="verb">GET</b> /<wbr>jobs'
    assert path("no <b>endpoint") == "no &lt;b&gt;endpoint"


# ── numbers that can be checked ─────────────────────────────────────────────────────────────────────────────────────


def forms(value, curve):
    """Every way the page may print a number of the results file."""
    told = {f"{value:,}", str(value), numbers.format_change(value), numbers.format_percent(abs(value))}
    told |= {f"q {numbers.format_probability(value)}", numbers.format_slowdown(value).partition(" slower")[0]}
    unit, written = (curve["base_unit"], curve["unit"]) if curve else ("s", "")
    return told | {clean(numbers.format_value(value, unit, written))}


@pytest.mark.parametrize("make", [examples, *VARIANTS.values()])
def test_every_fact_is_in_the_results_file_and_printed_as_it_is(make):
    """Each anchor leads to a place in the results file, and where a number stands there, the text beside it has it."""
    analysis = make()
    document, checked = result_document(analysis), 0
    for fact, text in Reader(page(analysis)).scalars:
        value, (first, *rest) = at(document, fact), fact.strip("/").split("/")
        curve = document["curves"][int(rest[0])]["curve"] if first == "curves" and rest else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            assert any(form in text for form in forms(value, curve)) or (value == 0 and "no " in text), (fact, value)
            checked += 1
    assert checked > 10


@pytest.mark.parametrize("make", [typical, remembered, examples])
def test_every_value_of_the_report_is_on_the_page_as_it_prints(make):
    """The page says what the report says: every value stands on it in its one printed form, anchored at its place."""
    analysis = make()
    told = Reader(page(analysis)).scalars
    values = {piece for said in sentences(build(view(analysis))) for piece in said if isinstance(piece, Value)}
    assert {(one.at, clean(one.text)) for one in values if one.at} <= set(told)


OF_WORDS = (
    r"result_v2.json|perftracker-ai [\d.]+|; \d more|at \d+ policies|at \d+ threads?|\(action \d+\)|below 100 ms"
    r"|one request in \d+|\(\d+ % interval|takes 100 ms|100 % slower"
)
"""Numbers in words of ours: constants, and what is derived from a name."""


@pytest.mark.parametrize("make", [typical, remembered, examples])
def test_no_number_is_without_a_fact(make):
    """Every digit a reader sees belongs to an element, or a group of them, that says where it comes from."""
    unseen = {"style", "script", "title", "caption", "code"}
    stray = {
        text
        for text, inside, anchored in Reader(page(make())).texts
        if not anchored and not unseen & set(inside) and re.search(r"\d", re.sub(OF_WORDS, "", text))
    }
    constant = "where noise alone would put 95 % of the candidate's points"
    assert {text for text in stray if not text.startswith("Along the load, ")} == {constant}


def test_data_to_take_along_is_the_results_file():
    """What the page offers for download unpacks to the bytes of the results file."""
    analysis = typical()
    links = [found for found in Reader(page(analysis)).named("a") if found.get("download", "").endswith(".gz")]
    packed = base64.b64decode(links[0]["href"].partition("base64,")[2])
    assert gzip.decompress(packed) == result_json(analysis)
    assert links[0]["download"] == "result_v2.json.gz"


def unpacked(made):
    """What the page offers for download."""
    links = [found for found in Reader(made).named("a") if found.get("download", "").endswith(".gz")]
    return json.loads(gzip.decompress(base64.b64decode(links[0]["href"].partition("base64,")[2])))


def test_data_of_a_large_run_are_whole_but_for_the_times_of_its_points(monkeypatch):
    """Of results too large for a page all is taken along but when each point was measured, and the page says so."""
    made, analysis = examples(), result_json(examples())
    monkeypatch.setattr("perftracker_ai.render.page.download.WHOLE", len(analysis) - 1)
    shown = page(made)
    taken, kept = unpacked(shown), json.loads(analysis)
    read_result(json.dumps(taken).encode(), "result_v2.json")
    for one, whole in zip(taken["curves"], kept["curves"], strict=True):
        for name in ("begin", "end"):
            assert [len(row) for row in one[name]] == [len(row) for row in whole[name]]
            assert {value for row in one.pop(name) for value in row} == {None}
            whole.pop(name)
    assert taken == kept
    assert "When each point was measured stands in result_v2.json" in shown


# ── words of a language model ───────────────────────────────────────────────────────────────────────────────────────

AUTHOR = Author(model="some-model", digest="", window=8192, prompt_tokens=None, answer_tokens=None, seed=7)


def narrated(*passages):
    made = (Passage(part=part, cluster=cluster, pieces=pieces) for part, cluster, pieces in passages)
    return Narration(passages=tuple(made), choices=(), refused=0, dropped=0, repaired=0, author=AUTHOR)


NARRATION = narrated(
    (Part.COMMENTARY, "", (Piece(text="Slower by ", fact=""), Piece(text="+150 %", fact="F12"))),
    (Part.REMARK, "C1", (Piece(text="<b>none</b>", fact=""),)),
    (Part.REMARK, "C1", (Piece(text="Worst above ", fact=""), Piece(text="6000 policies", fact="F13"))),
)


def test_narration_is_marked_and_its_figures_are_anchored():
    """What a model wrote says so, its figures carry the ids of their facts, and markup in it is plain text."""
    text = page(typical(), narration=NARRATION)
    told = text[text.index('id="commentary"') : text.index('id="issues"')]
    assert '<span data-fact="#F12">+150 %</span>' in told
    assert '<span data-fact="#F13">6000 policies</span>' in told
    assert told.count("†") == len(NARRATION.passages)
    assert "the judgement is the model&#x27;s and is not verified" in told
    assert "&lt;b&gt;none&lt;/b&gt;" in told
    assert "the language model some-model (window 8,192, seed 7)" in text
    assert "No language model was used" not in text


def test_without_narration_the_page_says_so():
    """Without a language model there is no section of its words, and the foot says that none was used."""
    text = page(typical())
    assert 'id="commentary"' not in text
    assert "No language model was used" in text


# ── small ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_page_of_the_examples_is_small():
    """The page of the bundled jobs, data and charts included, is well under 1 MB."""
    assert len(page(examples()).encode()) < 0.7 * MEGABYTE


@pytest.mark.skipif(not SHARED.exists(), reason="the large jobs are not here")
def test_page_of_a_large_run_is_small():
    """A run of 8,200 tests gives a page under 1 MB, with its data to take along, and a report of 3,000 words."""
    analysis = judged(SHARED, "rerun.json.gz", "candidate.json.gz", "baseline.json.gz")
    text = page(analysis)
    assert len(markdown(build(view(analysis))).split()) <= 3000
    assert len(text.encode()) < MEGABYTE
    assert unpacked(text)["summary"]["curves_total"] == len(unpacked(text)["curves"])


# ── what earlier jobs say ───────────────────────────────────────────────────────────────────────────────────────────


def part(text, start, stop):
    """What of a page lies between two marks of it."""
    return text[text.index(start) : text.index(stop)]


def past_of(made, **changes):
    """The same analysis with another history."""
    return structs.replace(made, chronicle=structs.replace(made.chronicle, **changes))


def test_an_issue_says_on_the_page_since_when_it_is_there():
    """The table has it in few words, the card in full with a drawing, and each is anchored at its onset."""
    made = remembered()
    text, keys = page(made), lasting(made)
    first, second = (f'id="issue-{keys[one]}"' for one in ("C1", "C2"))
    table, card = part(text, 'class="glance"', "</header>"), part(text, first, second)
    assert '<span data-fact="/chronicle/onsets/0">since 1.65-5003, job 85809</span>' in table
    assert "since 1.65-5003 (job 85809, 2026-06-03), 3 weeks before the candidate; last good 1.65-5002" in card
    assert '<title id="past0-t">PUT /api/policies/{id}/settings: cost over 30 jobs</title>' in card
    assert "from 2026-05-25 to 2026-06-23: between -4 % and +154 %. Since 1.65-5003, job 85809." in card
    assert ">first job at the new level<" in text


def test_what_creeps_is_drawn_as_a_slope():
    """A creep has no first job: beneath its words a line rises to its size, described and without a step."""
    told = part(page(remembered()), 'id="patterns"', 'id="coverage"')
    assert re.search(r"Creeping since .*? creeping cost</title>", told)
    assert told.count('class="trend"') == 1
    assert 'class="onset"' not in told


def test_an_issue_that_creeps_has_a_slope_in_its_strip():
    """Where a creep makes the first job of an issue doubtful, its strip shows the slope and names no job."""
    made = remembered()
    first = next(one for one in made.clusters if one.id == "C1")
    creep = Drift(endpoint=first.endpoint, curves=("a",), slowdown=0.4, low=0.3, high=0.5)
    past = structs.replace(made.chronicle.patterns, creeps=(creep,), shifts=())
    card = part(page(past_of(made, patterns=past)), 'id="issues"', 'id="actions"')
    drawn = card[card.index('id="past0-t"') :].partition("</svg>")[0]
    assert 'class="trend"' in drawn
    assert 'class="onset"' not in drawn


def test_a_year_of_jobs_adds_little():
    """A strip of 120 jobs for every issue that is told in full adds less than 100 kB to a page."""
    made, jobs = many(40, 20), nights(120)
    onsets = tuple(onset(number, jobs, 60 + number) for number in range(1, 21))
    told = structs.replace(made, chronicle=Chronicle(jobs=jobs, onsets=onsets, patterns=patterns(jobs), oldest=jobs[0]))
    assert page(told).count('class="onset"') >= sum(ENTRIES.values())
    assert len(page(told)) - len(page(made)) < 100_000
