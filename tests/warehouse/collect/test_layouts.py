"""Layouts of yearbooks and lists: headings in several rows, group rows, no headings, values beside the table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import openpyxl
import pytest

from warehouse.collect.readers.headings.heading_blocks import MergedCells, drawn_block
from warehouse.collect.readers.layout import Layout, LayoutColumn, Reading, UnreadableFile
from warehouse.collect.readers.registry import read, recognise

CASES = Path(__file__).parents[2] / "data" / "layouts"
DATABASE = duckdb.connect()

Row = tuple[object, ...]
FRUIT = ("地区", "水果产量", "苹果", "梨", "年末果园面积", "苹果园", "梨园")


def layout_of(*titles: str, form: str = "xlsx", measured: bool = False, **facts: object) -> Layout:
    columns = tuple(
        LayoutColumn(
            f"c{place}", (title,), required=place == 0, key=place == 0, measured=measured and place > 0
        )
        for place, title in enumerate(titles)
    )
    return replace(Layout(form, columns), **facts)  # type: ignore[arg-type]


def rows_of(path: Path, layout: Layout) -> tuple[Reading, list[Row]]:
    with DATABASE.cursor() as connection:
        reading = read(path, layout, connection, "t", spool=path.parent / "spool")
        return reading, connection.execute("FROM t").fetchall()


def book(path: Path, rows: list[list[object]], *merged: str) -> Path:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    for area in merged:
        sheet.merge_cells(area)
    workbook.save(path)
    return path


def texts(reading: Reading) -> list[str]:
    return [note.text for note in reading.notes]


@pytest.mark.parametrize("name", ["empty_spanner.xlsx", "filled_spanner.xlsx"])
@pytest.mark.parametrize("header_row", [None, 3])
def test_headings_below_a_merged_cell_with_or_without_text(name: str, header_row: int | None) -> None:
    reading, rows = rows_of(CASES / name, layout_of(*FRUIT, header_row=header_row))
    assert rows == [
        (4, "甲区", "100", "60", "40", "10", "6", "4"),
        (5, "乙区", "200", "150", "50", "20", "15", "5"),
        (6, "丙县", "50", "30", "20", "5", "3", "2"),
    ]
    assert (reading.recognition.header_row, reading.recognition.header_rows) == (3, 2)
    assert reading.notes == reading.set_aside == ()


def test_an_empty_merged_cell_goes_on_with_the_text_left_of_it() -> None:
    layout = layout_of("地区", "水果产量-苹果", "年末果园面积梨园")
    assert [row[2:] for row in rows_of(CASES / "empty_spanner.xlsx", layout)[1]] == [
        ("60", "4"),
        ("150", "5"),
        ("30", "2"),
    ]


def test_the_lower_row_of_headings_is_no_data_where_the_upper_row_has_all_titles() -> None:
    reading, rows = rows_of(CASES / "empty_spanner.xlsx", layout_of("地区", "水果产量", "年末果园面积"))
    assert rows[0] == (4, "甲区", "100", "10")
    assert reading.recognition.extra == (
        "水果产量-苹果",
        "水果产量-梨",
        "年末果园面积-苹果园",
        "年末果园面积-梨园",
    )


def test_headings_in_three_rows() -> None:
    titles = ("地区", "粮食-面积", "农业-粮食-产量", "油料面积", "油料-产量")
    assert rows_of(CASES / "three_level.xlsx", layout_of(*titles))[1] == [
        (4, "甲区", "1", "2", "3", "4"),
        (5, "乙区", "5", "6", "7", "8"),
    ]
    with pytest.raises(UnreadableFile, match=r"几列都叫“面积”，分不清是哪一列.*写“上级标题-列名”"):
        layout = layout_of("地区", "面积")
        rows_of(
            CASES / "three_level.xlsx",
            replace(layout, columns=tuple(replace(column, required=True) for column in layout.columns)),
        )


def test_the_paths_of_nested_empty_merged_cells() -> None:
    """粮食 over 谷物 and 豆类, 谷物 over 稻谷 and 小麦, as yearbooks draw it."""
    rows = [
        ["地区", "粮食", None, None, None, None],
        [None, None, "谷物", None, None, "豆类"],
        [None, None, None, "稻谷", "小麦", None],
    ]
    merged = [
        MergedCells(0, 0, 2, 0), MergedCells(0, 1, 2, 1), MergedCells(0, 2, 0, 5),
        MergedCells(1, 2, 2, 2), MergedCells(1, 3, 1, 4),
        MergedCells(1, 5, 2, 5),
    ]  # fmt: skip
    block = drawn_block([*rows, ["甲区", "1", "2", "3", "4", "5"]], 1, merged)
    assert (block.top, block.bottom) == (1, 3)
    assert block.paths == (
        ("地区",), ("粮食",), ("粮食", "谷物"), ("粮食", "谷物", "稻谷"), ("粮食", "谷物", "小麦"), ("粮食", "豆类"),
    )  # fmt: skip


def test_headings_in_two_rows_without_merged_cells(tmp_path: Path) -> None:
    lines = "果品,,,\n地区,水果产量,,\n,,苹果,梨\n甲区,100,60,40\n"
    path = tmp_path / "果品.csv"
    path.write_text(lines, encoding="utf-8")
    reading, rows = rows_of(path, layout_of("地区", "水果产量", "苹果", "水果产量-梨", form="csv"))
    assert rows == [(4, "甲区", "100", "60", "40")]
    assert (reading.recognition.header_row, reading.recognition.header_rows) == (3, 2)


def test_english_headings_units_and_numbers_of_columns_are_no_data(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["表 1"],
        ["地区 Region", "人口", "面积"],
        ["Region", "Population", "Area"],
        [None, "(万人)", "（公顷）"],
        ["甲", 1, 2],
        ["某区", 10, 20],
        ["Foreign Town", 30, 40],
    ]
    reading, found = rows_of(
        book(tmp_path / "a.xlsx", rows), layout_of("地区", "人口", "面积", measured=True)
    )
    assert found == [(6, "某区", "10", "20"), (7, "Foreign Town", "30", "40")]
    assert texts(reading) == [
        "第 3 行是外文列名或计量单位，没有作为数据读取",
        "第 4 行是外文列名或计量单位，没有作为数据读取",
        "第 5 行是栏次编号，没有作为数据读取",
    ]


def test_a_first_record_in_english_stays_a_record(tmp_path: Path) -> None:
    rows: list[list[object]] = [["姓名", "国别"], ["Li Lei", "China"], ["Han Meimei", "China"]]
    assert len(rows_of(book(tmp_path / "a.xlsx", rows), layout_of("姓名", "国别"))[1]) == 2


def test_rows_above_the_headings_with_data_are_remarked(tmp_path: Path) -> None:
    rows: list[list[object]] = [["甲区", 1, 2], ["地区", "人口", "面积"], ["乙区", 3, 4]]
    reading, _ = rows_of(book(tmp_path / "a.xlsx", rows), layout_of("地区", "人口", "面积"))
    assert texts(reading) == ["表头上方第 1 行有多列内容，没有读取，请核对是不是数据"]


def test_a_column_without_heading_is_named() -> None:
    reading, rows = rows_of(CASES / "headless_column.xlsx", layout_of("排名", "机场", "吞吐量"))
    assert rows[0] == (2, "1", "北京", "10098")
    (note,) = reading.notes
    assert note.text.startswith("第 3 列（C 列）没有列名")
    assert (note.count, note.rows) == (3, (2, 3, 4))


def test_a_column_without_heading_in_text_is_named_every_time(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("排名,机场,,吞吐量,\n1,北京,首都,10098,\n2,上海,,7405,\n", encoding="utf-8")
    reading, rows = rows_of(path, layout_of("排名", "机场", "吞吐量", form="csv"))
    assert rows == [(2, "1", "北京", "10098"), (3, "2", "上海", "7405")]
    assert [(note.text[:5], note.rows) for note in reading.notes] == [("第 3 列", (2,))]
    # Lines that came before are not read again, so such a file is not compared by lines.
    assert reading.lines is None


def test_group_rows_are_set_aside_or_a_column() -> None:
    layout = layout_of("序号", "学校标识码")
    reading, rows = rows_of(CASES / "group_rows.xlsx", layout)
    codes = ["4100000001", "4100000002", "4100000003", "4100000004"]
    assert [row[2] for row in rows] == codes
    assert [(aside.row, aside.reason) for aside in reading.set_aside] == [
        (4, "分组行，不是数据"),
        (7, "分组行，不是数据"),
    ]
    grouped = replace(layout, columns=(*layout.columns, LayoutColumn("g", ("省",), from_group_row=True)))
    reading, rows = rows_of(CASES / "group_rows.xlsx", grouped)
    assert [row[3] for row in rows] == ["甲省（2所）", "甲省（2所）", "乙省（2所）", "乙省（2所）"]
    assert reading.set_aside == ()


def test_group_rows_need_not_be_merged_where_the_contract_takes_them(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["地区", "人口"], ["全市", 9], ["东部"], ["甲区", 4], ["西部"], ["乙区", 5], ["注：年末数"],
    ]  # fmt: skip
    path = book(tmp_path / "a.xlsx", rows)
    layout = layout_of("地区", "人口")
    grouped = replace(layout, columns=(*layout.columns, LayoutColumn("g", ("片",), from_group_row=True)))
    assert [row[1:] for row in rows_of(path, grouped)[1]] == [
        ("全市", "9", None),
        ("甲区", "4", "东部"),
        ("乙区", "5", "西部"),
    ]
    # Without the key it is not known that they are none: nothing is dropped.
    assert [row[1] for row in rows_of(path, layout)[1]] == ["全市", "东部", "甲区", "西部", "乙区"]


HEADINGS: list[list[object]] = [["地区", "产量", None], [None, "苹果", "梨"]]


def test_a_continued_table_with_the_same_headings_is_read_on(tmp_path: Path) -> None:
    rows = [["果品"], *HEADINGS, ["甲区", 1, 2], ["续表 1"], ["单位：吨"], *HEADINGS, ["乙区", 3, 4]]
    areas = ("A2:A3", "B2:C2", "A7:A8", "B7:C7")
    reading, found = rows_of(book(tmp_path / "a.xlsx", rows, *areas), layout_of("地区", "苹果", "梨"))
    assert found == [(4, "甲区", "1", "2"), (9, "乙区", "3", "4")]
    assert [(aside.row, aside.reason) for aside in reading.set_aside] == [
        (5, "续表的标题，不是数据"),
        (6, "说明文字，不是数据"),
        (7, "重复的表头"),
        (8, "重复的表头"),
    ]


def test_a_continued_table_with_other_headings_is_refused(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["地区", "苹果", "梨"], ["甲区", 1, 2], ["续表"], ["地区", "葡萄", "桃"], ["甲区", 3, 4],
    ]  # fmt: skip
    with pytest.raises(UnreadableFile, match="第 4 行是续表的表头，列名与上面的表不同"):
        rows_of(book(tmp_path / "a.xlsx", rows), layout_of("地区", "苹果", "梨"))


def test_a_file_without_headings_has_the_columns_of_the_contract() -> None:
    layout = layout_of("行号", "行名", without_headings=True)
    reading, rows = rows_of(CASES / "no_header.xlsx", layout)
    assert rows[0] == (1, "103333021102", "某银行温州甲支行")
    assert len(rows) == 3
    assert reading.recognition.header_row is None


def test_text_without_headings(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("1|甲,乙|x\n2|丙|\n", encoding="utf-8")
    layout = layout_of("号", "名", form="csv", without_headings=True)
    reading, rows = rows_of(path, layout)
    assert rows == [(1, "1", "甲,乙"), (2, "2", "丙")]
    assert [note.rows for note in reading.notes] == [(1,)]
    path.write_text("号|名\n1|甲\n", encoding="utf-8")
    with pytest.raises(UnreadableFile, match="第 1 行像是列名，而数据标准规定这份数据没有列名"):
        rows_of(path, layout)


def test_values_from_the_name_of_the_file_and_from_a_title(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["2019年水果产量"],
        [None, None, "单位：吨"],
        ["地区", "苹果", "梨"],
        ["甲区", 1, 2],
    ]
    path = book(tmp_path / "E1.xlsx", rows)
    layout = layout_of("地区", "苹果")
    year = LayoutColumn("year", ("年份",), from_file_name=r"(\d{4})年", required=True)
    unit = LayoutColumn("unit", ("计量单位",), from_title=r"单位：(.+)")
    place = LayoutColumn("place", ("地点",), from_title="[东西]部")
    layout = replace(layout, columns=(*layout.columns, year, unit, place), file_name="果品2019年.zip/a.xlsx")
    reading, found = rows_of(path, layout)
    assert found == [(4, "甲区", "1", "2019", "吨", None)]
    assert texts(reading) == ["表头上方的标题里找不到“地点”，这一列按空值读取"]
    with pytest.raises(UnreadableFile, match=r"文件名“a.xlsx”里找不到“年份”.*按约定的文件名"):
        recognise(path, replace(layout, file_name="a.xlsx"))


def test_the_sheets_that_are_not_read_are_named(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx", [["地区", "人口"], ["甲区", 1]])
    workbook = openpyxl.load_workbook(path)
    workbook.create_sheet("Sheet2")
    workbook.create_sheet("说明").append(["口径"])
    workbook.save(path)
    assert recognise(path, layout_of("地区", "人口")).unread == ("说明",)
