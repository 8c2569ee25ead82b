"""Names of issues that last: the same in every comparison, whatever rank an issue has there.

In: clusters by rank. Out: one short readable key for each, for links, acceptances, tickets and the store. A key is
made of what an issue is about, never of how large it is: product, endpoint or the whole run, scenario, metric family
and direction.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING

from perftracker_ai.model import Direction, MetricKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from perftracker_ai.model import Cluster, Curve, CurveSet

WHOLE_RUN = "whole run"
_WAYS = {Direction.WORSE: "slower", Direction.BETTER: "faster", Direction.UNKNOWN: "changed"}
_WORDS, _LONGEST, _DIGITS = 3, 40, 8
_NO_WORD = re.compile(r"[^a-z0-9]+")
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")


def issue_keys(curves: CurveSet, clusters: Iterable[Cluster], product: str) -> tuple[str, ...]:
    """Return the key of every cluster, letters, digits and dashes only.

    Of two issues about the same thing, which a comparison tells apart by what only it knows, the one of lower rank has
    its number behind the key.
    """
    found: list[str] = []
    seen: dict[str, int] = {}
    for cluster in clusters:
        key = _key([curves.curves[index] for index in cluster.curves], cluster, product)
        seen[key] = seen.get(key, 0) + 1
        found.append(key if seen[key] == 1 else f"{key}-{seen[key]}")
    return tuple(found)


def _key(members: list[Curve], cluster: Cluster, product: str) -> str:
    return key_of(product, cluster.endpoint or WHOLE_RUN, cluster.scenarios, members, cluster.direction)


def key_of(product: str, place: str, scenarios: Iterable[str], members: Sequence[Curve], direction: Direction) -> str:
    """Return a few words of the place, and a digest of everything that tells it from others."""
    family = _family(members)
    way = _WAYS[direction]
    whole = (product, place, *sorted(scenarios), family, direction.value)
    digest = sha256("\0".join(whole).encode("utf-8", "replace")).hexdigest()[:_DIGITS]
    return "-".join(filter(None, (_words(place), family, way, digest)))


def _words(place: str) -> str:
    """Return method and last words of an endpoint: ``put-drafts-settings``."""
    method, _, rest = _PLACEHOLDER.sub(" ", place.lower()).partition(" ")
    words = [word for word in _NO_WORD.split(rest) if word]
    return "-".join([_NO_WORD.sub("", method), *words[-_WORDS:]])[:_LONGEST].strip("-")


def _family(curves: Sequence[Curve]) -> str:
    """Return what is measured: time before rate, for both are one test seen from two sides; then sizes and counts."""
    kinds = {curve.metric_kind for curve in curves}
    if MetricKind.LATENCY in kinds:
        return "time"
    if MetricKind.RATE in kinds:
        return "rate"
    return "size" if any(curve.base_unit.startswith("B") for curve in curves) else "count"
