"""Language models behind one question: a prompt and a schema go in, a whole answer with its provenance comes out.

An answer that is broken or made from a cut prompt is never given: it ends in a `LanguageModelError`. One that was cut
at its longest says so. Whether the
text says what is true is not decided here. Nothing of the network is imported before a back end is opened.
"""

from __future__ import annotations

import ipaddress
import re
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import msgspec

from perftracker_ai.errors import UsageError
from perftracker_ai.words.text import clean, without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Progress = Callable[[int, float, str, "Doing"], None]
    """Takes the tokens so far, the seconds since the question was put, the piece written last, and what is done."""
    Pulled = Callable[[str, int, int], None]
    """Takes what the server does, and the bytes received and known of so far."""

DEFAULT_URL = "http://127.0.0.1:11434"
DEFAULT_MODEL = "qwen2.5-coder:14b"
DEFAULT_CEILING = 32768
"""Tokens of the longest window asked for: 6 GiB beside the weights of a 14 B model."""
_OLLAMA_PORT = 11434


class Doing(StrEnum):
    """What a model does while it is waited for."""

    READING = "reading the prompt"
    THINKING = "thinking"
    WRITING = "writing"


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """What the model is told: its task, and the material."""

    system: str
    user: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer and where it came from.

    Attributes
    ----------
    text : str
        As the model wrote it; nothing of it has been judged.
    whole : bool
        Whether it ended by itself, and not at the longest an answer may be.
    model, digest : str
        The model as the server names it, and the hash of its files; empty when the server does not tell.
    server, server_version : str
        Kind of server with its address, without credentials; and its version, empty when it does not tell.
    window : int or None
        Tokens of context the model had; None when nobody knows.
    prompt_tokens, answer_tokens : int or None
        As the server counted them; None when it did not.
    thoughts : int
        Pieces of thinking that came before the answer, although none was asked for; nothing of it is kept.
    seconds : float
        From question to end of answer, loading of the model included.
    """

    text: str
    whole: bool
    model: str
    digest: str
    server: str
    server_version: str
    window: int | None
    prompt_tokens: int | None
    answer_tokens: int | None
    thoughts: int
    seconds: float
    seed: int


class Inspection(msgspec.Struct, frozen=True, kw_only=True):
    """One thing looked at for ``doctor``; the cure is empty where there is nothing to mend."""

    name: str
    passed: bool
    detail: str
    cure: str


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait for what; the answer itself is bounded by the deadline alone.

    Attributes
    ----------
    connect_s : float
        A server that is there accepts at once, however long its model takes to load.
    quick_s : float
        Questions that need no model: version, list of models, window.
    silence_s : float
        Between two lines of a pull; checking a file of 40 GB is silent.
    pull_s : float
        A whole pull: 40 GB at 2 MB/s.
    busy_pause_s : float
        Before the one further try at a busy server.
    """

    connect_s: float = 5.0
    quick_s: float = 30.0
    silence_s: float = 600.0
    pull_s: float = 6 * 3600.0
    busy_pause_s: float = 2.0


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for every question of a run.

    Attributes
    ----------
    ceiling : int
        Longest window asked for, in tokens.
    deadline_s : float
        For all questions of a run together, from the first connecting to the last byte, further tries included.
    clock, sleep : callable
        Monotonic seconds, and a pause of so many.
    """

    model: str
    ceiling: int
    deadline_s: float
    seed: int
    api_key: str
    patience: Patience
    clock: Callable[[], float]
    sleep: Callable[[float], None]


class Backend(Protocol):
    """What the application needs of a language model."""

    @property
    def location(self) -> str:
        """Address of the server without credentials, for messages."""

    @property
    def model(self) -> str:
        """The model as it was asked for."""

    def ask(self, prompt: Prompt, schema: Mapping[str, object], *, answer_tokens: int, progress: Progress) -> Answer:
        """Put one question and give its answer.

        Parameters
        ----------
        prompt : Prompt
        schema : mapping
            JSON schema the answer is held to as far as the server can; ``$defs`` and ``pattern`` are taken out.
        answer_tokens : int
            Longest answer; one that needs more is cut, and says so.
        progress : callable

        Raises
        ------
        ModelUnreachable, ModelMissing, PromptTooLong, BadReply
        """

    def ready(self) -> None:
        """Find out before the work whether a question could be put: the server is there, has the model, and room.

        Raises
        ------
        ModelUnreachable, ModelMissing, PromptTooLong, BadReply
        """

    def check(self) -> list[Inspection]:
        """Look at server, model and window, in the order in which problems should be mended; raises nothing."""

    def pull(self, progress: Pulled) -> None:
        """Have the server download the model.

        Raises
        ------
        ModelUnreachable, ModelMissing, BadReply
        """

    def close(self) -> None:
        """Let go of connections."""


def open_backend(  # noqa: PLR0913 - one place takes all there is to say of a back end, by name
    url: str,
    model: str,
    *,
    ceiling: int = DEFAULT_CEILING,
    deadline_s: float,
    seed: int,
    environ_host: str | None = None,
    api_key: str | None = None,
    patience: Patience | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Backend:
    """Open the back end an address means; nothing is sent yet.

    Parameters
    ----------
    url : str
        Address as `address_of` takes it. With a path that ends in ``/v1`` it is an OpenAI-compatible server, otherwise
        an Ollama. Empty for the one of ``environ_host``, or else `DEFAULT_URL`.
    model : str
        Empty for `DEFAULT_MODEL`.
    ceiling, deadline_s, seed : see `Terms`
    environ_host : str or None
        Text of ``OLLAMA_HOST``.
    api_key : str or None
        Sent as bearer token, and never shown.

    Raises
    ------
    UsageError
        When the address, the model or the key cannot be one.
    """
    terms = Terms(
        model=_model_name(model),
        ceiling=ceiling,
        deadline_s=deadline_s,
        seed=seed,
        api_key=_key(api_key),
        patience=patience or Patience(),
        clock=clock,
        sleep=sleep,
    )
    base = address_of(url.strip() or (environ_host or "").strip() or DEFAULT_URL)
    if urlsplit(base).path.endswith("/v1"):
        from perftracker_ai.llm.openai import OpenAIBackend

        return OpenAIBackend(base, terms)
    from perftracker_ai.llm.ollama import OllamaBackend

    return OllamaBackend(base, terms)


def require_usable(url: str, model: str, api_key: str | None) -> None:
    """Refuse what `open_backend` would refuse, without paying for a client.

    Raises
    ------
    UsageError
        When the address, the model or the key cannot be one.
    """
    _key(api_key)
    _model_name(model)
    address_of(url.strip() or DEFAULT_URL)


def address_of(text: str) -> str:
    """Read a server's address in every form ``OLLAMA_HOST`` may have.

    Parameters
    ----------
    text : str
        ``host``, ``host:port``, ``:port``, ``http(s)://host[:port][/path]``, or an IPv6 literal with or without
        brackets. Without a scheme the port is 11434; with one, 80 or 443. An address to listen on (``0.0.0.0``,
        ``::``) means this machine.

    Returns
    -------
    str
        Scheme, credentials if any, host, port and path, without a trailing slash.

    Raises
    ------
    UsageError
        When it is none of these. The message shows no credentials.
    """
    plain = text.strip().strip("\"'").strip()
    scheme, mark, rest = plain.rpartition("://") if re.match(r"[a-zA-Z]+://", plain) else ("http", "", plain)
    authority, _, path = rest.partition("/")
    user, at, hostport = authority.rpartition("@")
    ports = {"http": 80, "https": 443} if mark else {"http": _OLLAMA_PORT}
    host, port = _host_and_port(hostport, ports.get(scheme.lower()))
    if port is None or not re.fullmatch(r"[\w.:%-]+", host, re.ASCII) or re.search(r"[\s?#\\@]", user + path):
        raise _no_address(text)
    shown_host = f"[{host}]" if ":" in host else host
    return f"{scheme.lower()}://{user}{at}{shown_host}:{port}/{path}".rstrip("/")


def _host_and_port(text: str, default: int | None) -> tuple[str, int | None]:
    """Split host and port; a port that is none is given as None."""
    bare = text.removeprefix("[").removesuffix("]")
    if (address := _ip(bare)) is not None:
        return ("127.0.0.1" if address.is_unspecified else str(address)), default
    host, colon, digits = text.rpartition(":")
    if not colon:
        return text or "127.0.0.1", default
    if default is None or not re.fullmatch(r"[0-9]{1,5}", digits) or not 0 < int(digits) < 2**16:
        return host, None
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    address = _ip(host)
    return ("127.0.0.1" if address is not None and address.is_unspecified else host), int(digits)


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _no_address(text: str) -> UsageError:
    shown = clean(without_secrets(text), 100)
    return UsageError(
        f"{shown!r} is no address of a language model",
        f"write it like {DEFAULT_URL} for Ollama, or http://127.0.0.1:8000/v1 for an OpenAI-compatible server",
    )


def _model_name(text: str) -> str:
    name = text.strip() or DEFAULT_MODEL
    if not name.isprintable() or len(name) > 200:  # noqa: PLR2004 - longer than any registry allows
        raise UsageError(f"{name[:40]!r} is no name of a model", f"write it like {DEFAULT_MODEL}")
    return name


def _key(text: str | None) -> str:
    """Refuse a key no header can carry, without showing it."""
    key = (text or "").strip()
    if not re.fullmatch(r"[\x21-\x7e]*", key):
        raise UsageError("The language model's API key holds blanks or characters no header can carry", "copy it again")
    return key
