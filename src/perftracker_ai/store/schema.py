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
    Column("times", LargeBinary),
)
"""One row per job; the points come last, for SQLite reads a row from its beginning as far as it must.

`times` says when each point was measured; null for jobs that were recorded before there was such a column.
"""

LEVEL = Table(
    "history_level",
    _TABLES,
    Column("origin", Text, primary_key=True),
    Column("uuid", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)
"""One row per job: the geometric mean of each curve of its layout, in the layout's order. Older jobs have none."""

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

COMPARISON = Table(
    "history_comparison",
    _TABLES,
    Column("origin", Text, primary_key=True),
    Column("baseline", Text, primary_key=True),
    Column("candidate", Text, primary_key=True),
    Column("baseline_id", BigInteger, nullable=False),
    Column("candidate_id", BigInteger, nullable=False),
    Column("baseline_ver", Text, nullable=False),
    Column("candidate_ver", Text, nullable=False),
    Column("reruns", Text, nullable=False),
    Column("candidate_reruns", Text, nullable=False),
    Column("project_id", BigInteger, nullable=False),
    Column("product_name", Text, nullable=False),
    Column("hardware", Text, nullable=False),
    Column("suite_name", Text, nullable=False),
    Column("end_us", BigInteger, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("tool", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("rules", Text, nullable=False),
    Column("counts", Text, nullable=False),
    Column("validity", Text, nullable=False),
    Column("result", LargeBinary, nullable=False),
)
"""One row per pair of jobs that were compared, by their uuids; `end_us` is when the candidate ended.

`rules`, `validity`, `reruns` and `candidate_reruns` are JSON lists, `counts` is a JSON object; `result` are the bytes
of ``result_v2.json``, packed, and none where they were too many.
"""

ASKED = Table(
    "history_asked",
    _TABLES,
    Column("origin", Text, primary_key=True),
    Column("baseline", Text, primary_key=True),
    Column("candidate", Text, primary_key=True),
    Column("author", Text, nullable=False),
)
"""One row per comparison that somebody asked for in the dashboard, and who."""

REFERENCE = Table(
    "history_reference",
    _TABLES,
    Column("digest", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)
"""What curves measured before an issue came in; shared by its rows."""

ISSUE = Table(
    "history_issue",
    _TABLES,
    Column("origin", Text, primary_key=True),
    Column("baseline", Text, primary_key=True),
    Column("candidate", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("candidate_id", BigInteger, nullable=False),
    Column("project_id", BigInteger, nullable=False),
    Column("product_name", Text, nullable=False),
    Column("hardware", Text, nullable=False),
    Column("suite_name", Text, nullable=False),
    Column("end_us", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("slowdown_ppm", BigInteger, nullable=False),
    Column("since_id", BigInteger, nullable=False),
    Column("since_ver", Text, nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("content", Text, nullable=False),
    Column("reference", Text, nullable=False),
)
"""One row per issue and comparison in which it was new, open, worse, back or closed; the newest one is its state.

`content` is the whole issue as JSON; what lists are ordered and narrowed by has columns of its own.
"""

CURRENT = Table(
    "history_current",
    _TABLES,
    Column("origin", Text, primary_key=True),
    Column("product_name", Text, primary_key=True),
    Column("hardware", Text, primary_key=True),
    Column("suite_name", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("baseline", Text, nullable=False),
    Column("candidate", Text, nullable=False),
)
"""One row per issue, hardware and suite: the comparison in which its newest state is, kept whenever one is written."""

TRIAGE = Table(
    "history_triage",
    _TABLES,
    Column("number", BigInteger, primary_key=True),
    Column("origin", Text, nullable=False),
    Column("product_name", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("until", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("hardware", Text, nullable=False),
    Column("suite_name", Text, nullable=False),
    Column("seen_us", BigInteger, nullable=False),
)
"""What people said of issues, in order; rows are added and never changed, so that it is the record of who did what.

`seen_us` is when the newest job ended that they had seen of the issue.
"""


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
    Step(
        "comparisons and issues",
        (
            "ALTER TABLE history_job ADD COLUMN times {blob}",
            (
                "CREATE TABLE history_level (origin TEXT NOT NULL, uuid TEXT NOT NULL, content {blob} NOT NULL, "
                "PRIMARY KEY (origin, uuid))"
            ),
            (
                "CREATE TABLE history_comparison (origin TEXT NOT NULL, baseline TEXT NOT NULL, "
                "candidate TEXT NOT NULL, baseline_id BIGINT NOT NULL, candidate_id BIGINT NOT NULL, "
                "baseline_ver TEXT NOT NULL, candidate_ver TEXT NOT NULL, reruns TEXT NOT NULL, "
                "candidate_reruns TEXT NOT NULL, project_id BIGINT NOT NULL, product_name TEXT NOT NULL, "
                "hardware TEXT NOT NULL, suite_name TEXT NOT NULL, end_us BIGINT NOT NULL, made_us BIGINT NOT NULL, "
                "tool TEXT NOT NULL, settings TEXT NOT NULL, verdict TEXT NOT NULL, rules TEXT NOT NULL, "
                "counts TEXT NOT NULL, validity TEXT NOT NULL, result {blob} NOT NULL, "
                "PRIMARY KEY (origin, baseline, candidate))"
            ),
            (
                "CREATE INDEX history_comparison_product ON history_comparison "
                "(origin, product_name, hardware, suite_name, end_us)"
            ),
            "CREATE TABLE history_reference (digest TEXT PRIMARY KEY, content {blob} NOT NULL)",
            (
                "CREATE TABLE history_issue (origin TEXT NOT NULL, baseline TEXT NOT NULL, candidate TEXT NOT NULL, "
                "key TEXT NOT NULL, candidate_id BIGINT NOT NULL, project_id BIGINT NOT NULL, "
                "product_name TEXT NOT NULL, hardware TEXT NOT NULL, suite_name TEXT NOT NULL, "
                "end_us BIGINT NOT NULL, status TEXT NOT NULL, endpoint TEXT NOT NULL, severity TEXT NOT NULL, "
                "slowdown_ppm BIGINT NOT NULL, since_id BIGINT NOT NULL, since_ver TEXT NOT NULL, "
                "since_us BIGINT NOT NULL, content TEXT NOT NULL, "
                "reference TEXT NOT NULL REFERENCES history_reference (digest), "
                "PRIMARY KEY (origin, baseline, candidate, key))"
            ),
            (
                "CREATE INDEX history_issue_key ON history_issue "
                "(origin, product_name, hardware, suite_name, key, end_us, candidate_id)"
            ),
            "CREATE INDEX history_issue_reference ON history_issue (reference)",
            (
                "CREATE TABLE history_triage (number BIGINT PRIMARY KEY, origin TEXT NOT NULL, "
                "product_name TEXT NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL, owner TEXT NOT NULL, "
                "note TEXT NOT NULL, ticket TEXT NOT NULL, until TEXT NOT NULL, author TEXT NOT NULL, "
                "made_us BIGINT NOT NULL)"
            ),
            "CREATE INDEX history_triage_key ON history_triage (origin, product_name, key, number)",
        ),
    ),
    Step(
        "where and of which job triage is",
        (
            "ALTER TABLE history_triage ADD COLUMN hardware TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE history_triage ADD COLUMN suite_name TEXT NOT NULL DEFAULT ''",
            "ALTER TABLE history_triage ADD COLUMN seen_us BIGINT NOT NULL DEFAULT 0",
            (
                "CREATE INDEX history_triage_issue ON history_triage "
                "(origin, product_name, hardware, suite_name, key, number)"
            ),
        ),
    ),
    Step(
        "current states",
        (
            (
                "CREATE TABLE history_current (origin TEXT NOT NULL, product_name TEXT NOT NULL, "
                "hardware TEXT NOT NULL, suite_name TEXT NOT NULL, key TEXT NOT NULL, baseline TEXT NOT NULL, "
                "candidate TEXT NOT NULL, PRIMARY KEY (origin, product_name, hardware, suite_name, key))"
            ),
            (
                "INSERT INTO history_current "
                "SELECT origin, product_name, hardware, suite_name, key, baseline, candidate FROM ("
                "SELECT origin, product_name, hardware, suite_name, key, baseline, candidate, row_number() OVER ("
                "PARTITION BY origin, product_name, hardware, suite_name, key "
                "ORDER BY end_us DESC, candidate_id DESC, baseline DESC, candidate DESC) AS place "
                "FROM history_issue) AS numbered WHERE place = 1"
            ),
            "CREATE INDEX history_comparison_candidate ON history_comparison (candidate_id)",
        ),
    ),
    Step(
        "who asked for a comparison",
        (
            (
                "CREATE TABLE history_asked (origin TEXT NOT NULL, baseline TEXT NOT NULL, candidate TEXT NOT NULL, "
                "author TEXT NOT NULL, PRIMARY KEY (origin, baseline, candidate))"
            ),
        ),
    ),
    Step(
        "newest jobs by where they ran",
        ("CREATE INDEX history_job_place ON history_job (origin, product_name, hardware, suite_name, end_us)",),
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
