"""Stage 5, publication: a candidate database, the acceptance gate as a blocking check, then the switch."""

from datetime import date

import dagster as dg

from assets.common import Group, PlatformResource, asset_facts, batch_of, table
from assets.findings import TICKETS
from assets.governance import governance_key
from assets.platform import Platform
from quality.acceptance.generated import generated_checks
from quality.acceptance.suite import read_suite
from quality.published import TICKETS as TICKET_TABLE
from quality.published import quality_tables
from schemas.contract.library import Library
from warehouse.governance.derive import derived
from warehouse.home.folders import Home
from warehouse.publish.candidate import build
from warehouse.publish.catalogue import contract_tables, extract_table, governance_tables, ledger_table
from warehouse.publish.switch import candidate_of, record_verdict, switch

ACCEPTANCE = "acceptance"
CANDIDATE = dg.AssetKey(["publication", "candidate"])
WAREHOUSE = dg.AssetKey(["publication", "warehouse"])

# The key of the gate's step as Dagster makes it: the asset, then the check.
_GATE_STEP = f"{CANDIDATE.to_python_identifier()}_{ACCEPTANCE}"


def candidate_asset(library: Library) -> dg.AssetsDefinition:
    """The asset that builds the new database beside the published one."""
    names = [entity.name for entity in library.fed_entities] + list(derived(library))

    @dg.asset(
        **asset_facts(
            CANDIDATE,
            Group.PUBLICATION,
            "候选库：新建的 DuckDB 文件，每张表、每个字段都有注释；尚未对外。",
            {"duckdb"},
        ),
        deps=[TICKETS, *(governance_key(name) for name in names)],
    )
    def _candidate(
        context: dg.AssetExecutionContext, platform: PlatformResource
    ) -> dg.MaterializeResult[None]:
        batch = batch_of(context)
        with platform.open_ledger() as ledger:
            head = ledger.head(batch.isoformat())
        with platform.open_batch(batch) as opened:
            tables = [
                *governance_tables(opened),
                *quality_tables(opened, platform.published_batches),
                *contract_tables(library),
                extract_table(opened),
                ledger_table(batch, head.number, head.hash),
            ]
            path = build(opened, platform.home, tables, platform.keys)
        return dg.MaterializeResult(
            metadata={
                "file": dg.MetadataValue.path(str(path)) if path else dg.MetadataValue.text("unchanged"),
                "tables": table(["table", "title"], [(t.standard.id, t.standard.comment) for t in tables]),
            }
        )

    return _candidate


def check_batch(context: dg.AssetCheckExecutionContext, platform: Platform) -> date:
    """The day that a check looks at: the turn's, or the newest when the check is started by itself.

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


def acceptance_check() -> dg.AssetChecksDefinition:
    """The gate: the Great Expectations suite on the candidate. What fails it is never switched in."""

    @dg.asset_check(
        asset=CANDIDATE,
        name=ACCEPTANCE,
        blocking=True,
        description="验收：候选库通过全部期望后才能发布；报告保留在 Data Docs。",
    )
    def _acceptance(
        context: dg.AssetCheckExecutionContext, platform: PlatformResource
    ) -> dg.AssetCheckResult:
        home = platform.home
        if not candidate_of(home).exists():
            return dg.AssetCheckResult(passed=True, metadata={"checks": dg.MetadataValue.text("unchanged")})
        # Great Expectations takes seconds to import; `acceptance_imports` has it imported for a new candidate only.
        from quality.acceptance.gate import accept

        verdict = accept(
            candidate_of(home),
            home.acceptance,
            previous=home.warehouse if home.warehouse.exists() else None,
            name=check_batch(context, platform).isoformat(),
            suite=read_suite(generated=generated_checks(platform.library)),
            limits=platform.engine.limits,
            keys=platform.keys,
        )
        record_verdict(home, passed=verdict.passed)
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


def warehouse_asset() -> dg.AssetsDefinition:
    """The asset that puts the accepted candidate in the place of the published database."""

    @dg.asset(
        **asset_facts(
            WAREHOUSE,
            Group.PUBLICATION,
            "统一治理库 warehouse.duckdb：通过验收后一步切换，读者看到的总是完整的一份。",
            {"duckdb"},
        ),
        deps=[CANDIDATE],
    )
    def _warehouse(
        context: dg.AssetExecutionContext, platform: PlatformResource
    ) -> dg.MaterializeResult[None]:
        path = switch(platform.home, batch_of(context), platform.keys)
        return dg.MaterializeResult(
            metadata={
                "file": dg.MetadataValue.path(str(path)),
                "bytes": dg.MetadataValue.int(path.stat().st_size),
            }
        )

    return _warehouse
