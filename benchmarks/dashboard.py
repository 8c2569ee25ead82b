"""How long the dashboard's pages take, how large they are, and whether fifty readers at once lose anything.

    python benchmarks/dashboard.py [--products 2] [--nights 60] [--full] [--postgresql | --store URL] [--markdown]

"Of the processor" is what the server computes for one answer; waiting for the database is not in it.

A store is filled as nights would: jobs of 8,208 load points in 152 curves of as many endpoints, a comparison of each
with the one before, twelve open issues in each, packed results of 50 kB. ``--full`` is five products and 360 nights.
The dashboard is then started as people start it, and asked over loopback: over SQLite, and with ``--postgresql`` over a
private PostgreSQL as well, which is started for it; or over the empty store that ``--store`` names.

Then every product's newest comparison is given a thousand issues, each with a state, an owner, a note and a ticket that
was changed twice, and all of it is measured again.

Exit code 1 when, without these, warm, ``/`` or ``/issues`` takes over 150 ms or a product's page over 300 ms, when the
first view takes over 2 s, a page over 500 kB, the slowest of fifty readers at once over 1 s, when one of them gets
nothing, or when it needs over 300 MB.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING
from urllib.request import urlopen

import numpy as np
from store import CURVES, LOADS, NIGHTS, ORIGIN, PRODUCTS, Shape, header, nights
from tables import show

from perftracker_ai.model.history import JobRef
from perftracker_ai.model.issues import IssueStatus, OpenIssue, Tracked
from perftracker_ai.store import Comparison, Triage, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

ISSUES, RESULT = 12, 50_000
TRIAGED = 1000
"""Issues of each product's newest comparison, every one of which somebody spoke of several times."""
WORDS = 3
READERS, AGAIN = 50, 7
HEADS = ["what", "ms", "at most", "of the processor", "kB"]
LIMITS_MS = {
    "/": 150,
    "/issues": 150,
    "/issues?state=all": 150,
    "/audit": 150,
    "/p/Product%200": 300,
    "/p/Product%200?jobs=360": 300,
    "/p/Product%200/noise": 300,
    "/p/Product%200/e/GET/api/v1/items/3?jobs=360": 300,
    "/j/30": 300,
}
FIRST_MS, SLOWEST_MS, LARGEST_KB, MEMORY_MB = 2000, 1000, 500, 300


def fill(url: str, products: int, count: int) -> None:
    """Fill a store with nights that were compared."""
    rng = np.random.default_rng(1)
    with closing(open_store(url)) as store:
        for product in range(products):
            name = f"Product {product}"
            for night, curves in enumerate(nights(Shape(CURVES, LOADS), count, rng)):
                store.put(ORIGIN, header(name, product * NIGHTS + night), curves, "r")
                if night:
                    found = [_tracked(name, product * NIGHTS, number) for number in range(ISSUES)]
                    store.comparisons.put(_comparison(name, product * NIGHTS + night), rng.bytes(RESULT), found)


def triage(url: str, products: int, count: int) -> None:
    """Give each product's newest comparison a thousand issues, with states, owners, notes and tickets."""
    with closing(open_store(url)) as store:
        for product in range(products):
            name = f"Product {product}"
            newest = _comparison(name, product * NIGHTS + count - 1)
            found = [_tracked(name, product * NIGHTS, number) for number in range(TRIAGED)]
            store.comparisons.put(newest, b"", found)
            for word in range(WORDS):
                known = {one.triage.key: one.number for one in store.triage.newest(name)}
                said = [_said(newest, one.issue.key, at + word) for at, one in enumerate(found)]
                store.triage.add([(one, known.get(one.key, 0)) for one in said])


def _said(newest: Comparison, key: str, number: int) -> Triage:
    return Triage(
        origin=newest.origin,
        product=newest.product,
        hardware=newest.hardware,
        suite=newest.suite,
        key=key,
        state=("new", "acknowledged", "not a regression", "fixed")[number % 4],
        owner=f"owner {number % 20}",
        note="since the pool of connections was made smaller; see what the profile of that night says",
        ticket=f"https://tickets.example/browse/PERF-{number}",
        until="",
        author=f"owner {number % 20}",
        made=newest.made,
        seen=newest.end,
    )


def _comparison(product: str, number: int) -> Comparison:
    baseline, candidate = header(product, number - 1), header(product, number)
    return Comparison(
        origin=ORIGIN,
        product=product,
        hardware="+".join(candidate.hosts),
        suite=candidate.suite_name,
        project=1,
        baseline=baseline.uuid,
        candidate=candidate.uuid,
        baseline_id=baseline.id,
        candidate_id=candidate.id,
        baseline_version=baseline.product_ver,
        candidate_version=candidate.product_ver,
        reruns=(),
        candidate_reruns=(),
        end=candidate.end,
        made=candidate.end + timedelta(hours=1),
        tool="0.1.0",
        settings="",
        verdict="INVESTIGATE",
        rules=("open_issues",),
        counts={"critical": 1, "severe": 4, "moderate": 7, "minor": 3, "inconclusive": 9},
        validity=(),
        asked_by="",
    )


