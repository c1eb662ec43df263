"""XLSX workbooks: the sheets of a package as columns of text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.collect.readers.headings.heading_blocks import MergedCells
from warehouse.collect.readers.sheets.guards.xlsx_guard import DamagedWorkbook
from warehouse.collect.readers.sheets.markup import (
    OddMarkup,
    column_number,
    rewritten_pieces,
    uniform_pieces,
)
from warehouse.collect.readers.sheets.package import SheetPart, WorkbookParts
from warehouse.collect.readers.sheets.scan import Cells, ScannedKind, cells_of, shared_texts, unescaped
from warehouse.collect.readers.sheets.sheet import NO_ROWS, CellBlock, DeliveredSheet, Rows, columns_of
from warehouse.collect.readers.sheets.text import iso_as_text, plain_numbers, truths_as_text

_T = TypeVar("_T")

_DATA = re.compile(rb"<sheetData(?:\s[^>]*)?(/?)>")
_END = b"</sheetData>"
_COLUMN = re.compile(rb"<col\s([^>]*)>")
_MERGED = re.compile(
    rb'<mergeCell\s[^>]*?ref="\$?([A-Z]{1,3})\$?([0-9]{1,7}):\$?([A-Z]{1,3})\$?([0-9]{1,7})"'
)
_HIDDEN = rb'hidden="(?:1|true|on)"'
_HIDDEN_ROW = re.compile(rb'<row\s(?=[^>]*?%s)[^>]*?\br="([0-9]{1,7})"' % _HIDDEN)
_BOUNDS = re.compile(rb'\b(min|max)="([0-9]{1,5})"')


@dataclass
class _Outline:
    """The facts of a sheet besides its cells: merged cells, hidden rows and columns."""

    merged: tuple[MergedCells, ...] = ()
    hidden_columns: frozenset[int] = frozenset()
    hidden_rows: Rows = field(default_factory=lambda: NO_ROWS)


class XlsxBook:
    """An opened XLSX workbook.

    Raises:
        DamagedWorkbook: it is damaged; methods may raise it too.
        OtherWorkbook: it has another format.
    """

    def __init__(self, data: bytes) -> None:
        self._package = WorkbookParts(data)
        self._parts = {sheet.name: sheet for sheet in self._package.sheets}
        if not self._parts:
            raise DamagedWorkbook

    @property
    def names(self) -> list[str]:
        """The names of the sheets, in order."""
        return list(self._parts)

    @property
    def all_names(self) -> list[str]:
        """The names of all sheets, in order; a name that occurs twice, against the format, is listed twice."""
        return [sheet.name for sheet in self._package.sheets]

    def sheet(self, name: str) -> DeliveredSheet:
        """Read a sheet as text."""
        part = self._parts[name]
        return self._either_way(part.part, b"row", lambda pieces: self._sheet(part, pieces))

    def _sheet(self, part: SheetPart, pieces: Iterator[bytes]) -> DeliveredSheet:
        outline = _Outline()
        columns, height = columns_of(self._blocks(pieces, outline), self._package.formats)
        return DeliveredSheet(
            part.name,
            part.visible,
            columns,
            height,
            outline.merged,
            outline.hidden_columns,
            outline.hidden_rows,
            self._package.from_1904,
        )

    def _either_way(self, part: str, unit: bytes, use: Callable[[Iterator[bytes]], _T]) -> _T:
        """Use the part as it is written; if its markup is odd, use it rewritten."""
        try:
            with self._package.opened(part) as stream:
                return use(uniform_pieces(stream, unit))
        except OddMarkup:
            pass
        try:
            with self._package.opened(part) as stream:
                return use(rewritten_pieces(stream, unit))
        except OddMarkup as error:
            raise DamagedWorkbook from error

    @cached_property
    def _shared(self) -> pa.Array:
        part = self._package.shared_texts_part
        if part is None:
            return pa.array([], pa.string())
        found = self._either_way(part, b"si", lambda pieces: [shared_texts(piece) for piece in pieces])
        return pa.concat_arrays(found)

    def _blocks(self, pieces: Iterator[bytes], outline: _Outline) -> Iterator[CellBlock]:
        """Yield the cells of each piece; add the other facts of the sheet to the outline."""
        hidden: list[bytes] = []
        inside = after = False
        for piece in pieces:
            data = b"" if after else piece
            if not inside and not after:
                start = _DATA.search(piece)
                head = piece if start is None else piece[: start.start()]
                outline.hidden_columns |= _hidden_columns(head)
                data = b"" if start is None else piece[start.end() :]
                inside = start is not None and not start[1]
                after = start is not None and not inside
                tail = data if after else b""
            else:
                tail = piece if after else b""
            if inside and (end := data.find(_END)) >= 0:
                data, tail, inside, after = data[:end], data[end:], False, True
            elif after:
                data = b""
            outline.merged += _merged(tail)
            if b"hidden=" in data:
                hidden += _HIDDEN_ROW.findall(data)
            if data:
                yield self._block(cells_of(data))
        outline.hidden_rows = np.unique(np.array(hidden, "S7").astype(np.int64)) - 1 if hidden else NO_ROWS

    def _block(self, cells: Cells) -> CellBlock:
        """Cells as plain text, without blank cells."""
        texts, values = self._texts(cells.raw, cells.kinds)
        present = np.asarray(texts.is_valid())
        kept = np.flatnonzero(present | cells.formulas)
        return CellBlock(
            cells.rows[kept],
            cells.columns[kept],
            texts if len(kept) == len(texts) else texts.take(pa.array(kept)),
            values[kept],
            cells.styles[kept],
            ((cells.kinds == ScannedKind.ERROR) & present)[kept],
        )

    def _texts(self, raw: pa.Array, kinds: npt.NDArray[np.int8]) -> tuple[pa.Array, npt.NDArray[np.float64]]:
        values = np.full(len(raw), np.nan)
        texts = raw
        present = np.asarray(raw.is_valid())
        for kind in np.unique(kinds[present]).tolist():
            mask = present & (kinds == kind)
            chosen = raw.filter(pa.array(mask)) if not mask.all() else raw
            try:
                if kind == ScannedKind.NUMBER:
                    chosen, values[mask] = _numbers(chosen)
                elif kind == ScannedKind.SHARED:
                    chosen = self._shared.take(pc.cast(pc.utf8_trim_whitespace(chosen), pa.int32()))
            except (pa.ArrowInvalid, IndexError) as error:
                raise DamagedWorkbook from error
            if kind == ScannedKind.TRUTH:
                chosen = truths_as_text(chosen)
            elif kind == ScannedKind.DATE:
                chosen = iso_as_text(chosen)
            elif kind == ScannedKind.TEXT:
                chosen = unescaped(chosen)
            texts = chosen if mask.all() else pc.replace_with_mask(texts, pa.array(mask), chosen)
        return texts, values


def _numbers(raw: pa.Array) -> tuple[pa.Array, npt.NDArray[np.float64]]:
    """Numbers as plain text; NULL for an empty text."""
    trimmed = pc.utf8_trim_whitespace(raw)
    empty = pc.equal(trimmed, "")
    if not pc.any(empty).as_py():
        return plain_numbers(trimmed)
    texts, values = plain_numbers(pc.if_else(empty, "0", trimmed))
    values = np.where(np.asarray(empty), np.nan, values)
    return pc.if_else(empty, pa.scalar(None, pa.string()), texts), values


def _hidden_columns(head: bytes) -> frozenset[int]:
    found: set[int] = set()
    for attributes in _COLUMN.findall(head):
        bounds = dict(_BOUNDS.findall(attributes))
        if re.search(_HIDDEN, attributes) and len(bounds) == 2:
            found.update(range(int(bounds[b"min"]) - 1, min(int(bounds[b"max"]), 16_384)))
    return frozenset(found)


def _merged(tail: bytes) -> tuple[MergedCells, ...]:
    return tuple(
        MergedCells(
            int(top) - 1,
            column_number(left.decode("ascii")),
            int(bottom) - 1,
            column_number(right.decode("ascii")),
        )
        for left, top, right, bottom in _MERGED.findall(tail)
    )
