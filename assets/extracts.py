"""Stage 1, extracts (采集): one asset a dataset, the delivered rows as text in the lake."""

import dagster as dg

from assets.checks import extract_checks
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
)
from assets.tasks import Task
from warehouse.collect.extracts.extract import Extraction
from warehouse.lake.layers import Layer
from warehouse.lake.partition import Partition


def extract_asset(task: Task) -> dg.AssetsDefinition:
    """The asset that reads a department's delivery of one dataset."""
    contract = task.contract
    assert contract is not None, "an extract is one dataset's"
    checks = extract_checks(contract)

    @dg.asset(
        **asset_facts(
            task,
            Group.EXTRACTS,
            f"{contract.department_title}《{contract.title}》：按原样接收的文件。{contract.description}",
            {delivery.form for delivery in contract.deliveries},
        ),
        metadata={"contract": dg.MetadataValue.path(str(contract.path))},
        check_specs=check_specs(asset_key(task.key), checks),
    )
    def _extract(context: dg.AssetExecutionContext, platform: PlatformResource) -> dg.MaterializeResult:  # type: ignore[type-arg]  # with checks Dagster knows the bare class only
        batch = batch_of(context)
        with platform.open_batch(batch) as opened:
            done: Extraction = task.run(platform, opened)
        for receipt, message in done.refused:
            context.log.warning("%s refused: %s", receipt.extract_id, message)
        in_force = done.partition or platform.lake.as_of(Layer.EXTRACT, contract.id, batch)
        return dg.MaterializeResult(
            metadata={
                **partition_metadata(in_force),
                "delivered": dg.MetadataValue.bool(done.partition is not None),
                "refused_files": dg.MetadataValue.int(len(done.refused)),
                **_of_the_file(in_force),
            },
            data_version=data_version(in_force),
            check_results=check_results(checks, platform, batch),
        )

    return _extract


def _of_the_file(partition: Partition | None) -> dict[str, dg.MetadataValue]:
    """The file in force, its remarks, and its rows that are not records (notes, totals)."""
    if partition is None:
        return {}
    return {
        "file": dg.MetadataValue.text(str(partition.facts["file"])),
        "remarks": _listed(partition, "remarks"),
        "set_aside": _listed(partition, "notes"),
    }


def _listed(partition: Partition, fact: str) -> dg.MetadataValue:
    texts = partition.facts.get(fact, [])
    assert isinstance(texts, list)
    return dg.MetadataValue.md("\n".join(f"- {text}" for text in texts) or "none")
