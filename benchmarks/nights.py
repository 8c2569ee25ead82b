"""A folder of made-up nightly jobs, to try `history` on.

    python benchmarks/nights.py FOLDER [--nights N] [--seed N]

The product Shop over a version every three nights, each value with 2 % of noise: POST /orders becomes 30 % slower at
three fifths of the nights, GET /search creeps by 0.8 % a night, PUT /cart is 25 % slower from a fifth to two fifths
of them, beginning within a version, and nothing happens to the others. Every value is made from the seed.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

SEED, NIGHTS = 20261124, 40
FIRST = datetime(2026, 7, 1, 5, 0, tzinfo=UTC)
ENDPOINTS = ("GET /items", "POST /orders", "GET /search", "PUT /cart", "GET /orders", "POST /login")
STATISTICS = ("p(50)", "p(95)")
LOADS = tuple(range(1000, 9000, 1000))
NIGHT_NOISE, VALUE_NOISE, CREEP = 0.01, 0.02, 0.008


def slowness(endpoint, night, nights):
    """Give what a night's version makes of an endpoint's time, noise left out."""
    if endpoint == "POST /orders":
        return 1.3 if night >= 3 * nights // 5 else 1.0
    if endpoint == "GET /search":
        return (1 + CREEP) ** night
    if endpoint == "PUT /cart":
        return 1.25 if nights // 5 <= night < 2 * nights // 5 else 1.0
    return 1.0


def job(night, nights=NIGHTS, seed=SEED, **fields):
    """Make the document of one night's job, as the server writes it; `fields` replace top-level keys."""
    rng = np.random.default_rng([seed, night])
    end = FIRST + timedelta(days=night)
    records = [
        record
        for number, endpoint in enumerate(ENDPOINTS)
        for record in _records(endpoint, number, slowness(endpoint, night, nights), rng)
    ]
    header = {
        "env_nodes": [{"name": "bg-f1.example", "parent": None}],
        "id": 101 + night,
        "title": f"nightly {101 + night}",
        "uuid": str(UUID(int=101 + night)),
        "suite_name": "API",
        "suite_ver": "1.0",
        "product_name": "Shop",
        "product_ver": f"2.{night // 3}",
        "begin": f"{end - timedelta(hours=3):%Y-%m-%dT%H:%M:%SZ}",
        "end": f"{end:%Y-%m-%dT%H:%M:%SZ}",
        "upload": f"{end + timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}",
        "tests_total": len(records),
        "tests_completed": len(records),
        "tests_failed": 0,
        "tests_errors": 0,
        "project": {"id": 1, "name": "Default project"},
        "deleted": False,
        "tests": records,
    }
    return header | fields


def _records(endpoint, number, factor, rng):
    for place, statistic in enumerate(STATISTICS):
        shared = rng.standard_normal()
        for load in LOADS:
            noise = float(np.exp(NIGHT_NOISE * shared + VALUE_NOISE * rng.standard_normal()))
            time_s = 0.02 * (number + 1) * (place + 1) * factor * (1 + load / 4000) * noise
            yield {
                "seq_num": 100 * number + 10 * place + load // 1000,
                "tag": f"latency, {statistic} (4 th): {endpoint}",
                "group": "API",
                "category": f"{load} items",
                "scores": str([round(time_s, 7)]),
                "metrics": "s",
                "less_better": True,
                "errors": 0,
                "status": "SUCCESS",
            }


def write(folder, nights=NIGHTS, seed=SEED):
    """Write all nights' jobs into a folder, made when needed."""
    folder.mkdir(parents=True, exist_ok=True)
    for night in range(nights):
        document = job(night, nights, seed)
        (folder / f"job-{document['id']}.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--nights", type=int, default=NIGHTS)
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args(argv)
    print(f"{arguments.nights} jobs in {write(arguments.folder, arguments.nights, arguments.seed)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
