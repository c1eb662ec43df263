"""Motor vehicles: who owns them, when they were registered, inspected and scrapped.

Numbers of plates and vehicles are computed here too; how an extract shows a vehicle on a day belongs
to the police's module.
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from sample_city.world.basis.streams import Ints, Longs, Mask
from sample_city.world.basis.timeline import BASE, FIRST, LAST, NEVER, day, years
from sample_city.world.city import City, Topic
from sample_city.world.population.people import People
from sample_city.world.topics.enterprises import ENTERPRISES, Enterprises

VEHICLES_PER_RESIDENT: Final = 0.28
FIRST_REGISTRATION: Final = day(date(2011, 1, 1))
NEW_ENERGY_FROM: Final = day(date(2017, 6, 1))
COMPANY_SHARE, NEW_ENERGY_SHARE, LARGE_SHARE, SLUGGISH_SHARE, SCRAPPED_SHARE = 0.12, 0.3, 0.06, 0.04, 0.04
INSPECTION: Final = 730
"""Days from one inspection to the next."""
ELSEWHERE: Final = 0.03
"""Share of the vehicles."""
NOBODY: Final = -1
PLATE_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Letters and digits of plates: no I, no O (GA 36-2018)."""
MAKERS: Final = ("LSV", "LFV", "LGB", "LVS", "LHG", "LBV", "LC0", "LRW")
VIN_WORTH: Final = {**{str(n): n for n in range(10)}, **dict(zip("ABCDEFGH", range(1, 9), strict=True)),
                    **dict(zip("JKLMN", range(1, 6), strict=True)), "P": 7, "R": 9,
                    **dict(zip("STUVWXYZ", range(2, 10), strict=True))}  # fmt: skip
VIN_WEIGHTS: Final = np.array([8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2])
MODEL_YEARS: Final = "BCDEFGHJKLMNPRSTVW"
"""Characters of the years 2011 to 2028 (GB 16735)."""


@dataclass(frozen=True)
class Vehicles:
    """Vehicles in the order of registration; ``owner`` is a person or NOBODY, ``enterprise`` likewise.

    ``sluggish`` owners miss the first inspection that falls into the calendar. ``plate`` is a running
    number among vehicles with the same kind of plate.
    """

    owner: Ints
    enterprise: Ints
    registered: Ints
    scrapped: Ints
    sluggish: Mask
    new_energy: Mask
    large: Mask
    plate: Ints


def vehicles(rng: np.random.Generator, residents: int, people: People, register: Enterprises) -> Vehicles:
    """Private cars of grown-ups who stay, and vehicles of enterprises."""
    count = max(8, round(residents * VEHICLES_PER_RESIDENT))
    able = (people.birth < BASE - years(22)) & (people.birth > BASE - years(75)) & (people.cancelled == NEVER)
    owner = rng.choice(np.flatnonzero(able), count).astype(np.int32)
    company = rng.random(count) < COMPANY_SHARE
    enterprise = rng.integers(0, len(register.person), count).astype(np.int32)
    earliest = np.where(company, register.established[enterprise] + 10, people.birth[owner] + years(18))
    registered = np.maximum(rng.integers(FIRST_REGISTRATION, LAST, count), earliest).astype(np.int32)
    order = np.argsort(registered, kind="stable")
    registered, company = registered[order], company[order]
    scrapped = registered + rng.integers(years(4), years(14), count)
    scrapped = np.where(rng.random(count) < SCRAPPED_SHARE, scrapped, NEVER)
    new_energy = (rng.random(count) < NEW_ENERGY_SHARE) & (registered > NEW_ENERGY_FROM)
    green = np.cumsum(new_energy)
    return Vehicles(
        owner=np.where(company, NOBODY, owner[order]).astype(np.int32),
        enterprise=np.where(company, enterprise[order], NOBODY).astype(np.int32),
        registered=registered,
        scrapped=scrapped.astype(np.int32),
        sluggish=(rng.random(count) < SLUGGISH_SHARE) & (scrapped == NEVER),
        new_energy=new_energy,
        large=(rng.random(count) < LARGE_SHARE) & ~new_energy,
        plate=(np.where(new_energy, green, np.arange(1, count + 1) - green) - 1).astype(np.int32),
    )


