"""The store itself: jobs in, jobs and series out. All of it is transactions of a few statements."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import ColumnElement, and_, case, delete, insert, select, update
from sqlalchemy import func as sql

from perftracker_ai.decoding import converted, decoded
from perftracker_ai.errors import JobError
from perftracker_ai.model import JobInfo, Timeline
from perftracker_ai.model.history import JobRef
from perftracker_ai.store.comparisons import Comparisons, forget
from perftracker_ai.store.database import Database
from perftracker_ai.store.encoding import (
    decode_curve,
    decode_layout,
    decode_levels,
    decode_means,
    encode_layout,
    encode_levels,
    encode_points,
    encode_times,
    levels_of,
    merge,
    merge_means,
)
from perftracker_ai.store.records import Archive, History, Holding, Known, Levels, Located, Overview, Ran, Scope
from perftracker_ai.store.rows import microseconds, moment_of, readable, safe_text
from perftracker_ai.store.schema import BROKEN, COMPARISON, ISSUE, JOB, LAYOUT, LEVEL, STEPS, version_of
from perftracker_ai.store.triage import TriageLog

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping, Select, Table

    from perftracker_ai.model import Curve, CurveSet
    from perftracker_ai.store.encoding import StoredCurve

_LARGEST = 2**63 - 1
_TEXTS = ("uuid", "title", "product_name", "product_ver", "suite_name", "suite_ver", "project_name", "upload")
_NUMBERS = ("id", "project_id", "tests_total", "tests_completed", "tests_failed", "tests_errors")
_HEADER = [column for column in JOB.c if column.name not in {"layout", "points", "times"}]


def open_store(url: str, patience_s: int = 30) -> Store:
    """Open the store of past jobs, making or migrating it first where that is needed.

    Parameters
    ----------
    url : str
        Path of an SQLite file, or ``postgresql://user@host/database``.
    patience_s : int
        How long another writer, or a server that does not answer, is waited for.

    Raises
    ------
    UsageError
        When the url means neither, or the driver for it is not installed.
    StoreError
        When the database cannot be opened, or was written by a newer version.
    """
    return Store(Database(url, patience_s))


def look_at(url: str, patience_s: int = 10) -> Overview:
    """Say what a store is like, changing nothing in it.

    Raises
    ------
    UsageError, StoreError
        As `open_store`.
    """
    database = Database(url, patience_s, upkeep=False)
    try:
        with readable(database.shown):
            return _overview(database)
    finally:
        database.close()


def _overview(database: Database) -> Overview:
    counted = select(sql.count(), sql.count(JOB.c.product_name.distinct()), sql.max(JOB.c.end_us)).where(~JOB.c.gone)
    database.require_sound()
    with database.reading() as connection:
        schema = version_of(connection)
        jobs, products, newest = connection.execute(counted).one() if schema else (0, 0, None)
        moment = None if newest is None else moment_of(newest)
    return Overview(
        location=database.shown,
        schema=schema,
        current=len(STEPS),
        jobs=jobs,
        products=products,
        newest=moment,
        size=database.size(),
    )


class Store:
    """Past jobs with their curves.

    Any number of processes may use one store at a time. Every method is one transaction: a process that is killed
    loses at most the job it was putting.

    Every method raises `StoreError` when the database does not do what it should.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.comparisons = Comparisons(database)
        self.triage = TriageLog(database)

    @property
    def location(self) -> str:
        """File or database, for messages; never with credentials."""
        return self._database.shown

    def identity(self) -> str:
        """Return what tells this store from every other, however its address is written."""
        return self._database.identity()

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    # in

    def put(self, origin: str, info: JobInfo, curves: CurveSet, reading: str) -> None:
        """Keep a job, in the place of what was known of it.

        Another job that had its number is marked as gone: the server must have been set up anew.

        Parameters
        ----------
        origin : str
            The server, as `origin_of` writes it.
        info : JobInfo
        curves : CurveSet
            Of this job alone: one run.
        reading : str
            How the tests were read into curves; another text means that they may have to be read again.

        Raises
        ------
        JobError
            When the job has no uuid, or numbers that no database holds.
        """
        _check(info)
        digest, content = encode_layout(curves)
        values = {"points": encode_points(curves), "times": encode_times(curves)}
        row = _row(origin, info) | {"reading": reading, "layout": digest, **values}
        level = {"origin": origin, "uuid": row["uuid"], "content": encode_levels(curves)}
        with self._database.writing() as connection:
            if connection.execute(select(LAYOUT.c.digest).where(LAYOUT.c.digest == digest)).first() is None:
                connection.execute(insert(LAYOUT).values(digest=digest, content=content))
            same = and_(JOB.c.origin == origin, JOB.c.uuid == row["uuid"])
            connection.execute(delete(JOB).where(same))
            connection.execute(update(JOB).where(JOB.c.origin == origin, JOB.c.id == info.id).values(gone=True))
            connection.execute(insert(JOB).values(row))
            connection.execute(delete(LEVEL).where(LEVEL.c.origin == origin, LEVEL.c.uuid == row["uuid"]))
            connection.execute(insert(LEVEL).values(level))
            connection.execute(delete(BROKEN).where(BROKEN.c.origin == origin, BROKEN.c.id == info.id))

    def put_broken(self, origin: str, info: JobInfo, reading: str) -> None:
        """Remember that a job's upload cannot be used, as the server lists it now and read in this way."""
        row = {
            "origin": origin,
            "id": info.id,
            "product_name": safe_text(info.product_name),
            "project_id": info.project_id,
            "end_us": microseconds(info.end),
            "upload": safe_text(info.upload),
            "reading": reading,
        }
        with self._database.writing() as connection:
            connection.execute(delete(BROKEN).where(BROKEN.c.origin == origin, BROKEN.c.id == info.id))
            connection.execute(insert(BROKEN).values(row))

    def mark(self, origin: str, uuids: Collection[str], *, gone: bool) -> None:
        """Say of jobs whether the server has them no more."""
        with self._database.writing() as connection:
            chosen = (JOB.c.origin == origin, JOB.c.uuid.in_(uuids))
            connection.execute(update(JOB).where(*chosen).values(gone=gone))

    def prune(self, origin: str, product: str, project: int, before: datetime) -> int:
        """Drop a product's jobs in a project (0: in all) that ended before a moment, and give their number."""
        old = microseconds(before)
        used = select(JOB.c.layout).where(JOB.c.layout == LAYOUT.c.digest).exists()
        with self._database.writing() as connection:
            connection.execute(delete(BROKEN).where(_of(BROKEN, origin, product, project), BROKEN.c.end_us < old))
            count = connection.execute(
                delete(JOB).where(_of(JOB, origin, product, project), JOB.c.end_us < old)
            ).rowcount
            connection.execute(delete(LAYOUT).where(~used))
            kept = select(JOB.c.uuid).where(JOB.c.origin == LEVEL.c.origin, JOB.c.uuid == LEVEL.c.uuid).exists()
            connection.execute(delete(LEVEL).where(~kept))
            forget(connection, _of(COMPARISON, origin, product, project), _of(ISSUE, origin, product, project), old)
        self._database.shrink()
        return count

    # out

    def has(self, origin: str, info: JobInfo, reading: str) -> bool:
        """Tell whether a job is there as the server lists it now, read in this way.

        False says nothing of an older content being there.
        """
        same = (JOB.c.origin == origin, JOB.c.id == info.id, JOB.c.upload == safe_text(info.upload), ~JOB.c.gone)
        query = select(JOB.c.uuid).where(*same, JOB.c.reading == reading)
        with self._database.reading() as connection:
            found = connection.execute(query).scalars().all()
        return bool(info.upload) and any(info.uuid in ("", uuid) for uuid in found)

    def known(self, origin: str, product: str, project: int) -> tuple[Known, ...]:
        """Give what is there of a product in a project (0: in all), gone jobs included, oldest first."""
        columns = (JOB.c.id, JOB.c.uuid, JOB.c.end_us, JOB.c.upload, JOB.c.reading, JOB.c.gone)
        condition = _of(JOB, origin, product, project)
        with readable(self.location), self._database.reading() as connection:
            rows = connection.execute(select(*columns).where(condition).order_by(JOB.c.end_us, JOB.c.id)).mappings()
            return tuple(map(_known, rows))

    def broken(self, origin: str, product: str, project: int, reading: str) -> frozenset[tuple[int, str]]:
        """Give number and upload of a product's jobs in a project (0: in all) that are known not to be usable."""
        condition = _of(BROKEN, origin, product, project) & (BROKEN.c.reading == reading)
        with self._database.reading() as connection:
            rows = connection.execute(select(BROKEN.c.id, BROKEN.c.upload).where(condition)).all()
        return frozenset((row.id, row.upload) for row in rows)

    def holdings(self, origin: str) -> tuple[Holding, ...]:
        """Give what is there of each product and hardware of a server, by name, without jobs that are gone."""
        key = (JOB.c.product_name, JOB.c.hardware)
        ends = (sql.count(), sql.min(JOB.c.end_us), sql.max(JOB.c.end_us))
        query = select(*key, *ends).where(JOB.c.origin == origin, ~JOB.c.gone).group_by(*key).order_by(*key)
        with readable(self.location), self._database.reading() as connection:
            return tuple(
                Holding(product=product, hardware=hardware, jobs=jobs, first=moment_of(first), last=moment_of(last))
                for product, hardware, jobs, first, last in connection.execute(query)
            )

    def jobs(self, scope: Scope) -> tuple[JobInfo, ...]:
        """Give a scope's jobs, oldest first, without those that are gone."""
        with readable(self.location), self._database.reading() as connection:
            return tuple(_info(row) for row in _rows(connection, scope, _HEADER, None))

    def numbered(self, number: int) -> tuple[tuple[str, JobInfo], ...]:
        """Give the jobs of a number, each with the server that counts so, the newest first."""
        return tuple((one.origin, one.job) for one in reversed(self.located({number})))

    def located(self, numbers: Collection[int]) -> tuple[Located, ...]:
        """Give jobs by their numbers, of whatever server, oldest first, without those that are gone."""
        origins = select(JOB.c.origin).distinct()  # so that the index over server and number is used
        return self._located(select(*_HEADER).where(JOB.c.origin.in_(origins), JOB.c.id.in_(numbers), ~JOB.c.gone))

    def newest(self, product: str, most: int) -> tuple[Located, ...]:
        """Give the newest jobs of a product, of whatever server, so many at most, oldest first."""
        origins = select(JOB.c.origin).distinct()
        own = (JOB.c.origin.in_(origins), JOB.c.product_name == safe_text(product), ~JOB.c.gone)
        return self._located(select(*_HEADER).where(*own).order_by(JOB.c.end_us.desc(), JOB.c.id.desc()).limit(most))

    def lately(self, most: int, product: str | None = None) -> tuple[Ran, ...]:
        """Give the newest jobs of every server, product, hardware and suite, so many of each, oldest first."""
        place = (JOB.c.origin, JOB.c.product_name, JOB.c.hardware, JOB.c.suite_name)
        lines: Select[Any] = (
            select(*place).distinct().order_by(*place)
        )  # by the index that begins with these, and no row is read
        if product is not None:
            lines = lines.where(
                JOB.c.origin.in_(select(JOB.c.origin).distinct()), JOB.c.product_name == safe_text(product)
            )
        with readable(self.location), self._database.reading() as connection:
            found = [_lately(connection, tuple(line), most) for line in connection.execute(lines).all()]
        return tuple(chain.from_iterable(found))

    def _located(self, query: Select[Any]) -> tuple[Located, ...]:
        with readable(self.location), self._database.reading() as connection:
            found = [Located(origin=row["origin"], job=_info(row)) for row in connection.execute(query).mappings()]
        return tuple(sorted(found, key=lambda one: (one.job.end, one.job.id, one.origin)))

    def series(self, scope: Scope, only: Collection[str] | None = None) -> History:
        """Give the values of every curve over a scope's jobs; no job gives no curve.

        A series means something on one hardware and suite only; `jobs` tells which there are.

        Parameters
        ----------
        only : collection of str, optional
            Uuids of the jobs that are wanted.
        """
        rows, contents = self._contents(scope, None, only)
        with readable(self.location):
            curves = merge([(row["layout"], row["points"], row["times"]) for row in rows], contents)
            return History(jobs=tuple(map(_info, rows)), curves=curves)

    def levels(self, scope: Scope, most: int | None = None) -> tuple[Levels, ...]:
        """Give the geometric mean of each curve of a scope's jobs, so many of the newest at most, oldest first."""
        points = case((LEVEL.c.content.is_(None), JOB.c.points)).label("points")  # large, and mostly not needed
        columns = [*_HEADER, JOB.c.layout, points, LEVEL.c.content]
        with readable(self.location), self._database.reading() as connection:
            rows = _rows(connection, scope, columns, most, with_levels=True)
            contents = _layouts(connection, {row["layout"] for row in rows})
            layouts = {digest: decode_layout(raw) for digest, raw in contents.items()}
            read = {piece: decode_curve(piece) for piece in set(chain.from_iterable(layouts.values()))}
            curves = {digest: tuple(read[piece] for piece in layout) for digest, layout in layouts.items()}
            return tuple(_levels(row, curves[row["layout"]]) for row in rows)

    def means(self, scope: Scope) -> tuple[tuple[Curve, ...], Timeline]:
        """Give curves and means of a scope's jobs as `series` does, and nothing else of their values."""
        rows, contents = self._contents(scope, None)
        with readable(self.location):
            curves, mean = merge_means([(row["layout"], row["points"]) for row in rows], contents)
            return curves, Timeline(jobs=tuple(map(_info, rows)), mean=mean)

    def archive(self, scope: Scope, most: int) -> Archive:
        """Give what a scope's newest jobs measured, so many at most and their means alone, each on its own curves."""
        rows, contents = self._contents(scope, most)
        with readable(self.location):
            return _archive(rows, contents)

    def _contents(
        self, scope: Scope, most: int | None, only: Collection[str] | None = None
    ) -> tuple[Sequence[RowMapping], dict[str, bytes]]:
        """Read jobs, oldest first, and the layouts they have."""
        columns = list(JOB.c) if most is None else [column for column in JOB.c if column is not JOB.c.times]
        with readable(self.location), self._database.reading() as connection:
            rows = _rows(connection, scope, columns, most, only)
            return rows, _layouts(connection, {row["layout"] for row in rows})


