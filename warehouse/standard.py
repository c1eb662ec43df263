"""Standardisation: delivered text becomes typed, normalised, coded columns; confirmed corrections are laid over.

No row is dropped and nothing is judged here. A value that will not convert stays beside its column as
delivered, in `<column>__delivered`, and the rules find it there. Corrections come in as a table. Only rows are made
that are new, or that a correction touches: the others rest where they are (`warehouse.partition`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

import duckdb
import polars as pl

from schemas.codes import CodeLibrary
from schemas.contract import Column, Contract
from schemas.emit.sql import literal, quote
from warehouse.collect.unchanged import deliveries_of
from warehouse.files import digest_of, digest_of_frame
from warehouse.functions import library_digest
from warehouse.lake import Lake, can_be_patched
from warehouse.partition import GONE, Partition
from warehouse.templates import template
from warehouse.values import coded, delivered_name, read, shown, value_of

LAYER = "standard"

CORRECTIONS = {
    "dataset": pl.String,
    "record_key": pl.String,
    "field": pl.String,
    "delivered": pl.String,
    "value": pl.String,
}


def no_corrections() -> pl.DataFrame:
    """An empty table of corrections."""
    return pl.DataFrame(schema=CORRECTIONS)


def standardise(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    contract: Contract,
    codes: CodeLibrary,
    batch: date,
    corrections: pl.DataFrame,
) -> Partition | None:
    """Write the standard table of one dataset for a batch, unless nothing it follows from has changed.

    Its columns: `record_key`; `_row`, which tells the rows apart; `_line`, `_sheet` and `_extract_id`, where a
    person finds the row: the row in the file of that delivery, and the sheet if it is one of several;
    `_corrected`, a map from each corrected field to the value that the source delivers there, NULL where there
    is none; the contract's columns, and `<column>__delivered` for those that are not text. Rows keep the order
    in which they were delivered. Of a dataset that takes deltas, each record is as the newest delivery that
    names it says, and is not there if that says it is gone.

    Args:
        connection: with the function library installed.
        lake: where `extract/<dataset>` is read and `standard/<dataset>` written.
        contract: the dataset's contract.
        codes: the code tables.
        batch: the newest extract not after this day is taken.
        corrections: columns as in `CORRECTIONS`, one row per record and field; a correction replaces
            `delivered` (the source's value as shown text) by `value`, and steps back by itself once the
            source shows anything else.

    Returns:
        The partition in force, or None when the dataset was never delivered.
    """
    extracts = extracts_in_force(lake, contract.id, batch)
    if not extracts:
        return None
    own = (
        corrections.filter(pl.col("dataset") == contract.id)
        .select("record_key", "field", "delivered", "value")
        .sort("record_key", "field")
    )
    fields = own.get_column("field").unique().to_list()
    program = {
        "contract": contract.digest,
        # Labels stand in the query; functions look codes up where it runs.
        "codes": codes.digest,
        "query": digest_of(
            standard_query(contract, codes, "extract", [c.name for c in contract.delivered_columns])
        ),
        "functions": library_digest(),
    }
    # Changes that had come before say nothing new: what follows from them is as it was.
    speaking = [extract for extract in extracts if extract.rows or extract.facts.get("whole", True)]
    files = {f"extract/{came}": file for extract in speaking for came, file in extract.origins.items()}
    inputs = {**program, **files, "corrections": digest_of_frame(own)}
    current = lake.fresh(LAYER, contract.id, batch, inputs)
    if current is not None:
        return current
    delivered = delivered_rows(contract, extracts)
    connection.register("corrections", own)
    try:
        base = lake.before(LAYER, contract.id, batch)
        # How often a row came is seen in all of them.
        if base is not None and contract.key and _rests_on(base, program, files):
            patched = _patched(connection, lake, contract, codes, base, batch, delivered, fields, inputs)
            if patched is not None:
                return patched
        query = f"{standard_query(contract, codes, delivered, fields)} ORDER BY _row"
        return lake.write(connection, LAYER, contract.id, batch, query, inputs=inputs)
    finally:
        connection.unregister("corrections")


def _rests_on(base: Partition, program: Mapping[str, str], files: Mapping[str, str]) -> bool:
    """Whether a row of the same number in both is the same: made by the same program, of the same files."""
    before = base.inputs
    return all(before.get(name) == value for name, value in program.items()) and all(
        before.get(name, value) == value for name, value in files.items()
    )


def _patched(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    contract: Contract,
    codes: CodeLibrary,
    base: Partition,
    batch: date,
    delivered: str,
    fields: Sequence[str],
    inputs: Mapping[str, str],
) -> Partition | None:
    """The standard table as what is otherwise than before; None when that is too much."""
    names = ("again", "made")
    try:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE again AS SELECT _row FROM {delivered} ANTI JOIN {base.scan} USING (_row) "
            f"UNION SELECT _row FROM {base.scan} "
            "WHERE _corrected IS NOT NULL OR record_key IN (SELECT record_key FROM corrections)"
        )
        source = f"(SELECT * FROM {delivered} SEMI JOIN again USING (_row))"
        if contract.takes_deltas:
            # A record that is delivered anew is judged with all of its rows.
            keys = f"SELECT record_key FROM ({standard_query(contract, codes, source, (), present='keyed')})"
            connection.execute(
                f"INSERT INTO again SELECT _row FROM {base.scan} WHERE record_key IN ({keys}) EXCEPT FROM again"
            )
        todo = connection.execute("SELECT count(*) FROM again").fetchall()[0][0]
        if not can_be_patched(base, todo):
            return None
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE made AS {standard_query(contract, codes, source, fields)}"
        )
        query = (
            f"SELECT *, false AS {GONE} FROM "
            f"(FROM made EXCEPT SELECT * FROM {base.scan} WHERE _row IN (FROM again)) "
            f"UNION ALL BY NAME SELECT _row, true AS {GONE} FROM {base.scan} WHERE _row IN (FROM again) "
            f"AND _row NOT IN (SELECT _row FROM made) "
            f"UNION ALL BY NAME SELECT _row, true AS {GONE} FROM {base.scan} ANTI JOIN {delivered} USING (_row) "
            "ORDER BY _row"
        )
        return lake.patch(connection, base, batch, query, "_row", inputs=inputs)
    finally:
        for name in names:
            connection.execute(f"DROP TABLE IF EXISTS {name}")


def extracts_in_force(lake: Lake, dataset: str, batch: date) -> list[Partition]:
    """The extracts that a dataset is made of on the batch's day: the newest snapshot and all deltas after it."""
    found: list[Partition] = []
    for day in reversed([day for day in lake.batches("extract", dataset) if day <= batch]):
        extract = lake.partition("extract", dataset, day)
        if extract is not None:
            found.insert(0, extract)
            if extract.facts.get("whole", True):
                break
    return found


def delivered_rows(contract: Contract, extracts: Sequence[Partition]) -> str:
    """The extracts as one relation; a column that one does not know yet is empty there.

    `_delivery` tells which rows came together: those of a snapshot, whenever they came first, and those of each delta.
    """
    columns = ", ".join(f"CAST(NULL AS VARCHAR) AS {quote(c.name)}" for c in contract.delivered_columns)
    parts = [f"SELECT {columns} WHERE false"]
    for extract in extracts:
        deltas = ", ".join(literal(delta) for delta in deltas_of(extract))
        together = f"CASE WHEN _extract_id IN ({deltas}) THEN _extract_id ELSE '' END" if deltas else "''"
        parts.append(f"SELECT *, {together} AS _delivery FROM {extract.scan}")
    return f"({' UNION ALL BY NAME '.join(parts)})"


def deltas_of(extract: Partition) -> list[str]:
    """The deliveries of an extract that are deltas, by their identifiers."""
    return [str(told["extract_id"]) for told in deliveries_of(extract) if told["delivery"] == "delta"]


def standard_query(
    contract: Contract,
    codes: CodeLibrary,
    source: str,
    corrected: Collection[str],
    present: str | None = None,
) -> str:
    """The SQL that turns extracts into their standard table, its rows in no order.

    Args:
        contract: the dataset's contract.
        codes: the code tables.
        source: the extracts in force as a relation in SQL.
        corrected: the fields that a relation `corrections` has rows for.
        present: which step's rows count, instead of those that are in force.
    """
    columns = contract.delivered_columns
    fields = [column for column in columns if column.name in corrected]
    derived = [column for column in contract.columns if column.derive is not None]
    separator = ",\n    "
    return template("warehouse", "standard").format(
        source=source,
        cleaned=separator.join(part for column in columns for part in _cleaned(column, codes)),
        coded=separator.join(part for column in columns for part in _coded(column, codes)),
        record_key=_record_key(contract),
        present=f"FROM {present}" if present else _present(contract, codes),
        corrected=_corrected(fields),
        laid_over=separator.join(part for column in columns for part in _laid_over(column, fields)),
        corrections=_corrections(fields, codes) if fields else "",
        compared="compared" if fields else "present",
        derived="".join(f",\n  {column.derive} AS {quote(column.name)}" for column in derived),
    )


def _cleaned(column: Column, codes: CodeLibrary) -> list[str]:
    """The cell cleaned or parsed, and beside what was parsed the cell itself."""
    raw = quote(column.name)
    parts = [f"{read(column, raw, codes)} AS {raw}"]
    if column.type != "string":
        parts.append(f"{raw} AS {quote(delivered_name(column))}")
    return parts


def _coded(column: Column, codes: CodeLibrary) -> list[str]:
    """The cell's value, and beside what was parsed the text that would not convert."""
    name = quote(column.name)
    parts = [f"{coded(column, name, codes)} AS {name}"]
    if column.type != "string":
        delivered = quote(delivered_name(column))
        parts.append(f"CASE WHEN {name} IS NULL THEN clean_text({delivered}) END AS {delivered}")
    return parts


def _record_key(contract: Contract) -> str:
    """A row's identity as delivered; without any key value, a digest of the whole row stands in.

    Where the dataset has no key, equal rows are numbered in the order in which they came.
    """
    every = ", ".join(f"coalesce({_as_text(c)}, '')" for c in contract.delivered_columns)
    if not contract.key:
        digest = f"'#' || md5(concat_ws('|', {every}))"
        number = f"row_number() OVER (PARTITION BY {digest} ORDER BY _row)"
        return f"{digest} || CASE {number} WHEN 1 THEN '' ELSE '-' || CAST({number} AS VARCHAR) END"
    keys = [f"coalesce({_as_text(column)}, '')" for column in contract.key]
    none = " AND ".join(f"{key} = ''" for key in keys)
    joined = " || '|' || ".join(keys)
    return f"CASE WHEN {none} THEN '#' || substr(md5(concat_ws('|', {every})), 1, 16) ELSE {joined} END"


def _present(contract: Contract, codes: CodeLibrary) -> str:
    """The rows that are in force: of a record in several deliveries those of the newest, unless it is gone."""
    if not contract.takes_deltas:
        return "SELECT * FROM keyed"
    newest = "SELECT * FROM keyed QUALIFY _delivery = arg_max(_delivery, _row) OVER (PARTITION BY record_key)"
    if contract.change is None:
        return newest
    column = contract.column(contract.change.column)
    gone = ", ".join(value_of(column, literal(value), codes) for value in contract.change.removed)
    return f"SELECT * FROM ({newest}) WHERE NOT coalesce({quote(column.name)} IN ({gone}), false)"


def _as_text(column: Column) -> str:
    """The value as shown, or what was delivered where it would not convert."""
    if column.type == "string":
        return quote(column.name)
    return f"coalesce({shown(quote(column.name), column.type)}, {quote(delivered_name(column))})"


def _corrections(fields: list[Column], codes: CodeLibrary) -> str:
    """The steps that lay each row beside the correction of its record: the corrected values, and whether they hold."""
    separator = ",\n    "
    kept = [_replaces(column) for column in fields]
    return template("warehouse", "corrections").format(
        texts=separator.join(
            f"max(delivered) FILTER ({of}) AS {_replaces(column)}, max(value) FILTER ({of}) AS {_value(column)}"
            for column in fields
            for of in [f"field = {literal(column.name)}"]
        ),
        cleaned=separator.join(
            [*kept, *(f"{read(column, _value(column), codes)} AS {_value(column)}" for column in fields)]
        ),
        coded=separator.join(
            [*kept, *(f"{coded(column, _value(column), codes)} AS {_value(column)}" for column in fields)]
        ),
        # Only while the source still shows what was corrected.
        compared=separator.join(
            f"{_value(column)}, ({_value(column)} IS NOT NULL "
            f"AND {_as_text(column)} IS NOT DISTINCT FROM {_replaces(column)}) AS {_applies(column)}"
            for column in fields
        ),
    )


def _replaces(column: Column) -> str:
    return quote(f"{column.name} replaces")


def _value(column: Column) -> str:
    return quote(f"{column.name} corrected")


def _applies(column: Column) -> str:
    return quote(f"{column.name} applies")


def _laid_over(column: Column, fields: list[Column]) -> list[str]:
    names = [quote(column.name)]
    if column.type != "string":
        names.append(quote(delivered_name(column)))
    if column not in fields:
        return names
    values = [_value(column), "NULL"]
    return [
        f"CASE WHEN {_applies(column)} THEN {value} ELSE {name} END AS {name}"
        for name, value in zip(names, values, strict=False)
    ]


def _corrected(fields: list[Column]) -> str:
    """The corrected fields of a row, each with what the source delivers; NULL when there are none."""
    if not fields:
        return "CAST(NULL AS MAP(VARCHAR, VARCHAR))"
    entries = ", ".join(
        f"CASE WHEN {_applies(column)} "
        f"THEN {{'key': {literal(column.name)}, 'value': {_as_text(column)}}} END"
        for column in fields
    )
    some = " OR ".join(_applies(column) for column in fields)
    return f"CASE WHEN {some} THEN map_from_entries(list_filter([{entries}], lambda e: e IS NOT NULL)) END"
