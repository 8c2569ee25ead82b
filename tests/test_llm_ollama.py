"""The Ollama edge against the stand-in: a whole answer with its provenance, or one sentence that says what to do."""

import json
import signal
import threading
import time

import pytest
from fake_llm import (
    MODEL,
    FakeLLM,
    Model,
    Written,
    answer,
    busy,
    cut,
    delay,
    drip,
    drop,
    failure,
    fenced,
    gzipped,
    hang,
    proxy_page,
    rendered,
    repeating,
    tokens,
    unframed,
)
from hang_guard import must_end

from perftracker_ai.errors import BadReply, LanguageModelError, ModelMissing, ModelUnreachable, PromptTooLong
from perftracker_ai.llm import Doing, Patience, Prompt, open_backend

SCHEMA = {
    "type": "object",
    "properties": {"a": {"$ref": "#/$defs/id"}, "b": {"type": "string", "maxLength": 5000, "pattern": "^x"}},
    "required": ["a"],
    "$defs": {"id": {"enum": ["F1", "F2"]}},
}
PROMPT = Prompt(system="You write a report. " * 20, user="C1 PUT /api/v1/settings 2.1 times slower from 43000. " * 40)
QUICK = Patience(connect_s=1.0, quick_s=0.5, silence_s=0.5, busy_pause_s=0.25)
GOOD = '{"a": "F2"}'


@pytest.fixture
def server():
    with FakeLLM() as running:
        yield running


@pytest.fixture
def slept():
    return []


@pytest.fixture
def connect(slept):
    """Open back ends with short patience and a recorded sleep, and close them at the end."""
    opened = []

    def open_it(url, model=MODEL, **more):
        common = {"deadline_s": 1.0, "seed": 7, "patience": QUICK, "sleep": slept.append}
        opened.append(open_backend(url, model, **common | more))
        return opened[-1]

    yield open_it
    for backend in opened:
        backend.close()


class Clock:
    """A clock that goes on like any other, and can be set."""

    def __init__(self):
        self._begun, self._ahead = time.monotonic(), 0.0

    def __call__(self):
        return time.monotonic() - self._begun + self._ahead

    def to(self, seconds):
        """Give a function that sets the clock, whatever it is called with."""

        def set_it(*_):
            self._ahead += seconds - self()

        return set_it


def ask(backend, prompt=PROMPT, schema=SCHEMA, *, answer_tokens=500, progress=lambda *state: None):
    return backend.ask(prompt, schema, answer_tokens=answer_tokens, progress=progress)


def ask_and_fail(backend, kind, **more):
    with pytest.raises(kind) as error:
        ask(backend, **more)
    return sentence_of(error)


def sentence_of(error):
    text = str(error.value)
    assert text.isprintable()
    assert len(text) < 600
    assert text[-1] == "."
    return text


# ── a good server ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("last_in_done", [False, True])
def test_whole_answer_with_its_provenance(server, connect, last_in_done):
    """The text is every piece joined, the last object's too, and model, digest, version, window and counts are told."""
    server.last_in_done = last_in_done
    text = '{"a": "F2", "b": "x «ü» 😀 \\"q\\" <&>"}'
    server.say(text)
    got = ask(connect(server.url))
    prompt = rendered([{"role": "system", "content": PROMPT.system}, {"role": "user", "content": PROMPT.user}])
    assert (got.text, got.model, got.digest, got.seed) == (text, MODEL, Model().digest, 7)
    assert (got.server, got.server_version, got.window) == (f"Ollama at {server.url}", "0.33.0", 4096)
    assert (got.prompt_tokens, got.answer_tokens) == (tokens(prompt), tokens(text))
    assert 0 < got.seconds < 1


def test_request_forbids_cutting_and_fixes_chance(server, connect):
    """The body has the window, both prohibitions, seed, temperature, the bound, and the schema without references."""
    ask(connect(server.url))
    (body,) = server.asked()
    assert body["options"] == {"num_ctx": 4096, "num_predict": 500, "seed": 7, "temperature": 0}
    assert [body[key] for key in ("truncate", "shift", "think", "stream")] == [False, False, False, True]
    assert body["keep_alive"] == "10m"
    properties = {"a": {"enum": ["F1", "F2"]}, "b": {"type": "string", "maxLength": 1000}}
    assert body["format"] == {"type": "object", "properties": properties, "required": ["a"]}
    assert [message["role"] for message in body["messages"]] == ["system", "user"]


