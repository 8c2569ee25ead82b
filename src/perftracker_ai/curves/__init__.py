"""Tests into curves: in go the jobs of one comparison, out come their curves on common load points.

A curve is all tests of one (group, tag), a load point one category; tests without category are scalars. Nothing is
dropped silently: a point without a value carries the reason, and `RunAccount` says where every test went.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec
import numpy as np
from msgspec.structs import asdict

from perftracker_ai.curves.tags import read_tag
from perftracker_ai.metrics import read_metric
from perftracker_ai.model import (
    BASELINE,
    BY_RUN,
    CANDIDATE,
    Absence,
    Curve,
    CurveSet,
    DirectionAssumed,
    DirectionConflict,
    DirectionUnknown,
    LoadsDiffer,
    RunAccount,
    UnitConflict,
)
from perftracker_ai.model.ranges import LARGEST, SMALLEST
from perftracker_ai.units import LoadText, Unit, read_load, read_unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from perftracker_ai.model import Job, Notice, Test
    from perftracker_ai.settings import CurveSettings

    OfCurves = DirectionAssumed | DirectionConflict | DirectionUnknown | UnitConflict | LoadsDiffer
    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

T = TypeVar("T")

_STATUS = {
    "SUCCESS": int(Absence.PRESENT),
    "FAILED": int(Absence.FAILED),
    "SKIPPED": int(Absence.SKIPPED),
    "INPROGRESS": int(Absence.INPROGRESS),
    "NOTTESTED": int(Absence.NOTTESTED),
}
_UNKNOWN_STATUS = int(Absence.UNREADABLE)
_UNTOUCHED = 255  # larger than any Absence, so that the minimum over a point's tests replaces it


class _Key(NamedTuple):
    """What makes a curve: its name, and whether it has a load axis."""

    group: str
    tag: str
    scalar: bool


class _Axis(msgspec.Struct, frozen=True):
    """The load axis of one set of categories."""

    load: tuple[float, ...]  # ascending
    label: tuple[str, ...]
    place: tuple[int, ...]  # for each category, its position on the axis
    unit: str
    numbered: bool


class _Layout(msgspec.Struct, frozen=True):
    """Which points there are, and which of them each test of each run belongs to."""

    keys: list[_Key]
    axes: list[_Axis]
    start: Ints  # shape (C + 1,)
    point: list[Ints]  # per run, the point of each test
    curve: list[Ints]  # per run, the curve of each test


class _Units(msgspec.Struct, frozen=True):
    """The written units met, and the one each curve is read in."""

    known: list[Unit]
    of_test: list[Ints]  # per run, index into `known`
    of_curve: Ints


class _Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What one run measured at every point; the names are the fields of `CurveSet`."""

    mean: Floats
    sd: Floats
    count: Ints
    absence: NDArray[np.uint8]
    errors: Ints
    begin: Floats
    end: Floats


def build_curves(
    runs: Sequence[Job], settings: CurveSettings, candidate_reruns: int = 0
) -> tuple[CurveSet, tuple[RunAccount, ...], tuple[Notice, ...]]:
    """Put the tests of all runs on common load points.

    Parameters
    ----------
    runs : sequence of Job
        Baseline, candidate, reruns of the baseline's version, reruns of the candidate's.
    settings : CurveSettings
        Direction overrides and how to read a load.
    candidate_reruns : int
        How many of the last runs are reruns of the candidate's version.

    Returns
    -------
    curves : CurveSet
        Curves in order of (group, tag), points in order of load; no curve for jobs without tests.
    accounts : tuple of RunAccount
        One for each run.
    notices : tuple of Notice
        Directions assumed, conflicting flags, units that cannot be compared, different sets of loads.
    """
    layout = _lay_out(runs, settings)
    units = _read_units(runs, layout)
    flags = _direction_flags(runs, layout)
    curves = tuple(_describe(layout, units, flags, settings, index) for index in range(len(layout.keys)))
    counts = np.array([not curve.metric_kind.timed for curve in curves], dtype=bool)
    measured = [_measure(run.tests, layout, units, counts, row) for row, run in enumerate(runs)]
    curve_set = CurveSet(
        curves=curves,
        load=np.array([load for axis in layout.axes for load in axis.load], dtype=np.float64),
        label=tuple(label for axis in layout.axes for label in axis.label),
        mean=np.stack([run.mean for run in measured]),
        sd=np.stack([run.sd for run in measured]),
        count=np.stack([run.count for run in measured]),
        absence=np.stack([run.absence for run in measured]),
        errors=np.stack([run.errors for run in measured]),
        begin=np.stack([run.begin for run in measured]),
        end=np.stack([run.end for run in measured]),
        candidate_reruns=candidate_reruns,
    )
    for array in (getattr(curve_set, name) for name in ("load", *BY_RUN)):
        array.setflags(write=False)
    accounts = tuple(_account(run, layout.point[row], curve_set.absence[row]) for row, run in enumerate(runs))
    return curve_set, accounts, _notices(curve_set, flags, settings)


