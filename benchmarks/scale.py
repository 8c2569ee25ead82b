"""How many products go through a run, and pairs through a backtest, in processes and on a Dask cluster.

    python benchmarks/scale.py fleet    [--products 200] [--delay 0.5] [--connections 4 8]
    python benchmarks/scale.py backtest [--nights 60] [--curves 152] [--loads 54] [--runs 1]
    python benchmarks/scale.py service  [--curves 1000 2000] [--loads 5] [--postgresql]

``fleet``: `analyze --all-products` against the stand-in server, which takes so long for each job; beside it what the
server alone would take (delay × jobs / connections), and memory of the command and of its largest worker. Three of the
products are in trouble: a job gone, one cut off, one that never comes.

``backtest``: the command as people start it, on a store of nights drawn as `benchmarks/store.py` draws them; with one
and two processes, and with one and two workers of a real Dask cluster (a scheduler and workers as processes of their
own over TCP). The same bytes must come out. Exit code 1 when they do not; the targets (Dask at most 1.3 times
processes, two workers at least 1.7 times one) are printed beside the figures, for they hold on idle cores only.

``service``: what a pair of nights takes by the size of its jobs, for `benchmarks/queues.py`: processor time to judge
it, time and bytes to read what is judged and 200 earlier jobs.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
from store import ORIGIN, Shape, header, nights
from tables import show

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from dask_cluster import Cluster  # of the tests
from fake_perftracker import FakePerfTracker, delay, hang, proxy_page, truncated  # of the tests
from shop import shop_job  # of the tests

TOOL = [sys.executable, "-m", "perftracker_ai"]
ENVIRONMENT = {"PERFTRACKER_AI_LLM": "off", "PERFTRACKER_AI_RETRY_S": "1", "NETRC": os.devnull}
PRODUCT = "Product 0"
_MEMORY = ("MB", "MB of a worker")


class Ran(NamedTuple):
    """One command that ended: seconds, those of processors by all who worked, and megabytes of it and of a worker."""

    code: int
    seconds: float
    processor_s: float
    own_mb: float
    worker_mb: float
    out: str
    errors: str


def run(arguments: list[str], folder: Path, watched: tuple[int, ...] = (), **environment: str) -> Ran:
    """Run the tool and watch the memory of it, of its processes, and of those that are ``watched``."""
    begun, used = time.perf_counter(), _processor_s(watched)
    with (folder / "out").open("w+") as out, (folder / "err").open("w+") as err:
        started = psutil.Popen(
            [*TOOL, *arguments], cwd=folder, env=os.environ | ENVIRONMENT | environment, stdout=out, stderr=err
        )
        own = workers = 0
        while started.poll() is None:
            try:
                own = max(own, started.memory_info().rss)
                others = [*started.children(recursive=True), *map(psutil.Process, watched)]
                workers = max([workers, *(each.memory_info().rss for each in others)])
            except psutil.Error:
                pass
            time.sleep(0.1)
        seconds = time.perf_counter() - begun
        told = [(folder / name).read_text() for name in ("out", "err")]
    return Ran(started.returncode, seconds, _processor_s(watched) - used, own / 1e6, workers / 1e6, *told)


def _processor_s(watched: tuple[int, ...]) -> float:
    """Return what has been used by commands that ended, their processes included, and by those that are watched."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    others = [psutil.Process(pid).cpu_times() for pid in watched]
    return ended.ru_utime + ended.ru_stime + sum(each.user + each.system for each in others)


def load() -> str:
    """Say how busy the machine was."""
    return f"load of {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


# ── a night of many products ────────────────────────────────────────────────────────────────────────────────────────


