"""Row positions: where older rows stand in the newest delivery, so that people find them in the file they have.

An extract's own rows keep the position of their first arrival. Beside an extract that rests on an earlier one,
`place/<dataset>` holds the new `_row`, `_line` and `_sheet` of every row whose position has changed.
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

# In a file without sheets, the lower 32 bits of a row's number are its line.
_LINE = (1 << 32) - 1


@dataclass(frozen=True)
class Places:
    """The current positions of an extract's rows.

    Attributes:
        moved: the rows whose position differs from that of their first arrival; None if no row moved.
        renamed: the delivery that first brought a row → the newest delivery, which holds all of them.
    """

    moved: Partition | None
    renamed: Mapping[str, str]


def places_in(lake: Lake, extract: Partition) -> Places:
    """Find the positions of an extract's rows in its newest delivery."""
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
    """Write the current positions of older rows; call it before the extract is written.

    Args:
        connection: holds the table `same`, see `warehouse.collect.extracts.snapshot_diff`.
        lake: where the positions are written.
        dataset: the dataset of the rows.
        batch: the day of the turn.
        arrived: a relation with `_row`, `_line` and `_sheet` of all rows of the delivery.
        inputs: the inputs of the extract.
    """
    query = (
        f"SELECT base_row AS _row, _line, _sheet FROM same JOIN {arrived} AS arrived ON arrived._row = arrived_row "
        f"WHERE _sheet IS NOT NULL OR base_row & {_LINE} <> arrived_row & {_LINE} ORDER BY base_row"
    )
    lake.write(connection, Layer.PLACE, dataset, batch, query, Origin(inputs))


def repeat_places(lake: Lake, base: Partition, batch: date, inputs: Mapping[str, str]) -> None:
    """Carry the positions over unchanged; call it before the extract is written."""
    places = _beside(lake, base)
    if places is not None:
        lake.repeat(places, batch, Origin(inputs))


def _beside(lake: Lake, extract: Partition) -> Partition | None:
    """The positions that belong to an extract; positions in its batch with other inputs do not."""
    places = lake.partition(Layer.PLACE, extract.table, extract.batch)
    return places if places is not None and places.inputs == extract.inputs else None
