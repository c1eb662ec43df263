"""Writing the sample city: the departmental extracts as delivered on a day, and the truth.

The one entry point of this package; its parts are put together here and nowhere else.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from sample_city.errors.faults import Plan, plan
from sample_city.errors.mishaps import first_of_two
from sample_city.errors.truth import errors, write_mishaps, write_truth
from sample_city.errors.whole_files import WholeFile, cut_bytes, mishap_of
from sample_city.files.writing import write
from sample_city.forms.changes import Changes, changes
from sample_city.forms.delivery import Consignment, consignment
from sample_city.registry import EXTRACTS
from sample_city.world.basis.timeline import BASE_DATE, FIRST_BATCH, LAST_BATCH, day
from sample_city.world.building import build_city
from sample_city.world.city import City


@dataclass(frozen=True)
class DeliveredFile:
    """One file that a department delivered."""

    dataset: str
    path: Path
    rows: int


@dataclass(frozen=True)
class Summary:
    """What was written.

    Attributes:
        batch: The day.
        files: What was sent, in order; of two files of an extract the second counts.
        truth: Folder with errors.csv, person.csv, household.csv, enterprise.csv, dwelling.csv.
        errors: Planted errors in force after this delivery, by ``<dataset>.<kind>``.
    """

    batch: date
    files: tuple[DeliveredFile, ...]
    truth: Path
    errors: dict[str, int]


@dataclass(frozen=True)
class SampleCity:
    """A city over the whole calendar, and the errors that are planted in its extracts; made by `plan_city`."""

    city: City
    planned: Plan
    clean: bool

    def generate(
        self, directory: Path, batch: date = BASE_DATE, *, since: date | None = None, mishap: str = ""
    ) -> Summary:
        """Write the extracts of one batch and ``truth/`` into a directory; see `generate`.

        With a ``mishap`` of ``data/mishaps.yaml`` the whole file of its dataset goes wrong.
        """
        _check_days(batch, since)
        struck = _mishap(mishap, since)
        directory.mkdir(parents=True, exist_ok=True)
        files: list[DeliveredFile] = []
        planted = []
        for extract in EXTRACTS:
            sent = consignment(self.city, self.planned, extract, day(batch))
            if since is not None and extract.delivery.changes:
                news = changes(consignment(self.city, self.planned, extract, day(since)), sent)
                files.append(_send_changes(directory, batch, news))
                faults = news.faults()
            else:
                again = since is not None and not self.clean and extract.delivery.mishap is not None
                if since is not None and again:
                    wrong = first_of_two(self.city, self.planned, sent, day(since))
                    files.append(_send(directory, batch, wrong))
                files.append(_send(directory, batch, sent, again=again))
                faults = sent.faults
            planted.append(errors(sent, faults, files[-1].path.name))
        if struck is not None:
            self._strike(struck, files, batch, since)
        table = pl.concat(planted)
        write_truth(directory / "truth", self.city, day(batch), table)
        write_mishaps(directory / "truth", struck, [(file.dataset, file.path.name) for file in files])
        kinds = table.group_by("dataset", "kind").len().sort("dataset", "kind")
        counted = {f"{dataset}.{kind}": count for dataset, kind, count in kinds.rows()}
        return Summary(batch, tuple(files), directory / "truth", counted)

    def _strike(self, struck: WholeFile, files: list[DeliveredFile], batch: date, since: date | None) -> None:
        """Write the file of the mishap's dataset again, spoiled."""
        (path,) = [file.path for file in files if file.dataset == struck.dataset][-1:]
        (extract,) = [each for each in EXTRACTS if each.delivery.dataset == struck.dataset]
        on = since if struck.change == "same_as_before" and since is not None else batch
        sent = consignment(self.city, self.planned, extract, day(on))
        sheets = [(part.name, struck.spoiled(sent.slices(part))) for part in sent.parts]
        write(path, extract.delivery, on, sheets)
        if struck.change == "cut_bytes":
            cut_bytes(path, **struck.values)


def plan_city(residents: int, seed: int, *, clean: bool = False) -> SampleCity:
    """A city for several batches: it is built, and its errors are drawn, once for all of them.

    Args as of `generate`.

    Raises:
        ValueError: The number of residents is out of range; the message is for the caller's user.
    """
    city = build_city(seed, residents)
    return SampleCity(city, plan(city, clean=clean), clean)


def generate(
    directory: Path,
    residents: int,
    seed: int,
    batch: date = BASE_DATE,
    *,
    since: date | None = None,
    clean: bool = False,
) -> Summary:
    """Write the extracts of one batch and ``truth/`` into a directory, made if need be.

    The same arguments give the same bytes. Another batch of the same city (same residents and
    seed) differs by what happened in between; ``truth/`` is always that of the last call.

    With ``since`` the batch is a later one: of some extracts only what changed since that day is sent (``changes``),
    and some files come twice; the second counts (``mishaps``). Without it everything is whole.

    Args:
        directory: Where the files go; files of the same names are replaced.
        residents: People registered on the base date, 2026-03-02.
        seed: Which city.
        batch: The day whose knowledge is delivered.
        since: The day of the delivery before.
        clean: No errors are planted and no wrong file is sent; the untidy writing and unusual rows stay.

    Raises:
        ValueError: The number of residents or a day is out of range; the message is for the caller's user.
    """
    _check_days(batch, since)  # before a city is built for nothing
    return plan_city(residents, seed, clean=clean).generate(directory, batch, since=since)


def _mishap(name: str, since: date | None) -> WholeFile | None:
    """The mishap of that name, None for an empty one."""
    struck = mishap_of(name) if name else None
    if struck is not None and struck.change == "same_as_before" and since is None:
        raise ValueError("与上一期相同的文件需要 --since 上一次交付的日期")
    return struck


def _check_days(batch: date, since: date | None) -> None:
    for on in (since or batch, batch):
        if not FIRST_BATCH <= on <= LAST_BATCH:
            raise ValueError(f"示例城市只有 {FIRST_BATCH} 至 {LAST_BATCH} 的数据，没有 {on}")
    if since is not None and since >= batch:
        raise ValueError(f"上一次交付的日期 {since} 应早于批次 {batch}")


def _send(directory: Path, batch: date, sent: Consignment, *, again: bool = False) -> DeliveredFile:
    """Write a whole extract."""
    delivery = sent.extract.delivery
    path = directory / delivery.file_name(batch, again=again)
    write(path, delivery, batch, [(part.name, sent.slices(part)) for part in sent.parts])
    return DeliveredFile(delivery.dataset, path, len(sent.records))


def _send_changes(directory: Path, batch: date, news: Changes) -> DeliveredFile:
    """Write what has changed."""
    delivery = news.after.extract.delivery
    path = directory / delivery.file_name(batch, changes=True)
    write(path, delivery, batch, [("", news.slices())])
    return DeliveredFile(delivery.dataset, path, len(news.lines))
