"""Tags taken apart: ``latency, p(95) (4 th): PUT /api/x/{id} (scenario (with inner parentheses))``.

In goes the tag as written, out come metric label, statistic, threads, method, path and scenario. A tag that does not
follow the grammar is its own endpoint; nothing is refused.
"""

from __future__ import annotations

import re

import msgspec

MAX_GRAMMAR = 4096
"""Longer tags are taken as they are: nobody writes them, and matching must stay cheap."""

_TAG = re.compile(
    r"(?P<metric>[^:]*?)(?:\s*\((?P<threads>\d{1,6})\s*(?:th|thr|threads?)\))?:\s+"
    r"(?P<method>[A-Z]{2,10})\s+(?P<path>\S+)(?:\s+\((?P<scenario>.*)\))?\s*",
    re.DOTALL,
)
_PERCENTILE = re.compile(
    r"\bp\s*\(?\s*(\d{1,3}(?:\.\d+)?)\s*\)?|\b(\d{1,2}(?:\.\d+)?)(?:th|%)\s*(?:percentile|pct)", re.IGNORECASE
)
_STATISTIC = re.compile(r"\b(avg|average|mean|median|min|max)\b", re.IGNORECASE)
_SAME_STATISTIC = {"average": "avg", "mean": "avg", "median": "p50"}


class TagParts(msgspec.Struct, frozen=True, kw_only=True):
    """What a tag says; empty texts and None for what it does not say."""

    metric_label: str
    statistic: str
    threads: int | None
    method: str
    path: str
    endpoint: str
    scenario: str


def read_tag(tag: str) -> TagParts:
    """Take a tag apart.

    Parameters
    ----------
    tag : str
        As the job says it.

    Returns
    -------
    TagParts
        For a tag outside the grammar, the whole tag as endpoint and metric label.
    """
    match = _TAG.fullmatch(tag) if len(tag) <= MAX_GRAMMAR else None
    if match is None:
        statistic = _statistic(tag[:MAX_GRAMMAR])
        return TagParts(
            metric_label=tag, statistic=statistic, threads=None, method="", path="", endpoint=tag, scenario=""
        )
    return TagParts(
        metric_label=match["metric"],
        statistic=_statistic(match["metric"]),
        threads=int(match["threads"]) if match["threads"] else None,
        method=match["method"],
        path=match["path"],
        endpoint=f"{match['method']} {match['path']}",
        scenario=match["scenario"] or "",
    )


def _statistic(label: str) -> str:
    """Name the statistic of a metric label: ``p95``, ``avg``, ``max``; empty when it names none."""
    percentile = _PERCENTILE.search(label)
    if percentile:
        return f"p{percentile[1] or percentile[2]}"
    word = _STATISTIC.search(label)
    return _SAME_STATISTIC.get(word[1].lower(), word[1].lower()) if word else ""
