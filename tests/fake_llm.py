"""A stand-in model server: a real HTTP server on loopback, an Ollama with both its interfaces, or another kind.

Answers are scripted or made from the schema asked for; every request is recorded. The window behaves as Ollama's does:
clamped to the trained length, reloaded when it changes, and a prompt that does not fit is refused or cut to half
without a word, by what the request and the model's template say. Tokens are counted by `tokens`, so that a test can
compute what the server will.

    with FakeLLM() as server:
        server.say('{"headline": "…"}')
        server.script("/api/chat", busy(), times=1)
        ...server.url, server.requests, server.reloads
"""

from __future__ import annotations

import gzip
import json
import random
import re
import select
import socket
import ssl
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import ceil

import jsonschema
import trustme

CHARACTERS_PER_TOKEN = 3.2
NUM_KEEP = 4
MODEL = "qwen2.5-coder:14b"
NOW = "2026-11-23T10:00:12.345678912Z"
JSON_TYPE = "application/json; charset=utf-8"
TOO_LONG = (
    "the prompt is longer than the context length currently available to the model; shorten the prompt,"
    " adjust the context length in settings, or use a model with a longer context length"
)
OPTION_TYPES = {
    "num_ctx": (int, "integer"),
    "num_predict": (int, "integer"),
    "seed": (int, "integer"),
    "temperature": ((int, float), "float32"),
}


def tokens(text):
    """Count tokens as this server does."""
    return ceil(len(text) / CHARACTERS_PER_TOKEN)


def rendered(messages):
    """Put messages into a template, as the model reads them."""
    return "".join(f"<|{message['role'].lower()}|>\n{message['content']}\n" for message in messages) + "<|assistant|>\n"


def surviving(prompt, window):
    """Give what is left of a prompt that does not fit: its first tokens and its tail, half the window in all."""
    kept = window - (window - NUM_KEEP) // 2
    tail = prompt[-int((kept - NUM_KEEP) * CHARACTERS_PER_TOKEN) :]
    return prompt[: int(NUM_KEEP * CHARACTERS_PER_TOKEN)] + tail, kept


def example(schema):
    """Make the shortest thing a schema allows."""
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    if "enum" in schema:
        return schema["enum"][0]
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return example(schema[key][0])
    kinds = {
        "object": lambda: {
            name: example(inner)
            for name, inner in schema.get("properties", {}).items()
            if name in schema.get("required", schema["properties"])
        },
        "array": lambda: [example(schema["items"])] * schema.get("minItems", 0),
        "string": lambda: "x" * max(1, schema.get("minLength", 1)),
        "integer": lambda: schema.get("minimum", 0),
        "number": lambda: schema.get("minimum", 0.0),
        "boolean": lambda: True,
        "null": lambda: None,
    }
    return kinds[schema.get("type", "object")]()


# ── what is served, asked and answered ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Model:
    """One model the server has; ``native`` is the path on which an overflow is reported by the engine itself."""

    ctx_train: int | None = 32768
    num_ctx: int | None = None  # of its Modelfile
    native: bool = False
    capabilities: tuple = ("completion", "tools", "insert")
    digest: str = "9ec8897f747e" + "0" * 52
    size: int = 8_988_124_069
    on_gpu: float = 1.0


@dataclass(frozen=True)
class Request:
    """One request as it came in."""

    method: str
    path: str
    headers: dict
    raw: bytes = field(repr=False)
    body: object = None  # decoded JSON, None when there is none


@dataclass(frozen=True)
class Asked:
    """A question as the model sees it: ``seen`` is what was left of the prompt."""

    model: str
    messages: list
    prompt: str
    seen: str
    schema: dict | None
    counted: int  # tokens of what was seen
    limit: int | None  # tokens of the answer


@dataclass(frozen=True)
class Written:
    """An answer whose form need not be right."""

    text: str
    reason: str | None = "stop"
    done: bool = True  # whether the object that says so is sent at all
    error: object = None  # sent in place of the end
    junk: bytes = b""  # a line that is no event
    drop: bool = False  # close the connection after the text
    endless: bool = False  # go on until the client goes away
    pause_s: float = 0.0  # between two pieces
    usage: bool = True
    counted: int | None = None  # what is said of the prompt's tokens, when it is not the truth
    thoughts: int = 0  # pieces of thinking before the text, under the field of this kind of server


