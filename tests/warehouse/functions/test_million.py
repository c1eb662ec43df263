"""Identifiers in bulk, a million of each kind in one query, against what the standards say, worked out with numpy.

The million is made of places in an alphabet, one row a text; what a text should give is worked out from the places.
"""

import csv
from calendar import monthrange
from collections.abc import Mapping
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

import schemas

ROWS = 1_000_000
PROVINCES = [
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46,
    50, 51, 52, 53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83,
]  # fmt: skip
USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
DIGITS = "0123456789"
HAN_DIGITS = np.array(list("〇一二三四五六七八九"))

Places = npt.NDArray[np.integer]
Mask = npt.NDArray[np.bool_]


def texts(places: Places, alphabet: str, lengths: Places | None = None) -> pa.Array:
    """The texts whose characters stand at these places of the alphabet; of each only the first `lengths`."""
    rows, width = places.shape
    table = np.array([character.encode() for character in alphabet])
    bytes_each = np.array([len(character) for character in table], dtype=np.int32)
    if lengths is None and table.itemsize == 1:
        ends, content = np.arange(0, (rows + 1) * width, width, dtype=np.int32), table[places]
    else:
        there = np.ones((rows, width), dtype=bool) if lengths is None else np.arange(width) < lengths[:, None]
        sizes = (bytes_each[places] * there).sum(axis=1, dtype=np.int32)
        ends = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
        content = table[places[there]].view(np.uint8)
        content = content[content != 0]
    return pa.StringArray.from_buffers(rows, pa.py_buffer(ends), pa.py_buffer(np.ascontiguousarray(content)))


def weighed(places: Places, weights: list[int]) -> Places:
    """The sum of the places times their weights: small whole numbers, which floats add exactly and faster."""
    return (places.astype(np.float32) @ np.array(weights, dtype=np.float32)).astype(np.int64)


def mismatches(
    con: duckdb.DuckDBPyConnection, values: pa.Array, expected: Mapping[str, object]
) -> dict[str, int]:
    """Call of the value `v` → for how many values it does not give what is expected."""
    columns = {f"e{n}": pa.array(column) for n, column in enumerate(expected.values())}
    con.register("million", pa.table({"v": values, **columns}))
    counts = ", ".join(f"count(*) FILTER ({call} IS DISTINCT FROM e{n})" for n, call in enumerate(expected))
    (found,) = con.execute(f"SELECT {counts} FROM million").fetchall()
    con.unregister("million")
    return dict(zip(expected, found, strict=True))


def none_of(expected: Mapping[str, object]) -> dict[str, int]:
    return dict.fromkeys(expected, 0)


def is_day(year: Places, month: Places, day: Places) -> Mask:
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    lengths = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0])[month]
    return (day >= 1) & (day <= lengths + (leap & (month == 2)))


def test_resident_ids_are_judged_as_gb_11643_says(con: duckdb.DuckDBPyConnection) -> None:
    dice = np.random.default_rng(11643)
    province = np.where(dice.random(ROWS) < 0.9, dice.choice(PROVINCES, ROWS), dice.integers(10, 100, ROWS))
    year, month = dice.integers(1780, 2100, ROWS), dice.integers(0, 14, ROWS)
    day = dice.integers(0, 33, ROWS)
    number = (province * 10**4 + dice.integers(0, 10**4, ROWS)) * 10**11
    number += (year * 10**4 + month * 100 + day) * 1000 + dice.integers(0, 1000, ROWS)
    places = np.empty((ROWS, 18), dtype=np.uint8)
    for place in range(16, -1, -1):
        places[:, place], number = number % 10, number // 10
    right = (12 - weighed(places[:, :17], [pow(2, 17 - place, 11) for place in range(17)]) % 11) % 11
    places[:, 17] = np.where(dice.random(ROWS) < 0.5, right, dice.integers(0, 11, ROWS))
    # A foreigner's number has its province behind a 9.
    foreign = np.isin(places[:, 1] * 10 + places[:, 2], [p for p in PROVINCES if p < 71]) & (
        places[:, 0] == 9
    )
    given_out = np.isin(province, PROVINCES) | foreign
    valid = is_day(year, month, day) & (year >= 1800) & (places[:, 17] == right) & given_out
    assert 0.2 < valid.mean() < 0.6
    expected = {"is_resident_id(v)": valid}
    assert mismatches(con, texts(places, DIGITS + "X"), expected) == none_of(expected)


def test_a_number_holds_a_day_of_the_calendar_since_1800(con: duckdb.DuckDBPyConnection) -> None:
    """Months up to 13 and days up to 32 of years of every sort; Python knows which of them there are."""
    years = [1799, 1800, 1804, 1899, 1900, 1996, 1999, 2000, 2004, 2023, 2026, 2096, 2100, 2396, 2400]
    days = [(y, m, d) for y in years for m in range(14) for d in range(33)]
    is_day = [y >= 1800 and 1 <= m <= 12 and 1 <= d <= monthrange(y, m)[1] for y, m, d in days]
    bodies = pa.array([f"370602{y:04}{m:02}{d:02}123" for y, m, d in days])
    number = "v || resident_id_check_character(v)"
    expected = {f"is_resident_id({number})": is_day, f"resident_id_birth_date({number}) IS NOT NULL": is_day}
    assert not any(mismatches(con, bodies, expected).values())


