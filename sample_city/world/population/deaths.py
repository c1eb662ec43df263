"""Who dies when, and when the police hear of it.

A death is allowed only where the household stays whole without a guardian or a new marriage to
invent: no orphans, no widows whose wedding is in the registry's extract. Who heads a household
after its head belongs to extracts.
"""

from typing import Final

import numpy as np

from sample_city.world.basis.streams import Ints, Mask
from sample_city.world.basis.timeline import DEATHS_FROM, LAG, LAST, NEVER, REGISTRY_FROM, YEAR, years
from sample_city.world.population.households import (
    CHILD,
    FATHER,
    HEAD,
    MOTHER,
    SECOND_CHILD,
    SPOUSE,
    Households,
)

HAZARD: Final = 3e-5
STEEPNESS: Final = 0.095
"""Gompertz: yearly risk HAZARD * exp(STEEPNESS * age), about 4% at 75 and 10% at 85."""
YOUNGEST: Final = 45
LAST_DAY: Final = 0.7
"""Share of families who leave the cancellation to the end of the allowed time."""


def deaths(rng: np.random.Generator, households: Households) -> Ints:
    """Day of death of everybody, shape (n, 6); NEVER for those who outlive the city's calendar."""
    age = (DEATHS_FROM - households.birth.astype(np.int64)) / YEAR
    risk = HAZARD * np.exp(STEEPNESS * np.clip(age, 0, 110))
    exposure = -np.log1p(-rng.random(age.shape))
    left = np.log1p(STEEPNESS * exposure / risk) / STEEPNESS
    on = DEATHS_FROM + np.minimum(left * YEAR, 100_000).astype(np.int32)
    dies = (on <= LAST) & (age >= YOUNGEST) & households.present & may_die(households)
    return np.where(dies, on, NEVER).astype(np.int32)


def may_die(households: Households) -> Mask:
    """Whose death leaves a household that still makes sense, shape (n, 6)."""
    present, birth = households.present, households.birth
    allowed = np.zeros(present.shape, dtype=np.bool_)
    allowed[:, FATHER] = allowed[:, MOTHER] = True
    grown_up = ~present[:, CHILD] | (birth[:, CHILD] < DEATHS_FROM - years(18))
    parents = present[:, FATHER] | present[:, MOTHER]
    registered = (households.married != NEVER) & (households.married >= REGISTRY_FROM)
    allowed[:, SPOUSE] = grown_up & ~parents & ~registered
    # Two grown-up children would have to become brother and sister of a new head.
    allowed[:, HEAD] = allowed[:, SPOUSE] & ~present[:, SECOND_CHILD]
    return allowed


def cancellations(rng: np.random.Generator, died: Ints) -> Ints:
    """The first day on which each registration no longer stands: LAG days after the death it may."""
    lag = np.where(rng.random(died.shape) < LAST_DAY, LAG + 1, rng.integers(3, LAG + 1, died.shape))
    return np.where(died == NEVER, NEVER, np.minimum(died, NEVER - LAG - 1) + lag).astype(np.int32)


def bereavements(households: Households, cancelled: Ints) -> Ints:
    """The day on which somebody's status becomes widowed: when the partner's is cancelled."""
    widowed = np.full(cancelled.shape, NEVER, dtype=np.int32)
    for one, other in ((HEAD, SPOUSE), (FATHER, MOTHER)):
        couple = households.present[:, one] & households.present[:, other]
        for left, gone in ((one, other), (other, one)):
            first = couple & (cancelled[:, gone] < cancelled[:, left])
            widowed[:, left] = np.where(first, cancelled[:, gone], NEVER)
    return widowed
