"""Identifiers in bulk, a million in one query, against the standards' formulas worked out with numpy."""

import duckdb
import numpy as np
import polars as pl

ROWS = 1_000_000
# A credit code takes several times as long as an identity number.
CODES = 250_000
PROVINCES = [
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46,
    50, 51, 52, 53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83,
]  # fmt: skip
USCC_ALPHABET = np.array(list("0123456789ABCDEFGHJKLMNPQRTUWXY"), dtype="S1")


def mismatches(con: duckdb.DuckDBPyConnection, call: str, values: pl.Series, expected: np.ndarray) -> int:
    con.register("million", pl.DataFrame({"v": values, "expected": expected}))
    (count,) = con.execute(
        f"SELECT count(*) FILTER ({call} IS DISTINCT FROM expected) FROM million"
    ).fetchone() or (None,)
    con.unregister("million")
    return int(count)


def test_a_million_resident_ids_are_judged_as_gb_11643_says(con: duckdb.DuckDBPyConnection) -> None:
    dice = np.random.default_rng(11643)
    province = np.where(dice.random(ROWS) < 0.9, dice.choice(PROVINCES, ROWS), dice.integers(10, 100, ROWS))
    year, month = dice.integers(1780, 2100, ROWS), dice.integers(0, 14, ROWS)
    day = dice.integers(0, 33, ROWS)
    number = (province * 10**4 + dice.integers(0, 10**4, ROWS)) * 10**11
    number += (year * 10**4 + month * 100 + day) * 1000 + dice.integers(0, 1000, ROWS)
    weights = [pow(2, 17 - place, 11) for place in range(17)]
    total = sum(number // 10 ** (16 - place) % 10 * weight for place, weight in enumerate(weights))
    right = (12 - total % 11) % 11
    check = np.where(dice.random(ROWS) < 0.5, right, dice.integers(0, 11, ROWS))
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    lengths = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0])[month]
    real = (day >= 1) & (day <= lengths + (leap & (month == 2))) & (year >= 1800)
    expected = real & (check == right) & np.isin(province, PROVINCES)
    texts = pl.Series(number).cast(pl.String) + pl.Series(np.array(list("0123456789X"))[check])
    assert 0.2 < expected.mean() < 0.6
    assert mismatches(con, "is_resident_id(v)", texts, expected) == 0


def test_a_quarter_of_a_million_credit_codes_are_judged_as_gb_32100_says(
    con: duckdb.DuckDBPyConnection,
) -> None:
    dice = np.random.default_rng(32100)
    places = dice.integers(0, 31, (CODES, 18))
    places[:, 2:8] = dice.integers(0, 10, (CODES, 6))
    weights = np.array([pow(3, place, 31) for place in range(17)])
    right = (31 - places[:, :17] @ weights % 31) % 31
    places[:, 17] = np.where(dice.random(CODES) < 0.5, right, places[:, 17])
    texts = USCC_ALPHABET[places].view("S18").ravel().astype("U18")
    assert mismatches(con, "is_uscc(v)", pl.Series(texts), places[:, 17] == right) == 0
