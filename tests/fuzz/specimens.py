"""The real files that are mutated, and how the platform reads each of them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from returns.packages.sheet_spec import sheet_standard
from returns.workbook.model import ReturnSheet, SheetColumn, WorkbookProperties
from returns.workbook.writer import write_workbook
from sample_city.generate import generate
from schemas.contract.library import load_library
from schemas.contract.odcs import read_contract
from warehouse.collect.layouts import layout_of
from warehouse.collect.readers.layout import Layout

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
BATCH = date(2026, 3, 2)
RESIDENTS = 200

_REAL = ("township_changes", "universities")
_VERDICTS = ("采纳建议", "更正为", "数据无误", None)


@dataclass(frozen=True)
class Specimen:
    """A sound file: its format, its name, its bytes, and the layout it is read by; a reply has none."""

    kind: str
    name: str
    content: bytes
    layout: Layout | None = None


def specimens(folder: Path) -> list[Specimen]:
    """The files of the sample city, the two real workbooks, the bus database and an answered workbook.

    Args:
        folder: where the sample city is written.
    """
    library = load_library()
    found = []
    for sent in generate(folder / "city", RESIDENTS, 1, BATCH).files:
        content = sent.path.read_bytes()
        contract = library[sent.dataset]
        kind = sent.path.suffix[1:].replace("db", "sqlite") if sent.path.suffix != ".dbf" else "dbf"
        form = {"xls": "xlsx", "zip": "csv"}.get(kind, kind)
        (delivery,) = [each for each in contract.deliveries if each.form == form][:1]
        found.append(Specimen(kind, sent.path.name, content, layout_of(contract, delivery)))
    for name in _REAL:
        (file,) = (DATA / name / "contracts").glob("*.yaml")
        (path,) = (DATA / name).glob("*.xlsx")
        contract = read_contract(file)
        found.append(
            Specimen("xlsx", path.name, path.read_bytes(), layout_of(contract, contract.deliveries[0]))
        )
    return [*found, _bus(folder), _reply(folder)]


def _bus(folder: Path) -> Specimen:
    path = folder / "公交线路.db"
    database = sqlite3.connect(path)
    database.executescript((ROOT / "docs" / "tutorial" / "bus.sql").read_text(encoding="utf-8"))
    database.close()
    contract = read_contract(DATA / "bus" / "contracts" / "transport" / "line_station.yaml")
    return Specimen("sqlite", path.name, path.read_bytes(), layout_of(contract, contract.deliveries[0]))


def _reply(folder: Path) -> Specimen:
    """A township's sheet of tickets, answered."""
    standard = sheet_standard("tickets")
    columns = tuple(SheetColumn(c.name, c.title, 12) for c in standard.columns)
    rows = {c.name: [f"{c.title}{row}" for row in range(40)] for c in standard.columns}
    rows["verdict"] = [_VERDICTS[row % 4] for row in range(40)]  # type: ignore[misc]
    path = folder / "待核实.xlsx"
    write_workbook(
        path,
        [ReturnSheet(standard.title, columns, pl.DataFrame(rows, schema=dict.fromkeys(rows, pl.String)))],
        WorkbookProperties(
            "待核实", "大数据局", datetime(2026, 3, 2), {"unit_code": "370602004", "batch": "2026-03-02"}
        ),
    )
    return Specimen("reply", path.name, path.read_bytes())