def _layouts(connection: Connection, wanted: Collection[str]) -> dict[str, bytes]:
    """Read layouts by their digests."""
    found = connection.execute(select(LAYOUT).where(LAYOUT.c.digest.in_(wanted)))
    contents = {row.digest: row.content for row in found}
    if len(contents) < len(wanted):
        raise ValueError(f"{len(wanted) - len(contents)} of {len(wanted)} layouts are missing")
    return contents


def hardware_of(hosts: Iterable[str]) -> str:
    """Name the hardware of a job's hosts as `Scope` does."""
    return "+".join(sorted(set(hosts)))


def _levels(row: RowMapping, curves: tuple[StoredCurve, ...]) -> Levels:
    """Unpack a job's levels; those of a job that was recorded without are made from its points."""
    if row["content"] is None:
        sizes = [len(curve.labels) for curve in curves]
        level = levels_of(decode_means(row["points"], sum(sizes)), sizes)
    else:
        level = decode_levels(row["content"], len(curves))
    return Levels(job=_info(row), curves=curves, level=level)


def _archive(rows: Sequence[RowMapping], contents: Mapping[str, bytes]) -> Archive:
    """Unpack jobs; a curve that several layouts have is read once."""
    pieces: dict[bytes, int] = {}
    layouts = [
        tuple(pieces.setdefault(piece, len(pieces)) for piece in decode_layout(content))
        for content in contents.values()
    ]
    curves = tuple(map(decode_curve, pieces))
    points = [sum(len(curves[curve].labels) for curve in layout) for layout in layouts]
    place = {digest: number for number, digest in enumerate(contents)}
    layout_of = tuple(place[row["layout"]] for row in rows)
    return Archive(
        jobs=tuple(map(_info, rows)),
        curves=curves,
        layouts=tuple(layouts),
        layout_of=layout_of,
        means=tuple(decode_means(row["points"], points[layout]) for row, layout in zip(rows, layout_of, strict=True)),
    )