def test_credit_codes_are_judged_as_gb_32100_says(con: duckdb.DuckDBPyConnection) -> None:
    dice = np.random.default_rng(32100)
    places = dice.integers(0, 31, (ROWS, 18), dtype=np.uint8)
    places[:, 2:8] %= 10
    right = (31 - weighed(places[:, :17], [pow(3, place, 31) for place in range(17)]) % 31) % 31
    places[:, 17] = np.where(dice.random(ROWS) < 0.5, right, places[:, 17])
    expected = {"is_uscc(v)": places[:, 17] == right}
    assert mismatches(con, texts(places, USCC_ALPHABET), expected) == none_of(expected)


def test_telephones_are_told_by_their_first_digits_and_their_length(con: duckdb.DuckDBPyConnection) -> None:
    """Mobiles are 13 to 19 and nine digits. Behind 010, 02x and 03xx to 09xx seven or eight follow, no 0 first."""
    dice = np.random.default_rng(86)
    places = dice.integers(0, 10, (ROWS, 13), dtype=np.uint8)
    places[:, 0] = dice.choice(np.array([0, 0, 1, 1, 3, 9], dtype=np.uint8), ROWS)
    lengths = dice.integers(7, 14, ROWS)
    first, second = places[:, 0], places[:, 1]
    mobile = (first == 1) & (second >= 3) & (lengths == 11)
    area = np.where(second >= 3, 4, 3)
    known = (first == 0) & ((second >= 2) | ((second == 1) & (places[:, 2] == 0)))
    behind = lengths - area
    plain = known & (behind >= 7) & (behind <= 8) & (places[np.arange(ROWS), area] != 0)
    inside = (first >= 2) & (first <= 8) & (lengths <= 8) & (lengths >= 7)
    expected = {"is_mobile(v)": mobile, "is_landline(v)": plain | inside}
    assert 0.02 < mobile.mean() < 0.2
    assert 0.05 < plain.mean() < 0.2
    assert mismatches(con, texts(places, DIGITS, lengths), expected) == none_of(expected)


def test_plates_are_judged_as_ga_36_says(con: duckdb.DuckDBPyConnection) -> None:
    """Five characters without I and O; of new energy six: a letter of A to K without I, then any and four digits, or
    five digits and that letter. What they begin with are the places of the code table."""
    dice = np.random.default_rng(36)
    letters, provinces = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "京津沪鲁豫粤川琼台张"
    alphabet = DIGITS + letters + provinces
    places = dice.integers(0, 50, (ROWS, 8), dtype=np.uint8)
    places = np.where(places < 36, places, places % 10)
    for place in range(4, 8):
        places[:, place] = np.where(dice.random(ROWS) < 0.6, places[:, place] % 10, places[:, place])
    places[:, 0] = dice.integers(36, len(alphabet), ROWS)
    places[:, 1] = dice.integers(10, 36, ROWS)
    places[:, 2] = np.where(dice.random(ROWS) < 0.3, dice.integers(10, 22, ROWS), places[:, 2])
    lengths = dice.integers(7, 9, ROWS)
    file = Path(schemas.__path__[0]) / "codes" / "plate_prefix.csv"
    with file.open(encoding="utf-8", newline="") as rows:
        prefixes = {row["code"] for row in csv.DictReader(rows)}
    known = np.zeros((len(alphabet), len(alphabet)), dtype=bool)
    for place, province in enumerate(provinces, 36):
        for letter in range(10, 36):
            known[place, letter] = province + alphabet[letter] in prefixes
    confusing = np.isin(places[:, 2:], [alphabet.index("I"), alphabet.index("O")])
    of_energy = np.isin(places, [alphabet.index(letter) for letter in "ABCDEFGHJK"])
    digit = places < 10
    six = (of_energy[:, 2] & digit[:, 4:8].all(axis=1)) | (digit[:, 2:7].all(axis=1) & of_energy[:, 7])
    right = np.where(lengths == 7, ~confusing[:, :5].any(axis=1), six & ~confusing.any(axis=1))
    expected = {
        "is_plate(v)": right & known[places[:, 0], places[:, 1]] & (places[:, 1] != alphabet.index("I"))
    }
    assert 0.1 < expected["is_plate(v)"].mean() < 0.6
    assert mismatches(con, texts(places, alphabet, lengths), expected) == none_of(expected)


