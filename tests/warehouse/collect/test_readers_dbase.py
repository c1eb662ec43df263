"""DBF tables, written by the library `dbf`: GBK, deleted records, types, memos, broken files."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import dbf
import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warehouse.collect.readers.layout import Layout, LayoutColumn, Reading, UnreadableFile
from warehouse.collect.readers.registry import read

# Each file is read into a temporary table of a connection of its own.
DATABASE = duckdb.connect()

COLUMNS = (
    LayoutColumn("name", ("姓名", "XM")),
    LayoutColumn("number", ("证号", "SFZH"), required=True, key=True),
    LayoutColumn("amount", ("金额",)),
    LayoutColumn("day", ("RQ",)),
    LayoutColumn("living", ("JZ",)),
)
LAYOUT = Layout("dbf", COLUMNS)
SPECIFICATION = "XM C(8); SFZH C(18); 金额 N(10,2); RQ D; JZ L"


def written(path: Path, specification: str, rows: list[tuple[object, ...]], kind: str = "db3") -> Path:
    table = dbf.Table(str(path), specification, codepage="cp936", dbf_type=kind)
    with table.open(dbf.READ_WRITE):
        for row in rows:
            table.append(row)
    return path


def rows_of(path: Path, layout: Layout = LAYOUT) -> tuple[Reading, list[tuple[object, ...]]]:
    with DATABASE.cursor() as connection:
        reading = read(path, layout, connection, "t", spool=path.parent)
        return reading, connection.execute("FROM t").fetchall()


def put(path: Path, record: int, place: int, content: bytes) -> None:
    """Write over a place of a record, counted from its mark of deletion."""
    raw = bytearray(path.read_bytes())
    head, width = int.from_bytes(raw[8:10], "little"), int.from_bytes(raw[10:12], "little")
    start = head + record * width + place
    raw[start : start + len(content)] = content
    path.write_bytes(raw)


def test_fields_come_as_text_by_their_names(tmp_path: Path) -> None:
    people = [("张三", "37060219900101001X", 12.5, date(2026, 3, 2), True), ("欧阳修文", "2", 0, None, False)]
    reading, rows = rows_of(written(tmp_path / "a.dbf", SPECIFICATION, people))
    assert rows == [
        (1, "张三", "37060219900101001X", "12.50", "20260302", "TRUE"),
        (2, "欧阳修文", "2", "0.00", None, "FALSE"),
    ]
    assert (reading.recognition.form, reading.recognition.encoding) == ("dbf", "gb18030")


def test_deleted_records_count_as_rows_and_are_set_aside(tmp_path: Path) -> None:
    path = written(tmp_path / "a.dbf", SPECIFICATION, [("甲", str(i), i, None, None) for i in range(4)])
    put(path, 1, 0, b"*")
    reading, rows = rows_of(path)
    assert [row[:3] for row in rows] == [(1, "甲", "0"), (3, "甲", "2"), (4, "甲", "3")]
    assert [(aside.row, aside.reason) for aside in reading.set_aside] == [(2, "已标记为删除")]


def test_numbers_and_moments_that_foxpro_keeps_in_binary(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.dbf", "SFZH I; 金额 B; RQ D; XM C(4)", [(7, 0.1, date(2026, 1, 2), "甲")], "vfp"
    )
    assert rows_of(path)[1] == [(1, "甲", "7", "0.1", "20260102", None)]


def test_half_a_character_at_the_end_is_dropped_and_told(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.dbf", SPECIFICATION, [("甲乙丙丁", "1", 1, None, None), ("戊", "2", 1, None, None)]
    )
    raw = path.read_bytes()
    path.write_bytes(raw.replace("甲乙丙丁".encode("gbk"), "甲乙丙".encode("gbk") + b" \xb6"))
    reading, rows = rows_of(path)
    assert [row[1] for row in rows] == ["甲乙丙 ", "戊"]
    assert [(note.text, note.rows) for note in reading.notes] == [
        ("有文字被截断，末尾的半个汉字已去掉", (1,))
    ]


def test_a_memo_is_refused_only_where_something_is_in_it(tmp_path: Path) -> None:
    path = written(tmp_path / "a.dbf", "SFZH C(4); XM M", [("1", "长文字")])
    with pytest.raises(UnreadableFile, match="列“XM”是备注型"):
        rows_of(path)
    put(path, 0, 5, b" " * 10)
    assert rows_of(path)[1][0][:3] == (1, None, "1")


def test_what_is_no_table_or_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.dbf", SPECIFICATION, [("甲", "1", 1, None, None)] * 3)
    whole = path.read_bytes()
    for content, said in (
        (b"", "文件是空的"),
        (b"PK\x03\x04" + whole, "不是 DBF 表"),
        (whole[:-40], "已损坏或不完整，应有 3 条记录"),
        (whole.replace(b"SFZH", b"SFZX"), "缺少必需的列 “证号”或“SFZH”"),
    ):
        path.write_bytes(content)
        with pytest.raises(UnreadableFile, match=said):
            rows_of(path)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.tuples(st.text("甲乙丙ABCxyz019 ", max_size=8).map(str.strip), st.integers(0, 9_999_999)),
        min_size=1,
        max_size=20,
    )
)
def test_what_was_written_is_read(tmp_path: Path, people: list[tuple[str, int]]) -> None:
    path = tmp_path / "a.dbf"
    path.unlink(missing_ok=True)
    written(path, "XM C(16); SFZH C(8)", [(name, f"{number}") for name, number in people])
    expected = [(i, name or None, str(number)) for i, (name, number) in enumerate(people, start=1)]
    assert [row[:3] for row in rows_of(path)[1]] == expected


def test_a_letter_that_is_no_truth_value_stays_as_it_was(tmp_path: Path) -> None:
    rows = [("甲", str(row), 1, None, True) for row in range(4)]
    path = written(tmp_path / "a.dbf", SPECIFICATION, rows)
    # The last field, behind 8 + 18 + 10 + 8 bytes and the mark of deletion; ? says nothing.
    for record, letter in enumerate((b"X", b"?", b" ", b"n")):
        put(path, record, 45, letter)
    assert [row[5] for row in rows_of(path)[1]] == ["X", None, None, "FALSE"]


def test_amounts_of_foxpro_are_exact_and_moments_of_blanks_are_none(tmp_path: Path) -> None:
    moment = datetime(2026, 3, 2, 8, 5)
    path = written(tmp_path / "a.dbf", "SFZH C(4); 金额 Y; RQ T", [("1", 1, moment), ("2", 1, moment)], "vfp")
    # Currency is a whole number of 8 bytes, in ten-thousandths (Visual FoxPro, table structure).
    put(path, 0, 5, (2**62 + 1).to_bytes(8, "little"))
    put(path, 1, 13, b" " * 8)
    assert [(row[3], row[4]) for row in rows_of(path)[1]] == [
        ("461168601842738.7905", "2026-03-02 08:05:00"),
        ("1.0000", None),
    ]


def test_a_whole_record_behind_the_counted_ones_is_told(tmp_path: Path) -> None:
    path = written(tmp_path / "a.dbf", SPECIFICATION, [("甲", str(row), 1, None, None) for row in range(2)])
    raw = bytearray(path.read_bytes())
    raw[4:8] = (1).to_bytes(4, "little")
    path.write_bytes(raw)
    # Nearly empty, but a record.
    put(path, 1, 1, b" " * 44)
    put(path, 1, 1, b"Z")
    reading, rows = rows_of(path)
    assert len(rows) == 1
    assert [note.text[:18] for note in reading.notes] == ["文件末尾还有没计入记录数的内容，没有"[:18]]
