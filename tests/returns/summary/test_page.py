"""The bureau's summary: its figures are the tables', it needs nothing from outside, and it names no person."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import duckdb
import polars as pl
import pytest

from assets.platform import Platform
from quality.published import TICKETS, findings_of
from returns.packages.build import read_index
from returns.packages.sheet_views import turn_of
from returns.summary.page import build_summary, summary_page
from returns.summary.summary_metrics import Figures, _delivered, deliveries_of, figures_of, tiles
from warehouse.collect.intake import reception
from warehouse.home.files import replace_json
from warehouse.home.folders import Home
from warehouse.lake.store import Origin

BATCH, NEXT = date(2026, 3, 2), date(2026, 3, 3)


@pytest.fixture(scope="module")
def platform(
    city_after_one_turn: Any, install: Callable[[Path], Platform], tmp_path_factory: pytest.TempPathFactory
) -> Platform:
    """After the first batch, and after a second in which nothing was delivered and a third of the tickets closed."""
    home = tmp_path_factory.mktemp("summary") / "home"
    shutil.copytree(city_after_one_turn.platform.home.root, home)
    made = install(home)
    ticket = made.lake.partition(*TICKETS, BATCH)
    assert ticket is not None
    with made.engine.connect() as connection:
        later = (
            "SELECT * EXCLUDE (n) REPLACE (CASE n % 3 WHEN 0 THEN 'closed' WHEN 1 THEN 'excepted' ELSE 'returned' "
            f"END AS state) FROM (SELECT *, row_number() OVER (ORDER BY ticket_id) AS n FROM {ticket.scan})"
        )
        made.lake.write(connection, *TICKETS, NEXT, f"FROM ({later}) ORDER BY ticket_id", Origin({}))
    return made


def figures(platform: Platform, day: date) -> Figures:
    with platform.open_batch(day) as opened:
        turn = turn_of(opened)
        return figures_of(opened.connection, turn, deliveries_of(platform.home, turn))


@pytest.fixture(scope="module")
def page(platform: Platform) -> str:
    return built(platform, BATCH).read_text(encoding="utf-8")


def built(platform: Platform, day: date, *warnings: str) -> Path:
    with platform.open_batch(day) as opened:
        turn = turn_of(opened)
        return build_summary(opened.connection, platform.home, turn, warnings)


def tickets(platform: Platform, day: date) -> pl.DataFrame:
    partition = platform.lake.partition(*TICKETS, day)
    assert partition is not None
    return duckdb.sql(f"FROM {partition.scan}").pl()


def test_the_page_needs_nothing_from_outside(page: str) -> None:
    for outside in ("<script", "<link", "<img", "<iframe", "@import", "url(", " src="):
        assert outside not in page
    assert set(re.findall(r"https?://[^\"' )<]+", page)) == {"http://www.w3.org/2000/svg"}


def test_the_page_names_nobody(platform: Platform, page: str) -> None:
    people = platform.lake.as_of("governance", "person", BATCH)
    assert people is not None
    shown = set(re.findall(r"\d{15,}[\dX]?", page))
    assert not shown
    rows = duckdb.sql(f"SELECT name, phone, address FROM {people.scan}").pl()
    text = re.sub(r"<[^>]+>", " ", page)
    for column in ("phone", "address"):
        assert not any(value in text for value in rows[column].drop_nulls().unique())
    # Names of two characters may stand in a place's name by chance.
    names = rows["name"].drop_nulls().unique().to_list()
    assert not [name for name in names if len(name) >= 3 and name in text]
    keys = tickets(platform, BATCH)["record_key"].unique()
    assert not [key for key in keys if len(key) > 8 and key in page]


def test_every_link_leads_to_a_package(platform: Platform, page: str) -> None:
    folder = platform.home.returns(BATCH)
    index = read_index(folder)
    assert index is not None
    links = {unquote(unescape(link)) for link in re.findall(r'href="([^"]+)"', page)}
    assert links == {package.file for package in index.packages}
    assert all((folder / link).exists() for link in links)


def test_figures_are_those_of_the_tables(platform: Platform) -> None:
    told = figures(platform, BATCH)
    found = duckdb.sql(findings_of(platform.lake, platform.library, BATCH)).pl()
    assert told.findings == found.height
    assert told.findings_before is None and told.since is None
    by_dimension = {row["dimension"]: (row["errors"], row["warnings"]) for row in told.dimensions}
    counted = found.group_by("dimension").agg(
        (pl.col("severity") == "error").sum(), (pl.col("severity") == "warning").sum().alias("warnings")
    )
    assert by_dimension == {name: (errors, warnings) for name, errors, warnings in counted.rows()}
    assert sum(int(str(row["now"])) for row in told.departments) == found.height
    assert sum(int(str(row["now"])) for row in told.rules) == found.height
    routed = tickets(platform, BATCH).filter(pl.col("unit_code").is_not_null())
    assert sum(int(str(row["open"])) for row in told.townships) == routed.height
    people = platform.lake.as_of("governance", "person", BATCH)
    assert people is not None
    assert sum(int(str(row["residents"])) for row in told.townships) == people.rows
    for name in ("open", "residents"):
        by_county = sum(int(str(row[name])) for row in told.counties)
        assert by_county == sum(int(str(row[name])) for row in told.townships)


def test_a_rate_is_of_open_tickets_for_each_thousand_residents(platform: Platform) -> None:
    for row in figures(platform, NEXT).townships:
        residents, waiting = int(str(row["residents"])), int(str(row["open"]))
        assert row["rate"] == pytest.approx(waiting / residents * 1000) if residents else row["rate"] is None


def test_the_flow_leads_from_the_batch_before_to_this_one(platform: Platform) -> None:
    told = figures(platform, NEXT)
    flow = told.flow
    everything = tickets(platform, BATCH).height
    after = tickets(platform, NEXT)
    assert (flow["before"], flow["new"], flow["reopened"]) == (everything, 0, 0)
    assert flow["closed"] == after.filter(pl.col("state") == "closed").height == everything // 3
    assert flow["before"] + flow["new"] + flow["reopened"] - flow["closed"] == flow["now"]
    assert [(past.batch, past.tickets("closed")) for past in told.trend] == [
        (BATCH, 0),
        (NEXT, everything // 3),
    ]
    # What is confirmed to be right waits for nobody, but is not done either.
    waiting = after.filter((pl.col("state") == "returned") & pl.col("unit_code").is_not_null()).height
    assert sum(int(str(row["open"])) for row in told.townships) == waiting
    states = {row["state"]: (row["before"], row["now"]) for row in told.states}
    assert (
        sum(now for _, now in states.values()) == sum(before for before, _ in states.values()) == everything
    )


def test_what_a_person_should_look_at_is_the_first_line_of_the_page(platform: Platform, page: str) -> None:
    assert 'role="alert"' not in page
    warned = built(platform, BATCH, "公安《户籍人口》：本批次有文件未采用", "<b>").read_text(encoding="utf-8")
    body = warned[warned.index("<main>") :]
    assert body.index("本批次有文件未采用；&lt;b&gt;") < body.index("批次概览")
    assert built(platform, BATCH).read_text(encoding="utf-8") == page


def test_what_is_late_refused_or_never_came_is_said(platform: Platform) -> None:
    far = BATCH + timedelta(days=400)
    with platform.open_batch(NEXT) as opened:
        turn = replace(turn_of(opened), batch=far)
        told = figures_of(opened.connection, turn, deliveries_of(platform.home, turn))
    assert all(delivered.days_late > 0 for delivered in told.deliveries)
    lateness = {d.title: d.days_late for d in told.deliveries}
    contract = next(c for c in platform.library if c.title == "户籍人口")
    assert lateness["户籍人口"] == 400 - (contract.frequency_days or 0) - (contract.latency_days or 0)
    now = figures(platform, BATCH)
    assert not any(delivered.days_late for delivered in now.deliveries)
    never = replace(now, deliveries=[replace(now.deliveries[0], batch=None, rows=None, file="")])
    assert "尚无可用的交付" in summary_page(never, (), "")


def test_a_refused_file_is_named_beside_its_dataset(platform: Platform) -> None:
    receipt = next(
        r for r in reception.receipts(platform.home.inbox, BATCH) if r.dataset == "police.population"
    )
    refusal = receipt.path.parent / reception.REFUSAL
    replace_json(refusal, {"message": "坏了"})
    try:
        (population,) = (d for d in figures(platform, BATCH).deliveries if d.title == "户籍人口")
        assert population.refused == (receipt.file,)
    finally:
        refusal.unlink()


def test_a_county_that_the_layout_does_not_know_has_a_tile_below(platform: Platform) -> None:
    told = figures(platform, BATCH)
    strange = {"code": "371002", "title": "环翠区", "residents": 1000, "open": 3, "rate": 3.0}
    page = summary_page(replace(told, counties=[*told.counties, strange]), (), "")
    assert "环翠区：待办 3 件，居民 1,000 人" in page


def test_the_layout_has_every_county_of_the_city_once_and_no_two_in_one_place(platform: Platform) -> None:
    layout = tiles()
    division = platform.codes.load("division").current
    counties = division.filter((pl.col("parent") == "3706") & (pl.col("level") == "county"))["code"]
    assert sorted(layout["code"]) == sorted(counties)
    assert not layout.select("row", "column").is_duplicated().any()


def test_the_same_batch_makes_the_same_bytes(platform: Platform) -> None:
    page = built(platform, NEXT)
    first = page.read_bytes()
    page.unlink()
    assert built(platform, NEXT).read_bytes() == first
    assert b"2026-03-02" in first


def test_a_page_is_made_again_when_something_it_tells_has_changed_and_not_otherwise(
    platform: Platform,
) -> None:
    page = built(platform, BATCH)
    made = page.stat().st_ino
    assert built(platform, BATCH).stat().st_ino == made
    receipt = next(
        r for r in reception.receipts(platform.home.inbox, BATCH) if r.dataset == "police.population"
    )
    refusal = receipt.path.parent / reception.REFUSAL
    replace_json(refusal, {"message": "坏了"})
    try:
        told = built(platform, BATCH)
        assert told.stat().st_ino != made and receipt.file in told.read_text(encoding="utf-8")
    finally:
        refusal.unlink()
    whole = built(platform, BATCH).read_text(encoding="utf-8")
    page.write_text(whole[: len(whole) // 2], encoding="utf-8")
    assert built(platform, BATCH).read_text(encoding="utf-8") == whole


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [("snapshot", "snapshot", -530), ("snapshot", "delta", None), ("delta", "snapshot", None)],
)
def test_the_rows_of_a_delta_are_not_compared_with_a_snapshot(
    platform: Platform, tmp_path: Path, before: str, now: str, change: int | None
) -> None:
    """Three changed inspections are not 533 inspections fewer."""

    def extract(day: date, rows: int, delivery: str) -> Any:
        facts = {"deliveries": [{"extract_id": "E1", "delivery": delivery}], "file": "a.csv", "set_aside": 0}
        return SimpleNamespace(batch=day, rows=rows, facts=facts)

    older, newer = extract(BATCH, 533, before), extract(NEXT, 3, now)
    lake = SimpleNamespace(as_of=lambda *_: newer, before=lambda *_: older)
    turn: Any = SimpleNamespace(lake=lake, batch=NEXT)
    delivered = _delivered(Home(tmp_path), turn, platform.library["emergency.inspection"], [])
    assert (delivered.rows, delivered.change) == (3, change)
