"""`render.junit`: what GitLab and Jenkins read, for ordinary, hostile and very large analyses."""

import re
import xml.etree.ElementTree as ET
from functools import partial

import pytest
from analyses import (
    COVERAGE,
    VARIANTS,
    Plan,
    analysis,
    curve_set,
    decision,
    hostile,
    many,
    nothing_found,
    regressed,
    remembered,
    typical,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from perftracker_ai.model import Confidence, CoverageKind, MetricKind, Outcome, Severity, Verdict
from perftracker_ai.render.junit import junit_xml

ALL = VARIANTS | {"many": partial(many, 300)}
ATTRIBUTES = {
    "testsuites": {"name", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped"},
    "testcase": {"classname", "name"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"type", "message"},
    "system-out": set(),
}
"""What the schema of Jenkins' xUnit plug-in allows of what is written here; all of it is always there."""
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"testcase"},
    "testcase": {"failure", "error", "skipped", "system-out"},
}


def read(made):
    return ET.fromstring(junit_xml([made]))


def cases(made):
    """Every case as (name, element or None)."""
    found = read(made).iter("testcase")
    return {case.get("name"): next(iter(case), None) for case in found}


def only(plan, **changes):
    """The element of the one case of an analysis of one curve."""
    made = structs.replace(analysis([plan], decision(Verdict.BLOCK)), **changes)
    ((_, element),) = cases(made).items()
    return element


# ── what becomes of an outcome ──────────────────────────────────────────────────────────────────────────────────────


def test_typical(golden):
    """A release to block: the document as a whole, with four regressed cases beside one that newly fails."""
    text = junit_xml([typical()]).decode()
    assert text.count("<failure ") == 5
    assert text.count("<error ") == 1
    golden("typical.junit.xml", text)


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Outcome.REGRESSED, "failure"),
        (Outcome.INCONCLUSIVE, "skipped"),
        (Outcome.MINOR, "system-out"),
        (Outcome.IMPROVED, None),
        (Outcome.UNCHANGED, None),
    ],
)
def test_every_outcome(outcome, kind):
    """A regression fails, what could not be judged is skipped, and everything else passes."""
    element = only(Plan(slowdown=0.3, confidence=Confidence.HIGH, outcome=outcome))
    assert (None if element is None else element.tag) == kind


def test_a_minor_slowdown_passes_and_says_so():
    """It counts as no failure, and who opens the case reads its size, range and evidence."""
    made = analysis([regressed(slowdown=0.1, first=3, last=6)], decision(Verdict.APPROVE))
    (element,) = cases(made).values()
    assert element.text.startswith("minor: 10 % slower over 4000–7000 policies, high confidence\n")
    assert {read(made).get(name) for name in ("failures", "errors")} == {"0"}


def test_failure_names_severity_slowdown_and_range():
    """The line people see first holds severity, slowdown, range and confidence; the text repeats it with evidence."""
    element = only(regressed(slowdown=0.62, first=3, last=6, confidence=Confidence.MEDIUM))
    assert element.get("type") == "severe"
    assert element.get("message") == "severe: 62 % slower over 4000–7000 policies, medium confidence"
    first, jobs, window, *reasons = element.text.splitlines()
    assert first == element.get("message")
    assert jobs == "1.64-4996 (job 85817) → 1.65-5010 (job 86303)"
    assert window.startswith("62 % slower over 4000–7000 policies (95 % interval +49.6 % to +74.4 %); ")
    assert window.endswith("12.5 ms → 20.6 ms at 5000 policies")
    assert reasons == ["every load of the window is slower", "q = 0.0031"]


def test_rate_and_scalar():
    """The loss of a rate is told as slowdown in its own unit, and a test without load axis without a range."""
    element = only(regressed(kind=MetricKind.RATE, scalar=True, slowdown=1.0))
    assert element.get("message") == "critical: 100 % slower, high confidence"
    assert "480 req/s → 235 req/s" in element.text


def test_window_without_comparable_point():
    """A window none of whose points is comparable any more is told without values."""
    made = analysis([regressed()], decision(Verdict.BLOCK))
    made.curves.mean[1] = float("nan")
    (element,) = cases(made).values()
    assert "ms" not in element.text
    assert "interval" in element.text


