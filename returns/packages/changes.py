"""Changes in the governance tables since the last returned batch: arrivals, departures, moves, changed attributes.

The history records the day from which each row is valid. Only rows that are newer than the last batch are compared,
attribute by attribute. `returns/packages/sheets/changes.*` declares the display of a change.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import duckdb

from returns.packages.sheet_spec import sheet_text
from schemas.contract.library import Library
from schemas.contract.model import Entity, LogicalType
from schemas.emit.sql import literal, quote
from warehouse.lake.partition import Partition
from warehouse.standard.values import shown

VILLAGE = "village_code"

COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(("entity", "key", "name", "kind", "attribute", "before", "after", "source"), "VARCHAR"),
    "since": "DATE",
    **dict.fromkeys(("unit_code", "village_code"), "VARCHAR"),
}


def change_query(
    connection: duckdb.DuckDBPyConnection,
    library: Library,
    pairs: Mapping[str, tuple[Partition, Partition]],
    since: date | None,
    batch: date,
) -> str:
    """The changes as a query with the columns of `COLUMNS`; none when there is nothing to compare with.

    Args:
        connection: gets, for each entity, the tables of the changed rows as they are and as they were.
        library: the contracts.
        pairs: entity → its partitions before and now.
        since: the batch that the partitions before belong to.
        batch: the day of the turn.

    `kind` is one of `came`, `left`, `moved_out`, `moved_in`, `changed`; `unit_code` the township that gets the row;
    `source` the dataset that the new value is from.
    """
    parts = [
        f"SELECT {', '.join(f'CAST(NULL AS {kind}) AS {name}' for name, kind in COLUMNS.items())} WHERE false"
    ]
    for entity in library.fed_entities:
        pair = pairs.get(entity.name)
        if pair is not None and since is not None and VILLAGE in library.sources(entity.name):
            parts.append(_of_entity(connection, library, entity, pair, since, batch))
    return " UNION ALL ".join(f"({part})" for part in parts)


def _of_entity(
    connection: duckdb.DuckDBPyConnection,
    library: Library,
    entity: Entity,
    pair: tuple[Partition, Partition],
    since: date,
    batch: date,
) -> str:
    before, now = pair
    name, key, day = entity.name, quote(entity.key), literal(since.isoformat())
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE changed_{name} AS FROM {now.scan} WHERE valid_from > DATE {day}"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE former_{name} AS SELECT before.* FROM {before.scan} AS before "
        f"ANTI JOIN (SELECT {key} FROM {now.scan} WHERE valid_from <= DATE {day}) AS same "
        f"ON same.{key} = before.{key}"
    )
    known = [
        {row[0] for row in connection.execute(f"DESCRIBE {table}_{name}").fetchall()}
        for table in ("changed", "former")
    ]
    sources = library.sources(name)
    compared = [a for a in sources if a != entity.key and all(a in columns for columns in known)]
    named = "name" in compared
    founders = [source.contract.id for source in library.founders(entity)]
    return sheet_text("_changed.sql").format(
        entity=name,
        entity_text=literal(name),
        key=key,
        now_name="now.name" if named else "NULL",
        before_name="before.name" if named else "NULL",
        founders=literal(founders[0]) if len(founders) == 1 else "NULL",
        batch=f"DATE {literal(batch.isoformat())}",
        items=",\n      ".join(_item(a, sources[a][0].column.type) for a in compared),
    )


def _item(attribute: str, kind: LogicalType) -> str:
    column = quote(attribute)
    return (
        f"{{'attribute': {literal(attribute)}, 'before': {shown(f'before.{column}', kind)}, "
        f"'after': {shown(f'now.{column}', kind)}, 'source': CAST(now.provenance.{column} AS VARCHAR)}}"
    )
