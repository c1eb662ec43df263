"""Every file made to do harm: text, workbooks, DBF, SQLite, archives; and the contract that all of them claim to be of.

Each is written by a function of a name and a folder, small on the disk where it can be.
"""

from __future__ import annotations

import io
import sqlite3
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.hostile.workbooks import old_workbooks, sound_workbook, workbooks
from warehouse.collect.readers.layout import Layout, LayoutColumn

CONTRACT = """
apiVersion: v3.2.0
kind: DataContract
id: hostile.pair
name: 敌意文件
version: 1.0.0
status: active
domain: hostile
tenant: 测试局
description: {purpose: 一键一行}
servers:
  - {server: text, type: local, path: "敌意*.csv", format: csv}
  - {server: book, type: local, path: "敌意*.xls*", format: xlsx}
  - {server: database, type: local, path: "敌意*.db", format: sqlite}
  - {server: table, type: local, path: "敌意*.dbf", format: dbf}
customProperties:
  - {property: delivery, value: snapshot}
schema:
  - name: pair
    properties:
      - {name: key, businessName: 键, logicalType: string, required: true, primaryKey: true}
      - {name: cell, businessName: 值, logicalType: string}
"""
COLUMNS = (LayoutColumn("key", ("键",), required=True, key=True), LayoutColumn("cell", ("值",)))
LAYOUTS = {
    ".csv": Layout("csv", COLUMNS),
    ".xlsx": Layout("xlsx", COLUMNS),
    ".xls": Layout("xlsx", COLUMNS),
    ".db": Layout("sqlite", COLUMNS),
    ".dbf": Layout("dbf", COLUMNS),
}
GOOD = "键,值\nK1,甲\n"

Write = Callable[[Path], object]


@dataclass(frozen=True)
class HostileFile:
    """A file to be written: its name, which ends as its format does, and how."""

    name: str
    write: Write


def hostile_files() -> list[HostileFile]:
    """All of them, in the order of their names."""
    found = [
        *(_named(name, ".csv", write) for name, write in _texts()),
        *(_named(name, ".xlsx", _content(make)) for name, make in workbooks()),
        *(_named(name, ".xls", _content(make)) for name, make in old_workbooks()),
        *(_named(name, ".dbf", _content(make)) for name, make in _tables()),
        *(_named(name, ".db", write) for name, write in _databases()),
        *(_named(name, ".zip", write) for name, write in _archives()),
    ]
    return sorted(found, key=lambda each: each.name)


def _named(name: str, suffix: str, write: Write) -> HostileFile:
    return HostileFile(f"敌意-{name}{suffix}", write)


def _content(make: Callable[[], bytes]) -> Write:
    return lambda path: path.write_bytes(make())


def _text(*pieces: tuple[str | bytes, int]) -> Write:
    """A text of pieces, each so many times."""

    def write(path: Path) -> None:
        with path.open("wb") as file:
            for piece, times in pieces:
                data = piece.encode() if isinstance(piece, str) else piece
                for _ in range(times):
                    file.write(data)

    return write


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.write(GOOD.encode())
        file.truncate(1 << 30)


def _texts() -> Iterator[tuple[str, Write]]:
    mib = "x" * (1 << 20)
    yield "one-line", _text((mib, 100))
    yield "line-below-headings", _text((GOOD, 1), (mib, 100))
    yield "field-without-end", _text((GOOD, 1), ('K2,"', 1), (mib + "\n", 100))
    yield "quotes-only", _text((GOOD, 1), ('"' * (1 << 20), 20))
    yield "returns-only", _text((GOOD, 1), ("\r" * (1 << 20), 8))
    yield "empty-lines", _text((GOOD, 1), ("\n" * (1 << 20), 8))
    yield "million-columns", _text(("键,值" + ",x" * 1_000_000 + "\n", 1), ("K1,甲\n", 1))
    yield "million-fields", _text((GOOD, 1), ("K2,乙" + "," * 1_000_000 + "\n", 3))
    yield "headings-a-million-times", _text((GOOD.splitlines()[0] + "\n", 1_000_000))
    yield "nul", _text((GOOD, 1), (b"\0" * (1 << 20), 4))
    yield "holes", _sparse
    yield "half-utf-16", _text((b"\xff\xfe" + GOOD.encode("utf-16-le"), 1), (b"\x00\xd8" * 1000, 1))
    yield "not-gb18030", _text((GOOD, 1), (b"\xff\xfe\xfd\n", 100_000))


def table(count: int, size: int, width: int, fields: bytes, records: bytes = b"") -> bytes:
    """A DBF; what its head says is what it is told."""
    head = struct.pack("<B3xIHH20x", 3, count, size, width)
    return head + fields + b"\r" + records + b"\x1a"


def field(name: str, kind: bytes = b"C", length: int = 10) -> bytes:
    return name.encode("gbk").ljust(11, b"\0") + kind + b"\0" * 4 + bytes([length]) + b"\0" * 15


def _tables() -> Iterator[tuple[str, Callable[[], bytes]]]:
    two = field("键") + field("值")
    record = b" " + b"K1".ljust(10) + b"V1".ljust(10)
    yield "records-without-number", lambda: table(0xFFFF_FFFF, 97, 21, two, record)
    yield "head-without-end", lambda: table(1, 0xFFFF, 21, two, record)
    yield "head-of-nothing", lambda: table(1, 0, 21, two, record)
    yield "records-of-nothing", lambda: table(1 << 30, 97, 0, two, record)
    yield "fields-of-nothing", lambda: table(1, 97, 21, field("键", length=0) + field("值", length=0), record)
    yield "fields-beyond", lambda: table(1, 97, 21, field("键", length=255) + two, record)
    yield "numbers-of-one-byte", lambda: table(1, 97, 3, field("键", b"B", 1) + field("值", b"I", 1), b" ab")
    yield (
        "times-beyond",
        lambda: table(1, 97, 17, field("键", b"T", 8) + field("值", b"@", 8), b" " + b"\x7f" * 16),
    )
    yield "a-million-fields", lambda: table(1, 0xFFE1, 21, two * 1000, record)
    yield "all-deleted", lambda: table(500_000, 97, 21, two, (b"*" + record[1:]) * 500_000)