def fenced(value):
    """Write JSON the way chat models like to."""
    return Written(f"```json\n{json.dumps(value)}\n```")


def cut(text, characters):
    """Stop at the limit of tokens."""
    return Written(text[:characters], reason="length")


def repeating(text):
    """Stop as a server does whose model repeats itself: without an end."""
    return Written(text, done=False)


# ── faults ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Reply:
    """One answer and how it travels; pieces make a stream."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: tuple = ()
    pieces: object = None
    pause_s: float = 0.0
    delay_s: float = 0.0
    hang: bool = False
    drop: bool = False
    drip_s: float = 0.0  # between two bytes, the head's included
    unframed: bool = False  # say nothing of the body's length, and do not close the connection either


def answer(status, body, content_type="text/html; charset=utf-8"):
    """Answer something else altogether."""
    return lambda reply: Reply(status, body.encode() if isinstance(body, str) else body, content_type)


def failure(status, text):
    """Answer an error in Ollama's form."""
    return lambda reply: _json({"error": text}, status)


def busy():
    """Answer that the queue is full."""
    return failure(503, "server busy, please try again.  maximum pending requests exceeded")


def proxy_page(status, title="Bad Gateway"):
    """Answer what a proxy says by itself."""
    page = f"<html>\r\n<head><title>{status} {title}</title></head>\r\n<body>nginx</body></html>\r\n"
    return answer(status, page, "text/html")


def hang():
    """Accept the request and never answer it."""
    return lambda reply: replace(reply, hang=True)


def drop():
    """Close the connection without an answer."""
    return lambda reply: replace(reply, drop=True)


def delay(seconds):
    """Answer late, as while a model loads."""
    return lambda reply: replace(reply, delay_s=seconds)


def drip(pause_s=0.05):
    """Send head and body byte by byte."""
    return lambda reply: replace(reply, drip_s=pause_s)


def unframed(body, content_type="application/x-ndjson"):
    """Send a body that only the end of the connection would end, and keep the connection open."""
    return lambda reply: Reply(200, body.encode(), content_type, unframed=True)


def gzipped(*, broken=False):
    """Compress the answer, as a proxy may; or only claim to."""
    return lambda reply: replace(
        reply,
        body=_whole(reply) if broken else gzip.compress(_whole(reply)),
        pieces=None,
        headers=(*reply.headers, ("Content-Encoding", "gzip")),
    )


def _whole(reply):
    return reply.body if reply.pieces is None else b"".join(reply.pieces)


def _json(value, status=200):
    return Reply(status, _go_json(value))


