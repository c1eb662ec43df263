"""No value is changed or dropped without a finding, a remark or a refusal: files of public reports of such faults."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from schemas.contract.library import load_library
from schemas.contract.model import Contract
from schemas.emit.sql import quote
from warehouse.collect.extracts.delivery_checks import remarks
from warehouse.collect.layouts import layout_of
from warehouse.collect.readers.layout import Reading, UnreadableFile
from warehouse.collect.readers.registry import read
from warehouse.engine.connection import Engine
from warehouse.standard.values import value_of

CASES = Path(__file__).parents[2] / "data" / "reading"
CONTRACTS = {contract.id: contract for contract in load_library([CASES], shipped=False).contracts}


def standard_of(engine: Engine, name: str, tmp_path: Path) -> tuple[Reading, list[list[str]], Contract]:
    """The file of a case as the standard table has it, every value as text."""
    contract = CONTRACTS[f"probe.{name}"]
    (path,) = (each for each in (CASES / name).iterdir() if each.stem == name)
    file = tmp_path / path.name
    shutil.copy(path, file)
    delivery = contract.deliveries[0]
    with engine.connect() as connection:
        reading = read(file, layout_of(contract, delivery), connection, "t", spool=tmp_path / "spool")
        values = ", ".join(
            f"CAST({value_of(column, quote(column.name), engine.codes)} AS VARCHAR)"
            for column in contract.delivered_columns
        )
        found = connection.execute(f"SELECT {values} FROM t ORDER BY _row").fetchall()
    return reading, [["" if value is None else value for value in row] for row in found], contract


WITH_CONTENT = sorted(path.parent.name for path in CASES.glob("*/expected.csv"))


@pytest.mark.parametrize("name", WITH_CONTENT)
def test_a_file_has_the_content_that_its_report_calls_right(
    engine: Engine, name: str, tmp_path: Path
) -> None:
    _, found, contract = standard_of(engine, name, tmp_path)
    with (CASES / name / "expected.csv").open(encoding="utf-8", newline="") as file:
        titles, *expected = csv.reader(file)
    names = [column.name for column in contract.delivered_columns]
    places = [names.index(title) for title in titles]
    assert [[row[place] for place in places] for row in found] == expected


@pytest.mark.parametrize(
    ("name", "first", "said"),
    [
        ("copen_quote", ["A1", "未闭合,10 A2,甲,20 A3,乙", "30.0"], ["第 2 行：跨了几行"]),
        ("cwide_receipt", ["A1", "末"], ["多出的列（未读取）：列0、列1、", "等共 3,000 列"]),
        ("xerror_new", ["A1", ""], ["第 2、3 行：列“备注说明”的单元格显示的是错误值"]),
        ("xhidden_rows", ["A1", "x"], ["第 3 行：是隐藏或被筛选掉的行"]),
        (
            "xhidden_column",
            ["A1", "新值"],
            ["列“备注说明”有同名的隐藏列", "多出的列（未读取）：隐藏列：备注说明"],
        ),
        ("xnocache", ["A1", "", ""], ["第 2 行：列“金额”“备注说明”的公式没有保存计算结果"]),
        # A percentage beside numbers is no number: a finding of type.
        ("xpercent_mixed", ["A1", ""], []),
        ("sfloat_id", ["A0", "370602208901011264"], ["列“rid”的长号码像是曾被当作数字"]),
        ("cbackslash", ["A1", '他说"好"'], ["文字里的引号前有反斜杠"]),
        ("cspace_quote", ["A1", "甲,乙", "10.0"], ["引号前后有空格"]),
        # Sequence 998: born in 1899, not in 1999. 21+63+0+30+0+8+2+8+54+27+0+9+0+5+72+36+16 = 351; 351 mod 11 = 10: 2.
        ("icentenary15", ["A1", "370602189901019982"], []),
        ("iforeign9", ["A1", "937156208905051238"], []),
    ],
)
def test_a_file_that_is_doubtful_is_read_and_said_to_be(
    engine: Engine, name: str, first: Sequence[str], said: Sequence[str], tmp_path: Path
) -> None:
    reading, found, contract = standard_of(engine, name, tmp_path)
    assert found[0] == first
    told = "\n".join(remarks(contract, reading))
    assert all(part in told for part in said), told
    assert bool(told) == bool(said)


def test_utf_8_with_half_a_character_is_refused_with_its_row(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"第 4 行.*不是有效的 UTF-8 文字.*请用 Excel 或 WPS"):
        standard_of(engine, "cmojibake", tmp_path)
