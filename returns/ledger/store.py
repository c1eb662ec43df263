"""The ledger of what people did: append, read, verify.

Append-only by design and by the database itself; the time of an act is always an argument. What
an answer means (which verdicts there are, whether it may be accepted) is decided before it comes
here; what it brings about is worked out from `Ledger.replies`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from types import TracebackType
from typing import Self

import polars as pl
from sqlalchemy import Connection, Engine, Row, Table, insert, select

from returns.ledger.audit import Fault, examine
from returns.ledger.chain import (
    GENESIS,
    Act,
    Entry,
    LedgerError,
    canonical,
    digest,
    moment,
    seal,
)
from returns.ledger.connect import connect, fetch, migrate, reading, writing
from returns.ledger.tables import ENTRY, REFUSAL, REPLY, frame_schema


class Ledger:
    """An open ledger; safe to share between threads, and between processes by its URL."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, url: str) -> Self:
        """Open a ledger; create it or bring it to the newest revision where needed.

        Args:
            url: A SQLAlchemy URL, e.g. `sqlite:////srv/zhenjie/ledger.sqlite` or
                `postgresql+psycopg://user@host/zhenjie`.

        Raises:
            LedgerError: Another kind of database, or one written by a newer release.
        """
        engine = connect(url)
        migrate(engine)
        return cls(engine)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    def append(
        self, kind: Act, actor: str, subject: str, detail: Mapping[str, object], at: datetime
    ) -> Entry:
        """Enter an act that has no rows of its own.

        Args:
            kind: What was done; answers go through `append_replies`.
            actor: Account of the person who did it.
            subject: What or whom it was done for.
            detail: What else is to be known, as plain JSON.
            at: When it happened, with a time zone.

        Raises:
            LedgerError: A part is missing or not of the kind said above.
        """
        if kind is Act.REPLY:
            raise LedgerError("answers are entered together with their rows: append_replies")
        with writing(self._engine) as connection:
            return _enter(connection, kind, actor, subject, detail, at, {})

    def append_replies(
        self,
        actor: str,
        unit_code: str,
        batch: str,
        after_batch: str,
        file_name: str,
        file_sha256: str,
        accepted: pl.DataFrame,
        refused: pl.DataFrame,
        at: datetime,
    ) -> Entry:
        """Enter one answered workbook: all of its answers, accepted and refused, or nothing.

        A file that the same unit has sent in before (same SHA-256) adds nothing: the earlier
        entry comes back with `repeated` set.

        Args:
            actor: Account of the person who sent it in.
            unit_code: Code of the unit that answers.
            batch: The batch whose package held the workbook, YYYY-MM-DD.
            after_batch: The newest batch that existed when the file came in, YYYY-MM-DD; the
                answers work in later batches only.
            file_name: The file's name as it was sent.
            file_sha256: SHA-256 of the file, 64 hex digits in lower case.
            accepted: Columns line, ticket_id, dataset, rule, record_key, field, verdict,
                observed, delivered, value, note; further columns are not kept.
            refused: Columns line, ticket_id, verdict, value, reason; further columns are not
                kept.
            at: When it came in, with a time zone.

        Raises:
            LedgerError: A column is missing, a line occurs twice, a text holds a NUL, or an
                argument is not of the kind said above.
        """
        if not re.fullmatch(r"[0-9a-f]{64}", file_sha256):
            raise LedgerError("file_sha256 must be 64 hexadecimal digits in lower case")
        rows = {
            REPLY: _rows(accepted, REPLY, {"unit_code": unit_code, "after_batch": _batch(after_batch)}),
            REFUSAL: _rows(refused, REFUSAL, {}),
        }
        detail: dict[str, object] = {
            "batch": _batch(batch),
            "file_name": file_name,
            "file_sha256": file_sha256,
            "accepted": accepted.height,
            "refused": refused.height,
        }
        with writing(self._engine) as connection:
            earlier = _same_file(connection, unit_code, file_sha256)
            if earlier is not None:
                return replace(earlier, repeated=True)
            return _enter(connection, Act.REPLY, actor, unit_code, detail, at, rows)

    def same_file(self, unit_code: str, file_sha256: str) -> Entry | None:
        """The entry of an answered workbook, should the unit have sent in this file (SHA-256) before."""
        with reading(self._engine) as connection:
            return _same_file(connection, unit_code, file_sha256)

    def replies(self, until: str | None = None) -> pl.DataFrame:
        """The accepted answers, oldest first (by entry, then line).

        Args:
            until: Only answers that work in this batch (`after_batch` before it); None for all.

        Returns:
            One row per answer with the columns of the reply table: entry_seq and line as
            integers, the others as text.
        """
        query = select(REPLY).order_by(REPLY.c.entry_seq, REPLY.c.line)
        if until is not None:
            query = query.where(REPLY.c.after_batch < _batch(until))
        with reading(self._engine) as connection:
            return fetch(connection, query, REPLY)

    def entries(self) -> list[Entry]:
        """Every entry, oldest first."""
        with reading(self._engine) as connection:
            return [_entry(row) for row in connection.execute(select(ENTRY).order_by(ENTRY.c.seq))]

    def verify(self, known: Mapping[int, str] | None = None) -> list[Fault]:
        """Recompute the chain and all digests.

        Args:
            known: Entry number to hash, for entries known from outside; only against these can
                a cut end or a wholly recomputed chain be seen (see `examine`).

        Returns:
            The faults found, each with the number of the damaged entry; empty if all is well.
        """
        with reading(self._engine) as connection:
            return examine(connection, known or {})


