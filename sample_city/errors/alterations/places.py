"""How places go wrong: codes and addresses of other villages, townships, counties; households."""

import polars as pl

from sample_city.errors.alterations.struck import Struck, when


def unknown_place(struck: Struck) -> list[pl.Series]:
    """A number that nobody has given out (900 and up), in the last three digits."""
    text, number = struck.text, struck.lots(900, 1000).cast(pl.String)
    return [when(text.str.len_chars() > 8, text.str.head(text.str.len_chars() - 3) + number)]


def neighbour(struck: Struck) -> list[pl.Series]:
    """The code of the next village of the same township; null where it has only one."""
    villages = struck.city.territory.column("code")
    pairs = pl.DataFrame({"code": villages, "next": villages.shift(-1)})
    near = pairs.filter(pl.col("code").str.head(9) == pl.col("next").str.head(9))
    codes, nexts = near.get_column("code"), near.get_column("next")
    return [struck.text.replace_strict(codes, nexts, default=None, return_dtype=pl.String)]


def other_village(struck: Struck) -> list[pl.Series]:
    """The code of any other village of the city."""
    return [when(struck.text != "", struck.one_of(struck.city.territory.column("code")))]


def other_township(struck: Struck) -> list[pl.Series]:
    """The code of any other township of the city."""
    return [
        when(struck.text != "", struck.one_of(struck.city.territory.column("township_code").unique().sort()))
    ]


def other_address(struck: Struck) -> list[pl.Series]:
    """The address of another village beside the right code, number and all."""
    places = struck.one_of(struck.city.territory.column("place"))
    return [when(struck.text != "", places + struck.text.str.extract(r"(\d[^村区]*)$").fill_null("1号"))]


def next_building(struck: Struck) -> list[pl.Series]:
    """The number of the building after it."""
    text = struck.text
    building = text.str.tail(4).cast(pl.Int64, strict=False) + 1
    return [text.str.head(text.str.len_chars() - 4) + building.cast(pl.String).str.zfill(4)]


def other_household(struck: Struck) -> list[pl.Series]:
    """The number of any other household; a row without one is spared."""
    return [when(struck.text != "", struck.one_of(struck.city.homes.household_no))]


def other_household_for_all(struck: Struck) -> list[pl.Series]:
    """One other household for all rows that are struck together."""
    number = struck.city.homes.household_no.item(
        int(struck.rng.integers(0, len(struck.city.homes.household_no)))
    )
    return [pl.repeat(number, len(struck.rows), dtype=pl.String, eager=True)]
