"""The page as text: what it holds, that it is safe and small, and that its numbers are those of the results file."""

import base64
import gzip
import html
import re
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest
from analyses import (
    COVERAGE,
    VARIANTS,
    analysis,
    crept,
    decision,
    hostile,
    many,
    nights,
    onset,
    patterns,
    quiet,
    regressed,
    remembered,
    typical,
)
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from pages import EVIL, examples, judged, page

from perftracker_ai.model import Author, Narration, Outcome, Part, Passage, Piece, Severity, Verdict
from perftracker_ai.model.history import Chronicle
from perftracker_ai.render.html import asset
from perftracker_ai.render.page import facts
from perftracker_ai.render.page.markup import Html, el, from_markdown, path, tag
from perftracker_ai.report.view import clusters, view
from perftracker_ai.results.write import result_document, result_json
from perftracker_ai.words import numbers
from perftracker_ai.words.text import clean, md

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
    """The verdict and every rule that fired are told before the first section."""
    analysis = VARIANTS[name]()
    top = "".join(text for text, *_ in Reader(page(analysis).split("<main>")[0] + "</body></html>").texts if text)
    assert analysis.decision.verdict.value in top
    assert all(clean(rule.because) in top for rule in analysis.decision.rules if rule.fired)


def test_same_analysis_same_page():
    """The same analysis, made anew, gives the same page to the byte."""
    assert page(typical()) == page(typical())


def test_issues_are_in_order_and_each_has_charts():
    """Every issue of a release has a card, worst first, with a chart for each of its curves."""
    analysis = typical()
    read = Reader(page(analysis))
    cards = [attributes["class"] for attributes in read.named("article")]
    worse = [cluster for severity in Severity for cluster in clusters(view(analysis), severity)]
    assert cards[: len(worse)] == [f"card {cluster.severity.value}" for cluster in worse]
    drawn = {attributes["data-fact"] for attributes in read.named("figure") if attributes["class"] == "panel"}
    assert drawn == {f"/curves/{index}" for cluster in analysis.clusters for index in cluster.curves}


def test_all_curves_are_rows_of_the_table():
    """Every curve of the comparison is one row of the table, whether it changed or not."""
    analysis = typical()
    rows = {attributes.get("id") for attributes in Reader(page(analysis)).named("tr")}
    assert {f"curve-{curve.index}" for curve in analysis.curves.curves} <= rows


def test_hypotheses_are_marked_as_such():
    """A hypothesis never stands without the words that it is no finding."""
    text = page(typical())
    assert text.index("Hypotheses, not findings.") < text.index("Work that grows with the number of objects")


def test_the_page_calls_a_product_as_its_people_do():
    """The heading and the title of a page keep a product's letters, whatever script they are of."""
    made = typical()
    named = structs.replace(made, candidate=structs.replace(made.candidate, product_name="Магазин 店"))
    assert '<span class="product"' in (text := page(named))
    assert re.search(r'<span class="product"[^>]*>Магазин 店 </span>', text)
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
    assert "R10. latency, p(95)" in text
    assert "… and 2 more, in the table of all curves." in text


def test_many_gaps_and_notices_are_counted():
    """Of hundreds of differences in coverage and dozens of notices the first are shown, the others counted."""
    made = structs.replace(typical(), coverage=COVERAGE[:1] * 200, notices=typical().notices * 20)
    text = page(made)
    assert "… and 50 more, in the results file." in text
    assert "… and 20 more notices in the results file." in text


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
    assert not re.search(r"url\(|@import|https?:|fetch\(|XMLHttp|innerHTML|eval", asset("page.css") + asset("page.js"))


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
def test_markdown_of_ours_reads_the_same_as_html(text):
    """Foreign text that went through our Markdown reads in the page as it would have without."""
    read = Reader(f"<p>{from_markdown(f'**a** *b* {md(text)}')}</p>")
    shown = "".join(part for part, *_ in read.texts).replace("\xa0", " ")
    assert shown == f"a b {clean(text)}"
    assert [name for name, _ in read.elements] == ["p", "strong", "em"]


