"""History: since which batch each row of a governance table is as it is, and the versions that have ended.

A table's partitions form a chain, batch after batch. `valid_from` of a row comes from the partition before, and
`history/<table>` of a batch holds the rows that were in the partition before and are no longer so. Both
follow from two neighbours alone: when an older batch is made again, the chain is mended from there on
before anything is added to it, and what a batch says of the world is not touched by that. What the rows
mean is not known here.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from schemas.emit.sql import quote
from warehouse.engine.templates import template
from warehouse.incremental.context import BatchContext
from warehouse.incremental.stage import Stage, Work
from warehouse.lake.layers import Input, Layer
from warehouse.lake.partition import Changes, Partition
from warehouse.lake.store import Lake, Origin

# Columns that say something about a row rather than about the world: a change of these alone is none.
_ASIDE = frozenset({"provenance", "valid_from"})

# The fact that names the partition before, by fingerprint.
_BEFORE = "before"


class VersionedStage(Stage):
    """A governance table whose rows say since which batch they are as they are."""

    layer = Layer.GOVERNANCE
    patched = True

    @abstractmethod
    def unversioned(self, work: Work) -> str:
        """SQL of the rows without `valid_from`: of all keys, or of the affected ones."""

    def rows(self, work: Work) -> str:
        """The rows with the batch since when each is as it is."""
        return _versions(work.context, self.identity, self.unversioned(work), work.held)

    def facts(self, before: Partition | None) -> Mapping[str, object]:
        """The partition before, by which the chain is known to be whole."""
        return {_BEFORE: _named(before)}

    def prepare(self, context: BatchContext) -> None:
        """Make every partition up to the batch follow from the one before, as its neighbours now stand."""
        before: Partition | None = None
        for day in context.lake.batches(self.layer, self.table):
            if day > context.batch:
                return
            found = context.lake.partition(self.layer, self.table, day)
            assert found is not None
            of_day = replace(context, batch=day)
            if found.facts.get(_BEFORE) != _named(before):
                rows = f"SELECT * EXCLUDE (valid_from) FROM {found.scan}"
                query = _versions(of_day, self.identity, rows, before.scan if before else None)
                found = context.lake.write(
                    context.connection,
                    self.layer,
                    self.table,
                    day,
                    f"{query} ORDER BY {self.order}",
                    Origin(found.inputs, self.facts(before)),
                )
            self._write_ended(of_day, found, before, None)
            before = found

    def finish(self, work: Work, written: Partition, changes: Changes | None) -> None:
        """Write the versions that ended with the batch."""
        self._write_ended(work.context, written, work.before, changes)

    def _write_ended(
        self, context: BatchContext, now: Partition, before: Partition | None, changes: Changes | None
    ) -> None:
        inputs: dict[str, str] = {Input.BEFORE: _named(before), Input.NOW: now.fingerprint}
        found = context.lake.partition(Layer.HISTORY, self.table, now.batch)
        if before is None or (found is not None and dict(found.inputs) == inputs):
            return
        changes = changes or now.changes(before)
        query = template("warehouse", "ended").format(
            before=changes.lost if changes else before.scan,
            now=changes.gained if changes else now.scan,
            key=quote(self.identity),
            today=_day(now.batch),
        )
        context.lake.write(context.connection, Layer.HISTORY, self.table, now.batch, query, Origin(inputs))


def _versions(context: BatchContext, identity: str, rows: str, before: str | None) -> str:
    """The rows of a query with the batch since when each is as it is, beside the relation of rows before."""
    if before is None:
        return f"SELECT *, {_day(context.batch)} AS valid_from FROM ({rows})"
    known = set(_columns(context, before))
    compared = [c for c in _columns(context, f"({rows})") if c in known and c not in _ASIDE]
    return template("warehouse", "versions").format(
        rows=rows,
        before=before,
        same=" AND ".join(f"now.{c} IS NOT DISTINCT FROM before.{c}" for c in map(quote, compared)),
        key=quote(identity),
        today=_day(context.batch),
    )


def _columns(context: BatchContext, relation: str) -> list[str]:
    return [row[0] for row in context.connection.execute(f"DESCRIBE FROM {relation}").fetchall()]


def ended(lake: Lake, table: str, batch: date) -> list[Partition]:
    """The partitions of versions of a table that ended up to a day, oldest first."""
    days = [day for day in lake.batches(Layer.GOVERNANCE, table) if day <= batch]
    found = (lake.partition(Layer.HISTORY, table, day) for day in days)
    return [partition for partition in found if partition is not None]


def _named(partition: Partition | None) -> str:
    return partition.fingerprint if partition else ""


def _day(batch: date) -> str:
    return f"DATE '{batch.isoformat()}'"
