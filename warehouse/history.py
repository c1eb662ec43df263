"""History: since which batch each row of a governance table is as it is, and the versions that have ended.

A table's partitions form a chain, batch after batch. `valid_from` of a row comes from the partition before, and
`history/<table>` of a batch holds the rows that were in the partition before and are no longer so. Both
follow from two neighbours alone: when an older batch is made again, the chain is mended from there on
before anything is added to it, and what a batch says of the world is not touched by that. What the rows
mean is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from schemas.emit.sql import quote
from warehouse.lake import Lake, can_be_patched
from warehouse.partition import GONE, Changes, Partition
from warehouse.templates import template

LAYER = "governance"
HISTORY = "history"

# Columns that say something about a row rather than about the world: a change of these alone is none.
_ASIDE = frozenset({"provenance", "valid_from"})

# The fact that names the partition before, by fingerprint.
_BEFORE = "before"


@dataclass(frozen=True)
class Chain:
    """One governance table with its history in the lake; `key` names the columns that identify a row."""

    connection: duckdb.DuckDBPyConnection
    lake: Lake
    table: str
    key: Sequence[str]

    def fresh(self, batch: date, inputs: Mapping[str, str]) -> Partition | None:
        """The partition in force on a day, if it was made from exactly these inputs; the chain mended first."""
        self.mend(batch)
        return self.lake.fresh(LAYER, self.table, batch, inputs)

    def append(self, batch: date, query: str, inputs: Mapping[str, str]) -> Partition:
        """Write the rows of `query` as the batch's partition, and the versions that end with it."""
        before = self.lake.before(LAYER, self.table, batch)
        partition = self._write(batch, query, inputs, before)
        self._write_ended(partition, before)
        return partition

    def amend(self, batch: date, query: str, touched: str, inputs: Mapping[str, str]) -> Partition | None:
        """As `append`, of a table in which only some keys can be otherwise than in the batch before.

        Args:
            batch: the day of the turn.
            query: the rows of the touched keys.
            touched: a relation with those keys, each once, in the one column `key`.
            inputs: what the table follows from.

        Returns:
            None when there was no batch before, or when too many rows are otherwise for a patch.
        """
        before = self.lake.before(LAYER, self.table, batch)
        if before is None:
            return None
        [key] = map(quote, self.key)
        held, amended, changed = (quote(f"{self.table} {name}") for name in ("held", "amended", "changed"))
        try:
            self._keep(held, f"SELECT * FROM {before.scan} WHERE {key} IN (FROM {touched})")
            self._keep(amended, self._versions(batch, query, held))
            self._keep(
                changed,
                f"SELECT *, false AS {GONE} FROM (FROM {amended} EXCEPT FROM {held}) UNION ALL BY NAME "
                f"SELECT {key}, true AS {GONE} FROM {held} ANTI JOIN {amended} USING ({key})",
            )
            [(todo,)] = self.connection.execute(f"SELECT count(*) FROM {changed}").fetchall()
            if not can_be_patched(before, todo):
                return None
            query = f"FROM {changed} ORDER BY {key}"
            facts = {_BEFORE: _named(before)}
            partition = self.lake.patch(
                self.connection, before, batch, query, self.key[0], inputs=inputs, facts=facts
            )
            self._write_ended(partition, before, Changes(held, amended))
        finally:
            for relation in (held, amended, changed):
                self.connection.execute(f"DROP TABLE IF EXISTS {relation}")
        return partition

    def _keep(self, name: str, query: str) -> None:
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")

    def mend(self, batch: date) -> None:
        """Make every partition up to a day follow from the one before, as its neighbours now stand."""
        before: Partition | None = None
        for day in self.lake.batches(LAYER, self.table):
            if day > batch:
                return
            found = self.lake.partition(LAYER, self.table, day)
            assert found is not None
            if found.facts.get(_BEFORE) != _named(before):
                rows = f"SELECT * EXCLUDE (valid_from) FROM {found.scan}"
                found = self._write(day, rows, found.inputs, before)
            self._write_ended(found, before)
            before = found

    def _write(
        self, batch: date, rows: str, inputs: Mapping[str, str], before: Partition | None
    ) -> Partition:
        order = ", ".join(map(quote, self.key))
        if before is None:
            query = f"SELECT *, {_day(batch)} AS valid_from FROM ({rows})"
        else:
            query = self._versions(batch, rows, before.scan)
        query = f"{query} ORDER BY {order}"
        return self.lake.write(
            self.connection,
            LAYER,
            self.table,
            batch,
            query,
            inputs=inputs,
            facts={_BEFORE: _named(before)},
        )

    def _versions(self, batch: date, rows: str, before: str) -> str:
        """The rows of a query with the batch since when each is as it is, beside the relation before."""
        known = set(self._columns(before))
        compared = [c for c in self._columns(f"({rows})") if c in known and c not in _ASIDE]
        return template("warehouse", "versions").format(
            rows=rows,
            before=before,
            same=" AND ".join(f"now.{c} IS NOT DISTINCT FROM before.{c}" for c in map(quote, compared)),
            joined=self._joined(),
            today=_day(batch),
        )

    def _write_ended(self, now: Partition, before: Partition | None, changes: Changes | None = None) -> None:
        """Write the versions that ended; if known, only `changes` are looked at: both relations may hold more."""
        inputs = {"before": _named(before), "now": now.fingerprint}
        found = self.lake.partition(HISTORY, self.table, now.batch)
        if before is None or (found is not None and dict(found.inputs) == inputs):
            return
        changes = changes or now.changes(before)
        query = template("warehouse", "ended").format(
            before=changes.lost if changes else before.scan,
            now=changes.gained if changes else now.scan,
            joined=self._joined(),
            today=_day(now.batch),
            order=", ".join(f"before.{quote(column)}" for column in self.key),
        )
        self.lake.write(self.connection, HISTORY, self.table, now.batch, query, inputs=inputs)

    def _joined(self) -> str:
        return " AND ".join(f"now.{column} = before.{column}" for column in map(quote, self.key))

    def _columns(self, relation: str) -> list[str]:
        return [row[0] for row in self.connection.execute(f"DESCRIBE FROM {relation}").fetchall()]


def ended(lake: Lake, table: str, batch: date) -> list[Partition]:
    """The partitions of versions of a table that ended up to a day, oldest first."""
    days = [day for day in lake.batches(LAYER, table) if day <= batch]
    found = (lake.partition(HISTORY, table, day) for day in days)
    return [partition for partition in found if partition is not None]


def _named(partition: Partition | None) -> str:
    return partition.fingerprint if partition else ""


def _day(batch: date) -> str:
    return f"DATE '{batch.isoformat()}'"
