"""How an act becomes an entry with its rows and, if the data follows from it, its link: the only writer's work.

Which acts there are, and who may enter them, is `returns.ledger.store`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
from sqlalchemy import Connection, Row, Table, insert, select

from returns.ledger.chain import DATA_ACTS, GENESIS, Act, Entry, LedgerError, canonical, digest, moment, seal
from returns.ledger.heads import add_link
from returns.ledger.tables import DELIVERY, ENTRY, frame_schema


@dataclass(frozen=True)
class EnteredDelivery:
    """A file that a department handed in, as it is entered.

    Attributes:
        extract_id: The delivery's number.
        status: received, set_aside, or confirmed: the sender stands by an unusual file.
        batch: The batch it was delivered for, YYYY-MM-DD.
        dataset: The dataset it is of; None if that is not known.
        file: Its name as it was delivered.
        file_sha256: SHA-256 of the file.
        actor: Account of the person who took it in.
        at: When, with a time zone.
    """

    extract_id: str
    status: str
    batch: str
    dataset: str | None
    file: str
    file_sha256: str
    actor: str
    at: datetime


def enter_delivery(connection: Connection, delivered: EnteredDelivery) -> Entry:
    """Enter a delivery, with its one row."""
    facts = {
        "line": 1,
        "extract_id": delivered.extract_id,
        "status": delivered.status,
        "batch": batch_name(delivered.batch),
        "dataset": delivered.dataset,
        "file_sha256": delivered.file_sha256,
    }
    rows = rows_of(pl.DataFrame([facts], schema_overrides={"dataset": pl.String}), DELIVERY, {})
    detail: dict[str, object] = {
        "extract_id": delivered.extract_id,
        "status": delivered.status,
        "batch": delivered.batch,
        "file_name": delivered.file,
        "file_sha256": delivered.file_sha256,
        "entered": 1,
    }
    subject = delivered.dataset or "unknown"
    deed = Deed(Act.DELIVERY, delivered.actor, subject, detail, delivered.at)
    return enter(connection, deed, {DELIVERY: rows})


@dataclass(frozen=True)
class Deed:
    """An act to be entered.

    Attributes:
        kind: what was done.
        actor: account of the person who did it.
        subject: what or whom it was done for.
        detail: further facts, as plain JSON.
        at: when it happened, with a time zone.
    """

    kind: Act
    actor: str
    subject: str
    detail: Mapping[str, object]
    at: datetime


def enter(connection: Connection, deed: Deed, rows: Mapping[Table, pl.DataFrame]) -> Entry:
    """Enter an act with its rows.

    Args:
        connection: The only writer's.
        deed: The act.
        rows: The rows of the entry, as `rows_of` makes them.

    Raises:
        LedgerError: A part is missing, or the detail is no plain JSON.
    """
    if not deed.actor.strip() or not deed.subject.strip():
        raise LedgerError("an entry names who did it and for whom or what")
    newest = select(ENTRY.c.seq, ENTRY.c.hash).order_by(ENTRY.c.seq.desc()).limit(1)
    last = connection.execute(newest).one_or_none()
    previous = last.hash if last else GENESIS
    fields: dict[str, object] = {
        "seq": last.seq + 1 if last else 1,
        "at": moment(deed.at),
        "actor": deed.actor,
        "kind": deed.kind.value,
        "subject": deed.subject,
        "detail": canonical(dict(deed.detail)),
        "digest": digest({table.name: frame for table, frame in rows.items()}),
    }
    sealed = {"previous": previous, "hash": seal(previous, fields)}
    row = connection.execute(insert(ENTRY).values(fields | sealed).returning(*ENTRY.c)).one()
    for table, frame in rows.items():
        if frame.height:  # an insert without values would mean a row of defaults
            numbered = frame.with_columns(pl.lit(row.seq).alias("entry_seq"))
            connection.execute(insert(table), numbered.to_dicts())
    if deed.kind in DATA_ACTS:
        add_link(connection, fields)
    return entry_of(row)


def same_file(connection: Connection, unit_code: str, file_sha256: str) -> Entry | None:
    """The entry of an answered workbook that a unit has sent in before, if it has."""
    # Canonical JSON holds the member in this one spelling; inside a text its quotes are escaped.
    member = canonical({"file_sha256": file_sha256})[1:-1]
    query = select(ENTRY).where(
        ENTRY.c.kind == Act.REPLY.value,
        ENTRY.c.subject == unit_code,
        ENTRY.c.detail.contains(member, autoescape=True),
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else entry_of(row)


def entry_of(row: Row[tuple[object, ...]]) -> Entry:
    """An entry as the database holds it."""
    stored = dict(row._mapping)
    return Entry(
        **stored
        | {
            "at": datetime.fromisoformat(row.at),
            "kind": Act(row.kind),
            "detail": json.loads(row.detail),
        }
    )


def rows_of(frame: pl.DataFrame, table: Table, same: Mapping[str, str]) -> pl.DataFrame:
    """The rows of one entry as the table wants them, `same` filled into every row."""
    schema = {name: dtype for name, dtype in frame_schema(table).items() if name != "entry_seq"}
    missing = [name for name in schema if name not in frame.columns and name not in same]
    if missing:
        raise LedgerError(f"{table.name}: columns missing: {', '.join(missing)}")
    rows = frame.with_columns(pl.lit(value).alias(name) for name, value in same.items())
    rows = rows.select(schema.keys()).cast(pl.Schema(schema)).sort("line")
    empty = [name for name in schema if not table.c[name].nullable and rows[name].has_nulls()]
    if empty:
        raise LedgerError(f"{table.name}: values missing in {', '.join(empty)}")
    if rows["line"].n_unique() != rows.height:
        raise LedgerError(f"{table.name}: a line occurs twice in one file")
    # PostgreSQL cannot hold it, and what one database holds the other must hold too.
    if any(rows.select(pl.col(pl.String).str.contains("\0", literal=True).any()).row(0)):
        raise LedgerError(f"{table.name}: a text holds a NUL character")
    return rows


def batch_name(name: str) -> str:
    """A batch by the name that it must have.

    Raises:
        LedgerError: It is not named YYYY-MM-DD.
    """
    try:
        valid = date.fromisoformat(name).isoformat() == name
    except ValueError:
        valid = False
    if not valid:
        raise LedgerError(f"a batch is named YYYY-MM-DD, not {name!r}")
    return name