@given(st.text(max_size=60))
def test_any_text_and_attribute_comes_back_as_it_was(text):
    """Text put into an element or an attribute is read back whole, whatever characters it has."""
    read = Reader(el("p", text, title=text) + tag("input", value=text))
    assert "".join(part for part, *_ in read.texts) == clean(text)
    assert [attributes for _, attributes in read.elements] == [{"title": clean(text)}, {"value": clean(text)}]


def test_html_is_not_escaped_twice():
    """What is HTML already is taken as it is, next to text that is not."""
    assert el("p", Html("<b>x</b>"), " & y", class_="n", hidden=None) == '<p class="n"><b>x</b> &amp; y</p>'


def test_emphasis_left_open_is_closed():
    """A line whose emphasis never ends cannot reach into what follows it."""
    assert from_markdown("a **b *c") == "a <strong>b <em>c</em></strong>"


def test_endpoints_break_behind_slashes_and_dim_what_they_share():
    """An endpoint may break behind each slash, and what all share is set apart from what tells them apart."""
    shown = path("GET /api/v2/jobs", "/api/v2/")
    assert shown == '<b class="verb">GET</b> <span class=dim>/<wbr>api/<wbr>v2/<wbr></span>jobs'
    assert path("GET /jobs", "/api/") == '<b class="verb">GET</b> /<wbr>jobs'
    assert path("no <b>endpoint") == "no &lt;b&gt;endpoint"


# ── numbers that can be checked ─────────────────────────────────────────────────────────────────────────────────────


SENTENCES = {"/mirrored", "/summary/curves_total"}
"""Numbers that are told in a sentence of their own."""


def forms(value):
    """Every way the page may print a number of the results file."""
    told = {f"{value:,}", str(value), numbers.format_change(value), numbers.format_percent(value)}
    return told | {f"q {numbers.format_probability(value)}"}


@pytest.mark.parametrize("make", [examples, *VARIANTS.values()])
def test_every_fact_is_in_the_results_file_and_printed_as_it_is(make):
    """Each anchor leads to a place in the results file, and a number anchored alone is the number found there."""
    analysis = make()
    document, checked = result_document(analysis), 0
    for fact, text in Reader(page(analysis)).scalars:
        value = at(document, fact)
        if fact in SENTENCES:
            assert not value or re.search(rf"\b{value:,} curve", text)
        elif isinstance(value, int | float):
            assert text in forms(value), (fact, value)
            checked += 1
    assert checked > 10


def test_values_at_the_worst_point_are_those_of_the_results_file():
    """The pair of values shown for a finding is the one the results file holds for its worst point."""
    analysis = examples()
    document, checked = result_document(analysis), 0
    for fact, text in Reader(page(analysis)).scalars:
        if fact.endswith("/worst_point"):
            finding, point = at(document, "/".join(fact.split("/")[:3])), at(document, fact)
            unit, written = finding["unit"], finding["written_unit"]
            assert text == numbers.format_pair(point["baseline"], point["candidate"], unit, written)
            checked += 1
    assert checked > 20


@pytest.mark.parametrize("make", [typical, remembered, examples])
def test_no_number_is_without_a_fact(make):
    """Every digit a reader sees belongs to an element, or a group of them, that says where it comes from."""
    unseen = {"style", "script", "title", "h2", "legend", "code"}
    stray = [
        text
        for text, inside, anchored in Reader(page(make())).texts
        if re.search(r"\d", text) and not anchored and not unseen & set(inside)
    ]
    assert stray == ["where noise alone would put 95 % of the candidate's points"]  # a constant of the drawing


def test_data_to_take_along_is_the_results_file():
    """What the page offers for download unpacks to the bytes of the results file."""
    analysis = typical()
    links = [found for found in Reader(page(analysis)).named("a") if "download" in found]
    packed = base64.b64decode(links[0]["href"].partition("base64,")[2])
    assert gzip.decompress(packed) == result_json(analysis)
    assert links[0]["download"] == "result_v2.json.gz"


def test_worst_point_of_an_unlisted_curve_has_a_place():
    """An unchanged curve, which the results file does not list as a finding, is anchored at its window."""
    unchanged = view(typical()).findings[Outcome.UNCHANGED][0]
    assert facts.of_worst_point(unchanged) == f"/curves/{unchanged.curve.index}/result/windows/0"


