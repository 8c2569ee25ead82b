"""The stand-in model server against its contract: shapes, statuses and words as servers give them."""

import gzip
import json

import httpx2
import pytest
from fake_llm import (
    MODEL,
    NUM_KEEP,
    TOO_LONG,
    FakeLLM,
    Model,
    Written,
    busy,
    cut,
    fenced,
    gzipped,
    proxy_page,
    rendered,
    repeating,
    tokens,
)
from hang_guard import HANG_S

SCHEMA = {"type": "object", "properties": {"a": {"enum": ["F1", "F2"]}}, "required": ["a"]}
HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture
def server():
    with FakeLLM(
        {MODEL: Model(), "native:1b": Model(native=True), "bert:latest": Model(capabilities=("embedding",))}
    ) as it:
        yield it


@pytest.fixture
def http(server):
    with httpx2.Client(base_url=server.url, trust_env=False, timeout=HANG_S) as client:
        yield client


def chat(http, **fields):
    return http.post("/api/chat", json={"model": MODEL, "messages": HELLO, "stream": False} | fields)


def lines_of(response):
    return [json.loads(line) for line in response.text.splitlines()]


def test_root_and_unknown_paths(http):
    """The root, an unknown path and a wrong method answer in Ollama's words."""
    assert http.get("/").text == "Ollama is running"
    assert (http.get("/api/nothing").status_code, http.get("/api/nothing").text) == (404, "404 page not found")
    assert (http.get("/api/chat").status_code, http.get("/api/chat").text) == (405, "405 method not allowed")
    assert http.head("/api/version").content == b""


def test_what_ollama_says_of_itself(http):
    """Version, tags and show have the documented shapes, and nothing is loaded at first."""
    assert http.get("/api/version").json() == {"version": "0.33.0"}
    assert [tag["name"] for tag in http.get("/api/tags").json()["models"]] == [MODEL, "native:1b", "bert:latest"]
    shown = http.post("/api/show", json={"model": MODEL}).json()
    assert shown["model_info"][shown["model_info"]["general.architecture"] + ".context_length"] == 32768
    assert http.get("/api/ps").json() == {"models": []}


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"model": ""}, 400, "model is required"),
        ({"model": "a b"}, 400, "invalid model name"),
        ({"model": "absent"}, 404, "model 'absent' not found"),
        ({"think": True}, 400, f'"{MODEL}" does not support thinking'),
        ({"think": "x"}, 400, 'invalid think value: "x" (must be "high", "medium", "low", "max", true, or false)'),
        ({"model": "bert"}, 400, '"bert" does not support chat'),
        ({"options": {"num_ctx": "8192"}}, 500, 'option "num_ctx" must be of type integer'),
        ({"format": "xml"}, 500, 'invalid format: "\\"xml\\""; expected "json" or a valid JSON Schema object'),
        (
            {"messages": "hi"},
            400,
            "json: cannot unmarshal string into Go struct field ChatRequest.messages of type []api.Message",
        ),
    ],
)
def test_refused_questions(http, body, status, error):
    """Each bad request gets its status and its words."""
    response = chat(http, **body)
    assert (response.status_code, response.json()) == (status, {"error": error})


def test_bodies_that_are_none(http):
    """An empty and a broken body are told apart."""
    assert http.post("/api/chat").json() == {"error": "missing request body"}
    assert "looking for beginning of value" in http.post("/api/chat", content=b"x").json()["error"]


def test_names_are_normalised(http):
    """Registry, namespace, case and the tag latest do not matter."""
    assert chat(http, model="Registry.Ollama.ai/library/QWEN2.5-coder:14B").status_code == 200
    assert http.post("/api/show", json={"model": "BERT"}).status_code == 200


@pytest.mark.parametrize("last_in_done", [False, True])
def test_stream_and_single_object_hold_the_same_text(server, http, last_in_done):
    """Text in pieces, the last of them in the done object or not, is the text of one object."""
    server.last_in_done = last_in_done
    text = '{"a": "«naïve» \\"quoted\\" <b>&</b> 😀"}'
    server.say(Written(text), Written(text))
    events = lines_of(chat(http, stream=True))
    assert "".join(event["message"]["content"] for event in events) == text
    assert bool(events[-1]["message"]["content"]) is last_in_done
    assert [event["done"] for event in events] == [False] * (len(events) - 1) + [True]
    single = chat(http).json()
    assert (single["message"]["content"], single["done_reason"]) == (text, "stop")
    assert single["prompt_eval_count"] == tokens(rendered(HELLO))


