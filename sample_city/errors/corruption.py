"""What a wrong value looks like: one function for each kind of planted error.

Each takes clean rows of an extract and returns the text that the department delivers instead, one
per row, or null where the row cannot carry the error. Which rows are struck belongs to faults.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
import polars as pl

from sample_city.world.basis.identifiers import RESIDENT_ID_CHECKS, USCC_ALPHABET, with_resident_check
from sample_city.world.basis.tables import table

Corruption = Callable[[pl.DataFrame, np.random.Generator], pl.Series]
IMPOSSIBLE_DATES: Final = ("{}-02-30", "{}-06-31", "{}年2月30日", "{}-13-05", "不详")
SWAPS: Final = ((15, 16), (14, 15), (14, 16))
"""Places of the sequence number, 0 first: swapping them leaves area and birth date as they are."""


def other_check_character(column: str, alphabet: str) -> Corruption:
    """The last character becomes another one of the alphabet."""

    def corrupted(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
        code = rows.get_column(column)
        places = code.str.slice(-1).replace_strict(
            list(alphabet), list(range(len(alphabet))), return_dtype=pl.Int64
        )
        shifted = (places + rng.integers(1, len(alphabet), len(code))) % len(alphabet)
        return code.str.head(code.str.len_chars() - 1) + pl.Series(list(alphabet)).gather(shifted)

    return corrupted


other_resident_id_check: Final = other_check_character("resident_id", RESIDENT_ID_CHECKS)
other_uscc_check: Final = other_check_character("uscc", USCC_ALPHABET)


def other_birth_date(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
    """A day, a month or a year off, written as the police write dates."""
    off = rng.choice([-365, -31, -10, -1, 1, 9, 10, 30], len(rows))
    date = rows.get_column("birth_date").str.to_date("%Y-%m-%d").cast(pl.Int32) + pl.Series(off)
    return date.cast(pl.Int32).cast(pl.Date).dt.strftime("%Y%m%d")


def other_sex(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
    """男 for 女 and 女 for 男."""
    return rows.get_column("sex").replace_strict({"男": "女", "女": "男"})


def nothing(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
    """An empty cell."""
    return pl.repeat("", len(rows), eager=True)


def always(text: str) -> Corruption:
    """The same text in every row."""

    def corrupted(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
        return pl.repeat(text, len(rows), eager=True)

    return corrupted


def earlier(column: str, least: int, most: int) -> Corruption:
    """A date some days too early: between ``least`` and ``most`` of them."""

    def corrupted(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
        off = pl.Series(rng.integers(least, most, len(rows)).astype(np.int32))
        days = rows.get_column(column).str.to_date("%Y-%m-%d").cast(pl.Int32) - off
        return days.cast(pl.Date).dt.strftime("%Y%m%d")

    return corrupted


def ten_years_later(column: str) -> Corruption:
    """A slip of the finger in the year; the 29th of February, which ten years later is none, is spared."""

    def corrupted(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
        date = rows.get_column(column)
        year = (date.str.head(4).cast(pl.Int32) + 10).cast(pl.String)
        later = (year + date.str.slice(4)).str.to_date("%Y-%m-%d", strict=False)
        return later.dt.strftime("%Y%m%d")

    return corrupted


def last_digits_lost(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
    """A resident ID as a spreadsheet keeps it: fifteen digits of precision, then three zeros.

    Null where the zeros happen to make a valid number.
    """
    lost = rows.get_column("resident_id").str.head(15) + "000"
    return pl.select(pl.when(with_resident_check(lost.str.head(17)) != lost).then(lost)).to_series()


def shortened(column: str) -> Corruption:
    """A resident ID as a spreadsheet shows it: 3.70602E+17."""

    def corrupted(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
        number = rows.get_column(column)
        # Six significant digits are the area, which rounding up by the year of birth leaves as it is.
        return number.str.head(1) + "." + number.str.slice(1, 5) + "E+17"

    return corrupted


def swapped_name(column: str) -> Corruption:
    """The last two characters of a name of three change places; null for others."""

    def corrupted(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
        name = pl.col(column)
        swapped = name.str.head(1) + name.str.slice(2, 1) + name.str.slice(1, 1)
        able = (name.str.len_chars() == 3) & (swapped != name)
        return rows.select(pl.when(able).then(swapped)).to_series()

    return corrupted


def unknown_village(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
    """A village number of the same township that the statistical codes do not use (900 and up)."""
    number = pl.Series(rng.integers(900, 1000, len(rows))).cast(pl.String)
    return rows.get_column("village_code").str.head(9) + number


def missing_digit(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
    """A telephone number one digit short."""
    place = pl.Series("place", rng.integers(3, 11, len(rows)))
    phone = pl.col("phone")
    short = phone.str.head(pl.col("place")) + phone.str.slice(pl.col("place") + 1)
    return rows.select("phone", place).select(short).to_series()


def similar(column: str) -> Corruption:
    """One character of the name becomes a similar one; null if it has none that could."""

    def corrupted(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
        pairs = table("similar_characters")
        taken_for = dict(pairs.select("character", "similar").iter_rows())
        name = pl.col(column)
        typos = [
            name.str.head(place)
            + name.str.slice(place, 1).replace_strict(taken_for, default=None, return_dtype=pl.String)
            + name.str.slice(place + 1)
            for place in (1, 2, 0)
        ]
        return rows.select(pl.coalesce(typos)).to_series()

    return corrupted


similar_name: Final = similar("name")


def wrong_amount(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
    """Less than nothing, or in fen instead of yuan."""
    amount = rows.get_column("monthly_amount")
    fen = (amount.cast(pl.Float64) * 100).round().cast(pl.Int64).cast(pl.String)
    negative = pl.Series(rng.random(len(rows)) < 0.4)
    return pl.select(pl.when(negative).then("-" + amount).otherwise(fen)).to_series()


def wrong_pension(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
    """Less than nothing, or the digits run together with those of another month."""
    amount = rows.get_column("monthly_amount")
    far = (amount.cast(pl.Float64).round().cast(pl.Int64) + 1_000_000).cast(pl.String)
    negative = pl.Series(rng.random(len(rows)) < 0.4)
    return pl.select(pl.when(negative).then("-" + amount).otherwise(far)).to_series()


def day_between(column: str, first: int, last: int) -> Corruption:
    """Some day of a span, whatever the true one is."""

    def corrupted(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
        days = pl.Series(column, rng.integers(first, last, len(rows)).astype(np.int32))
        return days.cast(pl.Date).dt.strftime("%Y-%m-%d")

    return corrupted


def by_birth(border: int, older: str, younger: str) -> Corruption:
    """One text for who was born before a day, another for who was born since."""

    def corrupted(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
        born = rows.get_column("birth_date").str.to_date("%Y-%m-%d").cast(pl.Int32)
        return pl.select(pl.when(born < border).then(pl.lit(older)).otherwise(pl.lit(younger))).to_series()

    return corrupted


def cut_short(column: str) -> Corruption:
    """A number without its last character."""

    def corrupted(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
        number = rows.get_column(column)
        return number.str.head(number.str.len_chars() - 1)

    return corrupted


def nobodys_id(everybody: pl.Series) -> Corruption:
    """Two digits swapped and the check character made to fit, so that nobody has the number."""

    def corrupted(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
        body = rows.get_column("resident_id").str.head(17)
        tries = []
        for left, right in SWAPS:
            swapped = (
                body.str.head(left)
                + body.str.slice(right, 1)
                + body.str.slice(left + 1, right - left - 1)
                + body.str.slice(left, 1)
                + body.str.slice(right + 1)
            )
            changed = with_resident_check(swapped)
            taken = changed.is_in(everybody.implode())
            # Of the same sex: the number shall contradict nothing beside it.
            same = (swapped.str.slice(16).cast(pl.Int8) - body.str.slice(16).cast(pl.Int8)) % 2 == 0
            tries.append(pl.when(~taken & same).then(changed))
        return pl.select(pl.coalesce(tries)).to_series()

    return corrupted


def mother_too_young(everybody: pl.Series) -> Corruption:
    """The mother's number with a year of birth eight to thirteen years before the child's; nobody has it."""

    def corrupted(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
        number = rows.get_column("mother_id")
        year = rows.get_column("birth_date").str.head(4).cast(pl.Int32) - rng.integers(8, 13, len(rows))
        # The sequence number's first digit is 9: few are born in one place on one day.
        body = (
            number.str.head(6)
            + year.cast(pl.String)
            + number.str.slice(10, 4)
            + "9"
            + number.str.slice(15, 2)
        )
        changed = with_resident_check(body)
        leap_day = number.str.slice(10, 4) == "0229"
        return pl.select(pl.when(~changed.is_in(everybody.implode()) & ~leap_day).then(changed)).to_series()

    return corrupted


def ten_years_older(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
    """The mother's age with a slip in its first digit."""
    return (rows.get_column("mother_age").cast(pl.Int32) + 10).cast(pl.String)


