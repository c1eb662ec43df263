"""Losses of a ledger: entries that are gone, found by gaps inside the ledger and by heads and lines kept outside it.

Reads only. This module checks that no entry is missing, quickly enough for each run. `returns.ledger.audit` checks
that the existing rows and fields are unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import JSON, ColumnElement, Connection, Table, and_, cast, exists, func, select, type_coerce

from returns.ledger.chain import DATA_ACTS, Act
from returns.ledger.heads import KnownHead, LedgerHead, newest_head
from returns.ledger.tables import DELIVERY, ENTRY, LINK, REFUSAL, REPLY
from returns.ledger.witness import Witnessed

Span = tuple[int, int]

ACCEPT = (
    "请从备份恢复台账；确实无法找回时，由负责人确认缺失：zhenjie restore --accept-loss 原因（会记入台账）"
)
CUT = "{}：见证文件缺少曾经写入的行（被截短，或换成了旧的）。请查明原因；台账没有缺失时，下一次 zhenjie run 按台账补齐"
_CHINA = ZoneInfo("Asia/Shanghai")
_SHOWN = 10
# So few lines are looked up one by one.
_FEW = 2


@dataclass(frozen=True)
class Loss:
    """Entries that are gone, or are others than they were.

    Attributes:
        message: what is gone, in Chinese.
        entries: first and last `seq`, if known.
        acts: first and last number in the data's chain, if known.
        heads: heads known outside that the ledger does not have.
        lost: the entries by name, as far as the witness knows them.
    """

    message: str
    entries: Span | None = None
    acts: Span | None = None
    heads: tuple[LedgerHead, ...] = ()
    lost: tuple[Witnessed, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return "；".join([self.message, *map(described, self.lost)])

    @property
    def brief(self) -> str:
        """The same with no more than the first ten entries by name."""
        named = [*map(described, self.lost[:_SHOWN])]
        rest = len(self.lost) - _SHOWN
        return "；".join([self.message, *named, *([f"等共 {len(self.lost)} 条"] if rest > 0 else [])])


@dataclass(frozen=True)
class Accepted:
    """Losses that were accepted before: heads that need not fit, entries and deliveries that stay away."""

    heads: frozenset[str]
    gone: frozenset[int]
    deliveries: frozenset[str]


@dataclass(frozen=True)
class Gone:
    """Files whose loss is accepted: numbers of deliveries, and other places below the home."""

    deliveries: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


def described(entry: Witnessed) -> str:
    """An entry that is gone, for people."""
    try:
        kind = Act(entry.kind).title_zh
    except ValueError:
        kind = entry.kind
    at = datetime.fromisoformat(entry.at).astimezone(_CHINA)
    return f"第 {entry.seq} 条：{kind}，{entry.subject}，{at:%Y-%m-%d %H:%M:%S}"


def accepted_losses(connection: Connection) -> Accepted:
    """What entries of the kind `loss` say."""
    found = connection.execute(select(ENTRY.c.seq, ENTRY.c.detail).where(ENTRY.c.kind == Act.LOSS.value))
    heads: set[str] = set()
    gone: set[int] = set()
    deliveries: set[str] = set()
    for seq, text in found:
        detail = json.loads(text)
        heads |= set(detail["heads"])
        deliveries |= set(detail["deliveries"])
        # At the end, numbers that were lost are given again.
        gone |= {number for a, b in detail["entries"] for number in range(a, b + 1) if number < seq}
    return Accepted(frozenset(heads), frozenset(gone), frozenset(deliveries))


def losses(
    connection: Connection, witness: Sequence[Witnessed], known: Sequence[KnownHead]
) -> Iterator[Loss]:
    """Everything that the ledger lacks.

    Args:
        connection: in a transaction begun after `witness` and `known` were read.
        witness: the lines of the witness: all of them, or the last one.
        known: heads that things outside the ledger carry.
    """
    accepted = accepted_losses(connection)
    lines = {line.seq: line for line in witness}
    yield from _behind_witness(connection, witness)
    yield from _gaps(connection, accepted, lines)
    yield from _unlinked(connection, accepted)
    yield from _fewer_rows(connection, accepted, lines)
    yield from _behind_heads(connection, accepted, known)


def distinct(found: Iterable[Loss]) -> list[Loss]:
    """Losses without those whose entries another one names already."""
    kept: list[Loss] = []
    for loss in found:
        spans = [other.entries for other in kept if other.entries]
        if not loss.entries or not any(a <= loss.entries[0] and loss.entries[1] <= b for a, b in spans):
            kept.append(loss)
    return kept


def fits(connection: Connection, last: Witnessed | None) -> bool:
    """Whether the ledger has the entry that the witness knows last, and so all before it, as they were."""
    if last is None:
        return True
    return connection.scalar(select(ENTRY.c.hash).where(ENTRY.c.seq == last.seq)) == last.hash


def _gaps(connection: Connection, accepted: Accepted, lines: dict[int, Witnessed]) -> Iterator[Loss]:
    before = select(
        ENTRY.c.seq, func.lag(ENTRY.c.seq, 1, 0).over(order_by=ENTRY.c.seq).label("last")
    ).subquery()
    found = connection.execute(
        select(before.c.last, before.c.seq).where(before.c.seq != before.c.last + 1).order_by(before.c.seq)
    )
    for last, seq in found:
        # More than were ever accepted: no need to look at each of them.
        few = seq - last - 1 <= len(accepted.gone)
        gone = [n for n in range(last + 1, seq) if n not in accepted.gone] if few else [last + 1, seq - 1]
        if gone:
            yield _entries_gone((gone[0], gone[-1]), "台账中间缺少", lines)


def _unlinked(connection: Connection, accepted: Accepted) -> Iterator[Loss]:
    """Links whose entry is gone, and entries whose link is gone."""
    without_entry = select(LINK.c.entry_seq).where(~exists().where(ENTRY.c.seq == LINK.c.entry_seq))
    newest = connection.scalar(select(func.max(ENTRY.c.seq))) or 0
    ended = [
        seq
        for seq in connection.scalars(without_entry.order_by(LINK.c.entry_seq))
        if seq > newest and seq not in accepted.gone
    ]
    if ended:
        yield _entries_gone((newest + 1, ended[-1]), "台账末尾缺少", {})
    kinds = sorted(act.value for act in DATA_ACTS)
    without_link = select(ENTRY.c.seq).where(
        ENTRY.c.kind.in_(kinds), ~exists().where(LINK.c.entry_seq == ENTRY.c.seq)
    )
    for seq in connection.scalars(without_link.order_by(ENTRY.c.seq)):
        if seq not in accepted.gone:
            yield Loss(f"台账第 {seq} 条在交付与答复的链上没有位置", entries=(seq, seq))


def _fewer_rows(connection: Connection, accepted: Accepted, lines: dict[int, Witnessed]) -> Iterator[Loss]:
    """Answered workbooks with another number of answers than was entered, and deliveries without their row."""
    wanted: list[tuple[Table, Act, ColumnElement[int]]] = [
        (REPLY, Act.REPLY, _counted(connection, "accepted")),
        (REFUSAL, Act.REPLY, _counted(connection, "refused")),
        (DELIVERY, Act.DELIVERY, _counted(connection, "entered")),
    ]
    for table, act, told in wanted:
        counted = select(table.c.entry_seq, func.count().label("rows")).group_by(table.c.entry_seq).subquery()
        there = func.coalesce(counted.c.rows, 0)
        found = connection.execute(
            select(ENTRY.c.seq, told, there)
            .outerjoin_from(ENTRY, counted, counted.c.entry_seq == ENTRY.c.seq)
            .where(and_(ENTRY.c.kind == act.value, there < told))
            .order_by(ENTRY.c.seq)
        )
        for seq, were, are in found:
            if seq not in accepted.gone:
                named = (lines[seq],) if seq in lines else ()
                message = f"台账第 {seq} 条登记了 {were} 行（{table.name}），现有 {are} 行"
                yield Loss(message, entries=(seq, seq), lost=named)


def _counted(connection: Connection, member: str) -> ColumnElement[int]:
    # To SQLite JSON is text, and a cast would make a number of it.
    detail = (
        type_coerce(ENTRY.c.detail, JSON)
        if connection.dialect.name == "sqlite"
        else cast(ENTRY.c.detail, JSON)
    )
    return func.coalesce(detail[member].as_integer(), 0)


def _behind_witness(connection: Connection, witness: Sequence[Witnessed]) -> Iterator[Loss]:
    query = select(ENTRY.c.seq, ENTRY.c.hash)
    if len(witness) <= _FEW:
        query = query.where(ENTRY.c.seq.in_([line.seq for line in witness]))
    hashes = dict(connection.execute(query).all())
    gone = [line for line in witness if hashes.get(line.seq) != line.hash]
    newest = connection.scalar(select(func.max(ENTRY.c.seq))) or 0
    for run in _runs(gone, hashes):
        first, last = run[0].seq, run[-1].seq
        if first > newest:
            # Entries that the witness does not name are gone from the end, too, where it was cut short.
            first = max([newest, *(line.seq for line in witness if line.seq < first)]) + 1
        if first in hashes:
            state = "台账与见证文件不符（换成了旧的或另一份台账，或被改写），不符的是"
        elif not newest:
            state = "台账是空的，缺少"
        else:
            state = "台账末尾缺少" if first > newest else "台账中间缺少"
        acts = [line.number for line in run if line.number is not None]
        yield Loss(
            f"{state}{_span((first, last))}",
            entries=(first, last),
            acts=(min(acts), max(acts)) if acts else None,
            heads=tuple(LedgerHead(line.number, line.link) for line in run if line.number and line.link),
            lost=tuple(run),
        )


def _runs(gone: Sequence[Witnessed], there: Collection[int]) -> Iterator[list[Witnessed]]:
    """Entries that follow each other and are all missing, or all others than they were."""
    run: list[Witnessed] = []
    for line in gone:
        if run and (line.seq != run[-1].seq + 1 or (line.seq in there) != (run[-1].seq in there)):
            yield run
            run = []
        run.append(line)
    if run:
        yield run


def _behind_heads(connection: Connection, accepted: Accepted, known: Sequence[KnownHead]) -> Iterator[Loss]:
    numbers = {outside.head.number for outside in known}
    links = dict(
        connection.execute(select(LINK.c.number, LINK.c.hash).where(LINK.c.number.in_(numbers))).all()
    )
    bad = [
        outside
        for outside in known
        if outside.head.number
        and links.get(outside.head.number) != outside.head.hash
        and str(outside.head) not in accepted.heads
    ]
    if not bad:
        return
    newest = newest_head(connection).number
    last = max(outside.head.number for outside in bad)
    lowest = min(outside.head.number for outside in bad)
    good = max((n for n in numbers if n < lowest and n in links), default=0)
    places = "、".join(dict.fromkeys(outside.place for outside in bad))
    first = (newest if newest < lowest else good) + 1
    gone = _span((first, last))
    if newest < lowest:
        message = f"台账缺少交付与答复的{gone}，{places}中还记着第 {last} 条的校验值"
    else:
        message = f"台账与{places}中的链头不符：交付与答复的{gone}缺失或被改写"
    yield Loss(message, acts=(first, last), heads=tuple(dict.fromkeys(outside.head for outside in bad)))


def _entries_gone(span: Span, state: str, lines: dict[int, Witnessed]) -> Loss:
    named = tuple(line for seq, line in lines.items() if span[0] <= seq <= span[1])
    return Loss(f"{state}{_span(span)}", entries=span, lost=named)


def _span(span: Span) -> str:
    first, last = span
    return f"第 {first} 条" if first == last else f"第 {first} 至 {last} 条"


def lines_of(connection: Connection, after: int) -> list[Witnessed]:
    """The entries after a number, as the witness keeps them."""
    columns = (ENTRY.c.seq, ENTRY.c.at, ENTRY.c.kind, ENTRY.c.subject, ENTRY.c.hash, LINK.c.number)
    found = connection.execute(
        select(*columns, LINK.c.hash.label("link"))
        .outerjoin_from(ENTRY, LINK, LINK.c.entry_seq == ENTRY.c.seq)
        .where(ENTRY.c.seq > after)
        .order_by(ENTRY.c.seq)
    )
    return [Witnessed(**row._asdict()) for row in found]
