"""What becomes of a mutant: read with every row that it still holds, or refused in Chinese with its name.

Rows are counted a second time by other means: the csv module, openpyxl, sqlite3, the bytes of a DBF. Where those
give up, nothing is compared.
"""

from __future__ import annotations

import csv
import io
import re
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import duckdb
import openpyxl

from returns.packages.sheet_spec import sheet_standard
from returns.workbook.errors import WorkbookError
from returns.workbook.reader import open_workbook
from tests.fuzz.specimens import Specimen
from warehouse.collect.intake.archive import is_archive, unpack
from warehouse.collect.readers.layout import Layout, Reading, UnreadableFile
from warehouse.collect.readers.registry import read, recognise
from warehouse.collect.readers.text.record_lines import BACKSLASHES, BLANKS

Outcome = Literal["read", "refused"]

_CHINESE = re.compile("[一-龥]{4}")
_BLANKS = " \t\r\n\u00a0\u3000\ufeff"
_REPLY_TITLES = {"工单号": "ticket", "处理结果": "verdict", "更正值": "value"}


class Fault(AssertionError):
    """A mutant lost rows, or was refused without a word for people."""


def judge(specimen: Specimen, content: bytes, connection: duckdb.DuckDBPyConnection, folder: Path) -> Outcome:
    """Take a mutant in as the platform does.

    Args:
        specimen: what it was made from.
        content: its bytes.
        connection: for the table it is read into.
        folder: an empty folder.

    Raises:
        Fault: a row is lost, or the refusal does not name the file in Chinese. Any other error is one too.
    """
    path = folder / specimen.name
    path.write_bytes(content)
    try:
        if specimen.layout is None:
            _open_reply(path)
        elif is_archive(path):
            for member in unpack(path, folder):
                _read(member.path, specimen.layout, connection, folder)
        else:
            _read(path, specimen.layout, connection, folder)
    except (UnreadableFile, WorkbookError) as refusal:
        named = "文件“" in str(refusal)
        if not named or not _CHINESE.search(str(refusal)) or "\n" in str(refusal):
            raise Fault(f"refused without a word for people: {refusal}") from refusal
        return "refused"
    return "read"


def _open_reply(path: Path) -> None:
    workbook = open_workbook(path)
    workbook.read_identity()
    standard = sheet_standard("tickets")
    titles = {column.title: column.name for column in standard.columns if column.title in _REPLY_TITLES}
    answers = workbook.read_sheet(standard.title, titles)
    held = {
        row: cells
        for row, cells in _by_openpyxl(path, standard.title, titles)
        if row > (answers["_row"].min() or 0)
    }
    if lost := held.keys() - set(answers["_row"].to_list()):
        raise Fault(f"rows lost: {sorted(lost)[:5]}")


def _by_openpyxl(path: Path, sheet: str, titles: dict[str, str]) -> Iterator[tuple[int, list[str]]]:
    """The rows of a sheet that hold anything below the first row that has the titles."""
    rows = list(_cells(path, sheet))
    for number, (_, cells) in enumerate(rows):
        texts = ["".join(str(cell or "").split()) for cell in cells]
        if all(texts.count(title) == 1 for title in titles):
            places = [texts.index(title) for title in titles]
            for row, below in rows[number + 1 :]:
                held = [str(below[place]) for place in places if _filled(below[place])]
                if held:
                    yield row, held
            return


def _cells(path: Path, sheet: str) -> Iterator[tuple[int, tuple[object, ...]]]:
    """The rows of a sheet as openpyxl has them, nothing where it gives up."""
    try:
        with closing(openpyxl.load_workbook(path, data_only=True)) as book:
            yield from enumerate(book[sheet].iter_rows(values_only=True), start=1)
    except Exception:  # noqa: BLE001  whatever it trips over
        return


def _filled(cell: object) -> bool:
    return cell is not None and str(cell).strip(_BLANKS) != ""


