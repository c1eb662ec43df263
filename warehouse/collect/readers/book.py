"""A workbook as the libraries give it: its sheets as text from row 1, their errors and merged cells.

Which sheet is meant and what its cells are is not known here.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property

import fastexcel
import pyarrow as pa
from python_calamine import CalamineWorkbook

from warehouse.collect.readers.blocks import Merged


@dataclass(frozen=True)
class Sheet:
    """A sheet as text from its row 1; its first column may stand right of column A."""

    name: str
    visible: bool
    cells: pa.RecordBatch
    errors: tuple[fastexcel.CellError, ...]
    first_column: int
    merged: tuple[Merged, ...]

    @property
    def width(self) -> int:
        """The number of columns that hold anything."""
        return int(self.cells.num_columns)

    def rows(self, count: int) -> list[list[str | None]]:
        """The first rows, from column A."""
        columns = [column.to_pylist() for column in self.cells.slice(0, count).columns]
        blank = [None] * self.first_column
        return [[*blank, *row] for row in zip(*columns, strict=True)]


class Book:
    """An opened workbook, XLSX or the old XLS.

    Raises:
        fastexcel.FastExcelError, python_calamine.CalamineError: it is damaged; so does every method.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._reader = fastexcel.read_excel(data)

    @property
    def names(self) -> list[str]:
        """The names of the sheets, in their order."""
        return list(self._reader.sheet_names)

    @cached_property
    def _merges(self) -> CalamineWorkbook:
        # fastexcel does not tell merged cells.
        return CalamineWorkbook.from_filelike(io.BytesIO(self._data))

    def load(self, name: str, kinds: fastexcel.DType | fastexcel.DTypeMap) -> fastexcel.ExcelSheet:
        """A sheet from its row 1, every column as one type; a cell of another type is null."""
        # With all types given, the sample that would guess them is not needed.
        return self._reader.load_sheet(name, header_row=None, skip_rows=0, dtypes=kinds, schema_sample_rows=1)

    def sheet(self, name: str) -> Sheet:
        """A sheet as text."""
        sheet = self.load(name, "string")
        cells, errors = sheet.to_arrow_with_errors()
        columns = sheet.selected_columns
        return Sheet(
            name=name,
            visible=sheet.visible == "visible",
            cells=cells,
            errors=tuple(errors.errors) if errors else (),
            first_column=columns[0].absolute_index if columns else 0,
            merged=tuple(
                Merged(*first, *last)
                for first, last in self._merges.get_sheet_by_name(name).merged_cell_ranges or ()
            ),
        )
