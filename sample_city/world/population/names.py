"""Names by frequency: surnames of the region, given names by sex and generation.

Names are positions in tables until a row is written. Who is whose child belongs to households.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sample_city.world.basis.streams import Ints, Mask, draw
from sample_city.world.basis.tables import table
from sample_city.world.basis.timeline import YEAR
from sample_city.world.population.households import (
    CHILD,
    FATHER,
    FEMALE,
    HEAD,
    MALE,
    MOTHER,
    SECOND_CHILD,
    SPOUSE,
    Households,
)

WHOLE_NAMES: Final = 0.45
"""Share of given names from the list of frequent ones; the others are composed of two characters."""
FATHERS_NAME: Final = 0.96
"""Share of children who bear the father's surname."""


@dataclass(frozen=True)
class Names:
    """The parts of everybody's name: positions in the surname and given-name tables."""

    surname: Ints
    given: Ints


@dataclass(frozen=True)
class GivenNames:
    """All given names in one column, and where those of a sex and generation stand.

    Attributes:
        names: Every given name.
        blocks: (sex, born_from, born_until, first position, weights of the block's names).
    """

    names: pl.Series
    blocks: list[tuple[int, int, int, int, pl.Series]]


def surnames(rng: np.random.Generator, households: Households) -> Ints:
    """Surname positions of everybody, shape (n, 6); children take the father's, as a rule."""
    weights = table("surnames").get_column("weight").to_numpy()
    count = len(households.kind)
    husband, wife, other = (draw(rng, weights, count) for _ in range(3))
    head_is_man = households.sex[:, HEAD] == MALE
    names = np.empty(households.sex.shape, dtype=np.int32)
    names[:, HEAD] = np.where(head_is_man, husband, wife)
    names[:, SPOUSE] = np.where(head_is_man, wife, husband)
    child = np.where(rng.random(count) < FATHERS_NAME, husband, wife)
    names[:, CHILD] = names[:, SECOND_CHILD] = child
    names[:, FATHER], names[:, MOTHER] = names[:, HEAD], other
    return names


def given_name_table() -> GivenNames:
    """The frequent names and all compositions of first and second characters, with weights."""
    whole, characters = table("given_names"), table("given_characters")
    names: list[pl.Series] = []
    blocks = []
    position = 0
    generations = whole.get_column("born_from").unique().sort().to_list()
    for sex in (MALE, FEMALE):
        for born_from, born_until in zip(generations, [*generations[1:], 9999], strict=True):
            mine = (pl.col("sex") == str(sex)) & (pl.col("born_from") == born_from)
            block = _block(whole.filter(mine), characters.filter(mine))
            names.append(block.get_column("name"))
            weights = block.get_column("weight")
            blocks.append((sex, born_from, born_until, position, weights))
            position += len(block)
    return GivenNames(pl.concat(names), blocks)


def _block(whole: pl.DataFrame, characters: pl.DataFrame) -> pl.DataFrame:
    share = pl.col("weight") / pl.col("weight").sum()
    first = characters.filter(pl.col("place") == "first").select("character", "weight")
    second = characters.filter(pl.col("place") == "second").select("character", "weight")
    composed = first.join(second, how="cross", maintain_order="left_right")
    composed = composed.select(
        name=pl.col("character") + pl.col("character_right"),
        weight=pl.col("weight") * pl.col("weight_right"),
    )
    frequent = whole.select("name", weight=share * WHOLE_NAMES)
    return pl.concat([frequent, composed.with_columns(weight=share * (1 - WHOLE_NAMES))])


def given_names(rng: np.random.Generator, given: GivenNames, sex: Ints, birth: Ints) -> Ints:
    """Positions of a given name for everybody, by sex and year of birth; shape as ``sex``."""
    year = 1970 + np.floor(birth / YEAR)
    chosen = np.zeros(len(sex), dtype=np.int32)
    for its_sex, born_from, born_until, position, weights in given.blocks:
        mine = (sex == its_sex) & (year >= born_from) & (year < born_until)
        chosen[mine] = position + draw(rng, weights.to_numpy(), int(mine.sum()))
    return chosen


def full_names(names: Names, given: GivenNames) -> pl.Series:
    """Surname and given name as one text."""
    surname = table("surnames").get_column("surname").gather(names.surname)
    return (surname + given.names.gather(names.given)).alias("name")


def dotted_names(rng: np.random.Generator, sex: Ints, slot: Ints, household: Ints) -> pl.Series:
    """Names with a middle dot, own name and father's name: one text per person given.

    Args:
        rng: The topic's generator.
        sex: 1 or 2.
        slot: Place in the household, which says whose child somebody is.
        household: Number of the household, from which the fathers' names follow.
    """
    named = table("dotted_names")
    men, women = (named.filter(pl.col("sex") == str(each)).get_column("name") for each in (MALE, FEMALE))
    child: Mask = (slot == CHILD) | (slot == SECOND_CHILD)
    lot, other = rng.integers(0, len(men), (2, len(sex)))
    father, grandfather = household % len(men), (household * 7 + 3) % len(men)
    is_father: Mask = (slot == HEAD) | (slot == SPOUSE)
    his = men.gather(np.select([is_father, slot == FATHER], [father, grandfather], lot))
    hers = women.gather(rng.integers(0, len(women), len(sex)))
    first = pl.select(pl.when(pl.Series(sex == MALE)).then(his).otherwise(hers)).to_series()
    return first + "·" + men.gather(np.select([child, slot == HEAD], [father, grandfather], other))