def test_generate_counts_and_loads(server, http):
    """The older interface answers with its own keys, and an empty prompt only loads."""
    server.say("words")
    whole = http.post("/api/generate", json={"model": MODEL, "prompt": "hi", "stream": False}).json()
    assert (whole["response"], whole["done_reason"]) == ("words", "stop")
    assert http.post("/api/generate", json={"model": MODEL}).json()["done_reason"] == "load"
    assert chat(http, messages=[]).json()["done_reason"] == "load"
    assert chat(http, messages=[], keep_alive=0).json()["done_reason"] == "unload"


def test_window_is_clamped_shown_and_reloads(server, http):
    """The window in force is the one asked for, as far as the model was trained; a change reloads."""
    for asked, in_force in ((8192, 8192), (8192, 8192), (10**6, 32768), (None, 4096)):
        chat(http, options={"num_ctx": asked} if asked else {})
        assert http.get("/api/ps").json()["models"][0]["context_length"] == in_force
    assert server.reloads == 3


def long_prompt(count=5000):
    head = "HEAD " + "word " * int(count * 3.2 / 5)
    return [{"role": "user", "content": head + " TAIL"}]


def test_silent_cut_to_half_the_window(http):
    """By default a prompt that does not fit loses its head without a word, and the count shows it."""
    single = chat(http, messages=long_prompt()).json()
    assert single["prompt_eval_count"] == 4096 - (4096 - NUM_KEEP) // 2
    assert "TAIL" in single["message"]["content"]


def test_cut_answers_see_the_tail_only(server, http):
    """An answer made from a cut prompt is made from what survived."""
    server.say(lambda asked: Written(f"{'HEAD' in asked.seen} {'TAIL' in asked.seen} {'HEAD' in asked.prompt}"))
    assert chat(http, messages=long_prompt()).json()["message"]["content"] == "False True True"


@pytest.mark.parametrize(
    ("model", "fields", "nested"),
    [
        (MODEL, {"shift": False}, False),
        (MODEL, {"shift": False, "truncate": False}, False),
        (MODEL, {"truncate": False}, True),
        ("native:1b", {}, True),
    ],
)
def test_prompts_that_are_refused(http, model, fields, nested):
    """What forbids cutting, or the engine's own template, turns it into a 400, plain or as JSON within a string."""
    response = chat(http, model=model, messages=long_prompt(), **fields)
    error = response.json()["error"]
    assert response.status_code == 400
    assert (error != TOO_LONG) is nested
    if nested:
        assert json.loads(error)["error"]["n_ctx"] == 4096


def test_older_servers_cut_whatever_they_are_told(server, http):
    """A server before 0.12.6 takes no notice of what forbids cutting."""
    server.knows_shift = False
    assert chat(http, messages=long_prompt(), shift=False, truncate=False).status_code == 200


def test_answers_fit_the_schema(server, http):
    """An answer made up fits the schema, and one scripted that does not is the test's mistake."""
    assert json.loads(chat(http, format=SCHEMA).json()["message"]["content"]) == {"a": "F1"}
    server.say('{"a": "F3"}')
    chat(http, format=SCHEMA)
    with pytest.raises(Exception, match="'F3' is not one of"):
        server.stop()


def test_answers_that_are_wrong_on_purpose(server, http):
    """Fenced, cut, empty and never-ending answers come as scripted."""
    server.say(fenced({"a": 1}), cut('{"a": "F1"}', 5), Written(""), repeating("x x x"))
    assert chat(http, format=SCHEMA).json()["message"]["content"].startswith("```json\n")
    short = chat(http, format=SCHEMA).json()
    assert (short["message"]["content"], short["done_reason"]) == ('{"a":', "length")
    assert chat(http).json()["message"]["content"] == ""
    assert chat(http).json()["done"] is False