def _go_json(value):
    """Encode as Go does: compact, with some characters escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode(errors="surrogatepass")


@dataclass
class _Scripted:
    pattern: re.Pattern
    fault: object
    times: int | None

    def applies(self, path):
        if self.times == 0 or not self.pattern.search(path):
            return False
        self.times = None if self.times is None else self.times - 1
        return True


class Refused(Exception):
    """A request the server answers with an error."""

    def __init__(self, status, error):
        super().__init__(error)
        self.status, self.error = status, error


# ── the server ──────────────────────────────────────────────────────────────────────────────────────────────────────


class FakeLLM:
    """The server and its state; every attribute may be changed while it runs.

    ``kind`` is ``ollama``, ``vllm``, ``llama.cpp`` or ``lm studio``; all but the first have only ``/v1``.
    ``knows_shift`` is False for an Ollama before 0.12.6, which takes no notice of ``shift`` and ``truncate``.
    """

    def __init__(
        self, models=None, *, kind="ollama", version="0.33.0", default_ctx=4096, knows_shift=True, seed=0, tls=False
    ):
        self.models = dict(models if models is not None else {MODEL: Model()})
        self.registry = dict(self.models)  # what can be pulled
        self.kind, self.version = kind, version
        self.default_ctx = default_ctx
        self.ignores_num_ctx = False
        self.knows_shift = knows_shift
        self.last_in_done = False  # whether the object that ends a stream holds the last piece
        self.api_key = ""
        self.wants_new_bound = False  # refuse max_tokens, as some hosted models do
        self.unknown = ()  # fields of a question that are refused, as strict servers do
        self.thinks_in = "reasoning_content"  # newer vLLMs call it "reasoning"
        self.loaded = {}  # name -> window in force
        self.reloads = 0
        self.pulled_bytes = {}  # digest -> bytes there already, so that a pull resumes
        self.answers = deque()
        self.requests = []
        self.cancelled = threading.Event()  # a client went away before its answer was complete
        self.broken = []  # exceptions of the stand-in itself; `stop` raises the first
        self.tokens = tokens
        self._random = random.Random(seed)
        self._scripts = []
        self._lock = threading.RLock()
        self._started = None
        self._authority = trustme.CA() if tls else None

    # life

    def __enter__(self):
        self._started = _Listener(self, self._authority)
        return self

    def __exit__(self, *exc_info):
        self.stop()

    def stop(self):
        """Close every connection; from here on the address refuses."""
        if self._started:
            self._started.stop()
            self._started = None
        if self.broken:
            raise self.broken.pop()

    @property
    def url(self):
        """Address; with ``/v1`` appended that of the OpenAI-compatible interface."""
        return self._started.url

    def write_ca(self, path):
        """Write the certificate of the authority that vouches for this server."""
        self._authority.cert_pem.write_to_path(str(path))
        return path

    def say(self, *answers):
        """Queue answers: text that must fit the schema, `Written`, or a callable that makes either from an `Asked`."""
        self.answers.extend(answers)

    def script(self, pattern, fault, *, times=None):
        """Change the answers to paths that match, so many times."""
        self._scripts.insert(0, _Scripted(re.compile(pattern), fault, times))

    def asked(self, path="/chat"):
        """Give the bodies of the requests whose path ends so."""
        return [request.body for request in self.requests if request.path.endswith(path)]

    def respond(self, request):
        """Answer one request."""
        with self._lock:
            self.requests.append(request)
            reply = self._routed(request)
            for script in self._scripts:
                if script.applies(request.path):
                    reply = script.fault(reply)
            return reply

    def _routed(self, request):
        routes = _OLLAMA_ROUTES if self.kind == "ollama" else _ROUTES[self.kind]
        known = {path: (method, handler) for method, path, handler in routes}
        if request.path not in known:
            return self._unknown_path(request)
        method, handler = known[request.path]
        if request.method != method and not (request.method == "HEAD" and method == "GET"):
            return Reply(405, b"405 method not allowed", "text/plain")
        if self.api_key and request.headers.get("authorization") != f"Bearer {self.api_key}":
            sent = request.headers.get("authorization", "").removeprefix("Bearer ")
            return self._error(request, 401, f"Incorrect API key provided: {sent}.")
        try:
            return handler(self, request)
        except Refused as refused:
            return self._error(request, refused.status, refused.error)

    def _unknown_path(self, request):
        if self.kind == "ollama":
            return Reply(404, b"404 page not found", "text/plain")
        if self.kind == "vllm":
            return _json({"detail": "Not Found"}, 404)
        if self.kind == "llama.cpp":
            return _json({"error": {"code": 404, "message": "File Not Found", "type": "not_found_error"}}, 404)
        return _json({"error": f"Unexpected endpoint or method. ({request.method} {request.path})"})

    def _error(self, request, status, error):
        """Word an error as the interface does that was asked."""
        if not request.path.startswith("/v1/"):
            return _json({"error": error}, status)
        if isinstance(error, dict):
            return _json({"error": error}, status)
        kind = {400: "invalid_request_error", 404: "not_found_error"}.get(status, "api_error")
        return _json({"error": {"message": error, "type": kind, "param": None, "code": None}}, status)

    # names and windows

    def _find(self, name):
        """Give a model under the name it is listed by; None when it is not there."""
        return next((known for known in self.models if canonical(known) == canonical(name)), None)

    def _require_model(self, body, *, missing=(400, "model is required")):
        name = body.get("model") or body.get("name")
        if not name:
            raise Refused(*missing)
        if not re.fullmatch(r"[\w./:-]+", name):
            raise Refused(400, "invalid model name")
        found = self._find(name)
        if found is None:
            raise Refused(404, f"model '{name}' not found")
        return found

    def _load(self, name, num_ctx=None):
        """Put the window in force that is asked for, as far as the model goes."""
        model = self.models[name]
        wanted = None if self.ignores_num_ctx else num_ctx
        window = min(wanted or model.num_ctx or self.default_ctx, model.ctx_train or 1 << 30)
        if self.loaded.get(name) != window:
            self.reloads += 1
            self.loaded[name] = window
        return window

    def _fitted(self, name, prompt, window, body):
        """Give what the model sees of a prompt and the tokens counted; raise when it is to be refused."""
        counted = tokens(prompt)
        if counted <= window - 1:
            return prompt, counted
        shift, truncate = (body.get(key, True) or not self.knows_shift for key in ("shift", "truncate"))
        if self.models[name].native or (shift and not truncate):
            message = (
                f"request ({counted} tokens) exceeds the available context size ({window} tokens), try increasing it"
            )
            inner = {"code": 400, "message": message, "type": "exceed_context_size_error"}
            raise Refused(400, _go_json({"error": inner | {"n_prompt_tokens": counted, "n_ctx": window}}).decode())
        if not shift:
            raise Refused(400, TOO_LONG)
        return surviving(prompt, window)

    # Ollama's own interface

    def on_root(self, request):
        return Reply(200, b"Ollama is running", "text/plain; charset=utf-8")

    def on_version(self, request):
        return _json({"version": self.version})

    def on_tags(self, request):
        return _json({"models": [self._tag(name, model) for name, model in self.models.items()]})

    def _tag(self, name, model):
        details = _details() | ({"context_length": model.ctx_train} if model.ctx_train else {})
        tag = {"name": name, "model": name, "modified_at": NOW, "size": model.size, "digest": model.digest}
        return tag | {"details": details, "capabilities": list(model.capabilities)}

    def on_ps(self, request):
        return _json({"models": [self._loaded(name, window) for name, window in self.loaded.items()]})

    def _loaded(self, name, window):
        model = self.models[name]
        size = model.size + window * 196_608
        record = {"name": name, "model": name, "size": size, "digest": model.digest, "details": _details()}
        return record | {"expires_at": NOW, "size_vram": int(size * model.on_gpu), "context_length": window}

    def on_show(self, request):
        name = self._require_model(_body(request))
        model = self.models[name]
        info = {"general.architecture": "qwen2", "general.parameter_count": 14_770_033_664, "qwen2.block_count": 48}
        info |= {"qwen2.context_length": model.ctx_train} if model.ctx_train else {}
        shown = {
            "license": "…",
            "modelfile": f"FROM {name}",
            "template": "…",
            "details": _details(),
            "model_info": info,
        }
        shown |= {"parameters": f"{'num_ctx':<30} {model.num_ctx}"} if model.num_ctx else {}
        return _json(shown | {"capabilities": list(model.capabilities), "modified_at": NOW})

    def on_pull(self, request):
        body = _body(request)
        name = body.get("model") or body.get("name") or ""
        if not re.fullmatch(r"[\w./:-]+", name):
            raise Refused(400, "invalid model name")
        found = next((known for known in self.registry if canonical(known) == canonical(name)), None)
        lines = [{"status": "pulling manifest"}]
        if found is None:
            lines.append({"error": "pull model manifest: file does not exist"})
            return _ndjson(lines) if body.get("stream", True) else _json(lines[-1], 500)
        lines += self._layers(self.registry[found])
        lines += [{"status": text} for text in ("verifying sha256 digest", "writing manifest", "success")]
        self.models[found] = self.registry[found]
        return _ndjson(lines) if body.get("stream", True) else _json({"status": "success"})

    def _layers(self, model):
        """Download weights, template and configuration in steps, from where an earlier pull stopped."""
        for digest, total in ((model.digest, model.size), ("b" * 64, 1482), ("c" * 64, 487)):
            line = {"status": f"pulling {digest[:12]}", "digest": f"sha256:{digest}", "total": total}
            begun = self.pulled_bytes.get(digest, 0)
            for step in range(4):
                done = begun + (total - begun) * step // 3
                yield line | ({"completed": done} if done else {})
            self.pulled_bytes[digest] = total

    def on_chat(self, request):
        body = _body(request)
        name = self._checked(body, "chat")
        window = self._load(name, _options(body).get("num_ctx"))
        messages = body.get("messages") or []
        if not messages:
            reason = "unload" if body.get("keep_alive") == 0 else "load"
            return _json(_chat_event(body["model"], "") | {"done": True, "done_reason": reason})
        return self._ollama_answer(body, name, messages, window, _chat_event)

    def on_generate(self, request):
        body = _body(request)
        name = self._checked(body, "generate", missing=(404, "model '' not found"))
        window = self._load(name, _options(body).get("num_ctx"))
        messages = [{"role": "user", "content": body.get("prompt", "")}]
        if not body.get("prompt"):
            return _json(_generate_event(body["model"], "") | {"done": True, "done_reason": "load"})
        return self._ollama_answer(body, name, messages, window, _generate_event)

    def _checked(self, body, what, **missing):
        """Refuse a request in the order and the words Ollama does."""
        name = self._require_model(body, **missing)
        model = self.models[name]
        think = body.get("think")
        if think not in (None, True, False, "low", "medium", "high", "max"):
            allowed = '"high", "medium", "low", "max", true, or false'
            raise Refused(400, f'invalid think value: "{think}" (must be {allowed})')
        if think and "thinking" not in model.capabilities:
            raise Refused(400, f'"{body["model"]}" does not support thinking')
        if "completion" not in model.capabilities:
            raise Refused(400, f'"{body["model"]}" does not support {what}')
        form = body.get("format")
        if form not in (None, "", "json") and not isinstance(form, dict):
            raise Refused(
                500, f'invalid format: {json.dumps(json.dumps(form))}; expected "json" or a valid JSON Schema object'
            )
        _options(body)
        return name

    def _ollama_answer(self, body, name, messages, window, event):
        prompt = rendered(messages)
        seen, counted = self._fitted(name, prompt, window, body)
        schema = body["format"] if isinstance(body.get("format"), dict) else None
        limit = _options(body).get("num_predict")
        asked = Asked(name, messages, prompt, seen, schema, counted, limit if limit and limit > 0 else None)
        written = self._write(asked)
        end = {"done": True} | ({"done_reason": written.reason} if written.reason else {})
        counts = {"total_duration": 5191566416, "load_duration": 2154458, "prompt_eval_duration": 383809000}
        if written.usage:
            counts |= {"prompt_eval_count": asked.counted if written.counted is None else written.counted}
            counts |= {"eval_count": tokens(written.text)}
        if body.get("stream", True):
            return self._ollama_stream(written, lambda text: event(body["model"], text), end | counts)
        if written.error:
            return _json({"error": written.error}, 500)
        return _json(event(body["model"], written.text) | (end | counts if written.done else {}))

    def _ollama_stream(self, written, event, end):
        pieces = self._pieces(written.text)
        thought = event("") | {"message": {"role": "assistant", "content": "", "thinking": "hm "}}
        thoughts = [_go_json(thought) + b"\n"] * written.thoughts
        last = pieces.pop() if self.last_in_done and pieces and written.done else ""

        def lines():
            yield from thoughts
            for piece in pieces:
                yield _go_json(event(piece)) + b"\n"
            while written.endless:
                yield _go_json(event("x " * 5000)) + b"\n"
            if written.junk:
                yield written.junk + b"\n"
            if written.error:
                yield _go_json({"error": written.error}) + b"\n"
            elif written.drop:
                yield None
            elif written.done:
                yield _go_json(event(last) | end) + b"\n"

        return Reply(content_type="application/x-ndjson", pieces=lines(), pause_s=written.pause_s)

    def _pieces(self, text):
        """Cut text into pieces of one to eight characters."""
        pieces, start = [], 0
        while start < len(text):
            size = self._random.randint(1, 8)
            pieces.append(text[start : start + size])
            start += size
        return pieces

    def _write(self, asked):
        """Take the next answer, or make one up."""
        scripted = self.answers.popleft() if self.answers else _made_up
        if callable(scripted):
            scripted = scripted(asked)
        if isinstance(scripted, str):
            self._require_valid(scripted, asked.schema)
            scripted = Written(scripted)
        if asked.limit and tokens(scripted.text) > asked.limit:
            scripted = replace(scripted, text=scripted.text[: int(asked.limit * CHARACTERS_PER_TOKEN)], reason="length")
        return scripted

    def _require_valid(self, text, schema):
        """Hold a test to its own schema: a form that is wrong on purpose is a `Written`."""
        if schema is not None:
            try:
                jsonschema.validate(json.loads(text), schema)
            except (ValueError, jsonschema.ValidationError) as error:
                self.broken.append(error)

    # OpenAI's interface

    def on_models(self, request):
        owners = {"ollama": "library", "vllm": "vllm", "llama.cpp": "llamacpp", "lm studio": "organization_owner"}
        entries = [
            {"id": name, "object": "model", "created": 1763892012, "owned_by": owners[self.kind]}
            | ({"max_model_len": model.ctx_train} if self.kind == "vllm" else {})
            for name, model in self.models.items()
        ]
        return _json({"object": "list", "data": entries})

    def on_props(self, request):
        settings = {"n_ctx": self.default_ctx, "params": {}}
        return _json({"default_generation_settings": settings, "total_slots": 1, "build_info": "b8681-0000000"})

    def on_studio_models(self, request):
        return _json({"models": [self._studio(name, model) for name, model in self.models.items()]})

    def _studio(self, name, model):
        instance = {"id": name, "config": {"context_length": self.default_ctx}}
        return {"type": "llm", "key": name, "loaded_instances": [instance], "max_context_length": model.ctx_train}

    def on_completions(self, request):
        body = _body(request)
        name = next(iter(self.models)) if self.kind == "llama.cpp" else self._completions_model(body)
        if self.wants_new_bound and "max_tokens" in body:
            text = "Unsupported parameter: 'max_tokens' is not supported with this model."
            raise Refused(400, text + " Use 'max_completion_tokens' instead.")
        unknown = next((field for field in self.unknown if field in body), "")
        if unknown:
            raise Refused(400, f"Unrecognized request argument supplied: {unknown}")
        prompt = rendered(body["messages"])
        limit = body.get("max_tokens")
        if self.kind != "ollama":
            limit = body.get("max_completion_tokens", limit)
        seen, counted = self._completions_fitted(name, prompt, limit or 0)
        asked = Asked(name, body["messages"], prompt, seen, _response_schema(body), counted, limit)
        return self._completion(body, name, asked, self._write(asked))

    def _completions_model(self, body):
        if self.kind == "vllm" and body.get("model") not in self.models:
            message = f"The model `{body.get('model')}` does not exist."
            raise Refused(404, {"message": message, "type": "NotFoundError", "param": "model", "code": 404})
        return self._require_model(body)

    def _completions_fitted(self, name, prompt, limit):
        """Refuse, or cut, a prompt that does not fit, as this kind of server does."""
        counted = tokens(prompt)
        if self.kind == "ollama":
            window = self._load(name)
            return (prompt, counted) if counted < window else surviving(prompt, window)
        window = self.models[name].ctx_train if self.kind == "vllm" else self.default_ctx
        if counted + (limit if self.kind == "vllm" else 0) < window:
            return prompt, counted
        if self.kind == "vllm":
            text = f"This model's maximum context length is {window} tokens. However, you requested {counted + limit}"
            raise Refused(400, {"message": f"{text} tokens.", "type": "BadRequestError", "param": None, "code": 400})
        if self.kind == "llama.cpp":
            text = f"request ({counted} tokens) exceeds the available context size ({window} tokens), try increasing it"
            error = {"code": 400, "message": text, "type": "exceed_context_size_error"}
            raise Refused(400, error | {"n_prompt_tokens": counted, "n_ctx": window})
        self.answers.appendleft(Written("", error={"message": _STUDIO_TOO_LONG}))
        return prompt, counted

    def _completion(self, body, name, asked, written):
        counted = asked.counted if written.counted is None else written.counted
        spent = tokens(written.text)
        usage = {"prompt_tokens": counted, "completion_tokens": spent, "total_tokens": counted + spent}
        head = {"id": "chatcmpl-123", "created": 1763892012, "model": name}
        head |= {"system_fingerprint": "fp_ollama"} if self.kind == "ollama" else {}
        if body.get("stream"):
            wanted = written.usage and (body.get("stream_options") or {}).get("include_usage")
            chunk = head | {"object": "chat.completion.chunk"}
            reads = self.kind == "llama.cpp" and body.get("return_progress")
            return self._completion_stream(written, chunk, usage if wanted else None, reads=reads)
        message = {"role": "assistant", "content": written.text}
        whole = head | {"object": "chat.completion"}
        whole |= {"choices": [{"index": 0, "message": message, "finish_reason": written.reason}]}
        return _json(whole | ({"usage": usage} if written.usage else {}))

    def _completion_stream(self, written, head, usage, *, reads):
        def chunk(delta, finish=None):
            return _sse(head | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

        def events():
            yield b": a comment keeps the connection alive\n\n"
            if reads:
                for done in (1024, 2048):
                    progress = {"total": 2048, "cache": 0, "processed": done, "time_ms": 9}
                    yield _sse(head | {"choices": [], "prompt_progress": progress})
            for _ in range(written.thoughts):
                yield chunk({self.thinks_in: "hm ", "content": None})
            for piece in self._pieces(written.text):
                yield chunk({"role": "assistant", "content": piece})
            if written.junk:
                yield b"data: " + written.junk + b"\n\n"
            yield from _ending(
                written, chunk({}, written.reason), usage and _sse(head | {"choices": [], "usage": usage})
            )

        return Reply(content_type="text/event-stream", pieces=events(), pause_s=written.pause_s)


def _ending(written, finish, usage):
    """End a stream of server-sent events as scripted."""
    if written.error:
        yield b"event: error\n" + _sse({"error": written.error})
    elif written.drop:
        yield None
    elif written.done:
        yield from filter(None, (finish, usage, b"data: [DONE]\n\n"))


_STUDIO_TOO_LONG = "The number of tokens to keep from the initial prompt is greater than the context length"
_V1_ROUTES = (
    ("GET", "/v1/models", FakeLLM.on_models),
    ("POST", "/v1/chat/completions", FakeLLM.on_completions),
)
_OLLAMA_ROUTES = (
    ("GET", "/", FakeLLM.on_root),
    ("GET", "/api/version", FakeLLM.on_version),
    ("GET", "/api/tags", FakeLLM.on_tags),
    ("GET", "/api/ps", FakeLLM.on_ps),
    ("POST", "/api/show", FakeLLM.on_show),
    ("POST", "/api/pull", FakeLLM.on_pull),
    ("POST", "/api/chat", FakeLLM.on_chat),
    ("POST", "/api/generate", FakeLLM.on_generate),
    *_V1_ROUTES,
)
_ROUTES = {
    "vllm": (("GET", "/version", FakeLLM.on_version), *_V1_ROUTES),
    "llama.cpp": (("GET", "/props", FakeLLM.on_props), *_V1_ROUTES),
    "lm studio": (("GET", "/api/v1/models", FakeLLM.on_studio_models), *_V1_ROUTES),
}


def canonical(name):
    """Give a model's full name in lower case, without the default registry and namespace."""
    short = name.lower().removeprefix("registry.ollama.ai/").removeprefix("library/")
    return short if ":" in short.split("/")[-1] else short + ":latest"


