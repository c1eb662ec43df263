"""Every function of the library gives on Spark what it gives on DuckDB."""

import csv
import datetime
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from schemas.codes import load_code_table
from schemas.expressions.functions import load_functions

VECTORS = Path(__file__).parents[1] / "data" / "identifier_vectors.csv"
FUNCTIONS = load_functions()
OF_TEXT = [name for name, f in FUNCTIONS.items() if list(f.parameters.values()) == ["VARCHAR"]]
DIRT = (
    " '‘’`\"=\t\n\r\u00a0\u0085\u2028\u3000\u200b\ufeff\u202d-—/无空NAa.1９０Ｘ×Хx0+86（）(),·•年月日E元十廿"
)


def texts() -> list[str | None]:
    """What other projects judge, our examples, identifiers right and wrong, places, days, dirt, odd characters."""
    dice = random.Random(4)
    found: list[str | None] = [None, "", " ", "无", "𠮷野", "a" * 300]
    with VECTORS.open(encoding="utf-8", newline="") as file:
        found += [vector["value"] for vector in csv.DictReader(file)]
    found += [
        example.call.partition("('")[2].removesuffix("')").replace("''", "'")
        for function in FUNCTIONS.values()
        for example in function.examples
    ]
    areas = load_code_table("area").rows["code"].to_list()
    found += areas[::10]
    for _ in range(1_500):
        first = (
            f"{dice.choice(areas)}{dice.randrange(1790, 2110)}{dice.randrange(14):02}{dice.randrange(33):02}"
        )
        found.append(f"{first}{dice.randrange(1000):03}{dice.choice('0123456789X')}")
        found.append("".join(dice.choices("0123456789ABCDEFGHJKLMNPQRTUWXYIO", k=18)))
        found.append("".join(dice.choices(DIRT, k=dice.randrange(1, 16))))
        number = f"{dice.randrange(10**12) / dice.choice([1, 10, 1000])}"
        found += [number, f"{dice.randrange(10**9):,}", f"-{number}", f"{number}E+0{dice.randrange(10)}"]
    for n in range(0, 60_000, 37):
        day = datetime.date(1899, 1, 1) + datetime.timedelta(n)
        spelt = dice.choice(
            ["%Y%m%d", "%Y-%m-%d", "%y.%m.%d", "%Y年%m月%d日", "%Y/%m/%d 09:05", "%Y-%m-%d\n"]
        )
        found += [day.strftime(spelt), str(10_000 + n)]
    divisions = load_code_table("division").rows
    found += divisions["code"].to_list()[::7]
    labels = divisions["label"].to_list()
    for prefix in ("", "山东省", "烟台市", "山东省烟台市", "北京市"):
        found += [f"{prefix}{a}{b}3＃楼" for a, b in zip(labels[::97], labels[5::97], strict=False)]
    found += [f"{a} {b}1号" for a in labels[:20] for b in labels[20:40]]
    found += addresses()
    spans = (range(0x3100), range(0xF900, 0xFB00), range(0xFE00, 0x10000), range(0x1FFF0, 0x20010))
    for span in spans:
        found += [f"{before}{chr(c)}{before}" for c in span for before in (("字", "1", "")[c % 3],)]
    return list(dict.fromkeys(text for text in found if not _cased_otherwise(text)))


def addresses() -> list[str]:
    """Places of the code table by their labels and as people call them, whole and with a part left out."""
    rows = load_code_table("division").current
    label = dict(rows.select("code", "label").iter_rows())
    found = []
    for code in [code for code in label if len(code) == 12][::11]:
        county, township, village = (label[code[:n]] for n in (6, 9, 12))
        place = village.replace("居民委员会", "").replace("村委会", "村").replace("村民委员会", "村")
        short = place.removesuffix("村").removesuffix("社区")
        found += [
            f"山东省烟台市{county}{township}{village}3号",
            f"{county}{township}办事处 {place}沿街房３号",
            f"{county}{township.replace('街道', '办事处')}{short}3#楼",
            f"{township}{place}",
            f"烟台{county}{place}某小区",
            f"{county}{township}南大街1号",
        ]
    return found


# Letters that got a capital in a later Unicode than one of the engines knows.
NEW_CAPITALS = frozenset("ƛɤ\u1c8a")


def _cased_otherwise(text: str | None) -> bool:
    """Whether a letter's other case is several letters (ß, ŉ) or new: there the engines differ, see decision 10."""
    return any(len(s.upper()) > 1 or len(s.lower()) > 1 or s in NEW_CAPITALS for s in text or "")


def differences(
    spark: SparkSession, con: duckdb.DuckDBPyConnection, rows: pa.Table, calls: Sequence[str]
) -> list[tuple[str, Any, Any, Any]]:
    """Call, row, DuckDB's value, Spark's, where they are not the same."""
    con.register("given", rows)
    spark.createDataFrame(rows).createOrReplaceTempView("given")
    query = f"SELECT i, {', '.join(f'{call} AS c{n}' for n, call in enumerate(calls))} FROM given ORDER BY i"
    ours = con.execute(query).to_arrow_table().to_pydict()
    theirs = spark.sql(query).toArrow().to_pydict()
    given = rows.to_pylist()
    return [
        (call, given[i], our, their)
        for n, call in enumerate(calls)
        for i, our, their in zip(ours["i"], ours[f"c{n}"], theirs[f"c{n}"], strict=True)
        if our != their
    ]


@pytest.fixture(scope="module")
def given() -> pa.Table:
    values = texts()
    assert len(values) > 20_000
    return pa.table({"i": range(len(values)), "v": pa.array(values, pa.string())})


@pytest.mark.parametrize("name", OF_TEXT)
def test_a_function_of_a_text_gives_the_same(
    spark: SparkSession, con: duckdb.DuckDBPyConnection, given: pa.Table, name: str
) -> None:
    assert differences(spark, con, given, [f"{name}(v)"])[:50] == []


def test_ages_are_the_same(spark: SparkSession, con: duckdb.DuckDBPyConnection) -> None:
    assert set(FUNCTIONS) - set(OF_TEXT) == {"age_at"}
    dice = random.Random(5)
    first = datetime.date(1850, 1, 1)
    days = [datetime.date(2000, 2, 29), datetime.date(2001, 2, 28), datetime.date(2004, 2, 28), None]
    days += [first + datetime.timedelta(dice.randrange(80_000)) for _ in range(40)]
    pairs = [(a, b) for a in days for b in days]
    births, ends = zip(*pairs, strict=True)
    rows = pa.table(
        {
            "i": range(len(pairs)),
            "birth": pa.array(births, pa.date32()),
            "d": pa.array(ends, pa.date32()),
        }
    )
    assert differences(spark, con, rows, ["age_at(birth, d)"]) == []
