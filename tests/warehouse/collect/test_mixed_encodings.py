"""Files with lines in two encodings, and texts garbled before they came: remarked or refused, never silent."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import dbf
import duckdb
import pytest

from warehouse.collect.readers.layout import Layout, LayoutColumn, Reading, UnreadableFile
from warehouse.collect.readers.registry import read, recognise
from warehouse.collect.readers.text.mixture import foreign_runs

COLUMNS = (
    LayoutColumn("no", ("编号",), key=True),
    LayoutColumn("name", ("姓名",)),
    LayoutColumn("place", ("地址",)),
)
CSV, DBF = Layout("csv", COLUMNS), Layout("dbf", COLUMNS)

Rows = list[tuple[object, ...]]


def table_of(path: Path, layout: Layout = CSV) -> tuple[Reading, Rows]:
    with duckdb.connect() as connection:
        reading = read(path, layout, connection, "t", spool=path.parent / "spool")
        return reading, connection.execute("FROM t").fetchall()


def csv_of(tmp_path: Path, *lines: tuple[str, str]) -> Path:
    """A file with each line in an encoding of its own."""
    path = tmp_path / "x.csv"
    path.write_bytes(b"".join(f"{text}\r\n".encode(encoding) for text, encoding in lines))
    return path


# 张三, 凤凰台街道: even numbers of ideographs, so that GB 18030 decodes them without an error.
def test_utf8_lines_in_a_gbk_file_are_refused_by_their_numbers(tmp_path: Path) -> None:
    path = csv_of(
        tmp_path,
        ("编号,姓名,地址", "gbk"),
        ("1,李四,东山街道", "gbk"),
        ("2,张三,东山街道", "utf-8"),
        ("3,王五,南山", "gbk"),
        ("4,张三,南山街道", "utf-8"),
    )
    for way in (table_of, lambda file: recognise(file, CSV)):
        with pytest.raises(UnreadableFile, match="第 3、5 行是 UTF-8 编码的文字，其余是 GB18030"):
            way(path)


def test_a_single_utf8_name_in_a_gbk_file_is_remarked(tmp_path: Path) -> None:
    path = csv_of(
        tmp_path, ("编号,姓名,地址", "gbk"), ("1,李四,东山", "gbk"), ("2,许婷,", "utf-8"), ("3,王五,", "gbk")
    )
    reading, rows = table_of(path)
    assert [(note.rows, "像是 UTF-8 编码" in note.text) for note in reading.notes] == [((3,), True)]
    assert reading.lines is None
    assert rows[0] == (2, "1", "李四", "东山")


def test_a_gbk_line_in_a_utf8_file_is_refused_or_remarked(tmp_path: Path) -> None:
    # 女 is C5 AE in GBK, and that is Ů in UTF-8.
    path = csv_of(tmp_path, ("编号,姓名,地址", "utf-8"), ("1,李四,东山", "utf-8"), ("2,女,", "gbk"))
    reading, _ = table_of(path)
    assert [(note.rows, "像是 GBK 编码" in note.text) for note in reading.notes] == [((3,), True)]
    lines = [("编号,姓名,地址", "utf-8"), *[("1,李四,东山街道", "utf-8")] * 20, ("2,张三,南山", "gbk")]
    with pytest.raises(UnreadableFile, match="第 22 行"):
        table_of(csv_of(tmp_path, *lines))


@pytest.mark.parametrize("text", ["José,α,25°C ±3×2", "Иванов Иван,Ünal,·", "ئالىم,שלום,¥12", "ū,x,y"])
def test_other_scripts_in_a_utf8_file_are_no_gbk(text: str) -> None:
    # ū alone is also 弃 in GBK, a name that nobody bears; all others are plainly what they are.
    assert list(foreign_runs(text.encode(), "utf-8")) == ([(0, False)] if text.startswith("ū") else [])


def test_names_in_gbk_are_not_taken_for_utf8() -> None:
    """Of 300,000 names of three characters of GB 2312 none is UTF-8, and of two-character names in UTF-8 all are."""
    first, second = "王李张刘陈杨赵黄周吴徐孙", "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红建国"
    drawn = random.Random(1)
    ordinary = [
        bytes([row, cell]).decode("gb2312") for row in range(0xB0, 0xD7) for cell in range(0xA1, 0xFF)
    ]
    names = "\n".join("".join(drawn.choices(ordinary, k=3)) for _ in range(300_000))
    assert list(foreign_runs(names.encode("gbk"), "gb18030")) == []
    for name in (a + b for a in first for b in second):
        raw = name.encode("utf-8")
        try:
            raw.decode("gb18030")
        except UnicodeDecodeError:
            continue  # refused as it is
        assert list(foreign_runs(raw, "gb18030")), name


def test_a_dbf_with_texts_in_two_encodings_is_read_with_a_remark(tmp_path: Path) -> None:
    path = tmp_path / "x.dbf"
    table = dbf.Table(str(path), "no C(4); name C(12); place C(20)", codepage="cp936", dbf_type="db3")
    table.open(dbf.READ_WRITE)
    for row in (("1", "李四", "东山街道"), ("2", "XXXXXX", "YYYYYYYYYYYY"), ("3", "ZZZ", "")):
        table.append(row)
    table.close()
    data = path.read_bytes()
    data = data.replace(b"XXXXXX", "张三".encode()).replace(b"YYYYYYYYYYYY", "东山街道".encode())
    path.write_bytes(data.replace(b"ZZZ", "女".encode()))
    layout = Layout("dbf", tuple(LayoutColumn(n, (n,), key=n == "no") for n in ("no", "name", "place")))
    reading, rows = table_of(path, layout)
    assert rows == [(1, "1", "李四", "东山街道"), (2, "2", "张三", "东山街道"), (3, "3", "女", None)]
    assert [(note.rows, "是 UTF-8 编码" in note.text) for note in reading.notes] == [((2, 3), True)]


def test_doubles_of_a_dbf_are_the_shortest_text_of_the_same_number(tmp_path: Path) -> None:
    values = [0.1, 0.1 + 0.2, 123456789.12345679, 1e22, 2.5e-7, -3.0]
    fields = b"".join(
        struct.pack("<11sc4xBB14x", name, kind, size, 0)
        for name, kind, size in ((b"NO", b"C", 4), (b"V", b"B", 8))
    )
    records = b"".join(b" %-4d" % n + struct.pack("<d", value) for n, value in enumerate(values))
    head = struct.pack("<B3BIHH20x", 0x30, 26, 3, 2, len(values), 32 + len(fields) + 1 + 263, 13)
    path = tmp_path / "x.dbf"
    path.write_bytes(head + fields + b"\r" + bytes(263) + records + b"\x1a")
    _, rows = table_of(
        path, Layout("dbf", (LayoutColumn("no", ("NO",), key=True), LayoutColumn("v", ("V",))))
    )
    texts = [str(row[2]) for row in rows]
    assert texts == ["0.1", "0.30000000000000004", "123456789.12345679", "1" + "0" * 22, "0.00000025", "-3"]
    assert [float(text) for text in texts] == values


@pytest.mark.parametrize("end", [b"\x1a", b"\r\n\x1a", b"\x1a\x1a\r\n", b"\r\n\x1a\0\0\0"])
def test_the_end_mark_of_dos_is_no_row(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes("编号,姓名,地址\r\n1,张三,东山\r\n2,李四,南山".encode("gbk") + end)
    reading, rows = table_of(path)
    assert rows == [(2, "1", "张三", "东山"), (3, "2", "李四", "南山")]
    assert (reading.set_aside, reading.notes) == ((), ())


def test_an_end_mark_among_the_rows_is_remarked(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes("编号,姓名,地址\r\n1,张三,东山\r\n\x1a2,李四,南山\r\n".encode("gbk"))
    reading, rows = table_of(path)
    assert [(note.rows, note.text[:8]) for note in reading.notes] == [((3,), "列“编号”有看不")]
    assert len(rows) == 2


@pytest.mark.parametrize("garbled", ["\ufffd\ufffd", "锟斤拷锟斤拷", "烫烫烫", "???"])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_what_was_garbled_before_is_named_by_row_and_column(
    tmp_path: Path, garbled: str, encoding: str
) -> None:
    path = csv_of(
        tmp_path, ("编号,姓名,地址", encoding), ("1,张三,东山", encoding), (f"2,{garbled},南山", encoding)
    )
    reading, rows = table_of(path)
    assert [(note.rows, "列“姓名”" in note.text) for note in reading.notes] == [((3,), True)]
    assert rows[1] == (3, "2", garbled, "南山")


def test_of_a_file_without_headings_no_field_is_lost(tmp_path: Path) -> None:
    """Most rows have two fields; the others have all that the contract names."""
    path = tmp_path / "x.csv"
    path.write_text("1,甲\n2,乙\n3,丙\n4,丁,东山\n5,戊,南山\n", encoding="utf-8")
    _, rows = table_of(path, Layout("csv", COLUMNS, without_headings=True))
    assert [row[3] for row in rows] == [None, None, None, "东山", "南山"]
