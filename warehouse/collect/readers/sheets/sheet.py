"""A sheet in memory: its columns as text, with merged cells, hidden rows and columns, and number formats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from warehouse.collect.readers.headings.heading_blocks import MergedCells
from warehouse.collect.readers.sheets.formats import NumberFormat
from warehouse.collect.readers.sheets.guards.xlsx_guard import DamagedWorkbook
from warehouse.collect.readers.sheets.text import Reckoning, SeenCells, Styled, as_seen

Rows = npt.NDArray[np.int64]
NO_ROWS: Rows = np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class CellBlock:
    """Cells of a sheet as parallel arrays, in any order, without blank cells.

    Attributes:
        rows, columns: the position of each cell, from 0.
        texts: plain text; NULL for a formula without a result.
        values: the number in the cell; NaN for other cells.
        styles: the index of the number format.
        errors: whether the cell shows an error.
    """

    rows: npt.NDArray[np.int32]
    columns: npt.NDArray[np.int16]
    texts: pa.Array
    values: npt.NDArray[np.float64]
    styles: npt.NDArray[np.int32]
    errors: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class DeliveredColumn:
    """A column from row 1: plain text, numbers, the rows (from 0) of formulas without a result and of errors."""

    text: pa.Array
    numbers: Styled
    uncomputed: Rows
    errors: Rows


@dataclass(frozen=True, eq=False)
class DeliveredSheet:
    """A sheet from A1 to its last filled cell.

    Attributes:
        name: the name in the workbook.
        visible: whether the sheet is visible.
        columns: the columns, from A.
        height: the number of rows.
        merged: the merged cells.
        hidden_columns: the hidden columns, from 0.
        hidden_rows: the hidden and filtered rows, from 0, ascending.
        from_1904: whether the workbook counts days from 1904.
    """

    name: str
    visible: bool
    columns: tuple[DeliveredColumn, ...]
    height: int
    merged: tuple[MergedCells, ...] = ()
    hidden_columns: frozenset[int] = frozenset()
    hidden_rows: Rows = field(default_factory=lambda: NO_ROWS)
    from_1904: bool = False

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.columns)

    def seen(self, place: int, first: int = 0, *, dated: bool = False, fractions: bool = True) -> SeenCells:
        """A column as a person sees it, from a row on; the result counts rows from there.

        Args:
            place: the column, from 0.
            first: the first row, from 0; rows above it do not belong to the table.
            dated, fractions: as in `Reckoning`.
        """
        # Only in a workbook that counts from 1904, a number without a format would give another day.
        dated = dated and self.from_1904
        text, numbers = self._cut(place, first, self.height)
        return as_seen(text, numbers, Reckoning(self.from_1904, dated, fractions))

    def rows(self, count: int) -> list[list[str | None]]:
        """The first rows as text."""
        cut = (self._cut(place, 0, count) for place in range(self.width))
        shown = [as_seen(text, numbers, Reckoning(self.from_1904)).text.to_pylist() for text, numbers in cut]
        return [list(row) for row in zip(*shown, strict=True)]

    def _cut(self, place: int, first: int, last: int) -> tuple[pa.Array, Styled]:
        """A range of rows of a column, and the numbers in it."""
        text, numbers = self.columns[place].text, self.columns[place].numbers
        bounds = slice(*np.searchsorted(numbers.places, (first, last)).tolist())
        kept = Styled(
            numbers.places[bounds] - first, numbers.values[bounds], numbers.styles[bounds], numbers.formats
        )
        return text.slice(first, last - first), kept


def columns_of(
    blocks: Iterable[CellBlock], formats: Sequence[NumberFormat]
) -> tuple[tuple[DeliveredColumn, ...], int]:
    """Build the columns from A to the last filled cell; also return their number of rows.

    Args:
        blocks: the cells.
        formats: the number formats, by style; a style without a format gets the first.
    """
    parts = [part for part in blocks if len(part.rows)]
    if any(part.columns.min() < 0 for part in parts):
        raise DamagedWorkbook
    height = max((int(part.rows.max()) + 1 for part in parts), default=0)
    width = max((int(part.columns.max()) + 1 for part in parts), default=0)
    sliced: list[list[tuple[CellBlock, Rows]]] = [[] for _ in range(width)]
    for part in parts:
        order = np.argsort(part.columns, kind="stable")
        bounds = np.searchsorted(part.columns[order], np.arange(width + 1))
        for place in np.unique(part.columns).tolist():
            sliced[place].append((part, order[bounds[place] : bounds[place + 1]]))
    return tuple(_column(cells, height, formats) for cells in sliced), height


def _column(
    cells: list[tuple[CellBlock, Rows]], height: int, formats: Sequence[NumberFormat]
) -> DeliveredColumn:
    if not cells:
        nothing = Styled(NO_ROWS, np.empty(0), np.empty(0, np.int32), formats)
        return DeliveredColumn(pa.nulls(height, pa.string()), nothing, NO_ROWS, NO_ROWS)
    rows: Rows = np.concatenate([part.rows[chosen] for part, chosen in cells]).astype(np.int64)
    texts = pa.concat_arrays([part.texts.take(pa.array(chosen)) for part, chosen in cells])
    values = np.concatenate([part.values[chosen] for part, chosen in cells])
    styles = np.concatenate([part.styles[chosen] for part, chosen in cells])
    errors = np.concatenate([part.errors[chosen] for part, chosen in cells])
    if (np.diff(rows) <= 0).any():
        order = np.argsort(rows, kind="stable")
        rows, texts = rows[order], texts.take(pa.array(order))
        values, styles, errors = values[order], styles[order], errors[order]
        if (np.diff(rows) == 0).any():
            # Two cells have the same position, and it is unknown which cell is right.
            raise DamagedWorkbook
    numbers = np.flatnonzero(~np.isnan(values))
    styled = Styled(
        rows[numbers], values[numbers], np.where(styles < len(formats), styles, 0)[numbers], formats
    )
    uncomputed = rows[~np.asarray(texts.is_valid())]
    return DeliveredColumn(_placed(texts, rows, height), styled, uncomputed, rows[errors])


def _placed(texts: pa.Array, rows: Rows, height: int) -> pa.Array:
    if len(rows) == height:
        return texts
    order = np.full(height, -1, np.int64)
    order[rows] = np.arange(len(rows))
    return texts.take(pa.array(order, mask=order < 0))
