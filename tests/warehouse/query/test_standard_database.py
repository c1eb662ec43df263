"""The standard tables as a database: every dataset with its comments, written again only where something changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest

from schemas.contract.library import Library
from warehouse.engine.connection import Engine
from warehouse.home.encryption import NO_KEYS, Key, Keys, WrongKey, is_encrypted
from warehouse.home.folders import Home
from warehouse.home.integrity import standard_damage
from warehouse.home.rekey import rekey_warehouse
from warehouse.lake.layers import Layer
from warehouse.lake.store import Lake, Origin
from warehouse.publish.standard_database import make_standard, vouch_standard
from warehouse.publish.switch import open_database

DAY, NEXT = date(2026, 3, 2), date(2026, 3, 3)
DATASETS = ("police.population", "health.death", "civil_affairs.marriage")
KEYS = Keys(Key("A" * 43 + "="))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.lake.mkdir(parents=True)
    return made


def write(engine: Engine, home: Home, dataset: str, batch: date, name: str) -> None:
    """A partition with one column of the contract and one that all standard tables have."""
    column = {
        "police.population": "name",
        "health.death": "name",
        "civil_affairs.marriage": "certificate_no",
    }[dataset]
    with engine.connect() as connection:
        query = f"SELECT 'k' AS record_key, 1 AS _row, '{name}' AS {column}"
        Lake(home.lake).write(connection, Layer.STANDARD, dataset, batch, query, Origin({}))


@pytest.fixture
def make(engine: Engine, library: Library, home: Home) -> Callable[..., tuple[str, ...]]:
    def made(batch: date, keys: Keys = NO_KEYS) -> tuple[str, ...]:
        if not keys.all:
            with engine.connect() as connection:
                return make_standard(connection, home, Lake(home.lake), library, batch)
        with duckdb.connect() as connection:
            keys.prepare(connection)
            return make_standard(connection, home, Lake(home.lake, keys), library, batch, keys)

    return made


def rows(home: Home, table: str, keys: Keys = NO_KEYS) -> list[tuple[object, ...]]:
    with open_database(home.standard, keys) as database:
        return database.execute(f"FROM {table}").fetchall()


def test_every_dataset_has_its_table_with_comments(
    engine: Engine, home: Home, make: Callable[..., tuple[str, ...]]
) -> None:
    for dataset in DATASETS:
        write(engine, home, dataset, DAY, "甲")
    assert set(make(DAY)) == {"police_population", "health_death", "civil_affairs_marriage"}
    assert rows(home, "police_population") == [("k", 1, "甲")]
    with open_database(home.standard) as database:
        tables = dict(database.execute("SELECT table_name, comment FROM duckdb_tables()").fetchall())
        columns = database.execute(
            "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'police_population'"
        ).fetchall()
    assert tables["police_population"].startswith("户籍人口")
    assert dict(columns)["name"].startswith("姓名") and dict(columns)["record_key"].startswith("记录标识")
    assert list(standard_damage(home, NO_KEYS)) == []


def test_only_what_changed_is_written_again(
    engine: Engine, home: Home, make: Callable[..., tuple[str, ...]]
) -> None:
    for dataset in DATASETS:
        write(engine, home, dataset, DAY, "甲")
    make(DAY)
    before = hashlib.sha256(home.standard.read_bytes()).hexdigest()
    assert make(DAY) == () == make(NEXT)
    assert hashlib.sha256(home.standard.read_bytes()).hexdigest() == before
    write(engine, home, "health.death", NEXT, "乙")
    assert make(NEXT) == ("health_death",)
    assert rows(home, "health_death") == [("k", 1, "乙")]
    assert rows(home, "police_population") == [("k", 1, "甲")]
    assert sorted(path.name for path in home.root.iterdir()) == [
        "lake",
        "standard.accepted.json",
        "standard.duckdb",
    ]


def test_a_damaged_file_is_named_and_made_anew(
    engine: Engine, home: Home, make: Callable[..., tuple[str, ...]]
) -> None:
    write(engine, home, "health.death", DAY, "甲")
    make(DAY)
    home.standard.unlink()
    (gone,) = standard_damage(home, NO_KEYS)
    assert (gone.path, "缺失" in gone.problem) == (home.standard, True)
    home.standard.write_bytes(b"no database")
    (damage,) = standard_damage(home, NO_KEYS)
    assert damage.path == home.standard
    assert make(DAY) == ("health_death",)
    assert list(standard_damage(home, NO_KEYS)) == []


def test_with_a_key_it_is_encrypted_and_a_new_key_rewrites_it(
    engine: Engine, home: Home, make: Callable[..., tuple[str, ...]]
) -> None:
    write(engine, home, "health.death", DAY, "甲")
    make(DAY)
    assert not is_encrypted(home.standard)
    assert rekey_warehouse(home, KEYS) == 1
    vouch_standard(home)
    assert is_encrypted(home.standard) and rows(home, "health_death", KEYS) == [("k", 1, "甲")]
    with pytest.raises(WrongKey):
        rows(home, "health_death")
    assert list(standard_damage(home, KEYS)) == []
    assert make(DAY, KEYS) == ()
    home.standard.unlink()
    assert make(DAY, KEYS) == ("health_death",)
    assert is_encrypted(home.standard)
