"""An installation that runs some of the datasets: what waits for the others rests, and is named."""

from __future__ import annotations

import pytest

from schemas.contract.library import Library, load_library
from schemas.contract.selection import resting, select, unmatched


@pytest.fixture(scope="module")
def library() -> Library:
    return load_library()


def test_datasets_are_chosen_by_id_and_by_pattern(library: Library) -> None:
    chosen = select(library, ["police.*", "health.death"])
    assert {contract.id for contract in chosen} == {
        "police.population", "police.cancellation", "police.vehicle", "health.death",
    }  # fmt: skip
    assert select(library, []) is library


def test_a_pattern_that_chooses_nothing_is_named(library: Library) -> None:
    assert unmatched(library, ["police.*", "polce.population", "water.*"]) == ["polce.population", "water.*"]


def test_what_needs_a_dataset_that_is_left_out_rests_and_the_rest_stays(library: Library) -> None:
    joins = {
        (contract.id, rule.name): {join.dataset for join in rule.joins}
        for contract in library
        for rule in contract.rules
    }
    patterns = ["police.population", "police.cancellation"]
    chosen = select(library, patterns)
    ids = {contract.id for contract in chosen}
    kept = {(contract.id, rule.name) for contract in chosen for rule in contract.rules}
    assert kept == {rule for rule, needed in joins.items() if rule[0] in ids and needed <= ids}
    waiting = {found.dataset for found in resting(library, patterns)}
    assert waiting
    assert not waiting & ids


def test_references_and_ways_to_a_township_rest_too(library: Library) -> None:
    patterns = ["emergency.inspection", "grid.resident"]
    chosen = select(library, patterns)
    assert all(column.references is None for contract in chosen for column in contract.columns)
    assert all(route.dataset is None for contract in chosen for route in contract.routes)
    assert {"emergency.small_premises"} <= {found.dataset for found in resting(library, patterns)}


def test_only_entities_that_somebody_establishes_have_a_table(library: Library) -> None:
    # Deaths speak of persons; that there is such a person the population says.
    assert select(library, ["health.death"]).fed_entities == ()
    assert [entity.name for entity in select(library, ["police.population"]).fed_entities] == ["person"]
