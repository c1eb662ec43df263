"""The standard tables of the newest batch as a database for queries, beside the warehouse.

Rows of a dataset that feeds no entity are published only here. Each dataset has one table in the schema `main`. The
database is attached as `standard`, so that a query names `standard.<department>_<dataset>`. A table is written again
only when its partition, its contract's texts or the key changed.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from schemas.contract.library import Library
from schemas.contract.model import Contract, comment
from schemas.emit.sql import literal, quote
from warehouse.home.encryption import NO_KEYS, Keys, attach
from warehouse.home.files import digest_of, flush, sha256_of
from warehouse.home.folders import Home
from warehouse.lake.layers import Layer
from warehouse.lake.partition import Partition
from warehouse.lake.store import Lake
from warehouse.publish.accepted import HIDDEN, accepted_standard, log_of
from warehouse.publish.checksums import Checksums, announce, settle, write_checksums
from warehouse.publish.switch import has_present_key, open_database, published
from warehouse.standard.values import delivered_name

# Comments of the columns that `warehouse.standard.standardise` adds to the contract's columns.
_COMMON = {
    "record_key": "记录标识：由主键各列组成；主键为空时为整行的摘要",
    "_row": "行标识：区分各行，跨批次不变",
    "_line": "行号：在交付文件中的行号",
    "_sheet": "工作表：有多个工作表的文件才有",
    "_extract_id": "交付编号：该行来自哪一次交付",
    "_corrected": "已更正的字段：每个已确认更正的字段在来源中的值",
}

_NAME = "standard_draft"


@dataclass(frozen=True)
class _StandardTable:
    """A table to write: its dataset, its partition and its inputs."""

    contract: Contract
    partition: Partition
    comments: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the rows and of every comment."""
        return digest_of([self.partition.fingerprint, self.contract.comment, dict(self.comments)])


def draft_of(home: Home) -> Path:
    """The path of the next file while it is written."""
    return home.root / ".standard.draft.duckdb"


def table_name(contract: Contract) -> str:
    """The name of a dataset's table."""
    return f"{contract.department}_{contract.dataset}"


def make_standard(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    lake: Lake,
    library: Library,
    batch: date,
    keys: Keys = NO_KEYS,
) -> tuple[str, ...]:
    """Bring the file up to the newest batch, in one step.

    Args:
        connection: reads the lake and writes the draft.
        home: the file lies beside the warehouse.
        lake: its standard tables.
        library: the datasets.
        batch: the day of the turn; if a later batch is published, the later day.
        keys: the present key encrypts the file.

    Returns:
        The tables that were written. If nothing changed, it is empty and the file is not touched.

    Raises:
        WrongKey: the published warehouse is encrypted with none of the keys.
    """
    current = published(home.warehouse, keys)
    wanted = _wanted(lake, library, max(batch, current[0]) if current else batch)
    made = _made(home, keys)
    prints = {name: table.fingerprint for name, table in wanted.items()}
    if made is not None and {name: fingerprint for name, (fingerprint, _) in made.items()} == prints:
        return ()
    staying = {name for name, (fingerprint, _) in (made or {}).items() if prints.get(name) == fingerprint}
    _begin(home, made or {}, staying)
    written = tuple(name for name in wanted if name not in staying or not draft_of(home).exists())
    _write(connection, home, wanted, written, keys)
    _put_in_place(home)
    return written


def settle_standard(home: Home) -> None:
    """End a switch of the file that an orphaned run began."""
    settle(home.standard_accepted, home.standard)


def vouch_standard(home: Home) -> None:
    """Accept the present checksum of the file; for callers that rewrote it."""
    if home.standard.exists():
        write_checksums(home.standard_accepted, Checksums(sha256_of(home.standard)))


def _wanted(lake: Lake, library: Library, batch: date) -> dict[str, _StandardTable]:
    found = ((contract, lake.as_of(Layer.STANDARD, contract.id, batch)) for contract in library)
    return {
        table_name(contract): _StandardTable(contract, partition, _comments(contract))
        for contract, partition in found
        if partition is not None
    }


