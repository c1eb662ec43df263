"""Building the whole sample city: a pure function of seed and residents.

The one registry of topics is here. A further topic is a record in a module under ``topics`` and a name in this list.
"""

from typing import Any, Final

from sample_city.world.basis.codebook import divisions
from sample_city.world.basis.streams import stream
from sample_city.world.basis.territory import territory
from sample_city.world.city import City, Topic
from sample_city.world.population.guests import guests
from sample_city.world.population.people import settle
from sample_city.world.topics.benefits import ALLOWANCES, CERTIFICATES, ELDERS
from sample_city.world.topics.births import BIRTHS
from sample_city.world.topics.dwellings import DWELLINGS
from sample_city.world.topics.employment import JOBS
from sample_city.world.topics.endings import CANCELLED, DEATH_NOS, DECEASED
from sample_city.world.topics.enterprises import ENTERPRISES
from sample_city.world.topics.equipment import EQUIPMENT
from sample_city.world.topics.grids import COLLECTED, GRIDS
from sample_city.world.topics.insurance import ENROLMENTS, PENSIONS
from sample_city.world.topics.marriages import (
    DIVORCE_DAYS,
    MARRIAGE_NOS,
    REGISTRATIONS,
    REGISTRY,
    WEDDING_DAYS,
)
from sample_city.world.topics.premises import PREMISES, VISITS
from sample_city.world.topics.schooling import PUPILS
from sample_city.world.topics.taxpayers import TAXPAYERS
from sample_city.world.topics.vehicles import VEHICLES

SMALLEST, LARGEST = 100, 10_000_000
TOPICS: Final[tuple[Topic[Any], ...]] = (
    REGISTRY, REGISTRATIONS, WEDDING_DAYS, DIVORCE_DAYS, MARRIAGE_NOS, DECEASED, DEATH_NOS, CANCELLED, CERTIFICATES,
    ALLOWANCES, BIRTHS, ENTERPRISES, JOBS, ENROLMENTS, PENSIONS, PUPILS, ELDERS, DWELLINGS, TAXPAYERS, EQUIPMENT,
    VEHICLES, PREMISES, VISITS, GRIDS, COLLECTED,
)  # fmt: skip


def build_city(seed: int, residents: int) -> City:
    """A city with exactly that many registered residents on the base date.

    Raises:
        ValueError: Fewer than 100 or more than ten million residents are asked for.
    """
    if not SMALLEST <= residents <= LARGEST:
        raise ValueError(f"人口数应在 {SMALLEST} 至 {LARGEST} 之间，不能是 {residents}")
    land = territory(stream(seed, "territory"), residents, divisions())
    homes, known = settle(seed, residents, land)
    people, strangers = guests(seed, residents, homes, known)
    topics: dict[str, object] = {}
    city = City(seed, residents, land, homes, people, known, strangers, topics)
    for topic in TOPICS:
        _build(city, topic, topics)
    return city


def _build(city: City, topic: Topic[Any], topics: dict[str, object]) -> None:
    """Build a topic after the topics it needs; a topic that stands already stays."""
    if topic.name in topics:
        return
    for needed in topic.needs:
        _build(city, needed, topics)
    topics[topic.name] = topic.build(city)
