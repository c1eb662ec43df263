"""What any department sees of the city on a day: who is registered, how they are related and called.

Used by several departments; what only one of them knows is in its own module under ``departments``.
"""

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from sample_city.world.basis.streams import Ints, Mask, noise
from sample_city.world.basis.timeline import LAG, NEVER
from sample_city.world.city import City
from sample_city.world.population.households import (
    CHILD,
    DIVORCED,
    FATHER,
    HEAD,
    MARRIED,
    MOTHER,
    SPOUSE,
    WIDOWED,
)
from sample_city.world.topics.marriages import DIVORCE_DAYS, WEDDING_DAYS

REMARRIED: Final = 400
"""Of ten thousand."""
SEXES: Final = {1: "男", 2: "女"}


def labelled(codes: npt.NDArray[np.integer], labels: dict[int, str]) -> pl.Series:
    """The label of every code."""
    return _by_code(tuple(labels.items())).gather(codes)


@cache
def _by_code(labels: tuple[tuple[int, str], ...]) -> pl.Series:
    """The labels at the places of their codes."""
    by_code = dict(labels)
    return pl.Series([by_code.get(code, "") for code in range(max(by_code) + 1)], dtype=pl.String)


def where(mask: Mask) -> Ints:
    """The positions at which the mask holds."""
    return np.flatnonzero(mask).astype(np.int32)


def everything(column: Ints) -> Ints:
    """The positions of a column."""
    return np.arange(len(column), dtype=np.int32)


def marital_statuses(city: City, persons: Ints, on: int) -> Ints:
    """Code of GB/T 2261.2 (10, 20, 30, 40) on that day."""
    status = city.people.status[persons].copy()
    status[city[WEDDING_DAYS][persons] <= on] = MARRIED
    status[city[DIVORCE_DAYS][persons] <= on] = DIVORCED
    status[city.people.widowed[persons] <= on] = WIDOWED
    status[(status == DIVORCED) & remarried_elsewhere(city, persons)] = MARRIED
    return status


def remarried_elsewhere(city: City, persons: Ints) -> Mask:
    """Of the divorced, who married again in another city, whose registry this city does not have."""
    again: Mask = noise(city.seed, "remarried elsewhere", persons) < REMARRIED
    return again


def relations(city: City, persons: Ints, on: int) -> pl.Series:
    """Relation to the head; the spouse, then the child, takes the place of a head who is gone."""
    slot, sex = city.people.slot[persons], city.people.sex[persons]
    household = city.people.household[persons]
    headless = city.homes.head_gone[household] <= on
    orphaned = headless & (city.homes.spouse_gone[household] <= on)
    heads = (slot == HEAD) | ((slot == SPOUSE) & headless) | ((slot == CHILD) & orphaned)
    cases = [heads, slot == SPOUSE, slot == FATHER, slot == MOTHER, sex == 1]
    chosen = np.select(cases, [0, 1, 2, 3, 4], 5)
    return pl.Series(["户主", "配偶", "父亲", "母亲", "子", "女"]).gather(chosen)


def registered(city: City, on: int) -> Ints:
    """People whose registration stands on that day."""
    return where((city.people.registered <= on) & (city.people.cancelled > on))


def inhabited(city: City, on: int) -> Mask:
    """Whether anybody is registered in each household on that day."""
    lives = np.zeros(len(city.homes.village), dtype=np.bool_)
    lives[city.people.household[registered(city, on)]] = True
    return lives


def township_codes(city: City, persons: Ints) -> pl.Series:
    """The 9-digit code of the township where each person is registered."""
    return city.territory.column("township_code").gather(city.homes.village[city.people.household[persons]])


def village_codes(city: City, persons: Ints) -> pl.Series:
    """The 12-digit code of the village where each person is registered."""
    return city.territory.column("code").gather(city.homes.village[city.people.household[persons]])


def at_the_last_day(city: City) -> Mask:
    """Registered for as long as the lag allows, so that an overdue row follows without a gap."""
    last: Mask = city.people.cancelled - np.minimum(city.people.death, NEVER - LAG) == LAG + 1
    return last


def overdue(city: City) -> Ints:
    """First day on which a death lies more than the allowed lag back."""
    return np.minimum(city.people.death, NEVER - LAG - 1) + LAG + 1
