"""How long the main job takes as a whole process, and how much memory, against what nobody can do without.

    python benchmarks/speed.py [--runs N] [--shared DIR] [--markdown]

The main job is a comparison of two uncompressed jobs of 8 MB without a language model, by discovery in a folder and
by naming the two files. Its yardstick is a Python process that imports numpy and reads the same two files with json.
It is also run with a store of 360 earlier nights, made of the baseline with 3 % of noise on each curve and 5 % on each
value, three digits kept; that time is reported and has no limit.
All commands take turns, so that whatever else the machine does meets each of them alike. Exit code 1 when a limit is
missed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tables import show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perftracker_ai.model import JobInfo

TIME_LIMIT = 1.6
MEMORY_LIMIT_MB = 200
HELP_LIMIT = 5
DETECT_LIMIT = 0.30
TENFOLD_LIMIT = 11
COPIES = 10
NIGHTS, CURVE_NOISE, VALUE_NOISE = 360, 0.03, 0.05

STORE, WITH_STORE = "history.sqlite3", f"analyze, discovery, with a store of {NIGHTS} jobs"

LOAD = "import json, sys, numpy\nfor path in sys.argv[1:]:\n    json.load(open(path, encoding='utf-8'))"
IMPORT = "import argparse"
# Replaced before the program imports it, so that it is timed where it really runs, cold caches included.
TIMED_DETECT = """\
import sys, time
import perftracker_ai.detect as stage
original, spent = stage.detect, []
def timed(*args, **keywords):
    begin = time.perf_counter()
    result = original(*args, **keywords)
    spent.append(time.perf_counter() - begin)
    return result
