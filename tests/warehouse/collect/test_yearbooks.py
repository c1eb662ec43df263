"""Workbooks laid out as statistical yearbooks are, XLSX and XLS, read by contracts written from docs/contracts.md.

Expected tables are read off the workbooks by hand, from the standard table on: values as numbers, names as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
import xlwt
from openpyxl.utils import range_boundaries

from schemas.contract.library import Library
from schemas.contract.odcs import read_contract
from warehouse.collect.extracts.extract import extract
from warehouse.collect.intake import reception
from warehouse.engine.connection import Engine
from warehouse.home.folders import Home
from warehouse.incremental.context import BatchContext
from warehouse.lake.store import Lake
from warehouse.standard.standardise import no_corrections, standardise

DAY = date(2026, 3, 2)
N = None
Row = Sequence[object]

CONTRACT = """
apiVersion: v3.2.0
kind: DataContract
id: statistics.table
name: 年鉴表
version: 1.0.0
status: active
domain: statistics
tenant: 统计局
description: {{purpose: 一个地区一行}}
servers: [{{server: book, type: local, path: "*.xls*", format: xlsx}}]
customProperties:
  - {{property: delivery, value: snapshot}}
schema:
  - name: table
    properties:
      - {{name: area, businessName: {area}, logicalType: string, required: true, primaryKey: true}}
