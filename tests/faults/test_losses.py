"""What is gone from an installation is named by the doctor, and a turn does not build on its absence in silence."""

from __future__ import annotations

import shutil
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from assets.platform import Platform
from pipelines.cli import app
from pipelines.commands.operations import _faults
from returns.packages.build import read_index
from warehouse.collect.intake import reception
from warehouse.home.folders import Home
from warehouse.home.register import KEPT_BATCHES, Thing, missing, note, registered

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
State = Callable[..., dict[str, str]]


@pytest.fixture
def home(undisturbed: Any, tmp_path: Path) -> Path:
    """A copy of the installation in the night of Tuesday, with an acceptance report, which these walks do not write."""
    shutil.copytree(undisturbed.night, tmp_path / "home")
    report = tmp_path / "home" / "acceptance" / TUESDAY.isoformat()
    report.mkdir(parents=True)
    (report / "index.html").write_text("<html></html>")
    note(Home(tmp_path / "home"))
    return tmp_path / "home"


def zhenjie(home: Path, *arguments: object, **environment: str) -> Any:
    environment = {"ZHENJIE_DATASETS": "police.population,health.death", **environment}
    command = ["--home", str(home), *map(str, arguments)]
    return CliRunner().invoke(app, command, env=environment, catch_exceptions=False)


def named(platform: Platform) -> list[str]:
    return list(_faults(platform))


def without_last_entry(ledger: Path) -> None:
    """Delete the last entry with all that belongs to it, as somebody would who knows the tables."""
    with closing(sqlite3.connect(ledger)) as database:
        triggers = database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            database.execute(f"DROP TRIGGER {name}")
        (last,) = database.execute("SELECT max(seq) FROM entry").fetchone()
        for table in ("reply", "refusal", "delivery", "link"):
            database.execute(f"DELETE FROM {table} WHERE entry_seq = ?", [last])
        database.execute("DELETE FROM entry WHERE seq = ?", [last])
        database.commit()


@pytest.fixture
def aside(home: Path, tmp_path: Path, install: Callable[[Path], Platform]) -> Path:
    """A file that was set aside, and entered."""
    photo = tmp_path / "照片.jpg"
    photo.write_bytes(b"\xff\xd8")
    zhenjie(home, "deliver", photo, "--batch", TUESDAY)
    (receipt,) = reception.receipts(Home(home).aside, TUESDAY)
    return receipt.path.parent


def kinds(home: Path) -> Iterator[tuple[str, Path]]:
    """One of each kind of thing in the home, by what the doctor has to call it."""
    receipts = reception.receipts(Home(home).inbox, MONDAY)
    yield "的交付缺失", receipts[0].path.parent
    yield "数据湖的分区", home / "lake/ticket/all/batch=2026-03-02"
    yield "数据湖的分区", home / "lake/finding/police.population/batch=2026-03-03/_manifest.json"
    yield "返还包及其目录", home / "returns/2026-03-02"
    yield "返还包及其目录", home / "returns/2026-03-03/index.json"
    yield "批次概览", home / "returns/2026-03-03/summary.html"
    yield "验收报告", home / "acceptance/2026-03-03"
    yield "已发布的治理库", home / "warehouse.duckdb"
    yield "上一版治理库", home / "warehouse.previous.duckdb"
    yield "治理库通过验收时的校验值", home / "warehouse.accepted.json"
    yield "台账的见证文件缺失", home / "ledger.witness"
    yield "登记表缺失", home / "register.txt"
    yield "台账是空的", home / "ledger.sqlite"


def test_the_removal_of_each_kind_of_thing_is_named_and_nothing_else_is(
    home: Path, aside: Path, install: Callable[[Path], Platform], tmp_path: Path
) -> None:
    platform = install(home)
    assert named(platform) == []
    for number, (called, path) in enumerate([*kinds(home), ("未能采用的文件缺失", aside)]):
        away = tmp_path / f"away-{number}"
        path.rename(away)
        found = [line for line in named(platform) if called in line]
        assert found, f"{path} is gone"
        assert "。" in found[0], "says what to do"
        if path.name == "ledger.sqlite":
            for left in home.glob("ledger.sqlite*"):
                left.unlink()
        away.rename(path)
        assert named(platform) == []


