"""What judging needs of a comparison besides the evidence of its curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from perftracker_ai.detect.shift import Shifts
    from perftracker_ai.model import CurveSet, Stretch
    from perftracker_ai.settings import DetectSettings


class Context(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What judging needs besides the evidence.

    Attributes
    ----------
    shift : Shifts
        Of the comparison.
    against : ndarray, shape (V, C)
        What is taken off each curve of a comparison with a single run, see `Panel.versus`.
    left_out : dict
        Points that both versions measured and that are not compared, by curve.
    """

    curves: CurveSet
    settings: DetectSettings
    shift: Shifts
    against: NDArray[np.float64]
    reruns: int
    shortest: float
    late: tuple[Stretch, ...]
    left_out: dict[int, tuple[int, ...]]
