"""How dates go wrong. Dates are ISO in and out, but for days that no calendar has."""

from typing import Final

import polars as pl

from sample_city.errors.alterations.struck import Struck, days_of, iso_of, when

IMPOSSIBLE: Final = ("{}-02-30", "{}-06-31", "{}年2月30日", "{}-13-05")


def moved(struck: Struck, least: int, most: int, of: str = "") -> list[pl.Series]:
    """Some days later, earlier if negative: from ``least`` up to ``most`` of them, counted from the field ``of``."""
    dates = struck.rows.get_column(of) if of else struck.text
    return [iso_of(days_of(dates) + struck.lots(least, most + 1))]


def years_off(struck: Struck, by: int) -> list[pl.Series]:
    """The same day in another year; the 29th of February is spared."""
    text = struck.text
    year = (text.str.head(4).cast(pl.Int64, strict=False) + by).cast(pl.String).str.zfill(4)
    return [when(~text.str.ends_with("02-29"), year + text.str.slice(4))]


def in_the_thirties(struck: Struck) -> list[pl.Series]:
    """The third digit of the year is mistyped: 2016 as 2036."""
    text = struck.text
    return [when(text.str.starts_with("20") & ~text.str.ends_with("02-29"), "203" + text.str.slice(3))]


def day_for_month(struck: Struck) -> list[pl.Series]:
    """Day and month exchanged; null where that is no date or the same one."""
    text = struck.text
    turned = text.str.head(5) + text.str.slice(8, 2) + "-" + text.str.slice(5, 2)
    return [when(days_of(turned).is_not_null(), turned)]


def impossible(struck: Struck) -> list[pl.Series]:
    """A day that no calendar has."""
    forms = struck.one_of(pl.Series(IMPOSSIBLE))
    halves = forms.str.split_exact("{}", 1).struct.unnest()
    year = struck.text.str.head(4)
    return [when(struck.text != "", halves.get_column("field_0") + year + halves.get_column("field_1"))]


def under_age(struck: Struck) -> list[pl.Series]:
    """A wedding some months before the bridegroom is 22."""
    born = (
        struck.rows.get_column("male_id").str.slice(6, 8).str.to_date("%Y%m%d", strict=False).cast(pl.Int32)
    )
    return [iso_of(born + 22 * 365 - struck.lots(40, 500))]


def of_age_under(struck: Struck, years: int) -> list[pl.Series]:
    """A day on which the person of the row was that many years old, by the resident ID."""
    born = struck.rows.get_column("resident_id").str.slice(6, 8).str.to_date("%Y%m%d", strict=False)
    return [iso_of(born.cast(pl.Int32) + years * 365 + struck.lots(0, 300))]


def after_death(struck: Struck, persons: str = "resident_id") -> list[pl.Series]:
    """Some weeks after the death of the person of the row; null for the living."""
    people = struck.city.people
    deaths = pl.DataFrame({persons: people.resident_id, "death": people.death}).filter(
        pl.col(persons).is_in(struck.rows.get_column(persons).implode())
    )
    found = struck.rows.select(persons).join(deaths, on=persons, how="left", maintain_order="left")
    death = found.get_column("death")
    return [iso_of(when(death < 40_000, death) + struck.lots(20, 60))]
