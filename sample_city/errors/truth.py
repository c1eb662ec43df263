"""The truth beside the delivered files: the city as it is on the day, and every planted error.

All in standard form: ISO dates, codes of the standard's code tables, upper-case identifiers.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import CityDelivery, Extract
from sample_city.departments.housing import DWELLING
from sample_city.departments.market_regulation import ENTERPRISE
from sample_city.departments.police import POPULATION, population
from sample_city.errors.unusual import unusual
from sample_city.errors.whole_files import WholeFile
from sample_city.files.writing import write_csv
from sample_city.forms.delivery import SLICE, Consignment
from sample_city.registry import EXTRACTS
from sample_city.world.basis.codebook import code_by_label
from sample_city.world.basis.streams import Ints
from sample_city.world.basis.timeline import NEVER, iso
from sample_city.world.city import City
from sample_city.world.views import registered

ERRORS: Final = ("dataset", "row", "record_key", "field", "kind", "delivered", "right", "derivable", "part",
                 "file", "cause", "says", "knowable", "why", "side")  # fmt: skip
MISHAPS: Final = ("dataset", "mishap", "says", "file")
UNUSUAL: Final = ("dataset", "record_key", "kind", "says")
PERSONS: Final = (*POPULATION.headers, "death_date")
HOUSEHOLDS: Final = ("household_no", "village_code", "address", "head_id", "members")


def standard(delivery: CityDelivery, rows: pl.DataFrame) -> pl.DataFrame:
    """Clean rows with the codes of the standard in place of labels."""
    return rows.with_columns(
        pl.col(field).replace_strict(code_by_label(table), return_dtype=pl.String)
        for field, table in delivery.coded.items()
        if field in rows.columns
    )


def errors(sent: Consignment, faults: pl.DataFrame, file: str) -> pl.DataFrame:
    """The planted errors of one extract that are in force, in row order, columns as in ``ERRORS``.

    Args:
        sent: The whole extract of the day.
        faults: Its errors; those without a position stand in the file of an earlier delivery.
        file: Name of the day's file that counts.
    """
    delivery = sent.extract.delivery
    faults = faults.filter("shown")
    records = faults.get_column("record").to_numpy()
    copies = faults.get_column("below").to_numpy() > 0
    clean = sent.clean(records, copies)
    rows = faults.with_columns(
        _key=clean.get_column(delivery.key),
        _right=_one_field(standard(delivery, clean), faults),
        _delivered=_one_field(sent.delivered(records, copies, clean), faults),
    )
    itself = pl.col("wrong").is_null() | (pl.col("below") > 0)
    elsewhere = pl.col("position").is_null()
    is_key = (pl.col("field") == delivery.key) & pl.col("wrong").is_not_null()
    # A value that happens to be right on the day is no error: nothing is said before it happened.
    wrong_today = rows.filter(itself | (pl.col("_delivered") != pl.col("_right")))
    return wrong_today.select(
        "dataset",
        row=(pl.col("position") + delivery.first_row).cast(pl.String).fill_null(""),
        record_key=pl.when(is_key).then("_delivered").otherwise("_key"),
        field="field",
        kind="kind",
        delivered="_delivered",
        right=pl.when(itself).then(pl.lit("")).otherwise("_right"),
        derivable=(pl.col("knowable") & ~itself).cast(pl.Int8).cast(pl.String),
        part="part",
        file=pl.when(elsewhere).then(pl.lit("")).otherwise(pl.lit(file)),
        cause=pl.format("{}-{}", "dataset", "cause"),
        says="says",
        knowable=pl.col("knowable").cast(pl.Int8).cast(pl.String),
        why="why",
        side=pl.lit("here"),
    )


def _one_field(rows: pl.DataFrame, faults: pl.DataFrame) -> pl.Series:
    """From each row the value of the field that its error names."""
    named = pl.lit(faults.get_column("field"))
    fields = dict.fromkeys(faults.get_column("field").to_list())
    texts = [pl.when(named == field).then(pl.col(field)) for field in fields]
    return rows.select(pl.coalesce(texts)).to_series() if texts else pl.Series([], dtype=pl.String)


def write_truth(folder: Path, city: City, on: int, planted: pl.DataFrame) -> None:
    """Write errors.csv, unusual.csv, person.csv, household.csv, enterprise.csv and dwelling.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(folder / "errors.csv", _same(ERRORS), [planted])
    write_csv(folder / "person.csv", _same(PERSONS), _persons(city, on))
    write_csv(folder / "household.csv", _same(HOUSEHOLDS), _households(city, on))
    write_csv(folder / "unusual.csv", _same(UNUSUAL), _unusual(city, on))
    for extract in EXTRACTS:
        if extract.delivery in (ENTERPRISE, DWELLING):
            name = extract.delivery.dataset.split(".")[1]
            rows = _standard_slices(city, extract, on)
            write_csv(folder / f"{name}.csv", _same(tuple(extract.delivery.headers)), rows)


