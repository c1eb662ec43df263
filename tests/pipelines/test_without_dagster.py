"""What Dagster runs is what the plain functions make: the same bytes of the same extracts and answers, without it.

The demonstration ran in a process of its own with two threads, its steps side by side; here is one after the other.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from assets.platform import CHINA, Platform
from pipelines.intake import take_in_all
from schemas.contract.selection import select
from warehouse.home.encryption import NO_KEYS


def test_the_same_extracts_and_answers_give_the_same_bytes_without_dagster(
    demonstration: Any,
    install: Callable[[Path], Platform],
    walk_in: Callable[[Path, Path], Any],
    days: Any,
    digests: Callable[[Path], dict[str, str]],
    tmp_path: Path,
) -> None:
    home, samples = tmp_path / "another place", demonstration.home / "sample"
    shutil.copytree(demonstration.home / "inbox", home / "inbox")
    platform = install(home)
    # The key that the demonstration made for itself.
    shutil.copy(demonstration.home / "signing.key", home)
    platform = replace(platform, library=select(platform.library, demonstration.datasets), signing=NO_KEYS)
    walk = replace(walk_in(home, samples), platform=platform)
    for day in days[:2]:
        walk.turn(day)
        answered = sorted((samples / day.isoformat() / "answered").glob("*.xlsx"))
        at = datetime(day.year, day.month, day.day, 17, tzinfo=CHINA)
        assert all(not intake.message for intake in take_in_all(platform, answered, "officer", at))
    assert digests(home) == digests(demonstration.home)
