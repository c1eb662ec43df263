"""dBase and FoxPro tables (DBF): fields of fixed width, found by their names, decoded column by column.

Rows are counted from 1 as stored, deleted records included. Format: dBase III to FoxPro, "Xbase File Format
Description" by E. Bachmann. Existing libraries read a DBF row by row, which is too slow.
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
# Type letters: the field with FoxPro's bits; texts of variable length.
_FLAGS, _VARYING = "0", "VQ"
# Language drivers (a byte in the header) whose encoding no Chinese contract lists. Other drivers are ignored, because
# many programs write a driver that does not match the text.
_DRIVERS = {0x78: "cp950", 0x79: "cp949", 0x7B: "cp932", 0x13: "cp932"}
# Lengths in bytes of binary values.
_DOUBLE = 8
_LENGTHS = {"I": 4, "+": 4, "T": 8, "@": 8, "Y": 8, "O": 8}
# Types whose content is in another file.
_ELSEWHERE = frozenset("MGPW")
_JULIAN_1970 = 2_440_588

_Bytes = npt.NDArray[np.bytes_]


@dataclass(frozen=True)
class _DbfField:
    """A field of the record: its name in bytes, its type letter, and the position of its bytes.

    FoxPro keeps bits in a separate field: bit `null` says that the value is missing; bit `shorter` says that the text
    is shorter than its field and that the field's last byte is its length.
    """

    name: bytes
    type: str
    offset: int
    length: int
    null: int | None = None
    shorter: int | None = None


@dataclass(frozen=True)
class _DbfTable:
    """The header of a file: fields, encoding, headings; positions and sizes in bytes."""

    fields: tuple[_DbfField, ...]
    encoding: str
    headings: Headings
    flags: int | None
    body: int
    width: int
    rows: int


def recognise(path: Path, layout: Layout) -> Recognition:
    """Recognise a DBF from its fields.

    Raises:
        UnreadableFile: the file is not a DBF, is damaged, or lacks columns.
    """
    return _recognition(path, layout, _table(path, layout))


def read(
    path: Path, layout: Layout, connection: duckdb.DuckDBPyConnection, table: str, _scratch: Path
) -> Reading:
    """Fill a table with the rows of a DBF.

    Args:
        path: the file.
        layout: the contract's description of the file.
        connection: the connection that gets the table.
        table: the table's name.
        _scratch: not used; all readers have the same parameters.

    Raises:
        UnreadableFile: as `recognise`; or a column's content is in another file or in no known encoding.
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
    """The names of a DBF's fields, in order.

    Raises:
        UnreadableFile: the file is not a DBF, or is damaged.
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
    """The field names; the fields and the start of their bits; the encoding; the header size, row count, row width."""
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
    # The contract's first encoding, usually UTF-8, goes before the driver's: valid UTF-8 is hardly ever other text.
    known = (*encodings[:1], driver, *encodings[1:]) if driver else encodings
    encoding = _encoding(path, known, fields, (size, rows, width))
    try:
        names = [field.name.decode(encoding) for field in fields]
    except UnicodeDecodeError:
        raise unreadable(path, "字段名里有无法识别的文字", "用 GBK 编码导出后重新交付") from None
    return names, (fields, flags), encoding, (size, rows, width)


def _fields(described: bytes) -> tuple[tuple[_DbfField, ...], int | None]:
    """The fields in order, and the position of FoxPro's bits about them.

    System fields take space but are left out. A field of variable length that may be NULL has two adjacent bits: first
    the bit for the length, then the bit for NULL.
    """
    fields, flags = [], None
    offset, bits = 1, 0
    for start in range(0, len(described) - _HEAD + 1, _HEAD):
        entry = described[start : start + _HEAD]
        if entry[0] == _END:
            break
        letter, length = chr(entry[11]), entry[16]
        if letter == "C":
            # For text, the byte of the decimals is the high byte of the length.
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
    """The first encoding that decodes all text of the first rows; the last encoding if the text decides nothing.

    Args:
        path: the file.
        encodings: the encodings to try, in this order.
        fields: the fields.
        shape: the position of the records, their number, and their width in bytes.
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
            # UTF-8 texts that were cut off in the middle of a character.
            return encodings[0]
        for encoding in encodings:
            try:
                SEPARATOR.join(texts).decode(encoding)
            except UnicodeDecodeError:
                continue
            return encoding
    # Only ASCII, or text cut off in the middle of a character, which no encoding decodes.
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
    """The bytes of a field in each record, without the padding."""
    block = np.ascontiguousarray(records[:, field.offset : field.offset + field.length])
    cells: _Bytes = block.view(f"S{field.length}").reshape(-1)
    stripped: list[bytes] = np.char.rstrip(cells, b" \0").tolist()
    return stripped


