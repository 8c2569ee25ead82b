"""A small shop's load tests: whole job documents for a folder or the stand-in server, for runs as a user makes them."""

from __future__ import annotations

import json

from fake_perftracker import make_job

ENDPOINTS = ("GET /items", "GET /items/{id}", "POST /orders", "GET /orders", "PUT /cart", "GET /search", "POST /login")
SLOW = "POST /orders"
_LOADS = tuple(range(1000, 9000, 1000))


def shop_job(job_id, version, *, slow=1.0, **fields):
    """Make a job of the product Shop that ended on the day of its number; `slow` multiplies one endpoint's time."""
    records = [
        _record(job_id, endpoint, number, load, slow if endpoint == SLOW else 1.0)
        for number, endpoint in enumerate(ENDPOINTS)
        for load in _LOADS
    ]
    usual = {
        "tests": records,
        "product_name": "Shop",
        "product_ver": version,
        "suite_name": "API",
        "title": f"nightly {job_id}",
        "end": f"2026-09-{job_id % 28 + 1:02}T10:00:00Z",
    }
    return make_job(job_id, **usual | fields)


def _record(job_id, endpoint, number, load, factor):
    time_s = 0.02 * (number + 1) * factor * (1 + load / 4000)
    wobble = 1 + 0.004 * ((job_id * 7 + number * 5 + load // 1000 * 3) % 11 - 5) / 5
    scores = [round(time_s * wobble * near, 6) for near in (0.995, 1.0, 1.005)]
    return {
        "seq_num": number * 100 + load // 1000,
        "tag": f"latency, p(95) (4 th): {endpoint}",
        "group": "API",
        "category": f"{load} items",
        "scores": str(scores),
        "metrics": "s",
        "less_better": True,
        "errors": 0,
        "status": "SUCCESS",
    }


def shop_jobs(slow=3.0):
    """Make the usual three: a rerun of the old version, the old version, and the new one with one slow endpoint."""
    return [shop_job(1, "1.0"), shop_job(2, "1.0"), shop_job(3, "1.1", slow=slow)]


def put(folder, *jobs):
    """Write jobs into a folder, made when needed, under the names a download has."""
    folder.mkdir(parents=True, exist_ok=True)
    for job in jobs:
        (folder / f"job-{job['id']}.json").write_text(json.dumps(job), encoding="utf-8")
    return folder