# ── layout ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _lay_out(runs: Sequence[Job], settings: CurveSettings) -> _Layout:
    """Give every (group, tag, category) of any run its point."""
    names = [[(test.group, test.tag, test.category) for test in run.tests] for run in runs]
    rows = _numbered(chain.from_iterable(names))
    members: dict[tuple[str, str, bool], list[tuple[str, int]]] = {}
    for (group, tag, category), row in rows.items():
        members.setdefault((group, tag, not category), []).append((category, row))
    keys = [_Key(*key) for key in sorted(members)]
    known: dict[tuple[str, ...], _Axis] = {}
    columns = [tuple(zip(*members[key], strict=True)) for key in keys]  # the categories of a curve, and their rows
    axes = [_axis(categories, settings.load_pattern, known) for categories, _ in columns]
    start = np.concatenate([[0], np.cumsum([len(axis.load) for axis in axes])]).astype(np.int64)
    point_of_row = np.empty(len(rows), dtype=np.int64)
    for index, (_, rows_of_curve) in enumerate(columns):
        point_of_row[list(rows_of_curve)] = start[index] + np.array(axes[index].place)
    point = [point_of_row[_codes(rows, names_of_run)] for names_of_run in names]
    curve_of = np.repeat(np.arange(len(keys)), np.diff(start))
    return _Layout(keys=keys, axes=axes, start=start, point=point, curve=[curve_of[p] for p in point])


def _numbered(names: Iterable[T]) -> dict[T, int]:
    """Number different names in the order of their first appearance."""
    return {name: number for number, name in enumerate(dict.fromkeys(names))}


def _codes(numbers: dict[T, int], names: list[T]) -> Ints:
    """Return the number of each name."""
    return np.fromiter(map(numbers.__getitem__, names), dtype=np.int64, count=len(names))


def _axis(categories: tuple[str, ...], pattern: str, known: dict[tuple[str, ...], _Axis]) -> _Axis:
    """Read the load axis of these categories; most curves of a job share theirs, so what was read is kept."""
    if categories not in known:
        texts = [_read_load(category, pattern) for category in categories]
        known[categories] = _numbered_axis(categories, texts) or _ordered_axis(categories)
    return known[categories]


@lru_cache(maxsize=4096)
def _read_load(category: str, pattern: str) -> LoadText:
    """Read a load; remembered, for the axes of a job differ by a few loads."""
    return _by_pattern(category, pattern) or read_load(category)


def _by_pattern(category: str, pattern: str) -> LoadText | None:
    """Read a load by the pattern of the settings, whose first group is the number."""
    match = re.search(pattern, category) if pattern else None
    try:
        return LoadText(numbers=(float(match[1]),), units=("",), skeleton="#") if match and match[1] else None
    except ValueError:  # the group holds something else than a number
        return None