def _comments(contract: Contract) -> dict[str, str]:
    """Column → comment: the contract's columns, their `__delivered` columns, and the common columns."""
    parsed = {
        delivered_name(column): comment(f"{column.title}（原文）", "不能转换的原文，能转换时为空")
        for column in contract.delivered_columns
        if column.type != "string"
    }
    return {**_COMMON, **{column.name: column.comment for column in contract.columns}, **parsed}


def _made(home: Home, keys: Keys) -> dict[str, tuple[str, int]] | None:
    """Table → fingerprint and row count in the file; None without a sound file under the present key."""
    if not home.standard.exists() or sha256_of(home.standard) not in accepted_standard(home).of_current:
        return None
    if log_of(home.standard).exists() or not has_present_key(home.standard, keys):
        return None
    with open_database(home.standard, keys) as database:
        rows = database.execute(f"SELECT table_name, fingerprint, rows FROM {HIDDEN}.standard").fetchall()
    return {name: (fingerprint, count) for name, fingerprint, count in rows}


def _begin(home: Home, made: Mapping[str, tuple[str, int]], staying: set[str]) -> None:
    """Copy the present file as the draft, if most of its rows stay."""
    draft = draft_of(home)
    for stale in (draft, log_of(draft)):
        stale.unlink(missing_ok=True)
    rows = sum(made[name][1] for name in staying)
    if staying and 2 * rows >= sum(count for _, count in made.values()):
        shutil.copyfile(home.standard, draft)


def _write(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    wanted: Mapping[str, _StandardTable],
    written: tuple[str, ...],
    keys: Keys,
) -> None:
    attach(connection, draft_of(home), _NAME, keys, read_only=False)
    try:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_NAME}.{HIDDEN}")
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {_NAME}.{HIDDEN}.standard "
            "(table_name VARCHAR, fingerprint VARCHAR, rows BIGINT)"
        )
        there = connection.execute(f"SELECT table_name FROM {_NAME}.{HIDDEN}.standard").fetchall()
        for (name,) in there:
            if name not in wanted or name in written:
                connection.execute(f"DROP TABLE {_target(name)}")
                connection.execute(f"DELETE FROM {_NAME}.{HIDDEN}.standard WHERE table_name = ?", [name])
        for name in written:
            _create(connection, name, wanted[name])
    finally:
        connection.execute(f"DETACH {_NAME}")


def _create(connection: duckdb.DuckDBPyConnection, name: str, table: _StandardTable) -> None:
    target = _target(name)
    connection.execute(f"CREATE TABLE {target} AS FROM {table.partition.scan}")
    described = connection.execute(f"DESCRIBE {target}").fetchall()
    # One transaction: without it each statement would write to the disk.
    connection.execute("BEGIN")
    connection.execute(f"COMMENT ON TABLE {target} IS {literal(table.contract.comment)}")
    for column, *_ in described:
        told = literal(table.comments.get(column, column))
        connection.execute(f"COMMENT ON COLUMN {target}.{quote(column)} IS {told}")
    connection.execute(
        f"INSERT INTO {_NAME}.{HIDDEN}.standard SELECT ?, ?, count(*) FROM {target}",
        [name, table.fingerprint],
    )
    connection.execute("COMMIT")


def _put_in_place(home: Home) -> None:
    draft = draft_of(home)
    # Announced before the rename: if the run dies in between, the old and the new file are both accepted.
    settle_standard(home)
    sha256 = sha256_of(draft)
    announce(home.standard_accepted, sha256, home.standard)
    flush(draft)
    draft.replace(home.standard)
    flush(home.root)
    write_checksums(home.standard_accepted, Checksums(sha256))


def _target(name: str) -> str:
    return f"{_NAME}.main.{quote(name)}"
