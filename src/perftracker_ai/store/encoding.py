"""A job's curves as bytes, and the curves of many jobs put together again.

What a job measured is split in two. Its *layout* (curves, categories, units) hardly changes from night to night and is
kept once for all jobs that share it; its *points* are one blob of columns per job. Values stay 64-bit floats: packed,
they cost 4 bytes a point instead of 3 as 32-bit ones, and come back exactly as they were analysed.

Everything a tag says by its grammar is read again when curves are put together, so that a better reading of tags needs
no new synchronisation.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import asdict

from perftracker_ai.curves.tags import read_tag
from perftracker_ai.decoding import decoded
from perftracker_ai.metrics import read_metric
from perftracker_ai.model import Absence, Curve, CurveSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    Columns = NDArray[np.int64]
    _Measured = dict[str, NDArray[Any]]
    _Place = tuple[Columns, NDArray[np.bool_]]

_STORED = (("mean", "<f8"), ("sd", "<f8"), ("count", "<i8"), ("errors", "<i8"), ("absence", "u1"))
"""Columns of a job's points in the order of their bytes; columns of mostly equal numbers pack to nearly nothing."""
_TIMES = ("begin", "end")
"""Columns of when a job's points were measured, in bytes of their own."""
_MICROSECONDS, _UNKNOWN = 1e6, np.iinfo(np.int64).min
_LAID_OUT = 4
"""Layouts, or several together, that are kept once they are read: nights that are judged one by one share theirs."""
_POINT_BYTES = sum(np.dtype(kind).itemsize for _, kind in _STORED)


class StoredCurve(msgspec.Struct, frozen=True):
    """One curve of a layout; the fields are those of `Curve` that its tag does not tell."""

    group: str
    tag: str
    unit: str
    base_unit: str
    less_better: bool
    load_unit: str
    numbered: bool
    scalar: bool
    labels: tuple[str, ...]
    loads: tuple[float, ...]


Layout = tuple[bytes, ...]
"""The curves of a job, each as it is written: most curves of a new layout are old ones, and need not be read again."""


class _Key(NamedTuple):
    group: str
    tag: str
    scalar: bool


@dataclass(slots=True, kw_only=True)
class _Merged:
    """One curve of several layouts while they are put together; lives only inside `merge`."""

    newest: StoredCurve
    load_of: dict[str, float]
    numbered: bool


class _Together(NamedTuple):
    """The curves of several jobs laid out: where in all points those of each layout are."""

    curves: tuple[Curve, ...]
    load: NDArray[np.float64]
    label: tuple[str, ...]
    places: Mapping[str, _Place]


# ── one job ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def encode_layout(curves: CurveSet) -> tuple[str, bytes]:
    """Give a layout's digest and its bytes."""
    layout = [_stored(curve, curves) for curve in curves.curves]
    raw = msgspec.json.encode(layout)
    return sha256(raw).hexdigest(), zlib.compress(raw)


def _stored(curve: Curve, curves: CurveSet) -> StoredCurve:
    return StoredCurve(
        group=curve.group,
        tag=curve.tag,
        unit=curve.unit,
        base_unit=curve.base_unit,
        less_better=curve.less_better,
        load_unit=curve.load_unit,
        numbered=curve.numbered,
        scalar=curve.scalar,
        labels=curves.label[curve.start : curve.stop],
        loads=tuple(curves.load[curve.start : curve.stop].tolist()),
    )


def encode_points(curves: CurveSet) -> bytes:
    """Give the bytes of the only run's points."""
    columns = (getattr(curves, name)[0].astype(kind) for name, kind in _STORED)
    return zlib.compress(b"".join(column.tobytes() for column in columns))


def encode_times(curves: CurveSet) -> bytes:
    """Give the bytes of when the only run's points were measured: a third less than floats would take.

    Whole microseconds, each less the one before it, and how long each point took; equal bytes of all of them together.
    """
    begin, end = (_whole(getattr(curves, name)[0]) for name in _TIMES)
    steps = np.concatenate([np.diff(begin, prepend=np.int64(0)), end - begin]).astype("<i8")
    return zlib.compress(steps.view(np.uint8).reshape(-1, 8).T.tobytes())


