"""Stage 6, returns (返还): the packages of townships and departments."""

import dagster as dg

from assets.common import Group, PlatformResource, asset_facts, batch_of, table
from assets.tasks import Task
from returns.packages.build import Package


def packages_asset(task: Task) -> dg.AssetsDefinition:
    """The asset that gives every township and department its own."""

    @dg.asset(
        **asset_facts(
            task,
            Group.RETURNS,
            "返还包：每个镇街一个压缩包（待核实、变动清单、人口底册、已填好的报表），每个部门一个压缩包。",
            {"excel"},
        ),
    )
    def _packages(
        context: dg.AssetExecutionContext, platform: PlatformResource
    ) -> dg.MaterializeResult[None]:
        batch = batch_of(context)
        with platform.open_batch(batch) as opened:
            packages: tuple[Package, ...] = task.run(platform, opened)
        return dg.MaterializeResult(
            metadata={
                "packages": dg.MetadataValue.int(len(packages)),
                "folder": dg.MetadataValue.path(str(platform.home.returns(batch))),
                "contents": table(["unit", "file", "rows"], [_row(package) for package in packages]),
            }
        )

    return _packages


def _row(package: Package) -> tuple[str, str, str]:
    return package.name, package.file, "、".join(f"{title} {n:,}" for title, n in package.rows.items())