def impossible_date(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
    """A day that no calendar has, or none at all."""
    year = rows.get_column("issued_on").str.head(4)
    forms = pl.Series(IMPOSSIBLE_DATES).gather(rng.integers(0, len(IMPOSSIBLE_DATES), len(rows)))
    dated = forms.str.contains("{}", literal=True)
    parts = forms.str.split_exact("{}", 1).struct.unnest()
    filled = parts.get_column("field_0") + year + parts.get_column("field_1").fill_null("")
    return pl.select(pl.when(dated).then(filled).otherwise(forms)).to_series()


def other_grade_in_number(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
    """The certificate's last digit names another grade than the certificate does."""
    number = rows.get_column("certificate_no")
    grade = number.str.slice(-1).cast(pl.Int64)
    other = (grade - 1 + pl.Series(rng.integers(1, 4, len(rows)))) % 4 + 1
    return number.str.head(19) + other.cast(pl.String)


def under_age_date(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
    """A wedding before the bridegroom is 22, or where he is much older, before the bride is 20.

    Null where the true date is so late that nobody would mistake it.
    """
    on = pl.col("registered_on").str.to_date("%Y-%m-%d").cast(pl.Int32)
    man, woman = (
        pl.col(f"{side}_id").str.slice(6, 8).str.to_date("%Y%m%d").cast(pl.Int32)
        for side in ("male", "female")
    )
    early = pl.Series("early", rng.integers(40, 500, len(rows)), dtype=pl.Int32)
    date = (
        pl.when(on - man < 27 * 365)
        .then(man + 22 * 365 - pl.col("early"))
        .when(on - woman < 25 * 365)
        .then(woman + 20 * 365 - pl.col("early"))
    )
    dated = rows.with_columns(early).select(date.cast(pl.Date).dt.strftime("%Y-%m-%d"))
    return dated.to_series()
