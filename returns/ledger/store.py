"""The ledger of what people did: append, read, verify.

Append-only by design and by the database itself; the time of an act is always an argument. What
an answer means (which verdicts there are, whether it may be accepted) is decided before it comes
here; what it brings about is worked out from `Ledger.replies`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl
from sqlalchemy import Connection, Engine, select

from returns.ledger.audit import Fault, examine
from returns.ledger.chain import Act, Entry, LedgerError, LedgerLoss
from returns.ledger.connect import (
    FIRST_WITH_LINKS,
    Triggers,
    connect,
    fetch,
    guard,
    migrate,
    reading,
    writing,
)
from returns.ledger.entering import (
    Deed,
    EnteredDelivery,
    batch_name,
    enter,
    enter_delivery,
    entry_of,
    rows_of,
    same_file,
)
from returns.ledger.heads import KnownHead, LedgerHead, head_of_batch, newest_head
from returns.ledger.losses import ACCEPT, Gone, Loss, accepted_losses, distinct, fits, lines_of, losses
from returns.ledger.tables import DELIVERY, ENTRY, LINK, REFUSAL, REPLY
from returns.ledger.witness import Witness, Witnessed


@dataclass(frozen=True)
class AnsweredWorkbook:
    """An answered workbook that came in.

    Attributes:
        actor: account of the person who sent it in.
        unit_code: code of the unit that answers.
        batch: the batch whose package held the workbook, YYYY-MM-DD.
        after_batch: the newest batch that existed when the file came in, YYYY-MM-DD; the answers work in later
            batches only.
        file_name: the file's name as it was sent.
        file_sha256: SHA-256 of the file, 64 hex digits in lower case.
        at: when it came in, with a time zone.
    """

    actor: str
    unit_code: str
    batch: str
    after_batch: str
    file_name: str
    file_sha256: str
    at: datetime


class Ledger:
    """An open ledger; safe to share between threads, and between processes by its URL."""

    def __init__(self, engine: Engine, witness: Witness | None = None) -> None:
        self._engine = engine
        self._witness = witness
        self.triggers = Triggers()
        """The triggers that were missing when it was opened."""

    @classmethod
    def open(cls, url: str, witness: Path | None = None) -> Self:
        """Open a ledger; create it or bring it to the newest revision where needed.

        Triggers that are missing are created again, and a warning is logged.

        Args:
            url: A SQLAlchemy URL, e.g. `sqlite:////srv/zhenjie/ledger.sqlite` or
                `postgresql+psycopg://user@host/zhenjie`.
            witness: The file that keeps a line for each entry (see `returns.ledger.witness`). Without it nothing
                can be appended unnoticed, but a loss is not noticed either: for readers.

        Raises:
            LedgerError: Another kind of database, or one written by a newer release.
        """
        engine = connect(url)
        before = migrate(engine)
        ledger = cls(engine, Witness(witness) if witness else None)
        ledger.triggers = guard(engine)
        # A ledger that had a witness once and has none now has lost it: that is not made good in silence.
        if before is None or before < FIRST_WITH_LINKS:
            ledger.make_witness()
        return ledger

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
        with self._appending() as connection:
            return enter(connection, Deed(kind, actor, subject, detail, at), {})

    def append_replies(
        self, workbook: AnsweredWorkbook, accepted: pl.DataFrame, refused: pl.DataFrame
    ) -> Entry:
        """Enter one answered workbook: all of its answers, accepted and refused, or nothing.

        A file that the same unit has sent in before (same SHA-256) adds nothing: the earlier
        entry comes back with `repeated` set.

        Args:
            workbook: What came in, and from whom.
            accepted: Columns line, ticket_id, dataset, rule, record_key, field, verdict,
                observed, delivered, value, note; further columns are not kept.
            refused: Columns line, ticket_id, verdict, value, reason; further columns are not
                kept.

        Raises:
            LedgerError: A column is missing, a line occurs twice, a text holds a NUL, or an
                argument is not of the kind said above.
        """
        if not re.fullmatch(r"[0-9a-f]{64}", workbook.file_sha256):
            raise LedgerError("file_sha256 must be 64 hexadecimal digits in lower case")
        unit_code = workbook.unit_code
        answered = {"unit_code": unit_code, "after_batch": batch_name(workbook.after_batch)}
        rows = {
            REPLY: rows_of(accepted, REPLY, answered),
            REFUSAL: rows_of(refused, REFUSAL, {}),
        }
        detail: dict[str, object] = {
            "batch": batch_name(workbook.batch),
            "file_name": workbook.file_name,
            "file_sha256": workbook.file_sha256,
            "accepted": accepted.height,
            "refused": refused.height,
        }
        with self._appending() as connection:
            earlier = same_file(connection, unit_code, workbook.file_sha256)
            if earlier is not None:
                return replace(earlier, repeated=True)
            return enter(connection, Deed(Act.REPLY, workbook.actor, unit_code, detail, workbook.at), rows)

    def same_file(self, unit_code: str, file_sha256: str) -> Entry | None:
        """The entry of an answered workbook, should the unit have sent in this file (SHA-256) before."""
        with reading(self._engine) as connection:
            return same_file(connection, unit_code, file_sha256)

    def replies(self, until: str | None = None) -> pl.DataFrame:
        """The accepted answers, oldest first (by entry, then line).

        Args:
            until: Only answers that work in this batch (`after_batch` before it); None for all.

        Returns:
            One row per answer with the columns of the reply table, and `act`: the number of its entry among the
            acts that the data follows from. entry_seq, line and act are integers, the others text.
        """
        query = select(REPLY).order_by(REPLY.c.entry_seq, REPLY.c.line)
        if until is not None:
            query = query.where(REPLY.c.after_batch < batch_name(until))
        with reading(self._engine) as connection:
            links = fetch(connection, select(LINK).order_by(LINK.c.number), LINK)
            found = fetch(connection, query, REPLY)
        numbers = links.select("entry_seq", act="number")
        return found.join(numbers, on="entry_seq", how="left", maintain_order="left")

    def enter_deliveries(self, deliveries: Sequence[EnteredDelivery]) -> int:
        """Enter what departments delivered, in the order given; what is entered already is passed over.

        Returns:
            How many were entered.
        """
        if not deliveries:
            return 0
        with self._appending() as connection:
            entered = connection.execute(select(DELIVERY.c.extract_id, DELIVERY.c.status))
            known = {(extract_id, status) for extract_id, status in entered}
            new = [found for found in deliveries if (found.extract_id, found.status) not in known]
            for delivered in new:
                enter_delivery(connection, delivered)
        return len(new)

    def deliveries(self) -> pl.DataFrame:
        """Every delivery that was entered, oldest first, with the columns of the delivery table."""
        query = select(DELIVERY).order_by(DELIVERY.c.entry_seq, DELIVERY.c.line)
        with reading(self._engine) as connection:
            return fetch(connection, query, DELIVERY)

    def lost_deliveries(self) -> frozenset[str]:
        """The deliveries whose files were accepted to be lost, by their numbers."""
        with reading(self._engine) as connection:
            return accepted_losses(connection).deliveries

    def head(self, batch: str | None = None) -> LedgerHead:
        """The head of the chain that the data follows from: now, or at the last act that a batch follows from."""
        with reading(self._engine) as connection:
            return head_of_batch(connection, batch_name(batch)) if batch else newest_head(connection)

    def losses(self, known: Sequence[KnownHead] = (), *, thorough: bool = False) -> list[Loss]:
        """What is gone from the ledger, as it shows inside, against the witness, and against heads known outside.

        Args:
            known: Heads read before this call.
            thorough: Whether to compare every line of the witness, not the last only.
        """
        lines: list[Witnessed] = []
        newest: list[Witnessed] = []
        if self._witness is not None:
            newest = self._newest()
            lines = newest
            with reading(self._engine) as connection:
                whole = all(fits(connection, line) for line in newest)
            if thorough or not whole:
                lines = self._witnessed()
        with reading(self._engine) as connection:
            found = list(losses(connection, lines, known))
        # Read the whole witness only after a loss is found, to name all lost entries. A gap shows without the witness.
        if found and len(lines) <= len(newest) and self._witness is not None:
            with reading(self._engine) as connection:
                found = list(losses(connection, self._witnessed(), known))
        return distinct(found)

    def refuse_losses(self, known: Sequence[KnownHead] = ()) -> None:
        """Refuse a ledger that has lost entries; otherwise add its new entries to the witness.

        Raises:
            LedgerLoss: something is gone; says what, and what to do.
        """
        found = self.losses(known)
        if found:
            raise LedgerLoss("\n".join([*(loss.brief for loss in found), ACCEPT]))
        self._catch_up()

    def accept_losses(
        self, actor: str, reason: str, known: Sequence[KnownHead], gone: Gone, at: datetime
    ) -> Entry | None:
        """Go on with a ledger from which entries are gone, on purpose: enter who says so, and why.

        Args:
            actor: Account of the person who answers for it.
            reason: Why the entries cannot be had again.
            known: Heads that things outside the ledger carry; those that do not fit need not fit any more.
            gone: Files that are gone or replaced, and need not be as they were any more.
            at: When, with a time zone.

        Returns:
            The entry; None if nothing is gone.

        Raises:
            LedgerError: no reason is given.
        """
        if not reason.strip():
            raise LedgerError("a loss is accepted for a reason")
        found = self.losses(known, thorough=True)
        if not found and not gone.deliveries and not gone.places:
            return None
        lost = {line.seq: line for loss in found for line in loss.lost}
        detail: dict[str, object] = {
            "reason": reason,
            "entries": sorted({loss.entries for loss in found if loss.entries}),
            "acts": sorted({loss.acts for loss in found if loss.acts}),
            "deliveries": sorted(gone.deliveries),
            "heads": sorted({str(head) for loss in found for head in loss.heads}),
            "lost": [
                {"seq": line.seq, "kind": line.kind, "subject": line.subject, "at": line.at}
                for _, line in sorted(lost.items())
            ],
        }
        if gone.places:
            detail["places"] = sorted(gone.places)
        with writing(self._engine) as connection:
            entry = enter(connection, Deed(Act.LOSS, actor, "ledger", detail, at), {})
        if self._witness is not None:
            with reading(self._engine) as connection:
                self._witness.replace(lines_of(connection, 0))
        return entry

    def witness_is_missing(self) -> bool:
        """Whether the file that there should be a line for each entry in is not there."""
        return self._witness is not None and not self._witness.exists()

    def witness_is_cut(self) -> bool:
        """Whether the file lacks lines that it once had: it was cut short, or is an older copy."""
        return self._witness is not None and self._witness.is_cut()

    def _newest(self) -> list[Witnessed]:
        """The newest line of the witness, and the one that it must have; both are one where it is whole."""
        if self._witness is None:
            return []
        last, mark = self._witness.last(), self._witness.mark()
        found = {line.seq: line for line in (mark, last) if line is not None}
        return [found[seq] for seq in sorted(found)]

    def _witnessed(self) -> list[Witnessed]:
        """All lines of the witness, and the one that it must have."""
        assert self._witness is not None
        lines, mark = self._witness.lines(), self._witness.mark()
        if mark is None or (lines and lines[-1].seq >= mark.seq):
            return lines
        return [*lines, mark]

    def make_witness(self) -> None:
        """Begin the witness, or catch it up with the ledger."""
        if self._witness is not None:
            self._witness.catch_up(self._after)

    def entries(self) -> list[Entry]:
        """Every entry, oldest first."""
        with reading(self._engine) as connection:
            return [entry_of(row) for row in connection.execute(select(ENTRY).order_by(ENTRY.c.seq))]

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

    @contextmanager
    def _appending(self) -> Iterator[Connection]:
        """A transaction of the only writer, in a ledger that is not behind its witness."""
        with writing(self._engine) as connection:
            if not all(fits(connection, line) for line in self._newest()):
                raise LedgerLoss("台账缺少已经登记过的内容，不再登记新的。请运行 zhenjie doctor 查看缺少哪些")
            yield connection
        self._catch_up()

    def _catch_up(self) -> None:
        # One that was cut short is made whole by whoever says so; see `make_witness`.
        if self._witness is not None and self._witness.exists() and not self._witness.is_cut():
            self._witness.catch_up(self._after)

    def _after(self, last: Witnessed | None) -> list[Witnessed]:
        """The entries after the witness's last line; none for one that this ledger is behind."""
        with reading(self._engine) as connection:
            return lines_of(connection, last.seq if last else 0) if fits(connection, last) else []
