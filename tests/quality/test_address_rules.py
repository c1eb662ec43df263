"""Addresses and village codes of a row: where they contradict each other, and what one says of the other."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from quality.findings.verify import verify
from schemas.contract.library import load_library
from warehouse.engine.connection import Engine
from warehouse.incremental.context import BatchContext
from warehouse.lake.store import Lake, Origin
from warehouse.standard.standardise import no_corrections, standardise

DAY = date(2026, 3, 2)
DEER, FRIEND, TOWNSHIP = "370613001015", "370602001001", "370613001"
AT_DEER = "烟台市莱山区黄海路街道鹿鸣社区3号"
Found = set[tuple[str, str, str | None]]


def found(engine: Engine, folder: Path, dataset: str, row: dict[str, str | None]) -> Found:
    """Rule, severity and suggestion of what is found of the address and village code of one row."""
    library, lake = load_library(), Lake(folder / "lake")
    contract = library[dataset]
    columns = [column.name for column in contract.delivered_columns]
    frame = pl.DataFrame([row], schema=dict.fromkeys(columns, pl.String)).with_columns(
        _row=pl.lit(2, pl.Int64),
        _line=pl.lit(2, pl.Int64),
        _sheet=pl.lit(None, pl.String),
        _extract_id=pl.lit("E1"),
    )
    with engine.connect() as connection:
        opened = BatchContext(connection, lake, library, engine.codes, DAY)
        connection.register("rows", frame)
        lake.write(connection, "extract", dataset, DAY, "FROM rows", Origin({}))
        standardise(opened, contract, no_corrections())
        partition = verify(opened, contract)
        assert partition is not None
        rows = connection.execute(
            f"SELECT rule, severity, suggestion FROM {partition.scan} WHERE field IN ('village_code', 'address')"
        ).fetchall()
    return set(rows)


@pytest.mark.parametrize(
    ("village", "address", "expected"),
    [
        (DEER, AT_DEER, set()),
        (DEER, "莱山区黄海路街道观海路1号", set()),
        (DEER, "青岛市市南区1号", set()),
        (DEER, None, set()),
        (TOWNSHIP, AT_DEER, set()),
        # An address of another county says that one of the two is wrong, not which.
        (FRIEND, AT_DEER, {("village_not_of_address", "warning", None)}),
        ("370613002006", AT_DEER, {("village_not_of_address", "warning", DEER)}),
        (FRIEND, "莱山区黄海路街道观海路1号", {("village_not_of_address", "warning", None)}),
        ("370613001999", AT_DEER, {("code_table", "error", DEER)}),
        ("370613001999", "莱山区黄海路街道观海路1号", {("code_table", "error", None)}),
        (None, AT_DEER, {("presence", "error", DEER)}),
        ("鹿鸣", AT_DEER, {("semantic_kind", "error", DEER)}),
    ],
)
def test_a_village_code_is_held_against_the_address(
    engine: Engine, tmp_path: Path, village: str | None, address: str | None, expected: Found
) -> None:
    row = {"premises_no": "37061300100001", "village_code": village, "address": address}
    assert found(engine, tmp_path, "emergency.small_premises", row) == expected


def test_a_code_that_the_number_confirms_is_believed_rather_than_the_address(
    engine: Engine, tmp_path: Path
) -> None:
    row = {"dwelling_no": f"{FRIEND}-0001-00001", "village_code": FRIEND, "address": AT_DEER}
    dwelling = found(engine, tmp_path, "housing.dwelling", row)
    assert dwelling == {("address_not_of_village", "warning", None)}
    row["village_code"] = DEER
    assert found(engine, tmp_path / "other", "housing.dwelling", row) == {
        ("village_mismatch", "error", FRIEND)
    }