def _numbered_axis(categories: tuple[str, ...], texts: list[LoadText]) -> _Axis | None:
    """Put categories on an axis by the number that varies; None when they do not lie on one axis."""
    if len({text.skeleton for text in texts}) != 1 or not texts[0].numbers:
        return None
    columns = list(zip(*(text.numbers for text in texts), strict=True))
    if not all(_is_load(number) for column in columns for number in column):
        return None
    varying = max(range(len(columns)), key=lambda i: (len(set(columns[i])), -i))
    if any(len(set(column)) > 1 for i, column in enumerate(columns) if i != varying):
        return None  # two numbers vary: the first alone would mix points that are not the same load
    load = columns[varying]
    axis = sorted(set(load))
    place = {value: i for i, value in enumerate(axis)}
    label = dict(zip(reversed(load), reversed(categories), strict=True))  # the first of equals gives its name
    return _Axis(
        load=tuple(axis),
        label=tuple(label[value] for value in axis),
        place=tuple(place[value] for value in load),
        unit=max((text.units[varying] for text in texts), key=len),
        numbered=True,
    )


def _is_load(number: float) -> bool:
    return number == 0 or SMALLEST <= abs(number) <= LARGEST


def _ordered_axis(categories: tuple[str, ...]) -> _Axis:
    """Take categories without a common number in the order of the tests."""
    places = tuple(range(len(categories)))
    return _Axis(load=tuple(map(float, places)), label=categories, place=places, unit="", numbered=False)


# ── units and directions ────────────────────────────────────────────────────────────────────────────────────────────


def _read_units(runs: Sequence[Job], layout: _Layout) -> _Units:
    """Read every written unit once, and take for each curve the first one its tests name, baseline first."""
    written = [[test.metrics for test in run.tests] for run in runs]
    codes = _numbered(chain.from_iterable(written))
    of_test = [_codes(codes, written_of_run) for written_of_run in written]
    of_curve = np.zeros(len(layout.keys), dtype=np.int64)
    for row in reversed(range(len(runs))):
        of_curve[layout.curve[row][::-1]] = of_test[row][::-1]  # the last assignment stands: the first test's
    return _Units(known=[read_unit(text) for text in codes], of_test=of_test, of_curve=of_curve)


class _Flags(msgspec.Struct, frozen=True):
    """Per curve, whether any test says that less is better, and whether any does not."""

    some_less: NDArray[np.bool_]
    some_more: NDArray[np.bool_]


def _direction_flags(runs: Sequence[Job], layout: _Layout) -> _Flags:
    """Collect the ``less_better`` flags of each curve over all runs."""
    flags = _Flags(np.zeros(len(layout.keys), dtype=bool), np.zeros(len(layout.keys), dtype=bool))
    for row, run in enumerate(runs):
        less = np.array([test.less_better for test in run.tests], dtype=bool)
        flags.some_less[layout.curve[row][less]] = True
        flags.some_more[layout.curve[row][~less]] = True
    return flags


def _describe(layout: _Layout, units: _Units, flags: _Flags, settings: CurveSettings, index: int) -> Curve:
    """Name a curve and say how to read it."""
    key, axis, unit = layout.keys[index], layout.axes[index], units.known[units.of_curve[index]]
    parts = read_tag(key.tag)
    metric = read_metric(parts.metric_label, unit.written)
    less_better = _less_better(key.tag, metric.less_better, flagged=bool(flags.some_less[index]), settings=settings)
    return Curve(
        index=index,
        group=key.group,
        tag=key.tag,
        **asdict(parts),
        metric_kind=metric.kind,
        unit=unit.written,
        base_unit=unit.base,
        less_better=less_better is not False,
        direction_known=less_better is not None,
        load_unit="" if key.scalar else axis.unit,
        numbered=axis.numbered and not key.scalar,
        scalar=key.scalar,
        start=int(layout.start[index]),
        stop=int(layout.start[index + 1]),
    )


def _less_better(tag: str, read: bool | None, *, flagged: bool, settings: CurveSettings) -> bool | None:  # noqa: FBT001 - as `Metric` has it
    """Decide a curve's direction: settings over a true flag over what label and unit say; None when nothing tells.

    A false flag is no statement, for the server stores false for all that the client did not send.
    """
    told = _told_direction(tag, settings)
    if told is not None:
        return told
    return True if flagged else read


def _told_direction(tag: str, settings: CurveSettings) -> bool | None:
    """Give the direction the settings tell, by the first piece that the tag holds; None when they tell none."""
    return next((less_better for piece, less_better in settings.less_better if piece in tag), None)


