"""The assets of the returns: what they follow from, and what they say of themselves."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.packages import packages_asset
from assets.platform import Platform
from assets.summary import summary_asset
from assets.tasks import PACKAGES, SUMMARY, Key, Task, tasks_of
from warehouse.governance.derive import derived


@pytest.fixture
def platform(city_after_one_turn: Any, install: Callable[[Path], Platform], tmp_path: Path) -> Platform:
    shutil.copytree(city_after_one_turn.platform.home.root, tmp_path / "home")
    return install(tmp_path / "home")


def task_of(platform: Platform, key: Key) -> Task:
    return next(task for task in tasks_of(platform) if task.key == key)


def test_packages_follow_from_every_governance_table(platform: Platform) -> None:
    asset = packages_asset(task_of(platform, PACKAGES))
    names = {entity.name for entity in platform.library.fed_entities} | set(derived(platform.library))
    tables = {
        key.path[1] for key in asset.asset_deps[dg.AssetKey(list(PACKAGES))] if key.path[0] == "governance"
    }
    assert tables == names


def test_the_summary_comes_after_the_packages_and_is_written(platform: Platform) -> None:
    asset = summary_asset(task_of(platform, SUMMARY))
    assert asset.asset_deps[dg.AssetKey(list(SUMMARY))] == {dg.AssetKey(list(PACKAGES))}
    context = dg.build_asset_context(partition_key="2026-03-02")
    result = asset(context, platform=platform)
    assert isinstance(result, dg.MaterializeResult)
    assert result.metadata is not None
    page = result.metadata["page"]
    assert isinstance(page, dg.PathMetadataValue)
    assert page.path is not None and Path(page.path).read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
