"""Receipts, status, doctor and backup, as an operator meets them in a new installation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]

HEADER = "公民身份号码,姓名,性别,出生日期,民族,户号,与户主关系,婚姻状况,村居代码,住址,联系电话\n"
ROW = "370602197011242453,冷晓波,男,19701124,汉族,1,户主,已婚,370602001001,山东省烟台市,13812345678\n"


@pytest.fixture
def register(tmp_path: Path) -> Path:
    path = tmp_path / "户籍人口_20260302.csv"
    path.write_bytes((HEADER + ROW).encode("gb18030"))
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_a_delivery_gets_a_receipt_and_the_same_bytes_are_known_again(
    zhenjie: Command, home: Path, register: Path
) -> None:
    first = zhenjie(home, "deliver", register, "--batch", "2026-03-02", "--json")
    again = zhenjie(home, "deliver", register, "--batch", "2026-03-02", "--json")
    assert (first.code, again.code) == (0, 0)
    (receipt,), (second,) = first.json, again.json
    facts = (receipt["dataset"], receipt["status"], receipt["encoding"])
    assert facts == ("police.population", "received", "gb18030")
    assert second["status"] == "repeated"


def test_status_tells_what_was_delivered_and_what_is_late(zhenjie: Command, home: Path) -> None:
    facts = zhenjie(home, "status", "--json").json
    assert facts["published_batch"] is None
    assert {row["dataset"] for row in facts["datasets"]} >= {"police.population", "health.death"}
    assert all(row["late"] for row in facts["datasets"])


def test_doctor_of_a_new_home_finds_nothing(zhenjie: Command, home: Path, register: Path) -> None:
    zhenjie(home, "deliver", register, "--batch", "2026-03-02")
    assert zhenjie(home, "doctor").code == 0


@pytest.mark.parametrize("mounted", [False, True])
def test_a_home_with_nothing_in_it_is_neither_sound_nor_backed_up(
    zhenjie: Command, home: Path, tmp_path: Path, mounted: bool
) -> None:
    """A mistyped path does not exist; the folder of a disk that is not mounted is empty."""
    if mounted:
        home.mkdir()
    for arguments in (["doctor"], ["backup", tmp_path / "backup.tar"], ["restore", "--accept-loss", "x"]):
        said = zhenjie(home, *arguments)
        assert said.code == 2
        assert str(home) in said.err and "--home" in said.err
    assert not (tmp_path / "backup.tar").exists()
    assert home.exists() == mounted, "nothing was made"
    assert not mounted or not any(home.iterdir())


@pytest.mark.parametrize("content", [b"", b"no archive at all\n" * 100])
def test_a_file_that_is_no_backup_is_refused_in_a_sentence(
    zhenjie: Command, home: Path, tmp_path: Path, content: bytes
) -> None:
    archive = tmp_path / "backup.tar"
    archive.write_bytes(content)
    said = zhenjie(home, "restore", archive)
    assert said.code == 3
    assert "不是 zhenjie backup 写的备份文件" in said.err and "method" not in said.err
    assert not home.exists()


def test_a_backup_comes_back_elsewhere(zhenjie: Command, home: Path, register: Path, tmp_path: Path) -> None:
    zhenjie(home, "deliver", register, "--batch", "2026-03-02")
    archive = tmp_path / "backup.tar"
    assert zhenjie(home, "backup", archive).code == 0
    assert zhenjie(home, "backup", archive).code == 2, "never over another backup"
    assert zhenjie(tmp_path / "new", "restore", archive).code == 0
    names = {path.name for path in (tmp_path / "new" / "inbox").rglob("*") if path.is_file()}
    assert names == {register.name, "receipt.json"}
    assert zhenjie(home, "restore", archive).code == 2, "never into a home that is not empty"
