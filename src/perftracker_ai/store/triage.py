"""What people said of issues: rows that are added and never changed, so that they are the record of who did what.

In: what somebody says of issues, upon what they had seen. Out: what holds of each issue, and everything that was ever
said. Nothing here is a copy of anything: unlike the rest of a store it cannot be filled again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace
from sqlalchemy import ColumnElement, and_, false, insert, select, true
from sqlalchemy import func as sql

from perftracker_ai.model.issues import IssueStatus
from perftracker_ai.store.records import Said, Triage
from perftracker_ai.store.rows import microseconds, moment_of, readable, safe_text
from perftracker_ai.store.schema import ISSUE, TRIAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, RowMapping, Select

    from perftracker_ai.store.database import Database

_PLACE = (
    ("origin", "origin"),
    ("product", "product_name"),
    ("hardware", "hardware"),
    ("suite", "suite_name"),
    ("key", "key"),
)
"""What an issue is known by, and the columns of it."""
_TEXTS = (*_PLACE, *((name, name) for name in ("state", "owner", "note", "ticket", "until", "author")))
_NEWS = (IssueStatus.WORSE.value, IssueStatus.REOPENED.value)


class TriageLog:
    """What was said of the issues of a store; every method is one transaction.

    Every method raises `StoreError` when the database does not do what it should.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, said: Sequence[tuple[Triage, int]]) -> tuple[Said, ...]:
        """Add what somebody says of issues, all of it or nothing; what was said before stays.

        Parameters
        ----------
        said : sequence of (Triage, int)
            With the number of what its author had seen as the last thing said of that issue; 0 for nothing.

        Returns
        -------
        tuple of Said
            What was said meanwhile, of the issues of which something was; empty where all was added.
        """
        cleaned = [(_cleaned(triage), seen) for triage, seen in said]
        with readable(self._database.shown), self._database.writing() as connection:
            stale = [one for triage, seen in cleaned if (one := _meanwhile(connection, triage, seen)) is not None]
            if not stale:
                last = connection.execute(select(sql.coalesce(sql.max(TRIAGE.c.number), 0))).scalar_one()
                rows = [_row(number, triage) for number, (triage, _) in enumerate(cleaned, last + 1)]
                connection.execute(insert(TRIAGE), rows)
            return tuple(stale)

    def newest(self, product: str | None = None) -> tuple[Said, ...]:
        """Give the last thing that was said of each issue, of a product or of all."""
        last = sql.max(TRIAGE.c.number).label("number")
        newest = select(last).where(_of_product(product)).group_by(*(TRIAGE.c[name] for _, name in _PLACE)).subquery()
        same = and_(*(ISSUE.c[name] == TRIAGE.c[name] for _, name in _PLACE))
        unseen = and_(same, ISSUE.c.status.in_(_NEWS), ISSUE.c.end_us > TRIAGE.c.seen_us)
        news = select(ISSUE.c.key).where(unseen).exists().label("news")
        query = select(*TRIAGE.c, news).join(newest, newest.c.number == TRIAGE.c.number)
        return self._read(query.order_by(TRIAGE.c.number))

    def log(self, most: int, product: str | None = None, key: str | None = None) -> tuple[Said, ...]:
        """Give everything that was said, of a product or of all, of one issue or of all; so much, the newest first."""
        condition = and_(_of_product(product), true() if key is None else TRIAGE.c.key == safe_text(key))
        query = select(*TRIAGE.c, false().label("news")).where(condition)
        return self._read(query.order_by(TRIAGE.c.number.desc()).limit(most))

    def _read(self, query: Select[Any]) -> tuple[Said, ...]:
        with readable(self._database.shown), self._database.reading() as connection:
            return tuple(map(_said, connection.execute(query).mappings()))


def _of_product(product: str | None) -> ColumnElement[bool]:
    return true() if product is None else TRIAGE.c.product_name == safe_text(product)


def _meanwhile(connection: Connection, triage: Triage, seen: int) -> Said | None:
    """Return the last thing said of an issue where it is not the one that was seen."""
    same = and_(*(TRIAGE.c[column] == getattr(triage, name) for name, column in _PLACE))
    query = select(*TRIAGE.c, false().label("news")).where(same).order_by(TRIAGE.c.number.desc()).limit(1)
    row = connection.execute(query).mappings().first()
    return None if row is None or row["number"] == seen else _said(row)


def _cleaned(triage: Triage) -> Triage:
    return replace(triage, **{name: safe_text(getattr(triage, name)) for name, _ in _TEXTS})


def _row(number: int, triage: Triage) -> dict[str, object]:
    texts = {column: getattr(triage, name) for name, column in _TEXTS}
    return {"number": number, **texts, "made_us": microseconds(triage.made), "seen_us": microseconds(triage.seen)}


def _said(row: RowMapping) -> Said:
    texts = {name: row[column] for name, column in _TEXTS}
    triage = Triage(**texts, made=moment_of(row["made_us"]), seen=moment_of(row["seen_us"]))
    return Said(number=row["number"], triage=triage, news=bool(row["news"]))
