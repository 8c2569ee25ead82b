"""The dashboard served: where it listens, what it shows, until somebody ends it. Only composing.

Unless it is told how to know who asks, it listens on this machine alone. Whoever reaches the port then sees everything,
and can change nothing.
"""

from __future__ import annotations

import gc
import ipaddress
import signal
import socket
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from perftracker_ai.commands.access import access_of, hosts_of
from perftracker_ai.commands.lookup import in_use, is_missing, store_url
from perftracker_ai.errors import NotFound, UsageError
from perftracker_ai.events import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.types import ASGIApp

    from perftracker_ai.commands.access import Options
    from perftracker_ai.dashboard.gate import Access
    from perftracker_ai.dashboard.records import Records
    from perftracker_ai.events import Watch
    from perftracker_ai.settings import Settings

_WAITING, _AT_ONCE, _IDLE_S = 128, 200, 5
"""Connections that may wait, that are held at a time, and how long an idle one is."""


DEMO = "These are made-up nights of three products that do not exist."


def serve(settings: Settings, options: Options, started: Callable[[str, str], None]) -> None:
    """Serve the dashboard of a store or of a folder of reports until it is ended from the keyboard.

    Parameters
    ----------
    options : Options
        Where it listens, and whom it answers.
    started : callable
        Is told the dashboard's address, and what it shows, once it answers.

    Raises
    ------
    UsageError
        When what it needs is not installed, or it is to listen where anybody could reach it or where it cannot.
    NotFound
        When the store that is set is not there.
    StoreError
        When it cannot be opened.
    """
    require_installed()
    access = access_of(options, settings.dashboard)
    with closing(listening(options.listen, asks=options.asks)) as door:
        for records in shown(settings):
            run(records, door, options, access, settings, started)


def serve_demo(settings: Settings, options: Options, started: Callable[[str, str], None], watch: Watch) -> None:
    """Serve the dashboard of made-up nights, which are gone when it ends.

    Raises
    ------
    UsageError
        As `serve`.
    Defect
        When the nights could not be made up.
    """
    from perftracker_ai.commands.demo import fill_demo
    from perftracker_ai.commands.records import FolderRecords, StoreRecords
    from perftracker_ai.store import open_store

    require_installed()
    access = access_of(options, settings.dashboard)
    with (
        closing(listening(options.listen, asks=options.asks)) as door,
        TemporaryDirectory(prefix="perftracker-ai-") as folder,
    ):
        watch(Step("Making up 60 nights of three products"))
        made_up = fill_demo(Path(folder), datetime.now(UTC), watch=watch)
        with closing(open_store(made_up.store)) as store:
            records = StoreRecords(store, FolderRecords(Path(made_up.reports_dir)), DEMO)
            run(records, door, options, access, made_up, started)


def require_installed() -> None:
    """Find out whether what only the dashboard needs is there.

    Raises
    ------
    UsageError
        When it is not.
    """
    try:
        import starlette
        import uvicorn
    except ImportError as error:
        raise UsageError(
            "The dashboard needs starlette and uvicorn", "install them with `pip install 'perftracker-ai[web]'`"
        ) from error
    del starlette, uvicorn


def listening(listen: str, *, asks: bool = False) -> socket.socket:
    """Return a socket that listens: on this machine alone, unless people are asked who they are.

    Raises
    ------
    UsageError
        When the address is none, is reached from elsewhere, or is taken.
    """
    host, port = _address(listen, asks=asks)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    door = socket.socket(family)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind((host, port))
        door.listen(_WAITING)
    except OSError as error:
        door.close()
        raise UsageError(f"Nothing can listen on {listen}: {error.strerror}", "give another --listen") from error
    return door


def _address(listen: str, *, asks: bool) -> tuple[str, int]:
    name, _, port = listen.rpartition(":")
    host = "127.0.0.1" if name == "localhost" else name.removeprefix("[").removesuffix("]")
    try:
        loopback = ipaddress.ip_address(host).is_loopback
        number = int(port)
    except ValueError as error:
        raise UsageError(f"--listen {listen!r} is no address and port", "write 127.0.0.1:8765") from error
    if not (loopback or asks):
        raise UsageError(
            f"--listen {listen} could be reached by anybody, and the dashboard asks nobody who they are",
            "add --token-env or --trust-user-header, or listen on 127.0.0.1 and reach it through an SSH tunnel",
        )
    if not 0 <= number < 2**16:
        raise UsageError(f"--listen {listen} has no such port", "give one from 1 to 65535")
    return host, number


def shown(settings: Settings) -> Iterator[Records]:
    """Yield what is to be shown, and close it afterwards: the store, or the folder of reports where there is none."""
    from perftracker_ai.commands.records import NO_COMPARISON, FolderRecords, StoreRecords
    from perftracker_ai.store import open_store

    folder, url = Path(settings.reports_dir), store_url(settings)
    if settings.store and is_missing(url):
        raise NotFound(f"There is no store {url}", "give the one that `history sync` or `analyze` filled")
    if not in_use(settings):
        yield FolderRecords(folder)
        return
    with closing(open_store(url)) as store:
        reports = FolderRecords(folder)
        kept = bool(store.comparisons.newest(1)) or not reports.comparisons(None, 1)
        yield StoreRecords(store, reports, server=settings.url) if kept else FolderRecords(folder, NO_COMPARISON)


def run(
    records: Records,
    door: socket.socket,
    options: Options,
    access: Access,
    settings: Settings,
    started: Callable[[str, str], None],
) -> None:
    """Answer on a socket until it is ended from the keyboard."""
    from perftracker_ai.commands.accept import SettingsFile
    from perftracker_ai.commands.compare import comparing
    from perftracker_ai.dashboard.app import application

    host = options.listen.rpartition(":")[0]
    address = f"http://{host}:{door.getsockname()[1]}{access.prefix}/"
    acceptor = SettingsFile(Path(options.accept_into) if options.accept_into else None)
    gc.enable()  # off for short runs, and this one is none
    with comparing(settings) as asked:
        app = application(records, hosts_of(options, host), access=access, acceptor=acceptor, comparing=asked)
        started(address, records.place)
        _answer(app, door)


def _answer(app: ASGIApp, door: socket.socket) -> None:
    import uvicorn

    config = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,
        server_header=False,
        lifespan="off",
        proxy_headers=False,
        limit_concurrency=_AT_ONCE,
        timeout_keep_alive=_IDLE_S,
        timeout_graceful_shutdown=_IDLE_S,
    )
    # `kill` and a service manager's stop end it as the keyboard does, with all it holds closed.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        uvicorn.Server(config).run(sockets=[door])
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGTERM, before)