def test_division_codes_lie_in_the_county_and_township_that_they_begin_with(
    con: duckdb.DuckDBPyConnection,
) -> None:
    """GB/T 2260 and 10114: six, nine or twelve digits, no 0 or 9 first; 00 is no county, 000 no township."""
    dice = np.random.default_rng(2260)
    places = dice.integers(0, 10, (ROWS, 13), dtype=np.uint8)
    places[:, 4:9] *= dice.random((ROWS, 5)) < 0.4
    lengths = dice.integers(5, 14, ROWS)
    first = (places[:, 0] >= 1) & (places[:, 0] <= 8)
    codes = texts(places, DIGITS, lengths)
    county = first & (lengths >= 6) & places[:, 4:6].any(axis=1)
    township = first & (lengths >= 9) & places[:, 6:9].any(axis=1)
    head = pl.Series(pl.from_arrow(codes)).str
    expected = {
        "is_division_code(v)": first & np.isin(lengths, [6, 9, 12]),
        "county_of(v)": pl.select(pl.when(pl.Series(county)).then(head.head(6))).to_series().to_arrow(),
        "township_of(v)": pl.select(pl.when(pl.Series(township)).then(head.head(9))).to_series().to_arrow(),
    }
    assert mismatches(con, codes, expected) == none_of(expected)


def test_names_are_chinese_characters_of_every_plane_with_dots_inside(con: duckdb.DuckDBPyConnection) -> None:
    dice = np.random.default_rng(18030)
    han = "".join(
        map(chr, [0x3007, *range(0x3400, 0x4DC0), *range(0x4E00, 0xA000), *range(0x20000, 0x20100)])
    )
    alphabet = han + "·" + "A3 （\ue000、"
    dot = len(han)
    places = dice.integers(0, dot, (ROWS, 6))
    odd = dice.random((ROWS, 6)) < 0.08
    places[odd] = (
        dot + dice.integers(0, 7, ROWS * 6).reshape(ROWS, 6)[odd] * (dice.random((ROWS, 6)) < 0.5)[odd]
    )
    lengths = dice.integers(1, 7, ROWS)
    there = np.arange(6) < lengths[:, None]
    is_dot = (places == dot) & there
    apart = (
        ~is_dot[:, 0] & ~is_dot[np.arange(ROWS), lengths - 1] & ~(is_dot[:, 1:] & is_dot[:, :-1]).any(axis=1)
    )
    right = (lengths >= 2) & apart & ~((places > dot) & there).any(axis=1)
    assert 0.4 < right.mean() < 0.9
    expected = {"is_person_name(v)": right}
    assert mismatches(con, texts(places, alphabet, lengths), expected) == none_of(expected)


def in_numerals(number: int) -> str:
    """A number below 100 as Chinese counts: 二十一."""
    tens, ones = divmod(number, 10)
    ten = "十" if tens == 1 else HAN_DIGITS[tens] + "十" if tens else ""
    return str(ten + (HAN_DIGITS[ones] if ones else ""))


def test_days_are_read_in_every_spelling_and_days_that_are_none_are_not(
    con: duckdb.DuckDBPyConnection,
) -> None:
    dice = np.random.default_rng(7408)
    year, month = dice.integers(1930, 2030, ROWS), dice.integers(1, 14, ROWS)
    day = dice.integers(1, 33, ROWS)
    real = is_day(year, month, day)
    serial = (
        np.where(real, year - 1970, 0).astype("M8[Y]").astype("M8[M]") + np.where(real, month - 1, 0)
    ).astype("M8[D]") + np.where(real, day - 1, 0)
    y, m, d = (pl.col(name).cast(pl.String) for name in ("year", "month", "day"))
    mm, dd, yy = m.str.zfill(2), d.str.zfill(2), y.str.tail(2)
    numerals = [in_numerals(number) or "〇" for number in range(100)]
    counted = {
        name: pl.col(name).replace_strict(list(range(100)), numerals, return_dtype=pl.String)
        for name in ("month", "day")
    }
    usual = [y + mm + dd, y + "-" + m + "-" + d, y + "/" + m + "/" + d]
    others = [
        y + "-" + mm + "-" + dd,
        y + "." + mm + "." + dd,
        y + "年" + m + "月" + d + "日",
        y + "-" + mm + "-" + dd + " 00:00:00",
        y + "/" + m + "/" + d + " 9:05",
        y + "-" + mm + "-" + dd + "T08:30:00+08:00",
        y + mm + dd + "235959",
        yy + "-" + mm + "-" + dd,
        yy + "年" + m + "月" + d + "日",
        pl.lit(" '") + y + "-" + mm + "-" + dd + "\t",
        y.str.replace_many(list(DIGITS), list(HAN_DIGITS))
        + "年" + counted["month"] + "月" + counted["day"] + "日",
    ]  # fmt: skip
    # The others take ten times as long: about ten thousand of each will do.
    ends = np.cumsum([0, *[ROWS * 3 // 10] * len(usual), *[ROWS // 10 // len(others) + 1] * len(others)])
    every = pl.DataFrame({"year": year, "month": month, "day": day})
    parts = [
        every[start:end].select(v=how)
        for start, end, how in zip(ends, ends[1:], usual + others, strict=False)
    ]
    expected = {"parse_date(v)": pa.array(serial, mask=~real)}
    assert 0.8 < real.mean() < 0.95
    assert mismatches(con, pl.concat(parts)["v"].to_arrow(), expected) == none_of(expected)
