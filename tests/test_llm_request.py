"""What is asked of a model: addresses, names, windows, schemas, and the signs of a cut prompt."""

import subprocess
import sys

import jsonschema
import pytest
from fake_llm import NUM_KEEP

from perftracker_ai.errors import BadReply, PromptTooLong, UsageError
from perftracker_ai.llm import DEFAULT_MODEL, Doing, Prompt, address_of, open_backend
from perftracker_ai.llm.ollama import OllamaBackend, same_model
from perftracker_ai.llm.openai import OpenAIBackend
from perftracker_ai.llm.request import Draft, choose_window, looks_cut, plain_schema, require_room, tokens_needed


def opened(url="", model="m", **more):
    return open_backend(url, model, **{"deadline_s": 1, "seed": 1} | more)


# ── addresses ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.5", "http://10.0.0.5:11434"),
        ("gpu-1.example", "http://gpu-1.example:11434"),
        ("gpu:9999", "http://gpu:9999"),
        (":9999", "http://127.0.0.1:9999"),
        ("http://gpu", "http://gpu:80"),
        ("https://gpu", "https://gpu:443"),
        ("HTTPS://gpu:1234/ollama/", "https://gpu:1234/ollama"),
        ("gpu/ollama", "http://gpu:11434/ollama"),
        ("[::1]", "http://[::1]:11434"),
        ("::1", "http://[::1]:11434"),
        ("[fd00::5]:9999", "http://[fd00::5]:9999"),
        ("http://[fd00::5]/x", "http://[fd00::5]:80/x"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:9999", "http://127.0.0.1:9999"),
        ("[::]:9999", "http://127.0.0.1:9999"),
        (' "gpu:1" ', "http://gpu:1"),
        ("https://joe:secret@gpu/v1/", "https://joe:secret@gpu:443/v1"),
    ],
)
def test_every_form_of_an_address(text, address):
    """Each form of OLLAMA_HOST is read with its own default port, and an address to listen on means this machine."""
    assert address_of(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "ftp://gpu",
        "gpu:port",
        "gpu:0",
        "gpu:99999",
        "http://gpu:",
        "a b",
        "http://gpu/?a=b",
        "http://",
        "x\x1b[31m",
        "gp\xfc",
    ],
)
def test_address_that_is_none(text):
    """What cannot be an address is refused in one sentence with an example of a right one."""
    if text == "http://":
        assert address_of(text) == "http://127.0.0.1:80"
        return
    with pytest.raises(UsageError, match="write it like http://127") as error:
        address_of(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("url", ["gpu/\x01", "http://joe:secret@gpu/" + "x" * 70_000])
def test_address_no_request_can_carry(url):
    """A path with control characters or without end is refused before anything is sent."""
    with pytest.raises(UsageError, match="cannot be used") as error:
        opened(url)
    assert "secret" not in str(error.value)


def test_unusable_certificates_of_the_environment(monkeypatch, tmp_path):
    """A broken SSL_CERT_FILE is named instead of raised."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    with pytest.raises(UsageError, match="SSL_CERT_FILE"):
        opened("https://gpu.example")


def test_refused_address_hides_credentials():
    """A password does not come to light because the address is wrong."""
    with pytest.raises(UsageError) as error:
        address_of("http://joe:secret@gpu:port")
    assert "secret" not in str(error.value)


def test_the_address_given_precedes_that_of_the_environment():
    """An address given wins over OLLAMA_HOST, which wins over the default; blanks are none."""
    for url, environ, location in (
        ("gpu:1", "cpu:2", "http://gpu:1"),
        (" ", "cpu:2", "http://cpu:2"),
        ("", " ", "http://127.0.0.1:11434"),
        ("", None, "http://127.0.0.1:11434"),
    ):
        backend = opened(url, environ_host=environ)
        assert backend.location == location
        backend.close()


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://h/v1", OpenAIBackend),
        ("h:8000/api/v1/", OpenAIBackend),
        ("http://h", OllamaBackend),
        ("h/v11", OllamaBackend),
    ],
)
def test_path_tells_the_interface(url, kind):
    """Only a path that ends in /v1 means an OpenAI-compatible server."""
    backend = opened(url)
    assert type(backend) is kind
    backend.close()


def test_default_model():
    """Without a name the default model is asked for."""
    backend = opened(model=" ")
    assert backend.model == DEFAULT_MODEL
    backend.close()


@pytest.mark.parametrize("model", ["a\nb", "x" * 201])
def test_model_that_is_none(model):
    """A name with control characters, or a whole text, is refused."""
    with pytest.raises(UsageError, match="no name of a model"):
        opened(model=model)


@pytest.mark.parametrize("key", ["sec ret", "sec\nret", "secr\xe4t"])
def test_key_that_no_header_can_carry(key):
    """A key with blanks or foreign characters is refused without being shown."""
    with pytest.raises(UsageError, match="API key") as error:
        opened(api_key=key)
    assert "sec" not in str(error.value)


def test_unusable_proxy_of_the_environment(monkeypatch):
    """A proxy variable that cannot be used is named, its value is not."""
    monkeypatch.setenv("ALL_PROXY", "gopher://joe:secret@proxy")
    with pytest.raises(UsageError, match="ALL_PROXY") as error:
        opened("http://gpu.example")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("qwen2.5-coder", "qwen2.5-coder:latest", True),
        ("QWEN2.5-Coder:14B", "qwen2.5-coder:14b", True),
        ("registry.ollama.ai/library/llama3:8b", "llama3:8b", True),
        ("library/llama3", "llama3:latest", True),
        ("me/llama3:8b", "llama3:8b", False),
        ("llama3", "llama3:8b", False),
        ("host:5000/me/m", "host:5000/me/m:latest", True),
    ],
)
def test_names_of_one_model(one, other, same):
    """Names are compared in full, whatever of them was left out."""
    assert same_model(one, other) is same
    assert same_model(other, one) is same


def test_import_costs_no_network_library():
    """Naming the package, as every run does, imports neither back end nor network library."""
    code = (
        "import sys, perftracker_ai.llm as l; "
        "print([m for m in sys.modules if m.split('.')[0] in ('httpx2', 'ssl', 'socket') or 'ollama' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# ── windows ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("needed", "limit", "window"),
    [
        (1, 32768, 4096),
        (4097, 32768, 6144),
        (7000, 32768, 8192),
        (8193, 32768, 12288),
        (30000, 32768, 32768),
        (7000, 7500, 7500),
    ],
)
def test_window_is_rounded_up_to_a_step(needed, limit, window):
    """A window is the next step that holds what is needed, and never more than allowed."""
    assert choose_window(needed, limit) == window


def test_need_counts_prompt_answer_and_template():
    """The estimate holds the prompt at 2.6 characters a token, the answer, and room for the template."""
    assert tokens_needed(Prompt(system="a" * 1300, user="b" * 1300), 800) > 1000 + 800


def test_room_is_required():
    """What needs more than there is, is refused with both numbers; an unknown window refuses nothing."""
    require_room(10, 10, "m", "why")
    require_room(10**9, None, "m", "why")
    with pytest.raises(PromptTooLong, match="about 11 tokens, and m has 10 "):
        require_room(11, 10, "m", "why")


def test_cut_prompts_are_noticed_and_whole_ones_are_not():
    """For any density of text and any window, a cut to half the window is noticed, and a whole prompt is not."""
    for density in (2.1, 2.6, 3.2, 4.0, 4.8):
        for window in (2048, 4096, 8192, 32768):
            fits = Prompt(system="", user="x" * int(density * (window * 0.9)))
            whole = int(window * 0.9)
            assert not looks_cut(fits, whole, window), (density, window)
            over = Prompt(system="", user="x" * int(density * (window + 50)))
            half = window - (window - NUM_KEEP) // 2
            assert looks_cut(over, half, window), (density, window)
            assert looks_cut(over, window, window), (density, window)
            assert looks_cut(over, half, None) or density < 2.6


def test_half_a_window_by_chance_is_no_cut():
    """A dense prompt that happens to have as many tokens as a cut one would is not taken for cut."""
    half = 8192 - (8192 - NUM_KEEP) // 2
    assert not looks_cut(Prompt(system="", user="x" * int(3.0 * half)), half, 8192)


def test_no_tokens_counted_is_a_cut():
    """A server that counted nothing read nothing."""
    assert looks_cut(Prompt(system="s", user="u"), 0, None)


# ── schemas ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_schema_is_inlined_and_freed_of_what_grammars_fail_on():
    """References are replaced by what they mean, patterns go, lengths are bounded, all else stays."""
    schema = {
        "type": "object",
        "properties": {
            "a": {"$ref": "#/$defs/id"},
            "b": {"type": "array", "items": {"$ref": "#/definitions/row"}, "maxItems": 3},
            "pattern": {"type": "string", "maxLength": 40000, "pattern": "^x$"},
        },
        "required": ["a", "pattern"],
        "$defs": {"id": {"enum": ["F1", "pattern"]}},
        "definitions": {"row": {"type": "object", "properties": {"id": {"$ref": "#/$defs/id"}}}},
    }
    assert plain_schema(schema) == {
        "type": "object",
        "properties": {
            "a": {"enum": ["F1", "pattern"]},
            "b": {
                "type": "array",
                "items": {"type": "object", "properties": {"id": {"enum": ["F1", "pattern"]}}},
                "maxItems": 3,
            },
            "pattern": {"type": "string", "maxLength": 1000},
        },
        "required": ["a", "pattern"],
    }


def test_schema_keeps_its_meaning_and_is_not_changed():
    """The plain schema accepts and refuses as the given one did, which stays as it was."""
    schema = {
        "anyOf": [{"$ref": "#/$defs/top"}],
        "$defs": {"top": {"type": "object", "required": ["x"], "properties": {"x": {"const": 1}}}},
    }
    plain = plain_schema(schema)
    jsonschema.validate({"x": 1}, plain)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"x": 2}, plain)
    assert "$defs" in schema
    assert "$" not in repr(plain)


# ── drafts ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_draft_tells_of_its_growth():
    """Each piece is told with the number so far and the seconds since the beginning."""
    times = iter([100.0, 101.0, 103.0, 104.0])
    told = []
    draft = Draft("here", lambda *state: told.append(state), lambda: next(times))
    for piece in ("a", "", "b"):
        draft.add(piece)
    expected = [(0, 0.0, "", Doing.READING), (1, 1.0, "a", Doing.WRITING), (2, 3.0, "b", Doing.WRITING)]
    assert (draft.text, told, draft.seconds) == ("ab", expected, 4.0)


def test_draft_is_bounded():
    """An answer beyond a mebibyte is given up."""
    draft = Draft("here", lambda *state: None, lambda: 0.0)
    draft.add("ä" * (1 << 19))
    with pytest.raises(BadReply, match="more than 1 MiB"):
        draft.add("x")
