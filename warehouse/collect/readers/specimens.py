"""Specimens: the sheets or tables and the first rows of a sample file without a contract; one function per format.

This module does not look for the headings among these rows; `warehouse.collect.infer.sample` does.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from warehouse.collect.infer.guesses import guess_delimiter, split_rows
from warehouse.collect.readers.dbf.dbase import field_names
from warehouse.collect.readers.headings.header_match import HEADING_ROWS
from warehouse.collect.readers.headings.heading_blocks import MergedCells, filled
from warehouse.collect.readers.layout import DEFAULT_ENCODINGS, unreadable
from warehouse.collect.readers.sheets.guards.xls_guard import EncryptedWorkbook
from warehouse.collect.readers.sheets.guards.xlsx_guard import DamagedWorkbook, ExcessiveWorkbook
from warehouse.collect.readers.sheets.opening import open_book
from warehouse.collect.readers.sheets.package import OtherWorkbook
from warehouse.collect.readers.text.delimited import DELIMITERS
from warehouse.collect.readers.text.encoding import HEAD, UndecodableText, candidate_encodings, decode_head

Rows = Sequence[Sequence[str | None]]


@dataclass(frozen=True)
class Specimen:
    """A sample before any guess.

    Attributes:
        names: its sheets or tables, the chosen one first.
        rows: the first rows of the chosen one.
        merged: the merged cells among these rows.
        delimiter: the delimiter of a text; None for other formats.
        width: the number of columns of the widest row that was looked at.
    """

    names: Sequence[str]
    rows: Rows
    merged: Sequence[MergedCells] = ()
    delimiter: str | None = None
    width: int = 0


class NoSpecimen(Exception):
    """The file cannot be opened; the reader of its format gives the reason."""


def delimited(path: Path, part: str | None) -> Specimen:
    """The first rows of a text, in the first encoding that decodes it, and its delimiter."""
    with path.open("rb") as file:
        start = file.read(HEAD)
    for encoding in candidate_encodings(start, DEFAULT_ENCODINGS):
        try:
            text = decode_head(start, encoding, whole=len(start) < HEAD)
        except UndecodableText:
            continue
        delimiter, rows = guess_delimiter(text, DELIMITERS)
        every = split_rows(text[: text.rfind("\n") + 1], delimiter)
        width = max((place + 1 for cells in every for place in filled(cells)), default=0)
        return Specimen([], rows, delimiter=delimiter, width=width)
    raise NoSpecimen


def workbook(path: Path, part: str | None) -> Specimen:
    """The first rows of a sheet from column A, and its merged cells."""
    try:
        book = open_book(path.read_bytes())
        names = _chosen_first(path, "工作表", book.names, part or book.names[0])
        sheet = book.sheet(names[0])
    except (DamagedWorkbook, ExcessiveWorkbook, EncryptedWorkbook, OtherWorkbook):
        raise NoSpecimen from None
    return Specimen(names, sheet.rows(HEADING_ROWS), sheet.merged, width=sheet.width)


def database(path: Path, part: str | None) -> Specimen:
    """The column names of a table as the only row."""
    uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as database:
            found = database.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_' "
                "ORDER BY name"
            ).fetchall()
            present = [name for (name,) in found]
            only = present[0] if len(present) == 1 else ""
            names = _chosen_first(path, "表", present, part or only)
            columns = database.execute(
                "SELECT name FROM pragma_table_info(?) ORDER BY cid", [names[0]]
            ).fetchall()
    except sqlite3.Error:
        raise NoSpecimen from None
    return Specimen(names, [[name for (name,) in columns]])


def dbase(path: Path, part: str | None) -> Specimen:
    """The names of the fields as the only row."""
    return Specimen([], [field_names(path)])


def _chosen_first(path: Path, what: str, names: Sequence[str], wanted: str) -> list[str]:
    """The names, with the wanted name first."""
    if not names:
        raise unreadable(path, f"没有任何{what}", "核对导出是否成功")
    if wanted not in names:
        missing = f"没有{what}“{wanted}”，" if wanted else ""
        raise unreadable(
            path, f"{missing}有 {len(names)} 张{what}：{'、'.join(names)}", "用 --table 指明其中一张"
        )
    return [wanted, *(name for name in names if name != wanted)]
