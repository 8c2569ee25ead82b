"""The one schema of every store, its named migrations, and the refusal of a newer one.

A step is written once and never changed after a release: the tables below are what all steps together make. Text and
whole numbers only, so that SQLite and PostgreSQL hold and order the same; times are microseconds since 1970, UTC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    insert,
    inspect,
    select,
)
from sqlalchemy import func as sql
from sqlalchemy.exc import InvalidRequestError

from perftracker_ai.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

_TABLES = MetaData()

VERSION = Table(
    "history_schema", _TABLES, Column("version", Integer, primary_key=True), Column("step", Text, nullable=False)
)
"""One row per migration that was made."""

LAYOUT = Table(
    "history_layout",
    _TABLES,
    Column("digest", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)
"""Curves and load points, shared by the jobs that have the same."""

JOB = Table(
    "history_job",
    _TABLES,
    Column("origin", Text, primary_key=True),
    Column("uuid", Text, primary_key=True),
    Column("id", BigInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("product_name", Text, nullable=False),
    Column("product_ver", Text, nullable=False),
    Column("suite_name", Text, nullable=False),
    Column("suite_ver", Text, nullable=False),
    Column("project_id", BigInteger, nullable=False),
    Column("project_name", Text, nullable=False),
    Column("hosts", Text, nullable=False),
    Column("hardware", Text, nullable=False),
    Column("begin_us", BigInteger),
    Column("end_us", BigInteger, nullable=False),
    Column("upload", Text, nullable=False),
    Column("tests_total", BigInteger, nullable=False),
    Column("tests_completed", BigInteger, nullable=False),
    Column("tests_failed", BigInteger, nullable=False),
    Column("tests_errors", BigInteger, nullable=False),
    Column("gone", Boolean, nullable=False),
    Column("reading", Text, nullable=False),
    Column("layout", Text, nullable=False),
    Column("points", LargeBinary, nullable=False),
)
"""One row per job; the points come last, for SQLite reads a row from its beginning as far as it must."""

BROKEN = Table(
    "history_broken",
    _TABLES,
    Column("origin", Text, primary_key=True),
    Column("id", BigInteger, primary_key=True),
    Column("product_name", Text, nullable=False),
    Column("project_id", BigInteger, nullable=False),
    Column("end_us", BigInteger, nullable=False),
    Column("upload", Text, nullable=False),
    Column("reading", Text, nullable=False),
)
"""One row per job whose upload cannot be used, so that it is not fetched again as long as it is the same upload."""


class Step(NamedTuple):
    """One migration: a name, and statements in which ``{blob}`` stands for the database's word for bytes."""

    name: str
    statements: tuple[str, ...]


STEPS = (
    Step(
        "jobs and layouts",
        (
            "CREATE TABLE history_layout (digest TEXT PRIMARY KEY, content {blob} NOT NULL)",
            (
                "CREATE TABLE history_job (origin TEXT NOT NULL, uuid TEXT NOT NULL, id BIGINT NOT NULL, "
                "title TEXT NOT NULL, product_name TEXT NOT NULL, product_ver TEXT NOT NULL, suite_name TEXT NOT NULL, "
                "suite_ver TEXT NOT NULL, project_id BIGINT NOT NULL, project_name TEXT NOT NULL, hosts TEXT NOT NULL, "
                "hardware TEXT NOT NULL, begin_us BIGINT, end_us BIGINT NOT NULL, upload TEXT NOT NULL, "
                "tests_total BIGINT NOT NULL, tests_completed BIGINT NOT NULL, tests_failed BIGINT NOT NULL, "
                "tests_errors BIGINT NOT NULL, gone BOOLEAN NOT NULL, reading TEXT NOT NULL, "
                "layout TEXT NOT NULL REFERENCES history_layout (digest), points {blob} NOT NULL, "
                "PRIMARY KEY (origin, uuid))"
            ),
            "CREATE INDEX history_job_product ON history_job (origin, product_name, end_us)",
            "CREATE INDEX history_job_number ON history_job (origin, id)",
            "CREATE INDEX history_job_layout ON history_job (layout)",
        ),
    ),
    Step(
        "broken uploads",
        (
            (
                "CREATE TABLE history_broken (origin TEXT NOT NULL, id BIGINT NOT NULL, product_name TEXT NOT NULL, "
                "project_id BIGINT NOT NULL, end_us BIGINT NOT NULL, upload TEXT NOT NULL, reading TEXT NOT NULL, "
                "PRIMARY KEY (origin, id))"
            ),
        ),
    ),
)


def is_current(connection: Connection, shown: str, steps: Sequence[Step] = STEPS) -> bool:
    """Tell whether a store has the schema that is known here; False when it is older or empty.

    Raises
    ------
    StoreError
        When it is newer.
    """
    found = version_of(connection)
    if found > len(steps):
        raise StoreError(
            f"The store {shown} was written by a newer perftracker-ai (schema {found}, this one knows {len(steps)})",
            "upgrade perftracker-ai or give another --store",
        )
    return found == len(steps)


def migrate(connection: Connection, steps: Sequence[Step] = STEPS) -> None:
    """Make the steps that a store lacks, inside the caller's writing transaction."""
    blob = "BYTEA" if connection.dialect.name == "postgresql" else "BLOB"
    if not inspect(connection).has_table(VERSION.name):
        connection.exec_driver_sql(f"CREATE TABLE {VERSION.name} (version INTEGER PRIMARY KEY, step TEXT NOT NULL)")
    for number, step in enumerate(steps[version_of(connection) :], version_of(connection) + 1):
        for statement in step.statements:
            connection.exec_driver_sql(statement.format(blob=blob))
        connection.execute(insert(VERSION).values(version=number, step=step.name))


def version_of(connection: Connection) -> int:
    """Give the number of the last step that a store has; 0 for a database without one."""
    if not inspect(connection).has_table(VERSION.name):
        return 0
    found = connection.execute(select(sql.coalesce(sql.max(VERSION.c.version), 0))).scalar_one()
    if not isinstance(found, int):  # SQLite keeps any type in any column, and says so in no other way
        raise InvalidRequestError("a schema version that is no number")
    return found
