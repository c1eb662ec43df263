"""What a check looks up beside the row is declared, or refused: nothing is read that no input names."""

from __future__ import annotations

import pytest

from quality.rules.rule import Lookup

DEATHS = "SELECT resident_id, min(death_date) AS died FROM {dataset:health.death} GROUP BY resident_id"
ON = "death.resident_id = s.resident_id"
KEYS = ("resident_id",)


def test_a_lookup_that_declares_what_it_reads_and_how_rows_are_found_is_taken() -> None:
    lookup = Lookup("death", DEATHS, ON, "health.death", KEYS, KEYS)
    assert lookup.filled(lambda dataset: f"<{dataset}>") == DEATHS.replace(
        "{dataset:health.death}", "<health.death>"
    )


@pytest.mark.parametrize(
    ("relation", "dataset", "keys", "by"),
    [
        pytest.param(DEATHS, None, (), (), id="reads a dataset that it does not declare"),
        pytest.param(DEATHS, "health.birth", KEYS, KEYS, id="declares another dataset"),
        pytest.param("SELECT 1", "health.death", KEYS, KEYS, id="declares a dataset that it does not read"),
        pytest.param(DEATHS, "health.death", (), (), id="no join"),
        pytest.param(DEATHS, "health.death", KEYS, (), id="half a join"),
        pytest.param(DEATHS, "health.death", KEYS, ("a", "b"), id="keys that do not pair"),
        pytest.param("SELECT code FROM {codes:sex}", None, KEYS, KEYS, id="a join of no dataset"),
    ],
)
def test_any_other_lookup_is_refused(
    relation: str, dataset: str | None, keys: tuple[str, ...], by: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match="lookup death"):
        Lookup("death", relation, ON, dataset, keys, by)
