"""Stage 4, governance: one asset an entity (一人一档, 一企一档), and the tables derived from them."""

import dagster as dg
import duckdb

from assets.common import (
    BATCHES,
    BUREAU,
    PLATFORM,
    bars,
    batch_of,
    data_version,
    key_of,
    partition_metadata,
)
from assets.findings import agreement_key
from assets.platform import Platform
from quality.agreement import compared, table_name
from quality.findings import LAYER as FINDINGS
from schemas.contract import Entity
from schemas.library import Library
from schemas.tables import TableStandard
from warehouse.governance import DERIVED, LAYER, derive, fuse, standard_of, standard_of_derived
from warehouse.lake import Partition


def governance_key(name: str) -> dg.AssetKey:
    """The asset of a governance table."""
    return dg.AssetKey([LAYER, name])


def entity_asset(entity: Entity, library: Library) -> dg.AssetsDefinition:
    """The asset that makes one file per person, enterprise, dwelling …"""
    datasets = sorted({s.contract.id for sources in library.sources(entity.name).values() for s in sources})
    deps = [key_of(stage, dataset) for dataset in datasets for stage in ("standard", FINDINGS)]
    if compared(library, entity):
        deps.append(agreement_key(entity))
    standard = standard_of(library, entity)

    @dg.asset(
        key=governance_key(entity.name),
        deps=deps,
        description=f"{standard.comment}。每个属性取自权威来源，发现有误的值让位于下一来源；保留历史。",
        **_facts(standard),
    )
    def _entity(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        platform: Platform = getattr(context.resources, PLATFORM)
        batch = batch_of(context)
        lake = platform.lake
        agreement = lake.as_of(FINDINGS, table_name(entity), batch)
        faults = {
            dataset: [
                found for found in (lake.as_of(FINDINGS, dataset, batch), agreement) if found is not None
            ]
            for dataset in datasets
        }
        with platform.engine.connect() as connection:
            partition = fuse(connection, lake, library, entity, batch, faults)
            return _told(connection, partition)

    return _entity


def derived_asset(name: str) -> dg.AssetsDefinition:
    """The asset of a table that an SQL model makes from governance tables."""
    standard = standard_of_derived(name)

    @dg.asset(
        key=governance_key(name),
        deps=[governance_key(source) for source in DERIVED[name]],
        description=standard.comment,
        **_facts(standard),
    )
    def _derived(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        platform: Platform = getattr(context.resources, PLATFORM)
        with platform.engine.connect() as connection:
            return _told(connection, derive(connection, platform.lake, name, batch_of(context)))

    return _derived


def _facts(standard: TableStandard) -> dict[str, object]:
    columns = [
        dg.TableColumn(field.name, field.type, description=field.comment) for field in standard.fields
    ]
    return {
        "group_name": "governance",
        "owners": [BUREAU],
        "metadata": {"dagster/column_schema": dg.TableSchema(columns=columns)},
        "partitions_def": BATCHES,
        "required_resource_keys": {PLATFORM},
        "kinds": {"duckdb"},
    }


def _told(
    connection: duckdb.DuckDBPyConnection, partition: Partition | None
) -> dg.MaterializeResult[None]:
    metadata = partition_metadata(partition)
    if partition is not None:
        names = {row[0] for row in connection.execute(f"DESCRIBE FROM {partition.scan}").fetchall()}
        if "county_code" in names:
            counts = connection.execute(
                f"SELECT coalesce(d.label, '未落到区市'), count(*) FROM {partition.scan} AS t "
                "LEFT JOIN codes.division AS d ON d.code = t.county_code GROUP BY 1 ORDER BY 2 DESC, 1"
            ).fetchall()
            metadata["by_county"] = bars(dict(counts))
    return dg.MaterializeResult(metadata=metadata, data_version=data_version(partition))
