"""Identity numbers and credit codes against python-stdnum, ISO 7064 and other projects' test suites."""

import csv
import datetime
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from stdnum.cn import ric, uscc

VECTORS = Path(__file__).parents[2] / "data" / "identifier_vectors.csv"

Apply = Callable[[str, Iterable[Any]], list[Any]]

# GB/T 2260 and, from 81 on, the residence permits for people from Hong Kong, Macao and Taiwan.
PROVINCES = {
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46,
    50, 51, 52, 53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83,
}  # fmt: skip


def is_given_out(number: str) -> bool:
    """Whether a number begins with a province or, on a foreigner's card, with 9, a province and a country."""
    foreigners = number[0] == "9" and int(number[1:3]) in {p for p in PROVINCES if p < 71}
    return foreigners or int(number[:2]) in PROVINCES


def random_resident_ids(count: int) -> list[str]:
    """Numbers of every province prefix there is or is not, with days that may not exist; half have the right
    check character."""
    dice = random.Random(20230503)
    numbers = []
    for _ in range(count):
        first = (
            f"{dice.randrange(100):02}{dice.randrange(10**4):04}{dice.randrange(1780, 2100)}"
            f"{dice.randrange(14):02}{dice.randrange(33):02}{dice.randrange(1000):03}"
        )
        right = ric.calc_check_digit(first + "0")
        numbers.append(first + (right if dice.random() < 0.5 else dice.choice("0123456789X")))
    return numbers


def was_float(number: str) -> bool:
    """Whether a floating-point number is written so: with all digits, or with as many as tell it from the next."""
    value = float(number)
    return int(value) == int(number) or repr(value).split("e")[0].replace(".", "") == number.rstrip("0")


def birth_date_after_stdnum(number: str) -> datetime.date | None:
    try:
        day = ric.get_birth_date(number)
    except ric.ValidationError:
        return None
    return day if day.year >= 1800 else None


def test_check_characters_birth_dates_and_verdicts_agree_with_stdnum(apply: Apply) -> None:
    numbers = random_resident_ids(40_000)
    checks = [ric.calc_check_digit(n) for n in numbers]
    births = [birth_date_after_stdnum(n) for n in numbers]
    valid = [
        n[-1] == check and birth is not None and is_given_out(n)
        for n, check, birth in zip(numbers, checks, births, strict=True)
    ]
    assert 2_000 < sum(valid) < 38_000
    assert apply("resident_id_check_character(v)", numbers) == checks
    assert apply("resident_id_birth_date(v)", numbers) == births
    assert apply("is_resident_id(v)", numbers) == valid
    assert apply("resident_id_sex(v)", numbers) == ["12"[int(n[16]) % 2 == 0] for n in numbers]


def test_a_number_of_today_that_stdnum_accepts_is_accepted(apply: Apply) -> None:
    """stdnum also looks the area up; numbers it accepts in full must pass."""
    first = [f"370602{year}0228{n:03}" for year in range(1990, 2020) for n in range(0, 1000, 50)]
    numbers = [n + ric.calc_check_digit(n + "0") for n in first]
    assert all(ric.is_valid(n) for n in numbers)
    assert all(apply("is_resident_id(v)", numbers))


def test_one_wrong_digit_or_two_swapped_neighbours_are_always_found(apply: Apply) -> None:
    """What ISO 7064 MOD 11-2 promises."""
    number = "33010219200403064X"
    wrong = [
        number[:i] + digit + number[i + 1 :]
        for i in range(17)
        for digit in "0123456789"
        if digit != number[i]
    ]
    swapped = [
        number[:i] + number[i + 1] + number[i] + number[i + 2 :]
        for i in range(16)
        if number[i] != number[i + 1]
    ]
    assert not any(apply("is_resident_id(v)", wrong + swapped))