"""
NUMBER = "      - {{name: n{place}, businessName: {title}, logicalType: number}}\n"


@dataclass(frozen=True)
class Table:
    """A sheet, its merged cells, the headings that the contract names, and the rows that it should give."""

    rows: Sequence[Row]
    merged: Sequence[str]
    titles: Sequence[str]
    expected: Sequence[Row]
    old: bool = False


TABLES = {
    "empty merged cell, English below, notes": Table(
        [
            ["12-5  各地区水果产量（2019年）"],
            [N, N, N, N, "单位：万吨"],
            ["地  区\nRegion", "水果产量", N, N, "果园面积"],
            [N, N, "苹果", "梨", N],
            [N, "Output", "Apples", "Pears", "Area"],
            ["全  国", "2,700.5", 100.5, "…", 20],
            ["北  京", 10, "—", 3, "-"],
            ["  天津", N, "１２３", "４．５", " 1 002"],
            ["注：1.本表数据来自抽样调查，不含军队农场和监狱农场。"],
            ["    2.水果产量含瓜果类，与以前年份不可比，详见说明。"],
        ],
        ["A1:E1", "A3:A4", "B3:B4", "C3:D3", "E3:E4"],
        ["地区", "水果产量", "苹果", "梨", "果园面积"],
        [("全 国", 2700.5, 100.5, N, 20), ("北 京", 10, N, 3, N), ("天津", N, 123, 4.5, 1002)],
    ),
    "a heading parted over two rows, nothing merged": Table(
        [
            ["3-2 农作物产量"],
            ["单位：吨"],
            ["地  区", "粮食", N, N, "棉花"],
            [N, "产量", "谷物", "豆类", N],
            ["甲  区", 1.0, 2.0, 3.0, 4.0],
            ["乙  区", 5.0, 6.0, 7.0, 8.0],
        ],
        [],
        ["地区", "粮食产量", "谷物", "豆类", "棉花"],
        [("甲 区", 1, 2, 3, 4), ("乙 区", 5, 6, 7, 8)],
        old=True,
    ),
    "three rows, empty merged cells within each other": Table(
        [
            ["粮油产量"],
            ["地区", "粮食", N, N, N, N, "油料", N],
            [N, N, "谷物", N, N, "豆类", N, "花生"],
            [N, N, N, "稻谷", "小麦", N, N, N],
            ["甲区", 10.0, 8.0, 5.0, 3.0, 2.0, 4.0, 1.0],
        ],
        ["A1:H1", "A2:A4", "B2:B4", "C2:F2", "C3:C4", "D3:E3", "F3:F4", "G2:G4", "H3:H4"],
        ["地区", "粮食", "粮食-谷物", "稻谷", "谷物小麦", "粮食-豆类", "油料", "油料-花生"],
        [("甲区", 10, 8, 5, 3, 2, 4, 1)],
        old=True,
    ),
    "a continued table with a unit row": Table(
        [
            ["人口"], ["地区", "人口", N], [N, "男", "女"], ["甲区", 1, 2],
            ["续表"], ["单位：人"], ["地区", "人口", N], [N, "男", "女"], ["乙区", 3, 4],
        ],
        ["A1:C1", "A2:A3", "B2:C2", "A5:C5", "A7:A8", "B7:C7"],
        ["地区", "男", "女"],
        [("甲区", 1, 2), ("乙区", 3, 4)],
    ),
    "years below two headings": Table(
        [["面积和产量"], ["地区", "面积", N, "产量", N], [N, 2019, 2020, 2019, 2020], ["甲区", 1, 2, 3, 4]],
        ["A1:E1", "A2:A3", "B2:C2", "D2:E2"],
        ["地区", "面积-2019", "面积2020", "产量-2019", "产量-2020"],
        [("甲区", 1, 2, 3, 4)],
    ),
    "a title that ends before the table, a unit over two columns": Table(
        [
            ["就业人数", N, N, N],
            [N, N, "单位:人", N],
            ["年份", "合计", "其中", N],
            [N, N, "城镇", "乡村"],
            ["2018", 9, 5, 4],
        ],
        ["A1:C1", "C2:D2", "A3:A4", "B3:B4"],
        ["年份", "合计", "城镇", "乡村"],
        [("2018", 9, 5, 4)],
    ),
    "an empty first column, blanks for nothing": Table(
        [
            [N, "标题"],
            [N, "地区", "工业", N, "农业"],
            [N, N, "轻", "重", N],
            [N, "甲区", 1.0, 2.0, 3.0],
            [N, "乙区", "……", 2.0, "      "],
        ],
        ["B2:B3", "C2:D2", "E2:E3"],
        ["地区", "轻", "重", "农业"],
        [("甲区", 1, 2, 3), ("乙区", N, 2, N)],
        old=True,
    ),
    "names in two languages beside each other": Table(
        [
            ["15-1 教育"], ["地区", N, "学校数", "学生数"], ["Region", N, "Schools", "Students"],
            ["全国", "National Total", 10, 20], ["北京", "Beijing", 3, 4],
        ],
        ["A2:B2", "A3:B3"],
        ["地区", "学校数", "学生数"],
        [("全国", 10, 20), ("北京", 3, 4)],
    ),
    "a row that numbers the columns": Table(
        [["统计表"], ["指标", "数量", "比重"], ["甲", 1, 2], ["总户数", 100, 1.5], ["单位负责人：", N, "填表人："]],
        [],
        ["指标", "数量", "比重"],
        [("总户数", 100, 1.5)],
    ),
    "wide blanks and digits": Table(
        [["　　　　表１１"], ["地　　区", "总　产　值（万元）"], ["烟　台　市", 1.0], ["　　福山区", "３，０００"]],
        [],
        ["地区", "总产值(万元)"],
        [("烟 台 市", 1), ("福山区", 3000)],
        old=True,
    ),
    "three rows below two titles": Table(
        [
            ["附表2"], ["各区县卫生机构"], ["地区", "机构数", N, N, N], [N, "合计", "医院", N, "诊所"],
            [N, N, "公立", "民营", N], ["甲区", 6, 1, 2, 3],
        ],
        ["A1:E1", "A2:E2", "A3:A5", "B3:E3", "B4:B5", "C4:D4", "E4:E5"],
        ["地区", "机构数-合计", "公立", "医院民营", "诊所"],
        [("甲区", 6, 1, 2, 3)],
    ),
    "text over columns, as filled merged cells": Table(
        [["表"], ["地区", "其中面积", N, "其中产量", N], [N, "旱地", "水田", "旱地", "水田"], ["甲区", 1, 2, 3, 4]],
        ["A1:E1", "A2:A3", "B2:C2", "D2:E2"],
        ["地区", "其中面积-旱地", "其中面积水田", "其中产量-旱地", "其中产量-水田"],
        [("甲区", 1, 2, 3, 4)],
        old=True,
    ),
}  # fmt: skip


def written(table: Table, folder: Path) -> Path:
    path = folder / ("年鉴.xls" if table.old else "年鉴.xlsx")
    if not table.old:
        workbook = openpyxl.Workbook()
        sheet = workbook.active
        assert sheet is not None
        for row in table.rows:
            sheet.append(row)
        for area in table.merged:
            sheet.merge_cells(area)
        workbook.save(path)
        return path
    book = xlwt.Workbook(encoding="utf-8")
    old = book.add_sheet("表", cell_overwrite_ok=True)
    for number, row in enumerate(table.rows):
        for place, cell in enumerate(row):
            if cell is not None:
                old.write(number, place, cell)
    for area in table.merged:
        left, top, right, bottom = (int(side or 0) - 1 for side in range_boundaries(area))
        cells = table.rows[top]
        text = cells[left] if left < len(cells) and cells[left] is not None else ""
        old.write_merge(top, bottom, left, right, text)
    book.save(str(path))
    return path


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_read_as_a_person_reads_it(name: str, tmp_path: Path, engine: Engine) -> None:
    table = TABLES[name]
    area, *titles = table.titles
    text = CONTRACT.format(area=area) + "".join(
        NUMBER.format(place=place, title=title) for place, title in enumerate(titles, start=1)
    )
    (tmp_path / "table.yaml").write_text(text, encoding="utf-8")
    contract = read_contract(tmp_path / "table.yaml")
    home = Home(tmp_path / "home")
    lake = Lake(home.lake)
    library = Library((contract,), ())
    (receipt,) = reception.deliver(home, library, [written(table, tmp_path)], DAY, datetime(2026, 3, 2))
    assert (receipt.status, receipt.missing) == ("received", ())
    with engine.connect() as connection:
        context = BatchContext(connection, lake, library, engine.codes, DAY)
        assert extract(context, home, contract).refused == ()
        standard = standardise(context, contract, no_corrections())
        assert standard is not None
        names = ", ".join(column.name for column in contract.columns)
        wrong = " + ".join(f"count(n{place}__delivered)" for place in range(1, len(titles) + 1))
        rows = connection.execute(f"SELECT {names} FROM {standard.scan} ORDER BY _row").fetchall()
        assert connection.execute(f"SELECT {wrong} FROM {standard.scan}").fetchall() == [(0,)]
    assert rows == [tuple(row) for row in table.expected]
