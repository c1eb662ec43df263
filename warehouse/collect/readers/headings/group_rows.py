"""Rows between the records of a sheet: group rows across the table, and repeated headings of a continued table.

This module judges only whole rows. It does not classify rows by single cells; `row_classify` does, in the database.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.collect.readers.headings.heading_blocks import Cells, MergedCells, filled
from warehouse.collect.readers.headings.row_classify import REASONS, RowState, is_note
from warehouse.collect.readers.layout import SetAside

_Mask = npt.NDArray[np.bool_]

_CONTINUED = re.compile(r"续\s*表|（续\d*）|\(续\d*\)|[(（]?continued[)）]?", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?[\d,. ]+%?")
# The headings of a continued table begin at most this many rows below the line 续表.
_HEADINGS_WITHIN = 6

GROUP = "分组行，不是数据"
CONTINUED = "续表的标题，不是数据"


class OtherHeadings(Exception):
    """A continued table whose headings, in this row, differ from the first headings."""

    def __init__(self, row: int) -> None:
        super().__init__(row)
        self.row = row


@dataclass(frozen=True)
class Interludes:
    """The rows that stay in the table, the rows set aside with reasons, and the group of each row."""

    keep: _Mask | None
    set_aside: tuple[SetAside, ...] = ()
    groups: pa.Array | None = None


@dataclass(frozen=True)
class Body:
    """The rows of a sheet below its headings.

    Attributes:
        columns: the cells as text, from the sheet's first filled column on.
        first_column: the number of columns to the left of it.
        header_row: the last row of the headings, from 1.
        headings: the rows of the headings, from column A.
        merged: the merged cells of the sheet.
        grouped: whether the contract uses the text of group rows.
    """

    columns: Sequence[pa.Array]
    first_column: int
    header_row: int
    headings: Sequence[Cells]
    merged: Sequence[MergedCells]
    grouped: bool

    def column(self, place: int) -> pa.Array | None:
        """The cells of a column, counted from A."""
        index = place - self.first_column
        return self.columns[index] if 0 <= index < len(self.columns) else None

    def text(self, index: int, place: int) -> str:
        """The text of a cell, by its row below the headings (from 0) and its column (from 0 = A)."""
        column = self.column(place)
        return "" if column is None else (column[index].as_py() or "").strip()

    def filled(self) -> npt.NDArray[np.int64]:
        """The number of filled cells in each row."""
        rows = len(self.columns[0]) if self.columns else 0
        return sum((_filled(column) for column in self.columns), np.zeros(rows, np.int64))

    def row(self, index: int) -> list[str]:
        """The cells of a row, counted from 0 below the headings."""
        return [(column[index].as_py() or "").strip() for column in self.columns]


def find_interludes(body: Body) -> Interludes:
    """Find the rows that as a whole are not records: repeated headings, lines 续表, group rows.

    Raises:
        OtherHeadings: a table continues below with other columns.
    """
    rows = len(body.columns[0]) if body.columns else 0
    reasons: dict[int, str] = {}
    repeated = _repeated_headings(body, rows)
    for index in repeated:
        reasons[index] = REASONS[RowState.HEADINGS]
    for index in _continued(body, rows):
        _check_continuation(body, index, rows, repeated)
        reasons[index] = CONTINUED
    texts = _group_rows(body, rows, reasons)
    reasons |= dict.fromkeys(texts, GROUP)
    if not reasons and not body.grouped:
        return Interludes(None)
    keep = np.ones(rows, np.bool_)
    keep[list(reasons)] = False
    aside = tuple(
        SetAside(body.header_row + 1 + index, reason)
        for index, reason in sorted(reasons.items())
        # If the contract uses group rows, their texts become values and are not lost.
        if not (body.grouped and index in texts)
    )
    return Interludes(keep, aside, _spread(texts, rows) if body.grouped else None)


def _spread(texts: dict[int, str], rows: int) -> pa.Array:
    """The group of each row: the text of the last group row above it."""
    marks = np.full(rows, -1)
    ordered = sorted(texts)
    marks[ordered] = np.arange(len(ordered))
    last = np.maximum.accumulate(marks) if rows else marks
    names = pa.array([texts[index] for index in ordered], pa.string())
    return names.take(pa.array(np.where(last < 0, 0, last), mask=last < 0))


def _repeated_headings(body: Body, rows: int) -> list[int]:
    """The rows that repeat headings of several rows completely.

    A row of units or column numbers below the headings may be repeated or not.
    """
    found: set[int] = set()
    matched = np.ones(rows, np.bool_)
    # `row_classify` finds repeated headings of a single row.
    for offset, cells in enumerate(body.headings):
        same = np.zeros(rows, np.bool_)
        here = _equal(body, cells, rows)
        same[: max(rows - offset, 0)] = here[offset:]
        matched &= same
        if not matched.any():
            break
        if offset:
            found.update(
                int(start) + below for start in np.flatnonzero(matched) for below in range(offset + 1)
            )
    return sorted(found)


def _equal(body: Body, cells: Cells, rows: int) -> _Mask:
    """The rows that contain all texts of a row of the headings."""
    same = np.full(rows, bool(filled(cells)))
    for place in filled(cells):
        column = body.column(place)
        if column is None:
            return np.zeros(rows, np.bool_)
        text = str(cells[place]).strip()
        hit = pc.fill_null(pc.equal(pc.utf8_trim_whitespace(column), text), False)
        same &= hit.to_numpy(zero_copy_only=False)
        if not same.any():
            break
    return same


def _continued(body: Body, rows: int) -> list[int]:
    """The rows that contain only a mark that the table continues."""
    hits = np.zeros(rows, np.bool_)
    for column in body.columns:
        hit = pc.fill_null(pc.match_substring_regex(column, "续|(?i)continued"), False)
        hits |= hit.to_numpy(zero_copy_only=False)
    found = []
    for index in np.flatnonzero(hits):
        texts = [text for text in body.row(int(index)) if text]
        if len(texts) <= 2 and any(_CONTINUED.search(text) for text in texts):
            found.append(int(index))
    return found


def _check_continuation(body: Body, index: int, rows: int, repeated: Sequence[int]) -> None:
    """Refuse a continued table with other headings: its cells would be read into wrong columns."""
    first = [str(cells[place]).strip() for cells in body.headings[:1] for place in filled(cells)]
    for below in range(index + 1, min(index + 1 + _HEADINGS_WITHIN, rows)):
        texts = [text for text in body.row(below) if text]
        if below in repeated or (first and texts == first):
            return
        if len(texts) < 2 or is_note(texts[0]):
            continue
        if any(_NUMBER.fullmatch(text) for text in texts):
            return
        raise OtherHeadings(body.header_row + 1 + below)


def _group_rows(body: Body, rows: int, known: dict[int, str]) -> dict[int, str]:
    """The rows above a record that hold one text across the table."""
    width = max((len(filled(cells)) for cells in body.headings), default=0)
    found: dict[int, str] = {}
    for area in body.merged:
        index = area.top - body.header_row
        if not 0 <= index < rows or index in known or not area.wide or area.tall:
            continue
        if 2 * (area.right - area.left + 1) < max(width, 3):
            continue
        texts = [text for text in body.row(index) if text]
        if len(texts) == 1 and not is_note(texts[0]):
            found[index] = texts[0]
    if body.grouped:
        counts = body.filled()
        for index in np.flatnonzero(counts == 1).tolist():
            (text,) = [text for text in body.row(index) if text]
            if index not in known and not is_note(text) and not _NUMBER.fullmatch(text):
                found[index] = text
    if not found:
        return {}
    # Rows below the last record are notes, not groups.
    counts = body.filled()
    records = np.flatnonzero(counts > 1)
    last = int(records[-1]) if records.size else -1
    return {index: text for index, text in found.items() if index < last}


def _filled(column: pa.Array) -> npt.NDArray[np.int64]:
    """1 for each row in which the column is filled, else 0."""
    some = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(column), ""), False)
    ones: npt.NDArray[np.int64] = some.to_numpy(zero_copy_only=False).astype(np.int64)
    return ones
