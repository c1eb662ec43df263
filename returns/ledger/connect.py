"""How the ledger's database is reached: engine, transactions, frames and migrations.

SQLite (the default) and PostgreSQL differ here and in the revisions, nowhere else.
"""

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection

import polars as pl
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, Select, Table, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from returns.ledger.chain import LedgerError
from returns.ledger.tables import frame_schema
from returns.ledger.triggers import missing_triggers, restore_triggers

_log = logging.getLogger("zhenjie.ledger")

VERSION_TABLE = "ledger_version"
"""Not Alembic's usual name: other programs may keep their own version in the same database."""

_MIGRATIONS = Path(__file__).parent.parent / "migrations"
_BUSY_MS = 60_000
_FETCH_ROWS = 20_000
# Any constants will do, as long as every program that writes to a ledger, or migrates one, uses the same. An advisory
# lock asks for no privilege; locking the table would ask for one to change it.
_WRITER_LOCK = 0x7A68656E6A6966
_MIGRATION_LOCK = 0x7A68656E6A6965


def connect(url: str) -> Engine:
    """An engine for a ledger; parameters never show in its errors, for they are resident data.

    Args:
        url: A SQLAlchemy URL; for SQLite the file's folder is made if it is missing.

    Raises:
        LedgerError: The database is neither an SQLite file nor PostgreSQL, or its driver is not installed.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        # Not quoted, for it may hold a password.
        raise LedgerError("the ledger's URL is none that SQLAlchemy can read") from None
    match parsed.get_backend_name(), parsed.database:
        case "sqlite", str(database) if database and database != ":memory:":
            Path(database).parent.mkdir(parents=True, exist_ok=True)
            # isolation_level None: transactions begin where SQLAlchemy says, see `_begin_sqlite`.
            engine = create_engine(parsed, hide_parameters=True, connect_args={"isolation_level": None})
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        case "postgresql", _:
            try:
                return create_engine(parsed, hide_parameters=True, pool_pre_ping=True)
            except (ModuleNotFoundError, NoSuchModuleError) as error:
                raise LedgerError(
                    f"the driver of {parsed.drivername} is not installed: a ledger in PostgreSQL is reached by "
                    "postgresql+psycopg, which comes with zhenjie[postgres]"
                ) from error
        case backend, _:
            raise LedgerError(f"a ledger is in an SQLite file or PostgreSQL, not in this {backend}")


def _prepare_sqlite(connection: SQLiteConnection, _record: ConnectionPoolEntry) -> None:
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    _keep_a_log(connection)
    for pragma in (
        "synchronous = FULL",  # an entry confirmed to a person survives a power cut
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _keep_a_log(connection: SQLiteConnection) -> None:
    """Have the file in WAL mode.

    Of two who find a new file and want it changed SQLite refuses one at once, for both hold what the other waits for,
    and asks for no timeout.
    """
    until = time.monotonic() + _BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one state of the ledger throughout, whoever writes meanwhile."""
    options = {} if _is_sqlite(engine) else {"isolation_level": "REPEATABLE READ"}
    with engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that only one writer is in at a time; readers are not held up."""
    with _exclusive(engine) as connection:
        _lock(connection, _WRITER_LOCK)
        yield connection


def fetch(connection: Connection, query: Select[tuple[object, ...]], table: Table) -> pl.DataFrame:
    """The result of a query over all columns of one of the ledger's tables.

    Fetched a part at a time: Python's form of a row is many times the size of the frame's.

    Args:
        connection: In a transaction.
        query: Selects the table's columns, in their order.
        table: Gives the types, which hold for an empty result too.
    """
    schema = frame_schema(table)
    # Not `polars.read_database`: it tries to import asynchronous SQLAlchemy on each call, and where greenlet is missing
    # the import fails half way, each time anew, under the eyes of other threads.
    result = connection.execute(query, execution_options={"yield_per": _FETCH_ROWS})
    parts = (pl.DataFrame(list(map(tuple, rows)), schema, orient="row") for rows in result.partitions())
    return pl.concat([pl.DataFrame(schema=schema), *parts])


FIRST_WITH_LINKS = "0002"
"""The revision since which there is a chain for the acts that the data follows from."""


@dataclass(frozen=True)
class Triggers:
    """The triggers that a ledger lacked when it was opened: created again, or out of the account's reach."""

    restored: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = []
        if self.restored:
            told.append(f"台账防止改动的触发器缺失，已重新建立：{'、'.join(self.restored)}。请查明是谁删除的")
        if self.missing:
            told.append(
                f"台账防止改动的触发器缺失，当前账号无权建立：{'、'.join(self.missing)}。"
                "请用台账数据库属主的账号运行一次 zhenjie doctor"
            )
        return "；".join(told)


def guard(engine: Engine) -> Triggers:
    """Look for the triggers that refuse changes, create the missing ones again, and log a warning of them."""
    with reading(engine) as connection:
        missing = missing_triggers(connection)
    if not missing:
        return Triggers()
    try:
        with _exclusive(engine) as connection:
            _lock(connection, _MIGRATION_LOCK)
            # Another process may have done so meanwhile.
            restore_triggers(connection, missing_triggers(connection))
    except DBAPIError as error:
        if not _forbids(error):
            raise
        found = Triggers(missing=tuple(missing))
    else:
        found = Triggers(restored=tuple(missing))
    _log.warning("%s", found)
    return found


def _forbids(error: DBAPIError) -> bool:
    """Whether the account may not, or the file cannot be written to."""
    return "InsufficientPrivilege" in type(error.orig).__name__ or "readonly" in str(error.orig)


def migrate(engine: Engine) -> str | None:
    """Bring the database to the newest revision; two programs may do so at once.

    Returns:
        The revision that it was at; None if it was empty.

    Raises:
        LedgerError: A newer release has written this ledger.
    """
    config = Config()
    # ConfigParser reads a percent sign as the start of a reference.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    with reading(engine) as connection:
        revision = _revision(connection)
    if revision == scripts.get_current_head():
        return revision
    if revision not in {None, *(script.revision for script in scripts.walk_revisions())}:
        raise LedgerError(f"the ledger is at revision {revision}, which this release lacks")
    with _exclusive(engine) as connection:
        _lock(connection, _MIGRATION_LOCK)
        config.attributes["connection"] = connection
        config.attributes["version_table"] = VERSION_TABLE
        command.upgrade(config, "head")
    return revision


def _revision(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


@contextmanager
def _exclusive(engine: Engine) -> Iterator[Connection]:
    # IMMEDIATE takes SQLite's write lock before the first read: a lock taken later would fail
    # instead of wait when another writer came in between.
    options = {"sqlite_begin": "BEGIN IMMEDIATE"}
    with engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection


def _lock(connection: Connection, lock: int) -> None:
    """Wait until no other transaction has the lock; SQLite has let nobody else begin."""
    if not _is_sqlite(connection.engine):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({lock})")


def _is_sqlite(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite"
