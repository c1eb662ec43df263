"""Stage 1, extracts (采集): one asset a dataset, the delivered rows as text in the lake."""

import dagster as dg

from assets.common import PLATFORM, batch_of, data_version, dataset_facts, partition_metadata
from assets.platform import Platform
from schemas.contract import Contract
from warehouse.collect.extracts import LAYER, extract


def extract_asset(contract: Contract) -> dg.AssetsDefinition:
    """The asset that reads what a department delivered of one dataset."""

    @dg.asset(
        **dataset_facts(contract, LAYER),
        group_name="extracts",
        description=f"{contract.department_title}《{contract.title}》：按原样接收的文件。{contract.description}",
        metadata={"contract": dg.MetadataValue.path(str(contract.path))},
        kinds={delivery.form for delivery in contract.deliveries},
    )
    def _extract(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        platform: Platform = getattr(context.resources, PLATFORM)
        batch = batch_of(context)
        with platform.engine.connect() as connection:
            done = extract(connection, platform.home, platform.lake, contract, batch)
        for receipt, message in done.refused:
            context.log.warning("%s refused: %s", receipt.extract_id, message)
        in_force = done.partition or platform.lake.as_of(LAYER, contract.id, batch)
        facts = in_force.facts if in_force else {}
        return dg.MaterializeResult(
            metadata={
                **partition_metadata(in_force),
                "delivered": dg.MetadataValue.bool(done.partition is not None),
                "refused_files": dg.MetadataValue.int(len(done.refused)),
                "file": dg.MetadataValue.text(str(facts.get("file", ""))),
                "set_aside": dg.MetadataValue.md(
                    "\n".join(f"- {note}" for note in facts.get("notes", [])) or "none"  # type: ignore[attr-defined]
                ),
            },
            data_version=data_version(in_force),
        )

    return _extract
