"""Curves made for detection tests: a job of many endpoints with plain noise, changed where a test says so."""

import numpy as np

from perftracker_ai.detect import detect
from perftracker_ai.model import Curve, CurveSet, MetricKind
from perftracker_ai.settings import DetectSettings

SETTINGS = DetectSettings()
LATENCY, RATE = MetricKind.LATENCY, MetricKind.RATE


def curve(index, start, points, *, endpoint="GET /a", kind=LATENCY, threads=1, **fields):
    usual = {
        "index": index,
        "group": "g",
        "tag": f"{kind} ({threads} th): {endpoint}",
        "metric_label": str(kind),
        "metric_kind": kind,
        "statistic": "",
        "threads": threads,
        "method": "GET",
        "path": endpoint,
        "endpoint": endpoint,
        "scenario": "",
        "unit": "s" if kind is LATENCY else "/s",
        "base_unit": "s" if kind is LATENCY else "/s",
        "less_better": kind is LATENCY,
        "direction_known": True,
        "load_unit": "objects",
        "numbered": True,
        "scalar": points == 1,
        "start": start,
        "stop": start + points,
    }
    return Curve(**(usual | fields))


def curve_set(rows, *, scores=1, relative_sd=0.0):
    """Make a CurveSet of ``(curve fields, values of shape (runs, points))``."""
    curves, start = [], 0
    for index, (fields, values) in enumerate(rows):
        curves.append(curve(index, start, values.shape[1], **fields))
        start += values.shape[1]
    mean = np.concatenate([values for _, values in rows], axis=1) if rows else np.zeros((2, 0))
    present = np.isfinite(mean)
    return CurveSet(
        curves=tuple(curves),
        load=np.concatenate([1000.0 * np.arange(1, c.stop - c.start + 1) for c in curves]) if rows else np.zeros(0),
        label=tuple(f"{1000 * k} objects" for c in curves for k in range(1, c.stop - c.start + 1)),
        mean=mean,
        sd=mean * relative_sd if scores > 1 else np.full(mean.shape, np.nan),
        count=np.where(present, scores, 0),
        absence=np.where(present, 0, 1).astype(np.uint8),
        errors=np.zeros(mean.shape, dtype=np.int64),
        begin=np.full(mean.shape, np.nan),
        end=np.full(mean.shape, np.nan),
        candidate_reruns=0,
    )


def noisy_job(*, seed=1, endpoints=12, points=54, sigma=0.04, threads=(1, 4), reruns=0, change=None, slower=0.0):
    """Make latency and rate of many endpoints; ``change`` maps (endpoint number, kind, threads) to log slowdowns."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(endpoints):
        for kind in (LATENCY, RATE):
            for count in threads:
                cost = sigma * rng.standard_normal((2 + reruns, points))
                cost[1] += slower + (change or {}).get((number, kind, count), 0.0)
                value = 0.1 * np.exp(cost) if kind is LATENCY else 10 * np.exp(-cost)
                rows.append(({"endpoint": f"GET /{number:02}", "kind": kind, "threads": count}, value))
    return curve_set(rows)


def window(points, first, last, factor):
    """Log slowdown of a curve of so many points that is slower by a factor between two points, inclusive."""
    change = np.zeros(points)
    change[first : last + 1] = np.log(factor)
    return change


def judged(curves, **settings):
    return detect(curves, DetectSettings(**settings) if settings else SETTINGS, 0)


def found(detection, curves, number, kind=LATENCY, threads=1):
    """Pick the result of one curve of a `noisy_job`."""
    place = next(
        c.index for c in curves.curves if (c.endpoint, c.metric_kind, c.threads) == (f"GET /{number:02}", kind, threads)
    )
    return detection.results[place], curves.curves[place].start