def test_the_repaired_number_is_valid_and_keeps_its_first_17_digits(apply: Apply) -> None:
    numbers = random_resident_ids(10_000)
    repaired = apply("repair_resident_id(v)", numbers)
    possible = [
        is_given_out(n)
        and birth_date_after_stdnum(n) is not None
        and n[-3:] != "000"
        and not (n[-1] != "X" and was_float(n))
        for n in numbers
    ]
    assert [r is not None for r in repaired] == possible
    assert all(r[:17] == n[:17] for r, n in zip(repaired, numbers, strict=True) if r is not None)
    assert set(apply("is_resident_id(v)", [r for r in repaired if r is not None])) == {True}
    assert apply("repair_resident_id(v)", ["44030819990110151*", "44030819990110151", "3.70602E+17"]) == [
        "440308199901101512", None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("delivered", "normalised"),
    [
        # The pairs of 15 and 18 digits are hutool's, see the vectors.
        ("150102880730303", "150102198807303035"),
        ("330102200403064", "33010219200403064X"),
        ("330102 19200403 064x", "33010219200403064X"),
        ("'33010219200403064Ｘ", "33010219200403064X"),
        ("33010219200403064×", "33010219200403064X"),
        ("33010219200403064х", "33010219200403064X"),
        ("150102881330303", "150102881330303"),
        # GB 11643-1989 keeps 996 to 999 for people of a hundred years and more; the check character by hand:
        # 3*7+7*9+0+6*5+0+2*4+1*2+8*1+9*6+9*3+0+1*9+0+1*5+9*8+9*4+8*2 = 351, 351 % 11 = 10, which stands for 2.
        ("370602990101998", "370602189901019982"),
        ("370602120101998", "370602120101998"),
        ("150102880730303.0", "150102198807303035"),
        ("3.70602E+17", "3.70602E+17"),
        ("370602198001010000", "370602198001010000"),
        ("护照E12345678", "护照E12345678"),
        ("无", None),
    ],
)
def test_resident_ids_are_normalised(apply: Apply, delivered: str, normalised: str | None) -> None:
    assert apply("normalise_resident_id(v)", [delivered]) == [normalised]


def test_a_number_cut_to_15_digits_by_a_spreadsheet_is_told_and_gets_no_suggestion(apply: Apply) -> None:
    first = [n for n in random_resident_ids(1_000) if n[0] != "0"]
    rounded = [f"{n[:15]}000" for n in first]
    assert apply("is_rounded_number(v)", rounded) == [True] * len(rounded)
    assert set(apply("repair_resident_id(v)", rounded)) == {None}
    shown = [f"{float(n[:17]) * 10:.5E}" for n in first]
    assert apply("is_rounded_number(v)", shown) == [True] * len(shown)
    whole = ["370602198001011234", "3.5", "1.2E+05", "370602", "2E3", "100000000000", "X", " "]
    assert apply("is_rounded_number(v)", whole) == [False] * len(whole)


def test_a_number_that_went_through_a_float_is_told_and_gets_no_suggestion(apply: Apply) -> None:
    first = [n for n in random_resident_ids(1_000) if n[0] in "12345678"]
    lost = [str(int(float(n[:17] + "0"))) for n in first]
    assert apply("is_float_number(v)", lost) == [True] * len(lost)
    assert set(apply("repair_resident_id(v)", lost)) == {None}
    # JavaScript: String(370602208901011234) is "370602208901011260".
    assert apply("is_float_number(v)", ["370602208901011260", "370602208901011261"]) == [True, False]
    assert (
        apply("is_float_number(v)", ["99999999999999999999", "37060219900101123X", "3.7E+17"]) == [False] * 3
    )


def test_a_number_of_a_foreigners_card_is_one(apply: Apply) -> None:
    """The number of hutool's tests: Jiangsu (32), Saudi Arabia (682), born on 1985-01-01."""
    card = "932682198501010017"
    assert apply("is_resident_id(v)", [card, card[:-1] + "8", "970682198501010017"]) == [True, False, False]
    assert apply("resident_id_area(v)", [card]) == [None]
    assert apply("is_resident_id_area_plausible(v)", [card]) == [True]
    assert apply("resident_id_birth_date(v)", [card]) == [datetime.date(1985, 1, 1)]


def test_the_area_of_a_number_is_one_that_there_was(apply: Apply) -> None:
    """370684 is Penglai until 2020, then 370614; 372122 until 1983; codes in 01 are the districts of a city."""
    known = [
        "370684",
        "370614",
        "372122",
        "440401",
        "371001",
        "810000",
        "820000",
        "830000",
        "110101",
        "362324",
    ]
    assert apply("is_known_area(v)", known) == [True] * len(known)
    assert apply("is_known_area(v)", ["370699", "111111", "123456", "000000", "", "3706"]) == [False] * 6


def test_only_a_birth_since_2000_can_come_before_its_area(apply: Apply) -> None:
    numbers = {
        "370614199905031234": True,
        "370614201905031234": False,
        "370614202005031234": True,
        "370684202105031234": True,
        "370699199905031234": False,
        "830000200209060065": True,
        # Numbers to an engine, no years of our time to anybody.
        **dict.fromkeys(("3706149e8", "370614204", "370614201 ", "3706142e03"), True),
    }
    assert apply("is_resident_id_area_plausible(v)", numbers) == list(numbers.values())


