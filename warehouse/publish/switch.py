"""Publication: the accepted candidate takes the place of the published DuckDB file in one step.

How the candidate is built is `warehouse.publish.candidate`. Readers keep the file they have open; the one
published before stays as `warehouse.previous.duckdb`.
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
    """A candidate that did not pass the acceptance suite must not be switched in."""


class OlderBatch(Exception):
    """A newer batch is already published; an older one is not put in its place."""


def candidate_of(home: Home) -> Path:
    """Where the candidate of the next publication lies."""
    return home.root / "warehouse.publish.candidate.duckdb"


def open_published(
    home: Home, keys: Keys = NO_KEYS, limits: Mapping[str, str | int] | None = None
) -> duckdb.DuckDBPyConnection:
    """The published database, read-only, and nothing outside it: no file, no setting can be reached.

    Args:
        home: where it lies.
        keys: what it may be encrypted with.
        limits: what may be used of the machine, as DuckDB's settings.

    Raises:
        WrongKey: it is encrypted with none of the keys.
        duckdb.Error: it cannot be opened.
    """
    return open_database(home.warehouse, keys, limits)


def open_database(
    database: Path, keys: Keys = NO_KEYS, limits: Mapping[str, str | int] | None = None
) -> duckdb.DuckDBPyConnection:
    """A database file as `open_published` opens the published one."""
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
    """Whether a database is plain without a present key, or opens with the present one."""
    if keys.present is None or not is_encrypted(database):
        return is_encrypted(database) == (keys.present is not None)
    try:
        open_database(database, Keys(keys.present)).close()
    except WrongKey:
        return False
    return True


def published(database: Path, keys: Keys = NO_KEYS) -> tuple[date, str] | None:
    """The batch and the fingerprint of a published file, or None when there is no such file.

    Raises:
        WrongKey: it is encrypted with none of the keys.
    """
    if not database.exists():
        return None
    with open_database(database, keys) as connection:
        row = connection.execute("SELECT batch, fingerprint FROM catalog.published").fetchone()
    return (row[0], row[1]) if row else None


def published_ledger(database: Path, keys: Keys = NO_KEYS) -> tuple[int, str] | None:
    """The act of the ledger that a published file follows from, as number and hash; None if the file does not say.

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
    """Where the acceptance suite's verdict on the candidate lies."""
    return candidate_of(home).with_suffix(".verdict.json")


def record_verdict(home: Home, *, passed: bool) -> None:
    """Keep the acceptance suite's verdict beside the candidate it was given for."""
    facts = {"sha256": sha256_of(candidate_of(home)), "passed": passed}
    replace_json(verdict_of(home), facts)


def _accepted(home: Home) -> str | None:
    """The sha256 of the candidate if the verdict is that exactly it passed."""
    try:
        verdict = json.loads(verdict_of(home).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    sha256 = sha256_of(candidate_of(home))
    return sha256 if verdict["passed"] and verdict["sha256"] == sha256 else None


def settle_switch(home: Home) -> None:
    """End a switch of the published database that a dead run began."""
    settle(home.accepted, home.warehouse, home.previous_warehouse)


def vouch(home: Home) -> None:
    """Keep the checksums of the published databases as they lie now, for one who has rewritten them."""
    current, previous = (
        sha256_of(path) if path.exists() else None for path in (home.warehouse, home.previous_warehouse)
    )
    write_checksums(home.accepted, Checksums(current, previous))


def switch(home: Home, batch: date, keys: Keys = NO_KEYS) -> Path:
    """Put the accepted candidate in the place of the published database, in one step.

    Without a candidate there was nothing new, and what is published stays.

    Raises:
        NotAccepted: no verdict says that exactly this candidate passed; it stays for inspection.
        OlderBatch: what is published is of a later batch.
        WrongKey: what is published is encrypted with none of the keys.
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
    # Announced before it is done: a run that dies in between leaves a database that is accepted either way.
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
