"""Findings: one pass over a dataset's standard table for all of its row rules, every failing row kept.

The result is row × field × rule with the observed value, the suggestion, the evidence and the township. Earlier
findings stay where no input of a rule has changed (`quality.findings.affected_rows`). `quality.rules.plan` compiles
the queries of a dataset; `quality.tickets.states` turns findings into tickets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from quality.findings.affected_rows import Reach, affected_rows, reach_of
from quality.rules.plan import VerificationPlan, compile_verification, fill
from quality.rules.routing import COLUMNS, ORDER
from schemas.contract.library import Library
from schemas.contract.model import Contract
from schemas.emit.sql import literal
from warehouse.incremental.context import BatchContext
from warehouse.incremental.inputs import Inputs, Predecessor
from warehouse.incremental.machine import bring_up_to_date
from warehouse.incremental.scratch import Scratch
from warehouse.incremental.stage import Stage, Work
from warehouse.lake.layers import Layer
from warehouse.lake.partition import Partition
from warehouse.lake.store import Lake

# What the manifest of findings keeps of them: catalogues count without reading.
MEASURES: Mapping[str, str] = {
    "errors": "count(*) FILTER (severity = 'error')",
    "warnings": "count(*) FILTER (severity = 'warning')",
}


# No check has this rule and field.
_NO_RULE = ("('', '')",)


def standard_tables(lake: Lake, library: Library, batch: date) -> dict[str, Partition]:
    """Dataset → its standard table in force on the batch's day, for those that were ever delivered."""
    found = {contract.id: lake.as_of(Layer.STANDARD, contract.id, batch) for contract in library}
    return {dataset: table for dataset, table in found.items() if table is not None}


def verify(context: BatchContext, contract: Contract) -> Partition | None:
    """Write the findings of one dataset's row rules, unless nothing they follow from has changed.

    A check that looks at a dataset which was never delivered has nothing to say and is left out.

    Returns:
        The partition in force (columns of `quality.rules.routing`), or None when the dataset was never delivered.
    """
    tables = standard_tables(context.lake, context.library, context.batch)
    if contract.id not in tables:
        return None
    plan = compile_verification(contract, context.library, context.codes, tables.keys())
    return bring_up_to_date(context, FindingStage(plan, tables, context.batch))


@dataclass(frozen=True)
class FindingStage(Stage):
    """The findings of a dataset; those of a row stay while nothing that its checks look at has changed."""

    plan: VerificationPlan
    tables: Mapping[str, Partition]
    batch: date

    layer = Layer.FINDING
    patched = False
    identity = "_row"
    order = ORDER
    measures = MEASURES

    @property
    def table(self) -> str:
        """The dataset."""
        return self.plan.contract.id

    @cached_property
    def inputs(self) -> Inputs:
        """What the plan says that it reads."""
        read = sorted(self.plan.datasets & self.tables.keys())
        return Inputs(self.plan.program, tuple(self.tables[d] for d in read), self.plan.values(self.batch))

    @property
    def rows_read(self) -> int:
        """The rows that are judged."""
        return self.tables[self.table].rows

    def size(self, before: Partition) -> int:
        """The rows that are judged: findings are of a few of them."""
        return self.rows_read

    def facts(self, before: Partition | None) -> Mapping[str, object]:
        """How many checks were made."""
        return {"rules": len(self.plan.checks)}

    def affected(self, before: Predecessor, scratch: Scratch) -> str | None:
        """The rows whose findings may differ, see `quality.findings.affected_rows`."""
        reach = self._reach(before)
        return affected_rows(reach, self.plan, self.tables) if reach is not None else None

    def carried(self, work: Work) -> str:
        """The findings of other rows, by the checks that need not be asked of every row."""
        again = [
            f"({literal(check.rule.name)}, {literal(check.rule.field)})"
            for check in self._reached(work).again
        ]
        return (
            f"SELECT {', '.join(COLUMNS)} FROM {self._before(work).scan} "
            f"WHERE (rule, field) IN ({', '.join(again or _NO_RULE)}) AND _row NOT IN ({work.of_affected})"
        )

    def rows(self, work: Work) -> str:
        """The findings of all rows, or of the affected ones and by the checks that are asked of every row."""
        scans = {dataset: table.scan for dataset, table in self.tables.items()}
        if work.affected is None:
            return fill(self.plan.statement, scans, self.batch)
        reach, hits = self._reached(work), []
        if reach.again and work.scratch.rows(work.affected):
            # In a statement of its own: with all numbers known, DuckDB skips rows that lie before or behind them.
            rows = work.scratch.table(
                "judged", f"SELECT * FROM {scans[self.table]} WHERE _row IN ({work.of_affected})"
            )
            hits.append(self.plan.hits(reach.again, rows))
        if reach.whole:
            # Few rules are left, and their guards let few rows through to the calls that would be worth sharing.
            hits.append(self.plan.hits(reach.whole, share=False))
        if not hits:
            return f"SELECT {', '.join(COLUMNS)} FROM {self._before(work).scan} WHERE false"
        return fill(self.plan.findings(hits), scans, self.batch)

    def _reach(self, before: Predecessor) -> Reach | None:
        return reach_of(before, self.plan, self.tables, self.batch)

    def _reached(self, work: Work) -> Reach:
        reach = self._reach(Predecessor(work.context.lake, self._before(work)))
        assert reach is not None, "without it all findings are made anew"
        return reach

    def _before(self, work: Work) -> Partition:
        assert work.before is not None
        return work.before
