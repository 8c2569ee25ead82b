"""Accepted regressions through everything that is shown, and through the whole tool."""

import json
import os
import re
import stat
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from analyses import DRAFTS, SETTINGS, accepted, analysis, decision, regressed, report, typical
from msgspec.structs import replace
from pages import page
from shop import put, shop_jobs

from perftracker_ai.model import Severity, Verdict
from perftracker_ai.render.junit import junit_xml
from perftracker_ai.render.markdown import markdown
from perftracker_ai.render.message import Link, message
from perftracker_ai.render.terminal import plain_screen
from perftracker_ai.report.view import accepted as is_accepted
from perftracker_ai.report.view import clusters, view, worsened
from perftracker_ai.results.write import result_document

RESULT = Path("reports/Shop/2 vs 3/result_v2.json")
FILE = Path("perftracker-ai.toml")
NEVER = "2999-12-31"


# ── every output ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_accepted_item_is_told_apart_from_those_that_count():
    """It is in no list of issues, and its neighbours keep their ids."""
    shown, before = view(accepted()), view(typical())
    assert [one.id for one in worsened(before)] == ["C1", *(one.id for one in worsened(shown))]
    assert [one.id for one in shown.analysis.clusters if is_accepted(shown, one)] == ["C1"]
    assert not clusters(shown, Severity.CRITICAL)


def test_markdown_names_what_is_accepted_and_the_state_of_every_entry():
    """The section has each entry with what it covers, until when and why, its text escaped."""
    text = markdown(report(accepted()))
    part = text.split("## Accepted Regressions\n")[1].split("\n## ")[0]
    rows = [line for line in part.splitlines() if line.startswith("| ")][2:]
    assert [row.split(" | ")[4] for row in rows] == [
        "accepted",
        "more than was accepted: counts",
        "ended: counts",
        "not slower any more: remove the entry",
        "not found this time, some of it could not be told",
        "names no test of these jobs",
    ]
    assert rows[0].startswith(f"| {SETTINGS} | up to +150 % at loads 6000 – 10000 | 150 % slower | R1, R2, R3 | ")
    assert r"&lt;b&gt;ticket&lt;/b&gt; \| 4711 |" in rows[0]
    assert "not counted for the verdict until 2026-12-31: C1 " in part
    assert "Accepted" not in markdown(report(typical()))


def test_nothing_else_found_is_not_called_nothing_found():
    """Where all that is slower is accepted, no sentence says that nothing is."""
    (first, *_) = accepted().accepted
    made = replace(analysis([regressed()], decision(Verdict.APPROVE)), accepted=(replace(first, curves=(0,)),))
    text = markdown(report(made))
    for shown in (text, page(made), message(report(made), Link("Report", "")).plain):
        assert "o regression found beyond what is accepted" in shown.replace(" was found", " found")
        said = re.findall(r"(?i)(?:no regression|nothing became slower|no slower request)[a-z ]*", shown)
        assert all("beyond what is accepted" in sentence for sentence in said if "look into" not in sentence)


def test_terminal_says_what_is_accepted_and_until_when():
    """What counts for nothing, and until when, in the report's own words, and a count beside the others."""
    text = plain_screen(report(accepted()), (), 200)
    assert f"Accepted   Known, and not counted for the verdict until 2026-12-31: C1 {SETTINGS}." in text
    assert ", 3 of them accepted." in text
    assert "Accepted" not in plain_screen(report(typical()), ())


def test_junit_skips_what_is_accepted_and_says_why():
    """An accepted regression breaks no build, and its case tells until when, why and how large it is."""
    cases = {case.get("name"): case for case in ET.fromstring(junit_xml([accepted()])).iter("testcase")}
    skipped = [case.find("skipped") for case in cases.values() if case.find("skipped") is not None]
    known = [one for one in skipped if one.get("type") == "accepted"]
    assert len(known) == 3
    assert all(one.get("message").startswith("accepted until 2026-12-31 (known since 1.63, <b>") for one in known)
    failed = [name for name, case in cases.items() if case.find("failure") is not None]
    assert any(DRAFTS in name for name in failed)
    assert not any(SETTINGS in name for name in failed)


def test_results_mark_what_is_accepted_and_keep_it():
    """Every finding is there as before, those accepted are marked, and each entry names its findings."""
    before, after = (result_document(made) for made in (typical(), accepted()))
    assert [one["id"] for one in before["regressions"]] == [one["id"] for one in after["regressions"]]
    assert [one["id"] for one in after["regressions"] if one["accepted"]] == ["R1", "R2", "R3"]
    assert [one["id"] for one in after["clusters"] if one["accepted"]] == ["C1"]
    assert after["accepted"][0]["findings"] == ["R1", "R2", "R3"]
    assert (before["summary"]["accepted"], after["summary"]["accepted"]) == (0, 3)


