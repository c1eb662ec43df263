"""Sample cities for the tests, and readers of their files that share no code with the writers."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from sample_city.generate import Summary, generate

RESIDENTS, SEED = 10_000, 7
BASE, LATER = date(2026, 3, 2), date(2026, 6, 1)
HEADER_ROWS = {"婚姻登记": 2, "最低生活保障": 3, "残疾人证": 2}
ENGLISH = {
    "police.population": "resident_id name sex birth_date ethnic_group household_no relation "
    "marital_status village_code address phone",
    "police.cancellation": "resident_id name sex cancelled_on reason destination household_no village_code",
    "civil_affairs.marriage": "certificate_no registration_type registered_on male_name male_id "
    "female_name female_id office",
    "civil_affairs.subsistence_allowance": "resident_id name allowance_no household_no "
    "monthly_amount started_on status village_code",
    "health.death": "certificate_no resident_id name sex death_date place",
    "disabled_persons.certificate": "certificate_no resident_id name sex disability_type "
    "disability_grade issued_on village_code phone",
    "market_regulation.enterprise": "uscc name enterprise_type legal_representative "
    "legal_representative_id established_on registered_capital status village_code address phone",
    "housing.dwelling": "dwelling_no building_no address village_code usage floor_area owner_name "
    "owner_id household_no",
}


@dataclass(frozen=True)
class Delivered:
    """One batch: `raw` as in the files (with `_row`), `clean` without blanks and the like."""

    folder: Path
    summary: Summary
    raw: dict[str, pl.DataFrame]
    clean: dict[str, pl.DataFrame]
    truth: dict[str, pl.DataFrame]

    def unplanted(self, dataset: str, *fields: str) -> pl.DataFrame:
        """The clean rows in which none of these fields (any field if none is named) is planted."""
        planted = self.truth["errors"].filter(pl.col("dataset") == dataset)
        if fields:
            planted = planted.filter(pl.col("field").is_in(list(fields)))
        rows = planted.select(pl.col("row").cast(pl.Int64).alias("_row"))
        return self.clean[dataset].join(rows, on="_row", how="anti", maintain_order="left")


def _csv(path: Path, encoding: str) -> pl.DataFrame:
    text = path.read_bytes().decode(encoding)
    assert "\r\n" in text
    return pl.read_csv(text.encode(), infer_schema=False).fill_null("").with_row_index("_row", 2)


def _xlsx(path: Path) -> pl.DataFrame:
    sheet = openpyxl.load_workbook(path)[path.stem.split("_")[0]]
    above = HEADER_ROWS[sheet.title]
    lines = [["" if cell is None else str(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
    end = next(number for number, line in enumerate(lines) if number > above and not any(line))
    frame = pl.DataFrame(lines[above:end], schema=lines[above - 1], orient="row")
    return frame.with_row_index("_row", above + 1)


def _sqlite(path: Path) -> pl.DataFrame:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT * FROM death_certificate ORDER BY rowid").fetchall()
    connection.close()
    return pl.DataFrame(rows, orient="row").with_row_index("_row", 1)


def _read(path: Path) -> pl.DataFrame:
    if path.suffix == ".csv":
        return _csv(path, "utf-8-sig" if path.name.startswith("房屋") else "gbk")
    return _xlsx(path) if path.suffix == ".xlsx" else _sqlite(path)


def _cleaned(rows: pl.DataFrame) -> pl.DataFrame:
    ids = [name for name in rows.columns if name.endswith("_id") or name == "certificate_no"]
    names = [name for name in rows.columns if name.endswith(("name", "representative"))]
    dates = [name for name in rows.columns if name.endswith(("_on", "_date"))]
    rows = rows.with_columns(pl.exclude("_row").str.normalize("NFKC").str.strip_chars(" '"))
    rows = rows.with_columns(pl.col(ids).str.to_uppercase())
    rows = rows.with_columns(pl.col(names).str.replace_all(r"\s", ""))
    return rows.with_columns(_as_iso(name) for name in dates)


def _as_iso(name: str) -> pl.Expr:
    """The date in ISO form, empty where it is none."""
    spellings = ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%Y年%m月%d日")
    date = pl.coalesce(pl.col(name).str.to_date(spelling, strict=False) for spelling in spellings)
    return date.dt.strftime("%Y-%m-%d").fill_null("").alias(name)


@pytest.fixture(scope="session")
def deliver(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Delivered]:
    """Generate a batch and read all of its files."""

    def delivered(residents: int, seed: int, batch: date) -> Delivered:
        folder = tmp_path_factory.mktemp("city")
        summary = generate(folder, residents, seed, batch)
        raw = {}
        for file in summary.files:
            rows = _read(file.path)
            columns = ["_row", *ENGLISH[file.dataset].split()]
            raw[file.dataset] = rows.rename(dict(zip(rows.columns, columns, strict=True))).with_columns(
                pl.col("_row").cast(pl.Int64)
            )
        truth = {
            path.stem: pl.read_csv(path, infer_schema=False).fill_null("")
            for path in sorted(summary.truth.glob("*.csv"))
        }
        clean = {dataset: _cleaned(rows) for dataset, rows in raw.items()}
        return Delivered(folder, summary, raw, clean, truth)

    return delivered


@pytest.fixture(scope="session")
def city(deliver: Callable[..., Delivered]) -> Delivered:
    """Ten thousand residents on the base date."""
    return deliver(RESIDENTS, SEED, BASE)


@pytest.fixture(scope="session")
def later(deliver: Callable[..., Delivered]) -> Delivered:
    """The same city three months later."""
    return deliver(RESIDENTS, SEED, LATER)
