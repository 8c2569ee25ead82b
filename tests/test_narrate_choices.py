"""Choices: whatever a model picks, only what the facts bear out is said, in the program's words; the rest counts."""

from __future__ import annotations

import random

import analyses
import jsonschema
import narration
import pytest
from msgspec import structs

from perftracker_ai.model.narration import Choice, Chosen, Narration, Piece
from perftracker_ai.narrate.choices import FIRST, PROPERTIES, TAKE_AWAY, TOGETHER, forms, judged, takeable
from perftracker_ai.narrate.values import Why
from perftracker_ai.render.markdown import markdown
from perftracker_ai.report.value import plain, sentences


def related():
    """A sheet of four issues with everything they could share, or not."""
    made = narration.busy_sheet()
    traits = (
        {Why.ONSET: "6000 policies", Why.THREADS: "16 threads only", Why.METRIC: "latency", Why.TAIL: "/search"},
        {Why.ONSET: "6000 policies", Why.THREADS: "16 threads only", Why.METRIC: "latency", Why.TAIL: "/search"},
        {Why.ONSET: "4000 policies", Why.THREADS: "1 thread only", Why.METRIC: "rate", Why.SHAPE: "step at a load"},
    )
    paths = ("/api/v2/drafts/a/search", "/api/v2/drafts/b/search", "/api/v2/other")
    causes = made.topics[0].causes
    topics = [
        structs.replace(
            topic, traits=held, path=path, causes=causes, when="this release", severity=made.topics[1].severity
        )
        for topic, held, path in zip(made.topics, traits, paths, strict=False)
    ]
    return structs.replace(made, topics=(*topics, *made.topics[3:]), depth=3, narrated=("C1", "C2", "C3"))


def said(choice):
    return "".join(piece.text for piece in choice.pieces)


def chosen(sheet, **picked):
    found = judged(picked, sheet)
    return [said(choice) for choice in found.choices], found.dropped


# ── put together ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("path", "C1 and C2: both are under /api/v2/drafts."),
        ("onset", "C1 and C2: both begin at 6000 policies."),
        ("threads", "C1 and C2: both show with 16 threads only."),
        ("metric", "C1 and C2: both show in one kind of metric only, latency."),
        ("tail", "C1 and C2: both end in /search."),
    ],
)
def test_issues_are_put_together_for_what_they_share(why, words):
    """What a model puts together is said where it is so, with what it is, whatever the order of the ids."""
    assert chosen(related(), a_together=[{"issues": ["C2", "C1"], "why": why}]) == ([words], 0)


@pytest.mark.parametrize("why", [*Why, "taste", "", 3, None, ["path"]])
def test_a_false_reason_puts_nothing_together(why):
    """Issues that do not share what is said are not put together, whatever else they share; it is counted."""
    sheet = related()
    if why != Why.CAUSE:
        assert chosen(sheet, a_together=[{"issues": ["C1", "C3"], "why": why}]) == ([], 1)


@pytest.mark.parametrize(
    "issues", [[], ["C1"], ["C1", "C1"], ["C1", "C99"], ["C1", 2], "C1", None, {"C1": "C2"}, [["C1"], ["C2"]]]
)
def test_a_group_of_anything_else_is_none(issues):
    """Fewer than two issues, or one that is not asked about, are no group."""
    assert chosen(related(), a_together=[{"issues": issues, "why": "threads"}]) == ([], 1)


def test_more_than_a_few_groups_are_no_choice():
    """What is beyond the number asked for is dropped, and what is said twice stands once."""
    group = {"issues": ["C1", "C2"], "why": "threads"}
    assert chosen(related(), a_together=[group] * 9) == (["C1 and C2: both show with 16 threads only."], 5)


# ── checks and causes ───────────────────────────────────────────────────────────────────────────────────────────────


def test_one_check_serves_the_issues_its_cause_is_proposed_for():
    """A check is said once for several issues, in the catalogue's words; not for a cause nobody proposes."""
    sheet = related()
    ((told,), dropped) = chosen(sheet, b_experiments=[{"cause": "data_size", "issues": ["C1", "C3"]}])
    assert told.startswith("One check serves C1 and C3, for which the same cause is proposed, Work that depends on")
    assert told.endswith(sheet.find("catalogue", "confirm data_size").text)
    assert dropped == 0
    assert chosen(sheet, b_experiments=[{"cause": "leak", "issues": ["C1", "C3"]}]) == ([], 1)


def test_a_model_breaks_ties_only():
    """Of causes of one strength a model names the first to check; a weaker one is never put before a stronger."""
    sheet = related()
    assert FIRST not in forms(sheet)  # moderate and weak: nothing to choose
    assert judged({FIRST: {"C1": "contention"}}, sheet) == ((), 0)
    first, *others = sheet.topics
    strength = first.causes[0].strength
    equal = tuple(structs.replace(cause, strength=strength) for cause in first.causes)
    tied = structs.replace(sheet, topics=(structs.replace(first, causes=equal), *others))
    assert chosen(tied, c_check_first={"C1": "contention", "C2": "contention"}) == (
        ["Of the equally supported causes of C1 check first: Contention."],
        1,
    )


