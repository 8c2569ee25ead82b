"""Made-up nights of three products, for `serve --demo`: what a team meets in two months, all at once.

In: a seed and the moment the last night ends. Out: job documents as PerfTracker writes them, the same for the same
seed. Shop has a regression that was repaired and one that is open, Search creeps, Billing has a disturbed night and a
slowdown that its settings accept.
"""

from __future__ import annotations

import math
from datetime import timedelta
from itertools import product as product_of
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from numpy.random import Generator

NIGHTS = 60
SEED = 20260101
ACCEPTED = "GET /v1/statements"
"""The endpoint of Billing whose slowdown the demo's settings accept."""
_LOADS = (1, 2, 4, 8, 16, 32)
_THREADS = (1, 8)
_NOISE, _CURVE_NOISE, _NIGHT_NOISE = 0.02, 0.012, 0.008
"""Logarithms: of a score, of a curve in a night, of all of a night."""
_MINUTES = 40


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A slowdown of an endpoint from one night on, at some loads.

    Attributes
    ----------
    endpoint : str
        Empty for all of them.
    first, last : int
        Nights, inclusive.
    slowdown : float
    from_load : int
    during : tuple of float
        From which share of the night to which.
    grows : bool
        Whether it grows from nothing over these nights.
    """

    endpoint: str
    first: int
    last: int
    slowdown: float
    from_load: int = 0
    during: tuple[float, float] = (0.0, 1.0)
    grows: bool = False


class MadeUp(msgspec.Struct, frozen=True, kw_only=True):
    """A product of the demo."""

    name: str
    host: str
    endpoints: tuple[tuple[str, float], ...]
    changes: tuple[Change, ...]
    number: int


PRODUCTS = (
    MadeUp(
        name="Shop",
        host="perf-a",
        number=1,
        endpoints=(
            ("GET /v2/products", 0.012),
            ("GET /v2/products/{id}", 0.006),
            ("POST /v2/orders", 0.045),
            ("PUT /v2/orders/{id}", 0.038),
            ("GET /v2/basket", 0.009),
        ),
        changes=(
            Change(endpoint="GET /v2/products", first=43, last=48, slowdown=0.6),
            Change(endpoint="PUT /v2/orders/{id}", first=53, last=NIGHTS, slowdown=1.3, from_load=8),
            Change(endpoint="GET /v2/basket", first=55, last=NIGHTS, slowdown=0.35),
        ),
    ),
    MadeUp(
        name="Search",
        host="perf-b",
        number=2,
        endpoints=(("GET /search", 0.08), ("GET /suggest", 0.015), ("POST /index", 0.12), ("GET /health", 0.002)),
        changes=(
            Change(endpoint="GET /search", first=0, last=NIGHTS, slowdown=0.5, grows=True),
            Change(endpoint="POST /index", first=36, last=NIGHTS, slowdown=-0.25),
        ),
    ),
    MadeUp(
        name="Billing",
        host="perf-b",
        number=3,
        endpoints=(("GET /v1/invoices", 0.02), ("POST /v1/payments", 0.06), (ACCEPTED, 0.09), ("GET /v1/rates", 0.004)),
        changes=(
            Change(endpoint=ACCEPTED, first=45, last=NIGHTS, slowdown=0.45),
            Change(endpoint="", first=50, last=50, slowdown=0.8, during=(0.3, 0.65)),
        ),
    ),
)


def nights(product: MadeUp, end: datetime) -> Iterator[dict[str, Any]]:
    """Yield a product's jobs, the oldest first; the last one ends then."""
    rng = np.random.default_rng([SEED, product.number])
    for night in range(NIGHTS):
        yield _job(product, night, end - timedelta(days=NIGHTS - 1 - night), rng)


def _job(product: MadeUp, night: int, end: datetime, rng: Generator) -> dict[str, Any]:
    number = 1000 * product.number + night + 1
    begin = end - timedelta(minutes=_MINUTES)
    tests = list(_tests(product, night, begin, rng))
    return {
        "env_nodes": [{"name": product.host, "parent": None}],
        "id": number,
        "title": f"{product.name} nightly",
        "uuid": f"00000000-0000-4000-8000-{number:012}",
        "suite_name": "nightly",
        "suite_ver": "1.0",
        "product_name": product.name,
        "product_ver": _version(night),
        "begin": begin.isoformat(),
        "end": end.isoformat(),
        "upload": end.isoformat(),
        "tests_total": len(tests),
        "tests_completed": len(tests),
        "tests_failed": 0,
        "tests_errors": 0,
        "project": {"id": 1, "name": "Demo"},
        "deleted": False,
        "tests": [{"seq_num": at} | test for at, test in enumerate(tests, 1)],
    }


def _version(night: int) -> str:
    """Return a build of three releases, a night each."""
    a_release = NIGHTS // 3
    return f"4.{night // a_release}.{night % a_release + 1}"


def _tests(product: MadeUp, night: int, begin: datetime, rng: Generator) -> Iterator[dict[str, Any]]:
    """Yield the tests of a night: one load after the other, at each every endpoint, latency and rate together."""
    shared = rng.normal(0, _NIGHT_NOISE)
    moments = list(product_of(_THREADS, _LOADS, product.endpoints))
    curves = {key: shared + rng.normal(0, _CURVE_NOISE) for key in product_of(_THREADS, product.endpoints)}
    step = timedelta(minutes=_MINUTES) / len(moments)
    for at, (threads, load, (endpoint, base_s)) in enumerate(moments):
        slower = _slower(product, endpoint, night, load, at / len(moments))
        cost = base_s * load**0.3 * threads**0.5 * math.exp(curves[threads, (endpoint, base_s)]) * slower
        latency = cost * np.exp(rng.normal(0, _NOISE, 3))
        rate = threads / cost * np.exp(rng.normal(0, _NOISE, 3))
        when = {"begin": (begin + at * step).isoformat(), "end": (begin + (at + 1) * step).isoformat()}
        place = f"({threads} th): {endpoint}"
        yield _test(f"latency, avg {place}", 1000 * latency, f"{load} users", "ms", when)
        yield _test(f"rate {place}", rate, f"{load} users", "req/s", when)


def _slower(product: MadeUp, endpoint: str, night: int, load: int, share: float) -> float:
    """Return what a request costs in a night, a share of which is over, as a multiple of what it did at first."""
    factor = 1.0
    for one in product.changes:
        there = one.first <= night <= one.last and one.during[0] <= share < one.during[1]
        if one.endpoint in ("", endpoint) and there and load >= one.from_load:
            grown = (night - one.first) / (one.last - one.first) if one.grows else 1.0
            factor *= (1 + one.slowdown) ** grown
    return factor


def _test(tag: str, scores: np.ndarray[Any, Any], category: str, unit: str, when: dict[str, str]) -> dict[str, Any]:
    return {
        "tag": tag,
        "scores": str([round(float(score), 6) for score in scores]),
        "category": category,
        "group": "",
        "metrics": unit,
        "less_better": unit == "ms",
        "errors": 0,
        "status": "SUCCESS",
        **when,
    }
