"""Writing delivered rows into the departments' files: which form is written by which module, and CSV.

The same rows give the same bytes. What stands in the rows belongs to delivery.
"""

import codecs
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TypeAlias

import polars as pl

from sample_city.declarations import CityDelivery
from sample_city.files.archives import entry
from sample_city.files.binary_workbook import write_xls
from sample_city.files.database import write_sqlite
from sample_city.files.dbase import write_dbf
from sample_city.files.workbook import WorkbookLayout, write_workbook

Parts: TypeAlias = Sequence[tuple[str, Iterable[pl.DataFrame]]]
"""Name and rows of each sheet or file; an extract in one piece has one part without a name."""


def write(path: Path, delivery: CityDelivery, batch: date, parts: Parts) -> None:
    """Write one extract in its department's form; an existing file is replaced."""
    if delivery.form in ("xlsx", "xls"):
        sheets = [(name or delivery.stem, slices) for name, slices in parts]
        writer = write_workbook if delivery.form == "xlsx" else write_xls
        writer(path, sheets, _layout(delivery, batch))
    elif delivery.form == "zip":
        _write_zip(path, delivery, parts)
    else:
        ((_, slices),) = parts
        if delivery.form == "csv":
            write_csv(path, delivery.headers, slices, delivery.encoding, line_end="\r\n")
        elif delivery.form == "dbf":
            days = frozenset(delivery.spellings)
            write_dbf(path, delivery.headers, delivery.widths, days, batch, slices)
        else:
            write_sqlite(path, delivery.table, list(delivery.headers), slices)


def _layout(delivery: CityDelivery, batch: date) -> WorkbookLayout:
    day = f"{batch.year}年{batch.month}月{batch.day}日"
    return WorkbookLayout(
        delivery.headers,
        tuple(line.format(date=day) for line in delivery.above),
        tuple(line.format(date=day) for line in delivery.below),
        delivery.numbers,
        delivery.groups,
    )


def _write_zip(path: Path, delivery: CityDelivery, parts: Parts) -> None:
    """A folder for each part, with one CSV in it."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, slices in parts:
            member = f"{name}/{delivery.stem}.csv"
            with archive.open(entry(member, gbk=True), "w", force_zip64=True) as out:
                for piece in _csv(delivery.headers, slices, delivery.encoding, "\r\n"):
                    out.write(piece)


def write_csv(
    path: Path,
    headers: dict[str, str],
    slices: Iterable[pl.DataFrame],
    encoding: str = "utf-8",
    line_end: str = "\n",
) -> None:
    """Write text columns; an empty text is an empty field."""
    with path.open("wb") as out:
        for piece in _csv(headers, slices, encoding, line_end):
            out.write(piece)


def _csv(
    headers: dict[str, str], slices: Iterable[pl.DataFrame], encoding: str, line_end: str
) -> Iterator[bytes]:
    if encoding == "utf-8-sig":
        yield codecs.BOM_UTF8
        encoding = "utf-8"
    yield (",".join(headers.values()) + line_end).encode(encoding)
    for rows in slices:
        fields = rows.select(*headers)
        blank = fields.with_columns(pl.when(pl.all() != "").then(pl.all()))
        yield blank.write_csv(include_header=False, line_terminator=line_end).encode(encoding)
