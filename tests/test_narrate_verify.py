"""The verifier: honest sentences stand, every attack of the bank is refused for its own reason, and spoils nothing."""

from __future__ import annotations

import json
import re

import analyses
import narration
import pytest
from answer_bank import ANSWERS, ATTACKS, FENCED, HONEST, HONEST_BUT_AGAINST_THE_RULES, QUIET, answer

from perftracker_ai.narrate.prompt import refused_sections
from perftracker_ai.narrate.prose import Kind
from perftracker_ai.narrate.sections import COMMENTARY, REMARKS, sections
from perftracker_ai.narrate.verify import merge, verify


@pytest.fixture(scope="module")
def sheet():
    return narration.busy_sheet()


@pytest.fixture(scope="module")
def honest(sheet):
    return narration.document(sheet, answer(0))


def key_of(topic):
    return "commentary" if topic == "run" else f"{topic}.remark"


def judged(sheet, topic, text):
    """Judge a text by itself."""
    key = key_of(topic)
    return verify(json.dumps(narration.document(sheet, {key: text})), sheet, frozenset({key}))


# ── honest answers ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("topic", "text"), HONEST)
def test_an_honest_sentence_is_the_models_word_for_word(sheet, topic, text):
    """A true sentence with a slot of its topic stands as it was written."""
    verified = judged(sheet, topic, text)
    assert not verified.violations
    assert verified.texts == {key_of(topic): narration.with_slots(text, sheet)}


def test_honest_answers_stand_whole(sheet):
    """Sixty answers of honest sentences, no two alike, lose none of them."""
    answers = {narration.answer(sheet, answer(number)) for number in range(ANSWERS)}
    assert len(answers) == ANSWERS
    assert not [found for text in answers for found in verify(text, sheet).violations]


@pytest.mark.parametrize("text", QUIET)
def test_a_run_of_improvements_may_be_spoken_of(text):
    """Where nothing became worse, there is a commentary and no remark."""
    made = narration.quiet_sheet()
    assert not made.narrated
    assert not judged(made, "run", text).violations


@pytest.mark.parametrize(("topic", "text", "kind"), HONEST_BUT_AGAINST_THE_RULES)
def test_a_true_sentence_against_the_rules_is_refused(sheet, topic, text, kind):
    """What breaks a closed rule is refused even when it happens to be true."""
    assert kind in {found.kind.name for found in judged(sheet, topic, text).violations}


# ── attacks ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("topic", "text", "kind"), [case[1:] for case in ATTACKS], ids=[case[0] for case in ATTACKS])
def test_an_attack_is_refused_for_its_reason_and_alone(sheet, topic, text, kind):
    """What breaks a rule is refused with the right kind; every other section of the answer is kept."""
    key = key_of(topic)
    verified = verify(narration.answer(sheet, answer(0) | {key: text}), sheet)
    assert kind in {violation.kind.name for violation in verified.violations if violation.section == key}
    assert verified.refused == {key}
    assert set(verified.texts) >= {section.key for section in sections(sheet)} - {key}


@pytest.mark.parametrize(
    ("topic", "text"), [(case[1], case[2]) for case in ATTACKS if case[3] not in {"TOO_LONG", "MISSING"}]
)
def test_an_attack_does_not_stand_behind_an_honest_sentence(sheet, topic, text):
    """A refused sentence stands nowhere, whatever stands before it."""
    honest = next(said for about, said in HONEST if about == topic)
    told = judged(sheet, topic, f"{honest} {text}").texts.get(key_of(topic), "")
    assert narration.with_slots(re.split(r"(?<=[.]) ", text)[-1], sheet) not in told


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_violation_is_met_by_an_attack(kind):
    """No kind stands there without a case that needs it."""
    whole = {"SCHEMA", "NOT_JSON"}
    assert kind.name in whole | {case[3] for case in ATTACKS}


