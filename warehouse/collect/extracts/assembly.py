"""Grouping of a batch's deliveries: a file counts alone, the parts of a snapshot count together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from schemas.contract.model import Contract, Delivery
from warehouse.collect.intake.parts import Standing, part_of, standing
from warehouse.collect.intake.reception import Receipt, batches, is_waiting, receipts
from warehouse.home.folders import Home


@dataclass(frozen=True)
class Unit:
    """Deliveries that come into force together: one file, or the parts of a snapshot in order of arrival.

    `waiting` is the reason (Chinese) why they are not in force, if parts are missing.
    """

    receipts: tuple[Receipt, ...]
    waiting: str | None = None

    @property
    def parted(self) -> bool:
        """Whether the unit consists of parts."""
        return len(self.receipts) > 1 or self.waiting is not None


def carried_over(
    home: Home, contract: Contract, batch: date, since: date | None, counted: Collection[str]
) -> list[Receipt]:
    """List the parts that arrived before a batch and still count for its snapshot.

    Args:
        home: the home whose inbox holds the receipts.
        contract: the dataset's contract.
        batch: the batch.
        since: the batch of the snapshot in force; parts of this batch or of an earlier one are not carried over.
        counted: identifiers of the deliveries that an earlier run of this batch used for its snapshot.
    """
    ways = {delivery.name for delivery in contract.deliveries if delivery.parts is not None}
    return [
        receipt
        for day in (batches(home) if ways else ())
        if day < batch and (since is None or day > since)
        for receipt in receipts(home.inbox, day)
        if receipt.dataset == contract.id
        and receipt.server in ways
        and (is_waiting(receipt) or receipt.extract_id in counted)
    ]


def units_of(contract: Contract, receipts: Sequence[Receipt]) -> list[Unit]:
    """Group deliveries into units, the newest unit last.

    Args:
        contract: the dataset's contract.
        receipts: the deliveries in order of arrival, the carried-over ones first.
    """
    ways = {delivery.name: delivery for delivery in contract.deliveries if delivery.parts is not None}
    units = [Unit((receipt,)) for receipt in receipts if receipt.server not in ways]
    place = {receipt.extract_id: number for number, receipt in enumerate(receipts)}
    for name, delivery in ways.items():
        own = [receipt for receipt in receipts if receipt.server == name]
        if own:
            units.append(_together(contract, delivery, own))
    return sorted(units, key=lambda unit: max(place[receipt.extract_id] for receipt in unit.receipts))


def _together(contract: Contract, delivery: Delivery, own: Sequence[Receipt]) -> Unit:
    """Build the unit from the newest version of each part."""
    assert delivery.parts is not None
    newest: dict[str, Receipt] = {}
    came = []
    for receipt in own:
        part = part_of(delivery.parts, receipt.file)
        if part is not None:
            # Removed first, so that a part that arrives again moves to the end of the order.
            newest.pop(part.name, None)
            newest[part.name] = receipt
            came.append(part)
    if not came:
        # The contract has changed since the delivery: its patterns no longer match any of these names.
        said = "文件名不符合数据标准里的各部分（parts）"
        return Unit(tuple(own), f"《{contract.title}》的各部分还不齐，暂不采用，继续使用先前的数据。{said}。")
    return Unit(tuple(newest.values()), _said(contract, standing(delivery.parts, came)))


def _said(contract: Contract, found: Standing) -> str | None:
    if found.waiting is None:
        return None
    return (
        f"《{contract.title}》的各部分还不齐，暂不采用，继续使用先前的数据。{found.waiting}。请交付其余部分。"
    )
