"""The demonstration ends with the rows of `demo_digests.txt`, whether its tables are amended or made anew.

A change of what the platform makes of the same deliveries shows in review, as a change of that file. It holds no
fingerprints and no texts for people to read. To write it anew, after a look at which rows have changed and why:
`python -m pytest tests/slow/test_demo_digests.py --snapshot-update`.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines.demonstration import AMENDED, FIRST_BATCH, SECOND_BATCH, Demonstration
from pipelines.platform import build_platform
from pipelines.run.instance import dagster_instance
from pipelines.run.turn import run_turn
from pipelines.settings import read_settings
from returns.packages.build import read_index
from schemas.emit.sql import quote
from warehouse.home.folders import Home
from warehouse.lake.thresholds import Thresholds

SNAPSHOT = Path(__file__).with_name("demo_digests.txt")
RESIDENTS, SEED = 2_000, 1
FINGERPRINTS = {"fingerprint", "contract_sha256", "sha256", "hash", "finding_id", "extract_id"}
TEXTS = {"description", "evidence", "violates"}
TEXTS_IN_PACKAGES = ("问题", "依据")
WAYS = {
    "amended": AMENDED,
    "anew": Thresholds(affected_share=-1, changed_share=-1),
}


@pytest.fixture(scope="module", params=WAYS)
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home after the demonstration."""
    settings = read_settings({}, tmp_path_factory.mktemp(request.param))
    platform = replace(build_platform(settings), thresholds=WAYS[request.param])
    city = Demonstration(platform, RESIDENTS, SEED)
    for day in (FIRST_BATCH, SECOND_BATCH):
        city.deliver(day)
        assert run_turn(platform, day, dagster_instance(platform.home), print).done
        if day == FIRST_BATCH:
            city.answer(day)
    return platform.home


def digest(rows: list[str]) -> str:
    return hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()[:16]


def published_rows(database: Path) -> Iterator[str]:
    """A line for each published table: its name, its rows, their digest."""
    with duckdb.connect(str(database), read_only=True) as connection:
        tables = connection.execute(
            "SELECT schema_name || '.' || table_name, list(column_name ORDER BY column_index) "
            "FROM duckdb_columns() WHERE NOT internal GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        for table, columns in tables:
            told = ", ".join(quote(name) for name in columns if name not in FINGERPRINTS | TEXTS)
            rows = connection.execute(f"SELECT CAST(row({told}) AS VARCHAR) FROM {table}").fetchall()
            yield f"{table}  {len(rows)}  {digest([row for (row,) in rows])}"


def packaged_rows(folder: Path) -> Iterator[str]:
    """A line for each kind of sheet: its title, the rows of all packages, their digest."""
    rows: dict[str, list[str]] = defaultdict(list)
    index = read_index(folder)
    assert index is not None
    for package in index.packages:
        with zipfile.ZipFile(folder / package.file) as archive:
            for member in archive.namelist():
                if member.endswith(".csv"):
                    told = pl.read_csv(archive.read(member), infer_schema=False)
                    cells = told.drop(TEXTS_IN_PACKAGES, strict=False)
                    rows[member] += [f"{package.file} {row}" for row in cells.iter_rows()]
                    rows[member].append(f"{package.file} {cells.columns}")
    for title, told in sorted(rows.items()):
        yield f"{folder.name} {title.removesuffix('.csv')}  {len(told)}  {digest(told)}"


def test_the_demonstration_ends_with_the_rows_of_the_snapshot(
    home: Home, request: pytest.FixtureRequest
) -> None:
    lines = [*published_rows(home.warehouse)]
    for day in (FIRST_BATCH, SECOND_BATCH):
        lines += packaged_rows(home.returns(day))
    now = "\n".join(lines) + "\n"
    if request.config.getoption("--snapshot-update"):
        SNAPSHOT.write_text(now, encoding="utf-8")
    assert now == SNAPSHOT.read_text(encoding="utf-8")
