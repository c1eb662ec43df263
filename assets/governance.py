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
    partition_metadata,
)
from assets.tasks import Task
from schemas.contract.library import Library
from schemas.tables import TableStandard
from warehouse.governance.derive import derived, standard_of_derived
from warehouse.governance.fuse import standard_of
from warehouse.lake.partition import Partition

_BY_COUNTY = """
SELECT coalesce(division.label, '未落到区市'), count(*)
FROM {0} AS entity LEFT JOIN codes.division ON division.code = entity.county_code
GROUP BY 1 ORDER BY 2 DESC, 1
"""


def governance_asset(task: Task, library: Library) -> dg.AssetsDefinition:
    """The asset of a governance table: of an entity, or of a derived model."""
    return derived_asset(task, library) if task.entity is None else entity_asset(task, library)


def entity_asset(task: Task, library: Library) -> dg.AssetsDefinition:
    """The asset that makes one file per person, enterprise, dwelling …"""
    entity = task.entity
    assert entity is not None, "what is fused is an entity's"
    standard = standard_of(library, entity)

    @dg.asset(
        **asset_facts(
            task,
            Group.GOVERNANCE,
            f"{standard.comment}。每个属性取自权威来源，发现有误的值让位于下一来源；保留历史。",
            {"duckdb"},
        ),
        metadata={"dagster/column_schema": _column_schema(standard)},
    )
    def _entity(context: dg.AssetExecutionContext, platform: PlatformResource) -> dg.MaterializeResult[None]:
        with platform.open_batch(batch_of(context)) as opened:
            return _told(opened.connection, standard, task.run(platform, opened))

    return _entity


def derived_asset(task: Task, library: Library) -> dg.AssetsDefinition:
    """The asset of a table that an SQL model makes from governance tables."""
    standard = standard_of_derived(derived(library)[task.key[-1]])

    @dg.asset(
        **asset_facts(task, Group.GOVERNANCE, f"{standard.comment}。", {"duckdb"}),
        metadata={"dagster/column_schema": _column_schema(standard)},
    )
    def _derived(context: dg.AssetExecutionContext, platform: PlatformResource) -> dg.MaterializeResult[None]:
        with platform.open_batch(batch_of(context)) as opened:
            return _told(opened.connection, standard, task.run(platform, opened))

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
