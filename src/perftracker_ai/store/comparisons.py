"""What a store keeps of comparisons: verdicts, and issues from comparison to comparison.

Every comparison writes what became of each issue of its product with its candidate, in one transaction and in the place
of what it wrote before. The state of an issue is its newest row: nothing is counted up, so it does not matter in which
order, how often or by how many processes comparisons are recorded. Which row that is, is kept with it, so that lists
of issues cost what they show and not what the past is long.
"""

from __future__ import annotations

import zlib
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import ColumnElement, and_, bindparam, case, delete, insert, or_, select, true
from sqlalchemy import func as sql

from perftracker_ai.decoding import converted, decoded
from perftracker_ai.errors import JobError
from perftracker_ai.model.history import JobRef
from perftracker_ai.model.issues import IssueStatus, Reference, Tracked
from perftracker_ai.results.issues import SavedIssue
from perftracker_ai.store.records import Comparison, IssueRow
from perftracker_ai.store.rows import microseconds, moment_of, readable, safe_text
from perftracker_ai.store.schema import ASKED, COMPARISON, CURRENT, ISSUE, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Executable, Row, RowMapping, Table

    from perftracker_ai.model.issues import OpenIssue
    from perftracker_ai.store.database import Database
    from perftracker_ai.store.records import Scope

LARGEST_RESULT = 64 << 20
"""Bytes of results that are kept; those of larger comparisons are in the folder of reports only."""
MOST_ISSUES = 1000
"""Issues of a comparison that are kept, the worst ones: more are one thing that many endpoints share."""
_UNPACKED = 512 << 20
"""Bytes that packed results are unpacked to at most."""
_PPM = 1_000_000
_LARGEST = 2**63 - 1
_AT_ONCE = 1000
"""Numbers of jobs that one query names."""
_NAME = ("origin", "product_name", "hardware", "suite_name", "key")
"""What an issue is known by."""
_NEWEST_FIRST = (ISSUE.c.end_us.desc(), ISSUE.c.candidate_id.desc(), ISSUE.c.baseline.desc(), ISSUE.c.candidate.desc())
_PAIR = ("origin", "baseline", "candidate")
"""What a comparison is known by."""


_GRAVE = ("critical", "severe", "moderate")
"""Severities, the gravest first."""
_FEW = 3


