"""A sample city in the loop: its departments deliver, its townships answer.

Used by `zhenjie demo` and by the measurement of accuracy. The city itself is `sample_city`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path

from assets.platform import CHINA, Platform
from pipelines.intake import enter_delivered, take_in_all
from returns.ledger.deliveries import UNKNOWN
from returns.packages.build import read_index
from returns.packages.sheet_spec import sheet_standard
from returns.replies.take_in import SHEET, Intake
from sample_city.generate import SampleCity, Summary, plan_city
from sample_city.officer.answering import answer
from warehouse.collect.intake import reception
from warehouse.lake.thresholds import Thresholds

OFFICER = "officer"
"""The account under which the simulated officers hand in replies."""

# A sample city is small: with the usual thresholds every table would be made again as a whole, and no table amended.
AMENDED = Thresholds(few_rows=0)
FIRST_BATCH = date(2026, 3, 2)
SECOND_BATCH = FIRST_BATCH + timedelta(days=1)


@dataclass(frozen=True)
class Demonstration:
    """A sample city in an installation. The same arguments give the same deliveries and answers."""

    platform: Platform
    residents: int
    seed: int

    @property
    def samples(self) -> Path:
        """The folder of the departments' files, with one folder for each day."""
        return self.platform.home.root / "sample"

    @cached_property
    def _city(self) -> SampleCity:
        return plan_city(self.residents, self.seed)

    def truth(self, day: date) -> Path:
        """The true values of a day, and the errors that were planted."""
        return self.samples / day.isoformat() / "truth"

    def deliver(self, day: date) -> Summary:
        """Deliver the datasets that this installation runs.

        The first delivery is whole. Later, datasets that take deltas get the changes since the day before.
        """
        since = max((then for then in self._delivered() if then < day), default=None)
        made = self._city.generate(self.samples / day.isoformat(), day, since=since)
        files = [file.path for file in made.files if file.dataset in self.platform.library]
        reception.deliver(self.platform.home, self.platform.library, files, day, _at(day, 8))
        enter_delivered(self.platform, day, UNKNOWN, lambda _: None)
        return made

    def _delivered(self) -> Iterator[date]:
        """The days that have files."""
        for truth in self.samples.glob("*/truth"):
            yield date.fromisoformat(truth.parent.name)

    def answer(self, day: date) -> list[Intake]:
        """Answer every township's package as officers do: open, fill in, send back."""
        return list(take_in_all(self.platform, self._answered(day), OFFICER, _at(day, 17)))

    def _answered(self, day: date) -> Iterator[Path]:
        """The answered workbooks of a batch.

        A spreadsheet program writes the time into the file it saves. So a package that was answered before gives its
        earlier file, which the ledger recognises.
        """
        folder = self.samples / day.isoformat() / "answered"
        folder.mkdir(parents=True, exist_ok=True)
        home = self.platform.home
        index = read_index(home.returns(day))
        assert index is not None, "the turn has made its packages"
        for package in index.packages:
            if not package.rows.get(sheet_standard(SHEET).title):
                continue
            path = folder / f"{Path(package.file).stem}-{package.sha256[:8]}.xlsx"
            if not path.exists():
                blank = _unpacked(home.returns(day) / package.file, folder)
                answer(blank, self.truth(day), blank)
                blank.replace(path)
            yield path


def _at(day: date, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=CHINA)


def _unpacked(package: Path, folder: Path) -> Path:
    """The path of the unpacked workbook of a package."""
    with zipfile.ZipFile(package) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".xlsx"))
        (folder / name).write_bytes(archive.read(name))
    return folder / name
