"""A contract as an Arrow schema: types, nullability, titles as metadata."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from schemas.contract.model import Contract, LogicalType

ARROW_TYPES: Mapping[LogicalType, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "boolean": pa.bool_(),
}


def arrow_schema(contract: Contract) -> pa.Schema:
    """The columns of the standard table; each field's metadata has its title and classification.

    Every field is nullable: a missing value is a finding, never a reason to drop a row.
    """
    fields = [
        pa.field(
            column.name,
            ARROW_TYPES[column.type],
            metadata={"title": column.title, "classification": column.classification},
        )
        for column in contract.columns
    ]
    return pa.schema(fields, metadata={"dataset": contract.id, "version": contract.version})
