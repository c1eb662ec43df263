"""Which records the departments get wrong: the plan of planted errors over the whole calendar.

An error is tied to its record, so it stands again in the next batch, until the department finds it by itself: two in
ten are put right within ninety days of the base date. New records bring new ones, and about as many as are put right
slip into old records that are written anew. Nobody carries two errors, and a wrong key only strikes people whom no
other extract names, so that every error has one place. What kinds there are belongs to the departments.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import ErrorKind, Extract
from sample_city.registry import EXTRACTS, kinds, presence
from sample_city.world.basis.streams import Ints, Mask, noise, stream
from sample_city.world.basis.tables import error_rates
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


@dataclass(frozen=True)
class Plan:
    """All planted errors of a city.

    Attributes:
        faults: dataset, record, kind, field, wrong (null where the row itself is the error),
            starts (day), ends (day from which it is right), below (rows between a copy and its original;
            0 if none), stays, derivable.
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
        ordered = self.faults.sort("dataset", "record", "kind")
        return {
            str(faults.item(0, "dataset")): faults
            for faults in ordered.partition_by("dataset", maintain_order=True)
        }


def plan(city: City, *, clean: bool = False) -> Plan:
    """Draw the errors of every kind at the rates of errors.yaml; none at all for a clean city."""
    named, rates = presence(city), error_rates()
    able = [(kind, kind.candidates(city, named)) for kind in kinds(city)]
    # The rarest first, for a person carries no more than one.
    able.sort(key=lambda each: int(each[1].sum()))
    planting = _Planting(city, _Made(city), np.zeros(len(city.people.sex), dtype=np.bool_))
    planted = [(kind, planting.standing(kind, free, rates[kind.dataset][kind.name])) for kind, free in able]
    planted += [
        (kind, planting.slipping(kind, free, SLIPS * rates[kind.dataset][kind.name]))
        for kind, free in able
        if kind.starts is None and not kind.stays and kind.dataset not in WRITTEN_ONCE
    ]
    faults = _described(planted)
    return Plan(faults.clear() if clean else faults)


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
    """Kind by kind, on people who carry no error yet."""

    city: City
    made: _Made
    taken: Mask

    def standing(self, kind: ErrorKind, free: Mask, rate: float) -> pl.DataFrame:
        """The errors of a kind that are there as soon as their record or their cause is."""
        return self._planted(kind, free, rate, stream(self.city.seed, f"error {kind.dataset} {kind.name}"))

    def slipping(self, kind: ErrorKind, free: Mask, rate: float) -> pl.DataFrame:
        """The errors of a kind that slip in after the base date."""
        topic = f"slip {kind.dataset} {kind.name}"
        faults = self._planted(kind, free, rate, stream(self.city.seed, topic))
        since = BASE + 1 + noise(self.city.seed, topic, faults.get_column("record").to_numpy()) % SEASON
        return faults.with_columns(starts=pl.Series(since, dtype=pl.Int32))

    def _planted(self, kind: ErrorKind, free: Mask, rate: float, rng: np.random.Generator) -> pl.DataFrame:
        extract = EXTRACT[kind.dataset]
        roles = extract.people(self.city)
        for persons in roles:
            free = free & ~self.taken[persons]
        records = _struck(rng, free, roles, rate)
        wrong = None if kind.wrong is None else kind.wrong(self.made.rows(extract, records, len(free)), rng)
        faults = _faults(self.city, kind, records, wrong, rng)
        for persons in roles:
            self.taken[persons[faults.get_column("record").to_numpy()]] = True
        return faults


def _struck(rng: np.random.Generator, free: Mask, roles: tuple[Ints, ...], rate: float) -> Ints:
    """The records that err: a share of those that could, nobody twice, ascending."""
    able = rng.permutation(np.flatnonzero(free))
    able = able[: int(np.ceil(len(able) * rate))]
    for persons in roles:
        able = able[np.unique(persons[able], return_index=True)[1]]
    return np.sort(able).astype(np.int32)


def _put_right(city: City, kind: ErrorKind, records: Ints) -> Ints:
    """The day on which the department finds each error by itself; NEVER for most."""
    lot = noise(city.seed, f"found {kind.dataset} {kind.name}", records)
    return np.where(lot < FOUND, BASE + 1 + lot % SEASON, NEVER).astype(np.int32)


def _faults(
    city: City, kind: ErrorKind, records: Ints, wrong: pl.Series | None, rng: np.random.Generator
) -> pl.DataFrame:
    starts = np.zeros(len(records), dtype=np.int32)
    if kind.starts is not None:
        starts = kind.starts(city)[records].astype(np.int32)
    below = rng.integers(1, FURTHEST_COPY, len(records)) if kind.copied else np.zeros(len(records))
    texts = pl.Series([None], dtype=pl.String).new_from_index(0, len(records)) if wrong is None else wrong
    faults = pl.DataFrame(
        {
            "record": records,
            "wrong": texts,
            "starts": starts,
            "ends": _put_right(city, kind, records),
            "below": below.astype(np.int32),
        }
    )
    return faults.drop_nulls("wrong") if wrong is not None and wrong.null_count() else faults


def _described(planted: list[tuple[ErrorKind, pl.DataFrame]]) -> pl.DataFrame:
    """The errors of all kinds, with what each kind says of its own."""
    told = pl.DataFrame(
        [(kind.dataset, kind.name, kind.field, kind.stays, kind.derivable) for kind, _ in planted],
        schema=["dataset", "kind", "field", "stays", "derivable"],
        orient="row",
    )
    which = np.repeat(np.arange(len(planted)), [len(faults) for _, faults in planted])
    return told[which].hstack(pl.concat([faults for _, faults in planted]))
