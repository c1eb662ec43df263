"""Damage is found and named; two never write at once; a backup comes back whole or not at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from assets.platform import Platform
from pipelines.cli import app
from pipelines.terminal.failures import explained
from returns.ledger.chain import Act
from returns.ledger.store import Ledger
from returns.packages.build import INDEX, build_packages, damaged_packages, read_index
from warehouse.collect.extracts.extract import extract
from warehouse.collect.intake import reception
from warehouse.home.backup import DamagedBackup, restore_backup, write_backup
from warehouse.home.cleanup import leftovers, tidy
from warehouse.home.folders import Home
from warehouse.home.integrity import DamagedHome, lake_damage, mend
from warehouse.home.lock import HomeInUse, delivering, exclusive
from warehouse.lake.manifest import MANIFEST
from warehouse.lake.store import Origin

ROOT = Path(__file__).parents[2]
MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
NOW = datetime(2026, 3, 3, 9, tzinfo=UTC)


@pytest.fixture
def city(city_after_one_turn: Any, install: Callable[[Path], Platform], tmp_path: Path) -> Platform:
    """A copy of the city after its first turn, to be damaged."""
    shutil.copytree(
        city_after_one_turn.platform.home.root, tmp_path / "home", ignore=shutil.ignore_patterns("spill")
    )
    return install(tmp_path / "home")


def part_of(platform: Platform, layer: str, table: str) -> Path:
    partition = platform.lake.partition(layer, table, MONDAY)
    assert partition is not None
    return partition.folder / partition.parts[0].name


def a_byte_changed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def zhenjie(home: Path, *arguments: object) -> Any:
    return CliRunner().invoke(app, ["--home", str(home), *map(str, arguments)], catch_exceptions=False)


def test_the_doctor_names_every_damaged_place_and_the_way_back(city: Platform) -> None:
    standard = part_of(city, "standard", "police.population")
    a_byte_changed(standard)
    gone = part_of(city, "finding", "police.population")
    gone.unlink()
    manifest = part_of(city, "ticket", "all").with_name(MANIFEST)
    manifest.write_text("{")
    delivered = reception.receipts(city.home.inbox, MONDAY)[0].path
    a_byte_changed(delivered)
    index = read_index(city.home.returns(MONDAY))
    assert index is not None
    package = city.home.returns(MONDAY) / index.packages[0].file
    a_byte_changed(package)
    city.home.warehouse.write_bytes(b"no database")
    said = zhenjie(city.home.root, "doctor")
    assert said.exit_code == 1
    lines = said.stdout.splitlines()
    assert len(lines) == 6
    for path in (standard, gone, manifest, delivered, package, city.home.warehouse):
        (line,) = [line for line in lines if line.startswith(str(path))]
        assert "zhenjie " in line, "says what to do"


def test_a_turn_takes_away_its_own_damage_and_refuses_to_build_on_that_of_another_batch(
    city: Platform,
) -> None:
    part = part_of(city, "standard", "police.population")
    a_byte_changed(part)
    with pytest.raises(DamagedHome, match="zhenjie run --batch 2026-03-02"):
        mend(city.home, city.lake, TUESDAY)
    (damage,) = mend(city.home, city.lake, MONDAY)
    assert damage.path == part
    assert city.lake.partition("standard", "police.population", MONDAY) is None, "will be made again"
    assert list(lake_damage(city.lake)) == []


def test_a_damaged_delivery_is_refused_until_it_is_restored_and_the_data_before_stay(city: Platform) -> None:
    contract = city.library["police.population"]
    (receipt,) = [r for r in reception.receipts(city.home.inbox, MONDAY) if r.dataset == contract.id]
    whole = receipt.path.read_bytes()
    a_byte_changed(part_of(city, "extract", contract.id))
    mend(city.home, city.lake, MONDAY)
    for problem, damage in (
        ("与回执中的校验值不符", lambda: a_byte_changed(receipt.path)),
        ("已经不在收件箱中", receipt.path.unlink),
    ):
        damage()
        with city.open_batch(MONDAY) as opened:
            done = extract(opened, city.home, contract)
        ((refused, message),) = done.refused
        assert (done.partition, refused) == (None, receipt)
        assert problem in message
        assert str(receipt.path) in message
        assert reception.refusal_of(receipt) == message
    again = receipt.path.parents[3] / receipt.path.name
    again.write_bytes(whole)
    reception.deliver(city.home, city.library, [again], MONDAY, NOW)
    with city.open_batch(MONDAY) as opened:
        done = extract(opened, city.home, contract)
    assert done.refused == ()
    assert done.partition is not None
    assert done.partition.rows > 0
    assert reception.refusal_of(receipt) is None


def test_a_damaged_delivery_beside_a_sound_one_is_read_once_it_is_restored(city: Platform) -> None:
    received = reception.receipts(city.home.inbox, MONDAY)
    first = next(r for r in received if r.form == "csv" and r.delivery == "snapshot" and r.archive is None)
    contract = city.library[str(first.dataset)]
    second = first.path.parents[3] / first.path.name
    lines = first.path.read_bytes().splitlines(keepends=True)
    second.write_bytes(b"".join([*lines[:5], *lines[6:]]))
    terms = reception.Terms(contract.id, confirm="已与教育局核对")
    (newest,) = reception.deliver(city.home, city.library, [second], MONDAY, NOW, terms)
    with city.open_batch(MONDAY) as opened:
        both = extract(opened, city.home, contract).partition
        whole = newest.path.read_bytes()
        part_of(city, "extract", contract.id).with_name(MANIFEST).unlink()
        a_byte_changed(newest.path)
        one = extract(opened, city.home, contract)
        again = extract(opened, city.home, contract)
        newest.path.write_bytes(whole)
        restored = extract(opened, city.home, contract)
    assert both is not None
    assert one.partition is not None
    assert restored.partition is not None
    assert one.partition.rows == both.rows + 1, "the sound file before it is in force"
    assert (again.partition, [r.extract_id for r, _ in again.refused]) == (one.partition, [newest.extract_id])
    assert (restored.partition.fingerprint, restored.refused) == (both.fingerprint, ())


def test_a_damaged_package_and_a_lost_index_are_made_again_with_the_same_bytes(city: Platform) -> None:
    folder = city.home.returns(MONDAY)
    index = read_index(folder)
    assert index is not None
    package = folder / index.packages[0].file
    whole, told = package.read_bytes(), (folder / INDEX).read_bytes()
    a_byte_changed(package)
    assert [path for _, path in damaged_packages(city.home)] == [package]
    (folder / INDEX).unlink()
    with city.open_ledger() as ledger:
        head = ledger.head(MONDAY.isoformat())
    with city.open_batch(MONDAY) as opened:
        build_packages(opened, city.home, city.signing_keys(), head)
    assert package.read_bytes() == whole
    assert (folder / INDEX).read_bytes() == told


def test_what_dead_processes_left_is_taken_away_but_not_a_delivery_under_way(city: Platform) -> None:
    home = city.home
    left = [
        part_of(city, "standard", "police.population").with_name("draft-0.parquet"),
        home.returns(MONDAY) / ".370602005-x.zip",
        home.root / ".warehouse.candidate.verdict.json.0",
        home.spill / "duckdb_temp_storage-0.tmp",
    ]
    receipt = reception.receipts(home.inbox, MONDAY)[0]
    under_way = [home.inbox / "2026-03-02" / ".draft-0", receipt.path.with_name(".reading.json.0")]
    under_way[0].mkdir()
    under_way[1].write_bytes(b"half")
    home.spill.mkdir(exist_ok=True)
    for path in left:
        path.write_bytes(b"half")
    began = datetime.fromtimestamp(under_way[1].stat().st_mtime, UTC)
    with delivering(home):
        assert sorted(leftovers(home, city.lake, began)) == sorted(left)
        assert sorted(tidy(home, city.lake, MONDAY, began)) == sorted(left)
        assert all(path.exists() for path in under_way)
        assert tidy(home, city.lake, MONDAY, began + timedelta(days=1)) == under_way


def test_a_draft_of_a_delivery_is_not_received(tmp_path: Path, city_after_one_turn: Any) -> None:
    inbox = city_after_one_turn.platform.home.inbox
    receipt = reception.receipts(inbox, MONDAY)[0]
    shutil.copytree(receipt.path.parent, tmp_path / "inbox" / "2026-03-02" / ".draft-0")
    assert reception.receipts(tmp_path / "inbox", MONDAY) == []
    assert reception.batches(Home(tmp_path)) == []


HOLD = """
import sys
from pathlib import Path
from warehouse.home.folders import Home
from warehouse.home.lock import exclusive
with exclusive(Home(Path(sys.argv[1])), "zhenjie run --batch 2026-03-02"):
    sys.stdout.write("held\\n")
    sys.stdout.flush()
    sys.stdin.read()
