"""What tests of several floors share: an installation, a turn without Dagster, a city after one turn."""

from __future__ import annotations

import base64
import fcntl
import gc
import hashlib
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from assets.platform import Platform
from assets.tasks import Stage, run_tasks
from returns.ledger.deliveries import delivered_batches, enter_deliveries
from sample_city.generate import SampleCity, plan_city
from schemas.codes import CodeLibrary
from schemas.contract.library import Library, load_library
from tests.loop import NO_SUMMARY, UNPUBLISHED
from warehouse.collect.intake import reception
from warehouse.engine.connection import Engine
from warehouse.home.encryption import Key, Keys
from warehouse.home.folders import Home
from warehouse.home.register import note
from warehouse.lake.thresholds import Thresholds

CHINA = ZoneInfo("Asia/Shanghai")
FIRST = date(2026, 3, 2)
RESIDENTS, SEED = 3_000, 1
# Installations with one key make the same packages, byte for byte.
SIGNING_KEY = base64.b64encode(b"signing key of the test suite...").decode()
SIGNING = Keys(Key(SIGNING_KEY))


@cache
def sample_city() -> SampleCity:
    """The city that is walked through: drawn once, delivered day by day."""
    return plan_city(RESIDENTS, SEED)


@dataclass(frozen=True)
class Walk:
    """An installation with the sample city in it."""

    platform: Platform
    samples: Path

    def truth(self, day: date) -> Path:
        """What is right on a day, and what was planted."""
        return self.samples / day.isoformat() / "truth"

    def prepare(self, day: date) -> Path:
        """What the departments send on a day, in a folder, not delivered yet.

        Everything the first time; afterwards, of datasets that take it, what changed since the day before.
        """
        folder = self.samples / day.isoformat()
        if not folder.exists():
            sent = (date.fromisoformat(truth.parent.name) for truth in self.samples.glob("*/truth"))
            since = max((then for then in sent if then < day), default=None)
            sample_city().generate(folder, day, since=since)
        return folder

    def deliver(self, day: date, names: str = "*") -> None:
        """The departments deliver what they send on a day, or some files of it by the pattern of their names.

        A file that mends another has the later name.
        """
        files = sorted(path for path in self.prepare(day).glob(names) if path.is_file())
        at = datetime(day.year, day.month, day.day, 8, tzinfo=CHINA)
        reception.deliver(self.platform.home, self.platform.library, files, day, at)
        with self.platform.open_ledger() as ledger:
            enter_deliveries(ledger, self.platform.home, [day])

    def turn(self, day: date, stages: Collection[Stage] = UNPUBLISHED) -> None:
        """The tasks of some stages in their order: from the extracts to the packages, nothing is published."""
        platform = self.platform
        with platform.open_ledger() as ledger:
            enter_deliveries(ledger, platform.home, delivered_batches(platform.home, day))
        with platform.open_batch(day) as opened:
            run_tasks(platform, opened, only=stages, instead=NO_SUMMARY)
        note(platform.home, day)


# The files that take longest go first, so that no worker is left with one when the others are done; `make test` keeps
# this order. Those that wait for the same shared folder do not begin together.
LONGEST = (
    "test_two_turns.py", "pipelines/test_cli.py", "test_tutorial.py", "faults/test_kill.py",
    "quality/test_expectations.py", "test_reuse.py", "returns/test_packages.py", "warehouse/collect/test_infer.py",
)  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--snapshot-update",
        action="store_true",
        help="write the snapshots of tests anew from what the platform makes now",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tests = Path(__file__).parent
    place = {tests / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


def pytest_configure() -> None:
    # What is imported stays: looking for garbage among it again and again takes a tenth of the time of the suite.
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(20_000)
    gc.enable()


def pytest_unconfigure() -> None:
    gc.freeze()


Install = Callable[[Path], Platform]


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """The engine of every test that needs no other: what is costly of one is the function library.

    It reaches the folders of this run, also those that its workers share. Small tables cost more with more threads.
    """
    spill = tmp_path_factory.mktemp("spill")
    return Engine(spill, CodeLibrary(), threads=1, folders=(spill.parent, spill.parent.parent))


@pytest.fixture(scope="session")
def library() -> Library:
    """The shipped contracts."""
    return load_library()


@pytest.fixture(scope="session")
def install(engine: Engine, library: Library) -> Install:
    """A new installation in a folder, with the shipped contracts."""

    def installed(folder: Path) -> Platform:
        home = Home(folder)
        home.root.mkdir(parents=True, exist_ok=True)
        if not home.signing_key.exists():
            # The command line finds the same key in the home.
            home.signing_key.write_text(SIGNING_KEY, encoding="ascii")
            home.signing_key.chmod(0o600)
        return Platform(
            home,
            library,
            engine.codes,
            engine,
            f"sqlite:///{home.ledger}",
            # Cities of tests are small: at the usual size no table would be amended.
            thresholds=Thresholds(few_rows=0),
            signing=SIGNING,
        )

    return installed


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """A folder that is filled once in a test run, whichever worker asks for it first; to be read only."""
    base = tmp_path_factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def shared(name: str, fill: Callable[[Path], None]) -> Path:
        folder, done = root / name, root / f"{name}.done"
        with (root / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                fill(folder)
                done.touch()
        return folder

    return shared


@pytest.fixture(scope="session")
def city_after_one_turn(
    shared_folder: Callable[[str, Callable[[Path], None]], Path], install: Install
) -> Walk:
    """3,000 residents, the first batch delivered and run through; to be read only."""

    def fill(folder: Path) -> None:
        walk = Walk(install(folder / "home"), folder / "sample")
        walk.deliver(FIRST)
        walk.turn(FIRST)

    folder = shared_folder("city-after-one-turn", fill)
    return Walk(install(folder / "home"), folder / "sample")


@pytest.fixture(scope="session")
def walk_in(install: Install) -> Callable[[Path, Path], Walk]:
    """The sample city, delivered from a folder, in an installation of one's own."""
    return lambda home, samples: Walk(install(home), samples)


@pytest.fixture(scope="session")
def digests() -> Callable[[Path], dict[str, str]]:
    """What follows from the extracts and answers of a home, file by file; `Walk` makes no summary."""
    return lambda home: {
        path.relative_to(home).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for part in ("lake", "returns")
        for path in sorted((home / part).rglob("*"))
        if path.is_file() and path.name != "summary.html"
    }


@pytest.fixture(scope="session")
def days() -> tuple[date, date, date]:
    """Three batches, a day apart."""
    return FIRST, FIRST + timedelta(days=1), FIRST + timedelta(days=2)
