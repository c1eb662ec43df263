"""A city in which nothing was planted: all departments agree, so nothing may be called an error."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from quality.published import findings_of
from sample_city.generate import generate

FIRST, LATER = date(2026, 3, 2), date(2026, 6, 1)


@pytest.mark.parametrize("day", [FIRST, LATER])
def test_a_clean_city_has_no_findings_of_severity_error(
    walk_in: Callable[[Path, Path], Any], tmp_path: Path, day: date
) -> None:
    walk = walk_in(tmp_path / "home", tmp_path / "sample")
    made = generate(tmp_path / "sample" / day.isoformat(), 2_000, 5, day, clean=True)
    assert made.errors == {}
    walk.deliver(day)
    walk.turn(day)
    platform = walk.platform
    found = duckdb.sql(findings_of(platform.lake, platform.library, day))
    errors = found.filter("severity = 'error'").aggregate("dataset, rule, field, count(*)").fetchall()
    assert errors == []
