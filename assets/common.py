"""What the stages' assets share: partitions, keys, owners, and what is shown of their data.

Nothing is decided here; a stage's work is a plain function on a lower floor.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import TypedDict

import dagster as dg
import duckdb

from assets.platform import CHINA, FIRST_BATCH, Platform
from schemas.contract.model import Contract
from warehouse.lake.partition import Partition
from warehouse.query.masking import masked

# A batch is a day; today's partition is there from midnight on.
BATCHES = dg.DailyPartitionsDefinition(start_date=FIRST_BATCH.isoformat(), timezone=CHINA.key, end_offset=1)

# What every asset is handed, and its name among Dagster's resources.
PlatformResource = dg.ResourceParam[Platform]
PLATFORM = "platform"

BUREAU = "team:data_bureau"


class Group(StrEnum):
    """The stages as Dagster's groups; it lists them by name, hence the numbers."""

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
    """What is said of every asset, as `dg.asset` takes it."""

    key: dg.AssetKey
    group_name: str
    description: str
    owners: Sequence[str]
    tags: Mapping[str, str]
    kinds: set[str]
    partitions_def: dg.PartitionsDefinition[str]


def batch_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> date:
    """The day of the turn."""
    return date.fromisoformat(context.partition_key)


def key_of(stage: str, dataset: str) -> dg.AssetKey:
    """The asset of a dataset in a stage: stage / department / dataset."""
    return dg.AssetKey([str(stage), *dataset.split(".", 1)])


def asset_facts(
    key: dg.AssetKey, group: Group, description: str, kinds: set[str], department: str | None = None
) -> AssetFacts:
    """What is said of an asset: the bureau owns it, and beside it the department whose data it holds."""
    return AssetFacts(
        key=key,
        group_name=str(group.value),  # an enumeration cannot be sent to the UI
        description=description,
        owners=[*([f"team:{department}"] if department else []), BUREAU],
        tags={"department": department} if department else {},
        kinds=kinds,
        partitions_def=BATCHES,
    )


def partition_metadata(partition: Partition | None) -> dict[str, dg.MetadataValue]:
    """Rows and files of a partition, and of which batch it is: an unchanged one is of an earlier batch."""
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
    """How many rows of a partition there are by an expression of ours, the most frequent first."""
    return dict(
        connection.execute(
            f"SELECT {by} AS name, count(*) FROM {partition.scan} GROUP BY name ORDER BY 2 DESC, 1"
        ).fetchall()
    )


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
