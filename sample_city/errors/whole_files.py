"""Files that are wrong as a whole, struck only where a run asks for them; ``data/mishaps.yaml`` declares each.

A mishap strikes the file of one dataset, sheet by sheet: rows that are missing, a unit that is another one, columns
in each other's place. The truth names it in ``mishaps.csv``; single errors in such a file stand in ``errors.csv``.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import polars as pl

from sample_city.world.basis.tables import DATA
from schemas.document import plain_yaml


@dataclass(frozen=True)
class WholeFile:
    """One mishap.

    Attributes:
        name: By which a run asks for it.
        says: What went wrong, in Chinese.
        dataset: Whose file it strikes.
        change: Name of the change of the rows; ``cut_bytes`` and ``same_as_before`` concern the file.
        values: Its arguments.
    """

    name: str
    says: str
    dataset: str
    change: str
    values: Mapping[str, Any]

    def spoiled(self, slices: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """The rows of a sheet as the spoiled file has them."""
        change = CHANGES.get(self.change)
        for rows in slices:
            yield rows if change is None else change(rows, **self.values)


@cache
def declared_mishaps() -> dict[str, WholeFile]:
    """Every declared mishap by its name."""
    entries = plain_yaml((DATA / "mishaps.yaml").read_text("utf-8"))
    return {
        entry["mishap"]: WholeFile(
            entry["mishap"], entry["says"], entry["dataset"], entry["change"], entry.get("values", {})
        )
        for entry in entries
    }


def mishap_of(name: str) -> WholeFile:
    """The declared mishap of that name.

    Raises:
        ValueError: There is none; the message is for the caller's user.
    """
    known = declared_mishaps()
    if name not in known:
        raise ValueError(f"没有整份文件的事故 {name}；可选：{'、'.join(known)}")
    return known[name]


def _thinned(rows: pl.DataFrame, keep: float) -> pl.DataFrame:
    """Only the first rows of every hundred are there."""
    return rows.filter(pl.int_range(pl.len()) % 100 < round(keep * 100))


def _without_township(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """The rows of the township of the first row are missing."""
    township = rows.get_column(column).str.strip_chars().str.head(9)
    return rows.filter(township != township.first()) if len(rows) else rows


def _in_another_unit(rows: pl.DataFrame, column: str, factor: float) -> pl.DataFrame:
    """Every amount in another unit."""
    number = pl.col(column).str.extract(r"(-?[\d.]+)").cast(pl.Float64, strict=False) * factor
    written = number.round(2).cast(pl.String).str.strip_suffix(".0")
    return rows.with_columns(pl.coalesce(written, pl.col(column)).alias(column))


def _exchanged(rows: pl.DataFrame, first: str, second: str) -> pl.DataFrame:
    """Two columns stand in each other's place."""
    return rows.with_columns(pl.col(second).alias(first), pl.col(first).alias(second))


def _masked(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """Every name is masked: 张*."""
    text = pl.col(column)
    return rows.with_columns(text.str.head(1) + text.str.slice(1).str.replace_all(".", "*"))


def _scientific(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """Every code as a spreadsheet shows a long number: 4.0E+19."""
    text = pl.col(column).str.strip_chars(" '")
    power = (text.str.len_chars() - 1).cast(pl.String)
    return rows.with_columns((text.str.head(1) + "." + text.str.slice(1, 1) + "E+" + power).alias(column))


def _one_value(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """The value of the first row on all of them."""
    return rows.with_columns(pl.lit(rows.get_column(column).first()).alias(column))


def _doubled(rows: pl.DataFrame) -> pl.DataFrame:
    """Every row twice."""
    return pl.concat([rows, rows])


CHANGES: Final[Mapping[str, Callable[..., pl.DataFrame]]] = {
    "thinned": _thinned,
    "without_township": _without_township,
    "another_unit": _in_another_unit,
    "exchanged": _exchanged,
    "masked": _masked,
    "scientific": _scientific,
    "one_value": _one_value,
    "doubled": _doubled,
}


def cut_bytes(path: Path, keep: float) -> None:
    """Cut a file in the middle: only the first share of its bytes is left."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
