"""Households of an ageing city: who lives together, how old they are, who is related to whom.

A household is a row of six slots: head, spouse, two children, the head's father and mother. Names,
deaths and registrations belong to other modules.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from sample_city.world.basis.streams import Ints, Mask, draw
from sample_city.world.basis.tables import table
from sample_city.world.basis.timeline import BASE, FIRST, LAST, NEVER, YEAR, on_weekday, years

HEAD, SPOUSE, CHILD, SECOND_CHILD, FATHER, MOTHER = range(6)
SLOTS: Final = 6
MALE, FEMALE = 1, 2
UNMARRIED, MARRIED, WIDOWED, DIVORCED = 10, 20, 30, 40
"""GB/T 2261.2."""
MEN_MARRY_AT: Final = years(22)
WOMEN_MARRY_AT: Final = years(20)
"""Legal age of marriage: Civil Code, article 1047."""
TWINS: Final = 12
"""Of a thousand second children, those born on the day of the first."""
OLDEST: Final = BASE - years(101)


@dataclass(frozen=True)
class Households:
    """Households by row, people by slot; days where nothing else is said.

    Attributes:
        kind: Position in household_types.csv, shape (n,).
        present: Whether a slot is taken (children may be born later), shape (n, 6).
        sex: 1 or 2, shape (n, 6).
        birth: Shape (n, 6).
        status: Marital status at the start, or to which a marriage on ``married`` leads, (n, 6).
        married: Wedding day of head and spouse, NEVER where there is none, shape (n,).
    """

    kind: Ints
    present: Mask
    sex: Ints
    birth: Ints
    status: Ints
    married: Ints

    def take(self, rows: npt.NDArray[np.integer]) -> "Households":
        """The households in these rows, in this order."""
        return Households(
            self.kind[rows],
            self.present[rows],
            self.sex[rows],
            self.birth[rows],
            self.status[rows],
            self.married[rows],
        )


def compose(rng: np.random.Generator, count: int) -> Households:
    """That many households, complete with children who are yet to be born."""
    kinds = table("household_types")
    kind = draw(rng, kinds.get_column("share").to_numpy(), count)
    traits = {
        name: kinds.get_column(name).cast(pl.Float64).to_numpy()[kind]
        for name in kinds.columns
        if name != "kind"
    }
    couple = traits["couple"] > 0
    present = np.zeros((count, SLOTS), dtype=np.bool_)
    present[:, HEAD], present[:, SPOUSE] = True, couple
    sex = np.zeros((count, SLOTS), dtype=np.int32)
    sex[:, HEAD] = np.where(rng.random(count) < traits["female_share"], FEMALE, MALE)
    sex[:, SPOUSE] = MALE + FEMALE - sex[:, HEAD]
    sex[:, CHILD] = np.where(rng.random(count) < 0.52, MALE, FEMALE)
    sex[:, SECOND_CHILD] = np.where(rng.random(count) < 0.52, MALE, FEMALE)
    sex[:, FATHER], sex[:, MOTHER] = MALE, FEMALE
    birth = np.full((count, SLOTS), NEVER, dtype=np.int32)
    age = rng.triangular(traits["age_low"], traits["age_mode"], traits["age_high"])
    birth[:, HEAD] = BASE - age * YEAR
    _add_spouse(rng, birth, sex)
    married = np.where(couple, _wedding(rng, birth, sex), NEVER).astype(np.int32)
    _add_children(rng, birth, present, np.minimum(married, LAST), traits["children"], sex)
    _add_parents(rng, birth, present, traits["parents"])
    status = np.full((count, SLOTS), UNMARRIED, dtype=np.int32)
    status[:, HEAD] = status[:, SPOUSE] = traits["status"]
    both = present[:, FATHER] & present[:, MOTHER]
    status[:, FATHER] = status[:, MOTHER] = np.where(both, MARRIED, WIDOWED)
    return Households(kind.astype(np.int32), present, sex, birth, status, married)


def _add_spouse(rng: np.random.Generator, birth: Ints, sex: Ints) -> None:
    """Wives are a year and a half younger on average, and old enough to be married by now."""
    younger = np.clip(rng.normal(550, 800, len(birth)), -1800, 3600).astype(np.int32)
    spouse = birth[:, HEAD] + np.where(sex[:, HEAD] == MALE, younger, -younger)
    of_age = BASE - years(24) - rng.integers(0, 900, len(birth))
    birth[:, SPOUSE] = np.minimum(np.maximum(spouse, OLDEST), np.maximum(birth[:, HEAD], of_age))


def _wedding(rng: np.random.Generator, birth: Ints, sex: Ints) -> Ints:
    """After both have reached the legal age, and before the first day that the city shows."""
    legal = np.maximum(
        birth[:, HEAD] + np.where(sex[:, HEAD] == MALE, MEN_MARRY_AT, WOMEN_MARRY_AT),
        birth[:, SPOUSE] + np.where(sex[:, SPOUSE] == MALE, MEN_MARRY_AT, WOMEN_MARRY_AT),
    )
    wanted = legal + rng.gamma(2.0, 500.0, len(birth)).astype(np.int32)
    known = np.minimum(wanted, FIRST - rng.integers(10, 400, len(birth)))
    return on_weekday(np.maximum(legal, known).astype(np.int32))


def _add_children(
    rng: np.random.Generator,
    birth: Ints,
    present: Mask,
    married: Ints,
    wanted: npt.NDArray[np.float64],
    sex: Ints,
) -> None:
    """The first child follows the wedding (or the lone parent's twenties), the second the first."""
    count = len(birth)
    lone = ~present[:, SPOUSE]
    lone_start = birth[:, HEAD] + rng.integers(years(23), years(30), count)
    first = np.where(lone, lone_start, married + 290) + rng.gamma(1.5, 420.0, count)
    second = first + 520 + rng.gamma(2.0, 550.0, count)
    twins = first.astype(np.int64) * 7_919 % 1_000 < TWINS
    second = np.where(twins, first, second)
    mother = np.where(sex[:, HEAD] == FEMALE, birth[:, HEAD], birth[:, SPOUSE])
    mother = np.where(lone, birth[:, HEAD], mother)
    for slot, born, least in ((CHILD, first, 1), (SECOND_CHILD, second, 2)):
        day = born.astype(np.int32)
        present[:, slot] = (wanted >= least) & (day <= LAST) & (day < mother + years(44))
        birth[:, slot] = np.where(present[:, slot], day, NEVER)


def _add_parents(
    rng: np.random.Generator, birth: Ints, present: Mask, wanted: npt.NDArray[np.float64]
) -> None:
    """The head's parents: both, or more often the mother than the father where one is left."""
    count = len(birth)
    mother = birth[:, HEAD] - rng.integers(years(21), years(31), count)
    father = mother - np.clip(rng.normal(550, 700, count), -1200, 2900)
    left = rng.random(count) < 0.72
    present[:, MOTHER] = (wanted == 2) | ((wanted == 1) & left)
    present[:, FATHER] = (wanted == 2) | ((wanted == 1) & ~left)
    birth[:, MOTHER] = np.where(present[:, MOTHER], mother, NEVER)
    birth[:, FATHER] = np.where(present[:, FATHER], father, NEVER)
