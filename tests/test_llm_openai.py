"""The OpenAI-compatible edge against the stand-in, as Ollama, vLLM, llama.cpp and LM Studio answer it."""

import time

import pytest
from fake_llm import (
    MODEL,
    FakeLLM,
    Model,
    Written,
    answer,
    busy,
    drip,
    drop,
    gzipped,
    hang,
    proxy_page,
    rendered,
    repeating,
    tokens,
)
from hang_guard import must_end

from perftracker_ai.errors import BadReply, ModelMissing, ModelUnreachable, PromptTooLong
from perftracker_ai.llm import Doing, Patience, Prompt, open_backend

SCHEMA = {
    "type": "object",
    "properties": {"a": {"$ref": "#/$defs/id"}},
    "required": ["a"],
    "$defs": {"id": {"enum": ["F1"]}},
}
PROMPT = Prompt(system="You write a report. " * 20, user="C1 PUT /api/v1/settings 2.1 times slower from 43000. " * 40)
LONG = Prompt(system="HEAD", user="word " * 3000)
QUICK = Patience(connect_s=1.0, quick_s=0.5, silence_s=0.5, busy_pause_s=0.25)
GOOD = '{"a": "F1"}'
KINDS = ("ollama", "vllm", "llama.cpp", "lm studio")


@pytest.fixture(params=KINDS)
def server(request):
    with FakeLLM(kind=request.param, default_ctx=8192) as running:
        yield running


@pytest.fixture
def vllm():
    with FakeLLM(kind="vllm") as running:
        yield running


@pytest.fixture
def connect():
    """Open back ends with short patience, and close them at the end."""
    opened = []

    def open_it(url, model=MODEL, **more):
        common = {"deadline_s": 1.0, "seed": 7, "patience": QUICK, "sleep": lambda seconds: None}
        opened.append(open_backend(f"{url}/v1", model, **common | more))
        return opened[-1]

    yield open_it
    for backend in opened:
        backend.close()


def ask(backend, prompt=PROMPT, *, answer_tokens=500, progress=lambda *state: None):
    return backend.ask(prompt, SCHEMA, answer_tokens=answer_tokens, progress=progress)


def ask_and_fail(backend, kind, **more):
    with pytest.raises(kind) as error:
        ask(backend, **more)
    text = str(error.value)
    assert text.isprintable()
    assert len(text) < 600
    assert text[-1] == "."
    return text


def checks(backend):
    return {check.name: check for check in backend.check()}


WINDOWS = {"ollama": None, "vllm": 32768, "llama.cpp": 8192, "lm studio": 8192}
VERSIONS = {"ollama": "0.33.0", "vllm": "0.33.0", "llama.cpp": "b8681-0000000", "lm studio": ""}


def test_whole_answer_with_its_provenance(server, connect):
    """Each kind of server gives a whole answer, with the window and version it tells in its own way."""
    server.say(GOOD)
    got = ask(connect(server.url))
    prompt = rendered([{"role": "system", "content": PROMPT.system}, {"role": "user", "content": PROMPT.user}])
    assert (got.text, got.model, got.digest, got.seed) == (GOOD, MODEL, "", 7)
    assert (got.window, got.server_version) == (WINDOWS[server.kind], VERSIONS[server.kind])
    assert (got.prompt_tokens, got.answer_tokens) == (tokens(prompt), tokens(GOOD))


def test_request_fixes_chance_and_form(server, connect):
    """The body has seed, temperature, bound, usage and the schema without references, and nothing of Ollama's own."""
    ask(connect(server.url))
    (body,) = server.asked("/completions")
    assert (body["seed"], body["temperature"], body["max_tokens"]) == (7, 0, 500)
    assert body["stream_options"] == {"include_usage": True}
    assert body["response_format"]["json_schema"]["schema"]["properties"] == {"a": {"enum": ["F1"]}}
    assert not {"options", "format", "shift", "truncate", "keep_alive"} & set(body)


def test_halves_of_characters_are_sent_as_question_marks(vllm, connect):
    """A prompt with a surrogate from a broken job document is sent rather than raised."""
    ask(connect(vllm.url), Prompt(system="s", user="a\ud800b"))
    assert vllm.asked("/completions")[0]["messages"][1]["content"] == "a?b"


