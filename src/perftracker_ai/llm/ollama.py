"""Ollama's own interface, the only one of its two that can set and guarantee the window.

Ollama cuts a prompt that does not fit to half the window and answers 200. So the window is chosen here and asked for,
cutting is forbidden twice over, and the tokens the server counted are held against the prompt afterwards: older
servers know neither prohibition.
"""

from __future__ import annotations

import re
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

_KEEP_ALIVE = "10m"
"""Longer than what lies between two questions of a run."""
_KNOWS_SHIFT = (0, 12, 6)
"""First version that refuses a prompt that does not fit when told to."""


class _Message(msgspec.Struct):
    content: str | None = None
    thinking: str | None = None


class _Event(msgspec.Struct):
    """One line of an answer; a count of zero is not sent."""

    message: _Message | None = None
    done: bool = False
    done_reason: str = "stop"
    prompt_eval_count: int = 0
    eval_count: int = 0
    error: object = None


class _Pull(msgspec.Struct):
    status: str = ""
    digest: str = ""
    total: int = 0
    completed: int = 0
    error: object = None


class _Details(msgspec.Struct):
    parameter_size: str = ""
    quantization_level: str = ""


class _Tag(msgspec.Struct):
    name: str = ""
    digest: str = ""
    size: int = 0
    details: _Details | None = None


class _Loaded(msgspec.Struct):
    name: str = ""
    size: int = 0
    size_vram: int = 0
    context_length: int = 0


class _Tags(msgspec.Struct):
    models: list[_Tag] | None = None


class _Ps(msgspec.Struct):
    models: list[_Loaded] | None = None


class _Version(msgspec.Struct):
    version: str = ""


class _Show(msgspec.Struct):
    model_info: dict[str, object] | None = None


