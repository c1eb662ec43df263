"""The command line as an operator meets it: exit codes, clear words, nothing changed by reading."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli import app

HEADER = "公民身份号码,姓名,性别,出生日期,民族,户号,与户主关系,婚姻状况,村居代码,住址,联系电话\n"
ROW = "370602197011242453,冷晓波,男,19701124,汉族,1,户主,已婚,370602001001,山东省烟台市,13812345678\n"


@pytest.fixture
def zhenjie(tmp_path: Path):  # type: ignore[no-untyped-def]
    def run(*words: str):  # type: ignore[no-untyped-def]
        return CliRunner().invoke(app, ["--home", str(tmp_path / "home"), *words])

    return run


@pytest.fixture
def register(tmp_path: Path) -> Path:
    path = tmp_path / "户籍人口_20260302.csv"
    path.write_bytes((HEADER + ROW).encode("gb18030"))
    return path


def test_a_delivery_gets_a_receipt_and_the_same_bytes_are_known_again(zhenjie, register: Path) -> None:  # type: ignore[no-untyped-def]
    first = zhenjie("deliver", str(register), "--batch", "2026-03-02", "--json")
    again = zhenjie("deliver", str(register), "--batch", "2026-03-02", "--json")
    assert (first.exit_code, again.exit_code) == (0, 0)
    (receipt,), (second,) = json.loads(first.stdout), json.loads(again.stdout)
    assert (receipt["dataset"], receipt["status"], receipt["encoding"]) == (
        "police.population",
        "received",
        "gb18030",
    )
    assert second["status"] == "repeated"


def test_a_file_nobody_knows_is_set_aside_with_exit_1(zhenjie, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "天气.csv"
    path.write_text("日期,气温\n2026-03-02,8\n", encoding="utf-8")
    done = zhenjie("deliver", str(path), "--batch", "2026-03-02")
    assert done.exit_code == 1
    assert "天气.csv" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("deliver", "FILE", "--batch", "yesterday"), "--batch"),
        (("deliver", "FILE", "--dataset", "no.such"), "no.such"),
        (("query", "select 1"), "zhenjie run"),
        (("contract", "show", "no.such"), "no.such"),
        (("contract", "show", "police.population", "--as", "cobol"), "cobol"),
    ],
)
def test_a_wrong_call_is_said_with_exit_2(zhenjie, register: Path, words: tuple[str, ...], said: str) -> None:  # type: ignore[no-untyped-def]
    done = zhenjie(*(str(register) if word == "FILE" else word for word in words))
    assert done.exit_code == 2
    assert said in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize("form", ["yaml", "sql", "arrow", "pandera", "headers", "dictionary"])
def test_a_contract_is_shown_in_every_form(zhenjie, form: str) -> None:  # type: ignore[no-untyped-def]
    done = zhenjie("contract", "show", "police.population", "--as", form)
    assert done.exit_code == 0
    assert "公民身份号码" in done.stdout or "resident_id" in done.stdout


def test_the_shipped_contracts_have_no_problems(zhenjie) -> None:  # type: ignore[no-untyped-def]
    assert zhenjie("contract", "lint").exit_code == 0


def test_doctor_of_an_empty_home_finds_nothing(zhenjie) -> None:  # type: ignore[no-untyped-def]
    assert zhenjie("doctor").exit_code == 0


def test_a_backup_comes_back_elsewhere(zhenjie, register: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    zhenjie("deliver", str(register), "--batch", "2026-03-02")
    archive = tmp_path / "backup.tar"
    assert zhenjie("backup", str(archive)).exit_code == 0
    assert zhenjie("backup", str(archive)).exit_code == 2  # never over another backup
    restored = CliRunner().invoke(app, ["--home", str(tmp_path / "new"), "restore", str(archive)])
    assert restored.exit_code == 0
    names = {path.name for path in (tmp_path / "new" / "inbox").rglob("*") if path.is_file()}
    assert names == {register.name, "receipt.json"}
    assert zhenjie("restore", str(archive)).exit_code == 2  # never into a home that is not empty


def test_status_tells_what_was_delivered_and_what_is_late(zhenjie) -> None:  # type: ignore[no-untyped-def]
    facts = json.loads(zhenjie("status", "--json").stdout)
    assert facts["published_batch"] is None
    assert {row["dataset"] for row in facts["datasets"]} >= {"police.population", "health.death"}
    assert all(row["late"] for row in facts["datasets"])
