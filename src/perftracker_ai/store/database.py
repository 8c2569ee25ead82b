"""The connection to a store's database: SQLite by path, PostgreSQL by url, and what either refuses in one sentence.

Both are used alike: readers see one moment and never wait; there is one writer at a time, who waits for the one before
for a bounded time. SQLite knows no other way, and where a write takes milliseconds between downloads of
seconds, nothing is lost by it on PostgreSQL, while deadlocks and races over shared rows cannot happen.
"""

from __future__ import annotations

import os
import sqlite3
import time
import zlib
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError

from perftracker_ai.errors import StoreError, StoreReadOnly, UsageError
from perftracker_ai.files import exists, reason
from perftracker_ai.store.schema import is_current, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

_POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")
_LOCK = 0x70657266
"""The number of the lock that writers of a PostgreSQL store take: the letters ``perf``."""
_FULL = "has no room left on its disk", "make room, what was recorded before is kept"
_BUSY = "is being written to by another run, which does not end", "try again when that one is done"
_DAMAGED = "is damaged or no store", "move it away and fill a new one with `perftracker-ai history sync`"
_READ_ONLY = "cannot be written to", "check its permissions or give another --store"
_TROUBLES = (
    ("SQLITE_FULL", _FULL),
    ("SQLITE_BUSY", _BUSY),
    ("SQLITE_LOCKED", _BUSY),
    ("SQLITE_NOTADB", _DAMAGED),
    ("SQLITE_CORRUPT", _DAMAGED),
    ("SQLITE_READONLY", _READ_ONLY),
    ("SQLITE_PERM", _READ_ONLY),
    ("53100", _FULL),  # disk_full
    ("55P03", _BUSY),  # lock_not_available
    ("25006", _READ_ONLY),  # read_only_sql_transaction
    ("42501", _READ_ONLY),  # insufficient_privilege
)
"""How the error codes of the two databases begin, and what they come down to."""
DAMAGE = (
    SQLAlchemyError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    RecursionError,
    zlib.error,
)
"""What reading a store raises whose bytes are not those that were written: SQLite gives any type for any column."""


class Database:
    """An open database with the schema of today.

    Parameters
    ----------
    url : str
        Path of an SQLite file (made when there is none), ``sqlite:///path``, or ``postgresql://user@host/database``.
    patience_s : int
        How long a writer waits for another one, and a connection for its answer.
    upkeep : bool
        Whether a schema that is older, or not there, is brought to today's.

    Raises
    ------
    UsageError
        When the url means neither, or the driver for it is not installed.
    StoreError
        When the database cannot be opened, or its schema is newer.
    """

    def __init__(self, url: str, patience_s: int = 30, *, upkeep: bool = True) -> None:
        self._engine, self.shown = _engine(url, patience_s)
        self._patience_s = patience_s
        try:
            with self._translated():
                self._prepare(upkeep=upkeep)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one moment of the store.

        Raises
        ------
        StoreError
        """
        with self._translated(), self._engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection whose changes come all together when the block ends well, or not at all.

        Raises
        ------
        StoreError
        """
        with self._translated(), self._transaction() as connection:
            yield connection

    def shrink(self) -> None:
        """Give freed room back to the disk; PostgreSQL does so by itself.

        Raises
        ------
        StoreError
        """
        if self._engine.dialect.name == "sqlite":
            with self._translated(), self._engine.connect() as connection, _driver_errors():
                # As a script, for only that runs each statement to its end: one call frees one page otherwise.
                script = "PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)"
                connection.connection.executescript(script)

    def require_sound(self) -> None:
        """See that the file is whole, as far as SQLite can tell; PostgreSQL sees to that by itself.

        Raises
        ------
        StoreError
        """
        with self.reading() as connection:
            if connection.dialect.name != "sqlite":
                return
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        if found != "ok":
            raise self._refused(*_DAMAGED)

    def size(self) -> int:
        """Give the bytes that the store takes on its disk.

        Raises
        ------
        StoreError
        """
        tables = (
            "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relname LIKE 'history_%' AND relkind = 'r'"
        )
        with self.reading() as connection:
            if connection.dialect.name == "postgresql":
                return int(connection.execute(text(tables)).scalar_one() or 0)
            pages, page = (connection.exec_driver_sql(f"PRAGMA {name}") for name in ("page_count", "page_size"))
            return int(pages.scalar_one() * page.scalar_one())

    def identity(self) -> str:
        """Return what tells this database from every other, however its address is written.

        Raises
        ------
        StoreError
        """
        with self.reading() as connection:
            if connection.dialect.name == "postgresql":
                own = "SELECT system_identifier || '/' || current_database() FROM pg_control_system()"
                return str(connection.execute(text(own)).scalar_one())
            file = Path(str(self._engine.url.database)).stat()
            return f"{file.st_dev}/{file.st_ino}"

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._engine.connect() as connection:
            connection.execution_options(writing=True)
            with connection.begin():
                if connection.dialect.name == "postgresql":
                    # Whoever holds the lock and falls silent must not keep the others out for ever.
                    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{self._patience_s}s'")
                    connection.exec_driver_sql(
                        f"SET LOCAL idle_in_transaction_session_timeout = '{2 * self._patience_s}s'"
                    )
                    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
                yield connection

    def _prepare(self, *, upkeep: bool) -> None:
        """See to today's schema; the lock is only asked for where something is to be done."""
        with self._engine.connect() as connection:
            if is_current(connection, self.shown) or not upkeep:
                return
        if self._engine.dialect.name == "sqlite":
            _let_readers_read(self._engine, self._patience_s)
        with self._transaction() as connection:
            migrate(connection)

    def _refused(self, problem: str, cure: str) -> StoreError:
        kind = StoreReadOnly if (problem, cure) == _READ_ONLY else StoreError
        return kind(f"The store {self.shown} {problem}", cure)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Say in one sentence what the database refused, and what no store of ours can hold."""
        try:
            yield
        except DBAPIError as error:
            raise self._refused(*_trouble(error)) from error
        except (SQLAlchemyError, UnicodeError) as error:
            raise self._refused(*_DAMAGED) from error


def _engine(url: str, patience_s: int) -> tuple[Engine, str]:
    """Make the engine and the name for messages, which never holds a password."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return _sqlite(url, patience_s)
    if scheme == "sqlite":
        return _sqlite(rest.removeprefix("/"), patience_s)
    if scheme in _POSTGRESQL:
        return _postgresql(url, patience_s)
    raise UsageError(f"A store {scheme}:// is not known", "give a file's path or postgresql://user@host/database")


