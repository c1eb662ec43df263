"""The head of the chain over the acts that the data follows from, and its links.

A head is the number of a link with its hash. Published databases and packages carry one, so that a ledger that lost
its end, or was written anew, does not fit them any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select

from returns.ledger.chain import GENESIS, link_hash
from returns.ledger.tables import DELIVERY, LINK, REPLY


@dataclass(frozen=True)
class LedgerHead:
    """A link by its number and its hash; number 0 is the beginning, before any act."""

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> LedgerHead:
        """A head as `str` writes it.

        Raises:
            ValueError: the text is not a head.
        """
        number, _, hash_ = text.partition(":")
        if len(hash_) != len(GENESIS):
            raise ValueError(f"{text[:80]!r} is no head of a ledger")
        return cls(int(number), hash_)


NO_ACTS = LedgerHead(0, GENESIS)


@dataclass(frozen=True)
class KnownHead:
    """A head that something outside the ledger carries; `place` is what people call that thing."""

    place: str
    head: LedgerHead


def newest_head(connection: Connection) -> LedgerHead:
    """The head after the last act."""
    found = connection.execute(select(LINK.c.number, LINK.c.hash).order_by(LINK.c.number.desc()).limit(1))
    row = found.one_or_none()
    return LedgerHead(row.number, row.hash) if row else NO_ACTS


def head_of_batch(connection: Connection, batch: str) -> LedgerHead:
    """The head at the last act that a batch follows from.

    A batch follows from the deliveries of its day and before, and from the answers that work by then. Acts that come
    later leave its head as it is. Example: an answer to batch 2 March counts from batch 3 March on.

    Args:
        connection: in a transaction.
        batch: YYYY-MM-DD.
    """
    answered = select(func.max(REPLY.c.entry_seq)).where(REPLY.c.after_batch < batch).scalar_subquery()
    delivered = (
        select(func.max(DELIVERY.c.entry_seq))
        .where(DELIVERY.c.batch <= batch, DELIVERY.c.status != "set_aside")
        .scalar_subquery()
    )
    found = connection.execute(
        select(LINK.c.number, LINK.c.hash)
        .where(LINK.c.entry_seq.in_([answered, delivered]))
        .order_by(LINK.c.number.desc())
        .limit(1)
    ).one_or_none()
    return LedgerHead(found.number, found.hash) if found else NO_ACTS


def add_link(connection: Connection, entry: Mapping[str, object]) -> None:
    """Link an entry that has just been written to the chain.

    Args:
        connection: the only writer's.
        entry: its seq, kind, subject, detail (as the text stored) and digest.
    """
    last = newest_head(connection)
    fields: dict[str, object] = {**entry, "number": last.number + 1}
    connection.execute(
        insert(LINK).values(
            number=fields["number"],
            entry_seq=entry["seq"],
            previous=last.hash,
            hash=link_hash(last.hash, fields),
        )
    )
