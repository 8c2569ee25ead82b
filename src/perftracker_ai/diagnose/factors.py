"""What several clusters share beyond their endpoint: in go curves and clusters, out comes the factor of each.

An endpoint is always what a cluster's curves share. A method, path prefix, thread count, metric or onset is named as
well when most regressed clusters have it and chance does not explain that: with a share *p* of all measured endpoints
having it, so many of the *n* clusters would in less than one case of twenty (binomial tail).
"""

from __future__ import annotations

from collections import Counter
from math import exp, lgamma, log, log1p
from typing import TYPE_CHECKING

from perftracker_ai.model import Direction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perftracker_ai.model import Cluster, Curve, CurveSet

MIN_CLUSTERS, MIN_SHARE, BY_CHANCE = 3, 0.6, 0.05
"""Clusters that must share a factor, their share of all clusters, and the largest chance probability."""

Trait = tuple[str, str]
"""A factor and its value: ``("method", "PUT")``."""


def shared_factors(curves: CurveSet, clusters: Sequence[Cluster]) -> tuple[str, ...]:
    """Name the factor of every cluster, in the order given.

    Returns
    -------
    tuple of str
        ``endpoint``; with ``; method PUT with 3 of 4 clusters`` where that is shared.
    """
    worse = [cluster for cluster in clusters if cluster.direction is Direction.WORSE]
    shared = _shared(curves, worse)
    return tuple(
        "endpoint" + (_words(curves, cluster, shared, len(worse)) if cluster.direction is Direction.WORSE else "")
        for cluster in clusters
    )


def _words(curves: CurveSet, cluster: Cluster, shared: dict[Trait, int], total: int) -> str:
    mine = [trait for trait in _cluster_traits(curves, cluster) if trait in shared]
    return "".join(f"; {name} {value} with {shared[name, value]} of {total} clusters" for name, value in sorted(mine))


def _shared(curves: CurveSet, clusters: Sequence[Cluster]) -> dict[Trait, int]:
    """Find the traits that more clusters have than chance explains."""
    counts = Counter(trait for cluster in clusters for trait in _cluster_traits(curves, cluster))
    expected = _expected(curves)
    return {
        trait: count
        for trait, count in counts.items()
        if count >= MIN_CLUSTERS
        and count >= MIN_SHARE * len(clusters)
        and _tail(count, len(clusters), expected.get(trait, 0.0)) < BY_CHANCE
    }


def _expected(curves: CurveSet) -> dict[Trait, float]:
    """Give the share of measured endpoints that have each trait of a name."""
    endpoints = {curve.endpoint: curve for curve in curves.curves}
    counts = Counter(trait for curve in endpoints.values() for trait in _name_traits(curve))
    return {trait: count / len(endpoints) for trait, count in counts.items()}


def _cluster_traits(curves: CurveSet, cluster: Cluster) -> list[Trait]:
    """List what a cluster could share with others; what only the findings have is never expected by chance."""
    traits = _name_traits(curves.curves[cluster.worst_curve])
    if cluster.threads and not cluster.all_threads:
        traits.append(("thread count", ", ".join(map(str, cluster.threads))))
    lowest = curves.label[curves.curves[cluster.worst_curve].start]
    if cluster.load_first not in {"", lowest}:
        traits.append(("onset", cluster.load_first))
    return traits


def _name_traits(curve: Curve) -> list[Trait]:
    """List the traits in an endpoint's name."""
    prefix = curve.path.rstrip("/").rpartition("/")[0]
    return [(name, value) for name, value in (("method", curve.method), ("path prefix", prefix)) if value]


def _tail(count: int, total: int, share: float) -> float:
    """Give the probability of at least so many of so many (binomial)."""
    if share <= 0.0 or share >= 1.0:
        return float(share >= 1.0 or count <= 0)
    whole = lgamma(total + 1)

    def chance(k: int) -> float:
        # by logarithms: of a thousand clusters the number of ways has more digits than a float
        return exp(whole - lgamma(k + 1) - lgamma(total - k + 1) + k * log(share) + (total - k) * log1p(-share))

    return sum(chance(k) for k in range(count, total + 1))
