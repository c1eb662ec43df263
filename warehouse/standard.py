"""Standardisation: delivered text becomes typed, normalised, coded columns; confirmed corrections are laid over.

No row is dropped and nothing is judged here. A value that will not convert stays beside its column as
delivered, in `<column>__delivered`, and the rules find it there. Corrections come in as a table.
"""

from __future__ import annotations

from datetime import date

import duckdb
import polars as pl

from schemas.codes import CodeLibrary
from schemas.contract import Column, Contract
from schemas.emit.sql import literal, quote
from warehouse.functions import library_digest
from warehouse.lake import Lake, Partition, digest_of
from warehouse.values import delivered_name, shown, value_of

LAYER = "standard"
SYSTEM_COLUMNS = ("record_key", "_row", "_extract_id", "_corrected")

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

    Args:
        connection: with the function library installed.
        lake: where `extract/<dataset>` is read and `standard/<dataset>` written.
        contract: the dataset's contract.
        codes: the code tables.
        batch: the newest extract not after this day is taken.
        corrections: columns as in `CORRECTIONS`; a correction replaces `delivered` (the source's value as
            shown text) by `value`, and steps back by itself once the source shows anything else.

    Returns:
        The partition in force, or None when the dataset was never delivered.
    """
    extract = lake.as_of("extract", contract.id, batch)
    if extract is None:
        return None
    own = (
        corrections.filter(pl.col("dataset") == contract.id)
        .select("record_key", "field", "delivered", "value")
        .sort("record_key", "field")
    )
    inputs = {
        "extract": extract.fingerprint,
        "contract": contract.digest,
        "codes": codes.digest,
        "functions": library_digest(),
        "corrections": digest_of(own.rows()),
    }
    current = lake.fresh(LAYER, contract.id, batch, inputs)
    if current is not None:
        return current
    connection.register("corrections", own)
    try:
        query = standard_query(contract, codes, extract.scan, own.get_column("field").unique())
        return lake.write(connection, LAYER, contract.id, batch, query, inputs=inputs)
    finally:
        connection.unregister("corrections")


def standard_query(
    contract: Contract, codes: CodeLibrary, source: str, corrected: pl.Series
) -> str:
    """The SQL that turns one extract into its standard table.

    Args:
        contract: the dataset's contract.
        codes: the code tables.
        source: the extract as a relation in SQL.
        corrected: the fields that a relation `corrections` has rows for.
    """
    columns = contract.delivered_columns
    typed = ",\n    ".join(part for column in columns for part in _typed(column, codes))
    fields = [column for column in columns if column.name in set(corrected)]
    overlay = ",\n    ".join(
        part for column in columns for part in _laid_over(column, fields, codes)
    )
    joins = "\n".join(
        f"LEFT JOIN (SELECT record_key, delivered, value FROM corrections "
        f"WHERE field = {literal(column.name)}) AS {_alias(column)} USING (record_key)"
        for column in fields
    )
    derived = "".join(
        f",\n    {column.derive} AS {quote(column.name)}"
        for column in contract.columns
        if column.derive
    )
    return f"""
WITH typed AS (
  SELECT _row, _extract_id,
    {typed}
  FROM {source}
), keyed AS (
  SELECT *, {_record_key(contract)} AS record_key FROM typed
), corrected AS (
  SELECT record_key, _row, _extract_id, {_corrected(fields)} AS _corrected,
    {overlay}
  FROM keyed
  {joins}
)
SELECT *{derived} FROM corrected
"""


def _typed(column: Column, codes: CodeLibrary) -> list[str]:
    raw = quote(column.name)
    value = value_of(column, raw, codes)
    parts = [f"{value} AS {quote(column.name)}"]
    if column.type != "string":
        parts.append(
            f"CASE WHEN {value} IS NULL THEN clean_text({raw}) END AS {quote(delivered_name(column))}"
        )
    return parts


def _record_key(contract: Contract) -> str:
    """A row's identity as delivered; without any key value, a digest of the whole row stands in."""
    keys = [f"coalesce({_as_text(column)}, '')" for column in contract.key]
    every = ", ".join(f"coalesce({_as_text(c)}, '')" for c in contract.delivered_columns)
    none = " AND ".join(f"{key} = ''" for key in keys)
    joined = " || '|' || ".join(keys)
    return f"CASE WHEN {none} THEN '#' || substr(md5(concat_ws('|', {every})), 1, 16) ELSE {joined} END"


def _as_text(column: Column) -> str:
    """The value as shown, or what was delivered where it would not convert."""
    if column.type == "string":
        return quote(column.name)
    return f"coalesce({shown(quote(column.name), column.type)}, {quote(delivered_name(column))})"


def _alias(column: Column) -> str:
    return quote(f"correction_of_{column.name}")


def _applies(column: Column) -> str:
    """Whether a correction holds for a row: only while the source still shows what was corrected."""
    alias = _alias(column)
    return (
        f"({alias}.value IS NOT NULL AND {_as_text(column)} IS NOT DISTINCT FROM {alias}.delivered)"
    )


def _laid_over(column: Column, fields: list[Column], codes: CodeLibrary) -> list[str]:
    names = [quote(column.name)]
    if column.type != "string":
        names.append(quote(delivered_name(column)))
    if column not in fields:
        return names
    applies = _applies(column)
    value = value_of(column, f"{_alias(column)}.value", codes)
    parts = [f"CASE WHEN {applies} THEN {value} ELSE {names[0]} END AS {names[0]}"]
    if len(names) > 1:
        parts.append(f"CASE WHEN {applies} THEN NULL ELSE {names[1]} END AS {names[1]}")
    return parts


def _corrected(fields: list[Column]) -> str:
    """The names of the corrected fields of a row, comma-separated, NULL when there are none."""
    if not fields:
        return "CAST(NULL AS VARCHAR)"
    names = ", ".join(
        f"CASE WHEN {_applies(column)} THEN {literal(column.name)} END" for column in fields
    )
    return f"nullif(concat_ws(',', {names}), '')"