# ── values ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _measure(tests: Sequence[Test], layout: _Layout, units: _Units, counts: NDArray[np.bool_], row: int) -> _Measured:
    """Pool one run's scores into its points; ``counts`` are the curves of which zero is a value."""
    points, point = int(layout.start[-1]), layout.point[row]
    scores = [test.scores for test in tests]
    held = np.array([len(values) if values else 0 for values in scores], dtype=np.int64)
    owner = np.repeat(np.arange(len(tests)), held)
    flat = np.fromiter(chain.from_iterable(filter(None, scores)), dtype=np.float64, count=len(owner))
    with np.errstate(over="ignore", under="ignore"):  # what is too large in the base unit is told as such
        flat *= np.array([unit.factor for unit in units.known])[units.of_test[row]][owner]
    reason = _reasons(tests, scores, owner, flat)
    reason[(reason == Absence.ZERO) & counts[layout.curve[row]] & _all_zero(owner, flat, len(tests))] = Absence.PRESENT
    codes: dict[str, int] = {}
    base = np.array([codes.setdefault(unit.base, len(codes)) for unit in units.known], dtype=np.int64)
    conflict = base[units.of_test[row]] != base[units.of_curve[layout.curve[row]]]
    reason[conflict & (reason == Absence.PRESENT)] = Absence.UNIT_CONFLICT
    kept = reason[owner] == Absence.PRESENT
    count, mean, sd = _moments(point[owner[kept]], flat[kept], points)
    absence = np.full(points, _UNTOUCHED, dtype=np.uint8)
    np.minimum.at(absence, point, reason)
    absence[absence == _UNTOUCHED] = Absence.MISSING
    errors = np.bincount(point, weights=[test.errors for test in tests], minlength=points).astype(np.int64)
    begin, end = _times(tests, point, points)
    return _Measured(mean=mean, sd=sd, count=count, absence=absence, errors=errors, begin=begin, end=end)


def _times(tests: Sequence[Test], point: Ints, points: int) -> tuple[Floats, Floats]:
    """Say when each point was measured; by the order of the tests where none tells a time, NaN without either."""
    begin = np.array([test.begin for test in tests], dtype=np.float64)  # None becomes NaN
    end = np.array([test.end for test in tests], dtype=np.float64)
    if not np.isfinite(begin).any() and len({test.seq_num for test in tests}) > 1:
        begin = end = np.arange(1.0, len(tests) + 1)
    first, last = np.full(points, np.nan), np.full(points, np.nan)
    np.fmin.at(first, point, begin)
    np.fmax.at(last, point, np.where(np.isfinite(end), end, begin))
    return first, last


def _reasons(
    tests: Sequence[Test], scores: list[tuple[float, ...] | None], owner: Ints, flat: Floats
) -> NDArray[np.uint8]:
    """Say for each test why it has no value; `Absence.PRESENT` when it has one."""
    total = len(tests)
    statuses = [test.status for test in tests]
    meaning = {status: _STATUS.get(status, _UNKNOWN_STATUS) for status in dict.fromkeys(statuses)}
    reason = _codes(meaning, statuses).astype(np.uint8)
    held = np.bincount(owner, minlength=total)
    unreadable = np.array([values is None for values in scores], dtype=bool)
    causes = (
        (unreadable, Absence.UNREADABLE),
        (held == 0, Absence.NO_SCORES),
        (_any(owner, np.isnan(flat), total), Absence.NOT_A_NUMBER),
        (_any(owner, np.abs(flat) > LARGEST, total), Absence.INFINITE),
        (_any(owner, flat < 0, total), Absence.NEGATIVE),
        (~_any(owner, flat >= SMALLEST, total), Absence.ZERO),
    )
    for holds, absence in causes:
        reason[holds & (reason == Absence.PRESENT)] = absence
    return reason


def _all_zero(owner: Ints, flat: Floats, total: int) -> NDArray[np.bool_]:
    """Tell for each test whether it measured zero, not what is too small to be a measurement."""
    return ~_any(owner, flat != 0, total)


def _any(owner: Ints, holds: NDArray[np.bool_], total: int) -> NDArray[np.bool_]:
    """Tell for each test whether any of its scores holds."""
    return np.bincount(owner[holds], minlength=total) > 0


