"""The rows of the files that were read, in the form that the whole-file comparison needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from schemas.emit.sql import quote
from warehouse.collect.comparison.whole_file import Delivery
from warehouse.collect.extracts.snapshot_diff import first_number
from warehouse.collect.readers.headings.row_classify import REMARKS, RowState
from warehouse.collect.readers.layout import Reading
from warehouse.incremental.context import BatchContext


def delivered_rows(
    context: BatchContext, files: Sequence[tuple[str, Path, Reading]], *, reread: bool
) -> Delivery:
    """Collect the rows of the files of a delivery.

    Args:
        context: the batch; its connection holds the tables.
        files: for each file its table, its path and its reading.
        reread: whether only the changed rows of one file were read; the table `same` lists the other rows.
    """
    connection = context.connection
    tables = [quote(table) for table, _, _ in files]
    rows = tables[0] if len(tables) == 1 else f"({' UNION ALL BY NAME '.join(f'FROM {t}' for t in tables)})"
    last, is_short = None, False
    if _has_open_end(files[-1]):
        last = f"(FROM {tables[-1]} ORDER BY _row DESC LIMIT 1)"
        is_short = _ends_short(context, tables[-1], files[-1][2])
    if reread:
        # A line diff always reads the last rows of a file, even if they are in `same`.
        offset = first_number(context.batch)
        same = f"(SELECT arrived_row - {offset} FROM same)"
        changed = f"(FROM {rows} WHERE _row NOT IN {same})"
        (spared,) = connection.execute("SELECT count(*) FROM same").fetchall()[0]
        return Delivery(changed, spared, {}, last, is_short, reread=True)
    sheets: dict[str, int] = {}
    for table, (_, _, reading) in zip(tables, files, strict=True):
        if len(reading.sheets) > 1:
            counted = connection.execute(f"SELECT _sheet, count(*) FROM {table} GROUP BY ALL ORDER BY ALL")
            sheets |= {sheet: count for sheet, count in counted.fetchall() if sheet is not None}
    return Delivery(rows, 0, sheets, last, is_short)


def _ends_short(context: BatchContext, table: str, reading: Reading) -> bool:
    """Whether the last row has fewer cells than the headings, and few rows are short."""
    (last,) = context.connection.execute(f"SELECT max(_row) FROM {table}").fetchall()[0]
    short = [note for note in reading.notes if note.text == REMARKS[RowState.SHORT]]
    return any(note.count == len(note.rows) and last in note.rows for note in short)


def _has_open_end(file: tuple[str, Path, Reading]) -> bool:
    """Whether a text file ends without a line break."""
    _, path, reading = file
    if reading.recognition.form != "csv" or not reading.rows or path.stat().st_size == 0:
        return False
    with path.open("rb") as opened:
        opened.seek(-1, 2)
        return opened.read(1) not in (b"\n", b"\r")
