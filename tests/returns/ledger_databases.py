"""The databases that a ledger may be in, and a way into each past the ledger."""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Protocol

import psycopg


class Database(Protocol):
    """A ledger's database, and a way into it past the ledger."""

    url: str
    refusals: type[Exception]
    """What it raises when a trigger or a constraint refuses a change."""

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """What a query finds."""
        ...

    def change(self, *statements: str) -> None:
        """Run statements as a program would that knows nothing of the ledger."""
        ...

    def tamper(self, *statements: str) -> None:
        """Change it as someone would who may do anything: triggers out of the way, then at will."""
        ...

    def lock(self) -> AbstractContextManager[object]:
        """Be in the middle of writing."""
        ...


class SQLite:
    """An SQLite file."""

    refusals = sqlite3.IntegrityError

    def __init__(self, file: Path) -> None:
        self.url = f"sqlite:///{file}"
        self._file = file

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self._file)) as database:
            return database.execute(query).fetchall()

    def change(self, *statements: str) -> None:
        with closing(sqlite3.connect(self._file)) as database:
            for statement in statements:
                database.execute(statement)
            database.commit()

    def tamper(self, *statements: str) -> None:
        triggers = self.rows("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        self.change(*(f"DROP TRIGGER {name}" for (name,) in triggers), *statements)

    @contextmanager
    def lock(self) -> Iterator[None]:
        with closing(sqlite3.connect(self._file, isolation_level=None)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            yield


class PostgreSQL:
    """A database of a PostgreSQL server."""

    refusals = psycopg.Error

    def __init__(self, url: str) -> None:
        self.url = url
        self._address = url.replace("+psycopg", "")

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self._address) as connection:
            return connection.execute(query.encode()).fetchall()

    def change(self, *statements: str) -> None:
        with psycopg.connect(self._address) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def tamper(self, *statements: str) -> None:
        # Neither triggers nor references are asked then.
        self.change("SET session_replication_role = replica", *statements)

    @contextmanager
    def lock(self) -> Iterator[None]:
        with psycopg.connect(self._address) as writer:
            writer.execute("LOCK TABLE entry IN EXCLUSIVE MODE")
            yield