def _whole(times: NDArray[np.float64]) -> NDArray[np.int64]:
    known = np.isfinite(times)
    return np.where(known, np.rint(np.where(known, times, 0.0) * _MICROSECONDS).astype(np.int64), _UNKNOWN)


def encode_levels(curves: CurveSet) -> bytes:
    """Give the bytes of the only run's levels: of each curve the geometric mean, NaN where it has none."""
    return zlib.compress(
        levels_of(curves.mean[0], [len(curves.label[c.start : c.stop]) for c in curves.curves]).tobytes()
    )


def levels_of(means: NDArray[np.float64], sizes: Sequence[int]) -> NDArray[np.float64]:
    """Return the geometric mean of the values above zero of each curve, given how many points each has."""
    curve = np.repeat(np.arange(len(sizes)), sizes)
    there = np.isfinite(means) & (means > 0)
    logs = np.bincount(curve[there], weights=np.log(means[there]), minlength=len(sizes))
    count = np.bincount(curve[there], minlength=len(sizes))
    known: NDArray[np.float64] = np.where(count > 0, np.exp(logs / np.maximum(count, 1)), np.nan)
    return known.astype("<f8")


def decode_levels(content: bytes, count: int) -> NDArray[np.float64]:
    """Read a job's levels, which must be so many.

    Raises
    ------
    ValueError
        When the bytes are not those of so many curves.
    """
    return np.frombuffer(_unpacked(content, count), dtype="<f8")


def decode_layout(content: bytes) -> Layout:
    """Cut a layout into its curves.

    Raises
    ------
    ValueError
        When the bytes are none.
    """
    try:
        return tuple(bytes(raw) for raw in decoded(zlib.decompress(content), list[msgspec.Raw]))
    except zlib.error as error:
        raise ValueError(str(error)) from error


def decode_means(content: bytes, count: int) -> NDArray[np.float64]:
    """Read the means of a job's points alone: they are the first column, and the rest is left packed.

    Raises
    ------
    ValueError
        When the bytes are not those of so many points.
    """
    size = np.dtype(np.float64).itemsize * count
    try:
        raw = zlib.decompressobj().decompress(content, size) if size else b""
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if len(raw) != size:
        raise ValueError(f"{len(raw)} bytes for {count} points")
    means = np.frombuffer(raw, dtype="<f8")
    if np.isinf(means).any():  # only the end of the bytes has a checksum, and that is left packed
        raise ValueError("means that no job has")
    return means


def decode_curve(piece: bytes) -> StoredCurve:
    """Read one curve of a layout.

    Raises
    ------
    ValueError
        When the bytes are none.
    """
    curve = decoded(piece, StoredCurve)
    if len(curve.labels) != len(curve.loads):
        raise ValueError(f"{len(curve.loads)} loads for {len(curve.labels)} categories")
    return curve


def _unpacked(content: bytes, count: int) -> bytes:
    """Unpack so many numbers of eight bytes."""
    try:
        raw = zlib.decompress(content)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if len(raw) != count * np.dtype(np.float64).itemsize:
        raise ValueError(f"{len(raw)} bytes for {count} numbers")
    return raw


def _decode_times(content: bytes | None, count: int) -> _Measured:
    """Read when a job's points were measured; nothing is known of a job from before that was kept."""
    if content is None:
        return dict.fromkeys(_TIMES, np.full(count, np.nan))
    raw = np.frombuffer(_unpacked(content, 2 * count), dtype=np.uint8)
    steps, took = np.ascontiguousarray(raw.reshape(8, -1).T).view("<i8").reshape(2, count)
    begin = np.cumsum(steps)
    moments = np.stack([begin, begin + took])
    times = np.where(moments == _UNKNOWN, np.nan, moments / _MICROSECONDS)
    return dict(zip(_TIMES, times, strict=True))


