"""The candidate: the next database to publish. It is built beside the published one, with comments on every table.

Callers declare the tables as `Published`. An unchanged table is not written again: the candidate starts as a copy of
the published file if most rows stay. If a partition rests on the published one, only its changes are applied.
Example: ten of a million persons changed; the candidate is a copy with ten rows replaced.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from schemas.emit.sql import literal, quote
from schemas.tables import TableStandard, load_tables
from warehouse.home.encryption import NO_KEYS, Keys, attach
from warehouse.home.files import digest_of, digest_of_frame
from warehouse.home.folders import Home
from warehouse.incremental.context import BatchContext
from warehouse.incremental.scratch import Scratch
from warehouse.lake.partition import Changes, Partition
from warehouse.publish.accepted import log_of
from warehouse.publish.switch import (
    candidate_of,
    has_present_key,
    open_database,
    published,
    verdict_of,
)

SCHEMAS = ("governance", "quality", "catalog")
TABLES = "catalog.published_table"


@dataclass(frozen=True)
class Since:
    """The changes of a table since an earlier partition; `key` identifies its rows."""

    earlier: Partition
    changes: Changes
    key: str


@dataclass(frozen=True)
class Slices:
    """The rows of a table, divided by the text value of a column: one query for each value, at least one query.

    An unchanged slice is not written again.
    """

    column: str
    queries: Mapping[str, str]


_Rows = str | pl.DataFrame | Partition


@dataclass(frozen=True)
class Published:
    """One table to publish: its standard, and its rows as a query, a frame, a partition, or slices.

    A view keeps the query itself. Therefore the query may only name tables that are published before the view.
    """

    standard: TableStandard
    rows: _Rows | Slices
    view: bool = False
    since: Since | None = None

    @property
    def parts(self) -> Mapping[str, _Rows]:
        """Slice name → rows. A table without slices has all rows under the empty name."""
        return self.rows.queries if isinstance(self.rows, Slices) else {WHOLE: self.rows}


WHOLE = ""

_Known = Mapping[str, Mapping[str, tuple[str, int]]]
"""Table → slice → its fingerprint and rows as published."""


def fingerprint(home: Home, tables: Sequence[Published], keys: Keys = NO_KEYS) -> str:
    """The fingerprint of a publication. It covers the queries: they name lake files, which are named by content.

    It covers the name of the key too, because after a change of the key the database is published again.
    """
    parts = [
        [part, _fingerprint(home, table, rows)] for table in tables for part, rows in table.parts.items()
    ]
    return digest_of([parts, keys.present.id] if keys.present else parts)


def _fingerprint(home: Home, table: Published, rows: _Rows) -> str:
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
    context: BatchContext, home: Home, tables: Sequence[Published], keys: Keys = NO_KEYS
) -> Path | None:
    """Build the candidate database of a batch, unless the same database or a later batch is published.

    Args:
        context: the batch, whose day is kept in the file as `catalog.published`. Its connection must see everything
            that the queries of `tables` read.
        home: the candidate is written beside the published file.
        tables: the tables to publish.
        keys: the present key encrypts the candidate.

    Returns:
        The path of the candidate, closed and complete; None when nothing changed.
    """
    connection, batch, candidate = context.connection, context.batch, candidate_of(home)
    # A build that died also leaves its write-ahead log. DuckDB would replay the log into the new file.
    for stale in (candidate, log_of(candidate), verdict_of(home)):
        stale.unlink(missing_ok=True)
    digest = fingerprint(home, tables, keys)
    current = published(home.warehouse, keys)
    if current is not None and (current[0] > batch or current == (batch, digest)):
        return None
    known = _begin(context, home, tables, keys)
    attach(connection, candidate, "candidate", keys, read_only=False)
    try:
        for schema in SCHEMAS:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS candidate.{schema}")
        _drop(connection, known.keys() - {table.standard.id for table in tables if not table.view})
        states = [state for table in tables for state in _bring(connection, home, table, known)]
        facts = load_tables()
        _create(connection, Published(facts[TABLES], pl.DataFrame(states, schema_overrides=_STATE)))
        rows = pl.DataFrame({"batch": [batch], "fingerprint": [digest]})
        _create(connection, Published(facts["catalog.published"], rows))
    finally:
        connection.execute("DETACH candidate")
    return candidate


def _begin(context: BatchContext, home: Home, tables: Sequence[Published], keys: Keys) -> _Known:
    """Copy the published file as the candidate, if most of its rows stay; returns its tables, or an empty mapping."""
    if not home.warehouse.exists() or not has_present_key(home.warehouse, keys):
        return {}
    schema, _, name = TABLES.partition(".")
    with open_database(home.warehouse, keys) as connection:
        # A database of an earlier version has no fingerprints: it is built again as a whole, once.
        telling = connection.execute(
            "SELECT count(*) FROM duckdb_columns() "
            "WHERE schema_name = ? AND table_name = ? AND column_name = 'slice'",
            [schema, name],
        ).fetchone()
        if telling == (0,):
            return {}
        told = connection.execute(
            f"SELECT table_name, coalesce(slice, '{WHOLE}'), fingerprint, rows FROM {TABLES}"
        ).fetchall()
    known: dict[str, dict[str, tuple[str, int]]] = {}
    for name, part, fingerprint, count in told:
        known.setdefault(name, {})[part] = (fingerprint, count)
    staying = sum(_rows_staying(home, table, known) for table in tables)
    rows = sum(count for parts in known.values() for _, count in parts.values())
    if not context.lake.thresholds.allow_amendment(rows, rows - staying):
        return {}
    shutil.copyfile(home.warehouse, candidate_of(home))
    return known


def _staying(home: Home, table: Published, known: _Known) -> set[str]:
    """The slices of a table that are already published and unchanged."""
    told = known.get(table.standard.id, {})
    return {
        part
        for part, rows in table.parts.items()
        if part in told and told[part][0] == _fingerprint(home, table, rows)
    }


def _rows_staying(home: Home, table: Published, known: _Known) -> int:
    told = known.get(table.standard.id, {})
    staying = told.keys() if _rests(home, table, known) else _staying(home, table, known)
    return sum(told[part][1] for part in staying)


def _rests(home: Home, table: Published, known: _Known) -> bool:
    told = known.get(table.standard.id, {}).get(WHOLE)
    return (
        table.since is not None
        and told is not None
        and told[0] == _fingerprint(home, table, table.since.earlier)
    )


def _drop(connection: duckdb.DuckDBPyConnection, names: set[str]) -> None:
    for name in sorted(names):
        connection.execute(f"DROP TABLE {_target(name)}")


_STATE = {"slice": pl.String}


def _bring(
    connection: duckdb.DuckDBPyConnection, home: Home, table: Published, known: _Known
) -> list[dict[str, object]]:
    """Write one table into the candidate. Returns its entries in `TABLES`, one for each slice; none for a view."""
    staying, told = _staying(home, table, known), known.get(table.standard.id)
    if told is None or not staying == table.parts.keys() == told.keys():
        if table.since is not None and _rests(home, table, known):
            _lay_over(connection, table, table.since)
        elif isinstance(table.rows, Slices) and staying:
            _renew(connection, table, table.rows, staying)
        else:
            _create(connection, table)
    if table.view:
        return []
    by = f"CAST({quote(table.rows.column)} AS VARCHAR)" if isinstance(table.rows, Slices) else f"'{WHOLE}'"
    counted = connection.execute(
        f"SELECT {by}, count(*) FROM {_target(table.standard.id)} GROUP BY ALL"
    ).fetchall()
    rows: dict[str, int] = dict(counted)
    return [
        {
            "table_name": table.standard.id,
            "slice": part or None,
            "title": table.standard.title,
            "rows": rows.get(part, 0),
            "fingerprint": _fingerprint(home, table, content),
        }
        for part, content in table.parts.items()
    ]


def _renew(
    connection: duckdb.DuckDBPyConnection, table: Published, slices: Slices, staying: Collection[str]
) -> None:
    """Replace the slices that changed."""
    target, columns = _target(table.standard.id), _columns(table)
    kept = ", ".join(map(literal, sorted(staying)))
    connection.execute("BEGIN")
    connection.execute(f"DELETE FROM {target} WHERE CAST({quote(slices.column)} AS VARCHAR) NOT IN ({kept})")
    for part, query in slices.queries.items():
        if part not in staying:
            connection.execute(f"INSERT INTO {target} ({columns}) SELECT {columns} FROM ({query})")
    connection.execute("COMMIT")


def _lay_over(connection: duckdb.DuckDBPyConnection, table: Published, since: Since) -> None:
    target, key = _target(table.standard.id), quote(since.key)
    columns = _columns(table)
    connection.execute("BEGIN")
    connection.execute(f"DELETE FROM {target} WHERE {key} IN (SELECT {key} FROM {since.changes.lost})")
    connection.execute(f"INSERT INTO {target} ({columns}) SELECT {columns} FROM {since.changes.gained}")
    connection.execute("COMMIT")


def _create(connection: duckdb.DuckDBPyConnection, table: Published) -> None:
    """Write a table or a view with its comments. It replaces one of the same name."""
    target, kind, columns = _target(table.standard.id), "VIEW" if table.view else "TABLE", _columns(table)
    if isinstance(table.rows, pl.DataFrame):
        with Scratch(connection) as scratch:
            rows = scratch.frame("published rows", table.rows)
            connection.execute(f"CREATE OR REPLACE {kind} {target} AS SELECT {columns} FROM {rows}")
    else:
        parts = [part for part in table.parts.values() if not isinstance(part, pl.DataFrame)]
        rows = " UNION ALL ".join(
            f"SELECT {columns} FROM {part.scan if isinstance(part, Partition) else f'({part})'}"
            for part in parts
        )
        connection.execute(f"CREATE OR REPLACE {kind} {target} AS {rows}")
    # One transaction: without it each statement would write to the disk.
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
