"""What earlier jobs say, from the store to every place a reader looks."""

import json
import re
from pathlib import Path

import nights
import pytest
from jsonschema import Draft202012Validator
from shop import shop_job

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = json.loads((ROOT / "docs" / "result.schema.json").read_bytes())
HISTORY = (ROOT / "docs" / "history.md").read_text(encoding="utf-8")
SHOP = ("--product", "Shop")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """40 nights: POST /orders slower from the 25th on, GET /search creeping, PUT /cart slower for a time."""
    return nights.write(tmp_path_factory.mktemp("nights"), 40)


@pytest.fixture
def compared(run, folder):
    """Fill a store, compare across the slowdown, and give what was said with the folder of the report."""
    assert run("history", "sync", *SHOP, "--url", folder, "--quiet").code == 0
    ran = run("analyze", *SHOP, "--url", folder, "--baseline-version", "2.5", "--junit", "junit.xml")
    assert ran.code == 0, ran.err
    (report,) = Path("reports").rglob("report.html")
    return ran, report.parent


def plain(text):
    """Text of a page without its markup, blanks as they are read."""
    inline = re.sub(r"</?(span|b|strong|em|a)\b[^>]*>", "", text)
    return " ".join(re.sub(r"<[^>]+>", " ", inline).replace("\xa0", " ").split())


def test_the_example_of_the_documents_is_what_a_report_says(compared):
    """The sentences of docs/history.md are those of the page, of JUnit and, in short, of screen and Markdown."""
    ran, folder = compared
    example = HISTORY.split("## In the report")[1].split("```")[3]
    told = [line.partition(": ")[2] for line in re.split(r"\n(?=GET )", example.strip())]
    page = plain((folder / "report.html").read_text(encoding="utf-8"))
    for sentence in (" ".join(text.split()) for text in told):
        assert sentence.rstrip(".") in page
        assert sentence.rstrip(".") in Path("junit.xml").read_text(encoding="utf-8")
    assert "| since 2.8, job 125 |" in (folder / "llm_report.md").read_text(encoding="utf-8")
    assert "since 2.8, job 125" in " ".join(ran.out.split())


def test_trends_of_the_store_stand_behind_the_patterns(compared):
    """What creeps and what was slower for a time is told; the issue of this comparison is not told again."""
    text = (compared[1] / "llm_report.md").read_text(encoding="utf-8")
    trends = text.split("## Patterns and Trends")[1].split("\n## ")[0]
    assert "The last 40 jobs of 14 versions, 2026-07-01 to 2026-08-09; 12 curves." in trends
    kinds = re.findall(r"^\*\*(.+):\*\*$", trends, re.MULTILINE)
    assert kinds == ["Creeping since the oldest job", "Slower for a time"]


def test_results_with_a_history_follow_the_schema_and_show_the_same_again(run, compared):
    """The published schema accepts them, and `report` writes the same page and text from them alone."""
    _, folder = compared
    Draft202012Validator(SCHEMA).validate(json.loads((folder / "result_v2.json").read_bytes()))
    before = {name: (folder / name).read_bytes() for name in ("report.html", "llm_report.md")}
    Path("data/history.sqlite3").unlink()
    assert run("report", folder / "result_v2.json").code == 0
    assert {name: (folder / name).read_bytes() for name in before} == before


CREPT = "GET /search +36.5 % (+34.6 % to +38.4 %) since 2026-07-01"


def test_a_lasting_step_is_an_open_issue_and_what_crept_is_told_besides(run, folder):
    """Two nights that are alike are not innocent: every form of the report says what is open, and what crept."""
    run("history", "sync", *SHOP, "--url", folder, "--quiet")
    ran = run("analyze", *SHOP, "--url", folder, "--junit", "junit.xml")
    assert ran.code == 0, ran.err
    said = " ".join(ran.out.split())
    assert "Verdict INVESTIGATE Any issue that came in with an earlier version and is open: POST /orders since" in said
    assert f": {CREPT}." in said
    (report,) = Path("reports").rglob("report.html")
    text, page = (report.parent / "llm_report.md").read_text(encoding="utf-8"), plain(report.read_text("utf-8"))
    told = [
        line for line in HISTORY.splitlines() if line.startswith(("**History:**", "**Open issues:**", "- **Open:**"))
    ]
    assert len(told) == 3
    assert set(told) <= set(text.splitlines())
    open_issue = next(line for line in told if line.startswith("- ")).removeprefix("- **Open:** ")
    for form in (page, said, Path("junit.xml").read_text(encoding="utf-8")):
        assert open_issue in form
    assert "Still open: POST /orders, 27.8 % slower since 2.8." in text
    assert "Still open: POST /orders, 27.8 % slower since 2.8." in page
    Draft202012Validator(SCHEMA).validate(json.loads((report.parent / "result_v2.json").read_bytes()))


def test_what_crept_decides_where_the_comparison_finds_nothing(run, folder):
    """With open issues ignored, two nights that are alike are approved with monitoring for what crept."""
    Path("perftracker-ai.toml").write_text("[policy]\nopen_issues = 'ignore'\n")
    run("history", "sync", *SHOP, "--url", folder, "--quiet")
    ran = run("analyze", *SHOP, "--url", folder)
    assert ran.code == 0, ran.err
    assert "Verdict APPROVE WITH MONITORING Any endpoint that creeps" in " ".join(ran.out.split())
    assert f": {CREPT}." in " ".join(ran.out.split())
    (report,) = Path("reports").rglob("report.html")
    said = f"Creeping: {CREPT}."
    assert said in (report.parent / "llm_report.md").read_text(encoding="utf-8")
    assert said in plain(report.read_text(encoding="utf-8"))


def test_the_rule_on_what_creeps_can_be_switched_off(run, folder):
    """With the setting at 0 the release is approved; what crept is told all the same."""
    Path("perftracker-ai.toml").write_text("[policy]\nmonitor_creep = 0\nopen_issues = 'ignore'\n")
    run("history", "sync", *SHOP, "--url", folder, "--quiet")
    ran = run("analyze", *SHOP, "--url", folder)
    assert "Verdict    APPROVE\n" in ran.out
    assert "History GET /search creeps: +36.5 % since 2026-07-01" in " ".join(ran.out.split())


def test_without_a_store_nothing_of_it_is_there(run, folder):
    """The same two nights are approved, without a rule, a threshold or a word on what creeps."""
    ran = run("analyze", *SHOP, "--url", folder)
    assert "Verdict    APPROVE\n" in ran.out
    (report,) = Path("reports").rglob("llm_report.md")
    for path in (report, report.with_name("result_v2.json"), report.with_name("facts.json")):
        assert "creep" not in path.read_text(encoding="utf-8").lower()


def test_files_named_by_hand_have_no_past(run, compared, tmp_path):
    """Two bare files are compared as ever: the report has no word of a history."""
    for number, (version, slow) in enumerate((("1.0", 1.0), ("1.1", 2.0))):
        (tmp_path / f"{number}.json").write_text(json.dumps(shop_job(number + 1, version, slow=slow)))
    assert run("analyze", tmp_path / "0.json", tmp_path / "1.json").code == 0
    (report,) = Path("reports").rglob("1 vs 2/llm_report.md")
    assert not re.search("Since|Trends|earlier jobs", report.read_text(encoding="utf-8"))
