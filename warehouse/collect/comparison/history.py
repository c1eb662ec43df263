"""The history of a dataset: by how much its last deliveries differed from the deliveries before them.

A difference that every delivery has is normal for the dataset. Example: every week 20 % of the rows get another
collection date. Then up to 60 % of the rows may get another date before the delivery is held.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

KEPT = 12
"""The number of deliveries in the history."""

_ENOUGH, _TIMES = 3, 3
# Smaller shares are kept as 0.
_SMALL = 0.001


@dataclass(frozen=True)
class History:
    """The shares by which the last deliveries differed.

    `deliveries` is their number. `shares` maps a measure to one share for each delivery, the newest last; a measure
    that never moved is left out.
    """

    deliveries: int
    shares: Mapping[str, tuple[float, ...]]

    def usual(self, name: str) -> float:
        """The highest usual share of a measure: three times the median, once there are three deliveries; else 0."""
        known = self.shares.get(name, ())
        return _TIMES * median(known) if len(known) >= _ENOUGH else 0.0

    def extended(self, shares: Mapping[str, float]) -> History:
        """The history with one more delivery."""
        count = min(self.deliveries + 1, KEPT)
        names = sorted({*self.shares, *(name for name, share in shares.items() if share >= _SMALL)})
        found = {}
        for name in names:
            known = self.shares.get(name, (0.0,) * self.deliveries)
            share = shares.get(name, 0.0)
            found[name] = (*known, round(share, 4) if share >= _SMALL else 0.0)[-count:]
        return History(count, {name: known for name, known in found.items() if any(known)})

    def as_facts(self) -> dict[str, object]:
        """The history as plain values for a manifest."""
        return {"deliveries": self.deliveries, "shares": {n: list(s) for n, s in self.shares.items()}}


NO_HISTORY = History(0, {})


def read_history(facts: object) -> History:
    """Read the history from a manifest; an empty history if the manifest has none."""
    if not isinstance(facts, dict):
        return NO_HISTORY
    return History(facts["deliveries"], {name: tuple(shares) for name, shares in facts["shares"].items()})
