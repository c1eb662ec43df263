"""The end of the turn: the standard tables as a database for queries, beside the published warehouse."""

import dagster as dg

from assets.common import Group, PlatformResource, asset_facts, batch_of, key_of
from assets.summary import SUMMARY
from schemas.contract.library import Library
from warehouse.lake.layers import Layer
from warehouse.publish.standard_database import make_standard

# A stage of its own, so that its seconds are not counted as the loop's.
STANDARD_DATABASE = dg.AssetKey(["queries", "standard"])


def standard_database_asset(library: Library) -> dg.AssetsDefinition:
    """The asset that brings the database for queries to the newest batch, after everything that people wait for."""

    @dg.asset(
        **asset_facts(
            STANDARD_DATABASE,
            Group.PUBLICATION,
            "标准表查询库 standard.duckdb：各数据集最新批次的标准表，供 zhenjie query 查询；没有变化的表不重写。",
            {"duckdb"},
        ),
        deps=[SUMMARY, *(key_of(Layer.STANDARD, contract.id) for contract in library)],
    )
    def _standard_database(
        context: dg.AssetExecutionContext, platform: PlatformResource
    ) -> dg.MaterializeResult[None]:
        with platform.engine.connect() as connection:
            written = make_standard(
                connection,
                platform.home,
                platform.lake,
                platform.library,
                batch_of(context),
                platform.keys,
            )
        return dg.MaterializeResult(
            metadata={"written": dg.MetadataValue.text(", ".join(written) or "unchanged")}
        )

    return _standard_database
