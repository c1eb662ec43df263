"""Asset checks: each says yes to what is sound, and no to what it is there for."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.checks import AssetCheck, extract_checks, standard_checks, ticket_checks, warnings_of
from assets.common import check_results
from assets.platform import Platform
from assets.publication import check_batch
from quality.published import TICKETS as TICKET_TABLE
from schemas.contract.library import load_library
from warehouse.collect.intake import reception
from warehouse.home.files import replace_json
from warehouse.lake.store import Origin

BATCH, NEXT = date(2026, 3, 2), date(2026, 3, 3)
POPULATION = "police.population"


@pytest.fixture
def platform(city_after_one_turn: Any, install: Callable[[Path], Platform], tmp_path: Path) -> Platform:
    shutil.copytree(city_after_one_turn.platform.home.root, tmp_path / "home")
    return install(tmp_path / "home")


def ask(platform: Platform, checks: list[AssetCheck], name: str) -> dg.AssetCheckResult:
    """The outcome of one check for the newest batch."""
    batch = platform.lake.batches(*TICKET_TABLE)[-1]
    (result,) = check_results([check for check in checks if check.name == name], platform, batch)
    return result


def write(platform: Platform, layer: str, table: str, day: date, query: str) -> None:
    partition = platform.lake.as_of(layer, table, day)
    assert partition is not None
    with platform.engine.connect() as connection:
        platform.lake.write(connection, layer, table, day, query.format(partition.scan), Origin({}))


CONTRACT = load_library()[POPULATION]
EXTRACT, STANDARD, TICKETS = extract_checks(CONTRACT), standard_checks(CONTRACT), ticket_checks()


@pytest.mark.parametrize(
    ("checks", "name"),
    [
        (EXTRACT, "readable"),
        (EXTRACT, "whole_file"),
        (STANDARD, "structure"),
        (STANDARD, "complete"),
        (TICKETS, "identity"),
    ],
)
def test_a_sound_batch_passes(platform: Platform, checks: list[AssetCheck], name: str) -> None:
    assert ask(platform, checks, name).passed


def test_a_file_that_could_not_be_read_shows(platform: Platform) -> None:
    (receipt,) = (r for r in reception.receipts(platform.home.inbox, BATCH) if r.dataset == POPULATION)
    replace_json(receipt.path.parent / reception.REFUSAL, {"message": "文件已损坏"})
    result = ask(platform, EXTRACT, "readable")
    assert not result.passed
    assert result.metadata["未采用的文件"].value == receipt.file


@pytest.mark.parametrize(("unusual", "passed"), [([], True), (["有 5 行，比目前使用的 10 行少 50%"], False)])
def test_a_file_that_was_confirmed_although_it_looks_wrong_shows(
    platform: Platform, unusual: list[str], passed: bool
) -> None:
    before = platform.lake.as_of("extract", POPULATION, BATCH)
    assert before is not None
    with platform.engine.connect() as connection:
        platform.lake.write(
            connection,
            before.layer,
            POPULATION,
            NEXT,
            f"FROM {before.scan}",
            Origin({}, {"unusual": unusual}),
        )
    write(platform, *TICKET_TABLE, NEXT, "FROM {}")
    result = ask(platform, EXTRACT, "whole_file")
    assert result.passed is passed
    assert result.metadata["异常"].value == "；".join(unusual)


def test_a_file_that_is_held_is_the_first_warning(platform: Platform) -> None:
    receipt = next(r for r in reception.receipts(platform.home.inbox, BATCH) if r.dataset == POPULATION)
    held = {"problem": "缺少 1 个镇街", "checks": ["place_lost"], "contract": ""}
    replace_json(receipt.path.parent / reception.REFUSAL, {"message": "整份文件看起来不对", "held": held})
    assert warnings_of(platform, BATCH)[0] == "公安局《户籍人口》：整份文件看起来不对"


def test_a_lost_row_shows(platform: Platform) -> None:
    write(platform, "standard", POPULATION, BATCH, "FROM {} OFFSET 1")
    result = ask(platform, STANDARD, "complete")
    assert not result.passed
    assert result.metadata["标准表行数"].value == result.metadata["交付行数"].value - 1


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
    assert "birth_date" in str(result.metadata["不符之处"].value)


def test_a_ticket_with_two_rows_shows(platform: Platform) -> None:
    write(platform, *TICKET_TABLE, BATCH, "FROM {0} UNION ALL (FROM {0} LIMIT 1)")
    assert not ask(platform, TICKETS, "identity").passed


def test_a_gate_started_by_itself_looks_at_the_newest_batch_if_there_is_one(
    platform: Platform, install: Callable[[Path], Platform], tmp_path: Path
) -> None:
    context = dg.build_asset_check_context()
    assert check_batch(context, platform) == BATCH
    with pytest.raises(dg.Failure, match="no batch yet"):
        check_batch(context, install(tmp_path / "empty"))
