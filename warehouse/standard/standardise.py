"""Standardisation: delivered text becomes typed, normalised, coded columns; confirmed corrections are applied.

This module drops no row and judges no value. A text that does not convert stays in `<column>__delivered`, where the
rules find it. Example: `2023-13-01` in `birth_date` gives NULL, and `birth_date__delivered` keeps the text. Corrections
are a table. Only new rows, and rows that a correction affects, are made (`warehouse.lake.partition`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import polars as pl

from schemas.codes import CodeLibrary
from schemas.contract.model import Column, Contract
from schemas.emit.sql import literal, quote
from warehouse.collect.extracts.snapshot_diff import deliveries_of
from warehouse.engine.functions import library_digest
from warehouse.engine.templates import template
from warehouse.home.files import digest_of, digest_of_frame
from warehouse.incremental.context import BatchContext
from warehouse.incremental.inputs import Inputs, Predecessor
from warehouse.incremental.machine import bring_up_to_date
from warehouse.incremental.scratch import Scratch
from warehouse.incremental.stage import Stage, Work
from warehouse.lake.layers import Input, Layer
from warehouse.lake.partition import Partition
from warehouse.lake.store import Lake
from warehouse.standard.values import coded, delivered_name, read, shown, value_of

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


def standardise(context: BatchContext, contract: Contract, corrections: pl.DataFrame) -> Partition | None:
    """Write the standard table of one dataset for a batch, if an input changed.

    Columns: `record_key`; `_row`, unique for each row; `_extract_id`, `_line` and `_sheet`, where a person finds the
    row: the delivery, the row in its file, and the sheet if the file has several; `_corrected`, a map from each
    corrected field to the value that the source delivers, NULL without a correction; the contract's columns;
    `<column>__delivered` for columns that are not text. Rows keep the order of delivery. If a dataset takes deltas,
    the newest delivery that names a record decides: its values count, or it deletes the record.

    Args:
        context: the batch; its newest extract is read.
        contract: the dataset's contract.
        corrections: columns as in `CORRECTIONS`, one row per record and field. A correction replaces `delivered`
            (the source's value as shown text) by `value`. It no longer applies when the source shows any other text.

    Returns:
        The partition in force, or None when the dataset was never delivered.
    """
    extracts = extracts_in_force(context.lake, contract.id, context.batch)
    if not extracts:
        return None
    own = (
        corrections.filter(pl.col("dataset") == contract.id)
        .select("record_key", "field", "delivered", "value")
        .sort("record_key", "field")
    )
    return bring_up_to_date(context, StandardStage(contract, context.codes, tuple(extracts), own))


@dataclass(frozen=True, eq=False)
class StandardStage(Stage):
    """The standard table of a dataset; each row has the number of its extract row."""

    contract: Contract
    codes: CodeLibrary
    extracts: tuple[Partition, ...]
    corrections: pl.DataFrame

    layer = Layer.STANDARD
    patched = True
    spares_few = True
    identity = "_row"

    @property
    def table(self) -> str:
        """The dataset."""
        return self.contract.id

    @property
    def rows_read(self) -> int:
        """The delivered rows."""
        return sum(extract.rows for extract in self.extracts)

    @cached_property
    def inputs(self) -> Inputs:
        """The contract, the code tables and functions, the files of the extracts, and the corrections."""
        contract, columns = self.contract, [column.name for column in self.contract.delivered_columns]
        return Inputs(
            program={
                Input.CONTRACT: contract.digest,
                # The query's text has the labels; its functions look codes up when it runs.
                Input.CODES: self.codes.digest,
                Input.QUERY: digest_of(standard_query(contract, self.codes, "extract", columns)),
                Input.FUNCTIONS: library_digest(),
            },
            values={
                Input.CORRECTIONS: digest_of_frame(self.corrections),
                **{Input.EXTRACT_FILE.of(batch): content for batch, content in self._files.items()},
            },
        )

    @cached_property
    def _files(self) -> dict[str, str]:
        """Every extract file of the rows: the batch that wrote it → its content."""
        # A delta without rows (it was delivered before) changes nothing, so it is not an input.
        speaking = [extract for extract in self.extracts if extract.rows or extract.facts.get("whole", True)]
        return {batch: content for extract in speaking for batch, content in extract.origins.items()}

    def affected(self, before: Predecessor, scratch: Scratch) -> str | None:
        """The new and deleted rows, rows with a present or an earlier correction, and rows of the same records."""
        if not self.contract.key:
            return None  # equal rows are numbered: the number depends on all of them
        earlier = {batch: before.value(Input.EXTRACT_FILE.of(batch)) for batch in self._files}
        if any(then not in (None, self._files[batch]) for batch, then in earlier.items()):
            return None  # the same row number may now be another row
        base, delivered = before.partition.scan, delivered_rows(self.contract, self.extracts)
        scratch.frame("corrections", self.corrections)
        came = f"(SELECT * FROM {delivered} ANTI JOIN {base} USING (_row))"
        corrected = (
            f"SELECT _row, record_key FROM {base} "
            "WHERE _corrected IS NOT NULL OR record_key IN (SELECT record_key FROM corrections)"
        )
        queries = [
            f"SELECT _row FROM {came}",
            f"SELECT _row FROM {base} ANTI JOIN {delivered} USING (_row)",
            f"SELECT _row FROM ({corrected})",
        ]
        if self.contract.takes_deltas:
            # If a record is delivered again, all of its rows are affected.
            keys = standard_query(self.contract, self.codes, came, (), present="keyed")
            queries.append(f"SELECT _row FROM {base} WHERE record_key IN (SELECT record_key FROM ({keys}))")
        return " UNION ".join(queries)

    def rows(self, work: Work) -> str:
        """The SQL of `standard_query`."""
        work.scratch.frame("corrections", self.corrections)
        source = delivered_rows(self.contract, self.extracts)
        if work.affected is not None:
            source = f"(SELECT * FROM {source} WHERE _row IN ({work.of_affected}))"
        fields = self.corrections.get_column("field").unique().to_list()
        return standard_query(self.contract, self.codes, source, fields)


def extracts_in_force(lake: Lake, dataset: str, batch: date) -> list[Partition]:
    """The extracts in force on the batch's day: the newest snapshot and all deltas after it."""
    found: list[Partition] = []
    for day in reversed([day for day in lake.batches(Layer.EXTRACT, dataset) if day <= batch]):
        extract = lake.partition(Layer.EXTRACT, dataset, day)
        if extract is not None:
            found.insert(0, extract)
            if extract.facts.get("whole", True):
                break
    return found


def delivered_rows(contract: Contract, extracts: Sequence[Partition]) -> str:
    """The extracts as one relation; a column that an older extract lacks is NULL there.

    `_delivery` groups the rows: all rows of the snapshot are one group, and each delta is one group.
    """
    columns = ", ".join(f"CAST(NULL AS VARCHAR) AS {quote(c.name)}" for c in contract.delivered_columns)
    parts = [f"SELECT {columns} WHERE false"]
    for extract in extracts:
        deltas = ", ".join(literal(delta) for delta in deltas_of(extract))
        together = f"CASE WHEN _extract_id IN ({deltas}) THEN _extract_id ELSE '' END" if deltas else "''"
        parts.append(f"SELECT *, {together} AS _delivery FROM {extract.scan}")
    return f"({' UNION ALL BY NAME '.join(parts)})"


def deltas_of(extract: Partition) -> list[str]:
    """The identifiers of an extract's deliveries that are deltas."""
    return [str(told["extract_id"]) for told in deliveries_of(extract) if told["delivery"] == "delta"]


def standard_query(
    contract: Contract,
    codes: CodeLibrary,
    source: str,
    corrected: Collection[str],
    present: str | None = None,
) -> str:
    """The SQL that turns extracts into their standard table, without an order of rows.

    Args:
        contract: the dataset's contract.
        codes: the code tables.
        source: the extracts in force as a relation in SQL.
        corrected: the fields that have rows in the relation `corrections`.
        present: the step whose rows are used, instead of the rows in force.
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
    """The cleaned or parsed cell; a parsed column is followed by the delivered cell."""
    raw = quote(column.name)
    parts = [f"{read(column, raw, codes)} AS {raw}"]
    if column.type != "string":
        parts.append(f"{raw} AS {quote(delivered_name(column))}")
    return parts


def _coded(column: Column, codes: CodeLibrary) -> list[str]:
    """The cell's value; a parsed column is followed by the text that did not convert."""
    name = quote(column.name)
    parts = [f"{coded(column, name, codes)} AS {name}"]
    if column.type != "string":
        delivered = quote(delivered_name(column))
        parts.append(f"CASE WHEN {name} IS NULL THEN clean_text({delivered}) END AS {delivered}")
    return parts


def _record_key(contract: Contract) -> str:
    """A row's identity as delivered; a row without any key value gets a digest of the whole row.

    If the dataset has no key, equal rows are numbered in the order of delivery.
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
    """The rows in force: for each record the rows of its newest delivery, unless this delivery deletes the record."""
    if not contract.takes_deltas:
        return "SELECT * FROM keyed"
    newest = "SELECT * FROM keyed QUALIFY _delivery = arg_max(_delivery, _row) OVER (PARTITION BY record_key)"
    if contract.change is None:
        return newest
    column = contract.column(contract.change.column)
    gone = ", ".join(value_of(column, literal(value), codes) for value in contract.change.removed)
    return f"SELECT * FROM ({newest}) WHERE NOT coalesce({quote(column.name)} IN ({gone}), false)"


def _as_text(column: Column) -> str:
    """The value as shown text, or the delivered text if it did not convert."""
    if column.type == "string":
        return quote(column.name)
    return f"coalesce({shown(quote(column.name), column.type)}, {quote(delivered_name(column))})"


def _corrections(fields: list[Column], codes: CodeLibrary) -> str:
    """The steps that join each row with the correction of its record: corrected values, and whether they apply."""
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
        # A correction applies only while the source still shows the value that was corrected.
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
    """The corrected fields of a row, each with the delivered value; NULL without corrections."""
    if not fields:
        return "CAST(NULL AS MAP(VARCHAR, VARCHAR))"
    entries = ", ".join(
        f"CASE WHEN {_applies(column)} "
        f"THEN {{'key': {literal(column.name)}, 'value': {_as_text(column)}}} END"
        for column in fields
    )
    some = " OR ".join(_applies(column) for column in fields)
    return f"CASE WHEN {some} THEN map_from_entries(list_filter([{entries}], lambda e: e IS NOT NULL)) END"
