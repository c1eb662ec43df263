"""Old workbooks (XLS of Excel 97 to 2003, and of Excel 5.0 and 95): their sheets as columns of text."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from warehouse.collect.readers.headings.heading_blocks import MergedCells
from warehouse.collect.readers.sheets import records
from warehouse.collect.readers.sheets.formats import GENERAL, NumberFormat, built_in, number_format
from warehouse.collect.readers.sheets.guards.xls_guard import streams
from warehouse.collect.readers.sheets.guards.xlsx_guard import DamagedWorkbook
from warehouse.collect.readers.sheets.records import Records, records_from, text_of
from warehouse.collect.readers.sheets.sheet import CellBlock, DeliveredSheet, columns_of
from warehouse.collect.readers.sheets.text import numbers_as_text

_Ints = npt.NDArray[np.int64]

_FORMULA, _NUMBER, _RK, _MUL_RK, _LABEL_SST = 0x06, 0x0203, 0x027E, 0xBD, 0xFD
_LABEL, _RICH_LABEL, _STRING, _TRUTH_OR_ERROR = 0x0204, 0xD6, 0x0207, 0x0205
_ROW, _COLUMNS, _MERGED = 0x0208, 0x7D, 0xE5
_CODE_PAGE, _DATE_MODE, _FORMAT, _STYLE, _BOUND_SHEET, _SST = 0x42, 0x22, 0x041E, 0xE0, 0x85, 0xFC
_EXCEL_97, _EXCEL_95 = 0x0600, 0x0500
_HIDDEN_ROW, _HIDDEN_COLUMN = 0x20, 0x01
# Kinds of formula results that are not numbers, and the flag that Excel must compute the formula on opening.
_A_TEXT, _A_TRUTH, _AN_ERROR, _AN_EMPTY_TEXT = range(4)
_NO_NUMBER = 0xFFFF
_TO_BE_COMPUTED = 0x03
# [MS-XLS] 2.5.10
_ERRORS = {
    0x00: "#NULL!",
    0x07: "#DIV/0!",
    0x0F: "#VALUE!",
    0x17: "#REF!",
    0x1D: "#NAME?",
    0x24: "#NUM!",
    0x2A: "#N/A",
    0x2B: "#GETTING_DATA",
}


@dataclass(frozen=True)
class _SheetPlace:
    name: str
    visible: bool
    start: int


class XlsBook:
    """An opened XLS workbook.

    Raises:
        DamagedWorkbook: it is damaged; methods may raise it too.
    """

    def __init__(self, data: bytes) -> None:
        with _whole():
            found = {self._version(stream): stream for stream in streams(data)}
            # A file for both Excel 95 and 97 contains the workbook twice.
            version = next((each for each in (_EXCEL_97, _EXCEL_95) if each in found), None)
            if version is None:
                raise DamagedWorkbook
            self._stream = found[version]
            self._globals = records_from(self._stream, 0)
            self._codec = None if version == _EXCEL_97 else self._code_page()
            self._sheets = {sheet.name: sheet for sheet in self._bound_sheets()}
            self._formats = self._styles()
            self._shared = self._shared_texts()
            self._from_1904 = any(self._globals.short(self._globals.of(_DATE_MODE, 2), 0) == 1)
        if not self._sheets:
            raise DamagedWorkbook

    @property
    def names(self) -> list[str]:
        """The names of the sheets, in order."""
        return list(self._sheets)

    def sheet(self, name: str) -> DeliveredSheet:
        """Read a sheet as text."""
        place = self._sheets[name]
        with _whole():
            found = records_from(self._stream, place.start)
            columns, height = columns_of(self._blocks(found), self._formats)
            hidden = found.of(_ROW, 14)
            hidden = hidden[found.short(hidden, 12) & _HIDDEN_ROW != 0]
            return DeliveredSheet(
                name,
                place.visible,
                columns,
                height,
                tuple(_merged(found)),
                frozenset(_hidden_columns(found)),
                np.unique(found.short(hidden, 0)),
                self._from_1904,
            )

    @staticmethod
    def _version(stream: bytes) -> int:
        kind, length, version = struct.unpack_from("<HHH", stream)
        return int(version) if kind == records.BOF and length >= 4 else 0

    def _code_page(self) -> str:
        found = self._globals.of(_CODE_PAGE, 2)
        return records.codec_of(int(self._globals.short(found, 0)[0]) if found.size else 1252)

    def _bound_sheets(self) -> Iterator[_SheetPlace]:
        for record in self._globals.of(_BOUND_SHEET, 8).tolist():
            content = self._globals.parts(record)
            start, state, kind = struct.unpack_from("<IBB", content[0])
            if kind == 0:
                name = text_of(content, 6, self._codec, width=1)
                yield _SheetPlace(name, state & 0x03 == 0, start)

    def _styles(self) -> tuple[NumberFormat, ...]:
        codes = {}
        for record in self._globals.of(_FORMAT, 3).tolist():
            content = self._globals.parts(record)
            (number,) = struct.unpack_from("<H", content[0])
            codes[number] = text_of(content, 2, self._codec, width=1 if self._codec else 2)
        numbers = self._globals.short(self._globals.of(_STYLE, 4), 2).tolist()
        found = (number_format(codes[each]) if each in codes else built_in(each) for each in numbers)
        return tuple(found) or (GENERAL,)

    def _shared_texts(self) -> pa.Array:
        found = [self._globals.parts(record) for record in self._globals.of(_SST, 8).tolist()]
        return pa.array([text for parts in found for text in records.shared_texts(parts)], pa.string())

    def _blocks(self, found: Records) -> Iterator[CellBlock]:
        """Yield the cells, one block for each kind of record."""
        plain = found.of(_NUMBER, 14)
        yield _numbers(found, plain, found.floats_at(found.places[plain] + 6))
        packed = found.of(_RK, 10)
        yield _numbers(found, packed, _unpacked(found.long_at(found.places[packed] + 6)))
        yield _packed_rows(found)
        shared = found.of(_LABEL_SST, 10)
        places = found.long_at(found.places[shared] + 6)
        yield _texts(found, shared, self._shared.take(pa.array(places)))
        for kind in (_LABEL, _RICH_LABEL):
            labels = found.of(kind, 8)
            texts = [text_of(found.parts(each), 6, self._codec) for each in labels.tolist()]
            yield _texts(found, labels, pa.array(texts, pa.string()))
        values = found.of(_TRUTH_OR_ERROR, 8)
        yield _truths(found, values, found.places[values] + 6, found.data[found.places[values] + 7] != 0)
        yield from self._formulas(found)

    def _formulas(self, found: Records) -> Iterator[CellBlock]:
        formulas = found.of(_FORMULA, 16)
        at = found.places[formulas] + 6
        special = found.short_at(at + 6) == _NO_NUMBER
        kinds = found.data[at]
        yield _numbers(found, formulas[~special], found.floats_at(at[~special]))
        for kind in (_A_TRUTH, _AN_ERROR):
            chosen = special & (kinds == kind)
            yield _truths(found, formulas[chosen], at[chosen] + 2, np.full(chosen.sum(), kind == _AN_ERROR))
        results = found.of(_STRING, 2)
        owners = formulas[np.searchsorted(formulas, results) - 1] if formulas.size else results[:0]
        texts = [text_of(found.parts(each), 0, self._codec) for each in results.tolist()]
        yield _texts(found, owners, pa.array(texts[: len(owners)], pa.string()))
        # Programs that cannot compute write an empty text as the result, or leave the computing to Excel.
        empty = formulas[special & (kinds == _AN_EMPTY_TEXT)]
        left = (found.short(empty, 14) & _TO_BE_COMPUTED != 0) | (len(empty) == len(formulas))
        yield _texts(found, empty, pa.array([None if each else "" for each in left.tolist()], pa.string()))


@contextmanager
def _whole() -> Iterator[None]:
    """Turn errors of truncated or wrong records into a damaged workbook."""
    try:
        yield
    except (struct.error, IndexError, UnicodeError, pa.ArrowInvalid) as error:
        raise DamagedWorkbook from error


def _block(
    found: Records,
    cells: _Ints,
    texts: pa.Array,
    values: npt.NDArray[np.float64],
    errors: npt.NDArray[np.bool_],
) -> CellBlock:
    return CellBlock(
        found.short(cells, 0).astype(np.int32),
        found.short(cells, 2).astype(np.int16),
        texts,
        values,
        found.short(cells, 4).astype(np.int32),
        errors,
    )


def _numbers(found: Records, cells: _Ints, values: npt.NDArray[np.float64]) -> CellBlock:
    return _block(found, cells, numbers_as_text(values), values, np.zeros(len(cells), np.bool_))


def _texts(found: Records, cells: _Ints, texts: pa.Array) -> CellBlock:
    return _block(found, cells, texts, np.full(len(cells), np.nan), np.zeros(len(cells), np.bool_))


def _truths(found: Records, cells: _Ints, places: _Ints, errors: npt.NDArray[np.bool_]) -> CellBlock:
    """Truth values and errors; each is one byte."""
    texts = [
        _ERRORS.get(value, "#ERROR!") if error else "TRUE" if value else "FALSE"
        for value, error in zip(found.data[places].tolist(), errors.tolist(), strict=True)
    ]
    return _block(found, cells, pa.array(texts, pa.string()), np.full(len(cells), np.nan), errors)


def _packed_rows(found: Records) -> CellBlock:
    """Numbers of adjacent cells that share one record."""
    rows = found.of(_MUL_RK, 12)
    counts = (found.lengths[rows] - 6) // 6
    offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    places = np.repeat(found.places[rows], counts)
    values = _unpacked(found.long_at(places + 6 + 6 * offsets))
    return CellBlock(
        found.short_at(places).astype(np.int32),
        (found.short_at(places + 2) + offsets).astype(np.int16),
        numbers_as_text(values),
        values,
        found.short_at(places + 4 + 6 * offsets).astype(np.int32),
        np.zeros(len(places), np.bool_),
    )


def _unpacked(packed: _Ints) -> npt.NDArray[np.float64]:
    """Decode four-byte numbers ([MS-XLS] 2.5.217): an integer or the upper half of a double, or a hundredth of it."""
    whole = (packed.astype(np.int32) >> 2).astype(np.float64)
    upper = np.zeros((len(packed), 2), np.uint32)
    upper[:, 1] = (packed & 0xFFFF_FFFC).astype(np.uint32)
    values = np.where(packed & 0x02 != 0, whole, upper.view("<f8").reshape(-1))
    return np.where(packed & 0x01 != 0, values / 100, values)


def _merged(found: Records) -> Iterator[MergedCells]:
    for record in found.of(_MERGED, 2).tolist():
        content = found.parts(record)[0]
        (count,) = struct.unpack_from("<H", content)
        for number in range(count):
            top, bottom, left, right = struct.unpack_from("<4H", content, 2 + 8 * number)
            yield MergedCells(top, left, bottom, right)


def _hidden_columns(found: Records) -> Iterator[int]:
    for record in found.of(_COLUMNS, 10).tolist():
        first, last, flags = struct.unpack_from("<HH4xH", found.parts(record)[0])
        if flags & _HIDDEN_COLUMN:
            yield from range(first, min(last, 255) + 1)