def _made_up(asked):
    if asked.schema is not None:
        return json.dumps(example(asked.schema))
    return Written(f"The prompt ends in {asked.seen[-60:]!r}.")


def _body(request):
    if not request.raw:
        raise Refused(400, "missing request body")
    if request.body is None:
        raise Refused(400, f"invalid character '{chr(request.raw[0])}' looking for beginning of value")
    if not isinstance(request.body.get("messages", []), list):
        field_name = "Go struct field ChatRequest.messages of type []api.Message"
        raise Refused(400, f"json: cannot unmarshal string into {field_name}")
    return request.body


def _options(body):
    options = body.get("options") or {}
    for key, (kind, word) in OPTION_TYPES.items():
        if key in options and not isinstance(options[key], kind):
            raise Refused(500, f'option "{key}" must be of type {word}')
    return options


def _details():
    details = {"parent_model": "", "format": "gguf", "family": "qwen2", "families": ["qwen2"]}
    return details | {"parameter_size": "14.8B", "quantization_level": "Q4_K_M"}


def _chat_event(model, text):
    return {"model": model, "created_at": NOW, "message": {"role": "assistant", "content": text}, "done": False}


def _generate_event(model, text):
    return {"model": model, "created_at": NOW, "response": text, "done": False}


def _response_schema(body):
    form = body.get("response_format") or {}
    return form["json_schema"]["schema"] if form.get("type") == "json_schema" else None


