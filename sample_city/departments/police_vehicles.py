"""The traffic police (公安局交警支队): motor vehicles."""

from typing import Final

import numpy as np
import polars as pl

from sample_city.declarations import CityDelivery, ErrorKind, Extract, Presence
from sample_city.errors import corruption, mistakes
from sample_city.world.basis.streams import Ints, Mask
from sample_city.world.basis.timeline import LAST, iso
from sample_city.world.city import City
from sample_city.world.topics.enterprises import ENTERPRISES
from sample_city.world.topics.vehicles import NOBODY, VEHICLES, inspected_until, plates, vehicle_numbers
from sample_city.world.views import everything, where

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


def _fuel(city: City, named: Presence) -> Mask:
    """Seven characters: one less is not a plate. Of eight it would be one of the other kind."""
    return ~city[VEHICLES].new_energy


def _private(city: City, named: Presence) -> Mask:
    private: Mask = city[VEHICLES].owner != NOBODY
    return private


def _every_other(city: City, named: Presence) -> Mask:
    """Never two in a row: each of these may be given the number of the record before."""
    other: Mask = everything(city[VEHICLES].owner) % 2 == 1
    return other


def _expires(city: City, named: Presence) -> Mask:
    """Sluggish owners whose inspection runs out within the calendar."""
    kept = city[VEHICLES]
    out: Mask = kept.sluggish & (_runs_out(city) < LAST - 30)
    return out


def _runs_out(city: City) -> Ints:
    """The first day after the inspection of sluggish owners."""
    return inspected_until(city[VEHICLES], everything(city[VEHICLES].owner), LAST) + 1


def kinds(city: City) -> tuple[ErrorKind, ...]:
    """How the traffic police err."""
    dataset, kept = VEHICLE.dataset, city[VEHICLES]
    nobodys_id = corruption.nobodys_id(city.people.resident_id)
    return (
        ErrorKind("plate_malformed", dataset, "plate_no", _fuel, mistakes.without_character("plate_no"),
             derivable=False),
        ErrorKind("plate_kind_mismatch", dataset, "plate_kind", lambda c, named: c[VEHICLES].new_energy,
             corruption.always("小型汽车")),
        ErrorKind("vin_shared", dataset, "vin", _every_other,
             mistakes.vehicle_before(everything(kept.owner), kept.registered), derivable=False),
        ErrorKind("owner_name_typo", dataset, "owner_name", _private, mistakes.similar_text("owner_name")),
        ErrorKind("owner_unknown", dataset, "owner_id", _private,
             lambda rows, rng: nobodys_id(rows.select(resident_id="owner_id"), rng), derivable=False),
        ErrorKind("owner_missing", dataset, "owner_id", _private, corruption.nothing, derivable=False),
        ErrorKind("inspection_expired_as_normal", dataset, "status", _expires, corruption.always("正常"),
             _runs_out),
    )  # fmt: skip
