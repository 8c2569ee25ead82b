"""The verifier: honest answers pass, every lie of the bank is refused for its own reason, and spoils nothing else."""

from __future__ import annotations

import json

import analyses
import narration
import pytest
from answer_attacks import ATTACKS
from answer_bank import BUSY, HONEST_BUT_AGAINST_THE_RULES, LATER, QUIET_COUNT, busy, quiet

from perftracker_ai.model import Direction
from perftracker_ai.narrate.prompt import refused_sections
from perftracker_ai.narrate.prose import Kind
from perftracker_ai.narrate.sections import sections
from perftracker_ai.narrate.verify import merge, verify

HONEST = BUSY + QUIET_COUNT


@pytest.fixture(scope="module")
def sheet():
    return narration.busy_sheet()


@pytest.fixture(scope="module")
def honest(sheet):
    return narration.document(sheet, busy(0))


def attacked(sheet, section, text):
    """An honest answer with one section replaced."""
    texts = dict(busy(0))
    texts["risk." + section if "risk." + section in texts else section] = text
    made = narration.document(sheet, texts)
    return json.dumps(made)


def without_a_number_in_words(verified):
    return {violation.kind for violation in verified.violations} - {Kind.NUMBER_WORD}


# ── honest answers ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_honest_answers_are_accepted(sheet):
    """At least 95 % of 60 honest answers in many styles need no repair, and no other one is refused for a lie."""
    quiet_sheet = narration.quiet_sheet()
    judged = [verify(narration.answer(sheet, busy(number)), sheet) for number in range(BUSY)]
    judged += [verify(narration.answer(quiet_sheet, quiet(number)), quiet_sheet) for number in range(QUIET_COUNT)]
    accepted = sum(not verified.violations for verified in judged)
    assert len(judged) == HONEST == 60
    assert accepted >= 0.95 * HONEST
    assert not set().union(*map(without_a_number_in_words, judged))


@pytest.mark.parametrize(("section", "text"), LATER)
def test_sentences_in_the_style_of_models_are_accepted(sheet, section, text):
    """Honest sentences that were written after the verifier, in the way models write, are accepted."""
    assert not verify(attacked(sheet, section, text), sheet).violations


@pytest.mark.parametrize(("section", "text"), HONEST_BUT_AGAINST_THE_RULES)
def test_a_true_sentence_against_the_rules_is_refused(sheet, section, text):
    """What cannot be told from a lie by its words is refused even when it happens to be true."""
    assert verify(attacked(sheet, section, text), sheet).refused == {section}


def test_honest_answers_differ():
    """The bank's answers are sixty different ones, not one in many copies."""
    assert len({json.dumps(busy(number)) for number in range(BUSY)}) == BUSY


def test_an_accepted_answer_is_the_models_word_for_word(sheet):
    """What was accepted is kept as it was written."""
    verified = verify(narration.answer(sheet, busy(3)), sheet)
    assert verified.texts["headline"] == narration.with_slots(busy(3)["headline"], sheet)


# ── lies ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("section", "text", "kind"), [case[1:] for case in ATTACKS], ids=[case[0] for case in ATTACKS])
def test_a_lie_is_refused_for_its_reason_and_alone(sheet, section, text, kind):
    """The section with the lie is refused with the right kind; every other section of the answer is kept."""
    verified = verify(attacked(sheet, section, text), sheet)
    assert kind in {violation.kind.name for violation in verified.violations if violation.section == section}
    assert verified.refused == {section}


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_violation_is_met_by_an_attack(kind):
    """No kind stands there without a case that needs it."""
    whole = {"SCHEMA", "NOT_JSON"}
    assert kind.name in whole | {case[3] for case in ATTACKS}


@pytest.mark.parametrize(
    ("excerpt", "section", "text"),
    [
        ("104", "summary", "[C1:endpoint] is 104 % slower."),
        ("doubled", "C1.impact", "The waiting time doubled."),
        ("leak", "C1.remark", "It may be a leak."),
        ("U+202E", "summary", "Slow \u202e."),
    ],
)
def test_a_violation_names_the_words(sheet, excerpt, section, text):
    """A violation quotes what was wrong, printable, so that a model and a reader can find it."""
    found = [one.excerpt for one in verify(attacked(sheet, section, text), sheet).violations]
    assert any(excerpt in one for one in found) or all(one.isprintable() for one in found)
    assert all(one.isprintable() for one in found)


