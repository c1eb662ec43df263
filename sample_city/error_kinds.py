"""The kinds of planted errors: where each may stand, and from which day it is one.

Declarations and the conditions they name. Which records are struck belongs to faults, how wrong
values look to corruption.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sample_city import corruption
from sample_city.city import City
from sample_city.corruption import Corruption
from sample_city.extracts import EXTRACTS
from sample_city.households import HEAD, MARRIED, SPOUSE
from sample_city.marriages import DIVORCE, MARRIAGE
from sample_city.streams import Ints, Mask
from sample_city.timeline import BASE, LAG, NEVER, years


@dataclass(frozen=True)
class Presence:
    """Which people the extracts name at any time, one entry per person."""

    marriage: Mask
    allowance: Mask
    death: Mask
    certificate: Mask
    enterprise: Mask
    dwelling: Mask

    @property
    def elsewhere(self) -> Mask:
        """Named by any extract but the police's."""
        named = self.marriage | self.allowance | self.death
        return named | self.certificate | self.enterprise | self.dwelling


@dataclass(frozen=True)
class Kind:
    """One kind of planted error.

    Attributes:
        name: As in errors.yaml.
        dataset: Where it stands.
        field: The column that is wrong.
        candidates: Which records of the dataset could carry it.
        wrong: Text delivered instead; None where the row itself is the error.
        starts: Day from which the delivered value is wrong; None if it always is.
        stays: The row is delivered although it should be gone.
        copied: The error is a copy of the row further below.
    """

    name: str
    dataset: str
    field: str
    candidates: Callable[[City, Presence], Mask]
    wrong: Corruption | None
    starts: Callable[[City], Ints] | None = None
    stays: bool = False
    copied: bool = False


def presence(city: City) -> Presence:
    """Which people each department's extract ever names."""
    _, *others = EXTRACTS
    masks = []
    for extract in others:
        named = np.zeros(len(city.people.sex), dtype=np.bool_)
        for persons in extract.people(city):
            named[persons] = True
        masks.append(named)
    return Presence(*masks)


def _anybody(city: City, named: Presence) -> Mask:
    return np.ones(len(city.people.sex), dtype=np.bool_)


def _police_only(city: City, named: Presence) -> Mask:
    return ~named.elsewhere


def _grown_or_child(city: City, named: Presence) -> Mask:
    """A birth date some days off changes no age that matters."""
    age = BASE - city.people.birth
    return ((age > years(30)) | ((age > years(3)) & (age < years(14)))) & ~named.marriage


def _newly_wed(city: City, named: Presence) -> Mask:
    """Married by the registry, and not divorced by it since."""
    kept, wed = city.registrations, np.zeros(len(city.people.sex), dtype=np.bool_)
    for value, kind in ((True, MARRIAGE), (False, DIVORCE)):
        rows = kept.kind == kind
        wed[kept.male[rows]] = wed[kept.female[rows]] = value
    return wed


def _wed_on(city: City) -> Ints:
    """The day from which the police should call somebody married."""
    since = city.married.copy()
    since[since == NEVER] = 0
    return since


def _at_the_last_day(city: City) -> Mask:
    """Registered for as long as the lag allows, so that an overdue row follows without a gap."""
    last: Mask = city.people.cancelled - np.minimum(city.people.death, NEVER - LAG) == LAG + 1
    return last


def _alone_at_death(city: City, named: Presence) -> Mask:
    """Their death changes nobody else's record: no spouse, no household to be headed."""
    people = city.people
    lone = (people.status != MARRIED) | (people.widowed < people.death)
    members = np.bincount(people.household, minlength=len(city.homes.village))
    heads = (people.slot == HEAD) | (people.slot == SPOUSE)
    lone &= ~heads | (members[people.household] == 1)
    others = named.marriage | named.allowance | named.certificate
    only_dead: Mask = _at_the_last_day(city) & lone & ~others & ~named.enterprise & ~named.dwelling
    return only_dead


