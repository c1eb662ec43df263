"""People whom departments know though the police of this city have never registered them.

They stand behind everybody else: people from other places who live here, owners of homes and vehicles who live in
another city, and foreigners who married here. Only the register of the police leaves them out.
"""

from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import polars as pl

from sample_city.world.basis.identifiers import phones, resident_ids
from sample_city.world.basis.streams import Ints, stream
from sample_city.world.basis.timeline import BASE, NEVER, years
from sample_city.world.population.households import CHILD, UNMARRIED
from sample_city.world.population.people import Homes, People

SETTLED: Final = 0.1
"""People from other places who live here, for each registered resident."""
OWNERS: Final = 0.01
"""People elsewhere who own something here."""
FOREIGN: Final = 0.002
AREAS: Final = (
    320102, 330102, 340104, 410102, 230102, 220102, 210102, 130102, 140105, 150102, 360102, 420102, 430102, 440103,
    450102, 500101, 510104, 520102, 530102, 610102, 620102, 640104, 341202, 371702, 371302, 371502, 230302, 220602,
)  # fmt: skip
"""Counties of other cities: GB/T 2260."""
LATIN: Final = ("ANNA IVANOVA", "JOHN SMITH", "KIM MINJUN", "TANAKA YUKI", "NGUYEN THI LAN", "MARIA SILVA")
RARE: Final = ("欧阳喆", "司马彧", "于堃", "曲犇", "慕容翀", "阿布都热西提", "赟娜仁其木格", "衣祎", "栾龑")
"""Names of rare characters, of rare surnames and of six characters."""


@dataclass(frozen=True)
class Guests:
    """Positions of the three groups among everybody: half-open ranges."""

    settled: tuple[int, int]
    owners: tuple[int, int]
    foreign: tuple[int, int]


def guests(seed: int, residents: int, homes: Homes, people: People) -> tuple[People, Guests]:
    """Everybody: the people given, then the guests."""
    rng, known = stream(seed, "guests"), len(people.sex)
    sizes = [max(2, round(residents * share)) for share in (SETTLED, OWNERS, FOREIGN)]
    count, edges = sum(sizes), known + np.cumsum([0, *sizes])
    sex = rng.integers(1, 3, count).astype(np.int32)
    age = np.where(rng.random(count) < 0.15, rng.integers(1, 18, count), rng.integers(18, 66, count))
    age[sizes[0] :] = np.maximum(age[sizes[0] :], 25)
    birth = (BASE - years(1) - age * 365.2425 - rng.integers(0, 365, count)).astype(np.int32)
    area = np.array(AREAS, dtype=np.int32)[rng.integers(0, len(AREAS), count)]
    number = resident_ids(area, birth, sex)
    name = people.name.gather(rng.integers(0, known, count))
    rare = np.flatnonzero(rng.random(count) < 0.01)
    name = name.scatter(rare, pl.Series(RARE).gather(rng.integers(0, len(RARE), len(rare))))
    aliens = np.arange(count - sizes[2], count)
    passport = "E" + pl.Series(10_000_000 + np.arange(sizes[2])).cast(pl.String)
    name = name.scatter(aliens, pl.Series(LATIN).gather(rng.integers(0, len(LATIN), sizes[2])))
    never = np.full(count, NEVER, dtype=np.int32)
    more = People(
        household=np.sort(rng.integers(0, len(homes.village), count)).astype(np.int32),
        slot=np.full(count, CHILD, dtype=np.int32),
        sex=sex,
        birth=birth,
        status=np.full(count, UNMARRIED, dtype=np.int32),
        ethnic_group=np.zeros(count, dtype=np.int32),
        registered=never,
        death=never,
        cancelled=never,
        widowed=never,
        resident_id=number.scatter(aliens, passport),
        name=name,
        phone=phones(np.arange(known, known + count, dtype=np.int64)),
    )
    low, owning, foreign, end = (int(edge) for edge in edges)
    return _joined(people, more), Guests((low, owning), (owning, foreign), (foreign, end))


def _joined(first: People, second: People) -> People:
    columns: dict[str, Any] = {}
    for each in fields(People):
        a, b = getattr(first, each.name), getattr(second, each.name)
        columns[each.name] = pl.concat([a, b]) if isinstance(a, pl.Series) else np.concatenate([a, b])
    return People(**columns)


def between(bounds: tuple[int, int]) -> Ints:
    """The positions of a group."""
    return np.arange(*bounds, dtype=np.int32)
