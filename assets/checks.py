"""Asset checks: facts about a stage's data that a person should notice, made by one factory.

A check never stops the loop (only the acceptance gate in `assets.publication` does): it shows red in the UI
and in the run's result. Single bad values are findings, not checks.
"""

from collections.abc import Callable
from datetime import date

import dagster as dg
import duckdb
import polars as pl

from assets.common import BATCHES, PLATFORM, batch_of, key_of
from assets.findings import TICKETS
from assets.platform import Platform
from quality.published import TICKETS as TICKET_TABLE
from schemas.contract import Contract
from schemas.library import Library
from warehouse.collect.desk import REFUSAL, receipts

# What a check says: whether it passed, and facts for its metadata.
Outcome = tuple[bool, dict[str, object]]
Question = Callable[[Platform, duckdb.DuckDBPyConnection, date], Outcome]


def asset_check(asset: dg.AssetKey, name: str, description: str, ask: Question) -> dg.AssetChecksDefinition:
    """Make a check of a question about an asset's data on the batch's day."""

    @dg.asset_check(
        asset=asset,
        name=name,
        description=description,
        partitions_def=BATCHES,
        required_resource_keys={PLATFORM},
    )
    def _check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        platform: Platform = getattr(context.resources, PLATFORM)
        with platform.engine.connect() as connection:
            passed, facts = ask(platform, connection, batch_of(context))
        return dg.AssetCheckResult(passed=passed, metadata=facts)

    return _check


def all_checks(library: Library) -> list[dg.AssetChecksDefinition]:
    """Every check of every stage."""
    checks = []
    for contract in library:
        checks += [
            asset_check(
                key_of("extract", contract.id),
                "readable",
                "本批次收到的文件都能读取",
                _readable(contract),
            ),
            asset_check(
                key_of("extract", contract.id),
                "volume",
                "本次交付的行数不少于上次的一半",
                _volume(contract),
            ),
            asset_check(
                key_of("standard", contract.id),
                "structure",
                "字段与类型符合合同（pandera）",
                _structure(contract),
            ),
            asset_check(
                key_of("standard", contract.id), "complete", "没有丢行：行数与交付相同", _complete(contract)
            ),
        ]
    checks.append(asset_check(TICKETS, "identity", "每个工单号只有一行", _identity))
    return checks


def _readable(contract: Contract) -> Question:
    def ask(platform: Platform, _: duckdb.DuckDBPyConnection, batch: date) -> Outcome:
        own = [r for r in receipts(platform.home.inbox, batch) if r.dataset == contract.id]
        refused = [r.file for r in own if (r.path.parent / REFUSAL).exists()]
        return not refused, {"files": len(own), "refused": ", ".join(refused)}

    return ask


def _volume(contract: Contract) -> Question:
    def ask(platform: Platform, _: duckdb.DuckDBPyConnection, batch: date) -> Outcome:
        now = platform.lake.partition("extract", contract.id, batch)
        before = platform.lake.before("extract", contract.id, batch)
        if now is None or before is None:
            return True, {}
        return now.rows * 2 >= before.rows, {"rows": now.rows, "rows_before": before.rows}

    return ask


def _structure(contract: Contract) -> Question:
    def ask(platform: Platform, connection: duckdb.DuckDBPyConnection, batch: date) -> Outcome:
        # pandera brings pandas with it, seconds of import that only this check needs.
        from pandera.errors import SchemaErrors

        from schemas.emit.pandera import pandera_schema

        partition = platform.lake.as_of("standard", contract.id, batch)
        if partition is None:
            return True, {}
        empty: pl.DataFrame = connection.execute(f"FROM {partition.scan} LIMIT 0").pl()
        try:
            pandera_schema(contract).validate(empty, lazy=True)
        except SchemaErrors as error:
            return False, {"failures": dg.MetadataValue.json(error.message)}
        return True, {"columns": len(contract.columns)}

    return ask


def _complete(contract: Contract) -> Question:
    def ask(platform: Platform, _: duckdb.DuckDBPyConnection, batch: date) -> Outcome:
        extract = platform.lake.as_of("extract", contract.id, batch)
        standard = platform.lake.as_of("standard", contract.id, batch)
        rows = (extract.rows if extract else 0, standard.rows if standard else 0)
        return rows[0] == rows[1], {"extract_rows": rows[0], "standard_rows": rows[1]}

    return ask


def _identity(platform: Platform, connection: duckdb.DuckDBPyConnection, batch: date) -> Outcome:
    partition = platform.lake.partition(*TICKET_TABLE, batch)
    if partition is None:
        return True, {}
    row = connection.execute(
        f"SELECT count(*), count(DISTINCT ticket_id) FROM {partition.scan}"
    ).fetchone()
    assert row is not None
    return row[0] == row[1], {"tickets": row[0], "distinct": row[1]}
