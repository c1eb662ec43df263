"""Cells of a workbook as the text that a person sees in them.

fastexcel gives a whole sheet as one type at a time, and its text alone is ambiguous: a date looks like the
same words typed in, a number is cut to nine decimals, and the last digits of a long one are made up. So a
sheet is loaded as other types too: what is null there tells the kinds of cells apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Literal

import fastexcel
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Kind = Literal["string", "boolean", "float", "duration"]
Load = Callable[[Kind], pa.RecordBatch]

# Whole numbers up to here are exact in a workbook; of longer ones a spreadsheet shows 15 digits.
_EXACT = 2.0**53
_TRUTHS = pa.array(["true", "false"])
# How fastexcel writes a date cell; on day 0 of the calendar it is a time of day.
_DATE = r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}"
_DAY_ZERO = "1899-12-31 "
_MIDNIGHT = r" 00:00:00$"
_ERROR = re.compile(r"Error\((\w+)\)")
_ERRORS = {
    "Div0": "#DIV/0!",
    "NA": "#N/A",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
    "GettingData": "#GETTING_DATA",
}


def cells_as_seen(
    texts: pa.RecordBatch,
    errors: Sequence[fastexcel.CellError],
    header_row: int,
    places: Sequence[int],
    load: Load,
) -> list[pa.Array]:
    """The columns below the headings as text: dates ISO, truth values in capitals, numbers to 15 digits.

    Args:
        texts: the sheet loaded as text, from its row 1.
        errors: the cells that hold an error such as `#N/A`; they are null in `texts`.
        header_row: the row of the headings from 1.
        places: the columns that are wanted, from 0; others stay as loaded.
        load: loads the sheet again as another type.

    Returns:
        A column of text for each of `texts`.
    """
    columns = [column.slice(header_row) for column in _with_errors(texts, errors)]

    def loaded(kind: Kind) -> list[pa.Array]:
        return [column.slice(header_row) for column in load(kind).columns]

    # As truth values, all cells are null but truth values and numbers.
    valued = [pc.is_valid(column) for column in loaded("boolean")]
    truths = {place: pc.and_(valued[place], pc.is_in(columns[place], _TRUTHS)) for place in places}
    numbers = {place: pc.and_not(valued[place], truths[place]) for place in places}
    # As numbers, text that spells one is a number too: only where it is no text does it count.
    floats = loaded("float") if any(pc.any(mask).as_py() for mask in numbers.values()) else []
    dated = {place: _matches(columns[place]) for place in places}
    # As durations, all cells are null but dates.
    moments = loaded("duration") if any(pc.any(mask).as_py() for mask in dated.values()) else []
    for place in places:
        column = pc.if_else(truths[place], pc.utf8_upper(columns[place]), columns[place])
        if floats:
            mask = numbers[place]
            column = pc.replace_with_mask(column, mask, _numbers(floats[place].filter(mask)))
        if moments:
            mask = pc.and_(dated[place], pc.is_valid(moments[place]))
            column = pc.if_else(mask, _dates(columns[place]), column)
        columns[place] = column
    return columns


def _with_errors(texts: pa.RecordBatch, errors: Sequence[fastexcel.CellError]) -> list[pa.Array]:
    """The columns with the errors that a person sees in their cells."""
    columns = list(texts.columns)
    by_place: dict[int, dict[int, str]] = {}
    for error in errors:
        row, place = error.position
        name = _ERROR.search(error.detail)
        by_place.setdefault(place, {})[row] = _ERRORS.get(name[1] if name else "", "#ERROR!")
    for place, seen in by_place.items():
        column = columns[place].to_numpy(zero_copy_only=False)
        column[list(seen)] = list(seen.values())
        columns[place] = pa.array(column, pa.string())
    return columns


def _matches(column: pa.Array) -> pa.Array:
    return pc.fill_null(pc.match_substring_regex(column, _DATE), False)


def _dates(column: pa.Array) -> pa.Array:
    """Dates without midnight, times without the day."""
    return pc.if_else(
        pc.starts_with(column, _DAY_ZERO),
        pc.utf8_slice_codeunits(column, len(_DAY_ZERO)),
        pc.replace_substring_regex(column, _MIDNIGHT, ""),
    )


def _numbers(column: pa.Array) -> pa.Array:
    """Whole numbers in full as far as they are exact, others with the 15 digits of a spreadsheet."""
    values: npt.NDArray[np.float64] = column.to_numpy(zero_copy_only=False)
    whole = (values == np.trunc(values)) & (np.abs(values) <= _EXACT)
    texts = np.char.upper(np.char.mod("%.15g", values)).astype(object)
    texts[whole] = values[whole].astype(np.int64).astype(str)
    return pa.array(texts, pa.string())
