"""Parts that the assets of all stages share: partitions, keys, owners, and previews of their data.

This module makes no decisions: the work of a stage is a plain function in a lower package.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import TypedDict

import dagster as dg
import duckdb

from assets.checks import AssetCheck
from assets.platform import CHINA, FIRST_BATCH, Platform
from assets.tasks import Key, Task
from schemas.contract.model import Contract
from warehouse.lake.partition import Partition
from warehouse.query.masking import masked

# A batch is one day. `end_offset=1` makes today's partition available from midnight on.
BATCHES = dg.DailyPartitionsDefinition(start_date=FIRST_BATCH.isoformat(), timezone=CHINA.key, end_offset=1)

# The resource that every asset receives, and its name among Dagster's resources.
PlatformResource = dg.ResourceParam[Platform]
PLATFORM = "platform"

BUREAU = "team:data_bureau"


class Group(StrEnum):
    """The stages as Dagster's groups. Dagster sorts groups by name, hence the numbers."""

    EXTRACTS = "1_extracts"
    STANDARD = "2_standard"
    FINDINGS = "3_findings"
    TICKETS = "4_tickets"
    GOVERNANCE = "5_governance"
    PUBLICATION = "6_publication"
    RETURNS = "7_returns"


PREVIEW_ROWS = 5
BAR_WIDTH = 24


class AssetFacts(TypedDict):
    """The arguments of `dg.asset` that every asset has."""

    key: dg.AssetKey
    group_name: str
    description: str
    owners: Sequence[str]
    tags: Mapping[str, str]
    kinds: set[str]
    partitions_def: dg.PartitionsDefinition[str]
    deps: Sequence[dg.AssetKey]
    freshness_policy: dg.FreshnessPolicy | None


def batch_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> date:
    """The batch's day, from the partition key of the run."""
    return date.fromisoformat(context.partition_key)


def asset_key(key: Key) -> dg.AssetKey:
    """The key of the asset that a task makes."""
    return dg.AssetKey(list(key))


def asset_facts(
    task: Task, group: Group, description: str, kinds: set[str], *, beside: Collection[Key] = ()
) -> AssetFacts:
    """The arguments of `dg.asset` for a task's asset.

    The bureau owns every asset. The department whose data an asset holds owns it too.

    Args:
        task: the task that makes the asset.
        group: the stage as Dagster shows it.
        description: what the asset is, in Chinese.
        kinds: the labels that Dagster shows as the asset's kind of data.
        beside: earlier tasks that have no asset. Example: the gate, which is an asset check.
    """
    department = task.contract.department if task.contract is not None else None
    return AssetFacts(
        key=asset_key(task.key),
        group_name=str(group.value),  # an enumeration cannot be sent to the UI
        description=description,
        owners=[*([f"team:{department}"] if department else []), BUREAU],
        tags={"department": department} if department else {},
        kinds=kinds,
        partitions_def=BATCHES,
        deps=[asset_key(key) for key in task.after if key not in beside],
        freshness_policy=freshness(task.contract) if task.contract is not None else None,
    )


def freshness(contract: Contract) -> dg.FreshnessPolicy | None:
    """How long a dataset's asset stays fresh, from the contract's `frequency` and `latency`.

    Dagster warns once the frequency has passed: the next delivery is due. It fails the asset once the latency has
    passed too: the delivery is late.

    Returns:
        None if the contract declares no frequency.
    """
    if contract.frequency_days is None:
        return None
    due = timedelta(days=contract.frequency_days)
    late = due + timedelta(days=contract.latency_days or 0)
    return dg.FreshnessPolicy.time_window(fail_window=late, warn_window=due if due < late else None)


def check_specs(asset: dg.AssetKey, checks: Sequence[AssetCheck]) -> list[dg.AssetCheckSpec]:
    """The declarations of the checks for `dg.asset`."""
    return [dg.AssetCheckSpec(check.name, asset=asset, description=check.description) for check in checks]


def check_results(checks: Sequence[AssetCheck], platform: Platform, batch: date) -> list[dg.AssetCheckResult]:
    """Run the checks on the finished asset and return their results."""
    results = []
    for check in checks:
        passed, facts = check.ask(platform, batch)
        results.append(dg.AssetCheckResult(check_name=check.name, passed=passed, metadata=dict(facts)))
    return results


def partition_metadata(partition: Partition | None) -> dict[str, dg.MetadataValue]:
    """Rows, files and batch of a partition. An unchanged partition belongs to an earlier batch."""
    if partition is None:
        return {"rows": dg.MetadataValue.int(0), "batch_in_force": dg.MetadataValue.text("never delivered")}
    return {
        "dagster/row_count": dg.MetadataValue.int(partition.rows),
        "rows": dg.MetadataValue.int(partition.rows),
        "batch_in_force": dg.MetadataValue.text(partition.batch.isoformat()),
        "files": dg.MetadataValue.path(str(partition.folder)),
        "sha256": dg.MetadataValue.text(partition.fingerprint),
    }


def data_version(partition: Partition | None) -> dg.DataVersion:
    """The content's fingerprint as Dagster's data version."""
    return dg.DataVersion(partition.fingerprint if partition else "none")


def preview(
    connection: duckdb.DuckDBPyConnection, contract: Contract, partition: Partition
) -> dg.MetadataValue:
    """The first rows of a standard table, personal values masked by their classification."""
    columns = ", ".join(masked(column.name, column.classification) for column in contract.columns)
    rows = connection.execute(f"SELECT {columns} FROM {partition.scan} LIMIT {PREVIEW_ROWS}").fetchall()
    return table([column.title for column in contract.columns], rows)


def table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> dg.MetadataValue:
    """Rows as a Markdown table."""
    lines = [_line(titles), _line(["---"] * len(titles))]
    lines += [_line(["" if value is None else str(value) for value in row]) for row in rows]
    return dg.MetadataValue.md("\n".join(lines))


def bars(counts: Mapping[str, int]) -> dg.MetadataValue:
    """Counts as a bar chart that needs no picture file."""
    most = max(counts.values(), default=0)
    rows = [
        (name, f"{count:,}", "█" * max(1, round(BAR_WIDTH * count / most)))
        for name, count in counts.items()
        if count
    ]
    return table(["", "rows", ""], rows)


def counts_by(connection: duckdb.DuckDBPyConnection, partition: Partition, by: str) -> dict[str, int]:
    """Count a partition's rows by a trusted SQL expression, the most frequent value first."""
    return dict(
        connection.execute(
            f"SELECT {by} AS name, count(*) FROM {partition.scan} GROUP BY name ORDER BY 2 DESC, 1"
        ).fetchall()
    )


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
