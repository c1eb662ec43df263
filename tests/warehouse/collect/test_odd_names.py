"""Files of any name are received, shown escaped, kept under a safe name, and in every backup."""

from __future__ import annotations

import json
import os
import tarfile
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

from schemas.contract.library import Library, load_library
from tests.warehouse.collect.school import FIRST, HEAD, School
from warehouse.collect.infer.draft import draft_contract
from warehouse.collect.intake import reception
from warehouse.collect.intake.reception import Receipt
from warehouse.home.backup import restore_backup, write_backup
from warehouse.home.cleanup import leftovers, tidy
from warehouse.home.folders import Home
from warehouse.home.integrity import delivery_damage
from warehouse.home.names import shown
from warehouse.lake.store import Lake

ROOT = Path(__file__).parents[3]
BATCH = date(2026, 3, 2)
AT = datetime(2026, 3, 2, 8, 30)
DWELLINGS = "房屋编码,坐落,村居代码,房屋用途,建筑面积,产权人电话\n{},南大街1号,370602001001,住宅,80,1\n"

ODD = [
    "房屋_20260302.csv".encode("gb18030"),
    b"\xff\xfe\xbb.csv",
    "房屋_\x1b[2J\x1b]0;x\x07.csv".encode(),
    "房屋_\n2026.csv".encode(),
    "房屋_\u202egpj.csv".encode(),
    "房\u200b屋.csv".encode(),
    ("屋" * 83 + "xy.csv").encode(),
    "re\u0301.csv".encode(),
    "r\u00e9.csv".encode(),
    b"A.csv",
    b"a.csv",
    b".hidden.csv",
    b"...csv",
    b"trailing.csv. ",
    b"NUL.csv",
    b"-rf.csv",
    b"--help",
    b"receipt.json",
    b"reading.json",
    b"refusal.json",
    b"confirmation.json",
    b"manifest.json",
    b"receipt.csv",
    b"a[1]*?.csv",
    b"C:\\x\\y.csv",
    b"<script>alert(1)<.csv",
    b"=HYPERLINK(1).csv",
]


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library([ROOT / "tests" / "data" / "bus" / "contracts"])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def written(folder: Path, raw: bytes, content: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / os.fsdecode(raw)
    path.write_bytes(content)
    return path


def deliver(home: Home, library: Library, *files: Path) -> list[Receipt]:
    return reception.deliver(home, library, files, BATCH, AT)


def test_every_name_is_received_shown_escaped_and_had_back_from_the_receipt(
    home: Home, library: Library, tmp_path: Path
) -> None:
    files = [
        written(tmp_path / "in", raw, DWELLINGS.format(number).encode()) for number, raw in enumerate(ODD)
    ]
    found = deliver(home, library, *files)
    assert len(found) == len(ODD)
    for raw, path, receipt in zip(ODD, files, found, strict=True):
        assert receipt.file == shown(receipt.file)
        assert receipt.message == shown(receipt.message)
        place = home.inbox if receipt.status == "received" else home.aside
        folder = place / "2026-03-02" / receipt.extract_id
        read = reception.read_receipt(folder / "receipt.json")
        assert read.path.read_bytes() == path.read_bytes(), raw
        assert sorted(child.name for child in folder.iterdir()) == sorted(["receipt.json", read.path.name])
        sent = json.loads((folder / "receipt.json").read_text(encoding="utf-8"))
        name = sent["original"] or sent["file"]
        assert (unquote_to_bytes(sent["original_bytes"]) if sent["original_bytes"] else name.encode()) == raw
    # Whatever ends in .csv is placed by its name or its headings; the others no contract knows.
    for raw, receipt in zip(ODD, found, strict=True):
        known = raw.rstrip(b". ").endswith(b".csv")
        assert receipt.status == ("received" if known else "set_aside"), raw
    assert list(delivery_damage(home)) == []


def test_a_gbk_name_is_recognised_by_the_pattern_of_its_contract(
    home: Home, library: Library, tmp_path: Path
) -> None:
    # Without a column that the contract wants: placed by its headings, it would be nobody's.
    path = written(tmp_path, "房屋_20260302.csv".encode("gb18030"), "房屋编码,坐落\n1,南大街\n".encode())
    (receipt,) = deliver(home, library, path)
    assert (receipt.file, receipt.dataset) == ("房屋_20260302.csv", "housing.dwelling")
    assert "“房屋_20260302.csv”" in receipt.message


def test_members_of_a_zip_may_have_any_name_and_two_the_same(deltas: School, tmp_path: Path) -> None:
    home = deltas.home
    path = tmp_path / os.fsdecode("三月.zip".encode("gb18030"))
    rows = HEAD + "A{},甲,,\n"
    names = [
        "receipt.json",
        "学籍\x1b[2J.csv",
        ".hidden.csv",
        "目录/学籍.csv",
        "学籍.csv",
        "学" * 90 + ".csv",
    ]
    with zipfile.ZipFile(path, "w") as archive:
        for number, name in enumerate(names):
            archive.writestr(name, rows.format(number))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("学籍.csv", rows.format(99))
    found = deliver(home, deltas.library, path)
    assert [receipt.file for receipt in found] == [
        "三月.zip/" + name for name in (names[0], "学籍\\x1b[2J.csv", *names[2:], "学籍.csv")
    ]
    # Those that no pattern fits might hold all pupils or some.
    known = ["学籍" in receipt.file for receipt in found]
    assert [receipt.status == "received" for receipt in found] == known and known.count(True) == 4
    assert len({receipt.extract_id for receipt in found}) == 7
    kept = reception.receipts(home.inbox, FIRST)
    assert [receipt.path.name for receipt in kept] == ["学籍__2J.csv", "学籍.csv", "学籍.csv", "学籍.csv"]
    every = [*kept, *reception.receipts(home.aside, FIRST)]
    assert "_.hidden.csv" in {receipt.path.name for receipt in every}
    assert all(
        unquote_to_bytes(receipt.original_bytes or "").startswith("三月.zip/".encode("gb18030"))
        for receipt in every
    )
    assert list(home.spill.iterdir()) == []


def test_names_that_a_zip_writes_in_utf_8_without_saying_so_are_read(
    home: Home, library: Library, tmp_path: Path
) -> None:
    path = tmp_path / "a.zip"
    name = "房屋_三月.csv".encode()
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x" * len(name), DWELLINGS.format(1))
    path.write_bytes(path.read_bytes().replace(b"x" * len(name), name))
    (receipt,) = deliver(home, library, path)
    assert (receipt.file, receipt.dataset) == ("a.zip/房屋_三月.csv", "housing.dwelling")


def test_a_database_of_an_odd_name_that_is_in_use_is_refused_too(
    home: Home, library: Library, tmp_path: Path
) -> None:
    path = written(tmp_path, b"\xb3\xb5.sqlite", b"SQLite format 3\0" + bytes(4080))
    written(tmp_path, b"\xb3\xb5.sqlite-wal", b"\x37\x7f\x06\x82" + bytes(28))
    (receipt,) = deliver(home, library, path)
    assert receipt.status == "set_aside" and "数据库仍在使用中" in receipt.message


def test_a_folder_that_somebody_drops_into_the_inbox_is_no_batch(
    home: Home, library: Library, tmp_path: Path
) -> None:
    deliver(home, library, written(tmp_path, b"a.csv", DWELLINGS.format(1).encode()))
    written(home.inbox / "三月" / "x", b"receipt.json", b"{}")
    written(home.inbox / "20260309" / "x", b"receipt.json", b"{}")
    assert reception.batches(home) == [BATCH]


def test_a_backup_keeps_every_file_whatever_its_name_and_no_draft(
    home: Home, library: Library, tmp_path: Path
) -> None:
    for number, raw in enumerate(ODD):
        content = DWELLINGS.format(number).encode()
        deliver(home, library, written(tmp_path / "in", raw, content))
        # One that waits to be received.
        written(home.inbox, raw, content)
    # As an earlier version kept a file whose name begins with a dot.
    (former,) = [r for r in reception.receipts(home.inbox, BATCH) if r.file == ".hidden.csv"]
    former.path.rename(former.path.with_name(".hidden.csv"))
    told = json.loads((former.path.parent / "receipt.json").read_text(encoding="utf-8"))
    for later in ("stored", "original", "original_bytes"):
        del told[later]
    (former.path.parent / "receipt.json").write_text(json.dumps(told), encoding="utf-8")
    drafts = [former.path.with_name(".draft-" + "0" * 32), former.path.with_name(".receipt.json." + "0" * 32)]
    for draft in drafts:
        draft.write_bytes(b"")
        os.utime(draft, (0, 0))
    os.utime(former.path.with_name(".hidden.csv"), (0, 0))

    archive = tmp_path / "a.tar"
    write_backup(home, archive)
    with tarfile.open(archive) as tar:
        names = set(tar.getnames())
    files = {
        path.relative_to(home.root).as_posix()
        for path in home.root.rglob("*")
        if path.is_file() and path not in drafts and "spill" not in path.parts and path != home.delivery_lock
    }
    assert {name for name in files if name.startswith("inbox/.hidden")}
    assert names - {"backup.json"} == files
    restored = Home(tmp_path / "restored")
    restore_backup(restored, archive)
    assert list(delivery_damage(restored)) == []
    # Nor does tidying up take a delivered file for a draft.
    lake = Lake(home.lake)
    now = datetime.now(UTC) + timedelta(days=9)
    assert set(leftovers(home, lake, now)) == set(drafts)
    tidy(home, lake, BATCH, now)
    assert list(delivery_damage(home)) == []


def test_a_contract_drafted_from_a_file_of_any_name_is_yaml_of_one_comment(tmp_path: Path) -> None:
    path = written(tmp_path, "房屋\nkind: Evil\n.csv".encode(), DWELLINGS.format(1).encode())
    drafted = draft_contract(path, "housing.x", None)
    assert "\nkind: Evil" not in drafted
    gbk = written(tmp_path, "房屋.csv".encode("gb18030"), DWELLINGS.format(1).encode())
    assert "房屋" in draft_contract(gbk, "housing.x", None)
