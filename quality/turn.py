"""The tickets of a batch in the lake: what the pure function of `quality.tickets` is given, where it goes."""

from __future__ import annotations

from datetime import date

import duckdb
import polars as pl

from quality.published import TICKETS, dispute_partitions, finding_partitions, findings_of
from quality.tickets import FROM_FINDING, SCHEMA, TO_ANSWER, no_tickets, tickets
from schemas.emit.sql import literal
from schemas.library import Library
from warehouse.files import digest_of_frame
from warehouse.lake import Lake
from warehouse.partition import Partition


def update_tickets(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    library: Library,
    batch: date,
    replies: pl.DataFrame,
) -> Partition:
    """Write the tickets after a batch, unless nothing they follow from has changed.

    A dataset without findings in force was not verified, its contract gone, say: its tickets stay as they are.

    Args:
        connection: to read the findings.
        lake: where findings and the tickets before are read and the new ones written.
        library: the contracts.
        batch: the day of the turn.
        replies: every accepted reply known to the batch, columns of `quality.tickets.REPLIES`.
    """
    before = lake.before(*TICKETS, batch)
    found = finding_partitions(lake, library, batch)
    inputs = {
        "batch": batch.isoformat(),
        "previous": before.fingerprint if before else "",
        "replies": digest_of_frame(replies),
        **{f"finding/{name}": partition.fingerprint for name, partition in found.items()},
        **{f"dispute/{p.table}": p.fingerprint for p in dispute_partitions(lake, library, batch)},
    }
    current = lake.fresh(*TICKETS, batch, inputs)
    if current is not None:
        return current
    previous = connection.execute(f"FROM {before.scan}").pl() if before else no_tickets()
    columns = ", ".join(("ticket_id", *FROM_FINDING))
    now = connection.execute(f"SELECT {columns} FROM ({findings_of(lake, library, batch)})").pl()
    verified = pl.col("dataset").is_in(list(found))
    moved = tickets(previous.filter(verified), now, replies, batch)
    rows = pl.concat([moved, previous.filter(~verified).select(*SCHEMA)])
    connection.register("ticket_rows", rows)
    try:
        return lake.write(
            connection,
            *TICKETS,
            batch,
            f"SELECT {', '.join(SCHEMA)} FROM ticket_rows ORDER BY ticket_id",
            inputs=inputs,
            measures=_measures(batch),
        )
    finally:
        connection.unregister("ticket_rows")


def _measures(batch: date) -> dict[str, str]:
    """What the manifest keeps of the tickets: how many wait for an answer, how many this batch closed."""
    waiting = ", ".join(literal(state) for state in TO_ANSWER)
    return {
        "to_answer": f"count(*) FILTER (state IN ({waiting}))",
        "closed": f"count(*) FILTER (state = 'closed' AND state_since = DATE '{batch.isoformat()}')",
    }