# ── order ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("order", "words", "dropped"),
    [
        (["C3", "C1", "C2"], ["Of the severe issues (this release), take C3, then C1, then C2."], 0),
        (["C2", "C1", "C2"], ["Of the severe issues (this release), take C2, then C1."], 0),
        (["C1", "C2", "C3"], [], 0),  # as it is: nothing is added
        (["C2", "C99"], [], 1),
    ],
)
def test_an_order_among_equals_is_said(order, words, dropped):
    """Issues of one priority may be taken in another order, which is said; the program's own needs no words."""
    assert chosen(related(), d_order=order) == (words, dropped)


def test_what_is_worse_stays_first():
    """An order that puts a lesser priority before a graver one is dropped as a whole."""
    sheet = narration.busy_sheet()
    assert sheet.topic["C1"].when != sheet.topic["C2"].when
    assert chosen(sheet, d_order=["C2", "C1"]) == ([], 1)


# ── what to take away ───────────────────────────────────────────────────────────────────────────────────────────────


def test_facts_are_taken_away_in_the_models_order():
    """Up to five facts are said, each with its issue and place; what is no such fact is dropped."""
    sheet = narration.busy_sheet()
    ids = [sheet.find("C2", "slowdown").id, sheet.find("run", "issues").id, sheet.find("run", "verdict").id, "F9999"]
    told, dropped = chosen(sheet, e_take_away=ids)
    assert told == [
        f"C2 {sheet.find('C2', 'endpoint').text}: 62 % slower (4000–7000 policies, 1 thread)",
        f"Found: {sheet.find('run', 'issues').text}",
    ]
    assert dropped == 2
    every = [fact.id for fact in takeable(sheet)]
    assert len(judged({TAKE_AWAY: every}, sheet).choices) == 5


# ── any answer ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_fits_the_form_is_described_and_judged():
    """Every property of the form is known to the judge, and the shortest answer of the form adds nothing."""
    sheet = related()
    assert set(forms(sheet)) <= set(PROPERTIES)
    empty = {name: [] if form["type"] == "array" else {} for name, form in forms(sheet).items()}
    for name, form in forms(sheet).items():
        jsonschema.validate(empty[name], form)
    assert judged(empty, sheet) == ((), 0)


JUNK = [
    None,
    0,
    "",
    "C1",
    [],
    {},
    [None],
    [[]],
    {"C1": None},
    [{"issues": {}}],
    [{"why": []}],
    "x" * 999,
    [["C1", "C2"]],
]


@pytest.mark.parametrize("name", PROPERTIES)
@pytest.mark.parametrize("value", JUNK, ids=range(len(JUNK)))
def test_a_choice_of_any_form_is_no_fault(name, value):
    """What is not of the form asked for says nothing, and ends in no fault."""
    for sheet in (related(), narration.quiet_sheet()):
        assert all(choice.kind is Chosen.ORDER or said(choice) for choice in judged({name: value}, sheet).choices)


def test_whatever_is_picked_is_true():
    """Of a thousand random groups each one that is said shares what is said, by the issues' own facts."""
    rng, sheet = random.Random(1), related()
    for _ in range(1000):
        why = rng.choice(list(Why))
        issues = rng.sample(["C1", "C2", "C3"], rng.randint(2, 3))
        told, _ = chosen(sheet, **{TOGETHER: [{"issues": issues, "why": why}]})
        held = {sheet.topic[name].traits.get(why) for name in issues}
        if why not in (Why.PATH, Why.CAUSE):
            assert bool(told) == (len(held) == 1 and None not in held)
            assert not told or all(name in told[0] for name in issues)


@pytest.mark.parametrize(
    ("kind", "section"),
    [
        (Chosen.TAKE_AWAY, "summary"),
        (Chosen.EXPERIMENT, "causes"),
        (Chosen.FIRST, "causes"),
        (Chosen.ORDER, "actions"),
        (Chosen.TOGETHER, "patterns"),
    ],
)
def test_a_choice_stands_in_its_section_under_the_models_name(kind, section):
    """What was chosen is said once, where it belongs, with who chose it, and what was dropped is counted."""
    choice = Choice(kind=kind, pieces=(Piece(text="Said of ", fact=""), Piece(text="C1", fact="C1")))
    made = narration.busy_analysis()
    told = Narration(passages=(), choices=(choice,), refused=0, dropped=2, repaired=0, author=narration.AUTHOR)
    report = analyses.report(made, told)
    alone = structs.replace(report, sections=(report.section(section),))
    assert [plain(said) for said in sentences(alone)].count("Said of C1") == 1
    text = markdown(report)
    assert text.count("Said of C1") == 1
    assert f"chosen by {narration.AUTHOR.model}, verified and worded by the program." in text
    assert "2 choices that the facts do not bear out were dropped" in text
