"""Sample cities for the tests, and readers of their files that share no code with the writers."""

import itertools
import sqlite3
import struct
import zipfile
from collections.abc import Callable, Iterable
from datetime import date
from functools import cache
from pathlib import Path

import fastexcel
import openpyxl
import polars as pl
import pytest
from stdnum.cn import ric

from sample_city.declarations import CityDelivery
from sample_city.generate import SampleCity, plan_city
from sample_city.registry import EXTRACTS
from tests.sample_city.delivered import Delivered

RESIDENTS, SEED = 10_000, 7
BASE, LATER = date(2026, 3, 2), date(2026, 6, 1)
EXTRACT = {extract.delivery.dataset: extract.delivery for extract in EXTRACTS}


def _csv(data: bytes, encoding: str) -> pl.DataFrame:
    text = data.decode(encoding)
    assert "\r\n" in text
    return pl.read_csv(text.encode(), infer_schema=False).fill_null("").with_row_index("_row", 2)


def _zip(path: Path, encoding: str) -> pl.DataFrame:
    """The members' names are GBK, which the archive does not say: zipfile takes them for code page 437."""
    parts = []
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            folder, name = member.filename.encode("cp437").decode("gbk").split("/")
            assert name == f"{path.stem.split('_')[0]}.csv"
            parts.append(_csv(archive.read(member), encoding).insert_column(1, pl.lit(folder).alias("_part")))
    return pl.concat(parts)


def _table(lines: list[list[str]], above: int) -> pl.DataFrame:
    """The rows under a heading in row `above`, up to the first empty line."""
    end = next((n for n, line in enumerate(lines) if n > above and not any(line)), len(lines))
    names = [f"column_{place}" for place in range(len(lines[0]))]
    return pl.DataFrame(lines[above:end], schema=names, orient="row").with_row_index("_row", above + 1)


def _texts(rows: Iterable[Iterable[object]]) -> list[list[str]]:
    return [["" if cell is None else str(cell) for cell in row] for row in rows]


def _xlsx(path: Path, above: int) -> pl.DataFrame:
    parts = []
    for sheet in openpyxl.load_workbook(path):
        rows = _table(_texts(sheet.iter_rows(values_only=True)), above)
        assert len(rows), sheet.title
        parts.append(rows.insert_column(1, pl.lit(sheet.title).alias("_part")))
    return pl.concat(parts)


def _xls(path: Path, above: int) -> pl.DataFrame:
    sheet = fastexcel.read_excel(path).load_sheet(0, header_row=None, dtypes="string").to_polars()
    return _table(_texts(sheet.rows()), above)


def _dbf(path: Path) -> pl.DataFrame:
    """By the file's own description of its fields (dBase III)."""
    data = path.read_bytes()
    count, start, length = struct.unpack_from("<IHH", data, 4)
    assert (data[0], data[29], data[start - 1], data[-1]) == (3, 0x4D, 0x0D, 0x1A)
    assert len(data) == start + count * length + 1
    fields = [data[place : place + 32] for place in range(32, start - 1, 32)]
    names = [field[:11].rstrip(b"\0").decode() for field in fields]
    ends = list(itertools.accumulate((field[16] for field in fields), initial=1))
    records = [data[place : place + length] for place in range(start, len(data) - 1, length)]
    assert {record[:1] for record in records} == {b" "}
    rows = [
        [record[a:b].decode("gbk").rstrip(" ") for a, b in itertools.pairwise(ends)] for record in records
    ]
    return pl.DataFrame(rows, schema=names, orient="row").with_row_index("_row", 1)


def _sqlite(path: Path) -> pl.DataFrame:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT * FROM death_certificate ORDER BY rowid").fetchall()
    connection.close()
    return pl.DataFrame(rows, orient="row").with_row_index("_row", 1)


def _read(path: Path, delivery: CityDelivery) -> pl.DataFrame:
    """Row as a person sees it, sheet or folder where there are several, and the columns in order."""
    readers = {
        "csv": lambda: _csv(path.read_bytes(), delivery.encoding),
        "zip": lambda: _zip(path, delivery.encoding),
        "xlsx": lambda: _xlsx(path, len(delivery.above) + 1 + bool(delivery.groups)),
        "xls": lambda: _xls(path, len(delivery.above) + 1),
        "dbf": lambda: _dbf(path),
        "sqlite": lambda: _sqlite(path),
    }
    rows = readers[delivery.form]()
    if "_part" not in rows.columns or rows["_part"].unique().to_list() == [delivery.stem]:
        rows = rows.drop("_part", strict=False).insert_column(1, pl.lit("").alias("_part"))
    columns = ["_row", "_part", *delivery.headers]
    return rows.rename(dict(zip(rows.columns, columns, strict=True))).with_columns(
        pl.col("_row").cast(pl.Int64)
    )


