"""The reception desk: what a sender is told of a file, and where the file lies afterwards."""

from __future__ import annotations

import errno
import json
import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest

from schemas.contract.library import Library, load_library
from warehouse.collect.intake import reception
from warehouse.collect.intake.reception import Receipt
from warehouse.home.folders import Home

ROOT = Path(__file__).parents[4]
BATCH = date(2026, 3, 2)
AT = datetime(2026, 3, 2, 8, 30)

Copy = Callable[[Path, Path], None]

DWELLINGS = "房屋编码,坐落,村居代码,房屋用途,建筑面积,产权人电话\n1,南大街1号,370602001001,住宅,80,1\n"


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library([ROOT / "tests" / "data" / "bus" / "contracts"])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def dwellings(tmp_path: Path) -> Path:
    path = tmp_path / "房屋_20260302.csv"
    path.write_text(DWELLINGS, encoding="utf-8")
    return path


@pytest.fixture
def bus(tmp_path: Path) -> Path:
    path = tmp_path / "yantai_bus_20260302.sqlite"
    database = sqlite3.connect(path)
    database.executescript((ROOT / "docs" / "tutorial" / "bus.sql").read_text(encoding="utf-8"))
    database.close()
    return path


def deliver(
    home: Home, library: Library, *files: Path, dataset: str | None = None, at: datetime = AT
) -> list[Receipt]:
    return reception.deliver(home, library, files, BATCH, at, reception.Terms(dataset))


