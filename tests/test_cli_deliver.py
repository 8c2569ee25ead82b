"""What a run hands on: the report on the server, linked to the job, and the JUnit file."""

import gzip
import subprocess
import sys
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


def test_csv_holds_every_product_of_the_run(run, tmp_path):
    """--csv writes one file with the issues of all products."""
    bazaar = [shop_job(n + 10, v, product_name="Bazaar") for n, v in ((1, "1.0"), (2, "1.0"), (3, "1.1"))]
    folder = put(tmp_path / "jobs", *shop_jobs(), *bazaar)
    done = run("analyze", "--product", "Shop", "--product", "Bazaar", "--url", folder, "--csv", tmp_path / "i.csv")
    assert done.code == 0, done.err
    heads, *lines = (tmp_path / "i.csv").read_text().splitlines()
    assert heads.startswith("product,baseline_job,")
    assert [line.partition(",")[0] for line in lines] == ["Shop", "Bazaar"]
    assert ",POST /orders," in lines[0]


def test_junit_into_a_folder_that_is_a_file_is_one_sentence(run, tmp_path):
    """A JUnit file that cannot be written ends with 2 and a sentence that names it."""
    folder = put(tmp_path / "jobs", *shop_jobs())
    (tmp_path / "file").touch()
    done = run("analyze", "--product", "Shop", "--url", folder, "--junit", tmp_path / "file" / "j.xml")
    assert done.code == 2
    assert "j.xml cannot be written" in done.err


def test_a_shell_pipes_jobs_in_and_results_out(tmp_path):
    """Process substitution gives the jobs, a link takes the JUnit file, and ``/dev/stdout`` goes on as it is."""
    put(tmp_path, *shop_jobs())
    for number in (2, 3):
        name = tmp_path / f"job-{number}.json"
        (tmp_path / f"{number}.gz").write_bytes(gzip.compress(name.read_bytes()))
    (tmp_path / "link.xml").symlink_to("real.xml")
    analyze = f"'{sys.executable}' -m perftracker_ai analyze"
    script = (
        f"{analyze} <(zcat 2.gz) <(cat 3.gz) --junit link.xml >seen && "
        f"{analyze} job-2.json job-3.json --junit /dev/stdout >>seen && echo end >>seen"
    )
    ran = subprocess.run(["bash", "-c", script], check=False, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "link.xml").is_symlink()
    written = (tmp_path / "real.xml").read_text()
    assert ET.fromstring(written).findall(".//testcase")
    seen = (tmp_path / "seen").read_text()
    assert seen.count("Verdict") == 2
    assert written.partition("<testsuite")[2][:20] in seen
    assert seen.endswith("end\n")


def test_byte_order_marks_are_read_in_jobs_results_and_settings(run, tmp_path):
    """What an editor of Windows saved is read wherever a file is: jobs, settings, saved results."""
    put(tmp_path, *shop_jobs())
    for name, encoding in (("job-2.json", "utf-16"), ("job-3.json", "utf-8-sig")):
        text = (tmp_path / name).read_text()
        (tmp_path / name).write_text(text, encoding=encoding)
    (tmp_path / "perftracker-ai.toml").write_text('fail_on = "moderate"\n', encoding="utf-16")
    assert run("analyze", "job-2.json", "job-3.json").code == 1
    (result,) = tmp_path.glob("reports/**/result_v2.json")
    result.write_bytes(b"\xef\xbb\xbf" + result.read_bytes())
    again = run("report", result)
    assert again.code == 1, again.err
    accepted = run("accept", result, "C1", "--reason", "known", "--until", "2099-01-01", "--config", "own.toml")
    assert accepted.code == 0, accepted.err
