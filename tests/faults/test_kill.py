"""kill -9 at random moments: what is published in the end is what an undisturbed run publishes, and never half.

40 moments in the suite; `make faults` kills 200 times, a tenth of them through Dagster.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from returns.packages.build import read_index
from warehouse.home.cleanup import leftovers, tidy
from warehouse.home.folders import Home
from warehouse.lake.store import Lake
from warehouse.publish.switch import open_published

SEED = 1
# Kills in one installation; after the last in each walk it is let go to its end.
FEW = 40

Facts = tuple[int, int, int]


@contextmanager
def a_reader(home: Home, days: tuple[date, ...], pause: threading.Lock) -> Iterator[list[str]]:
    """Somebody who opens what is published again and again; yields what was not whole."""
    seen: list[str] = []
    stop = threading.Event()

    def read() -> None:
        last: dict[Path, Facts] = {}
        while not stop.wait(0.02):
            with pause:
                if (now := _published_files(home)) != last:
                    seen.extend(_not_whole(home, days))
                was, is_now = (files.get(home.warehouse) for files in (last, now))
                if was and is_now and was != is_now and was[0] == is_now[0]:
                    seen.append("a warehouse that is written where it is read")
                last = now

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def _published_files(home: Home) -> dict[Path, Facts]:
    """What is published, and what of it changes with its content: inode, time and size."""
    found = {}
    for path in (home.warehouse, *home.root.glob("returns/*/*")):
        with suppress(FileNotFoundError):
            facts = path.stat()
            found[path] = (facts.st_ino, facts.st_mtime_ns, facts.st_size)
    return found


def _not_whole(home: Home, days: tuple[date, ...]) -> Iterator[str]:
    if home.warehouse.exists():
        try:
            with open_published(home) as connection:
                (tickets,) = connection.execute("SELECT count(*) FROM quality.ticket").fetchall()[0]
                newest = connection.execute("SELECT max(batch) FROM catalog.batch").fetchall()
            if not tickets or not newest:
                yield "a warehouse without its rows"
        except duckdb.Error as error:
            yield f"a warehouse that does not open: {error}"
    for day in days:
        folder = home.returns(day)
        index = read_index(folder)
        for package in index.packages if index else ():
            try:
                digest = hashlib.sha256((folder / package.file).read_bytes()).hexdigest()
            except FileNotFoundError:
                digest = ""
            if digest != package.sha256 and read_index(folder) == index:
                yield f"an index that does not fit {package.file}"


@dataclass(frozen=True)
class Storm:
    """Walks that are killed again and again, in a home of their own."""

    process: Any
    home: Path
    undisturbed: Any
    rng: random.Random
    # How much longer this process's walks are than the undisturbed ones.
    slower: float = 1
    # Held while the home is put back to the morning, which no reader of ours is to see.
    pause: threading.Lock = field(default_factory=threading.Lock)

    def walk(self, day: date, kills: int) -> None:
        """Kill a day's walk at random moments spread over its length, then let it go to its end.

        What one leaves is what the next is killed on. A walk that reaches its end before the last of them begins
        anew from the morning.
        """
        morning = self.home.with_name("morning")
        if self.home.exists():
            shutil.copytree(self.home, morning)
        left = kills
        while left:
            left -= self._kill(day, left)
            if not left:
                break
            over = self.home.with_name("over")
            with self.pause:
                self.home.rename(over)
                if morning.exists():
                    shutil.copytree(morning, self.home)
            shutil.rmtree(over)
        self.process.walk(self.home, day)
        shutil.rmtree(morning, ignore_errors=True)

    def _kill(self, day: date, planned: int) -> int:
        """Kill so many walks after each other, unless one reaches its end; how many were killed."""
        further = self.undisturbed.lengths[day] * min(1, 1.8 / planned)
        for number in range(planned):
            done_before = self.undisturbed.again * number / planned
            moment = self.slower * (done_before + self.rng.uniform(0, further))
            (code,) = self.process.attempt(self.home, day, moment).codes
            if code == 0:
                return number
            assert code == -signal.SIGKILL
        return planned

    def endure(self, state_of: Callable[[Path], dict[str, str]], kills: int) -> None:
        """Both days in a new installation: a reader sees nothing torn, and in the end all is as expected."""
        first, second = days = tuple(self.undisturbed.lengths)
        with a_reader(Home(self.home), days, self.pause) as torn:
            self.walk(first, kills // 2)
            self.walk(second, kills - kills // 2)
        assert torn == []
        home, lake, now = Home(self.home), Lake(self.home / "lake"), datetime.now(UTC)
        assert leftovers(home, lake, now) == []
        # But deliveries, which might be under way.
        tidy(home, lake, second, now + timedelta(days=2))
        assert state_of(self.home) == self.undisturbed.both
        shutil.rmtree(self.home)


def test_a_run_that_is_killed_at_any_moment_ends_like_an_undisturbed_one(
    start_walker: Any,
    process: Any,
    undisturbed: Any,
    state_of: Callable[[Path], dict[str, str]],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    wanted: int = request.config.getoption("--kills", default=FEW)
    through_dagster = wanted // 10 if wanted > FEW else 0
    rng, home = random.Random(SEED), tmp_path / "home"
    for kills in shares(wanted - through_dagster):
        Storm(process, home, undisturbed, rng).endure(state_of, kills)
    if through_dagster:
        with start_walker("--dagster") as other:
            for kills in shares(through_dagster):
                Storm(other, home, undisturbed, rng, slower=3).endure(state_of, kills)


def shares(kills: int) -> list[int]:
    """How many of so many kills come in each installation."""
    return [FEW] * (kills // FEW) + [kills % FEW] * bool(kills % FEW)
