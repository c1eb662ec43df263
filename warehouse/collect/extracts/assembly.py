"""What counts of the deliveries of a batch: files that stand for themselves, and the parts of a snapshot together."""

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
    """Deliveries that come into force together: one file, or the parts of a snapshot in the order in which they came.

    `waiting` says (in Chinese) why they are not in force, if parts are missing.
    """

    receipts: tuple[Receipt, ...]
    waiting: str | None = None

    @property
    def parted(self) -> bool:
        """Whether it is made of parts."""
        return len(self.receipts) > 1 or self.waiting is not None


def carried_over(
    home: Home, contract: Contract, batch: date, since: date | None, counted: Collection[str]
) -> list[Receipt]:
    """The parts that came before a batch and wait for others.

    Args:
        home: where the inbox lies.
        contract: the dataset's contract.
        batch: the batch.
        since: the batch of the snapshot in force: what came with it or before waits for nothing any more.
        counted: the deliveries, by their identifiers, that the batch's snapshot was made of before.
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
    """The deliveries as they come into force, the newest last.

    Args:
        contract: the dataset's contract.
        receipts: the deliveries in the order in which they came, those that were carried over first.
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
    """The newest version of each part."""
    assert delivery.parts is not None
    newest: dict[str, Receipt] = {}
    came = []
    for receipt in own:
        part = part_of(delivery.parts, receipt.file)
        if part is not None:
            # Taken out first, so that a part that came again stands where it came.
            newest.pop(part.name, None)
            newest[part.name] = receipt
            came.append(part)
    if not came:
        # The contract has changed since: by its names now, none of these is a part.
        said = "文件名不符合数据标准里的各部分（parts）"
        return Unit(tuple(own), f"《{contract.title}》的各部分还不齐，暂不采用，继续使用先前的数据。{said}。")
    return Unit(tuple(newest.values()), _said(contract, standing(delivery.parts, came)))


def _said(contract: Contract, found: Standing) -> str | None:
    if found.waiting is None:
        return None
    return (
        f"《{contract.title}》的各部分还不齐，暂不采用，继续使用先前的数据。{found.waiting}。请交付其余部分。"
    )