def _sqlite(name: str, patience_s: int) -> tuple[Engine, str]:
    if not name:
        raise UsageError("The store has an empty name", "give a file's path or postgresql://user@host/database")
    path = Path(name).absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else "its name is none that the system takes"
        raise StoreError(f"The store {name!r} cannot be made: {why}", "give another --store") from error
    address = path.as_uri() if _can_be_written(path) else _to_be_read(path)

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(address, timeout=patience_s, uri=True, check_same_thread=False)

    engine = create_engine(URL.create("sqlite", database=str(path)), creator=connect)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine, name


def _can_be_written(path: Path) -> bool:
    """Tell whether the system lets a store be written; its folder too, where SQLite keeps its log.

    Whether it exists is asked first: a store that another run makes in between would be taken for one that is closed.
    """
    return os.access(path.parent, os.W_OK) and (not exists(path) or os.access(path, os.W_OK))


def _to_be_read(path: Path) -> str:
    """Return the address under which a store that cannot be written can be read.

    Reading, too, takes files beside the store, by which readers and writers know of each other. Where they are not and
    cannot be made, nobody is writing, as long as there is no log of changes that are still to be put into the store.
    """
    address = f"{path.as_uri()}?mode=ro"
    log = path.with_name(f"{path.name}-wal")
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:  # any other is said where the store is read
        alone = error.sqlite_errorname.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")) and not (
            exists(log) and log.stat().st_size
        )
        return f"{address}&immutable=1" if alone else address
    return address


def _set_up_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 -- SQLAlchemy's proxy of a driver's own
    """Leave transactions to SQLAlchemy; a commit outlives the process, and at worst the last ones a power cut."""
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    """Begin as the writer one is to be: a reader that turns writer would fail at once where another one writes."""
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _let_readers_read(engine: Engine, patience_s: int) -> None:
    """Turn on write-ahead logging, with which readers never wait; kept in the file from then on.

    SQLite gives up at once when two processes try it together, however patient the connection, hence the loop.
    """
    deadline = time.monotonic() + patience_s
    with engine.connect() as connection, _driver_errors():
        while True:
            try:
                connection.connection.cursor().execute("PRAGMA auto_vacuum = INCREMENTAL")
                connection.connection.cursor().execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if time.monotonic() > deadline or "locked" not in str(error):
                    raise
                time.sleep(0.02)
            else:
                return


@contextmanager
def _driver_errors() -> Iterator[None]:
    """Wrap what SQLite raises where its driver is used directly, as SQLAlchemy does elsewhere."""
    try:
        yield
    except sqlite3.Error as error:
        raise OperationalError(None, None, error) from error


def _postgresql(url: str, patience_s: int) -> tuple[Engine, str]:
    try:
        parsed = make_url(url).set(drivername="postgresql+psycopg")
        # Statements are not prepared on the server, for a connection pool in between may lose them.
        connect = {"connect_timeout": patience_s, "prepare_threshold": None}
        engine = create_engine(parsed, pool_pre_ping=True, connect_args=connect)
    except (ArgumentError, ValueError) as error:
        raise UsageError("The store's address cannot be read", "write postgresql://user@host:5432/database") from error
    except ImportError as error:
        raise UsageError(
            "A PostgreSQL store needs the driver psycopg", "install it with `pip install 'perftracker-ai[postgres]'`"
        ) from error
    if "@" in f"{parsed.host}{parsed.database}":  # a piece of a password would be shown as the host's name
        raise UsageError("The store's address has more than one @", "write those in a user or a password as %40")
    return engine, f"postgresql://{parsed.host or 'localhost'}/{parsed.database or ''}"


def _trouble(error: DBAPIError) -> tuple[str, str]:
    """Return what is wrong and what to do, by the driver's code, or in the driver's own words."""
    code = getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "sqlstate", None) or ""
    known = next((words for begins, words in _TROUBLES if code.startswith(begins)), None)
    said = str(error.orig).strip().partition("\n")[0]
    shown = "".join(sign if sign.isprintable() else " " for sign in said)[:200]
    return known or (f"cannot be used ({shown})", "check its address and that it can be reached")
