"""A sample file that no contract describes yet: its form, where its headings stand, its rows as text.

The readers are told the headings that were found here and read the rest as they read any delivery. What the
values mean is `warehouse.collect.profile`.
"""

from __future__ import annotations

import csv
import io
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import duckdb

from schemas.contract import DeliveryForm
from warehouse.collect.archive import is_archive
from warehouse.collect.readers import (
    Layout,
    LayoutColumn,
    Recognition,
    UnreadableFile,
    read,
    recognise,
)
from warehouse.collect.readers.compound import EncryptedWorkbook
from warehouse.collect.readers.dbase import field_names
from warehouse.collect.readers.delimited import DELIMITERS
from warehouse.collect.readers.encoding import (
    HEAD,
    OLE,
    SQLITE,
    ZIP,
    UndecodableText,
    candidate_encodings,
    decode_head,
)
from warehouse.collect.readers.foreign import foreign_kind
from warehouse.collect.readers.guard import DamagedWorkbook, ExcessiveWorkbook
from warehouse.collect.readers.layout import DEFAULT_ENCODINGS, unreadable
from warehouse.collect.readers.sheets.opening import open_book
from warehouse.collect.readers.sheets.package import OtherWorkbook
from warehouse.collect.readers.titles import HEADING_ROWS, clean_title
from warehouse.names import shown_name

TABLE = "sample_rows"
# A DBF has no mark of its own: its first byte is a version that a text might begin with.
DBF = ".dbf"

# A row of headings fills about as many cells as the widest row, a title or a remark does not; and most of
# its cells are words rather than numbers and dates.
_FILLED = 0.6
_WORDS = re.compile(r".*[^\d\s.,:/+%-].*", re.DOTALL)
_ORNAMENTS = re.compile(r"[\s*]+")

_Rows = Sequence[Sequence[str | None]]


@dataclass(frozen=True)
class Sample:
    """A sample read into a table `sample_rows`, whose columns `c0`, `c1`, … are in the order of `headings`.

    Attributes:
        headings: as they stand in the file, without ornaments and line breaks.
        repeated: headings that an earlier heading equals; they are not read.
        recognition: what the file turned out to be.
        several: whether the file has more sheets or tables than the one that was read.
        rows: the number of rows.
    """

    headings: tuple[str, ...]
    repeated: tuple[str, ...]
    recognition: Recognition
    several: bool
    rows: int


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
    if path.suffix.lower() == DBF:
        form: DeliveryForm = "dbf"
        names: list[str] = []
        rows: _Rows = [field_names(path)]
    elif start.startswith(SQLITE):
        form = "sqlite"
        names, rows = _tables(path, part)
    elif is_archive(path):
        raise unreadable(path, "是压缩包", "解压后，用其中的一个文件作样例")
    elif start.startswith((ZIP, OLE)):
        form = "xlsx"
        names, rows = _sheets(path, part)
    else:
        form = "csv"
        names, rows = [], _delimited(path, start)
    row, cells = _heading_row(path, rows)
    headings = tuple(_ORNAMENTS.sub(" ", cell or "").strip(" :：") for cell in cells)
    first: dict[str, str] = {}
    for heading in filter(None, headings):
        first.setdefault(clean_title(heading), heading)
    layout = Layout(
        form=form,
        # What identifies a row stands first as a rule; by it the readers tell records from notes and totals.
        columns=tuple(
            LayoutColumn(f"c{place}", (heading,), key=place == 0)
            for place, heading in enumerate(first.values())
        ),
        encodings=DEFAULT_ENCODINGS,
        sheet=names[0] if names and form == "xlsx" else None,
        table=names[0] if names and form == "sqlite" else None,
        header_row=row if form in ("csv", "xlsx") else None,
    )
    reading = read(path, layout, connection, TABLE, spool=spool)
    kept = set(first.values())
    seen = [heading for heading in headings if heading]
    repeated = [h for place, h in enumerate(seen) if h not in kept or h in seen[:place]]
    return Sample(tuple(first.values()), tuple(repeated), reading.recognition, len(names) > 1, reading.rows)


def _heading_row(path: Path, rows: _Rows) -> tuple[int, Sequence[str | None]]:
    """The first row that is about as wide as the table, in different words or at least one word."""
    filled = [[cell.strip() for cell in cells if cell and cell.strip()] for cells in rows]
    if not any(filled):
        raise unreadable(path, "文件是空的", "换一个有内容的样例")
    enough = max(1, _FILLED * max(map(len, filled), default=0))
    words = [[cell for cell in cells if _WORDS.fullmatch(cell)] for cells in filled]
    # Years may head columns too, but not all of them.
    for judged in (words, [cells if some else [] for cells, some in zip(filled, words, strict=True)]):
        for row, cells in enumerate(judged, start=1):
            if len(set(cells)) >= enough:
                return row, rows[row - 1]
    raise unreadable(path, "找不到表头", "核对文件中是否有一行列名")


def _delimited(path: Path, start: bytes) -> _Rows:
    """The first rows, with the delimiter that parts them into the most cells."""
    for encoding in candidate_encodings(start, DEFAULT_ENCODINGS):
        try:
            text = decode_head(start, encoding, whole=len(start) < HEAD)
        except UndecodableText:
            continue
        found = [_split(text, delimiter) for delimiter in DELIMITERS]
        return max(found, key=lambda rows: max(map(len, rows), default=0))
    raise _refusal(path, "csv")


def _split(text: str, delimiter: str) -> list[list[str]]:
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[list[str]] = []
    try:
        rows.extend(islice(lines, HEADING_ROWS))
    except csv.Error:
        # A quote that swallows the rest; the headings stand above it.
        return rows
    return rows


def _sheets(path: Path, part: str | None) -> tuple[list[str], _Rows]:
    """The sheet's name and those of the others, and its first rows from column A."""
    try:
        book = open_book(path.read_bytes())
        names = _chosen_first(path, "工作表", book.names, part or book.names[0])
        rows = book.sheet(names[0]).rows(HEADING_ROWS)
    except (DamagedWorkbook, ExcessiveWorkbook, EncryptedWorkbook, OtherWorkbook):
        raise _refusal(path, "xlsx") from None
    return names, rows


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