def test_one_window_for_the_whole_run(server, connect):
    """A shorter question keeps the window of the longer one, so the model is loaded once."""
    backend = connect(server.url)
    ask(backend, Prompt(system="s", user="x" * 15000), answer_tokens=1500)
    ask(backend)
    assert [body["options"]["num_ctx"] for body in server.asked()] == [8192, 8192]
    assert server.reloads == 1


def test_window_grows_when_a_later_question_needs_it(server, connect):
    """A later question that does not fit gets a larger window rather than a refusal."""
    backend = connect(server.url)
    ask(backend)
    ask(backend, Prompt(system="s", user="x" * 15000))
    assert [body["options"]["num_ctx"] for body in server.asked()] == [4096, 8192]


def test_server_is_asked_for_facts_once(server, connect):
    """Window, digest and version are asked for once in a run."""
    backend = connect(server.url)
    ask(backend)
    ask(backend)
    paths = [request.path for request in server.requests]
    assert [paths.count(path) for path in ("/api/show", "/api/tags", "/api/version")] == [1, 1, 1]


def test_progress_counts_pieces_and_seconds(server, connect):
    """Progress begins with nothing, never falls, and its pieces are the answer."""
    told = []
    text = '{"a": "F1", "b": "' + "x" * 200 + '"}'
    server.say(text)
    ask(connect(server.url), progress=lambda *state: told.append(state))
    assert told[0] == (0, 0.0, "", Doing.READING)
    assert [state[:2] for state in told] == sorted(state[:2] for state in told)
    assert told[-1][0] > 20
    assert "".join(state[2] for state in told) == text


def test_cold_start_is_waited_for(server, connect):
    """A first byte that comes late, as while a model loads, is no failure as long as the deadline is not reached."""
    server.script("/api/chat", delay(0.7))
    server.say(GOOD)
    assert ask(connect(server.url, deadline_s=5.0)).text == GOOD


def test_compressed_answer_is_read(server, connect):
    """A stream that a proxy compressed is read like any other."""
    server.script("/api/chat", gzipped())
    server.say(GOOD)
    assert ask(connect(server.url)).text == GOOD


def test_server_that_does_not_stream(server, connect):
    """One object in place of a stream is a whole answer too."""
    event = {"message": {"content": GOOD}, "done": True, "prompt_eval_count": 800}
    server.script("/api/chat", answer(200, json.dumps(event), "application/json"))
    assert ask(connect(server.url)).text == GOOD


@pytest.mark.parametrize("written", [fenced({"a": "F1"}), Written("no JSON"), Written(""), Written('{"z": 1}')])
def test_what_the_text_says_is_not_judged_here(server, connect, written):
    """A whole answer is given as it is, fenced, empty or of another form: judging it is the verifier's."""
    server.say(written)
    assert ask(connect(server.url)).text == written.text


def test_answers_without_a_reason_are_whole(server, connect):
    """An older server that gives no done_reason is taken to have stopped."""
    server.say(Written(GOOD, reason=None))
    assert ask(connect(server.url)).text == GOOD


def test_model_name_in_another_form(server, connect):
    """A name with registry and other case finds the digest of the same model."""
    server.say(GOOD)
    got = ask(connect(server.url, "registry.ollama.ai/library/QWEN2.5-coder:14b"))
    assert (got.digest, got.window) == (Model().digest, 4096)


def test_facts_for_the_reader_may_fail(server, connect):
    """An answer is not lost because the server does not tell its version, digest or window."""
    server.script("/api/(tags|version|ps)", failure(500, "model list cache unavailable"))
    server.say(GOOD)
    got = ask(connect(server.url))
    assert (got.text, got.digest, got.server_version, got.window) == (GOOD, "", "", 4096)