# ── answers that are none ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("", Kind.NOT_JSON),
        ("   ", Kind.NOT_JSON),
        ("I am sorry, I cannot do that.", Kind.NOT_JSON),
        ('{"g_headline": "The load is slower', Kind.NOT_JSON),
        ('{"error": "model runner has unexpectedly stopped"}', Kind.SCHEMA),
        ('{"g_headline": "x"}\n{"error": "stopped"}', Kind.NOT_JSON),
        ("[]", Kind.SCHEMA),
        ('"text"', Kind.SCHEMA),
        ("null", Kind.SCHEMA),
        ("{}", Kind.SCHEMA),
        ('{"headline": "x"}', Kind.SCHEMA),
        ('{"g_headline": NaN}', Kind.NOT_JSON),
        ('{"g_headline": "\\ud800"}', Kind.NOT_JSON),
        ("[" * 20_000, Kind.NOT_JSON),
        ('{"g_headline": "' + "slow " * 8000 + '"}', Kind.TOO_LONG),
        ("```json\n```", Kind.NOT_JSON),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) and not isinstance(value, Kind) else value.name,
)
def test_an_unusable_answer_is_refused_as_a_whole(sheet, answer, kind):
    """Cut, empty, foreign, wrong or 40 kB: the whole answer is refused, and nothing of it is used."""
    verified = verify(answer, sheet)
    assert [violation.kind for violation in verified.violations] == [kind]
    assert verified.refused == {""}
    assert not verified.texts


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9, 0.999])
def test_an_answer_cut_anywhere_is_refused(sheet, honest, cut):
    """An answer that ended at the limit of its tokens is never parsed as if it were whole."""
    text = json.dumps(honest)
    assert verify(text[: int(len(text) * cut)], sheet).refused == {""}


@pytest.mark.parametrize("fence", ["```json\n{}\n```", "```\n{}\n```", "\n```JSON\n{}```\n", "  {}  "])
def test_a_fence_is_taken_off(sheet, honest, fence):
    """JSON in a code fence counts as the JSON it holds."""
    assert not verify(fence.replace("{}", json.dumps(honest)), sheet).violations


@pytest.mark.parametrize("value", [1, [], {}, True, ["text"]])
def test_a_value_of_the_wrong_form_is_refused_alone(sheet, honest, value):
    """A number or a list where a text belongs refuses that section only."""
    verified = verify(json.dumps(honest | {"f_summary": value}), sheet)
    assert [(found.section, found.kind) for found in verified.violations] == [("summary", Kind.SCHEMA)]


def test_missing_sections_are_refused_as_missing(sheet, honest):
    """Sections that are not there are refused as empty, the others kept."""
    fewer = {name: honest[name] for name in ("f_summary", "g_headline")}
    verified = verify(json.dumps(fewer), sheet)
    assert set(verified.texts) == {"summary", "headline"}
    assert {violation.kind for violation in verified.violations} == {Kind.EMPTY}


@pytest.mark.parametrize("value", [None, "text", {"C1": "text"}, [1], [{"text": "x"}], [{"cluster": ["C1"]}]])
def test_actions_of_a_wrong_form_are_refused_alone(sheet, honest, value):
    """A broken list of actions refuses the actions only."""
    refused = verify(json.dumps(honest | {"d_actions": value}), sheet).refused
    assert refused >= {"C1.action", "C2.action", "C3.action"}
    assert all(key.endswith(".action") for key in refused)


def test_an_action_for_a_cluster_that_is_not_there_is_refused(sheet, honest):
    """An invented cluster in the list of actions is a violation and never printed."""
    actions = [*honest["d_actions"], {"cluster": "C99", "text": "Profile it."}]
    verified = verify(json.dumps(honest | {"d_actions": actions}), sheet)
    assert verified.refused == {"C99.action"}
    assert not refused_sections(sheet, verified)
    assert verified.order == ("C1", "C2", "C3")


# ── forms of slots ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("slot", ["{{C1}}", "{{ C1 }}", "{C1}", "C1"])
def test_near_forms_of_a_slot_are_slots(sheet, slot):
    """Single braces, blanks and a bare cluster id are what a hurried writer means by a slot."""
    verified = verify(attacked(sheet, "headline", f"{slot} is slower."), sheet)
    assert verified.texts["headline"] == "{{C1}} is slower."


@pytest.mark.parametrize("text", ["It is slower,\nand stays so.", "It is slower,\t and   stays so.", " It is slower. "])
def test_white_space_is_no_violation(sheet, text):
    """Line breaks and blanks in a text are made single blanks."""
    verified = verify(attacked(sheet, "C1.remark", text), sheet)
    assert verified.texts["C1.remark"] == " ".join(text.split())


