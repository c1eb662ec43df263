"""Our verification as the product runs it: `quality.findings.verify.verify` on a partition of the lake.

It does more than the other tools: four checks of types besides the twenty rules, and for each finding the observed
value, the evidence, the township and a stable id, sorted and written to the lake.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from benchmarks.peers.measuring import measure
from quality.findings.verify import verify
from schemas.codes import CodeLibrary
from schemas.contract.library import Library, load_library
from warehouse.engine.connection import Engine
from warehouse.incremental.context import BatchContext
from warehouse.lake.partition import Partition
from warehouse.lake.store import Lake, Origin
from warehouse.standard.values import delivered_name

BATCH = date(2026, 3, 2)
DATASET = "benchmark.resident"


def contracts() -> Library:
    """The benchmark's contract alone."""
    return load_library([Path(__file__).parent], shipped=False)


def lay(lake: Lake, engine: Engine, table: Path) -> None:
    """Put the table into the lake as a standard table, with all cells converted and no corrections."""
    columns = contracts()[DATASET].columns
    parts = ", ".join(
        f'"{c.name}"' + ("" if c.type == "string" else f', NULL::VARCHAR AS "{delivered_name(c)}"')
        for c in columns
    )
    query = (
        "SELECT resident_id AS record_key, row_no AS _row, row_no AS _line, NULL::VARCHAR AS _sheet, "
        f"'E1' AS _extract_id, NULL::MAP(VARCHAR, VARCHAR) AS _corrected, {parts} "
        f"FROM '{table}' ORDER BY row_no"
    )
    with engine.connect() as connection:
        lake.write(connection, "standard", DATASET, BATCH, query, Origin({}))


@contextmanager
def laid(table: Path) -> Iterator[Path]:
    """A temporary folder with a lake that holds the table."""
    with TemporaryDirectory(dir=table.parent) as scratch:
        folder = Path(scratch)
        lay(Lake(folder / "lake"), _engine(folder, table), table)
        yield folder


def _engine(folder: Path, table: Path) -> Engine:
    return Engine(folder / "spill", CodeLibrary(), folders=(folder, table.parent))


def check(folder: Path) -> Partition:
    """The findings of the table in the folder's lake, including setting up the engine and reading the contract."""
    library, codes = contracts(), CodeLibrary()
    with Engine(folder / "spill", codes).connect() as connection:
        found = verify(
            BatchContext(connection, Lake(folder / "lake"), library, codes, BATCH), library[DATASET]
        )
    assert found is not None
    return found


def failing(found: Partition) -> pl.DataFrame:
    """Rule and key of each finding."""
    [part] = found.parts
    return pl.read_parquet(found.folder / part.name).select(
        rule=pl.concat_str("rule", pl.lit("."), "field"), key="record_key"
    )


if __name__ == "__main__":
    measure(check, failing, laid)