def test_the_page_has_a_section_and_marks_the_curves():
    """The page lists the entries, marks the curves in the table of all, and makes no card of what is accepted."""
    text = page(accepted())
    assert text.count('<span class="chip neutral">accepted</span>') == 3
    assert 'id="accepted"' in text
    assert "&lt;b&gt;ticket&lt;/b&gt; | 4711" in text
    assert 'id="issue-1"' not in text
    assert 'id="accepted"' not in page(typical())


def test_the_page_and_the_report_name_the_first_of_many_entries():
    """A hundred entries do not bury the report; how many more there are is said."""
    made = accepted()
    wide = replace(made.accepted[0], curves=tuple(range(9)))
    made = replace(made, accepted=(wide,) * 100)
    assert "90 more" in page(made)
    text = markdown(report(made))
    assert "… and 90 more, in result_v2.json." in text.replace("`", "").split("## Accepted Regressions")[1]
    assert " and 4 more" in page(made)


def test_a_loose_finding_that_is_accepted_is_not_listed_as_an_issue():
    """A finding of no cluster can be accepted as well."""
    (first, *_) = accepted().accepted
    made = replace(analysis([regressed()], decision(Verdict.APPROVE)), clusters=())
    assert "**R1:** " in markdown(report(made))
    known = replace(made, accepted=(replace(first, curves=(0,)),))
    assert "**R1:** " not in markdown(report(known))
    assert "until 2026-12-31: 1 curve." in plain_screen(report(known), ())


# ── the whole tool ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def compared(run):
    """Compare the shop's jobs, one endpoint of which is three times as slow, and give what compares them again."""
    put(Path("jobs"), *shop_jobs())

    def compare(*more):
        return run("analyze", "--product", "Shop", "--url", "jobs", *more)

    assert "BLOCK" in compare().out
    return compare


def accept(run, finding="C1", *, until=NEVER, reason="known"):
    return run("accept", RESULT, finding, "--reason", reason, "--until", until)


def test_accepting_a_finding_turns_verdict_gate_and_junit(run, compared):
    """After `accept` the same jobs are approved, pass the strictest gate, and JUnit has no failure left."""
    assert compared("--fail-on", "moderate").code == 1
    assert accept(run).code == 0
    ran = compared("--fail-on", "moderate", "--junit", "junit.xml")
    assert ran.code == 0
    assert "APPROVE" in ran.out
    assert f"not counted for the verdict until {NEVER}: C1 POST /orders." in " ".join(ran.out.split())
    assert ET.parse("junit.xml").getroot().get("failures") == "0"
    assert "accepted regression" not in ran.err


def test_the_entry_is_printed_and_appended_and_nothing_else_changes(run, compared):
    """What stood in the file stays to the byte, ends of line and permissions included, with the entry behind it."""
    before = b"# ours\r\n\r\n[detect]\r\nmoderate = 0.2 # strict"
    FILE.write_bytes(before)
    FILE.chmod(0o600)
    ran = accept(run, reason='a "quoted" \\ reason\n[[accept]]\x1b')
    assert ran.err == f"written to {FILE.resolve()}\n"
    after = FILE.read_bytes()
    assert after.startswith(before + b"\r\n\r\n[[accept]]\r\n")
    assert after[len(before) :].decode().split() == ran.out.split()
    (entry,) = tomllib.loads(after.decode())["accept"]
    assert entry["reason"] == 'a "quoted" \\ reason\n[[accept]]\x1b'
    assert "\x1b" not in ran.out
    assert stat.S_IMODE(FILE.stat().st_mode) == 0o600
    assert [path.name for path in Path().iterdir() if path.name.endswith(".part")] == []


def test_a_linked_settings_file_stays_a_link(run, compared):
    """The file that a link leads to is written, not the link replaced."""
    Path("shared.toml").write_text("seed = 5\n")
    FILE.symlink_to("shared.toml")
    accept(run)
    assert FILE.is_symlink()
    assert "[[accept]]" in Path("shared.toml").read_text()


def test_the_nearest_settings_file_gets_the_entry_or_a_named_one(run, compared, monkeypatch):
    """The file upwards is taken as for any command, and --config stands over it."""
    FILE.write_text("")
    inner = Path("inner").resolve()
    inner.mkdir()
    result = RESULT.resolve()
    monkeypatch.chdir(inner)
    given = ("--reason", "known", "--until", NEVER)
    assert run("accept", result, "C1", *given).code == 0
    assert run("accept", result, "R1", *given, "--config", "own.toml").code == 0
    assert os.listdir(inner) == ["own.toml"]  # noqa: PTH208 - names are what is compared
    assert (inner.parent / FILE).read_text().count("[[accept]]") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"finding": "C9"}, "There is no finding 'C9' in "),
        ({"finding": "c1"}, "the nearest of 2 ids are C1 and R1."),
        ({"finding": "\x1b[31m"}, "There is no finding '[31m' in "),
        ({"until": "tomorrow"}, "--until is 'tomorrow', which is no date; write it as "),
        ({"until": "2020-01-01"}, "--until is 2020-01-01, which is past (today is "),
        ({"reason": " "}, "The reason is empty; say with --reason why"),
    ],
)
def test_what_cannot_be_accepted_is_one_sentence(run, compared, arguments, said):
    """An unknown finding lists the nearest, a wrong date or reason says what is wanted, and no file appears."""
    ran = accept(run, **arguments)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert not FILE.exists()


