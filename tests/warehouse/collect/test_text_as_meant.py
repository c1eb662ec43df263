"""Text, DBF and SQLite files in which something went wrong before they were delivered: read, remarked or refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import dbf
import duckdb
import pytest

from warehouse.collect.readers.layout import Layout, LayoutColumn, Reading, UnreadableFile
from warehouse.collect.readers.naming import named
from warehouse.collect.readers.registry import read

DATABASE = duckdb.connect()
COLUMNS = (
    LayoutColumn("key", ("编号",), key=True),
    LayoutColumn("note", ("备注",)),
    LayoutColumn("sum", ("金额",)),
)
CSV = Layout("csv", COLUMNS)

Rows = list[tuple[object, ...]]


def table_of(path: Path, layout: Layout = CSV) -> tuple[Reading, Rows]:
    with DATABASE.cursor() as connection:
        reading = read(path, layout, connection, "t", spool=path.parent / "spool")
        return reading, connection.execute("FROM t").fetchall()


def csv_of(tmp_path: Path, body: str | bytes, layout: Layout = CSV) -> tuple[list[str], Rows]:
    """The notes on a text below the headings, and its rows."""
    path = tmp_path / "x.csv"
    content = body.encode() if isinstance(body, str) else body
    path.write_bytes("编号,备注,金额\n".encode() + content)
    reading, rows = table_of(path, layout)
    return [note.text for note in reading.notes], rows


@pytest.mark.parametrize(
    ("body", "notes", "rows"),
    [
        # One row or two taken in by two stray quotes in the same column, which is well quoted for RFC 4180.
        (
            'A1,"甲,1\nA2,乙",2\nA3,丙,3\n',
            ["跨了几行"],
            [(2, "A1", "甲,1\nA2,乙", "2"), (3, "A3", "丙", "3")],
        ),
        ('A1,甲,"1\nA2,乙,2\nA3,丙,3"\n', ["跨了几行"], [(2, "A1", "甲", "1\nA2,乙,2\nA3,丙,3")]),
        # A text of several lines is one, with or without commas.
        ('A1,"甲\n乙",1\n', [], [(2, "A1", "甲\n乙", "1")]),
        ('A1,"甲,\n乙",1\n', [], [(2, "A1", "甲,\n乙", "1")]),
        # Blanks around quotes, quotes behind a backslash, both.
        ('A1, "甲,乙",1\n', ["空格"], [(2, "A1", "甲,乙", "1")]),
        ('A1,"甲,乙" ,1\n', ["空格"], [(2, "A1", "甲,乙", "1")]),
        ('A1,"甲\\"乙\\"",1\n', ["反斜杠"], [(2, "A1", '甲"乙"', "1")]),
        ('A1, "甲\\",\\"乙",1\n', ["空格", "反斜杠"], [(2, "A1", '甲","乙', "1")]),
        ('A1,"C:\\\\",1\n', [], [(2, "A1", "C:\\\\", "1")]),
        # What is right stays: a quote within a text, a quoted number, a backslash.
        ('A1,"甲""乙",1\n', [], [(2, "A1", '甲"乙', "1")]),
        ("A1,D:\\甲,1\n", [], [(2, "A1", "D:\\甲", "1")]),
        ('A1,5" 管,1\n', [], [(2, "A1", '5" 管', "1")]),
    ],
)
def test_quotes(body: str, notes: list[str], rows: Rows, tmp_path: Path) -> None:
    found, table = csv_of(tmp_path, body)
    assert table == rows
    assert len(found) == len(notes) and all(part in text for part, text in zip(notes, found, strict=True)), (
        found
    )


@pytest.mark.parametrize("above", [0, 40_000])
def test_utf_8_with_one_broken_character_is_never_another_text(above: int, tmp_path: Path) -> None:
    """In the first part of a file and far below it, where its head can be read in two encodings."""
    rows = "".join(f"A{row},文字,{row}\n" for row in range(above)).encode()
    body = rows + "B1,中文地址".encode()[:-1] + ",1\nB2,某某路,2\n".encode()
    with pytest.raises(UnreadableFile, match=rf"第 {above + 2} 行.*不是有效的 UTF-8 文字"):
        csv_of(tmp_path, body)


def test_ascii_headings_above_gb_18030_text_are_no_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"key,note\n" + "".join(f"A{n},芝罘区幸福路{n}号\n" for n in range(50)).encode("gbk"))
    layout = Layout("csv", (LayoutColumn("key", ("key",), key=True), LayoutColumn("note", ("note",))))
    reading, rows = table_of(path, layout)
    assert rows[3] == (5, "A3", "芝罘区幸福路3号")
    assert reading.recognition.encoding == "gb18030"


def test_private_use_characters_are_named_by_their_rows(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    # U+E81E has a place of its own since GB 18030-2022; U+E000 and U+F8F5 mean something on one computer only.
    path.write_text("编号,备注,金额\nA1,李\ue81e,1\nA2,张\ue000,2\nA3,王\uf8f5,3\nA4,赵，,4\n", "utf-8")
    (note,) = table_of(path)[0].notes
    assert "自造字" in note.text and note.rows == (3, 4)


def test_numbers_that_were_floats_are_told_by_their_column(tmp_path: Path) -> None:
    """numpy writes float(370602198001011234) as 370602198001011264: only multiples of 64 are left."""
    numbers = [int(float(370602198001011234 + 7_919 * n)) for n in range(8)]
    notes, _ = csv_of(tmp_path, "".join(f"{n},a,{number}\n" for n, number in enumerate(numbers)))
    assert ["列“金额”的长号码像是曾被当作数字" in note for note in notes] == [True]
    zeros = [f"{n},a,{370602198001011 + n}000\n" for n in range(8)]
    assert len(csv_of(tmp_path, "".join(zeros))[0]) == 1
    genuine = "".join(f"{n},a,{370602198001011234 + 7_919 * n}\n" for n in range(8))
    assert csv_of(tmp_path, genuine)[0] == []


def test_dots_and_zeros_of_a_whole_text_column_are_told(tmp_path: Path) -> None:
    rows = "".join(f"A{n},{100 + n}.0,{n}.0\n" for n in range(6))
    layout = Layout("csv", (*COLUMNS[:2], LayoutColumn("sum", ("金额",), measured=True)))
    notes, table = csv_of(tmp_path, rows, layout)
    assert [".0" in note and "备注" in note for note in notes] == [True]
    assert table[0] == (2, "A0", "100.0", "0.0")


def test_null_of_foxpro_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "x.dbf"
    columns = "code C(5); num N(5,0) null; note C(20) null; day D null; other N(5,0)"
    table = dbf.Table(str(path), columns, dbf_type="vfp", codepage="cp936")
    table.open(dbf.READ_WRITE)
    for record in (
        ("A1", 5, "甲", dbf.Date(2023, 5, 3), 1),
        ("A2", dbf.Null, dbf.Null, dbf.Null, 2),
        ("A3", 0, "乙", dbf.Null, 3),
    ):
        table.append(record)
    table.close()
    # The library counts one record too few when it closes.
    path.write_bytes(path.read_bytes()[:4] + (3).to_bytes(4, "little") + path.read_bytes()[8:])
    layout = Layout(
        "dbf", tuple(LayoutColumn(name, (name,)) for name in ("code", "num", "note", "day", "other"))
    )
    _, rows = table_of(path, layout)
    assert [row[1:3] + row[5:] for row in rows] == [("A1", "5", "1"), ("A2", None, "2"), ("A3", "0", "3")]
    assert [row[3] for row in rows] == ["甲", None, "乙"]
    assert [row[4] is None for row in rows] == [False, True, True]


def test_records_that_the_head_does_not_count_are_told(tmp_path: Path) -> None:
    path = varchars(tmp_path / "x.dbf", 0x7A, b"V", b"a", b"b", b"c")
    path.write_bytes(path.read_bytes()[:4] + (2).to_bytes(4, "little") + path.read_bytes()[8:])
    layout = Layout("dbf", (LayoutColumn("code", ("code",)), LayoutColumn("note", ("note",))))
    reading, rows = table_of(path, layout)
    assert len(rows) == 2 and "没计入记录数" in reading.notes[0].text


def varchars(path: Path, driver: int, kind: bytes, *texts: bytes) -> Path:
    """A table of FoxPro with a field of varying length, byte by byte ("Xbase File Format Description", E. Bachmann)."""
    width = 8
    fields = b"".join(
        name.ljust(11, b"\0") + letter + offset.to_bytes(4, "little") + bytes([length, 0, flags]) + bytes(13)
        for name, letter, offset, length, flags in (
            (b"CODE", b"C", 1, 2, 0),
            (b"NOTE", kind, 3, width, 2),
            (b"_NullFlags", b"0", 3 + width, 1, 5),
        )
    )
    records = b""
    for number, text in enumerate(texts):
        full = len(text) == width
        cell = text if full else text.ljust(width - 1, b"\xee") + bytes([len(text)])
        records += b" " + b"A%d" % number + cell + bytes([0 if full else 1])
    start = 32 + len(fields) + 1
    head = b"\x32\x17\x05\x03" + len(texts).to_bytes(4, "little") + start.to_bytes(2, "little")
    head += (4 + width).to_bytes(2, "little") + bytes(17) + bytes([driver]) + bytes(2)
    path.write_bytes(head + fields + b"\x0d" + records + b"\x1a")
    return path


def test_a_text_of_varying_length_ends_where_it_says(tmp_path: Path) -> None:
    path = varchars(
        tmp_path / "x.dbf", 0x7A, b"V", "甲乙丙丁".encode("gbk"), "甲".encode("gbk"), b"", b"a b c"
    )
    layout = Layout("dbf", (LayoutColumn("code", ("code",)), LayoutColumn("note", ("note",))))
    assert [row[2] for row in table_of(path, layout)[1]] == ["甲乙丙丁", "甲", None, "a b c"]


def test_binary_fields_are_refused_by_name(tmp_path: Path) -> None:
    path = varchars(tmp_path / "x.dbf", 0x7A, b"Q", b"\x00\x01")
    layout = Layout("dbf", (LayoutColumn("code", ("code",)), LayoutColumn("note", ("note",))))
    with pytest.raises(UnreadableFile, match=r"列“NOTE”是二进制型.*请以文字导出"):
        table_of(path, layout)


def test_floats_in_a_database_are_told(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE t (编号 TEXT, 备注 TEXT, 金额 NUMERIC)")
        rows = [(f"A{n}", "a", float(370602198001011234 + 7_919 * n)) for n in range(6)]
        database.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    (note,) = table_of(path, Layout("sqlite", COLUMNS))[0].notes
    assert "长号码" in note.text and note.count == 6


def test_many_names_are_counted() -> None:
    assert named(["甲", "乙"]) == "甲、乙"
    many = named([f"列{n}" for n in range(3_000)])
    assert many.endswith("列19……等共 3,000 列") and "列20" not in many
