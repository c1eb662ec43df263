"""What verification publishes: findings, tickets, the rules and a line for every batch."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date

import polars as pl

from quality.agreement.agree import agreement_rules, table_name
from quality.agreement.conflicts import dispute_name
from quality.rules.routing import no_findings
from quality.rules.rule import checks
from schemas.codes import CodeLibrary
from schemas.contract.library import Library
from schemas.emit.sql import literal
from schemas.tables import load_tables
from warehouse.collect.extracts.row_positions import places_in
from warehouse.engine.templates import template
from warehouse.incremental.context import BatchContext
from warehouse.lake.layers import Layer
from warehouse.lake.partition import Partition
from warehouse.lake.store import Lake
from warehouse.publish.candidate import Published, Slices
from warehouse.publish.catalogue import frame
from warehouse.standard.standardise import extracts_in_force

TICKETS = (Layer.TICKET, "all")


def finding_partitions(lake: Lake, library: Library, batch: date) -> dict[str, Partition]:
    """Table name → findings in force on the batch's day: one per dataset, one per entity's agreement."""
    found = {name: lake.as_of(Layer.FINDING, name, batch) for name in _finding_tables(library)}
    return {name: partition for name, partition in found.items() if partition is not None}


def _finding_tables(library: Library) -> list[str]:
    agreements = [table_name(entity) for entity in library.fed_entities]
    return [*(contract.id for contract in library), *agreements]


def findings_of(lake: Lake, library: Library, batch: date) -> str:
    """The findings of one batch as a query, every column that the lake keeps, dataset by dataset in row order.

    Each names the newest delivery that its row is in, and where the row stands there.
    """
    partitions = finding_partitions(lake, library, batch).values()
    scans = [f"SELECT * FROM {partition.scan}" for partition in partitions] or [no_findings()]
    advice = [
        f"SELECT finding_id, suggestion, evidence FROM {disputes.scan} WHERE finding_id IS NOT NULL"
        for disputes in dispute_partitions(lake, library, batch)
    ]
    moved, renamed = _places(lake, library, batch)
    return template("quality", "published").format(
        day=batch.isoformat(),
        moved=moved,
        renamed=renamed,
        findings=" UNION ALL ".join(scans),
        advice=" UNION ALL ".join(
            advice or ["SELECT '' AS finding_id, '' AS suggestion, '' AS evidence WHERE false"]
        ),
    )


def _places(lake: Lake, library: Library, batch: date) -> tuple[str, str]:
    """Relations: rows that stand elsewhere than when they came first, and deliveries with the newest of their rows."""
    places = [
        (contract.id, places_in(lake, extract))
        for contract in library
        for extract in extracts_in_force(lake, contract.id, batch)
    ]
    moved = [
        f"SELECT {literal(dataset)} AS dataset, _row, _line, _sheet FROM {found.moved.scan}"
        for dataset, found in places
        if found.moved is not None and found.moved.rows
    ]
    renamed = [
        f"({literal(old)}, {literal(new)})" for _, found in places for old, new in found.renamed.items()
    ]
    nowhere = "SELECT '' AS dataset, 0::BIGINT AS _row, 0::BIGINT AS _line, '' AS _sheet WHERE false"
    return " UNION ALL ".join(moved or [nowhere]), ", ".join(renamed or ["('', '')"])


def dispute_partitions(lake: Lake, library: Library, batch: date) -> list[Partition]:
    """The disputes of each entity; among them stands what other sources suggest for faulty values."""
    found = (lake.as_of(Layer.FINDING, dispute_name(entity), batch) for entity in library.fed_entities)
    return [partition for partition in found if partition is not None]


def quality_tables(context: BatchContext, kept: int) -> list[Published]:
    """`quality.finding` of the last `kept` batches, `quality.ticket`, `catalog.rule` and `catalog.batch`.

    Args:
        context: the batch.
        kept: how many batches of findings are published; tickets and figures are kept of all.
    """
    tables, lake, library, batch = load_tables(), context.lake, context.library, context.batch
    days = [day for day in lake.batches(*TICKETS) if day <= batch]
    recent = {day.isoformat(): findings_of(lake, library, day) for day in days[-kept:]}
    ticket = lake.partition(*TICKETS, batch)
    assert ticket is not None, "tickets come before publication"
    figures = frame(tables["catalog.batch"], _figures(lake, library, days))
    return [
        Published(tables["quality.finding"], Slices("batch", recent)),
        Published(tables["quality.ticket"], ticket),
        Published(tables["catalog.rule"], rule_rows(library, context.codes)),
        Published(tables["catalog.batch"], figures),
    ]


def rule_rows(library: Library, codes: CodeLibrary) -> pl.DataFrame:
    """Every rule, built-in and declared, as the rows of `catalog.rule`."""
    rules = [
        (contract, check.rule, check.violates, check.rule not in contract.rules)
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


def _figures(lake: Lake, library: Library, days: Sequence[date]) -> list[dict[str, object]]:
    """Each batch in figures, as the manifests tell them: no table is read for it."""
    datasets = [contract.id for contract in library]
    extracts = [_BatchLine(lake, Layer.EXTRACT, dataset) for dataset in datasets]
    standard = [_BatchLine(lake, Layer.STANDARD, dataset) for dataset in datasets]
    found = [_BatchLine(lake, Layer.FINDING, name) for name in _finding_tables(library)]
    tickets = _BatchLine(lake, *TICKETS)
    return [
        {
            "batch": day,
            "extracts": sum(day in line.days for line in extracts),
            "rows": sum(line.rows(day) for line in standard),
            "findings": sum(line.rows(day) for line in found),
            "errors": sum(line.fact(day, "errors") for line in found),
            "warnings": sum(line.fact(day, "warnings") for line in found),
            "tickets_to_answer": tickets.fact(day, "to_answer"),
            "tickets_closed": tickets.fact(day, "closed"),
        }
        for day in days
    ]


class _BatchLine:
    """Every partition of a table, read once: a platform that has run for years has thousands."""

    def __init__(self, lake: Lake, layer: Layer, table: str) -> None:
        self.days = lake.batches(layer, table)
        self.partitions = [lake.partition(layer, table, day) for day in self.days]

    def rows(self, day: date) -> int:
        """The rows in force on a day."""
        partition = self._as_of(day)
        return partition.rows if partition else 0

    def fact(self, day: date, name: str) -> int:
        """A count that the manifest in force on a day keeps."""
        partition = self._as_of(day)
        count = partition.facts[name] if partition else 0
        assert isinstance(count, int)
        return count

    def _as_of(self, day: date) -> Partition | None:
        place = bisect_right(self.days, day)
        return self.partitions[place - 1] if place else None
