"""A sample file that no contract describes yet: its form, where its headings stand, its rows as text.

The readers are told the headings that were found here and read the rest as they read any delivery. What the
values mean is `warehouse.collect.infer.profile`.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb

from schemas.contract.model import DeliveryForm
from warehouse.collect.infer.guesses import GuessedHeadings, guess_delimiter, guess_headings
from warehouse.collect.intake.archive import is_archive
from warehouse.collect.readers import (
    Layout,
    LayoutColumn,
    Reading,
    Recognition,
    UnreadableFile,
    read,
    recognise,
)
from warehouse.collect.readers.dbf.dbase import field_names
from warehouse.collect.readers.foreign import foreign_kind
from warehouse.collect.readers.headings.header_match import HEADING_ROWS, clean_title, without_latin
from warehouse.collect.readers.headings.heading_blocks import Merged, filled
from warehouse.collect.readers.layout import DEFAULT_ENCODINGS, unreadable
from warehouse.collect.readers.sheets.guards.xls_guard import EncryptedWorkbook
from warehouse.collect.readers.sheets.guards.xlsx_guard import DamagedWorkbook, ExcessiveWorkbook
from warehouse.collect.readers.sheets.opening import open_book
from warehouse.collect.readers.sheets.package import OtherWorkbook
from warehouse.collect.readers.text.delimited import DELIMITERS
from warehouse.collect.readers.text.encoding import (
    HEAD,
    OLE,
    SQLITE,
    ZIP,
    UndecodableText,
    candidate_encodings,
    decode_head,
)
from warehouse.home.names import shown_name

TABLE = "sample_rows"
# A DBF has no mark of its own: its first byte is a version that a text might begin with.
DBF = ".dbf"

_ORNAMENTS = re.compile(r"[\s*]+")

_Rows = Sequence[Sequence[str | None]]


@dataclass(frozen=True)
class Sample:
    """A sample read into a table `sample_rows`, whose columns `c0`, `c1`, … are in the order of `headings`.

    Attributes:
        headings: as they stand in the file, without ornaments and line breaks.
        repeated: headings that an earlier heading equals; they are not read.
        recognition: what the file turned out to be.
        others: the sheets or tables that were not read.
        rows: the number of rows.
        headed: whether the file has headings; else `headings` are places.
        reading: what was read, and what was not.
    """

    headings: tuple[str, ...]
    repeated: tuple[str, ...]
    recognition: Recognition
    others: tuple[str, ...]
    rows: int
    headed: bool
    reading: Reading


def read_sample(path: Path, part: str | None, connection: duckdb.DuckDBPyConnection, spool: Path) -> Sample:
    """Read a file without a contract into the table `sample_rows`.

    Args:
        path: a delimited text, a workbook, an SQLite database or a DBF; its content decides which.
        part: the sheet or table to read; needed where a file has several.
        connection: where the table is made.
        spool: a folder for scratch files.

    Raises:
        UnreadableFile: no such form, no headings, or several tables and none named; in Chinese.
    """
    foreign = foreign_kind(path)
    if foreign is not None:
        raise UnreadableFile(foreign.refusal(shown_name(path)))
    with path.open("rb") as file:
        start = file.read(HEAD)
    found = _opened(path, part, start)
    headings = guess_headings(found.rows, found.merged)
    if not any(map(filled, found.rows)):
        raise unreadable(path, "文件是空的", "换一个有内容的样例")
    if headings is None and found.form in ("sqlite", "dbf"):
        raise unreadable(path, "找不到列名", "核对导出是否完整")
    titles = _titles(found.rows) if headings is None else headings.titles
    seen = [_plain(title) for title in titles if title]
    first: dict[str, str] = {}
    for title in seen:
        first.setdefault(clean_title(title), title)
    reading = read(path, _layout(found, headings, titles, first), connection, TABLE, spool=spool)
    kept = set(first.values())
    repeated = [h for place, h in enumerate(seen) if h not in kept or h in seen[:place]]
    return Sample(
        headings=tuple(first.values()),
        repeated=tuple(repeated),
        recognition=reading.recognition,
        others=tuple(found.names[1:]),
        rows=reading.rows,
        headed=headings is not None,
        reading=reading,
    )


@dataclass(frozen=True)
class _Opened:
    """A file as it lies: its form, its sheets or tables, the one that is meant first, and its first rows."""

    form: DeliveryForm
    names: Sequence[str]
    rows: _Rows
    merged: Sequence[Merged] = ()
    delimiter: str | None = None


def _opened(path: Path, part: str | None, start: bytes) -> _Opened:
    if path.suffix.lower() == DBF:
        return _Opened("dbf", [], [field_names(path)])
    if start.startswith(SQLITE):
        return _Opened("sqlite", *_tables(path, part))
    if is_archive(path):
        raise unreadable(path, "是压缩包", "解压后，用其中的一个文件作样例")
    if start.startswith((ZIP, OLE)):
        return _Opened("xlsx", *_sheets(path, part))
    delimiter, rows = _delimited(path, start)
    return _Opened("csv", [], rows, delimiter=delimiter)


def _titles(rows: _Rows) -> tuple[str, ...]:
    """Names for the columns of a file without headings: their places."""
    width = max(place + 1 for cells in rows for place in filled(cells))
    return tuple(f"第{place}列" for place in range(1, width + 1))


def _plain(title: str) -> str:
    text = _ORNAMENTS.sub(" ", without_latin(title)).strip(" :：")
    # Characters are set apart for the eye: 地　区.
    return "".join(text.split()) if all(len(part) == 1 for part in text.split()) else text


def _layout(
    found: _Opened, headings: GuessedHeadings | None, titles: Sequence[str], first: Mapping[str, str]
) -> Layout:
    """How the sample is read: by the headings that were guessed."""
    measured = {clean_title(_plain(titles[place])) for place in (headings.measured if headings else ())}
    # Of headings in one row it is known where they stand; others are found again by their paths.
    alone = headings is not None and headings.block.rows == 1 and headings.last == headings.block.bottom
    return Layout(
        form=found.form,
        # What identifies a row stands first as a rule; by it the readers tell records from notes and totals.
        columns=tuple(
            LayoutColumn(f"c{place}", (heading,), key=place == 0, measured=plain in measured)
            for place, (plain, heading) in enumerate(first.items())
        ),
        encodings=DEFAULT_ENCODINGS,
        delimiter=found.delimiter,
        sheet=found.names[0] if found.names and found.form == "xlsx" else None,
        table=found.names[0] if found.names and found.form == "sqlite" else None,
        header_row=headings.block.bottom
        if alone and headings is not None and found.form in ("csv", "xlsx")
        else None,
        without_headings=headings is None,
    )


def _delimited(path: Path, start: bytes) -> tuple[str, _Rows]:
    """The delimiter and the first rows."""
    for encoding in candidate_encodings(start, DEFAULT_ENCODINGS):
        try:
            text = decode_head(start, encoding, whole=len(start) < HEAD)
        except UndecodableText:
            continue
        return guess_delimiter(text, DELIMITERS)
    raise _refusal(path, "csv")


def _sheets(path: Path, part: str | None) -> tuple[list[str], _Rows, Sequence[Merged]]:
    """The sheet's name and those of the others, its first rows from column A, and its merged cells."""
    try:
        book = open_book(path.read_bytes())
        names = _chosen_first(path, "工作表", book.names, part or book.names[0])
        sheet = book.sheet(names[0])
    except (DamagedWorkbook, ExcessiveWorkbook, EncryptedWorkbook, OtherWorkbook):
        raise _refusal(path, "xlsx") from None
    return names, sheet.rows(HEADING_ROWS), sheet.merged


def _tables(path: Path, part: str | None) -> tuple[list[str], _Rows]:
    """The table's name and those of the others, and its column names as the only row."""
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
        raise _refusal(path, "sqlite") from None
    return names, [[name for (name,) in columns]]


def _chosen_first(path: Path, what: str, names: Sequence[str], wanted: str) -> list[str]:
    """The names with the wanted one at their head."""
    if not names:
        raise unreadable(path, f"没有任何{what}", "核对导出是否成功")
    if wanted not in names:
        missing = f"没有{what}“{wanted}”，" if wanted else ""
        raise unreadable(
            path, f"{missing}有 {len(names)} 张{what}：{'、'.join(names)}", "用 --table 指明其中一张"
        )
    return [wanted, *(name for name in names if name != wanted)]


def _refusal(path: Path, form: DeliveryForm) -> UnreadableFile:
    """What the form's reader says of a file that cannot be opened."""
    try:
        recognise(path, Layout(form, (LayoutColumn("c0", ("c0",)),)))
    except UnreadableFile as error:
        return error
    return unreadable(path, "打不开", "核对文件是否完整")
