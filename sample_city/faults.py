"""Which records the departments get wrong: the plan of planted errors over the whole calendar.

An error is tied to its record, so it stands again in the next batch, and new records bring a few
new ones. Nobody carries two errors, and a wrong key only strikes people whom no other extract
names, so that every error has one place. What kinds there are belongs to the departments.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sample_city.city import City
from sample_city.declarations import Kind
from sample_city.registry import EXTRACTS, kinds, presence
from sample_city.streams import Ints, Mask, stream
from sample_city.tables import error_rates
from sample_city.timeline import LAST

FURTHEST_COPY: Final = 400
"""A duplicate stands at most this many rows below its original."""


@dataclass(frozen=True)
class Plan:
    """All planted errors of a city.

    Attributes:
        faults: dataset, record, kind, field, wrong (null where the row itself is the error),
            starts (day), below (rows between a copy and its original; 0 if none), stays, derivable.
    """

    faults: pl.DataFrame

    def of(self, dataset: str, on: int) -> pl.DataFrame:
        """The errors of one dataset that have begun by that day, ordered by record."""
        begun = (pl.col("dataset") == dataset) & (pl.col("starts") <= on)
        return self.faults.filter(begun).sort("record", "kind")

    def overdue(self, dataset: str) -> Ints:
        """Records that are delivered although they should be gone, ascending."""
        stays = self.faults.filter((pl.col("dataset") == dataset) & pl.col("stays"))
        return stays.get_column("record").sort().to_numpy()


def plan(city: City, *, clean: bool = False) -> Plan:
    """Draw the errors of every kind at the rates of errors.yaml; none at all for a clean city."""
    named, rates = presence(city), error_rates()
    extracts = {extract.delivery.dataset: extract for extract in EXTRACTS}
    taken = np.zeros(len(city.people.sex), dtype=np.bool_)
    planted = []
    able = [(kind, kind.candidates(city, named)) for kind in kinds(city)]
    # The rarest first, for a person carries no more than one.
    for kind, free in sorted(able, key=lambda each: int(each[1].sum())):
        extract = extracts[kind.dataset]
        roles = extract.people(city)
        for persons in roles:
            free = free & ~taken[persons]
        rng = stream(city.seed, f"error {kind.dataset} {kind.name}")
        records = _struck(rng, free, roles, rates[kind.dataset][kind.name])
        rows = extract.rows(city, records, LAST)
        wrong = pl.repeat(None, len(records), dtype=pl.String, eager=True)
        wrong = wrong if kind.wrong is None else kind.wrong(rows, rng)
        faults = _faults(city, kind, records, wrong, rng)
        for persons in roles:
            taken[persons[faults.get_column("record").to_numpy()]] = True
        planted.append(faults)
    faults = pl.concat(planted)
    return Plan(faults.clear() if clean else faults)


def _struck(rng: np.random.Generator, free: Mask, roles: tuple[Ints, ...], rate: float) -> Ints:
    """The records that err: a share of those that could, nobody twice, ascending."""
    able = rng.permutation(np.flatnonzero(free))
    able = able[: int(np.ceil(len(able) * rate))]
    for persons in roles:
        able = able[np.unique(persons[able], return_index=True)[1]]
    return np.sort(able).astype(np.int32)


def _faults(
    city: City, kind: Kind, records: Ints, wrong: pl.Series, rng: np.random.Generator
) -> pl.DataFrame:
    starts = np.zeros(len(records), dtype=np.int32)
    if kind.starts is not None:
        starts = kind.starts(city)[records].astype(np.int32)
    below = rng.integers(1, FURTHEST_COPY, len(records)) if kind.copied else np.zeros(len(records))
    faults = pl.DataFrame(
        {
            "dataset": pl.repeat(kind.dataset, len(records), eager=True),
            "record": records,
            "kind": pl.repeat(kind.name, len(records), eager=True),
            "field": pl.repeat(kind.field, len(records), eager=True),
            "wrong": wrong.cast(pl.String),
            "starts": starts,
            "below": below.astype(np.int32),
            "stays": pl.repeat(kind.stays, len(records), eager=True),
            "derivable": pl.repeat(kind.derivable, len(records), eager=True),
        }
    )
    return faults.filter(pl.col("wrong").is_not_null()) if kind.wrong else faults
