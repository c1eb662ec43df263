"""Workbooks encrypted with Excel's default password are read; with any other password they are refused."""

from __future__ import annotations

import io
from pathlib import Path

import duckdb
import msoffcrypto
import openpyxl
import pytest
from msoffcrypto.format.ooxml import OOXMLFile

from warehouse.collect.infer.draft import draft_contract
from warehouse.collect.readers.layout import Layout, LayoutColumn, UnreadableFile
from warehouse.collect.readers.registry import read, recognise
from warehouse.collect.readers.sheets.guards.unlocking import unlocked
from warehouse.collect.readers.sheets.guards.xls_guard import EncryptedWorkbook
from warehouse.isolation import reading

CASES = Path(__file__).parents[2] / "data" / "layouts"
LAYOUT = Layout(
    "xlsx", (LayoutColumn("item", ("指标",), key=True), LayoutColumn("unit", ("单位",))), sheet="1"
)


def encrypted(path: Path, password: str) -> Path:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.title = "1"
    for row in (["指标", "单位"], ["面积", "公顷"]):
        sheet.append(row)
    plain, locked = io.BytesIO(), io.BytesIO()
    workbook.save(plain)
    OOXMLFile(plain).encrypt(password, locked)
    path.write_bytes(locked.getvalue())
    return path


def rows_of(path: Path) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        read(path, LAYOUT, connection, "t", spool=path.parent)
        return connection.execute("FROM t").fetchall()


def test_an_old_workbook_with_the_default_password_is_read() -> None:
    assert rows_of(CASES / "default_password.xls")[1][1:] == ("  行政区域土地面积", "平方公里")


def test_a_workbook_with_the_default_password_is_read(tmp_path: Path) -> None:
    path = encrypted(tmp_path / "a.xlsx", "VelvetSweatshop")
    assert rows_of(path) == [(2, "面积", "公顷")]
    assert "指标" in draft_contract(path, "a.b", None)


def test_one_with_another_password_is_refused(tmp_path: Path) -> None:
    path = encrypted(tmp_path / "a.xlsx", "1234")
    with pytest.raises(UnreadableFile, match="设了打开密码。请取消密码"):
        recognise(path, LAYOUT)


def test_a_damaged_old_workbook_is_no_endless_work() -> None:
    data = bytearray((CASES / "default_password.xls").read_bytes())
    record = data.index(b"\x2f\x00")
    data[record + 4 : record + 60] = bytes(56)
    with pytest.raises(EncryptedWorkbook):
        unlocked(bytes(data))


def test_what_asks_for_too_many_rounds_is_refused(tmp_path: Path) -> None:
    data = encrypted(tmp_path / "a.xlsx", "VelvetSweatshop").read_bytes()
    assert b'spinCount="100000"' in data
    with pytest.raises(EncryptedWorkbook):
        unlocked(data.replace(b'spinCount="100000"', b'spinCount="999999999"'))


def test_an_old_code_page_is_read() -> None:
    layout = Layout("xlsx", (LayoutColumn("name", ("校名",), key=True), LayoutColumn("place", ("所在地",))))
    with duckdb.connect() as connection:
        read(CASES / "mac_codepage.xls", layout, connection, "t", spool=CASES)
        assert connection.execute("FROM t").fetchall() == [(2, "甲大学", "甲市"), (3, "乙学院", "乙市")]
    assert (
        msoffcrypto.OfficeFile(io.BytesIO((CASES / "mac_codepage.xls").read_bytes())).is_encrypted() is False
    )


def test_a_worker_reads_it_too() -> None:
    """It may write no file, and the library that decrypts wants to: deliveries and samples are read by workers."""
    path = CASES / "default_password.xls"
    assert reading.recognise(path, LAYOUT).sheet == "1"
    assert "# Not read, the other sheets: CNKI." in draft_contract(path, "a.b", None)