stage.detect = timed
from perftracker_ai.cli import main
code = main(sys.argv[1:])
print(sum(spent) if spent else "not called", file=sys.stderr)
sys.exit(code)"""


class Run(NamedTuple):
    """One finished process."""

    wall_s: float
    peak_mb: float
    errors: str


class Limit(NamedTuple):
    """One figure and what it must not exceed."""

    what: str
    value: float
    limit: float
    unit: str


# ── processes ───────────────────────────────────────────────────────────────────────────────────────────────────────


def run(command: Sequence[str], folder: Path) -> Run:
    """Run a command in a folder and measure it; a failing one ends the benchmark with what it said."""
    with (folder / "stderr").open("w+b") as errors:
        begin = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=errors, env=_environment())
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        said = errors.read().decode(errors="replace")
    if process.returncode:
        raise SystemExit(f"{' '.join(command[:6])} ended with {process.returncode}: {said.strip()[-500:]}")
    return Run(wall_s, usage.ru_maxrss / 1024, said)


def _environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": ""}


def interleaved(commands: dict[str, Sequence[str]], folder: Path, runs: int) -> dict[str, list[Run]]:
    """Run all commands in turn, so many times, after one unmeasured turn that fills the caches."""
    for command in commands.values():
        run(command, folder)
    turns = [{name: run(command, folder) for name, command in commands.items()} for _ in range(runs)]
    return {name: [turn[name] for turn in turns] for name in commands}


def wall_s(runs: Sequence[Run]) -> float:
    """Return the median time of the runs."""
    return statistics.median(run.wall_s for run in runs)


# ── the jobs ────────────────────────────────────────────────────────────────────────────────────────────────────────


def write_jobs(shared: Path, folder: Path) -> tuple[Path, Path]:
    """Write the two jobs uncompressed, as a server would send them, and return baseline and candidate."""
    return _write(shared, folder, "rerun", 26), _write(shared, folder, "candidate", 27)


def _write(shared: Path, folder: Path, name: str, job: int) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"job-{job}.json"
    with gzip.open(shared / "perftracker" / "grpm" / f"{name}.json.gz") as packed, path.open("wb") as unpacked:
        shutil.copyfileobj(packed, unpacked)
    return path


def write_tenfold(job: Path, folder: Path) -> Path:
    """Write a job with ten times the tests: every group and endpoint ten times under names of its own."""
    folder.mkdir(exist_ok=True)
    document = json.loads(job.read_text(encoding="utf-8"))
    counters = [name for name in document if name.startswith(("tests_", "testcases_"))]
    for name in counters:
        document[name] *= COPIES
    document["tests"] = [_copied(test, copy) for copy in range(COPIES) for test in document["tests"]]
    path = folder / job.name
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def write_history(job: Path, store: Path) -> None:
    """Fill a store with nights before a job: its own values, each night with noise of its own."""
    import numpy as np
    from msgspec.structs import replace
    from store import three_digits

    from perftracker_ai.curves import build_curves
    from perftracker_ai.settings import CurveSettings
    from perftracker_ai.sources.document import parse_job
    from perftracker_ai.store import open_store, origin_of

    rng, measured = np.random.default_rng(1), parse_job(job.read_bytes(), job.name)
    curves, _, _ = build_curves([measured], CurveSettings())
    points = [curve.stop - curve.start for curve in curves.curves]
    with closing(open_store(str(store))) as opened:
        for night in range(NIGHTS, 0, -1):
            level = np.repeat(1 + CURVE_NOISE * rng.standard_normal(len(points)), points)
            mean = curves.mean * level * (1 + VALUE_NOISE * rng.standard_normal(curves.mean.shape))
            header = _night_before(measured.info, night)
            opened.put(origin_of(str(job.parent)), header, replace(curves, mean=three_digits(mean)), "as measured")


def _night_before(info: JobInfo, night: int) -> JobInfo:
    from msgspec.structs import replace

    names = {"uuid": f"{night:08}-0000-0000-0000-000000000000", "product_ver": f"0.{NIGHTS - night}"}
    return replace(info, id=100_000 - night, end=info.end - timedelta(days=night), **names)


def _copied(test: dict[str, Any], copy: int) -> dict[str, Any]:
    names = {"group": f"{test['group']} {copy}", "tag": test["tag"].replace("/api/", f"/api/copy{copy}/")}
    numbers = {"id": test["id"] * COPIES + copy, "seq_num": test["seq_num"] + copy * 1_000_000}
    return {**test, **names, **numbers, "uuid": f"{copy}{test['uuid'][1:]}"}


# ── figures ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def measure(shared: Path, folder: Path, runs: int) -> tuple[dict[str, list[Run]], list[Limit]]:
    """Return the runs of every command, and the limited figures."""
    pair = write_jobs(shared, folder / "one")
    # In a process of its own: a child's peak memory is never reported below that of the process that started it.
    with multiprocessing.get_context("spawn").Pool(1) as apart:
        tenfold = apart.starmap(write_tenfold, [(job, folder / "ten") for job in pair])
        apart.apply(write_history, (pair[0], folder / STORE))
    commands = {
        "numpy and json, both files": _python(LOAD, *map(str, pair)),
        "analyze, discovery": [_program(), *_analyze(folder / "one")],
        WITH_STORE: [_program(), *_analyze(folder / "one"), "--store", str(folder / STORE)],
        "analyze, two files": [_program(), "analyze", *map(str, pair), *_quietly(folder / "one")],
        "analyze, detection timed": _python(TIMED_DETECT, *_analyze(folder / "one")),
        "import argparse": _python(IMPORT),
        "perftracker-ai --help": [_program(), "--help"],
    }
    seen = interleaved(commands, folder, runs)
    # A fifth of the turns is enough for a process that takes ten times as long, beside the small one for the same air.
    seen |= interleaved(
        {"analyze, small again": commands["analyze, discovery"], "analyze, ten times the tests": _tenfold(tenfold)},
        folder,
        max(3, runs // 5),
    )
    return seen, _limits(seen)


def _limits(seen: dict[str, list[Run]]) -> list[Limit]:
    least = wall_s(seen["numpy and json, both files"])
    mains = ("analyze, discovery", "analyze, two files")
    peak_mb = max(run.peak_mb for name in mains for run in seen[name])
    help_ratio = wall_s(seen["perftracker-ai --help"]) / wall_s(seen["import argparse"])
    tenfold = wall_s(seen["analyze, ten times the tests"]) / wall_s(seen["analyze, small again"])
    return [
        *(Limit(f"{name} / numpy and json", wall_s(seen[name]) / least, TIME_LIMIT, "x") for name in mains),
        Limit("peak memory of the main job", peak_mb, MEMORY_LIMIT_MB, " MB"),
        Limit("--help / import argparse", help_ratio, HELP_LIMIT, "x"),
        Limit("detection's share of the main job", _detect_share(seen["analyze, detection timed"]), DETECT_LIMIT, ""),
        Limit("ten times the tests / once", tenfold, TENFOLD_LIMIT, "x"),
    ]


def _detect_share(runs: Sequence[Run]) -> float:
    return statistics.median(float(run.errors.strip().splitlines()[-1]) / run.wall_s for run in runs)


def _analyze(folder: Path) -> list[str]:
    return ["analyze", "--product", "GRPM", "--url", str(folder), *_quietly(folder)]


def _tenfold(jobs: Sequence[Path]) -> list[str]:
    return [_program(), *_analyze(jobs[0].parent)]


def _quietly(folder: Path) -> list[str]:
    out = folder.parent / f"{folder.name}-out"
    return [*_no_model(), "--quiet", "--output-dir", str(out / "data"), "--reports-dir", str(out / "reports")]


def _no_model() -> list[str]:
    """Return what keeps a language model out of it; nothing for a version that knows none."""
    told = subprocess.run([_program(), "analyze", "--help"], capture_output=True, text=True, check=True)
    return ["--llm", "off"] if "--llm" in told.stdout else []


def _python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def _program() -> str:
    return str(Path(sys.executable).parent / "perftracker-ai")


# ── printing ────────────────────────────────────────────────────────────────────────────────────────────────────────


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and return 1 when a limit is missed."""
    options = _options(argv)
    if not (options.shared / "perftracker" / "grpm" / "candidate.json.gz").exists():
        print(f"No recorded jobs in {options.shared}: nothing to measure; name their folder with --shared.")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        seen, limits = measure(options.shared, Path(folder), options.runs)
    rows = [
        (name, len(runs), f"{wall_s(runs):.3f} s", f"{max(r.peak_mb for r in runs):.0f} MB")
        for name, runs in seen.items()
    ]
    show("Whole processes", ("command", "runs", "median time", "peak memory"), rows, markdown=options.markdown)
    ratio = wall_s(seen[WITH_STORE]) / wall_s(seen["analyze, discovery"])
    show(
        "Without limit", ("figure", "value"), [("with the store / without", f"{ratio:.2f}x")], markdown=options.markdown
    )
    show("Limits", ("figure", "value", "limit", ""), [_row(limit) for limit in limits], markdown=options.markdown)
    return int(any(limit.value > limit.limit for limit in limits))


def _row(limit: Limit) -> tuple[str, str, str, str]:
    value, most = (f"{number:.3g}{limit.unit}" for number in (limit.value, limit.limit))
    return limit.what, value, most, "MISSED" if limit.value > limit.limit else "ok"


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=15, help="turns every command is run (default 15)")
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder of the recorded jobs")
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")
    return parser.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(main())
