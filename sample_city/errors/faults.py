"""Which records the departments get wrong: the plan of planted errors over the whole calendar.

Errors fall at random on the records of an extract, whether or not anybody could find them. An error is tied to its
record, so it stands again in the next batch, until the department finds it by itself: two in ten are put right within
ninety days of the base date. New records bring new ones, and about as many as are put right slip into old records that
are written anew. A row carries one error at most. What kinds there are is declared (``kinds``); whether an error can
be known belongs to ``knowable``.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import Extract
from sample_city.errors.alterations.registry import ALTERATIONS
from sample_city.errors.alterations.struck import Struck
from sample_city.errors.kinds import ErrorKind, declared
from sample_city.errors.knowable import Statements
from sample_city.errors.occasions import OCCASIONS
from sample_city.registry import EXTRACTS
from sample_city.world.basis.streams import Ints, Mask, noise, stream
from sample_city.world.basis.timeline import BASE, LAST, NEVER
from sample_city.world.city import City

EXTRACT: Final = {extract.delivery.dataset: extract for extract in EXTRACTS}
FURTHEST_COPY: Final = 400
"""A duplicate stands at most this many rows below its original."""
SMALL: Final = 50_000
"""An extract of no more records than this is made as a whole."""
FOUND: Final = 2_000
"""Of ten thousand errors, those that the department itself puts right."""
SLIPS: Final = 0.2
"""Errors that slip in later, for each one that stands from the beginning."""
WRITTEN_ONCE: Final = ("police.population", "market_regulation.enterprise")
"""The registers that everybody else is held against: their old records are not written anew."""
SEASON: Final = 90
"""Days after the base date within which errors are put right and slip in; until that day none is."""
SPARE: Final = 4
"""Records drawn for each error wanted, for many values cannot go wrong in the way of a kind."""
LONGEST_RUN: Final = 0.1
"""Share of an extract that one slip spoils at most."""


@dataclass(frozen=True)
class Plan:
    """All planted errors of a city.

    Attributes:
        faults: dataset, record, kind, says, field, wrong (null where the row itself is the error), starts (day),
            ends (day from which it is right), below (rows between a copy and its original; 0 if none), stays,
            cause (number of the slip), shown (whether the truth tells the cell), knowable, why.
    """

    faults: pl.DataFrame

    def of(self, dataset: str, on: int) -> pl.DataFrame:
        """The errors of one dataset that have begun by that day and are not yet put right, ordered by record."""
        return self._by_dataset.get(dataset, self.faults.clear()).filter(
            (pl.col("starts") <= on) & (pl.col("ends") > on)
        )

    def overdue(self, dataset: str, on: int) -> Ints:
        """Records that are delivered until further notice although they should be gone, ascending."""
        mine = self._by_dataset.get(dataset, self.faults.clear())
        return mine.filter(pl.col("stays") & (pl.col("ends") > on)).get_column("record").to_numpy()

    @cached_property
    def _by_dataset(self) -> dict[str, pl.DataFrame]:
        """The errors of each dataset, ordered by record."""
        ordered = self.faults.sort("dataset", "record", "kind", maintain_order=True)
        return {
            str(faults.item(0, "dataset")): faults
            for faults in ordered.partition_by("dataset", maintain_order=True)
        }


def plan(city: City, *, clean: bool = False) -> Plan:
    """Draw the errors of every declared kind at its rate; none at all for a clean city."""
    planting = _Planting(city, _Made(city))
    # Kinds about few records come first, for a row carries no more than one error.
    kinds = sorted(declared(), key=lambda kind: (not kind.occasion, kind.run > 1))
    planted = [planting.standing(kind) for kind in kinds] if not clean else []
    if not clean:
        planted += [
            planting.slipping(kind)
            for kind in kinds
            if not kind.occasion and not kind.stays and kind.dataset not in WRITTEN_ONCE
        ]
    faults = pl.concat([planting.nothing(), *planted])
    number = pl.struct("dataset", "kind", "field0", "slip", "cause").rank("dense").cast(pl.Int64)
    numbered = faults.with_columns(cause=number).drop("field0", "slip")
    return Plan(Statements(city, EXTRACTS).judged(numbered))


@dataclass(frozen=True)
class _Made:
    """The rows of a city as they will be at the end of the calendar; a small extract is made once for all kinds."""

    city: City
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)

    def rows(self, extract: Extract, records: Ints, of: int) -> pl.DataFrame:
        """The rows of these records of an extract that has ``of`` of them."""
        if of > SMALL:
            return extract.rows(self.city, records, LAST)
        dataset = extract.delivery.dataset
        if dataset not in self.tables:
            self.tables[dataset] = extract.rows(self.city, np.arange(of, dtype=np.int32), LAST)
        return self.tables[dataset][records]


@dataclass(frozen=True)
class _Planting:
    """ErrorKind by kind, on rows that carry no error yet."""

    city: City
    made: _Made
    taken: dict[str, Mask] = field(default_factory=dict)

    def standing(self, kind: ErrorKind) -> pl.DataFrame:
        """The errors of a kind that are there as soon as their record or their occasion is."""
        return self._planted(kind, kind.rate, f"error {kind.topic}").with_columns(slip=pl.lit(False))

    def slipping(self, kind: ErrorKind) -> pl.DataFrame:
        """The errors of a kind that slip in after the base date."""
        topic = f"slip {kind.topic}"
        faults = self._planted(kind, SLIPS * kind.rate, topic)
        since = BASE + 1 + noise(self.city.seed, topic, faults.get_column("cause").to_numpy()) % SEASON
        return faults.with_columns(starts=pl.Series(since, dtype=pl.Int32), slip=pl.lit(True))

    def nothing(self) -> pl.DataFrame:
        """No errors, with all columns."""
        return _faults(self.city, declared()[0], np.zeros(0, dtype=np.int32), None, np.zeros(0, dtype=np.int32),
                       np.zeros(0, dtype=np.int32)).with_columns(slip=pl.lit(False))  # fmt: skip

    def _planted(self, kind: ErrorKind, rate: float, topic: str) -> pl.DataFrame:
        rng, extract = stream(self.city.seed, topic), EXTRACT[kind.dataset]
        count = len(extract.people(self.city)[0])
        taken = self.taken.setdefault(kind.dataset, np.zeros(count, dtype=np.bool_))
        free = ~taken
        if kind.occasion:
            free &= OCCASIONS[kind.occasion].records(self.city)
        able = np.flatnonzero(free).astype(np.int32)
        wanted = int(np.ceil(len(able) * rate))
        if kind.run > 1:
            records, cause = _runs(rng, able, wanted, min(kind.run, max(2, int(count * LONGEST_RUN))))
        else:
            records = np.sort(rng.permutation(able)[: wanted * (SPARE if kind.change else 1)])
            cause = records
        wrong = self._wrong(kind, extract, records, count, rng)
        faults = _faults(self.city, kind, records, wrong, cause, self._below(kind, records, rng))
        if kind.run == 1:
            kept = rng.permutation(np.unique(faults.get_column("cause").to_numpy()))[:wanted]
            faults = faults.filter(pl.Series(np.isin(faults.get_column("cause").to_numpy(), kept)))
        taken[faults.get_column("record").to_numpy()] = True
        return faults

    def _below(self, kind: ErrorKind, records: Ints, rng: np.random.Generator) -> Ints:
        """How many rows a copy stands below its original; 0 for a row that is not a copy."""
        if not kind.copied:
            return np.zeros(len(records), dtype=np.int32)
        return rng.integers(1, FURTHEST_COPY, len(records)).astype(np.int32)

    def _wrong(
        self, kind: ErrorKind, extract: Extract, records: Ints, of: int, rng: np.random.Generator
    ) -> list[pl.Series] | None:
        """The wrong texts of each field, null where the record is spared; None where the row is the error."""
        if not kind.change or not len(records):
            return None
        rows = self.made.rows(extract, records, of)
        struck = Struck(self.city, records, rows, rng, kind.fields)
        texts = ALTERATIONS[kind.change](struck, **kind.values)
        different = [text != rows.get_column(name) for name, text in zip(kind.fields, texts, strict=True)]
        # A value that reads the same is no error, and of two that go wrong together both must.
        every = pl.select(pl.all_horizontal(*different)).to_series().fill_null(False)
        kept = [text.zip_with(every, pl.Series([None], dtype=pl.String)) for text in texts]
        return [_in_the_file(extract, name, text) for name, text in zip(kind.fields, kept, strict=True)]


def _in_the_file(extract: Extract, name: str, text: pl.Series) -> pl.Series:
    """A date in a dBase field has eight digits and no more."""
    if extract.delivery.form == "dbf" and name in extract.delivery.spellings:
        return text.str.replace_all("-", "", literal=True).str.head(8)
    return text


def _runs(rng: np.random.Generator, able: Ints, wanted: int, length: int) -> tuple[Ints, Ints]:
    """Records in runs, ascending, and the first record of the run of each; about ``wanted`` runs, at least one."""
    runs = max(1, wanted // length) if len(able) >= length else 0
    starts = np.sort(rng.permutation(max(len(able) // length, 1))[:runs]) * length
    places = (starts[:, None] + np.arange(length)).ravel().astype(np.int64)
    return able[places], np.repeat(able[starts], length).astype(np.int32)


def _put_right(city: City, kind: ErrorKind, cause: Ints) -> Ints:
    """The day on which the department finds each error by itself; NEVER for most."""
    lot = noise(city.seed, f"found {kind.topic}", cause)
    return np.where(lot < FOUND, BASE + 1 + lot % SEASON, NEVER).astype(np.int32)


def _faults(
    city: City, kind: ErrorKind, records: Ints, wrong: list[pl.Series] | None, cause: Ints, below: Ints
) -> pl.DataFrame:
    """A row for each cell that is wrong."""
    starts = np.zeros(len(records), dtype=np.int32)
    occasion = OCCASIONS[kind.occasion].starts if kind.occasion else None
    if occasion is not None:
        starts = occasion(city)[records].astype(np.int32)
    texts = wrong or [pl.Series([None], dtype=pl.String).new_from_index(0, len(records)) for _ in kind.fields]
    cells = [
        pl.DataFrame(
            {"record": records, "wrong": text, "starts": starts, "ends": _put_right(city, kind, cause),
             "below": below, "cause": cause},
            schema={"record": pl.Int32, "wrong": pl.String, "starts": pl.Int32, "ends": pl.Int32,
                    "below": pl.Int32, "cause": pl.Int32},
        ).with_columns(field=pl.lit(name), shown=pl.lit(place == 0 or not kind.copied))
        for place, (name, text) in enumerate(zip(kind.fields, texts, strict=True))
    ]  # fmt: skip
    found = pl.concat(cells)
    if wrong is not None:
        found = found.drop_nulls("wrong")
    return found.with_columns(
        dataset=pl.lit(kind.dataset), kind=pl.lit(kind.name), says=pl.lit(kind.says), stays=pl.lit(kind.stays),
        basis=pl.lit(kind.basis), why=pl.lit(kind.why), field0=pl.lit(kind.fields[0]),
    )  # fmt: skip
