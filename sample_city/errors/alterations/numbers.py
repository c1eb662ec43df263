"""How identifiers, telephone numbers and amounts go wrong."""

from typing import Final

import polars as pl

from sample_city.errors.alterations.struck import Struck, when
from sample_city.world.basis.identifiers import (
    RESIDENT_ID_CHECKS,
    USCC_ALPHABET,
    social_credit_codes,
    with_resident_check,
)
from sample_city.world.topics.enterprises import ENTERPRISES, ORGANISATIONS, organisation_numbers

UNUSED: Final = 2_000_000
"""No city has so many enterprises: organisation numbers from this place on belong to nobody."""
ALPHABETS: Final = {"resident_id": RESIDENT_ID_CHECKS, "uscc": USCC_ALPHABET, "digit": "0123456789"}


def _whole(number: pl.Series) -> pl.Series:
    """Whether it is a resident ID of eighteen characters."""
    return number.str.contains(r"^\d{17}[\dX]$")


def _checked(bodies: pl.Series) -> pl.Series:
    """Bodies of seventeen digits with their check character; null for others."""
    able = bodies.str.contains(r"^\d{17}$")
    safe = pl.select(pl.when(able).then(bodies).otherwise(pl.lit("0" * 17))).to_series()
    return when(able, with_resident_check(safe))


def digit(struck: Struck, first: int, last: int) -> list[pl.Series]:
    """One digit between two places (from 0, the last included) becomes another."""
    text, place = struck.text, struck.lots(first, last + 1)
    old = text.str.slice(place, 1).cast(pl.Int64, strict=False)
    new = ((old + struck.lots(1, 10)) % 10).cast(pl.String)
    return [text.str.head(place) + new + text.str.slice(place + 1)]


def check_character(struck: Struck, of: str) -> list[pl.Series]:
    """The last character becomes another of its alphabet."""
    text, alphabet = struck.text, ALPHABETS[of]
    place = text.str.tail(1).replace_strict(
        list(alphabet), list(range(len(alphabet))), default=None, return_dtype=pl.Int64
    )
    other = pl.Series(list(alphabet)).gather((place + struck.lots(1, len(alphabet))) % len(alphabet))
    return [text.str.head(text.str.len_chars() - 1) + other]


def swapped_digits(struck: Struck, left: int, right: int) -> list[pl.Series]:
    """Two digits of a resident ID change places, and the check character is made to fit."""
    body = struck.text.str.head(17)
    moved = (
        body.str.head(left)
        + body.str.slice(right, 1)
        + body.str.slice(left + 1, right - left - 1)
        + body.str.slice(left, 1)
        + body.str.slice(right + 1)
    )
    return [when(_whole(struck.text), _checked(moved))]


def transposed(struck: Struck, left: int) -> list[pl.Series]:
    """Two neighbours change places, and the check character stays."""
    text = struck.text
    moved = text.str.head(left) + text.str.slice(left + 1, 1) + text.str.slice(left, 1)
    return [when(text.str.len_chars() > left + 1, moved + text.str.slice(left + 2))]


def letter_for_digit(struck: Struck) -> list[pl.Series]:
    """The letter O for the first 0."""
    return [struck.text.str.replace("0", "O", literal=True)]


def rounded(struck: Struck) -> list[pl.Series]:
    """As a spreadsheet keeps a long number: fifteen digits of precision, then zeros."""
    text = struck.text
    return [when(text.str.len_chars() == 18, text.str.head(15) + "000")]


def scientific(struck: Struck) -> list[pl.Series]:
    """As a spreadsheet shows a long number: 3.70602E+17."""
    text = struck.text
    return [when(_whole(text), text.str.head(1) + "." + text.str.slice(1, 5) + "E+17")]


def dragged(struck: Struck) -> list[pl.Series]:
    """Filled down by a spreadsheet: the first number of the rows, counted up by one."""
    first = struck.text.first()
    start = pl.Series([str(first)[:17]]).cast(pl.Int64, strict=False)
    count = pl.int_range(len(struck.rows), eager=True)
    body = (start.gather([0] * len(count)) + count + 1).cast(pl.String)
    return [body + str(first)[17:]]


