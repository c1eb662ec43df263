"""A contract as a pandera schema over Polars: the structure of the standard table, checked cheaply.

Names and types only. What is wrong with single values is found by the rule engine in one pass over the table;
doing it here too would say the same thing twice and cost a second pass.
"""

from __future__ import annotations

import pandera.polars as pa

from schemas.contract.model import Contract
from schemas.emit.polars import POLARS_TYPES


def pandera_schema(contract: Contract) -> pa.DataFrameSchema:
    """The structure a dataset's standard table must have; columns beside these are allowed."""
    columns = {
        column.name: pa.Column(
            POLARS_TYPES[column.type],
            nullable=True,
            required=True,
            title=column.title,
            description=column.description or None,
        )
        for column in contract.columns
    }
    return pa.DataFrameSchema(
        columns, name=contract.id, title=contract.title, description=contract.description or None
    )
