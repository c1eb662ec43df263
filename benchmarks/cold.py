"""Runs cold turns, each in a process of its own, to find faults that occur only in some starts.

Run `make cold TURNS=30`. A small sample city is delivered once. Every turn works on a copy of this installation in a
new process, two processes at a time. Prints a line for each failed turn, then the number of failed turns and the
duration of turns. The exit code is 1 if a turn failed.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pipelines.demonstration import FIRST_BATCH

AT_ONCE = 2


@dataclass(frozen=True)
class Turn:
    """The end of a turn: its exit code, its last output on stderr, its seconds."""

    code: int
    said: str
    seconds: float


def zhenjie(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    command = [sys.executable, "-m", "pipelines.cli", "--home", str(home), *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


def delivered(folder: Path, residents: int, seed: int) -> Path:
    """An installation that has received a sample city and has run no turn."""
    home, batch = folder / "delivered", FIRST_BATCH.isoformat()
    drawn = zhenjie(
        home, "sample", str(folder / "sample"), "--residents", str(residents), "--seed", str(seed)
    )
    files = sorted(str(path) for path in (folder / "sample").iterdir() if path.is_file())
    received = zhenjie(home, "deliver", *files, "--batch", batch)
    for done in (drawn, received):
        if done.returncode:
            raise SystemExit(done.stderr)
    return home


def cold_turn(delivered_home: Path, home: Path) -> Turn:
    """One turn on a copy of an installation."""
    shutil.copytree(delivered_home, home)
    began = time.monotonic()
    done = zhenjie(home, "run")
    seconds = time.monotonic() - began
    shutil.rmtree(home)
    return Turn(done.returncode, "\n".join(done.stderr.splitlines()[-5:]), seconds)


def main() -> int:
    """Run the turns and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=30)
    parser.add_argument("--residents", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zhenjie-cold-") as folder:
        seed_home = delivered(Path(folder), asked.residents, asked.seed)
        homes = [Path(folder) / f"turn-{number}" for number in range(asked.turns)]
        with ThreadPoolExecutor(AT_ONCE) as processes:
            turns = list(processes.map(lambda home: cold_turn(seed_home, home), homes))
    failed = [turn for turn in turns if turn.code]
    for turn in failed:
        sys.stdout.write(f"exit {turn.code} after {turn.seconds:.1f} s\n{turn.said}\n")
    median = statistics.median(turn.seconds for turn in turns)
    sys.stdout.write(
        f"{len(turns)} cold turns, {AT_ONCE} at a time: {len(failed)} failed; {median:.1f} s each (median)\n"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
