"""The same extracts and answers give the same bytes in another home: in another process, without Dagster.

The demonstration ran with two threads, its steps side by side; here is one after the other, with one.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from assets.platform import CHINA, Platform
from pipelines.intake import take_in_all
from schemas.selection import select


def digests(home: Path) -> dict[str, str]:
    return {
        path.relative_to(home).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for part in ("lake", "returns")
        for path in sorted((home / part).rglob("*"))
        if path.is_file() and path.name != "summary.html"
    }


def test_the_same_extracts_and_answers_give_the_same_bytes_without_dagster(
    demonstration: Any,
    install: Callable[[Path], Platform],
    walk_in: Callable[[Path, Path], Any],
    days: Any,
    tmp_path: Path,
) -> None:
    home, samples = tmp_path / "another place", demonstration.home / "sample"
    shutil.copytree(demonstration.home / "inbox", home / "inbox")
    platform = install(home)
    platform = replace(platform, library=select(platform.library, demonstration.datasets))
    walk = replace(walk_in(home, samples), platform=platform)
    for day in days[:2]:
        walk.turn(day)
        answered = sorted((samples / day.isoformat() / "answered").glob("*.xlsx"))
        at = datetime(day.year, day.month, day.day, 17, tzinfo=CHINA)
        assert all(not intake.message for intake in take_in_all(platform, answered, at))
    assert digests(home) == digests(demonstration.home)
