"""Cells of a workbook as the text that a person sees in them.

fastexcel gives a whole sheet as one type at a time, and its text alone is ambiguous: a date looks like the
same words typed in, a number is cut to nine decimals, and the last digits of a long one are made up. So a
sheet is loaded as other types too: what is null there tells the kinds of cells apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import fastexcel
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Kind = Literal["boolean", "float", "duration"]
# Loads the sheet with these columns as these types, and the others as any.
Load = Callable[[dict[int, Kind]], pa.RecordBatch]

# Whole numbers up to here are exact in a workbook; of longer ones a spreadsheet shows 15 digits.
_EXACT = 2.0**53
# A pattern, for an array would import pandas, half a second, into every command.
_TRUTH = r"^(true|false)$"
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
        load: loads the sheet again as other types.

    Returns:
        A column of text for each of `texts`.
    """
    columns = [column.slice(header_row) for column in _with_errors(texts, errors)]
    # As truth values, all cells are null but truth values and numbers.
    valued = [
        pc.is_valid(column.slice(header_row))
        for column in load(dict.fromkeys(range(len(columns)), "boolean")).columns
    ]
    truths = {place: pc.and_(valued[place], _like(columns[place], _TRUTH)) for place in places}
    numbers = {place: pc.and_not(valued[place], truths[place]) for place in places}
    dated = {place: _like(columns[place], _DATE) for place in places}
    typed = _typed({"float": numbers, "duration": dated}, load)
    for place in places:
        column = pc.if_else(truths[place], pc.utf8_upper(columns[place]), columns[place])
        if (place, "float") in typed:
            # Text that spells a number is loaded as one too: it counts only where a number stands.
            floats = typed[place, "float"].slice(header_row).filter(numbers[place])
            column = pc.replace_with_mask(column, numbers[place], _numbers(floats))
        if (place, "duration") in typed:
            # As durations, all cells are null but dates, and text that spells a duration.
            moments = pc.is_valid(typed[place, "duration"].slice(header_row))
            column = pc.if_else(pc.and_(dated[place], moments), _dates(columns[place]), column)
        columns[place] = column
    return columns


def _typed(masks: Mapping[Kind, Mapping[int, pa.Array]], load: Load) -> dict[tuple[int, Kind], pa.Array]:
    """Columns loaded as other types, where a mask says that it matters, in as few loads as will do."""
    loads: list[dict[int, Kind]] = [{} for _ in masks]
    for kind, by_place in masks.items():
        for place, mask in by_place.items():
            if pc.any(mask).as_py():
                next(kinds for kinds in loads if place not in kinds)[place] = kind
    batches = [(kinds, load(kinds)) for kinds in loads if kinds]
    return {(place, kind): batch.column(place) for kinds, batch in batches for place, kind in kinds.items()}


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


def _like(column: pa.Array, pattern: str) -> pa.Array:
    return pc.fill_null(pc.match_substring_regex(column, pattern), False)


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
