"""History: the batch in which each version of a governance row begins, and the versions that have ended.

A table's partitions form a chain, batch after batch. An unchanged row takes `valid_from` from the partition before.
`history/<table>` of a batch holds the rows of the partition before that were changed or deleted. Example: a person
moves on 2026-03-03; the old row ends in that batch's history, the new row is valid from that day. Both depend only on
two neighbours: when an older batch is made again, the chain is repaired from this batch on before a new partition is
added. The repair changes no attribute. This module does not know the meaning of the rows.
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

# Columns about the row, not about the entity: a change of only these columns starts no new version.
_ASIDE = frozenset({"provenance", "valid_from"})

# The fact that holds the fingerprint of the partition before.
_BEFORE = "before"


class VersionedStage(Stage):
    """A governance table whose rows have `valid_from`, the batch in which their version begins."""

    layer = Layer.GOVERNANCE
    patched = True

    @abstractmethod
    def unversioned(self, work: Work) -> str:
        """SQL of the rows without `valid_from`, of all keys or of the affected keys."""

    def rows(self, work: Work) -> str:
        """The rows with `valid_from`."""
        return _versions(work.context, self.identity, self.unversioned(work), work.held)

    def facts(self, before: Partition | None) -> Mapping[str, object]:
        """The fingerprint of the partition before, which proves that the chain is whole."""
        return {_BEFORE: _named(before)}

    def prepare(self, context: BatchContext) -> None:
        """Repair the chain up to the batch: each partition follows from the present partition before it."""
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
    """The rows of a query with `valid_from`; `before` is the relation of the rows before."""
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
    """The partitions of a table's ended versions up to a day, oldest first."""
    days = [day for day in lake.batches(Layer.GOVERNANCE, table) if day <= batch]
    found = (lake.partition(Layer.HISTORY, table, day) for day in days)
    return [partition for partition in found if partition is not None]


def _named(partition: Partition | None) -> str:
    return partition.fingerprint if partition else ""


def _day(batch: date) -> str:
    return f"DATE '{batch.isoformat()}'"