def test_a_violation_names_the_words(sheet):
    """A violation quotes what was wrong, printable, so that a model and a reader can find it."""
    (found,) = judged(sheet, "run", "[C1:endpoint] is 104 % slower\u202f than before.").violations[:1]
    assert found.excerpt.isprintable()
    (found,) = judged(sheet, "C1", "The waiting time doubled at [C1:load].").violations
    assert found.excerpt == "doubled"


@pytest.mark.parametrize(("topic", "text"), [case[1:] for case in FENCED], ids=[case[0] for case in FENCED])
def test_what_no_rule_can_know_brings_its_own_place(sheet, topic, text):
    """A false sentence with a slot of its topic may get into the fence; its change then says of which version it is."""
    told = narration.texts(narration.composed(sheet, judged(sheet, topic, text)))
    if "[C1:slowdown]" in text or "[C1:values]" in text:
        (said,) = told.values()
        assert sheet.find("run", "candidate version").text in said
    assert len(told) == 1


# ── answers that are none ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("", Kind.NOT_JSON),
        ("   ", Kind.NOT_JSON),
        ("I am sorry, I cannot do that.", Kind.NOT_JSON),
        ('{"g_commentary": "The load is slower', Kind.NOT_JSON),
        ('{"error": "model runner has unexpectedly stopped"}', Kind.SCHEMA),
        ('{"g_commentary": "x"}\n{"error": "stopped"}', Kind.NOT_JSON),
        ("[]", Kind.SCHEMA),
        ('"text"', Kind.SCHEMA),
        ("null", Kind.SCHEMA),
        ("{}", Kind.SCHEMA),
        ('{"commentary": "x"}', Kind.SCHEMA),
        ('{"g_commentary": NaN}', Kind.NOT_JSON),
        ('{"g_commentary": "\\ud800"}', Kind.NOT_JSON),
        ("[" * 20_000, Kind.NOT_JSON),
        ('{"g_commentary": "' + "slow " * 8000 + '"}', Kind.TOO_LONG),
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
    """An answer that is no whole document is never parsed as if it were."""
    text = json.dumps(honest)
    assert verify(text[: int(len(text) * cut)], sheet).refused == {""}


@pytest.mark.parametrize("fence", ["```json\n{}\n```", "```\n{}\n```", "\n```JSON\n{}```\n", "  {}  "])
def test_a_fence_is_taken_off(sheet, honest, fence):
    """JSON in a code fence counts as the JSON it holds."""
    assert not verify(fence.replace("{}", json.dumps(honest)), sheet).violations


@pytest.mark.parametrize("value", [1, [], {}, True, ["text"]])
def test_a_value_of_the_wrong_form_is_refused_alone(sheet, honest, value):
    """A number or a list where a text belongs refuses that section only."""
    verified = verify(json.dumps(honest | {COMMENTARY: value}), sheet)
    assert [(found.section, found.kind) for found in verified.violations] == [("commentary", Kind.SCHEMA)]
    remarks = honest[REMARKS] | {"C1": value}
    verified = verify(json.dumps(honest | {REMARKS: remarks}), sheet)
    assert [(found.section, found.kind) for found in verified.violations] == [("C1.remark", Kind.SCHEMA)]


def test_a_remark_need_not_be_made_and_a_commentary_should(sheet):
    """An empty or absent remark is nothing wrong, an absent commentary is asked for again."""
    assert not verify(json.dumps(narration.document(sheet, {"commentary": answer(1)["commentary"]})), sheet).violations
    verified = verify(json.dumps({REMARKS: {}}), sheet)
    assert [(found.section, found.kind) for found in verified.violations] == [("commentary", Kind.MISSING)]


@pytest.mark.parametrize("value", [None, "text", [1], {"C99": "It is [C1:slowdown] there, too."}])
def test_remarks_on_nothing_are_none(sheet, honest, value):
    """Remarks of another form, or on an issue that is not there, are not printed and spoil nothing."""
    verified = verify(json.dumps(honest | {REMARKS: value}), sheet)
    assert set(verified.texts) == {"commentary"}


