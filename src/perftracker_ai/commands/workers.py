"""Who does the work of a command that has much of it: this process, processes, or a Dask cluster, as the settings say.

    with hired(asked, settings, tasks=len(keys), usual=cores(), stores=True) as pool:
        for key, result in zip(keys, in_order(pool, task, keys), strict=True):

A task gets a worker's own `Settings` and a key. On a cluster they are made by the worker: its settings file (the
nearest one from where it was started) and its environment, under what was said on the command line here. What decides
about results must be the same everywhere, and so must the store, which therefore is PostgreSQL on a cluster of more
than this machine.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import msgspec

from perftracker_ai.commands.lookup import in_use, is_missing, store_url
from perftracker_ai.errors import UsageError
from perftracker_ai.settings import SECRETS
from perftracker_ai.words.text import clean, is_address, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from perftracker_ai.executors import Pool
    from perftracker_ai.settings import ProductSettings, Settings

_MANY = 4
"""Products from which on several are looked at together though nobody asked for it: fewer are done meanwhile."""
_ALIKE = ("project", "seed", "keep_days", "history", "hardware", "accept")
"""Settings of a run by which it comes to its results, besides those of products."""
_PATHS = ("output_dir", "reports_dir", "store", "ca_bundle")
"""Options that name a place on this machine."""


class Asked(NamedTuple):
    """What was said on the command line that is a setting.

    Attributes
    ----------
    file : str
        The settings file, where one was named.
    flags : tuple of (str, object)
        Options by settings key.
    """

    file: str
    flags: tuple[tuple[str, object], ...]


def asked(flags: Mapping[str, object], file: Path | None) -> Asked:
    """Return what was said on the command line as a value that travels."""
    return Asked(str(file.absolute()) if file else "", tuple((k, v) for k, v in flags.items() if v is not None))


def at_once(products: int, settings: Settings, *, waits: bool = False) -> bool:
    """Tell whether several products are worth the start of processes, or somebody wants them.

    Parameters
    ----------
    waits : bool
        Whether all of them would wait for the same thing: a language model takes one question after the other, and
        those who ask together are the sooner at the end of their patience.
    """
    wanted = settings.workers > 1 or bool(settings.scheduler)
    return products > 1 and (wanted or (products >= _MANY and settings.workers == 0 and not waits))


@contextmanager
def hired(said: Asked, settings: Settings, *, tasks: int, usual: int, stores: bool = False) -> Iterator[Pool]:
    """Give who does a command's work.

    Parameters
    ----------
    said : Asked
    settings : Settings
    tasks : int
        How many there are: no more processes are begun.
    usual : int
        Processes where the settings leave it open.
    stores : bool
        Whether a store is made where there is none.

    Raises
    ------
    UsageError
        When the cluster's workers cannot have what they need.
    ClusterError
        When the cluster cannot be used.
    """
    from perftracker_ai.executors import Begin, cluster, local
    from perftracker_ai.http import is_here

    if not settings.scheduler:
        with local(settings, max(1, min(settings.workers or usual, tasks))) as pool:
            yield pool
        return
    host = urlsplit(settings.scheduler).hostname
    if not host:
        raise UsageError(
            f"{clean(without_secrets(settings.scheduler))!r} is no address of a Dask scheduler",
            "write it as tcp://host:8786",
        )
    if not is_here(host) and (stores or in_use(settings)):
        _require_shared(store_url(settings), settings.scheduler)
    with cluster(settings.scheduler, Begin(_begin, _travelling(said))) as pool:
        yield pool


def _require_shared(store: str, scheduler: str) -> None:
    """Refuse a store that is a file: on another machine it is another one, or none."""
    if not store.startswith("postgres"):
        raise UsageError(
            f"The store {store} is a file of this machine, and the workers of {without_secrets(scheduler)} have others",
            "set store to a postgresql:// address on all machines",
        )


def _travelling(said: Asked) -> Asked:
    """Return what is said to the workers: paths that mean the same everywhere, and nothing secret."""
    return Asked(said.file, tuple((key, _sent(key, value)) for key, value in said.flags if key != "scheduler"))


def _sent(key: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    if without_secrets(value) != value or (key in SECRETS and is_address(value)):
        raise UsageError(
            f"The option for {key} may hold a password, which is not sent to a cluster",
            f"set {key} in the settings file or the environment of every machine",
        )
    place = key in _PATHS or (key == "url" and "://" not in value)
    return str(Path(value).absolute()) if place and "://" not in value else value


def _begin(said: Asked) -> tuple[Settings, Mapping[str, str]]:
    from perftracker_ai.config import load_here

    settings = load_here(dict(said.flags), Path(said.file) if said.file else None)
    return settings, _marks(settings)


def _marks(settings: Settings) -> dict[str, str]:
    """Return by name what of the settings has to be alike for results to be."""
    from perftracker_ai.store import origin_of

    run = {f"setting {name}": _written(getattr(settings, name)) for name in _ALIKE}
    products = {
        f"{name} of product {product}": value
        for product, own in settings.products
        for name, value in _of_product(own).items()
    }
    places = {"setting url": origin_of(without_secrets(settings.url)), "store": _store(settings)}
    return {**run, **_of_product(settings.defaults), **products, **places}


def _of_product(own: ProductSettings) -> dict[str, str]:
    return {
        f"setting {section}.{field}": _written(getattr(getattr(own, section), field))
        for section in own.__struct_fields__
        if section != "accept"  # stands with the run
        for field in getattr(own, section).__struct_fields__
    }


def _written(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _store(settings: Settings) -> str:
    """Return what tells the store from others; nothing is made to find out."""
    from perftracker_ai.store import open_store

    url = store_url(settings)
    if is_missing(url):
        return "none"
    with closing(open_store(url)) as store:
        return store.identity()