def _moments(point: Ints, value: Floats, points: int) -> tuple[Ints, Floats, Floats]:
    """Count, mean and sample standard deviation of the scores of each point; NaN where undefined.

    Each point is scaled by a power of two, which changes no digit and keeps sums and squares in range.
    """
    largest = np.zeros(points)
    np.maximum.at(largest, point, value)
    exponent = np.frexp(largest)[1]
    scaled = np.ldexp(value, -exponent[point])
    count = np.bincount(point, minlength=points)
    mean = np.full(points, np.nan)
    np.divide(np.bincount(point, scaled, minlength=points), count, out=mean, where=count > 0)
    squares = np.bincount(point, (scaled - mean[point]) ** 2, minlength=points)
    variance = np.full(points, np.nan)
    np.divide(squares, count - 1, out=variance, where=count > 1)
    return count, np.ldexp(mean, exponent), np.ldexp(np.sqrt(variance), exponent)


# ── accounts ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _account(run: Job, point: Ints, absence: NDArray[np.uint8]) -> RunAccount:
    """Say where the tests of one run went."""
    count = np.bincount(absence, minlength=len(Absence))
    reasons = (reason for reason in Absence if reason not in {Absence.PRESENT, Absence.MISSING})
    return RunAccount(
        job_id=run.info.id,
        tests=len(run.tests) + len(run.bad_records),
        points=int(count[Absence.PRESENT]),
        pooled=len(point) - int((absence != Absence.MISSING).sum()),
        absent=tuple((reason, int(count[reason])) for reason in reasons if count[reason]),
        bad_records=run.bad_records,
    )


def _notices(curves: CurveSet, flags: _Flags, settings: CurveSettings) -> tuple[Notice, ...]:
    """Collect what a reader must know of how the curves were read."""
    untold = [curve for curve in curves.curves if _told_direction(curve.tag, settings) is None]
    read = [curve for curve in untold if curve.less_better and not flags.some_less[curve.index]]
    assumed = (curve for curve in read if curve.direction_known)
    unknown = (curve for curve in read if not curve.direction_known)
    conflict = (curve for curve in untold if flags.some_less[curve.index] and flags.some_more[curve.index])
    loads = _chosen(curves, _loads_differ(curves))
    units = _chosen(curves, _per_curve(curves, (curves.absence == Absence.UNIT_CONFLICT).any(axis=0)) > 0)
    found: tuple[tuple[type[OfCurves], Iterable[Curve]], ...] = (
        (DirectionAssumed, assumed),
        (DirectionUnknown, unknown),
        (DirectionConflict, conflict),
        (UnitConflict, units),
        (LoadsDiffer, loads),
    )
    return tuple(notice for kind, members in found for notice in _notice(kind, list(members)))


def _loads_differ(curves: CurveSet) -> NDArray[np.bool_]:
    """Tell whether baseline and candidate each have loads the other has not, together no fewer than those of both.

    Points lost or new on one side alone, or a single test lost on each, are coverage and not another set of loads.
    """
    measured = curves.absence[: CANDIDATE + 1] != Absence.MISSING
    baseline, candidate = measured[BASELINE], measured[-1]
    lost = _per_curve(curves, baseline & ~candidate)
    new = _per_curve(curves, candidate & ~baseline)
    return (np.minimum(lost, new) > 0) & (lost + new >= _per_curve(curves, baseline & candidate))


def _per_curve(curves: CurveSet, holds: NDArray[np.bool_]) -> Ints:
    """Count the points of each curve for which something holds."""
    starts = np.array([curve.start for curve in curves.curves], dtype=np.int64)
    counts: Ints = np.add.reduceat(holds.astype(np.int64), starts) if len(starts) else starts
    return counts


def _chosen(curves: CurveSet, holds: NDArray[np.bool_]) -> list[Curve]:
    return [curve for curve, chosen in zip(curves.curves, holds.tolist(), strict=True) if chosen]


def _notice(kind: type[OfCurves], members: list[Curve]) -> list[OfCurves]:
    return [kind(curves=len(members), first=members[0].tag)] if members else []
