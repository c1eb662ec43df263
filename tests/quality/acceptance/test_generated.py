"""The checks that follow from declarations: every entity and every derived table has them, and each refuses damage."""

from pathlib import Path

import duckdb
import pytest

from quality.acceptance.gate import accept
from quality.acceptance.generated import generated_checks
from quality.acceptance.suite import SUITE, Suite, read_suite
from schemas.contract.library import load_library
from schemas.emit.sql import SQL_TYPES, quote
from schemas.tables import TableStandard
from warehouse.governance.derive import derived, standard_of_derived
from warehouse.governance.fuse import standard_of

LIBRARY = load_library()
GENERATED = Suite(SUITE, generated_checks(LIBRARY))
KEYS = {f"governance.{entity.name}": entity.key for entity in LIBRARY.fed_entities} | {
    f"governance.{name}": table.key for name, table in derived(LIBRARY).items()
}
STANDARDS = {
    standard.id: standard
    for standard in (
        *(standard_of(LIBRARY, entity) for entity in LIBRARY.fed_entities),
        *(standard_of_derived(table) for table in derived(LIBRARY).values()),
    )
}
PLACED = [
    name for name, standard in STANDARDS.items() if "township_code" in {f.name for f in standard.fields}
]

NULL, UNIQUE, PLACE, QUERY, ROWS = (
    "expect_column_values_to_not_be_null",
    "expect_column_values_to_be_unique",
    "expect_column_values_to_match_regex",
    "unexpected_rows_expectation",
    "expect_table_row_count_to_be_between",
)


def made(standard: TableStandard) -> str:
    """A table of four rows with keys of their own and places that there may be."""
    values = {"county_code": "'370602'", "township_code": "'370602001'", KEYS[standard.id]: "'K' || i"}
    columns = ", ".join(
        f"CAST({values.get(field.name, 'NULL')} AS {SQL_TYPES[field.type]}) AS {quote(field.name)}"
        for field in standard.fields
    )
    return f"CREATE TABLE {standard.id} AS SELECT {columns} FROM range(4) AS t (i)"


def candidate(folder: Path, *statements: str) -> Path:
    file = folder / "warehouse.duckdb"
    folder.mkdir(exist_ok=True)
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE SCHEMA governance")
        for statement in (*(made(standard) for standard in STANDARDS.values()), *statements):
            connection.execute(statement)
    return file


def failures(
    folder: Path, *statements: str, previous: Path | None = None
) -> set[tuple[str, str, str | None]]:
    file = candidate(folder, *statements)
    verdict = accept(file, folder / "docs", previous=previous, name="one", suite=GENERATED)
    return {(failed.table, failed.expectation, failed.column) for failed in verdict.failed}


def test_every_entity_and_derived_table_is_checked() -> None:
    assert [table.name for table in GENERATED.tables] == list(STANDARDS)
    assert {
        "governance.grid",
        "governance.vehicle",
        "governance.special_equipment",
        "governance.premises",
    } <= KEYS.keys()
    for table in GENERATED.tables:
        asked = {(check.expectation, check.kwargs.get("column")) for check in table.checks}
        assert {(NULL, KEYS[table.name]), (UNIQUE, KEYS[table.name]), (ROWS, None)} <= asked, table.name
        assert ((PLACE, "township_code") in asked) == (table.name in PLACED)


def test_sound_tables_pass_and_a_key_twice_or_missing_is_named_in_each(tmp_path: Path) -> None:
    sound = tmp_path / "sound"
    assert failures(sound) == set()
    twice = [
        f"INSERT INTO {name} SELECT * FROM {name} WHERE {quote(key)} = 'K1'" for name, key in KEYS.items()
    ]
    gone = [f"UPDATE {name} SET {quote(key)} = NULL WHERE {quote(key)} = 'K2'" for name, key in KEYS.items()]
    found = failures(tmp_path / "damaged", *twice, *gone, previous=sound / "warehouse.duckdb")
    assert found == {(name, check, key) for name, key in KEYS.items() for check in (NULL, UNIQUE)}


def test_a_wrong_place_and_a_loss_of_more_than_half_are_named_in_each(tmp_path: Path) -> None:
    sound = tmp_path / "sound"
    assert failures(sound) == set()
    moved = [f"UPDATE {name} SET township_code = '3706', county_code = '37'" for name in PLACED]
    lost = [f"DELETE FROM {name} WHERE {quote(key)} <> 'K1'" for name, key in KEYS.items()]
    found = failures(tmp_path / "damaged", *moved, *lost, previous=sound / "warehouse.duckdb")
    places = {(name, PLACE, column) for name in PLACED for column in ("county_code", "township_code")}
    assert found == places | {(name, ROWS, None) for name in KEYS}


@pytest.mark.parametrize(("head", "found"), [("K1", False), ("K9", True)])
def test_a_derived_table_refers_to_an_entity_that_is_there(tmp_path: Path, head: str, found: bool) -> None:
    wrong = failures(
        tmp_path / "one", f"UPDATE governance.household SET head_id = '{head}' WHERE household_no = 'K1'"
    )
    assert wrong == ({("governance.household", QUERY, None)} if found else set())


def test_what_the_file_says_of_a_generated_table_is_added_to_it() -> None:
    joined = {table.name: table for table in read_suite(generated=GENERATED.tables).tables}
    alone = {table.name: table for table in GENERATED.tables}
    own = {table.name: table for table in read_suite().tables}["governance.household"]
    assert joined["governance.household"].checks == (*alone["governance.household"].checks, *own.checks)
    assert joined["governance.grid"] == alone["governance.grid"]
    assert len(joined) == len({*alone, *(table.name for table in read_suite().tables)})
