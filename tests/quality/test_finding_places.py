"""Where a finding says that its row is: the row and sheet a person sees in the file, whatever tells rows apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest

from quality.findings.verify import verify
from quality.published import findings_of
from schemas.contract.library import Library
from schemas.contract.odcs import read_contract
from warehouse.collect.extracts.extract import extract
from warehouse.collect.intake import reception
from warehouse.engine.connection import Engine
from warehouse.home.folders import Home
from warehouse.incremental.context import BatchContext
from warehouse.lake.partition import Partition
from warehouse.lake.store import Lake
from warehouse.lake.thresholds import Thresholds
from warehouse.standard.standardise import no_corrections, standardise

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
DAYS = [date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)]
HEAD = ["学籍号", "入学日期"]


@dataclass
class School:
    """A home with one dataset, and the way from a workbook to its findings."""

    folder: Path
    library: Library
    engine: Engine

    @property
    def lake(self) -> Lake:
        return Lake(
            self.folder / "lake", thresholds=Thresholds(few_rows=0, affected_share=1.0, changed_share=1.0)
        )

    @property
    def workbook(self) -> Path:
        return self.folder.parent / "学籍.xlsx"

    def write(self, sheets: dict[str, list[list[str]]]) -> None:
        workbook = openpyxl.Workbook()
        workbook.remove(workbook.worksheets[0])
        for name, rows in sheets.items():
            sheet = workbook.create_sheet(name)
            for row in [HEAD, *rows]:
                sheet.append(row)
        workbook.save(self.workbook)

    def turn(self, day: date) -> tuple[str, Partition]:
        """Deliver the workbook and verify what is in it: the delivery, and the findings."""
        home, contract, codes = Home(self.folder), self.library["school.roll"], self.engine.codes
        (receipt,) = reception.deliver(home, self.library, [self.workbook], day, datetime(2026, 3, 2))
        with self.engine.connect() as connection:
            opened = BatchContext(connection, self.lake, self.library, codes, day)
            extract(opened, home, contract)
            standardise(opened, contract, no_corrections())
            found = verify(opened, contract)
        assert found is not None
        return receipt.extract_id, found

    def places(self, relation: str) -> list[tuple[object, ...]]:
        query = f"SELECT rule, record_key, sheet, row_number, extract_id FROM {relation} ORDER BY ALL"
        with self.engine.connect() as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def school(engine: Engine, tmp_path: Path) -> School:
    path = tmp_path / "roll.yaml"
    path.write_text(CONTRACT, encoding="utf-8")
    return School(tmp_path / "home", Library((read_contract(path),), ()), engine)


def test_findings_on_the_same_row_of_two_sheets_are_two_and_name_their_sheets(school: School) -> None:
    rows = [["A1", "2020-09-01"], ["A2", "去年"]]
    school.write({"一中": rows, "二中": rows})
    delivery, found = school.turn(DAYS[0])
    assert school.places(found.scan) == [
        ("type", "A2", "一中", 3, delivery),
        ("type", "A2", "二中", 3, delivery),
        ("uniqueness", "A1", "二中", 2, delivery),
        ("uniqueness", "A2", "二中", 3, delivery),
    ]
    with school.engine.connect() as connection:
        (ids,) = connection.execute(f"SELECT count(DISTINCT finding_id) FROM {found.scan}").fetchall()
    assert ids == (4,)


def test_a_published_finding_names_the_newest_delivery_and_the_place_there(school: School) -> None:
    many = [[f"B{number}", "2020-09-01"] for number in range(20)]
    school.write({"一中": [["A1", "去年"], ["A2", "前年"], *many], "二中": [["A3", "大前年"]]})
    first, _ = school.turn(DAYS[0])
    # One stands in the second sheet now, one a row higher, one at the end of the first sheet, as many rows from the
    # beginning of the file as it was; one is new.
    new = [["C1", "2020-09-01"], ["C2", "2020-09-01"]]
    later = {
        "一中": [["A2", "前年"], *many, *new, ["A3", "大前年"]],
        "二中": [["A1", "去年"], ["A4", "明年"]],
    }
    school.write(later)
    second, found = school.turn(DAYS[1])
    expected = [("A1", "二中", 2), ("A2", "一中", 2), ("A3", "一中", 25), ("A4", "二中", 3)]
    # In the lake they are as they came first: nothing has been found anew.
    assert [row[-1] for row in school.places(found.scan)] == [first, first, first, second]
    published = [school.places(f"({findings_of(school.lake, school.library, day)})") for day in DAYS[:2]]
    assert published[0] == [
        ("type", "A1", "一中", 2, first),
        ("type", "A2", "一中", 3, first),
        ("type", "A3", "二中", 2, first),
    ]
    assert published[1] == [("type", *place, second) for place in expected]
    # The same file again, byte by byte.
    third, _ = school.turn(DAYS[2])
    assert third != second
    again = school.places(f"({findings_of(school.lake, school.library, DAYS[2])})")
    assert again == [("type", *place, third) for place in expected]
