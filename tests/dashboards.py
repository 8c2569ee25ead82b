"""Dashboards for tests: stores with made-up comparisons, the application asked without a network, or on loopback."""

import asyncio
import json
import threading
from contextlib import closing, contextmanager
from datetime import timedelta
from fcntl import LOCK_EX, flock
from functools import cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec
import uvicorn
from builders import NOON, curve_tests, job
from test_store_comparisons import ORIGIN, comparison, issue, place, put, tracked

from perftracker_ai.commands.analyze import judge
from perftracker_ai.commands.demo import demo_settings, fill_demo
from perftracker_ai.commands.records import FolderRecords, StoreRecords
from perftracker_ai.commands.serve import DEMO, listening
from perftracker_ai.curves import build_curves
from perftracker_ai.dashboard.app import application
from perftracker_ai.dashboard.nights import PRODUCTS, SEED, nights
from perftracker_ai.model.issues import IssueStatus
from perftracker_ai.settings import CurveSettings, ProductSettings
from perftracker_ai.sources.document import parse_job
from perftracker_ai.store import open_store

NOW = NOON + timedelta(days=5)
HOST = "127.0.0.1"


class Answer(NamedTuple):
    status: int
    headers: dict
    body: bytes
    text: str


@cache
def regressed():
    """Compare two made-up nights of Shop, between which a request became slower."""
    documents = islice(nights(PRODUCTS[0], NOON), 52, 54)
    jobs = [parse_job(msgspec.json.encode(one), "a made-up night") for one in documents]
    return judge(jobs, ProductSettings(), seed=SEED).analysis


def record(store, number, cost=1.0, version="", **fields):
    """Keep a job of a night: two endpoints, of which one costs as told."""
    tests = [
        *curve_tests("latency, avg (1 th): GET /orders", {1: [0.2 * cost], 2: [0.4 * cost]}),
        *curve_tests("rate (1 th): GET /orders", {1: [5 / cost], 2: [2.5 / cost]}, metrics="/s", less_better=False),
        *curve_tests("latency, avg (1 th): GET /health", {1: [0.01], 2: [0.02]}),
    ]
    made = job(
        *tests,
        id=number,
        uuid=f"uuid-{number}",
        product_ver=version or f"1.{number}",
        hosts=("bg-f1",),
        suite_name="API",
        end=(NOON + timedelta(days=number)).isoformat(),
        **fields,
    )
    curves, _, _ = build_curves([made], CurveSettings())
    store.put(ORIGIN, made.info, curves, "reading")


def fill(store, result=b"{}"):
    """Fill a store: Shop is blocked by an issue of its third night, Blog is approved, an issue of it was repaired."""
    for number in range(5):
        record(store, number, cost=2.0 if number > 2 else 1.0)
    first = {"first": place(3), "last_good": place(2), "slowdown": 1.0, "news": 1.0, "opened": 1.0}
    for number in (1, 2, 3, 4):
        found = {3: [tracked("orders", **first)], 4: [tracked("orders", status=IssueStatus.OPEN, **first)]}
        said = {"verdict": "BLOCK", "rules": ("block_severe",)} if number > 2 else {}
        store.comparisons.put(comparison(number, **said), result, found.get(number, ()))
    other = {"product": "Blog", "suite": "UI", "rules": ("approve",)}
    old = {"endpoint": "GET /posts", "severity": "moderate", "slowdown": 0.2, "news": 0.2, "opened": 0.2}
    put(store, 11, tracked("posts", first=place(11), **old), **other)
    put(store, 12, tracked("posts", status=IssueStatus.CLOSED, first=place(11), **old | {"slowdown": 0.0}), **other)


def demo_in(folder):
    """Return the settings of the demo's nights in a folder, where the first one who asks makes them."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not (folder / "made").exists():
            fill_demo(folder, NOW, kept=30, compared=10)
            (folder / "made").touch()
    return demo_settings(folder, NOW)


@contextmanager
def demo_board(settings):
    """Give the application over the demo's nights."""
    with closing(open_store(settings.store)) as store:
        yield application(StoreRecords(store, FolderRecords(Path(settings.reports_dir)), DEMO), {HOST}, lambda: NOW)


@contextmanager
def board(folder, *fills, **access):
    """Give the application over a new store that was filled."""
    with closing(open_store(str(folder / "history.sqlite3"))) as store:
        for each in fills:
            each(store)
        yield application(StoreRecords(store, FolderRecords(folder / "reports")), {HOST}, lambda: NOW, **access)


def ask(app, path, *, method="GET", host=HOST, headers=(), body=b"", client=("127.0.0.1", 1), broken=False):
    """Ask an application as a browser does, without a network; one whose connection broke goes on no more."""
    path, _, query = path.partition("?")
    sent, coming = [], [{"type": "http.request", "body": body, "more_body": broken}]

    async def receive():
        return coming.pop() if coming else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    asked = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", host.encode()), *headers],
        "client": client,
        "server": ("127.0.0.1", 2),
    }
    asyncio.run(app(asked, receive, send))
    body = b"".join(message.get("body", b"") for message in sent)
    told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], told, body, body.decode())


def send(app, path, fields, *, host=HOST, headers=None, **asked):
    """Send a form as a browser does from a page of the dashboard itself."""
    told = {"origin": f"http://{host}", "sec-fetch-site": "same-origin", **(headers or {})}
    told["content-type"] = told.get("content-type", "application/x-www-form-urlencoded")
    pairs = [(name.encode(), value.encode()) for name, value in told.items() if value is not None]
    body = urlencode(list(fields.items() if isinstance(fields, dict) else fields)).encode()
    return ask(app, path, method="POST", host=host, headers=pairs, body=body, **asked)


def data(app, path):
    """Return the values behind a page."""
    return json.loads(ask(app, f"/api/v1{path}").body)


@contextmanager
def serving(app):
    """Serve an application on loopback, and give its address."""
    with closing(listening("127.0.0.1:0")) as door:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


__all__ = [
    "HOST",
    "NOW",
    "ask",
    "board",
    "comparison",
    "data",
    "demo_board",
    "demo_in",
    "fill",
    "issue",
    "place",
    "put",
    "record",
    "regressed",
    "send",
    "serving",
    "tracked",
]
