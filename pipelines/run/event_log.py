"""Dagster's event log in SQLite with its databases kept open.

Dagster's own opens a database anew, and compiles every statement anew, for each of the thousands of events of a turn:
half of the CPU time of a turn in which nothing changed. Configured in `dagster.yaml`; PostgreSQL there replaces it.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as db
from sqlalchemy.pool import StaticPool

from pipelines.dagster_private import (
    INDEX_SHARD_NAME,
    SQLITE_BUSY_TIMEOUT_SECONDS,
    ConfigurableClassData,
    SqliteEventLogStorage,
)

# A run's events are a database of its own; a long-lived server reads many of them.
OPEN_RUNS = 4


class EventLog(SqliteEventLogStorage):
    """The same files as Dagster's `SqliteEventLogStorage`; one open connection a file, a few files at a time."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, db.Engine] = OrderedDict()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "EventLog":
        """As Dagster makes it from `dagster.yaml`: `base_dir`, the folder of the databases."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[db.Connection]:
        # The lock is Dagster's: one connection serves the threads of the process in turn.
        with self._db_lock, self._engine(shard).begin() as connection:
            yield connection

    def _engine(self, shard: str) -> db.Engine:
        engine = self._engines.get(shard)
        if engine is None:
            engine = db.create_engine(
                self.conn_string_for_shard(shard),
                poolclass=StaticPool,
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
            )
            # With a write-ahead log NORMAL loses nothing when the process dies.
            db.event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=NORMAL"))
            self._initdb(engine)
            self._engines[shard] = engine
            runs = [name for name in self._engines if name != INDEX_SHARD_NAME]
            if len(runs) > OPEN_RUNS:
                self._engines.pop(runs[0]).dispose()
        return engine

    def wipe(self) -> None:
        """Delete every run's events."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """Close the databases."""
        self._close()
        super().dispose()

    def _close(self) -> None:
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()
