"""Every form of a report says the same: one count of one thing, one form of a number, percentages to be checked."""

import html
import re
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from functools import cache

import pytest
from analyses import (
    VARIANTS,
    accepted,
    crept,
    decision,
    drifted,
    improved,
    many,
    regressed,
    remembered,
    report,
    typical,
)
from analyses import analysis as analysed
from msgspec import structs
from pages import EXAMPLES, examples, judged, page

from perftracker_ai.model import MetricKind, Outcome, Severity, Verdict
from perftracker_ai.narrate.facts import build_facts
from perftracker_ai.render.junit import junit_xml
from perftracker_ai.render.markdown import markdown, opening
from perftracker_ai.render.message import Link, message
from perftracker_ai.render.overview import summary_values
from perftracker_ai.render.terminal import plain_screen
from perftracker_ai.report.summary import left_out
from perftracker_ai.report.value import Entry, Items, Kind, Paragraph, Value, plain, sentences, values
from perftracker_ai.report.view import view

JOBS = {
    "bundled": ("job-91002.json.gz", "job-91012.json.gz", "job-91001.json.gz"),
    "the other way round": ("job-91012.json.gz", "job-91002.json.gz"),
    "one version": ("job-91001.json.gz", "job-91002.json.gz"),
}


def without_intervals():
    """A release whose windows have no interval, as a curve of one point has none."""
    made = typical()
    bare = [
        structs.replace(
            one, windows=tuple(structs.replace(w, low=float("nan"), high=float("nan")) for w in one.windows)
        )
        for one in made.detection.results
    ]
    return structs.replace(made, detection=structs.replace(made.detection, results=tuple(bare)))


def huge():
    """A rate that fell to nothing, and a time that grew without bounds."""
    plans = [regressed(slowdown=1233.7), regressed("GET /x", slowdown=99.9, kind=MetricKind.RATE), improved()]
    return analysed(plans, decision(Verdict.BLOCK))


MADE = {
    "typical": typical,
    "accepted": accepted,
    "remembered": remembered,
    "crept": crept,
    "drifted": drifted,
    "many": lambda: many(300),
    **VARIANTS,
    "without intervals": without_intervals,
    "huge": huge,
}


@cache
def pair(name):
    if name in MADE:
        return MADE[name]()
    return examples() if name == "bundled" else judged(EXAMPLES, *JOBS[name])


@cache
def told(name):
    return report(pair(name))


def flat(text):
    return " ".join(text.split())


@cache
def forms(name):
    """What people and programs read of a run, by form, as plain text on one line."""
    made, link = told(name), Link("Report", "https://pt.example/1")
    texts = {
        "markdown": markdown(made).replace("\\", ""),
        "opening": opening(made, 1_000_000).replace("\\", ""),
        "terminal": plain_screen(made, (), 200),
        "narrow terminal": plain_screen(made, (), 60),
        "message": message(made, link).plain,
        "junit": junit_xml([pair(name)]).decode(),
        "facts": "\n".join(fact.text for fact in build_facts(view(pair(name)), made).facts),
    }
    return {form: flat(text) for form, text in texts.items()}


PAIR = pytest.mark.parametrize("name", [*JOBS, *MADE])


# ── length ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", JOBS)
def test_a_recorded_pair_is_told_in_two_thousand_words(name):
    """A release manager reads the whole report without a model in ten minutes."""
    assert len(markdown(told(name)).split()) <= 2000


@PAIR
def test_no_label_is_said_again_by_its_sentence(name):
    """What a line is about is said once: a sentence does not begin with its own label."""
    lines = [line for section in told(name).sections for block in section.blocks for line in labelled(block)]
    again = [line for line in lines if line.label and plain(line.said).startswith(line.label)]
    assert [line.label for line in again if "<script>" not in line.label] == []


def labelled(block):
    """The lines of a block that have labels."""
    match block:
        case Paragraph():
            return (block,)
        case Items():
            return block.items
        case Entry():
            return block.lines
        case _:
            return ()


# ── counts ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@PAIR
@pytest.mark.parametrize("form", ["markdown", "opening", "terminal", "narrow terminal", "message", "facts"])
def test_issues_and_gaps_are_counted_alike(name, form):
    """How many issues, failures and losses there are stands in every form in the same words."""
    for value in values(told(name)):
        if value.label in {"issues", "newly failing", "lost coverage"}:
            assert value.text in forms(name)[form]


@PAIR
def test_programs_read_the_numbers_that_people_read(name):
    """JSON and JUnit count issues, curves and gaps as the report's sentences do."""
    said = {value.label: value.raw for value in values(told(name)) if value.kind is Kind.COUNT}
    read = summary_values(pair(name))
    assert sum(read["issues"].values()) == said.get("issues", 0)
    assert {f"{outcome} curves": count for outcome, count in read["curves"].items() if count}.items() <= said.items()
    assert (read["newly_failing_points"], read["lost"]) == (said.get("newly failing", 0), said.get("lost coverage", 0))
    root = ET.fromstring(junit_xml([pair(name)]))
    past = pair(name).open_issues
    assert read["open_issues"] == (said.get("open issues", 0) if past else None)
    assert int(root.get("tests")) == sum(read["curves"].values()) + (len(past.issues) if past else 0)
    kinds = Counter(one.get("type") for one in root.iter("skipped"))
    assert kinds["accepted"] <= read["accepted_curves"]
    assert kinds["inconclusive"] <= read["curves"][Outcome.INCONCLUSIVE.value]


