"""Servers that speak OpenAI's ``/v1/chat/completions``: vLLM, llama.cpp, LM Studio, hosted ones.

None of them can be told how long the window is to be. It is asked for where a server tells, so that a prompt that does
not fit is refused before it is put; the tokens counted afterwards show a cut that nobody told of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from perftracker_ai.decoding import converted
from perftracker_ai.errors import BadReply, LanguageModelError, ModelMissing, ModelUnreachable, PromptTooLong
from perftracker_ai.http import OK
from perftracker_ai.llm import Answer, Inspection
from perftracker_ai.llm.complaint import BUSY, NOT_FOUND
from perftracker_ai.llm.request import (
    COMFORTABLE,
    Draft,
    choose_window,
    looks_cut,
    messages_of,
    plain_schema,
    require_room,
    tokens_needed,
)
from perftracker_ai.llm.wire import Refusal, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from perftracker_ai.llm import Progress, Prompt, Pulled, Terms
    from perftracker_ai.llm.wire import Deadline, Reply

T = TypeVar("T")

_BAD_REQUESTS = (400, 422)
_ATTEMPTS = 3
"""How often a question is changed to what a server takes, or put again when it is busy."""
_END = b"[DONE]"
_OLLAMA, _VLLM, _LLAMA_CPP, _LM_STUDIO, _OTHER = "Ollama", "vLLM", "llama.cpp", "LM Studio", "model server"
_OWNERS = {"library": _OLLAMA, "vllm": _VLLM, "llamacpp": _LLAMA_CPP, "organization_owner": _LM_STUDIO}
"""What a list of models names as owner, and the server that does."""


class _Delta(msgspec.Struct):
    """Text, and thoughts apart from it under either of their names."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class _Choice(msgspec.Struct):
    """A piece of an answer, or a whole one where a server does not stream."""

    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Reading(msgspec.Struct):
    """How much of a prompt llama.cpp has read."""

    processed: int = 0


class _Chunk(msgspec.Struct):
    model: str = ""
    prompt_progress: _Reading | None = None
    choices: list[_Choice] | None = None
    usage: _Usage | None = None


class _Entry(msgspec.Struct):
    id: str = ""
    owned_by: str = ""
    max_model_len: int | None = None


class _Models(msgspec.Struct):
    data: list[_Entry] | None = None


class _Generation(msgspec.Struct):
    n_ctx: int | None = None


class _Props(msgspec.Struct):
    default_generation_settings: _Generation | None = None
    build_info: str = ""


class _Version(msgspec.Struct):
    version: str = ""


class _Config(msgspec.Struct):
    context_length: int | None = None


class _Instance(msgspec.Struct):
    id: str = ""
    config: _Config | None = None


class _Studio(msgspec.Struct):
    key: str = ""
    loaded_instances: list[_Instance] | None = None


class _Studios(msgspec.Struct):
    models: list[_Studio] | None = None


class _End(msgspec.Struct):
    """What an answer's pieces say besides its text."""

    finish: str = ""
    model: str = ""
    usage: _Usage | None = None


class _Server(msgspec.Struct, frozen=True):
    """What a server says of itself; empty and None where it does not."""

    kind: str
    version: str
    window: int | None
    models: tuple[str, ...]