def test_what_is_not_slower_cannot_be_accepted(run, compared):
    """A finding of another kind is refused by name."""
    listed = json.loads(RESULT.read_bytes())["inconclusive"]
    name = listed[0]["id"] if listed else "N1"
    assert f"{name} in {RESULT} did not become slower" in accept(run, name).err


def test_a_run_without_slower_tests_has_nothing_to_accept(run):
    """Where nothing became slower, that is the answer to every id."""
    put(Path("jobs"), *shop_jobs(slow=1.0))
    run("analyze", "--product", "Shop", "--url", "jobs")
    assert "became slower, so there is nothing to accept" in accept(run).err


def test_results_that_are_none_are_refused_by_name(run):
    """A missing file and one that is no results file end in a sentence."""
    assert f"{RESULT} cannot be read: no such file or directory; give the result_v2.json" in accept(run).err
    RESULT.parent.mkdir(parents=True)
    RESULT.write_text("{}")
    assert f"{RESULT} cannot be read as results" in accept(run).err


def test_jobs_without_a_product_cannot_be_named_by_an_entry(run, compared):
    """An entry needs a product, so results that name none are refused."""
    document = json.loads(RESULT.read_bytes())
    document["metadata"]["run2"]["product"] = ""
    RESULT.write_text(json.dumps(document))
    assert "name no product" in accept(run).err


def test_a_settings_file_that_is_not_toml_is_left_alone(run, compared):
    """Nothing is put behind what could not be read afterwards."""
    FILE.write_text("[detect\n")
    ran = accept(run)
    assert "The entry cannot be put behind what stands in the settings file" in ran.err
    assert FILE.read_text() == "[detect\n"


def test_a_settings_file_that_cannot_be_read_is_named(run, compared):
    """A folder in place of the file is a sentence."""
    Path("folder").mkdir()
    ran = run("accept", RESULT, "C1", "--reason", "x", "--until", NEVER, "--config", "folder")
    assert "The settings file folder cannot be read: is a directory" in ran.err


def write_entry(**fields):
    given = {"product": "Shop", "endpoint": "POST /orders", "reason": "known", "until": NEVER} | fields
    FILE.write_text("[[accept]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in given.items()))


@pytest.mark.parametrize(
    ("fields", "code", "warned"),
    [
        ({}, 0, ""),
        ({"until": "2020-01-01"}, 1, "The acceptance of POST /orders ended on 2020-01-01, so"),
        ({"slowdown": 0.5}, 1, "is more than was accepted (up to +50 %; found: +20"),
        ({"slowdown": 2.5}, 0, ""),
        ({"loads": [1000, 2000]}, 1, "is more than was accepted (any size at loads 1000 – 2000; found: "),
        ({"endpoint": "GET /cart"}, 1, "GET /cart names no test of these jobs"),
        ({"endpoint": "PUT /cart"}, 1, "PUT /cart is not there any more"),
        ({"product": "Mart"}, 1, ""),
        ({"product": "shop"}, 1, ""),
    ],
)
def test_an_entry_holds_for_its_product_date_size_and_loads(run, compared, fields, code, warned):
    """What an entry does not cover counts, and an entry that has to be looked at warns, in the report as well."""
    write_entry(**fields)
    ran = compared("--fail-on", "block")
    assert ran.code == code
    warnings = [line for line in ran.err.splitlines() if "accept" in line]
    assert len(warnings) == bool(warned)
    assert warned in ran.err
    report = RESULT.with_name("llm_report.md").read_text()
    assert warned.partition(" (")[0] in report


def test_a_report_written_again_keeps_what_was_accepted(run, compared):
    """`report` makes the same files from results with accepted regressions, whatever the settings say by then."""
    write_entry()
    compared()
    before = RESULT.read_bytes(), RESULT.with_name("llm_report.md").read_bytes()
    FILE.unlink()
    assert run("report", RESULT).code == 0
    assert (RESULT.read_bytes(), RESULT.with_name("llm_report.md").read_bytes()) == before


def test_facts_for_a_language_model_leave_accepted_items_out(run, compared):
    """A model words what counts: an accepted endpoint is no topic of its facts."""
    facts = RESULT.with_name("facts.json")
    assert json.loads(facts.read_bytes())["topics"]
    assert any("regressed" in fact["text"] for fact in json.loads(facts.read_bytes())["facts"])
    write_entry()
    compared()
    assert json.loads(facts.read_bytes())["topics"] == []
