"""Stage 5, publication: a candidate database, the acceptance gate as a blocking check, then the switch."""

from datetime import date
from pathlib import Path

import dagster as dg

from assets.common import Group, PlatformResource, asset_facts, asset_key, batch_of, table
from assets.platform import Platform
from assets.tasks import ACCEPTANCE as ACCEPTED
from assets.tasks import CANDIDATE, Task
from quality.published import TICKETS as TICKET_TABLE
from warehouse.home.folders import Home
from warehouse.publish.switch import candidate_of

ACCEPTANCE = "acceptance"

# The key of the gate's step as Dagster makes it: the asset, then the check.
_GATE_STEP = f"{asset_key(CANDIDATE).to_python_identifier()}_{ACCEPTANCE}"


def candidate_asset(task: Task) -> dg.AssetsDefinition:
    """The asset that builds the new database beside the published one."""

    @dg.asset(
        **asset_facts(
            task,
            Group.PUBLICATION,
            "候选库：新建的 DuckDB 文件，每张表、每个字段都有注释；尚未对外。",
            {"duckdb"},
        ),
    )
    def _candidate(
        context: dg.AssetExecutionContext, platform: PlatformResource
    ) -> dg.MaterializeResult[None]:
        with platform.open_batch(batch_of(context)) as opened:
            path, tables = task.run(platform, opened)
        return dg.MaterializeResult(
            metadata={
                "file": dg.MetadataValue.path(str(path)) if path else dg.MetadataValue.text("unchanged"),
                "tables": table(["table", "title"], [(t.standard.id, t.standard.comment) for t in tables]),
            }
        )

    return _candidate


def check_batch(context: dg.AssetCheckExecutionContext, platform: Platform) -> date:
    """The day that a check examines: the run's day, or the newest day if the check is started alone.

    Raises:
        dagster.Failure: started by itself before the first turn.
    """
    if context.has_partition_key:
        return batch_of(context)
    batches = platform.lake.batches(*TICKET_TABLE)
    if not batches:
        raise dg.Failure("There is no batch yet: run a turn first.")
    return batches[-1]


def acceptance_imports(step: str, home: Home) -> tuple[str, ...]:
    """The modules that a step imports only if there is a candidate to check.

    Args:
        step: the key of a step; only the gate's needs any.
        home: the installation.
    """
    return ("quality.acceptance.gate",) if step == _GATE_STEP and candidate_of(home).exists() else ()


def acceptance_check(task: Task) -> dg.AssetChecksDefinition:
    """The gate: the Great Expectations suite on the candidate. A failed candidate is never published."""

    @dg.asset_check(
        asset=asset_key(CANDIDATE),
        name=ACCEPTANCE,
        blocking=True,
        description="验收：候选库通过全部期望后才能发布；报告保留在 Data Docs。",
    )
    def _acceptance(
        context: dg.AssetCheckExecutionContext, platform: PlatformResource
    ) -> dg.AssetCheckResult:
        if not candidate_of(platform.home).exists():
            return dg.AssetCheckResult(passed=True, metadata={"checks": dg.MetadataValue.text("unchanged")})
        with platform.open_batch(check_batch(context, platform)) as opened:
            verdict = task.run(platform, opened)
        failed = [(f.table, f.expectation, f.column, f.observed, f.meaning) for f in verdict.failed]
        return dg.AssetCheckResult(
            passed=verdict.passed,
            metadata={
                "checks": dg.MetadataValue.int(verdict.checks),
                "failed": table(["table", "expectation", "column", "observed", "meaning"], failed),
                "report": dg.MetadataValue.path(str(verdict.report)),
            },
        )

    return _acceptance


def warehouse_asset(task: Task) -> dg.AssetsDefinition:
    """The asset that puts the accepted candidate in the place of the published database."""

    @dg.asset(
        **asset_facts(
            task,
            Group.PUBLICATION,
            "统一治理库 warehouse.duckdb：通过验收后一步切换，读者看到的总是完整的一份。",
            {"duckdb"},
            beside=[ACCEPTED],
        ),
    )
    def _warehouse(
        context: dg.AssetExecutionContext, platform: PlatformResource
    ) -> dg.MaterializeResult[None]:
        with platform.open_batch(batch_of(context)) as opened:
            path: Path = task.run(platform, opened)
        return dg.MaterializeResult(
            metadata={
                "file": dg.MetadataValue.path(str(path)),
                "bytes": dg.MetadataValue.int(path.stat().st_size),
            }
        )

    return _warehouse
