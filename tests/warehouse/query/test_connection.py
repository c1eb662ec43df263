"""Which files a query reads: those that were accepted, whatever lies under their names by then."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.query.conftest import published
from warehouse.home.encryption import Key, Keys, WrongKey
from warehouse.home.files import replace_json, sha256_of
from warehouse.home.folders import Home
from warehouse.publish.accepted import accepted
from warehouse.query.connection import Asked, NotVerified, open_for_queries
from warehouse.query.verified import SETTLED, is_accepted, open_file

LATER = 2**62
"""Long after every file was changed."""

ONE, TWO = (Key(text * 43 + "=") for text in ("A", "B"))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return published(tmp_path / "home")


def persons(home: Home, *, spilling: bool = False) -> int:
    with open_for_queries(Asked(home), spilling=spilling) as connection:
        row = connection.execute("SELECT count(*) FROM governance.person").fetchone()
    assert row is not None
    return int(row[0])


def forged(home: Home) -> Path:
    """Another database of the same size."""
    path = home.root / "forged.duckdb"
    with duckdb.connect(str(path)) as database:
        database.execute("CREATE SCHEMA governance; CREATE TABLE governance.person AS SELECT 9 AS id")
    with path.open("ab") as file:
        file.truncate(home.warehouse.stat().st_size)
    return path


def verified(home: Home, now: int = LATER) -> bool:
    with open_file(home.warehouse) as file:
        return is_accepted(home, home.warehouse.name, file, accepted(home).of_current, now)


@pytest.mark.parametrize("spilling", [False, True])
def test_the_accepted_file_is_queried(home: Home, spilling: bool) -> None:
    assert persons(home, spilling=spilling) == 2
    assert sorted(path.name for path in home.spill.iterdir()) == ["secret.txt"]


@pytest.mark.parametrize("spilling", [False, True])
def test_a_file_put_in_its_place_is_not(home: Home, spilling: bool) -> None:
    assert persons(home) == 2
    forged(home).replace(home.warehouse)
    with pytest.raises(NotVerified, match="zhenjie doctor"):
        persons(home, spilling=spilling)


def test_nor_is_a_file_without_a_record_of_its_acceptance(home: Home) -> None:
    home.accepted.unlink()
    with pytest.raises(NotVerified):
        persons(home)


def test_forged_standard_tables_are_refused_where_they_are_wanted(home: Home) -> None:
    shutil.copy(home.warehouse, home.standard)
    with pytest.raises(NotVerified, match=r"standard\.duckdb"):
        persons(home)
    with open_for_queries(Asked(home, standard=False)) as connection:
        assert connection.execute("SELECT count(*) FROM governance.person").fetchone() == (2,)


def test_what_was_verified_is_not_read_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert verified(home)

    def read(*_: object) -> None:
        raise AssertionError("the file was read again")

    monkeypatch.setattr("warehouse.query.verified.hashlib.file_digest", read)
    assert verified(home)


def test_what_changed_just_now_is_not_remembered(home: Home) -> None:
    assert verified(home, home.warehouse.stat().st_ctime_ns + SETTLED)
    assert not home.verified.exists()
    assert verified(home, home.warehouse.stat().st_ctime_ns + SETTLED + 1)
    assert home.verified.exists()


def test_a_change_in_place_that_keeps_size_inode_and_time_is_found(home: Home) -> None:
    assert verified(home)
    before = home.warehouse.stat()
    content = forged(home).read_bytes()
    with home.warehouse.open("r+b") as file:
        file.write(content)
    os.utime(home.warehouse, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = home.warehouse.stat()
    assert (after.st_ino, after.st_size, after.st_mtime_ns) == (
        before.st_ino,
        before.st_size,
        before.st_mtime_ns,
    )
    assert not verified(home)


def test_what_is_remembered_holds_only_while_it_is_accepted(home: Home) -> None:
    assert verified(home)
    replace_json(home.accepted, ["0" * 64])
    assert not verified(home)


@pytest.mark.parametrize("content", ["", "[]", "no json", '{"warehouse.duckdb": 1}'])
def test_a_record_that_is_none_is_passed_over(home: Home, content: str) -> None:
    home.verified.write_text(content, encoding="utf-8")
    assert verified(home)


def test_a_log_beside_the_file_is_not_replayed_into_it(home: Home) -> None:
    with duckdb.connect(str(home.root / "other.duckdb")) as database:
        database.execute("SET checkpoint_threshold = '1TB'; CREATE SCHEMA governance")
        database.execute("CREATE TABLE governance.person AS SELECT 9 AS id")
        shutil.copy(home.root / "other.duckdb.wal", home.root / "warehouse.duckdb.wal")
    with pytest.raises(NotVerified, match=r"warehouse\.duckdb\.wal"):
        persons(home)


@pytest.mark.parametrize("spilling", [False, True])
def test_an_encrypted_file_needs_its_key(home: Home, spilling: bool) -> None:
    home.warehouse.unlink()
    with duckdb.connect() as connection:
        Keys(ONE).prepare(connection)
        connection.execute(f"ATTACH '{home.warehouse}' AS made (ENCRYPTION_KEY '{ONE.text}')")
        connection.execute(
            "CREATE SCHEMA made.governance; CREATE TABLE made.governance.person AS SELECT 1 AS id"
        )
    replace_json(home.accepted, [sha256_of(home.warehouse)])
    with open_for_queries(Asked(home, Keys(ONE)), spilling=spilling) as connection:
        assert connection.execute("SELECT count(*) FROM governance.person").fetchone() == (1,)
    with pytest.raises(WrongKey), open_for_queries(Asked(home, Keys(TWO)), spilling=spilling):
        pass


def test_only_a_query_that_may_spill_outgrows_the_memory(home: Home) -> None:
    sql = "SELECT r, sum(r) OVER (ORDER BY r) AS s FROM (SELECT hash(range) AS r FROM range(4_000_000)) ORDER BY s"
    sql += " LIMIT 1"
    asked = Asked(home, limits={"memory_limit": "100MB", "threads": 1})
    with open_for_queries(asked) as connection, pytest.raises(duckdb.OutOfMemoryException):
        connection.execute(sql).fetchall()
    with open_for_queries(asked, spilling=True) as connection:
        assert connection.execute(sql).fetchall()


def test_settings_stay(home: Home) -> None:
    for spilling in (False, True):
        with open_for_queries(Asked(home), spilling=spilling) as connection:
            for sql in (
                "SET enable_external_access = true",
                "SET disabled_filesystems = ''",
                "SET temp_directory = '/tmp'",
                "SET python_enable_replacements = true",
                "RESET disabled_filesystems",
            ):
                with pytest.raises(duckdb.Error):
                    connection.execute(sql)
