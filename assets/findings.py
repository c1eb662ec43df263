"""Stage 3, findings (校核): row rules per dataset, agreement per entity, and the tickets they become."""

from collections.abc import Mapping

import dagster as dg
import duckdb

from assets.checks import ticket_checks
from assets.common import (
    Group,
    PlatformResource,
    asset_facts,
    asset_key,
    bars,
    batch_of,
    check_results,
    check_specs,
    counts_by,
    data_version,
    partition_metadata,
    table,
)
from assets.platform import Platform
from assets.tasks import Task
from quality.agreement.agree import RULE, compared
from quality.published import rule_rows
from quality.tickets.states import STATES
from schemas.contract.model import DIMENSIONS, Column
from warehouse.lake.partition import Partition

RuleTitles = Mapping[tuple[str, str, str], str]
"""(dataset, rule, field) → the rule's Chinese title."""


def rule_titles(platform: Platform) -> RuleTitles:
    """The title of every rule for people: the field's title and the fault."""
    library = platform.library
    rows = rule_rows(library, platform.codes).select("dataset", "rule", "field", "description").rows()
    return {
        (dataset, rule, field): f"{_of(library[dataset].column(field), description)}（{rule}）"
        for dataset, rule, field, description in rows
    }


def _of(column: Column, description: str) -> str:
    return description if description.startswith(column.title) else f"{column.title}：{description}"


def finding_asset(task: Task, titles: RuleTitles) -> dg.AssetsDefinition:
    """The asset that verifies one dataset against its own standard."""
    contract = task.contract
    assert contract is not None, "findings of row rules are one dataset's"
    own = {at: title for at, title in titles.items() if at[0] == contract.id and not _is_agreement(at)}

    @dg.asset(
        **asset_facts(
            task,
            Group.FINDINGS,
            f"{contract.department_title}《{contract.title}》：{len(own)} 条规则的校核结果，一行一个问题。",
            {"duckdb"},
        ),
        metadata={"规则": table(["规则", "字段"], [(title, field) for (_, _, field), title in own.items()])},
    )
    def _finding(context: dg.AssetExecutionContext, platform: PlatformResource) -> dg.MaterializeResult[None]:
        with platform.open_batch(batch_of(context)) as opened:
            return _told(opened.connection, task.run(platform, opened), titles)

    return _finding


def _is_agreement(at: tuple[str, str, str]) -> bool:
    return at[1] == RULE or at[1].startswith(f"{RULE}_")


def agreement_asset(task: Task, platform: Platform, titles: RuleTitles) -> dg.AssetsDefinition:
    """The asset that compares the claims of an entity's sources."""
    entity = task.entity
    assert entity is not None, "sources agree on one entity"
    attributes = compared(platform.library, entity)
    datasets = {s.contract.id for sources in attributes.values() for s in sources}

    @dg.asset(
        **asset_facts(
            task,
            Group.FINDINGS,
            f"{entity.title}：多源校核，{len(attributes)} 个属性，{len(datasets)} 个数据集。",
            {"duckdb"},
        ),
    )
    def _agreement(
        context: dg.AssetExecutionContext, platform: PlatformResource
    ) -> dg.MaterializeResult[None]:
        with platform.open_batch(batch_of(context)) as opened:
            return _told(opened.connection, task.run(platform, opened), titles)

    return _agreement


def _told(
    connection: duckdb.DuckDBPyConnection, partition: Partition | None, titles: RuleTitles
) -> dg.MaterializeResult[None]:
    metadata = partition_metadata(partition)
    if partition is not None:
        dimensions = counts_by(connection, partition, "dimension")
        metadata["by_dimension"] = bars(
            {f"{title} {name}": dimensions.get(name, 0) for name, title in DIMENSIONS.items()}
        )
        rules = counts_by(connection, partition, "concat_ws(' ', dataset, rule, field)")
        named = {" ".join(at): title for at, title in titles.items()}
        metadata["by_rule"] = bars({named.get(name, name): count for name, count in rules.items()})
    return dg.MaterializeResult(metadata=metadata, data_version=data_version(partition))


def settlement_asset(task: Task) -> dg.AssetsDefinition:
    """The asset that settles which deliveries of the batch are in force."""

    @dg.asset(
        **asset_facts(
            task,
            Group.FINDINGS,
            "整份异常的交付：一条规则判定一份文件的大部分行有误的，整份暂不采用，沿用先前的数据重新校核。",
            {"duckdb"},
        ),
    )
    def _settled(context: dg.AssetExecutionContext, platform: PlatformResource) -> dg.MaterializeResult[None]:
        with platform.open_batch(batch_of(context)) as opened:
            held = task.run(platform, opened)
        for one in held:
            context.log.warning("%s held: %s", one.receipt.extract_id, ", ".join(one.rules))
        return dg.MaterializeResult(metadata={"refused_files": dg.MetadataValue.int(len(held))})

    return _settled


def ticket_asset(task: Task) -> dg.AssetsDefinition:
    """The asset that carries every finding's ticket through the batches."""
    checks = ticket_checks()

    @dg.asset(
        **asset_facts(
            task,
            Group.TICKETS,
            "工单：每个问题跨批次的一生。只有复核不再发现才办结，再次发现则重新核实。",
            {"polars"},
        ),
        check_specs=check_specs(asset_key(task.key), checks),
    )
    def _ticket(context: dg.AssetExecutionContext, platform: PlatformResource) -> dg.MaterializeResult:  # type: ignore[type-arg]  # with checks Dagster knows the bare class only
        batch = batch_of(context)
        with platform.open_batch(batch) as opened:
            partition: Partition = task.run(platform, opened)
            states = counts_by(opened.connection, partition, "state")
        return dg.MaterializeResult(
            metadata={
                **partition_metadata(partition),
                "by_state": bars(
                    {f"{title} {state}": states.get(state, 0) for state, (title, _) in STATES.items()}
                ),
            },
            data_version=data_version(partition),
            check_results=check_results(checks, platform, batch),
        )

    return _ticket