# Unified social credit codes


def test_the_code_of_a_pilot_has_the_form_and_fails_the_check(apply: Apply) -> None:
    assert apply("[is_uscc_form(v), is_uscc(v)]", ["91350211M00013FA1N"]) == [[True, False]]
    wrong = ["91350211M00013FA1", "91350211M00013FA1NN", "91350211M00013FAIN", "9135021AM00013FA1N"]
    assert apply("is_uscc_form(v)", wrong) == [False] * 4


def test_credit_code_check_characters_and_verdicts_agree_with_stdnum(apply: Apply) -> None:
    dice = random.Random(32100)
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    codes = []
    for _ in range(10_000):
        first = f"{dice.randrange(10**8):08}" + "".join(dice.choices(alphabet, k=9))
        right = uscc.calc_check_digit(first)
        codes.append(first + (right if dice.random() < 0.5 else dice.choice(alphabet)))
    assert apply("uscc_check_character(v)", codes) == [uscc.calc_check_digit(c[:17]) for c in codes]
    assert apply("is_uscc(v)", codes) == [uscc.is_valid(c) for c in codes]


def test_a_village_collective_has_a_letter_in_front(apply: Apply) -> None:
    """GB 32100 allows it (N2); stdnum does not know."""
    first = "N2370602MF1234567"
    assert apply("is_uscc(v)", [first + uscc.calc_check_digit(first)]) == [True]


def test_letters_that_never_occur_make_a_credit_code_wrong(apply: Apply) -> None:
    codes = [f"9131011066600721{letter}T" for letter in "IOSVZ"]
    assert apply("is_uscc(v)", codes) == [False] * 5
    assert apply("uscc_check_character(v)", codes) == [None] * 5


def test_plates_are_normalised_and_judged(apply: Apply) -> None:
    good = [
        "鲁 f·12a45",
        "鲁F-12345",
        "鲁Ｆ１２３４５",
        "鲁FD12345",
        "鲁F12345D",
        "鲁F1234挂",
        "粤Z1234港",
        "使014578",
    ]
    bad = [
        "鲁F1234",
        "鲁F123456",
        "鲁I12345",
        "鲁F1234O",
        "鲁FL12345",
        "鲁F12345L",
        "F12345",
        "蒙Z12345",
        "张三",
        "WJ鲁12345",
    ]
    assert apply("is_plate(normalise_plate(v))", good) == [True] * len(good)
    assert apply("is_plate(normalise_plate(v))", bad) == [False] * len(bad)
    assert apply("normalise_plate(v)", good[:3]) == ["鲁F12A45", "鲁F12345", "鲁F12345"]


JUDGE = {
    "resident_id": "is_resident_id(normalise_resident_id(v))",
    "resident_id_shape": "is_resident_id(normalise_resident_id(v))",
    "foreign_permanent_resident_id": "is_resident_id(normalise_resident_id(v))",
    "uscc": "is_uscc(normalise_code(v))",
    "uscc_or_tax_loose": "is_uscc(normalise_code(v))",
    "mobile": "is_mobile(normalise_phone(v))",
    "landline": "is_landline(v)",
    "tel400": "is_phone(v)",
    "plate": "is_plate(normalise_plate(v))",
    "date": "parse_date(v) IS NOT NULL",
    "datetime": "parse_date(v) IS NOT NULL",
    "birthday": "parse_date(v) IS NOT NULL",
    "person_name": "is_person_name(v)",
}


def vectors() -> dict[str, list[dict[str, str]]]:
    """Kind → their values and verdicts; `difference` says why ours is the opposite, else it is empty."""
    found: dict[str, list[dict[str, str]]] = {}
    with VECTORS.open(encoding="utf-8", newline="") as file:
        for vector in csv.DictReader(file):
            found.setdefault(vector["kind"], []).append(vector)
    return found


@pytest.mark.parametrize(("kind", "known"), vectors().items(), ids=vectors().keys())
def test_verdicts_agree_with_other_projects_except_where_explained(
    apply: Apply, kind: str, known: list[dict[str, str]]
) -> None:
    ours = apply(JUDGE[kind], [vector["value"] for vector in known])
    theirs = [vector["verdict_by_source"] != "invalid" for vector in known]
    differing = [v["value"] for v, our, their in zip(known, ours, theirs, strict=True) if our != their]
    assert differing == [vector["value"] for vector in known if vector["difference"]]
