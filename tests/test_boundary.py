"""A fault of the program itself: a sentence and exit code 2, never a traceback or 1, and no other product is lost."""

import json
from xml.etree import ElementTree as ET

import pytest
from shop import put, shop_job, shop_jobs

from perftracker_ai.errors import Defect, UsageError, guarded

NOT_UTF8 = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "SECRETWORD")
FAULTS = (KeyError("SECRETWORD"), MemoryError(), RecursionError(), NOT_UTF8)


@pytest.fixture
def bazaar(tmp_path):
    jobs = [shop_job(n, v, product_name="Bazaar") for n, v in ((11, "1.0"), (12, "1.0"), (13, "1.1"))]
    return put(tmp_path / "jobs", *jobs, *shop_jobs())


@pytest.fixture
def break_down(monkeypatch):
    """Make the judging of one product fail as only a fault of ours would."""
    import perftracker_ai.commands.analyze as app

    whole = app.judge

    def plant(product, fault):
        def judge(jobs, *arguments, **options):
            if jobs[0].info.product_name == product:
                raise fault
            return whole(jobs, *arguments, **options)

        monkeypatch.setattr(app, "judge", judge)

    return plant


def both(folder, *options):
    return ("analyze", "--product", "Bazaar", "--product", "Shop", "--url", folder, *options)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_fault_in_one_product_is_a_sentence_and_the_others_are_judged(run, bazaar, break_down, fault):
    """The broken product is named with exit code 2 in text, JSON and JUnit, and the healthy one has its verdict."""
    break_down("Bazaar", fault)
    ran = run(*both(bazaar, "--fail-on", "moderate", "--json", "--junit", "all.xml"))
    assert ran.code == 2
    assert "Traceback" not in ran.err
    (error,) = [line for line in ran.err.splitlines() if line.startswith("error: ")]
    assert error.startswith("error: Judging Bazaar ")
    assert "SECRETWORD" not in ran.err
    broken, healthy = json.loads(ran.out)["products"]
    assert (broken["product"], broken["exit_code"], broken["result"]) == ("Bazaar", 2, None)
    assert broken["errors"] == [error.removeprefix("error: ")]
    assert (healthy["exit_code"], healthy["result"]["verdict"]) == (1, "BLOCK")
    suites = ET.parse("all.xml").getroot()
    (case,) = [case for case in suites.iter("testcase") if case.get("classname").startswith("Bazaar.")]
    assert case.find("error").get("message") == broken["errors"][0]
    assert [case for case in suites.iter("testcase") if case.get("classname").startswith("Shop.")]
    assert int(suites.get("errors")) == 1


def test_the_sentence_asks_for_a_report_and_verbose_shows_the_trace(run, bazaar, break_down):
    """Without --verbose there is one sentence; with it, the trace that a report needs."""
    break_down("Bazaar", KeyError("a key"))
    quiet, verbose = run(*both(bazaar)), run(*both(bazaar, "--verbose"))
    assert "please report it" in quiet.err
    assert "--verbose" in quiet.err
    assert "Traceback" not in quiet.err
    assert "Traceback" in verbose.err
    assert "KeyError: 'a key'" in verbose.err


def test_a_pair_of_files_that_breaks_the_program_is_named_in_json_and_junit(run, tmp_path, bazaar, break_down):
    """Two named jobs get what several products get: a sentence, exit code 2, JSON and JUnit."""
    break_down("Shop", ZeroDivisionError())
    ran = run("analyze", tmp_path / "jobs/job-2.json", tmp_path / "jobs/job-3.json", "--json", "--junit", "one.xml")
    assert ran.code == 2
    assert json.loads(ran.out)["products"][0]["product"] == "Shop"
    assert 'type="not judged"' in (tmp_path / "one.xml").read_text()


@pytest.mark.parametrize("missing", ["job-99.json", "broken.json"])
def test_named_jobs_that_cannot_be_had_are_named_in_json_and_junit(run, tmp_path, bazaar, missing):
    """Two named jobs of which one cannot be read end as a product does: exit code 2, JSON and JUnit name the error."""
    (tmp_path / "jobs/broken.json").write_text("{")
    ran = run("analyze", "jobs/job-2.json", f"jobs/{missing}", "--json", "--junit", "one.xml", "--fail-on", "moderate")
    assert ran.code == 2
    told = json.loads(ran.out)
    (product,) = told["products"]
    assert (told["exit_code"], product["exit_code"], product["result"]) == (2, 2, None)
    assert product["product"] == f"jobs/job-2.json vs jobs/{missing}"
    assert missing in product["errors"][0]
    assert f"error: {product['errors'][0]}" in ran.err
    (case,) = ET.parse("one.xml").getroot().iter("testcase")
    assert case.find("error").get("message") == product["errors"][0]


def test_a_history_that_breaks_the_comparison_costs_the_history_alone(run, bazaar, monkeypatch):
    """Where judging fails with earlier jobs and not without them, there is a verdict and a warning."""
    import perftracker_ai.trends

    def broken(*_arguments, **_options):
        raise ZeroDivisionError

    asked = ("analyze", "--product", "Shop", "--url", bazaar, "--json")
    assert run("history", "sync", "--product", "Shop", "--url", bazaar).code == 0
    whole = run(*asked)
    assert json.loads(whole.out)["products"][0]["result"]["verdict"] == "BLOCK"
    monkeypatch.setattr(perftracker_ai.trends, "chronicle", broken)
    ran = run(*asked)
    assert ran.code == 0
    assert json.loads(ran.out)["products"][0]["result"]["verdict"] == "BLOCK"
    assert "No earlier jobs were looked at (Looking at earlier jobs failed" in ran.err


def test_a_fault_anywhere_in_the_program_is_exit_code_2(run, monkeypatch):
    """What no product stands for, such as reading the settings, has the last boundary around it."""

    def broken(*_arguments, **_options):
        raise OverflowError

    monkeypatch.setattr("perftracker_ai.config.load", broken)
    ran = run("doctor")
    assert ran.code == 2
    assert ran.err.startswith("error: The run failed by a fault of perftracker-ai itself (OverflowError in ")


def test_an_interrupted_run_concludes_what_was_judged(run, bazaar, break_down):
    """Of several products 130 beats 2, 1 and 0; JSON has the judged one's verdict and says which was not judged."""
    break_down("Shop", KeyboardInterrupt())
    ran = run(*both(bazaar, "--json"))
    assert ran.code == 130
    told = json.loads(ran.out)
    assert told["exit_code"] == 130
    assert [product["exit_code"] for product in told["products"]] == [0, 130]
    assert told["products"][0]["result"]["verdict"] == "APPROVE"
    assert ran.err.count("interrupted; ") == 1


def test_the_build_page_names_what_was_not_judged(run, bazaar, break_down, monkeypatch, tmp_path):
    """The summary of a CI step says which product failed beside the reports of the others."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "step.md"))
    break_down("Bazaar", KeyError())
    run(*both(bazaar))
    said = (tmp_path / "step.md").read_text()
    assert "Bazaar: not judged." in said
    assert "Shop" in said


def test_guarded_lets_our_own_errors_and_interrupts_through():
    """A sentence of ours stays as it is, and whoever interrupts is not answered with a request for a report."""
    for error in (UsageError("A sentence."), KeyboardInterrupt(), SystemExit(0)):
        with pytest.raises(type(error)) as met, guarded("The run"):
            raise error
        assert met.value is error
    with pytest.raises(Defect) as met, guarded("The run"):
        raise ValueError
    assert isinstance(met.value.__cause__, ValueError)
