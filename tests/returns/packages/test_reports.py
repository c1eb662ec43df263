"""Reports already filled in: villages add up, figures are the governance tables', what nobody feeds is left out."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import polars as pl
import pytest

from assets.platform import Platform
from returns.packages.build import read_index
from returns.packages.reports import settled
from returns.packages.sheet_catalogue import shipped_sheets
from returns.packages.sheet_spec import Breakdown, Measure, SheetError, SheetSpec, sheet_standard
from schemas.codes import CodeLibrary

BATCH = date(2026, 3, 2)
REPORTS = [sheet.name for sheet in shipped_sheets().of("township") if sheet.measures]


@pytest.fixture(scope="module")
def platform(city_after_one_turn: Any) -> Platform:
    made: Platform = city_after_one_turn.platform
    return made


@pytest.fixture(scope="module")
def townships(platform: Platform) -> list[Path]:
    folder = platform.home.returns(BATCH)
    index = read_index(folder)
    assert index is not None
    return [folder / package.file for package in index.packages if package.audience == "township"]


def table(path: Path, title: str) -> pl.DataFrame:
    with zipfile.ZipFile(path) as archive:
        return pl.read_csv(archive.read(f"{title}.csv"), infer_schema=False)


def figures(path: Path, title: str) -> pl.DataFrame:
    rows = table(path, title)
    return rows.with_columns(pl.col(rows.columns[2:]).cast(pl.Float64))


def city(townships: list[Path], title: str) -> dict[str, float]:
    """The townships' totals added up."""
    totals = pl.concat([figures(path, title).head(1) for path in townships])
    return totals.select(totals.columns[2:]).sum().row(0, named=True)


def governance(platform: Platform, name: str) -> str:
    partition = platform.lake.as_of("governance", name, BATCH)
    assert partition is not None
    return partition.scan


@pytest.mark.parametrize("name", REPORTS)
def test_villages_add_up_to_their_township(townships: list[Path], name: str) -> None:
    for path in townships:
        rows = figures(path, sheet_standard(name).title)
        total, villages = rows.head(1), rows.slice(1)
        assert total["村居代码"].item() == "合计"
        numbers = rows.columns[2:]
        assert total.select(numbers).row(0) == pytest.approx(villages.select(numbers).sum().row(0))


def test_special_groups_are_counted_as_a_person_would_count_them(
    platform: Platform, townships: list[Path]
) -> None:
    counted = city(townships, "特殊群体统计表")
    people = duckdb.sql(
        f"FROM {governance(platform, 'person')} WHERE township_code IS NOT NULL AND death_date IS NULL "
        "AND cancelled_on IS NULL"
    ).pl()
    sizes = duckdb.sql(
        f"SELECT household_no, count(*) AS n FROM {governance(platform, 'person')} GROUP BY household_no"
    ).pl()
    people = people.join(sizes, on="household_no", how="left")
    turned_60 = pl.col("birth_date") <= date(1966, 3, 2)
    expected = {
        "在册人口": people.height,
        "残疾人": people.filter(pl.col("disability_grade").is_not_null()).height,
        "残疾二级": people.filter(pl.col("disability_grade") == "2").height,
        "低保对象": people.filter(pl.col("allowance_status") == "1").height,
        "未成年人": people.filter(pl.col("birth_date").is_between(date(2008, 3, 3), BATCH)).height,
        "80岁及以上": people.filter(pl.col("birth_date") <= date(1946, 3, 2)).height,
        "独居老人": people.filter(turned_60 & (pl.col("n") == 1)).height,
    }
    assert {title: counted[title] for title in expected} == expected
    assert counted["独居老人"] > 0
    grades = [*(f"残疾{grade}级" for grade in "一二三四"), "残疾等级不详"]
    assert sum(counted[title] for title in grades) == counted["残疾人"]


def test_enterprises_by_status_and_by_type_both_make_the_whole(
    platform: Platform, townships: list[Path]
) -> None:
    counted = city(townships, "市场主体统计表")
    found = duckdb.sql(f"FROM {governance(platform, 'enterprise')} WHERE township_code IS NOT NULL").pl()
    for kind in ("状态", "类型"):
        parts = [value for title, value in counted.items() if title.startswith(f"{kind}：")]
        assert sum(parts) == counted["市场主体"] == found.height
    living = found.filter(pl.col("status") == "1")
    assert counted["状态：存续"] == living.height
    assert counted["注册资本合计（万元）"] == pytest.approx(living["registered_capital"].sum())