def inspected_until(kept: Vehicles, records: Ints, on: int) -> Ints:
    """The day up to which the last inspection holds, as known on a day."""
    registered = kept.registered[records]
    known = np.where(kept.sluggish[records], np.maximum(FIRST, registered), on)
    known = np.minimum(known, kept.scrapped[records])
    return (registered + ((known - registered) // INSPECTION + 1) * INSPECTION).astype(np.int32)


def plates(numbers: Ints, new_energy: Mask) -> pl.Series:
    """鲁F or 鲁Y and five characters; for new energy D or F and five more."""
    number = numbers.astype(np.int64)
    prefix, offset = pl.Series(["鲁F", "鲁Y"]).gather(number % 2), 234_567 + number % 2 * 345_678
    fuel = (number // 2 * 1_618_033 + offset) % (34**3 * 100)
    five = _characters(fuel // 100, 3) + pl.Series(fuel % 100).cast(pl.String).str.zfill(2)
    green = (number // 2 * 611_953 + offset) % (2 * 34 * 10_000)
    letter = pl.Series(["D", "F"]).gather(green // 340_000)
    digits = pl.Series(green % 10_000).cast(pl.String).str.zfill(4)
    six = letter + _characters(green // 10_000 % 34, 1) + digits
    return prefix + pl.select(pl.when(pl.Series(new_energy)).then(six).otherwise(five)).to_series()


def _characters(numbers: Longs, places: int) -> pl.Series:
    letters = pl.Series(list(PLATE_ALPHABET))
    texts = {str(place): letters.gather(numbers // 34**place % 34) for place in reversed(range(places))}
    return pl.DataFrame(texts).select(pl.concat_str(pl.all())).to_series()


def vehicle_numbers(records: Ints, registered: Ints) -> pl.Series:
    """Seventeen characters with their check character (GB 16735), distinct for every record.

    The last seven give the record: a letter for millions and six digits.
    """
    number = records.astype(np.int64)
    maker = np.array([list(each) for each in MAKERS])[number % len(MAKERS)]
    model = np.array(list(PLATE_ALPHABET.replace("Q", "")))[_spread(number // 40)]
    year = pl.Series(registered).cast(pl.Int32).cast(pl.Date).dt.year().to_numpy() - 2011
    years_of = np.array(list(MODEL_YEARS))[np.clip(year, 0, len(MODEL_YEARS) - 1)]
    millions = np.array(list("ABCDEFGH"))[number // 1_000_000]
    serial = np.array(list("0123456789"))[number[:, None] // 10 ** np.arange(5, -1, -1) % 10]
    blank = np.full((len(number), 1), "0")
    letters = np.hstack([maker, model, blank, years_of[:, None], millions[:, None], serial])
    worth = np.zeros(128, dtype=np.int64)
    worth[[ord(each) for each in VIN_WORTH]] = list(VIN_WORTH.values())
    codes = letters.view(np.uint32).reshape(letters.shape)
    check = (worth[codes] * VIN_WEIGHTS).sum(axis=1) % 11
    letters[:, 8] = np.array(list("0123456789X"))[check]
    return pl.Series(letters.copy().view("<U17").ravel().tolist(), dtype=pl.String)


def _spread(models: Longs) -> npt.NDArray[np.int64]:
    """Five character positions for each model, shape (n, 5)."""
    mixed = (models + 1) * 1_103_515_245 % 2_147_483_647
    places: npt.NDArray[np.int64] = mixed[:, None] // 33 ** np.arange(5) % 33
    return places


def _owned_elsewhere(city: City, known: Vehicles) -> Vehicles:
    """Some private vehicles belong to people who live in another city."""
    rng, count = city.draws("vehicles from elsewhere"), len(known.owner)
    away = (rng.random(count) < ELSEWHERE) & (known.owner != NOBODY)
    owner = np.where(away, rng.integers(*city.guests.owners, count), known.owner)
    of_age = np.where(away, city.people.birth[owner] + years(18) <= known.registered, True)
    return replace(known, owner=np.where(of_age, owner, known.owner).astype(np.int32))


VEHICLES: Final[Topic[Vehicles]] = Topic(
    "vehicles",
    (ENTERPRISES,),
    lambda city: _owned_elsewhere(
        city, vehicles(city.draws("vehicles"), city.residents, city.locals, city[ENTERPRISES])
    ),
)
