"""Since when the regressions of a comparison are there, and what else the jobs before it did.

In: a comparison's curves, what was found in them, and the `Timeline` of earlier jobs. Out: a `Chronicle`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perftracker_ai.chronicle import Chronicle, Onset
from perftracker_ai.model import Direction
from perftracker_ai.trends.patterns import patterns, places

if TYPE_CHECKING:
    from perftracker_ai.model import Cluster, CurveSet, Detection, JobInfo, Timeline


def chronicle(
    curves: CurveSet,
    detection: Detection,  # noqa: ARG001 - its windows say where to look
    clusters: tuple[Cluster, ...],
    timeline: Timeline,
    baseline: JobInfo,
    candidate: JobInfo,
) -> Chronicle:
    """Say what the jobs of a product's history tell of a comparison."""
    jobs = places(timeline.jobs)
    old, new = places((baseline, candidate))
    onsets = tuple(
        Onset(cluster=one.id, first=new, last_good=old, earliest=new, latest=new, levels=(None,) * len(jobs))
        for one in clusters
        if one.direction is Direction.WORSE
    )
    return Chronicle(jobs=jobs, onsets=onsets, patterns=patterns(curves.curves, timeline))
