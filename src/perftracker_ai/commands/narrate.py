"""A language model's part in a report: asked, remembered from an earlier run, or done without.

In: an analysis, the settings, and what an earlier run saved of the same pair. Out: a `Story`: the narration, the files
it is made from, and what kept it from being told. One question, and one more for what was refused of its answer. What
a model wrote is verified whether it comes from a server or from a file. Nothing is written here.
"""

from __future__ import annotations

from contextlib import closing
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from perftracker_ai.decoding import converted, decoded
from perftracker_ai.errors import BadReply, LanguageModelError, ModelMissing, ModelUnreachable
from perftracker_ai.events import Pulling, Step, Writing
from perftracker_ai.model import AnswerCut, Author, NoModel, NoRepair, TextsRefused
from perftracker_ai.narrate.facts import build_facts, facts_json
from perftracker_ai.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from perftracker_ai.events import Watch
    from perftracker_ai.llm import Answer, Backend, Doing, Prompt
    from perftracker_ai.model import Narration
    from perftracker_ai.narrate.values import FactSheet
    from perftracker_ai.report.value import Report
    from perftracker_ai.report.view import View

FACTS, PROMPT, ANSWER = "facts.json", "prompt.txt", "llm_raw.json"
"""Names of the files of a story."""
_USUAL = Settings()
_PROBE_S = 0.04
_TAIL = 80
"""Characters of an answer in which the name of the section that is being written is looked for."""


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """What came of asking a language model.

    Attributes
    ----------
    narration : Narration or None
        None when no model answered.
    files : tuple of (str, bytes)
        Names and contents; what is not among them of `FACTS`, `PROMPT`, `ANSWER` is not of this run.
    problem : LanguageModelError or None
        Why no model wrote any of the report; None when it did, or was not to.
    """

    narration: Narration | None
    files: tuple[tuple[str, bytes], ...]
    problem: LanguageModelError | None


def prepare(settings: Settings, watch: Watch, kept: Callable[[], bool]) -> None:
    """Find out before the work what would keep a model from being asked, as far as that matters.

    Parameters
    ----------
    settings : Settings
    watch : Watch
    kept : callable
        Tells whether there are answers of earlier runs: a model that cannot be reached may not be needed.

    Raises
    ------
    UsageError
        When address, model or key cannot be one.
    LanguageModelError
        When a model is required, or to be downloaded, and there is none.
    """
    if settings.llm == "off" or settings.emit_prompt:
        return
    ours = (settings.llm_url, settings.model, settings.llm_api_key)
    if ours != (_USUAL.llm_url, _USUAL.model, _USUAL.llm_api_key):
        from perftracker_ai.llm import require_usable

        require_usable(*ours)
    if settings.llm == "required" or settings.pull:
        try:
            with closing(open_model(settings, settings.seed)) as backend:
                _make_ready(backend, settings, watch)
        except ModelUnreachable:
            if settings.pull or settings.llm_again or not kept():
                raise


def open_model(settings: Settings, seed: int) -> Backend:
    """Open the language model's server.

    Raises
    ------
    ModelUnreachable
        When nobody listens at the usual address, which is found out without loading an HTTP client.
    UsageError
        When address, model or key cannot be one.
    """
    if not _is_there(settings):
        raise ModelUnreachable(
            f"No Ollama answers at {settings.llm_url}",
            "start it with `ollama serve`, give its address with --llm-url, or go without with --llm off",
        )
    from perftracker_ai.llm import open_backend

    return open_backend(
        settings.llm_url,
        settings.model,
        ceiling=settings.llm_window,
        deadline_s=settings.llm_timeout_s,
        seed=seed,
        api_key=settings.llm_api_key,
    )


def prompt_text(shown: View, report: Report) -> str:
    """Return what a model would be asked first."""
    from perftracker_ai.narrate.prompt import build_prompt

    return _spelled(*build_prompt(build_facts(shown, report)))


