"""Stage 6, returns (返还): the packages of townships and departments."""

import dagster as dg

from assets.common import BATCHES, BUREAU, PLATFORM, batch_of, table
from assets.platform import Platform
from assets.publication import WAREHOUSE
from returns.packages import build_packages

PACKAGES = dg.AssetKey(["returns", "packages"])


def packages_asset() -> dg.AssetsDefinition:
    """The asset that gives every township and department its own."""

    @dg.asset(
        key=PACKAGES,
        deps=[WAREHOUSE],
        group_name="returns",
        owners=[BUREAU],
        description="返还包：每个镇街一个压缩包（待核实、人口底册、已填好的报表），每个部门一个压缩包。",
        partitions_def=BATCHES,
        required_resource_keys={PLATFORM},
        kinds={"excel"},
    )
    def _packages(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        platform: Platform = getattr(context.resources, PLATFORM)
        batch = batch_of(context)
        with platform.engine.connect() as connection:
            packages = build_packages(
                connection, platform.home, platform.lake, platform.library, platform.codes, batch
            )
        return dg.MaterializeResult(
            metadata={
                "packages": dg.MetadataValue.int(len(packages)),
                "folder": dg.MetadataValue.path(str(platform.home.returns(batch))),
                "contents": table(
                    ["unit", "file", "rows"],
                    [
                        (p.name, p.file, "、".join(f"{title} {rows}" for title, rows in p.rows.items()))
                        for p in packages
                    ],
                ),
            }
        )

    return _packages