def test_regression_without_a_window():
    """A regressed curve without window, severity and confidence is a failure that says no more than that."""
    made = analysis([regressed()], decision(Verdict.BLOCK))
    bare = {"windows": (), "worst": None, "severity": None, "confidence": None, "reasons": ()}
    results = tuple(structs.replace(result, **bare) for result in made.detection.results)
    made = structs.replace(made, detection=structs.replace(made.detection, results=results))
    (element,) = cases(made).values()
    assert (element.tag, element.get("message")) == ("failure", "slower")


def test_skipped_says_what_is_needed():
    """A curve that could not be judged, or that one job lacks, says what would decide it."""
    element = only(Plan(outcome=Outcome.INCONCLUSIVE, needed="2 more runs of the baseline"))
    assert element.get("message") == "inconclusive: 2 more runs of the baseline"
    assert only(Plan(outcome=Outcome.INCONCLUSIVE)).get("message") == "inconclusive"


NEW_FAILURE = structs.replace(COVERAGE[0], curves=(0,))


def test_new_failure_is_an_error():
    """Load points that newly fail are an error with their number, range and reason."""
    element = only(Plan(), coverage=(NEW_FAILURE,))
    assert (element.tag, element.get("type")) == ("error", "new failure, severe")
    assert element.get("message").startswith("3 load points newly failing: 8000–10000 policies; the tests have status")


def test_new_failure_of_a_whole_curve_without_reason():
    """A new failure that names neither loads nor a severity is an error all the same."""
    bare = structs.replace(NEW_FAILURE, load_first="", load_last="", reason="", severity=None, points=1)
    element = only(Plan(), coverage=(bare,))
    assert (element.get("type"), element.get("message")) == ("new failure", "1 load point newly failing")


def test_new_failure_and_regression():
    """A curve that fails at some loads and is slower at others is one error that tells both."""
    element = only(regressed(slowdown=0.62), coverage=(NEW_FAILURE, NEW_FAILURE))
    assert element.tag == "error"
    assert element.text.count("newly failing") == 2
    assert "severe: 62 % slower" in element.text


def test_a_failure_says_since_when_it_is_there():
    """Where a history is kept, the text of a failure names first and last good job below the two compared."""
    lines = cases(remembered())["latency, p(95) (16 th): PUT /api/policies/{id}/settings (random)"].text.splitlines()
    assert lines[1] == "1.65-5002 (job 85806) → 1.65-5009 (job 85829)"
    assert lines[2].startswith("since 1.65-5003 (job 85809, 2026-06-03), 3 weeks before the candidate; last good 1.65-")


@pytest.mark.parametrize(
    "found",
    [structs.replace(NEW_FAILURE, severity=Severity.MINOR)]
    + [structs.replace(NEW_FAILURE, kind=kind) for kind in CoverageKind if kind is not CoverageKind.NEW_FAILURE],
    ids=lambda found: f"{found.kind.value}-{found.severity.value}",
)
def test_other_differences_in_coverage_are_no_error(found):
    """Failures that chance explains, and differences that are no failures, do not break a build."""
    assert only(Plan(), coverage=(found,)) is None


# ── the document ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ALL)
def test_document_is_what_the_schema_allows(name):
    """Elements and attributes are those that both servers know, and all that they need are there."""
    for element in read(ALL[name]()).iter():
        assert set(element.attrib) == ATTRIBUTES[element.tag]
        assert {child.tag for child in element} <= CHILDREN.get(element.tag, set())
        assert len(element) <= 1 or element.tag != "testcase"


@pytest.mark.parametrize("name", ALL)
def test_counts_agree_with_the_cases(name):
    """The numbers of every suite and of the whole are those of its cases, and every curve and open issue is a case."""
    made = ALL[name]()
    root = read(made)
    for suite in (root, *root):
        counted = {"tests": len(list(suite.iter("testcase")))}
        for attribute, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            counted[attribute] = len(list(suite.iter(kind)))
        assert {key: int(value) for key, value in suite.attrib.items() if key != "name"}.items() <= counted.items()
    still = made.open_issues.issues if made.open_issues else ()
    assert int(root.get("tests")) == len(made.curves.curves) + len(still)


@pytest.mark.parametrize("name", ALL)
def test_same_analysis_same_bytes(name):
    """Nothing of the clock or of chance is in the document."""
    assert junit_xml([ALL[name]()]) == junit_xml([ALL[name]()])


def renamed(made, **fields):
    """The analysis with fields of its curves replaced, one value for each curve."""
    curves = tuple(
        structs.replace(curve, **{key: values[at] for key, values in fields.items()})
        for at, curve in enumerate(made.curves.curves)
    )
    return structs.replace(made, curves=structs.replace(made.curves, curves=curves))