@PAIR
def test_rows_and_what_is_left_out_are_all_issues(name):
    """The list at the head of the report, with the count of those it leaves out, holds every issue once."""
    made = told(name)
    (count,) = [value.raw for value in values(made) if value.label == "issues"] or [0]
    tables = [
        block for block in made.section("summary").blocks if getattr(block, "caption", "") == "Issues at a glance"
    ]
    keys = [key for table in tables for key in table.keys if key]
    assert len(keys) == len(set(keys))
    assert len(keys) + left_out(made.section("summary").blocks) == count


@PAIR
def test_severities_of_the_list_are_those_of_the_counts(name):
    """Where every issue is in the list, its severities are those that are counted."""
    made = told(name)
    tables = [
        block for block in made.section("summary").blocks if getattr(block, "caption", "") == "Issues at a glance"
    ]
    rows = [plain(row[0]) for table in tables for key, row in zip(table.keys, table.rows, strict=True) if key]
    if len(rows) == sum(made.counts.issues.values()):
        assert Counter(row.split()[-1] for row in rows) == {
            severity.value: count for severity, count in made.counts.issues.items() if count
        }
    assert set(made.counts.issues) == set(Severity)


@pytest.mark.parametrize("name", ["bundled", "typical", "accepted", "crept"])
def test_the_page_says_the_same(name):
    """Title, bottom line and counts of the page are those of the report."""
    text = flat(html.unescape(re.sub(r"<[^>]*>", "", page(pair(name)).split("<body", 1)[1])))
    for said in told(name).bottom_line:
        assert flat(plain(said)) in text
    for value in values(told(name)):
        if value.label in {"issues", "newly failing", "lost coverage", "curves"} and value.subject == "run":
            assert value.text in text


# ── numbers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def numbers(text):
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d.,]*", text)]


def beside_values(name):
    """The percentages that stand in a sentence with a pair of values, each with what the printed values amount to."""
    for said in sentences(told(name)):
        pairs = [one for one in said if isinstance(one, Value) and one.label == "values"]
        for change in (one for one in said if isinstance(one, Value) and one.kind is Kind.CHANGE and pairs):
            before, after = (numbers(side)[0] for side in pairs[0].text.split(" → "))
            if before and after:
                yield change, (after / before, before / after)


@PAIR
def test_a_percentage_beside_a_pair_of_values_follows_from_it(name):
    """With a calculator a reader gets the percentage from the two values it stands beside, but for their rounding."""
    for change, ratios in beside_values(name):
        assert change.label == "change as measured"
        assert any(change.raw == pytest.approx(ratio - 1, abs=0.02 * ratio) for ratio in ratios)


def test_the_bundled_jobs_have_percentages_to_check():
    """The check above is of something: every issue that is more than minor says what its values amount to."""
    subjects = {change.subject for change, _ in beside_values("bundled")}
    graver = (count for severity, count in told("bundled").counts.issues.items() if severity is not Severity.MINOR)
    assert len(subjects) == sum(graver) > 3


@PAIR
def test_every_other_percentage_names_its_base(name):
    """A change that stands beside no values is of a median, an extreme, a range, the run or the history by name."""
    bases = {
        "slowdown": "the median of the range",
        "slowdown of its curve": "the median of the curve that is named",
        "largest change": "at most",
        "change as measured": "the values beside it",
        "another range": "the range beside it",
        "shift taken off": "the whole run",
        "shift of the whole run": "the whole run",
        "small shift of the whole run": "the whole run",
        "change of a curve": "the median of the curve",
        "threshold": "the settings",
        "size of an open issue": "before it came in",
        "size when it came in": "before it came in",
    }
    assert {value.label for value in values(told(name)) if value.kind is Kind.CHANGE} <= set(bases)


@PAIR
def test_every_value_has_one_printed_form(name):
    """What is said of a subject under a label at a place of the results reads the same wherever it is said."""
    found = defaultdict(set)
    for one in values(told(name)):
        if one.raw is not None and one.at:
            found[one.subject, one.label, one.at, str(one.raw)].add(one.text)
    assert {key: texts for key, texts in found.items() if len(texts) > 1} == {}


@PAIR
def test_no_statement_is_made_twice(name):
    """A sentence of some length stands once, whatever section it would fit into."""
    long = [said for said in sentences(told(name)) if sum(len(one) for one in said if isinstance(one, str)) > 40]
    assert [plain(said) for said, times in Counter(long).items() if times > 1] == []


BAD = {
    "an interval of nothing": r"\? to \?",
    "one of many": r"(?<![\d,.–-])1 (?:points|curves|issues|loads|runs|tests|endpoints)\b",
    "a number for machines": r"\d[eE]\+\d+ ?%",
    "runs nobody makes": r"about (?!10 )\d{2,} more runs",
    "a slower rate with a plus": r"\brate\b[^.;|]{0,30} \+\d[\d.]* %(?! to)",
}


@PAIR
@pytest.mark.parametrize("bad", BAD)
def test_readings_that_are_bad_are_nowhere(name, bad):
    """No form prints what readers stumbled over."""
    met = {form: re.search(BAD[bad], text) for form, text in forms(name).items()}
    assert {form: found[0] for form, found in met.items() if found} == {}


def test_the_bad_readings_are_recognised():
    """The patterns above find what they are to find."""
    examples_ = ("95 % interval ? to ?", "of 1 points", "+1.23e+03 %", "about 99 more runs", "rate at 16 threads +6 %")
    assert [bool(re.search(pattern, text)) for pattern, text in zip(BAD.values(), examples_, strict=True)] == [True] * 5