class OpenAIBackend:
    """A server asked through ``/v1/chat/completions``.

    Parameters
    ----------
    base : str
        As `address_of` gives it, ending in ``/v1``.
    terms : Terms
    """

    def __init__(self, base: str, terms: Terms) -> None:
        self._wire = Wire(base.removesuffix("/v1"), _OTHER, terms)  # what servers tell of themselves is outside of /v1
        self._terms = terms
        self._deadline: Deadline | None = None
        self._server: _Server | None = None
        self._bound_key = "max_tokens"
        self._extras: dict[str, object] = {"chat_template_kwargs": {"enable_thinking": False}}

    @property
    def location(self) -> str:
        """Address of the server without credentials."""
        return f"{self._wire.address}/v1"

    @property
    def model(self) -> str:
        """The model as it was asked for."""
        return self._terms.model

    # one question

    def ask(self, prompt: Prompt, schema: Mapping[str, object], *, answer_tokens: int, progress: Progress) -> Answer:
        """Put one question and give its whole answer; see `Backend`."""
        deadline = self._deadline = self._deadline or self._wire.within(self._terms.deadline_s)
        draft = Draft(self._wire.where(), progress, self._terms.clock)
        server = self._described(deadline)
        needed, why = tokens_needed(prompt, answer_tokens), f"says {self._wire.where()}"
        require_room(needed, server.window, self.model, why, _longer(server.kind, needed))
        end = self._chat(self._body(prompt, plain_schema(schema), answer_tokens), draft, deadline)
        self._require_usable(end, prompt, server)
        usage = end.usage or _Usage()
        return Answer(
            text=draft.text,
            whole=end.finish != "length",
            model=self._wire.shown(end.model) or self.model,
            digest="",
            server=self._wire.where(),
            server_version=server.version,
            window=server.window,
            prompt_tokens=usage.prompt_tokens,
            answer_tokens=usage.completion_tokens,
            thoughts=draft.thoughts,
            seconds=draft.seconds,
            seed=self._terms.seed,
        )

    def _body(self, prompt: Prompt, schema: Mapping[str, object], answer_tokens: int) -> dict[str, object]:
        return {
            "model": self.model,
            "messages": messages_of(prompt),
            "stream": True,
            "stream_options": {"include_usage": True},
            "response_format": {"type": "json_schema", "json_schema": {"name": "report", "schema": schema}},
            "temperature": 0,
            "seed": self._terms.seed,
            self._bound_key: answer_tokens,
            **self._extras,
        }

    def _chat(self, body: dict[str, object], draft: Draft, deadline: Deadline) -> _End:
        """Send the question; again when the server is busy, or takes less, or wants the bound under its newer name."""
        waited = False
        for _ in range(_ATTEMPTS):
            try:
                return self._when_loaded(lambda: self._chat_once(body, draft, deadline))
            except Refusal as error:
                if error.status == BUSY and not waited:
                    waited = True
                    self._terms.sleep(self._terms.patience.busy_pause_s)
                elif error.status not in _BAD_REQUESTS or not self._adapted(body, error.complaint.text):
                    raise self._explained(error) from error
        try:
            return self._chat_once(body, draft, deadline)
        except Refusal as error:
            raise self._explained(error) from error

    def _adapted(self, body: dict[str, object], said: str) -> bool:
        """Change a question to what a server says it takes; tell whether there was something to change."""
        unknown = [name for name in self._extras if name in said]
        for name in unknown:
            del self._extras[name], body[name]
        if "max_completion_tokens" in said and "max_tokens" in body:
            self._bound_key = "max_completion_tokens"
            body[self._bound_key] = body.pop("max_tokens")
            return True
        return bool(unknown)

    def _when_loaded(self, attempt: Callable[[], T]) -> T:
        """Try until the server has loaded its model, which it says it is doing; the deadline ends it."""
        while True:
            try:
                return attempt()
            except Refusal as error:
                if error.status != BUSY or "loading" not in error.complaint.text.lower():
                    raise
            self._terms.sleep(self._terms.patience.busy_pause_s)

    def _chat_once(self, body: Mapping[str, object], draft: Draft, deadline: Deadline) -> _End:
        end = _End()
        with self._wire.open("/v1/chat/completions", deadline, body) as reply:
            for chunk in self._chunks(reply):
                end.model = chunk.model or end.model
                end.usage = chunk.usage or end.usage
                if chunk.prompt_progress:
                    draft.read(chunk.prompt_progress.processed)
                for choice in (chunk.choices or [])[:1]:
                    piece = choice.delta or choice.message
                    draft.think((piece and (piece.reasoning_content or piece.reasoning)) or "")
                    draft.add((piece and piece.content) or "")
                    end.finish = choice.finish_reason or end.finish
        return end

    def _chunks(self, reply: Reply) -> Iterator[_Chunk]:
        """Read the pieces of a stream, or the one object of a server that does not stream."""
        events = _events(reply) if "event-stream" in reply.content_type else [b"".join(reply.pieces())]
        for event in events:
            value = reply.decoded(event)
            if isinstance(value, dict) and (value.get("error") or value.get("object") == "error"):
                raise self._wire.refusal(OK, value)
            yield self._converted(value, _Chunk)

    def _require_usable(self, end: _End, prompt: Prompt, server: _Server) -> None:
        """Refuse an answer that broke off, or that answers a prompt that was cut."""
        where = self._wire.where()
        if not end.finish:
            raise BadReply(f"{where} broke off in the middle of its answer", "see the server's log")
        if end.finish not in ("stop", "length"):
            raise BadReply(f"{where} ended its answer for the reason {self._wire.shown(end.finish)!r}", "see its log")
        counted = end.usage.prompt_tokens if end.usage else None
        if counted is not None and looks_cut(prompt, counted, server.window):
            raise PromptTooLong(
                f"{where} read only {counted} tokens of a prompt of about {tokens_needed(prompt, 0)}, so its answer is"
                " not used",
                _longer(server.kind, COMFORTABLE),
            )

    # errors

    def _explained(self, error: Refusal) -> LanguageModelError:
        """Say what a refusal means, where more is known than its status."""
        complaint, where = error.complaint, self._wire.where()
        if complaint.overflow:
            return PromptTooLong(
                f"The prompt does not fit the window of {where} ({complaint.text})",
                _longer(self._server.kind if self._server else _OTHER, COMFORTABLE),
            )
        if error.status == NOT_FOUND and "model" in complaint.text.lower():
            return ModelMissing(
                f"{where} does not have the model {self.model} ({complaint.text})", "give one it has with --model"
            )
        if error.status == BUSY:
            return ModelUnreachable(f"{where} is busy ({complaint.text})", "try again when it is not")
        return error

    def _converted(self, value: object, kind: type[T]) -> T:
        try:
            return converted(value, kind)
        except msgspec.ValidationError as error:
            problem = self._wire.shown(str(error))
            raise BadReply(f"{self._wire.where()} answered what no such server does ({problem})", "check it") from error

    # what the server says of itself

    def _described(self, deadline: Deadline) -> _Server:
        """Ask once what can be known; only a server that is not there is an error."""
        if self._server is None:
            self._server = self._describe(deadline)
            self._wire.kind = self._server.kind
            if self._server.kind == _LLAMA_CPP:
                self._extras["return_progress"] = True
        return self._server

    def _describe(self, deadline: Deadline) -> _Server:
        """Tell the server by its list of models, then ask it in its own way."""
        entries = self._entries(deadline)
        kind = next((_OWNERS[entry.owned_by] for entry in entries if entry.owned_by in _OWNERS), _OTHER)
        entry = next((entry for entry in entries if entry.id == self.model), None)
        version, window = self._particulars(kind, deadline)
        window = (entry.max_model_len if entry else None) or window
        names = tuple(self._wire.shown(entry.id) for entry in entries)
        return _Server(kind=kind, version=self._wire.shown(version), window=window, models=names)

    def _entries(self, deadline: Deadline) -> list[_Entry]:
        try:
            listed = self._when_loaded(lambda: self._wire.fetch("/v1/models", self._wire.soon(deadline)))
            return self._converted(listed, _Models).data or []
        except Refusal:
            return []  # a gateway may offer the one path alone; whether it is the right one shows there

    def _particulars(self, kind: str, deadline: Deadline) -> tuple[str, int | None]:
        """Give version and window as this kind of server tells them."""
        if kind == _LLAMA_CPP:
            props = self._told("/props", _Props, deadline)
            return props.build_info, (props.default_generation_settings or _Generation()).n_ctx
        if kind == _VLLM:
            return self._told("/version", _Version, deadline).version, None
        if kind == _OLLAMA:
            return self._told("/api/version", _Version, deadline).version, None
        return "", self._studio_window(deadline) if kind == _LM_STUDIO else None

    def _studio_window(self, deadline: Deadline) -> int | None:
        known = self._told("/api/v1/models", _Studios, deadline).models or []
        loaded = [instance for entry in known if entry.key == self.model for instance in entry.loaded_instances or []]
        return next((instance.config.context_length for instance in loaded if instance.config), None)

    def _told(self, path: str, kind: type[T], deadline: Deadline) -> T:
        """Ask outside of ``/v1`` for what only some servers tell."""
        try:
            return self._converted(self._wire.fetch(path, self._wire.soon(deadline)), kind)
        except LanguageModelError:
            return kind()

    # before the work

    def ready(self) -> None:
        """Ask the server what it is and has room for; whether it takes the model's name shows with the question."""
        server = self._described(self._wire.soon())
        why = f"says {self._wire.where()}"
        require_room(COMFORTABLE, server.window, self.model, why, _longer(server.kind, COMFORTABLE))

    # doctor

    def check(self) -> list[Inspection]:
        """Look at server, model and window; see `Backend`."""
        try:
            self._converted(self._wire.fetch("/v1/models", self._wire.soon()), _Models)
            server = self._described(self._wire.soon())
        except LanguageModelError as error:
            cure = "start the server, or give its address, ending in /v1, with --llm-url"
            return [Inspection(name="language model", passed=False, detail=str(error), cure=cure)]
        detail = " ".join(filter(None, (f"{server.kind} at {self.location}", server.version)))
        reached = Inspection(name="language model", passed=True, detail=detail, cure="")
        return [reached, self._model_check(server), self._window_check(server)]

    def _model_check(self, server: _Server) -> Inspection:
        """Look whether the model is there; llama.cpp answers with the one it has, whatever is asked for."""
        there = self._wire.shown(", ".join(server.models[:8])) or "none"
        if server.kind == _LLAMA_CPP:
            return Inspection(name="model", passed=True, detail=f"serves {there} whatever is asked for", cure="")
        passed = self.model in server.models
        detail = self.model if passed else f"does not have {self.model}; it has: {there}"
        return Inspection(name="model", passed=passed, detail=detail, cure="" if passed else "give one with --model")

    def _window_check(self, server: _Server) -> Inspection:
        if server.kind == _OLLAMA:
            detail = "Ollama cuts a long prompt here without a word, and the window cannot be set"
            return Inspection(name="window", passed=False, detail=detail, cure=_longer(_OLLAMA, COMFORTABLE))
        if server.window is not None and server.window < COMFORTABLE:
            detail = f"{server.window} tokens, and a report takes up to {COMFORTABLE}"
            return Inspection(name="window", passed=False, detail=detail, cure=_longer(server.kind, COMFORTABLE))
        known = f"{server.window} tokens" if server.window else "not told by the server; a cut is noticed afterwards"
        return Inspection(name="window", passed=True, detail=known, cure="")

    def pull(self, progress: Pulled) -> None:
        """Refuse: only Ollama downloads models when asked to.

        Raises
        ------
        BadReply
        """
        progress("", 0, 0)
        raise BadReply(f"{self._wire.where()} cannot be asked to download {self.model}", "load it on the server")

    def close(self) -> None:
        """Let go of connections."""
        self._wire.close()


def _longer(kind: str, tokens: int) -> str:
    """Say how a server is given a longer window."""
    wanted = choose_window(tokens, tokens * 2)
    match kind:
        case "Ollama":
            return "drop /v1 from --llm-url, so that Ollama's own interface sets the window (num_ctx)"
        case "llama.cpp":
            return f"start llama-server with -c {wanted}, times its number of slots (-np)"
        case "vLLM":
            return f"start vllm serve with --max-model-len {wanted} or more"
        case "LM Studio":
            return f"load the model with a context length of {wanted} or more in LM Studio"
        case _:
            return f"give the model a window of {wanted} tokens or more on the server"


def _events(reply: Reply) -> Iterator[bytes]:
    """Give what a stream of server-sent events holds; every server here writes an event's data on one line."""
    for line in reply.lines():
        content = line.removeprefix(b"data:").strip()
        if line.startswith(b"data:") and content == _END:
            return
        if line.startswith(b"data:") and content:
            yield content
