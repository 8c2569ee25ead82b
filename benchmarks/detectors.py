"""The two detectors in one form, and the simulated jobs that all sections share.

In go curves, out come calls: of our detection with any settings, and of the earlier criteria at any threshold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import evaluate
import numpy as np
import reference
from simulate import REGIMES, simulate

from perftracker_ai.detect import detect
from perftracker_ai.settings import DetectSettings

if TYPE_CHECKING:
    from pathlib import Path

    from evaluate import Call
    from numpy.typing import NDArray
    from simulate import Regime, Truth

    from perftracker_ai.model import CurveSet, Detection, Timeline

    Seen = dict[Any, NDArray[np.void]]

SEED = 20261123
SETTINGS = DetectSettings()
CURVES = 152
CHANGED = 0.10


class Plan(NamedTuple):
    """How much to run, and how to print it."""

    jobs: int
    points: tuple[int, ...]
    seed: int
    markdown: bool
    shared: Path | None


def detection_of(curves: CurveSet, settings: DetectSettings = SETTINGS, timeline: Timeline | None = None) -> Detection:
    """Return what our detection finds."""
    return detect(curves, settings, SEED, timeline)


def ours(curves: CurveSet, settings: DetectSettings = SETTINGS, timeline: Timeline | None = None) -> tuple[Call, ...]:
    """Return the calls of our detection."""
    return evaluate.calls_of(detection_of(curves, settings, timeline))


def earlier(curves: CurveSet, threshold: float = reference.THRESHOLD) -> tuple[Call, ...]:
    """Return the calls of the earlier criteria."""
    return evaluate.reference_calls(curves, reference.find(curves, threshold))


def both(curves: CurveSet) -> tuple[tuple[str, tuple[Call, ...]], ...]:
    """Return the calls of both detectors, by name."""
    return ("ours", ours(curves)), ("earlier criteria", earlier(curves))


def simulated(
    regime: Regime, points: int, job: tuple[int, ...], *, reruns: int, changed: float
) -> tuple[CurveSet, Truth]:
    """Return one job of a regime; ``job`` is its seed, to which regime and points are added."""
    rng = np.random.default_rng((*job, points, REGIMES.index(regime)))
    return simulate(regime, curves=CURVES, points=points, reruns=reruns, changed=changed, rng=rng)


def pooled(seen: dict[str, Seen]) -> dict[str, Seen]:
    """Return the same with the rows of all regimes put together as the last entry."""
    names = next(iter(seen.values()))
    return {**seen, "together": {name: np.concatenate([by[name] for by in seen.values()]) for name in names}}