def tell(shown: View, report: Report, settings: Settings, saved: bytes | None, watch: Watch) -> Story:
    """Have a model tell what an analysis established.

    Parameters
    ----------
    shown : View
    report : Report
        What it says without a model.
    settings : Settings
    saved : bytes or None
        What an earlier run left as `ANSWER`; an answer to the same question is not asked for again.
    watch : Watch

    Raises
    ------
    UsageError
        When address, model or key cannot be one.
    """
    sheet = build_facts(shown, report)
    facts = facts_json(sheet)
    if settings.llm == "off":
        return Story(narration=None, files=((FACTS, facts),), problem=None)
    with closing(_Talk(settings, shown.analysis.detection.seed, facts, saved, watch)) as talk:
        try:
            narration = _narrated(sheet, talk, watch)
            if not narration.stands and talk.forget():
                narration = _narrated(sheet, talk, watch)
        except LanguageModelError as error:
            watch(NoModel(problem=error.problem, cure=_step(error)))
            return Story(narration=None, files=((FACTS, facts),), problem=error)
    problem = None if narration.stands else _nothing_usable(settings)
    return Story(narration=narration, files=((FACTS, facts), *talk.files()), problem=problem)


# ── before the work ─────────────────────────────────────────────────────────────────────────────────────────────────


def is_asked(settings: Settings) -> bool:
    """Tell whether a model will be asked, as far as that is known before the work."""
    return settings.llm != "off" and not settings.emit_prompt and _is_there(settings)


def _is_there(settings: Settings) -> bool:
    """Tell whether somebody listens where the model should be; of another address than the usual one it is supposed."""
    return settings.llm_url != _USUAL.llm_url or not _refuses(settings.llm_url)


def _refuses(address: str) -> bool:
    """Tell whether nobody listens at an address of this machine; one who is slow to answer does listen."""
    import socket

    host, _, port = address.rpartition("/")[2].partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_PROBE_S).close()
    except TimeoutError:
        return False
    except OSError:
        return True
    return False


def _make_ready(backend: Backend, settings: Settings, watch: Watch) -> None:
    try:
        backend.ready()
    except ModelMissing:
        if not settings.pull:
            raise
        watch(Step(f"Downloading the language model {settings.model}"))
        backend.pull(lambda *got: watch(Pulling(*got)))


# ── question and answer ─────────────────────────────────────────────────────────────────────────────────────────────


class _Saved(msgspec.Struct):
    """What `ANSWER` holds: the hash of what the answers depend on, and the answers."""

    question: str
    answers: list[dict[str, object]]


class _Talk:
    """Questions and answers of a run, in order; what was answered to the same question before is not asked again."""

    def __init__(self, settings: Settings, seed: int, facts: bytes, saved: bytes | None, watch: Watch) -> None:
        self._settings, self._seed, self._facts, self._watch = settings, seed, facts, watch
        self._remembered = [] if settings.llm_again else self._recalled(saved)
        self._is_recalled = bool(self._remembered)
        self._backend: Backend | None = None
        self._prompts: list[str] = []
        self._answers: list[Answer] = []

    @property
    def author(self) -> Author:
        """Who answered."""
        last = self._answers[-1]
        return Author(
            model=last.model,
            digest=last.digest,
            window=last.window,
            prompt_tokens=_sum([answer.prompt_tokens for answer in self._answers]),
            answer_tokens=_sum([answer.answer_tokens for answer in self._answers]),
            seed=last.seed,
        )

    def forget(self) -> bool:
        """Forget what was remembered and told so far; tell whether it was remembered, so that asking makes sense."""
        recalled, self._is_recalled = self._is_recalled, False
        if recalled:
            self._remembered, self._prompts, self._answers = [], [], []
        return recalled

    def require_ear(self) -> None:
        """Find out whether anybody will answer, before words are made for it."""
        if not self._remembered:
            self._backend = open_model(self._settings, self._seed)

    def ask(self, texts: tuple[str, str], schema: Mapping[str, object]) -> str:
        """Put a question and give the text of its answer, of one that was cut what is finished.

        Raises
        ------
        LanguageModelError
        """
        from perftracker_ai.llm import Prompt

        prompt = Prompt(system=texts[0], user=texts[1])
        answer = self._remembered.pop(0) if self._remembered else self._asked(prompt, schema)
        self._prompts.append(_spelled(*texts))
        self._answers.append(answer)
        if answer.whole:
            return answer.text
        from perftracker_ai.narrate.cut import finished

        self._watch(AnswerCut(model=answer.model, tokens=answer.answer_tokens or 0, thoughts=answer.thoughts))
        return finished(answer.text)

    def _asked(self, prompt: Prompt, schema: Mapping[str, object]) -> Answer:
        from perftracker_ai.narrate.schema import answer_tokens

        if self._backend is None:
            self._backend = open_model(self._settings, self._seed)
        again = "once more, for what was refused" if self._answers else "to comment on the report"
        self._watch(Step(f"Asking {self._backend.model} at {self._backend.location} {again}"))
        progress = _Progress(self._watch)
        return self._backend.ask(prompt, schema, answer_tokens=answer_tokens(schema), progress=progress)

    def files(self) -> tuple[tuple[str, bytes], ...]:
        """Give what is to be kept: every prompt, and every answer as it came."""
        saved = {"question": self._question(), "answers": self._answers}
        kept = msgspec.json.format(msgspec.json.encode(saved), indent=1) + b"\n"
        return (PROMPT, "\n".join(self._prompts).encode()), (ANSWER, kept)

    def _question(self) -> str:
        """Give the hash of everything an answer depends on."""
        from perftracker_ai.narrate.prompt import PROMPT_VERSION

        asked = f"{self._settings.model}\n{self._seed}\n{PROMPT_VERSION}\n".encode()
        return sha256(asked + self._facts).hexdigest()

    def _recalled(self, saved: bytes | None) -> list[Answer]:
        """Read answers to the same question; a file that is not what it should be holds none."""
        if saved is None:
            return []
        from perftracker_ai.llm import Answer

        try:
            found = decoded(saved, _Saved)
            answers = [converted(answer, Answer) for answer in found.answers]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return []
        return answers if found.question == self._question() else []

    def close(self) -> None:
        """Let go of the server, which makes it stop writing."""
        if self._backend is not None:
            self._backend.close()


