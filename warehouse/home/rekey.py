"""A change of the key: what is encrypted otherwise is found, and written anew with the present key.

How files are written is the lake's business, how keys are handed over `warehouse.home.encryption`'s.
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
    """What the present key does not read: partitions and databases, in words; everything plain without a key."""
    present = lake.keys.present.id if lake.keys.present else None
    for layer, table, batch in lake.places():
        try:
            partition = lake.partition(layer, table, batch)
        except DamagedPartition:
            continue  # damage is told of elsewhere
        assert partition is not None
        if {part.key for part in partition.files} != {present}:
            yield str(partition.folder)
    for database in _databases(home):
        if not has_present_key(database, lake.keys):
            yield str(database)


def rekey_lake(connection: duckdb.DuckDBPyConnection, lake: Lake) -> int:
    """Write every partition anew that is encrypted otherwise; fingerprints stay, so that nothing is run again.

    Broken off, it goes on where it was: each partition is readable before and after. Not to be run beside a
    turn.

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
    """The places in the register whose content a change of the key changes."""
    databases = {home.accepted.name, home.standard_accepted.name}
    return {thing.place for thing in registered(home) if thing.parts[0] == "lake" or thing.place in databases}


def rekey_warehouse(home: Home, keys: Keys) -> int:
    """Write the published database, the one before and the standard tables anew, if they are encrypted otherwise.

    A candidate that waits is thrown away: the next turn makes one.

    Returns:
        The number of databases that were written.

    Raises:
        WrongKey: one is encrypted with none of the keys; it stays as it is.
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