def _ndjson(lines):
    return Reply(content_type="application/x-ndjson", pieces=[_go_json(line) + b"\n" for line in lines])


def _sse(value):
    return b"data: " + _go_json(value) + b"\n\n"


# ── the wire ────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Listener(ThreadingHTTPServer):
    """The listening socket, its threads, and the connections they hold."""

    daemon_threads = False
    request_queue_size = 64

    def __init__(self, owner, authority):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.owner = owner
        self.tls = _server_context(authority) if authority else None
        self.stopping = threading.Event()
        self.connections = set()
        self.url = f"{'https' if authority else 'http'}://127.0.0.1:{self.server_address[1]}"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def get_request(self):
        connection, address = super().get_request()
        if self.tls:
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self.connections.add(connection)
        return connection, address

    def shutdown_request(self, request):
        self.connections.discard(request)
        super().shutdown_request(request)

    def stop(self):
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()  # joins the connections' threads

    def handle_error(self, request, client_address):
        import sys

        error = sys.exc_info()[1]
        if not isinstance(error, OSError):  # a client that goes away is no fault of ours
            self.owner.broken.append(error)


def _server_context(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True  # or each small piece waits 40 ms for the one before it to be acknowledged

    def log_message(self, *args):
        pass

    def do_GET(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path.partition("?")[0], headers, raw, _decoded(raw))
        reply = self.server.owner.respond(request)
        try:
            self._send(reply)
        except OSError:
            self.server.owner.cancelled.set()
            self.close_connection = True

    do_POST = do_HEAD = do_PUT = do_DELETE = do_GET  # noqa: N815 -- the base class names them

    def _send(self, reply):
        self._wait(600 if reply.hang else reply.delay_s)
        if reply.hang or reply.drop:
            self.close_connection = True
            return
        out = _Dripping(self.wfile, self._wait, reply.drip_s) if reply.drip_s else self.wfile
        self._send_head(reply, out)
        if reply.unframed:
            out.write(reply.body)
            self._wait(60)
        elif reply.pieces is None:
            out.write(b"" if self.command == "HEAD" else reply.body)
        else:
            self._send_pieces(reply, out)

    def _send_head(self, reply, out):
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        if reply.unframed:
            self.send_header("Connection", "close")
        elif reply.pieces is None:
            self.send_header("Content-Length", str(len(reply.body)))
        else:
            self.send_header("Transfer-Encoding", "chunked")
        for name, value in reply.headers:
            self.send_header(name, value)
        self._headers_buffer.append(b"\r\n")
        out.write(b"".join(self._headers_buffer))
        self._headers_buffer = []

    def _send_pieces(self, reply, out):
        for piece in reply.pieces:
            if piece is None or self.server.stopping.is_set():
                self.close_connection = True
                return
            out.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self._wait(reply.pause_s)
        out.write(b"0\r\n\r\n")

    def _wait(self, seconds):
        """Pause, unless the server stops or the client goes away."""
        for _ in range(ceil(seconds / 0.02)):
            if self.server.stopping.wait(min(0.02, seconds)):
                return
            peekable = not isinstance(self.connection, ssl.SSLSocket) and select.select([self.connection], [], [], 0)[0]
            if peekable and not self.connection.recv(1, socket.MSG_PEEK):
                raise ConnectionResetError


class _Dripping:
    """A stream that writes byte by byte."""

    def __init__(self, stream, wait, pause_s):
        self._stream, self._wait, self._pause_s = stream, wait, pause_s

    def write(self, content):
        for byte in content:
            self._stream.write(bytes([byte]))
            self._wait(self._pause_s)


def _decoded(raw):
    try:
        return json.loads(raw)
    except ValueError:
        return None
