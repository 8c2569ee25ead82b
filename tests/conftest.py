"""Fixtures of the whole suite: comparison with golden files, captured answers, and a closed-off machine."""

import ipaddress
import json
import os
import signal
import socket
from pathlib import Path
from types import SimpleNamespace

import hypothesis
import pytest

from perftracker_ai.cli import main

GOLDEN = Path(__file__).parent / "golden"
DATA = Path(__file__).parent / "data"

# A property is about what holds, never about how fast a machine that does other things as well shows it.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")

# What is started in the background, as by `nohup … &`, ignores Ctrl-C, and so would all that tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files instead of comparing")


SLOW = frozenset(
    {
        "test_backtest",
        "test_cluster",
        "test_connector",
        "test_dashboard_browser",
        "test_dashboard_links",
        "test_dashboard_triage_browser",
        "test_deployment",
        "test_detect_calibration",
        "test_detect_timeline",
        "test_evaluate",
        "test_executors",
        "test_fuzz",
        "test_history_store",
        "test_history_sync",
        "test_operating",
        "test_past_shown",
        "test_publish",
        "test_remembering",
        "test_render_html_browser",
        "test_several",
        "test_simulate",
        "test_storyteller",
        "test_trends_calibration",
    }
)
"""Modules that simulate many jobs, or start servers, browsers and processes: `make check` leaves them out."""
SLOW_TESTS = (
    "test_whatever_is_answered_only_facts",
    "test_thousands_of",
    "test_six_thousand_jobs",
    "test_the_command_serves_until",
    "test_the_demo_",
    "[many]",
    "postgresql",
)


def pytest_collection_modifyitems(items):
    for item in items:
        if item.module.__name__.rpartition(".")[2] in SLOW or any(part in item.name for part in SLOW_TESTS):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """Return two workers more than processors, ten at most: a quarter of their time they wait for others."""
    return min(10, 2 + (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))


@pytest.fixture
def golden(request):
    """Compare a text with ``tests/golden/NAME``; on a mismatch write it beside as ``NAME.got.*``."""
    update = request.config.getoption("--update-golden")

    def compare(name, text):
        path = GOLDEN / name
        if update:
            path.write_text(text, encoding="utf-8")
        expected = path.read_text(encoding="utf-8") if path.exists() else ""
        if text != expected:
            path.with_suffix(".got" + path.suffix).write_text(text, encoding="utf-8")
        assert text == expected

    return compare


@pytest.fixture(scope="session")
def captured():
    """Read what a real server answered, from ``tests/data``."""
    return SimpleNamespace(
        bytes=lambda name: (DATA / name).read_bytes(),
        json=lambda name: json.loads((DATA / name).read_bytes()),
    )


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the command line in an empty folder, and give its exit code and what it said on either stream."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        code = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return SimpleNamespace(code=code, out=said.out, err=said.err)

    return call


@pytest.fixture(scope="session")
def running_chromium():
    """Start the one browser of this process."""
    from browser import CHROMIUM, open_browser

    if not CHROMIUM:
        pytest.skip("no Chromium on this machine")
    with open_browser() as running:
        yield running


@pytest.fixture
def chromium(running_chromium):
    """Give the browser; what a test opens in it is closed after the test."""
    yield running_chromium
    running_chromium.forget()


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """Make the nights of `serve --demo` once for all processes of a run, and give their settings."""
    from dashboards import demo_in

    own = tmp_path_factory.getbasetemp()
    return demo_in((own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "demo")


@pytest.fixture(scope="session", autouse=True)
def clean_environment():
    """Keep the settings of whoever runs the tests out of them, and ask no language model unless a test says so."""
    foreign = ("OLLAMA_HOST", "OLLAMA_API_KEY", "OPENAI_API_KEY")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("PERFTRACKER_AI_") or name in foreign]:
            patch.delenv(name)
        patch.setenv("PERFTRACKER_AI_LLM", "off")
        patch.setenv("PERFTRACKER_AI_RETRY_S", "1")
        patch.setenv("NETRC", os.devnull)
        yield


@pytest.fixture(scope="session", autouse=True)
def loopback_only():
    """Fail a test that reaches for another machine, instead of letting it depend on the network."""
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family != socket.AF_UNIX and not _is_loopback(address[0]):
            raise AssertionError(f"a test tried to connect to {address[0]}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


def _is_loopback(host):
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
