"""A real database through the whole loop: every row arrives, and every error in it is found, none besides.

The expected findings were read off docs/tutorial/bus.sql by eye, rule by rule.
"""

from __future__ import annotations

import sqlite3
import zipfile
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from assets.platform import Platform
from assets.tasks import run_tasks
from returns.packages.build import build_packages
from schemas.contract.library import Library, load_library
from schemas.contract.selection import select
from schemas.lint import lint
from tests.loop import NO_GATE, PUBLISHED
from warehouse.collect.intake import reception
from warehouse.engine.connection import Engine
from warehouse.home.encryption import NO_KEYS
from warehouse.home.folders import Home
from warehouse.lake.store import Lake

ROOT = Path(__file__).parents[1]
CONTRACTS = ROOT / "tests" / "data" / "bus" / "contracts"
FIRST, SECOND = date(2026, 3, 2), date(2026, 4, 1)

ROWS = {"transport.line": 6, "transport.line_station": 74, "transport.station": 71}

# dataset, rule, field, record key, row in the table, suggestion
LINE_FINDINGS = {
    ("ends_where_it_starts", "end_site", "10222", 3, None),
    ("ends_where_it_starts", "end_site", "10221", 4, None),
    ("no_fare", "fare", "10222", 3, None),
    ("no_fare", "fare", "10221", 4, None),
}
# The ten stops at the head of the table are of lines 101, 102, 213 and 214, which do not exist any more.
LINE_STATION_FINDINGS = {
    *(("reference", "sub_line_id", f"{line}|1", row, None) for row, line in ((1, 101), (2, 102))),
    *(("reference", "sub_line_id", f"213|{stop}", 2 + stop, None) for stop in (1, 2, 3, 4)),
    *(("reference", "sub_line_id", f"214|{stop}", 6 + stop, None) for stop in (1, 2, 3, 4)),
    ("stop_off_the_map", "station_id", "101|1", 1, None),
    ("stop_off_the_map", "station_id", "102|1", 2, None),
}
STATION_FINDINGS = {
    ("mark_in_name", "station_name", "2", 2, "APEC芝罘科技园"),
    ("mark_in_name", "station_name", "18", 9, None),
    ("mark_in_name", "station_name", "23", 13, None),
    ("mark_in_name", "station_name", "41", 16, None),
    ("mark_in_name", "station_name", "46", 20, None),
    ("mark_in_name", "station_name", "62", 27, "APEC芝罘科技园"),
    ("mark_in_name", "station_name", "18293", 38, None),
    ("mark_in_name", "station_name", "43407", 46, None),
    ("mark_in_name", "station_name", "43438", 47, None),
    ("placeholder_name", "station_name", "11669", 32, None),
    ("placeholder_name", "station_name", "11671", 33, None),
    ("placeholder_name", "station_name", "40032", 45, None),
    ("presence", "station_name", "29786", 42, None),
    ("presence", "station_name", "29787", 43, None),
    ("range", "longitude", "3371", 29, None),
    ("range", "longitude", "13265", 34, None),
    ("range", "longitude", "29786", 42, None),
    ("range", "longitude", "29787", 43, None),
    ("range", "longitude", "40032", 45, None),
    ("range", "latitude", "3371", 29, None),
    ("range", "latitude", "11669", 32, None),
    ("range", "latitude", "13265", 34, None),
    ("range", "latitude", "40032", 45, None),
    ("side_unreadable", "side", "11669", 32, "(路北)"),
    ("side_unreadable", "side", "11671", 33, "(路北)"),
    ("side_unreadable", "side", "18316", 39, None),
    ("side_unreadable", "side", "54074", 70, "(路南)"),
    ("side_unreadable", "side", "54077", 71, "(路北)"),
}
FINDINGS = {
    "transport.line": LINE_FINDINGS,
    "transport.line_station": LINE_STATION_FINDINGS,
    "transport.station": STATION_FINDINGS,
}