class Comparisons:
    """Comparisons and issues of a store; every method is one transaction.

    Every method raises `StoreError` when the database does not do what it should.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    # in

    def put(self, comparison: Comparison, result: bytes, issues: Sequence[Tracked]) -> None:
        """Keep a comparison with every issue that it found, or looked for again, in the place of an earlier one.

        Raises
        ------
        JobError
            When a job has no uuid, or numbers that no database holds.
        """
        _check(comparison)
        row = _row(comparison, result)
        packed = [_packed(one.reference) for one in issues[:MOST_ISSUES]]
        rows = [
            _issue_row(row, one.issue) | {"reference": digest} for one, (digest, _) in zip(issues, packed, strict=False)
        ]
        with self._database.writing() as connection:
            touched = _names_of(connection, comparison)
            for table in (ISSUE, COMPARISON, ASKED):
                connection.execute(delete(table).where(_same_pair(table, comparison)))
            connection.execute(insert(COMPARISON).values(row))
            if comparison.asked_by:
                pair = {name: row[name] for name in _PAIR}
                connection.execute(insert(ASKED).values(pair | {"author": safe_text(comparison.asked_by)}))
            _add_references(connection, dict(packed))
            _each(connection, insert(ISSUE), rows)
            _renew(connection, touched | _names_of(connection, comparison))
            connection.execute(delete(REFERENCE).where(~_is_used()))

    # out

    def list(self, scope: Scope) -> tuple[Comparison, ...]:
        """Give a scope's comparisons, by when their candidates ended."""
        order = (COMPARISON.c.end_us, COMPARISON.c.candidate_id, COMPARISON.c.baseline_id, COMPARISON.c.baseline)
        query = _listed().where(_condition(COMPARISON, scope)).order_by(*order)
        with readable(self._database.shown), self._database.reading() as connection:
            return tuple(map(_comparison, connection.execute(query).mappings()))

    def result(self, origin: str, baseline: str, candidate: str) -> bytes | None:
        """Give the bytes of ``result_v2.json`` of two jobs by their uuids; None when they are not kept."""
        same = (COMPARISON.c.baseline == baseline, COMPARISON.c.candidate == candidate)
        query = select(COMPARISON.c.result).where(COMPARISON.c.origin == origin, *same)
        with readable(self._database.shown), self._database.reading() as connection:
            packed = connection.execute(query).scalar_one_or_none()
            return _unpacked(packed) if packed else None

    def tracked(self, scope: Scope, before: tuple[datetime, int]) -> tuple[Tracked, ...]:
        """Give the newest state of every issue of a scope, as jobs that ended before another one left it, by key."""
        earlier = _is_before(ISSUE, before)
        newest = _newest(_condition(ISSUE, scope) & earlier)
        columns = (newest.c.content, REFERENCE.c.content.label("reference_content"))
        joined = newest.outerjoin(REFERENCE, REFERENCE.c.digest == newest.c.reference)
        query = select(*columns).select_from(joined).where(newest.c.place == 1).order_by(newest.c.key)
        with readable(self._database.shown), self._database.reading() as connection:
            return tuple(map(_tracked, connection.execute(query).mappings()))

    def issues(self, scope: Scope) -> tuple[IssueRow, ...]:
        """Give the newest state of every issue of a scope, on each hardware and suite: worst first, then by key."""
        newest = _newest(_condition(ISSUE, scope))
        order = (newest.c.slowdown_ppm.desc(), newest.c.key, newest.c.hardware, newest.c.suite_name)
        query = select(newest).where(newest.c.place == 1).order_by(*order)
        return self._rows(query, _condition(COMPARISON, scope))

    def course(self, scope: Scope, key: str) -> tuple[IssueRow, ...]:
        """Give every state that an issue had, by when the jobs ended."""
        order = (ISSUE.c.end_us, ISSUE.c.candidate_id, ISSUE.c.baseline)
        query = select(ISSUE).where(_condition(ISSUE, scope), ISSUE.c.key == key).order_by(*order)
        return self._rows(query, _condition(COMPARISON, scope))

    def newest(self, most: int, product: str | None = None) -> tuple[Comparison, ...]:
        """Give the newest comparisons of every server, product, hardware and suite, so many of each, oldest first.

        Those that somebody asked for come only where there are no others: they say nothing of how a product stands.
        """
        lines = (COMPARISON.c.origin, COMPARISON.c.product_name, COMPARISON.c.hardware, COMPARISON.c.suite_name)
        where = _of_product(COMPARISON, product)
        with readable(self._database.shown), self._database.reading() as connection:
            rows: list[RowMapping] = []
            for line in connection.execute(select(*lines).where(where).distinct().order_by(*lines)).all():
                own = and_(*(column == value for column, value in zip(lines, line, strict=True)))
                made = _newest_of(connection, own & ASKED.c.author.is_(None), most)
                rows += made or _newest_of(connection, own, most)
            return tuple(map(_comparison, rows))

    def of_jobs(self, candidates: Collection[int]) -> tuple[Comparison, ...]:
        """Give every comparison whose candidate has one of these numbers, by when it ended and was made."""
        wanted = sorted(set(candidates))
        rows: list[Comparison] = []
        with readable(self._database.shown), self._database.reading() as connection:
            for at in range(0, len(wanted), _AT_ONCE):
                query = _listed().where(COMPARISON.c.candidate_id.in_(wanted[at : at + _AT_ONCE]))
                rows += map(_comparison, connection.execute(query).mappings())
        return tuple(sorted(rows, key=lambda one: (one.end, one.candidate_id, one.made)))

    def largest(self, candidates: Collection[str]) -> tuple[IssueRow, ...]:
        """Give the issues of comparisons by their candidates' uuids that are not closed, the worst few of each."""
        weight = case({name: place for place, name in enumerate(_GRAVE)}, value=ISSUE.c.severity, else_=len(_GRAVE))
        order = (weight, ISSUE.c.slowdown_ppm.desc(), ISSUE.c.key)
        place = sql.row_number().over(partition_by=[ISSUE.c[name] for name in _PAIR], order_by=order)
        wanted = ISSUE.c.candidate.in_(sorted(set(candidates))), ISSUE.c.status != IssueStatus.CLOSED.value
        found = select(*ISSUE.c, place.label("place")).where(*wanted).subquery()
        query = select(found).where(found.c.place <= _FEW).order_by(found.c.candidate, found.c.place)
        return self._rows(query, COMPARISON.c.candidate.in_(sorted(set(candidates))))

    def every_issue(self, product: str | None = None) -> tuple[IssueRow, ...]:
        """Give the newest state of every issue, of a product or of all, as `issues` does."""
        same = and_(*(CURRENT.c[name] == ISSUE.c[name] for name in ("origin", "baseline", "candidate", "key")))
        pair = and_(*(COMPARISON.c[name] == ISSUE.c[name] for name in _PAIR))
        order = (ISSUE.c.slowdown_ppm.desc(), ISSUE.c.key, ISSUE.c.hardware, ISSUE.c.suite_name)
        joined = CURRENT.join(ISSUE, same).outerjoin(COMPARISON, pair)
        query = select(*ISSUE.c, COMPARISON.c.candidate_ver).select_from(joined)
        with readable(self._database.shown), self._database.reading() as connection:
            rows = connection.execute(query.where(_of_product(CURRENT, product)).order_by(*order)).mappings()
            return tuple(_shown(row, row["candidate_ver"] or "") for row in rows)

    def _rows(self, query: Any, compared: ColumnElement[bool]) -> tuple[IssueRow, ...]:  # noqa: ANN401 - two shapes of one select
        with readable(self._database.shown), self._database.reading() as connection:
            versions = _versions(connection, compared)
            rows = connection.execute(query).mappings()
            return tuple(
                _shown(row, versions.get((row["origin"], row["baseline"], row["candidate"]), "")) for row in rows
            )


