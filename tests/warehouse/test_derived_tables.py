"""A derived table may be computed key by key: over a half of the keys its model makes those keys' rows of the whole."""

from dataclasses import replace
from datetime import date
from typing import Any
from unittest.mock import Mock

import duckdb
import pytest

from schemas.contract.derived import DerivedTable
from schemas.contract.library import load_library
from warehouse.governance.derive import DerivedStage, derived, model_query, standard_of_derived
from warehouse.incremental.inputs import Predecessor
from warehouse.incremental.scratch import Scratch
from warehouse.lake.layers import Layer

DAY = date(2026, 3, 2)
LOCAL = [table for table in load_library().derived if not table.whole]

# Half of all keys, drawn by a digest, so that no order of the rows matters.
HALF = "md5({key}) < '8'"


def differing(
    connection: duckdb.DuckDBPyConnection, table: DerivedTable, sources: dict[str, str]
) -> tuple[int, int]:
    """How many rows the model makes over half of the keys, and how many of them the whole has otherwise."""
    half = HALF.format(key=table.key)
    few = {name: f"(SELECT * FROM {source} WHERE {half})" for name, source in sources.items()}
    of_few = model_query(table, few)
    of_all = f"SELECT * FROM ({model_query(table, sources)}) WHERE {half}"
    rows = f"SELECT count(*) FROM ({of_few})"
    different = (
        f"SELECT count(*) FROM (({of_few} EXCEPT ALL {of_all}) UNION ALL ({of_all} EXCEPT ALL {of_few}))"
    )
    (made,), (other,) = (connection.execute(query).fetchall()[0] for query in (rows, different))
    return made, other


@pytest.fixture
def sources(city_after_one_turn: Any) -> dict[str, str]:
    platform = city_after_one_turn.platform
    tables = [entity.name for entity in platform.library.fed_entities]
    found = {name: platform.lake.as_of(Layer.GOVERNANCE, name, DAY) for name in tables}
    return {name: partition.scan for name, partition in found.items() if partition is not None}


@pytest.mark.parametrize("table", LOCAL, ids=lambda table: table.name)
def test_half_of_the_keys_give_their_rows_of_the_whole(
    city_after_one_turn: Any, sources: dict[str, str], table: DerivedTable
) -> None:
    with city_after_one_turn.platform.open_batch(DAY) as opened:
        made, other = differing(opened.connection, table, {name: sources[name] for name in table.inputs})
    assert made > 100
    assert other == 0


@pytest.mark.parametrize(
    "column",
    ["count(*) OVER ()", "rank() OVER (ORDER BY birth_date, resident_id)", "(SELECT count(*) FROM {person})"],
)
def test_a_model_that_looks_at_other_keys_is_seen(
    city_after_one_turn: Any, sources: dict[str, str], column: str
) -> None:
    (table,) = (table for table in LOCAL if "person" in table.inputs)
    model = f"SELECT household_no, village_code, {column} AS n FROM {{person}} WHERE household_no IS NOT NULL"
    with city_after_one_turn.platform.open_batch(DAY) as opened:
        made, other = differing(opened.connection, replace(table, model=model), {"person": sources["person"]})
    assert other > 0 < made


def test_a_table_that_is_declared_as_a_whole_is_computed_as_a_whole() -> None:
    (table, *_) = LOCAL
    before, scratch = Mock(spec=Predecessor), Mock(spec=Scratch)
    assert DerivedStage(replace(table, whole=True), {}).affected(before, scratch) is None
    assert DerivedStage(table, {}).affected(before, scratch) is not None


def test_a_table_without_a_village_has_no_place() -> None:
    (table, *_) = LOCAL
    assert [field.name for field in standard_of_derived(table).fields][-3:] == [
        "county_code",
        "township_code",
        "valid_from",
    ]
    fields = tuple(field for field in table.fields if field.name != "village_code")
    nowhere = replace(table, fields=fields)
    assert [field.name for field in standard_of_derived(nowhere).fields] == [f.name for f in fields] + [
        "valid_from"
    ]
    assert model_query(nowhere, dict.fromkeys(table.inputs, "x")) == table.model.format(person="x")


def test_a_derived_table_rests_while_a_dataset_that_feeds_it_is_left_out() -> None:
    library = load_library()
    assert set(derived(library)) == {table.name for table in library.derived}
    few = replace(library, contracts=tuple(c for c in library if c.department != "police"))
    assert derived(few) == {}
