"""Definitions: everything Dagster sees, composed from the contracts.

`build_definitions` takes the platform and replacements, so that a test can replace a part without patching.
Dagster's own processes load `pipelines.location`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial

import dagster as dg

from assets.common import PLATFORM
from assets.extracts import extract_asset
from assets.findings import agreement_asset, finding_asset, rule_titles, settlement_asset, ticket_asset
from assets.governance import governance_asset
from assets.packages import packages_asset
from assets.platform import Platform
from assets.publication import acceptance_check, candidate_asset, warehouse_asset
from assets.standard import standard_asset
from assets.standard_database import standard_database_asset
from assets.summary import summary_asset
from assets.tasks import (
    ACCEPTANCE,
    CANDIDATE,
    PACKAGES,
    SETTLED,
    STANDARD_DATABASE,
    SUMMARY,
    TICKETS,
    WAREHOUSE,
    Key,
    Stage,
    Task,
    tasks_of,
)
from pipelines.dagster_private import switched_on
from pipelines.jobs import answers, turn
from pipelines.run.executor import one_at_a_time
from pipelines.schedules import every_morning
from pipelines.sensors import alert, answered, inbox, warned

_Factory = Callable[[Task], dg.AssetsDefinition]


def all_assets(platform: Platform) -> list[dg.AssetsDefinition]:
    """An asset for every task of a turn; the acceptance gate is a check of the candidate."""
    titles = rule_titles(platform)
    of_key: Mapping[Key, _Factory] = {
        SETTLED: settlement_asset,
        TICKETS: ticket_asset,
        CANDIDATE: candidate_asset,
        ACCEPTANCE: acceptance_check,
        WAREHOUSE: warehouse_asset,
        PACKAGES: packages_asset,
        SUMMARY: summary_asset,
        STANDARD_DATABASE: standard_database_asset,
    }
    of_stage: Mapping[Stage, _Factory] = {
        Stage.EXTRACT: extract_asset,
        Stage.STANDARD: standard_asset,
        Stage.FINDING: partial(finding_asset, titles=titles),
        Stage.AGREEMENT: partial(agreement_asset, platform=platform, titles=titles),
        Stage.GOVERNANCE: partial(governance_asset, library=platform.library),
    }
    return [(of_key.get(task.key) or of_stage[task.stage])(task) for task in tasks_of(platform)]


def build_definitions(
    platform: Platform,
    *,
    resources: Mapping[str, object] | None = None,
    loggers: Mapping[str, dg.LoggerDefinition] | None = None,
    executor: dg.ExecutorDefinition | None = None,
    automatic: Collection[str] = (),
) -> dg.Definitions:
    """A fresh `Definitions` of one platform.

    Args:
        platform: the installation whose contracts become assets.
        resources: replacements for resources, by name.
        loggers: loggers beside Dagster's own, by name.
        executor: the executor of the jobs. By default each run waits for the installation's lock.
        automatic: names of the schedule and the sensors that are on from the start, see `pipelines.automatic`.
    """
    every = all_assets(platform)
    return dg.Definitions(
        assets=[made for made in every if not isinstance(made, dg.AssetChecksDefinition)],
        asset_checks=[made for made in every if isinstance(made, dg.AssetChecksDefinition)],
        jobs=[turn, answers],
        schedules=[switched_on(every_morning) if every_morning.name in automatic else every_morning],
        sensors=[
            switched_on(sensor) if sensor.name in automatic else sensor
            for sensor in (inbox, answered, alert, warned)
        ],
        resources={PLATFORM: platform, **(resources or {})},
        executor=executor or one_at_a_time(platform),
        loggers=dict(loggers or {}),
    )