def database(*statements: str) -> Write:
    """An SQLite database; its schema may then be overwritten by itself."""

    def write(path: Path) -> None:
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    return write


def _bytes_of(write: Write, place: int, data: bytes) -> Write:
    def patched(path: Path) -> None:
        write(path)
        content = bytearray(path.read_bytes())
        content[place : place + len(data)] = data
        path.write_bytes(content)

    return patched


PAIR = 'CREATE TABLE pair ("键" TEXT, "值" TEXT)'
ROW = "INSERT INTO pair VALUES ('K1', '甲')"


def _databases() -> Iterator[tuple[str, Write]]:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, i FROM n"
    sound = database(PAIR, ROW)
    overwrite = "PRAGMA writable_schema = ON"
    yield "view-without-end", database(f'CREATE VIEW pair ("键", "值") AS {endless}')
    yield (
        "view-called-a-table",
        database(
            f'CREATE VIEW pair ("键", "值") AS {endless}',
            overwrite,
            "UPDATE sqlite_master SET type = 'table', rootpage = 2",
        ),
    )
    yield (
        "column-of-half-a-gigabyte",
        database(
            'CREATE TABLE pair ("键" TEXT, "值" TEXT AS (hex(zeroblob(400000000))))',
            'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100) INSERT INTO pair ("键") SELECT i FROM n',
        ),
    )
    yield (
        "column-that-takes-for-ever",
        database(
            'CREATE TABLE pair ("键" TEXT, "值" TEXT AS '
            "(replace(replace(hex(zeroblob(30000000)), '00', 'aaaa'), 'aa', 'bbb')))",
            'WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 10000) INSERT INTO pair ("键") SELECT i FROM n',
        ),
    )
    yield "text-of-300-MB", database(PAIR, "INSERT INTO pair VALUES ('K1', hex(zeroblob(150000000)))")
    yield "virtual-table", database('CREATE VIRTUAL TABLE pair USING fts5("键", "值")')
    yield (
        "trigger",
        database(PAIR, ROW, f"CREATE TRIGGER t AFTER INSERT ON pair BEGIN INSERT INTO pair {endless}; END"),
    )
    yield "schema-of-nothing", database(PAIR, ROW, overwrite, "UPDATE sqlite_master SET sql = 'CREATE TABLE'")
    yield (
        "schema-of-a-megabyte",
        database(PAIR, ROW, overwrite, f"UPDATE sqlite_master SET sql = sql || '{'(' * 900_000}'"),
    )
    yield "page-in-itself", _bytes_of(sound, 4096, b"\x05\0\0\0\x01\x0f\xfb\0\0\0\0\x02\x0f\xfb")
    yield "root-in-the-schema", database(PAIR, ROW, overwrite, "UPDATE sqlite_master SET rootpage = 1")
    yield "pages-without-number", _bytes_of(sound, 28, b"\xff\xff\xff\xff")
    yield "page-of-one-byte", _bytes_of(sound, 16, b"\x00\x03")
    yield "log-elsewhere", _bytes_of(sound, 18, b"\x02\x02")
    yield (
        "two-thousand-columns",
        database(
            f'CREATE TABLE pair ("键", "值", {", ".join(f"c{n}" for n in range(1_990))})',
            "INSERT INTO pair DEFAULT VALUES",
        ),
    )


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def _link() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("敌意.csv")
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return out.getvalue()


def _one_for_all() -> bytes:
    """A hundred entries that lead to the same ten megabytes."""
    content = zipped({"敌意00.csv": b"x" * 10_000_000})
    start = content.index(b"PK\x01\x02")
    entry, end = content[start : content.index(b"PK\x05\x06")], content.index(b"PK\x05\x06")
    entries = b"".join(entry.replace(b"00.csv", b"%02d.csv" % number) for number in range(100))
    tail = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 100, 100, len(entries), start, 0)
    assert end
    return content[:start] + entries + tail


def _entries(content: bytes, count: int) -> bytes:
    """An archive that says it has so many members."""
    end = content.rindex(b"PK\x05\x06")
    return content[: end + 8] + struct.pack("<HH", count, count) + content[end + 12 :]


def _archives() -> Iterator[tuple[str, Write]]:
    good = {"敌意.csv": GOOD.encode()}
    inner = zipped(good)
    for _ in range(20):
        inner = zipped({"敌意.csv": inner})
    yield "archive-in-archive", _content(lambda: zipped({"敌意.zip": zipped(good)}))
    yield "archive-called-text", _content(lambda: inner)
    yield "bomb", _content(lambda: zipped({"敌意.csv": b"\0" * 300_000_000}))
    yield "out-of-the-folder", _content(lambda: zipped({"../../敌意.csv": GOOD.encode()}))
    yield "from-the-root", _content(lambda: zipped({"/tmp/敌意.csv": GOOD.encode()}))
    yield "link", _content(_link)
    yield (
        "members-without-end",
        _content(lambda: zipped({f"敌意{number}.csv": b"" for number in range(100_000)})),
    )
    yield "members-counted-wrong", _content(lambda: _entries(zipped(good), 0xFFFF))
    yield "members-of-one", _content(_one_for_all)
    yield "cut-off", _content(lambda: zipped(good)[:-30])
    yield "workbook-called-archive", _content(lambda: sound_workbook())
