"""The candidate: the next database to publish, built beside the published one, every table with its comments.

Which tables there are is said by those who make them, as `Published`. A table that is what it was is not written again:
the candidate begins as a copy of the published file where that saves more than it costs, and of a table that rests on
the one published only the changes are laid over.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from schemas.emit.sql import literal, quote
from schemas.tables import TableStandard, load_tables
from warehouse.encryption import NO_KEYS, Keys, attach
from warehouse.files import digest_of, digest_of_frame
from warehouse.home import Home
from warehouse.partition import Changes, Partition
from warehouse.publish import candidate_of, has_present_key, open_database, published, verdict_of

SCHEMAS = ("governance", "quality", "catalog")
TABLES = "catalog.published_table"


@dataclass(frozen=True)
class Since:
    """What a table holds otherwise than an earlier partition; `key` identifies its rows."""

    earlier: Partition
    changes: Changes
    key: str


@dataclass(frozen=True)
class Published:
    """One table to publish: what it is, and its rows as a query, a frame, or a partition.

    A view keeps the query itself, which then may name nothing but tables published before it.
    """

    standard: TableStandard
    rows: str | pl.DataFrame | Partition
    view: bool = False
    since: Since | None = None


_Known = Mapping[str, tuple[str, int]]
"""Table → its fingerprint and rows as published."""


def fingerprint(home: Home, tables: Sequence[Published], keys: Keys = NO_KEYS) -> str:
    """What a publication follows from: the lake names every file by its content, so the queries say it.

    The key's name is a part of it, for a change of the key must reach what is published.
    """
    parts = [_fingerprint(home, table, table.rows) for table in tables]
    return digest_of([parts, keys.present.id] if keys.present else parts)


def _fingerprint(home: Home, table: Published, rows: str | pl.DataFrame | Partition) -> str:
    if isinstance(rows, Partition):
        content = rows.fingerprint
    elif isinstance(rows, pl.DataFrame):
        content = digest_of_frame(rows)
    else:
        content = rows.replace(str(home.root), "")
    standard = table.standard
    fields = [[field.name, field.comment] for field in standard.fields]
    return digest_of([standard.id, standard.comment, fields, content])


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
    for stale in (candidate, candidate.with_name(f"{candidate.name}.wal"), verdict_of(home)):
        stale.unlink(missing_ok=True)
    digest = fingerprint(home, tables, keys)
    current = published(home.warehouse, keys)
    if current is not None and (current[0] > batch or current == (batch, digest)):
        return None
    known = _begin(home, tables, keys)
    attach(connection, candidate, "candidate", keys, read_only=False)
    try:
        for schema in SCHEMAS:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS candidate.{schema}")
        _drop(connection, known.keys() - {table.standard.id for table in tables if not table.view})
        states = [
            {
                "table_name": table.standard.id,
                "title": table.standard.title,
                "rows": _bring(connection, home, table, known),
                "fingerprint": _fingerprint(home, table, table.rows),
            }
            for table in tables
        ]
        facts = load_tables()
        _create(
            connection, Published(facts[TABLES], pl.DataFrame([s for s in states if s["rows"] is not None]))
        )
        rows = pl.DataFrame({"batch": [batch], "fingerprint": [digest]})
        _create(connection, Published(facts["catalog.published"], rows))
    finally:
        connection.execute("DETACH candidate")
    return candidate


def _begin(home: Home, tables: Sequence[Published], keys: Keys) -> _Known:
    """Lay the published file down as the candidate, if most of its rows stay; its tables, or none."""
    if not home.warehouse.exists() or not has_present_key(home.warehouse, keys):
        return {}
    schema, _, name = TABLES.partition(".")
    with open_database(home.warehouse, keys) as connection:
        # A database of an earlier version does not tell: it is built anew once.
        told = connection.execute(
            "SELECT count(*) FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?", [schema, name]
        ).fetchone()
        if told == (0,):
            return {}
        rows = connection.execute(f"SELECT table_name, fingerprint, rows FROM {TABLES}").fetchall()
    known = {name: (fingerprint, count) for name, fingerprint, count in rows}
    staying = sum(
        known[table.standard.id][1]
        for table in tables
        if table.standard.id in known and (_is_known(home, table, known) or _rests(home, table, known))
    )
    if 2 * staying < sum(count for _, count in known.values()):
        return {}
    shutil.copyfile(home.warehouse, candidate_of(home))
    return known


def _is_known(home: Home, table: Published, known: _Known) -> bool:
    return known.get(table.standard.id, ("", 0))[0] == _fingerprint(home, table, table.rows)


def _rests(home: Home, table: Published, known: _Known) -> bool:
    since = table.since
    return since is not None and known.get(table.standard.id, ("", 0))[0] == _fingerprint(
        home, table, since.earlier
    )


def _drop(connection: duckdb.DuckDBPyConnection, names: set[str]) -> None:
    for name in sorted(names):
        connection.execute(f"DROP TABLE {_target(name)}")


def _bring(connection: duckdb.DuckDBPyConnection, home: Home, table: Published, known: _Known) -> int | None:
    """Have a table in the candidate as it is to be; its rows, None for a view."""
    if not _is_known(home, table, known):
        if table.since is not None and _rests(home, table, known):
            _lay_over(connection, table, table.since)
        else:
            _create(connection, table)
    if table.view:
        return None
    rows: int = connection.execute(f"SELECT count(*) FROM {_target(table.standard.id)}").fetchall()[0][0]
    return rows


def _lay_over(connection: duckdb.DuckDBPyConnection, table: Published, since: Since) -> None:
    target, key = _target(table.standard.id), quote(since.key)
    columns = _columns(table)
    connection.execute("BEGIN")
    connection.execute(f"DELETE FROM {target} WHERE {key} IN (SELECT {key} FROM {since.changes.lost})")
    connection.execute(f"INSERT INTO {target} ({columns}) SELECT {columns} FROM {since.changes.gained}")
    connection.execute("COMMIT")


def _create(connection: duckdb.DuckDBPyConnection, table: Published) -> None:
    """Write a table, or a view, in the place of one of that name, with its comments."""
    target, kind, columns = _target(table.standard.id), "VIEW" if table.view else "TABLE", _columns(table)
    if isinstance(table.rows, pl.DataFrame):
        connection.register("published_rows", table.rows)
        connection.execute(f"CREATE OR REPLACE {kind} {target} AS SELECT {columns} FROM published_rows")
        connection.unregister("published_rows")
    else:
        rows = table.rows.scan if isinstance(table.rows, Partition) else f"({table.rows})"
        connection.execute(f"CREATE OR REPLACE {kind} {target} AS SELECT {columns} FROM {rows}")
    # Each statement by itself would be a write to the disk of its own.
    connection.execute("BEGIN")
    connection.execute(f"COMMENT ON {kind} {target} IS {literal(table.standard.comment)}")
    for field in table.standard.fields:
        connection.execute(f"COMMENT ON COLUMN {target}.{quote(field.name)} IS {literal(field.comment)}")
    connection.execute("COMMIT")


def _columns(table: Published) -> str:
    return ", ".join(quote(field.name) for field in table.standard.fields)


def _target(table: str) -> str:
    schema, _, name = table.partition(".")
    return f"candidate.{schema}.{quote(name)}"
