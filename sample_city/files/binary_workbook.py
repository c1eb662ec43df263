"""Workbooks in the old binary form (XLS, BIFF8), which many county offices still send.

Written by xlwt, cell by cell: for small extracts only. The layout is that of ``workbook``; what
stands in the rows belongs to delivery.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import polars as pl
import xlwt

from sample_city.files.workbook import WorkbookLayout

MOST_ROWS: Final = 65_536
"""Rows of a sheet in this form."""


def write_xls(
    path: Path, sheets: Sequence[tuple[str, Iterable[pl.DataFrame]]], layout: WorkbookLayout
) -> None:
    """Write one sheet for each name, like ``workbook.write_workbook``.

    Raises:
        ValueError: A sheet has more rows than the form can hold.
    """
    book = xlwt.Workbook(encoding="utf-8")
    bold = xlwt.easyxf(
        "font: bold on; align: horiz center; borders: left thin, right thin, top thin, bottom thin"
    )
    for name, slices in sheets:
        sheet = book.add_sheet(name)
        for line, text in enumerate(layout.above):
            sheet.write_merge(line, line, 0, len(layout.headers) - 1, text, bold)
        row = len(layout.above)
        for place, header in enumerate(layout.headers.values()):
            sheet.write(row, place, header, bold)
        for rows in slices:
            if row + len(rows) + len(layout.below) + 2 > MOST_ROWS:
                raise ValueError(f"{path.name}: sheet {name} has more than {MOST_ROWS} rows")
            for cells in rows.select(*layout.headers).iter_rows():
                row += 1
                for place, text in enumerate(cells):
                    if text:
                        sheet.write(row, place, text)
        for line, text in enumerate(layout.below, start=row + 2):
            sheet.write(line, 0, text)
    book.save(str(path))
