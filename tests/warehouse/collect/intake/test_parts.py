"""Snapshots in several files: what waits, what a sender is told, what is in force."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from schemas.codes import CodeLibrary
from schemas.contract.library import Library
from schemas.contract.model import Parts
from schemas.contract.odcs import read_contract
from tests.warehouse.collect.school import day
from warehouse.collect.extracts.extract import Extraction, extract
from warehouse.collect.intake import reception
from warehouse.collect.intake.parts import SnapshotPart, part_of, standing
from warehouse.collect.intake.reception import Receipt, refusal_of
from warehouse.engine.connection import Engine
from warehouse.home.folders import Home
from warehouse.incremental.context import BatchContext
from warehouse.lake.store import Lake

CASES = Path(__file__).parents[3] / "data" / "layouts"
CONTRACT = """
apiVersion: v3.2.0
kind: DataContract
id: tax.invoice
name: 发票
version: 1.0.0
status: active
domain: tax
tenant: 税务局
description: {{purpose: 一张发票一行}}
servers:
  - server: files
    type: local
    path: 企业代号=*.csv
    format: csv
    customProperties: [{parts}]
customProperties:
  - {{property: delivery, value: snapshot}}
schema:
  - name: invoice
    properties:
      - {{name: company, businessName: 企业代号, logicalType: string, required: true, primaryKey: true}}
      - {{name: number, businessName: 发票号码, logicalType: string, required: true, primaryKey: true}}
      - {{name: amount, businessName: 金额, logicalType: number}}