def _tracked(product: str, first: int, number: int) -> Tracked:
    began = header(product, first + 1 + number % 7)
    job = JobRef(job=began.id, version=began.product_ver, end=began.end)
    issue = OpenIssue(
        key=f"get-api-v1-items-{number}",
        status=IssueStatus.OPEN,
        cluster="",
        endpoint=f"GET /api/v1/items/{number}",
        title="",
        scenarios=(),
        metric_kinds=("latency",),
        severity=("critical", "severe", "moderate")[min(number // 4, 2)],
        attribution="code",
        confidence="high",
        slowdown=1 / (number + 1),
        opened=1 / (number + 1),
        news=1 / (number + 1),
        load_first="1000 items",
        load_last="54000 items",
        threads=(1, 2, 4),
        curves=3,
        first=job,
        last_good=job,
        earliest=job,
        latest=job,
        measured=True,
        whole=False,
        accepted=False,
        accepted_until=None,
        offset=0.0,
    )
    return Tracked(issue=issue, reference=())


def measure(url: str, folder: str) -> tuple[list[list[object]], bool]:
    """Ask a dashboard of a store for every page, alone and by many at once."""
    command = [sys.executable, "-m", "perftracker_ai", "serve", "--store", url, "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder, env=os.environ.copy()) as ran:
        address = ran.stdout.readline().partition(" ")[0].rstrip("/")
        first_ms, _ = asked(address, "/")
        rows: list[list[object]] = [["first view", first_ms, FIRST_MS, cpu_ms(ran.pid), None]]
        for page, limit in LIMITS_MS.items():
            mark = "&" if "?" in page else "?"  # another address each time, for an answer is kept for a moment
            before = cpu_ms(ran.pid)
            times, sizes = zip(*(asked(address, f"{page}{mark}time={at}") for at in range(AGAIN)), strict=True)
            rows.append([page, median(times), limit, (cpu_ms(ran.pid) - before) / AGAIN, sizes[0] / 1000])
        with ThreadPoolExecutor(READERS) as pool:
            slowest = max(time for time, _ in pool.map(lambda _: asked(address, "/"), range(2 * READERS)))
        rows.append([f"slowest of {READERS} readers at once", slowest, SLOWEST_MS, None, None])
        status = Path(f"/proc/{ran.pid}/status")
        used = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")] if status.exists() else []
        memory_mb = int(used[0].split()[1]) / 1024 if used else 0.0
        ran.send_signal(signal.SIGINT)
    rows.append(["memory, MB", memory_mb, MEMORY_MB, None, None])
    held = all(row[1] <= row[2] for row in rows) and all((row[4] or 0) <= LARGEST_KB for row in rows)
    return rows, held


def cpu_ms(process: int) -> float:
    """Return for how long a process has computed: what a page costs, however busy the machine is."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def asked(address: str, page: str) -> tuple[float, int]:
    """Return how long a page took in ms, and its bytes; raise when there is none."""
    begin = time.perf_counter()
    with urlopen(address + page, timeout=60) as answer:
        size = len(answer.read())
    return 1000 * (time.perf_counter() - begin), size


def main() -> int:
    """Fill a store, ask its dashboard, and print what that took."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--products", type=int, default=2)
    parser.add_argument("--nights", type=int, default=60)
    parser.add_argument("--full", action="store_true", help=f"{PRODUCTS} products, {NIGHTS} nights")
    parser.add_argument("--postgresql", action="store_true", help="over PostgreSQL as well")
    parser.add_argument("--store", default="", metavar="URL", help="over this store, which must be empty")
    parser.add_argument("--markdown", action="store_true")
    chosen = parser.parse_args()
    products, count = (PRODUCTS, NIGHTS) if chosen.full else (chosen.products, chosen.nights)
    held = True
    with tempfile.TemporaryDirectory() as folder:
        for name, url in stores(folder, chosen):
            fill(url, products, count)
            rows, fits = measure(url, folder)
            held &= fits
            title = f"The dashboard of {products} products, {count} nights, {CURVES} curves over {name}"
            show(title, HEADS, rows, markdown=chosen.markdown)
            triage(url, products, count)
            rows, _ = measure(url, folder)
            show(
                f"The same with {products * TRIAGED:,} issues that people spoke of",
                HEADS,
                rows,
                markdown=chosen.markdown,
            )
    return 0 if held else 1


def stores(folder: str, chosen: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Give the empty stores that are measured: name and address."""
    if chosen.store:
        yield "the store given", chosen.store
        return
    yield "SQLite", str(Path(folder) / "history.sqlite3")
    if chosen.postgresql:
        sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
        from postgres import fresh_database  # the tests' own server, which nobody but them needs

        yield "PostgreSQL", fresh_database()


if __name__ == "__main__":
    sys.exit(main())