class _Progress:
    """Tell which section a model is writing, by the names of the properties that come in."""

    def __init__(self, watch: Watch) -> None:
        from perftracker_ai.narrate.choices import PROPERTIES
        from perftracker_ai.narrate.sections import PROSE

        self._watch = watch
        self._names = {f'"{name}"': name.partition("_")[2].replace("_", " ") for name in (*PROPERTIES, *PROSE)}
        self._tail = ""
        self._section = ""

    def __call__(self, tokens: int, seconds: float, piece: str, doing: Doing) -> None:
        if not piece:
            self._watch(Writing(doing.value if tokens else "", tokens, seconds))
            return
        self._tail = (self._tail + piece)[-_TAIL:]
        found = {self._tail.rfind(name): title for name, title in self._names.items() if name in self._tail}
        self._section = found[max(found)] if found else self._section
        self._watch(Writing(self._section, tokens, seconds))


def _narrated(sheet: FactSheet, talk: _Talk, watch: Watch) -> Narration:
    """Ask, judge, ask once more for what was refused, and put together what may be printed."""
    talk.require_ear()
    from perftracker_ai.narrate.compose import compose
    from perftracker_ai.narrate.prompt import build_prompt, refused_sections, repair_prompt
    from perftracker_ai.narrate.schema import answer_schema
    from perftracker_ai.narrate.verify import merge, verify

    verified = verify(talk.ask(build_prompt(sheet), answer_schema(sheet)), sheet)
    refused = refused_sections(sheet, verified)
    if not refused:
        narration = compose(sheet, verified, talk.author)
        _name_refused(narration, watch)
        return narration
    try:
        repair = talk.ask(repair_prompt(sheet, verified), answer_schema(sheet, refused))
    except LanguageModelError as error:
        watch(NoRepair(problem=error.problem, cure=_step(error)))
        return compose(sheet, verified, talk.author)
    narration = compose(sheet, merge(verified, verify(repair, sheet, refused)), talk.author)
    _name_refused(narration, watch)
    return narration


def _name_refused(narration: Narration, watch: Watch) -> None:
    refused, dropped = narration.refused, narration.dropped
    if refused or dropped:
        watch(TextsRefused(refused=refused, dropped=dropped, model=narration.author.model))


def _nothing_usable(settings: Settings) -> BadReply:
    return BadReply(
        f"Nothing the language model {settings.model} wrote passed the check against the facts",
        "take a larger one with --model, or go without with --llm off",
    )


def _spelled(system: str, user: str) -> str:
    return f"# system\n\n{system}\n\n# user\n\n{user}\n"


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _step(error: LanguageModelError) -> str:
    return error.cure or "see `perftracker-ai doctor`"
