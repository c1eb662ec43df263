"""What has to have happened for an error to be one: which records a kind is about, and from which day it is wrong.

A kind such as 'deceased, yet still on the allowance' needs somebody who died. Nothing here asks whether an error
can be found.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from sample_city.world.basis.streams import Ints, Mask, noise
from sample_city.world.basis.timeline import FIRST, LAST, NEVER, years
from sample_city.world.city import City
from sample_city.world.population.households import HEAD, SPOUSE
from sample_city.world.topics.benefits import ALLOWANCES, CERTIFICATES, ELDERS
from sample_city.world.topics.births import BIRTHS
from sample_city.world.topics.employment import EMPLOYED, JOBS
from sample_city.world.topics.endings import CANCELLED
from sample_city.world.topics.enterprises import ENTERPRISES
from sample_city.world.topics.equipment import EQUIPMENT, inspected, period
from sample_city.world.topics.grids import COLLECTED
from sample_city.world.topics.insurance import EMPLOYEE, ENROLMENTS, PENSIONS, RESIDENT
from sample_city.world.topics.marriages import MARRIAGE, REGISTRATIONS, WEDDING_DAYS
from sample_city.world.topics.premises import NOBODY, PASSED, PREMISES, TIME_TO_RECTIFY, TO_RECTIFY, VISITS
from sample_city.world.topics.schooling import PUPILS
from sample_city.world.topics.taxpayers import TAXPAYERS
from sample_city.world.topics.vehicles import VEHICLES, inspected_until
from sample_city.world.views import at_the_last_day, everything, marital_statuses, overdue

PENSION_PAUSED: Final = 150
"""Of ten thousand pensions."""


@dataclass(frozen=True)
class Occasion:
    """One occasion: a mask over the records of a dataset, and the day from which each is wrong."""

    records: Callable[[City], Mask]
    starts: Callable[[City], Ints] | None = None


def _dies(persons: Callable[[City], Ints]) -> Occasion:
    return Occasion(
        lambda city: city.people.death[persons(city)] != NEVER, lambda city: overdue(city)[persons(city)]
    )


def _gone(city: City) -> Mask:
    gone: Mask = (city.people.cancelled != NEVER) & (city.people.death == NEVER)
    return gone


def _moved_long_ago(city: City) -> Ints:
    gone = np.minimum(city.people.cancelled, NEVER - 31) + 30
    return gone[city[ELDERS].person].astype(np.int32)


def _wed(city: City) -> Mask:
    everybody = everything(city.people.sex)
    wed: Mask = marital_statuses(city, everybody, LAST) == 20
    return wed


def _wed_since(city: City) -> Ints:
    since = city[WEDDING_DAYS].copy()
    since[since == NEVER] = 0
    return since


def _pensioned_from(city: City) -> Ints:
    since = np.full(len(city.people.sex), NEVER, dtype=np.int32)
    drawn = city[PENSIONS]
    mine = (drawn.kind == EMPLOYEE) & (noise(city.seed, "pension paused", drawn.person) >= PENSION_PAUSED)
    since[drawn.person[mine]] = drawn.started[mine]
    from_then: Ints = since[city[JOBS].person]
    return from_then


def _missed(city: City) -> Ints:
    """The first day after the date of the next inspection."""
    kept = city[EQUIPMENT]
    return (inspected(kept, everything(kept.kind), LAST) + period(kept.kind) + 1).astype(np.int32)


def _runs_out(city: City) -> Ints:
    return inspected_until(city[VEHICLES], everything(city[VEHICLES].owner), LAST) + 1


def _age_above(city: City, persons: Ints, least: float) -> Mask:
    above: Mask = city.people.birth[persons] < FIRST - years(least)
    return above


def _young(city: City) -> Mask:
    """Children of seven to thirteen."""
    birth = city.people.birth
    young: Mask = (birth > LAST - years(14)) & (birth < FIRST - years(7))
    return young


def _head_of_couple(city: City) -> Mask:
    """Spouses, in homes that have a head."""
    people = city.people
    spouse: Mask = (people.slot == SPOUSE) & (city.homes.head_gone[people.household] == NEVER)
    both: Mask = spouse & (people.death == NEVER) & (people.cancelled == NEVER)
    return both


OCCASIONS: Final[Mapping[str, Occasion]] = {
    "registered_dead": Occasion(at_the_last_day, overdue),
    "moved_out": Occasion(_gone, lambda c: c.people.cancelled),
    "wed": Occasion(_wed, _wed_since),
    "child": Occasion(_young),
    "spouse_at_home": Occasion(_head_of_couple),
    "head": Occasion(lambda c: c.people.slot == HEAD),
    "cancelled_by_death": Occasion(lambda c: c.people.death[c[CANCELLED]] != NEVER),
    "moved_within_the_country": Occasion(lambda c: c.people.death[c[CANCELLED]] == NEVER),
    "wedding": Occasion(lambda c: c[REGISTRATIONS].kind == MARRIAGE),
    "dead_on_subsistence": Occasion(
        lambda c: at_the_last_day(c)[c[ALLOWANCES].person] & (c[ALLOWANCES].stopped == NEVER),
        lambda c: overdue(c)[c[ALLOWANCES].person],
    ),
    "dead_on_elderly": Occasion(
        lambda c: at_the_last_day(c)[c[ELDERS].person], lambda c: overdue(c)[c[ELDERS].person]
    ),
    "moved_on_elderly": Occasion(lambda c: _gone(c)[c[ELDERS].person], _moved_long_ago),
    "elder_of_eighty": Occasion(lambda c: c[ELDERS].started == c[ELDERS].turned),
    "dead_insured": _dies(lambda c: c[ENROLMENTS].person),
    "child_insured": Occasion(
        lambda c: (c.people.birth[c[ENROLMENTS].person] > LAST - years(15.9)) & (c[ENROLMENTS].kind == RESIDENT)
    ),
    "dead_pensioner": _dies(lambda c: c[PENSIONS].person),
    "long_pensioner": Occasion(lambda c: c[PENSIONS].started < FIRST - years(6)),
    "dead_at_work": Occasion(
        lambda c: c.people.death[c[JOBS].person] < c[JOBS].retired, lambda c: overdue(c)[c[JOBS].person]
    ),
    "retires": Occasion(
        lambda c: (_pensioned_from(c) != NEVER) & (c[JOBS].kind == EMPLOYED), _pensioned_from
    ),
    "hired": Occasion(lambda c: c[JOBS].kind == EMPLOYED),
    "young_worker": Occasion(lambda c: c[JOBS].started - c.people.birth[c[JOBS].person] < years(22)),
    "old_or_young_pupil": Occasion(
        lambda c: _age_above(c, c[PUPILS].person, 11) | (c.people.birth[c[PUPILS].person] > LAST - years(11))
    ),
    "unregistered_child": Occasion(
        lambda c: c[BIRTHS].child >= 0, lambda c: c.people.birth[c[BIRTHS].child] + 61
    ),
    "with_father": Occasion(lambda c: c[BIRTHS].father >= 0),
    "collected_dead": Occasion(
        lambda c: at_the_last_day(c)[c[COLLECTED].person] & (c[COLLECTED].on < c.people.death[c[COLLECTED].person]),
        lambda c: overdue(c)[c[COLLECTED].person],
    ),
    "floating": Occasion(lambda c: c[COLLECTED].floating),
    "at_home": Occasion(lambda c: ~c[COLLECTED].floating),
    "certified_dead": Occasion(
        lambda c: at_the_last_day(c)[c[CERTIFICATES].person], lambda c: overdue(c)[c[CERTIFICATES].person]
    ),
    "shop": Occasion(lambda c: c[PREMISES].enterprise != NOBODY),
    "closing_shop": Occasion(
        lambda c: (c[PREMISES].enterprise != NOBODY) & (c[PREMISES].closed < LAST), lambda c: c[PREMISES].closed
    ),
    "passed": Occasion(lambda c: c[VISITS].result == PASSED),
    "rectified": Occasion(lambda c: c[VISITS].result != PASSED, lambda c: c[VISITS].rectified),
    "overdue_to_rectify": Occasion(
        lambda c: c[VISITS].result != PASSED, lambda c: c[VISITS].on + TIME_TO_RECTIFY + 1
    ),
    "to_rectify": Occasion(lambda c: c[VISITS].result == TO_RECTIFY),
    "stopped_equipment": Occasion(
        lambda c: (c[EQUIPMENT].stopped != NEVER) & (_missed(c) < LAST), _missed
    ),
    "closed_unit": Occasion(
        lambda c: (c[EQUIPMENT].stopped == c[ENTERPRISES].ended[c[EQUIPMENT].enterprise])
        & (c[EQUIPMENT].stopped < LAST),
        lambda c: c[ENTERPRISES].ended[c[EQUIPMENT].enterprise],
    ),
    "struck_off_taxpayer": Occasion(
        lambda c: c[TAXPAYERS].cleared < LAST - 60, lambda c: c[ENTERPRISES].ended[c[TAXPAYERS].enterprise]
    ),
    "private_vehicle": Occasion(lambda c: c[VEHICLES].owner != NOBODY),
    "company_vehicle": Occasion(lambda c: c[VEHICLES].owner == NOBODY),
    "fuel_vehicle": Occasion(lambda c: ~c[VEHICLES].new_energy),
    "electric_vehicle": Occasion(lambda c: c[VEHICLES].new_energy),
    "expiring_vehicle": Occasion(lambda c: c[VEHICLES].sluggish & (_runs_out(c) < LAST - 30), _runs_out),
}  # fmt: skip