def test_unknown_trained_length_leaves_the_ceiling(server, connect):
    """A server that does not tell the trained length is asked for at most the ceiling."""
    server.models[MODEL] = Model(ctx_train=None)
    assert ask(connect(server.url, ceiling=5000), answer_tokens=2800).window == 5000


# ── windows that are too small ──────────────────────────────────────────────────────────────────────────────────────

LONG = Prompt(system="HEAD", user="word " * 3000)


@pytest.mark.parametrize(
    ("trained", "ceiling", "words"),
    [(4096, 32768, "all it was trained for"), (32768, 4096, "the longest window allowed")],
)
def test_question_that_cannot_fit_is_not_put(server, connect, trained, ceiling, words):
    """A prompt beyond what the model was trained for, or beyond the ceiling, is refused before anything is sent."""
    server.models[MODEL] = Model(ctx_train=trained)
    text = ask_and_fail(connect(server.url, ceiling=ceiling), PromptTooLong, prompt=LONG)
    assert words in text
    assert server.asked() == []


def test_cut_by_an_older_server_is_noticed(server, connect):
    """A server that ignores window and prohibitions and cuts to half is found out by its count; no text is used."""
    server.knows_shift, server.ignores_num_ctx = False, True
    server.say(lambda asked: Written(f"head seen: {'HEAD' in asked.seen}"))
    text = ask_and_fail(connect(server.url), PromptTooLong, prompt=LONG)
    assert "read only 2050 tokens" in text


@pytest.mark.parametrize("counted", [4096, 0, 2400])
def test_counts_that_cannot_be(server, connect, counted):
    """A count of a full window, of nothing, or of far too little is a cut prompt."""
    server.ignores_num_ctx = True
    server.say(Written(GOOD, counted=counted))
    server.default_ctx = 4096 if counted else 32768
    ask_and_fail(connect(server.url), PromptTooLong, prompt=Prompt(system="", user="x" * 12900))


def test_count_that_is_left_out(server, connect):
    """A server that leaves the count out says that it read nothing."""
    server.say(Written(GOOD, usage=False))
    ask_and_fail(connect(server.url), PromptTooLong)


@pytest.mark.parametrize(("native", "words"), [(False, "does not fit"), (True, r"tokens in 2048\)")])
def test_overflow_told_by_the_server(server, connect, native, words):
    """A refusal for length is understood in both forms, the sizes taken from JSON within a string."""
    server.models[MODEL] = Model(native=native)
    server.ignores_num_ctx, server.default_ctx = True, 2048
    with pytest.raises(PromptTooLong, match=words) as error:
        ask(connect(server.url), LONG)
    sentence_of(error)


# ── answers that are not whole ──────────────────────────────────────────────────────────────────────────────────────


def test_answer_cut_by_its_bound(server, connect):
    """An answer that reached the limit of tokens says so, even when it happens to be JSON."""
    server.say(cut(GOOD, 10), cut(GOOD, 1000), GOOD)
    backend = connect(server.url)
    assert [(got.text, got.whole) for got in (ask(backend), ask(backend), ask(backend))] == [
        (GOOD[:10], False),
        (GOOD, False),
        (GOOD, True),
    ]


def test_thoughts_are_counted_and_not_kept(server, connect):
    """What a model thinks although it was told not to is progress, and no part of its answer."""
    told = []
    server.say(Written(GOOD, thoughts=3))
    got = ask(connect(server.url), progress=lambda *state: told.append(state))
    assert (got.text, got.thoughts) == (GOOD, 3)
    assert [state[0] for state in told if state[3] is Doing.THINKING] == [1, 2, 3]
    assert server.asked()[0]["think"] is False


@pytest.mark.parametrize("reason", ["load", "unload", "\x1b[31m"])
def test_answers_that_ended_for_another_reason(server, connect, reason):
    """Only an answer that stopped by itself is given."""
    server.say(Written(GOOD, reason=reason))
    ask_and_fail(connect(server.url), BadReply)


@pytest.mark.parametrize("written", [repeating(GOOD), Written(GOOD, drop=True), Written("", done=False)])
def test_streams_without_an_end(server, connect, written):
    """A stream that ends, or a connection that closes, before the answer says that it is done, is a failure."""
    server.say(written)
    assert "broke off in the middle" in ask_and_fail(connect(server.url), BadReply)


