"""How names and other texts go wrong."""

import polars as pl

from sample_city.errors.alterations.struck import Struck, when
from sample_city.world.basis.tables import table


def similar(struck: Struck) -> list[pl.Series]:
    """One of the first three characters becomes a similar one; null if none of them could."""
    pairs = dict(table("similar_characters").select("character", "similar").iter_rows())
    text = pl.col(struck.fields[0])
    typos = [
        text.str.head(place)
        + text.str.slice(place, 1).replace_strict(pairs, default=None, return_dtype=pl.String)
        + text.str.slice(place + 1)
        for place in (1, 2, 0)
    ]
    return [struck.rows.select(pl.coalesce(typos)).to_series()]


def swapped(struck: Struck) -> list[pl.Series]:
    """The second and the third character change places."""
    text = struck.text
    return [
        when(
            text.str.len_chars() >= 3,
            text.str.head(1) + text.str.slice(2, 1) + text.str.slice(1, 1) + text.str.slice(3),
        )
    ]


def traditional(struck: Struck) -> list[pl.Series]:
    """Characters in their traditional form: 张 as 張."""
    pairs = table("traditional_characters")
    return [
        struck.text.str.replace_many(
            pairs.get_column("character").to_list(), pairs.get_column("traditional").to_list()
        )
    ]


def pinyin(struck: Struck) -> list[pl.Series]:
    """A name in Latin letters; null where the table lacks one of its characters."""
    pairs = table("pinyin")
    latin = struck.text.str.replace_many(
        pairs.get_column("character").to_list(), pairs.get_column("pinyin").to_list()
    )
    return [when(~latin.str.contains(r"\p{Han}") & (latin != ""), latin)]


def masked(struck: Struck) -> list[pl.Series]:
    """A name as a report to the public shows it: 张*."""
    text = struck.text
    return [when(text != "", text.str.head(1) + text.str.slice(1).str.replace_all(r"[^·]", "*"))]


def mojibake(struck: Struck) -> list[pl.Series]:
    """UTF-8 bytes read as GBK: 张伟 as 寮犱紵; what has no character in GBK is lost."""
    return [
        struck.text.map_elements(
            lambda text: text.encode().decode("gbk", errors="ignore"), return_dtype=pl.String
        )
    ]


def question_marks(struck: Struck) -> list[pl.Series]:
    """Characters that a code page lacked."""
    return [struck.text.str.replace_all(r"\p{Han}", "?")]


def cut(struck: Struck, left: int) -> list[pl.Series]:
    """Only the first characters are left."""
    return [when(struck.text.str.len_chars() > left, struck.text.str.head(left))]


def without_end(struck: Struck) -> list[pl.Series]:
    """The last character is missing."""
    text = struck.text
    return [when(text.str.len_chars() > 1, text.str.head(text.str.len_chars() - 1))]


def without_third_from_end(struck: Struck) -> list[pl.Series]:
    """The third character from the end is missing."""
    text = struck.text
    return [when(text.str.len_chars() > 3, text.str.head(text.str.len_chars() - 3) + text.str.tail(2))]


def with_end(struck: Struck, text: str) -> list[pl.Series]:
    """Something is typed behind the value."""
    return [when(struck.text != "", struck.text + text)]


def replaced(struck: Struck, pairs: dict[str, str]) -> list[pl.Series]:
    """Parts of the text are mistaken for others; null where none occurs."""
    return [struck.text.str.replace_many(pairs)]


def always(struck: Struck, text: str) -> list[pl.Series]:
    """The same text, whatever the right one is; an empty cell is spared."""
    return [when(struck.text != "", pl.repeat(text, len(struck.rows), dtype=pl.String, eager=True))]


def mapped(struck: Struck, pairs: dict[str, str]) -> list[pl.Series]:
    """The text that is mistaken for each; null for all others."""
    return [struck.text.replace_strict(pairs, default=None, return_dtype=pl.String)]


def nothing(struck: Struck) -> list[pl.Series]:
    """Empty cells."""
    return [pl.repeat("", len(struck.rows), dtype=pl.String, eager=True) for _ in struck.fields]


def exchanged(struck: Struck) -> list[pl.Series]:
    """Two fields of a row stand in each other's place."""
    first, second = struck.fields
    return [struck.rows.get_column(second), struck.rows.get_column(first)]


def of_another_person(struck: Struck) -> list[pl.Series]:
    """The name of somebody else in the city."""
    return [struck.one_of(struck.city.people.name.head(50_000))]


def of_another_row(struck: Struck) -> list[pl.Series]:
    """The value of the row before among those struck."""
    return [struck.text.shift(1, fill_value=struck.text.last() if len(struck.rows) else None)]


def of_first(struck: Struck) -> list[pl.Series]:
    """The value of the first row struck that has one, on all of them; an empty cell is spared."""
    full = struck.text.filter(struck.text != "")
    first = full.first() if len(full) else None
    return [when(struck.text != "", pl.repeat(first, len(struck.rows), dtype=pl.String, eager=True))]


def test_row(struck: Struck) -> list[pl.Series]:
    """Somebody's row copied and renamed to try the system; the number belongs to nobody."""
    number = struck.rows.get_column(struck.fields[0])
    names = pl.Series(["测试", "无名氏", "测试人员", "张三测试"])
    return [number.str.head(14) + "9998", struck.one_of(names)]
