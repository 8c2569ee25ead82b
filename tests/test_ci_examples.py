"""The examples for cron and CI run as they are written, only with the address of a stand-in and another folder."""

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml
from fake_perftracker import FakePerfTracker
from receivers import WebHook
from shop import shop_jobs

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "ci.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"^## (\w[\w ]*)\n.*?^```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))


def cron_lines():
    settings, line = BLOCKS["Cron"].splitlines()
    assert re.fullmatch(r"PERFTRACKER_AI_URL=\S+", settings)
    return [re.fullmatch(r"(?:\S+ ){5} *(.*)", line)[1]]


def gitlab_lines():
    job = yaml.safe_load(BLOCKS["GitLab"])["performance"]
    assert job["artifacts"]["reports"]["junit"] in " ".join(job["script"])
    return job["script"]


def jenkins_lines():
    text = BLOCKS["Jenkins"]
    assert text.count("{") == text.count("}")
    return re.findall(r"^ *sh '(.*)'$", text, re.MULTILINE)


def github_lines():
    steps = yaml.safe_load(BLOCKS["GitHub"])["jobs"]["performance"]["steps"]
    return [step["run"] for step in steps if "run" in step]


LINES = {
    "cron": cron_lines(),
    "gitlab": gitlab_lines(),
    "jenkins": jenkins_lines(),
    "github": github_lines(),
    "script": BLOCKS["In a script"].splitlines(),
}


@pytest.fixture
def shell(tmp_path):
    """Run a line in an empty folder as CI would, and give what came of it."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def call(line, **environment):
        line = line.replace("/srv/perf", str(tmp_path))
        given = {**os.environ, "PATH": path, "PRODUCT": "Shop"} | environment
        return subprocess.run(["sh", "-c", line], cwd=tmp_path, env=given, capture_output=True, text=True, check=False)

    return call


@pytest.fixture(scope="module")
def server():
    with FakePerfTracker(shop_jobs()) as running:
        yield running


def test_every_example_was_found():
    """Each example of the page has at least one shell line, so that none goes untested."""
    assert len(BLOCKS) == len(LINES)
    assert all(LINES.values())
    assert PAGE.count("perftracker-ai analyze") == len(LINES)


def test_the_cron_line_judges_publishes_and_tells(shell, server, tmp_path):
    """The cron line says nothing but the log, leaves the report at the job and tells the channels."""
    with WebHook() as hook:
        entry = f'[[notify]]\nname = "team"\nurl = "json://127.0.0.1:{hook.port}"\n'
        (tmp_path / "perftracker-ai.toml").write_text(entry)
        (line,) = LINES["cron"]
        ran = shell(line, PERFTRACKER_AI_URL=server.url)
    assert (ran.returncode, ran.stdout) == (0, "")
    assert all(text.startswith("warning: ") for text in ran.stderr.splitlines())
    assert "Published" in (tmp_path / "perf.log").read_text()
    assert len(hook.received) == 1


@pytest.mark.parametrize("example", ["gitlab", "jenkins"])
def test_pipelines_stop_at_the_gate_and_leave_a_test_report(shell, server, tmp_path, example):
    """A version that must not ship ends the step with 1, and the JUnit file the pipeline collects is there."""
    codes = [shell(line, PERFTRACKER_AI_URL=server.url).returncode for line in LINES[example]]
    assert codes == [1]
    assert ET.parse(tmp_path / "junit.xml").getroot().get("failures") == "1"
    assert list((tmp_path / "reports").rglob("report.html"))


def test_github_shows_the_beginning_of_the_report(shell, server, tmp_path):
    """The workflow's step stops at the gate and puts verdict and issues on its page."""
    page = tmp_path / "summary.md"
    (line,) = LINES["github"]
    ran = shell(line, PERFTRACKER_AI_URL=server.url, GITHUB_STEP_SUMMARY=str(page))
    assert ran.returncode == 1
    assert "## Executive Summary" in page.read_text()
    assert "POST /orders" in page.read_text()


def test_the_script_reads_the_verdict(shell, server, tmp_path):
    """The JSON on standard output is whole, and the second line prints the verdict from it."""
    first, second = (shell(line, PERFTRACKER_AI_URL=server.url) for line in LINES["script"])
    assert (first.returncode, first.stdout) == (0, "")
    verdict = json.loads((tmp_path / "run.json").read_text())["products"][0]["result"]["verdict"]
    assert second.stdout == f"{verdict}\n"


@pytest.mark.parametrize("example", LINES)
def test_an_example_that_cannot_judge_fails_with_2(shell, tmp_path, example):
    """Nothing judged is never taken for approved: every example's first line ends with 2 and a sentence."""
    (tmp_path / "perftracker-ai.toml").write_text('[[notify]]\nname = "team"\nurl_env = "NOT_SET"\n')
    ran = shell(LINES[example][0], PERFTRACKER_AI_URL=str(tmp_path / "nowhere"))
    assert ran.returncode == 2
    assert ran.stderr.startswith("error: There is no folder")
