"""Earlier jobs put on the points of a comparison.

In: what a store holds of them, each on its own curves, and the comparison's curves. Out: a `Timeline`, in the units of
the comparison. A curve is the same one by group and tag, a point by its category as written or else by its load. What a
job measured in a unit that cannot be converted, or with the other direction, is left out: it is not comparable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from perftracker_ai.model import Timeline
from perftracker_ai.model.ranges import LARGEST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from perftracker_ai.model import Curve, CurveSet
    from perftracker_ai.store.encoding import StoredCurve
    from perftracker_ai.store.records import Archive

_NOWHERE = -1
_Key = tuple[str, str, bool]


def align(archive: Archive, curves: CurveSet) -> Timeline:
    """Put what jobs measured on the points of a comparison."""
    wanted = {(curve.group, curve.tag, curve.scalar): curve for curve in curves.curves}
    columns = [_columns(stored, wanted, curves) for stored in archive.curves]
    ways = [_way([columns[curve] for curve in layout]) for layout in archive.layouts]
    mean = np.full((len(archive.jobs), len(curves.load)), np.nan)
    for row, layout, values in zip(mean, archive.layout_of, archive.means, strict=True):
        points, onto = ways[layout]
        row[onto] = np.where(_measured(values), values, np.nan)[points]
    mean.setflags(write=False)
    return Timeline(jobs=archive.jobs, mean=mean)


def _measured(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which values are none that an earlier release took for a measurement, or damage left behind."""
    return (values > 0) & (values <= LARGEST)


def _way(columns: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give which points of a layout are wanted, and the columns they belong to."""
    every = np.concatenate(columns) if columns else np.empty(0, dtype=np.int64)
    (points,) = np.nonzero(every != _NOWHERE)
    return points, every[points]


def _columns(stored: StoredCurve, wanted: Mapping[_Key, Curve], curves: CurveSet) -> NDArray[np.int64]:
    """Give the comparison's column of each point of a stored curve."""
    curve = wanted.get((stored.group, stored.tag, stored.scalar))
    if curve is None or (stored.base_unit, stored.less_better) != (curve.base_unit, curve.less_better):
        return np.full(len(stored.labels), _NOWHERE)
    by_label = {curves.label[column]: column for column in range(curve.start, curve.stop)}
    by_load = {} if by_label.keys() >= set(stored.labels) else _by_load(stored, curve, curves)
    points = zip(stored.labels, stored.loads, strict=True)
    return np.array([by_label.get(label, by_load.get(load, _NOWHERE)) for label, load in points], dtype=np.int64)


def _by_load(stored: StoredCurve, curve: Curve, curves: CurveSet) -> dict[float, int]:
    """Give the columns that no category is written like, by load; none where loads are no numbers of one kind."""
    if not (stored.numbered and curve.numbered and stored.load_unit == curve.load_unit):
        return {}
    written = set(stored.labels)
    free = (column for column in range(curve.start, curve.stop) if curves.label[column] not in written)
    return {float(curves.load[column]): column for column in free}
