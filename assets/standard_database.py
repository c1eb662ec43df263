"""The end of the turn: the standard tables as a database for queries, beside the published warehouse."""

import dagster as dg

from assets.common import Group, PlatformResource, asset_facts, batch_of
from assets.tasks import Task


def standard_database_asset(task: Task) -> dg.AssetsDefinition:
    """The asset that brings the database for queries to the newest batch, after everything that people wait for."""

    @dg.asset(
        **asset_facts(
            task,
            Group.PUBLICATION,
            "标准表查询库 standard.duckdb：各数据集最新批次的标准表，供 zhenjie query 查询；没有变化的表不重写。",
            {"duckdb"},
        ),
    )
    def _standard_database(
        context: dg.AssetExecutionContext, platform: PlatformResource
    ) -> dg.MaterializeResult[None]:
        with platform.open_batch(batch_of(context)) as opened:
            written: tuple[str, ...] = task.run(platform, opened)
        return dg.MaterializeResult(
            metadata={"written": dg.MetadataValue.text(", ".join(written) or "unchanged")}
        )

    return _standard_database
