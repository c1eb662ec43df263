"""All hostile files at once, under the limits that hold in operation: delivered, in the inbox, sent as replies.

Each command runs in a process of its own, whose memory, its workers' included, is looked at all the while.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.hostile.files import CONTRACT, GOOD, hostile_files

ROOT = Path(__file__).parents[2]
# What files of a few kilobytes or megabytes may cost: bytes of a command with its workers, seconds for one file.
MOST_MEMORY, MOST_SECONDS = 2 << 30, 30
# These are large themselves, and may take what their size allows.
LARGE = 8 << 20
SENSOR = """
import json, sys
from pathlib import Path
import dagster as dg
from pipelines.platform import build_platform
from pipelines.sensors import inbox
from pipelines.settings import read_settings
platform = build_platform(read_settings(home=Path(sys.argv[1])))
result = inbox(dg.build_sensor_context(dg.DagsterInstance.ephemeral(), cursor=None), platform=platform)
print(json.dumps([request.partition_key for request in result.run_requests]))
"""


@dataclass(frozen=True)
class Run:
    """How a command ended, what it printed, and the most memory it had."""

    code: int
    out: str
    memory: int
    seconds: float


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Every hostile file, and sound ones as the first, in the middle, and as the last."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "contracts").mkdir()
    (folder / "contracts" / "pair.yaml").write_text(CONTRACT, encoding="utf-8")
    paths = []
    for file in hostile_files():
        path = folder / file.name
        file.write(path)
        paths.append(path)
    for number, place in enumerate((0, len(paths) // 2, len(paths))):
        path = folder / f"敌意-good-{number}.csv"
        path.write_text(GOOD + f"K{number},好\n", encoding="utf-8")
        paths.insert(place + number, path)
    os.mkfifo(folder / "敌意-pipe.csv")
    (folder / "敌意-link.csv").symlink_to(paths[0])
    return [folder / "敌意-pipe.csv", folder / "敌意-link.csv", *paths]


def run(home: Path, contracts: Path, *command: object) -> Run:
    """A command in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ZHENJIE_")}
    environment |= {"ZHENJIE_CONTRACTS": str(contracts), "ZHENJIE_DATASETS": "hostile.*"}
    environment |= {"ZHENJIE_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "1"}
    began, most = time.monotonic(), 0
    with subprocess.Popen(
        [sys.executable, *map(str, command)], stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    ) as process:
        said: list[str] = []
        assert process.stdout is not None
        thread = threading.Thread(target=lambda: said.append(process.stdout.read()))
        thread.start()
        while process.poll() is None:
            most = max(most, _memory(process.pid))
            time.sleep(0.02)
        thread.join()
    return Run(process.returncode, said[0], most, time.monotonic() - began)


def _memory(pid: int) -> int:
    """Bytes in memory of a process and its children."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    except OSError:
        return 0
    resident = next((int(line.split()[1]) << 10 for line in status if line.startswith("VmRSS:")), 0)
    return resident + sum(_memory(int(child)) for child in children)


def test_every_hostile_file_of_a_batch_has_its_receipt_and_the_sound_ones_are_received(
    batch: list[Path], tmp_path: Path
) -> None:
    contracts = batch[0].parent / "contracts"
    done = run(
        tmp_path / "home",
        contracts,
        "-m",
        "pipelines.cli",
        "deliver",
        "--batch",
        "2026-03-02",
        "--json",
        *batch,
    )
    assert done.code == 1
    receipts = json.loads(done.out)
    by_name = {receipt["file"].split("/")[0]: receipt for receipt in receipts}
    assert by_name.keys() == {path.name for path in batch}
    assert all(by_name[path.name]["status"] == "received" for path in batch if "-good-" in path.name)
    aside = [receipt for receipt in receipts if receipt["status"] == "set_aside"]
    assert len(aside) > 60
    assert all("请" in receipt["message"] for receipt in aside)
    assert done.memory < MOST_MEMORY


def test_no_small_file_holds_anybody_up(batch: list[Path], tmp_path: Path) -> None:
    contracts = batch[0].parent / "contracts"
    for number, path in enumerate(batch):
        if path.lstat().st_size > LARGE or number % 8:
            continue
        done = run(
            tmp_path / f"home-{number}",
            contracts,
            "-m",
            "pipelines.cli",
            "deliver",
            "--batch",
            "2026-03-02",
            path,
        )
        assert (path.name, done.code) in {(path.name, 0), (path.name, 1)}
        assert done.seconds < MOST_SECONDS
        assert done.memory < MOST_MEMORY


def test_a_turn_reads_or_refuses_what_was_received(batch: list[Path], tmp_path: Path) -> None:
    contracts, home = batch[0].parent / "contracts", tmp_path / "home"
    chosen = [path for path in batch if path.lstat().st_size < LARGE and path.is_file()]
    run(home, contracts, "-m", "pipelines.cli", "deliver", "--batch", "2026-03-02", *chosen, batch[-1])
    script = (
        "import sys; from pathlib import Path; from datetime import date\n"
        "from pipelines.platform import build_platform; from pipelines.settings import read_settings\n"
        "from warehouse.collect.extracts.extract import extract\n"
        "platform = build_platform(read_settings(home=Path(sys.argv[1])))\n"
        "with platform.open_batch(date(2026, 3, 2)) as opened:\n"
        "    done = extract(opened, platform.home, platform.library['hostile.pair'])\n"
        "print(done.partition.rows, len(done.refused))\n"
    )
    done = run(home, contracts, "-c", script, home)
    assert done.code == 0
    # The newest is the last sound file.
    assert done.out.split()[0] == "2"
    assert done.memory < MOST_MEMORY


def test_hostile_files_are_refused_as_replies_and_the_lock_is_let_go(
    batch: list[Path], tmp_path: Path
) -> None:
    contracts, home = batch[0].parent / "contracts", tmp_path / "home"
    done = run(home, contracts, "-m", "pipelines.cli", "reply", "--json", *batch)
    assert done.code == 1
    intakes = json.loads(done.out)
    assert [each["file"] for each in intakes] == [path.name for path in batch]
    assert all(each["message"] and not each["accepted"] for each in intakes)
    assert done.memory < MOST_MEMORY
    assert (home / "lock").read_text(encoding="utf-8") == ""


def test_the_sensor_takes_in_what_lies_in_the_inbox_and_leaves_pipes_and_links(
    batch: list[Path], tmp_path: Path
) -> None:
    contracts, home = batch[0].parent / "contracts", tmp_path / "home"
    (home / "inbox").mkdir(parents=True)
    small = [path for path in batch if path.is_symlink() or path.is_fifo() or path.lstat().st_size < LARGE]
    for path in small:
        target = home / "inbox" / path.name
        if path.is_fifo():
            os.mkfifo(target)
        elif path.is_symlink():
            target.symlink_to(path.resolve())
        else:
            target.write_bytes(path.read_bytes())
            # A clock that is ahead, and one that is right.
            os.utime(target, (time.time() + (86_400 if "good-0" in path.name else -60),) * 2)
    # The entry of the file from the future has to be old enough.
    time.sleep(31)
    done = run(home, contracts, "-c", SENSOR, home)
    assert done.code == 0
    assert len(json.loads(done.out.splitlines()[-1])) == 1
    left = {path.name for path in (home / "inbox").iterdir() if not path.is_dir()}
    assert left == {"敌意-pipe.csv", "敌意-link.csv"}
    assert done.memory < MOST_MEMORY
