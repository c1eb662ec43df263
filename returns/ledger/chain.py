"""What an entry is and how its content becomes a digest and a hash: pure functions, no database.

The canonical form defined here is part of the ledger: changing it makes every existing chain
fail its verification.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import polars as pl

GENESIS = "0" * 64
"""What the first entry gives as the hash before it."""


class LedgerError(ValueError):
    """The ledger refuses what it was given; the message holds no resident data."""


class LedgerLoss(LedgerError):
    """The ledger lacks entries that it once had; names them, in Chinese, and says what to do."""


class Act(StrEnum):
    """The kinds of act that are entered. An open set: a new kind is a member and its title."""

    DELIVERY = "delivery"
    REPLY = "reply"
    QUERY = "query"
    RESULT = "result"
    LOSS = "loss"

    @property
    def title_zh(self) -> str:
        """What people call it."""
        return _TITLES_ZH[self]


_TITLES_ZH = {
    Act.DELIVERY: "部门交付",
    Act.REPLY: "核实答复",
    Act.QUERY: "查询",
    Act.RESULT: "查询结果",
    Act.LOSS: "台账缺失确认",
}

DATA_ACTS = frozenset({Act.DELIVERY, Act.REPLY, Act.LOSS})
"""The acts that the data follows from. They have a chain of their own, which queries do not lengthen."""


@dataclass(frozen=True)
class Entry:
    """One act as it stands in the ledger.

    Attributes:
        seq: Place in the chain, from 1.
        at: When it happened (UTC).
        actor: Account of the person who did it.
        kind: What was done.
        subject: What or whom it was done for, e.g. a township's code.
        detail: What else is to be known of the act.
        digest: SHA-256 (hex) over the canonical content of the entry's rows.
        previous: Hash of the entry before.
        hash: SHA-256 (hex) over `previous` and the canonical form of all the fields above it.
        repeated: True if this act had been entered before and nothing was added now.
    """

    seq: int
    at: datetime
    actor: str
    kind: Act
    subject: str
    detail: dict[str, object]
    digest: str
    previous: str
    hash: str
    repeated: bool = False


def canonical(content: object) -> str:
    """JSON with sorted keys, no white space and characters as they are: one text per content.

    Raises:
        LedgerError: The content has no such text (NaN, or a type that JSON lacks).
    """
    try:
        return json.dumps(content, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise LedgerError(f"an entry's detail must be plain JSON: {error}") from error


def moment(at: datetime) -> str:
    """A point in time as the ledger writes it: UTC, ISO 8601, always with microseconds.

    Raises:
        LedgerError: The time has no zone.
    """
    if at.utcoffset() is None:
        raise LedgerError("the time of an entry needs a time zone")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def digest(rows: Mapping[str, pl.DataFrame]) -> str:
    """SHA-256 (hex) over the rows of one entry.

    The canonical content is a JSON object: table name to column name to the column's values in
    the order of `line`. Tables without rows and columns without values are left out, so that a
    table or a column added later does not change the digest of what was entered before.

    Args:
        rows: Table name to its rows: a `line` column, unique, and text columns.
    """
    content = {
        table: {
            column.name: column.to_list()
            for column in frame.sort("line").iter_columns()
            if column.null_count() < column.len()
        }
        for table, frame in rows.items()
        if frame.height
    }
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def seal(previous: str, fields: Mapping[str, object]) -> str:
    """SHA-256 (hex) over the hash before and an entry's canonical fields.

    Args:
        previous: 64 hex digits; its fixed length keeps the two parts apart.
        fields: seq, at, actor, kind, subject, detail (as the text stored) and digest.
    """
    sealed = ("seq", "at", "actor", "kind", "subject", "detail", "digest")
    body = canonical({name: fields[name] for name in sealed})
    return hashlib.sha256((previous + body).encode()).hexdigest()


def link_hash(previous: str, fields: Mapping[str, object]) -> str:
    """SHA-256 (hex) over the link before and what the data follows from of an act of `DATA_ACTS`.

    Published data carries this hash: it must not change with the clock, with who was at the keyboard, nor with how
    many queries came between. Times, actors and `seq` are sealed by the hash of the entry.

    Args:
        previous: 64 hex digits.
        fields: number, kind, subject, detail (as the text stored) and digest.
    """
    linked = ("number", "kind", "subject", "detail", "digest")
    body = canonical({name: fields[name] for name in linked})
    return hashlib.sha256((previous + body).encode()).hexdigest()
