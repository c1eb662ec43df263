"""Health (卫生健康委): certificates of death."""

from typing import Final

import numpy as np
import polars as pl

from sample_city.city import City
from sample_city.declarations import Delivery, Extract, Kind
from sample_city.streams import Ints, noise
from sample_city.timeline import iso
from sample_city.views import where

DEATH: Final = Delivery(
    dataset="health.death",
    stem="死亡医学证明",
    form="sqlite",
    key="certificate_no",
    headers={
        column: column for column in ("certificate_no", "resident_id", "name", "sex", "death_date", "place")
    },
    coded={},
    spellings={"death_date": (100, 0, 0, 0)},
    table="death_certificate",
)


def death(city: City, records: Ints, on: int) -> pl.DataFrame:
    """Rows of health.death; the sex is a code, as the health department's database has it."""
    person = city.deceased[records]
    places = pl.Series(["医疗卫生机构", "家中", "养老服务机构", "其他场所"])
    lot = noise(city.seed, "place of death", records)
    return pl.DataFrame(
        {
            "certificate_no": city.death_nos.gather(records),
            "resident_id": city.people.resident_id.gather(person),
            "name": city.people.name.gather(person),
            "sex": pl.Series(city.people.sex[person]).cast(pl.String),
            "death_date": iso(city.people.death[person]),
            "place": places.gather(np.searchsorted([4500, 8800, 9600], lot, side="right")),
        }
    )


EXTRACTS: Final = (
    Extract(
        DEATH,
        lambda city, on: where(city.people.death[city.deceased] <= on),
        death,
        lambda city: (city.deceased,),
    ),
)


def kinds(city: City) -> tuple[Kind, ...]:
    """How the health department errs."""
    return ()
