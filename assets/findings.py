"""Stage 3, findings (校核): row rules per dataset, agreement per entity, and the tickets they become."""

import dagster as dg
import duckdb

from assets.checks import check_results, check_specs, ticket_checks
from assets.common import (
    Group,
    PlatformResource,
    asset_facts,
    bars,
    batch_of,
    counts_by,
    data_version,
    key_of,
    partition_metadata,
)
from quality.agreement.agree import agree, compared
from quality.findings.flagged import settle_deliveries
from quality.findings.verify import verify
from quality.rules.rule import checks
from quality.tickets.states import STATES
from quality.tickets.ticket_tables import update_tickets
from returns.replies.corrections import corrections, ticket_replies
from schemas.codes import CodeLibrary
from schemas.contract.library import Library
from schemas.contract.model import DIMENSIONS, Contract, Entity
from warehouse.lake.layers import Layer
from warehouse.lake.partition import Partition

SETTLED, TICKETS = dg.AssetKey(["settled_deliveries"]), dg.AssetKey(["ticket"])


def agreement_key(entity: Entity) -> dg.AssetKey:
    """The asset of an entity's agreement."""
    return dg.AssetKey(["agreement", entity.name])


def finding_asset(contract: Contract, library: Library, codes: CodeLibrary) -> dg.AssetsDefinition:
    """The asset that verifies one dataset against its own standard."""
    read = {contract.id} | {route.dataset for route in contract.routes if route.dataset}
    rules = checks(contract, library, codes)
    read |= {dataset for check in rules for dataset in check.datasets}

    @dg.asset(
        **asset_facts(
            key_of(Layer.FINDING, contract.id),
            Group.FINDINGS,
            f"{contract.department_title}《{contract.title}》：{len(rules)} 条规则的校核结果，一行一个问题。",
            {"duckdb"},
            contract.department,
        ),
        deps=[key_of(Layer.STANDARD, dataset) for dataset in sorted(read)],
    )
    def _finding(context: dg.AssetExecutionContext, platform: PlatformResource) -> dg.MaterializeResult[None]:
        with platform.open_batch(batch_of(context)) as opened:
            return _told(opened.connection, verify(opened, contract))

    return _finding


def agreement_asset(entity: Entity, library: Library, codes: CodeLibrary) -> dg.AssetsDefinition:
    """The asset that compares what the sources say of one entity."""
    attributes = compared(library, entity)
    datasets = sorted({s.contract.id for sources in attributes.values() for s in sources})

    @dg.asset(
        **asset_facts(
            agreement_key(entity),
            Group.FINDINGS,
            f"{entity.title}：多源校核，{len(attributes)} 个属性，{len(datasets)} 个数据集。",
            {"duckdb"},
        ),
        deps=[key_of(stage, dataset) for dataset in datasets for stage in (Layer.STANDARD, Layer.FINDING)],
    )
    def _agreement(
        context: dg.AssetExecutionContext, platform: PlatformResource
    ) -> dg.MaterializeResult[None]:
        with platform.open_batch(batch_of(context)) as opened:
            return _told(opened.connection, agree(opened, entity))

    return _agreement


def _told(connection: duckdb.DuckDBPyConnection, partition: Partition | None) -> dg.MaterializeResult[None]:
    metadata = partition_metadata(partition)
    if partition is not None:
        dimensions = counts_by(connection, partition, "dimension")
        metadata["by_dimension"] = bars(
            {f"{title} {name}": dimensions.get(name, 0) for name, title in DIMENSIONS.items()}
        )
        metadata["by_rule"] = bars(counts_by(connection, partition, "concat(rule, ' ', field)"))
    return dg.MaterializeResult(metadata=metadata, data_version=data_version(partition))


def settlement_asset(library: Library) -> dg.AssetsDefinition:
    """The asset after which it is settled which deliveries of the batch are in force."""
    deps = [key_of(Layer.FINDING, contract.id) for contract in library]
    deps += [agreement_key(entity) for entity in library.fed_entities if compared(library, entity)]

    @dg.asset(
        **asset_facts(
            SETTLED,
            Group.FINDINGS,
            "整份异常的交付：一条规则判定一份文件的大部分行有误的，整份暂不采用，沿用先前的数据重新校核。",
            {"duckdb"},
        ),
        deps=deps,
    )
    def _settled(context: dg.AssetExecutionContext, platform: PlatformResource) -> dg.MaterializeResult[None]:
        batch = batch_of(context)
        with platform.open_ledger() as ledger:
            confirmed = corrections(ledger.replies(batch.isoformat()))
        with platform.open_batch(batch) as opened:
            held = settle_deliveries(opened, platform.home, confirmed)
        for one in held:
            context.log.warning("%s held: %s", one.receipt.extract_id, ", ".join(one.rules))
        return dg.MaterializeResult(metadata={"refused_files": dg.MetadataValue.int(len(held))})

    return _settled


def ticket_asset(library: Library) -> dg.AssetsDefinition:
    """The asset that carries every finding's ticket through the batches."""
    checks = ticket_checks()
    deps = [SETTLED, *(key_of(Layer.FINDING, contract.id) for contract in library)]
    deps += [agreement_key(entity) for entity in library.fed_entities if compared(library, entity)]

    @dg.asset(
        **asset_facts(
            TICKETS,
            Group.TICKETS,
            "工单：每个问题跨批次的一生。只有复核不再发现才办结，再次发现则重新核实。",
            {"polars"},
        ),
        deps=deps,
        check_specs=check_specs(TICKETS, checks),
    )
    def _ticket(context: dg.AssetExecutionContext, platform: PlatformResource) -> dg.MaterializeResult:  # type: ignore[type-arg]  # with checks Dagster knows the bare class only
        batch = batch_of(context)
        with platform.open_ledger() as ledger:
            replies = ticket_replies(ledger.replies(batch.isoformat()))
        with platform.open_batch(batch) as opened:
            partition = update_tickets(opened, replies)
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
