"""Definitions: everything Dagster sees, composed afresh from the contracts.

`build_definitions` takes the platform and replacements, so that a test swaps a part without patching. What
Dagster's own processes load is `pipelines.location`.
"""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg

from assets.common import PLATFORM
from assets.extracts import extract_asset
from assets.findings import agreement_asset, finding_asset, settlement_asset, ticket_asset
from assets.governance import derived_asset, entity_asset
from assets.packages import packages_asset
from assets.platform import Platform
from assets.publication import acceptance_check, candidate_asset, warehouse_asset
from assets.standard import standard_asset
from assets.standard_database import standard_database_asset
from assets.summary import summary_asset
from pipelines.jobs import answers, turn
from pipelines.run.executor import one_at_a_time
from pipelines.schedules import every_morning
from pipelines.sensors import alert, answered, inbox, warned
from quality.agreement.agree import compared
from warehouse.governance.derive import derived


def all_assets(platform: Platform) -> list[dg.AssetsDefinition]:
    """Every asset of every stage, from the contracts of the platform."""
    library, codes = platform.library, platform.codes
    return [
        *(extract_asset(contract) for contract in library),
        *(standard_asset(contract) for contract in library),
        *(finding_asset(contract, library, codes) for contract in library),
        *(
            agreement_asset(entity, library, codes)
            for entity in library.fed_entities
            if compared(library, entity)
        ),
        settlement_asset(library),
        ticket_asset(library),
        *(entity_asset(entity, library) for entity in library.fed_entities),
        *(derived_asset(table) for table in derived(library).values()),
        candidate_asset(library),
        warehouse_asset(),
        packages_asset(library),
        summary_asset(),
        standard_database_asset(library),
    ]


def build_definitions(
    platform: Platform,
    *,
    resources: Mapping[str, object] | None = None,
    loggers: Mapping[str, dg.LoggerDefinition] | None = None,
    executor: dg.ExecutorDefinition | None = None,
) -> dg.Definitions:
    """A fresh `Definitions` of one platform.

    Args:
        platform: the installation whose contracts become assets.
        resources: replacements for resources, by name.
        loggers: loggers beside Dagster's own, by name.
        executor: who carries out the jobs; without one, each run waits for the installation.
    """
    return dg.Definitions(
        assets=all_assets(platform),
        asset_checks=[acceptance_check()],
        jobs=[turn, answers],
        schedules=[every_morning],
        sensors=[inbox, answered, alert, warned],
        resources={PLATFORM: platform, **(resources or {})},
        executor=executor or one_at_a_time(platform),
        loggers=dict(loggers or {}),
    )
