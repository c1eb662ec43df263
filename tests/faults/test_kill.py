"""kill -9 at random moments: what is published in the end is what an undisturbed run publishes, and never half.

10 moments in the suite, 40 before a change lands (`make faults KILLS=40`); `make faults` kills 200 times, a tenth
of them through Dagster.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from returns.ledger.store import Ledger
from returns.packages import read_index
from sample_city.generate import generate
from sample_city.officer import answer
from warehouse.home import Home
from warehouse.lake import Lake
from warehouse.leftovers import leftovers
from warehouse.publish import open_published

ROOT = Path(__file__).parents[2]
DAYS = (date(2026, 3, 2), date(2026, 3, 3))
DELIVERED = ("户籍人口", "户口注销", "死亡医学证明")
RESIDENTS, SEED = 300, 1
# Kills in one installation; after the last in each walk it is let go to its end.
FEW = 40
IN_SUITE = 10


@dataclass
class Walker:
    """The process that forks an attempt at a time; see `walker.py`."""

    process: subprocess.Popen[str]
    samples: Path

    def attempt(self, home: Path, day: date, delay: float | None = None) -> tuple[int, float]:
        """Walk a day, killed `delay` seconds after it was ready; the exit code, and the seconds it took."""
        assert self.process.stdin is not None
        job = {"home": str(home), "samples": str(self.samples), "day": day.isoformat()}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        child = int(self._line())
        assert self._line() == "ready"
        began = time.monotonic()
        if delay is not None and not self._ended_within(delay):
            os.kill(child, signal.SIGKILL)
        return int(self._line()), time.monotonic() - began

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def _ended_within(self, seconds: float) -> bool:
        assert self.process.stdout is not None
        return bool(select.select([self.process.stdout], [], [], seconds)[0])


@contextmanager
def walker(samples: Path, *arguments: str) -> Iterator[Walker]:
    command = [sys.executable, str(Path(__file__).with_name("walker.py")), *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ZHENJIE_")}
    environment |= {"PYTHONPATH": str(ROOT), "DAGSTER_DISABLE_TELEMETRY": "1"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    ) as process:
        yield Walker(process, samples)
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three departments' files of the first day; on the second the register comes with a row less."""
    folder = tmp_path_factory.mktemp("samples")
    generate(folder / "all", RESIDENTS, SEED, DAYS[0])
    first, second = (folder / day.isoformat() for day in DAYS)
    first.mkdir()
    second.mkdir()
    for path in sorted((folder / "all").iterdir()):
        if path.name.startswith(DELIVERED):
            shutil.copyfile(path, first / path.name)
    (register,) = first.glob("户籍人口*")
    lines = register.read_bytes().splitlines(keepends=True)
    (second / register.name.replace("20260302", "20260303")).write_bytes(b"".join(lines[:-1]))
    (folder / "answered" / DAYS[0].isoformat()).mkdir(parents=True)
    return folder


def answered(home: Path, samples: Path) -> None:
    """Three townships answer what the first turn returned to them."""
    folder = Home(home).returns(DAYS[0])
    index = read_index(folder)
    assert index is not None
    for package in [package for package in index.packages if package.audience == "township"][:3]:
        shutil.unpack_archive(folder / package.file, samples / "unpacked" / package.unit_code)
        (blank,) = (samples / "unpacked" / package.unit_code).glob("*.xlsx")
        answer(blank, samples / "all" / "truth", samples / "answered" / DAYS[0].isoformat() / blank.name)


def state(home: Path) -> dict[str, str]:
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
    with Ledger.open(f"sqlite:///{place.ledger}") as ledger:
        assert ledger.verify() == []
        found |= {f"ledger {entry.seq}": entry.hash for entry in ledger.entries()}
    return found


