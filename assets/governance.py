"""Stage 4, governance: one asset an entity (一人一档, 一企一档), and the tables derived from them."""

import dagster as dg
import duckdb

from assets.common import (
    Group,
    PlatformResource,
    asset_facts,
    bars,
    batch_of,
    data_version,
    key_of,
    partition_metadata,
)
from assets.findings import SETTLED, agreement_key
from quality.agreement.agree import compared, table_name
from schemas.contract.derived import DerivedTable
from schemas.contract.library import Library
from schemas.contract.model import Entity
from schemas.tables import TableStandard
from warehouse.governance.derive import derive, standard_of_derived
from warehouse.governance.fuse import fuse, standard_of
from warehouse.lake.layers import Layer
from warehouse.lake.partition import Partition

_BY_COUNTY = """
SELECT coalesce(division.label, '未落到区市'), count(*)
FROM {0} AS entity LEFT JOIN codes.division ON division.code = entity.county_code
GROUP BY 1 ORDER BY 2 DESC, 1
"""


def governance_key(name: str) -> dg.AssetKey:
    """The asset of a governance table."""
    return dg.AssetKey([Layer.GOVERNANCE.value, name])


def entity_asset(entity: Entity, library: Library) -> dg.AssetsDefinition:
    """The asset that makes one file per person, enterprise, dwelling …"""
    datasets = sorted({s.contract.id for sources in library.sources(entity.name).values() for s in sources})
    deps = [key_of(stage, dataset) for dataset in datasets for stage in (Layer.STANDARD, Layer.FINDING)]
    deps.append(SETTLED)
    if compared(library, entity):
        deps.append(agreement_key(entity))
    standard = standard_of(library, entity)

    @dg.asset(
        **asset_facts(
            governance_key(entity.name),
            Group.GOVERNANCE,
            f"{standard.comment}。每个属性取自权威来源，发现有误的值让位于下一来源；保留历史。",
            {"duckdb"},
        ),
        deps=deps,
        metadata={"dagster/column_schema": _column_schema(standard)},
    )
    def _entity(context: dg.AssetExecutionContext, platform: PlatformResource) -> dg.MaterializeResult[None]:
        batch, lake = batch_of(context), platform.lake
        agreement = lake.as_of(Layer.FINDING, table_name(entity), batch)
        faults = {
            dataset: [
                found for found in (lake.as_of(Layer.FINDING, dataset, batch), agreement) if found is not None
            ]
            for dataset in datasets
        }
        with platform.open_batch(batch) as opened:
            return _told(opened.connection, standard, fuse(opened, entity, faults))

    return _entity


def derived_asset(declared: DerivedTable) -> dg.AssetsDefinition:
    """The asset of a table that an SQL model makes from governance tables."""
    standard, name = standard_of_derived(declared), declared.name

    @dg.asset(
        **asset_facts(governance_key(name), Group.GOVERNANCE, f"{standard.comment}。", {"duckdb"}),
        deps=[governance_key(source) for source in declared.inputs],
        metadata={"dagster/column_schema": _column_schema(standard)},
    )
    def _derived(context: dg.AssetExecutionContext, platform: PlatformResource) -> dg.MaterializeResult[None]:
        with platform.open_batch(batch_of(context)) as opened:
            return _told(opened.connection, standard, derive(opened, name))

    return _derived


def _column_schema(standard: TableStandard) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(field.name, field.type, description=field.comment) for field in standard.fields
        ]
    )


def _told(
    connection: duckdb.DuckDBPyConnection, standard: TableStandard, partition: Partition | None
) -> dg.MaterializeResult[None]:
    metadata = partition_metadata(partition)
    if partition is not None and any(field.name == "county_code" for field in standard.fields):
        counts = connection.execute(_BY_COUNTY.format(partition.scan)).fetchall()
        metadata["by_county"] = bars(dict(counts))
    return dg.MaterializeResult(metadata=metadata, data_version=data_version(partition))