# ── words of a language model ───────────────────────────────────────────────────────────────────────────────────────

AUTHOR = Author(model="some-model", digest="", window=8192, prompt_tokens=None, answer_tokens=None, seed=7)


def narrated(*passages, chosen=()):
    made = (Passage(part=part, cluster=cluster, pieces=pieces) for part, cluster, pieces in passages)
    return Narration(passages=tuple(made), chosen=chosen, asked=9, repaired=0, author=AUTHOR)


NARRATION = narrated(
    (Part.SUMMARY, "", (Piece(text="Slower by ", fact=""), Piece(text="+150 %", fact="F12"))),
    (Part.ACTION, "C1", (Piece(text="<b>none</b>", fact=""),)),
    (Part.REMARK, "C1", (Piece(text="Worst above ", fact=""), Piece(text="6000 policies", fact="F13"))),
)


def test_narration_is_marked_and_its_figures_are_anchored():
    """What a model wrote says so, its figures carry the ids of their facts, and markup in it is plain text."""
    text = page(typical(), narration=NARRATION)
    assert '<span data-fact="F12">+150 %</span>' in text
    assert text.count("† written by a language model, checked against the facts") == 2
    assert "&lt;b&gt;none&lt;/b&gt;" in text
    assert "the language model some-model (window 8,192, seed 7)" in text
    assert "No language model was used" not in text


def test_words_on_an_issue_stand_in_its_card():
    """A remark is read beside the charts it is about, and nowhere else."""
    text = page(typical(), narration=NARRATION)
    card = text[text.index('id="issue-1"') : text.index('id="issue-2"')]
    assert text.count("Worst above") == card.count("Worst above") == 1


def test_chosen_hypotheses_come_first_and_are_marked():
    """Of the hypotheses of an issue those that a model chose are told in full, marked, and the others are named."""
    analysis = examples()
    cluster = next(one for one in analysis.clusters if len(one.hypotheses) > 1)
    last = cluster.hypotheses[-1]
    text = page(analysis, narration=narrated(chosen=((cluster.id, (last.key,)),)))
    card = text[text.index(f'aria-label="Hypotheses on {cluster.id}"') :]
    assert card.index(f"{html.escape(last.title)} †") < card.index("Also possible: ")
    assert card.index("Also possible: ") < card.index(html.escape(cluster.hypotheses[0].title))


def test_every_number_of_a_narration_has_its_fact():
    """No digit of a model's passage stands outside of an element with the id of its fact."""
    reader = Reader(page(typical(), narration=NARRATION))
    told = [(text, anchored) for text, _, anchored in reader.texts if text in {"+150 %", "6000 policies"}]
    assert all(anchored for _, anchored in told)
    assert {text for text, _ in told} >= {"+150 %", "6000 policies"}


def test_without_narration_the_page_says_so():
    """Without a language model there is no section of its words, and the foot says that none was used."""
    text = page(typical())
    assert 'id="words"' not in text
    assert "No language model was used" in text


# ── small ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_page_of_the_examples_is_small():
    """The page of the bundled jobs, data and charts included, is well under 1 MB."""
    assert len(page(examples()).encode()) < MEGABYTE / 2


@pytest.mark.skipif(not SHARED.exists(), reason="the large jobs are not here")
def test_page_of_a_large_run_is_small():
    """A run of 8,200 tests gives a page under 1 MB with all its data."""
    text = page(judged(SHARED, "rerun.json.gz", "candidate.json.gz", "baseline.json.gz"))
    assert len(text.encode()) < MEGABYTE
    assert 'download="result_v2.json.gz"' in text


# ── what earlier jobs say ───────────────────────────────────────────────────────────────────────────────────────────


def part(text, start, stop):
    """What of a page lies between two marks of it."""
    return text[text.index(start) : text.index(stop)]


def past_of(made, **changes):
    """The same analysis with another history."""
    return structs.replace(made, chronicle=structs.replace(made.chronicle, **changes))


