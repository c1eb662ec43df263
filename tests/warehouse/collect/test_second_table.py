"""Two tables on one sheet or in one text: the rows of the second are not read as records of the first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import openpyxl
import pytest

from warehouse.collect.readers.layout import Layout, LayoutColumn, Reading
from warehouse.collect.readers.registry import read

COLUMNS = (
    LayoutColumn("name", ("学校名称",), required=True, key=True),
    LayoutColumn("level", ("办学层次",)),
    LayoutColumn("place", ("所在地",)),
    LayoutColumn("pupils", ("在校生人数",), measured=True),
)
HEAD = ("学校名称", "办学层次", "所在地", "在校生人数")
SCHOOLS = [("甲中学", "初中", "东山街道", "320"), ("乙小学", "小学", "凤凰台街道", "510")]

Row = Sequence[str]


def written(tmp_path: Path, form: str, rows: Sequence[Row]) -> Path:
    path = tmp_path / f"x.{form}"
    if form == "csv":
        path.write_text("".join(",".join(row) + "\n" for row in rows), encoding="utf-8")
        return path
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for number, row in enumerate(rows, start=1):
        for place, text in enumerate(row, start=1):
            if text:
                sheet.cell(number, place, int(text) if text.isdigit() and len(text) < 6 else text)
    book.save(path)
    return path


def table_of(path: Path) -> tuple[Reading, list[str]]:
    with duckdb.connect() as connection:
        layout = Layout("csv" if path.suffix == ".csv" else "xlsx", COLUMNS)
        reading = read(path, layout, connection, "t", spool=path.parent / "spool")
        return reading, [name for (name,) in connection.execute("SELECT name FROM t").fetchall()]


SECOND: list[Sequence[Row]] = [
    # Other headings below an empty row; with a title; below a note; with a title and a unit.
    [(), ("姓名", "职务", "联系电话", "备注"), ("王五", "校长", "13800000000", ""), ("赵六", "主任", "", "")],
    [
        (),
        ("附表：校长名单",),
        ("姓名", "职务", "电话"),
        ("王五", "校长", "13800000000"),
        ("赵六", "校长", "1"),
    ],
    [
        ("注：人数为学年初数",),
        ("单位", "负责人", "地址"),
        ("教育局", "王五", "东山路"),
        ("体育局", "赵六", "南山"),
    ],
    [
        (),
        ("校长名单",),
        ("单位：人",),
        ("姓名", "性别", "民族"),
        ("王五", "男", "汉族"),
        ("赵六", "女", "回族"),
    ],
    # The headings of this table in another order.
    [
        (),
        ("所在地", "学校名称", "在校生人数", "办学层次"),
        ("南山", "丙小学", "200", "小学"),
        ("东山", "丁", "1", "初"),
    ],
]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("below", SECOND)
def test_a_second_table_is_set_aside_with_a_remark(tmp_path: Path, form: str, below: Sequence[Row]) -> None:
    reading, names = table_of(written(tmp_path, form, [HEAD, *SCHOOLS, *below]))
    assert names == ["甲中学", "乙小学"]
    (note,) = [note for note in reading.notes if "另一张表" in note.text]
    headings = 4 + next(place for place, row in enumerate(below) if len(row) > 2)
    assert note.rows == (headings,)
    aside = {each.row for each in reading.set_aside}
    assert {headings, headings + 1, headings + 2} <= aside
    assert reading.lines is None


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize(
    "below",
    [
        # Records below an empty row, also with words for missing numbers or without any number.
        [(), ("丙小学", "小学", "南山街道", "280")],
        [(), ("丙小学", "小学", "南山街道", "不详"), ("丁小学", "小学", "东山街道", "5")],
        [(), ("丙小学", "小学", "南山街道", ""), ("丁小学", "小学", "", "7")],
        [(), ("丙小学", "小学", "", "")],
        # The same headings again.
        [(), HEAD, ("丙小学", "小学", "南山街道", "280")],
        # What looks like headings at the end heads nothing.
        [("丙小学", "小学", "南山街道", "280"), (), ("制表人", "联系电话")],
    ],
)
def test_records_below_an_empty_row_stay(tmp_path: Path, form: str, below: Sequence[Row]) -> None:
    reading, names = table_of(written(tmp_path, form, [HEAD, *SCHOOLS, *below]))
    assert "丙小学" in names
    assert not [note for note in reading.notes if "另一张表" in note.text]


def test_the_first_table_goes_on_where_its_headings_stand_again(tmp_path: Path) -> None:
    second = SECOND[0]
    rows = [HEAD, *SCHOOLS, *second, (), HEAD, ("丙小学", "小学", "南山街道", "280")]
    reading, names = table_of(written(tmp_path, "xlsx", rows))
    assert names == ["甲中学", "乙小学", "丙小学"]
    assert len([note for note in reading.notes if "另一张表" in note.text]) == 1