"""


@pytest.fixture
def another(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock of an installation."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "home")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_run_is_refused_with_who_holds_the_installation_until_that_one_dies(
    tmp_path: Path, another: subprocess.Popen[str]
) -> None:
    home = tmp_path / "home"
    said = zhenjie(home, "doctor")
    assert said.exit_code == 3
    assert f"zhenjie run --batch 2026-03-02，进程 {another.pid}" in said.stderr
    with pytest.raises(HomeInUse), exclusive(Home(home), "zhenjie run"):
        pass
    another.kill()
    another.wait()
    with exclusive(Home(home), "zhenjie run"):
        pass


def test_a_backup_of_a_tampered_or_truncated_archive_restores_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    (home.root / "lake").mkdir(parents=True)
    (home.root / "lake" / "x").write_bytes(os.urandom(5_000))
    with Ledger.open(f"sqlite:///{home.ledger}") as ledger:
        ledger.append(Act.DELIVERY, "someone", "police.population", {}, NOW)
        write_backup(home, tmp_path / "whole.tar")
    content = (tmp_path / "whole.tar").read_bytes()
    with tarfile.open(tmp_path / "whole.tar") as tar:
        place = tar.getmember("lake/x").offset_data
    altered = bytearray(content)
    altered[place] ^= 1
    for name, archive in {"cut": content[: len(content) // 3], "altered": bytes(altered)}.items():
        (tmp_path / name).write_bytes(archive)
        with pytest.raises(DamagedBackup):
            restore_backup(Home(tmp_path / f"new-{name}"), tmp_path / name)
    assert {path.name for path in tmp_path.iterdir()} == {"home", "whole.tar", "cut", "altered"}
    restore_backup(Home(tmp_path / "new"), tmp_path / "whole.tar")
    assert (tmp_path / "new" / "lake" / "x").read_bytes() == (home.root / "lake" / "x").read_bytes()
    with Ledger.open(f"sqlite:///{tmp_path / 'new' / 'ledger.sqlite'}") as restored:
        assert len(restored.entries()) == 1
        assert restored.verify() == []


def test_a_clock_moved_back_reorders_nothing_in_the_ledger(tmp_path: Path) -> None:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as ledger:
        for hours in (0, -30, 5):
            ledger.append(Act.DELIVERY, "someone", str(hours), {}, NOW + timedelta(hours=hours))
        assert [entry.subject for entry in ledger.entries()] == ["0", "-30", "5"]
        assert ledger.verify() == []


def test_a_clock_moved_back_does_not_put_an_older_delivery_into_force(city: Platform, tmp_path: Path) -> None:
    (before,) = [r for r in reception.receipts(city.home.inbox, MONDAY) if r.dataset == "housing.dwelling"]
    lines = before.path.read_bytes().splitlines(keepends=True)
    newer = tmp_path / before.path.name
    newer.write_bytes(b"".join([*lines[:5], *lines[6:]]))
    earlier = datetime.fromisoformat(before.received_at) - timedelta(days=2)
    (receipt,) = reception.deliver(city.home, city.library, [newer], MONDAY, earlier)
    assert receipt.replaces == before.extract_id
    with city.open_batch(MONDAY) as opened:
        done = extract(opened, city.home, city.library["housing.dwelling"])
    assert done.partition is not None
    assert done.partition.facts["extract_id"] == receipt.extract_id


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("IO Error: Could not write file: No space left on device", "磁盘已满"),
        ("(sqlite3.OperationalError) disk I/O error", "可能已满"),
        ("(sqlite3.OperationalError) database is locked", "另一个程序"),
        ("[Errno 30] Read-only file system: 'lake'", "不可写"),
        ("server closed the connection unexpectedly", "台账数据库的连接中断"),
        ("Invalid Input Error: No magic bytes found at end of file 'x.parquet'", "zhenjie doctor"),
    ],
)
def test_a_failure_of_the_surroundings_says_what_to_do(message: str, said: str) -> None:
    assert said in (explained("IOException", message) or "")


def test_what_an_unknown_error_quotes_is_not_passed_on() -> None:
    assert explained("ConversionException", "Could not convert string '370602197011242453'") is None


def test_a_disk_that_is_full_while_a_partition_is_written_leaves_the_one_before(
    city: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = city.lake.partition("standard", "health.death", MONDAY)
    assert before is not None

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with city.engine.connect() as connection, monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            city.lake.write(connection, "standard", "health.death", MONDAY, "SELECT 1 AS x", Origin({}))
    assert city.lake.partition("standard", "health.death", MONDAY) == before
    assert list(lake_damage(city.lake)) == []
    with duckdb.connect() as reader:
        assert reader.execute(f"SELECT count(*) FROM {before.scan}").fetchone() == (before.rows,)