def test_connection_closed_without_an_answer(server, connect):
    """A server that closes without a byte is told as such."""
    server.script("/api/chat", drop())
    ask_and_fail(connect(server.url), BadReply)


def test_error_in_mid_stream(server, connect):
    """An error among the pieces ends the answer with what the server said."""
    server.say(Written('{"a": ', error="model runner has unexpectedly stopped"))
    assert "model runner has unexpectedly stopped" in ask_and_fail(connect(server.url), BadReply)


@pytest.mark.parametrize("junk", [b"not json", b'{"message": {"content": 5}}', b"[1]", b"\xff\xfe", b"[" * 5000])
def test_lines_that_are_no_events(server, connect, junk):
    """A line that is no JSON, or no event, ends the answer."""
    server.say(Written('{"a": ', junk=junk))
    ask_and_fail(connect(server.url), BadReply)


def test_answer_without_bounds(server, connect):
    """An answer that is longer than any report is given up, and the server told to stop."""
    server.say(Written("", endless=True))
    assert "more than 1 MiB" in ask_and_fail(connect(server.url, deadline_s=20.0), BadReply)
    assert server.cancelled.wait(5)


def test_line_without_bounds(server, connect):
    """A line that does not end is given up."""
    server.script("/api/chat", answer(200, b"x" * (5 << 20), "application/x-ndjson"))
    assert "4 MiB" in ask_and_fail(connect(server.url, deadline_s=5.0), BadReply)


def test_body_without_bounds(server, connect):
    """Lines that say nothing do not go on for ever."""
    server.script("/api/chat", answer(200, b'{"pad":"' + b"x" * (1 << 20) + b'"}\n', "application/x-ndjson"))
    server.script("/api/chat", lambda reply: type(reply)(pieces=(reply.body for _ in range(70))))
    server._scripts.reverse()
    assert "64 MiB" in ask_and_fail(connect(server.url, deadline_s=20.0), BadReply)


def test_answer_that_only_claims_to_be_compressed(server, connect):
    """A body that cannot be decoded is told as such."""
    server.script("/api/chat", gzipped(broken=True))
    assert "cannot be decoded" in ask_and_fail(connect(server.url), BadReply)


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_missing_model_names_the_command(server, connect):
    """A model that is not there is answered with the exact command that gets it."""
    text = ask_and_fail(connect(server.url, "llama3:8b"), ModelMissing)
    assert "`ollama pull llama3:8b`" in text
    assert server.asked() == []


def test_model_that_vanished(server, connect):
    """A model whose files went since is told the same, in the words of older servers too."""
    server.script("/api/chat", failure(404, f'model "{MODEL}" not found, try pulling it first'))
    assert f"`ollama pull {MODEL}`" in ask_and_fail(connect(server.url), ModelMissing)


def test_busy_server_is_asked_once_more(server, connect, slept):
    """A full queue is tried once more after a pause, and then answered."""
    server.script("/api/chat", busy(), times=1)
    server.say(Written("lost with the refusal"), GOOD)
    assert ask(connect(server.url)).text == GOOD
    assert slept == [0.25]


def test_busy_server_is_not_asked_for_ever(server, connect):
    """A server that stays busy is left alone after the second try."""
    server.script("/api/chat", busy())
    assert "is busy (server busy, please try again" in ask_and_fail(connect(server.url), ModelUnreachable)
    assert len(server.asked()) == 2


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (failure(500, "llama-server process has terminated: out of memory"), "out of memory"),
        (failure(400, '{"error":{"code":400,"message":"Failed to initialize samplers: grammar"}}'), "(Failed to init"),
        (answer(403, ""), "answered 403;"),
        (proxy_page(404, "Not Found"), "answered 404 (404 Not Found); check the address"),
        (proxy_page(502), "502 Bad Gateway"),
        (proxy_page(200, "Sign in"), "web page (200 Sign in)"),
        (answer(200, "<html><title>Login</title>", "application/json"), "web page (Login)"),
        (answer(302, "", "text/plain"), "answered 302"),
        (answer(429, '{"error":"rate limit exceeded"}', "application/json"), "rate limit exceeded"),
        (answer(500, b"<html><title>Long</title>" + b"p" * 100_000), "answered 500 (Long)"),
        (answer(500, b"\x1b[31mred\r\n\x07" + b"long " * 100, "text/plain"), "red long"),
    ],
)
@pytest.mark.parametrize("path", ["/api/chat", "/api/show"])
def test_refusals_are_told_in_one_sentence(server, connect, fault, words, path):
    """Whatever stands in place of an answer is named with its status and what it says, without control characters."""
    server.script(path, fault)
    assert words in ask_and_fail(connect(server.url), BadReply)


