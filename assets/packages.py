"""Stage 6, returns (返还): the packages of townships and departments."""

import dagster as dg

from assets.common import Group, PlatformResource, asset_facts, batch_of, table
from assets.findings import TICKETS
from assets.governance import governance_key
from assets.publication import WAREHOUSE
from returns.packages.build import Package, build_packages
from schemas.contract.library import Library
from warehouse.governance.derive import derived

PACKAGES = dg.AssetKey(["returns", "packages"])


def packages_asset(library: Library) -> dg.AssetsDefinition:
    """The asset that gives every township and department its own."""
    names = [entity.name for entity in library.fed_entities] + list(derived(library))

    @dg.asset(
        **asset_facts(
            PACKAGES,
            Group.RETURNS,
            "返还包：每个镇街一个压缩包（待核实、变动清单、人口底册、已填好的报表），每个部门一个压缩包。",
            {"excel"},
        ),
        # What was not accepted is not handed out either.
        deps=[TICKETS, *(governance_key(name) for name in names), WAREHOUSE],
    )
    def _packages(
        context: dg.AssetExecutionContext, platform: PlatformResource
    ) -> dg.MaterializeResult[None]:
        batch = batch_of(context)
        with platform.open_ledger() as ledger:
            head = ledger.head(batch.isoformat())
        with platform.open_batch(batch) as opened:
            packages = build_packages(opened, platform.home, platform.signing_keys(), head)
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
