"""Line diff: read only the lines of a text snapshot that the snapshot before did not have.

Lines are compared as bytes (`readers.text.line_hash`), so that unchanged lines are neither decoded nor split. Example:
of 1,000,000 lines 200 changed; the reader parses these 200 and the last lines of the file. In any unusual case the
functions return None, and the whole file is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from schemas.emit.sql import quote
from schemas.formats import load_formats
from warehouse.collect.extracts.snapshot_diff import CELL_HASH, HASHED, compare
from warehouse.collect.readers.layout import Layout, Reading, UnreadableFile
from warehouse.collect.readers.staging import TAIL_ROWS
from warehouse.collect.readers.text.line_hash import LINE_HASH, EndlessLine, Excerpt, RecordLines, hashes_of
from warehouse.home.files import digest_of
from warehouse.incremental.context import BatchContext
from warehouse.isolation.reading import HarmfulFile, keep_hashes, read_some
from warehouse.lake.partition import Partition


def hashing_of(reading: Reading) -> Mapping[str, object]:
    """Describe how the rows of a reading were hashed; only hashes made in the same way can be compared."""
    if reading.lines is None:
        return CELL_HASH
    return {
        "by": LINE_HASH,
        "above": reading.lines.above,
        "first": reading.lines.first,
        # Equal bytes are equal cells only below the same headings and in the same encoding.
        "recognised": digest_of(asdict(reading.recognition)),
    }


@dataclass(frozen=True)
class SpoolPlace:
    """A folder for scratch files, and the offset that turns a row of the file into its number in the lake."""

    folder: Path
    offset: int


def reread(
    context: BatchContext, base: Partition, path: Path, layout: Layout, table: str, spool: SpoolPlace
) -> Reading | None:
    """Read the rows of the new file that may differ from the base partition, and list the others in `same`.

    Args:
        context: the batch; the tables are made on its connection.
        base: the snapshot before, as `snapshot_diff.base_of` returns it.
        path: the new file.
        layout: the contract's description of the file.
        table: the name of the table that receives the rows.
        spool: the folder for scratch files, and the row offset.

    Returns:
        The reading that a full read of the file would give; None if the whole file has to be read.
    """
    connection, offset, told = context.connection, spool.offset, base.facts[HASHED]
    assert isinstance(told, dict)
    if told["by"] != LINE_HASH or not load_formats()[layout.form].takes("delimiter"):
        return None
    lines = RecordLines(path, told["above"], told["first"])
    try:
        count = keep_hashes(connection, table, lines, spool=spool.folder)
    except EndlessLine:
        return None
    hashes = quote(hashes_of(table))
    numbered = f"(SELECT _row + {offset} AS _row, _hash, _check FROM {hashes})"
    same = compare(connection, base, numbered)
    if not context.lake.thresholds.allow_patch(base.rows, count + base.rows - 2 * same):
        return None
    # A line near the end may be a note below the data, even if the base has it as a record.
    wanted = connection.execute(
        f"SELECT _row FROM {hashes} "
        f"WHERE _row > $last OR _row NOT IN (SELECT arrived_row - {offset} FROM same) ORDER BY _row",
        {"last": lines.first + count - 1 - TAIL_ROWS},
    ).fetchnumpy()["_row"]
    rows = np.ascontiguousarray(wanted, dtype=np.int64)
    try:
        reading = read_some(path, layout, connection, table, spool.folder, Excerpt(lines, rows))
    except HarmfulFile:
        raise
    except UnreadableFile:
        # Only a full read can locate the fault.
        return None
    if reading is None or hashing_of(reading) != told:
        return None
    connection.register("read_again", pa.table({"_row": rows}))
    try:
        connection.execute(
            f"DELETE FROM same WHERE arrived_row - {offset} IN (FROM read_again) "
            f"AND arrived_row - {offset} NOT IN (SELECT _row FROM {quote(table)})"
        )
    finally:
        connection.unregister("read_again")
    return replace(reading, rows=reading.rows + count - rows.size)