def test_server_is_asked_for_facts_once(vllm, connect):
    """Kind, version and window are asked for once in a run."""
    backend = connect(vllm.url)
    ask(backend)
    ask(backend)
    assert [request.path for request in vllm.requests].count("/v1/models") == 1


def test_progress_counts_pieces(vllm, connect):
    """Progress begins with nothing and grows with the pieces."""
    told = []
    ask(connect(vllm.url), progress=lambda *state: told.append(state))
    assert told[0] == (0, 0.0, "", Doing.READING)
    assert told[-1][0] > 0


def test_usage_that_is_not_told(vllm, connect):
    """A server that counts nothing gives an answer without counts."""
    vllm.say(Written(GOOD, usage=False))
    got = ask(connect(vllm.url))
    assert (got.text, got.prompt_tokens, got.answer_tokens) == (GOOD, None, None)


def test_server_that_does_not_stream(vllm, connect):
    """One object in place of a stream is a whole answer too."""
    whole = '{"choices":[{"message":{"content":"text"},"finish_reason":"stop"}]}'
    vllm.script("/completions", answer(200, whole, "application/json"))
    assert ask(connect(vllm.url)).text == "text"


def test_hosted_models_that_want_the_newer_bound(vllm, connect):
    """A server that refuses max_tokens is asked with max_completion_tokens, from then on at once."""
    vllm.wants_new_bound = True
    backend = connect(vllm.url)
    ask(backend)
    ask(backend)
    names = [[key for key in body if key.startswith("max_")] for body in vllm.asked("/completions")]
    assert names == [["max_tokens"], ["max_completion_tokens"], ["max_completion_tokens"]]


def test_gateway_with_the_one_path_alone(vllm, connect):
    """A gateway that lists no models is asked all the same."""
    vllm.script("/v1/models", proxy_page(404, "Not Found"))
    vllm.say(GOOD)
    got = ask(connect(vllm.url))
    assert (got.text, got.window) == (GOOD, None)


@pytest.mark.parametrize("fault", [hang(), proxy_page(404, "Not Found"), answer(200, "[]", "application/json")])
def test_facts_for_the_reader_may_fail(connect, fault):
    """An answer is not lost because the server does not tell its version or window."""
    with FakeLLM(kind="llama.cpp") as server:
        server.script("/props", fault)
        got = ask(connect(server.url))
        assert (got.text, got.server_version, got.window) == (GOOD, "", None)


def test_llama_cpp_answers_with_the_model_it_has(connect):
    """The provenance names the model that answered, not the one asked for."""
    with FakeLLM({"served.gguf": Model()}, kind="llama.cpp") as server:
        backend = connect(server.url, "something-else")
        assert ask(backend).model == "served.gguf"
        assert checks(backend)["model"].passed


def test_compressed_stream_is_read(vllm, connect):
    """A stream that a proxy compressed is read like any other."""
    vllm.script("/completions", gzipped())
    vllm.say(GOOD)
    assert ask(connect(vllm.url)).text == GOOD


# ── windows ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["vllm", "llama.cpp", "lm studio"])
def test_known_window_refuses_before_asking(connect, kind):
    """Where the server tells its window, a question that does not fit is not put."""
    with FakeLLM({MODEL: Model(ctx_train=4096)}, kind=kind) as server:
        ask_and_fail(connect(server.url), PromptTooLong, prompt=LONG)
        assert server.asked("/completions") == []


@pytest.mark.parametrize("kind", ["vllm", "llama.cpp", "lm studio"])
def test_overflow_told_by_the_server(connect, kind):
    """Each kind's own words for a prompt that does not fit are understood, in mid-stream too."""
    with FakeLLM({MODEL: Model(ctx_train=2048)}, kind=kind, default_ctx=2048) as server:
        server.script("/models|/props", proxy_page(404, "Not Found"))
        ask_and_fail(connect(server.url), PromptTooLong, prompt=LONG)
        assert len(server.asked("/completions")) == 1


def test_silent_cut_by_ollama_is_noticed(connect):
    """Ollama's cut behind this interface is found out by its count, and the cure is its own interface."""
    with FakeLLM() as server:
        server.say(Written(GOOD))
        assert "drop /v1" in ask_and_fail(connect(server.url), PromptTooLong, prompt=LONG)


