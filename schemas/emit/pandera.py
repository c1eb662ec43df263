"""A contract as a pandera schema over Polars: the names and types of the standard table.

It does not check values: the rule engine finds wrong values in one pass over the table. A check here would report them
twice and cost a second pass.
"""

from __future__ import annotations

import pandera.polars as pa

from schemas.contract.model import Contract
from schemas.emit.polars import POLARS_TYPES


def pandera_schema(contract: Contract) -> pa.DataFrameSchema:
    """The structure of a dataset's standard table. Further columns are allowed."""
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
