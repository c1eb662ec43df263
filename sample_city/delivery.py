"""One extract as it is delivered: its rows in order, errors and all, in slices of bounded size.

Where the rows come from belongs to the departments, how files are written to files.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sample_city.city import City
from sample_city.declarations import Extract
from sample_city.faults import Plan
from sample_city.forms import written
from sample_city.streams import Ints, Mask

SLICE: Final = 200_000
"""Rows written at a time."""


@dataclass(frozen=True)
class Consignment:
    """One extract on one day.

    Attributes:
        records: The record behind each delivered row, in order; a copied row repeats its record.
        copies: Which rows are copies.
        faults: The errors that stand in these rows, with the column ``position`` from 0.
    """

    city: City
    extract: Extract
    on: int
    records: Ints
    copies: Mask
    faults: pl.DataFrame

    def slices(self) -> Iterator[pl.DataFrame]:
        """The rows as delivered, column names as in the standard."""
        for start in range(0, max(len(self.records), 1), SLICE):
            yield self.rows(self.records[start : start + SLICE])

    def rows(self, records: Ints) -> pl.DataFrame:
        """The delivered rows of these records."""
        clean = self.extract.rows(self.city, records, self.on)
        untidy = written(self.city.seed, self.extract.delivery, records, clean)
        return self._with_errors(records, untidy)

    def _with_errors(self, records: Ints, rows: pl.DataFrame) -> pl.DataFrame:
        rows = rows.with_columns(pl.Series("_record", records))
        wrong = self.faults.filter(pl.col("wrong").is_not_null())
        for (field,), mine in wrong.group_by("field", maintain_order=True):
            texts = mine.select(pl.col("record").alias("_record"), "wrong")
            rows = rows.join(texts, on="_record", how="left", maintain_order="left")
            rows = rows.with_columns(pl.coalesce("wrong", str(field)).alias(str(field)))
            rows = rows.drop("wrong")
        return rows.drop("_record")


def consignment(city: City, plan: Plan, extract: Extract, on: int) -> Consignment:
    """What a department delivers on a day."""
    dataset = extract.delivery.dataset
    faults = plan.of(dataset, on)
    present = extract.records(city, on)
    kept = _known(city, extract, plan.overdue(dataset), on)
    present = np.union1d(present, kept).astype(np.int32)
    faults = faults.filter(pl.col("record").is_in(pl.Series(present).implode()))
    place = np.arange(len(present), dtype=np.float64)
    copied = faults.filter(pl.col("below") > 0)
    originals = copied.get_column("record").to_numpy()
    below = np.searchsorted(present, originals) + copied.get_column("below").to_numpy() + 0.5
    order = np.argsort(np.concatenate([place, np.minimum(below, len(present))]), kind="stable")
    records = np.concatenate([present, originals]).astype(np.int32)[order]
    copies = order >= len(present)
    return Consignment(city, extract, on, records, copies, _placed(faults, records, copies))


def _known(city: City, extract: Extract, overdue: Ints, on: int) -> Ints:
    """Overdue records that had begun by that day: nothing is delivered before it happens."""
    return overdue if extract.begins is None else overdue[extract.begins(city)[overdue] <= on]


def _placed(faults: pl.DataFrame, records: Ints, copies: Mask) -> pl.DataFrame:
    """The errors with their position: that of the copy where a copy is the error."""
    rows = pl.DataFrame(
        {"record": records, "copy": copies, "position": np.arange(len(records), dtype=np.int64)}
    )
    wanted = faults.with_columns(copy=pl.col("below") > 0)
    return wanted.join(rows, on=["record", "copy"], how="inner").sort("position", "field")
