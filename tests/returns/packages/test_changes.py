"""What changed since the last package: who came, left, moved, died, what became of an attribute; and of tickets."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from assets.platform import Platform
from quality.published import TICKETS
from returns.packages.build import build_packages, read_index
from warehouse.lake.store import Origin

FIRST, NEXT = date(2026, 3, 2), date(2026, 3, 3)


@dataclass(frozen=True)
class People:
    """Who is made to change, all of one township but the one who comes from another."""

    unit: str
    other_unit: str
    other_village: str
    gone: str
    moving: str
    dying: str
    calling: str


def package_of(platform: Platform, unit: str, day: date = NEXT) -> Path:
    folder = platform.home.returns(day)
    index = read_index(folder)
    assert index is not None
    return folder / next(package.file for package in index.packages if package.unit_code == unit)


def table(path: Path, title: str) -> pl.DataFrame:
    with zipfile.ZipFile(path) as archive:
        return pl.read_csv(archive.read(f"{title}.csv"), infer_schema=False)


@pytest.fixture(scope="module")
def platform(
    city_after_one_turn: Any, install: Callable[[Path], Platform], tmp_path_factory: pytest.TempPathFactory
) -> Platform:
    home = tmp_path_factory.mktemp("changes") / "home"
    shutil.copytree(city_after_one_turn.platform.home.root, home)
    return install(home)


@pytest.fixture(scope="module")
def people(platform: Platform) -> People:
    """The next batch: five things happen to persons, every third ticket is closed, one that was closed comes back."""
    person = platform.lake.as_of("governance", "person", FIRST)
    ticket = platform.lake.partition(*TICKETS, FIRST)
    assert person is not None and ticket is not None
    known = duckdb.sql(f"FROM {person.scan} ORDER BY resident_id").pl()
    units = known.filter(pl.col("death_date").is_null() & pl.col("village_code").is_not_null())
    unit, other = units["township_code"].unique().sort()[:2]
    here = units.filter(pl.col("township_code") == unit)["resident_id"]
    village = units.filter(pl.col("township_code") == other)["village_code"][0]
    made = People(unit, other, village, *here[:4])
    with platform.engine.connect() as connection:
        connection.execute(f"CREATE TEMP TABLE now AS FROM {person.scan} WHERE resident_id <> '{made.gone}'")
        for who, what in (
            (made.moving, f"village_code = '{village}', township_code = '{other}'"),
            (made.dying, "death_date = DATE '2026-02-27'"),
            (made.calling, "phone = '13900000000', sex = '9'"),
        ):
            connection.execute(
                f"UPDATE now SET {what}, valid_from = DATE '2026-03-03' WHERE resident_id = '{who}'"
            )
        connection.execute(
            "INSERT INTO now SELECT * REPLACE ('37060220260301001X' AS resident_id, DATE '2026-03-03' AS valid_from) "
            f"FROM now WHERE resident_id = '{made.calling}'"
        )
        rows = "SELECT * FROM now ORDER BY resident_id"
        platform.lake.write(connection, "governance", "person", NEXT, rows, Origin({}))
        later = (
            "SELECT * REPLACE (CASE WHEN n % 3 = 0 THEN 'closed' ELSE 'returned' END AS state) FROM "
            f"(SELECT *, row_number() OVER (ORDER BY ticket_id) AS n FROM {ticket.scan})"
        )
        connection.execute(f"CREATE TEMP TABLE later AS SELECT * EXCLUDE (n) FROM ({later})")
        platform.lake.write(connection, *TICKETS, NEXT, "FROM later ORDER BY ticket_id", Origin({}))
        with platform.open_batch(NEXT) as opened:
            build_packages(opened, platform.home, platform.signing_keys())
    return made


def changes(platform: Platform, unit: str) -> dict[str, list[tuple[Any, ...]]]:
    """Kind of change → who, what, before, after."""
    rows = table(package_of(platform, unit), "变动清单")
    found: dict[str, list[tuple[Any, ...]]] = {}
    for what, *rest in rows.select("变动", "证件或编号", "变更项", "变更前", "变更后").rows():
        found.setdefault(what, []).append(tuple(rest))
    return found


def label(platform: Platform, code: str) -> str:
    rows = platform.codes.load("division").rows
    found: str = rows.filter(pl.col("code") == code)["label"].item()
    return found


def test_a_township_is_told_who_came_left_died_and_what_changed(platform: Platform, people: People) -> None:
    told = changes(platform, people.unit)
    assert told["新增"] == [("37060220260301001X", None, None, None)]
    assert told["减少"] == [(people.gone, None, None, None)]
    assert told["死亡"] == [(people.dying, "死亡日期", None, "2026-02-27")]
    assert [row[:2] for row in told["变更"]] == [(people.calling, "联系电话"), (people.calling, "性别")]
    assert told["变更"][0][3] == "13900000000"
    assert told["变更"][1][2:] in {("男", "未说明的性别"), ("女", "未说明的性别")}
    assert sum(map(len, told.values())) == 6


def test_who_moves_is_told_to_both_townships(platform: Platform, people: People) -> None:
    (left,) = changes(platform, people.unit)["迁出"]
    (came,) = changes(platform, people.other_unit)["迁入"]
    assert left[0] == came[0] == people.moving
    assert left[3] == label(platform, people.other_unit)
    assert came[2:] == (label(platform, people.unit), label(platform, people.other_village))
    assert set(changes(platform, people.other_unit)) == {"迁入"}


def test_each_change_names_its_source_and_its_batch(platform: Platform, people: People) -> None:
    rows = table(package_of(platform, people.unit), "变动清单")
    assert set(rows["变动批次"]) == {"2026-03-03"}
    phone = rows.filter(pl.col("变更项") == "联系电话")
    assert phone["来源"].item() == "公安局《户籍人口》"


def test_the_first_package_has_no_changes(platform: Platform, people: People) -> None:
    assert table(package_of(platform, people.unit, FIRST), "变动清单").height == 0


def test_a_department_is_told_what_moved_rule_by_rule(platform: Platform, people: People) -> None:
    numbers = ["上批次未办结", "本批次新增", "重新出现", "本批次办结", "目前未办结"]
    before, now = (platform.lake.partition(*TICKETS, day) for day in (FIRST, NEXT))
    assert before is not None and now is not None
    unfinished = [
        dict(
            duckdb.sql(
                f"SELECT department, count(*) FILTER (WHERE state <> 'closed') FROM {partition.scan} GROUP BY 1"
            ).fetchall()
        )
        for partition in (before, now)
    ]
    for department in unfinished[0]:
        rows = table(package_of(platform, department), "质量概况").with_columns(
            pl.col(numbers).cast(pl.Int64)
        )
        was, new, again, closed, left = (rows[name] for name in numbers)
        assert (was + new + again - closed == left).all()
        whole = rows.row(0, named=True)
        assert (whole["数据集"], whole["字段"]) == ("全部数据集", "合计")
        assert [whole["上批次未办结"], whole["目前未办结"]] == [found[department] for found in unfinished]
        rules = rows.filter(pl.col("字段") != "合计")
        assert rules.select(numbers).sum().row(0) == rows.select(numbers).row(0)


def test_in_the_first_batch_everything_is_new(platform: Platform, people: People) -> None:
    whole = table(package_of(platform, "police", FIRST), "质量概况").row(0, named=True)
    assert whole["上批次未办结"] == whole["本批次办结"] == whole["重新出现"] == "0"
    assert whole["本批次新增"] == whole["目前未办结"]
