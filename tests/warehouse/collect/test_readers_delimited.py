"""Delimited files: encodings, delimiters, headings, rows as they are, and refusals in Chinese."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from warehouse.collect.readers.layout import Layout, LayoutColumn, Note, Reading, SetAside, UnreadableFile
from warehouse.collect.readers.registry import read, recognise

# Each file is read into a temporary table of a connection of its own.
DATABASE = duckdb.connect()

LAYOUT = Layout(
    form="csv",
    columns=(
        LayoutColumn("resident_id", ("公民身份号码", "身份证号", "resident_id"), required=True, key=True),
        LayoutColumn("name", ("姓名", "name"), required=True),
        LayoutColumn("phone", ("联系电话", "phone")),
    ),
)
HEADER = "公民身份号码,姓名,联系电话"

Row = tuple[int | str | None, ...]
Read = Callable[..., tuple[Reading, list[Row]]]


@pytest.fixture
def rows_of(tmp_path: Path) -> Read:
    """Read bytes or text (as UTF-8) as a file; give the reading and the table, in its own order."""

    def read_rows(content: bytes | str, layout: Layout = LAYOUT) -> tuple[Reading, list[Row]]:
        path = tmp_path / "户籍人口.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        with DATABASE.cursor() as connection:
            reading = read(path, layout, connection, "t", spool=tmp_path / "spool")
            table = connection.execute("FROM t").fetchall()
        assert list((tmp_path / "spool").iterdir()) == []
        assert reading.rows == len(table)
        return reading, table

    return read_rows


@pytest.fixture
def refusal_of(rows_of: Read) -> Callable[..., str]:
    """The message with which a file is refused."""

    def refused(content: bytes | str, layout: Layout = LAYOUT) -> str:
        with pytest.raises(UnreadableFile) as error:
            rows_of(content, layout)
        return str(error.value)

    return refused


@pytest.mark.parametrize(
    ("codec", "mark", "named"),
    [
        ("utf-8", b"", "utf-8"),
        ("utf-8", b"\xef\xbb\xbf", "utf-8-sig"),
        ("gbk", b"", "gb18030"),
        ("utf-16-le", b"\xff\xfe", "utf-16"),
        ("utf-16-be", b"\xfe\xff", "utf-16"),
    ],
)
def test_the_encoding_is_found_without_being_told(rows_of: Read, codec: str, mark: bytes, named: str) -> None:
    reading, rows = rows_of(mark + f"{HEADER}\r\n370602,王芳,138\r\n".encode(codec))
    assert rows == [(2, "370602", "王芳", "138")]
    assert reading.recognition.encoding == named


def test_gb18030_keeps_the_rare_characters_of_names(rows_of: Read) -> None:
    # U+4DAE is in GBK only as four bytes of GB 18030; U+20BB7 lies beyond the basic plane.
    _, rows = rows_of(f"{HEADER}\n370602,\u4dae\U00020bb7,1\n".encode("gb18030"))
    assert rows == [(2, "370602", "\u4dae\U00020bb7", "1")]


def test_an_ascii_beginning_does_not_settle_the_encoding(rows_of: Read) -> None:
    start = "resident_id,name,phone\n" + "1,a,b\n" * 60_000
    reading, rows = rows_of((start + "2,王芳,3\n").encode("gbk"))
    assert rows[-1] == (60_002, "2", "王芳", "3")
    assert reading.recognition.encoding == "gb18030"


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_the_delimiter_is_found_without_being_told(rows_of: Read, delimiter: str) -> None:
    content = f"{HEADER}\n1,王芳,2\n".replace(",", delimiter)
    reading, rows = rows_of(content)
    assert rows == [(2, "1", "王芳", "2")]
    assert reading.recognition.delimiter == delimiter
    _, told = rows_of(content, replace(LAYOUT, delimiter=delimiter))
    assert told == rows


def test_values_stay_as_delivered(rows_of: Read) -> None:
    _, rows = rows_of(HEADER + '\n 0370 ,"王,""芳""",　NULL　\n1,"","2\r\n3\n4"\n')
    assert rows == [(2, " 0370 ", '王,"芳"', "　NULL　"), (3, "1", None, "2\r\n3\n4")]


