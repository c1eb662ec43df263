"""A change of the key: finds files that are not encrypted with the present key, and writes them again with it.

The lake writes the files; `warehouse.home.encryption` passes the keys to DuckDB.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb

from warehouse.home.encryption import Keys, attach
from warehouse.home.folders import Home
from warehouse.home.register import registered
from warehouse.lake.manifest import DamagedPartition
from warehouse.lake.store import Lake, note_keys
from warehouse.publish.standard_database import draft_of
from warehouse.publish.switch import candidate_of, has_present_key


def other_keys(home: Home, lake: Lake) -> Iterator[str]:
    """Partitions and databases that are not encrypted with the present key (or not plain, without a key), in words."""
    present = lake.keys.present.id if lake.keys.present else None
    for layer, table, batch in lake.places():
        try:
            partition = lake.partition(layer, table, batch)
        except DamagedPartition:
            continue  # the integrity check reports damage
        assert partition is not None
        if {part.key for part in partition.files} != {present}:
            yield str(partition.folder)
    for database in _databases(home):
        if not has_present_key(database, lake.keys):
            yield str(database)


def rekey_lake(connection: duckdb.DuckDBPyConnection, lake: Lake) -> int:
    """Write partitions again that are not encrypted with the present key. Fingerprints stay, so no stage runs again.

    After an interruption, the next call continues: each partition is readable before and after. It must not run beside
    a turn.

    Returns:
        The number of partitions that were written.
    """
    written = 0
    for layer, table, batch in lake.places():
        partition = lake.partition(layer, table, batch)
        assert partition is not None
        written += lake.rewrite(connection, partition) != partition
    note_keys(lake.root, {lake.keys.present.id} if lake.keys.present else ())
    return written


def written_anew(home: Home) -> set[str]:
    """The paths in the register whose content changes with the key."""
    databases = {home.accepted.name, home.standard_accepted.name}
    return {thing.place for thing in registered(home) if thing.parts[0] == "lake" or thing.place in databases}


def rekey_warehouse(home: Home, keys: Keys) -> int:
    """Write the published, the previous and the standard database again, if they lack the present key's encryption.

    A waiting candidate is deleted: the next turn builds a new one.

    Returns:
        The number of databases that were written.

    Raises:
        WrongKey: a database is encrypted with none of the keys; it is not changed.
    """
    candidate_of(home).unlink(missing_ok=True)
    draft_of(home).unlink(missing_ok=True)
    stale = [database for database in _databases(home) if not has_present_key(database, keys)]
    for database in stale:
        draft = database.with_suffix(".rekey")
        draft.unlink(missing_ok=True)
        with duckdb.connect() as connection:
            keys.prepare(connection)
            attach(connection, database, "before", keys)
            attach(connection, draft, "after", keys, read_only=False)
            connection.execute("COPY FROM DATABASE before TO after")
            connection.execute("DETACH after")
        draft.replace(database)
    return len(stale)


def _databases(home: Home) -> list[Path]:
    return [path for path in (home.warehouse, home.previous_warehouse, home.standard) if path.exists()]
