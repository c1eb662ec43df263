"""Of a snapshot of text only the lines are read that are new: the outcome is that of reading the whole file.

The oracle is the platform itself with nothing to rest on.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any

import duckdb
import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from schemas.codes import CodeLibrary
from schemas.contract.library import Library
from schemas.contract.model import Contract
from schemas.contract.odcs import read_contract
from warehouse.collect.extracts import line_diff, read_delivery
from warehouse.collect.extracts.extract import NOTHING_NEW, extract
from warehouse.collect.intake import reception
from warehouse.collect.intake.reception import READING
from warehouse.collect.readers import staging
from warehouse.collect.readers.text import line_hash
from warehouse.engine.connection import Engine
from warehouse.home.folders import Home
from warehouse.incremental.context import BatchContext
from warehouse.lake.partition import Partition
from warehouse.lake.store import Lake
from warehouse.lake.thresholds import Thresholds

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
  - {server: local, type: local, path: 学籍*.csv, format: csv}
customProperties:
  - {property: volume, value: {handling: warn}}
  - {property: limits, value: {one_value: null, form: null, keys_lost: null, rows_repeated: null, cut_off: null}}
schema:
  - name: roll
    properties:
      - {name: student_no, businessName: 学籍号, logicalType: string, required: true, primaryKey: true}
      - {name: name, businessName: 姓名, logicalType: string}
      - {name: entered_on, businessName: 入学日期, logicalType: date}
"""
HEAD = "学籍号,姓名,入学日期"
DAYS = [date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)]


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    path = tmp_path_factory.mktemp("contract") / "roll.yaml"
    path.write_text(CONTRACT, encoding="utf-8")
    return read_contract(path)


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    spill = tmp_path_factory.mktemp("spill")
    with Engine(spill, CodeLibrary(), folders=(Path(gettempdir()),)).connect() as opened:
        yield opened


@pytest.fixture(scope="module", autouse=True)
def short_measures() -> Iterator[None]:
    """Files pass in pieces of a few lines, and however much has changed, it is written as changes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_hash, "_CHUNK", 64)
        for module in (staging, line_diff):
            patch.setattr(module, "TAIL_ROWS", 3)
        yield


@dataclass(frozen=True)
class School:
    """A home to which one dataset is delivered, day after day."""

    home: Home
    contract: Contract
    connection: duckdb.DuckDBPyConnection

    def extract(self, data: bytes, day: date) -> tuple[Partition | None, dict[str, Any]]:
        """The partition, and what is told of the file beside its receipt or in its refusal."""
        path = self.home.root / "学籍.csv"
        path.write_bytes(data)
        at = datetime(day.year, day.month, day.day, 8)
        (receipt,) = reception.deliver(self.home, Library((self.contract,), ()), [path], day, at)
        if receipt.dataset is None or receipt.status == "set_aside":
            return None, {"message": receipt.message}
        lake = Lake(self.home.lake, thresholds=Thresholds(changed_share=100.0))
        library = Library((self.contract,), ())
        found = extract(
            BatchContext(self.connection, lake, library, CodeLibrary(), day),
            self.home,
            self.contract,
        )
        if found.refused:
            return None, {"message": found.refused[0][1]}
        told = json.loads((receipt.path.parent / READING).read_text(encoding="utf-8"))
        return found.partition, told

    def rows(self, partition: Partition) -> Counter[tuple[object, ...]]:
        cells = f"SELECT student_no, name, entered_on FROM {partition.scan}"
        return Counter(self.connection.execute(cells).fetchall())


def school(folder: Path, contract: Contract, connection: duckdb.DuckDBPyConnection) -> School:
    folder.mkdir(parents=True, exist_ok=True)
    return School(Home(folder), contract, connection)


A_RECORD = "G01,张一,2019-09-01"
RECORDS = st.builds(
    "G{:02d},张{},2019-09-0{}".format, st.integers(0, 12), st.sampled_from("一二三"), st.integers(1, 3)
)
# What people write between, beside and below the records.
ODDITIES = st.sampled_from(
    [
        *("", " ", ",,", "G1,短", "G2,长,2019-09-01,多", "合计,3,", "说明：全市,,", "注,G5,"),
        *(HEAD, '"G3","有,号",', '"G4,""引""",,'),
    ]
)
BROKEN = st.sampled_from(
    ['G6,"跨\n行",2019-09-01', 'G7,前"后,', 'G8,"没有配对,', "G9,控\x1e制,", "G10,回\r车,"]
)
LINE = st.one_of(RECORDS, RECORDS, RECORDS, ODDITIES)


