"""What the stages' assets share: partitions, keys, owners, and what is shown of their data.

Nothing is decided here; a stage's work is a plain function on a lower floor.
"""

from collections.abc import Mapping
from datetime import date

import dagster as dg
import duckdb

from schemas.contract import Contract
from warehouse.lake import Partition
from warehouse.masking import masked

TIMEZONE = "Asia/Shanghai"

# A batch is a day; today's partition is there from midnight on.
BATCHES = dg.DailyPartitionsDefinition(start_date="2020-01-01", timezone=TIMEZONE, end_offset=1)

PLATFORM = "platform"
BUREAU = "team:data_bureau"
PREVIEW_ROWS = 5
BAR_WIDTH = 24


def batch_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> date:
    """The day of the turn."""
    return date.fromisoformat(context.partition_key)


def key_of(stage: str, dataset: str) -> dg.AssetKey:
    """The asset of a dataset in a stage: stage / department / dataset."""
    return dg.AssetKey([stage, *dataset.split(".", 1)])


def dataset_facts(contract: Contract, stage: str) -> dict[str, object]:
    """What a dataset's assets have in common, from its contract."""
    return {
        "key": key_of(stage, contract.id),
        "owners": [f"team:{contract.department}", BUREAU],
        "tags": {"department": contract.department, "stage": stage},
        "partitions_def": BATCHES,
        "required_resource_keys": {PLATFORM},
    }


def partition_metadata(partition: Partition | None) -> dict[str, dg.MetadataValue]:
    """Rows and files of a partition, and of which batch it is: an unchanged one is of an earlier batch."""
    if partition is None:
        return {"rows": dg.MetadataValue.int(0), "partition": dg.MetadataValue.text("never delivered")}
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


def table(titles: list[str], rows: list[tuple[object, ...]]) -> dg.MetadataValue:
    """Rows as a Markdown table."""
    lines = [_line(titles), _line(["---"] * len(titles))]
    lines += [_line(["" if value is None else str(value) for value in row]) for row in rows]
    return dg.MetadataValue.md("\n".join(lines))


def bars(counts: Mapping[str, int]) -> dg.MetadataValue:
    """Counts as a bar chart that needs no picture file."""
    most = max(counts.values(), default=0)
    rows: list[tuple[object, ...]] = [
        (name, count, "█" * max(1, round(BAR_WIDTH * count / most))) for name, count in counts.items() if count
    ]
    return table(["", "rows", ""], rows)


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