def test_a_turn_does_not_read_an_older_partition_in_the_place_of_one_that_is_gone(home: Path) -> None:
    shutil.rmtree(home / "lake/ticket/all/batch=2026-03-02")
    said = zhenjie(home, "run", "--batch", TUESDAY)
    assert said.exit_code == 3
    assert "lake/ticket/all/batch=2026-03-02" in said.stderr
    assert "zhenjie run --batch 2026-03-02" in said.stderr


def test_what_a_turn_can_make_again_it_makes_again_with_the_same_bytes(
    home: Path, process: Any, undisturbed: Any, state_of: State
) -> None:
    for name in ("lake/finding/police.population/batch=2026-03-03", "returns/2026-03-03"):
        shutil.rmtree(home / name)
    (home / "warehouse.duckdb").unlink()
    process.walk(home, TUESDAY)
    assert state_of(home) == undisturbed.both
    assert [place for place, _ in missing(Home(home))] == []


def test_a_turn_does_not_go_on_without_a_delivery_of_its_batch(home: Path) -> None:
    receipt = reception.receipts(Home(home).inbox, TUESDAY)[0]
    shutil.rmtree(receipt.path.parent)
    said = zhenjie(home, "run", "--batch", TUESDAY)
    assert said.exit_code == 3
    assert receipt.extract_id in said.stderr and "zhenjie deliver" in said.stderr


def test_a_database_whose_checksum_is_gone_is_made_again(
    home: Path, process: Any, undisturbed: Any, state_of: State
) -> None:
    (home / "warehouse.accepted.json").unlink()
    process.walk(home, TUESDAY)
    assert (home / "warehouse.accepted.json").exists()
    assert state_of(home) == undisturbed.both
    assert list(missing(Home(home))) == []