# ── sheets without regressions ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("[C1:endpoint] regressed.", Kind.DIRECTION),
        ("The candidate is slower.", Kind.DIRECTION),
        ("Some requests fail.", Kind.UNMEASURED),
        ("A severe improvement.", Kind.SEVERITY),
    ],
)
def test_a_run_of_improvements_has_no_regressions(text, kind):
    """Where nothing became worse, nothing may be said to have."""
    made = narration.quiet_sheet()
    assert {topic.direction for topic in made.topics} == {Direction.BETTER}
    verified = verify(narration.answer(made, quiet(0) | {"summary": text}), made)
    assert (kind, {"summary"}) == (verified.violations[0].kind, verified.refused)


# ── repair ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_repair_replaces_what_was_refused_and_nothing_else(sheet):
    """After a repair the accepted sections are the first answer's, the repaired ones the second's, and say so."""
    first = verify(narration.answer(sheet, busy(0) | {"summary": "It doubled."}), sheet)
    second = verify(narration.answer(sheet, busy(1)), sheet, refused_sections(sheet, first))
    merged = merge(first, second)
    assert merged.texts["headline"] == first.texts["headline"]
    assert merged.texts["summary"] == narration.with_slots(busy(1)["summary"], sheet)
    assert (merged.repaired, merged.violations) == ({"summary"}, ())
    told = narration.composed(sheet, merged)
    assert (told.asked, told.written, told.repaired) == (len(sections(sheet)), len(sections(sheet)), 1)


def test_a_repair_that_fails_again_leaves_the_place_to_the_program(sheet):
    """A section that is refused twice is not told, and its violation stays on record."""
    first = verify(narration.answer(sheet, busy(0) | {"summary": "It doubled."}), sheet)
    second = verify(narration.answer(sheet, busy(1) | {"summary": "It tripled."}), sheet, frozenset({"summary"}))
    merged = merge(first, second)
    assert [violation.section for violation in merged.violations] == ["summary"]
    told = narration.composed(sheet, merged)
    assert ("summary", "") not in narration.texts(told)
    assert told.asked - told.written == 1


def test_a_repair_of_an_unusable_answer_is_a_whole_answer(sheet):
    """When the first answer was no JSON, the second one's sections are all repaired ones."""
    first = verify("no JSON", sheet)
    merged = merge(first, verify(narration.answer(sheet, busy(2)), sheet, refused_sections(sheet, first)))
    assert merged.repaired == {section.key for section in sections(sheet)}
    assert merged.order == ("C1", "C2", "C3")


def test_only_what_was_asked_for_is_judged(sheet):
    """Sections beyond those of a repair are neither used nor refused."""
    verified = verify(narration.answer(sheet, busy(0)), sheet, frozenset({"headline"}))
    assert set(verified.texts) == {"headline"}
    assert not verified.violations


def test_since_when_may_be_said_of_the_cluster_it_is_about():
    """A sentence with the fact of its own cluster is accepted; that of another cluster is refused."""
    sheet = narration.facts_of(analyses.remembered())
    own, other = (narration.with_slots(f"It is slower [{name}:since when].", sheet) for name in ("C1", "C2"))
    found = [
        verify(json.dumps({"a_issues": {"C1": {"impact": said}}}), sheet, frozenset({"C1.impact"}))
        for said in (own, other)
    ]
    assert found[0].texts == {"C1.impact": own}
    assert [violation.kind for violation in found[1].violations] == [Kind.SWAPPED]


# ── what earlier jobs say ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Over the earlier jobs, [run:history].", None),
        ("[run:history], and it became slower little by little.", None),
        ("Nothing became slower.", Kind.DIRECTION),
        ("There is no risk.", Kind.DIRECTION),
        ("Over the earlier jobs it got faster: [run:history].", Kind.DIRECTION),
        ("What [run:history] says is harmless.", Kind.SEVERITY),
        ("It looks good, and there is nothing to worry about.", Kind.SEVERITY),
    ],
)
def test_a_creep_may_be_told_and_not_denied(text, kind):
    """What only earlier jobs say to be slower may be said beside its fact, and neither denied nor played down."""
    sheet = narration.facts_of(analyses.crept())
    said = narration.with_slots(text, sheet)
    verified = verify(json.dumps({"f_summary": said}), sheet, frozenset({"summary"}))
    assert {violation.kind for violation in verified.violations} == ({kind} if kind else set())
