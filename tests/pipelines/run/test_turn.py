"""A turn through Dagster: what it tells, and that a refused candidate is never switched in."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from assets.platform import CHINA, Platform
from pipelines.definitions import build_definitions
from pipelines.run.turn import run_turn
from returns.packages.build import read_index
from schemas.contract.selection import select
from warehouse.collect.intake import reception

SECOND, THIRD = date(2026, 3, 3), date(2026, 3, 4)


@pytest.fixture
def platform(demonstration: Any, install: Callable[[Path], Platform], tmp_path: Path) -> Platform:
    """A copy of the demonstration's installation."""
    shutil.copytree(
        demonstration.home, tmp_path / "home", ignore=shutil.ignore_patterns("spill", "dagster", "sample")
    )
    every = install(tmp_path / "home")
    return replace(every, library=select(every.library, demonstration.datasets))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def judged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, passed: bool) -> list[str]:
    """Put a gate in the place of Great Expectations that says one thing; returns what it was asked."""
    asked: list[str] = []

    def accept(candidate: Path, docs: Path, *, previous: Path | None, name: str, **how: object) -> Any:
        asked.append(name)
        return SimpleNamespace(passed=passed, checks=1, failed=(), report=tmp_path / "index.html")

    monkeypatch.setitem(
        sys.modules, "quality.acceptance.gate", SimpleNamespace(accept=accept, Opening=lambda *_: None)
    )
    return asked


def test_a_turn_that_finds_everything_done_says_so_and_judges_nothing(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = judged(monkeypatch, tmp_path, passed=False)
    lines: list[str] = []
    done = run_turn(platform, SECOND, dg.DagsterInstance.ephemeral(), lines.append)
    assert (done.done, done.failed, done.warnings, done.refused) == (True, (), (), 0)
    assert asked == []
    assets = build_definitions(platform).resolve_asset_graph().get_all_asset_keys()
    told = {line.partition("  ")[0] for line in lines}
    assert told == {key.to_user_string() for key in assets}
    assert len(lines) == len(assets)


def test_a_candidate_that_is_refused_is_not_published_and_no_package_follows(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = judged(monkeypatch, tmp_path, passed=False)
    before = digest(platform.home.warehouse)
    done = run_turn(platform, THIRD, dg.DagsterInstance.ephemeral(), lambda _: None)
    assert asked == ["2026-03-04"]
    assert not done.done
    assert done.warnings == ("候选库未通过验收，已发布的治理库保持不变",)
    assert digest(platform.home.warehouse) == before
    assert not platform.home.returns(THIRD).exists()


def test_a_turn_that_is_stopped_publishes_nothing_and_the_next_its_accepted_candidate(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = judged(monkeypatch, tmp_path, passed=True)
    before = digest(platform.home.warehouse)
    signals = [signal.SIGINT]

    def stop(_: str) -> None:
        if signals:
            os.kill(os.getpid(), signals.pop())

    stopped = run_turn(platform, THIRD, dg.DagsterInstance.ephemeral(), stop)
    assert (stopped.stopped, stopped.done, stopped.failed, asked) == (True, False, (), [])
    assert digest(platform.home.warehouse) == before
    done = run_turn(platform, THIRD, dg.DagsterInstance.ephemeral(), lambda _: None)
    assert done.done
    assert digest(platform.home.warehouse) != before
    assert digest(platform.home.previous_warehouse) == before
    assert platform.home.returns(THIRD).exists()


@pytest.mark.parametrize("day", [date(1990, 1, 1), date(2015, 6, 30), date(2099, 12, 31)])
def test_a_batch_of_long_ago_or_of_a_far_day_is_run_to_its_end(
    day: date,
    demonstration: Any,
    install: Callable[[Path], Platform],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    asked = judged(monkeypatch, tmp_path, passed=True)
    every = install(tmp_path / "home")
    old = replace(every, library=select(every.library, ("police.cancellation", "health.death")))
    files = [
        p for p in (demonstration.home / "sample" / "2026-03-02").iterdir() if p.name[:2] in ("户口", "死亡")
    ]
    received = reception.deliver(old.home, old.library, files, day, datetime(2026, 3, 2, 8, tzinfo=CHINA))
    assert {receipt.status for receipt in received} == {"received"}
    done = run_turn(old, day, dg.DagsterInstance.ephemeral(), lambda _: None)
    assert (done.done, done.failed) == (True, ())
    assert asked == [day.isoformat()]
    assert old.lake.batches("standard", "health.death") == [day]
    assert read_index(old.home.returns(day)) is not None
