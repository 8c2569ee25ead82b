"""Check everything a run needs and name a cure for what is wrong; compares nothing and downloads nothing."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from perftracker_ai.errors import PerfTrackerAIError
from perftracker_ai.files import require_writable
from perftracker_ai.sources import open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from perftracker_ai.settings import Settings
    from perftracker_ai.sources import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at: what was found, and what to do about it when it is not as it must be."""

    name: str
    passed: bool
    detail: str
    cure: str


def examine(settings: Settings, products: Sequence[str]) -> list[Check]:
    """Look at source, project, products and folders.

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
    return [*_folders(settings), *_source(settings, products)]


def _folders(settings: Settings) -> Iterator[Check]:
    for name, folder in (("downloads", settings.output_dir), ("reports", settings.reports_dir)):
        cure = f"give another folder with --{'output' if name == 'downloads' else 'reports'}-dir"
        yield _check(f"folder for {name}", cure, partial(_writable, Path(folder)))


def _writable(folder: Path) -> str:
    require_writable(folder)
    return f"{folder} can be written to"


def _source(settings: Settings, products: Sequence[str]) -> Iterator[Check]:
    """Check the source, then what is in it."""
    try:
        bundle = Path(settings.ca_bundle) if settings.ca_bundle else None
        source = open_source(
            settings.url, output_dir=Path(settings.output_dir), ca_bundle=bundle, insecure=settings.insecure
        )
    except PerfTrackerAIError as error:
        yield Check(name="source", passed=False, detail=str(error), cure="give the right address with --url")
        return
    with closing(source):
        reached = _check("source", "give the right address with --url", lambda: _reach(source, settings))
        yield reached
        if reached.passed:
            yield _encryption(settings)
            yield from _products(source, settings, products)


def _reach(source: Source, settings: Settings) -> str:
    """Ask for the newest job, which proves address, protocol and project at once."""
    newest = next(iter(source.list_jobs(settings.project)), None)
    where = "any project" if settings.project == 0 else f"project {settings.project}"
    if newest is None:
        raise PerfTrackerAIError(f"{source.location} answers, and {where} has no job.")
    found = f"{source.total_jobs} jobs in {where}, the newest {newest.id} of {newest.end:%Y-%m-%d}"
    return f"{source.location} answers; {found}"


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


def _products(source: Source, settings: Settings, products: Sequence[str]) -> Iterator[Check]:
    for product in products:
        cure = f'see `perftracker-ai jobs --product "{product}"` for what was found'
        yield _check(f"product {product}", cure, partial(_product, source, product, settings))


def _product(source: Source, product: str, settings: Settings) -> str:
    from perftracker_ai.app import select

    selection = select(source, product, settings)
    if selection.pair is None:
        raise PerfTrackerAIError(selection.problem)
    return f"would compare {selection.pair.baseline.id} with {selection.pair.candidate.id}"


def _check(name: str, cure: str, look: Callable[[], str]) -> Check:
    """Look at one thing, taking an error of ours as its result."""
    try:
        return Check(name=name, passed=True, detail=look(), cure="")
    except PerfTrackerAIError as error:
        return Check(name=name, passed=False, detail=str(error), cure=cure)
