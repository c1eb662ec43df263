"""`deliver`, `reply`, `backup` and `restore`, killed at random moments or on a full disk: nothing is lost or locked."""

from __future__ import annotations

import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from assets.platform import Platform
from pipelines.commands.operations import _faults
from returns.ledger.chain import Act
from returns.ledger.store import Ledger
from warehouse.collect.intake import reception
from warehouse.home.backup import restore_backup
from warehouse.home.files import is_draft, sha256_of
from warehouse.home.folders import Home
from warehouse.home.lock import exclusive, holding_deliveries

ROOT = Path(__file__).parents[2]
MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
KILLS, SEED = 10, 3
# Less than any delivered file, answer, database or archive has.
LITTLE = 3_000
# So large that writing it takes longer than beginning: kills then hit the archive.
LARGE = 48 << 20
Install = Callable[[Path], Platform]


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, what it said, and the seconds it took."""

    code: int
    said: str
    seconds: float


@dataclass(frozen=True)
class Commander:
    """The process that runs commands; see `commander.py`."""

    process: subprocess.Popen[str]
    output: Path

    def run(self, *arguments: object, kill_after: float | None = None, largest: int | None = None) -> Ended:
        """Run a command to its end, or kill it so many seconds after its beginning."""
        assert self.process.stdin is not None and self.process.stdout is not None
        environment = {"ZHENJIE_DATASETS": "police.population,health.death", "ZHENJIE_USER": "officer"}
        job = {"arguments": [*map(str, arguments)], "environment": environment, "output": str(self.output)}
        self.process.stdin.write(json.dumps({**job, "largest": largest}) + "\n")
        self.process.stdin.flush()
        child = int(self.process.stdout.readline())
        began = time.monotonic()
        heard = kill_after is None or bool(select.select([self.process.stdout], [], [], kill_after)[0])
        if not heard:
            os.kill(child, signal.SIGKILL)
        code = int(self.process.stdout.readline())
        said = self.output.read_text(encoding="utf-8", errors="replace")
        return Ended(code, said, time.monotonic() - began)

    def kill_at_random(self, seconds: float, *arguments: object) -> Iterator[Ended]:
        """Run a command again and again, killed at moments spread over the seconds that it takes."""
        rng = random.Random(SEED)
        for number in range(KILLS):
            yield self.run(*arguments, kill_after=seconds * (number + rng.random()) / KILLS)


@pytest.fixture(scope="module")
def commander(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commander]:
    command = [sys.executable, "-m", "tests.faults.commander"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ZHENJIE_")}
    environment |= {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    ) as process:
        yield Commander(process, tmp_path_factory.mktemp("said") / "output")
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def home(undisturbed: Any, tmp_path: Path) -> Path:
    """The installation in the evening of Monday."""
    shutil.copytree(undisturbed.evening, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def files(small_city: Path) -> list[Path]:
    """What the departments deliver on Tuesday, and once more on Monday's form."""
    found = sorted((small_city / "samples" / TUESDAY.isoformat()).iterdir())
    return [*found, *sorted((small_city / "samples" / MONDAY.isoformat()).glob("死亡*"))]


@pytest.fixture
def workbooks(small_city: Path, tmp_path: Path) -> list[Path]:
    """The townships' answers as other files than those that were taken in: a zip may have a comment."""
    (tmp_path / "answered").mkdir()
    found = []
    for path in sorted((small_city / "samples/answered" / MONDAY.isoformat()).glob("*.xlsx")):
        found.append(Path(shutil.copyfile(path, tmp_path / "answered" / path.name)))
        with zipfile.ZipFile(found[-1], "a") as archive:
            archive.comment = b"again"
    return found


def grown(home: Path) -> Path:
    """The installation with a large file in it."""
    (home / "alerts").mkdir()
    (home / "alerts" / "large.json").write_bytes(random.Random(SEED).randbytes(LARGE))
    return home


def is_free(home: Path) -> bool:
    """Whether nobody holds a lock of the installation."""
    with exclusive(Home(home), "test"), holding_deliveries(Home(home)) as alone:
        return alone


def is_told_in_chinese(ended: Ended) -> bool:
    """Whether a failure says what and what to do, and shows no places in the code."""
    return "Traceback" not in ended.said and "请" in ended.said


def is_delivered_once(home: Path, files: list[Path], install: Install) -> bool:
    """Whether each file lies in the inbox once, and is in the ledger once."""
    expected = Counter(sha256_of(path) for path in files)
    kept = Counter(receipt.sha256 for receipt in reception.receipts(Home(home).inbox, TUESDAY))
    with install(home).open_ledger() as ledger:
        deliveries = ledger.deliveries()
    entered = Counter(deliveries.filter(deliveries["batch"] == TUESDAY.isoformat())["file_sha256"].to_list())
    return kept == entered == expected


