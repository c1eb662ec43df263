"""The context of every stage: an open connection, the lake, the declarations, and the batch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb

from schemas.codes import CodeLibrary
from schemas.contract.library import Library
from warehouse.lake.store import Lake


@dataclass(frozen=True)
class BatchContext:
    """The context of one batch.

    Attributes:
        connection: has the function library, and the code tables in the schema `codes`.
        lake: the tables that stages read and write.
        library: the contracts.
        codes: the code tables.
        batch: the day of the batch.
    """

    connection: duckdb.DuckDBPyConnection
    lake: Lake
    library: Library
    codes: CodeLibrary
    batch: date