@pytest.mark.parametrize("kind", ["vllm", "llama.cpp", "lm studio"])
def test_other_servers_are_told_apart(connect, kind):
    """An address of another kind of server ends in a refusal that is no missing model."""
    with FakeLLM(kind=kind) as server:
        ask_and_fail(connect(server.url), BadReply)


def test_foreign_shape_where_facts_are_expected(server, connect):
    """JSON of another shape is refused with the way to name another kind of server."""
    server.script("/api/show", answer(200, '{"model_info": 5}', "application/json"))
    assert "/v1" in ask_and_fail(connect(server.url), BadReply)


# ── time ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_server(server, connect):
    """A refused connection names address and both ways out."""
    backend = connect(server.url)
    server.stop()
    text = ask_and_fail(backend, ModelUnreachable)
    for words in (backend.location, "ollama serve", "--llm off"):
        assert words in text


@pytest.mark.parametrize("fault", [hang(), drip(), delay(600), unframed('{"message":{"content":"x"}}\n')])
def test_deadline_holds_for_servers_that_hang_or_drip(server, connect, fault):
    """One deadline bounds the whole, whether nothing comes or byte after byte, the head's included."""
    server.script("/api/chat", fault)
    with must_end():
        text = ask_and_fail(connect(server.url, deadline_s=0.4), ModelUnreachable)
    assert "within 0.4 s" in text


def test_deadline_holds_for_endless_answers(server, connect):
    """An answer that goes on and on in good order ends at the deadline, and the server is told to stop."""
    server.say(Written("", endless=True, pause_s=0.02))
    assert "within 0.4 s" in ask_and_fail(connect(server.url, deadline_s=0.4), ModelUnreachable)
    assert server.cancelled.wait(5)


def test_deadline_is_one_for_both_tries(server, connect):
    """The pause and the second try of a busy server are within the same deadline."""
    server.script("/api/chat", busy(), times=1)
    server.script("/api/chat", hang())
    clock = Clock()
    with must_end():
        said = ask_and_fail(connect(server.url, deadline_s=600, clock=clock, sleep=clock.to(599.5)), ModelUnreachable)
    assert "within 600 s" in said
    assert len(server.asked("/api/chat")) == 2


def test_deadline_is_one_for_all_questions(server, connect):
    """A second question has what the first one left of the time."""
    server.say(GOOD)
    clock = Clock()
    backend = connect(server.url, deadline_s=600, clock=clock)
    ask(backend)
    server.script("/api/chat", hang())
    clock.to(599.5)()
    with must_end():
        assert "within 600 s" in ask_and_fail(backend, ModelUnreachable)


def test_deadline_that_passed_meanwhile(server, connect):
    """A second try is not begun when the pause before it outlasted the deadline."""
    server.script("/api/chat", busy())
    backend = connect(server.url, deadline_s=0.2, sleep=lambda seconds: time.sleep(0.3))
    assert "within 0.2 s" in ask_and_fail(backend, ModelUnreachable)
    assert len(server.asked()) == 1


@pytest.mark.parametrize("path", ["/api/show", "/api/tags"])
def test_quick_questions_do_not_wait_long(server, connect, path):
    """A question that needs no model is given up soon, and only where it matters is that a failure."""
    server.script(path, hang())
    with must_end():
        backend = connect(server.url, deadline_s=600.0)
        if path == "/api/show":
            assert "within 0.5 s" in ask_and_fail(backend, ModelUnreachable)
        else:
            assert ask(backend).digest == ""


