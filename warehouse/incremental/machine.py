"""Brings a table of the lake up to date. All stages use this module.

1. A partition that was made from the same inputs stays.
2. If inputs changed, the table of the batch before is amended: the stage names the affected keys, makes their rows,
   and writes the changed rows as a patch, or writes them together with the rows that are carried over.
3. If the program changed, if few rows are read, or if many rows may differ, all rows are made again.

Example: one resident of a million moves. The standard table of the population has one changed row; `affected` names
this row; its findings are made again, all other findings are carried over.
"""

from __future__ import annotations

from schemas.emit.sql import quote
from warehouse.incremental.context import BatchContext
from warehouse.incremental.inputs import Predecessor
from warehouse.incremental.scratch import Scratch
from warehouse.incremental.stage import Stage, Work
from warehouse.lake.partition import GONE, Changes, Partition
from warehouse.lake.store import Origin


def bring_up_to_date(context: BatchContext, stage: Stage) -> Partition:
    """The partition of a stage's table that is in force on the batch's day. It is written if its inputs changed.

    Raises:
        DamagedPartition: the manifest of an input cannot be read.
    """
    lake, batch = context.lake, context.batch
    stage.prepare(context)
    current = lake.fresh(stage.layer, stage.table, batch, stage.inputs.fingerprints)
    if current is not None:
        return current
    before = lake.before(stage.layer, stage.table, batch)
    with Scratch(context.connection) as scratch:
        amended = _amend(context, stage, before, scratch) if before is not None else None
        return amended if amended is not None else _make_anew(context, stage, before, scratch)


def _make_anew(context: BatchContext, stage: Stage, before: Partition | None, scratch: Scratch) -> Partition:
    work = Work(context, scratch, before, held=before.scan if before is not None else None)
    written = _write(context, stage, before, f"SELECT * FROM ({stage.rows(work)}) ORDER BY {stage.order}")
    stage.finish(work, written, None)
    return written


def _amend(context: BatchContext, stage: Stage, before: Partition, scratch: Scratch) -> Partition | None:
    """The table before, with the rows of affected keys made again; None when making all rows is faster."""
    thresholds = context.lake.thresholds
    if not stage.inputs.have_program_of(before):
        return None
    if thresholds.are_few(stage.rows_read) and not stage.spares_few:
        return None
    query = stage.affected(Predecessor(context.lake, before), scratch)
    if query is None:
        return None
    identity = quote(stage.identity)
    affected = scratch.table(
        "affected", f"SELECT DISTINCT {identity} AS key FROM ({query}) WHERE {identity} IS NOT NULL"
    )
    if not thresholds.allow_amendment(stage.size(before), scratch.rows(affected)):
        return None
    if not stage.patched:
        return _carry_over(context, stage, Work(context, scratch, before, affected))
    held = scratch.table(
        "held", f"SELECT * FROM {before.scan} WHERE {identity} IN (SELECT key FROM {affected})"
    )
    return _patch(context, stage, before, Work(context, scratch, before, affected, held))


def _patch(context: BatchContext, stage: Stage, before: Partition, work: Work) -> Partition | None:
    """Write the affected rows that differ from before, and the identities of deleted rows.

    Returns:
        None when so many rows differ that the whole table is written again.
    """
    identity = quote(stage.identity)
    made = work.scratch.table("made", stage.rows(work))
    changed = work.scratch.table(
        "changed",
        f"SELECT *, false AS {GONE} FROM (FROM {made} EXCEPT FROM {work.held}) UNION ALL BY NAME "
        f"SELECT {identity}, true AS {GONE} FROM {work.held} ANTI JOIN {made} USING ({identity})",
    )
    if not context.lake.thresholds.allow_patch(before.rows, work.scratch.rows(changed)):
        return None
    query = f"FROM {changed} ORDER BY {identity}"
    written = context.lake.patch(
        context.connection,
        before,
        context.batch,
        query,
        stage.identity,
        Origin(stage.inputs.fingerprints, stage.facts(before)),
    )
    assert work.held is not None
    stage.finish(work, written, Changes(work.held, made))
    return written


def _carry_over(context: BatchContext, stage: Stage, work: Work) -> Partition:
    """Write the old rows of keys that are not affected, and the new rows of affected keys."""
    made = stage.rows(work)
    query = f"SELECT * FROM ({stage.carried(work)} UNION ALL BY NAME ({made})) ORDER BY {stage.order}"
    written = _write(context, stage, work.before, query)
    stage.finish(work, written, None)
    return written


def _write(context: BatchContext, stage: Stage, before: Partition | None, query: str) -> Partition:
    return context.lake.write(
        context.connection,
        stage.layer,
        stage.table,
        context.batch,
        query,
        Origin(stage.inputs.fingerprints, stage.facts(before), stage.measures),
    )
