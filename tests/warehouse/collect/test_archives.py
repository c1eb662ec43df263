"""Archives: each file in a zip is a delivery of its own; one that is not as it should be is refused."""

from __future__ import annotations

import zipfile
from datetime import datetime
from pathlib import Path

import pytest

from tests.warehouse.collect.school import FIRST, HEAD, School
from warehouse.collect.intake import reception
from warehouse.collect.intake.reception import receipts


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def test_each_file_in_a_zip_is_a_delivery_of_its_own(deltas: School) -> None:
    path = deltas.home.root / "三月.zip"
    members = {
        "学籍全量.csv": (HEAD + "A1,甲,,\n").encode("gb18030"),
        "变更/学籍变更.csv": (HEAD + "A2,乙,,\n").encode("gb18030"),
        "__MACOSX/._学籍.csv": b"\0",
        "说明.docx": b"PK",
    }
    archive(path, members)
    found = reception.deliver(deltas.home, deltas.library, [path], FIRST, datetime(2026, 3, 2, 8))
    assert [(receipt.file, receipt.status) for receipt in found] == [
        ("三月.zip/学籍全量.csv", "received"),
        ("三月.zip/变更/学籍变更.csv", "received"),
        ("三月.zip/说明.docx", "set_aside"),
    ]
    assert found[1].path.read_bytes() == members["变更/学籍变更.csv"]
    assert receipts(deltas.home.inbox, FIRST) == found[:2]
    assert [path.name for path in deltas.home.spill.iterdir()] == []
    deltas.extract()
    assert deltas.rows() == [("A1", "甲"), ("A2", "乙")]


def test_names_in_a_zip_without_the_mark_of_utf_8_are_gbk(deltas: School) -> None:
    path = deltas.home.root / "b.zip"
    name = "学籍全量.csv".encode("gb18030")
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x" * len(name), HEAD + "A1,甲,,\n")
    path.write_bytes(path.read_bytes().replace(b"x" * len(name), name))
    (receipt,) = reception.deliver(deltas.home, deltas.library, [path], FIRST, datetime(2026, 3, 2, 8))
    assert (receipt.file, receipt.server) == ("b.zip/学籍全量.csv", "whole")


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"../学籍全量.csv": b"1"}, "指向压缩包以外"),
        ({"/etc/学籍全量.csv": b"1"}, "指向压缩包以外"),
        ({"C:\\学籍全量.csv": b"1"}, "指向压缩包以外"),
        ({"内层.zip": b"1"}, "压缩包里还有压缩包"),
        ({"学籍全量.csv": bytes(70 << 20)}, "解开后大得不合理"),
        ({}, "压缩包里没有文件"),
    ],
)
def test_a_zip_that_is_not_as_it_should_be_is_refused(
    deltas: School, members: dict[str, bytes], said: str
) -> None:
    path = archive(deltas.home.root / "坏.zip", members)
    (receipt,) = reception.deliver(deltas.home, deltas.library, [path], FIRST, datetime(2026, 3, 2, 8))
    assert receipt.status == "set_aside" and said in receipt.message


def test_an_encrypted_zip_is_refused(deltas: School) -> None:
    path = archive(deltas.home.root / "密.zip", {"a.csv": b"1"})
    raw = bytearray(path.read_bytes())
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)
    (receipt,) = reception.deliver(deltas.home, deltas.library, [path], FIRST, datetime(2026, 3, 2, 8))
    assert "压缩包设了密码" in receipt.message
