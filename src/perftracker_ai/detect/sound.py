"""The runs as far as they can be trusted.

In: curves and what validity says of them. Out: the same curves without reruns that are better left out, without what a
run shares at the time of a measurement, and without points that were measured in an episode.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from perftracker_ai.detect.series import orientation
from perftracker_ai.model import BY_RUN

if TYPE_CHECKING:
    from perftracker_ai.model import CurveSet, Soundness


def sound(curves: CurveSet, soundness: Soundness) -> tuple[CurveSet, CurveSet]:
    """Return the trusted runs, as measured and as they are to be compared."""
    rows = np.flatnonzero(soundness.trusted)
    first = len(curves.mean) - curves.candidate_reruns
    kept = {name: getattr(curves, name)[rows] for name in BY_RUN}
    measured = replace(curves, **kept, candidate_reruns=int((rows >= first).sum()))
    factor = np.exp(-orientation(curves) * soundness.shared[rows])
    mean = np.where(soundness.left_out[rows], np.nan, measured.mean * factor)
    return measured, replace(measured, mean=mean, sd=measured.sd * factor)


def left_out(measured: CurveSet, compared: CurveSet) -> dict[int, tuple[int, ...]]:
    """Return the points that both versions measured and that are not compared, by the curve that has any."""
    before, after = (
        np.logical_and.reduce([np.isfinite(part.mean[rows]).any(axis=0) for rows in part.rows])
        for part in (measured, compared)
    )
    missing, found = before & ~after, {}
    for curve in measured.curves if missing.any() else ():
        points = np.flatnonzero(missing[curve.start : curve.stop]) + curve.start
        if len(points):
            found[curve.index] = tuple(points.tolist())
    return found
