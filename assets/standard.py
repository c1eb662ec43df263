"""Stage 2, standard: one asset a dataset, typed and normalised, with confirmed corrections laid over."""

import dagster as dg

from assets.checks import standard_checks
from assets.common import (
    Group,
    PlatformResource,
    asset_facts,
    asset_key,
    batch_of,
    check_results,
    check_specs,
    data_version,
    partition_metadata,
    preview,
)
from assets.tasks import Task
from schemas.contract.model import Contract
from warehouse.lake.partition import Partition


def standard_asset(task: Task) -> dg.AssetsDefinition:
    """The asset that brings one extract to its standard."""
    contract = task.contract
    assert contract is not None, "a standard table is one dataset's"
    checks = standard_checks(contract)

    @dg.asset(
        **asset_facts(
            task,
            Group.STANDARD,
            f"{contract.department_title}《{contract.title}》：按数据标准转换、规范化、编码，叠加已确认的更正。",
            {"duckdb"},
        ),
        metadata={"dagster/column_schema": column_schema(contract)},
        check_specs=check_specs(asset_key(task.key), checks),
    )
    def _standard(context: dg.AssetExecutionContext, platform: PlatformResource) -> dg.MaterializeResult:  # type: ignore[type-arg]  # with checks Dagster knows the bare class only
        batch = batch_of(context)
        with platform.open_batch(batch) as opened:
            partition: Partition | None = task.run(platform, opened)
            metadata = partition_metadata(partition)
            if partition is not None:
                metadata["preview"] = preview(opened.connection, contract, partition)
        return dg.MaterializeResult(
            metadata=metadata,
            data_version=data_version(partition),
            check_results=check_results(checks, platform, batch),
        )

    return _standard


def column_schema(contract: Contract) -> dg.TableSchema:
    """The columns of a dataset as Dagster shows them, from the contract."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.type,
                description=column.title,
                tags={"classification": column.classification},
            )
            for column in contract.columns
        ]
    )
