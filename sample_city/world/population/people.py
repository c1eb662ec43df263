"""Everybody the sample city knows in its calendar: born or yet to be born, alive or dead.

One place where households, names, deaths and identifiers come together. Benefits, enterprises and
dwellings build on it; what is known of a person on a day belongs to extracts.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sample_city.world.basis.identifiers import phones, resident_ids
from sample_city.world.basis.streams import Ints, Mask, draw, stream
from sample_city.world.basis.tables import table
from sample_city.world.basis.territory import Territory, birth_areas
from sample_city.world.basis.timeline import BASE, FIRST, NEVER, YEAR, years
from sample_city.world.population import names
from sample_city.world.population.deaths import bereavements, cancellations, deaths
from sample_city.world.population.households import SLOTS, SPOUSE, Households, compose
from sample_city.world.population.moves import moves

ADULT: Final = years(18)
HOUSEHOLDS_PER_RESIDENT: Final = 0.53
"""More than are needed: those beyond the residents asked for are dropped."""
ENUMERATION: Final = 90
"""Births this many days before the calendar begins are already registered on its first day."""


@dataclass(frozen=True)
class People:
    """Everybody, ordered by village, household and slot; one entry per person, days as numbers."""

    household: Ints
    slot: Ints
    sex: Ints
    birth: Ints
    status: Ints
    ethnic_group: Ints
    registered: Ints
    death: Ints
    cancelled: Ints
    widowed: Ints
    resident_id: pl.Series
    name: pl.Series
    phone: pl.Series


@dataclass(frozen=True)
class Homes:
    """Households as places, ordered by village; people are positions, days are numbers.

    Attributes:
        village: Position in the territory.
        number: Running number within the village, from 0.
        household_no: Thirteen digits: township and running number.
        wedding: Wedding day of the couple, NEVER where there is none.
        head_gone: When the registration of the first head is cancelled.
        spouse_gone: The same for the spouse; 0 where there never was one.
    """

    village: Ints
    number: Ints
    household_no: pl.Series
    wedding: Ints
    head_gone: Ints
    spouse_gone: Ints


@dataclass(frozen=True)
class _Fates:
    """Households with the days that matter, shape (n, 6) each."""

    households: Households
    registered: Ints
    death: Ints
    cancelled: Ints

    def take(self, rows: Ints) -> "_Fates":
        return _Fates(
            self.households.take(rows),
            self.registered[rows],
            self.death[rows],
            self.cancelled[rows],
        )


def settle(seed: int, residents: int, territory: Territory) -> tuple[Homes, People]:
    """The households and people of a city with exactly that many residents on the base date."""
    fates = _exactly(residents, _fates(seed, round(residents * HOUSEHOLDS_PER_RESIDENT) + 60))
    count = len(fates.households.kind)
    village = np.sort(draw(stream(seed, "settlement"), territory.weights, count))
    number = np.arange(count, dtype=np.int32) - np.searchsorted(village, village).astype(np.int32)
    spouse_gone = np.where(fates.households.present[:, SPOUSE], fates.cancelled[:, SPOUSE], 0)
    homes = Homes(
        village=village,
        number=number,
        household_no=_household_numbers(territory, village),
        wedding=fates.households.married,
        head_gone=fates.cancelled[:, 0],
        spouse_gone=spouse_gone.astype(np.int32),
    )
    return homes, _people(seed, fates, territory, village)


def _fates(seed: int, count: int) -> _Fates:
    households = compose(stream(seed, "households"), count)
    died = deaths(stream(seed, "deaths"), households)
    delay = stream(seed, "births").integers(3, 26, households.birth.shape)
    newborn = households.present & (households.birth > FIRST - ENUMERATION)
    registered = households.birth + np.where(newborn, delay, 0)
    ended = cancellations(stream(seed, "cancellations"), died)
    left = moves(stream(seed, "moves"), households, died)
    return _Fates(
        households,
        np.where(households.present, registered, NEVER).astype(np.int32),
        died,
        np.minimum(ended, left),
    )


def _exactly(residents: int, fates: _Fates) -> _Fates:
    """The first households with that many registered people; singles make up the remainder."""
    known = (fates.registered <= BASE) & (fates.cancelled > BASE)
    sizes = known.sum(axis=1)
    whole = int(np.searchsorted(np.cumsum(sizes), residents, side="right"))
    missing = residents - int(sizes[:whole].sum())
    singles = whole + np.flatnonzero(sizes[whole:] == 1)[:missing]
    if len(singles) < missing:
        raise ValueError(f"too few households were composed for {residents} residents")
    return fates.take(np.concatenate([np.arange(whole), singles]).astype(np.int32))


def _household_numbers(territory: Territory, village: Ints) -> pl.Series:
    township = territory.column("township_code").str.slice(2).gather(village)
    rows = pl.DataFrame({"township": township})
    running = pl.int_range(1, pl.len() + 1).over("township")
    return rows.select(household_no=pl.col("township") + running.cast(pl.String).str.zfill(6)).to_series()


def _people(seed: int, fates: _Fates, territory: Territory, village: Ints) -> People:
    """Flatten households to people, and give everybody a name, a number and a telephone."""
    households = fates.households
    taken: Mask = households.present
    household = np.repeat(np.arange(len(taken), dtype=np.int32), SLOTS).reshape(taken.shape)[taken]
    slot = np.tile(np.arange(SLOTS, dtype=np.int32), (len(taken), 1))[taken]
    sex, birth = households.sex[taken], households.birth[taken]
    given = names.given_name_table()
    parts = names.Names(
        names.surnames(stream(seed, "surnames"), households)[taken],
        names.given_names(stream(seed, "given names"), given, sex, birth),
    )
    ethnic_group, dotted = _ethnic_groups(seed, len(taken), household, slot)
    own_village = village[household]
    area = birth_areas(
        stream(seed, "birth areas"),
        territory.column("county_code").gather(own_village),
        (1970 + np.floor(birth / YEAR)).astype(np.int32),
    )
    return People(
        household=household,
        slot=slot,
        sex=sex,
        birth=birth,
        status=households.status[taken],
        ethnic_group=ethnic_group,
        registered=fates.registered[taken],
        death=fates.death[taken],
        cancelled=fates.cancelled[taken],
        widowed=bereavements(households, fates.cancelled)[taken],
        resident_id=resident_ids(area, birth, sex),
        name=_with_dots(seed, names.full_names(parts, given), dotted, sex, slot, household),
        phone=_phones(seed, birth),
    )


def _ethnic_groups(seed: int, count: int, household: Ints, slot: Ints) -> tuple[Ints, Mask]:
    """Position of everybody's group in its table, and who bears a name with a middle dot.

    A household shares its group, but every other spouse of a minority member is Han.
    """
    rng = stream(seed, "ethnic groups")
    groups = table("ethnic_groups")
    of_home = draw(rng, groups.get_column("weight").to_numpy(), count)
    mixed = rng.random(count) < 0.5
    chosen = np.where((slot == SPOUSE) & mixed[household], 0, of_home[household])
    dotted = (groups.get_column("dotted") == "1").to_numpy()
    return chosen.astype(np.int32), dotted[chosen]


def _with_dots(
    seed: int, plain: pl.Series, dotted: Mask, sex: Ints, slot: Ints, household: Ints
) -> pl.Series:
    rows = np.flatnonzero(dotted)
    rng = stream(seed, "dotted names")
    return plain.scatter(rows, names.dotted_names(rng, sex[rows], slot[rows], household[rows]))


def _phones(seed: int, birth: Ints) -> pl.Series:
    """A mobile number for most grown-ups, for fewer of the old, for no child."""
    age = (BASE - birth) / YEAR
    share = np.select([age < 14, age < 60, age < 80], [0.0, 0.93, 0.7], 0.35)
    has = stream(seed, "phones").random(len(birth)) < share
    numbers = phones(np.arange(len(birth), dtype=np.int64))
    return pl.select(pl.when(pl.Series(has)).then(numbers).otherwise(pl.lit(""))).to_series()
