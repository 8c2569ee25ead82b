"""What a night costs: `python benchmarks/needs.py [--nights 10] [--store URL] [--markdown]`, a few seconds.

The measured jobs that come with the tool, of 84 curves and 2,016 load points, take turns as the nights of a product; in
the second half the slowed one stands for every night, so that issues are open. Each night is recorded, compared with
the one before and kept as `analyze` does it. The table has what that takes of the processor and of the disk; the store
is a temporary SQLite file, or what ``--store`` names, which must be empty.
"""

from __future__ import annotations

import argparse
import itertools
import resource
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from store import size_mb
from tables import show

from perftracker_ai.commands.analyze import judge
from perftracker_ai.commands.issues import keep_comparison
from perftracker_ai.commands.lookup import look_up
from perftracker_ai.files import read_document
from perftracker_ai.results.write import result_json
from perftracker_ai.settings import Settings
from perftracker_ai.sources.document import parse_job
from perftracker_ai.store import open_store, origin_of, record

if TYPE_CHECKING:
    from perftracker_ai.model import Job

EXAMPLES = Path(__file__).resolve().parents[1] / "src" / "perftracker_ai" / "examples"
CALM, SLOWED = ("job-91001.json.gz", "job-91002.json.gz"), "job-91012.json.gz"
SERVER, SEED, YEAR = "http://perf.example", 20260101, 360
FIRST = datetime(2026, 1, 1, 4, tzinfo=UTC)


def nights(count: int) -> list[Job]:
    """Return the jobs of so many nights."""
    read = {name: msgspec.json.decode(read_document(EXAMPLES / name)) for name in (*CALM, SLOWED)}
    names = [CALM[night % 2] if night < count // 2 else SLOWED for night in range(count)]
    return [night_of(read[name], night) for night, name in enumerate(names)]


def night_of(document: dict[str, Any], night: int) -> Job:
    end = FIRST + timedelta(days=night)
    own = {"id": night + 1, "uuid": f"00000000-0000-4000-8000-{night:012}", "product_ver": f"1.{night}"}
    when = {"begin": (end - timedelta(hours=1)).isoformat(), "end": end.isoformat(), "upload": end.isoformat()}
    return parse_job(msgspec.json.encode(document | own | when), "a night")


def compare(before: Job, after: Job, settings: Settings) -> int:
    """Compare a night with the one before and keep it; give the bytes of its results."""
    own = settings.of_product(after.info.product_name)
    earlier, _ = look_up((before, after), SERVER, settings, silent)
    found = judge((before, after), own, seed=SEED, earlier=earlier)
    result = result_json(found.analysis)
    keep_comparison(found.analysis, found.issues, result, SERVER, settings, silent)
    return len(result)


def silent(_: object) -> None:
    """Say nothing on the way."""


def measure(jobs: list[Job], settings: Settings) -> list[list[object]]:
    """Record nights, then compare each with the one before, and return what that takes."""
    own = settings.of_product(jobs[0].info.product_name)
    with closing(open_store(settings.store)) as store:
        empty, begin = size_mb(settings.store), time.process_time()
        for job in jobs:
            record(store, origin_of(SERVER), job, own.curves)
    recorded, recorded_s = size_mb(settings.store), time.process_time() - begin
    begin = time.process_time()
    written = [compare(*pair, settings) for pair in itertools.pairwise(jobs)]
    compared, compared_s = size_mb(settings.store), time.process_time() - begin
    job_kb = 1000 * (recorded - empty) / len(jobs)
    comparison_kb = 1000 * (compared - recorded) / len(written)
    return [
        ["job, kB on the disk", job_kb],
        ["comparison with its issues and results, kB on the disk", comparison_kb],
        ["results before they are packed, kB", sum(written) / len(written) / 1000],
        [f"a year of {YEAR} nights, MB on the disk", YEAR * (job_kb + comparison_kb) / 1000],
        ["recording a job, s of processor", recorded_s / len(jobs)],
        ["comparing a night, s of processor", compared_s / len(written)],
        ["memory at most, MB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024],
    ]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nights", type=int, default=10)
    parser.add_argument("--store", default="")
    parser.add_argument("--markdown", action="store_true")
    chosen = parser.parse_args()
    jobs = nights(max(chosen.nights, 4))
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(store=chosen.store or str(Path(folder) / "history.sqlite3"), seed=SEED)
        rows = measure(jobs, settings)
    points = sum(len(one.scores) > 0 for one in jobs[0].tests)
    show(f"A night of {points:,} load points", ["what", "takes"], rows, markdown=chosen.markdown)
    return 0


if __name__ == "__main__":
    sys.exit(main())
