"""Dagster's event log in SQLite with its databases kept open.

Dagster's own event log opens the database and compiles the statement again for each of the thousands of events of a
turn. That takes half of the CPU time of a turn in which nothing changed. `dagster.yaml` configures this class; with
PostgreSQL there, it is not used.
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

# Each run has a database of its own for its events. A long-lived server reads many of them.
OPEN_RUNS = 4


class EventLog(SqliteEventLogStorage):
    """Uses the files of Dagster's `SqliteEventLogStorage`, with one open connection for each of a few files."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, db.Engine] = OrderedDict()
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> "EventLog":
        """Build the event log from `dagster.yaml`; `base_dir` is the folder of the databases."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[db.Connection]:
        # Dagster holds a lock, so the threads of the process use the one connection in turn.
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
