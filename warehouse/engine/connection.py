"""The engine that runs SQL: a DuckDB connection with our functions and code tables, bounded by its settings.

Only the way to a connection lives here. What is asked of it stands in the stages.
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

# A database and what DuckDB writes beside it.
_DATABASE_FILES = ("", ".wal", ".wal.checkpoint", ".wal.recovery")


# Errors that speak of statements, files and the machine. The others may quote a value.
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
    """A stage's query that failed; says how, without the values that the engine quotes."""


def _told(error: Exception) -> str:
    kind = type(error).__name__
    return (
        f"{kind}: {error}"
        if isinstance(error, _NO_VALUES)
        else f"{kind} (not quoted: it may name a resident)"
    )


@dataclass(frozen=True)
class Engine:
    """How connections are opened: what they may use of the machine, and where they spill.

    `memory_limit` is text as DuckDB reads it, such as `4GiB`; `threads` is a count of cores. SQL may read
    and write below `folders` (the one that holds `spill`, if none are named) and in the `databases`.
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
        """What a database may use of the machine, as DuckDB's settings."""
        return {
            "memory_limit": self.memory_limit,
            "threads": self.threads,
            "temp_directory": str(self.spill),
        }

    @cached_property
    def _database(self) -> duckdb.DuckDBPyConnection:
        """The one database in memory of this engine; installing functions and codes once is what costs."""
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

        It has the function library and, in the schema `codes`, each code table under its id. Connections
        share the memory limit; temporary tables and registered frames are each connection's own.

        Raises:
            QueryFailed: in the place of any error of DuckDB, Polars or Arrow while it is open.
        """
        connection = self._database.cursor()
        self._open.add(connection)
        try:
            yield connection
        except (duckdb.Error, pl.exceptions.PolarsError, pa.ArrowException) as error:
            # Dagster keeps what an error says; the traceback stays, for it quotes nothing but our code.
            raise QueryFailed(_told(error)).with_traceback(error.__traceback__) from None
        finally:
            self._open.discard(connection)
            connection.close()

    @cached_property
    def _open(self) -> set[duckdb.DuckDBPyConnection]:
        return set()

    def interrupt(self) -> None:
        """Break off the statements that run now, on every connection: they fail with `QueryFailed`."""
        for connection in list(self._open):
            with suppress(duckdb.ConnectionException):  # closed meanwhile
                connection.interrupt()


def confine(
    connection: duckdb.DuckDBPyConnection,
    folders: Sequence[Path] = (),
    databases: Sequence[Path] = (),
) -> None:
    """Let SQL of this connection's database reach these folders and databases only, and keep its settings.

    A second wall: what contracts and people may write is checked before it runs. Databases that are attached
    already stay.

    Args:
        connection: any connection to the database.
        folders: with all below them.
        databases: files, each with what DuckDB writes beside it.
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
    """Put every code table into the schema `codes`, and what addresses call the places of the divisions."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS codes")
    for table in codes.ids():
        connection.register("code_rows", codes.load(table).rows)
        connection.execute(f"CREATE OR REPLACE TABLE codes.{quote(table)} AS FROM code_rows")
        connection.unregister("code_rows")
        if codes.load(table).is_labelled:
            install_spellings(connection, f"{CODE_IN}{table}", codes.load(table).spellings)
    install_places(connection)
