"""Whether a backtest says of a past what the other benchmarks measure of the same data, and how long a year takes.

    python benchmarks/backtest.py [--only lab simulated time] [--nights N] [--workers N ...]
        [--per-version N ...] [--shared DIR] [--markdown]

``lab``: the measured jobs, each series a past of its own; beside it every ordered pair of one version of that series,
as ``benchmarks/lab.py`` takes them. ``simulated``: nights of one version in which nothing changed, by regime; beside it
the same pairs of the same runs through detection alone, as ``benchmarks/detection.py`` does, with no rerun and with
five. ``time``: nights of 152 curves of 54 loads; ``--nights 360`` is a year, which two workers have 90 s for (exit code
1 when it takes longer). With ``--per-version 5`` every night is judged as analyze would have, with up to ten further
runs, and four of five besides against the one before.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import detectors
import lab
import numpy as np
import store as stores
from msgspec.structs import replace
from simulate import REGIMES, simulate
from tables import show

from perftracker_ai.backtest.rates import rate
from perftracker_ai.backtest.report import per_thousand, share
from perftracker_ai.backtest.values import PairKind, Variant
from perftracker_ai.commands.backtest import Wanted, backtest
from perftracker_ai.commands.workers import Asked
from perftracker_ai.curves import build_curves
from perftracker_ai.detect import detect
from perftracker_ai.executors import cores
from perftracker_ai.model import BY_RUN, Attribution, JobInfo, Outcome
from perftracker_ai.settings import CurveSettings, DetectSettings, PolicySettings, Settings
from perftracker_ai.store import open_store

if TYPE_CHECKING:
    from perftracker_ai.backtest.values import Backtest, Rate
    from perftracker_ai.model import CurveSet

ORIGIN, PRODUCT = "perf.example", "Sim"
FIRST = datetime(2026, 1, 1, 5, tzinfo=UTC)
CURVES, LOADS, YEAR = 152, 54, 360
SHOWN = ("quiet", "lab", "level", "uneven", "mixed")
TOGETHER = 4.0
SECONDS = 90
SAME = frozenset({PairKind.SAME_VERSION})
AS_SET = Variant(name="", detect=DetectSettings(), policy=PolicySettings())


def header(night: int, version: str) -> JobInfo:
    end = FIRST + timedelta(days=night)
    like, begin = stores.header(PRODUCT, 1 + night), end - timedelta(hours=3)
    return replace(like, product_ver=version, begin=begin, end=end, upload=end.isoformat())


def keep(url: str, runs: CurveSet, per_version: int) -> None:
    """Store the runs of one simulation as nights, so many to a version, measured one point after the other."""
    with closing(open_store(url)) as store:
        for night in range(len(runs.mean)):
            info = header(night, f"1.{night // per_version}")
            begin = info.begin.timestamp() + np.arange(len(runs.load)) * 1.2
            one = {name: getattr(runs, name)[night : night + 1] for name in BY_RUN}
            one |= {"begin": begin[None], "end": begin[None] + 1.1}
            store.put(ORIGIN, info, replace(runs, **one), "simulated")


def judged(url: str, folder: Path, product: str, kinds: frozenset[PairKind], *, workers: int, place: str) -> Backtest:
    settings = Settings(store=url, reports_dir=str(folder), url=place, workers=workers, project=0)
    wanted = Wanted(product=product, kinds=kinds, first="", last="", variants=(AS_SET,), said=Asked("", ()))
    return backtest(wanted, settings, lambda _: None)


def alarms(results: list) -> tuple[int, int]:
    """Count regressed curves that are not said to be the environment's doing, and all curves."""
    mine = [one for one in results if one.outcome is Outcome.REGRESSED]
    return sum(one.attribution is not Attribution.ENVIRONMENT for one in mine), len(results)


def over(counts: list[tuple[int, int]]) -> Rate:
    return rate([count for count, _ in counts], [of for _, of in counts], TOGETHER)


# ── the lab ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def lab_section(options: argparse.Namespace) -> None:
    folder = options.shared / "lab"
    rows = []
    for base, _ in lab.SERIES:
        jobs = {number: lab.load(folder, number) for number in base}
        with tempfile.TemporaryDirectory() as home:
            url = f"{home}/store"
            with closing(open_store(url)) as store:
                for number in base:
                    store.put(ORIGIN, jobs[number].info, build_curves([jobs[number]], CurveSettings())[0], "lab")
            past = judged(url, Path(home), "LAB", SAME, workers=options.workers[-1], place=f"http://{ORIGIN}")
        every = {reruns: over(list(_lab_pairs(jobs, base, reruns))) for reruns in (0, len(base) - 2)}
        told = past.summaries[0]
        rows.append(
            (
                f"{base[0]} to {base[-1]}",
                len(past.nights),
                per_thousand(told.alarms),
                *map(per_thousand, every.values()),
                share(told.regressed),
            )
        )
    title = "The lab's jobs of one version: false alarms per 1,000 curves, code and undecided"
    head = ("series", "pairs", "backtest", "every pair, no reruns", "every pair, all reruns", "put in and found")
    show(title, head, rows, markdown=options.markdown)


