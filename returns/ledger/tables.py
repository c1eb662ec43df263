"""The ledger's tables as they stand today, declared once for reading, writing and checking.

How the tables came to be (and the triggers that make them append-only) is in
`returns/migrations`; a test holds the two together. No query and no connection belongs here.
"""

import polars as pl
from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData()

# One row per act. `seq` counts 1, 2, 3 ... without a gap; `at` is UTC in ISO 8601 with
# microseconds; `detail` is canonical JSON. `previous` is unique so that the chain cannot fork.
ENTRY = Table(
    "entry",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    CheckConstraint("seq >= 1", name="entry_seq_from_one"),
    UniqueConstraint("previous", name="entry_previous_once"),
    Index("entry_kind_subject", "kind", "subject"),
    sqlite_strict=True,
)

# Accepted answers. `line` is the answer's row number in the workbook as a person sees it.
REPLY = Table(
    "reply",
    METADATA,
    Column("entry_seq", Integer, ForeignKey("entry.seq"), primary_key=True, autoincrement=False),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("ticket_id", Text, nullable=False),
    Column("dataset", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("record_key", Text, nullable=False),
    Column("field", Text),
    Column("verdict", Text, nullable=False),
    Column("observed", Text),
    Column("delivered", Text),
    Column("value", Text),
    Column("note", Text),
    Column("unit_code", Text, nullable=False),
    Column("after_batch", Text, nullable=False),
    sqlite_strict=True,
)

# Answers that were not accepted, with the reason that the sender received.
REFUSAL = Table(
    "refusal",
    METADATA,
    Column("entry_seq", Integer, ForeignKey("entry.seq"), primary_key=True, autoincrement=False),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("ticket_id", Text),
    Column("verdict", Text),
    Column("value", Text),
    Column("reason", Text, nullable=False),
    sqlite_strict=True,
)

# What a department delivered, as it was taken in; `status` is received, set_aside or confirmed.
DELIVERY = Table(
    "delivery",
    METADATA,
    Column("entry_seq", Integer, ForeignKey("entry.seq"), primary_key=True, autoincrement=False),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("extract_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("batch", Text, nullable=False),
    Column("dataset", Text),
    Column("file_sha256", Text, nullable=False),
    UniqueConstraint("extract_id", "status", name="delivery_once"),
    sqlite_strict=True,
)

# The chain over the acts that the data follows from, one row for each entry of such a kind. `number` counts on by
# one; in a ledger that is older than this table, the numbers of its older entries are their `seq`.
LINK = Table(
    "link",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("entry_seq", Integer, ForeignKey("entry.seq"), nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    CheckConstraint("number >= 1", name="link_number_from_one"),
    UniqueConstraint("entry_seq", name="link_entry_once"),
    UniqueConstraint("previous", name="link_previous_once"),
    sqlite_strict=True,
)

ROW_TABLES = (REPLY, REFUSAL, DELIVERY)


def frame_schema(table: Table) -> dict[str, pl.DataType]:
    """Polars types of a ledger table's columns, in the table's order."""
    return {
        column.name: pl.Int64() if isinstance(column.type, Integer) else pl.String()
        for column in table.columns
    }