def test_interrupt_while_waiting_cancels(server, connect):
    """Ctrl-C while nothing has come yet ends the wait at once and closes the connection."""
    server.script("/api/chat", hang())
    main = threading.main_thread().ident
    timer = threading.Timer(0.3, lambda: signal.pthread_kill(main, signal.SIGINT))
    timer.start()
    with must_end(), pytest.raises(KeyboardInterrupt):
        ask(connect(server.url, deadline_s=600.0))
    assert server.cancelled.wait(5)


def test_interrupt_while_writing_cancels(server, connect):
    """Ctrl-C in the middle of an answer closes the connection, which stops the server."""
    server.say(Written("", endless=True, pause_s=0.01))

    def interrupt(count, *state):
        if count == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask(connect(server.url, deadline_s=30.0), progress=interrupt)
    assert server.cancelled.wait(5)


def test_no_thread_outlives_a_question(server, connect):
    """The watch over the deadline ends with the question."""
    before = {thread.name for thread in threading.enumerate() if isinstance(thread, threading.Timer)}
    ask(connect(server.url, deadline_s=600.0))
    time.sleep(0.05)
    assert {thread.name for thread in threading.enumerate() if isinstance(thread, threading.Timer)} <= before


# ── secrets ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_key_is_sent_and_never_shown(server, connect):
    """The key reaches the server, and no message repeats it even when the server does."""
    server.api_key = "right"
    text = ask_and_fail(connect(server.url, api_key="hush-hush-secret"), BadReply)
    assert "check the API key" in text
    assert "hush" not in text
    server.say(GOOD)
    assert ask(connect(server.url, api_key="right")).text == GOOD


def test_password_in_the_address_is_sent_and_never_shown(server, connect):
    """A user and password in the address become basic authentication, and show up nowhere."""
    backend = connect(server.url.replace("://", "://joe:s%40cret@"))
    server.script("/api/chat", failure(500, "no entry for s@cret or s%40cret"))
    text = ask_and_fail(backend, BadReply)
    assert server.requests[0].headers["authorization"].startswith("Basic ")
    assert "cret" not in text + backend.location
    assert "joe" not in text + backend.location


def test_proxies_are_not_used_on_this_machine(server, connect, monkeypatch):
    """A proxy that the environment names for everything is not asked for a server on this machine."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    server.say(GOOD)
    assert ask(connect(server.url)).text == GOOD


# ── TLS ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def tls_server():
    with FakeLLM(tls=True) as running:
        yield running


def test_untrusted_certificate(tls_server, connect):
    """A certificate nobody vouches for is refused, naming where to name its authority."""
    assert "SSL_CERT_FILE" in ask_and_fail(connect(tls_server.url), ModelUnreachable)


def test_deadline_holds_over_tls(tls_server, connect, tmp_path, monkeypatch):
    """With its authority the server is trusted, and a drip over TLS is cut off at the deadline too."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tls_server.write_ca(tmp_path / "ca.pem")))
    tls_server.say(GOOD)
    assert ask(connect(tls_server.url)).text == GOOD
    tls_server.script("/api/chat", drip(), times=1)
    with must_end():
        assert "within 0.4 s" in ask_and_fail(connect(tls_server.url, deadline_s=0.4), ModelUnreachable)


def test_https_to_a_server_that_speaks_http(server, connect):
    """An https address of a plain server is told as such."""
    assert "write http://" in ask_and_fail(connect(server.url.replace("http:", "https:")), ModelUnreachable)


# ── doctor ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def checks(backend):
    return {check.name: check for check in backend.check()}


def test_ready_asks_no_question(server, connect):
    """Whether a question could be put is found out without one; a missing model and a missing server are named."""
    connect(server.url).ready()
    assert server.asked() == []
    with pytest.raises(ModelMissing, match="get it with `ollama pull other`"):
        connect(server.url, "other").ready()
    server.stop()
    with pytest.raises(ModelUnreachable, match="ollama serve"):
        connect("http://127.0.0.1:1").ready()