def _read(path: Path, layout: Layout, connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    seen = recognise(path, layout)
    with TemporaryDirectory(dir=folder) as spool:
        reading = read(path, layout, connection, "mutant", spool=Path(spool))
    if replace(seen, unread=()) != replace(reading.recognition, unread=()):
        raise Fault(f"recognised as {seen}, read as {reading.recognition}")
    rows = connection.execute("SELECT * FROM mutant").to_arrow_table().to_pylist()
    if len(rows) != reading.rows:
        raise Fault(f"{reading.rows} rows told, {len(rows)} there")
    found = {(row.pop("_sheet", None), row.pop("_row")): list(row.values()) for row in rows}
    told = {(aside.sheet, aside.row) for aside in reading.set_aside}
    if len(found) != len(rows) or told & found.keys():
        raise Fault("rows with one number")
    held = _again(path, layout, reading)
    if held is None:
        return
    for place, cells in held.items():
        if place not in found and place not in told:
            raise Fault(f"row {place} is lost")
        if place in found and cells is not None and cells != [cell or "" for cell in found[place]]:
            raise Fault(f"row {place} is another")
    # Every row that holds anything is a record or set aside, and nothing else is.
    if len(held) != reading.rows + len(reading.set_aside):
        made_up = sorted(map(str, (found.keys() | told) - held.keys()))[:5]
        raise Fault(
            f"{len(held)} rows there, {reading.rows} read and {len(told)} set aside; made up: {made_up}"
        )


_Held = dict[tuple[str | None, int], list[str] | None]


def _again(path: Path, layout: Layout, reading: Reading) -> _Held | None:
    """The rows that hold anything, by other means, with their cells where those mean the same; None if they give up."""
    if layout.form == "csv":
        return _by_csv(path, layout, reading)
    if layout.form == "sqlite":
        return _by_sqlite(path, str(reading.recognition.table))
    if layout.form == "dbf":
        return _by_bytes(path)
    return _by_openpyxl_again(path, reading) if zipfile.is_zipfile(path) else None


def _by_csv(path: Path, layout: Layout, reading: Reading) -> _Held | None:
    seen = reading.recognition
    if any(note.text in (BLANKS, BACKSLASHES) for note in reading.notes):
        return None
    text = path.read_bytes().decode(str(seen.encoding)).removeprefix("\ufeff")
    places = {column.name: column.position - 1 for column in seen.columns}
    held: _Held = {}
    try:
        for number, record in enumerate(
            csv.reader(io.StringIO(text, newline=""), delimiter=str(seen.delimiter)), start=1
        ):
            if number > int(seen.header_row or 0) and any(map(_filled, record)):
                by_name = {n: record[place] for n, place in places.items() if place < len(record)}
                held[None, number] = [by_name.get(column.name, "") for column in layout.columns]
    except csv.Error:
        # The module takes fields of so many characters; the platform, where they are quoted, longer ones.
        return None
    return held


def _by_sqlite(path: Path, table: str) -> _Held:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
        rows = database.execute(f'SELECT * FROM "{table}"').fetchall()
    return {(None, number): None for number, row in enumerate(rows, start=1) if any(map(_filled, row))}


def _by_openpyxl_again(path: Path, reading: Reading) -> _Held | None:
    held: _Held = {}
    for seen in reading.sheets or (reading.recognition,):
        rows = list(_cells(path, str(seen.sheet)))
        if not rows:
            return None
        held |= {
            (seen.sheet if reading.sheets else None, number): None
            for number, cells in rows
            if number > int(seen.header_row or 0) and any(map(_filled, cells))
        }
    return held


def _by_bytes(path: Path) -> _Held:
    data = path.read_bytes()
    count, start, width = (int.from_bytes(data[a:b], "little") for a, b in ((4, 8), (8, 10), (10, 12)))
    held: _Held = {}
    for number in range(count):
        record = data[start + number * width : start + (number + 1) * width]
        if record[1:].strip(b" \0") or record[:1] == b"*":
            held[None, number + 1] = None
    return held
