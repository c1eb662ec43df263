"""Verification of the ledger: recompute the chain and every digest, name what does not fit.

Reads only. The docstring of `examine` lists what it can and cannot detect.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import polars as pl
from sqlalchemy import Connection, Row, Table, exists, func, select

from returns.ledger.chain import GENESIS, digest, link_hash, seal
from returns.ledger.connect import fetch
from returns.ledger.losses import accepted_losses
from returns.ledger.tables import ENTRY, LINK, ROW_TABLES

# Entries checked at a time: bounds the memory, whatever the ledger's size.
_WINDOW = 1_000

RowsByEntry = Mapping[str, Mapping[int, pl.DataFrame]]


class LedgerDamage(StrEnum):
    """What is wrong with an entry."""

    MISSING = "missing"  # one or more entries are gone
    ALTERED = "altered"  # its fields do not give its hash
    UNLINKED = "unlinked"  # it does not continue the entry before it
    ROWS = "rows"  # its rows do not give its digest
    STRAY = "stray"  # rows are left whose entry is gone
    REWRITTEN = "rewritten"  # consistent in itself, but not the entry known from outside


# What is left where an entry is gone: no more is to be said of it once its loss was accepted.
_LEAVES = frozenset({LedgerDamage.MISSING, LedgerDamage.STRAY, LedgerDamage.ROWS})


@dataclass(frozen=True)
class Fault:
    """One fault found; the message is for engineers and holds no resident data.

    Attributes:
        seq: The damaged entry; of several that are missing together, the first.
        damage: What is wrong with it.
        message: The same as a sentence, with what was found.
    """

    seq: int
    damage: LedgerDamage
    message: str


def examine(connection: Connection, known: Mapping[int, str]) -> list[Fault]:
    """Check every entry and its rows, in order.

    Finds every change, removal or addition in what is chained, and rows that lost their entry.
    Two things leave no trace inside the database: entries cut off at the very end together with
    their rows, and a chain recomputed from some entry on by someone who may write everything.
    Both show against `known`.

    Args:
        connection: In a transaction that sees one state of the ledger.
        known: Entry number to hash, for entries known from outside (a receipt, a backup, a
            published figure); may be empty.

    Returns:
        The faults in the order of the chain; rows without an entry and known entries that lie
        beyond the end come last. Empty if all is well.
    """
    faults: list[Fault] = []
    last, last_hash = 0, GENESIS
    while window := connection.execute(
        select(ENTRY).where(ENTRY.c.seq > last).order_by(ENTRY.c.seq).limit(_WINDOW)
    ).all():
        rows = {table.name: _rows_by_entry(connection, table, last, window[-1].seq) for table in ROW_TABLES}
        for entry in window:
            faults += _chain_faults(entry, last, last_hash, known)
            faults += _row_faults(entry, rows)
            last, last_hash = entry.seq, entry.hash
    faults += _link_faults(connection, {fault.seq for fault in faults})
    faults += _stray_rows(connection)
    faults += [
        Fault(seq, LedgerDamage.MISSING, f"entry {seq} is known from outside; the ledger ends at {last}")
        for seq in sorted(known)
        if seq > last
    ]
    gone = accepted_losses(connection).gone
    return [fault for fault in faults if fault.damage not in _LEAVES or fault.seq not in gone]


def _chain_faults(
    entry: Row[tuple[object, ...]], last: int, last_hash: str, known: Mapping[int, str]
) -> Iterator[Fault]:
    seq = entry.seq
    if seq != last + 1:
        gone = f"entry {last + 1} is" if seq == last + 2 else f"entries {last + 1} to {seq - 1} are"
        yield Fault(last + 1, LedgerDamage.MISSING, f"{gone} missing")
    elif entry.previous != last_hash:
        yield Fault(seq, LedgerDamage.UNLINKED, f"entry {seq} does not carry the hash of entry {last}")
    if seal(entry.previous, entry._asdict()) != entry.hash:
        message = f"entry {seq}: its hash does not follow from its fields"
        yield Fault(seq, LedgerDamage.ALTERED, message)
    if known.get(seq, entry.hash) != entry.hash:
        yield Fault(seq, LedgerDamage.REWRITTEN, f"entry {seq} has another hash than the one known")


def _row_faults(entry: Row[tuple[object, ...]], rows: RowsByEntry) -> Iterator[Fault]:
    own = {table: frames[entry.seq] for table, frames in rows.items() if entry.seq in frames}
    if digest(own) != entry.digest:
        found = ", ".join(f"{frame.height} of {table}" for table, frame in own.items()) or "none"
        message = f"entry {entry.seq}: its rows ({found}) are not the ones entered"
        yield Fault(entry.seq, LedgerDamage.ROWS, message)


def _rows_by_entry(connection: Connection, table: Table, after: int, until: int) -> dict[int, pl.DataFrame]:
    seq = table.c.entry_seq
    frame = fetch(connection, select(table).where(seq > after, seq <= until), table)
    parts = frame.partition_by("entry_seq", as_dict=True, include_key=False)
    return {int(key): part for (key,), part in parts.items()}


def _link_faults(connection: Connection, named: set[int]) -> Iterator[Fault]:
    """Links that do not follow from each other, or from their entry, unless that is `named` already."""
    gone = accepted_losses(connection).gone
    last_number, last_seq, last_hash = 0, 0, GENESIS
    newest = connection.scalar(select(func.max(ENTRY.c.seq))) or 0
    sealed = (ENTRY.c.seq, ENTRY.c.kind, ENTRY.c.subject, ENTRY.c.detail, ENTRY.c.digest)
    query = select(LINK, *sealed).outerjoin_from(LINK, ENTRY, LINK.c.entry_seq == ENTRY.c.seq)
    while window := connection.execute(
        query.where(LINK.c.number > last_number).order_by(LINK.c.number).limit(_WINDOW)
    ).all():
        for link in window:
            seq = link.entry_seq
            if link.previous != last_hash and not any(last_seq < lost < seq for lost in gone):
                message = f"link {link.number} (entry {seq}) does not carry the hash of link {last_number}"
                yield Fault(seq, LedgerDamage.UNLINKED, message)
            if link.seq is None:
                if seq > newest:
                    yield Fault(
                        seq, LedgerDamage.MISSING, f"entry {seq} is missing, its link {link.number} is left"
                    )
            elif link_hash(link.previous, link._asdict()) != link.hash and seq not in named:
                message = f"entry {seq}: the hash of its link {link.number} does not follow from its fields"
                yield Fault(seq, LedgerDamage.ALTERED, message)
            last_number, last_seq, last_hash = link.number, seq, link.hash


def _stray_rows(connection: Connection) -> Iterator[Fault]:
    for table in ROW_TABLES:
        seq = table.c.entry_seq
        query = (
            select(seq, func.count()).where(~exists().where(ENTRY.c.seq == seq)).group_by(seq).order_by(seq)
        )
        for number, count in connection.execute(query):
            message = f"{count} rows of {table.name} belong to entry {number}, which is gone"
            yield Fault(number, LedgerDamage.STRAY, message)
