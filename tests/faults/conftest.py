"""A small city whose walks may be killed, starved and disturbed, and what it comes to when nobody disturbs it."""

from __future__ import annotations

import hashlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from returns.ledger.store import Ledger
from returns.packages.build import read_index
from sample_city.generate import generate
from sample_city.officer.answering import answer
from warehouse.home.folders import Home
from warehouse.publish.switch import open_published

ROOT = Path(__file__).parents[2]
DAYS = (date(2026, 3, 2), date(2026, 3, 3))
DELIVERED = ("户籍人口", "死亡医学证明")
RESIDENTS, SEED = 300, 1


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=40, help="how often runs are killed at random moments")


@dataclass(frozen=True)
class Attempt:
    """How a walk ended: the exit codes of its processes, what they told of failures, and the seconds it took."""

    codes: tuple[int, ...]
    told: tuple[str | None, ...]
    seconds: float


@dataclass(frozen=True)
class Walker:
    """The process that forks an attempt at a time; see `walker.py`."""

    process: subprocess.Popen[str]
    samples: Path

    def attempt(self, home: Path, day: date, kill_after: float | None = None, **wrong: object) -> Attempt:
        """Walk a day.

        Args:
            home: the installation.
            day: what is delivered, run and answered.
            kill_after: seconds after the beginning at which the walk is killed.
            wrong: `dies_at` and `full_at` name the stage at which the process dies or the disk is full, `clock` by
                how many days the clock is wrong, `at_once` how many do the same at once; `unprivileged` takes root's
                privileges away; `damaged` says that damage is no surprise. `ledger` is the URL of a ledger elsewhere;
                the PostgreSQL server that works in the folder `loses` ends when the stage `loses_at` begins.
        """
        assert self.process.stdin is not None
        job = {"home": str(home), "samples": str(self.samples), "day": day.isoformat(), **wrong}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        told, fact = [], self._fact()
        began = time.monotonic()
        if "ready" in fact and kill_after is not None and not self._heard_within(kill_after):
            os.kill(fact["ready"], signal.SIGKILL)
        while "ended" not in fact:
            told += [fact["told"]] if "told" in fact else []
            fact = self._fact()
        return Attempt(tuple(fact["ended"]), tuple(told), time.monotonic() - began)

    def walk(self, home: Path, day: date, **wrong: object) -> float:
        """Walk a day to its end; the seconds it took."""
        attempt = self.attempt(home, day, **wrong)
        assert attempt.codes == (0,)
        return attempt.seconds

    def _fact(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        fact: dict[str, Any] = json.loads(self.process.stdout.readline())
        return fact

    def _heard_within(self, seconds: float) -> bool:
        assert self.process.stdout is not None
        return bool(select.select([self.process.stdout], [], [], seconds)[0])


@contextmanager
def walker(samples: Path, base: Path, *arguments: str) -> Iterator[Walker]:
    command = [sys.executable, str(Path(__file__).with_name("walker.py")), str(base), *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ZHENJIE_")}
    environment |= {"PYTHONPATH": str(ROOT), "DAGSTER_DISABLE_TELEMETRY": "1"}
    # Threads are of no use to so few rows, and a fork that they outlive is no fork.
    environment |= {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    ) as process:
        yield Walker(process, samples)
        assert process.stdin is not None
        process.stdin.close()


def state(home: Path, ledger_url: str | None = None) -> dict[str, str]:
    """A digest of everything there is: each table published, each file of lake and returns, each act entered."""
    place, found = Home(home), {}
    with open_published(place) as connection:
        tables = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables ORDER BY ALL"
        ).fetchall()
        for schema, table in tables:
            rows = connection.execute(f'FROM "{schema}"."{table}" ORDER BY ALL').fetchall()
            found[f"{schema}.{table}"] = hashlib.sha256(repr(rows).encode()).hexdigest()
    for folder in (place.lake, place.root / "returns", place.inbox):
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            found[str(path.relative_to(home))] = hashlib.sha256(path.read_bytes()).hexdigest()
    with Ledger.open(ledger_url or f"sqlite:///{place.ledger}") as ledger:
        assert ledger.verify() == []
        found |= {f"ledger {entry.seq}": entry.hash for entry in ledger.entries()}
    return found


@dataclass(frozen=True)
class Undisturbed:
    """What the two days come to.

    Attributes:
        evening: the installation after the first day, answers and all; to be copied.
        night: the same after the second day.
        first: the state in the evening.
        both: the state in the night.
        lengths: the seconds of each day's walk.
        again: the seconds of a walk that finds all but the answers done.
    """

    evening: Path
    night: Path
    first: Mapping[str, str]
    both: Mapping[str, str]
    lengths: Mapping[date, float]
    again: float


@pytest.fixture(scope="session")
def small_city(shared_folder: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """Two departments' files of the first day, on the second the register with a row less; what comes of them."""

    def fill(folder: Path) -> None:
        samples = folder / "samples"
        generate(samples / "all", RESIDENTS, SEED, DAYS[0])
        first, second = (samples / day.isoformat() for day in DAYS)
        first.mkdir()
        second.mkdir()
        for path in sorted((samples / "all").iterdir()):
            if path.name.startswith(DELIVERED):
                shutil.copyfile(path, first / path.name)
        (register,) = first.glob("户籍人口*")
        lines = register.read_bytes().splitlines(keepends=True)
        (second / register.name.replace("20260302", "20260303")).write_bytes(b"".join(lines[:-1]))
        (samples / "answered" / DAYS[0].isoformat()).mkdir(parents=True)
        with walker(samples, folder) as process:
            told = both_days(process, folder)
        (folder / "undisturbed.json").write_text(json.dumps(told), encoding="utf-8")

    return shared_folder("small-city", fill)


def both_days(process: Walker, folder: Path) -> dict[str, Any]:
    """Walk both days, nobody disturbing; in the evening of the first three townships answer."""
    home = folder / "night"
    lengths = [process.walk(home, DAYS[0])]
    answered(home, process.samples)
    again = process.walk(home, DAYS[0])
    shutil.copytree(home, folder / "evening")
    lengths.append(process.walk(home, DAYS[1]))
    return {"first": state(folder / "evening"), "both": state(home), "lengths": lengths, "again": again}


def answered(home: Path, samples: Path) -> None:
    """Three townships answer what the first turn returned to them."""
    folder = Home(home).returns(DAYS[0])
    index = read_index(folder)
    assert index is not None
    for package in [package for package in index.packages if package.audience == "township"][:3]:
        shutil.unpack_archive(folder / package.file, samples / "unpacked" / package.unit_code)
        (blank,) = (samples / "unpacked" / package.unit_code).glob("*.xlsx")
        answer(blank, samples / "all" / "truth", samples / "answered" / DAYS[0].isoformat() / blank.name)


@pytest.fixture(scope="session")
def undisturbed(small_city: Path) -> Undisturbed:
    told = json.loads((small_city / "undisturbed.json").read_text(encoding="utf-8"))
    lengths = dict(zip(DAYS, told.pop("lengths"), strict=True))
    return Undisturbed(small_city / "evening", small_city / "night", lengths=lengths, **told)


Start = Callable[..., Any]


@pytest.fixture(scope="session")
def start_walker(small_city: Path, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Starts a process that walks below the folders of this run."""
    return lambda *arguments: walker(small_city / "samples", tmp_path_factory.getbasetemp(), *arguments)


@pytest.fixture(scope="session")
def process(start_walker: Start) -> Iterator[Walker]:
    with start_walker() as started:
        yield started


@pytest.fixture(scope="session")
def state_of() -> Callable[..., dict[str, str]]:
    return state