def _lately(connection: Connection, line: Sequence[str], most: int) -> list[Ran]:
    """Read the newest jobs that ran at one place, oldest first."""
    origin, product, hardware, suite = line
    here = (
        JOB.c.origin == origin,
        JOB.c.product_name == product,
        JOB.c.hardware == hardware,
        JOB.c.suite_name == suite,
    )
    query = select(JOB.c.id, JOB.c.product_ver, JOB.c.end_us).where(*here, ~JOB.c.gone)
    rows = connection.execute(query.order_by(JOB.c.end_us.desc(), JOB.c.id.desc()).limit(most)).all()
    told = ({"job": number, "version": version, "end": moment_of(end)} for number, version, end in reversed(rows))
    refs = converted(list(told), list[JobRef])
    return [Ran(origin=origin, product=product, hardware=hardware, suite=suite, job=ref) for ref in refs]


def _rows(
    connection: Connection,
    scope: Scope,
    columns: Sequence[ColumnElement[Any]],
    most: int | None,
    only: Collection[str] | None = None,
    *,
    with_levels: bool = False,
) -> Sequence[RowMapping]:
    """Read a scope's jobs, oldest first; with a bound, the newest of them."""
    newest_first = (JOB.c.end_us.desc(), JOB.c.id.desc(), JOB.c.uuid.desc())
    query = select(*columns).where(_condition(scope), ~JOB.c.gone).order_by(*newest_first).limit(most)
    if only is not None:
        query = query.where(JOB.c.uuid.in_(only))
    if with_levels:
        same = and_(LEVEL.c.origin == JOB.c.origin, LEVEL.c.uuid == JOB.c.uuid)
        query = query.select_from(JOB.outerjoin(LEVEL, same))
    return connection.execute(query).mappings().all()[::-1]


