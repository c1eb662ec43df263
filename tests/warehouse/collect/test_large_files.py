"""A file that is larger than allowed is refused before it is read; drafts of killed deliveries do not stay."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.settings import SettingsError, read_settings
from warehouse.collect.intake.landing import LARGEST_FILE, TooLargeFile, refuse_large
from warehouse.home.cleanup import leftovers, tidy, tidy_deliveries
from warehouse.home.folders import Home
from warehouse.home.lock import delivering
from warehouse.lake.store import Lake

BATCH = date(2026, 3, 2)
LISTED = "房屋编码,坐落,村居代码,房屋用途,建筑面积,产权人电话\nF1,南大街1号,370602001001,住宅,80,1\n"

HOLD = """
import sys, time
from pathlib import Path
from warehouse.home.folders import Home
from warehouse.home.lock import delivering
with delivering(Home(Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(60)
"""


def sparse(path: Path, size: int) -> Path:
    """A file of holes."""
    with path.open("wb") as file:
        file.truncate(size)
    return path


def test_a_sparse_file_of_20_gb_is_refused_by_its_size_and_the_files_behind_it_are_taken_in(
    tmp_path: Path,
) -> None:
    large, small = sparse(tmp_path / "人口.csv", 20 << 30), tmp_path / "房屋_20260302.csv"
    small.write_text(LISTED, encoding="utf-8")
    command = ["--home", str(tmp_path / "home"), "deliver", str(large), str(small), "--batch", "2026-03-02"]
    said = CliRunner().invoke(app, command, catch_exceptions=False)
    assert said.exit_code == 3
    assert "人口.csv" in said.stderr and "21,474,836,480" in said.stderr
    assert "ZHENJIE_LARGEST_FILE" in said.stderr
    assert "房屋_20260302.csv" in said.stdout
    kept = [path.name for path in (tmp_path / "home").rglob("*.csv")]
    assert kept == [small.name]


def test_a_member_of_an_archive_obeys_the_limit_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "两份.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("房屋_20260302.csv", LISTED)
        packed.writestr("人口.csv", b"0" * 2_000_001)
    monkeypatch.setenv("ZHENJIE_LARGEST_FILE", "2000000")
    command = ["--home", str(tmp_path / "home"), "deliver", str(archive), "--batch", "2026-03-02", "--json"]
    said = CliRunner().invoke(app, command, catch_exceptions=False)
    assert said.exit_code == 1
    (receipt,) = json.loads(said.stdout)
    assert "人口.csv" in receipt["message"] and "2,000,000" in receipt["message"]
    assert "ZHENJIE_LARGEST_FILE" in receipt["message"]
    monkeypatch.setenv("ZHENJIE_LARGEST_FILE", "2000001")
    said = CliRunner().invoke(app, command, catch_exceptions=False)
    assert "房屋_20260302.csv" in said.stdout


def test_the_limit_is_of_bytes_and_inclusive(tmp_path: Path) -> None:
    path = sparse(tmp_path / "x.csv", 100)
    refuse_large(path, 100)
    with pytest.raises(TooLargeFile, match="超过每个文件的上限 99 字节"):
        refuse_large(path, 99)


@pytest.mark.parametrize(
    ("text", "size"),
    [("", LARGEST_FILE), ("100", 100), ("500MiB", 500 * 1024**2), ("8 GiB", 8 * 1024**3), ("1k", 1024)],
)
def test_the_setting_is_a_size(text: str, size: int) -> None:
    assert read_settings({"ZHENJIE_LARGEST_FILE": text}).largest_file == size


@pytest.mark.parametrize("text", ["0", "-1", "4.5GiB", "much", "GiB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="ZHENJIE_LARGEST_FILE"):
        read_settings({"ZHENJIE_LARGEST_FILE": text})


def drafts(home: Home) -> list[Path]:
    """What a killed delivery leaves: a new folder, a file in a folder that is there, and its scratch."""
    places = [
        home.inbox / "2026-03-02" / ".draft-0",
        home.aside / "2026-03-02" / ".draft-1",
        home.spill / "delivery-0",
    ]
    for place in places:
        place.mkdir(parents=True)
        (place / "half").write_bytes(b"half")
    return sorted(places)


def test_drafts_of_a_killed_delivery_are_named_and_taken_away_by_the_next_delivery_or_turn(
    tmp_path: Path,
) -> None:
    home, now = Home(tmp_path), datetime.now(UTC)
    lake = Lake(home.lake)
    left = drafts(home)
    assert sorted(leftovers(home, lake, now)) == left
    tidy_deliveries(home)
    assert not any(path.exists() for path in left)
    left = drafts(home)
    assert sorted(tidy(home, lake, BATCH, now)) == left


def test_drafts_stay_while_a_delivery_is_under_way_and_go_when_it_was_killed(tmp_path: Path) -> None:
    home, lake, now = Home(tmp_path), Lake(tmp_path / "lake"), datetime.now(UTC)
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        left = drafts(home)
        tidy_deliveries(home)
        assert leftovers(home, lake, now) == []
        assert tidy(home, lake, BATCH, now) == []
        assert all(path.exists() for path in left)
        with delivering(home):
            assert other.poll() is None, "deliveries do not wait for each other"
        os.kill(other.pid, signal.SIGKILL)
    tidy_deliveries(home)
    assert not any(path.exists() for path in left)
