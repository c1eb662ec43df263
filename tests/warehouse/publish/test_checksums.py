"""Only the newest accepted database is served, and a switch locks no reader out, wherever it is broken off."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from datetime import date
from pathlib import Path

import duckdb
import pytest

from warehouse.home.encryption import NO_KEYS
from warehouse.home.files import replace_json
from warehouse.home.folders import Home
from warehouse.home.integrity import mend, pending_switches, standard_damage, warehouse_damage
from warehouse.lake.store import Lake
from warehouse.publish.accepted import accepted
from warehouse.publish.checksums import Checksums, announce, read_checksums, settle
from warehouse.publish.switch import candidate_of, record_verdict, switch
from warehouse.query.connection import Asked, NotVerified, open_for_queries

DAY = date(2026, 3, 2)


class Died(Exception):
    """In the place of a killed process."""


def candidate(home: Home, text: str) -> None:
    """A candidate that passed, with one table that tells which it is."""
    with duckdb.connect(str(candidate_of(home))) as database:
        database.execute("CREATE SCHEMA catalog")
        database.execute(
            "CREATE TABLE catalog.published AS SELECT DATE '2026-03-02' AS batch, ? AS fingerprint", [text]
        )
    record_verdict(home, passed=True)


def publish(home: Home, text: str) -> None:
    candidate(home, text)
    switch(home, DAY)


def served(home: Home) -> str:
    with open_for_queries(Asked(home)) as connection:
        row = connection.execute("SELECT fingerprint FROM catalog.published").fetchone()
    assert row is not None
    return str(row[0])


def damage(home: Home) -> list[str]:
    return [str(found) for found in warehouse_damage(home, NO_KEYS)]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    for text in ("first", "second", "third"):
        publish(Home(tmp_path), text)
    return Home(tmp_path)


def test_an_older_accepted_database_is_neither_served_nor_passed_over_by_the_doctor(home: Home) -> None:
    assert served(home) == "third"
    assert damage(home) == []
    draft = home.root / "copy"
    shutil.copyfile(home.previous_warehouse, draft)
    draft.replace(home.warehouse)
    with pytest.raises(NotVerified, match="zhenjie doctor"):
        served(home)
    (found,) = damage(home)
    assert found.startswith(str(home.warehouse)) and "zhenjie run" in found
    mend(home, Lake(home.lake), DAY)
    assert not home.warehouse.exists(), "the turn makes it again"


def test_the_newest_database_in_the_place_of_the_one_before_is_named(home: Home) -> None:
    shutil.copyfile(home.warehouse, home.previous_warehouse)
    (found,) = damage(home)
    assert found.startswith(str(home.previous_warehouse))


@pytest.mark.parametrize("renames", [0, 1, 2])
def test_a_switch_that_dies_serves_the_old_or_the_new_and_the_next_run_settles_it(
    home: Home, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    """It dies before the first rename, between the two, and before the checksums are settled."""
    candidate(home, "fourth")
    left = [renames]
    replace = Path.replace

    def dies(self: Path, target: Path) -> Path:
        if Path(target) in (home.warehouse, home.previous_warehouse):
            if not left[0]:
                raise Died
            left[0] -= 1
        elif Path(target) == home.accepted and renames == 2 and not left[0]:
            raise Died
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", dies)
    with pytest.raises(Died):
        switch(home, DAY)
    monkeypatch.undo()
    assert served(home) == ("fourth" if renames == 2 else "third")
    assert damage(home) == []
    assert len(list(pending_switches(home))) == 1
    mend(home, Lake(home.lake), DAY)
    assert list(pending_switches(home)) == []
    assert damage(home) == []
    switch(home, DAY)
    assert served(home) == "fourth"
    assert damage(home) == []
    shutil.copyfile(home.previous_warehouse, home.warehouse)
    assert len(damage(home)) == 1, "once it is settled the one before is not accepted"


def test_queries_that_are_opened_while_databases_are_published_do_not_fail(home: Home) -> None:
    done, failed = threading.Event(), []

    def ask() -> None:
        while not done.is_set():
            try:
                assert served(home)
            except BaseException as error:  # noqa: BLE001  # told to the test
                failed.append(error)
                return

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for asker in askers:
        asker.start()
    for number in range(12):
        publish(home, f"number {number}")
    done.set()
    for asker in askers:
        asker.join()
    assert failed == []


def test_checksums_of_earlier_versions_and_damaged_ones(home: Home) -> None:
    replace_json(home.accepted, ["c" * 64, "b" * 64, "a" * 64])
    assert accepted(home) == Checksums("c" * 64, "b" * 64)
    for text in ('{"other": 1}', "7", "{", "[]"):
        home.accepted.write_text(text)
        assert accepted(home).of_current == ()


def test_an_older_file_of_standard_tables_is_named(tmp_path: Path) -> None:
    home = Home(tmp_path)
    sums = {}
    for text in ("old", "new"):
        with duckdb.connect(str(tmp_path / text)) as database:
            database.execute("CREATE TABLE t AS SELECT ? AS x", [text])
        sums[text] = hashlib.sha256((tmp_path / text).read_bytes()).hexdigest()
    shutil.copyfile(tmp_path / "old", home.standard)
    announce(home.standard_accepted, sums["new"], home.standard)
    assert read_checksums(home.standard_accepted) == Checksums(sums["old"], None, sums["new"])
    assert list(standard_damage(home, NO_KEYS)) == []
    shutil.copyfile(tmp_path / "new", home.standard)
    assert list(standard_damage(home, NO_KEYS)) == []
    settle(home.standard_accepted, home.standard)
    assert json.loads(home.standard_accepted.read_text())["current"] == sums["new"]
    shutil.copyfile(tmp_path / "old", home.standard)
    assert len(list(standard_damage(home, NO_KEYS))) == 1