def test_each_report_says_how_it_was_computed(townships: list[Path]) -> None:
    with zipfile.ZipFile(townships[0]) as archive:
        content = archive.read(next(name for name in archive.namelist() if name.endswith(".xlsx")))
    workbook = openpyxl.load_workbook(io.BytesIO(content))
    for name in REPORTS:
        notes = [str(row[0].value) for row in workbook[sheet_standard(name).title].iter_rows(max_row=6)]
        assert any(note.startswith("统计口径：") for note in notes)
        assert not any("{" in note for note in notes)


def test_the_register_stands_village_by_village_and_each_begins_visibly(townships: list[Path]) -> None:
    for path in townships:
        rows = table(path, "人口底册")
        assert rows.columns[0] == "村居"
        assert rows["村居代码"].to_list() == rows["村居代码"].sort(nulls_last=True).to_list()
    with zipfile.ZipFile(townships[0]) as archive:
        content = archive.read(next(name for name in archive.namelist() if name.endswith(".xlsx")))
    sheet = openpyxl.load_workbook(io.BytesIO(content))["人口底册"]
    formulas = {rule.formula[0] for found in sheet.conditional_formatting for rule in found.rules}
    assert formulas == {"$A4<>$A3", "$A4=$A3"}
    assert sheet["A3"].value == "村居" and sheet.auto_filter.ref.startswith("A3:")


def report(*measures: Measure | Breakdown) -> SheetSpec:
    return SheetSpec(
        name="r", title="报表", heading="", notes=(), frozen_columns=0, protected=True, columns=(),
        sql="SELECT * FROM base_rows", measures=measures,
    )  # fmt: skip


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    made.execute("CREATE SCHEMA codes")
    made.execute("CREATE TABLE codes.division AS SELECT '370602001001' AS code, '甲社区' AS label")
    made.execute(
        "CREATE TABLE base_rows AS FROM (VALUES ('370602001', '370602001001', '1', 0.1), "
        "('370602001', '370602001001', '8', 0.2), ('370602001', NULL, NULL, 0.3)) "
        "t(unit_code, village_code, sex, amount)"
    )
    return made


def test_a_measure_that_nothing_feeds_is_left_out_and_the_notes_say_so(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    sheet = settled(
        report(Measure("all", "人数"), Measure("pension", "领取养老金", when="pension_amount > 0")),
        connection,
        CodeLibrary(),
        {},
    )
    assert [column.title for column in sheet.columns] == ["村居代码", "村居", "人数"]
    assert sheet.notes == ("本市尚未汇聚相应数据、暂未列出的项目：领取养老金。",)
    assert connection.execute(sheet.sql).fetchall() == [
        ("370602001", "合计", "全镇街", 3),
        ("370602001", "370602001001", "甲社区", 2),
        ("370602001", None, "未落到村居", 1),
    ]


def test_what_is_no_code_in_use_is_counted_as_unknown(connection: duckdb.DuckDBPyConnection) -> None:
    sheet = settled(report(Breakdown("sex", "sex", "性别")), connection, CodeLibrary(), {})
    titles = [column.title for column in sheet.columns][2:]
    total = dict(zip(titles, connection.execute(sheet.sql).fetchall()[0][3:], strict=True))
    assert total["性别：男"] == 1
    assert total["性别：不详"] == 2
    assert sum(total.values()) == 3


def test_a_sum_is_exact(connection: duckdb.DuckDBPyConnection) -> None:
    sheet = settled(report(Measure("amount", "金额", sum="amount")), connection, CodeLibrary(), {})
    # In binary floating point 0.1 + 0.2 + 0.3 is 0.6000000000000001.
    assert [row[3] for row in connection.execute(sheet.sql).fetchall()] == [0.6, 0.3, 0.3]


def test_a_column_without_a_source_is_left_out() -> None:
    register = sheet_standard("register")
    everything = {name for needed in register.needs.values() for name in needed}
    known = {"person": frozenset(name.partition(".")[2] for name in everything)}
    assert register.fed_by(known).columns == register.columns
    without = {"person": known["person"] - {"disability_type", "death_date"}}
    lost = {c.title for c in register.columns} - {c.title for c in register.fed_by(without).columns}
    # The disability is still shown by its grade.
    assert lost == {"死亡日期"}


def test_a_need_that_is_not_among_the_attributes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "odd.sql").write_text("SELECT 1")
    (tmp_path / "odd.yaml").write_text(
        "{title: t, heading: h, frozen_columns: 0, protected: true, "
        "columns: [{name: a, title: 甲, width: 9, needs: [person.pension]}]}",
        encoding="utf-8",
    )
    monkeypatch.setattr("returns.packages.sheet_spec.FOLDER", tmp_path)
    with pytest.raises(SheetError, match=r"odd\.yaml:1: needs \['person.pension'\]"):
        sheet_standard("odd")
