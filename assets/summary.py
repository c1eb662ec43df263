"""Stage 6, returns (返还): the bureau's summary of the batch, one page beside the packages."""

import dagster as dg

from assets.checks import warnings_of
from assets.common import Group, PlatformResource, asset_facts, batch_of
from assets.packages import PACKAGES
from returns.packages.sheet_views import turn_of
from returns.summary.page import build_summary

SUMMARY = dg.AssetKey(["returns", "summary"])


def summary_asset() -> dg.AssetsDefinition:
    """The asset that tells the bureau how the batch went."""

    @dg.asset(
        **asset_facts(
            SUMMARY,
            Group.RETURNS,
            "批次概览：交付、问题、工单、各区市和镇街的情况，一个可离线打开、可打印的网页；没有个人信息。",
            {"html"},
        ),
        deps=[PACKAGES],
    )
    def _summary(context: dg.AssetExecutionContext, platform: PlatformResource) -> dg.MaterializeResult[None]:
        batch = batch_of(context)
        warnings = warnings_of(platform, batch)
        with platform.open_batch(batch) as opened:
            path = build_summary(opened.connection, platform.home, turn_of(opened), warnings)
        return dg.MaterializeResult(
            metadata={
                "page": dg.MetadataValue.path(str(path)),
                "bytes": dg.MetadataValue.int(path.stat().st_size),
            }
        )

    return _summary
