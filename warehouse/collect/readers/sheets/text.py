"""The cells of a workbook as text, the same for deliveries and answers, for XLSX and XLS.

A text stays unchanged. A number is written by its value, not by the digits that fit the column width: an exact whole
number in full, other numbers with the 15 digits of a spreadsheet. If the number format carries meaning, its result is
kept: dates and times in ISO form, durations, percentages, leading zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.collect.readers.sheets.formats import NumberFormat

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

# Whole numbers up to this one are exact in a workbook; of longer numbers a spreadsheet shows 15 digits.
_EXACT = 2.0**53
# Numbers that "%.15g" would write in the same way: at most 15 digits, no trailing zeros in a fraction.
_PLAIN = r"^(?:0|-?[1-9][0-9]{0,14}|-?(?:0|[1-9][0-9]{0,5})[.](?:[1-9]|[0-9]{1,8}[1-9]))$"
_SMALL = r"^-?0[.]0000"

_DAY = 86_400_000
# Day 0 of the calendar with a 29 February 1900, and how many days later the 1904 calendar begins (ECMA-376 part 1,
# 18.17.4.1).
_EPOCH_1900 = -25_569
_LATER_1904 = 1462
_LEAP_DAY = 60
# The first day beyond the calendar: 10000-01-01.
_END = 2_958_466


@dataclass(frozen=True, eq=False)
class Styled:
    """The numbers of a column, with their rows and styles.

    Attributes:
        places: the rows, from 0, ascending.
        values: the numbers.
        styles: for each number the index of its format.
        formats: the formats, by index.
    """

    places: npt.NDArray[np.int64]
    values: Floats
    styles: npt.NDArray[np.int32]
    formats: Sequence[NumberFormat]


@dataclass(frozen=True, eq=False)
class SeenCells:
    """A column as text, and the rows (from 0) that need a note.

    Attributes:
        text: the column.
        percent: rows whose percentage was read as a fraction: 0.075 for 7.5%.
        other: rows whose cell shows something that the number does not contain.
        codes: the codes of the formats of these rows.
    """

    text: pa.Array
    percent: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    other: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reckoning:
    """How to interpret the numbers of a column.

    Attributes:
        from_1904: whether the workbook counts days from 1904.
        dated: whether a number without a format is a day number too.
        fractions: whether percentages become fractions, if the column holds nothing else; beside other numbers or
            texts they stay percentages, because a fraction could not be distinguished from a number.
    """

    from_1904: bool = False
    dated: bool = False
    fractions: bool = True


def as_seen(text: pa.Array, numbers: Styled, reckoning: Reckoning) -> SeenCells:
    """Replace the numbers of a column by the texts that their formats show.

    Args:
        text: the column, with plain numbers (`plain_numbers`).
        numbers: the numbers of the column.
        reckoning: how to interpret the numbers.
    """
    shown = np.array([format_.shows.name for format_ in numbers.formats] or ["NUMBER"])[numbers.styles]
    if reckoning.dated:
        days = (shown == "NUMBER") & (numbers.values >= 1) & (numbers.values < _END)
        shown = np.where(days, "MOMENT", shown)
    if (shown == "NUMBER").all():
        return SeenCells(text)
    if (moments := shown == "MOMENT").any():
        text = _laid(
            text, numbers, moments, moments_as_text(numbers.values[moments], from_1904=reckoning.from_1904)
        )
    if (passed := shown == "DURATION").any():
        text = _laid(text, numbers, passed, durations_as_text(numbers.values[passed]))
    percent = shown == "PERCENT"
    mixed = percent.any() and not (
        reckoning.fractions and percent.all() and pc.count(text).as_py() == len(percent)
    )
    if mixed:
        text = _laid(text, numbers, percent, percentages_as_text(numbers.values[percent]))
    for style in np.unique(numbers.styles[shown == "PADDED"]):
        padded = (numbers.styles == style) & (shown == "PADDED")
        padded &= (
            (numbers.values >= 0) & (numbers.values == np.trunc(numbers.values)) & (numbers.values <= _EXACT)
        )
        if padded.any():
            text = _laid(text, numbers, padded, _padded(numbers.values[padded], numbers.formats[style]))
    other = shown == "OTHER"
    return SeenCells(
        text,
        percent=numbers.places[percent] if not mixed else np.empty(0, np.int64),
        other=numbers.places[other],
        codes=tuple(numbers.formats[style].code for style in np.unique(numbers.styles[other])),
    )


def _laid(text: pa.Array, numbers: Styled, chosen: Mask, shown: pa.Array) -> pa.Array:
    """Replace some numbers of the column by other texts; where the text is NULL, the number stays."""
    known = np.asarray(shown.is_valid())
    mask = np.zeros(len(text), np.bool_)
    mask[numbers.places[chosen][known]] = True
    return pc.replace_with_mask(text, pa.array(mask), shown.drop_null())


def plain_numbers(texts: pa.Array) -> tuple[pa.Array, Floats]:
    """Rewrite the numbers of a file as a spreadsheet shows them; also return their values.

    Examples: `9607.780000000001` is 9607.78, `1E3` is 1000, `1e-7` is 1E-07.

    Raises:
        pa.ArrowInvalid: a text is not a number.
    """
    values: Floats = pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False)
    plain = pc.and_not(pc.match_substring_regex(texts, _PLAIN), pc.match_substring_regex(texts, _SMALL))
    rest = np.flatnonzero(~np.asarray(plain))
    if rest.size:
        mask = np.zeros(len(texts), np.bool_)
        mask[rest] = True
        texts = pc.replace_with_mask(texts, pa.array(mask), numbers_as_text(values[rest]))
    return texts, values


def numbers_as_text(values: Floats) -> pa.Array:
    """Write exact whole numbers in full, other numbers with the 15 digits of a spreadsheet."""
    whole = (values == np.trunc(values)) & (np.abs(values) <= _EXACT)
    texts = pa.array(np.where(whole, values, 0).astype(np.int64)).cast(pa.string())
    if whole.all():
        return texts
    # The shortest text that gives the number, if it has at most 15 digits; that is usual.
    parts = pa.array(values[~whole]).cast(pa.string())
    plain = pc.and_not(pc.match_substring_regex(parts, _PLAIN), pc.match_substring_regex(parts, _SMALL))
    long = ~np.asarray(plain)
    if long.any():
        written = np.char.upper(np.char.mod("%.15g", values[~whole][long])).tolist()
        parts = pc.replace_with_mask(parts, pa.array(long), pa.array(written, pa.string()))
    return pc.replace_with_mask(texts, pa.array(~whole), parts)


def moments_as_text(values: Floats, *, from_1904: bool) -> pa.Array:
    """Write days and times: `2023-05-03`, `2023-05-03 08:30:00`, and `08:30:00` for a time without a day.

    NULL for days outside the calendar: before 1900, 29 February 1900, after 9999.
    """
    # Rounding to milliseconds moves a time just before midnight to the start of the next day.
    parts = np.rint(np.where(np.isfinite(values), values, -1) * _DAY).astype(np.int64)
    days, time = np.divmod(parts, _DAY)
    timed = (parts >= 0) & (days == 0)
    if from_1904:
        days += _LATER_1904
    known = (parts >= 0) & (days < _END) & (days != _LEAP_DAY)
    # Before the leap day that never existed, the spreadsheet's count is one day behind.
    days = np.where(days < _LEAP_DAY, days + 1, days) + _EPOCH_1900
    moments = np.where(known, days * _DAY + time, 0)
    texts = pa.array(moments, pa.timestamp("ms")).cast(pa.string())
    texts = pc.replace_substring_regex(texts, r"[.]000$", "")
    texts = pc.replace_substring_regex(texts, r" 00:00:00$", "")
    if timed.any():
        clock = pc.replace_substring_regex(
            pa.array(time.astype(np.int32), pa.time32("ms")).cast(pa.string()), r"[.]000$", ""
        )
        texts = pc.if_else(pa.array(timed), clock, texts)
    return pc.if_else(pa.array(known | timed), texts, pa.scalar(None, pa.string()))


def durations_as_text(values: Floats) -> pa.Array:
    """Write hours, minutes and seconds: `36:00:00`."""
    seconds = np.rint(np.where(np.isfinite(values), values, 0) * 86_400).astype(np.int64)
    sign = pa.array(np.where(seconds < 0, "-", ""))
    seconds = np.abs(seconds)
    parts = [pa.array(part).cast(pa.string()) for part in (seconds // 3600, seconds // 60 % 60, seconds % 60)]
    clock = [parts[0], *(pc.utf8_lpad(part, 2, "0") for part in parts[1:])]
    return pc.binary_join_element_wise(sign, pc.binary_join_element_wise(*clock, ":"), "")


def percentages_as_text(values: Floats) -> pa.Array:
    """Write the number times a hundred with a percent sign: `7.5%`."""
    return pc.binary_join_element_wise(numbers_as_text(np.round(values * 100, 12)), "%", "")


def _padded(values: Floats, format_: NumberFormat) -> pa.Array:
    """Write whole numbers with leading zeros, in the groups of the format."""
    digits = sum(count for _, count in format_.groups)
    text = pc.utf8_lpad(pa.array(values.astype(np.int64)).cast(pa.string()), digits, "0")
    if len(format_.groups) == 1 and not format_.groups[0][0]:
        return text
    pieces: list[pa.Array | str] = []
    behind = digits
    for number, (before, count) in enumerate(format_.groups):
        # The first group takes the extra digits of a longer number.
        start = None if number == 0 else -behind
        stop = -(behind - count) or None
        piece = pc.utf8_slice_codeunits(text, 0 if start is None else start, stop)
        pieces += [before, piece] if before else [piece]
        behind -= count
    return pc.binary_join_element_wise(*pieces, "")


def truths_as_text(raw: pa.Array) -> pa.Array:
    """Write truth values as a spreadsheet shows them."""
    return pc.if_else(pc.is_in(raw, pa.array(["1", "true"])), "TRUE", "FALSE")


def iso_as_text(raw: pa.Array) -> pa.Array:
    """Write ISO dates without the T, and without the time if it is midnight."""
    spaced = pc.replace_substring_regex(raw, r"^(\d{4}-\d{2}-\d{2})T", r"\1 ")
    whole = pc.replace_substring_regex(spaced, r"^(.*:\d{2})[.]0*$", r"\1")
    return pc.replace_substring_regex(whole, r"^(\d{4}-\d{2}-\d{2}) 00:00:00$", r"\1")
