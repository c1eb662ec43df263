"""Deliveries and the ledger: each file that was taken in is entered, and what was entered must lie in its place.

A delivery is kept first and entered after: should the process die in between, the next turn enters it. How a file is
recognised and kept is `warehouse.collect.intake.reception`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from returns.ledger.entering import EnteredDelivery
from returns.ledger.store import Ledger
from warehouse.collect.intake import reception
from warehouse.home.folders import Home
from warehouse.home.integrity import NOT_OURS, Damage

UNKNOWN = "unknown"
"""Who took a delivery in that was entered by a later turn."""

RECEIVED, SET_ASIDE, CONFIRMED = "received", "set_aside", "confirmed"

_CHINA = ZoneInfo("Asia/Shanghai")


def enter_deliveries(ledger: Ledger, home: Home, batches: Iterable[date], actor: str = UNKNOWN) -> int:
    """Enter the deliveries of some batches that the ledger does not have yet, in the order in which they came.

    Args:
        ledger: where they are entered.
        home: where inbox and aside lie.
        batches: the batches that are looked through.
        actor: account of the person who took them in.

    Returns:
        How many acts were entered: deliveries taken in, set aside, and confirmed.
    """
    known = set(ledger.deliveries().select("extract_id", "status").iter_rows())
    new = [
        delivered
        for batch in sorted(batches)
        for delivered in _delivered(home, batch, known, actor)
        if (delivered.extract_id, delivered.status) not in known
    ]
    return ledger.enter_deliveries(new)


def delivered_batches(home: Home, until: date) -> list[date]:
    """The batches up to a day for which anything was taken in or set aside, oldest first."""
    found = set()
    for place in (home.inbox, home.aside):
        for folder in place.glob("????-??-??"):
            try:
                found.add(date.fromisoformat(folder.name))
            except ValueError:
                continue
    return sorted(day for day in found if day <= until)


def missing_deliveries(ledger: Ledger, home: Home, aside_since: date | None) -> Iterator[Damage]:
    """What was entered as delivered and does not lie in its place.

    Args:
        ledger: knows what was delivered.
        home: where it must lie.
        aside_since: files that were set aside for an earlier batch may have been moved away.
    """
    lost = ledger.lost_deliveries()
    for row in ledger.deliveries().iter_rows(named=True):
        batch, status = date.fromisoformat(row["batch"]), row["status"]
        if row["extract_id"] in lost or (status == SET_ASIDE and aside_since and batch < aside_since):
            continue
        place = home.aside if status == SET_ASIDE else home.inbox
        name = reception.CONFIRMATION if status == CONFIRMED else reception.RECEIPT
        path = place / row["batch"] / row["extract_id"] / name
        if path.exists():
            continue
        of = f"《{row['dataset']}》的" if row["dataset"] else ""
        kind = {RECEIVED: "交付", SET_ASIDE: "未能采用的文件", CONFIRMED: "交付确认"}[status]
        yield Damage(path, batch, f"台账登记过的{of}{kind}缺失", NOT_OURS.format(batch))


def replaced_deliveries(ledger: Ledger, home: Home, batch: date | None = None) -> Iterator[Damage]:
    """Receipts that are not those of the deliveries that were entered under their numbers.

    A file that was replaced together with its receipt fits the receipt, but not the ledger.

    Args:
        ledger: knows batch, dataset and checksum of each delivery.
        home: where the receipts lie.
        batch: look at the receipts of this batch only.
    """
    lost = ledger.lost_deliveries()
    for row in ledger.deliveries().iter_rows(named=True):
        if row["status"] == CONFIRMED or row["extract_id"] in lost:
            continue
        if batch is not None and row["batch"] != batch.isoformat():
            continue
        place = home.aside if row["status"] == SET_ASIDE else home.inbox
        path = place / row["batch"] / row["extract_id"] / reception.RECEIPT
        try:
            receipt = reception.read_receipt(path)
        except (OSError, ValueError, KeyError, TypeError):
            continue  # named as gone or damaged
        found = (receipt.batch.isoformat(), receipt.dataset, receipt.sha256)
        if found != (row["batch"], row["dataset"], row["file_sha256"]):
            day = date.fromisoformat(row["batch"])
            yield Damage(path, day, "回执与台账登记的交付不符，被替换或改动", NOT_OURS.format(day))


def _delivered(home: Home, batch: date, known: set[tuple[str, str]], actor: str) -> Iterator[EnteredDelivery]:
    """The deliveries of a batch; receipts of those that are known already are not read."""
    received = _receipts(home.inbox / batch.isoformat(), {id_ for id_, status in known if status == RECEIVED})
    aside = _receipts(home.aside / batch.isoformat(), {id_ for id_, status in known if status == SET_ASIDE})
    for receipt in received:
        yield _as_entered(receipt, RECEIVED, actor, receipt.received_at)
    for receipt in aside:
        yield _as_entered(receipt, SET_ASIDE, actor, receipt.received_at)
    confirmed = {id_ for id_, status in known if status == CONFIRMED}
    for path in sorted((home.inbox / batch.isoformat()).glob(f"[!.]*/{reception.CONFIRMATION}")):
        if path.parent.name not in confirmed:
            at = json.loads(path.read_text(encoding="utf-8"))["confirmed_at"]
            yield _as_entered(reception.read_receipt(path.with_name(reception.RECEIPT)), CONFIRMED, actor, at)


def _receipts(folder: Path, known: set[str]) -> list[reception.Receipt]:
    """Receipts in the order in which the files came; one that is damaged is named by the doctor."""
    found = []
    for path in sorted(folder.glob(f"[!.]*/{reception.RECEIPT}")):
        if path.parent.name in known:
            continue
        try:
            found.append(reception.read_receipt(path))
        except (ValueError, KeyError, TypeError):
            continue
    return sorted(found, key=lambda receipt: (receipt.number, receipt.received_at, receipt.extract_id))


def _as_entered(receipt: reception.Receipt, status: str, actor: str, at: str) -> EnteredDelivery:
    moment = datetime.fromisoformat(at)
    return EnteredDelivery(
        extract_id=receipt.extract_id,
        status=status,
        batch=receipt.batch.isoformat(),
        dataset=receipt.dataset,
        file=receipt.file,
        file_sha256=receipt.sha256,
        actor=actor,
        # A batch is a day of China: a receipt without a zone was written there.
        at=moment if moment.tzinfo else moment.replace(tzinfo=_CHINA),
    )
