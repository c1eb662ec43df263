"""Identifiers: judged by python-stdnum and by the examples of the standards."""

from collections.abc import Callable

import numpy as np
import polars as pl
from stdnum.cn import ric, uscc

from sample_city.world.basis.identifiers import resident_ids, social_credit_codes, with_resident_check
from tests.sample_city.delivered import Delivered


def test_check_character_of_the_standards_own_example() -> None:
    # GB 11643-1999, annex A: 11010519491231002X and 440524188001010014.
    ids = with_resident_check(pl.Series(["11010519491231002", "44052418800101001"]))
    assert ids.to_list() == ["11010519491231002X", "440524188001010014"]


def test_resident_ids_of_one_day_and_place_are_distinct_and_of_the_right_sex() -> None:
    count = 400
    same = np.full(count, 370602, dtype=np.int32)
    sex = (np.arange(count) % 2 + 1).astype(np.int32)
    ids = resident_ids(same, np.zeros(count, dtype=np.int32), sex).to_list()
    assert len(set(ids)) == count
    for number, code in zip(ids, sex, strict=True):
        assert number[:14] == "37060219700101"
        assert int(number[16]) % 2 == code % 2


def test_social_credit_codes_are_valid_with_a_valid_organisation_code() -> None:
    number = np.array([0, 1, 887_503_680, 12_345_678], dtype=np.int64)
    kind = np.array([1, 2, 3, 1], dtype=np.int32)
    codes = social_credit_codes(kind, np.full(4, 370602, dtype=np.int32), number).to_list()
    assert len(set(codes)) == 4
    for code in codes:
        assert uscc.is_valid(code)
        # GB 11714: C9 = 11 - sum(W * C) mod 11, letters count 10 to 35.
        weights = (3, 7, 9, 10, 5, 8, 4, 2)
        total = sum(weight * int(c, 36) for weight, c in zip(weights, code[8:16], strict=True))
        assert code[16] == {10: "X", 11: "0"}.get(11 - total % 11, str(11 - total % 11))


def test_every_true_resident_id_is_valid_and_unique(city: Delivered) -> None:
    persons = city.truth["person"]
    assert persons["resident_id"].is_unique().all()
    for number, sex, birth in persons.select("resident_id", "sex", "birth_date").iter_rows():
        assert number[-1] == ric.calc_check_digit(number)
        assert ric.get_birth_date(number).isoformat() == birth
        assert int(number[16]) % 2 == int(sex) % 2


def test_numbers_given_at_birth_begin_with_a_code_of_that_year(city: Delivered) -> None:
    # Before 1985 numbers were not given at birth but years later, with the code of that day.
    born = city.truth["person"].filter(pl.col("birth_date") > "1985-01-01")
    assert all(map(ric.is_valid, born["resident_id"]))
    assert len(born) > 3_000


def test_historic_area_codes_and_other_provinces_occur(
    city: Delivered, deliver: Callable[..., Delivered]
) -> None:
    areas = city.truth["person"]["resident_id"].str.head(6)
    assert (areas.str.head(4) == "3706").mean() > 0.85
    assert areas.str.head(2).n_unique() > 5
    assert {"370622", "370684", "370614"} & set(areas)


def test_every_true_social_credit_code_is_valid_and_unique(city: Delivered) -> None:
    codes = city.truth["enterprise"]["uscc"]
    assert codes.is_unique().all()
    assert all(map(uscc.is_valid, codes))


def test_phones_are_mobile_numbers_that_nobody_has(city: Delivered) -> None:
    phones = city.truth["person"].filter(pl.col("phone") != "")["phone"]
    assert phones.str.contains(r"^174[1-8]\d{7}$").all()
    assert phones.is_unique().all()