def test_deliveries_that_are_killed_are_whole_or_not_there(
    home: Path, files: list[Path], commander: Commander, install: Install, tmp_path: Path
) -> None:
    command = ("deliver", *files, "--batch", TUESDAY)
    whole = commander.run("--home", shutil.copytree(home, tmp_path / "other"), *command)
    assert whole.code == 0, whole.said
    shutil.copytree(home, tmp_path / "full")
    killed = list(commander.kill_at_random(whole.seconds, "--home", home, *command))
    assert sum(ended.code == -signal.SIGKILL for ended in killed) > KILLS // 2
    full = commander.run("--home", tmp_path / "full", *command, largest=LITTLE)
    assert full.code == 3 and is_told_in_chinese(full), full.said
    for place in (home, tmp_path / "full"):
        assert is_free(place)
        again = commander.run("--home", place, *command)
        assert again.code == 0, again.said
        assert is_delivered_once(place, files, install)
        assert list(_faults(install(place))) == []
        assert not [path for path in (place / "inbox").rglob("*") if is_draft(path.name)]


def test_answers_that_are_killed_are_entered_whole_and_once(
    home: Path, workbooks: list[Path], commander: Commander, install: Install, tmp_path: Path
) -> None:
    whole = commander.run("--home", shutil.copytree(home, tmp_path / "other"), "reply", *workbooks)
    assert whole.code in (0, 1) and "Traceback" not in whole.said, whole.said
    killed = list(commander.kill_at_random(whole.seconds, "--home", home, "reply", *workbooks))
    assert sum(ended.code == -signal.SIGKILL for ended in killed) > KILLS // 2
    full = tmp_path / "full"
    shutil.copytree(home, full)
    refused = commander.run("--home", full, "reply", *workbooks, largest=LITTLE)
    assert refused.code == 3 and is_told_in_chinese(refused), refused.said
    for place in (home, full):
        assert is_free(place)
        again = commander.run("--home", place, "reply", *workbooks)
        assert again.code == whole.code, again.said
        with install(place).open_ledger() as ledger:
            entries = [entry for entry in ledger.entries() if entry.kind is Act.REPLY]
            assert ledger.verify() == []
            assert ledger.losses(thorough=True) == []
        entered = Counter(entry.detail["file_sha256"] for entry in entries)
        assert [entered[sha256_of(path)] for path in workbooks] == [1] * len(workbooks)
        assert list(_faults(install(place))) == []


def test_a_backup_that_is_killed_is_whole_or_not_there(
    home: Path, commander: Commander, install: Install, tmp_path: Path
) -> None:
    whole = commander.run("--home", grown(home), "backup", tmp_path / "whole.tar")
    assert whole.code == 0, whole.said
    for number, ended in enumerate(
        commander.kill_at_random(whole.seconds, "--home", home, "backup", tmp_path / "killed.tar")
    ):
        if (tmp_path / "killed.tar").exists():
            restore_backup(Home(tmp_path / f"restored-{number}"), tmp_path / "killed.tar")
            (tmp_path / "killed.tar").unlink()
        else:
            assert ended.code == -signal.SIGKILL, ended.said
    full = commander.run("--home", home, "backup", tmp_path / "full.tar", largest=LARGE // 2)
    assert full.code == 3 and is_told_in_chinese(full), full.said
    assert not (tmp_path / "full.tar").exists() and not (tmp_path / ".full.tar").exists()
    assert is_free(home)
    assert commander.run("--home", home, "backup", tmp_path / "killed.tar").code == 0
    assert not (tmp_path / ".killed.tar").exists()
    assert list(_faults(install(home))) == []


def test_a_restored_home_is_whole_or_not_there(
    home: Path, commander: Commander, install: Install, tmp_path: Path
) -> None:
    archive, place = tmp_path / "whole.tar", tmp_path / "new"
    assert commander.run("--home", grown(home), "backup", archive).code == 0
    whole = commander.run("--home", tmp_path / "other", "restore", archive)
    assert whole.code == 0, whole.said
    full = commander.run("--home", place, "restore", archive, largest=LARGE // 2)
    assert full.code == 3 and is_told_in_chinese(full), full.said
    assert not place.exists()
    killed = 0
    for ended in commander.kill_at_random(whole.seconds, "--home", place, "restore", archive):
        killed += ended.code == -signal.SIGKILL
        if place.exists():
            assert list(_faults(install(place))) == []
            shutil.rmtree(place)
    assert killed > KILLS // 2
    again = commander.run("--home", place, "restore", archive)
    assert again.code == 0, again.said
    assert is_free(place)
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
    with Ledger.open(f"sqlite:///{place / 'ledger.sqlite'}") as ledger:
        assert ledger.verify() == []