class OllamaBackend:
    """An Ollama server, asked through ``/api/chat``.

    Parameters
    ----------
    base : str
        As `address_of` gives it.
    terms : Terms
    """

    def __init__(self, base: str, terms: Terms) -> None:
        self._wire = Wire(base, "Ollama", terms)
        self._terms = terms
        self._deadline: Deadline | None = None
        self._window = 0
        self._trained: int | None = None
        self._asked_for_trained = False
        self._identity: tuple[str, str] | None = None

    @property
    def location(self) -> str:
        """Address of the server without credentials."""
        return self._wire.address

    @property
    def model(self) -> str:
        """The model as it was asked for."""
        return self._terms.model

    # one question

    def ask(self, prompt: Prompt, schema: Mapping[str, object], *, answer_tokens: int, progress: Progress) -> Answer:
        """Put one question and give its whole answer; see `Backend`."""
        deadline = self._deadline = self._deadline or self._wire.within(self._terms.deadline_s)
        draft = Draft(self._wire.where(), progress, self._terms.clock)
        window = self._choose_window(prompt, answer_tokens, deadline)
        body = self._body(prompt, plain_schema(schema), window, answer_tokens)
        end = self._chat(body, draft, deadline)
        if end.done_reason not in ("stop", "length", ""):
            raise self._unfinished(end.done_reason)
        in_force = self._window_in_force(deadline)
        if looks_cut(prompt, end.prompt_eval_count, in_force or window):
            raise self._was_cut(prompt, end.prompt_eval_count, in_force or window)
        digest, version = self._known_identity(deadline)
        return Answer(
            text=draft.text,
            whole=end.done_reason != "length",
            model=self.model,
            digest=digest,
            server=self._wire.where(),
            server_version=version,
            window=in_force or window,
            prompt_tokens=end.prompt_eval_count,
            answer_tokens=end.eval_count,
            thoughts=draft.thoughts,
            seconds=draft.seconds,
            seed=self._terms.seed,
        )

    def _choose_window(self, prompt: Prompt, answer_tokens: int, deadline: Deadline) -> int:
        """Take the window of the run, and a larger one only when a later question does not fit: it costs a reload."""
        trained = self._trained_length(deadline)
        limit = min(trained or self._terms.ceiling, self._terms.ceiling)
        needed = tokens_needed(prompt, answer_tokens)
        bound = "all it was trained for" if limit == trained else "the longest window allowed"
        require_room(needed, limit, self.model, bound)
        self._window = max(self._window, choose_window(needed, limit))
        return self._window

    def _trained_length(self, deadline: Deadline | None = None) -> int | None:
        """Ask once for the window the model was trained for; None when the server does not know."""
        if not self._asked_for_trained:
            self._trained = _trained(self._fetch("/api/show", _Show, deadline, {"model": self.model}))
            self._asked_for_trained = True
        return self._trained

    def _body(self, prompt: Prompt, schema: Mapping[str, object], window: int, answer_tokens: int) -> dict[str, object]:
        return {
            "model": self.model,
            "messages": messages_of(prompt),
            "stream": True,
            "format": schema,
            "options": {"num_ctx": window, "num_predict": answer_tokens, "seed": self._terms.seed, "temperature": 0},
            "keep_alive": _KEEP_ALIVE,
            "think": False,
            "truncate": False,
            "shift": False,
        }

    def _chat(self, body: Mapping[str, object], draft: Draft, deadline: Deadline) -> _Event:
        """Send the question, a second time when the server is busy."""
        try:
            return self._chat_once(body, draft, deadline)
        except Refusal as error:
            if error.status != BUSY:
                raise self._explained(error) from error
        self._terms.sleep(self._terms.patience.busy_pause_s)
        try:
            return self._chat_once(body, draft, deadline)
        except Refusal as error:
            raise self._explained(error) from error

    def _chat_once(self, body: Mapping[str, object], draft: Draft, deadline: Deadline) -> _Event:
        with self._wire.open("/api/chat", deadline, body) as reply:
            for event in self._events(reply, _Event):
                draft.think((event.message and event.message.thinking) or "")
                draft.add((event.message and event.message.content) or "")
                if event.done:
                    return event
        raise BadReply(f"{self._wire.where()} broke off in the middle of its answer", "see the server's log")

    def _events(self, reply: Reply, kind: type[T]) -> Iterator[T]:
        """Read a stream of objects; an error among them ends it."""
        for line in reply.lines():
            value = reply.decoded(line)
            if isinstance(value, dict) and value.get("error"):
                raise self._wire.refusal(OK, value)
            yield self._converted(value, kind)

    def _unfinished(self, reason: str) -> BadReply:
        why = f"the answer ended for the reason {self._wire.shown(reason)!r}, not because it was complete"
        return BadReply(f"{self._wire.where()}: {why}", "take another model with --model")

    def _was_cut(self, prompt: Prompt, counted: int, window: int) -> PromptTooLong:
        return PromptTooLong(
            f"{self._wire.where()} read only {counted} tokens of a prompt of about {tokens_needed(prompt, 0)} (window"
            f" {window}), so its answer is not used",
            "upgrade Ollama, and look for OLLAMA_CONTEXT_LENGTH on its side",
        )

    # errors

    def _explained(self, error: Refusal) -> LanguageModelError:
        """Say what a refusal means, where more is known than its status."""
        complaint = error.complaint
        if error.status == NOT_FOUND and complaint.as_text:
            return self._missing()
        if complaint.overflow:
            sizes = f" ({complaint.prompt_tokens} tokens in {complaint.window})" if complaint.window else ""
            return PromptTooLong(
                f"The prompt does not fit the window {self._wire.where()} gives {self.model}{sizes}",
                "take a model with a longer window with --model",
            )
        if error.status == BUSY:
            return ModelUnreachable(f"{self._wire.where()} is busy ({complaint.text})", "try again when it is not")
        return error

    def _missing(self) -> ModelMissing:
        return ModelMissing(
            f"{self._wire.where()} does not have the model {self.model}", f"get it with `ollama pull {self.model}`"
        )

    # what the server says of itself

    def _fetch(self, path: str, kind: type[T], whole: Deadline | None, body: object = None) -> T:
        try:
            value = self._wire.fetch(path, self._wire.soon(whole), body)
            if isinstance(value, dict) and value.get("error"):
                raise self._wire.refusal(OK, value)
        except Refusal as error:
            raise self._explained(error) from error
        return self._converted(value, kind)

    def _converted(self, value: object, kind: type[T]) -> T:
        try:
            return converted(value, kind)
        except msgspec.ValidationError as error:
            problem = self._wire.shown(str(error))
            cure = "end the address in /v1 if it is another kind of server"
            raise BadReply(f"{self._wire.where()} answered what no Ollama does ({problem})", cure) from error

    def _optional(self, path: str, kind: type[T], deadline: Deadline) -> T:
        """Ask for what is only told to the reader."""
        try:
            return self._fetch(path, kind, deadline)
        except LanguageModelError:
            return kind()

    def _known_identity(self, deadline: Deadline) -> tuple[str, str]:
        """Give digest of the model and version of the server, asked for once; empty where not told."""
        if self._identity is None:
            tag = _named(self.model, self._optional("/api/tags", _Tags, deadline).models or [])
            version = self._optional("/api/version", _Version, deadline).version
            self._identity = (tag.digest if tag else "", version)
        return self._identity

    def _window_in_force(self, deadline: Deadline) -> int | None:
        loaded = _named(self.model, self._optional("/api/ps", _Ps, deadline).models or [])
        return (loaded.context_length or None) if loaded else None

    # before the work

    def ready(self) -> None:
        """Ask for the model's window, which is needed anyway and only told of a model that is there; see `Backend`."""
        self._wide_enough()

    # doctor

    def check(self) -> list[Inspection]:
        """Look at server, version, model, window and memory; see `Backend`."""
        cure = "start Ollama with `ollama serve`, or give its address with --llm-url"
        reached = _inspect("language model", cure, self._reached)
        if not reached.passed:
            return [reached]
        pulled = _inspect("model", f"ollama pull {self.model}", self._pulled)
        if not pulled.passed:
            return [reached, self._new_enough(), pulled]
        longer = "take a model with a longer window with --model"
        rest = [_inspect("window", longer, self._wide_enough), _inspect("memory", "see the server's log", self._memory)]
        return [reached, self._new_enough(), pulled, *rest]

    def _reached(self) -> str:
        version = self._fetch("/api/version", _Version, None).version
        return f"{self._wire.where()}, version {self._wire.shown(version) or 'unknown'}"

    def _new_enough(self) -> Inspection:
        """Look whether the server can be told not to cut; one built from source calls itself 0.0.0."""
        version = self._optional("/api/version", _Version, self._wire.soon()).version
        numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
        known = tuple(int(number) for number in numbers.groups()) if numbers else (0, 0, 0)
        passed = known >= _KNOWS_SHIFT or not any(known)
        needed = ".".join(map(str, _KNOWS_SHIFT))
        detail = "refuses a prompt it would have to cut" if passed else "may cut a long prompt, which is then not used"
        return Inspection(
            name="version", passed=passed, detail=detail, cure="" if passed else f"upgrade Ollama to {needed} or newer"
        )

    def _pulled(self) -> str:
        tags = self._fetch("/api/tags", _Tags, None).models or []
        tag = _named(self.model, tags)
        if tag is None:
            there = self._wire.shown(", ".join(other.name for other in tags[:8])) or "none"
            raise ModelMissing(f"{self._wire.where()} does not have {self.model}", f"it has: {there}")
        details = tag.details or _Details()
        words = (details.parameter_size, details.quantization_level, f"{tag.size / 1e9:.1f} GB")
        return self._wire.shown(f"{tag.name}, {' '.join(filter(None, words))}")

    def _wide_enough(self) -> str:
        trained = self._trained_length()
        if trained is not None and trained < COMFORTABLE:
            raise PromptTooLong(
                f"{self.model} was trained for {trained} tokens, and a report takes up to {COMFORTABLE}",
                "take a model with a longer window with --model",
            )
        if self._terms.ceiling < COMFORTABLE:
            raise PromptTooLong(
                f"At most {self._terms.ceiling} tokens may be asked for, and a report takes up to {COMFORTABLE}",
                f"set llm_window, the num_ctx that is asked for, to {COMFORTABLE} or more",
            )
        known = f"trained for {trained} tokens" if trained else "trained for an unknown number of tokens"
        return f"{known}, at most {min(trained or self._terms.ceiling, self._terms.ceiling)} are asked for"

    def _memory(self) -> str:
        loaded = _named(self.model, self._fetch("/api/ps", _Ps, None).models or [])
        if loaded is None:
            return "not loaded: the first answer waits until it is"
        window = f"loaded with a window of {loaded.context_length or 'unknown'} tokens"
        if loaded.size_vram < loaded.size:
            share = 1 - loaded.size_vram / loaded.size
            return f"{window}, {share:.0%} of it on the CPU: slow; a smaller model (--model) would fit the GPU"
        return f"{window}, all of it on the GPU"

    # pull

    def pull(self, progress: Pulled) -> None:
        """Have the server download the model; see `Backend`."""
        sizes: dict[str, tuple[int, int]] = {}
        try:
            with self._wire.open("/api/pull", self._wire.patiently(), {"model": self.model}) as reply:
                for event in self._events(reply, _Pull):
                    self._count(event, sizes, progress)
                    if event.status == "success":
                        return
        except Refusal as error:
            raise self._not_pulled(error) from error
        raise BadReply(f"{self._wire.where()} broke off the download", "the same command goes on where it stopped")

    def _count(self, event: _Pull, sizes: dict[str, tuple[int, int]], progress: Pulled) -> None:
        """Tell of all files of the model together, as far as they are known."""
        if event.digest:
            sizes[event.digest] = (event.completed, event.total)
        done, known = (sum(column) for column in zip(*sizes.values(), strict=True)) if sizes else (0, 0)
        progress(self._wire.shown(event.status), done, known)

    def _not_pulled(self, error: Refusal) -> LanguageModelError:
        said = error.complaint.text
        if "file does not exist" in said or "invalid model name" in said:
            return ModelMissing(f"There is no model {self.model} to download ({said})", "check its name")
        return error

    def close(self) -> None:
        """Let go of connections."""
        self._wire.close()


def same_model(one: str, other: str) -> bool:
    """Tell whether two names mean one model: registry, namespace, case and the tag ``latest`` may be left out."""
    return _canonical(one) == _canonical(other)


def _canonical(name: str) -> str:
    short = name.strip().lower().removeprefix("registry.ollama.ai/").removeprefix("library/")
    return short if ":" in short.rpartition("/")[2] else f"{short}:latest"


Named = TypeVar("Named", _Tag, _Loaded)


def _named(model: str, known: list[Named]) -> Named | None:
    return next((entry for entry in known if same_model(entry.name, model)), None)


def _trained(shown: _Show) -> int | None:
    """Find the trained window among what is known of a model."""
    info = shown.model_info or {}
    length = info.get(f"{info.get('general.architecture')}.context_length")
    return length if isinstance(length, int) and length > 0 else None


def _inspect(name: str, cure: str, look: Callable[[], str]) -> Inspection:
    """Look at one thing, taking an error of ours as its result."""
    try:
        return Inspection(name=name, passed=True, detail=look(), cure="")
    except LanguageModelError as error:
        return Inspection(name=name, passed=False, detail=str(error), cure=cure)
