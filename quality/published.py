"""What verification publishes: findings, tickets, the rules and a line for every batch."""

from __future__ import annotations

from datetime import date

import duckdb
import polars as pl

from quality import findings
from quality.agreement import agreement_rules, table_name
from quality.rules import checks
from schemas.codes import CodeLibrary
from schemas.library import Library
from schemas.tables import load_tables
from warehouse.catalogue import frame
from warehouse.lake import Lake, Partition
from warehouse.publish import Published

TICKETS = ("ticket", "all")


def finding_partitions(lake: Lake, library: Library, batch: date) -> dict[str, Partition]:
    """Table name → findings in force on the batch's day: one per dataset, one per entity's agreement."""
    names = [contract.id for contract in library]
    names += [table_name(entity) for entity in library.fed_entities]
    found = {name: lake.as_of(findings.LAYER, name, batch) for name in names}
    return {name: partition for name, partition in found.items() if partition is not None}


def findings_of(lake: Lake, library: Library, batch: date) -> str:
    """The findings of one batch as a query, every column that the lake keeps."""
    scans = [
        f"SELECT * FROM {partition.scan}" for partition in finding_partitions(lake, library, batch).values()
    ]
    day = batch.isoformat()
    return (
        f"SELECT DATE '{day}' AS batch, "
        f"* REPLACE (concat('F', upper(substr(md5(concat(finding_id, '{day}')), 1, 16))) AS finding_id) "
        f"FROM ({' UNION ALL '.join(scans)})"
    )


def quality_tables(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    library: Library,
    codes: CodeLibrary,
    batch: date,
    kept: int,
) -> list[Published]:
    """`quality.finding` of the last `kept` batches, `quality.ticket`, `catalog.rule` and `catalog.batch`.

    Args:
        connection: for the figures of each batch.
        lake: where findings and tickets are read.
        library: the contracts.
        codes: the code tables.
        batch: the day of the turn.
        kept: how many batches of findings are published; tickets and figures are kept of all.
    """
    tables = load_tables()
    days = [day for day in lake.batches(*TICKETS) if day <= batch]
    recent = " UNION ALL ".join(findings_of(lake, library, day) for day in days[-kept:])
    ticket = lake.partition(*TICKETS, batch)
    assert ticket is not None, "tickets come before publication"
    order = "ORDER BY batch, dataset, row_number, field, rule"
    return [
        Published(tables["quality.finding"], f"{recent} {order}"),
        Published(tables["quality.ticket"], f"SELECT * FROM {ticket.scan}"),
        Published(tables["catalog.rule"], rule_rows(library, codes)),
        Published(
            tables["catalog.batch"],
            frame(tables["catalog.batch"], [_figures(connection, lake, library, day) for day in days]),
        ),
    ]


def rule_rows(library: Library, codes: CodeLibrary) -> pl.DataFrame:
    """Every rule, built-in and declared, as the rows of `catalog.rule`."""
    rules = [
        (contract, check.rule, check.violates, contract.rules.count(check.rule) == 0)
        for contract in library
        for check in checks(contract, library, codes)
    ]
    rules += [(contract, rule, rule.violates, True) for contract, rule in agreement_rules(library)]
    rows = [
        {
            "dataset": contract.id,
            "rule": rule.name,
            "field": rule.field,
            "dimension": rule.dimension,
            "severity": rule.severity,
            "description": rule.description,
            "built_in": built_in,
            "violates": violates,
        }
        for contract, rule, violates, built_in in rules
    ]
    return frame(load_tables()["catalog.rule"], rows)


def _figures(
    connection: duckdb.DuckDBPyConnection, lake: Lake, library: Library, day: date
) -> dict[str, object]:
    standard = [lake.as_of("standard", contract.id, day) for contract in library]
    received = [lake.partition("extract", contract.id, day) for contract in library]
    ticket = lake.partition(*TICKETS, day)
    assert ticket is not None
    severities = dict(
        connection.execute(
            f"SELECT severity, count(*) FROM ({findings_of(lake, library, day)}) GROUP BY severity"
        ).fetchall()
    )
    to_answer, closed = connection.execute(
        f"SELECT count(*) FILTER (WHERE state IN ('open', 'returned', 'reopened')), "
        f"count(*) FILTER (WHERE state = 'closed' AND state_since = ?) FROM {ticket.scan}",
        [day],
    ).fetchall()[0]
    return {
        "batch": day,
        "extracts": sum(partition is not None for partition in received),
        "rows": sum(partition.rows for partition in standard if partition is not None),
        "findings": sum(severities.values()),
        "errors": severities.get("error", 0),
        "warnings": severities.get("warning", 0),
        "tickets_to_answer": to_answer,
        "tickets_closed": closed,
    }
