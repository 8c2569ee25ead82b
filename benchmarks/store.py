"""How large a year of history is, how long a trend query takes, and what the shape of the blobs has to do with it.

    python benchmarks/store.py [--full] [--store URL] [--markdown]

Five products, a job each night of each: 8,208 load points in 152 curves, drawn anew per job around a curve of its own,
with three significant digits and one or two scores, as load generators report them; one job in twenty has lost a few
curves. By default one product is written and its size taken times five; ``--full`` writes all. The store is a
temporary SQLite file, or what ``--store`` names, which must be empty.

The second table stores the same nights in three ways, once as these curves and once as 8,208 tests without a load axis.
Exit code 1 when the year is over 1 GB, a query of one product over 1 s, or laying 200 jobs on a comparison over 30 ms.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import tempfile
import time
import zlib
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from tables import show

from perftracker_ai.model import Curve, CurveSet, JobInfo, MetricKind
from perftracker_ai.store import Scope, align, open_store
from perftracker_ai.store.encoding import encode_points

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PRODUCTS, NIGHTS = 5, 360
CURVES, LOADS = 152, 54
SIZE_LIMIT_MB, QUERY_LIMIT_S, LAID_LIMIT_MS = 1000, 1.0, 30
LOOKED_AT = 200
COMPARED_NIGHTS = 60
ORIGIN = "perf.example"
T = TypeVar("T")
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Shape:
    """A suite: so many curves of so many loads each."""

    curves: int
    loads: int


class Times(NamedTuple):
    """How long things take with a year of a product: a job put, its values read by who just opened it and again.

    Besides, what a comparison reads of it, and how long it takes to lay that on the comparison.
    """

    put_s: float
    first_s: float
    again_s: float
    read_s: float
    laid_s: float


class Cost(NamedTuple):
    """What a number of nights cost in one way of storing them."""

    size_mb: float
    put_ms: float
    one_curve_ms: float
    all_curves_ms: float


# ── nights ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def layout(shape: Shape) -> tuple[Curve, ...]:
    """Name the curves of a suite."""
    return tuple(
        Curve(
            index=index,
            group=f"group {index % 12}",
            tag=f"latency, p(95) ({2 ** (index % 5)} th): GET /api/v1/items/{index}",
            metric_label="latency, p(95)",
            metric_kind=MetricKind.LATENCY,
            statistic="p95",
            threads=2 ** (index % 5),
            method="GET",
            path=f"/api/v1/items/{index}",
            endpoint=f"GET /api/v1/items/{index}",
            scenario="",
            unit="ms",
            base_unit="s",
            less_better=True,
            direction_known=True,
            load_unit="items" if shape.loads > 1 else "",
            numbered=shape.loads > 1,
            scalar=shape.loads == 1,
            start=index * shape.loads,
            stop=(index + 1) * shape.loads,
        )
        for index in range(shape.curves)
    )


def nights(shape: Shape, count: int, rng: np.random.Generator) -> Iterator[CurveSet]:
    """Draw the jobs of a product, oldest first."""
    whole = layout(shape)
    level = 10 ** rng.uniform(0, 3, (shape.curves, 1)) * np.linspace(1, 3, shape.loads)
    for _ in range(count):
        curves = whole if rng.random() > 1 / 20 else whole[: -int(rng.integers(1, 5))]
        points = len(curves) * shape.loads
        samples = 1 + (rng.random(points) < 0.4).astype(np.int64)
        shift = 1 + 0.03 * rng.standard_normal((len(curves), 1))
        noise = shift * (1 + 0.05 * rng.standard_normal((len(curves), shape.loads)))
        mean = three_digits((level[: len(curves)] * noise).ravel()) / 1000
        yield CurveSet(
            curves=curves,
            load=np.tile(np.arange(1.0, shape.loads + 1) * 1000, len(curves)),
            label=tuple(f"{load}000 items" if shape.loads > 1 else "" for load in range(1, shape.loads + 1))
            * len(curves),
            mean=mean[None],
            sd=np.where(samples > 1, three_digits(mean * 0.02), np.nan)[None],
            count=samples[None],
            absence=np.zeros((1, points), dtype=np.uint8),
            errors=(rng.random((1, points)) < 0.01).astype(np.int64),
            begin=np.full((1, points), np.nan),
            end=np.full((1, points), np.nan),
            candidate_reruns=0,
        )


def three_digits(values: np.ndarray) -> np.ndarray:
    """Round to three significant digits."""
    unit = 10.0 ** (np.floor(np.log10(values)) - 2)
    return np.round(values / unit) * unit


def header(product: str, number: int) -> JobInfo:
    end = FIRST + timedelta(days=number % NIGHTS)
    return JobInfo(
        id=number,
        uuid=f"{number:08}-0000-0000-0000-000000000000",
        title=f"{product} nightly",
        product_name=product,
        product_ver=f"1.0-{number}",
        suite_name="API",
        suite_ver="1.0",
        project_id=1,
        project_name="Default project",
        hosts=("bg-f1.example",),
        begin=end - timedelta(hours=9),
        end=end,
        upload=end.isoformat(),
        tests_total=CURVES * LOADS,
        tests_completed=CURVES * LOADS,
        tests_failed=0,
        tests_errors=0,
        deleted=False,
    )


# ── the store ───────────────────────────────────────────────────────────────────────────────────────────────────────


def measure_store(url: str, products: int) -> Times:
    """Fill a store with a year and look at one product of it."""
    rng = np.random.default_rng(1)
    spent, jobs = 0.0, 0
    with closing(open_store(url)) as store:
        for product in range(products):
            for night, curves in enumerate(nights(Shape(CURVES, LOADS), NIGHTS, rng)):
                begin = time.perf_counter()
                store.put(ORIGIN, header(f"Product {product}", product * NIGHTS + night), curves, "r")
                spent, jobs = spent + time.perf_counter() - begin, jobs + 1
    year = Scope(origin=ORIGIN, product="Product 0", hardware="bg-f1.example", suite="API")
    begin = time.perf_counter()
    with closing(open_store(url)) as store:
        shape = store.series(year).curves.mean.shape
        first_s = time.perf_counter() - begin
        assert shape == (NIGHTS, CURVES * LOADS)
        again_s, _ = timed(lambda: store.series(year))
        read_s, archive = timed(lambda: store.archive(year, LOOKED_AT))
    compared = next(nights(Shape(CURVES, LOADS), 1, rng))
    laid_s = min(timed(lambda: align(archive, compared))[0] for _ in range(3))  # of milliseconds others take some
    return Times(spent / jobs, first_s, again_s, read_s, laid_s)


def timed(act: Callable[[], T]) -> tuple[float, T]:
    begin = time.perf_counter()
    result = act()
    return time.perf_counter() - begin, result


def size_mb(url: str) -> float:
    """Measure a store on its disk."""
    if "://" not in url:
        return sum(path.stat().st_size for path in Path(url).parent.glob(Path(url).name + "*")) / 1e6
    import psycopg

    with psycopg.connect(url) as connection:
        return connection.execute("SELECT pg_database_size(current_database())").fetchone()[0] / 1e6


# ── ways of storing ─────────────────────────────────────────────────────────────────────────────────────────────────


def per_job(night: int, curves: CurveSet) -> list[tuple]:
    return [(night, 0, encode_points(curves))]


def per_curve(night: int, curves: CurveSet) -> list[tuple]:
    """Cut a night into a blob per curve, of the same columns."""
    columns = (curves.mean, curves.sd, curves.count, curves.errors, curves.absence)
    return [
        (
            night,
            curve.index,
            zlib.compress(b"".join(column[0, curve.start : curve.stop].tobytes() for column in columns)),
        )
        for curve in curves.curves
    ]


def per_point(night: int, curves: CurveSet) -> list[tuple]:
    columns = (curves.mean[0], curves.sd[0], curves.count[0], curves.errors[0], curves.absence[0])
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [(night, point, *row) for point, row in enumerate(rows)]


def measure_way(way: str, shape: Shape, folder: Path) -> Cost:
    """Store some nights in plain SQLite and read them back, unpacked."""
    split = {"blob per job": per_job, "blob per curve": per_curve, "row per point": per_point}[way]
    columns = "mean REAL, sd REAL, count INT, errors INT, absence INT" if split is per_point else "content BLOB"
    path = folder / f"{way} {shape.curves}"
    spent = 0.0
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"CREATE TABLE t (night INT, part INT, {columns}, PRIMARY KEY (part, night)) WITHOUT ROWID")
        marks = ", ".join("?" * (3 if split is not per_point else 7))
        for night, curves in enumerate(nights(shape, COMPARED_NIGHTS, np.random.default_rng(2))):
            begin = time.perf_counter()
            with connection:
                connection.executemany(f"INSERT INTO t VALUES ({marks})", split(night, curves))
            spent += time.perf_counter() - begin
    one = "1" if split is per_job else "part = 7" if split is per_curve else f"part < {shape.loads}"
    return Cost(path.stat().st_size / 1e6, 1e3 * spent / COMPARED_NIGHTS, reading_ms(path, one), reading_ms(path, "1"))


def reading_ms(path: Path, condition: str) -> float:
    begin = time.perf_counter()
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(f"SELECT * FROM t WHERE {condition}").fetchall()
    if len(rows[0]) == 3:
        for row in rows:
            np.frombuffer(zlib.decompress(row[2]), dtype=np.uint8)
    return 1e3 * (time.perf_counter() - begin)


# ── tables ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def show_store(url: str, *, full: bool, markdown: bool) -> bool:
    """Measure the store and print it; give whether it is within its limits."""
    before = size_mb(url) if "://" in url else 0.0
    spent = measure_store(url, PRODUCTS if full else 1)
    year_mb = (size_mb(url) - before) * (1 if full else PRODUCTS)
    rows = [
        (f"a year of {PRODUCTS} products, MB", year_mb, SIZE_LIMIT_MB),
        ("every value of a product's year, first, s", spent.first_s, QUERY_LIMIT_S),
        ("the same again, s", spent.again_s, QUERY_LIMIT_S),
        (f"what analyze reads of it ({LOOKED_AT} jobs), ms", 1e3 * spent.read_s, None),
        ("laying that on a comparison, least of three, ms", 1e3 * spent.laid_s, LAID_LIMIT_MS),
        ("putting a job, ms", 1e3 * spent.put_s, None),
    ]
    kind = "PostgreSQL" if "://" in url else "SQLite"
    title = f"{kind}: {PRODUCTS * NIGHTS} jobs of {CURVES * LOADS} points" + ("" if full else ", size from one product")
    show(title, ("figure", "measured", "limit"), rows, markdown=markdown)
    return all(value <= limit for _, value, limit in rows if limit is not None)


def show_ways(folder: Path, *, markdown: bool) -> None:
    head = ("stored as", "MB", "put ms/job", "one curve ms", "everything ms")
    for shape in (Shape(CURVES, LOADS), Shape(CURVES * LOADS, 1)):
        rows = [(way, *measure_way(way, shape, folder)) for way in ("blob per job", "blob per curve", "row per point")]
        title = f"{COMPARED_NIGHTS} jobs of {shape.curves} curves with {shape.loads} points"
        show(title, head, rows, markdown=markdown)


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the store of past jobs.")
    parser.add_argument("--full", action="store_true", help="write all five products instead of one")
    parser.add_argument("--store", metavar="URL", help="an empty store to fill; default: a temporary SQLite file")
    parser.add_argument("--markdown", action="store_true", help="print tables as Markdown")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = arguments.store or str(Path(folder) / "history.sqlite3")
        within = show_store(url, full=arguments.full, markdown=arguments.markdown)
        show_ways(Path(folder), markdown=arguments.markdown)
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
