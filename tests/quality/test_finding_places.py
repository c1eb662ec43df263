"""Where a finding says that its row is: the row and sheet a person sees in the file, whatever tells rows apart."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import openpyxl

from quality.findings import verify
from schemas.library import Library
from schemas.odcs import read_contract
from warehouse.collect import desk
from warehouse.collect.extracts import extract
from warehouse.engine import Engine
from warehouse.home import Home
from warehouse.lake import Lake
from warehouse.standard import no_corrections, standardise

CONTRACT = """
apiVersion: v3.2.0
kind: DataContract
id: school.roll
name: 学籍
version: 1.0.0
status: active
domain: school
tenant: 教育局
description: {purpose: 一名学生一行}
servers:
  - server: delivery
    type: local
    path: 学籍*.xlsx
    format: xlsx
    customProperties: [{property: sheet, value: "*"}]
customProperties:
  - {property: delivery, value: snapshot}
schema:
  - name: roll
    properties:
      - {name: student_no, businessName: 学籍号, logicalType: string, required: true, primaryKey: true}
      - {name: entered_on, businessName: 入学日期, logicalType: date}
"""
BATCH = date(2026, 3, 2)


def test_findings_on_the_same_row_of_two_sheets_are_two_and_name_their_sheets(
    engine: Engine, tmp_path: Path
) -> None:
    path = tmp_path / "roll.yaml"
    path.write_text(CONTRACT, encoding="utf-8")
    library = Library((read_contract(path),), ())
    contract, codes, home, lake = (
        library["school.roll"],
        engine.codes,
        Home(tmp_path / "home"),
        Lake(tmp_path / "home" / "lake"),
    )
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.worksheets[0])
    for name in ("一中", "二中"):
        sheet = workbook.create_sheet(name)
        for row in (["学籍号", "入学日期"], ["A1", "2020-09-01"], ["A2", "去年"]):
            sheet.append(row)
    workbook.save(tmp_path / "学籍.xlsx")
    (receipt,) = desk.deliver(home, library, [tmp_path / "学籍.xlsx"], BATCH, datetime(2026, 3, 2))
    with engine.connect() as connection:
        extract(connection, home, lake, contract, BATCH)
        standardise(connection, lake, contract, codes, BATCH, no_corrections())
        found = verify(connection, lake, contract, library, codes, BATCH)
        assert found is not None
        rows = connection.execute(
            f"SELECT rule, sheet, row_number, extract_id FROM {found.scan} ORDER BY _row, rule"
        ).fetchall()
        (ids,) = connection.execute(f"SELECT count(DISTINCT finding_id) FROM {found.scan}").fetchall()
    assert rows == [
        ("type", "一中", 3, receipt.extract_id),
        ("uniqueness", "二中", 2, receipt.extract_id),
        ("type", "二中", 3, receipt.extract_id),
        ("uniqueness", "二中", 3, receipt.extract_id),
    ]
    assert ids == (4,)
