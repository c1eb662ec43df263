"""Asset checks: each says yes to what is sound, and no to what it is there for."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.checks import all_checks
from assets.common import key_of
from assets.findings import TICKETS
from assets.platform import Platform
from quality.published import TICKETS as TICKET_TABLE
from warehouse.collect import desk
from warehouse.lake import replace_json

BATCH, NEXT = date(2026, 3, 2), date(2026, 3, 3)
POPULATION = "police.population"


@pytest.fixture
def platform(city_after_one_turn: Any, install: Callable[[Path], Platform], tmp_path: Path) -> Platform:
    shutil.copytree(city_after_one_turn.platform.home.root, tmp_path / "home")
    return install(tmp_path / "home")


def ask(platform: Platform, asset: dg.AssetKey, name: str) -> dg.AssetCheckResult:
    """The outcome of a check that a person starts by itself: it looks at the newest batch."""
    (check,) = (
        check for check in all_checks(platform.library) if check.check_key == dg.AssetCheckKey(asset, name)
    )
    result = check(dg.build_asset_check_context(), platform=platform)
    assert isinstance(result, dg.AssetCheckResult)
    return result


def write(platform: Platform, layer: str, table: str, day: date, query: str) -> None:
    partition = platform.lake.as_of(layer, table, day)
    assert partition is not None
    with platform.engine.connect() as connection:
        platform.lake.write(connection, layer, table, day, query.format(partition.scan), inputs={})


EXTRACT, STANDARD = key_of("extract", POPULATION), key_of("standard", POPULATION)


@pytest.mark.parametrize(
    ("asset", "name"),
    [
        (EXTRACT, "readable"),
        (EXTRACT, "volume"),
        (STANDARD, "structure"),
        (STANDARD, "complete"),
        (TICKETS, "identity"),
    ],
)
def test_a_sound_batch_passes(platform: Platform, asset: dg.AssetKey, name: str) -> None:
    assert ask(platform, asset, name).passed


def test_a_file_that_could_not_be_read_shows(platform: Platform) -> None:
    (receipt,) = (r for r in desk.receipts(platform.home.inbox, BATCH) if r.dataset == POPULATION)
    replace_json(receipt.path.parent / desk.REFUSAL, {"message": "文件已损坏"})
    result = ask(platform, EXTRACT, "readable")
    assert not result.passed
    assert result.metadata["refused"].value == receipt.file


@pytest.mark.parametrize(("kept", "passed"), [(2, True), (3, False)])
def test_half_of_the_rows_is_enough_and_less_is_not(platform: Platform, kept: int, passed: bool) -> None:
    before = platform.lake.as_of("extract", POPULATION, BATCH)
    assert before is not None
    limit = -(-before.rows // 2) if passed else before.rows // 2 - 1
    write(platform, "extract", POPULATION, NEXT, f"FROM {{}} LIMIT {limit}")
    write(platform, *TICKET_TABLE, NEXT, "FROM {}")
    assert ask(platform, EXTRACT, "volume").passed is passed


def test_a_lost_row_shows(platform: Platform) -> None:
    write(platform, "standard", POPULATION, BATCH, "FROM {} OFFSET 1")
    result = ask(platform, STANDARD, "complete")
    assert not result.passed
    assert result.metadata["standard_rows"].value == result.metadata["extract_rows"].value - 1


def test_a_column_of_another_type_shows(platform: Platform) -> None:
    write(
        platform,
        "standard",
        POPULATION,
        BATCH,
        "SELECT * REPLACE (CAST(birth_date AS VARCHAR) AS birth_date) FROM {}",
    )
    result = ask(platform, STANDARD, "structure")
    assert not result.passed
    assert "birth_date" in str(result.metadata["failures"].value)


def test_a_ticket_with_two_rows_shows(platform: Platform) -> None:
    write(platform, *TICKET_TABLE, BATCH, "FROM {0} UNION ALL (FROM {0} LIMIT 1)")
    assert not ask(platform, TICKETS, "identity").passed


def test_before_the_first_turn_there_is_nothing_to_check(
    install: Callable[[Path], Platform], tmp_path: Path
) -> None:
    with pytest.raises(dg.Failure, match="no batch yet"):
        ask(install(tmp_path / "empty"), TICKETS, "identity")