def _cells(
    path: Path, table: _DbfTable, records: npt.NDArray[np.uint8], rows: npt.NDArray[np.int64], odd: Oddities
) -> list[pa.Array]:
    """The wanted fields as text; for other fields, whether they hold a value. Odd texts are recorded in `odd`."""
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
    """Mark the records in which the field holds a value: such a record is not blank."""
    block = records[:, field.offset : field.offset + field.length]
    filled = ((block != ord(" ")) & (block != 0)).any(axis=1)
    return pc.if_else(pa.array(filled), "·", pa.scalar(None, pa.string()))


def _shown(field: _DbfField, texts: list[str]) -> pa.Array:
    column = pa.array(texts, pa.string())
    if field.type == "L":
        # Other letters stay, so that the rules find them; FoxPro writes ? for a missing value.
        truths = {"T": "TRUE", "Y": "TRUE", "F": "FALSE", "N": "FALSE", "?": None}
        return pa.array([truths.get(text.upper(), text) for text in texts], pa.string())
    return column if field.type in "CV" else pc.utf8_trim_whitespace(column)


def _binary(field: _DbfField, records: npt.NDArray[np.uint8]) -> pa.Array:
    """Convert FoxPro's binary numbers and moments to text."""
    block = np.ascontiguousarray(records[:, field.offset : field.offset + field.length])
    if field.type in "T@":
        days, parts = block.view("<i4").reshape(-1, 2).T.astype(np.int64)
        seconds = (days - _JULIAN_1970) * 86_400 + (parts + 500) // 1000
        # A moment that was never entered consists of zeros or blanks.
        empty = (days == 0) | (block == ord(" ")).all(axis=1)
        moments = pa.array(seconds, pa.timestamp("s"), mask=empty)
        return pc.replace_substring(moments.cast(pa.string()), " 00:00:00", "")
    if field.type == "Y":
        # Decimal is exact: a floating-point number cannot hold all 19 digits.
        return pa.array(
            [f"{Decimal(value).scaleb(-4):f}" for value in block.view("<i8").reshape(-1).tolist()]
        )
    if field.type in "BO":
        return pa.array([_double(value) for value in block.view("<f8").reshape(-1).tolist()], pa.string())
    return pa.array(block.view("<i4").reshape(-1)).cast(pa.string())


def _double(value: float) -> str:
    """The shortest text of the same number, without an exponent: 0.1 gives `0.1`, 1e22 gives `1` and 22 zeros."""
    text = repr(value).removesuffix(".0")
    return f"{Decimal(text):f}" if "e" in text else text


def _memo(path: Path, field: _DbfField, records: npt.NDArray[np.uint8], encoding: str) -> pa.Array:
    """NULL for an empty memo field; a memo's text lies in another file that was not delivered."""
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
    """Note records behind the last counted one: a program that was interrupted has not counted them."""
    with path.open("rb") as file:
        file.seek(table.body + table.rows * table.width)
        rest = file.read(_MOST_BEHIND).split(_END_OF_FILE)[0]
    behind = rest.rstrip(b" \0")
    whole = len(rest) >= table.width and len(behind) > 1
    if (whole or len(behind) > table.width // 2) and rest[:1] in (b" ", b"*"):
        yield Note("文件末尾还有没计入记录数的内容，没有读取；请关闭正在写它的程序，重新导出后交付", 1)