def _cleaned(rows: pl.DataFrame) -> pl.DataFrame:
    ids = [name for name in rows.columns if name.endswith("_id") or name == "certificate_no"]
    names = [name for name in rows.columns if name.endswith(("name", "representative"))]
    dates = [name for name in rows.columns if name.endswith(("_on", "_date"))]
    rows = rows.with_columns(pl.exclude("_row").str.normalize("NFKC").str.strip_chars(" '"))
    rows = rows.with_columns(pl.col(ids).str.to_uppercase().map_elements(_of_eighteen, pl.String))
    rows = rows.with_columns(pl.col(names).str.replace_all(r"\s", ""))
    places = [name for name in rows.columns if name == "village_code"]
    rows = rows.with_columns(pl.col(places).str.replace("^370684", "370614"))
    return rows.with_columns(_as_iso(name) for name in dates)


def _of_eighteen(number: str) -> str:
    """A number of before 1999 with its century and its check character."""
    if len(number) != 15 or not number.isdigit():
        return number
    body = f"{number[:6]}19{number[6:]}"
    return body + ric.calc_check_digit(f"{body}0")


def _as_iso(name: str) -> pl.Expr:
    """The date in ISO form, empty where it is none."""
    spellings = ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%Y年%m月%d日", "%Y.%m.%d", "%Y-%m-%d 00:00:00")
    tidy = pl.col(name).str.replace_many(list("〇一二三四五六七八九"), list("0123456789"))
    tidy = tidy.str.replace("年十", "年1").str.replace("月十", "月1").str.replace("月([23])十", "月${1}")
    tidy = tidy.str.replace("年1月", "年01月").str.replace("月([123])日", "月${1}日")
    serial = pl.duration(days=pl.col(name).str.extract(r"^(\d{5})$").cast(pl.Int32)) + pl.date(1899, 12, 30)
    date = pl.coalesce(*(tidy.str.to_date(spelling, strict=False) for spelling in spellings), serial)
    return date.dt.strftime("%Y-%m-%d").fill_null("").alias(name)


@pytest.fixture(scope="session")
def planned() -> Callable[..., SampleCity]:
    """A city of so many residents and a seed, built once; ``clean=True`` without errors."""
    return cache(plan_city)


@pytest.fixture(scope="session")
def deliver(
    planned: Callable[..., SampleCity], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Delivered]:
    """Generate a batch and read all of its files."""

    def delivered(residents: int, seed: int, batch: date, *, clean: bool = False) -> Delivered:
        folder = tmp_path_factory.mktemp("city")
        summary = planned(residents, seed, clean=clean).generate(folder, batch)
        raw = {}
        for file in summary.files:
            raw[file.dataset] = _read(file.path, EXTRACT[file.dataset])
        truth = {
            path.stem: pl.read_csv(path, infer_schema=False).fill_null("")
            for path in sorted(summary.truth.glob("*.csv"))
        }
        rows = {dataset: _cleaned(rows) for dataset, rows in raw.items()}
        return Delivered(folder, summary, raw, rows, truth)

    return delivered


@pytest.fixture(scope="session")
def city(deliver: Callable[..., Delivered]) -> Delivered:
    """Ten thousand residents on the base date, without errors: what a city is like."""
    return deliver(RESIDENTS, SEED, BASE, clean=True)


@pytest.fixture(scope="session")
def later(deliver: Callable[..., Delivered]) -> Delivered:
    """The same city three months later."""
    return deliver(RESIDENTS, SEED, LATER, clean=True)


@pytest.fixture(scope="session")
def struck(deliver: Callable[..., Delivered]) -> Delivered:
    """The city with its errors on the base date."""
    return deliver(RESIDENTS, SEED, BASE)


@pytest.fixture(scope="session")
def struck_later(deliver: Callable[..., Delivered]) -> Delivered:
    """The city with its errors three months later."""
    return deliver(RESIDENTS, SEED, LATER)
