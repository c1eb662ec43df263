"""Which enterprises the tax bureau knows, and until when: most of the register, not all of it."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sample_city.world.basis.streams import Ints
from sample_city.world.basis.timeline import NEVER
from sample_city.world.city import Topic
from sample_city.world.topics.enterprises import COMPANY, ENTERPRISES, Enterprises

KNOWN: Final = 0.88
CLEARED: Final = 20
"""An enterprise settles its taxes at most so many days before it is struck off: first the tax bureau,
then the register."""
GENERAL_FROM: Final = 500
"""Registered capital, in ten thousand yuan, from which companies are general taxpayers."""


@dataclass(frozen=True)
class Taxpayers:
    """Tax registrations in the order of the register; ``general`` 1 for general taxpayers, else 0."""

    enterprise: Ints
    registered: Ints
    cleared: Ints
    general: Ints


def taxpayers(rng: np.random.Generator, register: Enterprises) -> Taxpayers:
    """A registration within a month of the founding."""
    count = len(register.person)
    enterprise = np.flatnonzero(rng.random(count) < KNOWN).astype(np.int32)
    registered = register.established[enterprise] + rng.integers(1, 30, len(enterprise))
    early = rng.integers(0, CLEARED, len(enterprise))
    ended = register.ended[enterprise]
    cleared = np.where((ended == NEVER) | (register.revoked[enterprise] == 1), NEVER, ended - early)
    general = (register.kind[enterprise] == COMPANY) & (register.capital[enterprise] >= GENERAL_FROM)
    return Taxpayers(
        enterprise,
        registered.astype(np.int32),
        cleared.astype(np.int32),
        general.astype(np.int32),
    )


TAXPAYERS: Final[Topic[Taxpayers]] = Topic(
    "taxpayers", (ENTERPRISES,), lambda city: taxpayers(city.draws("taxpayers"), city[ENTERPRISES])
)
