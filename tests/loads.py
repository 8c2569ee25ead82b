"""Whole load tests, made up: what a job of endpoints, thread counts and loads uploads, judged by every stage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from builders import job

from perftracker_ai.commands.analyze import judge
from perftracker_ai.settings import ProductSettings

FIRST = datetime(2026, 9, 6, 1, tzinfo=UTC)
SECONDS = 5


def endpoints(count):
    """Names of so many endpoints."""
    return [f"GET /part{number:02}/list" for number in range(count)]


def load_test(
    job_id,
    version,
    slower=lambda endpoint, threads, load: 1.0,
    *,
    count=20,
    loads=24,
    threads=(4,),
    rates=False,
    noise=0.02,
    level=0.01,
    scores=3,
    by_load=True,
    seed=0,
    **fields,
):
    """Make a job; `slower` multiplies the cost of an endpoint, by its number, at a thread count and a load's number.

    `noise` scatters points and `level` whole curves, both in log; `by_load` measures load by load, else endpoint by
    endpoint. `fields` are the tests' own.
    """
    rng = np.random.default_rng([20261128, seed, job_id])
    levels = np.exp(level * rng.standard_normal((count, len(threads))))
    cells = [(load, at, k) for load in range(loads) for at in range(count) for k in range(len(threads))]
    cells = cells if by_load else sorted(cells, key=lambda cell: (cell[1], cell[2], cell[0]))
    return job(
        *(
            record
            for place, cell in enumerate(cells)
            for record in _records(place, cell, levels, rng, (slower, threads, rates, noise, scores, fields))
        ),
        id=job_id,
        product_ver=version,
        begin=(FIRST + timedelta(days=job_id)).isoformat(),
        end=(FIRST + timedelta(days=job_id, hours=6)).isoformat(),
    )


def _records(place, cell, levels, rng, what):
    (load, at, k), (slower, threads, rates, noise, scores, fields) = cell, what
    name, count = endpoints(at + 1)[at], threads[k]
    cost = 0.02 * (1 + at / 4) * (1 + load / 20) * (1 + 0.1 * k) * levels[at, k] * slower(at, count, load)
    values = cost * np.exp(noise * rng.standard_normal() + noise / 3 * rng.standard_normal(scores))
    begin = FIRST + timedelta(seconds=place * SECONDS)
    common = {"category": f"{(load + 1) * 1000} items", "errors": 0, "status": "SUCCESS", "group": ""}
    common |= {"begin": begin.isoformat(), "end": (begin + timedelta(seconds=SECONDS)).isoformat()}
    latency = {"tag": f"latency, p(95) ({count} th): {name}", "metrics": "s", "less_better": True}
    yield common | latency | {"scores": str([float(f"{value:.6g}") for value in values])} | fields
    if rates:
        rate = {"tag": f"rate ({count} th): {name}", "metrics": "req/s", "less_better": False}
        yield common | rate | {"scores": str([float(f"{count / value:.6g}") for value in values])}


def judged(baseline, candidate, *reruns, candidate_reruns=0, settings=None):
    """Take jobs through every stage."""
    jobs, settings = (baseline, candidate, *reruns), settings or ProductSettings()
    return judge(jobs, settings, seed=1, candidate_reruns=candidate_reruns).analysis