def test_rows_are_counted_as_a_spreadsheet_shows_them(rows_of: Read) -> None:
    # Row 1 is a title, row 3 the heading with a break in a title, rows 2, 5, 6 and 8 are blank.
    content = '户籍人口明细表,,\n\n"公民身份\n号码",姓名,联系电话\n1,甲,"x\ny"\n\n,,\n2,乙,\n   \n3,丙,z\n\n'
    reading, rows = rows_of(content)
    assert rows == [(4, "1", "甲", "x\ny"), (7, "2", "乙", None), (9, "3", "丙", "z")]
    assert reading.recognition.header_row == 3
    assert reading.set_aside == reading.notes == ()


def test_a_last_line_without_end_is_a_row(rows_of: Read) -> None:
    assert rows_of(HEADER + "\r\n1,甲,2\r\n3,乙,4")[1] == [(2, "1", "甲", "2"), (3, "3", "乙", "4")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_will_do(rows_of: Read, end: str) -> None:
    assert rows_of(end.join([HEADER, "1,甲,2", "3,乙,4", ""]))[1] == [
        (2, "1", "甲", "2"),
        (3, "3", "乙", "4"),
    ]


def test_columns_are_found_in_any_order_and_the_missing_ones_are_null(rows_of: Read) -> None:
    reading, rows = rows_of("序号, Ｎａｍｅ ,*身份证号：\n1,王芳,370602\n")
    assert rows == [(2, "370602", "王芳", None)]
    found = reading.recognition
    assert [(c.name, c.position, c.title) for c in found.columns] == [
        ("resident_id", 3, "*身份证号："),
        ("name", 2, " Ｎａｍｅ "),
    ]
    assert found.missing == ("phone",)
    assert found.extra == ("序号",)


def test_recognising_reads_no_further_than_the_first_part(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes((HEADER + "\n" + "1,甲,2\n" * 200_000).encode() + b"\xff\xff\xff")
    assert recognise(path, LAYOUT).header_row == 1


def test_fewer_fields_than_headings_are_null_and_noted(rows_of: Read) -> None:
    reading, rows = rows_of(HEADER + "\n1,甲\n2,乙,\n3\n")
    assert rows == [(2, "1", "甲", None), (3, "2", "乙", None), (4, "3", None, None)]
    assert [(note.count, note.rows) for note in reading.notes] == [(2, (2, 4))]
    assert "比表头少" in reading.notes[0].text


def test_more_fields_than_headings_are_kept_and_noted(rows_of: Read) -> None:
    reading, rows = rows_of(HEADER + "\n1,甲,2,,\n2,乙,幸福路,3号\n")
    assert rows == [(2, "1", "甲", "2"), (3, "2", "乙", "幸福路")]
    assert [(note.count, note.rows) for note in reading.notes] == [(1, (3,))]
    assert "比表头多" in reading.notes[0].text


def test_a_record_of_very_many_fields_is_read_all_the_same(rows_of: Read) -> None:
    reading, rows = rows_of(HEADER + "\n1,甲,2\n2,乙,3" + ",x" * 500 + "\n3,丙,4\n")
    assert rows == [(2, "1", "甲", "2"), (3, "2", "乙", "3"), (4, "3", "丙", "4")]
    assert [note.rows for note in reading.notes] == [(3,)]


def test_a_quote_within_a_field_is_text(rows_of: Read) -> None:
    _, rows = rows_of(HEADER + '\n1,5"管,2\n3,"乙",4\n5,丙"丁",6\n')
    assert rows == [(2, "1", '5"管', "2"), (3, "3", "乙", "4"), (4, "5", '丙"丁"', "6")]


def test_lines_that_a_stray_quote_draws_together_are_noted(rows_of: Read) -> None:
    reading, rows = rows_of(HEADER + '\n1,"甲,2\n3,乙,4\n5,丙"丁,6\n7,戊,8\n')
    assert [row[0] for row in rows] == [2, 3]
    assert [(note.count, note.rows) for note in reading.notes] == [(1, (2,))]
    assert "双引号" in reading.notes[0].text


@pytest.mark.parametrize("mark", ["\x1d", "\x1e", "\x1f"])
def test_control_characters_stay_as_delivered(rows_of: Read, mark: str) -> None:
    _, rows = rows_of(HEADER + f'\n1,"a\nb",{mark}\n2,{mark}{mark},"c\r\nd"\n')
    assert rows == [(2, "1", "a\nb", mark), (3, "2", mark * 2, "c\r\nd")]


def test_a_column_alone_is_a_table_too(rows_of: Read) -> None:
    layout = Layout("csv", (LayoutColumn("code", ("代码",), key=True),))
    _, rows = rows_of("代码\n1\n\n2\n", layout)
    assert rows == [(2, "1"), (4, "2")]


def test_a_second_column_of_the_same_title_is_noted(rows_of: Read) -> None:
    reading, rows = rows_of("身份证号,姓名,姓名\n1,甲,乙\n")
    assert rows == [(2, "1", "甲", None)]
    assert reading.notes == (Note("同一项内容有几列，只读取了其中一列，未读取的列名是：姓名", 1),)


def test_totals_notes_and_repeated_headings_are_set_aside_with_their_rows(rows_of: Read) -> None:
    content = f"{HEADER}\n1,甲,2\n小 计,1,\n{HEADER}\n3,乙,4\n合计,2,\n(注：截至6月),,\n"
    reading, rows = rows_of(content)
    assert rows == [(2, "1", "甲", "2"), (5, "3", "乙", "4")]
    assert reading.set_aside == (
        SetAside(3, "合计，不是数据"),
        SetAside(4, "重复的表头"),
        SetAside(6, "合计，不是数据"),
        SetAside(7, "说明文字，不是数据"),
    )


def test_a_file_with_headings_only_has_no_rows(rows_of: Read) -> None:
    assert rows_of(HEADER + "\n")[1] == []
    assert rows_of(HEADER)[1] == []


def test_a_given_heading_row_is_the_only_one_looked_at(rows_of: Read, refusal_of: Callable[..., str]) -> None:
    content = f"{HEADER}\n{HEADER}\n1,甲,2\n"
    reading, rows = rows_of(content, replace(LAYOUT, header_row=2))
    assert (reading.recognition.header_row, rows) == (2, [(3, "1", "甲", "2")])
    assert "第 3 行里找不到表头" in refusal_of(content, replace(LAYOUT, header_row=3))


def test_bytes_of_no_encoding_are_refused_with_their_line(refusal_of: Callable[..., str]) -> None:
    content = (HEADER + "\n1,甲,2\n").encode("gbk") * 2 + b"3,\xff\xff,4\n"
    message = refusal_of(content)
    assert message.startswith("文件“户籍人口.csv”：第 5 行（第 71 个字节）不是有效的 GB18030 文字")
    assert content[70] == 0xFF


def test_bytes_of_no_encoding_far_down_are_refused_with_their_line(refusal_of: Callable[..., str]) -> None:
    lines = (HEADER + "\n" + "1,甲乙丙丁,2\n" * 1_000_000).encode()
    message = refusal_of(lines + "3,王".encode()[:-1] + b"\n")
    assert f"第 1000002 行（第 {len(lines) + 3} 个字节）不是有效的 UTF-8 文字" in message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "文件是空的"),
        (b"\r\n  \n", "文件是空的"),
        (b"PK\x03\x04\x14\x00", "内容是压缩包或 XLSX 工作簿"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00", "内容是旧版 XLS 工作簿"),
        (b"SQLite format 3\x00", "内容是SQLite 数据库"),
        (b"resident_id,name\n1,a\x00b\n", "内容是二进制数据"),
        (f"{HEADER}\n".encode() + b"1,a,b\n" * 900_000 + b"\x00\n", "内容是二进制数据"),
        ("1,甲,2\n".encode(), "找不到表头，应有的列名是：公民身份号码、姓名、联系电话"),
        ("姓名,联系电话\n甲,2\n".encode(), "第 1 行的表头缺少必需的列 “公民身份号码”或“身份证号”"),
    ],
)
def test_what_is_no_such_file_is_refused_with_the_reason(
    refusal_of: Callable[..., str], content: bytes, said: str
) -> None:
    message = refusal_of(content)
    assert said in message
    assert message.startswith("文件“户籍人口.csv”：")
    assert "请" in message


def test_a_refusal_shows_foreign_headings_but_nobodys_data(refusal_of: Callable[..., str]) -> None:
    assert "第 1 行看到的是：证号、姓氏" in refusal_of("证号,姓氏\n1,2\n")
    message = refusal_of("370602199001011234,王芳,13800000000\n")
    assert "看起来是数据" in message
    assert "王芳" not in message


def test_a_quote_without_its_pair_is_refused_with_its_row(refusal_of: Callable[..., str]) -> None:
    message = refusal_of(HEADER + '\n1,甲,2\n3,"乙,4\n5,丙,6\n')
    assert "第 3 行有一个双引号没有配对" in message
    assert "乙" not in message
    far = HEADER + '\n1,甲,2\n3,"乙,4\n' + "5,丙,6\n" * 100_000
    assert "第 3 行有一个双引号没有配对" in refusal_of(far)
