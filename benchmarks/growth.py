"""How the time of every stage grows with the size of a job: `python benchmarks/growth.py [n] [dimension…]`.

Each dimension is made n, 2 n and 4 n large; the table has each stage's seconds of processor time, which
other programs on the machine hardly touch, and the exponent fitted to them, beside those of a sort in NumPy in the same
run: 1 is n, a little more n log n, 2 the square. Stages that take less than
a hundredth of a second say nothing, and have no exponent.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from perftracker_ai.commands.analyze import judge
from perftracker_ai.coverage import compare_coverage
from perftracker_ai.curves import build_curves
from perftracker_ai.detect import detect
from perftracker_ai.diagnose import diagnose
from perftracker_ai.issues.accepted import accepted, counting
from perftracker_ai.render.html import html_report
from perftracker_ai.render.junit import junit_xml
from perftracker_ai.render.markdown import markdown
from perftracker_ai.render.terminal import plain_screen
from perftracker_ai.report import build
from perftracker_ai.report.view import view
from perftracker_ai.results.read import read_result
from perftracker_ai.results.write import result_json
from perftracker_ai.settings import ProductSettings
from perftracker_ai.sources.document import parse_job
from perftracker_ai.verdict import decide

if TYPE_CHECKING:
    from collections.abc import Callable

    from perftracker_ai.model import Job

OWN = ProductSettings()
LEAST = 0.01
"""Seconds below which a time says nothing of its growth."""


def record(place: int, tag: str, load: int, score: float, **fields: Any) -> dict[str, Any]:
    """Return a test as the server writes it."""
    usual = {"metrics": "ms", "less_better": True, "errors": 0, "status": "SUCCESS", "group": "API"}
    name = {"seq_num": place, "tag": tag, "category": f"{load} items", "scores": f"[{score!r}]"}
    return usual | name | fields


def job(number: int, curves: int, *, points: int = 5, slower: float = 0.0, units: int = 1, tests: int = 1) -> bytes:
    """Return a job document of so many endpoints, a share of which is three times as slow in the second job."""
    rng = np.random.default_rng(number)
    factor = np.where((np.arange(curves) % 100 < 100 * slower) & (number == 2), 3.0, 1.0)
    value = 5.0 * factor[:, None, None] * np.exp(0.03 * rng.standard_normal((curves, points, tests)))
    records = [
        record(0, f"latency: GET /e{curve}", 2**load if points < 20 else load + 1, score, **_unit(units, curve))
        for curve, rows in enumerate(value.tolist())
        for load, row in enumerate(rows)
        for score in row
    ]
    day = "2026-09-06T1{}:00:00Z"
    header = {"id": number, "uuid": f"00000000-0000-0000-0000-00000000000{number}", "title": "", "suite_name": "S"}
    versions = {"suite_ver": "1", "product_name": "Shop", "product_ver": str(number), "deleted": False}
    times = {"begin": day.format(number), "end": day.format(number + 1), "upload": day.format(number + 1)}
    counts = {"tests_total": len(records), "tests_completed": len(records), "tests_failed": 0, "tests_errors": 0}
    nodes = {"env_nodes": [{"name": "f1", "parent": None}], "project": {"id": 1, "name": "P"}}
    return json.dumps(header | versions | times | counts | nodes | {"tests": records}).encode()


def _unit(units: int, curve: int) -> dict[str, str]:
    return {"metrics": f"unit{curve}"} if units > 1 else {}


DIMENSIONS: dict[str, Callable[[int, int], bytes]] = {
    "curves": job,
    "points": lambda number, n: job(number, 20, points=n // 20),
    "units": lambda number, n: job(number, n, points=1, units=n),
    "issues": lambda number, n: job(number, n, slower=0.33),
    "tests per point": lambda number, n: job(number, 50, tests=n // 50),
}


def stages(raw: list[bytes]) -> dict[str, float]:
    """Take two documents through every stage; the seconds of each."""
    took: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        begin = time.process_time()
        result = work()
        took[name] = time.process_time() - begin
        return result

    jobs: list[Job] = timed("parse", lambda: [parse_job(part, "benchmark") for part in raw])
    curves, _, _ = timed("curves", lambda: build_curves(jobs, OWN.curves))
    detection = timed("detect", lambda: detect(curves, OWN.detect, 0))
    coverage = timed("coverage", lambda: compare_coverage(curves))
    clusters = timed("diagnose", lambda: diagnose(curves, detection, ""))
    known = timed("accept", lambda: accepted(OWN.accept, curves, detection, OWN.detect.moderate, None))
    left = counting(clusters, known)
    timed("verdict", lambda: decide(curves, detection, coverage, left, OWN.policy, OWN.detect, notices=(), past=None))
    analysis = judge(jobs, OWN, seed=0).analysis
    content = timed("results", lambda: result_json(analysis))
    timed("read back", lambda: read_result(content, "result_v2.json"))
    shown = view(analysis)
    report = timed("report", lambda: build(shown))
    timed("markdown", lambda: markdown(report))
    timed("page", lambda: html_report(shown, report, result=content, scripts=True))
    timed("junit", lambda: junit_xml([analysis]))
    timed("terminal", lambda: plain_screen(report, ["llm_report.md"]))
    return took


def baseline(size: int) -> float:
    """Return the seconds in which NumPy sorts, as a measure of the machine and of n log n."""
    values = np.random.default_rng(0).random(size * 500)
    begin = time.process_time()
    np.sort(values)
    return time.process_time() - begin


def exponent(sizes: list[int], seconds: list[float]) -> float | None:
    """Return the slope of the times over the sizes, both as logarithms; None for times that say nothing."""
    if min(seconds) <= 0 or max(seconds) < LEAST:
        return None
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def table(dimension: str, first: int) -> None:
    """Print what one dimension costs."""
    sizes = [first, 2 * first, 4 * first]
    rows = [
        {"numpy sort": baseline(size)} | stages([DIMENSIONS[dimension](number, size) for number in (1, 2)])
        for size in sizes
    ]
    print(f"\n| {dimension} | " + " | ".join(map(str, sizes)) + " | exponent |\n|---|---|---|---|---|")
    for stage in rows[0]:
        seconds = [row[stage] for row in rows]
        slope = exponent(sizes, seconds)
        written = " | ".join(f"{value:.3f}" for value in seconds)
        print(f"| {stage} | {written} | {'' if slope is None else f'{slope:.2f}'} |", flush=True)


def main(arguments: list[str]) -> None:
    """Print a table for each dimension asked for."""
    first = int(arguments[0]) if arguments else 2000
    for dimension in arguments[1:] or DIMENSIONS:
        table(dimension, first)


if __name__ == "__main__":
    main(sys.argv[1:])