def test_an_issue_says_on_the_page_since_when_it_is_there():
    """The table has it in few words, the card in full with a drawing, and each is anchored at its onset."""
    text = page(remembered())
    table, card = part(text, 'id="issues"', 'id="details"'), part(text, 'id="issue-1"', 'id="issue-2"')
    assert '<span class="sub" data-fact="/chronicle/onsets/0">Since 1.65-5003, job 85809</span>' in table
    assert "Since 1.65-5003 (job 85809, 2026-06-03), 3 weeks before the candidate; last good 1.65-5002" in card
    assert '<title id="past0-t">PUT /api/policies/{id}/settings: cost over 30 jobs</title>' in card
    assert "from 2026-05-25 to 2026-06-23: between -4 % and +154 %. Since 1.65-5003, job 85809." in card
    assert ">first job at the new level<" in text


def test_trends_are_a_table_with_a_place_in_the_navigation():
    """Each trend is a row anchored at its place in the results; an issue is not told again."""
    text = page(remembered())
    told = part(text, 'id="trends"', 'id="coverage"')
    assert 'href="#trends"' in text
    assert "The last 30 jobs of 10 versions, 2026-05-25 to 2026-06-23; 41 curves." in told
    facts_of_rows = re.findall(r'<tr data-fact="/chronicle/patterns/(\w+)/(\d)">', told)
    assert facts_of_rows == [("shifts", "1"), ("creeps", "0"), ("shifts", "2"), ("unrests", "0"), ("switchings", "0")]


def test_many_trends_are_counted_on_the_page():
    """Of each kind five are told, and how many more there are."""
    made = remembered()
    many_of_them = patterns(made.chronicle.jobs, [f"GET /{number}" for number in range(12)])
    assert page(past_of(made, patterns=many_of_them)).count("… and 7 more, in the results file.") == 5


def test_what_matters_most_of_the_history_stands_beside_the_verdict():
    """The top of the page tells the two worst, each anchored at its place in the results, and leads to the others."""
    top = part(page(crept()), "<header", "</header>")
    told = part(top, 'aria-label="History"', 'class="jobs"')
    assert re.findall(r'<li data-fact="/chronicle/patterns/(creeps/\d)">([^<]+)', told) == [
        ("creeps/0", "PUT /api/policies/{id}/settings creeps: +36.5\xa0% since 2026-05-25"),
        ("creeps/1", "POST /api/drafts creeps: +36.5\xa0% since 2026-05-25"),
    ]
    assert '<a href="#trends">1 more</a>' in told
    assert "No regression was found against the baseline." in top
    assert "Nothing became slower against the baseline in what was measured." in page(crept())
    assert "Creeping: PUT /api/policies/{id}/settings +36.5 % (+34.6 % to +38.4 %) since 2026-05-25; 1 more." in top


def test_a_history_in_which_nothing_matters_is_not_at_the_top():
    """Without a creep or step that matters the top of the page is as it is without a store."""
    assert 'aria-label="History"' not in page(past_of(remembered(), patterns=quiet()))


def test_a_quiet_history_is_a_sentence_on_the_page():
    """Where nothing happened the section says so, and has no table; where too little is known it claims nothing."""
    told = part(page(past_of(remembered(), patterns=quiet())), 'id="trends"', 'id="coverage"')
    assert "Besides the issues: No change, drift or unrest beyond chance." in told
    assert "<table" not in told
    assert "beyond chance" not in page(past_of(remembered(), patterns=quiet(too_short=41)))


def test_without_a_history_nothing_is_said_of_it():
    """Without a store there is neither section nor link, legend or row of it."""
    text = page(typical()).split("</style>")[1]
    assert not re.search(r"trends|Began|chronicle|first job at", text)


def test_a_year_of_jobs_adds_little():
    """14 issues with 120 jobs each add less than 100 kB to a page."""
    made, jobs = many(40, 20), nights(120)
    onsets = tuple(onset(number, jobs, 60 + number) for number in range(1, 21))
    told = structs.replace(made, chronicle=Chronicle(jobs=jobs, onsets=onsets, patterns=patterns(jobs), oldest=jobs[0]))
    assert page(told).count('class="onset"') == 14 + 1  # and the legend
    assert len(page(told)) - len(page(made)) < 100_000