def _enter(
    connection: Connection,
    kind: Act,
    actor: str,
    subject: str,
    detail: Mapping[str, object],
    at: datetime,
    rows: Mapping[Table, pl.DataFrame],
) -> Entry:
    if not actor.strip() or not subject.strip():
        raise LedgerError("an entry names who did it and for whom or what")
    newest = select(ENTRY.c.seq, ENTRY.c.hash).order_by(ENTRY.c.seq.desc()).limit(1)
    last = connection.execute(newest).one_or_none()
    previous = last.hash if last else GENESIS
    fields: dict[str, object] = {
        "seq": last.seq + 1 if last else 1,
        "at": moment(at),
        "actor": actor,
        "kind": kind.value,
        "subject": subject,
        "detail": canonical(dict(detail)),
        "digest": digest({table.name: frame for table, frame in rows.items()}),
    }
    sealed = {"previous": previous, "hash": seal(previous, fields)}
    row = connection.execute(insert(ENTRY).values(fields | sealed).returning(*ENTRY.c)).one()
    for table, frame in rows.items():
        if frame.height:  # an insert without values would mean a row of defaults
            numbered = frame.with_columns(pl.lit(row.seq).alias("entry_seq"))
            connection.execute(insert(table), numbered.to_dicts())
    return _entry(row)


def _same_file(connection: Connection, unit_code: str, file_sha256: str) -> Entry | None:
    # Canonical JSON holds the member in this one spelling; inside a text its quotes are escaped.
    member = canonical({"file_sha256": file_sha256})[1:-1]
    query = select(ENTRY).where(
        ENTRY.c.kind == Act.REPLY.value,
        ENTRY.c.subject == unit_code,
        ENTRY.c.detail.contains(member, autoescape=True),
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _entry(row)


def _entry(row: Row[tuple[object, ...]]) -> Entry:
    stored = dict(row._mapping)
    return Entry(
        **stored
        | {
            "at": datetime.fromisoformat(row.at),
            "kind": Act(row.kind),
            "detail": json.loads(row.detail),
        }
    )


def _rows(frame: pl.DataFrame, table: Table, same: Mapping[str, str]) -> pl.DataFrame:
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


def _batch(name: str) -> str:
    try:
        valid = date.fromisoformat(name).isoformat() == name
    except ValueError:
        valid = False
    if not valid:
        raise LedgerError(f"a batch is named YYYY-MM-DD, not {name!r}")
    return name
