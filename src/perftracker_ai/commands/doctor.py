"""Check everything a run needs, a language model included, and name a cure for what is wrong.

Compares nothing and downloads nothing.
"""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from perftracker_ai.commands.fetch import connect, select
from perftracker_ai.commands.lookup import in_use, is_missing, store_url
from perftracker_ai.commands.narrate import open_model
from perftracker_ai.errors import ModelUnreachable, NotFound, NothingComparable, PerfTrackerAIError, UsageError, guarded
from perftracker_ai.files import require_writable
from perftracker_ai.words.numbers import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from perftracker_ai.settings import Channel, Settings
    from perftracker_ai.sources import Source

_SHOWN_PROJECTS = 8
_MEGABYTE = 1_000_000


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing looked at: what was found, and what to do about it when it is not as it must be.

    With a cure although it passed, it is a hint: the run goes without.
    """

    name: str
    passed: bool
    detail: str
    cure: str


def examine(settings: Settings, products: Sequence[str]) -> list[Check]:
    """Look at folders, source, project and products, at the store, the language model and the channels.

    Parameters
    ----------
    settings : Settings
    products : sequence of str
        Products to look for; with none, the project is only asked whether it has jobs.

    Returns
    -------
    list of Check
        In the order in which problems should be mended; what depends on a failed check is not tried.
    """
    looks = (_folders(settings), _source(settings, products), _store(settings))
    return [check for look in (*looks, _language_model(settings), _channels(settings)) for check in look]


def _folders(settings: Settings) -> Iterator[Check]:
    for name, folder, option in (
        ("downloads", settings.output_dir, "--output-dir"),
        ("reports", settings.reports_dir, "--reports-dir"),
    ):
        cure = f"give another folder with {option}"
        yield _check(f"folder for {name}", cure, partial(_writable, Path(folder)))


def _writable(folder: Path) -> str:
    require_writable(folder)
    return f"{folder} can be written to"


def _channels(settings: Settings) -> Iterator[Check]:
    """Check that every channel has an address that can be read; nothing is sent."""
    for channel in settings.channels:
        yield _check(f"channel {channel.name}", "correct its [[notify]] entry", partial(_channel, channel))


def _channel(channel: Channel) -> str:
    from perftracker_ai import notify

    notify.require_apprise()
    return f"{notify.check(channel)}, told from {channel.threshold} on; nothing was sent"


def _source(settings: Settings, products: Sequence[str]) -> Iterator[Check]:
    """Check the source, then what is in it."""
    cure = "give the right address with --url"
    try:
        source = connect(replace(settings, retry_s=0.0))  # whoever looks wants to know of it now
    except PerfTrackerAIError as error:
        yield _problem("source", cure, error)
        return
    with closing(source):
        reached = _check("source", cure, partial(_reach, source))
        yield reached
        if reached.passed:
            yield _encryption(settings)
            project = _check(
                "project", "give another --project, or 0 for all of them", partial(_jobs, source, settings)
            )
            yield project
            yield from _publishing(settings)
            yield from _products(source, settings, products) if project.passed else ()


def _reach(source: Source) -> str:
    """Ask for something small that only a PerfTracker server, or a folder with jobs, can answer."""
    projects = source.projects()
    named = ", ".join(f"{number} {name}" for number, name in projects[:_SHOWN_PROJECTS])
    more = f" and {len(projects) - _SHOWN_PROJECTS} more" if len(projects) > _SHOWN_PROJECTS else ""
    return f"{source.location} answers; its projects are {named or 'none'}{more}"


def _jobs(source: Source, settings: Settings) -> str:
    newest = next(iter(source.list_jobs(settings.project)), None)
    where = "all projects" if settings.project == 0 else f"project {settings.project}"
    if newest is None:
        raise NotFound(f"There is no job in {where}.")
    return f"{source.total_jobs} jobs in {where}, the newest {newest.id} of {newest.end:%Y-%m-%d}"


def _encryption(settings: Settings) -> Check:
    if not settings.url.lower().startswith("https://"):
        plain = settings.url.lower().startswith("http://")
        detail = "not encrypted" if plain else "not needed for a folder"
        return Check(name="TLS", passed=True, detail=detail, cure="")
    if settings.insecure:
        cure = "drop --insecure and give the certificate with --ca-bundle FILE"
        return Check(name="TLS", passed=False, detail="the certificate is not checked", cure=cure)
    store = settings.ca_bundle or "the operating system's store"
    return Check(name="TLS", passed=True, detail=f"certificate verified against {store}", cure="")


def _publishing(settings: Settings) -> Iterator[Check]:
    """Check that a server keeps reports; where none is to be published, that it does not is a hint."""
    if "://" not in settings.url:
        if settings.upload:
            detail, cure = "a folder of job files takes no report", "give a server with --url, or leave out --upload"
            yield Check(name="upload", passed=False, detail=detail, cure=cure)
        return
    found = _check("upload", "leave out --upload", partial(_artifacts, settings))
    yield replace(found, passed=found.passed or not settings.upload)


def _artifacts(settings: Settings) -> str:
    from perftracker_ai.http.perftracker import open_connection, patience_of
    from perftracker_ai.publish import require_storage

    patience = replace(patience_of(settings), pauses_s=())
    with closing(open_connection(settings, patience=patience)) as connection:
        require_storage(connection)
    return "the server keeps artifacts, so --upload can work"


def _products(source: Source, settings: Settings, products: Sequence[str]) -> Iterator[Check]:
    for product in dict.fromkeys(products):
        cure = f'see `perftracker-ai jobs --product "{product}"` for what was found'
        found = _check(f"product {product}", cure, partial(_product, source, product, settings))
        yield found
        if found.passed and settings.of_product(product).source.repo:
            changes = _check(
                f"checkout of {product}",
                "see [source] in docs/reference.md",
                partial(_changes, source, product, settings),
            )
            yield replace(changes, passed=True)  # a comparison goes without


def _product(source: Source, product: str, settings: Settings) -> str:
    selection = select(source, product, settings)
    if selection.pair is None:
        raise NothingComparable(selection.problem, selection.cure)
    return f"would compare {selection.pair.baseline.id} with {selection.pair.candidate.id}"


def _changes(source: Source, product: str, settings: Settings) -> str:
    """Read the commits between the two versions, as the comparison would."""
    from perftracker_ai.commands.changes import read_changes

    pair = select(source, product, settings).pair
    assert pair is not None  # the product's own check passed
    tags, commits, _ = read_changes(settings.of_product(product).source, pair.baseline, pair.candidate)
    return f"{plural(len(commits), 'commit')} from {tags[0]} to {tags[1]} can be read"


def _store(settings: Settings) -> Iterator[Check]:
    """Check the store of past jobs, if comparisons have one; nothing in it is changed, and none is made."""
    url = store_url(settings)
    if not settings.history:
        detail = "not used: the setting history is off"
    elif not in_use(settings):
        detail = "none in use; `perftracker-ai history sync --product NAME` begins one"
    elif is_missing(url):
        detail = f"{url} is not there yet; the next comparison makes it"
    else:
        yield _check("store of past jobs", "give another one with --store", partial(_stored, url))
        return
    yield Check(name="store of past jobs", passed=True, detail=detail, cure="")


def _stored(url: str) -> str:
    from perftracker_ai.store import look_at

    store = look_at(url)
    newest = f", the newest of {store.newest:%Y-%m-%d}" if store.newest else ""
    older = "" if store.schema == store.current else f", which the next run brings to {store.current}"
    counts = f"{plural(store.jobs, 'job')} of {plural(store.products, 'product')}{newest}"
    size = f"{store.size / 1e6:.1f} MB" if store.size >= _MEGABYTE else f"{store.size / 1e3:.0f} kB"
    return f"{store.location} holds {counts}; {size}, schema {store.schema}{older}"


def _language_model(settings: Settings) -> Iterator[Check]:
    """Check the model's server, the model, its window and memory; where none is required, what is wrong is a hint."""
    if settings.llm == "off":
        yield Check(name="language model", passed=True, detail="not asked: --llm off", cure="")
        return
    needed = settings.llm == "required"
    try:
        with closing(open_model(settings, settings.seed)) as backend:
            found = backend.check()
    except ModelUnreachable as error:
        problem = _problem("language model", "start it", error)
        yield replace(problem, passed=not needed)
    except UsageError as error:
        yield _problem("language model", "correct the settings", error)
    else:
        yield from (
            Check(name=one.name, passed=one.passed or not needed, detail=one.detail, cure=one.cure) for one in found
        )


def _check(name: str, cure: str, look: Callable[[], str]) -> Check:
    """Look at one thing, taking an error of ours as its result."""
    try:
        with guarded(f"The check of {name}"):
            return Check(name=name, passed=True, detail=look(), cure="")
    except PerfTrackerAIError as error:
        return _problem(name, cure, error)


def _problem(name: str, cure: str, error: PerfTrackerAIError) -> Check:
    """Make a problem of an error, whose sentence mostly ends with the next step itself."""
    return Check(name=name, passed=False, detail=error.problem if error.cure else str(error), cure=error.cure or cure)
