"""What a run hands on: the report on the server, linked to the job, and the JUnit file."""

import xml.etree.ElementTree as ET

import pytest
from fake_perftracker import FakePerfTracker
from shop import put, shop_job, shop_jobs


@pytest.fixture
def server():
    with FakePerfTracker(shop_jobs()) as running:
        yield running


def test_upload_links_page_and_text_to_the_candidate(run, server):
    """--upload leaves two artifacts at the candidate job, the page without a script, and prints the job's address."""
    done = run("analyze", "--product", "Shop", "--url", server.url, "--upload")
    assert done.code == 0, done.err
    assert f"Published  {server.url}/1/job/3" in done.out
    assert len(server.artifacts) == 2
    sent = [request for request in server.requests if request.method == "POST"]
    assert len(sent) == 2
    assert not any(b"<script" in request.body for request in sent)


def test_uploading_again_changes_nothing_but_dates(run, server):
    """A second run finds the artifacts of the first, and one comparison stays one."""
    for _ in range(3):
        done = run("analyze", "--product", "Shop", "--url", server.url, "--upload", "--comparison")
        assert done.code == 0, done.err
    assert len(server.artifacts) == 2
    assert len(server.comparisons) == 1


def test_a_failed_upload_keeps_the_local_report(run, tmp_path):
    """Without artifact storage the report stays on disk, the summary is shown, and the exit code is 2."""
    with FakePerfTracker(shop_jobs(), artifacts_configured=False) as server:
        done = run("analyze", "--product", "Shop", "--url", server.url, "--upload")
    assert done.code == 2
    assert "Verdict" in done.out
    assert done.err.count("error:") == 1
    assert (tmp_path / "reports" / "Shop" / "2 vs 3" / "llm_report.md").is_file()


def test_upload_needs_a_server(run, tmp_path):
    """A folder of job files takes no report: one sentence, after the report was written."""
    folder = put(tmp_path / "jobs", *shop_jobs())
    done = run("analyze", "--product", "Shop", "--url", folder, "--upload")
    assert done.code == 2
    assert "no server address" in done.err
    assert (tmp_path / "reports" / "Shop" / "2 vs 3" / "report.html").is_file()


def test_junit_holds_every_product_of_the_run(run, tmp_path):
    """--junit writes one file with the curves of all products, failures where they regressed."""
    bazaar = [shop_job(n + 10, v, product_name="Bazaar") for n, v in ((1, "1.0"), (2, "1.0"), (3, "1.1"))]
    folder = put(tmp_path / "jobs", *shop_jobs(), *bazaar)
    done = run("analyze", "--product", "Shop", "--product", "Bazaar", "--url", folder, "--junit", tmp_path / "j.xml")
    assert done.code == 0, done.err
    root = ET.parse(tmp_path / "j.xml").getroot()
    assert len(root.findall(".//testcase")) == 14
    failed = [case.get("name") for case in root.findall(".//testcase") if case.find("failure") is not None]
    assert len(failed) == 1
    assert "POST /orders" in failed[0]


def test_junit_into_a_folder_that_is_a_file_is_one_sentence(run, tmp_path):
    """A JUnit file that cannot be written ends with 2 and a sentence that names it."""
    folder = put(tmp_path / "jobs", *shop_jobs())
    (tmp_path / "file").touch()
    done = run("analyze", "--product", "Shop", "--url", folder, "--junit", tmp_path / "file" / "j.xml")
    assert done.code == 2
    assert "j.xml cannot be written" in done.err