def other_year(struck: Struck, by: int) -> list[pl.Series]:
    """A resident ID with another year of birth, and the check character made to fit."""
    text = struck.text
    year = (text.str.slice(6, 4).cast(pl.Int64, strict=False) + by).cast(pl.String)
    return [when(_whole(text), _checked(text.str.head(6) + year + text.str.slice(10, 7)))]


def other_sex(struck: Struck) -> list[pl.Series]:
    """A resident ID whose sequence number is one more: of the other sex, and the check character fits."""
    text = struck.text
    last = ((text.str.slice(16, 1).cast(pl.Int64, strict=False) + 1) % 10).cast(pl.String)
    return [when(_whole(text), _checked(text.str.head(16) + last))]


def child_mother(struck: Struck) -> list[pl.Series]:
    """The mother's number with a year of birth eight to twelve years before the child's."""
    text = struck.text
    year = struck.rows.get_column("birth_date").str.head(4).cast(pl.Int64) - struck.lots(8, 13)
    return [when(_whole(text), _checked(text.str.head(6) + year.cast(pl.String) + text.str.slice(10, 7)))]


def id_of_another(struck: Struck) -> list[pl.Series]:
    """The resident ID of somebody else."""
    return [struck.one_of(struck.city.people.resident_id)]


def id_of_housemate(struck: Struck) -> list[pl.Series]:
    """The resident ID of the person who stands next in the household; null for who stands last."""
    everybody, people = struck.city.people.resident_id, struck.city.people
    nexts = pl.DataFrame({"id": everybody, "home": people.household}).with_columns(
        mate=pl.when(pl.col("home") == pl.col("home").shift(-1)).then(pl.col("id").shift(-1))
    )
    wanted = struck.rows.select(id=struck.fields[0])
    return [wanted.join(nexts, on="id", how="left", maintain_order="left").get_column("mate")]


def uscc_of_nobody(struck: Struck) -> list[pl.Series]:
    """A well-formed credit code of the same county that no enterprise has."""
    area = struck.text.str.slice(2, 6).cast(pl.Int32, strict=False)
    numbers = organisation_numbers(struck.rng.integers(UNUSED, ORGANISATIONS, len(struck.rows)))
    kind = pl.repeat(1, len(struck.rows), dtype=pl.Int32, eager=True).to_numpy()
    return [when(area.is_not_null(), social_credit_codes(kind, area.fill_null(370602).to_numpy(), numbers))]


def uscc_of_another(struck: Struck) -> list[pl.Series]:
    """The credit code of another enterprise; null where there is none."""
    return [when(struck.text != "", struck.one_of(struck.city[ENTERPRISES].uscc))]


def without_digit(struck: Struck) -> list[pl.Series]:
    """One digit is missing."""
    text, place = struck.text, struck.lots(3, 9)
    return [when(text.str.len_chars() > 9, text.str.head(place) + text.str.slice(place + 1))]


def doubled_digit(struck: Struck) -> list[pl.Series]:
    """One digit is typed twice."""
    text, place = struck.text, struck.lots(4, 9)
    return [when(text.str.len_chars() > 9, text.str.head(place) + text.str.slice(place - 1))]


def times(struck: Struck, factor: float) -> list[pl.Series]:
    """The number in another unit, without needless zeros."""
    number = struck.text.cast(pl.Float64, strict=False) * factor
    return [number.round(2).cast(pl.String).str.strip_suffix(".0")]


def negative(struck: Struck) -> list[pl.Series]:
    """Less than nothing."""
    return [when(struck.text.cast(pl.Float64, strict=False) > 0, "-" + struck.text)]


def plus(struck: Struck, by: int) -> list[pl.Series]:
    """So much more."""
    number = struck.text.cast(pl.Float64, strict=False)
    return [(number.round().cast(pl.Int64) + by).cast(pl.String)]


def counted_up(struck: Struck) -> list[pl.Series]:
    """The same thing under a further number: the last digits are 90 thousand and more."""
    text, number = struck.text, struck.lots(90_000, 99_999).cast(pl.String)
    return [when(text.str.len_chars() > 6, text.str.head(text.str.len_chars() - 5) + number)]
