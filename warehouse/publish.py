"""Publication: a new DuckDB file built beside, every table with its comments, then switched in in one step.

Which tables there are is said by those who make them, as `Published`; here they are written, described and
put in place. Readers keep the file they have open; the one published before stays as
`warehouse.previous.duckdb`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from schemas.emit.sql import literal, quote
from schemas.tables import TableStandard, load_tables
from warehouse.encryption import NO_KEYS, Keys, attach, is_encrypted
from warehouse.engine import confine
from warehouse.home import Home
from warehouse.lake import digest_of, digest_of_frame, replace_json, sha256_of

# Checksums kept: of the database published, the one before, and the one that a dead run was about to publish.
KEPT = 3
SCHEMAS = ("governance", "quality", "catalog")


class NotAccepted(Exception):
    """A candidate that did not pass the acceptance suite must not be switched in."""


class OlderBatch(Exception):
    """A newer batch is already published; an older one is not put in its place."""


@dataclass(frozen=True)
class Published:
    """One table to publish: what it is, and its rows as a query or a frame.

    A view keeps the query itself, which then may name nothing but tables published before it.
    """

    standard: TableStandard
    rows: str | pl.DataFrame
    view: bool = False


def candidate_of(home: Home) -> Path:
    """Where the candidate of the next publication lies."""
    return home.root / "warehouse.candidate.duckdb"


def fingerprint(home: Home, tables: Sequence[Published], keys: Keys = NO_KEYS) -> str:
    """What a publication follows from: the lake names every file by its content, so the queries say it.

    The key's name is a part of it, for a change of the key must reach what is published.
    """
    parts = [
        [
            table.standard.id,
            table.standard.comment,
            [[field.name, field.comment] for field in table.standard.fields],
            digest_of_frame(table.rows)
            if isinstance(table.rows, pl.DataFrame)
            else table.rows.replace(str(home.root), ""),
        ]
        for table in tables
    ]
    return digest_of([parts, keys.present.id] if keys.present else parts)


def build(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    batch: date,
    tables: Sequence[Published],
    keys: Keys = NO_KEYS,
) -> Path | None:
    """Build the candidate database of a batch, unless exactly this, or a later batch, is published.

    Args:
        connection: with the function library; what the queries of `tables` read must be visible to it.
        home: the candidate is written beside the published file.
        batch: the day of the turn; kept in the file as `catalog.published`.
        tables: what to publish.
        keys: the present one encrypts the candidate.

    Returns:
        The path of the candidate, closed and complete; None when there is nothing new to publish.
    """
    candidate = candidate_of(home)
    # A build that died leaves its write-ahead log too, which must not be replayed into a new file.
    for stale in (candidate, candidate.with_name(f"{candidate.name}.wal"), _verdict_of(home)):
        stale.unlink(missing_ok=True)
    digest = fingerprint(home, tables, keys)
    current = published(home.warehouse, keys)
    if current is not None and (current[0] > batch or current == (batch, digest)):
        return None
    attach(connection, candidate, "candidate", keys, read_only=False)
    try:
        for schema in SCHEMAS:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS candidate.{schema}")
        for table in tables:
            _write(connection, table)
        rows = pl.DataFrame({"batch": [batch], "fingerprint": [digest]})
        _write(connection, Published(load_tables()["catalog.published"], rows))
    finally:
        connection.execute("DETACH candidate")
    return candidate


def _write(connection: duckdb.DuckDBPyConnection, table: Published) -> None:
    schema, _, name = table.standard.id.partition(".")
    target = f"candidate.{schema}.{quote(name)}"
    kind = "VIEW" if table.view else "TABLE"
    columns = ", ".join(quote(field.name) for field in table.standard.fields)
    if isinstance(table.rows, pl.DataFrame):
        connection.register("published_rows", table.rows)
        connection.execute(f"CREATE {kind} {target} AS SELECT {columns} FROM published_rows")
        connection.unregister("published_rows")
    else:
        connection.execute(f"CREATE {kind} {target} AS SELECT {columns} FROM ({table.rows})")
    # Each statement by itself would be a write to the disk of its own.
    connection.execute("BEGIN")
    connection.execute(f"COMMENT ON {kind} {target} IS {literal(table.standard.comment)}")
    for field in table.standard.fields:
        connection.execute(f"COMMENT ON COLUMN {target}.{quote(field.name)} IS {literal(field.comment)}")
    connection.execute("COMMIT")


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


def _verdict_of(home: Home) -> Path:
    return candidate_of(home).with_suffix(".verdict.json")


def record_verdict(home: Home, *, passed: bool) -> None:
    """Keep the acceptance suite's verdict beside the candidate it was given for."""
    facts = {"sha256": sha256_of(candidate_of(home)), "passed": passed}
    replace_json(_verdict_of(home), facts)


def _accepted(home: Home) -> bool:
    try:
        verdict = json.loads(_verdict_of(home).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    return bool(verdict["passed"]) and verdict["sha256"] == sha256_of(candidate_of(home))


def accepted(home: Home) -> list[str]:
    """The sha256 of the published databases, newest first; none before the first publication."""
    try:
        known: list[str] = json.loads(home.accepted.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return known


def vouch(home: Home) -> None:
    """Keep the checksums of the published databases as they lie now, for one who has rewritten them."""
    published_now = [path for path in (home.warehouse, home.previous_warehouse) if path.exists()]
    replace_json(home.accepted, [sha256_of(path) for path in published_now])


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
    if not _accepted(home):
        raise NotAccepted(f"the candidate of {batch} did not pass the acceptance suite")
    current = published(home.warehouse, keys)
    if current is not None and current[0] > batch:
        raise OlderBatch(f"batch {current[0]} is published; {batch} is older")
    # Said before it is done: a run that dies in between leaves one that is on the list either way.
    known = accepted(home) or ([sha256_of(home.warehouse)] if home.warehouse.exists() else [])
    replace_json(home.accepted, [sha256_of(candidate), *known][:KEPT])
    if home.warehouse.exists():
        draft = home.previous_warehouse.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        os.link(home.warehouse, draft)
        draft.replace(home.previous_warehouse)
    candidate.replace(home.warehouse)
    _verdict_of(home).unlink()
    return home.warehouse