# ── forms of slots ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("slot", ["{{C1}}", "{{ C1 }}", "{C1}", "C1"])
def test_near_forms_of_a_slot_are_slots(sheet, slot):
    """Single braces, blanks and a bare cluster id are what a hurried writer means by a slot."""
    assert judged(sheet, "run", f"{slot} is what to look at first.").texts == {
        "commentary": "{{C1}} is what to look at first."
    }


@pytest.mark.parametrize("blank", ["\n", "\t and   ", " "])
def test_white_space_is_no_violation(sheet, blank):
    """Line breaks and blanks in a text are made single blanks."""
    text = f" [C1:endpoint] is slower,{blank}it stays so. "
    assert judged(sheet, "C1", text).texts["C1.remark"] == " ".join(narration.with_slots(text, sheet).split())


def test_a_sentence_is_said_once(sheet):
    """A model that repeats itself is printed once."""
    told = judged(sheet, "C1", "[C1:endpoint] is slower at every load. " * 5).texts["C1.remark"]
    assert told.count("slower") == 1


# ── repair ──────────────────────────────────────────────────────────────────────────────────────────────────────────

LIE = "[C1:endpoint] takes twice as long as before."


def test_a_repair_replaces_what_was_refused_and_nothing_else(sheet):
    """After a repair the accepted texts are the first answer's, the repaired ones the second's, and say so."""
    first = verify(narration.answer(sheet, answer(0) | {"commentary": LIE}), sheet)
    second = verify(narration.answer(sheet, answer(1)), sheet, refused_sections(sheet, first))
    merged = merge(first, second)
    assert merged.texts["C1.remark"] == first.texts["C1.remark"]
    assert merged.texts["commentary"] == narration.with_slots(answer(1)["commentary"], sheet)
    assert (merged.repaired, merged.violations, merged.left_out) == ({"commentary"}, (), 0)
    assert narration.composed(sheet, merged).repaired == 1


def test_a_repair_that_fails_again_leaves_what_was_right_at_first(sheet):
    """A sentence that is refused twice is left out and counted; what stood beside it stands."""
    kept = answer(0)["commentary"]
    first = verify(narration.answer(sheet, answer(0) | {"commentary": f"{kept} {LIE}"}), sheet)
    second = verify(narration.answer(sheet, {"commentary": LIE}), sheet, frozenset({"commentary"}))
    merged = merge(first, second)
    assert merged.texts["commentary"] == narration.with_slots(kept, sheet)
    assert narration.composed(sheet, merged).refused == 1


def test_a_repair_of_an_unusable_answer_is_a_whole_answer(sheet):
    """When the first answer was no JSON, the second one's texts are all repaired ones."""
    first = verify("no JSON", sheet)
    merged = merge(first, verify(narration.answer(sheet, answer(2)), sheet, refused_sections(sheet, first)))
    assert merged.repaired == {section.key for section in sections(sheet)}


def test_only_what_was_asked_for_is_judged(sheet):
    """Texts beyond those of a repair are neither used nor refused."""
    verified = verify(narration.answer(sheet, answer(0)), sheet, frozenset({"commentary"}))
    assert set(verified.texts) == {"commentary"}
    assert not verified.violations


# ── what earlier jobs say ───────────────────────────────────────────────────────────────────────────────────────────


def test_since_when_may_be_said_of_the_issue_it_is_about():
    """A sentence with the fact of its own issue is accepted; that of another issue is refused."""
    sheet = narration.facts_of(analyses.remembered())
    own, other = (judged(sheet, "C1", f"[C1:endpoint] is slower [{name}:since when].") for name in ("C1", "C2"))
    assert own.texts
    assert [violation.kind for violation in other.violations] == [Kind.SWAPPED]


def test_a_creep_may_be_told():
    """What only earlier jobs say to be slower may be said beside its fact."""
    sheet = narration.facts_of(analyses.crept())
    assert not judged(sheet, "run", "Over the earlier jobs it came little by little: [run:history].").violations
