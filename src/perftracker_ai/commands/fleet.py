"""Many products in one run, each fetched and judged by who is free: processes of this machine, or a cluster.

The project's jobs are listed and the pairs chosen here. A task is a product and its pair; who takes it downloads the
jobs, judges them, and hands back the run as one piece. With one connection for each task under way the server is never
asked for more at once than the settings allow, and products are begun in their order, so that one whose jobs are huge,
broken or never come costs the others nothing but a place.

A worker of a cluster has its reports nowhere that anybody looks: it sends the files, and they are written here.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from perftracker_ai.commands.analyze import judge_product
from perftracker_ai.commands.fetch import Target, connect, fetch_chosen, fetch_product, listed
from perftracker_ai.commands.report_files import report_folder
from perftracker_ai.commands.waiting import awaited
from perftracker_ai.commands.workers import hired
from perftracker_ai.discovery import choose
from perftracker_ai.errors import PerfTrackerAIError, guarded
from perftracker_ai.executors import in_order, packed, unpacked
from perftracker_ai.files import scratch_folder
from perftracker_ai.files.sets import write_set
from perftracker_ai.model import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from perftracker_ai.commands.analyze import Run
    from perftracker_ai.commands.workers import Asked
    from perftracker_ai.events import Event
    from perftracker_ai.model import JobInfo, Selection
    from perftracker_ai.settings import Settings
    from perftracker_ai.sources import Source

_REPORTS = "fleet-reports"
"""Name in a worker's folder of downloads of the one in which its reports lie until they are sent."""


class Key(NamedTuple):
    """One task.

    Attributes
    ----------
    chosen : bytes
        What discovery chose, packed; empty where a newer job is to be waited for, and the choice is the worker's.
    sends : bool
        Whether the files are sent instead of left where they were written.
    """

    target: Target
    chosen: bytes
    sends: bool


class Sent(NamedTuple):
    """What a worker hands back.

    Attributes
    ----------
    run : bytes
        The `Run`, packed; empty where there is none.
    error : PerfTrackerAIError or None
        Why there is none.
    notices : tuple of Notice
        What was noticed on the way, each once.
    files : mapping of str to bytes
        What was written, by name, packed; empty where it is in its place.
    """

    run: bytes
    error: PerfTrackerAIError | None
    notices: tuple[Notice, ...]
    files: Mapping[str, bytes]


class Judgement(NamedTuple):
    """What came of one product: what was chosen, and what was made of it."""

    selection: Selection | None
    sent: Sent


def judging(
    said: Asked,
    source: Source,
    targets: Sequence[Target],
    settings: Settings,
    listing: Sequence[JobInfo] | None,
    watch: Callable[[str], None],
) -> Generator[Judgement]:
    """Have every target judged, and yield what came of each in their order.

    Parameters
    ----------
    listing : sequence of JobInfo or None
        The project's jobs, newest first; asked for when None.
    watch : callable
        Told how far it has come.

    Raises
    ------
    PerfTrackerAIError
        When it cannot be begun, or nobody is left to do it.
    """
    jobs = tuple(listed(source, settings)) if listing is None else listing
    chosen = choices(jobs, targets, settings)
    keys = keys_of(chosen, targets, settings)
    with hired(said, settings, tasks=len(keys), usual=settings.connections) as pool:
        finished = partial(_told, watch, len(keys))
        answers = in_order(pool, judge_key, keys, most=settings.connections, finished=finished)
        for choice in chosen:
            if isinstance(choice, PerfTrackerAIError):
                yield Judgement(None, _without_run(choice))
            else:
                answer = next(answers)
                yield Judgement(choice, answer if isinstance(answer, Sent) else _without_run(answer))


def received(sent: Sent, settings: Settings) -> Run:
    """Return a run that a worker made, its files in their place here.

    Raises
    ------
    PerfTrackerAIError
        What kept it from being made, or its files from being written.
    """
    if sent.error is not None:
        raise sent.error
    run: Run = unpacked(sent.run)
    if not sent.files:
        return run
    from perftracker_ai.commands.narrate import ANSWER, FACTS, PROMPT

    contents = {name: zlib.decompress(content) for name, content in sent.files.items()}
    folder = report_folder(Path(settings.reports_dir), run.product, run.analysis)
    write_set(folder, contents, {FACTS, PROMPT, ANSWER} - set(contents))
    return replace(run, written=tuple(folder / name for name in contents))


def _without_run(error: PerfTrackerAIError) -> Sent:
    return Sent(b"", error, (), {})


def _told(watch: Callable[[str], None], products: int, done: int) -> None:
    watch(f"Judged {done} of {products} products")


# ── here ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def choices(
    listing: Sequence[JobInfo], targets: Sequence[Target], settings: Settings
) -> list[Selection | PerfTrackerAIError]:
    """Choose each target's pair, or say why there is none."""
    own: dict[str, list[JobInfo]] = defaultdict(list)
    for job in listing:
        own[job.product_name].append(job)
    return [_choice(own.get(target.product, listing), target, settings) for target in targets]


def _choice(jobs: Sequence[JobInfo], target: Target, settings: Settings) -> Selection | PerfTrackerAIError:
    try:
        with guarded(f"Choosing the jobs of {target.name}"):
            return choose(jobs, target.product, settings.of_product(target.product).discovery, {}, target.group)
    except PerfTrackerAIError as error:
        return error


def keys_of(
    chosen: Sequence[Selection | PerfTrackerAIError], targets: Sequence[Target], settings: Settings
) -> list[Key]:
    """Return the task of every target of which something was chosen."""
    pairs = zip(targets, chosen, strict=True)
    return [_key(target, choice, settings) for target, choice in pairs if not isinstance(choice, PerfTrackerAIError)]


def _key(target: Target, selection: Selection, settings: Settings) -> Key:
    """Return one target's task; of what was chosen without what only people look at."""
    waits = settings.wait_min > 0 and awaited(selection) is not None
    chosen = b"" if waits else packed(replace(selection, considered=(), per_hardware=()))
    return Key(target, chosen, sends=bool(settings.scheduler))


# ── where it is done ────────────────────────────────────────────────────────────────────────────────────────────────


def judge_key(settings: Settings, key: Key) -> Sent:
    """Fetch and judge one product."""
    if not key.sends:
        return _judged(settings, key)
    with scratch_folder(Path(settings.output_dir) / _REPORTS) as folder:
        return _judged(replace(settings, reports_dir=str(folder)), key)


def _judged(settings: Settings, key: Key) -> Sent:
    notices: dict[Notice, None] = {}

    def watch(event: Event) -> None:
        if isinstance(event, Notice):
            notices[event] = None

    try:
        with guarded(f"Judging {key.target.name}"), closing(connect(replace(settings, connections=1))) as source:
            if key.chosen:
                fetched = fetch_chosen(source, key.target, unpacked(key.chosen), settings, watch)
            else:
                fetched = fetch_product(source, key.target, settings, watch)
            run = judge_product(fetched, settings, watch)
    except PerfTrackerAIError as error:
        return Sent(b"", error, tuple(notices), {})
    files = {path.name: zlib.compress(path.read_bytes()) for path in run.written} if key.sends else {}
    return Sent(packed(run), None, tuple(notices), files)
