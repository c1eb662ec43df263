"""One extract as it is delivered: its rows in order, errors and all, in slices of bounded size.

Where the rows come from belongs to the departments, how files are written to files.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import CHANGE, Extract
from sample_city.errors.faults import Plan
from sample_city.forms.untidy import written
from sample_city.world.basis.streams import Ints, Longs, Mask
from sample_city.world.city import City

SLICE: Final = 200_000
"""Rows written at a time."""


@dataclass(frozen=True)
class FilePart:
    """One sheet, or one file in a zip: the rows from position ``first`` up to ``end``."""

    name: str
    first: int
    end: int


@dataclass(frozen=True)
class Consignment:
    """One extract on one day.

    Attributes:
        records: The record behind each delivered row, in order; a copied row repeats its record.
        copies: Which rows are copies.
        parts: The sheets or files these rows stand in, in order; a single one has no name.
        faults: The errors that stand in these rows, with the columns ``part`` and ``position`` from 0 in it.
    """

    city: City
    extract: Extract
    on: int
    records: Ints
    copies: Mask
    parts: tuple[FilePart, ...]
    faults: pl.DataFrame

    def slices(self, part: FilePart) -> Iterator[pl.DataFrame]:
        """The rows of a part as delivered, column names as in the standard."""
        for start in range(part.first, max(part.end, part.first + 1), SLICE):
            end = min(start + SLICE, part.end)
            yield self.rows(self.records[start:end], self.copies[start:end])

    def rows(self, records: Ints, copies: Mask) -> pl.DataFrame:
        """The delivered rows of these records."""
        return self.delivered(records, copies, self.clean(records, copies))

    def delivered(self, records: Ints, copies: Mask, clean: pl.DataFrame) -> pl.DataFrame:
        """The clean rows of these records as the department writes them, errors and all."""
        untidy = written(self.city.seed, self.extract.delivery, records, clean)
        return self._with_errors(records * np.int64(2) + copies, untidy)

    def clean(self, records: Ints, copies: Mask) -> pl.DataFrame:
        """The rows of these records before anybody wrote or erred; a copy can be distinguished from its original."""
        rows = self.extract.rows(self.city, records, self.on)
        if self.extract.delivery.changes:
            rows = rows.with_columns(pl.lit("").alias(CHANGE))
        if self.extract.again is None or not copies.any():
            return rows
        second = self.extract.again(rows).select(pl.all().name.prefix("again_"))
        apart = pl.Series(copies)
        both = rows.hstack(second)
        return both.select(
            pl.when(apart).then(f"again_{name}").otherwise(name).alias(name) for name in rows.columns
        )

    def _with_errors(self, rows_struck: Longs, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with their wrong texts; a row is twice its record, and one more for a copy."""
        wrong = self._wrong
        if not len(wrong):
            return rows
        struck = wrong.get_column("row").to_numpy()
        place = np.minimum(np.searchsorted(struck, rows_struck), len(struck) - 1)
        here = pl.lit(pl.Series(struck[place] == rows_struck))
        texts = {
            name: pl.lit(wrong.get_column(name)).gather(pl.lit(pl.Series(place)))
            for name in wrong.columns[1:]
        }
        return rows.with_columns(
            pl.when(here).then(pl.coalesce(text, pl.col(name))).otherwise(pl.col(name)).alias(name)
            for name, text in texts.items()
        )

    @cached_property
    def _wrong(self) -> pl.DataFrame:
        """The wrong texts, a line for each row that has any, ascending, and a column for each field."""
        wrong = self.faults.filter(pl.col("wrong").is_not_null())
        fields = wrong.get_column("field").unique(maintain_order=True)
        texts = [pl.col("wrong").filter(pl.col("field") == name).first().alias(name) for name in fields]
        row = pl.col("record").cast(pl.Int64) * 2 + (pl.col("below") > 0)
        return wrong.group_by(row=row).agg(texts).sort("row")


def consignment(city: City, plan: Plan, extract: Extract, on: int) -> Consignment:
    """What a department delivers on a day."""
    dataset = extract.delivery.dataset
    faults = plan.of(dataset, on)
    present = extract.records(city, on)
    kept = _known(city, extract, plan.overdue(dataset, on), on)
    present = np.union1d(present, kept).astype(np.int32)
    faults = faults.filter(np.isin(faults.get_column("record").to_numpy(), present))
    place = np.arange(len(present), dtype=np.float64)
    copied = faults.filter((pl.col("below") > 0) & pl.col("shown"))
    originals = copied.get_column("record").to_numpy()
    below = np.searchsorted(present, originals) + copied.get_column("below").to_numpy() + 0.5
    order = np.argsort(np.concatenate([place, np.minimum(below, len(present))]), kind="stable")
    records = np.concatenate([present, originals]).astype(np.int32)[order]
    copies = order >= len(present)
    parts: tuple[FilePart, ...] = (FilePart("", 0, len(records)),)
    if extract.parts is not None and len(records):
        names = extract.parts(city, records)
        into = np.argsort(names.rank("dense").to_numpy(), kind="stable")
        records, copies, parts = records[into], copies[into], _parts(names.gather(into))
    return Consignment(city, extract, on, records, copies, parts, _placed(faults, records, copies, parts))


def _parts(names: pl.Series) -> tuple[FilePart, ...]:
    """The runs of equal names."""
    firsts = np.flatnonzero((names != names.shift(1)).fill_null(True).to_numpy())
    ends = [*firsts[1:], len(names)]
    return tuple(
        FilePart(name, int(first), int(end))
        for name, first, end in zip(names.gather(firsts).to_list(), firsts, ends, strict=True)
    )


def _known(city: City, extract: Extract, overdue: Ints, on: int) -> Ints:
    """Overdue records that had begun by that day: nothing is delivered before it happens."""
    return overdue if extract.begins is None else overdue[extract.begins(city)[overdue] <= on]


def _placed(faults: pl.DataFrame, records: Ints, copies: Mask, parts: tuple[FilePart, ...]) -> pl.DataFrame:
    """The errors with part and position in it: those of the copy where a copy is the error."""
    lengths = [part.end - part.first for part in parts]
    within = np.arange(len(records), dtype=np.int64) - np.repeat([part.first for part in parts], lengths)
    names, which = pl.Series([part.name for part in parts]), np.repeat(np.arange(len(parts)), lengths)
    # Only the rows of records in error are looked at.
    erring = np.isin(records, faults.get_column("record").to_numpy())
    rows = pl.DataFrame(
        {
            "record": records[erring],
            "copy": copies[erring],
            "position": within[erring],
            "part": names.gather(which[erring]),
        }
    )
    wanted = faults.lazy().with_columns(copy=pl.col("below") > 0)
    placed = wanted.join(rows.lazy(), on=["record", "copy"], how="inner").sort("part", "position", "field")
    return placed.collect()
