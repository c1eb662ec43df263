"""Partitions that rest on earlier ones: what they hold, what is otherwise, which files stay."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.home.encryption import NO_KEYS, Key, Keys
from warehouse.home.integrity import lake_damage
from warehouse.home.rekey import rekey_lake
from warehouse.lake.partition import Partition
from warehouse.lake.store import Lake, Origin, damaged
from warehouse.lake.thresholds import DEFAULT, Thresholds

DAY = date(2026, 3, 2)

Table = Mapping[int, str]

TABLES = st.lists(
    st.dictionaries(st.integers(0, 30), st.sampled_from(["甲", "乙", "丙"]), max_size=20),
    min_size=2,
    max_size=6,
)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def values(table: Table) -> str:
    rows = ", ".join(f"({number}, '{text}')" for number, text in table.items()) or "(NULL, NULL)"
    typed = "CAST(id AS INTEGER) AS id, CAST(text AS VARCHAR) AS text"
    return f"(SELECT {typed} FROM (VALUES {rows}) AS t (id, text) WHERE id IS NOT NULL)"


def whole(connection: duckdb.DuckDBPyConnection, lake: Lake, day: date, table: Table) -> Partition:
    return lake.write(connection, "standard", "a.b", day, f"FROM {values(table)} ORDER BY id", Origin({}))


def patch(
    connection: duckdb.DuckDBPyConnection, lake: Lake, base: Partition, day: date, before: Table, now: Table
) -> Partition:
    otherwise = {number: text for number, text in now.items() if before.get(number) != text}
    gone = {number: "" for number in before if number not in now}
    query = (
        f"SELECT *, false AS _gone FROM {values(otherwise)} "
        f"UNION ALL BY NAME SELECT id, true AS _gone FROM {values(gone)} ORDER BY id"
    )
    return lake.patch(connection, base, day, query, "id", Origin({"day": day.isoformat()}))


def rows(connection: duckdb.DuckDBPyConnection, relation: str) -> list[tuple[int, str]]:
    return connection.execute(f"SELECT id, text FROM {relation} ORDER BY ALL").fetchall()


def lake_in(folder: Path, patches: int = 30, keys: Keys = NO_KEYS) -> Lake:
    """A lake that patches much; tables this small would be merged at once."""
    return Lake(folder, keys, Thresholds(changed_share=100.0, patches=patches))


@pytest.mark.parametrize("at_most", [0, 1, 2, 30])
@settings(max_examples=25, deadline=None)
@given(tables=TABLES)
def test_patches_upon_patches_hold_what_was_written(
    connection: duckdb.DuckDBPyConnection, at_most: int, tables: list[Table]
) -> None:
    with TemporaryDirectory() as folder:
        lake = lake_in(Path(folder), at_most)
        days = [DAY + timedelta(days=number) for number in range(len(tables))]
        made = [whole(connection, lake, DAY, tables[0])]
        for day, before, now in zip(days[1:], tables, tables[1:], strict=False):
            made.append(patch(connection, lake, made[-1], day, before, now))
        for day, table, was in zip(days, tables, made, strict=True):
            partition = lake.partition("standard", "a.b", day)
            assert partition == was
            assert rows(connection, partition.scan) == sorted(table.items())
            assert partition.rows == len(table)
            assert len(partition.parts) <= 1 + at_most
            assert list(damaged(partition)) == []
        written = [file for partition in made for file in partition.files]
        assert {path.name for path in Path(folder).rglob("*.parquet")} == {file.name for file in written}
        for number, (earlier, before) in enumerate(zip(made, tables, strict=True)):
            for later, now in zip(made, tables, strict=True):
                changes = later.changes(earlier)
                if changes is None:
                    # The past, or something before the last patch of what was merged in between.
                    assert later.batch < earlier.batch or any(p.merged for p in made[number + 1 :])
                    assert later not in made[number : number + 2]
                    continue
                lost, gained = dict(rows(connection, changes.lost)), dict(rows(connection, changes.gained))
                # A row that went to and fro may be named though it is as it was.
                assert {number: text for number, text in before.items() if number not in lost} == {
                    number: text for number, text in now.items() if number not in gained
                }
                assert lost.items() <= before.items()
                assert gained.items() <= now.items()
                assert changes.any or (before == now)


def test_what_was_merged_is_told_of_the_files_that_its_rows_came_in(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    lake, tables = lake_in(tmp_path, 1), [{1: "甲"}, {1: "乙"}, {1: "丙"}, {1: "丙", 2: "丁"}]
    days = [DAY + timedelta(days=number) for number in range(4)]
    made = [whole(connection, lake, DAY, tables[0])]
    for day, before, now in zip(days[1:], tables, tables[1:], strict=False):
        made.append(patch(connection, lake, made[-1], day, before, now))
    assert [len(partition.parts) for partition in made] == [1, 2, 1, 2]
    assert [sorted(partition.origins) for partition in made] == [
        [day.isoformat() for day in days[: number + 1]] for number in range(4)
    ]
    for earlier, later in pairwise(made):
        assert earlier.origins.items() <= later.origins.items()


def test_nothing_new_makes_no_file_and_keeps_the_fingerprint(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    lake, table = lake_in(tmp_path), {1: "甲", 2: "乙"}
    base = whole(connection, lake, DAY, table)
    again = patch(connection, lake, base, DAY + timedelta(days=1), table, table)
    assert [path.name for path in again.folder.iterdir()] == ["_manifest.json"]
    assert again.fingerprint == base.fingerprint
    assert again.inputs == {"day": "2026-03-03"}


def test_an_earlier_batch_made_anew_leaves_the_files_that_a_later_one_rests_on(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    lake, before, now = lake_in(tmp_path), {1: "甲", 2: "乙"}, {1: "甲", 3: "丙"}
    base = whole(connection, lake, DAY, before)
    later = patch(connection, lake, base, DAY + timedelta(days=1), before, now)
    anew = whole(connection, lake, DAY, {7: "丙"})
    assert rows(connection, later.scan) == sorted(now.items())
    assert later.changes(anew) is None
    # When nothing rests on them any more they go.
    whole(connection, lake, later.batch, now)
    whole(connection, lake, DAY, {7: "丙"})
    assert {path.name for path in base.folder.iterdir()} == {"_manifest.json", anew.parts[0].name}


def test_damage_of_a_file_is_named_once_with_the_batch_that_makes_it_again(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    lake, before, now = lake_in(tmp_path), {1: "甲", 2: "乙"}, {1: "甲", 3: "丙"}
    base = whole(connection, lake, DAY, before)
    patch(connection, lake, base, DAY + timedelta(days=1), before, now)
    file = base.path(base.parts[0])
    content = file.read_bytes()
    file.write_bytes(content + b"x")
    assert [(damage.path, damage.batch) for damage in lake_damage(lake)] == [(file, DAY)]
    # The earlier batch has other files by now: only the later one's turn can do without the damaged one.
    whole(connection, lake, DAY, {7: "丙"})
    assert [(damage.path, damage.batch) for damage in lake_damage(lake)] == [(file, DAY + timedelta(days=1))]


def test_damage_of_the_patch_beside_what_was_merged_is_named(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    lake, before, now = lake_in(tmp_path, 0), {1: "甲", 2: "乙"}, {1: "甲", 3: "丙"}
    base = whole(connection, lake, DAY, before)
    later = patch(connection, lake, base, DAY + timedelta(days=1), before, now)
    assert later.merged is not None
    file = later.path(later.merged.last)
    file.unlink()
    assert [(damage.path, damage.batch) for damage in lake_damage(lake)] == [(file, later.batch)]


@pytest.mark.parametrize("at_most", [0, 30])
def test_another_key_reaches_every_file_and_leaves_none_in_the_open(tmp_path: Path, at_most: int) -> None:
    key = Key(base64.b64encode(bytes(range(32))).decode())
    plain, sealed = lake_in(tmp_path / "lake", at_most), lake_in(tmp_path / "lake", at_most, Keys(key))
    before, now = {1: "甲", 2: "乙"}, {1: "甲", 3: "丙"}
    with duckdb.connect() as connection:
        sealed.keys.prepare(connection)
        base = whole(connection, plain, DAY, before)
        later = patch(connection, plain, base, DAY + timedelta(days=1), before, now)
        assert rekey_lake(connection, sealed) == 2
        found = sealed.partition("standard", "a.b", later.batch)
        assert found is not None
        assert rows(connection, found.scan) == sorted(now.items())
        assert found.fingerprint == later.fingerprint
        changes = found.changes(sealed.partition("standard", "a.b", DAY) or base)
        assert changes is not None
        assert rows(connection, changes.gained) == [(3, "丙")]
    for file in (tmp_path / "lake").rglob("*.parquet"):
        assert file.read_bytes()[:4] == b"PARE"


def test_a_table_is_patched_while_little_of_it_is_otherwise_and_merged_when_patches_say_so_of_much(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    table = dict.fromkeys(range(100), "甲")
    base = whole(connection, Lake(tmp_path), DAY, table)
    assert DEFAULT.allow_patch(base.rows, 20)
    assert not DEFAULT.allow_patch(base.rows, 21)
    made = [base]
    # Five new rows in the place of five others each day: ten of a hundred.
    for number in range(1, 6):
        now = {**table, **dict.fromkeys(range(5 * number), "乙")}
        day = DAY + timedelta(days=number)
        made.append(patch(connection, Lake(tmp_path), made[-1], day, table, now))
        table = now
    assert [len(partition.parts) for partition in made] == [1, 2, 3, 1, 2, 3]
    assert rows(connection, made[-1].scan) == sorted(table.items())
