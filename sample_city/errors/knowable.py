"""Which planted errors anybody could know of, judged from the truth.

An error that breaks a standard or contradicts its own row can be known. One that contradicts another source can be
known only where another delivered row states the attribute of the same person or enterprise: that is counted here, in
the city as it is on the base date. No rule of the platform is asked.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import Extract
from sample_city.world.basis.streams import Ints
from sample_city.world.basis.timeline import BASE
from sample_city.world.city import City
from sample_city.world.topics.employment import JOBS
from sample_city.world.topics.enterprises import ENTERPRISES
from sample_city.world.topics.equipment import EQUIPMENT
from sample_city.world.topics.premises import PREMISES
from sample_city.world.topics.taxpayers import TAXPAYERS
from sample_city.world.topics.vehicles import VEHICLES

ROLES: Final[Mapping[str, int]] = {
    "female_name": 1, "female_id": 1, "mother_name": 1, "mother_id": 1, "father_id": 2,
}  # fmt: skip
"""The person that a field speaks of, where it is not the first of the row."""
NAMED: Final = (
    "police.population", "police.cancellation", "civil_affairs.marriage", "civil_affairs.subsistence_allowance",
    "civil_affairs.elderly_allowance", "health.birth", "health.death", "disabled_persons.certificate",
    "medical_insurance.enrolment", "human_resources.pension", "human_resources.employment", "education.school_roll",
    "market_regulation.enterprise", "housing.dwelling", "grid.grid", "grid.resident", "tax.enterprise",
)  # fmt: skip
"""Datasets that state number and name of a person in one row."""
STATED: Final[Mapping[str, tuple[str, ...]]] = {
    "person.name": NAMED,
    "person.phone": ("police.population", "human_resources.employment", "grid.resident",
                     "disabled_persons.certificate"),
    "person.village": ("police.population", "police.cancellation", "civil_affairs.subsistence_allowance",
                       "civil_affairs.elderly_allowance", "disabled_persons.certificate", "grid.resident",
                       "medical_insurance.enrolment", "human_resources.pension"),
    "enterprise.name": ("market_regulation.enterprise", "tax.enterprise", "market_regulation.special_equipment",
                        "human_resources.employment", "police.vehicle", "emergency.small_premises"),
}  # fmt: skip
"""The datasets in which an attribute is stated. Others than these are stated wherever the occasion is."""


class Statements:
    """How often each attribute of each person and enterprise is stated on the base date."""

    def __init__(self, city: City, extracts: Sequence[Extract]) -> None:
        self.city = city
        self.extracts = {extract.delivery.dataset: extract for extract in extracts}

    def judged(self, faults: pl.DataFrame) -> pl.DataFrame:
        """The faults with the columns ``knowable`` and ``why`` in place of ``basis``."""
        parts = []
        for (basis, why, dataset, field), mine in faults.group_by(
            "basis", "why", "dataset", "field", maintain_order=True
        ):
            if basis == "linked" and why in STATED:
                known = pl.Series(self._others(str(why), str(dataset), str(field), mine) > 0)
            else:
                known = pl.Series([basis != "unknown"]).new_from_index(0, len(mine))
            reason = pl.when(pl.lit(known)).then(pl.format("{}: {}", "basis", "why"))
            alone = (
                pl.format("unknown: {} 别处不记", "why")
                if basis == "linked"
                else pl.format("unknown: {}", "why")
            )
            parts.append(mine.with_columns(knowable=known, why=reason.otherwise(alone)))
        if not parts:
            return faults.with_columns(knowable=pl.lit(True)).drop("basis")
        return pl.concat(parts).drop("basis")

    def _others(self, attribute: str, dataset: str, field: str, faults: pl.DataFrame) -> Ints:
        """Rows beside the one in error that state the attribute of the same person or enterprise."""
        records = faults.get_column("record").to_numpy()
        if attribute.startswith("enterprise"):
            mine, own = self._enterprises(dataset)[records], dataset in STATED[attribute]
        else:
            roles = self.extracts[dataset].people(self.city)
            mine, own = roles[min(ROLES.get(field, 0), len(roles) - 1)][records], dataset in STATED[attribute]
        counts = self._counts(attribute)
        others: Ints = np.where(mine >= 0, counts[mine] - own, 0).astype(np.int32)
        return others

    def _counts(self, attribute: str) -> Ints:
        enterprise = attribute.startswith("enterprise")
        size = len(self.city[ENTERPRISES].person) if enterprise else len(self.city.people.sex)
        counts = np.zeros(size, dtype=np.int32)
        for dataset in STATED[attribute]:
            extract = self.extracts[dataset]
            there = extract.records(self.city, BASE)
            roles = (self._enterprises(dataset),) if enterprise else extract.people(self.city)
            for role in roles:
                known = role[there]
                counts += np.bincount(known[known >= 0], minlength=size).astype(np.int32)
        return counts

    def _enterprises(self, dataset: str) -> Ints:
        """The enterprise of every record, -1 where there is none."""
        city = self.city
        return {
            "market_regulation.enterprise": np.arange(len(city[ENTERPRISES].person), dtype=np.int32),
            "tax.enterprise": city[TAXPAYERS].enterprise,
            "market_regulation.special_equipment": city[EQUIPMENT].enterprise,
            "human_resources.employment": city[JOBS].employer,
            "police.vehicle": city[VEHICLES].enterprise,
            "emergency.small_premises": city[PREMISES].enterprise,
        }[dataset]
