"""Publication: the accepted candidate replaces the published DuckDB file in one step.

`warehouse.publish.candidate` builds the candidate. Readers keep the file that they have open. The previous file stays
as `warehouse.previous.duckdb`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import duckdb

from warehouse.engine.connection import confine
from warehouse.home.encryption import NO_KEYS, Keys, WrongKey, attach, is_encrypted
from warehouse.home.files import replace_json, sha256_of
from warehouse.home.folders import Home
from warehouse.publish.checksums import Checksums, announce, settle, write_checksums


class NotAccepted(Exception):
    """The candidate did not pass the acceptance suite and must not be published."""


class OlderBatch(Exception):
    """A newer batch is already published; an older batch must not replace it."""


def candidate_of(home: Home) -> Path:
    """The path of the candidate of the next publication."""
    return home.root / "warehouse.candidate.duckdb"


def open_published(
    home: Home, keys: Keys = NO_KEYS, limits: Mapping[str, str | int] | None = None
) -> duckdb.DuckDBPyConnection:
    """The published database, read-only. SQL can reach no file and no setting outside it.

    Args:
        home: the folder of the installation.
        keys: the keys that it may be encrypted with.
        limits: limits on the machine's resources, as DuckDB's settings.

    Raises:
        WrongKey: it is encrypted with none of the keys.
        duckdb.Error: it cannot be opened.
    """
    return open_database(home.warehouse, keys, limits)


def open_database(
    database: Path, keys: Keys = NO_KEYS, limits: Mapping[str, str | int] | None = None
) -> duckdb.DuckDBPyConnection:
    """Open a database file as `open_published` does."""
    connection = duckdb.connect(
        ":memory:",
        config={
            **(limits or {}),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    try:
        if is_encrypted(database):
            keys.prepare(connection)
        attach(connection, database, "warehouse", keys)
        connection.execute("USE warehouse")
        confine(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def has_present_key(database: Path, keys: Keys) -> bool:
    """Whether a database is encrypted with the present key, or plain if there is no present key."""
    if keys.present is None or not is_encrypted(database):
        return is_encrypted(database) == (keys.present is not None)
    try:
        open_database(database, Keys(keys.present)).close()
    except WrongKey:
        return False
    return True


def published(database: Path, keys: Keys = NO_KEYS) -> tuple[date, str] | None:
    """The batch and the fingerprint of a published file, or None without the file.

    Raises:
        WrongKey: it is encrypted with none of the keys.
    """
    if not database.exists():
        return None
    with open_database(database, keys) as connection:
        row = connection.execute("SELECT batch, fingerprint FROM catalog.published").fetchone()
    return (row[0], row[1]) if row else None


def published_ledger(database: Path, keys: Keys = NO_KEYS) -> tuple[int, str] | None:
    """The last act of the ledger in a published file, as number and hash; None if the file does not have it.

    Raises:
        WrongKey: it is encrypted with none of the keys.
        duckdb.Error: it cannot be opened.
    """
    if not database.exists():
        return None
    with open_database(database, keys) as connection:
        there = connection.execute(
            "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'catalog' AND table_name = 'ledger'"
        ).fetchone()
        row = there and there[0] and connection.execute("SELECT number, hash FROM catalog.ledger").fetchone()
    return (row[0], row[1]) if row else None


def verdict_of(home: Home) -> Path:
    """The path of the acceptance suite's verdict on the candidate."""
    return candidate_of(home).with_suffix(".verdict.json")


def record_verdict(home: Home, *, passed: bool) -> None:
    """Write the acceptance suite's verdict, with the checksum of the candidate, beside the candidate."""
    facts = {"sha256": sha256_of(candidate_of(home)), "passed": passed}
    replace_json(verdict_of(home), facts)


def _accepted(home: Home) -> str | None:
    """The sha256 of the candidate, if the verdict says that a file of this sha256 passed."""
    try:
        verdict = json.loads(verdict_of(home).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    sha256 = sha256_of(candidate_of(home))
    return sha256 if verdict["passed"] and verdict["sha256"] == sha256 else None


def settle_switch(home: Home) -> None:
    """End a switch of the published database that an orphaned run began."""
    settle(home.accepted, home.warehouse, home.previous_warehouse)


def vouch(home: Home) -> None:
    """Accept the present checksums of the published databases; for callers that rewrote them."""
    current, previous = (
        sha256_of(path) if path.exists() else None for path in (home.warehouse, home.previous_warehouse)
    )
    write_checksums(home.accepted, Checksums(current, previous))


def switch(home: Home, batch: date, keys: Keys = NO_KEYS) -> Path:
    """Replace the published database by the accepted candidate, in one step.

    Without a candidate nothing changed, and the published database stays.

    Raises:
        NotAccepted: no verdict says that this candidate passed; the candidate stays for inspection.
        OlderBatch: the published database is of a later batch.
        WrongKey: the published database is encrypted with none of the keys.
    """
    candidate = candidate_of(home)
    if not candidate.exists():
        return home.warehouse
    sha256 = _accepted(home)
    if sha256 is None:
        raise NotAccepted(f"the candidate of {batch} did not pass the acceptance suite")
    current = published(home.warehouse, keys)
    if current is not None and current[0] > batch:
        raise OlderBatch(f"batch {current[0]} is published; {batch} is older")
    # Announced before the rename: if the run dies in between, the old and the new database are both accepted.
    settle_switch(home)
    known = announce(home.accepted, sha256, home.warehouse)
    had_one = home.warehouse.exists()
    if had_one:
        draft = home.previous_warehouse.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        os.link(home.warehouse, draft)
        draft.replace(home.previous_warehouse)
    candidate.replace(home.warehouse)
    write_checksums(home.accepted, Checksums(sha256, known.current if had_one else known.previous))
    verdict_of(home).unlink()
    return home.warehouse
