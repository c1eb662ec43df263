"""What assets show of their data: figures, a picture of them, and never a resident."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from assets.common import bars, partition_metadata, preview, table
from warehouse.lake.layers import Layer
from warehouse.lake.store import Lake, Origin
from warehouse.query.masking import MARK

BATCH = date(2026, 3, 2)


def test_a_preview_shows_nobody(city_after_one_turn: Any) -> None:
    """L4 is stars, of L3 the first character; what is open stays."""
    platform = city_after_one_turn.platform
    partition = platform.lake.as_of("standard", "police.population", BATCH)
    with platform.engine.connect() as connection:
        shown = preview(connection, platform.library["police.population"], partition)
        whole = connection.execute(
            f"SELECT resident_id, name, address, phone FROM {partition.scan} LIMIT 5"
        ).fetchall()
    text = str(shown.value)
    for resident_id, name, address, phone in whole:
        for secret in (resident_id, name, address, phone):
            assert secret is None or secret not in text
        assert resident_id[:4] not in text.split("|")
        assert f"{name[0]}{MARK}" in text
    assert "370602004001" in text
    assert text.startswith("| 公民身份号码 | 姓名 |")


def test_counts_are_drawn_to_scale_and_nothing_is_left_out_of_sight() -> None:
    drawn = str(bars({"many": 1_200, "half": 600, "few": 1, "none": 0}).value).splitlines()
    lengths = {line.split("|")[1].strip(): line.count("█") for line in drawn[2:]}
    assert lengths == {"many": 24, "half": 12, "few": 1}
    assert "1,200" in drawn[2]
    assert str(bars({}).value).count("\n") == 1


def test_a_cell_cannot_break_its_table() -> None:
    shown = str(table(["a"], [("x|y\nz",), (None,)]).value).splitlines()
    assert shown == ["| a |", "| --- |", "| x\\|y z |", "|  |"]


def test_a_partition_tells_its_rows_and_of_which_batch_it_is(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        written = Lake(tmp_path).write(connection, Layer.STANDARD, "t", BATCH, "FROM range(3)", Origin({}))
    facts = partition_metadata(written)
    assert facts["rows"] == facts["dagster/row_count"] == dg.MetadataValue.int(3)
    assert facts["batch_in_force"] == dg.MetadataValue.text("2026-03-02")


@pytest.mark.parametrize("name", ["rows", "batch_in_force"])
def test_what_was_never_delivered_has_the_same_facts(name: str) -> None:
    assert name in partition_metadata(None)
