"""dBase and FoxPro tables (DBF): fields of fixed width, found by their names, decoded column by column.

Rows are counted as the file holds them, from 1, those marked as deleted included. Format: dBase III to FoxPro, "Xbase
File Format Description" by E. Bachmann. No library reads such a file but row by row, hence this one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.collect.readers.dbf import foxpro
from warehouse.collect.readers.dbf.dbase_text import SEPARATOR, Oddities, UndecodableCell, decode_cells
from warehouse.collect.readers.given import given_values
from warehouse.collect.readers.headings.header_match import (
    Headings,
    match_titles,
    missing_columns,
    no_headings,
)
from warehouse.collect.readers.layout import (
    DEFAULT_ENCODINGS,
    Layout,
    Note,
    Reading,
    Recognition,
    SetAside,
    unreadable,
)
from warehouse.collect.readers.staging import StagingTable
from warehouse.collect.readers.text.encoding import is_broken_utf8, signature_of

_BATCH = 50_000
_VERSIONS = frozenset(b"\x02\x03\x30\x31\x32\x43\x63\x83\x8b\x8e\xcb\xf5\xfb")
_HEAD = 32
_END_OF_FILE, _MOST_BEHIND = b"\x1a", 1 << 16
_END = 0x0D
_DELETED = ord("*")
_SYSTEM, _NULLABLE = 0x01, 0x02
# The field with FoxPro's bits, and texts of any length.
_FLAGS, _VARYING = "0", "VQ"
# Language drivers whose text is in none of the encodings of a Chinese contract, by their number in the head. Others are
# not believed: many programs write one that has nothing to do with the text.
_DRIVERS = {0x78: "cp950", 0x79: "cp949", 0x7B: "cp932", 0x13: "cp932"}
# How many bytes a value takes that is kept in binary.
_DOUBLE = 8
_LENGTHS = {"I": 4, "+": 4, "T": 8, "@": 8, "Y": 8, "O": 8}
# Contents in another file.
_ELSEWHERE = frozenset("MGPW")
_JULIAN_1970 = 2_440_588

_Bytes = npt.NDArray[np.bytes_]


@dataclass(frozen=True)
class _DbfField:
    """A field of the record: its name as it stands there, its type letter, and which bytes it takes.

    FoxPro keeps bits in a field of its own: `null` is the one that says that there is no value, `shorter` the one that
    says that a text is shorter than its field and has its length in the last byte.
    """

    name: bytes
    type: str
    offset: int
    length: int
    null: int | None = None
    shorter: int | None = None


@dataclass(frozen=True)
class _DbfTable:
    """The head of a file, understood."""

    fields: tuple[_DbfField, ...]
    encoding: str
    headings: Headings
    flags: int | None
    body: int
    width: int
    rows: int


def recognise(path: Path, layout: Layout) -> Recognition:
    """What a DBF holds, from its fields.

    Raises:
        UnreadableFile: it is no DBF, damaged, or lacks columns.
    """
    return _recognition(path, layout, _table(path, layout))


def read(
    path: Path, layout: Layout, connection: duckdb.DuckDBPyConnection, table: str, _scratch: Path
) -> Reading:
    """Fill a table with the rows of a DBF.

    Args:
        path: the file.
        layout: what the contract says of it.
        connection: where the table is made.
        table: the table's name.
        _scratch: not needed; every form is read through the same call.

    Raises:
        UnreadableFile: as `recognise`, or a column's contents are in another file or in no known encoding.
    """
    head = _table(path, layout)
    data = np.memmap(path, np.uint8, "r") if head.rows else np.zeros(0, np.uint8)
    records = data[head.body : head.body + head.rows * head.width].reshape(head.rows, head.width)
    stage = StagingTable(connection, table, layout, _recognition(path, layout, head))
    stage.create()
    odd = Oddities()
    for first in range(0, head.rows, _BATCH):
        part = np.ascontiguousarray(records[first : first + _BATCH])
        kept = np.flatnonzero(part[:, 0] != _DELETED)
        cells = _cells(path, head, part[kept], first + kept + 1, odd)
        names = ["_row", *(f"f{place}" for place in range(len(cells)))]
        stage.insert_batch(pa.table([first + kept + 1, *cells], names=names), len(cells))
    reading = stage.finish(notes=False)
    deleted = (np.flatnonzero(records[:, 0] == _DELETED) + 1).tolist()
    aside = (*reading.set_aside, *(SetAside(row, "已标记为删除") for row in deleted))
    notes = (*reading.notes, *odd.notes(head.encoding), *_beyond(path, head))
    return replace(reading, set_aside=tuple(sorted(aside, key=lambda each: each.row)), notes=notes)


def field_names(path: Path, encodings: tuple[str, ...] = DEFAULT_ENCODINGS) -> list[str]:
    """The names of a DBF's fields, in their order.

    Raises:
        UnreadableFile: it is no DBF, or damaged.
    """
    return _described(path, encodings)[0]


def _table(path: Path, layout: Layout) -> _DbfTable:
    names, (fields, flags), encoding, (size, rows, width) = _described(path, layout.encodings)
    headings = match_titles(names, layout)
    if not headings.acceptable:
        raise no_headings(path, "字段名里", [names], replace(layout, header_row=1))
    if not headings.complete:
        raise missing_columns(path, "字段名里", headings)
    return _DbfTable(fields, encoding, headings, flags, size, width, rows)


def _described(
    path: Path, encodings: tuple[str, ...]
) -> tuple[list[str], tuple[tuple[_DbfField, ...], int | None], str, tuple[int, int, int]]:
    """The names of the fields, the fields and their bits, the encoding; where records begin, how many, how long."""
    with path.open("rb") as file:
        start = file.read(_HEAD)
        if not start:
            raise unreadable(path, "文件是空的", "核对导出是否成功，重新交付")
        size = int.from_bytes(start[8:10], "little")
        if start[0] not in _VERSIONS or signature_of(start) or size < _HEAD + 1:
            problem = f"内容是{signature_of(start) or '其他格式'}，不是 DBF 表"
            raise unreadable(path, problem, "按数据标准规定的格式导出后重新交付")
        described = file.read(size - _HEAD)
    rows, width = int.from_bytes(start[4:8], "little"), int.from_bytes(start[10:12], "little")
    fields, flags = _fields(described)
    if (
        not fields
        or any(field.length != _LENGTHS.get(field.type, field.length) or not field.length for field in fields)
        or path.stat().st_size < size + rows * width
        or width < 1 + sum(field.length for field in fields)
        or (flags is not None and width <= flags + max((f.null or f.shorter or 0) for f in fields) // 8)
    ):
        raise unreadable(path, f"DBF 表已损坏或不完整，应有 {rows:,} 条记录", "重新导出后交付")
    driver = _DRIVERS.get(start[29])
    # What is UTF-8 is hardly ever anything else.
    known = (*encodings[:1], driver, *encodings[1:]) if driver else encodings
    encoding = _encoding(path, known, fields, (size, rows, width))
    try:
        names = [field.name.decode(encoding) for field in fields]
    except UnicodeDecodeError:
        raise unreadable(path, "字段名里有无法识别的文字", "用 GBK 编码导出后重新交付") from None
    return names, (fields, flags), encoding, (size, rows, width)


def _fields(described: bytes) -> tuple[tuple[_DbfField, ...], int | None]:
    """The fields, in their order, and where FoxPro's bits about them begin.

    Those that the program keeps for itself take room but are not told. The bits of a field that may be shorter and
    may have no value stand side by side in this order.
    """
    fields, flags = [], None
    offset, bits = 1, 0
    for start in range(0, len(described) - _HEAD + 1, _HEAD):
        entry = described[start : start + _HEAD]
        if entry[0] == _END:
            break
        letter, length = chr(entry[11]), entry[16]
        if letter == "C":
            # Longer texts keep the rest of their length where numbers keep their decimals.
            length += entry[17] << 8
        if not entry[18] & _SYSTEM:
            shorter = bits if letter in _VARYING else None
            bits += shorter is not None
            null = bits if entry[18] & _NULLABLE else None
            bits += null is not None
            name = entry[:11].split(b"\0")[0].strip()
            fields.append(_DbfField(name, letter, offset, length, null, shorter))
        elif letter == _FLAGS:
            flags = offset
        offset += length
    return tuple(fields), flags


def _encoding(
    path: Path, encodings: tuple[str, ...], fields: tuple[_DbfField, ...], shape: tuple[int, int, int]
) -> str:
    """The first of the encodings in which all text of the first rows is; where that shows nothing, the last.

    Args:
        path: the file.
        encodings: what to try, in this order.
        fields: the fields.
        shape: where the records begin, how many there are, and how long each is.
    """
    body, rows, width = shape
    count = min(rows, _BATCH)
    with path.open("rb") as file:
        file.seek(body)
        data = np.frombuffer(file.read(count * width), np.uint8).reshape(count, width)
    texts = [field.name for field in fields]
    texts += [SEPARATOR.join(_raw(field, data)) for field in fields if field.type == "C" and count]
    if not all(map(bytes.isascii, texts)):
        if "utf-8" in encodings[0] and is_broken_utf8(SEPARATOR.join(texts)):
            # Texts that were cut off in the middle of a character.
            return encodings[0]
        for encoding in encodings:
            try:
                SEPARATOR.join(texts).decode(encoding)
            except UnicodeDecodeError:
                continue
            return encoding
    # Text that is cut off in the middle of a character is in no encoding.
    return encodings[-1]


def _recognition(path: Path, layout: Layout, table: _DbfTable) -> Recognition:
    return Recognition(
        form=layout.form,
        columns=table.headings.columns,
        missing=tuple(column.name for column in table.headings.missing),
        extra=table.headings.extra,
        encoding=table.encoding,
        given=given_values(path, layout),
    )


def _raw(field: _DbfField, records: npt.NDArray[np.uint8]) -> list[bytes]:
    """The bytes of a field in each record, without the blanks that fill it up."""
    block = np.ascontiguousarray(records[:, field.offset : field.offset + field.length])
    cells: _Bytes = block.view(f"S{field.length}").reshape(-1)
    stripped: list[bytes] = np.char.rstrip(cells, b" \0").tolist()
    return stripped


def _cells(
    path: Path, table: _DbfTable, records: npt.NDArray[np.uint8], rows: npt.NDArray[np.int64], odd: Oddities
) -> list[pa.Array]:
    """The fields that are wanted as text, of others whether they hold anything; the odd texts among them are kept."""
    wanted = {found.position - 1 for found in table.headings.columns}
    columns = []
    for place, field in enumerate(table.fields):
        if place not in wanted or not len(records):
            columns.append(_filled(field, records))
            continue
        if field.type == "Q":
            raise unreadable(
                path,
                f"列“{field.name.decode(table.encoding)}”是二进制型，不是文字或数字",
                "以文字导出这一列，或去掉它后重新交付",
            )
        shorter = foxpro.bit(field.shorter, records, table.flags)
        span = slice(field.offset, field.offset + field.length)
        shortened = records if shorter is None else foxpro.shortened(records, span, shorter)
        if field.type in _ELSEWHERE or (field.type == "B" and field.length != _DOUBLE):
            columns.append(_memo(path, field, records, table.encoding))
        elif field.type in "IBYT@+O":
            columns.append(_binary(field, records))
        else:
            try:
                texts = decode_cells(_raw(field, shortened), table.encoding, rows, odd)
            except UndecodableCell as error:
                name = field.name.decode(table.encoding)
                raise unreadable(
                    path,
                    f"第 {error.row} 行的列“{name}”不是有效的 {table.encoding.upper()} 文字",
                    "用 GBK 编码导出后重新交付",
                ) from None
            columns.append(_shown(field, texts))
        if (missing := foxpro.bit(field.null, records, table.flags)) is not None:
            columns[-1] = pc.if_else(pa.array(missing), pa.scalar(None, pa.string()), columns[-1])
    return columns


def _filled(field: _DbfField, records: npt.NDArray[np.uint8]) -> pa.Array:
    """A mark for each record in which the field holds anything: such a record is not blank."""
    block = records[:, field.offset : field.offset + field.length]
    filled = ((block != ord(" ")) & (block != 0)).any(axis=1)
    return pc.if_else(pa.array(filled), "·", pa.scalar(None, pa.string()))


def _shown(field: _DbfField, texts: list[str]) -> pa.Array:
    column = pa.array(texts, pa.string())
    if field.type == "L":
        # A letter that is no truth value stays, so that the rules find it; ? is FoxPro's way to say nothing.
        truths = {"T": "TRUE", "Y": "TRUE", "F": "FALSE", "N": "FALSE", "?": None}
        return pa.array([truths.get(text.upper(), text) for text in texts], pa.string())
    return column if field.type in "CV" else pc.utf8_trim_whitespace(column)


def _binary(field: _DbfField, records: npt.NDArray[np.uint8]) -> pa.Array:
    """Numbers and moments that FoxPro keeps in binary."""
    block = np.ascontiguousarray(records[:, field.offset : field.offset + field.length])
    if field.type in "T@":
        days, parts = block.view("<i4").reshape(-1, 2).T.astype(np.int64)
        seconds = (days - _JULIAN_1970) * 86_400 + (parts + 500) // 1000
        # A moment that was never entered is of zeros or of blanks.
        empty = (days == 0) | (block == ord(" ")).all(axis=1)
        moments = pa.array(seconds, pa.timestamp("s"), mask=empty)
        return pc.replace_substring(moments.cast(pa.string()), " 00:00:00", "")
    if field.type == "Y":
        # Exact: a floating-point number does not hold all of its 19 digits.
        return pa.array(
            [f"{Decimal(value).scaleb(-4):f}" for value in block.view("<i8").reshape(-1).tolist()]
        )
    if field.type in "BO":
        return pa.array([_double(value) for value in block.view("<f8").reshape(-1).tolist()], pa.string())
    return pa.array(block.view("<i4").reshape(-1)).cast(pa.string())


def _double(value: float) -> str:
    """The shortest text that is the same number, without an exponent: 0.1 is `0.1`, 1e22 is `1` and 22 zeros."""
    text = repr(value).removesuffix(".0")
    return f"{Decimal(text):f}" if "e" in text else text


def _memo(path: Path, field: _DbfField, records: npt.NDArray[np.uint8], encoding: str) -> pa.Array:
    """Nothing, if nothing is there; what is there lies in a file that was not handed in."""
    block = records[:, field.offset : field.offset + field.length]
    empty = (block == 0) | (block == ord(" ")) | (block == ord("0"))
    if not empty.all():
        raise unreadable(
            path,
            f"列“{field.name.decode(encoding)}”是备注型，内容在另一个文件（.fpt 或 .dbt）里，无法读取",
            "把它改成字符型，或另存为 CSV 后重新交付",
        )
    return pa.nulls(len(records), pa.string())


def _beyond(path: Path, table: _DbfTable) -> Iterator[Note]:
    """Records behind the last one that the head counts: a program that broke off has not counted them."""
    with path.open("rb") as file:
        file.seek(table.body + table.rows * table.width)
        rest = file.read(_MOST_BEHIND).split(_END_OF_FILE)[0]
    behind = rest.rstrip(b" \0")
    whole = len(rest) >= table.width and len(behind) > 1
    if (whole or len(behind) > table.width // 2) and rest[:1] in (b" ", b"*"):
        yield Note("文件末尾还有没计入记录数的内容，没有读取；请关闭正在写它的程序，重新导出后交付", 1)