def forget(connection: Connection, comparisons: ColumnElement[bool], issues: ColumnElement[bool], old: int) -> None:
    """Drop what is from before a moment; of an issue its newest state stays, however old it is."""
    newer = ISSUE.alias("newer")
    same = and_(*(newer.c[name] == ISSUE.c[name] for name in _NAME), newer.c.end_us > ISSUE.c.end_us)
    connection.execute(delete(COMPARISON).where(comparisons, COMPARISON.c.end_us < old))
    connection.execute(delete(ISSUE).where(issues, ISSUE.c.end_us < old, select(newer.c.key).where(same).exists()))
    connection.execute(delete(REFERENCE).where(~_is_used()))


def _each(connection: Connection, statement: Executable, rows: Sequence[Mapping[str, object]]) -> None:
    """Execute a statement for every row, for none not at all."""
    if rows:
        connection.execute(statement, rows)


def _add_references(connection: Connection, contents: Mapping[str, bytes]) -> None:
    """Keep references that are not there yet, by their digests."""
    known = connection.execute(select(REFERENCE.c.digest).where(REFERENCE.c.digest.in_(contents))).scalars().all()
    new = [{"digest": digest, "content": content} for digest, content in contents.items() if digest not in known]
    _each(connection, insert(REFERENCE), new)


def _names_of(connection: Connection, comparison: Comparison) -> set[Row[Any]]:
    """Read the names of the issues that a comparison has."""
    names = select(*(ISSUE.c[column] for column in _NAME)).where(_same_pair(ISSUE, comparison))
    return set(connection.execute(names))


def _renew(connection: Connection, names: Collection[Row[Any]]) -> None:
    """Keep which comparison has the newest state of issues; none where they have no state any more."""
    rows = [{f"of_{column}": value for column, value in zip(_NAME, name, strict=True)} for name in names]
    known, state = (
        and_(*(table.c[column] == bindparam(f"of_{column}") for column in _NAME)) for table in (CURRENT, ISSUE)
    )
    columns = (*_NAME, "baseline", "candidate")
    newest = select(*(ISSUE.c[column] for column in columns)).where(state).order_by(*_NEWEST_FIRST).limit(1)
    _each(connection, delete(CURRENT).where(known), rows)
    _each(connection, insert(CURRENT).from_select(columns, newest), rows)