def _decode_points(content: bytes, count: int) -> _Measured:
    """Read a job's columns, which must be so many points long."""
    try:
        raw = zlib.decompress(content)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if len(raw) != count * _POINT_BYTES:
        raise ValueError(f"{len(raw)} bytes for {count} points")
    sizes = [np.dtype(kind).itemsize * count for _, kind in _STORED]
    begins = accumulate(sizes[:-1], initial=0)
    return {
        name: np.frombuffer(raw, dtype=kind, count=count, offset=begin)
        for (name, kind), begin in zip(_STORED, begins, strict=True)
    }


# ── many jobs ───────────────────────────────────────────────────────────────────────────────────────────────────────


def merge(jobs: Sequence[tuple[str, bytes, bytes | None]], layouts: Mapping[str, bytes]) -> CurveSet:
    """Put the points of jobs, oldest first, on common curves.

    Parameters
    ----------
    jobs : sequence of (str, bytes, bytes or None)
        Digest of the layout, bytes of the points, and of when they were measured, where that is known.
    layouts : mapping of str to bytes
        As `encode_layout` wrote them, by digest.

    Raises
    ------
    ValueError
        When the bytes are not those of a layout and its points.
    """
    together = _together([digest for digest, _, _ in jobs], layouts)
    return CurveSet(
        curves=together.curves,
        load=_frozen(together.load),
        label=together.label,
        **{name: _frozen(values) for name, values in _fill(jobs, together).items()},
        candidate_reruns=0,
    )


def merge_means(
    jobs: Sequence[tuple[str, bytes]], layouts: Mapping[str, bytes]
) -> tuple[tuple[Curve, ...], NDArray[np.float64]]:
    """Give curves and means as `merge` does, in a third of the time: what else there is of a point is left packed.

    Raises
    ------
    ValueError
        As `merge`.
    """
    together = _together([digest for digest, _ in jobs], layouts)
    mean = np.full((len(jobs), len(together.load)), np.nan)
    for row, (digest, content) in enumerate(jobs):
        columns, foreign = together.places[digest]
        mean[row, columns] = decode_means(content, len(columns))
        mean[row, columns[foreign]] = np.nan
    return together.curves, _frozen(mean)


def _together(digests: Sequence[str], layouts: Mapping[str, bytes]) -> _Together:
    newest_first = tuple(dict.fromkeys(reversed(digests)))
    return _laid_out(newest_first, tuple(layouts[digest] for digest in newest_first))


@lru_cache(maxsize=_LAID_OUT)
def _laid_out(newest_first: tuple[str, ...], layouts: tuple[bytes, ...]) -> _Together:
    """Lay the curves of all jobs out; a curve that several layouts have is read, and kept, once."""
    numbers: dict[bytes, int] = {}
    pieces = {
        digest: _numbered(decode_layout(layout), numbers) for digest, layout in zip(newest_first, layouts, strict=True)
    }
    known = list(map(decode_curve, numbers))
    merged = _merge_curves(known)
    axes = {key: _axis(curve) for key, curve in merged.items()}
    start = dict(zip(axes, accumulate(map(len, axes.values()), initial=0), strict=False))
    every = _places(known, merged, axes, start)
    size = np.array([len(curve.labels) for curve in known], dtype=np.int64)
    return _Together(
        curves=tuple(_curve(index, merged[key], start[key], len(axes[key])) for index, key in enumerate(axes)),
        load=np.array([load for axis in axes.values() for load in axis.values()], dtype=np.float64),
        label=tuple(label for axis in axes.values() for label in axis),
        places={digest: _some(every, size, which) for digest, which in pieces.items()},
    )


def _numbered(layout: Layout, numbers: dict[bytes, int]) -> NDArray[np.int64]:
    """Give the numbers of a layout's curves, new ones to those that have none yet."""
    return np.array([numbers.setdefault(piece, len(numbers)) for piece in layout], dtype=np.int64)


def _merge_curves(newest_first: Iterable[StoredCurve]) -> dict[_Key, _Merged]:
    """Collect every curve with the categories of any job, in order of (group, tag)."""
    merged: dict[_Key, _Merged] = {}
    for curve in newest_first:
        known = merged.setdefault(_key(curve), _Merged(newest=curve, load_of={}, numbered=True))
        known.numbered &= curve.numbered and curve.load_unit == known.newest.load_unit
        known.load_of = dict(zip(curve.labels, curve.loads, strict=True)) | known.load_of
    return {key: merged[key] for key in sorted(merged)}


