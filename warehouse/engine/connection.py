"""The engine that runs SQL: a DuckDB connection with our functions and code tables, limited by its settings.

This module only opens connections. The stages have the queries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa

from schemas.codes import CODE_IN, CodeLibrary
from schemas.emit.sql import literal, quote
from warehouse.engine.functions import install, install_places, install_spellings
from warehouse.home.encryption import NO_KEYS, Keys

# Suffixes of a database and of the files that DuckDB writes beside it.
_DATABASE_FILES = ("", ".wal", ".wal.checkpoint", ".wal.recovery")


# Errors about statements, files and the machine. Messages of other errors may quote a value.
_NO_VALUES = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.HTTPException,
    duckdb.IOException,
    duckdb.OutOfMemoryException,
    duckdb.ParserException,
    duckdb.PermissionException,
)


class QueryFailed(Exception):
    """A stage's query failed; names the error without values that the engine quotes."""


def _told(error: Exception) -> str:
    kind = type(error).__name__
    return (
        f"{kind}: {error}"
        if isinstance(error, _NO_VALUES)
        else f"{kind} (not quoted: it may name a resident)"
    )


@dataclass(frozen=True)
class Engine:
    """Opens connections, with limits on the machine's resources and a folder to spill.

    `memory_limit` is text as DuckDB reads it, such as `4GiB`; `threads` is a count of cores. SQL may read and write
    below `folders` (if empty: the folder that holds `spill`) and in the `databases`.
    """

    spill: Path
    codes: CodeLibrary
    memory_limit: str = "4GiB"
    threads: int = 2
    keys: Keys = NO_KEYS
    folders: tuple[Path, ...] = ()
    databases: tuple[Path, ...] = ()

    @property
    def limits(self) -> dict[str, str | int]:
        """The limits on the machine's resources, as DuckDB's settings."""
        return {
            "memory_limit": self.memory_limit,
            "threads": self.threads,
            "temp_directory": str(self.spill),
        }

    @cached_property
    def _database(self) -> duckdb.DuckDBPyConnection:
        """The only database in memory of this engine. Installing functions and codes is slow, so it happens once."""
        self.spill.mkdir(parents=True, exist_ok=True)
        database = duckdb.connect(
            ":memory:",
            config={
                **self.limits,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        install(database)
        install_codes(database, self.codes)
        self.keys.prepare(database)
        confine(database, [self.spill, *(self.folders or (self.spill.parent,))], self.databases)
        return database

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to the engine's database in memory, closed afterwards.

        It has the function library and, in the schema `codes`, each code table under its id. Connections share the
        memory limit. Each connection has its own temporary tables and registered frames.

        Raises:
            QueryFailed: replaces every error of DuckDB, Polars or Arrow while the connection is open.
        """
        connection = self._database.cursor()
        self._open.add(connection)
        try:
            yield connection
        except (duckdb.Error, pl.exceptions.PolarsError, pa.ArrowException) as error:
            # Dagster keeps error messages. The traceback stays, because it only quotes our code.
            raise QueryFailed(_told(error)).with_traceback(error.__traceback__) from None
        finally:
            self._open.discard(connection)
            connection.close()

    @cached_property
    def _open(self) -> set[duckdb.DuckDBPyConnection]:
        return set()

    def interrupt(self) -> None:
        """Interrupt the running statements of all connections: they fail with `QueryFailed`."""
        for connection in list(self._open):
            with suppress(duckdb.ConnectionException):  # closed meanwhile
                connection.interrupt()


def confine(
    connection: duckdb.DuckDBPyConnection,
    folders: Sequence[Path] = (),
    databases: Sequence[Path] = (),
) -> None:
    """Limit the SQL of this connection's database to these folders and databases, and lock its settings.

    This is a second wall: SQL of contracts and people is checked before it runs. Databases that are already attached
    stay.

    Args:
        connection: any connection to the database.
        folders: folders with everything below them.
        databases: database files, each with the files that DuckDB writes beside it.
    """
    files = [f"{path}{end}" for path in databases for end in _DATABASE_FILES]
    connection.execute(f"SET allowed_directories = {_texts([str(folder) for folder in folders])}")
    connection.execute(f"SET allowed_paths = {_texts(files)}")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET allowed_configs = []")
    connection.execute("SET lock_configuration = true")


def _texts(values: Sequence[str]) -> str:
    return f"[{', '.join(map(literal, values))}]"


def install_codes(connection: duckdb.DuckDBPyConnection, codes: CodeLibrary) -> None:
    """Put every code table into the schema `codes`, with the names that addresses use for the divisions."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS codes")
    for table in codes.ids():
        connection.register("code_rows", codes.load(table).rows)
        connection.execute(f"CREATE OR REPLACE TABLE codes.{quote(table)} AS FROM code_rows")
        connection.unregister("code_rows")
        if codes.load(table).is_labelled:
            install_spellings(connection, f"{CODE_IN}{table}", codes.load(table).spellings)
    install_places(connection)
