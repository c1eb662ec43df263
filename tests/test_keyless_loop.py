"""A dataset without a key through the whole loop: rows are known by their content, equal ones by their number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from hashlib import md5
from pathlib import Path

import duckdb
import polars as pl
import pytest

from assets.platform import Platform
from assets.tasks import PACKAGES, run_tasks
from schemas.contract.library import load_library
from tests.loop import NO_GATE, NO_SUMMARY, with_corrections
from warehouse.collect.intake import reception
from warehouse.engine.connection import Engine
from warehouse.home.folders import Home
from warehouse.lake.store import Lake
from warehouse.standard.standardise import CORRECTIONS

FIRST, SECOND = date(2026, 3, 2), date(2026, 3, 3)
CONTRACT = """
apiVersion: v3.2.0
kind: DataContract
id: emergency.call
name: 报警记录
version: 1.0.0
status: active
domain: emergency
tenant: 应急管理局
description: {purpose: 一次报警一行}
team: {name: 指挥中心}
servers: [{server: list, type: local, path: 报警*.csv, format: csv}]
customProperties:
  - {property: delivery, value: snapshot}
  - {property: key, value: none}
schema:
  - name: call
    properties:
      - {name: place, businessName: 地点, logicalType: string, required: true}
      - {name: minutes, businessName: 用时, logicalType: integer, logicalTypeOptions: {maximum: 60}}
"""
HEAD = "地点,用时\n"


def key_of(place: str, minutes: str, number: int = 1) -> str:
    """As docs/contracts.md has it: known by what was delivered, equal rows numbered."""
    return "#" + md5(f"{place}|{minutes}".encode()).hexdigest() + (f"-{number}" if number > 1 else "")


@dataclass(frozen=True)
class Office:
    """A home with the one dataset."""

    folder: Path
    home: Home
    engine: Engine

    def turn(self, batch: date, rows: str, corrections: pl.DataFrame | None = None) -> None:
        library = load_library([self.folder / "contracts"], shipped=False)
        path = self.folder / "报警.csv"
        path.write_text(HEAD + rows, encoding="utf-8")
        reception.deliver(self.home, library, [path], batch, datetime(2026, 3, 2, 8))
        platform = Platform(
            self.home, library, self.engine.codes, self.engine, f"sqlite:///{self.home.ledger}"
        )
        instead = NO_GATE if corrections is None else {**NO_GATE, **with_corrections(platform, corrections)}
        with platform.open_batch(batch) as opened:
            made = run_tasks(platform, opened, instead={**instead, **NO_SUMMARY})
        assert sum(package.rows.get("问题清单", 0) for package in made[PACKAGES]) > 0

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        with duckdb.connect(str(self.home.warehouse), read_only=True) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def office(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Office:
    """The first day's rows; on the second one equal row more, one changed, one gone, and one corrected."""
    folder = tmp_path_factory.mktemp("office")
    (folder / "contracts").mkdir()
    (folder / "contracts" / "call.yaml").write_text(CONTRACT, encoding="utf-8")
    made = Office(folder, Home(folder / "home"), engine)
    made.turn(FIRST, "甲路,70\n乙路,5\n甲路,70\n丙路,80\n丁路,90\n戊路,75\n")
    corrected = pl.DataFrame(
        {
            "dataset": ["emergency.call"],
            "record_key": [key_of("戊路", "75")],
            "field": ["minutes"],
            "delivered": ["75"],
            "value": ["15"],
        },
        schema=CORRECTIONS,
    )
    made.turn(SECOND, "甲路,70\n甲路,70\n甲路,70\n丙路,8\n戊路,75\n乙路,5\n", corrected)
    return made


def test_rows_are_known_by_their_content_and_equal_ones_are_numbered(office: Office) -> None:
    rows = office.ask(
        f"SELECT record_key FROM quality.finding WHERE batch = '{FIRST}' AND rule = 'range' ORDER BY ALL"
    )
    assert {key for (key,) in rows} == {
        key_of("甲路", "70"),
        key_of("甲路", "70", 2),
        key_of("丙路", "80"),
        key_of("丁路", "90"),
        key_of("戊路", "75"),
    }


def test_tickets_stay_with_their_rows(office: Office) -> None:
    states = dict(office.ask("SELECT record_key, state FROM quality.ticket"))
    before = {
        key_of("甲路", "70"): "returned",
        key_of("甲路", "70", 2): "returned",
        key_of("甲路", "70", 3): "open",
    }
    assert {key: states[key] for key in before} == before
    # A changed row, one that is gone, and one that was corrected.
    for key in (key_of("丙路", "80"), key_of("丁路", "90"), key_of("戊路", "75")):
        assert states[key] == "closed", key


def test_a_correction_is_laid_over_the_row_that_it_names(office: Office) -> None:
    partition = Lake(office.home.lake).partition("standard", "emergency.call", SECOND)
    assert partition is not None
    with office.engine.connect() as connection:
        rows = connection.execute(f"SELECT place, minutes FROM {partition.scan} ORDER BY ALL").fetchall()
    assert rows == [("丙路", 8), ("乙路", 5), ("戊路", 15), ("甲路", 70), ("甲路", 70), ("甲路", 70)]