def _key(curve: StoredCurve) -> _Key:
    return _Key(curve.group, curve.tag, curve.scalar)


def _axis(curve: _Merged) -> dict[str, float]:
    """Order a curve's categories by load, or by their order in the jobs when not all of them are on one axis."""
    if curve.numbered or curve.newest.scalar:
        return dict(sorted(curve.load_of.items(), key=lambda item: item[1]))
    newest_last = [label for label in curve.load_of if label not in curve.newest.labels]
    return {label: float(place) for place, label in enumerate([*curve.newest.labels, *newest_last])}


def _places(
    known: Sequence[StoredCurve],
    merged: Mapping[_Key, _Merged],
    axes: Mapping[_Key, Mapping[str, float]],
    start: Mapping[_Key, int],
) -> _Place:
    """Give the common column of each point of each curve, and whether its unit is foreign to the newest job's."""
    column_of = {key: {label: column for column, label in enumerate(axis, start[key])} for key, axis in axes.items()}
    columns = [column for curve in known for column in map(column_of[_key(curve)].__getitem__, curve.labels)]
    foreign = np.array([curve.base_unit != merged[_key(curve)].newest.base_unit for curve in known], dtype=bool)
    return np.array(columns, dtype=np.int64), np.repeat(
        foreign, np.array([len(curve.labels) for curve in known], dtype=np.int64)
    )


def _some(places: _Place, size: NDArray[np.int64], which: NDArray[np.int64]) -> _Place:
    """Take out the places of some curves, in this order; ``size`` is every curve's number of points."""
    ends, wanted = np.cumsum(size), size[which]
    before = np.cumsum(wanted) - wanted
    point = np.arange(wanted.sum()) + np.repeat(ends[which] - wanted - before, wanted)
    columns, foreign = places
    return columns[point], foreign[point]


def _fill(jobs: Sequence[tuple[str, bytes, bytes | None]], together: _Together) -> _Measured:
    """Write every job's points into its row."""
    shape = (len(jobs), len(together.load))
    filled = {
        "mean": np.full(shape, np.nan),
        "sd": np.full(shape, np.nan),
        "count": np.zeros(shape, dtype=np.int64),
        "errors": np.zeros(shape, dtype=np.int64),
        "absence": np.full(shape, Absence.MISSING, dtype=np.uint8),
        "begin": np.full(shape, np.nan),
        "end": np.full(shape, np.nan),
    }
    for row, (digest, content, times) in enumerate(jobs):
        columns, foreign = together.places[digest]
        decoded = _decode_points(content, len(columns)) | _decode_times(times, len(columns))
        for name, values in decoded.items():
            filled[name][row, columns] = values
        if foreign.any():
            _withdraw(filled, row, columns[foreign])
    return filled


def _withdraw(filled: _Measured, row: int, columns: Columns) -> None:
    """Take values in a foreign unit away; a point absent for another reason keeps that one."""
    there = columns[filled["absence"][row, columns] == Absence.PRESENT]
    filled["mean"][row, there] = filled["sd"][row, there] = np.nan
    filled["count"][row, there] = 0
    filled["absence"][row, there] = Absence.UNIT_CONFLICT


def _curve(index: int, merged: _Merged, start: int, points: int) -> Curve:
    """Name a curve as the newest job has it."""
    curve, parts = merged.newest, read_tag(merged.newest.tag)
    return Curve(
        index=index,
        group=curve.group,
        tag=curve.tag,
        **asdict(parts),
        metric_kind=read_metric(parts.metric_label, curve.unit).kind,
        unit=curve.unit,
        base_unit=curve.base_unit,
        less_better=curve.less_better,
        direction_known=True,
        load_unit=curve.load_unit if merged.numbered else "",
        numbered=merged.numbered,
        scalar=curve.scalar,
        start=start,
        stop=start + points,
    )


def _frozen(values: NDArray[Any]) -> NDArray[Any]:
    values.setflags(write=False)
    return values
