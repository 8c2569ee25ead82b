"""Small pasts whose truth is known: nights of versions, of which some are slower at some endpoints."""

import math
from contextlib import closing
from datetime import UTC, datetime, timedelta

import numpy as np
from builders import info, job, test_record
from msgspec.structs import replace

from perftracker_ai.curves import build_curves
from perftracker_ai.settings import CurveSettings
from perftracker_ai.store import open_store, origin_of, reading_of

FIRST = datetime(2026, 7, 1, 2, tzinfo=UTC)
ENDPOINTS = ("GET /items", "POST /orders", "GET /orders", "PUT /cart", "GET /search", "POST /login")
LOADS = tuple(range(1000, 9000, 1000))
PLACE = "http://perf.example"


def night_job(night, version, slow=None, *, endpoints=ENDPOINTS, noise=0.012, seed=20261128, **fields):
    """Make a night's job; `slow` says by what factor an endpoint is slower in it, and "" stands for all."""
    slow = slow or {}
    rng, begin = np.random.default_rng([seed, night]), FIRST + timedelta(days=night)
    tests = []
    for number, endpoint in enumerate(endpoints):
        level = math.exp(rng.normal(0, noise / 2)) * slow.get(endpoint, 1.0) * slow.get("", 1.0)
        for load in LOADS:
            cost = 0.02 * (1 + number / 3) * (1 + load / 9000) * level * math.exp(rng.normal(0, noise))
            at = begin + timedelta(seconds=20 * len(tests))
            times = {"begin": f"{at:%Y-%m-%dT%H:%M:%SZ}", "end": f"{at + timedelta(seconds=19):%Y-%m-%dT%H:%M:%SZ}"}
            tag = f"latency, p(95) (4 th): {endpoint}"
            tests.append(test_record(tag, (cost,), f"{load} items", group="API", **times))
    end = begin + timedelta(seconds=20 * len(tests))
    counted = {"tests_total": len(tests), "tests_completed": len(tests)}
    header = info(101 + night, version, upload=f"u{night}", begin=begin, end=end, **counted)
    return replace(job(*tests), info=replace(header, **fields))


def stored(url, jobs, place=PLACE):
    """Put jobs into a store, as jobs of a place."""
    with closing(open_store(url)) as store:
        for one in jobs:
            settings = CurveSettings()
            store.put(origin_of(place), one.info, build_curves([one], settings)[0], reading_of(settings))
    return url
