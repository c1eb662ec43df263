"""The tickets of a batch in the lake: what the pure function of `quality.tickets.states` is given, where it goes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import polars as pl

from quality.agreement.agree import compared, rule_name
from quality.findings.verify import standard_tables
from quality.published import TICKETS, dispute_partitions, finding_partitions, findings_of
from quality.rules.rule import checks
from quality.tickets.states import FROM_FINDING, SCHEMA, TO_ANSWER, no_tickets, tickets
from schemas.codes import CodeLibrary
from schemas.contract.library import Library
from schemas.emit.sql import literal
from warehouse.home.files import digest_of_frame
from warehouse.incremental.context import BatchContext
from warehouse.incremental.inputs import Inputs
from warehouse.incremental.machine import bring_up_to_date
from warehouse.incremental.scratch import Scratch
from warehouse.incremental.stage import Stage, Work
from warehouse.lake.layers import Input, Layer
from warehouse.lake.partition import Partition


def update_tickets(context: BatchContext, replies: pl.DataFrame) -> Partition:
    """Write the tickets after a batch, unless nothing they follow from has changed.

    A dataset without findings in force was not verified, its contract gone, say: its tickets stay as they are.

    Args:
        context: the batch.
        replies: every accepted reply known to the batch, columns of `quality.tickets.states.REPLIES`.
    """
    return bring_up_to_date(context, TicketStage(context, replies))


@dataclass(frozen=True, eq=False)
class TicketStage(Stage):
    """All tickets after a batch: a pure function of those before, the findings and the replies."""

    context: BatchContext
    replies: pl.DataFrame

    layer = Layer.TICKET
    table = TICKETS[1]
    patched = False
    identity = "ticket_id"

    @cached_property
    def inputs(self) -> Inputs:
        """The findings with what disputes suggest for them, the tickets before, the replies, and the day."""
        lake, library, batch = self.context.lake, self.context.library, self.context.batch
        before = lake.before(self.layer, self.table, batch)
        return Inputs(
            program={},
            tables=(
                *self._found.values(),
                *dispute_partitions(lake, library, batch),
                *self._standard.values(),
            ),
            values={
                Input.BATCH: batch.isoformat(),
                Input.PREVIOUS: before.fingerprint if before else "",
                Input.REPLIES: digest_of_frame(self.replies),
            },
        )

    @cached_property
    def _found(self) -> dict[str, Partition]:
        return finding_partitions(self.context.lake, self.context.library, self.context.batch)

    @cached_property
    def _standard(self) -> dict[str, Partition]:
        return standard_tables(self.context.lake, self.context.library, self.context.batch)

    @property
    def measures(self) -> Mapping[str, str]:
        """How many tickets wait for an answer, and how many this batch closed."""
        return _measures(self.context.batch)

    def rows(self, work: Work) -> str:
        """The tickets as `quality.tickets.states.tickets` moves them."""
        lake, library, batch = self.context.lake, self.context.library, self.context.batch
        connection, before = self.context.connection, work.before
        previous = connection.execute(f"FROM {before.scan}").pl() if before else no_tickets()
        columns = ", ".join(("ticket_id", *FROM_FINDING))
        now = connection.execute(f"SELECT {columns} FROM ({findings_of(lake, library, batch)})").pl()
        resting = resting_rules(self.context.library, self.context.codes, self._standard.keys())
        verified = pl.col("dataset").is_in(list(self._found)) & ~pl.concat_str(
            "dataset", "rule", "field", separator="|"
        ).is_in(["|".join(rule) for rule in resting])
        moved = tickets(previous.filter(verified), now, self.replies, batch, self._gone(previous, now))
        rows = pl.concat([moved, previous.filter(~verified).select(*SCHEMA)])
        return f"SELECT {', '.join(SCHEMA)} FROM {work.scratch.frame('ticket_rows', rows)}"

    def _gone(self, previous: pl.DataFrame, now: pl.DataFrame) -> list[str]:
        """The tickets that are not found any more and whose record is not in its dataset any more."""
        left = previous.filter(pl.col("state") != "closed").join(now, on="ticket_id", how="anti")
        gone: list[str] = []
        for (dataset,), own in left.select("ticket_id", "dataset", "record_key").group_by("dataset"):
            table = self._standard.get(str(dataset))
            # Without a key a row that was mended is another record: it is not known what became of the one before.
            if table is not None and self.context.library[str(dataset)].key:
                with Scratch(self.context.connection) as scratch:
                    asked = scratch.frame("left_tickets", own)
                    found = self.context.connection.execute(
                        f"SELECT ticket_id FROM {asked} WHERE record_key NOT IN "
                        f"(SELECT record_key FROM {table.scan} WHERE record_key IN (SELECT record_key FROM {asked}))"
                    ).fetchall()
                gone += [ticket for (ticket,) in found]
        return gone


def resting_rules(
    library: Library, codes: CodeLibrary, delivered: Collection[str]
) -> set[tuple[str, str, str]]:
    """Dataset, rule and field of the rules that are not asked because a dataset that they look at was never delivered.

    What is not asked is not seen right: the tickets of these rules stay as they are.
    """
    if all(contract.id in delivered for contract in library):
        return set()
    resting = {
        (contract.id, check.rule.name, check.rule.field)
        for contract in library
        for check in checks(contract, library, codes)
        if not check.datasets <= set(delivered)
    }
    for entity in library.fed_entities:
        for sources in compared(library, entity).values():
            if len({s.contract.id for s in sources} & set(delivered)) < 2:
                resting |= {
                    (s.contract.id, rule_name(library, entity, s.contract.id, s.column.name), s.column.name)
                    for s in sources
                }
    return resting


def _measures(batch: date) -> dict[str, str]:
    """What the manifest keeps of the tickets: how many wait for an answer, how many this batch closed."""
    waiting = ", ".join(literal(state) for state in TO_ANSWER)
    return {
        "to_answer": f"count(*) FILTER (state IN ({waiting}))",
        "closed": f"count(*) FILTER (state = 'closed' AND state_since = DATE '{batch.isoformat()}')",
    }
