"""Places: where the rows that came before stand in the newest delivery, so that people find them in the file they have.

An extract's own rows say where they stood when they came first. Beside an extract that rests on an earlier one lies
`place/<dataset>` with `_row`, `_line` and `_sheet` of the rows that stand elsewhere now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import duckdb

from warehouse.collect.extracts.snapshot_diff import earlier_of
from warehouse.lake.layers import Layer
from warehouse.lake.partition import Partition
from warehouse.lake.store import Lake, Origin

# Of a file without sheets the lower half of a row's number is its line.
_LINE = (1 << 32) - 1


@dataclass(frozen=True)
class Places:
    """Where an extract's rows stand now.

    Attributes:
        moved: the rows that stand elsewhere than when they came first; None if there are none.
        renamed: the deliveries with which rows came first → the newest, in which they all stand.
    """

    moved: Partition | None
    renamed: Mapping[str, str]


def places_in(lake: Lake, extract: Partition) -> Places:
    """Where the rows of an extract stand in the newest of its deliveries."""
    renamed = {str(told["extract_id"]): str(extract.facts["extract_id"]) for told in earlier_of(extract)}
    return Places(_beside(lake, extract), renamed)


def write_places(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    dataset: str,
    batch: date,
    arrived: str,
    inputs: Mapping[str, str],
) -> None:
    """Write where the rows that came before stand now; to be done before the extract is there.

    Args:
        connection: with the table `same`, see `warehouse.collect.extracts.snapshot_diff`.
        lake: where they are written.
        dataset: whose rows they are.
        batch: the day of the turn.
        arrived: a relation with `_row`, `_line` and `_sheet` of all rows of the delivery.
        inputs: those of the extract.
    """
    query = (
        f"SELECT base_row AS _row, _line, _sheet FROM same JOIN {arrived} AS arrived ON arrived._row = arrived_row "
        f"WHERE _sheet IS NOT NULL OR base_row & {_LINE} <> arrived_row & {_LINE} ORDER BY base_row"
    )
    lake.write(connection, Layer.PLACE, dataset, batch, query, Origin(inputs))


def repeat_places(lake: Lake, base: Partition, batch: date, inputs: Mapping[str, str]) -> None:
    """Every row stands where it stood; to be done before the extract is there."""
    places = _beside(lake, base)
    if places is not None:
        lake.repeat(places, batch, Origin(inputs))


def _beside(lake: Lake, extract: Partition) -> Partition | None:
    """The places of an extract, if it rests on an earlier one; others of the batch are not its own."""
    places = lake.partition(Layer.PLACE, extract.table, extract.batch)
    return places if places is not None and places.inputs == extract.inputs else None
