"""Deliveries that are held after they were read, because one rule flags too many of their rows.

Such a delivery is taken out of force: its receipt says why, its tables of the batch are withdrawn, and the delivery
before is in force again. Which rules flag too many rows is found by `quality.findings.flagged`.
"""

from __future__ import annotations

from schemas.contract.model import Contract
from warehouse.collect.intake.reception import Receipt, confirmation_of, hold_of
from warehouse.home.folders import Home
from warehouse.home.register import withdraw_note
from warehouse.lake.layers import Layer
from warehouse.lake.partition import Partition
from warehouse.lake.store import Lake

# The extract goes last: while it is there, a run that died is known not to have come to its end.
_FOLLOWING = (Layer.FINDING, Layer.STANDARD, Layer.PLACE, Layer.EXTRACT)


def is_held_by_rules(receipt: Receipt, contract: Contract) -> bool:
    """Whether a rule of the contract as it is flags too many rows of a delivery, and nobody has confirmed it."""
    hold = hold_of(receipt)
    return hold is not None and hold.get("contract") == contract.digest and confirmation_of(receipt) is None


def withdraw(home: Home, lake: Lake, extract: Partition) -> None:
    """Take an extract out of force, with what was made of it in its batch."""
    for layer in _FOLLOWING:
        partition = lake.partition(layer, extract.table, extract.batch)
        if partition is not None:
            withdraw_note(home, partition.folder)
            lake.remove(partition)