def test_a_delivery_that_a_dead_process_did_not_enter_is_entered_by_the_turn(
    home: Path, process: Any, undisturbed: Any, install: Callable[[Path], Platform], tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(home / "inbox", bare / "inbox")
    process.walk(bare, MONDAY)
    with install(bare).open_ledger() as ledger:
        entered = ledger.deliveries()
        heads = ledger.head(MONDAY.isoformat())
    expected = [receipt.extract_id for receipt in reception.receipts(home / "inbox", MONDAY)]
    assert entered.filter(entered["batch"] == "2026-03-02")["extract_id"].to_list() == expected
    with install(home).open_ledger() as ledger:
        assert ledger.head(MONDAY.isoformat()) == heads, "entered late, or at once: the same head"


# The ledger.


def test_a_ledger_without_its_last_entry_is_refused_by_doctor_run_and_reply(
    home: Path, tmp_path: Path
) -> None:
    without_last_entry(home / "ledger.sqlite")
    workbook = tmp_path / "x.xlsx"
    workbook.write_bytes(b"")
    for arguments, code in ((("doctor",), 1), (("run",), 3), (("reply", workbook), 3)):
        said = zhenjie(home, *arguments)
        assert said.exit_code == code, said.output
        assert "台账末尾缺少第 6 条" in said.stdout + said.stderr
        assert "部门交付，police.population，2026-03-03" in said.stdout + said.stderr


def test_what_is_published_shows_the_loss_when_the_witness_is_gone_too(
    home: Path, install: Callable[[Path], Platform]
) -> None:
    (home / "ledger.witness").unlink()
    without_last_entry(home / "ledger.sqlite")
    said = zhenjie(home, "run")
    assert said.exit_code == 3
    assert "warehouse.duckdb" in said.stderr and "第 6 条" in said.stderr
    (home / "warehouse.duckdb").unlink()
    assert "批次 2026-03-03 的返还包" in zhenjie(home, "run").stderr
    (line,) = [line for line in named(install(home)) if line.startswith("台账缺少")]
    assert "批次 2026-03-03 的概览" in line


def test_missing_triggers_are_named_and_restored_by_the_doctor(home: Path) -> None:
    with closing(sqlite3.connect(home / "ledger.sqlite")) as database:
        database.execute("DROP TRIGGER entry_no_DELETE")
        database.commit()
    said = zhenjie(home, "doctor")
    assert said.exit_code == 1
    assert "entry_no_DELETE" in said.stdout
    assert zhenjie(home, "doctor").exit_code == 0


def test_a_loss_is_accepted_with_a_reason_and_the_turns_go_on(
    home: Path, process: Any, undisturbed: Any
) -> None:
    without_last_entry(home / "ledger.sqlite")
    assert zhenjie(home, "restore").exit_code == 2, "neither an archive nor a reason"
    said = zhenjie(home, "restore", "--accept-loss", "误删，无备份", ZHENJIE_USER="处长")
    assert said.exit_code == 0, said.output
    assert "台账缺失确认，处长，误删，无备份" in said.stdout
    process.walk(home, TUESDAY)
    assert zhenjie(home, "doctor").exit_code == 0
    assert zhenjie(home, "restore", "--accept-loss", "再来").exit_code == 2, "nothing is gone"
    assert read_index(Home(home).returns(TUESDAY)) is not None


# Backups.


def test_a_backup_whose_ledger_is_behind_what_it_knows_is_not_restored(home: Path, tmp_path: Path) -> None:
    archive, behind = tmp_path / "backup.tar", tmp_path / "behind.tar"
    assert zhenjie(home, "backup", archive).exit_code == 0
    without_last_entry(home / "ledger.sqlite")
    assert zhenjie(home, "backup", behind).exit_code == 1, "says so when it is written"
    said = zhenjie(tmp_path / "new", "restore", behind)
    assert said.exit_code == 3
    assert "台账末尾缺少第 6 条" in said.stderr
    assert not (tmp_path / "new").exists()
    with tarfile.open(archive) as tar:
        assert "ledger.witness" in tar.getnames()
    assert zhenjie(tmp_path / "new", "restore", archive).exit_code == 0


def test_an_older_backup_is_restored_over_a_newer_head_only_on_purpose(
    undisturbed: Any, home: Path, tmp_path: Path
) -> None:
    archive, package = tmp_path / "monday.tar", next(home.glob("returns/2026-03-03/*.zip"))
    assert zhenjie(undisturbed.evening, "backup", archive).exit_code == 0
    for known in (home, package, home / "returns/2026-03-03/summary.html"):
        said = zhenjie(tmp_path / "new", "restore", archive, "--known", known)
        assert said.exit_code == 3
        assert "台账缺少交付与答复的第 6 条" in said.stderr
    said = zhenjie(tmp_path / "new", "restore", archive, "--known", home, "--accept-loss", "主机损毁")
    assert said.exit_code == 0, said.output
    assert "主机损毁" in said.stdout


# Moving away on purpose.


def test_returns_of_old_batches_may_be_moved_away_whole(tmp_path: Path) -> None:
    home = Home(tmp_path)
    days = [f"2026-03-{day:02}" for day in range(1, KEPT_BATCHES + 3)]
    for day in days:
        for place in (f"returns/{day}/index.json", f"acceptance/{day}/index.html"):
            (tmp_path / place).parent.mkdir(parents=True)
            (tmp_path / place).write_text("{}")
    note(home)
    shutil.rmtree(tmp_path / "returns" / days[0])
    shutil.rmtree(tmp_path / "acceptance" / days[1])
    assert list(missing(home)) == []
    shutil.rmtree(tmp_path / "returns" / days[2])
    (tmp_path / "returns" / days[1] / "index.json").unlink()
    assert [thing.place for thing, _ in missing(home)] == [
        f"returns/{days[1]}/index.json",  # only a part of the folder is gone
        f"returns/{days[2]}/index.json",
    ]


def test_a_line_of_the_register_that_was_torn_is_written_again(tmp_path: Path) -> None:
    home = Home(tmp_path)
    (tmp_path / "returns/2026-03-02").mkdir(parents=True)
    (tmp_path / "returns/2026-03-02/index.json").write_text("{}")
    home.register.write_text("acceptance/2026-03-01\nreturns/2026-0")
    note(home)
    assert registered(home) == [Thing("acceptance/2026-03-01"), Thing("returns/2026-03-02/index.json")]