# ── conditions ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _listed() -> Any:  # noqa: ANN401 - a select of many columns
    """Select what lists need of comparisons: everything but the results."""
    columns = [column for column in COMPARISON.c if column is not COMPARISON.c.result]
    asked = and_(*(ASKED.c[name] == COMPARISON.c[name] for name in _PAIR))
    return select(*columns, ASKED.c.author).select_from(COMPARISON.outerjoin(ASKED, asked))


def _newest_of(connection: Connection, condition: ColumnElement[bool], most: int) -> list[RowMapping]:
    """Read the newest comparisons of a scope, oldest first."""
    order = (COMPARISON.c.end_us.desc(), COMPARISON.c.candidate_id.desc(), COMPARISON.c.made_us.desc())
    found = connection.execute(_listed().where(condition).order_by(*order).limit(most)).mappings().all()
    return list(reversed(found))


def _same_pair(table: Table, comparison: Comparison) -> ColumnElement[bool]:
    return and_(
        table.c.origin == comparison.origin,
        table.c.baseline == comparison.baseline,
        table.c.candidate == comparison.candidate,
    )


def _condition(table: Table, scope: Scope) -> ColumnElement[bool]:
    wanted = (("product_name", scope.product), ("hardware", scope.hardware), ("suite_name", scope.suite))
    given = [table.c[name] == safe_text(value) for name, value in wanted if value is not None]
    condition = and_(table.c.origin == scope.origin, *given)
    if scope.since is not None:
        condition &= table.c.end_us >= microseconds(scope.since)
    if scope.until is not None:
        condition &= ~_is_behind(table, scope.until)
    return condition


def _of_product(table: Table, product: str | None) -> ColumnElement[bool]:
    return true() if product is None else table.c.product_name == safe_text(product)


def _is_before(table: Table, job: tuple[datetime, int]) -> ColumnElement[bool]:
    moment, number = microseconds(job[0]), job[1]
    return or_(table.c.end_us < moment, and_(table.c.end_us == moment, table.c.candidate_id < number))


def _is_behind(table: Table, job: tuple[datetime, int]) -> ColumnElement[bool]:
    moment, number = microseconds(job[0]), job[1]
    return or_(table.c.end_us > moment, and_(table.c.end_us == moment, table.c.candidate_id > number))


def _newest(condition: ColumnElement[bool]) -> Any:  # noqa: ANN401 - a subquery with the columns of a table
    """Number the states of each issue, the newest one 1."""
    place = sql.row_number().over(partition_by=[ISSUE.c[name] for name in _NAME], order_by=_NEWEST_FIRST)
    return select(*ISSUE.c, place.label("place")).where(condition).subquery()


def _is_used() -> ColumnElement[bool]:
    return select(ISSUE.c.reference).where(ISSUE.c.reference == REFERENCE.c.digest).exists()


# ── rows ────────────────────────────────────────────────────────────────────────────────────────────────────────────


_NAMES = (
    ("product", "product_name"),
    ("hardware", "hardware"),
    ("suite", "suite_name"),
    ("baseline", "baseline"),
    ("candidate", "candidate"),
    ("baseline_version", "baseline_ver"),
    ("candidate_version", "candidate_ver"),
    ("tool", "tool"),
    ("settings", "settings"),
    ("verdict", "verdict"),
)
"""Texts of a comparison and their columns."""
_LISTS = (("reruns", int), ("candidate_reruns", int), ("rules", str), ("validity", str))


def _check(comparison: Comparison) -> None:
    if not comparison.baseline or not comparison.candidate:
        job = comparison.candidate_id if comparison.baseline else comparison.baseline_id
        raise JobError(f"Job {job} has no uuid, by which a store would know it again", "upload it anew")
    for number in (comparison.baseline_id, comparison.candidate_id, comparison.project):
        if abs(number) > _LARGEST:
            raise JobError(f"Job {comparison.candidate} has a number larger than any job has", "upload it anew")