# ── failures ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "written",
    [repeating(GOOD), Written(GOOD, drop=True), Written(GOOD, reason="content_filter")]
    + [Written("x", junk=junk) for junk in (b"no json", b'{"choices": 5}', b"[1]")]
    + [Written("x", error="it broke"), Written("x", error={"message": "it broke"})],
)
def test_answers_that_are_not_whole(vllm, connect, written):
    """A stream that is cut, broken off, filtered, erroneous or no JSON gives no answer."""
    vllm.say(written)
    text = ask_and_fail(connect(vllm.url), BadReply)
    assert not written.error or "it broke" in text


def test_answer_cut_by_its_bound(vllm, connect):
    """An answer that reached its bound is given as what it is, the beginning of one."""
    vllm.say(Written("x" * 1000))
    got = ask(connect(vllm.url), answer_tokens=50)
    assert (set(got.text), got.whole) == ({"x"}, False)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thoughts_are_counted_and_not_kept(vllm, connect, field):
    """A model is told not to think; what it thinks all the same comes apart, is progress, and no part of the answer."""
    told = []
    vllm.thinks_in = field
    vllm.say(Written(GOOD, thoughts=3))
    got = ask(connect(vllm.url), progress=lambda *state: told.append(state))
    assert (got.text, got.thoughts, got.whole) == (GOOD, 3, True)
    assert [state[0] for state in told if state[3] is Doing.THINKING] == [1, 2, 3]
    assert vllm.asked("/completions")[0]["chat_template_kwargs"] == {"enable_thinking": False}


def test_a_server_that_takes_less_is_asked_for_less(vllm, connect):
    """A strict server that refuses a field of the question is asked without it, and never again with it."""
    vllm.unknown = ("chat_template_kwargs",)
    vllm.wants_new_bound = True
    backend = connect(vllm.url)
    ask(backend)
    ask(backend)
    assert ["chat_template_kwargs" in body for body in vllm.asked("/completions")] == [True, True, False, False]
    assert ["max_tokens" in body for body in vllm.asked("/completions")] == [True, False, False, False]


def test_reading_a_prompt_is_progress(connect):
    """llama.cpp tells how much of a prompt it has read, which may take minutes."""
    told = []
    with FakeLLM(kind="llama.cpp", default_ctx=32768) as server:
        server.say(GOOD)
        ask(connect(server.url), progress=lambda *state: told.append(state))
    assert [state[0] for state in told if state[3] is Doing.READING] == [0, 1024, 2048]


@pytest.mark.parametrize(
    ("kind", "cure"),
    [("llama.cpp", "-c 8192"), ("vllm", "--max-model-len 8192"), ("lm studio", "context length of 8192")],
)
def test_a_window_too_short_for_a_report_is_found_before_the_work(connect, kind, cure):
    """Before the comparison, and by the doctor, a short window is named with what lengthens it on this server."""
    with FakeLLM({MODEL: Model(ctx_train=4096)}, kind=kind, default_ctx=4096) as server:
        backend = connect(server.url)
        with pytest.raises(PromptTooLong) as caught:
            backend.ready()
        window = backend.check()[-1]
    assert cure in caught.value.cure
    assert "4096" in caught.value.problem
    assert (window.passed, window.cure) == (False, caught.value.cure)
    assert {"llama.cpp": "llama.cpp", "vllm": "vLLM", "lm studio": "LM Studio"}[kind] in caught.value.problem


def test_missing_model(vllm, connect):
    """A model the server does not have is named as such."""
    text = ask_and_fail(connect(vllm.url, "other"), ModelMissing)
    assert "does not have the model other" in text
    assert "--model" in text


def test_busy_server_is_asked_once_more(vllm, connect):
    """A busy server gets a second try and no third."""
    vllm.script("/completions", busy(), times=1)
    ask(connect(vllm.url))
    vllm.script("/completions", busy())
    assert "is busy" in ask_and_fail(connect(vllm.url), ModelUnreachable)
    assert len(vllm.asked("/completions")) == 4


LOADING = answer(503, '{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}', "application/json")


@pytest.mark.parametrize("path", ["/v1/models", "/completions"])
def test_server_that_is_loading_is_waited_for(connect, path):
    """A server that says that it loads its model is asked until it has, and then asked everything."""
    with FakeLLM(kind="llama.cpp") as server:
        server.script(path, LOADING, times=5)
        got = ask(connect(server.url))
        assert (got.text, got.window) == (GOOD, 4096)