def test_limit_of_tokens_cuts(server, http):
    """An answer longer than num_predict is cut there."""
    server.say(Written("x" * 100))
    short = chat(http, options={"num_predict": 10}).json()
    assert (len(short["message"]["content"]), short["done_reason"]) == (32, "length")


def test_faults_are_used_up(server, http):
    """A fault holds for as many requests as asked for."""
    server.script("/api/chat", busy(), times=1)
    server.script("/api/tags", proxy_page(404, "Not Found"), times=1)
    assert [chat(http).status_code for _ in range(2)] == [503, 200]
    assert http.get("/api/tags").headers["content-type"] == "text/html"


def test_gzip(server, http):
    """A compressed stream says so and can be read."""
    server.script("/api/chat", gzipped(), times=1)
    server.say(Written("text"))
    with http.stream("POST", "/api/chat", json={"model": MODEL, "messages": HELLO}) as response:
        raw = b"".join(response.iter_raw())
    assert b'"done":true' in gzip.decompress(raw)


def test_pull_in_steps_and_again(server, http):
    """A pull tells of every file in steps, and a second one has all of it at once."""
    server.registry["new:1b"] = Model(digest="d" * 64)
    events = lines_of(http.post("/api/pull", json={"model": "new:1b"}))
    assert events[0] == {"status": "pulling manifest"}
    assert events[-1] == {"status": "success"}
    assert len({event["digest"] for event in events if "digest" in event}) == 3
    assert "new:1b" in server.models
    again = lines_of(http.post("/api/pull", json={"model": "new:1b"}))
    assert next(event["completed"] for event in again if "digest" in event) == Model().size


def test_pull_of_nothing(http):
    """An unknown model is an error line when streaming, and a 500 when not."""
    response = http.post("/api/pull", json={"model": "absent"})
    assert (response.status_code, lines_of(response)[-1]) == (
        200,
        {"error": "pull model manifest: file does not exist"},
    )
    assert http.post("/api/pull", json={"model": "absent", "stream": False}).status_code == 500


def test_openai_interface_of_ollama(server, http):
    """The other interface ignores options and the newer bound, and cuts without a word."""
    server.say(Written("x" * 100))
    body = {"model": MODEL, "messages": long_prompt(), "options": {"num_ctx": 32768}, "max_completion_tokens": 5}
    whole = http.post("/v1/chat/completions", json=body).json()
    assert whole["usage"]["prompt_tokens"] == 2050
    assert len(whole["choices"][0]["message"]["content"]) == 100
    assert whole["system_fingerprint"] == "fp_ollama"


def test_openai_stream(server, http):
    """A stream has pieces, an end with its reason, usage when asked for, and [DONE]."""
    server.say(Written("some text"))
    body = {"model": MODEL, "messages": HELLO, "stream": True, "stream_options": {"include_usage": True}}
    events = [
        line[6:] for line in http.post("/v1/chat/completions", json=body).text.splitlines() if line[:5] == "data:"
    ]
    assert events.pop() == "[DONE]"
    chunks = [json.loads(event) for event in events]
    assert chunks[-1]["usage"]["prompt_tokens"] == tokens(rendered(HELLO))
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks[:-1]) == "some text"


@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [("vllm", 400, "maximum context length is 4096"), ("llama.cpp", 400, "available context size (4096 tokens)")],
)
def test_other_servers_refuse_what_does_not_fit(kind, status, words):
    """Both vLLM and llama.cpp refuse a prompt that is too long in their words, and honour the newer bound."""
    with (
        FakeLLM({MODEL: Model(ctx_train=4096)}, kind=kind) as server,
        httpx2.Client(base_url=server.url, timeout=HANG_S) as http,
    ):
        response = http.post("/v1/chat/completions", json={"model": MODEL, "messages": long_prompt()})
        assert response.status_code == status
        assert words in response.json()["error"]["message"]
        server.say(Written("x" * 100))
        body = {"model": MODEL, "messages": HELLO, "max_completion_tokens": 5}
        assert http.post("/v1/chat/completions", json=body).json()["choices"][0]["finish_reason"] == "length"
        assert http.post("/api/chat", json=body).status_code == 404
