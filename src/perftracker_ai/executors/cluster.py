"""The workers of a Dask cluster, by the executor that its client gives.

What a task carries is the name of a function, a key, and a digest of what must be alike on all machines. Its TLS and
its certificates are Dask's own configuration.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import version
from socket import create_connection
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec

from perftracker_ai.errors import ClusterError, PerfTrackerAIError, UsageError, guarded
from perftracker_ai.executors.order import answered
from perftracker_ai.words.text import clean, without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Future

    from distributed import Client

    from perftracker_ai.executors.order import Pool

_CONNECT_S = 10.0
_WORKERS_S = 30.0
"""How long a cluster may be without any worker: those that are started anew are there by then."""
_LOOK_S = 60.0
"""How long all workers together may take to say what they are."""
_FRESH_S = 2.0
"""How long what is known of the workers is taken to be so."""
_EACH = 2
"""Tasks for each thread of the cluster: one at work, and the next one there when it is done."""
_LOGGERS = ("distributed", "distributed.client", "tornado", "tornado.application", "asyncio")
"""Who complains of a scheduler that has gone, with traces."""
_PARTS = ("perftracker-ai", "numpy", "msgspec")
"""Distributions of which another version may give other results, or none."""
_INSTALL = "install it with `pip install 'perftracker-ai[cluster]'`, here and on every worker"


class Begin(NamedTuple):
    """How a worker comes by its own.

    Attributes
    ----------
    function : callable
        Of a module; returns the worker's own, and by name what of it must be alike on all machines, without secrets.
    given : hashable
        What it is called with; small, and without secrets.
    """

    function: Callable[[Any], tuple[object, Mapping[str, str]]]
    given: Any


class _Terms(NamedTuple):
    """What every task of a run carries besides its function and its key."""

    run: str
    digest: str
    begin: Begin


@contextmanager
def cluster(address: str, begin: Begin) -> Iterator[Pool]:
    """Give who does tasks on a Dask cluster.

    Parameters
    ----------
    address : str
        Of its scheduler: ``tcp://host:8786`` or ``tls://host:8786``.
    begin : Begin
        How a worker comes by what it works with; done here, too, to compare.

    Raises
    ------
    UsageError
        When the extra is not installed, or the address is none.
    ClusterError
        When nobody answers there, there is no worker, or one differs from this machine.
    """
    _, marks = begin.function(begin.given)
    ours = {**_versions(), **marks}
    shown = clean(without_secrets(address))
    client = _connected(address, shown)
    try:
        _require_alike(client, shown, begin, ours)
        pool = _Workers(client, shown, _Terms(uuid4().hex, _digest(ours), begin))
        try:
            yield pool
        finally:
            pool.end()
    finally:
        with suppress(Exception):  # of a scheduler that has gone there is nothing to take leave of
            client.close(timeout=_CONNECT_S)


def _connected(address: str, shown: str) -> Client:
    """Connect to a scheduler, whose troubles are told by us alone."""
    try:
        from distributed import Client
    except ImportError as error:
        raise UsageError("A Dask cluster needs the package distributed", _INSTALL) from error
    import logging

    for logger in _LOGGERS:
        logging.getLogger(logger).setLevel(logging.CRITICAL)
    try:
        where = urlsplit(address)
        create_connection((where.hostname, where.port), _CONNECT_S).close()  # Dask would try for all of that time
        return Client(address, timeout=_CONNECT_S, set_as_default=False, name="perftracker-ai")
    except (OSError, ValueError, TypeError) as error:
        raise ClusterError(
            f"No Dask scheduler answers at {shown}",
            "start one with `dask scheduler`, and give its address as tcp://host:8786",
        ) from error


class _Workers:
    """The workers of a cluster."""

    tries = 1  # the scheduler has tried it on several by then

    def __init__(self, client: Client, address: str, terms: _Terms) -> None:
        from distributed.scheduler import KilledWorker

        self._client, self._shown, self._terms = client, address, terms
        self._executor = client.get_executor(pure=False)
        self._threads, self._asked = 0, -_FRESH_S
        self._seen = monotonic()
        self.lost: tuple[type[Exception], ...] = (KilledWorker,)

    @property
    def width(self) -> int:
        """Two tasks for each thread that was there a moment ago, for workers come and go."""
        self.require_alive()
        return max(_EACH * self._threads, _EACH)

    def submit(self, function: Callable[[Any, Any], Any], key: object) -> Future[Any]:
        try:
            found: Future[Any] = self._executor.submit(_done, self._terms, function, key)
        except Exception as error:
            raise self._gone() from error
        return found

    def renew(self) -> bool:
        """Tell that the cluster puts others in the place of lost workers by itself."""
        return False

    def require_alive(self) -> None:
        if monotonic() - self._asked < _FRESH_S:
            return
        if self._client.status != "running":
            raise self._gone()
        try:
            self._threads = sum(_each(self._client, "ncores").values())
        except Exception as error:
            raise self._gone() from error
        self._asked = monotonic()
        if self._threads:
            self._seen = self._asked
        elif self._asked - self._seen > _WORKERS_S:
            raise ClusterError(
                f"The scheduler {self._shown} has had no worker for {_WORKERS_S:g} s",
                f"start some with `dask worker {self._shown}`, and run this again",
            )

    def end(self) -> None:
        """Take what is not done off the cluster."""
        with suppress(Exception):
            self._executor.shutdown(wait=False)

    def _gone(self) -> ClusterError:
        return ClusterError(f"The scheduler {self._shown} has gone", "start it again, and run this again")


def _each(client: Client, what: str) -> dict[str, Any]:
    """Ask the scheduler something about its workers; one that has stopped is not waited for."""
    found: dict[str, Any] = client.sync(getattr(client.scheduler, what), callback_timeout=_CONNECT_S)
    return found


# ── alike on all machines ───────────────────────────────────────────────────────────────────────────────────────────


def _require_alike(client: Client, address: str, begin: Begin, ours: Mapping[str, str]) -> None:
    """See that every worker has the same version of the tool, and made the same of its own files and environment."""
    try:
        client.wait_for_workers(1, timeout=_CONNECT_S)
        theirs = client.sync(
            client._run,  # noqa: SLF001 - `run` itself waits for a worker that has stopped without end
            _marks,
            begin,
            on_error="return",
            callback_timeout=_LOOK_S,
        )
    except TimeoutError as error:
        raise ClusterError(
            f"The scheduler {address} has no worker that answers", f"start some with `dask worker {address}`"
        ) from error
    except Exception as error:
        raise ClusterError(f"The scheduler {address} has gone", "start it again, and run this again") from error
    for worker, found in sorted(theirs.items()):
        _require_same(clean(worker), found, ours)


def _require_same(worker: str, found: object, ours: Mapping[str, str]) -> None:
    """Refuse a worker that differs from this machine.

    Raises
    ------
    ClusterError
        With the first thing that differs; of what may be long or private only its name.
    """
    if isinstance(found, PerfTrackerAIError):
        raise ClusterError(f"The worker {worker} cannot begin: {found.problem}", found.cure)
    if not isinstance(found, dict):
        raise ClusterError(f"The worker {worker} has no perftracker-ai of this version", _INSTALL)
    for name in sorted({*ours, *found}, key=lambda name: (name not in _versions(), name)):
        mine, other = ours.get(name), found.get(name)
        if mine != other and name in _versions():
            raise ClusterError(
                f"The worker {worker} has {name} {clean(str(other))}, and this machine {mine}",
                "install the same on all of them",
            )
        if mine != other:
            raise ClusterError(
                f"The worker {worker} has another {name} than this machine",
                "give all the same settings file and environment",
            )


def _versions() -> dict[str, str]:
    """Return what is installed here that results hang on."""
    return {"Python": ".".join(map(str, sys.version_info[:2])), **{name: version(name) for name in _PARTS}}


def _digest(marks: Mapping[str, str]) -> str:
    return sha256(msgspec.json.encode(sorted(marks.items()))).hexdigest()[:16]


# ── on a worker ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _marks(begin: Begin) -> Mapping[str, str] | PerfTrackerAIError:
    """Tell what is installed on this machine, and what it made of its own."""
    try:
        with guarded("Beginning"):
            return {**_versions(), **begin.function(begin.given)[1]}
    except PerfTrackerAIError as error:
        return error


@lru_cache(maxsize=4)
def _begun(terms: _Terms) -> tuple[object, str]:
    """Return this worker's own and its digest, read once in a run: the next one may find other files."""
    own, marks = terms.begin.function(terms.begin.given)
    return own, _digest({**_versions(), **marks})


def _done(terms: _Terms, function: Callable[[Any, Any], Any], key: object) -> object:
    """Do a task, unless this worker came later and differs from those that were asked."""
    try:
        with guarded("Beginning"):
            own, digest = _begun(terms)
    except PerfTrackerAIError as error:
        return ClusterError(f"A worker cannot begin: {error.problem}", error.cure)
    if digest != terms.digest:
        return ClusterError(
            "A worker that came later has another version or other settings than this machine",
            "run this again to be told which",
        )
    return answered(function, own, key)
