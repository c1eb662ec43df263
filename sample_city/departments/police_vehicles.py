"""The traffic police (公安局交警支队): motor vehicles."""

from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import CityDelivery, Extract
from sample_city.world.basis.streams import Ints
from sample_city.world.basis.timeline import iso
from sample_city.world.city import City
from sample_city.world.topics.enterprises import ENTERPRISES
from sample_city.world.topics.vehicles import NOBODY, VEHICLES, inspected_until, plates, vehicle_numbers
from sample_city.world.views import where

PLATE_KINDS: Final = ("小型汽车", "大型汽车", "小型新能源汽车")
SMALL, LARGE, NEW_ENERGY = range(3)
STATUSES: Final = ("正常", "逾期未检验", "注销")

VEHICLE: Final = CityDelivery(
    dataset="police.vehicle",
    stem="机动车",
    form="dbf",
    key="plate_no",
    headers={
        "plate_no": "HPHM",
        "plate_kind": "HPZL",
        "vin": "CLSBDH",
        "owner_name": "SYR",
        "owner_id": "SFZMHM",
        "owner_uscc": "TYSHXYDM",
        "registered_on": "CCDJRQ",
        "inspected_until": "YXQZ",
        "status": "ZT",
    },
    coded={"plate_kind": "plate_kind", "status": "vehicle_status"},
    widths={
        "plate_no": 15,
        "plate_kind": 20,
        "vin": 20,
        "owner_name": 80,
        "owner_id": 20,
        "owner_uscc": 20,
        "registered_on": 8,
        "inspected_until": 8,
        "status": 20,
    },
    spellings={"registered_on": (0, 1), "inspected_until": (0, 1)},
)


def vehicle(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of police.vehicle."""
    kept, people, register = city[VEHICLES], city.people, city[ENTERPRISES]
    owner, enterprise = kept.owner[records], kept.enterprise[records]
    until, new_energy = inspected_until(kept, records, on), kept.new_energy[records]
    status = np.where(kept.scrapped[records] <= on, 2, until < on)
    named = pl.DataFrame(
        {
            "private": pl.Series(enterprise == NOBODY),
            "person": people.name.gather(np.maximum(owner, 0)),
            "id": people.resident_id.gather(np.maximum(owner, 0)),
            "company": register.name.gather(np.maximum(enterprise, 0)),
            "uscc": register.uscc.gather(np.maximum(enterprise, 0)),
        }
    ).select(
        owner_name=pl.when("private").then("person").otherwise("company"),
        owner_id=pl.when("private").then("id").otherwise(pl.lit("")),
        owner_uscc=pl.when("private").then(pl.lit("")).otherwise("uscc"),
    )
    kind = np.where(new_energy, NEW_ENERGY, kept.large[records])
    return pl.DataFrame(
        {
            "plate_no": plates(kept.plate[records], new_energy),
            "plate_kind": pl.Series(PLATE_KINDS).gather(kind),
            "vin": vehicle_numbers(records, kept.registered[records]),
            **named.to_dict(),
            "registered_on": iso(kept.registered[records]),
            "inspected_until": iso(until),
            "status": pl.Series(STATUSES).gather(status.astype(np.int32)),
        }
    )


def _owners(city: City) -> tuple[Ints, ...]:
    """The owner, or the legal representative of the enterprise that owns it."""
    kept = city[VEHICLES]
    company = kept.enterprise != NOBODY
    return (np.where(company, city[ENTERPRISES].person[kept.enterprise], kept.owner).astype(np.int32),)


EXTRACTS: Final = (
    Extract(VEHICLE, lambda city, on: where(city[VEHICLES].registered <= on), vehicle, _owners),
)