def kept(folder: Path) -> list[str]:
    """The files below a folder that are no receipts, by name."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".json")


def test_a_file_is_placed_by_its_name_and_its_receipt_says_what_was_found(
    home: Home, library: Library, dwellings: Path
) -> None:
    (receipt,) = deliver(home, library, dwellings)
    assert (receipt.status, receipt.message) == ("received", "已接收")
    assert (receipt.dataset, receipt.title, receipt.contract_version) == ("housing.dwelling", "房屋", "1.0.0")
    assert (receipt.form, receipt.encoding, receipt.header_row) == ("csv", "utf-8", 1)
    assert receipt.columns == ("dwelling_no", "address", "village_code", "usage", "floor_area")
    assert receipt.missing == ("building_no", "owner_name", "owner_id", "household_no")
    assert receipt.extra == ("产权人电话",)
    assert receipt.received_at == "2026-03-02T08:30:00"
    # printf '…' | sha256sum, of the bytes above
    assert receipt.sha256 == "330d7b2c68ad4e4e96ed932628fbb2b147c5daaf237f4a19f761b4636b5c99ff"
    assert receipt.size == len(DWELLINGS.encode())


def test_the_file_is_kept_untouched_beside_its_receipt(home: Home, library: Library, dwellings: Path) -> None:
    (receipt,) = deliver(home, library, dwellings)
    assert receipt.path.read_bytes() == dwellings.read_bytes()
    assert receipt.path.is_relative_to(home.inbox / "2026-03-02" / receipt.extract_id)
    written = json.loads((receipt.path.parent / "receipt.json").read_text(encoding="utf-8"))
    assert written["dataset"] == "housing.dwelling"
    assert str(home.root) not in json.dumps(written, ensure_ascii=False)
    assert reception.receipts(home.inbox, BATCH) == [receipt]


def test_the_same_bytes_again_are_a_repetition_and_change_nothing(
    home: Home, library: Library, dwellings: Path
) -> None:
    (first,) = deliver(home, library, dwellings)
    later = datetime(2026, 3, 2, 17, 0)
    renamed = dwellings.rename(dwellings.with_name("房屋_再次.csv"))
    (again,) = deliver(home, library, renamed, at=later)
    assert (again.status, again.extract_id) == ("repeated", first.extract_id)
    assert reception.receipts(home.inbox, BATCH) == [first]


def test_a_corrected_file_is_a_delivery_of_its_own(home: Home, library: Library, dwellings: Path) -> None:
    (first,) = deliver(home, library, dwellings)
    dwellings.write_text(DWELLINGS.replace("南大街1号", "南大街2号"), encoding="utf-8")
    (second,) = deliver(home, library, dwellings, at=datetime(2026, 3, 2, 9))
    assert (second.status, second.dataset) == ("received", "housing.dwelling")
    assert [receipt.sha256 for receipt in reception.receipts(home.inbox, BATCH)] == [
        first.sha256,
        second.sha256,
    ]


def test_a_file_of_another_name_is_placed_by_its_headings(
    home: Home, library: Library, dwellings: Path
) -> None:
    (receipt,) = deliver(home, library, dwellings.rename(dwellings.with_name("导出.csv")))
    assert (receipt.status, receipt.dataset) == ("received", "housing.dwelling")


def test_an_unknown_kind_of_file_is_set_aside_and_stops_nothing(
    home: Home, library: Library, dwellings: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "现场照片.jpg"
    picture.write_bytes(b"\xfe\xdc\xba")
    aside, received = deliver(home, library, picture, dwellings)
    assert (aside.status, aside.dataset) == ("set_aside", None)
    assert aside.message == (
        "文件“现场照片.jpg”：不认识这种文件，请按数据标准规定的格式（"
        "CSV、XLSX、XLS、DBF 或 SQLite 数据库，也可压缩成 ZIP）交付"
    )
    assert received.status == "received"
    assert (kept(home.aside), kept(home.inbox)) == (["现场照片.jpg"], ["房屋_20260302.csv"])
    assert reception.receipts(home.aside, BATCH)[0].message == aside.message


def test_headings_that_no_standard_has_are_refused_with_what_to_do(
    home: Home, library: Library, tmp_path: Path
) -> None:
    path = tmp_path / "名单.csv"
    path.write_text("甲,乙\n1,2\n", encoding="utf-8")
    (receipt,) = deliver(home, library, path)
    assert receipt.status == "set_aside"
    assert "请核对表头，或在交付时注明数据集" in receipt.message


def test_a_file_of_the_right_name_with_a_wrong_header_is_told_which_column_it_lacks(
    home: Home, library: Library, dwellings: Path
) -> None:
    dwellings.write_text(DWELLINGS.replace("房屋用途", "用途说明"), encoding="utf-8")
    (receipt,) = deliver(home, library, dwellings)
    assert (receipt.status, receipt.dataset, receipt.title) == ("set_aside", "housing.dwelling", "房屋")
    assert "缺少必需的列 “房屋用途”或“usage”" in receipt.message
    assert "南大街" not in receipt.message


def test_a_named_dataset_goes_before_the_file_s_name(home: Home, library: Library, dwellings: Path) -> None:
    path = dwellings.rename(dwellings.with_name("户籍人口.csv"))
    (receipt,) = deliver(home, library, path, dataset="housing.dwelling")
    assert (receipt.status, receipt.dataset) == ("received", "housing.dwelling")
    (other,) = deliver(home, library, path, dataset="police.population")
    assert (other.status, other.dataset) == ("set_aside", "police.population")
    with pytest.raises(KeyError):
        deliver(home, library, path, dataset="police.nothing")


def test_one_database_reaches_every_dataset_that_has_a_table_in_it(
    home: Home, library: Library, bus: Path
) -> None:
    receipts = deliver(home, library, bus)
    assert [(receipt.dataset, receipt.status) for receipt in receipts] == [
        ("transport.line", "received"),
        ("transport.line_station", "received"),
        ("transport.station", "received"),
    ]
    assert len({receipt.extract_id for receipt in receipts}) == 3
    assert kept(home.inbox) == [bus.name] * 3
    assert {receipt.status for receipt in deliver(home, library, bus)} == {"repeated"}


def test_a_database_without_a_table_that_a_standard_names_is_told_so(
    home: Home, library: Library, bus: Path
) -> None:
    database = sqlite3.connect(bus)
    database.execute("DROP TABLE ytcx_line_station")
    database.execute("ALTER TABLE ytcx_station RENAME COLUMN jingdu TO x")
    database.close()
    line, stops, station = deliver(home, library, bus)
    assert (line.dataset, line.status) == ("transport.line", "received")
    assert (stops.dataset, stops.status) == ("transport.line_station", "set_aside")
    assert "没有表“ytcx_line_station”" in stops.message
    assert (station.dataset, station.status) == ("transport.station", "set_aside")
    assert "“经度”或“jingdu”或“longitude”" in station.message
    assert len(reception.receipts(home.aside, BATCH)) == 2


def test_one_workbook_reaches_a_dataset_for_each_of_its_sheets(
    home: Home, library: Library, tmp_path: Path
) -> None:
    book = openpyxl.Workbook()
    book.remove(book["Sheet"])
    allowance = book.create_sheet("低保")
    allowance.append(["身份证号", "姓名", "低保证号", "月保障金额", "保障状态"])
    allowance.append(["440308199901101512", "赵一", "D1", 800, "在保"])
    certificate = book.create_sheet("残疾人证")
    certificate.append(["残疾人证号", "身份证号", "姓名", "残疾类别", "残疾等级", "发证日期"])
    certificate.append(["44030819990110151213", "440308199901101512", "赵一", "视力", "三级", "2020-01-02"])
    path = tmp_path / "民生保障.xlsx"
    book.save(path)
    receipts = deliver(home, library, path)
    assert [(receipt.dataset, receipt.sheet) for receipt in receipts] == [
        ("civil_affairs.subsistence_allowance", "低保"),
        ("disabled_persons.certificate", "残疾人证"),
    ]


def test_a_sheet_that_satisfies_two_standards_goes_to_the_one_with_more_of_its_columns(
    home: Home, library: Library, tmp_path: Path
) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    allowance = ["身份证号", "姓名", "低保证号", "月保障金额", "保障状态"]
    certificate = ["残疾人证号", "身份证号", "姓名", "残疾类别", "残疾等级", "发证日期"]
    book.active.append([*allowance, *(title for title in certificate if title not in allowance)])
    path = tmp_path / "合并.xlsx"
    book.save(path)
    (receipt,) = deliver(home, library, path)
    assert (receipt.dataset, len(receipt.columns)) == ("disabled_persons.certificate", 6)
    assert receipt.extra == ("低保证号", "月保障金额", "保障状态")


def test_a_file_that_many_hand_in_at_once_is_received_once(
    home: Home, library: Library, dwellings: Path
) -> None:
    with ThreadPoolExecutor(8) as senders:
        told = list(senders.map(lambda _: deliver(home, library, dwellings), range(8)))
    (kept_one,) = reception.receipts(home.inbox, BATCH)
    assert {receipt.extract_id for (receipt,) in told} == {kept_one.extract_id}
    assert [path.name for path in (home.inbox / "2026-03-02").iterdir()] == [kept_one.extract_id]


def more(source: Path, target: Path) -> None:
    """A copy during which the sender writes on."""
    target.write_bytes(source.read_bytes() + "2,南大街2号".encode())


def gone(source: Path, _: Path) -> None:
    """A copy from a share that is no longer there."""
    source.rename(source.with_suffix(".gone"))
    raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(source))


@pytest.mark.parametrize("copy", [more, gone])
def test_a_file_that_changes_or_vanishes_while_it_is_taken_in_is_named_and_nothing_of_it_is_kept(
    home: Home, library: Library, dwellings: Path, monkeypatch: pytest.MonkeyPatch, copy: Copy
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copyfile", copy)
        with pytest.raises(OSError, match=dwellings.name) as error:
            deliver(home, library, dwellings)
    assert error.value.filename == str(dwellings)
    assert not any(home.inbox.rglob("*/*"))
    dwellings.write_text(DWELLINGS, encoding="utf-8")
    (receipt,) = deliver(home, library, dwellings)
    assert receipt.path.read_text(encoding="utf-8") == DWELLINGS


def test_batches_are_those_with_something_received(
    home: Home, library: Library, dwellings: Path, tmp_path: Path
) -> None:
    assert reception.batches(home) == []
    picture = tmp_path / "照片.jpg"
    picture.write_bytes(b"\xff")
    for day, file in ((date(2026, 3, 5), dwellings), (date(2026, 3, 3), dwellings), (BATCH, picture)):
        reception.deliver(home, library, [file], day, AT)
    assert reception.batches(home) == [date(2026, 3, 3), date(2026, 3, 5)]
