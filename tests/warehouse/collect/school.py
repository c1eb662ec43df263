"""A school with one dataset, of which everything or changes may be delivered, and the means to deliver to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

from schemas.codes import CodeLibrary
from schemas.contract.library import Library
from schemas.contract.odcs import read_contract
from warehouse.collect.extracts.extract import Extraction, extract
from warehouse.collect.intake import reception
from warehouse.collect.intake.reception import Receipt
from warehouse.home.folders import Home
from warehouse.incremental.context import BatchContext
from warehouse.lake.partition import Partition
from warehouse.lake.store import Lake
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
description: {{purpose: 一名学生一行}}
servers:
  - server: whole
    type: local
    path: 学籍全量*.csv
    format: csv
    customProperties: [{{property: delivery, value: snapshot}}]
  - {{server: changes, type: local, path: 学籍*.csv, format: csv}}
customProperties:
  - {{property: delivery, value: {mode}}}
  {more}
schema:
  - name: roll
    properties:
      - {{name: student_no, businessName: 学籍号, logicalType: string, required: true, primaryKey: true}}
      - {{name: name, businessName: 姓名, logicalType: string}}
      - {{name: entered_on, businessName: 入学日期, logicalType: date}}
      - {{name: change, businessName: 变更类型, logicalType: string}}
"""
REMOVED = "- {property: change, value: {column: change, removed: [删除, D]}}"
FIRST = date(2026, 3, 2)
HEAD = "学籍号,姓名,入学日期,变更类型\n"


@dataclass
class School:
    """A home and a lake with one dataset, and the means to deliver to it."""

    home: Home
    lake: Lake
    library: Library
    connection: duckdb.DuckDBPyConnection
    codes: CodeLibrary
    minutes: int = 0

    def deliver(self, name: str, text: str, day: date = FIRST, *, confirm: str | None = None) -> Receipt:
        path = self.home.root / name
        path.write_text(text, encoding="utf-8")
        self.minutes += 1
        at = datetime(2026, 3, 2, 8) + timedelta(minutes=self.minutes)
        (receipt,) = reception.deliver(
            self.home, self.library, [path], day, at, reception.Terms(confirm=confirm)
        )
        return receipt

    def on(self, day: date) -> BatchContext:
        return BatchContext(self.connection, self.lake, self.library, self.codes, day)

    def extract(self, day: date = FIRST) -> Extraction:
        return extract(
            self.on(day),
            self.home,
            self.library["school.roll"],
        )

    def standard(self, day: date = FIRST) -> Partition:
        contract = self.library["school.roll"]
        partition = standardise(
            self.on(day),
            contract,
            no_corrections(),
        )
        assert partition is not None
        return partition

    def rows(self, day: date = FIRST, columns: str = "student_no, name") -> list[tuple[object, ...]]:
        scan = self.standard(day).scan
        return self.connection.execute(f"SELECT {columns} FROM {scan} ORDER BY _row").fetchall()


SchoolOf = Callable[[Path, str, str], School]
"""A school in a folder, as its contract says: how files come by themselves, and more."""


def a_school(
    folder: Path, mode: str, more: str, connection: duckdb.DuckDBPyConnection, codes: CodeLibrary
) -> School:
    path = folder / "roll.yaml"
    path.write_text(CONTRACT.format(mode=mode, more=more), encoding="utf-8")
    home = Home(folder / "home")
    home.root.mkdir()
    return School(home, Lake(home.lake), Library((read_contract(path),), ()), connection, codes)


def day(number: int) -> date:
    return FIRST + timedelta(days=number - 1)
