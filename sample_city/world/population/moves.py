"""People who leave the city permanently, and when: their registration is cancelled though they live on.

Only people whose leaving asks nothing of those who stay move: who lives alone, and grown-up children
who go where their work is. Deaths belong to deaths, what the police write of it to their module.
"""

from typing import Final

import numpy as np

from sample_city.world.basis.streams import Ints, Mask
from sample_city.world.basis.timeline import DEATHS_FROM, FIRST, LAST, NEVER, on_weekday, years
from sample_city.world.population.households import CHILD, HEAD, SECOND_CHILD, Households

ALONE: Final = 0.12
"""Share of those who live alone and leave in the course of the calendar."""
OLD_AND_ALONE: Final = 0.2
"""The same for those above 75, who follow their children."""
CHILDREN: Final = 0.12
"""The same for unmarried children between 20 and 30."""


def moves(rng: np.random.Generator, households: Households, died: Ints) -> Ints:
    """First day without the registration of who leaves, shape (n, 6); NEVER for all others."""
    birth, present = households.birth, households.present
    share = np.zeros(present.shape)
    alone = present.sum(axis=1) == 1
    grown = birth[:, HEAD] < FIRST - years(19)
    old = birth[:, HEAD] < FIRST - years(75)
    share[:, HEAD] = np.where(alone & grown, np.where(old, OLD_AND_ALONE, ALONE), 0.0)
    for slot in (CHILD, SECOND_CHILD):
        share[:, slot] = np.where(_of_age_to_go(birth[:, slot]), CHILDREN, 0.0)
    on = on_weekday(rng.integers(DEATHS_FROM + 30, LAST - 30, present.shape).astype(np.int32)) + 1
    leaves = present & (died == NEVER) & (rng.random(present.shape) < share)
    return np.where(leaves, on, NEVER).astype(np.int32)


def _of_age_to_go(birth: Ints) -> Mask:
    """Between 20 and 30 when the calendar begins."""
    grown: Mask = (birth < FIRST - years(20)) & (birth > FIRST - years(30))
    return grown
