"""A row has a new version when the world has changed, not when a file is called otherwise or its rows stand elsewhere.

Batch, row numbers, file names, extract ids and ranks are bookkeeping: a governance table that held one of them would
have a new version of every row, every day.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from assets.platform import Platform
from sample_city.generate import generate
from warehouse.governance.history import ended
from warehouse.lake.layers import Layer
from warehouse.lake.thresholds import Thresholds

DAYS = (date(2026, 3, 2), date(2026, 3, 3))


def shuffled(file: Path, target: Path) -> None:
    """The same file with its rows in another order, if it is of rows on lines."""
    if file.suffix != ".csv":
        shutil.copy(file, target)
        return
    head, *rows = file.read_bytes().splitlines(keepends=True)
    random.Random(file.name).shuffle(rows)
    target.write_bytes(b"".join([head, *rows]))


@pytest.fixture(scope="module")
def walk(walk_in: Callable[[Path, Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A city without errors, delivered on two days: the second time in other files with other names.

    Everything is made anew: what is amended would not be looked at again.
    """
    folder = tmp_path_factory.mktemp("versions")
    first, second = (folder / "sample" / day.isoformat() for day in DAYS)
    generate(first, 600, 1, DAYS[0], clean=True)
    second.mkdir()
    for file in first.iterdir():
        if file.is_file():
            shuffled(file, second / file.name.replace("20260302", "20260303"))
    walk = walk_in(folder / "home", folder / "sample")
    anew = Thresholds(affected_share=-1, changed_share=-1)
    walk = replace(walk, platform=replace(walk.platform, thresholds=anew))
    for day in DAYS:
        walk.deliver(day)
        walk.turn(day)
    return walk


def test_the_same_rows_in_other_files_make_no_new_version_of_any_row(walk: Any) -> None:
    platform: Platform = walk.platform
    lake, tables = platform.lake, [path.name for path in (platform.home.lake / "governance").iterdir()]
    assert {"person", "household", "dwelling", "enterprise"} <= set(tables)
    with platform.engine.connect() as connection:
        for table in tables:
            now = lake.as_of(Layer.GOVERNANCE, table, DAYS[1])
            assert now is not None and now.rows
            since = connection.execute(f"SELECT DISTINCT valid_from FROM {now.scan}").fetchall()
            assert since == [(DAYS[0],)], table
            assert [version.rows for version in ended(lake, table, DAYS[1])] in ([], [0]), table
    person = lake.partition(Layer.GOVERNANCE, "person", DAYS[1])
    assert person is not None and person.batch == DAYS[1], "it is made again"