@contextmanager
def a_reader(home: Home, pause: threading.Lock) -> Iterator[list[str]]:
    """Somebody who opens what is published again and again; yields what was not whole."""
    seen: list[str] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.wait(0.05):
            with pause:
                seen.extend(_not_whole(home))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def _not_whole(home: Home) -> Iterator[str]:
    if home.warehouse.exists():
        try:
            with open_published(home) as connection:
                (tickets,) = connection.execute("SELECT count(*) FROM quality.ticket").fetchall()[0]
                newest = connection.execute("SELECT max(batch) FROM catalog.batch").fetchall()
            if not tickets or not newest:
                yield "a warehouse without its rows"
        except duckdb.Error as error:
            yield f"a warehouse that does not open: {error}"
    for day in DAYS:
        folder = home.returns(day)
        index = read_index(folder)
        for package in index.packages if index else ():
            try:
                digest = hashlib.sha256((folder / package.file).read_bytes()).hexdigest()
            except FileNotFoundError:
                digest = ""
            if digest != package.sha256 and read_index(folder) == index:
                yield f"an index that does not fit {package.file}"


@dataclass
class Lengths:
    """Seconds of a walk from its start, and of one that finds all done."""

    whole: float
    again: float


@dataclass(frozen=True)
class Storm:
    """Walks that are killed again and again, in a home of their own."""

    process: Walker
    home: Path
    lengths: Mapping[date, Lengths]
    rng: random.Random
    # Held while the home is put back to the morning, which no reader of ours is to see.
    pause: threading.Lock = field(default_factory=threading.Lock)

    def walk(self, day: date, kills: int) -> None:
        """Kill a day's walk at random moments spread over its length, then let it go to its end.

        A walk that reaches its end before the last of them begins anew from the morning.
        """
        morning = self.home.with_name("morning")
        if self.home.exists():
            shutil.copytree(self.home, morning)
        left, lengths = kills, self.lengths[day]
        while left:
            for number in range(left):
                skipped = lengths.again * number / left
                delay = skipped + self.rng.uniform(0, 1.6 * lengths.whole / left)
                code, _ = self.process.attempt(self.home, day, delay)
                if code == 0:
                    break
                assert code == -signal.SIGKILL
                left -= 1
            else:
                break
            with self.pause:
                shutil.rmtree(self.home)
                if morning.exists():
                    shutil.copytree(morning, self.home)
        assert self.process.attempt(self.home, day)[0] == 0
        shutil.rmtree(morning, ignore_errors=True)


@pytest.fixture(scope="module")
def process(samples: Path) -> Iterator[Walker]:
    with walker(samples) as started:
        yield started


@pytest.fixture(scope="module")
def undisturbed(
    samples: Path, process: Walker, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, str], dict[date, Lengths]]:
    """The state after both days, nobody disturbing, and how long each day takes."""
    home, lengths = tmp_path_factory.mktemp("undisturbed") / "home", {}
    for day in DAYS:
        code, whole = process.attempt(home, day)
        assert code == 0
        if day == DAYS[0]:
            answered(home, samples)
        # The second time the answers are there.
        code, again = process.attempt(home, day)
        assert code == 0
        lengths[day] = Lengths(whole, again)
    return state(home), lengths


def test_a_run_that_is_killed_at_any_moment_ends_like_an_undisturbed_one(
    samples: Path,
    process: Walker,
    undisturbed: tuple[dict[str, str], dict[date, Lengths]],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    expected, lengths = undisturbed
    wanted: int = request.config.getoption("--kills", default=IN_SUITE)
    through_dagster = wanted // 10 if wanted > FEW else 0
    rng, home = random.Random(SEED), tmp_path / "home"
    for kills in shares(wanted - through_dagster):
        endure(Storm(process, home, lengths, rng), kills, expected)
    if through_dagster:
        with walker(samples, "--dagster") as other:
            for kills in shares(through_dagster):
                endure(Storm(other, home, lengths, rng), kills, expected)


def shares(kills: int) -> list[int]:
    """How many of so many kills come in each installation."""
    return [FEW] * (kills // FEW) + [kills % FEW] * bool(kills % FEW)


def endure(storm: Storm, kills: int, expected: Mapping[str, str]) -> None:
    """A new installation through a storm: a reader sees nothing torn, and in the end all is as expected."""
    home = storm.home
    with a_reader(Home(home), storm.pause) as torn:
        storm.walk(DAYS[0], kills // 2)
        storm.walk(DAYS[1], kills - kills // 2)
    assert torn == []
    assert state(home) == expected
    later = datetime.now(UTC) + timedelta(days=2)
    assert leftovers(Home(home), Lake(home / "lake"), later) == []
    shutil.rmtree(home)
