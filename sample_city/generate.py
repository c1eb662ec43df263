"""Writing the sample city: the departmental extracts as delivered on a day, and the truth.

The one entry point of this package; its parts are put together here and nowhere else.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from sample_city.city import City, build_city
from sample_city.delivery import consignment
from sample_city.faults import Plan, plan
from sample_city.files import write
from sample_city.registry import EXTRACTS
from sample_city.timeline import BASE_DATE, FIRST_BATCH, LAST_BATCH, day
from sample_city.truth import errors, write_truth


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
        files: The extracts.
        truth: Folder with errors.csv, person.csv, household.csv, enterprise.csv, dwelling.csv.
        errors: Planted errors that stand in the files, by ``<dataset>.<kind>``.
    """

    batch: date
    files: tuple[DeliveredFile, ...]
    truth: Path
    errors: dict[str, int]


def generate(
    directory: Path, residents: int, seed: int, batch: date = BASE_DATE, *, clean: bool = False
) -> Summary:
    """Write the extracts of one batch and ``truth/`` into a directory, made if need be.

    The same arguments give the same bytes. Another batch of the same city (same residents and
    seed) differs by what happened in between; ``truth/`` is always that of the last call.

    Args:
        directory: Where the files go; files of the same names are replaced.
        residents: People registered on the base date, 2026-03-02.
        seed: Which city.
        batch: The day whose knowledge is delivered.
        clean: No errors are planted; the untidy writing stays.

    Raises:
        ValueError: The number of residents or the batch is out of range.
    """
    if not FIRST_BATCH <= batch <= LAST_BATCH:
        raise ValueError(f"the sample city lives from {FIRST_BATCH} to {LAST_BATCH}, not {batch}")
    city = build_city(seed, residents)
    return deliver(directory, city, plan(city, clean=clean), batch)


def deliver(directory: Path, city: City, planned: Plan, batch: date) -> Summary:
    """Write one batch of a city that is already built; see ``generate``."""
    directory.mkdir(parents=True, exist_ok=True)
    on = day(batch)
    files, planted = [], []
    for extract in EXTRACTS:
        sent = consignment(city, planned, extract, on)
        path = directory / extract.delivery.file_name(batch)
        write(path, extract.delivery, batch, [(part.name, sent.slices(part)) for part in sent.parts])
        planted.append(errors(sent))
        files.append(DeliveredFile(extract.delivery.dataset, path, len(sent.records)))
    table = pl.concat(planted)
    write_truth(directory / "truth", city, on, table)
    kinds = table.group_by("dataset", "kind").len().sort("dataset", "kind")
    counted = {f"{dataset}.{kind}": count for dataset, kind, count in kinds.rows()}
    return Summary(batch, tuple(files), directory / "truth", counted)