@st.composite
def two_files(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """A file, and the same with some lines gone, some put in, and some elsewhere."""
    before = draw(st.lists(LINE, min_size=1, max_size=12))
    after = list(before)
    for _ in range(draw(st.integers(0, 3))):
        after.insert(draw(st.integers(0, len(after))), draw(st.one_of(LINE, LINE, LINE, BROKEN)))
        if draw(st.booleans()):
            after.pop(draw(st.integers(0, len(after) - 1)))
    if draw(st.booleans()):
        after = draw(st.permutations(after))
    return before, after


@settings(max_examples=20, deadline=None)
@given(
    files=two_files(),
    codec=st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]),
    end=st.sampled_from(["\n", "\r\n"]),
)
@example(files=([""], [""]), codec="utf-16", end="\n")
@example(files=([A_RECORD, "合计,1,"], ["合计,1,", A_RECORD]), codec="utf-8", end="\n")
@example(
    files=([A_RECORD, ",注意,", "G02,张二,2019-09-01"], [A_RECORD, "G02,张二,2019-09-01", ",注意,"]),
    codec="utf-8",
    end="\n",
)
@example(files=(["G1,短", "G02,张一,"], ["G03,张一,", "G1,短", "G02,张一,"]), codec="gb18030", end="\n")
@example(files=(["G02,张一,", "G03,张二,"], ['G02,"张一,', 'G03,"张二,']), codec="gb18030", end="\r\n")
def test_a_file_after_another_is_read_as_by_itself(
    contract: Contract,
    connection: duckdb.DuckDBPyConnection,
    files: tuple[list[str], list[str]],
    codec: str,
    end: str,
) -> None:
    first, second = (end.join([HEAD, *text]).encode(codec) for text in files)
    with TemporaryDirectory() as folder:
        one = school(Path(folder) / "one", contract, connection)
        one.extract(first, DAYS[0])
        partition, told = one.extract(second, DAYS[1])
        alone = school(Path(folder) / "alone", contract, connection)
        expected, expected_told = alone.extract(second, DAYS[1])
        if partition is not None:
            # That there are no rows any more, or no other ones, is told only where there were some.
            said = (*partition.facts["unusual"], NOTHING_NEW)
            told["remarks"] = [remark for remark in told["remarks"] if remark not in said]
        assert told == expected_told
        assert (partition is None) == (expected is None)
        if partition is not None and expected is not None:
            event("rests on the first" if len(partition.parts) > 1 else "written whole")
            assert one.rows(partition) == alone.rows(expected)
            assert partition.facts["notes"] == expected.facts["notes"]
            assert partition.facts["snapshot_rows"] == expected.facts["snapshot_rows"]


def roll(names: dict[int, str]) -> bytes:
    """A roll of a hundred students, some of them by other names."""
    records = (f"G{number:03d},{names.get(number, '张三')},2019-09-01" for number in range(100))
    return "\n".join([HEAD, *records, ""]).encode("gb18030")


def test_of_a_file_with_few_changes_only_these_are_read(
    contract: Contract, connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = school(tmp_path, contract, connection)
    base, _ = one.extract(roll({}), DAYS[0])
    assert base is not None

    def not_now(*_: object, **__: object) -> None:
        raise AssertionError("the whole file is read")

    monkeypatch.setattr(read_delivery, "read", not_now)
    second, told = one.extract(roll({7: "李四"}), DAYS[1])
    third, _ = one.extract(roll({7: "李四", 8: "王五"}), DAYS[2])
    assert second is not None and third is not None
    assert told["rows"] == 100
    # One row is new, and one is gone.
    assert [(part.rows, part.lost) for part in third.parts] == [(100, 0), (1, 1), (1, 1)]
    renamed = f"SELECT student_no, name, _line FROM {third.scan} WHERE name <> '张三' ORDER BY ALL"
    assert connection.execute(renamed).fetchall() == [("G007", "李四", 9), ("G008", "王五", 10)]


def test_rows_lie_in_the_order_of_the_file(
    contract: Contract, connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_hash, "_CHUNK", 1 << 20)
    # More than one group of rows, for several threads to write.
    records = (f"G{number:06d},张三,2019-09-01" for number in range(130_000))
    one = school(tmp_path, contract, connection)
    partition, _ = one.extract("\n".join([HEAD, *records]).encode("gb18030"), DAYS[0])
    assert partition is not None
    written = partition.scan.replace("hive_partitioning = false", "file_row_number = true")
    rows = connection.execute(
        f"SELECT _line, _hash IS NULL FROM {written} ORDER BY file_row_number"
    ).fetchnumpy()
    assert (rows["_line"] == range(2, 130_002)).all()
    assert not rows["(_hash IS NULL)"].any()


def test_the_same_bytes_below_other_headings_are_other_rows(
    contract: Contract, connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    one = school(tmp_path, contract, connection)
    one.extract(roll({}), DAYS[0])
    swapped = roll({}).replace(HEAD.encode("gb18030"), "姓名,学籍号,入学日期".encode("gb18030"))
    partition, _ = one.extract(swapped, DAYS[1])
    assert partition is not None
    assert one.rows(partition) == Counter(
        {("张三", f"G{number:03d}", "2019-09-01"): 1 for number in range(100)}
    )


def test_a_line_without_an_end_is_not_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_hash, "_LONGEST", 1000)
    path = tmp_path / "x.csv"
    path.write_text("a,b\n" + "1" * 2000, encoding="utf-8")
    with pytest.raises(line_hash.EndlessLine):
        list(line_hash.RecordLines(path, 1, 2).hashed())