def _died_on_allowance(city: City, named: Presence) -> Mask:
    paid = city.allowances
    died: Mask = _at_the_last_day(city)[paid.person] & (paid.stopped == NEVER)
    return died


def _overdue(city: City) -> Ints:
    """First day on which a death lies more than the allowed lag back."""
    return np.minimum(city.people.death, NEVER - LAG - 1) + LAG + 1


def _of_allowances(mask: Callable[[City, Presence], Mask]) -> Callable[[City, Presence], Mask]:
    return lambda city, named: mask(city, named)[city.allowances.person]


def _living(city: City, named: Presence) -> Mask:
    return ~named.death


def _allowance_only(city: City, named: Presence) -> Mask:
    others = named.marriage | named.death | named.certificate
    return ~others & ~named.enterprise & ~named.dwelling


def _certificates(city: City, named: Presence) -> Mask:
    return ~named.death[city.certificates.person]


def _weddings(city: City, named: Presence) -> Mask:
    kept, wed = city.registrations, _newly_wed(city, named)
    weddings: Mask = (kept.kind == MARRIAGE) & wed[kept.male]
    return weddings


def _enterprises(city: City, named: Presence) -> Mask:
    return np.ones(len(city.enterprises.person), dtype=np.bool_)


def _reachable(city: City, named: Presence) -> Mask:
    return (city.people.phone != "").to_numpy() & ~named.certificate


def kinds(city: City) -> tuple[Kind, ...]:
    """Every kind of error; the rarest first, for a person carries no more than one."""
    police, allowance = "police.population", "civil_affairs.subsistence_allowance"
    certificate, enterprise = "disabled_persons.certificate", "market_regulation.enterprise"
    nobodys_id = corruption.nobodys_id(city.people.resident_id)
    return (
        Kind("deceased_on_allowance", allowance, "status", _died_on_allowance,
             corruption.always("在保"), lambda c: _overdue(c)[c.allowances.person], stays=True),
        Kind("deceased_still_registered", police, "resident_id", _alone_at_death,
             None, _overdue, stays=True),
        Kind("broken_reference", allowance, "resident_id", _of_allowances(_allowance_only),
             nobodys_id),
        Kind("name_typo", allowance, "name", _of_allowances(_living), corruption.similar_name),
        Kind("amount_out_of_range", allowance, "monthly_amount", _of_allowances(_living),
             corruption.wrong_amount),
        Kind("under_age_marriage", "civil_affairs.marriage", "registered_on", _weddings,
             corruption.under_age_date),
        Kind("name_typo", certificate, "name", _certificates, corruption.similar_name),
        Kind("date_impossible", certificate, "issued_on", _certificates,
             corruption.impossible_date),
        Kind("code_unknown", certificate, "disability_grade", _certificates,
             corruption.always("五级")),
        Kind("certificate_number_mismatch", certificate, "certificate_no", _certificates,
             corruption.other_grade_in_number),
        Kind("uscc_check_character", enterprise, "uscc", _enterprises,
             corruption.other_uscc_check),
        Kind("village_code_unknown", enterprise, "village_code", _enterprises,
             corruption.unknown_village),
        Kind("phone_malformed", enterprise, "phone", _enterprises, corruption.missing_digit),
        Kind("marital_status_outdated", police, "marital_status", _newly_wed,
             corruption.always("未婚"), _wed_on),
        Kind("resident_id_check_character", police, "resident_id", _police_only,
             corruption.other_resident_id_check),
        Kind("duplicate_row", police, "resident_id", _police_only, None, copied=True),
        Kind("birth_date_mismatch", police, "birth_date", _grown_or_child,
             corruption.other_birth_date),
        Kind("sex_mismatch", police, "sex",
             lambda c, named: ~(named.certificate | named.death | named.marriage),
             corruption.other_sex),
        Kind("name_missing", police, "name", _anybody, corruption.nothing),
        Kind("village_code_unknown", police, "village_code",
             lambda c, named: ~(named.allowance | named.certificate), corruption.unknown_village),
        Kind("phone_malformed", police, "phone", _reachable, corruption.missing_digit),
    )  # fmt: skip