def _of(table: Table, origin: str, product: str, project: int) -> ColumnElement[bool]:
    condition = and_(table.c.origin == origin, table.c.product_name == safe_text(product))
    return condition & (table.c.project_id == project) if project else condition


def _condition(scope: Scope) -> ColumnElement[bool]:
    condition = _of(JOB, scope.origin, scope.product, 0)
    if scope.hardware is not None:
        condition &= JOB.c.hardware == safe_text(scope.hardware)
    if scope.suite is not None:
        condition &= JOB.c.suite_name == safe_text(scope.suite)
    if scope.since is not None:
        condition &= JOB.c.end_us >= microseconds(scope.since)
    if scope.until is not None:
        moment, number = microseconds(scope.until[0]), scope.until[1]
        condition &= (JOB.c.end_us < moment) | ((JOB.c.end_us == moment) & (JOB.c.id <= number))
    return condition


# ── rows ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _check(info: JobInfo) -> None:
    if not info.uuid:
        raise JobError(f"Job {info.id} has no uuid, by which a store would know it again", "upload it anew")
    for name in _NUMBERS:
        if abs(getattr(info, name)) > _LARGEST:
            raise JobError(f"Job {info.uuid} has a number {name} larger than any job has", "upload it anew")


def _row(origin: str, info: JobInfo) -> dict[str, object]:
    """Write a header as a row."""
    return {
        "origin": origin,
        **{name: safe_text(getattr(info, name)) for name in _TEXTS},
        **{name: getattr(info, name) for name in _NUMBERS},
        "hosts": msgspec.json.encode([safe_text(host) for host in info.hosts]).decode(),
        "hardware": safe_text(hardware_of(info.hosts)),
        "begin_us": None if info.begin is None else microseconds(info.begin),
        "end_us": microseconds(info.end),
        "gone": info.deleted,
    }


def _require_types(row: RowMapping) -> None:
    """Refuse a row of other types, which SQLite keeps as gladly."""
    for names, kind in ((_TEXTS, str), (_NUMBERS, int), (("reading",), str)):
        if any(type(row[name]) is not kind for name in names if name in row):
            raise TypeError("a job's header of other types")


def _known(row: RowMapping) -> Known:
    _require_types(row)
    return Known(
        id=row["id"],
        uuid=row["uuid"],
        end=moment_of(row["end_us"]),
        upload=row["upload"],
        reading=row["reading"],
        gone=row["gone"],
    )


def _info(row: RowMapping) -> JobInfo:
    """Read a header from its row."""
    _require_types(row)
    return JobInfo(
        **{name: row[name] for name in (*_TEXTS, *_NUMBERS)},
        hosts=tuple(decoded(row["hosts"], list[str])),
        begin=None if row["begin_us"] is None else moment_of(row["begin_us"]),
        end=moment_of(row["end_us"]),
        deleted=row["gone"],
    )
