"""Stage 6, returns (返还): the bureau's summary of the batch, one page beside the packages."""

from pathlib import Path

import dagster as dg

from assets.common import Group, PlatformResource, asset_facts, batch_of
from assets.tasks import Task


def summary_asset(task: Task) -> dg.AssetsDefinition:
    """The asset that tells the bureau how the batch went."""

    @dg.asset(
        **asset_facts(
            task,
            Group.RETURNS,
            "批次概览：交付、问题、工单、各区市和镇街的情况，一个可离线打开、可打印的网页；没有个人信息。",
            {"html"},
        ),
    )
    def _summary(context: dg.AssetExecutionContext, platform: PlatformResource) -> dg.MaterializeResult[None]:
        with platform.open_batch(batch_of(context)) as opened:
            path: Path = task.run(platform, opened)
        return dg.MaterializeResult(
            metadata={
                "page": dg.MetadataValue.path(str(path)),
                "bytes": dg.MetadataValue.int(path.stat().st_size),
            }
        )

    return _summary