def fleet(given: argparse.Namespace) -> int:
    sizes = [(products, each) for products in (given.products // 4, given.products) for each in given.connections]
    rows = [_night(*size, given) for size in sizes]
    heads = ["products", "connections", "s", "server's own s", "ratio", "s of processors", "judged", *_MEMORY]
    show(f"analyze --all-products, {given.delay:g} s a job; {load()}", heads, rows, markdown=given.markdown)
    return 0


def _night(products: int, connections: int, given: argparse.Namespace) -> list[object]:
    pairs = [
        shop_job(2 * place + version + 1, f"1.{version}", product_name=f"Product {place:03}", end=_end(version))
        for place in range(products)
        for version in (0, 1)
    ]
    with tempfile.TemporaryDirectory() as name, FakePerfTracker(pairs) as server:
        for place, fault in ((3, proxy_page(404)), (7, truncated(500)), (11, hang())):
            server.script(rf"/job/{2 * place + 1}\?as_json", fault)
        server.script(r"as_json", delay(given.delay))
        command = ["analyze", "--all-products", "--url", server.url, "--quiet", "--timeout", str(given.timeout)]
        ran = run(command, Path(name), PERFTRACKER_AI_CONNECTIONS=str(connections))
    judged = ran.out.splitlines()[-products:]
    troubled = sum("not judged" in line for line in judged)
    own = given.delay * 2 * products / connections
    row = [
        products,
        connections,
        f"{ran.seconds:.1f}",
        f"{own:.1f}",
        f"{ran.seconds / own:.2f}",
        f"{ran.processor_s:.0f}",
    ]
    return [*row, f"{products - troubled} and 3 in trouble" if troubled == 3 else ran.errors[-300:], *_memory(ran)]


def _memory(ran: Ran) -> list[str]:
    return [f"{ran.own_mb:.0f}", f"{ran.worker_mb:.0f}"]


def _end(version: int) -> str:
    return f"2026-09-0{version + 1}T10:00:00Z"


# ── pairs ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def fill(store_at: Path | str, shape: Shape, count: int) -> None:
    """Fill a store with nights of a product, two to each version."""
    from msgspec.structs import replace

    from perftracker_ai.settings import CurveSettings
    from perftracker_ai.store import open_store, reading_of

    rng, reading = np.random.default_rng(1), reading_of(CurveSettings())
    with closing(open_store(str(store_at))) as store:
        for number, curves in enumerate(nights(shape, count, rng)):
            info = replace(header(PRODUCT, number), product_ver=f"1.{number // 2}")
            store.put(ORIGIN, info, curves, reading)


def backtest(given: argparse.Namespace) -> int:
    rows, results, times = [], set(), {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder / "history.sqlite3", Shape(given.curves[0], given.loads), given.nights)
        for who in ("1 process", "2 processes", "1 Dask worker", "2 Dask workers"):
            taken = [_replayed(folder, who) for _ in range(given.runs)]
            best = min(taken, key=lambda one: one[0].seconds)[0]
            results |= {result for _, result in taken}
            times[who] = best
            pairs = given.nights - 1
            figures = [f"{pairs / best.seconds:.2f}", f"{best.processor_s:.1f}", f"{pairs / best.processor_s:.2f}"]
            rows.append([who, f"{best.seconds:.1f}", *figures, *_memory(best)])
    heads = ["who", "s", "pairs/s", "s of processors", "pairs/s of a core", *_MEMORY]
    what = f"{given.nights} nights × {given.curves[0]} curves × {given.loads} loads"
    show(f"backtest of {what}; {load()}", heads, rows, markdown=given.markdown)
    one, two, dask = (times[who] for who in ("1 process", "2 processes", "2 Dask workers"))
    print(f"\ntwo processes against one: {one.seconds / two.seconds:.2f} (at least 1.7 on idle cores)")
    print(f"Dask against processes: {dask.seconds / two.seconds:.2f} (at most 1.3)")
    print(f"the same of processor time: {dask.processor_s / two.processor_s:.2f}")
    print(f"same bytes: {'yes' if len(results) == 1 else 'NO'}")
    return len(results) != 1


def _replayed(folder: Path, who: str) -> tuple[Ran, bytes]:
    """Backtest anew, and give what it took and the JSON that came of it."""
    shutil.rmtree(folder / "reports", ignore_errors=True)
    count = int(who.split(maxsplit=1)[0])
    store = ("--store", str(folder / "history.sqlite3"))
    command = [
        "backtest",
        "--product",
        PRODUCT,
        "--url",
        f"http://{ORIGIN}",
        *store,
        "--pairs",
        "consecutive",
        "--json",
    ]
    if "process" in who:
        ran = run([*command, "--workers", str(count)], folder)
    else:
        apart = folder / f"cluster-{count}"
        apart.mkdir(exist_ok=True)
        with Cluster(apart, workers=count, environment=ENVIRONMENT) as cluster:
            pids = tuple(each.pid for each in (cluster.scheduler, *cluster.workers))
            _until_there(cluster, count)
            ran = run([*command, "--scheduler", cluster.address], folder, pids)
    if ran.code:
        raise SystemExit(f"{who}: {ran.errors[-500:]}")
    return ran, ran.out.encode()


def _until_there(cluster: Cluster, count: int) -> None:
    from distributed import Client

    with Client(cluster.address, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=60)


# ── what a pair takes ───────────────────────────────────────────────────────────────────────────────────────────────


def service(given: argparse.Namespace) -> int:
    rows = [_served(Shape(curves, given.loads), given.nights) for curves in given.curves]
    heads = [
        "curves",
        "loads",
        "judge, s of a core",
        "read and unpack, s of a core",
        "MB read",
        "MB a job",
        "MB of memory",
    ]
    show(f"a pair among {given.nights} jobs; {load()}", heads, rows, markdown=given.markdown)
    if given.postgresql:
        served = [_from_postgresql(Shape(curves, given.loads), given.nights) for curves in given.curves]
        show("the same bytes from PostgreSQL", ["MB", "s", "MB/s"], served, markdown=given.markdown)
    return 0


def _from_postgresql(shape: Shape, count: int) -> list[object]:
    """Return what a task reads from a private PostgreSQL, how long that gives it, and how fast that is."""
    import postgres  # of the tests
    import psycopg

    url = postgres.fresh_database()
    fill(url, shape, count)
    with psycopg.connect(url) as connection:
        begun = time.perf_counter()
        rows = connection.execute("SELECT content FROM history_level", binary=True).fetchall()
        seconds = time.perf_counter() - begun
    megabytes = sum(len(content) for (content,) in rows) / 1e6
    return [f"{megabytes:.1f}", seconds, f"{megabytes / seconds:.0f}"]


def _served(shape: Shape, count: int) -> list[object]:
    from perftracker_ai.commands.analyze import compare as compared
    from perftracker_ai.commands.analyze import conclude, read_stored
    from perftracker_ai.settings import ProductSettings
    from perftracker_ai.store import Scope, align, open_store

    own = ProductSettings()
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "history.sqlite3"
        fill(path, shape, count)
        runs = tuple(header(PRODUCT, number).uuid for number in (count - 2, count - 1))
        scope = Scope(origin=ORIGIN, product=PRODUCT)
        megabytes = _read_mb(path)
        with closing(open_store(str(path))) as store:
            asked = time.process_time()
            archive = store.archive(scope, 200)
            series = store.series(scope, only=set(runs))
            read_s = time.process_time() - asked
        begun = time.process_time()
        read = read_stored(series, runs, 0)
        timeline = align(archive, read.curves)
        conclude(read, compared(read, own, 1, timeline), own)
        judge_s = time.process_time() - begun
        size = path.stat().st_size / 1e6 / count
    return [shape.curves, shape.loads, judge_s, read_s, f"{megabytes:.1f}", f"{size:.3f}", _peak_mb()]


def _peak_mb() -> str:
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}"


def _read_mb(path: Path) -> float:
    """Return the megabytes that a task reads."""
    import sqlite3

    with closing(sqlite3.connect(path)) as connection:
        earlier = connection.execute("SELECT sum(length(content)) FROM (SELECT content FROM history_level LIMIT 200)")
        judged = connection.execute("SELECT sum(length(points)) FROM (SELECT points FROM history_job LIMIT 2)")
        return (earlier.fetchone()[0] + judged.fetchone()[0]) / 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("fleet", "backtest", "service"))
    parser.add_argument("--products", type=int, default=200)
    parser.add_argument("--delay", type=float, default=0.5, help="seconds of the server for each job")
    parser.add_argument("--timeout", type=float, default=5.0)
    parser.add_argument("--connections", type=int, nargs="+", default=[4, 8])
    parser.add_argument("--nights", type=int, default=60)
    parser.add_argument("--curves", type=int, nargs="+", default=[152])
    parser.add_argument("--loads", type=int, default=54)
    parser.add_argument("--postgresql", action="store_true", help="service: read from a private PostgreSQL, too")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args()
    return {"fleet": fleet, "backtest": backtest, "service": service}[given.what](given)


if __name__ == "__main__":
    sys.exit(main())