def _lab_pairs(jobs, base, reruns):
    for first in base:
        for second in base:
            rest = [number for number in base if number not in (first, second)][:reruns]
            if first != second:
                yield alarms(lab.judged(jobs, first, second, rest).detection.results)


# ── simulated nights ──────────────────────────────────────────────────────────────────────────────────────────────────


def simulated_section(options: argparse.Namespace) -> None:
    rows = []
    for regime in (one for one in REGIMES if one.name in SHOWN):
        rng = np.random.default_rng((detectors.SEED, REGIMES.index(regime), 7))
        runs, _ = simulate(regime, curves=CURVES, points=24, reruns=options.nights - 2, changed=0.0, rng=rng)
        with tempfile.TemporaryDirectory() as home:
            keep(f"{home}/store", runs, options.nights)
            past = judged(
                f"{home}/store", Path(home), PRODUCT, SAME, workers=options.workers[-1], place=f"http://{ORIGIN}"
            )
        alone = {reruns: over(_alone(runs, reruns)) for reruns in (0, 5)}
        told = past.summaries[0]
        rows.append(
            (
                regime.name,
                len(past.nights),
                per_thousand(told.alarms),
                *map(per_thousand, alone.values()),
                share(told.regressed),
            )
        )
    title = "Nights in which nothing changed: false alarms per 1,000 curves"
    head = ("regime", "pairs", "backtest", "detection, pair alone", "detection, five reruns", "put in and found")
    show(title, head, rows, markdown=options.markdown)


def _alone(runs: CurveSet, reruns: int) -> list[tuple[int, int]]:
    """Judge each night against the one before by detection alone."""
    counts = []
    for night in range(1, len(runs.mean)):
        chosen = [night - 1, night, *range(night - 2, max(-1, night - 2 - reruns), -1)]
        pair = replace(runs, **{name: getattr(runs, name)[chosen] for name in BY_RUN})
        counts.append(alarms(list(detect(pair, DetectSettings(), detectors.SEED).results)))
    return counts


# ── time ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def time_section(options: argparse.Namespace) -> bool:
    """Print how long a past takes; True when it is longer than it may be for a year of nights."""
    rows, late = [], False
    lab_noise = next(one for one in REGIMES if one.name == "lab")
    runs, _ = simulate(
        lab_noise, curves=CURVES, points=LOADS, reruns=options.nights - 2, changed=0.0, rng=np.random.default_rng(1)
    )
    for per_version in options.per_version:
        with tempfile.TemporaryDirectory() as home:
            keep(f"{home}/store", runs, per_version)
            for workers in options.workers:
                load, begin = os.getloadavg()[0], time.perf_counter()
                folder, every = Path(home) / str(workers), frozenset(PairKind)
                past = judged(f"{home}/store", folder, PRODUCT, every, workers=workers, place=f"http://{ORIGIN}")
                took, pairs = time.perf_counter() - begin, len(past.nights)
                late |= took > SECONDS * options.nights / YEAR and workers > 1
                rate_of_one = f"{pairs / took / workers:.2f}"
                rows.append((per_version, pairs, workers, f"{took:.1f}", rate_of_one, f"{load:.1f}"))
    title = f"{options.nights} nights of {CURVES} curves and {LOADS} loads ({cores()} cores)"
    head = ("nights a version", "pairs", "workers", "seconds", "pairs per second and worker", "load before")
    show(title, head, rows, markdown=options.markdown)
    return late


SECTIONS = {"lab": lab_section, "simulated": simulated_section, "time": time_section}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--nights", type=int, default=40, help="of a simulated past (default: 40; a year is 360)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument(
        "--per-version", type=int, nargs="+", default=[1], help="time: nights of a version (default: 1)"
    )
    parser.add_argument("--shared", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--markdown", action="store_true")
    options = parser.parse_args()
    late = [SECTIONS[name](options) for name in options.only]
    return int(any(late))


if __name__ == "__main__":
    sys.exit(main())