def _row(comparison: Comparison, result: bytes) -> dict[str, object]:
    """Write a comparison as a row."""
    return {
        "origin": comparison.origin,
        **{column: safe_text(getattr(comparison, name)) for name, column in _NAMES},
        **{name: _json(getattr(comparison, name)) for name, _ in _LISTS},
        "baseline_id": comparison.baseline_id,
        "candidate_id": comparison.candidate_id,
        "project_id": comparison.project,
        "end_us": microseconds(comparison.end),
        "made_us": microseconds(comparison.made),
        "counts": _json(comparison.counts),
        "result": zlib.compress(result) if 0 < len(result) <= LARGEST_RESULT else b"",
    }


def _comparison(row: RowMapping) -> Comparison:
    """Read a comparison from its row."""
    lists = {name: decoded(row[name], tuple[kind, ...]) for name, kind in _LISTS}  # type: ignore[valid-type] # built from a table
    values = {
        "origin": row["origin"],
        **{name: row[column] for name, column in _NAMES},
        "baseline_id": row["baseline_id"],
        "candidate_id": row["candidate_id"],
        "project": row["project_id"],
        "end": moment_of(row["end_us"]),
        "made": moment_of(row["made_us"]),
        "counts": decoded(row["counts"], dict[str, int]),
        "asked_by": row["author"] or "",
    }
    return converted(values | lists, Comparison)


def _issue_row(pair: dict[str, object], issue: OpenIssue) -> dict[str, object]:
    """Write an issue as a row of its comparison."""
    shared = ("origin", "baseline", "candidate", "candidate_id", "project_id", "end_us")
    places = ("product_name", "hardware", "suite_name")
    return {
        **{name: pair[name] for name in (*shared, *places)},
        "key": issue.key,
        "status": issue.status.value,
        "endpoint": safe_text(issue.endpoint),
        "severity": issue.severity,
        "slowdown_ppm": round(min(issue.slowdown, 1e12) * _PPM),
        "since_id": max(min(issue.first.job, _LARGEST), -_LARGEST),
        "since_ver": safe_text(issue.first.version),
        "since_us": microseconds(issue.first.end),
        "content": safe_text(_json(issue)),
    }


def _packed(reference: tuple[Reference, ...]) -> tuple[str, bytes]:
    raw = msgspec.json.encode(reference)
    return sha256(raw).hexdigest(), zlib.compress(raw)


def _unpacked(packed: bytes) -> bytes:
    """Unpack bytes, which may be any.

    Raises
    ------
    ValueError
        When they are none of ours, or too many.
    """
    unpacker = zlib.decompressobj()
    raw = unpacker.decompress(packed, _UNPACKED)
    if not unpacker.eof:
        raise ValueError("packed bytes that do not end")
    return raw


def _tracked(row: RowMapping) -> Tracked:
    reference = decoded(_unpacked(row["reference_content"]), tuple[Reference, ...])
    return Tracked(issue=decoded(row["content"], SavedIssue).told(), reference=reference)


def _versions(connection: Connection, condition: ColumnElement[bool]) -> dict[tuple[str, str, str], str]:
    """Read the candidates' versions by server and the uuids of each pair."""
    pair = (COMPARISON.c.origin, COMPARISON.c.baseline, COMPARISON.c.candidate)
    rows = connection.execute(select(*pair, COMPARISON.c.candidate_ver).where(condition))
    return {(row.origin, row.baseline, row.candidate): row.candidate_ver for row in rows}


def _shown(row: RowMapping, version: str) -> IssueRow:
    return IssueRow(
        origin=row["origin"],
        product=row["product_name"],
        hardware=row["hardware"],
        suite=row["suite_name"],
        job=JobRef(job=row["candidate_id"], version=version, end=moment_of(row["end_us"])),
        baseline=row["baseline"],
        candidate=row["candidate"],
        issue=decoded(row["content"], SavedIssue).told(),
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