"""
BY_COUNT = "{property: parts, value: {name: '企业代号=(.+)[.]csv', count: 2}}"
HEAD = "企业代号,发票号码,金额\n"

Row = tuple[object, ...]


class Office:
    """A home with the one dataset, and the means to deliver to it."""

    def __init__(self, folder: Path, parts: str, connection: duckdb.DuckDBPyConnection) -> None:
        path = folder / "invoice.yaml"
        path.write_text(CONTRACT.format(parts=parts), encoding="utf-8")
        self.folder, self.home, self.connection = folder, Home(folder / "home"), connection
        self.lake = Lake(self.home.lake)
        self.library = Library((read_contract(path),), ())
        self.minutes = 0

    def deliver(self, path: Path, number: int = 1, *, confirm: str | None = None) -> list[Receipt]:
        self.minutes += 1
        at = datetime(2026, 3, 2, 8, self.minutes)
        return reception.deliver(
            self.home, self.library, [path], day(number), at, reception.Terms(confirm=confirm)
        )

    def part(self, name: str, rows: str, number: int = 1) -> Receipt:
        path = self.folder / f"企业代号={name}.csv"
        path.write_text(HEAD + rows, encoding="utf-8")
        (receipt,) = self.deliver(path, number)
        return receipt

    def extract(self, number: int = 1) -> Extraction:
        context = BatchContext(self.connection, self.lake, self.library, CodeLibrary(), day(number))
        return extract(context, self.home, self.library["tax.invoice"])

    def rows(self, found: Extraction) -> list[Row]:
        assert found.partition is not None
        query = f"SELECT company, number, amount FROM {found.partition.scan} ORDER BY ALL"
        return self.connection.execute(query).fetchall()


@pytest.fixture
def connection(engine: Engine) -> Iterator[duckdb.DuckDBPyConnection]:
    with engine.connect() as connection:
        yield connection


@pytest.fixture
def office(tmp_path: Path, connection: duckdb.DuckDBPyConnection) -> Office:
    return Office(tmp_path, BY_COUNT, connection)


def test_the_members_of_an_archive_are_one_snapshot(office: Office) -> None:
    first, second = office.deliver(CASES / "parts_of_one.zip")
    assert first.message.endswith("等待其余部分，已收到 1 份（A），应有 2 份，还缺 1 份")
    assert second.message.endswith("各部分已到齐")
    assert office.rows(office.extract()) == [
        ("A", "1", "10"), ("A", "2", "20"), ("B", "1", "10"), ("B", "2", "20"),
    ]  # fmt: skip


def test_an_incomplete_snapshot_waits_and_says_for_what(office: Office) -> None:
    office.part("A", "A,1,10\n")
    office.part("B", "B,1,10\n")
    assert len(office.rows(office.extract())) == 2
    receipt = office.part("A", "A,1,11\n", 2)
    found = office.extract(2)
    assert found.partition is None
    said = (
        "文件“企业代号=A.csv”：《发票》的各部分还不齐，暂不采用，继续使用先前的数据。"
        "已收到 1 份（A），应有 2 份，还缺 1 份。请交付其余部分。"
    )
    assert [message for _, message in found.refused] == [said]
    assert refusal_of(receipt) == said


def test_parts_of_several_days_come_into_force_with_the_last_of_them(office: Office) -> None:
    waiting = office.part("A", "A,1,10\n", 1)
    office.extract(1)
    second = office.part("B", "B,1,20\n", 3)
    assert second.message.endswith("各部分已到齐")
    assert office.rows(office.extract(3)) == [("A", "1", "10"), ("B", "1", "20")]
    assert refusal_of(waiting) is None
    # The same batch again is the same snapshot.
    again = office.extract(3)
    assert (office.rows(again), again.refused) == ([("A", "1", "10"), ("B", "1", "20")], ())
    # What was taken into force waits for nothing any more.
    office.part("B", "B,1,21\n", 4)
    assert office.extract(4).partition is None


def test_a_part_that_comes_again_takes_the_place_of_its_earlier_version(office: Office) -> None:
    office.part("A", "A,1,10\nA,2,20\n")
    office.part("B", "B,1,10\n")
    again = office.part("A", "A,1,99\n")
    assert "替换先前交付的 企业代号=A.csv" in again.message
    assert office.rows(office.extract()) == [("A", "1", "99"), ("B", "1", "10")]


def test_equal_parts_are_two_parts(office: Office) -> None:
    office.part("A", "X,1,10\n")
    assert office.part("B", "X,1,10\n").status == "received"
    assert office.rows(office.extract()) == [("X", "1", "10"), ("X", "1", "10")]


def test_a_part_that_cannot_be_read_keeps_the_others_waiting(office: Office) -> None:
    office.part("A", "A,1,10\n")
    broken = office.part("B", 'B,1,10\nB,"2,20\n')
    found = office.extract()
    assert found.partition is None
    assert {receipt.file: "第 3 行" in message for receipt, message in found.refused} == {
        "企业代号=A.csv": False,
        "企业代号=B.csv": True,
    }
    assert refusal_of(broken) is not None
    office.part("B", "B,1,10\nB,2,20\n")
    assert len(office.rows(office.extract())) == 3


def test_the_number_of_rows_is_judged_of_all_parts(office: Office) -> None:
    """Each part is less than half of the snapshot before; together they are not."""
    lines = "".join(f"A,{n},1\n" for n in range(10))
    office.part("A", lines)
    office.part("B", lines.replace("A", "B"))
    office.extract(1)
    office.part("A", lines, 2)
    office.part("B", "B,1,1\n", 2)
    found = office.extract(2)
    assert found.partition is not None
    assert found.partition.facts["unusual"] == []
    assert found.partition.facts["snapshot_rows"] == 11


def test_parts_by_name_and_a_file_that_is_none_of_them(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    parts = "{property: parts, value: {name: '企业代号=(.+)[.]csv', all: [A, C]}}"
    office = Office(tmp_path, parts, connection)
    assert office.part("A", "A,1,10\n").message.endswith("等待其余部分，还缺：C")
    other = office.part("B", "B,1,10\n")
    assert other.status == "set_aside"
    assert "“B”不是《发票》应有的部分，应有：A、C" in other.message


def test_several_snapshots_in_an_archive_are_refused_where_nothing_says_they_are_parts(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection
) -> None:
    office = Office(tmp_path, "{property: encodings, value: [utf-8]}", connection)
    every = office.deliver(CASES / "parts_of_one.zip")
    assert [receipt.status for receipt in every] == ["set_aside", "set_aside"]
    assert all("同一个压缩包里有几个文件都是《发票》的全量数据" in receipt.message for receipt in every)
    one = tmp_path / "a.zip"
    with zipfile.ZipFile(one, "w") as archive:
        archive.writestr("企业代号=A.csv", HEAD + "A,1,10\n")
    assert [receipt.status for receipt in office.deliver(one)] == ["received"]


@pytest.mark.parametrize(
    ("parts", "file", "part"),
    [
        (Parts(count=3), "目录.zip/甲区.csv", SnapshotPart("甲区")),
        (Parts("第(.+)部分", 2), "第一部分.csv", SnapshotPart("一")),
        (Parts("第(.+)部分", 2), "甲.csv", None),
        (Parts(r"_(\d+)of(?P<of>\d+)"), "a_2of3.csv", SnapshotPart("2", 3)),
        (Parts(r"共(?P<of>\d+)册之(?P<part>\w+)"), "共4册之一.xlsx", SnapshotPart("一", 4)),
    ],
)
def test_a_part_is_known_by_the_name_of_its_file(parts: Parts, file: str, part: SnapshotPart | None) -> None:
    assert part_of(parts, file) == part


def test_a_file_may_say_of_how_many_it_is_one() -> None:
    parts = Parts(r"_(\d+)of(?P<of>\d+)")
    assert (
        standing(parts, [SnapshotPart("1", 3), SnapshotPart("2", 3)]).waiting
        == "已收到 2 份（1、2），应有 3 份，还缺 1 份"
    )
    assert standing(parts, [SnapshotPart("1", 2), SnapshotPart("2", 2)]).waiting is None
    assert standing(Parts(count=1), [SnapshotPart("a"), SnapshotPart("b")]).waiting == (
        "已收到 2 份（a、b），应有 1 份，多出 1 份，请核对文件名或数据标准"
    )