@dataclass(frozen=True)
class Bureau:
    """An installation whose only deliveries are the operator's."""

    platform: Platform

    @property
    def home(self) -> Home:
        return self.platform.home

    @property
    def lake(self) -> Lake:
        return self.platform.lake

    @property
    def library(self) -> Library:
        return self.platform.library

    def deliver(self, folder: Path, batch: date, *changes: str) -> list[reception.Receipt]:
        """Take in the operator's database, with some of its errors mended."""
        path = folder / f"yantai_bus_{batch:%Y%m%d}.sqlite"
        database = sqlite3.connect(path)
        database.executescript((ROOT / "docs" / "tutorial" / "bus.sql").read_text(encoding="utf-8"))
        for change in changes:
            database.execute(change)
        database.commit()
        database.close()
        return reception.deliver(self.home, self.library, [path], batch, datetime(2026, 3, 2, 8))

    def turn(self, batch: date) -> None:
        """One turn to the published database."""
        with self.platform.open_batch(batch) as opened:
            run_tasks(self.platform, opened, only=PUBLISHED, instead=NO_GATE)

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        """Query the published database."""
        with duckdb.connect(str(self.home.warehouse), read_only=True) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def bureau(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Bureau:
    home = Home(tmp_path_factory.mktemp("bureau"))
    library = select(load_library([CONTRACTS]), ["transport.*"])
    made = Bureau(Platform(home, library, engine.codes, engine, f"sqlite:///{home.ledger}"))
    made.deliver(home.root, FIRST)
    made.turn(FIRST)
    made.deliver(
        home.root,
        SECOND,
        "UPDATE ytcx_station SET station_name = 'APEC芝罘科技园' WHERE id IN ('2', '62')",
        "UPDATE ytcx_station SET jingdu = '121.41', weidu = '37.46' WHERE id = '3371'",
        "DELETE FROM ytcx_line_station WHERE sub_lineid IN (213, 214)",
    )
    made.turn(SECOND)
    return made


def test_the_contracts_lint_clean(bureau: Bureau) -> None:
    assert lint(load_library([CONTRACTS]), bureau.platform.codes) == []


def test_every_row_of_every_table_arrives(bureau: Bureau) -> None:
    for layer in ("extract", "standard"):
        for dataset, rows in ROWS.items():
            partition = bureau.lake.partition(layer, dataset, FIRST)
            assert partition is not None
            assert partition.rows == rows
    assert bureau.ask(
        f"SELECT dataset, rows, set_aside FROM catalog.extract WHERE batch = '{FIRST}' ORDER BY ALL"
    ) == [(dataset, rows, 0) for dataset, rows in ROWS.items()]


def test_values_are_typed_and_nothing_is_lost(bureau: Bureau) -> None:
    partition = bureau.lake.partition("standard", "transport.station", FIRST)
    assert partition is not None
    rows = pl.read_parquet(partition.folder / partition.parts[0].name).sort("_row")
    first = rows.row(0, named=True)
    assert (first["record_key"], first["_line"], first["station_name"]) == ("1", 1, "宫家岛")
    assert (first["longitude"], first["latitude"]) == (121.30600908196, 37.538029854186)
    assert first["side"] == "(路东)"
    # Coordinates that are nonsense are still numbers: the rules find them, no conversion hides them.
    far = rows.filter(record_key="3371").row(0, named=True)
    assert (far["longitude"], far["latitude"]) == (-2641.3180576652, 3745920187.0051)
    assert rows["longitude__delivered"].null_count() == 71


@pytest.mark.parametrize("dataset", list(ROWS))
def test_the_findings_are_exactly_the_errors_in_the_table(bureau: Bureau, dataset: str) -> None:
    found = bureau.ask(
        "SELECT rule, field, record_key, row_number, suggestion FROM quality.finding "
        f"WHERE dataset = '{dataset}' AND batch = '{FIRST}'"
    )
    assert len(found) == len(FINDINGS[dataset])
    assert set(found) == FINDINGS[dataset]


def test_a_stop_s_finding_shows_the_station_it_was_joined_with(bureau: Bureau) -> None:
    assert bureau.ask(
        "SELECT DISTINCT observed, evidence FROM quality.finding WHERE rule = 'stop_off_the_map'"
    ) == [("3371", "站点《会展馆场站》的坐标为 -2641.3180576652，3745920187.0051")]


def test_without_a_township_everything_goes_to_the_department(bureau: Bureau) -> None:
    assert bureau.ask("SELECT DISTINCT department, unit_code FROM quality.ticket") == [("transport", None)]


def test_the_department_s_package_lists_every_finding(bureau: Bureau) -> None:
    with bureau.platform.open_batch(FIRST) as opened:
        (package,) = build_packages(opened, bureau.home, NO_KEYS)
    assert (package.unit_code, package.name) == ("transport", "交通运输局")
    assert package.rows["问题清单"] == 44 and package.rows["已确认更正"] == 0
    with zipfile.ZipFile(bureau.home.returns(FIRST) / package.file) as archive:
        rows = pl.read_csv(archive.read("问题清单.csv"), infer_schema=False)
    shown = rows.filter(pl.col("记录主键") == "11671").select("数据集", "文件行号", "字段", "现值", "建议值")
    assert sorted(shown.rows()) == [
        ("公交站点", "33", "所在路侧", "(路bei)", "(路北)"),
        ("公交站点", "33", "站名", "ceshi22", None),
    ]


def test_stations_and_lines_have_their_files(bureau: Bureau) -> None:
    assert bureau.ask("SELECT count(*), count(DISTINCT station_id) FROM governance.bus_station") == [(71, 71)]
    assert bureau.ask(
        "SELECT line_name, direction, start_site, fare, valid_from FROM governance.bus_line "
        "WHERE sub_line_id = '231'"
    ) == [("109路", "上行", "烟台大学西门", 0.5, FIRST)]


def test_what_the_department_mended_is_closed_and_nothing_else(bureau: Bureau) -> None:
    closed = bureau.ask(
        "SELECT dataset, rule, record_key FROM quality.ticket WHERE state = 'closed' ORDER BY ALL"
    )
    assert closed == [
        ("transport.line_station", "stop_off_the_map", "101|1"),
        ("transport.line_station", "stop_off_the_map", "102|1"),
        ("transport.station", "mark_in_name", "2"),
        ("transport.station", "mark_in_name", "62"),
        ("transport.station", "range", "3371"),
        ("transport.station", "range", "3371"),
    ]
    # Two lines were taken out: their stops are not there any more, and nothing of them was seen right.
    gone = bureau.ask(
        "SELECT dataset, rule, record_key FROM quality.ticket WHERE state = 'gone' ORDER BY ALL"
    )
    assert gone == [
        ("transport.line_station", "reference", f"{n}|{stop}") for n in (213, 214) for stop in (1, 2, 3, 4)
    ]
    assert bureau.ask(
        "SELECT batch, extracts, rows, findings, tickets_to_answer, tickets_closed "
        "FROM catalog.batch ORDER BY batch"
    ) == [(FIRST, 3, 151, 44, 44, 0), (SECOND, 3, 143, 30, 30, 6)]
