"""A sample city walked through the loop: what its departments deliver, how its townships answer.

Used by `zhenjie demo` and by the measure of accuracy; the city itself is `sample_city`.
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
"""The account that the simulated officers hand in under."""

# A sample city is small: at the usual size everything would be made anew, and no table be amended.
AMENDED = Thresholds(few_rows=0)
FIRST_BATCH = date(2026, 3, 2)
SECOND_BATCH = FIRST_BATCH + timedelta(days=1)


@dataclass(frozen=True)
class Demonstration:
    """A sample city in an installation; the same arguments give the same deliveries and answers."""

    platform: Platform
    residents: int
    seed: int

    @property
    def samples(self) -> Path:
        """Where the departments' files lie, a folder a day."""
        return self.platform.home.root / "sample"

    @cached_property
    def _city(self) -> SampleCity:
        return plan_city(self.residents, self.seed)

    def truth(self, day: date) -> Path:
        """What is right on a day, and what was planted."""
        return self.samples / day.isoformat() / "truth"

    def deliver(self, day: date) -> Summary:
        """The departments whose datasets this installation runs deliver in the morning.

        Everything the first time, and afterwards, of datasets that take it, what changed since the day before.
        """
        since = max((then for then in self._delivered() if then < day), default=None)
        made = self._city.generate(self.samples / day.isoformat(), day, since=since)
        files = [file.path for file in made.files if file.dataset in self.platform.library]
        reception.deliver(self.platform.home, self.platform.library, files, day, _at(day, 8))
        enter_delivered(self.platform, day, UNKNOWN, lambda _: None)
        return made

    def _delivered(self) -> Iterator[date]:
        """The days whose files lie there."""
        for truth in self.samples.glob("*/truth"):
            yield date.fromisoformat(truth.parent.name)

    def answer(self, day: date) -> list[Intake]:
        """The officers answer every township's package as people do: open, fill in, send back."""
        return list(take_in_all(self.platform, self._answered(day), OFFICER, _at(day, 17)))

    def _answered(self, day: date) -> Iterator[Path]:
        """The workbooks of a batch, answered.

        A spreadsheet program writes the time into the file it saves: a package that was answered before
        gives the file of then, so that it is known again.
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
    """The workbook of a package, unpacked."""
    with zipfile.ZipFile(package) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".xlsx"))
        (folder / name).write_bytes(archive.read(name))
    return folder / name