def test_a_suite_for_every_group():
    """Curves of one group are one suite, also when groups were not in order, and no group has a name too."""
    made = renamed(nothing_found(), group=("a.b", "", "a.b", ""))
    root = read(made)
    assert [suite.get("name") for suite in root] == ["a.b", "(no group)"]
    assert [len(suite) for suite in root] == [2, 2]
    assert {case.get("classname") for case in root.iter("testcase")} == {"GRPM.a_b", "GRPM.(no group)"}


def test_names_do_not_change_with_the_version():
    """Both servers follow a case over time by class and name, so neither holds a version or a job."""
    made = typical()
    later = {"product_ver": "1.66", "id": 9}
    newer = structs.replace(made, candidate=structs.replace(made.candidate, **later))
    names = [
        [(case.get("classname"), case.get("name")) for case in read(one).iter("testcase")] for one in (made, newer)
    ]
    assert names[0] == names[1]


def test_names_that_look_alike_stay_apart():
    """Both servers drop a second case of the same class and name, so names equal without control characters differ."""
    plain = "x" * 600
    made = renamed(
        analysis([Plan()] * 7, decision(Verdict.APPROVE)),
        tag=("a", "a\x00", "a (2)", "a\u200b", plain + "1", plain + "2", "a"),
        group=("g", "g", "g", "g", "g", "g", "g\x00"),
    )
    found = [(case.get("classname"), case.get("name")) for case in read(made).iter("testcase")]
    assert len(set(found)) == 7
    assert [name for _, name in found[:4]] == ["a", "a (2)", "a (2) (2)", "a (3)"]


def test_curve_and_product_without_a_name():
    """A test without tag in a job without product has a name and a class all the same."""
    made = renamed(analysis([Plan()], decision(Verdict.APPROVE)), tag=("\x00",))
    made = structs.replace(made, candidate=structs.replace(made.candidate, product_name=""))
    (case,) = read(made).iter("testcase")
    assert (case.get("classname"), case.get("name")) == ("(no product).policies", "(no name)")


def test_analysis_without_curves():
    """Nothing measured is a document without suites."""
    made = analysis([Plan()], decision(Verdict.INSUFFICIENT_EVIDENCE))
    empty = structs.replace(curve_set([Plan()]), curves=())
    made = structs.replace(made, curves=empty, detection=structs.replace(made.detection, results=()))
    assert (read(made).attrib["tests"], len(read(made))) == ("0", 0)


# ── hostile and large ───────────────────────────────────────────────────────────────────────────────────────────────

FORBIDDEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(codec=None), max_size=40))
def test_any_text_is_valid_xml(text):
    """Whatever text a job holds, lone surrogates included, the document is XML without control characters."""
    document = junit_xml([hostile(text)]).decode()
    ET.fromstring(document)
    assert not FORBIDDEN.search(document)


def test_text_cannot_end_its_element():
    """Markup in names and reasons comes out as the text it is."""
    evil = "]]></failure><testcase name='x'/>\"'&<!--"
    document = junit_xml([hostile(evil)])
    assert b"<!--" not in document
    assert b"<testcase name='x'" not in document
    (name, element), *_ = cases(hostile(evil)).items()
    assert evil in name
    assert evil in element.text
    said = [one for one in ET.fromstring(document).iter("failure") if one.get("type").startswith("open issue")]
    assert len(said) == 2
    assert all(evil in one.text for one in said)


def test_thousands_of_curves():
    """Five thousand regressed curves stay far below GitLab's 30 MB."""
    assert len(junit_xml([many()])) < 5_000_000


def told(outcome, verdict):
    plan = structs.replace(regressed(slowdown=0.6), outcome=outcome)
    made = analysis([plan], decision(verdict))
    results = (structs.replace(made.detection.results[0], severity=Severity.SEVERE),)
    detection = structs.replace(made.detection, results=results)
    return only(plan, decision=decision(verdict), detection=detection).tag


def test_what_moved_with_the_run_fails_as_the_gate_does():
    """A curve that is slower as measured is no success, whoever did it."""
    assert told(Outcome.MOVED, Verdict.INVESTIGATE) == "failure"


@pytest.mark.parametrize("outcome", [Outcome.REGRESSED, Outcome.MOVED])
def test_two_runs_of_one_version_fail_nothing(outcome):
    """What differs between them is noise: skipped, with the reason."""
    assert told(outcome, Verdict.SAME_VERSION) == "skipped"
