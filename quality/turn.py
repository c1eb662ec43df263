"""The tickets of a batch in the lake: what the pure function of `quality.tickets` is given and where it goes."""

from __future__ import annotations

from datetime import date

import duckdb
import polars as pl

from quality.published import TICKETS, finding_partitions, findings_of
from quality.tickets import SCHEMA, no_tickets, tickets
from schemas.library import Library
from warehouse.lake import Lake, Partition, digest_of


def update_tickets(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    library: Library,
    batch: date,
    replies: pl.DataFrame,
) -> Partition:
    """Write the tickets after a batch, unless nothing they follow from has changed.

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
        "replies": digest_of(replies.rows()),
        **{f"finding/{name}": partition.fingerprint for name, partition in found.items()},
    }
    current = lake.fresh(*TICKETS, batch, inputs)
    if current is not None:
        return current
    previous = connection.execute(f"SELECT * FROM {before.scan}").pl() if before else no_tickets()
    now = connection.execute(
        f"SELECT * FROM ({findings_of(lake, library, batch)}) ORDER BY dataset, row_number, field, rule"
    ).pl()
    connection.register("ticket_rows", tickets(previous, now, replies, batch))
    columns = ", ".join(SCHEMA)
    try:
        return lake.write(connection, *TICKETS, batch, f"SELECT {columns} FROM ticket_rows", inputs=inputs)
    finally:
        connection.unregister("ticket_rows")