def write_mishaps(folder: Path, struck: WholeFile | None, files: Sequence[tuple[str, str]]) -> None:
    """Write mishaps.csv: the whole file that was spoiled, if any; ``files`` are datasets and file names."""
    rows = [
        (struck.dataset, struck.name, struck.says, file)
        for dataset, file in files
        if struck is not None and dataset == struck.dataset
    ][-1:]
    table = pl.DataFrame(rows, schema=dict.fromkeys(MISHAPS, pl.String), orient="row")
    write_csv(folder / "mishaps.csv", _same(MISHAPS), [table])


def _unusual(city: City, on: int) -> Iterator[pl.DataFrame]:
    """The rows of the day that are unusual but right, reason by reason."""
    by_name = {extract.delivery.dataset: extract for extract in EXTRACTS}
    present = {name: extract.records(city, on) for name, extract in by_name.items()}
    for found in unusual(city, EXTRACTS):
        extract = by_name[found.dataset]
        here = present[found.dataset]
        for records in _sliced(here[found.records[here]]):
            keys = extract.rows(city, records, on).select(record_key=extract.delivery.key)
            yield keys.with_columns(
                dataset=pl.lit(found.dataset), kind=pl.lit(found.kind), says=pl.lit(found.says)
            )


def _same(columns: tuple[str, ...]) -> dict[str, str]:
    return {column: column for column in columns}


def _sliced(records: Ints) -> Iterator[Ints]:
    for start in range(0, max(len(records), 1), SLICE):
        yield records[start : start + SLICE]


def _standard_slices(city: City, extract: Extract, on: int) -> Iterator[pl.DataFrame]:
    for records in _sliced(extract.records(city, on)):
        yield standard(extract.delivery, extract.rows(city, records, on))


def _persons(city: City, on: int) -> Iterator[pl.DataFrame]:
    """Everybody registered or dead by that day. A person without registration has no household."""
    people = city.people
    for records in _sliced(np.flatnonzero(people.registered <= on).astype(np.int32)):
        rows = standard(POPULATION, population(city, records, on))
        known = people.death[records]
        registered_still = pl.Series(people.cancelled[records] > on)
        yield rows.with_columns(
            pl.when(registered_still).then(pl.col("household_no", "relation")).otherwise(pl.lit("")),
            death_date=iso(np.where(known <= on, known, NEVER).astype(np.int32)),
        )


def _households(city: City, on: int) -> Iterator[pl.DataFrame]:
    """Households with anybody registered, their head and how many they are."""
    present = registered(city, on)
    row = pl.col("household")
    sizes = pl.DataFrame({"household": city.people.household[present]})
    members = sizes.group_by(row).len("members").sort(row)
    heads = pl.DataFrame({"head": _heads(city, present, on)})
    heads = heads.with_columns(household=city.people.household[heads.get_column("head").to_numpy()])
    both = members.join(heads, on="household", how="left", maintain_order="left")
    for part in both.iter_slices(SLICE):
        rows = population(city, part.get_column("head").to_numpy(), on)
        yield rows.select("household_no", "village_code", "address", head_id="resident_id").hstack(
            [part.get_column("members").cast(pl.String)]
        )


def _heads(city: City, present: Ints, on: int) -> Ints:
    """The head of each household is the first in it whose registration stands."""
    _, first = np.unique(city.people.household[present], return_index=True)
    return present[first]