def test_check_of_a_good_server(server, connect):
    """Server, version, model, window and memory are found in order before and after the model is loaded."""
    backend = connect(server.url)
    found = checks(backend)
    assert list(found) == ["language model", "version", "model", "window", "memory"]
    assert all(check.passed and not check.cure for check in found.values())
    assert "version 0.33.0" in found["language model"].detail
    assert "14.8B Q4_K_M 9.0 GB" in found["model"].detail
    assert "trained for 32768" in found["window"].detail
    assert "not loaded" in found["memory"].detail
    ask(backend)
    assert "window of 4096 tokens, all of it on the GPU" in checks(backend)["memory"].detail


def test_check_of_no_server(server, connect):
    """Without a server the one finding says how to start it."""
    backend = connect(server.url)
    server.stop()
    (only,) = backend.check()
    assert not only.passed
    assert "ollama serve" in only.cure


def test_check_of_a_missing_model(server, connect):
    """A missing model is named with those that are there, and its cure is the command alone."""
    found = checks(connect(server.url, "llama3:8b"))
    assert found["model"].cure == "ollama pull llama3:8b"
    assert MODEL in found["model"].detail
    assert "window" not in found


@pytest.mark.parametrize(
    ("version", "passed"), [("0.12.5", False), ("0.12.6", True), ("0.33.0-rc2", True), ("0.0.0", True)]
)
def test_check_of_versions(server, connect, version, passed):
    """A version that cannot be told not to cut is to be upgraded; one built from source is trusted."""
    server.version = version
    found = checks(connect(server.url))["version"]
    assert found.passed is passed
    assert bool(found.cure) is not passed


def test_check_of_a_small_model_on_the_cpu(server, connect):
    """A short trained window fails, and a model partly on the CPU is said to be slow with its share."""
    server.models[MODEL] = Model(ctx_train=4096, on_gpu=0.6)
    backend = connect(server.url)
    ask(backend, Prompt(system="s", user="u"))
    found = checks(backend)
    assert not found["window"].passed
    assert "40% of it on the CPU" in found["memory"].detail


def test_check_raises_nothing(server, connect):
    """Facts that cannot be had are findings, not errors."""
    server.script("/api/(show|ps)", proxy_page(502))
    found = checks(connect(server.url))
    assert [name for name, check in found.items() if not check.passed] == ["window", "memory"]


# ── pull ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def pull(backend):
    told = []
    backend.pull(lambda *state: told.append(state))
    return told


def test_pull_tells_of_all_files_together(server, connect):
    """Bytes received never fall, end at all that is known of, and the model is there afterwards."""
    server.registry["new:1b"] = Model(digest="d" * 64)
    backend = connect(server.url, "new:1b")
    told = pull(backend)
    received = [state[1] for state in told]
    assert received == sorted(received)
    assert told[-1] == ("success", Model().size + 1482 + 487, Model().size + 1482 + 487)
    assert ask(backend).digest == "d" * 64


def test_pull_of_a_model_that_is_none(server, connect):
    """A name no registry knows is told as such, in a stream and as a bad request."""
    for name in ("absent", "bad name"):
        with pytest.raises(ModelMissing, match="check its name") as error:
            pull(connect(server.url, name))
        sentence_of(error)


@pytest.mark.parametrize("fault", [hang(), proxy_page(502), failure(500, "no such host"), drop()])
def test_pull_that_fails(server, connect, fault):
    """A pull that hangs, breaks or is refused ends in a sentence."""
    server.script("/api/pull", fault)
    with pytest.raises(LanguageModelError) as error:
        pull(connect(server.url))
    sentence_of(error)


def test_pull_that_stops_short(server, connect):
    """A stream of progress that ends without success is a failure."""
    server.script("/api/pull", answer(200, '{"status":"pulling manifest"}\n', "application/x-ndjson"))
    with pytest.raises(BadReply, match="goes on where it stopped"):
        pull(connect(server.url))


def test_pull_has_no_deadline_but_for_silence(server, connect):
    """A pull may take longer than an answer as long as something comes."""
    server.script(
        "/api/pull", lambda reply: type(reply)(content_type=reply.content_type, pieces=reply.pieces, pause_s=0.04)
    )
    told = pull(connect(server.url, deadline_s=0.1))
    assert told[-1][0] == "success"