def test_server_that_loads_for_ever(vllm, connect):
    """Waiting for a server to load ends at the deadline, and is not begun for a check."""
    vllm.script("/v1/models", LOADING)
    backend = connect(vllm.url, deadline_s=0.4, sleep=lambda seconds: time.sleep(0.05))
    assert "within 0.4 s" in ask_and_fail(backend, ModelUnreachable)
    (only,) = backend.check()
    assert "Loading model" in only.detail


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (proxy_page(404, "Not Found"), "404 Not Found"),
        (proxy_page(200, "Sign in"), "web page (200 Sign in)"),
        (answer(403, ""), "answered 403"),
        (answer(400, '{"object":"error","message":"bad thing","code":400}', "application/json"), "bad thing"),
        (answer(200, '{"object":"error","message":"bad thing","code":400}', "application/json"), "bad thing"),
        (answer(422, '{"detail":"unprocessable"}', "application/json"), "unprocessable"),
        (answer(422, '{"detail":[{"msg":"x"}]}', "application/json"), "answered 422;"),
        (answer(200, "", "text/event-stream"), "broke off"),
        (answer(200, "", "application/json"), "no JSON"),
        (drop(), "broke off"),
        (gzipped(broken=True), "cannot be decoded"),
    ],
)
def test_refusals_are_told_in_one_sentence(vllm, connect, fault, words):
    """Whatever stands in place of an answer is named with what it says."""
    vllm.script("/completions", fault)
    assert words in ask_and_fail(connect(vllm.url), BadReply)


@pytest.mark.parametrize("fault", [hang(), drip()])
def test_deadline_holds(vllm, connect, fault):
    """One deadline bounds a server that hangs and one that drips."""
    vllm.script("/completions", fault)
    with must_end():
        assert "within 0.4 s" in ask_and_fail(connect(vllm.url, deadline_s=0.4), ModelUnreachable)


def test_no_server(vllm, connect):
    """A refused connection names the address."""
    backend, address = connect(vllm.url), vllm.url
    assert backend.location == f"{address}/v1"
    vllm.stop()
    assert address in ask_and_fail(backend, ModelUnreachable)
    (only,) = backend.check()
    assert not only.passed


def test_key_is_sent_and_never_shown(vllm, connect):
    """The key is a bearer token, and no message or finding repeats it."""
    vllm.api_key = "right"
    backend = connect(vllm.url, api_key="hush-hush-secret")
    assert "hush" not in ask_and_fail(backend, BadReply) + repr(backend.check())
    vllm.say(GOOD)
    assert ask(connect(vllm.url, api_key="right")).text == GOOD


def test_pull_is_refused(vllm, connect):
    """Only Ollama is asked to download."""
    with pytest.raises(BadReply, match="load it on the server"):
        connect(vllm.url).pull(lambda *state: None)


# ── doctor ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_ready_asks_no_question(vllm, connect):
    """A server that is there is enough, for some gateways list no models; one that is not is named."""
    connect(vllm.url).ready()
    vllm.script("/v1/models", proxy_page(404, "Not Found"))
    connect(vllm.url).ready()
    assert vllm.asked("/completions") == []
    with pytest.raises(ModelUnreachable, match=r"127\.0\.0\.1:1 "):
        connect("http://127.0.0.1:1").ready()


def test_check_names_the_kind_and_its_window(server, connect):
    """The kind of server is told, its window where known, and Ollama is sent to its own interface."""
    found = checks(connect(server.url))
    names = {"ollama": "Ollama", "vllm": "vLLM", "llama.cpp": "llama.cpp", "lm studio": "LM Studio"}
    assert found["language model"].detail.startswith(names[server.kind])
    assert found["model"].passed
    window = WINDOWS[server.kind]
    assert found["window"].passed is (window is not None)
    assert (str(window) if window else "cuts") in found["window"].detail


def test_check_of_a_missing_model(vllm, connect):
    """A missing model is named with those that are there."""
    found = checks(connect(vllm.url, "other"))["model"]
    assert not found.passed
    assert MODEL in found.detail


def test_check_of_something_else(vllm, connect):
    """An address without such a server is one finding with its cure."""
    vllm.script("/v1/models", proxy_page(404, "Not Found"))
    (only,) = connect(vllm.url).check()
    assert not only.passed
    assert "/v1" in only.cure
