"""Walks that lose their disk, their machine, their clock or their solitude end like undisturbed ones."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from returns.packages.build import read_index
from tests.postgresql import running
from warehouse.home.encryption import NO_KEYS
from warehouse.home.folders import Home
from warehouse.home.integrity import Damage, delivery_damage, lake_damage, warehouse_damage
from warehouse.lake.store import Lake

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
State = Callable[..., dict[str, str]]


@pytest.fixture
def home(undisturbed: Any, tmp_path: Path) -> Path:
    """A copy of the installation as it is on Monday evening."""
    shutil.copytree(undisturbed.evening, tmp_path / "home")
    return tmp_path / "home"


def zhenjie(home: Path, *arguments: object) -> Any:
    return CliRunner().invoke(app, ["--home", str(home), *map(str, arguments)], catch_exceptions=False)


def tables(state: dict[str, str]) -> dict[str, str]:
    """What is published of a state."""
    return {name: digest for name, digest in state.items() if "/" not in name and "ledger" not in name}


def test_a_backup_goes_on_elsewhere_as_the_original_would_have(
    home: Path, process: Any, undisturbed: Any, state_of: State, tmp_path: Path
) -> None:
    archive, elsewhere = tmp_path / "backup.tar", tmp_path / "other" / "place"
    assert zhenjie(home, "backup", archive).exit_code == 0
    shutil.rmtree(home)
    said = zhenjie(elsewhere, "restore", archive)
    assert said.exit_code == 0, said.output
    assert state_of(elsewhere) == undisturbed.first
    process.walk(elsewhere, TUESDAY)
    assert state_of(elsewhere) == undisturbed.both


def test_deliveries_and_ledger_alone_give_everything_again(
    process: Any, undisturbed: Any, state_of: State, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    made_by_turns = shutil.ignore_patterns("reading.json")
    shutil.copytree(undisturbed.night / "inbox", bare / "inbox", ignore=made_by_turns)
    shutil.copyfile(undisturbed.night / "ledger.sqlite", bare / "ledger.sqlite")
    process.walk(bare, MONDAY)
    process.walk(bare, TUESDAY)
    assert state_of(bare) == undisturbed.both


def test_between_publication_and_packages_readers_see_the_new_warehouse_and_no_package_of_it(
    home: Path, process: Any, undisturbed: Any, state_of: State
) -> None:
    assert process.attempt(home, TUESDAY, dies_at="build_packages").codes == (-signal.SIGKILL,)
    assert tables(state_of(home)) == tables(undisturbed.both)
    assert read_index(Home(home).returns(TUESDAY)) is None
    assert read_index(Home(home).returns(MONDAY)) is not None
    process.walk(home, TUESDAY)
    assert state_of(home) == undisturbed.both


def test_a_ledger_whose_server_is_lost_at_any_stage_is_named_and_the_turn_ends_as_it_does_with_one_of_our_own(
    process: Any, undisturbed: Any, state_of: State, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    with running() as server:
        url, folder = server.database(), str(server.folder)
        # Standardisation reads the answers; when packages are built, the turn has read all that it needs.
        for stage, reached in (
            ("prepared", False),
            ("extract", False),
            ("build_packages", True),
            ("reply", True),
        ):
            attempt = process.attempt(home, MONDAY, ledger=url, loses=folder, loses_at=stage)
            assert attempt.codes == (1,)
            assert "台账数据库的连接中断" in attempt.told[0]
            assert (read_index(Home(home).returns(MONDAY)) is not None) == reached
            server.start()
        process.walk(home, MONDAY, ledger=url)
        assert state_of(home, url) == undisturbed.first
        process.walk(home, TUESDAY, ledger=url)
        assert state_of(home, url) == undisturbed.both
    assert not Home(home).ledger.exists()


def damage(home: Home) -> list[Damage]:
    return [*delivery_damage(home), *lake_damage(Lake(home.lake)), *warehouse_damage(home, NO_KEYS)]


STAGES = (
    "deliver", "prepared", "extract", "standardise", "verify", "update_tickets", "fuse", "build", "switch",
    "build_packages", "build_summary", "reply",
)  # fmt: skip


def test_a_disk_that_is_full_at_any_stage_is_named_and_nothing_half_is_left(
    process: Any, undisturbed: Any, state_of: State, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    for stage in STAGES:
        attempt = process.attempt(home, MONDAY, full_at=stage)
        assert attempt.codes == (1,)
        (told,) = attempt.told
        assert told is not None
        assert "再运行一次" in told
        assert damage(Home(home)) == []
    process.walk(home, MONDAY)
    assert state_of(home) == undisturbed.first


def test_whatever_is_damaged_of_a_batch_is_named_by_the_doctor_and_the_same_again_after_its_turn(
    home: Path, process: Any, undisturbed: Any, state_of: State
) -> None:
    damaged = [*home.glob("lake/*/*/*/*.parquet"), *home.glob("returns/*/*.zip"), home / "warehouse.duckdb"]
    for path in damaged:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    said = zhenjie(home, "doctor")
    assert said.exit_code == 1
    assert {line.partition("：")[0] for line in said.stdout.splitlines()} == set(map(str, damaged))
    process.walk(home, MONDAY, damaged=True)
    assert state_of(home) == undisturbed.first


def test_a_folder_that_cannot_be_written_to_is_named_and_stays_as_it_was(
    home: Path, process: Any, undisturbed: Any, state_of: State
) -> None:
    folders = [home, *(path for path in home.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    attempt = process.attempt(home, TUESDAY, unprivileged=True)
    for folder in folders:
        folder.chmod(0o755)
    assert attempt.codes == (1,)
    assert "不可写" in attempt.told[0]
    assert state_of(home) == undisturbed.first


def test_of_runs_that_begin_at_once_one_goes_through_and_the_others_are_told_to_wait(
    home: Path, process: Any, undisturbed: Any, state_of: State
) -> None:
    attempt = process.attempt(home, TUESDAY, at_once=3)
    assert sorted(set(attempt.codes)) == [0, 1]
    assert ["正在使用中" in told for told in attempt.told] == [True] * attempt.codes.count(1)
    assert state_of(home) == undisturbed.both


def test_a_clock_moved_back_changes_nothing_but_the_times_told(
    home: Path, process: Any, undisturbed: Any, state_of: State
) -> None:
    process.walk(home, TUESDAY, clock=-30)
    found = state_of(home)
    differ = {name for name, digest in undisturbed.both.items() if found.pop(name, None) != digest}
    assert not found
    # The times of Tuesday's two deliveries and of the receipts are told; entries after them carry their hash.
    assert all(name.endswith("receipt.json") or name.startswith("ledger ") for name in differ)
